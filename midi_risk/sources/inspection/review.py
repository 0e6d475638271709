"""The page on which people decide: one row for each distinct token, written as decisions.csv.

Page and decisions hold tokens: they stay in the folder of results, readable by their owner.
"""

from __future__ import annotations

import base64
import html
import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from midi_risk.errors import SourceError
from midi_risk.sources.inspection.burned_in import FOLDER, TABLES
from midi_risk.sources.inspection.run import read_decisions
from midi_risk.sources.inspection.store import InspectStore
from midi_risk.sources.inspection.strings import MARKER
from midi_risk.sources.inspection.summary import DECISIONS

PAGE = "review.html"

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Review of candidates</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline';
style-src 'unsafe-inline'; img-src data:">
<style>body{font:16px sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse}
th,td{border-bottom:1px solid #767676;padding:.3em .6em;text-align:left}caption{text-align:left}
button{font:inherit}img{max-width:20em;max-height:4em}</style></head><body><main>
<h1>Review of candidates</h1>
<p>Each row is one distinct token, whatever number of files hold it. Decide whether it can
identify somebody. The file that is saved holds codes of tokens and decisions, no tokens. Put it
into the folder of results as decisions.csv, or name it with <code>--decisions</code>. This page
holds values found in the files: it must not leave.</p>
<p><button type="button" id="save">Save decisions.csv</button> <span id="left" role="status"></span>
</p><table><caption>Candidates</caption><thead><tr>
<th scope="col">Token</th><th scope="col">Picture</th><th scope="col">Kind</th>
<th scope="col">Channel, place</th><th scope="col">Files</th><th scope="col">Decision</th></tr>
</thead><tbody>
"""
_TAIL = """</tbody></table></main><script>
const rows=[...document.querySelectorAll("select")];
function left(){document.getElementById("left").textContent=
rows.filter(r=>r.value=="undecided").length+" of "+rows.length+" undecided"}
rows.forEach(r=>r.addEventListener("change",left));left();
document.getElementById("save").addEventListener("click",()=>{
let text="token_hash,kind,decision\\n";
rows.forEach(r=>{text+=r.dataset.hash+","+r.dataset.kind+","+r.value+"\\n"});
const a=document.createElement("a");
a.href=URL.createObjectURL(new Blob([text],{type:"text/csv"}));
a.download="decisions.csv";a.click()});
</script></body></html>
"""


def write_page(folder: Path) -> tuple[Path, int]:
    """Write the page of all candidates, undecided first.

    Parameters
    ----------
    folder : pathlib.Path
        Of results.

    Returns
    -------
    tuple of (Path, int)
        The page and the number of tokens.

    Raises
    ------
    SourceError
        When no run ended there.
    """
    store = InspectStore(folder)
    beside = InspectStore(folder / FOLDER, "", TABLES)
    if store.finished() is None and beside.finished() is None:
        raise SourceError(
            f"nothing was inspected in '{folder}'", hint="Run 'midi-risk inspect PROJECT' first"
        )
    decided = read_decisions(folder / DECISIONS)
    units: dict[tuple[str, str], int] = defaultdict(int)
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    tokens: dict[tuple[str, str], str] = {}
    crops = {(row["token_hash"], row["kind"]): row["picture"] for row in beside.table("crops")}
    for row in [*store.table("findings"), *beside.table("findings")]:
        key = row["token_hash"], row["kind"]
        units[key] += row["units"]
        places[key].add(f"{row['channel']}: {row['place']}".strip(": "))
        tokens[key] = row["token"]
    order = sorted(
        tokens,
        key=lambda key: (key in decided or key[1] == MARKER, key[1], -units[key], tokens[key]),
    )
    lines = [
        _row(key, tokens[key], sorted(places[key]), units[key], _decision(key, decided),
             crops.get(key, b""))
        for key in order
    ]  # fmt: skip
    page = folder / PAGE
    _write(page, _HEAD + "".join(lines) + _TAIL)
    return page, len(order)


def _decision(key: tuple[str, str], decided: Mapping[tuple[str, str], str]) -> str:
    return decided.get(key, "harmless" if key[1] == MARKER else "undecided")


def _row(
    key: tuple[str, str], token: str, places: list[str], units: int, decision: str, crop: bytes
) -> str:
    shown = html.escape(token)
    where = html.escape(", ".join(places[:4]) + (" ..." if len(places) > 4 else ""))
    options = "".join(
        f"<option{' selected' if name == decision else ''}>{name}</option>"
        for name in ("undecided", "harmless", "identifier")
    )
    return (
        f"<tr><td>{shown}</td><td>{_picture(crop)}</td><td>{html.escape(key[1])}</td><td>{where}</td><td>{units:,}</td><td>"
        f'<select aria-label="Decision on {shown}" data-hash="{key[0]}"'
        f' data-kind="{html.escape(key[1])}">{options}</select></td></tr>\n'
    )


def _picture(crop: bytes) -> str:
    """Return a crop as an element; what stands in it is the token beside it."""
    if not crop:
        return ""
    return f'<img alt="as it stands in the pixels" src="data:image/png;base64,{_base64(crop)}">'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def take_decisions(folder: Path, given: Path) -> int:
    """Take decisions that the page wrote; those of unknown tokens are refused.

    Parameters
    ----------
    folder, given : pathlib.Path
        Results, and the file with decisions.

    Returns
    -------
    int
        Number of decisions taken.

    Raises
    ------
    SourceError
        When the file holds no decision, or one about no token that was found.
    """
    decided = read_decisions(given)
    if not decided:
        raise SourceError(
            f"the file '{given}' holds no decision",
            hint="Give the CSV file that the page saves: token_hash, kind, decision",
        )
    known = {
        (row["token_hash"], row["kind"])
        for store in (InspectStore(folder), InspectStore(folder / FOLDER, "", TABLES))
        for row in store.table("findings")
    }
    foreign = len(decided.keys() - known)
    if foreign:
        raise SourceError(
            f"{foreign:,} decisions in '{given}' are about nothing that was found here",
            hint="Write the page anew with 'midi-risk inspect review'",
        )
    merged = read_decisions(folder / DECISIONS) | decided
    lines = [f"{code},{kind},{decision}" for (code, kind), decision in sorted(merged.items())]
    _write(folder / DECISIONS, "\n".join(["token_hash,kind,decision", *lines]) + "\n")
    return len(decided)


def _write(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
    aside.replace(path)

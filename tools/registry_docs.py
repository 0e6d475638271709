"""Write the tables of the documentation that say what a registry holds, or check them.

Run ``python tools/registry_docs.py`` to write, ``python tools/registry_docs.py --check`` in CI.
A page keeps such a table between ``<!-- table: NAME -->`` and ``<!-- end of table -->``;
what stands around it is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from repository import ROOT

from midi_risk.risk.channels.rates import RATES
from midi_risk.risk.measures.registry import MEASURES, cited
from midi_risk.sources.tables.formats import FORMATS
from midi_risk.threat.channels import CHANNELS

BLOCK = re.compile(r"(<!-- table: ([^>]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [
        "|" + "".join(f" {cell.replace('|', '&#124;')} |" for cell in line) + "\n"
        for line in (heads, *rows)
    ]
    lines = [line.replace("|  |", "| |").replace("|  |", "| |") for line in lines]
    return "".join([lines[0], f"|{'---|' * len(heads)}\n", *lines[1:]])


def channels() -> str:
    """Return the table of channels."""
    return table(
        ["channel", "what it is", "where", "answers"],
        [
            (
                f"`{channel.name}`",
                f"{channel.title}. {channel.meaning}",
                "images" if channel.needs_images else "any source",
                channel.answers,
            )
            for channel in CHANNELS.values()
        ],
    )


def matchers() -> str:
    """Return the table of rates at which faces are matched to photographs."""
    rows = []
    for rate in RATES.values():
        if rate.kind == "face":
            tried = f" ({rate.trials:,} tried)" if rate.trials else ""
            share = f"{rate.rate:.0%} of {rate.gallery:,}{tried}"
            rows.append((f"`{rate.name}`", rate.images, share, rate.source, rate.checked))
    return table(["matcher", "images", "rank-1, in a gallery of", "source", "opened"], rows)


def rates() -> str:
    """Return the table of rates at which an image is matched to another one of the same person."""
    rows = []
    for rate in RATES.values():
        if rate.kind == "image":
            share = "no number, taken as 100%" if rate.rate == 1 else f"{rate.rate:.1%}"
            among = f" of {rate.gallery:,}" if rate.gallery else ", gallery not known"
            parts = ", ".join(part.lower() for part in rate.parts) or "any part"
            where = f"{', '.join(rate.modalities)}: {parts}"
            rows.append(
                (f"`{rate.name}`", where, rate.images, share + among, rate.source, rate.checked)
            )
    return table(["rate", "used for", "images", "rate, in a gallery of", "source", "opened"], rows)


def measures(group: str) -> str:
    """Return the table of one group of measures."""
    rows = []
    for key, measure in MEASURES.items():
        if measure.group != group:
            continue
        names = [key, *measure.functions]
        rows.append(
            (
                measure.title,
                ", ".join(f"`{name}`" for name in names),
                measure.formula or "see the source",
                measure.unit,
                measure.leaves,
                cited(*measure.sources) or "derived",
                measure.peers,
            )
        )
    heads = ["measure", "name, function", "formula", "unit", "may leave as", "source"]
    return table([*heads, "peers and divergences"], rows)


def formats() -> str:
    """Return the table of table formats."""
    rows = []
    for kind in FORMATS:
        endings = [f"`{suffix}`" for suffix in kind.suffixes]
        endings += [f"`{scheme}://`" for scheme in kind.schemes]
        notes = [
            "also with `.gz`" if kind.gzipped else "",
            "leads as metadata of images" if kind.leads else "",
            "a folder of them is one table" if kind.parts else "",
        ]
        extra = f"extra `{kind.extra}`" if kind.extra else ""
        rows.append((kind.name, ", ".join(endings), extra, "; ".join(filter(None, notes))))
    return table(["format", "ending or beginning", "needs", "notes"], rows)


GROUPS = {measure.group: None for measure in MEASURES.values()}
TABLES: dict[str, Callable[[], str]] = {
    "channels": channels,
    "matchers": matchers,
    "rates": rates,
    "table formats": formats,
    **{f"measures: {group}": partial(measures, group) for group in GROUPS},
}
"""Name of a table in a page -> what writes it."""


def filled(text: str) -> str:
    """Return a page with every table as it should be."""
    return BLOCK.sub(lambda hit: f"{hit[1]}{TABLES[hit[2]]()}{hit[3]}", text)


def pages() -> list[Path]:
    """Return the pages that hold such a table."""
    found = sorted((ROOT / "docs").glob("*.md"))
    return [page for page in found if BLOCK.search(page.read_text(encoding="utf-8"))]


def stale() -> list[str]:
    """Return the names of pages that are not what the registries say, and tables in no page."""
    texts = {page: page.read_text(encoding="utf-8") for page in pages()}
    placed = {name for text in texts.values() for _, name, _ in BLOCK.findall(text)}
    old = [
        page.relative_to(ROOT).as_posix() for page, text in texts.items() if filled(text) != text
    ]
    return [*old, *(f"table {name}: in no page" for name in TABLES if name not in placed)]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        found = stale()
        print(f"stale: {', '.join(found)}: run tools/registry_docs.py" if found else "current")
        sys.exit(1 if found else 0)
    for page in pages():
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")

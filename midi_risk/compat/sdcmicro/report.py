"""`report`: what was done to a table and what risk is left, as one HTML file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.compat.sdcmicro.continuous import UtilityMethod, dRisk, dUtility
from midi_risk.compat.sdcmicro.inputs import level_text
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.risk_methods import Suda2, kAnon_violations
from midi_risk.document.files import write_private
from midi_risk.errors import MeasureError, OutputError

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}table{border-collapse:collapse;margin:.5rem 0 1.5rem}"
    "th,td{border-bottom:1px solid #bbb;padding:.25rem .75rem;text-align:left}"
    "td+td{text-align:right;font-variant-numeric:tabular-nums}"
    "pre{background:#f2f2f2;padding:1rem;overflow:auto}"
)
_LEVELS_SHOWN = 60
_RISK_EDGES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)


def report(
    obj: SdcObj,
    outdir: str | Path = ".",
    filename: str = "SDC-Report",
    title: str = "SDC-Report",
    internal: bool = False,
    verbose: bool = False,
) -> Path:
    """Write a report on an object.

    Parameters
    ----------
    obj : SdcObj
    outdir : path
        Folder; made when it does not exist.
    filename : str
        Name of the file, without ``.html``.
    title : str
    internal : bool
        False names the variables and says what kinds of changes were made, and nothing else: it
        can be released. True adds risks, frequencies of the keys (values of the data) and the
        steps.
    verbose : bool
        Accepted as in R; nothing is printed.

    Returns
    -------
    pathlib.Path
        The file, readable by its owner only.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    del verbose
    body = [*_head(obj), *(_internal(obj) if internal else [])]
    kind = "internal: do not release" if internal else "external"
    text = (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main>\n"
        f"<h1>{escape(title)}</h1><p>{kind}</p>\n" + "\n".join(body) + "\n</main></body></html>\n"
    )
    name = f"{filename}.html"
    if Path(name).name != name:
        raise OutputError("the file name of a report holds no folder", hint="Give it in outdir")
    folder = Path(outdir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"the folder '{outdir}' cannot be made: {reason}") from None
    return write_private(folder / name, text)


def _changed(obj: SdcObj, names: Sequence[Any]) -> bool:
    return any(not obj.current[name].equals(obj.original[name]) for name in names)


def _head(obj: SdcObj) -> list[str]:
    """Return what may leave the house: variables and kinds of changes."""
    suppressed = sum(obj.localSuppression.values())
    rows: list[tuple[str, Any]] = [
        ("records", len(obj.current)),
        ("categorical key variables", _joined(obj.keyVars)),
        ("numeric variables", _joined(obj.numVars)),
        ("variables randomised", _joined(obj.pramVars)),
        ("weight", "yes" if obj.weightVar is not None else "no"),
        ("modifications of categorical key variables", _yes(_changed(obj, obj.keyVars))),
        ("modifications of numeric variables", _yes(_changed(obj, obj.numVars))),
        ("modifications by PRAM", _yes(_changed(obj, obj.pramVars))),
        ("local suppression", _yes(suppressed > 0)),
        ("written", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    note = (
        "Risk is a model of what an attacker knows. A table that was changed is not thereby"
        " anonymous; whoever releases it decides."
    )
    return [_table(("", ""), rows), f"<p>{note}</p>"]


def _internal(obj: SdcObj) -> Iterable[str]:
    first = obj.origin
    yield "<h2>Frequencies</h2>"
    yield (
        "<p>A record violates k-anonymity when fewer than k records could share its keys; a"
        f" missing key counts as a match with alpha = {obj.alpha:g}.</p>"
    )
    n = len(obj.current)
    yield _table(
        ("violating", "now", "in original data"),
        [
            (f"{k}-anonymity", *(_share(kAnon_violations(one, k=k), n) for one in (obj, first)))
            for k in (2, 3, 5)
        ],
    )
    yield "<h2>Risk</h2>"
    yield _table(("", "now", "in original data"), _risk_rows(obj, first))
    risks = [one.risk["individual"]["risk"].to_numpy() for one in (obj, first)]
    yield _table(
        ("individual risk", "now", "in original data"),
        [
            (f"above {low:g} to {high:g}", *(int(((r > low) & (r <= high)).sum()) for r in risks))
            for low, high in pairwise(_RISK_EDGES)
        ],
    )
    yield from _suppressions(obj)
    yield from _numeric(obj)
    yield from _further(obj)
    for key in obj.keyVars:
        yield f"<h3>{escape(str(key))}</h3>" + _level_table(obj, key)
    yield "<h2>Steps</h2>"
    yield f"<pre>{escape(obj.script())}</pre>"


def _risk_rows(obj: SdcObj, first: SdcObj) -> list[tuple[Any, ...]]:
    both = [one.risk["global"] for one in (obj, first)]

    def expected(slot: str, share: str) -> list[str]:
        return [f"{found[slot]:.2f} ({found[share]:.2f} %)" for found in both]

    rows: list[tuple[Any, ...]] = [
        ("expected number of re-identifications", *expected("risk_ER", "risk_pct")),
        ("largest individual risk", *(_largest(one) for one in (obj, first))),
        (
            "records above median + 3 MAD and 0.1",
            *(one.measured.higher_risk() for one in (obj, first)),
        ),
        (
            f"threshold for a global risk of {obj.max_global_risk:g}",
            *(_threshold(found) for found in both),
        ),
    ]
    if "hier_risk_ER" in both[0]:
        rows.insert(1, ("... with households", *expected("hier_risk_ER", "hier_risk_pct")))
    return rows


def _threshold(found: Any) -> str:
    status = found["threshold_status"]
    return f"{found['threshold']:.4g}" if status == "found" else str(status)


def _largest(obj: SdcObj) -> str:
    return f"{obj.risk['individual']['risk'].max():.4f}"


def _suppressions(obj: SdcObj) -> Iterable[str]:
    total = sum(obj.localSuppression.values())
    cells = len(obj.current) * len(obj.keyVars)
    yield "<h2>Suppressed keys</h2>"
    rows = [(key, _share(lost, len(obj.current))) for key, lost in obj.localSuppression.items()]
    yield _table(("key", "suppressed"), [*rows, ("all", _share(total, cells))])


def _numeric(obj: SdcObj) -> Iterable[str]:
    if not obj.numVars:
        return
    names = list(obj.numVars)
    before, after = obj.original[names], obj.current[names]
    rows: list[tuple[Any, Any]] = [
        ("disclosure risk between 0 and", f"{100 * _value(dRisk(before, after)):.2f} %")
    ]
    methods: tuple[UtilityMethod, ...] = ("IL1s", "eigen")
    for method in methods:
        try:
            shown = f"{_value(dUtility(before, after, method=method)):.4g}"
        except MeasureError as error:
            shown = error.message
        rows.append((f"information loss {method}", shown))
    yield "<h2>Numeric variables</h2>" + _table(("", ""), rows)


def _value(found: Any) -> float:
    return float(found)


def _further(obj: SdcObj) -> Iterable[str]:
    """Measures that were asked for, without any value of the data."""
    if "ldiversity" in obj.extras:
        table = obj.risk["ldiversity"]
        rows = [(name, f"{float(np.nanmin(table[name])):.4g}") for name in table.columns]
        yield "<h2>l-diversity, least diverse group</h2>" + _table(("measure", "least"), rows)
    if "suda2" in obj.extras:
        found: Suda2 = obj.risk["suda2"]
        parts = found.attribute_contributions
        rows = [
            (name, f"{share:.1f} %")
            for name, share in zip(parts["variable"], parts["contribution"], strict=True)
        ]
        yield "<h2>Special uniques, share of the score</h2>" + _table(("variable", "share"), rows)
    if "model" in obj.extras:
        model = obj.risk["model"]
        rows = [("gr1", f"{model.gr1perc:.4g} %"), ("gr2", f"{model.gr2perc:.4g} %")]
        yield "<h2>Log-linear model</h2>" + _table(("", "global risk"), rows)


def _level_table(obj: SdcObj, key: Any) -> str:
    counts = [
        frame[key].value_counts(dropna=False, sort=False) for frame in (obj.original, obj.current)
    ]
    texts: list[dict[str, int]] = []
    for held in counts:
        named: dict[str, int] = {}
        for value, number in zip(held.index.tolist(), held.tolist(), strict=True):
            missing = value is None or value != value or str(value) == "<NA>"  # noqa: PLR0124
            text = "missing" if missing else level_text(value)
            named[text] = named.get(text, 0) + int(number)
        texts.append({name: number for name, number in named.items() if number})
    names = list(dict.fromkeys([*texts[0], *texts[1]]))
    rows: list[tuple[Any, ...]] = [
        (name, texts[1].get(name, 0), texts[0].get(name, 0))
        for name in sorted(names)[:_LEVELS_SHOWN]
    ]
    if len(names) > _LEVELS_SHOWN:
        rows.append((f"and {len(names) - _LEVELS_SHOWN} more levels", "", ""))
    return _table(("level", "now", "in original data"), rows)


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.2f} %)"


def _yes(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _joined(names: Sequence[Any]) -> str:
    return ", ".join(str(name) for name in names) or "none"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head) if any(head) else ""
    lines = [
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    ]
    return "<table>" + (f"<tr>{top}</tr>" if top else "") + "\n".join(lines) + "</table>"

"""How the templates turn the view's fields into words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from markupsafe import Markup

from midi_risk.report.clean import neutral, shortened
from midi_risk.report.figures import NOT_ASSESSED, NOT_STATED, count_text, number, risk_text
from midi_risk.report.words import CELLS, MEASURES, OPTIONS, plain
from midi_risk.risk.found_content import FOUND

_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[._/-])(?=\w)")


def day(moment: str | int | None) -> str:
    """Return the day of a moment, or its year where only that is known.

    Examples
    --------
    >>> day("2026-11-23T10:00:00+00:00"), day(2028), day(None)
    ('2026-11-23', '2028', 'not stated')
    """
    if not moment:
        return NOT_STATED
    text = str(moment)
    return text[:10] if text[10:11] in {"T", " "} else shortened(text, 40)


def short(text: str, limit: int) -> str:
    """Return text with what is hidden made visible, cut at a limit."""
    return shortened(neutral(str(text)), limit)


def breakable(text: str, limit: int = 60) -> Markup:
    """Return a name that may be broken where its words meet.

    Examples
    --------
    >>> str(breakable("ManufacturerModelName"))
    'Manufacturer<wbr>Model<wbr>Name'
    """
    pieces = _JOINT.split(short(text, limit))
    return Markup("<wbr>").join(pieces)


def option(text: str) -> str:
    """Return an option of Table E.1-1 in words.

    Examples
    --------
    >>> option("rtn_pat_chars=K")
    'K with retained patient characteristics'
    """
    name, found, action = text.partition("=")
    return f"{action} with {OPTIONS[name]}" if found and name in OPTIONS else text


def heads(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys of all rows, in order of appearance."""
    return list(dict.fromkeys(str(key) for row in rows for key in row))


def columns(names: list[str]) -> list[str]:
    """Return column heads; all but the first are numeric, marked with ``#``."""
    return [("#" if i else "") + plain(name, CELLS) for i, name in enumerate(names)]


def cell(value: Any) -> str:
    """Return one cell of a table whose columns are not known beforehand."""
    if value is None:
        return NOT_ASSESSED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count_text(value)
    if isinstance(value, float):
        return number(value)
    return shortened(neutral(str(value)), 200)


def found_words(kind: str) -> str:
    """Return a kind of content found as words.

    Examples
    --------
    >>> found_words("icon_images")
    'icon image'
    """
    return FOUND[kind]


def channel_risk(channel: Any) -> str:
    """Return the risk of a channel, its upper bound, or that it is unknown."""
    if channel.value is not None:
        return risk_text(channel.value)
    if channel.status == "not_assessed":
        return "unknown"
    return "no figure" if channel.upper is None else f"at most {risk_text(channel.upper)}"


def channel_interval(channel: Any) -> str:
    """Return the interval of a channel and whether it is a bound."""
    words = ["bound, not an estimate"] if channel.status == "bounded" else []
    if channel.lower is not None and channel.upper not in {None, channel.lower}:
        words.insert(0, f"{number(channel.lower)} to {number(channel.upper)}")
    return "; ".join(words)


def formulas(view: Any) -> list[tuple[str, str]]:
    """Return each measure that the report shows, with how it was computed."""
    found: dict[str, str] = {}
    for threat in view.threats:
        for result in threat.results:
            how = result.method if view.edition == "internal" else ""
            found.setdefault(result.measure, how)
    order = {code: i for i, code in enumerate(MEASURES)}
    return sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def linked(line: str) -> Markup:
    """Return a reference with its DOI or arXiv number as a link; ours, never a value."""
    for mark, address in (("doi:", "https://doi.org/"), ("arXiv:", "https://arxiv.org/abs/")):
        head, found, tail = line.partition(mark)
        if found:
            target = tail.rstrip(".")
            return Markup('{}<a href="{}{}">{}{}</a>.').format(head, address, target, mark, target)
    return Markup("{}").format(line)

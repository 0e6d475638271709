"""The rules as a script for the DicomAnonymizer of RSNA CTP.

Intervals of numbers become regular expressions in the little that CTP understands: a backslash
is the script's own escape, and braces end its clauses, so a pattern has character classes,
groups, ``?``, ``*`` and ``|`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import dictionary_VR, tag_for_keyword

from midi_risk.attributes.ages import MONTHS, OLDEST
from midi_risk.attributes.stand_ins import date_at
from midi_risk.export.dicom.rules import DUMMIES, DicomRules, element_type
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.export.targets.base import (
    Fidelity,
    Files,
    Portable,
    Request,
    Translated,
    date_steps,
    several_values,
    time_steps,
)
from midi_risk.export.targets.python import (
    element_fidelity,
    portable_elements,
    table_rows,
    temporal,
    translated,
    visit_fidelity,
    visit_keywords,
)


def digits(low: int, high: int, width: int) -> str:
    """Return a pattern for the numbers of an interval, written with leading zeros.

    Parameters
    ----------
    low, high : int
        Both included.
    width : int
        Number of digits.

    Examples
    --------
    >>> digits(65, 69, 3)
    '06[5-9]'
    >>> digits(60, 119, 3)
    '0[6-9][0-9]|1[0-1][0-9]'
    """
    return "|".join(_parts(f"{low:0{width}d}", f"{high:0{width}d}"))


def _parts(low: str, high: str) -> list[str]:
    if not low:
        return [""]
    if low[0] == high[0]:
        return [low[0] + rest for rest in _parts(low[1:], high[1:])]
    size = len(low) - 1
    first, last = int(low[0]), int(high[0])
    parts = []
    if low[1:] != "0" * size:
        parts += [low[0] + rest for rest in _parts(low[1:], "9" * size)]
        first += 1
    tail = []
    if high[1:] != "9" * size:
        tail = [high[0] + rest for rest in _parts("0" * size, high[1:])]
        last -= 1
    if first <= last:
        lead = str(first) if first == last else f"[{first}-{last}]"
        parts.append(lead + "[0-9]" * size)
    return [*parts, *tail]


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the intervals that a set of whole numbers consists of.

    Examples
    --------
    >>> runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    ordered = sorted(set(numbers))
    found = []
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in group]
        found.append((members[0], members[-1]))
    return found


def whole_part(low: int, high: int) -> str:
    """Return a pattern for decimal numbers whose whole part lies in an interval.

    Examples
    --------
    >>> import re
    >>> bool(re.fullmatch(whole_part(65, 69), "067.50"))
    True
    """
    parts = []
    for width in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 0 if width == 1 else 10 ** (width - 1))
        last = min(high, 10**width - 1)
        if first <= last:
            parts.append(digits(first, last, width))
    return f"[ +]*0*({'|'.join(parts)})([.][0-9]*)?[ ]*"


def hundredths(low: int, high: int) -> str:
    """Return a pattern for decimal numbers that lie in an interval of hundredths.

    Examples
    --------
    >>> import re
    >>> [bool(re.fullmatch(hundredths(170, 174), text)) for text in ("1.7", "1.749", "1.75")]
    [True, True, False]
    """
    parts = []
    for number in range(low, high + 1):
        whole, rest = divmod(number, 100)
        parts.append(f"{whole}[.]{rest:02d}[0-9]*")
        if rest % 10 == 0:
            parts.append(f"{whole}[.]{rest // 10}")
        if rest == 0:
            parts.append(f"{whole}[.]?")
    return f"[ +]*0*({'|'.join(parts)})[ ]*"


SCRIPT = "midi-risk.script"
_FIRST_DAY, _LAST_DAY = 18000101, 21991231
MOST_BANDS = 100
"""More conditions inside each other are not written: CTP reads them again at every level."""

_TOP = 100_000
_ALWAYS = "@always()"
"""Without it CTP changes an element that is there and creates none."""


def gone(keyword: str, vr: str) -> str | None:
    """Return the CTP expression that takes a value away, legal in every object.

    Returns
    -------
    str or None
        None for an element that may neither be empty nor hold a dummy.
    """
    kind = element_type("", keyword)[0]
    if kind == "1":
        return DUMMIES.get(vr)
    return "@empty()" if kind == "2" else "@remove()"


def matches(pattern: str, yes: str, no: str) -> str:
    """Return a CTP condition on the whole value of this element."""
    return f'@if(this,matches,"{pattern}"){{{yes}}}{{{no}}}'


def _chain(cases: list[tuple[str, str]], otherwise: str) -> str:
    text = otherwise
    for pattern, yes in reversed(cases):
        text = matches(pattern, yes, text)
    return text


def age_expression(step: Mapping[str, Any], otherwise: str) -> str:
    """Return bands of ages as conditions on the unit and an interval of its number.

    Parameters
    ----------
    step : mapping
        See `midi_risk.export.targets.base`.
    otherwise : str
        What becomes of any other value, ``000Y`` and implausible ages among them.
    """
    edges = [*step["edges"], (_TOP, "")]
    cases = []
    for (low, text), (high, _) in pairwise(edges):
        parts = []
        for unit, months in MONTHS.items():
            inside = [
                n
                for n in range(1000)
                if low <= int(n * months / 12 + 1e-9) < high
                and n * months <= OLDEST * 12
                and not (unit == "Y" and n == 0)
            ]
            parts += [f"({digits(a, b, 3)}){unit}" for a, b in runs(inside)]
        if parts:
            cases.append(("|".join(parts), text))
    return _chain(cases, otherwise)


def measure_expression(step: Mapping[str, Any], otherwise: str) -> str | None:
    """Return bands of heights or weights as conditions; None for fine or broken bands."""
    edges = step["edges"]
    if len(edges) > MOST_BANDS or any(low != int(low) for low, _ in edges):
        return None
    cases: list[tuple[str, str]] = []
    if step.get("zero_is_missing"):
        cases.append(("[ +]*0*[.]?0*[ ]*", otherwise))
    if step.get("metres"):
        cases += _cases(edges, 349, hundredths)
        cases += _cases(step["centimetres"], _TOP - 1, whole_part)
    else:
        cases += _cases(edges, _TOP - 1, whole_part)
    return _chain(cases, otherwise)


def _cases(edges: Any, top: int, pattern: Any) -> list[tuple[str, str]]:
    ends = [*(int(low) for low, _ in edges[1:]), top + 1]
    return [
        (pattern(int(low), min(end - 1, top)), text)
        for (low, text), end in zip(edges, ends, strict=True)
        if low <= min(end - 1, top)
    ]


def date_expression(step: Mapping[str, Any], otherwise: str) -> str | None:
    """Return the first day of a period of a date; None where CTP cannot say it."""
    if "edges" in step:
        return _periods(step["edges"], otherwise)
    return _period_expression(step["period"], otherwise)


def _period_expression(period: str, otherwise: str) -> str | None:
    year = "[0-9][0-9][0-9][0-9]"
    day = year + "[0-1][0-9][0-3][0-9]"
    if period == "date":
        return matches(day, "@keep()", otherwise)
    if period == "year":
        return matches(day, "@modifydate(this,*,1,1)", otherwise)
    if period == "month":
        return matches(day, "@modifydate(this,*,*,1)", otherwise)
    if period == "quarter":
        months = ("0[1-3]", "0[4-6]", "0[7-9]", "1[0-2]")
        cases = [
            (f"{year}{month}[0-3][0-9]", f"@modifydate(this,*,{3 * i + 1},1)")
            for i, month in enumerate(months)
        ]
        return _chain(cases, otherwise)
    if period == "week":
        days = (("0[1-7]", 1), ("0[8-9]|1[0-4]", 8), ("1[5-9]|2[0-1]", 15), ("2[2-9]|3[0-1]", 22))
        cases = [
            (f"{year}[0-1][0-9]({pattern})", f"@modifydate(this,*,*,{first})")
            for pattern, first in days
        ]
        return _chain(cases, otherwise)
    return None


def _periods(edges: Sequence[tuple[float, str | None]], otherwise: str) -> str:
    """Return periods between cut points as intervals of a date as a number."""
    starts = [_FIRST_DAY, *(int(date_at(low)) for low, _ in edges[1:]), _LAST_DAY + 1]
    cases = [
        (digits(low, high - 1, 8), text or otherwise)
        for (low, high), (_, text) in zip(pairwise(starts), edges, strict=True)
    ]
    return _chain(cases, otherwise)


def time_expression(hours: int, otherwise: str) -> str:
    """Return the beginning of the part of the day that holds a time."""
    cases = [
        (f"({digits(start, start + hours - 1, 2)})[0-9.]*", f"{start:02d}0000")
        for start in range(0, 24, hours)
    ]
    return _chain(cases, otherwise)


def expression(p: Portable) -> tuple[str | None, bool]:
    """Return the CTP expression of a rule, and whether it says the rule truly.

    Parameters
    ----------
    p : Portable

    Returns
    -------
    expression : str or None
        None where the element can neither be recoded nor removed.
    true : bool
    """
    removed = gone(p.keyword, p.vr)
    if p.removes or removed is None:
        return removed, p.steps is not None
    step: Mapping[str, Any] = {"step": ""}
    if p.steps and len(p.steps) == 1:
        step = p.steps[0]
    found: str | None = None
    if step["step"] == "age":
        found = age_expression(step, removed)
    elif step["step"] == "bands":
        found = measure_expression(step, removed)
    elif step["step"] == "date" and p.vr == "DA":
        found = date_expression(step, removed)
    elif step["step"] == "time":
        found = time_expression(step["hours"], removed)
    return (removed, False) if found is None else (found, True)


def _visit(keyword: str, dicom: DicomRules) -> str | None:
    """Return the expression of a date or time of a visit."""
    vr = dictionary_VR(keyword)
    rule = dicom.times if vr == "TM" else dicom.dates or dicom.times
    removed = gone(keyword, vr)
    if rule is None or removed is None or rule.action is Action.REMOVE or vr == "DT":
        return removed
    if vr == "TM":
        return time_expression(time_steps(rule)[0]["hours"], removed)
    return date_expression(date_steps(rule)[0], removed) or removed


def script_text(dicom: DicomRules, release: ReleaseRules, statement: str) -> str:
    """Return the script.

    Parameters
    ----------
    dicom : DicomRules
    release : ReleaseRules
    statement : str
        For (0012,0063).
    """
    stated = {"DeidentificationMethod": statement}
    if temporal(dicom):
        stated["LongitudinalTemporalInformationModified"] = temporal(dicom)
    lines = [_line(keyword, f"{_ALWAYS}{text}") for keyword, text in stated.items()]
    for p in portable_elements(dicom, release):
        text, _ = expression(p)
        if text is not None:
            lines.append(_line(p.keyword, text))
    for keyword in visit_keywords(dicom):
        text = _visit(keyword, dicom)
        if text is not None:
            lines.append(_line(keyword, text))
    head = (
        "<script>\n<!-- Written by midi-risk: the rules of a plan, to be merged into yours. -->\n"
    )
    return head + "\n".join(sorted(set(lines))) + "\n</script>\n"


def _line(keyword: str, text: str) -> str:
    tag = tag_for_keyword(keyword) or 0
    return f'<e en="T" t="{tag:08x}" n={quoteattr(keyword)}>{escape(text)}</e>'


def ctp_fidelity(dicom: DicomRules, release: ReleaseRules) -> list[Translated]:
    """Return how truly the script carries out each rule."""
    rows = []
    for p in portable_elements(dicom, release):
        text, true = expression(p)
        if text is None:
            why = "may neither be empty nor hold a dummy (type 1); it stays"
            rows.append(translated(p.rule, p.keyword, Fidelity.INEXPRESSIBLE, why))
        elif not true:
            why = "no expression for it; the element is emptied or removed instead"
            rows.append(translated(p.rule, p.keyword, Fidelity.INEXPRESSIBLE, why))
        else:
            rows.append(_approximate(p, several=several_values(p.rule, release)))
    why = "elements of the data dictionary at the top level; date-times are emptied or removed"
    rows += [
        Translated(
            attribute=r.attribute,
            source=r.source,
            rule=r.rule,
            fidelity=Fidelity.APPROXIMATE
            if _speakable(r.attribute, dicom)
            else Fidelity.INEXPRESSIBLE,
            why=why,
        )
        for r in visit_fidelity(dicom)
    ]
    return [*rows, *table_rows(release)]


def _approximate(p: Portable, *, several: bool) -> Translated:
    """Return the row of a rule that CTP can say: exact at the top level of an object."""
    row = element_fidelity(p, several=several)
    nested = "copies inside sequences are not reached"
    why = f"{row.why}; {nested}" if row.why else nested
    return translated(p.rule, p.keyword, Fidelity.APPROXIMATE, why)


def _speakable(name: str, dicom: DicomRules) -> bool:
    rule: Rule | None = dicom.dates if "dates" in name else dicom.times
    if rule is None or rule.action is Action.REMOVE or "times" in name:
        return True
    return date_expression(date_steps(rule)[0], "") is not None


def ctp_files(request: Request) -> Files:
    """Return the script and how truly it carries out each rule."""
    rules, release = request.elements, request.release
    return Files(
        files={SCRIPT: script_text(rules, release, request.statement)},
        fidelity=ctp_fidelity(rules, release),
    )

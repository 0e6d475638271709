"""Hierarchies of the assessor's own, written as rules in the project file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from midi_risk.attributes.ages import plain
from midi_risk.attributes.hierarchy import (
    MOST_GENERAL,
    SET_JOINER,
    Hierarchy,
    build_hierarchy,
    check_nesting,
)
from midi_risk.attributes.ladders import EXACT, REMOVED, cut_ladder
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.recoding import (
    OTHER,
    UNPARSED,
    Common,
    DateBands,
    Material,
    Period,
    quarter_text,
)
from midi_risk.attributes.values import normalise
from midi_risk.config import HierarchyStep
from midi_risk.errors import HierarchyError

OLDEST_BAND = 130
NUMERIC = frozenset({"cuts", "width", "round", "top", "microaggregate", "date"})
"""Rules of ages, numbers and dates; the others are of names."""


def level_column(
    step: HierarchyStep,
    kind: Kind,
    values: list[str],
    number: np.ndarray,
    counts: list[int],
    *,
    sets: bool,
) -> list[str]:
    """Return the label of each value at the level that a rule makes.

    Parameters
    ----------
    step : HierarchyStep
    kind : Kind
    values : list of str
        Distinct canonical values.
    number : numpy.ndarray, shape (n,)
        As `normalise` reads them; NaN where a value is no number.
    counts : list of int
        Subjects per value.
    sets : bool
        Whether a value is a set of members.
    """
    if kind in {Kind.AGE, Kind.NUMBER, Kind.DATE} and step.rule in NUMERIC:
        return _measured(step, kind, values, number, counts)
    return _named(step, values, counts, sets=sets)


def _measured(
    step: HierarchyStep, kind: Kind, values: list[str], number: np.ndarray, counts: list[int]
) -> list[str]:
    """Return the labels of ages, numbers and dates."""
    if step.date is not None:
        return Period(step.date).labels(Material(values, number))
    if step.round is not None:
        return _rounded(kind, values, number, step.round)
    if step.microaggregate is not None:
        return _microaggregated(kind, values, number, counts, step.microaggregate)
    if step.rule == "top":
        return _coded_ends(kind, values, number, step)
    if kind is Kind.DATE:
        return DateBands(step.cuts or ()).labels(Material(values, number))
    cuts = step.cuts or _grid(kind, number, step.width or 1)
    return cut_ladder(cuts, kind).columns(values, number)[0]


def _rounded(kind: Kind, values: list[str], number: np.ndarray, multiple: float) -> list[str]:
    """Return single values as the nearest multiple, halves upwards."""

    def label(x: float) -> str:
        nearest = _tidy(math.floor(x / multiple + 0.5) * multiple)
        # An age of 0 would be read as unknown.
        return f"<{plain(multiple / 2)}" if kind is Kind.AGE and not nearest else plain(nearest)

    return _each(kind, values, number, label)


def _tidy(x: float) -> float:
    return float(f"{x:.10g}")


def _years(kind: Kind, number: float) -> float:
    """Return completed years of an age, any other number as it is."""
    return math.floor(number / 12 + 1e-9) if kind is Kind.AGE else number


def _is_plain(kind: Kind, value: str) -> bool:
    """Tell a single value from a bin or an open end."""
    text = value.rstrip("MWD") if kind is Kind.AGE else value
    return not any(sign in text[1:] for sign in "-+<>=~ ") and text[:1] not in "<>~"


def _each(
    kind: Kind, values: list[str], number: np.ndarray, label: Callable[[float], str]
) -> list[str]:
    """Label single values; a bin keeps its text, what cannot be read is removed."""
    out = []
    for value, x in zip(values, number.tolist(), strict=True):
        if math.isnan(x):
            out.append(UNPARSED)
        else:
            out.append(label(_years(kind, x)) if _is_plain(kind, value) else value)
    return out


def _grid(kind: Kind, number: np.ndarray, width: float) -> list[float]:
    """Return multiples of a width around all numbers."""
    if kind is Kind.AGE:
        return [i * width for i in range(1, math.ceil(OLDEST_BAND / width))]
    finite = number[np.isfinite(number)]
    if not finite.size:
        return [0.0]
    first = math.floor(float(finite.min()) / width + 1e-9)
    last = math.floor(float(finite.max()) / width + 1e-9) + 1
    if last - first > 100_000:
        raise HierarchyError(f"bands of {plain(width)} are too narrow: more than 100,000 of them")
    return [_tidy(i * width) for i in range(first, last + 1)]


def _coded_ends(
    kind: Kind, values: list[str], number: np.ndarray, step: HierarchyStep
) -> list[str]:
    low, high = step.bottom, step.top

    def label(value: str, x: float) -> str:
        if high is not None and x >= high:
            return f"{plain(high)}+" if kind is Kind.AGE else f">={plain(high)}"
        if low is not None and x < low and _is_plain(kind, value):
            return f"<{plain(low)}"
        return value

    return [
        UNPARSED if math.isnan(x) else label(value, _years(kind, x))
        for value, x in zip(values, number.tolist(), strict=True)
    ]


def _microaggregated(
    kind: Kind, values: list[str], number: np.ndarray, counts: list[int], least: int
) -> list[str]:
    """Return the mean of groups of neighbours; a small rest joins the last group."""
    known = np.isfinite(number)
    single = [i for i in np.flatnonzero(known).tolist() if _is_plain(kind, values[i])]
    order = sorted(single, key=lambda i: float(number[i]))
    groups: list[list[int]] = []
    held = least
    for i in order:
        if held >= least:
            groups.append([])
            held = 0
        groups[-1].append(i)
        held += counts[i]
    if len(groups) > 1 and held < least:
        rest = groups.pop()
        groups[-1] += rest
    out = [v if good else UNPARSED for v, good in zip(values, known.tolist(), strict=True)]
    for group in groups:
        weights = np.array([counts[i] for i in group], dtype=np.float64)
        mean = float(np.average(number[group], weights=weights if weights.any() else None))
        label = _age_text(mean / 12) if kind is Kind.AGE else plain(float(f"{mean:.6g}"))
        for i in group:
            out[i] = label
    return out


def _age_text(years: float) -> str:
    """Return whole years; under half a year as such, since ``000Y`` means unknown."""
    return plain(math.floor(years + 0.5)) if years >= 0.5 else "<1"


def _named(step: HierarchyStep, values: list[str], counts: list[int], *, sets: bool) -> list[str]:
    """Return labels of names; of a set, those of its members, equal ones once."""
    split = [value.split(SET_JOINER) if sets else [value] for value in values]
    if step.drop is not None:
        gone = {name.casefold() for name in step.drop}
        left = [[m for m in parts if m.casefold() not in gone] for parts in split]
        return [SET_JOINER.join(parts) if parts else UNPARSED for parts in left]
    totals: dict[str, int] = {}
    for parts, n in zip(split, counts, strict=True):
        for part in parts:
            totals[part] = totals.get(part, 0) + n
    members = list(totals)
    if step.groups is not None:
        of = {v.casefold(): label for label, vs in step.groups.items() for v in vs}
        labels = [of.get(m.casefold(), OTHER) for m in members]
    elif step.rare is not None:
        counted = Material(members, counts=list(totals.values()), floor=step.rare)
        labels = Common().labels(counted)
    else:
        first = step.first or 1
        labels = [m if len(m) <= first else m[:first] + MOST_GENERAL for m in members]
    label = dict(zip(members, labels, strict=True))
    return [SET_JOINER.join(sorted({label[part] for part in parts})) for parts in split]


BANDS, MERGED = "bands", "merged"
"""Names of the levels that a plan makes from the data."""

OWN = "own"
"""Name of a hierarchy that the project file spells out."""

_KINDS: Mapping[str, frozenset[Kind]] = {
    **dict.fromkeys(
        ("width", "round", "top", "microaggregate"), frozenset({Kind.AGE, Kind.NUMBER})
    ),
    "cuts": frozenset({Kind.AGE, Kind.NUMBER, Kind.DATE}),
    "date": frozenset({Kind.DATE}),
}
FROM_DATA = frozenset({"rare", "microaggregate"})
"""Rules whose labels depend on what other subjects have."""


def hierarchy_for(
    attribute: Attribute,
    values: Sequence[str],
    *,
    sets: bool = False,
    counts: Sequence[int] | None = None,
) -> Hierarchy:
    """Return the hierarchy that an attribute names: rules of its own, else its ladder.

    Parameters
    ----------
    attribute : Attribute
    values : sequence of str
        Distinct canonical values.
    sets : bool
        Whether values are sets.
    counts : sequence of int, optional
        Subjects per value.
    """
    if attribute.hierarchy_steps:
        return own_hierarchy(
            attribute.hierarchy_steps,
            attribute.kind,
            values,
            sets=sets,
            counts=counts,
            attribute=attribute.name,
        )
    return build_hierarchy(attribute.ladder, attribute.kind, values, sets=sets, counts=counts)


def own_hierarchy(
    steps: Sequence[HierarchyStep],
    kind: Kind,
    values: Sequence[str],
    *,
    sets: bool = False,
    counts: Sequence[int] | None = None,
    attribute: str = "",
) -> Hierarchy:
    """Return the hierarchy of some rules, one level each, made from the raw values.

    Parameters
    ----------
    steps : sequence of HierarchyStep
        Most detailed first; each level must nest in the next.
    kind : Kind
        How the values were read.
    values : sequence of str
        Distinct canonical values.
    sets : bool
        Whether a value is a set of members; rules of names then hold for each member.
    counts : sequence of int, optional
        Subjects per value; 1 each when absent.
    attribute : str
        Named in messages.

    Returns
    -------
    Hierarchy
        With a last level that removes the value. A value that cannot be read is removed
        from level 1 on.

    Raises
    ------
    HierarchyError
        When a rule does not suit the kind, or a level does not nest in the next.

    References
    ----------
    Top and bottom coding, rounding, microaggregation: Hundepool et al., Statistical
    Disclosure Control, 2012, chapter 3; Domingo-Ferrer & Mateo-Sanz 2002,
    doi:10.1109/69.979982.

    Examples
    --------
    >>> own = own_hierarchy([HierarchyStep(top=80), HierarchyStep(cuts=(40, 80))],
    ...                     Kind.AGE, ["35", "52", "84"])
    >>> own.apply(1, ["35", "52", "84"]), own.apply(2, ["35", "52", "84"])
    (['35', '52', '80+'], ['0-39', '40-79', '80+'])
    """
    distinct = [str(value) for value in values]
    each = [1] * len(distinct) if counts is None else list(counts)
    read = normalise(kind, distinct, zero_is_missing=False)
    number = read.number
    columns, names, texts = [distinct], [EXACT], ["exact values"]
    for place, step in enumerate(steps, start=1):
        suits = _KINDS.get(step.rule)
        if suits is not None and kind not in suits:
            raise HierarchyError(
                f"hierarchy of {attribute or 'an attribute'}: level {place}, rule '{step.rule}',"
                f" needs {' or '.join(sorted(k.value for k in suits))}, this is {kind.value}",
                hint="Set 'kind', or choose another rule",
            )
        columns.append(level_column(step, kind, distinct, number, each, sets=sets))
        names.append(step.name or f"level{place}")
        texts.append(rule_text(step, kind))
    columns.append([UNPARSED] * len(distinct))
    names.append(REMOVED)
    texts.append("removed")
    if len(set(names)) < len(names):
        raise HierarchyError(f"hierarchy of {attribute or 'an attribute'}: two levels of one name")
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)), columns=names, dtype=object)
    check_nesting(frame, attribute=attribute, reveal=True)
    return Hierarchy(name=OWN, level_names=tuple(names), frame=frame, texts=tuple(texts))


def of_value_alone(steps: Sequence[HierarchyStep], level: int) -> bool:
    """Tell whether a level labels a value without looking at other subjects."""
    return 0 < level <= len(steps) and steps[level - 1].rule not in FROM_DATA


def rule_text(step: HierarchyStep, kind: Kind | None = None) -> str:
    """Return what a rule does, in plain English.

    Parameters
    ----------
    step : HierarchyStep
    kind : Kind, optional
        Of the values; says what the unit of cut points is.

    Examples
    --------
    >>> rule_text(HierarchyStep(top=90, bottom=18))
    'below 18 together, 90 and over together'
    >>> rule_text(HierarchyStep(cuts=(45, 50, 55, 60, 75)), Kind.AGE)
    'under 45, 5-year bands to 60, 60-74, 75 and over'
    """
    if step.rule == "cuts":
        return cuts_text(step.cuts or (), kind)
    return _TEXTS[step.rule](step)


def cuts_text(cuts: Sequence[float], kind: Kind | None) -> str:
    """Return bands between cut points as a person would say them.

    Examples
    --------
    >>> cuts_text((2005, 2008, 2012), Kind.DATE), cuts_text((1.65, 1.75), Kind.NUMBER)
    ('before 2005, 2005-2007, 2008-2011, 2012 and later', 'below 1.65, 1.65 to 1.75, 1.75 and over')
    >>> cuts_text((45, 50, 55, 60), Kind.AGE)
    'under 45, 5-year bands, 60 and over'
    """
    runs: list[list[float]] = []
    for low, high in pairwise(cuts):
        if runs and abs((high - low) - (runs[-1][1] - runs[-1][0])) < 1e-9:
            runs[-1].append(high)
        else:
            runs.append([low, high])
    said = _FIRST.get(kind or Kind.NUMBER, "below {}").format(_place(cuts[0], kind))
    middle = []
    for number, run in enumerate(runs):
        ends = f" to {_place(run[-1], kind)}" if number < len(runs) - 1 else ""
        if len(run) > 3 or (len(run) == 3 and len(runs) > 1):
            middle.append(_width(run[1] - run[0], kind) + ends)
        else:
            middle += [_between(low, high, kind) for low, high in pairwise(run)]
    last = "{} and later" if kind is Kind.DATE else "{} and over"
    return ", ".join([said, *middle, last.format(_place(cuts[-1], kind))])


_FIRST = {Kind.AGE: "under {}", Kind.DATE: "before {}"}


def _place(cut: float, kind: Kind | None) -> str:
    return quarter_text(cut) if kind is Kind.DATE else plain(cut)


def _width(width: float, kind: Kind | None) -> str:
    if kind is Kind.DATE:
        quarters = round(width * 4)
        return "quarters" if quarters == 1 else (
            f"{quarters // 4}-year periods" if quarters % 4 == 0 else f"{quarters}-quarter periods"
        )  # fmt: skip
    if kind is Kind.AGE:
        return "single years" if width == 1 else f"{plain(width)}-year bands"
    return f"bands of {plain(round(width, 10))}"


def _between(low: float, high: float, kind: Kind | None) -> str:
    if kind is Kind.DATE:
        return DateBands((low, high)).names()[1]
    if kind is Kind.AGE:
        return plain(low) if high - low == 1 else f"{plain(low)}-{plain(high - 1)}"
    return f"{plain(low)} to {plain(high)}"


def _ends_text(step: HierarchyStep) -> str:
    ends = [f"below {plain(step.bottom)} together"] if step.bottom is not None else []
    ends += [f"{plain(step.top)} and over together"] if step.top is not None else []
    return ", ".join(ends)


def _merged_text(groups: int) -> str:
    """Return how rare values were merged, without a value."""
    kept = "one common value" if groups == 1 else f"{groups} common values or groups of values"
    return f"{kept}, all others together as '{OTHER}'"


_PERIODS = {"5y": "periods of 5 years", "10y": "periods of 10 years"}
_TEXTS: Mapping[str, Callable[[HierarchyStep], str]] = {
    "width": lambda s: f"bands of {plain(s.width or 0)}",
    "round": lambda s: f"rounded to the nearest multiple of {plain(s.round or 0)}",
    "top": _ends_text,
    "microaggregate": lambda s: (
        f"groups of at least {s.microaggregate} subjects, shown as their mean"
    ),
    "date": lambda s: _PERIODS.get(s.date or "", f"{s.date} only"),
    "groups": lambda s: (
        f"groups {', '.join(s.groups or {})}; all others as '{OTHER}'"
        if s.name != MERGED
        else _merged_text(len(s.groups or {}))
    ),
    "rare": lambda s: f"values of fewer than {s.rare} subjects together as '{OTHER}'",
    "drop": lambda s: f"without {', '.join(s.drop or ())}",
    "first": lambda s: f"only the first {s.first} characters",
}

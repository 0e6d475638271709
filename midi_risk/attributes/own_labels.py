"""Labels that the rules of a hierarchy of the assessor's own give to values."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from midi_risk.attributes.ages import plain
from midi_risk.attributes.hierarchies import SET_JOINER
from midi_risk.attributes.hierarchy import MOST_GENERAL
from midi_risk.attributes.ladder_measures import cut_columns
from midi_risk.attributes.ladder_names import OTHER, common_column
from midi_risk.attributes.ladder_time import UNPARSED, age_cut_columns, date_step
from midi_risk.attributes.model import Kind
from midi_risk.errors import HierarchyError
from midi_risk.hierarchy_rules import HierarchyStep

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
        label = date_step(step.date)
        known = np.isfinite(number).tolist()
        return [label(v) if good else UNPARSED for v, good in zip(values, known, strict=True)]
    if step.round is not None:
        return _rounded(kind, values, number, step.round)
    if step.microaggregate is not None:
        return _microaggregated(kind, values, number, counts, step.microaggregate)
    if step.rule == "top":
        return _coded_ends(kind, values, number, step)
    cuts = step.cuts or _grid(kind, number, step.width or 1)
    banded = age_cut_columns if kind is Kind.AGE else cut_columns
    return banded(values, number, cuts)[0]


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
        labels = common_column(members, list(totals.values()), step.rare)
    else:
        first = step.first or 1
        labels = [m if len(m) <= first else m[:first] + MOST_GENERAL for m in members]
    label = dict(zip(members, labels, strict=True))
    return [SET_JOINER.join(sorted({label[part] for part in parts})) for parts in split]

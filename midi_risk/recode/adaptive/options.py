"""The ways in which one attribute can be shown: levels of its ladder, and levels from the data.

Levels from the data of ages, numbers, dates and counts: bands of one width whose sparse ends are
joined until each end holds enough subjects, and few cut points between bands that each hold
enough. Levels from the data of names: values of few subjects go together, those of one maker or
group first, then as "other".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.ladders import DEFAULT_LADDER, LADDERS
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.own_hierarchy import BANDS, MERGED, level_column
from midi_risk.attributes.recoding import (
    CENSUS,
    FIRST_WORD,
    METRES_BELOW,
    OTHER,
    UNPARSED,
    Diagnosis,
    Material,
    Scale,
    Step,
    date_ends,
    nice_step,
)
from midi_risk.attributes.values import normalise
from midi_risk.config import HierarchyStep
from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.explore import ROUND_PRICE, Option

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST_BANDS = 9
"""Bands of a level that the search offers; moves may end with a few more."""

MERGING = frozenset({"device", "software", "institution", "enum", "race", "diag", "occupation"})
"""Ladders of names whose rare values may be merged by what they have in common."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How an attribute is written: a level of its own hierarchy, or a rule from the data."""

    level: int | None = None
    rule: HierarchyStep | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Values:
    """One attribute of a table as numbers.

    Parameters
    ----------
    attribute : Attribute
    texts : tuple of str or None
        Distinct values; None is missing.
    codes : ndarray of int64, shape (N,)
        Value of each record.
    spread : Spread
    hierarchy : Hierarchy
        Of the attribute as the project has it.
    lowest, highest : int
        Levels of it between which a plan may choose.
    adaptive : bool
        Whether levels from the data are made.
    unit, round_unit : float
        Steps between cut points; 0 where cut points are not made.
    edges : ndarray of float64, optional
        The only cut points that split no band, where values or the lowest level are bands.
    """

    attribute: Attribute
    texts: tuple[str | None, ...]
    codes: Ints
    spread: Spread
    hierarchy: Hierarchy
    lowest: int
    highest: int
    adaptive: bool = False
    unit: float = 0.0
    round_unit: float = 0.0
    edges: Floats | None = None

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.attribute.name

    def at_level(self, level: int) -> Ints:
        """Return the group of each value at a level of the hierarchy."""
        if level == len(self.hierarchy.level_names) - 1:
            return _dense([""] * len(self.texts))
        return _dense(_labels(self.hierarchy, self.texts, level))

    def at_rule(self, rule: HierarchyStep) -> Ints:
        """Return the group of each value under a rule."""
        known = [text for text in self.texts if text is not None]
        counts = [
            int(n) for n, t in zip(self.spread.count.tolist(), self.texts, strict=True)
            if t is not None
        ]  # fmt: skip
        number = normalise(self.attribute.kind, known, zero_is_missing=False).number
        column = iter(level_column(rule, self.attribute.kind, known, number, counts, sets=False))
        return _dense([None if text is None else next(column) for text in self.texts])

    def at_cuts(self, cuts: Sequence[float]) -> Ints:
        """Return the group of each value between cut points; what has no place stays apart."""
        at = self.spread.at
        assert at is not None  # noqa: S101 - only asked of an attribute with cut points
        band = np.searchsorted(np.asarray(cuts), at, side="right").astype(np.int64)
        band[~np.isfinite(at)] = len(cuts) + 1
        return np.unique(band, return_inverse=True)[1].reshape(-1).astype(np.int64)

    def option(self, group: Ints, shown: Shown, price: float = 0.0) -> Option:
        """Return an option of this attribute alone."""
        share = self.spread.shares(group)
        count = self.spread.count
        n = count.sum()
        loss = float((count * share).sum() / n) if n else 0.0
        return Option(group, share, loss, price, (shown,))

    @cached_property
    def _made(self) -> dict[tuple[float, ...], Option]:
        """Options of cut points that were asked for; moves for several limits meet the same."""
        return {}

    def cut_option(self, cuts: Sequence[float]) -> Option:
        """Return the option of some cut points."""
        known = self._made.get(tuple(cuts))
        if known is None:
            known = self._made[tuple(cuts)] = self._cut(cuts)
        return known

    def _cut(self, cuts: Sequence[float]) -> Option:
        rule = HierarchyStep(cuts=tuple(cuts), name=BANDS)
        return self.option(self.at_cuts(cuts), Shown(rule=rule), self.price(cuts))

    def constant(self, option: Option, k: int) -> bool:
        """Tell whether an option has no two groups of enough subjects: it then tells nothing."""
        known = np.array([text is not None for text in self.texts])
        size = np.bincount(option.group[known], weights=self.spread.count[known])
        return int((size >= k).sum()) < 2

    def removed(self) -> Option:
        """Return the option of the coarsest level that a plan may choose."""
        return self.option(self.at_level(self.highest), Shown(level=self.highest))

    @cached_property
    def _ends(self) -> tuple[Ints, Ints]:
        """Groups at the finest and at the coarsest level that a plan may choose."""
        return self.at_level(self.lowest), self.at_level(self.highest)

    def allows(self, group: Ints) -> bool:
        """Tell whether a grouping lies between the finest and the coarsest allowed level."""
        fine, coarse = self._ends
        return _within(fine, group) and _within(group, coarse)

    def price(self, cuts: Sequence[float]) -> float:
        """Return what cut points at unround places have to earn."""
        odd = sum(abs(c / self.round_unit - round(c / self.round_unit)) > 1e-6 for c in cuts)
        return ROUND_PRICE * odd


def level_distances(
    attribute: Attribute, column: npt.NDArray[np.object_], hierarchy: Hierarchy
) -> Floats:
    """Return the share of its information that an attribute loses at each level.

    Parameters
    ----------
    attribute : Attribute
        Its kind says how far two values are apart.
    column : ndarray of object, shape (N,)
        Canonical values; None is missing, which the last level hides.
    hierarchy : Hierarchy

    Returns
    -------
    ndarray of float64, shape (n_levels,)
        The mean distance of two members of a group over that of two subjects: 0 for exact
        values, 1 when removed.

    References
    ----------
    Xu et al. 2006, doi:10.1145/1150402.1150504, for penalties by the width of bands; here the
    distance inside a band is the mean over its members and not the width.
    """
    last = len(hierarchy.level_names) - 1
    values = values_of(attribute, column, hierarchy, 0, last, adaptive=False)
    found = [values.spread.loss(values.at_level(level)) for level in range(last + 1)]
    return np.array(found) if values.spread.whole() > 0 else np.zeros(last + 1)


def _labels(hierarchy: Hierarchy, texts: Sequence[str | None], level: int) -> list[str | None]:
    """Return the label of each value at a level."""
    rows = dict(zip(hierarchy.frame.iloc[:, 0], hierarchy.frame.iloc[:, level], strict=True))
    return [None if text is None else str(rows[text]) for text in texts]


def _dense(labels: Sequence[str | None]) -> Ints:
    codes, _ = pd.factorize(np.array(labels, dtype=object), use_na_sentinel=False)
    return codes.astype(np.int64)


def values_of(
    attribute: Attribute,
    column: npt.NDArray[np.object_],
    hierarchy: Hierarchy,
    lowest: int,
    highest: int,
    *,
    adaptive: bool,
) -> Values:
    """Return an attribute as numbers.

    Parameters
    ----------
    attribute : Attribute
    column : ndarray of object, shape (N,)
        Canonical values, None where missing.
    hierarchy : Hierarchy
    lowest, highest : int
        Levels between which a plan may choose.
    adaptive : bool
        Whether levels from the data may be made.
    """  # fmt: skip
    codes, distinct = pd.factorize(column, use_na_sentinel=False)
    texts = tuple(None if pd.isna(text) else str(text) for text in distinct)
    count = np.bincount(codes, minlength=len(texts)).astype(np.float64)
    at, low, high = _places(attribute, texts)
    unit = coarse = 0.0
    edges: Floats | None = None
    if at is not None and adaptive:
        if lowest:
            _, low, high = _places(attribute, _labels(hierarchy, texts, lowest))
        unit, coarse, edges = _steps(attribute, at, low, high)
    return Values(
        attribute=attribute,
        texts=texts,
        codes=codes.astype(np.int64),
        spread=Spread(count=count, at=at),
        hierarchy=hierarchy,
        lowest=lowest,
        highest=highest,
        adaptive=adaptive,
        unit=unit,
        round_unit=coarse,
        edges=edges,
    )


def _places(
    attribute: Attribute, texts: Sequence[str | None]
) -> tuple[Floats | None, Floats, Floats]:
    """Return the place of each value on its scale, and the lowest and highest it can mean.

    A band stands at its middle; an open one is taken to be as wide as the closed ones are.
    """
    kind = attribute.kind
    low, high = np.full(len(texts), np.nan), np.full(len(texts), np.nan)
    if kind not in {Kind.AGE, Kind.NUMBER, Kind.DATE}:
        return None, low, high
    where = [i for i, text in enumerate(texts) if text is not None]
    known = [text for text in texts if text is not None]
    read = normalise(kind, known, zero_is_missing=False)
    named = [t or v for t, v in zip(read.text, known, strict=True)]
    if kind is Kind.DATE:
        ends = [date_ends(t, n) for t, n in zip(named, read.number.tolist(), strict=True)]
        low[where], high[where] = np.array(ends, dtype=np.float64).reshape(-1, 2).T
    else:
        scale = Scale.MONTHS if kind is Kind.AGE else Scale.ITSELF
        low[where], high[where] = Material(named, read.number, scale=scale).spans()
    below = np.zeros(len(texts), dtype=bool)
    below[where] = [text.startswith("<") for text in named]
    return _middles(low, high, below | np.isneginf(low)), low, high


def _middles(low: Floats, high: Floats, below: npt.NDArray[np.bool_]) -> Floats:
    """Return the middle of each band."""
    closed = np.isfinite(low) & np.isfinite(high) & (low < high) & ~below
    half = float(np.median(high[closed] - low[closed])) / 2 if closed.any() else 0.0
    at = np.where(np.isfinite(high), (low + high) / 2, low + half)
    return np.where(below, high - half, at)


def _steps(
    attribute: Attribute, at: Floats, low: Floats, high: Floats
) -> tuple[float, float, Floats | None]:
    """Return the steps of fine and of round cut points, and the edges where values are bands.

    Both steps are 0 where cut points cannot be made.
    """
    finite = np.isfinite(at)
    ladder = LADDERS.get(attribute.ladder or DEFAULT_LADDER[attribute.kind])
    steps = _units(attribute.kind, "" if ladder is None else ladder.name, at[finite])
    if not (low[finite] < high[finite]).any() and not np.isnan(high[finite]).any():
        several = len(np.unique(at[finite])) >= 3
        return (*steps, None) if several else (0.0, 0.0, None)
    if np.isnan(low[finite]).any() or np.isnan(high[finite]).any():
        return 0.0, 0.0, None
    low, high = low[finite], high[finite]
    starts = np.unique(low[np.isfinite(low)])
    starts = starts[starts > low.min()]
    whole = [edge for edge in starts.tolist() if not ((low < edge) & (high >= edge)).any()]
    return (*steps, np.array(whole)) if whole else (0.0, 0.0, None)


_UNITS = {"height": (1.0, 5.0), "weight": (1.0, 5.0), "count": (1.0, 1.0), "bmi": (0.5, 5.0)}
"""Ladder -> steps between fine and between round cut points."""


def _units(kind: Kind, ladder: str, finite: Floats) -> tuple[float, float]:
    """Return the steps between fine and between round cut points of a scale."""
    if kind is Kind.AGE:
        return 1.0, 5.0
    if kind is Kind.DATE:
        return 0.25, 1.0
    if ladder == "height" and finite.max() < METRES_BELOW:
        return 0.01, 0.05
    if ladder in _UNITS:
        return _UNITS[ladder]
    low_end, high_end = np.quantile(finite, [0.02, 0.98])
    coarse = nice_step(float(low_end), float(high_end), 25)
    return coarse / 5 if coarse > 1 or (finite % 1).any() else coarse, coarse


def single_options(values: Values, k: int) -> list[Option]:
    """Return the options of one attribute, no two alike, least loss first.

    Parameters
    ----------
    values : Values
    k : int
        Subjects that a level from the data gathers in each of its groups at least.
    """
    found = [
        values.option(values.at_level(level), Shown(level=level))
        for level in range(values.lowest, values.highest + 1)
    ]
    start, ceiling = found[0].group, found[-1].group
    ends = {0, len(found) - 1}
    found = [o for n, o in enumerate(found) if n in ends or not values.constant(o, k)]
    more: list[Option] = []
    if values.lowest < values.highest:
        if values.unit:
            more = [values.cut_option(cuts) for cuts in cut_sets(values, k)]
        elif values.adaptive and values.hierarchy.name in MERGING:
            more = _merged(values, k)
    seen = {option.group.tobytes() for option in map(_canonical, found)}
    for option in more:
        form = _canonical(option).group.tobytes()
        if form not in seen and _within(start, option.group) and _within(option.group, ceiling):
            seen.add(form)
            found.append(option)
    seen.clear()
    kept = []
    for option in found:
        form = _canonical(option).group.tobytes()
        if form not in seen:
            seen.add(form)
            kept.append(option)
    return sorted(kept, key=lambda o: (o.loss + o.price, -o.groups))


def _canonical(option: Option) -> Option:
    first = np.unique(option.group, return_index=True)[1]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return Option(rank[option.group], option.share, option.loss, option.price, option.made_of)


def _within(fine: Ints, coarse: Ints) -> bool:
    """Tell whether a grouping only merges groups of another."""
    parent = np.zeros(int(fine.max()) + 1, dtype=np.int64)
    parent[fine] = coarse
    return bool((parent[fine] == coarse).all())


def cut_sets(values: Values, k: int) -> list[tuple[float, ...]]:
    """Return the cut points on offer: widths with joined ends, and few bands that hold enough."""
    at, count = values.spread.at, values.spread.count
    assert at is not None  # noqa: S101 - only asked of an attribute with cut points
    known = np.isfinite(at) & (count > 0)
    place, weight = at[known], count[known]
    n = weight.sum()
    if n < 2 * k:
        return []
    found: dict[tuple[float, ...], None] = {}
    steps = (values.unit, 2 * values.unit, values.round_unit, 2 * values.round_unit,
             4 * values.round_unit)  # fmt: skip
    widths = [_lines(place, step) for step in dict.fromkeys(steps)]
    few = [_lines(place, step) for step in dict.fromkeys((values.round_unit, values.unit))]
    if values.edges is not None:
        few, widths = [values.edges], [values.edges, values.edges[::2], values.edges[1::2]]
    floors = [k * 2**i for i in range(12) if k * 2**i <= n / 2]
    for lines in widths:
        for floor in floors:
            cuts = tail_cuts(place, weight, lines, floor)
            if cuts:
                found[cuts] = None
    for lines in few:
        for floor in floors:
            for cuts in few_cuts(place, weight, lines, floor):
                found[cuts] = None
    return list(found)


def _lines(place: Floats, step: float) -> Floats:
    """Return the multiples of a step that lie between values."""
    low, high = float(place.min()), float(place.max())
    first, last = math.floor(low / step + 1e-9) + 1, math.floor(high / step + 1e-9)
    if last < first or last - first > 2_000:
        return np.empty(0)
    return np.round(np.arange(first, last + 1) * step, 10)


def tail_cuts(
    place: Floats, weight: Floats, lines: float | Floats, floor: int
) -> tuple[float, ...]:
    """Return cut points on multiples of a step, from the first with enough below to the last.

    Lines in place of a step are the only places of cut points.

    Examples
    --------
    >>> tail_cuts(np.arange(20.0, 80.0), np.ones(60), 10, 15)
    (40.0, 50.0, 60.0)
    """
    lines = lines if isinstance(lines, np.ndarray) else _lines(place, lines)
    if not len(lines):
        return ()
    order = np.argsort(place)
    below = np.concatenate(([0.0], np.cumsum(weight[order])))
    under = below[np.searchsorted(place[order], lines, side="left")]
    good = lines[(under >= floor) & (below[-1] - under >= floor)]
    return tuple(float(line) for line in good)


def few_cuts(
    place: Floats, weight: Floats, lines: float | Floats, floor: int
) -> list[tuple[float, ...]]:
    """Return for each number of bands the cut points that lose least, each band of enough.

    Exact, by dynamic programming over the multiples of a step, or over lines in place of it.
    """
    lines = lines if isinstance(lines, np.ndarray) else _lines(place, lines)
    if not len(lines) or len(lines) > 400:
        return []
    order = np.argsort(place, kind="stable")
    x, n = place[order], weight[order]
    ends = np.searchsorted(x, np.concatenate(([-np.inf], lines, [np.inf])), side="left")
    records = np.concatenate(([0.0], np.cumsum(n)))[ends]
    sums = np.concatenate(([0.0], np.cumsum(n * x)))[ends]
    up = np.cumsum(n) - n
    ahead = np.concatenate(([0.0], np.cumsum(n * (x * up - (np.cumsum(n * x) - n * x)))))[ends]
    size = records[None, :] - records[:, None]
    pairs = (
        ahead[None, :] - ahead[:, None]
        - records[:, None] * (sums[None, :] - sums[:, None])
        + sums[:, None] * size
    )  # fmt: skip
    cost = np.where(size >= floor, 2 * pairs / np.maximum(size, 1e-30), np.inf)
    cost[np.tril_indices(len(cost))] = np.inf
    best = cost[0]
    ways: list[npt.NDArray[np.int64]] = []
    out = []
    for _ in range(2, MOST_BANDS + 1):
        total = best[:, None] + cost
        ways.append(np.argmin(total, axis=0))
        best = total[ways[-1], np.arange(len(cost))]
        if not np.isfinite(best[-1]):
            break
        at, cuts = len(cost) - 1, []
        for way in reversed(ways):
            at = int(way[at])
            cuts.append(float(lines[at - 1]))
        out.append(tuple(reversed(cuts)))
    return out


def _merged(values: Values, k: int) -> list[Option]:
    """Return the options of names: few-subject values together, those of one kind first."""
    members: dict[str, list[str]] = {}
    count: dict[str, int] = {}
    other = 0
    labels = _labels(values.hierarchy, values.texts, values.lowest)
    for text, label, n in zip(values.texts, labels, values.spread.count.tolist(), strict=True):
        if text is None or label is None:
            continue
        if values.lowest and label in {OTHER, UNPARSED}:
            other += int(n)
            continue
        members.setdefault(label, []).append(text)
        count[label] = count.get(label, 0) + int(n)
    names = list(count.items())
    folded = {text.casefold() for text in count}
    if len(names) + bool(other) < 3 or len(folded) < len(names) or len(names) > 5_000:
        return []
    if any(SET_JOINER in text or text in {OTHER, UNPARSED} for text in count):
        return []
    total = sum(count.values()) + other
    parents = _parents(values.attribute, list(count))
    found: list[Option] = []
    floor = k
    while floor <= total / 2:
        for parent in (None, *parents):
            groups = merge_rare(names, parent, floor, k, other)
            if len(groups) > 1 or (
                len(groups) == 1 and sum(map(len, groups.values())) < len(names) + bool(other)
            ):
                told = {g: tuple(t for one in of for t in members[one]) for g, of in groups.items()}
                rule = HierarchyStep(groups=told, name=MERGED)
                found.append(values.option(values.at_rule(rule), Shown(rule=rule)))
        floor *= 2
    return found


def _parents(attribute: Attribute, texts: list[str]) -> list[dict[str, str]]:
    """Return what values are alike: of one maker, one census group, one chapter of diagnoses."""
    of: dict[str, tuple[Step, ...]] = {
        "device": (FIRST_WORD,),
        "software": (FIRST_WORD,),
        "institution": (FIRST_WORD,),
        "race": (CENSUS,),
        "diag": (Diagnosis(), Diagnosis(chapter=True)),
    }
    steps = of.get(attribute.ladder or "", ())
    found = []
    for step in steps:
        labels = step.labels(Material(texts))
        parent = {t: la for t, la in zip(texts, labels, strict=True) if la not in {UNPARSED, t}}
        if len(set(parent.values())) < len(parent):
            found.append(parent)
    return found


def merge_rare(
    names: Sequence[tuple[str, int]],
    parent: dict[str, str] | None,
    floor: int,
    k: int,
    other: int = 0,
) -> dict[str, tuple[str, ...]]:
    """Return label -> values: rare values under what they have in common, the rest is "other".

    Parameters
    ----------
    names : sequence of (str, int)
        Values and their subjects.
    parent : dict of str to str, optional
        What a value is a kind of.
    floor : int
        Groups of fewer subjects are rare.
    k : int
        Subjects that "other" holds at least, unless it holds nobody.
    other : int
        Subjects that a level before has put there.

    Examples
    --------
    >>> merge_rare([("A", 30), ("B", 20), ("C", 4), ("D", 3)], None, 11, 11)
    {'A': ('A',)}
    """
    groups: dict[str, tuple[tuple[str, ...], int]] = {
        text: ((text,), n) for text, n in names if n >= floor
    }
    rare = [(text, n) for text, n in names if n < floor]
    rest = rare
    if parent is not None:
        rest = []
        gathered: dict[str, list[tuple[str, int]]] = {}
        for text, n in rare:
            if text in parent:
                gathered.setdefault(parent[text], []).append((text, n))
            else:
                rest.append((text, n))
        for label, members in gathered.items():
            n = sum(count for _, count in members)
            if n < floor or label == OTHER:
                rest += members
                continue
            taken = {name.casefold() for name in groups}
            shown = label if label.casefold() not in taken else f"{label} (rarer)"
            groups[shown] = (tuple(text for text, _ in members), n)
    left = other + sum(n for _, n in rest)
    while left and left < k and len(groups) > 1:
        least = min(groups, key=lambda label: (groups[label][1], label))
        left += groups.pop(least)[1]
    return {label: members for label, (members, _) in groups.items()}

"""The attributes of a table as a partition cuts them, and the sets that a class then shows.

An ordered attribute is cut at lines, and a class shows what lies between two lines, not the
smallest and largest value it happens to hold. A class shows names as a group of the attribute's
ladder, as a short list, or as everything but one or two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.recoding import OTHER, UNPARSED, DateBands, age_cuts, cuts_of_numbers
from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.options import Values, values_of
from midi_risk.recode.local.extent import Extent
from midi_risk.recode.local.partition import CutAxis, Shape
from midi_risk.recode.loss import loss_shares
from midi_risk.recode.steps import Setting, level_ranges
from midi_risk.table.model import SubjectTable
from midi_risk.table.repeated import WRITTEN_ONCE

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Sets = Literal["listed", "ladder"]
"""How classes show names: lists as well, or groups of the ladder only."""

MOST_LISTED = 4
"""Values that a class lists."""

MOST_EXCEPTED = 2
"""Values that a class names when it shows all others."""

IN_FILES = frozenset({"dicom", "bids", "sdtm"})
"""Sources in which some file may lack what another one of the same class has."""

CODED = frozenset({"dicom", "sdtm"})
"""Sources whose names are codes or short texts, so that no list fits."""

UNKNOWN = "unknown"
"""How a class says that some of its subjects have no value."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalAxis:
    """One attribute of a partition.

    Parameters
    ----------
    values : Values
        At the levels that the project allows.
    cut : CutAxis
    cell_of : ndarray of int64, shape (V,)
        Cell of each text; the missing ones share the last.
    labels : tuple of str
        What each known cell shows when it stands alone.
    known : int
        Number of known cells.
    lines : ndarray of float64, shape (known cells - 1,), optional
        Between neighbouring cells; None for names.
    groups : tuple of (str, ndarray of bool)
        Label of each group of the ladder with its cells, smallest first; for names.
    ladder_only : bool
        Whether names may be shown as groups of the ladder only.
    of_files : bool
        Whether it stands in elements of files: those that lack it must not be told from others
        of their class, so that it is removed where it is unknown of some.
    weight : float
        Share of the attribute in what a plan loses.
    before : ndarray of int64, shape (V,)
        Group of each text that no class may leave: of the level that it keeps, or of the
        coarsest level that the project allows.
    plan : ndarray of int64, shape (V,)
        Group of each text in the plan that the partition may begin from.
    pinned : bool
        Whether it stays at its level in the plan.
    follows : bool
        Whether it states what an attribute before it does, so that nothing is cut along it.
    """

    values: Values
    cut: CutAxis
    cell_of: Ints
    labels: tuple[str, ...]
    known: int
    lines: Floats | None
    groups: tuple[tuple[str, Bools], ...]
    ladder_only: bool
    of_files: bool
    weight: float
    before: Ints
    plan: Ints
    pinned: bool
    follows: bool
    _seen: dict[bytes, tuple[str | None, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the attribute."""
        return self.values.name

    @property
    def free(self) -> bool:
        """Whether classes are cut along it."""
        return not (self.pinned or self.follows)

    @property
    def keyed(self) -> bool:
        """Whether its values decide on the class of a subject."""
        return self.free or self.pinned or int(self.before.max(initial=0)) > 0

    @property
    def ordered(self) -> bool:
        """Whether it is cut at lines."""
        return self.lines is not None

    @property
    def whole(self) -> float:
        """Mean distance of two records."""
        return self.values.spread.whole()

    def band(self, low: int, high: int) -> str:
        """Return the label of the cells from one to before another."""
        assert self.lines is not None  # noqa: S101 - only asked of an ordered attribute
        if high - low == 1 and self.labels[low]:
            return self.labels[low]
        cuts = [float(self.lines[low - 1])] if low else []
        cuts += [float(self.lines[high - 1])] if high < self.known else []
        kind = self.values.attribute.kind
        if kind is Kind.DATE:
            names = DateBands(tuple(cuts)).names()
        else:
            bands = age_cuts(cuts) if kind is Kind.AGE else cuts_of_numbers(cuts)
            names = [label for _, label in bands.edges]
        return names[1 if low and high < self.known else -1 if low else 0]

    def figures(self, shape: Shape, number: int) -> tuple[Floats, Floats]:
        """Return the records of the set that each class shows, and its extent in [0, 1].

        The extent is that of NCP: the width of a band over the range of all values, the further
        names over all further names.
        """
        n = float(self.values.spread.count.sum())
        if not self.ordered:
            bits, at = np.unique(shape.held[number], axis=0, return_inverse=True)
            told = [
                self.named(np.unpackbits(row)[: self.cut.cells].astype(bool))[1] for row in bits
            ]
            held = [float((self.values.spread.count * of[self.cell_of]).sum()) for of in told]
            wide = [max(0, int(of.sum()) - 1) / max(1, self.cut.cells - 1) for of in told]
            return np.array(held)[at.reshape(-1)], np.array(wide)[at.reshape(-1)]
        place, _, records, _ = self._prefix()
        low, high, known = shape.low[number], shape.high[number], shape.known[number]
        low, high = np.minimum(low, self.known), np.minimum(high, self.known)
        held_ = np.where(known, records[place[high]] - records[place[low]], 0.0)
        held_ = held_ + np.where(shape.blank[number], self._without(), 0.0)
        full = (low == 0) & (high == self.known) & known & (self.known > 1)
        full |= self.of_files & known & shape.blank[number]
        assert self.lines is not None  # noqa: S101 - it is ordered
        edge = _edges(self.values, self.lines)
        wide_ = np.where(known & (high > low), edge[high] - edge[low], 0.0)
        wide_ = wide_ / max(float(edge[-1] - edge[0]), 1e-30)
        wide_ = np.where(high - low == 1, 0.0, np.minimum(wide_, 1.0))
        return np.where(full, n, held_), np.where(full, 1.0, wide_)

    def ends(self, low: int, high: int) -> tuple[float | None, float | None]:
        """Return the lines around cells, None where the band is open."""
        assert self.lines is not None  # noqa: S101 - only asked of an ordered attribute
        below = float(self.lines[high - 1]) if 0 < high < self.known else None
        return (float(self.lines[low - 1]) if 0 < low <= len(self.lines) else None), below

    def named(self, held: Bools) -> tuple[str | None, Bools]:
        """Return what a class shows of the cells that it holds, and the cells it then may hold.

        Parameters
        ----------
        held : ndarray of bool, shape (cells,)
        """
        some = held[: self.known]
        blank = bool(held[self.known :].any())
        everything = np.ones(len(held), dtype=bool)
        if not some.any():
            return None, held
        if blank and self.of_files:
            return None, everything
        count = int(some.sum())
        label, shown = self._of_names(some, count)
        if label is None:
            return None, everything
        told = np.append(shown, held[self.known :])
        return (f"{label} or {UNKNOWN}" if blank else label), told

    def _of_names(self, some: Bools, count: int) -> tuple[str | None, Bools]:
        names = [self.labels[i] for i in np.flatnonzero(some).tolist()]
        each_alone = not any(SET_JOINER in name for name in names)
        if count == 1 and each_alone:
            return names[0], some
        exact = next((label for label, of in self.groups if (of == some).all()), None)
        if exact is not None and (exact != OTHER or self.ladder_only or count > MOST_LISTED):
            return exact, some
        if not self.ladder_only and count < self.known:
            if count <= MOST_LISTED and each_alone:
                return " or ".join(names), some
            left = [self.labels[i] for i in np.flatnonzero(~some).tolist()]
            if len(left) <= MOST_EXCEPTED and not any(SET_JOINER in name for name in left):
                return f"other than {' or '.join(left)}", some
        for label, of in self.groups:
            if not (some & ~of).any() and not of.all():
                return label, of
        return None, np.ones(self.known, dtype=bool)

    def costs(self, shape: Shape, number: int) -> Floats:
        """Return what a record of each class loses by the measure that is cut by."""
        if self.cut.extent is None:
            return self.shares(shape, number)
        return self.figures(shape, number)[1]

    def shares(self, shape: Shape, number: int) -> Floats:
        """Return what a record of each class loses of this attribute, of losing it altogether."""
        if self.whole <= 0:
            return np.zeros(len(shape.size))
        if self.ordered:
            low, high = shape.low[number], shape.high[number]
            return self._between(low, high, shape.known[number], shape.blank[number])
        bits, place = np.unique(shape.held[number], axis=0, return_inverse=True)
        each = np.array([self.of_bits(row)[1] for row in bits])
        return np.asarray(each[place.reshape(-1)], dtype=np.float64)

    def of_bits(self, bits: npt.NDArray[np.uint8]) -> tuple[str | None, float]:
        """Return label and share of a set of cells."""
        key = bits.tobytes()
        if key not in self._seen:
            held = np.unpackbits(bits)[: self.cut.cells].astype(bool)
            label, told = self.named(held)
            spread = self.values.spread
            part = Spread(count=spread.count * told[self.cell_of], at=spread.at)
            self._seen[key] = label, part.whole() / self.whole if self.whole > 0 else 0.0
        return self._seen[key]

    def _between(self, low: Ints, high: Ints, known: Bools, blank: Bools) -> Floats:
        """Return the mean distance of records between lines, over that of all."""
        place, ahead, records, sums = self._prefix()
        full = (low == 0) & (high == self.known) & known & (self.known > 1)
        full |= self.of_files & known & blank
        p, q = place[np.minimum(low, self.known)], place[np.minimum(high, self.known)]
        pairs = ahead[q] - ahead[p] - records[p] * (sums[q] - sums[p])
        pairs = 2 * (pairs + sums[p] * (records[q] - records[p]))
        some = np.where(known, records[q] - records[p], 0.0)
        without = np.where(blank, self._without(), 0.0)
        n = np.maximum(some + without, 1e-30)
        apart = np.where(known, pairs, 0.0) + 2 * self.cut.apart * some * without
        return np.where(full, 1.0, np.maximum(apart / n**2, 0.0) / self.whole)

    def _without(self) -> float:
        spread = self.values.spread
        assert spread.at is not None  # noqa: S101 - only asked of an ordered attribute
        return float(spread.count[~np.isfinite(spread.at)].sum())

    def _prefix(self) -> tuple[Ints, Floats, Floats, Floats]:
        """Return where cells begin among the sorted texts, and sums up to each text."""
        place_of, count = self.values.spread.at, self.values.spread.count
        assert place_of is not None  # noqa: S101 - only asked of an ordered attribute
        have = np.isfinite(place_of) & (self.cell_of < self.known)
        order = np.argsort(place_of[have], kind="stable")
        x, n = place_of[have][order], count[have][order]
        cell = self.cell_of[have][order]
        place = np.searchsorted(cell, np.arange(self.known + 1))
        up, held = np.cumsum(n) - n, np.cumsum(n * x) - n * x
        ahead = np.concatenate(([0.0], np.cumsum(n * (x * up - held))))
        records = np.concatenate(([0.0], np.cumsum(n)))
        return place, ahead, records, np.concatenate(([0.0], np.cumsum(n * x)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a partition is made of.

    Parameters
    ----------
    table : SubjectTable
        As folded.
    setting : Setting
        Of its fixed levels.
    ceilings : mapping of str to int
        Coarsest level allowed, by attribute.
    given : mapping of str to Hierarchy
        The user's own.
    levels : mapping of str to int
        Of the plan that it may begin from.
    planned : Setting
        Of that plan.
    facts : sequence of sequence of str
        Attributes that state one fact, the one that says most first.
    sets : {"listed", "ladder"}
    by_extent : bool
        Whether what is lost is the extent of sets, not the mean distance inside them.
    """

    table: SubjectTable
    setting: Setting
    ceilings: Mapping[str, int]
    given: Mapping[str, Hierarchy]
    levels: Mapping[str, int]
    planned: Setting
    facts: Sequence[Sequence[str]]
    sets: Sets
    by_extent: bool = False


def local_axes(source: Source) -> list[LocalAxis]:
    """Return the attributes of a partition, in the order of their names."""
    setting = source.setting
    shares = loss_shares(source.planned.attributes).shares
    seconds = {name for names in source.facts for name in names[1:]}
    ranges = level_ranges(setting)
    found = []
    for attribute in sorted(setting.attributes, key=lambda a: a.name):
        name = attribute.name
        low, high = ranges[name]
        hierarchy = setting.hierarchies[name]
        ceiling = max(low, min(high, source.ceilings.get(name, high)))
        own = name in source.given or attribute.hierarchy_steps is not None
        column = source.table.frame[name].to_numpy(dtype=object)
        values = values_of(attribute, column, hierarchy, low, ceiling, adaptive=not own)
        planned = _groups_of(values, source.planned.hierarchies[name], source.levels[name])
        pinned = low == high or not _by_subject(source.table, attribute, values)
        follows = name in seconds
        axis = _axis(values, planned, shares[name], source, pinned=pinned, follows=follows)
        found.append(axis)
    return found


def _by_subject(table: SubjectTable, attribute: Attribute, values: Values) -> bool:
    """Tell whether one value of each subject can be written wherever the attribute stands."""
    if attribute.kind is Kind.DATE and attribute.vr in {"DA", "DT"}:
        return False
    several = table.repeated.get(attribute.name)
    if several is None or attribute.kind in WRITTEN_ONCE:
        return True
    if attribute.kind is not Kind.CATEGORY:
        return False
    # A group of the set of all values of a subject is true of each of them.
    rows = table.frame.index.get_indexer(pd.Index(several.keys, dtype=object))
    texts = np.array([*values.texts, None], dtype=object)[np.append(values.codes, -1)[rows]]
    return all(text is None or SET_JOINER in text for text in texts.tolist())


def _groups_of(values: Values, hierarchy: Hierarchy, level: int) -> Ints:
    """Return the group of each text at a level of a hierarchy, the last one hides all."""
    if level == len(hierarchy.level_names) - 1:
        return np.zeros(len(values.texts), dtype=np.int64)
    rows = dict(zip(hierarchy.frame.iloc[:, 0], hierarchy.frame.iloc[:, level], strict=True))
    labels = [None if t is None else str(rows[t]) for t in values.texts]
    return _numbered(labels)


def _numbered(labels: Sequence[str | None]) -> Ints:
    """Return a dense number of each label, in the order of the labels."""
    codes, _ = pd.factorize(np.array(["" if x is None else f"={x}" for x in labels], dtype=object),
                            sort=True)  # fmt: skip
    return codes.astype(np.int64)


def _merges(fine: Ints, coarse: Ints) -> bool:
    """Tell whether a grouping only merges groups of another."""
    parent = np.zeros(int(fine.max(initial=-1)) + 1, dtype=np.int64)
    parent[fine] = coarse
    return bool((parent[fine] == coarse).all())


def _labels_at(values: Values, level: int) -> list[str | None]:
    """Return the label of each text at a level, None for what is missing or removed there."""
    rows = values.hierarchy.frame
    of = dict(zip(rows.iloc[:, 0], rows.iloc[:, level], strict=True))
    found = [None if t is None else str(of[t]) for t in values.texts]
    return [None if label == UNPARSED else label for label in found]


def _axis(
    values: Values, plan: Ints, weight: float, source: Source, *, pinned: bool, follows: bool
) -> LocalAxis:
    """Return the axis of an attribute; one whose cells do not fit the plan keeps its level."""
    labels = _labels_at(values, values.lowest)
    lines = None if pinned or not values.unit else _lines(values, labels)
    if lines is None:
        names = sorted({label for label in labels if label is not None})
        number = {label: i for i, label in enumerate(names)}
        cells_of = [len(names) if x is None else number[x] for x in labels]
        cell_of = np.array(cells_of, dtype=np.int64)
        known = len(names)
    else:
        place = values.spread.at
        assert place is not None  # noqa: S101 - there are lines
        known = len(lines) + 1
        cell_of = np.searchsorted(lines, place, side="right").astype(np.int64)
        cell_of[~np.isfinite(place)] = known
        names = _cell_names(labels, cell_of, known)
    ceiling = values.at_level(values.highest)
    before = plan if pinned else ceiling
    fits = _merges(cell_of, plan) and _merges(cell_of, before)
    if not fits and lines is not None:
        return _axis(values, plan, weight, source, pinned=True, follows=follows)
    if not fits:
        before, pinned = plan, True
    strict = source.sets == "ladder" or values.spread.at is not None
    kinds = {str(one["name"]): str(one["kind"]) for one in source.table.sources}
    kind = kinds.get(values.attribute.source, "")
    of_files = kind in IN_FILES
    groups = () if lines is not None else _ladder_groups(values, cell_of, known)
    cells = known + int((cell_of == known).any())
    whole = values.spread.whole()
    ladder_only = strict or kind in CODED
    extent = None
    if source.by_extent:
        extent = Extent(
            weight=0.0 if follows else weight, cells=cells, known=known,
            edge=np.empty(0) if lines is None else _edges(values, lines),
            groups=np.array([of for _, of in groups], dtype=np.float64).reshape(-1, known),
            listed=0 if ladder_only else MOST_LISTED, excepted=0 if ladder_only else MOST_EXCEPTED,
            of_files=of_files,
        )  # fmt: skip
    cut = CutAxis(
        codes=cell_of[values.codes].astype(np.int32),
        cells=cells,
        at=None if lines is None else _middles(values, cell_of, known),
        apart=0.0 if lines is None else _apart(values),
        scale=0.0 if whole <= 0 or follows else weight / whole,
        levels=() if lines is not None else _cut_levels(groups, cells, known),
        round_places=() if lines is None else _round_places(lines, values.round_unit),
        held=None if lines is None or follows else _held(values, cell_of, known),
        last_line=0 if lines is None else _last_line(values, lines),
        extent=extent,
    )
    return LocalAxis(
        values=values, cut=cut, cell_of=cell_of, labels=tuple(names), known=known, lines=lines,
        groups=groups, ladder_only=ladder_only, of_files=of_files,
        weight=0.0 if follows else weight, before=before, plan=plan, pinned=pinned,
        follows=follows,
    )  # fmt: skip


def _edges(values: Values, lines: Floats) -> Floats:
    """Return where the cells of an ordered attribute begin, and where the last one ends."""
    at = values.spread.at
    assert at is not None  # noqa: S101 - there are lines
    some = at[np.isfinite(at)]
    return np.concatenate(([some.min()], lines, [some.max()]))


def _held(values: Values, cell_of: Ints, known: int) -> Ints:
    """Return the records of each known cell."""
    return np.bincount(cell_of[values.codes], minlength=known)[:known].astype(np.int64)


OLDEST = 90.0
"""Years from which ages stay together: no band of them ends before its cut line."""


def _last_line(values: Values, lines: Floats) -> int:
    """Return the line before which a band may end at a value."""
    if values.attribute.kind is not Kind.AGE:
        return len(lines) + 1
    return int(np.searchsorted(lines, OLDEST, side="right")) + 1


def _cell_names(labels: Sequence[str | None], cell_of: Ints, known: int) -> list[str]:
    """Return what each cell between lines shows alone."""
    held: list[set[str]] = [set() for _ in range(known)]
    for label, cell in zip(labels, cell_of.tolist(), strict=True):
        if cell < known and label is not None:
            held[cell].add(label)
    return [next(iter(each)) if len(each) == 1 else "" for each in held]


def _lines(values: Values, labels: Sequence[str | None]) -> Floats | None:
    """Return the roundest legal line in each gap between values, None where there is none.

    A line that parts two values with one label would tell more than the level that the project
    has decided on.
    """
    at = values.spread.at
    if at is None:
        return None
    known = np.array([x is not None for x in labels]) & np.isfinite(at)
    if not known.any() or (np.isfinite(at) & ~known).any():
        return None
    if values.edges is not None:
        found = values.edges
    else:
        if values.lowest and len({x for x in labels if x is not None}) < len(np.unique(at[known])):
            return None
        place = np.unique(at[known])
        found = np.array(list(_in_gaps(place, values.unit, values.round_unit)))
    if not len(found):
        return None
    return found


def _in_gaps(place: Floats, unit: float, coarse: float) -> Iterator[float]:
    """Yield the roundest line in each gap that holds one."""
    steps = sorted({unit, coarse, 2 * coarse}, reverse=True)
    for low, high in zip(place[:-1].tolist(), place[1:].tolist(), strict=True):
        for step in steps:
            line = round(np.floor(high / step + 1e-9) * step, 10)
            if low < line <= high:
                yield float(line)
                break


def _middles(values: Values, cell_of: Ints, known: int) -> Floats:
    """Return the mean place of each cell, from the middle of all."""
    at, count = values.spread.at, values.spread.count
    assert at is not None  # noqa: S101 - only asked of an ordered attribute
    have = cell_of < known
    total = np.bincount(cell_of[have], weights=count[have], minlength=known)
    sums = np.bincount(cell_of[have], weights=count[have] * at[have], minlength=known)
    middle = sums / np.maximum(total, 1e-30)
    return np.asarray(middle - np.median(middle), dtype=np.float64)


def _apart(values: Values) -> float:
    """Return how far a missing record lies from a known one: as two known ones on average."""
    at, count = values.spread.at, values.spread.count
    assert at is not None  # noqa: S101 - only asked of an ordered attribute
    have = np.isfinite(at)
    return Spread(count=count[have], at=at[have]).whole()


def _round_places(lines: Floats, coarse: float) -> tuple[Ints, ...]:
    """Return, roundest first, the next cell from each one on whose upper line is so round."""
    found = []
    for step in (2 * coarse, coarse):
        good = np.abs(lines / step - np.round(lines / step)) < 1e-6
        ahead = np.full(len(lines) + 1, len(lines) + 1, dtype=np.int64)
        for i in range(len(lines) - 1, -1, -1):
            ahead[i] = i if good[i] else ahead[i + 1]
        found.append(ahead)
    return tuple(found)


def _ladder_groups(values: Values, cell_of: Ints, known: int) -> tuple[tuple[str, Bools], ...]:
    """Return the groups of the ladder, smallest first."""
    found: dict[tuple[str, bytes], Bools] = {}
    other = False
    for level in range(values.lowest + 1, min(values.highest + 1, _last(values))):
        labels = _labels_at(values, level)
        held: dict[str, Bools] = {}
        # One word for two sets would say nothing; below a ceiling it is the ceiling's.
        told = level == values.highest if values.highest < _last(values) else not other
        for label, cell in zip(labels, cell_of.tolist(), strict=True):
            if label is not None and cell < known and (label != OTHER or told):
                held.setdefault(label, np.zeros(known, dtype=bool))[cell] = True
        # A label that leaves out part of a cell is none of it.
        whole = _merges(cell_of, _numbered(labels))
        found |= {(x, of.tobytes()): of for x, of in held.items() if whole and SET_JOINER not in x}
        other = other or OTHER in held
    return tuple(
        (label, of) for (label, _), of in sorted(found.items(), key=lambda e: (e[1].sum(), e[0]))
    )


def _last(values: Values) -> int:
    return len(values.hierarchy.level_names) - 1


def _cut_levels(groups: Sequence[tuple[str, Bools]], cells: int, known: int) -> tuple[Ints, ...]:
    """Return single cells, and then the groups of the ladder, as what is cut from the rest."""
    out = [np.arange(cells, dtype=np.int64)]
    left = [of for _, of in groups]
    while left:
        level = np.arange(cells, dtype=np.int64)
        taken = np.zeros(known, dtype=bool)
        rest = []
        for of in left:
            if (of & taken).any():
                rest.append(of)
            else:
                taken |= of
                level[:known][of] = np.argmax(of)
        left = rest
        out.append(np.unique(level, return_inverse=True)[1].reshape(-1).astype(np.int64))
    return tuple(out)

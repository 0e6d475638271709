"""A greedy partition of subjects into classes, the best cut of each class in every round.

The Mondrian family (LeFevre et al. 2006, doi:10.1109/ICDE.2006.101): a class is cut in two along
one attribute while both sides hold enough subjects. The cut is the one that loses least, not the
one through the median of the widest attribute, and all classes of a round are cut at once: the
counts of a class by value are one row of a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from midi_risk.recode.local.extent import Extent

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Check = Callable[[Ints, Ints, int], Bools]
"""Records, their class, and the number of classes -> which classes fail a further criterion."""

CELLS = 2_000_000
"""Cells of a matrix of classes and values that are counted at once."""

LEAST_GAIN = 1e-9
"""What a cut has to save, in records."""

TRIES = 24
"""Cuts of one class that are tried before it stays whole, where criteria go beyond its size."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CutAxis:
    """One attribute as the partition sees it.

    Parameters
    ----------
    codes : ndarray of int32, shape (N,)
        Cell of each record: the known ones, in order where there is one, then the missing one.
    cells : int
        Number of cells.
    at : ndarray of float64, shape (known cells,), optional
        Place of each known cell; None for names.
    apart : float
        Mean distance of a known and a missing record of an ordered attribute.
    scale : float
        Weight over the mean distance of all records.
    levels : tuple of ndarray of int64, shape (cells,)
        Dense groups of the cells that may be told from the rest, single cells first; for names.
    round_places : tuple of ndarray of int64, shape (cells,)
        Roundest first: the next cell from each one on whose upper line is so round.
    held : ndarray of int64, shape (known cells,), optional
        Records of each known cell in the whole table, where a band may end before its cut line.
    last_line : int
        Behind the last line at which a band may end so.
    extent : Extent, optional
        Where cuts are chosen by the extent of sets, not by the mean distance inside them.
    """

    codes: npt.NDArray[np.int32]
    cells: int
    at: Floats | None
    apart: float
    scale: float
    levels: tuple[Ints, ...] = ()
    round_places: tuple[Ints, ...] = ()
    held: Ints | None = None
    last_line: int = 0
    extent: Extent | None = None


@dataclass(slots=True, eq=False)
class Tree:
    """The classes of a partition with those that they were cut from.

    Parameters
    ----------
    leaf : ndarray of int64, shape (N,)
        Class of each record.
    left, right : ndarray of int64, shape (nodes,)
        Parts of a class; -1 where it was not cut. Parts have larger numbers than the whole.
    axis, place : ndarray of int64, shape (nodes,)
        Which attribute was cut, and after which cell; -1 for names.
    gain : ndarray of float64, shape (nodes,)
        What the cut saved.
    valid : ndarray of bool, shape (nodes,)
        Whether a class may be shown.
    """

    leaf: Ints
    left: Ints
    right: Ints
    axis: Ints
    place: Ints
    gain: Floats
    valid: Bools

    @property
    def nodes(self) -> int:
        """Number of classes, cut ones included."""
        return len(self.left)


@dataclass(slots=True, eq=False)
class Cuts:
    """Cuts on offer, the best of each class first: shape (classes, offers)."""

    gain: Floats
    axis: Ints
    level: Ints
    place: Ints

    def of(self, classes: Ints) -> Cuts:
        """Return the cuts of some classes."""
        return Cuts(
            self.gain[classes], self.axis[classes], self.level[classes], self.place[classes]
        )

    def best(self) -> Cuts:
        """Return the cut of each class that saves most."""
        at = np.argmax(self.gain, axis=1)[:, None]
        return Cuts(
            np.take_along_axis(self.gain, at, axis=1), np.take_along_axis(self.axis, at, axis=1),
            np.take_along_axis(self.level, at, axis=1), np.take_along_axis(self.place, at, axis=1),
        )  # fmt: skip

    def put(self, classes: Bools, other: Cuts) -> None:
        """Take the cuts of some classes from elsewhere."""
        for mine, theirs in ((self.gain, other.gain), (self.axis, other.axis),
                             (self.level, other.level), (self.place, other.place)):  # fmt: skip
            mine[classes] = theirs[classes]


def grow(axes: Sequence[CutAxis], start: Ints, nodes: int, k: int, check: Check | None) -> Tree:
    """Cut classes in two until no cut leaves both sides admissible.

    Parameters
    ----------
    axes : sequence of CutAxis
        In an order that does not depend on the order of columns: it decides between equal cuts.
    start : ndarray of int64, shape (N,)
        Class of each record to begin with.
    nodes : int
        Number of these.
    k : int
        Smallest class.
    check : callable, optional
        Further criteria.

    Returns
    -------
    Tree
        Without an admissible cut a class stays whole, and is not valid where it failed before.
    """
    size = np.bincount(start, minlength=nodes)
    valid = size >= k
    everybody = np.arange(len(start))
    if check is not None and len(start):
        valid &= ~check(everybody, start, nodes)
    parts = _Parts(nodes, valid)
    tree_of = start.astype(np.int64).copy()
    records, here = everybody, tree_of.astype(np.int32)
    active = np.flatnonzero(size >= 2 * k) if len(axes) else np.empty(0, dtype=np.int64)
    while len(active):
        number = np.full(parts.count, -1, dtype=np.int32)
        number[active] = np.arange(len(active), dtype=np.int32)
        here = number[tree_of[records]]
        stays = here >= 0
        records, here = records[stays], here[stays]
        records, here = _sorted(axes, records, here, len(active))
        cuts = _offers(axes, records, here, len(active), k, several=check is not None)
        active = _apply(axes, parts, tree_of, records, here, active, cuts, k, check)
    return parts.tree(tree_of)


class _Parts:
    """The nodes of a tree that grows."""

    def __init__(self, nodes: int, valid: Bools) -> None:
        self.count = nodes
        self._cut: list[tuple[Ints, Ints, Ints, Ints, Floats]] = []
        self._valid = [valid]

    def cut(self, whole: Ints, axis: Ints, place: Ints, gain: Floats) -> Ints:
        """Note cuts; return the left parts, the right ones follow each by one."""
        left = self.count + 2 * np.arange(len(whole), dtype=np.int64)
        self.count += 2 * len(whole)
        self._cut.append((whole, left, axis, place, gain))
        self._valid.append(np.ones(2 * len(whole), dtype=bool))
        return left

    def tree(self, leaf: Ints) -> Tree:
        """Return the tree."""
        left = np.full(self.count, -1, dtype=np.int64)
        right, axis, place = left.copy(), left.copy(), left.copy()
        gain = np.zeros(self.count)
        for whole, lefts, on, at, saved in self._cut:
            left[whole], right[whole] = lefts, lefts + 1
            axis[whole], place[whole], gain[whole] = on, at, saved
        return Tree(leaf, left, right, axis, place, gain, np.concatenate(self._valid))


def _sorted(
    axes: Sequence[CutAxis], records: Ints, here: npt.NDArray[np.int32], classes: int
) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Return records in the order of their class, where the classes are counted in parts."""
    if classes * max(axis.cells for axis in axes) <= CELLS:
        return records, here
    order = np.argsort(here, kind="stable")
    return records[order], here[order]


def _offers(
    axes: Sequence[CutAxis],
    records: Ints,
    here: npt.NDArray[np.int32],
    classes: int,
    k: int,
    *,
    several: bool,
) -> Cuts:
    """Return the cuts on offer for each class, the best first."""
    made = [
        offers_along(axis, number, records, here, classes, k, several=several)
        for number, axis in enumerate(axes)
    ]
    gain = np.concatenate([cuts.gain for cuts in made], axis=1)
    if not several:
        best = np.argmax(gain, axis=1)[:, None]
    else:
        best = np.argsort(-gain, axis=1, kind="stable")[:, :TRIES]

    def taken(name: str) -> npt.NDArray[np.generic]:
        whole = np.concatenate([getattr(cuts, name) for cuts in made], axis=1)
        return np.take_along_axis(whole, best, axis=1)

    return Cuts(*(taken(name) for name in ("gain", "axis", "level", "place")))  # type: ignore[arg-type]


def offers_along(
    axis: CutAxis,
    number: int,
    records: Ints,
    here: npt.NDArray[np.int32],
    classes: int,
    k: int,
    *,
    several: bool,
) -> Cuts:
    """Return the cuts of one attribute on offer."""
    codes = axis.codes[records]
    step = max(1, CELLS // axis.cells)
    if classes <= step:
        ends = [(0, classes, slice(None))]
    else:
        edges = np.append(np.arange(0, classes, step), classes)
        at = np.searchsorted(here, edges)
        ends = [
            (int(a), int(b), slice(int(i), int(j)))
            for a, b, i, j in zip(edges[:-1], edges[1:], at[:-1], at[1:], strict=True)
        ]
    found = []
    for first, last, part in ends:
        cell = (here[part] - np.int32(first)).astype(np.int64) * axis.cells + codes[part]
        counts = np.bincount(cell, minlength=(last - first) * axis.cells)
        counts = counts.reshape(last - first, axis.cells)
        cut = _ordered if axis.at is not None else _named
        found.append(cut(axis, counts, k, several=several))
    gain, level, place = (np.concatenate(each, axis=0) for each in zip(*found, strict=True))
    return Cuts(gain, np.full(gain.shape, number, dtype=np.int64), level, place)


def _ordered(axis: CutAxis, counts: Ints, k: int, *, several: bool) -> tuple[Floats, Ints, Ints]:
    """Return gain, level (0) and place of the cuts of an ordered attribute."""
    assert axis.at is not None  # noqa: S101 - only asked of an ordered attribute
    known = len(axis.at)
    m = counts[:, :known].astype(np.float64)
    missing = counts[:, known:].sum(axis=1).astype(np.float64)[:, None]
    upto = np.cumsum(m, axis=1)
    mx = m * axis.at
    sums = np.cumsum(mx, axis=1)
    pairs = 2 * np.cumsum(mx * (upto - m) - m * (sums - mx), axis=1)
    c_all, x_all, s_all = upto[:, -1:], sums[:, -1:], pairs[:, -1:]
    over = c_all - upto
    above = s_all - pairs - 2 * (upto * (x_all - sums) - over * sums)
    n = c_all + missing
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = (s_all + 2 * axis.apart * c_all * missing) / n
        parts = pairs / upto + (above + 2 * axis.apart * over * missing) / (over + missing)
    saved = (whole - parts) * axis.scale
    if axis.extent is not None:
        saved = axis.extent.of_line(m, missing[:, 0])
    good = (upto >= k) & (over + missing >= k)
    gain = np.where(good, saved, -np.inf)
    gain[gain < LEAST_GAIN] = -np.inf
    if not several:
        place = np.argmax(gain, axis=1)[:, None]
    else:
        middle = np.where(good, np.abs(2 * upto - n), np.inf)
        best = np.argsort(-gain, axis=1, kind="stable")[:, :4]
        place = np.column_stack([best, np.argmin(middle, axis=1)])
    found = np.take_along_axis(gain, place, axis=1)
    reach = np.take_along_axis(upto, place, axis=1)
    place = np.column_stack(
        [_roundest(axis, upto, place[:, j], reach[:, j]) for j in range(place.shape[1])]
    )
    return found, np.zeros(place.shape, dtype=np.int64), place


def _roundest(axis: CutAxis, upto: Floats, place: Ints, reach: Floats) -> Ints:
    """Return, of the lines that part a class alike, the roundest."""
    first = np.argmax(upto >= reach[:, None], axis=1)
    last = np.minimum((upto <= reach[:, None]).sum(axis=1) - 1, upto.shape[1] - 2)
    place = np.where(reach >= upto[:, -1], upto.shape[1] - 1, place)
    chosen = place.copy()
    left = (last > first) & (reach < upto[:, -1])
    for ahead in axis.round_places:
        to = ahead[np.minimum(first, len(ahead) - 1)]
        here = left & (to <= last)
        chosen[here] = to[here]
        left &= ~here
    return chosen


def _named(axis: CutAxis, counts: Ints, k: int, *, several: bool) -> tuple[Floats, Ints, Ints]:
    """Return gain, level and group of the cuts of a group of names from the rest."""
    m = counts.astype(np.float64)
    n = m.sum(axis=1, keepdims=True)
    squares = (m**2).sum(axis=1, keepdims=True)
    gains, levels, groups = [], [], []
    for level, group in enumerate(axis.levels):
        inside, held = _by_group(m, group)
        if axis.extent is not None:
            gain = axis.extent.of_group(m, group, inside)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                parts = n - held / inside - (squares - held) / (n - inside)
                gain = ((n - squares / n) - parts) * axis.scale
        good = (inside >= k) & (n - inside >= k)
        gain = np.where(good, gain, -np.inf)
        gain[gain < LEAST_GAIN] = -np.inf
        best = (
            np.argsort(-gain, axis=1, kind="stable")[:, :4]
            if several
            else np.argmax(gain, axis=1)[:, None]
        )
        gains.append(np.take_along_axis(gain, best, axis=1))
        levels.append(np.full(best.shape, level, dtype=np.int64))
        groups.append(best)
    return (
        np.concatenate(gains, axis=1),
        np.concatenate(levels, axis=1),
        np.concatenate(groups, axis=1),
    )


def _by_group(m: Floats, group: Ints) -> tuple[Floats, Floats]:
    """Return the records of each group, and the squares of its cells added up."""
    order = np.argsort(group, kind="stable")
    if len(order) == int(group.max(initial=-1)) + 1:
        return m[:, order], m[:, order] ** 2
    first = np.searchsorted(group[order], np.arange(int(group.max()) + 1))
    moved = m[:, order]
    return (
        np.asarray(np.add.reduceat(moved, first, axis=1), dtype=np.float64),
        np.asarray(np.add.reduceat(moved**2, first, axis=1), dtype=np.float64),
    )


def _apply(
    axes: Sequence[CutAxis],
    parts: _Parts,
    tree_of: Ints,
    records: Ints,
    here: npt.NDArray[np.int32],
    active: Ints,
    cuts: Cuts,
    k: int,
    check: Check | None,
) -> Ints:
    """Cut each class by the first of its cuts that stands; return the parts to be cut further."""
    open_ = np.isfinite(cuts.gain[:, 0])
    children: list[Ints] = []
    for turn in range(cuts.gain.shape[1]):
        open_ &= np.isfinite(cuts.gain[:, turn])
        if not open_.any():
            break
        chosen = np.flatnonzero(open_)
        inside = open_[here]
        mine, of = records[inside], here[inside]
        right = sides(axes, cuts, turn, mine, of)
        stands = open_.copy()
        if check is not None:
            place = np.cumsum(open_) - 1
            failed = check(mine, 2 * place[of] + right, 2 * len(chosen))
            stands[chosen] = ~(failed[::2] | failed[1::2])
        done = np.flatnonzero(stands)
        if len(done):
            left = parts.cut(
                active[done], cuts.axis[done, turn],
                np.where(np.array([a.at is not None for a in axes])[cuts.axis[done, turn]],
                         cuts.place[done, turn], -1),
                cuts.gain[done, turn],
            )  # fmt: skip
            new = np.full(len(active), -1, dtype=np.int64)
            new[done] = left
            cut = stands[of]
            tree_of[mine[cut]] = new[of[cut]] + right[cut]
            sizes = np.bincount(tree_of[mine[cut]] - left[0], minlength=2 * len(done))
            children.append(left[0] + np.flatnonzero(sizes >= 2 * k))
        open_ &= ~stands
    return np.concatenate(children) if children else np.empty(0, dtype=np.int64)


def sides(
    axes: Sequence[CutAxis], cuts: Cuts, turn: int, records: Ints, here: npt.NDArray[np.int32]
) -> Ints:
    """Return 1 for each record on the right of the cut of its class, 0 on the left."""
    on = cuts.axis[:, turn][here]
    right = np.zeros(len(records), dtype=np.int64)
    for number, axis in enumerate(axes):
        mine = np.flatnonzero(on == number)
        if not len(mine):
            continue
        of, codes = here[mine], axis.codes[records[mine]]
        place = cuts.place[:, turn][of]
        if axis.at is not None:
            right[mine] = codes > place
            continue
        level = cuts.level[:, turn][of]
        for number_of_level, group in enumerate(axis.levels):
            some = level == number_of_level
            right[mine[some]] = group[codes[some]] != place[some]
    return right


@dataclass(slots=True, eq=False)
class Shape:
    """What each class of a tree holds.

    Parameters
    ----------
    size : ndarray of int64, shape (nodes,)
    low, high : dict of int to ndarray of int64, shape (nodes,)
        Of the ordered attributes: first known cell, and the one behind the last, between lines.
    blank, known : dict of int to ndarray of bool, shape (nodes,)
        Of the ordered attributes: whether a record has no value, and whether one has a value.
    held : dict of int to ndarray of uint8, shape (nodes, bytes)
        Of the names: bits of the cells that records have.
    """

    size: Ints
    low: dict[int, Ints] = field(default_factory=dict)
    high: dict[int, Ints] = field(default_factory=dict)
    blank: dict[int, Bools] = field(default_factory=dict)
    known: dict[int, Bools] = field(default_factory=dict)
    held: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)


def shape_of(
    axes: Sequence[CutAxis], tree: Tree, low: dict[int, Ints], high: dict[int, Ints], k: int
) -> Shape:
    """Return what the classes of a tree hold.

    Parameters
    ----------
    axes : sequence of CutAxis
        Those that were cut, and any others.
    tree : Tree
    low, high : dict of int to ndarray of int64, shape (start classes,)
        Between which cells of the ordered attributes the first classes lie.
    k : int
        Subjects that a value must have so that a band may end at it.
    """
    nodes = tree.nodes
    generations = list(_generations(tree))
    records = np.bincount(tree.leaf, minlength=nodes).astype(np.float64)
    shape = Shape(_summed(records, tree, generations).astype(np.int64))
    for number, axis in enumerate(axes):
        if axis.at is not None:
            known = len(axis.at)
            shape.low[number] = np.zeros(nodes, dtype=np.int64)
            shape.high[number] = np.full(nodes, known, dtype=np.int64)
            first = len(low[number])
            shape.low[number][:first], shape.high[number][:first] = low[number], high[number]
            for whole in generations:
                for child in (tree.left[whole], tree.right[whole]):
                    shape.low[number][child] = shape.low[number][whole]
                    shape.high[number][child] = shape.high[number][whole]
                here = whole[tree.axis[whole] == number]
                cut = tree.place[here] + 1
                shape.high[number][tree.left[here]] = cut
                shape.low[number][tree.right[here]] = np.minimum(cut, known - 1)
                # Behind the last line lie only the records without a value.
                only = here[cut >= known]
                shape.low[number][tree.right[only]] = shape.high[number][only]
            blank = np.bincount(tree.leaf[axis.codes >= known], minlength=nodes).astype(np.float64)
            without_value = _summed(blank, tree, generations)
            shape.blank[number] = without_value > 0
            shape.known[number] = without_value < shape.size
            if axis.held is not None:
                _tighten(axis, tree, generations, (shape.low[number], shape.high[number]), k)
        else:
            shape.held[number] = _held(axis, tree, generations)
    return shape


def _tighten(
    axis: CutAxis, tree: Tree, generations: Sequence[Ints], ends: tuple[Ints, Ints], k: int
) -> None:
    """Move the ends of bands inwards over values that no record of the class has.

    A band ends at a round line, or at a value that k subjects of the collection have, and only
    where k of them lie on what is given up.
    """
    assert axis.at is not None and axis.held is not None  # noqa: S101, PT018 - only asked then
    known = len(axis.at)
    low, high = ends
    first, last = np.full(tree.nodes, known), np.full(tree.nodes, -1)
    some = axis.codes < known
    np.minimum.at(first, tree.leaf[some], axis.codes[some])
    np.maximum.at(last, tree.leaf[some], axis.codes[some])
    for whole in reversed(generations):
        first[whole] = np.minimum(first[tree.left[whole]], first[tree.right[whole]])
        last[whole] = np.maximum(last[tree.left[whole]], last[tree.right[whole]])
    behind = np.concatenate(([0], np.cumsum(axis.held)))
    line = np.arange(known + 1)
    often = axis.held >= k
    round_ = np.zeros(known + 1, dtype=bool)
    if axis.round_places:
        round_[1:known] = axis.round_places[-1][: known - 1] == line[: known - 1]
    from_ = np.append(often, False) | round_
    to = np.append(False, often) | round_
    from_ &= line < axis.last_line
    to &= line < axis.last_line
    down = np.maximum.accumulate(np.where(from_, line, 0))[np.minimum(first, known)]
    up = np.minimum.accumulate(np.where(to, line, known)[::-1])[::-1][np.maximum(last + 1, 0)]
    have = (first <= last) & (first >= low) & (last < high)
    move = have & (down > low) & (behind[down] - behind[np.minimum(low, known)] >= k)
    low[move] = down[move]
    move = have & (up < high) & (behind[np.minimum(high, known)] - behind[up] >= k)
    high[move] = up[move]


def _generations(tree: Tree) -> Iterator[Ints]:
    """Yield the classes that were cut, those of one distance from the start together."""
    begun = np.zeros(tree.nodes, dtype=bool)
    begun[tree.left[tree.left >= 0]] = begun[tree.right[tree.right >= 0]] = True
    here = np.flatnonzero(~begun)
    while True:
        here = here[tree.left[here] >= 0]
        if not len(here):
            return
        yield here
        here = np.concatenate([tree.left[here], tree.right[here]])


def _summed(own: Floats, tree: Tree, generations: Sequence[Ints]) -> Floats:
    """Return what the leaves of each class add up to."""
    out = own.astype(np.float64)
    for whole in reversed(generations):
        out[whole] = out[tree.left[whole]] + out[tree.right[whole]]
    return out


def summed(tree: Tree, of_record: Floats) -> Floats:
    """Return the sum over the records of each class, cut ones included."""
    own = np.bincount(tree.leaf, weights=of_record, minlength=tree.nodes).astype(np.float64)
    return _summed(own, tree, list(_generations(tree)))


def inherited(tree: Tree, own: Bools) -> Bools:
    """Return what the first classes hand down to all their parts.

    Parameters
    ----------
    tree : Tree
    own : ndarray of bool, shape (start classes,)
    """
    out = np.zeros(tree.nodes, dtype=bool)
    out[: len(own)] = own
    for whole in _generations(tree):
        out[tree.left[whole]] = out[tree.right[whole]] = out[whole]
    return out


def _held(axis: CutAxis, tree: Tree, generations: Sequence[Ints]) -> npt.NDArray[np.uint8]:
    """Return the bits of the cells that the records of each class have."""
    bits = np.zeros((tree.nodes, (axis.cells + 7) // 8), dtype=np.uint8)
    seen = np.unique(tree.leaf * axis.cells + axis.codes)
    node, cell = np.divmod(seen, axis.cells)
    np.bitwise_or.at(bits, (node, cell >> 3), (128 >> (cell & 7)).astype(np.uint8))
    for whole in reversed(generations):
        bits[whole] = bits[tree.left[whole]] | bits[tree.right[whole]]
    return bits


def pruned(tree: Tree, loss: Floats) -> Tree:
    """Return the tree without the cuts after which classes lose as much or more.

    Parameters
    ----------
    tree : Tree
    loss : ndarray of float64, shape (nodes,)
        What the records of each class lose when it is shown whole.
    """
    generations = list(_generations(tree))
    best = loss.copy()
    whole = tree.left < 0
    for cut in reversed(generations):
        apart = best[tree.left[cut]] + best[tree.right[cut]]
        stays = tree.valid[cut] & (loss[cut] <= apart + LEAST_GAIN)
        whole[cut] = stays
        best[cut] = np.where(stays, loss[cut], apart)
    return without(tree, whole)


def without(tree: Tree, whole: Bools) -> Tree:
    """Return the tree with some classes whole again, and so what lies below them.

    Parameters
    ----------
    tree : Tree
    whole : ndarray of bool, shape (nodes,)
    """
    up = np.arange(tree.nodes)
    for cut in _generations(tree):
        for child in (tree.left[cut], tree.right[cut]):
            gone = whole[cut] | (up[cut] != cut)
            up[child[gone]] = up[cut[gone]]
    gone = whole | (up != np.arange(tree.nodes))
    cleared = {"left": tree.left.copy(), "right": tree.right.copy(), "axis": tree.axis.copy()}
    for column in cleared.values():
        column[gone] = -1
    return Tree(
        up[tree.leaf], cleared["left"], cleared["right"], cleared["axis"], tree.place, tree.gain,
        tree.valid,
    )  # fmt: skip


def order_of_cuts(tree: Tree) -> Ints:
    """Return the classes that were cut, those that saved least last, parts after their whole."""
    rank = np.full(tree.nodes, np.inf)
    kept = []
    for cut in _generations(tree):
        rank[cut] = np.minimum(rank[cut], tree.gain[cut])
        for child in (tree.left[cut], tree.right[cut]):
            rank[child] = rank[cut]
        kept.append(cut)
    if not kept:
        return np.empty(0, dtype=np.int64)
    all_cuts = np.concatenate(kept)
    return all_cuts[np.lexsort((all_cuts, -rank[all_cuts]))]

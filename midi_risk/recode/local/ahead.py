"""Cuts of small classes that are chosen by what comes of them, not by what they save at once.

The pilot method (Voss, Fink and Duin 2005, doi:10.1007/s10479-005-2060-2): each attribute is tried
as the next one to be cut along, the parts are cut to the end as usual, and the cut whose classes
lose least in the end is made. The cut that saves most at once is one of those tried, so that the
result never loses more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from midi_risk.recode.local.axes import LocalAxis
from midi_risk.recode.local.partition import (
    LEAST_GAIN,
    Check,
    Cuts,
    Tree,
    grow,
    offers_along,
    shape_of,
    sides,
    without,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ends = tuple[dict[int, Ints], dict[int, Ints]]

WORK = 4_000_000
"""Subjects times squared attributes up to which classes are cut again."""

REACH = 20
"""Largest class that is cut again, in smallest classes."""


def worth_looking(axes: Sequence[LocalAxis]) -> bool:
    """Tell whether the table is small enough, by a count of work and so on every machine alike."""
    free = sum(axis.free for axis in axes)
    return len(axes[0].cut.codes) * free**2 <= WORK


def looked_ahead(
    axes: Sequence[LocalAxis], tree: Tree, ends: Ends, k: int, check: Check | None
) -> Tree:
    """Cut the small classes of a tree again.

    Parameters
    ----------
    axes : sequence of LocalAxis
        Those that are cut first.
    tree : Tree
        Cut to the end.
    ends : tuple of dict
        Between which cells of the ordered attributes the first classes lie.
    k : int
        Smallest class.
    check : callable, optional
        Further criteria.

    Returns
    -------
    Tree
        That loses no more.
    """
    free = [axis for axis in axes if axis.free]
    boxes = shape_of([replace(axis.cut, held=None) for axis in free], tree, *ends, k)
    small = boxes.size <= REACH * k
    tops = without(tree, small)
    again = small & (boxes.size >= 2 * k) & tree.valid
    records = np.flatnonzero(again[tops.leaf])
    if not len(records):
        return tree
    search = _Search(free, k, check, _Nodes(tops, boxes.low, boxes.high))
    return search.run(records)


class _Nodes:
    """The classes of a tree that grows, with the lines that they lie between."""

    def __init__(self, tree: Tree, low: dict[int, Ints], high: dict[int, Ints]) -> None:
        self.low, self.high = low, high
        self.leaf = tree.leaf.copy()
        self._tree = tree
        self.count = tree.nodes

    def cut(self, whole: Ints, cuts: Cuts, places: Ints) -> Ints:
        """Cut classes; return the left parts, the right ones follow each by one."""
        left = self.count + 2 * np.arange(len(whole), dtype=np.int64)
        tree, more = self._tree, 2 * len(whole)
        tree.left[whole], tree.right[whole] = left, left + 1
        tree.axis[whole], tree.place[whole], tree.gain[whole] = (
            cuts.axis[:, 0], places, cuts.gain[:, 0],
        )  # fmt: skip
        blank = np.full(more, -1, dtype=np.int64)
        left_of, right_of, axis_of, place_of = (
            np.concatenate([each, blank]) for each in (tree.left, tree.right, tree.axis, tree.place)
        )
        gain = np.concatenate([tree.gain, np.zeros(more)])
        valid = np.concatenate([tree.valid, np.ones(more, dtype=bool)])
        self._tree = Tree(self.leaf, left_of, right_of, axis_of, place_of, gain, valid)
        low, high = _parted(self.low, self.high, whole, cuts, places)
        for number in self.low:
            self.low[number] = np.concatenate([self.low[number], low[number]])
            self.high[number] = np.concatenate([self.high[number], high[number]])
        self.count += more
        return left

    def tree(self) -> Tree:
        """Return the tree."""
        return replace(self._tree, leaf=self.leaf)


def _parted(
    low: dict[int, Ints], high: dict[int, Ints], whole: Ints, cuts: Cuts, places: Ints
) -> Ends:
    """Return the lines around the parts of cut classes, left and right in turn."""
    lows, highs = {}, {}
    for number in low:
        begin, end = np.repeat(low[number][whole], 2), np.repeat(high[number][whole], 2)
        here = cuts.axis[:, 0] == number
        end[::2] = np.where(here, places + 1, end[::2])
        begin[1::2] = np.where(here, np.minimum(places + 1, end[1::2]), begin[1::2])
        lows[number], highs[number] = begin, end
    return lows, highs


class _Search:
    """Tries each attribute on each small class, and makes the cut that ends best."""

    def __init__(
        self, axes: Sequence[LocalAxis], k: int, check: Check | None, nodes: _Nodes
    ) -> None:
        self._axes, self._k, self._check, self._nodes = axes, k, check, nodes
        self._cuts = [axis.cut for axis in axes]

    def run(self, records: Ints) -> Tree:
        """Cut the classes of these records to the end."""
        nodes = self._nodes
        while len(records):
            ids, here = np.unique(nodes.leaf[records], return_inverse=True)
            order = np.argsort(here, kind="stable")
            records, here = records[order], here.reshape(-1)[order]
            chosen, right = self._chosen(records, here.astype(np.int32), ids)
            cut = np.isfinite(chosen.gain[:, 0])
            whole = np.flatnonzero(cut)
            if not len(whole):
                break
            made = chosen.of(whole)
            left = np.full(len(ids), -1, dtype=np.int64)
            left[whole] = nodes.cut(ids[whole], made, self._places(made))
            goes = cut[here]
            records, here, right = records[goes], here[goes], right[goes]
            nodes.leaf[records] = left[here] + right
            size = np.bincount(nodes.leaf[records], minlength=nodes.count)
            records = records[size[nodes.leaf[records]] >= 2 * self._k]
        return nodes.tree()

    def _places(self, cuts: Cuts) -> Ints:
        """Return after which cell each cut lies, -1 for names."""
        ordered = np.array([cut.at is not None for cut in self._cuts])
        return np.where(ordered[cuts.axis[:, 0]], cuts.place[:, 0], -1)

    def _chosen(self, records: Ints, here: npt.NDArray[np.int32], ids: Ints) -> tuple[Cuts, Ints]:
        """Return the cut of each class that ends best, and who is on its right."""
        n = len(ids)
        best = self._lost(records, here.astype(np.int64), self._boxes(ids), here, n, grown=False)
        none = np.zeros((n, 1), dtype=np.int64)
        chosen = Cuts(np.full((n, 1), -np.inf), none, none.copy(), none.copy())
        right = np.zeros(len(records), dtype=np.int64)
        for number, axis in enumerate(self._cuts):
            cuts = offers_along(axis, number, records, here, n, self._k, several=False).best()
            good = np.isfinite(cuts.gain[:, 0])
            side = sides(self._cuts, cuts, 0, records, here)
            if self._check is not None and good.any():
                failed = self._check(records, 2 * here.astype(np.int64) + side, 2 * n)
                good &= ~(failed[::2] | failed[1::2])
            if not good.any():
                continue
            lost = self._after(records, here, ids, cuts, side, good)
            better = good & (lost < best - LEAST_GAIN)
            best[better] = lost[better]
            chosen.put(better, cuts)
            moved = better[here]
            right[moved] = side[moved]
        return chosen, right

    def _after(
        self,
        records: Ints,
        here: npt.NDArray[np.int32],
        ids: Ints,
        cuts: Cuts,
        side: Ints,
        good: Bools,
    ) -> Floats:
        """Return what each class loses when it is cut so, and its parts to the end as usual."""
        some = np.flatnonzero(good)
        place = np.cumsum(good) - 1
        inside = good[here]
        start = 2 * place[here[inside]] + side[inside]
        made = cuts.of(some)
        low, high = self._nodes.low, self._nodes.high
        ends = _parted(low, high, ids[some], made, self._places(made))
        return self._lost(records[inside], start, ends, here[inside], len(ids), grown=True)

    def _boxes(self, ids: Ints) -> Ends:
        nodes = self._nodes
        return {n: v[ids] for n, v in nodes.low.items()}, {n: v[ids] for n, v in nodes.high.items()}

    def _lost(
        self,
        records: Ints,
        start: Ints,
        ends: Ends,
        owner: npt.NDArray[np.int32],
        owners: int,
        *,
        grown: bool,
    ) -> Floats:
        """Return what the records of each owner lose in these classes, or cut to the end."""
        mine = [replace(cut, codes=cut.codes[records]) for cut in self._cuts]
        first = int(start.max(initial=-1)) + 1
        tree = grow(mine if grown else [], start, first, self._k, self._of(records))
        shape = shape_of(mine, tree, *ends, self._k)
        lost = np.zeros(tree.nodes)
        for number, axis in enumerate(self._axes):
            if axis.weight:
                lost += axis.weight * axis.costs(shape, number)
        lost = np.where(tree.valid, lost, 1.0)
        return np.bincount(owner, weights=lost[tree.leaf], minlength=owners).astype(np.float64)

    def _of(self, records: Ints) -> Check | None:
        """Return the further criteria as asked of some of the records by their place."""
        check = self._check
        if check is None:
            return None
        return lambda some, classes, count: check(records[some], classes, count)

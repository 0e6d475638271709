"""The search for the best options of all facts at once.

The options of a fact are no chain: bands of 56 to 61 and bands of 55 to 59 do not nest. A node
takes one option of each fact. One node is coarser than another when each of its options is. What
a node must hide, every finer one must hide as well; no node loses less than its options do with
nobody hidden. Nodes are looked at in the order of that bound, so that the search ends with the
best of them for each limit on what may be hidden, all limits in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST_NODES = 1_000_000
"""Nodes up to which each is listed; above, options are thinned before the search."""

PAIR_CELLS = 4_000_000
"""Cells of a table of two facts at all their options, up to which it is made."""

ROUND_PRICE = 0.004
"""What a cut at an unround place has to earn, in units of the score."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One way to show a fact.

    Parameters
    ----------
    group : ndarray of int64, shape (V,)
        Group of each value of the fact, dense.
    share : ndarray of float64, shape (V,)
        What a record with that value loses.
    loss : float
        Mean of it over the records.
    price : float
        What is added to the score for cuts at unround places.
    made_of : tuple
        How each attribute of the fact is written.
    """

    group: Ints
    share: Floats
    loss: float
    price: float = 0.0
    made_of: tuple[object, ...] = ()

    @property
    def groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1 if len(self.group) else 0


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """One fact with its options.

    Parameters
    ----------
    codes : ndarray of int64, shape (N,)
        Value of each record.
    options : tuple of Option
    weight : float
        Share of the fact in the score.
    """

    codes: Ints
    options: tuple[Option, ...]
    weight: float

    def count(self) -> Floats:
        """Return the records of each value."""
        return np.bincount(self.codes, minlength=len(self.options[0].group)).astype(np.float64)


def refines(options: Sequence[Option]) -> Bools:
    """Return which option is as fine as which: entry (a, b) when b only merges groups of a."""
    out = np.eye(len(options), dtype=bool)
    for a, fine in enumerate(options):
        for b, coarse in enumerate(options):
            if a == b or fine.groups < coarse.groups:
                continue
            parent = np.zeros(fine.groups, dtype=np.int64)
            parent[fine.group] = coarse.group
            out[a, b] = bool((parent[fine.group] == coarse.group).all())
    return out


Hidden = tuple[int, int, Bools]
"""Records that every finer node hides, records hidden, and which ones."""


class Counter:
    """Counts what a node hides, by class size and further criteria.

    Parameters
    ----------
    k : int
        Smallest class shown.
    judge : callable, optional
        Group of each record on each axis, and the option of each axis -> records that every
        finer node must hide, and which records are hidden. Needed for criteria beyond k.
    matched : bool
        Whether unknown values may be any value: groups below k then need not be hidden.
    """

    def __init__(
        self,
        k: int,
        judge: Callable[[Sequence[Ints], Sequence[Option]], tuple[int, Bools]] | None = None,
        *,
        matched: bool = False,
    ) -> None:
        self.k = k
        self.judge = judge
        self.matched = matched
        self.work = 0
        self.counted = 0

    def spend(self, cells: int) -> None:
        """Take note of cells that were compared; each costs as much as two entries counted."""
        self.work += 2 * cells

    def hidden(self, columns: Sequence[Ints], options: Sequence[Option], records: int) -> Hidden:
        """Return the records that a node hides."""
        self.counted += 1
        self.work += records * (len(columns) + 2) * (1 if self.judge is None else 6)
        if self.judge is not None:
            must, which = self.judge(columns, options)
            return must, int(which.sum()), which
        key, size = joined(columns, [o.groups for o in options], records)
        small = np.bincount(key, minlength=size)[key] < self.k
        n = int(small.sum())
        return n, n, small


def joined(columns: Sequence[Ints], widths: Sequence[int], records: int) -> tuple[Ints, int]:
    """Return one code per record for its groups on all axes, and an upper bound of the codes."""
    key = np.zeros(records, dtype=np.int64)
    size = 1
    for column, width in zip(columns, widths, strict=True):
        if width == 1:
            continue
        if size * width > 1 << 22:
            found, key = np.unique(key, return_inverse=True)
            key, size = key.reshape(-1).astype(np.int64), len(found)
        if size * width > 1 << 62:
            raise OverflowError("more classes than records")
        key = key * width + column
        size *= width
    if size > 1 << 22:
        found, key = np.unique(key, return_inverse=True)
        key, size = key.reshape(-1).astype(np.int64), len(found)
    return key, size


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node that was counted.

    Parameters
    ----------
    options : tuple of Option
        One per axis.
    hidden : ndarray of bool, shape (N,)
    score : float
        What it loses, hidden records included, with the price of unround cuts.
    """

    options: tuple[Option, ...]
    hidden: Bools
    score: float

    @property
    def left_out(self) -> int:
        """Records hidden."""
        return int(self.hidden.sum())


def score_of(axes: Sequence[Axis], options: Sequence[Option], hidden: Bools) -> float:
    """Return what a node loses: a hidden record loses all, or more where its group is wider."""
    total = 0.0
    for axis, option in zip(axes, options, strict=True):
        share = option.share
        value = option.loss
        if hidden.any():
            at = share[axis.codes[hidden]]
            value += float(np.maximum(0.0, 1 - at).sum()) / len(axis.codes)
        total += axis.weight * value + option.price
    return total


@dataclass(slots=True)
class Found:
    """What a search found.

    Parameters
    ----------
    best : dict of int to Node
        Limit on hidden records -> the best node within it.
    bound : dict of int to float
        Limit -> what no node within it scores less than, of the options given.
    nodes, counted : int
        Nodes there are, and nodes whose classes were counted.
    proved : bool
        Whether nothing was left open.
    """

    best: dict[int, Node] = field(default_factory=dict)
    bound: dict[int, float] = field(default_factory=dict)
    nodes: int = 0
    counted: int = 0
    proved: bool = False


class _Nodes:
    """The listed nodes: bound of each, and what each must hide."""

    def __init__(self, axes: Sequence[Axis], k: int, most: int) -> None:
        self.axes = axes
        self.shape = tuple(len(axis.options) for axis in axes)
        self.refines = [refines(axis.options) for axis in axes]
        self.weighted = [
            np.array([axis.weight * o.loss + o.price for o in axis.options]) for axis in axes
        ]
        self.must = np.zeros(self.shape, dtype=np.int32)
        self.most = most
        for number, axis in enumerate(axes):
            alone = np.array([_small(axis, option, k) for option in axis.options])
            self._raise((number,), alone)
        for first, second in combinations(range(len(axes)), 2):
            table = _pair_table(axes[first], axes[second], k)
            if table is not None:
                self._raise((first, second), table)

    def _raise(self, places: tuple[int, ...], least: Ints) -> None:
        shape = [1] * len(self.shape)
        for place, size in zip(places, least.shape, strict=True):
            shape[place] = size
        np.maximum(self.must, least.reshape(shape).astype(np.int32), out=self.must)

    def bounds(self) -> tuple[Ints, Floats]:
        """Return the nodes that hide few enough, lowest bound first, and their bounds."""
        total = np.zeros(self.shape)
        for place, weighted in enumerate(self.weighted):
            total += weighted.reshape([-1 if a == place else 1 for a in range(len(self.shape))])
        alive = np.flatnonzero(self.must.ravel() <= self.most)
        hidden = self.must.ravel()[alive]
        bound = total.ravel()[alive]
        if hidden.any():
            steps = np.unravel_index(alive, self.shape)
            for number, axis in enumerate(self.axes):
                bound += axis.weight * _cheapest(axis, self.most)[steps[number], hidden]
        order = np.lexsort((alive, bound))
        return alive[order], bound[order]

    def below(self, steps: Sequence[int]) -> tuple[Ints, ...]:
        """Return the part of the nodes that are as fine as a node."""
        return np.ix_(*(r[:, s].nonzero()[0] for r, s in zip(self.refines, steps, strict=True)))


def _small(axis: Axis, option: Option, k: int) -> int:
    sizes = np.bincount(option.group[axis.codes], minlength=option.groups)
    return int(sizes[sizes < k].sum())


def _cheapest(axis: Axis, most: int) -> Floats:
    """Return per option and number of hidden records what hiding so many adds at least."""
    count = axis.count()
    n = count.sum()
    out = np.zeros((len(axis.options), most + 1))
    for row, option in enumerate(axis.options):
        gain = np.maximum(0.0, 1 - option.share)
        order = np.argsort(gain, kind="stable")
        ends = np.cumsum(count[order])
        paid = np.concatenate(([0.0], np.cumsum(gain[order] * count[order])))
        h = np.arange(most + 1)
        place = np.minimum(np.searchsorted(ends, h, side="left"), len(order) - 1)
        before = np.where(place > 0, ends[place - 1], 0.0)
        out[row] = (paid[place] + gain[order][place] * (h - before)) / n
    return out


def _pair_table(one: Axis, other: Axis, k: int) -> Ints | None:
    """Return per option of two axes the records in classes of the two below k."""
    wide = [sum(o.groups for o in axis.options) for axis in (one, other)]
    values = [len(axis.options[0].group) for axis in (one, other)]
    if wide[0] * wide[1] > PAIR_CELLS or values[0] * values[1] > PAIR_CELLS:
        return None
    joint = np.zeros(values)
    np.add.at(joint, (one.codes, other.codes), 1.0)
    half = np.concatenate([_sums(joint, o) for o in one.options])
    cells = np.concatenate([_sums(half.T, o) for o in other.options]).T
    few = np.where(cells < k, cells, 0.0)
    rows = np.concatenate(([0], np.cumsum([o.groups for o in one.options])[:-1]))
    columns = np.concatenate(([0], np.cumsum([o.groups for o in other.options])[:-1]))
    out = np.add.reduceat(np.add.reduceat(few, rows, axis=0), columns, axis=1)
    return np.rint(out).astype(np.int64)


def _sums(table: Floats, option: Option) -> Floats:
    """Return the rows of a table added up by group."""
    order = np.argsort(option.group, kind="stable")
    first = np.searchsorted(option.group[order], np.arange(option.groups))
    return np.asarray(np.add.reduceat(table[order], first, axis=0), dtype=np.float64)


def explore(axes: Sequence[Axis], counter: Counter, limits: Sequence[int], work: int) -> Found:
    """Return the best node for each limit.

    Parameters
    ----------
    axes : sequence of Axis
        Their last option hides the fact, or is the coarsest allowed.
    counter : Counter
    limits : sequence of int
        Records that may be hidden.
    work : int
        Records times facts to count before the search is cut short. It counts work and not
        seconds, so that a busy machine finds the same.
    """
    ends = sorted(set(limits))
    size = prod(len(axis.options) for axis in axes)
    if size <= MOST_NODES:
        found = _exhaust(axes, counter, ends, counter.work + work)
        found.nodes, found.counted = size, counter.counted
        return found
    thin = _thinned(axes)
    found = _exhaust(thin, counter, ends, counter.work + work // 2)
    last = counter.work + work // 2
    for limit in ends:
        if limit in found.best:
            found.best[limit] = _descend(axes, counter, limit, found.best[limit], last)
    least = sum(min(a.weight * o.loss + o.price for o in a.options) for a in axes)
    found.bound = dict.fromkeys(ends, least)
    found.nodes, found.counted, found.proved = size, counter.counted, False
    return found


def _exhaust(axes: Sequence[Axis], counter: Counter, ends: Sequence[int], stop: int) -> Found:
    """Search all nodes of these options."""
    records = len(axes[0].codes)
    nodes = _Nodes(axes, 1 if counter.matched else counter.k, ends[-1])
    found = Found()
    order, bounds = nodes.bounds()
    columns = [[o.group[axis.codes] for o in axis.options] for axis in axes]
    scores: dict[int, float] = {}

    def look(steps: tuple[int, ...]) -> int:
        groups = [c[s] for c, s in zip(columns, steps, strict=True)]
        options = tuple(a.options[s] for a, s in zip(axes, steps, strict=True))
        must, hides, which = counter.hidden(groups, options, records)
        if must > nodes.must[steps]:
            below = nodes.below(steps)
            nodes.must[below] = np.maximum(nodes.must[below], must)
        if hides <= ends[-1]:
            score = score_of(axes, options, which)
            for limit in ends:
                if hides <= limit and score < scores.get(limit, np.inf) - 1e-12:
                    scores[limit] = score
                    found.best[limit] = Node(options, which, score)
        seen.add(steps)
        return must

    seen: set[tuple[int, ...]] = set()
    must = nodes.must.reshape(-1)
    open_at: float | None = None
    for place, (number, bound) in enumerate(zip(order.tolist(), bounds.tolist(), strict=True)):
        if all(bound >= scores.get(limit, np.inf) for limit in ends):
            break
        least = must[number]
        if all(least > limit or bound >= scores.get(limit, np.inf) for limit in ends):
            continue
        if counter.work > stop:
            open_at = bounds[place]
            break
        steps = tuple(int(s) for s in np.unravel_index(number, nodes.shape))
        if steps in seen:
            continue
        if look(steps) > ends[-1]:
            _climb(nodes, steps, look, ends[-1])
    if open_at is not None and not found.best:
        look(tuple(int(np.argmin([o.groups for o in axis.options])) for axis in axes))
    found.proved = open_at is None
    for limit in ends:
        reached = scores.get(limit, np.inf)
        found.bound[limit] = reached if open_at is None else min(reached, open_at)
    return found


def _climb(
    nodes: _Nodes,
    steps: tuple[int, ...],
    look: Callable[[tuple[int, ...]], int],
    most: int,
) -> None:
    """Find where a way up from a failing node begins to pass; what fails kills all below."""
    way = [steps]
    while True:
        best: tuple[float, int, int] | None = None
        here = way[-1]
        for axis, at in enumerate(here):
            weighted = nodes.weighted[axis]
            coarser = np.flatnonzero(nodes.refines[axis][at])
            coarser = coarser[coarser != at]
            coarser = coarser[[not nodes.refines[axis][c, at] for c in coarser.tolist()]]
            if len(coarser):
                to = int(coarser[np.argmin(weighted[coarser])])
                cost = float(weighted[to] - weighted[at])
                if best is None or (cost, axis) < best[:2]:
                    best = (cost, axis, to)
        if best is None:
            break
        _, axis, to = best
        way.append((*here[:axis], to, *here[axis + 1 :]))
    low, high = 0, len(way) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if nodes.must[way[middle]] > most or look(way[middle]) > most:
            low = middle
        else:
            high = middle


def _thinned(axes: Sequence[Axis]) -> list[Axis]:
    """Return axes of fewer options: the front of loss and concentration, evenly thinned."""
    chosen = []
    left = float(MOST_NODES)
    order = sorted(range(len(axes)), key=lambda a: len(axes[a].options))
    keep: dict[int, tuple[Option, ...]] = {}
    for done, number in enumerate(order):
        room = max(1, int(left ** (1 / (len(axes) - done)) + 1e-9))
        options = _front(axes[number])
        if len(options) > room:
            places = np.unique(np.linspace(0, len(options) - 1, room).round().astype(int))
            options = [options[p] for p in places] if room > 1 else [options[-1]]
        keep[number] = tuple(options)
        left = max(1.0, left / len(options))
    for number, axis in enumerate(axes):
        chosen.append(Axis(axis.codes, keep[number], axis.weight))
    return chosen


def _front(axis: Axis) -> list[Option]:
    """Return the options that no other beats in loss and in how far they merge records."""
    count = axis.count()
    figures = []
    for number, option in enumerate(axis.options):
        sizes = np.bincount(option.group, weights=count, minlength=option.groups)
        figures.append((axis.weight * option.loss + option.price, -float((sizes**2).sum()), number))
    figures.sort()
    kept: list[Option] = []
    merged = 0.0
    for _, minus, number in figures:
        if not kept or -minus > merged * (1 + 1e-12):
            kept.append(axis.options[number])
            merged = -minus
    return kept


def _descend(axes: Sequence[Axis], counter: Counter, limit: int, node: Node, stop: int) -> Node:
    """Change one fact at a time to its best option, while that helps."""
    records = len(axes[0].codes)
    groups = [o.group[a.codes] for a, o in zip(axes, node.options, strict=True)]
    better = True
    while better and counter.work < stop:
        better = False
        for number, axis in enumerate(axes):
            for option in axis.options:
                if option is node.options[number] or counter.work > stop:
                    continue
                options = (*node.options[:number], option, *node.options[number + 1 :])
                if sum(_at_least(a, o) for a, o in zip(axes, options, strict=True)) >= node.score:
                    continue
                tried = [*groups[:number], option.group[axis.codes], *groups[number + 1 :]]
                _, hides, which = counter.hidden(tried, options, records)
                if hides > limit:
                    continue
                score = score_of(axes, options, which)
                if score < node.score - 1e-12:
                    node, groups, better = Node(options, which, score), tried, True
    return node


def _at_least(axis: Axis, option: Option) -> float:
    return axis.weight * option.loss + option.price

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
    groups : int
        Number of groups.
    """

    group: Ints
    share: Floats
    loss: float
    price: float = 0.0
    made_of: tuple[object, ...] = ()
    groups: int = field(init=False)

    def __post_init__(self) -> None:
        """Count the groups once: every node asks for them."""
        groups = int(self.group.max()) + 1 if len(self.group) else 0
        object.__setattr__(self, "groups", groups)


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
    groups = np.array([option.group for option in options])
    out = np.empty((len(options), len(options)), dtype=bool)
    for a, option in enumerate(options):
        # Coarser is what shows each value as it shows the first one of its group.
        first = np.zeros(option.groups, dtype=np.int64)
        first[option.group[::-1]] = np.arange(len(option.group))[::-1]
        out[a] = (groups[:, first[option.group]] == groups).all(axis=1)
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
        self.dead = np.zeros(self.shape, dtype=bool)
        self.most = most
        self.ups = [
            _ups(weighted, finer)
            for weighted, finer in zip(self.weighted, self.refines, strict=True)
        ]
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

    def raised(self, steps: tuple[int, ...], must: int) -> None:
        """Take note of what a node must hide: so must all that are as fine."""
        finer = [r[:, s] for r, s in zip(self.refines, steps, strict=True)]
        if must <= self.most:
            below = np.ix_(*(each.nonzero()[0] for each in finer))
            self.must[below] = np.maximum(self.must[below], must)
        elif prod(each.mean() for each in finer) < OUTRIGHT:
            self.dead[np.ix_(*(each.nonzero()[0] for each in finer))] = True
        else:
            every = finer[0]
            for each in finer[1:]:
                every = np.logical_and.outer(every, each)
            self.dead |= every

    def fails(self, steps: tuple[int, ...]) -> bool:
        """Tell whether a node is known to hide too many."""
        return bool(self.dead[steps] or self.must[steps] > self.most)


OUTRIGHT = 0.05
"""Share of the nodes from which all of them are looked through, not those that are meant."""


def _ups(weighted: Floats, finer: Bools) -> list[tuple[float, int] | None]:
    """Return per option the cheapest coarser one: what it costs more, and which."""
    found: list[tuple[float, int] | None] = []
    coarser = finer & ~finer.T
    for at in range(len(weighted)):
        to = np.flatnonzero(coarser[at])
        if not len(to):
            found.append(None)
            continue
        best = int(to[np.argmin(weighted[to])])
        found.append((float(weighted[best] - weighted[at]), best))
    return found


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
        if must > ends[0] and must > nodes.must[steps]:
            nodes.raised(steps, must)
        if hides <= ends[-1]:
            score = score_of(axes, options, which)
            for limit in ends:
                if hides <= limit and score < scores.get(limit, np.inf) - 1e-12:
                    scores[limit] = score
                    found.best[limit] = Node(options, which, score)
        seen.add(steps)
        return must

    seen: set[tuple[int, ...]] = set()
    must, dead = nodes.must.reshape(-1), nodes.dead.reshape(-1)
    open_at: float | None = None
    for place, (number, bound) in enumerate(zip(order.tolist(), bounds.tolist(), strict=True)):
        if all(bound >= scores.get(limit, np.inf) for limit in ends):
            break
        if dead[number]:
            continue
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
        here = way[-1]
        steps_up = [(up[0], axis, up[1]) for axis, at in enumerate(here)
                    if (up := nodes.ups[axis][at]) is not None]  # fmt: skip
        if not steps_up:
            break
        _, axis, to = min(steps_up)
        way.append((*here[:axis], to, *here[axis + 1 :]))
    low, high = 0, len(way) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if nodes.fails(way[middle]) or look(way[middle]) > most:
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

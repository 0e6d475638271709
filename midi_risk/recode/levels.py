"""The nodes of a lattice level by level from the top, with what they inherit from above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from midi_risk.recode.lattice import Lattice

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
SLACK = 1e-6
"""Of records, so that a sum of shares of classes decides nothing by rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Nodes of one height; the arrays are raised by what counting a node proves.

    Parameters
    ----------
    steps : ndarray of int64, shape (nodes, axes)
    hidden : ndarray, shape (nodes,)
        Records that each node must hide at least.
    parts : ndarray, shape (nodes, components)
        Components that each node cannot undercut.
    """

    steps: Ints
    hidden: Floats
    parts: Floats

    def prove(self, number: int, hidden: float, components: Floats) -> None:
        """Raise what is known of one node, and so of all nodes below it."""
        self.hidden[number] = max(self.hidden[number], hidden)
        self.parts[number] = np.maximum(self.parts[number], components)


def widest_first(lattice: Lattice) -> tuple[int, ...]:
    """Return the axes, those with most codes first: raising them joins most classes."""
    widths = [axis.cardinality(0) for axis in lattice.axes]
    return tuple(sorted(range(len(widths)), key=lambda axis: (-widths[axis], axis)))


def components_elsewhere(places: Sequence[tuple[int, int]], axes: Sequence[int]) -> list[Ints]:
    """Return, per axis, the components that belong to the others of these axes.

    Parameters
    ----------
    places : sequence of (int, int)
        Axis of each component, and place on it.
    axes : sequence of int

    Examples
    --------
    >>> [part.tolist() for part in components_elsewhere([(0, 0), (1, 0), (2, 0)], [0, 2])]
    [[2], [0]]
    """
    return [
        np.array([n for n, (own, _) in enumerate(places) if own in axes and own != axis], np.int64)
        for axis in axes
    ]


def in_table_order(steps: Ints, axes: Sequence[int]) -> Ints:
    """Return the order in which nodes share the way to their tables; see `NodeTables.by_prefix`.

    Parameters
    ----------
    steps : ndarray of int64, shape (nodes, axes)
    axes : sequence of int
        The axis to be raised first comes first.
    """
    return np.lexsort(steps[:, list(axes)[::-1]].T)


def not_above(keys: Floats, most: float) -> npt.NDArray[np.bool_]:
    """Return which keys may be as small as another whose first part is given, rounding aside.

    Parameters
    ----------
    keys : ndarray, shape (nodes, parts)
    most : float
    """
    out: npt.NDArray[np.bool_] = keys[:, 0] <= most + 1e-10 * abs(most) + 1e-15
    return out


def levels_from_top(
    shape: Sequence[int], elsewhere: Sequence[Ints], components: int, limit: float
) -> Iterator[Level]:
    """Yield the levels of a lattice from the top down, without nodes that must hide too much.

    What the receiver proves of the nodes of a level, those of the next one inherit: the hidden
    records from every node directly above, the components from those above on another axis. A
    node is left out when one directly above it was, or must hide more than the limit.

    Parameters
    ----------
    shape : sequence of int
        Steps of each axis.
    elsewhere : sequence of ndarray of int
        Per axis, the components of other axes.
    components : int
    limit : float
        Records that may be hidden.

    Yields
    ------
    Level

    Examples
    --------
    >>> elsewhere = [np.array([1]), np.array([0])]
    >>> [len(level.steps) for level in levels_from_top([2, 3], elsewhere, 2, 0)]
    [1, 2, 2, 1]
    """
    size = prod(shape)
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    top = np.array(shape) - 1
    place = np.full(size, -1, dtype=np.int32)
    nodes = np.array([size - 1])
    above = Level(
        steps=top[None, :].astype(np.int64), hidden=np.zeros(1), parts=np.zeros((1, components))
    )
    yield above
    while True:
        alive = np.flatnonzero(above.hidden <= limit)
        nodes = nodes[alive]
        above = Level(
            steps=above.steps[alive], hidden=above.hidden[alive], parts=above.parts[alive]
        )
        place[nodes] = np.arange(len(nodes))
        below, steps = _directly_below(nodes, above.steps, top, strides)
        hidden, parts = np.zeros(len(below)), np.zeros((len(below), components))
        kept = np.ones(len(below), dtype=bool)
        for axis, stride in enumerate(strides):
            has = np.flatnonzero(steps[:, axis] < top[axis])
            source = place[below[has] + stride]
            lost = source < 0
            kept[has[lost]] = False
            has, source = has[~lost], source[~lost]
            hidden[has] = np.maximum(hidden[has], above.hidden[source])
            grid = np.ix_(has, elsewhere[axis])
            parts[grid] = np.maximum(parts[grid], above.parts[np.ix_(source, elsewhere[axis])])
        place[nodes] = -1
        if not kept.any():
            return
        nodes = below[kept]
        above = Level(steps=steps[kept], hidden=hidden[kept], parts=parts[kept])
        yield above


def _directly_below(
    nodes: Ints, steps: Ints, top: Ints, strides: Sequence[int]
) -> tuple[Ints, Ints]:
    """Return the nodes one step below some others, each once, and their steps.

    A node comes from the one above it on its first axis that is not at the top.
    """
    found, found_steps = [], []
    first = np.ones(len(nodes), dtype=bool)
    for axis, stride in enumerate(strides):
        chosen = first & (steps[:, axis] > 0)
        lowered = steps[chosen]
        lowered[:, axis] -= 1
        found.append(nodes[chosen] - stride)
        found_steps.append(lowered)
        first &= steps[:, axis] == top[axis]
    return np.concatenate(found), np.concatenate(found_steps)

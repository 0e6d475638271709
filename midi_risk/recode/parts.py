"""Bounds for lattices too large to list, from parts of the axes.

The axes are dealt into parts. The nodes that have the top outside one part are few and have
small class tables. What they hide is hidden by every node below them as well, so the best of
each part, put together, bounds every node of the lattice; and taking the choices of the parts
in the order of that bound visits the nodes of the lattice in the order of their bounds.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.criteria import CustomCriterion
from midi_risk.recode.evaluation import Judge
from midi_risk.recode.pruning import FAILS, settle

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
PART_NODES = 4096


def deal_axes(shape: Sequence[int], nodes: int = PART_NODES) -> tuple[tuple[int, ...], ...]:
    """Return parts of the axes, none with more nodes than given, as few as fit in order.

    Examples
    --------
    >>> deal_axes([4, 4, 4], 16)
    ((0, 1), (2,))
    """
    parts: list[list[int]] = []
    sizes: list[int] = []
    for axis in sorted(range(len(shape)), key=lambda a: (-shape[a], a)):
        for place, size in enumerate(sizes):
            if size * shape[axis] <= nodes:
                parts[place].append(axis)
                sizes[place] *= shape[axis]
                break
        else:
            parts.append([axis])
            sizes.append(shape[axis])
    return tuple(tuple(sorted(part)) for part in parts)


class Part:
    """The nodes of one part of the axes, best bound first.

    Parameters
    ----------
    judge : Judge
    axes : tuple of int
    limit : int
    rules : sequence of CustomCriterion
        Criteria for which pruning holds.
    deadline : float
        Nodes not counted by then keep the bound of their generalisation alone.

    Attributes
    ----------
    steps : ndarray of int64, shape (choices, axes of the part)
        Choices that do not fail by themselves.
    components : ndarray, shape (choices, components)
        Bounds; only the columns of the part tell something.
    """

    def __init__(
        self,
        judge: Judge,
        axes: tuple[int, ...],
        limit: int,
        rules: Sequence[CustomCriterion],
        deadline: float,
    ) -> None:
        self.axes = axes
        shape = tuple(judge.lattice.shape[axis] for axis in axes)
        steps = np.stack(np.unravel_index(np.arange(int(np.prod(shape))), shape), axis=-1)
        top = np.array(judge.lattice.shape) - 1
        whole = np.tile(top, (len(steps), 1))
        whole[:, list(axes)] = steps
        self.columns = np.array([axis in axes for axis, _ in judge.utility.inputs.places])
        components = judge.utility.bound(whole)
        state = np.zeros(shape, dtype=np.int8)
        flat = state.reshape(-1)
        soft = judge.soft_rules(limit)
        for node in np.argsort(-steps.sum(axis=1), kind="stable").tolist() if rules else []:
            if flat[node] == FAILS:
                continue
            if time.monotonic() > deadline:
                break
            here = tuple(whole[node].tolist())
            view = judge.view(here, rules)
            failed = np.flatnonzero(view.failed)
            hidden = judge.least_hidden(view, soft)
            if hidden > limit:
                settle(state, steps[node].tolist(), passes=False)
            elif hidden:
                components[node] = judge.utility.components(here, view, failed)
        kept = np.flatnonzero(flat != FAILS)
        alone = np.where(self.columns, components[kept], 0.0)
        keys = judge.utility.keys(alone)
        order = np.lexsort(keys.T[::-1])
        self.steps = steps[kept][order]
        self.components = components[kept][order]


def in_bound_order(
    judge: Judge, parts: Sequence[Part]
) -> Iterator[tuple[tuple[float, ...], tuple[int, ...]]]:
    """Yield bound and steps of every node that no part excludes, smallest bound first."""

    def bound(choice: tuple[int, ...]) -> tuple[float, ...]:
        joined = np.zeros(parts[0].components.shape[1])
        for part, place in zip(parts, choice, strict=True):
            joined = np.where(part.columns, part.components[place], joined)
        return tuple(float(value) for value in judge.utility.keys(joined[None, :])[0])

    if any(not len(part.steps) for part in parts):
        return
    start = (0,) * len(parts)
    heap = [(bound(start), start)]
    while heap:
        key, choice = heapq.heappop(heap)
        steps = [0] * len(judge.lattice.shape)
        for part, place in zip(parts, choice, strict=True):
            for axis, step in zip(part.axes, part.steps[place].tolist(), strict=True):
                steps[axis] = step
        yield key, tuple(steps)
        # Each choice has one parent: the last part that moved, or one after it, moves next.
        moved = max((place for place, at in enumerate(choice) if at), default=0)
        for place in range(moved, len(parts)):
            if choice[place] + 1 < len(parts[place].steps):
                following = (*choice[:place], choice[place] + 1, *choice[place + 1 :])
                heapq.heappush(heap, (bound(following), following))

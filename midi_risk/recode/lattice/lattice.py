"""The lattice of generalisation levels: axes, nodes, order.

A node gives each quasi-identifier one level. Attributes that are coupled share one axis, so
they move together. Nodes are numbered in row-major order of the steps of the axes; the numbers
are therefore lexicographic. They can be walked level by level from the top, with what they
inherit from above.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from midi_risk.errors import SearchError, did_you_mean, listed, quoted
from midi_risk.recode.lattice.codes import AttributeCodes
from midi_risk.risk.classes.keys import dense, pack

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of the lattice.

    Parameters
    ----------
    members : tuple of int
        Positions of its attributes.
    steps : tuple of tuple of int
        Per step, the level of each member.
    codes : ndarray of int64, shape (N,)
        Code of each record at the first step.
    maps : tuple of ndarray of int64
        Per step, code at that step of each first-step code; dense.
    member_codes : tuple of tuple of ndarray of int64
        Per step and member, the member's level code of each code of the step.
    """

    members: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]
    codes: Ints
    maps: tuple[Ints, ...]
    member_codes: tuple[tuple[Ints, ...], ...]

    def cardinality(self, step: int) -> int:
        """Return the number of codes at a step."""
        return len(self.member_codes[step][0])

    def between(self, low: int, high: int) -> Ints:
        """Return the table from codes at step ``low`` to codes at step ``high``."""
        table = np.zeros(self.cardinality(low), dtype=np.int64)
        table[self.maps[low]] = self.maps[high]
        return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """All combinations of steps.

    Parameters
    ----------
    attributes : tuple of AttributeCodes
    axes : tuple of Axis
    """

    attributes: tuple[AttributeCodes, ...]
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Steps of each axis."""
        return tuple(len(axis.steps) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of nodes, exact however large."""
        return prod(self.shape)

    def steps_of(self, nodes: Ints) -> Ints:
        """Return the step on each axis of numbered nodes, shape (nodes, axes)."""
        return np.stack(np.unravel_index(nodes, self.shape), axis=-1).astype(np.int64)

    def levels(self, steps: Sequence[int] | Ints) -> tuple[int, ...]:
        """Return the level of each attribute at a node."""
        out = [0] * len(self.attributes)
        for axis, step in zip(self.axes, steps, strict=True):
            for member, level in zip(axis.members, axis.steps[int(step)], strict=True):
                out[member] = level
        return tuple(out)

    def steps(self, levels: Mapping[str, int]) -> tuple[int, ...]:
        """Return the steps of the node with these levels by attribute name."""
        names = [attribute.name for attribute in self.attributes]
        out = []
        for axis in self.axes:
            wanted = tuple(levels[names[member]] for member in axis.members)
            if wanted not in axis.steps:
                raise SearchError("these levels are not a node of the lattice")
            out.append(axis.steps.index(wanted))
        return tuple(out)

    def change_tables(self) -> tuple[tuple[Ints, Ints, Ints], ...]:
        """Return, per axis and step, changed attributes, sum of levels and the step itself."""
        return tuple(
            (
                np.array([sum(level > 0 for level in step) for step in axis.steps]),
                np.array([sum(step) for step in axis.steps]),
                np.arange(len(axis.steps)),
            )
            for axis in self.axes
        )

    def tie_rank(self, steps: Sequence[int] | Ints) -> tuple[int, ...]:
        """Return what decides between nodes of equal score; smaller is better.

        Fewest changed attributes, then the lowest sum of levels, then lexicographic order.
        """
        levels = self.levels(steps)
        return (sum(level > 0 for level in levels), sum(levels), *levels)


def _range(
    name: str, top: int, keep: Sequence[str], levels: Mapping[str, tuple[int, int]]
) -> tuple[int, int]:
    """Return the lowest and highest level that the user allows."""
    low, high = levels.get(name, (0, top))
    if not 0 <= low <= high:
        raise SearchError(
            f"levels of '{name}' must be two numbers, lowest first, from 0 up",
            hint=f"Its hierarchy has levels 0 to {top}",
        )
    if low > top:
        raise SearchError(f"'{name}' has no level {low}", hint=f"Its highest level is {top}")
    if name in keep:
        if low > 0:
            raise SearchError(
                f"'{name}' must be kept, yet its lowest level is {low}",
                hint="Drop one of the two demands",
            )
        high = 0
    return low, min(high, top)


def _axis(
    members: tuple[int, ...],
    attributes: Sequence[AttributeCodes],
    ranges: Mapping[str, tuple[int, int]],
) -> Axis:
    """Return the axis of one attribute, or of several that move together."""
    chosen = [attributes[member] for member in members]
    top = max(attribute.levels for attribute in chosen)
    steps: list[tuple[int, ...]] = []
    for step in range(top):
        together = tuple(min(step, attribute.levels - 1) for attribute in chosen)
        allowed = all(
            ranges[attribute.name][0] <= level <= ranges[attribute.name][1]
            for attribute, level in zip(chosen, together, strict=True)
        )
        if allowed and together not in steps:
            steps.append(together)
    if not steps:
        listed = ", ".join(f"'{attribute.name}'" for attribute in chosen)
        raise SearchError(
            f"no level suits the coupled attributes {listed}",
            hint="Their level ranges or kept attributes contradict each other",
        )
    per_step: list[tuple[Ints, tuple[Ints, ...]]] = []
    codes = np.empty(0, dtype=np.int64)
    for number, levels in enumerate(steps):
        columns = [a.maps[level] for a, level in zip(chosen, levels, strict=True)]
        if len(chosen) == 1 and number == 0:
            codes = columns[0][chosen[0].codes]
        if len(chosen) == 1:
            base = chosen[0].maps[steps[0][0]]
            _, first = np.unique(base, return_index=True)
            table = columns[0][first]
            width = len(chosen[0].leaves[levels[0]])
            per_step.append((table, (np.arange(width, dtype=np.int64),)))
            continue
        rows = [column[a.codes] for a, column in zip(chosen, columns, strict=True)]
        widths = [len(a.leaves[level]) for a, level in zip(chosen, levels, strict=True)]
        key, _ = dense(pack(rows, widths, len(rows[0]))[0])
        _, first = np.unique(key, return_index=True)
        if number == 0:
            codes = key
            base_first = first
        per_step.append((key[base_first], tuple(row[first] for row in rows)))
    return Axis(
        members=members,
        steps=tuple(steps),
        codes=codes,
        maps=tuple(table for table, _ in per_step),
        member_codes=tuple(codes_of for _, codes_of in per_step),
    )


def build_lattice(
    attributes: Sequence[AttributeCodes],
    *,
    keep: Sequence[str] = (),
    levels: Mapping[str, tuple[int, int]] | None = None,
    coupled: Sequence[Sequence[str]] = (),
) -> Lattice:
    """Return the lattice under the user's constraints.

    Parameters
    ----------
    attributes : sequence of AttributeCodes
        In the order of the level vectors.
    keep : sequence of str
        Attributes that stay at level 0.
    levels : mapping of str to (int, int), optional
        Lowest and highest level that may be used, both included.
    coupled : sequence of sequences of str
        Attributes that move together, level by level, each stopping at its own top.

    Raises
    ------
    SearchError
        For an unknown name, an attribute coupled twice, or demands that contradict.
    """
    names = [attribute.name for attribute in attributes]
    ranges_given = dict(levels or {})
    coupled = [listed("coupled attributes", group) for group in listed("groups", coupled)]
    grouped = [name for group in coupled for name in group]
    mentioned = [*listed("attributes to keep", keep), *ranges_given, *grouped]
    for name in mentioned:
        if name not in names:
            raise SearchError(
                f"{quoted(name)} is not a quasi-identifier of this search",
                hint=did_you_mean(str(name), names),
            )
    if len(set(grouped)) < len(grouped):
        raise SearchError("an attribute is coupled twice", hint="Join the two groups")
    ranges = {a.name: _range(a.name, a.levels - 1, keep, ranges_given) for a in attributes}
    groups = {
        name: tuple(names.index(other) for other in group) for group in coupled for name in group
    }
    axes: list[Axis] = []
    done: set[int] = set()
    for position, name in enumerate(names):
        if position not in done:
            members = groups.get(name, (position,))
            axes.append(_axis(members, attributes, ranges))
            done.update(members)
    return Lattice(attributes=tuple(attributes), axes=tuple(axes))


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

"""Moves of cut points after the search: shift, join, split; the best one, until none helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import numpy as np

from midi_risk.recode.adaptive.explore import Axis, Counter, Node, Option, score_of
from midi_risk.recode.adaptive.options import Values

MOST_AFTER_MOVES = 13
"""Bands that moves may end with."""

SHIFTS = (1, 2, 4, 8)


UNROUND_GAIN = 0.02
"""What cut points at unround places have to save together, in units of the score."""


def moved(
    axes: Sequence[Axis],
    node: Node,
    ordered: Sequence[Values | None],
    counter: Counter,
    limit: int,
    k: int,
    work: int,
) -> Node:
    """Return a node that loses less by cut points of its own, or the same node.

    Cut points stay at round places, unless unround ones save `UNROUND_GAIN`.

    Parameters
    ----------
    axes : sequence of Axis
    node : Node
    ordered : sequence of Values or None
        Per axis the attribute whose cut points may move; None where there is none.
    counter : Counter
    limit : int
        Records that may be hidden.
    k : int
        Subjects that each band shows at least.
    work : int
        Records times facts to count before it ends.

    Returns
    -------
    Node
        Its score is never larger.
    """
    given = (axes, node, ordered, counter, limit, k)
    plain = _improved(*given, work // 2, fine=False)
    free = _improved(axes, plain, *given[2:], work // 2, fine=True)
    return free if free.score <= plain.score - UNROUND_GAIN else plain


def _improved(
    axes: Sequence[Axis],
    node: Node,
    ordered: Sequence[Values | None],
    counter: Counter,
    limit: int,
    k: int,
    work: int,
    *,
    fine: bool,
) -> Node:
    """Take the best move of each fact in turn until none helps."""
    stop = counter.work + work
    columns = [o.group[a.codes] for a, o in zip(axes, node.options, strict=True)]
    records = len(axes[0].codes)
    better = True
    while better and counter.work < stop:
        better = False
        for number, values in enumerate(ordered):
            if values is None:
                continue
            best = node
            for cuts in _neighbours(values, node, number, fine=fine):
                if counter.work > stop:
                    break
                option = values.cut_option(cuts)
                if not values.allows(option.group):
                    continue
                options = (*node.options[:number], option, *node.options[number + 1 :])
                least = sum(a.weight * o.loss + o.price for a, o in zip(axes, options, strict=True))
                if least >= best.score - 1e-9:
                    continue
                tried = [*columns[:number], option.group[values.codes], *columns[number + 1 :]]
                _, hides, hidden = counter.hidden(tried, options, records)
                if hides > limit:
                    continue
                score = score_of(axes, options, hidden)
                if score < best.score - 1e-9 and _fewest(values, option, hidden) >= k:
                    best = Node(options, hidden, score)
            if best is not node:
                node, better = best, True
                columns = [o.group[a.codes] for a, o in zip(axes, node.options, strict=True)]
    return node


def tidied(
    axes: Sequence[Axis],
    node: Node,
    ordered: Sequence[Values | None],
    counter: Counter,
    limit: int,
    k: int,
) -> Node:
    """Return the node with each band of too few shown subjects joined to a neighbour.

    A cut point then is never defined by fewer subjects than a class needs. Bands that only merge
    classes hide no more; the score rises by what the few lose.
    """
    records = len(axes[0].codes)
    for number, values in enumerate(ordered):
        if values is None:
            continue
        while True:
            cuts = cuts_of(values, node, number)
            option = node.options[number]
            rule = getattr(option.made_of[0], "rule", None)
            if rule is None or not cuts or _fewest(values, option, node.hidden) >= k:
                break
            best: Node | None = None
            for place in range(len(cuts)):
                left = (*cuts[:place], *cuts[place + 1 :])
                new = values.cut_option(left) if left else values.removed()
                options = (*node.options[:number], new, *node.options[number + 1 :])
                columns = [o.group[a.codes] for a, o in zip(axes, options, strict=True)]
                _, hides, hidden = counter.hidden(columns, options, records)
                if hides > limit or not values.allows(new.group):
                    continue
                joined = Node(options, hidden, score_of(axes, options, hidden))
                if best is None or joined.score < best.score:
                    best = joined
            if best is None:
                break
            node = best
    return node


def regained(axes: Sequence[Axis], node: Node, counter: Counter) -> Node:
    """Return the node with each fact that it removes for nothing shown again.

    Where a finer option hides no other record, removing the fact saves nothing: it was chosen
    only because the records that are hidden anyway count as lost twice when they stand apart.
    """
    records = len(axes[0].codes)
    for number, axis in enumerate(axes):
        if node.options[number].groups > 1:
            continue
        for option in axis.options:
            if option.groups == 1:
                continue
            options = (*node.options[:number], option, *node.options[number + 1 :])
            columns = [o.group[a.codes] for a, o in zip(axes, options, strict=True)]
            _, hides, hidden = counter.hidden(columns, options, records)
            if hides <= node.left_out and not (hidden & ~node.hidden).any():
                node = Node(options, hidden, min(node.score, score_of(axes, options, hidden)))
                break
    return node


def _fewest(values: Values, option: Option, hidden: np.ndarray) -> int:
    """Return the subjects that the emptiest band shows; those without a value are in none."""
    assert values.spread.at is not None  # noqa: S101 - only asked of an attribute with cut points
    placed = np.isfinite(values.spread.at)[values.codes]
    group = option.group[values.codes]
    bands = np.unique(group[placed])
    return int(np.bincount(group[placed & ~hidden], minlength=option.groups)[bands].min())


def cuts_of(values: Values, node: Node, number: int) -> tuple[float, ...]:
    """Return the cut points by which a node shows an attribute, empty where it has none."""
    made = node.options[number].made_of[0]
    rule = getattr(made, "rule", None)
    if rule is not None and rule.cuts is not None:
        return tuple(rule.cuts)
    at = values.spread.at
    if at is None:
        return ()
    group = node.options[number].group
    known = np.isfinite(at)
    order = np.argsort(at[known], kind="stable")
    place, band = at[known][order], group[known][order]
    turns = np.flatnonzero(band[1:] != band[:-1]) + 1
    if len(turns) + 1 != len(np.unique(band)) or len(turns) >= MOST_AFTER_MOVES:
        return ()
    if values.edges is not None:
        at_or_below = np.searchsorted(values.edges, place[turns], side="right") - 1
        return tuple(float(values.edges[i]) for i in at_or_below)
    step = values.unit  # bands may be narrower than it, such as months between quarters
    begun = (float(round(np.floor(place[t] / step + 1e-9) * step, 10)) for t in turns)
    return tuple(dict.fromkeys(begun))


def _neighbours(
    values: Values, node: Node, number: int, *, fine: bool
) -> Iterator[tuple[float, ...]]:
    """Yield the cut points that one move leads to."""
    cuts = cuts_of(values, node, number)
    at = values.spread.at
    if at is None:
        return
    known = np.isfinite(at)
    low, high = float(at[known].min()), float(at[known].max())
    if not cuts and node.options[number].groups > MOST_AFTER_MOVES:
        return
    if values.edges is not None:
        yield from _on_edges(cuts, values.edges.tolist())
        return
    steps = (values.round_unit, values.unit) if fine else (values.round_unit,)
    units = tuple(dict.fromkeys(steps))
    yield from _shifts_and_joins(cuts, units, low, high)
    if len(cuts) + 1 < MOST_AFTER_MOVES:
        yield from _splits(cuts, units, low, high)


def _on_edges(cuts: tuple[float, ...], edges: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """Yield cut points with one left out, moved or added, where bands begin."""
    free = [edge for edge in edges if edge not in cuts]
    for place in range(len(cuts)):
        others = (*cuts[:place], *cuts[place + 1 :])
        if others:
            yield others
        for edge in free:
            yield tuple(sorted({*others, edge}))
    if len(cuts) + 1 < MOST_AFTER_MOVES:
        for edge in free:
            yield tuple(sorted({*cuts, edge}))


def _shifts_and_joins(
    cuts: tuple[float, ...], units: Sequence[float], low: float, high: float
) -> Iterator[tuple[float, ...]]:
    """Yield cut points with one left out, or moved by some steps."""
    for place, cut in enumerate(cuts):
        others = [*cuts[:place], *cuts[place + 1 :]]
        if others:
            yield tuple(others)
        for unit, shift, sign in product(units, SHIFTS, (-1, 1)):
            to = round(round(cut / unit) * unit + sign * shift * unit, 10)
            if low < to <= high and to not in cuts:
                yield tuple(sorted({*others, to}))


def _splits(
    cuts: tuple[float, ...], units: Sequence[float], low: float, high: float
) -> Iterator[tuple[float, ...]]:
    """Yield cut points with one more, at a quarter of a band."""
    for unit, (one, two) in product(units, pairwise([low, *cuts, high])):
        for part in (0.25, 0.5, 0.75):
            to = round(round((one + part * (two - one)) / unit) * unit, 10)
            if one < to < two and to not in cuts:
                yield tuple(sorted({*cuts, to}))

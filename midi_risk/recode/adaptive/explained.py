"""Why a plan has these levels and not finer ones: the classes that stand in the way, in counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midi_risk.attributes.model import Kind
from midi_risk.attributes.own_hierarchy import rule_text
from midi_risk.document.plan import AgeWidth, Finer
from midi_risk.recode.adaptive.distance import variance_between
from midi_risk.recode.adaptive.explore import Axis, Counter, Node, Option
from midi_risk.recode.adaptive.facts import Fact, shown_of
from midi_risk.recode.adaptive.options import Values, tail_cuts

WIDTHS = (1, 2, 3, 5, 10, 15, 20)
"""Widths of bands of age, in years, whose cost is told."""


def finer_levels(
    facts: Sequence[Fact], axes: Sequence[Axis], node: Node, counter: Counter, limit: int
) -> tuple[Finer, ...]:
    """Return for each fact that a plan coarsens what its next finer level would do.

    Parameters
    ----------
    facts : sequence of Fact
    axes : sequence of Axis
        Of these facts.
    node : Node
        Of the plan.
    counter : Counter
    limit : int
        Subjects that may be left out.

    Returns
    -------
    tuple of Finer
        With the other facts as the plan has them. Facts that stay as they are have none.
    """
    found = []
    for number, (fact, axis, option) in enumerate(zip(facts, axes, node.options, strict=True)):
        better = [o for o in axis.options if o.loss < option.loss - 1e-9]
        if not better:
            continue
        nearest = max(better, key=lambda o: (o.loss, -o.groups))
        options = (*node.options[:number], nearest, *node.options[number + 1 :])
        classes, subjects = _blocking(axes, options, counter)
        found.append(
            Finer(
                attribute=fact.names[0],
                describe=described(fact.members[0], nearest),
                classes=classes,
                subjects=subjects,
                left_out=node.left_out,
                allowed=limit,
            )
        )
    return tuple(found)


def _blocking(axes: Sequence[Axis], options: Sequence[Option], counter: Counter) -> tuple[int, int]:
    """Return the classes that fail at a node, and their subjects."""
    columns = [o.group[a.codes] for a, o in zip(axes, options, strict=True)]
    _, subjects, hidden = counter.hidden(columns, options, len(columns[0]))
    if not subjects:
        return 0, 0
    failing = np.column_stack([column[hidden] for column in columns])
    return len(np.unique(failing, axis=0)), subjects


def described(values: Values, option: Option) -> str:
    """Return in words how an option shows an attribute."""
    shown = shown_of(option)[0]
    if shown.rule is not None:
        return rule_text(shown.rule, values.attribute.kind)
    return values.hierarchy.describe(shown.level or 0, "").removeprefix(": ")


def age_widths(
    facts: Sequence[Fact], axes: Sequence[Axis], node: Node, counter: Counter, band: int
) -> tuple[AgeWidth, ...]:
    """Return what bands of age of each width would cost, with all else as in the plan.

    Parameters
    ----------
    facts, axes, node, counter
        As in `finer_levels`.
    band : int
        Subjects that each end of the ages holds at least; sparser ends are joined.
    """
    for number, fact in enumerate(facts):
        values = fact.members[0]
        at = values.spread.at
        if values.attribute.kind is not Kind.AGE or at is None or len(fact.members) > 1:
            continue
        if not values.unit:
            continue
        place = at[values.codes]
        known, edges = np.isfinite(place), values.edges
        found = []
        least = 1.0 if edges is None or len(edges) < 2 else float(np.diff(edges).min())
        for years in (w for w in WIDTHS if w >= least):
            ends = np.isfinite(at) & (values.spread.count > 0)
            lines = years if edges is None else edges[edges % years == 0]
            cuts = tail_cuts(at[ends], values.spread.count[ends], lines, band)
            if not cuts:
                continue
            option = values.cut_option(cuts)
            options = (*node.options[:number], option, *node.options[number + 1 :])
            classes, subjects = _blocking(axes, options, counter)
            r2 = variance_between(place[known], option.group[values.codes][known])
            found.append(
                AgeWidth(years=years, classes=classes, subjects=subjects, age_r2=round(r2, 4))
            )
        return tuple(found)
    return ()

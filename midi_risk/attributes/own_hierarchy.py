"""Hierarchies of the assessor's own, written as rules in the project file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from midi_risk.attributes.ages import plain
from midi_risk.attributes.hierarchies import Hierarchy, build_hierarchy, check_nesting
from midi_risk.attributes.ladder_names import OTHER
from midi_risk.attributes.ladder_time import UNPARSED
from midi_risk.attributes.ladders import EXACT, REMOVED
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.own_labels import level_column
from midi_risk.attributes.values import normalise
from midi_risk.errors import HierarchyError
from midi_risk.hierarchy_rules import HierarchyStep

OWN = "own"
"""Name of a hierarchy that the project file spells out."""

_KINDS: Mapping[str, frozenset[Kind]] = {
    **dict.fromkeys(
        ("cuts", "width", "round", "top", "microaggregate"), frozenset({Kind.AGE, Kind.NUMBER})
    ),
    "date": frozenset({Kind.DATE}),
}
FROM_DATA = frozenset({"rare", "microaggregate"})
"""Rules whose labels depend on what other subjects have."""


def hierarchy_for(
    attribute: Attribute,
    values: Sequence[str],
    *,
    sets: bool = False,
    counts: Sequence[int] | None = None,
) -> Hierarchy:
    """Return the hierarchy that an attribute names: rules of its own, else its ladder.

    Parameters
    ----------
    attribute : Attribute
    values : sequence of str
        Distinct canonical values.
    sets : bool
        Whether values are sets.
    counts : sequence of int, optional
        Subjects per value.
    """
    if attribute.hierarchy_steps:
        return own_hierarchy(
            attribute.hierarchy_steps,
            attribute.kind,
            values,
            sets=sets,
            counts=counts,
            attribute=attribute.name,
        )
    return build_hierarchy(attribute.ladder, attribute.kind, values, sets=sets, counts=counts)


def own_hierarchy(
    steps: Sequence[HierarchyStep],
    kind: Kind,
    values: Sequence[str],
    *,
    sets: bool = False,
    counts: Sequence[int] | None = None,
    attribute: str = "",
) -> Hierarchy:
    """Return the hierarchy of some rules, one level each, made from the raw values.

    Parameters
    ----------
    steps : sequence of HierarchyStep
        Most detailed first; each level must nest in the next.
    kind : Kind
        How the values were read.
    values : sequence of str
        Distinct canonical values.
    sets : bool
        Whether a value is a set of members; rules of names then hold for each member.
    counts : sequence of int, optional
        Subjects per value; 1 each when absent.
    attribute : str
        Named in messages.

    Returns
    -------
    Hierarchy
        With a last level that removes the value. A value that cannot be read is removed
        from level 1 on.

    Raises
    ------
    HierarchyError
        When a rule does not suit the kind, or a level does not nest in the next.

    References
    ----------
    Top and bottom coding, rounding, microaggregation: Hundepool et al., Statistical
    Disclosure Control, 2012, chapter 3; Domingo-Ferrer & Mateo-Sanz 2002,
    doi:10.1109/69.979982.

    Examples
    --------
    >>> own = own_hierarchy([HierarchyStep(top=80), HierarchyStep(cuts=(40, 80))],
    ...                     Kind.AGE, ["35", "52", "84"])
    >>> own.apply(1, ["35", "52", "84"]), own.apply(2, ["35", "52", "84"])
    (['35', '52', '80+'], ['0-39', '40-79', '80+'])
    """
    distinct = [str(value) for value in values]
    each = [1] * len(distinct) if counts is None else list(counts)
    read = normalise(kind, distinct, zero_is_missing=False)
    number = read.number
    columns, names, texts = [distinct], [EXACT], ["exact values"]
    for place, step in enumerate(steps, start=1):
        suits = _KINDS.get(step.rule)
        if suits is not None and kind not in suits:
            raise HierarchyError(
                f"hierarchy of {attribute or 'an attribute'}: level {place}, rule '{step.rule}',"
                f" needs {' or '.join(sorted(k.value for k in suits))}, this is {kind.value}",
                hint="Set 'kind', or choose another rule",
            )
        columns.append(level_column(step, kind, distinct, number, each, sets=sets))
        names.append(step.name or f"level{place}")
        texts.append(rule_text(step))
    columns.append([UNPARSED] * len(distinct))
    names.append(REMOVED)
    texts.append("removed")
    if len(set(names)) < len(names):
        raise HierarchyError(f"hierarchy of {attribute or 'an attribute'}: two levels of one name")
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)), columns=names, dtype=object)
    check_nesting(frame, attribute=attribute, reveal=True)
    return Hierarchy(name=OWN, level_names=tuple(names), frame=frame, texts=tuple(texts))


def of_value_alone(steps: Sequence[HierarchyStep], level: int) -> bool:
    """Tell whether a level labels a value without looking at other subjects."""
    return 0 < level <= len(steps) and steps[level - 1].rule not in FROM_DATA


def rule_text(step: HierarchyStep) -> str:
    """Return what a rule does, in plain English.

    Examples
    --------
    >>> rule_text(HierarchyStep(top=90, bottom=18))
    'below 18 together, 90 and over together'
    """
    return _TEXTS[step.rule](step)


def _ends_text(step: HierarchyStep) -> str:
    ends = [f"below {plain(step.bottom)} together"] if step.bottom is not None else []
    ends += [f"{plain(step.top)} and over together"] if step.top is not None else []
    return ", ".join(ends)


_PERIODS = {"5y": "periods of 5 years", "10y": "periods of 10 years"}
_TEXTS: Mapping[str, Callable[[HierarchyStep], str]] = {
    "cuts": lambda s: f"bands cut at {', '.join(map(plain, s.cuts or ()))}",
    "width": lambda s: f"bands of {plain(s.width or 0)}",
    "round": lambda s: f"rounded to the nearest multiple of {plain(s.round or 0)}",
    "top": _ends_text,
    "microaggregate": lambda s: (
        f"groups of at least {s.microaggregate} subjects, shown as their mean"
    ),
    "date": lambda s: _PERIODS.get(s.date or "", f"{s.date} only"),
    "groups": lambda s: f"groups {', '.join(s.groups or {})}; all others as '{OTHER}'",
    "rare": lambda s: f"values of fewer than {s.rare} subjects together as '{OTHER}'",
    "drop": lambda s: f"without {', '.join(s.drop or ())}",
    "first": lambda s: f"only the first {s.first} characters",
}

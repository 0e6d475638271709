"""One entry per attribute: role, decision, why it stays and what it contributes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.risk.contribution import contributions
from midi_risk.risk.document import AttributeEntry, Ps315
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy, measured


def attribute_entries(
    table: SubjectTable, view: SubjectTable, hierarchies: Mapping[str, Hierarchy]
) -> list[AttributeEntry]:
    """Return the entries of all attributes, in order.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions.
    view : SubjectTable
        As it would be released.
    hierarchies : mapping of str to Hierarchy
        Hierarchies of the user's own.
    """
    names = [a.name for a in measured(view, Role.QUASI_IDENTIFIER)]
    shares = contributions(view, names)
    return [
        _entry(attribute, table, view, hierarchies, shares.get(attribute.name))
        for attribute in table.attributes
    ]


def _entry(
    attribute: Attribute,
    table: SubjectTable,
    view: SubjectTable,
    hierarchies: Mapping[str, Hierarchy],
    contribution: float | None,
) -> AttributeEntry:
    """Return the entry of one attribute."""
    distinct, missing = table.distinct.get(attribute.name, (0, table.n_subjects))
    if attribute.name in view.frame.columns:
        column = view.frame[attribute.name]
        missing = int(pd.isna(column).sum())
        distinct = int(column.nunique(dropna=True))
    ps315 = attribute.ps315 and Ps315(
        release=attribute.ps315.release,
        action=attribute.ps315.action,
        options=list(attribute.ps315.options),
    )
    return AttributeEntry(
        name=attribute.name,
        source=attribute.source,
        level=attribute.level,
        role=attribute.role.value,
        kind=attribute.kind.value,
        distinct=distinct,
        missing=missing,
        label=attribute.label,
        reason=attribute.reason,
        folding=table.folding.get(attribute.name, ""),
        knowable_by=list(attribute.knowable_by),
        ladder=attribute.ladder,
        ps315=ps315,
        decision=attribute.decision.value if attribute.decision else None,
        justification=justification(attribute, table, hierarchies, contribution),
        need=attribute.need,
        utility=attribute.utility,
        contribution=contribution,
    )


def justification(
    attribute: Attribute,
    table: SubjectTable,
    hierarchies: Mapping[str, Hierarchy],
    contribution: float | None,
) -> str:
    """Return the sentence that justifies what is done with an attribute.

    Parameters
    ----------
    attribute : Attribute
    table : SubjectTable
    hierarchies : mapping of str to Hierarchy
    contribution : float or None
        Share of the mean risk that this attribute brings.
    """
    if attribute.decision is Decision.REMOVE:
        return "Removed from the release." + _need(attribute)
    parts = []
    if attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None:
        hierarchy = attribute_hierarchy(table, attribute, hierarchies)
        level = hierarchy.level_of(attribute.generalise_to)
        parts.append(f"Generalised: {hierarchy.describe(level, attribute.name)}.")
    elif attribute.decision is Decision.RETAIN:
        parts.append("Retained as it is.")
    if contribution is not None:
        parts.append(f"It brings {contribution:.3f} to the mean prosecutor risk (Shapley value).")
    return " ".join(parts) + _need(attribute) if parts or attribute.need else ""


def _need(attribute: Attribute) -> str:
    """Return the assessor's reason as a sentence."""
    return f" Needed for: {attribute.need.rstrip('.')}." if attribute.need else ""

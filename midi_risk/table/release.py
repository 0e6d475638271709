"""The table as it would be released: decisions of the project file applied, and a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.own_hierarchy import hierarchy_for
from midi_risk.errors import HierarchyError
from midi_risk.table.model import SubjectTable, table_digest
from midi_risk.table.repeated import WRITTEN_ONCE, generalised_values, written_once


def attribute_hierarchy(
    table: SubjectTable, attribute: Attribute, given: Mapping[str, Hierarchy] | None = None
) -> Hierarchy:
    """Return the generalisation hierarchy of an attribute over the values of a table.

    Parameters
    ----------
    table : SubjectTable
    attribute : Attribute
        Its ladder and kind choose the built-in hierarchy. One that was not folded has no value.
    given : mapping of str to Hierarchy, optional
        Hierarchies of the user's own, by attribute name; they win.

    Returns
    -------
    Hierarchy

    Raises
    ------
    HierarchyError
        When a hierarchy of the user's lacks values of the table; says how many.
    """
    folded = attribute.name in table.frame.columns
    texts = table.frame[attribute.name].to_numpy(dtype=object) if folded else np.empty(0, object)
    codes, distinct = pd.factorize(texts[pd.notna(texts)])
    codes, distinct = _with_repeated(table, attribute, codes, distinct)
    if given and attribute.name in given:
        _check_cover(given[attribute.name], attribute, distinct)
        return given[attribute.name]
    values = [str(value) for value in distinct]
    counts = np.bincount(codes, minlength=len(values)).tolist()
    sets = attribute.kind is Kind.CATEGORY and any(SET_JOINER in value for value in values)
    return hierarchy_for(attribute, values, sets=sets, counts=counts)


def _with_repeated(
    table: SubjectTable, attribute: Attribute, codes: np.ndarray, distinct: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add the values beyond the folded ones, where these are written each by itself."""
    several = table.repeated.get(attribute.name)
    if several is None or attribute.kind in WRITTEN_ONCE:
        return codes, distinct
    known = set(distinct)
    beyond = [i for i, text in enumerate(several.texts) if text not in known]
    counts = several.counts()[beyond]
    added = np.repeat(np.arange(len(beyond)) + len(distinct), counts)
    return np.append(codes, added), np.append(distinct, several.texts[beyond])


def _check_cover(hierarchy: Hierarchy, attribute: Attribute, distinct: np.ndarray) -> None:
    """Raise when values of a table have no row in a hierarchy of the user's."""
    lacking = {str(value) for value in distinct} - set(hierarchy.frame.iloc[:, 0])
    if lacking:
        raise HierarchyError(
            f"hierarchy {hierarchy.name} of '{attribute.name}' has no row for {len(lacking)} of"
            f" {len(distinct)} values that occur in the data",
            hint="Add a row for each value, as 'midi-risk export --to arx' writes them, or use a"
            " built-in ladder",
        )


def released(table: SubjectTable, given: Mapping[str, Hierarchy] | None = None) -> SubjectTable:
    """Return the table as the decisions leave it.

    Attributes decided to be removed lose their column; attributes decided to be
    generalised hold the values of the level that was chosen.

    Parameters
    ----------
    table : SubjectTable
    given : mapping of str to Hierarchy, optional
        Hierarchies of the user's own.

    Returns
    -------
    SubjectTable
        The same object when no decision changes a value.

    Raises
    ------
    HierarchyError
        When a level does not exist, or a hierarchy of the user's lacks values.
    """
    frame = table.frame
    changed: dict[str, np.ndarray] = {}
    removed: list[str] = []
    repeated = dict(table.repeated)
    there = set(frame.columns)
    for attribute in table.attributes:
        if attribute.name not in there:
            continue
        if attribute.decision is Decision.REMOVE:
            removed.append(attribute.name)
            repeated.pop(attribute.name, None)
        elif attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None:
            hierarchy = attribute_hierarchy(table, attribute, given)
            level = hierarchy.level_of(attribute.generalise_to)
            present = [None if value is None else str(value) for value in frame[attribute.name]]
            changed[attribute.name] = np.array(hierarchy.apply(level, present), dtype=object)
            repeated = generalised_values(repeated, attribute, hierarchy, level)
        elif written_once(table.attributes, attribute):
            repeated.pop(attribute.name, None)
    if not changed and not removed:
        if len(repeated) == len(table.repeated):
            return table
        return replace(table, repeated=repeated, digest=table_digest(frame, repeated))
    frame = frame.drop(columns=removed)
    for name, texts in changed.items():
        frame = frame.assign(**{name: pd.Series(texts, index=frame.index, dtype=object)})
    return replace(table, frame=frame, digest=table_digest(frame, repeated), repeated=repeated)


def without_cells(table: SubjectTable, emptied: Mapping[str, Sequence[str]]) -> SubjectTable:
    """Return the table with single cells emptied.

    Parameters
    ----------
    table : SubjectTable
    emptied : mapping of str to sequence of str
        Attribute -> keys of the subjects whose cell is emptied.

    Returns
    -------
    SubjectTable
        The same object when there is no such cell.
    """
    frame = table.frame
    keys = frame.index.astype(str)
    for name, subjects in emptied.items():
        if name in frame.columns and subjects:
            texts = frame[name].to_numpy(dtype=object).copy()
            texts[keys.isin(list(subjects))] = None
            frame = frame.assign(**{name: pd.Series(texts, index=frame.index, dtype=object)})
    if frame is table.frame:
        return table
    return replace(table, frame=frame, digest=table_digest(frame, table.repeated))


def with_labels(
    table: SubjectTable, labels: Mapping[str, np.ndarray], hidden: np.ndarray
) -> SubjectTable:
    """Return the table with the one label that each subject shows of some attributes.

    Parameters
    ----------
    table : SubjectTable
    labels : mapping of str to numpy.ndarray of object, shape (n_subjects,)
        Attribute -> label or None. One that nobody shows is removed.
    hidden : numpy.ndarray of bool, shape (n_subjects,)
        Subjects that are left out.

    Returns
    -------
    SubjectTable
        Further values of these attributes are gone: every record of a subject shows its label.
    """
    frame, attributes = table.frame, table.attributes
    for name, texts in labels.items():
        shown = bool(pd.notna(texts[~hidden]).any())
        decision = Decision.GENERALISE if shown else Decision.REMOVE
        attributes = attributes.revised(name, decision=decision, generalise_to=None)
        if shown:
            column = pd.Series(texts, index=frame.index, dtype=object)
            frame = frame.assign(**{name: column})
        else:
            frame = frame.drop(columns=[name], errors="ignore")
    repeated = {name: own for name, own in table.repeated.items() if name not in labels}
    frame = frame.loc[~hidden]
    return replace(
        table,
        frame=frame,
        attributes=attributes,
        repeated=repeated,
        digest=table_digest(frame, repeated),
    )


def without_subjects(table: SubjectTable, hidden: np.ndarray) -> SubjectTable:
    """Return the table, and the visits, without some subjects.

    Parameters
    ----------
    table : SubjectTable
    hidden : numpy.ndarray of bool, shape (n_subjects,)

    Returns
    -------
    SubjectTable
        The same object when nobody is hidden.
    """
    if not hidden.any():
        return table
    frame, seen = table.frame.loc[~hidden], table.visits
    who = seen["subject"].to_numpy(dtype=np.int64)
    stays = ~hidden[who]
    numbers = np.cumsum(~hidden) - 1
    visits = seen.loc[stays].assign(subject=numbers[who[stays]]).reset_index(drop=True)
    stated = table.intervals
    of = stated["subject"].to_numpy(dtype=np.int64)
    intervals = stated.loc[~hidden[of]].assign(subject=numbers[of[~hidden[of]]])
    counts = {**table.counts, "subjects": len(frame)}
    return replace(
        table,
        frame=frame,
        visits=visits,
        intervals=intervals.reset_index(drop=True),
        counts=counts,
        digest=table_digest(frame, table.repeated),
    )


def measured(table: SubjectTable, *roles: Role) -> AttributeSet:
    """Return the attributes of these roles that are in the table's frame, in order."""
    return AttributeSet(
        tuple(a for a in table.attributes.of_role(*roles) if a.name in table.frame.columns)
    )


def planned(
    table: SubjectTable,
    levels: Mapping[str, int],
    hierarchies: Mapping[str, Hierarchy],
    suppressed: np.ndarray | None = None,
) -> SubjectTable:
    """Return the table as a plan would release it.

    Parameters
    ----------
    table : SubjectTable
    levels : mapping of str to int
        Level of each recoded attribute.
    hierarchies : mapping of str to Hierarchy
    suppressed : numpy.ndarray of bool, shape (n_subjects,), optional
        Subjects that are left out.

    Returns
    -------
    SubjectTable
    """
    attributes = table.attributes
    for name, level in levels.items():
        last = len(hierarchies[name].level_names) - 1
        decision = Decision.REMOVE if level == last else Decision.GENERALISE
        if level > 0:
            attributes = attributes.revised(name, decision=decision, generalise_to=level)
    revised = replace(table, attributes=attributes)
    if suppressed is not None and suppressed.any():
        revised = replace(revised, frame=revised.frame.loc[~suppressed])
    return released(revised, hierarchies)

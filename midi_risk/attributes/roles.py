"""Proposal of roles: which part each column plays, how it is read, and why.

The rule behind the proposals (ADR 0010): a quasi-identifier is what somebody outside
the hospital can know about a person, so it belongs in the class table; what only
insiders know is a matter of channels and of governance; what would do harm when learnt
is sensitive; and what nobody can judge from here stays undecided.
"""

from __future__ import annotations

from collections.abc import Iterator

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.attributes.ps315 import Ps315Table, packaged_table
from midi_risk.attributes.role_evidence import Evidence, SubjectKey
from midi_risk.attributes.role_keywords import (
    SAME_VISIT,
    DicomIdentity,
    dicom_identity,
    propose_keyword,
)
from midi_risk.attributes.role_names import form_items, match_name, propose_by_rule
from midi_risk.attributes.role_proposal import Proposal
from midi_risk.attributes.role_values import propose_by_values, propose_direct
from midi_risk.sources.model import Extraction, SourceTable


def propose(extraction: Extraction, *, standard: Ps315Table | None = None) -> AttributeSet:
    """Propose role, kind and ladder of every column, each with a reason.

    Parameters
    ----------
    extraction : Extraction
        Source tables as raw text.
    standard : Ps315Table, optional
        Another release of Table E.1-1 than the packaged one.

    Returns
    -------
    AttributeSet
        One attribute per column, in the order of the sources. The name is the keyword
        or column name; where that is taken, ``source:column``.

    Notes
    -----
    In this order: the key and the scope of the source; DICOM attributes by catalogue,
    Table E.1-1 and VR; other columns by their values when these look like direct
    identifiers, by the packaged rules on the words of their name, by the same rules on
    their data dictionary entry, and last by their values. Work is done on distinct
    values and counts. No reason holds a value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from midi_risk.sources.model import FILE_SCHEMA, SourceKind
    >>> rows = pa.table({"id": ["a", "b"], "age": ["30", "41"], "religion": ["x", "y"]})
    >>> source = SourceTable(
    ...     name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    ... )
    >>> found = propose(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()))
    >>> [(a.name, a.role.value) for a in found]
    [('id', 'linkage_key'), ('age', 'quasi_identifier'), ('religion', 'sensitive')]
    """
    taken: set[str] = set()
    attributes: list[Attribute] = []
    for table in extraction.tables:
        for attribute in _propose_table(table, standard or packaged_table()):
            name = _free_name(attribute, taken)
            taken.add(name)
            attributes.append(attribute.revised(name=name))
    return AttributeSet(tuple(attributes))


def _free_name(attribute: Attribute, taken: set[str]) -> str:
    name = attribute.column
    if name in taken:
        name = f"{attribute.source}:{attribute.column}"
    number = 2
    while name in taken:
        name = f"{attribute.source}:{attribute.column}#{number}"
        number += 1
    return name


def _propose_table(table: SourceTable, standard: Ps315Table) -> Iterator[Attribute]:
    key = SubjectKey(table.rows.column(table.key))
    seen = {
        name
        for name in ("StudyDate", "StudyTime")
        if name in table.rows.column_names and not Evidence(table.rows.column(name), key).empty
    }
    items = form_items(table.rows.column_names)
    for column in table.rows.column_names:
        evidence = Evidence(table.rows.column(column), key)
        identity = dicom_identity(column)
        proposal = _propose_column(table, column, identity, evidence, seen, items).with_ladder()
        yield Attribute(
            name=column,
            source=table.name,
            column=column,
            role=proposal.role,
            kind=proposal.kind,
            reason=proposal.reason,
            level=identity.level if identity else table.level,
            keyword=identity.keyword if identity else None,
            tag=identity.tag if identity else None,
            vr=identity.vr if identity else None,
            ladder=proposal.ladder,
            ps315=standard.action_for(identity.keyword) if identity else None,
            knowable_by=proposal.knowable_by,
            label=table.labels.get(column, ""),
        )


def _propose_column(
    table: SourceTable,
    column: str,
    identity: DicomIdentity | None,
    evidence: Evidence,
    seen: set[str],
    items: frozenset[str],
) -> Proposal:
    if column == table.key:
        if evidence.direct:
            return Proposal(
                role=Role.DIRECT_IDENTIFIER,
                kind=Kind.IDENTIFIER,
                reason=f"the key that links the rows of a subject, and its values look like"
                f" {evidence.direct}: replace them by pseudonyms",
                ladder="remove",
            )
        return Proposal(
            role=Role.LINKAGE_KEY,
            kind=Kind.IDENTIFIER,
            reason="the key that links the rows of a subject",
            ladder="remove",
        )
    if column in (table.scope, table.instances_column):
        what = (
            "the collection within which a key is unique"
            if column == table.scope
            else ("the number of instances that a row stands for")
        )
        return Proposal(role=Role.INSENSITIVE, kind=Kind.CATEGORY, reason=what, ladder="enum")
    if identity is not None:
        stands = ""
        if identity.keyword in SAME_VISIT:
            wanted = "StudyTime" if identity.vr == "TM" else "StudyDate"
            stands = wanted if wanted in seen else ""
        return propose_keyword(identity, evidence, same_visit=stands)
    if evidence.empty:
        return Proposal(role=Role.INSENSITIVE, kind=Kind.CATEGORY, reason="no row has a value")
    name = "" if column in items else column
    return propose_other(name, table.labels.get(column, ""), evidence)


def propose_other(column: str, label: str, evidence: Evidence) -> Proposal:
    """Propose a role for a column that is no DICOM attribute.

    Parameters
    ----------
    column : str
        Its name, ``""`` when it tells nothing.
    label : str
        Data dictionary entry, or ``""``.
    evidence : Evidence
        Its values.
    """
    direct = propose_direct(evidence)
    if direct is not None:
        return direct
    rule = match_name(column) if column else None
    if rule is not None:
        return propose_by_rule(rule, evidence)
    rule = match_name(label) if label else None
    if rule is not None:
        return propose_by_rule(rule, evidence, where=" (by its data dictionary entry)")
    return propose_by_values(evidence)

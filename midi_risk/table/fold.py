"""Folding: many observations of one subject become one row, by printed rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.numbers import parse_numbers
from midi_risk.attributes.parsed import is_missing
from midi_risk.attributes.roles import may_hold_text
from midi_risk.document.assessment import Finding, LinkReport
from midi_risk.errors import SourceError
from midi_risk.sources.dicom.dictionary import tag_of
from midi_risk.sources.dicom.misfits import EARLY, misfit_of_text
from midi_risk.sources.model import Extraction, SourceKind, SourceTable
from midi_risk.table.account import leaves
from midi_risk.table.across import Spans, compared, cross_source_findings, spans_of
from midi_risk.table.distinct import distinct_codes, distinct_rows
from midi_risk.table.findings import (
    age_date_findings,
    conflict_findings,
    date_findings,
    hygiene_findings,
    key_findings,
    keyless_rows,
    made_of_parts,
    own_value_findings,
)
from midi_risk.table.imaged import concerned_subjects, describes_images
from midi_risk.table.intervals import intervals_of, states_interval
from midi_risk.table.model import (
    NormalisedColumn,
    RepeatedValues,
    SubjectTable,
    coded,
    day_column,
    raw_codes,
    table_digest,
)
from midi_risk.table.repeated import repeated_values
from midi_risk.table.rules import Folded, distinct_pairs, fold_values
from midi_risk.table.strays import stray
from midi_risk.table.subjects import Subjects, find_subjects, instances_of, link
from midi_risk.table.uids import uid_findings
from midi_risk.table.visits import visit_date, visits, visits_elsewhere

FOLDED_ROLES = (Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.UNDECIDED)
"""Roles whose values enter the subject table; the others are only counted."""


@dataclass(slots=True)
class _Draft:
    """What folding has gathered so far."""

    folded: dict[str, np.ndarray] = field(default_factory=dict)
    attributes: list[Attribute] = field(default_factory=list)
    folding: dict[str, str] = field(default_factory=dict)
    distinct: dict[str, tuple[int, int]] = field(default_factory=dict)
    alone: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    links: list[LinkReport] = field(default_factory=list)
    repeated: dict[str, RepeatedValues] = field(default_factory=dict)
    spans: dict[str, Spans] = field(default_factory=dict)
    unfolded: dict[str, np.ndarray] = field(default_factory=dict)
    misfits: dict[str, str] = field(default_factory=dict)


def fold(
    extraction: Extraction,
    attributes: AttributeSet,
    *,
    missing: Literal["category", "wildcard"] = "category",
) -> SubjectTable:
    """Fold every observation into one row per subject.

    Parameters
    ----------
    extraction : Extraction
        What was read; its first table leads, the others are linked by key.
    attributes : AttributeSet
        Proposed or decided roles. Quasi-identifiers, sensitive and undecided attributes
        enter the table; the others are counted.
    missing : {"category", "wildcard"}
        How an absent quasi-identifier is treated by the measures.

    Returns
    -------
    SubjectTable

    Raises
    ------
    SourceError
        When there is no source table, or no subject is left.
    LinkageError
        When two sources cannot be joined.

    Notes
    -----
    Sex folds to the value most often recorded, age to the first, numbers to the median
    and their range, dates to the first (their pattern is kept as visits), everything
    else to the ordered set of distinct values. The values that a fold drops are kept beside
    it, since they leave as well. Rows of objects derived from images
    (segmentations, reports) say nothing of scanners and series.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from midi_risk.sources.model import FILE_SCHEMA, SourceKind, SourceTable
    >>> rows = pa.table({"id": ["a", "a", "b"], "sex": ["M", "M", "F"]})
    >>> source = SourceTable(
    ...     name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    ... )
    >>> sex = Attribute(
    ...     name="sex", source="t.csv", column="sex", role=Role.QUASI_IDENTIFIER,
    ...     kind=Kind.SEX, reason="named so",
    ... )
    >>> extraction = Extraction(tables=(source,), files=FILE_SCHEMA.empty_table())
    >>> fold(extraction, AttributeSet((sex,))).frame["sex"].tolist()
    ['M', 'F']
    """
    if not extraction.tables:
        raise SourceError("there is nothing to fold: no source table was read")
    extraction = _with_all_subjects(extraction, attributes)
    leading = extraction.tables[0]
    subjects = find_subjects(leading)
    if not len(subjects.labels):
        raise SourceError(
            f"{leading.name}: no human subject is left",
            hint="Phantoms and animals are counted apart; see docs/folding.md",
        )
    draft = _Draft()
    _fold_source(leading, attributes, subjects.of_row, subjects, draft)
    rows_of = [(leading, subjects.of_row)]
    for table in extraction.tables[1:]:
        of_row, report = link(table, subjects)
        rows_of.append((table, of_row))
        draft.links.append(report)
        draft.findings += keyless_rows(table)
        _fold_source(table, attributes, of_row, subjects, draft)
    draft.findings += own_value_findings(
        draft.attributes, draft.alone, draft.folded, len(subjects.labels)
    )
    draft.findings += cross_source_findings(
        draft.attributes, draft.folded | draft.unfolded, draft.spans
    )
    draft.findings += key_findings(leading, subjects, set(draft.folded))
    draft.findings += made_of_parts(leading, attributes, subjects)
    for table, of_row in rows_of:
        draft.findings += uid_findings(table, attributes, of_row)
    family: tuple[str, ...] = ()
    seen_on, stated_by = visits(leading, subjects, attributes), visit_date(leading)
    if not stated_by:
        stated_by, seen_on, family = visits_elsewhere(rows_of, attributes)
    else:
        _look_for_early_days(rows_of, seen_on, draft)
    draft.findings += date_findings(leading, subjects, attributes, seen_on)
    frame = pd.DataFrame(
        {name: pd.Series(texts, dtype=object) for name, texts in draft.folded.items()}
    )
    frame.index = pd.Index(subjects.labels, name="subject", dtype=object)
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(tuple(draft.attributes)),
        counts=_counts(leading, subjects),
        files=extraction.file_counts(),
        missing=missing,
        digest=table_digest(frame, draft.repeated),
        links=tuple(draft.links),
        findings=tuple(draft.findings),
        excluded=subjects.excluded,
        visits=seen_on,
        visit_dates=stated_by,
        visit_family=family,
        intervals=intervals_of(rows_of, attributes),
        facts=dict(extraction.facts),
        has_images=any(describes_images(table) for table in extraction.tables),
        folding=draft.folding,
        distinct=draft.distinct,
        alone=draft.alone,
        sources=tuple(
            {"name": t.name, "kind": t.kind.value, "level": t.level, "rows": t.n_rows}
            for t in extraction.tables
        ),
        notes=extraction.findings,
        repeated=draft.repeated,
        concerned=concerned_subjects([_own_rows(*each) for each in rows_of], subjects),
        leaves=leaves(extraction),
        misfits=draft.misfits,
    )


def _with_all_subjects(extraction: Extraction, attributes: AttributeSet) -> Extraction:
    """Ask for the subjects of every value, where tables left them out and a rule needs them."""
    dated = bool(visit_date(extraction.tables[0]))
    tables = []
    for table in extraction.tables:
        wanted = frozenset(
            a.column
            for a in attributes
            if a.source == table.name
            and a.column in table.partly
            and (
                a.role in FOLDED_ROLES
                or compared(a)
                or a.vr in _TYPED_VRS
                or states_interval(a, table.kind)
                or (a.kind is Kind.DATE and not dated)
            )
        )
        whole = table.again(whole=wanted) if wanted and table.again else None
        tables.append(table if whole is None else replace(whole.table, name=table.name))
    return replace(extraction, tables=tuple(tables))


def _own_rows(table: SourceTable, of_row: np.ndarray) -> tuple[SourceTable, np.ndarray]:
    """Leave rows that say one thing alone to nobody."""
    return table, of_row if table.weights is None else np.where(table.weights > 0, of_row, -1)


def _fold_source(
    table: SourceTable,
    attributes: AttributeSet,
    of_row: np.ndarray,
    subjects: Subjects,
    draft: _Draft,
) -> None:
    """Fold the attributes of one source into the draft."""
    n = len(subjects.labels)
    weight = instances_of(table)
    columns: dict[str, NormalisedColumn] = {}
    there = set(table.rows.column_names)
    for attribute in attributes:
        if attribute.source != table.name or attribute.column not in there:
            continue
        draft.attributes.append(attribute)
        column = table.rows.column(attribute.column)
        if attribute.role in _UNCOUNTED:
            _look_for_misfits(attribute, column, of_row, table.kind, draft)
        if attribute.role not in FOLDED_ROLES:
            _count_only(attribute.name, column, of_row, n, draft)
            if attribute.column in table.ends:
                _count_objects(attribute.name, column, of_row, weight, draft)
            if compared(attribute):
                _compare_only(attribute, column, of_row, n, draft)
            continue
        read = coded(column, attribute)
        columns[attribute.name] = read
        rows = of_row
        if _speaks_of_scanners(attribute) and len(subjects.derived) == len(of_row):
            rows = np.where(subjects.derived, -1, of_row)
        pairs = distinct_pairs(rows, read.codes, len(read.text), weight)
        outcome = fold_values(attribute.kind, read, pairs, n)
        draft.folded[attribute.name] = outcome.texts
        draft.folding[attribute.name] = outcome.sentence
        spans = spans_of(attribute, read, pairs, n)
        if spans is not None:
            draft.spans[attribute.name] = spans
        several = repeated_values(attribute, read, pairs, np.asarray(subjects.labels, object))
        if several is not None:
            draft.repeated[attribute.name] = several
        missing = outcome.texts.tolist().count(None)
        used = np.bincount(pairs.value, minlength=1)
        draft.distinct[attribute.name] = (int(np.count_nonzero(used)), missing)
        draft.findings += hygiene_findings(attribute, read)
        draft.findings += conflict_findings(attribute, outcome)
        _add_range(attribute, outcome, draft)
    age = next((a for a in attributes if a.name in columns and a.kind is Kind.AGE), None)
    date = columns.get("StudyDate")
    if age is not None and date is not None:
        years = columns[age.name]
        draft.findings += age_date_findings(
            of_row,
            np.append(years.number, np.nan)[years.codes],
            np.append(date.number, np.nan)[date.codes],
            age.name,
        )


_UNCOUNTED = frozenset({Role.INSENSITIVE, Role.SENSITIVE, Role.LINKAGE_KEY})


_TYPED_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


def _look_for_misfits(
    attribute: Attribute, column: Any, of_row: np.ndarray, kind: SourceKind, draft: _Draft
) -> None:
    """Note what does not fit about values that no class counts: their form, or a person in them."""
    codes, values = raw_codes(column)
    found = ""
    tag = tag_of(attribute.keyword or "")
    if kind is SourceKind.DICOM and tag is not None and attribute.vr is not None:
        said = (text for text in values if not is_missing(text.strip(), attribute.kind))
        found = misfit_of_text(tag, attribute.vr, said)
    imaging = kind in {SourceKind.DICOM, SourceKind.METADATA}
    looked_at = not imaging or attribute.vr in _TYPED_VRS
    key = attribute.role is Role.LINKAGE_KEY
    if not found and looked_at and not key and not may_hold_text(attribute):

        def held_by(places: Sequence[int]) -> np.ndarray:
            wanted = np.zeros(len(values) + 1, dtype=bool)
            wanted[list(places)] = True
            chosen = wanted[codes] & (of_row >= 0)
            held, _, _ = distinct_rows(codes[chosen], of_row[chosen])
            return np.bincount(held, minlength=len(values))[list(places)]

        found = stray(attribute, values, held_by)
    if found:
        draft.misfits[attribute.name] = found


_YEAR = 366
_OLDEST_DEVICE = 40 * _YEAR
_OF_DEVICES = re.compile("Calibration|Manufacture|Installation|Activation|Exchange")


def _look_for_early_days(
    rows_of: list[tuple[SourceTable, np.ndarray]], seen_on: pd.DataFrame, draft: _Draft
) -> None:
    """Note insensitive dates that lie long before every visit: they are somebody's other dates.

    A device may have been made and calibrated before; nobody images with one of forty years.
    """
    if not len(seen_on):
        return
    first = seen_on.groupby("subject")["day"].min()
    for table, of_row in rows_of:
        if table.kind is not SourceKind.DICOM:
            continue
        earliest = first.reindex(of_row).to_numpy(dtype=float)
        for a in draft.attributes:
            if a.source != table.name or a.role is not Role.INSENSITIVE or a.kind is not Kind.DATE:
                continue
            days = day_column(table, a.column)
            oldest = _OLDEST_DEVICE if _OF_DEVICES.search(a.column) else _YEAR
            if days is not None and (days < earliest - oldest).any():
                draft.misfits.setdefault(a.name, EARLY)


def _compare_only(
    attribute: Attribute, column: Any, of_row: np.ndarray, n: int, draft: _Draft
) -> None:
    """Keep what an attribute that is not folded says, to compare it with other sources."""
    read = coded(column, attribute)
    pairs = distinct_pairs(of_row, read.codes, len(read.text))
    draft.unfolded[attribute.name] = fold_values(attribute.kind, read, pairs, n).texts
    spans = spans_of(attribute, read, pairs, n)
    if spans is not None:
        draft.spans[attribute.name] = spans


def _speaks_of_scanners(attribute: Attribute) -> bool:
    """Tell attributes that derived objects do not enter: of the scanner and the scan.

    Sites, people, dates and texts of a derived object are released like any other.
    """
    return (
        attribute.level in {"equipment", "series"}
        and attribute.kind in {Kind.CATEGORY, Kind.NUMBER}
        and attribute.ladder not in {"institution", "remove"}
    )


def _add_range(attribute: Attribute, folded: Folded, draft: _Draft) -> None:
    """Add the range of a repeated measurement as an attribute of its own."""
    if folded.spread is None or not np.nanmax(np.append(folded.spread, 0)) > 0:
        return
    name = f"{attribute.name}.range"
    values = np.array(
        [f"{x:.12g}" if np.isfinite(x) else None for x in folded.spread], dtype=object
    )
    draft.attributes.append(
        attribute.revised(
            name=name,
            keyword=None,
            decision=Decision.REMOVE if attribute.decision is Decision.REMOVE else None,
            generalise_to=None,
            hierarchy_file=None,
            hierarchy_steps=None,
            ladder="number",
            reason=f"how much {attribute.name} varies within a subject; follows its role",
        )
    )
    draft.folded[name] = values
    draft.folding[name] = "largest minus smallest value of each subject"
    draft.distinct[name] = (
        len({v for v in values if v is not None}),
        int(sum(v is None for v in values)),
    )


def _count_only(name: str, column: Any, of_row: np.ndarray, n: int, draft: _Draft) -> None:
    """Count an attribute that is not folded.

    Distinct values, subjects without one, and subjects with one that nobody else has. An
    element that is there and empty states no value.
    """
    codes, raw = raw_codes(column)
    stated = np.array([*(bool(value.strip()) for value in raw), False])
    seen = stated[codes] & (of_row >= 0)
    width = max(len(raw), 1)
    packed = pd.unique(of_row[seen].astype(np.int64) * width + codes[seen])
    subject, value = np.divmod(packed, width)
    holders = np.bincount(value, minlength=width)
    stating, alone = np.bincount(subject, minlength=n), subject[holders[value] == 1]
    draft.distinct[name] = (int(np.count_nonzero(holders)), n - int(np.count_nonzero(stating)))
    draft.alone[name] = int(np.count_nonzero(np.bincount(alone, minlength=n)))


def _count_objects(
    name: str, column: Any, of_row: np.ndarray, weight: np.ndarray, draft: _Draft
) -> None:
    """Count identifiers of objects of which each row has the first and the last: one an object."""
    codes, _ = raw_codes(column)
    draft.distinct[name] = (
        int(weight[(codes >= 0) & (of_row >= 0)].sum()),
        draft.distinct[name][1],
    )


def _counts(table: SourceTable, subjects: Subjects) -> dict[str, int]:
    """Return subjects, studies, series and instances, as far as they were seen."""
    counts = {"subjects": len(subjects.labels)}
    names = table.rows.column_names
    for level, column in (("studies", "StudyInstanceUID"), ("series", "SeriesInstanceUID")):
        if column in names:
            codes, raw = raw_codes(table.rows.column(column))
            stated = codes[(codes >= 0) & (subjects.of_row >= 0)]
            counts[level] = len(distinct_codes(stated, len(raw)))
    seen = subjects.of_row >= 0
    if table.instances_column and table.instances_column in names:
        numbers = table.rows.column(table.instances_column)
        codes, raw = raw_codes(numbers)
        each = np.append([read.number for read in parse_numbers(raw)], np.nan)
        each = np.nan_to_num(each[codes][seen])
        each = each if table.weights is None else each * table.weights[seen]
        counts["instances"] = int(each.sum())
    elif table.level == "instance":
        counts["instances"] = int(
            seen.sum() if table.weights is None else table.weights[seen].sum()
        )
    return counts

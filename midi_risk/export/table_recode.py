"""Recoding the rows of a table: metadata or clinical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydicom.datadict import tag_for_keyword

from midi_risk.attributes.model import Kind
from midi_risk.export.dicom_rules import DEVICE_DATES, dicom_rules
from midi_risk.export.dicom_values import ladder_of_dates
from midi_risk.export.labels import Labeller
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.sources.model import SourceKind, SourceTable
from midi_risk.table.columns import raw_codes
from midi_risk.table.link import link
from midi_risk.table.subjects import Subjects


@dataclass(frozen=True, slots=True, kw_only=True)
class RecodedTable:
    """A table as it will be written.

    Parameters
    ----------
    name : str
        Name of the source table.
    columns : dict of str to numpy.ndarray of object
        Name in the file -> text or None, one per row kept.
    suppressed, orphans : int
        Rows left out because the plan leaves their subject out, or because they belong
        to no subject that was assessed.
    kept : numpy.ndarray of bool, shape (n_rows,)
        Rows of the source that are here.
    unchanged : frozenset of str
        Columns whose cells are as they were.
    coupled : tuple of str
        What was removed because it would give another attribute back.
    """

    name: str
    columns: dict[str, np.ndarray]
    suppressed: int
    orphans: int
    kept: np.ndarray
    unchanged: frozenset[str]
    coupled: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the shape only, never values."""
        rows = len(next(iter(self.columns.values()), ()))
        return f"RecodedTable({self.name!r}, {rows} rows, {len(self.columns)} columns)"


def recode_table(
    table: SourceTable,
    release: ReleaseRules,
    subjects: Subjects,
    *,
    leading: bool,
    of_row: np.ndarray | None = None,
    more: Mapping[str, Rule] | None = None,
) -> RecodedTable:
    """Recode one source table.

    Parameters
    ----------
    table : SourceTable
    release : ReleaseRules
    subjects : Subjects
        Subjects of the leading source.
    leading : bool
        Whether this table is the leading one.
    of_row : numpy.ndarray of int64, shape (n_rows,), optional
        Subject of each row, where it is known; -1 for nobody.
    more : mapping of str to Rule, optional
        Rules that replace those of some columns.

    Returns
    -------
    RecodedTable
        Same columns; removed attributes are empty. Rows of subjects that the plan leaves
        out and rows of nobody are left out: nobody assessed their risk.
    """
    if of_row is None:
        of_row = subjects.of_row if leading else link(table, subjects)[0]
    labels = [str(label) for label in subjects.labels]
    hidden = np.array([label in release.suppressed for label in labels] + [False], dtype=bool)
    keep = (of_row >= 0) & ~hidden[of_row]
    rules, coupled = column_rules(table, release)
    rules |= more or {}
    columns = {}
    for name in table.rows.column_names:
        column = table.rows.column(name)
        shown = table.origin.get(name, name)
        texts = _column(column, rules.get(name), release, of_row, labels)
        columns[shown] = _emptied(texts, rules.get(name), release, of_row, labels)[keep]
    return RecodedTable(
        name=table.name,
        columns=columns,
        suppressed=int(((of_row >= 0) & ~keep).sum()),
        orphans=int((of_row < 0).sum()),
        kept=keep,
        unchanged=frozenset(
            table.origin.get(name, name)
            for name in table.rows.column_names
            if name not in rules or not (rules[name].changes or rules[name].name in release.emptied)
        ),
        coupled=coupled,
    )


def _emptied(
    texts: np.ndarray,
    rule: Rule | None,
    release: ReleaseRules,
    of_row: np.ndarray,
    labels: list[str],
) -> np.ndarray:
    """Return a column without the cells that the plan empties."""
    if rule is None or rule.name not in release.emptied:
        return texts
    loses = np.array([release.loses(rule, label) for label in labels] + [False], dtype=bool)
    out = texts.copy()
    out[loses[of_row]] = None
    return out


def column_rules(
    table: SourceTable, release: ReleaseRules
) -> tuple[dict[str, Rule], tuple[str, ...]]:
    """Return the rule of each column, and what is removed because it gives another back.

    Parameters
    ----------
    table : SourceTable
    release : ReleaseRules

    Returns
    -------
    rules : dict of str to Rule
        By name of the column; columns that no attribute was made of have none.
    coupled : tuple of str
        One sentence per removal.
    """
    rules = {rule.attribute.column: rule for rule in release.of_source(table.name)}
    given_back = _given_back(release, table.name)
    rules |= given_back
    if table.kind in {SourceKind.METADATA, SourceKind.BIDS}:
        rules |= _coupled(release, table.name)
    return rules, tuple(f"{rule.name} is {rule.describe}" for rule in given_back.values())


_GIVES_BACK = {"bmi": {"height", "weight"}, "birthdate": {"age", "agedays"}}
"""Ladder of an attribute -> ladders of attributes that it would give back."""


def _given_back(release: ReleaseRules, source: str) -> dict[str, Rule]:
    """Return the removal of columns that would give a changed attribute back."""
    found = {}
    for rule in release.of_source(source):
        drivers = _GIVES_BACK.get(rule.attribute.ladder or "", set())
        back = [
            r.name
            for r in release
            if (r.changes or r.name in release.emptied) and r.attribute.ladder in drivers
        ]
        if back and rule.action is Action.KEEP:
            found[rule.attribute.column] = Rule(
                attribute=rule.attribute,
                action=Action.REMOVE,
                describe=f"removed with {back[0]}, which it would give back",
            )
    return found


def _coupled(release: ReleaseRules, source: str) -> dict[str, Rule]:
    """Return the rules of columns that follow another, as the elements of an object do."""
    together = dicom_rules(release, source)
    found = {}
    for rule in release.of_source(source):
        keyword, vr = rule.attribute.keyword, rule.attribute.vr
        tag = tag_for_keyword(keyword) if keyword else None
        if tag is None or rule.action is Action.REMOVE:
            continue
        group = {"DA": together.dates, "DT": together.dates, "TM": together.times}.get(vr or "")
        if tag in together.elements:
            found[rule.attribute.column] = together.elements[tag]
        elif group is not None and keyword not in DEVICE_DATES and group.name != rule.name:
            found[rule.attribute.column] = like_visit(rule, group)
    return found


def like_visit(rule: Rule, group: Rule) -> Rule:
    """Return the rule of a visit's dates or times for another column of them."""
    if group.action is Action.REMOVE:
        return Rule(attribute=rule.attribute, action=Action.REMOVE, describe=group.describe)
    ladder, level = group.ladder, group.level
    if rule.attribute.kind is Kind.DATE:
        ladder, level = ladder_of_dates(group)
    labels = Labeller(attribute=rule.attribute, ladder=ladder, level=level, known={})
    return Rule(
        attribute=rule.attribute,
        action=Action.GENERALISE,
        level=level,
        level_name=group.level_name,
        ladder=ladder,
        describe=group.describe,
        labels=labels,
    )


def _column(
    column: pa.ChunkedArray,
    rule: Rule | None,
    release: ReleaseRules,
    of_row: np.ndarray,
    labels: list[str],
) -> np.ndarray:
    """Return one column as text, recoded."""
    codes, raws = raw_codes(column)
    texts = np.array([*raws, None], dtype=object)
    if rule is None or not rule.changes:
        plain: np.ndarray = texts[codes]
        return plain
    if rule.action is Action.REMOVE:
        return np.full(len(codes), None, dtype=object)
    if rule.one_value:
        own = np.array([release.value_of(rule, label) for label in labels] + [None], dtype=object)
        present = [rule.labels is None or rule.labels.label(r) is not None for r in raws]
        shown = np.array([*present, False], dtype=bool)[codes]
        one: np.ndarray = own[of_row]
        one[~shown] = None
        return one
    labelled = [label_of_cell(rule, raw) for raw in raws]
    new: np.ndarray = np.array([*labelled, None], dtype=object)[codes]
    return new


def label_of_cell(rule: Rule, raw: str) -> str | None:
    """Return the label of one cell; a value that the level leaves alone keeps its spelling."""
    if rule.labels is None:
        return raw
    return raw if rule.labels.unchanged(raw) else rule.labels.label(raw)

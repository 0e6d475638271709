"""Recoding the rows of a table: metadata or clinical."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.sources.model import SourceTable
from midi_risk.table.columns import raw_codes
from midi_risk.table.link import link
from midi_risk.table.subjects import Subjects

_COUPLED = {
    "PatientAge": ("PatientBirthDate",),
    "PatientSize": ("PatientBodyMassIndex",),
    "PatientWeight": ("PatientBodyMassIndex",),
}


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
    """

    name: str
    columns: dict[str, np.ndarray]
    suppressed: int
    orphans: int

    def __repr__(self) -> str:
        """Return the shape only, never values."""
        rows = len(next(iter(self.columns.values()), ()))
        return f"RecodedTable({self.name!r}, {rows} rows, {len(self.columns)} columns)"


def recode_table(
    table: SourceTable, release: ReleaseRules, subjects: Subjects, *, leading: bool
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

    Returns
    -------
    RecodedTable
        Same columns; removed attributes are empty. Rows of subjects that the plan leaves
        out and rows of nobody are left out: nobody assessed their risk.
    """
    of_row = subjects.of_row if leading else link(table, subjects)[0]
    labels = [str(label) for label in subjects.labels]
    hidden = np.array([label in release.suppressed for label in labels] + [False], dtype=bool)
    keep = (of_row >= 0) & ~hidden[of_row]
    rules = {rule.attribute.column: rule for rule in release.of_source(table.name)}
    for driver, partners in _COUPLED.items():
        if driver in rules and rules[driver].changes:
            for partner in partners:
                if partner in rules and rules[partner].action is Action.KEEP:
                    rules[partner] = Rule(
                        attribute=rules[partner].attribute,
                        action=Action.REMOVE,
                        describe=f"removed, because it would give {driver} back",
                    )
    columns = {}
    for name in table.rows.column_names:
        column = table.rows.column(name)
        shown = table.origin.get(name, name)
        columns[shown] = _column(column, rules.get(name), release, of_row, labels)[keep]
    return RecodedTable(
        name=table.name,
        columns=columns,
        suppressed=int(((of_row >= 0) & ~keep).sum()),
        orphans=int((of_row < 0).sum()),
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
    labelled = [_labelled(rule, raw) for raw in raws]
    new: np.ndarray = np.array([*labelled, None], dtype=object)[codes]
    return new


def _labelled(rule: Rule, raw: str) -> str | None:
    """Return the label of one cell; a value that the level leaves alone keeps its spelling."""
    if rule.labels is None:
        return raw
    return raw if rule.labels.unchanged(raw) else rule.labels.label(raw)

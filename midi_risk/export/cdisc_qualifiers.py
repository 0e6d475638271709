"""Supplemental qualifiers (SUPP--): each follows the rule of the column that it became."""

from __future__ import annotations

from typing import Any

import numpy as np

from midi_risk.export.cdisc_files import DomainFile
from midi_risk.export.cdisc_values import text_for_variable
from midi_risk.export.folder_tables import FolderSource
from midi_risk.export.rules import Action, Rule
from midi_risk.export.table_recode import column_rules, label_of_cell
from midi_risk.sources.tables_raw import shown

KEY = "USUBJID"
_READ = frozenset(
    {"STUDYID", "RDOMAIN", KEY, "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL", "QORIG"}
)
"""Variables of a SUPP-- data set that a release shows; others were not assessed."""


def recoded_qualifiers(
    source: FolderSource, parent: DomainFile, domain: DomainFile
) -> tuple[np.ndarray, dict[str, list[Any]]] | None:
    """Return which rows of a SUPP-- data set stay, and its changed variables.

    Parameters
    ----------
    source : FolderSource
    parent : DomainFile
        The domain that is qualified.
    domain : DomainFile
        The SUPP-- data set.

    Returns
    -------
    kept : numpy.ndarray of bool, shape (n_rows,)
    new : dict of str to list
        Values of the rows that stay.

    Notes
    -----
    A qualifier that found no row in its parent was not assessed and goes. The value that
    identifies the parent's row (IDVARVAL) follows the rule of that variable.
    """
    if not {KEY, "QNAM", "QVAL"} <= set(domain.cells) or KEY not in parent.cells:
        return None
    table = source.tables[shown(parent.name)]
    rules, _ = column_rules(table, source.release)
    subjects = {
        subject: source.released_label(int(number))
        for subject, number in zip(parent.texts(KEY), _subject_of_row(source, parent), strict=True)
    }
    places: dict[str | None, set[tuple[str | None, str | None]]] = {}
    kept = np.zeros(domain.rows, dtype=bool)
    values: list[str | None] = []
    ids: list[str | None] = []
    columns = (KEY, "QNAM", "QVAL", "IDVAR", "IDVARVAL")
    rows = zip(*(domain.texts(name) for name in columns), strict=True)
    for number, (subject, name, value, variable, at) in enumerate(rows):
        if variable not in places:
            named = parent.texts(variable) if variable else [None] * parent.rows
            places[variable] = set(zip(parent.texts(KEY), named, strict=True))
        label = subjects.get(subject)
        if label is None or name is None or value is None:
            continue
        if (subject, at if variable else None) not in places[variable]:
            continue
        column = name if name not in parent.cells else f"{name} (SUPP)"
        if shown(column) not in table.rows.schema.names:
            continue
        text = _cell(rules.get(shown(column)), value, source, label)
        place = _cell(rules.get(variable), at, source, label) if variable and at else at
        if text is None or (at is not None and place is None):
            continue
        kept[number] = True
        values.append(text)
        ids.append(place)
    new: dict[str, list[Any]] = {"QVAL": values}
    if "IDVARVAL" in domain.cells:
        new["IDVARVAL"] = ids
    unread = [name for name in domain.cells if name not in _READ]
    return kept, new | {name: [None] * len(values) for name in unread}


def _subject_of_row(source: FolderSource, parent: DomainFile) -> np.ndarray:
    """Return the subject of each row of the parent's file, which may have been folded."""
    name = shown(parent.name)
    of_row = source.of_row[name]
    if len(of_row) == parent.rows:
        return of_row
    table = source.tables[name]
    keys = table.rows.column(table.key).to_pylist()
    known = dict(zip(keys, of_row.tolist(), strict=True))
    return np.array([known.get(key, -1) for key in parent.texts(KEY)], dtype=np.int64)


def _cell(rule: Rule | None, value: str, source: FolderSource, label: str) -> str | None:
    if rule is None or not rule.changes:
        return value
    if rule.action is Action.REMOVE:
        return None
    text = source.release.value_of(rule, label) if rule.one_value else label_of_cell(rule, value)
    return None if text is None else text_for_variable(rule, text)

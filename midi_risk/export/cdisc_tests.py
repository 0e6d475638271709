"""Findings domains that were read with one column per test, written with one row per test."""

from __future__ import annotations

from typing import Any

import numpy as np

from midi_risk.export.cdisc_files import DomainFile
from midi_risk.export.cdisc_values import number_for, same_number, text_for_variable
from midi_risk.export.folder_tables import FolderSource
from midi_risk.export.rules import Action
from midi_risk.export.table_recode import RecodedTable, column_rules
from midi_risk.sources.tables_raw import shown

KEY = "USUBJID"
_STRUCTURE = ("SEQ", "TESTCD", "TEST", "CAT", "SCAT", "STRESU")


def recoded_tests(
    source: FolderSource, domain: DomainFile, recoded: RecodedTable
) -> tuple[np.ndarray, dict[str, list[Any]]]:
    """Return which rows of a findings domain stay, and its changed variables.

    Parameters
    ----------
    source : FolderSource
    domain : DomainFile
        One row per subject and test.
    recoded : RecodedTable
        One row per subject, one column per test.

    Returns
    -------
    kept : numpy.ndarray of bool, shape (n_rows,)
    new : dict of str to list
        Values of the rows that stay.

    Notes
    -----
    Only the standard result was read and assessed. The original result stays where it says
    the same; dates, visits and other variables of such a domain were not assessed and go.
    """
    name = domain.name
    table = source.tables[shown(name)]
    rules, _ = column_rules(table, source.release)
    keys = table.rows.column(table.key).to_pylist()
    stay = [key for key, kept in zip(keys, recoded.kept, strict=True) if kept]
    place = {key: row for row, key in enumerate(stay)}
    standard, original, number = f"{name}STRESC", f"{name}ORRES", f"{name}STRESN"
    result = standard if standard in domain.cells else original
    kept = np.zeros(domain.rows, dtype=bool)
    new: dict[str, list[Any]] = {v: [] for v in (standard, original, number, f"{name}ORRESU")}
    shown_as = {shown(str(code)): None for code in domain.texts(f"{name}TESTCD") if code}
    columns = (KEY, f"{name}TESTCD", result, original, number)
    for row, (subject, code, before, first, figure) in enumerate(
        zip(*(domain.texts(column) for column in columns), strict=True)
    ):
        if subject not in place or code is None or shown(code) not in shown_as:
            continue
        rule = rules.get(shown(code))
        if shown(code) not in recoded.columns:
            continue
        text = recoded.columns[shown(code)][place[subject]]
        changed = rule is not None and rule.changes
        if rule is not None and (rule.action is Action.REMOVE or (changed and text is None)):
            continue
        kept[row] = True
        value = before if not changed or rule is None else text_for_variable(rule, str(text))
        same = first == value if result == standard else True
        new[standard].append(value)
        new[original].append(value if same or changed else None)
        if changed and rule is not None:
            new[number].append(number_for(rule, str(text)))
        else:
            new[number].append(
                float(figure) if figure and same_number(value or "", figure) else None
            )
        new[f"{name}ORRESU"].append(None)
    structure = {"STUDYID", "DOMAIN", KEY, *(name + end for end in _STRUCTURE)}
    changed_names = {v: values for v, values in new.items() if v in domain.cells}
    unread = [v for v in domain.cells if v not in structure and v not in changed_names]
    return kept, changed_names | {v: [None] * int(kept.sum()) for v in unread}

"""From long to wide: supplemental qualifiers and findings domains of SDTM."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pyarrow as pa

from midi_risk.sources.tables_raw import RawTable, counted, shown
from midi_risk.sources.tables_values import text_array

KEY = "USUBJID"
_QUALIFIER = ("USUBJID", "QNAM", "QVAL")


def _texts(rows: pa.Table, name: str) -> list[str | None]:
    if name not in rows.column_names:
        return [None] * rows.num_rows
    values: list[str | None] = rows.column(name).cast(pa.string()).to_pylist()
    return values


def with_supplement(parent: RawTable, supplement: RawTable) -> RawTable:
    """Add the qualifiers of a SUPP-- data set as columns of its parent domain.

    Parameters
    ----------
    parent : RawTable
        A domain with USUBJID.
    supplement : RawTable
        Its SUPP-- data set: USUBJID, IDVAR, IDVARVAL, QNAM, QLABEL, QVAL.

    Returns
    -------
    RawTable
        Findings tell how many qualifiers were added and how many found no parent row.
    """
    names = supplement.rows.column_names
    if not set(_QUALIFIER) <= set(names) or KEY not in parent.rows.column_names:
        return parent.noting("not in the form of supplemental qualifiers, not read")
    subjects = _texts(parent.rows, KEY)
    places: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
    indexed: set[str | None] = set()
    values: dict[str, list[str | None]] = {}
    labels = dict(parent.labels)
    orphans = replaced = 0
    columns = [_texts(supplement.rows, n) for n in (*_QUALIFIER, "IDVAR", "IDVARVAL", "QLABEL")]
    for subject, name, value, variable, at, label in zip(*columns, strict=True):
        if subject is None or name is None:
            orphans += 1
            continue
        if variable not in indexed:
            _index(places, parent.rows, subjects, variable)
            indexed.add(variable)
        rows = places.get((subject, variable, at if variable else None), ())
        orphans += not rows
        column = values.setdefault(_free(name, parent.rows), [None] * parent.rows.num_rows)
        labels.setdefault(_free(name, parent.rows), shown(label or "", limit=400))
        for row in rows:
            replaced += column[row] is not None and column[row] != value
            column[row] = value
    table = parent.rows
    for name, column in values.items():
        table = table.append_column(shown(name), pa.chunked_array([text_array(column)]))
    notes = [f"{counted(len(values), 'qualifier')} added as columns"]
    if orphans:
        notes.append(f"{counted(orphans, 'row')} without a row in the parent domain")
    if replaced:
        notes.append(f"{counted(replaced, 'qualifier value')} given twice, the last one kept")
    kept = {name: text for name, text in labels.items() if text}
    return replace(parent, rows=table, labels=kept, findings=tuple(notes))


def _free(name: str, rows: pa.Table) -> str:
    return name if name not in rows.column_names else f"{name} (SUPP)"


def _index(
    places: dict[tuple[str, str | None, str | None], list[int]],
    rows: pa.Table,
    subjects: list[str | None],
    variable: str | None,
) -> None:
    """Index the parent's rows by subject and identifying variable."""
    ids = _texts(rows, variable) if variable else [None] * rows.num_rows
    for row, (subject, identifier) in enumerate(zip(subjects, ids, strict=True)):
        if subject is not None:
            places[subject, variable, identifier].append(row)


def pivot_tests(rows: pa.Table, domain: str) -> tuple[pa.Table, list[str]]:
    """Return a findings domain with one column per test, when that loses nothing.

    Parameters
    ----------
    rows : pyarrow.Table
        A domain with USUBJID.
    domain : str
        Its two-letter name, such as ``SC``.

    Returns
    -------
    rows : pyarrow.Table
        One row per subject when each has each test once at most; else unchanged.
    findings : list of str
    """
    test, result = f"{domain}TESTCD", f"{domain}STRESC"
    if result not in rows.column_names:
        result = f"{domain}ORRES"
    if not {test, result, KEY} <= set(rows.column_names):
        return rows, []
    pairs = list(zip(_texts(rows, KEY), _texts(rows, test), strict=True))
    if len(set(pairs)) < len(pairs):
        return rows, []
    tests = list(dict.fromkeys(code for _, code in pairs if code))
    wide: dict[str | None, dict[str, str | None]] = {}
    for (subject, code), value in zip(pairs, _texts(rows, result), strict=True):
        wide.setdefault(subject, {})[str(code)] = value
    columns = {KEY: text_array(wide)} | {
        shown(code): text_array(row.get(code) for row in wide.values()) for code in tests
    }
    note = f"{domain}: {counted(len(tests), 'test')} as columns, one row per subject"
    return pa.table(columns), [note]

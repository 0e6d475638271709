"""CDISC data sets: XPT, Dataset-JSON or Parquet, supplemental qualifiers, Define-XML labels.

DM is the subject table and leads (ADSL where there is no DM). Supplemental qualifiers
(SUPP--) become columns of their parent domain (SDTMIG 8.4). A findings domain with one row
per subject and test becomes one row per subject; any other domain keeps its rows, with height,
weight and body mass index in columns of their own. A variable that repeats what DM says of each
subject is read once.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pyarrow as pa

from midi_risk.errors import SourceError
from midi_risk.sources.files.limits import check_document_type
from midi_risk.sources.model import FileStatus, SourceKind, SourceTable
from midi_risk.sources.tables.beside import with_units_beside
from midi_risk.sources.tables.columns import cell_array
from midi_risk.sources.tables.formats import looks_like_table
from midi_risk.sources.tables.json import dataset_json, load_json
from midi_risk.sources.tables.parquet import read_parquet
from midi_risk.sources.tables.raw import RawTable, counted, listed, shown
from midi_risk.sources.tables.read import check_file
from midi_risk.sources.tables.workbooks import read_statistics

if TYPE_CHECKING:
    from midi_risk.sources.collected import Collected


_MAX_BYTES = 256 << 20


def define_labels(folder: Path) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the variable labels of each data set, and findings.

    Parameters
    ----------
    folder : pathlib.Path
        May hold ``define.xml`` (Define-XML 1.0, 2.0 or 2.1).

    Returns
    -------
    labels : dict
        Data set name -> variable name -> label.
    findings : list of str
        Why it was not used, if so.
    """
    path = next((p for p in sorted(folder.glob("*.xml")) if "define" in p.name.casefold()), None)
    if path is None:
        return {}, []
    refused = f"{shown(path.name)}: labels not read"
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}, [f"{refused}, larger than 256 MiB"]
        content = path.read_bytes()
        check_document_type(io.BytesIO(content), path.name)
        root = ET.fromstring(content)  # noqa: S314 - documents with a DTD are refused above
    except SourceError:
        return {}, [f"{refused}, it declares its own entities"]
    except (OSError, ET.ParseError):
        return {}, [f"{refused}, not valid XML"]
    return _labels(root), []


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _attribute(element: ET.Element, name: str) -> str:
    """Return an attribute whatever its namespace."""
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), "")


def _labels(root: ET.Element) -> dict[str, dict[str, str]]:
    items: dict[str, tuple[str, str]] = {}
    for element in root.iter():
        if _local(element) == "ItemDef":
            items[_attribute(element, "OID")] = (
                _attribute(element, "Name"),
                _attribute(element, "Label") or _description(element),
            )
    found: dict[str, dict[str, str]] = {}
    for element in root.iter():
        if _local(element) == "ItemGroupDef":
            pairs = (
                items.get(_attribute(child, "ItemOID"), ("", ""))
                for child in element
                if _local(child) == "ItemRef"
            )
            name = _attribute(element, "Name").upper()
            found[name] = {item: label for item, label in pairs if item and label}
    return found


def _description(element: ET.Element) -> str:
    for child in element:
        if _local(child) == "Description":
            text = next((e.text for e in child.iter() if _local(e) == "TranslatedText"), "")
            return shown(text or "", limit=400)
    return ""


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
        table = table.append_column(shown(name), pa.chunked_array([cell_array(column)]))
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
        One row per subject when each has each test once at most; else unchanged. Heights and
        weights say their unit where it is not centimetres and kilograms.
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
    units = _texts(rows, unit_variable(result, domain))
    said: dict[str | None, set[str]] = defaultdict(set)
    for (_, code), unit in zip(pairs, units, strict=True):
        if unit and code in BODY:
            said[code].add(unit)
    other = {code for code, names in said.items() if not {n.casefold() for n in names} <= _USUAL}
    wide: dict[str | None, dict[str, str | None]] = {}
    for (subject, code), value, unit in zip(pairs, _texts(rows, result), units, strict=True):
        told = f"{value} {unit}" if code in other and value and unit else value
        wide.setdefault(subject, {})[str(code)] = told
    columns = {KEY: cell_array(wide)} | {
        shown(code): cell_array(row.get(code) for row in wide.values()) for code in tests
    }
    note = f"{domain}: {counted(len(tests), 'test')} as columns, one row per subject"
    return pa.table(columns), [note]


_USUAL = frozenset({"cm", "kg", "kg/m2"})
BODY = ("HEIGHT", "WEIGHT", "BMI")
"""Tests that anybody can guess of a person whom they see (CDISC terminology of VSTESTCD)."""

_RESULTS = ("ORRES", "STRESC", "STRESN")
_ANALYSED = ("AVAL", "AVALC", "BASE", "BASEC", "CHG", "PCHG")


@dataclass(frozen=True, slots=True)
class BodyTests:
    """Where a domain with one row per test holds the measures of a body.

    Parameters
    ----------
    test : str
        Variable with the code of the test.
    result : str
        Variable that is read as the measure.
    results : tuple of str
        Variables that say the same, or that it can be computed from.
    """

    test: str
    result: str
    results: tuple[str, ...]


def body_tests(names: Collection[str], domain: str) -> BodyTests | None:
    """Return where a domain holds measures of a body, None when it has no tests.

    Parameters
    ----------
    names : collection of str
        Variables.
    domain : str
        Name, such as ``VS`` or ``ADVS``.

    Examples
    --------
    >>> body_tests(["USUBJID", "VSTESTCD", "VSORRES", "VSSTRESC"], "VS").result
    'VSSTRESC'
    >>> body_tests(["USUBJID", "PARAMCD", "AVAL", "CHG"], "ADVS").results
    ('AVAL', 'CHG')
    """
    own = tuple(name for end in _RESULTS if (name := f"{domain}{end}") in names)
    if f"{domain}TESTCD" in names and own:
        best = f"{domain}STRESC"
        return BodyTests(f"{domain}TESTCD", best if best in own else own[0], own)
    analysed = tuple(name for name in _ANALYSED if name in names)
    return BodyTests("PARAMCD", analysed[0], analysed) if "PARAMCD" in names and analysed else None


def unit_variable(result: str, domain: str) -> str:
    """Return the variable that states the unit of a result: of the original or the standard one.

    Examples
    --------
    >>> unit_variable("VSORRES", "VS"), unit_variable("VSSTRESN", "VS")
    ('VSORRESU', 'VSSTRESU')
    """
    return f"{domain}ORRESU" if result == f"{domain}ORRES" else f"{domain}STRESU"


def body_columns(raw: RawTable, domain: str) -> RawTable:
    """Return a domain with its measures of a body as columns beside the other results.

    Parameters
    ----------
    raw : RawTable
        One row per subject, visit and test.
    domain : str

    Returns
    -------
    RawTable
        The same rows. A row of such a test has its result in the column named by the test, and
        in no other.
    """
    where = body_tests(raw.rows.column_names, domain)
    if where is None or set(BODY) & set(raw.rows.column_names):
        return raw
    codes, rows, labels = _texts(raw.rows, where.test), raw.rows, dict(raw.labels)
    found = [code for code in BODY if code in codes]
    if not found:
        return raw
    values = _texts(rows, where.result)
    units = _texts(rows, unit_variable(where.result, domain))
    for code in found:
        own = [value if at == code else None for at, value in zip(codes, values, strict=True)]
        said = {unit for at, unit in zip(codes, units, strict=True) if at == code and unit}
        labels[code] = code
        if len(said) == 1:
            labels[code] = f"{code.capitalize()} ({said.pop()})"
        elif said:
            cells = zip(own, units, strict=True)
            own = [f"{value} {unit}" if value and unit else value for value, unit in cells]
        rows = rows.append_column(code, pa.chunked_array([cell_array(own)]))
    for name in where.results:
        pairs = zip(codes, _texts(rows, name), strict=True)
        others = cell_array(None if code in found else value for code, value in pairs)
        rows = rows.set_column(rows.column_names.index(name), name, pa.chunked_array([others]))
    note = f"{shown(domain)}: {listed(found)} of every visit in columns of their own"
    return RawTable(rows=rows, labels=labels, findings=(*raw.findings, note))


def repeated(lead: pa.Table, rows: pa.Table) -> list[str]:
    """Return the variables of a domain that say of each subject what the lead says.

    Parameters
    ----------
    lead : pyarrow.Table
        DM or ADSL.
    rows : pyarrow.Table
        Another domain.

    Returns
    -------
    list of str
        Without the key. A variable of which one row differs is not among them: it is read, and
        the contradiction found.
    """
    known = dict(zip(_texts(lead, KEY), range(lead.num_rows), strict=True))
    if len(known) < lead.num_rows:
        return []
    places = [known.get(subject, -1) for subject in _texts(rows, KEY)]
    found = []
    for name in rows.column_names:
        if name == KEY or name not in lead.column_names:
            continue
        said = _texts(lead, name)
        pairs = zip(places, _texts(rows, name), strict=True)
        if all(value is None or (at >= 0 and said[at] == value) for at, value in pairs):
            found.append(name)
    return found


ENDINGS = {".xpt", ".json", ".ndjson", ".parquet"}
_NOT_SUBJECT = {"RELREC", "RELSUB", "RELSPEC"}


def read_cdisc(folder: Path, collected: Collected) -> None:
    """Read a folder of CDISC data sets.

    Parameters
    ----------
    folder : pathlib.Path
        Holds a DM or ADSL data set, and other domains beside it.
    collected : Collected
        Receives tables, files and findings.

    Raises
    ------
    SourceError
        When the subject table cannot be read or lacks USUBJID.
    """
    labels, define_notes = define_labels(folder)
    collected.findings += define_notes
    domains: dict[str, RawTable] = {}
    files = sorted(p for p in folder.iterdir() if p.is_file())
    for path in files:
        _read_file(path, domains, collected)
    beside = [p for p in files if p.suffix.casefold() not in ENDINGS and looks_like_table(p)]
    collected.ask_for(map(str, beside), "the data sets")
    lead = next((name for name in ("DM", "ADSL") if name in domains), None)
    if lead is None or KEY not in domains[lead].rows.column_names:
        raise SourceError(
            f"{shown(folder)}: the subject table (DM or ADSL) has no {KEY}",
            hint="Give the tables one by one with --table FILE:KEY",
        )
    supplements = {n: t for n, t in domains.items() if n.startswith("SUPP")}
    for name, supplement in supplements.items():
        _join(name, supplement, domains, collected)
    kept: list[str] = []
    for name in [lead, *sorted(set(domains) - set(supplements) - {lead})]:
        first = None if name == lead else domains[lead]
        _add(folder, name, domains[name], labels.get(name, {}), collected, kept, first)
    if kept:
        collected.findings.append(
            f"{shown(folder.name)}: {counted(len(kept), 'domain')} with several rows per subject, "
            f"all kept: {listed(kept, limit=30)}"
        )


def _read_file(path: Path, domains: dict[str, RawTable], collected: Collected) -> None:
    """Read one file of the folder; a fault in a domain is recorded, in DM it is raised."""
    lead = path.stem.upper() in {"DM", "ADSL"}
    if path.suffix.casefold() not in ENDINGS:
        known = path.suffix.casefold() == ".xml"
        status = FileStatus.READ if known else FileStatus.NOT_DICOM
        collected.add_file(path, path.name, status, "" if known else "not a CDISC data set")
        return
    try:
        check_file(path)
        if path.suffix.casefold() == ".xpt":
            name, raw = path.stem.upper(), read_statistics(path)
        elif path.suffix.casefold() == ".parquet":
            name, raw = path.stem.upper(), read_parquet(path)
        else:
            name, raw = dataset_json(load_json(path), path)
    except SourceError as error:
        if lead:
            raise
        collected.add_file(path, path.name, FileStatus.UNREADABLE, "not a readable data set")
        collected.findings.append(f"not read: {error.message}")
        return
    collected.add_file(path, path.name)
    collected.findings += raw.findings
    if name in domains:
        collected.findings.append(
            f"{shown(path.name)}: domain {shown(name)} read from another file"
        )
        return
    domains[name] = raw


def _join(
    name: str, supplement: RawTable, domains: dict[str, RawTable], collected: Collected
) -> None:
    parent = name.removeprefix("SUPP")
    if parent not in domains:
        collected.findings.append(f"{shown(name)}: its parent domain is not there, not read")
        return
    joined = with_supplement(domains[parent], supplement)
    domains[parent] = joined
    collected.findings += [f"{shown(name)}: {text}" for text in joined.findings]
    domains[parent] = replace(joined, findings=())


def _add(
    folder: Path,
    name: str,
    raw: RawTable,
    labels: dict[str, str],
    collected: Collected,
    kept: list[str],
    lead: RawTable | None,
) -> None:
    if KEY not in raw.rows.column_names or name in _NOT_SUBJECT:
        collected.findings.append(f"{shown(name)}: not about subjects, left out")
        return
    rows, notes = pivot_tests(raw.rows, name)
    if rows is raw.rows:
        raw = body_columns(raw, name)
        rows, notes = raw.rows, list(raw.findings)
    collected.findings += notes
    if lead is not None:
        again = repeated(lead.rows, rows)
        if again:
            collected.findings.append(
                f"{shown(name)}: {counted(len(again), 'variable')} of the subject table again, "
                f"read once: {listed(again)}"
            )
        rows = rows.drop_columns(again)
    subjects = rows.select([KEY]).group_by([KEY]).aggregate([]).num_rows
    if subjects < rows.num_rows:
        kept.append(name)
    named = {**raw.labels, **{k: v for k, v in labels.items() if v}}
    rows = _without_empty(rows, name, collected)
    said = with_units_beside(rows, {k: v for k, v in named.items() if k in rows.column_names})
    collected.add_table(
        SourceTable(
            name=shown(name),
            kind=SourceKind.SDTM,
            level="patient",
            key=KEY,
            rows=said.rows,
            labels=said.labels,
            spelt=said.spelt,
        ),
        folder / name,
    )


def _without_empty(rows: pa.Table, name: str, collected: Collected) -> pa.Table:
    """Drop columns without a single value, and say so."""
    empty = [n for n in rows.column_names if rows.column(n).null_count == rows.num_rows]
    if empty and rows.num_rows:
        collected.findings.append(
            f"{shown(name)}: {counted(len(empty), 'column')} without any value: {listed(empty)}"
        )
        rows = rows.drop_columns(empty)
    return rows

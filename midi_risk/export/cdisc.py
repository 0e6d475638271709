"""Writing a CDISC folder back: every domain in its form, with the subjects that stay.

SAS transport, Dataset-JSON and Parquet are read with their types and written alike. A supplemental
qualifier (SUPP--) follows the rule of the column that it became; a findings domain that was read
with one column per test is written with one row per test. Partial dates stay ISO 8601.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.attributes.model import Kind
from midi_risk.attributes.stand_ins import date_string
from midi_risk.attributes.units import (
    MIXED,
    Quantity,
    converted,
    from_base,
    quantity_of,
    unit_of,
)
from midi_risk.errors import OutputError, SourceError
from midi_risk.export.dicom.files import Written
from midi_risk.export.dicom.recode import number_of
from midi_risk.export.rules import Action, Rule
from midi_risk.export.tables import (
    FolderAccount,
    FolderSource,
    RecodedTable,
    column_rules,
    label_of_cell,
    private,
)
from midi_risk.sources.cdisc import BODY, ENDINGS, BodyTests, body_tests, unit_variable
from midi_risk.sources.files.listing import printable
from midi_risk.sources.model import SourceTable
from midi_risk.sources.tables.columns import text_of
from midi_risk.sources.tables.json import dataset_json, load_json
from midi_risk.sources.tables.parquet import read_parquet
from midi_risk.sources.tables.raw import column_names, shown
from midi_risk.table.findings import parts_of_key

_LITTLE = 1 << 20
_NUMERIC = frozenset({"integer", "float", "double", "decimal"})
_WHOLE_DATES = frozenset({"date", "datetime"})
_HEAD = (
    "datasetJSONVersion", "studyOID", "metaDataVersionOID", "itemGroupOID", "isReferenceData",
    "name", "label", "columns", "items",
)  # fmt: skip
"""What a Dataset-JSON says of itself and a release may say, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFile:
    """One CDISC data set with the values and types that its file has.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        Data set name in capitals, such as ``DM``.
    cells : dict of str to list
        Variable -> values as the file holds them.
    numeric : dict of str to str
        Numeric variable -> its SAS format, empty for a plain number.
    whole_dates : frozenset of str
        Variables that take no date of reduced precision.
    about : dict of str to object
        What writing the same form again needs.
    """

    path: Path
    name: str
    cells: dict[str, list[Any]]
    numeric: dict[str, str] = field(default_factory=dict)
    whole_dates: frozenset[str] = frozenset()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.cells.values()), ()))

    def texts(self, variable: str) -> list[str | None]:
        """Return a variable as the extraction reads it; None throughout when it is not there."""
        if variable not in self.cells:
            return [None] * self.rows
        return [text_of(value) for value in self.cells[variable]]

    def __repr__(self) -> str:
        """Return the shape only."""
        return f"DomainFile({self.name!r}, {self.rows} rows)"


def read_domain(path: Path) -> DomainFile:
    """Read one data set.

    Parameters
    ----------
    path : pathlib.Path
        ``.xpt``, ``.json``, ``.ndjson`` or ``.parquet``.

    Raises
    ------
    SourceError
        When it is none that the extraction reads.
    """
    if path.suffix.casefold() == ".parquet":
        return _read_parquet(path)
    return _read_xpt(path) if path.suffix.casefold() == ".xpt" else _read_json(path)


def write_domain(
    domain: DomainFile, target: Path, kept: np.ndarray, new: Mapping[str, Sequence[Any]]
) -> None:
    """Write a data set in the form that it had.

    Parameters
    ----------
    domain : DomainFile
    target : pathlib.Path
        New file.
    kept : numpy.ndarray of bool, shape (n_rows,)
        Rows that stay.
    new : mapping of str to sequence
        Changed variables, one value per row that stays.
    """
    if domain.path.suffix.casefold() == ".parquet":
        _write_parquet(domain, target, kept, new)
        return
    stay = np.flatnonzero(kept)
    columns = {
        name: list(new[name]) if name in new else [cells[i] for i in stay]
        for name, cells in domain.cells.items()
    }
    if domain.path.suffix.casefold() == ".xpt":
        _write_xpt(domain, target, columns)
    else:
        _write_json(domain, target, columns, len(stay))


def _read_xpt(path: Path) -> DomainFile:
    import pyreadstat  # noqa: PLC0415

    for encoding in (None, "WINDOWS-1252"):
        try:
            data, meta = pyreadstat.read_xport(
                str(path),
                encoding=encoding,
                output_format="dict",
                disable_datetime_conversion=True,
            )
        except Exception:  # noqa: BLE001, S112 - the C reader raises its own type and others
            continue
        names = column_names(meta.column_names, shown(path.name))
        raw = dict(zip(names, meta.column_names, strict=True))
        types, formats = meta.readstat_variable_types, meta.original_variable_types
        return DomainFile(
            path=path,
            name=path.stem.upper(),
            cells={name: list(data.get(of, ())) for name, of in raw.items()},
            numeric={n: formats.get(of) or "" for n, of in raw.items() if types[of] != "string"},
            about={
                "labels": {n: meta.column_names_to_labels.get(of) or "" for n, of in raw.items()},
                "label": meta.file_label or "",
                "name": meta.table_name or path.stem.upper(),
            },
        )
    raise SourceError(f"{shown(path.name)} cannot be read as XPT", hint="Is the file complete?")


def _write_xpt(domain: DomainFile, target: Path, columns: dict[str, list[Any]]) -> None:
    """Write SAS transport; the writer does not tell of a full disk, the size does."""
    import pandas as pd  # noqa: PLC0415
    import pyreadstat  # noqa: PLC0415

    frame = pd.DataFrame(
        {
            name: pd.array(np.array([np.nan if v is None else v for v in cells], dtype=float))
            if name in domain.numeric
            else pd.Series(["" if v is None else str(v) for v in cells], dtype=object)
            for name, cells in columns.items()
        }
    )
    long = any(len(name) > 8 for name in columns)
    try:
        pyreadstat.write_xport(
            frame,
            str(target),
            file_label=domain.about["label"][:40],
            column_labels=domain.about["labels"],
            table_name=domain.about["name"],
            file_format_version=8 if long else 5,
            variable_format={n: form for n, form in domain.numeric.items() if form},
        )
    except pyreadstat.ReadstatError as error:
        if shutil.disk_usage(target.parent).free < _LITTLE:
            raise OSError(errno.ENOSPC, "the writer failed") from error
        raise OutputError(f"{shown(target.name)} cannot be written as SAS transport") from None
    target.chmod(0o600)
    width = sum(
        8
        if name in domain.numeric
        else max((len(text.encode()) for text in frame[name]), default=1)
        for name in frame
    )
    if target.stat().st_size < len(frame) * width:
        raise OSError(errno.ENOSPC, "the file is shorter than its rows")


def _read_parquet(path: Path) -> DomainFile:
    """Read Parquet; cells are the texts of the extraction, types are those of the file."""
    raw = read_parquet(path)
    schema = pq.read_schema(path)
    if raw.rows.column_names != schema.names:
        raise SourceError(f"{shown(path.name)} has nested columns, which no data set has")
    numeric = [f.name for f in schema if _is_number(f.type)]
    return DomainFile(
        path=path,
        name=path.stem.upper(),
        cells={n: raw.rows.column(n).cast(pa.string()).to_pylist() for n in schema.names},
        numeric=dict.fromkeys(numeric, ""),
        whole_dates=frozenset(f.name for f in schema if pa.types.is_temporal(f.type)),
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _write_parquet(
    domain: DomainFile, target: Path, kept: np.ndarray, new: Mapping[str, Sequence[Any]]
) -> None:
    """Write Parquet in the types that the file had; its metadata, which nobody read, goes."""
    rows = pq.read_table(domain.path).filter(pa.array(kept))
    columns = {
        name: pa.array(_typed(new[name], rows.schema.field(name).type))
        if name in new
        else rows.column(name)
        for name in domain.cells
    }
    with private(target) as handle:
        pq.write_table(pa.table(columns), handle)


def _typed(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values in a type of Arrow; a value that it cannot hold is absent."""
    if pa.types.is_integer(kind):
        return pa.array([None if v is None else int(v) for v in values], kind)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.array([None if v is None else float(v) for v in values], pa.float64()).cast(kind)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        days = [None if v is None else date.fromisoformat(str(v)[:10]) for v in values]
        return pa.array(days, pa.date32()).cast(kind)
    if pa.types.is_temporal(kind):
        return pa.nulls(len(values), kind)
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def _read_json(path: Path) -> DomainFile:
    document = load_json(path)
    name, _ = dataset_json(document, path)
    lines = isinstance(document, list)
    head: dict[str, Any] = document[0] if lines else document
    group, key = "", ""
    if "rows" not in head and not lines:
        key = "clinicalData" if head.get("clinicalData") else "referenceData"
        if head.get(key):
            group, head = next(iter(head[key]["itemGroupData"].items()))
    rows = document[1:] if lines else head.get("rows") or head.get("itemData") or []
    variables = head.get("columns") or head.get("items") or []
    names = column_names([str(v["name"]) for v in variables], shown(path.name))
    types = {
        n: str(v.get("dataType") or v.get("type") or "")
        for n, v in zip(names, variables, strict=True)
    }
    return DomainFile(
        path=path,
        name=name,
        cells={n: [row[i] for row in rows] for i, n in enumerate(names)},
        numeric={n: t for n, t in types.items() if t in _NUMERIC},
        whole_dates=frozenset(n for n, t in types.items() if t in _WHOLE_DATES),
        about={"document": document, "head": head, "lines": lines, "group": group, "key": key},
    )


def _write_json(
    domain: DomainFile, target: Path, columns: dict[str, list[Any]], records: int
) -> None:
    """Write a data set with what its head may say: no names of files, systems and people."""
    about = domain.about
    if "ITEMGROUPDATASEQ" in columns:
        columns = {**columns, "ITEMGROUPDATASEQ": list(range(1, records + 1))}
    typed = [_json_column(domain.numeric.get(name), cells) for name, cells in columns.items()]
    rows = [list(row) for row in zip(*typed, strict=True)]
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
    head = {k: about["head"][k] for k in _HEAD if k in about["head"]} | {"records": records}
    if about["group"]:
        old = about["document"]
        data = old[about["key"]]
        whole: Any = {
            "creationDateTime": now,
            "datasetJSONVersion": old.get("datasetJSONVersion"),
            about["key"]: {
                **{k: data[k] for k in ("studyOID", "metaDataVersionOID") if k in data},
                "itemGroupData": {about["group"]: {**head, "itemData": rows}},
            },
        }
    else:
        head = {"datasetJSONCreationDateTime": now, **head}
        whole = head if about["lines"] else {**head, "rows": rows}
    if about["lines"]:
        text = "\n".join(json.dumps(part, ensure_ascii=False) for part in (whole, *rows))
    else:
        text = json.dumps(whole, ensure_ascii=False)
    with private(target) as handle:
        handle.write(text.encode("utf-8", "replace") + b"\n")


def _json_column(kind: str | None, cells: list[Any]) -> list[Any]:
    """Return cells of a column, those that recoding made numbers in the type that it has."""
    if kind is None:
        return cells
    return [_json_number(kind, v) if isinstance(v, float) else v for v in cells]


def _json_number(kind: str, value: float) -> int | float | str:
    if kind == "integer":
        return int(value)
    return f"{value:.12g}" if kind == "decimal" else value


_PARTIAL = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")
_HOUR = re.compile(r"(\d{2}):00-\d{2}:59")
_SAS_EPOCH = date(1960, 1, 1).toordinal()
_LONGEST = 200
"""Most bytes of a character variable in SAS transport version 5."""


def partial_date(label: str) -> str | None:
    """Return the ISO 8601 date of reduced precision that stands for a date label.

    SDTM writes what is known of a date and no more (SDTMIG 3.4, section 4.4.2), so a month or
    year needs no day; a quarter is its first month, a week its first day,
    several years or quarters are the middle one.

    Examples
    --------
    >>> partial_date("2012"), partial_date("2012-03"), partial_date("2012-Q2")
    ('2012', '2012-03', '2012-04')
    >>> partial_date("2012-03-15/21"), partial_date("1950-1954"), partial_date("spring")
    ('2012-03-15', '1952', None)
    """
    if _PARTIAL.fullmatch(label):
        return label
    if match := _QUARTER.fullmatch(label):
        return f"{match.group(1)}-{int(match.group(2)) * 3 - 2:02d}"
    first = date_string(label)
    if first is None:
        return None
    if re.fullmatch(r"\d{4}-\d{4}", label):
        return first[:4]
    if " to " in label:
        return f"{first[:4]}-{first[4:6]}"
    return f"{first[:4]}-{first[4:6]}-{first[6:]}"


def number_for(rule: Rule, label: str, *, form: str = "") -> float | None:
    """Return the number that stands for a label in a numeric variable.

    Parameters
    ----------
    rule : Rule
    label : str
    form : str
        SAS format of the variable; it tells dates (days), date-times and times (seconds).

    Returns
    -------
    float or None
        None where no number is true.
    """
    if rule.attribute.kind is Kind.DATE:
        text = date_string(label)
        if text is None or not form:
            return float(text[:4]) if text and _PARTIAL.fullmatch(label) else None
        days = date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal() - _SAS_EPOCH
        return float(days * 86400 if "DATETIME" in form.upper() else days)
    if rule.attribute.kind is Kind.TIME:
        match = _HOUR.fullmatch(label)
        return float(match.group(1)) * 3600 if match else None
    number = number_of(rule, label)
    attribute = rule.attribute
    quantity = quantity_of(attribute.kind, attribute.ladder)
    measured = quantity not in {None, Quantity.AGE} and rule.action is Action.GENERALISE
    if number is None or quantity is None or not measured or not converted(attribute):
        return number
    return number if attribute.unit == MIXED else from_base(number, attribute.unit, quantity)


def text_for_variable(rule: Rule, label: str, *, whole_date: bool = False) -> str | None:
    """Return the text that stands for a label in a character variable.

    Parameters
    ----------
    rule : Rule
    label : str
    whole_date : bool
        Whether a date of reduced precision is not legal there.
    """
    if rule.attribute.kind is Kind.DATE:
        medians = {} if rule.labels is None else rule.labels.medians
        text = str(int(medians[label])) if label in medians else partial_date(label)
        return f"{text}-01-01"[:10] if text and whole_date else text
    if rule.attribute.kind is Kind.TIME and (match := _HOUR.fullmatch(label)):
        return f"{match.group(1)}:00"
    return label.encode()[:_LONGEST].decode("utf-8", "ignore") or None


def same_number(text: str, value: Any) -> bool:
    """Tell whether a text is a number's text.

    Examples
    --------
    >>> same_number("12.0", 12), same_number("A", 12), same_number("3", None)
    (True, False, False)
    """
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return False


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
    columns = (KEY, f"{name}TESTCD", result, original, number, f"{name}STRESU")
    for row, (subject, code, before, first, figure, unit) in enumerate(
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
            new[number].append(_number_beside(rule, str(text), unit or ""))
        else:
            new[number].append(
                float(figure) if figure and same_number(value or "", figure) else None
            )
        new[f"{name}ORRESU"].append(None)
    structure = {"STUDYID", "DOMAIN", KEY, *(name + end for end in _STRUCTURE)}
    changed_names = {v: values for v, values in new.items() if v in domain.cells}
    unread = [v for v in domain.cells if v not in structure and v not in changed_names]
    return kept, changed_names | {v: [None] * int(kept.sum()) for v in unread}


NOT_TRUE = "Define-XML: it describes what was collected, not what is released"
NOT_SUBJECTS = "not about subjects, or not linked to them: nobody assessed it"


def write_cdisc(source: FolderSource, target: Path) -> FolderAccount:
    """Write the domains of a CDISC folder, recoded, into a new folder.

    Parameters
    ----------
    source : FolderSource
        From `read_cdisc`.
    target : pathlib.Path
        Empty folder.

    Returns
    -------
    FolderAccount

    Notes
    -----
    USUBJID stays, so that domains stay linked. Numeric variables hold the number that stands
    for a band, dates are as precise as their level (ISO 8601, partial). A qualifier
    (SUPP--) follows the rule of its column; one that has to be removed loses its row.
    """
    account = FolderAccount(notes=_keys_that_tell(source))
    domains: dict[str, DomainFile] = {}
    for path in sorted(source.folder.iterdir()):
        reason = _not_read(path, domains)
        if reason:
            account.files.append(Written(source=printable(str(path)), reason=reason))
    for name, domain in domains.items():
        place = target / domain.path.name
        if name.startswith("SUPP"):
            parent = name.removeprefix("SUPP")
            table = _qualifiers(source, domains.get(parent), domain, place)
        else:
            table = _domain(source, domain, place)
        shown_path = printable(str(domain.path))
        if table is None:
            account.files.append(Written(source=shown_path, reason=NOT_SUBJECTS))
        else:
            account.tables.append(table)
            account.written |= _representatives(source, domain)
            account.files.append(Written(source=shown_path, target=place.name))
    return account


def _not_read(path: Path, domains: dict[str, DomainFile]) -> str:
    """Add a data set to the domains, or return why it is none."""
    if path.is_dir():
        return "a folder inside a CDISC folder, not read"
    if path.suffix.casefold() not in ENDINGS:
        return NOT_TRUE if path.suffix.casefold() == ".xml" else "not a CDISC data set"
    try:
        domain = read_domain(path)
    except SourceError:
        return "not a readable data set"
    if domain.name in domains:
        return "its domain was read from another file"
    domains[domain.name] = domain
    return ""


def _domain(source: FolderSource, domain: DomainFile, place: Path) -> RecodedTable | None:
    table = source.tables.get(shown(domain.name))
    if table is None:
        return None
    recoded = source.recoded(shown(domain.name))
    test = f"{domain.name}TESTCD"
    if test in domain.cells and test not in table.rows.schema.names:
        kept, new = recoded_tests(source, domain, recoded)
        write_domain(domain, place, kept, new)
        return _account(source, domain, kept, recoded.name, recoded.coupled)
    rules, _ = column_rules(table, source.release)
    cells = _repeats(source, domain, recoded.kept)
    for name in domain.cells:
        rule = rules.get(name)
        if rule is not None and rule.changes and name in recoded.columns:
            cells[name] = typed_values(domain, name, rule, list(recoded.columns[name]))
            cells |= _unit_beside(domain, rule, cells[name], recoded.kept)
    _recode_body(domain, table, rules, recoded, cells)
    write_domain(domain, place, recoded.kept, cells)
    return recoded


def _repeats(source: FolderSource, domain: DomainFile, kept: np.ndarray) -> dict[str, list[Any]]:
    """Return the variables that repeat the subject table, recoded by its rules."""
    lead = source.tables.get("DM") or source.tables.get("ADSL")
    table = source.tables[shown(domain.name)]
    if lead is None or lead is table:
        return {}
    rules, _ = column_rules(lead, source.release)
    number_of, stay = source.numbers(), np.flatnonzero(kept)
    keys = domain.texts(KEY)
    subjects = [source.released_label(number_of.get(str(keys[i]), -1)) for i in stay]
    new = {}
    for name in domain.cells:
        rule = rules.get(name)
        if rule is None or not rule.changes or name in table.rows.schema.names or name == KEY:
            continue
        texts = domain.texts(name)
        labels = [
            None if texts[i] is None or subject is None
            else _label(rule, str(texts[i]), source, subject)
            for i, subject in zip(stay, subjects, strict=True)
        ]  # fmt: skip
        new[name] = typed_values(domain, name, rule, labels)
    return new


def _label(rule: Rule, value: str, source: FolderSource, subject: str) -> str | None:
    """Return the label of one cell of a subject."""
    if rule.action is Action.REMOVE:
        return None
    return source.release.value_of(rule, subject) if rule.one_value else label_of_cell(rule, value)


def _recode_body(
    domain: DomainFile,
    table: SourceTable,
    rules: Mapping[str, Rule],
    recoded: RecodedTable,
    new: dict[str, list[Any]],
) -> None:
    """Recode height, weight and body mass index, which stand in rows of their own.

    The standard result gets the label, its number what stands for it. The original result, which
    may be in another unit, and what the measure could be computed from are emptied.
    """
    where = body_tests(domain.cells, domain.name)
    if where is None or where.test not in table.rows.schema.names:
        return
    stay = np.flatnonzero(recoded.kept)
    codes = domain.texts(where.test)
    beside = {name: unit_variable(name, domain.name) for name in where.results}
    units = {name: domain.texts(u) if u in domain.cells else [None] * domain.rows
             for name, u in beside.items()}  # fmt: skip
    for code in BODY:
        rule = rules.get(code)
        if code not in recoded.columns or code in domain.cells:
            continue
        as_it_was = rule is None or not rule.changes
        for name in where.results:
            if as_it_was and name not in new:
                continue
            cells = new.setdefault(name, [domain.cells[name][i] for i in stay])
            for at, row in enumerate(stay):
                if codes[row] != code:
                    continue
                if rule is None or as_it_was:
                    cells[at] = domain.cells[name][row]
                else:
                    unit = units[name][row] or ""
                    label = recoded.columns[code][at]
                    cells[at] = _body_value(domain, name, where, rule, label, unit)


def _body_value(
    domain: DomainFile,
    name: str,
    where: BodyTests,
    rule: Rule,
    label: str | None,
    unit: str = "",
) -> float | str | None:
    """Return what a result says of a measure that was recoded, a number in the unit beside it."""
    says = name == where.result or name.endswith("STRESN")
    if label is None or not says or rule.action is Action.REMOVE:
        return None
    if name not in domain.numeric:
        return text_for_variable(rule, label)
    return _number_beside(rule, label, unit)


def _number_beside(rule: Rule, label: str, unit: str) -> float | None:
    """Return the number that stands for a label, in the unit that its row states."""
    quantity = quantity_of(rule.attribute.kind, rule.attribute.ladder)
    known = None if quantity is None else unit_of(unit, quantity)
    number = number_of(rule, label) if rule.action is Action.GENERALISE else None
    if number is None or quantity is None or known is None:
        return number_for(rule, label)
    return from_base(number, known, quantity)


def _unit_beside(
    domain: DomainFile, rule: Rule, values: Sequence[Any], kept: np.ndarray
) -> dict[str, list[Any]]:
    """Return the unit variable of a generalised age (AGEU of AGE): bands are of years."""
    beside = f"{rule.attribute.column}U"
    if rule.action is not Action.GENERALISE or beside not in domain.cells:
        return {}
    if quantity_of(rule.attribute.kind, rule.attribute.ladder) is not Quantity.AGE:
        return {}
    before = [cell for cell, stays in zip(domain.cells[beside], kept, strict=True) if stays]
    said = [old if v is None else "YEARS" for old, v in zip(before, values, strict=True)]
    return {beside: said}


def typed_values(
    domain: DomainFile, name: str, rule: Rule, labels: Sequence[str | None]
) -> list[Any]:
    """Return labels as legal values of a variable.

    Parameters
    ----------
    domain : DomainFile
    name : str
        The variable.
    rule : Rule
    labels : sequence of str or None
    """
    if rule.action is Action.REMOVE:
        return [None] * len(labels)
    if name in domain.numeric:
        form = domain.numeric[name] if domain.path.suffix.casefold() == ".xpt" else ""
        return [None if v is None else number_for(rule, v, form=form) for v in labels]
    whole = name in domain.whole_dates
    return [None if v is None else text_for_variable(rule, v, whole_date=whole) for v in labels]


def _representatives(
    source: FolderSource, domain: DomainFile
) -> dict[str, Callable[[str], str | None]]:
    """Return what stands for a label in the variables of a domain that are generalised."""
    table = source.tables.get(shown(domain.name))
    rules = column_rules(table, source.release)[0] if table is not None else {}

    def stands(name: str, rule: Rule) -> Callable[[str], str | None]:
        return lambda label: text_of(typed_values(domain, name, rule, [label])[0])

    where = body_tests(domain.cells, domain.name)

    def body(rule: Rule, tests: BodyTests) -> Callable[[str], str | None]:
        return lambda label: text_of(_body_value(domain, tests.result, tests, rule, label))

    coarser = {n: rule for n, rule in rules.items() if rule.action is Action.GENERALISE}
    return {rule.name: stands(n, rule) for n, rule in coarser.items() if n in domain.cells} | {
        rule.name: body(rule, where)
        for n, rule in coarser.items()
        if where is not None and n in BODY and n not in domain.cells
    }


def _keys_that_tell(source: FolderSource) -> list[str]:
    """Say which changed variables stand inside the subject key, which is not changed."""
    said = []
    for table in source.tables.values():
        rules = {n: r for n, r in column_rules(table, source.release)[0].items() if r.changes}
        said += [
            f"{table.key} holds the values of {rules[name].name}, which is"
            f" {rules[name].describe}: give the subjects new keys first"
            for name in parts_of_key(table, list(rules))
        ]
    return list(dict.fromkeys(said))


def _qualifiers(
    source: FolderSource, parent: DomainFile | None, domain: DomainFile, place: Path
) -> RecodedTable | None:
    """Write the supplemental qualifiers of a domain, None when nobody read them."""
    if parent is None or shown(parent.name) not in source.tables:
        return None
    made = recoded_qualifiers(source, parent, domain)
    if made is None:
        return None
    kept, new = made
    write_domain(domain, place, kept, new)
    return _account(source, domain, kept, domain.name)


def _account(
    source: FolderSource,
    domain: DomainFile,
    kept: np.ndarray,
    name: str,
    coupled: tuple[str, ...] = (),
) -> RecodedTable:
    """Return the account of a data set in rows of its file."""
    known = [str(label) for label in source.subjects.labels]
    number_of = source.numbers()
    numbers = [number_of.get(str(key), -1) for key in domain.texts(KEY)]
    hidden = sum(n >= 0 and known[n] in source.release.suppressed for n in numbers)
    orphans = sum(n < 0 for n in numbers)
    removed = domain.rows - int(kept.sum()) - hidden - orphans
    said = (f"{name}: {removed} rows held only what is removed",) if removed else ()
    return RecodedTable(
        name=name,
        columns={variable: np.empty(int(kept.sum()), object) for variable in domain.cells},
        suppressed=hidden,
        orphans=orphans,
        kept=kept,
        unchanged=frozenset(),
        coupled=(*coupled, *said),
    )

"""CDISC data sets as files: SAS transport and Dataset-JSON, read with types and written alike."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.errors import OutputError, SourceError
from midi_risk.export.table_files import private
from midi_risk.sources.json_file import load_json
from midi_risk.sources.sdtm_json import dataset_json
from midi_risk.sources.tables_raw import column_names, shown
from midi_risk.sources.tables_values import text_of

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
        ``.xpt``, ``.json`` or ``.ndjson``.

    Raises
    ------
    SourceError
        When it is none that the extraction reads.
    """
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

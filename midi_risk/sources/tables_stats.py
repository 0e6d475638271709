"""Files of statistics packages: SPSS, SAS, Stata, SAS transport, through pyreadstat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from midi_risk.errors import SourceError
from midi_risk.sources.tables_labels import with_levels
from midi_risk.sources.tables_raw import RawTable, column_names, shown
from midi_risk.sources.tables_values import text_array

READERS = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".por": "read_por",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
    ".dta": "read_dta",
}
"""File ending -> reader of pyreadstat."""


def read_statistics(path: Path) -> RawTable:
    """Read an SPSS, SAS or Stata file as text columns with its variable labels.

    Codes stay codes: value labels are not put in their place.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When pyreadstat is missing or cannot read the file.
    """
    try:
        import pyreadstat  # noqa: PLC0415
    except ImportError as error:
        raise SourceError(
            f"{shown(path.name)}: reading {path.suffix} files needs pyreadstat",
            hint="pip install 'midi-risk[stats]'",
        ) from error
    data, meta = _read(getattr(pyreadstat, READERS[path.suffix.casefold()]), path)
    names = column_names(meta.column_names, shown(path.name))
    columns = [text_array(data.get(raw, ())) for raw in meta.column_names]
    levels = meta.variable_value_labels or {}
    labels = {
        name: shown(label, limit=400)
        for name, raw in zip(names, meta.column_names, strict=True)
        if (label := with_levels(meta.column_names_to_labels.get(raw) or "", levels.get(raw, {})))
    }
    return RawTable(rows=pa.table(dict(zip(names, columns, strict=True))), labels=labels)


def _read(reader: Any, path: Path) -> tuple[dict[str, Any], Any]:
    options = {"output_format": "dict", "apply_value_formats": False}
    if reader.__name__ == "read_xport":
        options = {"output_format": "dict"}
    for encoding in (None, "WINDOWS-1252"):
        try:
            data, meta = reader(str(path), encoding=encoding, **options)
        except Exception:  # noqa: BLE001, S112 - the C reader raises its own type and others
            continue
        return data, meta
    raise SourceError(
        f"{shown(path.name)} cannot be read as {path.suffix.lstrip('.').upper()}",
        hint="Is the file complete?",
    )

"""Whether one object belongs to the collection, by its ``where`` condition."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from pydicom.dataset import Dataset

from midi_risk.errors import SourceError
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.sources.select import select_rows
from midi_risk.sources.wanted import wanted_attributes


def selects(where: str) -> Callable[[Dataset], bool]:
    """Return a function that tells whether an object fulfils a condition.

    Parameters
    ----------
    where : str
        Condition over the columns that reading yields, as for the collection.

    Examples
    --------
    >>> from pydicom.dataset import Dataset
    >>> slice_ = Dataset()
    >>> slice_.Modality, slice_.PatientID = "CT", "p1"
    >>> selects("Modality = 'CT'")(slice_)
    True
    """
    known: dict[tuple[str | None, ...], bool] = {}
    names = [item.keyword for item in wanted_attributes().values() if item.vr != "SQ"]
    asked = [name for name in names if name.casefold() in where.casefold()]

    def selected(data_set: Dataset) -> bool:
        values = tuple(_text(data_set, name) for name in asked)
        if values not in known:
            known[values] = _fulfils(where, dict(zip(asked, values, strict=True)))
        return known[values]

    return selected


def _text(data_set: Dataset, keyword: str) -> str | None:
    value = data_set.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return "\\".join(str(part) for part in value)
    return str(value)


def _fulfils(where: str, values: dict[str, str | None]) -> bool:
    columns = {name: pa.array([value], pa.string()) for name, value in values.items()}
    columns.setdefault("PatientID", pa.array(["x"], pa.string()))
    table = SourceTable(
        name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID",
        rows=pa.table(columns),
    )  # fmt: skip
    extraction = Extraction(tables=(table,), files=FILE_SCHEMA.empty_table())
    try:
        return bool(select_rows(extraction, where).tables[0].rows.num_rows)
    except SourceError as error:
        if "keeps no row" in error.message:
            return False
        raise

"""CDISC Dataset-JSON, versions 1.1 (also one row per line) and 1.0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from midi_risk.errors import SourceError
from midi_risk.sources.tables_raw import RawTable, column_names, shown
from midi_risk.sources.tables_values import text_array


def dataset_json(document: Any, path: Path) -> tuple[str, RawTable]:
    """Return the name and rows of a Dataset-JSON document.

    Parameters
    ----------
    document : object
        A parsed document, or a list of lines of the NDJSON form.
    path : pathlib.Path
        The file, for messages and as name where the document has none.

    Returns
    -------
    name : str
        Data set name in capitals, such as ``DM``.
    table : RawTable
        Values as text, with the variables' labels.

    Raises
    ------
    SourceError
        When it is not Dataset-JSON, or a row has another length than the header.

    Examples
    --------
    >>> document = {"datasetJSONVersion": "1.1.0", "name": "DM", "columns": [
    ...     {"name": "USUBJID", "label": "Unique Subject Identifier"}], "rows": [["01"]]}
    >>> name, table = dataset_json(document, Path("dm.json"))
    >>> name, table.rows.to_pydict()
    ('DM', {'USUBJID': ['01']})
    """
    head, rows = _parts(document, path)
    columns = head.get("columns") or head.get("items") or []
    if not all(isinstance(c, dict) and c.get("name") for c in columns) or not columns:
        raise _unknown(path)
    names = column_names([str(column["name"]) for column in columns], shown(path.name))
    width = len(names)
    if any(not isinstance(row, list) or len(row) != width for row in rows):
        raise SourceError(
            f"{shown(path.name)}: a row has another number of values than there are columns",
            hint="Write the Dataset-JSON again",
        )
    texts = {name: text_array(row[i] for row in rows) for i, name in enumerate(names)}
    labels = {
        name: shown(column["label"], limit=400)
        for name, column in zip(names, columns, strict=True)
        if column.get("label")
    }
    table = RawTable(rows=pa.table(texts), labels=labels)
    if "ITEMGROUPDATASEQ" in table.rows.column_names:
        table = RawTable(rows=table.rows.drop_columns(["ITEMGROUPDATASEQ"]), labels=labels)
    return str(head.get("name") or path.stem).upper(), table


def is_dataset_json(document: Any) -> bool:
    """Whether a document says that it is Dataset-JSON.

    Examples
    --------
    >>> is_dataset_json({"datasetJSONVersion": "1.1.0"}), is_dataset_json([{"PatientID": "1"}])
    (True, False)
    """
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and (
        "datasetJSONVersion" in first
        or isinstance(first.get("clinicalData") or first.get("referenceData"), dict)
    )


def _parts(document: Any, path: Path) -> tuple[Mapping[str, Any], Sequence[Any]]:
    if isinstance(document, dict) and "datasetJSONVersion" in document:
        return document, document.get("rows") or []
    lines = isinstance(document, list) and document and isinstance(document[0], dict)
    if lines and "datasetJSONVersion" in document[0]:
        return document[0], document[1:]
    if isinstance(document, dict):
        data = document.get("clinicalData") or document.get("referenceData")
        groups = list((data or {}).get("itemGroupData", {}).values()) if data else []
        if len(groups) == 1:
            return groups[0], groups[0].get("itemData") or []
    raise _unknown(path)


def _unknown(path: Path) -> SourceError:
    return SourceError(
        f"{shown(path.name)} is not Dataset-JSON", hint="Known: versions 1.0 and 1.1"
    )

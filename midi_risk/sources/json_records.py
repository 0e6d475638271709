"""Envelopes around the records of a JSON document, as tools other than DICOM's write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from midi_risk.sources.tables_alias import keyword_of

_NUMBER = re.compile(r"\d+")


def unwrapped(document: Any) -> Any:
    """Return the records inside a document, or the document itself where it has none.

    Known are a list under one name among facts about it (``{"count": 2, "results": [...]}``),
    and what pandas writes by column (``{"age": {"0": 30, "1": 40}}``) and split
    (``{"columns": [...], "data": [[...]]}``).

    Parameters
    ----------
    document : object
        A parsed document.

    Examples
    --------
    >>> unwrapped({"count": 2, "results": [{"id": "a"}, {"id": "b"}]})
    [{'id': 'a'}, {'id': 'b'}]
    >>> unwrapped({"id": {"0": "a", "1": "b"}, "age": {"0": 30, "1": 40}})
    [{'id': 'a', 'age': 30}, {'id': 'b', 'age': 40}]
    >>> unwrapped({"columns": ["id", "age"], "index": [0], "data": [["a", 30]]})
    [{'id': 'a', 'age': 30}]
    """
    if not isinstance(document, dict) or not document:
        return document
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list) and _is_split(columns, data):
        return [dict(zip(map(str, columns), row, strict=True)) for row in data]
    if _by_column(document):
        rows: dict[str, dict[str, Any]] = {}
        for name, values in document.items():
            for row, value in values.items():
                rows.setdefault(row, {})[name] = value
        return list(rows.values())
    lists = [value for value in document.values() if _holds_records(value)]
    others = [name for name, value in document.items() if not _holds_records(value)]
    about = not any(keyword_of(str(name)) for name in document)
    plain = all(not isinstance(document[name], list) or not document[name] for name in others)
    return lists[0] if len(lists) == 1 and about and plain else document


def _is_split(columns: list[Any], data: list[Any]) -> bool:
    return all(not isinstance(name, dict | list) for name in columns) and all(
        isinstance(row, list) and len(row) == len(columns) for row in data
    )


def _by_column(document: Mapping[str, Any]) -> bool:
    values = list(document.values())
    return all(
        isinstance(value, dict)
        and value
        and all(_NUMBER.fullmatch(str(row)) for row in value)
        and not any(isinstance(cell, dict | list) for cell in value.values())
        for value in values
    )


def _holds_records(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(x, dict) for x in value)

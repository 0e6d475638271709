"""Small extractions for tests."""

from __future__ import annotations

import pyarrow as pa

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable


def source(
    name: str, rows: dict[str, list[str | None]], key: str, **options: object
) -> SourceTable:
    """Return a source table of text columns."""
    table = pa.table({column: pa.array(values, pa.string()) for column, values in rows.items()})
    settings: dict[str, object] = {"kind": SourceKind.SPREADSHEET, "level": "patient"}
    return SourceTable(name=name, key=key, rows=table, **(settings | options))


def extraction(*tables: SourceTable, **options: object) -> Extraction:
    """Return an extraction without files."""
    return Extraction(tables=tables, files=FILE_SCHEMA.empty_table(), **options)


def attribute(source_name: str, column: str, kind: Kind, **options: object) -> Attribute:
    """Return a quasi-identifier, or what the options say."""
    settings: dict[str, object] = {"role": Role.QUASI_IDENTIFIER, "reason": "test", "name": column}
    return Attribute(source=source_name, column=column, kind=kind, **(settings | options))


def attributes(*given: Attribute) -> AttributeSet:
    """Return an attribute set."""
    return AttributeSet(given)

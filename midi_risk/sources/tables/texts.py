"""Texts that a table file holds beside its cells: properties, labels, notes, metadata.

They leave when the file leaves as it is, and no column shows them. What programs write by
themselves tells nothing of anybody; anything else is for the account of what leaves.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from midi_risk.sources.model import Beside, TableSpec
from midi_risk.sources.tables.databases import is_database
from midi_risk.sources.tables.workbooks import READERS

_PROGRAMS = re.compile(
    rb"openpyxl|xlsxwriter|microsoft.*|libreoffice.*|apache.*|admin|user|unknown|",
    re.IGNORECASE,
)
_SAID = re.compile(
    rb"<(?:dc:(?:creator|title|subject|description)|cp:(?:lastModifiedBy|keywords|category)"
    rb"|Company|Manager|HyperlinkBase)>([^<]*)<"
)
_ANNOTATION = re.compile(rb"<meta:(?:initial-creator|keyword|user-defined)[^>]*>([^<]*)<|"
                         rb"<dc:(?:creator|title|subject|description)>([^<]*)<")  # fmt: skip
_PROPERTIES = ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml", "meta.xml")
_OBJECTS = re.compile(r"xl/(?:media|drawings|embeddings|printerSettings|externalLinks)/.*\.\w+")
_MOST = 1 << 20
_TYPES = frozenset({b"ARROW:schema", b"pandas"})
_ATTRIBUTES = re.compile(rb'"attributes": *\{ *\}')


def texts_in_file(spec: TableSpec) -> tuple[Beside, ...]:
    """Return the texts that a table file holds beside its cells.

    Parameters
    ----------
    spec : TableSpec
        A file that was read as a table.

    Examples
    --------
    >>> texts_in_file(TableSpec(Path("table.csv")))
    ()
    """
    suffix = spec.path.suffix.casefold()
    if is_database(spec.url) or not spec.path.is_file():
        return ()
    if suffix in {".parquet", ".pq"}:
        return tuple(_parquet(spec.path))
    if suffix in READERS:
        return tuple(_statistics(spec.path))
    return tuple(_workbook(spec.path)) if zipfile.is_zipfile(spec.path) else ()


def _text(name: str, count: int = 1) -> Beside:
    return Beside(kind="text", name=name, count=count)


def _parquet(path: Path) -> Iterator[Beside]:
    """Yield metadata that is no description of types."""
    told = pq.read_metadata(path).metadata or {}
    own = [key for key in told if key not in _TYPES]
    if own:
        yield _text("metadata of the file", len(own))
    pandas = told.get(b"pandas", b"")
    if b'"attributes"' in pandas and not _ATTRIBUTES.search(pandas):
        yield _text("attributes of a data frame")
    fields = sum(
        bool(set(field.metadata or {}) - {b"PARQUET:field_id"}) for field in pq.read_schema(path)
    )
    if fields:
        yield _text("metadata of columns", fields)


def _statistics(path: Path) -> Iterator[Beside]:
    """Yield the label of a file of a statistics package, and its notes."""
    import pyreadstat  # noqa: PLC0415

    reader: Any = getattr(pyreadstat, READERS[path.suffix.casefold()])
    try:
        _, meta = reader(str(path), metadataonly=True)
    except Exception:  # noqa: BLE001 - it was read before; the C reader raises its own type
        yield _text("label and notes of the file, which cannot be read")
        return
    if (meta.file_label or "").strip():
        yield _text("label of the file")
    notes = [note for note in meta.notes or () if str(note).strip()]
    if notes:
        yield _text("notes of the file", len(notes))


def _workbook(path: Path) -> Iterator[Beside]:
    """Yield the properties of a workbook, and objects that lie on its sheets."""
    with zipfile.ZipFile(path) as book:
        names = book.namelist()
        said = 0
        for name in _PROPERTIES:
            if name not in names:
                continue
            with book.open(name) as part:
                content = part.read(_MOST)
            pattern = _ANNOTATION if name == "meta.xml" else _SAID
            texts = [b"".join(found.groups(b"")) for found in pattern.finditer(content)]
            said += sum(not _PROGRAMS.fullmatch(text.strip()) for text in texts)
            said += name.endswith("custom.xml")
        if said:
            yield _text("properties of the workbook", said)
        objects = sum(bool(_OBJECTS.fullmatch(name)) and ".vml" not in name for name in names)
        if objects:
            yield _text("pictures and objects in the workbook", objects)

"""Limits of what a small file may become before a parser sees it.

A workbook or a Parquet file of a few kilobytes can expand to terabytes: by compression, by one
cell at the far corner of a sheet, by entities of XML. Sizes and ratios are looked at in the file's
own directory, and document types are refused (OWASP, XML External Entity Prevention).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

import pyarrow.parquet as pq

from midi_risk.errors import SourceError
from midi_risk.sources.files.listing import printable

MAX_UNPACKED = 4 << 30
"""Most bytes that all members of a workbook may have."""

MAX_RATIO = 200
"""Most bytes for each compressed byte of a member; spreadsheets have 5 to 60."""

MAX_TEXT_RATIO = 1000
"""The same for gzipped text and for the values of a Parquet column."""

MAX_CELLS = 100_000_000
"""Most cells in the rectangle that the cells of a sheet span."""

_SMALL = 32 << 20
_MAX_ROWS = 100_000_000
_ROWS_PER_BYTE = 1000
_PIECE = 1 << 16
_XML = (".xml", ".rels")


class _RootFound(Exception):  # noqa: N818 - ends the look at a document, no error
    """The first element of a document has begun: what precedes it has been seen."""


def check_zip(path: Path) -> None:
    """Refuse a workbook that expands too far, or whose XML declares a document type.

    Parameters
    ----------
    path : pathlib.Path
        An XLSX, XLSB or ODS file.

    Raises
    ------
    SourceError
        When it is a bomb, or holds a DTD.
    zipfile.BadZipFile
        When it is no zip file.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise SourceError(
                f"{printable(path.name)} expands to more than 4 GiB", hint="Save it as CSV"
            )
        for member in members:
            if member.file_size > _SMALL and _ratio(member) > MAX_RATIO:
                raise SourceError(
                    f"{printable(path.name)} holds a part that expands to more than {MAX_RATIO}"
                    " times its size, as no spreadsheet does",
                    hint="Save it as CSV, or delete what fills it",
                )
        for member in members:
            if member.filename.casefold().endswith(_XML):
                with archive.open(member) as stream:
                    check_document_type(stream, path.name)


def _ratio(member: zipfile.ZipInfo) -> float:
    return member.file_size / max(member.compress_size, 1)


def check_document_type(stream: IO[bytes], name: str) -> None:
    """Refuse an XML document that declares a document type: it may declare entities.

    Parameters
    ----------
    stream : binary file
        Read up to the first element, in whatever encoding the document has.
    name : str
        File, for the message.

    Raises
    ------
    SourceError
        When there is a DTD.

    Examples
    --------
    >>> import io
    >>> check_document_type(io.BytesIO(b"<?xml version='1.0'?><a/>"), "a.xml")
    >>> check_document_type(io.BytesIO(b"<!DOCTYPE a><a/>"), "a.xml")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    midi_risk.errors.SourceError: a.xml declares a document type...
    """

    def refuse(*_args: object) -> None:
        raise SourceError(
            f"{printable(name)} declares a document type, which no table needs",
            hint="Save it again with the program that made it",
        )

    def stop(*_args: object) -> None:
        raise _RootFound

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = stop
    try:
        while piece := stream.read(_PIECE):
            parser.Parse(piece)
    except (_RootFound, expat.ExpatError):
        return


def check_opendocument(path: Path) -> None:
    """Refuse an OpenDocument sheet whose cells span more than can be held.

    Parameters
    ----------
    path : pathlib.Path
        An ODS file that `check_zip` has passed.

    Raises
    ------
    SourceError
        When a stray cell, or one that is repeated, lies too far away.
    """
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as stream:
        extent = _Extent()
        for _ in extent.tables(stream):
            if extent.rows * extent.columns > MAX_CELLS:
                raise SourceError(
                    f"{printable(path.name)}: the cells of a sheet span {extent.rows:,} rows and"
                    f" {extent.columns:,} columns",
                    hint="Delete the stray cells far from the table, or save it as CSV",
                )


class _Extent:
    """Rows and columns that the filled cells of each sheet span, read as a stream."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._row = self._column = self._repeat_row = self._repeat = 0
        self._done = 0
        self._filled = self._inside = False

    def tables(self, stream: IO[bytes]) -> Iterator[None]:
        """Yield after every stretch of the document; the extent is of the sheet so far."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        while piece := stream.read(_PIECE):
            parser.Parse(piece)
            yield

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "table":
            self._row = 0
        elif local == "table-row":
            self._column = 0
            self._repeat_row = _repeated(attributes, "number-rows-repeated")
        elif local in {"table-cell", "covered-table-cell"}:
            self._repeat = _repeated(attributes, "number-columns-repeated")
            self._inside = True
            self._filled = any(key.rpartition(":")[2] == "value-type" for key in attributes)

    def _text(self, text: str) -> None:
        self._filled |= self._inside and bool(text.strip())

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        if local in {"table-cell", "covered-table-cell"}:
            self._column += self._repeat
            self._inside = False
            if self._filled:
                self.columns = max(self.columns, self._column)
                self.rows = max(self.rows, self._row + self._repeat_row)
        elif local == "table-row":
            self._row += self._repeat_row


def _repeated(attributes: dict[str, str], name: str) -> int:
    text = next((v for k, v in attributes.items() if k.rpartition(":")[2] == name), "1")
    return int(text) if text.isdecimal() else 1


def check_parquet(file: pq.ParquetFile, path: Path) -> None:
    """Refuse a Parquet file that expands too far.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
        Of which only the footer has been read.
    path : pathlib.Path
        The file.

    Raises
    ------
    SourceError
        When a column, or the number of rows, is out of all proportion to the file.
    """
    about = file.metadata
    rows = about.num_rows
    far = rows > _MAX_ROWS and rows > _ROWS_PER_BYTE * path.stat().st_size
    for group in range(about.num_row_groups):
        for column in range(about.num_columns):
            chunk = about.row_group(group).column(column)
            size = chunk.total_uncompressed_size
            far |= size > _SMALL and size > MAX_TEXT_RATIO * max(chunk.total_compressed_size, 1)
    if far:
        raise SourceError(
            f"{printable(path.name)} expands to more than {MAX_TEXT_RATIO} times its size",
            hint="Write it again without what fills it, or as CSV",
        )

"""CSV, TSV and other delimited text: encoding, delimiter, header rows, ragged rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from midi_risk.errors import SourceError
from midi_risk.sources.files.limits import MAX_TEXT_RATIO
from midi_risk.sources.tables.columns import cell_array, text_columns
from midi_risk.sources.tables.raw import (
    Header,
    RawTable,
    column_names,
    counted,
    find_header,
    shown,
    without_blank_rows,
    without_blanks,
)

HEAD_ROWS = 300
"""Rows looked at to find delimiter and header."""

_MAX_BYTES = 8 << 30
_LITTLE = 64 << 20
_ENCODED = pa.dictionary(pa.int32(), pa.string())
_FEW, _MOST, _LEAST = 4, 0.7, 0.05
_DELIMITERS = ",;\t|"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dialect:
    delimiter: str
    quote: bool


def read_delimited(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header_rows: int | None = None,
) -> RawTable:
    """Read delimited text as text columns.

    Parameters
    ----------
    path : pathlib.Path
        A CSV or TSV file, also gzip-compressed.
    delimiter : str, optional
        Found from the first rows when not given.
    encoding : str, optional
        Found from the bytes when not given: UTF-8, UTF-16, Shift-JIS, else Windows-1252.
    header_rows : int, optional
        Rows above the first row of data; found from the rows when not given.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When the file holds no rows, a column name twice, or rows longer than the header.
    """
    where = shown(path.name)
    data, findings = _utf8(_read_bytes(path), where, encoding)
    text_head = _head(data)
    dialect = _dialect(text_head, delimiter)
    header, end = _header_of(text_head, dialect, where, header_rows)
    names = column_names([_MARKED.sub("", name) for name in header.names], where)
    body = _after_lines(data, end)
    columns, notes = _body(body, len(names), dialect, where)
    findings += header.findings(where) + notes
    told = {number: _unmarked(column) for number, column in enumerate(columns)}
    return without_blanks(names, header, told, where, findings)


STREAMED = 64 << 20
"""Bytes of text from which on a file is read in pieces; of a packed one an eighth of it."""

_PACKED = 8
_PIECE = 16 << 20
_START = 4 << 20


def spool_delimited(
    path: Path,
    target: Path,
    wanted: Callable[[list[str]], bool],
    *,
    delimiter: str | None = None,
    header_rows: int | None = None,
) -> RawTable | None:
    """Write the rows of a large text file as Parquet, in little memory.

    Parameters
    ----------
    path : pathlib.Path
        A CSV or TSV file in UTF-8, also gzip-compressed.
    target : pathlib.Path
        Written anew: one column of text for each column that has a name or a value.
    wanted : callable
        Whether a table of such column names is to be written.
    delimiter, header_rows
        As for `read_delimited`.

    Returns
    -------
    RawTable or None
        Without rows: names, labels, findings; None where the file is small, not wanted, or not
        even enough to be read in pieces: `read_delimited` says what is wrong with it.
    """
    where = shown(path.name)
    packed = path.suffix.casefold() == ".gz"
    if path.stat().st_size < (STREAMED // _PACKED if packed else STREAMED):
        return None
    with _opened(path) as handle:
        start = handle.read(_START)
    if any(start.startswith(mark) for mark, _ in _BOMS[1:]) or _unmarked_utf16(start[:1000]):
        return None
    skip = len(_BOMS[0][0]) if start.startswith(_BOMS[0][0]) else 0
    data = pa.py_buffer(start[skip:])
    dialect = _dialect(_head(data), delimiter)
    try:
        header, end = _header_of(_head(data), dialect, where, header_rows)
        names = column_names([_MARKED.sub("", name) for name in header.names], where)
    except (SourceError, csv.Error):
        return None
    at = skip + data.size - _after_lines(data, end).size
    if not wanted(names) or not _is_even(path, at, quote=dialect.quote):
        return None
    try:
        filled = _copied(path, target, at, names, dialect)
    except (pa.ArrowException, OSError, EOFError):
        target.unlink(missing_ok=True)
        return None
    columns = {i: pa.chunked_array([pa.array(["x"] if i in filled else [None], pa.string())])
               for i in range(len(names))}  # fmt: skip
    told = without_blanks(names, header, columns, where, header.findings(where))
    return replace(told, rows=told.rows.slice(0, 0))


def _opened(path: Path) -> IO[bytes]:
    if path.suffix.casefold() == ".gz":
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def _is_even(path: Path, at: int, *, quote: bool) -> bool:
    """Tell whether a file is UTF-8 from end to end, and its quotes are even below the header."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    marks = 0
    try:
        with _opened(path) as handle:
            marks -= handle.read(at).count(b'"')
            handle.seek(0)
            while piece := handle.read(_PIECE):
                decoder.decode(piece)
                marks += piece.count(b'"')
            decoder.decode(b"", final=True)
    except (UnicodeDecodeError, OSError, EOFError):
        return False
    return not quote or marks % 2 == 0


def _copied(path: Path, target: Path, at: int, names: Sequence[str], dialect: _Dialect) -> set[int]:
    """Write the rows behind the header as Parquet; return which columns have a value."""
    filled: set[int] = set()
    schema = pa.schema([(name, pa.string()) for name in names])
    with _opened(path) as handle, pq.ParquetWriter(target, schema) as writer:
        handle.seek(at)
        reader = pacsv.open_csv(
            pa.PythonFile(handle, mode="r"), **_options(len(names), dialect, _ENCODED)
        )
        for batch in reader:
            texts = [_unmarked(c) for c in text_columns([pa.chunked_array([c]) for c in batch])]
            filled |= {i for i, c in enumerate(texts) if c.null_count < len(c)}
            rows = without_blank_rows(pa.table(dict(zip(names, texts, strict=True))))
            writer.write_table(rows.cast(schema))
    return filled


_MARKED = re.compile(r"^'(?=[=+\-@\t\r\n])")
"""Mark of a text that a spreadsheet would run: `apply` writes it, and it is no part of the text."""


def _unmarked(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells without the mark, so that a key that begins with ``=`` is the same key."""
    chunks = column.chunks
    dictionaries = [c.dictionary if isinstance(c, pa.DictionaryArray) else c for c in chunks]
    if not any(pc.any(pc.starts_with(texts, "'")).as_py() for texts in dictionaries if len(texts)):
        return column
    texts = [None if t is None else _MARKED.sub("", t) for t in column.to_pylist()]
    return pa.chunked_array([cell_array(texts)])


def _header_of(
    text: str, dialect: _Dialect, where: str, declared: int | None
) -> tuple[Header, int]:
    """Return the header and the number of physical lines before the first row of data."""
    reader = _rows(text, dialect)
    head: list[list[str]] = []
    ends: list[int] = []
    try:
        for row in reader:
            head.append(row)
            ends.append(reader.line_num)
            if len(head) >= HEAD_ROWS:
                break
    except csv.Error:
        raise _broken(where) from None
    header = find_header(head, where, declared)
    return header, ends[header.body - 1]


def _options(width: int, dialect: _Dialect, kind: pa.DataType) -> dict[str, Any]:
    """Return how rows are parsed."""
    positions = [str(i) for i in range(width)]
    return {
        "read_options": pacsv.ReadOptions(column_names=positions, block_size=1 << 24),
        "parse_options": pacsv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char='"' if dialect.quote else False,
            newlines_in_values=dialect.quote,
        ),
        "convert_options": pacsv.ConvertOptions(
            column_types=dict.fromkeys(positions, kind), strings_can_be_null=False
        ),
    }


def _broken(name: str) -> SourceError:
    return SourceError(
        f"{name} cannot be read as delimited text", hint="Check its quotes and line ends"
    )


def _read_bytes(path: Path) -> pa.Buffer:
    if path.suffix.casefold() == ".gz":
        most = max(_LITTLE, min(_MAX_BYTES, MAX_TEXT_RATIO * path.stat().st_size))
        try:
            with gzip.open(path) as handle:
                data = handle.read(most + 1)
        except (OSError, EOFError) as error:
            raise SourceError(f"{shown(path.name)} is not a readable gzip file") from error
        if len(data) > most:
            raise SourceError(
                f"{shown(path.name)} expands to more than {MAX_TEXT_RATIO} times its size or 8 GiB",
                hint="Unpack it yourself",
            )
        return pa.py_buffer(data)
    try:
        with pa.memory_map(str(path)) as source:
            return source.read_buffer()
    except OSError as error:
        raise SourceError(
            f"{shown(path.name)} cannot be read", hint="Check its permissions"
        ) from error


def _utf8(buffer: pa.Buffer, name: str, declared: str | None = None) -> tuple[pa.Buffer, list[str]]:
    """Return the content as UTF-8 without byte order mark, and what that took."""
    if declared is not None:
        return _declared(buffer, name, declared), []
    start = bytes(buffer[: min(4, buffer.size)])
    for mark, encoding in _BOMS:
        if start.startswith(mark):
            rest = buffer[len(mark) :]
            if encoding == "utf-8":
                buffer = rest
                break
            text = rest.to_pybytes().decode(encoding, "replace")
            return pa.py_buffer(text.encode()), [f"{name}: read as {encoding.upper()}"]
    unmarked = _unmarked_utf16(bytes(buffer[: min(1000, buffer.size)]))
    if unmarked:
        text = buffer.to_pybytes().decode(unmarked, "replace")
        return pa.py_buffer(text.encode()), [f"{name}: read as {unmarked.upper()}"]
    if _is_utf8(buffer):
        return buffer, []
    content = buffer.to_pybytes()
    if _is_shift_jis(content):
        found = f"{name}: not UTF-8, read as Shift-JIS; if wrong, declare 'encoding'"
        return pa.py_buffer(content.decode("cp932").encode()), [found]
    text = content.decode("cp1252", "replace")
    found = (
        f"{name}: not UTF-8, read as Windows-1252; accented letters may be wrong, declare"
        " 'encoding' if they are"
    )
    return pa.py_buffer(text.encode()), [found]


def _declared(buffer: pa.Buffer, name: str, encoding: str) -> pa.Buffer:
    """Return the content as UTF-8, read in the encoding that somebody declared."""
    try:
        codec = codecs.lookup(encoding).name
        "".encode(codec)
    except LookupError:
        codec = ""
    if not codec:
        raise SourceError(
            f"{name}: encoding '{shown(encoding)}' is not known",
            hint="Such as utf-8, utf-16, shift_jis, cp1252, gb18030, euc_kr",
        )
    try:
        text = buffer.to_pybytes().decode(_WIDER.get(codec, codec))
    except (UnicodeError, ValueError):
        text = None
    if text is None:
        # Outside the handler: Python's message quotes the bytes.
        raise SourceError(
            f"{name} cannot be read as {codec}", hint="Correct 'encoding', or leave it out"
        )
    return pa.py_buffer(text.removeprefix("\ufeff").encode())


_WIDER = {"shift_jis": "cp932", "utf-8": "utf-8-sig"}
"""Encodings of which the programs that write them mean another."""


def _is_shift_jis(content: bytes) -> bool:
    """Return whether bytes that are not UTF-8 are Japanese text rather than accented letters.

    In Shift-JIS two bytes make a character. The first of kana and common kanji is below A0, where
    a Western text has nothing but a few marks; the second is often no letter of ASCII, or the
    next character begins right behind it.
    """
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        return False
    pairs = telling = common = 0
    last = -2
    for match in _PAIR.finditer(content[:_LOOKED_AT]):
        if match.group(1):
            continue
        at = match.start()
        pairs += 1
        telling += at == last + 2 or content[at + 1] > _ASCII
        common += content[at] < _KATAKANA
        last = at
    return pairs > 0 and telling * 3 >= pairs and common * 2 >= pairs


_LOOKED_AT = 1 << 20
_ASCII, _KATAKANA = 0x7F, 0xA0
_PAIR = re.compile(rb"([\x00-\x80\xa0-\xdf\xfd-\xff])|[\x81-\x9f\xe0-\xfc].", re.DOTALL)
"""One byte of cp932, or two that make a character."""


def _unmarked_utf16(start: bytes) -> str | None:
    """Return the byte order of UTF-16 without a mark: nearly every other byte is zero."""
    pairs = len(start) // 2
    if pairs < _FEW:
        return None
    even, odd = start[: 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if odd > _MOST * pairs and even < _LEAST * pairs:
        return "utf-16-le"
    return "utf-16-be" if even > _MOST * pairs and odd < _LEAST * pairs else None


def _is_utf8(buffer: pa.Buffer) -> bool:
    step = 1 << 24
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(buffer)
    try:
        for start in range(0, len(view), step):
            decoder.decode(view[start : start + step])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _head(data: pa.Buffer) -> str:
    """Return the first mebibyte, cut at a line end, without NUL characters."""
    size = 1 << 20
    raw = data[: min(size, data.size)].to_pybytes()
    if data.size > size and b"\n" in raw:
        raw = raw[: raw.rindex(b"\n") + 1]
    return str(raw, "utf-8", "ignore").replace("\x00", "")


def _dialect(head: str, delimiter: str | None) -> _Dialect:
    """Choose the delimiter that splits the first rows most evenly."""
    if delimiter is None:
        lines = [line for line in head.splitlines()[:60] if line.strip()]
        delimiter = max(_DELIMITERS, key=lambda mark: _evenness(lines, mark))
    if delimiter != "\t":
        return _Dialect(delimiter=delimiter, quote=True)
    opening = head.count('\t"') + head.count('\n"')
    closing = head.count('"\t') + head.count('"\n') + head.count('"\r')
    return _Dialect(delimiter="\t", quote=opening > 0 and opening == closing)


def _evenness(lines: list[str], mark: str) -> tuple[float, int]:
    csv.field_size_limit(1 << 28)  # by another mark the header of a wide table is one field
    counts = [
        len(row) - 1 for row in csv.reader(lines, delimiter=mark) if any(c.strip() for c in row)
    ]
    if not counts or max(counts) == 0:
        return (0.0, 0)
    common = max(set(counts), key=lambda n: (counts.count(n), n))
    return (counts.count(common) / len(counts) if common else 0.0, common)


def _rows(text: str, dialect: _Dialect) -> csv._reader:  # type: ignore[name-defined]
    csv.field_size_limit(1 << 28)
    return csv.reader(
        io.StringIO(text, newline=""),
        delimiter=dialect.delimiter,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )


def _after_lines(data: pa.Buffer, lines: int) -> pa.Buffer:
    """Return what follows the first physical lines (ended by LF, CR LF or CR)."""
    raw = data[: min(4 << 20, data.size)].to_pybytes()
    at = 0
    for line in raw.splitlines(keepends=True)[:lines]:
        at += len(line)
    return data[at:]


def _body(
    body: pa.Buffer, width: int, dialect: _Dialect, name: str
) -> tuple[list[pa.ChunkedArray], list[str]]:
    """Parse the data rows: in one go when they are even, else row by row."""
    if body.size == 0:
        return [pa.chunked_array([cell_array([])]) for _ in range(width)], []
    if dialect.quote and _odd_quotes(body):
        _check_last_quote(body, dialect, name)
    try:
        table = pacsv.read_csv(pa.BufferReader(body), **_options(width, dialect, _ENCODED))
    except pa.ArrowException:
        table = None
    if table is None:
        # Outside the handler: Arrow's message quotes the row, it must not become a context.
        return _uneven(body, width, dialect, name)
    return text_columns([table.column(str(i)) for i in range(width)]), []


def _odd_quotes(body: pa.Buffer) -> bool:
    """Whether the number of quotation marks is odd: one may not be closed."""
    step = 1 << 24
    marks = np.frombuffer(body, np.uint8)
    counts = (np.count_nonzero(marks[i : i + step] == ord('"')) for i in range(0, len(marks), step))
    return bool(sum(counts) % 2)


def _check_last_quote(body: pa.Buffer, dialect: _Dialect, name: str) -> None:
    """Refuse a quote that is never closed: all rows behind it would be one cell."""
    text = body.to_pybytes().decode("utf-8").replace("\x00", "")
    reader = _rows(text, dialect)
    begin = end = 0
    try:
        for _ in reader:
            begin, end = end, reader.line_num
    except csv.Error:
        raise _broken(name) from None
    last = "".join(io.StringIO(text, newline="").readlines()[begin:])
    strict = csv.reader(io.StringIO(last, newline=""), delimiter=dialect.delimiter, strict=True)
    try:
        list(strict)
    except csv.Error:
        raise SourceError(
            f"{name}: a quote in data line {begin + 1} is never closed",
            hint="Close it, or double it where it belongs to the text",
        ) from None


def _uneven(
    body: pa.Buffer, width: int, dialect: _Dialect, name: str
) -> tuple[list[pa.ChunkedArray], list[str]]:
    """Parse rows of differing length: pad short ones, refuse cells beyond the header."""
    short = 0
    rows: list[list[str]] = []
    reader = _rows(body.to_pybytes().decode("utf-8").replace("\x00", ""), dialect)
    try:
        for row in reader:
            if any(cell.strip() for cell in row[width:]):
                raise SourceError(
                    f"{name}: data line {reader.line_num} has {len(row)} values for "
                    f"{width} columns",
                    hint="Quote values that hold the delimiter, and name every column",
                )
            if not any(row):
                continue
            short += len(row) < width
            rows.append([*row[:width], *[""] * (width - len(row))])
    except csv.Error:
        raise _broken(name) from None
    found = [f"{name}: {counted(short, 'row')} shorter than the header"] if short else []
    return [pa.chunked_array([cell_array(c)]) for c in _transposed(rows, width)], found


def _transposed(rows: list[list[str]], width: int) -> Iterator[Iterator[str]]:
    return ((row[i] for row in rows) for i in range(width))

"""What is done with one input, by target. No fuzzer is needed to call these.

A target returns nothing and raises what is a finding: an `AssertionError` of its own, or
any error that the code under test should have turned into a reason.
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import zlib
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, os.fspath(Path(__file__).resolve().parents[1] / "tests" / "sources"))

from limits import WatchedFile, limited
from reader_agreement import agree, reader_over, texts_of

from midi_risk.errors import SourceError
from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.header import Header, Noticed
from midi_risk.sources.dicom.payloads import notice_payloads
from midi_risk.sources.dicom.streams import CONTENT, WALKS, Window, walk_jpeg
from midi_risk.sources.dicom.text import RawHeader
from midi_risk.sources.files import archives
from midi_risk.sources.files.bounded import HEAD
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.model import FileStatus
from midi_risk.sources.scan import one_file
from midi_risk.sources.scan.columns import attribute_columns
from midi_risk.sources.scan.workers import read_chunk
from midi_risk.sources.tables.json import read_json

HOLE = 48 << 20
MOST_MEMBERS = 64
RECENT = 3000

CHUNK = 16

_PARSER = PrefixParser()
_chunk: list[RawHeader] = []
_SCRATCH = Path(tempfile.mkdtemp(prefix="fuzz-"))
recent: deque[bytes] = deque(maxlen=RECENT)
"""Inputs that the long-lived parser met last, for findings that depend on them."""

tally: Counter[str] = Counter()
"""How many inputs came how far."""


def one_header(data: bytes) -> None:
    """Both readers on one header: by a new parser, again, and by one that met many."""
    recent.append(data)
    with limited():
        fresh = PrefixParser()
        watched = WatchedFile(data)
        first = agree(fresh, data, watched)
        assert agree(fresh, data, watched) == first, "taken once and declined once"
        agree(_PARSER, data, watched)
        if first:
            one_chunk(data)
    tally["taken" if first else "declined"] += 1


def one_chunk(data: bytes) -> None:
    """Columns of a chunk, which are decoded together, hold what each file's own do."""
    header = _PARSER.parse(data[:HEAD], reader_over(data), len(data))
    if header is not None:
        _chunk.append(header)
    if len(_chunk) == CHUNK:
        columns = attribute_columns(_chunk)
        for at, alone in enumerate(map(texts_of, _chunk)):
            here = {name: column.text(at) for name, column in columns.items()}
            held = {name: text for name, text in here.items() if text is not None}
            assert held == alone, "another value in a chunk"
        _chunk.clear()


def one_whole_file(data: bytes) -> None:
    """One file as a scan reads it; one in eight with 48 MB of zero bytes behind it, too."""
    for hole in (0, HOLE) if zlib.adler32(data) % 8 == 0 else (0,):
        watched = WatchedFile(data, hole)
        listed = Listed(path=b"x", shown="x", size=watched.size)
        with limited():
            record = one_file.read_content(listed, watched, watched.size, payloads=True)
            if record.header is not None:
                texts_of(record.header)
        tally[record.status.value] += 1
        assert isinstance(record.status, FileStatus)
        assert (record.reason == "") == (record.status is FileStatus.READ), record.reason
        assert record.reason.isprintable()
        assert "memory" not in record.reason, record.reason
        assert watched.calls < 20_000, f"{watched.calls} reads"


def one_archive(data: bytes) -> None:
    """One archive, listed and read member by member, under the name that fits its bytes."""
    for ending in (".zip", ".tar", ".tar.gz"):
        path = _SCRATCH / f"{os.getpid()}{ending}"
        path.write_bytes(data)
        kind = archives.archive_kind(os.fsencode(path))
        if kind is None:
            continue
        about = path.stat()
        listed = Listed(
            path=os.fsencode(path), shown="a", size=about.st_size, mtime=about.st_mtime_ns
        )
        with limited():
            members = []
            for member in archives.list_members(listed, kind):
                assert member.shown.isprintable()
                name = member.shown.partition("!/")[2]
                assert member.reason or not archives.unsafe_name(name), name
                members.append(member)
                if len(members) >= MOST_MEMBERS:
                    break
            assert members, "an archive without any account"
            batch = read_chunk(members, payloads=True)
        assert batch.num_rows == len(members)
        tally[kind] += 1
        tally["members"] += len(members)
        archives._zip_opened.cache_clear()  # noqa: SLF001 - the next input has the same name


def one_json(data: bytes) -> None:
    """One JSON document or one a line: read, or refused with one line."""
    path = _SCRATCH / f"{os.getpid()}.json"
    path.write_bytes(data)
    try:
        with limited():
            table = read_json(path)
    except SourceError as error:
        assert str(error).isprintable()  # noqa: PT017
        tally["refused"] += 1
        return
    tally["read"] += 1
    assert table.rows.num_rows >= 1
    assert len(set(table.rows.column_names)) == table.rows.num_columns


def one_payload(data: bytes) -> None:
    """One embedded payload by itself, in a fragment, and as a document of a file."""
    tally["inputs"] += 1
    padded = data + b"\0" * (len(data) % 2)
    whole = Window(lambda at, count: padded[at : at + count], [(0, len(padded))])
    with limited():
        by_jpeg = walk_jpeg(whole) & CONTENT
        for walk in dict.fromkeys(WALKS.values()):
            walk(whole)
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0" + bytes(4)
    pixels += b"\xfe\xff\x00\xe0" + struct.pack("<I", len(padded)) + padded
    pixels += b"\xfe\xff\xdd\xe0" + bytes(4)
    content = bytes(128) + b"DICM" + pixels
    for syntax in [*WALKS, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1", "1.2.3"]:
        watched = WatchedFile(content)
        header = Header(values={"TransferSyntaxUID": syntax}, pixels_at=132)
        header.values["SOPClassUID"] = "1.2.840.10008.5.1.4.1.1.104.1"
        with limited():
            notice_payloads(header, watched, watched.size, 132)
        if syntax == "1.2.840.10008.1.2.4.50" and data.startswith(b"\xff\xd8"):
            # a frame may be noticed for what stands behind its stream's end, too
            assert header.noticed & Noticed.JPEG_METADATA or not by_jpeg
        assert watched.calls < 1000


TARGETS: dict[str, Callable[[bytes], None]] = {
    "header": one_header,
    "file": one_whole_file,
    "archive": one_archive,
    "json": one_json,
    "payload": one_payload,
}

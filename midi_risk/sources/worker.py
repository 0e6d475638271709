"""A worker process: takes chunks of paths on its standard input, returns Arrow batches.

Started by `pool` with ``python -c``, so that it imports nothing of the program that
started it and needs no guard in the user's script. A frame is eight bytes of length and
a content: JSON on the way in, an Arrow stream on the way out.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from midi_risk.sources.chunks import read_chunk
from midi_risk.sources.items import sequence_tags
from midi_risk.sources.listing import Listed, printable
from midi_risk.sources.nested import identifying_concepts, nested_tags
from midi_risk.sources.private_safe import safe_private_elements

_LENGTH = struct.Struct("<Q")


def write_frame(stream: BinaryIO, content: bytes | pa.Buffer) -> None:
    """Write one frame."""
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the content of the next frame, None when the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def pack_task(files: Sequence[Listed], *, payloads: bool) -> bytes:
    """Return a chunk of files as the content of a frame."""
    rows = []
    for item in files:
        shown = item.shown if item.inside or item.reason else ""
        about = (item.size, item.mtime, item.reason, item.harmless, item.inside, shown)
        rows.append((item.path.decode("latin-1"), *about))
    return json.dumps({"payloads": payloads, "files": rows}).encode()


def unpack_task(content: bytes) -> tuple[list[Listed], bool]:
    """Return the files of a frame and whether payloads are wanted."""
    task: dict[str, Any] = json.loads(content)
    files = []
    for path, size, mtime, reason, harmless, inside, shown in task["files"]:
        raw = path.encode("latin-1")
        files.append(
            Listed(
                path=raw,
                shown=shown or printable(raw),
                size=size,
                mtime=mtime,
                reason=reason,
                harmless=harmless,
                inside=inside,
            )
        )
    return files, task["payloads"]


def pack_batch(batch: pa.RecordBatch) -> pa.Buffer:
    """Return a batch as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def unpack_batch(content: bytes) -> pa.RecordBatch:
    """Return the batch of an Arrow stream."""
    with pa.ipc.open_stream(content) as reader:
        return reader.read_next_batch()


def serve() -> None:
    """Answer chunks until the standard input ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    nested_tags(), sequence_tags(), safe_private_elements(), identifying_concepts()
    write_frame(out, b"ready")
    while (content := read_frame(sys.stdin.buffer)) is not None:
        files, payloads = unpack_task(content)
        write_frame(out, pack_batch(read_chunk(files, payloads=payloads)))

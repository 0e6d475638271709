"""NIfTI images copied without the texts that their headers and containers hold."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from midi_risk.errors import MidiRiskError
from midi_risk.export.tables import private

_PIECE = 1 << 20
_LONGEST_EXTENSION = 64 << 20


class NotCopiedError(MidiRiskError):
    """An image cannot be copied; the message is a fixed phrase."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the fields of a header lie (NIfTI-1.1 and NIfTI-2 standards)."""

    size: int
    dims: tuple[int, str]
    bits: int
    offset: tuple[int, str]
    intent: tuple[int, str]
    intent_name: slice
    texts: tuple[slice, ...]
    magic: slice
    single: bytes


_ONE = _Layout(
    size=348,
    dims=(40, "8h"),
    bits=72,
    offset=(108, "f"),
    intent=(68, "h"),
    intent_name=slice(328, 344),
    texts=(slice(4, 14), slice(14, 32), slice(148, 228), slice(228, 252)),
    magic=slice(344, 348),
    single=b"n+1\0",
)
_TWO = _Layout(
    size=540,
    dims=(16, "8q"),
    bits=14,
    offset=(168, "q"),
    intent=(504, "i"),
    intent_name=slice(508, 524),
    texts=(slice(240, 320), slice(320, 344), slice(525, 540)),
    magic=slice(4, 12),
    single=b"n+2\0\r\n\x1a\n",
)
_CIFTI = range(3000, 3100)


def copy_nifti(path: Path, target: Path) -> bool:
    """Copy one NIfTI image: voxels as they are, no text, no extension, nothing behind them.

    Parameters
    ----------
    path : pathlib.Path
        ``.nii`` or ``.nii.gz``; an empty file is copied empty.
    target : pathlib.Path
        New file.

    Returns
    -------
    bool
        Whether there was a text or an extension, which is not in the copy.

    Raises
    ------
    NotCopiedError
        When it is no single-file image, is cut short, or needs its extension (CIFTI).

    Notes
    -----
    Cleared are ``descrip``, ``aux_file``, ``db_name``, ``data_type`` and, without an
    intent, ``intent_name``. The name and time inside a gzip container are not kept.
    """
    if not path.stat().st_size:
        with private(target):
            return False
    packed = path.name.casefold().endswith(".gz")
    try:
        opened = cast("IO[bytes]", gzip.open(path) if packed else path.open("rb"))  # noqa: SIM115
        with opened as source:
            header, layout, order = _header(source)
            had_text = _clear(header, layout, order)
            skipped = _to_voxels(source, header, layout, order)
            with _new(target, packed=packed) as handle:
                handle.write(bytes(header) + bytes(4))
                for piece in _voxels(source, header, layout, order):
                    handle.write(piece)
    except (EOFError, gzip.BadGzipFile, struct.error, ValueError) as error:
        target.unlink(missing_ok=True)
        raise NotCopiedError("a damaged image") from error
    except NotCopiedError:
        target.unlink(missing_ok=True)
        raise
    return had_text or skipped


@contextmanager
def _new(target: Path, *, packed: bool) -> Iterator[IO[bytes]]:
    with private(target) as handle:
        if not packed:
            yield handle
            return
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=handle, mtime=0) as inner:
            yield inner  # type: ignore[misc]


def _header(source: IO[bytes]) -> tuple[bytearray, _Layout, str]:
    first = source.read(4)
    for layout in (_ONE, _TWO):
        for order in "<>":
            if first == struct.pack(f"{order}i", layout.size):
                header = bytearray(first + source.read(layout.size - 4))
                if len(header) == layout.size and header[layout.magic] == layout.single:
                    return header, layout, order
                raise NotCopiedError("not a NIfTI image in one file")
    raise NotCopiedError("not a NIfTI image in one file")


def _field(header: bytearray, at: tuple[int, str], order: str) -> tuple[float, ...]:
    return struct.unpack_from(order + at[1], header, at[0])


def _clear(header: bytearray, layout: _Layout, order: str) -> bool:
    """Clear the texts of a header; tell whether there was one."""
    (intent,) = _field(header, layout.intent, order)
    if int(intent) in _CIFTI:
        raise NotCopiedError("a CIFTI image: it is nothing without its extension, which is text")
    places = layout.texts if intent else (*layout.texts, layout.intent_name)
    found = False
    for place in places:
        found = found or any(header[place])
        header[place] = bytes(place.stop - place.start)
    return found


def _to_voxels(source: IO[bytes], header: bytearray, layout: _Layout, order: str) -> bool:
    """Move to the voxels, which follow the header at once in the copy; tell of extensions."""
    (offset,) = _field(header, layout.offset, order)
    start = layout.size + 4
    gap = int(offset) - layout.size
    if not 0 <= gap <= _LONGEST_EXTENSION:
        raise NotCopiedError("a damaged image")
    between = source.read(gap)
    if len(between) < gap:
        raise NotCopiedError("a damaged image")
    struct.pack_into(order + layout.offset[1], header, layout.offset[0], start)
    return any(between)


def _voxels(source: IO[bytes], header: bytearray, layout: _Layout, order: str) -> Iterator[bytes]:
    dims = [int(d) for d in _field(header, layout.dims, order)]
    (bits,) = _field(header, (layout.bits, "h"), order)
    if not 1 <= dims[0] <= 7 or any(d < 1 for d in dims[1 : dims[0] + 1]):
        raise NotCopiedError("a damaged image")
    left = int(bits)
    for size in dims[1 : dims[0] + 1]:
        left *= size
    left = -(-left // 8)
    while left:
        piece = source.read(min(left, _PIECE))
        if not piece:
            raise NotCopiedError("a damaged image")
        left -= len(piece)
        yield piece

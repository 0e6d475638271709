"""Texts in the headers of NIfTI images, which stand beside the voxels and leave with them.

`descrip`, `aux_file`, `db_name`, `data_type` and `intent_name` are free texts; an extension is
bytes of any kind; a gzip container holds the name of the file that was packed.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

_MOST = 8192
_HEAD = 1024


@dataclass(frozen=True, slots=True)
class _Fields:
    """Where the texts of a header lie (NIfTI-1.1 and NIfTI-2 standards)."""

    size: int
    offset: tuple[int, str]
    texts: dict[str, slice]


_ONE = _Fields(
    size=348,
    offset=(108, "f"),
    texts={
        "data_type": slice(4, 14),
        "db_name": slice(14, 32),
        "descrip": slice(148, 228),
        "aux_file": slice(228, 252),
        "intent_name": slice(328, 344),
    },
)
_TWO = _Fields(
    size=540,
    offset=(168, "q"),
    texts={
        "descrip": slice(240, 320),
        "aux_file": slice(320, 344),
        "intent_name": slice(508, 524),
    },
)
_PROGRAM = re.compile(
    rb"(?:FSL|SPM|FreeSurfer|ANTs|AFNI|nibabel|NiftyReg|ITK|Mrtrix|dcm2niix|c3d|MIPAV|3D Slicer)"
    rb"[ a-zA-Z]{0,12}[0-9.:v ]{0,16}[a-f0-9]{0,12}|[0-9]\.[0-9]\.[0-9]{1,2}(?::[a-f0-9]{0,10})?",
    re.IGNORECASE,
)
"""What programs write about themselves."""


def texts_in_header(path: Path) -> tuple[str, ...]:
    r"""Return which texts the header of an image holds, by the names of its fields.

    Parameters
    ----------
    path : pathlib.Path
        ``.nii`` or ``.nii.gz``.

    Returns
    -------
    tuple of str
        Fields with a text that no program is known to write; ``extensions``; ``name in gzip``; and
        ``header`` where it cannot be read. Never the texts.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = Path(folder, "a.nii")
    ...     _ = image.write_bytes(struct.pack("<i", 348).ljust(148, b"\0") + b"Jane".ljust(300))
    ...     texts_in_header(image)
    ('descrip',)
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(_MOST)
    except OSError:
        return ("header",)
    found = []
    if head[:2] == b"\x1f\x8b":
        if head[3:4] and head[3] & 0x08:
            packed_as = head[10:].partition(b"\0")[0].decode("latin-1")
            found += ["name in gzip"] if packed_as not in {path.name, path.stem} else []
        try:
            head = zlib.decompressobj(31).decompress(head, _HEAD)
        except zlib.error:
            return ("header",)
    return (*found, *_in(head)) if head else tuple(found)


def _in(head: bytes) -> list[str]:
    """Return the fields of a plain header that hold a text."""
    for fields in (_ONE, _TWO):
        for order in "<>":
            if head[:4] != struct.pack(f"{order}i", fields.size):
                continue
            found = [
                name
                for name, place in fields.texts.items()
                if (text := head[place].strip(b"\0 ")) and not _PROGRAM.fullmatch(text)
            ]
            at, kind = fields.offset
            if len(head) >= fields.size:
                (offset,) = struct.unpack_from(order + kind, head, at)
                further = head[fields.size : fields.size + 1] not in {b"", b"\0"}
                found += ["extensions"] if further and offset > fields.size + 4 else []
            return found
    return ["header"]

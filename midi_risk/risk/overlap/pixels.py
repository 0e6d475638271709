"""The same images on two sides: digests of pixel data as it stands in the file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path

from midi_risk.risk.overlap.sides import Side
from midi_risk.sources.files.archives import ArchiveError, open_zip_member
from midi_risk.sources.files.bounded import ReadAt, reader_of
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.run import objects_in

_PIXELS = "PixelData"
_LARGEST = 2 << 30


def pixel_digests(
    files: Iterable[str | Path], owner_of: Callable[[str], str | None]
) -> dict[bytes, str]:
    """Return the digest of the pixel data of each object, and whose it is.

    An object whose bytes are all the same tells nothing and is left out, as are images that
    several people have.

    Parameters
    ----------
    files : iterable of str or Path
        Folders, archives and files.
    owner_of : callable
        PatientID -> subject, None for somebody who is not in question.
    """
    import pydicom  # noqa: PLC0415 - no other comparison reads a file
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415

    found: dict[bytes, str] = {}
    shared: set[bytes] = set()
    for item in objects_in(list(files)):
        if item.size > _LARGEST:
            continue
        try:
            dataset = pydicom.dcmread(BytesIO(_content(item)), specific_tags=["PatientID", _PIXELS])
            owner = owner_of(str(dataset.get("PatientID", "")).strip())
            value = dataset.get(_PIXELS)
        except (OSError, ArchiveError, InvalidDicomError, ValueError, KeyError, AttributeError):
            continue
        if owner is None or not value or value.count(value[:1]) == len(value):
            continue
        digest = hashlib.sha256(value.rstrip(b"\0")).digest()
        if found.setdefault(digest, owner) != owner:
            shared.add(digest)
    return {digest: owner for digest, owner in found.items() if digest not in shared}


def _content(item: Listed) -> bytes:
    """Return the bytes of a file, also of a member of an archive."""
    if item.inside.startswith("zip:"):
        return _whole(open_zip_member(item), item.size)
    descriptor = os.open(item.path, os.O_RDONLY)
    try:
        base = int(item.inside.split(":")[1]) if item.inside.startswith("tar:") else 0
        return _whole(reader_of(descriptor, base, item.size), item.size)
    finally:
        os.close(descriptor)


def _whole(read_at: ReadAt, size: int) -> bytes:
    """Return all bytes that a positioned reader has."""
    parts, at = [], 0
    while at < size:
        part = read_at(at, size - at)
        if not part:
            break
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def same_images(ours: Side, theirs: Side) -> Mapping[str, str] | None:
    """Return who of ours has an image that somebody there has; None without images on both sides.

    Parameters
    ----------
    ours, theirs : Side
    """
    if not ours.files or not theirs.files:
        return None
    here = pixel_digests(ours.files, _owners(ours))
    there = pixel_digests(theirs.files, _owners(theirs))
    if not here or not there:
        return None
    return {owner: there[digest] for digest, owner in here.items() if digest in there}


def _owners(side: Side) -> Callable[[str], str | None]:
    """Return who has a PatientID on a side."""
    if isinstance(side.rows, Path):
        return lambda key: key
    keys = side.rows.column("key").to_pylist()
    owners = dict(zip(keys, side.rows.column("subject").to_pylist(), strict=True))
    return owners.get

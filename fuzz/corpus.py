"""First inputs of each target, from real files."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pydicom
from pydicom.encaps import generate_fragments

from midi_risk.sources.dicom.careful import UnreadableError, read_full
from midi_risk.sources.files.bounded import reader_of
from midi_risk.sources.files.sniff import Sniffed, sniff

MOST = 1 << 16
_PIXELS = 256


def folders(given: Sequence[Path]) -> list[Path]:
    """Return pydicom's own files, those of pydicom-data where installed, and the given ones."""
    found = [Path(pydicom.__file__).parent / "data"]
    spec = importlib.util.find_spec("data_store")
    if spec is not None and spec.origin:
        found.append(Path(spec.origin).parent)
    return [*found, *given]


def files(given: Sequence[Path]) -> Iterator[Path]:
    """Yield every file below."""
    for folder in folders(given):
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def shortened(path: Path) -> bytes | None:
    """Return a DICOM file with its pixel data cut to a few bytes, None when still too long."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        read_at = reader_of(descriptor)
        kind, start = sniff(read_at(0, 1024), size)
        if kind not in {Sniffed.DICOM, Sniffed.BARE}:
            return None
        if size <= MOST // 4:
            return read_at(0, size)
        try:
            at = read_full(read_at, size, start).pixels_at
        except UnreadableError:
            return None
        if at is None:
            return read_at(0, size) if size <= MOST else None
        if at > MOST - 1024:
            return None
        content = bytearray(read_at(0, at + 12))
        for wide, where in ((True, at + 8), (False, at + 4)):
            explicit = bytes(content[at + 4 : at + 6]) in {b"OB", b"OW", b"UN"}
            length = struct.unpack_from("<I", content, where)[0]
            if wide == explicit and length != 0xFFFFFFFF:
                struct.pack_into("<I", content, where, _PIXELS)
        return bytes(content) + read_at(at + 12, _PIXELS)
    finally:
        os.close(descriptor)


def headers(given: Sequence[Path]) -> Iterator[bytes]:
    """Yield real files with short pixel data."""
    for path in files(given):
        content = shortened(path)
        if content is not None:
            yield content


def archives(given: Sequence[Path]) -> Iterator[bytes]:
    """Yield small archives of each kind with a file or two in them."""
    small = [content for content in headers(given) if len(content) < 4000][:12]
    for number, content in enumerate(small):
        for how in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w", how) as opened:
                opened.writestr("a/x.dcm", content)
                opened.writestr(f"../{number}", b"y")
            yield out.getvalue()
        for mode in ("w", "w:gz"):
            for layout in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
                out = io.BytesIO()
                with tarfile.open(fileobj=out, mode=mode, format=layout) as packed:
                    info = tarfile.TarInfo(
                        "a/" + "x" * (60 + 60 * (layout != tarfile.USTAR_FORMAT)) + "\u00e9.dcm"
                    )
                    info.size = len(content)
                    packed.addfile(info, io.BytesIO(content))
                    link = tarfile.TarInfo("link")
                    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
                    packed.addfile(link)
                yield out.getvalue()


def documents(given: Sequence[Path]) -> Iterator[bytes]:
    """Yield JSON documents: what pydicom writes, and the other forms that are read."""
    for content in headers(given):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ds = pydicom.dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
                text = json.dumps([ds.to_json_dict()]).encode()
            except Exception:  # noqa: BLE001, S112 - not every file can be written as JSON
                continue
        if len(text) < MOST // 4:
            yield text
    orthanc = {"ID": "x", "PatientMainDicomTags": {"PatientID": "1"}, "MainDicomTags": {}}
    image_set = {
        "Patient": {"DICOM": {"PatientID": "1"}},
        "Study": {"DICOM": {}, "Series": {"1": {"DICOM": {}, "Instances": {"2": {"DICOM": {}}}}}},
    }
    full = {"a": {"0010,0020": {"Name": "PatientID", "Type": "String", "Value": "1"}}}
    for document in (orthanc, [orthanc], image_set, full, [{"PatientID": "1", "Age": 3}]):
        yield json.dumps(document).encode()


def payloads(given: Sequence[Path]) -> Iterator[bytes]:
    """Yield the beginnings of compressed frames, and streams with metadata."""
    for path in files(given):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                ds = pydicom.dcmread(path)
                if ds.file_meta.TransferSyntaxUID.is_compressed:
                    yield from (part[:2048] for part in list(generate_fragments(ds.PixelData))[:3])
            except Exception:  # noqa: BLE001, S112 - only files with fragments are of use
                continue
    yield b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\0*\0\0\0\x08\xff\xda\x00\x02"
    boxes = struct.pack(">I4s", 12, b"jP  ") + b"\r\n\x87\n"
    boxes += struct.pack(">I4sI4s", 24, b"jp2h", 16, b"colr") + b"\x02\0\0ICC\0\0"
    yield boxes + struct.pack(">I4sQ", 1, b"jp2c", 24) + b"\xff\x4f\xff\x51\x00\x04\0\0"
    yield b"%PDF-1.4 1 0 obj << /Author (x) >> endobj"


SEEDS = {
    "header": headers, "file": headers, "archive": archives, "json": documents,
    "payload": payloads,
}  # fmt: skip


def write_seeds(target: str, given: Sequence[Path], into: Path) -> int:
    """Write the first inputs of a target into a folder; return their number."""
    into.mkdir(parents=True, exist_ok=True)
    count = 0
    for content in SEEDS[target](given):
        name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        (into / name).write_bytes(content)
        count += 1
    return count

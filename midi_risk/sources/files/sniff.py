"""What a file is, from its first bytes, before anything tries to parse it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

EMPTY = "empty file"
"""Reason of a file without bytes where an instance is to be expected."""

_DICOM_ENDINGS = (".dcm", ".dicom", ".ima")
_PLAIN_NAMES = frozenset(
    {"authors", "changelog", "changes", "copying", "done", "license", "notice", "readme", "success"}
)


def named_like_dicom(path: str) -> bool:
    """Whether a file's name is one that instances have: .dcm, .dicom, .ima, digits or no suffix.

    An empty file with such a name is an instance lost, not something else. Names that
    stand for texts and marks of completion are none.

    Examples
    --------
    >>> [named_like_dicom(name) for name in ("a/b.dcm", "IMAGE", "1.2.840.1", "notes.txt")]
    [True, True, True, False]
    >>> named_like_dicom(".done"), named_like_dicom("LICENSE")
    (False, False)
    """
    name = path.replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        return name.lower().lstrip("_") not in _PLAIN_NAMES
    return bool(stem) and (suffix.isdigit() or name.lower().endswith(_DICOM_ENDINGS))


class Sniffed(StrEnum):
    """Kinds of content that the first bytes tell apart."""

    DICOM = "DICOM"
    BARE = "DICOM without its meta header"
    EMPTY = "an empty file"
    GZIP = "gzip data"
    ZIP = "a zip archive"
    TAR = "a tar archive"
    SEVEN_ZIP = "a 7-Zip archive"
    BZIP2 = "bzip2 data"
    XZ = "xz data"
    ZSTD = "Zstandard data"
    PDF = "a PDF document"
    PNG = "a PNG image"
    JPEG = "a JPEG image"
    JPEG2000 = "a JPEG 2000 image"
    GIF = "a GIF image"
    BMP = "a BMP image"
    TIFF = "a TIFF image"
    NIFTI = "a NIfTI image"
    NRRD = "an NRRD image"
    ANALYZE = "an Analyze image"
    MINC = "HDF5 data"
    XML = "an XML document"
    HTML = "an HTML document"
    JSON = "a JSON document"
    PARQUET = "a Parquet table"
    SQLITE = "an SQLite database"
    EXECUTABLE = "an executable"
    TEXT = "a text file"
    UNKNOWN = "content of an unknown kind"


_MAGIC = (
    (0, b"\x1f\x8b", Sniffed.GZIP),
    (0, b"PK\x03\x04", Sniffed.ZIP),
    (0, b"PK\x05\x06", Sniffed.ZIP),
    (257, b"ustar", Sniffed.TAR),
    (0, b"7z\xbc\xaf\x27\x1c", Sniffed.SEVEN_ZIP),
    (0, b"BZh", Sniffed.BZIP2),
    (0, b"\xfd7zXZ\0", Sniffed.XZ),
    (0, b"\x28\xb5\x2f\xfd", Sniffed.ZSTD),
    (0, b"%PDF-", Sniffed.PDF),
    (0, b"\x89PNG\r\n\x1a\n", Sniffed.PNG),
    (0, b"\xff\xd8\xff", Sniffed.JPEG),
    (0, b"\0\0\0\x0cjP  ", Sniffed.JPEG2000),
    (0, b"\xff\x4f\xff\x51", Sniffed.JPEG2000),
    (0, b"GIF8", Sniffed.GIF),
    (0, b"II*\0", Sniffed.TIFF),
    (0, b"MM\0*", Sniffed.TIFF),
    (0, b"II+\0", Sniffed.TIFF),
    (344, b"n+1\0", Sniffed.NIFTI),
    (344, b"ni1\0", Sniffed.NIFTI),
    (4, b"n+2\0", Sniffed.NIFTI),
    (0, b"NRRD", Sniffed.NRRD),
    (0, b"\x89HDF", Sniffed.MINC),
    (0, b"PAR1", Sniffed.PARQUET),
    (0, b"SQLite format 3\0", Sniffed.SQLITE),
    (0, b"\x7fELF", Sniffed.EXECUTABLE),
    (0, b"MZ", Sniffed.EXECUTABLE),
)

CONTAINERS: Mapping[Sniffed, tuple[str, ...]] = {
    Sniffed.GZIP: (".tar.gz", ".tgz"),
    Sniffed.ZIP: (".zip",),
    Sniffed.TAR: (".tar",),
    Sniffed.SEVEN_ZIP: (),
    Sniffed.BZIP2: (".tar.bz2",),
    Sniffed.XZ: (".tar.xz",),
    Sniffed.ZSTD: (),
}
"""Archives and compressed content -> endings by which a source is taken for images in one."""

_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")
_FIRST_GROUPS = frozenset({0x0002, 0x0004, 0x0008, 0x0010})
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN"
    b" UR US UT UV".split()
)


def _plausible_data_set(head: bytes, at: int) -> bool:
    """Whether a data set without meta header may begin at an offset."""
    if len(head) < at + 8:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[at : at + 2], order)
        element = int.from_bytes(head[at + 2 : at + 4], order)
        if group not in _FIRST_GROUPS or element > 0x2FFF:
            continue
        if head[at + 4 : at + 6] in _VRS:
            return True
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        if order == "little" and length <= 1024 and at + 8 + length <= max(len(head), at + 64):
            return True
    return False


def _looks_like_text(head: bytes) -> Sniffed | None:
    sample = head[:1024]
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in sample):
        return None
    start = sample.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:5].lower() in {b"<html", b"<!doc"}:
        return Sniffed.HTML
    if start[:1] == b"<":
        return Sniffed.XML
    if start[:1] in {b"{", b"["}:
        return Sniffed.JSON
    return Sniffed.TEXT


def sniff(head: bytes, size: int | None = None) -> tuple[Sniffed, int]:  # noqa: PLR0911
    r"""Return what a file is and where its DICOM elements begin.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; 512 are enough for every kind.
    size : int, optional
        Size of the whole file; the length of ``head`` when not given.

    Returns
    -------
    tuple of (Sniffed, int)
        The offset is 132 behind a preamble, 128 behind a preamble without its prefix,
        and 0 otherwise.

    Examples
    --------
    >>> sniff(bytes(128) + b"DICM")
    (<Sniffed.DICOM: 'DICOM'>, 132)
    >>> sniff(b"PatientID,Age\n")[0].value
    'a text file'
    """
    if not head or size == 0:
        return Sniffed.EMPTY, 0
    if head[128:132] == b"DICM":
        return Sniffed.DICOM, 132
    for offset, magic, kind in _MAGIC:
        if head.startswith(magic, offset):
            return kind, 0
    if head[:2] == b"BM" and len(head) > 30 and head[14:18] in {b"\x28\0\0\0", b"\x7c\0\0\0"}:
        return Sniffed.BMP, 0
    if head[:4] in {b"\x5c\x01\0\0", b"\0\0\x01\x5c"}:
        return Sniffed.ANALYZE, 0
    if _plausible_data_set(head, 0):
        return Sniffed.BARE, 0
    if not any(head[:128]) and _plausible_data_set(head, 128):
        return Sniffed.BARE, 128
    return _looks_like_text(head) or Sniffed.UNKNOWN, 0

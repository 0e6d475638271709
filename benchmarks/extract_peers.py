"""Other readers of headers, for `extract.py`: each returns 49 attributes of one file.

None of them is a dependency; one that is not installed is reported as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

from pydicom.datadict import tag_for_keyword

ReadOne = Callable[[str], object]

PIXELS = 0x7FE00010


def by_pydicom(attributes: Sequence[str]) -> ReadOne:
    """What everybody writes."""
    from pydicom import dcmread  # noqa: PLC0415

    def read(path: str) -> list[object]:
        ds = dcmread(path, stop_before_pixels=True)
        return [ds.get(name) for name in attributes]

    return read


def by_fw_file(attributes: Sequence[str]) -> ReadOne:
    """Flywheel's reader in Rust."""
    from fw_file_rs.dcm import parse_header, read_until_pixels  # noqa: PLC0415

    wanted = list(attributes)

    def read(path: str) -> object:
        return parse_header(read_until_pixels(path), wanted)

    return read


def by_dicomsdl(attributes: Sequence[str]) -> ReadOne:
    """A reader in C++."""
    import dicomsdl  # noqa: PLC0415

    def read(path: str) -> list[object]:
        ds = dicomsdl.open_file(path, load_until=PIXELS)
        return [getattr(ds, name) for name in attributes]

    return read


def by_gdcm(attributes: Sequence[str]) -> ReadOne:
    """The reader of many viewers, in C++; its strings are not decoded."""
    import gdcm  # noqa: PLC0415

    tags = [
        (number >> 16, number & 0xFFFF) for number in map(tag_for_keyword, attributes) if number
    ]
    wanted = [gdcm.Tag(group, element) for group, element in tags]
    end = gdcm.Tag(PIXELS >> 16, PIXELS & 0xFFFF)

    def read(path: str) -> list[str]:
        reader = gdcm.Reader()
        reader.SetFileName(path)
        if not reader.ReadUpToTag(end):
            raise ValueError("gdcm cannot read it")
        texts = gdcm.StringFilter()
        texts.SetFile(reader.GetFile())
        return [texts.ToString(tag) for tag in wanted]

    return read


PEERS = {
    "pydicom": ("pydicom", by_pydicom),
    "fw-file-rs": ("fw-file-rs", by_fw_file),
    "dicomsdl": ("dicomsdl", by_dicomsdl),
    "gdcm": ("python-gdcm", by_gdcm),
}


def peer(name: str, attributes: Sequence[str]) -> tuple[str, ReadOne] | None:
    """Return version and reader of a peer, None when it is not installed."""
    package, make = PEERS[name]
    try:
        return version(package), make(attributes)
    except ImportError:
        return None

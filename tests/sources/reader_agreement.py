"""Both readers on the same bytes: what the prefix parser takes, pydicom reads the same.

Used by the tests and by the fuzz targets (`fuzz/`).
"""

from __future__ import annotations

import warnings
from io import BytesIO

import pydicom
from pydicom.dataelem import RawDataElement

from midi_risk.sources.dicom.careful import UnreadableError, read_full
from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.header import Header, wanted_attributes
from midi_risk.sources.dicom.text import RawHeader
from midi_risk.sources.files.bounded import HEAD, ReadAt
from midi_risk.sources.files.sniff import Sniffed, sniff
from midi_risk.sources.scan.columns import attribute_columns


def texts_of(header: Header | RawHeader) -> dict[str, str]:
    """The texts of one header by keyword."""
    columns = attribute_columns([header])
    return {name: col.text(0) for name, col in columns.items() if col.text(0) is not None}


def reader_over(data: bytes) -> ReadAt:
    """A positioned reader over bytes."""
    return lambda offset, count: data[offset : offset + count]


def agree(parser: PrefixParser, data: bytes, read_at: ReadAt | None = None) -> bool:
    """Whether the prefix parser takes these bytes; asserts that pydicom reads the same."""
    read_at = read_at or reader_over(data)
    kind, start = sniff(data[:HEAD], len(data))
    if kind is not Sniffed.DICOM:
        return False
    fast = parser.parse(data[:HEAD], read_at, len(data))
    if fast is None:
        return False
    try:
        full = read_full(read_at, len(data), start)
    except UnreadableError as error:
        # pydicom gives up on a cut element header or an odd number before the pixels;
        # it has then read no value that could differ
        assert str(error).startswith("a damaged header"), str(error)  # noqa: PT017
        return True
    assert texts_of(fast) == texts_of(full), "another value"
    assert fast.noticed == full.noticed, f"noticed {fast.noticed:x}, not {full.noticed:x}"
    assert fast.flags == full.flags, f"flags {fast.flags}, not {full.flags}"
    assert_raw_values(fast, data)
    return True


def assert_raw_values(fast: RawHeader, data: bytes) -> None:
    """Assert that plain `pydicom.dcmread` finds the same bytes in the same elements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(BytesIO(data), stop_before_pixels=True, force=True)
        for tag, wanted in wanted_attributes().items():
            if wanted.vr == "SQ":
                continue
            source = ds.file_meta if tag >> 16 == 2 else ds
            there = tag in source
            assert there == (tag in fast.raws), f"{wanted.keyword} present: {there}"
            element = source.get_item(tag) if there else None
            if isinstance(element, RawDataElement):
                assert (element.value or b"") == fast.raws[tag], f"{wanted.keyword}: other bytes"

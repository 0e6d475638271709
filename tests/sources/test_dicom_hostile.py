"""Files made to cost time or memory: what comes before is kept, and the reason is said."""

from __future__ import annotations

import gc
import struct
import tracemalloc
import zlib

import pytest
from dicom_samples import element, encoded, sample, with_elements
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit
from reader_agreement import reader_over

from midi_risk.sources.dicom import careful, fast, payloads
from midi_risk.sources.files import bounded
from midi_risk.sources.files.bounded import BoundedFile
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.scan.one_file import FileRecord, read_content

GOOD = encoded(sample())
ITEM = b"\xfe\xff\x00\xe0" + bytes(4)
MANY = 3000
DESCENDING = element(0x0010, 0x2203, b"CS", b"ALTERED ")
"""Makes the prefix parser decline."""


@pytest.fixture(autouse=True)
def small_budget(monkeypatch):
    monkeypatch.setattr(bounded, "HEADER_BUDGET", 2000)
    monkeypatch.setattr(bounded, "_HOLE_LIMIT", 500)
    monkeypatch.setattr(fast, "_MOST_PRIVATE", 500)


def read(content: bytes, hole: int = 0) -> FileRecord:
    size = len(content) + hole

    def read_at(offset: int, count: int) -> bytes:
        there = content[offset : offset + count]
        return there + bytes(max(min(offset + count, size) - max(offset, len(content)), 0))

    return read_content(Listed(path=b"x", shown="x", size=size), read_at, size)


def sequence(content: bytes, *, length: int | None = None) -> bytes:
    return element(0x0040, 0xA730, b"SQ", content, length=length)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (sequence(ITEM * MANY) + DESCENDING, careful.TOO_MANY_ITEMS),
        (sequence(bytes(80_000)), "a damaged sequence, not searched"),
        (
            sequence(b"", length=0xFFFFFFFF) + ITEM * MANY,
            "a header of more than 2,000 elements, the rest not read",
        ),
        (
            b"".join(element(0x29 + 2 * (i >> 15), 0x1000 + (i & 0x7FFF), b"LO", b"")
                     for i in range(MANY)),
            "a header of more than 2,000 elements, the rest not read",
        ),
        (sequence(bytes(9 << 20)), "a sequence of more than 8 MB, not searched"),
    ],
    ids=["empty items", "zero items", "undefined length", "private", "large"],
)  # fmt: skip
def test_what_stands_before_too_many_elements_is_kept(extra, reason):
    record = read(with_elements(GOOD, extra))
    assert (record.status.value, record.reason) == ("flagged", reason)
    assert record.header.get("PatientID") == "P1"


def peak(items: int) -> int:
    """Least memory of three times, as the first ones may also fill caches."""
    content = with_elements(GOOD, sequence(ITEM * items))
    found = []
    for _ in range(3):
        gc.collect()
        tracemalloc.start()
        try:
            careful.read_full(reader_over(content), len(content), 132)
            found.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(found)


def test_the_budget_of_elements_keeps_memory_in_its_limit(monkeypatch):
    monkeypatch.undo()
    each = (peak(2 * MANY) - peak(MANY)) / MANY
    assert 0 < each * bounded.HEADER_BUDGET < 64 << 20


def test_zero_bytes_in_the_place_of_elements_end_a_header():
    record = read(GOOD[: GOOD.rindex(b"\xe0\x7f\x10\x00")], hole=48 << 20)
    assert (record.status.value, record.reason) == ("flagged", "zero bytes in place of elements")
    assert record.header.get("PatientID") == "P1"


def test_an_element_that_stands_twice_is_flagged():
    at = GOOD.index(b"\x10\x00\x20\x00LO")
    length = 8 + int.from_bytes(GOOD[at + 6 : at + 8], "little")
    record = read(GOOD[: at + length] + GOOD[at : at + length] + GOOD[at + length :])
    assert (record.status.value, record.reason) == (
        "flagged",
        "an element that stands twice, the last one read",
    )


def test_a_few_zero_bytes_behind_the_last_element_are_padding():
    record = read(GOOD[: GOOD.rindex(b"\xe0\x7f\x10\x00")], hole=2048)
    assert (record.status.value, record.reason) == ("read", "")


def deflated(preamble: bytes) -> bytes:
    whole = encoded(sample(), DeflatedExplicitVRLittleEndian, pixels=0)
    start = whole.index(b"DICM") + 4
    (length,) = struct.unpack_from("<I", whole, start + 8)
    end = start + 12 + length
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    plain = zlib.decompress(whole[end:], -zlib.MAX_WBITS)
    body = engine.compress(plain + bytes(100 << 20)) + engine.flush()
    return preamble + whole[start:end] + body


@pytest.mark.parametrize(
    "preamble", [bytes(128) + b"DICM", b"", bytes(128)], ids=["whole", "bare", "no prefix"]
)
def test_deflated_data_sets_expand_within_reason(preamble):
    record = read(deflated(preamble))
    assert record.status.value == "flagged"
    assert "zero bytes in place of elements" in record.reason
    assert record.header.get("PatientID") == "P1"


def test_more_fragments_than_anything_has_are_not_followed(monkeypatch):
    monkeypatch.setattr(payloads, "_FRAGMENTS", 1000)
    start = encoded(sample(), JPEGBaseline8Bit, pixels=0)
    start += b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    record = read(start + ITEM * 2000)
    assert (record.status.value, record.reason) == ("flagged", payloads.TOO_MANY)
    assert read(start + ITEM * 10 + b"\xfe\xff\xdd\xe0" + bytes(4)).reason == ""
    assert read(start + ITEM * 10).reason == payloads.TRUNCATED


def test_a_large_private_element_is_not_fetched():
    fetched = 0
    extra = element(0x0029, 0x0010, b"LO", b"V ") + element(0x0029, 0x1010, b"OB", bytes(10 << 20))
    content = with_elements(GOOD, extra + DESCENDING)

    def read_at(offset: int, count: int) -> bytes:
        nonlocal fetched
        data = content[offset : offset + count]
        fetched += len(data)
        return data

    record = read_content(Listed(path=b"x", shown="x"), read_at, len(content))
    assert record.status.value == "read"
    assert fetched < 1 << 20


def test_small_reads_come_from_one_stretch():
    calls = []
    content = bytes(range(256)) * 256

    def read_at(offset: int, count: int) -> bytes:
        calls.append((offset, count))
        return content[offset : offset + count]

    opened = BoundedFile(read_at, len(content))
    got = b"".join(opened.read(7) for _ in range(len(content) // 7))
    assert got == content[: len(got)]
    assert len(calls) < 10
    opened.seek(3)
    assert opened.read(20_000) == content[3:20_003]


def test_pixel_data_of_no_representation_are_no_fault_of_the_program():
    at = GOOD.rindex(b"\xe0\x7f\x10\x00OW")
    record = read(GOOD[: at + 4] + b"\xb0\xb0" + GOOD[at + 6 :])
    assert record.status.value in {"read", "flagged", "unreadable"}

"""Mutated files: no crash, no hang, and no value that pydicom reads differently."""

from __future__ import annotations

import struct

import pytest
from dicom_samples import element, encoded, sample, with_elements
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from reader_agreement import agree, reader_over

from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.text import element_text, element_texts
from midi_risk.sources.files.bounded import HEAD
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.scan.one_file import read_content


def _seed(syntax: str) -> bytes:
    code, item = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "DCM", "Lung"
    item.ConceptNameCodeSequence = Sequence([code])
    item.TextValue = "text"
    block = sample(ContentSequence=Sequence([item, item]), AnatomicRegionSequence=Sequence([code]))
    private = block.private_block(0x0029, "VENDOR", create=True)
    private.add_new(0x10, "OB", b"abcdef")
    return encoded(block, syntax)


SEEDS = [_seed(ExplicitVRLittleEndian), _seed(ImplicitVRLittleEndian)]
PARSER = PrefixParser()
INTERESTING = [0, 1, 2, 7, 8, 0x10, 0x20, 0x40, 0x7F, 0x80, 0xE0, 0xFE, 0xFF]

edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "delete", "length", "cut", "copy"]),
        st.integers(0, 4000),
        st.one_of(st.sampled_from(INTERESTING), st.integers(0, 255)),
    ),
    min_size=1,
    max_size=6,
)


def mutated(seed: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(seed)
    for kind, place, value in changes:
        at = 132 + place % max(len(data) - 132, 1)
        if kind == "set":
            data[at : at + 1] = bytes([value])
        elif kind == "insert":
            data[at:at] = bytes([value]) * (1 + value % 9)
        elif kind == "delete":
            del data[at : at + 1 + value % 9]
        elif kind == "length":
            data[at : at + 4] = struct.pack("<I", (value * 0x01010101) & 0xFFFFFFFF)
        elif kind == "cut":
            del data[at:]
        else:
            data[at:at] = data[at : at + value]
    return bytes(data)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), edits)
def test_no_mutation_is_read_differently_by_pydicom(seed, changes):
    data = mutated(seed, changes)
    PARSER.parse(seed[:HEAD], reader_over(seed), len(seed))
    agree(PARSER, data)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), edits, st.booleans())
def test_every_mutation_is_accounted_for(seed, changes, bare):
    data = mutated(seed, changes)
    data = data[132:] if bare else data
    listed = Listed(path=b"x", shown="x", size=len(data))
    record = read_content(listed, lambda o, n: data[o : o + n], len(data), payloads=True)
    assert record.status.value in {"read", "flagged", "not_dicom", "unreadable"}
    assert (record.reason == "") == (record.status.value == "read")


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=600))
def test_random_bytes_are_accounted_for(data):
    listed = Listed(path=b"x", shown="x", size=len(data))
    record = read_content(listed, lambda o, n: data[o : o + n], len(data))
    assert record.status.value in {"read", "flagged", "not_dicom", "unreadable"}


def test_a_character_set_of_another_representation_inside_a_sequence():
    nested = element(0x0008, 0x0005, b"SL", b"ISO 2022 IR 87\0\0") + element(
        0x0010, 0x0010, b"PN", b"A^B "
    )
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(nested)) + nested
    extra = element(0x0040, 0xA730, b"SQ", item)
    agree(PrefixParser(), with_elements(encoded(sample()), extra))


@pytest.mark.parametrize("vr", [b"UT", b"SQ", b"UC", b"UN", b"OW", b"CS"])
def test_pixel_data_of_another_representation(vr):
    content = encoded(sample(), pixels=0)
    agree(PrefixParser(), content + element(0x7FE0, 0x0010, vr, bytes(64)))


@pytest.mark.parametrize("value", [b"a\tb\r\n", b"\n1.2", b"1.2\t\\ \v1.3 \0", b"\xa01.2\x85"])
def test_white_space_around_an_identifier(value):
    value += b"\0" * (len(value) % 2)
    content = encoded(sample())
    old = element(0x0002, 0x0002, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0")
    assert old in content
    agree(PrefixParser(), content.replace(old, element(0x0002, 0x0002, b"UI", value)))


def test_white_space_around_identifiers_of_a_chunk():
    raws = [b"1.2\t", b"1.3\r", b"\xa01.4", b"1.5\\ \x1f1.6", b"1.7\0"]
    assert element_texts("UI", raws) == ["1.2", "1.3", "1.4", "1.5\\1.6", "1.7"]
    assert element_texts("UI", raws) == [element_text("UI", raw) for raw in raws]

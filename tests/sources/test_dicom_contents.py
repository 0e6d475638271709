"""What stands in an object: both readers tell every element at every depth, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from midi_risk.sources.dicom.careful import read_full
from midi_risk.sources.dicom.contents import lines_of
from midi_risk.sources.dicom.fast import PrefixParser
from midi_risk.sources.dicom.misfits import MISFITS
from midi_risk.sources.scan.scan import read_dicom

PUBLIC = {
    0x00080050: ("SH", ["A1", ""]),
    0x00081030: ("LO", ["brain", "HEAD NECK"]),
    0x00100010: ("PN", ["A^B", ""]),
    0x00101010: ("AS", ["034Y"]),
    0x00180022: ("CS", ["FS", "Jane Quimby", "JANE QUIMBY", "FREE BREATHING"]),
    0x00180050: ("DS", ["1.5\\2", "4471902.0"]),
    0x00181150: ("IS", ["1500", "19531107"]),
    0x00181200: ("DA", ["20200101", ""]),
    0x00189073: ("FD", [1.5]),
    0x00280010: ("US", [512]),
    0x00289002: ("UL", [7, 4471902]),
    0x00281201: ("OW", [b"\1\2\3\4"]),
    0x00420011: ("OB", [b"%PDF"]),
    0x50000010: ("US", [3]),
    0x50023000: ("OW", [b"\0\1"]),
    0x60000010: ("US", [5]),
    0x60020010: ("US", [5]),
    0x60023000: ("OW", [b"\0\1"]),
}
SEQUENCES = (0x00081140, 0x0040A730, 0x00400275, 0x00289145)
CREATORS = ("ACME 1.1", "SIEMENS CSA HEADER", "a/b|c]")
PRIVATE = {0x01: ("LO", "x"), 0x02: ("UN", b"Jane"), 0x10: ("OB", b"\1\2"), 0xFE: ("DS", "1.5")}


@st.composite
def data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """Return a data set with random elements, private blocks and nesting."""
    found = Dataset()
    for tag in draw(st.lists(st.sampled_from(sorted(PUBLIC)), unique=True, max_size=9)):
        vr, values = PUBLIC[tag]
        with disable_value_validation():
            found.add_new(tag, vr, draw(st.sampled_from(values)))
    for group in draw(st.lists(st.sampled_from([0x0009, 0x0029, 0x7FE1]), unique=True)):
        for creator in draw(st.lists(st.sampled_from(CREATORS), unique=True, max_size=2)):
            block = found.private_block(group, creator, create=True)
            for number in draw(st.lists(st.sampled_from(sorted(PRIVATE)), unique=True)):
                block.add_new(number, *PRIVATE[number])
            if depth and draw(st.booleans()):
                block.add_new(0x80, "SQ", ItemSequence([draw(data_sets(depth - 1))]))
        if draw(st.booleans()):
            found.add_new(group << 16 | 0x4001, "LO", "of nobody")
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCES), unique=True, max_size=2)):
            items = draw(st.lists(data_sets(depth - 1), max_size=2))
            found.add_new(tag, "SQ", ItemSequence(items))
            for item in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
            found[tag].is_undefined_length = draw(st.booleans())
    return found


def written(
    data_set: Dataset, *, implicit: bool, pixels: bool = False, used: bool = False
) -> bytes:
    data_set.PatientID = "p"
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )
    data_set.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data_set.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    if pixels:
        data_set.add_new(0x7FE00010, "OW", b"\0" * 8)
    data_set.preamble = b"II*\0".ljust(128, b"\0") if used else b"\0" * 128
    out = io.BytesIO()
    data_set.save_as(out, enforce_file_format=True)
    return out.getvalue()


def brute_force(content: bytes) -> set[tuple[tuple[Any, ...], str]]:
    """Walk all elements with pydicom alone; a part is a tag, or (creator, group, number)."""
    read = pydicom.dcmread(io.BytesIO(content))
    behind = [tag for tag in read if tag.tag > 0x7FE00010 and "PixelData" in read]
    for element in behind:
        del read[element.tag]
    found: set[tuple[tuple[Any, ...], str]] = set()

    def part(data_set: Dataset, tag: Any) -> Any:
        group, number = tag.group, tag.element
        if not group % 2:
            return f"{group >> 8:02X}xx{number:04X}" if group >> 8 in {0x50, 0x60} else int(tag)
        place = tag if 0x10 <= number <= 0xFF else (group << 16) + (number >> 8)
        creator = str(data_set[place].value) if place in data_set else None
        if creator is None:
            return int(tag)
        return creator, group, None if 0x10 <= number <= 0xFF else number % 256

    def walk(data_set: Dataset, path: tuple[Any, ...]) -> None:
        for element in data_set:
            own = part(data_set, element.tag)
            found.add(((*path, own), element.VR))
            if element.VR == "SQ":
                under = path if path and path[-1] == own else (*path, own)
                for item in element.value:
                    walk(item, under)

    walk(read.file_meta, ())
    walk(read, ())
    return found | ({(("trailing",), "--")} if behind else set())


def told(contents: str) -> set[tuple[tuple[Any, ...], str]]:
    """Return the lines of contents in the words of `brute_force`."""
    from urllib.parse import unquote

    def part(text: str) -> Any:
        tag, bracket, named = text.partition("[")
        if not bracket:
            return tag if "xx" in tag or tag == "trailing" else int(tag, 16)
        creator = unquote(named[:-1])
        if not creator:
            return int(tag, 16)
        group = int(tag[:4], 16)
        return creator, group, None if tag[4:] == "00xx" else int(tag[6:], 16)

    lines = [line for line in lines_of(contents) if line.vr not in MISFITS]
    return {(tuple(part(p) for p in line.path), line.vr) for line in lines}


def without_representations(found: set[tuple[tuple[Any, ...], str]]) -> set[tuple[Any, ...]]:
    return {path for path, _ in found}


def fast(parser: PrefixParser, content: bytes) -> str:
    def read_at(offset: int, count: int) -> bytes:
        return content[offset : offset + count]

    header = parser.parse(read_at(0, parser.head), read_at, len(content))
    assert header is not None, "the fast reader declined"
    return header.contents


def careful(content: bytes) -> str:
    return read_full(lambda at, n: content[at : at + n], len(content), 132).contents


PARSER = PrefixParser()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data_sets(), st.booleans(), st.booleans(), st.booleans())
def test_contents_equal_a_brute_force_walk(
    data_set: Dataset, implicit: bool, pixels: bool, used: bool
) -> None:
    with disable_value_validation():
        content = written(data_set, implicit=implicit, pixels=pixels, used=used)
        expected = brute_force(content)
    for _ in range(3):  # the second and third time by what the parser has learnt
        for contents in (fast(PARSER, content), careful(content)):
            assert set(contents.splitlines()) == set(careful(content).splitlines())
            plain = "\n".join(line for line in contents.splitlines() if line != "preamble|--")
            assert ("preamble|--" in contents) == used
            if implicit:
                got = without_representations(told(plain))
                assert got == without_representations(expected)
            else:
                assert told(plain) == expected


def test_what_a_damaged_sequence_hides_is_told_as_unread() -> None:
    data_set = Dataset()
    data_set.PatientID = "p"
    data_set.SOPInstanceUID = "1.2"
    item = Dataset()
    item.PatientName = "A"
    data_set.ReferencedImageSequence = [item]
    content = written(data_set, implicit=False)
    damaged = content.replace(b"\x10\x00\x10\x00PN\x02\x00", b"\x10\x00\x10\x00SQ\x02\x00")
    assert "00081140/?|??" in careful(damaged).splitlines()


@pytest.mark.parametrize("stored", [False, True])
def test_a_scan_counts_the_files_that_hold_an_element(tmp_path: Path, stored: bool) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(5):
        data_set = Dataset()
        data_set.PatientID = f"p{number}"
        data_set.SOPInstanceUID = f"1.2.{number}"
        data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        if number < 2:
            data_set.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "x")
        (folder / f"{number}.dcm").write_bytes(written(data_set, implicit=False))
    store = tmp_path / "store" if stored else None
    if stored:
        (tmp_path / "store").mkdir()
    for _ in range(2):
        elements = read_dicom([folder], jobs=1, store=store).elements
        assert elements["00100020|LO"] == 5
        assert elements["0011xx01[ACME]|LO"] == 2
    if stored:  # what is gone is not counted any more, and the rest still is
        (folder / "0.dcm").unlink()
        elements = read_dicom([folder], jobs=1, store=store).elements
        assert elements["00100020|LO"] == 4
        assert elements["0011xx01[ACME]|LO"] == 1

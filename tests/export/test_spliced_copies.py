"""Copies by splicing bytes: the careful path's bytes, untouched elements, pixel data, ledger."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from object_rules import element, plan_of, release_of
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from release_collection import image, save, uid

from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.export.dicom import files as files_module
from midi_risk.export.dicom.acts import Acts
from midi_risk.export.dicom.files import Copies, write_copies
from midi_risk.export.dicom.ledger import below
from midi_risk.export.dicom.recode import Statement
from midi_risk.export.dicom.rules import dicom_rules
from midi_risk.export.dicom.spans import walk
from midi_risk.export.rules import ReleaseRules

STATEMENT = Statement(method="test", identity_removed=False)
TEXTS = {
    "AE": "StationAETitle", "CS": "BodyPartExamined", "LO": "InstitutionName",
    "SH": "AccessionNumber", "PN": "OperatorsName", "LT": "PatientComments",
    "ST": "DerivationDescription", "UT": "LabelText", "UC": "LongCodeValue",
    "DS": "SliceThickness", "IS": "SeriesNumber", "AS": "PatientAge", "DA": "AcquisitionDate",
    "TM": "AcquisitionTime", "DT": "AcquisitionDateTime",
}  # fmt: skip
VALUES = {
    "CS": "CHEST", "DS": "1.5", "IS": "7", "AS": "061Y", "DA": "20120317", "TM": "133015.25",
    "DT": "20120317133015.5", "PN": "Älter^Ä",
}  # fmt: skip
ATTRIBUTES = [
    element("PatientAge", Kind.AGE, ladder="age"),
    element("StudyDate", Kind.DATE, ladder="date"),
    element("PatientName", Kind.TEXT, role=Role.DIRECT_IDENTIFIER, decision=Decision.REMOVE),
    element("InstitutionName", Kind.TEXT, role=Role.DIRECT_IDENTIFIER, decision=Decision.REMOVE),
    element("BodyPartExamined", Kind.CATEGORY, decision=Decision.REMOVE),
    element("PatientWeight", Kind.NUMBER, ladder="weight"),
    element("StudyTime", Kind.TIME, ladder="time"),
]
PATHS = [
    ("00081140",), ("60xx3000",), ("trailing",), ("0011xx01[TEST%201]",), ("001100xx[TEST%201]",),
    ("00120063",), ("00400275", "00100020"), ("00104000",), ("0013xx10[TEST%202]",),
]  # fmt: skip


def rules_for(objects: list[Dataset], attributes: list[Attribute]) -> ReleaseRules:
    levels = {a.name: 2 for a in attributes if a.decision is None}
    return release_of(objects, attributes, plan_of(levels))


def copies(folder: Path, target: str, release: ReleaseRules, **options: object) -> Copies:
    (folder / target).mkdir(exist_ok=True)
    rules = dicom_rules(release, "dicom")
    given = {"statement": STATEMENT} | options
    return write_copies([folder / "in"], folder / target, rules, release, **given)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in below(folder)}


@st.composite
def items(draw: st.DrawFn, depth: int) -> Dataset:
    """Return an item, or what an object holds beside its identity."""
    ds = Dataset()
    for vr in draw(st.lists(st.sampled_from(sorted(TEXTS)), unique=True, max_size=6)):
        value = VALUES.get(vr, "TEXT")
        with disable_value_validation():
            setattr(ds, TEXTS[vr], draw(st.sampled_from([value, "", f"{value} "])))
    if draw(st.booleans()):
        block = ds.private_block(0x0011, "TEST 1", create=True)
        block.add_new(0x01, "LO", draw(st.sampled_from(["x", "", "abc"])))
        if depth and draw(st.booleans()):
            block.add_new(0x02, "SQ", Sequence([draw(items(depth - 1))]))
    if draw(st.booleans()):
        ds.private_block(0x0013, "TEST 2", create=True).add_new(0x10, "OB", b"\1\2\3")
    if depth:
        for keyword in draw(st.lists(st.sampled_from(
            ["ReferencedImageSequence", "RequestAttributesSequence", "OtherPatientIDsSequence",
             "ContentSequence", "DeidentificationMethodCodeSequence"]
        ), unique=True, max_size=2)):  # fmt: skip
            inside = draw(st.lists(items(depth - 1), max_size=2))
            setattr(ds, keyword, Sequence(inside))
            ds[keyword].is_undefined_length = draw(st.booleans())
            for item in inside:
                item.is_undefined_length_sequence_item = draw(st.booleans())
    return ds


@st.composite
def objects(draw: st.DrawFn) -> Dataset:
    """Return an object with pixel data, encapsulated or not, and what may stand behind them."""
    syntax = draw(st.sampled_from(
        [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit]
    ))  # fmt: skip
    ds = image(draw(st.integers(1, 3)), 1, syntax)
    ds.update(draw(items(2)))
    if draw(st.booleans()):
        ds.SpecificCharacterSet = "ISO_IR 100"
    for keyword in draw(st.lists(st.sampled_from(
        ["PatientAge", "StudyDate", "PatientName", "DeidentificationMethod", "PatientSex",
         "LongitudinalTemporalInformationModified", "BodyPartExamined", "PixelData"]
    ), unique=True)):  # fmt: skip
        if keyword in ds:
            del ds[keyword]
    if draw(st.booleans()):
        ds.add_new(0x60003000, "OW", b"\0\1\2\3")
    if draw(st.booleans()):
        ds.add_new(0xFFFCFFFC, "OB", bytes(6))
    return ds


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    ds=objects(),
    chosen=st.sets(st.sampled_from(range(len(ATTRIBUTES)))),
    paths=st.sets(st.sampled_from(PATHS)),
)
def test_both_paths_write_the_same_bytes(tmp_path_factory, ds, chosen, paths):
    folder = tmp_path_factory.mktemp("both")
    with disable_value_validation():
        save(ds, folder / "in" / "one.dcm")
    release = rules_for([ds], [ATTRIBUTES[number] for number in sorted(chosen)])
    acts = Acts(removed=dict.fromkeys(paths, "X"))
    fast = copies(folder, "fast", release, acts=acts)
    slow = copies(folder, "slow", release, acts=acts, spliced=False)
    assert contents(folder / "fast") == contents(folder / "slow")
    assert fast.outcome == slow.outcome
    assert [f.reason for f in fast.files] == [""]
    assert fast.files == slow.files


def elements_of(content: bytes) -> dict[int, bytes]:
    """Return the bytes of each element at the top of a file."""
    walked = walk(lambda at, n: content[at : at + n], len(content))
    return {span.tag: walked.bytes_of(span.start, span.end) for span in walked.spans}


@pytest.mark.parametrize("spliced", [True, False])
def test_untouched_elements_stay_the_bytes_that_they_were(tmp_path, spliced):
    ds = image(2)
    ds.InstitutionName = "odd"
    ds.SliceThickness = "1.50000"
    source = save(ds, tmp_path / "in" / "one.dcm")
    raw = source.read_bytes().replace(b"1.50000 ", b"1.50000\0").replace(b"odd ", b"odd\0")
    source.write_bytes(raw)
    copies(tmp_path, "out", rules_for([ds], ATTRIBUTES[:1]), spliced=spliced)
    (after,) = contents(tmp_path / "out").values()
    before, now = elements_of(raw), elements_of(after)
    changed = {tag for tag in before | now if before.get(tag) != now.get(tag)}
    allowed = {"PatientAge", "PatientBirthDate", "DeidentificationMethod", "PatientIdentityRemoved",
               "OriginalAttributesSequence", "DeidentificationMethodCodeSequence"}  # fmt: skip
    assert {pydicom.datadict.keyword_for_tag(tag) for tag in changed} <= allowed
    assert b"1.50000\0" in after
    assert b"odd\0" in after


def encapsulated(folder: Path, value: bytes, delimiter: bytes) -> Path:
    """Write an object whose pixel data have this value."""
    path = save(image(2, 1, JPEGBaseline8Bit), folder / "in" / "one.dcm")
    content = path.read_bytes()
    at = content.index(b"\xe0\x7f\x10\x00OB")
    path.write_bytes(content[: at + 12] + value + delimiter)
    return path


ITEM = b"\xfe\xff\x00\xe0"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


@pytest.mark.parametrize(
    "value",
    [
        ITEM + bytes(4) + ITEM + b"\3\0\0\0abc",
        ITEM + bytes(4) + ITEM + b"\4\0\0\0abcd" + ITEM + b"\5\0\0\0abcde",
        ITEM + bytes(4) + ITEM + b"\x0c\0\0\0ab" + END + b"cd",
        ITEM + b"\4\0\0\0\0\0\0\0" + ITEM + b"\0\0\0\0",
    ],
    ids=["odd fragment", "odd last", "delimiter inside", "empty fragment"],
)
def test_fragments_are_kept_byte_for_byte(tmp_path, value):
    encapsulated(tmp_path, value, END)
    (file,) = copies(tmp_path, "out", rules_for([image(2)], ATTRIBUTES[:1])).files
    content = (tmp_path / "out" / file.target).read_bytes()
    assert content.endswith(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + value + END)
    assert file.pixels == hashlib.sha256(value).hexdigest()
    assert file.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("value", "delimiter", "why"),
    [
        (b"no items at all!", END, "no list of fragments"),
        (ITEM + bytes(4) + ITEM + b"\4\0\0\0abcd", b"", "without their end"),
        (ITEM + bytes(4) + ITEM + b"\xff\0\0\0abcd", END, "beyond the end"),
        (ITEM + bytes(4) + b"junk" + bytes(4), END, "no list of fragments"),
    ],
)
def test_what_is_no_list_of_fragments_is_left_out_with_a_reason(tmp_path, value, delimiter, why):
    encapsulated(tmp_path, value, delimiter)
    (file,) = copies(tmp_path, "out", rules_for([image(2)], ATTRIBUTES[:1])).files
    assert why in file.reason
    assert not contents(tmp_path / "out")


def collection(folder: Path, count: int = 24) -> list[Dataset]:
    """Write objects, three of which have the same UIDs and one of which is none."""
    made = [image(number, 1) for number in range(count)]
    for number, twin in enumerate(made):
        if number in {3, 9, 17}:
            twin.StudyInstanceUID, twin.SeriesInstanceUID = uid(1, 1, 1), uid(1, 1, 2)
            twin.SOPInstanceUID = uid(1, 1, 3)
        save(twin, folder / "in" / f"{number:03d}.dcm")
    (folder / "in" / "text.txt").write_text("hello", encoding="utf-8")
    return made


def test_workers_write_what_one_process_writes(tmp_path):
    release = rules_for(collection(tmp_path), ATTRIBUTES)
    one = copies(tmp_path, "one", release, jobs=1)
    two = copies(tmp_path, "two", release, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert one.files == two.files
    assert one.outcome == two.outcome
    twins = [file.target for file in one.files if file.target.startswith(f"{uid(1, 1, 1)}/")]
    ends = (".3.dcm", "-2.dcm", "-3.dcm", "-4.dcm")
    assert all(name.endswith(end) for name, end in zip(twins, ends, strict=True))


def test_the_large_are_copied_in_pieces(tmp_path, monkeypatch):
    from midi_risk.export.dicom import one_copy

    monkeypatch.setattr(one_copy, "_SMALL", 1)
    monkeypatch.setattr(one_copy, "_PIECE", 3)
    ds = image(2)
    ds.PixelData = bytes(range(11)) + b"\0"
    save(ds, tmp_path / "in" / "one.dcm")
    release = rules_for([ds], ATTRIBUTES)
    (file,) = copies(tmp_path, "out", release).files
    written = (tmp_path / "out" / file.target).read_bytes()
    assert file.sha256 == hashlib.sha256(written).hexdigest()
    assert file.pixels == hashlib.sha256(ds.PixelData).hexdigest()
    assert pydicom.dcmread(tmp_path / "out" / file.target).PixelData == ds.PixelData


def test_a_disk_that_gives_back_other_bytes_stops_the_run(tmp_path, monkeypatch):
    from midi_risk.export.dicom import one_copy

    save(image(2), tmp_path / "in" / "one.dcm")
    monkeypatch.setattr(one_copy.os, "pread", lambda _fd, count, _at: bytes(count))
    release = rules_for([image(2)], ATTRIBUTES)
    monkeypatch.setattr(
        "midi_risk.export.dicom.opened.reader_of",
        lambda _fd: lambda at, n: (tmp_path / "in" / "one.dcm").read_bytes()[at : at + n],
    )
    with pytest.raises(OSError, match="other bytes"):
        copies(tmp_path, "out", release)
    assert not contents(tmp_path / "out")


class _Stopped(BaseException):
    """Stands for a kill: nothing is cleaned up by anybody."""


def test_twenty_runs_that_end_anywhere_make_one_release(tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "_CHUNK", 2)
    release = rules_for(collection(tmp_path, 40), ATTRIBUTES)
    whole = copies(tmp_path, "whole", release)
    chance = random.Random(4)  # noqa: S311 - moments
    ledger = tmp_path / "ledger"
    made: list[int] = []
    plain = files_module.copied

    def counted(*given):
        made.append(1)
        if len(made) in moments:
            raise _Stopped
        return plain(*given)

    monkeypatch.setattr(files_module, "copied", counted)
    moments = {chance.randrange(1, 4) + 2 * n for n in range(20)}
    stops = 0
    for _ in range(40):
        try:
            last = copies(tmp_path, "out", release, ledger=ledger)
            break
        except _Stopped:
            stops += 1
            held = sorted(below(tmp_path / "out"))
            if held and chance.random() < 0.5:
                torn = tmp_path / "out" / chance.choice(held)
                torn.write_bytes(torn.read_bytes()[:100])
            if chance.random() < 0.3:
                ledger.write_bytes(ledger.read_bytes()[:-7])
            (tmp_path / "out" / "left.tmp").write_bytes(b"half")
    assert stops > 5
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert last.files == whole.files
    assert last.outcome == whole.outcome


def test_a_ledger_of_another_task_counts_for_nothing(tmp_path):
    release = rules_for(collection(tmp_path, 6), ATTRIBUTES)
    ledger = tmp_path / "ledger"
    copies(tmp_path, "out", release, ledger=ledger)
    other = Statement(method="another", identity_removed=True)
    copies(tmp_path, "out", release, ledger=ledger, statement=other)
    copies(tmp_path, "fresh", release, statement=other)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_ledger_counts_when_nothing_changed_and_is_not_done_again(tmp_path, monkeypatch):
    release = rules_for(collection(tmp_path, 3), ATTRIBUTES)
    ledger = tmp_path / "ledger"
    once = copies(tmp_path, "out", release, ledger=ledger)
    monkeypatch.setattr(files_module, "copied", None)
    again = copies(tmp_path, "out", release, ledger=ledger)
    assert again.files == once.files

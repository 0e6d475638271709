"""Bad files are recorded with a reason and counted, and reading goes on."""

from __future__ import annotations

import bz2
import gzip
import os
import struct
from pathlib import Path

import pytest
from dicom_samples import ROOT, collection, element, encoded, pixel_header, sample, with_elements
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from midi_risk.errors import SourceError
from midi_risk.sources.scan.scan import read_dicom


def outcome(folder: Path, content: bytes, name: str = "x.dcm") -> tuple[str, str]:
    (folder / name).write_bytes(content)
    reading = read_dicom([folder / name])
    (row,) = reading.files.to_pylist()
    return row["status"], row["reason"]


def value(folder: Path, content: bytes, keyword: str) -> str | None:
    (folder / "x.dcm").write_bytes(content)
    table = read_dicom([folder / "x.dcm"]).table
    assert table is not None
    return table.rows[keyword].to_pylist()[0]


GOOD = encoded(sample())


def test_a_good_file_is_read_without_reservation(tmp_path):
    assert outcome(tmp_path, GOOD) == ("read", "")
    assert value(tmp_path, GOOD, "PatientID") == "P1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PatientID,Age\nP1,40\n", "a text file"),
        (b'{"a": 1}', "a JSON document"),
        (b"<html><body>", "an HTML document"),
        (gzip.compress(b"x" * 500), "gzip data"),
        (b"PK\x03\x04" + bytes(60), "a zip archive"),
        (b"%PDF-1.7\n\xe2\xe3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a JPEG image"),
        (struct.pack("<i", 348) + bytes(340) + b"n+1\0" + bytes(20), "a NIfTI image"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive"),
        (b"\x07\x9a\x00\x01" * 64, "content of an unknown kind"),
    ],
)
def test_what_is_not_dicom_is_named(tmp_path, content, reason):
    assert outcome(tmp_path, content) == ("not_dicom", reason)


@pytest.mark.parametrize("name", ["x.dcm", "X.IMA", "IM0001", "IMAGE", "1.2.840.113619.2"])
def test_an_empty_file_named_like_an_instance_is_an_instance_lost(tmp_path, name):
    assert outcome(tmp_path, b"", name) == ("unreadable", "empty file")


@pytest.mark.parametrize("name", ["notes.txt", ".gitkeep", "README", "_SUCCESS"])
def test_an_empty_file_of_another_kind_is_not_dicom(tmp_path, name):
    assert outcome(tmp_path, b"", name) == ("not_dicom", "an empty file")


@pytest.mark.parametrize("stored", [False, True])
def test_compressed_files_that_were_not_opened_are_a_finding(tmp_path, stored):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "x.dcm").write_bytes(GOOD)
    (folder / "y.dcm.gz").write_bytes(gzip.compress(GOOD))
    (folder / "z.dcm.bz2").write_bytes(bz2.compress(GOOD))
    (folder / "w.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    (folder / "t1.nii.gz").write_bytes(gzip.compress(bytes(400)))
    reading = read_dicom([folder], store=tmp_path / "store" if stored else None)
    assert reading.findings == (
        "3 compressed files or archives were not opened and may hold DICOM files",
    )


def test_a_header_that_is_cut_is_flagged_as_truncated(tmp_path):
    status, reason = outcome(tmp_path, GOOD[:430])
    assert status == "flagged"
    assert "truncated in its header" in reason
    assert "incomplete: no PatientID" in reason


def test_cut_pixels_are_flagged(tmp_path):
    assert outcome(tmp_path, GOOD[:-10]) == ("flagged", "truncated in its pixel data")


def test_no_patient_id_means_incomplete(tmp_path):
    ds = sample()
    del ds.PatientID
    assert outcome(tmp_path, encoded(ds)) == ("flagged", "incomplete: no PatientID")


def test_a_wrong_representation_still_yields_the_other_values(tmp_path):
    wrong = GOOD.replace(b"\x10\x00\x40\x00CS", b"\x10\x00\x40\x00ZZ")
    assert value(tmp_path, wrong, "PatientID") == "P1"
    assert outcome(tmp_path, wrong)[0] in {"read", "flagged"}


def test_a_wrong_transfer_syntax_is_seen_through(tmp_path):
    explicit, implicit = (s.encode() for s in (ExplicitVRLittleEndian, ImplicitVRLittleEndian))
    lied = GOOD.replace(explicit + b"\0", implicit + b"\0\0\0", 1)
    assert value(tmp_path, lied, "PatientSex") == "F"


def test_an_unknown_character_set_is_flagged(tmp_path):
    raw = GOOD.replace(b"ISO_IR 100", b"ISO_IR 999")
    assert outcome(tmp_path, raw) == ("flagged", "an unknown character set")


def test_a_private_element_of_ten_megabytes_is_stepped_over(tmp_path):
    extra = element(0x0029, 0x0010, b"LO", b"VENDOR") + element(
        0x0029, 0x1010, b"OB", bytes(10 << 20)
    )
    content = with_elements(GOOD, extra)
    assert outcome(tmp_path, content) == ("read", "")
    assert read_dicom([tmp_path]).facts["private_elements"] == 1


def test_a_length_past_the_end_is_truncated(tmp_path):
    extra = element(0x0029, 0x1010, b"OB", b"abcd", length=0x7FFFFFFF)
    status, reason = outcome(tmp_path, with_elements(GOOD, extra))
    assert status == "flagged"
    assert "truncated in its header" in reason


@pytest.mark.parametrize("defined", [True, False])
def test_sequences_nested_ten_thousand_deep_do_no_harm(tmp_path, defined):
    inner = b""
    depth = 10_000 if not defined else 300
    if defined:
        for _ in range(depth):
            item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
            inner = element(0x0040, 0xA730, b"SQ", item)
        extra = inner
    else:
        start = element(0x0040, 0xA730, b"SQ", b"", length=0xFFFFFFFF) + b"\xfe\xff\x00\xe0"
        extra = (start + b"\xff\xff\xff\xff") * depth
        extra += (b"\xfe\xff\x0d\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)) * depth
    status, reason = outcome(tmp_path, with_elements(GOOD, extra))
    assert status in {"unreadable", "flagged", "read"}
    if not defined:
        assert (status, reason) == ("unreadable", "sequences nested too deeply")


def test_duplicates_and_descending_tags_go_to_pydicom(tmp_path):
    twice = with_elements(GOOD, element(0x0010, 0x0040, b"CS", b"M "))
    assert value(tmp_path, twice, "PatientSex") == "M"


def test_a_file_without_permission_is_unreadable(tmp_path):
    path = tmp_path / "x.dcm"
    path.write_bytes(GOOD)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    (row,) = read_dicom([path]).files.to_pylist()
    assert row["status"] == "unreadable"
    assert "permission denied" in row["reason"]


def test_a_missing_path_is_one_clear_error(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        read_dicom([tmp_path / "nowhere"])


def test_symlink_loops_pipes_and_dangling_links_are_recorded(tmp_path):
    collection(tmp_path, 1, 2)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    rows = {Path(r["path"]).name: r for r in read_dicom([tmp_path]).files.to_pylist()}
    assert rows["loop"]["reason"] == "a link to a folder met before"
    assert rows["loop"]["status"] == "not_dicom"
    assert rows["pipe"]["reason"] == "a named pipe, not opened"
    assert rows["gone"]["status"] == "unreadable"
    assert rows["000.dcm"]["status"] == "read"


@pytest.mark.parametrize("name", [b"new\nline.dcm", b"\x1b[31mred.dcm", b"\xff\xfe.dcm"])
def test_hostile_names_are_escaped(tmp_path, name):
    path = os.path.join(os.fsencode(tmp_path), name)  # noqa: PTH118
    with open(path, "wb") as handle:  # noqa: PTH123
        handle.write(GOOD)
    (row,) = read_dicom([tmp_path]).files.to_pylist()
    assert row["status"] == "read"
    assert row["path"].isprintable()


def test_different_paths_stay_different(tmp_path):
    (tmp_path / "a\nb").write_bytes(GOOD)
    (tmp_path / "a\\x0ab").write_bytes(GOOD)
    assert len(set(read_dicom([tmp_path]).files["path"].to_pylist())) == 2


def test_a_file_that_changes_while_it_is_read_is_unreadable(tmp_path, monkeypatch):
    from midi_risk.sources.scan import one_file

    path = tmp_path / "x.dcm"
    path.write_bytes(GOOD)
    read_content = one_file.read_content

    def meddle(*args, **kwargs):
        record = read_content(*args, **kwargs)
        path.write_bytes(GOOD + b"more")
        return record

    monkeypatch.setattr(one_file, "read_content", meddle)
    (row,) = read_dicom([path]).files.to_pylist()
    assert (row["status"], row["reason"]) == ("unreadable", "changed while it was read")


def test_dicomdir_yields_no_row(tmp_path):
    ds = sample()
    ds.SOPClassUID = "1.2.840.10008.1.3.10"
    status, reason = outcome(tmp_path, encoded(ds))
    assert (status, reason) == ("flagged", "DICOMDIR, an index of other files")
    assert read_dicom([tmp_path]).table is None


def test_no_value_reaches_a_reason_or_a_repr(tmp_path):
    ds = sample(PatientName="CANARY^NAME", PatientID="CANARY-ID")
    for cut in range(200, len(encoded(ds)), 37):
        (tmp_path / f"{cut}.dcm").write_bytes(encoded(ds)[:cut])
    reading = read_dicom([tmp_path])
    assert "CANARY" not in "".join(reading.files["reason"].to_pylist())
    assert "CANARY" not in repr(reading)


def test_a_preamble_without_its_prefix_and_no_preamble_are_read(tmp_path):
    bare = GOOD[132:]
    start = bare.index(b"\x08\x00\x05\x00CS")
    data_set = bare[start:]
    for content in (data_set, bytes(128) + data_set):
        assert outcome(tmp_path, content) == ("flagged", "no meta header")
        assert value(tmp_path, content, "PatientID") == "P1"


def test_values_inside_sequences_join_or_are_compared(tmp_path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    equipment = Dataset()
    equipment.Manufacturer, equipment.StationName = "OTHER", "ST9"
    old = Dataset()
    old.PatientName = "Old^Name"
    original = Dataset()
    original.ModifiedAttributesSequence = Sequence([old])
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "1", "SCT", "Left lung"
    alias = Dataset()
    alias.PatientID = "ALIAS"
    ds = sample(
        ContributingEquipmentSequence=Sequence([equipment]),
        OriginalAttributesSequence=Sequence([original]),
        AnatomicRegionSequence=Sequence([code]),
        OtherPatientIDsSequence=Sequence([alias]),
    )
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        content = encoded(ds, syntax)
        assert value(tmp_path, content, "Manufacturer") == "ACME\\OTHER"
        assert value(tmp_path, content, "StationName") == "ST9"
        assert value(tmp_path, content, "PatientID") == "P1"
        assert value(tmp_path, content, "OtherPatientIDs") == "ALIAS"
        assert value(tmp_path, content, "AnatomicRegionSequence") == "Left lung"
        found = value(tmp_path, content, "OriginalAttributesSequence")
        assert found == "PatientName=Old^Name"
        assert read_dicom([tmp_path]).facts["original_attributes"] == 1


def test_facts_are_absent_when_nothing_was_looked_at(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    assert read_dicom([tmp_path]).facts == {}


def test_facts_count_instances(tmp_path):
    made = {
        "burned.dcm": sample(1, BurnedInAnnotation="YES", BodyPartExamined="HEAD"),
        "removed.dcm": sample(2, PatientIdentityRemoved="YES"),
        "report.dcm": sample(3, Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"),
    }
    for name, ds in made.items():
        (tmp_path / name).write_bytes(encoded(ds))
    facts = read_dicom([tmp_path]).facts
    assert facts["instances"] == 3
    assert facts["burned_in_yes"] == 1
    assert facts["burned_in_absent"] == 2
    assert facts["identity_removed_absent"] == 2
    assert facts["sr_instances"] == 1
    assert facts["face_possible"] == 1


def test_the_uid_root_of_samples_is_a_test_root():
    assert ROOT.startswith("1.2.826.0.1.3680043.10.1338")
    assert pixel_header(64)[:4] == b"\xe0\x7f\x10\x00"

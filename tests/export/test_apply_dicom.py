from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pydicom
import pytest
from release_collection import CT, SUBJECTS, SYNTAXES, by_subject, image, released_files, uid

from midi_risk.export.dicom.rules import Removal, element_type, removal


def test_ages_are_written_as_the_middle_of_their_band_in_every_copy(release: Path) -> None:
    for ds in released_files(release):
        assert ds.PatientAge == "062Y"
        nested = ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
        assert nested.PatientAge == "062Y"


def test_private_elements_are_not_touched(release: Path) -> None:
    values = [ds[0x0011, 0x1001].value for ds in released_files(release)]
    assert set(values) <= {"061Y", b"061Y"}


def test_a_subject_with_ages_in_two_bands_shows_the_first_in_every_file(release: Path) -> None:
    first = by_subject(release)["P000"]
    assert len(first) == 2
    assert {ds.PatientAge for ds in first} == {"062Y"}
    assert {str(ds.PatientWeight) for ds in first} == {"75"}


def test_all_dates_of_a_visit_follow_one_rule_and_device_dates_do_not(release: Path) -> None:
    for ds in released_files(release):
        assert ds.StudyDate == ds.SeriesDate == "20120101"
        assert ds.AcquisitionDateTime == "20120101130000"
        assert ds.OriginalAttributesSequence[0].AttributeModificationDateTime == "20130101120000"
        assert ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].StudyDate == (
            "20120101"
        )
        assert ds.DateOfLastCalibration == "20110203"


def test_all_times_of_a_visit_follow_one_rule(release: Path) -> None:
    assert {(ds.StudyTime, ds.SeriesTime) for ds in released_files(release)} == {
        ("130000", "130000")
    }


def test_what_would_give_an_attribute_back_goes_with_it(release: Path) -> None:
    for ds in released_files(release):
        assert ds.PatientBirthDate == ""
        assert "PatientBodyMassIndex" not in ds


def test_bands_of_measures_are_legal_decimal_strings_in_their_unit(release: Path) -> None:
    values = {(str(ds.PatientWeight), str(ds.PatientSize)) for ds in released_files(release)}
    assert values == {("75", "1.75")}


def test_removed_attributes_follow_their_type(release: Path) -> None:
    for ds in released_files(release):
        assert ds.PatientName == ""
        assert ds.Manufacturer == "ACME"
        assert ds.PatientSex in {"M", "F"}


def test_uids_stay_as_they_were(release: Path) -> None:
    assert {ds.SOPInstanceUID for ds in released_files(release)} == {
        *(uid(n, 1, 3) for n in range(SUBJECTS)),
        uid(0, 2, 3),
    }


def test_pixel_bytes_and_transfer_syntax_stay(release: Path) -> None:
    seen = set()
    for ds in released_files(release):
        number = int(ds.PatientID[1:])
        if ds.StudyInstanceUID == uid(number, 1, 1):
            syntax = SYNTAXES[number % len(SYNTAXES)]
            assert ds.file_meta.TransferSyntaxUID == syntax
            assert ds.PixelData == image(number, 1, syntax).PixelData
            seen.add(syntax)
    assert seen == set(SYNTAXES)


def test_the_file_meta_information_names_the_object_and_this_tool(release: Path) -> None:
    for ds in released_files(release):
        meta = ds.file_meta
        assert meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert meta.MediaStorageSOPClassUID == CT
        assert meta.ImplementationVersionName.startswith("MIDI-RISK")
        assert ds.preamble == b"\0" * 128


def test_the_object_says_truly_what_was_done(release: Path) -> None:
    plan = (release.parent / "plan" / "plan.json").read_bytes()
    digest = hashlib.sha256(plan).hexdigest()
    for ds in released_files(release):
        assert ds.PatientIdentityRemoved == "NO"  # required channels are not assessed
        by_hand, ours = ds.DeidentificationMethod
        assert by_hand == "by hand"
        assert ours.partition("sha256:")[2] in digest
        assert len(ours) <= 64
        assert ds.LongitudinalTemporalInformationModified == "MODIFIED"
        codes = {item.CodeValue for item in ds.DeidentificationMethodCodeSequence}
        assert codes == {"113100", "113107", "113108"}


def test_names_of_files_tell_nothing(release: Path) -> None:
    paths = [p.relative_to(release).as_posix() for p in (release / "release").rglob("*")]
    assert not [path for path in paths if "secret" in path or "P0" in path]


def test_originals_are_only_read(collection: Path, release: Path) -> None:
    for number in (0, 7):
        original = pydicom.dcmread(collection / "images" / f"secret-name-{number}.dcm")
        assert original.PatientName == f"Name^Number{number}"


def test_the_account_lists_every_file(release: Path) -> None:
    with (release / "assessment" / "files.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == SUBJECTS + 1 + 1
    assert all((release / "release" / row["release"]).is_file() for row in rows)
    assert [row["release"] for row in rows if row["source"].endswith(".csv")] == ["clinical.csv"]


def test_the_files_carry_the_risk_that_the_plan_promised(release: Path) -> None:
    account = json.loads((release / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    assert not account["worse"]
    assessment = json.loads((release / "assessment" / "assessment.json").read_text("utf-8"))
    assert assessment["measures"]["k"] == account["planned"]["k"]
    assert assessment["measures"]["classes"] == account["planned"]["classes"]


def test_the_data_dictionary_explains_the_bands(release: Path) -> None:
    with (release / "release" / "data-dictionary.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    bands = {(r["attribute"], r["label"]): r["written"] for r in rows if r["label"]}
    assert bands["PatientAge", "60-64"] == "062Y"
    assert bands["PatientSize", "170-179 cm"] == "1.75"
    assert bands["StudyDate", "2012"] == "20120101"


@pytest.mark.parametrize(
    ("sop_class", "keyword", "path", "how"),
    [
        (CT, "PatientAge", (), Removal.DELETE),
        (CT, "Manufacturer", (), Removal.EMPTY),
        ("1.2.840.10008.5.1.4.1.1.66.4", "Manufacturer", (), Removal.DUMMY),
        (CT, "Modality", (), Removal.DUMMY),
        (CT, "PatientBirthDate", (), Removal.EMPTY),
        ("1.2.3.4", "Manufacturer", (), Removal.DUMMY),
        (CT, "VerifyingObserverName", ("VerifyingObserverSequence",), Removal.DUMMY),
    ],
)
def test_a_value_is_taken_away_as_its_type_allows(
    sop_class: str, keyword: str, path: tuple[str, ...], how: Removal
) -> None:
    assert removal(sop_class, keyword, path) is how


def test_an_attribute_outside_the_modules_of_an_object_may_go() -> None:
    assert element_type(CT, "TextValue") == "3"

"""One object recoded in memory: places, precision and coupling, without a release around it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pydicom
import pytest
from object_rules import release_of
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from release_collection import CT, image, save

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.document.plan import State
from midi_risk.errors import OutputError
from midi_risk.export.dicom.one_copy import Copier, _path
from midi_risk.export.dicom.recode import Statement, recode
from midi_risk.export.dicom.rules import dicom_rules, element_type
from midi_risk.export.release import _same, check_apart, compare
from midi_risk.export.rules import release_rules
from midi_risk.sources.model import SourceKind
from midi_risk.table import fold

KINDS = {
    "PatientAge": (Kind.AGE, "AS", "age"),
    "PatientWeight": (Kind.NUMBER, "DS", "weight"),
    "PatientBodyMassIndex": (Kind.NUMBER, "DS", "bmi"),
    "PatientBirthDate": (Kind.DATE, "DA", "birthdate"),
    "StudyDate": (Kind.DATE, "DA", "date"),
    "SeriesDate": (Kind.DATE, "DA", "date"),
    "AcquisitionDate": (Kind.DATE, "DA", "date"),
    "StudyTime": (Kind.TIME, "TM", "time"),
    "InstitutionName": (Kind.CATEGORY, "LO", "institution"),
}
REMOVE = {"decision": Decision.REMOVE}


def to(level: str) -> dict[str, object]:
    return {"decision": Decision.GENERALISE, "generalise_to": level}


def recoded(ds: Dataset, **decisions: dict[str, object]) -> Dataset:
    """Recode an object of a collection of two subjects, of which it is one."""
    names = list(decisions)
    rows = {"PatientID": ["P001", "P002"]}
    rows |= {name: [str(ds.get(name, "") or "") or None] * 2 for name in names}
    given = []
    for name, options in decisions.items():
        kind, vr, ladder = KINDS[name]
        more = {"keyword": name, "vr": vr, "ladder": ladder, "role": Role.QUASI_IDENTIFIER}
        given.append(attribute("dicom", name, kind, **(more | options)))
    read = extraction(source("dicom", rows, "PatientID", kind=SourceKind.DICOM))
    release = release_rules(fold(read, attributes(*given)), read, None, {})
    recode(ds, dicom_rules(release, "dicom"), release)
    return ds


def plain() -> Dataset:
    return image(1)


def nested(**values: str) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def test_every_item_of_a_sequence_is_reached_at_every_depth():
    ds = plain()
    deep = nested(PatientAge="062Y")
    deep.ModifiedAttributesSequence = Sequence([nested(PatientAge="063Y")])
    ds.OriginalAttributesSequence = Sequence([nested(PatientAge="062Y"), deep])
    recoded(ds, PatientAge=to("10y"))
    first, second = ds.OriginalAttributesSequence
    inner = second.ModifiedAttributesSequence[0]
    assert {x.PatientAge for x in (ds, first, second, inner)} == {"065Y"}


def test_an_object_whose_key_is_padded_shows_the_value_of_its_subject():
    ds = plain()
    ds.PatientID = " P001 "
    ds.PatientAge = "062Y"
    inner = nested(PatientAge="079Y")
    ds.OriginalAttributesSequence = Sequence([inner])
    recoded(ds, PatientAge=to("5y"))
    assert (ds.PatientAge, inner.PatientAge) == ("062Y", "062Y")


@pytest.mark.parametrize(
    ("level", "day"),
    [("week", "20120315"), ("month", "20120301"), ("quarter", "20120101"), ("year", "20120101")],
)
def test_every_date_of_a_visit_is_as_coarse_as_its_level(level, day):
    ds = plain()
    ds.StudyDate = ds.SeriesDate = "20120317"
    ds.AcquisitionDateTime = "20120317133015.5"
    ds.StudyTime = "133015"
    recoded(ds, StudyDate=to(level), StudyTime=to("hour"))
    assert (ds.StudyDate, ds.SeriesDate) == (day, day)
    assert ds.AcquisitionDateTime == f"{day}130000"


@pytest.mark.parametrize(
    ("times", "moment"),
    [(to("hour"), "20120301130000"), (to("part"), "20120301120000"), (REMOVE, "20120301")],
)
def test_the_time_of_a_date_time_follows_the_rule_of_times(times, moment):
    ds = plain()
    ds.StudyDate = "20120317"
    ds.AcquisitionDateTime = "20120317133015.5"
    recoded(ds, StudyDate=to("month"), StudyTime=times)
    assert ds.AcquisitionDateTime == moment


def test_the_strictest_date_is_that_of_all_where_there_is_no_study_date():
    ds = plain()
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20120317"
    del ds.StudyDate
    recoded(ds, SeriesDate=to("month"), AcquisitionDate=to("year"))
    assert (ds.AcquisitionDate, ds.ContentDate) == ("20120101", "20120101")


def test_a_date_with_a_stricter_rule_of_its_own_keeps_it():
    ds = plain()
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = "20120317"
    recoded(ds, StudyDate=to("month"), SeriesDate=to("year"))
    assert (ds.SeriesDate, ds.AcquisitionDate) == ("20120101", "20120301")


def test_what_gives_a_weight_or_a_birth_date_back_goes_with_it():
    ds = plain()
    ds.PatientBirthTime = "120000"
    recoded(ds, PatientWeight=to("10kg"), PatientBodyMassIndex={}, PatientBirthDate=REMOVE)
    assert not ds.get("PatientBodyMassIndex")
    assert not ds.get("PatientBirthTime")


@pytest.mark.parametrize("value", ["..", ".", "Doe^Jane", "1.2/../3", ""])
def test_a_path_holds_uids_only(value):
    found = ("study-unnamed/series-unnamed/sop-unnamed.dcm", "study-unnamed/series-unnamed")
    assert _path((value, value, value)) == found


@pytest.mark.parametrize("spliced", [True, False])
def test_what_hides_in_the_preamble_and_the_file_meta_information_is_not_written(tmp_path, spliced):
    ds = plain()
    ds.file_meta.SourceApplicationEntityTitle = "HOSPITAL_A"
    ds.preamble = b"II*\0" + b"Doe^Jane".ljust(124, b"\0")
    source = save(ds, tmp_path / "in.dcm").read_bytes()
    release = release_of([ds], [])
    copier = Copier(
        tmp_path / "out", dicom_rules(release, "dicom"), release, Statement(method="test"),
        spliced=spliced,
    )  # fmt: skip
    copied, _ = copier.copy(lambda at, n: source[at : at + n], len(source), 0)
    place = tmp_path / "out" / copied.target
    assert place.read_bytes()[:128] == bytes(128)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    made = pydicom.dcmread(place)
    assert made.file_meta.MediaStorageSOPClassUID == CT
    assert "SourceApplicationEntityTitle" not in made.file_meta


def test_a_value_is_taken_away_as_the_type_of_its_own_place_allows():
    ds = plain()
    ds.InstitutionName = "North"
    ds.OperatorIdentificationSequence = Sequence([nested(InstitutionName="North")])
    deep = nested()
    deep.CustodialOrganizationSequence = Sequence([nested(InstitutionName="North")])
    deep.OperatorIdentificationSequence = Sequence([nested(InstitutionName="North")])
    ds.OriginalAttributesSequence = Sequence([deep])
    recoded(ds, InstitutionName=REMOVE)
    assert "InstitutionName" not in ds
    assert ds.OperatorIdentificationSequence[0].InstitutionName == "REMOVED"
    assert deep.CustodialOrganizationSequence[0].InstitutionName == ""
    assert deep.OperatorIdentificationSequence[0].InstitutionName == "REMOVED"


def test_a_value_that_nobody_can_read_does_not_stay():
    ds = plain()
    ds.PatientAge = "062Y"
    unread = nested(PatientAge="000Y")
    ds.OriginalAttributesSequence = Sequence([unread])
    recoded(ds, PatientAge=to("5y"))
    assert ds.PatientAge == "062Y"
    assert not unread.get("PatientAge")


def test_what_the_standards_tables_do_not_know_may_be_required():
    assert element_type(CT, "NoSuchKeyword") == "1"


def test_a_value_whose_subjects_nobody_counted_is_a_rare_one():
    rows = {"PatientID": [f"s{i}" for i in range(40)], "ward": ["north"] * 40}
    ward = attribute("t", "ward", Kind.CATEGORY, role=Role.INSENSITIVE, **to("common"))
    read = extraction(source("t", rows, "PatientID"))
    (rule,) = release_rules(fold(read, attributes(ward)), read, None, {})
    assert rule.labels is not None
    assert rule.labels.label("north") == "other"


def test_files_with_fewer_classes_are_not_equal_to_the_plan():
    assert not _same(4, 3)
    assert not _same(3, 4)
    assert _same(None, None)
    assert not _same(None, 0)


@pytest.mark.parametrize(
    ("changes", "worse"),
    [
        ({}, False),
        ({"risk_max": 0.26}, True),
        ({"risk_mean": 0.051}, True),
        ({"risk_max": 0.2, "risk_mean": 0.04}, False),
    ],
)
def test_files_are_worse_than_the_plan_from_the_first_difference_on(changes, worse):
    rows = {"PatientID": [f"s{i}" for i in range(40)], "ward": ["north"] * 40}
    read = extraction(source("t", rows, "PatientID"))
    release = release_rules(
        fold(read, attributes(attribute("t", "ward", Kind.CATEGORY))), read, None, {}
    )
    planned = State(
        k=4, classes=2, sample_uniques=0, subjects=40, risk_max=0.25, risk_mean=0.05,
        at_risk=0.0, passed=True,
    )  # fmt: skip
    found = compare(planned, planned.model_copy(update=changes), release, release.expected)
    assert (found.worse, found.equal) == (worse, not changes)


@pytest.mark.parametrize("place", ["in", "in/data", "in/data/deep", "."])
def test_a_target_may_not_hold_or_lie_inside_a_source(tmp_path, place):
    with pytest.raises(OutputError, match="overlap"):
        check_apart(tmp_path / place, [tmp_path / "in" / "data"])
    check_apart(tmp_path / "in" / "data-2", [tmp_path / "in" / "data"])

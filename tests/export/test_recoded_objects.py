"""What is left of a value in a DICOM object once a plan took it away or coarsened it."""

from __future__ import annotations

import pytest
from object_rules import ct, element, plan_of, recoded, release_of
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from midi_risk.attributes.model import Decision, Kind
from midi_risk.table.release import attribute_hierarchy

SEX = element("PatientSex", Kind.SEX)
AGE = element("PatientAge", Kind.AGE, ladder="age")
WEIGHT = element("PatientWeight", Kind.NUMBER, ladder="weight")
STUDY_DATE = element("StudyDate", Kind.DATE, ladder="date")
STUDY_TIME = element("StudyTime", Kind.TIME, ladder="time")


def shown(data_set: Dataset, keyword: str) -> str:
    """Return what an element says, an absent one like an empty one."""
    return str(data_set.get(keyword) or "")


def people(**more: object) -> list[Dataset]:
    """Return one object each of four subjects with the same values."""
    made = []
    for number in range(4):
        data_set = ct(
            f"P{number}", PatientSex="F", PatientAge="061Y", PatientWeight="70.5",
            StudyDate="20120317", SeriesDate="20120318", StudyTime="133015", SeriesTime="134500",
            AcquisitionDateTime="20120318134501", **more,
        )  # fmt: skip
        before = Dataset()
        before.PatientSex, before.PatientAge, before.StudyDate = "F", "061Y", "20120317"
        data_set.OriginalAttributesSequence = Sequence([Dataset()])
        data_set.OriginalAttributesSequence[0].ModifiedAttributesSequence = Sequence([before])
        made.append(data_set)
    return made


def nested(data_set: Dataset) -> Dataset:
    """Return the copies deep inside an object."""
    return data_set.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]


@pytest.mark.parametrize("decision", [None, Decision.RETAIN])
@pytest.mark.parametrize(
    ("attribute", "raw"), [(SEX, "F"), (AGE, "061Y"), (WEIGHT, "70.5"), (STUDY_DATE, "20120317")]
)
def test_an_emptied_cell_is_in_no_copy_of_that_subject_and_stays_for_others(
    attribute, raw, decision
):
    objects = people()
    name = attribute.name
    recoded(objects, [attribute.revised(decision=decision)], plan_of(cells={name: ["P1"]}))
    for data_set in objects:
        copies = [shown(data_set, name)]
        copies += [shown(nested(data_set), name)] if name in nested(data_set) else []
        if data_set.PatientID == "P1":
            assert raw not in copies
            assert set(copies) <= {"", "19000101"}
        else:
            assert set(copies) == {raw}


def test_an_emptied_cell_of_a_generalised_attribute_does_not_show_its_band():
    objects = people()
    cells = {"PatientAge": ["P1"], "PatientWeight": ["P2"]}
    plan = plan_of({"PatientAge": 2, "PatientWeight": 1}, cells)
    recoded(objects, [AGE, WEIGHT], plan)
    assert [shown(o, "PatientAge") for o in objects] == ["062Y", "", "062Y", "062Y"]
    assert [bool(shown(o, "PatientWeight")) for o in objects] == [True, True, False, True]


@pytest.mark.parametrize("level", [0, 4])
def test_every_date_of_a_visit_goes_with_an_emptied_study_date(level):
    objects = people()
    levels = {"StudyDate": level} if level else {}
    recoded(objects, [STUDY_DATE], plan_of(levels, {"StudyDate": ["P3"]}))
    *others, emptied = objects
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDateTime"):
        assert "2012" not in shown(emptied, keyword)
        assert all("2012" in shown(o, keyword) for o in others)
    assert "2012" not in shown(nested(emptied), "StudyDate")
    assert shown(emptied, "SeriesTime") == "134500"


def test_every_time_of_a_visit_goes_with_an_emptied_study_time():
    objects = people()
    recoded(objects, [STUDY_TIME], plan_of(cells={"StudyTime": ["P0"]}))
    emptied, *others = objects
    assert shown(emptied, "SeriesTime") in {"", "000000"}
    assert shown(emptied, "AcquisitionDateTime") == "20120318"
    assert {shown(o, "SeriesTime") for o in others} == {"134500"}
    assert {shown(o, "AcquisitionDateTime") for o in others} == {"20120318134501"}


def weighed() -> list[Dataset]:
    """Return two objects of a subject who lost weight, and one of another."""
    return [
        ct(subject, PatientWeight=weight)
        for subject, weight in (("P1", "70"), ("P1", "74"), ("P2", "60"))
    ]


def range_removed() -> int:
    """Return the level at which the range of the weights is gone."""
    table = release_of(weighed(), [WEIGHT]).table
    _, spread = table.attributes
    return len(attribute_hierarchy(table, spread).level_names) - 1


@pytest.mark.parametrize("decision", [None, Decision.RETAIN])
@pytest.mark.parametrize("removed", [False, True])
def test_a_measurement_shows_one_value_when_its_range_is_coarsened_or_removed(removed, decision):
    objects = weighed()
    level = range_removed() if removed else 1
    recoded(objects, [WEIGHT.revised(decision=decision)], plan_of({"PatientWeight.range": level}))
    assert [str(o.PatientWeight) for o in objects] == ["72", "72", "60"]


def test_a_measurement_stays_as_recorded_when_its_range_does():
    objects = weighed()
    recoded(objects, [WEIGHT], plan_of())
    assert [str(o.PatientWeight) for o in objects] == ["70", "74", "60"]


def item(code: str, scheme: str, value: str) -> Dataset:
    """Return one content item of a report."""
    concept, data_set = Dataset(), Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = code, scheme, "name"
    data_set.ValueType, data_set.TextValue = "TEXT", value
    data_set.ConceptNameCodeSequence = Sequence([concept])
    return data_set


def report_items(data_set: Dataset) -> list[str]:
    """Return the texts of all content items, at every depth."""
    found = []
    for part in data_set.get("ContentSequence") or ():
        found += [shown(part, "TextValue"), *report_items(part)]
    return found


@pytest.mark.parametrize(
    ("attribute", "concepts"),
    [
        (AGE, [("121033", "DCM"), ("121031", "DCM"), ("30525-0", "LN")]),
        (SEX, [("121032", "DCM"), ("46098-0", "LN")]),
        (WEIGHT, [("29463-7", "LN"), ("39156-5", "LN")]),
        (element("PatientBirthDate", Kind.DATE, ladder="birthdate"), [("121031", "DCM")]),
    ],
)
def test_content_items_that_repeat_a_removed_attribute_go_with_it_at_every_depth(
    attribute, concepts
):
    data_set = people()[0]
    data_set.PatientBirthDate = "19510304"
    inner = item("1", "DCM", "container")
    inner.ContentSequence = Sequence([item(*concept, "repeated") for concept in concepts])
    data_set.ContentSequence = Sequence(
        [*(item(*concept, "repeated") for concept in concepts), item("2", "DCM", "finding"), inner]
    )
    outcome = recoded([data_set], [attribute.revised(decision=Decision.REMOVE)])
    assert report_items(data_set) == ["finding", "container"]
    assert outcome.removed["ContentSequence"] == 2 * len(concepts)


def test_content_items_stay_when_what_they_repeat_stays():
    data_set = people()[0]
    data_set.ContentSequence = Sequence([item("121033", "DCM", "61"), item("121032", "DCM", "F")])
    recoded([data_set], [AGE.revised(decision=Decision.REMOVE), SEX])
    assert report_items(data_set) == ["F"]


def test_several_moments_in_one_element_keep_their_coarse_dates_and_no_clock():
    objects = people(ReferencedDateTime=["20120317133015", "20130510101010.5"])
    recoded(objects, [STUDY_DATE, STUDY_TIME], plan_of({"StudyDate": 4}))
    for data_set in objects:
        assert list(data_set.ReferencedDateTime) == [
            "20120101",
            "20130101",
        ]
        assert shown(data_set, "AcquisitionDateTime") == "20120101134501"


def test_the_clock_of_a_moment_goes_with_the_times_of_the_visit():
    times = STUDY_TIME.revised(decision=Decision.REMOVE)
    for level, day in ((0, "20120318"), (4, "20120101")):
        objects = people()
        recoded(objects, [STUDY_DATE, times], plan_of({"StudyDate": level} if level else {}))
        assert {shown(o, "AcquisitionDateTime") for o in objects} == {day}


def test_the_clock_of_a_moment_is_coarsened_where_dates_stay():
    objects = people()
    recoded(objects, [STUDY_TIME], plan_of({"StudyTime": 1}))
    assert {shown(o, "AcquisitionDateTime") for o in objects} == {"20120318130000"}
    assert {shown(o, "SeriesTime") for o in objects} == {"130000"}
    assert {shown(o, "SeriesDate") for o in objects} == {"20120318"}


@pytest.mark.parametrize(
    ("changed", "partners"),
    [
        (AGE, {"PatientBirthDate": "19510304", "PatientBirthTime": "101112"}),
        (SEX, {"PatientSexNeutered": "ALTERED"}),
        (WEIGHT, {"PatientBodyMassIndex": "24.3"}),
        (element("PatientSize", Kind.NUMBER, ladder="height"), {"PatientBodyMassIndex": "24.3"}),
        (
            element("PatientBirthDate", Kind.DATE, ladder="birthdate"),
            {"PatientBirthTime": "101112"},
        ),
    ],
)
@pytest.mark.parametrize("emptied", [False, True])
def test_what_would_give_a_removed_or_emptied_attribute_back_goes_with_it(
    changed, partners, emptied
):
    objects = people(PatientSize="1.72", **{"PatientBirthDate": "19510304"} | partners)
    if emptied:
        recoded(objects, [changed], plan_of(cells={changed.name: ["P1"]}))
        objects = objects[1:2]
    else:
        recoded(objects, [changed.revised(decision=Decision.REMOVE)])
    for data_set in objects:
        for keyword, raw in partners.items():
            assert shown(data_set, keyword) != raw


def dated(name: str, **options: object):
    """Return a date of a visit."""
    return element(name, Kind.DATE, ladder="date", **options)


def test_a_date_that_is_removed_does_not_come_back_as_coarse_as_the_others():
    objects = people(ContentDate="20120319")
    removed = dated("SeriesDate", decision=Decision.REMOVE)
    recoded(objects, [STUDY_DATE, removed], plan_of({"StudyDate": 4}))
    for data_set in objects:
        assert "2012" not in shown(data_set, "SeriesDate")
        assert shown(data_set, "ContentDate") == "20120101"


@pytest.mark.parametrize(("study", "series", "day"), [(2, 4, "20120101"), (4, 2, "20120101")])
def test_each_date_is_as_coarse_as_the_stricter_of_its_rule_and_the_visits(study, series, day):
    objects = people()
    plan = plan_of({"StudyDate": study, "SeriesDate": series})
    recoded(objects, [STUDY_DATE, dated("SeriesDate")], plan)
    assert {shown(o, "SeriesDate") for o in objects} == {day}


def test_other_dates_follow_the_strictest_rule_where_the_study_date_has_none():
    objects = people(ContentDate="20120319", AcquisitionDate="20120319")
    dates = [dated("SeriesDate"), dated("AcquisitionDate", decision=Decision.REMOVE)]
    recoded(objects, dates, plan_of({"SeriesDate": 4}))
    for keyword in ("ContentDate", "AcquisitionDate", "AcquisitionDateTime"):
        assert all("2012" not in shown(o, keyword) for o in objects)


def test_a_coarse_birth_date_leaves_the_dates_of_the_visit_alone():
    objects = people(PatientBirthDate="19510304")
    birth = element("PatientBirthDate", Kind.DATE, ladder="birthdate")
    recoded(objects, [birth], plan_of({"PatientBirthDate": 3}))
    for data_set in objects:
        assert shown(data_set, "PatientBirthDate") == "19520101"
        assert shown(data_set, "SeriesDate") == "20120318"


def test_a_value_that_nobody_can_read_is_removed_and_not_replaced_by_another():
    objects = [ct("P1", PatientAge="061Y"), ct("P1", PatientAge="unknown"), ct("P2")]
    recoded(objects, [AGE], plan_of({"PatientAge": 2}))
    assert [shown(o, "PatientAge") for o in objects] == ["062Y", "", ""]


def test_a_plan_never_shows_more_than_the_project_decided():
    ages = AGE.revised(decision=Decision.GENERALISE, generalise_to="10y")
    objects = [ct("P1", PatientAge="067Y"), ct("P2", PatientAge="068Y")]
    recoded(objects, [ages], plan_of({"PatientAge": 2}))
    assert {shown(o, "PatientAge") for o in objects} == {"065Y"}
    objects = [ct("P1", PatientAge="067Y"), ct("P2", PatientAge="068Y")]
    recoded(objects, [AGE.revised(decision=Decision.REMOVE)], plan_of({"PatientAge": 2}))
    assert {shown(o, "PatientAge") for o in objects} == {""}

"""UIDs that hold a day: a collection that fails only by them, and the same one mended."""

from __future__ import annotations

from test_who_is_counted import SEARCHED, STATED, image

import midi_risk as mr
from midi_risk.attributes.decisions import decided
from midi_risk.attributes.rekeyed import with_pseudonyms
from midi_risk.attributes.roles import propose
from midi_risk.config import AttributeSettings
from midi_risk.document.assessment import Finding
from midi_risk.risk.account import REKEYED
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.table import fold

DATED = "1.2.826.0.1.3680043.8.498.77.20200310101112"
DRAWN = "2.25.2613508312938457628934756"


def judged(folder, root, **settings):
    for number in range(15):
        image(folder, number, SOPInstanceUID=f"{root}{number:02d}")
    proposed = propose(mr.extract(folder))
    said = {name: AttributeSettings(**given) for name, given in settings.items()}
    table = fold(mr.extract(folder), decided(proposed, said))
    options = AssessmentOptions(channels=STATED, context=SEARCHED)
    return assess(table, ["public-release"], options=options)


def codes(assessment):
    return {reason.code for reason in assessment.verdict.reasons}


def test_uids_with_the_day_of_the_study_are_a_reason_and_random_ones_are_none(tmp_path):
    dated = judged(tmp_path / "dated", DATED)
    assert (dated.verdict.status, codes(dated)) == ("incomplete", {"uids_tell"})
    assert dated.verdict.reasons[0].names == ["MediaStorageSOPInstanceUID", "SOPInstanceUID"]
    assert any(isinstance(f, Finding) and f.attribute == "SOPInstanceUID" for f in dated.findings)
    assert judged(tmp_path / "drawn", DRAWN).verdict.status == "acceptable"


def test_a_need_in_writing_is_a_way_out(tmp_path):
    why = {"*SOPInstanceUID": {"need": "links to our archive; accepted by the data board"}}
    assert judged(tmp_path, DATED, **why).verdict.status == "acceptable"


def test_a_uid_that_no_object_can_be_without_is_not_gone_by_a_decision(tmp_path):
    gone = {"*SOPInstanceUID": {"decision": "remove"}}
    assert codes(judged(tmp_path, DATED, **gone)) == {"uids_tell"}


def test_a_uid_that_an_object_can_be_without_is(tmp_path):
    for number in range(15):
        image(tmp_path, number, InstanceCreatorUID=f"{DATED}{number:02d}")
    gone = {"InstanceCreatorUID": AttributeSettings(decision="remove")}
    proposed = propose(mr.extract(tmp_path))
    options = AssessmentOptions(channels=STATED, context=SEARCHED)
    for settings, expected in (({}, {"uids_tell"}), (gone, {"within"})):
        table = fold(mr.extract(tmp_path), decided(proposed, settings))
        assert codes(assess(table, ["public-release"], options=options)) == expected


def test_a_reference_inside_a_sequence_is_looked_at_too(tmp_path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    for number in range(15):
        item = Dataset()
        item.ReferencedSOPInstanceUID = f"{DATED}{number:02d}"
        image(tmp_path, number, ReferencedImageSequence=Sequence([item]))
    table = fold(mr.extract(tmp_path), propose(mr.extract(tmp_path)))
    options = AssessmentOptions(channels=STATED, context=SEARCHED)
    found = assess(table, ["public-release"], options=options)
    assert codes(found) == {"uids_tell"}
    assert found.verdict.reasons[0].names == ["ReferencedSOPInstanceUID"]


def test_uids_that_apply_replaces_tell_nothing_and_the_account_says_so(tmp_path):
    for number in range(15):
        image(tmp_path, number, SOPInstanceUID=f"{DATED}{number:02d}")
    extraction = mr.extract(tmp_path)
    options = AssessmentOptions(channels=STATED, context=SEARCHED)
    keys = {(extraction.tables[0].name, "PatientID")}
    for rekeyed, expected in ((False, {"uids_tell"}), (True, {"within"})):
        attributes = with_pseudonyms(propose(extraction), uids=rekeyed, keys=keys)
        found = assess(fold(extraction, attributes), ["public-release"], options=options)
        assert codes(found) == expected
        told = {row.name: row for row in found.account}
        assert told["PatientID"].reason == REKEYED
        assert (told["SOPInstanceUID"].reason == REKEYED) is rekeyed
        assert told["SOPInstanceUID"].disposition == "harmless"
        assert told["SOPClassUID"].reason != REKEYED


def test_a_key_that_looks_like_a_name_may_leave_as_a_pseudonym(tmp_path):
    lines = ["patient_name,age"] + [f"doe{n:02d}@example.org,{40 + n % 2}" for n in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    extraction = mr.extract(tmp_path / "t.csv")
    named = {"patient_name": AttributeSettings(role="linkage_key")}
    table = extraction.tables[0]
    for keys, expected in ((set(), True), ({(table.name, "patient_name")}, False)):
        attributes = with_pseudonyms(decided(propose(extraction), named), uids=False, keys=keys)
        found = assess(fold(extraction, attributes), ["public-release"])
        assert ("key_identifies" in codes(found)) is expected
        bare = with_pseudonyms(propose(extraction), uids=False, keys=keys)
        told = codes(assess(fold(extraction, bare), ["public-release"]))
        assert ("direct_open" in told) is expected

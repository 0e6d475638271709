"""Statements that would make a verdict acceptable, each beside the same with its evidence."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom, hypergeom

import midi_risk as mr
from midi_risk.cli.job import Job
from midi_risk.config import ChannelStatement, ReleaseDecision, load_project
from midi_risk.document.assessment import ChannelEntry, Context, Quality, SearchEntry, Statement
from midi_risk.document.sampling import defect_bound
from midi_risk.errors import ConfigError
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.threat.model import ThreatModel

NOW = datetime.now(UTC).date()
TODAY = NOW.isoformat()
PEOPLE = 240
LOOKED = {
    "status": "bounded", "by": "B. Reader", "on": TODAY, "method": "each frame by two readers",
    "looked": 220, "of": PEOPLE, "defects": 0, "sensitivity": 0.9,
}  # fmt: skip
SEARCH = {"date": TODAY, "by": "A. Assessor", "place": "public archives", "hits": 0}
CONTROL = {
    "by": "B. Reader", "on": TODAY, "population": PEOPLE, "sample": 60, "defects": 0,
    "sensitivity": 0.9,
}  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("evidence") / "t.csv"
    rows = [f"s{i:04d},{'MF'[i % 2]},{30 + 10 * (i // 2 % 4)}" for i in range(PEOPLE)]
    path.write_text("\n".join(["id,sex,age", *rows]), encoding="utf-8")
    extraction = mr.extract(str(path))
    return mr.fold(extraction, mr.propose(extraction))


def model(**changes):
    return ThreatModel.model_validate(
        {"schema": "midi-risk/threat-model/1", "name": "m", "release": "public",
         "threshold": {"k": 11}, "adversaries": [{"name": "a"}]} | changes
    )  # fmt: skip


def found(table, threat=None, *, context=None, **channels):
    said = {name: ChannelStatement.model_validate(each) for name, each in channels.items()}
    options = AssessmentOptions(
        channels=said, context=Context.model_validate(context) if context else None
    )
    return assess(table, [threat or model()], options=options)


def codes(assessment):
    return [reason.code for reason in assessment.verdict.reasons]


def entry(assessment, name):
    return next(channel for channel in assessment.channels if channel.name == name)


# Statements about channels.


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"by": ""}, "evidence_incomplete"),
        ({"sensitivity": None}, "evidence_incomplete"),
        ({"on": (NOW + timedelta(2)).isoformat()}, "evidence_incomplete"),
        ({"looked": 110, "of": PEOPLE - 1}, "evidence_of_part"),
        ({"file": "log.csv", "sha256": "0" * 64}, "evidence_file_missing"),
        ({"defects": 1}, "channel_above"),
        ({"looked": 20}, "channel_above"),
        ({"upper": 0.2}, "channel_above"),
    ],
)
def test_a_statement_counts_as_far_as_its_evidence_goes(table, changes, code):
    threat = model(channels={"free_text": "required"})
    assert codes(found(table, threat, free_text=LOOKED)) == ["within"]
    assert codes(found(table, threat, free_text=LOOKED | changes)) == [code]


def test_the_old_form_is_read_and_incomplete_and_above_where_it_says_so(table):
    threat = model(channels={"free_text": "required"})
    bare = {"status": "assessed", "value": 0.0, "evidence": "looked"}
    assert codes(found(table, threat, free_text=bare)) == ["evidence_incomplete"]
    high = {"status": "assessed", "value": 0.5, "evidence": "looked"}
    assert codes(found(table, threat, free_text=high)) == ["channel_above"]


@pytest.mark.parametrize("setting", [None, "optional"])
def test_a_channel_that_nobody_requires_counts_when_it_is_above(table, setting):
    threat = model(channels={"cross_collection_pixels": setting} if setting else {})
    certain = LOOKED | {"upper": 1.0}
    assert codes(found(table, threat, cross_collection_pixels=certain)) == ["channel_above"]
    assert codes(found(table, threat, cross_collection_pixels=LOOKED)) == ["within"]


def test_no_statement_hides_a_figure_that_was_computed(table):
    search = {"linked_search": [SEARCH | {"hits": 3}]}
    for said in (
        LOOKED | {"looked": PEOPLE},
        {"status": "not_assessed", "evidence": "nobody looked"},
    ):
        assessment = found(table, context=search, linked_data=said)
        assert entry(assessment, "linked_data").worst == 1.0
        assert {"channel_above", "search_hits"} <= set(codes(assessment))
    assert entry(found(table, context=search, linked_data=LOOKED), "linked_data").contradicts


def test_channels_are_judged_together(table):
    few = LOOKED | {"looked": PEOPLE, "sensitivity": 1.0, "upper": 0.04}
    two, three = (dict.fromkeys(names, few) for names in (
        ("face", "burned_in"), ("face", "burned_in", "free_text")))  # fmt: skip
    assert codes(found(table, **two)) == ["within"]
    assert codes(found(table, **three)) == ["channels_together"]
    assert codes(found(table, model(channels_total=0.2), **three)) == ["within"]
    assert codes(found(table, model(channels_total=0.05), **two)) == ["channels_together"]


def test_bounds_of_several_samples_hold_together(table):
    said = dict.fromkeys(("face", "burned_in"), LOOKED | {"looked": 60})
    assessment = found(table, **said)
    alone = defect_bound(60, PEOPLE, 0, 0.9)
    assert entry(assessment, "face").upper == alone
    together = assessment.channels_together
    assert alone <= together.largest < 2 * alone
    assert codes(assessment) == ["within"]


def test_images_may_each_be_of_a_subject_of_their_own(table):
    frames = LOOKED | {"looked": 2000, "of": 10 * PEOPLE}
    bound = defect_bound(2000, 10 * PEOPLE, 0, 0.9)
    assert entry(found(table, face=frames), "face").upper == pytest.approx(10 * bound)


def test_what_nobody_requires_and_nobody_assessed_is_named(table):
    (reason,) = found(table).verdict.reasons
    assert reason.names == ["image_recognition", "linked_data"]
    assert "nothing was left unassessed" not in reason.text
    search = {"linked_search": [SEARCH]}
    (reason,) = found(table, context=search, image_recognition=LOOKED).verdict.reasons
    assert reason.text.endswith("nothing was left unassessed")


# Searches and quality control.


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"hits": 2}, ["channel_above", "search_hits"]),
        ({"hits": None, "found": "nothing"}, ["channels_open", "search_incomplete"]),
        ({"by": ""}, ["channels_open", "search_incomplete"]),
        ({"date": (NOW - timedelta(400)).isoformat()}, ["channels_open", "search_old"]),
    ],
)
def test_a_search_is_judged(table, changes, expected):
    public = model(channels={"linked_data": "required"})
    assert codes(found(table, public)) == ["channels_open"]
    assert codes(found(table, public, context={"linked_search": [SEARCH]})) == ["within"]
    changed = {"linked_search": [SEARCH | changes]}
    assert codes(found(table, public, context=changed)) == expected
    silent = [code for code in expected if code != "channels_open"]
    assert codes(found(table, context=changed)) == silent, "a recorded search counts anywhere"


def test_a_second_search_does_not_unsay_the_first(table):
    again = {"linked_search": [SEARCH | {"hits": 2}, SEARCH]}
    assert "search_hits" in codes(found(table, context=again))
    old = {"linked_search": [SEARCH | {"date": (NOW - timedelta(400)).isoformat()}, SEARCH]}
    assert codes(found(table, context=old)) == ["within"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"defects": 12, "sample": 20}, "quality_above"),
        ({"sample": 20}, "quality_above"),
        ({"by": ""}, "quality_incomplete"),
        ({"sensitivity": None}, "quality_incomplete"),
        ({"on": (NOW - timedelta(400)).isoformat()}, "quality_old"),
    ],
)
def test_quality_control_is_judged(table, changes, code):
    searched = {"linked_search": [SEARCH]}
    assert codes(found(table, context=searched | {"quality": CONTROL})) == ["within"]
    assert codes(found(table, context=searched | {"quality": CONTROL | changes})) == [code]


# The project file.

PROJECT = """\
schema: midi-risk/project/1
collection: {name: t, sources: [{table: t.csv, key: id}]}
channels:
  burned_in: {status: bounded, by: B. Reader, on: 2026-11-02, method: by eye, looked: 300, of: 497,
              defects: 0, sensitivity: 0.9, file: log.csv, sha256: DIGEST}
context:
  linked_search: [{on: 2026-11-02, by: A. Assessor, place: archives, hits: 0}]
  quality: {on: 2026-11-02, by: B. Reader, population: 497, sample: 60, defects: 0}
"""


def written(folder: Path, text: str) -> Job:
    file = folder / "midi-risk.yaml"
    file.write_text(text, encoding="utf-8")
    return Job(project=load_project(file), base=folder, file=file)


def test_on_is_a_key_and_a_day_needs_no_quotes(tmp_path):
    project = written(tmp_path, PROJECT.replace("DIGEST", "ab" * 32)).project
    assert project.channels["burned_in"].on == "2026-11-02"
    context = Context.model_validate(project.context)
    assert context.linked_search[0].complete
    assert context.quality is not None
    assert context.quality.on == "2026-11-02"


def test_the_file_of_the_evidence_is_looked_for_and_compared(tmp_path):
    text = b"subject,defect\n"
    job = written(tmp_path, PROJECT.replace("DIGEST", hashlib.sha256(text).hexdigest()))
    assert job._evidence_files() == {}
    (tmp_path / "log.csv").write_bytes(text)
    assert job._evidence_files() == {"burned_in": "same"}
    (tmp_path / "log.csv").write_bytes(text + b"s1,1\n")
    assert job._evidence_files() == {"burned_in": "changed"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("on: 2026-11-02, method", "on: yesterday, method", "give a day such as 2026-11-02"),
        ("looked: 300", "looked: 500", "'looked' is more than 'of'"),
        ("of: 497,", "", "needs 'upper', a probability, or the counts"),
        ("DIGEST", "abc", "sha256"),
    ],
)
def test_faulty_evidence_is_told_in_one_line(tmp_path, old, new, words):
    with pytest.raises(ConfigError) as caught:
        written(tmp_path, PROJECT.replace(old, new).replace("DIGEST", "ab" * 32))
    (fault,) = caught.value.faults
    assert fault.startswith("channels.burned_in")
    assert words in fault


# The bound.


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 40), st.sampled_from([1.0, 0.9, 0.5]))
def test_the_bound_is_the_largest_number_of_defects_that_agrees(data, of, sensitivity):
    looked = data.draw(st.integers(1, of))
    defects = data.draw(st.integers(0, looked))
    likely = [
        number
        for number in range(defects, of + 1)
        if sum(
            hypergeom.pmf(met, of, number, looked) * binom.cdf(defects, met, sensitivity)
            for met in range(min(looked, number) + 1)
        )
        > 0.05 * (1 + 1e-9)  # just 0.05 is not more
    ]
    expected = 1.0 if defects == looked else max(likely) / of
    assert defect_bound(looked, of, defects, sensitivity) == pytest.approx(expected)


@pytest.mark.parametrize(("of", "bound"), [(20, 18 / 20), (40, 37 / 40), (60, 56 / 60)])
def test_a_probability_of_just_five_per_cent_is_not_more(of, bound):
    # one of them was looked at, so (of - defective) / of is the probability of finding nothing
    assert defect_bound(1, of, 0) == bound


def test_the_bound_in_an_endless_population_is_that_of_clopper_and_pearson():
    assert defect_bound(59, None, 0) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert defect_bound(59, None, 0, 0.5) == pytest.approx(2 * (1 - 0.05 ** (1 / 59)))
    assert defect_bound(0, 100, 0) is None
    assert Quality(population=100, sample=0, defects=0).bound is None


@pytest.mark.parametrize("blank", ["", "  ", " . ", "-"])
def test_blanks_say_nothing(blank):
    """Who, how and where are words: a blank is as if nothing was said."""
    assert Statement(by=blank, on="2026-11-02", method="read").lacks[0] == "by"
    assert "method" in Statement(by="B. Reader", method=blank).lacks
    searched = {"date": "2026-11-02", "by": "B. Reader", "place": "TCIA", "hits": 0}
    assert SearchEntry.model_validate(searched).complete
    for name in ("by", "place"):
        assert not SearchEntry.model_validate(searched | {name: blank}).complete
    with pytest.raises(ValidationError):
        ReleaseDecision.model_validate({"decision": "retain", "reason": blank})


def test_a_lower_end_counts_as_well():
    """Who states that a risk is at least a half states that it is above the limit."""
    entry = ChannelEntry(name="face", status="bounded", value=0.0, lower=0.5, evidence="")
    assert entry.worst == 0.5

"""What a class tells of its members, and columns that identify although no class counts them.

Each case is a pair: a collection that fails for this reason alone, and the same one mended.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import midi_risk as mr
from midi_risk.attributes.decisions import decided, with_key
from midi_risk.cli.app import app
from midi_risk.config import AttributeSettings, SubjectKeySettings
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.errors import ConfigError
from midi_risk.recode.plan import suggest
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.measures.diversity import sensitive_counts
from midi_risk.risk.measures.gain import inference_gain
from midi_risk.threat.library import load_threat_model
from midi_risk.threat.model import ThreatModel

TODAY = datetime.now(UTC).date().isoformat()
SEARCHED = Context(linked_search=[SearchEntry(date=TODAY, by="me", place="archives", hits=0)])
BY = {"by": "A. Steward", "on": "2026-11-02"}
ACCEPTED = {"accepted": {**BY, "reason": "published for every subject"}}
HIV, ALIVE = "hiv_status", "vital_status"
SIZE = 12


def people(name: str, values: dict[tuple[str, str], list[str]], key: str = "id") -> list[list[str]]:
    """Return a table of classes of sex and age with these sensitive values."""
    rows = [[key, "sex", "age", name]]
    for (sex, age), told in values.items():
        rows += [[f"s{len(rows) + i:04d}", sex, age, value] for i, value in enumerate(told)]
    return rows


def classes(special: list[str], usual: list[str]) -> dict[tuple[str, str], list[str]]:
    """Return twenty classes, one of which is special."""
    keys = [(sex, str(age)) for sex in "FM" for age in range(40, 90, 5)]
    return {key: special if key == ("M", "60") else usual for key in keys}


def table_of(path: Path, rows, said=None, key=None):
    file = path / "t.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    extraction = mr.extract(str(file))
    settings = {name: AttributeSettings.model_validate(v) for name, v in (said or {}).items()}
    attributes = decided(mr.propose(extraction), settings)
    given = None if key is None else SubjectKeySettings.model_validate(key)
    return mr.fold(extraction, with_key(attributes, given, "project file"))


def judged(path: Path, rows, said=None, key=None, threat="public-release"):
    options = AssessmentOptions(context=SEARCHED)
    return assess(table_of(path, rows, said, key), [threat], options=options)


def codes(assessment) -> list[str]:
    return [reason.code for reason in assessment.verdict.reasons]


def judging(criterion: str, value: float, **more: object) -> ThreatModel:
    document = load_threat_model("public-release").model_dump(by_alias=True)
    return ThreatModel.model_validate(
        document | {"disclosure": {"criterion": criterion, "value": value, **more}}
    )


RARE = classes(["positive"] * SIZE, ["negative"] * SIZE)
MIXED = classes(["positive"] * 6 + ["negative"] * 6, ["negative"] * SIZE)


def test_a_class_of_positives_in_a_collection_of_negatives_tells_who_is_positive(tmp_path):
    bad = judged(tmp_path, people(HIV, RARE))
    assert (bad.verdict.status, codes(bad)) == ("above_threshold", ["disclosed"])
    (found,) = bad.disclosure
    assert (found.attribute, found.criterion, found.threshold) == (HIV, "gain", 0.5)
    assert found.value == pytest.approx(0.95)
    assert (found.passed, found.classes, found.subjects) == (False, 1, SIZE)
    good = judged(tmp_path, people(HIV, MIXED))
    assert (good.verdict.status, good.disclosure[0].passed) == ("acceptable", True)


def test_a_class_that_is_all_alive_among_the_living_tells_nothing(tmp_path):
    usual = ["alive"] * 11 + ["dead"]
    found = judged(tmp_path, people(ALIVE, classes(["alive"] * SIZE, usual)))
    assert found.verdict.status == "acceptable"
    assert found.disclosure[0].value == pytest.approx(1 - (20 * SIZE - 19) / (20 * SIZE))


def test_an_attribute_that_does_not_leave_is_not_judged(tmp_path):
    found = judged(tmp_path, people(HIV, RARE), {HIV: {"decision": "remove"}})
    assert (found.verdict.status, found.disclosure) == ("acceptable", [])


def test_values_are_judged_as_they_leave(tmp_path):
    steps = [{"groups": {"known": ["positive", "negative"]}}]
    said = {HIV: {"role": "sensitive", "hierarchy": steps, "level": 1}}
    found = judged(tmp_path, people(HIV, RARE), said)
    assert (found.verdict.status, found.disclosure[0].value) == ("acceptable", 0)


def test_an_exception_in_writing_is_told_and_no_longer_stands_against(tmp_path):
    found = judged(tmp_path, people(HIV, RARE), {HIV: {"disclosure": ACCEPTED}})
    assert found.verdict.status == "acceptable"
    assert codes(found) == ["within", "disclosure_accepted"]
    assert found.disclosure[0].passed is False
    assert found.disclosure[0].accepted.by == "A. Steward"


def test_only_values_called_harmful_count_where_some_are_named(tmp_path):
    rows = people("diagnosis", classes(["fracture"] * SIZE, ["lung cancer", "sprain"] * 6))
    said = {"diagnosis": {"role": "sensitive"}}
    assert codes(judged(tmp_path, rows, said)) == ["disclosed"]
    said["diagnosis"]["harmful"] = ["Lung Cancer"]
    assert judged(tmp_path, rows, said).verdict.status == "acceptable"
    said["diagnosis"]["harmful"] = ["fracture"]
    assert codes(judged(tmp_path, rows, said)) == ["disclosed"]


def test_a_harmful_value_that_nobody_has_frees_no_other(tmp_path):
    said = {HIV: {"role": "sensitive", "harmful": ["postive"]}}
    assert codes(judged(tmp_path, people(HIV, RARE), said)) == ["disclosed"]


@pytest.mark.parametrize(
    "said", [{"harmful": ["x"]}, {"disclosure": ACCEPTED}, {"sensitive": True}], ids=str
)
def test_what_is_said_of_an_attribute_that_nobody_judges_is_an_error(tmp_path, said):
    widths = {"positive": "wide", "negative": "narrow"}
    rows = [[widths.get(cell, cell) for cell in row] for row in people("shoe", MIXED)]
    if "sensitive" not in said:
        said = {"role": "quasi_identifier", **said}
    with pytest.raises(ConfigError, match=r"attributes\.shoe: nobody judges what it discloses"):
        table_of(tmp_path, rows, {"shoe": said})
    with pytest.raises(ValueError, match="cannot be sensitive as well"):
        AttributeSettings(role="insensitive", sensitive=True)


def test_one_harmful_value_or_another_is_harm_as_well(tmp_path):
    rows = people("diagnosis", classes(["HIV", "syphilis"] * 6, ["sprain"] * SIZE))
    said = {"diagnosis": {"role": "sensitive"}}
    assert judged(tmp_path, rows, said).verdict.status == "acceptable"
    said["diagnosis"]["harmful"] = ["HIV", "syphilis"]
    found = judged(tmp_path, rows, said)
    assert codes(found) == ["disclosed"]
    assert found.disclosure[0].value == pytest.approx(0.95)


def test_a_harmful_value_stays_harmful_under_a_coarser_name(tmp_path):
    steps = [{"groups": {"infection": ["HIV"]}}]
    said = {"diagnosis": {"role": "sensitive", "harmful": ["HIV"], "hierarchy": steps, "level": 1}}
    rows = people("diagnosis", classes(["HIV"] * SIZE, ["sprain"] * SIZE))
    assert codes(judged(tmp_path, rows, said)) == ["disclosed"]


def test_records_without_a_value_do_not_hide_what_the_others_show(tmp_path):
    half = ["positive"] * 6 + [""] * 6
    assert codes(judged(tmp_path, people(HIV, classes(half, ["negative"] * SIZE)))) == ["disclosed"]
    for n in (1, 5):
        few = ["positive"] * n + [""] * (SIZE - n)
        assert judged(tmp_path, people(HIV, classes(few, ["negative"] * SIZE))).disclosure[0].passed


def test_a_quasi_identifier_can_be_sensitive_as_well(tmp_path):
    counts = {("F", "40"): 36, ("M", "40"): 12, ("M", "50"): 24}
    rows = [["id", "sex", "age"]]
    for (sex, age), n in counts.items():
        rows += [[f"s{len(rows) + i:04d}", sex, age] for i in range(n)]
    assert judged(tmp_path, rows).verdict.status == "acceptable"
    model = judging("gain", 0.9, gain=0.3)
    both = {"age": {"role": "quasi_identifier", "sensitive": True}}
    bad = judged(tmp_path, rows, both, threat=model)
    assert codes(bad) == ["disclosed"]
    assert bad.disclosure[0].value == pytest.approx(1 - 48 / 72)
    assert [d.attribute for d in bad.measures.diversity] == ["age"]
    assert bad.measures.quasi_identifiers == ["sex", "age"]
    assert next(a for a in bad.attributes if a.name == "age").sensitive
    assert judged(tmp_path, rows, threat=model).verdict.status == "acceptable"


@pytest.mark.parametrize(
    ("criterion", "value", "passes"),
    [("distinct", 2, False), ("entropy", 1.5, False), ("recursive", 3.0, False), ("t", 0.5, False),
     ("t", 0.96, True)],
)  # fmt: skip
def test_a_model_may_judge_by_the_criteria_of_the_literature(tmp_path, criterion, value, passes):
    found = judged(tmp_path, people(HIV, RARE), threat=judging(criterion, value))
    assert found.disclosure[0].passed is passes
    even = {key: ["positive", "negative"] * 6 for key in RARE}
    assert (
        judged(tmp_path, people(HIV, even), threat=judging(criterion, value)).disclosure[0].passed
    )


@pytest.mark.parametrize(
    ("written", "words"),
    [({"criterion": "gain", "value": 0.9}, "needs 'gain'"),
     ({"criterion": "t", "value": 0.2, "gain": 0.1}, "no other takes it"),
     ({"criterion": "t", "value": 2}, "at most 1"),
     ({"criterion": "distinct", "value": 2.5}, "whole number"),
     ({"criterion": "entropy", "value": 0.5}, "at least 1")],
)  # fmt: skip
def test_a_criterion_that_cannot_be_is_refused_in_words(written, words):
    with pytest.raises(ValueError, match=words):
        judging(**written)


def test_the_search_meets_a_criterion_that_it_knows(tmp_path):
    both = ["positive", "negative"] * 6
    every_other = {key: both if int(key[1]) % 10 else ["negative"] * 12 for key in MIXED}
    model = judging("distinct", 2)
    plan = suggest(table_of(tmp_path, people(HIV, every_other)), [model], max_suppression=0.0)
    assert plan.found
    assert plan.steps
    assert plan.reason == ""


def test_a_criterion_that_only_an_empty_release_meets_is_no_suggestion(tmp_path):
    plan = suggest(
        table_of(tmp_path, people(HIV, MIXED)), [judging("distinct", 2)], max_suppression=0.0
    )
    assert not plan.found
    assert "only removing every quasi-identifier" in plan.reason


def test_a_plan_says_which_sensitive_values_it_leaves_open(tmp_path):
    plan = suggest(table_of(tmp_path, people(HIV, RARE)))
    assert plan.found
    assert "sensitive values can still be inferred: hiv_status" in plan.describe()
    assert suggest(table_of(tmp_path, people(HIV, MIXED))).reason == ""


def test_random_values_rarely_raise_the_alarm():
    rng = np.random.default_rng(20261130)
    classes_of = EquivalenceClasses.from_codes(np.repeat(np.arange(20), 11)[:, None])
    for shares in ([0.5, 0.5], [0.4, 0.6], [0.1, 0.9], [0.4, 0.4, 0.2]):
        alarms = 0
        for _ in range(500):
            values = rng.choice(len(shares), size=220, p=shares).astype(str).astype(object)
            counts = sensitive_counts(classes_of, values)
            gain = inference_gain(counts, classes_of.sizes, certain=0.9)
            alarms += bool((gain > 0.5).any())
        assert alarms <= 0.03 * 500


NAMED = people(HIV, MIXED, key="patient_name")


def test_a_key_that_is_called_a_name_is_no_pseudonym_until_somebody_confirms_it(tmp_path):
    assert codes(judged(tmp_path, NAMED)) == ["direct_open"]
    called = judged(tmp_path, NAMED, {"patient_name": {"role": "linkage_key"}})
    assert (called.verdict.status, "key_identifies" in codes(called)) == ("incomplete", True)
    confirmed = {"column": "patient_name", "confirmed": BY}
    assert judged(tmp_path, NAMED, key=confirmed).verdict.status == "acceptable"
    unsigned = judged(tmp_path, NAMED, key={"column": "patient_name"})
    assert unsigned.verdict.status == "incomplete"


def test_a_key_of_addresses_is_a_direct_identifier_as_well(tmp_path):
    rows = people(HIV, MIXED)
    rows[1:] = [[f"{row[0]}@example.org", *row[1:]] for row in rows[1:]]
    found = judged(tmp_path, rows, {"id": {"role": "linkage_key"}})
    assert "key_identifies" in codes(found)
    assert "example.org" not in " ".join(r.text for r in found.verdict.reasons)


def test_a_key_that_was_guessed_is_open_until_somebody_confirms_it(tmp_path):
    rows = people(HIV, MIXED, key="image_id")
    guessed = judged(tmp_path, rows)
    assert (guessed.verdict.status, codes(guessed)) == ("incomplete", ["key_guessed"])
    called = judged(tmp_path, rows, {"image_id": {"role": "linkage_key"}})
    assert codes(called) == ["key_guessed"]
    assert codes(judged(tmp_path, rows, key={"column": "image_id"})) == ["key_guessed"]
    confirmed = judged(tmp_path, rows, key={"column": "image_id", "confirmed": BY})
    assert confirmed.verdict.status == "acceptable"


def test_a_plain_key_that_the_project_names_without_confirming_is_asked_for(tmp_path):
    rows = people(HIV, MIXED)
    assert codes(judged(tmp_path, rows, key={"column": "id"})) == ["key_guessed"]


def test_a_key_that_no_source_has_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"subject_key\.column"):
        judged(tmp_path, NAMED, key={"column": "patient", "confirmed": BY})


def test_a_column_called_insensitive_that_singles_out_is_open_until_justified(tmp_path):
    rows = people(HIV, MIXED)
    rows[0] += ["shoe", "original_a"]
    for i, row in enumerate(rows[1:]):
        row += [f"v{i}", f"{i}.5"]
    said = {"shoe": {"role": "insensitive"}, "original_*": {"role": "insensitive"}}
    bad = judged(tmp_path, rows, said)
    assert bad.verdict.status == "incomplete"
    (found,) = [r for r in bad.verdict.reasons if r.code == "singles_out"]
    assert found.names == ["shoe", "original_a"]
    for setting in said.values():
        setting["need"] = "measured in the images, known to nobody"
    assert "singles_out" not in codes(judged(tmp_path, rows, said))
    gone = {name: {"role": "insensitive", "decision": "remove"} for name in said}
    assert judged(tmp_path, rows, gone).verdict.status == "acceptable"


def test_few_values_of_ones_own_single_nobody_out(tmp_path):
    rows = people(HIV, MIXED)
    rows[0] += ["shoe"]
    for i, row in enumerate(rows[1:]):
        row += [f"v{i}" if i < 48 else "usual"]
    said = {"shoe": {"role": "insensitive"}}
    assert "singles_out" not in codes(judged(tmp_path, rows, said))
    rows[50][-1] = "one more"
    assert "singles_out" in codes(judged(tmp_path, rows, said))


def test_the_exact_name_wins_over_a_pattern_and_a_pattern_needs_a_column(tmp_path):
    rows = people(HIV, MIXED)
    said = {"hiv*": {"role": "insensitive"}, HIV: {"role": "sensitive"}}
    assert table_of(tmp_path, rows, said).attributes[HIV].role == "sensitive"
    with pytest.raises(ConfigError, match="no source has it"):
        table_of(tmp_path, rows, {"original_*": {"role": "insensitive"}})


def test_what_no_adversary_is_taken_to_know_is_not_judged_and_so_open(tmp_path):
    rows = people(HIV, MIXED)
    rows[0] += ["zip"]
    for i, row in enumerate(rows[1:]):
        row += [str(10000 + i)]
    document = load_threat_model("acquaintance", {"prevalence": 1.0}).model_dump(by_alias=True)
    (adversary,) = document["adversaries"]
    known = {"PatientAge": "exact", "PatientSex": "exact"}
    model = ThreatModel.model_validate(document | {"adversaries": [adversary | {"knows": known}]})
    bad = judged(tmp_path, rows, threat=model)
    assert (bad.verdict.status, codes(bad)) == ("incomplete", ["not_known"])
    removed = judged(tmp_path, rows, {"zip": {"decision": "remove"}}, threat=model)
    assert removed.verdict.status == "acceptable"


PROJECT = """schema: midi-risk/project/1
collection: {name: t, sources: [{table: t.csv, key: patient_name}]}
subject_key: {column: patient_name, confirmed: {by: A. Steward, on: 2026-11-02}}
attributes:
  hiv_status:
    role: sensitive
    harmful: [positive]
    disclosure: {accepted: {by: A. Steward, on: 2026-11-02, reason: "known of everybody"}}
"""


def test_both_editions_show_what_is_disclosed_and_who_accepted_it(tmp_path):
    table_of(tmp_path, people(HIV, RARE, key="patient_name"))
    (tmp_path / "midi-risk.yaml").write_text(PROJECT, encoding="utf-8")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["assess", str(tmp_path), "-o", str(out), "-q"])
    assert done.exit_code == 0, done.output
    for edition in ("internal", "shareable"):
        page = (out / f"report-{edition}.html").read_text(encoding="utf-8")
        part = page[page.index('id="sensitive"') : page.index('id="channels"')]
        assert "gain over the base rate" in part
        assert "fails; accepted by A. Steward" in part
        assert ">0.95<" in part

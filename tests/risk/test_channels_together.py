"""The channels of each subject together: who has which, one bound, and what a model accepts."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from datetime import UTC, datetime
from math import comb

import numpy as np
import pandas as pd
import pytest

import midi_risk as mr
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import Context
from midi_risk.document.sampling import CleanSample, defect_bound, joint_bound
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.threat.model import ThreatModel

TODAY = datetime.now(UTC).date().isoformat()
PEOPLE, HEADS = 240, 60


def looked(n, of, **changes):
    """Return a statement with counts."""
    return {
        "status": "bounded", "by": "B. Reader", "on": TODAY, "method": "two readers", "looked": n,
        "of": of, "defects": 0, "sensitivity": 0.9,
    } | changes  # fmt: skip


def threat(release="public", statistic="maximum", **changes):
    return ThreatModel.model_validate(
        {"schema": "midi-risk/threat-model/1", "name": "m", "release": release,
         "threshold": {"k": 11, "statistic": statistic},
         "adversaries": [{"name": "a", "attempt": changes.pop("attempt", 1.0)}]} | changes
    )  # fmt: skip


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Return a table of series: a quarter of the subjects has a scan of the head."""
    path = tmp_path_factory.mktemp("together") / "series.csv"
    rows = ["PatientID,SeriesInstanceUID,Modality,BodyPartExamined,PatientSex"]
    for i in range(PEOPLE):
        part = "HEAD" if i < HEADS else "CHEST"
        rows.append(f"s{i:04d},1.2.3.{i},CT,{part},{'MF'[i % 2]}")
    path.write_text("\n".join(rows), encoding="utf-8")
    extraction = mr.extract(str(path))
    return mr.fold(extraction, mr.propose(extraction))


def judged(table, model=None, context=None, **channels):
    said = {name: ChannelStatement.model_validate(each) for name, each in channels.items()}
    options = AssessmentOptions(
        channels=said, context=Context.model_validate(context) if context else None
    )
    return assess(table, [model or threat()], options=options)


def channel_codes(assessment):
    found = [reason.code for reason in assessment.verdict.reasons]
    return [code for code in found if code.startswith("channel") and code != "channels_open"]


def test_a_face_is_a_channel_of_those_only_whose_head_was_scanned(scans):
    assert len(scans.concerned["face"]) == HEADS
    assert len(scans.concerned["images"]) == PEOPLE
    assessment = judged(
        scans,
        face={"status": "assessed", "value": 0.06, "method": "compared"},
        burned_in={"status": "assessed", "value": 0.02, "method": "read"},
    )
    together = assessment.channels_together
    assert together.largest == pytest.approx(0.08)
    assert together.mean == pytest.approx(0.02 + 0.06 * HEADS / PEOPLE)
    assert {c.name: c.subjects for c in assessment.channels}["face"] == HEADS


def test_a_sample_is_of_the_subjects_who_have_the_channel(scans):
    enough = judged(scans, face=looked(HEADS, HEADS, sensitivity=1.0))
    assert "evidence_of_part" not in [r.code for r in enough.verdict.reasons]
    short = judged(scans, face=looked(HEADS - 1, HEADS - 1, sensitivity=1.0))
    assert "evidence_of_part" in [r.code for r in short.verdict.reasons]
    bound = judged(scans, face=looked(40, HEADS)).channels_together
    assert bound.largest == pytest.approx(defect_bound(40, HEADS, 0, 0.9))
    assert bound.mean == pytest.approx(bound.largest * HEADS / PEOPLE)


def test_without_a_modality_anybody_may_have_a_face(tmp_path):
    path = tmp_path / "series.csv"
    rows = [f"s{i:03d},1.2.3.{i}" for i in range(20)]
    path.write_text("\n".join(["PatientID,SeriesInstanceUID", *rows]), encoding="utf-8")
    extraction = mr.extract(str(path))
    table = mr.fold(extraction, mr.propose(extraction))
    assert "face" not in table.concerned
    assert len(table.concerned["images"]) == 20


def test_a_subject_without_images_has_no_channel_of_images(tmp_path):
    clinical, series = tmp_path / "clinical.csv", tmp_path / "series.csv"
    clinical.write_text(
        "\n".join(["PatientID,sex", *(f"s{i:03d},{'MF'[i % 2]}" for i in range(40))]),
        encoding="utf-8",
    )
    series.write_text(
        "\n".join(["PatientID,Modality", *(f"s{i:03d},CT" for i in range(10))]), encoding="utf-8"
    )
    extraction = mr.extract(str(clinical), tables=[f"{series}:PatientID"])
    table = mr.fold(extraction, mr.propose(extraction))
    found = judged(table, burned_in={"status": "assessed", "value": 0.08, "method": "read"})
    assert found.channels_together.mean == pytest.approx(0.08 / 4)


def test_a_finding_is_the_risk_of_somebody_for_certain(scans):
    context = {"linked_search": [{"date": TODAY, "by": "A", "place": "archives", "hits": 3}]}
    found = judged(scans, threat("controlled", "strict-average", attempt=0.3), context)
    assert found.channels_together.largest == 1.0
    assert found.channels_together.mean == pytest.approx(3 / PEOPLE)
    assert channel_codes(found) == ["channel_above"]
    read = judged(scans, burned_in=looked(PEOPLE, PEOPLE, defects=1)).channels_together
    assert (read.largest, read.mean) == (1.0, 1.0)


TWO = {
    "face": {"status": "assessed", "value": 0.25, "method": "compared"},
    "burned_in": {"status": "assessed", "value": 0.07, "method": "read"},
}


@pytest.mark.parametrize(
    ("model", "above"),
    [
        # attempt .3 leaves 1/3.3 = .303: the largest is .32, the average .1325
        (threat("controlled", "maximum", attempt=0.3), True),
        (threat("controlled", "average", attempt=0.3), False),
        (threat("controlled", "average", attempt=0.3, channels_total=0.036), True),
        (threat("controlled", "average", attempt=0.3, channels_total=0.042), False),
        (threat("controlled", "maximum", attempt=0.3, channels_total=0.1), False),
        # no attempt is so rare that a risk above 1/3 is accepted
        (threat("controlled", "maximum", attempt=0.01, channels_total=0.1), False),
    ],
)
def test_the_statistic_and_the_attempt_are_those_of_the_model(scans, model, above):
    found = judged(scans, model, **TWO)
    assert channel_codes(found) == (["channels_together"] if above else [])
    (accepted,) = found.channels_together.models
    assert accepted.statistic == model.threshold.statistic


def test_an_average_hides_nobody_above_its_floor(scans):
    more = TWO | {"burned_in": TWO["burned_in"] | {"value": 0.1}}
    assert channel_codes(judged(scans, threat("controlled", "average", attempt=0.3), **more)) == [
        "channels_together"
    ]


def test_no_attempt_makes_a_certain_channel_acceptable(scans):
    certain = {"status": "assessed", "value": 0.34, "method": "compared"}
    rare = threat("controlled", "maximum", attempt=0.01)
    assert channel_codes(judged(scans, rare, face=certain)) == ["channel_above"]


def test_the_worst_subject_is_the_one_with_most_channels(scans):
    days = pd.DataFrame({"subject": [0, 0, PEOPLE - 1, PEOPLE - 1], "day": [1, 5, 1, 5]})
    table = replace(scans, visits=days)
    stated = {"status": "assessed", "value": 0.05, "method": "x"}
    said = dict.fromkeys(("face", "visit_intervals"), stated)
    found = judged(table, **said)
    intervals = next(c for c in found.channels if c.name == "visit_intervals")
    assert intervals.subjects == 2
    assert found.channels_together.largest == pytest.approx(intervals.worst + 0.05)


# One bound for several samples.


def sample(looked, of, sensitivity=1.0, weight=None):
    return CleanSample(
        looked=looked, of=of, sensitivity=sensitivity, weight=1 / of if weight is None else weight
    )


@pytest.mark.parametrize(("n", "of", "seen"), [(60, 240, 0.9), (258, 1000, 1.0), (5, 10, 0.5)])
def test_the_bound_of_one_sample_is_its_own(n, of, seen):
    assert joint_bound([sample(n, of, seen)]) == pytest.approx(defect_bound(n, of, 0, seen))
    assert joint_bound([]) == 0.0


def nothing_seen(defects, one):
    """Return the probability that a clean sample is clean, by counting."""
    return sum(
        comb(defects, x) * comb(one.of - defects, one.looked - x) * (1 - one.sensitivity) ** x
        for x in range(max(0, one.looked - one.of + defects), min(defects, one.looked) + 1)
    ) / comb(one.of, one.looked)


@pytest.mark.parametrize(
    "samples",
    [
        [sample(10, 30), sample(10, 30)],
        [sample(10, 30), sample(20, 30, 0.8), sample(5, 30, 0.9)],
        [sample(12, 40, 0.9), sample(9, 25, 0.7)],
    ],
)
def test_the_joint_bound_is_the_largest_sum_that_a_search_of_all_finds(samples):
    chances = [[nothing_seen(d, one) for d in range(one.of + 1)] for one in samples]
    best = max(
        sum(d * one.weight for d, one in zip(each, samples, strict=True))
        for each in itertools.product(*(range(one.of + 1) for one in samples))
        if np.prod([chances[i][d] for i, d in enumerate(each)]) > 0.05
    )
    found = joint_bound(samples)
    assert best - 1e-9 <= found <= best + max(one.weight for one in samples) + 1e-9
    if len({one.weight for one in samples}) == 1:
        assert found == pytest.approx(best)


def test_many_defects_are_bounded_in_runs():
    for of in (50_000, 1_000_000):
        one = sample(300, of, 0.9)
        exact = defect_bound(300, of, 0, 0.9)
        assert exact <= joint_bound([one]) <= exact * 1.01


def missed(rng, runs, samples, defects, *, same):
    """Return how often the joint bound is below the truth, in simulated samples."""
    truth = sum(d * one.weight for d, one in zip(defects, samples, strict=True))
    below = joint_bound(samples) < truth - 1e-12
    first = 0
    misses = 0
    sick = []
    for d in defects:  # of different subjects, so that their shares add up
        sick.append(np.arange(first, first + d))
        first += d
    for _ in range(runs):
        drawn = rng.permutation(samples[0].of)
        clean = True
        for one, who in zip(samples, sick, strict=True):
            units = drawn if same else rng.permutation(one.of)
            met = np.isin(units[: one.looked], who).sum()
            clean &= not (rng.random(met) < one.sensitivity).any()
        misses += clean and below  # with a finding the channel counts as 1
    return misses / runs


def coverage(seed, runs):
    """Yield the share of misses where the truth is just above the bound, where most are."""
    rng = np.random.default_rng(seed)
    for same in (False, True):
        for looked_at, seen in (((30, 60), (0.9, 1.0)), ((40, 40, 40), (0.9, 0.9, 0.9))):
            samples = [sample(n, 120, s) for n, s in zip(looked_at, seen, strict=True)]
            most = round(joint_bound(samples) * 120) + 1
            for first in range(most + 1):
                split = [first, most - first, *(0 for _ in samples[2:])]
                yield missed(rng, runs, samples, split, same=same)


def test_the_joint_bound_covers_the_truth_in_95_of_100():
    assert max(coverage(20261130, 300)) <= 0.05 + 4 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.skipif("MIDI_RISK_SLOW_TESTS" not in os.environ, reason="takes minutes")
def test_the_joint_bound_covers_the_truth_in_many_samples():
    assert max(coverage(7, 20_000)) <= 0.05 + 4 * (0.05 * 0.95 / 20_000) ** 0.5


@pytest.mark.parametrize(
    ("statistic", "value", "expected"),
    [
        ("maximum", 0.2, ["channel_above"]),
        ("average", 0.2, []),
        ("average", 0.34, ["channel_above"]),
        ("strict-average", 0.2, []),
    ],
)
def test_a_channel_alone_is_judged_by_the_statistic_of_its_model(scans, statistic, value, expected):
    """A quarter of the subjects has heads: 0.2 for each is 0.05 on average, less than 1/11.

    An average accepts no subject above 1/3, or 1/floor, however few they are.
    """
    assessment = judged(
        scans,
        threat("public" if statistic == "maximum" else "controlled", statistic),
        face={"status": "assessed", "value": value, "method": "compared"},
    )
    assert channel_codes(assessment) == expected

"""Recognition from another image: who holds one, published rates, no zero without a search."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import midi_risk as mr
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import Context
from midi_risk.errors import ThreatModelError
from midi_risk.resources import data_rows, resource_folder
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.channels.face import MATCHERS
from midi_risk.risk.channels.rates import RATES, fit_d_prime, rank_one
from midi_risk.risk.channels.recognition import rate_of, recognised
from midi_risk.threat.library import load_threat_model, shipped_threat_models
from midi_risk.threat.model import ThreatModel

NAME = "image_recognition"
TODAY = datetime.now(UTC).date().isoformat()
WHY = "no image of these people was ever shared"


@pytest.fixture(scope="module")
def chests(tmp_path_factory):
    """Return 60 subjects with a CT of the chest, of whom 6 have an ultrasound of the abdomen."""
    path = tmp_path_factory.mktemp("held") / "series.csv"
    rows = ["PatientID,SeriesInstanceUID,Modality,BodyPartExamined,PatientSex"]
    for i in range(60):
        kind = "US,ABDOMEN" if i < 6 else "CT,CHEST"
        rows.append(f"s{i:04d},1.2.3.4.{i},{kind},{'MF'[i % 2]}")
    path.write_text("\n".join(rows), encoding="utf-8")
    extraction = mr.extract(str(path))
    return mr.fold(extraction, mr.propose(extraction))


def holder(held, requirement="required", **adversary):
    return ThreatModel.model_validate(
        {"schema": "midi-risk/threat-model/1", "name": "m", "release": "public",
         "threshold": {"k": 11}, "channels": {NAME: requirement},
         "adversaries": [{"name": "a", "holds_images": held} | adversary]}
    )  # fmt: skip


def found(table, model, context=None, **channels):
    said = {name: ChannelStatement.model_validate(each) for name, each in channels.items()}
    options = AssessmentOptions(
        channels=said, context=Context.model_validate(context) if context else None
    )
    assessment = assess(table, [model], options=options)
    return next(c for c in assessment.channels if c.name == NAME), assessment


def test_every_rate_says_its_source_and_how_it_was_checked():
    assert set(MATCHERS) == {name for name, rate in RATES.items() if rate.kind == "face"}
    for rate in RATES.values():
        assert rate.source
        assert rate.checked in {
            "from the abstract", "from a report of it", "from its page of results", "not opened",
        }  # fmt: skip
        assert 0 < rate.rate <= 1
        assert rate.modalities


def test_the_rates_are_the_published_ones():
    rows = {row["name"]: row for row in data_rows("recognition_rates.csv")}
    assert float(rows["thorax-ct-2025"]["rate"]) == pytest.approx(296 / 300)
    assert rows["brain-mri-2026"]["rate"] == ""  # no number in the abstract
    assert RATES["brain-mri-2026"].rate == 1.0


def test_a_rate_is_extrapolated_to_the_gallery():
    d_prime = fit_d_prime(296 / 300, 8177)
    for gallery in (100, 8177, 1_000_000):
        expected = float(rank_one(gallery, d_prime))
        assert recognised("CT", "CHEST", gallery, gallery).value == pytest.approx(expected)
    small, large = (recognised("CT", "CHEST", n, n).value for n in (1_000, 1_000_000))
    assert large < small < 1
    assert recognised("CT", "CHEST", 8177, 8177).value == pytest.approx(296 / 300, abs=1e-6)


@pytest.mark.parametrize(("modality", "part"), [("US", "ABDOMEN"), ("CT", "FOOT"), ("", "")])
def test_where_nothing_was_published_nothing_is_small(modality, part):
    assert rate_of(modality, part) is None
    assert recognised(modality, part, 1000, 50).upper == 1.0


def test_a_part_that_is_not_stated_may_be_any():
    # single slices of a head in 818 are harder than a thorax in 8,177, and without a gallery worse
    assert rate_of("CT", "") is RATES["facial-ct-2026"]
    assert rate_of("CT", "CHEST") is RATES["thorax-ct-2025"]
    assert rate_of("SM", "LUNG").name == "whole-slide-2024"
    assert recognised("SM", "LUNG", 100, 100).upper == 1.0  # the gallery is not known


def test_the_risk_is_possession_times_rate_and_an_insider_has_all(chests):
    entry, assessment = found(chests, holder(0.02, because=WHY, on=TODAY))
    assert entry.status == "bounded"
    assert entry.upper == pytest.approx(0.02)
    assert WHY in entry.evidence
    assert NAME not in {n for r in assessment.verdict.reasons for n in r.names}
    entry, assessment = found(chests, holder(1))
    assert entry.upper == 1.0
    (above,) = [r for r in assessment.verdict.reasons if r.code == "channel_above"]
    assert NAME in above.names


def test_an_interval_counts_with_its_high_end(chests):
    entry, _ = found(chests, holder({"low": 0.01, "high": 0.5}, because=WHY))
    assert entry.upper == pytest.approx(0.5)
    assert entry.lower < 0.011


def test_it_is_open_until_somebody_says_who_holds_images(chests):
    entry, assessment = found(chests, holder(None))
    assert entry.status == "not_assessed"
    (open_,) = [r for r in assessment.verdict.reasons if r.code == "channels_open"]
    assert NAME in open_.names
    entry, assessment = found(chests, holder(None, "optional"))
    assert entry.status == "not_assessed"
    assert not entry.required


STATED = {
    "status": "bounded", "by": "B. Reader", "on": TODAY, "method": "compared", "looked": 60,
    "of": 60, "defects": 0, "sensitivity": 1.0,
}  # fmt: skip


def test_a_stated_zero_needs_a_recorded_search(chests):
    entry, _ = found(chests, holder(None), **{NAME: STATED})
    assert entry.status == "not_assessed"
    search = {"date": TODAY, "by": "A. Reader", "place": "archives", "hits": 0}
    entry, _ = found(chests, holder(None), {"linked_search": [search]}, **{NAME: STATED})
    assert entry.worst == 0
    entry, _ = found(chests, holder(1), {"linked_search": [search]}, **{NAME: STATED})
    assert entry.worst == 1.0


@pytest.mark.parametrize("held", [0, 1.5, "often", {"probability": 0.5}, 0.5])
def test_a_probability_without_a_reason_or_out_of_range_is_refused(held):
    with pytest.raises(ValueError, match=r"holds_images|probability"):
        holder(held)


def test_the_shipped_model_asks_for_it_and_no_other_does():
    assert "image-holder" in shipped_threat_models()
    with pytest.raises(ThreatModelError, match="holds_images"):
        load_threat_model("image-holder")
    given = {"holds_images": {"probability": 0.01, "because": WHY}}
    model = load_threat_model("image-holder", given)
    assert NAME in model.required_channels()
    for name in set(shipped_threat_models()) - {"image-holder"}:
        text = (resource_folder("threat_models") / f"{name}.yaml").read_text()
        assert NAME not in text
        assert "holds_images" not in text


@pytest.mark.skipif(not os.environ.get("MIDI_RISK_SLOW_TESTS"), reason="takes half a minute")
def test_the_shipped_example_is_acceptable_under_it_by_the_documented_route(tmp_path):
    root = Path(mr.__file__).parents[1]
    folder = root / "examples" / "lung-ct"
    text = (folder / "release.yaml").read_text(encoding="utf-8")
    text = text.replace("[public-release]", "[public-release, image-holder]")
    for name in ("images/", "clinical.csv"):
        text = text.replace(f": {name}", f": {json.dumps(str(folder / name))}")
    text = text.replace(
        "threat_models:",
        f'parameters: {{image-holder: {{holds_images: {{probability: 0.01, because: "{WHY}"}}}}}}\n'
        "threat_models:",
    )
    (tmp_path / "release.yaml").write_text(text, encoding="utf-8")
    run = [sys.executable, "-c", "from midi_risk.cli import main; main()"]
    first = [*run, "assess", "release.yaml", "-o", "out", "-q"]
    assert subprocess.run(first, cwd=tmp_path, capture_output=True, check=False).returncode == 3
    second = [*run, "apply", "release.yaml", "--plan", "out/plan.json", "-o", "release", "-q"]
    done = subprocess.run(second, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

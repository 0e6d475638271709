"""Threat models: every fault at once, and no number that nobody gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.cli.schema_command import schema_json
from midi_risk.errors import MidiRiskError, ThreatModelError
from midi_risk.resources import resource_folder
from midi_risk.threat import (
    ATTEMPT_TABLES,
    acquaintance_probability,
    attempt_probability,
    data_risk_budget,
    load_threat_model,
    required_class_size,
    shipped_threat_models,
    threshold_class_size,
)
from midi_risk.threat.model import SMALLEST_CLASS

MODEL = """
schema: midi-risk/threat-model/1
name: mine
release: controlled
threshold: {k: 11, label: "0.09"}
adversaries: [{name: x, attempt: {table: ipc-2016, controls: high, motives: low}}]
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", shipped_threat_models())
def test_every_shipped_model_is_named_as_its_file_and_valid(name):
    data = yaml.safe_load((resource_folder("threat_models") / f"{name}.yaml").read_text())
    assert data["name"] == name
    assert data["references"], "a shipped model names its sources"


@pytest.mark.parametrize(
    ("label", "size"), [("0.5", 2), ("0.33", 3), ("0.1", 10), ("0.09", 11), ("0.075", 15),
                        ("0.05", 20), ("0.25", 4), ("0.001", 1000)],
)  # fmt: skip
def test_labels_mean_the_regulators_class_sizes(label, size):
    assert threshold_class_size(label) == size


def test_ipc_2016_is_the_published_table():
    cells = ATTEMPT_TABLES["ipc-2016"].cells
    assert [list(cells[row].values()) for row in ("high", "medium", "low")] == [
        [0.05, 0.10, 0.20],
        [0.20, 0.30, 0.40],
        [0.40, 0.50, 0.60],
    ]


@pytest.mark.parametrize(
    ("prevalence", "m", "expected"),
    [(1e-5, 150, 0.0015), (1e-4, 150, 0.0149), (1e-4, 190, 0.0188), (1 / 2000, 150, 0.0723),
     (1 / 2000, 190, 0.0906), (0.001, 190, 0.173), (0.01, 150, 0.779), (0.01, 190, 0.852)],
)  # fmt: skip
def test_acquaintance_probability_reproduces_the_table(prevalence, m, expected):
    assert acquaintance_probability(prevalence, m) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(
    ("attempt", "k", "size"), [(1.0, 11, 11), (0.4, 11, 5), (0.2, 11, 3), (0.05, 20, 3)]
)
def test_the_data_risk_budget_is_a_class_size(attempt, k, size):
    assert required_class_size(attempt, k) == size


@given(st.floats(0.01, 1), st.integers(3, 50))
def test_the_required_size_is_the_smallest_that_suffices(attempt, k):
    size = required_class_size(attempt, k)
    assert attempt / size <= 1 / k * (1 + 1e-8)
    assert size >= SMALLEST_CLASS
    assert size == SMALLEST_CLASS or attempt / (size - 1) > 1 / k * (1 - 1e-8)
    budget = data_risk_budget(attempt, k)
    assert 1 / size <= budget * (1 + 1e-8)
    assert budget <= 1 / SMALLEST_CLASS


def test_all_faults_of_a_file_are_reported_at_once(tmp_path):
    text = (
        "schema: midi-risk/threat-model/1\nname: Bad Name\nrelease: publik\n"
        "threshold: {label: '0.09', k: 12}\nadversaries: [{name: x, attempt: 3}]\nfoo: 1\n"
    )
    with pytest.raises(ThreatModelError) as caught:
        load_threat_model(written(tmp_path, text))
    assert len(caught.value.faults) == 5


@pytest.mark.parametrize(
    "text",
    ["[1, 2]", "a: [", "a: 1\na: 2", "\x00", "schema: !!python/object/apply:os.system [ls]"],
)
def test_what_is_no_threat_model_is_one_error(tmp_path, text):
    with pytest.raises(ThreatModelError):
        load_threat_model(written(tmp_path, text))


def test_an_unknown_model_names_a_close_one():
    with pytest.raises(ThreatModelError, match="Did you mean 'public-release'"):
        load_threat_model("public-relase")


def test_a_required_number_is_asked_for_by_name_and_filled():
    with pytest.raises(ThreatModelError, match="needs 'prevalence'"):
        load_threat_model("acquaintance")
    model = load_threat_model("acquaintance", {"prevalence": 0.001})
    value, source = attempt_probability(model.adversaries[0])
    assert value == pytest.approx(0.139, abs=1e-3)
    assert "prevalence" in source


def test_a_parameter_that_nobody_asks_for_is_an_error():
    with pytest.raises(ThreatModelError, match="no parameter 'size'"):
        load_threat_model("public-release", {"size": 5})


def test_a_public_release_is_judged_on_the_maximum(tmp_path):
    text = MODEL.replace("controlled", "public").replace("k: 11,", "k: 11, statistic: average,")
    with pytest.raises(ThreatModelError, match="statistic: maximum"):
        load_threat_model(written(tmp_path, text))


def test_the_chosen_cell_is_printed(tmp_path):
    value, source = attempt_probability(load_threat_model(written(tmp_path, MODEL)).adversaries[0])
    assert value == 0.05
    assert "controls high, motives low" in source


def test_a_cell_that_does_not_exist_is_an_error():
    with pytest.raises(MidiRiskError, match="no motives"):
        ATTEMPT_TABLES["ipc-2016"].probability("high", "extreme")


def test_k_replaces_the_threshold_and_says_so():
    threshold = load_threat_model("public-release", k=5).threshold
    assert (threshold.k, threshold.label) == (5, "")
    assert "command line" in threshold.source


def test_the_shipped_editor_schema_is_current():
    shipped = (resource_folder("threat_models") / "schema.json").read_text(encoding="utf-8")
    assert json.loads(shipped) == json.loads(schema_json("threat-model"))

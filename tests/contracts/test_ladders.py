"""Every ladder is one whole entry: words, samples, levels that only merge, every way to recode."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import ctp_reader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.hierarchy import build_hierarchy
from midi_risk.attributes.ladders import DEFAULT_LADDER, LADDERS, PERIODS, Ladder
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.recoding import UNPARSED, Period
from midi_risk.attributes.values import normalise
from midi_risk.export.dicom.recode import new_value, visit_date, visit_time
from midi_risk.export.rules import Action, Labeller, Rule
from midi_risk.export.targets import standalone
from midi_risk.export.targets.base import Portable, steps_of
from midi_risk.export.targets.ctp import expression

WITH_LEVELS = [ladder for ladder in LADDERS.values() if ladder.levels]
LEVELS = [(ladder.name, level) for ladder in WITH_LEVELS for level in ladder.steps]
ELEMENTS = {Kind.AGE: "AS", Kind.DATE: "DA", Kind.TIME: "TM", Kind.NUMBER: "DS", None: "LO"}
"""Value representation of an element whose values a ladder reads."""

NOT_IN_CTP = {"bmi", "number", "device", "software", "enum", "institution", "count"}
"""Ladders with a level that CTP cannot say: it matches whole numbers and no lists of names."""


def test_entries_are_found_by_name_and_every_kind_has_a_default() -> None:
    assert all(name == ladder.name for name, ladder in LADDERS.items())
    assert DEFAULT_LADDER.keys() == set(Kind)


@pytest.mark.parametrize("ladder", WITH_LEVELS, ids=lambda ladder: ladder.name)
def test_an_entry_is_whole(ladder: Ladder) -> None:
    for level in ladder.levels:
        assert level.describe.strip(), level.name
        assert level.steps, level.name
    assert len(set(ladder.level_names)) == len(ladder.level_names)
    assert set(ladder.gives_back) <= set(LADDERS)
    assert ladder.zero_is_missing or not ladder.measure


@pytest.mark.parametrize("ladder", WITH_LEVELS, ids=lambda ladder: ladder.name)
def test_samples_pass_through_every_level(ladder: Ladder) -> None:
    counts = [20, *([3] * (len(ladder.samples) - 1))]
    made = build_hierarchy(ladder.name, Kind.CATEGORY, ladder.samples, counts=counts)
    shown = [made.apply(level, list(ladder.samples)) for level in made.level_names]
    assert UNPARSED not in list(itertools.chain(*shown[:-1]))
    assert shown[-2] != shown[0]


VALUES = st.one_of(
    st.integers(-50, 400).map(str),
    st.floats(0, 300).map(lambda x: f"{x:.2f}"),
    st.from_regex(r"\A\d{1,3}(?:\.\d)?-\d{1,3}(?:\.\d)?\Z"),
    st.from_regex(r"\A(?:<|>|<=|>=|~)\d{1,3}\Z|\A\d{1,3}\+\Z"),
    st.from_regex(r"\A\d{1,3}[DWM]\Z"),
    st.dates().map(lambda day: day.isoformat()),
    st.from_regex(r"\A(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2]))?\Z"),
    st.times().map(lambda time: time.strftime("%H:%M:%S")),
    st.sampled_from(sorted({s for ladder in WITH_LEVELS for s in ladder.samples})),
    st.sampled_from(["24-24.9", "<1", "100+", "18.5-24.9", "3-5", ">10", "0-4", "65-69", "90+"]),
)


@pytest.mark.parametrize("ladder", WITH_LEVELS, ids=lambda ladder: ladder.name)
@given(values=st.lists(VALUES, min_size=2, max_size=25, unique=True), counted=st.booleans())
@settings(max_examples=25, deadline=None)
def test_what_a_level_puts_together_stays_together(
    ladder: Ladder, values: list[str], *, counted: bool
) -> None:
    number = None
    if ladder.reads is not None:
        read = normalise(ladder.reads, values, zero_is_missing=False)
        number = read.number
        values = [v if t is None else t for v, t in zip(values, read.text, strict=True)]
    counts = list(range(1, len(values) + 1)) if counted else None
    columns = [values, *ladder.columns(values, number, counts=counts), [UNPARSED] * len(values)]
    for fine, coarse in itertools.pairwise(columns):
        above: dict[str, str] = {}
        for label, more in zip(fine, coarse, strict=True):
            assert above.setdefault(label, more) == more, (label, more)


@pytest.mark.parametrize(
    ("ladder", "bins", "labels"),
    [
        ("bmi", ["24-24.9", "24.3"], ["18.5-24.9", "18.5-24.9"]),
        ("bmi", ["<1", "0.5"], ["<18.5", "<18.5"]),
        ("bmi", ["100+", "120"], ["40+", "40+"]),
        ("bmi", ["20-30", ">=24"], ["20-30", ">=24"]),
        ("weight", ["52-54", "<50", "45"], ["50-69 kg", "<50 kg", "<50 kg"]),
        ("count", ["4-5", ">10", "<2"], ["3-5", ">10", "<2"]),
    ],
)
def test_a_bin_gets_a_label_once_a_band_holds_all_of_it(
    ladder: str, bins: list[str], labels: list[str]
) -> None:
    made = build_hierarchy(ladder, Kind.NUMBER, bins)
    assert made.apply(made.level_names[-2], bins) == labels


def rule_for(ladder: Ladder, level: str) -> Rule:
    """Return a rule of the ladder for an element that holds such values."""
    kind = ladder.reads or Kind.CATEGORY
    attribute = Attribute(
        name="PatientAge", source="dicom", column="X", kind=kind, ladder=ladder.name,
        vr=ELEMENTS[ladder.reads], role=Role.QUASI_IDENTIFIER, reason="",
    )  # fmt: skip
    samples = list(ladder.samples)
    made = build_hierarchy(ladder.name, kind, samples, counts=[20] * len(samples))
    known = dict(zip(samples, map(str, made.apply(level, samples)), strict=True))
    number = made.level_of(level)
    return Rule(
        attribute=attribute,
        action=Action.GENERALISE,
        level=number,
        level_name=level,
        ladder=ladder.name,
        labels=Labeller(attribute=attribute, ladder=ladder.name, level=number, known=known),
    )


def raw_samples(ladder: Ladder) -> list[str]:
    """Return the samples as an element holds them."""
    if ladder.reads is Kind.AGE:
        return [s if s[-1].isalpha() else f"{int(s):03d}Y" for s in ladder.samples]
    if ladder.reads in {Kind.DATE, Kind.TIME}:
        texts = [s.replace("-", "").replace(":", "") for s in ladder.samples]
        return [text if len(text) > 4 else f"{text}0704" for text in texts]
    return list(ladder.samples)


def by_apply(ladder: Ladder, rule: Rule, raw: str) -> str | None:
    """Return what `apply` writes into an element of a visit, or of the subject."""
    if ladder.reads is Kind.DATE:
        return visit_date(raw, ladder.name, rule.level)
    if ladder.reads is Kind.TIME:
        return visit_time(raw, rule.level)
    return new_value(rule, ELEMENTS[ladder.reads], [raw], None)


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_every_way_to_recode_writes_the_same_or_the_entry_says_why_not(
    name: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ladder = LADDERS[name]
    rule, vr = rule_for(ladder, level), ELEMENTS[ladder.reads]
    steps = steps_of(rule, vr)
    assert (steps is None) == bool(ladder.stays_here)
    if steps is None:
        return
    assert rule.labels is not None
    file = tmp_path / "labels.json"
    file.write_text(json.dumps({"PatientAge": sorted(set(rule.labels.known.values()))}), "utf-8")
    monkeypatch.setattr(standalone, "LABELS_FILE", file)
    monkeypatch.setitem(standalone.RULES, "values", {"PatientAge": json.loads(json.dumps(steps))})
    said, true = expression(Portable(rule=rule, keyword="PatientAge", vr=vr, steps=steps))
    for raw in raw_samples(ladder):
        ours = by_apply(ladder, rule, raw)
        assert ours is not None
        assert standalone.new_value("PatientAge", raw) == ours
        if true:
            assert said is not None
            assert ctp_reader.run(said, raw) == ours
    fine = steps[0].get("edges", ())
    assert true or name in NOT_IN_CTP or len(fine) > 100 or steps[0].get("period") in {"5y", "10y"}


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_is_where_its_ladder_says(period: str) -> None:
    ladder, level = PERIODS[period]
    assert LADDERS[ladder].levels[level - 1].steps == (Period(period),)

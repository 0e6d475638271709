"""Every portable form of a rule writes what `apply` writes."""

from __future__ import annotations

import importlib.util
import itertools
import re
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType

import ctp_reader
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.hierarchy import build_hierarchy
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.attributes.own_hierarchy import OWN, hierarchy_for
from midi_risk.config import HierarchyStep
from midi_risk.export.dicom.recode import day_of_visit, new_value, visit_date, visit_time
from midi_risk.export.rules import Action, Labeller, Rule, labeller
from midi_risk.export.targets import standalone
from midi_risk.export.targets.base import Steps, date_steps, steps_of
from midi_risk.export.targets.ctp import (
    age_expression,
    date_expression,
    digits,
    hundredths,
    measure_expression,
    time_expression,
    whole_part,
)

AGES = [f"{n:03d}{unit}" for unit in "DWMY" for n in range(1000)]
LEVELS = {"age": range(1, 6), "weight": range(1, 5), "height": range(1, 5), "bmi": range(1, 3)}


def rule(ladder: str, level: int, vr: str) -> Rule:
    kind = Kind.AGE if ladder == "age" else Kind.NUMBER
    attribute = Attribute(
        name="X", source="dicom", column="X", role=Role.QUASI_IDENTIFIER, kind=kind,
        ladder=ladder, vr=vr, reason="",
    )  # fmt: skip
    names = build_hierarchy(ladder, kind, ["1"]).level_names
    return Rule(
        attribute=attribute,
        action=Action.GENERALISE,
        level=level,
        level_name=names[level],
        ladder=ladder,
        labels=Labeller(attribute=attribute, ladder=ladder, level=level, known={}),
    )


@cache
def measure_steps(ladder: str, level: int) -> Steps:
    steps = steps_of(rule(ladder, level, "DS"), "DS")
    assert steps is not None
    return steps


def run_steps(steps: object, text: str, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.setitem(standalone.RULES, "values", {"X": steps})
    return standalone.new_value("X", text)


@pytest.mark.parametrize("level", LEVELS["age"])
def test_every_age_string_is_written_alike_by_apply_and_the_script(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_rule = rule("age", level, "AS")
    steps = steps_of(given_rule, "AS")
    assert steps is not None
    for text in AGES[::9]:
        assert run_steps(steps, text, monkeypatch) == new_value(given_rule, "AS", [text], None), (
            text
        )


@pytest.mark.parametrize("level", LEVELS["age"])
def test_every_age_string_is_written_alike_by_the_script_and_ctp(
    level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = steps_of(rule("age", level, "AS"), "AS")
    assert steps is not None
    expression = age_expression(steps[0], "@remove()")
    ages = [a for a in AGES if a[3] != "Y" or int(a[:3]) <= 150]
    for text in ages[:: {1: 25, 2: 1}.get(level, 5)]:
        assert ctp_reader.run(expression, text) == run_steps(steps, text, monkeypatch), text


def test_what_is_no_age_string_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = steps_of(rule("age", 2, "AS"), "AS")
    assert steps is not None
    expression = age_expression(steps[0], "@remove()")
    for text in ("", "66", "066", "66Y", "066y", "0666Y", "000Y", "999Y", "x", "066Y066Y"):
        assert ctp_reader.run(expression, text) is None
        assert run_steps(steps, text, monkeypatch) is None


@pytest.mark.parametrize(
    ("ladder", "level"), [(name, n) for name in ("weight", "height", "bmi") for n in LEVELS[name]]
)
@given(number=st.decimals(min_value=0, max_value=250, places=3))
@settings(max_examples=15, deadline=None)
def test_measures_are_written_alike_everywhere(ladder: str, level: int, number: object) -> None:
    text = str(number)
    if ladder == "height":
        text = str(round(float(text) / 80, 3))
    given_rule = rule(ladder, level, "DS")
    steps = measure_steps(ladder, level)
    with pytest.MonkeyPatch.context() as patch:
        ours = new_value(given_rule, "DS", [text], None)
        assert run_steps(steps, text, patch) == ours, text
        expression = measure_expression(steps[0], "@remove()")
        if expression is not None:
            assert ctp_reader.run(expression, text) == ours, text


@given(day=st.dates(), level=st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_dates_are_written_alike_everywhere(day: object, level: int) -> None:
    text = day.strftime("%Y%m%d") if hasattr(day, "strftime") else ""
    text = text.zfill(8)
    period = ("exact", "week", "month", "quarter", "year")[level]
    ours = visit_date(text, "date", level)
    assert standalone.date(text, {"period": period}) == ours
    expression = date_expression({"step": "date", "period": period}, "@remove()")
    assert expression is not None
    if ours is not None:
        assert ctp_reader.run(expression, text) == ours


@given(seconds=st.integers(0, 86399), level=st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_times_are_written_alike_everywhere(seconds: int, level: int) -> None:
    text = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}.25"
    hours = {1: 1, 2: 6}[level]
    ours = visit_time(text, level)
    assert standalone.time(text, {"hours": hours}) == ours
    assert ctp_reader.run(time_expression(hours, "@remove()"), text) == ours


@given(st.integers(0, 999), st.integers(0, 999))
@settings(max_examples=80, deadline=None)
def test_a_pattern_of_digits_matches_its_interval_and_nothing_else(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    pattern = re.compile(f"(?:{digits(low, high, 3)})")
    found = [n for n in range(1000) if pattern.fullmatch(f"{n:03d}")]
    assert found == list(range(low, high + 1))


def test_patterns_of_decimals_stop_at_their_bounds() -> None:
    kilograms = re.compile(whole_part(65, 69))
    assert [t for t in ("65", "69.99", "064.9", "70", "69,5") if kilograms.fullmatch(t)] == [
        "65",
        "69.99",
    ]
    metres = re.compile(hundredths(170, 179))
    assert [t for t in ("1.7", "1.799", "1.8", "1.69", "01.75") if metres.fullmatch(t)] == [
        "1.7",
        "1.799",
        "01.75",
    ]


def test_ctp_patterns_have_no_backslash_and_no_brace() -> None:
    for level in LEVELS["age"]:
        steps = steps_of(rule("age", level, "AS"), "AS")
        assert steps is not None
        text = age_expression(steps[0], "@remove()")
        assert "\\" not in text
        assert "@round" not in text
        patterns = re.findall(r'matches,"([^"]*)"', text)
        assert patterns
        assert not [p for p in patterns if set(p) & set("{}")]


def load(path: Path, name: str) -> ModuleType:
    """Import a file that was exported."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_band_edges_never_overlap() -> None:
    for ladder, levels in LEVELS.items():
        for level in levels:
            steps = steps_of(rule(ladder, level, "AS" if ladder == "age" else "DS"), "DS")
            if ladder == "age":
                steps = steps_of(rule(ladder, level, "AS"), "AS")
            assert steps is not None
            starts = [low for low, _ in steps[0]["edges"]]
            assert starts == sorted(set(starts))
            assert len({text for _, text in steps[0]["edges"]}) == len(starts)
            assert all(len(text) <= 16 for _, text in steps[0]["edges"])


def test_every_pair_of_bands_reads_back_as_two_classes() -> None:
    from midi_risk.attributes.values import normalise_for

    for ladder, levels in LEVELS.items():
        for level in levels:
            vr = "AS" if ladder == "age" else "DS"
            given_rule = rule(ladder, level, vr)
            steps = steps_of(given_rule, vr)
            assert steps is not None
            texts = [text for _, text in steps[0]["edges"]]
            read = normalise_for(given_rule.attribute, texts).text
            assert None not in read
            assert len(set(read)) == len(texts)
            for a, b in itertools.pairwise(read):
                assert a != b


DAYS = np.array([f"{2003 + i // 4}-{1 + i % 12:02d}-15" for i in range(44)], dtype=object)
CUTS = (2005.0, 2008.0, 2009.5, 2010.25)


@cache
def rule_of_cut_dates() -> Rule:
    attribute = Attribute(
        name="StudyDate", source="dicom", column="StudyDate", role=Role.QUASI_IDENTIFIER,
        kind=Kind.DATE, reason="", vr="DA", hierarchy_steps=(HierarchyStep(cuts=CUTS),),
    )  # fmt: skip
    hierarchy = hierarchy_for(attribute, sorted(set(DAYS)))
    labels = labeller(attribute, hierarchy, 1, DAYS, [])
    return Rule(
        attribute=attribute, action=Action.GENERALISE, level=1, ladder=OWN, labels=labels
    )  # fmt: skip


@given(day=st.dates(min_value=date(1990, 1, 1), max_value=date(2030, 1, 1)))
@settings(max_examples=150, deadline=None)
def test_dates_between_cut_points_are_written_alike_everywhere(day: date) -> None:
    cut_rule = rule_of_cut_dates()
    (step,) = date_steps(cut_rule)
    text = day.strftime("%Y%m%d")
    ours = day_of_visit(cut_rule, text)
    assert ours is not None
    assert standalone.date(text, dict(step)) == ours
    expression = date_expression(step, "@remove()")
    assert expression is not None
    assert ctp_reader.run(expression, text) == ours
    assert day_of_visit(cut_rule, ours) == ours


def test_closed_periods_are_written_as_their_middle_and_open_ones_as_their_median() -> None:
    cut_rule = rule_of_cut_dates()
    written_as = [day_of_visit(cut_rule, day) for day in ("20050101", "20081231", "20090701")]
    assert written_as == ["20060101", "20080701", "20091001"]
    early = [day for day in DAYS if day < "2005"]
    assert day_of_visit(cut_rule, "20030101") == quarter_of(sorted(early)[(len(early) - 1) // 2])
    late = [day for day in DAYS if day >= "2010-04"]
    assert day_of_visit(cut_rule, "20130601") == quarter_of(sorted(late)[(len(late) - 1) // 2])


def quarter_of(day: str) -> str:
    month = (int(day[5:7]) - 1) // 3 * 3 + 1
    return f"{day[:4]}{month:02d}01"

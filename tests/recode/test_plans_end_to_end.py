"""Plans from a table to a release: facts, alternatives, ceilings, needs, medians, banded values."""

from __future__ import annotations

import csv
import itertools
import json
import math
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from midi_risk.attributes.hierarchy import build_hierarchy
from midi_risk.attributes.model import Attribute, Kind, Role
from midi_risk.cli.app import run
from midi_risk.config import HierarchyStep
from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.explore import Axis, Node, Option, explore
from midi_risk.recode.adaptive.explore import Counter as ClassCounter
from midi_risk.recode.adaptive.facts import axis_of, facts, shown_of
from midi_risk.recode.adaptive.moves import moved, regained
from midi_risk.recode.adaptive.options import Values, cut_sets, single_options, values_of

Rows = list[dict[str, str]]
PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Invented adults
  sources:
    - {{table: people.csv, key: subject_id}}
threat_models: [public-release]
attributes:
{attributes}
"""
AGE = "  age: {role: quasi_identifier, kind: age, hierarchy: age%s}\n"
SEX = "  sex: {role: quasi_identifier, kind: sex, decision: retain}\n"
SITE = "  site: {role: quasi_identifier, kind: category, utility: 3}\n"


def adults(n: int = 400, seed: int = 5) -> Rows:
    draw = np.random.default_rng(seed)
    return [
        {
            "subject_id": f"s{i:04d}",
            "age": str(min(89, max(20, round(draw.normal(60, 12))))),
            "sex": "FM"[int(draw.integers(2))],
        }
        for i in range(n)
    ]


def write(folder: Path, rows: Rows, attributes: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "midi-risk.yaml").write_text(PROJECT.format(attributes=attributes), "utf-8")
    return folder


def suggested(folder: Path, *options: str, code: int = 0) -> dict[str, Any]:
    assert run(["suggest", str(folder), *options, "-o", str(folder / "plan"), "-q"]) == code
    found: dict[str, Any] = json.loads((folder / "plan" / "plan.json").read_text("utf-8"))
    return found


def released(folder: Path, to: str = "out") -> Rows:
    run(["apply", str(folder), "--plan", str(folder / "plan" / "plan.json"), "-o",
         str(folder / to), "-q"])  # fmt: skip
    (path,) = (folder / to).rglob("people.csv")
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_an_age_that_stands_twice_costs_as_much_as_once(tmp_path: Path) -> None:
    rows = adults()
    once = suggested(write(tmp_path / "once", rows, AGE % "" + SEX))
    twice = [{**row, "age_at_scan": row["age"]} for row in rows]
    both = AGE % "" + AGE.replace("age:", "age_at_scan:", 1) % "" + SEX
    folder = write(tmp_path / "twice", twice, both)
    plan = suggested(folder)
    assert plan["facts"] == [["age", "age_at_scan"]]
    assert plan["cut_points"]["age"] == plan["cut_points"]["age_at_scan"]
    assert plan["cut_points"]["age"] == once["cut_points"]["age"]
    assert plan["loss"] == pytest.approx(once["loss"])
    assert [(s["attribute"], s["with"]) for s in plan["steps"]] == [("age", ["age_at_scan"])]
    out = released(folder)
    assert all(row["age"] == row["age_at_scan"] for row in out)
    assert min(Counter((row["age"], row["sex"]) for row in out).values()) >= plan["k"]


def banded(name: str, kind: Kind, texts: list[str], level: str = "exact") -> Values:
    attribute = Attribute(
        name=name, source="t", column=name, kind=kind, role=Role.QUASI_IDENTIFIER, reason=""
    )
    hierarchy = build_hierarchy("age" if kind is Kind.AGE else "enum", kind, sorted(set(texts)))
    top = len(hierarchy.level_names) - 1
    column = np.array(texts, dtype=object)
    low = hierarchy.level_of(level)
    return values_of(attribute, column, hierarchy, low, top, adaptive=True)


def test_one_odd_subject_makes_no_fact_of_a_nearly_constant_column() -> None:
    ages = [str(61 + i % 3) for i in range(59)] + ["88"]
    told = [
        banded("age", Kind.AGE, ages),
        banded("hand", Kind.CATEGORY, ["right"] * 59 + ["ambi"]),
    ]
    assert [fact.names for fact in facts(told)] == [("age",), ("hand",)]


def test_the_sex_of_two_sources_is_one_fact_although_one_subject_differs() -> None:
    sexes = ["MF"[i % 2] for i in range(200)]
    other = ["F" if i == 0 else sex for i, sex in enumerate(sexes)]
    told = [banded("PatientSex", Kind.SEX, sexes), banded("sex", Kind.SEX, other)]
    assert [fact.names for fact in facts(told)] == [("PatientSex", "sex")]
    told = [banded("PatientSex", Kind.SEX, sexes), banded("cup_or_tea", Kind.CATEGORY, other)]
    assert len(facts(told)) == 2


def test_equal_groups_are_shown_by_the_columns_that_say_more() -> None:
    decade = [str(40 + 10 * (i % 4)) for i in range(80)]
    told = [banded("age", Kind.AGE, decade), banded("half", Kind.CATEGORY, list(decade))]
    (fact,) = facts(told)
    axis = axis_of(fact, [single_options(v, 5) for v in told], 1.0)
    assert [shown.level for shown in shown_of(axis.options[0])] == [0, 0]


BANDS = [("<40", 6), ("40-49", 14), ("50-59", 40), ("60-69", 60), ("70-79", 30), ("80+", 5)]


def test_the_loss_of_bands_is_seen_by_their_middles() -> None:
    values = banded("age", Kind.AGE, [text for text, n in BANDS for _ in range(n)])
    assert values.spread.at is not None
    place = dict(zip(values.texts, values.spread.at.tolist(), strict=True))
    assert place == {
        "<40": 34.5, "40-49": 44.5, "50-59": 54.5, "60-69": 64.5, "70-79": 74.5, "80+": 84.5,
    }  # fmt: skip
    pairs = [
        (m * n, abs(place[one] - place[two])) for one, m in BANDS for two, n in BANDS
    ]  # fmt: skip
    assert values.spread.whole() == pytest.approx(sum(w * d for w, d in pairs) / 155**2)


@pytest.mark.parametrize("level", ["exact", "10y"])
def test_bands_are_joined_where_they_begin_and_never_split(level: str) -> None:
    if level == "exact":
        texts = [text for text, n in BANDS for _ in range(n)]
        starts = {40.0, 50.0, 60.0, 70.0, 80.0}
    else:
        texts = [row["age"] for row in adults()]
        starts = {30.0, 40.0, 50.0, 60.0, 70.0, 80.0}
    values = banded("age", Kind.AGE, texts, level)
    found = cut_sets(values, 11)
    assert found
    assert {cut for cuts in found for cut in cuts} <= starts
    for cuts in found:
        rule = HierarchyStep(cuts=cuts, name="bands")
        written = values.at_rule(rule)
        pairs = {*zip(written.tolist(), values.at_cuts(cuts).tolist(), strict=True)}
        assert len(pairs) == len(set(written.tolist())) == len(cuts) + 1


def test_values_that_are_bands_keep_age_end_to_end(tmp_path: Path) -> None:
    rows = adults()
    for row in rows:
        low = int(row["age"]) // 10 * 10
        row["age"] = "<40" if low < 40 else "80+" if low >= 80 else f"{low}-{low + 9}"
    folder = write(tmp_path, rows, AGE % "" + SEX)
    plan = suggested(folder, "--max-suppression", "0")
    assert plan["age_r2"] >= 0.8
    assert set(plan["cut_points"].get("age", [])) <= {40, 50, 60, 70, 80}
    out = released(folder)
    assert len(out) == len(rows)
    assert min(Counter((row["age"], row["sex"]) for row in out).values()) >= plan["k"]


def test_a_decided_level_is_joined_at_its_sparse_ends(tmp_path: Path) -> None:
    decided = AGE % ", level: 10y, decision: generalise"
    plan = suggested(write(tmp_path, adults(), decided + SEX), "--max-suppression", "0")
    (step,) = plan["steps"]
    assert (step["attribute"], step["from"], step["to"]) == ("age", "10y", "bands")
    assert all(cut % 10 == 0 for cut in plan["cut_points"]["age"])
    assert plan["age_r2"] >= 0.8
    assert step["loss"] < plan["loss"]
    sizes = Counter((row["age"], row["sex"]) for row in released(tmp_path))
    assert min(sizes.values()) == plan["after"]["k"]


def test_a_removal_that_hides_nobody_less_is_taken_back() -> None:
    codes = np.zeros(30, dtype=np.int64)
    codes[29] = 1
    sex = np.arange(30) % 2
    shown = Option(np.arange(2), np.zeros(2), 0.0)
    gone = Option(np.zeros(2, dtype=np.int64), np.ones(2), 1.0)
    axes = [Axis(codes, (shown, gone), 0.5), Axis(sex, (shown, gone), 0.5)]
    hidden = codes == 1
    node = regained(axes, Node((gone, shown), hidden, 0.6), ClassCounter(11))
    assert [option is shown for option in node.options] == [True, True]
    assert (node.hidden == hidden).all()
    nobody = Node((gone, shown), np.zeros(30, dtype=bool), 0.5)
    assert regained(axes, nobody, ClassCounter(11)) is nobody


def test_each_alternative_becomes_the_plan_and_is_released(tmp_path: Path) -> None:
    rows = [{**row, "site": f"S{min(i % 40, 3)}"} for i, row in enumerate(adults(300))]
    folder = write(tmp_path, rows, AGE % "" + SEX + SITE)
    options = ("--max-suppression", "2%")
    first = suggested(folder, *options)
    assert first["accepted"] == 0
    assert first["alternatives"]
    named = {one["number"]: one for one in first["alternatives"]}
    for other in first["alternatives"]:
        number = other["number"]
        plan = suggested(folder, *options, "--accept", str(number))
        assert plan["accepted"] == number
        assert plan["levels"] == other["levels"]
        assert plan["cut_points"] == other["cut_points"]
        assert plan["suppressed"]["subjects"] == other["left_out"]
        assert plan["loss"] == pytest.approx(other["loss"])
        assert plan["age_r2"] == other["age_r2"]
        beside = {one["number"]: one for one in plan["alternatives"]}
        assert list(beside) == [n for n in (0, *named) if n != number]
        assert beside[0]["title"].startswith("recommended")
        assert beside[0]["levels"] == first["levels"]
        assert beside[0]["cut_points"] == first["cut_points"]
        assert all(beside[n] == named[n] for n in beside if n)
        rows = released(folder, f"out{number}")
        assert len(rows) == 300 - other["left_out"]
        cells = Counter((row.get("age"), row["sex"], row.get("site")) for row in rows)
        assert min(cells.values()) >= plan["k"]
    beyond = str(len(first["alternatives"]) + 1)
    assert run(["suggest", str(folder), *options, "--accept", beyond, "-o", str(tmp_path / "x")])


def test_no_plan_is_coarser_than_the_ceiling(tmp_path: Path) -> None:
    rows = [{**row, "site": f"S{i % 3}"} for i, row in enumerate(adults(300))]
    free = suggested(write(tmp_path / "free", rows, AGE % "" + SEX + SITE))
    wide = max(b - a for a, b in pairwise([20, *free["cut_points"]["age"], 90]))
    assert wide > 10
    held = AGE % ", ceiling: 10y"
    plan = suggested(write(tmp_path / "held", rows, held + SEX + SITE), "--max-suppression", "20%")
    for one in [plan, *plan["alternatives"]]:
        cuts = {float(c) for c in one["cut_points"].get("age", [])}
        assert set(np.arange(30.0, 90.0, 10.0)) <= cuts or one["levels"]["age"] <= 3


def test_a_need_that_names_a_level_is_met_or_dropped_aloud(tmp_path: Path) -> None:
    rows = [{**row, "age": str(40 + i % 40)} for i, row in enumerate(adults(400))]
    need = AGE % ', need: "Analysed in 10-year bands."'
    plan = suggested(write(tmp_path / "met", rows, need + SEX))
    assert {50.0, 60.0, 70.0} <= set(plan["cut_points"].get("age", [50.0, 60.0, 70.0]))
    assert not any("stated need" in note for note in plan["notes"])
    few = suggested(write(tmp_path / "few", rows[:70], need + SEX))
    assert "The level that the stated need names cannot be met: age." in few["notes"]
    assert few["found"]


def test_open_bands_of_dicom_ages_are_written_as_the_median_of_their_subjects(
    tmp_path: Path,
) -> None:
    example = Path(__file__).parents[2] / "examples" / "lung-ct"
    plan_folder, out = tmp_path / "plan", tmp_path / "out"
    assert run(["suggest", str(example), "-o", str(plan_folder), "-q"]) == 0
    plan = json.loads((plan_folder / "plan.json").read_text("utf-8"))
    run(["apply", str(example), "--plan", str(plan_folder / "plan.json"), "-o", str(out), "-q"])
    low, high = plan["cut_points"]["PatientAge"]
    kept: dict[str, int] = {}
    for path in sorted((example / "images").rglob("*.dcm")):
        header = dcmread(path, stop_before_pixels=True, force=True)
        subject, age = header.get("PatientID", ""), header.get("PatientAge", "")
        if header.get("Modality") == "CT" and age and subject not in plan["suppressed_subjects"]:
            kept.setdefault(subject, int(age[:3]))
    open_ends = {
        median([a for a in kept.values() if a < low]),
        median([a for a in kept.values() if a >= high]),
    }
    written = {
        int(age[:3])
        for path in (out / "release").rglob("*.dcm")
        if (age := dcmread(path, stop_before_pixels=True, force=True).get("PatientAge"))
    }
    middle = math.floor((low + high) / 2)
    assert written == {*(math.floor(m) for m in open_ends), middle}


@pytest.mark.parametrize(("others", "found"), [("F", True), ("FM", False)])
def test_what_everybody_shares_may_stay_when_all_that_differs_has_to_go(
    tmp_path: Path, others: str, found: bool
) -> None:
    # one of fifteen is 88: nobody may be left out, so the age goes; one sex of all can stay,
    # and of two nothing would
    rows = [
        {"subject_id": f"s{i}", "age": "88" if i == 0 else "45", "sex": others[i % len(others)]}
        for i in range(15)
    ]
    sex = "  sex: {role: quasi_identifier, kind: sex}\n"
    project = write(tmp_path / "p", rows, AGE % "" + sex)
    code = run(["suggest", str(project), "-o", str(tmp_path / "s"), "-q"])
    plan = json.loads((tmp_path / "s" / "plan.json").read_text("utf-8"))
    assert plan["found"] is found
    assert code == (0 if found else 3)
    if found:
        assert plan["levels"]["sex"] == 0


def test_two_columns_of_one_sex_are_one_fact_whatever_a_few_lack() -> None:
    draw = np.random.default_rng(3)
    sex = draw.choice(["F", "M"], 300).astype(object)
    told = sex.copy()
    told[:2] = None
    other = draw.choice(["F", "M"], 300).astype(object)

    def column(name: str, texts: Any) -> Values:
        attribute = Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=Kind.SEX,
            reason="",
        )  # fmt: skip
        hierarchy = build_hierarchy(None, Kind.SEX, ["F", "M"])
        last = len(hierarchy.level_names) - 1
        return values_of(attribute, texts, hierarchy, 0, last, adaptive=True)

    found = facts([column("PatientSex", sex), column("sex", told), column("partner", other)])
    assert {frozenset(fact.names) for fact in found} == {
        frozenset({"PatientSex", "sex"}),
        frozenset({"partner"}),
    }


def test_a_plan_is_the_same_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = adults(500, seed=9)
    ages = np.array([row["age"] for row in rows], dtype=object)
    sexes = np.array([row["sex"] for row in rows], dtype=object)
    attribute = Attribute(
        name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE, reason=""
    )
    values = values_of(
        attribute, ages, build_hierarchy("age", Kind.AGE, sorted(set(ages))), 0, 6, adaptive=True
    )
    code = (sexes == "F").astype(np.int64)
    spread = Spread(count=np.bincount(code).astype(float))
    shown = Option(np.arange(2), spread.shares(np.arange(2)), 0.0)
    gone = Option(np.zeros(2, dtype=np.int64), spread.shares(np.zeros(2, dtype=np.int64)), 1.0)
    axes = [
        Axis(values.codes, tuple(single_options(values, 11)), 0.7), Axis(code, (shown, gone), 0.3)
    ]  # fmt: skip
    for work in (2_000, 20_000, 10**9):
        found = []
        for leap in (0.0, 3600.0):
            ticks = itertools.count()
            for clock in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
                monkeypatch.setattr(time, clock, lambda ticks=ticks, leap=leap: next(ticks) * leap)
            counter = ClassCounter(11)
            best = explore(axes, counter, [0, 10, 25], work).best
            for limit, node in best.items():
                better = moved(axes, node, [values, None], counter, limit, 11, work)
                found.append((limit, better.score, better.hidden.tolist()))
        half = len(found) // 2
        assert found[:half] == found[half:]

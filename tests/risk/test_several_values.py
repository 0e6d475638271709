"""Classes on the values that leave: brute force, order of rows, and what repetition adds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import midi_risk as mr
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.risk.adversaries import adversary_risk, as_judged
from midi_risk.risk.classes.several import Several, any_value_sizes
from midi_risk.risk.measures.imprecise import known_attributes
from midi_risk.risk.measures.repeated import released_sizes, sizes_known_exactly
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table.fold import fold
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import planned, released, without_cells, without_subjects
from midi_risk.threat.library import load_threat_model
from midi_risk.threat.model import Adversary

KINDS = {"sex": Kind.SEX, "age": Kind.AGE, "weight": Kind.NUMBER, "seen": Kind.DATE}
LADDERS = {"sex": "sex", "age": "age", "weight": "weight", "seen": "date"}


def _table(rows: list[dict[str, str | None]], **changes: dict[str, object]) -> SubjectTable:
    """Fold rows of subject, sex and whatever else they have; ranges are left out."""
    names = [name for name in rows[0] if name != "id"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    source = SourceTable(
        name="t.csv",
        kind=SourceKind.SPREADSHEET,
        level="patient",
        key="id",
        rows=pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()}),
    )
    attributes = tuple(
        Attribute(
            name=name,
            source="t.csv",
            column=name,
            role=Role.QUASI_IDENTIFIER,
            kind=KINDS[name],
            ladder=LADDERS[name],
            reason="",
        ).revised(**changes.get(name, {}))
        for name in names
    )
    extraction = Extraction(tables=(source,), files=FILE_SCHEMA.empty_table())
    return fold(extraction, AttributeSet(attributes))


def _known(table: SubjectTable, *names: str) -> list[Attribute]:
    return [table.attributes[name] for name in names]


def _alike(known: float | None, shown: set[float], within: float | None) -> bool:
    """Tell whether what is known of an attribute fits what somebody shows."""
    if known is None or not shown:
        return known is None and not shown
    return any(abs(known - value) <= (within or 0) for value in shown)


def _brute(people: list[list[set[float]]], within: list[float | None]) -> list[int]:
    """Count, for everything that may be known of each, who is compatible with it."""
    return [
        min(
            sum(all(map(_alike, known, other, within)) for other in people)
            for known in product(*[values or {None} for values in person])
        )
        for person in people
    ]


person = st.lists(st.sets(st.integers(0, 4).map(float), max_size=3), min_size=2, max_size=2)
people_ = st.lists(person, min_size=1, max_size=9)
precision = st.sampled_from([None, 0.0, 1.0, 2.0])


def _several(people: list[list[set[float]]], column: int, within: float | None) -> Several:
    pairs = [(i, v) for i, each in enumerate(people) for v in sorted(each[column])]
    owner = np.array([i for i, _ in pairs], dtype=np.int64)
    value = np.array([v for _, v in pairs], dtype=np.float64)
    return Several(owner=owner, value=value if within is not None else value.astype(int),
                   within=within)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(people=people_, within=st.tuples(precision, precision), groups=st.data())
def test_every_value_of_everybody_by_brute_force(people, within, groups):
    codes = groups.draw(st.lists(st.integers(-1, 1), min_size=len(people), max_size=len(people)))
    own = [_several(people, column, within[column]) for column in (0, 1)]
    found = any_value_sizes(np.array(codes, dtype=np.int64)[:, None], own)
    whole = [[{float(code)}, *each] for code, each in zip(codes, people, strict=True)]
    assert found.tolist() == _brute(whole, [None, *within])


@settings(max_examples=200, deadline=None)
@given(people=people_)
def test_a_missing_value_that_matches_all_by_brute_force(people):
    own = [_several(people, column, None) for column in (0, 1)]
    exact = np.zeros((len(people), 1), dtype=np.int64)
    found = any_value_sizes(exact, own, missing="wildcard").tolist()
    for i, each in enumerate(people):
        sizes = [
            sum(
                all(k is None or not v or k in v for k, v in zip(known, other, strict=True))
                for other in people
            )
            for known in product(*[values or {None} for values in each])
        ]
        assert found[i] == min(sizes)


@settings(max_examples=200, deadline=None)
@given(people=people_, groups=st.data())
def test_a_missing_value_enlarges_no_set_of_a_known_one_by_brute_force(people, groups):
    codes = groups.draw(st.lists(st.integers(-1, 1), min_size=len(people), max_size=len(people)))
    own = [_several(people, column, None) for column in (0, 1)]
    exact = np.array(codes, dtype=np.int64)[:, None]
    found = any_value_sizes(exact, own, missing="wildcard-cautious").tolist()
    whole = [[{code} - {-1}, *each] for code, each in zip(codes, people, strict=True)]
    for i, each in enumerate(whole):
        sizes = [
            sum(
                all(k is None or k in v for k, v in zip(known, other, strict=True))
                for other in whole
            )
            for known in product(*[values or {None} for values in each])
        ]
        assert found[i] == min(sizes)


def test_an_unknown_beside_repeated_values_has_all_who_agree_and_hides_nobody_else():
    rows = [{"id": f"s{i}", "sex": None if i == 0 else "M", "age": age}
            for i in range(12) for age in ("50", "61")]  # fmt: skip
    table = fold_wild(rows)
    known, exactly = _known(table, "sex", "age"), {"sex": "exact", "age": "exact"}
    cautious = released_sizes(
        as_judged(table, [load_threat_model("public-release")]), known, exactly
    )
    assert cautious.sizes.tolist() == [12, *[11] * 11]
    assert released_sizes(table, known, exactly).sizes.tolist() == [12] * 12


def fold_wild(rows):
    return replace(_table(rows, age={}), missing="wildcard")


@settings(max_examples=150, deadline=None)
@given(people=people_, more=st.integers(0, 4), within=precision, who=st.integers(0, 8))
def test_one_more_value_never_lowers_the_risk_of_its_subject(people, more, within, who):
    who %= len(people)
    if not people[who][0]:
        people[who][0].add(0.0)
    exact = np.zeros((len(people), 1), dtype=np.int64)
    second = _several(people, 1, None)
    before = any_value_sizes(exact, [_several(people, 0, within), second])
    people[who][0].add(float(more))
    after = any_value_sizes(exact, [_several(people, 0, within), second])
    assert after[who] <= before[who]


ages = st.lists(st.integers(40, 44), min_size=1, max_size=3)
subjects = st.lists(st.tuples(st.sampled_from("MF"), ages), min_size=1, max_size=8)


def _rows(people: list[tuple[str, list[int]]]) -> list[dict[str, str | None]]:
    return [
        {"id": f"s{i}", "sex": sex, "age": str(age)}
        for i, (sex, several) in enumerate(people)
        for age in several
    ]


@settings(max_examples=60, deadline=None)
@given(people=subjects, rough=st.sampled_from(["exact", "1y"]), data=st.data())
def test_figures_of_a_folded_table_by_brute_force_in_any_order_of_rows(people, rough, data):
    rows = _rows(people)
    table = _table(data.draw(st.permutations(rows)))
    known = _known(table, "sex", "age")
    found = released_sizes(table, known, {"sex": "exact", "age": rough})
    shown = [[{float(sex == "M")}, {float(a) for a in several}] for sex, several in people]
    brute = _brute(shown, [None, None if rough == "exact" else 1.0])
    if found is None:
        assert all(len(set(several)) == 1 for _, several in people)
        return
    by_key = dict(zip(table.frame.index, found.sizes.tolist(), strict=True))
    assert [by_key[f"s{i}"] for i in range(len(people))] == brute
    model = load_threat_model("public-release")
    adversary = Adversary(name="x", knows={"sex": "exact", "age": rough})
    risk = adversary_risk(table, known, model, adversary)
    figures = {result.measure: result.value for result in risk.results}
    assert figures["prosecutor_max"] == 1 / min(brute)
    assert figures["journalist_mean"] == pytest.approx(np.mean([1 / size for size in brute]))


@settings(max_examples=40, deadline=None)
@given(people=st.lists(st.tuples(st.sampled_from("MF"), st.integers(40, 44)), min_size=1))
def test_one_value_each_is_judged_by_classes_as_before(people):
    rows = _rows([(sex, [age, age]) for sex, age in people])
    table = _table(rows)
    assert not table.repeated
    assert table == _without_repetition(table)
    assert sizes_known_exactly(table, _known(table, "sex", "age")) is None
    classes = mr.equivalence_classes(table.frame, ["sex", "age"])
    model = load_threat_model("public-release")
    risk = adversary_risk(table, _known(table, "sex", "age"), model, model.adversaries[0])
    assert risk.class_risk.counts.tolist() == classes.counts.tolist()
    assert risk.governing.value == 1 / classes.minimum


def _without_repetition(table: SubjectTable) -> SubjectTable:
    """Return the table with nothing but the folded values; the frame is the same object."""
    from dataclasses import replace

    return replace(table, repeated={})


def test_single_values_written_as_several_give_the_same_figures_as_classes():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, size=(300, 3))
    own = [Several(owner=np.arange(300), value=codes[:, column]) for column in (1, 2)]
    sizes = any_value_sizes(codes[:, :1], own)
    frame = {str(column): codes[:, column] for column in range(3)}
    expected = mr.equivalence_classes(frame, list(frame)).record_sizes
    assert sizes.tolist() == expected.tolist()


def _longitudinal(n: int, *, repeated: bool) -> SubjectTable:
    """Return n subjects of two sexes and one first age, with a further age of their own."""
    people = [("MF"[i % 2], [40, 41 + i] if repeated else [40]) for i in range(n)]
    return _table(_rows(people))


def test_only_repetition_makes_a_collection_fail():
    alone = mr.assess(_longitudinal(60, repeated=False), threats=["public-release"])
    several = mr.assess(_longitudinal(60, repeated=True), threats=["public-release"])
    assert not [r for r in alone.verdict.reasons if r.code == "above"]
    assert [r for r in several.verdict.reasons if r.code == "above"]
    assert alone.measures.k == 30
    assert several.measures.k == 1
    assert not alone.measures.repeated
    (entry,) = several.measures.repeated
    assert (entry.attribute, entry.subjects, entry.values_max) == ("age", 60, 2)
    assert (entry.risk_max_folded, entry.risk_max_released) == (1 / 30, 1.0)


def test_whoever_knows_all_visits_knows_the_whole_set():
    people = [("M", [40, 41]), ("M", [41, 42]), ("M", [40, 42])]
    table = _table(_rows(people))
    known, knows = _known(table, "sex", "age"), {"sex": "exact", "age": "exact"}
    assert released_sizes(table, known, knows).sizes.tolist() == [2, 2, 2]
    assert released_sizes(table, known, knows, "all").sizes.tolist() == [1, 1, 1]
    rough = released_sizes(table, known, {"sex": "exact", "age": "1y"}, "all")
    assert rough.bound == "imprecise knowledge taken as exact"
    model = load_threat_model("public-release")
    adversary = Adversary(name="x", knows={"age": "1y"}, visits="all")
    results = adversary_risk(table, known, model, adversary).results
    assert {result.kind for result in results} == {"bound"}
    assert all("upper bound" in result.method and result.lower == 0 for result in results)


def test_a_modelled_population_hides_nobody_whose_values_repeat():
    table = _longitudinal(60, repeated=True)
    model = load_threat_model("marketer", {"size": 10_000})
    known = _known(table, "sex", "age")
    results = adversary_risk(table, known, model, model.adversaries[0]).results
    marketer = next(result for result in results if result.measure == "marketer_mean")
    assert marketer.upper == 1.0
    assert marketer.kind == "bound"


def test_too_many_combinations_are_bounded_and_never_too_large(monkeypatch):
    rng = np.random.default_rng(5)
    people = [("M", rng.integers(40, 44, size=3).tolist()) for _ in range(20)]
    table = _table(_rows(people))
    known, knows = _known(table, "sex", "age"), {"sex": "exact", "age": "exact"}
    exact = released_sizes(table, known, knows)
    monkeypatch.setattr("midi_risk.risk.classes.several._ROWS", 1)
    monkeypatch.setattr("midi_risk.risk.classes.several.combinations_of", lambda lengths:
                        np.inf if lengths else 0.0)  # fmt: skip
    bounded = released_sizes(table, known, knows)
    assert bounded.bound == "values taken as all known"
    assert (bounded.sizes <= exact.sizes).all()
    assert (bounded.sizes < exact.sizes).any()


def test_dates_in_one_band_are_one_value_and_those_in_two_are_two():
    rows = [
        {"id": "a", "sex": "M", "seen": "2019-03-01"},
        {"id": "a", "sex": "M", "seen": "2019-05-01"},
        {"id": "b", "sex": "M", "seen": "2019-07-01"},
        {"id": "b", "sex": "M", "seen": "2020-07-01"},
    ]
    changes = {"decision": Decision.GENERALISE, "generalise_to": "year"}
    view = released(_table(rows, seen=changes))
    assert view.repeated["seen"].keys.tolist() == ["b"]
    assert view.repeated["seen"].texts[view.repeated["seen"].codes].tolist() == ["2019", "2020"]


def test_ages_that_are_generalised_are_written_once():
    changes = {"decision": Decision.GENERALISE, "generalise_to": 1}
    table = _table(_rows([("M", [40, 50]), ("M", [40, 60])]), age=changes)
    assert table.repeated
    assert not released(table).repeated
    removed = _table(_rows([("M", [40, 50])]), age={"decision": Decision.REMOVE})
    assert not released(removed).repeated


def test_left_out_subjects_and_emptied_cells_take_their_values_with_them():
    table = _table(_rows([("M", [40, 50]), ("M", [40, 60]), ("M", [40])]))
    left = planned(table, {}, {}, np.array([True, False, False]))
    known = _known(table, "sex", "age")
    assert sizes_known_exactly(left, known).tolist() == [1, 2]
    emptied = without_cells(table, {"age": ["s0", "s1"]})
    assert sizes_known_exactly(emptied, known) is None


def test_a_further_value_changes_the_digest_and_one_value_each_does_not():
    one = _table(_rows([("M", [40]), ("F", [41])]))
    again = _table(_rows([("M", [40, 40]), ("F", [41])]))
    more = _table(_rows([("M", [40, 47]), ("F", [41])]))
    other = _table(_rows([("M", [40, 48]), ("F", [41])]))
    assert one.digest == again.digest
    assert len({one.digest, more.digest, other.digest}) == 3


def test_a_plan_stands_on_all_the_values_that_leave():
    table = _longitudinal(60, repeated=True)
    plan = mr.suggest(table, threats=["public-release"])
    assert plan.found
    assert not plan.optimal
    assert plan.levels["age"] > 0
    assert plan.before.k == 1
    assert plan.after.passed
    kept = mr.suggest(table, threats=["public-release"], keep=["age"])
    assert not kept.found
    assert "several values" in kept.reason
    assert not kept.after.passed


def test_no_value_is_shown_by_repr():
    table = _longitudinal(3, repeated=True)
    assert repr(table.repeated["age"]) == "RepeatedValues(3 subjects, 6 values)"


@pytest.mark.parametrize(
    ("study", "decision", "stands"),
    [("", None, False), ("20190301", None, True), ("20190301", Decision.REMOVE, False)],
)
def test_a_copy_of_a_study_date_that_does_not_stay_is_to_be_decided(study, decision, stands):
    rows = pa.table({"id": ["a", "b"], "StudyDate": [study] * 2, "ContentDate": ["20190301"] * 2})
    source = SourceTable(
        name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    )
    attributes = [
        Attribute(
            name=name,
            keyword=name,
            source="t.csv",
            column=name,
            role=Role.INSENSITIVE,
            kind=Kind.DATE,
            reason="",
            decision=decision if name == "StudyDate" else None,
        )
        for name in ("StudyDate", "ContentDate")
    ]
    extraction = Extraction(tables=(source,), files=FILE_SCHEMA.empty_table())
    table = fold(extraction, AttributeSet(tuple(attributes)))
    reasons = mr.assess(table, threats=["public-release"]).verdict.reasons
    assert (not any(each.code == "restated_dates" for each in reasons)) is stands


def test_an_acquaintance_knows_where_one_lives_what_one_does_and_how_one_looks():
    ladders = {"plz": "geo", "job": "occupation", "cm": "height", "kg": "weight", "stage": "enum"}
    attributes = [
        Attribute(
            name=name,
            source="t",
            column=name,
            role=Role.QUASI_IDENTIFIER,
            kind=Kind.NUMBER if name in {"cm", "kg"} else Kind.CATEGORY,
            ladder=ladder,
            reason="",
        )
        for name, ladder in ladders.items()
    ]
    model = load_threat_model("acquaintance", {"prevalence": 1.0})
    known = known_attributes(attributes, model.adversaries[0])
    assert known == {"plz": "exact", "job": "exact", "cm": "5cm", "kg": "10kg"}


def test_the_digest_is_of_all_the_values_that_leave_and_of_no_others():
    rows = [
        {"id": f"s{i}", "sex": "M", "seen": day}
        for i in range(4)
        for day in ("20200101", "20210101")
    ]
    later = [*rows[:-1], rows[-1] | {"seen": "20220202"}]
    one, other = _table(rows), _table(later)
    removed = {"sex": {"decision": Decision.REMOVE}}
    assert one.digest != other.digest
    assert released(_table(rows, **removed)).digest != released(_table(later, **removed)).digest
    gone = np.array([False, False, False, True])
    assert without_subjects(one, gone).digest == without_subjects(other, gone).digest
    empty = {"seen": ["s3"]}
    assert without_cells(one, empty).digest == without_cells(other, empty).digest
    assert (
        without_cells(one, {"sex": ["s3"]}).digest != without_cells(other, {"sex": ["s3"]}).digest
    )

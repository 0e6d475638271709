"""What the search does with demands, missing values and hierarchies that are not sound."""

from __future__ import annotations

import itertools
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from midi_risk.errors import HierarchyError, SearchError
from midi_risk.recode import (
    AverageRisk,
    DistinctLDiversity,
    KAnonymity,
    KMap,
    TCloseness,
    search,
    sweep,
)
from midi_risk.recode.lattice.lattice import Lattice, levels_from_top
from midi_risk.recode.lattice.tables import plan_layout
from midi_risk.recode.search.budget import Budget
from midi_risk.recode.search.budgeted import search_within
from midi_risk.recode.search.problem import hidden_limit, prepare

HOSTILE = "Prof. Secret"
AGE = pd.DataFrame([[str(a), f"{a // 10 * 10}s", "*"] for a in range(20, 60)])
SEX = pd.DataFrame([["F", "*"], ["M", "*"]])
HIERARCHIES = {"age": AGE, "sex": SEX}


def people(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 60, rows),
            "sex": rng.choice(["F", "M"], rows),
            "illness": rng.choice(["flu", "cold", "gout"], rows),
        }
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "nothing to search for"),
        ({"k": 0}, "k must be a whole number"),
        ({"k": 2, "max_suppression": 1.5}, "between 0 and 1"),
        ({"k": 2, "max_suppression": float("nan")}, "between 0 and 1"),
        ({"k": 2, "utility": "los"}, "Did you mean 'loss'"),
        ({"k": 2, "aggregate": "mean"}, "no aggregate"),
        ({"k": 2, "gs_factor": -1}, "gs_factor"),
        ({"k": 2, "keep": ["agee"]}, "Did you mean 'age'"),
        ({"k": 2, "keep": ["age"], "levels": {"age": (1, 2)}}, "must be kept"),
        ({"k": 2, "levels": {"age": (3, 4)}}, "no level 3"),
        ({"k": 2, "levels": {"age": (2, 1)}}, "lowest first"),
        ({"k": 2, "coupled": [["age", "sex"], ["age"]]}, "coupled twice"),
        ({"k": 2, "coupled": [["age", "sex"]], "keep": ["age"], "levels": {"sex": (1, 1)}}, "no l"),
        ({"k": 2, "weights": {"age": -1}}, "number from 0 up"),
        ({"k": 2, "weights": {"age": 0, "sex": 0}}, "all weights are 0"),
        ({"k": 2, "weights": {"size": 1}}, "unknown 'size'"),
        ({"criteria": ["k"]}, "CustomCriterion"),
        ({"criteria": [DistinctLDiversity("age", 2)]}, "both a quasi-identifier and sensitive"),
        ({"criteria": [DistinctLDiversity("ilness", 2)]}, "Did you mean 'illness'"),
    ],
)
def test_bad_demands_are_refused_in_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SearchError, match=words) as caught:
        search(people(), HIERARCHIES, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame([["a", "x", "*"], ["b", None, "*"]]), "ragged: 1 row"),
        (pd.DataFrame([["a", "x", "*"], ["b", "x", "y"]]), "does not nest: rows 1 and 2"),
        (pd.DataFrame([["a", "x", "p"], ["b", "x", "q"]]), r"level 1 \('x'\) .* \('p' and 'q'\)"),
        (
            pd.DataFrame([["a", HOSTILE, "p"], ["b", HOSTILE, "q"], [HOSTILE, HOSTILE, "q"]]),
            "agree at level 1 but not at level 2",
        ),
        (pd.DataFrame([["a", "b", "*"], ["b", "a", "*"]]), "cyclic"),
        (pd.DataFrame([["a", "x"], ["a", "y"]]), "two different paths"),
        (pd.DataFrame([[HOSTILE, "*"]]), "lacks 2 value"),
        (pd.DataFrame(), "is empty"),
        (3, "neither a table nor"),
    ],
)
def test_unsound_hierarchies_are_refused_without_showing_a_value(frame: Any, words: str) -> None:
    data = pd.DataFrame({"site": ["a", "b", "b"]})
    with pytest.raises(HierarchyError, match=words) as caught:
        search(data, {"site": frame}, k=1)
    assert "'site'" in str(caught.value)
    assert HOSTILE not in str(caught.value)


def test_no_records_and_unknown_columns_are_refused() -> None:
    with pytest.raises(SearchError, match="no records"):
        search(people().iloc[:0], HIERARCHIES, k=2)
    with pytest.raises(SearchError, match="no column 'weight'"):
        search(people(), {"weight": AGE}, k=2)
    with pytest.raises(SearchError, match="no quasi-identifier"):
        search(people(), {}, k=2)


def test_a_missing_value_is_a_category_until_the_top() -> None:
    data = pd.DataFrame({"site": ["a"] * 4 + ["b"] * 4 + [None, None]})
    tree = pd.DataFrame([["a", "ab", "*"], ["b", "ab", "*"]])
    assert search(data, {"site": tree}, k=2).levels == {"site": 0}
    assert search(data, {"site": tree}, k=3).levels == {"site": 2}
    within = search(data, {"site": tree}, k=3, max_suppression=0.2)
    assert within.levels == {"site": 0}
    np.testing.assert_array_equal(np.flatnonzero(within.suppressed_rows), [8, 9])


def test_numbers_match_their_text_whatever_the_dtype() -> None:
    data = people()
    expected = search(data, HIERARCHIES, k=3, max_suppression=0.1, utility="loss")
    for column in (data["age"].astype(float), data["age"].astype(str), data["age"].astype(object)):
        other = search(
            data.assign(age=column), HIERARCHIES, k=3, max_suppression=0.1, utility="loss"
        )
        assert other.to_dict() == expected.to_dict()


def test_row_order_column_order_and_index_change_nothing_but_the_rows() -> None:
    data = people()
    expected = search(data, HIERARCHIES, k=4, max_suppression=0.2, utility="loss")
    shuffled = data.sample(frac=1, random_state=3)[["illness", "sex", "age"]]
    other = search(shuffled, HIERARCHIES, k=4, max_suppression=0.2, utility="loss")
    assert other.to_dict() == expected.to_dict()
    hidden = pd.Series(other.suppressed_rows, index=shuffled.index).sort_index()
    np.testing.assert_array_equal(hidden.to_numpy(), expected.suppressed_rows)


def test_without_a_solution_the_closest_node_and_the_obstacle_are_named() -> None:
    found = search(people(), HIERARCHIES, k=50, keep=["age"], max_suppression=0.1)
    assert not found.found
    assert not found.optimal
    assert found.levels == {"age": 0, "sex": 1}
    assert "'age' stops at level 0 of 2" in found.blocking
    assert "at most 6 hidden records" in found.blocking


def test_coupled_attributes_move_together() -> None:
    data = people().assign(birth=lambda frame: frame["age"])
    found = search(
        data,
        {"age": AGE, "sex": SEX, "birth": AGE},
        k=3,
        max_suppression=0.1,
        coupled=[["age", "birth"]],
    )
    assert found.levels["age"] == found.levels["birth"]
    alone = search(people(), HIERARCHIES, k=3, max_suppression=0.1)
    assert (found.levels["age"], found.suppressed) == (alone.levels["age"], alone.suppressed)


def test_a_custom_criterion_takes_part() -> None:
    class AtMost:
        monotone = False
        robust = False
        sensitive = None
        population = None

        def failing(self, view: Any) -> Any:
            return view.sizes > 20

    found = search(people(), HIERARCHIES, k=2, criteria=[AtMost()], max_suppression=0.2)
    assert found.found
    assert found.levels != search(people(), HIERARCHIES, k=21).levels
    assert found.smallest >= 2


def test_k_map_counts_the_population_and_its_binomial_form_needs_no_table() -> None:
    sample = pd.DataFrame({"age": [25, 35, 45], "sex": ["F", "M", "F"]})
    crowd = pd.DataFrame({"age": [25, 35, 45] * 10, "sex": ["F", "M", "F"] * 10})
    found = search(sample, HIERARCHIES, criteria=[KMap(10, population=crowd)])
    assert found.levels == {"age": 0, "sex": 0}
    assert search(sample, HIERARCHIES, criteria=[KMap(11, population=crowd)]).levels != found.levels
    assert [KMap(k, fraction=0.1).sample_size for k in (11, 20)] == [4, 5]
    assert [KMap(k, fraction=0.5).sample_size for k in (11, 20)] == [9, 14]


def test_average_risk_hides_the_smallest_classes_until_it_holds() -> None:
    data = pd.DataFrame({"site": ["a"] * 9 + ["b"]})
    tree = pd.DataFrame([["a", "*"], ["b", "*"]])
    found = search(data, {"site": tree}, criteria=[AverageRisk(0.15)], max_suppression=0.1)
    assert (found.levels, found.suppressed) == ({"site": 0}, 1)
    assert search(data, {"site": tree}, criteria=[AverageRisk(0.15)]).levels == {"site": 1}


def test_hierarchical_closeness_holds_on_tables_that_overflow_32_bits() -> None:
    half = 100_000
    data = pd.DataFrame(
        {
            "sex": ["F"] * half + ["M"] * half,
            "illness": ["a"] * half + ["a"] * (half // 5) + ["b"] * (half * 4 // 5),
        }
    )
    tree = pd.DataFrame([["a", "*"], ["b", "*"]])
    rule = TCloseness("illness", 0.2, "hierarchical", hierarchy=tree)
    assert search(data, {"sex": SEX}, criteria=[rule]).levels == {"sex": 1}


def test_keys_wider_than_one_word_give_the_same_answer() -> None:
    rng = np.random.default_rng(5)
    columns = {
        f"c{i}": rng.choice([f"v{j}" for j in range(6)], 80, p=[0.7] + [0.06] * 5)
        for i in range(24)
    }
    tree = pd.DataFrame([[f"v{j}", "*"] for j in range(6)])
    data = pd.DataFrame(columns)
    assert not plan_layout([6] * 24, 1, 80).packed
    fixed = {name: (1, 1) for name in columns if name not in {"c0", "c1", "c2"}}
    wide = search(data, dict.fromkeys(columns, tree), k=3, levels=fixed, utility="loss")
    free = search(
        data,
        dict.fromkeys(columns, tree),
        k=3,
        levels=dict(list(fixed.items())[4:]),
        max_suppression=0.9,
        utility="loss",
    )
    few = dict.fromkeys(("c0", "c1", "c2"), tree)
    narrow = search(data, few, k=3, utility="loss")
    assert {name: wide.levels[name] for name in few} == narrow.levels
    assert free.optimal
    assert free.score <= wide.score


def test_a_search_out_of_time_says_so_with_a_bound() -> None:
    found = search(people(), HIERARCHIES, k=3, utility="loss", budget_seconds=0.0)
    assert not found.optimal
    if found.found:
        assert found.bound <= found.score
        assert found.gap >= 0


@pytest.mark.parametrize("seconds", [0.0, 0.002, 0.01, 0.05])
def test_a_busy_machine_gives_the_plan_of_an_idle_one(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Budgets count work: a clock that stands still or leaps by an hour changes nothing."""
    values = [f"v{j}" for j in range(4)]
    tree = pd.DataFrame([[v, "ab" if v < "v2" else "cd", "*"] for v in values])
    rng = np.random.default_rng(2)
    wide = pd.DataFrame({f"c{i}": rng.choice(values, 100) for i in range(14)})
    few = pd.DataFrame({f"c{i}": rng.choice(values, 400) for i in range(7)})
    found: list[dict[str, Any]] = []
    for leap in (0.0, 3600.0):
        ticks = itertools.count()
        for clock in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
            monkeypatch.setattr(time, clock, lambda ticks=ticks, leap=leap: next(ticks) * leap)
        found.extend(
            search(
                data,
                dict.fromkeys(data.columns, tree),
                k=3,
                max_suppression=limit,
                budget_seconds=seconds,
            ).to_dict()
            for data in (wide, few)
            for limit in (0.0, 0.2)
        )
    half = len(found) // 2
    assert found[:half] == found[half:]


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_search_that_is_cut_short_has_more_to_show_than_the_top(share: float) -> None:
    values = [f"v{j}" for j in range(6)]
    tree = pd.DataFrame([[v, "ab" if v < "v2" else "c" if v < "v4" else "d", "*"] for v in values])
    rng = np.random.default_rng(5)
    data = pd.DataFrame({f"c{i}": rng.choice(values, 2000) for i in range(7)})
    trees = dict.fromkeys(data.columns, tree)
    free = search(data, trees, k=5, max_suppression=share)
    short = search(data, trees, k=5, max_suppression=share, budget_seconds=0.02)
    assert free.optimal
    assert not short.optimal
    assert short.found
    assert max(short.levels.values()) > 0
    assert sum(short.levels.values()) < 2 * len(trees)
    assert short.bound <= free.score <= short.score


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_search_for_large_lattices_proves_the_same_optimum(share: float, seed: int) -> None:
    data = people(80, seed).assign(old=people(80, seed + 50)["age"])
    trees = {**HIERARCHIES, "old": AGE}
    options: dict[str, Any] = {"k": 3, "max_suppression": share, "utility": "loss"}
    exact = search(data, trees, **options)
    problem = prepare(data, trees, **options)
    budget = Budget(problem.judge, None)
    found = search_within(problem.judge, limit=problem.limit, budget=budget)
    assert found.optimal
    assert found.best is not None
    assert found.best.key[0] == pytest.approx(exact.score, rel=1e-12)
    names = [attribute.name for attribute in problem.judge.lattice.attributes]
    levels = problem.judge.lattice.levels(found.best.steps)
    assert dict(zip(names, levels, strict=True)) == exact.levels


def test_thirty_attributes_are_searched_within_the_budget() -> None:
    rng = np.random.default_rng(2)
    values = [f"v{j}" for j in range(4)]
    data = pd.DataFrame({f"c{i}": rng.choice(values, 100) for i in range(30)})
    tree = pd.DataFrame([[v, "ab" if v < "v2" else "cd", "*"] for v in values])
    found = search(
        data,
        dict.fromkeys(data.columns, tree),
        k=2,
        max_suppression=0.05,
        utility="loss",
        budget_seconds=1.0,
    )
    assert found.found
    assert found.nodes == 3**30
    assert 0 <= found.gap <= 1
    assert found.bound <= found.score


def test_a_sweep_answers_like_a_search() -> None:
    data = people(200)
    every = sweep(data, HIERARCHIES, utility="loss", largest=20)
    for k in (1, 2, 5, 21):
        for share in (0.0, 0.05, 0.5):
            answer = every.best(k, share)
            asked = search(data, HIERARCHIES, k=k, max_suppression=share, utility="loss")
            assert answer.found == asked.found
            assert (answer.levels, answer.score) == (asked.levels, asked.score)
            assert answer.suppressed == asked.suppressed
    with pytest.raises(SearchError, match="from 1 to 21"):
        every.best(22)
    front = every.front(max_suppression=0.1)
    risks = [node.risk for node in front]
    assert risks == sorted(risks)
    assert all(a.loss > b.loss or a.suppressed > b.suppressed for a, b in pairwise(front))


def test_the_same_criterion_twice_or_as_an_object_is_the_same_search() -> None:
    plain = search(people(), HIERARCHIES, k=3)
    assert search(people(), HIERARCHIES, criteria=[KAnonymity(3)]).to_dict() == plain.to_dict()
    assert search(people(), HIERARCHIES, k=2, criteria=[KAnonymity(3)]).levels == plain.levels


def test_ladder_names_stand_for_hierarchies() -> None:
    data = pd.DataFrame({"age": [31, 33, 38, 52] * 5, "sex": list("MFMF") * 5})
    found = search(data, {"age": "age", "sex": "sex"}, k=5, utility="loss")
    assert found.found
    assert found.smallest >= 5


@pytest.mark.parametrize(
    ("share", "records", "hidden"), [(0.29, 100, 29), (0.07, 100, 7), (0.02, 99, 1), (0.0, 5, 0)]
)
def test_a_share_that_is_a_whole_number_of_records_hides_that_many(share, records, hidden):
    assert hidden_limit(share, records) == hidden


def test_of_plans_that_lose_as_much_the_one_that_changes_fewer_attributes_is_taken():
    class Plain(Lattice):
        def __init__(self) -> None:
            """Hold no axis: a step is a level."""

        def levels(self, steps):
            return tuple(steps)

    nodes = [(0, 0, 3), (1, 1, 0), (0, 1, 1), (2, 0, 0)]
    assert sorted(nodes, key=Plain().tie_rank) == [(2, 0, 0), (0, 0, 3), (0, 1, 1), (1, 1, 0)]


def test_nodes_at_the_limit_of_suppression_are_looked_below():
    elsewhere = [np.array([1]), np.array([0])]
    found = [len(level.steps) for level in levels_from_top([2, 3], elsewhere, 2, 0)]
    assert found == [1, 2, 2, 1]

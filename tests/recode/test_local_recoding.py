"""Local recoding: every class recounted for every adversary, sets, limits, order, the plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import midi_risk as mr
from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.document.plan import Plan
from midi_risk.errors import SearchError
from midi_risk.recode.local.assign import labels_of
from midi_risk.recode.plan import suggest
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A plan takes a second: a failing seed says as much as a smaller one."""

KINDS = {"age": Kind.AGE, "sex": Kind.SEX, "site": Kind.CATEGORY, "size": Kind.NUMBER}


def threat(k: int, disclosure: dict | None = None, **changes: object) -> ThreatModel:
    told: dict[str, object] = {
        "schema": "midi-risk/threat-model/1",
        "name": "test",
        "release": "public",
        "threshold": {"k": k},
        "adversaries": [{"name": "a"}],
    }
    if disclosure:
        told["disclosure"] = disclosure
    return ThreatModel.model_validate(told | changes)


def people(n: int, seed: int, missing: str = "category", gaps: float = 0.05) -> SubjectTable:
    draw = np.random.default_rng(seed)
    columns = {
        "age": np.clip(np.rint(draw.normal(58, 14, n)), 19, 89).astype(int).astype(str),
        "sex": draw.choice(["F", "M"], n),
        "site": draw.choice(["Ash", "Birch", "Cedar", "Elm", "Fir", "Yew"], n,
                            p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04]),
        "size": np.rint(draw.normal(170, 9, n)).astype(int).astype(str),
    }  # fmt: skip
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    for name in frame:
        frame.loc[draw.random(n) < gaps, name] = None
    frame["stage"] = pd.Series(draw.choice(["I", "II", "III", "IV"], n), dtype=object)
    frame.index = pd.Index([f"s{i:04d}" for i in range(n)], dtype=object)
    attributes = [
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind, reason="",
        )
        for name, kind in KINDS.items()
    ]  # fmt: skip
    attributes.append(
        Attribute(
            name="stage", source="t", column="stage", role=Role.SENSITIVE, kind=Kind.CATEGORY,
            reason="",
        )
    )  # fmt: skip
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(tuple(attributes)),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing=missing,
        digest="sha256:0",
    )


def shown(plan: Plan, table: SubjectTable) -> pd.DataFrame:
    """Return what each subject who stays shows, made from the document and the values alone."""
    assert plan.local is not None
    labels, outside = labels_of(plan.local, table)
    left_out = table.frame.index.isin(plan.suppressed_subjects)
    assert not outside[~left_out].any()
    frame = pd.DataFrame(labels, index=table.frame.index).astype(object)
    return frame.where(frame.notna(), "-").loc[~left_out]


def holds(label: str, value: str | None, kind: Kind) -> bool:
    """Tell whether a label, as a reader takes it, is true of a value."""
    if label in {"-", "other", "other or unknown"}:
        return True
    plain, _, tail = label.partition(" or unknown")
    if value is None:
        return label.endswith("or unknown") and not tail
    return named(plain, value) if kind in {Kind.SEX, Kind.CATEGORY} else within(plain, float(value))


def named(label: str, value: str) -> bool:
    if label.startswith("other than "):
        return value not in label.removeprefix("other than ").split(" or ")
    return value in label.split(" or ")


def within(label: str, number: float) -> bool:
    if label[0] in "<>[":
        low, _, high = label.strip("[)<>=").partition(", ")
        ends = {"<": (-np.inf, low), ">": (low, np.inf), "[": (low, high)}[label[0]]
        return float(ends[0]) <= number < float(ends[1])
    low, _, high = label.rstrip("+").partition("-")
    return float(low) <= number <= (np.inf if label.endswith("+") else float(high or low))


def matching(table: SubjectTable, released: pd.DataFrame, who: str, known: list[str]) -> pd.Series:
    """Return which released subjects fit what an adversary knows of one: by membership."""
    fits = pd.Series(data=True, index=released.index)
    for name in known:
        value = table.frame.loc[who, name]
        of = {label: holds(label, value, KINDS[name]) for label in released[name].unique()}
        fits &= released[name].map(of)
    return fits


@settings(deadline=None, max_examples=5, phases=NO_SHRINKING)
@given(seed=st.integers(0, 10_000), k=st.sampled_from([3, 5, 9]))
def test_every_adversary_faces_k_subjects_and_every_set_holds_its_members(seed, k):
    table = people(120, seed)
    plan = suggest(table, [threat(k)], local=True)
    if plan.local is None:
        return
    released = shown(plan, table)
    for name, kind in KINDS.items():
        for who, label in released[name].items():
            assert holds(label, table.frame.loc[who, name], kind), (name, label)
    for size in (1, 2, 4):
        for known in combinations(KINDS, size):
            equal = released.groupby(list(known)).size()
            assert equal.min() >= k
            for who in released.index[::7]:
                fits = matching(table, released, who, list(known))
                assert fits[who]
                assert fits.sum() >= k
    assert plan.after.k is not None
    assert plan.after.k >= k
    assert plan.after.classes == len(released.groupby(list(KINDS)).size())
    assert sum(each.subjects for each in plan.local.classes) == len(released)


@settings(deadline=None, max_examples=5, phases=NO_SHRINKING)
@given(seed=st.integers(0, 10_000), limit=st.sampled_from([0.0, 0.05]))
def test_it_never_loses_more_than_the_plan_that_it_begins_from(seed, limit):
    table = people(150, seed)
    fixed = suggest(table, [threat(5)], max_suppression=limit)
    plan = suggest(table, [threat(5)], max_suppression=limit, local=True)
    assert plan.found >= fixed.found
    assert plan.suppressed.subjects <= limit * 150
    if plan.local is None:
        assert plan.loss == fixed.loss
    elif fixed.found:
        assert plan.local.global_figures is not None
        assert plan.local.figures.loss <= plan.local.global_figures.loss
        assert plan.loss == pytest.approx(plan.local.figures.loss, abs=1e-4)
        assert plan.local.global_figures.left_out == fixed.suppressed.subjects


CRITERIA = [
    {"criterion": "distinct", "value": 3},
    {"criterion": "entropy", "value": 2.2},
    {"criterion": "recursive", "value": 2.0},
    {"criterion": "t", "value": 0.35},
    {"criterion": "gain", "value": 0.5, "gain": 0.2},
]


def stands(shares: pd.Series, base: pd.Series, wanted: dict) -> bool:
    """Recount one criterion of one class."""
    counts = shares.value_counts()
    q = (counts / counts.sum()).reindex(base.index, fill_value=0.0)
    if wanted["criterion"] == "distinct":
        return len(counts) >= wanted["value"]
    if wanted["criterion"] == "entropy":
        some = q[q > 0]
        return np.exp(-(some * np.log(some)).sum()) >= wanted["value"] - 1e-9
    if wanted["criterion"] == "recursive":
        ranked = np.sort(counts.to_numpy())[::-1]
        return ranked[0] < wanted["value"] * ranked[1:].sum()
    if wanted["criterion"] == "t":
        return np.abs(q - base).sum() / 2 <= wanted["value"] + 1e-9
    return not ((q >= wanted["value"] - 1e-9) & (q - base > wanted["gain"] + 1e-9)).any()


@pytest.mark.parametrize("wanted", CRITERIA, ids=lambda c: c["criterion"])
@pytest.mark.parametrize("seed", [1])
def test_sensitive_criteria_hold_in_each_class_for_every_adversary(wanted, seed):
    table = people(300, seed)
    plan = suggest(table, [threat(5, wanted)], local=True, levels_from_data=False)
    assert plan.local is not None
    assert not plan.after.disclosed
    released = shown(plan, table)
    base = table.frame["stage"].value_counts(normalize=True)
    for size in (1, 2, 4):
        for known in combinations(KINDS, size):
            for _, members in released.groupby(list(known)):
                assert stands(table.frame.loc[members.index, "stage"], base, wanted)


def test_the_order_of_rows_and_columns_changes_nothing():
    table = people(200, 3)
    draw = np.random.default_rng(0)
    names = ["stage", "size", "site", "sex", "age"]
    order = draw.permutation(200)
    other = replace(
        table,
        frame=table.frame.iloc[order][names],
        attributes=AttributeSet(tuple(table.attributes[name] for name in names)),
    )
    one = suggest(table, [threat(5)], local=True)
    two = suggest(other, [threat(5)], local=True)
    pd.testing.assert_frame_equal(
        shown(one, table).sort_index()[sorted(KINDS)], shown(two, other).sort_index()[sorted(KINDS)]
    )


def test_equal_values_lead_to_one_class_whoever_has_them():
    table = people(200, 4)
    plan = suggest(table, [threat(5)], local=True)
    assert plan.local is not None
    twins = replace(table, frame=table.frame.rename(index=lambda key: f"twin of {key}"))
    labels, outside = labels_of(plan.local, table)
    again, also_outside = labels_of(plan.local, twins)
    assert (outside == also_outside).all()
    assert all((labels[name] == again[name]).all() for name in labels)
    keys = table.frame[list(KINDS)].fillna("-").agg("|".join, axis=1).to_numpy()
    by_values = pd.DataFrame(labels).assign(key=keys)
    assert len(by_values.drop_duplicates()) == len(set(keys))


def test_what_is_kept_stays_exact_and_no_class_leaves_a_ceiling():
    table = people(400, 5, gaps=0.0)
    plan = suggest(table, [threat(5)], local=True, keep=["sex"])
    assert plan.local is not None
    assert "sex" not in plan.local.attributes
    assert plan.levels["sex"] == 0
    bounded = replace(table, attributes=table.attributes.revised("age", ceiling="20y"))
    plan = suggest(bounded, [threat(5)], local=True, max_suppression=0.1)
    assert plan.local is not None
    for label in shown(plan, bounded)["age"]:
        low, _, high = label.rstrip("+").partition("-")
        assert label != "-"
        # Nobody is below the first line, so the first band is open.
        first = low == "0" and int(high) <= 39
        assert label.endswith("+") or first or int(high or low) // 20 == int(low) // 20


def test_a_floor_is_never_undercut():
    table = people(400, 6, gaps=0.0)
    decided = replace(
        table,
        attributes=table.attributes.revised(
            "age", decision=Decision.GENERALISE, generalise_to="10y"
        ),
    )
    plan = suggest(decided, [threat(5)], local=True)
    assert plan.local is not None
    for label in shown(plan, decided)["age"].unique():
        low, _, high = label.partition("-")
        assert label == "-" or label.endswith("+") or (int(high) - int(low) >= 9)


@pytest.mark.parametrize("policy", ["wildcard", "wildcard-cautious"])
def test_it_is_accepted_however_unknown_values_are_taken(policy):
    table = people(200, 7, missing="wildcard" if policy == "wildcard" else policy)
    plan = suggest(table, [threat(5)], local=True)
    assert plan.found
    assert plan.after.passed


def test_names_are_lists_or_groups_of_the_ladder():
    table = people(300, 8, gaps=0.0)
    listed = suggest(table, [threat(11)], local=True)
    strict = suggest(table, [threat(11)], local=True, local_sets="ladder")
    assert any(" or " in label for label in shown(listed, table)["site"])
    assert not any(" or " in label for label in shown(strict, table)["site"])


def test_the_shareable_copy_holds_no_class():
    table = people(200, 9)
    plan = suggest(table, [threat(5)], local=True)
    assert plan.local is not None
    assert plan.local.classes
    public = plan.public()
    assert public.local is not None
    assert public.local.classes == []
    assert all(name not in public.cut_points for name in public.local.attributes)


def test_both_editions_of_the_report_say_what_local_bands_mean():
    table = people(200, 9)
    threats = [threat(5)]
    plan = suggest(table, threats, local=True)
    assert plan.local is not None
    assessment = mr.assess(table, threats)
    for edition in ("internal", "shareable"):
        page = mr.report(assessment, plan, edition=edition).html
        assert "Bands differ between subjects" in page
        assert "with one level for everybody" in page
        for each in plan.local.classes if edition == "shareable" else ():
            assert all(label not in page for label in each.shows.values() if label and "-" in label)


def test_cells_and_local_bands_exclude_one_another():
    with pytest.raises(SearchError, match="single cells"):
        suggest(people(50, 1, missing="wildcard"), [threat(5)], local=True, cells=True)

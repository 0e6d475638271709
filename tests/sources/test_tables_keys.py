"""Matching of linkage keys between tables."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.sources.tables.keys import key_rank, match_keys


@pytest.mark.parametrize(
    ("left", "right", "mapping", "rule"),
    [
        (["a", "b"], ["b", "a"], [1, 0], "exact"),
        (["A1 ", "b2"], ["a1", "B2"], [0, 1], "blanks and case ignored"),
        (["17787.0", "12.0"], ["12", "17787"], [1, 0], "decimal zero of whole numbers ignored"),
        (["007", "010"], ["7", "10"], [0, 1], "leading zeros ignored"),
        (["P_1-2", "P_3-4"], ["P12", "P34"], [0, 1], "separators ignored"),
        (["sub-01", "sub-02"], ["1", "2"], [0, 1], "a prefix common to all keys ignored"),
        (
            ["LIDC-IDRI-0001", "LIDC-IDRI-0002"],
            ["lidc-1", "lidc-2"],
            [0, 1],
            "a prefix common to all keys ignored",
        ),
    ],
)
def test_the_first_rule_that_matches_clearly_more_is_chosen(left, right, mapping, rule):
    match = match_keys(left, right)
    assert match.mapping.tolist() == mapping
    assert match.rule == rule


def test_a_milder_rule_never_joins_two_left_keys():
    assert match_keys(["01", "1", "5"], ["1", "05"]).mapping.tolist() == [-1, 0, 1]


def test_a_milder_rule_never_chooses_between_two_right_keys():
    assert match_keys(["X1"], ["x1", "x01", "X 1"]).mapping.tolist() in ([0], [-1])
    assert match_keys(["a", "B"], ["A ", "a ", "b"]).mapping.tolist() == [-1, 2]


def test_strangers_do_not_match():
    match = match_keys(["p1", "p2"], ["q7", "q8"])
    assert match.mapping.tolist() == [-1, -1]
    assert match.share == 0


def test_no_keys_on_a_side_is_no_match():
    assert match_keys([], ["a"]).mapping.tolist() == []
    assert match_keys(["a"], []).mapping.tolist() == [-1]


def test_the_repr_shows_no_key():
    assert "secret" not in repr(match_keys(["secret"], ["secret"]))


def test_patient_keys_rank_before_others():
    ranks = [key_rank(n) for n in ("PatientID", "participant_id", "MRN", "id")]
    assert ranks == sorted(ranks)
    assert key_rank("sample_id") is None
    assert key_rank("cases.submitter_id") is not None


_KEYS = st.lists(st.text("aA01-_. ", min_size=1, max_size=5), unique=True, max_size=12)


@settings(deadline=None, max_examples=150)
@given(_KEYS, _KEYS)
def test_no_right_key_is_used_twice_and_exact_matches_stay(left, right):
    mapping = match_keys(left, right).mapping.tolist()
    used = [index for index in mapping if index >= 0]
    assert len(used) == len(set(used))
    for key, index in zip(left, mapping, strict=True):
        if key in right:
            assert index == right.index(key)

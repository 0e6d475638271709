"""The figures beside the verdict on the page, and what the shareable edition keeps of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import read
from report_documents import INDIVIDUAL, PRESENCE, SPECIAL, assessment_document

from midi_risk.document.assessment import NOT_APPLICABLE, Assessment
from midi_risk.report import report, view

K, N = 11, 388
laws = settings(deadline=None, max_examples=60)


def document(**measures: Any) -> Assessment:
    """Return the document with some measures replaced."""
    made = assessment_document()
    return Assessment.model_validate(made | {"measures": made["measures"] | measures})


def page(edition: str, **measures: Any):
    return read(report(document(**measures), edition=edition).html)


def leaving(**measures: Any):
    return view(document(**measures), edition="shareable").measures


# On the page.


@pytest.mark.parametrize("edition", ["internal", "shareable"])
def test_both_editions_show_the_three_figures_and_say_that_they_do_not_judge(edition):
    shown = page(edition)
    assert {"special-uniques", "individual-risk", "presence"} <= set(shown.ids)
    assert shown.text.count("The figures stand beside the verdict; they do not judge.") == 3
    for doi in ("10.1142/S0218488502001594", "10.1111/1467-9868.00365", "10.1145/1247480.1247554"):
        assert f"doi:{doi}" in shown.text
    (formulas,) = (rows for name, rows in shown.tables.items() if name == "formulas")
    assert {"Special uniques, SUDA2", "Global risk, threshold", "delta-presence"} <= {
        row[0] for row in formulas
    }


def test_the_internal_page_shows_the_numbers_of_the_document():
    shown = page("internal")
    text = shown.text
    assert "44.6 %, 173 of 388" in text
    assert "17.3 of 388, 4.5 %" in text
    assert "12.3 to 40.6, estimate" in text
    assert [row[-1] for row in shown.tables["unique-sizes"][1:]] == ["97", "141", "22", "0"]
    assert len(shown.tables["dis-suda"]) == 8
    assert [row[0] for row in shown.tables["unique-shares"][1:]][:2] == ["StudyDate", "PatientAge"]
    assert len(shown.tables["individual-quantiles"]) == 6
    assert "0.00317 (1 in 315)" in text


def test_the_records_show_the_score_of_each_subject_the_most_special_first():
    shown = page("internal")
    head, *rows = shown.tables["record-table"]
    place = head.index("SUDA score")
    alone = [float(row[place]) for row in rows if row[1] == "1"]
    assert alone == sorted(alone, reverse=True)
    assert alone[0] == 10


def test_records_without_a_score_say_so():
    made = assessment_document()
    for record in made["internal"]["records"]:
        record.update(suda=None, smallest_unique=None)
    shown = read(report(Assessment.model_validate(made)).html)
    assert shown.tables["record-table"][1][3:5] == ["not assessed", "not assessed"]


@pytest.mark.parametrize("edition", ["internal", "shareable"])
@pytest.mark.parametrize(
    ("name", "reason", "anchor"),
    [
        ("special_uniques", "few_attributes", "special-uniques"),
        ("special_uniques", "too_large", "special-uniques"),
        ("individual", "release_only", "individual-risk"),
        ("individual", "no_class_sizes", "individual-risk"),
        ("presence", "no_table", "presence"),
    ],
)
def test_what_does_not_apply_is_absent_with_its_reason(edition, name, reason, anchor):
    shown = page(edition, **{name: {"reason": reason}})
    assert anchor not in shown.ids
    assert f"not applicable. {NOT_APPLICABLE[reason]}" in shown.text


@pytest.mark.parametrize("edition", ["internal", "shareable"])
def test_a_document_that_does_not_know_them_is_still_read(edition):
    shown = page(edition, special_uniques=None, individual=None, presence=None)
    assert shown.text.count("not computed in this document.") == 3


@pytest.mark.parametrize("edition", ["internal", "shareable"])
def test_a_bounded_search_is_called_one(edition):
    bounded = SPECIAL | {"complete": False, "attributes": 15, "kind": "bound"}
    text = page(edition, special_uniques=bounded).text
    assert "up to 4 of 15 attributes" in text
    assert "lower bound, larger sets were not searched" in text
    assert "Combinations of more than 4 of the 15 quasi-identifiers were not searched" in text


# What leaves.


def test_the_shareable_edition_merges_rounds_and_widens():
    special, individual, presence = (
        getattr(leaving(), name) for name in ("special_uniques", "individual", "presence")
    )
    assert special.subjects.value == 175
    assert [(s.size_from, s.size_to, s.subjects.value) for s in special.by_size] == [
        (1, 1, 90), (2, 3, 85)]  # fmt: skip
    assert [b.subjects.value for b in special.bands] == [45, 65, 65]
    assert [s.share for s in special.shares] == [0.4, 0.05, 0.9, 0.15]
    assert (special.mean_dis, special.sampling_fraction) == (None, None)
    assert all(s.uniques is None for s in special.by_size)
    # 0.045 of 390, not 17.3 of 388
    assert (individual.share, individual.expected) == (0.045, 18.0)
    assert [q.share for q in individual.quantiles] == [0.5, 0.9, 0.95]
    assert individual.above.value == 45
    assert (presence.delta_min, presence.delta_max, presence.raised) == (0.001, 0.1, None)


def holders(subjects: int, uniques: int | None = None) -> dict[str, Any]:
    """Return special uniques of so many subjects, all of them on pairs, in one band."""
    return {
        "sample_uniques": subjects if uniques is None else uniques,
        "special_uniques": SPECIAL
        | {
            "subjects": subjects,
            "by_size": [{"size_from": 2, "size_to": 2, "uniques": subjects, "subjects": subjects}],
            "bands": [
                {"above": None, "up_to": 0.0, "subjects": N - subjects},
                {"above": 0.0, "up_to": 0.01, "subjects": subjects},
            ],
        },
    }


@laws
@given(st.integers(1, K - 1), st.booleans())
def test_nothing_is_told_of_the_uniques_of_few_or_of_all_but_few(few, others):
    found = leaving(**holders(N - few if others else few)).special_uniques
    assert found.subjects.state == ("all_but" if others else "below")
    assert (found.by_size, found.bands, found.shares) == ((), (), ())


@laws
@given(st.integers(40, 300), st.integers(1, K - 1))
def test_uniques_that_no_combination_explains_cannot_be_had_by_subtraction(subjects, rest):
    found = leaving(**holders(subjects, subjects + rest)).special_uniques
    assert found.subjects.state == "withheld"
    assert (found.by_size, found.bands, found.shares) == ((), (), ())


@pytest.mark.parametrize("pairs", [0, 2, K - 1])
def test_the_scores_do_not_tell_how_few_subjects_are_in_pairs(pairs):
    bins = [(1, 173), (2, pairs), (3, N - 173 - pairs)]
    histogram = [
        {"size_from": f, "size_to": f, "classes": max(1, n // f), "subjects": n} for f, n in bins
    ]
    found = leaving(class_size_histogram=histogram).special_uniques
    assert (found.bands, found.mean_dis) == ((), None)
    assert found.by_size


@laws
@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_no_bin_of_a_distribution_holds_fewer_than_k_subjects(parts):
    total = sum(parts)
    sizes = [
        {"size_from": i, "size_to": i, "uniques": n, "subjects": n} for i, n in enumerate(parts, 1)
    ]
    bands = [{"above": None, "up_to": 0.0, "subjects": N - total}] + [
        {"above": a, "up_to": b, "subjects": n}
        for (a, b), n in zip(((0.0, 0.01), (0.01, 0.1), (0.1, 0.5), (0.5, 1.0)), parts, strict=True)
    ]
    special = SPECIAL | {"subjects": total, "by_size": sizes, "bands": bands}
    found = leaving(sample_uniques=total, special_uniques=special).special_uniques
    for bins in (found.by_size, found.bands):
        assert all(b.subjects.state == "shown" and b.subjects.value >= K for b in bins)
        if total >= K:
            assert bins


@laws
@given(st.integers(12, 2000), st.floats(0.001, 1.0))
def test_the_expected_number_tells_no_more_than_share_and_rounded_subjects(n, share):
    part = INDIVIDUAL | {
        "n": n, "share": share, "expected": share * n, "lower": 0.5 * share * n,
        "upper": share * n, "above": 0,
    }  # fmt: skip
    found = leaving(individual=part).individual
    assert found.expected == float(f"{found.share * found.n.value:.2g}")
    assert all(n - q.share * n >= K for q in found.quantiles)


@pytest.mark.parametrize("n", [1, K - 1])
def test_no_expected_number_of_a_hidden_number_of_subjects(n):
    found = leaving(individual=INDIVIDUAL | {"n": n, "above": 0}).individual
    assert (found.n.state, found.expected, found.lower, found.quantiles) == (
        "below",
        None,
        None,
        (),
    )


@laws
@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
def test_a_presence_leaves_as_powers_of_ten_around_it(low, high):
    low, high = sorted((low, high))
    found = leaving(presence=PRESENCE | {"delta_min": low, "delta_max": high}).presence
    powers = [10.0**-i for i in range(8)]
    assert found.delta_min in powers
    assert found.delta_max in powers
    assert found.delta_min <= low * (1 + 1e-9)
    assert high <= found.delta_max * (1 + 1e-9)
    assert found.delta_min > low / 10.001
    assert found.delta_max < high * 10.001


def test_names_that_the_document_does_not_know_do_not_leave():
    shares = [*SPECIAL["shares"], {"attribute": "Nachtigall", "share": 0.5}]
    strange = {
        "model": "Nachtigall",
        "adversary": "Nachtigall",
        "population": "Nachtigall and others",
    }
    text = page(
        "shareable",
        special_uniques=SPECIAL | {"shares": shares},
        individual=INDIVIDUAL | strange,
        presence=PRESENCE | strange,
    ).text
    assert "Nachtigall" not in text
    assert "not named" in text

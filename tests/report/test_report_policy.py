"""The policy of the shareable edition: every field has a line, every line prevents what it says."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import read
from pydantic import create_model
from report_documents import assessment, assessment_document, plan_document

from midi_risk.document.assessment import Assessment, Measures
from midi_risk.document.plan import Part, Plan
from midi_risk.report import policy, report, rules, view
from midi_risk.report.counts import SafeCount
from midi_risk.report.leaves import (
    Action,
    Amount,
    Code,
    Keyed,
    Leaving,
    Name,
    Option,
    ProfileCode,
    Risk,
    Size,
    Version,
    Written,
    Year,
)
from midi_risk.report.policy import DROP, POLICY, NoRuleError
from midi_risk.report.sections import sentence

LEAVES = {
    Name,
    Written,
    Code,
    Version,
    Keyed,
    Action,
    Option,
    ProfileCode,
    SafeCount,
    Amount,
    Risk,
    Size,
    Year,
}
laws = settings(deadline=None, max_examples=40)


def shareable(document, plan=None):
    made = Assessment.model_validate(document)
    return view(made, plan and Plan.model_validate(plan), edition="shareable")


def parts_in(annotation):
    """Yield the parts that a field may hold."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from parts_in(argument)


def reached():
    """Return every part of both documents that a line other than drop leads to."""
    found, queue = set(), [Assessment, Plan]
    while queue:
        part = queue.pop()
        if part in found:
            continue
        found.add(part)
        for name, field in part.model_fields.items():
            if POLICY[part].get(name) is not DROP:
                queue += parts_in(field.annotation)
    return found


# The contract: no field without a line.


def test_every_field_of_both_documents_has_a_line_and_no_line_is_stale():
    for part in reached():
        assert set(POLICY[part]) == set(part.model_fields), part.__name__
    assert set(POLICY) == reached(), "lines for a part that nothing leads to"


PUBLIC_INTEGERS = {
    "Threshold.k", "HistogramBin.size_from", "HistogramBin.size_to", "CurvePoint.k",
    "Diversity.distinct_l", "Threat.threshold_k", "Uncertainty.draws", "Plan.k", "Plan.nodes",
    "Plan.nodes_checked", "SizeCount.size_from", "SizeCount.size_to",
    "SpecialUniques.attributes", "SpecialUniques.largest_size",
    "Threshold.shipped", "Log.runs", "Alternative.number",
}  # fmt: skip
COUNTS = {"count", "part of all subjects", "part of population", "part of matched", "part of of"}
OF_COUNTS = {"matched_subjects", "left_out_cells", "emptied_cells", "subjects_of_state", "holders",
             "above_the_threshold", "smallest_class"}  # fmt: skip


def test_an_integer_leaves_as_a_count_unless_it_is_listed_as_public():
    words = {}
    for part in reached():
        for name, field in part.model_fields.items():
            if field.annotation in {int, int | None}:
                words[f"{part.__name__}.{name}"] = POLICY[part][name].word
    exact = {field for field, word in words.items() if word == "size"}
    assert exact == PUBLIC_INTEGERS
    planted = {"MeasuredRecall.n", "MeasuredRecall.found",  # copies that the tool made
               "ScoreCell.rules", "ScoreCell.rules_failed"}  # fmt: skip
    assert {words[field] for field in planted} == {"two digits of any number"}
    rest = {word for field, word in words.items() if field not in exact | planted}
    assert rest <= COUNTS | OF_COUNTS | {"drop"}


INSIDE = {
    "Assessment": {
        "schema_", "tolerance", "threat_models", "changes", "internal", "channels_total",
        "channels_together",
    },
    "AccountEntry": {"source", "vr", "files", "by", "reason"},
    "SpecialUniques": {"mean_dis", "method", "reference", "sampling_fraction"},
    "SizeCount": {"uniques"},
    "IndividualRisk": {"method", "population", "reference"},
    "PresenceRange": {"method", "population", "raised", "reference"},
    "RepeatedEntry": {"values_max"},
    "Disclosure": {"classes", "subjects"},
    "Statement": {"file", "file_state", "sha256"},
    "Tool": {"name"},
    "AttributeEntry": {
        "source", "kind", "distinct", "label", "reason", "folding", "knowable_by", "ladder",
        "unit", "utility",
    },
    "Measures": {"classes"},
    "HistogramBin": {"classes"},
    "CurvePoint": {"share_below"},
    "Combination": {"unique"},
    "Diversity": {"homogeneous_classes", "homogeneous_subjects", "missing"},
    "RiskEstimate": {"method", "reference", "attacker"},
    "Uncertainty": {"seed", "method"},
    "ChannelEntry": {"evidence", "limit", "mean", "subjects"},
    "Measured": {"private", "strata"},
    "Reason": {"text"},
    "Finding": {"text"},
    "LinkedData": {
        *("name", "version", "searched_by", "ours", "theirs", "attributes", "how"),
        *("added", "removed"),
    },
    "LinkReport": {"source", "rows", "subjects", "key_rule"},
    "Quality": {"note"},
    "QualityControl": {
        "plan", "digest", "confidence", "subjects", "readers", "units", "strata",
        "second_reader", "before", "after",
    },
    "QcSensitivity": {"n", "found", "lower"},
    "Score": {
        "digest", "options", "files", "missing", "retention", "conformance", "traps",
    },
    "ScoreCell": {"n", "left", "by_design"},
    "Provenance": {"tables", "seed", "command"},
    "Plan": {
        "schema_", "tool", "created", "collection_digest", "threat_models", "levels",
        "hierarchies", "suppressed_subjects", "suppressed_cells", "next_step", "reason",
        "cut_points", "groups", "facts", "age_subjects", "accepted", "notes", "loss_shares",
        "finer", "age_costs",
    },
    "Alternative": {"sentence", "levels", "cut_points", "groups", "share_left_out"},
    "LocalRecoding": {"losses", "classes"},
    "LocalFigures": {"classes"},
    "PlanStep": {
        "from_", "to", "level_from", "level_to", "classes_before", "classes_after",
        "justification",
    },
    "KeptAttribute": {"level", "loss", "justification"},
    "State": {"classes", "sample_uniques"},
    "FrontPoint": {"levels"},
    "ImagingFigure": {"kind", "formula", "reference"},
}  # fmt: skip
"""Part -> what stays inside; a name is taken out here by whoever lets its field leave."""


def test_what_stays_inside_is_listed():
    found = {
        part.__name__: {name for name, rule in lines.items() if rule is DROP}
        for part, lines in POLICY.items()
    }
    assert {part: names for part, names in found.items() if names} == INSIDE


def test_a_new_field_without_a_line_is_an_error_that_names_it(monkeypatch):
    made = assessment()
    grown = create_model("Measures", __base__=Measures, rarest=(float, 0.00258))
    monkeypatch.setitem(POLICY, grown, POLICY[Measures])
    figures = grown.model_validate(made.measures.model_dump())
    with pytest.raises(NoRuleError, match=r"Measures\.rarest has no rule"):
        report(made.model_copy(update={"measures": figures}), edition="shareable")


def test_a_new_part_without_lines_is_an_error_too():
    made = assessment()
    grown = create_model("Other", __base__=Measures)
    figures = grown.model_validate(made.measures.model_dump())
    with pytest.raises(NoRuleError, match=r"Other\.k has no rule"):
        report(made.model_copy(update={"measures": figures}), edition="shareable")


def test_a_field_whose_line_is_lost_is_an_error(monkeypatch):
    lines = {name: rule for name, rule in POLICY[Measures].items() if name != "sample_uniques"}
    monkeypatch.setitem(policy.POLICY, Measures, lines)
    with pytest.raises(NoRuleError, match=r"Measures\.sample_uniques"):
        report(assessment(), edition="shareable")


# The type: nothing in the view can hold a raw value.


def loose(value, place):
    """Yield where a view of the shareable edition holds anything but a leaf."""
    if type(value) in LEAVES or isinstance(value, bool) or value is None:
        return
    if isinstance(value, Leaving):
        for name, inner in value._fields.items():
            yield from loose(inner, f"{place}.{name}")
    elif isinstance(value, tuple):
        for inner in value:
            yield from loose(inner, f"{place}[]")
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from loose(key, f"{place} (key)")
            yield from loose(inner, f"{place}.{key}")
    else:
        yield f"{place}: {type(value).__name__}"


def test_the_shareable_view_is_made_of_leaves_alone():
    shown = shareable(assessment_document(), plan_document(imaging=IMAGING, kept=KEPT))
    found = [
        where
        for field in fields(shown)
        if field.name != "edition"
        for where in loose(getattr(shown, field.name), field.name)
    ]
    assert found == []
    assert shown.disclosive is None


@pytest.mark.parametrize("raw", ["067Y", 388, 0.00258, b"x", ["067Y"], {"a": 1}, object()])
def test_neither_the_view_nor_a_part_of_it_takes_a_raw_value(raw):
    shown = shareable(assessment_document())
    for name in ("title", "subjects", "measures", "plan", "links"):
        with pytest.raises(TypeError, match="may not leave"):
            replace(shown, **{name: (raw,) if name == "links" else raw})
    with pytest.raises(TypeError, match="may not leave"):
        Leaving("part", {"field": raw})
    with pytest.raises(TypeError, match="may not leave"):
        Leaving("part", {"field": MappingProxyType({Code("age"): raw})})
    with pytest.raises(TypeError):
        replace(shown, disclosive=view(assessment()).disclosive)


def test_the_keys_of_a_mapping_are_leaves_too():
    with pytest.raises(TypeError, match="a plain str may not be a key"):
        Leaving("part", {"field": MappingProxyType({"067Y": Size(1)})})


def test_a_subclass_of_a_leaf_is_no_leaf():
    class Loud(Name):
        pass

    with pytest.raises(TypeError, match="plain Loud"):
        Leaving("part", {"field": Loud("PatientAge")})


@pytest.mark.parametrize(
    ("leaf", "raw"),
    [
        (Code, "Jane Doe"), (Code, "067Y"), (Code, "age of Jane"), (Version, "2.4 for\nJane"),
        (Action, "X Jane"), (Option, "rtn_dev_id=K Jane"), (ProfileCode, "113100 Jane"),
        (Keyed, "319ece2495a62508 Jane"), (Version, "a/b"), (Keyed, "c4" * 32), (Action, "Jane"),
        (Option, "Jane=K"), (ProfileCode, "1131"), (Amount, 0.123), (Amount, float("nan")),
        (Risk, 0.123), (Risk, 1.5), (Size, -1), (Year, 45), (Year, 20190517),
    ],
)  # fmt: skip
def test_a_leaf_refuses_what_it_is_not_and_does_not_repeat_it(leaf, raw):
    with pytest.raises(ValueError, match=r"\w") as caught:
        leaf(raw)
    assert str(raw) not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [("sex-conflict", "sex-conflict"), ("Jane Doe", "other"), ("jane@clinic", "other"),
     ("067Y", "other"), ("", "other")],
)  # fmt: skip
def test_what_is_no_word_of_a_vocabulary_is_called_other(text, told):
    assert rules.code(text) == told


def test_a_date_leaves_as_its_year():
    document = assessment_document()
    document["context"]["linked_search"] = [
        {"date": "2026-11-02", "place": "trial registries", "found": "nothing"}
    ]
    document["sign_off"] = {
        "assessor": "A. Assessor", "role": "statistician", "organisation": "a registry",
        "date": "2026-11-23", "statement": "",
    }  # fmt: skip
    shown = shareable(document)
    dates = [
        shown.created, shown.valid_until, shown.threshold.fixed_at, shown.sign_off.date,
        shown.context.linked_search[0].date,
    ]  # fmt: skip
    assert {type(date) for date in dates} == {Year}
    assert shown.created == int(document["created"][:4])


def test_what_leaves_is_frozen_and_a_dropped_field_reads_as_none():
    shown = shareable(assessment_document())
    with pytest.raises(AttributeError):
        shown.measures.k = 3
    assert shown.measures.classes is None
    assert "classes" not in dict(shown.measures)
    assert shown.attributes[0].distinct is None
    with pytest.raises(AttributeError, match="Measures has no field rarest"):
        _ = shown.measures.rarest


# Special rules, one by one: what a reader who knows k and the rounding could subtract.


def changed(path, value, document=None):
    document = document or assessment_document()
    node = document
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return document


@laws
@given(st.integers(0, 60), st.integers(0, 60))
def test_matched_subjects_are_withheld_beside_a_hidden_part(orphans, unmatched):
    link = {**assessment_document()["links"][0], "orphans": orphans,
            "unmatched_subjects": unmatched, "matched": 388 - unmatched}  # fmt: skip
    shown = shareable(assessment_document(links=[link])).links[0]
    hidden = 0 < orphans < 11 or 0 < unmatched < 11
    assert (shown.matched.state == "withheld") == hidden
    assert shown.rows is None
    assert shown.subjects is None


@laws
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_no_bin_and_no_step_of_the_curve_is_of_few_subjects(subjects):
    bins = [
        {"size_from": i + 1, "size_to": i + 1, "classes": n, "subjects": n * (i + 1)}
        for i, n in enumerate(subjects)
    ]
    document = assessment_document()
    total = sum(b["subjects"] for b in bins)
    document["collection"]["subjects"] = total
    document["measures"]["class_size_histogram"] = bins
    shown = shareable(document).measures
    exact = {b["size_from"]: b["subjects"] for b in bins}
    for made in shown.class_size_histogram:
        inside = sum(n for size, n in exact.items() if made.size_from <= size <= made.size_to)
        assert inside >= 11
        assert made.subjects.value is None or abs(made.subjects.value - inside) < 5
        assert made.classes is None
    bounds = [0, *(sum(n for size, n in exact.items() if size < p.k) for p in shown.curve), total]
    assert all(b - a >= 11 for a, b in itertools.pairwise(bounds) if len(bounds) > 2)


def test_the_curve_of_the_document_does_not_leave():
    document = changed(("measures", "curve"), [
        {"k": 7, "subjects_below": 311, "share_below": 311 / 388},
        {"k": 8, "subjects_below": 313, "share_below": 313 / 388},
    ])  # fmt: skip
    assert {p.k for p in shareable(document).measures.curve}.isdisjoint({7, 8})


@pytest.mark.parametrize(("left_out", "hidden"), [(0, False), (1, True), (10, True), (11, False)])
def test_subjects_after_the_plan_are_withheld_where_few_are_left_out(left_out, hidden):
    plan = plan_document(suppressed={"subjects": left_out, "cells": 5 * left_out})
    shown = shareable(assessment_document(), plan).plan
    assert (shown.after.subjects.state == "withheld") == hidden
    assert (shown.suppressed.cells.state == "withheld") == hidden
    assert shown.before.subjects.value == 390
    assert shown.suppressed_subjects is None
    assert shown.suppressed_cells is None


def test_emptied_cells_of_few_subjects_are_withheld_however_many():
    of_two = {"PatientSex": ["a", "b"], "StudyDate": ["a", "b"]}
    for keys, hidden in ((of_two, True), ({"PatientSex": [f"s{i}" for i in range(40)]}, False)):
        plan = plan_document(
            suppressed={"subjects": 0, "cells": 40, "emptied": 40}, suppressed_cells=keys
        )
        shown = shareable(assessment_document(), plan).plan.suppressed
        assert (shown.emptied.state == "withheld") == hidden
        assert (shown.cells.state == "withheld") == hidden
    unknown = plan_document(suppressed={"subjects": 0, "cells": 40, "emptied": 40})
    assert shareable(assessment_document(), unknown).plan.suppressed.emptied.state == "withheld"


@laws
@given(st.integers(1, 388), st.sampled_from(["exact", "estimate", "bound"]))
def test_a_share_leaves_as_its_count_and_its_interval_as_rounded_counts(n, kind):
    document = assessment_document()
    result = document["threats"][0]["results"][2]
    assert result["measure"] == "prosecutor_at_risk"
    result |= {"value": n / 388, "lower": n / 388, "upper": n / 388, "kind": kind}
    shown = shareable(document).threats[0].results[2]
    assert isinstance(shown.value, SafeCount)
    assert (shown.value.state == "below") == (n < 11)
    assert (shown.value.state == "all_but") == (0 < 388 - n < 11)
    hidden = kind == "exact" or shown.value.value is None
    for end in (shown.lower, shown.upper):
        assert end is None if hidden else end == float(f"{shown.value.value / 390:.2g}")
    page = read(report(Assessment.model_validate(document), edition="shareable").html)
    assert page.tables["results-1"][3][2] == ""


@pytest.mark.parametrize("hidden", ["lower", "upper"])
@pytest.mark.parametrize("few", [1, 10, 378])
def test_neither_end_of_an_interval_is_told_where_one_is_a_hidden_count(hidden, few):
    document = assessment_document()
    result = document["threats"][0]["results"][2]
    result |= {"kind": "estimate", "value": 200 / 388, "lower": 100 / 388, "upper": 300 / 388}
    shown = shareable(document).threats[0].results[2]
    assert (shown.lower, shown.upper) == (0.26, 0.77)
    result[hidden] = few / 388
    shown = shareable(document).threats[0].results[2]
    assert (shown.lower, shown.upper) == (None, None)


@laws
@given(st.integers(1, 10))
def test_shares_of_a_plan_leave_as_counts_too(n):
    plan = plan_document()
    plan["after"] |= {"at_risk": n / 384, "measures": {"journalist_at_risk": n / 384}}
    shown = shareable(assessment_document(), plan).plan.after
    assert shown.at_risk.state == "below"
    assert shown.measures["journalist_at_risk"].state == "below"


def test_contributions_leave_as_shares_in_steps_of_five_percent():
    shown = [a.contribution for a in shareable(assessment_document()).attributes]
    told = [c for c in shown if c is not None]
    assert told
    assert all(abs(20 * c - round(20 * c)) < 1e-9 for c in told)


def test_a_profile_row_that_is_not_of_the_standard_is_dropped():
    for row in (
        {"release": "2026d", "action": "see Jane", "options": []},
        {"release": "Jane", "action": "X", "options": []},
    ):
        document = changed(("attributes", 0, "ps315"), row)
        assert shareable(document).attributes[0].ps315 is None
    row = {"release": "2026d", "action": "X/Z/D", "options": ["rtn_dev_id=K", "Jane Doe"]}
    shown = shareable(changed(("attributes", 0, "ps315"), row)).attributes[0].ps315
    assert shown.options == ("rtn_dev_id=K",)


def test_vocabularies_are_closed():
    document = assessment_document()
    document["attributes"][0] |= {"level": "jane", "role": "jane", "decision": "jane"}
    document["channels"][0]["found"] = ["icon_images", "jane"]
    document["threats"][1]["uncertainty"]["tornado"][0]["name"] = "jane"
    document["context"]["options"] = ["113100", "jane"]
    document["provenance"]["versions"] = {"numpy": "2.4.6", "host": "/home/jane"}
    shown = shareable(document)
    assert "jane" not in repr(shown)
    assert shown.channels[0].found == ("icon_images",)


@laws
@given(st.integers(0, 310), st.integers(0, 310))
def test_counts_of_known_visits_are_parts_of_their_row(unique, at_risk):
    row = {"m": 2, "max": 0.51234, "mean": 0.31234, "unique": unique, "at_risk": at_risk,
           "subjects": 310, "bin_days": 36500, "kind": "bound", "age": "067Y"}  # fmt: skip
    (shown,) = shareable(changed(("measures", "trajectory"), [row, {"m": "x"}])).measures.trajectory
    for n, cell in ((unique, shown.unique), (at_risk, shown.at_risk)):
        hidden = 0 < n < 11 or 0 < 310 - n < 11
        assert (cell.value is None) == hidden
    assert shown.bin_days is None
    assert (shown.highest, shown.average, shown.bound) == (0.51, 0.31, True)


STRATA = {
    "name": "scanner_strata", "attributes": ["Manufacturer"], "state": "coarsened", "subjects": 60,
    "measures": {
        "strata_before": 3.0, "small_before": 1.0, "subjects_small_before": 5.0,
        "strata_after": 2.0, "small_after": 0.0, "subjects_small_after": 0.0, "least": 20.0,
    },
}  # fmt: skip
WEIGHT = {
    "name": "suv_error", "attributes": ["PatientWeight"], "state": "coarsened", "subjects": 40,
    "rule": "bands of 5 kg",
    "measures": {
        "median_relative": 0.0278, "largest_relative": 0.0291262, "reference_relative": 0.3,
    },
}  # fmt: skip
IMAGING = [STRATA, WEIGHT]
KEPT = [
    {
        "attribute": "PatientSex", "level": 0, "describe": "PatientSex: as recorded",
        "decided": True, "risk_now": 0.1234567, "risk_without": 0.0456789, "loss": 0.3,
    }
]  # fmt: skip


def test_figures_for_users_of_images_hide_small_counts_and_single_subjects():
    few = {**WEIGHT, "subjects": 4}
    plan = plan_document(imaging=[STRATA, WEIGHT, few])
    strata, weight, none = shareable(assessment_document(), plan).plan.imaging
    assert strata.measures["subjects_small_before"].state == "below"
    assert strata.measures["small_before"].state == "withheld"
    assert "5" not in sentence(strata)
    assert "largest_relative" not in weight.measures
    assert dict(none.measures) == {}
    assert "not known" in sentence(none)


@laws
@given(st.integers(1, 388), st.integers(0, 40), st.sampled_from([None, 0.5, 0.9, 1.0]))
def test_the_bound_of_defects_tells_neither_hidden_defects_nor_a_hidden_sample(
    sample, defects, sensitivity
):
    def bound_at(found):
        document = assessment_document()
        document["context"]["quality"] = {
            "population": 388, "sample": sample, "defects": found, "sensitivity": sensitivity,
        }  # fmt: skip
        return shareable(document).defect_bound

    if 0 < sample < 11 or 0 < 388 - sample < 11:
        assert bound_at(defects) is None
    elif 0 < defects < 11:
        assert len({bound_at(n) for n in range(1, 11)}) == 1, "the bound tells which"
        assert bound_at(defects) >= bound_at(0)


@laws
@given(st.integers(0, 386))
def test_few_matched_subjects_with_one_row_are_hidden(fan_out):
    link = {**assessment_document()["links"][0], "fan_out": fan_out}
    shown = shareable(assessment_document(links=[link])).links[0]
    assert (shown.fan_out.value is None) == (0 < fan_out < 11 or 0 < 386 - fan_out < 11)

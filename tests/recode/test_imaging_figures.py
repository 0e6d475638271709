"""What a plan costs a user of images, against figures worked by hand."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.document.plan import Plan
from midi_risk.errors import MeasureError
from midi_risk.recode.imaging import (
    age_error,
    imaging_figures,
    interval_error,
    longest_period,
    strata,
    suv_error,
)
from midi_risk.recode.plan import planned, suggest
from midi_risk.report.sections import sentence
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy

QUASI = Role.QUASI_IDENTIFIER


def attribute(name, kind, ladder, **more):
    settings_ = {"keyword": name, "role": QUASI, "reason": "test"}
    return Attribute(
        name=name, source="dicom", column=name, kind=kind, ladder=ladder, **(settings_ | more)
    )


KINDS = {
    "PatientAge": (Kind.AGE, "age"),
    "PatientWeight": (Kind.NUMBER, "weight"),
    "StudyDate": (Kind.DATE, "date"),
    "Modality": (Kind.CATEGORY, "enum"),
    "Manufacturer": (Kind.CATEGORY, "device"),
    "ManufacturerModelName": (Kind.CATEGORY, "device"),
}


def table(columns, days=(), **changes):
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    frame.index = pd.Index([f"s{i}" for i in range(n)], dtype=object)
    visits = pd.DataFrame(
        [(s, date.fromisoformat(d).toordinal()) for s, d in days], columns=["subject", "day"]
    )
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(
            tuple(attribute(n_, *KINDS[n_], **changes.get(n_, {})) for n_ in columns)
        ),
        counts={"subjects": n},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
        visits=visits,
        visit_dates="StudyDate" if len(visits) else "",
        sources=({"name": "dicom", "kind": "dicom", "level": "instance", "rows": n},),
    )


def figures(made, levels):
    hierarchies = {
        name: attribute_hierarchy(made, made.attributes[name]) for name in made.frame.columns
    }
    numbers = {name: hierarchies[name].level_of(level) for name, level in levels.items()}
    left = planned(made, numbers, hierarchies)
    return {f.name: f for f in imaging_figures(made, left, {})}


def test_five_year_bands_add_the_noise_of_an_even_band():
    ages = [str(age) for age in range(40, 60)]
    found = figures(table({"PatientAge": ages}), {"PatientAge": "5y"})["age_error"]
    # Whole years 0 to 4, written as 2: no bias, variance (5^2 - 1) / 12 = 2.
    assert found.measures["bias_years"] == pytest.approx(0)
    assert found.measures["mean_absolute_years"] == pytest.approx(6 / 5)
    assert found.measures["rms_years"] == pytest.approx(math.sqrt(2))
    assert found.measures["sd_years"] == pytest.approx(math.sqrt(2))
    # Cole et al. 2017: 4.16 years; sqrt(4.16^2 + 2 / pi * 2).
    assert found.measures["with_reference_years"] == pytest.approx(4.3103, abs=1e-4)
    assert found.subjects == 20
    assert "neither above nor below the recorded one" in sentence(found)


def test_ages_that_are_months_bands_or_missing_are_compared_only_where_they_can_be():
    ages = ["66", "173M", "55-60", None, "94"]
    found = figures(table({"PatientAge": ages}), {"PatientAge": "years"})["age_error"]
    assert found.subjects == 3
    # 173 months are 14 5/12 years, written 14; 94 is written 90.
    assert found.measures["mean_absolute_years"] == pytest.approx((0 + 5 / 12 + 4) / 3)


def test_an_attribute_that_is_kept_costs_nothing_and_one_that_is_removed_says_so():
    made = table({"PatientAge": ["61", "62", "70"]})
    kept = figures(made, {})["age_error"]
    assert (kept.state, kept.measures["rms_years"]) == ("exact", 0.0)
    gone = figures(made, {"PatientAge": "removed"})["age_error"]
    assert (gone.state, gone.measures, gone.subjects) == ("removed", {}, 0)
    assert sentence(gone) == "PatientAge is not released: nothing can be related to age."


def test_uptake_is_off_by_the_relative_error_of_the_weight_and_only_with_pet():
    made = table(
        {"PatientWeight": ["72", "80", "51.5", "40"], "Modality": ["CT + PT", "PT", "PT", "CT"]}
    )
    found = figures(made, {"PatientWeight": "5kg"})["suv_error"]
    assert found.subjects == 3
    assert found.measures["median_relative"] == pytest.approx(1 / 51.5)
    assert found.measures["largest_relative"] == pytest.approx(2.5 / 80)
    assert found.measures["reference_relative"] == 0.30
    assert "suv_error" not in figures(
        table({"PatientWeight": ["72"], "Modality": ["CT"]}), {"PatientWeight": "5kg"}
    )


VISITS = [
    (0, "2012-03-05"),
    (0, "2012-03-30"),
    (0, "2012-06-20"),
    (1, "2012-03-01"),
    (2, "2012-01-01"),
    (2, "2012-02-01"),
]


def test_months_leave_intervals_off_by_less_than_a_month():
    made = table({"StudyDate": ["2012-03-05", "2012-03-01", "2012-01-01"]}, VISITS)
    found = figures(made, {"StudyDate": "month"})["visit_intervals"]
    # 25 and 82 days become 0 and 92; 31 days stay 31.
    assert found.measures["mean_absolute_days"] == pytest.approx((25 + 10 + 0) / 3)
    assert (found.measures["intervals"], found.measures["merged"]) == (3, 1)
    assert found.measures["worst_days"] == 30
    assert found.subjects == 2
    exact = figures(made, {})["visit_intervals"]
    assert (exact.state, exact.measures["mean_absolute_days"]) == ("exact", 0.0)
    assert figures(made, {"StudyDate": "removed"})["visit_intervals"].measures == {}


def test_nobody_seen_twice_makes_no_interval():
    made = table({"StudyDate": ["2012-03-05"]}, VISITS[:1])
    assert "visit_intervals" not in figures(made, {"StudyDate": "month"})


@pytest.mark.parametrize(("level", "days"), [(1, 10), (2, 31), (3, 92), (4, 366)])
def test_the_longest_period_of_each_level(level, days):
    assert longest_period("date", level) == days


@settings(deadline=None, max_examples=40)
@given(
    days=st.lists(
        st.dates(date(1970, 1, 1), date(2029, 12, 31)), min_size=2, max_size=8, unique=True
    ),
    level=st.sampled_from(["week", "month", "quarter", "year"]),
)
def test_no_interval_is_further_off_than_the_rule_allows(days, level):
    days = sorted(d.isoformat() for d in days)
    made = table({"StudyDate": [days[0]]}, [(0, d) for d in days])
    found = figures(made, {"StudyDate": level})["visit_intervals"]
    assert found.measures["mean_absolute_days"] <= found.measures["worst_days"]


def test_strata_of_scanners_before_and_after():
    models = ["A1"] * 30 + ["A2"] * 5 + ["B1"] * 25
    made = table({"Manufacturer": [m[0] for m in models], "ManufacturerModelName": models})
    found = figures(made, {"ManufacturerModelName": "removed"})["scanner_strata"]
    told = found.measures
    assert (told["strata_before"], told["small_before"], told["subjects_small_before"]) == (3, 1, 5)
    assert (told["strata_after"], told["small_after"], told["subjects_small_after"]) == (2, 0, 0)
    one = table({"Manufacturer": ["A"] * 30})
    assert "scanner_strata" not in figures(one, {})


def test_a_plan_carries_the_figures_and_its_public_copy_none_of_a_single_subject():
    rng = np.random.default_rng(3)
    n = 60
    made = table(
        {
            "PatientAge": [str(a) for a in rng.integers(40, 80, n)],
            "PatientWeight": [str(w) for w in rng.integers(50, 100, n)],
            "Modality": ["PT"] * n,
        },
        PatientWeight={
            "role": Role.INSENSITIVE,
            "decision": Decision.GENERALISE,
            "generalise_to": "5kg",
        },
    )
    plan = suggest(made)
    assert {f.name for f in plan.imaging} == {"age_error", "suv_error"}
    assert Plan.model_validate(plan.to_dict()) == plan
    weight = next(f for f in plan.imaging if f.name == "suv_error")
    assert 0 < weight.measures["median_relative"] < 0.05
    public = next(f for f in plan.public().imaging if f.name == "suv_error")
    assert "largest_relative" not in public.measures


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: age_error(np.array([]), np.array([])), "no ages"),
        (lambda: age_error(np.array([1.0]), np.array([np.nan])), "finite"),
        (lambda: suv_error(np.array([0.0]), np.array([1.0])), "above 0 kg"),
        (lambda: suv_error(np.array([1.0]), np.array([1.0, 2.0])), "one length"),
        (lambda: interval_error(np.array([0]), np.array([1]), np.array([1, 2])), "each visit"),
        (lambda: interval_error(np.array([0, 0]), np.array([5, 1]), np.array([5, 1])), "order"),
    ],
)
def test_bad_figures_are_refused_in_one_line(call, words):
    with pytest.raises(MeasureError, match=f"(?i){words}"):
        call()


def test_strata_of_nobody_and_of_nothing():
    assert strata(np.empty((0, 0), dtype=np.int64))["strata"] == 0
    assert strata(np.empty((4, 0), dtype=np.int64))["strata"] == 1

"""Published figures and rules of single measures, on tables small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from midi_risk.errors import ApproximationWarning, CoverageWarning, HierarchyError, MeasureError
from midi_risk.recode import (
    ambiguity,
    correlation_loss,
    eigenvalue_loss,
    generalisation_loss,
    il1s,
    kept_share,
    non_uniform_entropy,
    precision,
    propensity_score,
    squared_error_share,
)
from midi_risk.risk import (
    attack_risk,
    beta_likeness,
    combination_risks,
    combinations_frame,
    correct_attribution,
    data_intrusion_simulation,
    delta_disclosure,
    delta_presence,
    distance_linkage,
    equivalence_classes,
    expected_compatible,
    expected_inverse,
    global_risk,
    household_risk,
    identity_risk,
    individual_risk,
    inference,
    interval_disclosure,
    k_map,
    k_map_sample_size,
    km_anonymity,
    l_diversity,
    linkability,
    match_population,
    outstanding_records,
    recursive_c,
    risk_threshold,
    sensitive_counts,
    singling_out,
    strict_mean,
    suda,
    t_closeness,
    wilson_rate,
)
from midi_risk.risk.measures.anonymity import presence_probabilities
from midi_risk.risk.measures.closeness import equal_distance, ordered_distance
from midi_risk.risk.measures.suda import msu_weights


class TestIdentity:
    def test_eleven_meets_the_label_of_nine_per_cent(self) -> None:
        """known_divergence threshold_0_09_means_11: ARX asks for 12, a literal reading too."""
        classes = equivalence_classes({"a": [1] * 11}, "a")
        by_label = {risk.measure: risk for risk in identity_risk(classes, k=11)}
        literal = {risk.measure: risk for risk in identity_risk(classes, threshold=0.09)}
        assert by_label["prosecutor_max"].passed
        assert by_label["prosecutor_at_risk"].value == 0
        assert not literal["prosecutor_max"].passed

    def test_every_k_accepts_its_own_class_size(self) -> None:
        for k in range(1, 200):
            classes = equivalence_classes({"a": [1] * k}, "a")
            assert identity_risk(classes, k=k)[0].passed
            assert not identity_risk(classes, k=k + 1)[0].passed

    def test_without_a_population_the_marketer_is_a_bound_and_the_journalist_absent(self) -> None:
        classes = equivalence_classes({"a": [1, 1, 2]}, "a")
        risks = {risk.measure: risk for risk in identity_risk(classes, k=2, attacker="any")}
        assert set(risks) == {
            "prosecutor_max",
            "prosecutor_mean",
            "prosecutor_at_risk",
            "marketer_mean",
        }
        assert risks["marketer_mean"].kind == "bound"
        assert risks["marketer_mean"].lower == 0
        assert {risk.attacker for risk in risks.values()} == {"any"}

    def test_a_sum_of_weights_is_an_estimate(self) -> None:
        classes = equivalence_classes({"a": [1, 2]}, "a", weights=[4.0, 5.0])
        risks = {risk.measure: risk for risk in identity_risk(classes)}
        assert risks["journalist_max"].kind == "estimate"
        assert risks["prosecutor_max"].kind == "exact"

    def test_the_mean_of_the_journalist_says_which_direction_won(self) -> None:
        classes = equivalence_classes({"a": [1, 1, 1, 2]}, "a", population_sizes=[3, 3, 3, 300])
        mean = {r.measure: r for r in identity_risk(classes)}["journalist_mean"]
        assert "starts from the release" in mean.method
        classes = equivalence_classes({"a": [1, 2, 2, 2]}, "a", population_sizes=[3, 9, 9, 9])
        mean = {r.measure: r for r in identity_risk(classes)}["journalist_mean"]
        assert mean.value == pytest.approx(max(2 / 12, (1 / 3 + 3 / 9) / 4))

    def test_population_sizes_may_come_per_class_or_per_record(self) -> None:
        classes = equivalence_classes({"a": [1, 1, 2]}, "a")
        per_class = np.empty(2)
        per_class[classes.class_of_record] = [6, 6, 4]
        for given in (per_class, [6, 6, 4]):
            assert k_map(classes, population_sizes=given) == 4
        with pytest.raises(MeasureError, match="different population sizes"):
            k_map(classes, population_sizes=[6, 7, 4])
        with pytest.raises(MeasureError, match="per class or per record"):
            k_map(classes, population_sizes=[1, 2, 3, 4])
        with pytest.raises(MeasureError, match="smaller than the released class, or unknown"):
            k_map(classes, population_sizes=[6, math.nan])

    def test_among_uniques_values_per_class_and_per_record_are_one_thing(self) -> None:
        classes = equivalence_classes({"a": [9, 3, 7]}, "a")
        risk = individual_risk(classes, population_sizes=[4, 2, 8])
        assert risk.tolist() == [1 / 4, 1 / 2, 1 / 8]

    def test_a_strict_mean_stands_only_on_classes_above_the_floor(self) -> None:
        kept = strict_mean(equivalence_classes({"a": [1] * 3 + [2] * 5}, "a"))
        assert kept.value == pytest.approx(2 / 8)
        assert kept.passed is None
        broken = strict_mean(equivalence_classes({"a": [1] * 2 + [2] * 5}, "a"))
        assert (broken.value, broken.passed) == (0.5, False)

    def test_what_is_not_defined_is_an_error(self) -> None:
        classes = equivalence_classes({"a": [1]}, "a")
        with pytest.raises(MeasureError, match="not both"):
            identity_risk(classes, k=2, threshold=0.5)
        with pytest.raises(MeasureError, match="whole number"):
            identity_risk(classes, k=0)
        with pytest.raises(MeasureError, match="above 0"):
            identity_risk(classes, threshold=0)
        with pytest.raises(MeasureError, match="k-map needs"):
            k_map(classes)
        with pytest.raises(MeasureError, match="k-map needs"):
            k_map_sample_size(0, sampling_fraction=0.1)
        with pytest.raises(MeasureError, match="model must be"):
            k_map_sample_size(3, sampling_fraction=0.1, model="normal")

    def test_a_population_table_is_counted(self) -> None:
        release = pd.DataFrame({"age": [61, 70, 80], "sex": ["F", None, "M"]})
        population = pd.DataFrame(
            {"sex": ["F", "F", None, "M"], "age": [61, 61, 70, 61], "n": [10, 5, 7, 9]}
        )
        assert match_population(release, population, ["age", "sex"]).tolist() == [2, 1, 0]
        counted = match_population(release, population, ["age", "sex"], counts="n")
        assert counted.tolist() == [15, 7, 0]
        with pytest.raises(MeasureError, match="must hold counts"):
            match_population(release, population.assign(n=-1), ["age", "sex"], counts="n")

    def test_presence_in_the_release(self) -> None:
        classes = equivalence_classes({"a": [1, 1, 2]}, "a", population_sizes=[4, 4, 10])
        assert sorted(presence_probabilities(classes)) == [0.1, 0.5]
        assert delta_presence(classes) == (0.1, 0.5)
        assert delta_presence(classes, population_total=100).minimum == 0
        assert delta_presence(classes, population_total=14).minimum == 0.1
        with pytest.raises(MeasureError, match="smaller than the classes"):
            delta_presence(classes, population_total=3)
        with pytest.raises(MeasureError, match="needs the class sizes"):
            delta_presence(equivalence_classes({"a": [1]}, "a"))


class TestKnownItems:
    VISITS = ({0, 3, 6}, {0, 3, 9}, {0, 6, 9}, {0, 3, 6, 9})

    def test_one_known_visit(self) -> None:
        assert km_anonymity(self.VISITS, m=1).record_support.tolist() == [3, 3, 3, 3]

    def test_two_and_three_known_visits(self) -> None:
        assert km_anonymity(self.VISITS, m=2).record_support.tolist() == [2, 2, 2, 2]
        assert km_anonymity(self.VISITS, m=3).record_support.tolist() == [2, 2, 2, 1]

    def test_a_subject_with_one_item_is_supported_by_all_who_have_it(self):
        found = km_anonymity([[0], [0, 1], [0, 1]], m=2)
        assert found.record_support.tolist() == [3, 2, 2]

    def test_a_subject_without_items_has_no_support(self) -> None:
        assert km_anonymity([[], []], m=2).value is None
        with pytest.raises(MeasureError, match="at least one item"):
            km_anonymity(self.VISITS, m=0)
        with pytest.raises(MeasureError, match="combinations"):
            km_anonymity([range(60)], m=10)


class TestIndividual:
    @pytest.mark.parametrize(
        ("f", "p", "exact", "approximate"),
        [
            (1, 0.001, 0.00691, 0.00691),
            (1, 0.01, 0.04652, 0.04652),
            (1, 0.1, 0.25584, 0.25584),
            (1, 0.5, 0.69315, 0.69315),
            (2, 0.1, 0.08268, 0.08268),
            (2, 0.5, 0.30685, 0.30685),
            (3, 0.1, 0.04637, 0.04762),
            (3, 0.5, 0.19315, 0.20000),
            (5, 0.5, 0.10981, 0.11111),
            (10, 0.1, 0.01098, 0.01099),
        ],
    )
    def test_published_vectors(self, f: int, p: float, exact: float, approximate: float) -> None:
        assert expected_inverse(f, f / p).item() == pytest.approx(exact, abs=5e-6)
        found = expected_inverse(f, f / p, method="approximate").item()
        assert found == pytest.approx(approximate, abs=5e-6)

    def test_a_small_probability_is_not_shifted(self) -> None:
        """known_divergence minus_0_0001: an older sdcMicro subtracts .0001 from p."""
        assert expected_inverse(1, 5000).item() == pytest.approx(0.0017037, abs=1e-6)
        assert expected_inverse(1, 1e6).item() > 0

    @pytest.mark.parametrize("f", [1.0, 1.5, 2.0, 3.0, 7.25, 23.5, 24.0, 60.0])
    @pytest.mark.parametrize("p", [0.01, 0.2, 0.49, 0.5, 0.9])
    def test_every_branch_agrees_with_the_integral(self, f: float, p: float) -> None:
        from scipy.integrate import quad

        value, _ = quad(lambda t: p * (1 - t) ** (f - 1) / (1 - (1 - p) * t), 0, 1, epsabs=1e-13)
        assert expected_inverse(f, f / p).item() == pytest.approx(value, rel=1e-9)

    def test_a_full_census_is_one_over_f(self) -> None:
        assert expected_inverse([1, 2, 30], [1, 2, 30]).tolist() == [1, 0.5, 1 / 30]

    def test_known_population_sizes_are_not_estimated(self) -> None:
        classes = equivalence_classes({"a": [1, 1, 2]}, "a", population_sizes=[8, 8, 5])
        assert individual_risk(classes).tolist() == [1 / 8, 1 / 8, 1 / 5]
        assert individual_risk(equivalence_classes({"a": [1, 1]}, "a")).tolist() == [0.5, 0.5]

    def test_options_that_do_not_exist(self) -> None:
        with pytest.raises(MeasureError, match="method"):
            expected_inverse(1, 10, method="magic")
        with pytest.raises(MeasureError, match="without records"):
            global_risk([])
        with pytest.raises(MeasureError, match="between 0 and 1"):
            global_risk([1.2])
        with pytest.raises(MeasureError, match="one household per record"):
            household_risk([0.1], ["a", "b"])

    def test_records_that_stand_out(self) -> None:
        assert outstanding_records([0.01] * 9 + [0.5]).tolist() == [False] * 9 + [True]
        assert outstanding_records([]).tolist() == []
        assert risk_threshold([0.2, 0.2], 0.1).status == "unreachable"


GUIDE = {
    "R": list("UUUURUUUUU"),
    "G": list("FFFMFMFMFF"),
    "E": ["si", "si", "pi", "sc", "sc", "sc", "pc", "ps", "si", "si"],
    "L": list("EENEUENUNN"),
}


class TestSpecialUniques:
    def test_the_example_of_the_practice_guide(self) -> None:
        found = suda(GUIDE, list(GUIDE))
        assert found.score.tolist() == [0, 0, 6, 0, 12, 0, 6, 10, 0, 0]
        assert found.dis_score[[2, 4, 7]] == pytest.approx(
            [0.00498679715, 0.011383005357, 0.0091666779], rel=1e-6
        )
        other = suda(GUIDE, list(GUIDE), weighting="ihsn")
        assert other.score.tolist() == [0, 0, 1.75, 0, 3.25, 0, 1.75, 2.75, 0, 0]
        assert found.attribute_contributions()["E"] == pytest.approx(0.6470588235294117)

    def test_the_example_of_the_textbook(self) -> None:
        table = {
            "age": ["20s"] * 7 + ["60s"],
            "gender": list("mmmmfffm"),
            "income": ["50k+", "50k+"] + ["50k-"] * 6,
            "education": ["hs", "hs", "hs", "hs", "uni", "hs", "ms", "uni"],
        }
        assert suda(table, list(table)).score.tolist() == [0, 0, 0, 0, 4, 2, 6, 8]

    def test_uniques_in_one_hash_bucket(self) -> None:
        """known_divergence dis_nan_hash_bucket: sdcMicro's DIS is NaN here."""
        table = {"a": [1, 0, 5, 5], "b": [1, 3, 5, 5], "c": [2, 2, 5, 5]}
        found = suda(table, list(table))
        assert found.score.tolist() == [4, 4, 0, 0]
        assert np.all((found.dis_score[:2] > 0) & (found.dis_score[:2] < 1))

    def test_scores_count_minimal_uniques_only(self) -> None:
        """known_divergence suda_0_2_2: the PyPI package of that name scores every unique."""
        table = {"a": [1, 1, 2], "b": [0, 3, 0], "c": [0, 6, 0]}
        assert suda(table, list(table)).score.tolist() == [2, 4, 2]

    def test_weights_by_size(self) -> None:
        assert msu_weights(4, 4).tolist() == [0, 6, 2, 1, 1]
        assert msu_weights(4, 2).tolist() == [0, 3, 1, 0, 0]

    def test_one_attribute_needs_no_padding(self) -> None:
        """known_divergence suda_one_variable: an error in sdcMicro."""
        assert suda({"a": [1, 1, 2]}, "a").score.tolist() == [0, 0, 1]

    def test_no_pairs_make_every_unique_certain(self) -> None:
        assert suda({"a": [1, 2, 3]}, "a").dis_score.tolist() == [1, 1, 1]
        assert suda({"a": [1, 1, 1]}, "a").dis_score.tolist() == [0, 0, 0]

    def test_value_contributions_name_the_value_that_drives_risk(self) -> None:
        frame = suda({"a": ["x", "x", "y"], "b": [1, 1, 1]}, ["a", "b"]).value_contributions()
        rows = {(r.attribute, r.value): r.contribution for r in frame.itertuples()}
        assert rows == {("a", "x"): 0, ("a", "y"): 1, ("b", 1): 0}

    def test_what_is_not_defined_is_an_error(self) -> None:
        with pytest.raises(MeasureError, match="at least one attribute"):
            suda({"a": [1]}, [])
        with pytest.raises(MeasureError, match="largest size"):
            suda({"a": [1]}, "a", max_size=2)
        with pytest.raises(MeasureError, match="sampling fraction"):
            suda({"a": [1]}, "a", sampling_fraction=1)
        wide = {f"c{j}": [1, 2] for j in range(40)}
        with pytest.raises(MeasureError, match="SUDA on 40 attributes up to size 40"):
            suda(wide, list(wide))
        assert suda(wide, list(wide), max_size=2).msu_count.tolist() == [40, 40]
        with pytest.raises(MeasureError, match="weighting"):
            suda({"a": [1]}, "a", weighting="other")
        with pytest.raises(MeasureError, match="not defined without"):
            data_intrusion_simulation(0, 0, 0.1)

    def test_an_empty_table_has_no_uniques(self) -> None:
        found = suda({"a": []}, "a")
        assert len(found.score) == 0
        assert found.to_frame().empty

    def test_combinations_have_their_own_threshold_by_size(self) -> None:
        table = {"a": [1, 1, 1, 2, 2], "b": [1, 1, 2, 2, 2]}
        found = combination_risks(table, ["a", "b"], k={1: 3, 2: 2})
        assert [risk.cells_below for risk in found] == [1, 1, 1]
        frame = combinations_frame(found)
        assert frame["attributes"].tolist() == ["a", "b", "a + b"]
        with pytest.raises(MeasureError, match="combinations"):
            combination_risks({f"c{i}": [1] for i in range(20)}, [f"c{i}" for i in range(20)])
        with pytest.raises(MeasureError, match="one record"):
            combination_risks({"a": []}, "a")


class TestAttributeDisclosure:
    def test_a_missing_sensitive_value_never_adds_diversity(self) -> None:
        """known_divergence missing_sensitive_is_diverse: in sdcMicro each is a new value."""
        table = {"a": [1, 1, 1], "s": ["x", None, None]}
        with pytest.warns(CoverageWarning, match="2 records have no value of 's'"):
            assert l_diversity(table, "a", "s") == 1

    def test_the_most_frequent_value_governs_recursive_diversity(self) -> None:
        """known_divergence recursive_sorted_ascending: pycanon takes the least frequent."""
        table = {"a": [1] * 10, "s": ["x"] * 9 + ["y"]}
        assert recursive_c(table, "a", "s", l=2) == 9
        assert l_diversity(table, "a", "s", kind="recursive", c=9) == 1
        assert l_diversity(table, "a", "s", kind="recursive", c=9.5) == 2
        assert recursive_c({"a": [1] * 3, "s": list("xxy")}, "a", "s", l=2) == 2

    @pytest.mark.parametrize("values", range(1, 60))
    def test_entropy_is_not_truncated(self, values: int) -> None:
        """known_divergence entropy_l_truncated: pycanon returns L - 1 for most of these."""
        table = {"a": [1] * values, "s": list(range(values))}
        assert l_diversity(table, "a", "s", kind="entropy") == pytest.approx(values)

    def test_enhanced_beta_is_infinite_when_no_beta_will_do(self) -> None:
        """known_divergence enhanced_beta_no_certificate: pycanon returns a finite number."""
        table = {"a": [1, 2, 2, 2], "s": ["x", "y", "y", "y"]}
        assert beta_likeness(table, "a", "s") == 3
        assert beta_likeness(table, "a", "s", kind="enhanced") == math.inf

    def test_delta_is_in_natural_logarithms_over_present_values(self) -> None:
        """known_divergence delta_log2_and_absent: ARX uses log2; both peers skip zeros."""
        table = {"a": [1, 2], "s": ["x", "y"]}
        assert delta_disclosure(table, "a", "s") == pytest.approx(math.log(2))
        assert delta_disclosure(table, "a", "s", absent="infinite") == math.inf

    def test_ordered_distance_of_the_paper(self) -> None:
        """Vector: P = (.5, .5, 0) against Q = (.3, .4, .3)."""
        inside = ["a"] * 5 + ["b"] * 5
        outside = ["a"] * 25 + ["b"] * 35 + ["c"] * 30
        table = {"k": [1] * 10 + [2] * 90, "s": inside + outside}
        classes = equivalence_classes(table, "k")
        counts = sensitive_counts(classes, table["s"])
        assert counts.global_share.tolist() == pytest.approx([0.3, 0.4, 0.3])
        first = classes.class_of_record[0]
        assert ordered_distance(counts, order=["a", "b", "c"])[first] == pytest.approx(0.25)
        assert equal_distance(counts)[first] == pytest.approx(0.3)

    def test_distances_of_the_original_paper(self) -> None:
        """Li et al. 2007: nine incomes, classes of three."""
        incomes = [3, 4, 5, 6, 11, 8, 7, 9, 10]
        table = {"c": [1, 1, 1, 2, 2, 2, 3, 3, 3], "s": incomes}
        classes = equivalence_classes(table, "c")
        distance = ordered_distance(sensitive_counts(classes, incomes))
        found = distance[classes.class_of_record[[0, 3]]]
        assert found.tolist() == pytest.approx([0.375, 1 / 6], abs=1e-12)

    def test_the_hierarchical_distance_moves_less_between_siblings(self) -> None:
        ladder = pd.DataFrame(
            [
                ["flu", "lung", "*"],
                ["asthma", "lung", "*"],
                ["ulcer", "gut", "*"],
                ["ibs", "gut", "*"],
            ]
        )
        near = {"c": [1, 1, 2, 2], "s": ["flu", "ulcer", "asthma", "ibs"]}
        far = {"c": [1, 1, 2, 2], "s": ["flu", "asthma", "ulcer", "ibs"]}
        options = {"distance": "hierarchical", "hierarchy": ladder}
        assert t_closeness(near, "c", "s", **options) == pytest.approx(0.25)
        assert t_closeness(far, "c", "s", **options) == pytest.approx(0.5)
        flat = pd.DataFrame([[v, "*"] for v in ("flu", "asthma", "ulcer", "ibs")])
        for table in (near, far):
            assert t_closeness(
                table, "c", "s", distance="hierarchical", hierarchy=flat
            ) == pytest.approx(t_closeness(table, "c", "s"))

    def test_large_tables_do_not_overflow_the_hierarchical_distance(self) -> None:
        """known_divergence hierarchical_int32: ARX accepts 0.4 as 0.2-close at 200,000 rows."""
        half = 100_000
        table = {
            "sex": np.repeat([0, 1], half),
            "s": np.concatenate([np.zeros(half, int), np.arange(half) % 5 != 0]).astype(int),
        }
        flat = pd.DataFrame([[0, "*"], [1, "*"]])
        found = t_closeness(table, "sex", "s", distance="hierarchical", hierarchy=flat)
        assert found == pytest.approx(0.4)

    def test_hierarchies_with_faults(self) -> None:
        table = {"c": [1, 2], "s": ["a", "b"]}
        options = {"distance": "hierarchical"}
        with pytest.raises(HierarchyError, match="not in its hierarchy"):
            t_closeness(table, "c", "s", hierarchy=pd.DataFrame([["a", "*"]]), **options)
        with pytest.raises(HierarchyError, match="one root"):
            t_closeness(table, "c", "s", hierarchy=pd.DataFrame([["a"], ["b"]]), **options)
        broken = pd.DataFrame([["a", "x", "p"], ["b", "x", "q"]])
        with pytest.raises(HierarchyError, match="does not nest"):
            t_closeness(table, "c", "s", hierarchy=broken, **options)
        with pytest.raises(MeasureError, match="needs a hierarchy"):
            t_closeness(table, "c", "s", **options)

    def test_text_has_no_order_unless_given(self) -> None:
        """known_divergence coded_categories: numbers that are codes need distance 'equal'."""
        table = {"c": [1, 2], "s": ["II", "IV"]}
        with pytest.raises(MeasureError, match="text, which has no order"):
            t_closeness(table, "c", "s", distance="ordered")
        stages = ["I", "II", "III", "IV"]
        assert t_closeness(table, "c", "s", distance="ordered", order=stages) == pytest.approx(
            1 / 3
        )
        with pytest.raises(MeasureError, match="not in its order"):
            t_closeness(table, "c", "s", distance="ordered", order=["I"])
        with pytest.raises(MeasureError, match="twice"):
            t_closeness(table, "c", "s", distance="ordered", order=["II", "IV", "II"])

    def test_a_constant_sensitive_attribute_is_close_and_not_diverse(self) -> None:
        """known_divergence constant_numeric: pycanon divides by zero."""
        table = {"a": [1, 2], "s": [7, 7]}
        assert t_closeness(table, "a", "s", distance="ordered") == 0
        assert l_diversity(table, "a", "s") == 1

    def test_dates_can_be_sensitive(self) -> None:
        """known_divergence datetime_sensitive: an error in pycanon."""
        dates = pd.to_datetime(["2020-01-01", "2020-01-02", "2021-01-01"])
        table = pd.DataFrame({"a": [1, 1, 2], "s": dates})
        assert l_diversity(table, "a", "s") == 1
        assert t_closeness(table, "a", "s", distance="ordered") == pytest.approx(0.5)

    def test_the_strict_reading_of_several_attributes(self) -> None:
        table = {"a": [1, 1], "s": ["x", "y"], "t": ["p", "q"]}
        assert l_diversity(table, "a", ["s", "t"]) == 2
        assert l_diversity(table, "a", ["s", "t"], multi="extend") == 1
        with pytest.raises(MeasureError, match="'worst' or 'extend'"):
            l_diversity(table, "a", ["s", "t"], multi="best")

    def test_options_that_do_not_exist(self) -> None:
        table = {"a": [1], "s": [1]}
        with pytest.raises(MeasureError, match="needs c"):
            l_diversity(table, "a", "s", kind="recursive")
        with pytest.raises(MeasureError, match="kind of l-diversity"):
            l_diversity(table, "a", "s", kind="other")
        with pytest.raises(MeasureError, match="kind of beta"):
            beta_likeness(table, "a", "s", kind="other")
        with pytest.raises(MeasureError, match="distance is"):
            t_closeness(table, "a", "s", distance="other")
        with pytest.raises(MeasureError, match="Absent values"):
            delta_disclosure(table, "a", "s", absent="other")
        with pytest.raises(MeasureError, match="l must be"):
            recursive_c(table, "a", "s", l=0)
        with pytest.raises(MeasureError, match="c must be above 0"):
            l_diversity(table, "a", "s", kind="recursive", c=0)
        with pytest.raises(MeasureError, match="No sensitive attribute"):
            l_diversity(table, "a", [])


class TestAttacks:
    def test_wilson_rates_and_gain(self) -> None:
        assert wilson_rate(10, 500) == pytest.approx((0.02366, 0.01276), abs=5e-6)
        gain = attack_risk(20, 500, 10, 500)
        assert gain.value == pytest.approx(0.02033, abs=5e-6)
        assert gain.upper - gain.value == pytest.approx(0.022, abs=5e-6)
        assert gain.lower == 0

    def test_a_control_that_does_as_well_is_said(self) -> None:
        with pytest.warns(ApproximationWarning, match="no gain"):
            assert attack_risk(10, 500, 20, 500).value == 0
        with pytest.raises(MeasureError, match="attempts"):
            wilson_rate(3, 2)

    def test_the_three_attacks(self) -> None:
        released = {"a": [1, 1, 2], "b": [1, 2, 2], "s": ["x", "x", "y"]}
        targets = {"a": [1, 2, 3], "b": [1, 2, 2], "s": ["x", "x", "x"]}
        assert singling_out(released, targets, ["a", "b"]) == 2
        assert linkability(released, targets, "a", "b") == 0
        assert linkability(released, {"a": [2], "b": [1]}, "a", "b") == 0
        assert linkability(released, {"a": [2], "b": [2], "s": ["y"]}, "a", "s") == 1
        # 1 -> x right, 2 -> y wrong, 3 unknown -> most frequent x right
        assert inference(released, targets, "a", "s") == 2

    def test_attribution_of_a_release_against_its_originals(self) -> None:
        original = {"k": [1, 1, 2, 3], "s": ["x", "y", "y", "y"]}
        released = {"k": [1, 1, 2, 4], "s": ["x", "x", "y", "y"]}
        found = correct_attribution(original, released, "k", "s")
        assert found.cap == pytest.approx((1 + 0 + 1 + 0) / 4)
        assert found.cap_matched == pytest.approx(2 / 3)
        assert found.tcap == pytest.approx((0.5 + 0.5 + 1) / 3)
        assert (found.baseline, found.matched, found.targeted) == (0.75, 0.75, 0.75)
        none = correct_attribution(original, {"k": [9], "s": ["x"]}, "k", "s")
        assert (none.cap, none.cap_matched, none.tcap) == (0, None, None)
        with pytest.raises(MeasureError, match="both tables"):
            correct_attribution(original, {"k": [], "s": []}, "k", "s")

    def test_linkage_shares_ties(self) -> None:
        same = {"x": [1, 1, 9], "t": ["a", "a", "b"]}
        found = distance_linkage(same, same, ["x", "t"])
        assert found.record_success.tolist() == [0.5, 0.5, 1]
        assert found.baseline == pytest.approx(1 / 3)

    def test_linkage_treats_text_and_missing_values(self) -> None:
        original = {"t": ["a", None, "b"], "x": [1.0, None, 3.0]}
        assert distance_linkage(original, original, ["t", "x"]).share == 1
        swapped = {"t": ["b", None, "a"], "x": [3.0, None, 1.0]}
        assert distance_linkage(original, swapped, ["t", "x"]).share == pytest.approx(1 / 3)
        codes = {"c": [10, 11, 90]}
        masked = {"c": [11, 10, 90]}
        assert distance_linkage(codes, masked, "c", categorical=["c"]).share == pytest.approx(1 / 3)
        with pytest.raises(MeasureError, match="same, at least one"):
            distance_linkage(codes, {"c": [1]}, "c")

    def test_interval_disclosure_counts_missing_as_close(self) -> None:
        original = np.array([[1.0, 5.0], [2.0, np.nan], [9.0, 1.0]])
        masked = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 1.0]])
        assert interval_disclosure(original, masked).tolist() == [1, 1, 0]
        with pytest.raises(MeasureError, match="two tables of one shape"):
            interval_disclosure([1.0], [1.0])

    def test_people_who_fit_a_date(self) -> None:
        assert expected_compatible(3650, window_days=7, period_days=365) == pytest.approx(150)
        assert expected_compatible(10, window_days=400, period_days=365) == 10
        with pytest.raises(MeasureError, match="negative"):
            expected_compatible(1, window_days=-1, period_days=1)


class TestUtility:
    BEFORE = pd.DataFrame({"age": [61, 62, 70, 71], "sex": list("MFMF")})

    def test_nothing_changed_costs_nothing(self) -> None:
        names = ["age", "sex"]
        assert generalisation_loss(self.BEFORE, self.BEFORE, names).value == 0
        assert non_uniform_entropy(self.BEFORE, self.BEFORE, names).value == 0
        assert ambiguity(self.BEFORE, self.BEFORE, names) == 1
        assert kept_share(self.BEFORE, self.BEFORE, names) == 1

    def test_everything_suppressed_costs_everything(self) -> None:
        gone = pd.DataFrame({"age": [None] * 4, "sex": [None] * 4})
        names = ["age", "sex"]
        assert generalisation_loss(self.BEFORE, gone, names).value == 1
        assert non_uniform_entropy(self.BEFORE, gone, names).value == 1
        assert ambiguity(self.BEFORE, gone, names) == 8
        assert kept_share(self.BEFORE, gone, names) == 0
        assert precision([0, 0], [2, 1], suppressed_share=1) == 0

    def test_a_value_missing_from_the_start_is_not_lost(self) -> None:
        table = {"a": [None, "x", "y"]}
        assert generalisation_loss(table, table, "a").value == 0

    def test_the_domain_of_a_hierarchy_counts_values_that_do_not_occur(self) -> None:
        ladder = pd.DataFrame([[str(v), "60s" if v < 70 else "70s", "*"] for v in range(60, 80)])
        before = {"age": ["61", "75"]}
        after = {"age": ["60s", "75"]}
        found = generalisation_loss(before, after, "age", hierarchies={"age": ladder})
        assert found.value == pytest.approx((9 / 19 + 0) / 2)
        assert found.by_attribute == {"age": found.value}
        with pytest.raises(HierarchyError, match="in no level"):
            generalisation_loss(before, {"age": ["x", "75"]}, "age", hierarchies={"age": ladder})

    def test_numeric_losses_of_an_unchanged_table_are_zero(self) -> None:
        rng = np.random.default_rng(3)
        table = rng.normal(size=(50, 3))
        assert il1s(table, table) == 0
        assert eigenvalue_loss(table, table) == 0
        assert correlation_loss(table, table) == 0
        assert squared_error_share(table, table) == 0

    def test_singular_tables_are_refused_rather_than_scored(self) -> None:
        """known_divergence eigenvalues_of_singular: sdcMicro prints -4.8e13."""
        column = np.arange(10.0)
        table = np.column_stack([column, 2 * column])
        for measure in (eigenvalue_loss, correlation_loss):
            with pytest.raises(MeasureError, match="singular"):
                measure(table, table)
        constant = np.column_stack([column, np.ones(10)])
        with pytest.raises(MeasureError, match="constant"):
            il1s(constant, constant)
        with pytest.raises(MeasureError, match="same shape"):
            il1s(column, column[:3])

    def test_two_samples_of_one_population_cannot_be_told_apart(self) -> None:
        rng = np.random.default_rng(5)
        first, second = (
            {"x": rng.normal(size=2000), "t": rng.choice(list("abc"), 2000)} for _ in range(2)
        )
        same = propensity_score(first, second, ["x", "t"])
        assert same.parameters == 4
        assert same.expected == pytest.approx(3 * 0.25 * 0.5 / 4000)
        assert same.ratio < 4
        moved = propensity_score(first, {**second, "x": second["x"] + 3}, ["x", "t"])
        assert moved.pmse > 20 * same.pmse
        assert moved.pmse <= 0.25

    def test_tables_that_a_propensity_score_cannot_use(self) -> None:
        with pytest.raises(MeasureError, match="No attribute varies"):
            propensity_score({"x": [1, 1]}, {"x": [1, 1]}, "x")
        with pytest.raises(MeasureError, match="levels"):
            propensity_score({"x": list("abc")}, {"x": list("def")}, "x", max_levels=3)
        with pytest.raises(MeasureError, match="both tables"):
            propensity_score({"x": []}, {"x": [1]}, "x")

    def test_separable_tables_stay_finite(self) -> None:
        found = propensity_score({"x": [0.0] * 50}, {"x": [1.0] * 50}, "x")
        assert found.pmse == pytest.approx(0.25, abs=0.01)

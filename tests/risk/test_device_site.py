"""What is retained of a scanner tells the site, or does not: what best practice 4 asks for."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "table"))

from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Decision, Kind, Role
from midi_risk.errors import MeasureError
from midi_risk.risk.assess import assess
from midi_risk.risk.channels.device import site_anonymity
from midi_risk.table import fold
from midi_risk.threat.model import ThreatModel


def one_class(*counts):
    """Return class, site and scanner of the subjects: counts[s][d] at site s with scanner d."""
    rows = [(s, d) for s, row in enumerate(counts) for d, m in enumerate(row) for _ in range(m)]
    site, device = np.array(rows, dtype=np.int64).T
    return np.zeros(len(rows), dtype=np.int64), site, device


def test_one_model_at_many_sites_tells_nothing():
    found = site_anonymity(*one_class(*[[10]] * 23))
    assert found.left.tolist() == [230.0] * 230
    assert found.increment.tolist() == [0.0] * 230


@pytest.mark.parametrize("others", [0, 1, 9])
def test_a_serial_number_at_one_site_leaves_the_people_of_that_site(others):
    # ten people at each site; of those with the serial number, 10 - others
    sites = [[10 - others, others], *[[0, 10]] * 22]
    classes, site, device = one_class(*sites)
    found = site_anonymity(classes, site, device)
    assert found.left[device == 0] == pytest.approx(10)
    increment = Fraction(1, 10) - Fraction(1, 230)
    assert found.increment[device == 0] == pytest.approx(float(increment))
    assert found.increment[0] == pytest.approx(0.0957, abs=5e-5)
    assert found.carried(11)[device == 0].all()
    assert found.judged(11)[0] == pytest.approx(0.1)
    assert found.judged(10)[0] == pytest.approx(float(increment))


def test_sites_that_often_have_it_count_for_more():
    classes, site, device = one_class([40, 40], [20, 0])
    left = site_anonymity(classes, site, device).left
    assert left[device == 0] == pytest.approx(60)
    classes, site, device = one_class([20, 80], [30, 30], [0, 40])
    left = site_anonymity(classes, site, device).left
    assert left[device == 0] == pytest.approx(100)


def test_people_of_the_population_are_spread_over_sites_as_the_subjects_are():
    classes, site, device = one_class([40, 40], [20, 0])
    people = np.full(100, 5_000.0)
    found = site_anonymity(classes, site, device, people=people)
    assert found.without.tolist() == [5_000.0] * 100
    assert found.left[device == 0] == pytest.approx(3_000)


def test_whoever_knows_the_site_looks_for_the_record_of_a_person():
    # at site 1 everybody has scanner 1, which few of site 0 have
    classes, site, device = one_class([90, 10], [0, 10])
    known = site_anonymity(classes, site, device, who_is_in=True)
    # site 1: only the 20 records of scanner 1 may be of it, each with 1/2
    assert known.left[site == 1] == pytest.approx(20)
    assert np.all(known.left <= site_anonymity(classes, site, device).left)


def test_a_scanner_of_unknown_sites_alone_leaves_those_who_have_it():
    classes, site, device = one_class([10, 0], [10, 0], [0, 3])
    site[site == 2] = -1
    found = site_anonymity(classes, site, device)
    assert found.left[device == 1] == pytest.approx(3)


def test_arrays_of_other_subjects_are_refused():
    with pytest.raises(MeasureError, match="same subjects"):
        site_anonymity(np.zeros(2, dtype=np.int64), np.zeros(3, dtype=np.int64), np.zeros(2))


SUBJECTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=40
)


def by_hand(rows, who_is_in):
    """Return A of each subject by the formula, in fractions."""
    left = []
    for q, s, d in rows:
        size = sum(r[0] == q for r in rows)
        sites = {r[1] for r in rows if r[0] == q and r[1] >= 0}
        at = {t: [r for r in rows if r[1] == t] for t in {r[1] for r in rows}}
        p = {t: Fraction(sum(r[2] == d for r in at[t]), len(at[t])) for t in sites}
        if any(p.values()):
            among = sum(sum(r[0] == q for r in at[t]) * p[t] for t in sites) / max(p.values())
        else:
            among = Fraction(sum(r[0] == q and r[2] == d for r in rows))
        if who_is_in and s >= 0:
            tells = []
            for e in [r[2] for r in rows if r[0] == q]:
                known = [r[1] for r in rows if r[2] == e and r[1] >= 0]
                tells.append(Fraction(known.count(s), len(known)) if known else Fraction(0))
            among = min(among, sum(tells) / max(tells))
        left.append(float(max(1, min(size, among))))
    return left


@settings(max_examples=150, deadline=None)
@given(SUBJECTS, st.booleans())
def test_it_is_the_formula(rows, who_is_in):
    classes, site, device = np.array(rows, dtype=np.int64).T
    found = site_anonymity(classes, site, device, who_is_in=who_is_in)
    assert found.left == pytest.approx(by_hand(rows, who_is_in))


@settings(max_examples=150, deadline=None)
@given(SUBJECTS, st.booleans(), st.integers(1, 50))
def test_it_lies_between_one_person_and_the_class(rows, who_is_in, scale):
    classes, site, device = np.array(rows, dtype=np.int64).T
    size = np.bincount(classes)[classes].astype(np.float64)
    found = site_anonymity(classes, site, device, people=size * scale, who_is_in=who_is_in)
    assert np.all(found.left >= 1)
    assert np.all(found.increment >= 0)
    # a constant tells nothing, whatever the sites; other names of sites and scanners change nothing
    nothing = site_anonymity(classes, np.maximum(site, 0), np.zeros_like(device))
    assert np.all(nothing.increment == 0)
    again = site_anonymity(
        classes, np.where(site < 0, -1, 7 - site), 9 - device,
        people=size * scale, who_is_in=who_is_in,
    )  # fmt: skip
    assert again.left == pytest.approx(found.left)


MODEL = {
    "schema": "midi-risk/threat-model/1",
    "name": "m",
    "release": "public",
    "threshold": {"k": 11},
    "population": {"kind": "sample"},
    "adversaries": [{"name": "a", "attack": ["prosecutor"]}],
    "channels": {"device_site": "required"},
}


def folded(model, site, *, decision=None, role=Role.QUASI_IDENTIFIER, **columns):
    rows = {"id": [f"s{i}" for i in range(len(model))], "Model": model, "Site": site, **columns}
    rows["Sex"] = ["F"] * len(model)
    return fold(
        extraction(source("t", rows, "id")),
        attributes(
            attribute("t", "Sex", Kind.SEX),
            attribute("t", "Model", Kind.CATEGORY, ladder="device", decision=decision, role=role),
            *(attribute("t", name, Kind.CATEGORY, ladder="device") for name in columns),
            attribute("t", "Site", Kind.CATEGORY, ladder="institution", decision=Decision.REMOVE),
        ),
    )


def entry(given, **changes):
    model = ThreatModel.model_validate({**MODEL, **changes})
    return next(c for c in assess(given, [model]).channels if c.name == "device_site")


def test_a_model_at_every_site_is_kept():
    sites = [f"h{i % 23}" for i in range(230)]
    found = entry(folded(["A"] * 230, sites))
    assert (found.status, found.value, found.upper) == ("bounded", 0.0, 0.0)
    assert "23 sites, known for 230 of 230 subjects" in found.evidence
    assert "Model alone adds at most 0 (0 subjects fall below 11): keep" in found.evidence
    assert found.passed


def test_a_serial_number_tells_all_and_only_it_is_to_go():
    sites = [f"h{i % 23}" for i in range(230)]
    found = entry(folded(["A"] * 230, sites, Serial=[f"n{s}" for s in sites]))
    assert found.upper == pytest.approx(0.1)
    assert "Model alone adds at most 0 (0 subjects fall below 11): keep" in found.evidence
    assert (
        "Serial alone adds at most 0.0957 (230 subjects fall below 11): generalise or remove"
        in (found.evidence)
    )
    assert not found.passed


def test_attributes_are_judged_together():
    # 4 sites of 6; each of two attributes halves the sites, both tell one
    sites = ["a", "b", "c", "d"] * 6
    given = folded(["1", "1", "2", "2"] * 6, sites, Software=["1", "2"] * 12)
    found = entry(given)
    assert found.evidence.count(": keep") == 2
    assert found.upper == pytest.approx(1 / 6)


def test_a_removed_scanner_tells_nothing():
    given = folded(["A", "B"] * 6, ["x", "y"] * 6, decision=Decision.REMOVE)
    assert (entry(given).status, entry(given).value) == ("assessed", 0)


def test_a_scanner_that_nobody_read_is_taken_to_tell_the_site():
    given = folded(["A"] * 22, ["x"] * 17 + ["y"] * 5, role=Role.INSENSITIVE)
    found = entry(given)
    assert found.upper == pytest.approx(1 / 5)
    assert "Model not read, taken to tell the site" in found.evidence


def test_scanner_attributes_outside_the_classes_stay_open_without_sites():
    given = folded(["A"] * 12, [None] * 12, role=Role.INSENSITIVE)
    assert entry(given).status == "not_assessed"


def test_a_population_that_lacks_the_device_makes_nobody_harder_to_find():
    # the table knows sex alone: F = f, and the journalist is judged as the prosecutor
    given = folded(["A", "B"] * 12, ["x", "y"] * 12)
    population = {
        "kind": "table", "table": "us-population-2019", "fraction": 1e-6, "match": {"sex": "Sex"}
    }  # fmt: skip
    outside = [{"name": "a", "attack": ["journalist"]}]
    assert entry(given).upper == pytest.approx(1 / 12 - 1 / 24)
    assert entry(given, adversaries=outside).upper == pytest.approx(1 / 12 - 1 / 24)
    found = entry(given, adversaries=outside, population=population)
    assert found.upper == pytest.approx(1 / 12 - 1 / 24)
    both = [{"name": "a", "attack": ["prosecutor", "journalist"]}]
    assert entry(given, adversaries=both, population=population).upper > 0.04


def test_evidence_holds_no_value():
    given = folded(["A", "Bq7"] * 12, ["xq7", "y"] * 12)
    assert "q7" not in entry(given).evidence

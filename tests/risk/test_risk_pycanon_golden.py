"""Figures of pycanon 1.3.6, and by-definition figures where it is not to be trusted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from midi_risk.errors import CoverageWarning
from midi_risk.risk import (
    alpha_k_anonymity,
    beta_likeness,
    delta_disclosure,
    equivalence_classes,
    identity_risk,
    l_diversity,
    recursive_c,
    t_closeness,
)

pytestmark = pytest.mark.shared_data


def runs(shared_data: Path) -> list[dict[str, Any]]:
    return [
        run
        for path in sorted((shared_data / "golden").glob("pycanon_*.json"))
        for run in json.loads(path.read_text("utf-8"))["runs"]
    ]


def test_every_measure_agrees_with_the_definition(shared_data: Path) -> None:
    assert runs(shared_data)
    for run in runs(shared_data):
        data = pd.read_csv(shared_data / "pycanon" / run["file"])
        qi, secret, expected = run["qi"], run["sa"], run["ref"]
        multi = "worst" if run["gen"] else "extend"
        classes = equivalence_classes(data, qi)
        risks = {risk.measure: risk.value for risk in identity_risk(classes)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CoverageWarning)
            found = {
                "k": classes.minimum,
                "classes": classes.n_classes,
                "uniques": classes.sample_uniques,
                "avg_risk_records": risks["prosecutor_mean"],
                "alpha": alpha_k_anonymity(data, qi, secret, multi=multi).alpha,
                "l": l_diversity(data, qi, secret, multi=multi),
                "entropy_l": l_diversity(data, qi, secret, kind="entropy", multi=multi),
                "basic_beta": beta_likeness(data, qi, secret, multi=multi),
                "enhanced_beta": beta_likeness(data, qi, secret, kind="enhanced", multi=multi),
                "delta_present_ln": delta_disclosure(data, qi, secret, multi=multi),
                "delta_strict": delta_disclosure(data, qi, secret, absent="infinite", multi=multi),
                "t_equal": t_closeness(data, qi, secret, multi=multi),
            }
            if len(secret) == 1:
                order = sorted(data[secret[0]].unique())
                found["t_ordered"] = t_closeness(
                    data, qi, secret, distance="ordered", order=order, multi=multi
                )
            if expected.get("c_bound") is not None:
                found["c_bound"] = recursive_c(data, qi, secret, l=expected["l"], multi=multi)
        for name, value in found.items():
            assert value == pytest.approx(float(expected[name]), rel=1e-12, abs=1e-14), (
                run["file"],
                name,
            )


def test_trusted_figures_of_pycanon_agree(shared_data: Path) -> None:
    for run in runs(shared_data):
        data = pd.read_csv(shared_data / "pycanon" / run["file"])
        qi, secret, theirs, trust = run["qi"], run["sa"], run["pycanon"], run["trust"]
        multi = "worst" if run["gen"] else "extend"
        classes = equivalence_classes(data, qi)
        numeric = all(pd.api.types.is_numeric_dtype(data[name]) for name in secret)
        found = {
            "k": classes.minimum,
            "l": l_diversity(data, qi, secret, multi=multi),
            "basic_beta": beta_likeness(data, qi, secret, multi=multi),
            "delta": delta_disclosure(data, qi, secret, multi=multi),
            "max_rir": 1 / classes.minimum,
            "t": t_closeness(
                data, qi, secret, distance="ordered" if numeric else "equal", multi=multi
            ),
        }
        for name, value in found.items():
            assert trust[name].startswith("yes")
            assert value == pytest.approx(float(theirs[name]), rel=1e-9), (run["file"], name)


def test_untrusted_figures_of_pycanon_differ_as_known(shared_data: Path) -> None:
    """known_divergence: entropy l truncated, recursive c ascending, enhanced beta finite."""
    kinds = set()
    for run in runs(shared_data):
        theirs, expected = run["pycanon"], run["ref"]
        assert int(theirs["entropy_l"]) <= expected["entropy_l"] + 1e-9
        if float(expected["enhanced_beta"]) != float(theirs["enhanced_beta"]):
            assert float(expected["enhanced_beta"]) > float(theirs["enhanced_beta"])
            kinds.add("enhanced beta")
        bound = expected.get("c_bound")
        if bound is not None and float(theirs["c_l"][0]) <= bound:
            kinds.add("recursive")
    assert kinds == {"enhanced beta", "recursive"}

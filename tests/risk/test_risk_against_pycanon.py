"""pycanon itself on tables that nobody chose, where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from midi_risk.risk import (
    alpha_k_anonymity,
    beta_likeness,
    delta_disclosure,
    k_anonymity,
    l_diversity,
    recursive_c,
    t_closeness,
)

pytest.importorskip("pycanon")
from pycanon import anonymity


def random_table(seed: int) -> tuple[pd.DataFrame, list[str]]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 120))
    qi = [f"q{j}" for j in range(int(rng.integers(2, 5)))]
    table = {name: rng.integers(0, rng.integers(2, 4), n).astype(str) for name in qi}
    table["s"] = rng.choice(list("abcd"), n, p=[0.5, 0.25, 0.15, 0.1])
    table["t"] = rng.choice(list("xyz"), n)
    table["v"] = rng.integers(0, 5, n)
    return pd.DataFrame(table), qi


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("gen", [True, False])
@pytest.mark.parametrize("secret", [["s"], ["s", "t"]])
def test_trusted_measures_agree(seed: int, gen: bool, secret: list[str]) -> None:
    table, qi = random_table(seed)
    multi = "worst" if gen else "extend"
    assert k_anonymity(table, qi) == anonymity.k_anonymity(table, qi)
    alpha, k = anonymity.alpha_k_anonymity(table, qi, secret, gen)
    assert alpha_k_anonymity(table, qi, secret, multi=multi) == (pytest.approx(alpha), k)
    assert l_diversity(table, qi, secret, multi=multi) == anonymity.l_diversity(
        table, qi, secret, gen
    )
    assert beta_likeness(table, qi, secret, multi=multi) == pytest.approx(
        anonymity.basic_beta_likeness(table, qi, secret, gen), rel=1e-12
    )
    assert delta_disclosure(table, qi, secret, multi=multi) == pytest.approx(
        anonymity.delta_disclosure(table, qi, secret, gen), rel=1e-12
    )
    assert t_closeness(table, qi, secret, multi=multi) == pytest.approx(
        anonymity.t_closeness(table, qi, secret, gen), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(12))
def test_numbers_are_compared_by_rank(seed: int) -> None:
    table, qi = random_table(seed)
    assert t_closeness(table, qi, "v", distance="ordered") == pytest.approx(
        anonymity.t_closeness(table, qi, ["v"], True), rel=1e-12
    )


def test_known_divergence_index_labels_as_positions() -> None:
    """pycanon reads index labels as positions, which can hide a homogeneous class."""
    table = pd.DataFrame({"q": list("aabb"), "s": list("xxyz")}, index=[0, 2, 1, 3])
    assert l_diversity(table, "q", "s") == 1
    assert anonymity.l_diversity(table, ["q"], ["s"]) == 2


def test_known_divergence_one_quasi_identifier_drops_missing() -> None:
    """With one quasi-identifier pycanon drops records with a missing value."""
    table = pd.DataFrame({"q": ["a", "a", None]})
    assert k_anonymity(table, "q") == 1
    assert anonymity.k_anonymity(table, ["q"]) == 2


def test_known_divergence_entropy_l_truncated() -> None:
    table = pd.DataFrame({"q": ["a"] * 5, "s": list("vwxyz")})
    assert l_diversity(table, "q", "s", kind="entropy") == pytest.approx(5)
    assert anonymity.entropy_l_diversity(table, ["q"], ["s"]) <= 5


def test_known_divergence_recursive_sorted_ascending() -> None:
    table = pd.DataFrame({"q": ["a"] * 10, "s": ["x"] * 9 + ["y"]})
    c, _ = anonymity.recursive_c_l_diversity(table, ["q"], ["s"])
    assert recursive_c(table, "q", "s", l=2) == 9
    assert c <= 2


def test_known_divergence_enhanced_beta_no_certificate() -> None:
    table = pd.DataFrame({"q": [1, 2, 2, 2], "s": list("xyyy")}).astype(str)
    assert beta_likeness(table, "q", "s", kind="enhanced") == math.inf
    assert anonymity.enhanced_beta_likeness(table, ["q"], ["s"]) < math.inf

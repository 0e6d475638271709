"""What each quasi-identifier adds to the risk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midi_risk.risk.shapley import attribute_contributions
from midi_risk.table.model import SubjectTable

SEED = 20260101
"""Seed of the permutations that are sampled beyond twelve attributes."""


def contributions(table: SubjectTable, names: Sequence[str]) -> dict[str, float]:
    """Return the Shapley value of each quasi-identifier in the mean prosecutor risk.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table.

    Returns
    -------
    dict of str to float
        They add up to the mean risk less the risk without any knowledge, 1/n.

    References
    ----------
    Shapley 1953, A value for n-person games.
    """
    if not names or not table.n_subjects:
        return {}
    found = attribute_contributions(
        table.codes(list(names)), statistic="mean", rng=np.random.default_rng(SEED)
    )
    return {name: float(value) for name, value in zip(names, found.values, strict=True)}

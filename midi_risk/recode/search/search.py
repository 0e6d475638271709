"""Search for the generalisation that loses least: the public entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from midi_risk.recode.criteria import CustomCriterion
from midi_risk.recode.lattice.tables import DEFAULT_MEMORY
from midi_risk.recode.search.budget import Budget
from midi_risk.recode.search.budgeted import (
    DEFAULT_BUDGET,
    LISTED_NODES,
    improved,
    search_within,
)
from midi_risk.recode.search.exact import search_exactly
from midi_risk.recode.search.judge import Solution, solution_of
from midi_risk.recode.search.problem import prepare
from midi_risk.risk.classes.classes import MissingPolicy

PROVING = 0.8
"""Share of a budget after which a search of a listed lattice turns from proof to good nodes."""


def search(
    data: Any,
    hierarchies: Mapping[str, Any],
    *,
    k: int | None = None,
    criteria: Sequence[CustomCriterion] = (),
    max_suppression: float | str = 0.0,
    utility: str = "entropy",
    weights: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    levels: Mapping[str, tuple[int, int]] | None = None,
    coupled: Sequence[Sequence[str]] = (),
    budget_seconds: float | None = None,
    gs_factor: float = 0.5,
    aggregate: str = "geometric",
    memory: int = DEFAULT_MEMORY,
    missing: MissingPolicy = "category",
) -> Solution:
    """Return the generalisation that meets the criteria and loses least.

    Parameters
    ----------
    data : table, shape (N, columns)
        One row per subject; pandas, polars, Arrow, a DuckDB relation or a mapping of arrays.
    hierarchies : mapping of str to DataFrame, str or hierarchy
        Per quasi-identifier a table (one row per value, column 0 raw, the rightmost most
        general), the name of a built-in ladder, or an object with ``frame``.
    k : int, optional
        Smallest class size to accept.
    criteria : sequence of criteria
        Further criteria, such as `DistinctLDiversity`.
    max_suppression : float or str
        Share of records that may be hidden; rounded down to whole records.
    utility : str
        Utility model; see `utility_model`.
    weights : mapping of str to float, optional
        Importance of attributes; 1 where not given.
    keep : sequence of str
        Attributes that stay at level 0.
    levels : mapping of str to (int, int), optional
        Lowest and highest level of attributes.
    coupled : sequence of sequences of str
        Attributes that move together.
    budget_seconds : float, optional
        Stop after so much work, with the best node so far and a bound; 60 when the lattice has
        more than a million nodes. Work is counted (nodes and classes) and priced in CPU seconds,
        so that a busy machine returns what an idle one does.
    gs_factor : float
        Weight of generalisation against suppression, 0.5 for both.
    aggregate : str
        ``"geometric"``, ``"arithmetic"``, ``"sum"``, ``"maximum"`` or ``"rank"``, for Loss.
    memory : int
        Bytes of class tables to keep.
    missing : {"category", "wildcard", "wildcard-cautious"}
        How an unknown value counts, as in `equivalence_classes`: a value of its own, or any
        value. Sensitive values are counted in classes of equal patterns all the same.

    Returns
    -------
    Solution
        Among equal scores the node with the fewest changed attributes, then the lowest sum of
        levels, then the lexicographically first.

    Raises
    ------
    SearchError, HierarchyError
        Input that cannot be searched.

    Examples
    --------
    >>> import pandas as pd
    >>> ages = pd.DataFrame({"age": [31, 33, 38, 52]})
    >>> tens = pd.DataFrame([["31", "30-39", "*"], ["33", "30-39", "*"],
    ...                      ["38", "30-39", "*"], ["52", "50-59", "*"]])
    >>> search(ages, {"age": tens}, k=3, max_suppression=0.25, utility="loss").levels
    {'age': 1}
    """
    problem = prepare(
        data,
        hierarchies,
        k=k,
        criteria=criteria,
        max_suppression=max_suppression,
        utility=utility,
        weights=weights,
        keep=keep,
        levels=levels,
        coupled=coupled,
        gs_factor=gs_factor,
        aggregate=aggregate,
        memory=memory,
        missing=missing,
    )
    judge, limit = problem.judge, problem.limit
    if judge.lattice.size > LISTED_NODES:
        seconds = DEFAULT_BUDGET if budget_seconds is None else budget_seconds
        found = search_within(judge, limit=limit, budget=Budget(judge, seconds))
    else:
        budget = Budget(judge, budget_seconds)
        found = search_exactly(judge, limit=limit, budget=budget.part(PROVING))
        if not found.complete:
            found = improved(judge, found, limit=limit, budget=budget)
    return solution_of(judge, found, limit, utility)

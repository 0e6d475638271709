"""Search for the generalisation that loses least: the public entry."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import floor, isnan
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.bounded import Found, search_in_order
from midi_risk.recode.class_loss import utility_model
from midi_risk.recode.classes_view import TagSpace, sensitive_column, tag_space
from midi_risk.recode.criteria import CustomCriterion, KAnonymity
from midi_risk.recode.evaluation import Evaluated, Judge
from midi_risk.recode.front import pareto
from midi_risk.recode.hierarchy_codes import encode
from midi_risk.recode.lattice import Lattice, build_lattice
from midi_risk.recode.loss import UtilityInputs, attribute_weights
from midi_risk.recode.node_tables import DEFAULT_MEMORY, NodeTables
from midi_risk.recode.solution import FrontNode, Solution


def hidden_limit(max_suppression: float, records: int) -> int:
    """Return how many records may be hidden: the share of the records, rounded down.

    Raises
    ------
    SearchError
        When the share lies outside [0, 1].
    """
    if not 0 <= max_suppression <= 1:
        raise SearchError(
            "max_suppression must lie between 0 and 1", hint="0.02 hides at most 2 % of the records"
        )
    return floor(max_suppression * records + 1e-9)


def all_criteria(k: int | None, criteria: Sequence[CustomCriterion]) -> tuple[CustomCriterion, ...]:
    """Return k-anonymity, when asked for, and the further criteria.

    Raises
    ------
    SearchError
        When there is none, or something is no criterion.
    """
    for criterion in criteria:
        if not isinstance(criterion, CustomCriterion):
            raise SearchError(
                "a criterion needs monotone, robust, sensitive, population and failing()",
                hint="See CustomCriterion",
            )
    both = (*((KAnonymity(k),) if k is not None else ()), *criteria)
    if not both:
        raise SearchError("nothing to search for", hint="Give k or a criterion")
    return both


def _tags(
    data: pd.DataFrame,
    names: Sequence[str],
    criteria: Sequence[CustomCriterion],
    population: pd.DataFrame | None,
) -> TagSpace:
    sensitive = list(dict.fromkeys(c.sensitive for c in criteria if c.sensitive is not None))
    for name in sensitive:
        if name in names:
            raise SearchError(
                f"'{name}' is both a quasi-identifier and sensitive",
                hint="Leave it out of the hierarchies or of the criteria",
            )
    columns = [sensitive_column(data, name) for name in sensitive]
    return tag_space(columns, len(data), 0 if population is None else len(population))


def _one_population(criteria: Sequence[CustomCriterion]) -> pd.DataFrame | None:
    tables = [c.population for c in criteria if c.population is not None]
    if any(table is not tables[0] for table in tables):
        raise SearchError("the criteria use different population tables", hint="Use one table")
    return tables[0] if tables else None


def search(
    data: pd.DataFrame,
    hierarchies: Mapping[str, Any],
    *,
    k: int | None = None,
    criteria: Sequence[CustomCriterion] = (),
    max_suppression: float = 0.0,
    utility: str = "entropy",
    weights: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    levels: Mapping[str, tuple[int, int]] | None = None,
    coupled: Sequence[Sequence[str]] = (),
    budget_seconds: float | None = None,
    gs_factor: float = 0.5,
    aggregate: str = "geometric",
    memory: int = DEFAULT_MEMORY,
) -> Solution:
    """Return the generalisation that meets the criteria and loses least.

    Parameters
    ----------
    data : DataFrame, shape (N, columns)
        One row per subject.
    hierarchies : mapping of str to DataFrame, str or hierarchy
        Per quasi-identifier a table (one row per value, column 0 raw, the rightmost most
        general), the name of a built-in ladder, or an object with ``frame``.
    k : int, optional
        Smallest class size to accept.
    criteria : sequence of criteria
        Further criteria, such as `DistinctLDiversity`.
    max_suppression : float
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
        Stop then, with the best node so far and a bound.
    gs_factor : float
        Weight of generalisation against suppression, 0.5 for both.
    aggregate : str
        ``"geometric"``, ``"arithmetic"``, ``"sum"``, ``"maximum"`` or ``"rank"``, for Loss.
    memory : int
        Bytes of class tables to keep.

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
    >>> ages = pd.DataFrame({"age": [31, 33, 38, 52]})
    >>> tens = pd.DataFrame([["31", "30-39", "*"], ["33", "30-39", "*"],
    ...                      ["38", "30-39", "*"], ["52", "50-59", "*"]])
    >>> search(ages, {"age": tens}, k=3, max_suppression=0.25, utility="loss").levels
    {'age': 1}
    """
    rules = all_criteria(k, criteria)
    limit = hidden_limit(max_suppression, len(data))
    population = _one_population(rules)
    attributes = encode(data, hierarchies, further=() if population is None else (population,))
    names = [attribute.name for attribute in attributes]
    tags = _tags(data, names, rules, population)
    lattice = build_lattice(attributes, keep=keep, levels=levels, coupled=coupled)
    inputs = UtilityInputs(
        lattice=lattice,
        records=len(data),
        weights=attribute_weights(names, weights),
        gs_factor=gs_factor,
        aggregate=aggregate,
    )
    model = utility_model(utility, inputs)
    tables = NodeTables(lattice, tags.tag, tags.size, memory)
    judge = Judge(lattice, tables, tags, rules, model)
    deadline = None if budget_seconds is None else time.monotonic() + budget_seconds
    found = search_in_order(judge, limit=limit, deadline=deadline)
    return _solution(judge, found, limit, utility)


def _solution(judge: Judge, found: Found, limit: int, utility: str) -> Solution:
    lattice = judge.lattice
    node = found.closest
    names = [attribute.name for attribute in lattice.attributes]
    score = node.key[0]
    gap = 0.0
    if found.best is not None and not found.optimal and score > 0 and not isnan(found.bound):
        gap = (score - found.bound) / score
    checked = judge.checked
    return Solution(
        found=found.best is not None,
        levels=dict(zip(names, lattice.levels(node.steps), strict=True)),
        score=score,
        components=node.components,
        suppressed=node.hidden,
        classes=node.classes,
        smallest=node.smallest,
        optimal=found.optimal,
        checked=checked,
        nodes=lattice.size,
        bound=found.bound,
        gap=gap,
        suppressed_rows=_rows(judge, node),
        front=_front(lattice, found.evaluated),
        blocking="" if found.best is not None else _blocking(judge, node, limit),
        utility=utility,
    )


def _rows(judge: Judge, node: Evaluated) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which records of the sample are in failing classes."""
    records = judge.utility.inputs.records
    view = judge.view(node.steps)
    if not view.failed.any():
        return np.zeros(records, dtype=bool)
    failed = np.flatnonzero(view.failed)
    axes = judge.lattice.axes
    record_key = np.zeros(records, dtype=np.int64)
    class_key = np.zeros(len(failed), dtype=np.int64)
    for number, (axis, step) in enumerate(zip(axes, node.steps, strict=True)):
        width = axis.cardinality(step)
        both = np.concatenate(
            (
                record_key * width + axis.maps[step][axis.codes[:records]],
                class_key * width + view.field(number, failed),
            )
        )
        dense = np.unique(both, return_inverse=True)[1].ravel().astype(np.int64)
        record_key, class_key = dense[:records], dense[records:]
    return np.isin(record_key, class_key)


def _front(lattice: Lattice, nodes: Sequence[Evaluated]) -> tuple[FrontNode, ...]:
    names = [attribute.name for attribute in lattice.attributes]
    risks = [1.0 / node.smallest if node.smallest else 0.0 for node in nodes]
    table = np.array(
        [[risk, node.key[0], node.hidden] for risk, node in zip(risks, nodes, strict=True)]
    ).reshape(-1, 3)
    return tuple(
        FrontNode(
            levels=dict(zip(names, lattice.levels(nodes[row].steps), strict=True)),
            risk=risks[row],
            loss=nodes[row].key[0],
            suppressed=nodes[row].hidden,
        )
        for row in pareto(table)
    )


def _blocking(judge: Judge, node: Evaluated, limit: int) -> str:
    """Return in words why the closest node is no solution."""
    names = [attribute.name for attribute in judge.lattice.attributes]
    levels = judge.lattice.levels(node.steps)
    limited = [
        f"'{names[member]}' stops at level {axis.steps[-1][place]} of "
        f"{judge.lattice.attributes[member].levels - 1}"
        for axis in judge.lattice.axes
        for place, member in enumerate(axis.members)
        if axis.steps[-1][place] < judge.lattice.attributes[member].levels - 1
    ]
    at = ", ".join(f"{name}={level}" for name, level in zip(names, levels, strict=True))
    why = "; " + ", ".join(limited) if limited else ""
    return (
        f"no node meets the criteria with at most {limit} hidden records: the closest ({at}) "
        f"would hide {node.hidden}{why}"
    )

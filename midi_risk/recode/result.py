"""From what a search found to what the caller gets."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
import numpy.typing as npt

from midi_risk.recode.evaluation import Evaluated, Judge
from midi_risk.recode.found import Found
from midi_risk.recode.front import pareto
from midi_risk.recode.joint import joint_codes
from midi_risk.recode.lattice import Lattice
from midi_risk.recode.solution import FrontNode, Solution


def solution_of(judge: Judge, found: Found, limit: int, utility: str) -> Solution:
    """Return the outcome of a search with its records, front and reasons.

    Parameters
    ----------
    judge : Judge
    found : Found
    limit : int
        Records that may be hidden.
    utility : str
        Name of the utility model.
    """
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


def _rows(judge: Judge, node: Evaluated) -> npt.NDArray[np.bool_]:
    """Return which records of the sample are in failing classes."""
    records = judge.utility.inputs.records
    view = judge.view(node.steps)
    if not view.failed.any():
        return np.zeros(records, dtype=bool)
    failed = np.flatnonzero(view.failed)
    axes = judge.lattice.axes
    columns = [
        (
            np.concatenate((axis.maps[step][axis.codes[:records]], view.field(number, failed))),
            axis.cardinality(step),
        )
        for number, (axis, step) in enumerate(zip(axes, node.steps, strict=True))
    ]
    key = joint_codes(records + len(failed), columns)
    return np.isin(key[:records], key[records:])


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

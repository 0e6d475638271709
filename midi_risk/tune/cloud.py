"""The settings around a node, as the chart of risk against information lost shows them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from midi_risk.report.tuning import counts_of
from midi_risk.tune.lattice import tuning_lattice
from midi_risk.tune.session import Session

MAX_POINTS = 2_000
MAX_CELLS = 8_000_000
"""Nodes times subjects that are counted for the chart."""


def cloud(session: Session) -> dict[str, Any]:
    """Return nodes as loss and subjects below k, and the front of those that none beats.

    A large lattice is thinned for it, so its front is one of the settings shown, no proof.

    Parameters
    ----------
    session : Session
    """
    bench = session.bench
    most = max(16, min(MAX_POINTS, MAX_CELLS // max(1, bench.table.n_subjects)))
    lattice = tuning_lattice(
        bench.table,
        bench.models,
        hierarchies=session.hierarchies,
        plan=session.plan,
        max_nodes=most,
        thin=True,
    )
    if lattice is None:
        return {"points": [], "front": []}
    below = counts_of(lattice, "below")[lattice.ks.index(lattice.k)] if lattice.k > 1 else 0
    places = {axis.name: axis.levels for axis in session.axes.axes}
    starts = {axis.name: axis.levels.index(axis.start) for axis in session.axes.axes}
    weights = {axis.name: axis.attribute.utility for axis in session.axes.axes}
    held = {a.name for a in lattice.attributes}
    fixed = sum(
        weights[axis.name] * float(axis.losses[axis.start])
        for axis in session.axes.axes
        if axis.name not in held
    )
    total = sum(weights.values()) or 1.0
    levels = [[level.level for level in a.levels] for a in lattice.attributes]
    losses = [[level.loss * weights[a.name] for level in a.levels] for a in lattice.attributes]
    count = len(counts_of(lattice, "classes"))
    few = np.broadcast_to(below, count)
    points = [
        {"loss": (fixed + sum(parts)) / total, "below": int(few[i])}
        for i, parts in enumerate(itertools.product(*losses))
    ]
    nodes = list(itertools.product(*levels))
    front, least = [], float("inf")
    for i in sorted(range(count), key=lambda i: (points[i]["loss"], points[i]["below"])):
        if points[i]["below"] < least:
            least = points[i]["below"]
            chosen = dict(zip([a.name for a in lattice.attributes], nodes[i], strict=True))
            node = [
                places[name].index(chosen[name]) if name in chosen else starts[name]
                for name in places
            ]
            front.append({**points[i], "node": node})
    return {"points": points, "front": front}

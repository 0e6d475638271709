"""What the tuning page shows: the lattice of the document as data and as starting figures."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from midi_risk.document.assessment import TuningAttribute, TuningLattice, TuningLevel, Verdict
from midi_risk.document.clean import neutral
from midi_risk.document.plan import PLAN_SCHEMA
from midi_risk.recode.loss import information_lost
from midi_risk.report.words import count_text, percent, risk_text, share_text

SCRIPTS = ("tune_lattice.js", "tune_charts.js", "tune_words.js", "tune.js")
STYLE = "tune.css"

_SHORT = {
    "values of few subjects together as 'other'": "rare ones together",
    "only the number of distinct values": "number of values",
    "first word of the device or maker name": "first word",
    "first three characters of the postcode": "first 3 characters",
    "under 20, or 20 and over": "under 20 or over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFigures:
    """Figures of one node, with nobody or the rare subjects left out.

    Parameters
    ----------
    subjects, left_out : int
    classes, smallest : int
        Of the subjects that stay.
    below : tuple of int
        Subjects in classes smaller than each k of the grid, before anybody is left out.
    at_risk : int
        Subjects that stay in classes smaller than the k that is required.
    maximum, mean : float
        Highest and average prosecutor risk; 0 when nobody stays.
    loss : float
        Weighted share of information lost, subjects left out included.
    passed : bool
        Whether every rule accepts it.
    """

    subjects: int
    left_out: int
    classes: int
    smallest: int
    below: tuple[int, ...]
    at_risk: int
    maximum: float
    mean: float
    loss: float
    passed: bool


def counts_of(lattice: TuningLattice, name: str) -> np.ndarray:
    """Return one array of the lattice, shape (nodes,), or (grid, nodes) for ``below``."""
    kind = f"<u{lattice.bytes_per_count}"
    array = np.frombuffer(base64.b64decode(getattr(lattice, name)), dtype=kind).astype(np.int64)
    return array.reshape(len(lattice.ks), -1) if name == "below" else array


def node_figures(
    lattice: TuningLattice, node: tuple[int, ...] | list[int], *, leave_out: bool = False
) -> NodeFigures:
    """Return the figures of a node, as the page's script computes them.

    Parameters
    ----------
    lattice : TuningLattice
    node : sequence of int
        Place of the chosen level of each attribute.
    leave_out : bool
        Leave out the subjects below k, when they are few enough.
    """
    shape = [len(a.levels) for a in lattice.attributes]
    at = int(np.ravel_multi_index(tuple(node), shape))
    below = tuple(int(x) for x in counts_of(lattice, "below")[:, at])
    rare = below[lattice.ks.index(lattice.k)] if lattice.k > 1 and lattice.k in lattice.ks else 0
    out = rare if leave_out and rare <= lattice.max_suppressed else 0
    prefix = "kept_" if out else ""
    classes = int(counts_of(lattice, f"{prefix}classes")[at])
    smallest = int(counts_of(lattice, f"{prefix}smallest")[at])
    stay = lattice.subjects - out
    mean = classes / stay if stay else 0.0
    costs = sum(a.levels[i].cost for a, i in zip(lattice.attributes, node, strict=True))
    return NodeFigures(
        subjects=lattice.subjects,
        left_out=out,
        classes=classes,
        smallest=smallest,
        below=below,
        at_risk=rare - out,
        maximum=1 / smallest if smallest else 0.0,
        mean=mean,
        loss=information_lost(lattice.lost_elsewhere + costs, out, lattice.subjects),
        passed=stay > 0
        and all(
            smallest >= rule.k and (rule.mean is None or mean <= rule.mean + 1e-12)
            for rule in lattice.rules
        ),
    )


def short_text(level: TuningLevel) -> str:
    """Return the words on the button of a level.

    Examples
    --------
    >>> short_text(
    ...     TuningLevel(level=2, name="5y", text="5-year bands, over 89 together", loss=0, cost=0)
    ... )
    '5-year bands'
    """
    text = _SHORT.get(level.text) or level.text.split(",")[0].split(" (")[0]
    return text if len(text) <= 36 else level.name


def tuning(
    lattice: TuningLattice,
    *,
    title: str,
    pending: list[str] | tuple[str, ...] = (),
    threat_models: list[str] | tuple[str, ...] = (),
    digest: str = "",
    version: str = "",
    project: str = "PROJECT",
    served: dict[str, Any] | None = None,
    figures: NodeFigures | None = None,
) -> dict[str, Any]:
    """Return what the template of the tuning section needs.

    Parameters
    ----------
    lattice : TuningLattice
    title : str
        Name of the collection.
    pending : sequence of str
        What keeps the whole assessment from a verdict, whatever is tuned.
    threat_models : sequence of str
    digest : str
        Digest of the collection, for the plan.
    version : str
        Of midi-risk, for the plan.
    project : str
        Where the project is, for the command that the page copies.
    served : dict, optional
        What the served page adds: its address and the other attributes.
    figures : NodeFigures, optional
        Of the starting node, where the lattice holds no counts.
    """
    figures = figures or node_figures(lattice, [a.start for a in lattice.attributes])
    attributes = [_axis(a) for a in lattice.attributes]
    data = {
        **lattice.model_dump(mode="json"),
        "attributes": attributes,
        "title": title,
        "threat_models": list(threat_models),
        "digest": digest,
        "version": version,
        "project": project,
        "plan_schema": PLAN_SCHEMA,
        "served": served,
    }
    return {
        "attributes": attributes,
        "lattice": lattice,
        "figures": figures,
        "status": "Within the threshold" if figures.passed else "Above the threshold",
        "sentence": sentence(figures, lattice.k),
        "texts": {
            "maximum": risk_text(figures.maximum),
            "mean": risk_text(figures.mean),
            "at_risk": share_text(figures.at_risk, figures.subjects),
            "loss": percent(figures.loss),
        },
        "limit": count_text(lattice.max_suppressed),
        "pending": [neutral(reason) for reason in pending],
        "served": served,
        "data": data_block(data),
    }


def waiting(verdict: Verdict) -> tuple[str, ...]:
    """Return what the whole assessment waits for, whatever levels are chosen.

    Parameters
    ----------
    verdict : Verdict
    """
    if verdict.status != "incomplete":
        return ()
    return tuple(reason.text for reason in verdict.reasons if reason.code != "above")


def _axis(attribute: TuningAttribute) -> dict[str, Any]:
    """Return an axis with what a reader sees of it."""
    return {
        **attribute.model_dump(mode="json"),
        "label": neutral(attribute.name),
        "levels": [
            {**level.model_dump(mode="json"), "text": neutral(level.text),
             "short": neutral(short_text(level))}
            for level in attribute.levels
        ],
    }  # fmt: skip


def sentence(figures: NodeFigures, k: int) -> str:
    """Return the verdict on the classes in one sentence, as the script writes it."""
    stay = figures.subjects - figures.left_out
    lead = f"{count_text(figures.left_out)} left out. " if figures.left_out else ""
    if not figures.at_risk:
        return (
            f"{lead}Every one of {count_text(stay)} subjects shares the attributes with at least"
            f" {count_text(max(0, figures.smallest - 1))} others; {count_text(k)} together are"
            " required."
        )
    return (
        f"{lead}{share_text(figures.at_risk, stay)} subjects are in classes smaller than"
        f" {count_text(k)}; the smallest class has {count_text(figures.smallest)}."
    )


def data_block(data: dict[str, Any]) -> Markup:
    """Return data as JSON that cannot end the element that holds it.

    Examples
    --------
    >>> "</" in str(data_block({"a": "</script>"}))
    False
    """
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that could act is escaped

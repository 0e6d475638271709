"""No cut point that leaves in the shareable edition is defined by fewer than k people."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from page_reader import read

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.recode.plan import suggest
from midi_risk.report import report
from midi_risk.risk.assess import assess
from midi_risk.table.model import SubjectTable, table_digest
from midi_risk.threat import load_threat_model

KINDS = {"age": (Kind.AGE, "age"), "sex": (Kind.SEX, "sex"), "pack_years": (Kind.NUMBER, "number")}


def people(draw: np.random.Generator, n: int) -> SubjectTable:
    """Return people of whom a few stand far apart, where a careless cut would fall."""
    ages = draw.normal(58, draw.choice([4, 12]), n).clip(1, 89)
    ages[: draw.integers(0, 9)] = draw.integers(1, 30)
    ages[-draw.integers(1, 9) :] = draw.integers(80, 89)
    smoked = np.round(draw.gamma(1.5, draw.choice([4, 20]), n))
    smoked[: draw.integers(1, 6)] += 200
    frame = pd.DataFrame(
        {
            "age": ages.astype(int).astype(str),
            "sex": draw.choice(["F", "M"], n, p=[0.7, 0.3]),
            "pack_years": smoked.astype(int).astype(str),
        },
        index=[f"s{i:04d}" for i in range(n)],
        dtype=object,
    )
    attributes = [
        Attribute(
            name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind, reason="",
            ladder=ladder,
        )
        for name, (kind, ladder) in KINDS.items()
    ]  # fmt: skip
    return SubjectTable(
        frame=frame, attributes=AttributeSet(tuple(attributes)), counts={"subjects": n},
        files={"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 0}, missing="category",
        digest=table_digest(frame),
    )  # fmt: skip


def people_in(values: np.ndarray, cuts: list[float]) -> np.ndarray:
    """Return the people between each two neighbouring cut points, and beyond the last ones."""
    return np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)


def cuts_told(sentence: str) -> set[float]:
    """Return every place at which a reader of a sentence learns that bands meet.

    A run of bands of one width tells all places between its ends; a reader tries all of them.
    """
    told = {float(x) for x in re.findall(r"(?:under|below) (-?[\d.]+)", sentence)}
    told |= {float(x) for x in re.findall(r"(-?[\d.]+) and over", sentence)}
    for low, high in re.findall(r"(?<![\d.-])(-?[\d.]+)-([\d.]+)(?![\d-]|-year)", sentence):
        told |= {float(low), float(high) + 1}
    return told


@pytest.mark.parametrize("seed", range(10))
def test_each_cut_point_that_leaves_stands_between_k_people(seed: int) -> None:
    draw = np.random.default_rng(seed)
    k = int(draw.choice([5, 11]))
    table = people(draw, int(draw.integers(80, 400)))
    models = [load_threat_model("public-release", k=k)]
    share = float(draw.choice([0.0, 0.02, 0.05]))
    plan = suggest(table, models, max_suppression=share)
    assert plan.found
    made = assess(table, models).model_copy(update={"plan": plan})
    text = read(report(made, edition="shareable").html).text
    every = [plan, *(suggest(table, models, max_suppression=share, accept=one.number)
                     for one in plan.alternatives[:1])]  # fmt: skip
    for each in every:
        left_out = set(each.suppressed_subjects)
        shown = table.frame.loc[[key not in left_out for key in table.frame.index]]
        for name, cuts in each.cut_points.items():
            assert people_in(shown[name].astype(float).to_numpy(), cuts).min() >= k
            described = each.hierarchies[name][1].partition(": ")[2]
            assert described in text
            told = cuts_told(described)
            assert told
            assert told <= {*map(float, cuts), *(cut + 1 for cut in cuts)}

"""Small tables for the tests of the tuning page, made here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.table.model import SubjectTable, table_digest
from midi_risk.threat import load_threat_model


def subject_table(n: int = 400, *, seed: int = 7, **decisions) -> SubjectTable:
    """Return subjects with age, sex, scanner and date; some values are missing."""
    rng = np.random.default_rng(seed)
    ages = rng.normal(60, 14, n).clip(1, 95).astype(int)
    frame = pd.DataFrame(
        {
            "age": [str(a) if a > 30 else None for a in ages],
            "sex": rng.choice(["M", "F"], n),
            "scanner": rng.choice(["Acme One", "Acme Two", "Best X", "Best Y", "Zeta"], n,
                                  p=[0.4, 0.3, 0.2, 0.09, 0.01]),
            "visit": [f"2020{m:02d}15" for m in rng.integers(1, 13, n)],
        },
        index=[f"s{i:04d}" for i in range(n)],
        dtype=object,
    )  # fmt: skip
    kinds = {"age": (Kind.AGE, "age"), "sex": (Kind.SEX, "sex"),
             "scanner": (Kind.CATEGORY, "device"), "visit": (Kind.DATE, "date")}  # fmt: skip
    attributes = []
    for name, (kind, ladder) in kinds.items():
        decision = decisions.get(name)
        level = decision if isinstance(decision, int) else None
        attributes.append(
            Attribute(
                name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER, kind=kind,
                reason="test", ladder=ladder, utility=2.0 if name == "age" else 1.0,
                decision=Decision.GENERALISE if level is not None else decision,
                generalise_to=level,
            )
        )  # fmt: skip
    return SubjectTable(
        frame=frame, attributes=AttributeSet(tuple(attributes)), counts={"subjects": n},
        files={"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 0}, missing="category",
        digest=table_digest(frame),
    )  # fmt: skip


def models(k: int = 11):
    """Return the public-release model."""
    return [load_threat_model("public-release", k=k)]

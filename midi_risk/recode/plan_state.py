"""Risk figures of a table before or after a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midi_risk.attributes.model import Role
from midi_risk.risk.adversaries import adversary_risk
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.plan_document import State
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured
from midi_risk.threat.model import ThreatModel


def release_state(view: SubjectTable, models: Sequence[ThreatModel], k: int) -> State:
    """Return the risk figures of a table as it would be released."""
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    names = [a.name for a in quasi]
    if not view.n_subjects:
        return State(
            k=None, classes=0, sample_uniques=0, subjects=0, risk_max=None, risk_mean=None,
            at_risk=None, passed=False,
        )  # fmt: skip
    classes = EquivalenceClasses.from_codes(view.codes(names), missing=view.missing)
    risks = [
        adversary_risk(view, quasi, m, adversary) for m in models for adversary in m.adversaries
    ]
    worst: dict[str, float] = {}
    for risk in risks:
        for result in risk.results:
            worst[result.measure] = max(worst.get(result.measure, 0.0), result.value)
    smallest = int(classes.minimum or 0)
    return State(
        k=smallest,
        classes=classes.n_classes,
        sample_uniques=classes.sample_uniques,
        subjects=classes.n,
        risk_max=1 / smallest,
        risk_mean=float(np.mean(1 / np.asarray(classes.record_sizes))),
        at_risk=classes.records_below(k) / classes.n,
        passed=all(result.passed is not False for risk in risks for result in risk.results),
        measures=worst,
    )

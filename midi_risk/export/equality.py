"""Whether the files on disk carry the risk that the plan promised, and why if not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Role
from midi_risk.export.rules import RANGE, ReleaseRules
from midi_risk.risk.plan_document import State
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured

_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Risk promised and risk found in the files written.

    Parameters
    ----------
    planned, written : State
    equal : bool
        Whether smallest class, number of classes, maximum and mean risk are the same.
    worse : bool
        Whether a figure of the files is above the plan's.
    reasons : tuple of str
        One sentence per attribute whose classes differ.
    """

    planned: State
    written: State
    equal: bool
    worse: bool
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as `apply.json` holds it."""
        return {
            "planned": self.planned.model_dump(mode="json"),
            "written": self.written.model_dump(mode="json"),
            "equal": self.equal,
            "worse": self.worse,
            "reasons": list(self.reasons),
        }


def compare(
    planned: State, written: State, release: ReleaseRules, found: SubjectTable
) -> Comparison:
    """Compare the plan's figures with those of the files that were written.

    Parameters
    ----------
    planned, written : State
    release : ReleaseRules
    found : SubjectTable
        Read back from the files, with the decisions of the release in force.
    """
    pairs = [
        (planned.k, written.k),
        (planned.classes, written.classes),
        (planned.subjects, written.subjects),
        (planned.risk_max, written.risk_max),
        (planned.risk_mean, written.risk_mean),
    ]
    equal = all(_same(a, b) for a, b in pairs)
    worse = (written.risk_max or 0) > (planned.risk_max or 0) + _TOLERANCE or (
        written.risk_mean or 0
    ) > (planned.risk_mean or 0) + _TOLERANCE
    return Comparison(
        planned=planned,
        written=written,
        equal=equal,
        worse=worse,
        reasons=tuple(_reasons(release, found)),
    )


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= _TOLERANCE


def _reasons(release: ReleaseRules, found: SubjectTable) -> list[str]:
    """Say for each quasi-identifier how its classes in the files differ from the plan's."""
    expected = release.expected
    said = []
    lost = len(expected.frame.index.difference(found.frame.index))
    more = len(found.frame.index.difference(expected.frame.index))
    if lost:
        said.append(f"{lost} subjects of the plan have no file that could be written")
    if more:
        said.append(f"{more} subjects are in the files and not in the plan")
    both = expected.frame.index.intersection(found.frame.index)
    names = {a.name for a in measured(expected, Role.QUASI_IDENTIFIER)}
    there = {a.name for a in measured(found, Role.QUASI_IDENTIFIER)}
    notes = {rule.name: rule.note for rule in release}
    for name in sorted(names | there):
        if name not in there:
            why = "every record of a subject shows one value" if name.endswith(RANGE) else ""
            why = why or notes.get(name, "") or "no value of it is left"
            if expected.frame[name].notna().any():
                said.append(f"{name} is in the plan and not in the files: {why}")
        elif name not in names:
            said.append(
                f"{name} is in the files and not in the plan: it may neither be empty nor"
                " hold a dummy there (type 1 of PS3.3), so its value stayed and counts"
            )
        else:
            how = _relation(expected.frame.loc[both, name], found.frame.loc[both, name])
            if how:
                said.append(f"{name} is {how}")
    return said


def _relation(plan: pd.Series, files: pd.Series) -> str:
    """Return how two partitions of the same subjects differ, empty when they are equal."""
    a = pd.factorize(plan.to_numpy(dtype=object), use_na_sentinel=False)[0]
    b = pd.factorize(files.to_numpy(dtype=object), use_na_sentinel=False)[0]
    width = int(b.max(initial=0)) + 1
    pairs = np.unique(a.astype(np.int64) * width + b)
    n_a, n_b = len(np.unique(a)), len(np.unique(b))
    if len(pairs) == n_a == n_b:
        return ""
    if len(pairs) == n_a:
        return "coarser in the files than in the plan: values without a legal form were removed"
    if len(pairs) == n_b:
        return "finer in the files than in the plan"
    return "grouped differently in the files than in the plan"

"""A risk is a value with an interval, a kind and a verdict, never a bare number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import pandas as pd


class EstimateKind(StrEnum):
    """How a value was obtained."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    BOUND = "bound"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskEstimate:
    """One disclosure risk under one attack.

    Parameters
    ----------
    measure : str
        ``prosecutor_max``, ``journalist_mean``, ``marketer_mean``...
    attacker : str
        Name of the adversary.
    value : float
        Probability or share in [0, 1].
    lower, upper : float
        Interval; equal to the value when exact.
    kind : EstimateKind
    n : int
        Subjects it rests on.
    threshold : float or None
        Largest accepted value, None when the measure does not govern.
    passed : bool or None
        None when there is no threshold.
    method : str
        How it was computed, in words.
    reference : str
        Source of the formula.
    """

    measure: str
    attacker: str
    value: float
    lower: float
    upper: float
    kind: EstimateKind
    n: int
    threshold: float | None = None
    passed: bool | None = None
    method: str = ""
    reference: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {**asdict(self), "kind": self.kind.value}

    def to_frame(self) -> pd.DataFrame:
        """Return a table of one row."""
        return pd.DataFrame([self.to_dict()])

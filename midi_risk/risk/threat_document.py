"""Results of each adversary, as parts of the assessment document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from midi_risk.risk.plan_document import Part


class Result(Part):
    """One `RiskEstimate` as JSON."""

    measure: str
    value: float | None
    lower: float | None
    upper: float | None
    kind: Literal["exact", "estimate", "bound"]
    n: int
    threshold: float | None
    passed: bool | None
    method: str
    reference: str = ""
    attacker: str = ""


class TornadoEntry(Part):
    """What one declared interval does to the risk while the others stay in the middle."""

    name: str
    low: float
    high: float
    at_low: float
    at_high: float
    crosses: bool = Field(description="whether the risk is within the threshold at one end only")


class Uncertainty(Part):
    """Overall risk (attempt times data risk) over the intervals that a threat model declares."""

    probability_above: float = Field(description="share of draws above the threshold")
    interval: tuple[float, float] = Field(description="holds 95 % of the draws")
    central: float = Field(description="risk in the middle of all intervals")
    conservative: float = Field(description="risk at the conservative ends, which is judged")
    threshold: float
    draws: int
    seed: int
    tornado: list[TornadoEntry] = []
    method: str = ""


class Threat(Part):
    """Results of one adversary of one threat model."""

    model: str
    adversary: str
    release: str = ""
    attempt: float
    attempt_source: str = ""
    knows: dict[str, str] = {}
    population: str = ""
    threshold_k: int | None = None
    statistic: str = ""
    budget: float | None = Field(default=None, description="largest data risk that is accepted")
    membership: tuple[float, float] | None = Field(
        default=None, description="probability that the adversary knows who is in the release"
    )
    verification: float | None = Field(
        default=None, description="probability that a right match can be verified; null: off"
    )
    results: list[Result]
    uncertainty: Uncertainty | None = Field(
        default=None, description="null when the threat model declares no interval"
    )

"""Adversaries in the shareable edition: what the assessor states, and rounded figures."""

from __future__ import annotations

from typing import Literal

from midi_risk.report.counts import SafeCount
from midi_risk.report.shareable_types import Code, Digits, Name, Safe, Size, Written, two_digits
from midi_risk.report.tornado import NAMES
from midi_risk.risk.threat_document import Uncertainty


class SafeBar(Safe):
    """What one declared interval does to the risk."""

    name: Code
    low: Digits
    high: Digits
    at_low: Digits
    at_high: Digits
    crosses: bool


class SafeUncertainty(Safe):
    """Overall risk over the declared intervals, two digits each."""

    probability_above: Digits
    interval: tuple[Digits, Digits]
    central: Digits
    conservative: Digits
    threshold: Digits
    draws: Size
    tornado: tuple[SafeBar, ...]


class SafeResult(Safe):
    """One measure of one adversary; a share carries its count instead of a value."""

    measure: Code
    value: Digits | None
    lower: Digits | None
    upper: Digits | None
    kind: Literal["exact", "estimate", "bound"]
    n: SafeCount
    threshold: Digits | None
    passed: bool | None
    subjects: SafeCount | None = None


class SafeThreat(Safe):
    """One adversary: what the assessor's threat model says, and what it comes to."""

    model: Name
    adversary: Name
    release: Code | None
    attempt: Digits
    attempt_source: Written
    knows: dict[Name, Written]
    population: Written
    threshold_k: Size | None
    statistic: Written
    budget: Digits | None
    membership: tuple[Digits, Digits] | None
    verification: Digits | None
    uncertainty: SafeUncertainty | None
    results: tuple[SafeResult, ...]


def uncertainty_of(found: Uncertainty | None) -> SafeUncertainty | None:
    """Return the drawn intervals without the seed, rounded."""
    if found is None:
        return None
    low, high = found.interval
    return SafeUncertainty(
        probability_above=two_digits(found.probability_above),
        interval=(two_digits(low), two_digits(high)),
        central=two_digits(found.central),
        conservative=two_digits(found.conservative),
        threshold=two_digits(found.threshold),
        draws=found.draws,
        tornado=tuple(
            SafeBar(
                name=bar.name if bar.name in NAMES else "other",
                low=two_digits(bar.low),
                high=two_digits(bar.high),
                at_low=two_digits(bar.at_low),
                at_high=two_digits(bar.at_high),
                crosses=bar.crosses,
            )
            for bar in found.tornado
        ),
    )


def pair_of(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return both ends with two digits."""
    return None if pair is None else (two_digits(pair[0]), two_digits(pair[1]))

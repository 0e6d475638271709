"""From data to drawing units: one axis at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A monotone map from data to drawing units.

    Parameters
    ----------
    low, high : float
        Ends in data units; equal ends map to the middle.
    start, end : float
        Ends in drawing units; `end` may be the smaller (an upward axis).
    log : bool
        Logarithmic; both ends must then be positive.

    Examples
    --------
    >>> Scale(low=0, high=10, start=0, end=100)(5)
    50.0
    >>> Scale(low=1, high=100, start=0, end=10, log=True)(10)
    5.0
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the drawing unit of a value; values outside stay at the ends."""
        value = min(max(value, self.low), self.high)
        if self.high == self.low:
            return (self.start + self.end) / 2
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 2)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """Return round values inside the ends, about `count` of them.

        Examples
        --------
        >>> Scale(low=0, high=0.42, start=0, end=1).ticks()
        (0.0, 0.2, 0.4)
        """
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = [m * 10.0**d for d in decades for m in (1, 2, 5)]
            return tuple(s for s in steps if self.low <= s <= self.high)
        span = self.high - self.low
        if span <= 0:
            return (self.low,)
        raw = span / max(1, count - 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(round(i * step, 10) for i in range(first, last + 1))


def nice_top(value: float) -> float:
    """Return a round number at or above a value; 1 for one that is zero or as good as zero.

    Examples
    --------
    >>> nice_top(388), nice_top(0.0), nice_top(0.83)
    (400.0, 1.0, 1.0)
    """
    if value < 1e-12:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(
        next(
            round(m * power, 10)
            for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
            if m * power >= value * 0.9999
        )
    )

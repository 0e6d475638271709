"""How many further people of the population are in a class, when its share is only estimated.

Of counted people each is in the class with probability p, which is itself uncertain: K is
beta-binomial. Of expected people (incidence, people split over areas) the number is negative
binomial. Poisson would be wrong for counted people: where an attribute has two values it leaves
room for twice as many as there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

EXACT_TRIALS = 1024
"""Trials up to which a beta-binomial law is summed; beyond, it is a negative binomial one."""
_EXACT_STEPS = 256
_CHUNK = 1_000_000
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_HALF, _HALF_WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLaw:
    """The law of F - f in each class.

    Parameters
    ----------
    size : numpy.ndarray
        Class size f in the release, shape (c,).
    trials : numpy.ndarray
        People outside the release who could be in the class, shape (c,).
    share : numpy.ndarray
        Probability p that one of them is, shape (c,).
    variation : numpy.ndarray
        Squared coefficient of variation of p, shape (c,); 0 where p is known.
    counted : bool
        Whether the people were counted; otherwise their number is an expectation.

    Examples
    --------
    >>> law = class_law([1], 94, 1 / 6)
    >>> law.inverse().round(7).tolist(), law.reached(11).round(6).tolist()
    ([0.0631579], [0.962632])
    """

    size: Floats
    trials: Floats
    share: Floats
    variation: Floats
    counted: bool = True

    @property
    def mean(self) -> Floats:
        """Expected further people, shape (c,)."""
        return self.trials * self.share

    def taking(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> ClassLaw:
        """Return the law of some classes."""
        return replace(
            self,
            size=self.size[chosen],
            trials=self.trials[chosen],
            share=self.share[chosen],
            variation=self.variation[chosen],
        )

    def moments(self) -> tuple[Floats, Floats]:
        """Return E[1/F] and E[1/F^2] of each class, shapes (c,)."""
        first, second = np.empty_like(self.size), np.empty_like(self.size)
        summed = _summed(self)
        if summed.any():
            first[summed], second[summed] = _by_sum(self.taking(summed))
        if not summed.all():
            first[~summed], second[~summed] = _by_integral(self.taking(~summed))
        return first, second

    def inverse(self) -> Floats:
        """Return E[1/F] of each class, shape (c,)."""
        return self.moments()[0]

    def reached(self, needed: ArrayLike) -> Floats:
        """Return P(F >= needed) of each class, shape (c,).

        Parameters
        ----------
        needed : array_like
            Class size, one or one per class.
        """
        steps = np.broadcast_to(np.asarray(needed, np.float64), self.size.shape) - self.size
        tail = np.ones_like(self.size)
        open_ = steps > 0
        tail[open_ & (steps > self.trials) & self.counted] = 0.0
        open_ &= (steps <= self.trials) | (not self.counted)
        few = open_ & (self.variation > 0) & (steps <= _EXACT_STEPS) & self.counted
        if few.any():
            tail[few] = _few(self.taking(few), steps[few])
        rest = open_ & ~few
        if rest.any():
            open_part = self.taking(rest)
            tail[rest] = tail_of(
                steps[rest],
                open_part.trials,
                open_part.share,
                open_part.variation,
                counted=self.counted,
            )
        return tail

    def quantile(self, level: ArrayLike) -> NDArray[np.int64]:
        """Return the largest F0 with P(F >= F0) >= level in each class, shape (c,).

        Parameters
        ----------
        level : array_like
            Probability in (0, 1), one or one per class.
        """
        wanted = np.broadcast_to(np.asarray(level, np.float64), self.size.shape) - _TINY
        low = self.size.copy()
        high = self.size + np.floor(self.mean * (1 + 4 * np.sqrt(self.variation))) + 20
        if self.counted:
            high = np.minimum(high, self.size + self.trials)
        for _ in range(64):
            if not (low < high).any():
                break
            middle = np.floor((low + high + 1) / 2)
            enough = self.reached(middle) >= wanted
            low = np.where(enough, middle, low)
            high = np.where(enough, high, np.maximum(middle - 1, low))
        return np.asarray(low, dtype=np.int64)


def _summed(law: ClassLaw) -> NDArray[np.bool_]:
    """Tell the classes whose beta-binomial law is short enough to be added up."""
    return (law.variation > 0) & (law.trials <= EXACT_TRIALS) & law.counted


def _shapes(law: ClassLaw) -> tuple[Floats, Floats]:
    """Return the parameters of the beta law of p."""
    share = np.clip(law.share, 1e-300, 1 - 1e-12)
    strength = np.maximum((1 - share) / (share * law.variation) - 1, 1e-9)
    return share * strength, (1 - share) * strength


def _mass(law: ClassLaw, k: Floats) -> Floats:
    """Return P(K = k), shape (c, points)."""
    a, b = (part[:, None] for part in _shapes(law))
    trials = law.trials[:, None]
    inside = k <= trials
    rest = np.where(inside, trials - k, 0.0)
    log = (
        special.gammaln(trials + 1) - special.gammaln(k + 1) - special.gammaln(rest + 1)
        + special.betaln(k + a, rest + b) - special.betaln(a, b)
    )  # fmt: skip
    return np.where(inside, np.exp(log), 0.0)


def _by_sum(law: ClassLaw) -> tuple[Floats, Floats]:
    k = np.arange(float(np.floor(law.trials.max(initial=0))) + 1)[None, :]
    first, second = np.empty_like(law.size), np.empty_like(law.size)
    step = max(1, _CHUNK // k.shape[1])
    for start in range(0, len(law.size), step):
        part = np.arange(start, min(start + step, len(law.size)))
        mass = _mass(law.taking(part), k)
        inverse = 1 / (law.size[part][:, None] + k)
        whole = mass.sum(axis=1)
        first[part] = (mass * inverse).sum(axis=1) / whole
        second[part] = (mass * inverse**2).sum(axis=1) / whole
    return first, second


def _by_integral(law: ClassLaw) -> tuple[Floats, Floats]:
    """Integrate ``(1-x)^(f-1) E[(1-x)^K]`` over x in [0, 1]; finer near 0."""
    scale = np.maximum(law.mean * (1 + law.variation) + law.size - 1, 1.0)[:, None]
    length = np.log1p(scale)
    x = np.expm1(length * _HALF) / scale
    jacobian = length * np.exp(length * _HALF) / scale * _HALF_WEIGHTS
    log = (law.size[:, None] - 1) * np.log1p(-np.minimum(x, 1 - 1e-15))
    log = log + _log_generating(law, x)
    inside = np.exp(log) * jacobian
    second = (inside * -np.log1p(-np.minimum(x, 1 - 1e-15))).sum(axis=1)
    return inside.sum(axis=1), second


def _log_generating(law: ClassLaw, x: Floats) -> Floats:
    """Return ``ln E[(1-x)^K]``."""
    mean, v = law.mean[:, None], law.variation[:, None]
    safe = np.where(v > 0, v, 1.0)
    mixed = -np.log1p(mean * safe * x) / safe
    if law.counted:
        share = np.clip(law.share, 0, 1)[:, None]
        known = law.trials[:, None] * np.log1p(-np.minimum(share * x, 1 - 1e-15))
    else:
        known = -mean * x
    return np.asarray(np.where(v > 0, mixed, known), dtype=np.float64)


def _few(law: ClassLaw, steps: Floats) -> Floats:
    """Return P(K >= steps) by adding up what is below."""
    k = np.arange(float(steps.max()))[None, :]
    tail = np.empty_like(steps)
    step = max(1, _CHUNK // max(1, k.shape[1]))
    for start in range(0, len(steps), step):
        part = np.arange(start, min(start + step, len(steps)))
        mass = np.where(k < steps[part][:, None], _mass(law.taking(part), k), 0.0)
        tail[part] = np.clip(1 - mass.sum(axis=1), 0, 1)
    return tail


def tail_of(
    steps: Floats, trials: Floats, share: Floats, variation: Floats, *, counted: bool
) -> Floats:
    """Return P(K >= steps): binomial or Poisson where p is known, else negative binomial.

    Parameters
    ----------
    steps, trials, share, variation : numpy.ndarray
        Shapes that broadcast; where ``steps`` is at most 0 the answer is 1.
    counted : bool
        As in `ClassLaw`.
    """
    steps, trials, share, variation = np.broadcast_arrays(steps, trials, share, variation)
    needed = np.maximum(steps, 1.0)
    mean = trials * share
    safe = np.where(variation > 0, variation, 1.0)
    ratio = mean * safe / (1 + mean * safe)
    mixed = special.betainc(needed, 1 / safe, ratio)
    if counted:
        inside = needed <= trials
        left = np.where(inside, trials - needed + 1, 1.0)
        known = np.where(inside, special.betainc(needed, left, np.clip(share, 0, 1)), 0.0)
        mixed = np.where(inside, mixed, 0.0)
    else:
        known = np.where(mean > 0, special.gammainc(needed, np.maximum(mean, 1e-300)), 0.0)
    tail = np.where(variation > 0, mixed, known)
    return np.asarray(np.where(steps <= 0, 1.0, tail), dtype=np.float64)


def class_law(
    size: ArrayLike,
    trials: ArrayLike,
    share: ArrayLike,
    variation: ArrayLike = 0.0,
    *,
    counted: bool = True,
) -> ClassLaw:
    """Return the law of classes, with everything broadcast to one shape.

    Parameters
    ----------
    size, trials, share, variation : array_like
        As in `ClassLaw`.
    counted : bool

    Examples
    --------
    >>> law = class_law([1], 990, 0.01, 0.1)  # BetaBinomial(990; 9.89, 979.11)
    >>> law.inverse().round(6).tolist(), law.quantile(0.95).tolist()
    ([0.111917], [5])
    """
    parts = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(part, np.float64)) for part in (size, trials, share, variation))
    )
    size_, trials_, share_, variation_ = (np.array(part) for part in parts)
    return ClassLaw(
        size=size_,
        trials=np.floor(np.maximum(trials_, 0)) if counted else np.maximum(trials_, 0),
        share=share_,
        variation=variation_,
        counted=counted,
    )

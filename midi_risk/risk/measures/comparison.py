"""When a figure meets its threshold: one rule for measures, judge and search.

A figure is a ratio of counts and comes out with the rounding of the way it was computed. A class
that lies exactly on the threshold must not pass in one place and fail in another, so a
difference below `SLACK` counts as none: it meets "at least" and "at most", and not "below".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

SLACK = 1e-9
"""Difference of a figure and its threshold that is rounding."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def at_least(figures: Floats, threshold: Any) -> Bools:
    """Tell which figures reach a threshold.

    Examples
    --------
    >>> at_least(np.array([0.3 - 1e-15, 0.2]), 0.3).tolist()
    [True, False]
    """
    met: Bools = figures >= threshold - SLACK
    return met


def at_most(figures: Floats, threshold: Any) -> Bools:
    """Tell which figures do not exceed a threshold.

    Examples
    --------
    >>> at_most(np.array([0.1 + 0.2, 0.4]), 0.3).tolist()
    [True, False]
    """
    met: Bools = figures <= threshold + SLACK
    return met


def below(figures: Floats, threshold: Any) -> Bools:
    """Tell which figures stay below a threshold.

    Examples
    --------
    >>> below(np.array([0.07 * 100, 6.9]), 7.0).tolist()
    [False, True]
    """
    met: Bools = figures < threshold - SLACK
    return met

"""What one node proves about others.

When every class that contains a passing class passes (see `midi_risk.recode.criteria`), the
records hidden at a node include those hidden at each of its successors. A failing node then
settles all nodes below it, a passing one all nodes above it, and the loss of an attribute is
at least its loss at any successor that has the same level of this attribute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.criteria import CustomCriterion
from midi_risk.recode.evaluation import Judge

States = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
UNKNOWN, PASSES, FAILS = 0, 1, 2


def settle(state: States, steps: Sequence[int], *, passes: bool) -> None:
    """Record that a node passes, with all above it, or fails, with all below it."""
    if passes:
        part = state[tuple(slice(step, None) for step in steps)]
        part[part == UNKNOWN] = PASSES
    else:
        state[tuple(slice(0, step + 1) for step in steps)] = FAILS


class Climber:
    """Decides unknown nodes by binary search on paths to the top.

    Parameters
    ----------
    judge : Judge
    state : ndarray of int8, shape (steps of each axis)
        What is known of each node; updated.
    limit : int
    rules : sequence of CustomCriterion
        Criteria for which pruning holds.
    """

    def __init__(
        self, judge: Judge, state: States, limit: int, rules: Sequence[CustomCriterion]
    ) -> None:
        self._judge = judge
        self._state = state
        self._limit = limit
        self._rules = rules
        self._soft = judge.soft_rules(limit)

    def climb(self, steps: tuple[int, ...]) -> bool:
        """Return whether a node passes; on the way settles others above and below."""
        path = self._path(steps)
        low, high = 0, len(path) - 1
        while low <= high:
            middle = (low + high) // 2
            if self._passes(path[middle]):
                high = middle - 1
            else:
                low = middle + 1
        return bool(self._state[steps] == PASSES)

    def _path(self, steps: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return a node and unknown nodes above it, each one step over the one before."""
        path, now = [steps], steps
        growing = True
        while growing:
            growing = False
            for axis, size in enumerate(self._state.shape):
                above = (*now[:axis], now[axis] + 1, *now[axis + 1 :])
                if above[axis] < size and self._state[above] == UNKNOWN:
                    path.append(above)
                    now, growing = above, True
        return path

    def _passes(self, steps: tuple[int, ...]) -> bool:
        if self._state[steps] == UNKNOWN:
            view = self._judge.view(steps, self._rules)
            least = self._judge.least_hidden(view, self._soft)
            settle(self._state, steps, passes=least <= self._limit)
        return bool(self._state[steps] == PASSES)

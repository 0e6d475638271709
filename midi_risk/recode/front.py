"""The Pareto front of risk, loss and suppression."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pareto(objectives: Floats) -> list[int]:
    """Return the rows that no other row beats, best first objective first.

    Parameters
    ----------
    objectives : ndarray, shape (rows, objectives)
        Smaller is better in every column. Of equal rows the first is kept.

    Returns
    -------
    list of int
        Sorted by the objectives, left to right.

    Examples
    --------
    >>> pareto(np.array([[0.2, 0.5], [0.1, 0.9], [0.2, 0.6]]))
    [1, 0]
    """
    if not len(objectives):
        return []
    columns = [objectives[:, column] for column in reversed(range(objectives.shape[1]))]
    order = np.lexsort((np.arange(len(objectives)), *columns))
    kept: list[int] = []
    front = np.empty((0, objectives.shape[1]))
    for row in order.tolist():
        point = objectives[row]
        if len(front) and bool((front <= point).all(axis=1).any()):
            continue
        kept.append(row)
        front = np.vstack((front, point))
    return kept


def smallest_shown(sizes: npt.NDArray[np.int64], hidden: npt.NDArray[np.bool_]) -> int:
    """Return the smallest class that is not hidden; 0 when every class is."""
    if not hidden.any():
        return int(sizes.min())
    shown = sizes[~hidden]
    return int(shown.min()) if len(shown) else 0

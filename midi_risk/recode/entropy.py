"""Non-uniform entropy of one attribute at each level, between 0 and 1."""

from __future__ import annotations

import numpy as np
import pandas as pd


def level_losses(values: np.ndarray, hierarchy: pd.DataFrame) -> np.ndarray:
    """Return the share of information that each level of a hierarchy loses.

    Parameters
    ----------
    values : numpy.ndarray of object, shape (n,)
        Raw values; None is a value of its own that only the last level hides.
    hierarchy : pandas.DataFrame, shape (n_values, n_levels)
        One row per value, column 0 raw, the last most general.

    Returns
    -------
    numpy.ndarray of float64, shape (n_levels,)
        0 for the raw values, 1 where every subject has the same value.

    Notes
    -----
    The loss of a level is the sum over subjects of -log2(n(value) / n(generalised
    value)), divided by its largest possible value, at which nothing is told apart.

    References
    ----------
    De Waal & Willenborg 1999; Prasser et al. 2016, doi:10.1016/j.ijmedinf.2016.03.005.

    Examples
    --------
    >>> table = pd.DataFrame({0: ["a", "b"], 1: ["*", "*"]})
    >>> level_losses(np.array(["a", "b"], dtype=object), table).tolist()
    [0.0, 1.0]
    """
    rows = {value: i for i, value in enumerate(hierarchy.iloc[:, 0])}
    missing = len(rows)
    raw = np.array([missing if v is None else rows[v] for v in values], dtype=np.int64)
    n = len(raw)
    count = np.bincount(raw, minlength=missing + 1)
    present = count > 0
    largest = float((count[present] * np.log2(n / count[present])).sum()) if n else 0.0
    losses = np.zeros(hierarchy.shape[1])
    if largest <= 0:
        return losses
    last = hierarchy.shape[1] - 1
    for level in range(1, last + 1):
        groups, names = pd.factorize(hierarchy.iloc[:, level].to_numpy(dtype=object))
        top = int(groups[0]) if level == last and len(groups) else len(names)
        group = np.append(groups, top)
        total = np.bincount(group, weights=count, minlength=top + 1)
        each = count[present] * np.log2(total[group[present]] / count[present])
        losses[level] = each.sum() / largest
    return losses

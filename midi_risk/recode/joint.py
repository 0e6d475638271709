"""Joint codes of several columns."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
ROOM = 2**62


def dense(codes: Ints) -> Ints:
    """Return codes renumbered 0, 1, ... in the same order."""
    return np.unique(codes, return_inverse=True)[1].ravel().astype(np.int64)


def joint_codes(records: int, columns: Iterable[tuple[Ints, int]]) -> Ints:
    """Return one code per combination, in the order of the columns.

    Parameters
    ----------
    records : int
        Length of the columns.
    columns : iterable of (ndarray of int64, int)
        Codes and how many there can be.

    Examples
    --------
    >>> joint_codes(3, [(np.array([0, 1, 1]), 2), (np.array([2, 0, 1]), 3)]).tolist()
    [2, 3, 4]
    """
    key = np.zeros(records, dtype=np.int64)
    room = 1
    for codes, width in columns:
        if room * width >= ROOM:
            key = dense(key)
            room = records
        key = key * width + codes
        room *= width
    return key

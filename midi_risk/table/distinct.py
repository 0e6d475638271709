"""Distinct integers and pairs of them: by counting where codes are dense, by sorting elsewhere.

Codes of a column are dense, so that a table of all possible ones costs less than a sort.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]

_DENSE = 4
_FEW = 4_096


def distinct_codes(codes: Codes, width: int) -> Codes:
    """Return the distinct codes in ascending order.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n,)
        At least 0 and below ``width``.
    width : int

    Returns
    -------
    numpy.ndarray of int64

    Examples
    --------
    >>> distinct_codes(np.array([3, 1, 3]), 4).tolist()
    [1, 3]
    """
    if _is_dense(width, len(codes)):
        return np.flatnonzero(np.bincount(codes, minlength=width))
    return np.unique(codes)


def numbered(codes: Codes, width: int) -> tuple[Codes, Codes]:
    """Return the distinct codes in ascending order, and the number of each row's code.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n,)
        At least 0 and below ``width``.
    width : int

    Returns
    -------
    distinct : numpy.ndarray of int64
    number : numpy.ndarray of int64, shape (n,)

    Examples
    --------
    >>> [part.tolist() for part in numbered(np.array([30, 10, 30]), 40)]
    [[10, 30], [1, 0, 1]]
    """
    if _is_dense(width, len(codes)):
        there = np.bincount(codes, minlength=width) > 0
        return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]
    found, number = np.unique(codes, return_inverse=True)
    return found, number.reshape(-1).astype(np.int64)


def distinct_rows(first: Codes, second: Codes) -> tuple[Codes, Codes, Codes]:
    """Return the distinct pairs of two columns in ascending order, and the number of each row's.

    Parameters
    ----------
    first, second : numpy.ndarray of int64, shape (n,)

    Returns
    -------
    first, second : numpy.ndarray of int64, shape (n_pairs,)
    number : numpy.ndarray of int64, shape (n,)

    Examples
    --------
    >>> rows = distinct_rows(np.array([1, 0, 1]), np.array([-5, 7, -5]))
    >>> [part.tolist() for part in rows]
    [[0, 1], [7, -5], [1, 0, 1]]
    """
    if not len(first):
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    low, start = int(second.min()), int(first.min())
    width = int(second.max()) - low + 1
    size = (int(first.max()) - start + 1) * width
    pairs, number = numbered((first - start) * width + (second - low), size)
    one, other = np.divmod(pairs, width)
    return one + start, other + low, number


def _is_dense(width: int, rows: int) -> bool:
    return width <= _DENSE * rows + _FEW

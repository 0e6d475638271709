"""Codes of text columns, kept while the column lives.

Hashing text is most of the cost of a measure, and several measures are asked of one table.
Arrow arrays never change, so the codes of one are right for as long as it exists; a frame
that is written to gets a new array. Nothing is kept once the array is gone.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Codes = tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]

_KEPT: dict[int, tuple[weakref.ref[Any], Codes]] = {}


def text_codes(values: Any) -> Codes | None:
    """Return codes (missing -1) and labels of an Arrow-backed text column, None for others.

    Parameters
    ----------
    values : pandas.Series, pandas.Index or extension array

    Returns
    -------
    (codes, labels) or None

    Examples
    --------
    >>> text_codes(np.array([1, 2])) is None
    True
    """
    array = getattr(values, "array", values)
    if not isinstance(getattr(array, "dtype", None), pd.StringDtype):
        return None
    if getattr(array.dtype, "storage", "") != "pyarrow":
        return None
    backing = array.__arrow_array__()
    place = id(backing)
    kept = _KEPT.get(place)
    if kept is not None and kept[0]() is backing:
        return kept[1]
    codes, labels = pd.factorize(values)
    found = (np.asarray(codes, dtype=np.int64), np.asarray(labels, dtype=object))
    for part in found:
        part.setflags(write=False)
    _KEPT[place] = (weakref.ref(backing, lambda _: _KEPT.pop(place, None)), found)
    return found

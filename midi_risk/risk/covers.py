"""How many raw values stand behind a recoded one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from midi_risk.errors import HierarchyError
from midi_risk.risk.columns import CodedColumn, FloatArray


class Cover(NamedTuple):
    """Raw values behind each cell of one attribute.

    `leaves` (n,) counts the raw values that the cell could be, `domain` all raw values;
    `raw_records` (n,) counts the records with the cell's raw value, `cover_records` (n,) those
    with any of the values it could be.
    """

    leaves: FloatArray
    domain: int
    raw_records: FloatArray
    cover_records: FloatArray
    n: int


def observed_cover(before: CodedColumn, after: CodedColumn) -> Cover:
    """Take the raw values seen under a recoded value as those it could be.

    Parameters
    ----------
    before, after : CodedColumn
        The same records; missing before is a value of its own, missing only after is
        suppressed and could be anything.

    Returns
    -------
    Cover
    """
    n = len(before.codes)
    raw = pd.factorize(before.codes.astype(np.int64))[0]
    new = pd.factorize(after.codes.astype(np.int64))[0]
    raw_size = np.bincount(raw)
    domain = len(raw_size)
    pairs = pd.unique(new * domain + raw)
    value, leaf = np.divmod(pairs, domain)
    leaves = np.bincount(value).astype(np.float64)
    records = np.bincount(value, raw_size[leaf]).astype(np.float64)
    leaves, records = leaves[new], records[new]
    gone = after.missing & ~before.missing
    leaves[gone], records[gone] = domain, n
    both = after.missing & before.missing
    leaves[both], records[both] = 1, np.count_nonzero(before.missing)
    return Cover(leaves, domain, raw_size[raw].astype(np.float64), records, n)


def stated_cover(before: CodedColumn, after: CodedColumn, hierarchy: Any) -> Cover:
    """Take the leaves and the domain from a generalisation hierarchy.

    Parameters
    ----------
    before, after : CodedColumn
        The same records.
    hierarchy : pandas.DataFrame or array_like of shape (values, levels)
        One row per value, column 0 raw, rightmost most general.

    Returns
    -------
    Cover

    Raises
    ------
    HierarchyError
        If a recoded value is in no level.
    """
    seen = observed_cover(before, after)
    frame = pd.DataFrame(hierarchy)
    leaves_of: dict[Any, int] = {}
    for column in reversed(range(frame.shape[1])):
        leaves_of.update(frame.iloc[:, column].value_counts().to_dict())
    absent = sum(label not in leaves_of for label in after.labels[_used(after)])
    if absent:
        raise HierarchyError(
            f"{absent} recoded values of {after.name!r} are in no level of its hierarchy"
        )
    table = np.array([leaves_of.get(label, 0) for label in after.labels] + [0], dtype=np.float64)
    leaves = table[after.codes.astype(np.int64)]
    leaves[after.missing] = np.where(before.missing[after.missing], 1, len(frame))
    return seen._replace(leaves=leaves, domain=len(frame))


def _used(column: CodedColumn) -> Any:
    codes = column.codes[column.codes >= 0].astype(np.int64)
    return np.flatnonzero(np.bincount(codes, minlength=column.cardinality))

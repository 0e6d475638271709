"""How much the classes tell about sensitive values: t-closeness, beta-likeness, delta-disclosure.

t-closeness is the distance of the values of a class from those of the table: Li, Li,
Venkatasubramanian 2007, doi:10.1109/ICDE.2007.367856. It is the earth mover's distance under an
equal, ordered or hierarchical ground distance, all in [0, 1]. beta-likeness and delta-disclosure
say how much belief in one value can change: Cao & Karras 2012, doi:10.14778/2350229.2350255;
Brickell & Shmatikov 2008, doi:10.1145/1401890.1401904. Logarithms are natural: 1 bit is 0.6931.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import HierarchyError, MeasureError
from midi_risk.risk.classes.columns import FloatArray, IntArray
from midi_risk.risk.measures.diversity import Multi, SensitiveCounts, regroup, worst

Distance = Literal["equal", "ordered", "hierarchical"]


def equal_distance(counts: SensitiveCounts) -> FloatArray:
    """Compute half the sum of |q - p| of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    q, p = counts.cell_share, counts.cell_global_share
    # Values absent from a class add p each; the sum over all p is 1.
    distance: FloatArray = (1 + counts.sum_by_class(np.abs(q - p) - p)) / 2
    distance = np.clip(distance, 0, 1)
    distance[~counts.assessed] = np.nan
    return distance


def ordered_distance(counts: SensitiveCounts, *, order: Sequence[Any] | None = None) -> FloatArray:
    """Compute the earth mover's distance over ranks of each class.

    Parameters
    ----------
    counts : SensitiveCounts
    order : sequence, optional
        All values from lowest to highest. Without it the values must be numbers or dates, and
        their ranks are used; distances between values play no part.

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.

    Raises
    ------
    MeasureError
        If an order is needed, or a value is not in it.
    """
    position, m = _positions(counts, order)
    if m == 1:
        return np.where(counts.assessed, 0.0, np.nan)
    p = np.bincount(position, counts.global_share, minlength=m)
    cumulative = np.cumsum(p)
    area = np.concatenate([[0.0], np.cumsum(cumulative)])
    key = counts.cell_class * m + position[counts.cell_value]
    order_of_cells = np.argsort(key, kind="stable")
    place = position[counts.cell_value][order_of_cells]
    held = counts.cell_count[order_of_cells]
    total = np.cumsum(held)
    lengths = np.diff(counts.starts, append=len(place))
    # Between two cells of a class the share so far is constant, that of the table rises.
    total = total - np.repeat(total[counts.starts] - held[counts.starts], lengths)
    level = total / counts.class_totals[counts.cell_class]
    following = np.append(place[1:], m - 1)
    last = np.append(counts.starts[1:], len(place)) - 1
    following[last] = m - 1
    crossing = np.clip(np.searchsorted(cumulative, level), place, following)
    gap = level * (2 * crossing - place - following)
    gap += area[place] + area[following] - 2 * area[crossing]
    start = counts.sum_by_class(gap)
    owner = counts.cell_class[counts.starts]
    start[owner] += area[place[counts.starts]]
    distance: FloatArray = np.clip(start / (m - 1), 0, 1)
    distance[~counts.assessed] = np.nan
    return distance


def hierarchical_distance(counts: SensitiveCounts, hierarchy: Any) -> FloatArray:
    """Compute the earth mover's distance over a generalisation hierarchy of each class.

    Parameters
    ----------
    counts : SensitiveCounts
    hierarchy : pandas.DataFrame or array_like of shape (values, levels)
        One row per value: column 0 raw, rightmost the root.

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.

    Raises
    ------
    HierarchyError
        If a value is not in the hierarchy, or the levels do not nest in one root.
    """
    levels = _levels(counts, hierarchy)
    height = len(levels) - 1
    if height == 0:
        return np.where(counts.assessed, 0.0, np.nan)
    owner, node, q = counts.cell_class, counts.cell_value, counts.cell_share
    p = counts.global_share
    distance = np.zeros(counts.n_classes)
    for level in range(1, height + 1):
        parent_of_node = levels[level]
        width = int(parent_of_node.max()) + 1
        surplus = np.maximum(q - p[node], 0)
        parent = parent_of_node[node]
        first, group_of_cell, above = regroup(owner * width + parent, q)
        positive = np.bincount(group_of_cell, surplus, minlength=len(first))
        p = np.bincount(parent_of_node, p, minlength=width).astype(np.float64, copy=False)
        owner, node, q = owner[first], parent[first], above
        moved = np.minimum(positive, positive - (q - p[node]))
        distance += level / height * np.bincount(owner, moved, minlength=counts.n_classes)
    distance = np.clip(distance, 0, 1)
    distance[~counts.assessed] = np.nan
    return distance


def t_closeness(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    distance: Distance = "equal",
    order: Sequence[Any] | None = None,
    hierarchy: Any = None,
    multi: Multi = "worst",
) -> float:
    """Compute t, the largest distance of a class from the table.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names.
    distance : {"equal", "ordered", "hierarchical"}
        Ground distance between sensitive values.
    order : sequence, optional
        For ``ordered``: all values from lowest to highest; numbers need none.
    hierarchy : pandas.DataFrame, optional
        For ``hierarchical``: one row per value, column 0 raw, rightmost the root.
    multi : {"worst", "extend"}
        Reading of several sensitive attributes, see `each_sensitive`.

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "grade": [1, 2, 3, 4]}
    >>> t_closeness(table, "sex", "grade"), t_closeness(table, "sex", "grade", distance="ordered")
    (0.5, 0.3333333333333333)
    """
    if distance == "equal":
        return worst(data, quasi_identifiers, sensitive, equal_distance, multi=multi)
    if distance == "ordered":
        return worst(
            data,
            quasi_identifiers,
            sensitive,
            lambda counts: ordered_distance(counts, order=order),
            multi=multi,
        )
    if distance != "hierarchical":
        raise MeasureError("The distance is 'equal', 'ordered' or 'hierarchical'")
    if hierarchy is None:
        raise MeasureError("The hierarchical distance needs a hierarchy")
    return worst(
        data,
        quasi_identifiers,
        sensitive,
        lambda counts: hierarchical_distance(counts, hierarchy),
        multi=multi,
    )


def _positions(counts: SensitiveCounts, order: Sequence[Any] | None) -> tuple[IntArray, int]:
    """Return the place of each value in the order, and the length of the order."""
    labels = counts.labels
    if order is None:
        if any(isinstance(label, str | bytes) for label in labels):
            raise MeasureError(
                f"The values of {counts.attribute!r} are text, which has no order",
                hint="Give the order of the values from lowest to highest",
            )
        try:
            ranks = np.argsort(np.argsort(np.asarray(labels.tolist()), kind="stable"))
        except TypeError:
            raise MeasureError(f"The values of {counts.attribute!r} cannot be ordered") from None
        return ranks.astype(np.int64), len(labels)
    place = {value: i for i, value in enumerate(order)}
    if len(place) != len(order):
        raise MeasureError(f"The order of {counts.attribute!r} names a value twice")
    absent = sum(label not in place for label in labels)
    if absent:
        raise MeasureError(
            f"{absent} of {len(labels)} values of {counts.attribute!r} are not in its order"
        )
    return np.array([place[label] for label in labels], dtype=np.int64), len(order)


def _levels(counts: SensitiveCounts, hierarchy: Any) -> list[npt.NDArray[np.int64]]:
    """Return, per level, the node above each node of the level below; level 0 are the values."""
    frame = pd.DataFrame(hierarchy)
    rows = {value: i for i, value in enumerate(frame.iloc[:, 0].tolist())}
    absent = sum(label not in rows for label in counts.labels)
    if absent:
        raise HierarchyError(
            f"{absent} of {counts.n_values} values of {counts.attribute!r} are not in its hierarchy"
        )
    chosen = frame.iloc[[rows[label] for label in counts.labels]]
    below = np.arange(counts.n_values)
    levels = [below]
    for column in range(1, frame.shape[1]):
        codes = pd.factorize(chosen.iloc[:, column])[0].astype(np.int64)
        parent = np.full(int(below.max(initial=-1)) + 1, -1, dtype=np.int64)
        parent[below] = codes
        if np.any(parent[below] != codes):
            raise HierarchyError(f"The hierarchy of {counts.attribute!r} does not nest")
        levels.append(parent)
        below = codes
    if int(below.max(initial=0)) > 0 and counts.n_values > 1:
        raise HierarchyError(f"The hierarchy of {counts.attribute!r} does not end in one root")
    return levels


LikenessKind = Literal["basic", "enhanced"]
Absent = Literal["skip", "infinite"]


def basic_likeness(counts: SensitiveCounts) -> FloatArray:
    """Compute the largest relative gain (q - p) / p of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        0 when no share rises; NaN for a class without any known value.
    """
    return counts.max_by_class(np.maximum(_gain(counts), 0))


def enhanced_likeness(counts: SensitiveCounts) -> FloatArray:
    """Compute the least beta with (q - p) / p <= min(beta, -ln p) for every rising share.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        Infinite when a gain exceeds -ln p: then no beta will do. NaN without any known value.
    """
    gain = _gain(counts)
    cap = -np.log(counts.cell_global_share)
    allowed = gain <= cap * (1 + 1e-12)
    return counts.max_by_class(np.where(allowed | (gain <= 0), np.maximum(gain, 0), np.inf))


def log_ratio(counts: SensitiveCounts, *, absent: Absent = "skip") -> FloatArray:
    """Compute the largest |ln(q / p)| of each class.

    Parameters
    ----------
    counts : SensitiveCounts
    absent : {"skip", "infinite"}
        A value that the class does not have is left out, as pycanon and ARX do, or makes the
        class infinite, as the definition does.

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    ratio = counts.max_by_class(np.abs(np.log(counts.cell_share / counts.cell_global_share)))
    if absent == "infinite":
        present = np.bincount(counts.cell_class, minlength=counts.n_classes)
        ratio[(present < counts.n_values) & counts.assessed] = np.inf
    elif absent != "skip":
        raise MeasureError("Absent values are either 'skip' or 'infinite'")
    return ratio


def _gain(counts: SensitiveCounts) -> FloatArray:
    p = counts.cell_global_share
    gain: FloatArray = (counts.cell_share - p) / p
    return gain


def beta_likeness(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    kind: LikenessKind = "basic",
    multi: Multi = "worst",
) -> float:
    """Compute the least beta for which a table is beta-like.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names.
    kind : {"basic", "enhanced"}
        Enhanced also bounds each gain by -ln p, and is infinite when that fails.
    multi : {"worst", "extend"}
        Reading of several sensitive attributes, see `each_sensitive`.

    Returns
    -------
    float

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "dx": ["GBM", "AST", "GBM", "OLI"]}
    >>> beta_likeness(table, "sex", "dx")
    1.0
    """
    if kind not in ("basic", "enhanced"):
        raise MeasureError("The kind of beta-likeness is 'basic' or 'enhanced'")
    measure = basic_likeness if kind == "basic" else enhanced_likeness
    return worst(data, quasi_identifiers, sensitive, measure, multi=multi)


def delta_disclosure(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    absent: Absent = "skip",
    multi: Multi = "worst",
) -> float:
    """Compute the delta that a table must stay below for delta-disclosure privacy.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names.
    absent : {"skip", "infinite"}
        What a value that a class does not have means, see `log_ratio`.
    multi : {"worst", "extend"}
        Reading of several sensitive attributes, see `each_sensitive`.

    Returns
    -------
    float
        In natural logarithm; divide by ln 2 to compare with ARX.

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "dx": ["GBM", "AST", "GBM", "OLI"]}
    >>> round(delta_disclosure(table, "sex", "dx"), 4)
    0.6931
    """
    return worst(
        data,
        quasi_identifiers,
        sensitive,
        lambda counts: log_ratio(counts, absent=absent),
        multi=multi,
    )

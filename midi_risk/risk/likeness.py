"""beta-likeness and delta-disclosure: how much belief in one value can change.

Cao & Karras 2012, doi:10.14778/2350229.2350255; Brickell & Shmatikov 2008,
doi:10.1145/1401890.1401904. Logarithms are natural: 1 bit is 0.6931.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray
from midi_risk.risk.sensitive import Multi, SensitiveCounts, worst

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

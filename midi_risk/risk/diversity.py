"""l-diversity and (alpha,k)-anonymity: how varied the sensitive values of a class are.

Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam 2007, doi:10.1145/1217299.1217302; Wong, Li,
Fu, Wang 2006, doi:10.1145/1150402.1150499.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from midi_risk.errors import MeasureError
from midi_risk.risk.anonymity import k_anonymity
from midi_risk.risk.columns import FloatArray, IntArray
from midi_risk.risk.sensitive import Multi, SensitiveCounts, worst

DiversityKind = Literal["distinct", "entropy", "recursive"]


class AlphaK(NamedTuple):
    """Largest share of one sensitive value in a class, and smallest class size."""

    alpha: float
    k: int | float | None


def distinct_values(counts: SensitiveCounts) -> IntArray:
    """Count the distinct sensitive values of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        0 for a class without any known value.
    """
    return np.bincount(counts.cell_class, minlength=counts.n_classes)


def effective_values(counts: SensitiveCounts) -> FloatArray:
    """Compute exp(H), the effective number of values of each class (entropy l).

    A class is entropy l-diverse when this is at least l. Entropy is the plug-in estimate, in
    natural logarithms, and biased low in small classes.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    q = counts.cell_share
    effective: FloatArray = np.exp(-counts.sum_by_class(q * np.log(q)))
    effective[~counts.assessed] = np.nan
    return effective


def modal_share(counts: SensitiveCounts) -> FloatArray:
    """Compute the share of the most frequent value of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    return counts.max_by_class(counts.cell_share)


def least_recursive_c(counts: SensitiveCounts, l: int) -> FloatArray:  # noqa: E741
    """Compute the bound that c must exceed for recursive (c,l)-diversity of each class.

    The class is diverse when ``r_1 < c * (r_l + ... + r_m)``, strictly, counts descending.

    Parameters
    ----------
    counts : SensitiveCounts
    l : int
        At least 1.

    Returns
    -------
    numpy.ndarray of shape (u,)
        Infinite for a class with fewer than l values, NaN without any known value.
    """
    if l < 1:
        raise MeasureError("l must be at least 1")
    ordered, rank = _descending(counts)
    tail = counts.sum_by_class(np.where(rank >= l - 1, ordered, 0))
    top = counts.sum_by_class(np.where(rank == 0, ordered, 0))
    bound = np.full(counts.n_classes, np.nan)
    with np.errstate(divide="ignore"):
        np.divide(top, tail, out=bound, where=counts.assessed)
    return bound


def largest_recursive_l(counts: SensitiveCounts, c: float) -> IntArray:
    """Compute the largest l for which each class is recursive (c,l)-diverse.

    Parameters
    ----------
    counts : SensitiveCounts
    c : float
        Above 0.

    Returns
    -------
    numpy.ndarray of shape (u,)
        1 when no larger l holds; 0 for a class without any known value.
    """
    if not c > 0:
        raise MeasureError("c must be above 0")
    ordered, rank = _descending(counts)
    before = np.cumsum(ordered) - ordered
    first = np.zeros(counts.n_classes, dtype=np.int64)
    owner = counts.cell_class[counts.starts]
    first[owner] = before[counts.starts]
    top = np.zeros(counts.n_classes, dtype=np.int64)
    top[owner] = ordered[counts.starts]
    tail = counts.class_totals[counts.cell_class] - (before - first[counts.cell_class])
    holds = top[counts.cell_class] < c * tail
    largest = counts.max_by_class(np.where(holds, rank + 1, 1), empty=0)
    return largest.astype(np.int64)


def _descending(counts: SensitiveCounts) -> tuple[IntArray, IntArray]:
    """Return the counts of each class in falling order, and their rank from 0."""
    largest = int(counts.cell_count.max())
    key = counts.cell_class * (largest + 1) + (largest - counts.cell_count)
    key.sort()
    ordered = largest - key % (largest + 1)
    lengths = np.diff(counts.starts, append=len(key))
    rank = np.arange(len(key)) - np.repeat(counts.starts, lengths)
    return ordered, rank


def l_diversity(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    kind: DiversityKind = "distinct",
    c: float | None = None,
    multi: Multi = "worst",
) -> int | float:
    """Compute the l-diversity of a table: the least diverse class.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names.
    kind : {"distinct", "entropy", "recursive"}
        ``distinct`` counts values; ``entropy`` is exp(H), not truncated; ``recursive`` is the
        largest l with ``r_1 < c (r_l + ... + r_m)`` in every class.
    c : float, optional
        For ``recursive``.
    multi : {"worst", "extend"}
        Reading of several sensitive attributes, see `each_sensitive`.

    Returns
    -------
    int or float
        Float for ``entropy``.

    Raises
    ------
    MeasureError
        If there are no records, no sensitive value is known, or `c` is needed.

    Examples
    --------
    >>> table = {"sex": list("MMMFF"), "dx": ["GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> l_diversity(table, "sex", "dx")
    2
    >>> round(l_diversity(table, "sex", "dx", kind="entropy"), 4)
    1.8899
    """
    if kind == "distinct":
        return int(
            worst(data, quasi_identifiers, sensitive, distinct_values, multi=multi, smallest=True)
        )
    if kind == "entropy":
        return worst(
            data, quasi_identifiers, sensitive, effective_values, multi=multi, smallest=True
        )
    if kind != "recursive":
        raise MeasureError("The kind of l-diversity is 'distinct', 'entropy' or 'recursive'")
    if c is None:
        raise MeasureError("Recursive l-diversity needs c")
    return int(
        worst(
            data,
            quasi_identifiers,
            sensitive,
            lambda counts: largest_recursive_l(counts, c),
            multi=multi,
            smallest=True,
        )
    )


def recursive_c(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    l: int,  # noqa: E741
    multi: Multi = "worst",
) -> float:
    """Compute the bound that c must exceed for the table to be recursive (c,l)-diverse.

    Parameters
    ----------
    data, quasi_identifiers, sensitive, multi
        As in `l_diversity`.
    l : int
        At least 1.

    Returns
    -------
    float
        Infinite when a class has fewer than l values.

    Examples
    --------
    >>> table = {"sex": list("MMMFF"), "dx": ["GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> recursive_c(table, "sex", "dx", l=2)
    2.0
    """
    return worst(
        data, quasi_identifiers, sensitive, lambda counts: least_recursive_c(counts, l), multi=multi
    )


def alpha_k_anonymity(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    multi: Multi = "worst",
) -> AlphaK:
    """Compute the least alpha and largest k of (alpha,k)-anonymity.

    Parameters
    ----------
    data, quasi_identifiers, sensitive, multi
        As in `l_diversity`.

    Returns
    -------
    AlphaK
        k always counts the quasi-identifiers alone.

    Examples
    --------
    >>> table = {"sex": list("MMMMFF"), "dx": ["GBM", "GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> alpha_k_anonymity(table, "sex", "dx")
    AlphaK(alpha=0.75, k=2)
    """
    alpha = worst(data, quasi_identifiers, sensitive, modal_share, multi=multi)
    return AlphaK(alpha, k_anonymity(data, quasi_identifiers))

"""Gain of an attacker over the base rate: what a class tells that the collection does not."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from midi_risk.risk.classes.columns import FloatArray, IntArray
from midi_risk.risk.measures.diversity import SensitiveCounts


def inference_gain(
    counts: SensitiveCounts,
    sizes: FloatArray | IntArray,
    *,
    certain: float,
    labels: Collection[object] | None = None,
) -> FloatArray:
    """Return the largest gain of each class among the values that can be inferred from it.

    The probability that a member of a class of n records has the value v is c / n when every
    record has a known value and c of them have v. Where m values are missing, and no more than
    half of the class, those are taken as the known ones predict, drawn towards the base rate p by
    the weight of one record: (c + m (c + p) / (n - m + 1)) / n. Where most are missing they are
    missing for a reason (the cause of death of the living), and are taken at the base rate:
    (c + m p) / n. The gain is this probability less p. Under the wildcard policy the records of
    other patterns that may belong to the class count as missing.

    Parameters
    ----------
    counts : SensitiveCounts
    sizes : numpy.ndarray, shape (u,)
        Records of each class, those without a value included.
    certain : float
        Probability from which a value counts as inferred.
    labels : collection, optional
        The values that matter; all of them when absent.

    Returns
    -------
    numpy.ndarray of float, shape (u,)
        0 where no value can be inferred or inferring it gains nothing.

    References
    ----------
    Evfimievski, Gehrke, Srikant 2003, doi:10.1145/773153.773174 (from rho-1 to rho-2); the
    base rate as in Li et al. 2007, doi:10.1109/ICDE.2007.367856.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> from midi_risk.risk.measures.diversity import sensitive_counts
    >>> classes = equivalence_classes({"sex": list("MMFFFF")}, "sex")
    >>> counts = sensitive_counts(classes, ["HIV", "HIV", "-", "-", "-", "-"])
    >>> inference_gain(counts, classes.counts, certain=0.9).round(2).tolist()
    [0.67, 0.33]
    """
    of_class = counts.cell_class
    size, known = sizes[of_class], counts.class_totals[of_class]
    base = counts.cell_global_share
    likely = (counts.cell_count + base) / (known + 1)
    guessed = np.where(2 * known >= size, likely, base)
    posterior = (counts.cell_count + (size - known) * guessed) / size
    gain = np.where(posterior >= certain - 1e-9, posterior - base, 0.0)
    if labels is not None:
        wanted = np.array([label in labels for label in counts.labels.tolist()], dtype=bool)
        gain = np.where(wanted[counts.cell_value], gain, 0.0)
    return np.maximum(counts.max_by_class(gain, empty=0.0), 0.0)

"""Class sizes as a histogram, and the answer of an estimator that has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.errors import MeasureError


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEstimate:
    """An estimator has no answer for these class sizes.

    Unknown is never zero: whoever asked falls back to the bound (class size in the
    population = class size in the release, risk 1 for a sample unique).

    Parameters
    ----------
    method : str
        Name of the estimator.
    reason : str
        One sentence that says why.
    """

    method: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeHistogram:
    """How many classes have each size.

    Parameters
    ----------
    sizes : numpy.ndarray
        Distinct class sizes, ascending, int64, shape (s,).
    counts : numpy.ndarray
        Classes of that size, int64, shape (s,).
    """

    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        """Number of classes u."""
        return int(self.counts.sum())

    @property
    def n_subjects(self) -> int:
        """Number of subjects n."""
        return int((self.sizes * self.counts).sum())

    def classes_of(self, size: int) -> int:
        """Return the number of classes of one size (f1, f2...)."""
        return int(self.counts[self.sizes == size].sum())


def size_histogram(class_sizes: ArrayLike) -> SizeHistogram:
    """Return the histogram of class sizes.

    Parameters
    ----------
    class_sizes : array_like of int
        Size of every class (one entry per class, not per subject), at least 1.

    Returns
    -------
    SizeHistogram

    Raises
    ------
    MeasureError
        When there is no class, or a size is below 1 or not an integer.

    Examples
    --------
    >>> histogram = size_histogram([3, 2, 4, 1])
    >>> histogram.n_subjects, histogram.n_classes, histogram.classes_of(1)
    (10, 4, 1)
    """
    given = np.asarray(class_sizes)
    if given.size == 0:
        raise MeasureError("there is no equivalence class", hint="Check that subjects are left")
    values = given.astype(np.int64).ravel()
    if np.any(values != given.ravel()) or values.min() < 1:
        raise MeasureError("class sizes are integers of at least 1", hint="Drop empty classes")
    sizes, counts = np.unique(values, return_counts=True)
    return SizeHistogram(sizes=sizes, counts=counts.astype(np.int64))


def checked_population(population: float, n_subjects: int) -> float:
    """Return the population size, or say that it cannot be one.

    Parameters
    ----------
    population : float
        People who could be mistaken for the subjects, N.
    n_subjects : int
        Subjects in the release, n.

    Raises
    ------
    MeasureError
        When N is not a number or below n.

    Examples
    --------
    >>> checked_population(1000, 20)
    1000.0
    """
    size = float(population)
    if not np.isfinite(size) or size < n_subjects:
        raise MeasureError(
            f"the population ({size:g}) is smaller than the release ({n_subjects} subjects)",
            hint="Give the number of people who could be mistaken for the subjects",
        )
    return size

"""A simulated motivated intruder, to see whether the predicted risk holds when somebody tries.

A register of a population whose class sizes are known is made with the coverage and the errors
that were stated, and records of the release are looked up in it one by one. Nothing real is linked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.channels.rates import binomial_band
from midi_risk.risk.classes.classes import EquivalenceClasses


@dataclass(frozen=True, slots=True, kw_only=True)
class IntruderResult:
    """What the simulated intruder achieved.

    Parameters
    ----------
    attempts : int
        Records that were looked up.
    suspected : int
        Look-ups that the intruder would call a match: at least one candidate, and fewer
        than the required class size.
    suspected_correct, correct : int
        Right picks among the suspected, and among all attempts.
    candidates : float
        Mean number of candidates per attempt.
    predicted : float
        Mean of 1/F over the records that were looked up: the risk that is being checked.
    """

    attempts: int
    suspected: int
    suspected_correct: int
    correct: int
    candidates: float
    predicted: float

    @property
    def rate(self) -> float:
        """Share of attempts that were right."""
        return self.correct / self.attempts

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the Clopper-Pearson interval of the share of right picks.

        Parameters
        ----------
        level : float
            Such as 0.95.

        References
        ----------
        Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.
        """
        return binomial_band(self.correct, self.attempts, level=level)


def simulate_intruder(
    codes: npt.NDArray[np.int64],
    population_sizes: npt.NDArray[np.int64],
    *,
    attempts: int,
    rng: np.random.Generator,
    coverage: float = 1.0,
    error_rate: float = 0.0,
    k: int = 11,
) -> IntruderResult:
    """Look records of the release up in a simulated register.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        Quasi-identifiers of the release that the intruder knows.
    population_sizes : numpy.ndarray of int64, shape (u,)
        Class size F of each class of the release, at least f; classes are numbered as by
        `EquivalenceClasses.from_codes`.
    attempts : int
        Records to look up, drawn with replacement.
    rng : numpy.random.Generator
    coverage : float
        Probability that a person is in the register, in (0, 1].
    error_rate : float
        Probability that a field of the register is wrong, in [0, 1).
    k : int
        A look-up with fewer than k candidates is suspected to be a match.

    Returns
    -------
    IntruderResult

    Raises
    ------
    MeasureError
        When a share is out of range, a class size is below f, or there is no record.

    Notes
    -----
    An intruder with several candidates picks one at random. A wrong field takes the value
    of another person at random.

    References
    ----------
    Branson et al. 2020, Trials 21:200 (protocol of a motivated intruder test).

    Examples
    --------
    >>> codes = np.zeros((50, 1), dtype=np.int64)
    >>> found = simulate_intruder(
    ...     codes, np.array([100]), attempts=2000, rng=np.random.default_rng(1)
    ... )
    >>> found.predicted, found.interval()[0] < 0.01 < found.interval()[1]
    (0.01, True)
    """
    if not len(codes) or attempts < 1:
        raise MeasureError("an intruder needs a record to look up and one attempt at least")
    if not 0 < coverage <= 1 or not 0 <= error_rate < 1:
        raise MeasureError("coverage lies in (0, 1] and the error rate in [0, 1)")
    classes = EquivalenceClasses.from_codes(codes)
    sizes = np.asarray(population_sizes, dtype=np.int64)
    if sizes.shape != classes.sizes.shape or (sizes < classes.sizes).any():
        raise MeasureError("a population class is smaller than the class of the release")
    person_class = np.repeat(np.arange(classes.n_classes), sizes)
    people = codes[classes.first_records()][person_class]
    first_person = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    wrong = rng.random(people.shape) < error_rate
    donors = rng.integers(0, len(people), people.shape)
    register = np.where(wrong, people[donors, np.arange(people.shape[1])], people)
    listed = rng.random(len(people)) < coverage
    key = EquivalenceClasses.from_codes(np.vstack([people, register])).class_of_record
    true_key, listed_key = key[: len(people)], key[len(people) :]
    count = np.bincount(listed_key[listed], minlength=int(key.max()) + 1)
    chosen = rng.integers(0, len(codes), attempts)
    rank = _rank_in_class(classes.class_of_record)
    person = first_person[classes.class_of_record[chosen]] + rank[chosen]
    candidates = count[true_key[person]]
    present = listed[person] & (listed_key[person] == true_key[person])
    right = present & (rng.random(attempts) * np.maximum(candidates, 1) < 1)
    suspected = (candidates >= 1) & (candidates < k)
    return IntruderResult(
        attempts=attempts,
        suspected=int(suspected.sum()),
        suspected_correct=int((right & suspected).sum()),
        correct=int(right.sum()),
        candidates=float(candidates.mean()),
        predicted=float((1 / sizes[classes.class_of_record[chosen]]).mean()),
    )


def _rank_in_class(class_of_record: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the place of each record among those of its class, from 0."""
    order = np.argsort(class_of_record, kind="stable")
    starts = np.searchsorted(class_of_record[order], class_of_record[order], side="left")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts
    return rank

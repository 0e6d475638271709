"""k-anonymity and its relatives: k-map, (alpha,k), k^m, delta-presence.

delta-presence says how surely a member of the population is in the release: Nergiz, Atzori,
Clifton 2007, doi:10.1145/1247480.1247554.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.document.notebook import Card, figures_card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses, MissingPolicy, equivalence_classes
from midi_risk.risk.classes.columns import FloatArray
from midi_risk.risk.measures.identity import population_of


def k_anonymity(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    *,
    missing: MissingPolicy = "category",
    alpha: float = 1.0,
) -> int | float | None:
    """Compute k, the size of the smallest equivalence class.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers : hashable or sequence of hashable
        Column names.
    missing : {"category", "wildcard"}
        A missing value is a value of its own, or may be any value.
    alpha : float
        With wildcards, the share in which a missing value counts as a match.

    Returns
    -------
    int or None
        None for a table without records: k of nobody is not infinite. With wildcards and a
        broken `alpha`, k may be a fraction.

    References
    ----------
    Sweeney 2002, doi:10.1142/S0218488502001648.

    Examples
    --------
    >>> k_anonymity({"age": [61, 61, 70, 70, 70], "sex": list("MMFFF")}, ["age", "sex"])
    2
    """
    return equivalence_classes(data, quasi_identifiers, missing=missing, alpha=alpha).minimum


def k_map(
    classes: EquivalenceClasses, *, population_sizes: npt.ArrayLike | None = None
) -> float | None:
    """Compute k-map, the size of the smallest released class in the population.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release, with F or without.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or record.

    Returns
    -------
    float or None
        None for a table without records.

    Raises
    ------
    MeasureError
        If F is not known or below f.

    References
    ----------
    Sweeney, Computational disclosure control, PhD thesis MIT, 2001.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> classes = equivalence_classes({"age": [61, 61, 70]}, ["age"])
    >>> k_map(classes, population_sizes=[40, 12])
    12.0
    """
    if not classes.n:
        return None
    population = population_of(classes, population_sizes)
    if population is None:
        raise MeasureError("k-map needs the class sizes in the population, which nobody gave")
    return float(population.min())


def k_map_sample_size(
    k: int, *, sampling_fraction: float, significance: float = 0.05, model: str = "binomial"
) -> int:
    """Return the class size in the release that implies k in the population.

    The smallest f' for which a population class of k - 1 would show f' or more records with
    probability at most `significance`.

    Parameters
    ----------
    k : int
        Wanted class size in the population.
    sampling_fraction : float
        Share of the population in the release, in (0, 1].
    significance : float
        Accepted probability of error, in (0, 1).
    model : {"binomial", "poisson", "zero-truncated-poisson"}
        The binomial is exact under simple random sampling. The other two are those of ARX,
        with mean ``fraction * k``; its Poisson rule asks for one record more than its test.

    Returns
    -------
    int
        k itself bounds it above: a class of k records is k in the population for certain.

    Notes
    -----
    A test of one class says nothing about how many small classes there are: at small fractions
    it accepts nearly every one. Prefer F from a table, or the Pitman-Yor posterior.

    Examples
    --------
    >>> k_map_sample_size(11, sampling_fraction=0.05)
    3
    """
    from scipy import special  # noqa: PLC0415  # slow to import, rarely needed

    if k < 1 or not 0 < sampling_fraction <= 1 or not 0 < significance < 1:
        raise MeasureError("k-map needs k >= 1, a fraction in (0, 1] and a significance in (0, 1)")
    sizes = np.arange(1, k + 1)
    if model == "binomial":
        # P(Binomial(k - 1, fraction) >= f) is a regularised incomplete beta function.
        tail = np.append(special.betainc(sizes[:-1], k - sizes[:-1], sampling_fraction), 0.0)
    elif model == "poisson":
        tail = np.append(1.0, special.gammainc(sizes, sampling_fraction * k))
    elif model == "zero-truncated-poisson":
        mean = sampling_fraction * k
        tail = np.append(special.gammainc(sizes, mean) / -np.expm1(-mean), 0.0)
    else:
        raise MeasureError(
            "The k-map model must be 'binomial', 'poisson' or 'zero-truncated-poisson'"
        )
    fits = np.flatnonzero(tail <= significance)
    return min(k, int(fits[0]) + 1) if len(fits) else k


@dataclass(frozen=True, slots=True, kw_only=True)
class KmAnonymity(Card):
    """Support of the least supported combination of at most m known items.

    Parameters
    ----------
    m : int
        Items that the attacker knows.
    value : int or None
        Smallest support; None when no subject has any item.
    record_support : numpy.ndarray of shape (n,)
        Smallest support among the combinations of each subject; 0 for a subject without items.
    """

    m: int
    value: int | None
    record_support: npt.NDArray[np.int64]


def km_anonymity(
    itemsets: Sequence[Iterable[Hashable]], *, m: int, max_combinations: int = 20_000_000
) -> KmAnonymity:
    """Compute k^m-anonymity of set-valued data.

    The attacker knows any m items of a subject (visits, diagnoses, procedures); each such
    combination must occur in at least k subjects. Combinations of fewer items are implied,
    and are counted for subjects with fewer than m items.

    Parameters
    ----------
    itemsets : sequence of iterable of hashable
        One set of items per subject; an item repeated within a subject counts once.
    m : int
        Items that the attacker knows.
    max_combinations : int
        Refuse to enumerate more than this.

    Returns
    -------
    KmAnonymity

    Raises
    ------
    MeasureError
        If m is below 1 or there are too many combinations.

    References
    ----------
    Terrovitis, Mamoulis, Kalnis 2008, doi:10.14778/1453856.1453874.

    Examples
    --------
    >>> km_anonymity([[0, 3, 6], [0, 3, 9], [0, 6, 9], [0, 3, 6, 9]], m=2).value
    2
    """
    if m < 1:
        raise MeasureError("The attacker must know at least one item")
    number: dict[Hashable, int] = {}
    sets = [sorted({number.setdefault(item, len(number)) for item in items}) for items in itemsets]
    total = sum(comb(len(items), min(m, len(items))) for items in sets)
    if total > max_combinations:
        raise MeasureError(
            f"k^m with m = {m} would look at {total} combinations", hint="Take a smaller m"
        )
    support: dict[tuple[int, ...], int] = {}
    known = [list(combinations(items, min(m, len(items)))) if items else [] for items in sets]
    for subject in known:
        for combination in subject:
            support[combination] = support.get(combination, 0) + 1
    short = {len(items) for items in sets if 0 < len(items) < m}
    for size in short:
        _count_short(support, [items for items in sets if len(items) > size], size)
    smallest = np.array(
        [min((support[c] for c in subject), default=0) for subject in known], dtype=np.int64
    )
    present = smallest[smallest > 0]
    return KmAnonymity(
        m=m, value=int(present.min()) if len(present) else None, record_support=smallest
    )


def _count_short(support: dict[tuple[int, ...], int], sets: list[list[int]], size: int) -> None:
    """Add the subjects with more items to the support of the short combinations."""
    wanted = {combination for combination in support if len(combination) == size}
    for items in sets:
        for combination in combinations(items, size):
            if combination in wanted:
                support[combination] += 1


class Presence(NamedTuple):
    """Smallest and largest probability of being in the release, over population classes."""

    minimum: float
    maximum: float

    def _repr_html_(self) -> str:
        """Return the figures as a table."""
        return figures_card(self._asdict())


def presence_probabilities(
    classes: EquivalenceClasses, *, population_sizes: npt.ArrayLike | None = None
) -> FloatArray:
    """Compute f/F of each released class.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or record; `classes` may carry it.

    Returns
    -------
    numpy.ndarray of shape (u,)

    Raises
    ------
    MeasureError
        If F is not known or below f.
    """
    population = population_of(classes, population_sizes)
    if population is None:
        raise MeasureError(
            "delta-presence needs the class sizes in the population, which nobody gave"
        )
    probability: npt.NDArray[Any] = classes.sizes / population
    return probability.astype(np.float64)


def delta_presence(
    classes: EquivalenceClasses,
    *,
    population_sizes: npt.ArrayLike | None = None,
    population_total: float | None = None,
) -> Presence:
    """Compute the range of the probability that a member of the population is in the release.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or record; `classes` may carry it.
    population_total : float, optional
        Size of the whole population. When it exceeds the released classes, somebody is in a
        class of which nobody was released, and the minimum is 0. Without it the range is over
        the released classes only.

    Returns
    -------
    Presence

    Raises
    ------
    MeasureError
        If there are no records, or F is not known or below f.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> release = {"sex": ["F", "M", "M"], "people": [4, 8, 8]}
    >>> classes = equivalence_classes(release, "sex", population_sizes="people")
    >>> delta_presence(classes)
    Presence(minimum=0.25, maximum=0.25)
    """
    if not classes.n:
        raise MeasureError("delta-presence is not defined without records")
    probability = presence_probabilities(classes, population_sizes=population_sizes)
    population = population_of(classes, population_sizes)
    covered = 0.0 if population is None else float(population.sum())
    if population_total is not None and population_total < covered * (1 - 1e-12):
        raise MeasureError("The population is smaller than the classes counted in it")
    outside = population_total is not None and population_total > covered * (1 + 1e-12)
    minimum = 0.0 if outside else float(probability.min())
    return Presence(minimum, float(probability.max()))

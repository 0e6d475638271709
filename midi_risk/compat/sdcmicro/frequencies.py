"""`freqCalc` and `indivRisk`: frequencies of the keys and the risk of each record."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midi_risk.compat.sdcmicro.inputs import Compat, names_of, reproduces
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.classes.columns import FloatArray
from midi_risk.risk.measures.individual import expected_inverse

_FEWEST = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class FreqCalc:
    """Frequencies of the keys of each record.

    Parameters
    ----------
    keyVars : tuple
        Names of the key variables.
    w : str or None
        Name of the weight.
    alpha : float
        Share in which a missing value counts as a match.
    fk : numpy.ndarray of shape (n,)
        Records in the sample with the same keys.
    Fk : numpy.ndarray of shape (n,)
        Sum of their weights; without weights the same as `fk`.
    n1, n2 : int
        Records with fk of exactly 1 and exactly 2.
    """

    keyVars: tuple[Hashable, ...]
    w: Hashable | None
    alpha: float
    fk: FloatArray
    Fk: FloatArray
    n1: int
    n2: int
    classes: EquivalenceClasses = field(repr=False)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"<FreqCalc: {self.n1} obs. violate 2-anonymity, {self.n1 + self.n2} 3-anonymity>"


def freqCalc(
    x: Any,
    keyVars: Hashable | Sequence[Hashable],
    w: Hashable | npt.ArrayLike | None = None,
    alpha: float = 1.0,
    *,
    compat: Compat = None,
) -> FreqCalc:
    """Count each record's keys in the sample and estimate them in the population.

    Parameters
    ----------
    x : table
        pandas, polars, Arrow, a DuckDB relation or a mapping of arrays. Keys may be of any type
        and have any name.
    keyVars : hashable or sequence of hashable
        Key variables, by name.
    w : hashable or array_like of shape (n,), optional
        Sampling weight.
    alpha : float
        Share in which a missing key counts as a match, in [0, 1].
    compat : {None, "5.8"}
        Both give the same numbers here.

    Returns
    -------
    FreqCalc

    Raises
    ------
    MeasureError
        If a column is absent, a weight is not positive or alpha is out of range.

    References
    ----------
    Templ, Kowarik, Meindl, J Stat Softw 2015;67(4), doi:10.18637/jss.v067.i04.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", None, "F"], "w": [10, 20, 30]}
    >>> counts = freqCalc(table, keyVars=["age", "sex"], w="w")
    >>> counts.fk.tolist(), counts.Fk.tolist()
    ([2.0, 2.0, 1.0], [30.0, 30.0, 30.0])
    """
    reproduces(compat)
    keys = names_of(keyVars, what="keyVars")
    if not keys:
        raise MeasureError("freqCalc needs at least one key variable")
    classes = equivalence_classes(x, list(keys), missing="wildcard", alpha=alpha, weights=w)
    fk = classes.record_sizes.astype(np.float64)
    people = classes.record_population_sizes
    return FreqCalc(
        keyVars=keys,
        w=w if isinstance(w, str) else None,
        alpha=alpha,
        fk=fk,
        Fk=fk if people is None else people,
        n1=int(np.count_nonzero(fk == 1)),
        n2=int(np.count_nonzero(fk == _FEWEST)),
        classes=classes,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class IndivRisk:
    """Individual risk of each record.

    Parameters
    ----------
    rk : numpy.ndarray of shape (n,)
        Risk.
    method : {"approx", "exact"}
    qual : float
        Factor of all risks.
    fk : numpy.ndarray of shape (n,)
        Sample frequencies.
    knames : tuple
        Key variables.
    """

    rk: FloatArray
    method: str
    qual: float
    fk: FloatArray
    knames: tuple[Hashable, ...]

    def __repr__(self) -> str:
        """Say the sum, never which."""
        return f"<IndivRisk: {len(self.rk)} records, expected {self.rk.sum():.4g}>"


def indivRisk(
    x: FreqCalc,
    method: Literal["approx", "exact"] = "approx",
    qual: float = 1.0,
    survey: bool = True,
    *,
    compat: Compat = None,
) -> IndivRisk:
    """Compute the risk of each record from its frequencies.

    Parameters
    ----------
    x : FreqCalc
    method : {"approx", "exact"}
        ``exact`` is Benedetti and Franconi's expectation, in a form that does not cancel;
        ``approx`` is exact for fk = 1 and 2 and ``p / (fk - (1-p))`` above.
    qual : float
        Factor of all risks.
    survey : bool
        False takes 1/fk, as without weights.
    compat : {None, "5.8"}
        ``"5.8"`` evaluates the formulas of fk = 1 and 2 as sdcMicro does, which loses digits
        near p = 1.

    Returns
    -------
    IndivRisk

    Raises
    ------
    MeasureError
        If the method is not known or `qual` is negative.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "w": [10, 20, 10]}
    >>> indivRisk(freqCalc(table, "age", w="w")).rk.round(5).tolist()
    [0.05761, 0.05761, 0.25584]
    """
    if method not in ("approx", "exact"):
        raise MeasureError("The method is 'approx' or 'exact'")
    if not qual >= 0:
        raise MeasureError("qual must not be negative")
    people = x.Fk if survey else x.fk
    risk = record_risk(x.fk, people, exact=method == "exact", compat=compat)
    return IndivRisk(rk=qual * risk, method=method, qual=qual, fk=x.fk, knames=x.keyVars)


def record_risk(
    fk: npt.ArrayLike, Fk: npt.ArrayLike, *, exact: bool = False, compat: Compat = None
) -> FloatArray:
    """Compute individual risks from frequencies.

    Parameters
    ----------
    fk, Fk : array_like of shape (n,)
        Sample and estimated population frequencies; fk at least 1. An Fk below fk counts as fk.
    exact : bool
        The exact expectation instead of sdcMicro's default.
    compat : {None, "5.8"}

    Returns
    -------
    numpy.ndarray of shape (n,)
        In (0, 1].

    Examples
    --------
    >>> record_risk([1, 3], [10, 3]).round(5).tolist()
    [0.25584, 0.33333]
    """
    size = np.asarray(fk, dtype=np.float64)
    people = np.asarray(Fk, dtype=np.float64)
    risk = expected_inverse(size, people, method="exact" if exact else "approximate")
    risk = np.where(size >= people, 1 / size, risk)
    if not reproduces(compat) or exact:
        return risk
    for count in (1, _FEWEST):
        held = (size == count) & (people > size)
        p = count / people[held]
        odds = p / (1 - p)
        log = np.log(1 / p)
        risk[held] = odds * log if count == 1 else odds - odds**2 * log
    return np.minimum(risk, 1.0)

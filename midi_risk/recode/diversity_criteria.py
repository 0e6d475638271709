"""Privacy criteria for the diversity of sensitive values."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveColumn
from midi_risk.recode.criteria import positive, whole
from midi_risk.recode.refinement import SLACK, share_under

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DistinctLDiversity:
    """Each class has at least ``l`` distinct sensitive values; missing ones do not count.

    Parameters
    ----------
    sensitive : str
    l : int

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302.
    """

    sensitive: str
    l: int  # noqa: E741
    monotone: bool = True
    robust: bool = True
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameter."""
        whole("l", self.l)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes with fewer distinct values."""
        counts = view.open_counts(self.sensitive)
        distinct = np.bincount(counts.of_class, minlength=len(counts.known))
        return view.spread(counts, distinct < self.l)

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can have so many values."""
        return self.l


@dataclass(frozen=True, slots=True)
class EntropyLDiversity:
    """The entropy of the sensitive values of each class is at least ``ln l``.

    Parameters
    ----------
    sensitive : str
    l : float
    estimator : {"shannon", "grassberger"}
        Plug-in entropy, or Grassberger's correction for small classes: the logarithm of a
        count becomes its digamma-based estimate.
    tolerance : float
        Added to the entropy before comparing, so that a class that meets the bound exactly
        does not fail by rounding; 0 reproduces the plain comparison.

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302; Grassberger 2003,
    arXiv:physics/0307138.
    """

    sensitive: str
    l: float  # noqa: E741
    estimator: Literal["shannon", "grassberger"] = "shannon"
    tolerance: float = 1e-12
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not self.l >= 1:
            raise SearchError("l must be at least 1")
        if self.estimator not in {"shannon", "grassberger"}:
            raise SearchError("the entropy estimator is 'shannon' or 'grassberger'")

    def failing(self, view: ClassView) -> Bools:
        """Return the classes whose entropy is too small."""
        counts = view.open_counts(self.sensitive)
        n = counts.count.astype(np.float64)
        logs = np.log(n) if self.estimator == "shannon" else _grassberger(counts.count)
        spent = np.bincount(counts.of_class, weights=n * logs, minlength=len(counts.known))
        known = counts.known.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = known * (np.log(known) - np.log(self.l))
        bad = (counts.known == 0) | (room + self.tolerance * known < spent)
        return view.spread(counts, bad)

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can have so much entropy."""
        return ceil(self.l * (1 - SLACK)) if self.estimator == "shannon" else 1


def _grassberger(n: npt.NDArray[np.int64]) -> Floats:
    """Return Grassberger's G(n), which replaces ln n."""
    from scipy.special import psi  # noqa: PLC0415

    exact = n.astype(np.float64)
    sign = np.where(n % 2 == 0, 1.0, -1.0)
    out: Floats = psi(exact) + 0.5 * sign * (psi((exact + 1) / 2) - psi(exact / 2))
    return out


@dataclass(frozen=True, slots=True)
class RecursiveCLDiversity:
    """The most frequent value of a class is rarer than ``c`` times the l-th and rarer ones.

    Parameters
    ----------
    sensitive : str
    c : float
    l : int

    References
    ----------
    Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302.
    """

    sensitive: str
    c: float
    l: int  # noqa: E741
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        positive("c", self.c)
        whole("l", self.l)

    def failing(self, view: ClassView) -> Bools:
        """Return the classes whose largest count is too large."""
        counts = view.open_counts(self.sensitive)
        order = np.lexsort((-counts.count, counts.of_class))
        of_class, count = counts.of_class[order], counts.count[order]
        first = np.flatnonzero(np.diff(of_class, prepend=-1))
        rank = np.arange(len(of_class)) - np.repeat(first, np.diff(first, append=len(of_class)))
        tail = np.bincount(
            of_class, weights=np.where(rank >= self.l - 1, count, 0), minlength=len(counts.known)
        )
        largest = np.zeros(len(counts.known))
        largest[of_class[first]] = count[first]
        return view.spread(counts, ~(largest < self.c * tail))

    def smallest_class(self, column: SensitiveColumn) -> int:  # noqa: ARG002
        """Return the fewest records that can be so even."""
        return self.l

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the largest share is below c / (1 + c) when l exceeds 1."""
        counts = view.open_counts(self.sensitive)
        most = self.c / (1.0 + self.c) if self.l > 1 else 1.0
        return share_under(view, counts, np.full(len(counts.texts), most))

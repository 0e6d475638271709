"""Whether what is retained of a scanner tells the site (best practice 4 of the MIDI report).

Machine information is to be kept unless it is quantified as pushing the risk over the
threshold. This is that quantification: which attribute determines the site, for how many
subjects, and how much smaller their classes are once the site is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midi_risk.risk.classes import EquivalenceClasses


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDetermination:
    """What one scanner attribute says about the site.

    Parameters
    ----------
    attribute : str
    determined : int
        Subjects whose value occurs at one site only, although there are several sites.
    subjects : int
        Subjects with a value and a known site.
    effective_sites : float
        exp of the mean entropy of the site given the value: 1 when the value tells it.
    """

    attribute: str
    determined: int
    subjects: int
    effective_sites: float


def site_determination(
    attribute: str, device: npt.NDArray[np.int64], site: npt.NDArray[np.int64]
) -> SiteDetermination:
    """Return how far a scanner attribute determines the site.

    Parameters
    ----------
    attribute : str
        Name, for the report.
    device, site : numpy.ndarray of int64, shape (n,)
        Codes of the subjects; -1 is missing.

    Returns
    -------
    SiteDetermination

    Examples
    --------
    >>> found = site_determination("model", np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    >>> found.determined, round(found.effective_sites, 3)
    (2, 1.414)
    """
    known = (device >= 0) & (site >= 0)
    codes = np.column_stack([device[known], site[known]])
    n = len(codes)
    if not n or len(np.unique(codes[:, 1])) < 2:
        return SiteDetermination(
            attribute=attribute, determined=0, subjects=n, effective_sites=1.0 if n else np.nan
        )
    pairs = EquivalenceClasses.from_codes(codes)
    values = EquivalenceClasses.from_codes(codes[:, :1])
    share = pairs.record_sizes / values.record_sizes
    return SiteDetermination(
        attribute=attribute,
        determined=int((share == 1).sum()),
        subjects=n,
        effective_sites=float(np.exp(-np.log(share).mean())),
    )


def risk_with_site(
    codes: npt.NDArray[np.int64], sites: Sequence[npt.NDArray[np.int64]]
) -> tuple[float, float]:
    """Return the largest and the mean prosecutor risk once the site is known as well.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        Quasi-identifiers of the release.
    sites : sequence of numpy.ndarray of int64, shape (n,)
        Site attributes.
    """
    classes = EquivalenceClasses.from_codes(np.column_stack([codes, *sites]))
    risk = 1 / np.asarray(classes.record_sizes, dtype=np.float64)
    return float(risk.max()), float(risk.mean())

"""What a recoding costs a user of images: age noise, SUV error, intervals, scanner strata."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BRAIN_AGE_MAE = 4.16
"""Years; mean absolute error of a brain-age model on grey matter (4.65 on raw images)."""

SUV_RESPONSE = 0.30
"""Relative change of uptake that PERCIST calls a response."""

SMALL_STRATUM = 20
"""Subjects of one scanner below which ComBat's correction is unreliable (20 to 30)."""

FORMULAS = {
    "age_error": "error = written - recorded age; sd = sqrt(rms^2 - bias^2);"
    " error with a model of mean absolute error m = sqrt(m^2 + 2/pi sd^2)",
    "suv_error": "SUVbw = activity concentration x weight / dose, so its relative error is"
    " |written - recorded weight| / recorded weight",
    "visit_intervals": "error = |days between written dates - days between true dates| of"
    " consecutive visits; at worst the longest period of the rule less one day",
    "scanner_strata": "distinct combinations of what names scanner and site, one per subject;"
    f" small below {SMALL_STRATUM} subjects",
}
"""Figure -> how it is computed."""

SOURCES = {
    "age_error": "Mean absolute error of 4.16 years: Cole et al. 2017,"
    " doi:10.1016/j.neuroimage.2017.07.059",
    "suv_error": "Response from 30 %: PERCIST 1.0, Wahl et al. 2009, doi:10.2967/jnumed.108.057307",
    "visit_intervals": "MIDI Task Group, best practice 12, arXiv:2303.10473",
    "scanner_strata": "20 to 30 subjects per scanner: Orlhac et al. 2022,"
    " doi:10.2967/jnumed.121.262464",
}
"""Figure -> what it is set against."""


def age_error(
    recorded: Floats, written: Floats, *, reference: float = BRAIN_AGE_MAE
) -> dict[str, float]:
    """Return how far written ages are from those recorded.

    Parameters
    ----------
    recorded, written : ndarray of float64, shape (n,)
        Years.
    reference : float
        Mean absolute error, in years, of the model that would use the ages.

    Returns
    -------
    dict of str to float
        ``rms_years``, ``mean_absolute_years``, ``bias_years`` (written less recorded),
        ``sd_years`` (what is left of it when the bias is corrected), ``reference_years`` and
        ``with_reference_years``: the reference joined by the sd, both taken as normal and
        independent.

    Raises
    ------
    MeasureError
        Without ages, or with one that is not finite.

    References
    ----------
    Cole et al. 2017, doi:10.1016/j.neuroimage.2017.07.059. A band of width w adds
    w / sqrt(12) where ages fill it evenly.

    Examples
    --------
    >>> figures = age_error(np.arange(40.0, 45.0), np.full(5, 40.0))
    >>> figures["bias_years"], round(figures["sd_years"], 3)
    (-2.0, 1.414)
    """
    _check(recorded, written, "ages")
    error = written - recorded
    bias = float(error.mean())
    sd = float(error.std())
    return {
        "rms_years": float(np.sqrt(np.mean(error**2))),
        "mean_absolute_years": float(np.abs(error).mean()),
        "bias_years": bias,
        "sd_years": sd,
        "reference_years": reference,
        "with_reference_years": math.sqrt(reference**2 + 2 / math.pi * sd**2),
    }


def suv_error(recorded: Floats, written: Floats) -> dict[str, float]:
    """Return the relative error that written body weights add to SUVs.

    Parameters
    ----------
    recorded, written : ndarray of float64, shape (n,)
        Kilograms, above 0.

    Returns
    -------
    dict of str to float
        ``median_relative``, ``largest_relative`` and ``reference_relative``, as shares.

    Raises
    ------
    MeasureError
        Without weights, or with one that is not above 0.

    Notes
    -----
    SUVbw is proportional to the weight. One written weight per subject cancels in the ratio
    of two scans of that subject.

    References
    ----------
    Wahl et al. 2009, doi:10.2967/jnumed.108.057307.

    Examples
    --------
    >>> suv_error(np.array([72.0, 80.0]), np.array([70.0, 80.0]))["largest_relative"]
    0.027777777777777776
    """
    _check(recorded, written, "weights")
    if (recorded <= 0).any():
        raise MeasureError("A body weight must be above 0 kg")
    relative = np.abs(written - recorded) / recorded
    return {
        "median_relative": float(np.median(relative)),
        "largest_relative": float(relative.max()),
        "reference_relative": SUV_RESPONSE,
    }


def interval_error(subject: Ints, day: Ints, written: Ints) -> dict[str, float]:
    """Return what written dates leave of the days between consecutive visits.

    Parameters
    ----------
    subject, day, written : ndarray of int64, shape (visits,)
        Subject number, true day and written day, sorted by subject then day.

    Returns
    -------
    dict of str to float
        ``intervals``, ``mean_absolute_days``, and ``merged``: intervals above zero that the
        written dates put on one day. Only ``intervals`` when there is none.

    Raises
    ------
    MeasureError
        When the shapes differ or days of a subject descend.

    Examples
    --------
    >>> interval_error(np.array([0, 0, 0]), np.array([3, 20, 64]), np.array([1, 1, 60]))
    {'intervals': 2.0, 'mean_absolute_days': 16.0, 'merged': 1.0}
    """
    if not len(subject) == len(day) == len(written):
        raise MeasureError("Each visit needs a subject, a day and a written day")
    same = np.diff(subject) == 0
    true, shown = np.diff(day)[same], np.diff(written)[same]
    if (true < 0).any():
        raise MeasureError("The visits of a subject must be in the order of their days")
    if not same.any():
        return {"intervals": 0.0}
    return {
        "intervals": float(same.sum()),
        "mean_absolute_days": float(np.abs(shown - true).mean()),
        "merged": float(((true > 0) & (shown == 0)).sum()),
    }


def strata(codes: Ints, *, small: int = SMALL_STRATUM) -> dict[str, float]:
    """Return how many strata subjects fall into, and how many are too small to harmonise.

    Parameters
    ----------
    codes : ndarray of int64, shape (n, columns)
        What names the scanner and site of each subject; -1 is a value of its own.
    small : int
        Subjects that a stratum needs.

    Returns
    -------
    dict of str to float
        ``strata``, ``small`` (strata below the limit) and ``subjects_small`` in them.

    References
    ----------
    Johnson et al. 2007, doi:10.1093/biostatistics/kxj037 (ComBat); Orlhac et al. 2022,
    doi:10.2967/jnumed.121.262464 (20 to 30 patients per scanner).

    Examples
    --------
    >>> strata(np.array([[0], [0], [0], [1]]), small=2)
    {'strata': 2.0, 'small': 1.0, 'subjects_small': 1.0}
    """
    if not codes.size:
        return {"strata": float(bool(len(codes))), "small": 0.0, "subjects_small": 0.0}
    counts = np.unique(codes, axis=0, return_counts=True)[1]
    below = counts < small
    return {
        "strata": float(len(counts)),
        "small": float(below.sum()),
        "subjects_small": float(counts[below].sum()),
    }


def _check(recorded: Floats, written: Floats, what: str) -> None:
    if recorded.shape != written.shape or recorded.ndim != 1:
        raise MeasureError(f"Recorded and written {what} must be two vectors of one length")
    if not recorded.size:
        raise MeasureError(f"There are no {what} to compare")
    if not (np.isfinite(recorded).all() and np.isfinite(written).all()):
        raise MeasureError(f"The {what} must be finite numbers")

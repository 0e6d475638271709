"""What a quality-control sample says about the records that nobody looked at."""

from __future__ import annotations

from midi_risk.risk.document import Quality

CONFIDENCE = 0.95


def defect_bound(quality: Quality) -> float | None:
    """Return the upper bound of the defect rate, one-sided, 95 %.

    Parameters
    ----------
    quality : Quality
        Sample size, defects found and the reviewer's sensitivity.

    Returns
    -------
    float or None
        Clopper-Pearson bound on a sample that the sensitivity makes smaller; None when
        nothing was looked at.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413. doi:10.1093/biomet/26.4.404

    Examples
    --------
    >>> round(defect_bound(Quality(population=1000, sample=59, defects=0)), 4)
    0.0495
    """
    looked = quality.sample * (1.0 if quality.sensitivity is None else quality.sensitivity)
    if looked <= 0:
        return None
    if quality.defects >= looked:
        return 1.0
    if quality.defects == 0:
        return float(1 - (1 - CONFIDENCE) ** (1 / looked))
    from scipy.special import betaincinv  # noqa: PLC0415 - loaded only where it is needed

    return float(betaincinv(quality.defects + 1, looked - quality.defects, CONFIDENCE))

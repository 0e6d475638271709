"""The risk that the days between a subject's visits identify, as figures and as a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, Decision
from midi_risk.risk.trajectory import known_visits_risk, visit_items

KNOWN: tuple[int | Literal["all"], ...] = (1, 2, 3, "all")
"""Numbers of known visits that are reported side by side."""

BIN_DAYS = {"week": 7, "month": 30, "quarter": 91, "year": 365}
"""Days that a generalisation level of a date leaves apart."""


def released_bin(study_date: Attribute | None) -> int | None:
    """Return the resolution in days that the release leaves, None when dates are removed.

    Parameters
    ----------
    study_date : Attribute or None
        The attribute that says when a visit was.
    """
    if study_date is None or study_date.decision is None:
        return 1
    if study_date.decision is Decision.REMOVE:
        return None
    if study_date.decision is Decision.GENERALISE:
        return BIN_DAYS.get(str(study_date.generalise_to), 1)
    return 1


def trajectory_rows(visits: pd.DataFrame, n: int, k: int, bin_days: int) -> list[dict[str, Any]]:
    """Return the risk for 1, 2, 3 and all known visits, as days since the first visit.

    Parameters
    ----------
    visits : pandas.DataFrame
        Columns ``subject`` and ``day``, distinct.
    n : int
        Subjects.
    k : int
        A subject is at risk when fewer than k share what is known.
    bin_days : int
        Resolution of the release.

    Returns
    -------
    list of dict
        ``m``, ``max``, ``mean``, ``unique``, ``at_risk``, ``subjects`` (with two visits
        at least), ``bin_days`` and ``kind``; empty when no subject has two visits.

    Notes
    -----
    Days since the first visit survive any constant shift of a subject's dates. A subject
    with one visit has no interval and is not among ``subjects``.

    References
    ----------
    Terrovitis, Mamoulis, Kalnis 2008, doi:10.14778/1453856.1453874.
    """
    subject = visits["subject"].to_numpy(dtype=np.int64)
    several = np.bincount(subject, minlength=n) >= 2
    if not several.any():
        return []
    items = visit_items(subject, visits["day"], anchor="first-visit", bin_days=bin_days)
    rows = []
    for m in KNOWN:
        found = known_visits_risk(subject, items, m, n_subjects=n)
        support = found.support[several]
        rows.append(
            {
                "m": str(m),
                "max": float(1 / support.min()),
                "mean": float((1 / support).mean()),
                "unique": int((support == 1).sum()),
                "at_risk": int((support < k).sum()),
                "subjects": int(several.sum()),
                "bin_days": bin_days,
                "kind": found.kind,
            }
        )
    return rows


def governing_row(
    rows: Sequence[dict[str, Any]], known: Sequence[int | Literal["all"] | None]
) -> dict[str, Any]:
    """Return the row of the adversary who knows most visits.

    Parameters
    ----------
    rows : sequence of dict
        From `trajectory_rows`.
    known : sequence of int, "all" or None
        Visits that each adversary knows; None knows all.
    """
    most = max(
        (len(KNOWN) - 1 if m in {None, "all"} else min(int(m), 3) - 1 for m in known),
        default=len(KNOWN) - 1,
    )
    return rows[most]

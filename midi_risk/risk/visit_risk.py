"""The risk that the days between a subject's visits identify, as figures and as a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, Decision
from midi_risk.risk.trajectory import known_visits_risk, visit_items
from midi_risk.table.model import SubjectTable
from midi_risk.table.visits import VISIT_DATES

KNOWN: tuple[int | Literal["all"], ...] = (1, 2, 3, "all")
"""Numbers of known visits that are reported side by side."""

COARSER = (7, 30)
"""Bins that are shown beside the resolution of the release, when they are coarser."""

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


def visit_resolution(table: SubjectTable) -> int | None:
    """Return the finest resolution in days of the dates that state visits.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.

    Returns
    -------
    int or None
        None when none of these dates is released, or there are no visits.

    Notes
    -----
    Each DICOM date of a visit that stays in the release tells its days: removing StudyDate
    alone removes nothing while AcquisitionDate stays.
    """
    stating = [a for a in table.attributes if a.name == table.visit_dates]
    if stating and table.visit_dates in VISIT_DATES:
        stating += [
            a
            for a in table.attributes
            if a.keyword in VISIT_DATES
            and a.source == stating[0].source
            and table.distinct.get(a.name, (0, 0))[0] > 0
        ]
    bins = [days for days in map(released_bin, stating) if days is not None]
    return min(bins, default=None)


def trajectory_rows(visits: pd.DataFrame, n: int, k: int, bin_days: int) -> list[dict[str, Any]]:
    """Return the risk for 1, 2, 3 and all known visits, as days since the first visit.

    Parameters
    ----------
    visits : pandas.DataFrame
        Columns ``subject`` and ``day``, distinct; ``modality`` and ``scanner`` (codes) where
        they are released.
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
        at least), ``bin_days``, ``known`` (``days``, ``days-modality``,
        ``days-modality-scanner``) and ``kind``; empty when no subject has two visits. The
        first four rows are the intervals at the resolution of the release, which govern;
        then follow coarser bins (a week, 30 days), and attackers who know the procedure.

    Notes
    -----
    Days since the first visit survive any constant shift of a subject's dates. A subject
    with one visit has no interval and is not among ``subjects``. Coarser bins say what a
    generalisation of the dates would bring.

    References
    ----------
    Terrovitis, Mamoulis, Kalnis 2008, doi:10.14778/1453856.1453874.
    """
    subject = visits["subject"].to_numpy(dtype=np.int64)
    if not (np.bincount(subject, minlength=n) >= 2).any():
        return []
    sets = [(bin_days, "days"), *((b, "days") for b in COARSER if b > bin_days)]
    what: dict[str, npt.NDArray[np.int64] | None] = {"days": None}
    for column in ("modality", "scanner"):
        if column in visits.columns:
            name = f"{list(what)[-1]}-{column}"
            codes = visits[column].to_numpy(dtype=np.int64)
            before = what[list(what)[-1]]
            what[name] = codes if before is None else before * (int(codes.max()) + 1) + codes
            sets.append((bin_days, name))
    return [
        row
        for days, known in sets
        for row in _rows(subject, visits["day"].to_numpy(), what[known], n, k, days, known)
    ]


def _rows(
    subject: npt.NDArray[np.int64],
    day: npt.NDArray[np.int64],
    what: npt.NDArray[np.int64] | None,
    n: int,
    k: int,
    bin_days: int,
    known: str,
) -> list[dict[str, Any]]:
    """Return the rows of one resolution and one kind of knowledge."""
    several = np.bincount(subject, minlength=n) >= 2
    items = visit_items(subject, day, what=what, anchor="first-visit", bin_days=bin_days)
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
                "known": known,
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
        From `trajectory_rows`; the first four are those of the release.
    known : sequence of int, "all" or None
        Visits that each adversary knows; None knows all.
    """
    most = max(
        (len(KNOWN) - 1 if m in {None, "all"} else min(int(m), 3) - 1 for m in known),
        default=len(KNOWN) - 1,
    )
    return rows[most]

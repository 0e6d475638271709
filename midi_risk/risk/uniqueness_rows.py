"""Population uniqueness by every estimator, side by side."""

from __future__ import annotations

from typing import Any

from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.frequencies import NoEstimate
from midi_risk.risk.sample_estimators import dankar, slide_negative_binomial, zayatz
from midi_risk.risk.superpopulation import PitmanYor, fit_pitman_yor


def uniqueness_rows(classes: EquivalenceClasses, people: int) -> list[dict[str, Any]]:
    """Return the estimated share of people who are unique in the population.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    people : int
        Size N of the population.

    Returns
    -------
    list of dict
        ``estimator``, ``value`` (share of N, None without an estimate), ``uniques`` and
        ``note``; one row per estimator.
    """
    rows = []
    fit = fit_pitman_yor(classes.sizes)
    if isinstance(fit, PitmanYor):
        uniques = fit.expected_uniques(people)
        rows.append(_row("pitman-yor", uniques, people, ""))
    else:
        rows.append(_row("pitman-yor", None, people, fit.reason))
    for name, estimator in (
        ("zayatz", zayatz),
        ("snb", slide_negative_binomial),
        ("dankar", dankar),
    ):
        found = estimator(classes.sizes, people)
        if isinstance(found, NoEstimate):
            rows.append(_row(name, None, people, found.reason))
        else:
            rows.append(_row(name, found.uniques, people, found.note))
    return rows


def _row(name: str, uniques: float | None, people: int, note: str) -> dict[str, Any]:
    value = None if uniques is None else uniques / people
    return {
        "estimator": name,
        "value": value,
        "uniques": uniques,
        "population": people,
        "note": note,
    }

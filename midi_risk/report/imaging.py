"""The imaging figures in words, the same for both editions and the command line."""

from __future__ import annotations

from typing import Any

from midi_risk.report.counts import SafeCount, safe
from midi_risk.report.figures import count_text, number, percent
from midi_risk.report.shareable_parts import SafeImaging
from midi_risk.report.shareable_types import two_digits
from midi_risk.risk.imaging_utility import FORMULAS, SOURCES
from midi_risk.risk.plan_document import ImagingFigure

TITLES = {
    "age_error": "Age",
    "suv_error": "Standardised uptake",
    "visit_intervals": "Days between visits",
    "scanner_strata": "Strata for harmonisation",
}
_COUNTS = {"intervals", "merged", "subjects_small_before", "subjects_small_after"}
_SMALL = {"small_before": "subjects_small_before", "small_after": "subjects_small_after"}
_OF_ONE = {"largest_relative"}
"""Figures of a single subject."""


def imaging_of(figure: ImagingFigure, k: int) -> SafeImaging:
    """Return a figure as it may be shared.

    Figures of one subject are left out, and all of them where fewer than k subjects are
    behind them; counts below k are hidden.

    Parameters
    ----------
    figure : ImagingFigure
    k : int
        Smallest positive count that is shown.
    """
    values: dict[str, float | SafeCount] = {}
    if figure.subjects >= k:
        for name, value in figure.measures.items():
            if name in _COUNTS:
                total = figure.subjects if name.startswith("subjects") else None
                values[name] = safe(round(value), k, total)
            elif name in _SMALL and 0 < figure.measures[_SMALL[name]] < k:
                values[name] = SafeCount(state="withheld", k=k)
            elif name not in _OF_ONE:
                values[name] = two_digits(value)
    return SafeImaging(
        name=figure.name,
        attributes=tuple(figure.attributes),
        state=figure.state,
        rule=figure.rule,
        subjects=safe(figure.subjects, k),
        measures=values,
    )


def title(figure: Any) -> str:
    """Return what a figure is about."""
    return TITLES[figure.name]


def formula(figure: Any) -> str:
    """Return how a figure is computed."""
    return FORMULAS[figure.name]


def source(figure: Any) -> str:
    """Return what a figure is set against, a reference at its end."""
    return SOURCES[figure.name]


def sentence(figure: Any) -> str:
    """Return a figure in words.

    Parameters
    ----------
    figure : ImagingFigure or SafeImaging

    Examples
    --------
    >>> sentence(ImagingFigure(
    ...     name="suv_error", attributes=["PatientWeight"], state="removed", subjects=0))
    'PatientWeight is not released: SUV by body weight cannot be computed.'
    """
    return {
        "age_error": _age,
        "suv_error": _suv,
        "visit_intervals": _visits,
        "scanner_strata": _strata,
    }[figure.name](figure)


def _names(figure: Any) -> str:
    return ", ".join(figure.attributes)


def _of(figure: Any) -> str:
    return _subjects(figure.subjects)


def _subjects(count: float | SafeCount) -> str:
    return f"{_count(count)} subject{'' if count == 1 else 's'}"


def _unknown(figure: Any) -> str:
    return f"{figure.rule}. What this costs is not known: too few values can be compared."


def _age(figure: Any) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return f"{name} is not released: nothing can be related to age."
    if figure.state == "exact":
        return f"{name} is released as recorded: no error is added to age."
    if not values:
        return _unknown(figure)
    bias = values["bias_years"]
    way = f"{number(abs(bias))} years {'below' if bias < 0 else 'above'} the recorded one"
    return (
        f"{figure.rule}. The age that is written is {way} on average ({_of(figure)}; a band is"
        f" written as its first year): mean absolute error {number(values['mean_absolute_years'])},"
        f" root mean square error {number(values['rms_years'])} years. Once the bias is corrected"
        f" {number(values['sd_years'])} years remain, with which a brain-age model whose mean"
        f" absolute error is {number(values['reference_years'])} years would come to"
        f" {number(values['with_reference_years'])}."
    )


def _suv(figure: Any) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return f"{name} is not released: SUV by body weight cannot be computed."
    if figure.state == "exact":
        return f"{name} is released as recorded: no error is added to SUV by body weight."
    if not values:
        return _unknown(figure)
    largest = values.get("largest_relative")
    most = "" if largest is None else f" and by {percent(largest)} at most"
    return (
        f"{figure.rule}. SUV by body weight is off by {percent(values['median_relative'])} at the"
        f" median{most} ({_of(figure)} with PET). PERCIST calls a change of"
        f" {percent(values['reference_relative'])} a response; the same factor holds for all"
        " scans of a subject."
    )


def _visits(figure: Any) -> str:
    name, values = _names(figure), figure.measures
    if figure.state == "removed":
        return (
            f"{name} is not released: the days between visits are lost"
            f" ({_of(figure)} with two visits or more)."
        )
    if figure.state == "exact":
        return (
            f"{name} is released as recorded: the days between visits stay exact"
            f" ({_of(figure)} with two visits or more)."
        )
    if "mean_absolute_days" not in values:
        return _unknown(figure)
    worst = values.get("worst_days")
    most = "" if worst is None else f" and by {number(worst)} at most under this rule"
    return (
        f"{figure.rule}. The days between consecutive visits are off by"
        f" {number(values['mean_absolute_days'])} on average{most} ({_of(figure)} with two visits"
        f" or more). Of {_count(values['intervals'])} intervals,"
        f" {_count(values['merged'])} fall on one day and lose their order."
    )


def _strata(figure: Any) -> str:
    values = figure.measures
    if not values:
        return _unknown(figure)
    least = number(values["least"])
    before, after = values["strata_before"], values["strata_after"]
    if figure.state == "removed":
        return (
            f"Nothing that names a scanner or site is released: {number(before)} strata"
            " cannot be told apart, so nothing can be harmonised."
        )
    parts = [
        f"{_count(values[f'small_{when}'])} {word} ({_subjects(values[f'subjects_small_{when}'])})"
        for when, word in (("before", "before"), ("after", "after"))
    ]
    return (
        f"{_names(figure)}: subjects fall into {number(before)} strata of scanner and site before"
        f" and {number(after)} after the recoding ({_of(figure)}). With fewer than {least}"
        f" subjects: {parts[0]}, {parts[1]}."
    )


def _count(value: float | SafeCount) -> str:
    return count_text(value if isinstance(value, SafeCount) else round(value))

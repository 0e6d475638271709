"""The imaging figures of a release: computed from the table before and after a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchies import SET_JOINER, Hierarchy
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.numbers import parse_numbers
from midi_risk.attributes.representatives import age_string, number_of_band
from midi_risk.attributes.values import normalise
from midi_risk.recode.imaging_intervals import interval_figure
from midi_risk.recode.release_pair import ReleasePair, imaging_figure, present
from midi_risk.risk.imaging_utility import SMALL_STRATUM, age_error, strata, suv_error
from midi_risk.risk.plan_document import ImagingFigure
from midi_risk.table.model import SubjectTable

Floats = npt.NDArray[np.float64]
PET = "PT"
SCANNER_KEYWORDS = frozenset(
    {
        "InstitutionName", "Manufacturer", "ManufacturerModelName", "StationName",
        "DeviceSerialNumber", "MagneticFieldStrength",
    }
)  # fmt: skip
"""What names a scanner, as far as the table holds it."""


def imaging_figures(
    table: SubjectTable, left: SubjectTable, given: Mapping[str, Hierarchy]
) -> list[ImagingFigure]:
    """Return what a release costs a user of images; only figures that the data bear.

    Parameters
    ----------
    table : SubjectTable
        As folded.
    left : SubjectTable
        As it would be released, with the levels as decisions; see `planned`.
    given : mapping of str to Hierarchy
        Hierarchies of the user's own.

    Returns
    -------
    list of ImagingFigure
        Ages, body weights of subjects with PET, intervals between visits, scanner strata.
        An attribute that is removed is named only where no other tells the same.
    """
    before = table.frame.loc[table.frame.index.isin(left.frame.index)]
    view = ReleasePair(table=table, before=before, left=left, given=given)
    found = [_ages(view, a) for a in table.attributes if a.kind is Kind.AGE]
    found += [_weights(view, a) for a in table.attributes if a.ladder == "weight"]
    found += [interval_figure(view), _strata(view)]
    figures = [figure for figure in found if figure is not None]
    kept = {figure.name for figure in figures if figure.state != "removed"}
    return [f for f in figures if f.state != "removed" or f.name not in kept]


def _numbers(texts: np.ndarray, read: Callable[[str], float]) -> np.ndarray:
    """Return a number per text, each distinct text read once; NaN where there is none."""
    codes, distinct = pd.factorize(texts, use_na_sentinel=True)
    values = [read(str(text)) for text in distinct]
    return np.array([*values, np.nan], dtype=np.float64)[codes]


def _age(text: str) -> float:
    """Return an age in years; NaN for a band."""
    plain = text.rstrip("YMWD")
    if not plain.replace(".", "", 1).isdecimal():
        return float("nan")
    return float(normalise(Kind.AGE, [text], zero_is_missing=False).number[0]) / 12


def _written_age(label: str) -> float:
    """Return the years that a DICOM age string shows for a label."""
    text = age_string(label) if _age(label) != _age(label) else label
    return float("nan") if text is None else _age(text)


def _weight(text: str) -> float:
    number = parse_numbers([text], zero_is_missing=True)[0].number
    return number if number > 0 else float("nan")


def _written_weight(label: str) -> float:
    number = number_of_band(label, zero_is_missing=True)
    return float("nan") if number is None or number <= 0 else number


def _ages(view: ReleasePair, attribute: Attribute) -> ImagingFigure | None:
    name = attribute.name
    if name not in view.before.columns:
        return None
    recorded = _numbers(view.texts(name), _age)
    if not np.isfinite(recorded).any():
        return None
    return _error(view, attribute, "age_error", recorded, _written_age, age_error)


def _weights(view: ReleasePair, attribute: Attribute) -> ImagingFigure | None:
    name = attribute.name
    modality = next((a.name for a in view.table.attributes if a.keyword == "Modality"), "")
    if modality not in view.before.columns or name not in view.before.columns:
        return None
    sets = view.texts(modality)
    pet = np.array([v is not None and PET in str(v).split(SET_JOINER) for v in sets], dtype=bool)
    recorded = _numbers(view.texts(name), _weight)
    recorded[~pet] = np.nan
    if not np.isfinite(recorded).any():
        return None
    return _error(view, attribute, "suv_error", recorded, _written_weight, suv_error)


def _error(
    view: ReleasePair,
    attribute: Attribute,
    kind: str,
    recorded: Floats,
    written_of: Callable[[str], float],
    error: Callable[[Floats, Floats], Mapping[str, float]],
) -> ImagingFigure:
    """Return what writing an attribute differently does to a number computed from it."""
    name = attribute.name
    state, rule = view.rule(attribute)
    shown = view.shown(name)
    if state == "removed" or shown is None:
        return imaging_figure(kind, [name], state, rule, subjects=0)
    written = recorded if state == "exact" else _numbers(shown, written_of)
    both = np.isfinite(recorded) & np.isfinite(written)
    values = error(recorded[both], written[both]) if both.any() else {}
    return imaging_figure(kind, [name], state, rule, subjects=int(both.sum()), measures=values)


def _strata(view: ReleasePair) -> ImagingFigure | None:
    chosen = [
        a
        for a in view.table.attributes
        if a.name in view.before.columns
        and (a.keyword in SCANNER_KEYWORDS or a.ladder == "institution")
        and present(view.texts(a.name)).any()
    ]
    names = [a.name for a in chosen]
    before = strata(_codes(view.before, names))
    if before["strata"] < 2:
        return None
    kept = [name for name in names if name in view.left.frame.columns]
    after = strata(_codes(view.left.frame, kept))
    states = [view.rule(a)[0] for a in chosen]
    state = "coarsened"
    if all(s == "exact" for s in states):
        state = "exact"
    elif all(s == "removed" for s in states):
        state = "removed"
    rule = "; ".join(view.rule(a)[1] for a in chosen)
    values = {f"{key}_before": value for key, value in before.items()}
    values |= {f"{key}_after": value for key, value in after.items()}
    values |= {"least": float(SMALL_STRATUM)}
    n = len(view.before)
    return imaging_figure("scanner_strata", names, state, rule, subjects=n, measures=values)


def _codes(frame: pd.DataFrame, names: list[str]) -> np.ndarray:
    columns = [pd.factorize(frame[name], use_na_sentinel=True)[0] for name in names]
    return np.column_stack(columns).astype(np.int64) if columns else np.empty((len(frame), 0), int)

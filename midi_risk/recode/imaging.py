"""The imaging figures of a release: what a recoding costs those who use the images.

Age noise, SUV error, error of the days between visits and scanner strata, from the same subjects
in the same order before and after a plan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import SET_JOINER, Hierarchy
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.attributes.numbers import parse_numbers
from midi_risk.attributes.open_bands import open_medians
from midi_risk.attributes.own_hierarchy import hierarchy_for
from midi_risk.attributes.recoding import UNPARSED
from midi_risk.attributes.stand_ins import age_string, date_string, number_of_band
from midi_risk.attributes.values import normalise
from midi_risk.document.plan import ImagingFigure
from midi_risk.errors import MeasureError
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePair:
    """A table as folded, and as it would be released.

    Parameters
    ----------
    table : SubjectTable
        As folded, everybody in it.
    before : pandas.DataFrame
        Its rows of the subjects that are released.
    left : SubjectTable
        As released, with the levels as decisions.
    given : mapping of str to Hierarchy
        Hierarchies of the user's own.
    """

    table: SubjectTable
    before: pd.DataFrame
    left: SubjectTable
    given: Mapping[str, Hierarchy]

    def texts(self, name: str) -> np.ndarray:
        """Return the values of an attribute before, shape (n,)."""
        return self.before[name].to_numpy(dtype=object)

    def shown(self, name: str) -> np.ndarray | None:
        """Return the values of an attribute after; None when it has no column."""
        if name not in self.left.frame.columns:
            return None
        return self.left.frame[name].to_numpy(dtype=object)

    def rule(self, attribute: Attribute) -> tuple[str, str]:
        """Return what becomes of a folded attribute: state and plain English."""
        shown = self.shown(attribute.name)
        if shown is None or not present(shown).any():
            return "removed", f"{attribute.name}: removed"
        texts = self.texts(attribute.name)
        known = pd.notna(texts)
        if bool((texts[known] == shown[known]).all()):
            return "exact", f"{attribute.name}: exact values"
        return "coarsened", self.described(attribute)

    def described(self, attribute: Attribute) -> str:
        """Return what the level of an attribute does, in plain English."""
        level = self.left.attributes[attribute.name].generalise_to
        if level is None:
            return f"{attribute.name}: coarsened"
        hierarchy = attribute_hierarchy(self.table, attribute, self.given)
        return hierarchy.describe(level, attribute.name)


def present(texts: np.ndarray) -> np.ndarray:
    """Return which texts are neither missing nor removed."""
    known: np.ndarray = pd.notna(texts) & (texts != UNPARSED)
    return known


def imaging_figure(
    name: str, attributes: list[str], state: str, rule: str, **more: object
) -> ImagingFigure:
    """Return a figure with its formula and source."""
    return ImagingFigure.model_validate(
        {
            "name": name, "attributes": attributes, "state": state, "rule": rule,
            "formula": FORMULAS[name], "reference": SOURCES[name], **more,
        }
    )  # fmt: skip


def interval_figure(view: ReleasePair) -> ImagingFigure | None:
    """Return the figure of visits; None where nobody was seen twice.

    Parameters
    ----------
    view : ReleasePair
    """
    name, visits = view.table.visit_dates, view.table.visits
    if not name or not len(visits):
        return None
    kept = np.flatnonzero(view.table.frame.index.isin(view.left.frame.index))
    visits = visits.loc[visits["subject"].isin(kept), ["subject", "day"]].drop_duplicates()
    subject = visits["subject"].to_numpy(dtype=np.int64)
    day = visits["day"].to_numpy(dtype=np.int64)
    several = int((np.bincount(subject, minlength=1) > 1).sum())
    if not several:
        return None
    attribute = next((a for a in view.left.attributes if a.name == name), None)
    state, rule = _date_rule(view, attribute, name)
    if state == "removed":
        return imaging_figure("visit_intervals", [name], state, rule, subjects=several)
    if state == "exact" or attribute is None:
        values = {**interval_error(subject, day, day), "worst_days": 0.0}
        return imaging_figure(
            "visit_intervals", [name], state, rule, subjects=several, measures=values
        )
    written = _written_days(view, attribute, day)
    values = {}
    if written is not None:
        values = interval_error(subject, day, written)
        worst = _worst_days(view, attribute)
        values |= {"worst_days": float(worst)} if worst is not None else {}
    return imaging_figure("visit_intervals", [name], state, rule, subjects=several, measures=values)


def _date_rule(view: ReleasePair, attribute: Attribute | None, name: str) -> tuple[str, str]:
    if attribute is None:
        return "exact", f"{name}: exact values"
    gone = attribute.decision is Decision.REMOVE
    if gone or (attribute.role is Role.DIRECT_IDENTIFIER and attribute.decision is None):
        return "removed", f"{name}: removed"
    if attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None:
        if name in view.before.columns:
            return "coarsened", view.described(attribute)
        return "coarsened", f"{name}: coarsened to {attribute.generalise_to}"
    return "exact", f"{name}: exact values"


def _written_days(view: ReleasePair, attribute: Attribute, day: np.ndarray) -> np.ndarray | None:
    """Return the day written for each day; None when the hierarchy does not tell it."""
    distinct, place = np.unique(day, return_inverse=True)
    texts = [date.fromordinal(int(d)).isoformat() for d in distinct]
    hierarchy = view.given.get(attribute.name)
    if hierarchy is None:
        hierarchy = hierarchy_for(attribute.revised(kind=Kind.DATE), texts)
    if set(texts) - set(hierarchy.frame.iloc[:, 0]):
        return None
    labels = hierarchy.apply(attribute.generalise_to or 0, texts)
    written = [date_string(label) if label else None for label in labels]
    if any(text is None for text in written):
        return None
    days = [_ordinal(text) for text in written if text is not None]
    return np.array(days, dtype=np.int64)[place.ravel()]


def _ordinal(text: str) -> int:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8])).toordinal()


def _worst_days(view: ReleasePair, attribute: Attribute) -> int | None:
    ladder = attribute.ladder or "date"
    own = attribute.name in view.given or attribute.hierarchy_steps
    if own or ladder not in LADDERS or LADDERS[ladder].reads is not Kind.DATE:
        return None
    names = LADDERS[ladder].level_names
    level = attribute.generalise_to
    number = names.index(level) if level in names else int(level or 0)
    return longest_period(ladder, number) - 1


@cache
def longest_period(ladder: str, level: int) -> int:
    """Return the days in the longest period that a level of a date ladder puts together.

    Examples
    --------
    >>> longest_period("date", 1), longest_period("date", 2), longest_period("date", 4)
    (10, 31, 366)
    """
    first = date(1960, 1, 1)
    days = [first + timedelta(days=i) for i in range((date(2000, 1, 1) - first).days)]
    texts = [day.isoformat() for day in days]
    numbers = np.array([day.toordinal() for day in days], dtype=np.float64)
    return max(Counter(LADDERS[ladder].columns(texts, numbers)[level - 1]).values())


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
    written = recorded
    if state != "exact":
        texts = view.texts(name)
        medians = open_medians(attribute.kind, dict(zip(texts, shown, strict=True)), texts)
        written = _numbers(shown, lambda label: medians.get(label) or written_of(label))
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

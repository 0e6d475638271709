"""Expected size of every class of the release in the population of a table.

Ages of classes are laid onto the age bands of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from midi_risk.errors import MeasureError, ThreatModelError, did_you_mean
from midi_risk.threat.population import (
    CASES,
    OPEN,
    Band,
    PopulationTable,
    checked_fraction,
    checked_total,
    implied_fraction,
    keys_of,
    overlap,
    parse_age_band,
    sum_over,
)


def absent_values(values: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which values are missing: None, NaN or the empty text."""
    return np.array([value is None or value != value or value == "" for value in values], bool)  # noqa: PLR0124


def _printed(bands: list[Band]) -> str:
    return ", ".join(f"{low}-{high}" if high < OPEN else f"{low}+" for low, high in bands)


def _shares(text: str, bands: list[Band], straddle: str) -> list[float] | str:
    """Return the share of each of the table's bands, or the name of the fault."""
    band = parse_age_band(text)
    if band is None:
        return "unread"
    shares = [overlap(band, cell) for cell in bands]
    known = [share for share in shares if share is not None]
    split = len(known) < len(shares) or any(0 < share < 1 for share in known)
    if split and (straddle == "error" or len(known) < len(shares)):
        return "split"
    years = sum(min(band[1], high) - max(band[0], low) + 1 for low, high in bands
                if max(band[0], low) <= min(band[1], high))  # fmt: skip
    return known if years == band[1] - band[0] + 1 else "outside"


class Refused:
    """Classes that a table says nothing of, and why: they count as seen in the release only.

    Parameters
    ----------
    classes : int
        Number of classes.
    """

    def __init__(self, classes: int) -> None:
        self.rows = np.zeros(classes, dtype=bool)
        self.notes: list[str] = []

    def add(self, rows: NDArray[np.bool_], why: str) -> None:
        """Refuse some classes for one reason."""
        self.rows |= rows
        self.notes.append(f"{why}: 1/f")


def age_weights(
    table: PopulationTable, column: pd.Series, straddle: str, refused: Refused | None = None
) -> NDArray[np.float64]:
    """Return the share of each of the table's age bands that every class covers.

    Parameters
    ----------
    table : PopulationTable
        With the dimension age.
    column : pandas.Series
        Age or age band of every class as text; missing takes all bands.
    straddle : {"error", "uniform"}
        Whether part of a band may be taken by years.
    refused : Refused, optional
        Takes the classes whose age the table cannot answer, which is then no error.

    Returns
    -------
    numpy.ndarray
        Shape (classes, bands).

    Raises
    ------
    MeasureError
        When an age cannot be read, lies outside the table, or straddles its bands.
    """
    bands = table.bands()
    values = column.to_numpy(dtype=object)
    weights = np.ones((len(values), len(bands)))
    memo: dict[str, list[float] | str] = {}
    faults: dict[str, list[int]] = {"unread": [], "outside": [], "split": []}
    for row in np.flatnonzero(~absent_values(values)):
        text = str(values[row])
        if text not in memo:
            memo[text] = _shares(text, bands, straddle)
        found = memo[text]
        if isinstance(found, str):
            faults[found].append(int(row))
            weights[row] = 0.0
        else:
            weights[row] = found
    where = f"(attribute '{column.name}')"
    told = {
        "unread": ("is no year and no band", "Write 60, 60-64, 85+ or 060Y"),
        "outside": (
            f"reaches outside population table {table.name}",
            f"Its bands are {_printed(bands)}",
        ),
        "split": (
            f"straddles bands of population table {table.name}",
            (
                f"Recode age to bands that its own add up to ({_printed(bands)}), or declare"
                " straddle: uniform (an open band cannot be split)"
            ),
        ),
    }
    for fault, (text, hint) in told.items():
        if not faults[fault]:
            continue
        if refused is None:
            count = len(faults[fault])
            raise MeasureError(f"{count} classes have an age {where} that {text}", hint=hint)
        rows = np.zeros(len(values), dtype=bool)
        rows[faults[fault]] = True
        refused.add(rows, f"classes with an age {where} that {text} ({hint})")
    return weights


_CELL_LIMIT = 50_000_000
_SEX = {
    "m": "m",
    "male": "m",
    "man": "m",
    "1": "m",
    "f": "f",
    "female": "f",
    "woman": "f",
    "2": "f",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedClassSizes:
    """What a table says of each class.

    Parameters
    ----------
    expected : numpy.ndarray
        Expected class size lambda in the population, shape (c,).
    suppressed : numpy.ndarray
        Whether suppressed cells were part of it (lambda is then too low), bool, shape (c,).
    fraction : (float, float)
        Declared interval of the sampling fraction.
    implied : float
        Subjects over people of the table: a check on the declaration.
    total : float
        People of the table within the window.
    notes : tuple of str
        Assumptions, one sentence each.
    refused : numpy.ndarray or None
        Classes that the table cannot answer, bool, shape (c,); their lambda is 0.
    """

    expected: NDArray[np.float64]
    suppressed: NDArray[np.bool_]
    fraction: tuple[float, float]
    implied: float
    total: float
    notes: tuple[str, ...]
    refused: NDArray[np.bool_] | None = None


def expected_class_sizes(
    table: PopulationTable,
    classes: pd.DataFrame,
    *,
    n_subjects: int,
    fraction: tuple[float, float],
    match: Mapping[str, str] | None = None,
    window_years: float | None = None,
    straddle: Literal["error", "uniform"] = "error",
    unmatched: Literal["error", "release"] = "error",
) -> ExpectedClassSizes:
    """Return the expected population size of every class.

    Parameters
    ----------
    table : PopulationTable
        People, or cases per year (`allocate` splits them over areas first).
    classes : pandas.DataFrame
        One row per class; columns of canonical text, None where a value is missing or
        suppressed (any value is then possible).
    n_subjects : int
        Subjects in the release.
    fraction : (float, float)
        Interval of the share of the population that is in the release.
    match : mapping of str to str, optional
        Table dimension -> column of ``classes``; by default columns of the same name. A
        dimension without a column is summed over.
    window_years : float, optional
        Years of recruitment; needed by a table of cases per year.
    straddle : {"error", "uniform"}
        What to do with an age band that covers part of a band of the table: refuse, or
        take a share by years (people spread evenly over the band).
    unmatched : {"error", "release"}
        What to do with a class whose value the table does not have: refuse all, or let the
        class alone count as seen in the release only.

    Returns
    -------
    ExpectedClassSizes

    Raises
    ------
    ThreatModelError
        When the fraction, the window or the match is wrong or missing.
    MeasureError
        When a class has an area or other value that the table does not have, an age band
        that straddles, or when the population is smaller than the release.

    Examples
    --------
    >>> from midi_risk.threat.population import load_table
    >>> people = load_table("us-population-2024")
    >>> classes = pd.DataFrame({"age": ["85+"], "sex": ["F"], "state": ["WY"]})
    >>> found = expected_class_sizes(people, classes, n_subjects=3, fraction=(0.001, 0.01))
    >>> found.expected.tolist()
    [6438.0]
    """
    declared = checked_fraction(*fraction)
    years = _window(table, window_years)
    total = checked_total(table, years, n_subjects)
    matched = _matched(table, classes, match)
    used = tuple(dimension for dimension in table.dimensions if dimension in matched)
    cells = sum_over(table.frame, keys_of(used))
    refused = Refused(len(classes)) if unmatched == "release" else None
    positions = [
        _positions(table, name, cells, classes[matched[name]], refused)
        for name in used
        if name != "age"
    ]
    shape = [len(values) + 1 for values, _ in positions]
    bands = table.bands() if "age" in used else [(0, 0)]
    if np.prod([*shape, len(bands)], dtype=np.float64) > _CELL_LIMIT:
        raise MeasureError(
            f"population table {table.name} has too many cells for its matched dimensions",
            hint="Match fewer dimensions, or cut the table to the areas of the release",
        )
    if "age" in used:
        weights = age_weights(table, classes[matched["age"]], straddle, refused)
        cell_band = np.searchsorted([low for low, _ in bands], cells["age_low"].to_numpy())
    else:
        weights = np.ones((len(classes), 1))
        cell_band = np.zeros(len(cells), dtype=np.int64)
    places = tuple(_lookup(values, cells[name]) for (values, _), name in zip(
        positions, [name for name in used if name != "age"], strict=True))  # fmt: skip
    rows = tuple(codes for _, codes in positions)
    known = _gather(cells["count"].to_numpy(np.float64), shape, len(bands), places, cell_band, rows)
    hidden = _gather(
        cells["suppressed"].to_numpy(np.float64), shape, len(bands), places, cell_band, rows
    )
    notes = table.notes
    if straddle == "uniform" and np.any((weights > 0) & (weights < 1)):
        notes = (*notes, "people are taken as spread evenly over the years of a table's age band")
    expected = (known * weights).sum(axis=1) * years
    if refused is not None:
        expected[refused.rows] = 0.0
        notes = (*notes, *refused.notes)
    return ExpectedClassSizes(
        expected=expected,
        refused=None if refused is None else refused.rows,
        suppressed=np.asarray(((hidden > 0) & (weights > 0)).any(axis=1)),
        fraction=declared,
        implied=implied_fraction(total, n_subjects),
        total=total,
        notes=notes,
    )


def _window(table: PopulationTable, window_years: float | None) -> float:
    if table.unit != CASES:
        return 1.0
    if window_years is None or window_years <= 0:
        raise ThreatModelError(
            "threat model",
            ["population.window_years: the table counts new cases per year and needs it"],
            hint="Give the years over which the subjects were recruited",
        )
    return float(window_years)


def _matched(
    table: PopulationTable, classes: pd.DataFrame, match: Mapping[str, str] | None
) -> dict[str, str]:
    if match is None:
        found = {name: name for name in table.dimensions if name in classes.columns}
    else:
        found = dict(match)
    faults = []
    for dimension, column in found.items():
        if dimension not in table.dimensions:
            known = did_you_mean(dimension, table.dimensions)
            faults.append(f"population.match: {table.name} has no '{dimension}'. {known}")
        elif column not in classes.columns:
            faults.append(f"population.match: '{column}' is not among the quasi-identifiers")
    if faults:
        raise ThreatModelError("threat model", faults)
    if not found:
        raise ThreatModelError(
            "threat model",
            [f"population.match: no quasi-identifier meets a dimension of {table.name}"],
            hint=f"Map its dimensions ({', '.join(table.dimensions)}) to attributes",
        )
    return found


def _folded(value: object, dimension: str) -> str:
    word = str(value).strip().casefold()
    return _SEX.get(word, word) if dimension == "sex" else word


def _positions(
    table: PopulationTable,
    dimension: str,
    cells: pd.DataFrame,
    column: pd.Series,
    refused: Refused | None,
) -> tuple[dict[str, int], NDArray[np.int64]]:
    """Return the place of each table value, and of each class; missing = the last place."""
    names = sorted({_folded(value, dimension) for value in cells[dimension].to_numpy(object)})
    places = {name: at for at, name in enumerate(names)}
    values = column.to_numpy(dtype=object)
    absent = absent_values(values)
    codes = np.array(
        [len(names) if gone else places.get(_folded(value, dimension), -1)
         for value, gone in zip(values, absent, strict=True)],
        dtype=np.int64,
    )  # fmt: skip
    unknown = int((codes < 0).sum())
    if unknown:
        shown = ", ".join(table.values(dimension)[:8])
        text = f"that population table {table.name} does not have"
        hint = f"Recode it to the table's values ({shown}...), or leave it out of population.match"
        if refused is None:
            raise MeasureError(
                f"{unknown} of {len(codes)} classes have a {dimension} (attribute"
                f" '{column.name}') {text}",
                hint=hint,
            )
        refused.add(
            codes < 0, f"classes with a {dimension} (attribute '{column.name}') {text} ({hint})"
        )
        codes[codes < 0] = len(names)
    return places, codes


def _lookup(places: dict[str, int], column: pd.Series) -> NDArray[np.int64]:
    name = str(column.name)
    return np.array([places[_folded(v, name)] for v in column.to_numpy(dtype=object)], np.int64)


def _gather(
    values: NDArray[np.float64],
    shape: list[int],
    n_bands: int,
    places: tuple[NDArray[np.int64], ...],
    cell_band: NDArray[np.int64],
    rows: tuple[NDArray[np.int64], ...],
) -> NDArray[np.float64]:
    """Return, for every class, the table's values by age band; place -1 holds the sum."""
    cube = np.zeros((*shape, n_bands))
    np.add.at(cube, (*places, cell_band), values)
    for axis in range(len(shape)):
        last = [slice(None)] * cube.ndim
        last[axis] = slice(-1, None)
        cube[tuple(last)] = cube.sum(axis=axis, keepdims=True)
    if not rows:
        return cube.reshape(1, n_bands)
    return np.asarray(cube[rows])

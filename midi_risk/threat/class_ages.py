"""Ages of classes laid onto the age bands of a population table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from midi_risk.errors import MeasureError
from midi_risk.threat.age_bands import OPEN, Band, overlap, parse_age_band
from midi_risk.threat.population import PopulationTable


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


def age_weights(table: PopulationTable, column: pd.Series, straddle: str) -> NDArray[np.float64]:
    """Return the share of each of the table's age bands that every class covers.

    Parameters
    ----------
    table : PopulationTable
        With the dimension age.
    column : pandas.Series
        Age or age band of every class as text; missing takes all bands.
    straddle : {"error", "uniform"}
        Whether part of a band may be taken by years.

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
    faults = {"unread": 0, "outside": 0, "split": 0}
    for row in np.flatnonzero(~absent_values(values)):
        text = str(values[row])
        if text not in memo:
            memo[text] = _shares(text, bands, straddle)
        found = memo[text]
        if isinstance(found, str):
            faults[found] += 1
        else:
            weights[row] = found
    where = f"(attribute '{column.name}')"
    if faults["unread"]:
        raise MeasureError(
            f"{faults['unread']} classes have an age {where} that is no year and no band",
            hint="Write 60, 60-64, 85+ or 060Y",
        )
    if faults["outside"]:
        raise MeasureError(
            f"{faults['outside']} classes have an age {where} that reaches outside population"
            f" table {table.name}",
            hint=f"Its bands are {_printed(bands)}",
        )
    if faults["split"]:
        raise MeasureError(
            f"{faults['split']} classes have an age {where} that straddles bands of population"
            f" table {table.name}",
            hint=f"Recode age to bands that its own add up to ({_printed(bands)}), or declare"
            " straddle: uniform (an open band cannot be split)",
        )
    return weights

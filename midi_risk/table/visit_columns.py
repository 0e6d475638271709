"""Which date states when a subject was seen, where no DICOM date does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from midi_risk.attributes.model import AttributeSet, Kind
from midi_risk.sources.model import SourceTable
from midi_risk.table.visits import VISIT_DATES, Codes, day_column


def visit_date(table: SourceTable) -> str:
    """Return the first DICOM date of a visit that has values, ``""`` when there is none.

    Parameters
    ----------
    table : SourceTable
        The leading source.
    """
    return next((name for name in VISIT_DATES if day_column(table, name) is not None), "")


def visits_elsewhere(
    sources: Sequence[tuple[SourceTable, Codes]], attributes: AttributeSet
) -> tuple[str, pd.DataFrame]:
    """Return the visits that any other date states, such as the column of a spreadsheet.

    Parameters
    ----------
    sources : sequence of (SourceTable, numpy.ndarray of int64)
        Each source with the subject of each row, -1 for nobody.
    attributes : AttributeSet

    Returns
    -------
    name : str
        Attribute on whose dates most subjects have two days or more, ``""`` when no
        subject has.
    visits : pandas.DataFrame
        Its distinct ``subject`` and ``day``, sorted.
    """
    name, most = "", 0
    best = np.empty((0, 2), dtype=np.int64)
    for table, of_row in sources:
        for attribute in attributes:
            if attribute.source != table.name or attribute.kind is not Kind.DATE:
                continue
            day = day_column(table, attribute.column)
            if day is None:
                continue
            seen = np.isfinite(day) & (of_row >= 0)
            pairs = np.column_stack([of_row[seen], day[seen].astype(np.int64)])
            pairs = np.unique(pairs, axis=0)
            several = int((np.bincount(pairs[:, 0]) >= 2).sum())
            if several > most:
                name, most, best = attribute.name, several, pairs
    return name, pd.DataFrame({"subject": best[:, 0], "day": best[:, 1]})

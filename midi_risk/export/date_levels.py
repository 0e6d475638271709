"""Which built-in ladder of dates a level of somebody's own hierarchy is equal to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from midi_risk.attributes.dates import parse_date
from midi_risk.attributes.ladder_time import date_columns
from midi_risk.attributes.own_hierarchy import OWN

DATE_LADDERS = frozenset({"date", "datetime", "birthdate", "year", OWN})
"""Hierarchies by which any date can be recoded, listed or not."""

_LEVELS = (("date", 1), ("date", 2), ("date", 3), ("date", 4), ("birthdate", 3), ("birthdate", 4))


def _bare(label: str) -> str:
    return label.replace("-", "").replace("/", "").replace(" ", "").casefold()


def same_date_level(labels: Mapping[str, str]) -> tuple[str, int] | None:
    """Return ladder and level with the same labels for all dates, None when there is none.

    Parameters
    ----------
    labels : mapping of str to str
        Date -> label; hyphens, slashes and blanks in labels do not count.

    Examples
    --------
    >>> same_date_level({"20120317": "2012-03", "2012-11-05": "201211"})
    ('date', 2)
    >>> same_date_level({"20120317": "before", "20121105": "after"}) is None
    True
    """
    read = [parse_date(value) for value in labels]
    texts = [found.text for found in read if found.text is not None]
    if not read or len(texts) < len(read):
        return None
    numbers = np.array([found.number for found in read])
    wanted = [_bare(label) for label in labels.values()]
    for ladder, level in _LEVELS:
        column = date_columns(ladder, texts, numbers)[level - 1]
        if [_bare(str(label)) for label in column] == wanted:
            return ladder, level
    return None

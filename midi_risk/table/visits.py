"""Visits: on which days a subject was seen, and what was done there on which scanner.

Which date states when a subject was seen, where no DICOM date does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.sources.column_names import column_words
from midi_risk.sources.model import SourceTable
from midi_risk.table.distinct import distinct_rows, numbered
from midi_risk.table.model import day_column, raw_codes
from midi_risk.table.subjects import VISIT_DATES, Subjects

Codes = npt.NDArray[np.int64]

SCANNER = ("Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber")
"""Attributes that together name a scanner, as far as they are released."""


def released_as_is(attributes: AttributeSet, table: SourceTable, name: str) -> bool:
    """Tell whether a column stays in the release without being coarsened."""
    if name not in table.rows.column_names:
        return False
    found = [a for a in attributes if a.source == table.name and a.column == name]
    return all(
        a.decision not in {Decision.REMOVE, Decision.GENERALISE}
        and a.role is not Role.DIRECT_IDENTIFIER
        for a in found
    )


def visits(table: SourceTable, subjects: Subjects, attributes: AttributeSet) -> pd.DataFrame:
    """Return the distinct days on which each subject was seen, with what was done.

    Parameters
    ----------
    table : SourceTable
        The leading source.
    subjects : Subjects
    attributes : AttributeSet
        With decisions: modality and scanner count as far as they are released as they are.

    Returns
    -------
    pandas.DataFrame
        ``subject`` (row number) and ``day`` (days since 0001-01-01), distinct and sorted;
        ``modality`` and ``scanner`` (codes of the set of that day) where known.
    """
    stated = (day_column(table, name) for name in VISIT_DATES)
    day = next((days for days in stated if days is not None), None)
    if day is None:
        return pd.DataFrame({"subject": np.empty(0, np.int64), "day": np.empty(0, np.int64)})
    seen = np.isfinite(day) & (subjects.of_row >= 0)
    who, when, visit = distinct_rows(subjects.of_row[seen], day[seen].astype(np.int64))
    found: dict[str, Codes] = {"subject": who, "day": when}
    derived = subjects.derived
    own = np.ones(len(day), bool) if len(derived) != len(day) else ~derived
    for column, parts in {"modality": ("Modality",), "scanner": SCANNER}.items():
        used = [p for p in parts if released_as_is(attributes, table, p)]
        codes = _joined([raw_codes(table.rows.column(p))[0] for p in used])
        if codes is not None:
            codes = np.where(own, codes, -1)
            found[column] = sets_by_visit(visit, codes[seen], len(who))
    return pd.DataFrame(found)


def _joined(columns: list[Codes]) -> Codes | None:
    """Return one code per combination, -1 where nothing is known; None when nothing ever is."""
    if not columns or not any((column >= 0).any() for column in columns):
        return None
    nothing = np.all([column < 0 for column in columns], axis=0)
    joined = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        width = int(column.max()) + 2
        size = (int(joined.max()) + 1) * width
        joined = numbered(joined * width + column + 1, size)[1]
    return np.where(nothing, -1, joined)


def sets_by_visit(visit: Codes, code: Codes, n: int) -> Codes:
    """Return one code per distinct set of codes of a visit, shape (n,).

    Parameters
    ----------
    visit, code : numpy.ndarray of int64, shape (r,)
        Rows; a code of -1 is not counted.
    n : int
        Visits.

    Examples
    --------
    >>> rows, what = np.array([0, 0, 1, 1, 2]), np.array([5, 7, 7, 5, 5])
    >>> sets_by_visit(rows, what, 3).tolist()
    [1, 1, 0]
    """
    known = code >= 0
    owner, member, _ = distinct_rows(visit[known], code[known])
    lengths = np.bincount(owner, minlength=n)
    begin = (np.cumsum(lengths) - lengths).astype(np.int64)
    place = np.arange(len(owner)) - np.repeat(begin, lengths)
    joined = lengths.astype(np.int64)
    for position in range(int(lengths.max(initial=0))):
        here = place == position
        column = np.full(n, -1, dtype=np.int64)
        column[owner[here]] = member[here]
        joined = joined * (int(column.max()) + 2) + column + 1
        joined = np.unique(joined, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return np.unique(joined, return_inverse=True)[1].reshape(-1).astype(np.int64)


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
) -> tuple[str, pd.DataFrame, tuple[str, ...]]:
    """Return the visits that any other date states, such as the columns of a spreadsheet.

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
    family : tuple of str
        The other attributes of these dates, where each visit has a column of its own.

    Notes
    -----
    Dates are looked at column by column; together, as the columns of one table whose names
    differ in a number or in words such as "baseline" (``date1``, ``visit_2_date``); and all
    dates of events of one table together. Of those on which as many subjects have several days,
    the first counts.
    """
    best: tuple[int, tuple[str, ...], Codes] = (0, (), np.empty((0, 2), dtype=np.int64))
    for table, of_row in sources:
        days: dict[str, Codes] = {}
        for attribute in attributes:
            if attribute.source != table.name or attribute.kind is not Kind.DATE:
                continue
            day = day_column(table, attribute.column)
            if day is not None:
                seen = np.isfinite(day) & (of_row >= 0)
                pairs = np.column_stack([of_row[seen], day[seen].astype(np.int64)])
                days[attribute.name] = np.unique(pairs, axis=0)
        for names in _together([attributes[name] for name in days]):
            pairs = np.unique(np.concatenate([days[name] for name in names]), axis=0)
            several = int((np.bincount(pairs[:, 0]) >= 2).sum())
            if several > best[0]:
                best = several, names, pairs
    _, names, pairs = best
    frame = pd.DataFrame({"subject": pairs[:, 0], "day": pairs[:, 1]})
    return (names[0] if names else ""), frame, names[1:]


_ORDINAL = re.compile(
    r"\d+|\b(?:first|second|third|fourth|fifth|last|baseline|bl|followup|follow up|fu|pre|post"
    r"|initial|final|early|late|prior|next|entry|exit)\b"
)
_ONE_EVENT = {"birthdate", "year"}


def _together(dates: Sequence[Attribute]) -> list[tuple[str, ...]]:
    """Return which dates of one table are looked at together: each, families, all of events."""
    released = [
        a
        for a in dates
        if a.decision is not Decision.REMOVE and a.role is not Role.DIRECT_IDENTIFIER
    ]
    events = [a for a in released if a.ladder not in _ONE_EVENT and not _once(a.column)]
    families: dict[str, list[str]] = {}
    for attribute in events:
        stem = " ".join(_ORDINAL.sub(" ", column_words(attribute.column)).split())
        families.setdefault(stem, []).append(attribute.name)
    groups: list[tuple[str, ...]] = [(a.name,) for a in dates]
    groups += [tuple(names) for names in families.values() if len(names) > 1]
    if len(events) > 1:
        groups.append(tuple(a.name for a in events))
    return list(dict.fromkeys(groups))


def _once(column: str) -> bool:
    """Tell a date of birth or death: it happens once and is no visit."""
    return bool(re.search(r"birth|geburt|naissance|nacimiento|\bdob\b|brth", column.casefold()))

"""Columns that state time between events of a person: days between scans, days since surgery.

Like days since the first visit they survive any shift of the dates, so the channel of visit
intervals measures them, whatever their role.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.own_hierarchy import hierarchy_for
from midi_risk.attributes.values import normalise_for
from midi_risk.errors import HierarchyError
from midi_risk.sources.column_names import column_words
from midi_risk.sources.model import SourceKind, SourceTable
from midi_risk.table.model import raw_codes

_LENGTH = (
    r"(?:days?|weeks?|months?|years?|yrs?|hours?|hrs?|time|tage|wochen|monate|jahre|zeit"
    r"|jours|semaines|mois|dias|semanas|meses|tiempo)"
)
_BETWEEN = (
    r"(?:between|betw|btw|from|to|since|until|till|after|before|post|pre|bis|seit|zwischen|nach"
    r"|vor|depuis|entre|avant|apres|desde|hasta|antes|despues)"
)
_WORDS = re.compile(
    rf"\b{_LENGTH}\b(?: \w+)*? {_BETWEEN}\b|\b{_BETWEEN}\b(?: \w+)* {_LENGTH}\b"
    r"|\binterval\b|\belapsed\b|\b(?:scan|visit|mri|test)s? (?:gap|delay|lag)\b"
    rf"|\bfollow ?up (?:duration|{_LENGTH})\b|\b{_LENGTH} (?:of )?follow ?up\b"
)
_WAVES = re.compile(
    r"(?:wave|w|visit|v|tp|ses|session|scan|mri|time|year|yr|t)_?\d+[_\-]?(?:to|2|bis)[_\-]?"
    r"(?:wave|w|visit|v|tp|ses|session|scan|mri|time|year|yr|t)_?\d+",
    re.IGNORECASE,
)
_STUDY_DAY = re.compile(r"(?:[A-Z]{2}|VISIT|A|TRT|TR\d\d)(?:ST|EN|S|E)?DY")
_OFFSET = "LongitudinalTemporalOffsetFromEvent"
_STATUS = re.compile(r"\b(?:status|flag|event|indicator|censor\w*|units?|unit of \w+|reason)$")
_OF_BIRTH = re.compile(r"\b(?:birth|birthday|geburt|naissance|nacimiento)\b")


def states_interval(attribute: Attribute, kind: SourceKind) -> bool:
    """Tell a column of time between events of a person; an age is none.

    Parameters
    ----------
    attribute : Attribute
    kind : SourceKind
        Study days (``--DY``) are those of CDISC tables.

    Examples
    --------
    >>> def named(name):
    ...     return Attribute(
    ...         name=name, source="t", column=name, role=Role.UNDECIDED, kind=Kind.NUMBER,
    ...         reason="",
    ...     )
    >>> names = ["days_between_scans", "MRIW1toW2", "AESTDY", "days_from_birth", "T1_T2_ratio"]
    >>> [name for name in names if states_interval(named(name), SourceKind.SDTM)]
    ['days_between_scans', 'MRIW1toW2', 'AESTDY']
    """
    if attribute.kind in {Kind.AGE, Kind.DATE, Kind.SEX, Kind.IDENTIFIER, Kind.TEXT}:
        return False
    if attribute.ladder == "agedays" or attribute.keyword not in {None, _OFFSET}:
        return False
    if attribute.ladder == "offset" or attribute.keyword == _OFFSET:
        return True
    words = column_words(attribute.column)
    if _OF_BIRTH.search(words) or _STATUS.search(words):
        return False
    if kind is SourceKind.SDTM and _STUDY_DAY.fullmatch(attribute.column):
        return True
    return bool(_WORDS.search(words) or _WAVES.search(attribute.column))


def intervals_of(
    sources: Sequence[tuple[SourceTable, np.ndarray]], attributes: AttributeSet
) -> pd.DataFrame:
    """Return what columns of intervals say of each subject, as far as they are released.

    Parameters
    ----------
    sources : sequence of (SourceTable, numpy.ndarray of int64)
        Each source with the subject of each row, -1 for nobody.
    attributes : AttributeSet
        With decisions: what is removed is left out, what is generalised has its labels.

    Returns
    -------
    pandas.DataFrame
        ``subject`` (row number), ``column`` (attribute) and ``value`` (text), distinct.
    """
    parts = [pd.DataFrame({"subject": np.empty(0, np.int64), "column": [], "value": []})]
    for table, of_row in sources:
        there = set(table.rows.column_names)
        for attribute in attributes:
            if (
                attribute.source != table.name
                or attribute.column not in there
                or attribute.decision is Decision.REMOVE
                or attribute.role in {Role.DIRECT_IDENTIFIER, Role.LINKAGE_KEY}
                or not states_interval(attribute, table.kind)
            ):
                continue
            codes, raw = raw_codes(table.rows.column(attribute.column))
            if _a_flag(attribute, raw):
                continue
            texts = np.array([*_shown(attribute, raw), ""], dtype=object)
            seen = (of_row >= 0) & (texts[codes] != "")
            part = pd.DataFrame(
                {"subject": of_row[seen].astype(np.int64), "value": texts[codes[seen]]}
            )
            part = part.drop_duplicates().assign(column=attribute.name)
            if len(part):
                parts.append(part)
    found = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return found[["subject", "column", "value"]]


def _a_flag(attribute: Attribute, raw: Sequence[str]) -> bool:
    """Tell a column of yes and no, in numbers, that says no unit of time: an event that was."""
    named = re.search(rf"\b{_LENGTH}\b", column_words(attribute.column))
    return not named and attribute.ladder != "offset" and set(raw) <= {"0", "1", ""}


def _shown(attribute: Attribute, raw: Sequence[str]) -> list[str]:
    """Return what a release shows for each raw value, ``""`` for nothing."""
    read = normalise_for(attribute, list(raw)).text
    plain = [
        text if text is not None else "" if attribute.kind is Kind.NUMBER else value.strip()
        for text, value in zip(read, raw, strict=True)
    ]
    if attribute.decision is not Decision.GENERALISE or attribute.generalise_to is None:
        return plain
    try:
        built = hierarchy_for(attribute, [text for text in dict.fromkeys(plain) if text])
        level = built.level_of(attribute.generalise_to)
    except HierarchyError:
        return plain
    labels = built.apply(level, [text or None for text in plain])
    return ["" if label is None or label == "*" else str(label) for label in labels]

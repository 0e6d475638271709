"""Linkage keys: which column names a subject, and how the keys of two tables match."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEY_NAMES = (
    "patientid",
    "participantid",
    "usubjid",
    "dicompatientid",
    "subjectid",
    "caseid",
    "casesubmitterid",
    "bcrpatientbarcode",
    "patientbarcode",
    "submitterid",
    "srcsubjectid",
    "subjectkey",
    "personid",
    "mrn",
    "medicalrecordnumber",
    "patientnumber",
    "patientno",
    "patientnr",
    "patientidentifier",
    "patientcode",
    "subjectnumber",
    "subjectno",
    "subjectidentifier",
    "participantidentifier",
    "tciapatientid",
    "tciasubjectid",
    "tciaid",
    "pseudonym",
    "patient",
    "participant",
    "subject",
    "subid",
    "subjid",
    "subj",
    "recordid",
    "ptid",
    "pid",
    "eid",
    "rid",
    "case",
    "id",
)
"""Folded names of subject keys, best first."""

_RANK = {name: rank for rank, name in enumerate(KEY_NAMES)}
_CLEAR = 0.02


def fold_name(name: str) -> str:
    """Return a column name without case, blanks and punctuation.

    Examples
    --------
    >>> fold_name("Patient's ID "), fold_name("(0010,0020)")
    ('patientsid', '00100020')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def key_rank(name: str) -> int | None:
    """Return how likely a column name is a subject key (0 best), None when it is not one.

    Examples
    --------
    >>> key_rank("patient_id"), key_rank("sample_id")
    (0, None)
    """
    folded = fold_name(name)
    return _RANK.get(folded, _RANK.get(folded.removeprefix("cases")))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMatch:
    """How the keys of one table map to those of another.

    Parameters
    ----------
    mapping : numpy.ndarray of int64
        For each left key the index of its right key, or -1.
    rule : str
        How they were compared, for the report.
    """

    mapping: NDArray[np.int64]
    rule: str

    @property
    def share(self) -> float:
        """Share of left keys that found a right key, 0..1; 0 when there are none."""
        return float(np.mean(self.mapping >= 0)) if len(self.mapping) else 0.0

    def __repr__(self) -> str:
        """Return counts only, never keys."""
        return f"KeyMatch({int((self.mapping >= 0).sum())} of {len(self.mapping)}, {self.rule!r})"


def _folded(key: str) -> str:
    return " ".join(key.split()).casefold()


def _whole_number(key: str) -> str:
    return re.sub(r"^(\d+)\.0+$", r"\1", _folded(key))


def _unpadded(key: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", _whole_number(key))


def _separators(key: str) -> str:
    return re.sub(r"[\s_\-./]+", "", _unpadded(key))


_RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("exact", lambda key: key),
    ("blanks and case ignored", _folded),
    ("decimal zero of whole numbers ignored", _whole_number),
    ("leading zeros ignored", _unpadded),
    ("separators ignored", _separators),
)


def match_keys(left: Sequence[str], right: Sequence[str]) -> KeyMatch:
    """Match the keys of two tables by the mildest rule that matches clearly more.

    Rules are tried from exact to ignoring a prefix that all keys of one side share, such
    as ``sub-`` or ``LIDC-IDRI-``. A milder rule is left only when the next raises the
    share of matched left keys by more than two percentage points. A rule never joins two
    left keys to one right key, nor chooses between right keys that it makes equal: those
    stay unmatched.

    Parameters
    ----------
    left, right : sequence of str
        Distinct keys of each side.

    Returns
    -------
    KeyMatch

    Examples
    --------
    >>> match_keys(["sub-01", "sub-02"], ["2", "1", "7"]).mapping.tolist()
    [1, 0]
    >>> match_keys(["A1", "a1"], ["A1"]).mapping.tolist()
    [0, -1]
    """
    best = KeyMatch(mapping=_matched(left, right, _RULES[0][1], _RULES[0][1]), rule="exact")
    attempts = [(rule, fold, fold) for rule, fold in _RULES[1:]]
    attempts += _prefix_rules(left, right)
    for rule, fold_left, fold_right in attempts:
        if best.share == 1.0:
            break
        mapping = _extended(best.mapping, _matched(left, right, fold_left, fold_right))
        found = KeyMatch(mapping=mapping, rule=rule)
        if found.share > best.share + _CLEAR:
            best = found
    return best


def _matched(
    left: Sequence[str],
    right: Sequence[str],
    fold_left: Callable[[str], str],
    fold_right: Callable[[str], str],
) -> NDArray[np.int64]:
    """Return right indices for left keys whose folded form is unique on both sides."""
    wanted = [fold_left(key) for key in left]
    places = _unique_places([fold_right(key) for key in right])
    alone = _unique_places(wanted)
    return np.array(
        [places.get(key, -1) if key and key in alone else -1 for key in wanted], dtype=np.int64
    )


def _unique_places(keys: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    twice: set[str] = set()
    for index, key in enumerate(keys):
        if key in places:
            twice.add(key)
        places[key] = index
    return {key: index for key, index in places.items() if key not in twice}


def _extended(sure: NDArray[np.int64], more: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add matches of a milder rule to surer ones, never using a right key twice."""
    taken = set(sure[sure >= 0].tolist())
    free = np.array([index not in taken for index in more.tolist()], dtype=bool)
    return np.where(sure >= 0, sure, np.where(free, more, -1))


def _prefix_rules(
    left: Sequence[str], right: Sequence[str]
) -> list[tuple[str, Callable[[str], str], Callable[[str], str]]]:
    """Return rules that drop the prefix which all keys of a side share."""
    prefixes = _common_prefix(left), _common_prefix(right)
    if not any(prefixes):
        return []

    def dropping(prefix: str) -> Callable[[str], str]:
        return lambda key: _separators(_folded(key).removeprefix(prefix))

    return [("a prefix common to all keys ignored", dropping(prefixes[0]), dropping(prefixes[1]))]


def _common_prefix(keys: Sequence[str]) -> str:
    """Return the letters and separators that all keys begin with, if digits follow."""
    if len(keys) < 2:
        starts = [re.match(r"[^\W\d_]+[\s_\-./]", _folded(key)) for key in keys]
        return starts[0].group() if starts and starts[0] else ""
    folded = [_folded(key) for key in keys]
    low, high = min(folded), max(folded)
    size = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    prefix = re.match(r"^.*[^\W\d]|^.*[\s_\-./]", low[:size])
    return prefix.group() if prefix else ""

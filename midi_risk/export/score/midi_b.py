"""Answer keys of MIDI-B: SQLite with a JSON of checks for each instance, and mapping files.

The published validation counts in four ways that flatter, which are corrected here and counted: an
instance that is missing passes what asks for a removal; a date passes as shifted where it is gone;
a text is found as part of a longer word, so a harmless word can hold one that was to go or to stay;
and text in pixels passes where one reader of letters reads nothing. Here a missing instance is
not judged, a shifted date has to be there, texts are whole words, and a box has to be blank.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from midi_risk.document.reliability import Score, ScoreRetention, ScoreTrap
from midi_risk.errors import ConfigError, SourceError
from midi_risk.export.dicom.one_copy import quiet
from midi_risk.export.score.output import Made, outputs, read_mapping
from midi_risk.export.score.plant import frames_of
from midi_risk.export.score.run import cell_of

TABLE = "answer_data"
_NEEDED = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AnswerData")
REMOVING = frozenset({"text_removed", "date_shifted", "uid_changed", "pixels_hidden"})
TRAPS = ("missing_file", "date_absent", "part_of_word", "pixels_unread")
_STEP = re.compile(
    r"<?\((?P<group>[0-9A-Fa-f]{4}),(?:\"(?P<creator>[^\"]*)\",)?(?P<element>[0-9A-Fa-f]{2,4})\)>?"
    r"(?:\[<?(?P<item>\d+)>?\])?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of the key.

    Parameters
    ----------
    action : str
    place : str
        Path of the attribute as the key writes it; empty for pixels.
    value, text : str
        Value in the test data, and what the check is about.
    category : str
        First family of its categories: hipaa, dicom or tcia.
    ids : tuple of str
        Patient, study, series, instance.
    """

    action: str
    place: str
    value: str
    text: str
    category: str
    ids: tuple[str, str, str, str]

    @property
    def once(self) -> tuple[str, ...]:
        """What makes it one check of a series: their score counts it once."""
        return (self.action, self.place, self.text, *self.ids[:3])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a check: as it is counted here, and as the published validation counts.

    Parameters
    ----------
    passed : bool or None
        None where it cannot be judged.
    theirs : bool or None
    trap : str
        Which of the four makes the difference, empty for none.
    """

    passed: bool | None
    theirs: bool | None
    trap: str = ""


def is_answer_key(path: Path) -> bool:
    """Tell an SQLite file from others, by its first bytes."""
    try:
        with path.open("rb") as handle:
            return handle.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def read_checks(path: Path) -> list[Check]:
    """Read the checks of an answer key.

    Raises
    ------
    ConfigError
        When it has no such table, or a row holds something else; no value is named.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            columns = {row[1] for row in database.execute(f"PRAGMA table_info({TABLE})")}
            lacking = [name for name in _NEEDED if name not in columns]
            if lacking:
                text = f"table {TABLE} has no column {', '.join(lacking)}"
                raise ConfigError(str(path), [text])
            chosen = ", ".join(f'"{name}"' for name in _NEEDED)
            rows = database.execute(f"SELECT {chosen} FROM {TABLE}").fetchall()  # noqa: S608
    except sqlite3.Error:
        raise ConfigError(str(path), ["this database cannot be read"]) from None
    checks: list[Check] = []
    for number, (*ids, answer) in enumerate(rows, 1):
        try:
            checks += _of_row([_bare(one) for one in ids], json.loads(answer))
        except (ValueError, TypeError, AttributeError):
            raise ConfigError(
                str(path), [f"row {number} of {TABLE}: AnswerData holds no checks"]
            ) from None
    return checks


def _of_row(ids: Sequence[str], answer: Mapping[str, Any]) -> Iterator[Check]:
    patient, study, series, instance = ids
    for check in answer.values():
        yield Check(
            action=_bare(check.get("action")),
            place=str(check.get("tag_ds") or check.get("tag") or ""),
            value=_bare(check.get("value")),
            text=_bare(check.get("action_text")),
            category=next(iter(check.get("answer_category_v2") or {"none": None})).lower(),
            ids=(patient, study, series, instance),
        )


def _bare(value: Any) -> str:
    """Return a text of the key without the angle brackets around it."""
    text = "" if value is None else str(value)
    return text[1:-1] if text[:1] == "<" and text[-1:] == ">" else text


def values_at(data_set: Dataset, place: str) -> list[str] | None:
    """Return the values of the attribute at a place; None where it is not there.

    Raises
    ------
    ValueError
        When the place is not written as the key writes places.
    """
    steps = list(_STEP.finditer(place))
    if not steps or _STEP.sub("", place).strip("<> ."):
        raise ValueError(place)
    at: Any = data_set
    for number, step in enumerate(steps):
        tag = _tag_of(at, step)
        if tag is None or tag not in at:
            return None
        element = at[tag]
        if number == len(steps) - 1:
            return _texts(element)
        if not isinstance(element.value, Items):
            return None
        item = int(step["item"] or 0)
        if item >= len(element.value):
            return None
        at = element.value[item]
    return None


def _tag_of(at: Dataset, step: re.Match[str]) -> Any:
    group, element = int(step["group"], 16), int(step["element"], 16)
    if step["creator"] is None:
        return Tag(group, element)
    try:
        return at.private_block(group, step["creator"]).get_tag(element & 0xFF)
    except KeyError:
        return None


def _texts(element: Any) -> list[str]:
    value = element.value
    if value is None or value == "":
        return []
    if isinstance(value, bytes):
        return [value.decode("latin-1").strip(" \0")]
    if isinstance(value, Items):
        return [str(len(value))]
    many = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    return [str(one).strip() for one in many if str(one).strip()]


def _is_word(text: str, value: str) -> bool:
    """Tell whether a text stands in a value as whole words.

    Examples
    --------
    >>> _is_word("ROE", "JANE^ROE"), _is_word("ROE", "MONROE"), _is_word("12", "112")
    (True, False, False)
    """
    found = re.escape(text.strip().casefold())
    return bool(text.strip()) and bool(
        re.search(rf"(?<![^\W_]){found}(?![^\W_])", value.casefold())
    )


def judged(check: Check, data_set: Dataset | None, mapping: Mapping[str, str]) -> Outcome:
    """Return what became of a check in the output of its instance, None for a missing one."""
    removal = check.action in REMOVING
    if data_set is None:
        return Outcome(passed=None, theirs=removal, trap="missing_file" if removal else "")
    if check.action == "pixels_hidden":
        return _hidden(check, data_set)
    if check.action not in _OF_VALUES:
        return _UNKNOWN
    try:
        values = values_at(data_set, check.place)
    except ValueError:
        return _UNKNOWN
    return _OF_VALUES[check.action](check, values, mapping)


def _shifted(check: Check, values: list[str] | None, _: Mapping[str, str]) -> Outcome:
    whole = _joined(values)
    theirs = whole != check.value
    passed = bool(whole) and theirs
    return Outcome(passed=passed, theirs=theirs, trap="" if passed == theirs else "date_absent")


def _changed(check: Check, values: list[str] | None, _: Mapping[str, str]) -> Outcome:
    whole = _joined(values)
    return _plain(passed=bool(whole) and whole != check.value)


def _consistent(check: Check, values: list[str] | None, mapping: Mapping[str, str]) -> Outcome:
    new = mapping.get(check.value)
    return _UNKNOWN if new is None else _plain(passed=_joined(values) == new)


def _present(_: Check, values: list[str] | None, __: Mapping[str, str]) -> Outcome:
    return _plain(passed=values is not None)


def _not_null(_: Check, values: list[str] | None, __: Mapping[str, str]) -> Outcome:
    return _plain(passed=bool(_joined(values)))


def _joined(values: list[str] | None) -> str:
    return "\\".join(values or [])


def _plain(*, passed: bool) -> Outcome:
    return Outcome(passed=passed, theirs=passed)


def _worded(check: Check, values: list[str] | None, _: Mapping[str, str]) -> Outcome:
    """Judge a text that has to go or to stay: whole words here, parts of words there."""
    whole = _joined(values)
    texts = _listed(check.text) or [check.value]
    words = [_is_word(text, whole) for text in texts]
    parts = [text.casefold() in whole.casefold() for text in texts]
    if check.action == "text_removed":
        passed, theirs = not any(words), not any(parts)
    else:
        passed, theirs = all(words), all(parts)
    return Outcome(passed=passed, theirs=theirs, trap="" if passed == theirs else "part_of_word")


_UNKNOWN = Outcome(passed=None, theirs=None)
_OF_VALUES: Mapping[str, Callable[[Check, list[str] | None, Mapping[str, str]], Outcome]] = {
    "tag_retained": _present,
    "text_notnull": _not_null,
    "text_retained": _worded,
    "text_removed": _worded,
    "date_shifted": _shifted,
    "uid_changed": _changed,
    "uid_consistent": _consistent,
    "patid_consistent": _consistent,
}
"""Action -> how it is judged by the values at its place."""


def _listed(text: str) -> list[str]:
    """Return the texts of a check, which may be a JSON list."""
    try:
        given = json.loads(text)
    except ValueError:
        return [text] if text.strip() else []
    many = given if isinstance(given, list) else [given]
    return [_bare(one) for one in many if str(one).strip()]


def _hidden(check: Check, data_set: Dataset) -> Outcome:
    """Judge a box of pixels: blank, or not proved hidden."""
    held = frames_of(data_set)
    try:
        box = json.loads(check.text)
        left, top = (int(n) for n in box["top_left"])
        right, bottom = (int(n) for n in box["bottom_right"])
    except (ValueError, TypeError, KeyError):
        return _UNKNOWN
    if held is None:
        return _UNKNOWN
    part = np.asarray(held[1][top:bottom, left:right])
    if not part.size:
        return _UNKNOWN
    blank = bool((part == part[:1, :1]).all())
    return Outcome(passed=blank, theirs=True, trap="" if blank else "pixels_unread")


def score_midi_b(
    key_file: Path, output: Path, mappings: Sequence[Path] = (), tool: str = ""
) -> Score:
    """Return the score of one run against an answer key of MIDI-B.

    Parameters
    ----------
    key_file : pathlib.Path
        SQLite.
    output : pathlib.Path
        Folder that the tool wrote.
    mappings : sequence of pathlib.Path
        Old and new UIDs, and old and new patient identifiers.
    tool : str

    Raises
    ------
    ConfigError
        When key or mapping cannot be read.
    SourceError
        When no instance of the key is in the output.

    Notes
    -----
    A check is counted once a series, as there. Of pixels that cannot be read here the trap is
    counted where a box is not blank, whatever their reader of letters would have said.
    """
    checks = read_checks(key_file)
    mapping = read_mapping(mappings)
    by_uid: dict[str, Made] = {one.instance: one for one in outputs(output) if one.instance}
    instances = {check.ids[3] for check in checks}
    made = {old: by_uid.get(mapping.get(old, old)) for old in instances}
    if not any(made.values()):
        raise SourceError(
            f"no instance of this key is in '{output}'",
            hint="Name the tool's list of UIDs with --mapping (id_old,id_new)",
        )
    traps = dict.fromkeys(TRAPS, 0)
    failed: dict[tuple[str, ...], tuple[Check, bool]] = {}
    for check in checks:
        one = made[check.ids[3]]
        with quiet():
            outcome = judged(check, None if one is None else one.data_set, mapping)
        if outcome.trap:
            traps[outcome.trap] += 1
        if outcome.passed is not None:
            before = failed.get(check.once, (check, False))[1]
            failed[check.once] = check, before or not outcome.passed
    return _score(key_file, tool, list(failed.values()), traps, made)


def _score(
    key_file: Path,
    tool: str,
    results: Sequence[tuple[Check, bool]],
    traps: Mapping[str, int],
    made: Mapping[str, Made | None],
) -> Score:
    cells: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    keeping: dict[str, list[bool]] = {}
    for check, bad in results:
        if check.action in REMOVING:
            place = check.action, check.category
            cells.setdefault(place, []).append((_rule(check), bad))
        else:
            keeping.setdefault(check.action, []).append(bad)
    return Score(
        key="midi-b",
        digest=hashlib.sha256(key_file.read_bytes()).hexdigest(),
        tool=tool,
        on=datetime.now(UTC).date().isoformat(),
        files=len(made),
        missing=sum(one is None for one in made.values()),
        cells=[cell_of(action, where, found) for (action, where), found in sorted(cells.items())],
        retention=[
            ScoreRetention(what=action, n=len(bad), kept=len(bad) - sum(bad))
            for action, bad in sorted(keeping.items())
        ],
        traps=[ScoreTrap(trap=name, checks=n) for name, n in traps.items()],
    )


def _rule(check: Check) -> str:
    """Return what fails as one: the attribute, whatever the item."""
    tags = [f"{m['group']}{m['creator'] or ''}{m['element']}" for m in _STEP.finditer(check.place)]
    names = [keyword_for_tag(tag) or tag if len(tag) == len("00100010") else tag for tag in tags]
    return "/".join(names) or "pixels"

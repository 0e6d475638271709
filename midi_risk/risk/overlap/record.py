"""Results of overlaps as they are kept: who was met stands in the store alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from midi_risk.document.files import write_private
from midi_risk.errors import SourceError, reason_of
from midi_risk.risk.overlap.match import Overlap
from midi_risk.risk.overlap.sides import Side

SCHEMA = "midi-risk/overlap/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """One search for the subjects in another release, as it was kept.

    Parameters
    ----------
    name, version : str
        Of the other release.
    date : str
        When it was searched.
    searched_by : str
    how : tuple of str
        Comparisons that were possible: ``uid``, ``key``, ``near``, ``pixels``.
    ours, theirs : str
        Digests of both sides.
    subjects, there : int
        Subjects of ours then, and of the other side.
    uid_hits, subject_hits, key_chance, pixel_hits : int
    near_hits, near_expected, near_judged
        See `midi_risk.risk.overlap.match.Near`.
    index : bool
        Whether the other side is an index of many collections.
    columns : tuple of str
        What the other side tells of each subject.
    known : mapping of str to tuple of str
        Subject of ours who is there -> what is told of them.
    same : bool
        Whether our side is still what was searched; set when it is read.
    """

    name: str
    version: str
    date: str
    searched_by: str
    how: tuple[str, ...]
    ours: str
    theirs: str
    subjects: int
    there: int
    uid_hits: int = 0
    subject_hits: int = 0
    key_chance: int = 0
    pixel_hits: int = 0
    near_hits: int = 0
    near_expected: float = 0.0
    near_judged: bool = False
    index: bool = False
    columns: tuple[str, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    same: bool = False

    def __repr__(self) -> str:
        """Return counts, never a subject."""
        return f"Linked({len(self.known)} of {self.subjects} subjects)"

    @property
    def edition(self) -> bool:
        """Whether the two are editions of one release: at least half of one side is in both."""
        smaller = self.subjects if self.index else min(self.subjects, self.there or self.subjects)
        return bool(self.known) and 2 * len(self.known) >= smaller


def linked_of(ours: Side, theirs: Side, found: Overlap, searched_by: str) -> Linked:
    """Return an overlap as it is kept.

    Parameters
    ----------
    ours, theirs : Side
    found : Overlap
    searched_by : str
    """
    return Linked(
        name=theirs.name,
        version=theirs.version,
        date=datetime.now(UTC).date().isoformat(),
        searched_by=searched_by,
        how=found.how,
        ours=ours.digest,
        theirs=theirs.digest,
        subjects=0 if ours.known is None else len(ours.known),
        there=found.subjects_there,
        uid_hits=found.uid_hits,
        subject_hits=found.key_hits,
        key_chance=found.key_chance,
        pixel_hits=found.pixel_hits,
        near_hits=found.near.hits,
        near_expected=found.near.expected,
        near_judged=found.near.judged,
        index=theirs.indexed,
        columns=found.columns,
        known=found.known,
        same=True,
    )


def keep(folder: Path, linked: Linked, place: str) -> Path:
    """Write a result, readable by its owner alone; an earlier one of the same place is replaced.

    Parameters
    ----------
    folder : pathlib.Path
    linked : Linked
    place : str
        What was searched, as named.

    Raises
    ------
    SourceError
        When it cannot be written.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", linked.name)[:40].strip("-") or "release"
    path = folder / f"{plain}-{hashlib.sha256(place.encode()).hexdigest()[:8]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise SourceError(f"the folder '{folder}' cannot be written: {reason_of(error)}") from None
    held = {"schema": SCHEMA} | {k: v for k, v in asdict(linked).items() if k != "same"}
    return write_private(path, json.dumps(held))


def read_linked(folder: Path, ours: str) -> list[Linked]:
    """Return the results that are kept, with whether they are of what is assessed now.

    Parameters
    ----------
    folder : pathlib.Path
    ours : str
        Digest of our side as it is now.

    Raises
    ------
    SourceError
        When one cannot be read: what it found is then not known.
    """
    return [_read(path, ours) for path in sorted(folder.glob("*.json"))]


def _read(path: Path, ours: str) -> Linked:
    """Return one result; every field has to be there, and nothing else."""
    try:
        held: dict[str, Any] = json.loads(path.read_bytes())
        schema = held.pop("schema")
        held |= {name: tuple(held[name]) for name in ("how", "columns")}
        held["known"] = {str(s): tuple(map(str, told)) for s, told in held["known"].items()}
        whole = set(held) | {"same"} == {field.name for field in fields(Linked)}
        if schema == SCHEMA and whole and date.fromisoformat(held["date"]):
            return Linked(**held, same=held["ours"] == ours)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise SourceError(
        f"'{path.name}' in '{path.parent}' is no result of an overlap",
        hint="Delete it and run midi-risk overlap again",
    )

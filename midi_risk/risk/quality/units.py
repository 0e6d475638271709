"""What quality control is about: the subjects, their files and rows, and the digests of these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.sources.files.archives import ArchiveError
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.look import digest_of, opened
from midi_risk.sources.inspection.run import objects_in
from midi_risk.sources.inspection.summary import Inspection
from midi_risk.sources.model import Extraction, SourceKind
from midi_risk.sources.scan.one_file import read_content
from midi_risk.table.subjects import find_subjects

BURNED_IN = "burned_in"
FREE_TEXT = "free_text"
CHANNELS = (BURNED_IN, "face", FREE_TEXT, "private_elements", "embedded_metadata")
"""Channels whose content people can see."""

SHOWS_TEXT = frozenset(
    {"US", "SC", "XA", "RF", "ES", "XC", "OT", "CR", "DX", "MG", "IO", "SM", "DOC", "GM", "OP",
     "IVUS", "PX", "ECG"}
)  # fmt: skip
"""Modalities whose images commonly show text; the others are sampled as well (practice 10)."""

FOUND, UNDECIDED = "found", "undecided"


@dataclass(slots=True, kw_only=True)
class Person:
    """A subject of the collection, and where it is found.

    Parameters
    ----------
    label : str
        Key of the subject.
    files : list of Listed
    modalities : set of str
    rows : str
        Digest of its rows in tables, empty where it has none.
    tables : list of str
        Names of those tables.
    """

    label: str
    files: list[Listed] = field(default_factory=list)
    modalities: set[str] = field(default_factory=set)
    rows: str = ""
    tables: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All subjects, by key, and one digest of who they are."""

    people: Mapping[str, Person]
    digest: str


def population_of(extraction: Extraction, images: Sequence[str | Path]) -> Population:
    """Return the subjects with their files and rows.

    Parameters
    ----------
    extraction : Extraction
        What was read and selected; its first table says who the subjects are.
    images : sequence of str or Path
        Where their files lie.
    """
    leading = extraction.tables[0]
    subjects = find_subjects(leading)
    labels = subjects.by_key(leading, subjects.of_row)
    people = {str(label): Person(label=str(label)) for label in subjects.labels.tolist()}
    _add_rows(extraction, labels, people)
    for listed in objects_in(images):
        if listed.shown in extraction.left:
            continue
        key, modality = _whose(listed)
        person = people.get(labels.get(key, ""))
        if person is not None:
            person.files.append(listed)
            person.modalities.add(modality)
    names = "\0".join(sorted(people))
    return Population(people=people, digest=hashlib.sha256(names.encode()).hexdigest())


def _whose(listed: Listed) -> tuple[str, str]:
    """Return key and modality that a file states; empty where it cannot be read."""

    def of(read_at: Any, size: int) -> tuple[str, str]:
        header = read_content(listed, read_at, size).header
        return ("", "") if header is None else (header.get("PatientID"), header.get("Modality"))

    try:
        key, modality = opened(listed, of)
    except (OSError, ArchiveError):
        return "", ""
    return key.strip(), modality.strip()


def _add_rows(
    extraction: Extraction, labels: Mapping[str, str], people: Mapping[str, Person]
) -> None:
    """Give each person the digest of its rows in all tables that are no headers."""
    held: dict[str, list[str]] = {}
    for table in extraction.tables:
        if table.kind is SourceKind.DICOM:
            continue
        frame = table.rows.to_pandas().astype(str)
        hashes = np.asarray(pd.util.hash_pandas_object(frame, index=False), dtype=np.uint64)
        who = frame[table.key].str.strip().map(labels)
        for label, places in who.groupby(who).groups.items():
            person = people.get(str(label))
            if person is not None:
                own = sorted(hashes[frame.index.get_indexer(places)].tolist())
                held.setdefault(person.label, []).append(f"{table.name}:{own}")
                person.tables.append(table.name)
    for label, parts in held.items():
        people[label].rows = hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_state(listed: Listed) -> dict[str, Any]:
    """Return path, size, time and SHA-256 of a file; an empty digest where it cannot be read."""
    try:
        digest = opened(listed, digest_of)
    except (OSError, ArchiveError):
        digest = ""
    return {
        "path": listed.shown, "size": listed.size, "mtime": listed.mtime, "sha256": digest,
    }  # fmt: skip


def is_same(state: Mapping[str, Any], now: Listed | None) -> bool:
    """Tell whether a file is the one that was read; hashed again where its time changed."""
    if now is None or now.size != state["size"]:
        return False
    return bool(now.mtime == state["mtime"] or file_state(now)["sha256"] == state["sha256"])


def strata_of(
    person: Person, channels: Iterable[str], inspection: Inspection | None
) -> dict[str, str]:
    """Return the stratum of a subject in each channel that it has.

    Strata follow risk: what the search found (or that nobody searched), and for text in pixels
    whether such images commonly show any.
    """
    strata: dict[str, str] = {}
    keys = {person.label, person.label.rpartition("/")[2]}
    for channel in channels:
        if not person.files and channel != FREE_TEXT:
            continue
        decided: set[str] = set()
        searched = False
        if inspection is not None and channel in inspection.found:
            searched = inspection.complete(channel)
            decided = {f.decision for f in inspection.found[channel] if keys & f.subjects}
        if "identifier" in decided:
            strata[channel] = FOUND
        elif UNDECIDED in decided:
            strata[channel] = UNDECIDED
        else:
            strata[channel] = "nothing_found" if searched else "not_searched"
            if channel == BURNED_IN:
                shows = bool(person.modalities & SHOWS_TEXT)
                strata[channel] += ",text_likely" if shows else ",text_unlikely"
    return strata

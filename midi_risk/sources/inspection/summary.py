"""What was looked at, against the files as they are now and the decisions of people."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.burned_in import FOLDER
from midi_risk.sources.inspection.burned_in import TABLES as PIXEL_TABLES
from midi_risk.sources.inspection.look import CHANNELS, FREE_TEXT, look_at
from midi_risk.sources.inspection.pixels import BURNED_IN
from midi_risk.sources.inspection.run import objects_in, read_decisions
from midi_risk.sources.inspection.store import InspectStore
from midi_risk.sources.inspection.strings import MARKER

DECISIONS = "decisions.csv"
"""File in the folder of results that holds what people decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One kind of finding in one place, over all files.

    Parameters
    ----------
    kind, place, decision : str
        Decision is identifier, harmless or undecided.
    units : int
        Files.
    subjects : frozenset of str
    """

    kind: str
    place: str
    decision: str
    units: int
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateElement:
    """One private element of a creator, over all files.

    Parameters
    ----------
    creator, element : str
        Element without its block, as ``0029xx10``.
    vr, shapes, hits : tuple of str
    files, values : int
        Files that hold it, and distinct values (at most 10,000 of each chunk are told apart).
    """

    creator: str
    element: str
    vr: tuple[str, ...]
    shapes: tuple[str, ...]
    hits: tuple[str, ...]
    files: int
    values: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelStratum:
    """Frames of one modality.

    Parameters
    ----------
    name : str
    total, looked : int
        Frames.
    """

    name: str
    total: int
    looked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelState:
    """How far pixels were looked at.

    Parameters
    ----------
    files, stale : int
        Objects there are; those that changed, went or were not reached.
    total, looked : int
        Frames.
    not_understood : int
        Objects that cannot be decoded.
    series_subjects, sampled : int
        Subjects with series of whom the median stands for frames that were not looked at, or would;
        and those among them, drawn by chance, of whom every frame was.
    room : bool
        Whether some frame is large enough to show text.
    strata : tuple of PixelStratum
        By modality.
    recall : mapping
        ``n``, ``found``, ``lower`` of planted lines; may be empty.
    reader : mapping
        ``name``, ``version``, ``models``.
    """

    files: int
    stale: int
    total: int
    looked: int
    not_understood: int
    series_subjects: int
    sampled: int
    room: bool
    strata: tuple[PixelStratum, ...]
    recall: Mapping[str, Any]
    reader: Mapping[str, Any]

    @property
    def complete(self) -> bool:
        """Whether every object was looked at by a reader that understands it."""
        return bool(self.files) and not self.stale and not self.not_understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a run of ``inspect`` says of the files as they are.

    Parameters
    ----------
    total : int
        Files and tables there are.
    looked : mapping of str to int
        Channel -> files looked at and understood, unchanged since.
    unseen : mapping of str to int
        Channel -> files looked at and not understood.
    stale : int
        Files that changed, went or were never looked at.
    found : mapping of str to tuple of Found
    private : tuple of PrivateElement
    recall : mapping
        ``n``, ``found``, ``lower`` of planted identifiers; may be empty.
    known : bool
        Whether the hospital's own list was searched for.
    pixels : PixelState or None
        How far pixels were looked at; None where no run ended.
    """

    total: int
    looked: Mapping[str, int]
    unseen: Mapping[str, int]
    stale: int
    found: Mapping[str, tuple[Found, ...]]
    private: tuple[PrivateElement, ...]
    recall: Mapping[str, float] = field(default_factory=dict)
    known: bool = False

    pixels: PixelState | None = None

    def complete(self, channel: str) -> bool:
        """Tell whether every unit was looked at by a search that understands it."""
        return not self.stale and bool(self.total) and self.looked[channel] == self.total


def _same(unit: Mapping[str, Any], now: Listed) -> bool:
    """Tell whether a file is the one that was looked at; read again where its time changed."""
    if (unit["size"], unit["mtime"]) == (now.size, now.mtime):
        return True
    return bool(unit["size"] == now.size and look_at(now).digest == unit["digest"])


def _same_table(unit: Mapping[str, Any]) -> bool:
    path = Path(unit["path"])
    try:
        state = path.stat()
        if (unit["size"], unit["mtime"]) == (state.st_size, state.st_mtime_ns):
            return True
        return bool(hashlib.sha256(path.read_bytes()).hexdigest() == unit["digest"])
    except OSError:
        return False


def read_inspection(
    folder: Path, paths: Sequence[str | Path], tables: Sequence[Path] = ()
) -> Inspection | None:
    """Read results and hold them against the files.

    Parameters
    ----------
    folder : pathlib.Path
        Of results.
    paths : sequence of str or Path
        What is assessed.
    tables : sequence of Path
        Tables that are assessed.

    Returns
    -------
    Inspection or None
        None where no run ended.
    """
    store = InspectStore(folder)
    beside = InspectStore(folder / FOLDER, "", PIXEL_TABLES)
    about, about_pixels = store.finished(), beside.finished()
    if about is None and about_pixels is None:
        return None
    there = {item.shown: item for item in objects_in(paths)}
    names = {os.fspath(path) for path in tables}
    units = {unit["path"]: unit for unit in store.table("units") if unit["stratum"] != "other"}
    of_tables = {name for name, unit in units.items() if unit["stratum"] == "table"}
    valid = [
        unit
        for name, unit in units.items()
        if (name in there and _same(unit, there[name])) or (name in names and _same_table(unit))
    ]
    missing = len(there) + len(names) - len(valid)
    gone = len(units) - len(valid) - len(of_tables - names)
    looked = {name: sum(name in unit["looked"] for unit in valid) for name in CHANNELS}
    objects = [unit for unit in valid if unit["stratum"] == "dicom"]
    unseen = {
        name: sum(name in unit["asked"] and name not in unit["looked"] for unit in objects)
        for name in CHANNELS
    }
    in_tables = len(valid) - len(objects)
    for name in CHANNELS:
        looked[name] += 0 if name == FREE_TEXT else in_tables
    decided = read_decisions(folder / DECISIONS)
    found = {name: _found(store, name, decided) for name in CHANNELS}
    pixels = None
    if about_pixels is not None:
        pixels = _pixels(beside, about_pixels, there)
        found[BURNED_IN] = _found(beside, BURNED_IN, decided)
    about = about or {}
    return Inspection(
        total=len(there) + len(names),
        looked=looked,
        unseen=unseen,
        stale=max(missing, gone, 0) + int(about.get("left", 0)),
        found=found,
        private=_private(store),
        recall=about.get("recall", {}),
        known=bool(about.get("known")),
        pixels=pixels,
    )


def _pixels(
    store: InspectStore, about: Mapping[str, Any], there: Mapping[str, Listed]
) -> PixelState:
    """Return how far pixels of the objects as they are were looked at."""
    units = store.table("units")
    valid = [u for u in units if u["path"] in there and _same(u, there[u["path"]])]
    drawn = {unit["subject"] for unit in valid if unit["method"] == "sample"}
    series = drawn | {unit["subject"] for unit in valid if unit["method"] == "series"}
    strata = {name: [0, 0] for name in sorted({unit["stratum"] for unit in valid})}
    for unit in valid:
        strata[unit["stratum"]][0] += unit["frames"]
        strata[unit["stratum"]][1] += unit["frames_looked"]
    return PixelState(
        files=len(there),
        stale=max(len(there), len(units)) - len(valid),
        total=sum(total for total, _ in strata.values()),
        looked=sum(looked for _, looked in strata.values()),
        not_understood=sum(not unit["looked"] for unit in valid),
        series_subjects=len(series),
        sampled=len(drawn),
        room=bool(about.get("room", True)),
        strata=tuple(PixelStratum(name=n, total=t, looked=k) for n, (t, k) in strata.items()),
        recall=about.get("recall", {}),
        reader=about.get("reader", {}),
    )


def _found(
    store: InspectStore, channel: str, decided: Mapping[tuple[str, str], str]
) -> tuple[Found, ...]:
    """Return findings by kind, place and decision."""
    units: Counter[tuple[str, str, str]] = Counter()
    subjects: dict[tuple[str, str, str], set[str]] = {}
    for row in store.table("findings"):
        if row["channel"] == channel:
            otherwise = "harmless" if row["kind"] == MARKER else "undecided"
            decision = decided.get((row["token_hash"], row["kind"]), otherwise)
            key = row["kind"], row["place"], decision
            units[key] += row["units"]
            subjects.setdefault(key, set()).update(row["subjects"])
    return tuple(
        Found(kind=kind, place=place, decision=decision, units=count,
              subjects=frozenset(subjects[kind, place, decision]))
        for (kind, place, decision), count in sorted(units.items())
    )  # fmt: skip


def _private(store: InspectStore) -> tuple[PrivateElement, ...]:
    """Return one row for each creator and element."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.table("private"):
        rows.setdefault((row["creator"], row["element"]), []).append(row)
    return tuple(
        PrivateElement(
            creator=creator,
            element=element,
            vr=tuple(sorted({row["vr"] for row in held})),
            shapes=tuple(sorted({row["shape"] for row in held})),
            hits=tuple(sorted({hit for row in held for hit in row["hits"]})),
            files=sum(row["files"] for row in held),
            values=len({value for row in held for value in row["values"]}),
        )
        for (creator, element), held in sorted(rows.items())
    )

"""Looking at the pixels of a collection: series by series, until done or out of time.

Results lie beside those of files, in a folder of their own: what headers say of each file
(``index``), and parts of whole series. Lines are planted into copies of the collection's own frames
at the end, so that the share found is that of this collection and of the way in which it was read.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydicom import dcmread
from scipy import special

from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.known import KnownValues
from midi_risk.sources.inspection.look import bytes_of
from midi_risk.sources.inspection.pixels import (
    BURNED_IN,
    CONTRASTS,
    SIZES,
    Indexed,
    Planted,
    SeriesLook,
    SeriesTask,
    chosen,
    is_text_like,
    look_at_tasks,
    lost_planting,
    lost_tasks,
    planted_in,
    planting_for,
)
from midi_risk.sources.inspection.planted import planted_token
from midi_risk.sources.inspection.reading import READER, TextReader, reader_named, too_small
from midi_risk.sources.inspection.rules import census_names
from midi_risk.sources.inspection.store import FINDINGS, UNITS, InspectStore
from midi_risk.sources.inspection.strings import classes_of
from midi_risk.sources.inspection.views import quiet
from midi_risk.sources.inspection.workers import ChunkWork, done

FOLDER = "pixels"
"""Where results of pixels lie inside the folder of results."""

CROPS = pa.schema([("token_hash", pa.string()), ("kind", pa.string()), ("picture", pa.binary())])
INDEX = pa.schema(
    [("path", pa.string()), ("size", pa.int64()), ("mtime", pa.int64()), ("about", pa.string())]
)
TABLES = {"units": UNITS, "findings": FINDINGS, "crops": CROPS}

SAMPLED = 59
"""Subjects of a sample at most: with none found, 5 % may have something."""

SAMPLED_FRAMES = 2_000
"""Frames after which no further subject is drawn into the sample."""

CANARIES = 96
"""Lines planted: each of four sizes and three contrasts eight times."""

LEAST_PROCESSES = 1
"""Decoders of pixels can end their process: they work in one of their own, also where one works."""

_A_FRAME = 4
_CHUNK_FILES = 512
_CHUNK_FRAMES = 24
_HEAD = 4 << 20
_TAGS = (
    "PatientID", "SeriesInstanceUID", "Modality", "InstanceNumber", "NumberOfFrames", "Rows",
    "Columns", "ImageType", "BurnedInAnnotation", "WindowCenter", "WindowWidth",
    "PhotometricInterpretation", "EncapsulatedDocument", "SamplesPerPixel", "BitsAllocated",
)  # fmt: skip
_SCREEN = frozenset({"SECONDARY", "SCREEN SAVE"})
_SLIDE = frozenset({"LABEL", "OVERVIEW"})
_SEED = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelOutcome:
    """What a run over pixels came to.

    Parameters
    ----------
    looked, held, left : int
        Files of series looked at now, held from before, and left when time was up.
    reader : bool
        False where the extra is missing; nothing was looked at then.
    """

    looked: int = 0
    held: int = 0
    left: int = 0
    reader: bool = True


def indexed(_beforehand: str, files: Sequence[Listed]) -> list[Indexed]:
    """Return what the headers of files say of where their frames belong."""
    return [_indexed(listed) for listed in files]


def lost_index(_beforehand: str, files: Sequence[Listed]) -> list[Indexed]:
    """Return what stands for headers that ended their worker twice."""
    return [Indexed(listed, frames=-1) for listed in files]


def _indexed(listed: Listed) -> Indexed:
    unseen = Indexed(listed, series=listed.shown, frames=-1)
    try:
        data = bytes_of(listed, _HEAD)
        if data is None:
            return unseen
        with quiet():
            ds = dcmread(BytesIO(data), force=True, stop_before_pixels=True,
                         specific_tags=list(_TAGS))  # fmt: skip
            if not len(ds):
                return unseen
            text = {name: str(ds.get(name, "") or "") for name in _TAGS}
            parts = {str(part).strip().upper() for part in ds.get("ImageType") or ()}
    except Exception:  # noqa: BLE001 - of a damaged file any error may come
        return unseen
    frames = -1 if text["EncapsulatedDocument"] else 0
    if not frames and text["Rows"] and text["Columns"] and text["BitsAllocated"]:
        said = text["NumberOfFrames"] or "1"
        frames = max(1, int(said)) if said.isdigit() else -1
    kind = "screen" if parts & _SCREEN or text["BurnedInAnnotation"].upper() == "YES" else ""
    shape = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "WindowCenter",
             "WindowWidth")  # fmt: skip
    try:
        order = int(text["InstanceNumber"] or 0)
    except ValueError:
        order = 0
    return Indexed(
        listed, subject=text["PatientID"], series=text["SeriesInstanceUID"] or listed.shown,
        modality=text["Modality"].upper(), kind="label" if parts & _SLIDE else kind, order=order,
        frames=frames, shape=tuple(text[name] for name in shape),
    )  # fmt: skip


def tasks_of(files: Iterable[Indexed], *, every: bool) -> list[SeriesTask]:
    """Return the series of files, with how each is looked at.

    Parameters
    ----------
    files : iterable of Indexed
    every : bool
        Whether all frames are looked at.
    """
    series: dict[tuple[str, str], list[Indexed]] = defaultdict(list)
    for one in files:
        series[one.subject, one.series].append(one)
    ordered = [
        tuple(sorted(held, key=lambda one: (one.order, one.listed.shown)))
        for _, held in sorted(series.items())
    ]
    whole = [every or _all_anyway(held) for held in ordered]
    sample = _sample([held for held, all_of in zip(ordered, whole, strict=True) if not all_of])
    return [
        SeriesTask(held, "frames" if all_of else "sample" if held[0].subject in sample
                   else "series")
        for held, all_of in zip(ordered, whole, strict=True)
    ]  # fmt: skip


def _count(held: Sequence[Indexed]) -> int:
    return sum(max(0, one.frames) for one in held)


def _all_anyway(held: Sequence[Indexed]) -> bool:
    return _count(held) <= _A_FRAME or any(map(is_text_like, held))


def _sample(series: Sequence[Sequence[Indexed]]) -> set[str]:
    """Return subjects drawn by a digest of their key, of whom all frames are looked at."""
    frames: Counter[str] = Counter()
    for held in series:
        frames[held[0].subject] += _count(held)
    drawn: set[str] = set()
    total = 0
    for subject in sorted(frames, key=_drawn_by):
        if len(drawn) == SAMPLED or (drawn and total + frames[subject] > SAMPLED_FRAMES):
            break
        drawn.add(subject)
        total += frames[subject]
    return drawn


def _drawn_by(subject: str) -> bytes:
    return hashlib.blake2b(subject.encode(), key=b"midi-risk sample 18", digest_size=16).digest()


def look_at_pixels(
    files: Sequence[Listed],
    store: InspectStore,
    *,
    known: KnownValues | None = None,
    known_digest: str = "",
    every: bool = False,
    until: float = float("inf"),
    jobs: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
    reader_name: str = "",
) -> PixelOutcome:
    """Look at the pixels of objects and keep what was found.

    Parameters
    ----------
    files : sequence of Listed
        DICOM objects.
    store : InspectStore
        Opened; its salt names tokens.
    known : KnownValues, optional
        The hospital's own list.
    known_digest : str
        Of its file.
    every : bool
        Whether all frames are looked at, not the median of a series.
    until : float
        `time.monotonic` after which no further chunk begins.
    jobs : int
    progress : callable, optional
    reader_name : str
        ``module:function``; `READER` by default.
    """
    name = reader_name or READER
    reader = reader_named(name)
    if reader is None:
        return PixelOutcome(reader=False)
    how = f"{name} {reader.version} {known_digest}"
    folder = store.folder / FOLDER
    every = every or _held_all(folder, how)
    kept = InspectStore(folder, f"{how} {'all' if every else 'series'}", TABLES)
    kept.open()
    headers = _index(files, folder, until, jobs)
    there = {listed.shown: (listed.size, listed.mtime) for listed in files}
    held = kept.held(there)
    tasks = [t for t in tasks_of(headers, every=every) if not _is_held(t, held)]
    waiting = len(files) - len(held)
    looked = 0
    work = ChunkWork(look_at_tasks, lost_tasks, name)
    processes = jobs if jobs > 1 else LEAST_PROCESSES
    for looks in done(work, _in_time(_chunks(tasks), until), processes):
        kept.write_part(_rows(looks, store, known))
        looked += sum(len(look.task.files) for look in looks)
        if progress is not None:
            progress(len(held) + looked, len(files))
    left = waiting - looked
    before = kept.finished() or {}
    recall = before.get("recall", {})
    if not left and (looked or not recall):
        recall = _recall(name, tasks_of(headers, every=every), processes, until)
    kept.finish({"left": left, "recall": recall, "mode": "all" if every else "series",
                 "room": any(map(_has_room, headers)), "reader": _about(reader)})  # fmt: skip
    return PixelOutcome(looked=looked, held=len(held), left=left)


def _held_all(folder: Path, how: str) -> bool:
    """Tell whether all frames were looked at before, in the same way."""
    return InspectStore(folder, f"{how} all", TABLES).is_marked()


def _about(reader: TextReader) -> dict[str, Any]:
    models = [
        {"name": model.name, "sha256": model.sha256, "licence": model.licence}
        for model in reader.models
    ]
    return {"name": reader.name, "version": reader.version, "models": models}


def _has_room(one: Indexed) -> bool:
    """Tell whether a frame of a file is large enough to show text."""
    if one.frames <= 0:
        return False
    try:
        return not too_small(int(one.shape[0]), int(one.shape[1]))
    except (ValueError, IndexError):
        return True


def _is_held(task: SeriesTask, held: set[str]) -> bool:
    return all(one.listed.shown in held for one in task.files)


def _in_time(chunks: Iterable[Any], until: float) -> Iterator[Any]:
    for chunk in chunks:
        if time.monotonic() > until:
            return
        yield chunk


def _chunks(tasks: Sequence[SeriesTask]) -> Iterator[list[SeriesTask]]:
    """Yield series together until they have some frames to be looked at."""
    chunk: list[SeriesTask] = []
    frames = 0
    for task in tasks:
        chunk.append(task)
        count = _count(task.files)
        frames += len(chosen(count)) + 1 if task.method == "series" else count
        if frames >= _CHUNK_FRAMES or len(chunk) >= _CHUNK_FILES:
            yield chunk
            chunk, frames = [], 0
    if chunk:
        yield chunk


def _index(files: Sequence[Listed], folder: Path, until: float, jobs: int) -> list[Indexed]:
    """Return what headers say, kept from one run to the next."""
    store = InspectStore(folder / "index", "", {"units": INDEX})
    store.open()
    by_path = {listed.shown: listed for listed in files}
    held = store.held({name: (one.size, one.mtime) for name, one in by_path.items()})
    found = [
        _unpacked(by_path[row["path"]], row["about"])
        for part in store.parts()
        for row in store.rows(part, "units")
    ]
    waiting = [listed for listed in files if listed.shown not in held]
    chunks = (waiting[at : at + _CHUNK_FILES] for at in range(0, len(waiting), _CHUNK_FILES))
    processes = jobs if jobs > 1 and len(waiting) > _CHUNK_FILES else 0
    for came in done(ChunkWork(indexed, lost_index), _in_time(chunks, until), processes):
        store.write_part({"units": [_packed(one) for one in came]})
        found += came
    return found


def _packed(one: Indexed) -> dict[str, Any]:
    about = [one.subject, one.series, one.modality, one.kind, one.order, one.frames, one.shape]
    return {"path": one.listed.shown, "size": one.listed.size, "mtime": one.listed.mtime,
            "about": json.dumps(about)}  # fmt: skip


def _unpacked(listed: Listed, text: str) -> Indexed:
    subject, series, modality, kind, order, frames, shape = json.loads(text)
    return Indexed(listed, subject, series, modality, kind, order, frames, tuple(shape))


def _rows(
    looks: Sequence[SeriesLook], store: InspectStore, known: KnownValues | None
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one chunk."""
    units: list[dict[str, Any]] = []
    found: dict[tuple[str, str, str], tuple[set[str], set[str]]] = {}
    scores: dict[tuple[str, str, str], float] = {}
    crops: dict[tuple[str, str], bytes] = {}
    for look in looks:
        for number, one in enumerate(look.task.files):
            seen = look.looked[number]
            units.append(
                {"path": one.listed.shown, "frame": None, "series": one.series,
                 "subject": one.subject, "stratum": one.modality or "none",
                 "looked": [BURNED_IN] if seen >= 0 else [], "method": look.task.method,
                 "digest": look.digests[number], "size": one.listed.size,
                 "mtime": one.listed.mtime, "frames": max(0, one.frames),
                 "frames_looked": max(0, seen), "asked": [BURNED_IN]}
            )  # fmt: skip
        for number, place, text, score, picture in look.strings:
            one = look.task.files[number]
            for hit in classes_of(text, known):
                key = hit.kind, place, hit.token
                paths, subjects = found.setdefault(key, (set(), set()))
                paths.add(one.listed.shown)
                subjects.add(one.subject)
                scores[key] = max(score, scores.get(key, 0.0))
                crops.setdefault((store.hashed(hit.kind, hit.token), hit.kind), picture)
    return {
        "units": units,
        "findings": [
            {"channel": BURNED_IN, "kind": kind, "place": place, "token": token,
             "token_hash": store.hashed(kind, token), "units": len(paths),
             "subjects": sorted(subjects), "score": scores[kind, place, token],
             "decision": "undecided"}
            for (kind, place, token), (paths, subjects) in found.items()
        ],
        "crops": [
            {"token_hash": code, "kind": kind, "picture": picture}
            for (code, kind), picture in crops.items()
        ],
    }  # fmt: skip


def _recall(name: str, tasks: Sequence[SeriesTask], jobs: int, until: float) -> dict[str, Any]:
    """Plant lines into series drawn by chance; return how many were found, {} without room."""
    hosts = [task for task in tasks if any(map(_has_room, task.files))]
    if not hosts:
        return {}
    draw = random.Random(_SEED)  # noqa: S311 - a seeded draw, no secret
    names = sorted(census_names())
    jobs_to_do: list[tuple[SeriesTask, tuple[Planted, ...]]] = []
    for first in range(0, CANARIES, 4):
        lines = tuple(
            planting_for(planted_token(draw, names, number), draw, number)
            for number in range(first, first + 4)
        )
        jobs_to_do.append((_host(draw.choice(hosts), draw), lines))
    chunks = (jobs_to_do[at : at + 2] for at in range(0, len(jobs_to_do), 2))
    work = ChunkWork(planted_in, lost_planting, name)
    planted = found = 0
    for came in done(work, _in_time(chunks, until), jobs):
        planted += sum(n for n, _ in came)
        found += sum(met for _, met in came)
    if not planted:
        return {}
    lower = float(special.betaincinv(found, planted - found + 1, 0.05)) if found else 0.0
    return {"n": planted, "found": found, "lower": lower, "sizes": list(SIZES),
            "contrasts": list(CONTRASTS)}  # fmt: skip


def _host(task: SeriesTask, draw: random.Random) -> SeriesTask:
    """Return what lines are planted into: a series of medians whole, else one file of it."""
    if task.method == "series":
        return task
    return SeriesTask((draw.choice([one for one in task.files if _has_room(one)]),), "frames")

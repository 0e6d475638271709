"""Looking at everything: files in chunks, by several processes, until done or out of time."""

from __future__ import annotations

import csv
import random
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from scipy import special

from midi_risk.sources.files.bounded import in_memory
from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.burned_in import PixelOutcome, look_at_pixels
from midi_risk.sources.inspection.known import KnownValues, read_known
from midi_risk.sources.inspection.look import (
    CHANNELS,
    EMBEDDED,
    FREE_TEXT,
    PRIVATE,
    Look,
    digest_of,
    is_object,
    look_at,
    not_looked_at,
    parts_of,
)
from midi_risk.sources.inspection.pixels import BURNED_IN
from midi_risk.sources.inspection.planted import planted_token
from midi_risk.sources.inspection.rules import Hit, candidates, census_names
from midi_risk.sources.inspection.store import InspectStore, texts_of
from midi_risk.sources.inspection.workers import ChunkWork, done

_CHUNK = 256
_VALUES = 10_000
_SUBJECTS = 100_000
_SAMPLE = 2_000
_CANARIES = 400
_METHODS = {
    EMBEDDED: "full walk of elements and streams",
    PRIVATE: "every element at every depth",
    FREE_TEXT: "rules and names of a census",
}


@lru_cache(maxsize=200_000)
def _candidates(text: str) -> tuple[Hit, ...]:
    return candidates(text)


@lru_cache(maxsize=4)
def _known(path: str) -> KnownValues | None:
    return read_known(Path(path)) if path else None


class _Gathered:
    """Findings of one chunk, each token once."""

    def __init__(self, known: KnownValues | None, asked: frozenset[str]) -> None:
        self._known = known
        self._asked = asked
        self._found: dict[tuple[str, str, str, str], tuple[list[int], set[str]]] = {}
        self._private: dict[tuple[str, str, str, str], tuple[list[int], set[int], set[str]]] = {}
        self.units: list[dict[str, Any]] = []
        self.sample: dict[str, None] = {}

    def _add(self, channel: str, hit: Hit, place: str, subject: str) -> None:
        if channel not in self._asked:
            return
        count, subjects = self._found.setdefault(
            (channel, hit.kind, place, hit.token), ([0], set())
        )
        count[0] += 1
        if len(subjects) < _SUBJECTS:
            subjects.add(subject)

    def _hits(self, text: str) -> list[Hit]:
        hits = list(_candidates(text))
        if self._known is not None:
            hits += [Hit("known", token) for token in self._known.hits(text)]
        return hits

    def text(self, place: str, text: str, subject: str) -> None:
        """Look at one text."""
        if place != "file name" and len(self.sample) < _SAMPLE and len(text) < 200:
            self.sample[text] = None
        shown = parts_of(text) if place == "file name" else (text,)
        for part in shown:
            for hit in self._hits(part):
                self._add(FREE_TEXT, hit, place, subject)

    def look(self, look: Look) -> None:
        """Take what was seen of one file."""
        asked = [name for name in CHANNELS if name in self._asked]
        looked = [name for name in asked if name not in look.unseen] if look.dicom else []
        self.units.append(
            {"path": look.shown, "frame": None, "series": "", "subject": look.subject,
             "stratum": "dicom" if look.dicom else "other", "looked": looked, "method": "inspect",
             "digest": look.digest, "size": look.size, "mtime": look.mtime, "asked": asked}
        )  # fmt: skip
        for fact in look.embedded:
            self._add(EMBEDDED, Hit(fact, fact), "", look.subject)
        for place, text in look.texts if FREE_TEXT in self._asked else ():
            self.text(place, text, look.subject)
        for value in look.private if PRIVATE in self._asked else ():
            hits = {hit.kind for hit in self._hits(value.text)} if value.text else set()
            key = (value.creator, value.element, value.vr, value.shape)
            files, values, kinds = self._private.setdefault(key, ([0], set(), set()))
            files[0] += 1
            kinds.update(hits)
            if len(values) < _VALUES:
                values.add(value.digest)
            for hit in self._hits(value.text) if value.text else ():
                self._add(PRIVATE, hit, f"{value.element}[{value.creator}]", look.subject)
        if self._known is not None and PRIVATE in self._asked:
            for place, raw in look.raw:
                for token in self._known.hits_in_bytes(raw):
                    self._add(PRIVATE, Hit("known", token), place, look.subject)

    def tables(self, store: InspectStore) -> dict[str, list[dict[str, Any]]]:
        """Return the rows to keep."""
        return {
            "units": self.units,
            "findings": [
                {"channel": channel, "kind": kind, "place": place, "token": token,
                 "token_hash": store.hashed(kind, token), "units": count[0],
                 "subjects": sorted(subjects), "score": None, "decision": "undecided"}
                for (channel, kind, place, token), (count, subjects) in self._found.items()
            ],
            "private": [
                {"creator": creator, "element": element, "vr": vr, "shape": shape,
                 "files": files[0], "values": sorted(values), "hits": sorted(kinds)}
                for (creator, element, vr, shape), (files, values, kinds) in self._private.items()
            ],
            "sample": [{"text": text} for text in self.sample],
        }  # fmt: skip


def looks_at(_beforehand: str, chunk: Sequence[Listed]) -> list[Look]:
    """Look at a chunk of files."""
    return [look_at(listed) for listed in chunk]


def lost_looks(_beforehand: str, chunk: Sequence[Listed]) -> list[Look]:
    """Return what stands for files that ended their worker twice."""
    return [not_looked_at(listed) for listed in chunk]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to.

    Parameters
    ----------
    looked, held, left : int
        Files looked at now, held from before, and left when time was up.
    pixels : PixelOutcome or None
        None where pixels were not asked for.
    """

    looked: int
    held: int
    left: int
    pixels: PixelOutcome | None = None


def _chunks(files: Iterable[Listed], until: float) -> Iterator[list[Listed]]:
    waiting = iter(files)
    while time.monotonic() <= until and (chunk := list(islice(waiting, _CHUNK))):
        yield chunk


def inspect_files(
    paths: Sequence[str | Path],
    folder: Path,
    *,
    tables: Sequence[tuple[Path, Mapping[str, Sequence[str]]]] = (),
    known: Path | None = None,
    channels: Sequence[str] = (*CHANNELS, BURNED_IN),
    every: bool = False,
    budget: float | None = None,
    jobs: int = 1,
    progress: Callable[[int, int | None], None] | None = None,
) -> Outcome:
    """Look at every file below paths, and keep what was found in a folder.

    Parameters
    ----------
    paths : sequence of str or Path
        As for `read_dicom`.
    folder : pathlib.Path
        Where results are kept; resumed where it holds some.
    tables : sequence of (Path, mapping of str to sequence of str)
        Files of tables -> column -> distinct texts.
    known : pathlib.Path, optional
        The hospital's own list.
    channels : sequence of str
        What is looked at; what was asked before is asked again of files that changed.
    every : bool
        Whether all frames are read, not the median of a series.
    budget : float, optional
        Seconds after which no further chunk begins.
    jobs : int
        Processes.
    progress : callable, optional

    Returns
    -------
    Outcome

    Raises
    ------
    SourceError
        When the folder or the list of known values cannot be used.
    """
    listed = [item for item in list_inputs(paths) if not item.reason]
    values = _known(str(known) if known else "")
    digest = _file_digest(known) if known else ""
    until = time.monotonic() + (budget if budget is not None else float("inf"))
    store = InspectStore(folder, digest)
    store.open()
    outcome = Outcome(looked=0, held=0, left=0)
    asked = frozenset(channels) & frozenset(CHANNELS)
    if asked:
        asked |= store.asked()
        outcome = _files(store, listed, tables, values, asked, until, jobs, progress)
    if BURNED_IN not in channels:
        return outcome
    seen = look_at_pixels(
        [item for item in listed if is_object(item)], store, known=values, known_digest=digest,
        every=every, until=until, jobs=jobs, progress=progress,
    )  # fmt: skip
    return replace(outcome, pixels=seen)


def _files(
    store: InspectStore,
    listed: Sequence[Listed],
    tables: Sequence[tuple[Path, Mapping[str, Sequence[str]]]],
    known: KnownValues | None,
    asked: frozenset[str],
    until: float,
    jobs: int,
    progress: Callable[[int, int | None], None] | None,
) -> Outcome:
    """Look at files and tables for the channels that need no pixels."""
    there = {item.shown: (item.size, item.mtime) for item in listed}
    for path, _ in tables:
        there[str(path)] = _stamp(path)
    held = store.held(there, asked)
    waiting = [item for item in listed if item.shown not in held]
    done_before = len(listed) - len(waiting)
    looked = 0
    for path, columns in tables if FREE_TEXT in asked else ():
        if str(path) not in held:
            store.write_part(_table_rows(store, path, columns, known, asked))
    processes = jobs if jobs > 1 else 0
    for looks in done(ChunkWork(looks_at, lost_looks), _chunks(waiting, until), processes):
        gathered = _Gathered(known, asked)
        for look in looks:
            gathered.look(look)
        store.write_part(gathered.tables(store))
        looked += len(looks)
        if progress is not None:
            progress(done_before + looked, len(listed))
    store.finish(
        {
            "left": len(waiting) - looked,
            "known": known is not None,
            "recall": recall_on(texts_of(_samples(store))) if FREE_TEXT in asked else {},
        }
    )
    return Outcome(looked=looked, held=done_before, left=len(waiting) - looked)


def _samples(store: InspectStore) -> Iterator[dict[str, Any]]:
    for part in store.parts():
        yield from store.rows(part, "sample")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return -1, -1
    return state.st_size, state.st_mtime_ns


def _file_digest(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    return digest_of(in_memory(data), len(data))


_PARTS = re.compile(r"xl/(?:workbook\.xml|comments/?\w*\.xml|threadedComments/.*\.xml)\Z")
_SAID = re.compile(r'<(?:\w+:)?(?:t|text)(?: [^>]*)?>([^<]+)<|<sheet [^>]*name="([^"]+)"')


def workbook_texts(path: Path) -> list[tuple[str, str]]:
    """Return names of sheets and comments on cells of a workbook."""
    found = []
    try:
        with zipfile.ZipFile(path) as book:
            for item in book.infolist():
                if _PARTS.match(item.filename) and item.file_size < (8 << 20):
                    text = book.read(item).decode("utf-8", "replace")
                    for comment, sheet in _SAID.findall(text):
                        place = "sheet name" if sheet else "cell comment"
                        found.append((place, sheet or comment))
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return []
    return found


def _table_rows(
    store: InspectStore,
    path: Path,
    columns: Mapping[str, Sequence[str]],
    known: KnownValues | None,
    asked: frozenset[str],
) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one table: columns with texts, their names, sheets, comments."""
    gathered = _Gathered(known, asked)
    gathered.text("file name", path.name, "")
    for column, texts in columns.items():
        gathered.text("column name", column, "")
        for text in texts:
            gathered.text(column, text, "")
    for place, text in workbook_texts(path):
        gathered.text(place, text, "")
    size, mtime = _stamp(path)
    gathered.units.append(
        {"path": str(path), "frame": None, "series": "", "subject": "", "stratum": "table",
         "looked": [FREE_TEXT], "method": "inspect", "digest": _file_digest(path), "size": size,
         "mtime": mtime, "asked": sorted(asked)}
    )  # fmt: skip
    return gathered.tables(store)


def recall_on(texts: Sequence[str]) -> dict[str, float | int]:
    """Plant identifiers into texts of this collection and count how many are found.

    Half are names of the census by chance and of other countries, half dates and numbers in
    usual forms. The bound is of Clopper and Pearson, one-sided at 95 %.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    dict
        ``n``, ``found`` and ``lower``; empty without texts.

    Examples
    --------
    >>> recall_on(["AX T1 POST", "SAG T2 TSE"])["lower"] > 0.8
    True
    """
    if not texts:
        return {}
    draw = random.Random(18)  # noqa: S311 - a seeded draw, no secret
    names = sorted(census_names())
    found = 0
    for number in range(_CANARIES):
        host = draw.choice(texts)
        token = planted_token(draw, names, number)
        hits = set(_candidates(f"{host} {token}")) - set(_candidates(host))
        found += bool(hits)
    lower = float(special.betaincinv(found, _CANARIES - found + 1, 0.05)) if found else 0.0
    return {"n": _CANARIES, "found": found, "lower": lower}


def missed_at_most(lower: float, subjects: int, found: int = 0, left: float = 0.05) -> int:
    """Return how many more subjects than those found may have something.

    The largest D with ``P(Bin(D, lower) <= found) > left``, less those found.

    Parameters
    ----------
    lower : float
        Lower bound on the share that is found.
    subjects : int
        All there are.
    found : int
        Of them those of whom something was found.
    left : float
        One less the confidence.

    Examples
    --------
    >>> missed_at_most(0.84, 100), missed_at_most(0.5, 100), missed_at_most(0.0, 100)
    (1, 4, 100)
    >>> missed_at_most(0.8, 100, 10)
    6
    """
    most = found
    while most < subjects and special.bdtr(found, most + 1, lower) > left + 1e-12:
        most += 1
    return most - found


def objects_in(paths: Sequence[str | Path]) -> list[Listed]:
    """Return the DICOM objects below paths as they are now."""
    return [item for item in list_inputs(paths) if is_object(item)]


def read_decisions(path: Path) -> dict[tuple[str, str], str]:
    """Return decisions by token hash and kind, from a file that the page wrote.

    Parameters
    ----------
    path : pathlib.Path
        CSV with ``token_hash``, ``kind`` and ``decision``; absent: no decisions.
    """
    found: dict[tuple[str, str], str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            for row in csv.DictReader(handle):
                if row.get("decision") in {"identifier", "harmless"}:
                    found[str(row.get("token_hash")), str(row.get("kind"))] = str(row["decision"])
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    return found

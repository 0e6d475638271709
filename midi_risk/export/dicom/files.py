"""DICOM copies of whole sources, by as many processes as there are, resumable.

Every file of a source is opened, in folders and in archives, if its object meets the source's
``where`` condition. `one_copy` makes each copy; this module hands them out and keeps the ledger.
"""

from __future__ import annotations

import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydicom.dataset import Dataset

from midi_risk.errors import OutputError, SourceError
from midi_risk.export.dicom.acts import Acts
from midi_risk.export.dicom.ledger import Ledger, below
from midi_risk.export.dicom.one_copy import Copier
from midi_risk.export.dicom.opened import opened
from midi_risk.export.dicom.recode import Outcome, Statement
from midi_risk.export.dicom.rules import DicomRules
from midi_risk.export.rules import ReleaseRules
from midi_risk.sources.dicom.header import wanted_attributes
from midi_risk.sources.executor import LocalPool, processes
from midi_risk.sources.files.inputs import chunks_of, list_inputs
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.files.remote import shown_url
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.sources.scan.workers import pack_task, unpack_task
from midi_risk.sources.select import select_rows

ENDED = "copying it ended the worker process twice"
_CHUNK = 64
_MANY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of one source file.

    Parameters
    ----------
    source : str
        Printable path.
    target : str
        Path inside the release, empty when it was not written.
    reason : str
        Why it was not written.
    sha256, pixels : str
        Digest of what was written, and of the value of its pixel data.
    """

    source: str
    target: str = ""
    reason: str = ""
    sha256: str = ""
    pixels: str = ""

    def below(self, folder: str) -> Written:
        """Return it with a target inside a folder."""
        return replace(self, target=f"{folder}/{self.target}") if self.target else self


@dataclass(slots=True)
class Copies:
    """All copies of one release.

    Parameters
    ----------
    files : list of Written
        Every file met.
    outcome : Outcome
        Sums over the files written.
    """

    files: list[Written] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def written(self) -> int:
        """Number of files written."""
        return sum(bool(file.target) for file in self.files)

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Copies({self.written} of {len(self.files)} files)"


@dataclass(slots=True, kw_only=True)
class CopyTask:
    """All that a process needs to know for making copies."""

    folder: str
    rules: DicomRules
    release: ReleaseRules
    statement: Statement
    selected: Callable[[Dataset], bool] | None
    refused: Mapping[str, str]
    acts: Acts
    spliced: bool = True

    def copier(self) -> Copier:
        """Return what makes the copies."""
        return Copier(
            Path(self.folder), self.rules, self.release, self.statement, self.acts,
            self.selected, spliced=self.spliced,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One file of a chunk, with the path that its UIDs give; see `Written`."""

    number: int
    source: str
    target: str = ""
    base: str = ""
    reason: str = ""
    sha256: str = ""
    pixels: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What came of a chunk: its rows, and the sums of what recoding did."""

    rows: tuple[Row, ...]
    outcome: Outcome

    def packed(self) -> bytes:
        """Return it as JSON."""
        rows = [[getattr(row, name) for name in Row.__slots__] for row in self.rows]
        outcome = {name: dict(getattr(self.outcome, name)) for name in Outcome.__slots__}
        return json.dumps({"rows": rows, "outcome": outcome}).encode()

    @classmethod
    def unpacked(cls, content: bytes) -> Part:
        """Read it back."""
        data = json.loads(content)
        counts = {name: Counter(found) for name, found in data["outcome"].items()}
        return cls(tuple(Row(*row) for row in data["rows"]), Outcome(**counts))


Numbered = tuple[int, Listed]
"""A file and its number in the source."""


class Copying:
    """Making copies as the work of an executor."""

    entry = "midi_risk.export.dicom.files:answering"

    def __init__(self, task: CopyTask, *, travels: bool) -> None:
        self._task = task
        self._copier: Copier | None = None
        self.setup = pickle.dumps(task) if travels else b""

    def here(self, chunk: Sequence[Numbered]) -> Part:
        """Make copies in this process."""
        self._copier = self._copier or self._task.copier()
        return copied(self._copier, self._task.refused, chunk)

    def pack(self, chunk: Sequence[Numbered]) -> bytes:
        """Return a chunk as it travels."""
        numbers = json.dumps([number for number, _ in chunk]).encode()
        return numbers + b"\n" + pack_task([listed for _, listed in chunk], payloads=False)

    def unpack(self, content: bytes) -> Part:
        """Return what a worker did."""
        return Part.unpacked(content)

    def lost(self, chunk: Sequence[Numbered]) -> Part:
        """Return files that ended their worker twice."""
        return Part(
            tuple(Row(number, listed.shown, reason=ENDED) for number, listed in chunk), Outcome()
        )


def answering(setup: bytes) -> Callable[[bytes], bytes]:
    """Return what answers frames in a worker process."""
    task: CopyTask = pickle.loads(setup)  # noqa: S301 - from the process that started this one
    copier = task.copier()

    def answer(content: bytes) -> bytes:
        numbers, _, rest = content.partition(b"\n")
        files, _ = unpack_task(rest)
        chunk = list(zip(json.loads(numbers), files, strict=True))
        return copied(copier, task.refused, chunk).packed()

    return answer


def copied(copier: Copier, refused: Mapping[str, str], chunk: Sequence[Numbered]) -> Part:
    """Make the copies of a chunk."""
    numbers = {listed.shown: number for number, listed in chunk}
    tally: dict[int, list[Any]] = {}
    rows = []
    for file in opened([listed for _, listed in chunk]):
        number = numbers[file.shown]
        try:
            reason = file.reason or refused.get(file.shown, "")
            if reason or file.read_at is None:
                rows.append(Row(number, file.shown, reason=reason))
                continue
            found = copier.copy(file.read_at, file.size, number)
        finally:
            file.close()
        if isinstance(found, str):
            rows.append(Row(number, file.shown, reason=found))
        else:
            copy, outcome = found
            alike = tally.setdefault(id(outcome), [outcome, 0])
            alike[1] += 1
            rows.append(
                Row(number, file.shown, copy.target, copy.base, "", copy.sha256, copy.pixels)
            )
    total = Outcome()
    for outcome, times in tally.values():
        total.add(outcome, times)
    return Part(tuple(rows), total)


def write_copies(
    sources: Sequence[str | Path],
    folder: Path,
    rules: DicomRules,
    release: ReleaseRules,
    *,
    statement: Statement,
    selected: Callable[[Dataset], bool] | None = None,
    refused: Mapping[str, str] | None = None,
    acts: Acts | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    jobs: int | None = 1,
    ledger: Path | None = None,
    spliced: bool = True,
) -> Copies:
    """Write recoded copies of every DICOM file below some paths.

    Parameters
    ----------
    sources : sequence of path
        Folders, files and archives; they are only read.
    folder : pathlib.Path
        Folder for the copies: new, or with what the ledger tells of.
    rules, release
        What to do.
    statement : Statement
        For (0012,0062) and (0012,0063).
    selected : callable, optional
        Tells whether an object belongs to the collection.
    refused : mapping of str to str, optional
        Printable path -> why no conformant copy of it can be made.
    acts : Acts, optional
        What is done beyond the rules.
    progress : callable, optional
        Called with files done and None.
    jobs : int, optional
        Processes; one per core when None, none for few files.
    ledger : pathlib.Path, optional
        File that tells what is done, so that a run that was killed can be resumed; it holds the
        paths of the sources.
    spliced : bool
        Whether bytes are spliced where that is possible; the result is the same.

    Returns
    -------
    Copies

    Raises
    ------
    OSError
        When a copy cannot be written.

    Notes
    -----
    A copy lies under its study, series and object UID, because names of files and
    folders, and of archives and their members, often hold names of people; so no path of
    a member is ever a path on disk. Pixel data stay the bytes that they were, in the same
    transfer syntax; what was written is read again and compared. Objects with the same UIDs are
    told apart by numbers in the order of their sources, whoever was first.
    """
    task = CopyTask(
        folder=os.fspath(folder), rules=rules, release=release, statement=statement,
        selected=selected, refused=refused or {}, acts=acts or Acts(), spliced=spliced,
    )  # fmt: skip
    files = list_inputs(sources)
    first = list(islice(files, _MANY))
    workers = processes(jobs, len(first)) if selected is None or _travels(selected) else 0
    pool = LocalPool(Copying(task, travels=workers > 0), workers)
    book = Ledger(ledger, folder, replace(task, folder=""))
    rows: list[Row] = []
    total = Outcome()

    def taken(part: Part) -> None:
        rows.extend(part.rows)
        total.add(part.outcome)
        if progress is not None:
            progress(len(rows), None)

    waiting: dict[int, list[Numbered]] = {}
    resumed: list[bytes] = []

    def left() -> Iterator[list[Numbered]]:
        place = 0
        for chunk in _numbered(chunks_of(chain(first, files), _CHUNK)):
            done = book.done(chunk)
            if done is not None:
                resumed.append(done)
            else:
                waiting[place] = chunk
                place += 1
                yield chunk

    with book:
        for result in pool.run(left()):
            chunk = waiting.pop(result.place)
            part = _joined(result.parts)
            book.add(chunk, part.packed())
            taken(part)
    for content in resumed:
        taken(Part.unpacked(content))
    rows.sort(key=lambda row: row.number)
    return Copies(settled(folder, rows), total)


def _travels(selected: Callable[[Dataset], bool]) -> bool:
    """Tell whether a worker can be given what selects objects."""
    return isinstance(selected, Selection)


def _numbered(chunks: Iterable[list[Listed]]) -> Iterator[list[Numbered]]:
    """Yield chunks with the number of each file in its source."""
    number = 0
    for chunk in chunks:
        yield list(enumerate(chunk, number))
        number += len(chunk)


def _joined(parts: Sequence[Part]) -> Part:
    """Return the parts of a chunk that had to be halved as one."""
    total = Outcome()
    for part in parts:
        total.add(part.outcome)
    return Part(tuple(row for part in parts for row in part.rows), total)


def settled(folder: Path, rows: Sequence[Row]) -> list[Written]:
    """Give copies their names, by the order of their sources; remove what no row tells of.

    Parameters
    ----------
    folder : pathlib.Path
        Of the copies.
    rows : sequence of Row
        Of all files, in order.
    """
    claimed = {row.target for row in rows if row.target}
    for path in below(folder):
        if path not in claimed:
            (folder / path).unlink()
    wanted: dict[int, str] = {}
    met: Counter[str] = Counter()
    for row in rows:
        if row.target:
            met[row.base] += 1
            number = met[row.base]
            wanted[row.number] = row.base if number == 1 else f"{row.base[:-4]}-{number}.dcm"
    moved = [row for row in rows if row.target and row.target != wanted[row.number]]
    for row in moved:
        (folder / row.target).rename(folder / f"{row.base}~{row.number}.tmp")
    for row in moved:
        (folder / f"{row.base}~{row.number}.tmp").rename(folder / wanted[row.number])
    return [
        Written(
            source=row.source, target=wanted.get(row.number, ""), reason=row.reason,
            sha256=row.sha256, pixels=row.pixels,
        )
        for row in rows
    ]  # fmt: skip


def check_local(sources: Iterator[str] | Sequence[str]) -> None:
    """Refuse sources whose files are not on this machine.

    Raises
    ------
    OutputError
        When a source is remote.
    """
    for source in sources:
        if "://" in source:
            raise OutputError(
                f"{shown_url(source)}: apply writes local files only",
                hint="Fetch it as a file and name that in the project",
            )


class Selection:
    """What tells whether an object fulfils a condition; made by `selects`.

    Attributes
    ----------
    asked : tuple of str
        Keywords that the condition names.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._known: dict[tuple[str | None, ...], bool] = {}
        names = [item.keyword for item in wanted_attributes().values() if item.vr != "SQ"]
        self.asked = tuple(name for name in names if name.casefold() in where.casefold())

    def __call__(self, data_set: Dataset) -> bool:
        """Tell it of an object."""
        values = tuple(_text(data_set, name) for name in self.asked)
        if values not in self._known:
            named = dict(zip(self.asked, values, strict=True))
            self._known[values] = _fulfils(self._where, named)
        return self._known[values]


def selects(where: str) -> Selection:
    """Return what tells whether an object fulfils a condition.

    Parameters
    ----------
    where : str
        Condition over the columns that reading yields, as for the collection.

    Examples
    --------
    >>> from pydicom.dataset import Dataset
    >>> slice_ = Dataset()
    >>> slice_.Modality, slice_.PatientID = "CT", "p1"
    >>> selects("Modality = 'CT'")(slice_)
    True
    """
    return Selection(where)


def _text(data_set: Dataset, keyword: str) -> str | None:
    value = data_set.get(keyword)
    if value is None or value == "":
        return None
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        return "\\".join(str(part) for part in value)
    return str(value)


def _fulfils(where: str, values: dict[str, str | None]) -> bool:
    columns = {name: pa.array([value], pa.string()) for name, value in values.items()}
    columns.setdefault("PatientID", pa.array(["x"], pa.string()))
    table = SourceTable(
        name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID",
        rows=pa.table(columns),
    )  # fmt: skip
    extraction = Extraction(tables=(table,), files=FILE_SCHEMA.empty_table())
    try:
        return bool(select_rows(extraction, where).tables[0].rows.num_rows)
    except SourceError as error:
        if "keeps no row" in error.message:
            return False
        raise

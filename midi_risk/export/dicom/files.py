"""DICOM copies: read one file, recode it, write it under a name that tells nothing.

Every file of a source is opened, in folders and in archives, if its object meets the source's
``where`` condition.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pydicom
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from midi_risk import __version__
from midi_risk.errors import OutputError, SourceError
from midi_risk.export.dicom.acts import Acts, recode_object
from midi_risk.export.dicom.recode import Outcome, Statement, UnrecodableError, subject_key
from midi_risk.export.dicom.rules import DicomRules
from midi_risk.export.rules import ReleaseRules
from midi_risk.sources.dicom.header import wanted_attributes
from midi_risk.sources.files.archives import DAMAGED, ArchiveError, open_zip_member, tgz_readers
from midi_risk.sources.files.bounded import ReadAt
from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.files.remote import shown_url
from midi_risk.sources.files.sniff import Sniffed, sniff
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.sources.select import select_rows

_PIECE = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One file of a source.

    Parameters
    ----------
    shown : str
        Printable path; of an archive's member ``archive!/member``.
    size : int
        Bytes.
    stream : file or None
        Its content, from the beginning; the reader closes it.
    reason : str
        Why there is no stream.
    """

    shown: str
    size: int = 0
    stream: BinaryIO | None = None
    reason: str = ""


def opened_files(sources: Sequence[str | Path]) -> Iterator[Opened]:
    """Yield every file below paths with its content, in a fixed order.

    Parameters
    ----------
    sources : sequence of path
        Folders, files and archives, as the extraction reads them.

    Yields
    ------
    Opened
        Members of archives are held in memory one at a time; the checks of the
        extraction apply (unsafe paths, links, expansion).
    """
    for stream, group in groupby(list_inputs(sources), key=_stream):
        if stream is None:
            yield from map(_opened, group)
        else:
            yield from _members(list(group))


def _stream(listed: Listed) -> bytes | None:
    """Return the archive of a member that can only be read in one pass."""
    return listed.path if listed.inside.startswith("tgz:") else None


def _opened(listed: Listed) -> Opened:
    if listed.reason:
        return Opened(shown=listed.shown, reason=listed.reason)
    try:
        if listed.inside.startswith("zip:"):
            return _held(listed, open_zip_member(listed))
        handle = open(listed.path, "rb")  # noqa: PTH123, SIM115 - bytes; the reader closes it
        if not listed.inside:
            return Opened(shown=listed.shown, size=listed.size, stream=handle)
        with handle:
            handle.seek(int(listed.inside.split(":")[1]))
            content = handle.read(listed.size)
        return Opened(shown=listed.shown, size=listed.size, stream=io.BytesIO(content))
    except ArchiveError as error:
        return Opened(shown=listed.shown, reason=str(error))
    except OSError as error:
        reason = (error.strerror or "input/output error").lower()
        return Opened(shown=listed.shown, reason=f"cannot be read: {reason}")


def _held(listed: Listed, read_at: ReadAt) -> Opened:
    """Return a member with its content in memory."""
    content = bytearray()
    while len(content) < listed.size:
        piece = read_at(len(content), _PIECE)
        if not piece:
            break
        content += piece
    stream = io.BytesIO(bytes(content))
    return Opened(shown=listed.shown, size=listed.size, stream=stream)


def _members(members: list[Listed]) -> Iterator[Opened]:
    """Yield the members of one gzipped tar."""
    wanted = [member for member in members if not member.reason]
    for member in members:
        if member.reason:
            yield Opened(shown=member.shown, reason=member.reason)
    missing = {member.inside: member for member in wanted}
    try:
        for member, read_at in tgz_readers(wanted) if wanted else ():
            held = _held(member, read_at)
            del missing[member.inside]
            yield held
    except ArchiveError:
        pass
    for member in missing.values():
        yield Opened(shown=member.shown, reason=DAMAGED)


HEAD = 16384
DICOMDIR = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9.]{1,64}")


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
    """

    source: str
    target: str = ""
    reason: str = ""

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
) -> Copies:
    """Write recoded copies of every DICOM file below some paths.

    Parameters
    ----------
    sources : sequence of path
        Folders, files and archives; they are only read.
    folder : pathlib.Path
        New folder for the copies.
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

    Returns
    -------
    Copies

    Notes
    -----
    A copy lies under its study, series and object UID, because names of files and
    folders, and of archives and their members, often hold names of people; so no path of
    a member is ever a path on disk. Pixel data stay the bytes that they were, in the same
    transfer syntax.
    """
    copies = Copies()
    for opened in opened_files(sources):
        if opened.stream is not None and refused and opened.shown in refused:
            opened.stream.close()
            file = Written(source=opened.shown, reason=refused[opened.shown])
        else:
            file = _one(
                opened, folder, rules, release, statement, selected, acts or Acts(), copies.outcome
            )
        copies.files.append(file)
        if progress is not None:
            progress(len(copies.files), None)
    return copies


def _one(
    opened: Opened,
    folder: Path,
    rules: DicomRules,
    release: ReleaseRules,
    statement: Statement,
    selected: Callable[[Dataset], bool] | None,
    acts: Acts,
    total: Outcome,
) -> Written:
    if opened.stream is None:
        return Written(source=opened.shown, reason=opened.reason)
    with _quiet(), opened.stream as stream:
        data_set, reason = _read(stream, opened.size)
        if data_set is None:
            return Written(source=opened.shown, reason=reason)
        reason = _unreleased(data_set, release, selected)
        if reason:
            return Written(source=opened.shown, reason=reason)
        target = None
        try:
            outcome = recode_object(data_set, rules, release, acts, statement)
            target = _free(folder, data_set)
            _save(data_set, target)
        except MemoryError:
            raise
        except UnrecodableError as error:
            return Written(source=opened.shown, reason=f"cannot be recoded: {error}")
        except Exception as error:  # pydicom raises many kinds on damaged values
            if isinstance(error, OSError) and error.errno is not None:
                raise
            if target is not None:
                target.unlink(missing_ok=True)
            return Written(source=opened.shown, reason="damaged beyond recoding")
    total.add(outcome)
    return Written(source=opened.shown, target=target.relative_to(folder).as_posix())


class _quiet:  # noqa: N801 - reads as a statement
    """Let pydicom read and write damaged values without a word: its words hold them."""

    def __enter__(self) -> None:
        settings = config.settings
        self.before = (settings.reading_validation_mode, settings.writing_validation_mode)
        settings.reading_validation_mode = config.IGNORE
        settings.writing_validation_mode = config.IGNORE
        self.warnings = warnings.catch_warnings()
        self.warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *exc: object) -> None:
        settings = config.settings
        settings.reading_validation_mode, settings.writing_validation_mode = self.before
        self.warnings.__exit__(None, None, None)


def _read(stream: BinaryIO, size: int) -> tuple[Dataset | None, str]:
    """Return the data set of a file, or why there is none."""
    try:
        head = stream.read(HEAD)
        kind, start = sniff(head, size)
        if kind not in {Sniffed.DICOM, Sniffed.BARE}:
            return None, f"not recoded: {kind.value}"
        stream.seek(128 if kind is Sniffed.BARE and start == 128 else 0)
        data_set = pydicom.dcmread(stream, force=kind is Sniffed.BARE)
    except OSError as error:
        reason = (error.strerror or "").lower() if error.errno else "damaged"
        return None, f"cannot be read: {reason}"
    except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged files
        return None, "cannot be read: damaged"
    return data_set, ""


def _unreleased(
    data_set: Dataset, release: ReleaseRules, selected: Callable[[Dataset], bool] | None
) -> str:
    """Return why an object is not part of the release, empty when it is."""
    meta = getattr(data_set, "file_meta", None)
    if str(getattr(meta, "MediaStorageSOPClassUID", "")) == DICOMDIR or "FileSetID" in data_set:
        return "an index of other files (DICOMDIR)"
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        if not (data_set.get(keyword) or getattr(meta, f"MediaStorage{keyword}", "")):
            return f"no {keyword}: no conformant object can be written"
    return _of_nobody(data_set, release, selected)


def _of_nobody(
    data_set: Dataset, release: ReleaseRules, selected: Callable[[Dataset], bool] | None
) -> str:
    """Return why an object is of no subject that the release shows, empty when it is."""
    key = subject_key(data_set)
    if not key:
        return "no subject key (PatientID): its risk is not known"
    subject = release.assessed.get(key)
    if subject in release.suppressed:
        return "of a subject that the plan leaves out"
    if selected is not None and not selected(data_set):
        return "not selected by the collection's 'where'"
    if subject is None:
        return "of nobody whose risk was assessed: a phantom, an animal, or an unknown key"
    return ""


def _free(folder: Path, data_set: Dataset) -> Path:
    """Return a path that tells no more than the object's UIDs, not taken yet."""
    parts = []
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        text = str(data_set.get(keyword, "") or "").strip()
        good = _UID.fullmatch(text) is not None and text.strip(".") != ""
        parts.append(text if good else keyword.removesuffix("InstanceUID").lower() + "-unnamed")
    place = folder
    for part in parts[:2]:
        place = place / part
        place.mkdir(exist_ok=True, mode=0o700)
    target, number = place / f"{parts[2]}.dcm", 1
    while target.exists():
        number += 1
        target = place / f"{parts[2]}-{number}.dcm"
    return target


def _save(data_set: Dataset, target: Path) -> None:
    """Write with file meta information that names this tool and nobody's network."""
    meta: Dataset = getattr(data_set, "file_meta", None) or FileMetaDataset()
    syntax = meta.get("TransferSyntaxUID")
    if not syntax:
        implicit, little = data_set.original_encoding
        syntax = (
            ImplicitVRLittleEndian
            if implicit
            else ExplicitVRLittleEndian
            if little
            else ExplicitVRBigEndian
        )
    fresh = FileMetaDataset()
    fresh.FileMetaInformationVersion = b"\x00\x01"
    fresh.MediaStorageSOPClassUID = data_set.get("SOPClassUID") or meta.get(
        "MediaStorageSOPClassUID", ""
    )
    fresh.MediaStorageSOPInstanceUID = data_set.get("SOPInstanceUID") or meta.get(
        "MediaStorageSOPInstanceUID", ""
    )
    fresh.TransferSyntaxUID = syntax
    fresh.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    fresh.ImplementationVersionName = f"MIDI-RISK {__version__}"[:16]
    data_set.file_meta = fresh
    data_set.preamble = b"\0" * 128
    data_set.save_as(target, enforce_file_format=True, overwrite=False)
    target.chmod(0o600)


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


def selects(where: str) -> Callable[[Dataset], bool]:
    """Return a function that tells whether an object fulfils a condition.

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
    known: dict[tuple[str | None, ...], bool] = {}
    names = [item.keyword for item in wanted_attributes().values() if item.vr != "SQ"]
    asked = [name for name in names if name.casefold() in where.casefold()]

    def selected(data_set: Dataset) -> bool:
        values = tuple(_text(data_set, name) for name in asked)
        if values not in known:
            known[values] = _fulfils(where, dict(zip(asked, values, strict=True)))
        return known[values]

    return selected


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

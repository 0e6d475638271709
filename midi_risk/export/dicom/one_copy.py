"""One copy: read a file, recode it, write it, and compare what was written with what was meant.

`splice` changes the bytes of a file that its walk vouches for; the careful path lets pydicom read
and write everything else. Both write the same bytes. Pixel data are never decoded.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pydicom
from pydicom import config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from midi_risk import __version__
from midi_risk.export.dicom.acts import Acts
from midi_risk.export.dicom.opened import whole
from midi_risk.export.dicom.recode import (
    Outcome,
    Statement,
    UnrecodableError,
    of_nobody,
    recode,
    state_method,
    subject_key,
    visit_of,
)
from midi_risk.export.dicom.rules import DicomRules
from midi_risk.export.dicom.spans import (
    PIXELS,
    DeclinedError,
    MalformedPixelsError,
    end_of_fragments,
    walk,
)
from midi_risk.export.dicom.splice import Splicer
from midi_risk.export.dicom.untouched import encoded, remember, restore
from midi_risk.export.rules import ReleaseRules
from midi_risk.sources.files.bounded import ReadAt, in_memory
from midi_risk.sources.files.listing import cause_of
from midi_risk.sources.files.sniff import Sniffed, sniff

HEAD = 16384
DICOMDIR = "1.2.840.10008.1.3.10"
_UID = re.compile(r"[0-9.]{1,64}")
_ANY_DIGIT = re.compile(r"[0-9]")
_PIECE = 4 << 20
_SMALL = 1 << 20
_EXCLUSIVE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


@dataclass(slots=True)
class Prepared:
    """A copy before it is written.

    Parameters
    ----------
    names : tuple of str
        UIDs of study, series and object.
    head, tail : bytes
        All before and behind the pixel data.
    outcome : Outcome
    read_at : callable or None
        Of what holds the pixel data.
    start, value, value_end, end : int
        Where their element, its value and what follows the value stand there.
    digest : str
        SHA-256 of their value where the rest does not tell.
    """

    names: tuple[str, str, str]
    head: bytes
    outcome: Outcome
    tail: bytes = b""
    read_at: ReadAt | None = None
    start: int = 0
    value: int = 0
    value_end: int = 0
    end: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was written.

    Parameters
    ----------
    target : str
        Path below the folder of copies.
    base : str
        The path that the object's UIDs give; another one when two objects share them.
    sha256 : str
        Of the file.
    pixels : str
        SHA-256 of the value of its pixel data, empty when it has none.
    """

    target: str
    base: str
    sha256: str
    pixels: str


class _SourceError(Exception):
    """A source could not be read to its end; the message says why."""


class Copier:
    """What makes copies; one per process.

    Parameters
    ----------
    folder : pathlib.Path
        Where they go.
    rules, release, statement, acts, selected
        As for `midi_risk.export.dicom.files.write_copies`.
    spliced : bool
        Whether bytes are spliced where that is possible.
    """

    def __init__(
        self,
        folder: Path,
        rules: DicomRules,
        release: ReleaseRules,
        statement: Statement,
        acts: Acts | None = None,
        selected: Callable[[Dataset], bool] | None = None,
        *,
        spliced: bool = True,
    ) -> None:
        self._folder = os.fspath(folder)
        self._rules, self._release, self._statement = rules, release, statement
        self._acts, self._selected = acts or Acts(), selected
        splicer = Splicer(rules, release, statement, self._acts, selected)
        self._splicer = splicer if spliced else None
        self._made: set[str] = set()

    def copy(self, read_at: ReadAt, size: int, number: int) -> tuple[Copied, Outcome] | str:
        """Write the copy of one file.

        Parameters
        ----------
        read_at : callable
            Positioned reader.
        size : int
        number : int
            Of the file in its source, for names that are taken.

        Returns
        -------
        tuple of (Copied, Outcome) or str
            Why it was not written.

        Raises
        ------
        OSError
            When the copy cannot be written.
        """
        with quiet():
            try:
                prepared = self.prepare(read_at, size)
            except MemoryError:
                raise
            except (UnrecodableError, MalformedPixelsError) as error:
                return f"cannot be recoded: {error}"
            except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged values
                return "damaged beyond recoding"
        if isinstance(prepared, str):
            return prepared
        try:
            return self._write(prepared, number), prepared.outcome
        except _SourceError as error:
            return str(error)

    def prepare(self, read_at: ReadAt, size: int) -> Prepared | str:
        """Return a copy before it is written, or why there is none."""
        try:
            head = read_at(0, HEAD)
        except OSError as error:
            return f"cannot be read: {cause_of(error)}"
        kind, start = sniff(head, size)
        if kind not in {Sniffed.DICOM, Sniffed.BARE}:
            return f"not recoded: {kind.value}"
        if kind is Sniffed.DICOM and self._splicer is not None:
            try:
                return self._spliced(self._splicer, read_at, size)
            except DeclinedError:
                pass
            except OSError as error:
                return f"cannot be read: {cause_of(error)}"
        return self._careful(read_at, size, 128 if kind is Sniffed.BARE and start == 128 else 0)

    def _spliced(self, splicer: Splicer, read_at: ReadAt, size: int) -> Prepared | str:
        walked = walk(read_at, size)
        if walked.meta.get(0x00020002, b"").rstrip(b"\0 ") == DICOMDIR.encode():
            raise DeclinedError
        found = splicer.splice(walked)
        if isinstance(found, str):
            return found
        head = meta_header(found.sop_class, found.names[2], walked.syntax) + found.body
        prepared = Prepared(found.names, head, found.outcome, found.tail)
        pixels = walked.pixels
        if pixels is not None:
            prepared.read_at = read_at
            prepared.start, prepared.value, prepared.end = pixels.start, pixels.value, pixels.end
            prepared.value_end = walked.pixels_end
        return prepared

    def _careful(self, read_at: ReadAt, size: int, start: int) -> Prepared | str:
        """Let pydicom read and write what the splice does not understand."""
        try:
            stream = io.BytesIO(whole(read_at, size))
            stream.seek(start)
            data_set = pydicom.dcmread(stream, force=True)
        except OSError as error:
            return f"cannot be read: {cause_of(error) if error.errno else 'damaged'}"
        except Exception:  # noqa: BLE001 - pydicom raises many kinds on damaged files
            return "cannot be read: damaged"
        memory = remember(data_set)
        reason = self._unreleased(data_set)
        if reason:
            return reason
        key = subject_key(data_set)
        sop_class = str(data_set.get("SOPClassUID", "") or "")
        visit = visit_of(key, sop_class, self._rules, self._release)
        outcome = visit.outcome
        outcome.add(recode(data_set, self._rules, self._release))
        self._acts.do(data_set, visit, key)
        state_method(data_set, self._rules, self._statement)
        restore(data_set, memory)
        return _laid_out(data_set, outcome)

    def _unreleased(self, data_set: Dataset) -> str:
        """Return why an object is not part of the release, empty when it is."""
        meta = getattr(data_set, "file_meta", None)
        found = str(getattr(meta, "MediaStorageSOPClassUID", ""))
        if found == DICOMDIR or "FileSetID" in data_set:
            return "an index of other files (DICOMDIR)"
        for keyword in ("SOPClassUID", "SOPInstanceUID"):
            if not (data_set.get(keyword) or getattr(meta, f"MediaStorage{keyword}", "")):
                return f"no {keyword}: no conformant object can be written"
        selected = self._selected
        return of_nobody(
            subject_key(data_set),
            self._release,
            None if selected is None else lambda: selected(data_set),
        )

    def _write(self, prepared: Prepared, number: int) -> Copied:
        """Write a copy under a name that nobody has; compare what the disk then holds."""
        base, inside = _path(prepared.names)
        folder = f"{self._folder}/{inside}"
        if folder not in self._made:
            above = os.path.dirname(folder)  # noqa: PTH120 - per file
            for place in (above, folder):
                os.makedirs(place, mode=0o700, exist_ok=True)  # noqa: PTH103 - per file
            self._made.add(folder)
        target = base
        try:
            descriptor = os.open(f"{self._folder}/{base}", _EXCLUSIVE, 0o600)
        except FileExistsError:
            target = f"{base[:-4]}~{number}.dcm"
            taken = f"{self._folder}/{target}"
            if os.path.lexists(taken):  # left by a worker that died over it
                os.unlink(taken)  # noqa: PTH108 - per file
            descriptor = os.open(taken, _EXCLUSIVE, 0o600)
        try:
            digest, pixels = _write_all(descriptor, prepared)
        except BaseException:
            os.unlink(f"{self._folder}/{target}")  # noqa: PTH108 - per file
            raise
        finally:
            os.close(descriptor)
        return Copied(target, base, digest, pixels)


def _path(names: tuple[str, str, str]) -> tuple[str, str]:
    """Return the path that UIDs give, and its folder; it tells no more than they do."""
    parts = []
    for text, kind in zip(names, ("study", "series", "sop"), strict=True):
        good = _UID.fullmatch(text) is not None and _ANY_DIGIT.search(text) is not None
        parts.append(text if good else f"{kind}-unnamed")
    inside = f"{parts[0]}/{parts[1]}"
    return f"{inside}/{parts[2]}.dcm", inside


def _write_all(descriptor: int, prepared: Prepared) -> tuple[str, str]:
    """Write a copy and read it back; return its digest and that of its pixel data."""
    size = prepared.end - prepared.start
    if size <= _SMALL:
        element = b""
        if prepared.read_at is not None:
            element = _exactly(prepared.read_at, prepared.start, size)
        content = b"".join((prepared.head, element, prepared.tail))
        _put(descriptor, content)
        _compare(descriptor, 0, content)
        value = element[prepared.value - prepared.start : prepared.value_end - prepared.start]
        digest = prepared.digest or (hashlib.sha256(value).hexdigest() if element else "")
        return hashlib.sha256(content).hexdigest(), digest
    total, pixels = hashlib.sha256(prepared.head), hashlib.sha256()
    _put(descriptor, prepared.head)
    _compare(descriptor, 0, prepared.head)
    at = len(prepared.head)
    for offset in range(prepared.start, prepared.end, _PIECE):
        count = min(_PIECE, prepared.end - offset)
        piece = _exactly(prepared.read_at, offset, count)
        _put(descriptor, piece)
        _compare(descriptor, at, piece)
        total.update(piece)
        first, last = max(prepared.value - offset, 0), max(prepared.value_end - offset, 0)
        pixels.update(memoryview(piece)[first:last])
        at += count
    _put(descriptor, prepared.tail)
    _compare(descriptor, at, prepared.tail)
    total.update(prepared.tail)
    return total.hexdigest(), prepared.digest or pixels.hexdigest()


def _exactly(read_at: ReadAt | None, offset: int, count: int) -> bytes:
    """Return so many bytes of a source, or say that it changed."""
    piece = b""
    try:
        while read_at is not None and len(piece) < count:
            more = read_at(offset + len(piece), count - len(piece))
            if not more:
                raise _SourceError("changed while it was read")
            piece = piece + more if piece else more
    except OSError as error:
        raise _SourceError(f"cannot be read: {cause_of(error)}") from None
    return piece


def _put(descriptor: int, content: bytes) -> None:
    """Write all bytes."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _compare(descriptor: int, at: int, content: bytes) -> None:
    """Refuse a disk that gives back other bytes than it was given."""
    if hasattr(os, "pread"):
        back = os.pread(descriptor, len(content), at)
    else:
        os.lseek(descriptor, at, os.SEEK_SET)
        back = os.read(descriptor, len(content))
        os.lseek(descriptor, 0, os.SEEK_END)
    if back != content:
        raise OSError(errno.EIO, "the disk holds other bytes than were written")


class quiet:  # noqa: N801 - reads as a statement
    """Let pydicom read and write damaged values without a word: its words hold them."""

    def __enter__(self) -> None:
        """Keep the settings and be silent."""
        settings = config.settings
        self.before = (settings.reading_validation_mode, settings.writing_validation_mode)
        settings.reading_validation_mode = config.IGNORE
        settings.writing_validation_mode = config.IGNORE
        self.warnings = warnings.catch_warnings()
        self.warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *exc: object) -> None:
        """Put the settings back."""
        settings = config.settings
        settings.reading_validation_mode, settings.writing_validation_mode = self.before
        self.warnings.__exit__(None, None, None)


def _text_of(value: object) -> str:
    """Return a UID of pydicom as text, several as one that is none."""
    if value is None or isinstance(value, str):
        return str(value or "")
    return "\\".join(map(str, value)) if hasattr(value, "__iter__") else str(value)


def _laid_out(data_set: Dataset, outcome: Outcome) -> Prepared:
    """Return a recoded object as bytes, with file meta information that names this tool."""
    meta: Dataset = getattr(data_set, "file_meta", None) or Dataset()
    syntax = _syntax(meta, data_set)
    implicit, little = data_set.original_encoding
    if syntax.is_transfer_syntax and not syntax.is_private:
        implicit, little = syntax.is_implicit_VR, syntax.is_little_endian
    if implicit is None or little is None or not (syntax.is_transfer_syntax or syntax.is_private):
        raise ValueError("transfer syntax")
    other = data_set.original_encoding != (implicit, little)
    if other:
        data_set = correct_ambiguous_vr(data_set, little)
    body: list[bytes] = []
    tail: list[bytes] = []
    pixels = b""
    digest = ""
    for tag in sorted(data_set.keys()):
        if tag.element == 0:
            continue
        element = data_set[tag] if other else data_set.get_item(tag)
        if tag in PIXELS and not pixels:
            if isinstance(element, RawDataElement) and element.length == 0xFFFFFFFF and little:
                _check_fragments(element.value or b"")
            pixels = encoded(element, data_set, implicit=implicit, little=little)
            digest = hashlib.sha256(element.value or b"").hexdigest()
            continue
        content = encoded(element, data_set, implicit=implicit, little=little)
        (tail if pixels else body).append(content)
    names = tuple(
        _text_of(data_set.get(name))
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    head = meta_header(
        _text_of(data_set.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")),
        names[2] or _text_of(meta.get("MediaStorageSOPInstanceUID")),
        str(syntax),
    )
    content = b"".join(body)
    if syntax == DeflatedExplicitVRLittleEndian:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(b"".join((content, pixels, *tail))) + packer.flush()
        head += packed + bytes(len(packed) % 2)
        return Prepared((names[0], names[1], names[2]), head, outcome, digest=digest)
    prepared = Prepared((names[0], names[1], names[2]), head + content, outcome, b"".join(tail))
    if pixels:
        prepared.read_at, prepared.end = in_memory(pixels), len(pixels)
        prepared.value = prepared.value_end = 0
        prepared.digest = digest
    return prepared


def _syntax(meta: Dataset, data_set: Dataset) -> UID:
    """Return the transfer syntax of an object, by its form where nothing states one."""
    stated = _text_of(meta.get("TransferSyntaxUID"))
    if stated:
        return UID(stated)
    implicit, little = data_set.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if little else ExplicitVRBigEndian


def _check_fragments(value: bytes) -> None:
    """Refuse encapsulated pixel data that pydicom cut where no fragment ends."""
    ended = value + _DELIMITER
    if end_of_fragments(in_memory(ended), 0, len(ended)) != len(value):
        raise MalformedPixelsError("encapsulated pixel data that are no list of fragments")


_SHORT = struct.Struct("<HH2sH").pack


@lru_cache(maxsize=65536)
def _uid_element(tag: int, text: str) -> bytes:
    raw = text.encode("latin-1", "replace")
    raw += bytes(len(raw) % 2)
    return _SHORT(tag >> 16, tag & 0xFFFF, b"UI", len(raw)) + raw


def meta_header(sop_class: str, instance: str, syntax: str) -> bytes:
    """Return an empty preamble and file meta information of this tool (PS3.10 7.1).

    Parameters
    ----------
    sop_class, instance, syntax : str
        UIDs.

    Examples
    --------
    >>> len(meta_header("1.2", "1.2.3", "1.2.840.10008.1.2")) % 2
    0
    """
    version = f"MIDI-RISK {__version__}"[:16].encode("ascii")
    version += b" " * (len(version) % 2)
    content = b"".join(
        (
            _SHORT(2, 1, b"OB", 0) + struct.pack("<I", 2) + b"\0\1",
            _uid_element(0x00020002, sop_class),
            _uid_element(0x00020003, instance),
            _uid_element(0x00020010, syntax),
            _uid_element(0x00020012, str(PYDICOM_IMPLEMENTATION_UID)),
            _SHORT(2, 0x13, b"SH", len(version)) + version,
        )
    )
    length = _SHORT(2, 0, b"UL", 4) + struct.pack("<I", len(content))
    return bytes(128) + b"DICM" + length + content

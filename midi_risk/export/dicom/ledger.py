"""What of a release is done already, so that a run that was killed goes on where it ended.

One line of JSON for each chunk of sources, written when all its copies are there. A line counts
while its sources are what they were and its copies have the digests that it tells. The first line
says what was to be done; another task begins anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, Self

from midi_risk import __version__
from midi_risk.document.files import file_sha256
from midi_risk.sources.files.listing import Listed
from midi_risk.table.model import SubjectTable

LEDGER = "ledger.jsonl"


def below(folder: Path) -> Iterator[str]:
    """Yield the files below a folder, by their paths inside it."""
    for above, _, names in os.walk(folder):
        inside = os.path.relpath(above, folder)
        for name in names:
            yield name if inside == "." else f"{inside}/{name}"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, empty when it cannot be read."""
    try:
        return file_sha256(path)
    except OSError:
        return ""


class Ledger:
    """The ledger of one folder of copies.

    Parameters
    ----------
    path : pathlib.Path or None
        Of the file; None keeps none.
    folder : pathlib.Path
        Of the copies; what no valid line tells of is removed.
    task : object
        What is to be done.
    """

    def __init__(self, path: Path | None, folder: Path, task: object) -> None:
        self._path, self._folder = path, folder
        self._done: dict[str, str] = {}
        self._stream: BinaryIO | None = None
        self._signature = ""
        if path is not None:
            self._signature = signature(task)
            self._load(path)

    def _load(self, path: Path) -> None:
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        kept: set[str] = set()
        if lines and _said(lines[0]).get("task") == self._signature:
            for line in lines[1:]:
                said = _said(line)
                targets = dict(said.get("copies", ()))
                whole = all(digest_of(self._folder / t) == d for t, d in targets.items())
                if said and whole and not kept & targets.keys():
                    self._done[said["key"]] = said["part"]
                    kept |= targets.keys()
        for name in list(below(self._folder)):
            if name not in kept:
                (self._folder / name).unlink()

    def __enter__(self) -> Self:
        """Begin to write; lines that no longer count are gone."""
        if self._path is not None:
            self._stream = os.fdopen(
                os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"
            )
            self._line({"task": self._signature})
            for key, part in self._done.items():
                self._line(_entry(key, part))
        return self

    def __exit__(self, *exc: object) -> None:
        """End the file."""
        if self._stream is not None:
            self._stream.close()

    def _line(self, said: Mapping[str, object]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(said).encode() + b"\n")
            self._stream.flush()

    def done(self, chunk: Sequence[tuple[int, Listed]]) -> bytes | None:
        """Return what came of a chunk in an earlier run, None when it has to be done."""
        part = self._done.get(_key(chunk)) if self._done else None
        return None if part is None else part.encode()

    def add(self, chunk: Sequence[tuple[int, Listed]], part: bytes) -> None:
        """Note that a chunk is done."""
        if self._stream is not None:
            self._line(_entry(_key(chunk), part.decode()))


def _entry(key: str, part: str) -> dict[str, object]:
    """Return one line: the chunk, its copies with their digests, and all that came of it."""
    rows = json.loads(part)["rows"]
    return {"key": key, "copies": [[row[2], row[5]] for row in rows if row[2]], "part": part}


def _said(line: bytes) -> dict[str, Any]:
    """Return a line, empty when it was cut short."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _key(chunk: Sequence[tuple[int, Listed]]) -> str:
    """Return the digest of the files of a chunk as the file system shows them."""
    state = hashlib.sha256()
    for number, listed in chunk:
        about = (number, listed.path, listed.size, listed.mtime, listed.inside, listed.reason)
        state.update(repr(about).encode())
    return state.hexdigest()


def signature(task: object) -> str:
    """Return a digest of everything that decides what is written.

    Parameters
    ----------
    task : object
        A dataclass of plain values, mappings, sets and further dataclasses.

    Examples
    --------
    >>> signature({"b": 1, "a": {2, 1}}) == signature({"a": {1, 2}, "b": 1})
    True
    """
    state = hashlib.sha256(__version__.encode())
    _add(task, state.update)
    return state.hexdigest()


def _add(  # noqa: PLR0912 - one per kind
    value: object, update: Callable[[bytes], None]
) -> None:
    """Add a value to a digest, whatever order its parts came in."""
    update(f"<{type(value).__name__}".encode())
    if isinstance(value, SubjectTable):
        update(value.digest.encode())
    elif isinstance(value, Enum | str | bytes | int | float | None):
        update(repr(value).encode())
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in {"made", "canonical"}:  # what a labeller has met so far
                update(field.name.encode())
                _add(getattr(value, field.name), update)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            _add(key, update)
            _add(value[key], update)
    elif isinstance(value, AbstractSet):
        for item in sorted(value, key=repr):
            _add(item, update)
    elif isinstance(value, Sequence):
        for item in value:
            _add(item, update)
    elif hasattr(value, "__dict__"):
        _add({k: v for k, v in vars(value).items() if k != "_known"}, update)
    else:
        update(type(value).__qualname__.encode())
    update(b">")

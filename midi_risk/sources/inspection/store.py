"""What was looked at, kept part by part so that nothing is read twice.

Values found stand here alone, readable by their owner. Each part is one chunk of files; it is
written aside and renamed, so a run that is killed loses the chunk in flight. A part with a file
that changed or went is dropped whole, and its other files are looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from midi_risk.errors import SourceError, reason_of

VERSION = "2"
"""Of what is looked for: parts of another version are dropped."""

UNITS = pa.schema(
    [("path", pa.string()), ("frame", pa.int32()), ("series", pa.string()),
     ("subject", pa.string()),
     ("stratum", pa.string()), ("looked", pa.list_(pa.string())), ("method", pa.string()),
     ("digest", pa.string()), ("size", pa.int64()), ("mtime", pa.int64()),
     ("frames", pa.int64()), ("frames_looked", pa.int64()), ("asked", pa.list_(pa.string()))]
)  # fmt: skip
FINDINGS = pa.schema(
    [("channel", pa.string()), ("kind", pa.string()), ("place", pa.string()),
     ("token_hash", pa.string()), ("token", pa.string()), ("units", pa.int64()),
     ("subjects", pa.list_(pa.string())), ("score", pa.float64()), ("decision", pa.string())]
)  # fmt: skip
PRIVATE = pa.schema(
    [("creator", pa.string()), ("element", pa.string()), ("vr", pa.string()),
     ("shape", pa.string()), ("files", pa.int64()), ("values", pa.list_(pa.int64())),
     ("hits", pa.list_(pa.string()))]
)  # fmt: skip
SAMPLE = pa.schema([("text", pa.string())])
TABLES = {"units": UNITS, "findings": FINDINGS, "private": PRIVATE, "sample": SAMPLE}

_FINISHED = "finished.json"


class InspectStore:
    """The folder in which results of looking are kept, mode 0700.

    Parameters
    ----------
    folder : pathlib.Path
    how : str
        What else decides what is found: the digest of the list of known values.
    tables : mapping of str to pyarrow.Schema
        Of each part.
    """

    def __init__(
        self, folder: Path, how: str = "", tables: Mapping[str, pa.Schema] = TABLES
    ) -> None:
        self.folder = folder
        self._how = how
        self._tables = tables

    def is_marked(self) -> bool:
        """Tell whether what is kept was found in the way of this store."""
        try:
            return (self.folder / "version").read_text(encoding="ascii") == self._mark
        except (OSError, UnicodeDecodeError):
            return False

    @property
    def _mark(self) -> str:
        return f"{VERSION} {self._how}"

    def open(self) -> None:
        """Make the folder; drop parts of another version or another list of known values.

        Raises
        ------
        SourceError
            When it cannot be written.
        """
        try:
            (self.folder / "parts").mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            if not self.is_marked():
                shutil.rmtree(self.folder / "parts")
                (self.folder / "parts").mkdir(mode=0o700)
                self._put(self.folder / "version", self._mark.encode("ascii"))
            for aside in (self.folder / "parts").glob("*.tmp"):
                shutil.rmtree(aside, ignore_errors=True)
            if not (self.folder / "salt").exists():
                self._put(self.folder / "salt", secrets.token_bytes(32))
        except OSError as error:
            raise SourceError(
                f"the folder '{self.folder}' cannot be written: {reason_of(error)}"
            ) from None

    def _put(self, path: Path, data: bytes) -> None:
        aside = path.with_name(path.name + ".new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
        aside.replace(path)

    def hashed(self, kind: str, token: str) -> str:
        """Return the name of a token that tells nothing of it outside this folder."""
        salt = (self.folder / "salt").read_bytes()
        made = hashlib.blake2b(f"{kind}\0{token}".encode(), key=salt, digest_size=10)
        return made.hexdigest()

    def write_part(self, tables: Mapping[str, list[dict[str, Any]]]) -> None:
        """Keep one chunk."""
        number = 1 + max((int(p.name) for p in self.parts()), default=0)
        aside = self.folder / "parts" / f"{number:08d}.tmp"
        aside.mkdir(mode=0o700)
        for name, schema in self._tables.items():
            self._table(aside / f"{name}.parquet", tables.get(name, []), schema)
        aside.replace(aside.with_suffix(""))

    def _table(self, path: Path, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), handle)

    def parts(self) -> list[Path]:
        """Return the folders of whole parts."""
        return sorted(p for p in (self.folder / "parts").glob("*") if p.name.isdigit())

    def rows(self, part: Path, name: str) -> list[dict[str, Any]]:
        """Return the rows of one table of a part; of a damaged one none, and it is dropped."""
        try:
            rows: list[dict[str, Any]] = pq.read_table(part / f"{name}.parquet").to_pylist()
        except (OSError, pa.ArrowException):
            shutil.rmtree(part, ignore_errors=True)
            return []
        return rows

    def asked(self) -> set[str]:
        """Return the channels that were asked of any part."""
        return {
            name
            for part in self.parts()
            for unit in self.rows(part, "units")[:1]
            for name in unit["asked"] or ()
        }

    def held(
        self, there: Mapping[str, tuple[int, int]], asked: frozenset[str] = frozenset()
    ) -> set[str]:
        """Return the paths that need no second look, and drop parts with others that changed.

        Parameters
        ----------
        there : mapping of str to (int, int)
            Path -> size and time of change, as they are now.
        asked : frozenset of str
            Channels: parts that were looked at for fewer are dropped too.
        """
        kept: set[str] = set()
        for part in self.parts():
            units = self.rows(part, "units")
            same = all(there.get(u["path"]) == (u["size"], u["mtime"]) for u in units)
            asked_before = set(units[0].get("asked") or ()) if units else set()
            if not units or not same or not asked <= asked_before:
                shutil.rmtree(part, ignore_errors=True)
                continue
            kept.update(unit["path"] for unit in units)
        return kept

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the tables over all parts, and what was measured."""
        for name, schema in self._tables.items():
            rows = [row for part in self.parts() for row in self.rows(part, name)]
            aside = self.folder / f"{name}.new"
            self._table(aside, rows, schema)
            aside.replace(self.folder / f"{name}.parquet")
        self._put(self.folder / _FINISHED, json.dumps(about).encode())

    def finished(self) -> dict[str, Any] | None:
        """Return what was measured, None where no run ended."""
        try:
            read: dict[str, Any] = json.loads((self.folder / _FINISHED).read_bytes())
        except (OSError, ValueError):
            return None
        return read

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table over all parts."""
        try:
            rows: list[dict[str, Any]] = pq.read_table(self.folder / f"{name}.parquet").to_pylist()
        except (OSError, pa.ArrowException):
            return []
        return rows


def texts_of(rows: Iterable[Mapping[str, Any]], most: int = 20_000) -> list[str]:
    """Return distinct texts of samples, at most so many."""
    return sorted({str(row["text"]) for row in rows})[:most]

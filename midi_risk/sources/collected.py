"""What reading has gathered so far, from any kind of source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any, Literal

import pyarrow as pa

from midi_risk.sources.model import FILE_SCHEMA, Beside, Extraction, FileStatus, SourceTable
from midi_risk.sources.tables.raw import counted, listed, shown


@dataclass(slots=True)
class Collected:
    """What has been read so far."""

    tables: list[SourceTable] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    file_tables: list[pa.Table] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    elements: Counter[str] = field(default_factory=Counter)
    roots: list[str] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    instances: pa.Table | None = None
    excluded: tuple[str, ...] = ()
    linked: frozenset[str] = frozenset()
    where: str = ""
    whole: bool = False

    def count(self, fact: str, number: int) -> None:
        """Add to a fact."""
        self.facts[fact] = self.facts.get(fact, 0) + number

    def ask_for(self, paths: Iterable[str], beside: str) -> None:
        """Note tables that lie beside what is read, were not read and are not excluded."""
        left = [p for p in paths if not self._is_excluded(p)]
        if not left:
            return
        self.count("unread_tables", len(left))
        names = [PurePath(path).name for path in left]
        self.findings.append(
            f"{counted(len(left), 'table')} beside {beside} not read: {listed(names)}; give"
            " them with --table, or name them under 'exclude' in the project file when they do not"
            " leave"
        )

    def leave_unread(self, paths: Iterable[str]) -> None:
        """Note files that were met and not read; those that are excluded do not leave."""
        for path in paths:
            state: Literal["unread", "left out"] = (
                "left out" if self._is_excluded(path) else "unread"
            )
            self.beside.append(Beside(kind="file", name=path, state=state))

    def _is_excluded(self, path: str) -> bool:
        """Return whether a file is linked, or its name or the end of its path is excluded."""
        if str(Path(path).resolve()) in self.linked:
            return True
        return any(PurePath(path).match(pattern) for pattern in self.excluded)

    def add_file(
        self, path: Path, source: str, status: FileStatus = FileStatus.READ, reason: str = ""
    ) -> None:
        """Record one file."""
        size = path.stat().st_size if path.exists() else 0
        self.files.append(
            {
                "path": str(path),
                "source": source,
                "size": size,
                "status": status.value,
                "reason": reason,
            }
        )

    def free_name(self, name: str, path: Path) -> str:
        """Return a table name that is not taken yet: with its folder, or numbered."""
        taken = {known.name for known in self.tables}
        free, number = name, 1
        while free in taken:
            free = f"{shown(path.parent.name)}/{name}" if number == 1 else f"{name} ({number})"
            number += 1
        return free

    def add_table(self, table: SourceTable, path: Path) -> str:
        """Record one table under a name of its own, and return that name."""
        name = self.free_name(table.name, path)
        self.tables.append(replace(table, name=name))
        return name

    def extraction(self) -> Extraction:
        """Return all of it, image metadata first."""
        parts = list(self.file_tables)
        if self.files or not parts:
            parts.append(pa.Table.from_pylist(self.files, schema=FILE_SCHEMA))
        return Extraction(
            tables=tuple(self.tables),
            files=pa.concat_tables([part.cast(FILE_SCHEMA) for part in parts]),
            findings=tuple(dict.fromkeys(self.findings)),
            facts=self.facts,
            elements=dict(self.elements),
            roots=tuple(dict.fromkeys(self.roots)),
            beside=tuple(self.beside),
            instances=self.instances,
        )

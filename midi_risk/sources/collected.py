"""What reading has gathered so far, from any kind of source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from midi_risk.sources.model import FILE_SCHEMA, Extraction, FileStatus, SourceTable
from midi_risk.sources.tables.raw import shown


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
        )

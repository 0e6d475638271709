"""From the arguments of a command to the job that they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from midi_risk.cli.job import Job
from midi_risk.config import (
    PROJECT_FILE,
    CollectionSettings,
    Project,
    SourceSettings,
    load_project,
)
from midi_risk.errors import ConfigError, SourceError

_METADATA_FILES = frozenset({".parquet", ".json", ".ndjson", ".jsonl"})
_TABLE_FILES = frozenset(
    {".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".sav", ".sas7bdat", ".dta", ".xpt"}
)


def open_job(
    paths: Sequence[str],
    tables: Sequence[str] = (),
    *,
    threats: Sequence[str] = (),
    parameters: Sequence[tuple[str, str, Any]] = (),
    where: str | None = None,
) -> Job:
    """Return the job that the arguments name.

    Parameters
    ----------
    paths : sequence of str
        One project (its folder or file), or sources.
    tables : sequence of str
        Clinical tables to link, ``FILE`` or ``FILE:KEY``.
    threats : sequence of str
        Threat models that replace those of the project.
    parameters : sequence of (model, name, value)
        Numbers that threat models require.
    where : str, optional
        Rows to select.

    Raises
    ------
    SourceError
        When nothing was named, or a path does not exist.
    ConfigError
        When the project file has faults.
    """
    if not paths:
        raise SourceError("name a project or at least one source", hint="See --help")
    file = _project_file(paths)
    if file is not None:
        project = load_project(file)
        base = file.parent
        extra = tuple(_table_settings(text, Path.cwd()) for text in tables)
        collection = project.collection
        if extra:
            collection = collection.model_copy(update={"sources": (*collection.sources, *extra)})
    else:
        base = Path.cwd()
        alone = all(_is_table(text) for text in paths)
        collection = CollectionSettings(
            name=_collection_name(paths),
            sources=tuple(
                [_source_settings(text, alone) for text in paths]
                + [_table_settings(text, None) for text in tables]
            ),
        )
        project = Project(schema_="midi-risk/project/1", collection=collection)
    if where:
        both = f"({collection.where}) AND ({where})" if collection.where else where
        collection = collection.model_copy(update={"where": both})
    given = {name: dict(values) for name, values in project.parameters.items()}
    for model, name, value in parameters:
        given.setdefault(model, {})[name] = value
    changes: dict[str, Any] = {"collection": collection, "parameters": given}
    if threats:
        changes["threat_models"] = tuple(threats)
    return Job(project=project.model_copy(update=changes), base=base, file=file)


def with_extraction_of(job: Job, name: str) -> Job:
    """Return the job under the name of one group of its collection."""
    collection = job.project.collection.model_copy(update={"name": name})
    return replace(job, project=job.project.model_copy(update={"collection": collection}))


def _project_file(paths: Sequence[str]) -> Path | None:
    """Return the project file that the arguments name, None when they name sources."""
    found = None
    for text in paths:
        path = Path(text)
        file = path / PROJECT_FILE if path.is_dir() else path
        if file.suffix.lower() in {".yaml", ".yml"} and file.exists():
            found = file
            if len(paths) > 1:
                raise ConfigError(str(file), ["a project is assessed alone; name nothing else"])
        elif path.suffix.lower() in {".yaml", ".yml"}:
            raise ConfigError(text, ["no such project file"])
    return found


def _collection_name(paths: Sequence[str]) -> str:
    """Return a name for sources without a project: the last part of the first path."""
    name = Path(paths[0].rstrip("/\\")).name or "collection"
    return name[:200]


def _source_settings(text: str, alone: bool) -> SourceSettings:
    """Return a leading source named on the command line.

    Tables of metadata lead; a spreadsheet leads as a table when nothing but tables is
    named.
    """
    from midi_risk.sources import TableSpec

    if Path(text).is_dir():
        return SourceSettings(dicom=text)
    spec = TableSpec.parse(text)
    suffix, place = spec.path.suffix.lower(), spec.url or str(spec.path)
    if suffix in _METADATA_FILES:
        return SourceSettings(metadata=place, key=spec.key)
    if suffix in _TABLE_FILES and alone:
        return SourceSettings(table=place, key=spec.key)
    if (spec.key is not None and spec.url is None) or suffix in _TABLE_FILES:
        return SourceSettings(metadata=place, key=spec.key)
    return SourceSettings(dicom=text)


def _is_table(text: str) -> bool:
    """Tell whether a source named on the command line is a table file."""
    from midi_risk.sources import TableSpec

    if Path(text).is_dir():
        return False
    return TableSpec.parse(text).path.suffix.lower() in _TABLE_FILES | _METADATA_FILES


def _table_settings(text: str, base: Path | None) -> SourceSettings:
    """Return a linked table named on the command line."""
    from midi_risk.sources import TableSpec

    spec = TableSpec.parse(text)
    path = spec.path if base is None else base / spec.path
    return SourceSettings(table=spec.url or str(path), key=spec.key)

"""What a command works on: a project, or sources named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midi_risk.config import (
    PROJECT_FILE,
    CollectionSettings,
    Project,
    SourceSettings,
    load_project,
)
from midi_risk.errors import ConfigError, SourceError

if TYPE_CHECKING:
    from midi_risk.attributes.hierarchies import Hierarchy
    from midi_risk.attributes.model import AttributeSet
    from midi_risk.cli.progress import Progress
    from midi_risk.risk.assess import AssessmentOptions
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel

STORE_FOLDER = ".midi-risk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A project with the place that its paths start from.

    Parameters
    ----------
    project : Project
        As written, or made from the command line.
    base : pathlib.Path
        Folder that relative paths start from.
    file : pathlib.Path or None
        The project file, None when sources were named directly.
    """

    project: Project
    base: Path
    file: Path | None

    @property
    def label(self) -> str:
        """Name of the project file for messages."""
        return str(self.file) if self.file else "command line"

    def store(self) -> Path | None:
        """Return the folder of the scan store; sources named directly have none."""
        return self.base / STORE_FOLDER / "store" if self.file else None

    def extract(
        self,
        *,
        jobs: int | None = None,
        progress: Progress | None = None,
        payloads: bool = False,
    ) -> Extraction:
        """Read all sources, and select the rows that the collection is about."""
        from midi_risk.sources import TableSpec, extract, select_rows

        leading: list[str | Path | TableSpec] = []
        linked: list[str | Path | TableSpec] = []
        for source in self.project.collection.sources:
            text = source.path if "://" in source.path else str(self.base / source.path)
            if source.kind in {"table", "metadata"}:
                given: str | TableSpec = TableSpec(Path(text), source.key, source.sheet)
            else:
                given = text
            (linked if source.kind == "table" else leading).append(given)
        if not leading:
            leading, linked = linked[:1], linked[1:]
        store = self.store()
        extraction = extract(
            *leading,
            tables=linked,
            jobs=jobs,
            progress=progress,
            store=store if store is not None and store.is_dir() else None,
            payloads=payloads,
        )
        where = self.project.collection.where
        return select_rows(extraction, where) if where else extraction

    def attributes(self, extraction: Extraction) -> AttributeSet:
        """Propose roles and lay the project's decisions over them."""
        from midi_risk.attributes.decisions import decided
        from midi_risk.attributes.roles import propose

        return decided(propose(extraction), self.project.attributes, self.label)

    def fold(self, extraction: Extraction, attributes: AttributeSet) -> SubjectTable:
        """Fold to one row per subject by the project's missing policy."""
        from midi_risk.table import fold

        return fold(extraction, attributes, missing=self.project.missing)

    def threat_models(self, k: int | None = None) -> list[ThreatModel]:
        """Load the threat models with their parameters."""
        from midi_risk.threat import load_threat_model

        return [
            load_threat_model(self._threat(name), self._parameters(name), k=k)
            for name in self.project.threat_models
        ]

    def _threat(self, name: str) -> str:
        """Return a threat model's name, or its file relative to the project."""
        beside = self.base / name
        return (
            str(beside) if name.lower().endswith((".yaml", ".yml")) and beside.is_file() else name
        )

    def _parameters(self, name: str) -> dict[str, Any]:
        """Return the parameters given for a threat model."""
        return dict(self.project.parameters.get(Path(name).stem, {}))

    def hierarchies(self, attributes: AttributeSet) -> dict[str, Hierarchy]:
        """Load the hierarchy files that the project names."""
        from midi_risk.attributes.hierarchies import Hierarchy

        return {
            a.name: Hierarchy.from_arx_csv(self.base / a.hierarchy_file, attribute=a.name)
            for a in attributes
            if a.hierarchy_file
        }

    def options(
        self, extraction: Extraction, attributes: AttributeSet, command: str
    ) -> AssessmentOptions:
        """Return what the assessor decided beside roles and threat models."""
        from midi_risk.risk.assess import AssessmentOptions
        from midi_risk.risk.document import SignOff
        from midi_risk.table.digest import text_digest

        project = self.project
        fixed = ""
        digest = ""
        if self.file is not None:
            digest = text_digest([self.file.read_text(encoding="utf-8")])
            changed = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
            fixed = changed.replace(microsecond=0).isoformat()
        return AssessmentOptions(
            name=project.collection.name,
            channels=project.channels,
            validity_months=project.validity.months,
            unread_tolerance=project.tolerance.unread_files,
            hierarchies=self.hierarchies(attributes),
            project_digest=digest,
            fixed_at=fixed,
            sign_off=SignOff(assessor=project.assessor) if project.assessor else None,
            command=command,
            unreadable=_unreadable(extraction),
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
        collection = CollectionSettings(
            name=_collection_name(paths),
            sources=tuple(
                [_source_settings(text) for text in paths]
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


def _source_settings(text: str) -> SourceSettings:
    """Return a leading source named on the command line."""
    from midi_risk.sources import TableSpec

    path = Path(text)
    if path.is_dir() or "://" in text:
        return SourceSettings(dicom=text)
    spec = TableSpec.parse(text)
    if spec.key is None:
        return SourceSettings(dicom=text)
    return SourceSettings(metadata=str(spec.path), key=spec.key)


def _table_settings(text: str, base: Path | None) -> SourceSettings:
    """Return a linked table named on the command line."""
    from midi_risk.sources import TableSpec

    spec = TableSpec.parse(text)
    path = spec.path if base is None else base / spec.path
    return SourceSettings(table=str(path), key=spec.key)


def _unreadable(extraction: Extraction) -> list[dict[str, str]]:
    """Return path and reason of unreadable files, for the internal edition."""
    import pyarrow.compute as pc

    files = extraction.files
    bad = files.filter(pc.equal(files.column("status"), "unreadable")).slice(0, 200)
    return [
        {"path": str(row["path"]), "reason": str(row["reason"] or "")} for row in bad.to_pylist()
    ]

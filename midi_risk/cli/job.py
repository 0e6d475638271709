"""What a command works on: a project, or sources named on the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from midi_risk.config import Project, validated

if TYPE_CHECKING:
    from midi_risk.attributes.hierarchies import Hierarchy
    from midi_risk.attributes.model import AttributeSet
    from midi_risk.cli.progress import Progress
    from midi_risk.risk.assess import AssessmentOptions
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel

STORE_FOLDER = ".midi-risk"
Stated = TypeVar("Stated", bound=BaseModel)


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
                url = text if "://" in text else None
                path = TableSpec.parse(text).path if url else Path(text)
                given: str | TableSpec = TableSpec(path, source.key, source.sheet, url)
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
        """Fold to one row per subject by the project's missing policy.

        Decisions on ranges (``PatientWeight.range``) apply here, since folding makes them.
        """
        from midi_risk.attributes.decisions import decided
        from midi_risk.table import fold

        table = fold(extraction, attributes, missing=self.project.missing)
        ranges = {
            name: settings
            for name, settings in self.project.attributes.items()
            if name.endswith(".range") and name in table.attributes
        }
        return replace(table, attributes=decided(table.attributes, ranges, self.label))

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
        from midi_risk.risk.document import Context, SignOff
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
            orphan_tolerance=project.tolerance.orphan_subjects,
            hierarchies=self.hierarchies(attributes),
            project_digest=digest,
            fixed_at=fixed,
            context=_stated(Context, project.context, "context", self.label),
            sign_off=_stated(SignOff, project.sign_off, "sign_off", self.label),
            command=command,
            unreadable=_unreadable(extraction),
        )


def _stated(model: type[Stated], given: dict[str, Any], place: str, label: str) -> Stated | None:
    """Return a part of the project file that the report prints, None when it is empty."""
    return validated(model, given, f"{label}: {place}") if given else None


def _unreadable(extraction: Extraction) -> list[dict[str, str]]:
    """Return path and reason of unreadable files, for the internal edition."""
    import pyarrow.compute as pc

    files = extraction.files
    bad = files.filter(pc.equal(files.column("status"), "unreadable")).slice(0, 200)
    return [
        {"path": str(row["path"]), "reason": str(row["reason"] or "")} for row in bad.to_pylist()
    ]

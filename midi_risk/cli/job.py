"""What a command works on: the job that its arguments name, and the folder of its results.

Results are written aside and moved into place, so none is half-written.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import BaseModel

from midi_risk.config import (
    PROJECT_FILE,
    CollectionSettings,
    Project,
    SourceSettings,
    load_project,
    validated,
)
from midi_risk.document.runs import left_behind
from midi_risk.errors import ConfigError, OutputError, SourceError, reason_of

if TYPE_CHECKING:
    from midi_risk.attributes.hierarchy import Hierarchy
    from midi_risk.attributes.model import AttributeSet
    from midi_risk.cli.options import Progress
    from midi_risk.document.assessment import Assessment
    from midi_risk.document.log import History
    from midi_risk.document.plan import Plan
    from midi_risk.document.reliability import QualityControl, Score
    from midi_risk.risk.account import ReleaseDecisions
    from midi_risk.risk.assess import AssessmentOptions
    from midi_risk.risk.channels.entries import FileState
    from midi_risk.risk.overlap.record import Linked
    from midi_risk.sources.inspection.summary import Inspection
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel


STORE_FOLDER = ".midi-risk"
LOG_FILE = "log.jsonl"
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
    chosen : bool
        Whether threat models were named on the command line.
    digest : str
        SHA-256 of the bytes of the project file, taken before it was read.
    """

    project: Project
    base: Path
    file: Path | None
    chosen: bool = False
    digest: str = ""

    @property
    def label(self) -> str:
        """Name of the project file for messages."""
        return str(self.file) if self.file else "command line"

    def store(self) -> Path | None:
        """Return the folder of the scan store; sources named directly have none."""
        return self.base / STORE_FOLDER / "store" if self.file else None

    def images(self) -> list[str]:
        """Return the sources of DICOM files; empty where there are none."""
        return [
            source.path if "://" in source.path else str(self.base / source.path)
            for source in self.project.collection.sources
            if source.kind == "dicom"
        ]

    def extract(
        self,
        *,
        jobs: int | None = None,
        progress: Progress | None = None,
        payloads: bool = False,
        rows: bool = False,
    ) -> Extraction:
        """Read all sources, and select the rows that the collection is about.

        With ``rows`` every row of every table, as writing them needs.
        """
        from midi_risk.sources import TableSpec, extract
        from midi_risk.sources.tables.databases import database_at, is_database

        leading: list[str | Path | TableSpec] = []
        linked: list[str | Path | TableSpec] = []
        for source in self.project.collection.sources:
            text = source.path if "://" in source.path else str(self.base / source.path)
            text = database_at(text, self.base) if is_database(text) else text
            if source.kind in {"table", "metadata"}:
                url = text if "://" in text else None
                path = TableSpec.parse(text).path if url else Path(text)
                given: str | TableSpec = TableSpec(
                    path,
                    source.key,
                    source.sheet,
                    url,
                    header_rows=source.header_rows,
                    encoding=source.encoding,
                    left_out=source.left_out,
                )
            else:
                given = text
            (linked if source.kind == "table" else leading).append(given)
        if not leading:
            leading, linked = linked[:1], linked[1:]
        store = self.store()
        return extract(
            *leading,
            tables=linked,
            jobs=jobs,
            progress=progress,
            store=store if store is not None and store.is_dir() else None,
            payloads=payloads,
            exclude=self.project.collection.exclude,
            where=self.project.collection.where or "",
            rows=rows,
        )

    def attributes(self, extraction: Extraction) -> AttributeSet:
        """Propose roles and lay the project's decisions over them."""
        from midi_risk.attributes.decisions import decided, with_key, with_removals
        from midi_risk.attributes.profile import described, profile_of, with_profile
        from midi_risk.attributes.rekeyed import with_pseudonyms
        from midi_risk.attributes.roles import propose

        attributes = decided(propose(extraction), self.project.attributes, self.label)
        attributes = with_removals(attributes, self.project.release.decisions)
        attributes = with_key(attributes, self.project.subject_key, self.label)
        keys = [(t.name, t.key) for t in extraction.tables] if self.project.rekeys_subjects else []
        attributes = with_pseudonyms(attributes, uids=self.project.rekeys_uids, keys=keys)
        return with_profile(attributes, profile_of(self.project.profile), described(extraction))

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

    def threat_models(
        self,
        k: int | None = None,
        reason: str | None = None,
        criteria: Sequence[tuple[str, float]] = (),
    ) -> list[ThreatModel]:
        """Load the threat models with their parameters.

        Parameters
        ----------
        k : int, optional
            Class size that replaces theirs.
        reason : str, optional
            Why it suffices where it is smaller; without one that is refused.
        criteria : sequence of (str, float)
            Further criteria on sensitive values, beside those of the project.
        """
        from midi_risk.threat.library import check_explained, load_threat_model, with_criteria
        from midi_risk.threat.sampling import with_statement

        if reason and k is None:
            raise ConfigError("command line", ["--k-reason says why, and --k is missing"])
        models = []
        for name in self.project.threat_models:
            model = load_threat_model(self._threat(name), self._parameters(name))
            model = with_statement(model, self.project.population)
            own = None
            if k is not None:
                own = model.threshold.k
                model = load_threat_model(model, k=k, reason=(reason or "").strip())
            check_explained(model, own)
            stated = [(one.criterion, one.value) for one in self.project.criteria]
            models.append(with_criteria(model, [*stated, *criteria]))
        return models

    def key_file(self) -> Path:
        """Return the file of the secret key of pseudonyms."""
        from midi_risk.export.pseudonyms import KEY_FILE

        return self.base / (self.project.key_file or KEY_FILE)

    def log_file(self, output: str) -> Path:
        """Return the log of runs: beside the project, else where results are written."""
        return (self.base if self.file else Path(output)) / LOG_FILE

    def standing(
        self, models: Sequence[ThreatModel], history: History, *, by_hand: bool = False
    ) -> dict[str, Any]:
        """Return what proves that the threshold stood before the figures, for the options.

        Parameters
        ----------
        models : sequence of ThreatModel
        history : History
            Earlier runs.
        by_hand : bool
            Whether a class size was given on the command line.
        """
        from midi_risk.document.log import criterion_digest

        criterion = criterion_digest([model.to_dict() for model in models])
        proof, fixed = "", history.proves(criterion)
        if fixed:
            proof = "log"
        elif self.file and not (by_hand or self.chosen or history.runs or history.damaged):
            changed = datetime.fromtimestamp(self.file.stat().st_mtime, UTC)
            proof, fixed = "project", changed.replace(microsecond=0).isoformat()
        return {
            "proof": proof,
            "fixed_at": fixed,
            "log": history.summary(criterion),
            "lowered": history.lowered({m.name: m.threshold.k for m in models}),
        }

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
        from midi_risk.attributes.hierarchy import Hierarchy

        return {
            a.name: Hierarchy.from_arx_csv(self.base / a.hierarchy_file, attribute=a.name)
            for a in attributes
            if a.hierarchy_file
        }

    def _evidence_files(self) -> dict[str, FileState]:
        """Return what there is of the files that statements about channels name."""
        from midi_risk.document.files import file_sha256

        states: dict[str, FileState] = {}
        for name, statement in self.project.channels.items():
            path = self.base / statement.file
            if statement.file and path.is_file():
                stated = statement.sha256.lower()
                states[name] = "changed" if stated and file_sha256(path) != stated else "same"
        return states

    def controlled(self) -> Path | None:
        """Return the folder in which `qc` keeps plan and record; None without a project."""
        return self.base / STORE_FOLDER / "qc" if self.file else None

    def quality(self, extraction: Extraction) -> QualityControl | None:
        """Return the recorded quality control, held against the files; None without one."""
        from midi_risk.risk.quality.record import read_record
        from midi_risk.risk.quality.units import population_of

        folder = self.controlled()
        if folder is None or not folder.is_dir():
            return None
        return read_record(folder, lambda: population_of(extraction, self.looked_at()[0]))

    def scores(self) -> list[Score]:
        """Return the results of `score run` that the project names."""
        from midi_risk.export.score.result import read_score

        return [read_score(self.base / name) for name in self.project.scores]

    def inspected(self) -> Path | None:
        """Return the folder in which `inspect` keeps what it found; None without a project."""
        return self.base / STORE_FOLDER / "inspect" if self.file else None

    def looked_at(self) -> tuple[list[str | Path], list[Path]]:
        """Return the images and the tables among the sources, for `inspect`."""
        images: list[str | Path] = []
        tables: list[Path] = []
        for source in self.project.collection.sources:
            if "://" in source.path:
                images += [source.path] if source.kind not in {"table", "metadata"} else []
                continue
            path = self.base / source.path
            (tables if path.is_file() and _is_table(str(path)) else images).append(path)
        return images, tables

    def inspection(self) -> Inspection | None:
        """Return what `inspect` found, held against the files as they are; None without it."""
        from midi_risk.sources.inspection.summary import read_inspection

        folder = self.inspected()
        if folder is None or not folder.is_dir():
            return None
        return read_inspection(folder, *self.looked_at())

    def overlaps(self) -> Path | None:
        """Return the folder in which `overlap` keeps what it found; None without a project."""
        return self.base / STORE_FOLDER / "overlap" if self.file else None

    def linked(self, extraction: Extraction) -> list[Linked]:
        """Return what `overlap` found, held against what was read now."""
        from midi_risk.risk.overlap.record import read_linked
        from midi_risk.risk.overlap.sides import side_of

        folder = self.overlaps()
        if folder is None or not folder.is_dir():
            return []
        return read_linked(folder, side_of(self.project.collection.name, extraction).digest)

    def decisions(self) -> ReleaseDecisions:
        """Return what the project decides about what leaves and is no attribute."""
        from midi_risk.attributes.profile import profile_of
        from midi_risk.risk.account import ReleaseDecisions

        return ReleaseDecisions(
            named=self.project.release.decisions,
            private=self.project.private,
            profile=profile_of(self.project.profile),
        )

    def options(
        self, extraction: Extraction, attributes: AttributeSet, command: str
    ) -> AssessmentOptions:
        """Return what the assessor decided beside roles and threat models."""
        from midi_risk.document.assessment import Context, SignOff
        from midi_risk.risk.assess import AssessmentOptions
        from midi_risk.table.model import text_digest

        project = self.project
        digest = text_digest([self.file.read_text(encoding="utf-8")]) if self.file else ""
        return AssessmentOptions(
            name=project.collection.name,
            channels=project.channels,
            decisions=self.decisions(),
            evidence_files=self._evidence_files(),
            validity_months=project.validity.months,
            unread_tolerance=project.tolerance.unread_files,
            orphan_tolerance=project.tolerance.orphan_subjects,
            hierarchies=self.hierarchies(attributes),
            project_digest=digest,
            context=_stated(Context, project.context, "context", self.label),
            sign_off=_stated(SignOff, project.sign_off, "sign_off", self.label),
            command=command,
            unreadable=_unreadable(extraction),
            inspection=self.inspection(),
            qc=self.quality(extraction),
            scores=self.scores(),
            elements=extraction.elements,
            linked=self.linked(extraction),
        )


def history_in(path: Path) -> History:
    """Return the runs that a log tells of; say when it cannot be read."""
    from midi_risk.document.log import History, read_log

    try:
        history = read_log(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return History(damaged=1)  # nothing can be written there, which is said when it is
        click.echo(f"midi-risk: the log '{path}' cannot be read: {reason_of(error)}", err=True)
        return History(damaged=1)
    if history.damaged:
        click.echo(
            f"midi-risk: {history.damaged} lines of the log '{path}' cannot be read, or do not"
            " follow the line before, so it proves nothing",
            err=True,
        )
    return history


def warn_of_local(path: Path, plan: Plan, digest: str = "") -> None:
    """Say when the log tells of another release whose bands differ between subjects.

    Parameters
    ----------
    path : pathlib.Path
        The log.
    plan : Plan
    digest : str
        Of the file of the plan that is written now; empty where none is written yet.
    """
    if plan.local is None:
        return
    earlier = {each for each in history_in(path).local if each != digest}
    if earlier:
        many = "an earlier local release" if len(earlier) == 1 else f"{len(earlier)} local releases"
        click.echo(
            f"midi-risk: the log tells of {many}: whoever has two of the same people intersects"
            " their bands; release only one",
            err=True,
        )


def log_runs(path: Path, assessments: Sequence[Assessment], local: str = "") -> None:
    """Add one line for each assessment of a run to the log; say when that is not possible.

    Parameters
    ----------
    path : pathlib.Path
    assessments : sequence of Assessment
    local : str
        Digest of the plan of a local release, for the line of one that was written.
    """
    from midi_risk.document.log import LoggedRun, append_runs, criterion_digest

    runs = []
    for assessment in assessments:
        models = {str(m["name"]): int(m["threshold"]["k"]) for m in assessment.threat_models}
        runs.append(
            LoggedRun(
                time=assessments[0].created,
                collection=assessment.collection.digest,
                models=models,
                k=max(models.values()),
                criterion=criterion_digest(assessment.threat_models),
                status=assessment.verdict.status,
                local=local,
            )
        )
    try:
        append_runs(path, runs)
    except OSError as error:
        click.echo(
            f"midi-risk: the run is not in the log '{path}', which cannot be written:"
            f" {reason_of(error)}",
            err=True,
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


ASSESSMENT = "assessment.json"
RESULT_FILES = (
    ASSESSMENT,
    "plan.json",
    "subjects.parquet",
    "report-internal.html",
    "report-shareable.html",
)
PREVIOUS = "previous"
_STAGING, _FINISHED = ".midi-risk-run-", ".midi-risk-done-"


@contextmanager
def result_folder(output: str) -> Iterator[Path]:
    """Yield a folder for results that become visible by one rename when all went well.

    A new place is that folder itself. In one that holds something the finished folder is renamed
    first, and what a run that ended in the next moment had not yet moved up is moved by the next.
    Files of a previous run are kept in ``previous/`` and a line on stderr says so.

    Parameters
    ----------
    output : str
        Folder for the results; made when it does not exist.

    Raises
    ------
    OutputError
        When the folder cannot be made or written.
    """
    folder = Path(output)
    try:
        fresh = not folder.exists()
        if fresh:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _sweep(folder.parent)
        else:
            _finish(folder)
            _sweep(folder)
        place = folder.parent if fresh else folder
        staging = Path(tempfile.mkdtemp(prefix=f"{_STAGING}{os.getpid()}-", dir=place))
    except OSError as error:
        raise OutputError(
            f"cannot write into '{output}': {reason_of(error)}",
            hint="Choose another folder with -o",
        ) from None
    try:
        yield staging
        if fresh and not folder.exists():
            staging.rename(folder)
        else:
            finished = folder / f"{_FINISHED}{staging.name.removeprefix(_STAGING)}"
            staging.rename(finished)
            _move_in(finished, folder)
    except OSError as error:
        raise OutputError(
            f"cannot write into '{output}': {reason_of(error)}", hint="Nothing was changed there"
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed runs left behind, which holds subjects; running ones keep theirs."""
    for left in left_behind(folder, _STAGING):
        shutil.rmtree(left, ignore_errors=True)


def _finish(folder: Path) -> None:
    """Move up the results of a run that finished and was killed before it had moved all."""
    for finished in left_behind(folder, _FINISHED):
        _move_in(finished, folder)


def _move_in(staging: Path, folder: Path) -> None:
    """Move finished files into place; keep those of a previous run."""
    from midi_risk.document.signature import holds_signed, keep_signed

    names = sorted(path.name for path in staging.iterdir())
    if ASSESSMENT in names:
        for place in (folder / PREVIOUS, folder):
            signed = keep_signed(place, folder / PREVIOUS, RESULT_FILES)
            if signed is not None:
                click.echo(f"midi-risk: a signed run is kept in '{signed}'", err=True)
    old = [name for name in names if (folder / name).exists()]
    if old:
        kept = folder / PREVIOUS
        kept.mkdir(mode=0o700, exist_ok=True)
        for name in old:
            target = kept / name
            if any(holds_signed(place) for place in _folders(target)):
                target.rename(_unused(target))
            elif target.is_dir():
                shutil.rmtree(target)
            (folder / name).replace(target)
        click.echo(
            f"midi-risk: '{folder}' held a previous run; its files are now in '{kept}'", err=True
        )
        if _other_data(folder / PREVIOUS / ASSESSMENT, staging / ASSESSMENT):
            click.echo(
                "midi-risk: the previous run was of other data. If its shareable edition was"
                " published, two editions side by side tell who was added or withdrawn: compare"
                " them before you publish this one",
                err=True,
            )
    for name in names:
        (staging / name).replace(folder / name)
    staging.rmdir()


def _folders(folder: Path) -> list[Path]:
    """Return a folder and those in it; none where it is a file or not there."""
    return [folder, *(f for f in folder.rglob("*") if f.is_dir())] if folder.is_dir() else []


def _unused(path: Path) -> Path:
    """Return a name beside a path that nothing has."""
    number = 1
    while (found := path.with_name(f"{path.name}.signed-{number}")).exists():
        number += 1
    return found


def _other_data(old: Path, new: Path) -> bool:
    """Tell whether two assessments are of different data; False where one cannot be read."""
    before, now = _digest_of_data(old), _digest_of_data(new)
    return None not in {before, now} and before != now


def _digest_of_data(path: Path) -> str | None:
    """Return the digest in an `assessment.json` of this version, without checking all of it."""
    from midi_risk.document.assessment import ASSESSMENT_SCHEMA

    try:
        document = json.loads(path.read_bytes())
        ours = document["schema"] == ASSESSMENT_SCHEMA
        return str(document["collection"]["digest"]) if ours else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_results(
    folder: Path, assessment: Assessment, plan: Plan, table: SubjectTable
) -> Mapping[str, Path]:
    """Write assessment, plan, subject table and both reports into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder.
    assessment : Assessment
        With the plan inside.
    plan : Plan
    table : SubjectTable
        As it would be released.

    Returns
    -------
    mapping of str to pathlib.Path
    """
    from midi_risk.report import report, write_assessment, write_plan

    paths = {name: folder / name for name in RESULT_FILES}
    write_assessment(assessment, paths["assessment.json"])
    write_plan(plan, paths["plan.json"])
    write_subjects(table, paths["subjects.parquet"])
    report(assessment, plan, edition="internal").write(paths["report-internal.html"])
    report(assessment, plan, edition="shareable").write(paths["report-shareable.html"])
    return paths


def write_subjects(table: SubjectTable, path: Path) -> None:
    """Write the subject table as Parquet, readable by its owner only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"subject": pa.array([str(key) for key in table.frame.index], pa.string())}
    cells = table.frame.to_numpy(dtype=object)
    for place, name in enumerate(table.frame.columns):
        texts = [None if v is None else str(v) for v in cells[:, place].tolist()]
        columns[str(name)] = pa.array(texts, pa.string())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        pq.write_table(pa.table(columns), handle)


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
    digest = ""
    if file is not None:
        with contextlib.suppress(OSError):  # what cannot be read is said by the next line
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
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
    return Job(
        project=project.model_copy(update=changes),
        base=base,
        file=file,
        chosen=bool(threats),
        digest=digest,
    )


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

    A folder is what its entries make it. Tables of metadata lead; a spreadsheet leads as a
    table when nothing but tables is named.
    """
    from midi_risk.sources import TableSpec
    from midi_risk.sources.collect import kind_of_source
    from midi_risk.sources.tables.databases import is_database
    from midi_risk.sources.tables.formats import table_format

    if Path(text).is_dir():
        return SourceSettings.model_validate({kind_of_source(Path(text)): text})
    spec = TableSpec.parse(text)
    if is_database(text):
        return _database_settings(text, "table" if alone else "metadata")
    kind, place = table_format(spec.path), spec.url or str(spec.path)
    if kind is not None and kind.leads:
        return SourceSettings(metadata=place, key=spec.key)
    if kind is not None and alone:
        return SourceSettings(table=place, key=spec.key)
    if (spec.key is not None and spec.url is None) or kind is not None:
        return SourceSettings(metadata=place, key=spec.key)
    return SourceSettings(dicom=text)


def _is_table(text: str) -> bool:
    """Tell whether a source named on the command line is a table file."""
    from midi_risk.sources import TableSpec
    from midi_risk.sources.tables.databases import is_database
    from midi_risk.sources.tables.formats import table_format

    if Path(text).is_dir():
        return False
    if is_database(text):
        return True
    return table_format(TableSpec.parse(text).path) is not None


def _table_settings(text: str, base: Path | None) -> SourceSettings:
    """Return a linked table named on the command line."""
    from midi_risk.sources import TableSpec
    from midi_risk.sources.tables.databases import is_database

    if is_database(text):
        return _database_settings(text, "table")
    spec = TableSpec.parse(text)
    path = spec.path if base is None else base / spec.path
    return SourceSettings(table=spec.url or str(path), key=spec.key)


def _database_settings(text: str, kind: str) -> SourceSettings:
    """Return a table of a database named on the command line, from this folder."""
    from midi_risk.sources import TableSpec
    from midi_risk.sources.tables.databases import check_no_secret, database_at

    check_no_secret(text)
    spec = TableSpec.parse(text)
    place = database_at(str(spec.url), Path.cwd())
    return SourceSettings.model_validate({kind: place, "key": spec.key})

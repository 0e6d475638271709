"""`midi-risk start`: from a folder to a signed release on one page, in steps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.config import PROJECT_FILE
from midi_risk.errors import MidiRiskError, OutputError, SourceError

if TYPE_CHECKING:
    from midi_risk.cli.job import Job
    from midi_risk.document.assessment import Assessment
    from midi_risk.document.plan import Plan
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.tune.review import Progress, Reading, Review
    from midi_risk.tune.session import Bench


@click.command("start")
@click.argument("folder", metavar="FOLDER")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    help="Folder for midi-risk.yaml and results. Default: that of the project, else FOLDER-review"
    " beside the images.",
)
@click.option(
    "--export-attributes",
    "exported",
    metavar="FILE",
    help="Write the list of attributes as a spreadsheet (XLSX) and open no page.",
)
@click.option(
    "--import-attributes",
    "imported",
    metavar="FILE",
    help="Take an edited list of attributes into the project and open no page.",
)
@common.with_options(common.SERVED, common.JOBS, common.QUIET)
def command(folder: str, output: str | None, **given: Any) -> int:
    """Go from a folder to a signed release on one page, step by step.

    FOLDER holds images with tables beside them, or is a project. The page is served on this
    machine alone (extra 'tune') and writes the same midi-risk.yaml as the other commands; each
    step shows the command that does the same. No table beside the images is passed over: the
    page asks to link or to exclude each. Nothing is written before you say so.
    """
    from midi_risk.tune.page import check_extra

    check_extra()
    review = review_of(folder, output, jobs=given["jobs"])
    if given["exported"] or given["imported"]:
        return _sheet(review, given["exported"], given["imported"])
    from functools import partial

    from midi_risk.cli.app import COMMANDS
    from midi_risk.tune.review_server import application
    from midi_risk.tune.server import serve_until_idle

    serve_until_idle(
        partial(application, review, commands=frozenset(COMMANDS)),
        "Review page",
        port=given["port"],
        idle=given["idle"],
        browser=not given["no_open"],
        say=click.echo,
    )
    return 0


def review_of(folder: str, output: str | None, *, jobs: int | None = None) -> Review:
    """Return the review of a folder.

    Parameters
    ----------
    folder : str
        Images with tables beside them, or a project (its folder or file).
    output : str, optional
        Folder of the project file and of results.
    jobs : int, optional
        Processes that read DICOM.

    Raises
    ------
    SourceError
        When there is no such folder.
    OutputError
        When a project would be made in two places.
    """
    from midi_risk.tune.review import Review

    path = Path(folder)
    if not path.exists():
        raise SourceError(f"'{folder}' does not exist", hint="Check the path")
    given = path if path.suffix.lower() in {".yaml", ".yml"} else path / PROJECT_FILE
    if given.is_file():
        if output is not None and Path(output).resolve() != given.parent.resolve():
            raise OutputError(f"'{given}' is a project already", hint="Leave -o away")
        file, path = given.absolute(), given.parent
    elif not path.is_dir():
        raise SourceError(f"'{folder}' is no folder", hint="Name the folder that it lies in")
    else:
        whole = path.resolve()
        place = Path(output).absolute() if output else whole.with_name(f"{whole.name}-review")
        file = place / PROJECT_FILE
    works = Works(jobs=jobs)
    aside = _apart(file.parent, file if file.is_file() else None)
    return Review(
        folder=path,
        file=file,
        output=aside / "midi-risk-out",
        release=aside / "release",
        works=works,
    )


def _apart(base: Path, file: Path | None) -> Path:
    """Return a folder for results that no source of the project holds."""
    if file is None:
        return base
    from midi_risk.config import load_project

    try:
        sources = load_project(file).collection.sources
    except MidiRiskError:
        return base
    held = {(base / s.path).resolve() for s in sources if "://" not in s.path}
    inside = any(base.resolve() == place or place in base.resolve().parents for place in held)
    return base.resolve().with_name(f"{base.resolve().name}-results") if inside else base


def _sheet(review: Review, exported: str | None, imported: str | None) -> int:
    """Write or take the list of attributes."""
    from midi_risk.document.files import write_private
    from midi_risk.tune.attribute_sheet import sheet_bytes

    if not review.begun:
        raise OutputError("there is no project yet", hint="Run midi-risk init or start first")
    if exported:
        write_private(Path(exported), sheet_bytes(review.reading.rows))
        click.echo(f"written: {exported}")
    if imported:
        try:
            content = Path(imported).read_bytes()
        except OSError as error:
            reason = (error.strerror or "cannot be read").lower()
            raise SourceError(f"'{imported}': {reason}") from None
        click.echo(review.take_sheet(content))
    return 0


class Works:
    """What the other commands do, for the review page.

    Parameters
    ----------
    jobs : int, optional
        Processes that read DICOM.
    """

    def __init__(self, *, jobs: int | None = None) -> None:
        self._jobs = jobs
        self._extraction: Extraction | None = None
        self._collection = ""

    def first(
        self,
        folder: Path,
        tables: Sequence[str],
        excluded: Sequence[str],
        file: Path,
        progress: Progress,
    ) -> str:
        """Read a folder for the first time and return the text of its project file."""
        from midi_risk.cli.init_command import project_text
        from midi_risk.cli.job import open_job
        from midi_risk.tune.project_edits import with_values

        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "cannot be made").lower()
            raise OutputError(
                f"cannot write into '{file.parent}': {reason}", hint="Choose a folder with -o"
            ) from None
        job = open_job([str(folder.resolve())], list(tables))
        collection = job.project.collection.model_copy(update={"exclude": tuple(excluded)})
        job = replace(
            job,
            project=job.project.model_copy(update={"collection": collection}),
            base=file.parent,
            file=file,
        )
        _make_store(job)
        extraction = job.extract(jobs=self._jobs, progress=progress)
        table = job.fold(extraction, job.attributes(extraction))
        text = project_text(job, table, file.parent, None, extraction.tables)
        if excluded:
            text = with_values(text, {("collection", "exclude"): list(excluded)}, str(file))
        return text

    def read(self, file: Path, plan: Plan | None, progress: Progress) -> Reading:
        """Read a project, to be released by a plan."""
        from midi_risk.cli.job import open_job
        from midi_risk.tune.changes import read_project
        from midi_risk.tune.review import Reading

        text = read_project(file)
        job = open_job([str(file)])
        collection = job.project.collection.model_dump_json(exclude={"name"})
        if self._extraction is None or self._collection != collection:
            _make_store(job)
            self._extraction = job.extract(jobs=self._jobs, progress=progress)
            self._collection = collection
        extraction = self._extraction
        attributes = job.attributes(extraction)
        table = cache(lambda: job.fold(extraction, attributes))
        return Reading(
            text=text,
            project=job.project,
            base=job.base,
            extraction=extraction,
            attributes=attributes,
            fold=table,
            assess=lambda: self._assessed(job, extraction, table(), plan),
            bench=lambda: self._bench(job, extraction),
            decide=job.decisions,
        )

    def _assessed(
        self, job: Job, extraction: Extraction, table: SubjectTable, plan: Plan | None
    ) -> Assessment:
        """Assess a project as its plan would release it: without those who are left out."""
        from midi_risk.cli.job import history_in
        from midi_risk.risk.assess import assess
        from midi_risk.table.release import without_subjects

        models = job.threat_models()
        history = history_in(job.log_file(str(job.base)))
        options = replace(
            job.options(extraction, table.attributes, f"midi-risk start {job.base}"),
            **job.standing(models, history),
        )
        if plan is not None and plan.after.passed and plan.collection_digest == table.digest:
            hidden = table.frame.index.astype(str).isin(plan.suppressed_subjects)
            table = without_subjects(table, hidden)
        return assess(table, models, options=options)

    def _bench(self, job: Job, extraction: Extraction) -> Bench:
        from midi_risk.cli.tune_command import bench_of

        return bench_of(job, extraction, job.threat_models())

    def release(self, file: Path, plan: Path, target: Path, progress: Progress) -> dict[str, Any]:
        """Write a release and return what was written, in words."""
        from midi_risk.cli.apply_command import told, write_new_release
        from midi_risk.cli.job import open_job
        from midi_risk.recode.plan import suggest
        from midi_risk.report import write_plan

        if not plan.is_file():
            job = open_job([str(file)])
            extraction = job.extract(jobs=self._jobs)
            attributes = job.attributes(extraction)
            found = suggest(
                job.fold(extraction, attributes),
                job.threat_models(),
                max_suppression=job.project.suggest.max_suppression,
                keep=job.project.suggest.keep,
                hierarchies=job.hierarchies(attributes),
            )
            plan.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_plan(found, plan)
        applied, used = write_new_release(
            str(file), str(plan), str(target), jobs=self._jobs, progress=progress
        )
        verdict = applied.assessment.verdict
        return {
            "target": str(target),
            "assessment": str(target / "assessment" / "assessment.json"),
            "status": verdict.status,
            "reasons": [reason.text for reason in verdict.reasons],
            "lines": told(applied, used),
            "at": datetime.now(UTC).strftime("%H:%M UTC"),
        }

    def reports(self, file: Path, output: Path, progress: Progress) -> list[str]:
        """Assess the project, write the results and return their names."""
        from midi_risk.cli.assess_command import assess_job
        from midi_risk.cli.job import (
            RESULT_FILES,
            history_in,
            log_runs,
            open_job,
            result_folder,
            write_results,
        )

        job = open_job([str(file)])
        log = job.log_file(str(output))
        with result_folder(str(output)) as folder:
            extraction = job.extract(jobs=self._jobs, progress=progress)
            outcome = assess_job(
                job, extraction, command=f"midi-risk assess {file}", history=history_in(log)
            )
            write_results(folder, outcome.assessment, outcome.plan, outcome.table)
        log_runs(log, [outcome.assessment])
        return list(RESULT_FILES)


def _make_store(job: Job) -> None:
    """Make the scan store of a project, so that files are read once."""
    store = job.store()
    if store is None:
        return
    try:
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = (error.strerror or os.strerror(error.errno or 0)).lower()
        raise OutputError(f"the scan store '{store}' cannot be made: {reason}") from None

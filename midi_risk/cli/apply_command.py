"""`midi-risk apply`: recode, write the release, read it back, assess what was written."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import MidiRiskError

if TYPE_CHECKING:
    from collections.abc import Callable

    from midi_risk.attributes.model import AttributeSet
    from midi_risk.attributes.profile import Profile
    from midi_risk.cli.job import Job
    from midi_risk.cli.options import Progress
    from midi_risk.document.assessment import Assessment
    from midi_risk.document.plan import Plan
    from midi_risk.export.proof import Proof
    from midi_risk.export.pseudonyms import Pseudonyms
    from midi_risk.export.release import Comparison, Release
    from midi_risk.export.rules import ReleaseRules
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable


@click.command("apply")
@click.argument("project", metavar="PROJECT")
@click.option(
    "--plan", "plan_file", required=True, metavar="FILE", help="plan.json that suggest wrote."
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="New folder for the release and its assessment.",
)
@common.with_options(common.PARAMETERS, common.JOBS, common.FORMAT, common.QUIET)
def command(project: str, plan_file: str, output: str, **given: Any) -> int:
    """Write recoded tables and DICOM copies, read them back and assess them.

    The decisions of the project apply, and the plan where it goes beyond them; one that
    found nothing changes nothing. Originals are only read. DIR gets release/ (what may be
    passed on), assessment/ (what stays inside) and midi-risk.yaml. The exit code is that of
    assess on what was written: 3 when it is above the threshold, 4 when evidence is
    incomplete; it is written all the same.
    """
    from midi_risk.cli.job import log_runs, open_job, warn_of_local
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.export.dicom.ledger import LEDGER
    from midi_risk.export.release import IMAGES, check_sources, new_folder

    job = open_job([project], parameters=given["parameters"])
    plan = PlanFile.read(plan_file)
    paths = check_sources(job.project.collection.sources, job.base)
    target = Path(output)
    key = _pseudonym_key(job, target)
    line = f"midi-risk apply {project} --plan {plan_file} -o {output}"
    with (
        new_folder(
            target,
            paths,
            resumed=(LEDGER, f"{RELEASE}/{IMAGES}"),
            said=lambda text: click.echo(f"midi-risk: {text}", err=True),
        ) as staging,
        progress_bar("recoding", quiet=given["quiet"]) as progress,
    ):
        applied = apply_plan(
            job, plan, staging, jobs=given["jobs"], progress=progress, command=line, key=key
        )
    if plan.plan.local is not None:
        log = job.log_file(output)
        warn_of_local(log, plan.plan, plan.digest)
        log_runs(log, [applied.assessment], local=plan.digest)
    _print(applied, plan.plan, given["form"])
    if not given["quiet"]:
        click.echo(f"written to {target}: release, assessment, midi-risk.yaml", err=True)
    return EXIT_CODES[applied.assessment.verdict.status]


def _pseudonym_key(job: Job, target: Path) -> bytes | None:
    """Return the secret key of the pseudonyms, made now where there is none; None without any."""
    from midi_risk.export.pseudonyms import check_key_place, read_key

    if not (job.project.rekeys_uids or job.project.rekeys_subjects):
        return None
    path = job.key_file()
    check_key_place(path, target)
    key, made = read_key(path)
    if made:
        click.echo(
            f"midi-risk: made the secret key of the pseudonyms, '{path}'; keep it, and keep it"
            " apart from the release: the next release needs it for the same pseudonyms",
            err=True,
        )
    return key


def _print(applied: Applied, plan: Plan, form: str) -> None:
    """Write the account to stdout, without values."""
    from midi_risk.document.clean import neutral

    account = summary(applied.release, applied.rules)
    comparison = applied.comparison
    if form == "json":
        stated = {"verdict": applied.assessment.verdict.model_dump(mode="json")}
        click.echo(json.dumps({**comparison.to_dict(), **account, **stated}, indent=2))
        return
    lines = [f"files written {account['files']['written']}"]
    lines += [f"  {n} left out: {why}" for why, n in account["files"]["left_out"].items()]
    for table in account["tables"]:
        lines.append(
            f"{table['name']}: {table['rows']} rows written, {table['rows_left_out']} left out"
            f" with their subject, {table['rows_of_nobody']} left out as rows of nobody assessed"
        )
    lines += [f"  {text}" for text in (*account["coupled"], *account["notes"])]
    lines += _of_no_plan(plan)
    lines += applied.profiled.told()
    kept = account["elements"]["kept"]
    if kept:
        lines.append(f"values that had to stay (type 1): {', '.join(kept)}")
    if account["undecided_direct_identifiers"]:
        names = ", ".join(account["undecided_direct_identifiers"])
        lines.append(f"direct identifiers without a decision, unchanged: {names}")
    planned, written = comparison.planned, comparison.written
    lines += [
        "",
        f"{'':<18}{'plan':>12}{'files':>12}",
        f"{'subjects':<18}{planned.subjects:>12}{written.subjects:>12}",
        f"{'smallest class':<18}{planned.k!s:>12}{written.k!s:>12}",
        f"{'classes':<18}{planned.classes:>12}{written.classes:>12}",
        f"{'maximum risk':<18}{planned.risk_max or 0:>12.4f}{written.risk_max or 0:>12.4f}",
        f"{'mean risk':<18}{planned.risk_mean or 0:>12.4f}{written.risk_mean or 0:>12.4f}",
        _equality(comparison),
    ]
    lines += [f"  {reason}" for reason in comparison.reasons]
    verdict = applied.assessment.verdict
    proof = applied.proof
    lines.append(
        f"the files hold what the account lets leave: {proof.elements} elements and"
        f" {proof.columns} columns; {proof.removed} removed rows are gone,"
        f" {len(proof.emptied)} are empty"
    )
    lines.append(f"verdict on the files: {verdict.status}")
    lines += [f"  because {reason.text}" for reason in verdict.reasons]
    click.echo("\n".join(neutral(line) for line in lines))


def _of_no_plan(plan: Plan) -> list[str]:
    """Return that only the project's decisions were written, where the plan found nothing."""
    if plan.found or plan.steps:
        return []
    why = plan.reason or "no solution within the limits"
    return [f"the plan found nothing, so the decisions of the project alone apply: {why}"]


def _equality(comparison: Comparison) -> str:
    """Return in one line how the files compare with the plan."""
    if comparison.equal:
        return "the files carry the risk that the plan promised"
    more = "more" if comparison.worse else "less"
    return f"the files carry {more} risk than the plan promised, because:"


RELEASE, ASSESSMENT = "release", "assessment"
"""Folder of what may be released, and folder of what stays inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a plan yielded."""

    release: Release
    rules: ReleaseRules
    comparison: Comparison
    assessment: Assessment
    proof: Proof
    profiled: Profiled
    manifest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """What the profile of the project says of the attributes.

    Parameters
    ----------
    profile : Profile or None
    against : tuple of str
        What it removes and the project keeps: then no object may claim the profile.
    to_clean : tuple of str
        What an option says is to be cleaned, and somebody has to look at.
    misplaced : tuple of str
        Attributes that are named under ``release``, which closes no attribute.
    """

    profile: Profile | None = None
    against: tuple[str, ...] = ()
    to_clean: tuple[str, ...] = ()
    misplaced: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Job, extraction: Extraction, attributes: AttributeSet) -> Profiled:
        """Return what the profile of a job says; nothing where it names none."""
        from midi_risk.attributes.profile import (
            against_profile,
            described,
            profile_of,
            to_clean,
        )

        profile = profile_of(job.project.profile)
        named = job.project.release.decisions
        misplaced = tuple(
            a.name
            for a in attributes
            if a.name in named
            and (a.decision is None or a.decision.value != named[a.name].decision)
        )
        if profile is None:
            return cls(misplaced=misplaced)
        sources = described(extraction)
        return cls(
            profile=profile,
            against=against_profile(attributes, profile, sources),
            to_clean=to_clean(attributes, profile, sources),
            misplaced=misplaced,
        )

    def told(self) -> list[str]:
        """Return what the profile leaves to somebody, in sentences."""
        said = []
        if self.misplaced:
            names = ", ".join(self.misplaced)
            said.append(f"not done: 'release' decides on no attribute, 'attributes' does: {names}")
        if self.against:
            names = ", ".join(self.against)
            said.append(f"the project keeps what the profile removes, so none is claimed: {names}")
        if self.to_clean:
            names = ", ".join(self.to_clean)
            said.append(f"to be cleaned by the options of the profile, left as it is: {names}")
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return it as `apply.json` holds it."""
        return {
            "codes": list(self.profile.codes) if self.profile else [],
            "against": list(self.against),
            "to_clean": list(self.to_clean),
        }

    def codes(self, *, identity_removed: bool) -> tuple[str, ...]:
        """Return what objects may claim: all of it, or nothing.

        Options that ask somebody to look are claimed only where nothing is left to look at.
        """
        from midi_risk.attributes.profile import CLEANING

        if self.profile is None or self.against:
            return ()
        return tuple(c for c in self.profile.codes if identity_removed or c not in CLEANING)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFile:
    """A plan and the bytes it was read from."""

    plan: Plan
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @classmethod
    def read(cls, path: str) -> PlanFile:
        """Read and check a plan."""
        from midi_risk.report import load_plan

        plan = load_plan(path)
        return cls(plan=plan, content=Path(path).read_bytes())


def apply_plan(
    job: Job,
    given: PlanFile,
    staging: Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    command: str = "",
    key: bytes | None = None,
) -> Applied:
    """Write the release into a folder, read it back and assess it.

    Parameters
    ----------
    job : Job
    given : PlanFile
    staging : pathlib.Path
        Empty folder; gets ``release/``, ``assessment/`` and ``midi-risk.yaml``.
    jobs : int, optional
        Processes that read and write DICOM.
    progress : callable, optional
    command : str
        Command line, for the internal edition.
    key : bytes, optional
        Secret key of pseudonyms, where the project asks for them.
    """
    from midi_risk.document.files import write_private
    from midi_risk.export.dicom.acts import Acts
    from midi_risk.export.dicom.ledger import LEDGER
    from midi_risk.export.proof import removed_paths
    from midi_risk.export.rekeyed import at_one_moment, collection_pseudonyms
    from midi_risk.export.release import plan_statement, write_release
    from midi_risk.export.rules import release_rules
    from midi_risk.export.targets.tables import dictionary_text

    extraction = job.extract(jobs=jobs, progress=progress)
    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    rules = release_rules(table, extraction, given.plan, job.hierarchies(attributes))
    decisions = job.decisions()
    known = None
    if key is not None:
        wanted = {"uids": job.project.rekeys_uids, "subjects": job.project.rekeys_subjects}
        known = collection_pseudonyms(key, extraction, **wanted)
    acts = Acts(removed=removed_paths(table, decisions), pseudonyms=known)
    profiled = Profiled.of(job, extraction, attributes)

    def written(*, identity_removed: bool) -> Applied:
        (staging / RELEASE).mkdir(mode=0o700, exist_ok=True)
        release = write_release(
            staging / RELEASE,
            job.project.collection.sources,
            job.base,
            extraction,
            rules,
            statement=plan_statement(given.content),
            identity_removed=identity_removed,
            selected=_selection(job),
            acts=acts,
            codes=profiled.codes(identity_removed=identity_removed),
            progress=progress,
            jobs=jobs,
            ledger=staging / LEDGER,
        )
        dictionary = dictionary_text(rules, release.dicom, release.written)
        write_private(staging / RELEASE / "data-dictionary.csv", dictionary)
        comparison, assessment, proof = _assess_written(
            job, given.plan, rules, release, staging, jobs, command, known
        )
        return Applied(
            release=release, rules=rules, comparison=comparison, assessment=assessment,
            proof=proof, profiled=profiled,
        )  # fmt: skip

    # Nobody knows the verdict on files before they are written. It is foretold from the sources;
    # where that was wrong they are written a second time.
    foretold = any(s.kind == "dicom" for s in job.project.collection.sources) and not _incomplete(
        _assessed(job, job, extraction, attributes, table, staging, command)
    )
    applied = written(identity_removed=foretold)
    if applied.release.copies is not None and _incomplete(applied.assessment) is foretold:
        shutil.rmtree(staging / RELEASE)
        applied = written(identity_removed=not foretold)
        if _incomplete(applied.assessment) and not foretold:
            raise MidiRiskError(
                "the verdict on the files depends on what they say of themselves",
                hint="Please report it",
            )
    (staging / LEDGER).unlink(missing_ok=True)
    applied = replace(applied, manifest=_written_manifest(staging / RELEASE, applied))
    if known is not None:
        at_one_moment(staging / RELEASE)
    (staging / ASSESSMENT).mkdir(mode=0o700)
    _write_account(staging / ASSESSMENT, applied)
    return applied


def _assessed(
    job: Job,
    read: Job,
    extraction: Extraction,
    attributes: AttributeSet,
    table: SubjectTable,
    staging: Path,
    command: str,
) -> Assessment:
    """Assess what was read, before or after writing, by the models and the log of the project."""
    from midi_risk.cli.job import history_in
    from midi_risk.risk.assess import assess

    models = job.threat_models()
    options = replace(
        read.options(extraction, attributes, command),
        scores=job.scores(),  # of the process, whatever was read
        **job.standing(models, history_in(job.log_file(str(staging)))),
    )
    return assess(table, models, options=options)


def _incomplete(assessment: Assessment) -> bool:
    """Tell whether something that decides is not known, so that no object may say YES."""
    return assessment.verdict.status == "incomplete"


def _selection(job: Job) -> Callable[[Any], bool] | None:
    """Return what tells whether an object is selected by the collection's ``where``."""
    where = job.project.collection.where
    if not where:
        return None
    from midi_risk.export.dicom.files import selects

    return selects(where)


def _assess_written(
    job: Job,
    plan: Plan,
    rules: ReleaseRules,
    release: Release,
    staging: Path,
    jobs: int | None,
    command: str,
    known: Pseudonyms | None,
) -> tuple[Comparison, Assessment, Proof]:
    """Read back what was written, hold it against the account of its sources, and assess it."""
    from midi_risk.attributes.roles import propose
    from midi_risk.cli.job import open_job
    from midi_risk.document.files import write_private
    from midi_risk.export.proof import prove
    from midi_risk.export.rekeyed import as_released
    from midi_risk.export.release import (
        IMAGES,
        compare,
        project_yaml,
        release_project,
        release_settings,
    )
    from midi_risk.recode.steps import release_state
    from midi_risk.risk.account import account
    from midi_risk.table.release import released

    file = staging / "midi-risk.yaml"
    write_private(file, project_yaml(release_project(job.project, release.sources, {})))
    extraction: Extraction = open_job([str(file)]).extract(jobs=jobs)
    settings = release_settings(job.project, rules, propose(extraction), extraction)
    key = _key_of_release(job, extraction, rules, known)
    whole = release_project(job.project, release.sources, settings, key)
    write_private(file, project_yaml(whole))
    written = open_job([str(file)])
    attributes = written.attributes(extraction)
    table = written.fold(extraction, attributes)
    proof = prove(
        account(rules.accounted(), job.decisions()),
        extraction,
        attributes,
        release.copies.outcome.kept if release.copies else (),
        [
            staging / RELEASE / file.target
            for file in release.files
            if file.target.startswith(f"{IMAGES}/")
        ],
    )
    if proof.emptied_elements:
        whole = release_project(job.project, release.sources, settings, key, proof.emptied_elements)
        write_private(file, project_yaml(whole))
        written = open_job([str(file)])
    assessment = _assessed(job, written, extraction, attributes, table, staging, command)
    found = released(table)
    state = release_state(found, job.threat_models(), plan.k, table=table)
    return compare(plan.after, state, as_released(rules, known), found), assessment, proof


def _key_of_release(
    job: Job, extraction: Extraction, rules: ReleaseRules, known: Pseudonyms | None
) -> dict[str, Any] | None:
    """Return what the release says of its key where it was replaced, None where it was not."""
    from datetime import UTC, datetime

    from midi_risk.attributes.decisions import GUESSED
    from midi_risk.export.rekeyed import settings_of_key

    if known is None or not known.subjects:
        return None
    leading = extraction.tables[0]
    column = leading.origin.get(leading.key, leading.key)
    given = job.project.subject_key
    stated = given.model_dump(mode="json", exclude_none=True) if given is not None else None
    guessed = any(a.rekeyed and a.reason.startswith(GUESSED) for a in rules.table.attributes)
    today = "" if guessed else datetime.now(UTC).date().isoformat()
    return settings_of_key(stated, column, today)


def _written_manifest(folder: Path, applied: Applied) -> str:
    """Write the proof beside the released files and return its digest."""
    from midi_risk.export.manifest import write_manifest

    release = applied.release
    removed = _incomplete(applied.assessment)
    return write_manifest(
        folder,
        applied.assessment,
        codes=applied.profiled.codes(identity_removed=not removed),
        left_out=release.left_out(),
        known={file.target: file.sha256 for file in release.files if file.sha256},
    )


def _write_account(folder: Path, applied: Applied) -> None:
    """Write the assessment of the release, its reports, and an account of every file."""
    from midi_risk.document.files import write_private
    from midi_risk.export.tables import csv_text
    from midi_risk.report import report, write_assessment

    release, assessment = applied.release, applied.assessment
    write_assessment(assessment, folder / "assessment.json")
    for edition in ("internal", "shareable"):
        report(assessment, None, edition=edition).write(folder / f"report-{edition}.html")
    account = {
        "schema": "midi-risk/apply/1",
        **applied.comparison.to_dict(),
        **summary(release, applied.rules),
        "account": applied.proof.to_dict(),
        "profile": applied.profiled.to_dict(),
        "manifest_sha256": applied.manifest,
    }
    write_private(folder / "apply.json", json.dumps(account, indent=1) + "\n")
    rows = [(f.source, f.target, f.reason, f.sha256, f.pixels) for f in release.files]
    columns = ("source", "release", "reason", "sha256", "pixels_sha256")
    write_private(folder / "files.csv", csv_text(columns, rows))


def summary(release: Release, rules: ReleaseRules) -> dict[str, Any]:
    """Return counts of what was written and left out; names of attributes, no values.

    Parameters
    ----------
    release : Release
    rules : ReleaseRules
    """
    from midi_risk.export.rules import without_decision

    copies = release.copies
    return {
        "subjects_left_out": len(rules.suppressed),
        "files": {
            "written": sum(bool(file.target) for file in release.files),
            "left_out": release.left_out(),
        },
        "elements": {
            "changed": dict(sorted(copies.outcome.changed.items())) if copies else {},
            "removed": dict(sorted(copies.outcome.removed.items())) if copies else {},
            "kept": dict(sorted(copies.outcome.kept.items())) if copies else {},
        },
        "tables": [
            {
                "name": table.name,
                "rows": len(next(iter(table.columns.values()), ())),
                "rows_left_out": table.suppressed,
                "rows_of_nobody": table.orphans,
            }
            for table in release.tables
        ],
        "coupled": _coupled(release),
        "notes": list(release.notes),
        "undecided_direct_identifiers": list(without_decision(rules)),
    }


def _coupled(release: Release) -> list[str]:
    """Return what was removed with a changed attribute, where there was something."""
    said = [text for table in release.tables for text in table.coupled]
    if release.dicom is not None and release.copies is not None:
        removed = release.copies.outcome.removed
        said += [text for keyword, text in release.dicom.notes.items() if removed[keyword]]
    return said

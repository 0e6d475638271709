"""`midi-risk assess`: everything in one go, from extract to report."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.evidence import to_close
from midi_risk.cli.groups import LEFT_OUT, Group, assess_groups
from midi_risk.cli.job import RESULT_FILES, history_in, log_runs, result_folder, write_results
from midi_risk.cli.options import Stage, progress_bar, stages

if TYPE_CHECKING:
    from midi_risk.attributes.hierarchy import Hierarchy
    from midi_risk.cli.job import Job
    from midi_risk.document.assessment import Assessment, TuningLattice
    from midi_risk.document.log import History
    from midi_risk.document.plan import Plan
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable
    from midi_risk.threat.model import ThreatModel


DEFAULT_BUDGET = 20.0
"""Seconds that `assess` gives the search; `suggest --budget` gives more."""
MAX_CELLS = 20_000_000
"""Nodes times subjects up to which the report carries the lattice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """Limits of the search for a recoding; None takes the project's."""

    max_suppression: float | None = None
    keep: tuple[str, ...] = ()
    budget_seconds: float = DEFAULT_BUDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one assessment yields."""

    assessment: Assessment
    plan: Plan
    table: SubjectTable


def assess_job(
    job: Job,
    extraction: Extraction,
    *,
    models: Sequence[ThreatModel] | None = None,
    limits: SearchLimits | None = None,
    command: str = "",
    history: History | None = None,
    by_hand: bool = False,
    stage: Stage = lambda _: None,
) -> Outcome:
    """Assess one extraction and suggest a recoding.

    Parameters
    ----------
    job : Job
    extraction : Extraction
    models : sequence of ThreatModel, optional
        In place of the project's.
    limits : SearchLimits, optional
    command : str
        Command line, for the internal edition.
    history : History, optional
        Earlier runs, as the log tells them.
    by_hand : bool
        Whether a class size was given on the command line.
    stage : callable
        Told what is being done.
    """
    from midi_risk.document.log import History
    from midi_risk.risk.assess import assess
    from midi_risk.table.release import released

    limits = limits or SearchLimits()
    models = job.threat_models() if models is None else list(models)
    stage("proposing roles")
    attributes = job.attributes(extraction)
    stage("folding to one row per subject")
    table = job.fold(extraction, attributes)
    history = history or History()
    if job.file is None:
        history = history.of(table.digest)
    options = replace(
        job.options(extraction, attributes, command),
        **job.standing(models, history, by_hand=by_hand),
    )
    stage("assessing")
    assessment = assess(table, models, options=options)
    stage("searching for the cheapest levels")
    plan, lattice = _suggestion(job, table, models, options.hierarchies, limits)
    internal = assessment.internal and assessment.internal.model_copy(update={"lattice": lattice})
    return Outcome(
        assessment=assessment.model_copy(update={"plan": plan, "internal": internal}),
        plan=plan,
        table=released(table, options.hierarchies),
    )


def _suggestion(
    job: Job,
    table: SubjectTable,
    models: Sequence[ThreatModel],
    hierarchies: Mapping[str, Hierarchy],
    limits: SearchLimits,
) -> tuple[Plan, TuningLattice | None]:
    """Return a plan and the lattice around it; a failure is the reason of the plan."""
    from midi_risk.errors import MidiRiskError
    from midi_risk.recode.plan import failed_plan, suggest
    from midi_risk.tune.lattice import embedded_nodes, tuning_lattice

    settings = job.project.suggest
    share = limits.max_suppression
    most = settings.max_suppression if share is None else share
    keep = limits.keep or settings.keep
    try:
        plan = suggest(
            table,
            models,
            max_suppression=most,
            keep=keep,
            budget_seconds=limits.budget_seconds,
            hierarchies=hierarchies,
            cells=settings.cells,
            utility=settings.utility,
        )
        lattice = tuning_lattice(
            table,
            models,
            hierarchies=hierarchies,
            plan=plan,
            keep=keep,
            max_suppression=most,
            max_nodes=min(embedded_nodes(table.n_subjects), MAX_CELLS // max(1, table.n_subjects)),
        )
    except MidiRiskError as error:
        why = f"no recoding was sought: {error.message}"
    except Exception as error:  # noqa: BLE001 - no fault of the search may cost the assessment
        why = f"no recoding was sought: internal error, {type(error).__name__}; please report it"
    else:
        return plan, lattice
    click.echo(f"midi-risk: {why}", err=True)
    return failed_plan(table, models, why, hierarchies), None


def describe(outcome: Outcome) -> str:
    """Return the outcome as lines of text without values.

    Parameters
    ----------
    outcome : Outcome
    """
    from midi_risk.document.clean import neutral

    assessment, plan = outcome.assessment, outcome.plan
    verdict, collection = assessment.verdict, assessment.collection
    words = {
        "acceptable": "ACCEPTABLE: every figure is within its threshold",
        "above_threshold": "ABOVE THRESHOLD",
        "incomplete": "INCOMPLETE: something that decides is not known",
    }
    files = collection.files
    lines = [
        f"{collection.name}: {words[verdict.status]}",
        (
            f"  subjects {collection.subjects}, files read {files.read}, flagged {files.flagged},"
            f" not DICOM {files.not_dicom}, unreadable {files.unreadable}"
        ),
        *_not_counted(collection.excluded),
        f"  quasi-identifiers: {', '.join(assessment.measures.quasi_identifiers) or 'none'}",
        (
            f"  smallest class {assessment.measures.k} (required {assessment.threshold.k}),"
            f" sample uniques {assessment.measures.sample_uniques},"
            f" classes {assessment.measures.classes}"
        ),
        *_beside(assessment),
    ]
    for threat in assessment.threats:
        lines.append(f"  {threat.model}, {threat.adversary} (attempt {threat.attempt:.3g}):")
        for result in threat.results:
            judged = {True: "pass", False: "FAIL", None: ""}[result.passed]
            value = "not known" if result.value is None else f"{result.value:.4f}"
            lines.append(f"    {result.measure:<22} {value:>9} {result.kind:<8} {judged}".rstrip())
        if threat.uncertainty is not None:
            drawn = threat.uncertainty
            lines.append(
                f"    over the declared intervals: {drawn.probability_above:.0%} of draws above the"
                f" threshold, most by {drawn.tornado[0].name}"
            )
    if assessment.threshold.reason:
        lines.append(f"  reason for the class size: {assessment.threshold.reason}")
    lines.append(f"  {_standing(assessment)}")
    lines += [f"  because {reason.text}" for reason in verdict.reasons]
    lines += to_close(assessment)
    lines += ["", "Suggestion:" if plan.found else "No suggestion:"]
    lines += [f"  {line}" for line in plan.describe().splitlines()]
    if plan.found:
        lines.append(
            f"  smallest class {plan.before.k} -> {plan.after.k},"
            f" information lost {plan.loss or 0:.1%} ({plan.proof})"
        )
    return "\n".join(neutral(line) for line in lines)


def _beside(assessment: Assessment) -> list[str]:
    """Return the line of the figures that are not judged, where there are any."""
    special, individual = assessment.measures.special_uniques, assessment.measures.individual
    told = []
    if special is not None and special.reason is None:
        sizes = f"up to {special.largest_size} of {special.attributes} attributes"
        told.append(f"special uniques {special.subjects} (on {sizes})")
    if individual is not None and individual.reason is None:
        told.append(
            f"expected re-identifications {individual.expected:.3g} of {individual.n}"
            f" ({individual.model}, {individual.adversary})"
        )
    return [f"  not judged: {'; '.join(told)}"] if told else []


def _standing(assessment: Assessment) -> str:
    """Return whether the threshold was fixed before the figures were seen, and what proves it."""
    from midi_risk.document.assessment import PROOFS

    proof = assessment.threshold.proof
    if not proof:
        return "threshold fixed before the figures were seen: not proved"
    return f"threshold fixed before the figures were seen: proved by {PROOFS[proof]}"


def _not_counted(excluded: Mapping[str, int]) -> list[str]:
    """Return the line about what is in the sources and no subject, if anything is."""
    words = {
        "phantom": ("phantom", "phantoms"),
        "animal": ("animal", "animals"),
        "derived": ("derived object", "derived objects"),
        "no_key": ("row without a key", "rows without a key"),
    }
    told = [
        f"{excluded[name]:,} {one if excluded[name] == 1 else many}"
        for name, (one, many) in words.items()
        if excluded.get(name)
    ]
    return [f"  not counted as subjects: {', '.join(told)}"] if told else []


def announce(folder: Path, names: tuple[str, ...]) -> None:
    """Say on stderr which files were written."""
    click.echo(f"written to {folder}: {', '.join(names)}", err=True)


_RANK = {"acceptable": 0, "above_threshold": 1, "incomplete": 2}


@click.command("assess")
@click.argument("sources", nargs=-1, metavar="PROJECT|SOURCE...")
@common.with_options(common.TABLES, common.THREATS, common.THRESHOLD, common.PARAMETERS)
@click.option("--where", metavar="EXPR", help="Rows to assess, as \"collection_id = 'x'\".")
@click.option(
    "--by",
    metavar="COLUMN",
    help="One assessment per value of this column; goes on where a stopped run stood.",
)
@common.with_options(
    common.SUPPRESSION,
    common.KEEP,
    common.BUDGET,
    common.JOBS,
    common.PAYLOADS,
    common.OUTPUT,
    common.FORMAT,
)
@click.option(
    "--fail-on",
    type=click.Choice(["any", "governing", "never"]),
    default="any",
    show_default=True,
    help="What makes the exit code 3: any failed figure, the governing one, or nothing.",
)
@common.QUIET
def command(sources: tuple[str, ...], by: str | None, **given: Any) -> int:
    """Assess the risk of a project or of sources.

    Given sources, this extracts, proposes roles, assesses, suggests a recoding and writes
    assessment.json, plan.json, subjects.parquet and both editions of the report.
    """
    from midi_risk.cli.job import open_job

    job = open_job(
        sources,
        given["tables"],
        threats=given["threats"],
        parameters=given["parameters"],
        where=given["where"],
    )
    models = job.threat_models(given["k"], given["k_reason"], given["criteria"])
    log = job.log_file(given["output"])
    one = partial(
        assess_job,
        models=models,
        command=shlex.join(["midi-risk", *sys.argv[1:]]),
        history=history_in(log),
        by_hand=given["k"] is not None,
    )
    limits = SearchLimits(
        max_suppression=given["max_suppression"],
        keep=given["keep"],
        budget_seconds=given["budget"] or DEFAULT_BUDGET,
    )
    if by is not None:
        groups = _by_group(job, by, given, limits, one)
        _print_groups(groups, given["form"])
        if not given["quiet"]:
            announce(Path(given["output"]), ("index.html", "summary.csv", "one folder per group"))
        return _exit_code(groups, given["fail_on"])
    with result_folder(given["output"]) as folder:
        with progress_bar("reading", quiet=given["quiet"]) as progress:
            extraction = job.extract(
                jobs=given["jobs"], progress=progress, payloads=given["payloads"]
            )
        with stages(quiet=given["quiet"]) as stage:
            outcome = one(job, extraction, limits=limits, stage=stage)
            stage("writing both reports")
            write_results(folder, outcome.assessment, outcome.plan, outcome.table)
    log_runs(log, [outcome.assessment])
    if given["form"] == "json":
        click.echo(json.dumps(outcome.assessment.public().to_dict(), indent=2))
    else:
        click.echo(describe(outcome))
    if not given["quiet"]:
        announce(Path(given["output"]), RESULT_FILES)
    return _exit_code([Group(name="", assessment=outcome.assessment)], given["fail_on"])


def _by_group(
    job: Job, by: str, given: Mapping[str, Any], limits: SearchLimits, one: Callable[..., Outcome]
) -> list[Group]:
    """Assess each group of the leading source on its own."""
    from midi_risk import __version__
    from midi_risk.sources import split_by

    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress, payloads=given["payloads"])
    parts = split_by(extraction, by)
    budget = max(1.0, limits.budget_seconds / max(1, len(parts)))
    share = replace(limits, budget_seconds=budget)

    def assessed(group: Job, part: Extraction) -> tuple[Assessment, Plan, SubjectTable]:
        outcome = one(group, part, limits=share)
        return outcome.assessment, outcome.plan, outcome.table

    models = job.threat_models(given["k"], given["k_reason"], given["criteria"])
    asked = {
        "version": __version__,
        "by": by,
        "project": job.project.model_dump(mode="json"),
        "models": [model.to_dict() for model in models],
        "limits": [limits.max_suppression, limits.keep, limits.budget_seconds],
    }
    return assess_groups(
        job, parts, by, given["output"], assessed, asked=asked, quiet=given["quiet"]
    )


def _print_groups(groups: Sequence[Group], form: str) -> None:
    """Write the groups to stdout; those that were left out as well."""
    if form == "json":
        documents = {g.name: g.assessment.to_dict() for g in groups if g.assessment is not None}
        click.echo(json.dumps(documents, indent=2))
        return
    for row in (group.row() for group in groups):
        if row["status"] == LEFT_OUT:
            click.echo(f"{row['group']:<40} {LEFT_OUT}: {row['reason']}")
            continue
        click.echo(
            f"{row['group']:<40} {row['subjects']:>7} subjects  k {row['k']!s:>5}"
            f"  uniques {row['sample_uniques']:>6}  {row['status']}"
        )


def _governing_failed(assessment: Assessment) -> bool:
    """Tell whether the governing figure failed; its upper bound or a floor may have decided."""
    governing = assessment.verdict.governing
    return governing is not None and any(
        result.passed is False
        for threat in assessment.threats
        if (threat.model, threat.adversary) == (governing.model, governing.adversary)
        for result in threat.results
        if result.measure == governing.measure
    )


def _exit_code(groups: Sequence[Group], fail_on: str) -> int:
    """Return the exit code of the worst outcome; 4 outranks 3.

    A group that holds subjects and could not be assessed is as good as incomplete.
    """
    from midi_risk.document.reasons import EXIT_CODES

    found = [group.assessment for group in groups if group.assessment is not None]
    statuses = [assessment.verdict.status for assessment in found]
    unknown = any(group.assessment is None and not group.nobody for group in groups)
    worst = "incomplete" if unknown else max(statuses, key=_RANK.__getitem__)
    code = EXIT_CODES[worst]
    if fail_on == "governing" and worst == "above_threshold":
        code = code if any(_governing_failed(assessment) for assessment in found) else 0
    if fail_on == "never" and code:
        click.echo(f"midi-risk: the exit code would be {code}", err=True)
        return 0
    return code

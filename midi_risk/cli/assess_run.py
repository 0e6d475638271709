"""One assessment from end to end: extract, propose, fold, assess, suggest, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from midi_risk.cli.job import Job
    from midi_risk.risk.document import Assessment
    from midi_risk.risk.plan_document import Plan
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable

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
    k: int | None = None,
    limits: SearchLimits | None = None,
    command: str = "",
) -> Outcome:
    """Assess one extraction and suggest a recoding.

    Parameters
    ----------
    job : Job
    extraction : Extraction
    k : int, optional
        Class size that replaces the threat models' thresholds.
    limits : SearchLimits, optional
    command : str
        Command line, for the internal edition.
    """
    from midi_risk.recode.plan import suggest
    from midi_risk.risk.assess import assess
    from midi_risk.table.release import released
    from midi_risk.tune.lattice import embedded_nodes, tuning_lattice

    limits = limits or SearchLimits()
    models = job.threat_models(k)
    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    options = job.options(extraction, attributes, command)
    assessment = assess(table, models, options=options)
    settings = job.project.suggest
    plan = suggest(
        table,
        models,
        max_suppression=(
            settings.max_suppression if limits.max_suppression is None else limits.max_suppression
        ),
        keep=limits.keep or settings.keep,
        budget_seconds=limits.budget_seconds,
        hierarchies=options.hierarchies,
        cells=settings.cells,
    )
    lattice = tuning_lattice(
        table,
        models,
        hierarchies=options.hierarchies,
        plan=plan,
        keep=limits.keep or settings.keep,
        max_suppression=(
            settings.max_suppression if limits.max_suppression is None else limits.max_suppression
        ),
        max_nodes=min(embedded_nodes(table.n_subjects), MAX_CELLS // max(1, table.n_subjects)),
    )
    internal = assessment.internal and assessment.internal.model_copy(update={"lattice": lattice})
    return Outcome(
        assessment=assessment.model_copy(update={"plan": plan, "internal": internal}),
        plan=plan,
        table=released(table, options.hierarchies),
    )


def describe(outcome: Outcome) -> str:
    """Return the outcome as lines of text without values.

    Parameters
    ----------
    outcome : Outcome
    """
    from midi_risk.report.clean import neutral

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
    lines += [f"  because {reason}" for reason in verdict.reasons]
    lines += ["", "Suggestion:" if plan.found else "No suggestion:"]
    lines += [f"  {line}" for line in plan.describe().splitlines()]
    if plan.found:
        proof = "proved optimal" if plan.optimal else "best found, not proved"
        lines.append(
            f"  smallest class {plan.before.k} -> {plan.after.k},"
            f" information lost {plan.loss or 0:.1%} ({proof})"
        )
    return "\n".join(neutral(line) for line in lines)


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

"""`midi-risk qc`: draw what people read, and record what they saw."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import ShareType
from midi_risk.errors import ConfigError, OutputError, did_you_mean, reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from midi_risk.cli.job import Job
    from midi_risk.document.reliability import QualityControl


@click.group("qc")
def command() -> None:
    """Quality control by people: draw a sample by risk, and record what they saw."""


@command.command("plan")
@click.argument("project", metavar="PROJECT")
@click.option("--share", type=ShareType(), default="0.01", show_default=True, metavar="SHARE",
              help="Share of units with an identifier that a clean sample rules out.")  # fmt: skip
@click.option("--sensitivity", type=click.FloatRange(0, 1, min_open=True), default=0.9,
              show_default=True, help="Probability that a reader sees an identifier, as stated;"
              " hidden canaries measure it.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help="Of the sample; drawn when not given.")
@click.option("--channels", metavar="NAMES", help="Channels that are read, by commas; those that"
              " the threat models require when not given.")  # fmt: skip
@click.option("--readers", type=click.IntRange(1, 2), default=1, show_default=True,
              help="Readers of each unit.")  # fmt: skip
@click.option(
    "--canaries",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Units with a planted identifier, hidden among copies of the others.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), default="qc.csv",
              show_default=True, metavar="FILE", help="Sheet that the readers fill.")  # fmt: skip
@common.with_options(common.QUIET)
def plan_command(project: str, output: Path, **given: Any) -> int:
    """Draw which subjects people look at, for which channel, and write the sheet.

    What the search left undecided is read whole; of the rest a simple random sample by subject.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.files import write_private
    from midi_risk.risk.quality.plan import PLAN_FILE, Design, make_plan, sheet, written
    from midi_risk.risk.quality.units import population_of

    job = open_job([project])
    folder = _folder(job)
    _check_free(output)
    population = population_of(job.extract(jobs=1), job.looked_at()[0])
    design = Design(
        share=given["share"], sensitivity=given["sensitivity"], seed=_seed(given["seed"]),
        readers=given["readers"], channels=_channels(job, given["channels"]),
    )  # fmt: skip
    chosen: Sequence[dict[str, str]] = ()
    if given["canaries"]:
        from midi_risk.cli.unit_copies import choose_canaries

        chosen = choose_canaries(population, design, given["canaries"])
    plan = make_plan(population, job.inspection(), design, datetime.now(UTC).date(), chosen)
    if chosen:
        from midi_risk.cli.unit_copies import copy_units

        plan = copy_units(plan, population, output.with_name(f"{output.stem}-units"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / PLAN_FILE, written(plan))
    write_private(output, sheet(plan))
    _tell_plan(plan, design.sensitivity, output)
    return 0


def _folder(job: Job) -> Path:
    """Return the folder of quality control in the store of a project."""
    folder = job.controlled()
    if folder is None:
        raise ConfigError("command line", ["quality control is of a project: name its folder"])
    return folder


def _check_free(output: Path) -> None:
    """Refuse to write over a sheet that somebody may have filled."""
    if output.exists():
        raise OutputError(f"'{output}' is there already", hint="Name another with -o")


def _seed(given: int | None) -> int:
    import secrets

    return secrets.randbelow(2**32) if given is None else given


def _channels(job: Job, text: str | None) -> tuple[str, ...]:
    """Return the channels that are read."""
    from midi_risk.risk.quality.units import CHANNELS

    if text is None:
        asked = {name for model in job.threat_models() for name in model.required_channels()}
        return tuple(name for name in CHANNELS if name in asked) or ("free_text",)
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in CHANNELS]
    if unknown or not named:
        raise ConfigError(
            "command line",
            [f"--channels: '{name}' is none that people read. {did_you_mean(name, CHANNELS)}"
             for name in unknown] or ["--channels names nothing"],
        )  # fmt: skip
    return tuple(dict.fromkeys(named))


def _tell_plan(plan: dict[str, Any], sensitivity: float, output: Path) -> None:
    from midi_risk.document.sampling import sample_size
    from midi_risk.risk.quality.plan import Drawn, expected_bound

    parts = []
    for part in plan["strata"]:
        needed = sample_size(part["total"], plan["share"], sensitivity)
        parts.append(Drawn(**part, enough=needed is not None))
        short = "" if needed is not None else "; even all of them do not rule out the share"
        click.echo(
            f"  {part['channel']}, {part['stratum']}: {part['sample']:,} of {part['total']:,}"
            f"{short}"
        )
    bound = expected_bound(parts, sensitivity, plan["subjects"])
    click.echo(
        f"{len(plan['units']):,} units of {plan['subjects']:,} subjects: {output}\n"
        f"if all are clean, at most {bound:.2%} of the subjects have something that readers of"
        f" sensitivity {sensitivity:g} can see (95 %)"
    )


@command.command("record")
@click.argument("project", metavar="PROJECT")
@click.argument("sheet", metavar="QC.CSV", type=click.Path(exists=True, dir_okay=False))
def record_command(project: str, sheet: str) -> int:
    """Check the filled sheet against the plan and the files, and keep what it says.

    Nothing is kept where a unit is missing, foreign, not read, or no longer what was planned.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.files import write_private
    from midi_risk.risk.quality.plan import read_plan
    from midi_risk.risk.quality.record import (
        RECORD_FILE,
        changed_units,
        earlier,
        judge,
        read_sheet,
        record,
    )
    from midi_risk.risk.quality.units import population_of

    job = open_job([project])
    folder = _folder(job)
    plan = read_plan(folder)
    readings = read_sheet(Path(sheet), plan, datetime.now(UTC).date())
    changed = changed_units(plan, population_of(job.extract(jobs=1), job.looked_at()[0]))
    if changed:
        raise ConfigError(
            sheet, [f"unit {unit}: its files or rows changed since the plan" for unit in changed]
        )
    qc = judge(plan, readings, earlier(folder, plan))
    try:
        write_private(folder / RECORD_FILE, record(plan, qc))
    except OSError as error:
        raise OutputError(f"the record cannot be written: {reason_of(error)}") from None
    _tell_record(qc)
    return 0


def _tell_record(qc: QualityControl) -> None:
    for part in qc.strata:
        click.echo(
            f"  {part.channel}, {part.stratum}: {part.defects} of {part.inspected:,} with an"
            f" identifier, {part.unsure} unsure; at most {part.upper:.2%} of {part.total:,}"
        )
    readers = qc.sensitivity
    how = (
        f"{readers.found} of {readers.n} hidden canaries found, so at least"
        if readers.how == "canaries"
        else "stated"
    )
    click.echo(f"sensitivity of the readers: {how} {readers.value:.2f}")
    if (two := qc.second_reader) is not None:
        click.echo(f"two readers: {two.first} and {two.second}, both {two.both}; estimated"
                   f" {two.estimate:.1f} in what was read")  # fmt: skip
    if qc.before is not None:
        click.echo(f"before correction: {qc.before.share:.2%} of the units read, at most"
                   f" {qc.before.upper:.2%} of the subjects")  # fmt: skip
    click.echo(
        f"after correction: at most {qc.after.upper:.2%} of the subjects"
        if qc.after is not None
        else f"jointly at most {qc.upper:.2%} of the subjects (95 %)"
    )
    if qc.units.defects:
        click.echo("correct what caused them, everywhere, then draw a new sample: qc plan")

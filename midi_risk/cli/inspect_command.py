"""`midi-risk inspect`: look at every file for what the channels ask, and review what was found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar, seconds_of
from midi_risk.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from midi_risk.cli.job import Job

_LOOKED = ("embedded_metadata", "private_elements", "free_text", "burned_in")
_MOST_TEXTS = 1_000_000


def _budget(text: str | None) -> float | None:
    """Return a time such as 90s, 30m or 2h in seconds."""
    if text is None:
        return None
    seconds = seconds_of(text)
    if seconds is None:
        raise ConfigError("command line", [f"--budget: '{text}' is no time such as 90s, 30m or 2h"])
    return seconds


def _channels(text: str | None) -> tuple[str, ...]:
    """Return the channels that are looked at; refuse those that nothing here looks at."""
    if text is None:
        return _LOOKED
    named = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in named if name not in _LOOKED]
    if unknown or not named:
        faults = [
            f"--channels: {name} is not looked at by machine; there are {', '.join(_LOOKED)}"
            for name in unknown or ["nothing"]
        ]
        raise ConfigError("command line", faults)
    return tuple(name for name in _LOOKED if name in named)


def _tables(job: Job, paths: Sequence[Path]) -> list[tuple[Path, Mapping[str, Sequence[str]]]]:
    """Return the distinct texts of each column of the tables."""
    if not paths:
        return []
    extraction = job.extract(jobs=1)
    found: list[tuple[Path, Mapping[str, Sequence[str]]]] = []
    for path in paths:
        columns: dict[str, list[str]] = {}
        for table in extraction.tables:
            if table.name in {path.name, path.stem}:
                for name in table.rows.column_names:
                    if name != table.key:
                        texts = table.rows.column(name).unique().to_pylist()[:_MOST_TEXTS]
                        columns[name] = [str(text) for text in texts if text]
        found.append((path, columns))
    return found


@click.command("inspect")
@click.argument("arguments", metavar="[review] PROJECT", nargs=-1, required=True)
@click.option("--channels", metavar="NAMES", help=f"Channels, by commas: {', '.join(_LOOKED)}.")
@click.option(
    "--known",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The hospital's own list (CSV): its names, numbers and dates are searched for.",
)
@click.option(
    "--frames",
    type=click.Choice(["all", "series"]),
    default="series",
    show_default=True,
    help="Frames that are read: all, or the median of a series with its first, middle and last.",
)
@click.option("--budget", metavar="TIME", help="Stop after 90s, 30m or 2h; go on another time.")
@click.option(
    "--decisions",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With review: take the decisions that the page saved.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of results; assess reads that of the project, .midi-risk/inspect.",
)
@common.with_options(common.JOBS, common.QUIET)
def command(arguments: tuple[str, ...], **given: Any) -> int:
    """Look at every file for embedded content, private elements, and text in words and pixels.

    Results are kept and bound to the files: what changed is looked at again, and assess uses only
    what still fits. 'inspect review PROJECT' writes a page of candidates on which people decide.
    The exit code is 4 when time was up before all was looked at.
    """  # fmt: skip
    from midi_risk.cli.job import open_job

    review = len(arguments) > 1 and arguments[0] == "review"
    if len(arguments) != 1 + review:
        raise ConfigError("command line", ["name one project: midi-risk inspect [review] PROJECT"])
    channels = _channels(given["channels"])
    budget = _budget(given["budget"])
    job = open_job([arguments[-1]])
    folder = given["output"] or job.inspected()
    if folder is None:
        raise ConfigError(
            "command line",
            ["sources without a project have no place for results; give -o DIR"],
        )
    if review:
        return _review(folder, given["decisions"])
    return _inspect(job, folder, given, channels, budget)


def _review(folder: Path, decisions: Path | None) -> int:
    from midi_risk.sources.inspection.review import take_decisions, write_page

    if decisions is not None:
        click.echo(f"{take_decisions(folder, decisions):,} decisions taken")
        return 0
    page, tokens = write_page(folder)
    click.echo(f"{tokens:,} distinct tokens: {page}")
    return 0


def _inspect(
    job: Job,
    folder: Path,
    given: Mapping[str, Any],
    channels: Sequence[str],
    budget: float | None,
) -> int:
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.sources.inspection.reading import EXTRA
    from midi_risk.sources.inspection.run import inspect_files
    from midi_risk.sources.inspection.summary import read_inspection

    images, tables = job.looked_at()
    with progress_bar("inspecting", quiet=given["quiet"]) as progress:
        outcome = inspect_files(
            images, folder, tables=_tables(job, tables) if "free_text" in channels else [],
            known=given["known"], channels=channels, every=given["frames"] == "all",
            budget=budget, jobs=given["jobs"] or 1, progress=progress,
        )  # fmt: skip
    pixels = outcome.pixels
    if len(channels) > 1 or pixels is None:
        _say("files", outcome.looked, outcome.held, outcome.left)
    if pixels is not None and pixels.reader:
        _say("pixels of files", pixels.looked, pixels.held, pixels.left)
    found = read_inspection(folder, images, tables)
    for name in channels:
        if name == "burned_in" and pixels is not None and not pixels.reader:
            click.echo(EXTRA)
            continue
        kinds: Counter[str] = Counter()
        for one in found.found.get(name, ()) if found is not None else ():
            kinds[one.kind] += one.units
        words = ", ".join(f"{kind} {n:,}" for kind, n in sorted(kinds.items())) or "nothing"
        click.echo(f"  {name}: {words}")
    left = outcome.left + (pixels.left if pixels is not None else 0)
    return EXIT_CODES["incomplete"] if left else 0


def _say(what: str, looked: int, held: int, left: int) -> None:
    click.echo(f"{what} looked at {looked:,}, known from before {held:,}, left {left:,}")

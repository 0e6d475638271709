"""`midi-risk score`: plant identifiers in copies, and say which a tool left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar


@click.group("score")
def command() -> None:
    """Measure a de-identification process by identifiers whose place is known."""


@command.command("make")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("-o", "--output", required=True, metavar="DIR", type=click.Path(path_type=Path),
              help="New folder: copies in images, the key beside them.")  # fmt: skip
@click.option("--files", type=click.IntRange(min=1), default=200, show_default=True,
              help="Copies at most.")  # fmt: skip
@click.option(
    "--types", metavar="NAMES", default="", help="Modalities, by commas; all when absent."
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="CODE",
    help="Option of PS3.15 that the process claims, as 113107; several times.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the choice; drawn when not given.")
@common.with_options(common.QUIET)
def make(sources: tuple[str, ...], output: Path, **given: Any) -> int:
    """Write copies of objects with identifiers planted in them, and the key that tells where.

    Tags, texts, nested items, private and rare elements, the preamble and, where they are not
    compressed, the pixels. The key is for you alone: whoever tunes a tool to it measures nothing.
    """
    import secrets

    from midi_risk.export.score.make import IMAGES, KEY_FILE, make_copies

    seed = secrets.randbelow(2**32) if given["seed"] is None else given["seed"]
    with progress_bar("planting", quiet=given["quiet"]) as progress:
        key = make_copies(
            sources, output, files=given["files"], types=given["types"].split(","),
            options=given["options"], seed=seed, progress=progress,
        )  # fmt: skip
    planted = sum(len(line["canaries"]) for line in key["files"])
    click.echo(f"{len(key['files']):,} copies with {planted:,} canaries: {output / IMAGES}")
    click.echo(f"key, for you alone: {output / KEY_FILE}")
    return 0


@command.command("run")
@click.argument("key", metavar="KEY", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("output", metavar="OUTPUT", type=click.Path(path_type=Path))
@click.option("--mapping", "mappings", multiple=True, metavar="FILE",
              type=click.Path(path_type=Path),
              help="CSV with id_old and id_new, as the tool wrote it; several times.")  # fmt: skip
@click.option("--tool", default="", metavar="TEXT", help="What was run, for the report.")
@click.option("-o", "--result", metavar="FILE", type=click.Path(path_type=Path),
              help="Also write the result, which a project names under scores.")  # fmt: skip
@common.with_options(common.FORMAT)
def run(key: Path, output: Path, mappings: tuple[Path, ...], **given: Any) -> int:
    """Say per kind and place what a tool left of a key, the worst first.

    KEY is that of 'score make', or an answer key of MIDI-B (SQLite) with its mapping files.
    """
    from midi_risk.document.files import write_private
    from midi_risk.export.score.midi_b import is_answer_key, score_midi_b
    from midi_risk.export.score.result import lines_of, written
    from midi_risk.export.score.run import score_canaries

    judge = score_midi_b if is_answer_key(key) else score_canaries
    score = judge(key, output, mappings, given["tool"])
    if given["result"] is not None:
        write_private(given["result"], written(score))
    if given["form"] == "json":
        click.echo(written(score), nl=False)
    else:
        for line in lines_of(score):
            click.echo(line)
    return 0

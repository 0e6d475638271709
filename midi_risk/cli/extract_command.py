"""`midi-risk extract`: scan the sources of a project into its store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import OutputError, SourceError


@click.command("extract")
@click.argument("project", metavar="PROJECT")
@click.option(
    "--shard",
    metavar="N/M",
    help="Read the N-th of M parts of the list that 'midi-risk list' wrote, into a store of its"
    " own; 'midi-risk merge' joins them.",
)
@common.with_options(common.JOBS, common.PAYLOADS, common.QUIET)
def command(project: str, **given: Any) -> int:
    """Scan the sources into the project's store; only new and changed files are read.

    The exit code is 4 when more files are unreadable than the project tolerates.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.reasons import EXIT_CODES

    job = open_job([project])
    store = job.store()
    if store is not None:
        try:
            store.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            reason = (error.strerror or "cannot be written").lower()
            raise OutputError(f"the scan store '{store}' cannot be made: {reason}") from None
    if given["shard"]:
        return _shard(store, given)
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress, payloads=given["payloads"])
    counts = extraction.file_counts()
    for table in extraction.tables:
        click.echo(f"{table.name}: {table.n_rows} rows, one per {table.level}")
    click.echo(", ".join(f"{name.replace('_', ' ')} {n}" for name, n in counts.items()))
    for finding in extraction.findings:
        click.echo(f"  {finding}", err=True)
    unread = counts["unreadable"] > job.project.tolerance.unread_files
    return EXIT_CODES["incomplete"] if unread else 0


def _shard(store: Path | None, given: Mapping[str, Any]) -> int:
    """Read one shard of the list."""
    from midi_risk.sources.scan.shards import Shard, read_shard

    shard = Shard.parse(given["shard"])
    if store is None:
        raise SourceError(
            "only a project has shards", hint="Give the project file, and list its files first"
        )
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        files, findings = read_shard(
            store, shard, jobs=given["jobs"], progress=progress, payloads=given["payloads"]
        )
    counts = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in sorted(files.items()))
    click.echo(f"shard {shard}: {counts or 'no file is its own'}")
    for finding in findings:
        click.echo(f"  {finding}", err=True)
    return 0

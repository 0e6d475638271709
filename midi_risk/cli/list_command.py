"""`midi-risk list`: write once which files there are, so that shards can divide them."""

from __future__ import annotations

import click

from midi_risk.errors import SourceError


@click.command("list")
@click.argument("project", metavar="PROJECT")
def command(project: str) -> int:
    """Write the list of the project's DICOM files into its store.

    Shards divide this list: ``midi-risk extract PROJECT --shard 3/64``. Write it again when files
    were added, and read the shards again.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.sources.scan.shards import list_once

    job = open_job([project])
    store, images = job.store(), job.images()
    if store is None or not images:
        raise SourceError(
            "there are no DICOM files to list" if store else "only a project has a list of files",
            hint="Give the project file of a collection of DICOM files",
        )
    files = list_once(store, images)
    click.echo(f"{files:,} files listed")
    return 0

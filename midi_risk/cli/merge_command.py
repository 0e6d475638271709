"""`midi-risk merge`: take what shards have read into the project's store."""

from __future__ import annotations

import click

from midi_risk.errors import SourceError


@click.command("merge")
@click.argument("project", metavar="PROJECT")
def command(project: str) -> int:
    """Merge the shards that were read, in any order, with any of them missing.

    What no shard has read is read by the next extraction. The exit code is 4 while there are
    files that no shard has met.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.document.reasons import EXIT_CODES
    from midi_risk.sources.scan.shards import merge_shards

    store = open_job([project]).store()
    if store is None or not store.is_dir():
        raise SourceError(
            "there is no scan store to merge shards into",
            hint="Write the list of files first: midi-risk list PROJECT",
        )
    merged = merge_shards(store)
    click.echo(f"{merged.shards} of {merged.of} shards merged")
    if merged.missing:
        first = ", ".join(str(number) for number in merged.missing[:10])
        more = ", ..." if len(merged.missing) > 10 else ""
        click.echo(f"nobody has begun {len(merged.missing)}: {first}{more}")
    click.echo(f"{merged.listed - merged.left:,} of {merged.listed:,} files met")
    if merged.unreadable:
        click.echo(f"{merged.unreadable:,} of them cannot be read; they are tried again")
    return 0 if merged.complete else EXIT_CODES["incomplete"]

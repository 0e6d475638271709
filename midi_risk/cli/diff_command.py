"""`midi-risk diff`: what changed between two assessments."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
def command(old: str, new: str) -> None:
    """Say what changed from one assessment to another, without any value."""
    from midi_risk.document.clean import neutral
    from midi_risk.document.compare import differences
    from midi_risk.report import load_assessment

    documents = []
    for text in (old, new):
        path = Path(text)
        documents.append(load_assessment(path / "assessment.json" if path.is_dir() else path))
    lines = differences(*documents)
    click.echo("\n".join(neutral(line) for line in lines) if lines else "no difference")

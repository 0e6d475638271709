"""`midi-risk explain`: the field's terms in a few sentences each."""

from __future__ import annotations

import textwrap

import click

from midi_risk.errors import MidiRiskError, did_you_mean
from midi_risk.resources import data_rows


@click.command("explain")
@click.argument("term", nargs=-1)
def command(term: tuple[str, ...]) -> None:
    """Explain a term of the field or of the report; without one, list the terms."""
    entries = {row["term"]: row for row in data_rows("glossary.csv")}
    if not term:
        for name in sorted(entries):
            click.echo(name)
        return
    asked = " ".join(term).strip().casefold()
    names = {name.casefold(): name for name in entries}
    for name, row in entries.items():
        for other in filter(None, row["also"].split("; ")):
            names.setdefault(other.casefold(), name)
    found = names.get(asked) or names.get(asked.replace("_", " ").replace("-", " "))
    if found is None:
        found = {n.replace("-", " "): t for n, t in names.items()}.get(asked.replace("-", " "))
    if found is None:
        raise MidiRiskError(f"no term '{asked}' is explained", hint=did_you_mean(asked, names))
    row = entries[found]
    click.echo(found)
    click.echo(textwrap.indent(textwrap.fill(row["text"], 92), "  "))
    if row["source"]:
        click.echo(f"  Source: {row['source']}")

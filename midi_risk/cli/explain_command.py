"""`midi-risk explain`: the field's terms in a few sentences each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import click

from midi_risk.errors import MidiRiskError, did_you_mean
from midi_risk.resources import data_rows


@click.command("explain")
@click.argument("term", nargs=-1)
def command(term: tuple[str, ...]) -> None:
    """Explain a term of the field or of the report; without one, list the terms.

    'ladder NAME' shows a generalisation ladder as a table, 'ladder' lists them.
    """
    if term and term[0].casefold() in {"ladder", "ladders"}:
        _ladder(" ".join(term[1:]).strip())
        return
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
        found = _registered(asked, names)
    if found is None:
        return
    _tell(found, entries[found]["text"], entries[found]["source"])


def _registered(asked: str, names: Mapping[str, str]) -> str | None:
    """Return the term that a measure belongs to, or explain what has no term of its own."""
    from midi_risk.risk.measures.registry import FIGURES, MEASURES, cited
    from midi_risk.threat.channels import CHANNELS

    if asked in FIGURES:
        return FIGURES[asked].term
    measure = {key.casefold(): found for key, found in MEASURES.items()}.get(asked)
    if measure is not None:
        _tell(f"{measure.key}: {measure.title}", f"{measure.formula}.", cited(*measure.sources))
    elif asked in CHANNELS:
        channel = CHANNELS[asked]
        _tell(channel.title.casefold(), f"{channel.meaning} Attack: {channel.answers}.", "")
    else:
        hint = did_you_mean(asked, {*names, *FIGURES, *CHANNELS})
        raise MidiRiskError(f"no term '{asked}' is explained", hint=hint)
    return None


def _tell(head: str, text: str, source: str) -> None:
    """Print an explanation."""
    click.echo(head)
    click.echo(textwrap.indent(textwrap.fill(text, 92), "  "))
    if source:
        click.echo(f"  Source: {source}")


def _ladder(asked: str) -> None:
    """Print a ladder as a table: levels, what they do, and what becomes of some values."""
    from midi_risk.attributes.hierarchy import build_hierarchy
    from midi_risk.attributes.ladders import LADDERS, find_ladder
    from midi_risk.attributes.model import Kind

    if not asked:
        for name, ladder in LADDERS.items():
            click.echo(f"{name:<12} {', '.join(ladder.level_names)}")
        return
    samples = list(find_ladder(asked).samples)
    made = build_hierarchy(asked, Kind.CATEGORY, samples, counts=[20, 3, 1][: len(samples)])
    rows = [("level", "name", "what it does", *("" for _ in samples))]
    for level, name in enumerate(made.level_names):
        shown = [str(label) for label in made.apply(level, samples)]
        rows.append((str(level), name, made.describe(level, "x").removeprefix("x: "), *shown))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())

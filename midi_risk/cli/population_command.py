"""`midi-risk population`: tables of the people who could be mistaken for the subjects."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("population")
def command() -> None:
    """Add, list and show population tables."""


@command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--to", "folder", default="population", show_default=True, metavar="FOLDER",
              help="Where the plain table is written.")  # fmt: skip
@click.option("--name", default="", help="Name of the table; that of the file when absent.")
@click.option("--year", default="", help="Year, or the file's code of it; the last when absent.")
@click.option("--area", "areas", multiple=True, metavar="CODE",
              help="Area to keep, or the beginning of its code; several times.")  # fmt: skip
def add(file: str, folder: str, name: str, year: str, areas: tuple[str, ...]) -> None:
    """Read FILE as its office publishes it and write a plain table.

    Known are Census county and state estimates, table B01001 of the ACS, Eurostat
    demo_r_pjangrp3, UN World Population Prospects, ONS mid-year estimates, and rows of
    area_code, age_band, sex and people or cases. Areas are added up when the threat model
    matches none.
    """
    from midi_risk.document.clean import neutral
    from midi_risk.threat.offices import add_table

    table = add_table(file, Path(folder), name=name, year=year, areas=areas)
    click.echo(neutral(_described(table)))
    path = (Path(folder) / table.name).as_posix()
    window = ", window_years: ..." if table.unit != "people" else ""
    click.echo(neutral(f"  population: {{kind: table, table: {path}, fraction: ...{window}}}"))


def _described(table: object) -> str:
    """Return a table in one line and its dimensions."""
    from midi_risk.threat.population import OPEN, PopulationTable

    assert isinstance(table, PopulationTable)  # noqa: S101 - imported late
    counted = f"{table.total:,.0f} {table.unit} ({table.year or 'no year'})"
    lines = [f"{table.name}: {counted}, {table.source}"]
    for dimension in table.dimensions:
        if dimension == "age":
            bands = table.bands()
            low, high = bands[0], bands[-1]
            top = f"{high[0]}+" if high[1] >= OPEN else f"{high[0]}-{high[1]}"
            lines.append(f"  age: {len(bands)} bands, {low[0]}-{low[1]} to {top}")
        else:
            values = table.values(dimension)
            shown = ", ".join(values[:6]) + ("..." if len(values) > 6 else "")
            lines.append(f"  {dimension}: {len(values)} ({shown})")
    return "\n".join([*lines, *(f"  note: {note}" for note in table.notes)])


@command.command("list")
@click.option("--in", "folder", default="population", show_default=True, metavar="FOLDER",
              help="Where added tables lie.")  # fmt: skip
def list_tables(folder: str) -> None:
    """List the tables that ship, those that were added, and what offices publish."""
    from midi_risk.document.clean import neutral
    from midi_risk.threat.offices import catalogue
    from midi_risk.threat.population import PACKAGED, SIDECAR

    click.echo("Shipped:")
    for name, entry in PACKAGED.items():
        click.echo(f"  {name:<26} {entry.about}")
    added = sorted(Path(folder).glob(f"*{SIDECAR}"))
    if added:
        click.echo(f"Added in {neutral(folder)}:")
        for beside in added:
            click.echo(neutral(f"  {beside.name.removesuffix(SIDECAR)}.csv"))
    click.echo("Published by offices, to be added with midi-risk population add:")
    for published in catalogue():
        click.echo(f"  {published.key:<14} {published.serves}")
        where = f", {published.address}" if published.address else ""
        click.echo(f"  {'':<14} {published.office}: {published.file}{where} ({published.checked})")


@command.command("show")
@click.argument("name", metavar="NAME|FILE")
def show(name: str) -> None:
    """Show what a table holds: people, areas, ages, source."""
    from midi_risk.document.clean import neutral
    from midi_risk.threat.population import load_table

    click.echo(neutral(_described(load_table(name))))

"""`midi-risk crosscheck`: every measure again with pycanon."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli import options as common
from midi_risk.errors import SourceError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from midi_risk.compat.crosscheck import Comparison

EXIT_DIFFERENT = 1


@click.command("crosscheck")
@click.argument("file", metavar="FILE", type=click.Path(path_type=str))
@click.option(
    "--quasi", required=True, metavar="A,B", help="Quasi-identifiers: column names with commas."
)
@click.option(
    "--sensitive", required=True, metavar="C", help="Sensitive attributes: likewise, at least one."
)
@common.with_options(common.FORMAT)
def command(file: str, quasi: str, sensitive: str, form: str) -> int:
    """Compute every measure of a table with pycanon as well, and compare.

    FILE is a CSV, TSV, Parquet or Excel table with one row per subject. Needs pycanon:
    pip install 'midi-risk[pycanon]', in an environment of its own. The exit code is 1 when a
    difference has no known reason.
    """
    from midi_risk.compat.crosscheck import crosscheck, load_pycanon

    _, _, version = load_pycanon()
    frame = _read(Path(file))
    keys, secrets = (_columns(frame, text) for text in (quasi, sensitive))
    found = crosscheck(frame, keys, secrets)
    different = [one for one in found if one.status == "different"]
    if form == "json":
        click.echo(json.dumps(_document(version, frame, keys, secrets, found), indent=2))
    else:
        _print(version, frame, found, several=len(secrets) > 1)
    return EXIT_DIFFERENT if different else 0


def _read(path: Path) -> pd.DataFrame:
    """Read a table as pandas does by itself, which is what users of pycanon do."""
    import zlib
    from zipfile import BadZipFile

    import pandas as pd

    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if not path.is_file():
        raise SourceError(f"there is no file '{path}'")
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        if suffix in {".xlsx", ".xlsm"}:
            return pd.read_excel(path)
        if suffix in {".csv", ".tsv", ".tab", ".txt"}:
            return pd.read_csv(path, sep="," if suffix == ".csv" else "\t", low_memory=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, zlib.error):
        # A parser's message may quote the file.
        raise SourceError(f"'{path}' cannot be read as a table") from None
    raise SourceError(f"'{path}' is no table that is read here", hint="Use CSV, TSV or Parquet")


def _columns(frame: pd.DataFrame, text: str) -> list[Any]:
    """Return the columns that a list with commas names."""
    known = {str(name): name for name in frame.columns}
    names = [text] if text in known else [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise SourceError(f"the table has no column '{name}'", hint=did_you_mean(name, known))
    return [known[name] for name in names]


def _print(
    version: str, frame: pd.DataFrame, found: tuple[Comparison, ...], *, several: bool
) -> None:
    from midi_risk.compat.pycanon.divergences import KNOWN

    agreeing = sum(one.status == "agree" for one in found)
    known = [one for one in found if one.status == "known divergence"]
    click.echo(f"{len(frame)} records; pycanon {version} beside midi-risk")
    click.echo(f"{'measure':<22}{'midi-risk':>14}{'pycanon':>14}  result")
    for one in found:
        reading = "" if one.gen or not several else " *"
        theirs = one.failure if one.theirs is None else _shown(one.theirs)
        result = one.status + (f" {one.divergence}" if one.divergence else "")
        click.echo(f"{one.measure + reading:<22}{_shown(one.ours):>14}{theirs:>14}  {result}")
    if several:
        click.echo("* the other sensitive attributes join the quasi-identifiers (gen=False)")
    click.echo(
        f"{agreeing} of {len(found)} agree, {len(known)} differ for a known reason, "
        f"{len(found) - agreeing - len(known)} differ without one"
    )
    met = list(dict.fromkeys(one.divergence for one in known))
    for name in met:
        click.echo(f"{name}: {KNOWN[name]}.")
    rest = [name for name in KNOWN if name not in met]
    click.echo("Known divergences that this table does not show:")
    for name in rest:
        click.echo(f"  {name}: {KNOWN[name]}.")


def _shown(value: float) -> str:
    return f"{value:.8g}"


def _document(
    version: str,
    frame: pd.DataFrame,
    keys: list[Any],
    secrets: list[Any],
    found: tuple[Comparison, ...],
) -> dict[str, Any]:
    """Return the comparison as plain JSON: no bare NaN or Infinity."""

    def plain(value: float | None) -> float | str | None:
        if value is None or math.isnan(value):
            return None
        return value if math.isfinite(value) else "Infinity"

    return {
        "pycanon": version,
        "records": len(frame),
        "quasi_identifiers": [str(name) for name in keys],
        "sensitive": [str(name) for name in secrets],
        "measures": [
            {
                "measure": one.measure,
                "gen": one.gen,
                "midi_risk": plain(one.ours),
                "pycanon": plain(one.theirs),
                "failure": one.failure,
                "status": one.status,
                "divergence": one.divergence,
                "reason": one.reason,
            }
            for one in found
        ],
    }

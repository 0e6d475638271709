"""Disclosure measures against pandas, DuckDB and pycanon, in one process.

CPU seconds are the smallest of the repetitions (process time, both cores counted). Run it as
``python benchmarks/measures.py [--full] [--testdata testdata.csv]``; pycanon is timed where it is
installed. ``--full`` adds ten million records. ``--testdata`` takes the table of the R package
sdcMicro, whose resampled rows the published figures of sdcMicro stand for.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from growth_plot import plot

from midi_risk.risk import (
    EquivalenceClasses,
    attribute_disclosure,
    beta_likeness,
    combination_risks,
    delta_disclosure,
    equivalence_classes,
    identity_risk,
    individual_risk,
    k_anonymity,
    l_diversity,
    suda,
    t_closeness,
)
from midi_risk.risk.classes.keys import group_sizes, pack

RESULTS = Path(__file__).parent / "results" / "measures.md"
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "measures-growth.svg"
CARDINALITIES = [2, 85, 40, 3, 6, 9, 12, 5, 16, 8, 30, 4]
SECRETS = 8
Row = tuple[str, str, float, str, float | None]


def cpu(work: Callable[[], Any], repeat: int = 3) -> float:
    """Return the smallest CPU time of some repetitions, in seconds."""
    found = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def skewed(n: int, d: int, seed: int = 20240601) -> dict[str, np.ndarray]:
    """Return skewed codes: at a million records and eight columns two thirds are classes."""
    rng = np.random.default_rng(seed)
    return {
        f"c{j}": np.minimum(rng.exponential(card / 4, n).astype(np.uint16), card - 1)
        for j, card in enumerate(CARDINALITIES[:d])
    }


def coarse(n: int, seed: int = 7) -> pd.DataFrame:
    """Return six columns with 1,296 classes and a sensitive attribute, as text."""
    rng = np.random.default_rng(seed)
    table = {f"q{j}": rng.integers(0, 2 + j % 3, n).astype(str) for j in range(6)}
    table["q6"] = rng.integers(0, 2, n).astype(str)
    table["s"] = np.array(list("abcdefgh"))[rng.integers(0, SECRETS, n)]
    return pd.DataFrame(table)


def everything(table: dict[str, np.ndarray], weights: np.ndarray) -> None:
    """Classes, f, F, individual risk of each record, and the three attackers."""
    classes = equivalence_classes(table, list(table), weights=weights)
    individual_risk(classes)
    identity_risk(classes, k=11)


def with_missing(source: pd.DataFrame, n: int, share: float) -> pd.DataFrame:
    """Resample rows, redraw 2 % of the cells, and lose some."""
    rng = np.random.default_rng(20240601)
    rows = rng.integers(0, len(source), n)
    columns = {}
    for name in source.columns:
        values = source[name].to_numpy()[rows].copy()
        levels = np.unique(source[name].to_numpy())
        hit = rng.random(n) < 0.02
        values[hit] = rng.choice(levels, hit.sum())
        cells = pd.array(values, dtype="Int64")
        cells[rng.random(n) < share] = pd.NA
        columns[name] = cells
    return pd.DataFrame(columns)


def identity_rows(n: int) -> list[Row]:
    table = skewed(n, 8)
    columns = list(table.values())
    cards = CARDINALITIES[:8]
    weights = np.random.default_rng(1).uniform(1, 100, n)
    frame = pd.DataFrame(table)
    connection = duckdb.connect()
    connection.register("records", frame)
    names = ", ".join(table)
    size = f"{n:,} x 8"
    by_pandas = cpu(lambda: frame.groupby(list(table), sort=False).size(), 1)
    by_duckdb = cpu(
        lambda: connection.sql(f"select count(*) c from records group by {names}").fetchnumpy(),  # noqa: S608
        1,
    )
    only_sizes = cpu(lambda: group_sizes(*pack(columns, cards, n)))
    return [
        ("class sizes alone", size, only_sizes, "pandas groupby", by_pandas),
        ("class sizes alone", size, only_sizes, "DuckDB group by", by_duckdb),
        (
            "class of each record",
            size,
            cpu(lambda: equivalence_classes(table, list(table))),
            "pandas groupby.transform",
            cpu(lambda: frame.groupby(list(table), sort=False)["c0"].transform("size"), 1),
        ),
        (
            "classes, f, F, individual risk, attackers",
            size,
            cpu(lambda: everything(table, weights)),
            "",
            None,
        ),
    ]


def attribute_rows(n: int) -> list[Row]:
    table = skewed(n, 8)
    secret = np.random.default_rng(2).integers(0, SECRETS, n)
    classes = equivalence_classes(table, list(table))
    seconds = cpu(lambda: attribute_disclosure(classes, secret, order=range(SECRETS)))
    return [("l, t (two), beta, delta, alpha", f"{n:,} x 8", seconds, "", None)]


def pycanon_rows(n: int) -> list[Row]:
    try:
        from pycanon import anonymity  # noqa: PLC0415  # optional peer
    except ImportError:
        print("pycanon is not installed: its rows are left out")
        return []
    table = coarse(n)
    qi = [name for name in table if name != "s"]
    calls: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
        ("k", lambda: k_anonymity(table, qi), lambda: anonymity.k_anonymity(table, qi)),
        ("l", lambda: l_diversity(table, qi, "s"), lambda: anonymity.l_diversity(table, qi, ["s"])),
        ("t", lambda: t_closeness(table, qi, "s"), lambda: anonymity.t_closeness(table, qi, ["s"])),
        (
            "beta",
            lambda: beta_likeness(table, qi, "s"),
            lambda: anonymity.basic_beta_likeness(table, qi, ["s"]),
        ),
        (
            "delta",
            lambda: delta_disclosure(table, qi, "s"),
            lambda: anonymity.delta_disclosure(table, qi, ["s"]),
        ),
    ]
    rows: list[Row] = [
        (name, f"{n:,} x {len(qi)} text", cpu(ours), "pycanon", cpu(theirs, 1))
        for name, ours, theirs in calls
    ]
    total, peer = sum(row[2] for row in rows[1:]), sum(row[4] or 0 for row in rows[1:])
    rows.append(("l, t, beta, delta together", f"{n:,} x {len(qi)} text", total, "pycanon", peer))
    return rows


def suda_rows() -> list[Row]:
    rows: list[Row] = []
    for n, d in ((1_000_000, 8), (100_000, 12)):
        table = skewed(n, d)
        seconds = cpu(lambda table=table: suda(table, list(table)), 1)
        rows.append(("SUDA2, all sizes, skewed", f"{n:,} x {d}", seconds, "", None))
    table = skewed(100_000, 8)
    seconds = cpu(lambda: combination_risks(table, list(table)), 1)
    rows.append(("all 255 combinations", "100,000 x 8", seconds, "", None))
    return rows


def testdata_rows(path: Path) -> list[Row]:
    keys = ["urbrur", "roof", "walls", "water", "electcon", "relat", "sex"]
    source = pd.read_csv(path)[[*keys, "age"]]
    n = 1_000_000
    whole, holed = with_missing(source, n, 0.0), with_missing(source, n, 0.01)
    note = "sdcMicro, other run"
    return [
        (
            "wildcard classes, 1 % missing",
            f"{n:,} x 7",
            cpu(lambda: equivalence_classes(holed, keys, missing="wildcard")),
            note,
            14.7,
        ),
        (
            "wildcard classes, 1 % missing",
            f"{n:,} x 8",
            cpu(lambda: equivalence_classes(holed, [*keys, "age"], missing="wildcard")),
            "",
            None,
        ),
        ("SUDA2, all sizes", f"{n:,} x 7", cpu(lambda: suda(whole, keys)), note, 3.54),
        ("SUDA2, all sizes", f"{n:,} x 8", cpu(lambda: suda(whole, [*keys, "age"])), note, 9.16),
    ]


def growth(sizes: list[int]) -> dict[str, list[float]]:
    """Time the main measures from ten thousand records up."""
    found: dict[str, list[float]] = {"classes": [], "all attackers": [], "l, t, beta, delta": []}
    for n in sizes:
        table = skewed(n, 8)
        weights = np.random.default_rng(1).uniform(1, 100, n)
        secret = np.random.default_rng(2).integers(0, SECRETS, n)
        repeat = 3 if n <= 1_000_000 else 1
        classes: EquivalenceClasses = equivalence_classes(table, list(table))
        found["classes"].append(
            cpu(lambda table=table: equivalence_classes(table, list(table)), repeat)
        )
        found["all attackers"].append(
            cpu(lambda table=table, weights=weights: everything(table, weights), repeat)
        )
        found["l, t, beta, delta"].append(
            cpu(lambda c=classes, s=secret: attribute_disclosure(c, s, order=range(8)), repeat)
        )
    return found


def markdown(rows: list[Row], sizes: list[int], seconds: dict[str, list[float]]) -> str:
    lines = [
        "# Disclosure measures",
        "",
        "CPU seconds, smallest of the repetitions, peers in the same process. Written by",
        "`benchmarks/measures.py`; rows marked *other run* quote the published figure. Text",
        "columns are hashed once per table and kept while it lives, so repeated calls do not hash",
        "again; the first call on the 100,000 x 7 text table costs 0.024: a 30th (l) to a 400th",
        "(delta) of the peer.",
        "",
        "| work | size | midi-risk | peer | peer CPU-s | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for work, size, ours, peer, theirs in rows:
        ratio = "" if theirs is None else f"{theirs / ours:.1f} x"
        shown = "" if theirs is None else f"{theirs:.3f}"
        lines.append(f"| {work} | {size} | {ours:.3f} | {peer} | {shown} | {ratio} |")
    lines += ["", "Growth (8 quasi-identifiers):", "", "| records | " + " | ".join(seconds) + " |"]
    lines.append("|---" * (1 + len(seconds)) + "|")
    for i, n in enumerate(sizes):
        lines.append(f"| {n:,} | " + " | ".join(f"{v[i]:.4f}" for v in seconds.values()) + " |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines += ["", f"Peak memory of the whole run: {peak:.1f} GB.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="add ten million records")
    parser.add_argument("--testdata", type=Path, help="testdata.csv of sdcMicro")
    options = parser.parse_args()
    rows = identity_rows(1_000_000)
    if options.full:
        rows += identity_rows(10_000_000)
    rows += attribute_rows(1_000_000)
    rows += pycanon_rows(100_000)
    rows += suda_rows()
    if options.testdata:
        rows += testdata_rows(options.testdata)
    sizes = [10_000, 100_000, 1_000_000, *([10_000_000] if options.full else [])]
    seconds = growth(sizes)
    text = markdown(rows, sizes, seconds)
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    title = "CPU seconds of the measures by number of records"
    drawing = plot(sizes, seconds, title, "records (8 quasi-identifiers)")
    FIGURE.write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()

"""CPU seconds of the generalisation search, beside the figures of ARX 3.9.2.

python benchmarks/recode.py                          Adult: k = 5, Loss; sweep; l, t; k sweep
python benchmarks/recode.py --ihis FILE --hierarchies DIR
                                                     the 1.19 million rows of the seeded generator
python benchmarks/recode.py --large                  12 attributes x 4 levels, 100,000 rows
python benchmarks/recode.py --wide                   63,441 rows, 45,000 nodes, keys of 74 bits
python benchmarks/recode.py --cells FILE             local suppression, 100,000 rows x 8 keys
python benchmarks/recode.py --criteria               Adult with each further criterion
python benchmarks/recode.py --growth                 cost by records and by nodes, drawn

Of repeated runs the least disturbed counts. ARX figures: thread CPU seconds measured on the
same kind of machine, Java 17, warmed up; the second figure is its precomputed bound.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from growth_plot import plot

from midi_risk.recode import (
    AlphaK,
    AverageRisk,
    BetaLikeness,
    DeltaDisclosure,
    DistinctLDiversity,
    EntropyLDiversity,
    RecursiveCLDiversity,
    TCloseness,
    local_suppression,
    search,
    sweep,
)

ADULT = Path(__file__).resolve().parents[1] / "tests" / "data" / "arx"
FIGURES = Path(__file__).resolve().parents[1] / "docs" / "images"
CHOICES = ("ihis", "large", "wide", "cells", "criteria", "growth")
ARX_ADULT = {0.0: (0.029, 0.027), 0.02: (0.635, 0.460), 0.05: (0.789, 0.339), 1.0: (2.91, 1.48)}
ARX_IHIS = {0.0: (13.3, 12.0), 0.05: (310.0, 87.0)}


def timed(work: Callable[[], Any], repeat: int = 1) -> tuple[float, Any]:
    seconds = []
    for _ in range(repeat):
        start = time.process_time()
        out = work()
        seconds.append(time.process_time() - start)
    return min(seconds), out


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def tree(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep=";", header=None, dtype=str, keep_default_na=False)


def adult() -> None:
    data = pd.read_csv(ADULT / "adult.csv.gz", sep=";", dtype=str)
    trees = {
        name: tree(ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv") for name in data.columns
    }
    print("Adult, 30,162 rows x 9, 12,960 nodes, k = 5, Loss")
    for limit, peer in ARX_ADULT.items():
        seconds, found = timed(
            lambda limit=limit: search(data, trees, k=5, max_suppression=limit, utility="loss"), 5
        )
        print(
            f"  {limit:>5.0%} hidden: {seconds:.3f} CPU-s, {found.checked} checks;"
            f" ARX {peer[0]:.2f} / {peer[1]:.2f}:"
            f" {peer[0] / seconds:.1f}x / {peer[1] / seconds:.1f}x"
        )
    seconds, every = timed(lambda: sweep(data, trees, utility="loss"), 3)
    print(f"  sweep of every node with size histograms: {seconds:.2f} CPU-s")
    for limit in ARX_ADULT:
        seconds, found = timed(lambda limit=limit: every.best(5, limit), 3)
        print(f"    then k = 5 at {limit:.0%}: {seconds * 1000:.0f} ms, {found.checked} tables")
    seconds, front = timed(lambda: every.front(max_suppression=0.05))
    print(f"    then a front of {len(front)} nodes: {seconds * 1000:.0f} ms")
    eight = {name: frame for name, frame in trees.items() if name != "occupation"}
    for limit in ARX_ADULT:
        plain, _ = timed(
            lambda limit=limit: search(data, eight, k=5, max_suppression=limit, utility="loss"), 3
        )
        print(f"  8 attributes, {limit:.0%} hidden: k = 5 alone {plain:.2f} CPU-s", end="")
        for label, rule in (
            ("3-diverse", DistinctLDiversity("occupation", 3)),
            ("0.2-close", TCloseness("occupation", 0.2)),
        ):
            seconds, _ = timed(
                lambda rule=rule, limit=limit: search(
                    data, eight, k=5, criteria=[rule], max_suppression=limit, utility="loss"
                )
            )
            print(f"; {label} {seconds:.2f} ({seconds / plain:.1f}x)", end="")
        print()


def ihis(path: Path, folder: Path) -> None:
    data = pd.read_csv(path, sep=";", dtype="category")
    trees = {name: tree(folder / f"ihis_hierarchy_{name}.csv") for name in data.columns}
    print(f"{len(data):,} rows x {len(trees)}, k = 5, Loss")
    for limit, peer in ARX_IHIS.items():
        seconds, found = timed(
            lambda limit=limit: search(data, trees, k=5, max_suppression=limit, utility="loss")
        )
        print(
            f"  {limit:.0%} hidden: {seconds:.1f} CPU-s, {found.checked} of {found.nodes} nodes,"
            f" score {found.score:.12f}, {found.suppressed} hidden, {memory()} MB;"
            f" ARX {peer[0]} / {peer[1]}: {peer[0] / seconds:.1f}x / {peer[1] / seconds:.1f}x",
            flush=True,
        )


def criteria() -> None:
    """Every further criterion against the plain search on the same attributes."""
    data = pd.read_csv(ADULT / "adult.csv.gz", sep=";", dtype=str)
    trees = {
        name: tree(ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv") for name in data.columns
    }
    kinds = {"equal": {}, "hierarchical": {"hierarchy": trees["occupation"]}}
    rules: dict[str, Any] = {
        "distinct 3-diversity": DistinctLDiversity("occupation", 3),
        "entropy 3-diversity": EntropyLDiversity("occupation", 3),
        "recursive (4, 3)-diversity": RecursiveCLDiversity("occupation", 4, 3),
        **{
            f"0.2-closeness, {kind}": TCloseness("occupation", 0.2, distance=kind, **options)
            for kind, options in kinds.items()
        },
        "0.2-closeness, ordered": TCloseness("age", 0.2, distance="ordered"),
        "0.5, 5-anonymity (alpha, k)": AlphaK("occupation", 0.5, 5),
        "basic 1-likeness": BetaLikeness("occupation", 1),
        "1-disclosure": DeltaDisclosure("occupation", 1),
        "average risk 0.1": AverageRisk(0.1),
    }
    print("Adult, 8 attributes, k = 5, Loss: CPU-s (times the plain search)")
    for limit in ARX_ADULT:
        plain = {}
        for label, rule in rules.items():
            left_out = rule.sensitive or "occupation"
            some = {name: frame for name, frame in trees.items() if name != left_out}
            options: dict[str, Any] = {"k": 5, "max_suppression": limit, "utility": "loss"}
            if left_out not in plain:
                plain[left_out], _ = timed(lambda o=options, s=some: search(data, s, **o), 5)
                print(f"  {limit:>5.0%} plain, without {left_out}: {plain[left_out]:.3f}")
            seconds, found = timed(
                lambda o=options, s=some, r=rule: search(data, s, criteria=[r], **o), 3
            )
            print(
                f"  {limit:>5.0%} {label}: {seconds:.3f} ({seconds / plain[left_out]:.1f}x),"
                f" {found.checked} checks",
                flush=True,
            )


def resampled(rows: int) -> pd.DataFrame:
    """Adult drawn anew, every twentieth cell from another record."""
    data = pd.read_csv(ADULT / "adult.csv.gz", sep=";", dtype=str)
    rng = np.random.default_rng(7)
    drawn = data.to_numpy()[rng.integers(0, len(data), rows)]
    for place in range(drawn.shape[1]):
        other = rng.random(rows) < 0.05
        drawn[other, place] = data.to_numpy()[rng.integers(0, len(data), int(other.sum())), place]
    return pd.DataFrame(drawn, columns=data.columns).astype("category")


def growth() -> None:
    """Cost against records and against nodes, as tables and figures."""
    trees = {
        name: tree(ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv")
        for name in pd.read_csv(ADULT / "adult.csv.gz", sep=";", nrows=1).columns
    }
    sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
    by_rows: dict[str, list[float]] = {f"{limit:.0%} hidden": [] for limit in (0.0, 0.02, 1.0)}
    for rows in sizes:
        data = resampled(rows)
        for label, figures in by_rows.items():
            limit = float(label.split("%", maxsplit=1)[0]) / 100
            seconds, _ = timed(
                lambda d=data, o=limit: search(d, trees, k=5, max_suppression=o, utility="loss")
            )
            figures.append(seconds)
            print(f"{rows:>9,} records x 9, {label}: {seconds:.2f} CPU-s", flush=True)
    data, trees = synthetic()
    names = list(data.columns)
    nodes = [4**count for count in range(4, 13)]
    by_nodes: dict[str, list[float]] = {"0% hidden": [], "2% hidden": [], "100% hidden": []}
    for count in range(4, 13):
        some = {name: trees[name] for name in names[:count]}
        for label, values in by_nodes.items():
            if label != "0% hidden" and count > 9:
                continue
            limit = float(label.split("%", maxsplit=1)[0]) / 100
            seconds, found = timed(
                lambda s=some, o=limit: search(
                    data, s, k=5, max_suppression=o, utility="loss", budget_seconds=600
                )
            )
            values.append(seconds)
            print(
                f"{4**count:>10,} nodes, {label}: {seconds:.2f} CPU-s, {found.checked} counted,"
                f" optimal {found.optimal}",
                flush=True,
            )
    for name, drawing in (
        ("rows", plot(sizes, by_rows, "CPU seconds of the search by records", "records of Adult")),
        ("nodes", plot(nodes[::2], every_second(by_nodes), "CPU seconds by nodes", "nodes")),
    ):
        (FIGURES / f"search-{name}.svg").write_text(drawing, encoding="utf-8")


def every_second(values: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return every second figure, so that the labels of the axis do not touch."""
    return {name: figures[::2] for name, figures in values.items()}


def synthetic() -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return 100,000 rows of 12 skewed attributes and their hierarchies of four levels."""
    rng = np.random.default_rng(1)
    columns, trees = {}, {}
    for place, size in enumerate([27, 12, 18, 8, 9, 16, 12, 27, 6, 8, 9, 12]):
        values = [f"v{number}" for number in range(size)]
        p = 1 / np.arange(1, size + 1) ** 1.6
        columns[f"a{place}"] = pd.Categorical(rng.choice(values, 100_000, p=p / p.sum()))
        trees[f"a{place}"] = pd.DataFrame(
            [[value, f"g{n // 3}", f"h{n // 9}", "*"] for n, value in enumerate(values)]
        )
    return pd.DataFrame(columns), trees


def large(budget: float) -> None:
    data, trees = synthetic()
    print("100,000 rows x 12 attributes x 4 levels, 16,777,216 nodes, k = 5, Loss")
    for limit in (0.0, 0.02, 0.05):
        seconds, found = timed(
            lambda limit=limit: search(
                data, trees, k=5, max_suppression=limit, utility="loss", budget_seconds=budget
            )
        )
        print(
            f"  {limit:.0%} hidden, {budget:.0f} s: score {found.score:.4f}, bound"
            f" {found.bound:.4f}, gap {found.gap:.0%}, {found.checked} checks,"
            f" {seconds:.1f} CPU-s, {memory()} MB",
            flush=True,
        )


def wide() -> None:
    """A stand-in for KDD Cup 1998, which may not be kept: its sizes, levels and key width."""
    rng = np.random.default_rng(3)
    rows, columns, trees = 63_441, {}, {}
    for place, (size, levels) in enumerate(
        [(13294, 6), (81, 5), (2, 2), (7, 3), (53, 2), (814, 5), (81, 5), (129, 5)]
    ):
        values = [f"v{number}" for number in range(size)]
        p = 1 / np.arange(1, size + 1) ** 0.7
        columns[f"a{place}"] = pd.Categorical(rng.choice(values, rows, p=p / p.sum()))
        step = max(2, round(size ** (1 / (levels - 1))))
        trees[f"a{place}"] = pd.DataFrame(
            [
                [value, *(f"{level}:{n // step**level}" for level in range(1, levels - 1)), "*"]
                for n, value in enumerate(values)
            ]
        )
    data = pd.DataFrame(columns)
    print("63,441 rows x 8 attributes, 45,000 nodes, keys wider than one word, k = 5, Loss")
    for limit in (0.0, 0.02, 0.05, 1.0):
        seconds, found = timed(
            lambda limit=limit: search(data, trees, k=5, max_suppression=limit, utility="loss")
        )
        print(
            f"  {limit:.0%} hidden: {seconds:.1f} CPU-s, {found.checked} of {found.nodes} nodes,"
            f" score {found.score:.4f}, {memory()} MB",
            flush=True,
        )


def cells(path: Path) -> None:
    source = pd.read_csv(path)
    keys = ["urbrur", "roof", "walls", "water", "electcon", "relat", "sex", "age"]
    rng = np.random.default_rng(20240601)
    base = source[keys].to_numpy()
    rows = base[rng.integers(0, len(base), 100_000)]
    jitter = rng.random(rows.shape) < 0.02
    for place in range(len(keys)):
        other = base[rng.integers(0, len(base), len(rows)), place]
        rows[:, place] = np.where(jitter[:, place], other, rows[:, place])
    data = pd.DataFrame(rows, columns=keys)
    print("local suppression, 100,000 rows x 8 keys, k = 3")
    for label, again in (("sdcMicro's cells", False), ("with the re-check", True)):
        seconds, found = timed(
            lambda again=again: local_suppression(data, keys, k=3, recheck=again)
        )
        print(f"  {label}: {seconds:.1f} CPU-s, {found.total} cells")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ihis", type=Path)
    parser.add_argument("--hierarchies", type=Path)
    parser.add_argument("--criteria", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--cells", type=Path, help="testdata.csv of sdcMicro")
    given = parser.parse_args()
    if given.ihis:
        ihis(given.ihis, given.hierarchies)
    if given.large:
        large(given.budget)
    if given.wide:
        wide()
    if given.cells:
        cells(given.cells)
    if given.criteria:
        criteria()
    if given.growth:
        growth()
    if not any(vars(given)[name] for name in CHOICES):
        adult()


if __name__ == "__main__":
    main()

"""How often the proposed role of a column is the one that a reader gives, tables left out.

    python benchmarks/roles.py LABELLED.csv --judge EVALUATE.py [--errors 40] [--write]

LABELLED.csv has the columns ``table, column, type, kind, final, note``; EVALUATE.py holds
``chunks``, ``value``, ``RIGHT`` and ``UNSAFE``: how names are put into tables, values of the
labelled kind, what is right and what is unsafe. Four figures:

* *values*: as EVALUATE.py does, with values of the labelled kind;
* *names*: with values that say nothing (three words, or whole numbers from 1 to 4);
* *held out*: the tables whose name hashes to the third part. While the words and rules are
  written only the errors of the other tables may be printed; this script prints no others;
* *forgotten*: each table in turn is read without the words that no other labelled table and no
  name of a public standard holds. What the words of one table alone taught counts as unknown, so
  this is what a table is like whose words nobody has met; it is too dark where such a word is
  plain English that the list would hold anyhow.
"""

from __future__ import annotations

import argparse
import collections
import csv
import hashlib
import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from midi_risk.attributes import propose
from midi_risk.sources.column_names import forgotten, known_parts, standard_parts
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable

Row = dict[str, str]
PAGE = Path(__file__).resolve().parents[1] / "docs" / "real-tables.md"
BEGIN, END = "<!-- begin of benchmarks/roles.py -->", "<!-- end of benchmarks/roles.py -->"
SEED = 20261130
HELD_OUT = 3


def held_out(table: str) -> bool:
    """Tell the tables whose errors nobody looks at while tuning."""
    return hashlib.sha256(table.encode()).digest()[0] % HELD_OUT == 0


def judge_of(path: Path) -> ModuleType:
    """Return the module that puts names into tables and judges the roles."""
    spec = importlib.util.spec_from_file_location("judge", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path}: no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(judge: ModuleType, row: Row, i: int, rng: random.Random, *, speak: bool) -> str:
    """Return one value: of the labelled kind, or one that says nothing."""
    if speak:
        return str(judge.value(row["kind"], row["type"], row["final"], row["column"], i, rng))
    if row["type"].startswith(("INT", "FLO")):
        return str(rng.randint(1, 4))
    return rng.choice(["one", "two", "three"])


def proposed(judge: ModuleType, chunk: list[Row], number: int, *, speak: bool) -> dict[str, Any]:
    """Return the proposals for one table of names, by column."""
    rng = random.Random(SEED + number)  # noqa: S311  the same tables on every run
    names = {judge.plain(row["column"]) for row in chunk}
    keys = ("patient_id", "subject_id", "participant_key")
    key = next(k for k in keys if judge.plain(k) not in names)
    lists: dict[str, list[str]] = {key: []} | {row["column"]: [] for row in chunk}
    for i in range(judge.ROWS):
        lists[key].append(f"PT-{i:03}")
        for row in chunk:
            lists[row["column"]].append(cells(judge, row, i, rng, speak=speak))
    source = SourceTable(
        name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key=key, rows=pa.table(lists)
    )
    found = propose(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()))
    return {attribute.column: attribute for attribute in found}


def run(judge: ModuleType, rows: list[Row], *, speak: bool) -> list[tuple[Row, Any]]:
    """Return each labelled row with its proposal."""
    pairs = []
    for number, chunk in enumerate(judge.chunks(rows)):
        found = proposed(judge, chunk, number, speak=speak)
        pairs += [(row, found[row["column"]]) for row in chunk]
    return pairs


def figures(judge: ModuleType, pairs: list[tuple[Row, Any]]) -> dict[str, float]:
    """Return the shares right and undecided, right of the decided, and the number unsafe."""
    named = [(r["final"], a.role.value) for r, a in pairs if r["final"] != "undecided_by_name"]
    right = sum(got in judge.RIGHT[label] for label, got in named)
    decided = [(label, got) for label, got in named if got != "undecided"]
    return {
        "names": len(pairs),
        "right": right / max(len(named), 1),
        "undecided": sum(got == "undecided" for _, got in named) / max(len(named), 1),
        "right of decided": sum(got in judge.RIGHT[label] for label, got in decided)
        / max(len(decided), 1),
        "unsafe": sum(a.role.value in judge.UNSAFE.get(r["final"], ()) for r, a in pairs),
    }


def forgetting(judge: ModuleType, rows: list[Row]) -> list[tuple[Row, Any]]:
    """Return the proposals where each table is read without the words that it alone has."""
    tables = collections.defaultdict(list)
    for row in rows:
        tables[row["table"]].append(row)
    where = collections.defaultdict(set)
    for table, members in tables.items():
        for row in members:
            for part in known_parts(row["column"]):
                where[part].add(table)
    pairs = []
    for table, members in sorted(tables.items()):
        alone = {part for part, found in where.items() if found == {table}} - standard_parts()
        with forgotten(alone):
            pairs += run(judge, members, speak=True)
    return pairs


def matrix(pairs: list[tuple[Row, Any]]) -> str:
    """Return the confusion matrix as a Markdown table."""
    counts = collections.Counter((row["final"], a.role.value) for row, a in pairs)
    labels = sorted({label for label, _ in counts})
    roles = (
        "direct_identifier", "linkage_key", "quasi_identifier", "sensitive", "insensitive",
        "undecided",
    )  # fmt: skip
    lines = [
        "| label | " + " | ".join(role.replace("_", " ") for role in roles) + " |",
        "|---|" + "---:|" * len(roles),
    ]
    for label in labels:
        numbers = (str(counts[label, role] or ".") for role in roles)
        lines.append(f"| {label.replace('_', ' ')} | " + " | ".join(numbers) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the figures, the errors that may be looked at, and the matrix."""
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("labelled", type=Path)
    ask.add_argument("--judge", type=Path, required=True)
    ask.add_argument("--errors", type=int, default=0)
    ask.add_argument("--of", default="values of the labelled kind", help="whose errors to print")
    ask.add_argument("--write", action="store_true", help="put the figures into the page")
    given = ask.parse_args()
    judge = judge_of(given.judge)
    with given.labelled.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    speaking, silent = run(judge, rows, speak=True), run(judge, rows, speak=False)
    sets = {
        "values of the labelled kind": speaking,
        "the same, tables held out": [p for p in speaking if held_out(p[0]["table"])],
        "names alone": silent,
        "names alone, tables held out": [p for p in silent if held_out(p[0]["table"])],
        "words of each table forgotten": forgetting(judge, rows),
    }
    lines = [
        "| read | names | right | undecided | right of decided | unsafe |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, pairs in sets.items():
        f = figures(judge, pairs)
        lines.append(
            f"| {name} | {f['names']} | {f['right']:.3f} | {f['undecided']:.3f}"
            f" | {f['right of decided']:.3f} | {f['unsafe']} |"
        )
    text = "\n".join([*lines, "", "With values of the labelled kind:", "", matrix(speaking)])
    if given.write:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(text)
    shown = sets[given.of]
    wrong = [
        (a.role.value not in judge.UNSAFE.get(r["final"], ()), r, a)
        for r, a in shown
        if a.role.value not in judge.RIGHT[r["final"]] and not held_out(r["table"])
    ]
    for safe, row, a in sorted(wrong, key=lambda w: (w[0], w[1]["final"]))[: given.errors]:
        print(
            f"{'' if safe else 'UNSAFE '}{row['final']} -> {a.role.value}: {row['column']}"
            f" ({row['kind']} {row['type']}; {a.reason[:70]})"
        )


if __name__ == "__main__":
    main()

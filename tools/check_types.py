"""Compare the type tables with those of the standard (PS3.3), and fill in what is missing.

    python tools/check_types.py --standard DIR        tables as CSV: ps33_module_attributes_*.csv
    python tools/check_types.py --highdicom FILE      module_attribute_map.json of highdicom
    python tools/check_types.py ... --write           add rows that are missing to the tables

Every attribute of the catalogue is compared: at the top of each module that some object has, and
inside each sequence, where the strictest type of all places counts. Prints one line for each
combination that is missing or milder than the standard's; the exit code is 1 when there is any.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parents[1] / "midi_risk" / "data"
STRICTNESS = {"1": 0, "1C": 1, "2": 2, "2C": 3, "3": 4}

Place = tuple[str, tuple[str, ...], str, str]
"""Module, path of sequences, keyword, type."""


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def of_standard(folder: Path) -> Iterator[Place]:
    """Yield every place of the tables in a folder."""
    for row in rows(folder / "ps33_module_attributes_top.csv"):
        yield row["module"], (), row["keyword"], row["type"]
    for row in rows(folder / "ps33_module_attributes_nested_e1_1.csv"):
        yield row["module"], tuple(row["path"].split("/")), row["keyword"], row["type"]


def of_highdicom(path: Path) -> Iterator[Place]:
    """Yield every place of highdicom's map of modules."""
    for module, attributes in json.loads(path.read_text(encoding="utf-8")).items():
        for one in attributes:
            yield module, tuple(one["path"]), one["keyword"], one["type"]


def strictest(places: Iterator[Place], known: set[str], used: set[str]) -> tuple[dict, dict]:
    """Return the type of (module, keyword) at the top and of (sequence, keyword) inside."""
    top: dict[tuple[str, str], str] = {}
    inside: dict[tuple[str, str], str] = {}
    for module, path, keyword, kind in places:
        if keyword not in known or kind not in STRICTNESS or (not path and module not in used):
            continue
        found, place = (inside, path[-1]) if path else (top, module)
        held = found.get((place, keyword), "3")
        found[place, keyword] = min(held, kind, key=STRICTNESS.__getitem__)
    return top, inside


def compare(name: str, column: str, wanted: dict[tuple[str, str], str], *, write: bool) -> int:
    """Print how a table differs; write what is missing where that is asked for."""
    path = DATA / name
    table = {(row[column], row["keyword"]): row["type"] for row in rows(path)}
    differs = 0
    for place, kind in sorted(wanted.items()):
        held = table.get(place)
        if held is None or STRICTNESS[held] > STRICTNESS[kind]:
            differs += 1
            print(f"{name}: {place[0]}/{place[1]} is {held or 'missing'}, the standard says {kind}")
            table[place] = kind
    if write and differs:
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow([column, "keyword", "type"])
            writer.writerows([*place, kind] for place, kind in sorted(table.items()))
    return differs


def main() -> int:
    """Compare, and print the sum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--standard", type=Path)
    source.add_argument("--highdicom", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    places = of_standard(given.standard) if given.standard else of_highdicom(given.highdicom)
    catalogue = rows(DATA / "attribute_catalogue.csv")
    known = {row["keyword"] for row in catalogue}
    used = {m for row in rows(DATA / "ps33_sop_modules.csv") for m in row["modules"].split()}
    top, inside = strictest(places, known, used)
    differs = compare("ps33_module_types.csv", "module", top, write=given.write)
    differs += compare("ps33_nested_types.csv", "sequence", inside, write=given.write)
    wanted: dict[str, str] = {}
    for (_, keyword), kind in [*top.items(), *inside.items()]:
        wanted[keyword] = min(wanted.get(keyword, "3"), kind, key=STRICTNESS.__getitem__)
    untyped = [
        row["keyword"]
        for row in catalogue
        if wanted.get(row["keyword"], "3")[0] in "12" and not row["strictest_type"]
    ]
    for keyword in untyped:
        print(f"attribute_catalogue.csv: {keyword} has no strictest type: {wanted[keyword]}")
    print(f"{len(top) + len(inside)} combinations compared, {differs + len(untyped)} differ")
    return 1 if differs + len(untyped) else 0


if __name__ == "__main__":
    sys.exit(main())

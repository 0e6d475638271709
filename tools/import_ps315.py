"""Take the confidentiality profiles from a newer release of the standard.

    python tools/import_ps315.py part15.xml [OUTPUT.csv]

reads Table E.1-1 from the DocBook file of PS3.15 and says what it would change in the packaged
table, or writes the whole table to OUTPUT.csv. The columns that say in which older releases a
row stood are not in the standard's file: a new table keeps those of the rows that it knows.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from midi_risk.attributes.standard import import_e1_1
from midi_risk.resources import data_rows

TABLE = "ps315_e1_1.csv"


def differences(rows: list[dict[str, str]]) -> list[str]:
    """Return what a newer table adds, drops and changes, one line each."""
    old = {row["tag_hex"]: row for row in data_rows(TABLE)}
    new = {row["tag_hex"]: row for row in rows}
    lines = [f"new: {new[tag]['tag']} {new[tag]['name']}" for tag in new if tag not in old]
    lines += [f"gone: {old[tag]['tag']} {old[tag]['name']}" for tag in old if tag not in new]
    for tag in new.keys() & old.keys():
        columns = [c for c in new[tag] if c != "release" and new[tag][c] != old[tag].get(c)]
        if columns:
            lines.append(f"changed: {new[tag]['tag']} {new[tag]['name']}: {', '.join(columns)}")
    return sorted(lines)


def write(rows: list[dict[str, str]], path: Path) -> None:
    """Write the table with the packaged table's columns."""
    old = {row["tag_hex"]: row for row in data_rows(TABLE)}
    columns = list(next(iter(old.values())))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(old.get(row["tag_hex"], {}) | row for row in rows)


if __name__ == "__main__":
    found = import_e1_1(sys.argv[1])
    if len(sys.argv) > 2:
        write(found, Path(sys.argv[2]))
    print("\n".join(differences(found)) or f"no row differs from release {found[0]['release']}")

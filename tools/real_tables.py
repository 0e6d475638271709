"""Run `init` and `assess` on each real table of a folder and print what a data manager would read.

    python tools/real_tables.py FOLDER [--roles] [--only NAME]

FOLDER holds tables and data sets, as ``clinical`` of the shared data does. Without an option the
rows of the table in docs/real-tables.md are printed, between its two marks; ``--write`` puts them
there. With ``--roles`` every column is listed with its proposal, to be read against the table.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from midi_risk.cli.app import main as midi_risk

PAGE = Path(__file__).resolve().parents[1] / "docs" / "real-tables.md"
BEGIN, END = "<!-- begin of tools/real_tables.py -->", "<!-- end of tools/real_tables.py -->"
TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".sas7bdat", ".xpt", ".json", ".jsonl")
ROLES = {
    "direct_identifier": "direct",
    "linkage_key": "keys",
    "quasi_identifier": "quasi",
    "sensitive": "sensitive",
    "insensitive": "insensitive",
    "undecided": "undecided",
}


def sources(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each data set and what the command line is given."""
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        if place.name == "bids_examples":
            for data_set in sorted(p.parent for p in place.glob("*/participants.tsv")):
                yield f"bids_examples/{data_set.name}", [str(data_set)]
        elif (place / "dataset_description.json").exists() or any(place.glob("*.xpt")):
            yield place.name, [str(place)]
        else:
            for table in sorted(p for p in place.iterdir() if p.suffix in TABLES):
                if not table.name.endswith((".json", "_columns.csv")):
                    yield f"{place.name}/{table.name}", [str(table)]


def run(arguments: list[str]) -> tuple[int, str]:
    """Return exit code and what the command said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = midi_risk(arguments)
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
    return int(code or 0), said.getvalue()


def looked_at(given: list[str], folder: Path) -> dict[str, Any]:
    """Return subjects, roles, what was found about the key, and the verdict of one data set."""
    code, said = run(["init", *given, "-o", str(folder / "project"), "-q", "--force"])
    if code:
        return {"error": said.strip().splitlines()[-1] if said.strip() else f"exit {code}"}
    text = (folder / "project" / "midi-risk.yaml").read_text(encoding="utf-8")
    project = yaml.safe_load(text)
    subjects = re.search(r": (\d+) subjects", said)
    found = {
        "subjects": int(subjects[1]) if subjects else 0,
        "roles": {n: a["role"] for n, a in (project["attributes"] or {}).items()},
        "guessed": "subject_key" in project,
        "reasons": dict(zip_reasons(text)),
        "said": [line for line in said.splitlines() if "found: " in line],
    }
    code, said = run(["assess", str(folder / "project"), "-o", str(folder / "out"), "-q"])
    answers = list((folder / "out").glob("assessment.json"))
    if not answers:
        return found | {"verdict": f"exit {code}", "why": said.strip().splitlines()[-1:]}
    verdict = json.loads(answers[0].read_text(encoding="utf-8"))["verdict"]
    return found | {
        "verdict": verdict["status"].replace("_", " "),
        "codes": [reason["code"] for reason in verdict["reasons"]],
    }


def zip_reasons(text: str) -> Iterator[tuple[str, str]]:
    """Yield each attribute with the comment that stands above it."""
    reason = ""
    for line in text.splitlines():
        if line.startswith("  # "):
            reason = line[4:]
        elif match := re.match(r"  (\S.*?): \{role:", line):
            yield match[1].strip('"'), reason


def table_rows(found: dict[str, dict[str, Any]]) -> str:
    """Return the rows of the page as Markdown."""
    lines = [
        "| data set | subjects | " + " | ".join(ROLES.values()) + " | verdict | because |",
        "|---|---:|" + "---:|" * len(ROLES) + "---|---|",
    ]
    for name, answer in found.items():
        if "error" in answer:
            lines.append(f"| {name} | | {' | ' * (len(ROLES) - 1)} | refused | {answer['error']} |")
            continue
        counts = Counter(answer["roles"].values())
        numbers = " | ".join(str(counts[role]) for role in ROLES)
        why = ", ".join(f"`{code}`" for code in dict.fromkeys(answer.get("codes", [])))
        lines.append(f"| {name} | {answer['subjects']} | {numbers} | {answer['verdict']} | {why} |")
    return "\n".join(lines)


def main() -> None:
    """Look at every data set below a folder."""
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("folder", type=Path)
    ask.add_argument("--roles", action="store_true", help="list every column")
    ask.add_argument("--only", default="", help="data sets whose name holds this")
    ask.add_argument("--write", action="store_true", help="put the rows into docs/real-tables.md")
    given = ask.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number, (name, arguments) in enumerate(sources(given.folder)):
            if given.only in name:
                found[name] = looked_at(arguments, Path(temporary) / str(number))
                if given.roles:
                    print(f"== {name}: {found[name].get('subjects', found[name].get('error'))}")
                    for line in found[name].get("said", []):
                        print(f"   {line.strip()}")
                    for column, role in found[name].get("roles", {}).items():
                        print(f"   {role:18} {column}: {found[name]['reasons'].get(column, '')}")
    rows = table_rows(found)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(f"{before}{BEGIN}\n{rows}\n{END}{after}", encoding="utf-8")
    elif not given.roles:
        print(rows)


if __name__ == "__main__":
    main()

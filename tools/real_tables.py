"""Run four commands on each real table of a folder and print what a data manager would read.

    python tools/real_tables.py FOLDER [--roles] [--only NAME]

FOLDER holds tables and data sets, as ``clinical`` of the shared data does. Each is run by `init`,
`assess`, `suggest` and `apply`, nothing edited in between, every command in a process of its own
with a limit on its CPU time. Without an option the rows of the table in docs/real-tables.md are
printed, between its two marks; ``--write`` puts them there. With ``--roles`` every column is
listed with its proposal, to be read against the table, and so is what each command said last.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import pkgutil
import re
import resource
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import midi_risk
from midi_risk.cli.app import main as command_line
from midi_risk.sources.tables.raw import counted

PAGE = Path(__file__).resolve().parents[1] / "docs" / "real-tables.md"
BEGIN, END = "<!-- begin of tools/real_tables.py -->", "<!-- end of tools/real_tables.py -->"
TABLES = (".csv", ".tsv", ".parquet", ".xlsx", ".sas7bdat", ".xpt", ".json", ".jsonl")
ANSWERS = {0, 2, 3, 4}
"""Exit codes of a verdict, and of an input that is refused in one line."""
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


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a command: exit code, what it printed, CPU seconds, and its fault if any."""

    code: int
    text: str
    seconds: float
    fault: str = ""

    @property
    def last(self) -> str:
        """Return the last line that was printed."""
        return self.text.strip().splitlines()[-1] if self.text.strip() else f"exit {self.code}"


def run(arguments: list[str], limit: int) -> Said:
    """Run a command in a process of its own that the system ends after some CPU seconds."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        child = multiprocessing.get_context("fork").Process(
            target=_run, args=(arguments, limit, said.fileno())
        )
        child.start()
        child.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        said.seek(0)
        text = said.read()
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    code = child.exitcode or 0
    fault = ""
    if code == -signal.SIGXCPU:
        fault = f"over {limit} CPU seconds"
    elif code not in ANSWERS:
        fault = f"exit {code}"
    return Said(code, text, seconds, fault)


def _run(arguments: list[str], limit: int, said: int) -> None:
    """Be the child: print into the file given, and end with the exit code of the command."""
    for stream in (1, 2):
        os.dup2(said, stream)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    command_line(arguments)


def looked_at(given: list[str], folder: Path, limit: int) -> dict[str, Any]:
    """Return subjects, roles, verdict and plan of one data set, and how each command ended."""
    project, plan = folder / "project", folder / "plan" / "plan.json"
    commands = {"init": run(["init", *given, "-o", str(project), "-q", "--force"], limit)}
    init = commands["init"]
    if init.code:
        return {"error": init.last, "commands": commands}
    text = (project / "midi-risk.yaml").read_text(encoding="utf-8")
    read = yaml.safe_load(text)
    subjects = re.search(r": (\d+) subjects", init.text)
    found = {
        "subjects": int(subjects[1]) if subjects else 0,
        "roles": {n: a["role"] for n, a in (read["attributes"] or {}).items()},
        "guessed": "subject_key" in read,
        "reasons": dict(zip_reasons(text)),
        "said": [line for line in init.text.splitlines() if "found: " in line],
        "commands": commands,
    }
    assess = ["assess", str(project), "-o", str(folder / "out"), "-q"]
    commands["assess"] = run(assess, limit)
    found["verdict"], found["codes"] = _verdict(folder / "out" / "assessment.json")
    suggest = ["suggest", str(project), "-o", str(plan.parent), "-q"]
    commands["suggest"] = run(suggest, limit)
    if plan.exists():
        found["plan"] = json.loads(plan.read_text(encoding="utf-8"))
        release = ["--plan", str(plan), "-o", str(folder / "release"), "-q"]
        commands["apply"] = run(["apply", str(project), *release], limit)
        answers = sorted((folder / "release" / "assessment").glob("assessment.json"))
        found["applied"], found["after"] = _verdict(*answers[:1]) if answers else ("", [])
    return found


def _verdict(answer: Path) -> tuple[str, list[str]]:
    """Return the status of an assessment and the codes of its reasons."""
    if not answer.exists():
        return "", []
    verdict = json.loads(answer.read_text(encoding="utf-8"))["verdict"]
    codes = dict.fromkeys(reason["code"] for reason in verdict["reasons"])
    return verdict["status"].replace("_", " "), list(codes)


def zip_reasons(text: str) -> Iterator[tuple[str, str]]:
    """Yield each attribute with the comment that stands above it."""
    reason = ""
    for line in text.splitlines():
        if line.startswith("  # "):
            reason = line[4:]
        elif match := re.match(r"  (\S.*?): \{role:", line):
            yield match[1].strip('"'), reason


def plan_in_words(answer: dict[str, Any]) -> str:
    """Return what the plan does: how many attributes go, how many are coarser, who is left out."""
    plan = answer.get("plan")
    if plan is None:
        suggest = answer["commands"]["suggest"]
        return str(suggest.fault or suggest.last)
    if not plan["found"]:
        return "none within the limits"
    steps = {name: len(plan["hierarchies"].get(name, [])) - 1 for name in plan["levels"]}
    gone = [name for name, level in plan["levels"].items() if level and level == steps[name]]
    coarser = [name for name, level in plan["levels"].items() if 0 < level < steps[name]]
    words = f"{len(gone)} of {len(steps)} removed, {len(coarser)} coarser"
    if plan["suppressed"]["subjects"]:
        words += f", {counted(plan['suppressed']['subjects'], 'subject')} left out"
    return words


def applied_in_words(answer: dict[str, Any]) -> str:
    """Return the verdict on what was written, or why nothing was."""
    apply = answer["commands"].get("apply")
    if apply is None:
        return ""
    return str(apply.fault or answer.get("applied") or apply.last)


def table_rows(found: dict[str, dict[str, Any]]) -> str:
    """Return the rows of the page as Markdown."""
    lines = [
        "| data set | subjects | "
        + " | ".join(ROLES.values())
        + " | verdict | because | plan | written |",
        "|---|---:|" + "---:|" * len(ROLES) + "---|---|---|---|",
    ]
    for name, answer in found.items():
        if "error" in answer:
            empty = " | " * (len(ROLES) - 1)
            lines.append(f"| {name} | | {empty} | refused | {answer['error']} | | |")
            continue
        counts = Counter(answer["roles"].values())
        numbers = " | ".join(str(counts[role]) for role in ROLES)
        why = ", ".join(f"`{code}`" for code in answer["codes"])
        assess = answer["commands"]["assess"]
        verdict = assess.fault or answer["verdict"] or assess.last
        lines.append(
            f"| {name} | {answer['subjects']} | {numbers} | {verdict} | {why} "
            f"| {plan_in_words(answer)} | {applied_in_words(answer)} |"
        )
    return "\n".join(lines)


def printed(name: str, answer: dict[str, Any]) -> None:
    """Print every column with its proposal, and how each command ended."""
    print(f"== {name}: {answer.get('subjects', answer.get('error'))}")
    for line in answer.get("said", []):
        print(f"   {line.strip()}")
    for column, role in answer.get("roles", {}).items():
        print(f"   {role:18} {column}: {answer['reasons'].get(column, '')}")
    for command, said in answer["commands"].items():
        print(f"   -- {command}: exit {said.code}, {said.seconds:.1f} CPU s {said.fault}")
        for line in said.text.strip().splitlines():
            print(f"      {line}")


def main() -> None:
    """Look at every data set below a folder."""
    ask = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ask.add_argument("folder", type=Path)
    ask.add_argument("--roles", action="store_true", help="list every column")
    ask.add_argument("--only", default="", help="data sets whose name holds this")
    ask.add_argument("--limit", type=int, default=120, help="CPU seconds of each command")
    ask.add_argument("--write", action="store_true", help="put the rows into docs/real-tables.md")
    given = ask.parse_args()
    for module in pkgutil.walk_packages(midi_risk.__path__, "midi_risk."):
        importlib.import_module(module.name)  # once, for all the commands
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        for number, (name, arguments) in enumerate(sources(given.folder)):
            if given.only in name:
                place = Path(temporary) / str(number)
                found[name] = looked_at(arguments, place, given.limit)
                if given.roles:
                    printed(name, found[name])
    rows = table_rows(found)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        _, after = rest.split(END)
        PAGE.write_text(f"{before}{BEGIN}\n{rows}\n{END}{after}", encoding="utf-8")
    if not given.write or given.roles:
        print(rows)


if __name__ == "__main__":
    main()

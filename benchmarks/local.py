"""What bands that differ between subjects keep, against one level for everybody.

Run ``python benchmarks/local.py DATA [NAME ...]`` with the folder of the shared data: a line per
collection. ``adult`` as a name measures granularity on the table of ARX at k = 5; ``speed`` the
search on invented tables of 100,000 and 1,000,000 subjects with 8 attributes, each size in a
process of its own.
"""

from __future__ import annotations

import contextlib
import io
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from plans import IDC, TABLES, sources

from midi_risk.attributes.hierarchy import Hierarchy, build_hierarchy
from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.cli.app import run
from midi_risk.cli.demo_command import EXAMPLE
from midi_risk.cli.job import open_job
from midi_risk.document.plan import LocalFigures, Plan
from midi_risk.recode.local.axes import Source, local_axes
from midi_risk.recode.local.criteria import checker
from midi_risk.recode.local.recoding import partition, shown
from midi_risk.recode.plan import suggest
from midi_risk.recode.sensitive_criteria import disclosure_criteria
from midi_risk.recode.steps import Setting, lattice_setting
from midi_risk.resources import resource_folder
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ThreatModel

ROOT = Path(__file__).resolve().parents[1]
ADULT = ROOT / "tests" / "data" / "arx"
DEMO = resource_folder("examples") / EXAMPLE


def opened(name: str, data: Path, folder: Path) -> tuple[Any, SubjectTable]:
    """Return the job and the subject table of a collection; the example has its own decisions."""
    if name == "demo":
        job = open_job([str(DEMO)])
        extraction = job.extract()
        return job, job.fold(extraction, job.attributes(extraction))
    return read(sources(data, name, folder), folder)


def read(arguments: list[str], folder: Path) -> tuple[Any, SubjectTable]:
    """Return the job and the subject table of a collection under proposed decisions."""
    run(["init", *arguments, "-o", str(folder / "p"), "-q"])
    job = open_job([str(folder / "p")])
    extraction = job.extract()
    return job, job.fold(extraction, job.attributes(extraction))


def cells(figures: LocalFigures | None) -> str:
    """Return the figures of one plan as cells of the table."""
    if figures is None:
        return "no plan"
    r2 = "" if figures.age_r2 is None else f"{figures.age_r2:.2f}"
    numbers = f"{figures.nue:.3f} · {figures.ncp:.3f} · {figures.loss:.3f} · {r2}"
    return f"{figures.left_out} · {numbers}"


def with_one_level(plan: Plan) -> LocalFigures | None:
    """Return the figures of the plan that a local one was begun from."""
    return None if plan.local is None else plan.local.global_figures


def line(name: str, data: Path) -> str:
    """Return a collection as a line of the table."""
    with tempfile.TemporaryDirectory() as kept, contextlib.redirect_stdout(io.StringIO()):
        job, table = opened(name, data, Path(kept))
        models = job.threat_models()
        fixed = suggest(table, models, local=True, levels_from_data=False)
        plain = time.process_time()
        suggest(table, models)
        begun = time.process_time()
        plan = suggest(table, models, local=True)
        ended = time.process_time()
    seconds = (ended - begun) - (begun - plain)
    ours = cells(None if plan.local is None else plan.local.figures)
    one = cells(with_one_level(plan))
    return f"| {name} | {cells(with_one_level(fixed))} | {one} | {ours} | {seconds:.1f} |"


def adult() -> None:
    """Print the granularity on the nine attributes of Adult at k = 5."""
    data = pd.read_csv(ADULT / "adult.csv.gz", sep=";", dtype=str)
    names = list(data.columns)
    kinds = {"age": Kind.AGE}
    table = made(data, {n: kinds.get(n, Kind.CATEGORY) for n in names}, double=False)
    given = {}
    for name in names:
        if name == "age":
            continue
        file = ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv"
        frame = pd.read_csv(file, sep=";", header=None, dtype=str)
        frame.columns = [f"l{i}" for i in range(frame.shape[1])]
        if (frame.iloc[:, -1] != "*").any():
            frame["top"] = "*"
        levels = ("exact", *[f"l{i}" for i in range(1, frame.shape[1])])
        given[name] = Hierarchy(name=name, level_names=levels, frame=frame)
    for utility in ("distance", "loss"):
        for sets in ("ladder", "listed"):
            plan = suggest(
                table, [model(5)], local=True, local_sets=sets, hierarchies=given, utility=utility
            )
            assert plan.local is not None  # noqa: S101 - a benchmark stops where there is nothing
            told = plan.local.figures
            print(
                f"Adult, k = 5, {utility}, {sets}: granularity {1 - told.ncp:.4f},"
                f" {told.classes} classes, {told.left_out} left out, E {told.loss:.3f},"
                f" NUE {told.nue:.3f}",
                flush=True,
            )


def model(k: int, disclosure: dict[str, object] | None = None) -> ThreatModel:
    """Return a threat model that asks for k subjects a class, and no more."""
    told: dict[str, object] = {
        "schema": "midi-risk/threat-model/1",
        "name": "benchmark",
        "release": "public",
        "threshold": {"k": k},
        "adversaries": [{"name": "a"}],
    }
    if disclosure:
        told["disclosure"] = disclosure
    return ThreatModel.model_validate(told)


def made(data: pd.DataFrame, kinds: dict[str, Kind], *, double: bool = True) -> SubjectTable:
    """Return a data frame as a subject table; without doubling, age counts like others."""
    frame = data.astype(object)
    frame.index = pd.Index([f"s{i}" for i in range(len(frame))], dtype=object)
    attributes = tuple(
        Attribute(
            name=name,
            source="t",
            column=name,
            kind=kind,
            reason="",
            role=Role.SENSITIVE if name == "stage" else Role.QUASI_IDENTIFIER,
            utility=0.5 if kind is Kind.AGE and not double else 1.0,
        )
        for name, kind in kinds.items()
    )
    return SubjectTable(
        frame=frame,
        attributes=AttributeSet(attributes),
        counts={"subjects": len(frame)},
        files={"read": 0, "flagged": 0, "not_dicom": 0, "unreadable": 0},
        missing="category",
        digest="sha256:0",
    )


KINDS = {
    "age": Kind.AGE, "sex": Kind.SEX, "height": Kind.NUMBER, "weight": Kind.NUMBER,
    "site": Kind.CATEGORY, "scanner": Kind.CATEGORY, "race": Kind.CATEGORY, "year": Kind.NUMBER,
    "stage": Kind.CATEGORY,
}  # fmt: skip


def invented(n: int) -> SubjectTable:
    """Return a table with eight attributes that are known, and a sensitive one."""
    draw = np.random.default_rng(1)

    def names(word: str, count: int) -> np.ndarray:
        share = 1 / np.arange(1, count + 1)
        chosen = draw.choice(count, n, p=share / share.sum())
        return np.array([f"{word}{i:02d}" for i in range(count)], dtype=object)[chosen]

    def numbers(middle: float, spread: float) -> np.ndarray:
        return np.rint(draw.normal(middle, spread, n)).astype(int).astype(str)

    columns = {
        "age": np.clip(np.rint(draw.normal(58, 15, n)), 18, 89).astype(int).astype(str),
        "sex": draw.choice(["F", "M"], n),
        "height": numbers(171, 9),
        "weight": numbers(76, 13),
        "site": names("site", 30),
        "scanner": names("scanner", 20),
        "race": names("race", 6),
        "year": (2005 + draw.integers(0, 15, n)).astype(str),
        "stage": draw.choice(["I", "II", "III", "IV"], n, p=[0.4, 0.3, 0.2, 0.1]),
    }
    return made(pd.DataFrame(columns), KINDS)


def setting_of(table: SubjectTable) -> Setting:
    """Return the levels of a table."""
    quasi = tuple(a for a in table.attributes if a.role is Role.QUASI_IDENTIFIER)
    given = {
        a.name: build_hierarchy("code", a.kind, sorted(set(table.frame[a.name])))
        for a in quasi
        if a.kind is Kind.CATEGORY
    }
    return lattice_setting(table, quasi, given, frozenset())


def speed(n: int) -> None:
    """Print CPU seconds and memory of the partition with k, and with l and t as well."""
    table = invented(n)
    setting = setting_of(table)
    last = {name: len(h.level_names) - 1 for name, h in setting.hierarchies.items()}
    axes = local_axes(
        Source(
            table=table, setting=setting, ceilings={}, given={}, levels=last, planned=setting,
            facts=(), sets="listed",
        )
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.process_time()
    part = partition(axes, 11, None)
    shown(part)
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    said = f"{n} x 8, k = 11: {seconds:.1f} CPU s, {len(np.unique(part.tree.leaf))} classes"
    print(f"{said}, at most {peak:.0f} MB ({before:.0f} before)", flush=True)
    for criterion, value in (("distinct", 3.0), ("entropy", 2.5), ("t", 0.3)):
        threat = model(11, {"criterion": criterion, "value": value})
        criteria = disclosure_criteria([threat], table)
        demand = replace(_demand(), criteria=criteria)
        check = checker(demand, table, table, [threat], frozenset())
        begun = time.process_time()
        part = partition(axes, 11, check)
        shown(part)
        seconds = time.process_time() - begun
        print(f"  and {criterion} {value}: {seconds:.1f} CPU s, {part.loss:.3f} lost", flush=True)


def _demand() -> Any:
    from midi_risk.recode.criteria import Requirement  # noqa: PLC0415

    return Requirement(k=11, criteria=(), attributes=tuple(KINDS))


def main(arguments: list[str]) -> None:
    """Print what was asked for."""
    data, names = Path(arguments[0]), arguments[1:] or [*IDC, *TABLES, "demo", "adult", "speed"]
    collections = [name for name in names if name not in {"adult", "speed"}]
    if collections and not collections[0].isdigit():
        print("left out · NUE · NCP · E · age R² of each plan; CPU s of the local part\n")
        print("| collection | fixed levels | levels from data | local | CPU s |")
        print("|---|---|---|---|---|")
        for name in collections:
            print(line(name, data), flush=True)
    for size in (name for name in collections if name.isdigit()):
        speed(int(size))
    if "adult" in names:
        adult()
    if "speed" in names:
        for size in ("100000", "1000000"):
            subprocess.run([sys.executable, __file__, arguments[0], size], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])

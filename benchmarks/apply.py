"""The write step of a release: files and bytes per CPU second, wall time by workers, kills.

    python benchmarks/apply.py [--many 20000] [--mixed 4000] [--ct 600] [--kills 20] [--data DIR]

Prints a table in Markdown. CPU seconds of this process and its children; the page cache is warm.
The write step reads, recodes, writes, digests the file and its pixel data, reads back and compares
every file. The careful path is the one that lets pydicom read and write; it is measured on every
tenth file. What the whole command spends beside it (reading the sources, reading the release back
and assessing both) is reported next to it.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from extract import many_files
from extract_data import generate

from midi_risk.cli.job import open_job
from midi_risk.export.dicom.files import write_copies
from midi_risk.export.dicom.ledger import below
from midi_risk.export.dicom.recode import Statement
from midi_risk.export.dicom.rules import dicom_rules
from midi_risk.export.rules import release_rules

PROJECT = """\
schema: midi-risk/project/1
collection:
  name: Benchmark
  sources:
    - {dicom: %s}
threat_models: [public-release]
attributes:
  PatientName: {role: direct_identifier, decision: remove}
  InstitutionName: {role: direct_identifier, decision: remove}
  AccessionNumber: {role: direct_identifier, decision: remove}
  PatientAge: {role: quasi_identifier, hierarchy: age, level: 5y, decision: generalise}
  PatientWeight: {role: quasi_identifier, hierarchy: weight, level: 10kg, decision: generalise}
  PatientSex: {role: quasi_identifier, decision: retain}
  StudyDate: {role: quasi_identifier, hierarchy: date, level: year, decision: generalise}
  StudyTime: {role: quasi_identifier, decision: remove}
"""
WORK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from apply import copies, prepared
rules, release = prepared(Path(sys.argv[1]))
copies(Path(sys.argv[1]), Path(sys.argv[2]), rules, release, jobs=1, ledger=Path(sys.argv[3]))
"""


def cpu() -> float:
    """CPU seconds of this process and of those that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def prepared(folder: Path) -> tuple[object, object]:
    """Return the rules of a release of a set."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "midi-risk.yaml"
        file.write_text(PROJECT % folder, encoding="utf-8")
        job = open_job([str(file)])
        extraction = job.extract(jobs=1)
    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    release = release_rules(table, extraction, None, {})
    source = next(t for t in extraction.tables if t.name == "dicom")
    return dicom_rules(release, source.name), release


def copies(folder: Path, target: Path, rules: object, release: object, **given: object) -> object:
    """Write the copies of a set."""
    target.mkdir(parents=True, exist_ok=True)
    statement = Statement(method="midi-risk benchmark")
    sources = given.pop("sources", [folder])
    return write_copies(sources, target, rules, release, statement=statement, **given)


def measured(folder: Path, rules: object, release: object, **given: object) -> dict[str, float]:
    """Write a set and return what it took."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        before, start = cpu(), time.perf_counter()
        found = copies(folder, Path(place) / "out", rules, release, **given)
        spent, wall = cpu() - before, time.perf_counter() - start
        size = sum((Path(place) / "out" / f.target).stat().st_size for f in found.files if f.target)
    return {"files": found.written, "bytes": size, "cpu": spent, "wall": wall}


def one_set(name: str, folder: Path) -> None:
    """Print the rows of a set."""
    before = cpu()
    rules, release = prepared(folder)
    reading = cpu() - before
    list(measured(folder, rules, release))
    best = min((measured(folder, rules, release) for _ in range(3)), key=lambda m: m["cpu"])
    two = min((measured(folder, rules, release, jobs=2) for _ in range(2)), key=lambda m: m["wall"])
    tenth = [folder / name for name in sorted(below(folder))[::10]]
    careful = measured(folder, rules, release, spliced=False, sources=tenth)
    rate, speed = best["files"] / best["cpu"], best["bytes"] / best["cpu"] / 1e6
    slow = careful["files"] / careful["cpu"]
    print(
        f"| {name}, {best['files']:,} files | {rate:,.0f} | {speed:,.0f} | {slow:,.0f}"
        f" | {best['wall']:.1f} | {two['wall']:.1f} | {two['cpu']:.1f} | {reading:.1f} |",
        flush=True,
    )


def digest(folder: Path) -> str:
    """Return one digest of all names and contents below a folder."""
    state = hashlib.sha256()
    for name in sorted(below(folder)):
        state.update(name.encode() + b"\0" + (folder / name).read_bytes())
    return state.hexdigest()


def kills(folder: Path, wanted: int) -> None:
    """Kill the writing at random moments until it is done; compare with an undisturbed one."""
    chance = random.Random(5)  # noqa: S311 - moments
    rules, release = prepared(folder)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        place = Path(scratch)
        copies(folder, place / "whole", rules, release)
        total = sum(1 for _ in below(place / "whole"))
        out, ledger = place / "out", place / "ledger"
        out.mkdir()
        here = str(Path(__file__).parent)
        command = [sys.executable, "-c", WORK, str(folder), str(out), str(ledger), here]
        killed = begun = 0
        while killed < wanted:
            process = subprocess.Popen(command)
            lines = ledger.read_bytes().count(b"\n") if ledger.exists() else 0
            until = lines + chance.randrange(1, max(2, total // 64 // wanted * 2))
            while process.poll() is None:
                held = ledger.read_bytes().count(b"\n") if ledger.exists() else 0
                if held >= until and held:
                    time.sleep(chance.random() * 0.03)
                    break
                time.sleep(0.002)
            process.kill()
            begun += 1
            if process.wait() != -signal.SIGKILL:
                break
            killed += 1
        copies(folder, out, rules, release, jobs=1, ledger=ledger)
        same = digest(out) == digest(place / "whole")
        shutil.rmtree(out)
    print(f"\n{killed} kills at random moments; finished release equals an uninterrupted: {same}")


def main() -> None:
    """Measure every set asked for."""
    parser = argparse.ArgumentParser()
    for name, count in (("many", 20000), ("mixed", 4000), ("ct", 600), ("kills", 20)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "midi-bench")
    asked = parser.parse_args()
    print(
        "| set | files per CPU-s | MB per CPU-s | careful path, files per CPU-s | wall s, 1 process"
        " | wall s, 2 workers | their CPU-s | reading and rules, CPU-s |\n|" + "---|" * 8
    )
    if asked.many:
        one_set("small CT", many_files(asked.data, asked.many))
    if asked.mixed:
        one_set("mixed", generate(asked.data, "mixed", asked.mixed))
    if asked.ct:
        one_set("CT of 528 kB", generate(asked.data, "ct", asked.ct))
    if asked.kills:
        kills(many_files(asked.data, asked.many or 20000), asked.kills)


if __name__ == "__main__":
    main()

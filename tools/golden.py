"""Prove that moving code changes no output.

::

    python tools/golden.py write DIR [--cases FOLDER] [--only NAME ...]
    python tools/golden.py compare OLD NEW

``write`` runs the program of the checkout that this file stands in, with the Python that
runs this file, on a fixed set of inputs, and leaves in DIR every file, both streams, the
exit codes and the modes of the files. Do it before the move, move, do it again, compare.
``compare`` says which files differ, byte for byte; its exit code is 1 when one does. JSON is
put in order for what is printed, never for what is judged.

Inputs
------
Always: help, schemas, terms and threat models; the public measures and the examples in their
docstrings; ``examples/lung-ct`` through every command; ``examples/idc``; its clinical table
in a dozen file formats. With the shared data (``MIDI_RISK_SHARED_DATA``, or ``shared/data``
beside the checkout): BIDS data sets, a CDISC study, tables, real DICOM files. With
``--cases FOLDER``, or ``cases`` beside the shared data: the command of every ``case.json``
there. What is absent is skipped with a line, here and in ``DIR/skipped.txt``.

What is pinned, and how
-----------------------
All from outside, by `golden_pins/sitecustomize.py`, which every Python below this one loads:
clock, keys, seeds, hash order, cores, the form of warnings. The monotonic clock goes on by a
tick each time it is read, so budgets of time are numbers of looks; a change in how often a
search looks at its clock shows where a budget ends the search. The program runs from a copy
of the checkout on copies of the inputs under relative names, all of one age. The place of
the copy, which `demo` writes, is kept as ``{HERE}``, and the code location of an internal
error on a stream as ``{PLACE}``, since a move changes it by right. The moment in the head of
a SAS transport file is struck out: the library that writes it asks the system itself. All
else is kept as it is.

Not covered: the server of ``tune``, remote sources, and an agreement with pycanon where it
is not installed.
"""

from __future__ import annotations

import argparse
import compileall
import difflib
import filecmp
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repository import ROOT

PINS = Path(__file__).resolve().parent / "golden_pins"
PACKED = ("midi_risk", "examples", "templates", "threat_models")
INPUT = "in"
SAS_MOMENT = re.compile(rb"\d\d[A-Z]{3}\d\d:\d\d:\d\d:\d\d")
SECONDS = 600
"""Longest time for one step."""
AGE = 1_790_000_000
"""When each file of the checkout was changed, in seconds since 1970."""
MOST = 10
"""How many differences in one folder are shown in full."""
PLACE = re.compile(r"(internal error, \w+ at )[\w.?]+:\d+")


@dataclass(frozen=True)
class Scenario:
    """Steps that run one after the other in one folder.

    Parameters
    ----------
    name : str
        Folder of what it leaves.
    steps : sequence of str
        Lines for bash, run beside the folder of inputs; ``{MR}`` is the program, ``{PY}`` the
        Python, ``{PINS}`` the folder of scripts.
    inputs : mapping of str to pathlib.Path
        Name inside the folder of inputs -> what is copied there.
    inside : bool
        Run in the folder of inputs, as the cases expect.
    """

    name: str
    steps: Sequence[str]
    inputs: Mapping[str, Path] = field(default_factory=dict)
    inside: bool = False


def own_scenarios() -> Iterator[Scenario]:
    """Yield what needs nothing but the checkout."""
    yield Scenario("terms", ["{PY} {PINS}/terms.py"])
    yield Scenario("figures", ["{PY} {PINS}/figures.py"])
    lung = ROOT / "examples" / "lung-ct"
    targets = ("ctp", "deid", "python", "arx", "spreadsheet")
    yield Scenario(
        "lung-ct",
        [
            "{MR} init in/lung-ct/images --table in/lung-ct/clinical.csv:patient_id -o mine",
            "{MR} extract mine -q --payloads",
            "{MR} assess mine -o mine-out -q --budget 2s",
            "{MR} assess in/lung-ct -o out --format json",
            "{MR} extract in/lung-ct -q --payloads",
            "{MR} suggest in/lung-ct -o plan -q",
            "{MR} suggest in/lung-ct -o plan-20 -q --k 20 --format json",
            "sed -i 's/^missing:.*/missing: wildcard/' mine/midi-risk.yaml",
            "{MR} suggest mine -o mine-plan -q --budget 2s --cells --keep PatientSex",
            "{MR} apply in/lung-ct --plan plan/plan.json -o applied -q",
            "{MR} apply mine --plan mine-plan/plan.json -o mine-applied --format json -q",
            *(f"{{MR}} export in/lung-ct --to {t} -o to-{t} -q" for t in targets),
            *(
                f"{{MR}} export in/lung-ct --to {t} --plan plan/plan.json -o plan-to-{t}"
                " --format json -q"
                for t in targets
            ),
            "{MR} export in/lung-ct --to crate -o out",
            "{MR} report out --edition internal -o internal.html",
            "{MR} report out --edition shareable -o shareable.html",
            "{MR} tune in/lung-ct --static -o tune.html -q",
            "{MR} tune mine --static -o mine-tune.html -q --budget 2s",
            (
                "{MR} tune in/lung-ct --level PatientAge=20y --level Manufacturer=1 --leave-out"
                " --plan tuned.json -q"
            ),
            "{MR} attack in/lung-ct -q",
            "{MR} attack mine -q --format json --attempts 200 --coverage 80% --error-rate 5%",
            "{MR} check out in/lung-ct -q",
            "{MR} check out mine -q",
            "{MR} diff out mine-out",
            "{MR} assess in/lung-ct/images --where \"Modality = 'MR'\" --k 5 --k-reason x -o mr -q",
            "{MR} crosscheck in/lung-ct/clinical.csv --quasi sex,race --sensitive stage",
        ],
        {"lung-ct": lung},
    )
    given = {
        "acquaintance": "--set acquaintance.prevalence=0.001..0.01",
        "breach": "--set breach.breach=0.01..0.1",
        "insider": "--set insider.controls=low --set insider.motives=high",
        "marketer": "--set marketer.size=100000",
    }
    threats = sorted(path.stem for path in (ROOT / "threat_models").glob("*.yaml"))
    every = " ".join(f"--threat {t} {given.get(t, '')}" for t in threats)
    yield Scenario(
        "threats",
        [
            "{MR} init in/clinical.csv -o p",
            *(f"{{MR}} assess p --threat {t} {given.get(t, '')} -o {t} -q" for t in threats),
            f"{{MR}} assess p {every} -o every -q",
            f"{{MR}} assess in/lung-ct {every} -o lung-ct -q",
            f"{{MR}} attack in/lung-ct {every} -q",
        ],
        {"lung-ct": lung, "clinical.csv": lung / "clinical.csv"},
    )
    yield Scenario("demo", ["{MR} demo -o demo --no-open"])
    yield Scenario(
        "idc",
        [
            "{MR} assess in/idc_slice.parquet --by collection_id -o by -q --budget 6s",
            (
                "{MR} assess in/idc_slice.parquet --where \"collection_id = 'lidc_idri'\" -o lidc"
                " -q --budget 2s --threat motivated-intruder"
            ),
        ],
        {"idc_slice.parquet": ROOT / "examples" / "idc" / "idc_slice.parquet"},
    )
    formats = ("xlsx", "parquet", "tsv", "csv.gz", "json", "ndjson", "sav", "dta", "xpt")
    yield Scenario(
        "formats",
        [
            "{PY} {PINS}/tables.py in/clinical.csv in",
            *(f"{{MR}} init in/people.{f} -o {f}" for f in formats),
            *(f"{{MR}} assess {f} -o {f}-out -q --budget 1s" for f in ("xlsx", "json", "sav")),
            "{MR} init in/semicolons.txt -o txt",
            "{PY} -m zipfile -c in/images.zip in/batch && {MR} init in/images.zip -o zip",
            "{MR} init in/clinical.csv --table in/people.parquet:patient_id -o linked",
        ],
        {"clinical.csv": lung / "clinical.csv", "batch": lung / "images" / "batch-01"},
    )


def shared_scenarios(data: Path) -> Iterator[Scenario]:
    """Yield what needs the shared data."""
    whole = (
        "{MR} init in/data -o p",
        "{MR} assess p -o out -q --budget 2s",
        "{MR} suggest p -o plan -q --budget 2s --max-suppression 10%",
        "{MR} apply p --plan plan/plan.json -o applied -q",
        "{MR} export p --to python --plan plan/plan.json -o to-python -q",
        "{MR} export p --to spreadsheet -o to-spreadsheet -q",
    )
    wildcard = ("sed -i 's/^missing:.*/missing: wildcard/' p/midi-risk.yaml",)
    clinical = data / "clinical"
    for name in ("ds000030", "ds002790"):
        yield Scenario(f"bids-{name}", whole, {"data": clinical / name})
    yield Scenario(
        "bids-wildcard",
        [whole[0], *wildcard, "{MR} suggest p -o plan -q --budget 2s --cells", *whole[3:4]],
        {"data": clinical / "ds000228"},
    )
    for name in ("ds108", "ds001", "7t_trt"):
        yield Scenario(f"bids-{name}", whole[:4], {"data": clinical / "bids_examples" / name})
    yield Scenario("cdisc", whole, {"data": clinical / "phuse_tdf_sdtm"})
    kinds = {
        "ds000030": ("bids", clinical / "ds000030"),
        "ds000228": ("bids", clinical / "ds000228"),
        "ds108": ("bids", clinical / "bids_examples" / "ds108"),
        "sdtm": ("sdtm", clinical / "phuse_tdf_sdtm"),
    }
    for name, (kind, folder) in kinds.items():
        yield Scenario(
            f"release-{name}",
            [
                f"{whole[0]} && sed -i 's/{{dicom:/{{{kind}:/' p/midi-risk.yaml",
                "{MR} suggest p -o plan -q --budget 2s --max-suppression 20% --k 3",
                f"{whole[3]} --format json",
            ],
            {"data": folder},
        )
    tables = {
        "ptbxl": clinical / "ptbxl" / "ptbxl_database.csv",
        "tcga": clinical / "tcga" / "samples.tsv",
        "cxr14": clinical / "nih_cxr14" / "Data_Entry_2017.csv",
    }
    for name, path in tables.items():
        yield Scenario(
            f"table-{name}",
            [
                f"{{MR}} init in/{path.name} -o p",
                "{MR} assess p -o out -q --budget 2s",
                "{MR} suggest p -o plan -q --budget 2s",
                *((whole[3],) if name == "ptbxl" else ()),
            ],
            {path.name: path},
        )
    yield Scenario(
        "dicom-files",
        [
            "{MR} assess in/data -o out -q --payloads --jobs 2 --budget 2s --fail-on never",
            *whole,
            "{MR} export p --to ctp --plan plan/plan.json -o to-ctp -q",
            "{MR} export p --to deid --plan plan/plan.json -o to-deid -q",
        ],
        {"data": data / "dicom_files"},
    )


def case_scenarios(folder: Path) -> Iterator[Scenario]:
    """Yield the command of every case of a folder."""
    for path in sorted(folder.glob("*/case.json")):
        command = json.loads(path.read_text(encoding="utf-8"))["command"]
        for name, place in {"{T}": "..", "{C}": ".", "{REPO}": "{HERE}/checkout"}.items():
            command = command.replace(name, place)
        yield Scenario(
            f"case-{path.parent.name}",
            [command],
            {item.name: item for item in sorted(path.parent.iterdir())},
            inside=True,
        )


class Runner:
    """Runs scenarios on a copy of the checkout and keeps what they leave.

    Parameters
    ----------
    here : pathlib.Path
        An empty folder to run in.
    output : pathlib.Path
        Where results go, a folder per scenario.
    """

    def __init__(self, here: Path, output: Path) -> None:
        self._here, self._output = here, output
        for name in PACKED:
            _copy(ROOT / name, here / "checkout" / name)
        for path in (here / "checkout").rglob("*"):
            os.utime(path, (AGE, AGE))
        pins = here / "pins"
        _copy(PINS, pins)
        python = shlex.quote(sys.executable)
        self._names = {
            "{MR}": f"{python} {shlex.quote(str(pins / 'program.py'))}",
            "{PY}": python,
            "{PINS}": shlex.quote(str(pins)),
            "{HERE}": shlex.quote(str(here)),
        }
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": os.pathsep.join([str(pins), str(here / "checkout")]),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(here / "home"),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "TERM": "dumb",
            "NO_COLOR": "1",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        }
        (here / "home").mkdir()
        compileall.compile_dir(here / "checkout" / "midi_risk", quiet=2)
        self._check()

    def _check(self) -> None:
        """Stop when the copy is not what would run."""
        line = "import midi_risk, sitecustomize; print(midi_risk.__file__, sitecustomize.MOMENT)"
        done = subprocess.run(
            [sys.executable, "-c", line], env=self._environment, cwd=self._here,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if not done.stdout.startswith(str(self._here / "checkout")):
            raise SystemExit(f"golden: the copy of the checkout does not run: {done.stderr}")

    def run(self, scenario: Scenario) -> None:
        """Run the steps and keep everything but the inputs."""
        folder = self._here / "run" / scenario.name
        kept = self._output / scenario.name
        kept.mkdir(parents=True)
        for name, source in scenario.inputs.items():
            _copy(source, folder / INPUT / name)
        (folder / INPUT).mkdir(parents=True, exist_ok=True)
        for number, step in enumerate(scenario.steps, 1):
            self._step(step, folder, kept / f"{number:02d}", inside=scenario.inside)
        modes = []
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if name.parts[0] == INPUT:
                continue
            modes.append(f"{path.lstat().st_mode:o} {name.as_posix()}\n")
            if path.is_symlink() or path.is_file():
                target = kept / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                self._keep(path, target)
        (kept / "modes.txt").write_text("".join(modes), encoding="utf-8")
        shutil.rmtree(folder)

    def _keep(self, path: Path, target: Path) -> None:
        """Copy a file, with the place of the copy written as in the streams."""
        if path.is_symlink():
            shutil.copyfile(path, target, follow_symlinks=False)
        else:
            content = path.read_bytes().replace(str(self._here).encode(), b"{HERE}")
            if path.suffix == ".xpt":
                content = SAS_MOMENT.sub(b"DDMMMYY:HH:MM:SS", content[:800]) + content[800:]
            target.write_bytes(content)

    def _step(self, step: str, folder: Path, kept: Path, *, inside: bool) -> None:
        """Run one line and keep its streams and exit code."""
        line = step
        for name, text in self._names.items():
            line = line.replace(name, text)
        try:
            done = subprocess.run(
                ["bash", "-c", f"umask 022; {line}"],
                cwd=folder / INPUT if inside else folder,
                env=self._environment | {"GOLDEN_SCENARIO": str(folder)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SystemExit(f"golden: no answer in {SECONDS} s: {step}") from None
        streams = []
        for title, content in (("stdout", done.stdout), ("stderr", done.stderr)):
            text = content.decode("utf-8", "backslashreplace").replace(str(folder), "{FOLDER}")
            text = text.replace(str(self._here), "{HERE}")
            text = PLACE.sub(r"\1{PLACE}", text)
            streams.append(f"--- {title}\n{text}")
        head = f"$ {step}\n-> {done.returncode}\n"
        kept.with_suffix(".txt").write_text(head + "\n".join(streams), encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    """Copy a file or folder so that it can be written to."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", ".midi-risk")
        shutil.copytree(source, target, ignore=ignored, copy_function=shutil.copyfile)
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    else:
        shutil.copyfile(source, target)


def write(output: Path, cases: Path | None, only: Sequence[str]) -> int:
    """Run everything and leave it in a new folder."""
    if output.exists() and any(output.iterdir()):
        print(f"golden: '{output}' is not empty; name a new folder", file=sys.stderr)
        return 2
    output.mkdir(parents=True, exist_ok=True)
    given = os.environ.get("MIDI_RISK_SHARED_DATA")
    data = Path(given) if given else ROOT.parent / "shared" / "data"
    cases = cases or data.parent / "cases"
    scenarios = list(own_scenarios())
    skipped = []
    if data.is_dir():
        scenarios += shared_scenarios(data)
    else:
        skipped.append("shared data: the project's shared test data is not on this machine")
    if cases.is_dir():
        scenarios += case_scenarios(cases)
    else:
        skipped.append("cases: there is no folder of cases on this machine")
    chosen = [s for s in scenarios if not only or any(part in s.name for part in only)]
    with tempfile.TemporaryDirectory(prefix="golden-") as here:
        runner = Runner(Path(here).resolve(), output.resolve())
        for scenario in chosen:
            missing = [path.name for path in scenario.inputs.values() if not path.exists()]
            if missing:
                skipped.append(f"{scenario.name}: {', '.join(missing)} is absent")
                continue
            begun = _used()
            runner.run(scenario)
            print(f"{scenario.name}: {_used() - begun:.1f} s of work", flush=True)
    for line in skipped:
        print(f"SKIPPED {line}")
    (output / "skipped.txt").write_text("".join(f"{s}\n" for s in skipped), encoding="utf-8")
    return 0


def _used() -> float:
    """Return the seconds of work of all processes that ran below this one."""
    times = os.times()
    return times.children_user + times.children_system


def compare(old: Path, new: Path, lines: int = 12) -> int:
    """Print the differences of two folders and return the exit code.

    Parameters
    ----------
    old, new : pathlib.Path
        Two results of ``write``.
    lines : int
        How many lines of each difference to print.
    """
    for folder in (old, new):
        if not folder.is_dir() or not any(folder.iterdir()):
            print(f"golden: '{folder}' is no folder with results", file=sys.stderr)
            return 2
    names = [{p.relative_to(f) for p in f.rglob("*") if not p.is_dir()} for f in (old, new)]
    told: dict[tuple[str, ...], int] = {}
    for name in sorted(names[0] | names[1]):
        if name not in names[1]:
            report = f"only in OLD: {name}"
        elif name not in names[0]:
            report = f"only in NEW: {name}"
        elif filecmp.cmp(old / name, new / name, shallow=False):
            continue
        else:
            excerpt = _difference((old / name).read_bytes(), (new / name).read_bytes(), lines)
            report = f"differs: {name}\n" + "\n".join(f"    {line}" for line in excerpt)
        place = name.parts[:3]
        told[place] = told.get(place, 0) + 1
        if told[place] <= MOST:
            print(report)
    for place, number in told.items():
        if number > MOST:
            print(f"and {number - MOST} more differences in {'/'.join(place)}")
    print(f"{len(names[0] | names[1])} files, {sum(told.values())} differ")
    return 1 if told else 0


def _difference(old: bytes, new: bytes, lines: int) -> list[str]:
    """Return where two contents differ, in a few lines."""
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
    at = min(len(old), len(new)) if first is None else first
    place = f"from byte {at}, of {len(old)} and {len(new)}"
    try:
        texts = [_in_lines(content.decode("utf-8")) for content in (old, new)]
    except UnicodeDecodeError:
        return [f"{place}: {old[at : at + 24]!r} and {new[at : at + 24]!r}"]
    found = [line for line in difflib.unified_diff(*texts, lineterm="", n=0) if line[:2] != "@@"]
    if not found[2:]:
        return [f"{place}: in form alone, as the order of keys or white space"]
    more = [f"... and {len(found) - 2 - lines} more lines"] if len(found) - 2 > lines else []
    return [place, *(_clipped(line) for line in found[2 : 2 + lines]), *more]


def _in_lines(text: str) -> list[str]:
    """Return JSON with its keys in order, and HTML with a line for each tag."""
    try:
        return json.dumps(json.loads(text), indent=1, sort_keys=True).splitlines()
    except ValueError:
        return text.replace("><", ">\n<").splitlines()


def _clipped(line: str, width: int = 400) -> str:
    return line if len(line) <= width else f"{line[:width]}... ({len(line)} characters)"


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    writer = commands.add_parser("write", help="run everything and leave the outputs in DIR")
    writer.add_argument("output", metavar="DIR", type=Path)
    writer.add_argument("--cases", metavar="FOLDER", type=Path, help="folder of cases")
    writer.add_argument("--only", metavar="NAME", nargs="+", default=[], help="parts of names")
    comparer = commands.add_parser("compare", help="say which outputs differ")
    comparer.add_argument("old", metavar="OLD", type=Path)
    comparer.add_argument("new", metavar="NEW", type=Path)
    comparer.add_argument("--lines", type=int, default=12, help="lines per difference")
    given = parser.parse_args(arguments)
    if given.command == "write":
        return write(given.output, given.cases, given.only)
    return compare(given.old, given.new, given.lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Change one line of the package at a time and see whether a test notices.

``tests/mutants/*.toml``, one file per stage, keeps the changes. Each is a fault that somebody
could make, with its consequence for a user, and each must make a test fail::

    [[mutant]]
    file = "midi_risk/risk/adversaries.py"
    old = "return smallest >= size"
    new = "return smallest >= size - 1"
    tests = ["tests/adversarial/test_wrongly_acceptable.py"]
    why = "a class of k - 1 subjects is called acceptable"

``old`` stands exactly once in the file; ``tests`` are the files or tests that should notice,
quick ones; ``survives`` gives the reason for a change that no test can notice.

Run it as follows::

    python tools/mutants.py --check             the list fits the code (no test is run)
    python tools/mutants.py --only suppression  entries whose file, change or reason says so
    python tools/mutants.py --write benchmarks/results/mutants.md
    python tools/mutants.py --record runs.jsonl --minutes 9 --write PAGE

The last form works in portions: it begins no change after nine minutes, keeps each result in
the record, and does not try again what the record holds; an entry that was edited counts as
new. The page tells all that the record holds, and how many entries wait.

Why a kept list and not a random mutator (mutmut, cosmic-ray): such a tool makes thousands of
changes of this package, each of which costs the start of a test run, so it takes hours to
days; many of them are equivalent (another chunk size, a message, a type hint), and telling
these from true survivors is work that is lost at the next change of the line; and a survivor
is an operator in a line, which does not say what it would do to a user. An entry here does.

Exit codes: 0 when every entry was tried, at least 95 % are killed and every survivor is
named, 1 when not, 2 when
the list is at fault or a listed test fails on the unchanged package.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

from repository import ROOT, files

LISTS = ROOT / "tests" / "mutants"
LEAST_KILLED = 0.95
TIMEOUT = 120.0
"""Seconds after which a change is taken to have made a test run for ever."""

_KEYS = {"file", "old", "new", "tests", "why"}
_OPTIONAL = {"survives"}
_FAILED = 1
_BASELINE_FACTOR = 10
_OUTCOMES = {0: "survived", _FAILED: "killed"}
# A fault in a test's set-up also begins with ERROR; only this is a file that cannot be imported.
_NOT_COLLECTED = "ERROR collecting"
_KILLER = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of the package that a test must notice.

    Parameters
    ----------
    stage : str
        Name of the list that holds it.
    file : str
        Path in the repository.
    old, new : str
        What stands once in the file, and what replaces it.
    tests : tuple of str
        Test files, or single tests of them.
    why : str
        What the change would do to a user.
    survives : str
        Why no test can notice it; empty for all others.
    """

    stage: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    why: str
    survives: str = ""

    @property
    def label(self) -> str:
        """File and consequence."""
        return f"{self.file}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the tests said to a change.

    Parameters
    ----------
    mutant : Mutant
    outcome : str
        ``killed``, ``timeout`` (which counts as killed), ``survived`` or ``error``.
    seconds : float
    by : str
        The test that noticed.
    output : str
        Last lines of a run that ended in an error.
    commit : str
        What was changed.
    """

    mutant: Mutant
    outcome: str
    seconds: float
    by: str = ""
    output: str = ""
    commit: str = ""

    @property
    def killed(self) -> bool:
        """Whether the change was noticed."""
        return self.outcome in {"killed", "timeout"}


def listed(folder: Path = LISTS) -> tuple[list[Mutant], list[str]]:
    """Read the lists.

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    mutants : list of Mutant
    faults : list of str
        One sentence per entry that cannot be read.
    """
    found, faults = [], []
    for path in sorted(folder.glob("*.toml")):
        try:
            entries = tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", [])
        except tomllib.TOMLDecodeError as error:
            faults.append(f"{path.name}: {error}")
            continue
        for number, entry in enumerate(entries, start=1):
            lacking = sorted(_KEYS - set(entry))
            unknown = sorted(set(entry) - _KEYS - _OPTIONAL)
            if lacking or unknown:
                faults.append(f"{path.name}, entry {number}: lacks {lacking}, unknown {unknown}")
                continue
            tests = tuple(entry.pop("tests"))
            found.append(Mutant(stage=path.stem, tests=tests, **entry))
    return found, faults


def changed(source: str, mutant: Mutant) -> str:
    """Return the text of a file with the change."""
    return source.replace(mutant.old, mutant.new)


def faults_of(mutants: Iterable[Mutant], root: Path = ROOT) -> list[str]:
    """Return one sentence per entry that does not fit the code.

    Parameters
    ----------
    mutants : iterable of Mutant
    root : pathlib.Path
        Top of the repository.
    """
    faults = []
    seen: set[tuple[str, str, str]] = set()
    for mutant in mutants:
        path = root / mutant.file
        if not path.is_file():
            faults.append(f"{mutant.label}: there is no such file")
            continue
        source = path.read_text(encoding="utf-8")
        times = source.count(mutant.old)
        if times != 1:
            faults.append(f"{mutant.label}: what it replaces stands {times} times, not once")
        elif mutant.old == mutant.new:
            faults.append(f"{mutant.label}: it changes nothing")
        else:
            try:
                compile(changed(source, mutant), mutant.file, "exec")
            except SyntaxError as error:
                faults.append(f"{mutant.label}: does not compile ({error.msg})")
        key = (mutant.file, mutant.old, mutant.new)
        if key in seen:
            faults.append(f"{mutant.label}: the same change is listed twice")
        seen.add(key)
        if not mutant.tests:
            faults.append(f"{mutant.label}: no test is named")
        faults += [
            f"{mutant.label}: there is no test file {test}"
            for test in mutant.tests
            if not (root / test.partition("::")[0]).is_file()
        ]
    return faults


class Copy:
    """A copy of the repository in which one change at a time is made and taken back.

    Parameters
    ----------
    folder : pathlib.Path
        Must not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._worker: subprocess.Popen[str] | None = None
        for path in files(ROOT):
            if path.name == ".git":  # of a linked worktree
                continue
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
        # Checked by content: a change within one second and of one length must not go unseen.
        command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
        subprocess.run([*command, "midi_risk"], cwd=folder, check=True)
        done = subprocess.run(
            [sys.executable, "-c", "import midi_risk; print(midi_risk.__file__)"],
            cwd=folder.parent, env=self.environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        if not Path(done.stdout.strip()).resolve().is_relative_to(folder.resolve()):
            raise SystemExit("the tests would import another midi_risk than the changed one")

    def environment(self) -> dict[str, str]:
        """Return the environment in which programs and what they start import the copy."""
        data = ROOT.parent / "shared" / "data"
        variables = dict(os.environ) | {"PYTHONPATH": str(self.folder)}
        # Tests never change and may be kept as bytecode; the package is checked by content.
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        if "MIDI_RISK_SHARED_DATA" not in variables and data.is_dir():
            variables["MIDI_RISK_SHARED_DATA"] = str(data)
        return variables

    def run(self, tests: Sequence[str], timeout: float) -> tuple[int | None, str]:
        """Run tests; return pytest's exit code, None after the time is up, and the output."""
        options = ["-x", "-q", "--tb=line", "-rfE", "-p", "no:cacheprovider"]
        # The same examples every time, so that a change is not noticed by chance.
        options.append("--hypothesis-seed=0")
        if self._worker is None or self._worker.poll() is not None:
            self._worker = subprocess.Popen(
                [sys.executable, self.folder / "tools" / "mutants_worker.py"],
                cwd=self.folder, env=self.environment(), text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._worker.stdin is not None  # noqa: S101 - it is a pipe
        assert self._worker.stdout is not None  # noqa: S101 - it is a pipe
        output = self.folder.with_suffix(".txt")
        asked = {"arguments": [*options, *tests], "output": str(output), "seconds": timeout}
        self._worker.stdin.write(json.dumps(asked) + "\n")
        code = json.loads(self._worker.stdout.readline())
        return code, output.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End what runs the tests."""
        if self._worker is not None:
            self._worker.communicate()

    def try_out(self, mutant: Mutant, timeout: float) -> Result:
        """Make one change, run its tests, take the change back."""
        path = self.folder / mutant.file
        source = path.read_text(encoding="utf-8")
        begun = time.monotonic()
        path.write_text(changed(source, mutant), encoding="utf-8")
        try:
            code, output = self.run(mutant.tests, timeout)
        finally:
            path.write_text(source, encoding="utf-8")
        seconds = time.monotonic() - begun
        if code is None:
            return Result(mutant=mutant, outcome="timeout", seconds=seconds)
        # Under -x pytest also ends with 1 when a test file cannot be imported.
        imported = _NOT_COLLECTED not in output
        outcome = _OUTCOMES.get(code, "error") if imported else "error"
        killer = _KILLER.search(output)
        return Result(
            mutant=mutant,
            outcome=outcome,
            seconds=seconds,
            by=killer[1] if killer and outcome == "killed" else "",
            output="\n".join(output.splitlines()[-15:]) if outcome == "error" else "",
        )


class Record:
    """Results of earlier portions, one line of JSON each; the last of a change counts.

    Parameters
    ----------
    path : pathlib.Path or None
        File, made when it is not there; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[Mutant, Result] = {}
        if path is None or not path.is_file():
            return
        for line in path.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            own = kept.pop("mutant")
            mutant = Mutant(**(own | {"tests": tuple(own["tests"])}))
            self._known[mutant] = Result(mutant=mutant, **kept)

    def of(self, mutant: Mutant) -> Result | None:
        """Return what is known of an entry exactly as it stands, None when nothing is."""
        return self._known.get(mutant)

    def add(self, result: Result) -> None:
        """Keep a result, at once on disk, for a run may be stopped."""
        self._known[result.mutant] = result
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(result)) + "\n")


def try_all(
    mutants: Sequence[Mutant], record: Record, *, jobs: int, timeout: float, commit: str,
    minutes: float | None = None,
) -> None:  # fmt: skip
    """Try every change, after the tests on the unchanged package.

    Parameters
    ----------
    mutants : sequence of Mutant
    record : Record
        Takes the results.
    jobs : int
        Changes that are tried at once, each in a copy of its own.
    timeout : float
        Seconds for one change.
    commit : str
        What is changed.
    minutes : float, optional
        After so long no change is begun.

    Raises
    ------
    SystemExit
        When a listed test fails without any change.
    """
    end = None if minutes is None else time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="midi-risk-mutants.") as place:
        copies: SimpleQueue[Copy] = SimpleQueue()
        first = Copy(Path(place) / "0")
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        code, output = first.run(_without_repeats(tests), timeout * _BASELINE_FACTOR)
        if code != 0:
            print(output)
            print("a listed test fails on the unchanged package, so nothing was tried")
            raise SystemExit(2)
        copies.put(first)
        for number in range(1, jobs):
            copies.put(Copy(Path(place) / str(number)))

        def one(mutant: Mutant) -> None:
            if end is not None and time.monotonic() > end:
                return
            copy = copies.get()
            try:
                result = replace(copy.try_out(mutant, timeout), commit=commit)
            finally:
                copies.put(copy)
            record.add(result)
            named = " (named)" if result.outcome == "survived" and mutant.survives else ""
            shown = f"{result.outcome}{named}"
            print(f"{shown:10} {result.seconds:5.1f} s  {mutant.label}", flush=True)
            if result.output:
                print(result.output, flush=True)

        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(one, mutants))
        while not copies.empty():
            copies.get().close()


def _without_repeats(tests: Sequence[str]) -> list[str]:
    """Leave out tests whose whole file is listed too, which pytest would otherwise run twice."""
    whole = {test for test in tests if "::" not in test}
    return [test for test in tests if "::" not in test or test.partition("::")[0] not in whole]


def unnamed(results: Iterable[Result]) -> list[Result]:
    """Return the changes that nothing noticed and nobody explained, and those in error."""
    return [
        r for r in results if not r.killed and not (r.outcome == "survived" and r.mutant.survives)
    ]


def sufficient(results: Sequence[Result]) -> bool:
    """Tell whether enough changes were noticed and every survivor is named."""
    killed = sum(result.killed for result in results)
    return killed >= LEAST_KILLED * len(results) and not unnamed(results)


def page(results: Sequence[Result], waiting: int = 0) -> str:
    """Return the results as a Markdown page.

    Parameters
    ----------
    results : sequence of Result
    waiting : int
        Entries that were not tried yet.
    """
    commits = sorted({result.commit for result in results})
    killed = sum(result.killed for result in results)
    seconds = sum(result.seconds for result in results)
    lines = [
        "# Changes that the tests must notice",
        "",
        "`python tools/mutants.py --write benchmarks/results/mutants.md`, by `.ci/slow mutants`.",
        "The lists are in `tests/mutants/`; each entry is one change of the code with its",
        "consequence for a user.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {', '.join(commits)}:",
        f"{killed} of {len(results)} noticed",
        f"({killed / max(len(results), 1):.1%}; at least {LEAST_KILLED:.0%} are required),",
        f"{seconds:.0f} s of tests.",
        *([f"{waiting} entries were not tried."] if waiting else []),
        "",
        "| stage | changes | noticed | by time | survived | in error | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for stage in sorted({result.mutant.stage for result in results}):
        own = [result for result in results if result.mutant.stage == stage]
        kinds = [sum(r.outcome == kind for r in own) for kind in ("timeout", "survived", "error")]
        row = [stage, len(own), sum(r.killed for r in own), *kinds]
        lines.append(f"| {' | '.join(map(str, row))} | {sum(r.seconds for r in own):.0f} |")
    left = [result for result in results if not result.killed]
    if left:
        lines += ["", "## Not noticed", "", "| file | consequence | reason |", "|---|---|---|"]
        lines += [
            f"| `{r.mutant.file}` | {_cell(r.mutant.why)}"
            f" | {_cell(r.mutant.survives) or r.outcome} |"
            for r in left
        ]
    lines += ["", "## Noticed", ""]
    for stage in sorted({result.mutant.stage for result in results}):
        lines += [
            f"### {stage}",
            "",
            "| file | consequence | first test to fail |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{r.mutant.file.removeprefix('midi_risk/')}` | {_cell(r.mutant.why)} | {_test(r)} |"
            for r in results
            if r.killed and r.mutant.stage == stage
        ]
        lines.append("")
    return "\n".join(lines)


def _test(result: Result) -> str:
    """Return the test that noticed a change, without its parameters, which may hold bars."""
    if not result.by:
        return "(time)" if result.outcome == "timeout" else ""
    return f"`{result.by.partition('[')[0].removeprefix('tests/')}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("\n", " ")


def commit_of(root: Path = ROOT) -> str:
    """Return the commit of the checkout, with a plus where files differ; 'unknown' without git."""
    git = ["git", "-c", "safe.directory=*", "-C", str(root)]
    done = subprocess.run(
        [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return "unknown"
    state = subprocess.run(
        [*git, "status", "--porcelain"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() + ("+" if state.stdout.strip() else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check or try the lists and return the exit code."""
    parser = argparse.ArgumentParser(description="Try the kept changes of tests/mutants.")
    parser.add_argument("--check", action="store_true", help="check the lists, run no test")
    parser.add_argument("--only", metavar="PATTERN", help="regular expression on an entry's text")
    parser.add_argument("--jobs", type=int, default=1, help="changes tried at once (1)")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help="seconds for one change")
    parser.add_argument("--minutes", type=float, help="begin no change after so many minutes")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep results, try none twice")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the results to a page")
    parser.add_argument("--commit", help="what the page says was tried, where git cannot tell")
    given = parser.parse_args(arguments)
    mutants, faults = listed()
    faults += faults_of(mutants)
    if faults:
        print("\n".join(faults))
        return 2
    if given.check:
        print(f"{len(mutants)} changes fit the code")
        return 0
    if given.only:
        wanted = re.compile(given.only)
        mutants = [m for m in mutants if wanted.search(f"{m.stage}\n{m.file}\n{m.new}\n{m.why}")]
    if not mutants:
        print("no entry fits the pattern")
        return 2
    record = Record(given.record)
    new = [mutant for mutant in mutants if record.of(mutant) is None]
    if new:
        try_all(
            new, record, jobs=max(1, given.jobs), timeout=given.timeout,
            commit=given.commit or commit_of(), minutes=given.minutes,
        )  # fmt: skip
    results = [found for mutant in mutants if (found := record.of(mutant)) is not None]
    waiting = len(mutants) - len(results)
    killed = sum(result.killed for result in results)
    print(f"{killed} of {len(results)} killed; {waiting} not tried")
    for result in unnamed(results):
        print(f"{result.outcome}: {result.mutant.label}")
    if given.write is not None:
        given.write.write_text(page(results, waiting), encoding="utf-8")
    return 0 if sufficient(results) and not waiting else 1


if __name__ == "__main__":
    sys.exit(main())

"""What a run owes the process that called it: exit code, streams, signals, memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midi_risk.cli import app

ROWS = "patient_id,age,sex\n" + "".join(f"P{i},{30 + i % 3},{'MF'[i % 2]}\n" for i in range(60))
PROGRAM = [sys.executable, "-c", "from midi_risk.cli import main; main()"]
HELD = """
import time
import midi_risk.cli.assess_command as command
import midi_risk.cli.job as job
whole = job.write_results
def held(*given):
    whole(*given)
    print("held", flush=True)
    time.sleep(60)
job.write_results = command.write_results = held
from midi_risk.cli import main
main()
"""
UNIX = pytest.mark.skipif(os.name != "posix", reason="pipes, signals and limits of POSIX")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(ROWS, encoding="utf-8")
    return file


def assess(table: Path, out: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [*PROGRAM, "assess", str(table), "-o", str(out)]
    return subprocess.run(command, check=False, stderr=subprocess.PIPE, **options)


@UNIX
def test_a_verdict_survives_a_pipe_that_closes(table: Path, tmp_path: Path) -> None:
    plain = assess(table, tmp_path / "plain", stdout=subprocess.DEVNULL).returncode
    assert plain in {3, 4}
    reader, writer = os.pipe()
    os.close(reader)
    done = assess(table, tmp_path / "piped", stdout=writer)
    os.close(writer)
    assert done.returncode == plain
    assert b"rror" not in done.stderr
    assert (tmp_path / "piped" / "assessment.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_standard_output_is_one_line(table: Path, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = assess(table, tmp_path / "out", stdout=full)
    assert done.returncode == 2
    assert b"standard output: the disk is full" in done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "out" / "assessment.json").is_file()


@UNIX
def test_results_are_in_a_folder_of_their_owner(table: Path, tmp_path: Path) -> None:
    assess(table, tmp_path / "out", stdout=subprocess.DEVNULL)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700


@UNIX
def test_a_name_that_is_too_long_is_one_line(table: Path, tmp_path: Path) -> None:
    done = assess(table, tmp_path / ("x" * 300), stdout=subprocess.DEVNULL)
    assert done.returncode == 2
    assert b"file name too long" in done.stderr
    assert done.stderr.count(b"\n") == 1


@UNIX
def test_a_request_to_stop_leaves_nothing_behind(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", HELD, "assess", str(table), "-o", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert b"held" in run.stdout.readline()
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130
    assert b"interrupted" in said
    assert not out.exists() or [p.name for p in out.iterdir()] == []


@UNIX
def test_too_little_memory_is_one_line_and_soon(table: Path, tmp_path: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))

    begun = time.monotonic()
    done = assess(
        table, tmp_path / "out", stdout=subprocess.DEVNULL, preexec_fn=limit, timeout=60
    )  # fmt: skip
    assert time.monotonic() - begun < 30
    assert done.returncode == 2
    assert b"not enough memory" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not (tmp_path / "out").exists()


class OutOfMemoryException(Exception):  # noqa: N818 - as DuckDB calls its own
    """What DuckDB raises."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Jane Doe"),
        OutOfMemoryException("Jane Doe"),
        OSError(12, "Cannot allocate memory", "Jane Doe"),
        ImportError("libscipy.so: failed to map segment from shared object: Jane Doe"),
    ],
)
def test_every_way_in_which_memory_ends_is_said_so(error: Exception) -> None:
    text, code = app._message(error)
    assert code == 2
    assert "not enough memory" in text
    assert "Jane" not in text


def test_what_the_system_refuses_is_no_internal_error() -> None:
    text, code = app._message(OSError(5, "Input/output error", "jane-doe.dcm"))
    assert code == 2
    assert "input/output error" in text
    assert "jane" not in text
    assert app._message(ImportError("no module named x"))[1] == 1


def test_a_second_edition_of_other_data_is_said_and_of_the_same_is_not(
    table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = assess(table, out, stdout=subprocess.DEVNULL).stderr
    again = assess(table, out, stdout=subprocess.DEVNULL).stderr
    table.write_text(ROWS.rpartition("P59")[0], encoding="utf-8")  # somebody withdrew
    other = assess(table, out, stdout=subprocess.DEVNULL).stderr
    warned = [b"was of other data" in said for said in (first, again, other)]
    assert warned == [False, False, True]

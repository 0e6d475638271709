"""`assess --by` writes each group as it is done, names what it drops, and goes on after a kill."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import midi_risk
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.cli import assess_command, groups
from midi_risk.errors import LinkageError

SITES = ("a", "b", "c", "d")


def table(path: Path, sites=SITES, people: int = 12) -> Path:
    rows = ["patient_id,age,site_group"]
    rows += [f"{s}{i},{60 + i % 2},{s}" for s in sites for i in range(people)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def summary(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture
def assessed(monkeypatch):
    """Count the groups that are assessed; stop at one that a test names."""
    met: list[str] = []
    stop: set[str] = set()
    before = assess_command.assess_job

    def counting(job, extraction, **more):
        name = job.project.collection.name
        if name in stop:
            raise KeyboardInterrupt
        met.append(name)
        return before(job, extraction, **more)

    monkeypatch.setattr(assess_command, "assess_job", counting)
    return met, stop


def test_a_run_that_was_stopped_goes_on_where_it_stood(tmp_path, capsys, assessed):
    met, stop = assessed
    out = tmp_path / "o"
    stop.add("c")
    args = ("assess", table(tmp_path / "t.csv"), "--by", "site_group", "-o", out)
    assert midi_risk(capsys, *args).code == 130
    assert met == ["a", "b"]
    assert (out / "a" / "assessment.json").is_file()
    assert (out / "b" / "report-internal.html").is_file()
    assert not (out / "summary.csv").exists()
    with (out / groups.DONE).open("a", encoding="utf-8") as handle:
        handle.write('{"group": "c", "ke')
    stop.clear()
    again = midi_risk(capsys, *args)
    assert met == ["a", "b", "c", "d"]
    assert again.err.count("done by an earlier run") == 2
    assert [row["group"] for row in summary(out)] == list(SITES)
    assert [line.split()[0] for line in again.out.splitlines()] == list(SITES)
    assert not (out / groups.DONE).exists()
    assert len((out / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert not (out / "previous").exists()


@pytest.mark.parametrize("change", ["rows", "k", "nothing"])
def test_a_group_is_done_again_when_its_rows_or_the_wishes_changed(
    tmp_path, capsys, assessed, change
):
    met, stop = assessed
    out, path = tmp_path / "o", table(tmp_path / "t.csv")
    stop.add("c")
    midi_risk(capsys, "assess", path, "--by", "site_group", "-o", out, "-q")
    stop.clear()
    more = ("--k", "12") if change == "k" else ()
    if change == "rows":
        path.write_text(path.read_text(encoding="utf-8").replace("b0,60", "b0,61"))
    midi_risk(capsys, "assess", path, "--by", "site_group", "-o", out, "-q", *more)
    again = {"rows": ["b", "c", "d"], "k": ["a", "b", "c", "d"], "nothing": ["c", "d"]}[change]
    assert met[2:] == again


def test_a_finished_run_is_not_taken_over(tmp_path, capsys, assessed):
    met, _ = assessed
    args = ("assess", table(tmp_path / "t.csv"), "--by", "site_group", "-o", tmp_path / "o", "-q")
    midi_risk(capsys, *args)
    midi_risk(capsys, *args)
    assert met == [*SITES, *SITES]
    assert (tmp_path / "o" / "previous" / "a" / "assessment.json").is_file()


def test_a_damaged_result_is_done_again(tmp_path, capsys, assessed):
    met, stop = assessed
    out = tmp_path / "o"
    stop.add("b")
    args = ("assess", table(tmp_path / "t.csv"), "--by", "site_group", "-o", out, "-q")
    midi_risk(capsys, *args)
    stop.clear()
    (out / "a" / "assessment.json").write_text("{", encoding="utf-8")
    midi_risk(capsys, *args)
    assert met == ["a", *SITES]


def test_what_is_dropped_is_named(tmp_path, capsys, monkeypatch):
    before = assess_command.assess_job

    def failing(job, extraction, **more):
        if job.project.collection.name == "b":
            raise LinkageError("more.csv: its keys stand for several subjects")
        return before(job, extraction, **more)

    monkeypatch.setattr(assess_command, "assess_job", failing)
    lead = tmp_path / "t.csv"
    rows = [f"{s}{i},{60 + i % 2},{s}" for s in "ab" for i in range(12)]
    rows += [f"phantom{i},60,nobody" for i in range(3)]
    lead.write_text("patient_id,age,site_group\n" + "\n".join(rows) + "\n", encoding="utf-8")
    out = tmp_path / "o"
    found = midi_risk(capsys, "assess", lead, "--by", "site_group", "-o", out, "-q")
    told = {row["group"]: row for row in summary(out)}
    assert told["a"]["status"] != groups.LEFT_OUT
    assert told["b"]["status"] == told["nobody"]["status"] == groups.LEFT_OUT
    assert "several subjects" in told["b"]["reason"]
    assert "no human subject" in told["nobody"]["reason"]
    assert "group 'b' of site_group left out: more.csv: its keys stand" in found.err
    assert "left out: more.csv" in found.out
    assert found.code == 4
    without = midi_risk(
        capsys, "assess", lead, "--by", "site_group", "-o", out, "-q", "--fail-on", "never"
    )
    assert "the exit code would be 4" in without.err


def test_a_group_of_nobody_does_not_decide_the_exit_code(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(
        "patient_id,age,site_group\n"
        + "".join(f"a{i},60,a\n" for i in range(12)) + "phantom,60,p\n"
    )  # fmt: skip
    args = ("assess", tmp_path / "t.csv", "--by", "site_group", "-o", tmp_path / "o", "-q")
    alone = midi_risk(capsys, *args, "--fail-on", "never")
    assert alone.code == 0
    assert groups.Group(name="p", assessment=None, nobody=True).row()["status"] == groups.LEFT_OUT


def test_json_has_every_group(tmp_path, capsys):
    args = ("assess", table(tmp_path / "t.csv"), "--by", "site_group", "-o", tmp_path / "o", "-q")
    found = json.loads(midi_risk(capsys, *args, "--format", "json").out)
    assert list(found) == list(SITES)
    assert found["a"]["collection"]["subjects"] == 12


@given(st.lists(st.text(max_size=8), max_size=12, unique=True))
def test_every_group_has_a_folder_of_its_own(values):
    taken: set[str] = set()
    for value in values:
        name = groups.folder_name(value, taken)
        assert name not in taken | {"previous", "log"}
        assert "/" not in name
        assert not name.startswith(".")
        taken.add(name)
    assert len({name.casefold() for name in taken}) <= len(values)


@pytest.mark.skipif(os.name != "posix", reason="a process is killed")
def test_a_killed_run_loses_the_group_in_hand_alone(tmp_path, capsys):
    out = tmp_path / "o"
    path = table(tmp_path / "t.csv", [f"s{i:02d}" for i in range(12)])
    args = ["assess", str(path), "--by", "site_group", "-o", str(out)]
    program = f"from midi_risk.cli.app import run; run({args!r})"
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            done = out / groups.DONE
            if done.is_file() and len(done.read_text(encoding="utf-8").splitlines()) >= 2:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    left = len((out / groups.DONE).read_text(encoding="utf-8").splitlines())
    assert 2 <= left < 12
    again = midi_risk(capsys, *args)
    assert again.err.count("done by an earlier run") >= left - 1
    assert len(summary(out)) == 12
    assert not list(out.glob(".midi-risk-run-*"))

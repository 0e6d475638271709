"""The log of runs: each line follows the one before, so that no change is unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from midi_risk.document.log import LoggedRun, append_runs, read_log


def logged(k: int) -> LoggedRun:
    return LoggedRun(
        time=f"2026-12-01T00:00:{k:02d}+00:00", collection="c", models={"m": k}, k=k,
        criterion=f"d{k}", status="acceptable",
    )  # fmt: skip


@pytest.fixture
def log(tmp_path):
    for k in (20, 11, 11):
        append_runs(tmp_path / "log.jsonl", [logged(k)])
    return tmp_path / "log.jsonl"


def test_a_log_that_nobody_touched_is_whole(log):
    assert (read_log(log).damaged, len(read_log(log).runs)) == (0, 3)
    assert read_log(log).proves("d20")


@pytest.mark.parametrize("taken", [0, 1])
def test_a_line_that_was_taken_out_is_noticed(log, taken):
    lines = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(lines[:taken] + lines[taken + 1 :]), "utf-8")
    assert read_log(log).damaged == 1
    assert not read_log(log).proves("d20")


def test_a_line_that_was_changed_is_noticed(log):
    log.write_text(log.read_text("utf-8").replace('"m":20', '"m":11'), "utf-8")
    assert read_log(log).damaged == 1


def test_lines_of_version_0_1_are_read_and_followed(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(logged(k).model_dump_json(exclude_defaults=True) + "\n"
                            for k in (5, 6)), "utf-8")  # fmt: skip
    assert read_log(path).damaged == 0
    append_runs(path, [logged(7)])
    assert (read_log(path).damaged, len(read_log(path).runs)) == (0, 3)
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text(lines[0] + lines[2], "utf-8")
    assert read_log(path).damaged == 1


def test_a_line_that_was_cut_stays_apart_from_the_next(log):
    log.write_text(log.read_text("utf-8")[:-20], "utf-8")
    append_runs(log, [logged(9)])
    history = read_log(log)
    assert (history.damaged, history.runs[-1].k) == (1, 9)


def test_runs_that_end_together_follow_each_other(tmp_path):
    path = tmp_path / "log.jsonl"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: append_runs(path, [logged(k)]), range(1, 41)))
    assert (read_log(path).damaged, len(read_log(path).runs)) == (0, 40)

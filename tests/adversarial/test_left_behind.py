"""Nothing that names a subject stays behind after a run was killed."""

from __future__ import annotations

import os
import subprocess
import sys

from midi_risk.cli.job import result_folder
from midi_risk.export.release import new_folder


def test_the_next_run_removes_what_a_killed_one_left(tmp_path):
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead = tmp_path / f".midi-risk-run-{int(gone.stdout)}-abc"
    alive = tmp_path / f".midi-risk-run-{os.getppid()}-abc"
    for left in (dead, alive):
        left.mkdir()
        (left / "assessment.json").write_text("CANARY", encoding="utf-8")
    with result_folder(str(tmp_path)) as folder:
        (folder / "plan.json").write_text("{}", encoding="utf-8")
    assert not dead.exists()
    assert alive.exists()
    assert (tmp_path / "plan.json").exists()


def test_what_a_living_run_is_writing_stays(tmp_path):
    living = tmp_path / f".out.midi-risk-part-{os.getppid()}-abc"
    living.mkdir()
    (living / "half").write_text("x", encoding="utf-8")
    with new_folder(tmp_path / "out") as folder:
        (folder / "whole").write_text("x", encoding="utf-8")
    assert (living / "half").read_text(encoding="utf-8") == "x"
    assert (tmp_path / "out" / "whole").exists()

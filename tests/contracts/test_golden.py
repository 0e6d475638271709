"""What the proof that a move changes no output sees, and what it pins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import golden
import pytest


def result(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


FILES = {
    "lung/01.txt": b"smallest class 16\n",
    "lung/files/out/assessment.json": b'{"k": 16, "risk": 0.0625}',
    "lung/files/out/subjects.parquet": b"PAR1\xff\x00\x01",
}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return result(tmp_path / "old", FILES)


def test_two_equal_results_differ_in_nothing(old, tmp_path, capsys):
    assert golden.compare(old, result(tmp_path / "new", FILES)) == 0
    assert capsys.readouterr().out == "3 files, 0 differ\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "lung/files/out/assessment.json",
            b'{"k": 16, "risk": 0.0626}',
            ['- "risk": 0.0625', '+ "risk": 0.0626'],
        ),
        (
            "lung/files/out/assessment.json",
            b'{"risk": 0.0625, "k": 16}',
            ["in form alone, as the order of keys"],
        ),
        ("lung/01.txt", b"smallest class 15\n", ["-smallest class 16", "+smallest class 15"]),
        ("lung/01.txt", b"smallest class 16\n\n", ["from byte 18, of 18 and 19"]),
        ("lung/files/out/subjects.parquet", b"PAR1\xff\x00\x02", ["from byte 6, of 7 and 7"]),
    ],
)
def test_a_file_that_differs_is_named_with_where(old, tmp_path, capsys, name, content, said):
    new = result(tmp_path / "new", FILES | {name: content})
    assert golden.compare(old, new) == 1
    out = capsys.readouterr().out
    assert f"differs: {name}\n" in out
    assert [text for text in said if text not in out] == []
    assert out.endswith("3 files, 1 differ\n")


def test_a_file_on_one_side_alone_is_a_difference(old, tmp_path, capsys):
    new = result(tmp_path / "new", {"lung/01.txt": FILES["lung/01.txt"], "lung/02.txt": b""})
    assert golden.compare(old, new) == 1
    out = capsys.readouterr().out
    assert "only in NEW: lung/02.txt" in out
    assert "only in OLD: lung/files/out/subjects.parquet" in out


def test_many_differences_in_one_folder_are_counted(old, tmp_path, capsys):
    more = {f"lung/files/out/{number}.dcm": b"" for number in range(golden.MOST + 2)}
    assert golden.compare(old, result(tmp_path / "new", FILES | more)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == golden.MOST + 2
    assert lines[-2:] == [
        "and 2 more differences in lung/files/out",
        f"{golden.MOST + 5} files, {golden.MOST + 2} differ",
    ]


def test_nothing_is_not_taken_for_a_result(old, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert golden.compare(old, tmp_path / "empty") == 2
    assert golden.compare(old, tmp_path / "absent") == 2
    assert capsys.readouterr().err.count("is no folder with results") == 2


def test_a_place_in_the_code_is_no_output():
    line = "midi-risk: internal error, KeyError at midi_risk.risk.assess:153; please report it"
    moved = line.replace("risk.assess:153", "risk.room.assess:9")
    assert golden.PLACE.sub(r"\1{PLACE}", line) == golden.PLACE.sub(r"\1{PLACE}", moved)
    assert "KeyError" in golden.PLACE.sub(r"\1{PLACE}", line)


def test_clock_keys_and_cores_are_pinned():
    code = (
        "import datetime, os, secrets, time, uuid, numpy;"
        "d = datetime.datetime;"
        "print(d.now(datetime.UTC), d.now(), d.today(), datetime.date.today(), time.time(),"
        " time.monotonic(), secrets.token_hex(8), uuid.uuid4(),"
        " numpy.random.default_rng().integers(10**9), os.cpu_count(), type(d.now()) is d)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(golden.PINS), "TZ": "UTC"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1]
    assert told[0].startswith("2026-12-01 12:00:00+00:00 2026-12-01 12:00:00 ")
    assert told[0].endswith(" 1 True\n")


def test_a_project_file_has_the_age_of_the_clock_while_it_is_read(tmp_path):
    code = (
        "import pathlib, sys, sitecustomize;"
        "new = pathlib.Path(sys.argv[1], 'midi-risk.yaml'); new.write_text('a: 1');"
        "print(new.stat().st_mtime == sitecustomize.MOMENT, new.stat().st_size, new.is_file())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(golden.PINS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True 4 True\n"

"""The command that runs pycanon beside midi-risk."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from midi_risk.cli.app import run
from midi_risk.compat.crosscheck import crosscheck
from midi_risk.compat.pycanon.divergences import KNOWN

needs_pycanon = pytest.mark.skipif(
    importlib.util.find_spec("pycanon") is None,
    reason="pycanon is not installed; it pins old versions and needs an environment of its own",
)


def table(path: Path) -> Path:
    rng = np.random.default_rng(3)
    n = 200
    frame = pd.DataFrame(
        {
            "age": rng.choice([50, 60, 70], n),
            "sex": rng.choice(["F", "M"], n),
            "dx": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
            "grade": rng.integers(1, 5, n),
        }
    )
    frame.to_csv(path, index=False)
    return path


def test_without_pycanon_one_line_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pycanon", None)
    file = table(tmp_path / "t.csv")
    assert run(["crosscheck", str(file), "--quasi", "age,sex", "--sensitive", "dx"]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert streams.err.count("\n") == 1
    assert "pip install 'midi-risk[pycanon]'" in streams.err


@needs_pycanon
def test_measures_agree_or_differ_for_a_known_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = table(tmp_path / "t.csv")
    assert run(["crosscheck", str(file), "--quasi", "age,sex", "--sensitive", "dx,grade"]) == 0
    out = capsys.readouterr().out
    assert "0 differ without one" in out
    assert "gen=False" in out
    for name in KNOWN:
        assert name in out


@needs_pycanon
def test_json_holds_every_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = table(tmp_path / "t.csv")
    args = ["crosscheck", str(file), "--quasi", "age,sex", "--sensitive", "dx", "--format", "json"]
    assert run(args) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["records"] == 200
    status = {row["measure"]: row["status"] for row in document["measures"]}
    for name in ("k-anonymity k", "distinct l", "basic beta", "delta", "t", "maximum risk"):
        assert status[name] == "agree"
    assert all(row["reason"] for row in document["measures"] if row["divergence"])


@needs_pycanon
@pytest.mark.parametrize(
    ("file", "args", "words"),
    [
        ("absent.csv", ["--quasi", "age", "--sensitive", "dx"], "no file"),
        ("t.csv", ["--quasi", "agee", "--sensitive", "dx"], "no column 'agee'"),
        ("t.csv", ["--quasi", "age,dx", "--sensitive", "dx"], "both"),
        ("t.pdf", ["--quasi", "age", "--sensitive", "dx"], "no table"),
        ("broken.csv", ["--quasi", "age", "--sensitive", "dx"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    args: list[str],
    words: str,
) -> None:
    table(tmp_path / "t.csv")
    (tmp_path / "t.pdf").write_text("x", encoding="utf-8")
    (tmp_path / "broken.csv").write_text('a,b\n1,2,3\n"SECRET\n', encoding="utf-8")
    assert run(["crosscheck", str(tmp_path / file), *args]) == 2
    streams = capsys.readouterr()
    assert words in streams.err
    assert streams.err.count("\n") == 1
    assert "SECRET" not in streams.err


@needs_pycanon
@pytest.mark.parametrize("seed", range(6))
def test_no_difference_on_random_tables_is_unexplained(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 90))
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 3, n),
            "b": rng.choice(list("xyz"), n),
            "s": rng.choice(list("pqr"), n, p=[0.7, 0.2, 0.1]),
            "v": rng.integers(0, 4, n),
            "f": rng.choice([1.5, 2.5, 3.5], n),
        }
    )
    if seed % 2:
        frame.loc[rng.random(n) < 0.1, "b"] = None
    if seed % 3 == 0:
        frame.loc[rng.random(n) < 0.1, "f"] = np.nan
    frame.index = rng.permutation(n)
    for keys, secrets in ((["a", "b"], ["s"]), (["b"], ["s", "v"]), (["a", "b"], ["f"])):
        found = crosscheck(frame, keys, secrets)
        assert [one.measure for one in found if one.status == "different"] == []


@needs_pycanon
def test_missing_words_are_a_known_divergence_of_every_measure_that_fails() -> None:
    frame = pd.DataFrame({"a": list("xxyy"), "b": list("ppqq"), "s": ["u", None, "u", "v"]})
    found = crosscheck(frame, ["a", "b"], ["s"])
    assert {one.status for one in found} == {"agree", "known divergence"}
    (k,) = (one for one in found if one.measure == "(alpha,k) k")
    assert k.divergence in {"", "missing_sensitive"}


@needs_pycanon
@pytest.mark.parametrize(
    ("column", "divergence"),
    [
        (pd.Series([7, 7, 7, 7]), "constant_number"),
        (pd.Series([True, False, True, False]), "dates_and_booleans"),
        (pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"] * 2)), "dates_and_booleans"),
    ],
)
def test_a_failure_of_pycanon_is_a_known_divergence(column: pd.Series, divergence: str) -> None:
    frame = pd.DataFrame({"q": list("aabb"), "s": column})
    (t,) = (one for one in crosscheck(frame, ["q"], ["s"]) if one.measure == "t")
    assert t.status in {"agree", "known divergence"}
    assert t.theirs is not None or t.divergence == divergence

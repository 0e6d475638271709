"""`list`, `extract --shard`, `merge`: from the command line, as machines of a cluster run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from dicom_samples import collection

from midi_risk.cli.app import main

PROJECT = """\
schema: midi-risk/project/1
collection:
  name: shards
  sources: [{dicom: images/}]
threat_models: [public-release]
"""


def run(args: list[str], capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def project(tmp_path: Path) -> str:
    collection(tmp_path / "images", 6, 5)
    (tmp_path / "midi-risk.yaml").write_text(PROJECT)
    return str(tmp_path / "midi-risk.yaml")


def test_shards_give_the_assessment_that_one_scan_gives(project, tmp_path, capsys):
    code, out, _ = run(["list", project], capsys)
    assert code == 0
    assert out.startswith("30 files listed\nnext: midi-risk extract PROJECT --shard ")
    for number in (2, 3, 1):
        code, out, _ = run(["extract", project, "--shard", f"{number}/3", "-q"], capsys)
        assert code == 0
        assert out.startswith(f"shard {number}/3: read ")
    code, out, _ = run(["merge", project], capsys)
    assert code == 0
    assert "3 of 3 shards merged\n30 of 30 files met\n" in out
    run(["assess", project, "-o", str(tmp_path / "a"), "-q"], capsys)
    plain = tmp_path / "plain"
    plain.mkdir()
    (tmp_path / "images").rename(plain / "images")
    (plain / "midi-risk.yaml").write_text(PROJECT)
    run(["assess", str(plain / "midi-risk.yaml"), "-o", str(tmp_path / "b"), "-q"], capsys)
    one, other = (
        json.loads((tmp_path / name / "assessment.json").read_text()) for name in ("a", "b")
    )
    for part in ("collection", "measures", "account", "verdict"):
        assert one[part] == other[part], part


def test_a_merge_that_is_not_whole_says_so(project, capsys):
    run(["list", project], capsys)
    run(["extract", project, "--shard", "2/3", "-q"], capsys)
    code, out, _ = run(["merge", project], capsys)
    assert code == 4
    assert "1 of 3 shards merged" in out
    assert "nobody has begun 2: 1, 3" in out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["extract", "{project}", "--shard", "9/3"], "such as 3/64"),
        (["extract", "{project}", "--shard", "1/3"], "no list of files"),
        (["merge", "{project}"], "no scan store"),
        (["list", "{folder}/images"], "only a project"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_two(project, tmp_path, capsys, args, said):
    given = [arg.format(project=project, folder=tmp_path) for arg in args]
    code, _, err = run(given, capsys)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1

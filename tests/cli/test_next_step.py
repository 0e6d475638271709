"""Each command ends with what to do next, where no program reads it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest

from midi_risk.cli.app import run
from midi_risk.cli.next_step import next_line
from midi_risk.export.release import _table_of
from midi_risk.sources.model import SourceKind


@pytest.mark.parametrize(
    "line", [["threats", "validate", "public-release"], ["population", "list"]]
)
def test_text_for_people_ends_with_what_comes_next(line, capsys):
    assert run(line) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("next: ")


@pytest.mark.parametrize("line", [["schema", "plan"], ["explain", "k-anonymity"]])
def test_what_programs_read_stays_as_it_is(line, capsys):
    assert run(line) == 0
    said = capsys.readouterr()
    assert "next: " not in said.out
    assert said.err.splitlines()[-1].startswith("next: ")
    if line[0] == "schema":
        json.loads(said.out)


def test_what_comes_next_depends_on_the_outcome(tmp_path):
    (tmp_path / "midi-risk.yaml").write_text("x")
    given = {"sources": (str(tmp_path),), "output": "out"}
    assert " apply " in next_line("assess", given, 0)
    assert " tune " in next_line("assess", given, 3)
    assert " start " in next_line("assess", given, 4)
    assert " apply " not in next_line("assess", given | {"fail_on": "never"}, 0)
    assert next_line("a command of tomorrow", {}, 0)


def test_a_table_among_images_is_written_as_itself():
    tables = {
        "dicom": SimpleNamespace(kind=SourceKind.DICOM),
        "c.csv": SimpleNamespace(kind=SourceKind.SPREADSHEET),
    }
    files = pa.table({"source": ["dicom", "dicom", "c.csv"], "path": ["i/a.dcm", "i/c", "i/c"]})
    extraction = SimpleNamespace(files=files, table=tables.__getitem__)
    assert _table_of(extraction, "i/c") is tables["c.csv"]

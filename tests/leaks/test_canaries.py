"""No cell value in a shareable output, on a stream, in a log or in a repr."""

from __future__ import annotations

import csv
import logging
import re

import pytest

import midi_risk as mr
from midi_risk.cli.app import run

CANARIES = {
    "patient_id": "KANARIENVOGEL{i:04d}",
    "age": "{age}",
    "sex": "{sex}",
    "occupation": "Zitronenfalter{i:04d}",
    "postcode": "9{i:04d}",
    "religion": "Schmetterling{half}",
    "remarks": "Eichhoernchen told Nachtigall{i:04d} on 1987-05-{day:02d}",
    "height": "1.{i:05d}",
}
WORDS = re.compile(
    "KANARIENVOGEL|Zitronenfalter|Schmetterling|Eichhoernchen|Nachtigall|1987", re.IGNORECASE
)


@pytest.fixture
def canary_table(tmp_path):
    path = tmp_path / "Gabelweihe.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(CANARIES)
        for i in range(40):
            parts = {"i": i * 7 + 1234, "half": i % 2, "day": i % 28 + 1, "sex": "MF"[i % 2]}
            parts["age"] = 20 + i
            writer.writerow([form.format(**parts) for form in CANARIES.values()])
    return path


def test_no_canary_leaves_the_machine(canary_table, tmp_path, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    out = tmp_path / "out"
    code = run(["assess", str(canary_table), "-o", str(out), "--budget", "5s"])
    assert code in {3, 4}
    streams = capsys.readouterr()
    shareable = (out / "report-shareable.html").read_text(encoding="utf-8")
    for name, text in {
        "shareable report": shareable,
        "stdout": streams.out,
        "stderr": streams.err,
        "log": caplog.text,
    }.items():
        found = WORDS.search(text)
        assert found is None, f"a canary is in the {name}"
    assert "Gabelweihe" not in shareable
    assert 'id="special-uniques"' in shareable
    assert "  not judged: special uniques " in streams.out
    assert str(tmp_path) not in shareable
    numbers = [f"1.{i * 7 + 1234:05d}" for i in range(40)] + [
        f"9{i * 7 + 1234:04d}" for i in range(40)
    ]
    assert not [number for number in numbers if number in shareable]


def test_json_on_stdout_has_no_canary_among_values(canary_table, tmp_path, capsys):
    run(["assess", str(canary_table), "-o", str(tmp_path / "o"), "--format", "json", "-q",
         "--budget", "5s"])  # fmt: skip
    assert WORDS.search(capsys.readouterr().out) is None


def test_reprs_hold_counts_only(canary_table):
    extraction = mr.extract(str(canary_table))
    attributes = mr.propose(extraction)
    table = mr.fold(extraction, attributes)
    assessment = mr.assess(table)
    shown = [repr(extraction), repr(extraction.tables[0]), repr(table), table._repr_html_()]
    shown += [repr(x) for x in (table.findings, table.links, table.folding, attributes)]
    shown.append(repr(assessment.public()))
    assert not [text for text in shown if WORDS.search(text)]


def test_an_error_names_columns_and_never_values(canary_table, capsys, tmp_path):
    code = run(["assess", f"{canary_table}:nokey", "-o", str(tmp_path / "o")])
    assert code == 2
    assert WORDS.search(capsys.readouterr().err) is None

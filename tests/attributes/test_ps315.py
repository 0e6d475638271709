"""The tables of PS3.15: lookups, and a newer release of the standard."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from midi_risk.attributes import Ps315Action
from midi_risk.attributes.roles import propose
from midi_risk.attributes.standard import (
    COLUMNS,
    Ps315Table,
    action_for,
    import_e1_1,
    method_codes,
    packaged_table,
)
from midi_risk.errors import ConfigError
from midi_risk.resources import data_rows
from midi_risk.sources.dicom.private import safe_private
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable

HEADERS = (
    "Attribute Name", "Tag", "Retd. (from PS3.6)", "In Std. Comp. IOD (from PS3.3)", "Basic Prof.",
    "Rtn. Safe Priv. Opt.", "Rtn. UIDs Opt.", "Rtn. Dev. Id. Opt.", "Rtn. Inst. Id. Opt.",
    "Rtn. Pat. Chars. Opt.", "Rtn. Long. Full Dates Opt.", "Rtn. Long. Modif. Dates Opt.",
    "Clean Desc. Opt.", "Clean Struct. Cont. Opt.", "Clean Graph. Opt.",
)  # fmt: skip
ROWS = (
    ("Patient's\u200b Age", "(0010,1010)", "N", "Y", "X", "", "", "", "", "K", "", "", "", "", ""),
    ("Study Date", "(0008,0020)", "N", "Y", "Z", "", "", "", "", "", "K", "C", "", "", ""),
    ("Overlay Data", "(60xx,3000)", "N", "Y", "X", "", "", "", "", "", "", "", "", "", "C"),
    ("Private Attributes", "(gggg,eeee) where gggg is odd", "N", "N", "X", "C", "", "", "", "", "",
     "", "", "", ""),
)  # fmt: skip


def docbook(headers=HEADERS, rows=ROWS, *, release="2031b", table="table_E.1-1", extra=""):
    def line(cells, kind):
        inner = "".join(f"<{kind}><para>{cell}</para></{kind}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{extra}'
        '<book xmlns="http://docbook.org/ns/docbook"><title>PS3.15</title>'
        f"<subtitle>DICOM PS3.15 {release} - Security Profiles</subtitle>"
        f'<chapter><table xml:id="{table}"><thead>{line(headers, "th")}</thead>'
        f"<tbody>{body}</tbody></table></chapter></book>"
    )


def written(tmp_path, text):
    path = tmp_path / "part15.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_lookup_works_by_keyword_and_by_any_spelling_of_the_tag():
    expected = Ps315Action(action="X", options=("rtn_pat_chars=K",), release="2026d")
    for name in ("PatientAge", "(0010,1010)", "0010,1010", "00101010"):
        assert action_for(name) == expected
    assert action_for("Manufacturer").action == "not listed"


def test_the_packaged_table_has_the_known_number_of_actions():
    rows = data_rows("ps315_e1_1.csv")
    counts = {code: sum(row["basic"] == code for row in rows) for code in ("X", "D", "U", "Z")}
    assert counts == {"X": 417, "D": 93, "U": 55, "Z": 42}
    assert len(packaged_table()) == len(rows) == 657


def test_methods_are_named_by_their_code():
    assert method_codes()["113101"] == "Clean Pixel Data Option"


def test_a_newer_release_is_read_from_the_standards_own_xml(tmp_path):
    rows = import_e1_1(written(tmp_path, docbook()))
    assert [tuple(row) for row in rows] == [COLUMNS] * 4
    age = rows[0]
    assert (age["name"], age["tag_hex"], age["keyword"], age["vr"]) == (
        "Patient's Age", "00101010", "PatientAge", "AS"
    )  # fmt: skip
    assert (age["basic"], age["rtn_pat_chars"], age["release"]) == ("X", "K", "2031b")
    table = Ps315Table.from_rows(rows)
    assert table.action_for("StudyDate").options == (
        "rtn_long_full_dates=K", "rtn_long_modif_dates=C"
    )  # fmt: skip
    assert table.action_for("PatientName") == Ps315Action(
        action="not listed", options=(), release="2031b"
    )


def test_an_imported_release_is_used_by_the_proposal(tmp_path):
    import pyarrow as pa

    table = Ps315Table.from_rows(import_e1_1(written(tmp_path, docbook())))
    rows = pa.table({"PatientID": ["a", "b"], "PatientAge": ["066Y", "047Y"]})
    source = SourceTable(
        name="t", kind=SourceKind.METADATA, level="patient", key="PatientID", rows=rows
    )
    extraction = Extraction(tables=(source,), files=FILE_SCHEMA.empty_table())
    assert propose(extraction, standard=table)["PatientAge"].ps315.release == "2031b"
    assert propose(extraction)["PatientAge"].ps315.release == "2026d"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<book>", "not well-formed"),
        ("<book/>", "has no table"),
        (docbook(release="draft"), "names no release"),
        (docbook(table="table_E.1-2"), "has no table"),
        (docbook(headers=HEADERS[:-1], rows=()), "no column 'clean_graph'"),
        (docbook(rows=()), "has no row"),
        (docbook(rows=(ROWS[0][:9],)), "row 1 of Table E.1-1: 9 cells"),
        (docbook(rows=(("x", "y", *ROWS[0][2:]),)), "its tag has another form"),
        (docbook(rows=((*ROWS[0][:4], "Q", *ROWS[0][5:]),)), "unknown action in column 'basic'"),
        (docbook(rows=((*ROWS[0][:4], "", *ROWS[0][5:]),)), "no action of the basic profile"),
        (docbook(extra='<!DOCTYPE b [<!ENTITY a "x">]>'), "declares entities"),
    ],
)
def test_a_faulty_file_is_refused_with_the_place(tmp_path, text, message):
    with pytest.raises(ConfigError, match=r"part15\.xml") as caught:
        import_e1_1(written(tmp_path, text))
    assert message in str(caught.value)


def test_all_faulty_rows_are_listed_at_once(tmp_path):
    bad = tuple((*row[:4], "Q", *row[5:]) for row in ROWS[:2])
    with pytest.raises(ConfigError) as caught:
        import_e1_1(written(tmp_path, docbook(rows=bad)))
    assert len(caught.value.faults) == 2


def test_an_absent_file_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        import_e1_1(tmp_path / "none.xml")


def test_safe_private_elements_are_known_by_creator_and_offset():
    assert len(safe_private()) <= len(data_rows("ps315_e3_10_safe_private.csv")) == 479
    assert len({row.creator for row in safe_private().values()}) == 20
    assert safe_private()["ELSCINT1", 0x00E1, 0x21].meaning == "DLP"
    assert ("ELSCINT1", 0x00E1, 0x22) not in safe_private()
    assert ("OTHER", 0x00E1, 0x21) not in safe_private()


def test_the_tool_says_what_a_newer_table_changes_and_writes_it(tmp_path):
    tool = Path(__file__).resolve().parents[2] / "tools" / "import_ps315.py"
    source, target = written(tmp_path, docbook()), tmp_path / "new.csv"
    done = subprocess.run(
        [sys.executable, tool, source, target], capture_output=True, text=True, check=True
    )
    rows = import_e1_1(source)
    known = {row["tag_hex"] for row in data_rows("ps315_e1_1.csv")}
    gone = [line for line in done.stdout.splitlines() if line.startswith("gone: ")]
    assert len(gone) == len(known - {row["tag_hex"] for row in rows})
    with target.open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["tag"] for row in table] == [row["tag"] for row in rows]
    assert list(table[0]) == list(data_rows("ps315_e1_1.csv")[0])

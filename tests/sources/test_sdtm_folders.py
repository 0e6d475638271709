"""CDISC folders: Dataset-JSON and XPT, supplements, Define-XML, long to wide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from midi_risk.errors import SourceError
from midi_risk.sources import SourceKind, extract


def _dataset(name: str, columns: list[str], rows: list[list[object]], **more: object) -> dict:
    described = [{"itemOID": f"IT.{name}.{c}", "name": c, "label": f"Label {c}"} for c in columns]
    return {"datasetJSONVersion": "1.1.0", "name": name, "columns": described, "rows": rows, **more}


_DM = _dataset(
    "DM",
    ["STUDYID", "USUBJID", "AGE", "BRTHDTC", "EMPTY"],
    [["S", "S-1", 40, "1980-05", ""], ["S", "S-2", 41.5, "1979", None], ["S", "S-3", None, "", ""]],
)
_SUPPDM = _dataset(
    "SUPPDM",
    ["USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL"],
    [["S-1", "", "", "RACE2", "Second race", "X"], ["S-9", "", "", "RACE2", "Second race", "Y"]],
)
_AE = _dataset(
    "AE", ["USUBJID", "AESEQ", "AETERM"], [["S-1", 1, "a"], ["S-1", 2, "b"], ["S-2", 1, "c"]]
)
_SUPPAE = _dataset(
    "SUPPAE",
    ["USUBJID", "IDVAR", "IDVARVAL", "QNAM", "QLABEL", "QVAL"],
    [["S-1", "AESEQ", "2", "AETRT", "Treated", "Y"]],
)
_SC = _dataset(
    "SC",
    ["USUBJID", "SCTESTCD", "SCORRES", "SCSTRESC"],
    [["S-1", "MARISTAT", "m", "MARRIED"], ["S-1", "EDU", "9", "9"], ["S-2", "EDU", "12", "12"]],
)
_TA = _dataset("TA", ["STUDYID", "ARM"], [["S", "x"]])

_DEFINE = """<?xml version="1.0"?>
<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3"><Study><MetaDataVersion>
<ItemGroupDef OID="IG.DM" Name="DM"><ItemRef ItemOID="IT.AGE"/></ItemGroupDef>
<ItemDef OID="IT.AGE" Name="AGE"><Description><TranslatedText>Age at consent</TranslatedText>
</Description></ItemDef></MetaDataVersion></Study></ODM>"""


def _folder(root: Path, *datasets: dict, define: str = "") -> Path:
    for dataset in datasets:
        (root / f"{dataset['name'].lower()}.json").write_text(json.dumps(dataset))
    if define:
        (root / "define.xml").write_text(define)
    return root


def test_the_subject_table_leads_and_the_rest_follows(tmp_path):
    extraction = extract(_folder(tmp_path, _AE, _DM, _SC, _SUPPAE, _SUPPDM, _TA))
    assert [table.name for table in extraction.tables] == ["DM", "AE", "SC"]
    assert {table.kind for table in extraction.tables} == {SourceKind.SDTM}
    assert extraction.file_counts()["read"] == 6
    assert "TA: not about subjects, left out" in extraction.findings


def test_partial_dates_stay_text_and_numbers_are_minimal(tmp_path):
    rows = extract(_folder(tmp_path, _DM)).table("DM").rows
    assert rows.column("BRTHDTC").to_pylist() == ["1980-05", "1979", None]
    assert rows.column("AGE").to_pylist() == ["40", "41.5", None]
    assert "EMPTY" not in rows.column_names


def test_supplements_become_columns_of_their_parent(tmp_path):
    extraction = extract(_folder(tmp_path, _DM, _SUPPDM, _AE, _SUPPAE))
    table = extraction.table("DM")
    assert table.rows.column("RACE2").to_pylist() == ["X", None, None]
    assert table.labels["RACE2"] == "Second race"
    assert extraction.table("AE").rows.column("AETRT").to_pylist() == [None, "Y", None]
    assert "SUPPDM: 1 row without a row in the parent domain" in extraction.findings


def test_a_findings_domain_becomes_one_row_per_subject(tmp_path):
    rows = extract(_folder(tmp_path, _DM, _SC)).table("SC").rows
    assert rows.to_pydict() == {
        "USUBJID": ["S-1", "S-2"],
        "MARISTAT": ["MARRIED", None],
        "EDU": ["9", "12"],
    }


def test_a_test_done_twice_keeps_its_rows(tmp_path):
    twice = {**_SC, "rows": [*_SC["rows"], ["S-1", "EDU", "10", "10"]]}
    extraction = extract(_folder(tmp_path, _DM, twice))
    assert extraction.table("SC").rows.num_rows == 4
    assert any("several rows per subject, all kept: 'SC'" in text for text in extraction.findings)


def test_define_xml_gives_labels_and_is_refused_with_entities(tmp_path):
    labels = extract(_folder(tmp_path, _DM, define=_DEFINE)).table("DM").labels
    assert labels["AGE"] == "Age at consent"
    assert labels["USUBJID"] == "Label USUBJID"
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><ODM>&a;</ODM>'
    findings = extract(_folder(tmp_path, _DM, define=bomb)).findings
    assert "define.xml: labels not read, it declares its own entities" in findings


def test_one_row_per_line_and_version_one_are_read(tmp_path):
    lines = tmp_path / "lines"
    lines.mkdir()
    head = {key: value for key, value in _DM.items() if key != "rows"}
    text = "\n".join(json.dumps(part) for part in [head, *_DM["rows"]])
    (lines / "dm.ndjson").write_text(text)
    assert extract(lines).table("DM").rows.num_rows == 3
    old = tmp_path / "old"
    old.mkdir()
    group = {"name": "DM", "items": _DM["columns"], "itemData": _DM["rows"]}
    (old / "dm.json").write_text(json.dumps({"clinicalData": {"itemGroupData": {"IG.DM": group}}}))
    assert extract(old).table("DM").rows.num_rows == 3


def test_a_broken_domain_is_recorded_and_a_broken_subject_table_raised(tmp_path):
    _folder(tmp_path, _DM)
    (tmp_path / "ae.json").write_text("{")
    extraction = extract(tmp_path)
    assert extraction.file_counts()["unreadable"] == 1
    (tmp_path / "dm.json").write_text("{")
    with pytest.raises(SourceError, match=r"dm\.json is not valid JSON"):
        extract(tmp_path)


def test_a_row_of_another_length_is_refused(tmp_path):
    broken = {**_DM, "rows": [["S", "S-1"]]}
    with pytest.raises(SourceError, match="another number of values"):
        extract(_folder(tmp_path, broken))


@pytest.mark.parametrize("version", [5, 8])
def test_transport_files_of_both_versions_are_read(tmp_path, version):
    pyreadstat = pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    import pandas as pd

    frame = pd.DataFrame({"USUBJID": ["1", "2"], "AGE": [40.0, 41.0]})
    pyreadstat.write_xport(frame, str(tmp_path / "dm.xpt"), file_format_version=version)
    assert extract(tmp_path).table("DM").rows.column("AGE").to_pylist() == ["40", "41"]


@pytest.mark.shared_data
def test_the_cdisc_pilot_is_read_whole(shared_data):
    pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    extraction = extract(shared_data / "clinical" / "phuse_tdf_sdtm")
    table = extraction.tables[0]
    assert (table.name, table.rows.num_rows, table.key) == ("DM", 306, "USUBJID")
    assert table.rows.column("AGE").to_pylist()[:2] == ["63", "64"]
    assert table.labels["RACE"] == "Race"
    assert extraction.file_counts()["read"] == 9
    assert "SUPPDM: 6 qualifiers added as columns" in extraction.findings

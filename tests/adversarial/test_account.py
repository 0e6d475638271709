"""What leaves and nobody looked at: each place alone is not acceptable, decided it is again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import ExplicitVRLittleEndian

import midi_risk as mr
from midi_risk.attributes.roles import propose
from midi_risk.cli.app import run
from midi_risk.config import ChannelStatement, PrivateDecision, ReleaseDecision
from midi_risk.document.assessment import Assessment, Context, SearchEntry
from midi_risk.risk.account import RULES, ReleaseDecisions
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.sources.model import Extraction
from midi_risk.table import fold

TODAY = datetime.now(UTC).date().isoformat()
LOOKED = {
    "status": "assessed", "by": "two readers", "on": TODAY, "method": "every object",
    "looked": 12, "of": 12, "defects": 0, "sensitivity": 1.0,
}  # fmt: skip
CHANNELS = (
    "burned_in", "device_site", "embedded_metadata", "face", "free_text", "private_elements",
)  # fmt: skip
SEARCH = {"date": TODAY, "by": "me", "place": "archives", "hits": 0}
ROOT = "1.2.826.0.1.3680043.8.498.78"
KEPT = ReleaseDecision(decision="retain", reason="looked at by two readers")


def image(number: int) -> Dataset:
    """Return an image of a subject of its own, alike for all."""
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "SOPInstanceUID": f"{ROOT}.{number}.1.1",
        "Modality": "CT",
        "PatientID": f"P{number:03d}",
        "PatientSex": "F",
        "PatientAge": "045Y",
        "BodyPartExamined": "ARM",
        "StudyInstanceUID": f"{ROOT}.{number}",
        "SeriesInstanceUID": f"{ROOT}.{number}.1",
        "Rows": 2,
        "KVP": "120",
    }
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def written(folder: Path, change: Callable[[Dataset], None] = lambda _: None) -> Path:
    """Write twelve images alike, each changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, 13):
        data_set = image(number)
        with disable_value_validation():
            change(data_set)
        data_set.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def judged(extraction: Extraction, decisions: ReleaseDecisions | None = None) -> Assessment:
    """Assess images whose channels are all looked at."""
    stated = {name: ChannelStatement.model_validate(LOOKED) for name in CHANNELS}
    options = AssessmentOptions(
        channels=stated,
        context=Context(linked_search=[SearchEntry.model_validate(SEARCH)]),
        decisions=decisions or ReleaseDecisions(),
    )
    return assess(fold(extraction, propose(extraction)), ["public-release"], options=options)


def codes(assessment: Assessment) -> list[str]:
    return [reason.code for reason in assessment.verdict.reasons]


def test_a_collection_in_which_all_is_accounted_for_is_acceptable(tmp_path: Path) -> None:
    found = judged(mr.extract(written(tmp_path / "images")))
    assert codes(found) == ["within"]
    rows = {row.name: row.disposition for row in found.account}
    assert rows["PatientAge"] == "classes"
    assert rows["KVP"] == rows["Rows"] == "harmless"
    assert rows["9.dcm"] == "harmless"
    assert "open" not in rows.values()


def private(data_set: Dataset) -> None:
    data_set.private_block(0x0011, "ACME 1.1", create=True).add_new(0x10, "LO", "Jane Roe")


def unknown(data_set: Dataset) -> None:
    data_set.add_new(0x00189999, "UN", b"Jane Roe")


def nested_name(data_set: Dataset) -> None:
    item = Dataset()
    item.add_new(0x00189998, "PN", "Roe^Jane")
    data_set.add_new(0x00081140, "SQ", ItemSequence([item]))


def behind_a_private_sequence(data_set: Dataset) -> None:
    item = Dataset()
    item.add_new(0x00180022, "CS", "X")
    block = data_set.private_block(0x0011, "ACME 1.1", create=True)
    block.add_new(0x20, "SQ", ItemSequence([item]))


def bytes_of_a_lookup_table(data_set: Dataset) -> None:
    data_set.add_new(0x00281201, "OW", b"Jane Roe")


PLANTED: dict[str, tuple[Callable[[Dataset], None], ReleaseDecisions]] = {
    "private": (
        private,
        ReleaseDecisions(
            private=[PrivateDecision(creator="ACME*", decision="retain", source="statement 4")]
        ),
    ),
    "unknown": (unknown, ReleaseDecisions(named={"(0018,9999)": KEPT})),
    "nested name": (nested_name, ReleaseDecisions(named={"ReferencedImageSequence/*": KEPT})),
    "private sequence": (
        behind_a_private_sequence,
        ReleaseDecisions(
            private=[PrivateDecision(creator="ACME 1.1", decision="retain", source="statement 4")]
        ),
    ),
    "binary": (
        bytes_of_a_lookup_table,
        ReleaseDecisions(named={"*PaletteColorLookupTableData": KEPT}),
    ),
}


@pytest.mark.parametrize("place", PLANTED)
def test_what_nobody_looked_at_is_open_until_it_is_decided(place: str, tmp_path: Path) -> None:
    change, decisions = PLANTED[place]
    extraction = mr.extract(written(tmp_path / "images", change))
    found = judged(extraction)
    assert codes(found) == ["account_open"]
    assert found.verdict.status == "incomplete"
    assert codes(judged(extraction, decisions)) == ["within"]


@pytest.mark.parametrize("name", ["Jane Roe", "19991231", "4711471147"])
def test_a_folder_called_after_a_person_is_open(name: str, tmp_path: Path) -> None:
    written(tmp_path / "images" / name)
    extraction = mr.extract(tmp_path / "images")
    found = judged(extraction)
    assert codes(found) == ["account_open"]
    assert name not in found.model_dump_json()
    (pattern,) = (row.name for row in found.account if row.disposition == "open")
    assert codes(judged(extraction, ReleaseDecisions(named={pattern: KEPT}))) == ["within"]


def test_a_column_that_no_attribute_reads_is_open(tmp_path: Path) -> None:
    rows = ["subject,sex,note", *(f"p{n},F,harmless" for n in range(12))]
    (tmp_path / "people.csv").write_text("\n".join(rows), encoding="utf-8")
    extraction = mr.extract(tmp_path / "people.csv")
    proposed = propose(extraction)
    fewer = type(proposed)(tuple(a for a in proposed if a.name != "note"))
    options = AssessmentOptions(context=Context(linked_search=[SearchEntry.model_validate(SEARCH)]))
    found = assess(fold(extraction, fewer), ["public-release"], options=options)
    assert [(row.name, row.disposition) for row in found.account] == [
        ("subject", "harmless"),
        ("sex", "classes"),
        ("note", "open"),
    ]
    assert "account_open" in codes(found)


TAGS = st.integers(0x00180001, 0x0018FFFE).filter(lambda tag: not mr_knows(tag))


def mr_knows(tag: int) -> bool:
    from midi_risk.sources.dicom.dictionary import vr_of

    return bool(vr_of(tag))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(),
    vr=st.sampled_from(["OB", "OW", "UN", "PN", "DA", "DT", "AS"]),
    depth=st.integers(0, 3),
    own=st.booleans(),
)
def test_no_planted_element_slips_through(
    data: st.DataObject, vr: str, depth: int, own: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tag = data.draw(TAGS)
    value: Any = b"Jane Roe" if vr in {"OB", "OW", "UN"} else "Roe^Jane"

    def plant(data_set: Dataset) -> None:
        place = data_set
        for _ in range(depth):
            item = Dataset()
            place.add_new(0x00081140, "SQ", ItemSequence([item]))
            place = item
        if own:
            place.private_block(0x0013, "X", create=True).add_new(1, vr, value)
        else:
            place.add_new(tag, vr, value)

    folder = written(tmp_path_factory.mktemp("planted") / "images", plant)
    assert "account_open" in codes(judged(mr.extract(folder)))


def project(folder: Path, **more: Any) -> Path:
    """Write a project about a folder's images; all channels are looked at."""
    text: dict[str, Any] = {
        "schema": "midi-risk/project/1",
        "collection": {"name": "c", "sources": [{"dicom": "images"}]},
        "channels": dict.fromkeys(CHANNELS, LOOKED),
        "context": {"linked_search": [SEARCH]},
        **more,
    }
    (folder / "midi-risk.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    return folder


def applied(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Apply the plan of a project; return the exit code and what was said."""
    capsys.readouterr()
    plan, target = str(folder / "s" / "plan.json"), str(folder / "r")
    code = run(["apply", str(folder), "--plan", plan, "-o", target])
    return code, "".join(capsys.readouterr())


def test_apply_takes_out_what_is_decided_and_proves_the_rest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def change(data_set: Dataset) -> None:
        private(data_set)
        behind_a_private_sequence(data_set)
        unknown(data_set)
        nested_name(data_set)

    written(tmp_path / "images", change)
    decisions = {"(0018,9999)": {"decision": "remove", "reason": "unknown"}}
    decisions["ReferencedImageSequence/*"] = {"decision": "remove", "reason": "a name"}
    owned = [{"creator": "ACME*", "decision": "remove", "source": "nobody knows it"}]
    project(tmp_path, release={"decisions": decisions}, private=owned)
    assert run(["suggest", str(tmp_path), "-o", str(tmp_path / "s")]) == 0
    code, said = applied(tmp_path, capsys)
    assert code == 0, said
    files = list((tmp_path / "r" / "release").rglob("*.dcm"))
    assert len(files) == 12
    for file in files:
        content = file.read_bytes()
        assert b"Jane" not in content
        assert b"ACME" not in content
    account = json.loads((tmp_path / "r" / "assessment" / "apply.json").read_text())["account"]
    assert account["removed"] == 6
    assert account["emptied"] == account["kept"] == []


def test_apply_refuses_files_that_hold_what_the_account_removes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "images", unknown)
    decisions = {"(0018,9999)": {"decision": "remove", "reason": "unknown"}}
    project(tmp_path, release={"decisions": decisions})
    assert run(["suggest", str(tmp_path), "-o", str(tmp_path / "s")]) == 0
    monkeypatch.setattr("midi_risk.export.dicom.acts.strip", lambda *_, **__: None)
    code, said = applied(tmp_path, capsys)
    assert code not in {0, 3, 4}
    assert "(0018,9999) is removed by the account and still in the files" in said
    assert not (tmp_path / "r").exists()


def test_every_rule_of_the_account_says_what_it_settles() -> None:
    assert all(rule.__doc__ for rule in RULES)
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_the_account_is_of_what_a_condition_selects(tmp_path: Path) -> None:
    """What stands in files that are not released is nobody's concern; in those that are it is."""

    def other(data_set: Dataset) -> None:
        unknown(data_set)
        data_set.Modality = "MR"
        data_set.PatientID = f"Q{data_set.PatientID}"
        data_set.SOPInstanceUID = f"{data_set.SOPInstanceUID}.2"
        data_set.SeriesInstanceUID = f"{data_set.SeriesInstanceUID}.2"
        data_set.StudyInstanceUID = f"{data_set.StudyInstanceUID}.2"

    written(tmp_path / "images" / "a")
    written(tmp_path / "images" / "jane quimby", other)
    extraction = mr.extract(tmp_path / "images")
    assert "account_open" in codes(judged(extraction))
    released = mr.select_rows(extraction, "Modality = 'CT'")
    found = judged(released)
    assert codes(found) == ["within"]
    assert {row.files for row in found.account if row.kind == "element"} == {12}
    assert [row.name for row in found.account if row.kind == "name"] == ["a/9.dcm"]
    assert released.facts["instances"] == 12
    assert codes(judged(mr.select_rows(extraction, "Modality = 'MR'"))) == ["account_open"]

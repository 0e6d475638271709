"""`init`, `assess`, `suggest` and `apply` run on every kind of source without an edit."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from command_line import midi_risk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SUBJECTS = 44
AGES = [61 + n % 2 for n in range(SUBJECTS)]
SEXES = ["MF"[n % 2] for n in range(SUBJECTS)]


def _frame(key: str) -> pd.DataFrame:
    names = [f"{key[:1].upper()}{n:03d}" for n in range(SUBJECTS)]
    return pd.DataFrame({key: names, "age": AGES, "sex": SEXES, "stage": ["I", "II"] * 22})


def _dm() -> pd.DataFrame:
    frame = _frame("USUBJID").rename(columns={"age": "AGE", "sex": "SEX"}).drop(columns="stage")
    return frame.assign(STUDYID="T", DOMAIN="DM", AGEU="YEARS", RACE="WHITE")


def _object(number: int) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    entropy = [str(number)]
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid(entropy_srcs=entropy)
    ds.StudyInstanceUID = generate_uid(entropy_srcs=[*entropy, "study"])
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=[*entropy, "series"])
    ds.PatientID, ds.PatientName = f"P{number:03d}", ""
    ds.PatientSex, ds.PatientAge = SEXES[number], f"{AGES[number]:03d}Y"
    ds.Modality, ds.StudyDate, ds.PatientBirthDate = "MR", "20200101", ""
    ds.SeriesNumber, ds.InstanceNumber, ds.AccessionNumber, ds.StudyID = 1, 1, "", ""
    return ds


def dicom_folder(folder: Path) -> Path:
    place = folder / "images"
    place.mkdir()
    for number in range(SUBJECTS):
        _object(number).save_as(place / f"{number}.dcm", enforce_file_format=True)
    return place


def dicom_zip(folder: Path) -> Path:
    images = dicom_folder(folder)
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for path in sorted(images.iterdir()):
            archive.write(path, path.name)
    return folder / "images.zip"


def _index() -> pd.DataFrame:
    rows = [_object(number) for number in range(SUBJECTS)]
    names = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "PatientAge", "PatientSex")
    return pd.DataFrame({name: [str(getattr(ds, name)) for ds in rows] for name in names})


def index_parquet(folder: Path) -> Path:
    _index().to_parquet(folder / "index.parquet")
    return folder / "index.parquet"


def index_csv(folder: Path) -> Path:
    _index().to_csv(folder / "index.csv", index=False)
    return folder / "index.csv"


def bids(folder: Path) -> Path:
    place = folder / "study"
    place.mkdir()
    (place / "dataset_description.json").write_text('{"Name": "S", "BIDSVersion": "1.9.0"}')
    frame = _frame("participant_id").drop(columns="stage")
    frame["participant_id"] = [f"sub-{n:03d}" for n in range(SUBJECTS)]
    frame.to_csv(place / "participants.tsv", sep="\t", index=False)
    return place


def participants(folder: Path) -> Path:
    return bids(folder) / "participants.tsv"


def sdtm_xpt(folder: Path) -> Path:
    return _xpt(folder, "dm")


def adam_xpt(folder: Path) -> Path:
    return _xpt(folder, "adsl")


def _xpt(folder: Path, name: str) -> Path:
    pyreadstat = pytest.importorskip("pyreadstat")
    place = folder / "trial"
    place.mkdir()
    pyreadstat.write_xport(_dm(), str(place / f"{name}.xpt"), table_name=name.upper())
    return place


def _dataset_json() -> dict[str, object]:
    frame = _dm()
    kinds = {"AGE": "integer"}
    columns = [{"name": n, "label": n, "dataType": kinds.get(n, "string")} for n in frame]
    head = {"datasetJSONVersion": "1.1.0", "name": "DM", "label": "Demographics"}
    return {**head, "records": SUBJECTS, "columns": columns, "rows": frame.to_numpy().tolist()}


def dataset_json(folder: Path) -> Path:
    place = folder / "trial"
    place.mkdir()
    (place / "dm.json").write_text(json.dumps(_dataset_json()))
    return place


def dataset_ndjson(folder: Path) -> Path:
    place = folder / "trial"
    place.mkdir()
    document = _dataset_json()
    rows = document.pop("rows")
    assert isinstance(rows, list)
    (place / "dm.ndjson").write_text("\n".join(json.dumps(part) for part in (document, *rows)))
    return place


def sdtm_parquet(folder: Path) -> Path:
    place = folder / "trial"
    place.mkdir()
    _dm().assign(RFSTDTC="2014-03", BIRTH=pd.Timestamp("1950-01-01")).to_parquet(
        place / "dm.parquet"
    )
    return place


def _saved(ending: str, save: Callable[[pd.DataFrame, Path], None]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        save(_frame("patient_id"), folder / f"clinical{ending}")
        return folder / f"clinical{ending}"

    made.__name__ = f"clinical{ending}"
    return made


def ods(folder: Path) -> Path:
    pytest.importorskip("python_calamine")
    rows = [list(_frame("patient_id").columns), *_frame("patient_id").to_numpy().tolist()]
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p>'
            "</table:table-cell>"
            for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0"'
        f' xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Data">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(folder / "clinical.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            "/>",
        )
    return folder / "clinical.ods"


def sav(folder: Path) -> Path:
    pyreadstat = pytest.importorskip("pyreadstat")
    pyreadstat.write_sav(_frame("patient_id"), str(folder / "clinical.sav"))
    return folder / "clinical.sav"


KINDS = {
    dicom_folder: "dicom",
    dicom_zip: "dicom",
    index_parquet: "metadata",
    index_csv: "table",
    bids: "bids",
    participants: "table",
    sdtm_xpt: "sdtm",
    adam_xpt: "sdtm",
    dataset_json: "sdtm",
    dataset_ndjson: "sdtm",
    sdtm_parquet: "sdtm",
    _saved(".csv", lambda frame, path: frame.to_csv(path, index=False)): "table",
    _saved(".tsv", lambda frame, path: frame.to_csv(path, index=False, sep="\t")): "table",
    _saved(".csv.gz", lambda frame, path: frame.to_csv(path, index=False)): "table",
    _saved(".xlsx", lambda frame, path: frame.to_excel(path, index=False)): "table",
    _saved(".parquet", lambda frame, path: frame.to_parquet(path)): "metadata",
    ods: "table",
    sav: "table",
}


@pytest.mark.parametrize("made", KINDS, ids=lambda made: made.__name__)
def test_a_kind_goes_from_init_to_a_release_without_an_edit(
    made: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, project = made(tmp_path), tmp_path / "project"
    said = midi_risk(capsys, "init", source, "-o", project, "--quiet")
    assert (said.code, said.err) == (0, "")
    written = yaml.safe_load((project / "midi-risk.yaml").read_text(encoding="utf-8"))
    assert next(iter(written["collection"]["sources"][0])) == KINDS[made]

    said = midi_risk(capsys, "assess", project, "-o", tmp_path / "assessed", "--quiet")
    assert said.code in {0, 4}, said.err
    out = tmp_path / "suggested"
    said = midi_risk(capsys, "suggest", project, "-o", out, "--quiet", "--budget", 5)
    assert said.code == 0, said.err
    plan, release = out / "plan.json", tmp_path / "release"
    said = midi_risk(capsys, "apply", project, "--plan", plan, "-o", release, "--quiet")
    assert said.code in {0, 4}, said.err
    account = json.loads((release / "assessment" / "apply.json").read_text(encoding="utf-8"))
    assert account["equal"], account["reasons"]
    assert account["written"]["subjects"] == SUBJECTS
    again = yaml.safe_load((release / "midi-risk.yaml").read_text(encoding="utf-8"))
    assert len(again["collection"]["sources"]) == 1


def test_a_project_that_calls_a_bids_folder_dicom_is_written_as_bids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, project = bids(tmp_path), tmp_path / "project"
    midi_risk(capsys, "init", source, "-o", project, "--quiet")
    file = project / "midi-risk.yaml"
    file.write_text(file.read_text().replace("{bids:", "{dicom:"))
    out, release = tmp_path / "suggested", tmp_path / "release"
    assert midi_risk(capsys, "suggest", project, "-o", out, "--quiet").code == 0
    said = midi_risk(
        capsys, "apply", project, "--plan", out / "plan.json", "-o", release, "--quiet"
    )
    assert said.code in {0, 4}, said.err
    assert (release / "release" / "bids" / "participants.tsv").is_file()


def test_a_table_in_parts_is_refused_in_one_line_that_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, part in enumerate((_index()[:20], _index()[20:])):
        part.to_parquet(parts / f"part-{number}.parquet")
    project, out = tmp_path / "project", tmp_path / "suggested"
    assert midi_risk(capsys, "init", parts, "-o", project, "--quiet").code == 0
    assert "- {metadata:" in (project / "midi-risk.yaml").read_text()
    assert midi_risk(capsys, "suggest", project, "-o", out, "--quiet").code == 0
    said = midi_risk(capsys, "apply", project, "--plan", out / "plan.json", "-o", tmp_path / "r")
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "a table in several files" in line
    assert "one Parquet or CSV file" in line
    assert not (tmp_path / "r").exists()

"""Canaries planted in copies, what a tool left of them, and answer keys of MIDI-B."""

from __future__ import annotations

import io
import json
import sqlite3
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from midi_risk.cli.app import run
from midi_risk.export.score.letters import mask_of
from midi_risk.export.score.midi_b import score_midi_b
from midi_risk.export.score.plant import RULES, agreement, required
from midi_risk.export.score.run import score_canaries
from midi_risk.export.score.tokens import Tokens, found_in

CT = "1.2.840.10008.5.1.4.1.1.2"
KINDS = ("name", "number", "date", "uid", "institution", "phone")


def image(number: int, **more: object) -> bytes:
    """Return a CT image of 128 x 128 with noise."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = CT, f"1.2.3.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"1.2.4.{number // 2}", f"1.2.5.{number}"
    ds.Modality, ds.PatientName, ds.PatientID = "CT", "A^B", f"p{number}"
    ds.Manufacturer, ds.KVP, ds.SliceThickness = "Maker", "120", "2.5"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 128, 128, 1
    ds.PhotometricInterpretation, ds.PixelRepresentation = "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    noise = np.random.default_rng(number).integers(0, 2000, 128 * 128)
    ds.PixelData = noise.astype("<u2").tobytes()
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, enforce_file_format=True)
    return out.getvalue()


@pytest.fixture
def copies(tmp_path):
    """Return a folder with copies of four images and their key."""
    source = tmp_path / "source"
    source.mkdir()
    for number in range(4):
        (source / f"{number}.dcm").write_bytes(image(number))
    assert (
        run(["score", "make", str(source), "-o", str(tmp_path / "made"), "--seed", "5", "-q"]) == 0
    )
    return tmp_path / "made"


def key_of(copies: Path) -> dict:
    return json.loads((copies / "key.json").read_text())


def released(copies: Path, change, name=lambda n: n) -> Path:
    """Write what a tool would: each copy changed, under a new name."""
    out = copies.parent / "out"
    out.mkdir()
    for path in sorted((copies / "images").iterdir()):
        ds = pydicom.dcmread(path)
        change(ds)
        ds.save_as(out / name(path.name))
    return out


def cells(score):
    return {(cell.kind, cell.place): cell for cell in score.cells}


@given(st.integers(0, 2**32 - 1))
def test_no_token_is_another_or_its_beginning(seed):
    tokens = Tokens(seed)
    drawn = [tokens.new(kind) for kind in KINDS for _ in range(15)]
    assert len(set(drawn)) == len(drawn)
    ordered = sorted(drawn)
    assert not any(b.startswith(a) for a, b in pairwise(ordered))


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
def test_a_token_is_found_however_it_is_written_and_never_in_a_longer_number(seed, kind):
    token = Tokens(seed).new(kind)
    for data in (token, token.lower(), f"x {token}^y", f"<{token}>"):
        assert token in set(found_in(data.encode()))
        assert token in set(found_in(data.encode("utf-16-le")))
    if kind in {"date", "number"}:
        assert token not in set(found_in(f"7{token}1".encode()))
    if kind == "date":
        assert token in set(found_in(f"{token[:4]}-{token[4:6]}-{token[6:]}".encode()))
        assert token in set(found_in(f"{token}101500".encode()))


def test_what_nobody_touched_stayed_in_every_cell(copies):
    score = score_canaries(copies / "key.json", copies / "images")
    assert all(cell.left == cell.n > 0 for cell in score.cells)
    assert {cell.place for cell in score.cells} == {
        "tag", "text", "nested", "rare", "private", "private_nested", "preamble", "pixels"
    }  # fmt: skip
    assert all(one.kept == one.n > 0 for one in (*score.retention, *score.conformance))


def test_a_tool_that_removes_tags_leaves_the_rest_and_the_worst_cell_leads(copies):
    def clean(ds):
        for rule in RULES:
            if len(rule.path) == 1 and rule.place in {"tag", "text"}:
                setattr(ds, rule.path[0], "1.2.9.1" + ds.SOPInstanceUID[-6:]
                        if rule.kind == "uid" else "")  # fmt: skip
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        del ds.KVP

    score = score_canaries(copies / "key.json", released(copies, clean))
    found = cells(score)
    assert found["name", "tag"].left == 0
    assert found["name", "tag"].rules == 4
    assert found["name", "tag"].upper == pytest.approx(1 - 0.05 ** (1 / 4))
    assert found["name", "nested"].left == found["name", "nested"].n == 8
    assert score.worst.rate == 1
    kept = {one.what: one for one in score.retention}
    assert kept["elements_not_listed"].n - kept["elements_not_listed"].kept == 4
    assert kept["studies_whole"].kept == 2


def test_a_file_that_is_not_written_is_missing_and_not_clean(copies):
    out = released(copies, lambda ds: None)
    (out / "0002.dcm").unlink()
    score = score_canaries(copies / "key.json", out)
    assert (score.files, score.missing) == (4, 1)
    assert cells(score)["phone", "tag"].n == cells(score)["phone", "tag"].left == 3


def test_a_token_that_moved_to_another_file_is_left(copies):
    key = key_of(copies)
    token = next(c["token"] for c in key["files"][0]["canaries"] if c["rule"] == "PatientName")

    def swap(ds):
        ds.PatientName = ""
        ds.Manufacturer = f"by {token.lower()}" if ds.PatientID.startswith("9") else ""

    found = cells(score_canaries(copies / "key.json", released(copies, swap)))
    assert found["name", "tag"].left == 12 + 1


@pytest.mark.parametrize("how", ["name", "mapping", "pixels"])
def test_files_are_matched_whatever_the_tool_renames(copies, how):
    mapping = ["id_old,id_new"]

    def rename(ds):
        old = ds.SOPInstanceUID
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.8." + old[-9:].lstrip(
            "0"
        )
        mapping.append(f"{old},{ds.SOPInstanceUID}")
        if how == "mapping":
            ds.PixelData = bytes(len(ds.PixelData))

    name = (lambda n: n) if how == "name" else (lambda n: f"z{9 - int(n[:4])}.dcm")
    out = released(copies, rename, name)
    mappings = []
    if how == "mapping":
        mappings = [copies.parent / "map.csv"]
        mappings[0].write_text("\n".join(mapping))
    score = score_canaries(copies / "key.json", out, mappings)
    assert score.missing == 0
    assert cells(score)["uid", "tag"].left == 0
    kept = {one.what: one.kept for one in score.retention}
    assert kept["pixels_outside_text"] == (0 if how == "mapping" else 4)


@pytest.mark.parametrize(("how", "left"), [("blank", 0), ("noise", 0), ("scaled", 4), ("same", 4)])
def test_text_in_pixels_is_judged_by_its_dots(copies, how, left):
    boxes = {
        line["sop_instance"]: next(c for c in line["canaries"] if c["place"] == "pixels")
        for line in key_of(copies)["files"]
    }

    def change(ds):
        box = boxes[ds.SOPInstanceUID]
        top, start, scale = box["box"]
        mask = mask_of(box["token"], scale)
        frame = np.frombuffer(ds.PixelData, dtype="<u2").reshape(128, 128).copy()
        part = frame[top : top + mask.shape[0], start : start + mask.shape[1]]
        if how == "blank":
            part[:] = 0
        elif how == "noise":
            part[:] = np.random.default_rng(1).integers(0, 2000, part.shape)
        elif how == "scaled":
            part[:] = part // 2 + 5
        ds.PixelData = frame.tobytes()

    found = cells(score_canaries(copies / "key.json", released(copies, change)))
    assert found["name", "pixels"].left == left


def test_agreement_is_one_for_the_dots_alone_and_nothing_on_a_plain_box():
    plane = np.zeros((40, 90))
    plane[5:12, 3:63] = mask_of("BCDFGHJKLM", 1) * 700
    assert agreement(plane, [5, 3, 1], "BCDFGHJKLM") == pytest.approx(1)
    assert agreement(plane, [20, 3, 1], "BCDFGHJKLM") == 0


def test_what_the_claimed_options_keep_is_by_design(tmp_path):
    dates = [r for r in RULES if r.kind == "date" and r.path == ("StudyDate",)]
    assert [required(rule, ()) for rule in dates] == ["remove"]
    assert [required(rule, ("113106",)) for rule in dates] == ["keep"]
    (tmp_path / "a.dcm").write_bytes(image(1))
    made = tmp_path / "made"
    assert run(["score", "make", str(tmp_path / "a.dcm"), "-o", str(made), "--option", "113106",
                "--seed", "1", "-q"]) == 0  # fmt: skip
    found = cells(score_canaries(made / "key.json", made / "images"))
    assert found["date", "tag"].by_design > 0
    assert found["date", "tag"].n == found["date", "tag"].left == 3 - found["date", "tag"].by_design


def test_the_key_is_private_and_nothing_printed_or_kept_holds_a_token(copies, capsys, tmp_path):
    assert (copies / "key.json").stat().st_mode & 0o077 == 0
    result = tmp_path / "score.json"
    args = ["score", "run", str(copies / "key.json"), str(copies / "images"), "-o", str(result)]
    assert run(args) == 0
    assert run([*args, "--format", "json"]) == 0
    said = "".join(capsys.readouterr()) + result.read_text()
    tokens = [c["token"] for line in key_of(copies)["files"] for c in line["canaries"]]
    assert len(tokens) > 100
    assert not [token for token in tokens if token in said]
    assert said.startswith("worst: ")


def test_a_token_that_the_source_holds_already_is_never_planted(tmp_path):
    taken = Tokens(9).new("name")
    (tmp_path / "a.dcm").write_bytes(image(1, Manufacturer=taken))
    made = tmp_path / "made"
    assert (
        run(["score", "make", str(tmp_path / "a.dcm"), "-o", str(made), "--seed", "9", "-q"]) == 0
    )
    assert taken not in {c["token"] for c in key_of(made)["files"][0]["canaries"]}


def test_damaged_values_are_not_told_by_the_library_that_reads_them(tmp_path, capsys, caplog):
    content = image(1).replace(b"1.2.4.0\0", b"SECRETID").replace(b"2.5 ", b"SECR")
    assert b"SECRETID" in content
    (tmp_path / "a.dcm").write_bytes(content)
    made = tmp_path / "made"
    assert run(["score", "make", str(tmp_path / "a.dcm"), "-o", str(made), "-q"]) == 0
    assert run(["score", "run", str(made / "key.json"), str(made / "images")]) == 0
    assert "SECR" not in "".join(capsys.readouterr()) + caplog.text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["score", "make", "{}", "-o", "{}/made", "--option", "12"], "no code of CID 7050"),
        (["score", "make", "{}/text", "-o", "{}/made"], "no DICOM object"),
        (["score", "run", "{}/text/a.txt", "{}"], "no key of 'score make'"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, args, said):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("nothing here")
    (tmp_path / "a.dcm").write_bytes(image(1))
    assert run([arg.format(tmp_path) for arg in args]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told
    assert len(told.splitlines()) == 1


def test_an_output_of_something_else_is_refused(copies, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.dcm").write_bytes(image(99))
    assert run(["score", "run", str(copies / "key.json"), str(other)]) == 2
    assert "--mapping" in capsys.readouterr().err


# Answer keys of MIDI-B.


def check(action, tag="", value="", text="", family="hipaa"):
    return {
        "action": f"<{action}>", "tag_ds": tag, "value": f"<{value}>", "action_text": f"<{text}>",
        "answer_category_v2": {family: {"m": "A"}},
    }  # fmt: skip


def answer_key(path: Path, rows: dict[str, list[dict]]) -> Path:
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE answer_data (PatientID, StudyInstanceUID, SeriesInstanceUID,"
            " SOPInstanceUID, Modality, AnswerData, scope)"
        )
        for uid, checks in rows.items():
            answer = json.dumps({str(i): one for i, one in enumerate(checks)})
            row = ("<p>", f"{uid}.1", f"{uid}.2", f"<{uid}>", "CT", answer, "<Instance>")
            database.execute("INSERT INTO answer_data VALUES (?,?,?,?,?,?,?)", row)
    return path


@pytest.fixture
def mini(tmp_path):
    """Return a function that scores checks on one output whose UID was 1.2.3.7."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.dcm").write_bytes(
        image(8, StudyDescription="MONROE CHEST", PatientID="NEW1", StudyDate="",
              AccessionNumber="17")
    )  # fmt: skip
    mapping = tmp_path / "map.csv"
    mapping.write_text("id_old,id_new\n1.2.3.7,1.2.3.8\nOLD1,NEW1\n")

    def scored(*checks, others=()):
        key = tmp_path / f"key{len(checks)}{len(others)}.db"
        rows = {"1.2.3.7": list(checks)} | {f"1.2.3.{100 + i}": [c] for i, c in enumerate(others)}
        return score_midi_b(answer_key(key, rows), out, [mapping])

    return scored


def of(score):
    return {one.trap: one.checks for one in score.traps}


def test_a_missing_instance_does_not_pass_what_asks_for_removal(mini):
    score = mini(check("text_removed", "<(0008,1030)>", text="SMITH"),
                 others=[check("text_removed", "<(0008,1030)>", text="SMITH")])  # fmt: skip
    assert (score.files, score.missing) == (2, 1)
    assert of(score)["missing_file"] == 1
    assert [cell.n for cell in score.cells] == [1]


def test_a_date_that_is_gone_was_not_shifted(mini):
    score = mini(check("date_shifted", "<(0008,0020)>", value="20200101"))
    assert [(cell.kind, cell.left) for cell in score.cells] == [("date_shifted", 1)]
    assert of(score)["date_absent"] == 1


def test_a_text_is_found_as_a_word_and_not_as_a_part(mini):
    score = mini(check("text_removed", "<(0008,1030)>", text="ROE"),
                 check("text_retained", "<(0008,1030)>", text="HEST"))  # fmt: skip
    assert [(cell.kind, cell.left) for cell in score.cells] == [("text_removed", 0)]
    assert [(one.what, one.kept) for one in score.retention] == [("text_retained", 0)]
    assert of(score)["part_of_word"] == 2


def test_pixels_are_hidden_where_the_box_is_blank(mini):
    box = json.dumps({"text": "X", "top_left": [10, 10], "bottom_right": [30, 20]})
    score = mini(check("pixels_hidden", text=box))
    assert [(cell.kind, cell.left) for cell in score.cells] == [("pixels_hidden", 1)]
    assert of(score)["pixels_unread"] == 1


def test_other_checks_and_mappings_are_judged(mini):
    score = mini(
        check("patid_consistent", "<(0010,0020)>", value="OLD1"),
        check("uid_changed", "<(0008,0018)>", value="1.2.3.7"),
        check("tag_retained", "<(0018,0060)>"),
        check("text_notnull", "<(0008,0020)>"),
        check("text_removed", '<(0019,"MAKER",92)>', text="SMITH"),
        check("text_removed", "no place", text="SMITH"),
    )
    kept = {one.what: (one.kept, one.n) for one in score.retention}
    assert kept == {"patid_consistent": (1, 1), "tag_retained": (1, 1), "text_notnull": (0, 1)}
    assert {(c.kind, c.n, c.left) for c in score.cells} == {
        ("uid_changed", 1, 0), ("text_removed", 1, 0)
    }  # fmt: skip


def test_a_database_without_answers_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE answer_data (PatientID)")
    assert run(["score", "run", str(path), str(tmp_path)]) == 2
    assert "has no column" in capsys.readouterr().err


def test_a_project_names_results_that_stand_in_its_assessment_and_that_of_its_release(
    copies, tmp_path, capsys
):
    folder = tmp_path / "project"
    folder.mkdir()
    rows = [f"p{i:03d},{'MF'[i % 2]},{40 + i % 2}" for i in range(60)]
    (folder / "clinical.csv").write_text("\n".join(["id,sex,age", *rows]))
    project = folder / "midi-risk.yaml"
    project.write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: T, sources: [{table: clinical.csv, key: id}]}\n"
        "scores: [score.json]\n"
    )
    out = str(folder / "out")
    assert run(["assess", str(folder), "-o", out]) == 2
    assert "score.json: scores: cannot be read" in capsys.readouterr().err
    images = str(copies / "images")
    args = ["score", "run", str(copies / "key.json"), images, "-o", str(folder / "score.json")]
    assert run([*args, "--tool", "nothing"]) == 0
    assert run(["assess", str(folder), "-o", out]) in {3, 4}
    run(["apply", str(folder), "--plan", f"{out}/plan.json", "-o", str(folder / "rel"), "-q"])
    for path in ("out/assessment.json", "rel/assessment/assessment.json"):
        (score,) = json.loads((folder / path).read_text())["scores"]
        assert (score["key"], score["tool"], score["files"]) == ("canaries", "nothing", 4)
    page = (folder / "out" / "report-shareable.html").read_text()
    assert "What stayed, by kind and place" in page
    assert "Of planted" not in page
    assert not [c["token"] for f in key_of(copies)["files"] for c in f["canaries"]
                if c["token"] in page]  # fmt: skip

"""The review page: it asks for every table, edits the project where it stands, and undoes it."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
import yaml
from dicom_samples import collection

from midi_risk.cli.start_command import review_of
from midi_risk.errors import ConfigError, MidiRiskError, OutputError

pytest.importorskip("starlette", reason="the extra tune is not installed")
testclient = pytest.importorskip("starlette.testclient", reason="httpx is not installed")
openpyxl = pytest.importorskip("openpyxl")

from midi_risk.tune.attribute_sheet import sheet_bytes, sheet_changes  # noqa: E402
from midi_risk.tune.project_edits import with_items, with_values  # noqa: E402
from midi_risk.tune.review import Review  # noqa: E402
from midi_risk.tune.review_server import application  # noqa: E402

HOST = "127.0.0.1:8750"
ASK = {"X-Midi-Risk": "1"}
FAMILY = "Ottilie"
NOTE = "# agreed on 3 May"


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """A folder of images with an Excel sheet beside them."""
    folder = tmp_path_factory.mktemp("given") / "scans"
    collection(folder, patients=12, instances=2)
    book = openpyxl.Workbook()
    book.active.append(["id", "colour", "family"])
    book.active.append(["P1", "green", FAMILY])
    book.save(folder / "people.xlsx")
    return folder


@pytest.fixture
def review(images, tmp_path) -> Review:
    return review_of(str(images), str(tmp_path / "review"), jobs=1)


@pytest.fixture
def begun(review) -> Review:
    review.choose({"people.xlsx": "exclude"}, {})
    text = review.file.read_text("utf-8").replace("attributes:", f"{NOTE}\nattributes:", 1)
    review.file.write_text(text, encoding="utf-8")
    return review


def client_of(review: Review):
    app = application(review, token="secret", hosts=frozenset({HOST}))  # noqa: S106
    return testclient.TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


def test_a_sheet_beside_the_images_is_asked_for_before_anything_is_read(review):
    page = client_of(review).get("/secret/sources").text
    assert "people.xlsx" in page
    assert FAMILY not in page
    assert "required" in page
    for choices in ({}, {"people.xlsx": "later"}):
        with pytest.raises(ConfigError, match=r"link it or exclude it|linked or excluded"):
            review.choose(choices, {})
    assert not review.file.exists()
    assert not review.file.parent.exists()


def test_an_excluded_sheet_is_named_in_the_project_and_can_be_linked_after_all(begun):
    project = yaml.safe_load(begun.file.read_text("utf-8"))
    assert project["collection"]["exclude"] == ["people.xlsx"]
    assert len(project["collection"]["sources"]) == 1
    codes = [reason.code for reason in begun.reading.assessment.verdict.reasons]
    assert "beside_unread" not in codes
    begun.choose({"people.xlsx": "link"}, {"people.xlsx": "id"})
    project = yaml.safe_load(begun.file.read_text("utf-8"))
    assert "exclude" not in project["collection"]
    assert project["collection"]["sources"][1]["key"] == "id"
    assert NOTE in begun.file.read_text("utf-8")


def test_what_is_done_is_undone_to_the_last_byte_and_done_again(begun):
    first = begun.file.read_bytes()
    mode = begun.file.stat().st_mode
    name = begun.reading.rows[0]["attribute"]
    begun.set_roles([name], decision="remove", need="Nobody: asks")
    second = begun.file.read_bytes()
    assert second != first
    assert begun.undo().startswith("Undone")
    assert begun.file.read_bytes() == first
    begun.redo()
    assert begun.file.read_bytes() == second
    assert begun.file.stat().st_mode == mode
    begun.undo()
    with pytest.raises(OutputError, match="nothing to undo"):
        begun.undo()


def test_the_decisions_of_somebody_else_are_not_overwritten(begun):
    name = begun.reading.rows[0]["attribute"]
    begun.set_roles([name], need="mine")
    theirs = begun.file.read_text("utf-8") + "# theirs\n"
    begun.file.write_text(theirs, encoding="utf-8")
    with pytest.raises(OutputError, match="was changed since"):
        begun.undo()
    client = client_of(begun)
    client.post("/secret/do/read", json={}, headers=ASK)
    shown = re.search(r'data-digest="(\w+)"', client.get("/secret/roles").text)[1]
    begun.file.write_text(theirs + "# and again\n", encoding="utf-8")
    sent = {"names": [name], "need": "ours", "digest": shown}
    answer = client.post("/secret/do/roles", json=sent, headers=ASK)
    assert answer.status_code == 400
    assert "was changed since" in answer.json()["fault"]
    assert begun.file.read_text("utf-8") == theirs + "# and again\n"


def test_every_form_says_the_lines_that_it_writes_and_closes_what_it_is_for(begun):
    forms = [form for form in begun.reading.forms if form.step == "evidence" and not form.closed]
    assert {form.name for form in forms} >= {"channel-burned_in", "search"}
    for form in forms:
        assert yaml.safe_load(form.lines)
    answers = {"by": "A. Assessor", "on": "2026-11-02", "method": "by eye", "looked": "1",
               "of": "1", "defects": "0", "sensitivity": "90%"}  # fmt: skip
    with pytest.raises(ConfigError, match="Who looked: say something"):
        begun.answer("channel-burned_in", answers | {"by": " "})
    with pytest.raises(ConfigError, match="a number is expected"):
        begun.answer("channel-burned_in", answers | {"defects": "none"})
    begun.answer("channel-burned_in", answers)
    stated = begun.reading.project.channels["burned_in"]
    assert (stated.by, stated.on, stated.sensitivity) == ("A. Assessor", "2026-11-02", 0.9)
    begun.answer("search", {"by": "A", "date": "2026-11-02", "place": "IDC: by title", "hits": "0"})
    assert begun.reading.project.context["linked_search"][0]["place"] == "IDC: by title"
    assert NOTE in begun.file.read_text("utf-8")


def test_the_list_goes_through_a_spreadsheet_and_back(begun):
    rows = begun.reading.rows
    content = sheet_bytes(rows)
    assert FAMILY.encode() not in content
    assert sheet_changes(content, rows) == {}
    book = openpyxl.load_workbook(io.BytesIO(content))
    sheet = book["attributes"]
    name = sheet["A2"].value
    sheet["C2"], sheet["E2"] = "remove", "=not a formula"
    out = io.BytesIO()
    book.save(out)
    client = client_of(begun)
    sent = {"content": base64.b64encode(out.getvalue()).decode()}
    assert client.post("/secret/do/sheet", json=sent, headers=ASK).status_code == 200
    assert begun.reading.project.attributes[name].decision == "remove"
    sheet["B2"] = FAMILY
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(ConfigError, match="row 2: no such role") as fault:
        begun.take_sheet(out.getvalue())
    assert FAMILY not in str(fault.value)
    for bad in (b"", b"PK\x03\x04", b"a,b\n"):
        with pytest.raises(ConfigError, match="XLSX"):
            begun.take_sheet(bad)


def test_a_cell_of_the_list_is_never_a_formula():
    row = {"attribute": "=1+1", "role": "sensitive", "reason": "@x", "distinct": 1, "missing": 0}
    book = openpyxl.load_workbook(io.BytesIO(sheet_bytes([row])))
    assert {cell.data_type for cell in book["attributes"][2] if cell.value} <= {"s", "n"}


def test_others_are_refused_and_faults_are_one_line(begun):
    client = client_of(begun)
    assert client.get("/other/sources").status_code == 404
    assert client.get("/secret/sources", headers={"Host": "evil.example"}).status_code == 421
    assert client.post("/secret/do/undo", json={}).status_code == 403
    assert client.get("/secret/").headers["location"] == "/secret/sources"
    page = client.get("/secret/roles")
    assert "data-read" in page.text  # not read yet: the page asks for it
    assert client.post("/secret/do/read", json={}, headers=ASK).json() == {"text": ""}
    for step in ("sources", "roles", "evidence", "release", "sign-off"):
        shown = client.get(f"/secret/{step}")
        assert shown.status_code == 200, shown.text
        assert shown.text.startswith("<!DOCTYPE html>"), shown.text[:99]
    for name, body in (
        ("answer", {"form": "x", "answers": {}}),
        ("answer", {}),
        ("roles", {"names": ["no"], "role": "quasi_identifier"}),
        ("roles", {"names": 3}),
        ("values", {"name": "no"}),
        ("sheet", {"content": "%%"}),
        ("undo", {}),
    ):
        answer = client.post(f"/secret/do/{name}", json=body, headers=ASK)
        assert answer.status_code == 400, name
        assert "\n" not in answer.json()["fault"]


def test_values_are_shown_when_they_are_asked_for_and_not_before(begun):
    name = next(r["first"] for r in begun.reading.rows if r["role"] == "quasi_identifier")
    value = str(begun.reading.table.frame[name].dropna().iloc[0])
    client = client_of(begun)
    found = client.post("/secret/do/values", json={"name": name}, headers=ASK).json()
    assert value in {each["value"] for each in found["values"]}


def test_a_project_that_cannot_be_read_is_shown_with_the_way_back(begun):
    begun.reading  # noqa: B018 - reads
    text = with_values(begun.file.read_text("utf-8"), {("collection", "where"): "nowhere = 1"}, "f")
    begun._write(text, "A bad line")
    client = client_of(begun)
    page = client.get("/secret/sources")
    assert page.status_code == 200
    assert 'data-act="undo" title="A bad line"' in page.text
    answer = client.post("/secret/do/read", json={}, headers=ASK)
    assert answer.status_code == 400
    assert client.post("/secret/do/undo", json={}, headers=ASK).status_code == 200
    assert client.post("/secret/do/read", json={}, headers=ASK).status_code == 200


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(MidiRiskError, match="does not exist"):
        review_of(str(tmp_path / "none"), None)
    file = tmp_path / "a.txt"
    file.write_text("x")
    with pytest.raises(MidiRiskError, match="is no folder"):
        review_of(str(file), None)


FILE = """\
schema: midi-risk/project/1   # first
collection:
  name: x
  sources:
    - {dicom: i}   # images
    - table: c.csv
      key: id
# between
tolerance: {unread_files: 1}
attributes:
  age: {role: sensitive}  # years
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_settings_are_changed_where_they_stand(ends):
    old = FILE.replace("\n", ends)
    new = with_values(
        old,
        {
            ("tolerance", "orphan_subjects"): 4,
            ("tolerance", "unread_files"): None,
            ("channels", "face"): {"status": "bounded", "upper": 0.1, "on": "2026-11-02",
                                   "method": "by eye: all"},
            ("collection", "where"): "a <> 'b'",
        },
    )  # fmt: skip
    read = yaml.safe_load(new)
    assert read["tolerance"] == {"orphan_subjects": 4}
    assert read["collection"]["where"] == "a <> 'b'"
    assert " on: " in new
    for kept in ("# first", "# images", "# between", "# years"):
        assert kept in new
    assert ends == "\n" or "\n" not in new.replace("\r\n", "")


def test_items_of_a_list_come_and_go_where_they_stand():
    path = ("collection", "sources")
    more = with_items(FILE, path, [{"table": "d.csv"}], [], "f")
    assert yaml.safe_load(more)["collection"]["sources"][2] == {"table": "d.csv"}
    less = with_items(more, path, [], [1], "f")
    assert [next(iter(s)) for s in yaml.safe_load(less)["collection"]["sources"]] == [
        "dicom", "table",
    ]  # fmt: skip
    for kept in ("# first", "# images", "# between", "# years"):
        assert kept in less
    assert with_items(more, path, [], [2], "f") == FILE


def test_what_no_project_may_say_is_not_written():
    with pytest.raises(ConfigError, match="unread_files"):
        with_values(FILE, {("tolerance", "unread_files"): -1})
    with pytest.raises(ConfigError):
        with_values("a: &x 1\n" + FILE.replace("{unread_files: 1}", "*x"), {("tolerance", "z"): 1})
    assert json.dumps(yaml.safe_load(FILE))

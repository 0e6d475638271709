"""Every file is looked at once, what was found is bound to it, and values stay in the store."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from dicom_samples import encoded, sample
from pydicom.dataset import Dataset

from midi_risk.cli.app import app
from midi_risk.sources.inspection.look import document_texts, look_at
from midi_risk.sources.inspection.run import inspect_files, missed_at_most, workbook_texts
from midi_risk.sources.inspection.store import InspectStore
from midi_risk.sources.inspection.summary import read_inspection

CANARY = "Zbigniewa"
"""A surname that nothing else here holds."""


def image(number: int, **more: object) -> bytes:
    ds = sample(number, patient=number, PatientName="", BodyPartExamined="CHEST", **more)
    ds.Rows = ds.Columns = 4
    ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 8, 8, 7
    ds.PixelRepresentation, ds.PhotometricInterpretation = 0, "MONOCHROME2"
    ds.SeriesDescription = more.get("SeriesDescription", "AX T1 POST")
    ds.add_new(0x7FE00010, "OW", bytes(16))
    return encoded(ds, pixels=0)


@pytest.fixture
def project(tmp_path):
    images = tmp_path / "img"
    images.mkdir()
    for number in range(1, 13):
        (images / f"{number}.dcm").write_bytes(image(number))
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\ncollection:\n  name: c\n  sources: [{dicom: img}]\n"
        "threat_models: [public-release]\n",
        encoding="utf-8",
    )
    return tmp_path


def run(*given: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(one) for one in given], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    assert (done.return_value or 0) == code
    return done.output


def channels(project: Path, *more: str) -> dict[str, dict]:
    given = ["assess", str(project), "-o", str(project / "o"), "-q", *more]
    done = CliRunner().invoke(app, given, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    found = json.loads((project / "o" / "assessment.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in found["channels"]}


def add(project: Path, name: str, content: bytes) -> None:
    (project / "img" / name).write_bytes(content)


def test_a_clean_collection_becomes_measured(project):
    before = channels(project)
    assert before["embedded_metadata"]["status"] == "not_assessed"
    assert "looked at 12" in run("inspect", project, "-q")
    after = channels(project)
    assert after["embedded_metadata"]["status"] == "assessed"
    assert after["embedded_metadata"]["value"] == 0
    assert after["private_elements"]["value"] == 0
    units = after["embedded_metadata"]["measured"]["units"]
    assert units == {"kind": "file", "total": 12, "looked": 12, "not_understood": 0}
    text = after["free_text"]
    assert text["status"] == "bounded"
    assert 0 < text["upper"] < 0.1
    assert text["measured"]["recall"]["n"] == 400


def test_nothing_is_read_twice_and_what_changed_is_read_again(project, monkeypatch):
    run("inspect", project, "-q")
    assert "looked at 0" in run("inspect", project, "-q")
    path = project / "img" / "3.dcm"
    os.utime(path, (1, 1))
    assert channels(project)["embedded_metadata"]["status"] == "assessed"  # the digest still fits
    path.write_bytes(image(3, SeriesDescription="AX T2 POST"))
    entry = channels(project)["embedded_metadata"]
    assert entry["status"] == "not_assessed"
    assert "1 changed" in entry["evidence"]
    add(project, "new.dcm", image(77))
    assert channels(project)["free_text"]["status"] == "not_assessed"
    run("inspect", project, "-q")
    assert channels(project)["embedded_metadata"]["status"] == "assessed"


def test_a_reading_with_payloads_counts_where_looking_is_out_of_date(project):
    run("inspect", project, "-q")
    add(project, "new.dcm", image(77))
    assert channels(project)["embedded_metadata"]["status"] == "not_assessed"
    found = channels(project, "--payloads")["embedded_metadata"]
    assert (found["status"], found["value"]) == ("assessed", 0)


def test_a_budget_leaves_files_and_the_channels_open(project):
    assert "left 12" in run("inspect", project, "-q", "--budget", "0s", code=4)
    entry = channels(project)["embedded_metadata"]
    assert entry["status"] == "not_assessed"
    assert "0 of 12" in entry["evidence"]


def test_findings_stay_open_until_people_decide(project):
    add(project, "a.dcm", image(50, SeriesDescription=f"seen by Dr. {CANARY}"))
    add(project, "b.dcm", image(51) + b"behind the last element")
    run("inspect", project, "-q")
    found = channels(project)
    assert found["free_text"]["status"] == "not_assessed"
    assert found["embedded_metadata"]["found"] == ["trailing_data_files"]
    page = project / ".midi-risk" / "inspect" / "review.html"
    run("inspect", "review", project)
    assert CANARY.lower() in page.read_text(encoding="utf-8")
    rows = InspectStore(page.parent).table("findings")
    lines = ["token_hash,kind,decision"]
    for row in rows:
        decision = "identifier" if row["channel"] == "free_text" else "harmless"
        lines.append(f"{row['token_hash']},{row['kind']},{decision}")
    decided = project / "mine.csv"
    decided.write_text("\n".join(lines), encoding="utf-8")
    run("inspect", "review", project, "--decisions", decided)
    found = channels(project)
    assert found["embedded_metadata"]["value"] == 0
    assert found["free_text"]["value"] == 1
    assert found["free_text"]["mean"] == pytest.approx(1 / 14)
    assert found["free_text"]["measured"]["findings"][0]["decision"] == "identifier"


def test_decisions_of_another_collection_are_refused(project):
    run("inspect", project, "-q")
    foreign = project / "mine.csv"
    foreign.write_text("token_hash,kind,decision\nffff,name,harmless\n", encoding="utf-8")
    with pytest.raises(Exception, match="about nothing that was found here"):
        run("inspect", "review", project, "--decisions", foreign)
    foreign.write_text("token_hash,kind,decision\n", encoding="utf-8")
    with pytest.raises(Exception, match="holds no decision"):
        run("inspect", "review", project, "--decisions", foreign)


def private(number: int, depth: int) -> bytes:
    inner = Dataset()
    block = inner.private_block(0x0029, "ACME 1.1", create=True)
    block.add_new(0x10, "LO", CANARY if number % 2 else "42")
    block.add_new(0x11, "DS", "1.5")
    block.add_new(0x12, "OB", bytes(range(8)))
    for _ in range(depth):
        outer = Dataset()
        outer.add_new(0x00081140, "SQ", [inner])
        inner = outer
    ds = sample(number, patient=number, BodyPartExamined="CHEST")
    ds.update(inner)
    return encoded(ds, pixels=0)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_private_elements_are_one_row_each_at_any_depth(project, depth):
    for number in (60, 61):
        add(project, f"{number}.dcm", private(number, depth))
    run("inspect", project, "-q")
    entry = channels(project)["private_elements"]
    rows = {row["element"]: row for row in entry["measured"]["private"]}
    assert set(rows) == {"0029xx10", "0029xx11", "0029xx12"}
    first = rows["0029xx10"]
    assert (first["creator"], first["files"], first["values"]) == ("ACME 1.1", 2, 2)
    assert (first["trust"], first["decision"]) == ("", "undecided")
    assert rows["0029xx11"]["shapes"] == ["number"]
    assert rows["0029xx12"]["shapes"] == ["binary"]
    assert entry["status"] == "not_assessed"
    text = (project / "midi-risk.yaml").read_text(encoding="utf-8")
    text += "private:\n  - {creator: ACME*, decision: retain, source: statement of the maker}\n"
    (project / "midi-risk.yaml").write_text(text, encoding="utf-8")
    entry = channels(project)["private_elements"]
    assert {row["trust"] for row in entry["measured"]["private"]} == {"assessor"}
    assert entry["value"] == 0


def test_known_values_are_found_in_texts_private_values_and_bytes(project):
    crosswalk = project / "crosswalk.csv"
    crosswalk.write_text(f"name,mrn,born\n{CANARY}^Anna,4471902,1961-05-03\n", encoding="utf-8")
    add(project, "t.dcm", image(50, SeriesDescription=f"{CANARY.upper()} follow up"))
    add(project, "u.dcm", image(51, SeriesDescription="born 3 May 1961"))
    ds = sample(52, patient=52)
    block = ds.private_block(0x0029, "ACME 1.1", create=True)
    block.add_new(0x10, "OB", bytes(5) + "4471902".encode("utf-16-le") + bytes(5))
    add(project, "v.dcm", encoded(ds, pixels=0))
    run("inspect", project, "-q", "--known", crosswalk)
    rows = InspectStore(project / ".midi-risk" / "inspect").table("findings")
    known = {(row["channel"], row["token"]) for row in rows if row["kind"] == "known"}
    assert ("free_text", CANARY.lower()) in known
    assert ("free_text", "3 may 1961") in known
    assert ("private_elements", "4471902") in known
    assert "looked at 15" in run("inspect", project, "-q")  # without the list all is looked at anew


def test_values_stay_in_the_store(project):
    crosswalk = project / "crosswalk.csv"
    crosswalk.write_text(f"name\n{CANARY}\n", encoding="utf-8")
    add(project, "a.dcm", image(50, SeriesDescription=f"Dr. {CANARY}") + CANARY.encode())
    add(project, "b.dcm", private(61, 1))
    said = run("inspect", project, "-q", "--known", crosswalk)
    said += run("inspect", "review", project)
    channels(project)
    store = project / ".midi-risk" / "inspect"
    assert any(CANARY.lower().encode() in p.read_bytes().lower() for p in store.rglob("*.parquet"))
    assert CANARY.lower() not in said.lower()
    for path in (project / "o").rglob("*"):
        if path.is_file() and path.name != "subjects.parquet":  # the table itself, kept inside
            assert CANARY.lower().encode() not in path.read_bytes().lower(), path
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    for path in store.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_shareable_edition_holds_no_private_row(project):
    add(project, "b.dcm", private(61, 1))
    run("inspect", project, "-q")
    channels(project)
    page = (project / "o" / "report-shareable.html").read_text(encoding="utf-8")
    assert "ACME" not in page
    page = (project / "o" / "report-internal.html").read_text(encoding="utf-8")
    assert "0029xx11" in page
    assert "13 of 13 files" in page


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--channels", "face"], "not looked at by machine"),
        (["--budget", "soon"], "no time such as"),
        (["--known", "nowhere.csv"], "cannot be read"),
    ],
)
def test_wrong_arguments_are_one_line(project, given, says):
    with pytest.raises(Exception, match=says):
        run("inspect", project, "-q", *given)


def test_killed_at_any_moment_it_goes_on(project):
    for number in range(100, 250):
        add(project, f"{number}.dcm", image(number))
    folder = project / ".midi-risk" / "inspect"
    call = "from midi_risk.cli import main; main()"
    command = [sys.executable, "-c", call, "inspect", str(project), "-q"]
    for wait in (0.6, 1.5):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(wait)
        running.send_signal(signal.SIGKILL)
        running.wait()
    run("inspect", project, "-q")
    units = [unit["path"] for unit in InspectStore(folder).table("units")]
    assert len(units) == len(set(units)) == 162
    assert channels(project)["embedded_metadata"]["value"] == 0


def test_several_processes_find_what_one_finds(project):
    add(project, "a.dcm", image(50, SeriesDescription=f"Dr. {CANARY}"))
    for jobs, name in ((1, "one"), (2, "two")):
        inspect_files([project / "img"], project / name, jobs=jobs)
    one, two = (read_inspection(project / n, [project / "img"]) for n in ("one", "two"))
    assert one == two


def test_sheets_comments_columns_and_names_of_tables(project, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    from openpyxl.comments import Comment

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = f"Dr. {CANARY}"
    sheet["A1"], sheet["B1"] = "id", "note"
    sheet["A2"], sheet["B2"] = "1", "x"
    sheet["B2"].comment = Comment("call (555) 123-4567", "me")
    book.save(tmp_path / "t.xlsx")
    places = dict(workbook_texts(tmp_path / "t.xlsx"))
    assert places["sheet name"] == f"Dr. {CANARY}"
    assert "123-4567" in places["cell comment"]
    inspect_files(
        [], project / "s", tables=[(tmp_path / "t.xlsx", {"note": ["MRN 4471902", "fine"]})]
    )
    rows = InspectStore(project / "s").table("findings")
    assert {row["place"] for row in rows} >= {"sheet name", "cell comment", "note"}


def test_texts_of_documents():
    pdf = b"%PDF-1.4\n/Author (Jane Roe)\nstream\nBT (hi) Tj ET\nendstream"
    texts, understood = document_texts(pdf)
    assert "Jane Roe" in texts
    assert understood
    assert not document_texts(b"%PDF-1.4 /Identity-H (x)\n(y)")[1]
    assert not document_texts(b"%PDF-1.4")[1]


def test_a_file_that_is_not_understood_is_not_looked_at(project):
    add(project, "odd.dcm", image(90)[:-9])
    run("inspect", project, "-q")
    entry = channels(project)["embedded_metadata"]
    assert entry["status"] == "not_assessed"
    assert entry["measured"]["units"]["not_understood"] >= 1


def test_what_was_missed_is_bounded_as_by_hand():
    assert missed_at_most(0.95, 10) == 0
    assert missed_at_most(0.9, 10) == 1
    for lower in (0.3, 0.6, 0.84):
        most = missed_at_most(lower, 1000)
        assert (1 - lower) ** most > 0.05 >= (1 - lower) ** (most + 1)


def test_looking_needs_no_room_for_what_is_not_there(tmp_path):
    from midi_risk.sources.files.listing import Listed

    gone = look_at(Listed(path=os.fsencode(tmp_path / "gone"), shown="gone", size=1))
    assert gone.unseen

"""Text drawn into pixels is found, bounded by what is missed, and stays in the store."""

from __future__ import annotations

import json
import os
import random
import stat
from pathlib import Path

import numpy as np
import pytest
from dicom_samples import encoded, sample
from fake_text_reader import SAID, Fake
from test_inspect import channels, run

from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.inspection import burned_in, reading
from midi_risk.sources.inspection.pixels import drawn
from midi_risk.sources.inspection.planted import planted_token
from midi_risk.sources.inspection.rules import census_names
from midi_risk.sources.inspection.store import InspectStore
from midi_risk.sources.inspection.strings import classes_of

pytest.importorskip("PIL", reason="letters are drawn with Pillow")

FAKE = "fake_text_reader:make"


def frame(text: str = "", size: int = 16, seed: int = 0) -> np.ndarray:
    """Return a frame with little noise between two bands, with a line or without."""
    values = np.random.default_rng(seed).integers(690, 710, (128, 256)).astype(np.uint16)
    values[:2], values[-2:] = 0, 2000
    return drawn_into(values, text, size) if text else values


def drawn_into(values: np.ndarray, text: str, size: int = 16) -> np.ndarray:
    ink = drawn(text, size)
    out = values.astype(float)
    out[20 : 20 + ink.shape[0], 10 : 10 + ink.shape[1]] += 1200 * ink
    return out.astype(np.uint16)


def image(number: int, values: np.ndarray, *, patient: int | None = None, **more: object) -> bytes:
    ds = sample(number, patient=patient or number, PatientName="", BodyPartExamined="CHEST")
    ds.Rows, ds.Columns = values.shape[:2]
    ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 16, 12, 11
    ds.PixelRepresentation, ds.PhotometricInterpretation = 0, "MONOCHROME2"
    ds.SeriesDescription = "AX T1 POST"
    for name, value in more.items():
        setattr(ds, name, value)
    ds.add_new(0x7FE00010, "OW", values.astype("<u2").tobytes())
    return encoded(ds, pixels=0)


@pytest.fixture
def reader(monkeypatch) -> Fake:
    """Make one reader that this test can ask what it read."""
    made = Fake()
    monkeypatch.setattr(burned_in, "READER", FAKE)
    reading.reader_named.cache_clear()
    monkeypatch.setattr("fake_text_reader.make", lambda: made)
    monkeypatch.setattr(burned_in, "LEAST_PROCESSES", 0)
    yield made
    reading.reader_named.cache_clear()


@pytest.fixture
def project(tmp_path):
    (tmp_path / "img").mkdir()
    for number in range(1, 13):
        (tmp_path / "img" / f"{number}.dcm").write_bytes(image(number, frame(seed=number)))
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\ncollection:\n  name: c\n  sources: [{dicom: img}]\n"
        "threat_models: [public-release]\n",
        encoding="utf-8",
    )
    return tmp_path


def inspect(project: Path, *more: object, code: int = 0) -> str:
    return run("inspect", project, "-q", "--channels", "burned_in", *more, code=code)


def test_a_clean_collection_is_bounded_by_what_planted_lines_say(project, reader):
    assert channels(project)["burned_in"]["status"] == "not_assessed"
    assert "looked at 12" in inspect(project)
    entry = channels(project)["burned_in"]
    assert entry["status"] == "bounded"
    measured = entry["measured"]
    assert measured["units"] == {"kind": "frame", "total": 12, "looked": 12, "not_understood": 0}
    assert measured["recall"]["n"] == 96
    assert measured["recall"]["found"] / 96 > measured["recall"]["lower"] > 0.3
    lower = measured["recall"]["lower"]
    most = max(d for d in range(13) if (1 - lower) ** d > 0.05)
    assert entry["upper"] == measured["missed"]["upper"] == max(1, most) / 12
    assert measured["models"][0]["licence"] == "Apache-2.0"


def test_without_recall_it_stays_open_with_its_findings(project, reader, monkeypatch):
    monkeypatch.setattr(burned_in, "CANARIES", 0)
    inspect(project)
    entry = channels(project)["burned_in"]
    assert entry["status"] == "not_assessed"
    assert "was not measured" in entry["evidence"]


def test_a_finding_that_stays_is_certain_until_people_call_it_harmless(project, reader):
    (project / "img" / "3.dcm").write_bytes(image(3, frame("ROE JANE")))
    inspect(project)
    entry = channels(project)["burned_in"]
    assert (entry["status"], entry["value"], entry["upper"]) == ("assessed", 1, 1)
    assert 1 / 12 <= entry["mean"] < 1
    found = {(f["kind"], f["place"], f["units"], f["subjects"]) for f in
             entry["measured"]["findings"]}  # fmt: skip
    # two tokens are names, the whole and a part of it
    assert found == {("name", "pixels", 2, 1), ("number", "pixels", 1, 1)}
    run("inspect", "review", project)
    page = (project / ".midi-risk" / "inspect" / "review.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    store = InspectStore(project / ".midi-risk" / "inspect" / "pixels")
    lines = [f"{r['token_hash']},{r['kind']},harmless" for r in store.table("findings")]
    decisions = project / "d.csv"
    decisions.write_text("\n".join(["token_hash,kind,decision", *lines]), encoding="utf-8")
    run("inspect", "review", project, "--decisions", decisions)
    assert channels(project)["burned_in"]["status"] == "bounded"


def test_an_undecided_string_keeps_the_channel_open(project, reader):
    reader.said = "Xqzvw"
    (project / "img" / "3.dcm").write_bytes(image(3, frame("ROE JANE")))
    inspect(project)
    entry = channels(project)["burned_in"]
    assert entry["status"] == "not_assessed"
    assert "nobody reviewed" in entry["evidence"]


def test_a_marker_is_no_finding_and_no_proof_of_recall(project, reader):
    reader.said = "120 kVp"
    (project / "img" / "3.dcm").write_bytes(image(3, frame("ROE JANE")))
    inspect(project)
    entry = channels(project)["burned_in"]
    # a reader that takes every planted line for a marker has found none of them
    assert entry["status"] == "not_assessed"
    assert entry["measured"]["recall"] == {"n": 96, "found": 0, "lower": 0}
    assert [f["decision"] for f in entry["measured"]["findings"]] == ["harmless"]


def series(project: Path, patients: int, frames: int, odd: dict[int, np.ndarray]) -> None:
    for old in (project / "img").iterdir():
        old.unlink()
    number = 0
    for patient in range(1, patients + 1):
        for place in range(frames):
            number += 1
            values = odd.get(number, frame(seed=number))
            more = {"SeriesInstanceUID": f"1.2.{patient}", "InstanceNumber": place + 1}
            content = image(number, values, patient=patient, **more)
            (project / "img" / f"{number:04}.dcm").write_bytes(content)


def test_series_mode_reads_the_median_and_a_sample_of_subjects(project, reader, monkeypatch):
    monkeypatch.setattr(burned_in, "SAMPLED_FRAMES", 24)
    monkeypatch.setattr(burned_in, "CANARIES", 48)
    series(project, 6, 12, {})
    inspect(project)
    entry = channels(project)["burned_in"]
    units = entry["measured"]["units"]
    assert units["total"] == 72
    assert units["looked"] == 2 * 12 + 4 * 3  # two subjects of the sample whole, three of the rest
    assert entry["measured"]["missed"]["how"] == "both"
    bounded = entry["upper"]
    inspect(project, "--frames", "all")
    entry = channels(project)["burned_in"]
    assert entry["measured"]["units"]["looked"] == 72
    assert entry["measured"]["missed"]["how"] == "recall"
    assert entry["upper"] < bounded
    # what was read whole is not read again for less
    assert "looked at 0" in inspect(project)


def test_a_line_in_every_frame_of_a_series_is_found_once_by_its_median(
    project, reader, monkeypatch
):
    monkeypatch.setattr(burned_in, "SAMPLED_FRAMES", 0)
    monkeypatch.setattr(burned_in, "CANARIES", 0)
    # in all frames but those that are read one by one
    odd = {n: frame("ROE JANE", seed=n) for n in range(14, 24) if n != 19}
    series(project, 2, 12, odd)
    inspect(project)
    entry = channels(project)["burned_in"]
    assert entry["value"] == 1
    assert {f["subjects"] for f in entry["measured"]["findings"]} == {1}


@pytest.mark.parametrize("mode", ["YES", "US"])
def test_kinds_known_for_text_are_read_frame_by_frame(project, reader, mode):
    more = {"BurnedInAnnotation": "YES"} if mode == "YES" else {"Modality": mode}
    series(project, 1, 8, {})
    for number in range(8):
        content = image(number + 1, frame("ROE" if number == 5 else ""), patient=1,
                        SeriesInstanceUID="1.2.1", InstanceNumber=number + 1, **more)  # fmt: skip
        (project / "img" / f"{number + 1:04}.dcm").write_bytes(content)
    inspect(project)
    assert channels(project)["burned_in"]["value"] == 1


def test_overlays_and_spare_bits_are_read(project, reader, monkeypatch):
    monkeypatch.setattr(burned_in, "CANARIES", 0)
    mask = drawn_into(np.zeros((128, 256), np.uint16), "ROE JANE", 20) > 700
    spare = (frame() | (mask.astype(np.uint16) << 13)).astype(np.uint16)
    (project / "img" / "1.dcm").write_bytes(image(1, spare))
    ds = sample(2, patient=2, PatientName="")
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 128, 256, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.add_new(0x60000010, "US", 128)
    ds.add_new(0x60000011, "US", 256)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(mask.ravel(), bitorder="little").tobytes())
    ds.add_new(0x7FE00010, "OW", frame().astype("<u2").tobytes())
    (project / "img" / "2.dcm").write_bytes(encoded(ds, pixels=0))
    inspect(project)
    found = channels(project)["burned_in"]["measured"]["findings"]
    assert {(f["place"], f["subjects"]) for f in found} >= {("overlay", 1), ("spare_bits", 1)}


def test_what_cannot_be_decoded_was_not_looked_at(project, reader):
    (project / "img" / "1.dcm").write_bytes(image(1, frame(), BitsAllocated=13))
    inspect(project)
    entry = channels(project)["burned_in"]
    assert entry["status"] == "not_assessed"
    assert "1 are not understood" in entry["evidence"]


def test_results_are_bound_to_the_files(project, reader):
    inspect(project)
    read = reader.pictures
    assert "looked at 0" in inspect(project)
    assert reader.pictures == read
    path = project / "img" / "3.dcm"
    os.utime(path, (1, 1))
    assert channels(project)["burned_in"]["status"] == "bounded"  # the digest still fits
    path.write_bytes(image(3, frame("ROE JANE")))
    entry = channels(project)["burned_in"]
    assert entry["status"] == "not_assessed"
    inspect(project)
    assert channels(project)["burned_in"]["value"] == 1


def test_a_run_that_breaks_off_loses_the_chunk_in_flight(project, reader, monkeypatch):
    monkeypatch.setattr(burned_in, "_CHUNK_FRAMES", 3)
    monkeypatch.setattr(burned_in, "CANARIES", 0)
    whole, calls = reader.lines, []

    def break_off(picture: np.ndarray) -> list:
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return whole(picture)

    reader.lines = break_off
    files = list(list_inputs([project / "img"]))
    folder = project / ".midi-risk" / "inspect"
    store = InspectStore(folder)
    store.open()
    with pytest.raises(KeyboardInterrupt):
        burned_in.look_at_pixels(files, store)
    reader.lines = whole
    outcome = burned_in.look_at_pixels(files, store)
    assert (outcome.held, outcome.looked, outcome.left) == (6, 6, 0)
    units = InspectStore(folder / "pixels", "", burned_in.TABLES).table("units")
    assert len({unit["path"] for unit in units}) == len(units) == 12


def test_out_of_time_it_says_so_and_goes_on(project, reader):
    assert "left 12" in inspect(project, "--budget", "0s", code=4)
    assert channels(project)["burned_in"]["status"] == "not_assessed"
    inspect(project)
    assert channels(project)["burned_in"]["status"] == "bounded"


def test_without_the_extra_one_line_and_not_assessed(project, monkeypatch):
    monkeypatch.setattr(burned_in, "READER", "fake_text_reader:missing")
    reading.reader_named.cache_clear()
    told = [line for line in inspect(project).splitlines() if not line.startswith("next: ")]
    assert len(told) == 1
    assert "not assessed" in told[0]
    assert "pixels" in told[0]
    assert channels(project)["burned_in"]["status"] == "not_assessed"


def test_channels_narrow_what_is_looked_at(project, reader):
    run("inspect", project, "-q", "--channels", "private_elements")
    assert reader.pictures == 0
    entries = channels(project)
    assert entries["private_elements"]["status"] == "assessed"
    assert entries["embedded_metadata"]["status"] == "not_assessed"
    assert "0 of 12" in entries["free_text"]["evidence"]
    run("inspect", project, "-q", "--channels", "embedded_metadata")
    entries = channels(project)
    assert entries["embedded_metadata"]["status"] == "assessed"
    assert entries["private_elements"]["status"] == "assessed"


def test_values_stay_in_the_store(project, reader):
    (project / "img" / "3.dcm").write_bytes(image(3, frame("ROE JANE")))
    told = inspect(project)
    channels(project)
    folder = project / ".midi-risk" / "inspect"
    run("inspect", "review", project)
    held = [path for path in folder.rglob("*") if path.is_file()]
    assert any(b"4471902" in path.read_bytes() for path in held)
    for path in held:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert "4471902" not in told
    for path in (project / "o").rglob("*"):
        if path.is_file():
            assert b"4471902" not in path.read_bytes(), path
            assert b"jane" not in path.read_bytes().lower(), path


def test_frames_without_room_for_letters_hold_none(project, reader):
    for path in (project / "img").iterdir():
        path.unlink()
    small = np.zeros((4, 4), np.uint16)
    (project / "img" / "1.dcm").write_bytes(image(1, small))
    inspect(project)
    entry = channels(project)["burned_in"]
    assert (entry["status"], entry["value"]) == ("assessed", 0)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("ROE^JANE", ["name", "name"]),
        ("DOB 03/05/1961", ["date"]),
        ("19610503", ["date"]),
        ("4471902", ["number"]),
        ("447I9O2", ["number"]),
        ("St. Elsewhere Hospital", ["site"]),
        ("PORTABLE AP", ["marker"]),
        ("W 350 L 40", ["marker"]),
        ("TE 2.3 ms", ["marker"]),
        ("1.06cm 28Hz im2", ["marker"]),
        ("630P630", ["undecided"]),
        ("A1B2C3", ["undecided"]),
        ("4471 902 ", ["undecided"]),
        ("Xqzvw", ["undecided"]),
        ("PHILIPS HEALTHCARE", ["marker"]),
        ("L", []),
    ],
)
def test_strings_have_a_class(text, kinds):
    assert [hit.kind for hit in classes_of(text)] == kinds


def test_planted_identifiers_are_hardly_ever_markers():
    draw, names = random.Random(3), sorted(census_names())  # noqa: S311 - a seeded draw
    kinds = [{h.kind for h in classes_of(planted_token(draw, names, n))} for n in range(400)]
    assert all(kinds)
    assert sum("marker" in held for held in kinds) <= 2  # names that are words of imaging too


def test_json_of_findings_holds_no_token(project, reader):
    (project / "img" / "3.dcm").write_bytes(image(3, frame("ROE JANE")))
    inspect(project)
    entry = channels(project)["burned_in"]
    assert SAID.lower() not in json.dumps(entry).lower()

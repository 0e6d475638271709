"""The reader of the extra reads what a person could, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_inspect import channels
from test_inspect_pixels import frame, image, project  # noqa: F401 - a fixture

from midi_risk.sources.inspection.pixels import Planted, Planting, overlaps
from midi_risk.sources.inspection.reading import READER, read_lines, reader_named
from midi_risk.sources.inspection.views import pictures_of

pytest.importorskip("rapidocr", reason="the extra 'pixels' is not installed")
pytest.importorskip("onnxruntime", reason="the extra 'pixels' is not installed")

LINE = Planted("ROE^JANE 4471902", 16, 0.5, 0.3, 0.4)

_ALONE = """
import socket, sys
def refused(*given, **more):
    raise OSError("no network here")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from midi_risk.cli import main
main()
"""


@pytest.fixture(scope="module")
def rapid():
    reader = reader_named(READER)
    assert reader is not None
    return reader


def texts(rapid, pictures) -> str:
    return " ".join(line.text for picture in pictures for line in read_lines(rapid, picture))


def test_models_are_named_with_digest_and_licence(rapid):
    assert len(rapid.models) == 2
    for model in rapid.models:
        assert len(model.sha256) == 64
        assert model.licence == "Apache-2.0"


def test_a_line_is_read_where_it_stands(rapid):
    plant = Planting([LINE])
    picture = pictures_of(plant.into(frame(seed=1)))[0]
    lines = read_lines(rapid, picture)
    met = [line for line in lines if overlaps(line, plant.boxes[0])]
    assert "4471902" in " ".join(line.text for line in met)


def test_text_that_the_range_hides_is_seen_in_a_window(rapid):
    values = frame(seed=2)
    values[:40], values[-40:] = 0, 3000  # air and metal make the range wide
    hidden = values.astype(float)
    ink = Planting([Planted("ROE^JANE 4471902", 16, 0.02, 0.3, 0.5)])
    hidden = ink.into(hidden)
    assert "4471902" not in texts(rapid, pictures_of(hidden))
    assert "4471902" in texts(rapid, pictures_of(hidden, [(680.0, 800.0)]))


def test_coloured_text_of_the_same_brightness_is_seen(rapid):
    from midi_risk.sources.inspection.pixels import drawn

    values = np.full((128, 320, 3), 76, np.uint8)
    ink = drawn("ROE^JANE 4471902", 18) > 0.5
    part = values[40 : 40 + ink.shape[0], 20 : 20 + ink.shape[1]]
    part[ink] = (254, 0, 0)  # as bright as the grey around it
    assert "4471902" in texts(rapid, pictures_of(values))


def test_the_command_reads_without_a_network(project):  # noqa: F811
    for old in (project / "img").iterdir():
        old.unlink()
    for number in (1, 2):
        values = frame(seed=number) if number == 1 else Planting([LINE]).into(frame(seed=number))
        content = image(number, values.astype(np.uint16))
        (project / "img" / f"{number}.dcm").write_bytes(content)
    script = project / "alone.py"
    script.write_text("from midi_risk.sources.inspection import burned_in\n"
                      "burned_in.CANARIES, burned_in.LEAST_PROCESSES = 4, 0\n" + _ALONE,
                      encoding="utf-8")  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(script), "inspect", str(project), "--channels", "burned_in", "-q"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert "number" in done.stdout
    assert "4471902" not in done.stdout + done.stderr
    entry = channels(project)["burned_in"]
    assert (entry["status"], entry["value"]) == ("assessed", 1)
    assert {f["subjects"] for f in entry["measured"]["findings"]} == {1}
    assert entry["measured"]["recall"]["n"] == 4

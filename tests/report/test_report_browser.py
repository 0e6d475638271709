"""Both editions in headless Chromium: no errors, no requests, both themes, print."""

from __future__ import annotations

import re
import struct
import zlib

import pytest
from browser import DARK, browse, console, requests
from page_reader import read
from report_documents import assessment

from midi_risk.report import report

pytestmark = pytest.mark.browser
EDITIONS = ("internal", "shareable")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    return {e: report(assessment(), edition=e).write(folder / f"{e}.html") for e in EDITIONS}


def first_pixel(png: bytes) -> tuple[int, ...]:
    """Return the top left pixel of a PNG."""
    data, place, kind = b"", 8, 0
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        name, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        kind = body[9] if name == b"IHDR" else kind
        data += body if name == b"IDAT" else b""
        place += 12 + length
    raw = zlib.decompress(data)
    return tuple(raw[1 : 1 + (4 if kind == 6 else 3)])


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_page_opens_without_console_errors_and_asks_for_nothing(written, edition, tmp_path):
    log = tmp_path / "net.json"
    run = browse(written[edition], tmp_path, f"--log-net-log={log}", "--dump-dom")
    assert console(run) == []
    assert requests(log) == []
    page = read(run.stdout)
    assert "Incomplete" in page.text
    assert ("button", "hidden", "") not in page.attributes, "the script did not run"


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_script_adds_nothing_that_a_reader_without_scripts_would_miss(
    written, edition, tmp_path
):
    run = browse(written[edition], tmp_path, "--dump-dom")
    assert read(run.stdout).text == read(written[edition].read_text(encoding="utf-8")).text


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_dark_theme_is_dark_and_the_light_one_is_light(written, edition, tmp_path):
    shots = {}
    for name, options in (("light", ()), ("dark", (DARK,))):
        shot = tmp_path / f"{name}.png"
        browse(
            written[edition], tmp_path, *options, "--window-size=1280,900",
            f"--screenshot={shot}",
        )  # fmt: skip
        shots[name] = first_pixel(shot.read_bytes())[:3]
    assert min(shots["light"]) > 240
    assert max(shots["dark"]) < 60


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_page_prints_to_a_tagged_a4_document(written, edition, tmp_path):
    target = tmp_path / "report.pdf"
    browse(written[edition], tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={target}")
    content = target.read_bytes()
    assert b"/MarkInfo" in content
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", content)
    assert boxes
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}


def test_a_narrow_window_does_not_scroll_sideways(written, tmp_path):
    page = written["internal"].read_text(encoding="utf-8")
    page = re.sub(r"<meta http-equiv[^>]*>", "", page).replace(
        "</body>",
        "<script>document.title = document.documentElement.scrollWidth <= innerWidth"
        " ? 'FITS' : 'TOO WIDE ' + document.documentElement.scrollWidth;</script></body>",
    )
    probe = tmp_path / "probe.html"
    probe.write_text(page, encoding="utf-8")
    for width in ("500", "800", "1280"):
        run = browse(probe, tmp_path, f"--window-size={width},900", "--dump-dom")
        assert "<title>FITS</title>" in run.stdout, width


def test_the_console_probe_would_see_a_style_that_the_policy_does_not_allow(written, tmp_path):
    page = written["shareable"].read_text(encoding="utf-8").replace("<style>", "<style> ")
    probe = tmp_path / "probe.html"
    probe.write_text(page, encoding="utf-8")
    run = browse(probe, tmp_path, "--dump-dom")
    assert any("Content Security Policy" in line for line in console(run))


def test_the_network_probe_would_see_a_request(tmp_path):
    probe, log = tmp_path / "probe.html", tmp_path / "net.json"
    probe.write_text('<img src="http://probe.invalid/x.png">', encoding="utf-8")
    browse(probe, tmp_path, f"--log-net-log={log}", "--dump-dom")
    assert requests(log) == ["http://probe.invalid/x.png"]

"""What is printed from the shareable edition holds no canary either."""

from __future__ import annotations

import csv
import re

import pytest
from browser import browse

from midi_risk.cli.app import run

pytestmark = pytest.mark.browser
CANARY = re.compile(r"KANARIE|Zitrone|Gabelweihe|Nachtigall", re.IGNORECASE)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    base = tmp_path_factory.mktemp("print")
    table = base / "Gabelweihe.csv"
    with table.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["patient_id", "age", "sex", "religion", "remarks"])
        for i in range(40):
            row = [f"KANARIE{i:03d}", 30 + i, "MF"[i % 2], f"Zitrone{i % 2}", f"Nachtigall {i}"]
            writer.writerow(row)
    run(["assess", str(table), "-o", str(base / "out"), "-q", "--budget", "5s"])
    return base / "out"


def printed(page, folder):
    pypdf = pytest.importorskip("pypdf")
    target = folder / "page.pdf"
    browse(page, folder, "--no-pdf-header-footer", f"--print-to-pdf={target}")
    return "\n".join(part.extract_text() for part in pypdf.PdfReader(target).pages)


def test_the_shareable_edition_prints_no_canary(results, tmp_path):
    text = printed(results / "report-shareable.html", tmp_path)
    assert "Shareable edition" in text
    assert CANARY.search(text) is None


def test_the_internal_edition_prints_them_and_the_warning_on_every_page(results, tmp_path):
    text = printed(results / "report-internal.html", tmp_path)
    assert CANARY.search(text)
    assert "disclosive" in text

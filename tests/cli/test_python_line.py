"""The line from Python, as the design shows it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
from command_line import clinical_table

import midi_risk as mr
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.risk.assess import AssessmentOptions


def test_the_whole_line_from_python(tmp_path):
    lead = clinical_table(tmp_path / "lead.csv")
    extraction = mr.extract(str(lead))
    table = mr.fold(extraction, mr.propose(extraction))
    today = datetime.now(UTC).date().isoformat()
    search = SearchEntry(date=today, by="A. Assessor", place="archives", hits=0)
    options = AssessmentOptions(context=Context(linked_search=[search]))
    assessment = mr.assess(table, threats=["public-release"], options=options)
    plan = mr.suggest(table, threats=["public-release"], max_suppression=0.02)
    page = mr.report(assessment, plan, edition="shareable").write(tmp_path / "report.html")
    assert page.stat().st_size > 10_000
    assert assessment.verdict.status == "acceptable"
    assert len(assessment.to_frame()) == 7
    assert plan.describe() == "Nothing has to be coarsened."


def test_measures_and_search_on_any_frame():
    frame = pd.DataFrame({"age": [61, 61, 61, 70, 70, 70], "sex": list("MMFMFF"),
                          "dx": list("ABCABC")})  # fmt: skip
    assert mr.k_anonymity(frame, ["age", "sex"]) == 1
    assert mr.l_diversity(frame, ["age"], "dx") == 3
    assert mr.t_closeness(frame, ["age"], "dx") == pytest.approx(0)
    hierarchies = {
        "age": pd.DataFrame([[61, "60+", "*"], [70, "60+", "*"]]),
        "sex": pd.DataFrame([["M", "*"], ["F", "*"]]),
    }
    solution = mr.search(
        frame, hierarchies, k=3, criteria=[mr.DistinctLDiversity("dx", 3)], utility="loss"
    )
    assert solution.found
    assert solution.optimal
    assert solution.levels == {"age": 0, "sex": 1}


@pytest.mark.parametrize("order", ["import midi_risk.report", "import midi_risk as mr; mr.report"])
def test_report_is_a_function_whatever_was_imported_first(order):
    code = f"{order}\nimport midi_risk as mr\nassert callable(mr.report), mr.report"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_public_name_exists():
    for name in mr.__all__:
        assert getattr(mr, name) is not None


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, midi_risk\nassert not {'pandas', 'numpy', 'pydicom'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

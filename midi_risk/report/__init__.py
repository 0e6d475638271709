"""The report: one HTML file from one assessment document, in two editions.

`report` renders, `load_assessment` and `write_assessment` read and write the document.
Nothing here computes a risk; nothing here sees more than the document.
"""

from __future__ import annotations

import sys
from types import ModuleType

from midi_risk.document.assessment import Assessment, Plan
from midi_risk.document.files import (
    load_assessment,
    load_plan,
    schema_text,
    write_assessment,
    write_plan,
)
from midi_risk.report.editions import EDITIONS, view
from midi_risk.report.html import render
from midi_risk.report.rendered import Report
from midi_risk.report.view import ReportView

__all__ = [
    "EDITIONS",
    "Report",
    "ReportView",
    "load_assessment",
    "load_plan",
    "report",
    "schema_text",
    "view",
    "write_assessment",
    "write_plan",
]


def report(assessment: Assessment, plan: Plan | None = None, edition: str = "internal") -> Report:
    """Render one edition of an assessment.

    Parameters
    ----------
    assessment : Assessment
        The document; the report is a view of it alone.
    plan : Plan, optional
        Replaces the plan inside the document.
    edition : {"internal", "shareable"}
        ``internal`` shows everything, disclosive records included. ``shareable`` is made
        of types that cannot hold a raw value.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError
        When there is no such edition.
    """
    return Report(edition=edition, html=render(view(assessment, plan, edition)))


class _CallablePackage(ModuleType):
    """The package under the name of its main function: ``midi_risk.report(...)`` renders."""

    def __call__(
        self, assessment: Assessment, plan: Plan | None = None, edition: str = "internal"
    ) -> Report:
        return report(assessment, plan, edition)


sys.modules[__name__].__class__ = _CallablePackage

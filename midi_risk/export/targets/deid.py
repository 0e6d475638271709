"""The rules as a pydicom/deid recipe with its Python functions."""

from __future__ import annotations

from midi_risk.export.dicom.rules import DicomRules, element_type
from midi_risk.export.rules import ReleaseRules
from midi_risk.export.targets.base import Fidelity, Files, Request, Translated, several_values
from midi_risk.export.targets.python import (
    element_fidelity,
    portable_elements,
    scripts,
    table_rows,
    temporal,
    translated,
    visit_fidelity,
    visit_keywords,
)
from midi_risk.resources import resource_folder

RECIPE = "deid.midi-risk"
GLUE = "midi_risk_deid.py"

_HEAD = """\
# Recipe for pydicom/deid, written by midi-risk. Its functions are in midi_risk_deid.py and
# midi_risk_recode.py beside it. Add no KEEP line for an element named here: it would win.
FORMAT dicom

%header

"""


def recipe_text(dicom: DicomRules, release: ReleaseRules, statement: str) -> str:
    """Return the recipe.

    Parameters
    ----------
    dicom : DicomRules
    release : ReleaseRules
    statement : str
        For (0012,0063).

    Notes
    -----
    An element that may be absent everywhere (type 3) is removed; every other one is given
    to a function that knows what the object allows.
    """
    lines = []
    for p in portable_elements(dicom, release):
        free = p.removes and element_type("", p.keyword) == "3"
        lines.append(f"REMOVE {p.keyword}" if free else f"REPLACE {p.keyword} func:midi_risk")
    lines += [f"REPLACE {keyword} func:midi_risk" for keyword in visit_keywords(dicom)]
    lines += [f"ADD DeidentificationMethod {statement}"]
    if temporal(dicom):
        lines.append(f"ADD LongitudinalTemporalInformationModified {temporal(dicom)}")
    return _HEAD + "\n".join(lines) + "\n"


def glue_text() -> str:
    """Return the Python functions that the recipe names."""
    return (resource_folder("data") / "deid_glue.py.txt").read_text(encoding="utf-8")


def deid_fidelity(dicom: DicomRules, release: ReleaseRules) -> list[Translated]:
    """Return how truly the recipe carries out each rule."""
    rows = [
        element_fidelity(p, several=several_values(p.rule, release))
        for p in portable_elements(dicom, release)
    ]
    rows += [
        Translated(
            attribute=row.attribute,
            source=row.source,
            rule=row.rule,
            fidelity=Fidelity.APPROXIMATE,
            why="a recipe names elements: those of the data dictionary of DICOM, no others",
        )
        for row in visit_fidelity(dicom)
    ]
    if dicom.concepts:
        first = next(iter(dicom.elements.values()))
        why = "a recipe cannot judge a content item by its concept"
        rows.append(translated(first, "report content items", Fidelity.INEXPRESSIBLE, why))
    return [*rows, *table_rows(release)]


def deid_files(request: Request) -> Files:
    """Return the recipe, its functions and how truly it carries out each rule."""
    rules, release = request.elements, request.release
    return Files(
        files={
            **scripts(request),
            RECIPE: recipe_text(rules, release, request.statement),
            GLUE: glue_text(),
        },
        fidelity=deid_fidelity(rules, release),
    )

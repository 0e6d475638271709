"""The rules for people who work on tables: ARX, sdcMicro, a spreadsheet, a data dictionary."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from midi_risk.attributes.hierarchy import Hierarchy, build_hierarchy
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.recoding import Scale
from midi_risk.attributes.units import unit_written
from midi_risk.export.dicom.recode import written
from midi_risk.export.dicom.rules import DicomRules
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.export.tables import csv_text, harmless
from midi_risk.export.targets.base import Fidelity, Files, Request, Translated, bands
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy, measured

OLDEST_YEAR = 122


def file_name(name: str, taken: set[str]) -> str:
    """Return a file name for an attribute, free of anything but letters, digits and ``_-.``."""
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:60] or "attribute"
    free, number = safe, 1
    while free in taken:
        number += 1
        free = f"{safe}-{number}"
    taken.add(free)
    return free


def quasi_identifiers(release: ReleaseRules) -> tuple[str, ...]:
    """Return the quasi-identifiers of the folded table, in order."""
    return tuple(a.name for a in measured(release.table, Role.QUASI_IDENTIFIER))


def neutral_csv(table: SubjectTable) -> str:
    """Return a folded table as CSV, one row per subject; missing is ``NA``."""
    names = [str(name) for name in table.frame.columns]
    columns = [table.frame[name].to_numpy(dtype=object) for name in table.frame.columns]
    rows = [
        [str(key), *("NA" if pd.isna(c[i]) else str(c[i]) for c in columns)]
        for i, key in enumerate(table.frame.index)
    ]
    return csv_text(["subject", *names], rows)


def arx_hierarchies(release: ReleaseRules, given: dict[str, Hierarchy]) -> dict[str, str]:
    """Return one ARX hierarchy per quasi-identifier, as CSV by file name.

    Ages have a row for every year of life, so that the file does not list who is there.
    """
    taken: set[str] = set()
    files: dict[str, str] = {}
    for name in quasi_identifiers(release):
        attribute = release.table.attributes[name]
        hierarchy = attribute_hierarchy(release.table, attribute, given)
        if attribute.kind is Kind.AGE and hierarchy.name == "age":
            years = [str(year) for year in range(OLDEST_YEAR + 1)]
            values = dict.fromkeys([*years, *hierarchy.frame.iloc[:, 0]])
            hierarchy = build_hierarchy("age", Kind.AGE, list(values))
        width = len(hierarchy.level_names)
        cells = hierarchy.frame.to_numpy(dtype=object)
        lines = [";".join(_arx_cell(str(cell)) for cell in row) for row in cells]
        lines.append(";".join(["NA", *(["*"] * (width - 1))]))
        files[f"{file_name(name, taken)}.csv"] = "\n".join(lines) + "\n"
    return files


def _arx_cell(text: str) -> str:
    cell = harmless(text)
    return '"' + cell.replace('"', '""') + '"' if re.search(r'[;"\n\r]', cell) else cell


def r_script(release: ReleaseRules, k: int) -> str:
    """Return an R script that checks the release with sdcMicro.

    Names of columns are written as JSON strings, which R reads alike.
    """
    keys = [name for name in quasi_identifiers(release) if name in release.expected.frame.columns]
    sensitive = [a.name for a in measured(release.expected, Role.SENSITIVE)]

    def vector(names: Iterable[str]) -> str:
        return "c(" + ", ".join(json.dumps(name) for name in names) + ")"

    return f"""\
# Written by midi-risk: check the recoded table with sdcMicro. Both tables stay inside.
library(sdcMicro)
released <- read.csv("released.csv", colClasses = "character", na.strings = "NA",
                     check.names = FALSE)
keys <- {vector(keys)}
sensitive <- {vector(sensitive)}
released[keys] <- lapply(released[keys], function(x) {{
  factor(ifelse(is.na(x), "(missing)", x))
}})
sdc <- createSdcObj(released, keyVars = keys, sensibleVar = sensitive)
fk <- sdc@risk$individual[, "fk"]
cat("subjects", nrow(released), "smallest class", min(fk), "required", {int(k)}, "\\n")
cat("maximum risk", max(1 / fk), "mean risk", mean(1 / fk), "\\n")
cat("subjects in classes below the required size", sum(fk < {int(k)}), "\\n")
"""


def table_fidelity(release: ReleaseRules) -> list[Translated]:
    """Return how truly a folded table and its hierarchies carry each rule."""
    there = set(release.table.frame.columns)
    return [
        Translated(
            attribute=rule.name,
            source=rule.attribute.source,
            rule=rule.describe,
            fidelity=Fidelity.EXACT if rule.name in there else Fidelity.INEXPRESSIBLE,
            why="" if rule.name in there else "not in the table of subjects",
        )
        for rule in release
        if rule.changes
    ]


MAP_HEADER = ("attribute", "source", "rule", "from", "below", "label")


def recode_map(release: ReleaseRules) -> tuple[list[tuple[Any, ...]], list[Translated]]:
    """Return the map of a spreadsheet: one row per interval or shown label.

    Returns
    -------
    rows : list of tuple
        In the columns of `MAP_HEADER`. Intervals include ``from`` and exclude ``below``.
    fidelity : list of Translated
    """
    rows: list[tuple[Any, ...]] = []
    said = []
    for rule in release:
        if not rule.changes:
            continue
        found, fidelity, why = _mapped(rule, release)
        rows += [(rule.name, rule.attribute.source, *cells) for cells in found]
        said.append(
            Translated(
                attribute=rule.name,
                source=rule.attribute.source,
                rule=rule.describe,
                fidelity=fidelity,
                why=why,
            )
        )
    return rows, said


def _mapped(rule: Rule, release: ReleaseRules) -> tuple[list[tuple[Any, ...]], Fidelity, str]:
    """Return the rows of one rule, without attribute and source."""
    if rule.action is Action.REMOVE:
        return [("remove", "", "", "")], Fidelity.EXACT, ""
    if rule.by_class:
        why = "bands differ between subjects, which a map of values cannot say"
        return [], Fidelity.INEXPRESSIBLE, why
    edges = bands(rule)
    if edges is not None:
        ends: list[Any] = [*(low for low, _ in edges[1:]), ""]
        known = LADDERS.get(rule.ladder)  # levels of the data's own are in no registry
        unit = " (cm)" if known is not None and known.scale is Scale.METRES else ""
        cells: list[tuple[Any, ...]] = [
            (f"interval{unit}", low, end, label)
            for (low, label), end in zip(edges, ends, strict=True)
        ]
        return cells, Fidelity.EXACT, ""
    if rule.attribute.kind in {Kind.DATE, Kind.TIME}:
        return [("period", "", "", rule.describe)], Fidelity.EXACT, ""
    if rule.action is Action.KEEP:
        why = "one value per subject, which a map of values cannot say"
        return [], Fidelity.INEXPRESSIBLE, why
    shown = release.expected.frame[rule.name].to_numpy(dtype=object)
    labels = sorted({part for v in shown[pd.notna(shown)] for part in str(v).split(" + ")} - {"*"})
    cells = [("label", "", "", label) for label in labels]
    return cells, Fidelity.APPROXIMATE, "labels only: which values become which is not listed"


HEADER = (
    "attribute", "source", "tag", "vr", "action", "level", "label", "written", "meaning", "unit",
)  # fmt: skip

_NOTES = {
    "AS": "A band is written as its middle: 067Y with 5-year bands means 65 to 69. An open band is"
    " written as the median of its subjects.",
    "DA": "A date is written as the first day of its period, several years or quarters as that of"
    " the middle one, an open period as that of the median; the day itself is not known.",
    "TM": "A time is written as the beginning of its part of the day.",
    "DS": "A band is written as its middle, an open one as the median of its subjects.",
}


Written = Mapping[str, Callable[[str], str | None]]


def dictionary_rows(
    release: ReleaseRules, dicom: DicomRules | None, stands: Written | None = None
) -> list[tuple[str, ...]]:
    """Return the rows of the data dictionary.

    Parameters
    ----------
    release : ReleaseRules
    dicom : DicomRules or None
        Adds what was coupled.
    stands : mapping of str to callable, optional
        Attribute -> what stands for a label, in files that cannot hold the label.

    Returns
    -------
    list of tuple of str
        In the columns of `HEADER`; only labels that the release shows are listed.
    """
    rows: list[tuple[str, ...]] = []
    for rule in release:
        if rule.changes:
            rows += _rows(rule, release, (stands or {}).get(rule.name))
    if dicom is not None:
        known = {id(rule) for rule in release}
        for rule in dicom.elements.values():
            if id(rule) not in known:
                rows.append(_row(rule, "", "", rule.describe))
    return rows


def _rows(
    rule: Rule, release: ReleaseRules, stands: Callable[[str], str | None] | None
) -> Iterable[tuple[str, ...]]:
    meaning = rule.describe
    if rule.one_value:
        meaning += "; every record of a subject shows the same value"
    if rule.note:
        meaning += f"; {rule.note}"
    vr = rule.attribute.vr or ""
    if rule.action is Action.GENERALISE and vr in _NOTES:
        meaning += f". {_NOTES[vr]}"
    yield _row(rule, "", "", meaning)
    if rule.action is not Action.GENERALISE or rule.name not in release.expected.frame.columns:
        return
    shown = {str(v) for v in release.expected.frame[rule.name] if v is not None and v != "*"}
    members = {part for value in shown for part in value.split(" + ")}
    for label in sorted(members):
        text = stands(label) if stands else written(rule, vr, label) if vr else label
        yield _row(rule, label, text or "(removed)", "")


def _row(rule: Rule, label: str, text: str, meaning: str) -> tuple[str, ...]:
    a = rule.attribute
    level = rule.level_name if rule.action is Action.GENERALISE else ""
    return (
        a.name, a.source, a.tag or "", a.vr or "", rule.action.value, level, label, text, meaning,
        _unit(rule),
    )  # fmt: skip


def _unit(rule: Rule) -> str:
    """Return the unit of what is written, none where nothing is."""
    if rule.action is Action.REMOVE:
        return ""
    return unit_written(rule.attribute, banded=rule.action is Action.GENERALISE)


def dictionary_text(
    release: ReleaseRules, dicom: DicomRules | None, stands: Written | None = None
) -> str:
    """Return the data dictionary as CSV."""
    return csv_text(HEADER, dictionary_rows(release, dicom, stands))


def arx_files(request: Request) -> Files:
    """Return the tables, the hierarchies and the R script, and how truly they carry the rules."""
    release = request.release
    files = {
        "subjects.csv": neutral_csv(release.table),
        "released.csv": neutral_csv(release.expected),
        "check-with-sdcmicro.R": r_script(release, request.k),
    }
    for name, text in arx_hierarchies(release, dict(request.hierarchies)).items():
        files[f"hierarchies/{name}"] = text
    note = "subjects.csv and the hierarchies hold raw values: they stay inside"
    return Files(files=files, fidelity=table_fidelity(release), notes=(note,))


def spreadsheet_files(request: Request) -> Files:
    """Return the map of values and the data dictionary, and how truly they carry the rules."""
    rows, said = recode_map(request.release)
    return Files(
        files={
            "recode-map.csv": csv_text(MAP_HEADER, rows),
            "data-dictionary.csv": dictionary_text(request.release, request.dicom),
        },
        fidelity=said,
    )

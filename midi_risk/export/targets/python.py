"""The rules as one Python file that needs pydicom alone, also for deid and dicom-anonymizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag  # type: ignore[attr-defined]

from midi_risk.attributes.standard import OWN_DATES
from midi_risk.export.dicom.rules import DicomRules, element_type, removal
from midi_risk.export.rules import DICOM, Action, ReleaseRules, Rule
from midi_risk.export.targets.base import (
    Fidelity,
    Files,
    Portable,
    Request,
    Translated,
    date_steps,
    portable,
    several_values,
    time_steps,
)
from midi_risk.resources import data_rows
from midi_risk.sources.model import Extraction
from midi_risk.table.model import raw_codes

MODULE = "midi_risk_recode.py"
LABELS = "labels.json"
_PLACE = 'json.loads("{}")'
_HOW = {"1": "dummy", "2": "empty", "3": "delete"}


def portable_elements(dicom: DicomRules, release: ReleaseRules) -> list[Portable]:
    """Return the rules of single elements in portable form."""
    return [
        portable(rule, keyword_for_tag(tag), dictionary_VR(tag), release)
        for tag, rule in dicom.elements.items()
    ]


def visit_keywords(dicom: DicomRules) -> list[str]:
    """Return the dates and times of a visit that the data dictionary of DICOM knows."""
    own = {keyword_for_tag(tag) for tag in dicom.elements} | OWN_DATES
    changes = {"DA": dicom.dates, "TM": dicom.times, "DT": dicom.dates or dicom.times}
    return [
        keyword
        for vr, _vm, _name, _retired, keyword in DicomDictionary.values()
        if keyword and changes.get(vr) is not None and keyword not in own
    ]


def temporal(dicom: DicomRules) -> str:
    """Return what (0028,0303) says after these rules; empty where dates stay."""
    return {"keep": "", "remove": "REMOVED", "change": "MODIFIED"}[_group(dicom.dates)]


def _group(rule: Rule | None) -> str:
    if rule is None:
        return "keep"
    return "remove" if rule.action is Action.REMOVE else "change"


def script_rules(
    dicom: DicomRules, release: ReleaseRules, classes: Sequence[str], statement: str
) -> dict[str, Any]:
    """Return everything that the script needs, as plain data.

    Parameters
    ----------
    dicom : DicomRules
    release : ReleaseRules
    classes : sequence of str
        SOP classes whose types the script knows; others are treated by the strictest
        type that an attribute has anywhere.
    statement : str
        For (0012,0063).
    """
    elements = portable_elements(dicom, release)
    values: dict[str, Any] = {p.keyword: p.steps for p in elements if not p.removes}
    if _group(dicom.dates) == "change" and dicom.dates is not None:
        values["(dates)"] = date_steps(dicom.dates)
    if _group(dicom.times) == "change" and dicom.times is not None:
        values["(times)"] = time_steps(dicom.times)
    visits = visit_keywords(dicom)
    keywords = [*(p.keyword for p in elements), *visits]
    return {
        "statement": statement,
        "values": values,
        "remove": [p.keyword for p in elements if p.removes],
        "visit_keywords": visits,
        "own_dates": sorted(OWN_DATES),
        "dates": _group(dicom.dates),
        "times": _group(dicom.times),
        "strictest": {k: _HOW[element_type("", k)[0]] for k in keywords},
        "types": _types(keywords, classes),
        "nested": _nested(keywords),
        "concepts": sorted(list(pair) for pair in dicom.concepts),
    }


def _types(keywords: Iterable[str], classes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return how an element is removed in each object where it is not the strictest way."""
    found: dict[str, dict[str, str]] = {}
    for keyword in keywords:
        usual = removal("", keyword)
        differs = {uid: how.value for uid in classes if (how := removal(uid, keyword)) != usual}
        if differs:
            found[keyword] = differs
    return found


def _nested(keywords: Iterable[str]) -> dict[str, str]:
    wanted = set(keywords)
    return {
        f"{row['sequence']}/{row['keyword']}": _HOW[row["type"][0]]
        for row in data_rows("ps33_nested_types.csv")
        if row["keyword"] in wanted
    }


def known_classes(extraction: Extraction) -> list[str]:
    """Return the SOP classes of a collection that the standard's tables know."""
    known = {row["sop_class_uid"] for row in data_rows("ps33_sop_modules.csv")}
    seen: set[str] = set()
    for table in extraction.tables:
        for name in {"SOPClassUID", "MediaStorageSOPClassUID"} & set(table.rows.column_names):
            seen.update(raw_codes(table.rows.column(name))[1])
    return sorted(known & seen)


def script_text(
    dicom: DicomRules, release: ReleaseRules, classes: Sequence[str], statement: str
) -> str:
    """Return the script: its code is fixed, its rules are JSON."""
    code = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
    data = script_rules(dicom, release, classes, statement)
    rules = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return code.replace(_PLACE, f"json.loads(\n    {rules!r}  # noqa: E501\n)", 1)


def labels_text(dicom: DicomRules, release: ReleaseRules) -> str:
    """Return the labels that the release shows, as JSON; empty where no rule asks for them."""
    known = {p.keyword: list(p.labels) for p in portable_elements(dicom, release) if p.labels}
    return json.dumps(known, ensure_ascii=True, indent=1) + "\n" if known else ""


def python_fidelity(dicom: DicomRules, release: ReleaseRules) -> list[Translated]:
    """Return how truly the script carries out each rule."""
    rows = [
        element_fidelity(p, several=several_values(p.rule, release))
        for p in portable_elements(dicom, release)
    ]
    rows += visit_fidelity(dicom)
    return [*rows, *table_rows(release)]


def element_fidelity(p: Portable, *, several: bool) -> Translated:
    """Return how truly a rule can be carried out on one value at a time."""
    fidelity, why = Fidelity.EXACT, ""
    if p.steps is None:
        fidelity = Fidelity.INEXPRESSIBLE
        why = "needs more than the value; the element is removed instead"
    elif p.steps and p.steps[0]["step"] == "first_word":
        fidelity = Fidelity.APPROXIMATE
        why = (
            "a name that no subject was counted with may show a label that others show;"
            " apply removes it"
        )
    elif several and not p.removes:
        fidelity = Fidelity.APPROXIMATE
        why = "a subject with several values shows the band of each, not one band"
    return translated(p.rule, p.keyword, fidelity, why)


def translated(rule: Rule, keyword: str, fidelity: Fidelity, why: str = "") -> Translated:
    """Return one row of the fidelity table."""
    return Translated(
        attribute=keyword,
        source=rule.attribute.source,
        rule=rule.describe,
        fidelity=fidelity,
        why=why,
    )


def visit_fidelity(dicom: DicomRules) -> list[Translated]:
    """Return the rows of the one rule of dates and the one of times."""
    groups: Mapping[str, Rule | None] = {
        "all dates of a visit": dicom.dates,
        "all times of a visit": dicom.times,
    }
    return [
        translated(rule, name, Fidelity.EXACT) for name, rule in groups.items() if rule is not None
    ]


def table_rows(release: ReleaseRules) -> list[Translated]:
    """Return the rows of what a DICOM tool cannot do at all."""
    rows = [
        translated(rule, rule.name, Fidelity.INEXPRESSIBLE, "a column of a table, not an element")
        for rule in release
        if rule.changes and rule.attribute.source != DICOM
    ]
    if release.suppressed:
        rows.append(
            Translated(
                attribute="subjects",
                source="",
                rule=f"subjects left out: {len(release.suppressed)}",
                fidelity=Fidelity.INEXPRESSIBLE,
                why="leave their files out yourself: plan.json lists their keys",
            )
        )
    if release.emptied:
        rows.append(
            Translated(
                attribute=", ".join(release.emptied),
                source="",
                rule=f"{sum(map(len, release.emptied.values()))} single cells are emptied",
                fidelity=Fidelity.INEXPRESSIBLE,
                why="no rule of this tool holds for single subjects: use 'midi-risk apply'",
            )
        )
    return rows


def scripts(request: Request) -> dict[str, str]:
    """Return the script and, where a rule asks for them, the labels that the release shows."""
    rules, release = request.elements, request.release
    classes = known_classes(request.extraction)
    files = {MODULE: script_text(rules, release, classes, request.statement)}
    labels = labels_text(rules, release)
    return {**files, LABELS: labels} if labels else files


def python_files(request: Request) -> Files:
    """Return the script and how truly it carries out each rule."""
    return Files(
        files=scripts(request), fidelity=python_fidelity(request.elements, request.release)
    )

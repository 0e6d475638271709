"""The data dictionary of a release: what each recoded attribute now holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from midi_risk.export.dicom_rules import DicomRules
from midi_risk.export.dicom_values import written
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.export.table_files import csv_text

HEADER = (
    "attribute", "source", "tag", "vr", "action", "level", "label", "written", "meaning",
)  # fmt: skip

_NOTES = {
    "AS": "A band is written as its lower bound: 065Y with 5-year bands means 65 to 69.",
    "DA": "A date is written as the first day of its period; the day itself is not known.",
    "TM": "A time is written as the beginning of its part of the day.",
    "DS": "A band is written as its lower bound; one that begins at 0, as its middle.",
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
    )  # fmt: skip


def dictionary_text(
    release: ReleaseRules, dicom: DicomRules | None, stands: Written | None = None
) -> str:
    """Return the data dictionary as CSV."""
    return csv_text(HEADER, dictionary_rows(release, dicom, stands))

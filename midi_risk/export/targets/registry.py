"""Every target of `midi-risk export`: what it writes, and how truly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.errors import ConfigError, MidiRiskError
from midi_risk.export.dicom.rules import DicomRules, dicom_rules
from midi_risk.export.rules import ReleaseRules
from midi_risk.export.tables import csv_text
from midi_risk.export.targets import ctp, deid, python, tables
from midi_risk.export.targets.base import Translated, fidelity_csv, fidelity_text
from midi_risk.export.targets.tables import dictionary_text
from midi_risk.sources.model import Extraction, SourceKind

TARGETS = ("ctp", "deid", "python", "arx", "spreadsheet")
"""Targets of `export_rules`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """Files of one target.

    Parameters
    ----------
    files : mapping of str to str
        Relative path -> text.
    fidelity : tuple of Translated
    text : str
        The fidelity table as text.
    notes : tuple of str
        What the reader must know before passing the files on.
    """

    files: Mapping[str, str]
    fidelity: tuple[Translated, ...]
    text: str
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Exported({len(self.files)} files, {len(self.fidelity)} rules)"


def export_rules(
    target: str,
    release: ReleaseRules,
    extraction: Extraction,
    *,
    statement: str,
    k: int = 1,
    hierarchies: Mapping[str, Hierarchy] | None = None,
) -> Exported:
    """Return the files of a target.

    Parameters
    ----------
    target : {"ctp", "deid", "python", "arx", "spreadsheet"}
    release : ReleaseRules
    extraction : Extraction
        What the rules are about; scripts learn its SOP classes, never its values.
    statement : str
        For (0012,0063).
    k : int
        Class size that the threat model requires.
    hierarchies : mapping of str to Hierarchy, optional
        The user's own.

    Returns
    -------
    Exported

    Raises
    ------
    ConfigError
        When there is no such target.
    MidiRiskError
        When a DICOM tool is asked for and the project reads no DICOM.
    """
    if target not in TARGETS:
        raise ConfigError(
            "export", [f"there is no target {target!r}"], hint="Known: " + ", ".join(TARGETS)
        )
    if target == "arx":
        return _arx(release, dict(hierarchies or {}), k)
    if target == "spreadsheet":
        return _spreadsheet(release, extraction)
    dicom = _dicom(release, extraction)
    if dicom is None:
        raise MidiRiskError(
            f"--to {target} is for DICOM files, and the project reads none",
            hint="Use --to spreadsheet or --to arx",
        )
    if target == "ctp":
        files = {ctp.SCRIPT: ctp.script_text(dicom, release, statement)}
        return _exported(target, files, ctp.ctp_fidelity(dicom, release))
    classes = python.known_classes(extraction)
    files = {python.MODULE: python.script_text(dicom, release, classes, statement)}
    labels = python.labels_text(dicom, release)
    if labels:
        files[python.LABELS] = labels
    if target == "python":
        return _exported(target, files, python.python_fidelity(dicom, release))
    files[deid.RECIPE] = deid.recipe_text(dicom, release, statement)
    files[deid.GLUE] = deid.glue_text()
    return _exported(target, files, deid.deid_fidelity(dicom, release))


def _dicom(release: ReleaseRules, extraction: Extraction) -> DicomRules | None:
    source = next((t for t in extraction.tables if t.kind is SourceKind.DICOM), None)
    # No rule of these tools holds for single subjects, so the emptied cells are left aside.
    general = replace(release, emptied={})
    return None if source is None else dicom_rules(general, source.name)


def _exported(
    target: str, files: dict[str, str], rows: list[Translated], notes: tuple[str, ...] = ()
) -> Exported:
    text = fidelity_text(rows, target)
    whole = {**files, "fidelity.csv": fidelity_csv(rows), "fidelity.txt": text + "\n"}
    return Exported(files=whole, fidelity=tuple(rows), text=text, notes=notes)


def _arx(release: ReleaseRules, hierarchies: dict[str, Hierarchy], k: int) -> Exported:
    files = {
        "subjects.csv": tables.neutral_csv(release.table),
        "released.csv": tables.neutral_csv(release.expected),
        "check-with-sdcmicro.R": tables.r_script(release, k),
    }
    for name, text in tables.arx_hierarchies(release, hierarchies).items():
        files[f"hierarchies/{name}"] = text
    note = "subjects.csv and the hierarchies hold raw values: they stay inside"
    return _exported("arx", files, tables.table_fidelity(release), (note,))


def _spreadsheet(release: ReleaseRules, extraction: Extraction) -> Exported:
    rows, said = tables.recode_map(release)
    files = {
        "recode-map.csv": csv_text(tables.MAP_HEADER, rows),
        "data-dictionary.csv": dictionary_text(release, _dicom(release, extraction)),
    }
    return _exported("spreadsheet", files, said)

"""JSON of a BIDS data set: sidecars of images, descriptions of tables, the data set itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midi_risk import __version__
from midi_risk.export.bids_values import field_value
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.export.table_files import private
from midi_risk.export.table_recode import label_of_cell
from midi_risk.sources.model import SourceTable
from midi_risk.sources.tables_raw import shown
from midi_risk.sources.tables_values import text_of

_DESCRIBES = ("LongName", "Description", "Units", "Delimiter", "TermURL", "Format", "Derivative")
_OF_TABLE = "MeasurementToolMetadata"
_OF_DATA_SET = (
    "Name", "BIDSVersion", "HEDVersion", "DatasetType", "License", "Authors", "Keywords",
    "Acknowledgements", "HowToAcknowledge", "Funding", "EthicsApprovals", "ReferencesAndLinks",
)  # fmt: skip
"""Fields of dataset_description.json that say nothing of where the originals are."""


@dataclass(slots=True)
class Fields:
    """What became of the fields of sidecars.

    Parameters
    ----------
    changed, removed, unread : int
        Fields written differently, removed by a rule, and left out because they are nested
        or long and so were neither read nor assessed.
    """

    changed: int = 0
    removed: int = 0
    unread: int = 0


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document for its owner only."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    with private(path) as handle:
        handle.write(text.encode("utf-8", "replace") + b"\n")


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object of a file, None when it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def recoded_sidecar(
    document: Mapping[str, Any],
    images: SourceTable,
    rules: Mapping[str, Rule],
    release: ReleaseRules,
    subject: str | None,
    fields: Fields,
) -> dict[str, Any]:
    """Return a sidecar of images with its fields recoded.

    Parameters
    ----------
    document : mapping
        As read.
    images : SourceTable
        The table that sidecars were read into.
    rules : mapping of str to Rule
        By column of that table.
    release : ReleaseRules
    subject : str or None
        Whose images it describes; None when it is inherited by several subjects.
    fields : Fields
        Receives counts.

    Notes
    -----
    A field that shows one value per subject cannot stand in a sidecar of several subjects.
    Nested fields and lists of words are not read by the extraction, so nobody assessed
    them; lists of numbers (slice timings, matrices) stay.
    """
    column_of = {shown(old, limit=200): new for new, old in images.origin.items()}
    new: dict[str, Any] = {}
    for name, value in document.items():
        column = column_of.get(shown(name, limit=200), shown(name, limit=200))
        if column not in images.rows.column_names or not _was_read(value):
            if _only_numbers(value):
                new[name] = value
            elif value not in (None, "", [], {}):
                fields.unread += 1
            continue
        rule = rules.get(column)
        if rule is None or not rule.changes or text_of(value) is None:
            new[name] = value
            continue
        kept = _recoded(rule, value, release, subject)
        if kept is None:
            fields.removed += 1
        else:
            fields.changed += kept != value
            new[name] = kept
    return new


def _recoded(rule: Rule, value: Any, release: ReleaseRules, subject: str | None) -> Any:
    raw = text_of(value)
    if rule.action is Action.REMOVE or raw is None:
        return None
    label = label_of_cell(rule, raw)
    if rule.one_value:
        label = release.value_of(rule, subject) if subject and label is not None else None
    elif label == raw:
        return value
    return None if label is None else field_value(rule, label, value)


def _was_read(value: Any) -> bool:
    """Tell whether the extraction reads a value (a scalar, or a short list of scalars)."""
    if isinstance(value, list):
        return len(value) <= 16 and not any(isinstance(part, dict | list) for part in value)
    return not isinstance(value, dict)


def _only_numbers(value: Any) -> bool:
    """Tell whether a value is a list of numbers, at any depth."""
    if isinstance(value, list):
        return all(_only_numbers(part) for part in value)
    return isinstance(value, int | float)


def described_columns(
    document: Mapping[str, Any],
    columns: Mapping[str, Sequence[str | None]],
    rules: Mapping[str, Rule],
) -> dict[str, Any]:
    """Return the description of a table's columns, true to the values that are written.

    Parameters
    ----------
    document : mapping
        The JSON beside the table.
    columns : mapping of str to sequence
        Columns as they are written.
    rules : mapping of str to Rule
        By column.

    Returns
    -------
    dict
        Levels are those that occur: a list of all would name the values of subjects that
        are left out. A recoded column says so, and loses its unit. What describes no
        column of the table goes.
    """
    new: dict[str, Any] = {}
    tool = document.get(_OF_TABLE)
    if isinstance(tool, dict):
        plain = {k: v for k, v in tool.items() if k in {"Description", "TermURL"}}
        new[_OF_TABLE] = {k: v for k, v in plain.items() if isinstance(v, str)}
    for name in columns:
        entry = document.get(name)
        about = _about(entry) if isinstance(entry, dict) else {}
        levels = entry.get("Levels") if isinstance(entry, dict) else None
        rule = rules.get(name)
        there = {value for value in columns[name] if value is not None}
        if rule is not None and rule.changes:
            for gone in ("Units", "TermURL", "Format", "Delimiter"):
                about.pop(gone, None)
            said = f"{about.get('Description', '')} [{_what(rule)}]".strip()
            about["Description"] = said
            if rule.action is Action.GENERALISE:
                known = levels if isinstance(levels, dict) else {}
                about["Levels"] = {v: known.get(v, v) for v in sorted(there)}
        elif isinstance(levels, dict):
            several = "Delimiter" in about
            about["Levels"] = {k: v for k, v in levels.items() if several or k in there}
        if about:
            new[name] = about
    return new


def _about(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: entry[k] for k in _DESCRIBES if isinstance(entry.get(k), str | bool)}


def _what(rule: Rule) -> str:
    if rule.action is Action.REMOVE:
        return "removed"
    return f"recoded: {rule.describe}" if rule.describe else "recoded"


def described_data_set(document: Mapping[str, Any], statement: str) -> dict[str, Any]:
    """Return dataset_description.json of the release.

    Parameters
    ----------
    document : mapping
        Of the original.
    statement : str
        Tool and plan, as (0012,0063) of a DICOM object.

    Examples
    --------
    >>> made = described_data_set({"Name": "x", "DatasetDOI": "doi:1", "BIDSVersion": "1.9.0"}, "p")
    >>> sorted(made)
    ['BIDSVersion', 'GeneratedBy', 'Name']
    """
    kept = {name: document[name] for name in _OF_DATA_SET if name in document}
    by = {"Name": "midi-risk", "Version": __version__, "Description": statement}
    return {**kept, "GeneratedBy": [by]}

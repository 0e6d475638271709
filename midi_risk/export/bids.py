"""Writing a BIDS data set back: images, recoded tables and sidecars; nothing unassessed.

Tables are written file by file, with the description beside them. JSON files keep fields that
the rules allow, and values that BIDS allows. Of file names, only entities and suffixes that a
release may use are kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from midi_risk import __version__
from midi_risk.attributes.model import Kind
from midi_risk.attributes.stand_ins import time_string
from midi_risk.attributes.standard import OWN_DATES
from midi_risk.errors import OutputError
from midi_risk.export.dicom.files import Written
from midi_risk.export.dicom.recode import number_of, written
from midi_risk.export.nifti import NotCopiedError, copy_nifti
from midi_risk.export.rules import Action, ReleaseRules, Rule
from midi_risk.export.tables import (
    FolderAccount,
    FolderSource,
    RecodedTable,
    column_rules,
    csv_text,
    label_of_cell,
    like_visit,
    private,
)
from midi_risk.sources.bids import bids_text
from midi_risk.sources.files.listing import Listed, list_files
from midi_risk.sources.model import SourceTable
from midi_risk.sources.tables.columns import VALUE_SEPARATOR, text_of
from midi_risk.sources.tables.raw import shown

_YEARS = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\D.*)?")


def moment(rule: Rule, label: str) -> str | None:
    """Return the date-time (RFC 3339 without zone, as BIDS asks) that stands for a date label.

    Parameters
    ----------
    rule : Rule
    label : str
        As the release table shows it.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute, Role
    >>> seen = Attribute(
    ...     name="acq_time", source="images", column="acq_time", kind=Kind.DATE,
    ...     role=Role.QUASI_IDENTIFIER, reason="",
    ... )
    >>> from midi_risk.export.rules import Action
    >>> rule = Rule(attribute=seen, action=Action.GENERALISE)
    >>> moment(rule, "2012-03"), moment(rule, "2012-Q2"), moment(rule, "spring")
    ('2012-03-01T00:00:00', '2012-04-01T00:00:00', None)
    """
    day = written(rule, "DA", label)
    return None if day is None else f"{_iso(day)}T00:00:00"


def _iso(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def is_date_label(text: str) -> bool:
    """Tell whether an entity label, such as that of a session, is a calendar day.

    Examples
    --------
    >>> is_date_label("20120317"), is_date_label("01"), is_date_label("20120317T1330")
    (True, False, True)
    """
    return _YEARS.fullmatch(text) is not None


def field_value(rule: Rule, label: str, before: Any) -> Any:
    """Return what stands for a label in a sidecar field, None where nothing legal is true.

    Parameters
    ----------
    rule : Rule
    label : str
    before : object
        The value before; its type and form are kept.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute, Role
    >>> age = Attribute(
    ...     name="PatientAge", source="images", column="PatientAge", kind=Kind.AGE, vr="AS",
    ...     role=Role.QUASI_IDENTIFIER, reason="",
    ... )
    >>> from midi_risk.export.rules import Action
    >>> field_value(Rule(attribute=age, action=Action.GENERALISE), "60-64", "063Y")
    '062Y'
    """
    kind, vr = rule.attribute.kind, rule.attribute.vr or ""
    if isinstance(before, int | float):
        return _like_number(rule, label, before)
    if vr == "AS":
        return written(rule, vr, label)
    if kind is Kind.DATE:
        return _date(rule, label, str(before))
    if kind is Kind.TIME:
        return _time(label, str(before))
    return label.split(VALUE_SEPARATOR) if isinstance(before, list) else label


def _like_number(rule: Rule, label: str, before: float) -> float | None:
    """Return a number in the unit that the field had (heights in metres or centimetres)."""
    if isinstance(before, bool) or rule.attribute.kind in {Kind.DATE, Kind.TIME}:
        return None
    value = number_of(rule, label, before)
    if value is None:
        return None
    return int(value) if float(value).is_integer() else round(value, 6)


def _time(label: str, before: str) -> str | None:
    clock = time_string(label)
    return f"{clock[:2]}:{clock[2:4]}:{clock[4:]}" if clock and ":" in before else clock


def _date(rule: Rule, label: str, before: str) -> str | None:
    """Return what stands for a date label in the form of the value before."""
    if "T" in before:
        return moment(rule, label)
    day = written(rule, "DA", label)
    if day is None:
        return None
    return _iso(day) if "-" in before else day


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
    label = raw if rule.by_class else label_of_cell(rule, raw)
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


STRUCTURE = frozenset({"participant_id", "session_id", "datatype", "suffix", "filename"})
"""Columns that repeat what the names of files say."""

_VISITS = ("sessions.tsv", "scans.tsv", "images")


@dataclass(frozen=True, slots=True, kw_only=True)
class BidsTable:
    """A table of the data set, recoded, that may be spread over the files of subjects.

    Parameters
    ----------
    recoded : RecodedTable
    rules : dict of str to Rule
        By column.
    starts : dict of pathlib.Path to (int, int, tuple of str)
        File -> its first row and the one after its last, among the rows that stay, and its
        columns.
    followed : tuple of str
        Columns that follow the dates of the visit, in sentences.
    """

    recoded: RecodedTable
    rules: dict[str, Rule]
    starts: dict[Path, tuple[int, int, tuple[str, ...]]]
    followed: tuple[str, ...] = ()

    def columns_of(self, path: Path) -> dict[str, list[str | None]]:
        """Return the columns that a file has, with the rows that stay."""
        first, last, names = self.starts[path]
        piece = slice(first, last)
        return {name: self._written(name, piece) for name in names}

    def _written(self, name: str, piece: slice) -> list[str | None]:
        cells = list(self.recoded.columns[name][piece])
        rule = self.rules.get(name)
        if name == "acq_time" and rule is not None and rule.action is Action.GENERALISE:
            return [None if cell is None else moment(rule, cell) for cell in cells]
        return cells


def bids_tables(source: FolderSource) -> dict[str, BidsTable]:
    """Return the recoded tables of a data set by their name in it.

    Parameters
    ----------
    source : FolderSource
        From `read_bids`.

    Raises
    ------
    OutputError
        When an attribute has to change that the names of files show.
    """
    group = _dates(source)
    made = {}
    for name, table in source.tables.items():
        rules, _ = column_rules(table, source.release)
        more: dict[str, Rule] = {}
        for column, rule in rules.items():
            if column in STRUCTURE and rule.changes:
                raise OutputError(
                    f"{source.folder.name}: {column} of {name} has to change, and names of files"
                    " hold it",
                    hint="Rename folders and files first, or retain it",
                )
            if group is not None and _follows(name, rule) and _weaker(rule, group):
                more[column] = like_visit(rule, group)
        recoded = source.recoded(name, more)
        made[name] = BidsTable(
            recoded=recoded,
            rules=rules | more,
            starts=_starts(source, name, recoded.kept),
            followed=tuple(
                f"{rule.name} follows the strictest rule of the dates of visits: {rule.describe}"
                for rule in more.values()
                if rule.changes
            ),
        )
    return made


def refuse_dated_sessions(source: FolderSource, sessions: set[str]) -> None:
    """Refuse sessions that are named by their day where days may not be shown.

    Raises
    ------
    OutputError
    """
    if _dates(source) is not None and any(is_date_label(label) for label in sessions):
        raise OutputError(
            f"{source.folder.name}: sessions are named by their dates, which are coarsened",
            hint="Rename the sessions first, such as ses-01",
        )


def _dates(source: FolderSource) -> Rule | None:
    """Return the strictest rule of the dates of visits, None when none changes."""
    found = [
        rule
        for name, table in source.tables.items()
        for rule in column_rules(table, source.release)[0].values()
        if _follows(name, rule) and rule.changes
    ]
    return max(found, key=_strictness, default=None)


def _follows(table: str, rule: Rule) -> bool:
    """Tell whether a column is a date of a visit."""
    return (
        table in _VISITS
        and rule.attribute.kind is Kind.DATE
        and rule.attribute.keyword not in OWN_DATES
        and rule.attribute.ladder != "birthdate"
    )


def _strictness(rule: Rule) -> tuple[bool, int, int]:
    order = {"exact": 0, "date": 1, "week": 2, "month": 3, "quarter": 4, "year": 5}
    removed = rule.action is Action.REMOVE
    return removed, order.get(rule.level_name, 1), rule.level


def _weaker(rule: Rule, group: Rule) -> bool:
    return _strictness(rule) < _strictness(group)


def _starts(
    source: FolderSource, name: str, kept: np.ndarray
) -> dict[Path, tuple[int, int, tuple[str, ...]]]:
    """Return which rows of a recoded table came from which file, and that file's columns."""
    paths = [p for p, of in source.table_of.items() if of == name and p.suffix == ".tsv"]
    before = np.concatenate([[0], np.cumsum(kept)])
    starts, at = {}, 0
    for path in paths if name != "images" else ():
        rows = bids_text(path).rows
        end = at + rows.num_rows
        if end > len(kept):
            break
        starts[path] = (int(before[at]), int(before[end]), tuple(rows.column_names))
        at = end
    if name != "images" and at != len(kept):
        raise OutputError(f"{source.folder.name}: {name} changed while it was read")
    return starts


def write_tsv(path: Path, columns: Mapping[str, list[str | None]]) -> None:
    """Write a BIDS table: tab-separated, ``n/a`` where there is no value."""
    rows = list(zip(*columns.values(), strict=True))
    told = [["n/a" if cell is None else cell for cell in row] for row in rows]
    with private(path) as handle:
        handle.write(csv_text(list(columns), told, "\t").encode("utf-8", "replace"))


def representatives(tables: Mapping[str, BidsTable]) -> dict[str, Callable[[str], str | None]]:
    """Return what stands for a label of attributes whose files cannot hold the label."""
    return {
        rule.name: partial(moment, rule)
        for table in tables.values()
        for column, rule in table.rules.items()
        if column == "acq_time" and rule.action is Action.GENERALISE
    }


_ENTITY = r"_[a-z]+-[A-Za-z0-9+]+"
_FILE = re.compile(rf"sub-[A-Za-z0-9+]+(?:{_ENTITY})*_[A-Za-z0-9]+(?:\.[a-z0-9]+)+")
_INHERITED = re.compile(r"(?:[a-z]+-[A-Za-z0-9+]+_)*[A-Za-z0-9]+\.json")
_SUBJECT = re.compile(r"sub-[A-Za-z0-9+]+")
_FOLDER = re.compile(r"ses-[A-Za-z0-9+]+|[a-z]+")


def subject_of(path: PurePosixPath) -> str | None:
    """Return the subject folder that a file lies in, None outside of these.

    Examples
    --------
    >>> subject_of(PurePosixPath("sub-01/anat/sub-01_T1w.nii.gz"))
    'sub-01'
    """
    first = path.parts[0] if len(path.parts) > 1 else ""
    return first if first.startswith("sub-") else None


def session_of(path: PurePosixPath) -> str | None:
    """Return the label of the session that a file's name holds.

    Examples
    --------
    >>> session_of(PurePosixPath("sub-01/ses-02/anat/sub-01_ses-02_T1w.json"))
    '02'
    """
    parts = [*path.parts[:-1], *path.name.split("_")]
    return next((p.removeprefix("ses-") for p in parts if p.startswith("ses-")), None)


def is_regular(path: PurePosixPath) -> bool:
    """Tell whether a file of a subject has a name of entities only, inside its own folders.

    Examples
    --------
    >>> is_regular(PurePosixPath("sub-01/anat/sub-01_T1w.nii.gz"))
    True
    >>> is_regular(PurePosixPath("sub-01/anat/sub-01_T1w copy of Doe.nii.gz"))
    False
    >>> is_regular(PurePosixPath("sub-01/anat/sub-02_T1w.nii.gz"))
    False
    """
    subject, *folders = path.parts[:-1]
    return (
        _SUBJECT.fullmatch(subject) is not None
        and all(_FOLDER.fullmatch(folder) for folder in folders)
        and _FILE.fullmatch(path.name) is not None
        and path.name.split("_")[0] == subject
    )


def is_inherited(path: PurePosixPath) -> bool:
    """Tell whether a file at the top is a sidecar that images inherit, by its name.

    Examples
    --------
    >>> is_inherited(PurePosixPath("task-rest_bold.json"))
    True
    """
    return len(path.parts) == 1 and _INHERITED.fullmatch(path.name) is not None


def applies(sidecar: PurePosixPath, image: PurePosixPath) -> bool:
    """Tell whether an image inherits from a sidecar (BIDS, "The Inheritance Principle").

    Parameters
    ----------
    sidecar : PurePosixPath
        ``.json``, relative to the data set.
    image : PurePosixPath
        The image without its ending.

    Examples
    --------
    >>> image = PurePosixPath("sub-01/func/sub-01_task-rest_bold")
    >>> applies(PurePosixPath("task-rest_bold.json"), image)
    True
    >>> applies(PurePosixPath("task-nback_bold.json"), image)
    False
    """
    *entities, suffix = sidecar.stem.split("_")
    *own, last = image.name.split("_")
    above = sidecar.parent == image.parent or sidecar.parent in image.parents
    return above and suffix == last and set(entities) <= set(own)


_NUMBERS = re.compile(rb"[0-9eE.,+\-\s]*")
_MOST_NUMBERS = 16 << 20
SUPPRESSED = "of a subject that the plan leaves out"
NOBODY = "of a subject that nobody assessed"
UNASSESSED = "neither a table, a sidecar nor a NIfTI image: nobody assessed it"


@dataclass(slots=True, kw_only=True)
class _Copy:
    """One data set being written."""

    source: FolderSource
    target: Path
    statement: str
    tables: dict[str, BidsTable]
    subjects: dict[str, str | None]
    labels: dict[str, str | None]
    images: dict[str | None, list[PurePosixPath]]
    fields: Fields = field(default_factory=Fields)
    cleared: int = 0
    nifti: int = 0


def write_bids(source: FolderSource, target: Path, statement: str) -> FolderAccount:
    """Write a BIDS data set, recoded, into a new folder.

    Parameters
    ----------
    source : FolderSource
        From `read_bids`.
    target : pathlib.Path
        Empty folder.
    statement : str
        Tool and plan, for dataset_description.json.

    Returns
    -------
    FolderAccount

    Raises
    ------
    OutputError
        When an attribute has to change that the names of files show.

    Notes
    -----
    One rule decides: what was assessed is recoded, NIfTI images and their gradient tables
    are copied with all text cleared, everything else is left out.
    """
    listed = list(list_files([source.folder]))
    paths = [PurePosixPath(Path(os.fsdecode(f.path)).relative_to(source.folder)) for f in listed]
    refuse_dated_sessions(source, {s for p in paths if subject_of(p) and (s := session_of(p))})
    tables = bids_tables(source)
    copy = _Copy(
        source=source,
        target=target,
        statement=statement,
        tables=tables,
        subjects=_subjects(source),
        labels={key: source.released_label(n) for key, n in source.numbers().items()},
        images=_images(source),
    )
    account = FolderAccount(written=representatives(tables))
    later: list[tuple[Listed, PurePosixPath]] = []
    for file, path in zip(listed, paths, strict=True):
        if path.name.endswith("_scans.tsv"):
            later.append((file, path))
        else:
            account.files.append(_one(copy, file, path))
    account.files += [_one(copy, file, path) for file, path in later]
    account.tables += [t.recoded for name, t in tables.items() if name != "images"]
    account.notes += _notes(copy)
    return account


def _subjects(source: FolderSource) -> dict[str, str | None]:
    """Return subject folder -> why nothing of it is written, None for a subject that stays."""
    reasons: dict[str, str | None] = {}
    for key, number in source.numbers().items():
        stays = source.released_label(number) is not None
        reasons[str(key)] = None if stays else SUPPRESSED if number >= 0 else NOBODY
    return reasons


def _images(source: FolderSource) -> dict[str | None, list[PurePosixPath]]:
    """Return the images that were read, without their endings: of each subject, and all."""
    found: dict[str | None, list[PurePosixPath]] = {None: []}
    for path, table in source.table_of.items():
        if table == "images" and path.parent != source.folder:
            stem = path.parent / path.name.split(".")[0]
            image = PurePosixPath(stem.relative_to(source.folder))
            found[None].append(image)
            found.setdefault(subject_of(image), []).append(image)
    return found


def _one(copy: _Copy, file: Listed, path: PurePosixPath) -> Written:
    """Write one file, or say why not."""
    reason = file.reason or _reason(copy, path)
    if not reason:
        place = copy.target / path
        folder = copy.target
        for part in path.parts[:-1]:
            folder = folder / part
            folder.mkdir(exist_ok=True, mode=0o700)
        reason = _writer(path)(copy, copy.source.folder / path, place)
    if reason:
        return Written(source=file.shown, reason=reason)
    return Written(source=file.shown, target=str(path))


def _reason(copy: _Copy, path: PurePosixPath) -> str:
    subject = subject_of(path)
    if subject is not None:
        if subject not in copy.subjects:
            return NOBODY
        return copy.subjects[subject] or ("" if is_regular(path) else "not a name of BIDS entities")
    if path.parts[0] == "phenotype" and len(path.parts) == 2:
        return ""
    return "" if len(path.parts) == 1 else f"in {_known(path.parts[0])}, which is not read"


def _known(folder: str) -> str:
    """Return the name of a folder that BIDS knows, else a word: names may tell."""
    known = {"derivatives", "sourcedata", "code", "stimuli", "phenotype", ".git", ".datalad"}
    return folder if folder in known else "another folder"


def _writer(path: PurePosixPath) -> Callable[[_Copy, Path, Path], str]:
    name = path.name
    if name.endswith(".tsv"):
        return _table
    if name.endswith(".json"):
        return _json
    if name.endswith((".nii", ".nii.gz")) and subject_of(path):
        return _nifti
    if name.endswith((".bval", ".bvec")):
        return _numbers
    return lambda _copy, _path, _place: UNASSESSED


def _table(copy: _Copy, path: Path, place: Path) -> str:
    name = copy.source.table_of.get(path, "")
    if name not in copy.tables or path not in copy.tables[name].starts:
        return UNASSESSED
    columns = copy.tables[name].columns_of(path)
    if path.name.endswith("_scans.tsv") and "filename" in columns:
        there = [_is_there(str(f), path.parent, place.parent) for f in columns["filename"]]
        columns = {
            column: [cell for cell, stays in zip(cells, there, strict=True) if stays]
            for column, cells in columns.items()
        }
    if not any(columns.values()):
        return "no row of it is left"
    write_tsv(place, columns)
    return ""


def _is_there(name: str, before: Path, after: Path) -> bool:
    """Tell whether a row of scans.tsv stays: its file was written, or never was there."""
    return (after / name).is_file() or not os.path.lexists(before / name)


def _json(copy: _Copy, path: Path, place: Path) -> str:
    document = read_object(path)
    if document is None:
        return "not a JSON object"
    relative = PurePosixPath(path.relative_to(copy.source.folder))
    if str(relative) == "dataset_description.json":
        write_json(place, described_data_set(document, copy.statement))
        return ""
    described = _describes(copy, path)
    if described is not None:
        columns, rules = described
        write_json(place, described_columns(document, columns, rules))
        return ""
    table = copy.source.tables.get("images")
    subject = subject_of(relative)
    heirs = any(applies(relative, image) for image in copy.images.get(subject, ()))
    if table is None or not heirs or not (subject or is_inherited(relative)):
        return "describes nothing that was assessed"
    label = copy.labels[subject] if subject else None
    made = recoded_sidecar(
        document, table, copy.tables["images"].rules, copy.source.release, label, copy.fields
    )
    write_json(place, made)
    return ""


def _describes(
    copy: _Copy, path: Path
) -> tuple[dict[str, list[str | None]], dict[str, Rule]] | None:
    """Return the columns that a JSON file describes, with their rules; None for a sidecar."""
    beside = path.with_suffix(".tsv")
    name = copy.source.table_of.get(beside)
    last = path.stem.rpartition("_")[2]
    if name in copy.tables and beside in copy.tables[name].starts:
        table = copy.tables[name]
        return table.columns_of(beside), table.rules
    if last in {"sessions", "scans"} and f"{last}.tsv" in copy.tables:
        table = copy.tables[f"{last}.tsv"]
        merged: dict[str, list[str | None]] = {}
        for piece in table.starts:
            for column, cells in table.columns_of(piece).items():
                merged.setdefault(column, []).extend(cells)
        return merged, table.rules
    return None


def _nifti(copy: _Copy, path: Path, place: Path) -> str:
    try:
        copy.cleared += copy_nifti(path, place)
    except NotCopiedError as error:
        return error.message
    copy.nifti += 1
    return ""


def _numbers(_copy: _Copy, path: Path, place: Path) -> str:
    """Copy a gradient table, when it is nothing but numbers."""
    if path.stat().st_size > _MOST_NUMBERS:
        return "not a table of numbers"
    content = path.read_bytes()
    if _NUMBERS.fullmatch(content) is None:
        return "not a table of numbers"
    with private(place) as handle:
        handle.write(content)
    return ""


def _notes(copy: _Copy) -> list[str]:
    """Say what was done beyond the rules."""
    said = [text for table in copy.tables.values() for text in table.followed]
    if copy.nifti:
        said.append(
            f"NIfTI images copied: {copy.nifti}, with text in the header or an extension, which"
            f" is cleared: {copy.cleared}"
        )
    fields = copy.fields
    if fields.changed or fields.removed:
        said.append(f"sidecar fields recoded {fields.changed}, removed {fields.removed}")
    if fields.unread:
        said.append(f"sidecar fields left out, nested or long and so not assessed: {fields.unread}")
    return said

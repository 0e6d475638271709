"""Writing a release: recoded copies of everything that a project reads.

It is written beside its place, whole or not at all, never over a source, with a project file of
its own so that it can be assessed like any other. `compare` then says whether the files on disk
carry the risk that the plan promised, and why if not.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydicom.dataset import Dataset

from midi_risk import __version__
from midi_risk.attributes.model import AttributeSet, Kind, Role
from midi_risk.attributes.values import normalise_for
from midi_risk.config import AttributeSettings, Project, SourceSettings
from midi_risk.document.plan import State
from midi_risk.document.runs import left_behind, stopped_as_interrupted
from midi_risk.errors import OutputError, reason_of
from midi_risk.export.bids import write_bids, write_tsv
from midi_risk.export.cdisc import write_cdisc
from midi_risk.export.dicom.acts import Acts
from midi_risk.export.dicom.files import Copies, Written, check_local, write_copies
from midi_risk.export.dicom.recode import Statement
from midi_risk.export.dicom.rules import DUMMIES, DicomRules, dicom_rules
from midi_risk.export.pseudonyms import Pseudonyms
from midi_risk.export.rekeyed import rekey_folder, rekeyed_table
from midi_risk.export.rules import DICOM, RANGE, Action, ReleaseRules, Rule
from midi_risk.export.tables import (
    FolderAccount,
    RecodedTable,
    column_rules,
    folder_source,
    recode_table,
    typed_columns,
    write_table,
    written_name,
)
from midi_risk.sources.bids import read_bids
from midi_risk.sources.cdisc import read_cdisc
from midi_risk.sources.collect import kind_of_source
from midi_risk.sources.collected import Collected
from midi_risk.sources.files.listing import printable
from midi_risk.sources.model import Extraction, SourceKind, SourceTable, TableSpec
from midi_risk.sources.tables.databases import (
    check_no_secret,
    database_at,
    database_file,
    is_database,
    shown_table,
)
from midi_risk.table.model import SubjectTable, raw_codes
from midi_risk.table.release import measured
from midi_risk.table.subjects import Subjects, find_subjects

IMAGES = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What was written.

    Parameters
    ----------
    sources : list of dict
        Sources of the release, as a project file names them, relative to the folder.
    copies : Copies or None
        DICOM copies.
    tables : list of RecodedTable
    dicom : DicomRules or None
    files : list of Written
        Every file met in any source, with its place in the release or why it has none.
    notes : list of str
        What was done beyond the rules.
    written : dict of str to callable
        Attribute -> what stands for a label in the files, where that is not the label.
    """

    sources: list[dict[str, Any]] = field(default_factory=list)
    copies: Copies | None = None
    tables: list[RecodedTable] = field(default_factory=list)
    dicom: DicomRules | None = None
    files: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: dict[str, Callable[[str], str | None]] = field(default_factory=dict)

    def left_out(self) -> dict[str, int]:
        """Return the reasons of files that were not written, with their number."""
        reasons = Counter(file.reason for file in self.files if not file.target)
        return dict(sorted(reasons.items()))

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Release({self.copies!r}, {len(self.tables)} tables)"


def plan_statement(content: bytes, what: str = "plan") -> str:
    """Return what (0012,0063) says of a plan: tool, version and digest in 64 characters.

    Parameters
    ----------
    content : bytes
        Of the plan or project file.
    what : str
        Which of the two it is.

    Examples
    --------
    >>> len(plan_statement(b"{}")) <= 64
    True
    """
    digest = hashlib.sha256(content).hexdigest()
    return f"midi-risk {__version__} {what} sha256:{digest}"[:64]


def check_sources(sources: Sequence[SourceSettings], base: Path) -> list[Path]:
    """Return the paths of the sources, or say which cannot be written back.

    Raises
    ------
    OutputError
        For remote sources, and tables in folders of parts.

    Notes
    -----
    A table of a database is written as a file; of a database on a server there is no path.
    """
    tables = [source.path for source in sources if is_database(source.path)]
    files = [source for source in sources if not is_database(source.path)]
    for url in tables:
        check_no_secret(url)
    check_local([source.path for source in files])
    paths = [base / source.path for source in files]
    for source, path in zip(as_found(files, base), paths, strict=True):
        if source.kind != "dicom" and not path.is_file() and not _folder_reader(path):
            what = "a table in several files" if path.is_dir() else "no file and no folder"
            raise OutputError(
                f"{source.path}: {what}, which apply cannot write back",
                hint="Save it as one Parquet or CSV file and name that in the project",
            )
    return [*paths, *filter(None, (database_file(url, base) for url in tables))]


def as_found(sources: Sequence[SourceSettings], base: Path) -> list[SourceSettings]:
    """Return the sources, those that a project calls ``dicom`` as what they are.

    Parameters
    ----------
    sources : sequence of SourceSettings
    base : pathlib.Path
        Where relative paths start.
    """
    return [_as_found(source, base / source.path) for source in sources]


def _as_found(source: SourceSettings, path: Path) -> SourceSettings:
    """Return a source under its kind: reading goes by what is there, and so does writing."""
    if source.kind != "dicom" or "://" in source.path:
        return source
    kind = kind_of_source(path)
    if kind == "dicom":
        return source
    return SourceSettings.model_validate({kind: source.path, "key": source.key})


def write_release(
    folder: Path,
    sources: Sequence[SourceSettings],
    base: Path,
    extraction: Extraction,
    release: ReleaseRules,
    *,
    statement: str,
    identity_removed: bool = False,
    selected: Callable[[Dataset], bool] | None = None,
    acts: Acts | None = None,
    codes: tuple[str, ...] = (),
    progress: Callable[[int, int | None], None] | None = None,
    jobs: int | None = 1,
    ledger: Path | None = None,
) -> Release:
    """Write recoded copies of all sources into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        New folder.
    sources : sequence of SourceSettings
        Of the project.
    base : pathlib.Path
        Where relative paths start.
    extraction : Extraction
        As read from these sources.
    release : ReleaseRules
    statement : str
        For (0012,0063); see `plan_statement`.
    identity_removed : bool
        What (0012,0062) says: whether the verdict on these files is not incomplete.
    selected : callable, optional
        Tells whether an object belongs to the collection.
    acts : Acts, optional
        What is done beyond the rules of attributes: elements taken out, pseudonyms.
    codes : tuple of str
        Profile and options that were applied; for (0012,0064).
    progress : callable, optional
        Called with DICOM files done.
    jobs : int, optional
        Processes that write DICOM files; one per core when None.
    ledger : pathlib.Path, optional
        Tells what of the DICOM files is done; see `write_copies`.

    Returns
    -------
    Release

    Raises
    ------
    OutputError
        When a source cannot be written back.
    """
    check_sources(sources, base)
    sources = as_found(sources, base)
    _check_cells(sources, base, release)
    subjects = find_subjects(extraction.tables[0])
    made: list[dict[str, Any]] = []
    tables: list[RecodedTable] = []
    copies = rules = None
    files: list[Written] = []
    notes: list[str] = []
    written: dict[str, Callable[[str], str | None]] = {}
    known = None if acts is None else acts.pseudonyms
    images = [base / s.path for s in sources if s.kind == "dicom"]
    if images:
        source = next(t for t in extraction.tables if t.kind is SourceKind.DICOM)
        rules = dicom_rules(release, source.name)
        target = folder / IMAGES
        target.mkdir(mode=0o700, exist_ok=True)
        copies = write_copies(
            images, target, rules, release,
            statement=Statement(
                method=statement, identity_removed=identity_removed, codes=codes,
                uids_replaced=known is not None and known.uids,
            ),
            selected=selected, refused=_cut_short(extraction), acts=acts, progress=progress,
            jobs=jobs, ledger=ledger,
        )  # fmt: skip
        made.append({"dicom": f"{folder.name}/{IMAGES}"})
        files += [file.below(IMAGES) for file in copies.files]
    for settings in sources:
        if settings.kind == "dicom":
            continue
        if (base / settings.path).is_dir():
            place = _free(folder, settings.kind)
            place.mkdir(mode=0o700)
            account = _write_folder(
                base / settings.path, place, extraction, release, subjects, statement, known
            )
            files += [file.below(place.name) for file in account.files]
            tables += account.tables
            notes += account.notes
            written |= account.written
            made.append({settings.kind: f"{folder.name}/{place.name}"})
            continue
        entry, recoded, file = _write_file(
            settings, base, folder, extraction, release, subjects, known
        )
        if is_database(settings.path):
            notes.append(f"{file.source} is written as the file {file.target}")
        made.append(entry)
        tables.append(recoded)
        files.append(file)
    return Release(
        sources=made, copies=copies, tables=tables, dicom=rules, files=files, notes=notes,
        written=written,
    )  # fmt: skip


def _write_file(
    settings: SourceSettings,
    base: Path,
    folder: Path,
    extraction: Extraction,
    release: ReleaseRules,
    subjects: Subjects,
    known: Pseudonyms | None,
) -> tuple[dict[str, Any], RecodedTable, Written]:
    """Write a table that is one file, or a table of a database; say how a project names it."""
    read, name = _from_to(settings.path, base)
    table = _table_of(extraction, read)
    _check_key(table, release)
    plain = recode_table(table, release, subjects, leading=table is extraction.tables[0])
    recoded = rekeyed_table(plain, table, release, subjects, known)
    target = _free(folder, name)
    typed = {}
    if not is_database(settings.path) and target.suffix.casefold() in {".parquet", ".pq"}:
        typed = typed_columns(base / settings.path, recoded)
    if table.kind is SourceKind.BIDS:
        write_tsv(target, {name: list(cells) for name, cells in recoded.columns.items()})
    else:
        write_table(target, recoded.columns, typed, sheet=table.sheet)
    entry = {settings.kind: f"{folder.name}/{target.name}"}
    if not table.key.startswith("#"):
        entry["key"] = table.origin.get(table.key, table.key)
        entry["key"] += f"+{table.on_date}" if table.on_date else ""
    return entry, recoded, Written(source=read, target=target.name)


def _check_key(table: SourceTable, release: ReleaseRules) -> None:
    """Refuse a table of whose subject key nothing would be left to tell subjects by."""
    rule = column_rules(table, release)[0].get(table.key)
    if rule is None or rule.action is not Action.REMOVE or rule.attribute.rekeyed:
        return
    key = table.origin.get(table.key, table.key)
    raise OutputError(
        f"{table.name}: the project removes the subject key '{key}',"
        " and rows without a key belong to nobody",
        hint=f"Have pseudonyms written in its place: subject_key: {{column: {key}, write: rekey}}",
    )


def _check_cells(sources: Sequence[SourceSettings], base: Path, release: ReleaseRules) -> None:
    """Refuse a plan that empties single cells where they stand in more than one file."""
    folders = [s.path for s in sources if s.kind != "dicom" and (base / s.path).is_dir()]
    if release.emptied and folders:
        raise OutputError(
            f"{folders[0]}: single cells cannot be emptied in a data set folder, whose sidecars "
            "and qualifiers repeat them",
            hint="Use a plan made without --cells",
        )


def _folder_reader(path: Path) -> Callable[[Path, Collected], None] | None:
    """Return what reads a data set folder, None for other paths."""
    if not path.is_dir():
        return None
    return {"bids": read_bids, "sdtm": read_cdisc}.get(kind_of_source(path))


def _write_folder(
    path: Path,
    place: Path,
    extraction: Extraction,
    release: ReleaseRules,
    subjects: Subjects,
    statement: str,
    known: Pseudonyms | None,
) -> FolderAccount:
    """Write a BIDS or CDISC folder back."""
    reader = _folder_reader(path)
    if reader is None:
        raise OutputError(f"{path.name}: not a folder that is written back")
    source = folder_source(path, reader, extraction, release, subjects)
    if reader is read_cdisc:
        return rekey_folder(place, write_cdisc(source, place), known, is_bids=False)
    return rekey_folder(place, write_bids(source, place, statement), known, is_bids=True)


def _cut_short(extraction: Extraction) -> dict[str, str]:
    """Return the files that reading found cut short: what is missing cannot be written."""
    files = extraction.files.select(["path", "reason"])
    cut = pc.match_substring(files["reason"].cast(pa.string()), "truncated")
    return {
        file["path"]: f"cannot be recoded: {file['reason']}"
        for file in files.filter(cut).to_pylist()
    }


_UNSAFE = re.compile(r"[^\w.-]+")
"""What the name of a table of a database may hold and the name of a file should not."""


def _from_to(path: str, base: Path) -> tuple[str, str]:
    """Return where a table was read, as the list of files has it, and the name it is written by."""
    if not is_database(path):
        return printable(str(base / path)), written_name(Path(path))
    spec = TableSpec.parse(database_at(path, base))
    return shown_table(spec), f"{_UNSAFE.sub('_', spec.path.name)}.parquet"


def _table_of(extraction: Extraction, place: str) -> SourceTable:
    """Return the source table that was read from a file, or from a table of a database."""
    names = extraction.files.column("source").to_pylist()
    paths = extraction.files.column("path").to_pylist()
    for name, read in zip(names, paths, strict=True):
        if read == place or Path(read) == Path(place):
            return extraction.table(name)
    raise OutputError(f"{Path(place).name}: not among the sources that were read")


def _free(folder: Path, name: str) -> Path:
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return target


_DUMMIES = frozenset(DUMMIES.values())


def release_settings(
    project: Project, release: ReleaseRules, found: AttributeSet, extraction: Extraction
) -> dict[str, dict[str, Any]]:
    """Return the attribute settings of what was written.

    Parameters
    ----------
    project : Project
        Of the originals.
    release : ReleaseRules
    found : AttributeSet
        Attributes proposed for the files that were written.
    extraction : Extraction
        What was read back.

    Returns
    -------
    dict of str to dict
        Every attribute keeps its role and need. What was generalised is retained from
        here on; what was removed stays removed where nothing or only a dummy is left,
        and counts again where its value had to stay.
    """
    columns = {
        (t.name, name): t.rows.column(name)
        for t in extraction.tables
        for name in t.rows.column_names
    }
    settings: dict[str, dict[str, Any]] = {}
    for rule in release:
        if rule.name.endswith(RANGE) or rule.name not in found:
            continue
        column = columns.get((found[rule.name].source, found[rule.name].column))
        settings[rule.name] = _setting(rule, project.attributes.get(rule.name), column)
    return settings


def _setting(
    rule: Rule, given: AttributeSettings | None, column: pa.ChunkedArray | None
) -> dict[str, Any]:
    """Return the setting of one attribute of the release."""
    a = rule.attribute
    entry: dict[str, Any] = {"role": a.role.value, "kind": a.kind.value}
    if given is not None and given.need:
        entry["need"] = given.need
    if given is not None and given.order:
        entry["order"] = list(given.order)
    if given is not None and given.unit and rule.action is Action.KEEP:
        entry["unit"] = given.unit
    if a.utility != 1.0:
        entry["utility"] = a.utility
    if rule.action is Action.REMOVE:
        left = set() if column is None else {v.strip() for v in raw_codes(column)[1]}
        if left <= _DUMMIES | {""}:
            entry["decision"] = "remove"
    elif rule.action is Action.GENERALISE or a.decision is not None:
        entry["decision"] = "retain"
        texts = {Kind.CATEGORY, Kind.TEXT} | (set() if rule.by_class else {Kind.SEX})
        if rule.action is Action.GENERALISE and a.source != DICOM and a.kind not in texts:
            entry["kind"] = a.kind.value if _still_read(rule, column) else Kind.CATEGORY.value
    return entry


def _still_read(rule: Rule, column: pa.ChunkedArray | None) -> bool:
    """Tell whether dates and times are labels that read as such, so that the first one leads."""
    if rule.attribute.kind not in {Kind.DATE, Kind.TIME} or column is None:
        return False
    read = normalise_for(rule.attribute, raw_codes(column)[1])
    return "unparseable" not in read.flag


_DONE = {"attributes", "collection", "profile", "uids", "key_file", "scores"}
_NOTHING_LEFT = {"decision": "retain", "reason": "apply emptied it, or left a dummy"}


def release_project(
    project: Project,
    sources: list[dict[str, Any]],
    settings: dict[str, dict[str, Any]],
    key: Mapping[str, Any] | None = None,
    emptied: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the project file of a release as data.

    What was done to the originals (profile, pseudonyms) is not to be done again, and
    scores lie beside the project of the originals.

    Parameters
    ----------
    project : Project
        Of the originals.
    sources : list of dict
        Where the release lies.
    settings : dict
        See `release_settings`.
    key : mapping, optional
        What it says of a subject key that was replaced.
    emptied : sequence of str
        Elements of no attribute that hold nothing, or a dummy.
    """
    data: dict[str, Any] = project.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude=_DONE
    )
    if key is not None:
        data["subject_key"] = dict(key)
    if emptied:
        decisions = data.setdefault("release", {}).setdefault("decisions", {})
        decisions |= dict.fromkeys(emptied, _NOTHING_LEFT)
    return {
        "schema": project.schema_,
        "collection": {"name": project.collection.name, "sources": sources},
        **{key: value for key, value in data.items() if key != "schema"},
        "attributes": settings,
    }


def project_yaml(data: dict[str, Any]) -> str:
    """Return a project file as text."""
    head = "# Project of a release that midi-risk wrote; assess it like any other.\n"
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


_MARK = ".midi-risk-part-"


def check_apart(target: Path, sources: Sequence[Path]) -> None:
    """Refuse a target that is, holds or lies inside a source.

    Raises
    ------
    OutputError
        Names both.
    """
    place = target.resolve()
    for source in sources:
        original = source.resolve()
        if place == original or original in place.parents or place in original.parents:
            raise OutputError(
                f"the target '{target}' and the source '{source}' overlap",
                hint="Choose a folder outside the sources with -o; originals are never touched",
            )


@contextmanager
def new_folder(
    target: Path,
    sources: Sequence[Path] = (),
    *,
    resumed: Sequence[str] = (),
    said: Callable[[str], None] = lambda _text: None,
) -> Iterator[Path]:
    """Yield a hidden folder that becomes the target when all went well.

    Parameters
    ----------
    target : pathlib.Path
        Must not exist, or be an empty folder.
    sources : sequence of pathlib.Path
        Must lie apart from it.
    resumed : sequence of str
        Paths inside the folder that a run which was killed leaves to the next: the first is its
        ledger, without which nothing is kept.
    said : callable
        Takes a sentence on what was left and what became of it.

    Raises
    ------
    OutputError
        When the target is not free or cannot be written.

    Notes
    -----
    After an error or an interruption (Ctrl-C, SIGTERM, SIGHUP) the hidden folder is
    removed. What a killed run left is resumed or removed by the next run that has the same
    target. A target that is there is never touched.
    """
    check_apart(target, sources)
    if target.is_dir() and any(target.iterdir()):
        raise OutputError(f"'{target}' is not empty", hint="Choose a new folder with -o")
    if target.exists() and not target.is_dir():
        raise OutputError(f"'{target}' is a file", hint="Choose a new folder with -o")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{target.name}{_MARK}"
        left = _taken_over(target, prefix, resumed, said)
        staging = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=target.parent))
        if left is not None:
            left.rename(staging)
    except OSError as error:
        raise OutputError(f"cannot write '{target}': {reason_of(error)}") from None
    try:
        with stopped_as_interrupted():
            yield staging
        if target.is_dir():
            target.rmdir()
        staging.rename(target)
    except OSError as error:
        raise OutputError(
            f"cannot write '{target}': {reason_of(error)}", hint="Nothing was left behind"
        ) from None
    except OutputError as error:
        if str(staging) not in error.message:
            raise
        message = error.message.replace(str(staging), str(target))
        raise OutputError(message, hint="Nothing was left behind") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _taken_over(
    target: Path, prefix: str, resumed: Sequence[str], said: Callable[[str], None]
) -> Path | None:
    """Return what a killed run left, if the next can go on with it; remove what else is left."""
    found = left_behind(target.parent, prefix)
    usable = [entry for entry in found if resumed and (entry / resumed[0]).is_file()]
    for entry in found:
        if entry not in usable[:1]:
            shutil.rmtree(entry, ignore_errors=True)
    if len(found) > len(usable[:1]):
        said(f"removed what an interrupted run left beside '{target}'")
    for entry in usable[:1]:
        _clear(entry, {Path(name) for name in resumed})
        said(f"going on with what an interrupted run left beside '{target}'")
        return entry
    return None


def _clear(folder: Path, kept: set[Path]) -> None:
    """Remove everything in a folder but some paths inside it."""
    above = {parent for path in kept for parent in path.parents}
    for entry in folder.iterdir():
        inside = Path(entry.name)
        if inside in kept:
            continue
        if inside in above:
            _clear(entry, {path.relative_to(inside) for path in kept if inside in path.parents})
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Risk promised and risk found in the files written.

    Parameters
    ----------
    planned, written : State
    equal : bool
        Whether smallest class, number of classes, maximum and mean risk are the same.
    worse : bool
        Whether a figure of the files is above the plan's.
    reasons : tuple of str
        One sentence per attribute whose classes differ.
    """

    planned: State
    written: State
    equal: bool
    worse: bool
    reasons: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as `apply.json` holds it."""
        return {
            "planned": self.planned.model_dump(mode="json"),
            "written": self.written.model_dump(mode="json"),
            "equal": self.equal,
            "worse": self.worse,
            "reasons": list(self.reasons),
        }


def compare(
    planned: State, written: State, release: ReleaseRules, found: SubjectTable
) -> Comparison:
    """Compare the plan's figures with those of the files that were written.

    Parameters
    ----------
    planned, written : State
    release : ReleaseRules
    found : SubjectTable
        Read back from the files, with the decisions of the release in force.
    """
    pairs = [
        (planned.k, written.k),
        (planned.classes, written.classes),
        (planned.subjects, written.subjects),
        (planned.risk_max, written.risk_max),
        (planned.risk_mean, written.risk_mean),
    ]
    equal = all(_same(a, b) for a, b in pairs)
    worse = (written.risk_max or 0) > (planned.risk_max or 0) + _TOLERANCE or (
        written.risk_mean or 0
    ) > (planned.risk_mean or 0) + _TOLERANCE
    return Comparison(
        planned=planned,
        written=written,
        equal=equal,
        worse=worse,
        reasons=tuple(_reasons(release, found)),
    )


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= _TOLERANCE


def _reasons(release: ReleaseRules, found: SubjectTable) -> list[str]:
    """Say for each quasi-identifier how its classes in the files differ from the plan's."""
    expected = release.expected
    said = []
    lost = len(expected.frame.index.difference(found.frame.index))
    more = len(found.frame.index.difference(expected.frame.index))
    if lost:
        said.append(f"{lost} subjects of the plan have no file that could be written")
    if more:
        said.append(f"{more} subjects are in the files and not in the plan")
    both = expected.frame.index.intersection(found.frame.index)
    names = {a.name for a in measured(expected, Role.QUASI_IDENTIFIER)}
    there = {a.name for a in measured(found, Role.QUASI_IDENTIFIER)}
    notes = {rule.name: rule.note for rule in release}
    for name in sorted(names | there):
        if name not in there:
            why = "every record of a subject shows one value" if name.endswith(RANGE) else ""
            why = why or notes.get(name, "") or "no value of it is left"
            if expected.frame[name].notna().any():
                said.append(f"{name} is in the plan and not in the files: {why}")
        elif name not in names:
            said.append(
                f"{name} is in the files and not in the plan: it may neither be empty nor"
                " hold a dummy there (type 1 of PS3.3), so its value stayed and counts"
            )
        else:
            how = _relation(expected.frame.loc[both, name], found.frame.loc[both, name])
            if how:
                said.append(f"{name} is {how}")
    return said


def _relation(plan: pd.Series, files: pd.Series) -> str:
    """Return how two partitions of the same subjects differ, empty when they are equal."""
    a = pd.factorize(plan.to_numpy(dtype=object), use_na_sentinel=False)[0]
    b = pd.factorize(files.to_numpy(dtype=object), use_na_sentinel=False)[0]
    width = int(b.max(initial=0)) + 1
    pairs = np.unique(a.astype(np.int64) * width + b)
    n_a, n_b = len(np.unique(a)), len(np.unique(b))
    if len(pairs) == n_a == n_b:
        return ""
    if len(pairs) == n_a:
        return "coarser in the files than in the plan: values without a legal form were removed"
    if len(pairs) == n_b:
        return "finer in the files than in the plan"
    return "grouped differently in the files than in the plan"

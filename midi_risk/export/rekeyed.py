"""Pseudonyms in what is no DICOM object: tables, BIDS data sets with their names, CDISC domains."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.errors import OutputError
from midi_risk.export.cdisc import KEY, read_domain, write_domain
from midi_risk.export.pseudonyms import Pseudonyms, pseudonyms
from midi_risk.export.rules import ReleaseRules
from midi_risk.export.tables import FolderAccount, RecodedTable
from midi_risk.sources.model import Extraction, SourceTable
from midi_risk.table.subjects import Subjects, find_subjects, link

_BIDS_SUBJECT = re.compile(r"sub-[A-Za-z0-9+]+")
_TEXTS = (".tsv", ".json")
_SUBJECT_NUMBER = "SUBJID"
"""Variable of CDISC that is a part of the subject key."""


def collection_pseudonyms(
    key: bytes, extraction: Extraction, *, uids: bool, subjects: bool
) -> Pseudonyms:
    """Return the pseudonyms of everything that was read.

    Parameters
    ----------
    key : bytes
        From `midi_risk.export.pseudonyms.read_key`.
    extraction : Extraction
    uids, subjects : bool
        What is replaced.

    Raises
    ------
    OutputError
        When two subjects would get one pseudonym.
    """
    if not subjects:
        return pseudonyms(key, uids=uids, subjects=None, spelt={})
    leading = extraction.tables[0]
    found = find_subjects(leading)
    spelt: dict[str, str] = {}
    for table in extraction.tables:
        spelt |= found.by_key(table, _of_row(table, leading, found))
    return pseudonyms(key, uids=uids, subjects=found, spelt=spelt)


def _of_row(table: SourceTable, leading: SourceTable, subjects: Subjects) -> np.ndarray:
    return subjects.of_row if table is leading else link(table, subjects)[0]


def as_released(release: ReleaseRules, known: Pseudonyms | None) -> ReleaseRules:
    """Return the rules with what is expected under the names that the release has for subjects."""
    if known is None or not known.subjects:
        return release
    expected = release.expected
    frame = expected.frame.rename(index=dict(known.of_label))
    return replace(release, expected=replace(expected, frame=frame))


def rekeyed_table(
    recoded: RecodedTable,
    table: SourceTable,
    release: ReleaseRules,
    subjects: Subjects,
    known: Pseudonyms | None,
) -> RecodedTable:
    """Return a table with pseudonyms in place of UIDs and subject keys.

    Parameters
    ----------
    recoded : RecodedTable
        By the rules of attributes.
    table : SourceTable
        That it was made of.
    release : ReleaseRules
    subjects : Subjects
        Of the leading source.
    known : Pseudonyms, optional
        Nothing changes without.
    """
    if known is None:
        return recoded
    leads = table is subjects.table
    of_row = subjects.of_row if leads else link(table, subjects)[0]
    named = [str(label) for label in subjects.labels]
    labels = [named[number] for number in of_row[recoded.kept]]
    whole = {
        table.origin.get(rule.attribute.column, rule.attribute.column)
        for rule in release.of_source(table.name)
        if rule.attribute.rekeyed
    }
    key = table.origin.get(table.key, table.key)
    columns = {
        name: _column(cells, labels, known, is_key=name == key, is_uid=name in whole)
        for name, cells in recoded.columns.items()
    }
    changed = {
        name
        for name, cells in columns.items()
        if any(a != b for a, b in zip(cells, recoded.columns[name], strict=True))
    }
    made = replace(recoded, columns=columns, unchanged=recoded.unchanged - changed)
    return _in_new_order(made, labels, known) if known.subjects else made


def _in_new_order(recoded: RecodedTable, labels: Sequence[str], known: Pseudonyms) -> RecodedTable:
    """Return a table sorted by pseudonym: the order of the old keys would tell them."""
    order = _order([known.of_label[label] for label in labels])
    columns = {name: cells[order] for name, cells in recoded.columns.items()}
    return replace(recoded, columns=columns, order=order)


def _order(keys: Sequence[str]) -> np.ndarray:
    return np.argsort(np.array(keys, dtype=object), kind="stable")


def _column(
    cells: Sequence[Any] | np.ndarray,
    labels: Sequence[str],
    known: Pseudonyms,
    *,
    is_key: bool,
    is_uid: bool,
) -> np.ndarray:
    """Return the cells of one column with pseudonyms in them."""
    made: dict[tuple[Any, str], Any] = {}

    def new(cell: Any, label: str) -> Any:
        if not isinstance(cell, str) or not cell:
            return cell
        if is_key and known.subjects:
            return known.subject(cell, label)
        if is_uid and known.uids:
            return "\\".join(known.uid(part) for part in cell.split("\\"))
        return known.text(cell, label)

    out = np.empty(len(cells), dtype=object)
    for at, pair in enumerate(zip(cells, labels, strict=True)):
        if pair not in made:
            made[pair] = new(*pair)
        out[at] = made[pair]
    return out


def rekey_folder(
    place: Path, account: FolderAccount, known: Pseudonyms | None, *, is_bids: bool
) -> FolderAccount:
    """Replace UIDs and subject keys in a data set folder that was written, and in its names.

    Parameters
    ----------
    place : pathlib.Path
        The folder in the release.
    account : FolderAccount
        What became of its files.
    known : Pseudonyms, optional
        Nothing changes without.
    is_bids : bool
        Whether it is a BIDS data set; else a folder of CDISC domains.

    Returns
    -------
    FolderAccount
        With the new names.

    Raises
    ------
    OutputError
        When two files would get one name.
    """
    if known is None:
        return account
    if not is_bids:
        for file in account.files:
            if file.target:
                _rekey_domain(place / file.target, known)
        told = f"{KEY} holds the values of"
        notes = [note for note in account.notes if not (known.subjects and note.startswith(told))]
        return replace(account, notes=notes)
    moved: dict[str, str] = {}
    for file in account.files:
        if file.target:
            moved[file.target] = _bids_text(file.target, known)
            _rekey_text(place / file.target, known)
    if len(set(moved.values())) < len(moved):
        raise OutputError(
            f"{place.name}: two files would get the same name", hint="Use another key in key_file"
        )
    for old, new in moved.items():
        if new != old:
            (place / new).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (place / old).rename(place / new)
    for folder in sorted(place.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    files = [replace(file, target=moved.get(file.target, "")) for file in account.files]
    return replace(account, files=files)


def _bids_text(text: str, known: Pseudonyms) -> str:
    """Return a text or path with the subjects of a BIDS data set under their new names."""
    if not known.subjects:
        return text
    return _BIDS_SUBJECT.sub(lambda match: _bids_subject(match.group(), known), text)


def _bids_subject(folder: str, known: Pseudonyms) -> str:
    new = known.subject(folder, known.labels.get(folder))
    return new if new.startswith("sub-") else f"sub-{new}"


def _rekey_text(path: Path, known: Pseudonyms) -> None:
    """Replace what a table or a sidecar of a BIDS data set says."""
    if path.suffix not in _TEXTS:
        return
    before = path.read_text(encoding="utf-8")
    found = _BIDS_SUBJECT.search(path.name)
    label = known.labels.get(found.group()) if found else None
    after = known.text(_bids_text(before, known), label)
    if path.suffix == ".tsv" and known.subjects and before != after:
        head, *rows = after.splitlines(keepends=True)
        after = head + "".join(sorted(rows))
    if after != before:
        path.write_text(after, encoding="utf-8", newline="")


def _rekey_domain(path: Path, known: Pseudonyms) -> None:
    """Replace what a data set of a CDISC folder says, in its own form."""
    domain = read_domain(path)
    keys = [str(key or "") for key in domain.cells.get(KEY, [""] * domain.rows)]
    labels = [known.labels.get(key.strip(), "") for key in keys]
    new: dict[str, Sequence[Any]] = {}
    for name, cells in domain.cells.items():
        if name in domain.numeric:
            continue
        if name in {KEY, _SUBJECT_NUMBER} and known.subjects:
            made: Sequence[Any] = [
                known.subject(key, label) if cell else cell
                for cell, key, label in zip(cells, keys, labels, strict=True)
            ]
        else:
            made = list(_column(cells, labels, known, is_key=False, is_uid=False))
        if list(made) != list(cells):
            new[name] = made
    if not new:
        return
    if known.subjects and KEY in new:
        order = _order([str(key) for key in new[KEY]])
        whole = {name: new.get(name, cells) for name, cells in domain.cells.items()}
        new = {name: [cells[at] for at in order] for name, cells in whole.items()}
    beside = path.with_name(f"new-{path.name}")
    write_domain(domain, beside, np.ones(domain.rows, dtype=bool), new)
    beside.replace(path)


def at_one_moment(folder: Path) -> None:
    """Give all files of a release one time: the order of writing is that of the old names."""
    paths = [folder, *folder.rglob("*")]
    now = folder.stat().st_mtime_ns // 10**9 * 10**9
    for path in paths:
        os.utime(path, ns=(now, now))


def settings_of_key(given: Mapping[str, Any] | None, column: str, today: str) -> dict[str, Any]:
    """Return what the project of a release says of its subject key, which is now a pseudonym.

    Parameters
    ----------
    given : mapping of str to object or None
        What the project of the originals says.
    column : str
        Key of the leading source.
    today : str
        Day of writing; empty where the key was guessed, which pseudonyms do not mend.
    """
    said = {k: v for k, v in (given or {"column": column}).items() if k != "write"}
    if today:
        by = "midi-risk apply, which wrote pseudonyms"
        said.setdefault("confirmed", {"by": by, "on": today})
    return said

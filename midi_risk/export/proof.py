"""Proof that a release holds what its account lets leave, and nothing else.

The files that were written are read again as any collection is. Every element and column found
must have a row in the account of the sources that lets it leave, or be one that midi-risk writes
itself; what the account calls removed must be gone, empty, or hold a dummy.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset

from midi_risk.attributes.model import AttributeSet
from midi_risk.document.assessment import AccountEntry
from midi_risk.errors import OutputError
from midi_risk.export.dicom.acts import DELETE
from midi_risk.export.dicom.rules import DUMMIES
from midi_risk.risk.account import BY_PROFILE, ReleaseDecisions, account, tells_nothing
from midi_risk.sources.dicom.contents import spelt
from midi_risk.sources.dicom.dictionary import tag_of
from midi_risk.sources.model import Extraction
from midi_risk.table.account import Leaf, leaves
from midi_risk.table.model import SubjectTable, raw_codes

OWN = frozenset(
    {
        "PatientIdentityRemoved",
        "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
        "LongitudinalTemporalInformationModified",
        "Laterality",
    }
)
"""Elements that midi-risk may write into an object that had none; all of group 0002 too."""

_DUMMIES = frozenset(DUMMIES.values())
BESIDE = frozenset({"sheet", "comment", "text", "file"})
"""Kinds of rows that stand beside the values; apply writes none of them."""
_BEHIND = "trailing"
_PLANES = ("50xx3000", "60xx3000")
"""Data of a curve and of an overlay; the rest of their group says nothing without them."""
_STILL_THERE = "is removed by the account and still in the files"
_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What comparing the files with the account found.

    Parameters
    ----------
    elements, columns : int
        Element paths and columns found in the files; each has a row that lets it leave.
    removed : int
        Rows of the account that were removed and are not in the files.
    emptied : tuple of str
        Removed rows that are there without a value, or with a dummy.
    kept : tuple of str
        Removed rows whose value had to stay (type 1); they count again.
    emptied_elements : tuple of str
        Those of `emptied` that are elements of no attribute.
    """

    elements: int
    columns: int
    removed: int
    emptied: tuple[str, ...]
    kept: tuple[str, ...]
    emptied_elements: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as `apply.json` holds it."""
        return {
            "elements": self.elements,
            "columns": self.columns,
            "removed": self.removed,
            "emptied": list(self.emptied),
            "kept": list(self.kept),
        }


def removed_paths(table: SubjectTable, decisions: ReleaseDecisions) -> dict[tuple[str, ...], str]:
    """Return how elements go that the assessor or the profile removes and that are no attribute.

    Parameters
    ----------
    table : SubjectTable
        Of the sources, with decisions.
    decisions : ReleaseDecisions

    Returns
    -------
    dict of tuple of str to str
        Path -> action of Table E.1-1; what the assessor removes is deleted.
    """
    pairs = zip(table.leaves, account(table, decisions), strict=True)
    found = {
        leaf.path or (leaf.name,): _action(decisions, leaf, row)
        for leaf, row in pairs
        if row.disposition == "removed" and not row.by and leaf.kind in {"element", "other"}
    }
    for name, entry in decisions.named.items():
        tag = tag_of(name)
        if tag is not None and tag > _PIXEL_DATA and entry.decision == "remove":
            found[(spelt(tag),)] = DELETE
    planes = {(*path[:-1], path[-1][:4]) for path in found if path[-1] in _PLANES}
    rest = [leaf.path for leaf in table.leaves if leaf.path]
    return found | {
        path: DELETE for path in rest if (*path[:-1], path[-1][:4]) in planes and path not in found
    }


def _action(decisions: ReleaseDecisions, leaf: Leaf, row: AccountEntry) -> str:
    return decisions.action(leaf) if row.reason.startswith(BY_PROFILE) else DELETE


def prove(
    rows: Sequence[AccountEntry],
    written: Extraction,
    attributes: AttributeSet,
    kept: Collection[str],
    files: Sequence[Path],
) -> Proof:
    """Compare what was written with the account of its sources.

    Parameters
    ----------
    rows : sequence of AccountEntry
        Account of the sources, with every decision.
    written : Extraction
        The release, read again.
    attributes : AttributeSet
        Of the release.
    kept : collection of str
        Keywords whose value had to stay.
    files : sequence of Path
        DICOM files of the release, opened only where the columns cannot tell.

    Raises
    ------
    OutputError
        When something is in the files that the account does not let leave.
    """
    known: dict[tuple[str, str], AccountEntry] = {(row.kind, row.name): row for row in rows}
    found = leaves(written)
    elements = [leaf for leaf in found if leaf.kind in {"element", "other"}]
    columns = [leaf for leaf in found if leaf.kind == "column"]
    for leaf in elements:
        if not _accounted(leaf, known):
            raise _refused(leaf.name, "is in the files that were written and not in the account")
    for leaf in (leaf for leaf in found if leaf.kind in BESIDE):
        row = known.get((leaf.kind, leaf.name))
        if (row is None or row.disposition == "removed") and not tells_nothing(leaf):
            raise _refused(
                leaf.name,
                "lies beside the values that were written, and the account does not let it leave",
            )
    there = {leaf.name: leaf for leaf in elements} | {leaf.name: leaf for leaf in columns}
    removed = [row for row in rows if row.disposition == "removed"]
    stays = [row for row in removed if row.kind not in BESIDE and row.name in there]
    values = _columns(written, attributes)
    emptied, stayed = [], []
    doubtful: list[Leaf] = []
    for row in stays:
        keyword = there[row.name].keyword
        if keyword in kept or row.by in kept:
            stayed.append(row.name)
        elif _without_value(row, there[row.name], values):
            emptied.append(row.name)
        elif _may_be_empty(row, there[row.name]):
            doubtful.append(there[row.name])
        else:
            raise _refused(row.name, _STILL_THERE)
    emptied += [leaf.name for leaf in doubtful]
    for path in files if doubtful else ():
        full = next(_holding(path, doubtful), None)
        if full is not None:
            raise _refused(full.name, _STILL_THERE)
    return Proof(
        elements=len(elements),
        columns=len(columns),
        removed=len(removed) - len(stays),
        emptied=tuple(emptied),
        kept=tuple(stayed),
        emptied_elements=tuple(row.name for row in removed if row.name in emptied and not row.by),
    )


def _refused(name: str, why: str) -> OutputError:
    return OutputError(f"{name} {why}", hint="Nothing was left behind; please report it")


def _accounted(leaf: Leaf, known: Mapping[tuple[str, str], AccountEntry]) -> bool:
    """Tell whether an element has a row of its own, or stands inside one that was not opened."""
    if (leaf.kind, leaf.name) in known or (leaf.path[:1] and leaf.path[0].startswith("0002")):
        return True
    parts = leaf.name.split("/")
    if parts[0] in OWN:
        return True
    above = (known.get((leaf.kind, "/".join(parts[:n]))) for n in range(1, len(parts)))
    return any(row is not None and row.vr != "SQ" for row in above)


def _columns(written: Extraction, attributes: AttributeSet) -> dict[str, set[str]]:
    """Return the values of each attribute of the release, without padding."""
    found: dict[str, set[str]] = {}
    for table in written.tables:
        for a in attributes:
            if a.source == table.name and a.column in table.rows.column_names:
                texts = raw_codes(table.rows.column(a.column))[1]
                found[a.name] = {part.strip() for text in texts for part in text.split("\\")}
    return found


def _without_value(row: AccountEntry, leaf: Leaf, values: Mapping[str, set[str]]) -> bool:
    """Tell whether all that reading saw of a removed row is nothing, or a dummy."""
    if leaf.kind == "column":
        return values.get(row.by, set()) <= _DUMMIES | {""}
    return _may_be_empty(row, leaf) and values.get(leaf.keyword, {"?"}) <= _DUMMIES | {""}


def _may_be_empty(row: AccountEntry, leaf: Leaf) -> bool:
    """Tell a removed row of which something may be there, without a value.

    Reading cannot tell in deflated files whether something stands behind the pixel data.
    """
    if leaf.kind != "element" or leaf.creators:
        return leaf.name == _BEHIND
    return bool(row.by) or row.reason.startswith(BY_PROFILE)


def _holding(path: Path, doubtful: Sequence[Leaf]) -> Iterator[Leaf]:
    """Yield what holds more than a dummy in one file."""
    behind = any(leaf.name == _BEHIND for leaf in doubtful)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, stop_before_pixels=not behind, defer_size=1024)
        more = any(element.tag > _PIXEL_DATA for element in data_set)
        for leaf in doubtful:
            texts = _texts(data_set, leaf.name.split("/"))
            if (leaf.name == _BEHIND and more) or any(t and t not in _DUMMIES for t in texts):
                yield leaf


def _texts(data_set: Dataset, names: Sequence[str]) -> Iterator[str]:
    """Yield the values of an element at a path, at every repetition of a sequence in itself."""
    name, rest = names[0], names[1:]
    value = data_set.get(name)
    if value is None:
        return
    if not rest:
        if not isinstance(value, pydicom.Sequence):
            yield from _parts(value)
        elif len(value):
            yield "a sequence that is not empty"
        return
    for item in value:
        yield from _texts(item, rest)
        yield from _texts(item, names)


def _parts(value: Any) -> Iterable[str]:
    several = value if isinstance(value, pydicom.multival.MultiValue) else [value]
    return (str(each).strip(" \0") for each in several)

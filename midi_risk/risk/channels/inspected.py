"""Channels that `inspect` looked at: what was found, what may have been missed, what is open.

A zero needs every unit looked at by a search that understands it, with nothing found that people
did not call harmless. What people called an identifier and stays is certain for its subjects. Texts
are searched by a detector that misses some, so that their bound is that of the recall measured on
this collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from midi_risk.attributes.model import Decision, Role
from midi_risk.config import PrivateDecision
from midi_risk.document.assessment import (
    ChannelEntry,
    Measured,
    MeasuredFinding,
    MeasuredMissed,
    MeasuredRecall,
    MeasuredUnits,
    PrivateRow,
)
from midi_risk.sources.dicom.contents import creator_in
from midi_risk.sources.dicom.private import safe_private_elements
from midi_risk.sources.inspection.run import missed_at_most
from midi_risk.sources.inspection.summary import Found, Inspection
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS, FOUND

_CONFIDENCE = 0.95
_VERSION = "1"
_METHODS = {
    "embedded_metadata": "full_walk",
    "private_elements": "every_depth",
    "free_text": "rules_and_names",
}


def _covers(decided: PrivateDecision, creator: str, element: str) -> bool:
    """Tell whether a decision speaks of an element."""
    pattern = ".*".join(re.escape(part) for part in decided.creator.split("*"))
    return bool(re.fullmatch(pattern, creator)) and (
        decided.element is None or decided.element.upper() == element[-2:].upper()
    )


def _trusted(creator: str, element: str) -> bool:
    group, number = int(element[:4], 16), int(element[-2:], 16)
    return (creator, group, number) in safe_private_elements()


def private_rows(
    inspection: Inspection | None,
    elements: Mapping[str, int],
    decided: Sequence[PrivateDecision] = (),
) -> list[PrivateRow]:
    """Return one row for each private element of a creator.

    Parameters
    ----------
    inspection : Inspection or None
        With values, shapes and hits; None: what reading met.
    elements : mapping of str to int
        Lines of elements -> files, as reading met them.
    decided : sequence of PrivateDecision
    """
    seen: list[tuple[str, str, list[str], int, int | None, list[str], list[str]]]
    if inspection is not None:
        seen = [
            (e.creator, e.element, list(e.vr), e.files, e.values, list(e.shapes), list(e.hits))
            for e in inspection.private
        ]
    else:
        seen = [(*key, vr, files, None, [], []) for key, (vr, files) in _met(elements).items()]
    rows = []
    for creator, element, vr, files, values, shapes, hits in seen:
        own = next((d for d in decided if _covers(d, creator, element)), None)
        safe = _trusted(creator, element)
        trust = "PS3.15 E.3.10" if safe else "assessor" if own else ""
        rows.append(
            PrivateRow(
                creator=creator,
                element=element,
                trust=trust,
                vr=vr,
                files=files,
                values=values,
                shapes=shapes,
                hits=hits,
                decision="remove" if own and own.decision == "remove" else "retain" if trust else
                "undecided",
            )
        )  # fmt: skip
    return rows


def _met(elements: Mapping[str, int]) -> dict[tuple[str, str], tuple[list[str], int]]:
    """Return the private elements that reading met, with representation and files."""
    found: dict[tuple[str, str], tuple[list[str], int]] = {}
    for line, files in elements.items():
        path, _, vr = line.rpartition("|")
        part = path.rpartition("/")[2]
        creator = creator_in(part)
        element = part.partition("[")[0]
        if creator is None or element[4:6] != "xx":
            continue
        held, count = found.get((creator, element), ([], 0))
        found[creator, element] = sorted({*held, vr}), max(count, files)
    return found


def read_only(rows: Sequence[PrivateRow], instances: int) -> Measured | None:
    """Return what reading alone tells of private elements; None without any."""
    if not rows:
        return None
    units = MeasuredUnits(kind="file", total=instances, looked=0, not_understood=0)
    return Measured(method="reading", version=_VERSION, units=units, private=list(rows))


def _findings(found: Iterable[Found]) -> list[MeasuredFinding]:
    """Return findings by kind and decision, over places."""
    units: dict[tuple[str, str], int] = {}
    subjects: dict[tuple[str, str], set[str]] = {}
    for one in found:
        key = one.kind, one.decision
        units[key] = units.get(key, 0) + one.units
        subjects.setdefault(key, set()).update(one.subjects)
    return [
        MeasuredFinding(kind=kind, units=n, subjects=len(subjects[kind, decision]),
                        decision=decision)
        for (kind, decision), n in sorted(units.items())
    ]  # fmt: skip


def _measured(name: str, inspection: Inspection, found: Iterable[Found]) -> Measured:
    return Measured(
        method=_METHODS[name],
        version=_VERSION,
        units=MeasuredUnits(
            kind="file",
            total=inspection.total,
            looked=inspection.looked[name],
            not_understood=inspection.unseen[name],
        ),
        findings=_findings(found),
    )


def _open(name: str, evidence: str, measured: Measured, found: Sequence[str] = ()) -> ChannelEntry:
    return ChannelEntry(
        name=name, status="not_assessed", evidence=evidence, found=[*found], measured=measured
    )


def _not_all(name: str, inspection: Inspection) -> str:
    """Return what keeps a channel from having been looked at, nothing where it was."""
    if inspection.complete(name):
        return ""
    looked, total = inspection.looked[name], inspection.total
    stale = f", {inspection.stale:,} changed or not reached" if inspection.stale else ""
    return (
        f"{looked:,} of {total:,} files were looked at and understood{stale};"
        " 'midi-risk inspect' looks at the rest"
    )


def _certain(
    name: str, found: Sequence[Found], table: SubjectTable, measured: Measured
) -> ChannelEntry:
    """Return a channel with findings that people called identifiers."""
    subjects = {s for one in found if one.decision == "identifier" for s in one.subjects if s}
    count = len(subjects) or table.n_subjects
    return ChannelEntry(
        name=name,
        status="assessed",
        value=1.0,
        lower=1.0,
        upper=1.0,
        mean=min(1.0, count / max(1, table.n_subjects)),
        evidence=f"identifiers of {count:,} subjects were found and stay",
        measured=measured,
    )


def _zero(name: str, evidence: str, measured: Measured) -> ChannelEntry:
    return ChannelEntry(
        name=name, status="assessed", value=0.0, lower=0.0, upper=0.0, evidence=evidence,
        measured=measured,
    )  # fmt: skip


def embedded_channel(view: SubjectTable, inspection: Inspection) -> ChannelEntry:
    """Return embedded metadata as it was looked at."""
    name = "embedded_metadata"
    kinds = CHANNELS[name].found
    found = [one for one in inspection.found[name] if one.kind in kinds]
    measured = _measured(name, inspection, found)
    if any(one.decision == "identifier" for one in found):
        return _certain(name, found, view, measured)
    left = sorted({one.kind for one in found if one.decision == "undecided"})
    lacking = _not_all(name, inspection)
    if left or lacking:
        words = ", ".join(f"{FOUND[kind]}" for kind in left)
        texts = [f"embedded content was found and not reviewed: {words}"] if left else []
        return _open(name, "; ".join([*texts, *([lacking] if lacking else [])]), measured, left)
    return _zero(name, "every file was walked to its last byte and nothing was found", measured)


def private_channel(
    view: SubjectTable,
    inspection: Inspection,
    rows: Sequence[PrivateRow],
) -> ChannelEntry:
    """Return private elements as they were looked at, element by element."""
    name = "private_elements"
    measured = _measured(name, inspection, inspection.found[name])
    measured = measured.model_copy(update={"private": list(rows)})
    if any(one.decision == "identifier" for one in inspection.found[name]):
        return _certain(name, inspection.found[name], view, measured)
    undecided = [row for row in rows if row.decision == "undecided"]
    lacking = _not_all(name, inspection)
    # what PS3.15 calls safe may hold what its maker did not mean: a name counts against trust
    met = [r for r in rows if r.decision == "retain" and "known" in r.hits]
    if undecided or lacking or met:
        texts = []
        if undecided:
            told = sum(bool(set(row.hits)) for row in undecided)
            texts.append(
                f"{len(undecided):,} private elements are neither trusted nor decided,"
                f" {told:,} of them with candidates"
            )
        if met:
            texts.append(f"{len(met):,} trusted elements hold known values")
        return _open(name, "; ".join([*texts, *([lacking] if lacking else [])]), measured)
    return _zero(name, "each private element is trusted, decided or removed", measured)


def text_channel(view: SubjectTable, inspection: Inspection) -> ChannelEntry:
    """Return free text as it was looked at: bounded by what the search misses."""
    name = "free_text"
    attributes = {a.name: a for a in view.attributes}

    def stays(one: Found) -> bool:
        attribute = attributes.get(one.place.rpartition("/")[2])
        return attribute is None or (
            attribute.decision is not Decision.REMOVE
            and attribute.role not in {Role.DIRECT_IDENTIFIER, Role.LINKAGE_KEY}
        )

    found = [one for one in inspection.found[name] if stays(one)]
    measured = _measured(name, inspection, found)
    recall = inspection.recall
    missed = None
    if recall:
        share = missed_at_most(recall["lower"], view.n_subjects) / max(1, view.n_subjects)
        # of a subject who has one it is missed with at most this probability: never zero
        missed = min(1.0, max(share, 1 - recall["lower"]))
        measured = measured.model_copy(
            update={
                "recall": MeasuredRecall(
                    n=int(recall["n"]), found=int(recall["found"]), lower=recall["lower"]
                ),
                "missed": MeasuredMissed(upper=missed, confidence=_CONFIDENCE, how="recall"),
            }
        )
    if any(one.decision == "identifier" for one in found):
        return _certain(name, found, view, measured)
    undecided = [one for one in found if one.decision == "undecided"]
    lacking = _not_all(name, inspection)
    if undecided or lacking or missed is None:
        texts = []
        if undecided:
            kinds = ", ".join(sorted({one.kind for one in undecided}))
            texts.append(f"candidates that nobody reviewed ({kinds}); 'inspect review' shows them")
        texts += [lacking] if lacking else []
        texts += ["no recall was measured"] if missed is None and not texts else []
        return _open(name, "; ".join(texts), measured)
    return ChannelEntry(
        name=name,
        status="bounded",
        value=0.0,
        lower=0.0,
        upper=missed,
        evidence=(
            "every text was searched and every candidate decided; of identifiers planted into this"
            f" collection at least {recall['lower']:.1%} are found, so that one"
            f" of a subject was missed with a probability of at most {missed:.2%}"
        ),
        measured=measured,
    )

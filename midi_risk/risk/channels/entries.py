"""The channels of one release: how each is computed, or what of it is open.

A channel that nobody looked at is ``not_assessed``. It is never taken as zero. What a channel
is called and means stands in `midi_risk.threat.channels`; `RULES` says how it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.attributes.roles import may_hold_text
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import (
    MEASUREMENT,
    ChannelEntry,
    PrivateRow,
    SearchEntry,
    Statement,
)
from midi_risk.document.sampling import CONFIDENCE, defect_bound
from midi_risk.errors import ConfigError, did_you_mean
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.channels.burned_in import pixel_channel
from midi_risk.risk.channels.device import device_entry
from midi_risk.risk.channels.face import face_entry, smallest_gallery
from midi_risk.risk.channels.inspected import (
    embedded_channel,
    private_channel,
    read_only,
    text_channel,
)
from midi_risk.risk.channels.linked import LINKED, linked_entry, pixels_entry
from midi_risk.risk.channels.recognition import RECOGNITION, Holder, recognition_entry
from midi_risk.risk.measures.trajectory import governing_row, interval_row
from midi_risk.risk.overlap.record import Linked
from midi_risk.sources.inspection.summary import Inspection
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS, FOUND, Channel


def found_among(facts: Mapping[str, int], names: Iterable[str]) -> list[str]:
    """Return the facts that count at least one file, in their order.

    Examples
    --------
    >>> found_among({"icon_images": 2, "curve_files": 0}, CHANNELS["embedded_metadata"].found)
    ['icon_images']
    """
    return [name for name in names if facts.get(name)]


def in_words(facts: Mapping[str, int], names: Iterable[str]) -> str:
    """Return facts as words with the number of files.

    Examples
    --------
    >>> in_words({"icon_images": 1, "overlay_files": 1200}, ["icon_images", "overlay_files"])
    'icon image (1 file), overlay (1,200 files)'
    """
    return ", ".join(
        f"{FOUND[name]} ({facts[name]:,} {'file' if facts[name] == 1 else 'files'})"
        for name in names
    )


FileState = Literal["same", "changed", "missing"]

_NO_IMAGES = "not applicable: no source describes images"


def channel_entries(
    table: SubjectTable,
    statements: Mapping[str, ChannelStatement],
    limits: Mapping[str, float],
    measured: Mapping[str, ChannelEntry],
    files: Mapping[str, FileState] | None = None,
    subjects: Mapping[str, int] | None = None,
) -> list[ChannelEntry]:
    """Return one entry per channel, none left out.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    statements : mapping of str to ChannelStatement
        What the assessor found, from the project file. Of a statement and our own figure the
        worse decides.
    limits : mapping of str to float
        Channels that some threat model requires -> the largest risk that all of these accept.
    measured : mapping of str to ChannelEntry
        Every channel by its rule, from `measured_channels`.
    files : mapping of str to str, optional
        Channel -> what was found of the file that its statement names; a file that nobody
        looked for is missing.
    subjects : mapping of str to int, optional
        Channel -> subjects who have it; everybody by default.

    Returns
    -------
    list of ChannelEntry
        In the order of `CHANNELS`.

    Raises
    ------
    ConfigError
        With every statement about a channel that does not exist.
    """
    entries = []
    unknown = [name for name in statements if name not in CHANNELS]
    if unknown:
        faults = [f"channels.{n}: no such channel. {did_you_mean(n, CHANNELS)}" for n in unknown]
        raise ConfigError("project file", faults)
    for name, channel in CHANNELS.items():
        statement = statements.get(name)
        having = (subjects or {}).get(name, table.n_subjects)
        if statement is not None:
            entry = _worse(
                channel,
                _stated(name, statement, having),
                measured[name],
                (files or {}).get(name, "missing"),
            )
        elif channel.needs_images and not table.has_images:
            entry = _nothing(name, _NO_IMAGES)
        else:
            entry = measured[name]
        if name == RECOGNITION and entry.worst == 0 and measured[LINKED].worst is None:
            entry = _open(name, "a zero needs a recorded search for the same images elsewhere")
        limit = limits.get(name)
        own = {"required": limit is not None, "limit": limit, "subjects": having}
        entries.append(entry.model_copy(update=own))
    return entries


def _stated(name: str, statement: ChannelStatement, subjects: int) -> ChannelEntry:
    """Return what the assessor stated, with the bound that the counts give.

    Parameters
    ----------
    name : str
    statement : ChannelStatement
    subjects : int
        Who have the channel.
    """
    words = "; ".join(text for text in (statement.method, statement.evidence) if text)
    basis = Statement(
        by=statement.by,
        on=statement.on or "",
        method=statement.method,
        looked=statement.looked,
        of=statement.of,
        defects=statement.defects,
        sensitivity=statement.sensitivity,
        file=statement.file,
        sha256=statement.sha256.lower(),
    )
    entry = ChannelEntry(
        name=name,
        status=statement.status,
        value=statement.value,
        lower=statement.lower if statement.lower is not None else statement.value,
        upper=statement.upper if statement.upper is not None else statement.value,
        evidence=f"stated by the assessor: {words}",
        stated=basis,
    )
    if not statement.counted or statement.status == "not_assessed":
        return entry
    said = max(statement.value or 0.0, statement.upper or 0.0)
    upper = max(said, share_of_subjects(basis, subjects, CONFIDENCE))
    figures = {
        "status": "bounded" if upper else "assessed",
        "value": statement.value if upper else 0.0,
        "lower": statement.lower or statement.value or 0.0,
        "upper": upper,
    }
    return entry.model_copy(update=figures)


def share_of_subjects(basis: Statement, subjects: int, confidence: float) -> float:
    """Return the bound on the share of subjects with a defect that nobody saw; 1 when one was seen.

    What was found stays until a release without it is looked at afresh, and its subject is
    found for certain. Units finer than subjects, such as images, may each be of a subject of
    their own: the bound on their share then counts as many subjects as units.

    Parameters
    ----------
    basis : Statement
        With counts.
    subjects : int
        Who have the channel.
    confidence : float
    """
    looked, of = basis.looked or 0, basis.of or 0
    if basis.defects:
        return 1.0
    bound = defect_bound(looked, of, 0, basis.sensitivity or 1.0, confidence=confidence)
    if bound is None:
        return 1.0
    return min(1.0, bound * max(1.0, of / max(1, subjects)))


def _worse(
    channel: Channel, stated: ChannelEntry, measured: ChannelEntry, file: FileState
) -> ChannelEntry:
    """Return the worse of a statement and our own figure, and what contradicts the statement."""
    basis = stated.stated or Statement()
    stated = stated.model_copy(
        update={
            "found": measured.found,
            "measured": measured.measured,
            "stated": basis.model_copy(update={"file_state": file if basis.file else None}),
        }
    )
    found, claimed = measured.worst, stated.worst
    if found is not None and found > (claimed or 0.0):
        words = f"midi-risk computed up to {found:.3g} from the sources: {measured.evidence}"
        return measured.model_copy(
            update={
                "evidence": f"{stated.evidence}; {words}",
                "stated": stated.stated,
                "contradicts": [] if claimed is None else [MEASUREMENT],
            }
        )
    if claimed is None:
        return stated.model_copy(update={"stated": None})
    seen = None not in {basis.looked, basis.of} and basis.looked == basis.of
    told = [] if seen or claimed >= 1 else measured.found
    against = [fact for fact in told if fact in channel.identifying]
    words = f"; found in headers: {', '.join(FOUND[f] for f in against)}" if against else ""
    return stated.model_copy(
        update={"contradicts": against, "evidence": f"{stated.evidence}{words}"}
    )


def _nothing(name: str, evidence: str) -> ChannelEntry:
    """Return a channel that was looked at and does not exist."""
    return ChannelEntry(
        name=name, status="assessed", value=0.0, lower=0.0, upper=0.0, evidence=evidence
    )


def _open(name: str, evidence: str, found: Sequence[str] = ()) -> ChannelEntry:
    """Return a channel whose risk nobody knows."""
    return ChannelEntry(name=name, status="not_assessed", evidence=evidence, found=[*found])


def _retained(table: SubjectTable, test: Callable[[Attribute], bool]) -> list[str]:
    """Return the names of attributes that stay in the release and meet a test."""
    return [
        a.name
        for a in table.attributes
        if test(a)
        and a.decision is not Decision.REMOVE
        and a.role not in {Role.DIRECT_IDENTIFIER, Role.LINKAGE_KEY}
    ]


def _names(names: list[str]) -> str:
    """Return at most five names and how many more."""
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the rule of a channel may look at.

    Parameters
    ----------
    table, view : SubjectTable
        Before the decisions, and as it would be released.
    names : list of str
        Quasi-identifiers in the release.
    risks : sequence of AdversaryRisk
    trajectory : list of dict
        From `midi_risk.risk.measures.trajectory.trajectory_rows`, may be empty.
    searches : sequence of SearchEntry
        For linked public data, as the assessor recorded them.
    today : datetime.date
    texts : sequence of str
        Text elements that leave and that no attribute reads.
    inspection : Inspection or None
        What `midi-risk inspect` says of the files.
    private : sequence of PrivateRow
        Private elements, one row each.
    linked : sequence of Linked
        Searches of `midi-risk overlap`.
    """

    table: SubjectTable
    view: SubjectTable
    names: list[str]
    risks: Sequence[AdversaryRisk]
    trajectory: list[dict[str, Any]]
    searches: Sequence[SearchEntry]
    today: date
    texts: Sequence[str] = ()
    inspection: Inspection | None = None
    private: Sequence[PrivateRow] = ()
    linked: Sequence[Linked] = ()


def _visit_intervals(release: Release) -> ChannelEntry:
    name = "visit_intervals"
    known = [risk.adversary.visits for risk in release.risks]
    stated = interval_row(_intervals(release.view), release.view.n_subjects, known)
    entries = [] if stated is None else [interval_entry(stated)]
    if release.trajectory:
        entries.append(visit_entry(governing_row(release.trajectory, known)))
    if entries:
        worst = max(entries, key=lambda entry: (entry.value or 0.0, entry.upper or 0.0))
        both = "; ".join(entry.evidence for entry in entries)
        return worst.model_copy(update={"evidence": both})
    if not len(release.view.visits):
        return _nothing(name, "no dates of visits and no times between events are in the sources")
    return _nothing(name, "no subject has two visits on different days, or dates are removed")


def _intervals(view: SubjectTable) -> pd.DataFrame:
    """Return the times between events of a release; a quasi-identifier as it leaves."""
    stated = view.intervals
    quasi = {a.name for a in view.attributes.of_role(Role.QUASI_IDENTIFIER)}
    parts = [stated[~stated["column"].isin(quasi)]]
    for name in stated["column"].unique():
        if name in quasi and name in view.frame.columns:
            texts = view.frame[name].to_numpy(dtype=object)
            seen = np.array([text not in {None, "*"} for text in texts], dtype=bool)
            own = {"subject": np.flatnonzero(seen), "column": name, "value": texts[seen]}
            parts.append(pd.DataFrame(own))
    return pd.concat(parts, ignore_index=True)


def interval_entry(row: Mapping[str, Any]) -> ChannelEntry:
    """Return the channel of visit intervals from columns that state them.

    Parameters
    ----------
    row : mapping
        From `midi_risk.risk.measures.trajectory.interval_row`.
    """
    known = "all values" if row["m"] == "all" else f"{row['m']} values"
    return _known_visits(
        row,
        f"{known} known of the times between events in {_names(row['columns'])}:"
        f" {row['unique']} of {row['subjects']} subjects share theirs with nobody",
    )


def visit_entry(row: Mapping[str, Any]) -> ChannelEntry:
    """Return the channel of visit intervals from the governing row.

    Parameters
    ----------
    row : mapping
        From `midi_risk.risk.measures.trajectory.trajectory_rows`.
    """
    known = "all visits" if row["m"] == "all" else f"{row['m']} visits"
    return _known_visits(
        row,
        f"{known} known, as days since the first visit at a resolution of"
        f" {row['bin_days']} days: {row['unique']} of {row['subjects']} subjects with two or"
        f" more visits share theirs with nobody, {row['at_risk']} with too few",
    )


def _known_visits(row: Mapping[str, Any], evidence: str) -> ChannelEntry:
    """Return the channel of visit intervals from a row of figures."""
    return ChannelEntry(
        name="visit_intervals",
        status="assessed" if row["kind"] == "exact" else "bounded",
        value=row["max"],
        lower=row["max"],
        upper=row["max"] if row["kind"] == "exact" else 1.0,
        mean=row["mean"] if row["kind"] == "exact" else None,
        evidence=evidence,
    )


def _face(release: Release) -> ChannelEntry:
    measured = face_entry(release.view, release.risks)
    if measured is not None:
        return measured
    possible = release.view.facts.get("face_possible")
    if possible == 0:
        return _nothing("face", "no volume or photo of a head or of an unknown part was read")
    seen = "images" if possible is None else f"{possible} instances"
    return _open("face", f"{seen} may show a face that can be reconstructed; nobody measured it")


def _burned_in(release: Release) -> ChannelEntry:
    name, facts = "burned_in", release.view.facts
    inspected = release.inspection
    if inspected is not None and inspected.pixels is not None:
        return pixel_channel(release.view, inspected.pixels, inspected.found[name])
    found = found_among(facts, CHANNELS[name].found)
    text = "pixels were not looked at; 'midi-risk inspect' reads them"
    if found:
        text += f"; found in headers: {in_words(facts, found)}"
    return _open(name, text + "; header flags are claims, not evidence", found)


def _free_text(release: Release) -> ChannelEntry:
    texts = [*_retained(release.view, may_hold_text), *release.texts]
    texts = [name for name in texts if release.view.distinct.get(name, (1, 0))[0]]
    if not texts:
        return _nothing("free_text", "no free text is retained")
    if release.inspection is not None:
        return text_channel(release.view, release.inspection)
    return _open("free_text", f"retained free text was not reviewed: {_names(texts)}")


def _private_elements(release: Release) -> ChannelEntry:
    if release.inspection is not None:
        return private_channel(release.view, release.inspection, release.private)
    count = release.view.facts.get("private_elements")
    if count == 0:
        return _nothing("private_elements", "no private element outside the safe list was read")
    if count is None:
        return _open("private_elements", "the sources do not say whether private elements exist")
    entry = _open(
        "private_elements",
        f"{count} files hold private elements that are not on the safe list of PS3.15 E.3.10",
    )
    seen = read_only(release.private, release.view.facts.get("instances", 0))
    return entry.model_copy(update={"measured": seen})


def _embedded_metadata(release: Release) -> ChannelEntry:
    name, facts = "embedded_metadata", release.view.facts
    inspected, searched = release.inspection, "jpeg_metadata_files" in facts
    if inspected is not None and (inspected.complete(name) or not searched):
        return embedded_channel(release.view, inspected)
    found = found_among(facts, CHANNELS[name].found)
    words = in_words(facts, found)
    if not searched:
        seen = f"; found without it and not reviewed: {words}" if found else ""
        return _open(name, f"bit streams were not searched; --payloads does it{seen}", found)
    if not found:
        return _nothing(name, "nothing embedded was found in the bit streams")
    return _open(name, f"embedded content was found and not reviewed: {words}", found)


def _image_recognition(release: Release) -> ChannelEntry:
    holders = [
        Holder(model=r.model.name, adversary=r.adversary, smallest=smallest_gallery(r).people)
        for r in release.risks
    ]
    return recognition_entry(release.table, release.view, holders)


Rule = Callable[[Release], ChannelEntry]

RULES: Mapping[str, Rule] = {
    "visit_intervals": _visit_intervals,
    "face": _face,
    "burned_in": _burned_in,
    "free_text": _free_text,
    "private_elements": _private_elements,
    "embedded_metadata": _embedded_metadata,
    "device_site": lambda release: device_entry(
        release.table, release.view, release.names, release.risks
    ),
    "cross_collection_pixels": lambda release: pixels_entry(
        release.view, release.names, release.linked, release.today
    ),
    "image_recognition": _image_recognition,
    "linked_data": lambda release: linked_entry(
        release.view, release.names, release.searches, release.linked, release.today
    ),
}
"""Channel -> its rule."""


def measured_channels(
    table: SubjectTable,
    view: SubjectTable,
    names: list[str],
    risks: Sequence[AdversaryRisk],
    trajectory: list[dict[str, Any]],
    searches: Sequence[SearchEntry],
    today: date,
    texts: Sequence[str] = (),
    inspection: Inspection | None = None,
    private: Sequence[PrivateRow] = (),
    linked: Sequence[Linked] = (),
) -> dict[str, ChannelEntry]:
    """Return every channel by its rule, before anything that the assessor states of it.

    Parameters
    ----------
    table, view, names, risks, trajectory, searches, today, texts, inspection, private, linked
        As for `Release`.
    """
    release = Release(
        table=table,
        view=view,
        names=names,
        risks=risks,
        trajectory=trajectory,
        searches=searches,
        today=today,
        texts=texts,
        inspection=inspection,
        private=private,
        linked=linked,
    )
    return {name: rule(release) for name, rule in RULES.items()}

"""Channels: ways to identity that are not the class table.

A channel that nobody looked at is ``not_assessed``. It is never taken as zero.

Content beside the attributes that reading met, in words; counts of files, never values.

The channels that midi-risk computes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import ChannelEntry
from midi_risk.errors import ConfigError, did_you_mean
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.channels.device import device_entry
from midi_risk.risk.channels.face import face_entry
from midi_risk.risk.measures.trajectory import governing_row
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import CHANNELS

FOUND = {
    "preambles_used": "preamble in use",
    "jpeg_metadata_files": "metadata in JPEG frames",
    "jpeg2000_metadata_files": "metadata in JPEG 2000 frames",
    "document_metadata_files": "metadata of an encapsulated document",
    "encapsulated_documents": "encapsulated document",
    "trailing_data_files": "data after the pixels",
    "icc_profiles": "ICC profile",
    "icon_images": "icon image",
    "overlay_files": "overlay",
    "curve_files": "curve",
    "original_attributes": "original attributes kept",
    "nested_identity": "another identity or date inside a sequence",
    "sr_identifying_items": "report items that Table E.3.4-1 lists",
    "dicomdir_files": "DICOMDIR with records of its own",
    "burned_in_yes": "own statement that text is burned in",
    "wsi_label_images": "label of a slide",
    "wsi_overview_images": "overview of a slide, its label perhaps in view",
}
"""Fact -> what the files that it counts hold."""

EMBEDDED = tuple(FOUND)[:14]
"""Facts of the embedded metadata channel; the first four need ``--payloads``."""

IN_PIXELS = tuple(FOUND)[14:]
"""Facts of the burned-in text channel."""


def found_among(facts: Mapping[str, int], names: Iterable[str]) -> list[str]:
    """Return the facts that count at least one file, in their order.

    Examples
    --------
    >>> found_among({"icon_images": 2, "curve_files": 0}, EMBEDDED)
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


_NO_IMAGES = "not applicable: no source describes images"


def channel_entries(
    table: SubjectTable,
    statements: Mapping[str, ChannelStatement],
    limits: Mapping[str, float],
    measured: Mapping[str, ChannelEntry],
) -> list[ChannelEntry]:
    """Return one entry per channel, none left out.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    statements : mapping of str to ChannelStatement
        What the assessor found, from the project file; it stands before our own rule.
    limits : mapping of str to float
        Channels that some threat model requires -> the largest risk that all of these accept.
    measured : mapping of str to ChannelEntry
        Channels that were computed, ``device_site`` at least; a statement of the
        assessor stands before them.

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
    for name in CHANNELS:
        statement = statements.get(name)
        if statement is not None:
            entry = _stated(name, statement, measured.get(name))
        elif name in measured:
            entry = measured[name]
        elif not table.has_images and name in _IMAGE_ONLY:
            entry = _nothing(name, _NO_IMAGES)
        else:
            entry = _RULES[name](table)
        limit = limits.get(name)
        entries.append(entry.model_copy(update={"required": limit is not None, "limit": limit}))
    return entries


def _stated(
    name: str, statement: ChannelStatement, measured: ChannelEntry | None = None
) -> ChannelEntry:
    """Return what the assessor stated, and beside it a higher figure that was computed."""
    value = statement.value
    evidence = f"stated by the assessor: {statement.evidence}"
    found = None if measured is None else measured.upper
    if found is not None and found > max(value or 0.0, statement.upper or 0.0):
        evidence += f"; midi-risk computed up to {found:.3g} from the sources"
    return ChannelEntry(
        name=name,
        status=statement.status,
        value=value,
        lower=statement.lower if statement.lower is not None else value,
        upper=statement.upper if statement.upper is not None else value,
        evidence=evidence,
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


def _visit_intervals(table: SubjectTable) -> ChannelEntry:
    name = "visit_intervals"
    if not len(table.visits):
        return _nothing(name, "no dates of visits are in the sources")
    return _nothing(name, "no subject has two visits on different days, or dates are removed")


def visit_entry(row: Mapping[str, Any]) -> ChannelEntry:
    """Return the channel of visit intervals from the governing row.

    Parameters
    ----------
    row : mapping
        From `midi_risk.risk.measures.trajectory.trajectory_rows`.
    """
    known = "all visits" if row["m"] == "all" else f"{row['m']} visits"
    return ChannelEntry(
        name="visit_intervals",
        status="assessed" if row["kind"] == "exact" else "bounded",
        value=row["max"],
        lower=row["max"],
        upper=row["max"] if row["kind"] == "exact" else 1.0,
        evidence=(
            f"{known} known, as days since the first visit at a resolution of"
            f" {row['bin_days']} days: {row['unique']} of {row['subjects']} subjects with two or"
            f" more visits share theirs with nobody, {row['at_risk']} with too few"
        ),
    )


def _face(table: SubjectTable) -> ChannelEntry:
    possible = table.facts.get("face_possible")
    if possible == 0:
        return _nothing("face", "no volume or photo of a head or of an unknown part was read")
    seen = "images" if possible is None else f"{possible} instances"
    return _open("face", f"{seen} may show a face that can be reconstructed; nobody measured it")


def _burned_in(table: SubjectTable) -> ChannelEntry:
    found = found_among(table.facts, IN_PIXELS)
    text = "pixels were not looked at"
    if found:
        text += f"; found in headers: {in_words(table.facts, found)}"
    return _open("burned_in", text + "; header flags are claims, not evidence", found)


def _free_text(table: SubjectTable) -> ChannelEntry:
    texts = _retained(table, lambda a: a.kind is Kind.TEXT)
    if not texts:
        return _nothing("free_text", "no free-text attribute is retained")
    return _open("free_text", f"retained free text was not reviewed: {_names(texts)}")


def _private_elements(table: SubjectTable) -> ChannelEntry:
    count = table.facts.get("private_elements")
    if count == 0:
        return _nothing("private_elements", "no private element outside the safe list was read")
    if count is None:
        return _open("private_elements", "the sources do not say whether private elements exist")
    return _open(
        "private_elements",
        f"{count} files hold private elements that are not on the safe list of PS3.15 E.3.10",
    )


def _embedded_metadata(table: SubjectTable) -> ChannelEntry:
    name = "embedded_metadata"
    found = found_among(table.facts, EMBEDDED)
    words = in_words(table.facts, found)
    if "jpeg_metadata_files" not in table.facts:
        seen = f"; found without it and not reviewed: {words}" if found else ""
        return _open(name, f"bit streams were not searched; --payloads does it{seen}", found)
    if not found:
        return _nothing(name, "nothing embedded was found in the bit streams")
    return _open(name, f"embedded content was found and not reviewed: {words}", found)


def _cross_collection(table: SubjectTable) -> ChannelEntry:
    del table
    return _open(
        "cross_collection_pixels", "whether the same subjects are in another release is open"
    )


_RULES: Mapping[str, Callable[[SubjectTable], ChannelEntry]] = {
    "visit_intervals": _visit_intervals,
    "face": _face,
    "burned_in": _burned_in,
    "free_text": _free_text,
    "private_elements": _private_elements,
    "embedded_metadata": _embedded_metadata,
    "cross_collection_pixels": _cross_collection,
}

_IMAGE_ONLY = frozenset(
    {"face", "burned_in", "private_elements", "embedded_metadata", "cross_collection_pixels"}
)


def measured_channels(
    table: SubjectTable,
    view: SubjectTable,
    names: list[str],
    risks: Sequence[AdversaryRisk],
    trajectory: list[dict[str, Any]],
) -> dict[str, ChannelEntry]:
    """Return the channels that can be computed: site, visits and faces.

    Parameters
    ----------
    table, view : SubjectTable
        Before the decisions, and as it would be released.
    names : list of str
        Quasi-identifiers in the release.
    risks : sequence of AdversaryRisk
    trajectory : list of dict
        From `midi_risk.risk.measures.trajectory.trajectory_rows`, may be empty.
    """
    computed = {"device_site": device_entry(table, view, names)}
    face = face_entry(view, risks)
    if face is not None:
        computed["face"] = face
    if trajectory:
        known = [risk.adversary.visits for risk in risks]
        computed["visit_intervals"] = visit_entry(governing_row(trajectory, known))
    return computed

"""The channels: ways to identity that are not the class table, one entry each.

A new channel is one entry here and one rule in `midi_risk.risk.channels.entries.RULES`;
names in threat models and project files, words of the report and the page of the
documentation follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Requirement = Literal["required", "optional"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """All that is known of a channel before there is a table.

    Parameters
    ----------
    name : str
        As in project files, threat models and the assessment.
    title, meaning : str
        Words of the report: a heading, and one sentence on how it identifies.
    answers : str
        The attack or the practice that asks for it, with its source.
    needs_images : bool
        Whether it cannot exist where no source describes images.
    requirement : {'required', 'optional'}
        For threat models that do not name it. A channel that one of them requires and
        nobody assessed makes the verdict incomplete.
    found : mapping of str to str
        Facts that reading counts -> what the counted files hold, in words.
    identifying : frozenset of str
        Those of them that speak of a person by themselves: a statement that leaves files
        unseen is contradicted by them.
    """

    name: str
    title: str
    meaning: str
    answers: str
    needs_images: bool = False
    requirement: Requirement = "optional"
    found: Mapping[str, str] = field(default_factory=dict)
    identifying: frozenset[str] = frozenset()


_ENTRIES = (
    Channel(
        name="visit_intervals",
        title="Visit intervals",
        meaning="The days between visits can single out a subject even when every "
        "date was shifted by a constant.",
        answers="linkage of visit patterns with dates known from elsewhere; MIDI best practice 12",
    ),
    Channel(
        name="face",
        title="Reconstructable face",
        meaning="A face rendered from a head scan can be matched against photographs.",
        answers="Schwarz et al. 2019, doi:10.1056/NEJMc1908881; MIDI best practices 15 and 16",
        needs_images=True,
    ),
    Channel(
        name="burned_in",
        title="Burned-in text",
        meaning="Names, dates or identifiers drawn into the pixels.",
        answers="reading the pixels, by eye or by machine; MIDI best practice 10",
        needs_images=True,
        found={
            "burned_in_yes": "own statement that text is burned in",
            "wsi_label_images": "label of a slide",
            "wsi_overview_images": "overview of a slide, its label perhaps in view",
        },
        identifying=frozenset({"burned_in_yes", "wsi_label_images"}),
    ),
    Channel(
        name="free_text",
        title="Free text",
        meaning="Descriptions and comments can hold names, places and rare findings.",
        answers="reading or searching the texts; MIDI best practice 11",
    ),
    Channel(
        name="private_elements",
        title="Private elements",
        meaning="Elements that no public dictionary describes can hold anything.",
        answers="searching private elements; MIDI best practice 13, DICOM PS3.15 Table E.3.10-1",
        needs_images=True,
    ),
    Channel(
        name="embedded_metadata",
        title="Embedded metadata",
        meaning="Payloads inside a file, such as EXIF, JP2 boxes or icons.",
        answers="searching what pixel viewers do not show; MIDI best practice 14",
        needs_images=True,
        # the first eight are counted with --payloads only
        found={
            "preambles_used": "preamble in use",
            "jpeg_metadata_files": "metadata in JPEG frames",
            "jpeg2000_metadata_files": "metadata in JPEG 2000 frames",
            "document_metadata_files": "metadata of an encapsulated document",
            "stream_metadata_files": "metadata in video or other compressed frames",
            "pixel_excess_files": "pixel data beyond the frames, or bits above those stored",
            "files_in_binaries": "image, sound, document or text inside a binary value",
            "streams_not_understood": "bit stream that is not understood, so not looked at",
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
            "listed_binaries": "maker note, certificate or other binary of Table E.1-1",
            "audio_files": "sound recording",
            "hidden_elements": "element in a form that hides what the standard has in it",
        },
        identifying=frozenset({"original_attributes", "nested_identity", "sr_identifying_items"}),
    ),
    Channel(
        name="device_site",
        title="Device and site",
        meaning="Serial numbers, station names and rare scanners point to a hospital.",
        answers="inferring the hospital from the scanner; MIDI best practices 4 and 5",
    ),
    Channel(
        name="cross_collection_pixels",
        title="Same pixels elsewhere",
        meaning="The same images in another public collection link the two.",
        answers="matching images between public collections; MIDI best practice 9",
        needs_images=True,
    ),
    Channel(
        name="image_recognition",
        title="Recognition from another image",
        meaning="Whoever holds an identified image of somebody can find the same person here: "
        "anatomy is as particular as a fingerprint.",
        answers="matching images of one person, with or without training; "
        "doi:10.1007/s00330-025-11630-0, doi:10.1038/s41598-022-19045-3",
        needs_images=True,
    ),
    Channel(
        name="linked_data",
        title="Linked public data",
        meaning="Other public data on the same subjects add what this release leaves out.",
        answers="joining public data sets on the same people; MIDI best practice 9",
    ),
)

CHANNELS: Mapping[str, Channel] = {channel.name: channel for channel in _ENTRIES}
"""Ways to identity that are not the class table, by name."""

FOUND: Mapping[str, str] = {
    fact: words for channel in _ENTRIES for fact, words in channel.found.items()
}
"""Fact -> what the files that it counts hold, over all channels."""

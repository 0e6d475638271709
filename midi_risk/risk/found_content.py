"""Content beside the attributes that reading met, in words; counts of files, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

"""Counts over all instances that the channels of the risk assessment start from."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from midi_risk.sources.arrow import integers_of
from midi_risk.sources.dicom.faces import FACE_COLUMNS, may_show_face
from midi_risk.sources.dicom.header import NOTICED_BITS, Noticed

FACTS = {
    "instances": Noticed.INSTANCE,
    "incomplete_files": Noticed.INCOMPLETE,
    "dicomdir_files": Noticed.DICOMDIR,
    "private_elements": Noticed.UNSAFE_PRIVATE,
    "private_elements_any": Noticed.ANY_PRIVATE,
    "burned_in_yes": Noticed.BURNED_IN_YES,
    "burned_in_no": Noticed.BURNED_IN_NO,
    "recognizable_visual_features_yes": Noticed.VISUAL_FEATURES_YES,
    "face_possible": Noticed.FACE_POSSIBLE,
    "sr_instances": Noticed.STRUCTURED_REPORT,
    "sr_identifying_items": Noticed.IDENTIFYING_CONTENT_ITEMS,
    "encapsulated_documents": Noticed.ENCAPSULATED_DOCUMENT,
    "overlay_files": Noticed.OVERLAY,
    "curve_files": Noticed.CURVE,
    "icon_images": Noticed.ICON,
    "icc_profiles": Noticed.ICC_PROFILE,
    "contour_files": Noticed.CONTOURS,
    "original_attributes": Noticed.ORIGINAL_ATTRIBUTES,
    "nested_identity": Noticed.NESTED_IDENTITY,
    "identity_removed_yes": Noticed.IDENTITY_REMOVED_YES,
    "wsi_label_images": Noticed.WSI_LABEL,
    "wsi_overview_images": Noticed.WSI_OVERVIEW,
    "trailing_data_files": Noticed.TRAILING_DATA,
    "listed_binaries": Noticed.LISTED_BINARY,
    "hidden_elements": Noticed.HIDDEN,
    "audio_files": Noticed.AUDIO,
}
"""Fact -> what is counted for it; always looked at."""

PAYLOAD_FACTS = {
    "preambles_used": Noticed.PREAMBLE_USED,
    "jpeg_metadata_files": Noticed.JPEG_METADATA,
    "jpeg2000_metadata_files": Noticed.JPEG2000_METADATA,
    "document_metadata_files": Noticed.DOCUMENT_METADATA,
    "stream_metadata_files": Noticed.STREAM_METADATA,
    "pixel_excess_files": Noticed.PIXEL_EXCESS,
    "files_in_binaries": Noticed.FILE_IN_BINARY,
    "streams_not_understood": Noticed.NOT_UNDERSTOOD,
}
"""Facts that only a reading with payloads looks at."""

DECIDING = (
    "BurnedInAnnotation", "RecognizableVisualFeatures", "PatientIdentityRemoved", "ImageType",
    *FACE_COLUMNS,
)  # fmt: skip
"""Attributes that `noticed_in` looks at."""


def noticed_in(values: Mapping[str, str]) -> int:
    """Return what an instance's own attributes say.

    Parameters
    ----------
    values : mapping of str to str
        Keyword -> text.

    Returns
    -------
    int
        Bits of `Noticed`.
    """
    found = Noticed.INSTANCE
    get = values.get
    burned = get("BurnedInAnnotation", "").upper()
    sop_class = get("SOPClassUID", "")
    if burned == "YES":
        found |= Noticed.BURNED_IN_YES
    elif burned == "NO":
        found |= Noticed.BURNED_IN_NO
    if get("RecognizableVisualFeatures", "").upper() == "YES":
        found |= Noticed.VISUAL_FEATURES_YES
    if may_show_face(values):
        found |= Noticed.FACE_POSSIBLE
    if get("Modality") == "SR" or sop_class.startswith("1.2.840.10008.5.1.4.1.1.88."):
        found |= Noticed.STRUCTURED_REPORT
    if get("Modality") == "AU" or sop_class.startswith("1.2.840.10008.5.1.4.1.1.9.4."):
        found |= Noticed.AUDIO
    if sop_class.startswith("1.2.840.10008.5.1.4.1.1.104."):
        found |= Noticed.ENCAPSULATED_DOCUMENT
    removed = get("PatientIdentityRemoved", "").upper()
    if removed:
        found |= Noticed.IDENTITY_REMOVED_STATED
    if removed == "YES":
        found |= Noticed.IDENTITY_REMOVED_YES
    kinds = get("ImageType", "").split("\\") if get("ImageType") else []
    if "LABEL" in kinds:
        found |= Noticed.WSI_LABEL
    if "OVERVIEW" in kinds:
        found |= Noticed.WSI_OVERVIEW
    return found


def noticed_counts(noticed: pa.Array | pa.ChunkedArray) -> dict[int, int]:
    """Return the number of files with each bit of `Noticed`."""
    numbers = integers_of(noticed)
    return {bit: int(((numbers & bit) != 0).sum()) for bit in NOTICED_BITS}


def facts_from(counts: Mapping[int, int], *, payloads: bool) -> dict[str, int]:
    """Return the named facts from the number of files per thing noticed.

    Parameters
    ----------
    counts : mapping of int to int
        Number of files with each bit.
    payloads : bool
        Whether embedded payloads were read.

    Returns
    -------
    dict of str to int
        Empty when no instance was read: nothing was looked at then.
    """
    instances = counts.get(Noticed.INSTANCE, 0)
    if not instances and not counts.get(Noticed.DICOMDIR, 0):
        return {}
    looked = {**FACTS, **PAYLOAD_FACTS} if payloads else FACTS
    facts = {name: counts.get(bit, 0) for name, bit in looked.items()}
    facts["burned_in_absent"] = instances - facts["burned_in_yes"] - facts["burned_in_no"]
    stated = counts.get(Noticed.IDENTITY_REMOVED_STATED, 0)
    facts["identity_removed_absent"] = instances - stated
    return facts

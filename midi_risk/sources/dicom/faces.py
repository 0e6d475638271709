"""Which instances may show a face: all that nothing tells to lie elsewhere.

One attribute is no evidence: a head scan is labelled CHEST by a technologist who did not change the
protocol. An instance is left out when its kind cannot show a face, or when the part of the body is
known to lie elsewhere and neither a description nor the field of view speaks of a head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_VOLUMES = frozenset({"", "CT", "MR", "PT", "OT", "SC"})
"""Volumes of which a face can be rendered, and what may be anything."""

_ALWAYS = frozenset({"XC", "OP", "DMS", "TG", "LS", "OSS", "XA", "M3D"})
"""Photographs, heat and laser images, surfaces, and rotational angiography."""

_ALWAYS_CLASSES = (
    "1.2.840.10008.5.1.4.1.1.66.5",
    "1.2.840.10008.5.1.4.1.1.68.",
    "1.2.840.10008.5.1.4.1.1.77.1.4",
    "1.2.840.10008.5.1.4.1.1.77.1.7",
    "1.2.840.10008.5.1.4.1.1.104.3",
    "1.2.840.10008.5.1.4.1.1.104.4",
    "1.2.840.10008.5.1.4.1.1.104.5",
    "1.2.840.10008.5.1.4.1.1.13.1.1",
    "1.2.840.10008.5.1.4.1.1.12.1.1",
)
"""Surface segmentation and scans, photographs, dermoscopy, STL, OBJ, MTL, 3D and enhanced XA."""

_STRUCTURES = frozenset({"RTSTRUCT", "SEG"})
_STRUCTURE_CLASSES = ("1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.66.4")

_ELSEWHERE = re.compile(
    "(?:ABDOMEN|ABDOMINAL|ABDO|ABD|ADRENAL|ANKLE|AORTA|APPENDIX|ARM|AXILLA|BILATERAL|BLADDER|BREAST"
    "|BRONCHUS|CALCANEUS|CALF|CARDIAC|CHEST|CLAVICLE|COCCYX|COLON|DUODENUM|ELBOW|ESOPHAGUS|FEMUR"
    "|FIBULA|FINGER|FOOT|FOREARM|GALLBLADDER|HAND|HEART|HIP|HUMERUS|KIDNEY|KNEE|LEFT|LEG|LIVER"
    "|LOWER|LSPINE|LUMBAR|LUMBARSPINE|LUNG|MEDIASTINUM|OVARY|PANCREAS|PELVIC|PELVIS|PENIS|PHANTOM"
    "|PROSTATE|RADIUS|RECTUM|RIB|RIGHT|SACRUM|SCAPULA|SCROTUM|SPLEEN|STERNUM|STOMACH|TESTIS|THIGH"
    "|THORACIC|THORACICSPINE|THORAX|THUMB|TIBIA|TOE|TO|TSPINE|ULNA|UTERUS|VAGINA|WRIST|AND|ES|S)+"
)
"""Names of parts that show no face, alone or run together."""

"""Names of parts that show no face, alone or run together."""

_SEPARATORS = re.compile(r"[-_/,.;()\\\s]+")
_HEADWARD = re.compile(
    r"(?<![A-Z])(?:BRAIN|FACIAL|SKULL|CRANI|CEREB|NEURO|SINUS|ORBIT|DENTAL|MANDIB|MAXILL|NASAL"
    r"|NASOPH|OROPH|PITUIT|CERVIC|CAROTID|STROKE|WHOLE.?BODY|TOTAL.?BODY|GANZK|VERTEX|TRAUMA"
    r"|POLYTRAUMA|STEREOTA|KOPF|SCH(?:Ä|AE)DEL|GESICHT|HIRN|CERVEAU|VISAGE|CABEZA|TESTA|ENCEFAL"
    r"|HOOFD|HERSEN|HUVUD|HJÄRN|T[ÊE]TE|CR[ÂA]NE|CR[ÁA]NEO|INTRACRAN|ALZHEIM|DEMENT|GLIO"
    r"|(?:HEAD|FACE|NECK|NOSE|EARS?|EYES?|JAW|TMJ|HN|H&N|H\+N|WB|IAC|HALS|CARA|CSPINE|C-SPINE)"
    r"(?![A-Z]))"
)
"""Words of descriptions that speak of a head, or of all of the body."""

_OUTLINE = re.compile(
    r"EXTERN|(?<![A-Z])EXT(?![A-Z])|BODY|SKIN|OUTLINE|OUTER|PATIENT|SURFACE|FACE|HEAD|SKULL|MASK"
    r"|HAUT|K(?:Ö|OE)RPER|AU(?:SS|ß|ẞ)EN|KONTUR|CONTOUR|PEAU|CONTORNO|PIEL|PELLE|CUTE|HUID|SHELL"
    r"|SCALP|NOSE|IMMOB|BOLUS|CORPO|CORPS|CUERPO"
)
"""Names of contours that follow the skin."""

_INNER = re.compile(
    r"[GCPI]TV|LUNG|HEART|CORD|LIVER|KIDNEY|ESOPH|BLADDER|RECTUM|PROSTATE|BOWEL|FEMUR|FEMORAL"
    r"|SPLEEN|STOMACH|AORTA|TRACHEA|TUMOU?R|LESION|NODUL|NEOPLASM|NODE|MASS|BREAST|PANCREAS"
    r"|COLON|UTERUS|VERTEBRA|RIB|CAVA|BRONCH|SEMINAL|ATRIUM|VENTRIC|ADRENAL|DUODEN|CARINA"
)
"""Names of contours of organs and targets that lie inside, away from a face."""

_NAMES = ("ROIName", "ROIObservationLabel", "SegmentLabel", "SegmentDescription")
_DESCRIPTIONS = (
    "StudyDescription", "SeriesDescription", "ProtocolName", "AnatomicRegionSequence",
    "RequestedProcedureDescription", "PerformedProcedureStepDescription",
    "ScheduledProcedureStepDescription", "AcquisitionProtocolDescription", "ProcedureCodeSequence",
    "StructureSetLabel", "StructureSetName", "StructureSetDescription", "ReceiveCoilName",
)  # fmt: skip
FACE_COLUMNS = (
    "Modality", "BodyPartExamined", "SOPClassUID", *_NAMES, *_DESCRIPTIONS, "PixelSpacing", "Rows",
)  # fmt: skip
"""Attributes that `may_show_face` looks at."""

_HEAD_FIELD = (180.0, 280.0)
"""Field of view of a head in millimetres: that of an adult's trunk is wider."""


def face_possible(modality: str, body_part: str) -> bool:
    """Whether an instance may show a face, by modality and part of the body alone.

    What cannot be read as a part of the body may be a head in any language.

    Parameters
    ----------
    modality : str
        Modality of the instance.
    body_part : str
        BodyPartExamined, empty when absent.

    Examples
    --------
    >>> face_possible("MR", "BRAIN"), face_possible("CT", ""), face_possible("CT", "CHEST")
    (True, True, False)
    >>> face_possible("CT", "Kopf"), face_possible("CT", "CHEST_TO_PELVIS")
    (True, False)
    """
    return may_show_face({"Modality": modality, "BodyPartExamined": body_part})


def may_show_face(values: Mapping[str, str]) -> bool:
    r"""Whether an instance may show a face: unless all that is said of it agrees that it cannot.

    Photographs, surfaces and angiography always may. Contours may where one follows the skin, or
    where it is not known what they follow. Volumes may unless the part of the body lies
    elsewhere and no description and no field of view contradicts.

    Parameters
    ----------
    values : mapping of str to str
        Texts of `FACE_COLUMNS`; what is absent is missing or empty.

    Examples
    --------
    >>> may_show_face({"Modality": "CT", "BodyPartExamined": "CHEST"})
    False
    >>> chest = {"Modality": "CT", "BodyPartExamined": "CHEST", "SeriesDescription": "Head 5.0"}
    >>> may_show_face(chest), may_show_face({"Modality": "RTSTRUCT", "ROIName": "GTV\\BODY"})
    (True, True)
    """
    modality = values.get("Modality", "").strip().upper()
    sop_class = values.get("SOPClassUID", "")
    if modality in _ALWAYS or sop_class.startswith(_ALWAYS_CLASSES):
        return True
    structures = modality in _STRUCTURES or sop_class in _STRUCTURE_CLASSES
    if modality not in _VOLUMES and not structures:
        return False
    if structures:
        names = [n for name in _NAMES for n in values.get(name, "").upper().split("\\") if n]
        if any(_OUTLINE.search(name) for name in names):
            return True
        if names and all(_INNER.search(name) for name in names):
            return False
    return not _lies_elsewhere(values)


def _lies_elsewhere(values: Mapping[str, str]) -> bool:
    """Whether the part of the body lies elsewhere, and nothing contradicts it."""
    part = _SEPARATORS.sub("", values.get("BodyPartExamined", "").upper())
    if _ELSEWHERE.fullmatch(part) is None:
        return False
    said = " ".join(values.get(name, "") for name in _DESCRIPTIONS).upper().replace("_", " ")
    if _HEADWARD.search(said):
        return False
    return values.get("Modality", "").strip().upper() != "CT" or not _as_wide_as_a_head(values)


def _as_wide_as_a_head(values: Mapping[str, str]) -> bool:
    """Whether the field of view is that of a head."""
    try:
        field = float(values.get("PixelSpacing", "").split("\\")[0]) * int(values.get("Rows", ""))
    except ValueError:
        return False
    return _HEAD_FIELD[0] <= field <= _HEAD_FIELD[1]

"""What a recoded object says of its own de-identification: (0012,0062-0064), (0028,0303)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence

from midi_risk.export.dicom_rules import DEVICE_DATES, DicomRules
from midi_risk.export.dicom_types import DUMMIES
from midi_risk.export.rules import Action
from midi_risk.resources import data_rows

BASIC, FULL_DATES, MODIFIED_DATES, CHARACTERISTICS = "113100", "113106", "113107", "113108"
_CHARACTERISTICS = (
    "PatientAge", "PatientSex", "PatientSize", "PatientWeight", "EthnicGroup", "SmokingStatus",
    "PregnancyStatus", "Allergies", "PatientState", "PreMedication", "SpecialNeeds",
)  # fmt: skip
_DUMMIES = frozenset(DUMMIES.values())
_TEMPORAL = "LongitudinalTemporalInformationModified"


def state_method(data_set: Dataset, rules: DicomRules, statement: str) -> None:
    """Say in an object that it was recoded, and keep what it says of itself true.

    Parameters
    ----------
    data_set : pydicom.Dataset
        After recoding.
    rules : DicomRules
    statement : str
        Tool and plan; at most 64 characters.

    Notes
    -----
    Codes of CID 7050 are added only next to the basic profile (113100), which this tool
    can never add by itself: it has not checked the rest of the object. Codes that
    recoding made untrue are taken out: full dates become modified dates when dates were
    coarsened, both go when no date is left, patient characteristics go when none is left.
    """
    data_set.PatientIdentityRemoved = "YES"
    methods = data_set.get("DeidentificationMethod") or []
    stated = [methods] if isinstance(methods, str) else [str(method) for method in methods]
    if statement not in stated:
        data_set.DeidentificationMethod = [*stated, statement]
    dated = any(_visit_dates(data_set))
    if rules.dates is not None:
        coarse = rules.dates.action is not Action.REMOVE and dated
        setattr(data_set, _TEMPORAL, "MODIFIED" if coarse else "REMOVED")
    codes = data_set.get("DeidentificationMethodCodeSequence")
    if codes:
        _revise_codes(data_set, list(codes), rules, dated)


def _revise_codes(data_set: Dataset, items: list[Dataset], rules: DicomRules, dated: bool) -> None:
    found = {str(item.get("CodeValue", "")): item for item in items}
    wanted = dict(found)
    if rules.dates is not None:
        if not dated or rules.dates.action is Action.REMOVE:
            wanted.pop(MODIFIED_DATES, None)
        elif FULL_DATES in wanted:
            wanted.setdefault(MODIFIED_DATES, _code(MODIFIED_DATES))
        wanted.pop(FULL_DATES, None)
    remaining = any(str(data_set.get(name, "") or "").strip() for name in _CHARACTERISTICS)
    if not remaining:
        wanted.pop(CHARACTERISTICS, None)
    elif BASIC in wanted:
        wanted.setdefault(CHARACTERISTICS, _code(CHARACTERISTICS))
    if set(wanted) != set(found) and wanted:
        data_set.DeidentificationMethodCodeSequence = ItemSequence(wanted.values())


@cache
def _meanings() -> dict[str, str]:
    return {row["code"]: row["meaning"] for row in data_rows("ps316_cid7050.csv")}


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = _meanings()[value]
    return item


def _visit_dates(data_set: Dataset) -> Iterator[str]:
    """Yield the dates of visits at the top level that are neither empty nor dummies."""
    for tag in list(data_set.keys()):
        if tag.is_private:
            continue
        element = data_set.get_item(tag)
        if element.VR not in {"DA", "DT", None}:
            continue
        element = data_set[tag]
        if element.VR in {"DA", "DT"} and element.keyword not in DEVICE_DATES:
            text = str(element.value or "").strip()
            if text and text not in _DUMMIES:
                yield text

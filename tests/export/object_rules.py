"""Rules for DICOM objects from a small extraction and a plan, both made in the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.document.assessment import Plan
from midi_risk.export.dicom.recode import Outcome, recode
from midi_risk.export.dicom.rules import dicom_rules
from midi_risk.export.rules import ReleaseRules, release_rules
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table import fold

CT = "1.2.840.10008.5.1.4.1.1.2"


def element(keyword: str, kind: Kind, **options: Any) -> Attribute:
    """Return a quasi-identifier that is read from DICOM, or what the options say."""
    given = {"role": Role.QUASI_IDENTIFIER, "reason": "test", "keyword": keyword, "name": keyword}
    return Attribute(source="dicom", column=keyword, kind=kind, **(given | options))


def plan_of(
    levels: Mapping[str, int] | None = None, cells: Mapping[str, list[str]] | None = None
) -> Plan:
    """Return a plan with these levels that empties these cells."""
    state = {
        "k": 1, "classes": 1, "sample_uniques": 0, "subjects": 1, "risk_max": 1.0,
        "risk_mean": 1.0, "at_risk": 0.0, "passed": True,
    }  # fmt: skip
    emptied = sum(map(len, (cells or {}).values()))
    return Plan.model_validate(
        {
            "k": 1, "found": True, "optimal": True, "utility": "none", "loss": 0.0, "steps": [],
            "levels": dict(levels or {}), "suppressed_cells": dict(cells or {}),
            "suppressed": {"subjects": 0, "cells": emptied, "emptied": emptied},
            "before": state, "after": state, "front": [],
        }
    )  # fmt: skip


def release_of(
    objects: Sequence[Dataset], attributes: Sequence[Attribute], plan: Plan | None = None
) -> ReleaseRules:
    """Return the rules of a release of these objects."""
    names = list(dict.fromkeys(["PatientID", *(a.column for a in attributes)]))
    rows = pa.table(
        {
            name: pa.array([_text(data_set, name) for data_set in objects], pa.string())
            for name in names
        }
    )
    source = SourceTable(
        name="dicom", kind=SourceKind.DICOM, level="instance", key="PatientID", rows=rows
    )
    read = Extraction(tables=(source,), files=FILE_SCHEMA.empty_table())
    table = fold(read, AttributeSet(tuple(attributes)), missing="wildcard")
    return release_rules(table, read, plan, {})


def _text(data_set: Dataset, name: str) -> str | None:
    value = data_set.get(name)
    return None if value is None or value == "" else str(value)


def recoded(
    objects: Sequence[Dataset], attributes: Sequence[Attribute], plan: Plan | None = None
) -> Outcome:
    """Recode objects in place, as a release of them would hold them."""
    release = release_of(objects, attributes, plan)
    rules = dicom_rules(release, "dicom")
    total = Outcome()
    for data_set in objects:
        total.add(recode(data_set, rules, release))
    return total


def ct(subject: str, **values: Any) -> Dataset:
    """Return the part of a CT object that tests of recoding look at."""
    data_set = Dataset()
    data_set.SOPClassUID, data_set.PatientID = CT, subject
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(data_set, keyword, value)
    return data_set

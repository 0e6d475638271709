"""Rows of metadata with dates, folded; for tests of what dates give away."""

import numpy as np
import pyarrow as pa

from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.sources.model import FILE_SCHEMA, Extraction, SourceKind, SourceTable
from midi_risk.table import fold


def dicom_days(numbers):
    start = np.datetime64("2001-01-01")
    return [str(start + int(n)).replace("-", "") for n in numbers]


def folded(decisions=None, roles=None, **columns):
    rows = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    source = SourceTable(
        name="scan", kind=SourceKind.METADATA, level="series", key="PatientID", rows=rows
    )
    attributes = AttributeSet(
        tuple(
            Attribute(
                name=name,
                source="scan",
                column=name,
                keyword=name,
                role=(roles or {}).get(name, Role.QUASI_IDENTIFIER),
                kind=Kind.DATE if "Date" in name else Kind.CATEGORY,
                decision=(decisions or {}).get(name),
                reason="",
            )
            for name in columns
            if name != "PatientID"
        )
    )
    return fold(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()), attributes)


def codes(table):
    return {finding.code: finding for finding in table.findings}

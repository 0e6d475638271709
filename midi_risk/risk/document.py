"""The assessment as a document: `assessment.json`, typed.

These models are the only contract between computing and showing. The reports are
rendered from them alone, and the shipped JSON schemas are generated from them.
"""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import Field

from midi_risk.risk.assessor_document import Context, Quality, SearchEntry, SignOff
from midi_risk.risk.lattice_document import TuningLattice
from midi_risk.risk.measures_document import (
    Closeness,
    Combination,
    CurvePoint,
    Diversity,
    HistogramBin,
    Measures,
)
from midi_risk.risk.notebook import assessment_card
from midi_risk.risk.plan_document import Part, Plan, Tool
from midi_risk.risk.threat_document import Result, Threat, TornadoEntry, Uncertainty

__all__ = [
    "ASSESSMENT_SCHEMA",
    "Assessment",
    "AttributeEntry",
    "ChannelEntry",
    "Closeness",
    "Collection",
    "Combination",
    "Context",
    "CurvePoint",
    "Diversity",
    "FileCounts",
    "FindingEntry",
    "Governing",
    "HistogramBin",
    "Internal",
    "LinkEntry",
    "Measures",
    "Part",
    "Plan",
    "Provenance",
    "Ps315",
    "Quality",
    "Record",
    "Result",
    "SearchEntry",
    "SignOff",
    "Threat",
    "Threshold",
    "Tool",
    "TornadoEntry",
    "Uncertainty",
    "ValueCount",
    "Verdict",
]

ASSESSMENT_SCHEMA = "midi-risk/assessment/1"


class FileCounts(Part):
    """Files by what became of them."""

    read: int = Field(ge=0)
    flagged: int = Field(ge=0)
    not_dicom: int = Field(ge=0)
    unreadable: int = Field(ge=0)


class Collection(Part):
    """What was assessed. Counts of levels that were not seen are None."""

    name: str
    digest: str
    subjects: int = Field(ge=0)
    studies: int | None = None
    series: int | None = None
    instances: int | None = None
    files: FileCounts
    excluded: dict[str, int] = {}


class Threshold(Part):
    """Threshold of the governing threat model, fixed before the figures were seen."""

    k: int = Field(ge=1)
    label: str
    statistic: str
    fixed_at: str
    source: str = ""


class Ps315(Part):
    """Row of PS3.15 Table E.1-1."""

    release: str
    action: str
    options: list[str] = []


class AttributeEntry(Part):
    """One attribute with its decision and why it stays."""

    name: str
    source: str
    level: str
    role: str
    kind: str
    distinct: int
    missing: int
    label: str = ""
    reason: str = ""
    folding: str = ""
    knowable_by: list[str] = []
    ladder: str | None = None
    ps315: Ps315 | None = None
    decision: str | None = None
    justification: str = ""
    need: str | None = Field(
        default=None, description="why research needs it, the assessor's words"
    )
    utility: float | None = Field(default=None, description="weight in the information loss")
    contribution: float | None = Field(
        default=None, description="Shapley value of the attribute in the mean prosecutor risk"
    )


class ChannelEntry(Part):
    """A way to identity that is not the class table."""

    name: str
    status: Literal["assessed", "bounded", "not_assessed"]
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    evidence: str
    required: bool = True
    found: list[str] = Field(default=[], description="kinds of content that reading met")


class Governing(Part):
    """The figure that decides."""

    model: str
    adversary: str
    measure: str
    value: float | None
    threshold: float


class Verdict(Part):
    """Acceptable only when every figure passes and nothing is left unknown."""

    status: Literal["acceptable", "above_threshold", "incomplete"]
    governing: Governing | None
    reasons: list[str]


class FindingEntry(Part):
    """An integrity or hygiene observation."""

    code: str
    attribute: str
    subjects: int
    text: str


class LinkEntry(Part):
    """How one source joined the leading one."""

    source: str
    rows: int
    subjects: int
    matched: int
    orphans: int
    unmatched_subjects: int
    fan_out: int
    key_rule: str


class Record(Part):
    """A subject in a class below the threshold (internal edition only)."""

    subject: str
    class_size: int
    drivers: list[str]


class ValueCount(Part):
    """A value and how many subjects have it (internal edition only)."""

    value: str
    subjects: int


class Internal(Part):
    """Disclosive parts: only the internal edition shows them."""

    def __repr__(self) -> str:
        """Count only, never values."""
        return f"Internal({self.records_total} subjects at risk)"

    __str__ = __repr__

    records: list[Record] = []
    records_total: int = 0
    values: dict[str, list[ValueCount]] = {}
    unreadable: list[dict[str, str]] = []
    digest_key: str = Field(
        default="", description="random; the shareable edition shows digests keyed with it"
    )
    lattice: TuningLattice | None = None


class Provenance(Part):
    """What it was computed from and how."""

    sources: list[dict[str, Any]]
    versions: dict[str, str]
    tables: dict[str, str]
    seed: int | None
    command: str


class Assessment(Part):
    """All of it, at one time, bound to digests, with an expiry."""

    schema_: str = Field(default=ASSESSMENT_SCHEMA, alias="schema")
    tool: Tool
    created: str
    valid_until: str
    collection: Collection
    project_digest: str
    threat_models: list[dict[str, Any]]
    threshold: Threshold
    attributes: list[AttributeEntry]
    measures: Measures
    threats: list[Threat]
    channels: list[ChannelEntry]
    findings: list[FindingEntry] = []
    links: list[LinkEntry] = []
    missing_policy: str = "category"
    context: Context | None = None
    sign_off: SignOff | None = None
    changes: list[str] = Field(default=[], description="what changed since the run before")
    plan: Plan | None = None
    verdict: Verdict
    provenance: Provenance
    internal: Internal | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the document as `assessment.json` holds it."""
        return self.model_dump(mode="json", by_alias=True)

    def public(self) -> Assessment:
        """Return a copy without the disclosive parts."""
        plan = self.plan and self.plan.public()
        return self.model_copy(update={"internal": None, "plan": plan})

    def __repr__(self) -> str:
        """Verdict and counts only, never values."""
        return f"Assessment({self.verdict.status}, {self.collection.subjects} subjects)"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Verdict and counts only, never values."""
        return assessment_card(self)

    def to_frame(self) -> pd.DataFrame:
        """Return every result of every adversary as a table."""
        rows = [
            {"model": t.model, "adversary": t.adversary, **r.model_dump()}
            for t in self.threats
            for r in t.results
        ]
        return pd.DataFrame(rows)

"""The assessment as a document: `assessment.json`, typed.

These models are the only contract between computing and showing. The reports are
rendered from them alone, and the shipped JSON schemas are generated from them.

What only the assessor knows, as parts of the assessment document.

Figures of the released table, as parts of the assessment document.

Results of each adversary, as parts of the assessment document.

The lattice of recodings as a document: what the tuning page works on, without values.

What other stages need of it (findings, links, risks) is defined here and used there.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import pandas as pd
from pydantic import Field, model_validator

from midi_risk.config import Tolerance
from midi_risk.document import notebook
from midi_risk.document.plan import Part, Plan, Tool
from midi_risk.document.reasons import WITHIN, Reason, Status, status_of


class SearchEntry(Part):
    """One search for other public data on the same subjects (best practice 9)."""

    date: str
    place: str
    found: str


class Quality(Part):
    """Human quality control of the release candidate (best practice 17)."""

    unit: str = "subjects"
    population: int = Field(ge=0)
    sample: int = Field(ge=0)
    defects: int = Field(ge=0)
    sensitivity: float | None = Field(default=None, ge=0, le=1)
    note: str = ""


class Context(Part):
    """What only the assessor knows; the report says "not stated" where it is empty."""

    purpose: str = ""
    intended_users: str = ""
    utility: str = ""
    sites: list[str] = []
    coordinating_centre: str = ""
    distributor: str = ""
    profile: str = Field(default="", description="release of PS3.15 that was applied")
    options: list[str] = Field(default=[], description="codes of CID 7050, such as 113108")
    linked_search: list[SearchEntry] = []
    quality: Quality | None = None
    conflicts: str = ""
    triggers: list[str] = []
    assumptions: list[str] = []


class SignOff(Part):
    """Who answers for the assessment."""

    assessor: str = ""
    role: str = ""
    organisation: str = ""
    date: str = ""
    statement: str = ""


class HistogramBin(Part):
    """Classes and subjects with class size between two bounds, both inclusive."""

    size_from: int
    size_to: int
    classes: int
    subjects: int


class Diversity(Part):
    """l-diversity of one sensitive attribute, worst class."""

    attribute: str
    distinct_l: int
    entropy_l: float
    homogeneous_classes: int
    homogeneous_subjects: int
    missing: int


class Closeness(Part):
    """t-closeness of one sensitive attribute, worst class."""

    attribute: str
    distance: Literal["equal", "ordered", "hierarchical"]
    t: float


class CurvePoint(Part):
    """Share of subjects in classes smaller than k."""

    k: int
    subjects_below: int
    share_below: float


class Combination(Part):
    """A combination of attributes on which some subjects are unique or rare."""

    attributes: list[str]
    unique: int
    below_k: int


class Measures(Part):
    """Figures of the released table itself, without an attacker."""

    k: int | None
    classes: int
    sample_uniques: int
    class_size_histogram: list[HistogramBin]
    quasi_identifiers: list[str] = []
    curve: list[CurvePoint] = []
    combinations: list[Combination] = []
    diversity: list[Diversity] = []
    closeness: list[Closeness] = []
    population_uniques: list[dict[str, Any]] = []
    trajectory: list[dict[str, Any]] = []


class EstimateKind(StrEnum):
    """How a value was obtained."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    BOUND = "bound"


class RiskEstimate(Part):
    """One disclosure risk under one attack: a value with an interval, a kind and a verdict.

    Parameters
    ----------
    measure : str
        ``prosecutor_max``, ``journalist_mean``, ``marketer_mean``...
    value : float
        Probability or share in [0, 1].
    lower, upper : float
        Interval; equal to the value when exact.
    kind : EstimateKind
    n : int
        Subjects it rests on.
    threshold : float or None
        Largest accepted value, None when the measure does not govern.
    passed : bool or None
        None when there is no threshold.
    method : str
        How it was computed, in words.
    reference : str
        Source of the formula.
    attacker : str
        Name of the adversary.

    Examples
    --------
    >>> RiskEstimate(
    ...     measure="prosecutor_max", value=0.5, lower=0.5, upper=0.5, kind="exact", n=8
    ... ).to_dict()["kind"]
    'exact'
    """

    measure: str
    value: float
    lower: float
    upper: float
    kind: EstimateKind
    n: int
    threshold: float | None = None
    passed: bool | None = None
    method: str = ""
    reference: str = ""
    attacker: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return self.model_dump(mode="json")

    def to_frame(self) -> pd.DataFrame:
        """Return a table of one row."""
        return pd.DataFrame([self.to_dict()])


class TornadoEntry(Part):
    """What one declared interval does to the risk while the others stay in the middle."""

    name: str
    low: float
    high: float
    at_low: float
    at_high: float
    crosses: bool | None = Field(
        description="whether the risk is within the threshold at one end only; null without one"
    )

    @property
    def swing(self) -> float:
        """Distance between the risks at the two ends."""
        return abs(self.at_high - self.at_low)


class Uncertainty(Part):
    """Overall risk (attempt times data risk) over the intervals that a threat model declares."""

    probability_above: float = Field(description="share of draws above the threshold")
    interval: tuple[float, float] = Field(description="holds 95 % of the draws")
    central: float = Field(description="risk in the middle of all intervals")
    conservative: float = Field(description="risk at the conservative ends, which is judged")
    threshold: float
    draws: int
    seed: int
    tornado: list[TornadoEntry] = []
    method: str = ""


class Threat(Part):
    """Results of one adversary of one threat model."""

    model: str
    adversary: str
    release: str = ""
    attempt: float
    attempt_source: str = ""
    knows: dict[str, str] = {}
    event: str = Field(default="", description="deliberate, acquaintance or breach")
    population: str = ""
    threshold_k: int = Field(ge=1, description="smallest class that the threshold accepts")
    statistic: str = ""
    budget: float | None = Field(default=None, description="largest data risk that is accepted")
    membership: tuple[float, float] | None = Field(
        default=None, description="probability that the adversary knows who is in the release"
    )
    verification: float | None = Field(
        default=None, description="probability that a right match can be verified; null: off"
    )
    results: list[RiskEstimate]
    uncertainty: Uncertainty | None = Field(
        default=None, description="null when the threat model declares no interval"
    )


class TuningLevel(Part):
    """One level of one attribute."""

    level: int = Field(ge=0, description="number of the level in the attribute's hierarchy")
    name: str
    text: str = Field(description="plain English")
    loss: float = Field(ge=0, le=1, description="share of the attribute's information lost")
    cost: float = Field(description="what the level adds to the information lost by the release")


class TuningAttribute(Part):
    """One axis of the lattice."""

    name: str
    levels: list[TuningLevel]
    start: int = Field(default=0, ge=0, description="place of the level that was assessed")
    locked: bool = False
    need: str = ""
    contribution: float | None = None


class TuningRule(Part):
    """What one adversary demands of the classes."""

    model: str
    adversary: str
    k: int = Field(ge=1, description="smallest class that is accepted")
    mean: float | None = Field(default=None, description="largest average risk that is accepted")


class TuningLattice(Part):
    """Aggregates of every node; arrays are little-endian unsigned integers in base64.

    Node numbers are row-major: the last attribute's level changes fastest. `below` holds
    one run of nodes for each entry of `ks`.
    """

    subjects: int = Field(ge=1)
    k: int = Field(ge=1, description="class size that every adversary accepts")
    ks: list[int]
    max_suppressed: int = Field(ge=0, description="subjects that may be left out")
    attributes: list[TuningAttribute]
    rules: list[TuningRule]
    exact: bool = Field(description="whether the rules decide as the assessment would")
    note: str = ""
    not_tuned: list[str] = Field(default=[], description="attributes that stay as decided")
    levels_left_out: int = 0
    lost_elsewhere: float = Field(
        default=0.0, description="what the quasi-identifiers that are not tuned add to the loss"
    )
    plan: list[int] | None = Field(default=None, description="node of the suggested plan")
    bytes_per_count: Literal[1, 2, 4]
    classes: str
    smallest: str
    below: str = Field(description="subjects in classes smaller than each of ks")
    kept_classes: str = Field(description="classes of at least k subjects")
    kept_smallest: str = Field(description="smallest of them, 0 when there is none")


ASSESSMENT_SCHEMA = "midi-risk/assessment/2"


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
    """Threshold of the strictest threat model, and what proves that it stood before the figures."""

    k: int = Field(ge=1)
    label: str
    statistic: str
    fixed_at: str = Field(description="since when it stood; empty when nothing proves it")
    proof: Literal["project", "log", ""] = Field(
        default="", description="what proves that it was fixed before the figures were seen"
    )
    source: str = ""
    shipped: int | None = Field(
        default=None, description="class size that midi-risk ships, where a model requires less"
    )
    reason: str = Field(default="", description="why a class size below the shipped one suffices")


class Log(Part):
    """What the log of runs tells of the time before this run."""

    runs: int = Field(ge=0, description="earlier runs, in which figures were seen")
    since: str = Field(description="since when the threat models stand as now; empty: from now on")
    changed: bool = Field(description="whether an earlier run applied other threat models")


class Ps315Action(Part):
    """Row of PS3.15 Table E.1-1 for one attribute.

    Parameters
    ----------
    release : str
        Release of the standard, such as ``"2026d"``.
    action : str
        Basic-profile action code (``X``, ``Z``, ``D``, ``U``, ``X/Z``...), or
        ``"not listed"``.
    options : tuple of str
        Options that change it, such as ``"rtn_pat_chars=K"``.
    """

    release: str
    action: str
    options: tuple[str, ...] = ()


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
    ps315: Ps315Action | None = None
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
    required: bool = False
    limit: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest risk that the models that require it accept; null: none requires it",
    )
    found: list[str] = Field(default=[], description="kinds of content that reading met")

    @model_validator(mode="after")
    def _limited(self) -> ChannelEntry:
        if self.required != (self.limit is not None):
            raise ValueError("has a 'limit' where it is 'required', and only there")
        return self

    @property
    def worst(self) -> float | None:
        """The highest figure stated, None where nobody knows one."""
        figures = [x for x in (self.value, self.upper) if x is not None]
        return max(figures) if figures and self.status != "not_assessed" else None

    @property
    def passed(self) -> bool | None:
        """Whether it is within its limit; None without a limit or a figure."""
        if self.limit is None or self.worst is None:
            return None
        return self.worst <= self.limit + 1e-12


class Governing(Part):
    """The figure that decides."""

    model: str
    adversary: str
    measure: str
    value: float | None
    threshold: float


class Verdict(Part):
    """Acceptable only when every figure passes and nothing is left unknown.

    The status is what the codes of the reasons give, nothing else.
    """

    status: Status
    governing: Governing | None
    reasons: list[Reason]

    @model_validator(mode="after")
    def _as_its_reasons(self) -> Verdict:
        codes = [reason.code for reason in self.reasons]
        given = status_of(codes)
        if given is None:
            raise ValueError("gives no reason for its status")
        if self.status != given:
            raise ValueError(f"is '{self.status}', but its reasons make it '{given}'")
        if WITHIN in codes and given != "acceptable":
            raise ValueError(f"gives '{WITHIN}' as a reason beside others that stand against it")
        return self


class Finding(Part):
    """An integrity or hygiene observation, as counts and names, without values.

    Parameters
    ----------
    code : str
        Stable name of the rule, such as ``"sex-conflict"``.
    attribute : str
        Attribute concerned, or ``""``.
    subjects : int
        Subjects concerned (values, for a hygiene rule).
    text : str
        One sentence.
    """

    code: str
    attribute: str
    subjects: int
    text: str


class LinkReport(Part):
    """How one source joined the leading one.

    Parameters
    ----------
    source : str
        Name of the joined source table.
    rows, subjects, matched : int
        Rows in it, distinct keys in it, keys that a leading subject has.
    orphans : int
        Keys in it that no leading subject has.
    unmatched_subjects : int
        Leading subjects without a row in it.
    fan_out : int
        Subjects with more than one row in it.
    key_rule : str
        How keys were made comparable, such as ``"exact"`` or ``"case folded"``.
    """

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
    tolerance: Tolerance = Field(
        default=Tolerance(), description="how much may go unseen before the verdict is incomplete"
    )
    project_digest: str
    threat_models: list[dict[str, Any]]
    threshold: Threshold
    log: Log | None = Field(default=None, description="null where no log was kept")
    attributes: list[AttributeEntry]
    measures: Measures
    threats: list[Threat]
    channels: list[ChannelEntry]
    findings: list[Finding] = []
    links: list[LinkReport] = []
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

    def _repr_html_(self) -> str:
        """Names of attributes and threat models, counts and risks; no value, no key."""
        verdict, measures = self.verdict, self.measures
        open_channels = sum(c.limit is not None and c.worst is None for c in self.channels)
        rows = [
            ("Subjects", self.collection.subjects),
            ("Smallest class", f"{measures.k} (required: {self.threshold.k})"),
            ("Classes", measures.classes),
            ("Unique subjects", measures.sample_uniques),
            ("Quasi-identifiers", ", ".join(measures.quasi_identifiers) or "none"),
            ("Required channels not assessed", open_channels),
            ("Valid until", self.valid_until),
        ]
        figures = [
            (
                t.model,
                t.adversary,
                r.measure,
                notebook.number(r.value),
                notebook.passed_word(r.passed),
            )
            for t in self.threats
            for r in t.results
        ]
        heads = ("threat model", "adversary", "measure", "value", "threshold")
        return (
            f"<h4>{notebook.STATUS[verdict.status]}: {notebook.text(self.collection.name)}</h4>"
            + notebook.bullets(reason.text for reason in verdict.reasons)
            + notebook.table((), rows)
            + notebook.table(heads, figures)
        )

    def to_frame(self) -> pd.DataFrame:
        """Return every result of every adversary as a table."""
        rows = [
            {"model": t.model, "adversary": t.adversary, **r.model_dump()}
            for t in self.threats
            for r in t.results
        ]
        return pd.DataFrame(rows)


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
    "EstimateKind",
    "FileCounts",
    "Finding",
    "Governing",
    "HistogramBin",
    "Internal",
    "LinkReport",
    "Log",
    "Measures",
    "Part",
    "Plan",
    "Provenance",
    "Ps315Action",
    "Quality",
    "Reason",
    "Record",
    "RiskEstimate",
    "SearchEntry",
    "SignOff",
    "Threat",
    "Threshold",
    "Tolerance",
    "Tool",
    "TornadoEntry",
    "Uncertainty",
    "ValueCount",
    "Verdict",
]

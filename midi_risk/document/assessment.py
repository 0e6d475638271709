"""The assessment as a document: `assessment.json`, typed.

These models are the only contract between computing and showing. The reports are
rendered from them alone, and the shipped JSON schemas are generated from them. They hold what
only the assessor knows, the figures of the released table, the results of each adversary, and
the lattice of recodings that the tuning page works on, without values. What other stages need
(findings, links, risks) is defined here and used there.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, model_validator

from midi_risk.config import Tolerance, written_day
from midi_risk.document import notebook
from midi_risk.document.plan import Part, Plan, Tool
from midi_risk.document.reasons import EXIT_CODES, WITHIN, Reason, ReasonCode, Status, status_of
from midi_risk.document.reliability import QualityControl, Score
from midi_risk.document.sampling import defect_bound
from midi_risk.errors import MidiRiskError, VerdictError, did_you_mean, quoted


def said(*texts: str) -> bool:
    """Tell whether each text says something: blanks and dots do not.

    Examples
    --------
    >>> said("B. Reader", "TCIA"), said("B. Reader", " . ")
    (True, False)
    """
    return all(any(map(str.isalnum, text)) for text in texts)


WrittenDay = Annotated[str, BeforeValidator(written_day)]
"""A day as somebody wrote it; may be empty or no day at all."""


def day_of(text: str) -> date | None:
    """Return the day that a text begins with, None when it begins with none.

    Examples
    --------
    >>> day_of("2026-11-02T10:00:00Z"), day_of("last week")
    (datetime.date(2026, 11, 2), None)
    """
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _on_or_date(given: Any, name: str) -> Any:
    """Let a day be written under ``date`` as well as under ``on``."""
    if isinstance(given, dict):
        other = "on" if name == "date" else "date"
        if other in given and name not in given:
            return {name if key == other else key: value for key, value in given.items()}
    return given


class SearchEntry(Part):
    """One search for other public data on the same subjects (best practice 9)."""

    date: WrittenDay = Field(default="", description="when; `on` in a project file means the same")
    by: str = Field(default="", description="who searched")
    place: str = Field(default="", description="where")
    hits: int | None = Field(
        default=None, ge=0, description="subjects of the release who were found there"
    )
    found: str = Field(default="", description="in words; no substitute for hits")

    @model_validator(mode="before")
    @classmethod
    def _under_either_name(cls, given: Any) -> Any:
        return _on_or_date(given, "date")

    @property
    def complete(self) -> bool:
        """Whether it says when, by whom, where and with how many hits."""
        return bool(day_of(self.date) and said(self.by, self.place)) and self.hits is not None


class Quality(Part):
    """Human quality control of the release candidate (best practice 17)."""

    by: str = Field(default="", description="who looked")
    on: WrittenDay = Field(default="", description="when")
    unit: str = "subjects"
    population: int = Field(ge=0)
    sample: int = Field(ge=0)
    defects: int = Field(ge=0)
    sensitivity: float | None = Field(default=None, ge=0, le=1)
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _under_either_name(cls, given: Any) -> Any:
        return _on_or_date(given, "on")

    @property
    def complete(self) -> bool:
        """Whether it says when, by whom, how many of how many, and how much a reviewer sees."""
        stated = bool(day_of(self.on) and said(self.by)) and self.sensitivity is not None
        return stated and 0 < self.sample <= self.population

    @property
    def bound(self) -> float | None:
        """Upper bound of the rate of defects, 95 %; None when nothing was looked at.

        Without a sensitivity, as if a reviewer missed nothing.
        """
        seen = 1.0 if self.sensitivity is None else self.sensitivity
        return defect_bound(self.sample, self.population, self.defects, seen)


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


class AcceptedDisclosure(Part):
    """Who accepted in writing what an attribute discloses, when and why."""

    by: str
    on: str
    reason: str


class Disclosure(Part):
    """What one sensitive attribute discloses, judged by one threat model.

    `value` is the worst class: the least diversity, the largest distance, or the largest gain
    over the base rate among values that can be inferred.
    """

    model: str
    attribute: str
    criterion: Literal["distinct", "entropy", "recursive", "t", "gain", "alpha", "beta", "delta"]
    value: float | None = Field(description="null: without bound, one value in a class")
    threshold: float
    passed: bool
    classes: int = Field(ge=0, description="classes that fail")
    subjects: int = Field(ge=0, description="subjects in them")
    accepted: AcceptedDisclosure | None = None

    @model_validator(mode="after")
    def _as_its_classes(self) -> Disclosure:
        if self.passed is not (self.classes == 0) or self.passed is not self.within:
            raise ValueError("passes where no class fails and the value is within, only there")
        return self

    @property
    def within(self) -> bool:
        """Whether the value is on the right side of the threshold."""
        if self.value is None:
            return False
        if self.criterion in {"distinct", "entropy"}:
            return self.value >= self.threshold - 1e-9
        if self.criterion in {"recursive", "delta"}:
            return self.value < self.threshold
        return self.value <= self.threshold + 1e-9


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


class EstimateKind(StrEnum):
    """How a value was obtained."""

    EXACT = "exact"
    ESTIMATE = "estimate"
    BOUND = "bound"


NOT_APPLICABLE = {
    "few_attributes": "Minimal sample uniques are sought in combinations, and there are fewer than "
    "two quasi-identifiers.",
    "too_large": "There are too many subjects and quasi-identifiers to search even pairs of "
    "attributes.",
    "release_only": "No threat model names a population beyond the release, so F = f and the "
    "individual risk is the prosecutor's.",
    "no_class_sizes": "The population model gives no class sizes for this release, so only the "
    "bound F = f holds, which is the prosecutor's risk.",
    "no_table": "No threat model names a population table, so the number of people in each class "
    "of the population is not known.",
}
"""Why a figure beside the verdict is not there: code and sentence."""
WhyNot = Literal["few_attributes", "too_large", "release_only", "no_class_sizes", "no_table"]


class SizeCount(Part):
    """Minimal sample uniques of one size."""

    size_from: int = Field(ge=1, description="attributes in the combination, at least")
    size_to: int = Field(ge=1, description="and at most; the same here")
    uniques: int = Field(ge=0, description="minimal sample uniques; a subject can have several")
    subjects: int = Field(ge=0, description="subjects whose smallest one has this size")


class ScoreBand(Part):
    """Subjects with a DIS-SUDA score above one bound and up to another."""

    above: float | None = Field(description="null: the band of subjects without a score")
    up_to: float
    subjects: int = Field(ge=0)


class AttributeShare(Part):
    """Share of the whole SUDA score that involves an attribute; shares overlap."""

    attribute: str
    share: float = Field(ge=0, le=1)


class SpecialUniques(Part):
    """Minimal sample uniques on the quasi-identifiers as released (SUDA); never judged."""

    reason: WhyNot | None = Field(default=None, description="why it was not computed; null: it was")
    attributes: int = Field(default=0, ge=0, description="quasi-identifiers searched")
    largest_size: int = Field(default=0, ge=0, description="largest combination searched")
    complete: bool = Field(default=False, description="whether every size was searched")
    subjects: int = Field(default=0, ge=0, description="subjects with at least one")
    by_size: list[SizeCount] = []
    mean_dis: float = Field(default=0.0, description="mean DIS-SUDA over all subjects")
    bands: list[ScoreBand] = Field(default=[], description="DIS-SUDA: orders, not a probability")
    shares: list[AttributeShare] = []
    sampling_fraction: float | None = Field(default=None, description="that DIS-SUDA assumes")
    fraction_declared: bool = Field(default=False, description="false: a convention, 0.01")
    kind: EstimateKind = EstimateKind.EXACT
    method: str = ""
    reference: str = ""


class Quantile(Part):
    """Risk that a share of the subjects does not exceed."""

    share: float = Field(ge=0, le=1)
    risk: float = Field(ge=0, le=1)


class IndividualRisk(Part):
    """Risk of each subject against the population, added up; never judged.

    Of several adversaries whose population is known, the one with the largest expected number.
    """

    reason: WhyNot | None = Field(default=None, description="why it does not apply; null: it does")
    model: str = ""
    adversary: str = ""
    population: str = ""
    n: int = Field(default=0, ge=0, description="subjects")
    expected: float = Field(default=0.0, description="expected re-identifications, all attempted")
    lower: float = Field(default=0.0, description="the same at the other end of the population")
    upper: float = Field(
        default=0.0, description="the same with what holds at 95 %, class by class"
    )
    share: float = Field(default=0.0, description="expected over subjects")
    quantiles: list[Quantile] = []
    threshold: float | None = Field(default=None, description="1 over the adversary's class size")
    above: int = Field(default=0, ge=0, description="subjects above the threshold")
    kind: EstimateKind = EstimateKind.ESTIMATE
    method: str = ""
    reference: str = ""


class PresenceRange(Part):
    """delta-presence: how surely a member of the population is in the release; never judged.

    Of several adversaries with a population table, the one with the largest probability.
    """

    reason: WhyNot | None = Field(default=None, description="why it does not apply; null: it does")
    model: str = ""
    adversary: str = ""
    population: str = ""
    delta_min: float | None = Field(default=None, ge=0, le=1)
    delta_max: float | None = Field(default=None, ge=0, le=1)
    raised: int = Field(
        default=0, ge=0, description="subjects in classes of which the table expects fewer people"
    )
    kind: EstimateKind = EstimateKind.ESTIMATE
    method: str = ""
    reference: str = ""


class RepeatedEntry(Part):
    """What it adds that subjects have several released values of one attribute.

    Parameters
    ----------
    attribute : str
    subjects : int
        Subjects with more than one distinct value.
    values_max : int
        Most values of one subject.
    risk_max_folded, risk_max_released : float
        Highest risk on one folded value each, and on any of the values that leave.
    """

    attribute: str
    subjects: int
    values_max: int
    risk_max_folded: float
    risk_max_released: float


class Measures(Part):
    """Figures of the released table itself, without an attacker."""

    k: int | None
    classes: int
    sample_uniques: int
    class_size_histogram: list[HistogramBin]
    quasi_identifiers: list[str] = []
    curve: list[CurvePoint] = []
    combinations: list[Combination] = []
    combinations_folded: bool = Field(
        default=False,
        description="whether combinations are of one value of each subject although more leave",
    )
    diversity: list[Diversity] = []
    closeness: list[Closeness] = []
    population_uniques: list[dict[str, Any]] = []
    trajectory: list[dict[str, Any]] = []
    special_uniques: SpecialUniques | None = Field(
        default=None, description="beside the verdict; null in a document that does not know it"
    )
    individual: IndividualRisk | None = Field(default=None, description="as special_uniques")
    presence: PresenceRange | None = Field(default=None, description="as special_uniques")
    repeated: list[RepeatedEntry] = []


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
    tail : list of Quantile
        Beside a mean: risks that 50 to 100 % of the subjects do not exceed. A mean hides them.

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
    tail: list[Quantile] = Field(
        default=[], description="beside a mean: risks that shares of the subjects do not exceed"
    )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return self.model_dump(mode="json")

    def to_frame(self) -> pd.DataFrame:
        """Return a table of one row."""
        return pd.DataFrame([self.to_dict()])

    def __repr__(self) -> str:
        """Return measure, value and where it stands."""
        place = notebook.passed_word(self.passed)
        shown = f"{self.measure}={notebook.number(self.value)}"
        return f"RiskEstimate({shown}{f', {place}' if place else ''})"

    def _repr_html_(self) -> str:
        """Return the figure, its interval and where it stands."""
        rows = [
            ("Measure", self.measure),
            ("Value", notebook.number(self.value)),
            ("Interval", f"{notebook.number(self.lower)} to {notebook.number(self.upper)}"),
            ("Kind", self.kind.value),
            ("Threshold", notebook.number(self.threshold)),
            ("Verdict", notebook.passed_word(self.passed) or "not judged"),
        ]
        return notebook.table((), rows)


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


class TuningPlan(Part):
    """One of the plans that a search found, as a node of the lattice."""

    number: int = Field(description="what `suggest --accept` takes; 0 is the recommended one")
    title: str
    changes: str = Field(description="what it does to each attribute")
    node: list[int]
    left_out: int
    risk_max: float | None
    loss: float
    age_r2: float | None = None


class TuningLocal(Part):
    """The plan with bands that differ between subjects, which is no node of the lattice."""

    changes: str = Field(description="what it does to each attribute")
    sentence: str
    left_out: int
    risk_max: float | None
    loss: float
    age_r2: float | None = None


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
    plans: list[TuningPlan] = Field(
        default=[], description="the suggested plan and those beside it, where they are nodes"
    )
    local: TuningLocal | None = Field(
        default=None, description="the plan of `suggest --local`, where it loses less"
    )
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


PROOFS = {"project": "the project file", "log": "the log of runs"}
"""What can prove that a threshold was fixed before the figures were seen, in words."""


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
    unit: str = Field(
        default="", description="of an age, height or weight, where not the usual one"
    )
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
    sensitive: bool = Field(
        default=False, description="a quasi-identifier that is judged for disclosure as well"
    )


Disposition = Literal["classes", "repeated", "channel", "recoded", "removed", "harmless", "open"]
"""What is done about something that leaves: judged in the classes, or on all values that repeat;
measured by a channel; coarsened; removed; harmless for a reason; or nothing yet."""


class AccountEntry(Part):
    """One thing that leaves: an element path, a column, or a pattern of names."""

    kind: Literal["element", "column", "sheet", "comment", "text", "name", "file", "other"]
    name: str = Field(description="keywords of the path, column, or pattern; never a value")
    source: str = Field(
        default="", description="source table of a column, or of what its file holds beside it"
    )
    vr: str = Field(default="", description="value representations of an element")
    files: int | None = Field(
        default=None, description="files that hold it, or how many there are; null: not counted"
    )
    disposition: Disposition
    by: str = Field(default="", description="attribute or channel that it rests on")
    reason: str = ""


class Statement(Part):
    """On what the assessor's figure of a channel rests."""

    by: str = Field(default="", description="who looked")
    on: str = Field(default="", description="when")
    method: str = Field(default="", description="how")
    looked: int | None = Field(default=None, ge=1, description="subjects or units looked at")
    of: int | None = Field(default=None, ge=1, description="how many there are")
    defects: int | None = Field(default=None, ge=0, description="in how many something was found")
    sensitivity: float | None = Field(
        default=None, gt=0, le=1, description="probability that what is there is seen"
    )
    file: str = Field(default="", description="log of the review")
    sha256: str = Field(default="", description="its digest as stated")
    file_state: Literal["same", "changed", "missing"] | None = Field(
        default=None, description="what was found of the file; null: none is named"
    )

    @property
    def lacks(self) -> list[str]:
        """What is not said of who, when, how and how many of how many."""
        names = ("by", "on", "method", "looked", "of", "defects", "sensitivity")
        given = {name: getattr(self, name) for name in names}
        missing = [n for n, v in given.items() if v is None or (isinstance(v, str) and not said(v))]
        return [*missing, "sha256"] if self.file and not self.sha256 else missing


MEASUREMENT = "measurement"
"""What contradicts a statement about a channel when our own figure is higher."""


class MeasuredUnits(Part):
    """How many units of a channel there are, and how many were looked at."""

    kind: str = Field(description="what a unit is: file, or frame")
    total: int = Field(ge=0)
    looked: int = Field(ge=0, description="by a search that understands them, unchanged since")
    not_understood: int = Field(ge=0)


class MeasuredFinding(Part):
    """What was found of one kind, without where and what."""

    kind: str
    units: int = Field(ge=0)
    subjects: int = Field(ge=0)
    decision: Literal["identifier", "harmless", "undecided", "removed"]
    place: str = Field(default="", description="where in an object; '' where kinds are not split")


class MeasuredModel(Part):
    """Weights that a detector used."""

    name: str
    sha256: str
    licence: str


class MeasuredStratum(Part):
    """Units of one kind."""

    name: str = Field(description="of frames: the modality")
    total: int = Field(ge=0)
    looked: int = Field(ge=0)


class MeasuredRecall(Part):
    """Identifiers planted into this collection, and how many of them were found."""

    n: int = Field(ge=1)
    found: int = Field(ge=0)
    lower: float = Field(ge=0, le=1, description="lower bound, one-sided at 95 %")


class MeasuredMissed(Part):
    """Bound on the share of subjects with something of which nothing was found."""

    upper: float = Field(ge=0, le=1)
    confidence: float = Field(gt=0, lt=1)
    how: Literal["recall", "sample", "both"]


class PrivateRow(Part):
    """A private element of a creator, over all files and depths."""

    creator: str
    element: str = Field(description="group and number inside the creator's block")
    trust: str = Field(description="what says that it is safe: PS3.15 E.3.10, the assessor; or ''")
    vr: list[str] = []
    files: int = Field(ge=0)
    values: int | None = Field(default=None, ge=0, description="distinct values; null: not looked")
    shapes: list[str] = Field(default=[], description="number, date, code, text, binary, empty")
    hits: list[str] = Field(default=[], description="kinds that the search in texts met")
    decision: Literal["retain", "remove", "undecided"] = "undecided"


class Measured(Part):
    """What ``inspect`` measured of a channel."""

    method: str
    version: str
    models: list[MeasuredModel] = []
    units: MeasuredUnits
    findings: list[MeasuredFinding] = []
    recall: MeasuredRecall | None = None
    missed: MeasuredMissed | None = None
    strata: list[MeasuredStratum] = []
    private: list[PrivateRow] = Field(default=[], description="of private elements: one row each")


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
    stated: Statement | None = Field(
        default=None, description="on what the assessor's figure rests; null: nothing was stated"
    )
    contradicts: list[str] = Field(
        default=[],
        description=f"what says more than the assessor: '{MEASUREMENT}', or content that was met",
    )
    mean: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="average over the subjects who have it; null: the highest figure of each",
    )
    subjects: int | None = Field(
        default=None, ge=0, description="subjects who have it; null: not counted"
    )
    measured: Measured | None = Field(
        default=None, description="what `inspect` measured; null: nobody looked by machine"
    )

    @model_validator(mode="after")
    def _limited(self) -> ChannelEntry:
        if self.required != (self.limit is not None):
            raise ValueError("has a 'limit' where it is 'required', and only there")
        return self

    @property
    def worst(self) -> float | None:
        """The highest figure stated, None where nobody knows one."""
        figures = [x for x in (self.value, self.upper, self.lower) if x is not None]
        return max(figures) if figures and self.status != "not_assessed" else None

    @property
    def passed(self) -> bool | None:
        """Whether it is within its limit; None without a limit or a figure."""
        if self.limit is None or self.worst is None:
            return None
        return self.worst <= self.limit + 1e-12


class LinkedNear(Part):
    """Near-duplicates in another release: equal series under other names."""

    hits: int = Field(ge=0, description="subjects whose series agree with those of one there")
    expected: float = Field(ge=0, description="hits that chance alone would give")
    judged: bool = Field(description="whether they are too many for chance, so that they count")


class LinkedData(Part):
    """A search by machine for the subjects in another release (best practice 9)."""

    name: str
    version: str = ""
    date: str
    searched_by: str
    how: list[Literal["uid", "key", "near", "pixels"]] = Field(
        description="comparisons that were possible"
    )
    state: Literal["same", "changed"] = Field(
        description="whether what is assessed is what was searched"
    )
    ours: str = Field(description="SHA-256 of what was compared on our side")
    theirs: str = Field(description="SHA-256 of what was compared there")
    subjects: int = Field(ge=0, description="subjects that were searched for")
    there: int = Field(ge=0, description="subjects of the other release, about")
    both: int = Field(ge=0, description="subjects who are in both")
    uid_hits: int = Field(ge=0, description="subjects with a UID that is there")
    subject_hits: int = Field(ge=0, description="subjects with a key that is there and counts")
    key_chance: int = Field(ge=0, description="subjects with a key that is there by chance")
    pixel_hits: int | None = Field(
        default=None, ge=0, description="subjects with an image that is there; null: not compared"
    )
    near: LinkedNear
    attributes: list[str] = Field(default=[], description="what is told there of each of them")
    union_max: float | None = Field(
        default=None, ge=0, le=1, description="largest risk on the attributes of both releases"
    )
    union_mean: float | None = Field(default=None, ge=0, le=1, description="average over them")
    edition: bool = Field(default=False, description="whether both are editions of one release")
    added: int = Field(default=0, ge=0, description="subjects whom only this edition has")
    removed: int = Field(default=0, ge=0, description="subjects whom only the other edition has")
    added_max: float | None = Field(
        default=None, ge=0, le=1, description="largest risk of those who were added, among them"
    )


class ChannelsJudged(Part):
    """What one threat model accepts of the channels, given that somebody tries."""

    model: str
    statistic: Literal["maximum", "average", "strict-average"]
    attempt: float = Field(
        ge=0, le=1, description="highest probability of an attempt that is right and verified"
    )
    alone: float = Field(ge=0, le=1, description="largest risk of one channel that is accepted")
    total: float = Field(ge=0, le=1, description="largest risk of all channels that is accepted")
    floor: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest risk of any subject that an average accepts; null for a maximum",
    )


class ChannelsTogether(Part):
    """The risk that any of the channels which a subject has identifies the subject."""

    largest: float = Field(ge=0, le=1, description="of the subject with the highest")
    mean: float = Field(ge=0, le=1, description="average over all subjects")
    confidence: float = Field(
        gt=0, lt=1, description="with which the bounds of all samples hold together"
    )
    models: list[ChannelsJudged] = []


class Governing(Part):
    """The figure that decides."""

    model: str
    adversary: str
    measure: str
    value: float | None
    threshold: float


RecipientName = Literal["public", "controlled", "secure_environment"]


class Recipient(Part):
    """What the data are to one kind of recipient, by the models that judge it."""

    recipient: RecipientName
    status: Literal["anonymous", "pseudonymous", "open"]
    models: list[str] = Field(description="threat models that say so; none judges: open")
    reasons: list[ReasonCode] = Field(default=[], description="what stands against it")


class Verdict(Part):
    """Acceptable only when every figure passes and nothing is left unknown.

    The status is what the codes of the reasons give, nothing else.
    """

    status: Status
    governing: Governing | None
    reasons: list[Reason]
    recipients: list[Recipient] = Field(
        default=[], description="one verdict per recipient; empty in a document without them"
    )

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
    suda: float | None = Field(default=None, description="SUDA score; null: not computed")
    smallest_unique: int | None = Field(
        default=None, description="size of the smallest minimal sample unique; 0: none was found"
    )


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
    account: list[AccountEntry] = Field(
        default=[], description="everything that leaves, and what is done about it"
    )
    measures: Measures
    threats: list[Threat]
    channels: list[ChannelEntry]
    channels_total: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="largest risk of all channels together that any model accepts; null: 1 / k",
    )
    channels_together: ChannelsTogether | None = Field(
        default=None, description="null where no threat model was applied"
    )
    disclosure: list[Disclosure] = Field(
        default=[], description="sensitive attributes, judged by each model that has a criterion"
    )
    findings: list[Finding] = []
    links: list[LinkReport] = []
    linked_data: list[LinkedData] = Field(
        default=[], description="searches of `midi-risk overlap` for the subjects elsewhere"
    )
    missing_policy: str = "category"
    context: Context | None = None
    qc: QualityControl | None = Field(
        default=None, description="quality control that `qc record` kept; null: none was"
    )
    scores: list[Score] = Field(
        default=[], description="results of `score run` that the project names"
    )
    sign_off: SignOff | None = None
    changes: list[str] = Field(default=[], description="what changed since the run before")
    plan: Plan | None = None
    verdict: Verdict
    provenance: Provenance
    internal: Internal | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the document as `assessment.json` holds it."""
        return self.model_dump(mode="json", by_alias=True)

    def raise_if(self, *statuses: str) -> Assessment:
        """Return the assessment, unless its verdict, or a reason of it, is one of these.

        Parameters
        ----------
        *statuses : {"above_threshold", "incomplete", "acceptable"}
            None at all stands for whatever is not acceptable. A verdict that is incomplete may
            also be above the threshold, and is asked for by both.

        Raises
        ------
        VerdictError
            When it is; its ``exit_code`` is that of the command line.
        MidiRiskError
            When there is no such status.
        """
        for status in statuses:
            if status not in EXIT_CODES:
                raise MidiRiskError(
                    f"no verdict is called {quoted(status)}",
                    hint=did_you_mean(status, list(EXIT_CODES)) if isinstance(status, str) else "",
                )
        found = self.verdict.status
        met = {found, *(status_of([reason.code]) for reason in self.verdict.reasons)}
        if met.intersection(statuses or ("above_threshold", "incomplete")):
            why = "; ".join(reason.text for reason in self.verdict.reasons)
            raise VerdictError(
                f"{found.replace('_', ' ')}: {why}", status=found, exit_code=EXIT_CODES[found]
            )
        return self

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
    "NOT_APPLICABLE",
    "AcceptedDisclosure",
    "AccountEntry",
    "Assessment",
    "AttributeEntry",
    "AttributeShare",
    "ChannelEntry",
    "Closeness",
    "Collection",
    "Combination",
    "Context",
    "CurvePoint",
    "Disclosure",
    "Disposition",
    "Diversity",
    "EstimateKind",
    "FileCounts",
    "Finding",
    "Governing",
    "HistogramBin",
    "IndividualRisk",
    "Internal",
    "LinkReport",
    "Log",
    "Measures",
    "Part",
    "Plan",
    "PresenceRange",
    "Provenance",
    "Ps315Action",
    "Quality",
    "Quantile",
    "Reason",
    "Recipient",
    "Record",
    "RiskEstimate",
    "ScoreBand",
    "SearchEntry",
    "SignOff",
    "SizeCount",
    "SpecialUniques",
    "Statement",
    "Threat",
    "Threshold",
    "Tolerance",
    "Tool",
    "TornadoEntry",
    "Uncertainty",
    "ValueCount",
    "Verdict",
]

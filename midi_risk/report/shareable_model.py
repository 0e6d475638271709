"""Parts of the shareable edition, built only from types that cannot hold a raw value.

Types that cannot hold a raw value.

Text is a name from a fixed vocabulary, an attribute's name, or what the assessor wrote;
a count is a `SafeCount`; a risk has two significant digits; a time is a year.

Adversaries in the shareable edition: what the assessor states, and rounded figures.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from midi_risk.document.assessment import Uncertainty
from midi_risk.document.clean import scrubbed, shortened
from midi_risk.document.reasons import ReasonCode, Status
from midi_risk.report.charts import NAMES
from midi_risk.report.counts import SafeCount
from midi_risk.risk.channels.entries import FOUND


def two_digits(value: float) -> float:
    """Return a number with two significant digits.

    Examples
    --------
    >>> two_digits(0.090909)
    0.091
    """
    return float(f"{value:.2g}")


def _is_rounded(value: float) -> float:
    if value != two_digits(value):
        raise ValueError("has more than two significant digits")
    return value


Name = Annotated[str, AfterValidator(scrubbed), AfterValidator(lambda t: shortened(t, 80))]
Written = Annotated[str, AfterValidator(scrubbed), AfterValidator(lambda t: shortened(t, 1500))]
FoundKind = Annotated[str, StringConstraints(pattern=rf"^(?:{'|'.join(FOUND)})$")]
"""A kind of content that reading met; one of the packaged words."""
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_-]{0,43}(?:[_-]\d{1,3})?$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .+_()-]{0,47}$")]
Action = Annotated[
    str, StringConstraints(pattern=r"^(?:[XZDUCKP](?:/[XZDUCKP*]+)*\*?|not listed)$")
]
Option = Annotated[str, StringConstraints(pattern=r"^[a-z_0-9]{1,32}=[A-Z/*]{1,8}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{16})?$")]
Digits = Annotated[float, Field(ge=-1, le=1), AfterValidator(_is_rounded)]
Loss = Annotated[float, AfterValidator(_is_rounded)]
Level = Literal["patient", "study", "series", "equipment", "instance", "file", "other"]
RoleName = Literal[
    "direct_identifier",
    "quasi_identifier",
    "sensitive",
    "insensitive",
    "linkage_key",
    "undecided",
]
Size = Annotated[int, Field(ge=0)]
Year = Annotated[int, Field(ge=1900, le=2999)]


class Safe(BaseModel):
    """Base of the shareable parts: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SafeGoverning(Safe):
    """The figure that decides."""

    model: Name
    adversary: Name
    measure: Code
    value: Digits | None
    threshold: Digits


COUNTED = frozenset({"files"})
"""Counts of a reason that this edition tells."""


class SafeReason(Safe):
    """Why the verdict is what it is: a code, names and counts from which a sentence is made."""

    code: ReasonCode
    names: tuple[Name, ...] = ()
    counts: dict[Code, SafeCount] = {}


class SafeVerdict(Safe):
    """Status and its reasons."""

    status: Status
    governing: SafeGoverning | None
    reasons: tuple[SafeReason, ...]


class SafeThreshold(Safe):
    """Threshold of the governing threat model."""

    k: Size
    label: Written
    statistic: Written
    source: Written
    fixed_at: Year | None


class SafeLink(Safe):
    """How a source joined, by its number, not its name."""

    number: Size
    matched: SafeCount
    orphans: SafeCount
    unmatched_subjects: SafeCount
    fan_out: SafeCount


class SafeFinding(Safe):
    """Rule, attribute and count."""

    code: Code
    attribute: Name
    subjects: SafeCount


class SafePs315(Safe):
    """Row of PS3.15 Table E.1-1."""

    release: Version
    action: Action
    options: tuple[Option, ...]


class SafeAttribute(Safe):
    """One attribute: name, role, decision and justification."""

    name: Name
    level: Level
    role: RoleName
    missing: SafeCount
    ps315: SafePs315 | None
    decision: Literal["retain", "generalise", "remove"] | None
    justification: Written
    need: Written | None
    contribution: Digits | None


class SafeBin(Safe):
    """Subjects with class size between two bounds, at least k or none."""

    size_from: Size
    size_to: Size
    subjects: SafeCount


class SafePoint(Safe):
    """Subjects in classes smaller than k."""

    k: Size
    below: SafeCount


class SafeCombination(Safe):
    """Attributes on which subjects are rare together."""

    attributes: tuple[Name, ...]
    below_k: SafeCount


class SafeSensitive(Safe):
    """Worst class of one sensitive attribute."""

    attribute: Name
    distinct_l: Size | None = None
    entropy_l: Loss | None = None
    distances: dict[Literal["equal", "ordered", "hierarchical"], Digits] = {}


class SafeChannel(Safe):
    """A channel's status, figure and kinds of content found, without the evidence."""

    name: Code
    status: Literal["assessed", "bounded", "not_assessed"]
    value: Digits | None
    lower: Digits | None
    upper: Digits | None
    required: bool
    found: tuple[FoundKind, ...]


class SafeTrajectory(Safe):
    """What m known visits give away."""

    visits: Annotated[str, StringConstraints(pattern=r"^(?:\d{1,3}|all)$")]
    highest: Digits | None
    average: Digits | None
    unique: SafeCount | None
    at_risk: SafeCount | None
    subjects: SafeCount | None
    bin_days: Size | None
    known: Literal["days", "days-modality", "days-scanner", "days-modality-scanner"]
    bound: bool


class SafeUniques(Safe):
    """Population uniqueness by one estimator."""

    estimator: Code
    value: Digits | None
    lower: Digits | None
    upper: Digits | None


class SafeStep(Safe):
    """One change of one attribute."""

    attribute: Name
    describe: Written
    risk_before: Digits
    risk_after: Digits
    loss: Loss


class SafeKept(Safe):
    """One attribute that the plan leaves alone."""

    attribute: Name
    describe: Written
    decided: bool
    risk_now: Digits
    risk_without: Digits
    need: Written


class SafeState(Safe):
    """Risk before or after the plan."""

    k: Size | None
    risk_max: Digits | None
    risk_mean: Digits | None
    at_risk: SafeCount | None
    subjects: SafeCount
    passed: bool
    measures: dict[Code, Digits | SafeCount] = {}


class SafeNode(Safe):
    """One point of the Pareto front."""

    risk: Digits
    loss: Loss
    suppressed: SafeCount
    chosen: bool


class SafeImaging(Safe):
    """What the release costs a user of images."""

    name: Literal["age_error", "suv_error", "visit_intervals", "scanner_strata"]
    attributes: tuple[Name, ...]
    state: Literal["exact", "coarsened", "removed"]
    rule: Written
    subjects: SafeCount
    measures: dict[Code, Loss | SafeCount] = {}


class SafePlan(Safe):
    """Steps and totals."""

    k: Size
    found: bool
    optimal: bool
    utility: Code
    loss: Loss | None
    steps: tuple[SafeStep, ...]
    kept: tuple[SafeKept, ...] = ()
    suppressed_subjects: SafeCount
    suppressed_cells: SafeCount
    emptied_cells: SafeCount
    before: SafeState
    after: SafeState
    front: tuple[SafeNode, ...]
    imaging: tuple[SafeImaging, ...] = ()
    nodes: Size
    nodes_checked: Size


class SafeSearch(Safe):
    """One search for other public data, by year."""

    year: Year | None
    place: Written
    found: Written


class SafeQuality(Safe):
    """Human quality control, by counts."""

    unit: Code
    population: SafeCount
    sample: SafeCount
    defects: SafeCount
    upper: Digits | None
    sensitivity: Digits | None


class SafeContext(Safe):
    """What the assessor wrote."""

    purpose: Written = ""
    intended_users: Written = ""
    utility: Written = ""
    sites: tuple[Written, ...] = ()
    coordinating_centre: Written = ""
    distributor: Written = ""
    profile: Written = ""
    options: tuple[Annotated[str, StringConstraints(pattern=r"^1131\d\d$")], ...] = ()
    linked_search: tuple[SafeSearch, ...] = ()
    quality: SafeQuality | None = None
    conflicts: Written = ""
    triggers: tuple[Written, ...] = ()
    assumptions: tuple[Written, ...] = ()


class SafeSignOff(Safe):
    """Who answers for the assessment."""

    assessor: Written
    role: Written
    organisation: Written
    year: Year | None
    statement: Written


class SafeBar(Safe):
    """What one declared interval does to the risk."""

    name: Code
    low: Digits
    high: Digits
    at_low: Digits
    at_high: Digits
    crosses: bool


class SafeUncertainty(Safe):
    """Overall risk over the declared intervals, two digits each."""

    probability_above: Digits
    interval: tuple[Digits, Digits]
    central: Digits
    conservative: Digits
    threshold: Digits
    draws: Size
    tornado: tuple[SafeBar, ...]


class SafeResult(Safe):
    """One measure of one adversary; a share carries its count instead of a value."""

    measure: Code
    value: Digits | None
    lower: Digits | None
    upper: Digits | None
    kind: Literal["exact", "estimate", "bound"]
    n: SafeCount
    threshold: Digits | None
    passed: bool | None
    subjects: SafeCount | None = None


class SafeThreat(Safe):
    """One adversary: what the assessor's threat model says, and what it comes to."""

    model: Name
    adversary: Name
    release: Code | None
    attempt: Digits
    attempt_source: Written
    knows: dict[Name, Written]
    population: Written
    threshold_k: Size | None
    statistic: Written
    budget: Digits | None
    membership: tuple[Digits, Digits] | None
    verification: Digits | None
    uncertainty: SafeUncertainty | None
    results: tuple[SafeResult, ...]


def uncertainty_of(found: Uncertainty | None) -> SafeUncertainty | None:
    """Return the drawn intervals without the seed, rounded."""
    if found is None:
        return None
    low, high = found.interval
    return SafeUncertainty(
        probability_above=two_digits(found.probability_above),
        interval=(two_digits(low), two_digits(high)),
        central=two_digits(found.central),
        conservative=two_digits(found.conservative),
        threshold=two_digits(found.threshold),
        draws=found.draws,
        tornado=tuple(
            SafeBar(
                name=bar.name if bar.name in NAMES else "other",
                low=two_digits(bar.low),
                high=two_digits(bar.high),
                at_low=two_digits(bar.at_low),
                at_high=two_digits(bar.at_high),
                crosses=bool(bar.crosses),
            )
            for bar in found.tornado
        ),
    )


def pair_of(pair: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return both ends with two digits."""
    return None if pair is None else (two_digits(pair[0]), two_digits(pair[1]))

"""Parts of the shareable edition, built only from types that cannot hold a raw value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from midi_risk.report.counts import SafeCount
from midi_risk.report.shareable_types import (
    Action,
    Code,
    Digits,
    FoundKind,
    Level,
    Loss,
    Name,
    Option,
    RoleName,
    Safe,
    Size,
    Version,
    Written,
    Year,
)


class SafeGoverning(Safe):
    """The figure that decides."""

    model: Name
    adversary: Name
    measure: Code
    value: Digits | None
    threshold: Digits


class SafeFailure(Safe):
    """The measures of one adversary that did not pass."""

    model: Name
    adversary: Name
    measures: tuple[Code, ...]


class SafeVerdict(Safe):
    """Status and the reasons that can be told without values."""

    status: Literal["acceptable", "above_threshold", "incomplete"]
    governing: SafeGoverning | None
    undecided: tuple[Name, ...] = ()
    open_identifiers: tuple[Name, ...] = ()
    kept_identifiers: tuple[Name, ...] = ()
    unassessed: tuple[Code, ...] = ()
    channels: tuple[Code, ...] = ()
    failed: tuple[SafeFailure, ...] = ()
    unread: SafeCount
    others: Size = 0


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
    distances: dict[Literal["equal", "ordered", "hierarchical"], Digits] = {}  # noqa: RUF012


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
    measures: dict[Code, Digits | SafeCount] = {}  # noqa: RUF012


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
    measures: dict[Code, Loss | SafeCount] = {}  # noqa: RUF012


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

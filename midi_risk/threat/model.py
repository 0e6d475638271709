"""Threat models: who attacks, what they know, how surely they try, judged how.

A threat model is a YAML file. Everything that it needs and nobody gave is an error that
names it; all errors of a file are reported at once. A number is a probability, or an interval
that it is believed to lie in. How likely an attempt is can come from a published table, which is
quoted with its source; the report prints the cell that was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from midi_risk.config import Day, Sampling
from midi_risk.document import notebook
from midi_risk.errors import MidiRiskError, did_you_mean
from midi_risk.threat.channels import CHANNELS, Requirement


class Settings(BaseModel):
    """Base of every part of a threat model: frozen, nothing unknown."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )


def _share(value: Any) -> Any:
    """Refuse what is no probability above 0, in words that say what to write."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueError only
            "give a number such as 0.02, or {low: 0.01, high: 0.05}"
        )
    if value > 1:
        raise ValueError("it is above 1; give a share such as 0.02, not a percentage")
    if not value > 0:
        raise ValueError("it must be above 0: what is unknown or impossible is no probability")
    return float(value)


Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
"""A probability or share above 0 and at most 1."""


class Interval(Settings):
    """An interval that a quantity is believed to lie in."""

    low: Share
    high: Share

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


def form(value: Any) -> str:
    """Tell how a quantity is written, so that only the errors of that form are reported.

    The names are those that `midi_risk.config.validated` leaves out of places in a file.
    """
    if isinstance(value, dict | BaseModel):
        return "mapping"
    return "literal[required]" if value == "required" else "number"


Quantity = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Interval, Tag("mapping")],
    Discriminator(form),
]
"""A number, or ``{low, high}``."""

AskedQuantity = Annotated[
    Annotated[Share, Tag("number")]
    | Annotated[Interval, Tag("mapping")]
    | Annotated[Literal["required"], Tag("literal[required]")],
    Discriminator(form),
]
"""A number, ``{low, high}``, or ``required`` when the assessor has to give it."""


def as_interval(value: Any) -> Any:
    """Let a number stand for an interval without width."""
    return Interval(low=value, high=value) if isinstance(value, float) else value


def ends(quantity: float | Interval | str) -> tuple[float, float]:
    """Return the two ends of a quantity; a number is both.

    Parameters
    ----------
    quantity : float or Interval

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        When the quantity is still ``required``.

    Examples
    --------
    >>> ends(0.2), ends(Interval(low=0.1, high=0.4))
    ((0.2, 0.2), (0.1, 0.4))
    """
    if isinstance(quantity, Interval):
        return quantity.low, quantity.high
    return float(quantity), float(quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTable:
    """Probability of a deliberate attempt by controls (rows) and motives (columns).

    Parameters
    ----------
    name : str
        Name used in a threat model.
    source : str
        Publication.
    cells : mapping of str to mapping of str to float
        ``cells[controls][motives]``.
    """

    name: str
    source: str
    cells: Mapping[str, Mapping[str, float]]

    def probability(self, controls: str, motives: str) -> float:
        """Return the probability of an attempt for one cell.

        Parameters
        ----------
        controls : str
            Privacy and security controls of the recipient.
        motives : str
            Motives and capacity of the recipient.

        Raises
        ------
        MidiRiskError
            When the table has no such row or column.

        Examples
        --------
        >>> ATTEMPT_TABLES["ipc-2016"].probability("medium", "high")
        0.4
        """
        if controls not in self.cells:
            raise MidiRiskError(
                f"table '{self.name}' has no controls '{controls}'",
                hint=did_you_mean(controls, self.cells),
            )
        row = self.cells[controls]
        if motives not in row:
            raise MidiRiskError(
                f"table '{self.name}' has no motives '{motives}'", hint=did_you_mean(motives, row)
            )
        return row[motives]


def _table(
    name: str, source: str, columns: str, rows: Mapping[str, tuple[float, ...]]
) -> AttemptTable:
    """Return a table from its rows, in the order of the columns."""
    names = columns.split()
    cells = {row: dict(zip(names, values, strict=True)) for row, values in rows.items()}
    return AttemptTable(name=name, source=source, cells=cells)


ATTEMPT_TABLES: Mapping[str, AttemptTable] = {
    table.name: table
    for table in (
        _table(
            "ipc-2016",
            "Information and Privacy Commissioner of Ontario, De-identification Guidelines"
            " for Structured Data, 2016",
            "low medium high",
            {
                "high": (0.05, 0.10, 0.20),
                "medium": (0.20, 0.30, 0.40),
                "low": (0.40, 0.50, 0.60),
            },
        ),
        _table(
            "el-emam-extended",
            "El Emam, Guide to the De-Identification of Personal Health Information, 2013,"
            " as extended in the Risk-Evaluation-Assistant (BIH)",
            "low medium high max",
            {
                "high": (0.05, 0.10, 0.20, 0.40),
                "medium": (0.20, 0.30, 0.40, 0.60),
                "low": (0.40, 0.50, 0.60, 0.80),
                "none": (0.60, 0.80, 0.90, 1.00),
            },
        ),
        _table(
            "sphn-2.1.2",
            "Swiss Personalized Health Network, de-identification phase 2 template 2.1.2,"
            " as configured in the Risk-Evaluation-Assistant (BIH)",
            "low medium high",
            {
                "high": (0.1, 0.3, 0.6),
                "medium": (0.3, 0.6, 0.8),
                "low": (0.6, 0.8, 1.0),
            },
        ),
    )
}
"""Published tables of the probability of a deliberate attempt, by name."""


def acquaintance_probability(prevalence: float, acquaintances: int = 150) -> float:
    """Return the probability that a recipient knows somebody of the collection.

    It is ``1 - (1 - p)^m``: the chance that at least one of m acquaintances has the
    condition that the collection is about.

    Parameters
    ----------
    prevalence : float
        Share of the recipient's acquaintances with the condition, in [0, 1].
    acquaintances : int
        Number of people a person knows well enough; 150 (Dunbar) or 190 (IPC 2016).

    Returns
    -------
    float

    Raises
    ------
    MidiRiskError
        When the prevalence is not a probability or the number is below 1.

    References
    ----------
    El Emam, Guide to the De-Identification of Personal Health Information, 2013;
    IPC Ontario, De-identification Guidelines for Structured Data, 2016.

    Examples
    --------
    >>> round(acquaintance_probability(0.001, 150), 3)
    0.139
    """
    if not 0 <= prevalence <= 1:
        raise MidiRiskError("a prevalence is a share between 0 and 1", hint="Correct it")
    if acquaintances < 1:
        raise MidiRiskError("the number of acquaintances is at least 1", hint="Correct it")
    return float(1 - (1 - prevalence) ** acquaintances)


SMALLEST_CLASS = 3
"""Smallest class size that any threat model may accept, however rare an attempt is.

It is the floor of the strict average (El Emam 2013: no subject above a risk of 0.33).
"""


def required_class_size(attempt: float, k: int) -> int:
    """Return the smallest class size at which ``attempt / size <= 1 / k``, at least 3.

    Integers are compared, so that the label 0.09 means 11 and never 12. Below
    `SMALLEST_CLASS` no attempt is rare enough: whoever does try would find the subject.

    Parameters
    ----------
    attempt : float
        Probability of an attempt, in (0, 1].
    k : int
        Threshold as a class size.

    Examples
    --------
    >>> required_class_size(1.0, 11), required_class_size(0.4, 11), required_class_size(0.05, 11)
    (11, 5, 3)
    """
    size = int(attempt * k)
    return max(SMALLEST_CLASS, size if size >= attempt * k - 1e-9 else size + 1)


def data_risk_budget(attempt: float, k: int) -> float:
    """Return the largest data risk that an attempt leaves: ``1 / (attempt k)``, at most 1/3.

    Parameters
    ----------
    attempt : float
        Probability of an attempt, in (0, 1].
    k : int
        Threshold as a class size.

    Examples
    --------
    >>> round(data_risk_budget(0.4, 11), 3), round(data_risk_budget(0.05, 11), 3)
    (0.227, 0.333)
    """
    return min(1 / SMALLEST_CLASS, 1 / (k * attempt))


THREAT_SCHEMA = "midi-risk/threat-model/1"

LABELS: dict[str, int] = {
    "0.5": 2, "0.33": 3, "0.2": 5, "0.1": 10, "0.09": 11, "0.075": 15, "0.05": 20,
}  # fmt: skip
"""Regulators' labels of thresholds and the class size each of them means.

0.09 means 11 (1/11 = 0.0909 would fail a literal comparison) and IPC prints 15 for 0.075.
"""

Attack = Literal["prosecutor", "journalist", "marketer"]


def threshold_class_size(label: str) -> int:
    """Return the class size that a threshold label means.

    Parameters
    ----------
    label : str
        ``"0.09"``, or any other risk in (0, 1].

    Raises
    ------
    ValueError
        When the label is not a risk.

    Examples
    --------
    >>> threshold_class_size("0.09"), threshold_class_size("0.075"), threshold_class_size("0.25")
    (11, 15, 4)
    """
    if label in LABELS:
        return LABELS[label]
    risk = float(label)
    if not 0 < risk <= 1:
        raise ValueError("a threshold label is a risk above 0 and at most 1")
    return math.ceil(1 / risk - 1e-9)


def _no_smaller(size: int) -> int:
    """Refuse a class in which nobody is hidden, in words that say what to write."""
    if size < SMALLEST_CLASS:
        raise ValueError(
            f"a class of fewer than {SMALLEST_CLASS} subjects hides nobody;"
            f" give {SMALLEST_CLASS} or more"
        )
    return size


class ThresholdSettings(Settings):
    """The largest accepted risk, as the class size that it means."""

    k: Annotated[int, AfterValidator(_no_smaller)] = Field(
        description="class size that is required",
        json_schema_extra={"minimum": SMALLEST_CLASS},
    )
    label: str = Field(default="", description="risk as regulators write it")
    source: str = ""
    statistic: Literal["maximum", "average", "strict-average"] = "maximum"
    floor: Annotated[int, AfterValidator(_no_smaller)] = Field(
        default=SMALLEST_CLASS,
        description="strict-average: smallest class size allowed",
        json_schema_extra={"minimum": SMALLEST_CLASS},
    )
    reason: str = Field(default="", description="why a class size below the shipped one suffices")

    @model_validator(mode="before")
    @classmethod
    def _label_gives_k(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "label" not in given:
            return given
        try:
            meant = threshold_class_size(str(given["label"]))
        except ValueError as error:
            raise ValueError(f'label must be a risk such as "0.09" ({error})') from None
        if given.get("k", meant) != meant:
            raise ValueError(f"label {given['label']} means k {meant}; give that k, or no label")
        return {**given, "label": str(given["label"]), "k": meant}

    @property
    def risk(self) -> float:
        """The threshold as a risk, 1 / k."""
        return 1 / self.k


class PopulationSettings(Settings):
    """The population that could be mistaken for the subjects."""

    kind: Literal["sample", "size", "table", "estimate", "bound"] = "sample"
    size: int | Literal["required"] | None = Field(default=None, description="kind size: people")
    model: (
        Literal["network", "copula", "pitman-yor", "log-linear", "zayatz", "snb", "dankar"] | None
    ) = Field(default=None, description="whose expectation is shown; all of them judge")
    source: str = ""
    table: str | None = None
    site: str | None = None
    window_years: float | None = Field(default=None, gt=0)
    fraction: Annotated[AskedQuantity | None, AfterValidator(as_interval)] = Field(
        default=None, description="share of the population that is in the release"
    )
    match: dict[str, str] = Field(default={}, description="table dimension -> attribute")
    straddle: Literal["error", "uniform"] = Field(
        default="error", description="age band that covers part of a band of the table"
    )
    sampling: Sampling | None = Field(
        default=None, description="how subjects came into the collection; absent: unknown"
    )
    of: str | None = Field(default=None, min_length=1, description="whom they are a sample of")
    by: str | None = Field(default=None, min_length=1, description="who says so")
    on: Day | None = Field(default=None, description="when that was said")
    referral: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="dimensions of the table that decide who comes to the hospital, all of them",
    )

    @property
    def beyond(self) -> bool:
        """Whether a population beyond the release is named."""
        return self.kind in {"size", "table", "estimate"}

    @model_validator(mode="after")
    def _complete(self) -> PopulationSettings:
        if self.kind == "size" and self.size is None:
            raise ValueError("kind size needs 'size', the number of people")
        if isinstance(self.size, int) and self.size < 1:
            raise ValueError("size must be at least 1")
        if self.kind == "table" and not self.table:
            raise ValueError("kind table needs 'table', a packaged name or a file")
        if self.kind == "table" and self.fraction is None:
            raise ValueError("kind table needs 'fraction', the share of it that is in the release")
        if self.kind == "estimate" and self.model is None:
            raise ValueError("kind estimate needs 'model'")
        if self.kind == "estimate" and self.size is None and self.fraction is None:
            raise ValueError("kind estimate needs 'size' or 'fraction'")
        return self


class AttemptSettings(Settings):
    """Where the probability of an attempt comes from: one of three ways."""

    table: str | None = Field(default=None, description="named table of deliberate attempts")
    controls: str | None = None
    motives: str | None = None
    acquaintances: int | None = Field(default=None, ge=1)
    prevalence: AskedQuantity | None = None
    breach: AskedQuantity | None = None

    @model_validator(mode="after")
    def _one_way(self) -> AttemptSettings:
        ways = (self.table is not None, self.acquaintances is not None, self.breach is not None)
        if sum(ways) != 1:
            raise ValueError("give exactly one of table, acquaintances or breach")
        if self.acquaintances is not None and self.prevalence is None:
            raise ValueError("acquaintances needs 'prevalence' (or prevalence: required)")
        if self.table is not None:
            if self.table not in ATTEMPT_TABLES:
                raise ValueError(f"table must be one of {', '.join(ATTEMPT_TABLES)}")
            for part in ("controls", "motives"):
                if getattr(self, part) is None:
                    raise ValueError(f"table needs '{part}' (or {part}: required)")
        return self


def _text_or_number(value: Any) -> Any:
    """Let YAML write ``exact``, ``2y``, ``7d`` or a bare number."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Precision = Annotated[
    str,
    BeforeValidator(_text_or_number),
    Field(pattern=r"^(exact|\d+(\.\d+)?( ?[a-z%]+)?)$"),
]


def _number_or_all(value: Any) -> Any:
    """Refuse what is no number of visits above 0, in words that say what to write."""
    if value == "all" or (type(value) is int and value > 0):
        return value
    raise ValueError("give the number of visits that are known, at least 1, or 'all'")


Visits = Annotated[Annotated[int, Field(ge=1)] | Literal["all"], BeforeValidator(_number_or_all)]


def _attempt_form(value: Any) -> str:
    """Tell the forms of an attempt apart, so that only the errors of one are reported."""
    if isinstance(value, Interval) or (isinstance(value, dict) and {"low", "high"} & set(value)):
        return "constrained-interval"
    return "mapping" if isinstance(value, dict | AttemptSettings) else "number"


Attempt = Annotated[
    Annotated[Share, Tag("number")]
    | Annotated[Interval, Tag("constrained-interval")]
    | Annotated[AttemptSettings, Tag("mapping")],
    Discriminator(_attempt_form),
]


class HeldImages(Settings):
    """How likely it is that somebody holds an image of whom they look for, and knows whose it is.

    A probability below 1 wants a reason, here or beside the adversary.
    """

    probability: Annotated[AskedQuantity, AfterValidator(as_interval)]
    because: str = Field(default="", description="why the probability is below 1")
    on: Day | None = Field(default=None, description="when that was judged")


def _as_held(value: Any) -> Any:
    """Let a number, an interval or ``required`` stand for the probability alone."""
    if isinstance(value, HeldImages) or (isinstance(value, dict) and "probability" in value):
        return value
    return value if value is None else {"probability": value}


class Adversary(Settings):
    """One attacker: how surely they try, what they know, how many visits they know of.

    ``membership`` is the probability w that they know who is in the release: the risk is then
    w / f + (1 - w) / F. ``verification`` is the probability that a right match can be told
    from a wrong one; without it every match counts.
    """

    name: str = Field(min_length=1)
    attempt: Attempt = 1.0
    attack: tuple[Attack, ...] = ("prosecutor", "journalist", "marketer")
    knows: Literal["all"] | dict[str, Precision] = "all"
    visits: Visits | None = Field(default=None, description="visits that are known")
    membership: Quantity | None = Field(
        default=None, description="probability that they know who is in the release"
    )
    verification: Quantity | None = Field(
        default=None, description="probability that a right match can be verified; off when absent"
    )
    holds_images: Annotated[HeldImages | None, BeforeValidator(_as_held)] = Field(
        default=None,
        description="probability that they hold an identified image of whom they look for",
    )
    because: str = Field(
        default="", description="why attempt or verification, given as a number, is below 1"
    )
    on: Day | None = Field(default=None, description="when that was judged: effort falls")
    description: str = ""

    @property
    def event(self) -> str:
        """How an attempt comes about: ``deliberate``, ``acquaintance`` or ``breach``."""
        if not isinstance(self.attempt, AttemptSettings):
            return "deliberate"
        if self.attempt.breach is not None:
            return "breach"
        return "deliberate" if self.attempt.acquaintances is None else "acquaintance"

    @model_validator(mode="after")
    def _held_because(self) -> Adversary:
        held = self.holds_images
        if held is None or isinstance(held.probability, str) or ends(held.probability)[0] >= 1:
            return self
        if not (held.because.strip() or self.because.strip()):
            raise ValueError("holds_images below 1 wants a reason: because: TEXT")
        return self

    @field_validator("attack")
    @classmethod
    def _some_attack(cls, attack: tuple[Attack, ...]) -> tuple[Attack, ...]:
        if not attack:
            raise ValueError("name at least one attack")
        return attack


class ChannelSettings(Settings):
    """What a threat model or an assessor says of a channel."""

    requirement: Requirement = "required"
    matcher: str | None = None
    coverage: Quantity | None = Field(
        default=None, description="face: share of people with a photograph in the gallery"
    )


ChannelStatus = Annotated[
    Annotated[Literal["required", "optional"], Tag("literal[channel]")]
    | Annotated[ChannelSettings, Tag("mapping")],
    Discriminator(lambda v: "literal[channel]" if isinstance(v, str) else "mapping"),
]


class DisclosureSettings(Settings):
    """What the sensitive values of a class may disclose.

    ``gain``: no value may be inferred with a probability of ``value`` or more where that is
    more than ``gain`` above its share of the whole collection. The others are the criteria of
    the literature, on every class: ``distinct`` and ``entropy`` ask for so many values at least,
    ``recursive`` is (c, 2)-diversity with c, ``t`` is the largest distance, ``alpha`` the largest
    share of one value ((alpha, k)-anonymity with the threshold's k), ``beta`` the largest relative
    gain of a value (basic beta-likeness), ``delta`` what the shares of values that occur may be
    apart from those of the whole, in bits (delta-disclosure privacy).
    """

    criterion: Literal["distinct", "entropy", "recursive", "t", "gain", "alpha", "beta", "delta"]
    value: float = Field(gt=0)
    gain: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> DisclosureSettings:
        if (self.criterion == "gain") is not (self.gain is not None):
            raise ValueError("criterion gain needs 'gain', and no other takes it")
        if self.criterion in {"gain", "t", "alpha"} and self.value > 1:
            raise ValueError(f"criterion {self.criterion} takes a value of at most 1")
        if self.criterion in {"distinct", "entropy"} and self.value < 1:
            raise ValueError(f"criterion {self.criterion} takes a value of at least 1")
        if self.criterion == "distinct" and self.value != int(self.value):
            raise ValueError("criterion distinct takes a whole number")
        return self


class ThreatModel(Settings):
    """Who attacks, with what knowledge, against which population, judged how."""

    schema_: Literal["midi-risk/threat-model/1"] = Field(alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = ""
    description: str = ""
    release: Literal["public", "semi-public", "controlled"]
    threshold: ThresholdSettings
    population: PopulationSettings = PopulationSettings()
    adversaries: tuple[Adversary, ...]
    channels: dict[str, ChannelStatus] = Field(default={})
    channels_total: Share | None = Field(
        default=None,
        description="largest risk of the channels of a subject together; the threshold when absent",
    )
    disclosure: DisclosureSettings | None = Field(
        default=None, description="what sensitive values may disclose; not judged when absent"
    )
    criteria: tuple[DisclosureSettings, ...] = Field(
        default=(), description="further criteria on sensitive values, each searched for and judged"
    )
    references: tuple[str, ...] = ()

    @property
    def on_sensitive_values(self) -> tuple[DisclosureSettings, ...]:
        """Every criterion on sensitive values, the model's own first."""
        own = () if self.disclosure is None else (self.disclosure,)
        return (*own, *(each for each in self.criteria if each not in own))

    @field_validator("channels")
    @classmethod
    def _known_channels(cls, channels: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(channels) - set(CHANNELS))
        if unknown:
            raise ValueError(f"unknown channel {unknown[0]!r}; known: {', '.join(CHANNELS)}")
        return channels

    @model_validator(mode="after")
    def _public_is_certain(self) -> ThreatModel:
        if not self.adversaries:
            raise ValueError("name at least one adversary")
        names = [adversary.name for adversary in self.adversaries]
        if len(set(names)) != len(names):
            raise ValueError("two adversaries have the same name")
        if self.release == "public" and self.threshold.statistic != "maximum":
            raise ValueError("a public release is judged on statistic: maximum")
        return self

    def __repr__(self) -> str:
        """Return name, kind of release and required class size."""
        return f"ThreatModel({self.name!r}, {self.release}, k={self.threshold.k})"

    def _repr_html_(self) -> str:
        """Return what is required, of whom, and which channels must be assessed."""
        rows = [
            ("Release", self.release),
            ("Class size required", self.threshold.k),
            ("Judged on", self.threshold.statistic),
            ("Adversaries", ", ".join(adversary.name for adversary in self.adversaries)),
            ("Channels required", ", ".join(self.required_channels())),
        ]
        return f"<h4>{notebook.text(self.title or self.name)}</h4>{notebook.table((), rows)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the model as `assessment.json` and the log of runs hold it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def required_channels(self) -> tuple[str, ...]:
        """Return the channels without which this model gives no verdict.

        Those that it names first, in its order; then those that no model may pass over.
        """
        asked = {
            name: setting.requirement if isinstance(setting, ChannelSettings) else setting
            for name, setting in self.channels.items()
        }
        for name, channel in CHANNELS.items():
            asked.setdefault(name, channel.requirement)
        return tuple(name for name, requirement in asked.items() if requirement == "required")


__all__ = ["Interval", "ThreatModel", "threshold_class_size"]

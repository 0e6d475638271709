"""Threat models: who attacks, what they know, how surely they try, judged how.

A threat model is a YAML file. Everything that it needs and nobody gave is an error that
names it; all errors of a file are reported at once.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from midi_risk.threat.context import ATTEMPT_TABLES
from midi_risk.threat.quantities import (
    AskedQuantity,
    Interval,
    Quantity,
    Settings,
    Share,
    as_interval,
)

__all__ = ["Interval", "ThreatModel", "threshold_class_size"]

THREAT_SCHEMA = "midi-risk/threat-model/1"

LABELS: dict[str, int] = {
    "0.5": 2, "0.33": 3, "0.2": 5, "0.1": 10, "0.09": 11, "0.075": 15, "0.05": 20,
}  # fmt: skip
"""Regulators' labels of thresholds and the class size each of them means.

0.09 means 11 (1/11 = 0.0909 would fail a literal comparison) and IPC prints 15 for 0.075.
"""

CHANNELS = (
    "visit_intervals",
    "face",
    "burned_in",
    "free_text",
    "private_elements",
    "embedded_metadata",
    "device_site",
    "cross_collection_pixels",
)
"""Ways to identity that are not the class table."""

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


class ThresholdSettings(Settings):
    """The largest accepted risk, as the class size that it means."""

    k: int = Field(ge=1, description="class size that is required")
    label: str = Field(default="", description="risk as regulators write it")
    source: str = ""
    statistic: Literal["maximum", "average", "strict-average"] = "maximum"
    floor: int = Field(default=3, ge=1, description="strict-average: smallest class size allowed")

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
    model: Literal["pitman-yor", "log-linear", "zayatz", "snb", "dankar"] | None = None
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
    visits: int | Literal["all"] | None = Field(default=None, description="visits that are known")
    membership: Quantity | None = Field(
        default=None, description="probability that they know who is in the release"
    )
    verification: Quantity | None = Field(
        default=None, description="probability that a right match can be verified; off when absent"
    )
    description: str = ""

    @field_validator("attack")
    @classmethod
    def _some_attack(cls, attack: tuple[Attack, ...]) -> tuple[Attack, ...]:
        if not attack:
            raise ValueError("name at least one attack")
        return attack


class ChannelSettings(Settings):
    """What a threat model or an assessor says of a channel."""

    requirement: Literal["required", "optional"] = "required"
    matcher: str | None = None
    coverage: Quantity | None = Field(
        default=None, description="face: share of people with a photograph in the gallery"
    )


ChannelStatus = Annotated[
    Annotated[Literal["required", "optional"], Tag("literal[channel]")]
    | Annotated[ChannelSettings, Tag("mapping")],
    Discriminator(lambda v: "literal[channel]" if isinstance(v, str) else "mapping"),
]


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
    references: tuple[str, ...] = ()

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

    def required_channels(self) -> tuple[str, ...]:
        """Return the channels without which this model gives no verdict."""
        return tuple(
            name
            for name, setting in self.channels.items()
            if setting == "required"
            or (isinstance(setting, ChannelSettings) and setting.requirement == "required")
        )

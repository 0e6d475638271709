"""How well the de-identification was checked: quality control by people, scores of the process.

Quality control (best practice 17) speaks of this collection: people read a sample of its units.
A score (recommendation 5) speaks of the process: what became of identifiers that were planted.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from midi_risk.document.plan import Part


class QcStratum(Part):
    """Units of one channel that carry about the same risk, and what was read of them."""

    channel: str
    stratum: str = Field(description="what the search found, and whether such images show text")
    total: int = Field(ge=0)
    inspected: int = Field(ge=0)
    defects: int = Field(ge=0, description="units in which a reader saw an identifier")
    unsure: int = Field(ge=0)
    upper: float = Field(ge=0, le=1, description="bound on the share with a defect, this stratum")

    @model_validator(mode="after")
    def _counted(self) -> QcStratum:
        if self.defects + self.unsure > self.inspected or self.inspected > self.total:
            raise ValueError("defects and unsure are of those inspected, these of the total")
        return self


class QcUnits(Part):
    """Units (subject and channel) that there are, were read, and changed since."""

    total: int = Field(ge=0)
    inspected: int = Field(ge=0)
    defects: int = Field(ge=0)
    unsure: int = Field(ge=0)
    changed: int = Field(
        default=0, ge=0, description="read, and no longer what was read; all of them where the"
        " subjects are others"
    )  # fmt: skip


class QcSensitivity(Part):
    """Probability that the readers see an identifier that is there."""

    value: float = Field(gt=0, le=1, description="that the bounds rest on")
    how: Literal["stated", "canaries"]
    n: int = Field(default=0, ge=0, description="hidden canaries that were read")
    found: int = Field(default=0, ge=0)
    lower: float | None = Field(default=None, ge=0, le=1, description="bound, from the canaries")


class QcReaders(Part):
    """Two readers of the same units, and what they let estimate (Chapman)."""

    first: int = Field(ge=0)
    second: int = Field(ge=0)
    both: int = Field(ge=0)
    estimate: float = Field(ge=0, description="defects in the units that were read")


class QcResidual(Part):
    """Share of the subjects with an identifier that people can see."""

    inspected: int = Field(ge=0)
    defects: int = Field(ge=0)
    share: float = Field(ge=0, le=1, description="of the inspected units with a defect")
    upper: float = Field(ge=0, le=1, description="bound on the share of the subjects")


class QualityControl(Part):
    """A recorded quality control, held against the files as they are."""

    planned: str = Field(description="day of the plan")
    recorded: str = Field(description="day of the last reading")
    plan: str = Field(description="SHA-256 of the plan")
    digest: str = Field(description="SHA-256 over the digests of what was looked at")
    share: float = Field(ge=0, lt=1, description="that the plan was to rule out")
    confidence: float = Field(gt=0, lt=1)
    subjects: int = Field(ge=0)
    readers: int = Field(ge=1)
    sensitivity: QcSensitivity
    units: QcUnits
    strata: list[QcStratum]
    upper: float = Field(
        ge=0, le=1, description="joint bound over all strata, as a share of the subjects"
    )
    second_reader: QcReaders | None = None
    before: QcResidual | None = Field(
        default=None, description="of the first sample; null until one was read"
    )
    after: QcResidual | None = Field(
        default=None, description="of a new sample after correction; null where there is none"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> QualityControl:
        for name in ("total", "inspected", "defects", "unsure"):
            if sum(getattr(s, name) for s in self.strata) != getattr(self.units, name):
                raise ValueError(f"units.{name} is not the sum of the strata")
        most = max((s.defects for s in self.strata), default=0)
        if self.subjects and self.upper < min(1.0, most / self.subjects) - 1e-9:
            raise ValueError("the joint bound is below what was found")
        return self


class ScoreCell(Part):
    """Planted identifiers of one kind in one place, and how many of them stayed."""

    kind: str
    place: str
    n: int = Field(ge=0)
    left: int = Field(ge=0)
    by_design: int = Field(default=0, ge=0, description="stayed because the claimed options say so")
    rules: int = Field(ge=0, description="rules that they exercise; one rule fails as one")
    rules_failed: int = Field(ge=0)
    upper: float = Field(
        ge=0, le=1, description="Clopper-Pearson bound on the share of rules that leave something"
    )

    @model_validator(mode="after")
    def _counted(self) -> ScoreCell:
        if self.left > self.n or self.rules_failed > self.rules:
            raise ValueError("what stayed is part of what was planted")
        return self

    @property
    def rate(self) -> float:
        """Share that stayed."""
        return self.left / self.n if self.n else 0.0


class ScoreRetention(Part):
    """What should have stayed, of one kind, and how much of it did."""

    what: str
    n: int = Field(ge=0)
    kept: int = Field(ge=0)


class ScoreTrap(Part):
    """One way of counting that flatters, and how many checks it would have passed wrongly."""

    trap: str
    checks: int = Field(ge=0)


class Score(Part):
    """What one run of a de-identification tool left of a key."""

    key: Literal["canaries", "midi-b"]
    digest: str = Field(description="SHA-256 of the key")
    tool: str = Field(default="", description="what was run, in the assessor's words")
    on: str = Field(description="day of the run")
    options: list[str] = Field(default=[], description="of the profile that the tool claims")
    files: int = Field(ge=0)
    missing: int = Field(ge=0, description="files of the key that are not in the output")
    cells: list[ScoreCell]
    retention: list[ScoreRetention] = []
    conformance: list[ScoreRetention] = []
    traps: list[ScoreTrap] = []

    @property
    def worst(self) -> ScoreCell | None:
        """The cell of which most stayed; of equal ones that with the higher bound."""
        return max(self.cells, key=lambda c: (c.rate, c.upper, c.n), default=None)

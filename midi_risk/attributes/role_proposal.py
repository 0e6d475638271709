"""One proposal: which part a column plays, how it is read, and why."""

from __future__ import annotations

from dataclasses import dataclass

from midi_risk.attributes.ladders import DEFAULT_LADDER
from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.role_evidence import Evidence

VOCABULARY_SHARE = 0.05
"""Texts count as a vocabulary while fewer subjects than this have wording of their own."""

AGE_IN_DAYS = (366.0, 45000.0)
"""An age column whose middle value lies here counts days, not years."""

SERIAL_DATE = 20000
"""Numbers above this in a date column are packed or serial dates, not days counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Role, kind, ladder and reason of one column."""

    role: Role
    kind: Kind
    reason: str
    ladder: str | None = None
    knowable_by: tuple[str, ...] = ()

    def with_ladder(self) -> Proposal:
        """Return the proposal with the ladder of its kind where none was given."""
        if self.ladder:
            return self
        return Proposal(
            role=self.role,
            kind=self.kind,
            reason=self.reason,
            ladder=DEFAULT_LADDER[self.kind],
            knowable_by=self.knowable_by,
        )


def kind_of(evidence: Evidence) -> Kind:
    """Return how the values can be read: dates, numbers, or categories.

    Numbers of up to ten distinct values are codes of a category.
    """
    if evidence.dates:
        return Kind.DATE
    if evidence.numeric and evidence.distinct > 10:
        return Kind.NUMBER
    return Kind.CATEGORY


def _typical(evidence: Evidence) -> float:
    numbers = sorted(evidence.numbers.tolist())
    return numbers[len(numbers) // 2] if numbers else float("nan")


def fitted(kind: Kind, ladder: str | None, evidence: Evidence) -> tuple[Kind, str | None]:
    """Return the kind and ladder that the values bear, starting from what the name says.

    Parameters
    ----------
    kind : Kind
        What the name of the column says.
    ladder : str or None
        What the name says.
    evidence : Evidence
        What the values show.
    """
    if evidence.empty:
        return kind, ladder
    if kind is Kind.AGE:
        return _fitted_age(evidence)
    if kind is Kind.DATE:
        return _fitted_date(ladder, evidence)
    if kind in (Kind.SEX, Kind.NUMBER) and evidence.parsed_share(kind) < 0.5:
        return Kind.CATEGORY, "enum"
    if ladder == "height" and not _plausible_height(_typical(evidence)):
        return Kind.NUMBER, "number"
    return kind, ladder


def _plausible_height(typical: float) -> bool:
    """Tell metres and centimetres from feet, inches and sizes of something else."""
    return 0.3 < typical < 2.6 or 90 < typical < 250


def _fitted_age(evidence: Evidence) -> tuple[Kind, str | None]:
    if evidence.numeric and AGE_IN_DAYS[0] < _typical(evidence) < AGE_IN_DAYS[1]:
        return Kind.NUMBER, "agedays"
    if evidence.parsed_share(Kind.AGE) < 0.5:
        return Kind.CATEGORY, "enum"
    return Kind.AGE, "age"


def _fitted_date(ladder: str | None, evidence: Evidence) -> tuple[Kind, str | None]:
    years = evidence.numeric and bool(
        ((evidence.numbers >= 1850) & (evidence.numbers <= 2150)).mean() > 0.8
    )
    if years:
        return Kind.DATE, "year"
    packed = _typical(evidence) > SERIAL_DATE and evidence.parsed_share(Kind.DATE) > 0.9
    if evidence.numeric and not evidence.dates and not packed:
        return Kind.NUMBER, "offset"
    if evidence.parsed_share(Kind.DATE) < 0.5:
        return Kind.CATEGORY, "enum"
    return Kind.DATE, "date" if ladder == "year" else ladder


def judge_text(evidence: Evidence, knowers: tuple[str, ...], *, ladder: str = "text") -> Proposal:
    """Propose a role for free text: a shared vocabulary, or wording nobody has read.

    Free text of which subjects have wording of their own is ``undecided``: only a
    person, or the free-text channel, can say what stands in it.
    """
    share = evidence.own_share
    if share <= VOCABULARY_SHARE:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=Kind.TEXT,
            reason=(
                f"a shared vocabulary: {evidence.distinct} wordings, and {share:.0%} of the "
                "subjects have one of their own; the free-text channel looks at those"
            ),
            ladder=ladder,
            knowable_by=knowers,
        )
    return Proposal(
        role=Role.UNDECIDED,
        kind=Kind.TEXT,
        reason=(
            f"free text in which {share:.0%} of the subjects have wording of their own: "
            "read it, clean it to a vocabulary, or remove it"
        ),
        ladder=ladder,
        knowable_by=knowers,
    )

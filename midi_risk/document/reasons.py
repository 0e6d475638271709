"""Why a verdict is what it is: the closed list of reasons, and the status that they give.

The verdict writes each reason once, as a code with names and counts; everybody else reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from midi_risk.document.plan import Part

Status = Literal["acceptable", "above_threshold", "incomplete"]
Names = Sequence[str]
Counts = Mapping[str, int]

WITHIN = "within"
"""Code of the one reason for which a release is acceptable."""

_LISTED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonKind:
    """All about one code.

    Parameters
    ----------
    meaning : str
        What it says, in one sentence.
    status : {"acceptable", "above_threshold", "incomplete"} or None
        Status that it causes; None when it only tells.
    condition : int or None
        Condition of an acceptable release that does not hold; None when no single one.
    names : {"attributes", "channels", "adversary", "model", "event", "source", "none"}
        What its names are: of attributes, of channels, a threat model with adversary and
        measures, a threat model, kinds of attempts, or a source.
    sentence : callable
        Makes the sentence from names and counts.
    """

    meaning: str
    status: Status | None
    condition: int | None
    names: Literal["attributes", "channels", "adversary", "model", "event", "source", "none"]
    sentence: Callable[[Names, Counts], str]


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _listed(names: Names, most: int = _LISTED) -> str:
    """Return the first names and how many more."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _why(counts: Counts) -> str:
    """Say whether a reason stands in the document; its words stand there, once."""
    return "the reason is stated" if counts["stated"] else "no reason is stated"


REASONS: Mapping[str, ReasonKind] = {
    "unread_files": ReasonKind(
        meaning="More files could not be read than are tolerated.",
        status="incomplete",
        condition=1,
        names="none",
        sentence=lambda _, n: (
            f"{_count(n['files'], 'file')} could not be read (tolerated: {n['tolerated']})"
        ),
    ),
    "unidentified_files": ReasonKind(
        meaning="More DICOM files tell neither patient nor instance than may go unread.",
        status="incomplete",
        condition=1,
        names="none",
        sentence=lambda _, n: (
            f"{_count(n['files'], 'DICOM file')} without patient or instance identifier, so no"
            f" class counts what they hold (tolerated: {n['tolerated']})"
        ),
    ),
    "undecided": ReasonKind(
        meaning="An attribute leaves and nobody said what role it plays.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, _: f"{_count(len(names), 'attribute')} undecided: {_listed(names)}",
    ),
    "direct_open": ReasonKind(
        meaning="A direct identifier has values and no decision.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, _: (
            f"{_count(len(names), 'direct identifier')} with values and no decision to remove:"
            f" {_listed(names)}"
        ),
    ),
    "direct_kept": ReasonKind(
        meaning="A direct identifier is retained or generalised, not removed.",
        status="above_threshold",
        condition=2,
        names="attributes",
        sentence=lambda names, _: f"direct identifiers are retained: {_listed(names)}",
    ),
    "restated_dates": ReasonKind(
        meaning="Dates stay that may state the study date again, which does not stay.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, n: (
            f"StudyDate is {'removed' if n['removed'] else 'generalised'} while"
            f" {_count(len(names), 'attribute')} that may state the same day stay:"
            f" {_listed(names, 5)}; decide these too"
        ),
    ),
    "overruled": ReasonKind(
        meaning="The project file declares a proposed identifier to be none.",
        status=None,
        condition=2,
        names="attributes",
        sentence=lambda names, _: (
            f"the project file declares {_count(len(names), 'proposed identifier')} to be none, so"
            f" no class counts it: {_listed(names, 5)}"
        ),
    ),
    "rows_without_key": ReasonKind(
        meaning="Rows of a source belong to no subject.",
        status="incomplete",
        condition=3,
        names="none",
        sentence=lambda _, n: (
            f"{_count(n['rows'], 'row')} without a subject key: they belong to nobody, so no class"
            " counts them; give them a key or leave them out"
        ),
    ),
    "orphans": ReasonKind(
        meaning="A linked table holds more people whom the leading source lacks than tolerated.",
        status="incomplete",
        condition=3,
        names="source",
        sentence=lambda names, n: (
            f"{_count(n['subjects'], 'subject')} of {_listed(names)} not in the leading source, so"
            f" no class counts them (tolerated: {n['tolerated']}); leave them out of the release or"
            " raise tolerance.orphan_subjects"
        ),
    ),
    "no_threat": ReasonKind(
        meaning="No threat model was applied.",
        status="incomplete",
        condition=4,
        names="none",
        sentence=lambda _names, _counts: "no threat model was applied",
    ),
    "unread_values": ReasonKind(
        meaning="Values of quasi-identifiers leave that nobody could read or believe.",
        status="incomplete",
        condition=4,
        names="attributes",
        sentence=lambda names, n: (
            f"{_count(n['values'], 'distinct value')} of quasi-identifiers cannot be read or"
            f" believed, and the classes take them as missing: {_listed(names, 5)}; mend them, or"
            " declare the attribute as kind: category"
        ),
    ),
    "above": ReasonKind(
        meaning="Judged figures of an adversary did not pass.",
        status="above_threshold",
        condition=4,
        names="adversary",
        sentence=lambda names, n: (
            f"{names[0]}, {names[1]}: above the threshold on {_listed(names[2:])}"
            f" (class size {n['k']} is required)"
        ),
    ),
    "attacks_open": ReasonKind(
        meaning="Not all three kinds of attempts on a controlled release were judged.",
        status="incomplete",
        condition=4,
        names="event",
        sentence=lambda names, _: (
            "a controlled release is judged on the worst of three attempts, and nobody judged:"
            f" {_listed(names)}; add such an adversary, or one whose attempt is certain"
        ),
    ),
    "class_lowered": ReasonKind(
        meaning="A threat model requires a smaller class than midi-risk ships for such a release.",
        status=None,
        condition=9,
        names="model",
        sentence=lambda names, n: (
            f"{names[0]} requires a class size of {n['k']}, less than the {n['shipped']} that"
            f" midi-risk ships for such a release; {_why(n)}"
        ),
    ),
    "threshold_lowered": ReasonKind(
        meaning="The class size was lowered after figures had been seen.",
        status=None,
        condition=9,
        names="model",
        sentence=lambda names, n: (
            f"{names[0]}: the class size was lowered from {n['before']} to {n['k']} after figures"
            " had been seen"
        ),
    ),
    "channels_open": ReasonKind(
        meaning="A channel that a threat model requires has no figure.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"{_count(len(names), 'required channel')} not assessed: {_listed(names)}"
        ),
    ),
    "channel_above": ReasonKind(
        meaning="A required channel is above the limit of a threat model that requires it.",
        status="above_threshold",
        condition=5,
        names="channels",
        sentence=lambda names, _: f"channel {names[0]}: its risk is above the threshold",
    ),
    WITHIN: ReasonKind(
        meaning="Nothing stands against the release.",
        status="acceptable",
        condition=None,
        names="none",
        sentence=lambda _names, _counts: (
            "every figure is within its threshold and nothing was left unassessed"
        ),
    ),
}
"""Code -> all about it; a new condition of the verdict is a new entry here."""


def _listed_code(code: str) -> str:
    if code not in REASONS:
        raise ValueError("is no code of the list of reasons")
    return code


ReasonCode = Annotated[
    str,
    AfterValidator(_listed_code),
    Field(json_schema_extra={"enum": list(REASONS)}, description="one of a closed list"),
]


class Reason(Part):
    """One reason of a verdict."""

    code: ReasonCode
    names: list[str] = Field(
        default=[], description="attributes, channels, or threat model, adversary and measures"
    )
    counts: dict[str, int] = {}
    text: str = Field(description="the sentence that code, names and counts make")


def reason(code: str, names: Iterable[str] = (), **counts: int) -> Reason:
    """Return a reason with its sentence.

    Parameters
    ----------
    code : str
        A key of `REASONS`.
    names : iterable of str
    **counts : int

    Examples
    --------
    >>> reason("unread_files", files=1, tolerated=0).text
    '1 file could not be read (tolerated: 0)'
    """
    listed = list(names)
    text = REASONS[code].sentence(listed, counts)
    return Reason(code=code, names=listed, counts=counts, text=text)


def status_of(codes: Iterable[str]) -> Status | None:
    """Return the status that reasons give: incomplete outranks above the threshold.

    Parameters
    ----------
    codes : iterable of str
        Keys of `REASONS`.

    Returns
    -------
    str or None
        None when no code says how it stands: unknown is never acceptable.

    Examples
    --------
    >>> status_of(["above", "undecided"]), status_of(["above", "overruled"])
    ('incomplete', 'above_threshold')
    >>> status_of(["within", "overruled"]), status_of([])
    ('acceptable', None)
    """
    found = {REASONS[code].status for code in codes}
    ranks: tuple[Status, ...] = ("incomplete", "above_threshold", "acceptable")
    return next((status for status in ranks if status in found), None)

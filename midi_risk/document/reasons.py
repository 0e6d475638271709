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
EXIT_CODES: dict[Status, int] = {"acceptable": 0, "above_threshold": 3, "incomplete": 4}
"""Exit code of each status."""
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
    names : {"attributes", "channels", "adversary", "model", "event", "source", "account", "none"}
        What its names are: of attributes, of channels, a threat model with adversary and
        measures, a threat model, kinds of attempts, a source, or rows of the account.
    sentence : callable
        Makes the sentence from names and counts.
    """

    meaning: str
    status: Status | None
    condition: int | None
    names: Literal[
        "attributes", "channels", "adversary", "model", "event", "source", "account", "none"
    ]
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


_BESIDE = {
    "tables": "table", "sheets": "sheet", "comments": "cell comment", "instances": "instance",
}  # fmt: skip


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
    "account_open": ReasonKind(
        meaning="Something leaves that nobody judged, measured, removed or justified.",
        status="incomplete",
        condition=2,
        names="account",
        sentence=lambda names, n: (
            f"{_count(n['rows'], 'row')} of the account of what leaves"
            f" {'is' if n['rows'] == 1 else 'are'} open: {_listed(names)}; decide on them under"
            " 'release' or 'private' of the project file"
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
    "uids_tell": ReasonKind(
        meaning="UIDs leave that hold a day or a serial number, or that a device gave.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, _: (
            f"UIDs that hold a day, a serial number or their device: {_listed(names)}; let apply"
            " replace them (uids: rekey), or state in 'need' why they may leave"
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
    "declared_none": ReasonKind(
        meaning="A proposed identifier is declared to be none, without a reason of its own.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, _: (
            f"{_count(len(names), 'proposed identifier')} declared to be none without a 'need' of"
            f" {'its' if len(names) == 1 else 'their'} own (a pattern is none):"
            f" {_listed(names, 5)}; say why nobody can know it, or let the classes count it"
            " (role: quasi_identifier)"
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
    "beside_unread": ReasonKind(
        meaning="Tables, sheets, comments or instances lie beside what was read, and may leave"
        " with it.",
        status="incomplete",
        condition=3,
        names="none",
        sentence=lambda _, n: (
            ", ".join(_count(n[what], noun) for what, noun in _BESIDE.items() if n.get(what))
            + " beside what was read, so no class counts what they hold; "
            + (
                "read every instance of the service (?instances=all)"
                if n.get("instances")
                else "link them, or say in the project file that they do not leave ('exclude' of"
                " the collection, 'left_out' of a source)"
            )
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
    "split_subjects": ReasonKind(
        meaning="One study or series has several subject keys.",
        status="incomplete",
        condition=3,
        names="attributes",
        sentence=lambda names, n: (
            f"{_count(n['subjects'], 'subject')} share {_listed(names)} with another subject: one"
            " person under several keys counts several times; give each person one key, or mend"
            " the UIDs"
        ),
    ),
    "merged_subjects": ReasonKind(
        meaning="One subject key has sexes, birth dates or bodies that exclude each other.",
        status="incomplete",
        condition=3,
        names="attributes",
        sentence=lambda names, n: (
            f"{_count(n['subjects'], 'subject')} with contradicting {_listed(names)}: two people"
            " under one key count as one; give each person a key, or mend the records"
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
            f" believed, and the classes take them as missing: {_listed(names, 5)}; mend them, say"
            " their unit, or declare the attribute as kind: category"
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
    "contradicted": ReasonKind(
        meaning="The assessor states less of a channel than was measured or found.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"channel {names[0]}: the statement says less than what was found"
            f" ({_listed(names[1:]) or 'not named'}); withdraw or mend it"
        ),
    ),
    "evidence_incomplete": ReasonKind(
        meaning="A statement about a channel does not say who, when, how, how many of how many.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"channel {names[0]}: the statement does not say {_listed(names[1:], 8) or 'all'}"
        ),
    ),
    "evidence_of_part": ReasonKind(
        meaning="A statement about a channel covers fewer subjects than the release has.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, n: (
            f"channel {names[0]}: the statement is about {n['of']} of {n['subjects']} subjects"
        ),
    ),
    "evidence_file_missing": ReasonKind(
        meaning="The file that a statement about a channel names is not there.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"channel {names[0]}: the file of the evidence is not there; put it where the project"
            " file names it"
        ),
    ),
    "evidence_file_changed": ReasonKind(
        meaning="The file that a statement about a channel names has another digest.",
        status="incomplete",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"channel {names[0]}: the file of the evidence is not the one whose digest is stated"
        ),
    ),
    "channel_above": ReasonKind(
        meaning="A channel is above its limit: required or optional, measured, found or stated.",
        status="above_threshold",
        condition=5,
        names="channels",
        sentence=lambda names, _: f"channel {names[0]}: its risk is above the threshold",
    ),
    "channels_together": ReasonKind(
        meaning="Each channel is within its limit, and those of a subject are not together.",
        status="above_threshold",
        condition=5,
        names="channels",
        sentence=lambda names, _: (
            f"{_count(len(names), 'channel')} together are above the threshold: {_listed(names, 8)}"
        ),
    ),
    "search_hits": ReasonKind(
        meaning="A search found the same subjects in other public data.",
        status="above_threshold",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"a search for linked public data has {_count(n['hits'], 'hit')} on the same subjects"
        ),
    ),
    "search_incomplete": ReasonKind(
        meaning="A search for linked data does not say when, by whom, where, with how many hits.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"{n['searches']} recorded {'search' if n['searches'] == 1 else 'searches'} for linked"
            " public data: date, by, place and hits are not all stated"
        ),
    ),
    "search_old": ReasonKind(
        meaning="The last search for linked data is more than a year old.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"the last search for linked public data is {_count(n['days'], 'day')} old; search"
            " again"
        ),
    ),
    "quality_above": ReasonKind(
        meaning="The bound on the rate of defects from quality control is above the threshold.",
        status="above_threshold",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"quality control found {_count(n['defects'], 'defect')} in {n['sample']}: the bound"
            " on their rate is above the threshold"
        ),
    ),
    "quality_incomplete": ReasonKind(
        meaning="Quality control does not say who, when, how many of how many, how sensitive.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _names, _counts: (
            "quality control: by, on, sample, population and sensitivity are not all stated"
        ),
    ),
    "quality_old": ReasonKind(
        meaning="Quality control is more than a year old.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: f"quality control is {_count(n['days'], 'day')} old; do it again",
    ),
    "qc_found": ReasonKind(
        meaning="People saw an identifier in units that are still what they read.",
        status="above_threshold",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"quality control found an identifier in {n['defects']} of {n['inspected']} units;"
            " correct what caused it everywhere, then draw a new sample (qc plan)"
        ),
    ),
    "qc_above": ReasonKind(
        meaning="The joint bound from a clean sample read by people is above the threshold.",
        status="above_threshold",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"quality control read {n['inspected']} of {n['total']} units, too few for the"
            " threshold: read more, or find readers who miss less"
        ),
    ),
    "qc_unsure": ReasonKind(
        meaning="Readers of the quality control were unsure of units.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"quality control: the readers were unsure of {_count(n['units'], 'unit')}"
        ),
    ),
    "qc_changed": ReasonKind(
        meaning="What people looked at is no longer what it was.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"quality control: {n['units']} of {n['inspected']} units changed since they were read;"
            " draw a new sample (qc plan)"
        ),
    ),
    "qc_old": ReasonKind(
        meaning="People looked more than a year ago.",
        status="incomplete",
        condition=8,
        names="none",
        sentence=lambda _, n: (
            f"the recorded quality control is {_count(n['days'], 'day')} old; do it again"
        ),
    ),
    "disclosed": ReasonKind(
        meaning="What sensitive values disclose fails the criterion of a threat model.",
        status="above_threshold",
        condition=6,
        names="attributes",
        sentence=lambda names, n: (
            f"sensitive values can be inferred: {_listed(names)} ({n['classes']} of the judged"
            f" classes, {_count(n['subjects'], 'subject')}); generalise, remove the attribute, or"
            " accept it in writing (disclosure.accepted)"
        ),
    ),
    "disclosure_accepted": ReasonKind(
        meaning="Sensitive values that can be inferred are accepted in writing.",
        status=None,
        condition=6,
        names="attributes",
        sentence=lambda names, _: (
            f"sensitive values can be inferred, which is accepted in writing: {_listed(names)}"
        ),
    ),
    "key_identifies": ReasonKind(
        meaning="The subject key is a direct identifier and nobody confirmed it in writing.",
        status="incomplete",
        condition=3,
        names="attributes",
        sentence=lambda names, _: (
            f"the subject key looks like a direct identifier: {_listed(names)}; let apply replace"
            " it by a pseudonym (subject_key.write: rekey), or confirm it in writing"
            " (subject_key.confirmed)"
        ),
    ),
    "key_guessed": ReasonKind(
        meaning="No plain name says which column names a subject, and nobody confirmed the guess.",
        status="incomplete",
        condition=3,
        names="attributes",
        sentence=lambda names, _: (
            f"the subject key was guessed: {_listed(names)}; a row may be finer than a person:"
            " confirm the key in writing (subject_key.confirmed), or name another"
        ),
    ),
    "not_known": ReasonKind(
        meaning="A quasi-identifier leaves that no adversary of any model is taken to know.",
        status="incomplete",
        condition=4,
        names="attributes",
        sentence=lambda names, _: (
            f"{_count(len(names), 'quasi-identifier')} that no adversary is taken to know:"
            f" {_listed(names)}; add them to 'knows', or assess with a model that knows all"
        ),
    ),
    "singles_out": ReasonKind(
        meaning="An attribute called insensitive singles out subjects and nobody said why it is.",
        status="incomplete",
        condition=2,
        names="attributes",
        sentence=lambda names, n: (
            f"{_count(len(names), 'attribute')} called insensitive in which more than"
            f" {n['percent']} % of the subjects have a value of their own: {_listed(names)}; make"
            " them quasi-identifiers, remove them, or state in 'need' why they may leave"
        ),
    ),
    WITHIN: ReasonKind(
        meaning="Nothing stands against the release.",
        status="acceptable",
        condition=None,
        names="channels",
        sentence=lambda names, _: (
            "every figure is within its threshold and "
            + (
                f"no model requires what was left unassessed: {_listed(names)}"
                if names
                else "nothing was left unassessed"
            )
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

"""Proposal of roles: which part each column plays, how it is read, and why.

The rule behind the proposals (ADR 0010): a quasi-identifier is what somebody outside
the hospital can know about a person, so it belongs in the class table; what only
insiders know is a matter of channels and of governance; what would do harm when learnt
is sensitive; and what nobody can judge from here stays undecided. A DICOM attribute is
judged by the catalogue, the dictionary and Table E.1-1; any other column by its name,
and by its values where the name says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from midi_risk.attributes.decisions import GUESSED
from midi_risk.attributes.ladders import DEFAULT_LADDER
from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.attributes.numbers import sex_spellings
from midi_risk.attributes.recoding import is_known_region, is_named_race
from midi_risk.attributes.role_evidence import CODES, Evidence, SubjectKey
from midi_risk.attributes.standard import (
    NOT_LISTED,
    CatalogueEntry,
    Ps315Table,
    action_for,
    catalogue,
    packaged_table,
)
from midi_risk.attributes.unit_evidence import with_unit
from midi_risk.attributes.values import normalise
from midi_risk.document.assessment import Ps315Action
from midi_risk.resources import data_rows
from midi_risk.sources.column_names import (
    Meaning,
    column_words,
    concepts_of,
    meaning_for,
    meaning_of,
    standard_meaning,
)
from midi_risk.sources.model import Extraction, SourceKind, SourceTable

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
    unread = kind in (Kind.SEX, Kind.NUMBER) and evidence.parsed_share(kind) < 0.5
    if unread or (ladder == "offset" and not evidence.spread):
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
    if evidence.parsed_share(Kind.AGE) < 0.5 or _named_group(evidence):
        return Kind.CATEGORY, "enum"
    return Kind.AGE, "age"


def _named_group(evidence: Evidence) -> bool:
    """Tell groups of ages that many share, of which one has a name (``adult``), from ages."""
    if evidence.distinct > CODES or evidence.subjects < FEW * evidence.distinct:
        return False
    words = [value for value in evidence.values if not any(map(str.isdigit, value))]
    return any(text is None for text in normalise(Kind.AGE, words).text)


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


_LONG_NUMBER = re.compile(r"(?:\d[ /.()-]{0,2}){6,}")


def judge_text(evidence: Evidence, knowers: tuple[str, ...], *, ladder: str = "text") -> Proposal:
    """Propose a role for free text: a shared vocabulary, or wording nobody has read.

    Free text of which subjects have wording of their own is ``undecided``: only a
    person, or the free-text channel, can say what stands in it.
    """
    share = evidence.own_share
    if any(_LONG_NUMBER.search(value) for value in evidence.sample):
        return Proposal(
            role=Role.UNDECIDED,
            kind=Kind.TEXT,
            reason="text in which long numbers stand, as of telephones, records or dates: read it",
            ladder=ladder,
            knowable_by=knowers,
        )
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


_FORM_ITEM = re.compile(r"([a-z]{1,3}|[a-z]\d|[a-z]{1,2}\d?e)\d+[a-z]?", re.IGNORECASE)
FORM_ITEMS = 8


def form_items(names: Iterable[str]) -> frozenset[str]:
    """Return the columns that are numbered items of a form, whose letters mean nothing.

    ``age3`` is no age when the table also has ``age4`` to ``age40``: eight columns of one
    short stem and a number are a case report form.

    Examples
    --------
    >>> sorted(form_items([f"age{i}" for i in range(10)] + ["race1", "race2"]))[:2]
    ['age0', 'age1']
    """
    stems: dict[str, list[str]] = {}
    for name in names:
        match = _FORM_ITEM.fullmatch(name)
        if match:
            stems.setdefault(match.group(1).lower(), []).append(name)
    return frozenset(n for items in stems.values() if len(items) >= FORM_ITEMS for n in items)


def named_key(column: str) -> str:
    """Return what the name of a key says that makes it a direct identifier, ``""`` if nothing.

    Names, addresses and national numbers are known outside the hospital. A number in its records
    opens them to everybody who works there, so one that the column is called after is confirmed
    or replaced; the identifier of a study is what a key is expected to be.

    Examples
    --------
    >>> named_key("e-mail"), named_key("patient_id")
    ('the name of the column speaks of a way to reach the person', '')
    >>> named_key("MRN")
    "the name of the column speaks of a number in a hospital's records"
    """
    rule = meaning_of(column)
    entry = catalogue().get(column)
    if entry is not None and entry.category == "direct identifier" and entry.vr == "PN":
        return "it is a name of a person by its value representation"
    if rule is None or rule.role != Role.DIRECT_IDENTIFIER.value:
        return ""
    of_records = "hospital number" in concepts_of(column)
    return rule.reason if of_records or OUTSIDERS.intersection(rule.knowable_by) else ""


def knowable(attribute: Attribute) -> bool:
    """Tell whether somebody outside the hospital can know an attribute of a person.

    Of a column that neither the catalogue nor a rule knows nobody can exclude it.

    Parameters
    ----------
    attribute : Attribute
    """
    if attribute.knowable_by:
        return bool(OUTSIDERS.intersection(attribute.knowable_by))
    return attribute.keyword is None or attribute.keyword not in catalogue()


def propose_by_meaning(row: Meaning, evidence: Evidence, *, where: str = "") -> Proposal:
    """Return what the name of a column means, with kind and ladder fitted to the values.

    Parameters
    ----------
    row : Meaning
    evidence : Evidence
    where : str
        Added to the reason, such as ``" (data dictionary)"``.
    """
    ladder: str | None
    if row.kind == "auto":
        kind, ladder = kind_of(evidence), row.ladder or None
    else:
        kind, ladder = fitted(Kind(row.kind), row.ladder or None, evidence)
    return Proposal(
        role=Role(row.role),
        kind=kind,
        reason=row.reason + where,
        ladder=ladder,
        knowable_by=row.knowable_by,
    )


OUTSIDERS = frozenset({"public", "acquaintance"})
"""Who can know an attribute without access to the hospital's systems."""

SAME_VISIT = (
    "SeriesDate", "SeriesTime", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime",
    "ContentDate", "ContentTime", "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime", "InstanceCreationDate", "InstanceCreationTime",
)  # fmt: skip
"""Dates and times of the visit that StudyDate and StudyTime already stand for."""

_DATES = frozenset(name for name in SAME_VISIT if "Date" in name)


def may_restate(keyword: str | None, vr: str | None, ps315: Ps315Action | None) -> bool:
    """Tell whether a date or time of DICOM may state again when a subject was seen.

    Those of `SAME_VISIT` do, and so may every date that Table E.1-1 lists and the catalogue does
    not judge, unless it is the version of a list of codes.

    Parameters
    ----------
    keyword, vr, ps315
        As of an `Attribute`.

    Examples
    --------
    >>> may_restate("ContentDate", "DA", None), may_restate("DateOfManufacture", "DA", None)
    (True, False)
    >>> may_restate("StudyArrivalDate", "DA", action_for("StudyArrivalDate"))
    True
    """
    if keyword is None or keyword in SAME_VISIT:
        return keyword is not None
    listed = ps315 is not None and ps315.action != NOT_LISTED
    return listed and vr in {"DA", "DT"} and keyword not in {*catalogue(), *_overrides()}


def restates_day(attribute: Attribute) -> bool:
    """Tell whether an attribute may state the day of a study again.

    Parameters
    ----------
    attribute : Attribute
    """
    return attribute.keyword in _DATES or (
        attribute.keyword not in SAME_VISIT
        and may_restate(attribute.keyword, attribute.vr, attribute.ps315)
    )


_FREE_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


def may_hold_text(attribute: Attribute) -> bool:
    """Tell whether somebody can have written anything into an attribute that no class counts.

    That is free text, and what DICOM leaves to whoever types it where Table E.1-1 lists it: the
    name of an operator, the state of a patient, the label of a cassette. A `need` settles it.

    Parameters
    ----------
    attribute : Attribute

    Examples
    --------
    >>> from midi_risk.attributes.model import Kind, Role
    >>> state = Attribute(
    ...     name="PatientState", source="dicom", column="PatientState", role=Role.SENSITIVE,
    ...     kind=Kind.CATEGORY, reason="", vr="LO", ps315=action_for("PatientState"),
    ... )
    >>> may_hold_text(state)
    True
    """
    if attribute.kind is Kind.TEXT:
        return True
    listed = attribute.ps315 is not None and attribute.ps315.action != NOT_LISTED
    uncounted = attribute.role in {Role.INSENSITIVE, Role.SENSITIVE}
    if attribute.keyword in _overrides():
        return False
    return listed and uncounted and attribute.vr in _FREE_VRS and not attribute.need


def is_ruled(keyword: str | None) -> bool:
    """Tell whether a packaged ruling with a reason says what role an attribute of DICOM has.

    Examples
    --------
    >>> is_ruled("DeidentificationMethod"), is_ruled("SoftwareVersions")
    (True, False)
    """
    return keyword in _overrides()


_NUMERIC_VR = frozenset({"DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
_KIND_OF_VR = {
    "AS": Kind.AGE, "DA": Kind.DATE, "DT": Kind.DATE, "TM": Kind.TIME, "UI": Kind.IDENTIFIER,
}  # fmt: skip
_LONG_TEXT = frozenset({"LT", "ST", "UT", "UC"})
_CATEGORY_LADDERS = frozenset({"enum", "flag", "code", "diag", "remove"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomIdentity:
    """Tag, VR, level and confidentiality action of a keyword."""

    keyword: str
    tag: str
    vr: str
    level: str
    ps315: Ps315Action


@cache
def dicom_identity(keyword: str) -> DicomIdentity | None:
    """Return the DICOM identity of a column name, None when it is no keyword.

    Examples
    --------
    >>> dicom_identity("PatientAge").tag
    '(0010,1010)'
    >>> dicom_identity("shoe_size") is None
    True
    """
    entry = catalogue().get(keyword)
    if entry is not None and entry.vr not in ("-", "*"):
        return DicomIdentity(
            keyword=keyword, tag=entry.tag, vr=entry.vr, level=entry.level, ps315=entry.ps315
        )
    from midi_risk.sources.dicom.dictionary import tag_of, vr_of  # noqa: PLC0415 - pydicom

    number = tag_of(keyword)
    if number is None:
        return None
    tag = f"({number >> 16:04X},{number & 0xFFFF:04X})"
    return DicomIdentity(
        keyword=keyword, tag=tag, vr=vr_of(number), level="instance", ps315=action_for(tag)
    )


def _kind(vr: str, ladder: str, category: str) -> Kind:
    if ladder == "sex":
        return Kind.SEX
    if vr in _KIND_OF_VR:
        return _KIND_OF_VR[vr]
    if category == "direct identifier":
        return Kind.IDENTIFIER
    if category == "free text" or (ladder == "text" and category == "sensitive"):
        return Kind.TEXT if category == "free text" else Kind.CATEGORY
    if vr in _NUMERIC_VR and ladder not in _CATEGORY_LADDERS:
        return Kind.NUMBER
    return Kind.CATEGORY


@cache
def _overrides() -> Mapping[str, tuple[Role, str]]:
    return {r["keyword"]: (Role(r["role"]), r["reason"]) for r in data_rows("keyword_roles.csv")}


_FIXED = {
    "direct identifier": (Role.DIRECT_IDENTIFIER, "a direct identifier by itself"),
    "sensitive": (Role.SENSITIVE, "harmful to learn about a person who is found"),
    "uid": (
        Role.INSENSITIVE,
        (
            "a key inside the collection; whether it is the original one cannot be told from "
            "the value (see the embedded metadata channel)"
        ),
    ),
    "technical-fingerprint": (
        Role.INSENSITIVE,
        "a technical value that only somebody with the images or the scanner's log can know",
    ),
    "pixel": (Role.INSENSITIVE, "pixels and graphics are a channel of their own"),
    "embedded payload": (Role.INSENSITIVE, "embedded data are a channel of their own"),
}


def _judge_knowledge(entry: CatalogueEntry, same_visit: str) -> tuple[Role, str]:
    """Decide a quasi-identifier or date by who can know it."""
    if same_visit and entry.keyword in SAME_VISIT:
        return Role.INSENSITIVE, (
            f"{same_visit} stands for the same visit in the class table; the consistency of "
            "dates is checked apart"
        )
    outside = OUTSIDERS.intersection(entry.knowable_by)
    if outside:
        words = ("the public", "public"), ("acquaintances", "acquaintance")
        who = " and ".join(word for word, name in words if name in outside)
        return Role.QUASI_IDENTIFIER, f"can be known to {who}: {_why(entry)}"
    if entry.knowable_by:
        return Role.INSENSITIVE, (
            f"known only to insiders (see the device and embedded metadata channels): {_why(entry)}"
        )
    return Role.INSENSITIVE, f"nobody outside knows it of a person: {_why(entry)}"


def _why(entry: CatalogueEntry) -> str:
    return entry.why[:1].lower() + entry.why[1:] if entry.why[1:2].islower() else entry.why


def propose_keyword(
    identity: DicomIdentity, evidence: Evidence, *, same_visit: str = ""
) -> Proposal:
    """Propose the role of a DICOM attribute.

    Parameters
    ----------
    identity : DicomIdentity
    evidence : Evidence
        Asked only where the catalogue leaves the question open.
    same_visit : str
        ``"StudyDate"`` or ``"StudyTime"`` where the source has such values, for an
        attribute that restates them; else ``""``.
    """
    entry = catalogue().get(identity.keyword)
    if entry is None:
        return _uncatalogued(identity, evidence, same_visit)
    kind = _kind(identity.vr, entry.ladder, entry.category)
    override = _overrides().get(identity.keyword)
    if identity.keyword == "DeidentificationMethod" and _own_statements(evidence):
        role, kind = Role.INSENSITIVE, Kind.CATEGORY
        reason = "what midi-risk itself wrote of its recoding: version and digest, no free text"
    elif override is not None:
        role, reason = override
    elif evidence.empty:
        role, reason = Role.INSENSITIVE, "no row has a value"
    elif entry.category == "free text":
        return judge_text(evidence, entry.knowable_by, ladder=entry.ladder)
    elif entry.category in _FIXED:
        role, general = _FIXED[entry.category]
        reason = general if entry.category == "uid" else f"{general}: {_why(entry)}"
    else:
        role, reason = _judge_knowledge(entry, same_visit)
    return Proposal(
        role=role, kind=kind, reason=reason, ladder=entry.ladder, knowable_by=entry.knowable_by
    )


_OWN_STATEMENT = re.compile(r"midi-risk \d[0-9A-Za-z.+]{0,19} (plan|project) sha256:[0-9a-f]{8,64}")


def _own_statements(evidence: Evidence) -> bool:
    """Tell whether (0012,0063) holds nothing but what `apply` writes there."""
    parts = [part.strip() for text in evidence.values for part in text.split("\\")]
    return bool(parts) and all(_OWN_STATEMENT.fullmatch(part) for part in parts)


def _uncatalogued(identity: DicomIdentity, evidence: Evidence, same_visit: str) -> Proposal:
    """Propose from the VR and Table E.1-1 where the catalogue is silent."""
    vr, action = identity.vr, identity.ps315.action
    kind = _KIND_OF_VR.get(vr, Kind.NUMBER if vr in _NUMERIC_VR else Kind.CATEGORY)
    override = _overrides().get(identity.keyword)
    if override is not None:
        return Proposal(role=override[0], kind=kind, reason=override[1], ladder="enum")
    if evidence.empty:
        return Proposal(role=Role.INSENSITIVE, kind=kind, reason="no row has a value")
    if vr == "PN":
        return Proposal(
            role=Role.DIRECT_IDENTIFIER,
            kind=Kind.IDENTIFIER,
            reason="a name of a person by its value representation",
            ladder="remove",
        )
    listed = action != NOT_LISTED
    if listed and kind is Kind.DATE:
        return _listed_date(vr, action, same_visit)
    if vr in _LONG_TEXT or (listed and vr in ("LO", "SH")):
        return judge_text(evidence, ("clinician",))
    ladder, reason = _LISTED_AS.get(
        vr, (None, "a technical attribute that Table E.1-1 does not list")
    )
    if listed and ladder is None:
        reason = f"known only to insiders; Table E.1-1 lists it with action {action}"
    return Proposal(
        role=Role.INSENSITIVE, kind=kind, reason=reason, ladder=ladder, knowable_by=("clinician",)
    )


_LISTED_AS: Mapping[str, tuple[str | None, str]] = {
    "UI": ("uid", _FIXED["uid"][1]),
    "AE": (
        "device",
        (
            "the name of a machine in a hospital's network, which tells the hospital to those who"
            " know it (see the device channel)"
        ),
    ),
}
"""Value representation -> ladder and reason where the catalogue is silent."""


def _listed_date(vr: str, action: str, same_visit: str) -> Proposal:
    """Propose a date that Table E.1-1 lists: a copy of the study date, or known like it."""
    ladder = "datetime" if vr == "DT" else "date"
    if same_visit:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=Kind.DATE,
            reason=f"{same_visit} stands for the same visit in the class table; the consistency of"
            " dates is checked apart",
            ladder=ladder,
            knowable_by=("clinician",),
        )
    return Proposal(
        role=Role.QUASI_IDENTIFIER,
        kind=Kind.DATE,
        reason=f"may state the day on which the subject was seen; Table E.1-1 lists it with action"
        f" {action}",
        ladder=ladder,
        knowable_by=("acquaintance", "clinician"),
    )


def propose_direct(evidence: Evidence) -> Proposal | None:
    """Propose ``direct_identifier`` when the values themselves look like one."""
    if evidence.direct:
        return Proposal(
            role=Role.DIRECT_IDENTIFIER,
            kind=Kind.IDENTIFIER,
            reason=f"the values look like {evidence.direct}",
            ladder="remove",
        )
    return None


def _sexes(evidence: Evidence) -> bool:
    if evidence.distinct > 4:
        return False
    codes = {sex_spellings().get(value.casefold()) for value in evidence.sample}
    return {"M", "F"} <= codes and None not in codes


def propose_by_values(evidence: Evidence) -> Proposal:
    """Propose a role from values alone; ``undecided`` where they say nothing."""
    known = _by_meaning(evidence) or spoken_by_values(evidence) or _by_form(evidence)
    if known is not None:
        return known
    if not evidence.numeric and evidence.words >= 3:
        return judge_text(evidence, ())
    return Proposal(
        role=Role.UNDECIDED,
        kind=kind_of(evidence),
        reason="neither the name nor the values say what it is: decide in the project file",
    )


def _by_form(evidence: Evidence) -> Proposal | None:
    """Recognise constants, unique identifiers, codes and measurements."""
    if evidence.distinct == 1 and not evidence.of_one_among_others:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=kind_of(evidence),
            reason="all that have a value have the same",
        )
    if evidence.uids:
        return Proposal(
            role=Role.LINKAGE_KEY,
            kind=Kind.IDENTIFIER,
            reason="the values are unique identifiers of images or records: whoever has the images"
            " can join the row to them",
            ladder="uid",
            knowable_by=("clinician",),
        )
    if evidence.coded_identifier:
        return Proposal(
            role=Role.DIRECT_IDENTIFIER,
            kind=Kind.IDENTIFIER,
            reason="nearly every subject has a code of its own",
            ladder="remove",
        )
    if _measured(evidence):
        return Proposal(
            role=Role.INSENSITIVE,
            kind=Kind.NUMBER,
            reason="numbers with many decimals outside the range of ages: a measurement that "
            "nobody outside the study knows",
            ladder="number",
        )
    return None


def _by_meaning(evidence: Evidence) -> Proposal | None:
    """Recognise dates, sexes, races and places."""
    if evidence.value_kind in {"date", "year"}:
        years = evidence.value_kind == "year"
        return Proposal(
            role=Role.QUASI_IDENTIFIER,
            kind=Kind.DATE,
            reason=f"the values are calendar {'years' if years else 'dates'}",
            ladder="year" if years else "date",
            knowable_by=("acquaintance", "clinician"),
        )
    if evidence.numeric:
        return None
    if _sexes(evidence):
        return Proposal(
            role=Role.QUASI_IDENTIFIER,
            kind=Kind.SEX,
            reason="the values are the words for sexes",
            ladder="sex",
            knowable_by=("public", "acquaintance", "clinician"),
        )
    for test, what, ladder in (
        (is_named_race, "races or ethnic groups", "race"),
        (is_known_region, "countries or states", "geo"),
    ):
        sample = evidence.sample[:SPOKEN_VALUES]
        if evidence.distinct > 1 and all(len(value) > 2 for value in sample):
            named = sum(test(value) for value in sample)
            if named >= 0.6 * len(sample):
                return Proposal(
                    role=Role.QUASI_IDENTIFIER,
                    kind=Kind.CATEGORY,
                    reason=f"most values are the names of {what}",
                    ladder=ladder,
                    knowable_by=("public", "acquaintance"),
                )
    return None


def _measured(evidence: Evidence) -> bool:
    if not evidence.numeric or evidence.distinct < 20:
        return False
    numbers = evidence.numbers
    fractions = (numbers != numbers.round()).mean()
    return bool(fractions > 0.5 and (numbers.min() < 0 or numbers.max() > 120))


def propose(extraction: Extraction, *, standard: Ps315Table | None = None) -> AttributeSet:
    """Propose role, kind and ladder of every column, each with a reason.

    Parameters
    ----------
    extraction : Extraction
        Source tables as raw text.
    standard : Ps315Table, optional
        Another release of Table E.1-1 than the packaged one.

    Returns
    -------
    AttributeSet
        One attribute per column, in the order of the sources. The name is the keyword
        or column name; where that is taken, ``source:column``.

    Notes
    -----
    In this order: the key and the scope of the source; DICOM attributes by catalogue,
    Table E.1-1 and VR; other columns by their values when these look like direct
    identifiers, by the packaged rules on the words of their name, by the same rules on
    their data dictionary entry, and last by their values. Work is done on distinct
    values and counts. No reason holds a value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from midi_risk.sources.model import FILE_SCHEMA, SourceKind
    >>> rows = pa.table({"id": ["a", "b"], "age": ["30", "41"], "religion": ["x", "y"]})
    >>> source = SourceTable(
    ...     name="t.csv", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    ... )
    >>> found = propose(Extraction(tables=(source,), files=FILE_SCHEMA.empty_table()))
    >>> [(a.name, a.role.value) for a in found]
    [('id', 'linkage_key'), ('age', 'quasi_identifier'), ('religion', 'sensitive')]
    """
    taken: set[str] = set()
    attributes: list[Attribute] = []
    for table in extraction.tables:
        for attribute in _propose_table(table, standard or packaged_table()):
            name = _free_name(attribute, taken)
            taken.add(name)
            same = name == attribute.name
            attributes.append(attribute if same else attribute.revised(name=name))
    return AttributeSet(tuple(attributes))


def _free_name(attribute: Attribute, taken: set[str]) -> str:
    name = attribute.column
    if name in taken:
        name = f"{attribute.source}:{attribute.column}"
    number = 2
    while name in taken:
        name = f"{attribute.source}:{attribute.column}#{number}"
        number += 1
    return name


def _propose_table(table: SourceTable, standard: Ps315Table) -> Iterator[Attribute]:
    key = SubjectKey(table.rows.column(table.key))
    seen = {
        name
        for name in ("StudyDate", "StudyTime")
        if name in table.rows.column_names and not Evidence(table.rows.column(name), key).empty
    }
    items = form_items(table.rows.column_names)
    for column in table.rows.column_names:
        if table.kind is SourceKind.DICOM and column == table.instances_column:
            continue  # counted by the scan, in no file
        evidence = Evidence(table.rows.column(column), key)
        identity = dicom_identity(column)
        proposal = _propose_column(table, column, identity, evidence, seen, items).with_ladder()
        label = table.labels.get(column, "")
        named = meaning_of(column) or (meaning_of(label) if label else None)
        found = Attribute(
            name=column,
            source=table.name,
            column=column,
            role=proposal.role,
            kind=proposal.kind,
            reason=proposal.reason,
            level=identity.level if identity else table.level,
            keyword=identity.keyword if identity else None,
            tag=identity.tag if identity else None,
            vr=identity.vr if identity else None,
            ladder=proposal.ladder,
            ps315=standard.action_for(identity.keyword) if identity else None,
            knowable_by=proposal.knowable_by,
            label=label,
        )
        yield with_unit(found, evidence, named.ladder if named else "")


def _propose_column(
    table: SourceTable,
    column: str,
    identity: DicomIdentity | None,
    evidence: Evidence,
    seen: set[str],
    items: frozenset[str],
) -> Proposal:
    if column == table.key:
        shown = f"its values look like {evidence.direct}" if evidence.direct else named_key(column)
        if shown:
            return Proposal(
                role=Role.DIRECT_IDENTIFIER,
                kind=Kind.IDENTIFIER,
                reason=f"the key that links the rows of a subject, and {shown}: replace them by"
                " pseudonyms",
                ladder="remove",
            )
        reason = "the key that links the rows of a subject"
        return Proposal(
            role=Role.LINKAGE_KEY,
            kind=Kind.IDENTIFIER,
            reason=GUESSED + table.key_guess if table.key_guess else reason,
            ladder="remove",
        )
    structure = _propose_structure(table, column, evidence)
    if structure is not None:
        return structure
    if identity is not None:
        stands = ""
        if may_restate(identity.keyword, identity.vr, identity.ps315):
            wanted = "StudyTime" if identity.vr == "TM" else "StudyDate"
            stands = wanted if wanted in seen else ""
        return propose_keyword(identity, evidence, same_visit=stands)
    if evidence.empty:
        return Proposal(role=Role.INSENSITIVE, kind=Kind.CATEGORY, reason="no row has a value")
    name = "" if column in items else column
    return propose_other(name, table.labels.get(column, ""), evidence)


_ENTITIES = re.compile(
    r"(?:[a-z]+/)?sub-[A-Za-z0-9+]+(?:_[a-z]+-[A-Za-z0-9+]+)*_[A-Za-z0-9]+(?:\.[a-z0-9]+)+/?"
)


def _propose_structure(table: SourceTable, column: str, evidence: Evidence) -> Proposal | None:
    """Propose for what holds a source together: scope, counts, names of files of BIDS entities."""
    knowers: tuple[str, ...] = ()
    if column == table.scope:
        what = "the collection within which a key is unique"
    elif column == table.instances_column:
        what = "the number of instances that a row stands for"
    elif (
        table.kind is SourceKind.BIDS
        and column == "filename"
        and not evidence.empty
        and all(_ENTITIES.fullmatch(value) for value in evidence.values)
    ):
        what = "names of files: they repeat subject, session and kind of image, as the files do"
        knowers = ("clinician",)
    else:
        return None
    return Proposal(
        role=Role.INSENSITIVE,
        kind=Kind.CATEGORY,
        reason=what,
        ladder="enum",
        knowable_by=knowers,
    )


def propose_other(column: str, label: str, evidence: Evidence) -> Proposal:
    """Propose a role for a column that is no DICOM attribute.

    Parameters
    ----------
    column : str
        Its name, ``""`` when it tells nothing.
    label : str
        Data dictionary entry, or ``""``.
    evidence : Evidence
        Its values.
    """
    direct = propose_direct(evidence)
    if direct is not None:
        return direct
    if evidence.free_text:
        return _sentences(column, evidence)
    named = _by_name(column, evidence) if column else None
    if named is None and label:
        named = _by_label(label, evidence)
    return _weighed(named, evidence)


def _sentences(column: str, evidence: Evidence) -> Proposal:
    """Propose for sentences, whatever the name speaks of; an address names the place itself."""
    row = meaning_of(column, "text") if column else None
    if row is not None and row.role == Role.DIRECT_IDENTIFIER.value:
        return propose_by_meaning(row, evidence)
    return judge_text(evidence, ("acquaintance", "clinician"))


def _by_name(name: str, evidence: Evidence, *, where: str = "") -> Proposal | None:
    """Propose by the words of a name and the kind of the values; None when they say nothing."""
    row = meaning_of(name, evidence.value_kind)
    text = "text" in (standard_meaning(name) or concepts_of(name))
    if text and not evidence.numeric and not evidence.dates:
        judged = judge_text(evidence, ("acquaintance", "clinician"))
        if judged.role is Role.UNDECIDED or row is None:
            return judged
    return propose_by_meaning(row, evidence, where=where) if row else None


def _by_label(label: str, evidence: Evidence) -> Proposal | None:
    """Propose by a data dictionary entry; a sentence may tell harm or knowledge, no more.

    "Did anybody move to your address?" is no address.
    """
    named = _by_name(label, evidence, where=" (by its data dictionary entry)")
    if named is None or len(column_words(label).split()) <= SHORT_LABEL:
        return named
    return named if named.role in {Role.SENSITIVE, Role.QUASI_IDENTIFIER} else None


SHORT_LABEL = 6
"""A data dictionary entry of more words is a sentence, not a name."""


def _weighed(named: Proposal | None, evidence: Evidence) -> Proposal:
    """Weigh what the name says against what the values say; a name overrules no kind of value."""
    if named is None:
        return propose_by_values(evidence)
    dated = evidence.value_kind in {"date", "year"}  # the meanings have weighed these
    shown = None if dated else _by_meaning(evidence)
    if shown is not None and named.role in _LESS_KNOWN:
        return shown
    if named.role not in {Role.SENSITIVE, Role.INSENSITIVE}:
        return named
    own = _by_form(evidence) if _own_codes(evidence, named) else None
    if own is None and _own_wording(evidence):
        own = _UNREAD
    if own is not None or named.role is Role.SENSITIVE:
        return own or named
    spoken = spoken_by_values(evidence)
    return spoken if spoken is not None and spoken.role is Role.SENSITIVE else named


_LESS_KNOWN = frozenset({Role.SENSITIVE, Role.INSENSITIVE, Role.UNDECIDED})


_UNREAD = Proposal(
    role=Role.UNDECIDED,
    kind=Kind.TEXT,
    reason="nearly every subject has a wording of its own: read it, clean it to a vocabulary, or"
    " remove it",
    ladder="text",
    knowable_by=("acquaintance", "clinician"),
)
FEW = 10
"""Of fewer subjects with a value nobody can say that a wording of their own is unusual."""


def _own_wording(evidence: Evidence) -> bool:
    """Tell words, no numbers and no codes, of which nearly every subject has its own."""
    return evidence.value_kind == "own" and not evidence.numeric and evidence.subjects >= FEW


def _own_codes(evidence: Evidence, named: Proposal) -> bool:
    """Tell codes of which nearly every subject has its own, where the name knows no measure."""
    if evidence.uids or not evidence.coded_identifier:
        return False
    return not evidence.numeric or (
        named.role is Role.INSENSITIVE and named.kind is not Kind.NUMBER and not evidence.years
    )


_STAGES = re.compile(
    r"(?:stage )?(?:0|IV|I{1,3})[ABC]?\d?|[yrpc]{0,2}(?:T[0-4X]|Tis|N[0-3X]|M[01X])[a-d]?\d?",
    re.IGNORECASE,
)
_CODED_ILLNESS = re.compile(r"[A-TV-Z]\d{2}(?:\.[0-9A-Z]{1,4})?|[VE]?\d{3}\.\d{1,2}|8\d{3}/[0-36]")
_DEGREES = re.compile(
    r"(?:none|absent|no|nil|normal|trace|trivial|minimal|slight|mild|moderate|marked|severe|critical"
    r"|grade [0-5IV]+)(?:(?: to |[-/ ]+)(?:mild|moderate|severe))?",
    re.IGNORECASE,
)
"""Words for how much there is of a finding; two of them make a scale."""
_SEVERE = re.compile(r"(?:mild|moderate|severe)", re.IGNORECASE)
_VERSIONS = re.compile(r"v(?:er(?:sion)?)?[ .]?\d+(?:\.\d+)*", re.IGNORECASE)
_SILENT = frozenset(
    {"none", "other", "unknown", "yes", "no", "na", "n/a", "not reported", "not applicable"}
    | {"true", "false", "x", "y", "n"}
)
SPOKEN_VALUES = 200
"""Meanings are looked for in so many distinct values, the first met."""


def spoken_by_values(evidence: Evidence) -> Proposal | None:
    """Propose by what the words of the values speak of; None where they do not say.

    Stages, codes of illness and the words of the same lists as for names: most of the values that
    say something must speak of one role.

    Parameters
    ----------
    evidence : Evidence
    """
    if evidence.numeric or evidence.value_kind != "words":
        return None
    values = [v for v in evidence.sample[:SPOKEN_VALUES] if v.casefold() not in _SILENT]
    if not values:
        return None
    for form, what, role, ladder in (
        (_STAGES, "stages of a disease", Role.SENSITIVE, None),
        (_CODED_ILLNESS, "codes of illness", Role.SENSITIVE, None),
        (_DEGREES, "degrees of severity", Role.SENSITIVE, None),
        (_VERSIONS, "versions", Role.INSENSITIVE, "enum"),
    ):
        clear = form is not _CODED_ILLNESS or any("." in v or "/" in v for v in values)
        clear &= form is not _DEGREES or any(_SEVERE.match(v) for v in values)
        if clear and 2 * sum(bool(form.fullmatch(v)) for v in values) > len(values):
            return _spoken(role, what, ladder)
    found = [_role_of_value(v) for v in values]
    for role, what, ladder in (
        (Role.SENSITIVE, "words for illness, treatment, results or outcome", None),
        (Role.QUASI_IDENTIFIER, "words that somebody outside can know of a person", "enum"),
    ):
        if 2 * found.count(role) > len(found):
            return _spoken(role, what, ladder)
    return None


def _spoken(role: Role, what: str, ladder: str | None) -> Proposal:
    return Proposal(
        role=role,
        kind=Kind.CATEGORY,
        reason=f"most values are {what}",
        ladder=ladder,
        knowable_by=("clinician",) if role is Role.SENSITIVE else ("acquaintance",),
    )


def _role_of_value(value: str) -> Role | None:
    """Return the role that a column named by this value would have."""
    words = " ".join(word for word in column_words(value).split() if len(word) > 2)
    row = meaning_for(concepts_of(words), "words") if words else None
    return Role(row.role) if row else None

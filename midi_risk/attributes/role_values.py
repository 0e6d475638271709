"""Roles from the values of a column, where its name says nothing."""

from __future__ import annotations

from midi_risk.attributes.ladder_names import is_known_region, is_named_race
from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.role_evidence import Evidence
from midi_risk.attributes.role_proposal import Proposal, judge_text, kind_of
from midi_risk.attributes.words import sex_spellings


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
    codes = {sex_spellings().get(value.casefold()) for value in evidence.sample}
    return evidence.distinct <= 4 and {"M", "F"} <= codes and None not in codes


def propose_by_values(evidence: Evidence) -> Proposal:
    """Propose a role from values alone; ``undecided`` where they say nothing."""
    known = _by_meaning(evidence) or _by_form(evidence)
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
    if evidence.distinct == 1:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=kind_of(evidence),
            reason="every row has the same value",
        )
    if evidence.uids:
        return Proposal(
            role=Role.INSENSITIVE,
            kind=Kind.IDENTIFIER,
            reason="the values are unique identifiers: keys inside the collection",
            ladder="uid",
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
    if evidence.dates:
        return Proposal(
            role=Role.QUASI_IDENTIFIER,
            kind=Kind.DATE,
            reason="the values are calendar dates",
            ladder="date",
            knowable_by=("acquaintance", "clinician"),
        )
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
        if evidence.distinct > 1 and all(len(value) > 2 for value in evidence.sample):
            named = sum(test(value) for value in evidence.sample)
            if named >= 0.6 * len(evidence.sample):
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

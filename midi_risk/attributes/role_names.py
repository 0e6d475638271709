"""Roles from the name of a column, by packaged rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.role_evidence import Evidence
from midi_risk.attributes.role_proposal import Proposal, fitted, judge_text, kind_of
from midi_risk.resources import data_rows

RULES = "column_name_rules.csv"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TRAILING = re.compile(r"(?<=[a-z]{3})(?=\d)")
_PUNCTUATION = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRule:
    """One rule: a pattern on the words of a column name, and what it means.

    Parameters
    ----------
    pattern : re.Pattern
        Searched in the output of `column_words`.
    role : str
        A role, or ``"text"``: free text is judged by its values.
    kind : str
        A kind, or ``"auto"``: read as the values suggest.
    ladder, reason : str
    knowable_by : tuple of str
    """

    pattern: re.Pattern[str]
    role: str
    kind: str
    ladder: str
    knowable_by: tuple[str, ...]
    reason: str


def column_words(name: str) -> str:
    """Return a column name as lower-case words without accents.

    Examples
    --------
    >>> column_words("AgeGroup"), column_words("demo__days_to_birth"), column_words("med_name7")
    ('age group', 'demo days to birth', 'med name 7')
    """
    plain = (
        unicodedata.normalize("NFKD", name.replace("ß", "ss"))
        .encode("ascii", "ignore")
        .decode("ascii")
    )
    spaced = _CAMEL.sub(" ", plain).lower()
    return _PUNCTUATION.sub(" ", _TRAILING.sub(" ", spaced)).strip()


@cache
def name_rules() -> tuple[NameRule, ...]:
    """Return the packaged rules in the order in which they are tried."""
    return tuple(
        NameRule(
            pattern=re.compile(row["pattern"]),
            role=row["role"],
            kind=row["kind"],
            ladder=row["ladder"],
            knowable_by=tuple(part for part in row["knowable_by"].split(";") if part),
            reason=row["reason"],
        )
        for row in data_rows(RULES)
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


@cache
def match_name(name: str) -> NameRule | None:
    """Return the first rule whose pattern a column name holds.

    Examples
    --------
    >>> match_name("religion").role, match_name("plz").ladder, match_name("xq17") is None
    ('sensitive', 'geo', True)
    """
    words = column_words(name)
    return next((rule for rule in name_rules() if rule.pattern.search(words)), None)


def propose_by_rule(rule: NameRule, evidence: Evidence, *, where: str = "") -> Proposal:
    """Return what a rule proposes, with kind and ladder fitted to the values.

    Parameters
    ----------
    rule : NameRule
    evidence : Evidence
    where : str
        Added to the reason, such as ``" (data dictionary)"``.
    """
    if rule.role == "text":
        return judge_text(evidence, rule.knowable_by)
    ladder: str | None
    if rule.kind == "auto":
        kind, ladder = kind_of(evidence), rule.ladder or None
    else:
        kind, ladder = fitted(Kind(rule.kind), rule.ladder or None, evidence)
    return Proposal(
        role=Role(rule.role),
        kind=kind,
        reason=rule.reason + where,
        ladder=ladder,
        knowable_by=rule.knowable_by,
    )

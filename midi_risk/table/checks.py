"""Integrity and hygiene findings: counts and names, never values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, Kind
from midi_risk.sources.model import SourceTable
from midi_risk.table.columns import CodedColumn
from midi_risk.table.model import Finding
from midi_risk.table.rules import Folded
from midi_risk.table.subjects import keys_of_rows

_FLAG_TEXT = {
    "missing-token": "{n} of {name} {mean} that nothing is known: counted as missing",
    "unparseable": "{n} of {name} cannot be read as {kind}: counted as missing",
    "implausible": "{n} of {name} {be} implausible as {kind}",
    "repaired": "{n} of {name} {be} written irregularly and read all the same",
    "multi-valued": "{n} of {name} {hold} several values at once",
    "ambiguous": "{n} of {name} {hold} day and month in an order that no other value settles:"
    " read with the month first",
}

_CONFLICT = {
    Kind.SEX: (
        "sex-conflict",
        (
            "{n} {have} more than one sex in {name}: an integrity finding, and a hint that two"
            " people share a key"
        ),
    ),
    Kind.AGE: ("several-ages", "{n} {have} more than one age in {name}; the first is used"),
}


def _words(n: int, noun: str) -> dict[str, str]:
    """Return a count with its noun, and verbs that agree with it."""
    one = n == 1
    return {
        "n": f"{n} {noun}" if one else f"{n} {noun}s",
        "mean": "means" if one else "mean",
        "be": "is" if one else "are",
        "hold": "holds" if one else "hold",
        "have": "has" if one else "have",
    }


_OLD_MONTHS = 90 * 12


def hygiene_findings(attribute: Attribute, column: CodedColumn) -> list[Finding]:
    """Return one finding per hygiene rule that some value of a column met."""
    found = [
        Finding(
            code=f"value-{flag}",
            attribute=attribute.name,
            subjects=count,
            text=_FLAG_TEXT[flag].format(
                name=attribute.name, kind=attribute.kind.value, **_words(count, "distinct value")
            ),
        )
        for flag, count in sorted(column.flags.items())
        if flag in _FLAG_TEXT
    ]
    if attribute.kind is Kind.AGE:
        used = np.unique(column.codes[column.codes >= 0])
        old = int((column.number[used] >= _OLD_MONTHS).sum())
        if old:
            found.append(
                Finding(
                    code="age-over-89",
                    attribute=attribute.name,
                    subjects=old,
                    text="{n} of {name} {be} 90 years or more; Safe Harbor asks for one band"
                    " of 90 and over".format(name=attribute.name, **_words(old, "distinct age")),
                )
            )
    return found


def conflict_findings(attribute: Attribute, folded: Folded) -> list[Finding]:
    """Return the finding of subjects whose sex or age is not one value."""
    if not folded.conflicts or attribute.kind not in _CONFLICT:
        return []
    code, text = _CONFLICT[attribute.kind]
    return [
        Finding(
            code=code,
            attribute=attribute.name,
            subjects=folded.conflicts,
            text=text.format(name=attribute.name, **_words(folded.conflicts, "subject")),
        )
    ]


def cross_source_findings(
    attributes: Sequence[Attribute], values: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Return findings of subjects whose sex differs between two sources."""
    found = []
    sexes = [a for a in attributes if a.kind is Kind.SEX and a.name in values]
    for i, first in enumerate(sexes):
        for second in sexes[i + 1 :]:
            if first.source == second.source:
                continue
            left, right = values[first.name], values[second.name]
            both = np.array(
                [a is not None and b is not None for a, b in zip(left, right, strict=True)]
            )
            differs = int((both & (left != right)).sum())
            if differs:
                found.append(
                    Finding(
                        code="sex-differs-between-sources",
                        attribute=second.name,
                        subjects=differs,
                        text="{n} {have} another sex in {second} than in {first}: a wrong link,"
                        " or two people under one key".format(
                            first=first.name, second=second.name, **_words(differs, "subject")
                        ),
                    )
                )
    return found


def keyless_rows(table: SourceTable) -> list[Finding]:
    """Return the finding of a linked source's rows that name no subject."""
    of_row, _ = keys_of_rows(table)
    rows = int((of_row < 0).sum())
    if not rows:
        return []
    words = _words(rows, "row")
    text = "{n} of {name} {have} no subject key, or one that means unknown: linked to nobody"
    return [
        Finding(
            code="rows-without-key",
            attribute=table.key,
            subjects=rows,
            text=text.format(name=table.name, **words),
        )
    ]


def age_date_findings(
    subject: np.ndarray, age_months: np.ndarray, day: np.ndarray, name: str
) -> list[Finding]:
    """Return the finding of subjects whose ages and study dates do not move together.

    Parameters
    ----------
    subject : numpy.ndarray of int64, shape (n_rows,)
        Subject of each row, -1 for nobody.
    age_months, day : numpy.ndarray of float64, shape (n_rows,)
        Age in months and study date in days, NaN where missing.
    name : str
        Age attribute.

    Notes
    -----
    Between the first and the last visit, age in completed years may differ from the
    elapsed time by less than one year; two years or more is counted.
    """
    seen = (subject >= 0) & np.isfinite(age_months) & np.isfinite(day)
    if not seen.any():
        return []
    frame = pd.DataFrame({"s": subject[seen], "age": age_months[seen] / 12, "day": day[seen]})
    frame = frame.drop_duplicates().sort_values(["s", "day"], kind="stable")
    ends = frame.groupby("s", sort=True).agg(
        a0=("age", "first"), a1=("age", "last"), d0=("day", "first"), d1=("day", "last")
    )
    drift = (ends["a1"] - ends["a0"]) - (ends["d1"] - ends["d0"]) / 365.25
    wrong = int((drift.abs() >= 2).sum())
    if not wrong:
        return []
    return [
        Finding(
            code="age-date-mismatch",
            attribute=name,
            subjects=wrong,
            text="{n} {have} ages and study dates that do not move together: dates were shifted"
            " or blanked apart from the ages, which can give the shift away".format(
                **_words(wrong, "subject")
            ),
        )
    ]

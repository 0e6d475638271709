"""Integrity and hygiene findings: counts and names, never values.

They include what shifted dates still give away of how they were shifted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from midi_risk.attributes.model import Attribute, AttributeSet, Decision, Kind, Role
from midi_risk.attributes.parsed import is_missing
from midi_risk.attributes.units import MIXED, UNKNOWN, converted
from midi_risk.document.assessment import Finding
from midi_risk.errors import MeasureError
from midi_risk.resources import data_rows
from midi_risk.sources.model import SourceTable
from midi_risk.table.across import SEX_DIFFERS
from midi_risk.table.distinct import distinct_rows
from midi_risk.table.model import NormalisedColumn, coded, day_column, raw_codes
from midi_risk.table.rules import Folded, distinct_pairs
from midi_risk.table.subjects import VISIT_DATES, Subjects, keys_of_rows
from midi_risk.table.visits import released_as_is

_FLAG_TEXT = {
    "missing-token": "{n} of {name} {mean} that nothing is known: counted as missing",
    "unparseable": "{n} of {name} cannot be read as {kind}: counted as missing",
    "implausible": "{n} of {name} {be} implausible as {kind}",
    "repaired": "{n} of {name} {be} written irregularly and read all the same",
    "multi-valued": "{n} of {name} {hold} several values at once",
    "ambiguous": "{n} of {name} {hold} day and month in an order that no other value settles:"
    " read with the month first",
}

KEY_TELLS = "key-holds-values"
"""Code of the finding that keys are made of other columns, such as site and number."""

SPLIT, MERGED = "uid-of-several-subjects", "birth-date-conflict"
"""Codes of findings: one study or series under several keys, one key of several people."""

SEX_CONFLICTS = ("sex-conflict", SEX_DIFFERS)
"""Codes of findings: one key with several sexes, in a source or between two."""

_CONFLICT = {
    Kind.SEX: (
        SEX_CONFLICTS[0],
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


def hygiene_findings(attribute: Attribute, column: NormalisedColumn) -> list[Finding]:
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
    found += _unit_findings(attribute, column)
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
    if attribute.ladder == "geo":
        found += _small_areas(attribute, column)
    return found


_ZIP = re.compile(r"\d{5}(?:-?\d{4})?|\d{3}(?:\*\*|XX)?", re.IGNORECASE)
_ZIP_NAME = re.compile(r"zip", re.IGNORECASE)


def _small_areas(attribute: Attribute, column: NormalisedColumn) -> list[Finding]:
    """Return the finding of US ZIP codes whose first three digits stand for few people.

    Safe Harbor (45 CFR 164.514(b)(2)(i)(B)) allows these three digits where more than 20,000
    people live, else 000. A number that lost its leading zero gets it back where the column is
    called ZIP.
    """
    used = [str(column.text[i]) for i in np.unique(column.codes[column.codes >= 0])]
    if _ZIP_NAME.search(attribute.name):
        used = [text.zfill(5) if text.isdecimal() and len(text) == 4 else text for text in used]
    codes = [text for text in used if _ZIP.fullmatch(text)]
    small = sum(text[:3] in small_zip3() for text in codes)
    if not small or 2 * len(codes) < len(used):
        return []
    return [
        Finding(
            code="zip3-small",
            attribute=attribute.name,
            subjects=small,
            text="{n} of {name} {be} a US ZIP code in one of the {areas} areas of three digits with"
            " 20,000 people or fewer (census of 2020): Safe Harbor asks for 000".format(
                name=attribute.name,
                areas=len(small_zip3()),
                **_words(small, "distinct value"),
            ),
        )
    ]


@cache
def small_zip3() -> frozenset[str]:
    """Return the first three digits of US ZIP codes that stand for 20,000 people or fewer.

    Examples
    --------
    >>> "036" in small_zip3(), "100" in small_zip3()
    (True, False)
    """
    return frozenset(row["zip3"] for row in data_rows("small_zip3_us_2020.csv"))


UNIT_UNKNOWN = "unit-unknown"
"""Code of the finding of a column whose values are implausible in the unit that is usual."""


def _unit_findings(attribute: Attribute, column: NormalisedColumn) -> list[Finding]:
    """Return the finding that names the unit of a column: converted, or not known."""
    count = len(np.unique(column.codes[column.codes >= 0]))
    if attribute.unit == UNKNOWN:
        text = f"{attribute.name} has values that are implausible in the usual unit, and nothing"
        text += " says another: say 'unit' in the project file"
        return [Finding(code=UNIT_UNKNOWN, attribute=attribute.name, subjects=count, text=text)]
    if not converted(attribute) and attribute.ladder != "agedays":
        return []
    own = f"is in {attribute.unit or 'days'}"
    if attribute.unit == MIXED:
        letters = {"M": "months", "W": "weeks", "D": "days"}
        met = {letters[str(text)[-1:]] for text in column.text if str(text)[-1:] in letters}
        named = f" ({', '.join(sorted(met))})" if met and attribute.kind is Kind.AGE else ""
        own = f"states units in its cells{named}"
    base = {"height": "cm", "weight": "kg"}.get(attribute.ladder or "", "years")
    text = f"{attribute.name} {own}: converted to {base} for bands, comparisons and plausibility;"
    text += f" a band that is written says {base}"
    return [Finding(code="unit-converted", attribute=attribute.name, subjects=count, text=text)]


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


def keyless_rows(table: SourceTable) -> list[Finding]:
    """Return the finding of a linked source's rows that name no subject."""
    of_row, _ = keys_of_rows(table)
    left = of_row < 0
    rows = int(left.sum() if table.weights is None else table.weights[left].sum())
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


DISPUTED = "phantom-or-person"
"""Code of the finding of subjects whose records do not agree that they are nobody."""


def key_findings(table: SourceTable, subjects: Subjects, folded: Collection[str]) -> list[Finding]:
    """Return what speaks against the key: UIDs that it splits, people that it joins.

    Parameters
    ----------
    table : SourceTable
        The leading source.
    subjects : Subjects
    folded : collection of str
        Attributes of the subject table, whose conflicts are found already.
    """
    found = []
    for column in ("StudyInstanceUID", "SeriesInstanceUID"):
        shared = _sharing(table, subjects.of_row, column)
        if shared:
            text = "{n} {have} {column} in common with another subject: one person under several"
            text += " keys counts several times in the classes, or a UID was copied"
            found.append(_key_finding(SPLIT, column, shared, text))
    for column, kind in (("PatientSex", Kind.SEX), ("PatientBirthDate", Kind.DATE)):
        if column in folded and kind is Kind.SEX:
            continue
        joined = _contradicting(table, subjects.of_row, column, kind)
        if joined:
            text = "{n} {have} several values of {column} that exclude each other: two people"
            text += " under one key count as one in the classes"
            found.append(
                _key_finding(SEX_CONFLICTS[0] if kind is Kind.SEX else MERGED, column, joined, text)
            )
    if subjects.disputed:
        text = "{n} {be} called a phantom or an animal by some records in {column} or in the name"
        text += " and not by others: kept as a subject, assessed and released like any other;"
        text += " mend the records, or leave them out"
        found.append(_key_finding(DISPUTED, table.key, subjects.disputed, text))
    return found


_PART = 3
"""A value of fewer letters stands in many keys by chance."""
_IN_KEYS = 0.5


def parts_of_key(table: SourceTable, names: Sequence[str]) -> list[str]:
    """Return the columns whose values stand inside the subject keys, as site and number do.

    Parameters
    ----------
    table : SourceTable
    names : sequence of str
        Columns that are asked about.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from midi_risk.sources.model import SourceKind
    >>> rows = pa.table({"id": ["X-701-15", "X-702-16"], "site": ["701", "702"], "sex": ["M", "F"]})
    >>> source = SourceTable(
    ...     name="t", kind=SourceKind.SPREADSHEET, level="patient", key="id", rows=rows
    ... )
    >>> parts_of_key(source, ["site", "sex"])
    ['site']
    """
    if table.key not in table.rows.column_names:
        return []
    places, keys = raw_codes(table.rows.column(table.key))
    found = []
    for name in names:
        if name == table.key or name not in table.rows.column_names:
            continue
        codes, raw = raw_codes(table.rows.column(name))
        told = [value.strip() for value in raw]
        seen = (codes >= 0) & (places >= 0)
        of_key, stated, _ = distinct_rows(places[seen], codes[seen])
        inside = [
            told[value] in keys[key] and told[value] != keys[key].strip()
            for key, value in zip(of_key.tolist(), stated.tolist(), strict=True)
            if len(told[value]) >= _PART
        ]
        if inside and len(set(told)) > 1 and sum(inside) > _IN_KEYS * len(of_key):
            found.append(name)
    return found


def made_of_parts(
    table: SourceTable, attributes: AttributeSet, subjects: Subjects
) -> list[Finding]:
    """Return the finding of a key that holds what else is removed or coarsened."""
    telling = {Role.QUASI_IDENTIFIER, Role.DIRECT_IDENTIFIER, Role.LINKAGE_KEY}
    asked = [a.column for a in attributes if a.source == table.name and a.role in telling]
    held = parts_of_key(table, asked)
    if not held or any(a.rekeyed for a in attributes if a.column == table.key):
        return []
    text = "the keys in {column} hold the values of " + ", ".join(held) + " of {n}: what becomes of"
    text += " these columns, the keys say it; have pseudonyms written (subject_key.write: rekey)"
    return [_key_finding(KEY_TELLS, table.key, len(subjects.labels), text)]


def _key_finding(code: str, column: str, subjects: int, text: str) -> Finding:
    said = text.format(column=column, **_words(subjects, "subject"))
    return Finding(code=code, attribute=column, subjects=subjects, text=said)


def _sharing(table: SourceTable, of_row: np.ndarray, column: str) -> int:
    """Return how many subjects have a UID that another subject has as well."""
    if column not in table.rows.column_names:
        return 0
    codes, raw = raw_codes(table.rows.column(column))
    known = np.append([_states_uid(uid.strip()) for uid in raw], False)
    numbers = pd.factorize(np.array([uid.strip() for uid in raw], dtype=object))[0]
    rows = (of_row >= 0) & known[codes].astype(bool)
    uid, subject, _ = distinct_rows(numbers[codes[rows]].astype(np.int64), of_row[rows])
    holders = np.bincount(uid)
    return len(np.unique(subject[holders[uid] > 1]))


_UID = re.compile(r"[0-9]+(?:\.[0-9]+){3,}")


def _states_uid(text: str) -> bool:
    return _UID.fullmatch(text) is not None or not is_missing(text, Kind.IDENTIFIER)


def _contradicting(table: SourceTable, of_row: np.ndarray, column: str, kind: Kind) -> int:
    """Return how many subjects have values that cannot be of one person.

    A year or a month does not contradict a day in it.
    """
    if column not in table.rows.column_names:
        return 0
    attribute = Attribute(
        name=column, source=table.name, column=column, role=Role.UNDECIDED, kind=kind, reason=""
    )
    read = coded(table.rows.column(column), attribute)
    pairs = distinct_pairs(of_row, read.codes, len(read.text))
    ends = np.append(pairs.starts[1:], len(pairs.value))
    n = 0
    for i in np.flatnonzero(pairs.per_subject > 1):
        texts = sorted(map(str, read.text[pairs.value[pairs.starts[i] : ends[i]]]))
        n += any(not later.startswith(earlier) for earlier, later in pairwise(texts))
    return n


def own_value_findings(
    attributes: Sequence[Attribute],
    alone: Mapping[str, int],
    folded: Mapping[str, NDArray[np.object_]],
    n: int,
) -> list[Finding]:
    """Name the attributes outside the classes of which most subjects have a value of their own.

    Whoever knows such a value finds the subject, so the reason why nobody does is said: once for
    all attributes that have it, however many these are.

    Parameters
    ----------
    attributes : sequence of Attribute
        Sensitive and insensitive ones are looked at, which no class counts.
    alone : mapping of str to int
        Subjects with a value that nobody else has, of attributes that are not folded.
    folded : mapping of str to numpy.ndarray of object, shape (n_subjects,)
        Values of those that are.
    n : int
        Subjects.
    """
    found: dict[tuple[Role, str], list[tuple[str, int]]] = {}
    for attribute in attributes:
        if attribute.role not in {Role.SENSITIVE, Role.INSENSITIVE}:
            continue
        if attribute.decision is Decision.REMOVE:
            continue
        number = alone.get(attribute.name, 0)
        if attribute.name in folded:
            held = Counter(folded[attribute.name].tolist())
            number = sum(times == 1 for value, times in held.items() if value is not None)
        if number >= _LEAST_OWN and 2 * number > n:
            found.setdefault((attribute.role, attribute.reason), []).append(
                (attribute.name, number)
            )
    return [_own_values(role, why, named) for (role, why), named in found.items()]


def _own_values(role: Role, why: str, named: Sequence[tuple[str, int]]) -> Finding:
    first, others = named[0][0], len(named) - 1
    also = f" and {_words(others, 'other attribute')['n']}" if others else ""
    text = (
        f"most subjects have a value of their own of {first}{also}, called {role.value} and so in"
        f" no class: {why}"
    )
    return Finding(
        code="own-values", attribute=first, subjects=max(number for _, number in named), text=text
    )


_LEAST_OWN = 5
"""Of fewer subjects a value of one's own is not worth a line."""


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


Codes = NDArray[np.int64]


def _arrays(*given: ArrayLike) -> list[Codes]:
    arrays = [np.asarray(values).astype(np.int64) for values in given]
    if any(array.shape != arrays[0].shape or array.ndim != 1 for array in arrays):
        raise MeasureError("every visit needs one subject and one day")
    return arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class DateCheck:
    """One check of shifted dates.

    Parameters
    ----------
    name : str
        ``shift-consistency``, ``constant-offset``, ``weekday`` or ``device-dates``.
    checked : int
        Subjects (or visits, for ``weekday``) that could be checked.
    failed : int
        How many of them give something away.
    passed : bool or None
        None when nothing could be checked: unknown, not passed.
    text : str
        One sentence.
    p_value : float, optional
        Of a check that is a test.
    """

    name: str
    checked: int
    failed: int
    passed: bool | None
    text: str
    p_value: float | None = None


def shift_consistency(
    subject: ArrayLike, before: ArrayLike, after: ArrayLike, *, tolerance: int = 0
) -> DateCheck:
    """Check that all dates of a subject moved by the same number of days.

    Parameters
    ----------
    subject : array_like of int
        Subject of each pair of dates, shape (p,).
    before, after : array_like of int
        The same date in two places (original and release, or two attributes), shape (p,).
    tolerance : int
        Days that the offsets of one subject may lie apart, as an acquisition after midnight.

    Examples
    --------
    >>> shift_consistency([0, 0, 1, 1], [1, 2, 1, 2], [11, 12, 31, 33]).failed
    1
    """
    who, first, second = _arrays(subject, before, after)
    low, high, counted = _spread(who, second - first)
    failed = int(np.sum(high - low > tolerance))
    checked = int(np.sum(counted > 1))
    return DateCheck(
        name="shift-consistency",
        checked=checked,
        failed=failed,
        passed=None if not checked else failed == 0,
        text=f"{failed} of {checked} subjects with several dates have more than one offset",
    )


def _spread(who: Codes, offset: Codes) -> tuple[Codes, Codes, Codes]:
    """Return smallest and largest offset and number of dates of every subject."""
    order = np.argsort(who, kind="stable")
    sorted_who, sorted_offset = who[order], offset[order]
    if not who.size:
        return sorted_offset, sorted_offset, sorted_offset
    begin = np.flatnonzero(np.concatenate([[True], sorted_who[1:] != sorted_who[:-1]]))
    return (
        np.minimum.reduceat(sorted_offset, begin),
        np.maximum.reduceat(sorted_offset, begin),
        np.diff(np.append(begin, who.size)).astype(np.int64),
    )


def constant_offset(subject: ArrayLike, before: ArrayLike, after: ArrayLike) -> DateCheck:
    """Check that subjects were not all shifted by one and the same offset.

    Whoever knows one true date of one subject reverses such a shift for everybody.

    Parameters
    ----------
    subject, before, after
        As in `shift_consistency`.

    Examples
    --------
    >>> constant_offset([0, 1, 2], [1, 5, 9], [31, 35, 39]).passed
    False
    """
    who, first, second = _arrays(subject, before, after)
    low, _, counted = _spread(who, second - first)
    subjects = len(counted)
    if subjects < 2:
        return DateCheck(
            name="constant-offset", checked=subjects, failed=0, passed=None,
            text="fewer than two subjects have a date in both places",
        )  # fmt: skip
    _, shared = np.unique(low, return_counts=True)
    most = int(shared.max())
    common = most == subjects or most > max(2, subjects / 10)
    return DateCheck(
        name="constant-offset",
        checked=subjects,
        failed=most if common else 0,
        passed=not common,
        text=f"the commonest offset is shared by {most} of {subjects} subjects",
    )


def weekday_preserved(day: ArrayLike, original: ArrayLike | None = None) -> DateCheck:
    """Check whether the days of the week survived the shift.

    With the original days: all offsets are whole weeks. Without: two neighbouring days of
    the seven are nearly empty, as weekends are in imaging, so the calendar shows through
    (a shift by a random number of days per subject would fill them). They hold less than half of
    their share of the distinct days, and `empty_weekend` says that this is no chance.

    Parameters
    ----------
    day : array_like of int
        Days in the release, from any origin, shape (v,).
    original : array_like of int, optional
        The same days before the shift, shape (v,).

    Examples
    --------
    >>> weekday_preserved([9, 17], [1, 2]).passed
    True
    >>> weekday_preserved([7 * week + weekday for week in range(20) for weekday in range(5)]).passed
    False
    """
    (when,) = _arrays(day)
    if original is not None:
        when, true = _arrays(day, original)
        moved = when != true
        whole = int(np.sum(moved & ((when - true) % 7 == 0)))
        checked = int(moved.sum())
        return DateCheck(
            name="weekday",
            checked=checked,
            failed=whole,
            passed=None if not checked else whole < max(1, checked * 0.5),
            text=f"{whole} of {checked} moved dates kept their day of the week",
        )
    when = np.unique(when)
    if when.size < LEAST_DAYS:
        return DateCheck(
            name="weekday", checked=int(when.size), failed=0, passed=None,
            text=f"{when.size} distinct days are too few to judge days of the week:"
            f" {LEAST_DAYS} can be",
        )  # fmt: skip
    counts = np.bincount(when % 7, minlength=7)
    least = int(np.min(counts + np.roll(counts, -1)))
    p = empty_weekend(least, int(when.size))
    shows = p < WEEKDAY_LEVEL and least * 7 < when.size  # half of what two of seven days hold
    return DateCheck(
        name="weekday",
        checked=int(when.size),
        failed=int(when.size) if shows else 0,
        passed=not shows,
        text=f"two neighbouring days of the week hold {least} of {when.size} distinct days (2/7 if"
        f" even; p = {p:.2g})",
        p_value=p,
    )


WEEKDAY_LEVEL = 0.001
"""p-value below which days of the week show through."""

LEAST_DAYS = 27
"""Distinct days, from which on two days of the week without any are below `WEEKDAY_LEVEL`."""


def empty_weekend(held: int, days: int) -> float:
    """Return how surely two neighbouring days of the week would hold more, were all days alike.

    Parameters
    ----------
    held : int
        Distinct days that fall on the two neighbouring days of the week with the fewest.
    days : int
        Distinct days in all.

    Returns
    -------
    float
        p-value of the binomial test of 2/7, one-sided, times the seven pairs of neighbours
        (Bonferroni), at most 1.

    Notes
    -----
    It assumes that distinct days fall on days of the week independently and alike, as those of a
    shift by a random number of days per subject do; so one day of each subject is to be given,
    whose later visits often follow by whole weeks. Several visits on a day count as one. Days
    drawn from a short period, each at most once, are spread more evenly than that, so the test
    errs towards saying nothing.

    Examples
    --------
    >>> round(empty_weekend(0, 27), 6), round(empty_weekend(0, 26), 6), empty_weekend(10, 20)
    (0.000794, 0.001111, 1.0)
    """
    from scipy.special import bdtr  # noqa: PLC0415  # slow to import

    return float(min(1.0, 7 * bdtr(held, days, 2 / 7)))


def unshifted_device_dates(
    subject: ArrayLike, study_day: ArrayLike, device_day: ArrayLike
) -> DateCheck:
    """Check that no date of the device (calibration, manufacture) lies after its study.

    Such an order is impossible, so one of the two dates was moved and the other was not:
    the true one bounds the offset.

    Parameters
    ----------
    subject : array_like of int
        Subject of each pair, shape (p,).
    study_day, device_day : array_like of int
        Days in the release, shape (p,).

    Examples
    --------
    >>> unshifted_device_dates([0, 1], [100, 100], [90, 120]).failed
    1
    """
    who, study, device = _arrays(subject, study_day, device_day)
    checked = int(np.unique(who).size)
    failed = int(np.unique(who[device > study]).size)
    return DateCheck(
        name="device-dates",
        checked=checked,
        failed=failed,
        passed=None if not checked else failed == 0,
        text=f"{failed} of {checked} subjects have a device date after the study",
    )


DEVICE_DATES = (
    "DateOfLastCalibration",
    "DateOfLastDetectorCalibration",
    "DateOfManufacture",
    "DateOfInstallation",
)
"""Dates of the device: true ones must not lie after the study, nor move with the subject."""

NEAR = 1
"""Days that dates of one series may lie apart in an untouched collection."""

Days = npt.NDArray[np.float64]


def date_findings(
    table: SourceTable, subjects: Subjects, attributes: AttributeSet, visits: pd.DataFrame
) -> list[Finding]:
    """Return the findings about dates that are released: counts and names, no dates.

    Parameters
    ----------
    table : SourceTable
        The leading source.
    subjects : Subjects
    attributes : AttributeSet
        With decisions; dates that are removed or generalised are not looked at.
    visits : pandas.DataFrame
        Columns ``subject`` and ``day``.

    Notes
    -----
    Without the original dates a shift is judged by what the release itself tells: dates of
    one series that moved apart, device dates after the study, and days of the week that show
    through. Objects derived from images may be younger than their study and do not count.
    """
    days = {name: _released_days(table, attributes, name) for name in VISIT_DATES}
    known = {name: day for name, day in days.items() if day is not None}
    if not known:
        return []
    who = subjects.of_row.copy()
    if len(subjects.derived) == len(who):
        who[subjects.derived] = -1
    first = next(iter(known))
    findings = []
    for name, day in known.items():
        if name != first:
            findings += _apart(who, known[first], day, first, name)
    for name in DEVICE_DATES:
        device = _released_days(table, attributes, name)
        if device is not None:
            findings += _device(who, known[first], device, name)
    return [*findings, *_weekday(visits, first)]


def _released_days(table: SourceTable, attributes: AttributeSet, name: str) -> Days | None:
    return day_column(table, name) if released_as_is(attributes, table, name) else None


def _both(who: npt.NDArray[np.int64], one: Days, other: Days) -> npt.NDArray[np.bool_]:
    return np.asarray((who >= 0) & np.isfinite(one) & np.isfinite(other))


def _apart(
    who: npt.NDArray[np.int64], one: Days, other: Days, first: str, name: str
) -> list[Finding]:
    """Return the findings about two dates that should have moved together."""
    rows = _both(who, one, other)
    subject, before, after = who[rows], one[rows].astype(int), other[rows].astype(int)
    found = []
    together = shift_consistency(subject, before, after, tolerance=NEAR)
    if together.passed is False:
        found.append(
            Finding(
                code="date-shift-inconsistent",
                attribute=name,
                subjects=together.failed,
                text=f"{_subjects(together.failed)} {name} at several distances from {first}: the"
                " dates of a subject did not move together",
            )
        )
    moved = np.abs(after - before) > NEAR
    number = len(np.unique(subject[moved]))
    if number:
        text = f"{_subjects(number)} {name} more than a day away from {first} in an image that was"
        text += " not derived: one was moved and the other was not, which tells the shift"
        found.append(Finding(code="date-apart", attribute=name, subjects=number, text=text))
        same = constant_offset(subject[moved], before[moved], after[moved])
        if same.passed is False:
            text = f"{same.failed} of {same.checked} subjects whose {name} lies apart from {first}"
            text += " share one distance: whoever knows one true date undoes it for all of them"
            found.append(
                Finding(
                    code="date-offset-constant", attribute=name, subjects=same.failed, text=text
                )
            )
    return found


def _device(who: npt.NDArray[np.int64], study: Days, device: Days, name: str) -> list[Finding]:
    """Return the finding of device dates that lie after the study."""
    rows = _both(who, study, device)
    check = unshifted_device_dates(who[rows], study[rows].astype(int), device[rows].astype(int))
    if check.passed is not False:
        return []
    text = f"{_subjects(check.failed)} {name} after the study, which is impossible: the study was"
    text += " moved and the device was not, and the true date bounds the shift"
    return [
        Finding(code="device-date-after-study", attribute=name, subjects=check.failed, text=text)
    ]


def _weekday(visits: pd.DataFrame, name: str) -> list[Finding]:
    """Return the finding that days of the week show through."""
    first = visits.groupby("subject")["day"].min()  # later ones often follow by whole weeks
    check = weekday_preserved(first.to_numpy(dtype=np.int64))
    if check.passed is not False:
        return []
    number = int(visits["subject"].nunique())
    text = f"days of the week show through in {name}: two neighbouring days are nearly empty, so"
    text += " dates are as they were or moved by whole weeks, and the day of the week is known"
    text += f" (p = {check.p_value:.2g}, binomial test on {check.checked} distinct days)"
    return [Finding(code="weekday-shows", attribute=name, subjects=number, text=text)]


def _subjects(n: int) -> str:
    return "1 subject has" if n == 1 else f"{n} subjects have"

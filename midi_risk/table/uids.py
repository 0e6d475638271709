"""UIDs that hold a day, a serial number or their device: told apart from chance.

A number of many digits holds any given day by chance now and then. So what UIDs hold is counted
over a whole column and compared with what random numbers of their length would hold; only what
is far beyond chance is a finding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Attribute, AttributeSet
from midi_risk.document.assessment import Finding
from midi_risk.sources.dicom.uids import (
    FIRST_DAY,
    LAST_DAY,
    STANDARD_ROOT,
    day_of_component,
    day_of_seconds,
    of_a_device,
)
from midi_risk.sources.model import SourceTable
from midi_risk.table.model import raw_codes

OWN_DAYS, SHARE_OF_DAYS, OF_DEVICES, SERIALS = (
    "uids-hold-own-days", "uids-hold-days", "uids-of-devices", "uids-hold-serials",
)  # fmt: skip
"""Codes of the findings."""

TELLING = frozenset({OWN_DAYS, SHARE_OF_DAYS, OF_DEVICES, SERIALS})
"""All of them."""

AGREEMENT_CHANCE = 1e-4
"""Probability of so many agreements by chance below which they are none."""
SHARE_CHANCE = 1e-6
"""The same for days that agree with nothing: there are many more of them."""

_OF_A_KIND = ("SOPClassUID", "ImplementationClassUID", "TransferSyntaxUID")
"""Ends of the keywords of UIDs that name a kind of thing, not a thing."""

_SERIAL = re.compile(r"[0-9]{4,12}")
_WINDOW = 1e8
_PER_COMPONENT = ((LAST_DAY - FIRST_DAY).days + 1) / 9e7
_PER_SECONDS = 3 * 86400 / 9e9
_LIKELY = (
    r"(?:19[89]|20[0-4])[0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    r"|\.[0-9]{9,10}(?:\.|$)|^1\.3\.12\.2\.1107\.5\."
)


def chance(found: int, expected: float) -> float:
    """Return a bound on the probability of so many hits where some are expected by chance.

    Parameters
    ----------
    found : int
    expected : float
        Mean of the Poisson distribution of hits by chance.

    Returns
    -------
    float
        Chernoff's bound on P(X >= found), 1 where it says nothing.

    References
    ----------
    Mitzenmacher and Upfal 2017, Probability and Computing, theorem 5.4,
    doi:10.1017/9781316651124 (book).

    Examples
    --------
    >>> chance(0, 0.1), chance(2, 3e-4) < 1e-6, chance(2, 0.5) > 0.1
    (1.0, True, True)
    """
    if found <= expected:
        return 1.0
    if expected <= 0:
        return 0.0
    return math.exp(found - expected - found * math.log(found / expected))


@dataclass(frozen=True, kw_only=True)
class _Uids:
    """The UIDs of one column: one entry per distinct value, with the rows that hold it."""

    codes: npt.NDArray[np.int64]
    texts: Sequence[str]

    @cached_property
    def array(self) -> pa.Array:
        """The values, for Arrow."""
        return pa.array(self.texts, pa.string())

    @cached_property
    def likely(self) -> list[int]:
        """Numbers of the values in which anything can be found at all."""
        return [int(i) for i in pc.indices_nonzero(pc.match_substring_regex(self.array, _LIKELY))]

    def count(self, pattern: str) -> int:
        """Return how often a pattern occurs in all values."""
        return pc.sum(pc.count_substring_regex(self.array, pattern)).as_py() or 0

    @cached_property
    def windows(self) -> int:
        """Number of places at which eight digits can stand, at most."""
        lengths = pc.utf8_length(self.array).to_numpy(zero_copy_only=False)
        return int(np.maximum(lengths - 7, 0).sum())

    def parts(self, number: int) -> Iterator[str]:
        """Yield the UIDs of one value that the standard itself did not give."""
        for uid in self.texts[number].split("\\"):
            if uid and not uid.startswith(STANDARD_ROOT):
                yield uid


def uid_findings(
    table: SourceTable, attributes: AttributeSet, of_row: npt.NDArray[np.int64]
) -> list[Finding]:
    """Return which columns of UIDs hold days, serial numbers or devices, beyond chance.

    Parameters
    ----------
    table : SourceTable
    attributes : AttributeSet
    of_row : numpy.ndarray of int64, shape (n_rows,)
        Subject of each row, -1 for nobody.

    Returns
    -------
    list of Finding
        At most four per column, in the order of the columns.

    Notes
    -----
    Four things are looked for in the n distinct UIDs of a column:

    1. A day of the row itself (study, series, acquisition or content date, or one day beside
       it; the birth date), as eight digits anywhere or as seconds since 1970 in a number of its
       own. Random digits agree with probability 1e-8 for each place and day, random numbers of
       nine or ten digits with 2.9e-5.
    2. Numbers that begin with any day from 1980 to 2049: 2.8e-4 of random ones of eight digits
       or more do. Each number counts once, so that a root which looks like a day is one.
    3. UIDs that have the root of a maker of devices and what its devices put behind it.
    4. The serial number of the row's device as a number of its own.

    Hits under 1, 2 and 4 are compared with the mean that random digits give; they are a finding
    where so many have a probability below `AGREEMENT_CHANCE` (1, 4) or `SHARE_CHANCE` (2).
    """
    found = []
    there = set(table.rows.column_names)
    for attribute in attributes:
        if attribute.source != table.name or attribute.column not in there:
            continue
        if (attribute.keyword or "").endswith(_OF_A_KIND):
            continue
        if attribute.vr == "UI" or attribute.ladder == "uid":
            found += _of_column(table, attribute, of_row)
    return found


def _of_column(
    table: SourceTable, attribute: Attribute, of_row: npt.NDArray[np.int64]
) -> list[Finding]:
    codes, texts = raw_codes(table.rows.column(attribute.column))
    uids = _Uids(codes=np.asarray(codes, np.int64), texts=[str(text or "") for text in texts])
    tests = (
        (OWN_DAYS, _own_days(table, uids), AGREEMENT_CHANCE, "hold a day of the subject's own"),
        (SHARE_OF_DAYS, _days(uids), SHARE_CHANCE, "hold a day, more often than by chance"),
        (OF_DEVICES, _devices(uids), AGREEMENT_CHANCE, "were given by a device"),
        (SERIALS, _serials(table, uids), AGREEMENT_CHANCE, "hold the serial number of the device"),
    )  # fmt: skip
    found = []
    for code, (numbers, hits, expected), limit, words in tests:
        if not numbers or chance(hits, expected) >= limit:
            continue
        rows = np.isin(uids.codes, sorted(numbers)) & (of_row >= 0)
        subjects = len(np.unique(of_row[rows]))
        who = f"{subjects} subject{'' if subjects == 1 else 's'}"
        text = f"UIDs in {attribute.name} {words} ({who}): whoever has the release reads it there"
        found.append(Finding(code=code, attribute=attribute.name, subjects=subjects, text=text))
    return found


_Hits = tuple[set[int], int, float]
"""Numbers of the values with a hit, hits, hits expected by chance."""

_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")


def _own_days(table: SourceTable, uids: _Uids) -> _Hits:
    """Compare each UID with the days of its rows."""
    columns = [name for name in (*_DAYS, "PatientBirthDate") if name in table.rows.column_names]
    hits: set[int] = set()
    likely = np.zeros(len(uids.texts) + 1, bool)
    likely[uids.likely] = True
    compared = 0
    for name in columns:
        codes, texts = raw_codes(table.rows.column(name))
        days = [_days_of(str(text or "")) for text in texts]
        known = np.array([*(bool(day) for day in days), False], bool)
        compared += bool(known.any()) * (1 if name == "PatientBirthDate" else 3)
        rows = known[codes] & likely[uids.codes]
        steps = (0,) if name == "PatientBirthDate" else (-1, 0, 1)
        width = len(texts) + 1
        pairs = np.unique(uids.codes[rows] * width + np.asarray(codes, np.int64)[rows])
        for uid, day in zip(*np.divmod(pairs, width), strict=True):
            wanted = {one + timedelta(days=step) for one in days[day] for step in steps}
            if _holds_day(uids, int(uid), wanted):
                hits.add(int(uid))
    seconds = uids.count(r"\.[0-9]{9,10}(?:\.|$)")
    expected = compared * uids.windows / _WINDOW + bool(compared) * seconds * _PER_SECONDS
    return hits, len(hits), expected


def _days_of(text: str) -> list[date]:
    """Return the days of one value; several stand between backslashes."""
    digits = (re.sub("[^0-9]", "", part)[:8] for part in text.split("\\"))
    days = []
    for eight in digits:
        try:
            days.append(date(int(eight[:4]), int(eight[4:6]), int(eight[6:8])))
        except ValueError:
            continue
    return [day for day in days if date.min < day < date.max]


def _holds_day(uids: _Uids, number: int, wanted: set[date]) -> bool:
    text = "".join(f"{uid}." for uid in uids.parts(number))
    if any(f"{day:%Y%m%d}" in text for day in wanted):
        return True
    return any(day_of_seconds(component) in wanted for component in text.split("."))


def _days(uids: _Uids) -> _Hits:
    """Count the numbers that begin with any likely day."""
    holders: dict[str, set[int]] = {}
    for number in uids.likely:
        for uid in uids.parts(number):
            for component in uid.split("."):
                if day_of_component(component) is not None:
                    holders.setdefault(component, set()).add(number)
    numbers = set().union(*holders.values()) if holders else set()
    return numbers, len(holders), uids.count(r"(?:^|\.)[0-9]{8,}") * _PER_COMPONENT


def _devices(uids: _Uids) -> _Hits:
    numbers = {n for n in uids.likely if any(of_a_device(uid) for uid in uids.parts(n))}
    return numbers, len(numbers), 0.0


def _serials(table: SourceTable, uids: _Uids) -> _Hits:
    """Look for the serial number of each row's device as a number of its own."""
    if "DeviceSerialNumber" not in table.rows.column_names:
        return set(), 0, 0.0
    codes, texts = raw_codes(table.rows.column("DeviceSerialNumber"))
    serials = [_SERIAL.findall(str(text or "")) for text in texts]
    known = np.array([*(bool(serial) for serial in serials), False], bool)
    rows = known[codes] & (uids.codes >= 0)
    width = len(texts) + 1
    pairs = np.unique(uids.codes[rows] * width + np.asarray(codes, np.int64)[rows])
    hits, expected = set(), 0.0
    for uid, serial in zip(*np.divmod(pairs, width), strict=True):
        components = {part for one in uids.parts(int(uid)) for part in one.split(".")}
        for wanted in serials[serial]:
            alike = sum(len(component) == len(wanted) for component in components)
            expected += alike / (9 * 10 ** (len(wanted) - 1))
            if wanted in components:
                hits.add(int(uid))
    return hits, len(hits), expected

"""Unique identifiers that speak: dates, seconds, serial numbers and their maker's root.

A UID is made of numbers between dots. Scanners put the moment and the device into them; tools that
replace them draw the numbers at random. What one UID holds by chance and what many hold beyond
chance is told apart in `midi_risk.table.uids`; here stands what is looked for in one.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache

from midi_risk.resources import data_rows

STANDARD_ROOT = "1.2.840.10008."
"""Of UIDs that the standard itself gives; they are the same in every hospital."""

_KINDS = (
    "SOPClassUID", "SOPClassUIDInFile", "ImplementationClassUID", "TransferSyntaxUID",
    "TransferSyntaxUIDInFile",
)  # fmt: skip
_NAMED_KINDS = frozenset(
    {
        "CodingSchemeUID", "ContextGroupExtensionCreatorUID", "ContextUID", "CreatorVersionUID",
        "MappingResourceUID", "PertinentSOPClassesInSeries", "PertinentSOPClassesInStudy",
        "PrivateInformationCreatorUID", "SOPClassesInStudy", "SOPClassesSupported",
    }
)  # fmt: skip


def names_a_kind(keyword: str) -> bool:
    """Tell whether UIDs under a keyword name a kind of thing, the same wherever it is used.

    Examples
    --------
    >>> names_a_kind("ReferencedSOPClassUID"), names_a_kind("ReferencedSOPInstanceUID")
    (True, False)
    """
    return keyword.endswith(_KINDS) or keyword in _NAMED_KINDS


FIRST_DAY, LAST_DAY = date(1980, 1, 1), date(2049, 12, 31)
"""Days between which a number of eight digits is taken for a date of an image."""

_DAY = "(?:19[89]|20[0-4])[0-9](?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_BEGINS = re.compile(rf"(?:^|\.)({_DAY})[0-9]*")
_SECONDS = re.compile(r"\.([0-9]{9,10})(?=\.|$)")
_SIEMENS = re.compile(r"1\.3\.12\.2\.1107\.5\.[0-9]+\.[0-9]+\.[0-9]{4,6}\.")
_ANYWHERE = re.compile(_DAY)
_EPOCH = date(1970, 1, 1)


@cache
def _roots() -> re.Pattern[str]:
    roots = sorted((row["root"] for row in data_rows("uid_roots.csv")), key=len, reverse=True)
    return re.compile("|".join(re.escape(root) + r"(?=\.)" for root in roots))


def day_of_component(number: str) -> date | None:
    """Return the day with which a number of a UID begins, None when it begins with none.

    Examples
    --------
    >>> day_of_component("2020031710111211204200000309")
    datetime.date(2020, 3, 17)
    >>> day_of_component("20209917") is None
    True
    """
    if _ANYWHERE.match(number) is None:
        return None
    try:
        return date(int(number[:4]), int(number[4:6]), int(number[6:8]))
    except ValueError:
        return None


def day_of_seconds(number: str) -> date | None:
    """Return the day of a number read as seconds since 1970, None outside the likely days.

    Examples
    --------
    >>> day_of_seconds("978957063")
    datetime.date(2001, 1, 8)
    """
    if not number.isdigit() or not 9 <= len(number) <= 10:
        return None
    day = _EPOCH + timedelta(seconds=int(number))
    return day if FIRST_DAY <= day <= LAST_DAY else None


def of_a_device(uid: str) -> bool:
    """Tell whether a UID has the root of a maker and what its devices put behind it.

    That is a day, a second, or the serial number at the place where Siemens has it.

    Examples
    --------
    >>> of_a_device("1.2.840.113619.2.5.1762583153.215519.978957063.78")
    True
    >>> of_a_device("1.2.840.113619.6.197"), of_a_device("2.25.32920200317")
    (False, False)
    """
    root = _roots().match(uid)
    if root is None:
        return False
    rest = uid[root.end() :]
    return (
        _SIEMENS.match(uid) is not None
        or any(day_of_component(number) for number in _BEGINS.findall(rest))
        or any(day_of_seconds(number) for number in _SECONDS.findall(rest))
    )


def telling(uid: str) -> bool:
    """Tell whether a UID may hold a day, or is of a device; cheap, and true by chance at times.

    Examples
    --------
    >>> telling("1.2.3.20200317.1"), telling("1.2.3.4")
    (True, False)
    """
    return _ANYWHERE.search(uid) is not None or of_a_device(uid)

"""Values of numbers, codes and UIDs that are not what their representation holds.

Numbers and codes that the standard does not list as identifying leave unread: nobody is found by a
number of rows. That holds for what is a number or a code. A name in a code string, a telephone
number in a decimal string, a record number or a date in an integer are told here, at every depth
and by both readers, from the bytes alone.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable
from functools import cache, lru_cache

from pydicom._dicom_dict import DicomDictionary

from midi_risk.resources import data_rows
from midi_risk.sources.dicom.contents import known_vr
from midi_risk.sources.dicom.dictionary import keyword_of
from midi_risk.sources.dicom.private import may_be_safe
from midi_risk.sources.dicom.uids import telling

FORM, LONG, WORDS, TELLS, OTHER = "!form", "!long", "!words", "!tells", "!other"
EARLY, NAMES, PEOPLE = "!early", "!names", "!people"
"""A value that its representation does not allow; a whole number of seven digits and more where
none is expected; words that no code of images has; a UID that may hold a day or is of a device;
the UID of another object in the header of a file; a day long before every visit; what the rules
for texts take for a person, in some values or in most of them."""

MISFITS = {
    FORM: "values that its representation does not allow or that the others are unlike",
    LONG: "numbers as long as a date, a record or a telephone number",
    WORDS: "words that are no code of images",
    TELLS: "UIDs that may hold a day or are of a device",
    OTHER: "the UID of another object",
    EARLY: "days more than a year before every visit of the subject",
    NAMES: "values that may name somebody",
    PEOPLE: "most values name somebody",
}
"""Code -> what it says of an element."""

MOST = 4096
"""Bytes of a value that are looked at."""
INSTANCE_IN_META, INSTANCE = 0x00020003, 0x00080018

_LONGEST = 1024
_LEAST_LONG, _MOST_LONG = 1e6, 1e15
_SIGNIFICANT = 5
_CODE = re.compile(rb"[A-Z0-9_ \\]*")
_SEVERAL = re.compile(rb"[A-Z]{2,}(?: +[A-Z]{2,})+")
_LONG_CODE = re.compile(rb"[0-9]{7}")
_LONGEST_CODE = 16
_ONE = rb" *(?:[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)? *"
_NUMBERS = re.compile(rb"%b(?:\\%b)*" % (_ONE, _ONE))
_NUMBER = b"0123456789+-.eE \\"
_LONG_NUMBER = re.compile(rb"(?<![0-9.eE])0*([1-9][0-9]{6,})(?![0-9]|\.?[0-9]*[eE])")
_HOUR = rb"(?:[01][0-9]|2[0-4])(?::?[0-5][0-9](?::?[0-6][0-9](?:\.[0-9]*)?)?)?"
_DAY = rb"(?:1[89]|20)[0-9]{2}[.-]?(?:[01][0-9][.-]?(?:[0-3][0-9])?)?"
_MOMENT = rb"(?:1[89]|20)[0-9]{2}(?:[0-9]{2}){0,5}(?:(?<=[0-9]{14})\.[0-9]+)?(?:[+-][0-9]{4})?"


def _ranges(one: bytes) -> re.Pattern[bytes]:
    """Return what fits values joined by a backslash, each of which may be a range."""
    part = rb" *(?:%b)?(?: *- *(?:%b)?)? *" % (one, one)
    return re.compile(rb"%b(?:\\%b)*" % (part, part))


_TIME, _DATE, _INSTANT = _ranges(_HOUR), _ranges(_DAY), _ranges(_MOMENT)
_AGE = re.compile(rb" *(?:[0-9]{1,3}[DWMY]?)? *(?:\\ *[0-9]{1,3}[DWMY]? *)*")
_ONE_UID = rb" *(?:[0-2](?:\.[0-9]+)*)? *"
_UID = re.compile(rb"%b(?:\\%b)*" % (_ONE_UID, _ONE_UID))
_PRINTED = re.compile(rb"[ -~]{6,}\0*")
_PRINTED_FLOATS = re.compile(rb"[ -~]{4,}\0*")
_LEAST_PLAIN, _MOST_PLAIN = 1e-4, 1e15
_BINARY = {"FL": "f", "FD": "d", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}
_SHORTS = {"US": "H", "SS": "h"}
_ARRAYS = frozenset({"AT", "OD", "OF", "OL", "OV", *_SHORTS})
_FEW = 2

_MORE_WORDS = frozenset({"FREE", "BREATHING", "CURVED", "LIVING", "WALKING", "UNKNOWN"})


@cache
def _words() -> frozenset[bytes]:
    """Return the words of at least four letters of which the keywords of the standard are made."""
    parts = re.compile("[A-Z]+(?![a-z])|[A-Z][a-z]+")
    found = {word.upper() for e in DicomDictionary.values() for word in parts.findall(e[4])}
    return frozenset(word.encode() for word in found | _MORE_WORDS if len(word) > 3)


@cache
def _expected_long() -> frozenset[str]:
    """Return the keywords of elements whose numbers may well be long."""
    return frozenset(row["keyword"] for row in data_rows("long_numbers.csv"))


def _code(raw: bytes) -> str:
    if not _CODE.fullmatch(raw):
        return FORM
    for part in raw.split(b"\\"):
        if len(part.strip()) > _LONGEST_CODE:
            return FORM
    if _LONG_CODE.search(raw):
        return LONG
    several = _SEVERAL.search(raw)
    return WORDS if several and not _words().intersection(several[0].split()) else ""


def _digits(raw: bytes) -> str:
    if len(raw) > _LONGEST:
        return FORM if raw.translate(None, _NUMBER) else ""
    if not _NUMBERS.fullmatch(raw):
        return FORM
    found = (number.rstrip(b"0") for number in _LONG_NUMBER.findall(raw))
    long = any(len(number) >= _SIGNIFICANT for number in found)
    if not long and b"E" in raw.upper():
        long = any(_is_long(float(part)) for part in raw.split(b"\\") if b"E" in part.upper())
    return LONG if long else ""


def _time(raw: bytes) -> str:
    return "" if _TIME.fullmatch(raw) else FORM


def _uid(raw: bytes) -> str:
    return "" if _UID.fullmatch(raw) else FORM


def _telling_uid(raw: bytes) -> str:
    if _uid(raw):
        return FORM
    return TELLS if any(telling(uid.strip()) for uid in raw.decode("ascii").split("\\")) else ""


def _array(raw: bytes) -> str:
    return FORM if _PRINTED.fullmatch(raw) else ""


def _day(raw: bytes) -> str:
    return "" if _DATE.fullmatch(raw) else FORM


def _instant(raw: bytes) -> str:
    return "" if _INSTANT.fullmatch(raw) else FORM


def _title(raw: bytes) -> str:
    """Return what does not fit about the name of a station in a network."""
    if any(len(part.strip()) > _LONGEST_CODE for part in raw.split(b"\\")):
        return FORM
    if _LONG_CODE.search(raw):
        return LONG
    several = _SEVERAL.search(raw.upper())
    return WORDS if several and not _words().intersection(several[0].split()) else ""


def _age(raw: bytes) -> str:
    return "" if _AGE.fullmatch(raw) else FORM


def _binary(code: str) -> Callable[[bytes], str]:
    size = struct.calcsize(f"<{code}")

    def check(raw: bytes) -> str:
        if len(raw) % size:
            return FORM
        few = len(raw) <= _FEW * size
        printed = (_PRINTED_FLOATS if code in "fd" else _PRINTED).fullmatch(raw)
        if printed and code not in "fd":
            return FORM
        if not few and not printed:
            return ""
        values = struct.unpack(f"<{len(raw) // size}{code}", raw)
        if printed and any(not _LEAST_PLAIN < abs(value) < _MOST_PLAIN for value in values):
            return FORM
        return LONG if few and any(map(_is_long, values)) else ""

    return check


def _is_long(value: float) -> bool:
    """Tell a whole number of seven digits and more, which is neither round nor a bound."""
    if not _LEAST_LONG <= abs(value) < _MOST_LONG or value != math.floor(value):
        return False
    whole = abs(int(value))
    return len(str(whole).rstrip("0")) >= _SIGNIFICANT and not _is_bound(whole)


def _is_bound(value: int) -> bool:
    """Tell a power of two, and the number below it: bounds and sentinels."""
    return not value & (value - 1) or not value & (value + 1)


_CHECKS: dict[str, Callable[[bytes], str]] = {
    "CS": _code,
    "DS": _digits,
    "IS": _digits,
    "TM": _time,
    "UI": _uid,
    **{vr: _binary(code) for vr, code in _BINARY.items()},
    **dict.fromkeys(_ARRAYS, _array),
}
_OF_ATTRIBUTES: dict[str, Callable[[bytes], str]] = {
    "DA": _day, "DT": _instant, "AS": _age, "AE": _title, "UI": _uid,
}  # fmt: skip
"""What looks at values only where an attribute reads them: they are open or text elsewhere."""


@lru_cache(maxsize=65536)
def check_of(tag: int, vr: str | None) -> Callable[[bytes], str] | None:
    """Return what looks at the values of an element; None where its representation is free.

    Parameters
    ----------
    tag : int
    vr : str or None
        None where a file does not tell it; the dictionary does then.

    Examples
    --------
    >>> check_of(0x00180022, "CS")(b"Jane Quimby"), check_of(0x00180022, "CS")(b"FS")
    ('!form', '')
    >>> check_of(0x00181150, None)(b"19531107"), check_of(0x00181150, None)(b"1500")
    ('!long', '')
    """
    if not tag & 0xFFFF:
        return None
    known = vr or known_vr(tag).partition(" or ")[0]
    if known == "UI" and known_vr(tag) != "UI":
        return _telling_uid
    check = _CHECKS.get(known)
    private = f"{tag >> 16:04X}xx{tag & 0xFF:02X}" if tag >> 16 & 1 else ""
    if check is None or (private or keyword_of(tag)) not in _expected_long():
        return check
    return lambda raw: "" if (found := check(raw)) == LONG else found


@lru_cache(maxsize=65536)
def trimmed_check(tag: int, vr: str | None) -> Callable[[bytes], str] | None:
    """Return `check_of` for the bytes of a file in little endian, padding and all."""
    check = check_of(tag, vr)
    if check is None or (vr or known_vr(tag)) in _BINARY:
        return check
    return lambda raw: check(raw.rstrip(b"\0 "))


def misfit(tag: int, vr: str | None, raw: bytes, *, little: bool = True) -> str:
    """Return what does not fit about the value of an element, ``""`` for nothing.

    Parameters
    ----------
    tag : int
    vr : str or None
        See `check_of`.
    raw : bytes
        The value field; the first `MOST` bytes are looked at.
    little : bool
        Byte order of binary numbers.

    Examples
    --------
    >>> misfit(0x00189999, "FL", struct.pack("<f", 4471902.0))
    '!long'
    """
    check = trimmed_check(tag, vr)
    if check is None:
        return ""
    code = _BINARY.get(vr or known_vr(tag))
    if code and not little:
        size = struct.calcsize(f"<{code}")
        whole = raw[: len(raw) - len(raw) % size]
        raw = b"".join(whole[at : at + size][::-1] for at in range(0, len(whole), size))
    return check(raw[:MOST])


def _shorts(vr: str, text: str) -> str:
    """Return what does not fit about numbers of 16 bits that reading has decoded."""
    parts = [part for part in text.split("\\") if part]
    try:
        raw = struct.pack(f"<{len(parts)}{_SHORTS[vr]}", *map(int, parts))
    except (ValueError, struct.error):
        return FORM
    return _array(raw)


def _number(tag: int, text: str) -> str:
    """Return what does not fit about numbers that reading has decoded.

    A list of several is an array, in which nobody is found.
    """
    try:
        values = [float(part) for part in text.split("\\") if part]
    except ValueError:
        return FORM
    long = len(values) == 1 and keyword_of(tag) not in _expected_long() and _is_long(values[0])
    return LONG if long else ""


def misfit_of_text(tag: int, vr: str, texts: Iterable[str]) -> str:
    """Return the first thing that does not fit about values that reading has decoded.

    Parameters
    ----------
    tag : int
    vr : str
    texts : iterable of str
        Several values of one element are joined by a backslash. Of UIDs only the form is looked
        at: what they tell is a finding of its own.

    Examples
    --------
    >>> misfit_of_text(0x00180060, "DS", ["120", "01753-234567"])
    '!form'
    >>> misfit_of_text(0x00181405, "IS", ["90"]), misfit_of_text(0x00189345, "FD", ["4471902.0"])
    ('', '!long')
    """
    check = _OF_ATTRIBUTES.get(vr) or check_of(tag, vr)
    if check is None:
        return ""
    if vr in _SHORTS:
        return next(filter(None, (_shorts(vr, text) for text in texts)), "")
    if vr in _BINARY:
        return next(filter(None, (_number(tag, text) for text in texts)), "")
    found = (check(text.encode("utf-8", "replace")) for text in texts)
    return next(filter(None, found), "")


def other_instance(in_meta: bytes | None, own: bytes | None) -> tuple[tuple[int, str], ...]:
    """Return the tag and what does not fit where the header of a file has another object's UID.

    Parameters
    ----------
    in_meta, own : bytes or None
        Media Storage SOP Instance UID and SOP Instance UID.

    Examples
    --------
    >>> other_instance(b"1.2.3 ", b"1.2.3"), other_instance(b"1.2.4", b"1.2.3")
    ((), ((131075, '!other'),))
    """
    if not in_meta or not own or in_meta.strip(b"\0 ") == own.strip(b"\0 "):
        return ()
    return ((INSTANCE_IN_META, OTHER),)


_KNOWN = 4096


class Checks:
    """What looks at values that nobody else reads; remembers what it has seen."""

    __slots__ = ("_by_code",)

    def __init__(self) -> None:
        self._by_code: dict[int, tuple[Callable[[bytes], str], dict[bytes, str]] | None] = {}

    def looks_at(self, code: int) -> bool:
        """Tell whether an element is looked at, by `midi_risk.sources.dicom.contents.code_of`."""
        if code not in self._by_code:
            tag, raw = code >> 16, code & 0xFFFF
            vr = raw.to_bytes(2, "big").decode("ascii") if raw else None
            private = tag >> 16 & 1 and not may_be_safe(tag)
            check = None if private else trimmed_check(tag, vr)
            self._by_code[code] = None if check is None else (check, {})
        return self._by_code[code] is not None

    def of(self, kept: Iterable[tuple[int, bytes]]) -> list[tuple[int, str]]:
        """Return the tags of a file whose values do not fit, and what does not.

        Parameters
        ----------
        kept : iterable of (int, bytes)
            Code of what is only looked at, and its value field.
        """
        odd = []
        by_code = self._by_code
        for code, raw in kept:
            check, known = by_code[code]  # type: ignore[misc]
            found = known.get(raw)
            if found is None:
                if len(known) >= _KNOWN:
                    known.clear()
                found = known[raw] = check(raw)
            if found:
                odd.append((code >> 16, found))
        return odd

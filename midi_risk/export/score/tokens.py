"""Tokens that stand for identifiers: each unique, none the beginning of another, found again.

Names are ten consonants, numbers ten digits, dates eight in the nineteenth century, UIDs of one
length below 2.25. Of one shape all have one length, so none is the beginning of another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import numpy as np

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_FIRST_DAY, _DAYS = date(1871, 1, 1), 10_500
LENGTH = 10
_NAMES = re.compile(rb"(?=([" + _LETTERS.encode() + rb"]{10}))")
_DIGITS = re.compile(
    rb"(?<![0-9])(?:9[0-9]{9}(?![0-9])|18[0-9]{6}(?:(?=[0-9]{6}(?![0-9]))|(?![0-9])))"
)
_UIDS = re.compile(rb"2\.25\.[0-9]{38}(?![0-9])")
_WRITTEN = re.compile(rb"(?<![0-9])(18[0-9]{2})[-/.]([0-9]{2})[-/.]([0-9]{2})(?![0-9])")


class Tokens:
    """A source of tokens that never gives one twice.

    Parameters
    ----------
    seed : int
    taken : callable, optional
        Tells whether the source files hold a token already; such a one is not given.

    Examples
    --------
    >>> tokens = Tokens(1)
    >>> name, number, day = tokens.new("name"), tokens.new("number"), tokens.new("date")
    >>> sorted(found_in(f"CT {name} {number} {day}".encode())) == sorted([name, number, day])
    True
    """

    def __init__(self, seed: int, taken: Iterable[str] = ()) -> None:
        self._random = np.random.default_rng(seed)
        self._given = set(taken)

    def new(self, kind: str) -> str:
        """Return a token: of a date, a number (also of a telephone), a UID, or else of a name."""
        while True:
            token = self._drawn(kind)
            if token not in self._given:
                self._given.add(token)
                return token

    def _drawn(self, kind: str) -> str:
        if kind == "date":
            day = _FIRST_DAY + timedelta(days=int(self._random.integers(_DAYS)))
            return day.strftime("%Y%m%d")
        if kind in {"number", "phone"}:
            return "9" + "".join(map(str, self._random.integers(0, 10, LENGTH - 1).tolist()))
        if kind == "uid":
            digits = self._random.integers(0, 10, 37).tolist()
            return "2.25.1" + "".join(map(str, digits))
        return "".join(_LETTERS[i] for i in self._random.integers(0, len(_LETTERS), LENGTH))


def found_in(data: bytes) -> Iterator[str]:
    """Yield everything in bytes that looks like a token, in one byte or two a letter.

    Letters count in either case, dates also with separators; digits count only where no other digit
    stands beside them, so that no part of a longer number is taken for a token.
    """
    seen = data.upper()
    yield from _shapes(seen)
    if seen.count(b"\0") > len(seen) // 8:
        yield from _shapes(seen[: 1 << 22].replace(b"\0", b""))


def _shapes(data: bytes) -> Iterator[str]:
    for match in _NAMES.finditer(data):
        yield match[1].decode()
    for pattern in (_DIGITS, _UIDS):
        for match in pattern.finditer(data):
            yield match[0].decode()
    for match in _WRITTEN.finditer(data):
        yield b"".join(match.groups()).decode()

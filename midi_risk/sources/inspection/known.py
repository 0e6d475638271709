"""The hospital's own list: whether a name, number or date of a person in it stands in a text.

The file (a crosswalk as CSV) stays where it is; nothing of it is written. Matching is by whole
tokens with case and accents folded, so a trie over tokens does in one pass what Aho and Corasick do
over letters. A date is looked for as it is written and in five other ways, a name in both orders.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from midi_risk.errors import SourceError, reason_of
from midi_risk.sources.inspection.rules import folded

_TOKEN = re.compile(r"[a-z0-9]+")
_SHORT_NUMBER = 6
_SHORT_NAME = 4
_MOST = 5_000_000
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_ISO = re.compile(r"(\d{4})[-/. ]?(\d{2})[-/. ]?(\d{2})\Z")
_REVERSED = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})\Z")
_RUNS = re.compile(rb"[\x20-\x7e\xa0-\xff]{4,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\0){4,}")
_END = ""

Trie = dict[str, "Trie"]


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(folded(text))


def _dates(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield year, month and day that a value may mean."""
    text = text.strip()
    if found := _ISO.match(text):
        yield int(found[1]), int(found[2]), int(found[3])
    elif found := _REVERSED.match(text):
        yield int(found[3]), int(found[2]), int(found[1])
        yield int(found[3]), int(found[1]), int(found[2])


def _ways(year: int, month: int, day: int) -> Iterator[tuple[str, ...]]:
    """Yield the ways in which a date is written, as tokens."""
    try:
        date(year, month, day)
    except ValueError:
        return
    short, y = _MONTHS[month - 1], str(year)
    yield (f"{year}{month:02}{day:02}",)
    for m, d in {(f"{month:02}", f"{day:02}"), (str(month), str(day))}:
        yield (y, m, d)
        yield (d, m, y)
        yield (m, d, y)
        yield (d, short, y)
        yield (short, d, y)


class KnownValues:
    """Values of people, as a trie of tokens.

    Parameters
    ----------
    values : iterable of str

    Examples
    --------
    >>> known = KnownValues(["Roe^Jane", "4471902", "1961-05-03"])
    >>> list(known.hits("Jane ROE, born 3 May 1961"))
    ['jane roe', '3 may 1961']
    >>> list(known.hits("Monroe 44719021"))
    []
    """

    __slots__ = ("_root", "count")

    def __init__(self, values: Iterable[str]) -> None:
        self._root: Trie = {}
        self.count = 0
        for value in values:
            self._add(value)

    def _add(self, value: str) -> None:
        dates = [tokens for found in _dates(value) for tokens in _ways(*found)]
        if dates:
            for written in dates:
                self._put(written)
            return
        tokens = _tokens(value)
        if not tokens or len(tokens) > 12:
            return
        if any(any(map(str.isdigit, token)) for token in tokens):
            if sum(map(len, tokens)) >= _SHORT_NUMBER:
                self._put(tokens)
                self._put(["".join(tokens)])
            return
        if len(tokens) > 1:
            self._put(tokens)
            self._put([*tokens[1:], tokens[0]])
            self._put([tokens[-1], *tokens[:-1]])
        for token in tokens:
            if len(token) >= _SHORT_NAME:
                self._put([token])

    def _put(self, tokens: Iterable[str]) -> None:
        at = self._root
        for token in tokens:
            at = at.setdefault(token, {})
        if _END not in at:
            at[_END] = {}
            self.count += 1

    def hits(self, text: str) -> Iterator[str]:
        """Yield the values that stand in a text, the longest at each place."""
        tokens = _tokens(text)
        start = 0
        while start < len(tokens):
            at, longest = self._root, 0
            for place in range(start, len(tokens)):
                at = at.get(tokens[place], {})
                if not at:
                    break
                if _END in at:
                    longest = place + 1
            if longest:
                yield " ".join(tokens[start:longest])
            start = longest or start + 1

    def hits_in_bytes(self, data: bytes) -> Iterator[str]:
        """Yield the values in bytes, written in one byte or two a letter."""
        for run in _RUNS.findall(data):
            yield from self.hits(run.decode("utf-8", "replace") if max(run) > 127 else run.decode())
            if max(run) > 127:
                yield from self.hits(run.decode("latin-1"))
        for run in _WIDE.findall(data):
            yield from self.hits(run.decode("utf-16-le", "replace"))


def read_known(path: Path) -> KnownValues:
    """Read the hospital's own list.

    Parameters
    ----------
    path : pathlib.Path
        CSV with a header; every column is taken. Values with fewer than 6 digits and names of
        fewer than 4 letters are too short to decide anything and are left out.

    Raises
    ------
    SourceError
        When it cannot be read; no value of it is named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.reader(handle)
            next(rows, None)
            values = {cell for row in rows for cell in row if cell.strip()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = reason_of(error) if isinstance(error, OSError) else "no CSV file in UTF-8"
        raise SourceError(f"the list of known values '{path}' cannot be read: {why}") from None
    if not values or len(values) > _MOST:
        raise SourceError(
            f"the list of known values '{path}' has {len(values):,} values",
            hint="Give a header and one row for each person, at most 5,000,000 values",
        )
    return KnownValues(values)

"""What the words of a column name speak of: parts of words, phrases, several languages.

A name is cut into words (``hf_ef_v``, ``AgeGroup``, ``SurvivalTime``), a compound into words that
the list knows (``Aufnahmedatum``, ``deadstatusevent``), and the words into concepts, the longest
phrase first (``column_words.csv``, with the language and the source of each list). A concept says
nothing by itself: the rows of ``column_meanings.csv``, tried in order, say which concepts
together, with which kind of value, mean which role. A word is met whole or as a word part with
its place (``*itis``, ``chemo*``); never as letters inside another word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from midi_risk.resources import data_rows

WORDS = "column_words.csv"
MEANINGS = "column_meanings.csv"
STANDARDS = "standard_columns.csv"

PLAIN_SOURCES = ("clinical terms", "column words")
"""Sources that are nobody's standard: a word of them may be known from one table only."""

_CJK = "\u3040-\u30ff\u3400-\u9fff"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TRAILING = re.compile(r"(?<=[a-z]{3})(?=\d)")
_PUNCTUATION = re.compile(rf"[^a-z0-9{_CJK}]+")
_SCRIPTS = re.compile(rf"(?<=[{_CJK}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_CJK}])")
_IS_CJK = re.compile(rf"[{_CJK}]+")

SHORT_PARTS = frozenset(
    {"id", "dt", "no", "nr", "yr", "pt", "tx", "dx", "hx", "rx", "bx", "ct", "mr", "ai", "ln"}
    | {"gp", "wt", "ht", "bp", "tm", "cd", "er", "pr", "fu", "ef"}
)
"""Words of two letters that a compound may end or begin with."""

_SHORT_SHARE = 0.45
"""A compound of many short words is most often another word, as is 'massage' (which is listed)."""

_SDTM_DOMAIN = re.compile(
    "(?:A[EG]|B[ES]|C[EMV]|D[ADMSV]|E[CGX]|F[AT]|GF|HO|I[ES]|LB|M[BHIKLS]|NV|OE|P[CEPR]|QS"
    "|R[EPS]|S[CRSUV]|T[RU]|UR|VS)(?=[A-Z]+$)"
)
"""Codes of the domains of SDTM; ``--DTC`` in the list is a variable of any of them."""

_SNP = re.compile(r"rs\d{3,}")
_NUMBERED = re.compile(r"([a-z]{2,})\d+")
_LINKS = ("", "s", "n", "en", "es")
_LONGEST = 40
_PHRASE = 5


def column_words(name: str) -> str:
    """Return a column name as lower-case words without accents.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        Latin words, digits that follow three letters apart, and runs of Chinese or Japanese
        characters, with one blank between them.

    Examples
    --------
    >>> column_words("AgeGroup"), column_words("demo__days_to_birth"), column_words("med_name7")
    ('age group', 'demo days to birth', 'med name 7')
    >>> column_words("検査日(Date)")
    '検査日 date'
    """
    plain = "".join(
        c if _IS_CJK.fullmatch(c) else unicodedata.normalize("NFKD", c)
        for c in unicodedata.normalize("NFC", name.replace("ß", "ss").replace("ø", "o"))
    )
    latin = "".join(c for c in plain if c.isascii() or _IS_CJK.fullmatch(c))
    spaced = _SCRIPTS.sub(" ", _CAMEL.sub(" ", latin).lower())
    return _PUNCTUATION.sub(" ", _TRAILING.sub(" ", spaced)).strip()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and phrases with their concepts.

    Parameters
    ----------
    phrases : dict of str to frozenset of str
        Word or phrase -> concepts.
    starts, ends : dict of str to frozenset of str
        Beginning or end of a word -> concepts.
    """

    phrases: dict[str, frozenset[str]]
    starts: dict[str, frozenset[str]]
    ends: dict[str, frozenset[str]]


HEALTH = frozenset(
    {"relative", "early life", "pregnancies", "reproduction", "substance", "exposure", "belief"}
    | {"death", "outcome", "stay", "infection", "mind", "intellect", "score of health", "gene"}
    | {"marker", "tumour", "disease", "word part", "treatment", "treatment part", "lab"}
    | {"lifestyle", "lesion", "grade", "group"}
)
"""Concepts of what would do harm when learnt; ``@health`` in the table of meanings."""

UNKNOWN = "unknown"
"""Concept of a name with a word of two letters or more that no entry knows."""

_forgotten: frozenset[str] = frozenset()


@contextmanager
def forgotten(parts: Iterable[str]) -> Iterator[None]:
    """Read names without some words: to measure what names that nobody has met would get.

    Parameters
    ----------
    parts : iterable of str
        As `known_parts` returns them.

    Examples
    --------
    >>> with forgotten(["tumor*", "tumor"]):
    ...     concepts_of("tumor") == {UNKNOWN}
    True
    """
    global _forgotten  # noqa: PLW0603  what a benchmark takes away, it gives back
    _forgotten = frozenset(parts)
    _clear()
    try:
        yield
    finally:
        _forgotten = frozenset()
        _clear()


def _clear() -> None:
    for cached in (_lexicon, _read, _pieces, concepts_of, standard_meaning):
        cached.cache_clear()


def _entries() -> Iterator[tuple[str, str, str]]:
    """Yield word or phrase as a name is cut, its concept and the source of the list."""
    for row in data_rows(WORDS):
        for entry in row["words"].split(";"):
            part = entry.strip()
            stem = part.strip("*")
            words = stem if "*" in part else column_words(stem)
            yield part.replace(stem, words) if "*" in part else words, row["concept"], row["source"]


@cache
def _lexicon() -> Lexicon:
    found: tuple[dict[str, set[str]], ...] = ({}, {}, {})
    for part, concept, _ in _entries():
        if part in _forgotten:
            continue
        place = 1 if part.endswith("*") else 2 if part.startswith("*") else 0
        found[place].setdefault(part.strip("*"), set()).add(concept)
    return Lexicon(*({k: frozenset(v) for k, v in part.items()} for part in found))


def _whole(word: str) -> tuple[str, frozenset[str]] | None:
    """Return the entry that a whole word is, and its concepts; a plural is its singular."""
    lexicon = _lexicon()
    for form in (word, word.removesuffix("s")):
        if form in lexicon.phrases and (form == word or len(form) > 2):
            return form, lexicon.phrases[form]
    return None


def _by_part(word: str) -> tuple[str, frozenset[str]] | None:
    """Return the longest word part that a word begins or ends with, and its concepts."""
    lexicon = _lexicon()
    for size in range(len(word), 2, -1):
        if word[:size] in lexicon.starts:
            return word[:size] + "*", lexicon.starts[word[:size]]
    for size in range(len(word) - 3, 2, -1):
        if word[-size:] in lexicon.ends:
            return "*" + word[-size:], lexicon.ends[word[-size:]]
    return None


@cache
def _pieces(word: str) -> tuple[str, ...]:
    """Return the known words that a compound consists of without a rest, fewest first."""
    phrases = _lexicon().phrases
    best: list[tuple[str, ...] | None] = [(), *[None] * len(word)]
    for end in range(2, len(word) + 1):
        for start in range(end):
            before = best[start]
            piece = word[start:end]
            if before is None or not _may_stand(piece, phrases):
                continue
            for link in _LINKS:
                stop = end + len(link)
                if not word.startswith(link, end) or (link and (stop == len(word) or end < 4)):
                    continue
                known = best[stop]
                if known is None or len(known) > len(before) + 1:
                    best[stop] = (*before, piece)
    found = best[-1] or ()
    short = sum(len(piece) for piece in found if len(piece) <= 3)
    return found if short <= _SHORT_SHARE * len(word) else ()


def _may_stand(piece: str, phrases: dict[str, frozenset[str]]) -> bool:
    if len(piece) == 2:
        return piece in SHORT_PARTS
    return len(piece) > 2 and piece in phrases


@dataclass(frozen=True, slots=True)
class _Reading:
    """Concepts of a name, the entries they come from, and the words that no entry knows."""

    concepts: frozenset[str]
    parts: tuple[str, ...]
    unknown: tuple[str, ...]


def _expanded(words: list[str]) -> list[str]:
    """Return the words with compounds cut into known words."""
    out: list[str] = []
    for word in words:
        if _IS_CJK.match(word):
            out += _characters(word)
        elif _whole(word) or len(word) > _LONGEST or word.isdigit():
            out.append(word)
        elif _SNP.fullmatch(word):
            out.append("snp")
        elif numbered := _NUMBERED.fullmatch(word):
            out.append(numbered[1])
        else:
            out += (_pieces(word) if len(word) > 4 else ()) or (word,)
    return out


def _characters(run: str) -> list[str]:
    """Return the known words of a run without blanks, the longest first."""
    out, place = [], 0
    phrases = _lexicon().phrases
    while place < len(run):
        size = next(
            (n for n in range(len(run) - place, 0, -1) if run[place : place + n] in phrases), 1
        )
        out.append(run[place : place + size])
        place += size
    return out


def _phrase_at(words: list[str], place: int) -> tuple[int, str, frozenset[str]] | None:
    phrases = _lexicon().phrases
    for size in range(min(_PHRASE, len(words) - place), 1, -1):
        text = " ".join(words[place : place + size])
        if text in phrases:
            return size, text, phrases[text]
    return None


@cache
def _read(name: str) -> _Reading:
    words = _expanded(column_words(name).split())
    concepts: set[str] = set()
    parts: list[str] = []
    unknown: list[str] = []
    last: frozenset[str] = frozenset()
    place = 0
    while place < len(words):
        found = _phrase_at(words, place)
        single = None if found else _whole(words[place]) or _by_part(words[place])
        if found:
            size, part, meant = found
        elif single:
            size, (part, meant) = 1, single
        else:
            if not words[place].isdigit():
                unknown.append(words[place])
            place += 1
            continue
        concepts |= meant
        parts.append(part)
        last = meant if "neutral" not in meant else last
        place += size
    concepts |= {f"ends:{concept}" for concept in last}
    if any(len(word) > 1 for word in unknown):
        concepts.add(UNKNOWN)
    return _Reading(frozenset(concepts), tuple(parts), tuple(unknown))


@cache
def concepts_of(text: str) -> frozenset[str]:
    """Return the concepts that a name or a value speaks of.

    Parameters
    ----------
    text : str

    Returns
    -------
    frozenset of str
        Concepts, ``ends:CONCEPT`` for those of the last word that has a topic, and `UNKNOWN`.

    Examples
    --------
    >>> sorted(concepts_of("Sterbedatum"))
    ['death', 'ends:death']
    """
    return _read(text).concepts


def unknown_words(name: str) -> tuple[str, ...]:
    """Return the words of a name that no entry knows.

    Examples
    --------
    >>> unknown_words("zorp_tumor_size")
    ('zorp',)
    """
    return _read(name).unknown


def known_parts(name: str) -> frozenset[str]:
    """Return the entries of the word lists that a name was read by, or could have been.

    Examples
    --------
    >>> sorted(known_parts("tumor_size"))
    ['size', 'tumor', 'tumor*']
    """
    parts = _read(name).parts
    stems = (found[0] for part in parts if " " not in part and (found := _by_part(part)))
    return frozenset((*parts, *stems))


@cache
def standard_parts() -> frozenset[str]:
    """Return the entries that a public standard holds: as a list, or in the names of its columns.

    Examples
    --------
    >>> "*itis" in standard_parts()
    True
    """
    listed = {part for part, _, source in _entries() if source not in PLAIN_SOURCES}
    named = {part for row in data_rows(STANDARDS) for part in known_parts(row["name"])}
    return frozenset(listed | named)


@cache
def _standard_names() -> dict[str, str]:
    return {
        row["name"].casefold() if row["name"].startswith("--") else _folded(row["name"]): row[
            "concepts"
        ]
        for row in data_rows(STANDARDS)
    }


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


@cache
def standard_meaning(name: str) -> frozenset[str]:
    """Return the concepts that a public standard gives a column of this very name.

    Parameters
    ----------
    name : str

    Returns
    -------
    frozenset of str
        Empty when no listed standard defines the name.

    Examples
    --------
    >>> sorted(standard_meaning("RFSTDTC")), standard_meaning("xq17")
    (['date'], frozenset())
    """
    listed = _standard_names().get(_folded(name), "")
    domain = _SDTM_DOMAIN.match(name)
    if not listed and domain:
        listed = _standard_names().get("--" + name[2:].casefold(), "")
    return frozenset(filter(None, listed.split(";")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One row: concepts and a kind of value, and what they mean together.

    Parameters
    ----------
    values : frozenset of str
        Kinds of value; empty for any.
    every, some, none : frozenset of str
        Concepts that all, of which one, of which none must stand in the name.
    role, kind, ladder, reason : str
        A kind ``"auto"`` is read as the values suggest.
    knowable_by : tuple of str
    """

    values: frozenset[str]
    every: frozenset[str]
    some: frozenset[str]
    none: frozenset[str]
    role: str
    kind: str
    ladder: str
    knowable_by: tuple[str, ...]
    reason: str

    def fits(self, concepts: frozenset[str], value_kind: str) -> bool:
        """Tell whether a column with these concepts and this kind of value is meant."""
        return (
            (not self.values or value_kind in self.values)
            and self.every <= concepts
            and (not self.some or bool(self.some & concepts))
            and not self.none & concepts
        )


def _split(cell: str) -> frozenset[str]:
    found = frozenset(filter(None, cell.split(";")))
    return found - {"@health"} | HEALTH if "@health" in found else found


@cache
def meanings() -> tuple[Meaning, ...]:
    """Return the packaged rows in the order in which they are tried.

    Examples
    --------
    >>> meanings()[-1].role
    'insensitive'
    """
    return tuple(
        Meaning(
            values=_split(row["values"]),
            every=_split(row["all"]),
            some=_split(row["any"]),
            none=_split(row["none"]),
            role=row["role"],
            kind=row["kind"],
            ladder=row["ladder"],
            knowable_by=tuple(filter(None, row["knowable_by"].split(";"))),
            reason=row["reason"],
        )
        for row in data_rows(MEANINGS)
    )


def meaning_of(name: str, value_kind: str = "") -> Meaning | None:
    """Return what a column name means for values of a kind, None when it says nothing.

    Parameters
    ----------
    name : str
    value_kind : str
        ``"date"``, ``"year"``, ``"own"``, ``"decimal"``, ``"integer"``, ``"code"`` or
        ``"words"``; ``""`` when nothing is known.

    Examples
    --------
    >>> meaning_of("tumor_diagnosis_date", "date").role, meaning_of("er_positive").role
    ('quasi_identifier', 'sensitive')
    >>> meaning_of("massage") is None
    True
    """
    return meaning_for(standard_meaning(name) or concepts_of(name), value_kind)


@cache
def meaning_for(concepts: frozenset[str], value_kind: str) -> Meaning | None:
    """Return the first row that fits concepts and a kind of value.

    Examples
    --------
    >>> meaning_for(frozenset({"bmi"}), "decimal").role
    'quasi_identifier'
    """
    return next((row for row in meanings() if row.fits(concepts, value_kind)), None)

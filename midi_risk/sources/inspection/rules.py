"""What in a text may name a person: rules, names of a census, and words that are known to be none.

Strings are looked at once each, whatever number of files hold them. A rule says what it takes a
token for; a name is a word of the census that imaging does not use. What is found is a candidate:
people decide by token.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from midi_risk.resources import resource_folder


class Hit(NamedTuple):
    """One candidate in a text.

    Parameters
    ----------
    kind : str
        date, phone, mail, number, address, title, name or site.
    token : str
        What was found, in small letters.
    """

    kind: str
    token: str


KINDS = ("date", "phone", "mail", "number", "address", "title", "name", "site", "known")
"""What a token may be taken for; ``known`` stands in the hospital's own list."""

_MONTH = (
    "jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|mar(?:ch|s)?|m[äa]rz|apr(?:il)?|may|mai|june?|juni"
    "|july?|juli|aug(?:ust)?|sep(?:t|tember)?|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?"
    "|dec(?:ember)?|dez(?:ember)?"
)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"(?<!\d){_YEAR}(?P<a>[-/._ ]?)(?:0[1-9]|1[0-2])(?P=a)(?:0[1-9]|[12]\d|3[01])(?!\d)"
    rf"|(?<![\d.])(?:0?[1-9]|[12]\d|3[01])(?P<b>[-/._])(?:0?[1-9]|1[0-2])(?P=b){_YEAR}(?![\d.])"
    rf"|(?<![\d.])(?:0?[1-9]|1[0-2])(?P<c>[-/.])(?:0?[1-9]|[12]\d|3[01])(?P=c){_YEAR}(?![\d.])"
    r"|(?<![\d./-])(?:0[1-9]|[12]\d|3[01])(?P<d>[-/.])(?:0[1-9]|[12]\d|3[01])(?P=d)\d\d(?![\d./-])"
    rf"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?[-/. ]?(?:{_MONTH})\b[-/., ]*"
    rf"(?:{_YEAR}|\d\d)?(?!\d)"
    rf"|\b(?:{_MONTH})[-/. ]+(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?(?!\d)(?:[-/., ]+{_YEAR})?",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![^\W_])(?<!\.)(?:\+\d{1,3}[-. ]?)?(?:\(\d{2,5}\)[-. /]?|\d{2,5}[-. /])"
    r"\d{3,4}[-. ]?\d{3,5}"
    r"(?![^\W_])(?!\.\d)"
    r"|(?<![\w.])\+\d{7,14}(?!\w)"
    r"|\b(?:tel|phone|fax|telefon|mobile|cell|pager)\b\.?:?\s*[\d(][\d ()/.-]{4,}\d",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(
    r"\b(?:mrn|m\.r\.n|med(?:ical)? ?rec(?:ord)?|pat(?:ient)?|pid|acc(?:ession)?|case|chart|visit"
    r"|hosp|fall|akte|ssn|nhs|dob|id|nr|no)\b(?:[ .:#_=-]|id|no|num|number|nr)*[a-z]{0,3}\d{4,}"
    r"|(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"
    r"|(?<![\d.])\d{6,12}(?![\d.]|\.\d)"
    r"|\b[a-z]{1,3}-?\d{6,10}\b|\b\d{2,3}[-/ ]\d{2,3}[-/ ]\d{2,4}(?![\d.])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b\d{1,5}[a-z]? (?:[nsew]\.? )?[^\W\d_]+(?: [^\W\d_]+)? (?:st|street|ave|avenue|rd|road|blvd"
    r"|lane|ln|drive|dr|way|court|ct|place|pl|square|sq|terrace|highway|hwy|parkway)\b"
    r"|\b[^\W\d_]+(?:stra(?:ß|ss)e|str\.|gasse|weg|allee|platz) ?\d{1,4}[a-z]?\b"
    r"|\b\d{1,4},? (?:rue|avenue|boulevard|via|calle) [^\W\d_]+|\bp\.? ?o\.? ?box \d+"
    r"|\b[a-z]{2} \d{5}(?:-\d{4})?\b",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\b(?:(?-i:Mr|Ms)|dr|prof|mrs|miss|herr|frau|mme|mlle|dott|nurse|attending|physician"
    r"|radiologist|referr(?:ing|ed by)|operator|technologist|signed|patient|pt|name)"
    r"\b[.:]*\s+(?:(?:dr|prof|mr|mrs)\b\.?\s*)?(?-i:(?P<who>[A-ZÀ-Þ][^\W\d_]{2,}|[A-ZÀ-Þ]{3,}))"
    r"|(?-i:\b(?P<before>[A-ZÀ-Þ][^\W\d_]{2,}),? (?:MD|RN|PhD|MBBS|RT\(R\)|FRCR)\b)",
    re.IGNORECASE,
)
_TITLE_SURE = re.compile(r"(?:Dr|Prof|Mr|Mrs|Ms|Miss|Herr|Frau|Mme|Mlle|Dott)\b")
_TITLED = (
    "dr", "prof", "mr", "ms", "miss", "herr", "frau", "mme", "mlle", "dott", "nurse", "attend",
    "physic", "radiologist", "referr", "operator", "technologist", "signed", "patient", "pt",
    "name", "md", "rn", "phd", "mbbs", "rt(r)", "frcr",
)  # fmt: skip
_SITED = ("hosp", "clini", "klini", "krank", "medical", "infirm", "univ", "health", "hôp", "st. ")
_SITE = re.compile(
    r"(?-i:[A-ZÀ-Þ])[\w.'-]+(?: (?-i:[A-ZÀ-Þ])[\w.'-]+)? (?:hospital|clinic|clinique|klinik"
    r"|klinikum|krankenhaus|medical cent(?:er|re)|infirmary|university|health(?:care)?)\b"
    r"|\b(?:universit(?:y|ät|ats|é|y hospital) (?:of |de )?|h[ôo]pital |st\. )"
    r"(?-i:[A-ZÀ-Þ])[^\W\d_]{2,}|\b(?-i:[A-ZÀ-Þ])[^\W\d_]+(?:klinik|krankenhaus|hospital)\b",
    re.IGNORECASE,
)
_CARET = re.compile(r"(?<![^\W_])([^\W\d_]{2,})\^([^\W\d_]{2,})")
_WORD = re.compile(r"[^\W\d_]{3,}")
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])")
_PAIR = re.compile(
    r"\b(?P<last>[A-ZÀ-Þ][^\W\d_]{1,}(?:-[A-ZÀ-Þ][^\W\d_]+)?), ?(?P<first>[A-ZÀ-Þ][^\W\d_]+)\b"
)


def folded(text: str) -> str:
    """Return a text in small letters without accents.

    Examples
    --------
    >>> folded("Müller-Lüdenscheidt É")
    'muller-ludenscheidt e'
    """
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def _lines(name: str) -> frozenset[str]:
    path = resource_folder("data") / name
    return frozenset(path.read_text(encoding="utf-8").split())


@cache
def census_names() -> frozenset[str]:
    """Return first names and the most frequent surnames of the US census of 1990.

    References
    ----------
    US Census Bureau, Frequently Occurring Surnames and First Names, 1990 (public domain).
    """
    return _lines("census_names.txt")


@cache
def plain_words() -> frozenset[str]:
    """Return words that imaging uses, whether or not somebody bears them as a name."""
    return _lines("imaging_words.txt") | _lines("plain_words.txt")


def _is_name(word: str) -> bool:
    return word in census_names() and word not in plain_words()


def _by_digits(text: str, found: dict[Hit, None]) -> None:
    """Add what is told by digits."""
    rest = text
    for kind, pattern in (("date", _DATE), ("phone", _PHONE), ("number", _NUMBER)):
        for match in pattern.finditer(rest):
            found[Hit(kind, match.group().strip().lower())] = None
        rest = pattern.sub(" ", rest)
    if " " in text:
        for match in _ADDRESS.finditer(text):
            found[Hit("address", match.group().lower())] = None


def _by_titles(text: str, found: dict[Hit, None]) -> None:
    """Add what follows a title, and sites."""
    low = text.lower()
    for match in _TITLE.finditer(text) if any(word in low for word in _TITLED) else ():
        who = folded(match["who"] or match["before"])
        if who not in plain_words() or _TITLE_SURE.match(match.group()):
            found[Hit("title", who)] = None
    for match in _SITE.finditer(text) if any(word in low for word in _SITED) else ():
        found[Hit("site", match.group().lower())] = None


def _by_forms(text: str, found: dict[Hit, None]) -> None:
    """Add names by the form in which two of them stand."""
    if "^" in text:
        for match in _CARET.finditer(text):
            words = [folded(word) for word in match.groups()]
            if any(_is_name(word) for word in words) or not any(w in plain_words() for w in words):
                found[Hit("name", "^".join(words))] = None
    if "," in text:
        for match in _PAIR.finditer(text):
            words = [folded(match["last"]), folded(match["first"])]
            named = any(part in census_names() for word in words for part in word.split("-"))
            if named and not any(word in plain_words() for word in words):
                found[Hit("name", " ".join(words))] = None


def _by_lists(text: str, found: dict[Hit, None]) -> None:
    """Add words that are names and that imaging does not use."""
    for word in _WORD.findall(text):
        small = folded(word)
        if _is_name(small):
            found[Hit("name", small)] = None
        elif not word.islower() and not word.isupper():
            for part in _CAMEL.split(word):
                if len(part) > 3 and _is_name(folded(part)):
                    found[Hit("name", folded(part))] = None


def candidates(text: str) -> tuple[Hit, ...]:
    """Return what in a text may identify somebody, each token once.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of Hit

    Examples
    --------
    >>> [hit.kind for hit in candidates("T2 TSE axial, Dr. Okonkwo, 12 Mar 2019")]
    ['date', 'title']
    >>> candidates("AX T1 FSE FAT SAT POST")
    ()
    """
    found: dict[Hit, None] = {}
    if any(map(str.isdigit, text)):
        _by_digits(text, found)
    if "@" in text:
        for match in _MAIL.finditer(text):
            found[Hit("mail", match.group().lower())] = None
    if " " in text:
        _by_titles(text, found)
    _by_forms(text, found)
    _by_lists(text, found)
    return tuple(found)


_CONTACTS = frozenset({"phone", "mail", "address"})
DIGITS = frozenset({"date", "number"})
"""Kinds that a number alone may be taken for."""
_LETTERS = re.compile(r"[^\W\d_]+")
_MOST_WORDS = 4


def _is_person(text: str, tokens: frozenset[str]) -> bool:
    """Tell a text that is a name and nothing else.

    One word of a longer term is the name of somebody by chance: block, mood, marrow.
    """
    words = [folded(word) for word in _LETTERS.findall(text)]
    long = [word for word in words if len(word) > 1]
    return (
        len(words) <= _MOST_WORDS
        and len(long) > 1
        and all(word in tokens or _is_name(word) for word in long)
    )


@lru_cache(maxsize=65536)
def identifiers(text: str) -> frozenset[str]:
    """Return which kinds of identifiers a short text holds for sure.

    Of what `candidates` finds only names that are the whole text or follow a title count: what
    stands in a cell or a label is no sentence.

    Parameters
    ----------
    text : str

    Returns
    -------
    frozenset of str
        Of phone, mail, address, date, number and person.

    Examples
    --------
    >>> sorted(identifiers("Jane Quimby")), sorted(identifiers("heart block"))
    (['person'], [])
    """
    found = candidates(text)
    names = frozenset(
        part for hit in found if hit.kind == "name" for part in re.split(r"[ ^]", hit.token)
    )
    titled = any(
        hit.kind == "title" and (hit.token in census_names() or _TITLE_SURE.search(text))
        for hit in found
    )
    person = titled or (bool(names) and _is_person(text, names))
    kinds = {hit.kind for hit in found} & (_CONTACTS | DIGITS)
    return frozenset(kinds | {"person"} if person else kinds)


@lru_cache(maxsize=65536)
def is_like_a_person(text: str) -> bool:
    """Tell a text of two words and more that speaks of nothing and has a name in it.

    Of one text that is no proof; of most texts of a column it is.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> is_like_a_person("Jane Quimby"), is_like_a_person("heart block"), is_like_a_person("block")
    (True, False, False)
    """
    words = [folded(word) for word in _LETTERS.findall(text) if len(word) > 1]
    unknown = len(words) > 1 and not any(word in plain_words() for word in words)
    return unknown and len(words) <= _MOST_WORDS and any(_is_name(word) for word in words)


_JOINED = re.compile(r"(?<=[a-z])(?=[A-Z])|[_.\s-]+")
_RECORD = re.compile(r"(?:mrn|pat|pid|acc|case|chart|hosp|ssn|nhs)", re.IGNORECASE)


@lru_cache(maxsize=65536)
def label_tells(label: str) -> bool:
    """Tell a label, a column's or a file's, that names somebody or holds a record number.

    Numbers of genes, probes and concepts are expected there.

    Parameters
    ----------
    label : str

    Examples
    --------
    >>> label_tells("score_JaneQuimby"), label_tells("note_mrn_4471902"), label_tells("rs1234567")
    (True, True, False)
    """
    words = [word for word in _JOINED.split(label) if word]
    spoken = " ".join(words)
    kinds = identifiers(spoken) | identifiers(label)
    pairs = pairwise(words)
    named = any(_is_name(folded(a)) and _is_name(folded(b)) for a, b in pairs)
    numbered = any(hit.kind == "number" and _RECORD.match(hit.token) for hit in candidates(spoken))
    return named or numbered or bool(kinds & {"person", "mail", "address"})

"""Hostile text made harmless: header values and column names come from strangers."""

from __future__ import annotations

import re
from functools import lru_cache

_PLAIN = re.compile(r"[ -~]*\Z")
_SPACE = re.compile(r"[\t\n\r\f\v\x85\u2028\u2029]+")
_HIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: terminal escapes begin with one of them
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"  # zero width, bidirectional
    "\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff"  # tags and variation selectors
    "]"
)
_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{2})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)

_PATH = re.compile(
    r"(?:\b[A-Za-z][A-Za-z0-9+.-]{1,15}://\S+)"  # a URL or object-store address
    r"|(?:[A-Za-z]:\\\S+)|(?:\\\\\S+)"  # Windows drive, share
    r"|(?:(?<![\w.])(?:~|\.{1,2})?/[^\s/]+(?:/\S*)?)"  # POSIX path
    r"|(?:\b[\w.-]+(?:/[\w.-]+)+\.\w{1,8}\b)"  # relative path with a file name
    r"|(?:\b[\w-]+\.(?:csv|tsv|xlsx?|sav|parquet|json|ya?ml|dcm|txt|xpt|zip|tar|gz|db)\b)",
    re.IGNORECASE,
)
_UID = re.compile(r"\b[0-2](?:\.\d+){4,}\b")
_DATE = re.compile(
    r"\b(?:(?:19|20)\d{2}[-/.]\d{1,2}(?:[-/.]\d{1,2})?(?:[T ]\d{2}:\d{2}(?::\d{2})?\S*)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d{2}"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))\b"
)
_LONGEST = 2000
_MAIL = re.compile(r"\b[\w.+-]+@[\w.-]+\b")
_HOST = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b[\w-]+(?:\.[\w-]+)*\.(?:local|internal|lan)\b")
_KEPT_ADDRESS = re.compile(r"\s*(?:https?://)?(?:doi\.org/|arxiv\.org/)\S+\s*\Z", re.IGNORECASE)


def neutral(text: str) -> str:
    r"""Return text in which nothing is hidden and nothing acts.

    Control characters, terminal escapes, bidirectional and zero-width marks become
    visible as ``<U+202E>`` in angle brackets; line breaks become a space; towers of
    combining marks are cut to two. Markup is left for the template engine to escape.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line without control characters, encodable in UTF-8.

    Examples
    --------
    >>> neutral("CT\x1b[31m")
    'CT⟨U+001B⟩[31m'
    >>> neutral("age\u202egnp")
    'age⟨U+202E⟩gnp'
    """
    if _PLAIN.match(text):
        return text
    text = _SPACE.sub(" ", text)
    text = _HIDDEN.sub(lambda hit: f"⟨U+{ord(hit.group()):04X}⟩", text)
    return _MARKS.sub(r"\1", text)


@lru_cache(maxsize=1 << 16)
def scrubbed(text: str) -> str:
    """Return an assessor's text without paths, UIDs, hosts, addresses and exact dates.

    A second line of defence: the shareable model does not take text that could hold a
    raw value in the first place.

    Parameters
    ----------
    text : str
        Text that the assessor wrote.

    Returns
    -------
    str

    Examples
    --------
    >>> scrubbed("checked 2024-05-17 in /home/ann/key.csv, study 1.2.840.113619.2.55")
    'checked [date] in [path] study [UID]'
    """
    text = shortened(neutral(text), _LONGEST)
    if _KEPT_ADDRESS.match(text):
        return text
    for pattern, word in (
        (_PATH, "[path]"),
        (_UID, "[UID]"),
        (_MAIL, "[address]"),
        (_DATE, "[date]"),
        (_HOST, "[host]"),
    ):
        text = pattern.sub(word, text)
    return text


def shortened(text: str, limit: int) -> str:
    """Return text of at most `limit` characters, the cut marked.

    Examples
    --------
    >>> shortened("PatientAge", 8)
    'Patient…'
    """
    return text if len(text) <= limit else text[: limit - 1] + "…"

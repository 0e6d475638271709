"""What a string read from pixels is: an identifier, a marker that says nothing, or undecided.

What the rules for texts know is asked first, after the confusions of a reader of pixels between
letters and digits were undone. A string of words of imaging, units and short numbers is a marker;
any other stays undecided and goes to people.
"""

from __future__ import annotations

import re
from functools import cache

from midi_risk.sources.inspection.known import KnownValues
from midi_risk.sources.inspection.rules import Hit, candidates, folded, plain_words

MARKER, UNDECIDED = "marker", "undecided"

FEWEST = 3
"""Letters and digits of the shortest string that counts."""

_TITLE = "title"
_TO_DIGITS = str.maketrans("OoQDIl|SsBZzG", "0000111558226")
_WORDS = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)?")
_RUNS = re.compile(r"[^\W_]+(?:[.,]\d+)?[^\W\d_]*")
_MANY_DIGITS, _LONG_NUMBER = 6, 5
_DIGIT_LIKE = re.compile(r"(?<![^\W_])(?=[\w|]*\d)[\dOoQDIl|SsBZzG./-]{6,}(?![^\W_])")
_MARKS = """
l r a p s i h f ap pa ll lat rt lt right left anterior posterior superior inferior cor sag ax
portable erect supine prone upright standing decubitus mobile table wb mm cm m um ms sec s min
hz khz mhz db kv kvp ma mas ua mgy gy cgy dap ei di bpm fps deg x im img image images se ser
series sl slice slices loc thk thick fov wl ww wc w zoom gain frq freq depth pwr power te tr ti
fa et nex nsa acq mi tis tib tic fr frame res gen har map dr vol scan scale pct ao std bone soft
lung contrast healthcare iv pre post no
"""


_MAKERS = frozenset(
    {"agfa", "canon", "carestream", "esaote", "fuji", "fujifilm", "ge", "hitachi", "hologic",
     "konica", "mindray", "philips", "samsung", "shimadzu", "siemens", "toshiba"}
)  # fmt: skip
"""Who makes scanners: Philips Healthcare is no site."""


@cache
def _harmless() -> frozenset[str]:
    return plain_words() | frozenset(_MARKS.split()) | _MAKERS


def characters(text: str) -> int:
    """Return the number of letters and digits.

    Examples
    --------
    >>> characters("L - 1"), characters("ROE^J")
    (2, 4)
    """
    return sum(map(str.isalnum, text))


def is_marker(text: str) -> bool:
    """Tell whether a string holds words of imaging, units and numbers below 10,000 alone.

    A number may stand before its unit or behind its name without a space; letters and digits in any
    other mixture are a code, and six digits without a letter a number.

    Examples
    --------
    >>> is_marker("120 kVp 5.0mm"), is_marker("Rosalind"), is_marker("4471 902"), is_marker("A1B2")
    (True, False, False, False)
    """
    runs = _RUNS.findall(text)
    if sum(map(str.isdigit, text)) >= _MANY_DIGITS and not any(map(str.isalpha, text)):
        return False
    return all(len(_WORDS.findall(run)) <= 2 and all(map(_is_said, _WORDS.findall(run)))
               for run in runs)  # fmt: skip


def _is_said(word: str) -> bool:
    if word[0].isdigit():
        return len(re.split("[.,]", word)[0]) < _LONG_NUMBER
    return len(word) == 1 or folded(word) in _harmless()


def _straight(text: str) -> str:
    """Return a text with letters inside numbers read as the digits that they look like."""
    return _DIGIT_LIKE.sub(
        lambda found: (
            found[0].translate(_TO_DIGITS)
            if sum(map(str.isdigit, found[0])) * 2 >= len(found[0])
            else found[0]
        ),
        text,
    )


def classes_of(text: str, known: KnownValues | None = None) -> list[Hit]:
    """Return what a string of pixels holds, each token once; nothing for a short one.

    Parameters
    ----------
    text : str
    known : KnownValues, optional
        The hospital's own list.

    Examples
    --------
    >>> [hit.kind for hit in classes_of("ROE^JANE 1961-O5-03")]
    ['date', 'name', 'name']
    >>> classes_of("120 kVp"), classes_of("L"), classes_of("Xqzv")
    ([Hit(kind='marker', token='120 kvp')], [], [Hit(kind='undecided', token='xqzv')])
    """
    if characters(text) < FEWEST:
        return []
    straight = _straight(text)
    found: dict[Hit, None] = {}
    if known is not None:
        for written in dict.fromkeys((text, straight)):
            found |= dict.fromkeys(Hit("known", token) for token in known.hits(written))
    for hit in candidates(straight):
        if hit.kind == "site" and _MAKERS & set(folded(hit.token).split()):
            continue
        found[hit._replace(kind="name") if hit.kind == _TITLE else hit] = None
    if not found:
        whole = " ".join(folded(text).split())
        found[Hit(MARKER if is_marker(straight) else UNDECIDED, whole)] = None
    return list(found)

"""What reading one file's header yields, whichever reader did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

NESTED_LIMIT = 256
"""Most distinct values that sequences add to one attribute of one file."""


class Noticed:
    """Bits of what was noticed about one file besides its values; summed into `facts`.

    Plain integers, as they are combined for every file.
    """

    NOTHING = 0
    UNSAFE_PRIVATE = 1 << 0
    ANY_PRIVATE = 1 << 1
    OVERLAY = 1 << 2
    CURVE = 1 << 3
    ICON = 1 << 4
    ORIGINAL_ATTRIBUTES = 1 << 5
    NESTED_IDENTITY = 1 << 6
    DICOMDIR = 1 << 7
    ICC_PROFILE = 1 << 8
    IDENTIFYING_CONTENT_ITEMS = 1 << 9
    CONTOURS = 1 << 10
    BURNED_IN_YES = 1 << 11
    BURNED_IN_NO = 1 << 12
    VISUAL_FEATURES_YES = 1 << 13
    FACE_POSSIBLE = 1 << 14
    STRUCTURED_REPORT = 1 << 15
    ENCAPSULATED_DOCUMENT = 1 << 16
    IDENTITY_REMOVED_YES = 1 << 17
    IDENTITY_REMOVED_STATED = 1 << 18
    WSI_LABEL = 1 << 19
    WSI_OVERVIEW = 1 << 20
    INSTANCE = 1 << 21
    INCOMPLETE = 1 << 22
    PREAMBLE_USED = 1 << 23
    TRAILING_DATA = 1 << 24
    JPEG_METADATA = 1 << 25
    JPEG2000_METADATA = 1 << 26
    DOCUMENT_METADATA = 1 << 27


NOTICED_BITS = tuple(1 << number for number in range(28))
"""Every bit of `Noticed`."""

_BY_TAG = {
    0x00880200: Noticed.ICON,
    0x04000561: Noticed.ORIGINAL_ATTRIBUTES,
    0x00282000: Noticed.ICC_PROFILE,
}


_OVERLAY = frozenset({0x0010, 0x3000})
"""Rows and data of an overlay; in unused bits of the pixels it has no data of its own."""


def notice_of(tag: int) -> int:
    """Return what the presence of a top-level element means by itself.

    Examples
    --------
    >>> notice_of(0x60003000) == Noticed.OVERLAY
    True
    """
    group = tag >> 16
    if group & 1:
        return Noticed.ANY_PRIVATE
    if group >> 8 == 0x60 and tag & 0xFFFF in _OVERLAY:
        return Noticed.OVERLAY
    if group >> 8 == 0x50:
        return Noticed.CURVE
    return _BY_TAG.get(tag, 0)


@dataclass(slots=True, kw_only=True)
class Header:
    """The attributes of one file as text.

    Parameters
    ----------
    values : dict of str to str
        Keyword -> text; an absent attribute is absent.
    noticed : int
        What was noticed about the file.
    flags : list of str
        Fixed phrases: why the file was read with reservations.
    pixels_at : int, optional
        Where the pixel data element begins.
    """

    values: dict[str, str] = field(default_factory=dict)
    noticed: int = 0
    flags: list[str] = field(default_factory=list)
    pixels_at: int | None = None

    def flag(self, phrase: str) -> None:
        """Add a phrase once."""
        if phrase not in self.flags:
            self.flags.append(phrase)

    def get(self, keyword: str) -> str:
        """Return one attribute's text, empty when absent."""
        return self.values.get(keyword, "")

    def has(self, keyword: str) -> bool:
        """Whether an attribute is present and not empty."""
        return bool(self.values.get(keyword))

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"Header({len(self.values)} attributes, {len(self.flags)} flags)"


def join_values(first: str | None, more: Sequence[str]) -> str:
    r"""Return the top level's text and the further values that it does not hold.

    Examples
    --------
    >>> join_values("CT", ["CT", "PET"])
    'CT\\PET'
    """
    known = set(first.split("\\")) if first else set()
    new = [text for text in more if text not in known and text != first]
    return "\\".join([first, *new] if first else new)


class ValueCollector:
    """Values of one file, top level first, then distinct ones from its sequences."""

    __slots__ = ("_nested", "_top", "cut")

    def __init__(self) -> None:
        self._top: dict[str, str] = {}
        self._nested: dict[str, dict[str, None]] = {}
        self.cut = False

    def top(self, keyword: str, text: str | None) -> None:
        """Set the top level's value."""
        if text is not None:
            self._top[keyword] = text

    def top_value(self, keyword: str) -> str:
        """Return the top level's value, empty when absent."""
        return self._top.get(keyword, "")

    def nested(self, keyword: str, text: str | None) -> None:
        """Add a value found inside a sequence."""
        if not text:
            return
        held = self._nested.setdefault(keyword, {})
        if len(held) >= NESTED_LIMIT:
            self.cut = self.cut or text not in held
        else:
            held[text] = None

    def values(self) -> dict[str, str]:
        """Return one text per keyword."""
        joined = dict(self._top)
        for keyword, more in self.more().items():
            joined[keyword] = join_values(joined.get(keyword), more)
        return joined

    def more(self) -> dict[str, list[str]]:
        """Return the distinct values from sequences in sorted order."""
        return {keyword: sorted(held) for keyword, held in self._nested.items()}

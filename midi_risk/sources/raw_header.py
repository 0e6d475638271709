"""The attributes of one file as the prefix parser leaves them: raw bytes by tag."""

from __future__ import annotations

from dataclasses import dataclass, field

from midi_risk.sources.element_text import element_text
from midi_risk.sources.wanted import wanted_keywords


@dataclass(slots=True, kw_only=True)
class RawHeader:
    """The attributes of one file as raw bytes, to be decoded a column at a time.

    Parameters
    ----------
    raws : dict of int to bytes
        Tag -> value field, of wanted elements among others.
    encodings : tuple of str
        Character sets of the data set.
    more : dict of str to list of str
        Keyword -> values from sequences.
    noticed : int
        What was noticed about the file.
    flags : list of str
        Fixed phrases.
    pixels_at : int, optional
        Where the pixel data element begins.
    """

    raws: dict[int, bytes]
    encodings: tuple[str, ...]
    more: dict[str, list[str]] = field(default_factory=dict)
    noticed: int = 0
    flags: list[str] = field(default_factory=list)
    pixels_at: int | None = None

    def get(self, keyword: str) -> str:
        """Return one attribute's text at the top level, empty when absent."""
        wanted = wanted_keywords()[keyword]
        return element_text(wanted.vr, self.raws.get(wanted.tag), self.encodings) or ""

    def has(self, keyword: str) -> bool:
        """Whether an attribute is present and not empty."""
        raw = self.raws.get(wanted_keywords()[keyword].tag)
        return raw is not None and raw.strip(b" \0") != b""

    def flag(self, phrase: str) -> None:
        """Add a phrase once."""
        if phrase not in self.flags:
            self.flags.append(phrase)

    def __repr__(self) -> str:
        """Return counts only, never values."""
        return f"RawHeader({len(self.raws)} elements)"

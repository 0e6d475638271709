"""Text of one element's raw bytes, decoded with pydicom's own decoders.

Both readers hand raw bytes, by tag, to the same functions, so a value cannot depend on which of
them read the file.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.valuerep import TEXT_VR_DELIMS, PersonName

from midi_risk.sources.dicom.header import NUMBER_FORMATS, wanted_keywords

_PADDING = " \0"
_DEFAULT = ("iso8859",)
_ASCII_BELOW = frozenset({("iso8859",), ("latin_1",), ("iso8859_2",), ("utf8",)})
_TEXT_VRS = frozenset({"LO", "SH", "UC", "LT", "ST", "UT"})
_WHOLE = frozenset({"LT", "ST", "UT", "UR"})
_BETWEEN = b"\n"
_MANY = 4
_ODD_SPACE = re.compile(rb"[\t\x0b-\r\x1c-\x1f\x85\xa0]")


@lru_cache(maxsize=1024)
def encodings_of(raw: bytes) -> tuple[tuple[str, ...], bool]:
    """Return Python's names of a Specific Character Set and whether all were known.

    Parameters
    ----------
    raw : bytes
        Value of (0008,0005), empty when absent.

    Returns
    -------
    tuple of (tuple of str, bool)

    Examples
    --------
    >>> encodings_of(b"ISO_IR 100")
    (('latin_1',), True)
    """
    names = [part.strip(_PADDING) for part in raw.decode("iso8859").rstrip(_PADDING).split("\\")]
    known = all(name in python_encoding for name in names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return tuple(convert_encodings(names if len(names) > 1 else names[0])), known
        except (LookupError, ValueError):
            return _DEFAULT, False


def _numbers(vr: str, raw: bytes, *, little: bool) -> str | None:
    code = NUMBER_FORMATS[vr]
    size = struct.calcsize("=" + code)
    if len(raw) % size:
        return None
    values = struct.unpack(f"{'<' if little else '>'}{len(raw) // size}{code}", raw)
    return "\\".join(str(value) for value in values)


def _names(raw: bytes, encodings: list[str]) -> str:
    text = decode_bytes(raw.rstrip(b"\0 "), encodings, TEXT_VR_DELIMS)
    return "\\".join(str(_name(part, encodings)).strip(_PADDING) for part in text.split("\\"))


def _name(text: str, encodings: list[str]) -> PersonName:
    name = PersonName(text, encodings)
    name.encode()
    return name.decode()


def _is_plain(raw: bytes, encodings: tuple[str, ...]) -> bool:
    """Whether text is ASCII without escapes, in a character set that extends ASCII."""
    return encodings in _ASCII_BELOW and raw.isascii() and b"\x1b" not in raw


def _text(raw: bytes, encodings: tuple[str, ...]) -> str:
    """Decode text; plain ASCII without escapes needs no decoder where it is what it says."""
    if _is_plain(raw, encodings):
        return raw.decode("ascii")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return decode_bytes(raw, list(encodings), TEXT_VR_DELIMS)


@lru_cache(maxsize=32768)
def _decoded(vr: str, raw: bytes, encodings: tuple[str, ...], little: bool) -> str | None:
    if vr in NUMBER_FORMATS:
        return _numbers(vr, raw, little=little)
    if vr == "PN":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _names(raw, list(encodings))
    text = (_text(raw, encodings) if vr in _TEXT_VRS else raw.decode("iso8859")).rstrip(_PADDING)
    if vr == "UI" and not text.isprintable():
        # as pydicom: a UID has no white space around it, of whatever kind
        return "\\".join([part.strip(_PADDING).strip() for part in text.split("\\")])
    if vr in _WHOLE or "\\" not in text:
        return text if vr in _WHOLE else text.lstrip(_PADDING)
    return "\\".join([part.strip(_PADDING) for part in text.split("\\")])


def element_text(
    vr: str, raw: bytes | None, encodings: tuple[str, ...] = _DEFAULT, *, little: bool = True
) -> str | None:
    r"""Return the text of one element.

    Parameters
    ----------
    vr : str
        Value representation.
    raw : bytes or None
        The value field as it stands in the file.
    encodings : tuple of str
        From `encodings_of`.
    little : bool
        Byte order of binary numbers.

    Returns
    -------
    str or None
        Values joined by a backslash, without padding; ``""`` for an empty element and
        None when the bytes cannot be a value of that representation.

    Examples
    --------
    >>> element_text("LO", b"CT \\PET ")
    'CT\\PET'
    >>> element_text("US", b"\x00\x02")
    '512'
    """
    if not raw:
        return ""
    return _decoded(vr, bytes(raw), encodings, little)


def element_texts(
    vr: str, raws: Sequence[bytes], encodings: tuple[str, ...] = _DEFAULT
) -> list[str | None]:
    r"""Return the texts of many values of one attribute, as `element_text` does one by one.

    Where the decoder of every value is plain (ASCII, or not subject to a character set),
    all are decoded in one go.

    Parameters
    ----------
    vr : str
        Value representation.
    raws : sequence of bytes
        Value fields, little endian.
    encodings : tuple of str
        From `encodings_of`.

    Returns
    -------
    list of (str or None)

    Examples
    --------
    >>> element_texts("CS", [b"CT", b" MR ", b"A \\ B", b""])
    ['CT', 'MR', 'A\\B', '']
    """
    joined = _BETWEEN.join(raws)
    if (
        len(raws) < _MANY
        or vr == "PN"
        or vr in NUMBER_FORMATS
        or (vr == "UI" and _ODD_SPACE.search(joined))
        or (vr in _TEXT_VRS and not _is_plain(joined, encodings))
        or joined.count(_BETWEEN) != len(raws) - 1
    ):
        return [element_text(vr, raw, encodings) for raw in raws]
    parts = joined.decode("iso8859").split(_BETWEEN.decode())
    if vr in _WHOLE:
        return [part.rstrip(_PADDING) for part in parts]
    if b"\\" not in joined:
        return [part.strip(_PADDING) for part in parts]
    return ["\\".join([piece.strip(_PADDING) for piece in part.split("\\")]) for part in parts]


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
    contents : str
        What stands in the object, see `midi_risk.sources.dicom.contents`.
    """

    raws: dict[int, bytes]
    encodings: tuple[str, ...]
    more: dict[str, list[str]] = field(default_factory=dict)
    noticed: int = 0
    flags: list[str] = field(default_factory=list)
    pixels_at: int | None = None
    contents: str = ""

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

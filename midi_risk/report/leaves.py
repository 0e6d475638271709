"""What the shareable edition is made of: types that cannot hold a raw value.

Text is an attribute's name, what the assessor wrote, or a word of a vocabulary; a count is
a `SafeCount`; a risk has two significant digits; a time is a year. Each type checks, and
scrubs where it is text, when it is made. `Leaving` takes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from midi_risk.document.clean import scrubbed, shortened
from midi_risk.report.counts import SafeCount


def two_digits(value: float) -> float:
    """Return a number with two significant digits.

    Examples
    --------
    >>> two_digits(0.090909)
    0.091
    """
    return float(f"{value:.2g}")


class Name(str):
    """The name of an attribute, a threat model or a collection: scrubbed, at most 80 letters."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Scrub and cut."""
        return super().__new__(cls, shortened(scrubbed(text), 80))


class Written(str):
    """What the assessor wrote: scrubbed, at most 1,500 letters."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Scrub and cut."""
        return super().__new__(cls, shortened(scrubbed(text), 1500))


class Formed(str):
    """Text that has a form of its own; anything else is refused, and not repeated."""

    __slots__ = ()
    form: re.Pattern[str]

    def __new__(cls, text: str) -> Self:
        """Check the form."""
        if not cls.form.match(text):
            raise ValueError(f"this text is no {cls.__name__}")
        return super().__new__(cls, text)

    @classmethod
    def allows(cls, text: str) -> bool:
        """Tell whether a text has the form."""
        return bool(cls.form.match(text))


class Code(Formed):
    """A word of a vocabulary: small letters, at most one number at the end; or our own fact."""

    __slots__ = ()
    form = re.compile(r"(?:jpeg2000_metadata_files|[a-z][a-z_-]{0,43}(?:[_-]\d{1,3})?)\Z")


class Version(Formed):
    """The version of a piece of software or of a standard, or the software's name."""

    __slots__ = ()
    form = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+_()-]{0,47}\Z")


class Keyed(Formed):
    """A digest that only the holder of a key can make again; may be empty."""

    __slots__ = ()
    form = re.compile(r"(?:[0-9a-f]{16})?\Z")


class Action(Formed):
    """An action of PS3.15 Table E.1-1."""

    __slots__ = ()
    form = re.compile(r"(?:[XZDUCKP](?:/[XZDUCKP*]+)*\*?|not listed)\Z")


class Option(Formed):
    """An action of PS3.15 Table E.1-1 under an option."""

    __slots__ = ()
    form = re.compile(r"[a-z_0-9]{1,32}=[A-Z/*]{1,8}\Z")


class ProfileCode(Formed):
    """A code of CID 7050: an option of the de-identification profile."""

    __slots__ = ()
    form = re.compile(r"1131\d\d\Z")


class Amount(float):
    """A number with at most two significant digits, in the unit of its field."""

    __slots__ = ()

    def __new__(cls, value: float) -> Self:
        """Check the digits."""
        if value != two_digits(value):
            raise ValueError("a number has more than two significant digits")
        return super().__new__(cls, value)


class Risk(Amount):
    """A probability, or a difference of two, with at most two significant digits."""

    __slots__ = ()

    def __new__(cls, value: float) -> Self:
        """Check bounds and digits."""
        if not -1 <= value <= 1:
            raise ValueError("a risk is not between -1 and 1")
        return super().__new__(cls, value)


class Band(Amount):
    """An interval that a number lies in; as a number it is its upper end.

    Parameters
    ----------
    low, high : float
        Ends with at most two significant digits, ``low`` below ``high``.
    """

    __slots__ = ("low",)
    low: float

    def __new__(cls, low: float, high: float) -> Self:
        """Check ends and digits."""
        if not low < high or low != two_digits(low):
            raise ValueError("a band goes from a lower to a higher number of two digits")
        made = super().__new__(cls, high)
        made.low = low
        return made


class Size(int):
    """A small public integer, such as k or the number of nodes searched; no count of people."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """Check the sign."""
        if value < 0:
            raise ValueError("a size is below zero")
        return super().__new__(cls, value)


class Year(int):
    """A calendar year."""

    __slots__ = ()

    def __new__(cls, value: int) -> Self:
        """Check the range."""
        if not 1900 <= value <= 2999:
            raise ValueError("this is no year")
        return super().__new__(cls, value)


TEXTS = (Name, Written, Code, Version, Keyed, Action, Option, ProfileCode)
NUMBERS = (SafeCount, Amount, Risk, Band, Size, Year)


class Leaving:
    """A part of the document as it may leave; it has the names of the part.

    Parameters
    ----------
    part : str
        What it is a part of, for messages.
    fields : mapping of str to leaf
        Texts of `TEXTS`, numbers of `NUMBERS`, bool, None, `Leaving`, and tuples and
        mappings of these.
    dropped : iterable of str
        Names that stay inside; they read as None.

    Raises
    ------
    TypeError
        When a value is of any other type, a plain str, int or float above all.

    Examples
    --------
    >>> Leaving("bin", {"size_from": Size(1)}, {"classes"}).classes is None
    True
    >>> Leaving("bin", {"subjects": 4})
    Traceback (most recent call last):
    ...
    TypeError: bin.subjects: a plain int may not leave
    """

    __slots__ = ("_dropped", "_fields", "_part")
    _part: str
    _fields: Mapping[str, Leaf]
    _dropped: frozenset[str]

    def __init__(self, part: str, fields: Mapping[str, Any], dropped: Any = ()) -> None:
        """Check every value, then freeze."""
        for name, value in fields.items():
            checked(value, f"{part}.{name}")
        object.__setattr__(self, "_part", part)
        object.__setattr__(self, "_fields", MappingProxyType(dict(fields)))
        object.__setattr__(self, "_dropped", frozenset(dropped))

    def __getattr__(self, name: str) -> Any:
        """Return a field; None for one that stays inside; refuse a name nobody knows."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._fields:
            return self._fields[name]
        if name in self._dropped:
            return None
        raise AttributeError(f"{self._part} has no field {name}")

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: it is frozen."""
        raise AttributeError(f"{self._part} is frozen")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __iter__(self) -> Iterator[tuple[str, Leaf]]:
        """Yield names and leaves, as `dict` takes them."""
        return iter(self._fields.items())

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, Leaving) and dict(self._fields) == dict(other._fields)

    def __hash__(self) -> int:
        """Of the names; values may be mappings."""
        return hash((self._part, *self._fields))

    def __repr__(self) -> str:
        """Everything in it, for all of it may be seen."""
        return f"{self._part}({', '.join(f'{k}={v!r}' for k, v in self._fields.items())})"


Leaf: TypeAlias = (
    "str | int | float | SafeCount | Leaving | tuple[Leaf, ...] | Mapping[str, Leaf] | None"
)
"""What may leave; texts and numbers are of the types above."""

_KINDS = {*TEXTS, *NUMBERS, bool, type(None), Leaving}


def checked(value: Any, place: str) -> Leaf:
    """Return a value that may leave.

    Parameters
    ----------
    value : object
    place : str
        Where it would stand, for the message.

    Raises
    ------
    TypeError
        When it is of a type that could hold a raw value.
    """
    if type(value) in _KINDS:
        return value  # type: ignore[no-any-return]
    if isinstance(value, tuple):
        return tuple(checked(item, place) for item in value)
    if isinstance(value, MappingProxyType):
        for key, item in value.items():
            if type(key) not in TEXTS:
                raise TypeError(f"{place}: a plain {type(key).__name__} may not be a key")
            checked(item, place)
        return value
    raise TypeError(f"{place}: a plain {type(value).__name__} may not leave")

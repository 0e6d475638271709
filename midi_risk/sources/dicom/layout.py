"""Runs of elements whose headers repeat from file to file, checked as a whole.

Files of one series mostly have the same elements, most of them with the same lengths. A
run is such a stretch as one regular expression over bytes: every header stands in it
literally, every value as the number of bytes that its header says. As each header gives
the place of the next one, a match is as good as a walk from element to element, at a
fraction of its price. An element met with several lengths has one alternative for each.
As compiling is dear and alternatives are cheap to match, a stretch becomes a run when it
comes for the second time, with the lengths that its texts will likely have next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from midi_risk.sources.dicom.header import notice_of
from midi_risk.sources.dicom.nested import SequenceContent

_RUNS = 4_000
_ONCE = 2_000
_DIGITS = 6
_ALTERNATIVES = 6
_SINGLES = 50_000
_LENGTHS = 48
_OF_ANY_LENGTH = frozenset(b"AE CS DS DT IS LO LT PN SH ST TM UI".split())
_SPREAD = 64
SHORTEST = 6
"""Fewest elements walked singly that are worth a run."""
LONGEST = 128
"""Most elements in a run: one that changes is compiled again."""
LONGEST_VALUE = 4096
"""Most bytes of a value inside a run."""


class Element(NamedTuple):
    """One element as it was walked."""

    head: bytes
    tag: int
    length: int
    kept: int
    """Under which number its bytes are kept: its tag, its `code` where they are only checked, or 0.
    """
    sequence: bool
    plain: bool
    code: int
    """Tag and representation, see `midi_risk.sources.dicom.contents.code_of`."""


Single = tuple[int, int, int, tuple[int, ...] | None, Element]
"""Tag, length, kept, the tag again when private, and the element."""


class Teller(Protocol):
    """What a run reports to: the state of a walk."""

    private: list[tuple[int, ...]]
    creators: list[int]
    sequences: list[tuple[int, SequenceContent | None]]
    noticed: int


def _places(head: bytes, *, implicit: bool) -> tuple[int, int]:
    """Return where the length stands in a header, and its number of bytes."""
    if implicit:
        return 4, 4
    return (6, 2) if len(head) == 8 else (8, 4)


def _between(lengths: set[int]) -> list[int]:
    """Return the lengths met and the even ones between them."""
    least, most = min(lengths), max(lengths)
    if most - least <= _SPREAD:
        return sorted(lengths | set(range(least + least % 2, most, 2)))
    return sorted(lengths)


def _near(length: int, element: Element) -> set[int]:
    """Return a length and those that some digits more or less would have."""
    if length % 2 or length > _SPREAD:
        return {length}
    most = _DIGITS if element.kept == element.tag else 2
    return set(range(max(length - most, 0), length + most + 1, 2))


def _may_vary(element: Element, *, implicit: bool) -> bool:
    """Whether other files may well have another length of this element."""
    return not element.sequence and (implicit or element.head[4:6] in _OF_ANY_LENGTH)


class Run:
    """A stretch of elements with known headers.

    Parameters
    ----------
    elements : sequence of Element
        In file order, without gaps.
    before : sequence of int
        Their lengths in another file.
    implicit : bool
        Whether headers carry no representation.
    """

    __slots__ = (
        "_elements", "_implicit", "_lengths", "codes", "creators", "cuts", "first", "last",
        "match", "most", "noticed", "private", "sequences", "special", "tags",
    )  # fmt: skip

    def __init__(
        self, elements: Sequence[Element], before: Sequence[int], *, implicit: bool
    ) -> None:
        self._elements = tuple(elements)
        self._implicit = implicit
        self._lengths = [
            _near(element.length, element) | _near(length, element)
            if element.length != length or _may_vary(element, implicit=implicit)
            else {length}
            for element, length in zip(elements, before, strict=True)
        ]
        self.codes = tuple(element.code for element in elements)
        self.tags = tuple(element.kept for element in elements if element.kept)
        self.private = tuple(element.tag for element in elements if element.tag >> 16 & 1)
        self.creators = tuple(tag for tag in self.private if 0x10 <= tag & 0xFFFF <= 0xFF)
        self.sequences = tuple(element.tag for element in elements if element.sequence)
        self.noticed = 0
        for element in elements:
            self.noticed |= notice_of(element.tag)
        self.special = bool(self.private or self.sequences or self.noticed)
        self.first = elements[0].tag
        self.last = elements[-1].tag
        self._compile()

    def _compile(self) -> None:
        """Write the expression; what varies is captured with its length, for ``cuts`` to undo."""
        parts, cuts = [], []
        self.most = 0
        for element, lengths in zip(self._elements, self._lengths, strict=True):
            at, width = _places(element.head, implicit=self._implicit)
            before = re.escape(element.head[:at])
            if len(lengths) == 1:
                value = b".{%d}+" % element.length if element.length else b""
                value = b"(%b)" % value if element.kept else value
                parts.append(re.escape(element.head) + value)
            else:
                cases = b"|".join(
                    re.escape(length.to_bytes(width, "little")) + b".{%d}+" % length
                    for length in _between(lengths)
                )
                parts.append(before + (b"((?>%b))" if element.kept else b"(?>%b)") % cases)
            if element.kept:
                cuts.append(slice(0 if len(lengths) == 1 else width, None))
            self.most += len(element.head) + max(lengths)
        self.cuts = tuple(cuts) if any(cut.start for cut in cuts) else ()
        self.match = re.compile(b"".join(parts), re.DOTALL).match

    def tell(self, state: Teller) -> None:
        """Report private elements, sequences and notices of this run."""
        state.noticed |= self.noticed
        if self.private:
            state.private.append(self.private)
            state.creators.extend(self.creators)
        if self.sequences:
            state.sequences.extend([(tag, None) for tag in self.sequences])

    def widen(self, data: bytes, at: int) -> bool:
        """Take in the lengths that these bytes have, when all else is the same."""
        new = []
        for element, lengths in zip(self._elements, self._lengths, strict=True):
            place, width = _places(element.head, implicit=self._implicit)
            head = data[at : at + len(element.head)]
            if head[:place] != element.head[:place] or len(head) < len(element.head):
                return False
            length = int.from_bytes(head[place : place + width], "little")
            if length > LONGEST_VALUE or (length not in lengths and len(lengths) >= _LENGTHS):
                return False
            new.append(length)
            at += len(head) + length
        if at > len(data):
            return False
        for element, lengths, length in zip(self._elements, self._lengths, new, strict=True):
            if length not in lengths:
                lengths.update(_near(length, element))
        self._compile()
        return True


class Layouts:
    """The runs met so far, by the tag that begins them.

    Parameters
    ----------
    implicit : bool
        Whether headers carry no representation.
    """

    __slots__ = ("_budget", "_count", "_implicit", "_once", "runs", "singles")

    def __init__(self, *, implicit: bool) -> None:
        self.runs: dict[bytes, list[Run]] = {}
        self.singles: dict[bytes, Single] = {}
        self._implicit = implicit
        self._budget = 500.0
        self._count = 0
        self._once: dict[tuple[int, ...], list[int]] = {}

    def grow(self) -> None:
        """Allow a little more learning; called once per file."""
        self._budget = min(self._budget + 0.05, 500.0)

    def know(self, element: Element, alone: Mapping[int, tuple[int, ...]]) -> None:
        """Remember what the eight bytes of a plain element's header say."""
        if len(self.singles) >= _SINGLES:
            self.singles.clear()
        private = alone.get(element.tag)
        self.singles[element.head] = (
            element.tag, element.length, element.kept, private, element,
        )  # fmt: skip

    def learn(self, elements: Sequence[Element]) -> None:
        """Remember a stretch of elements that was walked singly, unless it is short.

        It becomes a run when it comes again: what comes once is not worth compiling.
        """
        if len(elements) < SHORTEST or self._budget < 1:
            return
        tags = tuple([element.tag for element in elements])
        before = self._once.pop(tags, None)
        if before is None:
            if len(self._once) >= _ONCE:
                self._once.clear()
            self._once[tags] = [element.length for element in elements]
            return
        self._budget -= 1
        if self._count >= _RUNS:
            self.runs.clear()
            self._count = 0
        held = self.runs.setdefault(elements[0].head[:4], [])
        if len(held) >= _ALTERNATIVES:
            held.pop()
            self._count -= 1
        held.insert(0, Run(elements, before, implicit=self._implicit))
        self._count += 1

    def widen(self, data: bytes, at: int) -> bool:
        """Take new lengths into a run that begins here and is otherwise the same."""
        if self._budget < 1:
            return False
        for run in self.runs.get(data[at : at + 4], ()):
            if run.widen(data, at):
                self._budget -= 1
                return True
        return False

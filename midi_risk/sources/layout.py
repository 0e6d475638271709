"""Runs of elements whose headers repeat from file to file, checked as a whole.

Files of one series mostly have the same elements with the same lengths. A run is such a
stretch: one `struct` call takes all its element headers out of the buffer and one
comparison proves that they are the expected ones. As each header gives the place of the
next one, equal headers are as good as a walk from element to element, at a fraction of
its price. Elements whose length changes from file to file end up between runs and are
walked singly.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from midi_risk.sources.header import notice_of
from midi_risk.sources.items import SequenceContent

_RUNS = 20_000
_SINGLES = 50_000
_FRESH = 128
_PIECES = 64
SHORTEST = 8
"""Fewest elements walked singly that are worth a run."""


class Element(NamedTuple):
    """One element as it was walked."""

    head: bytes
    tag: int
    length: int
    kept: bool
    sequence: bool
    plain: bool


Single = tuple[int, int, bool, tuple[int, ...] | None, Element]
"""Tag, length, kept, the tag again when private, and the element."""


class Teller(Protocol):
    """What a run reports to: the state of a walk."""

    private: list[tuple[int, ...]]
    creators: list[int]
    sequences: list[tuple[int, SequenceContent | None]]
    noticed: int


class Run:
    """A stretch of elements with fixed headers.

    Parameters
    ----------
    elements : sequence of Element
        In file order, without gaps.
    """

    __slots__ = (
        "creators", "elements", "first", "heads", "last", "noticed", "private", "sequences",
        "size", "special", "tags", "take", "values",
    )  # fmt: skip

    def __init__(self, elements: Sequence[Element]) -> None:
        self.elements = tuple(elements)
        heads, values = ["="], ["="]
        for element in elements:
            heads.append(f"{len(element.head)}s{element.length}x")
            values.append(f"{len(element.head)}x{element.length}{'s' if element.kept else 'x'}")
        self.heads = tuple(element.head for element in elements)
        self.take = struct.Struct("".join(heads)).unpack_from
        whole = struct.Struct("".join(values))
        self.values = whole.unpack_from
        self.size = whole.size
        self.tags = tuple(element.tag for element in elements if element.kept)
        self.private = tuple(element.tag for element in elements if element.tag >> 16 & 1)
        self.creators = tuple(tag for tag in self.private if 0x10 <= tag & 0xFFFF <= 0xFF)
        self.sequences = tuple(element.tag for element in elements if element.sequence)
        self.noticed = 0
        for element in elements:
            self.noticed |= notice_of(element.tag)
        self.special = bool(self.private or self.sequences or self.noticed)
        self.first = elements[0].tag
        self.last = elements[-1].tag

    def tell(self, state: Teller) -> None:
        """Report private elements, sequences and notices of this run."""
        state.noticed |= self.noticed
        if self.private:
            state.private.append(self.private)
            state.creators.extend(self.creators)
        if self.sequences:
            state.sequences.extend([(tag, None) for tag in self.sequences])

    def matching(self, data: bytes, at: int) -> int:
        """Return how many leading elements have the expected headers."""
        for number, element in enumerate(self.elements):
            if data[at : at + len(element.head)] != element.head:
                return number
            at += len(element.head) + element.length
        return len(self.elements)


class Layouts:
    """The runs met so far, by the header that begins them."""

    __slots__ = ("_budget", "_files", "runs", "singles")

    def __init__(self) -> None:
        self.runs: dict[bytes, Run] = {}
        self.singles: dict[bytes, Single] = {}
        self._budget = 2_000
        self._files = 0

    def grow(self) -> None:
        """Allow a little more learning, and drop runs cut to pieces; called once per file."""
        self._budget = min(self._budget + 1, 2_000)
        self._files += 1
        if self._files % _FRESH == 0 and len(self.runs) > _PIECES:
            self.runs.clear()

    def know(self, element: Element, alone: Mapping[int, tuple[int, ...]]) -> None:
        """Remember what the eight bytes of a plain element's header say."""
        if len(self.singles) >= _SINGLES:
            self.singles.clear()
        private = alone.get(element.tag)
        self.singles[element.head] = (
            element.tag, element.length, element.kept, private, element,
        )  # fmt: skip

    def learn(self, elements: Sequence[Element], *, shortest: int = SHORTEST) -> None:
        """Remember a stretch of elements that was walked singly, unless it is short."""
        if len(elements) < shortest or self._budget < 1:
            return
        self._budget -= 1
        if len(self.runs) >= _RUNS:
            self.runs.clear()
        self.runs[elements[0].head[:8]] = Run(elements)

    def split(self, run: Run, number: int) -> None:
        """Cut a run before the element whose header differed, and begin anew behind it."""
        elements = run.elements
        self.runs.pop(elements[0].head[:8], None)
        self.learn(elements[:number], shortest=2)
        for start in (number, number + 1):
            rest = elements[start:]
            if rest and rest[0].head[:8] not in self.runs:
                self.learn(rest, shortest=2)

"""Values that stand inside sequences, whichever reader walks them.

A reader calls `NestedValues.element` for every wanted element inside a sequence, with the
chain of sequence tags that lead to it. What joins a column, what is only compared with
the top level and what becomes a coded meaning is decided here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from midi_risk.resources import data_rows
from midi_risk.sources.header import Header, Noticed, ValueCollector
from midi_risk.sources.raw_header import RawHeader
from midi_risk.sources.wanted import NESTED_COMPARED, Wanted, wanted_attributes

ORIGINAL_ATTRIBUTES = 0x04000561
OTHER_PATIENT_IDS = 0x00101002
CONTENT_SEQUENCE = 0x0040A730
CONCEPT_NAME = 0x0040A043
CODE_VALUE = 0x00080100
LONG_CODE_VALUE = 0x00080119
CODE_SCHEME = 0x00080102
CODE_MEANING = 0x00080104
NOTICED_INSIDE = {0x30060050: Noticed.CONTOURS, 0x00282000: Noticed.ICC_PROFILE}
"""ContourData and ICCProfile: what their presence inside a sequence means."""

PATIENT_ID = 0x00100020

CODE_TAGS = {CODE_VALUE: "SH", LONG_CODE_VALUE: "UC", CODE_SCHEME: "SH", CODE_MEANING: "LO"}
"""Elements of a coded concept that readers must deliver besides the wanted ones."""


@cache
def identifying_concepts() -> frozenset[tuple[str, str]]:
    """Return (code, scheme) of content items that Table E.3.4-1 lists with an action."""
    return frozenset(
        (row["code"], row["scheme"])
        for row in data_rows("ps315_e3_4_1_content_items.csv")
        if row["basic"]
    )


@cache
def nested_tags() -> dict[int, str]:
    """Return every tag to look for inside sequences, with its representation."""
    wanted = {
        item.tag: item.vr
        for item in wanted_attributes().values()
        if item.vr != "SQ" and (item.nested or item.keyword in NESTED_COMPARED)
    }
    return {**wanted, **CODE_TAGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedResult:
    """What the sequences of one file hold.

    Parameters
    ----------
    more : dict of str to list of str
        Keyword -> distinct values in sorted order.
    compared : tuple of (str, str)
        Keyword and text of values that are only compared with the top level's.
    noticed : int
        What was noticed.
    cut : bool
        Whether values were left out.
    """

    more: dict[str, list[str]]
    compared: tuple[tuple[str, str], ...]
    noticed: int
    cut: bool

    def note(self, header: Header | RawHeader, top: Callable[[str], str]) -> None:
        """Add flags and what was noticed to the header of the file."""
        header.noticed |= self.noticed
        if any(text != top(keyword) for keyword, text in self.compared):
            header.noticed |= Noticed.NESTED_IDENTITY
        if self.cut:
            header.flag("more values inside sequences than are kept")


class NestedValues:
    """Gathers what the sequences of one file hold."""

    __slots__ = ("_codes", "_collector", "_compared", "_wanted")

    def __init__(self, collector: ValueCollector) -> None:
        self._collector = collector
        self._wanted = wanted_attributes()
        self._codes: dict[tuple[int, ...], dict[int, str]] = {}
        self._compared: list[tuple[str, str]] = []

    def element(self, path: tuple[int, ...], tag: int, text: str | None) -> None:
        """Take one element inside a sequence.

        Parameters
        ----------
        path : tuple of int
            Sequence tags and item numbers, alternating, from the top level down.
        tag : int
            The element.
        text : str or None
            Its text.
        """
        if not text:
            return
        if tag in CODE_TAGS:
            self._codes.setdefault(path, {})[tag] = text
            return
        wanted = self._wanted[tag]
        if ORIGINAL_ATTRIBUTES in path[::2]:
            self._collector.nested("OriginalAttributesSequence", f"{wanted.keyword}={text}")
        elif tag == PATIENT_ID and path[-2] == OTHER_PATIENT_IDS:
            self._collector.nested("OtherPatientIDs", text)
        elif wanted.keyword in NESTED_COMPARED:
            self._compared.append((wanted.keyword, text))
        else:
            self._collector.nested(wanted.keyword, text)

    def result(self) -> NestedResult:
        """Resolve coded concepts and return everything."""
        noticed = 0
        for path, code in self._codes.items():
            sequence: Wanted | None = self._wanted.get(path[-2])
            meaning = code.get(CODE_MEANING) or code.get(CODE_VALUE) or code.get(LONG_CODE_VALUE)
            if sequence is not None and ORIGINAL_ATTRIBUTES not in path[::2]:
                self._collector.nested(sequence.keyword, meaning)
            if path[-2] == CONCEPT_NAME and CONTENT_SEQUENCE in path[::2]:
                named = (code.get(CODE_VALUE, ""), code.get(CODE_SCHEME, ""))
                if named in identifying_concepts():
                    noticed |= Noticed.IDENTIFYING_CONTENT_ITEMS
        return NestedResult(
            more=self._collector.more(),
            compared=tuple(self._compared),
            noticed=noticed,
            cut=self._collector.cut,
        )

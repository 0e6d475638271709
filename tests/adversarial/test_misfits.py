"""A number or a code that is none: a name, a date, a telephone or a record number beside the rules.

Elements that Table E.1-1 does not list leave unread because numbers and codes find nobody. Each
value here is none, and the collection is acceptable again when the element says what it should.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as ItemSequence
from test_account import KEPT, ROOT, codes, judged, written

import midi_risk as mr
from midi_risk.attributes.roles import propose
from midi_risk.risk.account import ReleaseDecisions, account
from midi_risk.sources.model import Extraction
from midi_risk.table import fold

Value = object
VALUES: dict[str, tuple[int, str, Value, Value]] = {
    "a name in small letters": (0x00180022, "CS", "Jane Quimby", "FS"),
    "a name in capitals": (0x00180022, "CS", "JANE QUIMBY", "FREE BREATHING"),
    "a name in one of several codes": (0x00180022, "CS", ["FS", "ROE^JANE"], ["FS", "PFP"]),
    "a long code": (0x00180022, "CS", "QUIMBYJANEOFROWANLANE", "SATURATION_GAP"),
    "a day in an integer": (0x00181150, "IS", "19531107", "1500"),
    "a record in an integer": (0x00181150, "IS", "0004471902", "0004"),
    "a telephone in a decimal": (0x00180090, "DS", "01753-234567", "120"),
    "a record behind an exponent": (0x00180090, "DS", "4.471902e6", "1.2e2"),
    "a record in a float": (0x00189345, "FD", 4471902.0, 1.25),
    "a day in a long": (0x00289002, "UL", 19531107, 1024),
    "a name in shorts": (0x00280106, "US", list(struct.unpack("<5H", b"JaneQuimby")), [1, 2]),
    "a name in a time": (0x00189991, "TM", "Quimby", "101112"),
    "a name in a UID": (0x00189990, "UI", "1.2.Quimby", "1.2.3"),
    "a day in a UID of no known element": (0x00189990, "UI", "1.2.3.20200310101112", "1.2.3"),
}


def add(place: Dataset, tag: int, vr: str, value: Value) -> None:
    """Add an element, also where pydicom makes no number of its value."""
    place.add_new(tag, "LO" if vr == "DS" else vr, value)
    if vr == "DS":
        place[tag].VR = vr
        place[tag]._value = value


def holding(tag: int, vr: str, value: Value) -> Callable[[Dataset], None]:
    """Return what puts an element into one of twelve objects, and into an item of it."""

    def plant(data_set: Dataset) -> None:
        if data_set.PatientID == "P007":
            add(data_set, tag, vr, value)
            data_set.add_new(0x00409096, "SQ", ItemSequence([Dataset()]))
            add(data_set[0x00409096].value[0], tag, vr, value)

    return plant


def looked_at(extraction: Extraction) -> dict[str, str]:
    """Return the open rows of an account with their reasons."""
    around = fold(extraction, propose(extraction))
    rows = account(around, ReleaseDecisions())
    return {row.name: row.reason for row in rows if row.disposition == "open"}


@pytest.mark.filterwarnings("ignore:.*Invalid value.*", "ignore:.*value length.*")
@pytest.mark.parametrize("what", VALUES)
def test_a_value_that_is_no_number_and_no_code_is_open(what: str, tmp_path: Path) -> None:
    tag, vr, bad, good = VALUES[what]
    still = looked_at(mr.extract(written(tmp_path / "bad", holding(tag, vr, bad))))
    assert len(still) == 2
    assert all("in 1 of 1 files" in reason for reason in still.values())
    assert not looked_at(mr.extract(written(tmp_path / "good", holding(tag, vr, good))))


@pytest.mark.filterwarnings("ignore:.*Invalid value.*")
def test_an_open_value_makes_the_verdict_incomplete_until_it_is_decided(tmp_path: Path) -> None:
    tag, vr, bad, _ = VALUES["a name in small letters"]
    extraction = mr.extract(written(tmp_path / "images", holding(tag, vr, bad)))
    assert codes(judged(extraction)) == ["account_open"]
    assert codes(judged(extraction, ReleaseDecisions(named={"ScanOptions": KEPT}))) == ["within"]


def test_a_number_that_is_an_attribute_is_looked_at_too(tmp_path: Path) -> None:
    """The tube voltage is called insensitive; that says nothing of a telephone number."""
    extraction = mr.extract(written(tmp_path / "images", holding(0x00180060, "DS", "01753-234567")))
    found = judged(extraction)
    assert codes(found) == ["account_open"]
    still = {row.name.split("/")[-1] for row in found.account if row.disposition == "open"}
    assert still == {"KVP"}
    assert codes(judged(extraction, ReleaseDecisions(named={"KVP": KEPT}))) == ["within"]


def test_the_header_of_a_file_that_keeps_the_uid_before_it_was_replaced_is_open(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path / "images")
    for path in folder.iterdir():
        before, first, rest = path.read_bytes().partition(f"{ROOT}.".encode())
        path.write_bytes(before + first.replace(b".78.", b".79.") + rest)
    found = judged(mr.extract(folder))
    assert codes(found) == ["account_open"]
    (row,) = (row for row in found.account if row.disposition == "open")
    assert row.name == "MediaStorageSOPInstanceUID"
    assert row.reason == "the UID of another object, in 12 of 12 files at least"


@pytest.mark.parametrize("keyword", ["CountsAccumulated", "RadionuclideTotalDose", "FrameTime"])
def test_counts_and_doses_may_be_long(keyword: str, tmp_path: Path) -> None:
    def long(data_set: Dataset) -> None:
        setattr(data_set, keyword, "3596452")

    assert codes(judged(mr.extract(written(tmp_path / "images", long)))) == ["within"]

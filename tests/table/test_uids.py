"""UIDs that tell a day, a device or a serial number; and random ones, which do not."""

from __future__ import annotations

import random
from types import SimpleNamespace
from uuid import UUID

import numpy as np
import pytest
from folding_tables import attribute, attributes, extraction, source

from midi_risk.attributes.model import Kind, Role
from midi_risk.sources.model import SourceKind
from midi_risk.table import fold
from midi_risk.table.uids import (
    OF_DEVICES,
    OWN_DAYS,
    SERIALS,
    SHARE_OF_DAYS,
    TELLING,
    chance,
    uid_findings,
)


def test_the_names_of_the_columns_are_read_once_whatever_number_there_is():
    class Rows:
        reads = 0

        @property
        def column_names(self):
            self.reads += 1
            return []

    rows = Rows()
    columns = attributes(*(attribute("t", f"c{i}", Kind.NUMBER) for i in range(50)))
    assert uid_findings(SimpleNamespace(name="t", rows=rows), columns, np.zeros(0, int)) == []
    assert rows.reads == 1


UID = {"keyword": "SOPInstanceUID", "vr": "UI", "ladder": "uid", "role": Role.INSENSITIVE}


def found(uids, dates=None, serials=None):
    """Return the codes of what is found about a column of UIDs."""
    rows = {"PatientID": [f"P{n}" for n in range(len(uids))], "SOPInstanceUID": list(uids)}
    if dates is not None:
        rows["StudyDate"] = list(dates)
    if serials is not None:
        rows["DeviceSerialNumber"] = list(serials)
    read = extraction(source("dicom", rows, "PatientID", kind=SourceKind.DICOM))
    table = fold(read, attributes(attribute("dicom", "SOPInstanceUID", Kind.IDENTIFIER, **UID)))
    return {f.code for f in table.findings if f.code in TELLING}


def of_uuids(n, seed):
    chosen = random.Random(seed)  # noqa: S311 - a fixed sample
    return [f"2.25.{UUID(int=chosen.getrandbits(128)).int}" for _ in range(n)]


def drawn(n, seed, digits=30):
    chosen = random.Random(seed)  # noqa: S311 - a fixed sample
    root = "1.3.6.1.4.1.14519.5.2.1.7009"
    return [f"{root}.{chosen.randrange(10 ** (digits - 1), 10**digits)}" for _ in range(n)]


DAYS = [f"2020{month:02d}{day:02d}" for month in range(1, 13) for day in range(1, 28)]


@pytest.mark.parametrize("make", [of_uuids, drawn])
@pytest.mark.parametrize("seed", range(5))
def test_random_uids_are_no_finding(make, seed):
    uids = make(4000, seed)
    assert found(uids, (DAYS[i % len(DAYS)] for i in range(4000)), ["35177"] * 4000) == set()


def test_numbers_of_ten_digits_are_no_finding():
    chosen = random.Random(4)  # noqa: S311 - a fixed sample
    uids = [f"1.2.3.{chosen.randrange(10**9, 10**10)}.7" for _ in range(3000)]
    assert found(uids, (DAYS[i % len(DAYS)] for i in range(3000))) == set()


def test_running_numbers_and_an_old_root_are_no_finding():
    assert found([f"1.2.826.0.1.20180101.{n}" for n in range(300)]) == set()


@pytest.mark.parametrize(
    "uid", ["1.2.3.20200317.1", "1.2.3.4420200317101112.1", "1.2.3.20200318", "1.2.3.1584403200.5"]
)
def test_the_day_of_the_study_is_found_in_few_uids(uid):
    uids = [uid, uid + "1", *of_uuids(12, 1)] if "158" in uid else [uid, *of_uuids(12, 1)]
    assert OWN_DAYS in found(uids, ["20200317"] * len(uids))


def test_a_day_on_which_nobody_was_seen_is_found_where_many_uids_begin_with_one():
    uids = [f"1.2.3.{2001 + n % 9}0{1 + n % 9}17101112{n:06d}" for n in range(20)]
    assert found([*uids, *of_uuids(200, 2)], ["19991231"] * 220) == {SHARE_OF_DAYS}


def test_uids_of_devices_are_found_without_any_date():
    for uid in (
        "1.3.12.2.1107.5.2.32.35177.30000008031711082600000000051",
        "1.2.840.113619.2.5.1762583153.215519.978957063.78",
        "1.3.46.670589.11.0.0.11.4.2.0.8743.5.5396.2006120114285654497",
    ):
        assert OF_DEVICES in found([uid, *of_uuids(50, 3)])


def test_the_serial_number_of_the_device_is_found():
    uids = [f"1.2.3.35177.{n}" for n in range(10)]
    assert found(uids, serials=["35177"] * 10) == {SERIALS}
    assert found(uids, serials=["SN-99812"] * 10) == set()
    assert found(uids, serials=["7"] * 10) == set()


def test_subjects_are_counted_and_no_value_is_told():
    uids = ["1.2.3.20200317.1", "1.2.3.20200317.2", *of_uuids(8, 5)]
    rows = {"PatientID": ["A", "A", *"BCDEFGHI"], "SOPInstanceUID": uids}
    rows["StudyDate"] = ["20200317"] * 10
    read = extraction(source("dicom", rows, "PatientID", kind=SourceKind.DICOM))
    table = fold(read, attributes(attribute("dicom", "SOPInstanceUID", Kind.IDENTIFIER, **UID)))
    finding = next(f for f in table.findings if f.code == OWN_DAYS)
    assert (finding.attribute, finding.subjects) == ("SOPInstanceUID", 1)
    assert "2020" not in finding.text


def test_the_bound_is_one_on_the_tail():
    for mean in (0.01, 0.3, 2.0):
        drawn_hits = np.random.default_rng(1).poisson(mean, 200_000)
        for hits in (1, 2, 4):
            assert chance(hits, mean) >= (drawn_hits >= hits).mean() * 0.9

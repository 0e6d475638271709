"""One pair for every reason: a collection that fails for this alone, and the same one mended.

`PAIRS` is the list; a reason of the registry without its pair fails the contract below.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import midi_risk as mr
from midi_risk.attributes.decisions import decided, with_key
from midi_risk.config import (
    AttributeSettings,
    ChannelStatement,
    ReleaseDecision,
    SubjectKeySettings,
)
from midi_risk.document.assessment import Context, Finding, LinkReport
from midi_risk.document.conditions import Evidence, no_threat
from midi_risk.document.reasons import REASONS, WITHIN
from midi_risk.document.reliability import QcSensitivity, QcStratum, QcUnits, QualityControl
from midi_risk.risk.account import ReleaseDecisions
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.table.account import Leaf
from midi_risk.table.findings import SPLIT
from midi_risk.table.model import SubjectTable
from midi_risk.threat.library import load_threat_model
from midi_risk.threat.model import ThreatModel

NOW = datetime.now(UTC).date()
TODAY, LONG_AGO = NOW.isoformat(), (NOW - timedelta(400)).isoformat()
PEOPLE = 48
SEARCH = {"date": TODAY, "by": "A. Assessor", "place": "public archives", "hits": 0}
SEARCHED = {"linked_search": [SEARCH]}
LOOKED = {
    "status": "bounded", "by": "B. Reader", "on": TODAY, "method": "all texts were read",
    "looked": PEOPLE, "of": PEOPLE, "defects": 0, "sensitivity": 0.95,
}  # fmt: skip
CONTROL = {
    "by": "B. Reader", "on": TODAY, "population": PEOPLE, "sample": PEOPLE, "defects": 0,
    "sensitivity": 0.9,
}  # fmt: skip
Rows = list[list[str]]


def people() -> Rows:
    """Return four classes of twelve, the stages mixed in each."""
    ages, stages = ("50-59", "60-69"), ("I", "II", "III")
    head = ["id", "sex", "age_group", "stage"]
    return [
        head,
        *([f"s{i:03d}", "MF"[i % 2], ages[i // 2 % 2], stages[i // 4 % 3]] for i in range(PEOPLE)),
    ]


def more(name: str, value: Callable[[int], str]) -> Rows:
    """Return the people with one column more."""
    head, *rows = people()
    return [[*head, name], *([*row, value(i)] for i, row in enumerate(rows))]


def own(**changes: Any) -> ThreatModel:
    """Return a model that requires no channel."""
    return ThreatModel.model_validate(
        {"schema": "midi-risk/threat-model/1", "name": "m", "release": "public",
         "threshold": {"k": 11}, "adversaries": [{"name": "a"}]} | changes
    )  # fmt: skip


def controlled(attempt: float) -> ThreatModel:
    one = {"name": "a", "attempt": attempt, "attack": ["prosecutor"]}
    return own(release="controlled", adversaries=[one])


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A collection with what the assessor says of it; acceptable as it stands."""

    rows: Rows = field(default_factory=people)
    said: dict[str, Any] = field(default_factory=dict)
    key: dict[str, Any] | None = None
    threat: ThreatModel = field(default_factory=lambda: load_threat_model("public-release"))
    channels: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=lambda: SEARCHED)
    table: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A release that fails, and the same mended.

    Parameters
    ----------
    bad, mended : Release
    beside : sequence of str
        Reasons that cannot but come with this one.
    """

    bad: Release
    mended: Release = field(default_factory=Release)
    beside: Sequence[str] = ()


def finding(code: str, attribute: str) -> Finding:
    return Finding(code=code, attribute=attribute, subjects=1, text="found")


def stating(**changes: Any) -> Release:
    """Return a release of which a statement about texts is made."""
    return Release(threat=own(), channels={"free_text": LOOKED | changes})


def controlling(**changes: Any) -> Release:
    return Release(context=SEARCHED | {"quality": CONTROL | changes})


def reading(on: str = TODAY, upper: float = 0.02, **units: int) -> Release:
    """Return a release of which people read 100 of 200 units."""
    counts = {"total": 200, "inspected": 100, "defects": 0, "unsure": 0}
    counts |= {name: n for name, n in units.items() if name != "changed"}
    qc = QualityControl(
        planned=on, recorded=on, plan="0" * 64, digest="0" * 64, share=0.01, confidence=0.95,
        subjects=200, readers=1, sensitivity=QcSensitivity(value=0.9, how="stated"),
        units=QcUnits(**counts, changed=units.get("changed", 0)),
        strata=[QcStratum(channel="free_text", stratum="not_searched", upper=upper, **counts)],
        upper=upper,
    )  # fmt: skip
    return Release(options={"qc": qc})


def searching(**changes: Any) -> Release:
    return Release(threat=own(), context={"linked_search": [SEARCH | changes]})


REMOVED = {"note": {"role": "direct_identifier", "decision": "remove"}}
NOTE = more("note", lambda i: f"text {i % 2}")
DATES = [["id", "sex", "StudyDate", "AcquisitionDate"],
         *([f"s{i:03d}", "MF"[i % 2], "20200101", "20200101"] for i in range(PEOPLE))]  # fmt: skip
ALL_ILL = [
    row if i == 0 or row[1:3] != ["M", "50-59"] else [*row[:3], "IV"]
    for i, row in enumerate(people())
]
ACCEPTED = {"accepted": {"by": "A. Steward", "on": TODAY, "reason": "known to everybody"}}
NAMED = [["patient_name", *people()[0][1:]], *people()[1:]]
FOLDER = Leaf(kind="name", name="{text}-9/9.dcm", files=3)
NAMES = ReleaseDecisions(
    named={"{text}-9/*": ReleaseDecision(decision="retain", reason="phases of the trial")}
)
GUESSED = [["code", *people()[0][1:]], *people()[1:]]
ALONE = more("hobby", lambda i: f"h{i:03d}")
TWICE = [*people(), ["s000", "F", "50-59", "I"]]
BURNED = {"facts": {"burned_in_yes": 1}, "has_images": True}
LINK = LinkReport(
    source="other.csv", rows=50, subjects=50, matched=48, orphans=2, fan_out=0,
    unmatched_subjects=0, key_rule="equal",
)  # fmt: skip
OLD_UIDS = more("uid", lambda i: f"1.2.840.113619.2.5.1762583.2155.9789570{i:02d}.78")

PAIRS: dict[str, Pair] = {
    "unread_files": Pair(
        bad=Release(table={"files": {"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 1}}),
        mended=Release(
            table={"files": {"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 1}},
            options={"unread_tolerance": 1},
        ),
    ),
    "unidentified_files": Pair(bad=Release(table={"facts": {"incomplete_files": 1}})),
    "undecided": Pair(
        bad=Release(said={"stage": {"role": "undecided"}}),
        mended=Release(said={"stage": {"role": "sensitive"}}),
    ),
    "account_open": Pair(
        bad=Release(table={"leaves": (FOLDER,)}),
        mended=Release(table={"leaves": (FOLDER,)}, options={"decisions": NAMES}),
    ),
    "direct_open": Pair(
        bad=Release(rows=NOTE, said={"note": {"role": "direct_identifier"}}),
        mended=Release(rows=NOTE, said=REMOVED),
    ),
    "direct_kept": Pair(
        bad=Release(rows=NOTE, said={"note": {"role": "direct_identifier", "decision": "retain"}}),
        mended=Release(rows=NOTE, said=REMOVED),
    ),
    "restated_dates": Pair(
        bad=Release(rows=DATES, said={"StudyDate": {"decision": "remove"},
                                      "AcquisitionDate": {"role": "insensitive"}}),
        mended=Release(rows=DATES, said={"StudyDate": {"decision": "remove"},
                                         "AcquisitionDate": {"decision": "remove"}}),
    ),
    "uids_tell": Pair(
        bad=Release(rows=OLD_UIDS),
        mended=Release(rows=OLD_UIDS, said={"uid": {"need": "accepted by the data board"}}),
    ),
    "overruled": Pair(bad=Release(said={"sex": {"role": "insensitive", "need": "a random code"}})),
    "declared_none": Pair(
        bad=Release(said={"*": {"role": "insensitive", "need": "a random code"}}),
        mended=Release(said={n: {"role": "insensitive", "need": "a random code"}
                             for n in ("sex", "age_group", "stage")}),
        beside=["overruled"],
    ),
    "rows_without_key": Pair(bad=Release(rows=[*people(), ["", "M", "50-59", "I"]])),
    "beside_unread": Pair(bad=Release(table={"facts": {"unread_tables": 1}})),
    "orphans": Pair(
        bad=Release(table={"links": (LINK,)}),
        mended=Release(table={"links": (LINK,)}, options={"orphan_tolerance": 2}),
    ),
    "split_subjects": Pair(
        bad=Release(table={"findings": (finding(SPLIT, "StudyInstanceUID"),)})
    ),
    "merged_subjects": Pair(bad=Release(rows=TWICE)),
    "unread_values": Pair(
        bad=Release(table={"findings": (finding("value-unparseable", "age_group"),)})
    ),
    "above": Pair(bad=Release(rows=[*people(), ["s999", "M", "90-99", "I"]])),
    "attacks_open": Pair(
        bad=Release(threat=controlled(0.3)), mended=Release(threat=controlled(1.0))
    ),
    "class_lowered": Pair(
        bad=Release(threat=own(threshold={"k": 5, "reason": "few patients"}), context={})
    ),
    "threshold_lowered": Pair(bad=Release(options={"lowered": {"public-release": (20, 11)}})),
    "channels_open": Pair(bad=Release(context={})),
    "contradicted": Pair(
        bad=Release(
            threat=own(), table=BURNED,
            channels={"burned_in": LOOKED | {"looked": PEOPLE - 1, "sensitivity": 1.0}},
        ),
        mended=Release(threat=own(), table=BURNED, channels={"burned_in": LOOKED}),
    ),
    "evidence_incomplete": Pair(bad=stating(by=""), mended=stating()),
    "evidence_of_part": Pair(bad=stating(looked=47, of=47), mended=stating()),
    "evidence_file_missing": Pair(
        bad=stating(file="log.csv", sha256="0" * 64), mended=stating()
    ),
    "evidence_file_changed": Pair(
        bad=replace(stating(file="log.csv", sha256="0" * 64),
                    options={"evidence_files": {"free_text": "changed"}}),
        mended=replace(stating(file="log.csv", sha256="0" * 64),
                       options={"evidence_files": {"free_text": "same"}}),
    ),
    "channel_above": Pair(bad=stating(upper=0.5), mended=stating()),
    "channels_together": Pair(
        bad=Release(threat=own(), channels=dict.fromkeys(
            ("free_text", "device_site"), LOOKED | {"upper": 0.06})),
        mended=Release(threat=own(), channels=dict.fromkeys(
            ("free_text", "device_site"), LOOKED | {"upper": 0.03})),  # and 1/48 by the search
    ),
    "search_hits": Pair(bad=searching(hits=1), mended=searching(), beside=["channel_above"]),
    "search_incomplete": Pair(bad=searching(by=""), mended=searching()),
    "search_old": Pair(bad=searching(date=LONG_AGO), mended=searching()),
    "quality_above": Pair(bad=controlling(defects=12), mended=controlling()),
    "quality_incomplete": Pair(bad=controlling(by=""), mended=controlling()),
    "quality_old": Pair(bad=controlling(on=LONG_AGO), mended=controlling()),
    "qc_found": Pair(bad=reading(defects=1), mended=reading()),
    "qc_above": Pair(bad=reading(upper=0.1), mended=reading()),
    "qc_unsure": Pair(bad=reading(unsure=1), mended=reading()),
    "qc_changed": Pair(bad=reading(changed=1), mended=reading()),
    "qc_old": Pair(bad=reading(on=LONG_AGO), mended=reading()),
    "disclosed": Pair(
        bad=Release(rows=ALL_ILL, said={"stage": {"role": "sensitive"}}),
        mended=Release(said={"stage": {"role": "sensitive"}}),
    ),
    "disclosure_accepted": Pair(
        bad=Release(rows=ALL_ILL, said={"stage": {"role": "sensitive", "disclosure": ACCEPTED}}),
        mended=Release(said={"stage": {"role": "sensitive", "disclosure": ACCEPTED}}),
    ),
    "key_identifies": Pair(
        bad=Release(rows=NAMED, said={"patient_name": {"role": "linkage_key"}}),
        mended=Release(rows=NAMED, key={"column": "patient_name",
                                        "confirmed": {"by": "A. Steward", "on": TODAY}}),
        beside=["overruled"],
    ),
    "key_guessed": Pair(
        bad=Release(rows=GUESSED),
        mended=Release(rows=GUESSED, key={"column": GUESSED[0][0],
                                          "confirmed": {"by": "A. Steward", "on": TODAY}}),
    ),
    "not_known": Pair(
        bad=Release(threat=own(adversaries=[{"name": "a", "knows": {"PatientSex": "exact"}}])),
        mended=Release(threat=own()),
    ),
    "singles_out": Pair(
        bad=Release(rows=ALONE, said={"hobby": {"role": "insensitive"}}),
        mended=Release(rows=ALONE, said={"hobby": {"role": "insensitive", "need": "a lot number"}}),
        beside=["declared_none", "overruled"],
    ),
}  # fmt: skip
OF_A_DOCUMENT = {"no_threat"}
"""Reasons that no assessment gives, but that a file may show."""


def table_of(folder: Path, release: Release) -> SubjectTable:
    file = folder / "t.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(release.rows)
    extraction = mr.extract(str(file))
    settings = {n: AttributeSettings.model_validate(v) for n, v in release.said.items()}
    key = None if release.key is None else SubjectKeySettings.model_validate(release.key)
    attributes = with_key(decided(mr.propose(extraction), settings), key, "project file")
    return replace(mr.fold(extraction, attributes), **release.table)


def judged(folder: Path, release: Release):
    options = AssessmentOptions(
        channels={n: ChannelStatement.model_validate(v) for n, v in release.channels.items()},
        context=Context.model_validate(release.context) if release.context else None,
        **release.options,
    )
    return assess(table_of(folder, release), [release.threat], options=options)


def test_every_reason_has_its_pair():
    assert set(PAIRS) | OF_A_DOCUMENT == set(REASONS) - {WITHIN}


@pytest.mark.parametrize("code", PAIRS)
def test_a_collection_fails_for_this_alone_and_is_acceptable_once_mended(code, tmp_path):
    pair = PAIRS[code]
    bad = judged(tmp_path, pair.bad)
    status = REASONS[code].status
    alone = {code, *pair.beside} | ({WITHIN} if status is None else set())
    assert {reason.code for reason in bad.verdict.reasons} == alone
    assert bad.verdict.status == (status or "acceptable")
    mended = judged(tmp_path, pair.mended)
    told = {reason.code for reason in mended.verdict.reasons}
    assert WITHIN in told
    assert code not in told
    assert mended.verdict.status == "acceptable"


def test_a_file_in_which_nobody_attacks_is_refused_and_one_with_an_adversary_is_not(tmp_path):
    evidence = Evidence.of(judged(tmp_path, Release()))
    assert no_threat(evidence) == []
    assert [reason.code for reason in no_threat(replace(evidence, threats=()))] == ["no_threat"]

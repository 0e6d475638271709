"""Subjects in two releases: who is met, what both tell, and that a search is never a zero."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

import midi_risk as mr
from midi_risk.config import ChannelStatement
from midi_risk.document.assessment import Context, SearchEntry
from midi_risk.risk.assess import AssessmentOptions, assess
from midi_risk.risk.channels.linked import linked_entry, pixels_entry
from midi_risk.risk.overlap.match import compare
from midi_risk.risk.overlap.record import Linked, keep, linked_of, read_linked
from midi_risk.risk.overlap.sides import side_of, side_of_index
from midi_risk.risk.overlap.union import added_risk, union_risk
from midi_risk.table.release import released

TODAY = datetime.now(UTC).date()
HEAD = "PatientID,StudyInstanceUID,SeriesInstanceUID,Modality,ManufacturerModelName,StudyDate,"
HEAD += "PatientSex,instanceCount,collection_id"


def series(path, people, *, root="1.2.826.77", key="LUNGX-{:04d}", collection="a", start=0):
    """Write an index: every person has a scanner, a day and a number of images of their own."""
    rows = [
        f"{key.format(i)},{root}.{i}.1,{root}.{i}.2.{j},{('CT', 'MR', 'PT')[(i + j) % 3]},"
        f"Model {i % 7},2019-{1 + i % 12:02d}-{1 + i % 28:02d},{'MF'[i % 2]},"
        f"{100 + 7 * i + j},{collection}"
        for i in range(start, start + people)
        for j in range(1 + i % 3)
    ]
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    return path


def side(path):
    extraction = mr.extract(str(path))
    return side_of("c", extraction, released(mr.fold(extraction, mr.propose(extraction))))


def index(path):
    return side_of_index("index", path, "", "0" * 64)


def test_the_same_uids_are_proof_whatever_the_keys(tmp_path):
    ours = side(series(tmp_path / "ours.csv", 12, key="ANONYM{:05d}"))
    found = compare(ours, index(series(tmp_path / "there.csv", 40, start=4)))
    assert found.uid_hits == len(found.known) == 8
    assert found.key_hits == 0
    assert "PatientSex" in found.columns


def test_bare_numbers_and_well_known_uids_prove_nothing(tmp_path):
    for root in ("12345", "1.2.840.10008.1.4"):
        ours = side(series(tmp_path / "ours.csv", 12, root=root, key="OURS-A{:04d}"))
        other = series(tmp_path / "there.csv", 12, root=root, key="OTHER-B{:04d}")
        assert compare(ours, index(other)).uid_hits == 0


def test_near_duplicates_are_found_under_other_uids_and_keys(tmp_path):
    ours = side(series(tmp_path / "ours.csv", 12, root="2.25.123456789123", key="X-Y-{:05d}"))
    found = compare(ours, index(series(tmp_path / "there.csv", 60)))
    assert (found.uid_hits, found.key_hits) == (0, 0)
    assert found.near.judged
    assert found.near.hits == len(found.known) == 12
    assert found.near.expected < 1


def test_near_duplicates_that_chance_gives_are_not_counted(tmp_path):
    rows = [HEAD, *(f"K-LM-{i:04d},1.9.8.7.{i},1.9.8.7.6.{i},CT,M,,F,1,a" for i in range(30))]
    (tmp_path / "ours.csv").write_text("\n".join(rows), encoding="utf-8")
    rows = [HEAD]
    rows += [f"OTHER-{i:04d},1.6.5.4.{i},1.6.5.4.3.{i},CT,M,,F,{1 + i // 2},b" for i in range(40)]
    rows.append("OTHER-ONE1,1.6.5.4.99,1.6.5.4.3.99,MR,M,,F,1,b")
    (tmp_path / "there.csv").write_text("\n".join(rows), encoding="utf-8")
    found = compare(side(tmp_path / "ours.csv"), index(tmp_path / "there.csv"))
    assert not found.near.judged
    assert not found.known


@pytest.mark.parametrize(
    ("key", "people", "counted"),
    [("LUNGX-{:04d}", 2, 2), ("{:04d}", 30, 0), ("sub-{:02d}", 30, 0), ("2018{:06d}", 6, 6),
     ("2018{:06d}", 4, 0)],
)  # fmt: skip
def test_a_key_counts_only_where_it_is_not_equal_by_chance(tmp_path, key, people, counted):
    ours = side(series(tmp_path / "ours.csv", people, root="1.5.5.5", key=key))
    rows = [HEAD]
    for i in range(people):  # other people under the same keys
        sex = "FM"[(i // 2) % 2]
        rows.append(f"{key.format(i)},1.6.6.6.{i},1.6.6.6.6.{i},US,Z,1990-01-01,{sex},3,b")
    (tmp_path / "there.csv").write_text("\n".join(rows), encoding="utf-8")
    found = compare(ours, index(tmp_path / "there.csv"))
    assert found.key_hits == counted
    assert found.key_chance == people - counted


def test_small_keys_count_where_both_sides_say_the_same_of_the_people(tmp_path):
    ours = side(series(tmp_path / "ours.csv", 30, root="1.5.5.5", key="{:04d}"))
    found = compare(ours, index(series(tmp_path / "there.csv", 60, key="{:04d}")))
    assert found.key_hits == 30


def people(*values, ages=None):
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(len(values))], "sex": list(values)})
    if ages:
        frame["age"] = ages
    return mr.subject_table(frame, quasi=[c for c in frame.columns if c != "id"], key="id")


def test_the_union_is_counted_among_those_in_both_and_brute_force_agrees():
    table = people(*"FFFFMMMM")
    known = {"k0": ("A", "x"), "k1": ("A", "x"), "k2": ("B", "x"), "k4": ("A", "x")}
    figures = union_risk(table, ["sex"], known)
    tuples = {k: (table.frame.loc[k, "sex"], *told) for k, told in known.items()}
    counts = Counter(tuples.values())
    risks = [1 / counts[tuples[k]] for k in known]
    assert figures.largest == max(risks)
    assert figures.total == pytest.approx(sum(risks))
    assert figures.subjects == 4


def test_subjects_of_replaced_keys_are_taken_as_found():
    assert union_risk(people("F", "F"), ["sex"], {"other": ("A",)}).largest == 1.0


def test_those_who_were_added_hide_among_themselves_alone():
    table = people(*"FFFFFFFFFFFFMM")
    both = [f"k{i}" for i in range(10)]
    figures = added_risk(table, ["sex"], both)
    assert (figures.subjects, figures.largest) == (4, 0.5)


def linked(**changes):
    made = Linked(
        name="index", version="", date=TODAY.isoformat(), searched_by="midi-risk",
        how=("uid", "near"), ours="a", theirs="b", subjects=48, there=900, same=True,
    )  # fmt: skip
    return replace(made, **changes)


def search(**changes):
    given = {"date": TODAY.isoformat(), "by": "A. Reader", "place": "archives", "hits": 0}
    return SearchEntry.model_validate(given | changes)


def entry(*searched, searches=(), n=48):
    return linked_entry(people(*("FM" * (n // 2))), ["sex"], searches, searched, TODAY)


@pytest.mark.parametrize("given", [{"searches": [search()]}, {"by_machine": linked()}])
def test_a_search_without_hits_bounds_and_is_no_zero(given):
    found = entry(*filter(None, [given.get("by_machine")]), searches=given.get("searches", ()))
    assert (found.status, found.upper, found.lower) == ("bounded", 1 / 48, 0.0)
    assert found.worst == 1 / 48


@pytest.mark.parametrize(
    "change",
    [{"same": False}, {"date": (TODAY - timedelta(days=400)).isoformat()}, {"how": ()}],
)
def test_a_search_of_something_else_or_long_ago_or_of_nothing_leaves_it_open(change):
    assert entry(linked(**change)).status == "not_assessed"


def test_subjects_in_both_are_judged_on_what_both_say():
    known = {f"k{i}": ("A" if i < 12 else "B",) for i in range(26)}
    found = entry(linked(known=known, subjects=48, index=True))
    assert found.status == "assessed"
    # 6 F and 6 M with A; 7 and 7 with B; those in this edition alone: 22, 11 each
    assert found.value == pytest.approx(1 / 6)
    few = entry(linked(known={"k0": ("A",)}, index=True))
    assert few.value == 1.0
    assert few.mean < 0.1


def test_hits_found_before_the_sources_changed_still_stand_against_it():
    found = entry(linked(known={"k0": ("A",)}, same=False))
    assert (found.status, found.upper) == ("bounded", 1.0)


def test_pixels_are_open_until_compared_and_then_bounded():
    table = people(*"FM" * 24)
    assert pixels_entry(table, ["sex"], [linked()], TODAY).status == "not_assessed"
    compared = linked(how=("uid", "pixels"))
    assert pixels_entry(table, ["sex"], [compared], TODAY).worst == 1 / 48
    met = linked(how=("pixels",), pixel_hits=1, known={"k0": ("A",)})
    assert pixels_entry(table, ["sex"], [met], TODAY).value == 1.0


def judged(*searched, **context):
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(48)], "sex": ["F", "M"] * 24})
    options = AssessmentOptions(
        linked=searched, context=Context.model_validate(context) if context else None
    )
    return assess(frame, options=options, quasi=["sex"], key="id")


def test_the_verdict_takes_a_search_by_machine_for_one_and_judges_its_hits():
    assert judged().verdict.status == "incomplete"
    clean = judged(linked())
    assert clean.verdict.status == "acceptable"
    assert clean.linked_data[0].both == 0
    met = judged(linked(known={"k0": ("A",)}, index=True))
    assert met.verdict.status == "above_threshold"
    (why,) = [reason for reason in met.verdict.reasons if reason.code == "channel_above"]
    assert why.names == ["linked_data"]
    assert met.linked_data[0].union_max == 1.0


def test_a_search_by_machine_that_is_a_year_old_has_to_be_done_again():
    old = (TODAY - timedelta(days=400)).isoformat()
    codes = {reason.code for reason in judged(linked(date=old)).verdict.reasons}
    assert {"search_old", "channels_open"} <= codes


def test_what_is_kept_is_read_back_and_bound_to_both_sides(tmp_path):
    ours = side(series(tmp_path / "ours.csv", 12))
    theirs = index(series(tmp_path / "there.csv", 40, start=4))
    made = linked_of(ours, theirs, compare(ours, theirs), "midi-risk")
    path = keep(tmp_path / "kept", made, "there")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_linked(tmp_path / "kept", ours.digest) == [made]
    assert not read_linked(tmp_path / "kept", "other")[0].same
    assert date.fromisoformat(made.date)
    path.write_text('{"schema": "midi-risk/overlap/1"}', encoding="utf-8")
    with pytest.raises(mr.errors.SourceError, match="no result of an overlap"):
        read_linked(tmp_path / "kept", ours.digest)


def test_the_bound_of_a_search_is_joined_with_that_of_a_sample_of_texts():
    frame = pd.DataFrame({"id": [f"k{i}" for i in range(48)], "sex": ["F", "M"] * 24})
    looked = {"status": "bounded", "by": "B. Reader", "on": TODAY.isoformat(), "method": "read",
              "looked": 48, "of": 48, "defects": 0, "sensitivity": 0.9}  # fmt: skip
    options = AssessmentOptions(
        linked=[linked()], channels={"free_text": ChannelStatement.model_validate(looked)}
    )
    together = assess(frame, options=options, quasi=["sex"], key="id").channels_together
    assert together.largest == pytest.approx(1 / 48)

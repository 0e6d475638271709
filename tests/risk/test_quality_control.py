"""Quality control by people: sample sizes, joint bounds, plans and records."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.cli.app import run
from midi_risk.document.sampling import (
    ReadStratum,
    bound_over_strata,
    defect_bound,
    least_rate,
    sample_size,
    two_readers,
)
from midi_risk.errors import MeasureError
from midi_risk.risk.quality.plan import Design, draw

TODAY = datetime.now(UTC).date().isoformat()


def none_seen(looked: int, of: int, defective: int, sensitivity: float) -> float:
    """Return the probability of seeing nothing, summed over how many defective units are met."""
    return sum(
        comb(defective, k) * comb(of - defective, looked - k) / comb(of, looked)
        * (1 - sensitivity) ** k
        for k in range(min(defective, looked) + 1)
        if looked - k <= of - defective
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "sensitivity", "size"),
    [(0.05, 1, 56), (0.05, 0.7, 81), (0.01, 1, 238), (0.01, 0.9, 264), (0.01, 0.7, 340),
     (0.001, 1, 777)],
)  # fmt: skip
def test_sample_sizes_of_a_thousand_are_the_smallest_that_rule_out_the_share(
    share, sensitivity, size
):
    defective = int(share * 1000) + 1
    assert sample_size(1000, share, sensitivity) == size
    assert none_seen(size, 1000, defective, sensitivity) <= 0.05
    assert none_seen(size - 1, 1000, defective, sensitivity) > 0.05


@given(st.integers(1, 60), st.sampled_from([0.0, 0.02, 0.1, 0.3]), st.sampled_from([1.0, 0.9, 0.5]))
def test_a_sample_size_is_the_smallest_by_enumeration_or_there_is_none(of, share, sensitivity):
    defective = min(of, int(share * of + 1e-9) + 1)
    enough = [
        n for n in range(1, of + 1) if none_seen(n, of, defective, sensitivity) <= 0.05 * (1 + 1e-9)
    ]
    assert sample_size(of, share, sensitivity) == (enough[0] if enough else None)


@given(st.integers(1, 50), st.data())
def test_a_clean_sample_of_that_size_gives_a_bound_within_the_share(of, data):
    share = data.draw(st.sampled_from([0.05, 0.2, 0.4]))
    sensitivity = data.draw(st.sampled_from([1.0, 0.8]))
    size = sample_size(of, share, sensitivity)
    if size is not None:
        assert defect_bound(size, of, 0, sensitivity) <= share + 1e-9


def test_sensitivity_thins_defects_and_does_not_shrink_the_sample():
    size = sample_size(10_000_000, 0.01, 0.5)
    assert size is not None
    assert (1 - 0.01 * 0.5) ** size <= 0.0501 < 0.0501 / (1 - 0.01 * 0.5) ** 5
    # as a smaller sample of a perfect reader it would need more
    assert (1 - 0.01) ** (size * 0.5) < (1 - 0.01 * 0.5) ** size


def test_joint_bound_is_the_worst_case_over_strata_by_enumeration():
    read = [(20, 90, 0.9), (30, 60, 0.9), (10, 10, 0.9)]
    strata = [ReadStratum(looked=n, of=of, defects=0, sensitivity=s) for n, of, s in read]
    tails = [[none_seen(n, of, d, s) for d in range(of + 1)] for n, of, s in read]
    worst = max(
        a + b + c
        for a in range(91) for b in range(61) for c in range(11)
        if tails[0][a] * tails[1][b] * tails[2][c] > 0.05
    )  # fmt: skip
    assert bound_over_strata(strata, 160) == pytest.approx(worst / 160)


def test_joint_bound_of_three_strata_is_far_below_bonferroni():
    read = [(60, 9000), (120, 800), (200, 200)]
    strata = [ReadStratum(looked=n, of=of, defects=0, sensitivity=1.0) for n, of in read]
    each = sum(defect_bound(n, of, 0, confidence=1 - 0.05 / 3) * of for n, of in read) / 10_000
    assert bound_over_strata(strata, 10_000) == pytest.approx(0.0436, abs=5e-5)
    assert each == pytest.approx(0.0615, abs=5e-5)


def test_joint_bound_covers_the_truth_in_simulated_controls():
    random = np.random.default_rng(7)
    sizes, looked, truth, sensitivity = (300, 100), (60, 40), (20, 4), 0.8
    missed, runs = 0, 400
    for _ in range(runs):
        strata = []
        for of, n, defective in zip(sizes, looked, truth, strict=True):
            met = random.hypergeometric(defective, of - defective, n)
            seen = int(random.binomial(met, sensitivity))
            strata.append(ReadStratum(looked=n, of=of, defects=seen, sensitivity=sensitivity))
        missed += bound_over_strata(strata, 400) < sum(truth) / 400 - 1e-12
    assert missed / runs <= 0.05 + 2.5 * (0.05 * 0.95 / runs) ** 0.5


def test_a_sample_larger_than_the_population_is_refused():
    with pytest.raises(MeasureError, match="cannot be of 10"):
        ReadStratum(looked=11, of=10, defects=0, sensitivity=1.0)
    with pytest.raises(MeasureError):
        sample_size(100, 1.0)


def test_readers_are_measured_by_the_lower_bound_of_canaries():
    assert least_rate(20, 20) == pytest.approx(0.05 ** (1 / 20))
    assert two_readers(9, 7, 6) == pytest.approx(10 * 8 / 7 - 1)
    with pytest.raises(MeasureError):
        two_readers(2, 3, 3)


def test_undecided_units_are_read_whole_and_the_rest_by_one_seeded_order():
    people = {
        f"s{i:04d}": {"free_text": "undecided" if i < 30 else "nothing_found", "face": "x"}
        for i in range(1000)
    }
    design = Design(share=0.05, sensitivity=0.9, seed=3, readers=1, channels=("free_text", "face"))
    parts, units = draw(people, design)
    assert draw(people, design)[1] == units
    assert draw(people, Design(share=0.05, sensitivity=0.9, seed=4, readers=1,
                               channels=("face",)))[1] != units  # fmt: skip
    by_name = {(p.channel, p.stratum): p for p in parts}
    assert by_name["free_text", "undecided"].sample == 30
    assert by_name["free_text", "nothing_found"].sample == sample_size(970, 0.05, 0.9)
    face = {subject for subject, channel, _ in units if channel == "face"}
    named = ("free_text", "nothing_found")
    text = {subject for subject, *where in units if tuple(where) == named}
    assert len(text & face) > 40  # the same people are read for both


# By the command line.


def project(folder: Path, people: int = 60) -> Path:
    rows = [["id", "sex", "age", "note"]]
    rows += [[f"KEY{i:03d}", "MF"[i % 2], str(40 + i % 3), "plain words"] for i in range(people)]
    with (folder / "clinical.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows(rows)
    (folder / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: T, sources: [{table: clinical.csv, key: id}]}\n"
        "attributes: {note: {role: insensitive, need: text}}\n"
    )
    return folder


def fill(sheet: Path, to: Path, **changes: dict[str, str]) -> list[dict[str, str]]:
    """Fill a sheet as clean; changes are by unit."""
    with sheet.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row.update(reader="B. Reader", date=TODAY, result="clean")
        row.update(changes.get(row["unit"], {}))
    write(to, rows)
    return rows


def write(to: Path, rows: list[dict[str, str]]) -> None:
    with to.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def planned(tmp_path):
    folder = project(tmp_path)
    options = ["--share", "0.1", "--seed", "1", "-q", "-o", str(folder / "qc.csv")]
    assert run(["qc", "plan", str(folder), *options]) == 0
    return folder


def test_a_recorded_control_stands_in_the_assessment_and_is_judged(planned, capsys):
    fill(planned / "qc.csv", planned / "done.csv")
    assert run(["qc", "record", str(planned), str(planned / "done.csv")]) == 0
    run(["assess", str(planned), "-o", str(planned / "out")])
    document = json.loads((planned / "out" / "assessment.json").read_text())
    qc = document["qc"]
    assert qc["units"]["total"] == qc["subjects"] == 60
    assert qc["units"]["inspected"] == sample_size(60, 0.1, 0.9)
    assert qc["upper"] == pytest.approx(defect_bound(qc["units"]["inspected"], 60, 0, 0.9))
    codes = {reason["code"] for reason in document["verdict"]["reasons"]}
    assert ("qc_above" in codes) == (qc["upper"] > 1 / 11)
    assert "KEY0" not in capsys.readouterr().out
    assert "KEY0" not in (planned / "out" / "report-shareable.html").read_text()


def test_a_finding_stands_until_a_new_sample_is_drawn(planned):
    rows = fill(planned / "qc.csv", planned / "done.csv")
    rows[0]["result"] = "identifier"
    write(planned / "done.csv", rows)
    assert run(["qc", "record", str(planned), str(planned / "done.csv")]) == 0

    def reasons():
        run(["assess", str(planned), "-o", str(planned / "out")])
        document = json.loads((planned / "out" / "assessment.json").read_text())
        return document["qc"], {r["code"] for r in document["verdict"]["reasons"]}

    qc, codes = reasons()
    assert qc["before"]["defects"] == 1
    assert qc["after"] is None
    assert "qc_found" in codes
    text = (planned / "clinical.csv").read_text()
    (planned / "clinical.csv").write_text(text.replace("plain words", "words"))
    assert "qc_changed" in reasons()[1]
    options = ["--share", "0.1", "--seed", "2", "-q", "-o", str(planned / "next.csv")]
    assert run(["qc", "plan", str(planned), *options]) == 0
    fill(planned / "next.csv", planned / "again.csv")
    assert run(["qc", "record", str(planned), str(planned / "again.csv")]) == 0
    qc, codes = reasons()
    assert not codes & {"qc_found", "qc_changed"}
    assert qc["before"]["defects"] == 1
    assert qc["after"]["defects"] == 0


SPOILT = {
    "missing": lambda rows: rows[1:],
    "not of the plan": lambda rows: [*rows, rows[0] | {"unit": "SECRETNAME"}],
    "stratum changed": lambda rows: [rows[0] | {"stratum": "SECRETNAME"}, *rows[1:]],
    "no result": lambda rows: [rows[0] | {"result": ""}, *rows[1:]],
    "result is none of": lambda rows: [rows[0] | {"result": "SECRETNAME"}, *rows[1:]],
    "no day": lambda rows: [rows[0] | {"date": "SECRETNAME"}, *rows[1:]],
    "still to come": lambda rows: [rows[0] | {"date": "2999-01-01"}, *rows[1:]],
    "before the plan": lambda rows: [rows[0] | {"date": "2020-01-01"}, *rows[1:]],
    "no reader": lambda rows: [rows[0] | {"reader": " . "}, *rows[1:]],
    "twice for one reader": lambda rows: [*rows, rows[0]],
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_sheet_that_does_not_fit_its_plan_is_refused_whole(planned, capsys, fault):
    rows = fill(planned / "qc.csv", planned / "done.csv")
    write(planned / "done.csv", SPOILT[fault](rows))
    assert run(["qc", "record", str(planned), str(planned / "done.csv")]) == 2
    said = capsys.readouterr().err
    assert fault in said
    assert "SECRETNAME" not in said
    assert len(said.strip().splitlines()) == 1
    assert not (planned / ".midi-risk" / "qc" / "record.json").exists()


def test_rows_that_changed_since_the_plan_are_named_one_line_each(planned, capsys):
    rows = fill(planned / "qc.csv", planned / "done.csv")
    text = (planned / "clinical.csv").read_text()
    for row in rows[:2]:
        line = next(each for each in text.splitlines() if each.startswith(row["subject"]))
        text = text.replace(line, line.replace("plain", "other"))
    (planned / "clinical.csv").write_text(text)
    assert run(["qc", "record", str(planned), str(planned / "done.csv")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert all("changed since the plan" in line for line in lines[1:])
    assert not (planned / ".midi-risk" / "qc" / "record.json").exists()


def test_people_who_came_later_make_the_sample_one_of_others(planned):
    fill(planned / "qc.csv", planned / "done.csv")
    assert run(["qc", "record", str(planned), str(planned / "done.csv")]) == 0
    with (planned / "clinical.csv").open("a") as handle:
        handle.write("KEY999,F,44,plain words\n")
    run(["assess", str(planned), "-o", str(planned / "out")])
    document = json.loads((planned / "out" / "assessment.json").read_text())
    assert "qc_changed" in {reason["code"] for reason in document["verdict"]["reasons"]}


def test_two_readers_of_each_unit_are_asked_for_and_estimated(tmp_path):
    folder = project(tmp_path, 20)
    options = ["--readers", "2", "--seed", "1", "-q", "-o", str(folder / "qc.csv")]
    assert run(["qc", "plan", str(folder), *options]) == 0
    rows = fill(folder / "qc.csv", folder / "done.csv")
    for place, row in enumerate(rows):
        row["reader"] = "AB"[place % 2]
    for place in (0, 1, 2, 5):  # both see the first unit, each one more
        rows[place]["result"] = "identifier"
    write(folder / "done.csv", rows)
    assert run(["qc", "record", str(folder), str(folder / "done.csv")]) == 0
    record = json.loads((folder / ".midi-risk" / "qc" / "record.json").read_text())
    assert record["qc"]["second_reader"] == {
        "first": 2, "second": 2, "both": 1, "estimate": pytest.approx(3.5)
    }  # fmt: skip
    assert record["qc"]["units"]["defects"] == 3


def test_a_plan_is_private_and_never_written_over(planned, capsys):
    for path in (planned / "qc.csv", planned / ".midi-risk" / "qc" / "plan.json"):
        assert path.stat().st_mode & 0o077 == 0
    assert run(["qc", "plan", str(planned), "-o", str(planned / "qc.csv")]) == 2
    assert "there already" in capsys.readouterr().err
    assert run(["qc", "plan", str(planned), "--channels", "faces"]) == 2
    assert "Did you mean" in capsys.readouterr().err


# With hidden canaries.


def test_canaries_are_hidden_among_copies_and_measure_the_reader(tmp_path, capsys):
    dicom_samples = pytest.importorskip("dicom_samples")
    images = tmp_path / "images"
    images.mkdir()
    for number in range(12):
        ds = dicom_samples.sample(number, patient=number, SeriesDescription="AX T1")
        (images / f"{number}.dcm").write_bytes(dicom_samples.encoded(ds, pixels=0))
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\ncollection: {name: T, sources: [{dicom: images}]}\n"
    )
    sheet = tmp_path / "qc.csv"
    options = ["--channels", "free_text", "--canaries", "5", "--seed", "3", "-q", "-o", str(sheet)]
    assert run(["qc", "plan", str(tmp_path), *options]) == 0
    plan = json.loads((tmp_path / ".midi-risk" / "qc" / "plan.json").read_text())
    hidden = {unit["unit"] for unit in plan["units"] if unit["canary"]}
    assert len(hidden) == 5
    rows = fill(sheet, tmp_path / "done.csv")
    assert {row["subject"] == row["unit"] for row in rows} == {True}
    assert len({tuple(sorted(row)) for row in rows}) == 1
    for row in rows:
        own = list((tmp_path / "qc-units" / row["unit"]).iterdir())
        assert [path.name for path in own] == ["00000.dcm"]
        row["result"] = "identifier" if row["unit"] in sorted(hidden)[1:] else "clean"
    write(tmp_path / "done.csv", rows)
    assert run(["qc", "record", str(tmp_path), str(tmp_path / "done.csv")]) == 0
    qc = json.loads((tmp_path / ".midi-risk" / "qc" / "record.json").read_text())["qc"]
    assert qc["units"]["total"] == qc["units"]["inspected"] == 12
    assert qc["units"]["defects"] == 0
    seen = qc["sensitivity"]
    assert (seen["how"], seen["n"], seen["found"]) == ("canaries", 5, 4)
    # the one-sided bound at 97.5 %: P(4 or 5 of 5) = 0.025
    low = seen["value"]
    assert 5 * low**4 * (1 - low) + low**5 == pytest.approx(0.025, abs=1e-6)
    assert qc["upper"] == pytest.approx(defect_bound(12, 12, 0, low, confidence=0.975))
    capsys.readouterr()

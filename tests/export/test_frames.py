"""Data frames in memory: the same subjects, figures and release as from files."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import midi_risk as mr
from midi_risk.attributes.model import Role
from midi_risk.errors import (
    AttributeRoleError,
    MidiRiskError,
    SearchError,
    SourceError,
    StaleAssessmentError,
    VerdictError,
)

ROLES = {"quasi": ["age", "sex"], "sensitive": "dx", "key": "PatientID"}


def people(n: int = 200, seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "PatientID": [f"p{i:03}" for i in range(n)],
            "age": random.integers(20, 80, n),
            "sex": random.choice(["F", "M"], n),
            "dx": random.choice(["x", "y", "z"], n),
            "score": random.normal(size=n).round(3),
        }
    )


def containers(frame: pd.DataFrame) -> list[object]:
    found = [
        frame,
        frame.set_index("PatientID"),
        frame.convert_dtypes(),
        frame.astype({"sex": "category"}),
        frame.astype(object),
        pa.Table.from_pandas(frame, preserve_index=False),
        {name: frame[name].to_numpy() for name in frame},
        {name: frame[name].tolist() for name in frame},
    ]
    try:
        import polars as pl
    except ImportError:
        return found
    return [*found, pl.from_pandas(frame)]


def test_a_frame_gives_what_its_file_gives(tmp_path):
    frame = people()
    frame.to_csv(tmp_path / "table.csv", index=False)
    read = mr.extract(f"{tmp_path / 'table.csv'}:PatientID")
    attributes = mr.propose(read)
    for name, role in (
        ("age", "quasi_identifier"),
        ("sex", "quasi_identifier"),
        ("dx", "sensitive"),
    ):
        attributes = attributes.revised(name, role=Role(role))
    from_file = mr.fold(read, attributes)
    from_frame = mr.SubjectTable.from_frame(frame, **ROLES)
    assert from_frame.digest == from_file.digest
    assert mr.assess(from_frame).measures == mr.assess(from_file).measures


def test_every_container_gives_the_same_subjects_and_the_same_release():
    frame = people()
    plan = mr.suggest(frame, **ROLES)
    wanted = plan.apply(frame)
    for container in containers(frame):
        assert mr.SubjectTable.from_frame(container, **ROLES).digest == plan.collection_digest
        released = plan.apply(container)
        columns = getattr(released, "column_names", None) or list(released.columns)
        assert set(columns) >= {"age", "sex", "dx", "score"}
        ages = [str(value) for value in list(released["age"])]
        assert ages == [str(value) for value in wanted["age"]]


def test_a_release_has_the_class_size_that_the_plan_promises():
    frame = people(400)
    plan = mr.suggest(frame, max_suppression="5%", **ROLES)
    released = plan.apply(frame)
    assert len(released) == 400 - plan.suppressed.subjects
    assert mr.risk.k_anonymity(released, ["age", "sex"]) == plan.after.k >= 11
    assert released["score"].equals(frame["score"])
    assert released["age"].tolist() != frame["age"].astype(str).tolist()


def test_rows_of_subjects_that_are_left_out_and_columns_that_are_removed_do_not_leave():
    frame = people(60)
    frame["town"] = [f"t{i % 30}" for i in range(60)]
    frame["photo"] = [b"\x00\x01"] * 60
    frame = pd.concat([frame, frame.iloc[:20]]).reset_index(drop=True)
    frame.loc[frame["PatientID"] == "p007", "age"] = 104
    plan = mr.suggest(frame, max_suppression=0.2, quasi=["age", "sex", "town"], key="PatientID")
    released = plan.apply(frame)
    assert plan.suppressed.subjects or "town" not in released
    assert not set(released["PatientID"]) & set(plan.suppressed_subjects)
    for name, level in plan.levels.items():
        removed = plan.hierarchies[name][level] == plan.hierarchies[name][-1]
        assert (name not in released.columns) == removed
    assert "photo" not in released  # nobody read it
    assert "photo" not in plan.apply(pa.Table.from_pandas(frame)).column_names


def test_a_plan_fits_its_own_data_and_roles_alone():
    frame = people()
    plan = mr.suggest(frame, **ROLES)
    other = frame.copy()
    other.loc[0, "age"] += 1
    with pytest.raises(StaleAssessmentError):
        plan.apply(other)
    with pytest.raises(AttributeRoleError, match="no column 'age'"):
        plan.apply(frame.drop(columns="age"))


def test_a_plan_from_a_file_needs_the_table(tmp_path):
    frame = people()
    plan = mr.suggest(frame, **ROLES)
    (tmp_path / "plan.json").write_text(pd.Series([plan.to_dict()]).to_json(orient="records")[1:-1])
    again = mr.load_plan(tmp_path / "plan.json")
    with pytest.raises(MidiRiskError, match="table="):
        again.apply(frame)
    released = again.apply(frame, table=mr.SubjectTable.from_frame(frame, **ROLES))
    pd.testing.assert_frame_equal(released, plan.apply(frame))


def test_columns_that_nobody_named_stay_open():
    frame = people()
    assessment = mr.assess(frame, quasi="age", key="PatientID")
    undecided = [r for r in assessment.verdict.reasons if r.code == "undecided"]
    assert "sex" in undecided[0].names
    assert "age" not in undecided[0].names
    assert assessment.measures.quasi_identifiers == ["age"]


def test_without_a_key_column_every_row_is_a_subject_and_that_is_said():
    frame = people().drop(columns="PatientID")
    table = mr.SubjectTable.from_frame(frame, quasi=["age", "sex"])
    assert table.n_subjects == 200
    assert any("every row is a subject" in note for note in table.notes)
    assert len(mr.suggest(frame, quasi=["age", "sex"]).apply(frame)) == 200


def test_a_guessed_key_keeps_the_verdict_incomplete():
    frame = people().rename(columns={"PatientID": "label"})
    frame["label"] = [f"a{i}" for i in range(200)]
    named = [r.code for r in mr.assess(frame, quasi="age", key="label").verdict.reasons]
    guessed = [r.code for r in mr.assess(frame, quasi="age").verdict.reasons]
    assert "key_guessed" in guessed
    assert "key_guessed" not in named


@pytest.mark.parametrize(
    ("roles", "error"),
    [
        ({"quasi": "Age"}, AttributeRoleError),
        ({"quasi": ["age"], "sensitive": ["age"]}, AttributeRoleError),
        ({"quasi": "PatientID", "key": "PatientID"}, AttributeRoleError),
        ({"quasi": [["age"]]}, AttributeRoleError),
        ({"key": "nobody"}, MidiRiskError),
    ],
)
def test_roles_that_cannot_be_are_refused_without_a_value(roles, error):
    with pytest.raises(error) as caught:
        mr.assess(people(), **roles)
    assert not re.search(r"p\d{3}", str(caught.value))


@pytest.mark.parametrize(
    "data",
    [3, None, "table.csv", np.zeros((3, 2)), pd.DataFrame(), pd.DataFrame({"a": []}),
     {"a": [1], "b": [1, 2]}, pd.DataFrame([[1, 2]], columns=["a", "a"])],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_one_line(data):
    with pytest.raises(SourceError) as caught:
        mr.assess(data)
    assert "\n" not in str(caught.value)


def test_a_subject_table_has_its_roles_already():
    table = mr.SubjectTable.from_frame(people(), **ROLES)
    with pytest.raises(AttributeRoleError, match="quasi"):
        mr.assess(table, quasi="age")


def test_one_name_and_a_percentage_are_accepted():
    table = mr.SubjectTable.from_frame(people(), **ROLES)
    one = mr.suggest(table, "public-release", keep="sex", max_suppression="2%")
    several = mr.suggest(table, ["public-release"], keep=["sex"], max_suppression=0.02)
    assert one.levels == several.levels
    with pytest.raises(SearchError, match="max_suppression"):
        mr.suggest(table, max_suppression="200%")


def test_an_assessment_stops_a_pipeline():
    above = mr.assess(people(), **ROLES)
    with pytest.raises(VerdictError) as caught:
        above.raise_if()
    assert caught.value.status == above.verdict.status
    assert caught.value.exit_code in {3, 4}
    with pytest.raises(VerdictError):  # incomplete outranks it, and hides nothing
        above.raise_if("above_threshold")
    assert above.raise_if("acceptable") is above
    with pytest.raises(MidiRiskError, match="above_threshold"):
        above.raise_if("above_treshold")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5), st.sampled_from(["a", "b", None]), st.sampled_from([1.5, 2.0, None])
        ),
        min_size=1,
        max_size=30,
    )
)
def test_order_of_columns_and_container_change_nothing(rows):
    frame = pd.DataFrame(rows, columns=["id", "group", "size"])
    there = {"quasi": ["group", "size"], "key": "id"}
    first = mr.SubjectTable.from_frame(frame, **there)
    for other in (frame[["size", "id", "group"]], frame.to_dict("list"), frame.convert_dtypes()):
        assert mr.SubjectTable.from_frame(other, **there).digest == first.digest

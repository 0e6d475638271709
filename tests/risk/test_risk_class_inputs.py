"""Whatever holds the data, and whatever is odd in it, the classes are right or the fault clear."""

from __future__ import annotations

import datetime as dt
import decimal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from midi_risk.errors import MeasureError, MidiRiskError
from midi_risk.risk import (
    EquivalenceClasses,
    attribute_disclosure,
    equivalence_classes,
    identity_risk,
    individual_risk,
    k_anonymity,
    l_diversity,
    suda,
)

AGES = [61, 61, None, 70, None]
SEX = ["M", "M", "F", None, "F"]
EXPECTED = [2, 2, 2, 1, 2]


def frame() -> pd.DataFrame:
    return pd.DataFrame({"age": pd.array(AGES, dtype="Int64"), "sex": SEX})


def sizes(data: object, names: object = ("age", "sex"), **options: object) -> list[int]:
    return equivalence_classes(data, names, **options).record_sizes.tolist()


def test_every_kind_of_table_gives_the_same_classes() -> None:
    table = pa.table({"age": AGES, "sex": SEX})
    assert sizes(frame()) == EXPECTED
    assert sizes({"age": AGES, "sex": SEX}) == EXPECTED
    assert sizes(table) == EXPECTED
    assert sizes(table.to_batches()[0]) == EXPECTED
    assert sizes(pa.table({"age": AGES, "sex": pa.array(SEX).dictionary_encode()})) == EXPECTED
    with duckdb.connect() as connection:
        connection.register("subjects", table)
        assert sizes(connection.sql("select * from subjects")) == EXPECTED


def test_anything_that_speaks_arrow_is_read() -> None:
    class Streams:
        """What polars and other modern tables offer."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.table({"age": AGES, "sex": SEX}).__arrow_c_stream__(requested_schema)

    class Converts:
        def to_arrow(self) -> pa.Table:
            return pa.table({"age": AGES, "sex": SEX})

    assert sizes(Streams()) == EXPECTED
    assert sizes(Converts()) == EXPECTED


def test_python_objects_in_polars_are_compared_by_value() -> None:
    polars = pytest.importorskip("polars")
    texts = ["".join(["x", str(n % 2)]) for n in range(4)]  # equal ones are objects of their own
    column = polars.Series("a", texts, dtype=polars.Object)
    for table in (polars.DataFrame([column]), {"a": column}):
        assert sizes(table, ["a"]) == [2, 2, 2, 2]
    mixed = polars.DataFrame([polars.Series("a", [1, "1", 2], dtype=polars.Object)])
    with pytest.raises(MidiRiskError, match="written alike"):
        sizes(mixed, ["a"])


def test_names_may_come_in_any_collection() -> None:
    table = frame()
    for names in (["age", "sex"], ("age", "sex"), table.columns, np.array(["age", "sex"]).tolist()):
        assert sizes(table, names) == EXPECTED
    with pytest.raises(MidiRiskError, match="of type ndarray, not names"):
        sizes(table, np.array(["Doe^Jane", "Roe^Ann"]))  # as a column of values would come
    assert sizes(table, "age") == sizes(table, ["age"])
    assert sizes({7: [1, 1, 2]}, 7) == [2, 2, 1]


def test_a_thing_that_is_no_table_is_one_clear_error() -> None:
    with pytest.raises(MeasureError, match="type int cannot be read"):
        equivalence_classes(3, ["age"])


def test_all_the_ways_to_be_missing_are_one() -> None:
    odd = [None, float("nan"), pd.NA, pd.NaT, np.nan, decimal.Decimal("nan"), "x"]
    assert sizes({"a": odd}, "a") == [6, 6, 6, 6, 6, 6, 1]
    assert sizes(pa.table({"a": [1.0, float("nan"), None]}), "a") == [1, 2, 2]
    assert sizes(pa.table({"a": pa.nulls(3)}), "a") == [3, 3, 3]
    times = pd.Series([pd.Timestamp("2020-01-01"), pd.NaT, None])
    assert sizes({"a": times}, "a") == [1, 2, 2]


@pytest.mark.parametrize(
    "values",
    [
        [True, False, True],
        np.array([True, False, True]),
        pd.array([True, False, True], dtype="boolean"),
        [decimal.Decimal("1.50"), decimal.Decimal(2), decimal.Decimal("1.5")],
        [dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.date(2020, 1, 1)],
        np.array([2**63, 5, 2**63], dtype=np.uint64),
        np.array([-5, 7, -5], dtype=np.int8),
        np.array([10**15, -(10**15), 10**15]),
        pd.Categorical(["b", "a", "b"], categories=["unused", "a", "b"]),
        pa.array([decimal.Decimal("1.50"), decimal.Decimal("2.00"), decimal.Decimal("1.50")]),
        pa.chunked_array([["x", "y"], ["x"]]),
        pa.chunked_array(
            [pa.array(["x", "y"]).dictionary_encode(), pa.array(["x"]).dictionary_encode()]
        ),
        pa.array(["x", "y", "x"], pa.string_view()),
        pa.DictionaryArray.from_arrays([0, 1, 2], pa.array(["x", "y", "x"], pa.string_view())),
        pa.DictionaryArray.from_arrays([0, 2, 1], pa.array([None, float("nan"), 1.0])),
        pa.array([dt.time(9), dt.time(10), dt.time(9)]),
        [("a", 1), ("b", 1), ("a", 1)],
        [b"x", b"y", b"x"],
    ],
)
def test_values_of_every_type_are_told_apart(values: object) -> None:
    assert sizes({"a": values}, "a") == [2, 1, 2]


@pytest.mark.parametrize(
    "values",
    [[[1], [2]], [{"a": 1}, {"a": 2}], pa.array([[1], [2]]), pa.array([{"x": 1}, {"x": 2}])],
)
def test_nested_values_are_one_clear_error_without_the_values(values: object) -> None:
    with pytest.raises(MeasureError, match="'a' holds nested values"):
        equivalence_classes({"a": values}, "a")


def test_a_matrix_is_not_a_column() -> None:
    with pytest.raises(MeasureError, match="not one-dimensional"):
        equivalence_classes({"a": np.zeros((2, 2))}, "a")
    with pytest.raises(MeasureError, match="not a sequence"):
        equivalence_classes({"a": "text"}, "a")


def test_unused_categories_make_no_class() -> None:
    table = pd.DataFrame({"a": pd.Categorical(["x", "x"], categories=["x", "y", "z"])})
    assert k_anonymity(table, "a") == 2


def test_no_record_has_no_k() -> None:
    empty = pd.DataFrame({"a": pd.Series(dtype=str), "s": pd.Series(dtype=str)})
    classes = equivalence_classes(empty, "a")
    assert (classes.n, classes.n_classes, classes.minimum) == (0, 0, None)
    assert classes.histogram() == {}
    assert classes.to_frame().empty
    assert k_anonymity(empty, "a") is None
    assert k_anonymity(pa.table({"a": pa.array([], pa.string())}), "a") is None
    with pytest.raises(MeasureError, match="without records"):
        identity_risk(classes)
    with pytest.raises(MeasureError, match="without records"):
        l_diversity(empty, "a", "s")


def test_one_record_is_unique() -> None:
    assert k_anonymity({"a": ["x"]}, "a") == 1


def test_all_equal_and_all_unique() -> None:
    assert k_anonymity({"a": [7] * 50}, "a") == 50
    unique = equivalence_classes({"a": list(range(50))}, "a")
    assert (unique.minimum, unique.sample_uniques) == (1, 50)


def test_no_quasi_identifier_makes_one_class() -> None:
    assert sizes(frame(), []) == [5] * 5
    assert EquivalenceClasses.from_codes(np.empty((4, 0), dtype=int)).sizes.tolist() == [4]


def test_two_hundred_columns() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 50, (300, 200))
    codes[150:] = codes[:150]
    classes = EquivalenceClasses.from_codes(codes)
    assert classes.sizes.tolist() == [2] * 150
    table = {f"c{j}": codes[:, j] for j in range(200)}
    assert equivalence_classes(table, list(table)).minimum == 2


def test_a_column_of_many_distinct_texts() -> None:
    texts = [f"value {i % 5000}" for i in range(20_000)]
    assert equivalence_classes({"a": texts}, "a").sizes.tolist() == [4] * 5000


@pytest.mark.parametrize("name", ["f", "fk", "Fk", "weight", "index", "id", "(0010,1010)", "class"])
def test_column_names_are_never_code(name: str) -> None:
    table = pd.DataFrame({name: [1, 1, 2], "b": [1, 1, 2], "w": [10.0, 20.0, 30.0]})
    classes = equivalence_classes(table, [name, "b"], weights="w")
    assert classes.record_sizes.tolist() == [2, 2, 1]
    assert classes.record_population_sizes.tolist() == [30, 30, 30]


def test_the_index_of_a_frame_plays_no_part() -> None:
    table = pd.DataFrame({"a": [1, 1, 2, 2], "s": list("xyzz")}, index=[3, 2, 1, 0])
    assert sizes(table, "a") == [2, 2, 2, 2]
    assert l_diversity(table[table["a"] == 1], "a", "s") == 2
    assert l_diversity(table, "a", "s") == 1


def test_faults_of_names() -> None:
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"])
    with pytest.raises(MeasureError, match="2 columns named 'a'"):
        equivalence_classes(twice, "a")
    with pytest.raises(MeasureError, match="2 columns named 'a'"):
        equivalence_classes(pa.table([[1], [2]], names=["a", "a"]), "a")
    with pytest.raises(MeasureError, match=r"no column 'agee'.*Did you mean 'age'"):
        equivalence_classes(frame(), ["agee"])
    with pytest.raises(MeasureError, match="listed twice"):
        equivalence_classes(frame(), ["age", "age"])
    with pytest.raises(MeasureError, match="differ in length"):
        equivalence_classes({"a": [1, 2], "b": [1]}, ["a", "b"])
    with pytest.raises(MeasureError, match="both a quasi-identifier and a sensitive"):
        l_diversity(frame(), ["age", "sex"], "sex")


@pytest.mark.parametrize("bad", [0, -1, float("nan"), None, float("inf")])
def test_weights_must_be_positive_numbers(bad: object) -> None:
    with pytest.raises(MeasureError, match="1 of 3 records have a weight"):
        equivalence_classes({"a": [1, 1, 2], "w": [1.0, 2.0, bad]}, "a", weights="w")


def test_text_is_no_weight() -> None:
    with pytest.raises(MeasureError, match="must hold numbers"):
        equivalence_classes({"a": [1, 2], "w": ["3", "4"]}, "a", weights="w")


def test_there_is_one_weight_per_record() -> None:
    with pytest.raises(MeasureError, match="one weight per record"):
        equivalence_classes({"a": [1, 2]}, "a", weights=[1.0])


def test_a_population_below_the_release_is_refused() -> None:
    with pytest.raises(MeasureError, match="smaller than the released class in 1 of 2"):
        equivalence_classes({"a": [1, 1, 2]}, "a", population_sizes=[1, 1, 5])
    with pytest.raises(MeasureError, match="different population sizes"):
        equivalence_classes({"a": [1, 1, 2]}, "a", population_sizes=[3, 4, 5])
    with pytest.raises(MeasureError, match="not both"):
        equivalence_classes({"a": [1]}, "a", weights=[1.0], population_sizes=[1])


def test_weights_below_one_never_make_a_risk_above_one() -> None:
    classes = equivalence_classes({"a": [1, 1, 2, 3]}, "a", weights=[0.5, 0.4, 0.7, 1.0])
    risk = individual_risk(classes)
    assert risk.tolist() == pytest.approx([0.5, 0.5, 1.0, 1.0])


def test_options_out_of_range() -> None:
    with pytest.raises(MeasureError, match="'category', 'wildcard' or 'wildcard-cautious'"):
        equivalence_classes(frame(), "age", missing="drop")
    with pytest.raises(MeasureError, match="alpha"):
        equivalence_classes(frame(), "age", missing="wildcard", alpha=1.5)
    with pytest.raises(MeasureError, match="matrix of integers"):
        EquivalenceClasses.from_codes(np.array([[0.5]]))
    with pytest.raises(MeasureError, match="below -1"):
        EquivalenceClasses.from_codes(np.array([[-2]]))


def test_arrays_are_read_only_and_the_repr_holds_no_value() -> None:
    classes = equivalence_classes({"name": ["MUELLER^HANS"]}, "name", weights=[3.0])
    for array in (classes.class_of_record, classes.sizes, classes.population_sizes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 9
    assert "MUELLER" not in repr(classes)
    result = suda({"name": ["MUELLER^HANS"]}, "name")
    assert "MUELLER" not in repr(result)


def test_errors_hold_no_cell_value() -> None:
    with pytest.raises(MeasureError) as caught:
        equivalence_classes({"a": [["MUELLER"], ["HANS"]]}, "a")
    assert "MUELLER" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(MeasureError) as caught:
        equivalence_classes({"a": [1], "w": ["MUELLER"]}, "a", weights="w")
    assert "MUELLER" not in str(caught.value)


def test_a_class_without_any_sensitive_value_is_reported_apart() -> None:
    classes = equivalence_classes({"a": [1, 1, 2, 2]}, "a")
    found = attribute_disclosure(classes, ["x", None, None, None])
    assert (found.missing, found.unassessed_classes, found.distinct_l) == (3, 1, 1)
    with pytest.raises(MeasureError, match="No value of the sensitive attribute"):
        attribute_disclosure(classes, [None] * 4)

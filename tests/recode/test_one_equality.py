"""One rule of equality and missing, whoever holds the table: measures, search, sweep, cells."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import midi_risk as mr
from midi_risk.errors import MidiRiskError, quoted
from midi_risk.recode.search.search import search
from midi_risk.recode.search.sweep import sweep
from midi_risk.recode.suppression import local_suppression
from midi_risk.risk.classes.classes import equivalence_classes
from midi_risk.risk.classes.columns import encode
from midi_risk.risk.classes.keys import joint_codes

pl = pytest.importorskip("polars", reason="polars is not installed")
CANARY = "CANARYPATIENT"


def _duckdb(table: pa.Table) -> Any:
    return duckdb.connect().from_arrow(table)


def _numpy(frame: pd.DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy() for name in frame}


def _masked(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        name: np.ma.MaskedArray(frame[name].fillna(7.5).to_numpy(), mask=frame[name].isna())
        if frame[name].dtype.kind == "f"
        else frame[name].to_numpy()
        for name in frame
    }


CONTAINERS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "numpy": _numpy,
    "masked": _masked,
    "lists": lambda frame: {name: frame[name].tolist() for name in frame},
    "pandas": lambda frame: frame,
    "objects": lambda frame: frame.astype(object),
    "nullable": lambda frame: frame.convert_dtypes(),
    "nullable-nan": lambda frame: frame.assign(size=_with_inner_nan(frame["size"])),
    "arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "arrow-backed-nan": lambda frame: frame.assign(
        size=pd.Series(pd.arrays.ArrowExtensionArray(pa.array(frame["size"].to_numpy())))
    ),
    "categories": lambda frame: frame.astype("category"),
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "arrow-nan": lambda frame: pa.table(
        {name: pa.array(frame[name].to_numpy(), from_pandas=name == "sex") for name in frame}
    ),
    "arrow-dictionary": lambda frame: pa.table(
        {name: pa.array(frame[name]).dictionary_encode() for name in frame}
    ),
    "arrow-half": lambda frame: pa.table(
        {
            "size": pa.array(frame["size"].to_numpy().astype(np.float16)),
            "age": pa.array(frame["age"]),
            "sex": pa.array(frame["sex"]),
        }
    ),
    "polars": pl.from_pandas,
    "polars-nan": lambda frame: pl.from_arrow(CONTAINERS["arrow-nan"](frame)),
    "duckdb": lambda frame: _duckdb(pa.Table.from_pandas(frame, preserve_index=False)),
    "duckdb-nan": lambda frame: _duckdb(CONTAINERS["arrow-nan"](frame)),
}


def _with_inner_nan(column: pd.Series[float]) -> Any:
    """Return a nullable column that holds NaN as a value, as 0 / 0 leaves it."""
    number = pd.Series(column.fillna(0.0).to_numpy(), dtype="Float64")
    return number / pd.Series(column.notna().astype(float).to_numpy(), dtype="Float64")


def people(seed: int, rows: int = 60) -> pd.DataFrame:
    """Return people with numbers, whole numbers and text, missing values and both zeros."""
    draw = np.random.default_rng(seed)
    size = draw.choice([0.0, -0.0, 1.0, 1.5, 2.0, np.nan], rows)
    sex = draw.choice(np.array(["F", "M", "O", None], dtype=object), rows)
    return pd.DataFrame({"size": size, "age": draw.integers(30, 36, rows), "sex": sex})


HIERARCHIES = {
    "size": pd.DataFrame(
        [["0", "low", "*"], ["1", "low", "*"], ["1.5", "high", "*"], ["2", "high", "*"]]
    ),
    "age": pd.DataFrame([[str(a), f"{a // 3 * 3}+", "*"] for a in range(30, 36)]),
    "sex": pd.DataFrame([["F", "*"], ["M", "*"], ["O", "*"]]),
}  # fmt: skip
NAMES = list(HIERARCHIES)


def expected_sizes(frame: pd.DataFrame) -> list[int]:
    """Return class sizes counted in plain Python: zeros are one value, missing is one."""
    rows = [
        tuple(None if pd.isna(v) else (v + 0.0 if isinstance(v, float) else v) for v in row)
        for row in frame[NAMES].itertuples(index=False)
    ]
    return [rows.count(row) for row in rows]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("seed", range(3))
def test_classes_do_not_depend_on_who_holds_the_table(container: str, seed: int) -> None:
    frame = people(seed)
    classes = equivalence_classes(CONTAINERS[container](frame), NAMES)
    assert classes.record_sizes.tolist() == expected_sizes(frame)


@pytest.mark.parametrize("container", CONTAINERS)
def test_search_sweep_and_cells_do_not_depend_on_who_holds_the_table(container: str) -> None:
    for seed in range(2):
        frame = people(seed)
        criteria = [mr.DistinctLDiversity("sex", 2)]
        ladders = {name: HIERARCHIES[name] for name in ("size", "age")}
        want = search(frame, ladders, k=4, criteria=criteria, max_suppression=0.1)
        table = CONTAINERS[container](frame)
        got = search(table, ladders, k=4, criteria=criteria, max_suppression=0.1)
        assert got.to_dict() == want.to_dict()
        assert (got.suppressed_rows == want.suppressed_rows).all()
        every, counted = sweep(frame, HIERARCHIES), sweep(table, HIERARCHIES)
        assert (every.histogram == counted.histogram).all()
        want_cells = local_suppression(frame, NAMES, k=3)
        cells = local_suppression(table, NAMES, k=3)
        assert (cells.cells == want_cells.cells).all()
        left = equivalence_classes(cells.apply(table), NAMES, missing="wildcard")
        assert left.minimum is not None
        assert left.minimum >= 3


@pytest.mark.parametrize(
    "values",
    [
        [1, "1", 2, "x"],
        [1.0, "1", None, "x"],
        [Decimal("2.50"), "2.5", "x", "y"],
        [date(2020, 1, 2), "2020-01-02", "x", "y"],
    ],
)
def test_values_that_are_written_alike_but_differ_are_refused_in_one_line(
    values: list[Any],
) -> None:
    frame = pd.DataFrame({"size": pd.Series(values, dtype=object), "sex": list("FFMM")})
    categories = frame.assign(size=pd.Categorical(frame["size"]))
    calls: list[Callable[[Any], Any]] = [
        lambda table: equivalence_classes(table, ["size"]),
        lambda table: mr.l_diversity(table, ["sex"], "size"),
        lambda table: search(table, {"size": HIERARCHIES["size"]}, k=2),
        lambda table: sweep(table, {"size": HIERARCHIES["size"]}),
        lambda table: local_suppression(table, ["size"], k=2),
        lambda table: search(
            table, {"sex": HIERARCHIES["sex"]}, criteria=[mr.DistinctLDiversity("size", 2)]
        ),
    ]
    for call in calls:
        for table in (frame, categories, {name: frame[name].tolist() for name in frame}):
            with pytest.raises(MidiRiskError, match="written alike") as caught:
                call(table)
            assert "\n" not in str(caught.value)


def test_text_beside_other_numbers_is_no_contradiction() -> None:
    column = encode("size", [1, "unknown", 2.0, None])
    assert column.codes.tolist() == [0, 1, 2, -1]


def test_an_unused_category_is_no_value() -> None:
    column = pd.Categorical([1, 2], categories=[1, 2, "1"])
    assert encode("size", column).codes.tolist() == [0, 1]


def test_two_tables_that_write_a_value_differently_are_refused() -> None:
    with pytest.raises(MidiRiskError, match="written alike"):
        joint_codes({"age": [39, 40]}, {"age": ["39", "40"]}, ["age"])


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, np.float32(-0.0), Decimal("-0.0")])
def test_every_zero_is_one_value(zero: Any) -> None:
    assert encode("size", [0, zero, 0.0]).codes.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "nothing", [None, np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("nan")]
)
def test_every_missing_value_is_missing(nothing: Any) -> None:
    assert encode("size", [1, nothing, 2]).codes.tolist() == [0, -1, 1]


def test_dates_of_numpy_are_the_dates_of_arrow() -> None:
    days = np.array(["2020-01-02", "2021-03-04", "NaT"], dtype="datetime64[ns]")
    for column in (days, pd.Series(days), pa.array(days), pl.Series(days)):
        coded = encode("day", column)
        assert coded.codes.tolist() == [0, 1, -1]
        assert [str(label)[:10] for label in coded.labels] == ["2020-01-02", "2021-03-04"]


def hostile() -> list[Any]:
    """Return objects that print a patient when they are turned into text."""
    rows = [CANARY] * 3
    frame = pd.DataFrame({"name": rows, "age": [1, 2, 3]})
    table = pa.Table.from_pandas(frame)
    return [
        frame, frame["name"], table, table.column("name"), table.column("name").combine_chunks(),
        pl.from_pandas(frame), pl.Series(rows), np.array(rows), frame.to_numpy(),
        duckdb.connect().from_arrow(table), [rows], {1: rows},
    ]  # fmt: skip


def public_callables() -> list[str]:
    """Return the public functions and classes."""
    return [name for name in mr.__all__ if callable(getattr(mr, name)) and name != "MidiRiskError"]


def message_of(call: Callable[..., Any], given: dict[str, Any], *, several: str) -> str:
    """Return the message of what a call raises, ours or not; one line when it is ours."""
    positional = [given.pop(several)] if several else []
    try:
        call(*positional, **given)
    except MidiRiskError as fault:
        if "\n" in str(fault):
            raise AssertionError("a message of more than one line") from None
        return str(fault)
    except Exception as fault:  # noqa: BLE001 - what is no message of ours must be silent too
        return str(fault)
    return ""


@pytest.mark.parametrize("name", public_callables())
def test_no_object_of_the_user_reaches_a_message(name: str, tmp_path: Any) -> None:
    """Give every parameter of every public name a table; what comes back shows no value."""
    call = getattr(mr, name)
    if name == "report" or isinstance(call, type(mr)):
        call = mr.report
    good: dict[str, Any] = {
        "data": pd.DataFrame({"age": ["1", "2", "2"], "sex": list("FMM"), "dx": list("abc")}),
        "quasi_identifiers": ["age", "sex"],
        "hierarchies": {"age": pd.DataFrame([["1", "*"], ["2", "*"]])},
        "keys": ["age", "sex"],
        "sensitive": "dx",
        "k": 2,
    }
    try:
        parameters = inspect.signature(call).parameters
    except ValueError:
        pytest.skip("has no signature")
    named = [p.name for p in parameters.values() if p.kind is not p.VAR_KEYWORD]
    variable = next((p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL), "")
    for target in named:
        for thing in hostile():
            if target == "coupled" and isinstance(thing, list):
                continue  # a list of lists of names is what is asked for
            given = {
                p: good.get(p, "age")
                for p in named
                if parameters[p].default is inspect.Parameter.empty and p != variable
            }
            given[target] = thing
            message = message_of(call, given, several=target if target == variable else "")
            assert CANARY not in message, (target, type(thing))


def test_quoted_shows_names_and_numbers_only() -> None:
    assert [quoted(thing) for thing in ("age", 3, None)] == ["'age'", "3", "None"]
    assert len(quoted("x" * 500)) < 80
    for thing in hostile():
        assert CANARY not in quoted(thing)

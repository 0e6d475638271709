"""A list in a JSON file is read one item at a time, and says what the whole would say."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi_risk.errors import SourceError
from midi_risk.sources.tables.json import JsonItems, load_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    items=st.lists(VALUES, max_size=5),
    indent=st.none() | st.integers(0, 2),
    cut=st.integers(0, 60),
    put=st.sampled_from(
        ["", ",", "]", "[", "{", '"', " ", "\n", "x", "\\", "NaN", "\ufeff", "\x0b"]
    ),
    damaged=st.booleans(),
)  # fmt: skip
def test_items_are_those_of_the_whole_list_or_both_are_refused(items, indent, cut, put, damaged):
    text = json.dumps(items, indent=indent)
    if damaged:
        cut = 1 + cut % len(text)
        text = text[:cut] + put + text[cut + 1 :]
    try:
        whole = json.loads(text)
    except ValueError:
        with pytest.raises(SourceError, match=r"x\.json is not valid JSON \(line "):
            list(JsonItems(text, "x.json"))
    else:
        assert json.dumps(list(JsonItems(text, "x.json"))) == json.dumps(whole)


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "[" * 100_000])
def test_nesting_without_end_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "deep.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"deep\.json is not valid JSON"):
        load_json(path)


def test_the_line_of_a_fault_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[\n {"a": 1},\n {"a": }\n]', encoding="utf-8")
    with pytest.raises(SourceError, match=r"a\.json is not valid JSON \(line 3\)"):
        load_json(path)


def test_a_list_takes_no_more_memory_than_its_text_and_one_item():
    text = json.dumps([{"id": str(n), "value": [n]} for n in range(20_000)])
    tracemalloc.start()
    try:
        count = sum(1 for _ in JsonItems(text, "x.json"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak < len(text) / 10

"""Every entry of every registry is complete: words, documentation, an example."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import registry_docs
from test_databases import DATABASES

import midi_risk.recode
import midi_risk.risk
from midi_risk.cli import explain_command
from midi_risk.report.words import SHARES, is_share
from midi_risk.resources import data_rows
from midi_risk.risk.channels.entries import RULES
from midi_risk.risk.measures.registry import FIGURES, LITERATURE, MEASURES, Leaves
from midi_risk.sources.files.sniff import sniff
from midi_risk.sources.model import TableSpec
from midi_risk.sources.tables.formats import BY_SUFFIX, FORMATS, TableFormat
from midi_risk.sources.tables.read import read_raw
from midi_risk.threat.channels import CHANNELS, FOUND


def test_the_tables_of_the_documentation_are_current() -> None:
    assert registry_docs.stale() == []


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=lambda channel: channel.name)
def test_every_channel_has_words_and_a_rule(channel) -> None:
    assert channel.title[:1].isupper()
    assert channel.meaning.endswith(".")
    assert channel.answers
    assert all(channel.found.values())
    assert callable(RULES[channel.name])


def test_no_rule_is_without_a_channel_and_no_fact_belongs_to_two() -> None:
    assert list(RULES) == list(CHANNELS)
    assert len(FOUND) == sum(len(channel.found) for channel in CHANNELS.values())


NO_MEASURES = {"match_population", "sensitive_counts", "wilson_rate"}
"""Public functions of `midi_risk.risk` that prepare a table or an interval."""

WITHOUT_A_FORMULA = {"population_unique"}
"""A model of the population gives them; the report refers to its source."""

ASSESS = "assess"
"""It takes a table with roles; its example is that of the page on Python."""


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda measure: measure.key)
def test_every_measure_has_words_a_formula_a_term_and_functions_with_an_example(measure) -> None:
    assert measure.title
    assert bool(measure.formula) != (measure.key in WITHOUT_A_FORMULA)
    assert measure.unit
    assert set(measure.sources) <= set(LITERATURE)
    assert measure.term in {row["term"] for row in data_rows("glossary.csv")}
    assert measure.calls
    for call in measure.calls:
        name = call.partition("(")[0]
        places = (midi_risk, midi_risk.risk, midi_risk.recode)
        found = next(getattr(place, name) for place in places if hasattr(place, name))
        assert isinstance(found, type) or name == ASSESS or ">>>" in found.__doc__, name


def test_every_public_function_of_risk_is_a_measure_or_says_that_it_is_none() -> None:
    known = {call.partition("(")[0] for m in MEASURES.values() for call in m.calls}
    functions = {name for name in midi_risk.risk.__all__ if name.islower()}
    assert functions - known == NO_MEASURES


@pytest.mark.parametrize("code", FIGURES)
def test_the_name_of_a_figure_says_what_its_entry_says(code) -> None:
    """A document of another version is read by the endings of names."""
    assert is_share(code) == (FIGURES[code].leaves is Leaves.COUNT) == code.endswith(SHARES)


@pytest.mark.parametrize("name", [*MEASURES, *CHANNELS])
def test_every_measure_and_channel_is_explained_by_its_name(name, capsys) -> None:
    assert explain_command.command.main(name.split(), standalone_mode=False) is None
    head, text, *_ = capsys.readouterr().out.splitlines()
    assert head
    assert len(text) > len("  min f.")


def _statistics(write: str, frame: pd.DataFrame, path: Path) -> None:
    reader = pytest.importorskip("pyreadstat", reason="pyreadstat is not installed")
    getattr(reader, write)(frame, str(path))


WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    "Parquet": lambda frame, path: frame.to_parquet(path),
    "CSV": lambda frame, path: frame.to_csv(path, index=False),
    "TSV": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "delimited text": lambda frame, path: frame.to_csv(path, index=False, sep=";"),
    "Excel": lambda frame, path: frame.to_excel(path, index=False),
    "SPSS": partial(_statistics, "write_sav"),
    "Stata": partial(_statistics, "write_dta"),
    "SAS transport": partial(_statistics, "write_xport"),
    "JSON": lambda frame, path: frame.to_json(path, orient="records"),
    "JSON lines": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}
"""Table format -> what writes an example of it."""

READ_ONLY = {"OpenDocument", "Excel, binary", "SAS"}
"""Nothing that the tests may use writes them; `tests/sources/test_tables_files.py` reads some."""


@pytest.mark.parametrize(
    "kind",
    [kind for kind in FORMATS if kind.suffixes and kind.name not in READ_ONLY],
    ids=lambda kind: kind.name,
)
def test_every_table_format_reads_an_example_that_begins_as_it_says(
    kind: TableFormat, tmp_path: Path
) -> None:
    path = tmp_path / f"people{kind.suffixes[0]}"
    WRITERS[kind.name](pd.DataFrame({"SUBJID": ["a1", "b2"], "SEX": ["F", "M"]}), path)
    assert sniff(path.read_bytes()[:512])[0] is kind.content
    rows = read_raw(TableSpec(path=path)).rows
    assert rows.to_pydict() == {"SUBJID": ["a1", "b2"], "SEX": ["F", "M"]}


def test_every_table_format_has_an_example_endings_of_its_own_and_an_extra_that_exists(
    root: Path,
) -> None:
    assert {kind.name for kind in FORMATS if kind.suffixes} == WRITERS.keys() | READ_ONLY
    assert {kind.name for kind in FORMATS if kind.schemes} == DATABASES.keys()
    assert len(BY_SUFFIX) == sum(len(kind.suffixes) for kind in FORMATS)
    assert all(suffix == suffix.casefold() and suffix[0] == "." for suffix in BY_SUFFIX)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {kind.extra for kind in FORMATS} <= {"", *project["optional-dependencies"]}

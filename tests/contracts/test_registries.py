"""Every entry of every registry is complete: words, documentation, an example."""

from __future__ import annotations

import pytest
import registry_docs

import midi_risk.recode
import midi_risk.risk
from midi_risk.cli import explain_command
from midi_risk.report.words import SHARES, is_share
from midi_risk.resources import data_rows
from midi_risk.risk.channels.entries import RULES
from midi_risk.risk.measures.registry import FIGURES, LITERATURE, MEASURES, Leaves
from midi_risk.threat.channels import CHANNELS, FOUND


def test_the_tables_of_the_documentation_are_current() -> None:
    assert registry_docs.stale() == []


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=lambda channel: channel.name)
def test_every_channel_has_words_and_a_rule_or_says_what_is_open(channel) -> None:
    assert channel.title[:1].isupper()
    assert channel.meaning.endswith(".")
    assert channel.answers
    assert all(channel.found.values())
    assert (RULES[channel.name] is None) == bool(channel.unstated)


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

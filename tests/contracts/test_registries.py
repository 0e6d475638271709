"""Every entry of every registry is complete: words, documentation, an example."""

from __future__ import annotations

import pytest
import registry_docs

from midi_risk.risk.channels.entries import RULES
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

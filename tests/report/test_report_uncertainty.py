"""Declared intervals in both editions: numbers, bars, and 'not stated' where there is nothing."""

import re

import pytest
from report_documents import assessment

from midi_risk.report import report, view


def page(edition, **changes):
    return report(assessment(**changes), edition=edition).html


@pytest.mark.parametrize("edition", ["internal", "shareable"])
def test_both_editions_show_the_probability_and_the_bars(edition):
    text = page(edition)
    assert "Assumptions of each adversary" in text
    assert "31.9\u00a0%" in text or "32.0\u00a0%" in text
    assert re.search(r'id="tornado-2-title">Which assumption matters', text)
    assert "tornado-1-title" not in text


@pytest.mark.parametrize("edition", ["internal", "shareable"])
def test_an_adversary_without_intervals_is_not_stated_rather_than_certain(edition):
    row = re.search(r'<tr><th scope="row">public-release<br>.*?</tr>', page(edition), re.DOTALL)
    rows = re.findall(r'<tr><th scope="row">public-release<br>.*?</tr>', page(edition), re.DOTALL)
    assert row
    assert any(r.count("not stated") >= 2 for r in rows)


def test_only_the_internal_edition_tells_the_seed_of_the_draws():
    assert "seed 7" in page("internal")
    assert "seed 7" not in page("shareable")


def test_the_shareable_edition_rounds_the_draws_to_two_digits():
    found = view(assessment(), edition="shareable").threats[1].uncertainty
    assert found.interval == (0.0017, 0.14)
    assert found.tornado[0].at_high == 0.14

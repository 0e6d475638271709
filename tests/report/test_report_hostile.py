"""Hostile text in every field of the document, in both editions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import read
from report_documents import assessment_document

from midi_risk.document.assessment import Assessment
from midi_risk.document.clean import neutral, scrubbed
from midi_risk.report import report

HOSTILE = (
    "<script>alert(1)</script>",
    "</style></script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "{{ 7*7 }}{% for x in y %}",
    "<!--",
    "]]>",
    "&lt;b&gt;&amp;",
    '=HYPERLINK("http://example.org","x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\x1b[31mred\x1b]8;;http://example.org\x07",
    "\x9b31m\x00\x07\x08",
    "abc\u202egnp.exe",
    "\u2066\u2067\u200b\ufeff\u2028\u2029",
    "\ud800",
    "Z\u0310\u0311\u0312\u0313\u0314\u0315a",
    "'; DROP TABLE subjects; --",
    "../../etc/passwd",
    "!!python/object/apply:os.system",
    "",
    " ",
    "x" * 3000,
    "\U000e0041\U000e0042",
)
FIXED = {
    "schema", "status", "kind", "plan.schema", "closeness", "distance",
}  # fmt: skip
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def replaced(node, draw, name=""):
    """Return the document with every free text replaced, keys of free dicts included."""
    if isinstance(node, dict):
        free = name in {"knows", "versions", "tables", "excluded", "values", "hierarchies"}
        held = {"code": node["code"]} if name == "reasons" else {}  # a closed list of codes
        return {
            (draw() or "k" if free else key): held.get(key) or replaced(value, draw, key)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [replaced(value, draw, name) for value in node]
    if isinstance(node, str) and not (name in FIXED and name != "kind") and name != "kind":
        return draw()
    return node


def check(html):
    page = read(html)
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert not {"img", "iframe", "object", "b", "a:script"} & set(page.tags)
    names = {key for _, key, _ in page.attributes}
    assert not [n for n in names if n.startswith("on") or n in {"src", "style"}]
    assert all(
        h.startswith(("#", "https://doi.org/", "https://arxiv.org/")) for h in page.values("href")
    )
    assert not ACTS.search(html)
    html.encode("utf-8")
    return page


@pytest.mark.parametrize("edition", ["internal", "shareable"])
@pytest.mark.parametrize("text", HOSTILE)
def test_one_hostile_text_in_every_field_stays_text(text, edition):
    document = replaced(assessment_document(), lambda: text)
    check(report(Assessment.model_validate(document), edition=edition).html)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_random_text_in_every_field_stays_text(data):
    pool = data.draw(st.lists(texts, min_size=3, max_size=8))
    turn = iter(range(10**9))
    document = replaced(assessment_document(), lambda: pool[next(turn) % len(pool)])
    made = Assessment.model_validate(document)
    for edition in ("internal", "shareable"):
        check(report(made, edition=edition).html)


def test_what_was_hidden_is_made_visible():
    document = assessment_document()
    document["collection"]["name"] = "CT \x1b[31m\u202egnp<b>"
    for edition in ("internal", "shareable"):
        page = check(report(Assessment.model_validate(document), edition=edition).html)
        assert "CT ⟨U+001B⟩[31m⟨U+202E⟩gnp<b>" in page.text


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_neutral_text_is_stable_and_holds_nothing_that_acts(text):
    once = neutral(text)
    assert neutral(once) == once
    assert not ACTS.search(once)
    assert "\n" not in once
    once.encode("utf-8")
    assert not ACTS.search(scrubbed(text))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_ordinary_text_is_left_alone(text):
    assert neutral(text) == text


def test_names_in_other_scripts_are_left_alone():
    for name in ("Größe", "年齢", "возраст", "العمر", "आयु", "गर्भावस्था", "tuổi"):
        assert neutral(name) == name

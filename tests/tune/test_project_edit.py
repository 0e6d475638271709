"""The project file is edited where it stands; everything else stays as it was."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import ConfigError
from midi_risk.tune.changes import edited

HEAD = "schema: midi-risk/project/1\ncollection: {name: x, sources: [{dicom: images/}]}\n"
FILE = (
    HEAD
    + """\
# decisions of the board, 3 May
attributes:
  # --- who
  PatientAge:            # asked by the statisticians
    role: quasi_identifier
    level: 10y           # decade
    decision: generalise
    need: >-
      Tumour growth is modelled
      by decade.
  PatientSex: {role: quasi_identifier, decision: retain, need: "Dose."}   # short
  stage:
    role: sensitive
    order:
      - I
      - II

  # --- where
  StationName: {decision: remove}

validity: {months: 24}   # policy
"""
)


def comments(text):
    return [line.split("#", 1)[1] for line in text.splitlines() if "#" in line]


def test_a_value_is_replaced_and_nothing_else():
    new = edited(FILE, {"PatientAge": {"level": "5y"}})
    assert new == FILE.replace("level: 10y ", "level: 5y ")


def test_a_flow_mapping_keeps_its_comment():
    new = edited(FILE, {"PatientSex": {"decision": "remove", "need": None}})
    assert "  PatientSex: {role: quasi_identifier, decision: remove}   # short\n" in new
    assert comments(new) == comments(FILE)


def test_keys_are_added_and_removed_in_a_block():
    new = edited(FILE, {"PatientAge": {"level": None, "decision": "retain", "need": "a: b # c"}})
    data = yaml.safe_load(new)["attributes"]["PatientAge"]
    assert data == {"role": "quasi_identifier", "decision": "retain", "need": "a: b # c"}
    assert "# asked by the statisticians" in new
    new = edited(FILE, {"stage": {"utility": 3, "need": "outcome"}})
    assert "      - II\n    utility: 3\n    need: outcome\n\n  # --- where" in new


def test_an_attribute_that_is_not_there_is_added_after_the_last():
    new = edited(FILE, {"race": {"role": "sensitive", "decision": "retain"}})
    assert "remove}\n  race: {role: sensitive, decision: retain}\n\nvalidity" in new


@pytest.mark.parametrize(
    "tail", ["", "attributes: {}\n", "attributes:\n", "attributes: {}", "validity: {months: 3}"]
)
def test_a_file_without_attributes_gets_them(tail):
    new = edited(HEAD + tail, {"a b": {"decision": "remove"}})
    assert yaml.safe_load(new)["attributes"] == {"a b": {"decision": "remove"}}


def test_line_ends_and_byte_order_mark_stay():
    text = "\ufeff" + FILE.replace("\n", "\r\n")
    new = edited(
        text, {"PatientAge": {"level": "20y", "utility": 2}, "race": {"role": "sensitive"}}
    )
    assert new.startswith("\ufeff")
    assert "\n" not in new.replace("\r\n", "")


def test_an_alias_is_not_broken_silently():
    text = HEAD + "attributes:\n  a: &x {role: sensitive}\n  b: *x\n"
    with pytest.raises(ConfigError, match="cannot be edited"):
        edited(text, {"b": {"decision": "remove"}})


def test_what_the_project_file_forbids_is_refused():
    with pytest.raises(ConfigError, match="decision retain takes no 'level'"):
        edited(FILE, {"PatientAge": {"decision": "retain"}})


KEYS = st.dictionaries(
    st.sampled_from(["need", "label", "utility"]),
    st.one_of(
        st.none(),
        st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"
                              + "".join(map(chr, range(0x80, 0xA0)))), max_size=20),
    ),
    max_size=3,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    changes=st.dictionaries(
        st.sampled_from(["PatientAge", "PatientSex", "stage", "StationName", "new: one"]),
        KEYS.map(lambda d: {k: (2 if k == "utility" and v is not None else v)
                            for k, v in d.items()}),
        max_size=4,
    )
)  # fmt: skip
def test_any_change_says_what_was_asked_and_keeps_every_comment(changes):
    new = edited(FILE, changes)
    before, after = yaml.safe_load(FILE), yaml.safe_load(new)
    for name, keys in changes.items():
        for key, value in keys.items():
            assert after["attributes"][name].get(key) == value
    for name, old in before["attributes"].items():
        untouched = {k: v for k, v in old.items() if k not in changes.get(name, {})}
        assert untouched.items() <= after["attributes"][name].items()
    for comment in comments(FILE):
        assert comment in new

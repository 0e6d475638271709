"""The project file is edited where it stands; everything else stays as it was."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import ConfigError
from midi_risk.tune.changes import edited
from midi_risk.tune.yaml_splices import written

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


@dataclass(frozen=True)
class Case:
    """Lines after the head, a change, and the lines it has to leave: nothing else may differ."""

    before: str
    changes: dict
    after: str


CASES = {
    "four spaces": Case(
        "attributes:\n    a:\n        role: sensitive\n    b: {role: sensitive}\n",
        {"a": {"utility": 2}, "c": {"role": "sensitive"}},
        "attributes:\n    a:\n        role: sensitive\n        utility: 2\n"
        "    b: {role: sensitive}\n"
        "    c: {role: sensitive}\n",
    ),
    "each level indented otherwise": Case(
        "attributes:\n   a:\n       role: sensitive\n       order:\n       - I\n       -   II\n"
        "   b:\n     role: sensitive\n",
        {"a": {"utility": 1}, "b": {"utility": 2}},
        "attributes:\n   a:\n       role: sensitive\n       order:\n       - I\n       -   II\n"
        "       utility: 1\n   b:\n     role: sensitive\n     utility: 2\n",
    ),
    "values in a column": Case(
        "attributes:\n  a:\n    role   :   sensitive   # r\n    utility:   2     # u\n",
        {"a": {"utility": 3}},
        "attributes:\n  a:\n    role   :   sensitive   # r\n    utility:   3     # u\n",
    ),
    "spaces in braces": Case(
        "attributes:\n  a: { role:  sensitive,utility : 2 }\n  b: {  }\n",
        {"a": {"utility": 3, "label": "A"}, "b": {"utility": 1}},
        "attributes:\n  a: { role:  sensitive,utility : 3, label: A }\n  b: {utility: 1  }\n",
    ),
    "braces over lines, with comments": Case(
        "attributes: {\n  a: {role: sensitive},   # one\n  b: {   # two\n    utility: 1,   # u\n"
        "    label: B,   # l\n  },\n}\n",
        {"b": {"label": None, "need": "x y"}, "c": {"utility": 3}},
        "attributes: {\n  a: {role: sensitive},   # one\n  b: {   # two\n"
        '    utility: 1, need: "x y",   # u\n'
        "       # l\n  }, c: {utility: 3},\n}\n",
    ),
    "first of braces over lines": Case(
        "attributes:\n  a: {\n    utility: 1,   # u\n    # about the label\n"
        "    label: B   # l\n  }\n",
        {"a": {"utility": None}},
        "attributes:\n  a: {\n       # u\n    # about the label\n    label: B   # l\n  }\n",
    ),
    "comments everywhere": Case(
        "# 0\nattributes:   # 1\n\n  # 2\n  a:   # 3\n    # 4\n    role: sensitive # 5\n    # 6\n"
        "    label: A\n\n\n    # 7\n# 8\nvalidity: {months: 3}  # 9\n",
        {"a": {"label": "B", "utility": 1}},
        "# 0\nattributes:   # 1\n\n  # 2\n  a:   # 3\n    # 4\n    role: sensitive # 5\n    # 6\n"
        "    label: B\n    utility: 1\n\n\n    # 7\n# 8\nvalidity: {months: 3}  # 9\n",
    ),
    "a long line": Case(
        f"attributes:\n  a: {{utility: 1, need: {'word ' * 80}end}}   # {'c ' * 80}\n",
        {"a": {"utility": 2, "label": "l " * 90}},
        f'attributes:\n  a: {{utility: 2, need: {"word " * 80}end, label: "{"l " * 90}"}}'
        f"   # {'c ' * 80}\n",
    ),
    "text folded by hand": Case(
        'attributes:\n  a:\n    need: some text\n      that goes on\n    label: "b\n      c \\\n'
        '      d"\n    utility: 1\n',
        {"a": {"utility": 2}},
        'attributes:\n  a:\n    need: some text\n      that goes on\n    label: "b\n      c \\\n'
        '      d"\n    utility: 2\n',
    ),
    "block scalars": Case(
        "attributes:\n  a:\n    label: |2-\n       one\n         two\n"
        "    need: >+   # why\n      three\n\n"
        "  b:\n    need: |\n      four\n\n\n# end\n",
        {"a": {"utility": 2}, "b": {"need": "five", "utility": 1}},
        "attributes:\n  a:\n    label: |2-\n       one\n         two\n"
        "    need: >+   # why\n      three\n\n"
        "    utility: 2\n  b:\n    need: five\n    utility: 1\n\n\n# end\n",
    ),
    "keys in quotes": Case(
        "'attributes':\n  \"a: b\": {'role': \"sensitive\", \"label\": 'it''s'}\n  'c': {}\n",
        {"a: b": {"role": "insensitive"}, "c": {"utility": 1}},
        "'attributes':\n  \"a: b\": {'role': insensitive, \"label\": 'it''s'}\n"
        "  'c': {utility: 1}\n",
    ),
    "anchors elsewhere": Case(
        "attributes:\n  a: &x {role: sensitive}\n  b: *x\n  c:\n    <<: *x\n    utility: 2\n",
        {"c": {"utility": 3}, "d": {"role": "sensitive"}},
        "attributes:\n  a: &x {role: sensitive}\n  b: *x\n  c:\n    <<: *x\n    utility: 3\n"
        "  d: {role: sensitive}\n",
    ),
    "nothing where a value could be": Case(
        "attributes:\n  a:   # undecided\n  b: ~   # b\n  c:\n    label:   # none\n"
        "    utility: 1\n",
        {"a": {"utility": 1}, "b": {"utility": 2}, "c": {"label": "C"}},
        "attributes:\n  a: {utility: 1}   # undecided\n  b: {utility: 2}   # b\n  c:\n"
        "    label: C   # none\n"
        "    utility: 1\n",
    ),
    "attributes without any": Case(
        "attributes:   # none yet\nvalidity: {months: 3}\n",
        {"a": {"utility": 1}, "b": {"utility": 2}},
        "attributes:   # none yet\n  a: {utility: 1}\n  b: {utility: 2}\nvalidity: {months: 3}\n",
    ),
    "no end of the last line": Case(
        "attributes:\n  a:\n    utility: 1",
        {"a": {"label": "A"}, "b": {"utility": 1}},
        "attributes:\n  a:\n    utility: 1\n    label: A\n  b: {utility: 1}",
    ),
    "several keys leave": Case(
        "attributes:\n  a: {utility: 1, label: A, need: N}   # a\n  b:\n    utility: 1\n"
        "    # of c\n"
        "    label: B   # l\n    need: N\n  c:\n    label: C\n",
        {
            "a": {"label": None, "need": None},
            "b": {"utility": None, "label": None},
            "c": {"label": None, "utility": 3},
        },
        "attributes:\n  a: {utility: 1}   # a\n  b:\n    # of c\n    need: N\n  c:\n"
        "    utility: 3\n",
    ),
    "every key leaves": Case(
        "attributes:\n  a: { label: A }\n  b:\n    label: B   # b\n    need: N\n",
        {"a": {"label": None}, "b": {"label": None, "need": None}},
        "attributes:\n  a: {  }\n  b:\n    {}\n",
    ),
    "keys behind a question mark": Case(
        "attributes:\n  ? a\n  :\n    label: A\n    ? need\n    : N\n    ? utility\n    : 1\n",
        {"a": {"need": "M", "utility": None}},
        "attributes:\n  ? a\n  :\n    label: A\n    ? need\n    : M\n",
    ),
    "spelt otherwise": Case(
        'attributes:  \n  a: {label: "\\u00e9 \\x41", level: 010, utility: 1.50}   \n   \n',
        {"a": {"utility": 2}},
        'attributes:  \n  a: {label: "\\u00e9 \\x41", level: 010, utility: 2}   \n   \n',
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_a_file_formatted_by_hand_stays_as_it_was(name, line):
    case = CASES[name]
    before, after = ((HEAD + text).replace("\n", line) for text in (case.before, case.after))
    assert edited(before, {}) == before
    assert edited(before, case.changes) == after


def test_a_document_between_marks_stays_between_them():
    text = f"%YAML 1.1\n---\n{HEAD}attributes:\n  a: {{utility: 1}}\n...\n"
    assert edited(text, {"a": {"utility": 2}}) == text.replace("utility: 1", "utility: 2")


@pytest.mark.parametrize(
    "value",
    ["yes", "n", "010", "0o10", "1_000", "12:30", "1e3", "~", "", " x ", "- x", "2026-05-03",
     "=", "<<", "\x7f\x85\u2028\ufeff", '\U0001f600 \\ "q"', "a\nb\tc\r\n", "#", "x: y", "%",
     "w " * 200, True, 0, 2.5, ["a", "b: c", None], {"cuts": [1, 2.5], "x y": {"z": False}}],
)  # fmt: skip
def test_any_value_is_written_in_one_line_and_read_back(value):
    new = edited(HEAD, {"a": {"label": "x"}}).replace("label: x", f"label: {written(value)}")
    assert len(new.splitlines()) == len(HEAD.splitlines()) + 2
    assert yaml.safe_load(new)["attributes"]["a"]["label"] == value


def bomb(line):
    names = "abcdefghij"
    lines = [f"  a: &a {line.format('x')}"]
    lines += [f"  {new}: &{new} " + line.format(", ".join([f"*{old}"] * 9))
              for old, new in pairwise(names)]  # fmt: skip
    return HEAD + "context:\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "attributes:\n  a: {role: sensitive}\n  a: {role: secret-7}\n",
         "line 5, column 3: the same key is given twice"),
        (HEAD + "attributes:\n  a: {label: x, label: secret-7}\n",
         "line 4, column 17: the same key is given twice"),
        (HEAD + "attributes: {\n", "not valid YAML"),
        (HEAD + "context: !!python/object/apply:os.getcwd []\n",
         "line 3, column 10: not valid YAML"),
        (HEAD + "context: !secret-7 {a: 1}\n", "line 3, column 10: not valid YAML"),
        (HEAD + "context: &x {a: *x}\n",
         "line 3, column 10: an alias stands inside what it names"),
        (HEAD + "context: " + "[" * 5000 + "]" * 5000 + "\n", "not valid YAML"),
        (HEAD + "attributes:\n  a: &x {label: secret-7}\n  b: &x {label: secret-7}\n",
         "line 5, column 6: not valid YAML"),
        (bomb("[{}]"), "its aliases stand for too many values"),
        (bomb("{{<<: [{}]}}").replace("[x]", "{x: 1}"), "its aliases stand for too many values"),
        ("- a\n", "a project file holds 'key: value' lines, this does not"),
        ("", "a project file holds 'key: value' lines, this does not"),
        (HEAD + "---\na: 1\n", "not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_no_project_file_is_refused_in_one_line_without_its_values(text, said):
    with pytest.raises(ConfigError) as caught:
        edited(text, {"z": {"utility": 1}}, "p.yaml")
    message = str(caught.value)
    assert message.startswith("p.yaml: ")
    assert said in message
    assert "\n" not in message
    assert "secret-7" not in message


@pytest.mark.parametrize(
    ("tail", "changes"),
    [
        ("attributes:\n  a: &x {label: A}\n  b: *x\n", {"a": {"label": "B"}}),
        ("attributes:\n  a: {label: &x A, need: *x}\n", {"a": {"label": None}}),
        ("attributes:\n  a: &x {label: A}\n  b: {<<: *x}\n", {"b": {"label": None}}),
        ("attributes:\n  a:\n    label: A\n    ? need\n", {"a": {"need": "N"}}),
        ("attributes:\n  a: [x]\n", {"a": {"label": "B"}}),
        ("attributes: [a]\n", {"a": {"label": "B"}}),
        ("attributes: a\n", {"a": {"label": "B"}}),
    ],
)
def test_what_would_say_something_else_too_is_refused(tail, changes):
    with pytest.raises(ConfigError, match=r"cannot be edited"):
        edited(HEAD + tail, changes)


KEYS = st.dictionaries(
    st.sampled_from(["need", "label", "utility"]),
    st.one_of(
        st.none(),
        st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"
                              + "".join(map(chr, range(0x80, 0xA0)))), max_size=20),
    ),
    max_size=3,
)  # fmt: skip


def says_something(need: str | None) -> bool:
    """A reason without a letter or a digit is refused when the file is read."""
    return not need or any(map(str.isalnum, need))


@settings(deadline=None, max_examples=60)
@given(
    changes=st.dictionaries(
        st.sampled_from(["PatientAge", "PatientSex", "stage", "StationName", "new: one"]),
        KEYS.map(lambda d: {k: (2 if k == "utility" and v is not None else v)
                            for k, v in d.items() if k != "need" or says_something(v)}),
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

"""Pairs of a YAML mapping replaced, removed and added in the text where they stand."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

Pairs = Sequence[tuple[Node, Node]]
Splice = tuple[int, int, str]
"""Start and end in the text, and what is to stand there."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_COMMA = re.compile(r"(?:\s|#[^\n]*\n)*,")


def changed(text: str, node: MappingNode, keys: Mapping[str, Any]) -> list[Splice]:
    """Return what makes the keys of one mapping what they are to be."""
    splices, kept, removed = [], [], []
    for number, (key, value) in enumerate(node.value):
        if key.value not in keys:
            kept.append(number)
        elif keys[key.value] is None:
            removed.append(number)
        else:
            kept.append(number)
            splices.append(replaced(text, key, value, keys[key.value]))
    met = {key.value for key, _ in node.value}
    added = {key: value for key, value in keys.items() if value is not None and key not in met}
    if removed and not kept:
        glue = ", " if node.flow_style else line_end(text) + " " * node.start_mark.column
        pairs = glue.join(entry(key, value) for key, value in added.items())
        start, end = node.value[0][0].start_mark.index, _pair_end(text, node.value[-1])
        return [(start, end, pairs or ("" if node.flow_style else "{}"))]
    for number in removed:
        if node.flow_style:
            splices.append(_cut_flow(text, node.value, number, last=number > kept[-1]))
        else:
            splices.append(_cut_block(text, node.value, number))
    return splices + appended(text, node, [node.value[number] for number in kept], added)


def replaced(text: str, key: Node, old: Node, value: Any) -> Splice:
    """Return what puts a value in the place of another; absent ones stand behind the colon."""
    if old.start_mark.index == old.end_mark.index:
        colon = _behind_colon(text, key)
        return colon, colon, f" {written(value)}"
    return old.start_mark.index, node_end(text, old), written(value)


def _cut_block(text: str, pairs: Pairs, number: int) -> Splice:
    """Return what takes the lines of a pair out of a block mapping."""
    start, end = pairs[number][0].start_mark.index, _pair_end(text, pairs[number])
    first = text.rfind("\n", 0, start) + 1
    if text[first:start].strip() and number + 1 < len(pairs):
        return start, pairs[number + 1][0].start_mark.index, ""
    last = text.find("\n", end - 1 if text[end - 1] == "\n" else end)
    return first, len(text) if last < 0 else last + 1, ""


def _cut_flow(text: str, pairs: Pairs, number: int, *, last: bool) -> Splice:
    """Return what takes a pair out of a flow mapping; comments around it stay."""
    start, end = pairs[number][0].start_mark.index, _pair_end(text, pairs[number])
    if not last:
        following = pairs[number + 1][0].start_mark.index
        return start, following if "#" not in text[end:following] else _comma(text, end), ""
    before = _pair_end(text, pairs[number - 1])
    if "#" in text[before:start]:
        return start, max(end, _comma(text, end)), ""
    return before, end, ""


def _comma(text: str, at: int) -> int:
    """Return where the text goes on behind the comma that follows, or `at` without one."""
    found = _COMMA.match(text, at)
    return found.end() if found else at


def appended(text: str, node: MappingNode, kept: Pairs, added: Mapping[str, Any]) -> list[Splice]:
    """Return what puts pairs behind the last one that stays in a mapping."""
    pairs = [entry(key, value) for key, value in added.items()]
    if not pairs:
        return []
    if not kept:
        at = node.start_mark.index + 1
        return [(at, at, ", ".join(pairs))]
    end = _pair_end(text, kept[-1])
    if node.flow_style:
        return [(end, end, "".join(f", {pair}" for pair in pairs))]
    line, indent = line_end(text), " " * kept[-1][0].start_mark.column
    if text[end - 1] == "\n":
        return [(end, end, "".join(f"{indent}{pair}{line}" for pair in pairs))]
    stop = end_of_line(text, end)
    return [(stop, stop, "".join(f"{line}{indent}{pair}" for pair in pairs))]


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """Return the text with every splice made; those that overlap cannot be.

    Raises
    ------
    YAMLError
    """
    out, at = [], 0
    for start, end, new in sorted(splices, key=lambda splice: splice[:2]):
        if start < at:
            raise YAMLError
        out += [text[at:start], new]
        at = end
    return "".join([*out, text[at:]])


def _pair_end(text: str, pair: tuple[Node, Node]) -> int:
    """Return where a pair ends; without a value behind its colon."""
    key, value = pair
    if value.start_mark.index == value.end_mark.index:
        return _behind_colon(text, key)
    return node_end(text, value)


def _behind_colon(text: str, key: Node) -> int:
    """Return where the value of a key would begin.

    Raises
    ------
    YAMLError
        When no colon follows, as behind a question mark.
    """
    colon = text.find(":", key.end_mark.index)
    if colon < 0:
        raise YAMLError
    return colon + 1


def node_end(text: str, node: Node) -> int:
    """Return where the content of a node ends, without blank lines that only follow it."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _pair_end(text, last) if isinstance(last, tuple) else node_end(text, last)
    end = int(node.end_mark.index)
    if isinstance(node, ScalarNode) and node.style in {"|", ">"}:
        header = text[node.start_mark.index : end].partition("\n")[0].partition("#")[0]
        return end if "+" in header else len(text[:end].rstrip())
    return end


def end_of_line(text: str, at: int) -> int:
    """Return where the line that a place is in ends, before its line feed."""
    stop = text.find("\n", at)
    stop = len(text) if stop < 0 else stop
    return stop - 1 if text[at:stop].endswith("\r") else stop


def line_end(text: str) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def entry(key: str, value: Any) -> str:
    """Return a pair of a mapping in one line."""
    return f"{written(key)}: {written(value)}"


def written(value: Any) -> str:
    """Return a value as YAML on one line."""
    writer = YAML(typ="rt", pure=True)
    writer.width = 1 << 30
    writer.brace_single_entry_mapping_in_flow_sequence = True
    out = io.StringIO()
    writer.dump(_flow([value]), out)
    return out.getvalue().strip()[1:-1]


def _flow(value: Any) -> Any:
    """Return a value as ruamel.yaml is to write it: in one line, text in quotes unless a name."""
    made: Any = value
    if isinstance(value, str):
        plain = _PLAIN.match(value) and yaml.safe_load(value) == value and value not in {"y", "n"}
        made = value if plain else DoubleQuotedScalarString(value)
    elif isinstance(value, Mapping):
        made = CommentedMap(
            {key if key == "on" else _flow(key): _flow(part) for key, part in value.items()}
        )  # `on` is a key of project files, which read it as YAML 1.2 does
        made.fa.set_flow_style()
    elif isinstance(value, list | tuple):
        made = CommentedSeq([_flow(part) for part in value])
        made.fa.set_flow_style()
    return made

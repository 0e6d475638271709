"""Any setting of a project file changed where it stands; every other character stays.

`midi_risk.tune.changes` does the same for attributes. Both find in the result exactly what was
asked, or leave the file alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from midi_risk.config import Project, UniqueKeyLoader, validated
from midi_risk.errors import ConfigError
from midi_risk.tune.changes import uneditable
from midi_risk.tune.yaml_splices import (
    changed,
    end_of_line,
    entry,
    line_end,
    node_end,
    spliced,
    written,
)

Place = tuple[str, ...]
"""Keys from the top of the file to a setting."""


def with_values(
    text: str, values: Mapping[Place, Any], path: str = "midi-risk.yaml", *, check: bool = True
) -> str:
    r"""Return the text of a project file with some settings changed.

    Parameters
    ----------
    text : str
        The file.
    values : mapping of tuple of str to Any
        Keys from the top of the file, and what is to stand there; None removes the setting.
    path : str
        Name of the file, for messages.
    check : bool
        Whether the result has to be a valid project.

    Returns
    -------
    str
        The same text but for those settings; comments, order and spacing stay.

    Raises
    ------
    ConfigError
        When the file cannot be edited without losing something, or the result is no project.

    Examples
    --------
    >>> file = "schema: midi-risk/project/1\ncollection: {name: x, sources: [{dicom: i}]}  # ours\n"
    >>> print(with_values(file, {("tolerance", "unread_files"): 1}), end="")
    schema: midi-risk/project/1
    collection: {name: x, sources: [{dicom: i}]}  # ours
    tolerance:
      unread_files: 1
    """
    wanted = _read(text, path)
    for place, value in values.items():
        _set(wanted, place, copy.deepcopy(value))
    try:
        out = text
        for place, value in values.items():
            out = _with_value(out, place, value)
        result = _read(out, path)
    except (YAMLError, ConfigError, IndexError):
        raise uneditable(path) from None
    if result != _without_empty(wanted, result):
        raise uneditable(path)
    if check:
        validated(Project, result, path)
    return out


def with_items(
    text: str, place: Place, added: Sequence[Any], removed: Sequence[int], path: str
) -> str:
    r"""Return the text with items of a list added at its end, and others taken out.

    Parameters
    ----------
    text : str
    place : tuple of str
        Keys from the top of the file to the list.
    added : sequence
    removed : sequence of int
        Numbers of items that go.
    path : str
        Name of the file, for messages.

    Raises
    ------
    ConfigError
        When the file cannot be edited without losing something, or the result is no project.

    Examples
    --------
    >>> file = "schema: midi-risk/project/1\ncollection: {name: x, sources: [{dicom: i}]}\n"
    >>> with_items(file, ("collection", "sources"), [{"table": "c.csv"}], [], "f").splitlines()[1]
    'collection: {name: x, sources: [{dicom: i}, {table: c.csv}]}'
    """
    data = _read(text, path)
    old = _at(data, place)
    if not isinstance(old, list):
        return with_values(text, {place: list(added)}, path)
    kept = [item for number, item in enumerate(old) if number not in set(removed)]
    _set(data, place, [*kept, *added])
    try:
        out = text
        for number in sorted(removed, reverse=True):
            out = _without_item(out, place, number)
        for item in added:
            out = _with_item(out, place, item)
        result = _read(out, path)
    except (YAMLError, ConfigError, IndexError):
        result, out = None, text
    if result != data:
        return with_values(text, {place: [*kept, *added]}, path)
    validated(Project, result, path)
    return out


def _read(text: str, path: str) -> Any:
    """Return what a file says to those who read project files."""
    try:
        return yaml.load(text.removeprefix("\ufeff"), Loader=UniqueKeyLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        raise ConfigError(path, ["not valid YAML"]) from None


def _at(data: Any, place: Place) -> Any:
    for key in place:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _set(data: Any, place: Place, value: Any) -> None:
    for key in place[:-1]:
        if not isinstance(data.get(key), dict):
            data[key] = {}
        data = data[key]
    if value is None:
        data.pop(place[-1], None)
    else:
        data[place[-1]] = value


def _without_empty(wanted: Any, result: Any) -> Any:
    """Return what is wanted, without mappings that emptied and are gone from the file."""
    if not isinstance(wanted, dict) or not isinstance(result, dict):
        return wanted
    return {
        key: _without_empty(value, result.get(key))
        for key, value in wanted.items()
        if key in result or value != {}
    }


def _nodes(text: str) -> Node | None:
    reader = YAML(typ="safe", pure=True)
    reader.composer.warn_double_anchors = False  # the warning quotes the file
    root: Node | None = reader.compose(text)
    return root


def _child(node: Node | None, key: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _with_value(text: str, place: Place, value: Any) -> str:
    """Return the text with one setting changed."""
    node = _nodes(text)
    if not isinstance(node, MappingNode):
        raise YAMLError
    depth = 0
    while depth < len(place) - 1:
        below = _child(node, place[depth])
        if not isinstance(below, MappingNode):
            break
        node, depth = below, depth + 1
    key, rest = place[depth], place[depth + 1 :]
    if value is None:
        if rest:
            return text
        if len(node.value) == 1 and depth and _child(node, key) is not None:
            return _with_value(text, place[:depth], None)
        return spliced(text, changed(text, node, {key: None}))
    if not depth and not node.flow_style and _child(node, key) is None and rest:
        return _with_block(text, place, value)
    for name in reversed(rest):
        value = {name: value}
    return spliced(text, changed(text, node, {key: value}))


def _with_block(text: str, place: Place, value: Any) -> str:
    """Return the text with a block at its end that holds one setting."""
    line = line_end(text)
    lines = [f"{'  ' * depth}{written(key)}:" for depth, key in enumerate(place[:-1])]
    lines.append(f"{'  ' * (len(place) - 1)}{entry(place[-1], value)}")
    glue = "" if not text or text.endswith("\n") else line
    return f"{text}{glue}{line.join(lines)}{line}"


def _list_node(text: str, place: Place) -> SequenceNode:
    node = _nodes(text)
    for key in place:
        node = _child(node, key)
    if not isinstance(node, SequenceNode) or not node.value:
        raise YAMLError
    return node


def _with_item(text: str, place: Place, item: Any) -> str:
    """Return the text with an item behind the last one of a list."""
    node = _list_node(text, place)
    last = node_end(text, node.value[-1])
    if node.flow_style:
        return spliced(text, [(last, last, f", {written(item)}")])
    dash = text.rfind("-", 0, node.value[-1].start_mark.index)
    indent = dash - text.rfind("\n", 0, dash) - 1
    stop = last if text[last - 1] == "\n" else end_of_line(text, last)
    line = line_end(text)
    new = f"{' ' * indent}- {written(item)}"
    return spliced(text, [(stop, stop, f"{new}{line}" if stop == last and text[last - 1] == "\n"
                           else f"{line}{new}")])  # fmt: skip


def _without_item(text: str, place: Place, number: int) -> str:
    """Return the text without one item of a list that holds others."""
    node = _list_node(text, place)
    start, end = node.value[number].start_mark.index, node_end(text, node.value[number])
    if len(node.value) == 1:
        raise YAMLError
    if node.flow_style:
        if number + 1 < len(node.value):
            return spliced(text, [(start, node.value[number + 1].start_mark.index, "")])
        return spliced(text, [(node_end(text, node.value[number - 1]), end, "")])
    first = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end - 1)
    return text[:first] + ("" if stop < 0 else text[stop + 1 :])

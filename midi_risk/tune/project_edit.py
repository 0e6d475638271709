"""Edit attributes in `midi-risk.yaml` where they stand; every other character stays."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from midi_risk.config import Project, validated
from midi_risk.errors import ConfigError

Changes = Mapping[str, Mapping[str, Any]]
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


def edited(text: str, changes: Changes, path: str = "midi-risk.yaml") -> str:
    r"""Return the text of a project file with some settings of attributes changed.

    Parameters
    ----------
    text : str
        The file.
    changes : mapping of str to mapping
        By attribute the keys to set; a value of None removes the key.
    path : str
        Name of the file, for messages.

    Returns
    -------
    str
        The same text but for those keys; comments, order and spacing stay.

    Raises
    ------
    ConfigError
        When the result would not say exactly what was asked, such as in a file with
        anchors; nothing is written then.

    Examples
    --------
    >>> file = (
    ...     "schema: midi-risk/project/1\n"
    ...     "collection: {name: x, sources: [{dicom: i}]}\n"
    ...     "attributes:\n"
    ...     "  age: {role: quasi_identifier}  # years\n"
    ... )
    >>> print(edited(file, {"age": {"decision": "generalise", "level": "5y"}}).splitlines()[-1])
      age: {role: quasi_identifier, decision: generalise, level: 5y}  # years
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    wanted = _wanted(yaml.safe_load(body), changes)
    line = "\r\n" if "\r\n" in body else "\n"
    try:
        for name, keys in changes.items():
            body = _attribute_edited(body, name, keys, line)
        result = yaml.safe_load(body)
    except yaml.YAMLError:
        result = None
    if result != wanted:
        raise ConfigError(
            path,
            ["it is written in a way that cannot be edited without losing something"],
            hint="Copy the lines from the page into it yourself",
        )
    validated(Project, result, path)
    return mark + body


def _wanted(data: Any, changes: Changes) -> Any:
    """Return what the file has to say after the change."""
    out = copy.deepcopy(data)
    attributes = out.setdefault("attributes", {}) or {}
    out["attributes"] = attributes
    for name, keys in changes.items():
        if not keys:
            continue
        settings = dict(attributes.get(name) or {})
        for key, value in keys.items():
            if value is None:
                settings.pop(key, None)
            else:
                settings[key] = value
        attributes[name] = settings
    return out


def _attribute_edited(text: str, name: str, keys: Mapping[str, Any], line: str) -> str:
    """Return the text with the keys of one attribute set, one after the other."""
    for key, value in keys.items():
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        place = _value(root, "attributes")
        if place is None:
            end = "" if not text or text.endswith("\n") else line
            text = f"{text}{end}attributes:{line}  {_scalar(name)}: {{}}{line}"
        elif not isinstance(place, yaml.MappingNode):
            at = place.start_mark.index
            text = f"{text[:at]}{line}  {_scalar(name)}: {{}}{text[place.end_mark.index :]}"
        elif _value(place, name) is None:
            text = _inserted(text, place, f"{_scalar(name)}: {{}}", line)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        attributes = _value(root, "attributes")
        settings = None if attributes is None else _value(attributes, name)
        if not isinstance(settings, yaml.MappingNode):
            raise yaml.YAMLError("no mapping")
        text = _key_edited(text, settings, key, value, line)
    return text


def _key_edited(text: str, node: yaml.MappingNode, key: str, value: Any, line: str) -> str:
    """Return the text with one key of one mapping set or removed."""
    found = next((i for i, (k, _) in enumerate(node.value) if k.value == key), None)
    if found is None:
        return text if value is None else _inserted(text, node, f"{key}: {_scalar(value)}", line)
    if value is None:
        return _removed(text, node, found)
    old = node.value[found][1]
    start, end = old.start_mark.index, _end(old)
    if isinstance(old, yaml.ScalarNode) and old.style in {"|", ">"}:
        return f"{text[:start]}{_scalar(value)}{line}{text[old.end_mark.index :]}"
    return f"{text[:start]}{_scalar(value)}{text[end:]}"


def _removed(text: str, node: yaml.MappingNode, place: int) -> str:
    """Return the text without one pair of a mapping."""
    pairs = node.value
    start, end = pairs[place][0].start_mark.index, _end(pairs[place][1])
    if not node.flow_style:
        if len(pairs) == 1:
            return f"{text[:start]}{{}}{text[end:]}"
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", end - 1 if text[end - 1 : end] == "\n" else end)
        if text[first:start].strip():
            following = pairs[place + 1][0].start_mark.index
            return text[:start] + text[following:]
        return text[:first] + (text[last + 1 :] if last >= 0 else "")
    if place + 1 < len(pairs):
        return text[:start] + text[pairs[place + 1][0].start_mark.index :]
    if place:
        return text[: _end(pairs[place - 1][1])] + text[end:]
    return text[:start] + text[end:]


def _inserted(text: str, node: yaml.MappingNode, pair: str, line: str) -> str:
    """Return the text with a pair after the last one of a mapping."""
    if node.flow_style or not node.value:
        at = node.end_mark.index - 1
        before = text[:at].rstrip()
        comma = "" if not node.value or before.endswith(",") else ","
        space = "" if not node.value else " "
        return f"{before}{comma}{space}{pair}{text[at:]}"
    key, value = node.value[-1]
    indent = " " * key.start_mark.column
    end = _end(value)
    if text[end - 1 : end] == "\n":
        return f"{text[:end]}{indent}{pair}{line}{text[end:]}"
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    if text[stop - 1 : stop] == "\r":
        stop -= 1
    return f"{text[:stop]}{line}{indent}{pair}{text[stop:]}"


def _end(node: yaml.Node) -> int:
    """Return where the content of a node ends; block collections reach past it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the value of a key of a mapping node, None when there is none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _scalar(value: Any) -> str:
    """Return a value as YAML on one line."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and yaml.safe_load(value) == value and value not in {"y", "n"}:
        return value
    return json.dumps(value, ensure_ascii=False)

"""What an assessor changes beside levels: roles, band edges, and saving it all.

Edit attributes in `midi-risk.yaml` where they stand; every other character stays.
"""

from __future__ import annotations

import copy
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from midi_risk.attributes.hierarchy import Hierarchy, build_hierarchy
from midi_risk.attributes.model import Kind, Role
from midi_risk.config import Project, validated
from midi_risk.document.clean import neutral
from midi_risk.document.files import write_private
from midi_risk.errors import (
    AttributeRoleError,
    ConfigError,
    HierarchyError,
    OutputError,
    did_you_mean,
)
from midi_risk.report import write_plan
from midi_risk.tune.session import Session, plan_at

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


MAX_NEED = 2000
FOLDER = "hierarchies"


@dataclass(kw_only=True)
class Desk:
    """A session with the changes that are not yet saved.

    Parameters
    ----------
    session : Session
    output : pathlib.Path
        Folder for plan.json.
    """

    session: Session
    output: Path
    roles: dict[str, str] = field(default_factory=dict)
    cuts: dict[str, Hierarchy] = field(default_factory=dict)

    def set_role(self, name: str, role: str) -> None:
        """Give an attribute another role and fold anew.

        Raises
        ------
        AttributeRoleError
            When the attribute or the role does not exist.
        """
        bench = self.session.bench
        if role not in set(Role):
            raise AttributeRoleError(f"no role '{role}'", hint=did_you_mean(role, list(Role)))
        old = bench.attributes, bench.table
        revised = bench.attributes.revised(
            name, role=Role(role), reason="decided on the tuning page"
        )
        try:
            bench.attributes, bench.table = revised, bench.fold(revised)
            self.session.refresh()
        except Exception:
            bench.attributes, bench.table = old
            self.session.refresh()
            raise
        self.roles[name] = role

    def set_cuts(self, name: str, text: str) -> None:
        """Give an age or a number bands of the assessor's own; an empty text takes them back.

        Raises
        ------
        HierarchyError
            When the attribute is neither, or the edges are not ascending numbers.
        """
        bench = self.session.bench
        if name not in bench.table.frame.columns:
            raise HierarchyError(f"no attribute '{name}' in the table")
        attribute = bench.table.attributes[name]
        edges = band_edges(text)
        if attribute.kind not in {Kind.AGE, Kind.NUMBER}:
            raise HierarchyError(
                f"{name} is no age and no number, so it has no band edges",
                hint="Give a hierarchy file in midi-risk.yaml",
            )
        bench.hierarchies.pop(name, None)
        self.cuts.pop(name, None)
        if edges:
            texts = bench.table.frame[name].to_numpy(dtype=object)
            values = [str(value) for value in pd.unique(texts[pd.notna(texts)])]
            made = build_hierarchy(attribute.ladder, attribute.kind, values, cuts=edges)
            bench.hierarchies[name] = made
            self.cuts[name] = made
        free = {"decision": None, "generalise_to": None}
        bench.attributes = bench.attributes.revised(name, **free)
        bench.table = replace(bench.table, attributes=bench.table.attributes.revised(name, **free))
        self.session.refresh()

    def save(self, node: Sequence[int], needs: Mapping[str, str], *, leave_out: bool) -> str:
        """Write plan.json, and the decisions into the project file when there is one.

        Returns
        -------
        str
            What was written, for the page.

        Raises
        ------
        OutputError, ConfigError
            When a file cannot be written or edited; the project file then stays as it was.
        """
        session, bench = self.session, self.session.bench
        words = {name: neutral(" ".join(text.split()))[:MAX_NEED] for name, text in needs.items()}
        plan = plan_at(
            bench.table,
            bench.models,
            session.levels(node),
            hierarchies=session.hierarchies,
            max_suppression=bench.max_suppression,
            leave_out=leave_out,
            needs=words,
        )
        file = bench.project_file
        text = None
        if file is not None:
            settings = self._settings(node, words)
            text = edited(_read(file), settings, str(file))
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or "no folder").lower()
            raise OutputError(f"cannot write into '{self.output}': {reason}") from None
        write_plan(plan, self.output / "plan.json")
        if file is None or text is None:
            return f"{self.output / 'plan.json'} is written; there is no project file to change."
        for name, hierarchy in self.cuts.items():
            target = file.parent / FOLDER
            target.mkdir(mode=0o700, exist_ok=True)
            write_private(target / _file_name(name), hierarchy.to_arx_csv())
        mode = file.stat().st_mode & 0o777
        write_private(file, text)
        file.chmod(mode)
        return f"Saved to {file.name} and {self.output / 'plan.json'}."

    def _settings(self, node: Sequence[int], needs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the keys of each attribute that the project file is to hold."""
        settings: dict[str, dict[str, Any]] = {
            name: {"role": role} for name, role in self.roles.items()
        }
        attributes = self.session.bench.table.attributes
        for name, decided in self.session.decisions(node).items():
            keys = settings.setdefault(name, {})
            keys |= {"role": attributes[name].role.value} | decided
            if name in self.cuts:
                keys["hierarchy"] = f"{FOLDER}/{_file_name(name)}"
                keys["level"] = None if decided["level"] is None else 1
            if needs.get(name):
                keys["need"] = needs[name]
        return {name: keys for name, keys in settings.items() if not name.endswith(".range")}


def band_edges(text: str) -> list[float]:
    """Return band edges from text.

    Raises
    ------
    HierarchyError
        When they are not ascending numbers.

    Examples
    --------
    >>> band_edges("18, 40,65")
    [18.0, 40.0, 65.0]
    """
    try:
        edges = [float(part) for part in re.split(r"[,;\s]+", text.strip()) if part]
    except ValueError:
        raise HierarchyError("band edges are numbers, as 18, 40, 65") from None
    if edges != sorted(set(edges)) or not all(math.isfinite(edge) for edge in edges):
        raise HierarchyError("band edges must ascend, as 18, 40, 65")
    return edges


def _file_name(name: str) -> str:
    """Return a safe file name for the hierarchy of an attribute."""
    return (re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:80] or "attribute") + ".csv"


def _read(file: Path) -> str:
    """Return the project file with its line ends as they are."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{file} cannot be read ({type(error).__name__})") from None

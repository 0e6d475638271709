"""What an assessor changes beside levels: roles, band edges, and saving it all.

Attributes are edited in `midi-risk.yaml` where they stand; every other character stays.
ruamel.yaml says where each key and value is and writes the new ones; what goes between them
is the file's own text. PyYAML, which reads project files, then has to find in the result
exactly what was asked, see docs/adr/0061.
"""

from __future__ import annotations

import copy
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from midi_risk.attributes.model import Kind, Role
from midi_risk.attributes.own_hierarchy import BANDS
from midi_risk.config import HierarchyStep, Project, validated
from midi_risk.document.clean import neutral
from midi_risk.document.files import plan_text, write_all_private
from midi_risk.errors import (
    AttributeRoleError,
    ConfigError,
    HierarchyError,
    OutputError,
    did_you_mean,
    reason_of,
)
from midi_risk.tune.beside import level_name
from midi_risk.tune.session import Session
from midi_risk.tune.yaml_splices import (
    Splice,
    appended,
    changed,
    end_of_line,
    entry,
    line_end,
    replaced,
    spliced,
)

Changes = Mapping[str, Mapping[str, Any]]
_MAX_NODES = 200_000
"""Values of a project file with its aliases written out; a real one has some hundreds."""


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
        When the file is not YAML, gives a key twice or grows too large with its aliases, or
        when the result would not say exactly what was asked, as where an alias is changed.

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
    _check(_root(body, path), path)
    if not any(changes.values()):
        return text
    wanted = _wanted(_read_nodes(body, path), changes, path)
    try:
        body = _with_attributes(_with_settings(body, changes), changes)
        _check(_root(body, path), path)
        result = _read_nodes(body, path)
    except (ConfigError, YAMLError):
        raise uneditable(path) from None
    if result != wanted:
        raise uneditable(path)
    validated(Project, result, path)
    return mark + body


def _composed(text: str) -> Node | None:
    """Return the nodes of a text. No object is made, whatever its tags say."""
    reader = YAML(typ="safe", pure=True)
    reader.composer.warn_double_anchors = False  # the warning quotes the file
    root: Node | None = reader.compose(text)
    return root


def _root(text: str, path: str) -> MappingNode:
    """Return the nodes of a file that is to hold a mapping."""
    try:
        root = _composed(text)
    except (YAMLError, RecursionError) as error:
        raise _not_yaml(error, path) from None
    if not isinstance(root, MappingNode):
        raise ConfigError(path, ["a project file holds 'key: value' lines, this does not"])
    return root


def _read_nodes(text: str, path: str) -> Any:
    """Return what a file says to those who read project files."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise _not_yaml(error, path) from None


def _not_yaml(error: Exception, path: str) -> ConfigError:
    """Return the fault with its place, and without the text found there."""
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return ConfigError(path, [f"{place}not valid YAML"])


def _check(root: Node, path: str) -> None:
    """Refuse a key given twice, a loop, and aliases that stand for too much.

    Raises
    ------
    ConfigError
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Node) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        if id(node) in open_nodes:
            raise ConfigError(path, [f"{_place(node)}: an alias stands inside what it names"])
        open_nodes.add(id(node))
        if isinstance(node, MappingNode):
            _refuse_repeated(node, path)
        total = 1 + sum(size(part) for part in _parts(node))
        if total > _MAX_NODES:
            raise ConfigError(path, [f"{_place(node)}: its aliases stand for too many values"])
        open_nodes.discard(id(node))
        sizes[id(node)] = total
        return total

    size(root)


def _refuse_repeated(node: MappingNode, path: str) -> None:
    met = set()
    for key, _ in node.value:
        if isinstance(key, ScalarNode):
            if key.value in met:
                raise ConfigError(path, [f"{_place(key)}: the same key is given twice"])
            met.add(key.value)


def _parts(node: Node) -> Iterator[Node]:
    """Yield the nodes inside a node."""
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, CollectionNode):
        yield from node.value


def _place(node: Node) -> str:
    return f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}"


def _wanted(data: Any, changes: Changes, path: str) -> Any:
    """Return what the file has to say after the change."""
    out = copy.deepcopy(data)
    out["attributes"] = attributes = _mapping(out.get("attributes"), path)
    for name, keys in changes.items():
        if not keys:
            continue
        attributes[name] = settings = dict(_mapping(attributes.get(name), path))
        for key, value in keys.items():
            if value is None:
                settings.pop(key, None)
            else:
                settings[key] = value
    return out


def _mapping(value: Any, path: str) -> dict[str, Any]:
    """Return a mapping as it is, an empty one where nothing is said."""
    if value is not None and not isinstance(value, dict):
        raise uneditable(path)
    return value or {}


def uneditable(path: str) -> ConfigError:
    """Return the fault of a file that cannot be changed without losing something."""
    return ConfigError(
        path,
        ["it is written in a way that cannot be edited without losing something"],
        hint="Copy the lines from the page into it yourself",
    )


def _with_settings(text: str, changes: Changes) -> str:
    """Return the text with the attributes that are in it changed."""
    attributes = _value(_composed(text), "attributes")
    splices: list[Splice] = []
    for name, keys in changes.items():
        pair = _pair(attributes, name)
        if pair is None or not keys:
            continue
        given = {key: value for key, value in keys.items() if value is not None}
        if isinstance(pair[1], MappingNode):
            splices += changed(text, pair[1], keys)
        else:
            splices.append(replaced(text, *pair, given))
    return spliced(text, splices)


def _with_attributes(text: str, changes: Changes) -> str:
    """Return the text with the attributes that it lacks added after the last one."""
    pair = _pair(_composed(text), "attributes")
    place = None if pair is None else pair[1]
    added = {
        name: {key: value for key, value in keys.items() if value is not None}
        for name, keys in changes.items()
        if keys and _pair(place, name) is None
    }
    line = line_end(text)
    block = "".join(f"{line}  {entry(name, keys)}" for name, keys in added.items())
    if pair is None:
        end = "" if not text or text.endswith("\n") else line
        return f"{text}{end}attributes:{block}{line}"
    if isinstance(place, MappingNode):
        return spliced(text, appended(text, place, place.value, added))
    if not added:
        return text
    start, stop, _ = replaced(text, *pair, {})
    if start == stop:
        start = stop = end_of_line(text, start)
    return spliced(text, [(start, stop, block)])


def _value(node: Node | None, key: str) -> Node | None:
    """Return the value of a key of a mapping node, None when there is none."""
    pair = _pair(node, key)
    return None if pair is None else pair[1]


def _pair(node: Node | None, key: str) -> tuple[Node, Node] | None:
    """Return a key of a mapping node with its value, None when there is none."""
    if not isinstance(node, MappingNode):
        return None
    return next((pair for pair in node.value if pair[0].value == key), None)


MAX_NEED = 2000


@dataclass(kw_only=True)
class Desk:
    """A session with the changes that are not yet saved.

    Parameters
    ----------
    session : Session
    output : pathlib.Path
        Folder for plan.json.
    roles
        What was changed here.
    saved
        Decisions as they were last saved here.
    leaves_out : bool
        Whether the setting that the page begins with leaves out subjects that stay rare.
    """

    session: Session
    output: Path
    roles: dict[str, str] = field(default_factory=dict)
    saved: dict[str, dict[str, Any]] = field(default_factory=dict)
    leaves_out: bool = False

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

    def set_cuts(self, name: str, text: str, node: Sequence[int]) -> list[int]:
        """Set bands of the assessor's own beside the levels of an age or a number.

        Parameters
        ----------
        name : str
        text : str
            Where bands begin; an empty one takes the bands back.
        node : sequence of int
            What the page shows.

        Returns
        -------
        list of int
            The same setting with the bands.

        Raises
        ------
        HierarchyError
            When the attribute is neither, or the edges are not ascending numbers.
        """
        bench, session = self.session.bench, self.session
        if name not in bench.table.frame.columns:
            raise HierarchyError(f"no attribute '{name}' in the table")
        if bench.table.attributes[name].kind not in {Kind.AGE, Kind.NUMBER}:
            raise HierarchyError(
                f"{name} is no age and no number, so it has no band edges",
                hint="Give a hierarchy file in midi-risk.yaml",
            )
        edges = band_edges(text)
        named = {
            n: session.hierarchies[n].level_names[at] for n, at in session.levels(node).items()
        }
        bench.bands.pop(name, None)
        if edges:
            bench.bands[name] = rule = HierarchyStep(cuts=tuple(edges), name=BANDS)
            named[name] = level_name(rule, 0)
        session.refresh()
        return session.node_of(named)

    def save(self, node: Sequence[int], needs: Mapping[str, str], *, leave_out: bool) -> str:
        """Write plan.json, and the decisions into the project file when there is one.

        Returns
        -------
        str
            What was written, for the page.

        Raises
        ------
        OutputError, ConfigError
            When a file cannot be written or edited, or the project file was changed meanwhile;
            every file then stays as it was.
        """
        session, bench = self.session, self.session.bench
        words = {name: neutral(" ".join(text.split()))[:MAX_NEED] for name, text in needs.items()}
        plan = session.planned(node, leave_out=leave_out, needs=words)
        file = bench.project_file
        files: dict[Path, str] = {}
        if file is not None:
            old = self._unchanged(file)
            text = edited(old, self._settings(node, words, old), str(file))
            mode = file.stat().st_mode & 0o777
            files[file] = text
        _folder(self.output)
        write_all_private({self.output / "plan.json": plan_text(plan)} | files)
        if file is None:
            return f"{self.output / 'plan.json'} is written; there is no project file to change."
        file.chmod(mode)
        bench.project_digest = digest_of(text)
        self.saved = session.decisions(node)
        return f"Saved to {file.name} and {self.output / 'plan.json'}."

    def _unchanged(self, file: Path) -> str:
        """Return the text of the project file that this page was made from.

        Raises
        ------
        OutputError
            When the file says something else by now: it may hold the decisions of somebody
            else, and the figures of this page are not made with them.
        """
        text = read_project(file)
        if digest_of(text) != self.session.bench.project_digest:
            raise OutputError(
                f"{file.name} was changed since this page read it, so nothing was written",
                hint="Keep the command that the page copies, start midi-risk tune again and"
                " compare",
            )
        return text

    def _settings(
        self, node: Sequence[int], needs: Mapping[str, str], text: str
    ) -> dict[str, dict[str, Any]]:
        """Return the keys of each attribute that were changed here.

        The role goes with a decision where the project file, whose text is given, leaves it open.
        """
        settings: dict[str, dict[str, Any]] = {
            name: {"role": role} for name, role in self.roles.items()
        }
        attributes = self.session.bench.table.attributes
        stated = (_read_nodes(text, "") or {}).get("attributes") or {}
        for name, decided in self.session.decisions(node).items():
            before = self.saved[name] if name in self.saved else self._read_decision(name)
            keys = {key: value for key, value in decided.items() if value != before.get(key)}
            if "hierarchy" in before and "hierarchy" not in decided:
                keys = dict(decided) | {"hierarchy": None}
            if needs.get(name):
                keys["need"] = needs[name]
            if keys and "role" not in (stated.get(name) or {}):
                keys = {"role": attributes[name].role.value} | keys
            if keys:
                settings.setdefault(name, {}).update(keys)
        return {name: keys for name, keys in settings.items() if not name.endswith(".range")}

    def _read_decision(self, name: str) -> dict[str, Any]:
        """Return what the page read of the decision on an attribute, as the file spells it."""
        attribute = self.session.bench.table.attributes[name]
        if attribute.decision is None:
            return {}
        level = attribute.generalise_to
        if isinstance(level, int):
            level = self.session.hierarchies[name].level_names[level]
        return {"decision": attribute.decision.value, "level": level}


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _folder(path: Path) -> None:
    """Make a folder for the owner alone.

    Raises
    ------
    OutputError
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into '{path}': {reason_of(error)}") from None


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


def read_project(file: Path) -> str:
    """Return the project file with its line ends as they are."""
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{file} cannot be read ({type(error).__name__})") from None

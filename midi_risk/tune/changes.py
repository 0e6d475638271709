"""What an assessor changes beside levels: roles, band edges, and saving it all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from midi_risk.attributes.hierarchies import Hierarchy, build_hierarchy
from midi_risk.attributes.model import Kind, Role
from midi_risk.errors import AttributeRoleError, HierarchyError, OutputError, did_you_mean
from midi_risk.report import write_plan
from midi_risk.report.clean import neutral
from midi_risk.report.files import write_private
from midi_risk.tune.node import plan_at
from midi_risk.tune.project_edit import edited
from midi_risk.tune.session import Session

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

"""A table before and after a recoding: the same subjects in the same order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.ladder_time import UNPARSED
from midi_risk.attributes.model import Attribute
from midi_risk.risk.imaging_utility import FORMULAS, SOURCES
from midi_risk.risk.plan_document import ImagingFigure
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePair:
    """A table as folded, and as it would be released.

    Parameters
    ----------
    table : SubjectTable
        As folded, everybody in it.
    before : pandas.DataFrame
        Its rows of the subjects that are released.
    left : SubjectTable
        As released, with the levels as decisions.
    given : mapping of str to Hierarchy
        Hierarchies of the user's own.
    """

    table: SubjectTable
    before: pd.DataFrame
    left: SubjectTable
    given: Mapping[str, Hierarchy]

    def texts(self, name: str) -> np.ndarray:
        """Return the values of an attribute before, shape (n,)."""
        return self.before[name].to_numpy(dtype=object)

    def shown(self, name: str) -> np.ndarray | None:
        """Return the values of an attribute after; None when it has no column."""
        if name not in self.left.frame.columns:
            return None
        return self.left.frame[name].to_numpy(dtype=object)

    def rule(self, attribute: Attribute) -> tuple[str, str]:
        """Return what becomes of a folded attribute: state and plain English."""
        shown = self.shown(attribute.name)
        if shown is None or not present(shown).any():
            return "removed", f"{attribute.name}: removed"
        texts = self.texts(attribute.name)
        known = pd.notna(texts)
        if bool((texts[known] == shown[known]).all()):
            return "exact", f"{attribute.name}: exact values"
        return "coarsened", self.described(attribute)

    def described(self, attribute: Attribute) -> str:
        """Return what the level of an attribute does, in plain English."""
        level = self.left.attributes[attribute.name].generalise_to
        if level is None:
            return f"{attribute.name}: coarsened"
        hierarchy = attribute_hierarchy(self.table, attribute, self.given)
        return hierarchy.describe(level, attribute.name)


def present(texts: np.ndarray) -> np.ndarray:
    """Return which texts are neither missing nor removed."""
    known: np.ndarray = pd.notna(texts) & (texts != UNPARSED)
    return known


def imaging_figure(
    name: str, attributes: list[str], state: str, rule: str, **more: object
) -> ImagingFigure:
    """Return a figure with its formula and source."""
    return ImagingFigure.model_validate(
        {
            "name": name, "attributes": attributes, "state": state, "rule": rule,
            "formula": FORMULAS[name], "reference": SOURCES[name], **more,
        }
    )  # fmt: skip

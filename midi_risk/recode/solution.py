"""What a search returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontNode:
    """One node of the front of risk, loss and suppression.

    Parameters
    ----------
    levels : dict of str to int
    risk : float
        1 over the smallest class shown: the largest prosecutor risk; 0 when nothing is shown.
    loss : float
        Score of the node.
    suppressed : int
        Records hidden.
    """

    levels: dict[str, int]
    risk: float
    loss: float
    suppressed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The best node of the lattice, or the closest one when none is good.

    Parameters
    ----------
    found : bool
        Whether a node meets every criterion within the suppression limit.
    levels : dict of str to int
        Level of each quasi-identifier, in the order given.
    score : float
        Utility loss; comparable with ARX for the same model. NaN when nothing was evaluated.
    components : tuple of float
        Loss of each attribute, or of the table.
    suppressed : int
        Records hidden.
    classes : int
        Equivalence classes shown.
    smallest : int
        Records in the smallest class shown; 0 when none is.
    optimal : bool
        Whether no node is better; proved, never assumed.
    checked : int
        Nodes whose classes were counted.
    nodes : int
        Nodes of the lattice.
    bound : float
        No node that meets the criteria scores less.
    gap : float
        ``(score - bound) / score``; 0 when optimal.
    suppressed_rows : ndarray of bool, shape (N,)
        Records hidden, in the order of the data.
    front : tuple of FrontNode
        Evaluated nodes that no other evaluated node beats in risk, loss and suppression.
    blocking : str
        What keeps the closest node from being a solution; empty when found.
    utility : str
        Name of the utility model.
    """

    found: bool
    levels: dict[str, int]
    score: float
    components: tuple[float, ...] = ()
    suppressed: int
    classes: int
    smallest: int
    optimal: bool
    checked: int
    nodes: int
    bound: float
    gap: float
    suppressed_rows: npt.NDArray[np.bool_] = field(repr=False)
    front: tuple[FrontNode, ...] = field(default=(), repr=False)
    blocking: str = ""
    utility: str = "entropy"

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, without the records."""
        return {
            "found": self.found,
            "levels": dict(self.levels),
            "score": self.score,
            "components": list(self.components),
            "suppressed": self.suppressed,
            "classes": self.classes,
            "smallest": self.smallest,
            "optimal": self.optimal,
            "checked": self.checked,
            "nodes": self.nodes,
            "bound": self.bound,
            "gap": self.gap,
            "blocking": self.blocking,
            "utility": self.utility,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attribute with its level."""
        return pd.DataFrame({"attribute": list(self.levels), "level": list(self.levels.values())})

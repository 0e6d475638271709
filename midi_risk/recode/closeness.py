"""Closeness of the sensitive values of a class to those of the whole table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.errors import SearchError
from midi_risk.recode.classes_view import ClassView, SensitiveCounts
from midi_risk.recode.hierarchy_frame import checked_rows

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TCloseness:
    """The sensitive values of each class are distributed as in the whole table, within ``t``.

    Parameters
    ----------
    sensitive : str
    t : float
        Largest earth mover's distance.
    distance : {"equal", "ordered", "hierarchical"}
        Ground distance of two values: always 1; difference of ranks; height of the lowest
        common ancestor.
    order : sequence of str, optional
        Values, lowest first, for ``"ordered"``; data-type order otherwise.
    hierarchy : DataFrame, optional
        One row per value, for ``"hierarchical"``.

    References
    ----------
    Li, Li and Venkatasubramanian 2007, doi:10.1109/ICDE.2007.367856.
    """

    sensitive: str
    t: float
    distance: Literal["equal", "ordered", "hierarchical"] = "equal"
    order: tuple[str, ...] | None = None
    hierarchy: pd.DataFrame | None = None
    monotone: bool = True
    robust: bool = False
    population: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check the parameters."""
        if not 0 <= self.t <= 1:
            raise SearchError("t must lie between 0 and 1")
        if self.distance not in {"equal", "ordered", "hierarchical"}:
            raise SearchError("the distance is 'equal', 'ordered' or 'hierarchical'")
        if self.distance == "hierarchical" and self.hierarchy is None:
            raise SearchError("hierarchical closeness needs the hierarchy of the sensitive column")

    def failing(self, view: ClassView) -> Bools:
        """Return the classes that are too far away."""
        counts = view.sensitive(self.sensitive)
        out: Bools = (counts.known == 0) | ~(self._apart(counts) <= self.t)
        return out

    def least_share(self, view: ClassView) -> Floats:
        """Return the share to hide: the distance is convex, and nowhere above 1."""
        counts = view.sensitive(self.sensitive)
        beyond = np.maximum(0.0, self._apart(counts) - self.t) / max(1.0 - self.t, 1e-12)
        return np.minimum(beyond, 1.0) * counts.known / view.sizes

    def _apart(self, counts: SensitiveCounts) -> Floats:
        """Return the distance of each class."""
        measure = {"equal": _equal, "ordered": self._ordered, "hierarchical": self._tree}
        return measure[self.distance](counts)

    def _ordered(self, counts: SensitiveCounts) -> Floats:
        difference = _difference(counts)
        if self.order is not None:
            difference = difference[:, [counts.texts.index(value) for value in self._full(counts)]]
        width = max(1, difference.shape[1] - 1)
        out: Floats = np.abs(np.cumsum(difference, axis=1)).sum(axis=1) / width
        return out

    def _full(self, counts: SensitiveCounts) -> list[str]:
        order = [str(value) for value in self.order or ()]
        if set(order) != set(counts.texts) or len(order) != len(counts.texts):
            raise SearchError(
                f"the order of '{self.sensitive}' does not list every value exactly once"
            )
        return order

    def _tree(self, counts: SensitiveCounts) -> Floats:
        if self.hierarchy is None:
            raise SearchError("hierarchical closeness needs a hierarchy")
        rows = checked_rows(self.sensitive, self.hierarchy)
        place = {text: row for row, text in enumerate(rows.texts[0])}
        lacking = sum(value not in place for value in counts.texts)
        if lacking:
            raise SearchError(f"the hierarchy of '{self.sensitive}' lacks {lacking} value(s)")
        at = np.array([place[value] for value in counts.texts], dtype=np.int64)
        extra = _difference(counts)
        codes = np.arange(len(at))
        height = rows.levels - 1
        out = np.zeros(len(counts.known))
        for level in range(1, rows.levels):
            parent = rows.codes[level][at]
            up = np.zeros(int(codes.max()) + 1, dtype=np.int64)
            up[codes] = parent
            order = np.argsort(up, kind="stable")
            first = np.flatnonzero(np.diff(up[order], prepend=-1))
            plus = np.add.reduceat(np.maximum(extra[:, order], 0), first, axis=1)
            minus = np.add.reduceat(np.maximum(-extra[:, order], 0), first, axis=1)
            out += level / height * np.minimum(plus, minus).sum(axis=1)
            extra = plus - minus
            codes = np.unique(parent, return_inverse=True)[1].ravel()
        return out


def _difference(counts: SensitiveCounts) -> Floats:
    """Return class share minus table share, shape (classes, values)."""
    known = np.maximum(counts.known, 1)[:, None]
    out: Floats = counts.dense() / known - counts.totals / counts.totals.sum()
    return out


def _equal(counts: SensitiveCounts) -> Floats:
    """Return half the L1 distance of each class, from present values alone."""
    p = (counts.totals / counts.totals.sum())[counts.value]
    q = counts.count / counts.known[counts.of_class]
    present = np.bincount(counts.of_class, weights=np.abs(q - p) - p, minlength=len(counts.known))
    return np.asarray(0.5 * (1.0 + present), dtype=np.float64)

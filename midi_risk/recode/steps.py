"""The path to a node: single steps, the cheapest per unit of risk first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.risk.classes import EquivalenceClasses


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticeColumns:
    """Codes of every quasi-identifier at every level of its hierarchy.

    Parameters
    ----------
    names : tuple of str
    codes : tuple of numpy.ndarray of int64, shape (n_levels, n)
        One matrix per attribute; -1 is missing, which the last level hides.
    losses : tuple of numpy.ndarray of float64, shape (n_levels,)
        Share of information lost at each level.
    """

    names: tuple[str, ...]
    codes: tuple[np.ndarray, ...]
    losses: tuple[np.ndarray, ...]

    @property
    def n(self) -> int:
        """Number of subjects."""
        return self.codes[0].shape[1] if self.codes else 0

    def classes(self, levels: Sequence[int]) -> EquivalenceClasses:
        """Return the classes at a node."""
        columns = [codes[level] for codes, level in zip(self.codes, levels, strict=True)]
        matrix = np.column_stack(columns) if columns else np.empty((self.n, 0), dtype=np.int64)
        return EquivalenceClasses.from_codes(matrix)

    def mean_risk(self, levels: Sequence[int]) -> float:
        """Return the mean prosecutor risk at a node."""
        classes = self.classes(levels)
        return classes.n_classes / classes.n


def lattice_columns(
    frame: pd.DataFrame, hierarchies: Mapping[str, Hierarchy], losses: Mapping[str, np.ndarray]
) -> LatticeColumns:
    """Return the codes of all levels.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per subject.
    hierarchies : mapping of str to Hierarchy
        In the order of the lattice.
    losses : mapping of str to numpy.ndarray
    """
    matrices = []
    for name, hierarchy in hierarchies.items():
        raw, distinct = pd.factorize(frame[name].to_numpy(dtype=object))
        place = {value: i for i, value in enumerate(hierarchy.frame.iloc[:, 0])}
        rows = np.array([place[value] for value in distinct] + [-1], dtype=np.int64)[raw]
        levels = []
        last = len(hierarchy.level_names) - 1
        for level in range(last + 1):
            codes, _ = pd.factorize(hierarchy.frame.iloc[:, level].to_numpy(dtype=object))
            hidden = 0 if level == last else -1
            levels.append(np.append(codes, hidden)[rows].astype(np.int64))
        matrices.append(np.vstack(levels))
    return LatticeColumns(
        names=tuple(hierarchies),
        codes=tuple(matrices),
        losses=tuple(losses[name] for name in hierarchies),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One attribute moved from one level to another, all others as they are."""

    attribute: str
    level_from: int
    level_to: int
    risk_before: float
    risk_after: float
    loss: float
    subjects: int

    @property
    def classes_before(self) -> int:
        """Equivalence classes before the step; the mean risk is their number per subject."""
        return round(self.risk_before * self.subjects)

    @property
    def classes_after(self) -> int:
        """Equivalence classes after the step."""
        return round(self.risk_after * self.subjects)


def ordered_steps(
    columns: LatticeColumns, start: Sequence[int], target: Sequence[int]
) -> list[Step]:
    """Return the changes from one node to another, one step per attribute.

    Parameters
    ----------
    columns : LatticeColumns
    start, target : sequence of int
        Levels per attribute; no target lies below its start.

    Returns
    -------
    list of Step
        Ordered greedily by risk removed per information lost.
    """
    current = list(start)
    left = [i for i, (a, b) in enumerate(zip(start, target, strict=True)) if b > a]
    risk = columns.mean_risk(current)
    steps = []
    while left:
        tried = [(_gain(columns, current, i, target[i], risk), i) for i in left]
        (_, after, loss), best = max(tried, key=lambda item: (item[0][0], -item[1]))
        steps.append(
            Step(
                attribute=columns.names[best],
                level_from=current[best],
                level_to=target[best],
                risk_before=risk,
                risk_after=after,
                loss=loss,
                subjects=columns.n,
            )
        )
        current[best] = target[best]
        left.remove(best)
        risk = after
    return steps


def cheapest_step(
    columns: LatticeColumns, start: Sequence[int], free: Sequence[bool]
) -> Step | None:
    """Return the single step that removes most risk per information lost.

    Parameters
    ----------
    columns : LatticeColumns
    start : sequence of int
    free : sequence of bool
        Attributes that may change.

    Returns
    -------
    Step or None
        None when no step lowers the risk.
    """
    risk = columns.mean_risk(start)
    best: tuple[float, Step] | None = None
    for i, may in enumerate(free):
        for level in range(start[i] + 1, len(columns.losses[i])) if may else ():
            gain, after, loss = _gain(columns, start, i, level, risk)
            if after < risk and (best is None or gain > best[0]):
                best = (
                    gain,
                    Step(
                        attribute=columns.names[i],
                        level_from=start[i],
                        level_to=level,
                        risk_before=risk,
                        risk_after=after,
                        loss=loss,
                        subjects=columns.n,
                    ),
                )
    return best[1] if best else None


def removals(columns: LatticeColumns, at: Sequence[int], which: Sequence[int]) -> list[Step]:
    """Return for each of some attributes what removing it alone would do.

    Parameters
    ----------
    columns : LatticeColumns
    at : sequence of int
        Level of each attribute.
    which : sequence of int
        Places of the attributes to try.
    """
    risk = columns.mean_risk(at) if which else 0.0
    steps = []
    for i in which:
        last = len(columns.losses[i]) - 1
        _, after, loss = _gain(columns, at, i, last, risk)
        steps.append(
            Step(
                attribute=columns.names[i],
                level_from=at[i],
                level_to=last,
                risk_before=risk,
                risk_after=after,
                loss=loss,
                subjects=columns.n,
            )
        )
    return steps


def _gain(
    columns: LatticeColumns, current: Sequence[int], i: int, level: int, risk: float
) -> tuple[float, float, float]:
    """Return risk removed per information lost, the risk after, and the loss."""
    moved = [level if j == i else at for j, at in enumerate(current)]
    after = columns.mean_risk(moved)
    loss = float(columns.losses[i][level] - columns.losses[i][current[i]])
    return (risk - after) / max(loss, 1e-9), after, loss

"""Utility models: how much a node destroys, with bounds that need no class table.

Definitions follow those of ARX, so that scores compare with it to the last digits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.classes_view import ClassView
from midi_risk.recode.lattice import Lattice

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
AGGREGATES = ("arithmetic", "geometric", "maximum", "rank", "sum")


def floor10(values: Floats) -> Floats:
    """Return values cut to ten decimals, as ARX reports components."""
    out: Floats = np.floor(values * 1e10) / 1e10
    return out


@dataclass(frozen=True, eq=False, kw_only=True)
class UtilityInputs:
    """What every utility model needs to know of the data.

    Parameters
    ----------
    lattice : Lattice
    records : int
        Records of the sample; they come first in the codes of the axes.
    weights : ndarray of float64, shape (attributes,)
        Divided by the largest.
    gs_factor : float
        0 ignores hidden records, 1 ignores generalisation, 0.5 counts both fully.
    aggregate : str
        How components join for the Loss model.
    """

    lattice: Lattice
    records: int
    weights: Floats
    gs_factor: float
    aggregate: str

    @property
    def shown_factor(self) -> float:
        """Factor of generalised values."""
        return 1.0 if self.gs_factor <= 0.5 else 2.0 * (1.0 - self.gs_factor)

    @property
    def hidden_factor(self) -> float:
        """Factor of hidden records."""
        return 2.0 * self.gs_factor if self.gs_factor < 0.5 else 1.0

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Axis and place on it of every attribute."""
        found = {
            member: (number, place)
            for number, axis in enumerate(self.lattice.axes)
            for place, member in enumerate(axis.members)
        }
        return tuple(found[member] for member in range(len(self.lattice.attributes)))

    @cached_property
    def domains(self) -> Ints:
        """Values in the hierarchy of each attribute."""
        return np.array([attribute.domain for attribute in self.lattice.attributes])

    @cached_property
    def leaves(self) -> tuple[tuple[Ints, ...], ...]:
        """Per attribute and step of its axis, hierarchy values under each code."""
        out = []
        for attribute, (number, place) in zip(self.lattice.attributes, self.places, strict=True):
            axis = self.lattice.axes[number]
            out.append(
                tuple(
                    attribute.leaves[levels[place]][axis.member_codes[step][place]]
                    for step, levels in enumerate(axis.steps)
                )
            )
        return tuple(out)

    @cached_property
    def frequencies(self) -> tuple[tuple[Ints, ...], ...]:
        """Per axis and step, records of the sample with each code."""
        return tuple(
            tuple(
                np.bincount(
                    axis.maps[step][axis.codes[: self.records]],
                    minlength=axis.cardinality(step),
                )
                for step in range(len(axis.steps))
            )
            for axis in self.lattice.axes
        )

    def gather(self, tables: Sequence[Floats], steps: Ints) -> Floats:
        """Return per-attribute values of nodes from tables by step, shape (nodes, attributes)."""
        return np.stack(
            [table[steps[:, axis]] for table, (axis, _) in zip(tables, self.places, strict=True)],
            axis=1,
        )


class Utility(ABC):
    """Base of the utility models: one component per attribute, joined to a score.

    Parameters
    ----------
    inputs : UtilityInputs
    """

    separable = True
    """Whether there is one component per attribute, of its axis alone."""

    @property
    def hiding_costs(self) -> bool:
        """Whether a hidden record never costs less than a shown one."""
        return True

    def __init__(self, inputs: UtilityInputs) -> None:
        self.inputs = inputs

    @abstractmethod
    def bound(self, steps: Ints) -> Floats:
        """Return components that no choice of hidden records undercuts, (nodes, components)."""

    def bound_when_hidden(self, steps: Sequence[int], hidden: int) -> Floats:
        """Return components that a node undercuts by no choice of that many hidden records."""
        out: Floats = self.bounds_when_hidden(np.array([steps]), np.array([float(hidden)]))[0]
        return out

    def bounds_when_hidden(self, steps: Ints, hidden: Floats) -> Floats:  # noqa: ARG002
        """Return `bound_when_hidden` of many nodes, shape (nodes, components)."""
        return self.bound(steps)

    @abstractmethod
    def components_below(self, steps: Sequence[int], view: ClassView, share: Floats) -> Floats:
        """Return components that no node below undercuts which has the same step on their axis.

        Parameters
        ----------
        steps : sequence of int
            The node.
        view : ClassView
            Its classes.
        share : ndarray, shape (classes,)
            Share of each class that every node below must hide at least.
        """

    @abstractmethod
    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the components of a node, shape (components,).

        Parameters
        ----------
        steps : sequence of int
            The node.
        view : ClassView
            Its classes.
        hidden : ndarray of int64
            Classes that are hidden.
        """

    def keys(self, components: Floats) -> Floats:
        """Return what nodes are compared by, left to right, shape (nodes, parts)."""
        total: Floats = np.zeros(len(components))
        for column in range(components.shape[1]):
            total = total + components[:, column]
        return total[:, None]


def attribute_weights(names: Sequence[str], weights: Mapping[str, float] | None) -> Floats:
    """Return the weight of each attribute, divided by the largest.

    Raises
    ------
    SearchError
        For an unknown attribute, a negative weight, or none above 0.
    """
    given = dict(weights or {})
    for name, weight in given.items():
        if name not in names:
            raise SearchError(f"weight of unknown '{name}'", hint=did_you_mean(str(name), names))
        if not 0 <= weight < float("inf"):
            raise SearchError(f"the weight of '{name}' must be a number from 0 up")
    out = np.array([float(given.get(name, 1.0)) for name in names])
    if not out.max() > 0:
        raise SearchError("all weights are 0", hint="Give at least one attribute a weight")
    scaled: Floats = out / out.max()
    return scaled

"""Information loss: the utility models of the search, and what a whole plan loses.

Loss (how much of its hierarchy each value covers), entropy, precision, height: their
definitions follow those of ARX, so that scores compare with it to the last digits, and each
gives bounds that need no class table. `information_lost` is the one figure that a plan, the
command line, the report and the tuning page print.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.model import Attribute, Decision, Kind
from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.lattice.lattice import Lattice
from midi_risk.recode.lattice.view import ClassView

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


def _without(length: int, places: Ints) -> npt.NDArray[np.bool_]:
    """Return a mask that is False at the places."""
    out = np.ones(length, dtype=bool)
    out[places] = False
    return out


def _interpolated(at: int, places: list[int], values: list[int]) -> float:
    """Return the value at a place of a line through points, the first at place 0."""
    after = min(bisect_left(places, at, 1), len(places) - 1)
    before = after - 1
    width = places[after] - places[before]
    slope = (values[after] - values[before]) / width if width else 0.0
    return values[before] + slope * (min(at, places[after]) - places[before])


class Loss(Utility):
    """Loss: share of the hierarchy that each value covers; a hidden value covers all of it.

    References
    ----------
    Iyengar 2002, doi:10.1145/775047.775089.
    """

    @cached_property
    def _totals(self) -> tuple[Ints, ...]:
        inputs = self.inputs
        return tuple(
            np.array(
                [
                    int((under * frequency).sum())
                    for under, frequency in zip(leaves, inputs.frequencies[axis], strict=True)
                ]
            )
            for leaves, (axis, _) in zip(inputs.leaves, inputs.places, strict=True)
        )

    def _share(self, shown: Floats, hidden_leaves: Floats, hidden: float | Floats) -> Floats:
        """Return components from sums of leaves over shown and over hidden records."""
        g, s = self.inputs.shown_factor, self.inputs.hidden_factor
        spent = g * shown + hidden_leaves + s * (hidden * self.inputs.domains - hidden_leaves)
        share = (spent - g * self.inputs.records) / self._room
        return floor10(np.maximum(0.0, share))

    @cached_property
    def _room(self) -> Floats:
        """What separates no loss from full loss; infinite where there is nothing to lose."""
        floor = self.inputs.shown_factor * self.inputs.records
        room = self.inputs.records * self.inputs.domains - floor
        return np.where(room > 0, room, np.inf)

    def bound(self, steps: Ints) -> Floats:
        """Return the components with nothing hidden."""
        shown = self.inputs.gather([total.astype(np.float64) for total in self._totals], steps)
        return self._share(shown, np.zeros_like(shown), 0.0)

    @cached_property
    def _extremes(self) -> tuple[tuple[tuple[list[int], list[int]], ...], ...]:
        """Per attribute and step, records and leaves summed over codes, worst case first."""
        largest = self.inputs.shown_factor + self.inputs.hidden_factor > 1
        out = []
        for leaves, (axis, _) in zip(self.inputs.leaves, self.inputs.places, strict=True):
            rows = []
            for under, frequency in zip(leaves, self.inputs.frequencies[axis], strict=True):
                order = np.argsort(-under if largest else under, kind="stable")
                records = np.concatenate(([0], np.cumsum(frequency[order])))
                sums = np.concatenate(([0], np.cumsum((frequency * under)[order])))
                rows.append((records.tolist(), sums.tolist()))
            out.append(tuple(rows))
        return tuple(out)

    def bound_when_hidden(self, steps: Sequence[int], hidden: int) -> Floats:
        """Return the components if the hidden records were those that cost least."""
        shown, lost = [], []
        for attribute, (axis, _) in enumerate(self.inputs.places):
            records, sums = self._extremes[attribute][steps[axis]]
            part = _interpolated(hidden, records, sums)
            shown.append(float(self._totals[attribute][steps[axis]]) - part)
            lost.append(part)
        return self._share(np.array(shown), np.array(lost), float(hidden)) * (1 - 1e-12)

    def bounds_when_hidden(self, steps: Ints, hidden: Floats) -> Floats:
        """Return `bound_when_hidden` of many nodes, shape (nodes, components)."""
        lost = np.empty((len(steps), len(self.inputs.places)))
        for attribute, (axis, _) in enumerate(self.inputs.places):
            for step, (records, sums) in enumerate(self._extremes[attribute]):
                here = steps[:, axis] == step
                lost[here, attribute] = np.interp(hidden[here], records, sums)
        totals = [total.astype(np.float64) for total in self._totals]
        shown = self.inputs.gather(totals, steps) - lost
        return self._share(shown, lost, hidden[:, None]) * (1 - 1e-12)

    def components_below(self, steps: Sequence[int], view: ClassView, share: Floats) -> Floats:
        """Return the shares when so much of each class is hidden."""
        touched = np.flatnonzero(share)
        complement = 2 * len(touched) > len(share)
        if complement:
            touched = np.flatnonzero(share < 1.0)
        records = view.sizes[touched] * (1.0 - share if complement else share)[touched]
        side, totals = [], []
        for attribute, (axis, _) in enumerate(self.inputs.places):
            under = self.inputs.leaves[attribute][steps[axis]]
            side.append(float((under[view.field(axis, touched)] * records).sum()))
            totals.append(float(self._totals[attribute][steps[axis]]))
        counted, all_ = np.array(side), np.array(totals)
        shown, lost = (counted, all_ - counted) if complement else (all_ - counted, counted)
        hidden = float(records.sum())
        hidden = self.inputs.records - hidden if complement else hidden
        return self._share(shown, lost, hidden) * (1 - 1e-12)

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the share of each attribute."""
        # The sums are exact, so the smaller side is counted and the other is the rest.
        complement = 2 * len(hidden) > len(view.sizes)
        side = np.flatnonzero(_without(len(view.sizes), hidden)) if complement else hidden
        sizes = view.sizes[side]
        shown, lost = [], []
        for attribute, (axis, _) in enumerate(self.inputs.places):
            under = self.inputs.leaves[attribute][steps[axis]]
            total = int(self._totals[attribute][steps[axis]])
            part = int((under[view.field(axis, side)] * sizes).sum()) if side.size else 0
            shown.append(part if complement else total - part)
            lost.append(total - part if complement else part)
        records = int(sizes.sum())
        records = self.inputs.records - records if complement else records
        return self._share(
            np.array(shown, dtype=np.float64), np.array(lost, dtype=np.float64), float(records)
        )

    def keys(self, components: Floats) -> Floats:
        """Return the aggregate of the components."""
        weighted = components * self.inputs.weights
        parts = weighted.shape[1]
        if self.inputs.aggregate == "rank":
            ranked: Floats = -np.sort(-weighted, axis=1)
            return ranked
        if self.inputs.aggregate == "maximum":
            largest: Floats = weighted.max(axis=1, keepdims=True)
            return largest
        if self.inputs.aggregate == "geometric":
            product: Floats = np.ones(len(weighted))
            for column in range(parts):
                product = product * (weighted[:, column] + 1.0)
            return np.asarray(product ** (1.0 / parts) - 1.0)[:, None]
        total = super().keys(weighted)
        return total / parts if self.inputs.aggregate == "arithmetic" else total


class Entropy(Utility):
    """Non-uniform entropy: bits lost per attribute, given how frequent values are.

    References
    ----------
    Gionis and Tassa 2009, doi:10.1109/TKDE.2008.129; the term of hidden records is ARX's.
    """

    normalised = False

    @cached_property
    def _tables(self) -> tuple[Floats, ...]:
        out = []
        for member, (number, place) in enumerate(self.inputs.places):
            axis = self.inputs.lattice.axes[number]
            attribute = self.inputs.lattice.attributes[member]
            raw = np.bincount(attribute.codes[: self.inputs.records])
            rows = []
            for levels in axis.steps:
                of_raw = attribute.maps[levels[place]][: len(raw)]
                general = np.bincount(of_raw, weights=raw)[of_raw]
                seen = raw > 0
                rows.append(-float((raw[seen] * np.log2(raw[seen] / general[seen])).sum()))
            out.append(np.array(rows))
        return tuple(out)

    @cached_property
    def _scale(self) -> Floats:
        if not self.normalised:
            return np.ones(len(self.inputs.places))
        out = []
        for attribute in self.inputs.lattice.attributes:
            raw = np.bincount(attribute.codes[: self.inputs.records])
            raw = raw[raw > 0]
            out.append(-float((raw * np.log2(raw / self.inputs.records)).sum()) or 1.0)
        return np.array(out)

    def _joined(self, shown: Floats, hidden: Floats) -> Floats:
        g, s = self.inputs.shown_factor, self.inputs.hidden_factor
        return floor10(g * shown + s * hidden) / self._scale

    def bound(self, steps: Ints) -> Floats:
        """Return the bits lost by generalisation alone."""
        shown = self.inputs.gather(self._tables, steps)
        return self._joined(shown, np.zeros_like(shown))

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the bits lost of each attribute."""
        return self._bits(steps, view, hidden, view.sizes[hidden])

    def components_below(self, steps: Sequence[int], view: ClassView, share: Floats) -> Floats:
        """Return the bits lost when so much of each class is hidden; more hidden lose more."""
        touched = np.flatnonzero(share)
        bits = self._bits(steps, view, touched, view.sizes[touched] * share[touched])
        return bits * (1 - 1e-12)

    def _bits(
        self, steps: Sequence[int], view: ClassView, hidden: Ints, sizes: Floats | Ints
    ) -> Floats:
        """Return the bits lost when so many records of some classes are hidden."""
        total = float(sizes.sum())
        shown, lost = [], []
        for member, (axis, place) in enumerate(self.inputs.places):
            shown.append(float(self._tables[member][steps[axis]]))
            if not total:
                lost.append(0.0)
                continue
            codes = self.inputs.lattice.axes[axis].member_codes[steps[axis]][place]
            count = np.bincount(codes[view.field(axis, hidden)], weights=sizes)
            count = count[count > 0]
            lost.append(-float((count * np.log2(count / total)).sum()))
        return self._joined(np.array(shown), np.array(lost))

    def keys(self, components: Floats) -> Floats:
        """Return the weighted sum."""
        return super().keys(components * self.inputs.weights)


class NormalisedEntropy(Entropy):
    """Non-uniform entropy of each attribute as a share of the entropy of its raw values."""

    normalised = True


class Precision(Utility):
    """Mean height of the values in their hierarchies; a hidden value is at the top.

    References
    ----------
    Sweeney 2002, doi:10.1142/S021848850200165X.
    """

    @property
    def hiding_costs(self) -> bool:
        """Whether a hidden record never costs less than a shown one."""
        return self.inputs.hidden_factor >= self.inputs.shown_factor

    @cached_property
    def _tables(self) -> tuple[Floats, ...]:
        out = []
        for member, (number, place) in enumerate(self.inputs.places):
            top = max(1, self.inputs.lattice.attributes[member].levels - 1)
            axis = self.inputs.lattice.axes[number]
            out.append(np.array([levels[place] / top for levels in axis.steps]))
        return tuple(out)

    def bound(self, steps: Ints) -> Floats:
        """Return the heights, or what hiding costs where that is less."""
        heights = self.inputs.gather(self._tables, steps) * self.inputs.shown_factor
        out: Floats = np.minimum(heights, self.inputs.hidden_factor)
        return out

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the height of each attribute."""
        lost = int(view.sizes[hidden].sum())
        height = self.inputs.gather(self._tables, np.array([steps]))[0]
        shown = (self.inputs.records - lost) * height * self.inputs.shown_factor
        out: Floats = (shown + lost * self.inputs.hidden_factor) / self.inputs.records
        return out

    def components_below(self, steps: Sequence[int], view: ClassView, share: Floats) -> Floats:
        """Return the heights when so many records are hidden; others may be, if it costs less."""
        lost = float((view.sizes * share).sum())
        least = self.bound(np.array([steps]))[0]
        spent = (self.inputs.records - lost) * least + lost * self.inputs.hidden_factor
        out: Floats = spent / self.inputs.records * (1 - 1e-12)
        return out

    def keys(self, components: Floats) -> Floats:
        """Return the weighted mean."""
        out: Floats = super().keys(components * self.inputs.weights) / components.shape[1]
        return out


class Height(Utility):
    """Sum of the levels; hidden records do not count, so set a suppression limit."""

    def bound(self, steps: Ints) -> Floats:
        """Return the levels themselves."""
        tables = []
        for number, place in self.inputs.places:
            axis = self.inputs.lattice.axes[number]
            tables.append(np.array([float(levels[place]) for levels in axis.steps]))
        return self.inputs.gather(tables, steps)

    def components_below(
        self,
        steps: Sequence[int],
        view: ClassView,  # noqa: ARG002
        share: Floats,  # noqa: ARG002
    ) -> Floats:
        """Return the levels."""
        out: Floats = self.bound(np.array([steps]))[0]
        return out

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:  # noqa: ARG002
        """Return the levels."""
        out: Floats = self.bound(np.array([steps]))[0]
        return out

    def keys(self, components: Floats) -> Floats:
        """Return the weighted sum."""
        return super().keys(components * self.inputs.weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossShares:
    """What each quasi-identifier weighs in the information that a plan loses.

    Parameters
    ----------
    shares : dict of str to float
        By attribute; the shares of those that the project does not remove sum to 1.
    removed : frozenset of str
        What the project removes before any plan. It is no loss of the plan; a plan that brings
        it back gains what its level keeps.
    """

    shares: dict[str, float]
    removed: frozenset[str]

    def cost(self, name: str, loss: float) -> float:
        """Return what an attribute adds to the plan's loss when it loses `loss` of its own."""
        return self.shares[name] * (loss - (name in self.removed))


AGE_WEIGHT = 2.0
"""What age counts beside another attribute: a stated preference, since research needs it most."""


def weight_of(attribute: Attribute) -> float:
    """Return what an attribute counts: its stated utility, age doubled."""
    return float(attribute.utility) * (AGE_WEIGHT if attribute.kind is Kind.AGE else 1.0)


def loss_shares(attributes: Sequence[Attribute]) -> LossShares:
    """Return the shares of quasi-identifiers, by their stated utility.

    Parameters
    ----------
    attributes : sequence of Attribute
        Every quasi-identifier that some adversary knows and that has values.

    Notes
    -----
    Where every utility is 0, or the project removes them all, each counts the same as if
    it were not so.

    Examples
    --------
    >>> from midi_risk.attributes.model import Attribute, Kind, Role
    >>> age, sex = (
    ...     Attribute(
    ...         name=name, source="t", column=name, kind=Kind.CATEGORY, utility=utility,
    ...         role=Role.QUASI_IDENTIFIER, reason="",
    ...     )
    ...     for name, utility in (("age", 3), ("sex", 1))
    ... )
    >>> loss_shares([age, sex]).shares
    {'age': 0.75, 'sex': 0.25}
    """
    removed = frozenset(a.name for a in attributes if a.decision is Decision.REMOVE)
    if len(removed) == len(attributes):
        removed = frozenset()
    weights = {a.name: weight_of(a) for a in attributes}
    total = sum(weight for name, weight in weights.items() if name not in removed)
    if not total:
        weights = dict.fromkeys(weights, 1.0)
        total = float(len(weights) - len(removed))
    return LossShares(
        shares={name: weight / total for name, weight in weights.items()}, removed=removed
    )


def information_lost(costs: float, left_out: int, subjects: int) -> float:
    """Return the share of information that a plan loses.

    Parameters
    ----------
    costs : float
        Sum of `LossShares.cost` over the quasi-identifiers.
    left_out : int
        Subjects that the plan leaves out; each loses all.
    subjects : int
        Subjects of the collection.

    Returns
    -------
    float
        In [0, 1]: 0 where the release keeps at least what the project keeps.

    Examples
    --------
    >>> round(information_lost(0.3, 2, 100), 3)
    0.314
    """
    stay = 1 - left_out / subjects if subjects else 1.0
    return min(1.0, max(0.0, 1 - stay * (1 - costs)))

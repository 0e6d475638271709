"""The Loss model: how much of its hierarchy each value covers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from midi_risk.recode.classes_view import ClassView
from midi_risk.recode.utility import Floats, Ints, Utility, floor10


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

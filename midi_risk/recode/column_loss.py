"""Utility models that add up over columns: entropy, precision, height."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from midi_risk.recode.classes_view import ClassView
from midi_risk.recode.utility import Floats, Ints, Utility, floor10


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

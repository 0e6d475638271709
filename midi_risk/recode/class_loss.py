"""Utility models that need the class table: class sizes, ambiguity, divergence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from midi_risk.errors import SearchError, did_you_mean
from midi_risk.recode.lattice.view import ClassView
from midi_risk.recode.loss import (
    AGGREGATES,
    Entropy,
    Floats,
    Height,
    Ints,
    Loss,
    NormalisedEntropy,
    Precision,
    Utility,
    UtilityInputs,
)
from midi_risk.risk.classes.keys import pack

Bools = npt.NDArray[np.bool_]


class _OfClasses(Utility):
    """Base of the models that have one component and no bound worth the name."""

    separable = False

    def bound(self, steps: Ints) -> Floats:
        """Return zeros."""
        return np.zeros((len(steps), 1))

    def components_below(
        self,
        steps: Sequence[int],  # noqa: ARG002
        view: ClassView,  # noqa: ARG002
        share: Floats,  # noqa: ARG002
    ) -> Floats:
        """Return zero: only the number of hidden records tells something of nodes below."""
        return np.zeros(1)

    def _shown(self, view: ClassView, hidden: Ints) -> Bools:
        shown = np.ones(len(view.sizes), dtype=bool)
        shown[hidden] = False
        return shown

    def _area(self, steps: Sequence[int], view: ClassView, classes: Ints) -> Floats:
        """Return how many combinations of raw values each class may stand for."""
        area: Floats = np.ones(len(classes))
        for attribute, (axis, _) in enumerate(self.inputs.places):
            under = self.inputs.leaves[attribute][steps[axis]]
            area = area * under[view.field(axis, classes)]
        return area


class AverageClassSize(_OfClasses):
    """AECS: records over classes shown.

    References
    ----------
    LeFevre, DeWitt and Ramakrishnan 2006, doi:10.1109/ICDE.2006.101. The two factors are
    swapped as in ARX.
    """

    def bound(self, steps: Ints) -> Floats:
        """Return the size if every combination of codes were a class."""
        return self.bounds_when_hidden(steps, np.zeros(len(steps)))

    def bounds_when_hidden(self, steps: Ints, hidden: Floats) -> Floats:
        """Return the size if every combination of codes, or every shown record, were a class."""
        cells: Floats = np.ones(len(steps))
        for number, axis in enumerate(self.inputs.lattice.axes):
            sizes = [float(axis.cardinality(step)) for step in range(len(axis.steps))]
            cells = np.minimum(cells * np.array(sizes)[steps[:, number]], self.inputs.records)
        cells = np.minimum(cells, self.inputs.records - hidden)
        most = self.inputs.hidden_factor * cells + self.inputs.shown_factor
        out: Floats = self.inputs.records / most
        return out[:, None]

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:  # noqa: ARG002
        """Return the average size."""
        shown = len(view.sizes) - len(hidden)
        classes = self.inputs.hidden_factor * shown
        classes += self.inputs.shown_factor if len(hidden) else 0.0
        return np.array([self.inputs.records / classes if classes else np.inf])


def mean_log(utility: Utility, values: Sequence[Sequence[Floats]]) -> tuple[Floats, ...]:
    """Return the mean over records of the logarithm of a value of each code, by axis and step."""
    return tuple(
        np.array(
            [
                float((frequency * np.log(value))[frequency > 0].sum()) / utility.inputs.records
                for frequency, value in zip(frequencies, by_step, strict=True)
            ]
        )
        for frequencies, by_step in zip(utility.inputs.frequencies, values, strict=True)
    )


class Discernibility(_OfClasses):
    """Sum of squared class sizes; each hidden record costs as much as all records.

    References
    ----------
    Bayardo and Agrawal 2005, doi:10.1109/ICDE.2005.42.
    """

    @cached_property
    def _evenness(self) -> tuple[Floats, ...]:
        tables = self.inputs.frequencies
        return mean_log(
            self, [[np.maximum(row, 1) / self.inputs.records for row in t] for t in tables]
        )

    def bound(self, steps: Ints) -> Floats:
        """Return the sum if the axes were independent and their classes even.

        By Jensen's inequality the mean class size is at least the exponential of its mean
        logarithm, and the entropy of the classes is at most the sum of those of the axes.
        """
        total: Floats = np.full(len(steps), np.log(self.inputs.records))
        for axis, table in enumerate(self._evenness):
            total = total + table[steps[:, axis]]
        n = self.inputs.records
        factor = min(self.inputs.shown_factor, self.inputs.hidden_factor)
        out: Floats = factor * n * np.maximum(1.0, np.exp(total)) * (1 - 1e-9)
        return out[:, None]

    def bounds_when_hidden(self, steps: Ints, hidden: Floats) -> Floats:
        """Return the sum if the records that are shown were all unique, where it is more."""
        n = self.inputs.records
        spent = self.inputs.shown_factor * (n - hidden) + self.inputs.hidden_factor * n * hidden
        out: Floats = np.maximum(self.bound(steps), spent[:, None] * (1 - 1e-12))
        return out

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:  # noqa: ARG002
        """Return the sum."""
        sizes = view.sizes.astype(np.float64)
        lost = sizes[hidden].sum()
        squares = (sizes**2).sum() - (sizes[hidden] ** 2).sum()
        return np.array(
            [
                self.inputs.shown_factor * squares
                + self.inputs.hidden_factor * self.inputs.records * lost
            ]
        )


class Ambiguity(_OfClasses):
    """Combinations of raw values that each record may stand for, summed.

    References
    ----------
    Goldberger and Tassa 2010, Transactions on Data Privacy 3(2).
    """

    @cached_property
    def _covered(self) -> tuple[Floats, ...]:
        axes = self.inputs.lattice.axes
        leaves: list[list[Floats]] = [
            [np.ones(axis.cardinality(step)) for step in range(len(axis.steps))] for axis in axes
        ]
        for attribute, (axis, _) in enumerate(self.inputs.places):
            for step, under in enumerate(self.inputs.leaves[attribute]):
                leaves[axis][step] = leaves[axis][step] * under
        return mean_log(self, leaves)

    def bound(self, steps: Ints) -> Floats:
        """Return the records times the geometric mean, by Jensen's inequality."""
        total: Floats = np.zeros(len(steps))
        for axis, table in enumerate(self._covered):
            total = total + table[steps[:, axis]]
        out: Floats = self.inputs.records * np.exp(total) * (1 - 1e-9)
        return out[:, None]

    def bounds_when_hidden(self, steps: Ints, hidden: Floats) -> Floats:
        """Return the sum if the records that are shown kept their values, where it is more."""
        every = float(np.prod(self.inputs.domains.astype(np.float64)))
        spent = self.inputs.records - hidden + hidden * every
        out: Floats = np.maximum(self.bound(steps), spent[:, None] * (1 - 1e-12))
        return out

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the sum."""
        shown = np.flatnonzero(self._shown(view, hidden))
        lost = float(view.sizes[hidden].sum())
        total = float((view.sizes[shown] * self._area(steps, view, shown)).sum())
        return np.array([total + lost * float(np.prod(self.inputs.domains.astype(np.float64)))])


class Divergence(_OfClasses):
    """Kullback-Leibler divergence of raw and released records, summed over records.

    As in ARX the sum runs over records, not over distinct ones.
    """

    def components(self, steps: Sequence[int], view: ClassView, hidden: Ints) -> Floats:
        """Return the sum."""
        inputs = self.inputs
        attributes = inputs.lattice.attributes
        raw, _ = pack(
            [a.codes[: inputs.records] for a in attributes],
            [len(a.maps[0]) for a in attributes],
            inputs.records,
        )
        _, of_raw, raw_sizes = np.unique(raw, return_inverse=True, return_counts=True)
        p = raw_sizes[of_raw.ravel()] / inputs.records
        node = self._keys(steps)
        classes = np.arange(len(view.sizes))
        class_key = np.zeros(len(classes), dtype=np.int64)
        for axis in range(len(inputs.lattice.axes)):
            width = inputs.lattice.axes[axis].cardinality(steps[axis])
            class_key = class_key * width + view.field(axis, classes)
        order = np.argsort(class_key)
        of_node = order[np.searchsorted(class_key, node, sorter=order)]
        q = view.sizes / inputs.records / self._area(steps, view, classes)
        lost = float(view.sizes[hidden].sum())
        q[hidden] = lost / inputs.records / float(np.prod(inputs.domains.astype(np.float64)))
        return np.array([float((p * np.log2(p / q[of_node])).sum())])

    def _keys(self, steps: Sequence[int]) -> Ints:
        key = np.zeros(self.inputs.records, dtype=np.int64)
        room = 1
        for axis, step in zip(self.inputs.lattice.axes, steps, strict=True):
            room *= max(1, axis.cardinality(step))
            key = key * axis.cardinality(step)
            key += axis.maps[step][axis.codes[: self.inputs.records]]
        if room >= 2**62:
            raise SearchError(
                "the divergence is not defined for so many combinations of values",
                hint="Choose utility='loss' or 'entropy'",
            )
        return key


MODELS: Mapping[str, Callable[[UtilityInputs], Utility]] = {
    "aecs": AverageClassSize,
    "ambiguity": Ambiguity,
    "discernibility": Discernibility,
    "entropy": Entropy,
    "height": Height,
    "kl": Divergence,
    "loss": Loss,
    "normalised-entropy": NormalisedEntropy,
    "precision": Precision,
}


def utility_model(name: str, inputs: UtilityInputs) -> Utility:
    """Return a utility model by name.

    Parameters
    ----------
    name : str
        ``"loss"``, ``"entropy"``, ``"normalised-entropy"``, ``"aecs"``, ``"discernibility"``,
        ``"ambiguity"``, ``"precision"``, ``"height"`` or ``"kl"``.
    inputs : UtilityInputs

    Raises
    ------
    SearchError
        For an unknown name or aggregate, or a factor outside [0, 1].
    """
    if name not in MODELS:
        raise SearchError(f"no utility model '{name}'", hint=did_you_mean(name, MODELS))
    if inputs.aggregate not in AGGREGATES:
        raise SearchError(
            f"no aggregate '{inputs.aggregate}'", hint=did_you_mean(inputs.aggregate, AGGREGATES)
        )
    if not 0 <= inputs.gs_factor <= 1:
        raise SearchError("gs_factor must lie between 0 and 1")
    return MODELS[name](inputs)

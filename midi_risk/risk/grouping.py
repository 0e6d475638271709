"""From code columns to the parts of the equivalence classes, all inputs checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray, IntArray
from midi_risk.risk.numeric import as_numbers
from midi_risk.risk.packing import Groups, first_records, group, pack
from midi_risk.risk.wildcard import wildcard_sizes

MissingPolicy = Literal["category", "wildcard"]
PopulationSource = Literal["weights", "given"]


class ClassParts(NamedTuple):
    """The arrays of `midi_risk.risk.EquivalenceClasses`, described there."""

    class_of_record: IntArray
    counts: IntArray
    sizes: npt.NDArray[Any]
    population_sizes: FloatArray | None
    population_source: PopulationSource | None
    record_weights: FloatArray | None


def group_records(
    columns: Sequence[npt.NDArray[Any]],
    cardinalities: Sequence[int],
    n: int,
    *,
    missing: MissingPolicy,
    alpha: float,
    symmetric: bool,
    weights: npt.ArrayLike | None,
    population_sizes: npt.ArrayLike | None,
) -> ClassParts:
    """Group records given as code columns.

    Parameters
    ----------
    columns : sequence of numpy.ndarray of shape (n,)
        Codes, -1 where missing.
    cardinalities : sequence of int
        Number of codes of each column.
    n : int
        Number of records.
    missing, alpha, symmetric, weights, population_sizes
        As in `midi_risk.risk.equivalence_classes`.

    Returns
    -------
    ClassParts

    Raises
    ------
    MeasureError
        If a policy, weight or population size is not possible.
    """
    if missing not in ("category", "wildcard"):
        raise MeasureError("The missing policy must be 'category' or 'wildcard'")
    if not 0 <= alpha <= 1:
        raise MeasureError("alpha must lie between 0 and 1")
    if weights is not None and population_sizes is not None:
        raise MeasureError("Give weights or population sizes, not both")
    holes = [
        j
        for j, column in enumerate(columns)
        if n and column.dtype.kind != "u" and int(column.min()) < 0
    ]
    shifted = [
        column.astype(np.int64) + 1 if j in holes else column for j, column in enumerate(columns)
    ]
    cards = [card + 1 if j in holes else card for j, card in enumerate(cardinalities)]
    groups = group(*pack(shifted, cards, n))
    if len(groups.sizes) == n:
        # All unique: classes in the order of the records, so that values per class and per
        # record, which have one shape here, are one thing.
        groups = groups._replace(group_of_record=np.arange(n))
    record_weights = None if weights is None else _checked(weights, n, "weight")
    class_weights: FloatArray | None = None
    if record_weights is not None:
        class_weights = np.bincount(
            groups.group_of_record, record_weights, minlength=len(groups.sizes)
        ).astype(np.float64, copy=False)
    sizes: npt.NDArray[Any] = groups.sizes
    if missing == "wildcard" and holes:
        chosen = first_records(groups)
        patterns = np.stack([column[chosen] for column in columns], axis=1).astype(np.int64)
        matched = wildcard_sizes(
            patterns,
            groups.sizes,
            groups.sizes.astype(np.float64) if class_weights is None else class_weights,
            alpha=alpha,
            symmetric=symmetric,
        )
        whole = matched.sizes == np.floor(matched.sizes)
        sizes = matched.sizes.astype(np.int64) if whole.all() else matched.sizes
        class_weights = None if class_weights is None else matched.weights
    source: PopulationSource | None = None if class_weights is None else "weights"
    if population_sizes is not None:
        class_weights = _population(population_sizes, groups, sizes)
        source = "given"
    return ClassParts(
        class_of_record=groups.group_of_record,
        counts=groups.sizes,
        sizes=sizes,
        population_sizes=class_weights,
        population_source=source,
        record_weights=record_weights,
    )


def _checked(values: npt.ArrayLike, n: int, what: str) -> FloatArray:
    array = np.array(as_numbers(what, values), dtype=np.float64)
    if array.shape != (n,):
        raise MeasureError(f"There must be one {what} per record")
    bad = int(np.count_nonzero(~(array > 0) | np.isinf(array)))
    if bad:
        raise MeasureError(f"{bad} of {n} records have a {what} that is not a positive number")
    return array


def _population(values: npt.ArrayLike, groups: Groups, sizes: npt.NDArray[Any]) -> FloatArray:
    """Return the population size of each class, checked, from one value per record."""
    n = len(groups.group_of_record)
    given = _checked(values, n, "population size")
    per_class = np.empty(len(groups.sizes))
    per_class[groups.group_of_record] = given
    if np.any(per_class[groups.group_of_record] != given):
        raise MeasureError("Records of one equivalence class have different population sizes")
    below = int(np.count_nonzero(per_class < sizes))
    if below:
        raise MeasureError(
            f"The population class is smaller than the released class in {below} of "
            f"{len(sizes)} classes",
            hint="The population must contain every released subject",
        )
    return per_class

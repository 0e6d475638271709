"""Class sizes F in the matching population: checked when given, counted from a table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.risk.columns import FloatArray, as_names, read_columns
from midi_risk.risk.joining import joint_codes
from midi_risk.risk.numeric import decode_numbers


def match_population(
    data: Any,
    population: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    *,
    counts: Hashable | None = None,
) -> FloatArray:
    """Count the people of a population table who are equal to each record.

    Parameters
    ----------
    data, population : table
        Release and population, with the same quasi-identifiers; values must be written alike.
        A missing value equals a missing value.
    quasi_identifiers : hashable or sequence of hashable
        Column names in both tables.
    counts : hashable, optional
        Column of `population` with the number of people per row; one each without it.

    Returns
    -------
    numpy.ndarray of shape (n,)
        F of each record; 0 where the population has nobody like it.

    Raises
    ------
    MeasureError
        If a column is absent or a count is negative.

    Examples
    --------
    >>> release = {"sex": ["F", "M"]}
    >>> match_population(release, {"sex": ["F", "F", "M", "M", "M"]}, ["sex"]).tolist()
    [2.0, 3.0]
    """
    names = as_names(quasi_identifiers)
    ours, theirs, size = joint_codes(data, population, names)
    people = np.ones(len(theirs))
    if counts is not None:
        people = decode_numbers(read_columns(population, [counts])[1][0])
        if np.any(~(people >= 0)):
            raise MeasureError(f"Column {counts!r} of the population must hold counts")
    totals = np.bincount(theirs, people, minlength=size).astype(np.float64, copy=False)
    return totals[ours]


def population_of(
    classes: EquivalenceClasses, population_sizes: npt.ArrayLike | None = None
) -> FloatArray | None:
    """Return F of each class, checked against f.

    Parameters
    ----------
    classes : EquivalenceClasses
        May carry F already.
    population_sizes : array_like of shape (u,) or (n,), optional
        F per class or per record; overrides what the classes carry.

    Returns
    -------
    numpy.ndarray of shape (u,) or None
        None when nobody gave F. A sum of weights below f (weights under 1) is raised to f.

    Raises
    ------
    MeasureError
        If F is below f, not finite, or of another shape.
    """
    if population_sizes is None:
        if classes.population_sizes is None:
            return None
        given = classes.population_sizes
        if classes.population_source == "weights":
            return np.maximum(given, classes.sizes.astype(np.float64))
    else:
        given = np.asarray(population_sizes, dtype=np.float64)
    if given.shape == (classes.n,) and classes.n != classes.n_classes:
        per_class = given[classes.first_records()]
        if np.any(per_class[classes.class_of_record] != given):
            raise MeasureError("Records of one equivalence class have different population sizes")
        given = per_class
    if given.shape != (classes.n_classes,):
        raise MeasureError("There must be one population size per class or per record")
    below = int(np.count_nonzero(~(given >= classes.sizes) | np.isinf(given)))
    if below:
        raise MeasureError(
            f"The population class is smaller than the released class, or unknown, in {below} "
            f"of {classes.n_classes} classes",
            hint="The population must contain every released subject",
        )
    return given

"""Equivalence classes: records that are equal on the quasi-identifiers.

Everything about identity is a function of the class sizes, so this is the only pass over the
records. All inputs are checked, arrays are read-only.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.notebook import Card
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import (
    CodedColumn,
    FloatArray,
    IntArray,
    as_names,
    as_numbers,
    decode_numbers,
    read_columns,
)
from midi_risk.risk.classes.keys import Groups, first_records, group, pack
from midi_risk.risk.classes.wildcard import cautious_sizes, wildcard_sizes

MissingPolicy = Literal["category", "wildcard", "wildcard-cautious"]
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
    if missing not in get_args(MissingPolicy):
        names = "'category', 'wildcard' or 'wildcard-cautious'"
        raise MeasureError(f"The missing policy must be {names}")
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
    if missing != "category" and holes:
        chosen = first_records(groups)
        patterns = np.stack([column[chosen] for column in columns], axis=1).astype(np.int64)
        sums = groups.sizes.astype(np.float64) if class_weights is None else class_weights
        if missing == "wildcard":
            matched = wildcard_sizes(patterns, groups.sizes, sums, alpha=alpha, symmetric=symmetric)
        else:
            matched = cautious_sizes(patterns, groups.sizes, sums)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class EquivalenceClasses(Card):
    """Records grouped by their quasi-identifiers.

    With ``missing="category"`` the classes are a partition and a size is the number of
    records in the class. With ``missing="wildcard"`` a row of `sizes` belongs to a pattern and
    holds the records that the pattern could be; sizes then do not add up to `n`.

    Parameters
    ----------
    class_of_record : numpy.ndarray of shape (n,)
        Class of each record, 0..u-1.
    counts : numpy.ndarray of shape (u,)
        Records that have exactly this pattern.
    sizes : numpy.ndarray of shape (u,)
        Class size f: int64, or float64 under wildcard with alpha below 1.
    population_sizes : numpy.ndarray of shape (u,) or None
        Class size F in the matching population; None when nobody said.
    population_source : {"weights", "given"} or None
        Where `population_sizes` comes from.
    quasi_identifiers : tuple
        Names of the columns.
    missing : {"category", "wildcard", "wildcard-cautious"}
        The policy that was used.
    alpha : float
        Share in which a missing value counts as a match (wildcard only).
    record_weights : numpy.ndarray of shape (n,) or None
        Weights as given.
    """

    class_of_record: IntArray
    counts: IntArray
    sizes: npt.NDArray[Any]
    population_sizes: FloatArray | None = None
    population_source: PopulationSource | None = None
    quasi_identifiers: tuple[Hashable, ...] = ()
    missing: MissingPolicy = "category"
    alpha: float = 1.0
    record_weights: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (
            self.class_of_record,
            self.counts,
            self.sizes,
            self.population_sizes,
            self.record_weights,
        ):
            if array is not None:
                array.setflags(write=False)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return (
            f"<EquivalenceClasses: {self.n} records, {self.n_classes} classes, "
            f"smallest {self.minimum}, missing as {self.missing}>"
        )

    @classmethod
    def from_codes(
        cls,
        codes: npt.ArrayLike,
        *,
        names: Sequence[Hashable] = (),
        missing: MissingPolicy = "category",
        alpha: float = 1.0,
        symmetric: bool = False,
        weights: npt.ArrayLike | None = None,
        population_sizes: npt.ArrayLike | None = None,
    ) -> EquivalenceClasses:
        """Group records given as integer codes.

        Parameters
        ----------
        codes : array_like of int, shape (n, q)
            Code of each record and quasi-identifier, -1 where missing.
        names : sequence of hashable, optional
            Names of the columns.
        missing, alpha, symmetric, weights, population_sizes
            As in `equivalence_classes`.

        Returns
        -------
        EquivalenceClasses

        Raises
        ------
        MeasureError
            If the codes are not a matrix of integers from -1 upwards.

        Examples
        --------
        >>> import numpy as np
        >>> EquivalenceClasses.from_codes(np.array([[0, 1], [0, 1], [1, -1]])).sizes
        array([2, 1])
        """
        matrix = np.asarray(codes)
        if matrix.ndim != 2 or matrix.dtype.kind not in "biu":
            raise MeasureError("Codes must be a matrix of integers, one row per record")
        n, q = matrix.shape
        columns = [np.ascontiguousarray(matrix[:, j]) for j in range(q)]
        cards = [int(column.max()) + 1 if n else 0 for column in columns]
        if n and any(int(column.min()) < -1 for column in columns):
            raise MeasureError("A code is below -1", hint="Use -1 for missing, 0 and up for values")
        parts = group_records(
            columns,
            cards,
            n,
            missing=missing,
            alpha=alpha,
            symmetric=symmetric,
            weights=weights,
            population_sizes=population_sizes,
        )
        names = tuple(names) or tuple(range(q))
        return cls(quasi_identifiers=names, missing=missing, alpha=alpha, **parts._asdict())

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.class_of_record)

    @property
    def n_classes(self) -> int:
        """Number of distinct patterns."""
        return len(self.counts)

    @property
    def record_sizes(self) -> npt.NDArray[Any]:
        """Class size f of each record, shape (n,)."""
        return self.sizes[self.class_of_record]

    @property
    def record_population_sizes(self) -> FloatArray | None:
        """Population class size F of each record, shape (n,); None when unknown."""
        if self.population_sizes is None:
            return None
        return self.population_sizes[self.class_of_record]

    @cached_property
    def minimum(self) -> int | float | None:
        """Smallest class size (k), None without records."""
        return self.sizes.min().item() if self.n else None

    @cached_property
    def sample_uniques(self) -> int:
        """Records whose class size is 1."""
        return int(self.counts[self.sizes == 1].sum())

    def records_below(self, k: float) -> int:
        """Count the records whose class is smaller than k.

        Parameters
        ----------
        k : float
            Class size.

        Returns
        -------
        int
        """
        return int(self.counts[self.sizes < k].sum())

    def histogram(self) -> dict[int | float, int]:
        """Return the number of classes (patterns) of each size, ascending."""
        values, counts = np.unique(self.sizes, return_counts=True)
        return {v.item(): c.item() for v, c in zip(values, counts, strict=True)}

    def first_records(self) -> IntArray:
        """Return one record of each class, shape (u,)."""
        return first_records(Groups(self.class_of_record, self.counts))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per class: its number, records, f and F, without any value."""
        frame = pd.DataFrame(
            {"class": np.arange(self.n_classes), "records": self.counts, "f": self.sizes}
        )
        if self.population_sizes is not None:
            frame["F"] = self.population_sizes
        return frame


def equivalence_classes(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    *,
    missing: MissingPolicy = "category",
    alpha: float = 1.0,
    symmetric: bool = False,
    weights: Hashable | npt.ArrayLike | None = None,
    population_sizes: Hashable | npt.ArrayLike | None = None,
) -> EquivalenceClasses:
    """Group the records of a table by their quasi-identifiers.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation, mapping of arrays
        One row per subject.
    quasi_identifiers : hashable or sequence of hashable
        Column names. With none, all records are one class.
    missing : {"category", "wildcard", "wildcard-cautious"}
        A missing value is a value of its own, or may be any value (as in sdcMicro), or may be
        any value of the record that lacks it and enlarges no class of a known value.
    alpha : float
        With wildcards, the share in which a missing value counts as a match, in [0, 1].
    symmetric : bool
        With wildcards, let a record without any value add to complete records too.
    weights : hashable or array_like of shape (n,), optional
        Column name or values, each above 0. Their sum over a class estimates F.
    population_sizes : hashable or array_like of shape (n,), optional
        Column name or values: F of the class of each record, at least f.

    Returns
    -------
    EquivalenceClasses

    Raises
    ------
    MeasureError
        If a column is absent, ambiguous or nested, a weight is not positive, or F is below f.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "M", "F"]}
    >>> classes = equivalence_classes(table, ["age", "sex"])
    >>> classes.minimum, classes.n_classes, classes.record_sizes.tolist()
    (1, 2, [2, 2, 1])
    """
    names = as_names(quasi_identifiers)
    extra = [name for name in (weights, population_sizes) if isinstance(name, str)]
    n, columns = read_columns(data, [*names, *dict.fromkeys(extra)])
    by_name = {column.name: column for column in columns[len(names) :]}
    keys = columns[: len(names)]
    parts = group_records(
        [column.codes for column in keys],
        [column.cardinality for column in keys],
        n,
        missing=missing,
        alpha=alpha,
        symmetric=symmetric,
        weights=_numbers(weights, by_name),
        population_sizes=_numbers(population_sizes, by_name),
    )
    return EquivalenceClasses(
        quasi_identifiers=tuple(names), missing=missing, alpha=alpha, **parts._asdict()
    )


def _numbers(given: Any, columns: dict[Hashable, CodedColumn]) -> npt.ArrayLike | None:
    """Values of a column given by name, or the values themselves."""
    if given is None or not isinstance(given, str):
        return given
    return decode_numbers(columns[given])

"""Counts of a sensitive attribute inside each equivalence class.

One sparse table (class, value, records) serves every measure of attribute disclosure. Missing
sensitive values are counted apart: they never add diversity.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from midi_risk.errors import CoverageWarning, MeasureError
from midi_risk.risk.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.columns import CodedColumn, FloatArray, IntArray, as_names, encode, read_columns
from midi_risk.risk.packing import group

Multi = Literal["worst", "extend"]
_COUNTING_FACTOR = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class SensitiveCounts:
    """Records of each class and sensitive value, sorted by class, then value.

    Parameters
    ----------
    attribute : hashable
        Name of the sensitive attribute.
    labels : numpy.ndarray of shape (m,)
        Values that occur.
    cell_class, cell_value, cell_count : numpy.ndarray of shape (c,)
        The cells that are not empty.
    n_classes : int
        Number of classes, including those without any known value.
    missing : int
        Records without a value.
    """

    attribute: Hashable
    labels: npt.NDArray[Any]
    cell_class: IntArray
    cell_value: IntArray
    cell_count: IntArray
    n_classes: int
    missing: int

    @property
    def n_values(self) -> int:
        """Number m of distinct values."""
        return len(self.labels)

    @cached_property
    def class_totals(self) -> IntArray:
        """Records with a value in each class, shape (u,)."""
        return self.sum_by_class(self.cell_count).astype(np.int64)

    @cached_property
    def assessed(self) -> npt.NDArray[np.bool_]:
        """Classes with at least one known value, shape (u,)."""
        return self.class_totals > 0

    @cached_property
    def global_share(self) -> FloatArray:
        """Share p of each value among all records with a value, shape (m,)."""
        totals = np.bincount(self.cell_value, self.cell_count, minlength=self.n_values)
        share: FloatArray = totals / totals.sum()
        return share

    @cached_property
    def cell_share(self) -> FloatArray:
        """Share q of the cell within its class, shape (c,)."""
        share: FloatArray = self.cell_count / self.class_totals[self.cell_class]
        return share

    @cached_property
    def cell_global_share(self) -> FloatArray:
        """Share p of the value of the cell in the table, shape (c,)."""
        return self.global_share[self.cell_value]

    @cached_property
    def starts(self) -> IntArray:
        """First cell of each assessed class."""
        return np.flatnonzero(np.diff(self.cell_class, prepend=-1))

    def sum_by_class(self, cells: npt.NDArray[Any]) -> FloatArray:
        """Add a quantity of the cells up within classes, shape (u,)."""
        total = np.bincount(self.cell_class, cells, minlength=self.n_classes)
        return total.astype(np.float64, copy=False)

    def max_by_class(self, cells: npt.NDArray[Any], empty: float = np.nan) -> FloatArray:
        """Take the largest cell of each class, `empty` where no value is known, shape (u,)."""
        largest = np.full(self.n_classes, empty)
        if len(cells):
            largest[self.cell_class[self.starts]] = np.maximum.reduceat(cells, self.starts)
        return largest


def sensitive_counts(
    classes: EquivalenceClasses, values: Any, *, attribute: Hashable = "sensitive"
) -> SensitiveCounts:
    """Count the values of a sensitive attribute inside each class.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release. Under the wildcard policy the exact patterns are used.
    values : array_like of shape (n,) or CodedColumn
        Sensitive value of each record.
    attribute : hashable
        Name, for messages and results.

    Returns
    -------
    SensitiveCounts

    Raises
    ------
    MeasureError
        If there is not one value per record or none is known.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> classes = equivalence_classes({"age": [61, 61, 70]}, ["age"])
    >>> sensitive_counts(classes, ["GBM", "AST", "GBM"]).cell_count.tolist()
    [1, 1, 1]
    """
    column = values if isinstance(values, CodedColumn) else encode(attribute, values)
    if len(column.codes) != classes.n:
        raise MeasureError(f"There must be one value of {column.name!r} per record")
    known = ~column.missing
    missing = classes.n - int(np.count_nonzero(known))
    if missing == classes.n:
        raise MeasureError(f"No value of the sensitive attribute {column.name!r} is known")
    codes, owner = column.codes, classes.class_of_record
    if missing:
        codes, owner = codes[known], owner[known]
    width = max(column.cardinality, 1)
    key = owner * width + codes
    capacity = classes.n_classes * width
    if capacity <= _COUNTING_FACTOR * classes.n:
        table = np.bincount(key, minlength=capacity)
        cells = np.flatnonzero(table)
        counts = table[cells]
    else:
        ordered = np.sort(key)
        first = np.flatnonzero(np.diff(ordered, prepend=-1))
        cells, counts = ordered[first], np.diff(first, append=len(ordered))
    cell_class, cell_value = np.divmod(cells, width)
    used = np.bincount(cell_value, minlength=width) > 0
    number = np.cumsum(used, dtype=np.int64) - 1
    return SensitiveCounts(
        attribute=column.name,
        labels=column.labels[used],
        cell_class=cell_class,
        cell_value=number[cell_value],
        cell_count=counts,
        n_classes=classes.n_classes,
        missing=missing,
    )


def each_sensitive(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    multi: Multi = "worst",
) -> list[tuple[EquivalenceClasses, SensitiveCounts]]:
    """Count every sensitive attribute of a table under one reading of several.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names; no column may be both.
    multi : {"worst", "extend"}
        ``worst`` looks at each sensitive attribute alone; ``extend`` lets the others join the
        quasi-identifiers (Machanavajjhala et al. 2007, the strict reading).

    Returns
    -------
    list of (EquivalenceClasses, SensitiveCounts)
        One pair per sensitive attribute.

    Raises
    ------
    MeasureError
        If the table has no records, a column is both, or the reading is not known.
    """
    keys = as_names(quasi_identifiers)
    names = as_names(sensitive, what="sensitive attributes")
    if multi not in ("worst", "extend"):
        raise MeasureError("Several sensitive attributes are read as 'worst' or 'extend'")
    if not names:
        raise MeasureError("No sensitive attribute is given")
    both = [name for name in names if name in keys]
    if both:
        raise MeasureError(
            f"Column {both[0]!r} is both a quasi-identifier and a sensitive attribute",
            hint="Leave it out of one of them",
        )
    n, columns = read_columns(data, [*keys, *names])
    if not n:
        raise MeasureError("Attribute disclosure is not defined without records")
    by_name: dict[Hashable, Any] = {column.name: column for column in columns}
    pairs = []
    for name in names:
        others = [other for other in names if other != name] if multi == "extend" else []
        table = {key: by_name[key] for key in [*keys, *others]} or {name: by_name[name]}
        classes = equivalence_classes(table, [*keys, *others])
        pairs.append((classes, sensitive_counts(classes, by_name[name])))
    return pairs


def worst(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    measure: Callable[[SensitiveCounts], npt.NDArray[Any]],
    *,
    multi: Multi = "worst",
    smallest: bool = False,
) -> float:
    """Return the worst value of a measure over classes and sensitive attributes.

    Parameters
    ----------
    data, quasi_identifiers, sensitive, multi
        As in `each_sensitive`.
    measure : callable
        From counts to one value per class, shape (u,).
    smallest : bool
        The worst is the smallest value (diversity), not the largest (distance).

    Returns
    -------
    float

    Warns
    -----
    CoverageWarning
        If sensitive values are missing: they are left out of the counts.
    """
    found = []
    for _, counts in each_sensitive(data, quasi_identifiers, sensitive, multi=multi):
        if counts.missing:
            warnings.warn(
                f"{counts.missing} records have no value of {counts.attribute!r} and are left out",
                CoverageWarning,
                stacklevel=3,
            )
        per_class = measure(counts)[counts.assessed]
        found.append(float(per_class.min() if smallest else per_class.max()))
    return min(found) if smallest else max(found)


def regroup(key: IntArray, counts: npt.NDArray[Any]) -> tuple[IntArray, IntArray, FloatArray]:
    """Add counts up by key.

    Parameters
    ----------
    key : numpy.ndarray of shape (c,)
        Non-negative integers.
    counts : numpy.ndarray of shape (c,)
        What to add.

    Returns
    -------
    first : numpy.ndarray of shape (g,)
        One cell of each key.
    group_of_cell : numpy.ndarray of shape (c,)
    totals : numpy.ndarray of shape (g,)
    """
    groups = group(key, int(key.max(initial=-1)) + 1)
    totals = np.bincount(groups.group_of_record, counts, minlength=len(groups.sizes))
    first = np.empty(len(groups.sizes), dtype=np.int64)
    first[groups.group_of_record] = np.arange(len(key))
    return first, groups.group_of_record, totals.astype(np.float64, copy=False)

"""l-diversity and (alpha,k)-anonymity: how varied the sensitive values of a class are.

Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam 2007, doi:10.1145/1217299.1217302; Wong, Li,
Fu, Wang 2006, doi:10.1145/1150402.1150499. One sparse table (class, value, records) serves every
measure of attribute disclosure. Missing sensitive values are counted apart: they never add
diversity.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.document.notebook import figures_card
from midi_risk.errors import CoverageWarning, MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.classes.columns import (
    CodedColumn,
    FloatArray,
    IntArray,
    as_names,
    encode,
    read_columns,
)
from midi_risk.risk.classes.keys import group
from midi_risk.risk.measures.anonymity import k_anonymity

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
    base : numpy.ndarray of shape (m,), optional
        Share of each value among all subjects, where a subject has several records.
    """

    attribute: Hashable
    labels: npt.NDArray[Any]
    cell_class: IntArray
    cell_value: IntArray
    cell_count: IntArray
    n_classes: int
    missing: int
    base: FloatArray | None = None

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
        if self.base is not None:
            return self.base
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


DiversityKind = Literal["distinct", "entropy", "recursive"]


class AlphaKAnonymity(NamedTuple):
    """Largest share of one sensitive value in a class, and smallest class size."""

    alpha: float
    k: int | float | None

    def _repr_html_(self) -> str:
        """Return the figures as a table."""
        return figures_card(self._asdict())


def distinct_values(counts: SensitiveCounts) -> IntArray:
    """Count the distinct sensitive values of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        0 for a class without any known value.
    """
    return np.bincount(counts.cell_class, minlength=counts.n_classes)


def effective_values(counts: SensitiveCounts) -> FloatArray:
    """Compute exp(H), the effective number of values of each class (entropy l).

    A class is entropy l-diverse when this is at least l. Entropy is the plug-in estimate, in
    natural logarithms, and biased low in small classes.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    q = counts.cell_share
    effective: FloatArray = np.exp(-counts.sum_by_class(q * np.log(q)))
    effective[~counts.assessed] = np.nan
    return effective


def modal_share(counts: SensitiveCounts) -> FloatArray:
    """Compute the share of the most frequent value of each class.

    Parameters
    ----------
    counts : SensitiveCounts

    Returns
    -------
    numpy.ndarray of shape (u,)
        NaN for a class without any known value.
    """
    return counts.max_by_class(counts.cell_share)


def least_recursive_c(counts: SensitiveCounts, l: int) -> FloatArray:  # noqa: E741
    """Compute the bound that c must exceed for recursive (c,l)-diversity of each class.

    The class is diverse when ``r_1 < c * (r_l + ... + r_m)``, strictly, counts descending.

    Parameters
    ----------
    counts : SensitiveCounts
    l : int
        At least 1.

    Returns
    -------
    numpy.ndarray of shape (u,)
        Infinite for a class with fewer than l values, NaN without any known value.
    """
    if l < 1:
        raise MeasureError("l must be at least 1")
    ordered, rank = _descending(counts)
    tail = counts.sum_by_class(np.where(rank >= l - 1, ordered, 0))
    top = counts.sum_by_class(np.where(rank == 0, ordered, 0))
    bound = np.full(counts.n_classes, np.nan)
    with np.errstate(divide="ignore"):
        np.divide(top, tail, out=bound, where=counts.assessed)
    return bound


def largest_recursive_l(counts: SensitiveCounts, c: float) -> IntArray:
    """Compute the largest l for which each class is recursive (c,l)-diverse.

    Parameters
    ----------
    counts : SensitiveCounts
    c : float
        Above 0.

    Returns
    -------
    numpy.ndarray of shape (u,)
        1 when no larger l holds; 0 for a class without any known value.
    """
    if not c > 0:
        raise MeasureError("c must be above 0")
    ordered, rank = _descending(counts)
    before = np.cumsum(ordered) - ordered
    first = np.zeros(counts.n_classes, dtype=np.int64)
    owner = counts.cell_class[counts.starts]
    first[owner] = before[counts.starts]
    top = np.zeros(counts.n_classes, dtype=np.int64)
    top[owner] = ordered[counts.starts]
    tail = counts.class_totals[counts.cell_class] - (before - first[counts.cell_class])
    holds = top[counts.cell_class] < c * tail
    largest = counts.max_by_class(np.where(holds, rank + 1, 1), empty=0)
    return largest.astype(np.int64)


def _descending(counts: SensitiveCounts) -> tuple[IntArray, IntArray]:
    """Return the counts of each class in falling order, and their rank from 0."""
    largest = int(counts.cell_count.max())
    key = counts.cell_class * (largest + 1) + (largest - counts.cell_count)
    key.sort()
    ordered = largest - key % (largest + 1)
    lengths = np.diff(counts.starts, append=len(key))
    rank = np.arange(len(key)) - np.repeat(counts.starts, lengths)
    return ordered, rank


def l_diversity(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    kind: DiversityKind = "distinct",
    c: float | None = None,
    multi: Multi = "worst",
) -> int | float:
    """Compute the l-diversity of a table: the least diverse class.

    Parameters
    ----------
    data : table
        As in `equivalence_classes`.
    quasi_identifiers, sensitive : hashable or sequence of hashable
        Column names.
    kind : {"distinct", "entropy", "recursive"}
        ``distinct`` counts values; ``entropy`` is exp(H), not truncated; ``recursive`` is the
        largest l with ``r_1 < c (r_l + ... + r_m)`` in every class.
    c : float, optional
        For ``recursive``.
    multi : {"worst", "extend"}
        Reading of several sensitive attributes, see `each_sensitive`.

    Returns
    -------
    int or float
        Float for ``entropy``.

    Raises
    ------
    MeasureError
        If there are no records, no sensitive value is known, or `c` is needed.

    Examples
    --------
    >>> table = {"sex": list("MMMFF"), "dx": ["GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> l_diversity(table, "sex", "dx")
    2
    >>> round(l_diversity(table, "sex", "dx", kind="entropy"), 4)
    1.8899
    """
    if kind == "distinct":
        return int(
            worst(data, quasi_identifiers, sensitive, distinct_values, multi=multi, smallest=True)
        )
    if kind == "entropy":
        return worst(
            data, quasi_identifiers, sensitive, effective_values, multi=multi, smallest=True
        )
    if kind != "recursive":
        raise MeasureError("The kind of l-diversity is 'distinct', 'entropy' or 'recursive'")
    if c is None:
        raise MeasureError("Recursive l-diversity needs c")
    return int(
        worst(
            data,
            quasi_identifiers,
            sensitive,
            lambda counts: largest_recursive_l(counts, c),
            multi=multi,
            smallest=True,
        )
    )


def recursive_c(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    l: int,  # noqa: E741
    multi: Multi = "worst",
) -> float:
    """Compute the bound that c must exceed for the table to be recursive (c,l)-diverse.

    Parameters
    ----------
    data, quasi_identifiers, sensitive, multi
        As in `l_diversity`.
    l : int
        At least 1.

    Returns
    -------
    float
        Infinite when a class has fewer than l values.

    Examples
    --------
    >>> table = {"sex": list("MMMFF"), "dx": ["GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> recursive_c(table, "sex", "dx", l=2)
    2.0
    """
    return worst(
        data, quasi_identifiers, sensitive, lambda counts: least_recursive_c(counts, l), multi=multi
    )


def alpha_k_anonymity(
    data: Any,
    quasi_identifiers: Hashable | Sequence[Hashable],
    sensitive: Hashable | Sequence[Hashable],
    *,
    multi: Multi = "worst",
) -> AlphaKAnonymity:
    """Compute the least alpha and largest k of (alpha,k)-anonymity.

    Parameters
    ----------
    data, quasi_identifiers, sensitive, multi
        As in `l_diversity`.

    Returns
    -------
    AlphaKAnonymity
        k always counts the quasi-identifiers alone.

    Examples
    --------
    >>> table = {"sex": list("MMMMFF"), "dx": ["GBM", "GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> alpha_k_anonymity(table, "sex", "dx")
    AlphaKAnonymity(alpha=0.75, k=2)
    """
    alpha = worst(data, quasi_identifiers, sensitive, modal_share, multi=multi)
    return AlphaKAnonymity(alpha, k_anonymity(data, quasi_identifiers))

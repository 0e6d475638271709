"""What a recoding costs: classes, generality of values, kept cells, numbers, propensity.

Definitions as in ARX, so figures compare (Prasser & Kohlmayer 2015,
doi:10.1007/978-3-319-23633-9_6); Iyengar 2002, doi:10.1145/775047.775089; Gionis & Tassa 2009,
doi:10.1109/TKDE.2008.129; LeFevre et al. 2006, doi:10.1109/ICDE.2006.101; Bayardo & Agrawal 2005,
doi:10.1109/ICDE.2005.42. IL1s: Yancey, Winkler, Creecy 2002; Domingo-Ferrer & Torra 2001. Bounded
measures: Mlodak 2020, doi:10.59170/stattrans-2020-030 (formulas checked against sdcMicro's
figures). Propensity score: Woo, Reiter, Oganian, Karr 2009, doi:10.29012/jpc.v1i1.568; Snoke,
Raab, Nowok, Dibben, Slavkovic 2018, doi:10.1111/rssa.12358.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.notebook import Card
from midi_risk.errors import HierarchyError, MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.columns import (
    CodedColumn,
    FloatArray,
    as_names,
    decode_numbers,
    number_array,
    read_columns,
)
from midi_risk.risk.classes.keys import joint_codes

Aggregate = Literal["mean", "geometric", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationLoss(Card):
    """Loss of a recoding, per attribute and together; 0 keeps all, 1 keeps nothing.

    Parameters
    ----------
    measure : str
    value : float
        All attributes together.
    by_attribute : dict
    """

    measure: str
    value: float
    by_attribute: dict[Hashable, float]


def average_class_size(classes: EquivalenceClasses) -> float:
    """Compute AECS, records per equivalence class.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the shown records.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If there are no records.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> average_class_size(equivalence_classes({"age": [61, 61, 70]}, ["age"]))
    1.5
    """
    if not classes.n:
        raise MeasureError("The average class size is not defined without records")
    return classes.n / classes.n_classes


def normalised_class_size(classes: EquivalenceClasses, k: int) -> float:
    """Compute C_avg, the average class size as a multiple of k.

    Parameters
    ----------
    classes : EquivalenceClasses
    k : int

    Returns
    -------
    float

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> normalised_class_size(equivalence_classes({"age": [61, 61, 70]}, ["age"]), k=2)
    0.75
    """
    if k < 1:
        raise MeasureError("k must be at least 1")
    return average_class_size(classes) / k


def discernibility(classes: EquivalenceClasses, *, suppressed: int = 0) -> int:
    """Compute the discernibility metric: sum of squared class sizes, N per suppressed record.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the shown records.
    suppressed : int
        Records that are not shown.

    Returns
    -------
    int
        Exact, between n and (n + suppressed)^2.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> discernibility(equivalence_classes({"age": [61, 61, 70]}, ["age"]), suppressed=1)
    9
    """
    total = classes.n + suppressed
    squares: int = sum(size * size for size in classes.counts.tolist())
    return squares + total * suppressed


def precision(
    levels: Sequence[int], heights: Sequence[int], *, suppressed_share: float = 0.0
) -> float:
    """Compute Sweeney's precision of a full-domain recoding.

    Parameters
    ----------
    levels, heights : sequence of int
        Level of each attribute, 0 for raw, and its highest level.
    suppressed_share : float
        Share of records suppressed: they count as fully generalised.

    Returns
    -------
    float
        1 keeps all, 0 keeps nothing.

    Examples
    --------
    >>> precision([1, 0], [2, 3])
    0.75
    """
    if not levels or len(levels) != len(heights):
        raise MeasureError("Precision needs one level and one height per attribute")
    if any(
        not 0 <= level <= height or not height
        for level, height in zip(levels, heights, strict=True)
    ):
        raise MeasureError("A level lies outside its hierarchy")
    if not 0 <= suppressed_share <= 1:
        raise MeasureError("The suppressed share must lie between 0 and 1")
    shown = np.mean([level / height for level, height in zip(levels, heights, strict=True)])
    return float(1 - ((1 - suppressed_share) * shown + suppressed_share))


def generalisation_loss(
    before: Any,
    after: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    hierarchies: Mapping[Hashable, Any] | None = None,
    aggregate: Aggregate = "mean",
) -> InformationLoss:
    """Compute Iyengar's Loss: mean over cells of (leaves - 1) / (domain - 1).

    Parameters
    ----------
    before, after : table
        The same records in the same order. A missing value in `after` that was not missing in
        `before` is suppressed and loses everything.
    attributes : hashable or sequence of hashable
        Column names.
    hierarchies : mapping, optional
        Per attribute, one row per value, column 0 raw, rightmost most general: they then give
        the domain and the leaves. Without one, leaves are the raw values seen under a value.
    aggregate : {"mean", "geometric", "max"}
        How attributes are combined; ``geometric`` is ARX's ``prod(1 + y)^(1/m) - 1``.

    Returns
    -------
    InformationLoss

    Examples
    --------
    >>> before = {"age": [61, 62, 70, 71]}
    >>> after = {"age": ["60s", "60s", "70s", None]}
    >>> round(generalisation_loss(before, after, "age").value, 4)
    0.4167
    """
    losses: dict[Hashable, float] = {}
    for name, cover in _covers(before, after, attributes, hierarchies).items():
        domain = cover.domain
        share = (cover.leaves - 1) / (domain - 1) if domain > 1 else np.zeros(len(cover.leaves))
        losses[name] = float(share.mean())
    return _combined("loss", losses, aggregate)


def non_uniform_entropy(
    before: Any, after: Any, attributes: Hashable | Sequence[Hashable]
) -> InformationLoss:
    """Compute non-uniform entropy: bits lost per cell, as a share of all bits.

    A cell loses ``-log2(n(value) / n(cover))`` bits, n counting records of the original table
    and the cover being every raw value seen under the recoded one. It can lose at most
    ``-log2(n(value) / N)``.

    Parameters
    ----------
    before, after, attributes
        As in `generalisation_loss`.

    Returns
    -------
    InformationLoss
        `value` is the mean over attributes; 0 for an attribute that held no information.

    Examples
    --------
    >>> before = {"age": [61, 62, 70, 71]}
    >>> non_uniform_entropy(before, {"age": ["60s", "60s", "70s", "70s"]}, "age").value
    0.5
    """
    losses: dict[Hashable, float] = {}
    for name, cover in _covers(before, after, attributes, None).items():
        possible = float(-np.log2(cover.raw_records / cover.n).sum())
        lost = float(-np.log2(cover.raw_records / cover.cover_records).sum())
        losses[name] = lost / possible if possible else 0.0
    return _combined("non_uniform_entropy", losses, "mean")


def ambiguity(
    before: Any,
    after: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    hierarchies: Mapping[Hashable, Any] | None = None,
) -> float:
    """Compute the ambiguity metric: mean number of raw records a recoded record could be.

    Parameters
    ----------
    before, after, attributes, hierarchies
        As in `generalisation_loss`.

    Returns
    -------
    float
        At least 1.

    Examples
    --------
    >>> ambiguity({"sex": ["F", "M"]}, {"sex": ["F", None]}, ["sex"])
    1.5
    """
    covers = list(_covers(before, after, attributes, hierarchies).values())
    possible = np.ones(covers[0].n)
    for cover in covers:
        possible *= cover.leaves
    return float(possible.mean())


def kept_share(before: Any, after: Any, attributes: Hashable | Sequence[Hashable]) -> float:
    """Compute the share of the original, non-missing cells that still hold a value.

    Parameters
    ----------
    before, after, attributes
        As in `generalisation_loss`.

    Returns
    -------
    float

    Examples
    --------
    >>> kept_share({"sex": ["F", "M"]}, {"sex": ["F", None]}, ["sex"])
    0.5
    """
    names = as_names(attributes, what="attributes")
    n, old = read_columns(before, names)
    m, new = read_columns(after, names)
    if n != m:
        raise MeasureError("The recoded table must have the same records in the same order")
    present = sum(int(np.count_nonzero(~column.missing)) for column in old)
    if not present:
        raise MeasureError("The original table holds no value of these attributes")
    kept = sum(
        int(np.count_nonzero(~a.missing & ~b.missing)) for a, b in zip(old, new, strict=True)
    )
    return kept / present


def _covers(
    before: Any,
    after: Any,
    attributes: Hashable | Sequence[Hashable],
    hierarchies: Mapping[Hashable, Any] | None,
) -> dict[Hashable, Cover]:
    names = as_names(attributes, what="attributes")
    n, old = read_columns(before, names)
    m, new = read_columns(after, names)
    if n != m:
        raise MeasureError("The recoded table must have the same records in the same order")
    if not n or not names:
        raise MeasureError("Information loss needs at least one record and one attribute")
    given = hierarchies or {}
    return {
        a.name: stated_cover(a, b, given[a.name]) if a.name in given else observed_cover(a, b)
        for a, b in zip(old, new, strict=True)
    }


def _combined(measure: str, losses: dict[Hashable, float], aggregate: Aggregate) -> InformationLoss:
    values: FloatArray = np.array(list(losses.values()))
    if aggregate == "mean":
        value = float(values.mean())
    elif aggregate == "geometric":
        value = float(np.prod(values + 1)) ** (1 / len(values)) - 1
    elif aggregate == "max":
        value = float(values.max())
    else:
        raise MeasureError("Losses are combined by 'mean', 'geometric' or 'max'")
    return InformationLoss(measure=measure, value=value, by_attribute=losses)


class Cover(NamedTuple):
    """Raw values behind each cell of one attribute.

    `leaves` (n,) counts the raw values that the cell could be, `domain` all raw values;
    `raw_records` (n,) counts the records with the cell's raw value, `cover_records` (n,) those
    with any of the values it could be.
    """

    leaves: FloatArray
    domain: int
    raw_records: FloatArray
    cover_records: FloatArray
    n: int


def observed_cover(before: CodedColumn, after: CodedColumn) -> Cover:
    """Take the raw values seen under a recoded value as those it could be.

    Parameters
    ----------
    before, after : CodedColumn
        The same records; missing before is a value of its own, missing only after is
        suppressed and could be anything.

    Returns
    -------
    Cover
    """
    n = len(before.codes)
    raw = pd.factorize(before.codes.astype(np.int64))[0]
    new = pd.factorize(after.codes.astype(np.int64))[0]
    raw_size = np.bincount(raw)
    domain = len(raw_size)
    pairs = pd.unique(new * domain + raw)
    value, leaf = np.divmod(pairs, domain)
    leaves = np.bincount(value).astype(np.float64)
    records = np.bincount(value, raw_size[leaf]).astype(np.float64)
    leaves, records = leaves[new], records[new]
    gone = after.missing & ~before.missing
    leaves[gone], records[gone] = domain, n
    both = after.missing & before.missing
    leaves[both], records[both] = 1, np.count_nonzero(before.missing)
    return Cover(leaves, domain, raw_size[raw].astype(np.float64), records, n)


def stated_cover(before: CodedColumn, after: CodedColumn, hierarchy: Any) -> Cover:
    """Take the leaves and the domain from a generalisation hierarchy.

    Parameters
    ----------
    before, after : CodedColumn
        The same records.
    hierarchy : pandas.DataFrame or array_like of shape (values, levels)
        One row per value, column 0 raw, rightmost most general.

    Returns
    -------
    Cover

    Raises
    ------
    HierarchyError
        If a recoded value is in no level.
    """
    seen = observed_cover(before, after)
    frame = pd.DataFrame(hierarchy)
    leaves_of: dict[Any, int] = {}
    for column in reversed(range(frame.shape[1])):
        leaves_of.update(frame.iloc[:, column].value_counts().to_dict())
    absent = sum(label not in leaves_of for label in after.labels[_used(after)])
    if absent:
        raise HierarchyError(
            f"{absent} recoded values of {after.name!r} are in no level of its hierarchy"
        )
    table = np.array([leaves_of.get(label, 0) for label in after.labels] + [0], dtype=np.float64)
    leaves = table[after.codes.astype(np.int64)]
    leaves[after.missing] = np.where(before.missing[after.missing], 1, len(frame))
    return seen._replace(leaves=leaves, domain=len(frame))


def _used(column: CodedColumn) -> Any:
    codes = column.codes[column.codes >= 0].astype(np.int64)
    return np.flatnonzero(np.bincount(codes, minlength=column.cardinality))


class VariableLoss(NamedTuple):
    """Loss over all variables and of each."""

    value: float
    by_variable: FloatArray


def il1(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the sum of ``100 |x - x'| / |x|`` over cells with x other than 0.

    It has no upper bound and depends on the number of cells: it is here to compare with
    sdcMicro. Prefer `bounded_loss`.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    float

    Examples
    --------
    >>> il1([[10.0], [20.0]], [[11.0], [20.0]])
    10.0
    """
    x, y = _pair(original, masked)
    counted = x != 0
    return float(np.sum(100 * np.abs(x - y)[counted] / np.abs(x)[counted]))


def il1s(original: npt.ArrayLike, masked: npt.ArrayLike, *, mean: bool = True) -> float:
    """Compute IL1s, ``|x - x'| / (sqrt(2) sd(x))`` over cells.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
    mean : bool
        Mean over cells; otherwise the sum, as sdcMicro prints it.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If an original variable is constant.

    Examples
    --------
    >>> round(il1s([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]), 4)
    0.2357
    """
    x, y = _pair(original, masked)
    spread = x.std(axis=0, ddof=1) if len(x) > 1 else np.zeros(x.shape[1])
    if np.any(spread == 0):
        raise MeasureError("IL1s is not defined for a constant variable")
    cells = np.abs(x - y) / (np.sqrt(2) * spread)
    return float(cells.mean() if mean else cells.sum())


def bounded_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> VariableLoss:
    """Compute the mean of ``(2/pi) arctan |x - x'|``, in [0, 1).

    It depends on the units of the variables: scale them first when those differ.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    VariableLoss

    Examples
    --------
    >>> round(bounded_loss([[10.0], [20.0]], [[11.0], [20.0]]).value, 3)
    0.25
    """
    x, y = _pair(original, masked)
    by_variable = (2 / np.pi) * np.arctan(np.abs(x - y)).mean(axis=0)
    return VariableLoss(float(by_variable.mean()), by_variable)


def correlation_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the distance of the diagonals of the inverse correlation matrices, in [0, 1].

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
        At least two variables.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If a correlation matrix is singular: a variable is constant or a sum of others.

    Examples
    --------
    >>> x = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]]
    >>> round(correlation_loss(x, x), 6)
    0.0
    """
    x, y = _pair(original, masked)
    diagonals = []
    for table in (x, y):
        matrix = _correlation(table)
        if np.linalg.cond(matrix) > 1 / (np.finfo(float).eps * len(matrix)):
            raise MeasureError("The correlation matrix is singular")
        diagonal = np.diag(np.linalg.inv(matrix))
        diagonals.append(diagonal / np.linalg.norm(diagonal))
    return float(np.linalg.norm(diagonals[0] - diagonals[1]) / np.sqrt(2))


def eigenvalue_loss(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute the sum of ``|e - e'| / e`` over eigenvalues of the correlation matrices.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)
        At least two variables.

    Returns
    -------
    float

    Raises
    ------
    MeasureError
        If the original correlation matrix is singular, where the ratio means nothing.

    Examples
    --------
    >>> x = [[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]]
    >>> round(eigenvalue_loss(x, x), 6)
    0.0
    """
    x, y = _pair(original, masked)
    first, second = (np.sort(np.linalg.eigvalsh(_correlation(t)))[::-1] for t in (x, y))
    if first[-1] < 1e-10 * first[0]:
        raise MeasureError("The correlation matrix is singular")
    return float(np.sum(np.abs(first - second) / first))


def squared_error_share(original: npt.ArrayLike, masked: npt.ArrayLike) -> float:
    """Compute SSE/SST, the mean over variables of squared error over variance, at most 1 each.

    Parameters
    ----------
    original, masked : array_like of shape (n, p)

    Returns
    -------
    float

    Examples
    --------
    >>> squared_error_share([[1.0], [3.0]], [[1.0], [2.0]])
    0.5
    """
    x, y = _pair(original, masked)
    total = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    if np.any(total == 0):
        raise MeasureError("SSE/SST is not defined for a constant variable")
    return float(np.minimum(((x - y) ** 2).sum(axis=0) / total, 1).mean())


def _pair(original: npt.ArrayLike, masked: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    tables = []
    for table in (original, masked):
        array = number_array("original and masked values", table)
        tables.append(array[:, None] if array.ndim == 1 else array)
    x, y = tables
    if x.ndim != 2 or x.shape != y.shape or not x.size:
        raise MeasureError("Original and masked numbers must have the same shape (n, p)")
    known = ~(np.isnan(x) | np.isnan(y)).any(axis=1)
    if not known.any():
        raise MeasureError("No record has all its numbers known")
    return x[known], y[known]


def _correlation(table: FloatArray) -> FloatArray:
    if table.shape[1] < 2 or len(table) < 3:
        raise MeasureError("Correlations need two variables and three records")
    if np.any(table.std(axis=0) == 0):
        raise MeasureError("The correlation matrix is singular")
    return np.asarray(np.corrcoef(table.T), dtype=np.float64)


_STEPS = 50
_RIDGE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class PropensityScore(Card):
    """Mean squared distance of propensity scores from the share of recoded records.

    Parameters
    ----------
    pmse : float
        0 when the tables cannot be told apart, ``c (1 - c)`` when perfectly.
    expected : float
        Its mean when both tables come from one distribution, ``(k-1) (1-c)^2 c / N``.
    ratio : float
        ``pmse / expected``; near 1 is good.
    parameters : int
        Parameters k of the model, with the intercept.
    n : int
        Records N of both tables.
    """

    pmse: float
    expected: float
    ratio: float
    parameters: int
    n: int


def propensity_score(
    original: Any,
    recoded: Any,
    attributes: Hashable | Sequence[Hashable],
    *,
    categorical: Sequence[Hashable] = (),
    max_levels: int = 50,
) -> PropensityScore:
    """Compute pMSE with a main-effects logistic regression.

    Parameters
    ----------
    original, recoded : table
        Not necessarily of one length.
    attributes : hashable or sequence of hashable
        Column names.
    categorical : sequence of hashable
        Columns used as categories; text always is. Missing is a level, or the mean with an
        indicator for numbers.
    max_levels : int
        Refuse a categorical column with more levels.

    Returns
    -------
    PropensityScore

    Raises
    ------
    MeasureError
        If a table is empty, no attribute varies, or a column has too many levels.

    Examples
    --------
    >>> table = {"age": [61, 62, 70, 71] * 5}
    >>> round(propensity_score(table, table, ["age"]).pmse, 6)
    0.0
    """
    names = as_names(attributes, what="attributes")
    n, _ = read_columns(original, names)
    m, _ = read_columns(recoded, names)
    if not n or not m:
        raise MeasureError("A propensity score needs records in both tables")
    parts = [_design(original, recoded, name, name in categorical, max_levels) for name in names]
    design = np.hstack([np.ones((n + m, 1)), *parts])
    rank = int(np.linalg.matrix_rank(design))
    if rank < 2:
        raise MeasureError("No attribute varies: a propensity score says nothing")
    target = np.concatenate([np.zeros(n), np.ones(m)])
    share = m / (n + m)
    fitted = _logistic(design, target)
    pmse = float(np.mean((fitted - share) ** 2))
    expected = (rank - 1) * (1 - share) ** 2 * share / (n + m)
    return PropensityScore(
        pmse=pmse, expected=expected, ratio=pmse / expected, parameters=rank, n=n + m
    )


def _design(
    original: Any, recoded: Any, name: Hashable, as_category: bool, max_levels: int
) -> FloatArray:
    """Columns of the model for one attribute, over both tables."""
    if not as_category:
        try:
            tables = (original, recoded)
            numbers = [decode_numbers(read_columns(t, [name])[1][0]) for t in tables]
        except MeasureError:
            as_category = True
    if as_category:
        first, second, size = joint_codes(original, recoded, [name])
        if size > max_levels:
            raise MeasureError(
                f"Column {name!r} has {size} levels", hint="Leave it out or generalise it"
            )
        codes = np.concatenate([first, second])
        levels = codes[:, None] == np.arange(1, size)
        return np.asarray(levels, dtype=np.float64)
    values = np.concatenate(numbers)
    absent = np.isnan(values)
    centre = values[~absent].mean() if not absent.all() else 0.0
    values = np.where(absent, centre, values) - centre
    scale = values.std() or 1.0
    return np.column_stack([values / scale, absent])


def _logistic(design: FloatArray, target: FloatArray) -> FloatArray:
    """Fit by Newton steps with a trace of ridge, which keeps separable tables finite."""
    weight = np.zeros(design.shape[1])
    penalty = _RIDGE * len(target) * np.eye(design.shape[1])
    fitted = np.full(len(target), 0.5)
    for _ in range(_STEPS):
        spread = fitted * (1 - fitted)
        gradient = design.T @ (target - fitted) - penalty @ weight
        step = np.linalg.solve(design.T @ (design * spread[:, None]) + penalty, gradient)
        weight = weight + step
        score = np.clip(design @ weight, -500, 500)
        fitted = 1 / (1 + np.exp(-score))
        if np.abs(step).max() < 1e-10:
            break
    return fitted

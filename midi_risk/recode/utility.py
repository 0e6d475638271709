"""What a recoding costs: classes, generality of values, kept cells.

Definitions as in ARX, so figures compare (Prasser & Kohlmayer 2015,
doi:10.1007/978-3-319-23633-9_6); Iyengar 2002, doi:10.1145/775047.775089; Gionis & Tassa 2009,
doi:10.1109/TKDE.2008.129; LeFevre et al. 2006, doi:10.1109/ICDE.2006.101; Bayardo & Agrawal 2005,
doi:10.1109/ICDE.2005.42.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from midi_risk.errors import MeasureError
from midi_risk.recode.loss import Cover, observed_cover, stated_cover
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.columns import FloatArray, as_names, read_columns

Aggregate = Literal["mean", "geometric", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationLoss:
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

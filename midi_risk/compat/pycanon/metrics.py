"""Utility and re-identification metrics, with pycanon's signatures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from midi_risk.compat.pycanon.anonymity import Names, names_in
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.classes.columns import read_columns
from midi_risk.risk.measures.diversity import sensitive_counts


def _classes(data: Any, quasi_ident: Names) -> EquivalenceClasses:
    classes = equivalence_classes(data, names_in(quasi_ident))
    if not classes.n:
        raise MeasureError("Metrics are not defined without records")
    return classes


def average_rir(data_anon: Any, quasi_ident: Names) -> float:
    """Compute the mean re-identification risk over records, classes / records.

    pycanon takes the mean over classes, in which a class of one counts as much as a class of a
    thousand.

    Parameters
    ----------
    data_anon : table
    quasi_ident : list

    Returns
    -------
    float

    Examples
    --------
    >>> average_rir({"age": [61, 61, 61, 70]}, ["age"])
    0.5
    """
    classes = _classes(data_anon, quasi_ident)
    return classes.n_classes / classes.n


def max_rir(data_anon: Any, quasi_ident: Names) -> float:
    """Compute the largest re-identification risk, 1 / smallest class.

    Parameters
    ----------
    data_anon : table
    quasi_ident : list

    Returns
    -------
    float
    """
    return float(1 / _classes(data_anon, quasi_ident).sizes.min())


def sizes_ec(data: Any, quasi_ident: Names) -> dict[str, float]:
    """Describe the sizes of the equivalence classes.

    Parameters
    ----------
    data : table
    quasi_ident : list

    Returns
    -------
    dict
        `n_ec`, `min_ec`, `max_ec`, `mean_ec`, `median_ec`.
    """
    sizes = _classes(data, quasi_ident).sizes
    return {
        "n_ec": len(sizes),
        "min_ec": int(sizes.min()),
        "max_ec": int(sizes.max()),
        "mean_ec": float(sizes.mean()),
        "median_ec": float(np.median(sizes)),
    }


def average_ecsize(data_raw: Any, data_anon: Any, quasi_ident: Names, sup: bool = True) -> float:
    """Compute C_avg, records / (classes x k).

    Parameters
    ----------
    data_raw, data_anon : table
        Before and after.
    quasi_ident : list
    sup : bool
        Count the records that are left; otherwise those of the raw table.

    Returns
    -------
    float
    """
    classes = _classes(data_anon, quasi_ident)
    n = classes.n if sup else _length(data_raw, quasi_ident)
    return float(n / (classes.n_classes * classes.sizes.min()))


def _length(data: Any, quasi_ident: Names) -> int:
    return len(data) if isinstance(data, pd.DataFrame) else _classes(data, quasi_ident).n


def discernability_metric(data_raw: Any, data_anon: Any, quasi_ident: Names) -> float:
    """Compute the discernibility metric: squared class sizes, and n for each suppressed record.

    Parameters
    ----------
    data_raw, data_anon : table
        Before and after.
    quasi_ident : list

    Returns
    -------
    float
    """
    classes = _classes(data_anon, quasi_ident)
    before = _length(data_raw, quasi_ident)
    sizes = classes.sizes.astype(np.float64)
    return float((sizes**2).sum() + (before - classes.n) * before)


def classification_metric(
    data_raw: Any, data_anon: Any, quasi_ident: Names, sens_att: Names
) -> float:
    """Compute the share of records outside the majority of their class, or suppressed.

    A tie is broken for one value, so that half of a 5/5 class is penalised; pycanon penalises
    neither half.

    Parameters
    ----------
    data_raw, data_anon : table
        Before and after.
    quasi_ident : list
    sens_att : list
        Sensitive attributes; several are summed.

    Returns
    -------
    float

    Examples
    --------
    >>> table = {"sex": list("MMMM"), "dx": list("aabb")}
    >>> classification_metric(table, table, ["sex"], ["dx"])
    0.5
    """
    classes = _classes(data_anon, quasi_ident)
    before = _length(data_raw, quasi_ident)
    penalty = float(before - classes.n)
    for column in read_columns(data_anon, names_in(sens_att, what="sensitive attributes"))[1]:
        counts = sensitive_counts(classes, column)
        most = counts.max_by_class(counts.cell_count.astype(np.float64), empty=0.0)
        penalty += float((counts.class_totals - most).sum())
    return penalty / before


def sa_entropy(data_anon: Any, sens_attr: Any) -> float:
    """Compute the Shannon entropy of a sensitive attribute, in natural logarithm.

    Parameters
    ----------
    data_anon : table
    sens_attr : hashable
        Column; missing values are left out.

    Returns
    -------
    float
    """
    _, (column,) = read_columns(data_anon, [sens_attr])
    counts = np.bincount(column.codes[column.codes >= 0])
    if not counts.sum():
        raise MeasureError(f"No value of the sensitive attribute {sens_attr!r} is known")
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())

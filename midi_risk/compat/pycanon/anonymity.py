"""Anonymity, diversity and closeness of a table, with pycanon's signatures.

`quasi_ident` and `sens_att` are lists of column names. ``gen=True`` takes the worst value over
the sensitive attributes, each alone; ``gen=False`` lets the others join the quasi-identifiers.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import as_names, decode_numbers, read_columns
from midi_risk.risk.measures.anonymity import k_anonymity as _k_anonymity
from midi_risk.risk.measures.closeness import beta_likeness as _beta
from midi_risk.risk.measures.closeness import delta_disclosure as _delta
from midi_risk.risk.measures.closeness import t_closeness as _t_closeness
from midi_risk.risk.measures.diversity import Multi
from midi_risk.risk.measures.diversity import alpha_k_anonymity as _alpha_k
from midi_risk.risk.measures.diversity import l_diversity as _l_diversity
from midi_risk.risk.measures.diversity import recursive_c as _recursive_c

Names = Hashable | Sequence[Hashable]


def names_in(names: Any, *, what: str = "quasi-identifiers") -> list[Any]:
    """Return column names as a list; one text is one name, an array is read as well.

    Parameters
    ----------
    names : hashable, sequence or numpy.ndarray
    what : str
        What the names are for, used in the message.

    Returns
    -------
    list
    """
    return as_names(names.tolist() if isinstance(names, np.ndarray) else names, what=what)


def _multi(gen: bool) -> Multi:
    return "worst" if gen else "extend"


def k_anonymity(data: Any, quasi_ident: Names) -> int:
    """Compute k, the size of the smallest equivalence class.

    Parameters
    ----------
    data : table
        Row labels do not matter; a missing value is a value of its own.
    quasi_ident : list
        Quasi-identifiers.

    Returns
    -------
    int

    Raises
    ------
    MeasureError
        If there are no records.

    Examples
    --------
    >>> k_anonymity({"age": [61, 61, 70, 70], "sex": list("MMFF")}, ["age", "sex"])
    2
    """
    k = _k_anonymity(data, names_in(quasi_ident))
    if k is None:
        raise MeasureError("k-anonymity is not defined without records")
    return int(k)


def alpha_k_anonymity(
    data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True
) -> tuple[float, int]:
    """Compute alpha and k of (alpha,k)-anonymity.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.

    Returns
    -------
    tuple of (float, int)

    Examples
    --------
    >>> table = {"sex": list("MMMMFF"), "dx": ["GBM", "GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> alpha_k_anonymity(table, ["sex"], ["dx"])
    (0.75, 2)
    """
    found = _alpha_k(data, names_in(quasi_ident), _sensitive(sens_att), multi=_multi(gen))
    return float(found.alpha), k_anonymity(data, quasi_ident)


def _sensitive(names: Any) -> list[Any]:
    return names_in(names, what="sensitive attributes")


def l_diversity(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> int:
    """Compute l, the least number of distinct sensitive values in a class.

    Parameters
    ----------
    data : table
    quasi_ident : list
        Quasi-identifiers.
    sens_att : list
        Sensitive attributes; a missing value adds no diversity and a warning says how many are.
    gen : bool
        True: worst over sensitive attributes, each alone. False: the others join the
        quasi-identifiers.

    Returns
    -------
    int

    Examples
    --------
    >>> l_diversity({"sex": list("MMMFF"), "dx": list("abbab")}, ["sex"], ["dx"])
    2
    """
    names = _sensitive(sens_att)
    return int(_l_diversity(data, names_in(quasi_ident), names, multi=_multi(gen)))


def entropy_l_diversity(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> float:
    """Compute l of entropy l-diversity, exp(H) of the least diverse class.

    pycanon cuts the decimals off, and with them often a whole unit.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.

    Returns
    -------
    float

    Examples
    --------
    >>> entropy_l_diversity({"sex": list("MMMFF"), "dx": list("abbab")}, ["sex"], ["dx"])
    1.8898815748423097
    """
    names = _sensitive(sens_att)
    return float(
        _l_diversity(data, names_in(quasi_ident), names, kind="entropy", multi=_multi(gen))
    )


def recursive_c_l_diversity(
    data: Any, quasi_ident: Names, sens_att: Names, imp: bool = False, gen: bool = True
) -> tuple[float, int]:
    """Compute c and l of recursive (c,l)-diversity.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.
    imp : bool
        Accepted as in pycanon, which prints a line with it; nothing is printed.

    Returns
    -------
    tuple of (float, int)
        The least whole c for which the table is recursive (c,l)-diverse, at l = distinct l under
        the same reading; NaN for c when l is 1, as in pycanon.

    Examples
    --------
    >>> table = {"sex": ["M"] * 10, "dx": ["a"] * 9 + ["b"]}
    >>> recursive_c_l_diversity(table, ["sex"], ["dx"])
    (10.0, 2)
    """
    del imp
    found = l_diversity(data, quasi_ident, sens_att, gen)
    if found < 2:
        return math.nan, found
    names = _sensitive(sens_att)
    bound = _recursive_c(data, names_in(quasi_ident), names, l=found, multi=_multi(gen))
    return float(math.floor(bound) + 1), found


def basic_beta_likeness(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> float:
    """Compute beta of basic beta-likeness, the largest relative gain of a sensitive value.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.

    Returns
    -------
    float
    """
    return _beta(data, names_in(quasi_ident), _sensitive(sens_att), multi=_multi(gen))


def enhanced_beta_likeness(
    data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True
) -> float:
    """Compute beta of enhanced beta-likeness; infinite when no beta will do.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.

    Returns
    -------
    float
    """
    names = _sensitive(sens_att)
    return _beta(data, names_in(quasi_ident), names, kind="enhanced", multi=_multi(gen))


def t_closeness(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> float:
    """Compute t, the largest distance of a class from the table.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`. Numbers and dates are compared by rank, other values as equal or
        not: numbers that are codes must be text.

    Returns
    -------
    float

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "grade": [1, 2, 3, 4], "dx": list("abcd")}
    >>> round(t_closeness(table, ["sex"], ["grade"]), 4), t_closeness(table, ["sex"], ["dx"])
    (0.3333, 0.5)
    """
    keys, names = names_in(quasi_ident), _sensitive(sens_att)
    found = []
    for name in names:
        joined = [*keys, *(other for other in names if other != name and not gen)]
        ordered = _ordered(data, name)
        found.append(_t_closeness(data, joined, [name], distance="ordered" if ordered else "equal"))
    return max(found)


def _ordered(data: Any, name: Any) -> bool:
    """Tell whether a sensitive attribute has an order of its own: a number or a date."""
    column = read_columns(data, [name])[1][0]
    labels = column.labels.tolist()
    if not labels or any(isinstance(label, str | bytes | bool | np.bool_) for label in labels):
        return False
    if all(hasattr(label, "year") for label in labels):
        return True
    try:
        decode_numbers(column)
    except MeasureError:
        return False
    dtype = getattr(data[name], "dtype", None) if isinstance(data, pd.DataFrame) else None
    return not isinstance(dtype, pd.CategoricalDtype)


def delta_disclosure(data: Any, quasi_ident: Names, sens_att: Names, gen: bool = True) -> float:
    """Compute delta of delta-disclosure privacy, over the values that a class has.

    Parameters
    ----------
    data, quasi_ident, sens_att, gen
        As in `l_diversity`.

    Returns
    -------
    float
        In natural logarithm. With a value that a class does not have, the definition asks for
        infinity: see ``midi_risk.risk.delta_disclosure(absent="infinite")``.
    """
    return _delta(data, names_in(quasi_ident), _sensitive(sens_att), multi=_multi(gen))

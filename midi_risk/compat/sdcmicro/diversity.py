"""`ldiversity`: how many sensitive values share the keys of each record."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import (
    Compat,
    as_frame,
    names_of,
    reproduces,
    require,
    without_code,
)
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses, equivalence_classes
from midi_risk.risk.classes.columns import encode
from midi_risk.risk.measures.diversity import (
    SensitiveCounts,
    distinct_values,
    effective_values,
    largest_recursive_l,
    sensitive_counts,
)


def ldiversity(
    obj: Any,
    ldiv_index: Hashable | Sequence[Hashable] | None = None,
    l_recurs_c: float = 2,
    missing: float | None = -999,
    *,
    keyVars: Hashable | Sequence[Hashable] | None = None,
    compat: Compat = None,
) -> pd.DataFrame | SdcObj:
    """Compute the l-diversity of the key group of each record.

    Parameters
    ----------
    obj : table or SdcObj
        An object is returned with `risk["ldiversity"]`.
    ldiv_index : hashable or sequence of hashable
        Sensitive variables; of an object, its `sensibleVar` by default.
    l_recurs_c : float
        c of recursive diversity, above 0.
    missing : float or None
        Number that stands for a missing sensitive value.
    keyVars : hashable or sequence of hashable
        Key variables of a table. A missing key is a value of its own.
    compat : {None, "5.8"}
        ``"5.8"`` counts the coded `missing` as one more value of a group that has others (in the
        distinct and entropy measures), and gives a group without any known value distinct 0,
        entropy 1 and recursive 1.

    Returns
    -------
    pandas.DataFrame or SdcObj
        Columns ``<variable>_Distinct_Ldiversity``, ``_Entropy_``, ``_Recursive_`` of each variable,
        and with several ``MultiEntropy_Ldiversity`` and ``MultiRecursive_Ldiversity``: the worst
        split of the group by the other sensitive variables. Missing sensitive values add no
        diversity; a group without any known value is 0, NaN and 0.

    Raises
    ------
    MeasureError
        If a variable is both sensitive and key, or nothing is named.

    References
    ----------
    Machanavajjhala, Kifer, Gehrke, Venkitasubramaniam 2007, doi:10.1145/1217299.1217302.

    Examples
    --------
    >>> table = {"sex": list("MMMFF"), "dx": ["GBM", "GBM", "AST", "GBM", "OLI"]}
    >>> ldiversity(table, "dx", keyVars="sex")["dx_Distinct_Ldiversity"].tolist()
    [2, 2, 2, 2, 2]
    """
    if isinstance(obj, SdcObj):
        chosen = names_of(ldiv_index, what="ldiv_index") or obj.sensibleVar
        mode = obj.compat if compat is None else compat

        def measure(now: SdcObj) -> pd.DataFrame:
            return _ldiversity(now.current, now.keyVars, chosen, l_recurs_c, missing, mode)

        arguments = {
            "ldiv_index": None if ldiv_index is None else chosen,
            "l_recurs_c": l_recurs_c,
            "missing": missing,
        }
        extras = MappingProxyType({**obj.extras, "ldiversity": measure})
        step = Step(function="ldiversity", arguments=arguments)
        _checked(obj.current, obj.keyVars, chosen)
        return obj.stepped(step, extras=extras)
    keys = names_of(keyVars, what="keyVars")
    names = names_of(ldiv_index, what="ldiv_index")
    return _ldiversity(as_frame(obj), keys, names, l_recurs_c, missing, compat)


def _checked(frame: pd.DataFrame, keys: Sequence[Any], names: Sequence[Any]) -> None:
    if not keys or not names:
        raise MeasureError(
            "ldiversity needs keys and sensitive variables", hint="Give keyVars and ldiv_index"
        )
    both = [name for name in names if name in keys]
    if both:
        raise MeasureError(f"Column {both[0]!r} is both a key and a sensitive variable")
    require(frame, [*keys, *names])


def _ldiversity(
    frame: pd.DataFrame,
    keys: Sequence[Any],
    names: Sequence[Any],
    c: float,
    missing: float | None,
    compat: Compat,
) -> pd.DataFrame:
    _checked(frame, keys, names)
    old = reproduces(compat)
    classes = equivalence_classes(frame, list(keys))
    out: dict[str, Any] = {}
    lowest = {kind: np.full(classes.n, np.inf) for kind in ("Entropy", "Recursive")}
    values = without_code(frame, names, missing)
    for name in names:
        found = (
            _coded(classes, frame[name], values[name], missing, c)
            if old and missing is not None
            else _diversity(classes, values[name], c)
        )
        place = classes.class_of_record
        for kind, per_class in found.items():
            out[f"{name}_{kind}_Ldiversity"] = per_class[place]
        others = [other for other in names if other != name]
        if not others:
            continue
        table = {**{key: frame[key] for key in keys}, **{other: values[other] for other in others}}
        finer = equivalence_classes(table, [*keys, *others])
        split = _diversity(finer, values[name], c)
        for kind, worst in lowest.items():
            per_group = np.full(classes.n_classes, np.inf)
            held = split[kind][finer.class_of_record].astype(np.float64)
            np.fmin.at(per_group, place, held)
            np.minimum(worst, per_group[place], out=worst)
    if len(names) > 1:
        for kind, worst in lowest.items():
            worst[np.isinf(worst)] = np.nan
            out[f"Multi{kind}_Ldiversity"] = worst
    return pd.DataFrame(out, index=frame.index)


def _diversity(classes: EquivalenceClasses, values: Any, c: float) -> dict[str, Any]:
    """Distinct, entropy and recursive diversity of each class; missing adds none."""
    column = encode("sensitive", values)
    if column.missing.all():
        nothing = np.zeros(classes.n_classes, dtype=np.int64)
        effective = np.full(classes.n_classes, np.nan)
        return {"Distinct": nothing, "Entropy": effective, "Recursive": nothing}
    return _measures(sensitive_counts(classes, column), c)


def _measures(counts: SensitiveCounts, c: float) -> dict[str, Any]:
    return {
        "Distinct": distinct_values(counts),
        "Entropy": effective_values(counts),
        "Recursive": largest_recursive_l(counts, c),
    }


def _coded(
    classes: EquivalenceClasses, values: Any, known_values: Any, missing: float, c: float
) -> dict[str, Any]:
    """Count the code for missing as sdcMicro does.

    It is one more distinct value, and one more for the entropy, but not for the recursive
    measure; a class without any other value has distinct 0, entropy 1 and recursive 1.
    """
    column = encode("sensitive", values)
    if column.missing.all():
        return _diversity(classes, values, c)
    found = _measures(sensitive_counts(classes, column), c)
    found["Recursive"] = _diversity(classes, known_values, c)["Recursive"]
    coded = np.asarray(values == missing)
    known = np.bincount(
        classes.class_of_record, ~coded & ~column.missing, minlength=classes.n_classes
    )
    only = (known == 0) & (
        np.bincount(classes.class_of_record, coded, minlength=classes.n_classes) > 0
    )
    for kind, value in (("Distinct", 0), ("Entropy", 1), ("Recursive", 1)):
        found[kind] = np.where(only, value, found[kind])
    return found

"""`measure_risk`, `kAnon_violations`, `suda2`: risk of a table or an object."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
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
from midi_risk.compat.sdcmicro.measured import MeasuredRisk, measured_risk
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import FloatArray
from midi_risk.risk.measures.suda import suda

_LEAST_VARIABLES = 3


def measure_risk(
    obj: Any,
    keyVars: Hashable | Sequence[Hashable] | None = None,
    w: Hashable | None = None,
    missing: float | None = -999,
    hid: Hashable | None = None,
    max_global_risk: float = 0.01,
    fast_hier: bool = True,
    *,
    alpha: float = 1.0,
    compat: Compat = None,
) -> MeasuredRisk | SdcObj:
    """Measure individual, global and household risk.

    Parameters
    ----------
    obj : table or SdcObj
        With an object, only `max_global_risk` is used, and the object is returned.
    keyVars : hashable or sequence of hashable
        Key variables.
    w, hid : hashable, optional
        Weight and household, by name; households of any type, a record without one is alone.
    missing : float or None
        Number that stands for a missing key.
    max_global_risk : float
        Limit on the expected share of re-identifications.
    fast_hier : bool
        Accepted as in R; both forms give the same number, so the fast one is always used.
    alpha : float
        Share in which a missing key counts as a match.
    compat : {None, "5.8"}

    Returns
    -------
    MeasuredRisk or SdcObj

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "w": [10, 20, 10], "home": [1, 2, 2]}
    >>> found = measure_risk(table, "age", w="w", hid="home")
    >>> round(found.global_risk_ER, 4), round(found.hier_risk_ER, 4)
    (0.3711, 0.655)
    """
    del fast_hier
    if isinstance(obj, SdcObj):
        step = Step(function="measure_risk", arguments={"max_global_risk": max_global_risk})
        return obj.stepped(step, max_global_risk=max_global_risk)
    if keyVars is None:
        raise MeasureError("measure_risk needs key variables", hint="Give keyVars")
    return measured_risk(
        obj,
        keyVars,
        w,
        missing=missing,
        hid=hid,
        max_global_risk=max_global_risk,
        alpha=alpha,
        compat=compat,
    )


def kAnon_violations(object: SdcObj, weighted: bool = False, k: float = 3) -> int:  # noqa: A002
    """Count the records whose frequency is below k.

    Parameters
    ----------
    object : SdcObj
    weighted : bool
        Compare the population frequency Fk instead of fk.
    k : float

    Returns
    -------
    int
    """
    sizes = object.measured.Res["Fk" if weighted else "fk"].to_numpy()
    return int(np.count_nonzero(sizes < k))


@dataclass(frozen=True, kw_only=True, eq=False)
class Suda2:
    """Special uniqueness.

    Parameters
    ----------
    score, disScore : numpy.ndarray of shape (n,)
        SUDA and DIS-SUDA of each record. DIS-SUDA orders records; with no pair in the data it is
        1 for every record with a score.
    contributionPercent : pandas.DataFrame
        Share of the record's score that involves each variable; rows do not add up to 1.
    attribute_contributions : pandas.DataFrame
        Columns `variable`, `contribution`: per cent of the total score.
    attribute_level_contributions : pandas.DataFrame
        Columns `variable`, `attribute`, `contribution`. It holds values: keep it internal.
    """

    score: FloatArray = field(repr=False)
    disScore: FloatArray = field(repr=False)
    contributionPercent: pd.DataFrame = field(repr=False)
    attribute_contributions: pd.DataFrame = field(repr=False)
    attribute_level_contributions: pd.DataFrame = field(repr=False)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"<Suda2: {np.count_nonzero(self.score)} of {len(self.score)} records have a score>"


def suda2(
    obj: Any,
    variables: Sequence[Hashable] | None = None,
    missing: float | None = -999,
    DisFraction: float = 0.01,
    original_scores: bool = True,
    *,
    compat: Compat = None,
) -> Suda2 | SdcObj:
    """Score the special uniqueness of each record.

    Parameters
    ----------
    obj : table or SdcObj
        An object is returned with `risk["suda2"]`.
    variables : sequence of hashable, optional
        Variables of any type; of an object, its keys by default.
    missing : float or None
        Number that stands for a missing value. A missing value is no item of a minimal unique.
    DisFraction : float
        Sampling fraction, in (0, 1).
    original_scores : bool
        Weights of Elliot et al.; False those of the IHSN guide.
    compat : {None, "5.8"}
        ``"5.8"`` adds constant columns up to three variables, which changes the weights, and
        leaves the contributions of values of a variable in no minimal unique undefined.

    Returns
    -------
    Suda2 or SdcObj

    References
    ----------
    Elliot, Manning, Ford 2002, doi:10.1142/S0218488502001594.

    Examples
    --------
    >>> table = {"a": [1, 1, 2, 2, 1], "b": [1, 1, 1, 2, 2], "c": [1, 1, 1, 1, 2]}
    >>> suda2(table, ["a", "b", "c"]).score.tolist()
    [0.0, 0.0, 1.0, 2.0, 3.0]
    """
    if isinstance(obj, SdcObj):
        chosen = names_of(variables, what="variables") or obj.keyVars
        mode = obj.compat if compat is None else compat

        def measure(now: SdcObj) -> Suda2:
            return _suda2(now.current, chosen, missing, DisFraction, original_scores, mode)

        arguments = {
            "variables": None if variables is None else chosen,
            "missing": missing,
            "DisFraction": DisFraction,
            "original_scores": original_scores,
        }
        extras = MappingProxyType({**obj.extras, "suda2": measure})
        return obj.stepped(Step(function="suda2", arguments=arguments), extras=extras)
    frame = as_frame(obj)
    names = names_of(variables, what="variables") or tuple(frame.columns)
    return _suda2(frame, names, missing, DisFraction, original_scores, compat)


def _suda2(
    frame: pd.DataFrame,
    names: tuple[Any, ...],
    missing: float | None,
    fraction: float,
    original: bool,
    compat: Compat,
) -> Suda2:
    require(frame, names)
    table: dict[Any, Any] = {name: frame[name] for name in names}
    if missing is not None:
        table = dict(without_code(frame, names, missing).items())
    used: list[Any] = list(names)
    old = reproduces(compat)
    if old:
        added = [f"constant {place}" for place in range(_LEAST_VARIABLES - len(names))]
        table |= {name: np.ones(len(frame), dtype=np.int64) for name in added}
        used += added
    found = suda(
        table,
        used,
        weighting="elliot" if original else "ihsn",
        sampling_fraction=fraction,
    )
    shares = pd.DataFrame(found.record_contributions(), columns=used, index=frame.index)
    by_attribute = found.attribute_contributions()
    levels = found.value_contributions().rename(
        columns={"attribute": "variable", "value": "attribute"}
    )
    levels["contribution"] *= 100
    if old:
        silent = [name for name, share in by_attribute.items() if share == 0]
        levels.loc[levels["variable"].isin(silent), "contribution"] = np.nan
    return Suda2(
        score=found.score,
        disScore=found.dis_score,
        contributionPercent=shares,
        attribute_contributions=pd.DataFrame(
            {
                "variable": pd.Series(list(by_attribute), dtype=object),
                "contribution": [100 * share for share in by_attribute.values()],
            }
        ),
        attribute_level_contributions=levels,
    )

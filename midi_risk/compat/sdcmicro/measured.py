"""The figures of `measure_risk`, from frequencies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.compat.sdcmicro.frequencies import freqCalc, record_risk
from midi_risk.compat.sdcmicro.inputs import (
    Compat,
    as_frame,
    names_of,
    reproduces,
    require,
    without_code,
)
from midi_risk.risk.classes.columns import FloatArray, encode
from midi_risk.risk.measures.individual import (
    global_risk,
    household_risk,
    outstanding_records,
    risk_threshold,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredRisk:
    """Individual and global risk of a table.

    Parameters
    ----------
    global_risk_ER : float
        Expected re-identifications, the sum of the individual risks.
    global_risk, global_risk_pct : float
        The same as a share and in per cent of the records.
    Res : pandas.DataFrame
        Columns `risk`, `fk`, `Fk` and, with households, `hier_risk`; one row per record.
    max_global_risk : float
        Limit on the global risk.
    global_threshold : float
        Individual risk at which capping keeps the limit; NaN when no threshold is needed, 0
        when none suffices.
    threshold_status : {"not needed", "found", "unreachable"}
        What `global_threshold` means.
    hier_risk_ER, hier_risk, hier_risk_pct : float or None
        The same with households.
    """

    global_risk_ER: float
    global_risk: float
    global_risk_pct: float
    Res: pd.DataFrame = field(repr=False)
    max_global_risk: float
    global_threshold: float
    threshold_status: Literal["not needed", "found", "unreachable"]
    hier_risk_ER: float | None = None
    hier_risk: float | None = None
    hier_risk_pct: float | None = None

    def __repr__(self) -> str:
        """Say the expected number, never which."""
        return (
            f"<MeasuredRisk: {len(self.Res)} records, {self.global_risk_ER:.2f} expected "
            f"re-identifications ({self.global_risk_pct:.2f} %)>"
        )

    def higher_risk(self, factor: float = 3.0) -> int:
        """Count the records whose risk stands out: above median + factor MAD, and above 0.1.

        sdcMicro prints factor 3 for a table and 2 for an object.
        """
        return int(outstanding_records(self.Res["risk"].to_numpy(), factor=factor).sum())


def household_product(risk: FloatArray, households: Any) -> FloatArray:
    """Compute 1 - prod(1 - r) of each household by plain multiplication, as sdcMicro does.

    Parameters
    ----------
    risk : numpy.ndarray of shape (n,)
    households : array_like of shape (n,)
        A record without one is alone.

    Returns
    -------
    numpy.ndarray of shape (n,)
    """
    column = encode("household", households)
    member = column.codes.astype(np.int64)
    alone = member < 0
    member[alone] = column.cardinality + np.arange(int(alone.sum()))
    # R multiplies in extended precision and rounds once.
    spared = np.ones(int(member.max(initial=-1)) + 1, dtype=np.longdouble)
    np.multiply.at(spared, member, (1 - risk).astype(np.longdouble))
    return np.asarray(1 - spared.astype(np.float64)[member])


def measured_risk(
    data: Any,
    keyVars: Hashable | Sequence[Hashable],
    w: Hashable | None = None,
    *,
    missing: float | None = -999,
    hid: Hashable | None = None,
    max_global_risk: float = 0.01,
    alpha: float = 1.0,
    compat: Compat = None,
) -> MeasuredRisk:
    """Measure the risk of a table; `measure_risk` describes the parameters.

    Parameters
    ----------
    data : table
    keyVars : hashable or sequence of hashable
    w, hid : hashable, optional
        Weight and household.
    missing : float or None
        Number that stands for a missing key.
    max_global_risk : float
    alpha : float
    compat : {None, "5.8"}

    Returns
    -------
    MeasuredRisk
    """
    old = reproduces(compat)
    frame = as_frame(data)
    keys = names_of(keyVars, what="keyVars")
    require(frame, [*keys, *(name for name in (w, hid) if name is not None)])
    coded = without_code(frame, keys, missing)
    weights = None if w is None else frame[w]
    counts = freqCalc(coded, keys, weights, alpha)
    risk = record_risk(counts.fk, counts.Fk, compat=compat)
    total = global_risk(risk)
    limit = risk_threshold(risk, max_global_risk)
    rows = pd.DataFrame({"risk": risk, "fk": counts.fk, "Fk": counts.Fk}, index=frame.index)
    households: dict[str, float] = {}
    if hid is not None:
        family = household_product if old else household_risk
        rows["hier_risk"] = family(risk, frame[hid])
        expected = float(rows["hier_risk"].sum())
        share = expected / len(frame)
        households = {
            "hier_risk_ER": expected,
            "hier_risk": share,
            "hier_risk_pct": 100 * share,
        }
    threshold = {"not needed": np.nan, "unreachable": 0.0}.get(limit.status, limit.value)
    return MeasuredRisk(
        global_risk_ER=total.expected,
        global_risk=total.share,
        global_risk_pct=100 * total.share,
        Res=rows,
        max_global_risk=max_global_risk,
        global_threshold=float("nan") if threshold is None else float(threshold),
        threshold_status=limit.status,
        **households,
    )

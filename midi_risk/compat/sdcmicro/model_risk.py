"""`modRisk`: global risk from a log-linear model of the frequencies."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import Compat, as_frame, reproduces, require
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.poisson import (
    Factor,
    design_matrix,
    full_cross,
    independent_means,
    parse_formula,
    poisson_means,
)
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.risk.classes.columns import as_numbers, encode

Floats = npt.NDArray[np.float64]
ModelMethod = Literal["default", "CE", "PML", "weightedLLM", "IPF"]

_CELL_LIMIT = 5_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class ModRisk:
    """Global risk under a log-linear model.

    Parameters
    ----------
    gr1 : float
        Expected share of population uniques: the sum over sample uniques of
        ``exp(-(1-p) lambda)``, divided by the cells that are not empty.
    gr2 : float
        The same with ``(1 - exp(-v)) / v``, v = (1-p) lambda: expected correct matches.
    gr1perc, gr2perc : float
        In per cent.
    method : str
    model : str
        The formula.
    fitted : numpy.ndarray of shape (cells,)
        Mean of each cell of the full cross product of the values, ascending, the first variable
        slowest.
    inclProb : numpy.ndarray
        Inclusion probability of each cell that is not empty and within the bound.
    vars : tuple of str
        Variables of the formula.
    nonempty, uniques : int
        Cells that are not empty (within the bound), and those with one record.
    """

    gr1: float
    gr2: float
    gr1perc: float
    gr2perc: float
    method: str
    model: str
    fitted: Floats = field(repr=False)
    inclProb: Floats = field(repr=False)
    vars: tuple[str, ...]
    nonempty: int
    uniques: int

    def __repr__(self) -> str:
        """Say the two figures."""
        return f"<ModRisk ({self.method}): gr1 {self.gr1perc:.3g} %, gr2 {self.gr2perc:.3g} %>"


def modRisk(
    obj: Any,
    method: ModelMethod = "default",
    weights: Hashable | None = None,
    formulaM: str | None = None,
    bound: float = float("inf"),
    *,
    compat: Compat = None,
) -> ModRisk | SdcObj:
    """Estimate the global risk with a log-linear model.

    Parameters
    ----------
    obj : table or SdcObj
        An object is returned with `risk["model"]`.
    method : {"default", "CE", "PML", "weightedLLM", "IPF"}
        Poisson regression of the counts; with an offset by Clogg and Eliason; of the weights
        scaled to the sample; with the weights as a covariate; or independence.
    weights : hashable
        Sampling weight; of an object its own by default.
    formulaM : str
        ``~ a + b + a:b``; of an object all keys by default.
    bound : float
        Only cells with at most this many records enter the denominator.
    compat : {None, "5.8"}
        ``"5.8"`` lets a numeric variable enter with one slope. By default each is categorical.

    Returns
    -------
    ModRisk or SdcObj

    Raises
    ------
    MeasureError
        If the model cannot be fitted; ``IPF`` takes no interactions.

    References
    ----------
    Skinner & Holmes 1998, J Off Stat 14:361; Clogg & Eliason 1987,
    doi:10.1177/0049124187016001002.

    Examples
    --------
    >>> table = {"a": [1, 1, 2, 2, 2, 2], "b": [1, 1, 1, 1, 1, 2], "w": [10.0] * 6}
    >>> round(modRisk(table, weights="w", formulaM="~ a + b").gr2, 4)
    0.2507
    """
    if isinstance(obj, SdcObj):
        given = weights if weights is not None else obj.weightVar
        formula = formulaM or "~ " + " + ".join(map(str, obj.keyVars))
        mode = obj.compat if compat is None else compat

        def measure(now: SdcObj) -> ModRisk:
            return _mod_risk(now.current, method, given, formula, bound, mode)

        arguments = {"method": method, "weights": given, "formulaM": formula, "bound": bound}
        extras = MappingProxyType({**obj.extras, "model": measure})
        return obj.stepped(Step(function="modRisk", arguments=arguments), extras=extras)
    if formulaM is None:
        raise MeasureError("modRisk needs a formula", hint="Give formulaM='~ a + b'")
    return _mod_risk(as_frame(obj), method, weights, formulaM, bound, compat)


def _mod_risk(
    frame: pd.DataFrame,
    method: ModelMethod,
    weights: Hashable | None,
    formula: str,
    bound: float,
    compat: Compat,
) -> ModRisk:
    old = reproduces(compat)
    if weights is None:
        raise MeasureError("modRisk needs sampling weights", hint="Give weights")
    if method not in ("default", "CE", "PML", "weightedLLM", "IPF"):
        raise MeasureError("The method is 'default', 'CE', 'PML', 'weightedLLM' or 'IPF'")
    terms = parse_formula(formula)
    names = tuple(dict.fromkeys(name for term in terms for name in term))
    require(frame, [*names, weights])
    if method == "IPF" and any(len(term) > 1 for term in terms):
        raise MeasureError("The method 'IPF' takes no interactions")
    weight = as_numbers(weights, frame[weights])
    if not len(frame) or np.any(~(weight > 0)):
        raise MeasureError("modRisk needs records and weights above 0")
    ranked = {name: _ranked(frame[name]) for name in names}
    levels = [len(values) for _, values in ranked.values()]
    if np.prod([float(level) for level in levels]) > _CELL_LIMIT:
        raise MeasureError(
            f"The full table has more than {_CELL_LIMIT:,} cells", hint="Recode, or use fewer keys"
        )
    grid = full_cross(levels)
    factors = {
        name: Factor(
            codes=codes,
            levels=len(ranked[name][1]),
            slope=_slope(ranked[name][1]) if old and method != "IPF" else None,
        )
        for name, codes in zip(names, grid, strict=True)
    }
    cell = np.ravel_multi_index(tuple(codes for codes, _ in ranked.values()), tuple(levels))
    size = int(np.prod(levels))
    counts = np.bincount(cell, minlength=size).astype(np.float64)
    people = np.bincount(cell, weight, minlength=size).astype(np.float64)
    sampled = np.bincount(cell, 1 / weight, minlength=size).astype(np.float64)
    fitted = _fitted(method, factors, terms, counts, people)
    held = (counts > 0) & (counts <= bound)
    alone = counts == 1
    # The inclusion probability of a cell is the mean over its records; sdcMicro adds them up.
    p = sampled if old else np.divide(sampled, counts, out=np.zeros(size), where=held)
    v = (1 - p[alone]) * fitted[alone]
    nonempty = int(held.sum())
    matches = np.divide(-np.expm1(-v), v, out=np.ones_like(v), where=v != 0)
    gr1, gr2 = float(np.exp(-v).sum() / nonempty), float(matches.sum() / nonempty)
    return ModRisk(
        gr1=gr1,
        gr2=gr2,
        gr1perc=100 * gr1,
        gr2perc=100 * gr2,
        method=method,
        model=formula,
        fitted=fitted,
        inclProb=p[held],
        vars=names,
        nonempty=nonempty,
        uniques=int(alone.sum()),
    )


def _fitted(
    method: ModelMethod,
    factors: dict[str, Factor],
    terms: tuple[tuple[str, ...], ...],
    counts: Floats,
    people: Floats,
) -> Floats:
    if method == "IPF":
        return independent_means(factors, counts)
    y, offset, extra = counts, None, []
    if method == "CE":
        share = np.divide(counts, people, out=np.zeros(len(counts)), where=people > 0)
        offset = np.log(share + 0.1)
    elif method == "PML":
        y = np.round(people * counts.sum() / people.sum())
    elif method == "weightedLLM":
        extra = [people]
    return poisson_means(design_matrix(factors, terms, extra), y, offset)


def _ranked(values: Any) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Return the rank of each value among the values that occur; missing is a value, last."""
    column = encode("key", values)
    used = np.flatnonzero(np.bincount(column.codes[column.codes >= 0], minlength=1))
    labels = [column.labels[code] for code in used.tolist()] if column.cardinality else []
    try:
        order = sorted(range(len(labels)), key=lambda i: labels[i])
    except TypeError:
        order = sorted(range(len(labels)), key=lambda i: str(labels[i]))
    place = np.full(max(column.cardinality, 1) + 1, len(labels), dtype=np.int64)
    for rank, i in enumerate(order):
        place[used[i]] = rank
    codes = place[column.codes]
    levels = [labels[i] for i in order]
    return codes, [*levels, None] if column.missing.any() else levels


def _slope(levels: list[Any]) -> Floats | None:
    """Return the values of a numeric variable, None for any other."""
    if any(isinstance(level, str | bool) or level is None for level in levels):
        return None
    try:
        return np.asarray(levels, dtype=np.float64)
    except (TypeError, ValueError):
        return None

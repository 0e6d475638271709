"""Keys set to missing (`localSuppression`, `kAnon`, `localSupp`), and unsafe cells (`riskyCells`).

`riskyCells` looks at every combination of keys.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import Compat, as_frame, names_of, reproduces, require
from midi_risk.compat.sdcmicro.measured import measured_risk
from midi_risk.compat.sdcmicro.object import SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError
from midi_risk.recode.suppression import LocalSuppression, local_suppression
from midi_risk.risk.measures.combinations import combination_risks


@dataclass(frozen=True, kw_only=True, eq=False)
class Suppressed:
    """Keys after local suppression.

    Parameters
    ----------
    xAnon : pandas.DataFrame
        The table with cells of its keys set to missing.
    supps : pandas.DataFrame
        One row: new missing cells of each key.
    totalSupps : pandas.DataFrame
        One row: all missing cells of each key.
    anonymity : bool
        Whether every record has k matches on all keys.
    keyVars : tuple
    importance : tuple of int
        Rank of each key; the highest is suppressed first.
    k : tuple of int
    fk : numpy.ndarray of shape (n,)
        Frequencies afterwards.
    """

    xAnon: pd.DataFrame = field(repr=False)
    supps: pd.DataFrame = field(repr=False)
    totalSupps: pd.DataFrame = field(repr=False)
    anonymity: bool
    keyVars: tuple[Any, ...]
    importance: tuple[int, ...]
    k: tuple[int, ...]
    fk: npt.NDArray[np.float64] = field(repr=False)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return f"<Suppressed: {int(self.supps.to_numpy().sum())} cells of {len(self.keyVars)} keys>"


def localSuppression(
    obj: Any,
    k: int | Sequence[int] = 2,
    importance: Sequence[int] | None = None,
    combs: Sequence[int] | None = None,
    *,
    keyVars: Sequence[Hashable] | None = None,
    strataVars: Hashable | None = None,
    alpha: float = 1.0,
    compat: Compat = None,
) -> Suppressed | SdcObj:
    """Set keys to missing until every record has k matches.

    Parameters
    ----------
    obj : table or SdcObj
    k : int or sequence of int
        Matches that each record needs; with `combs` one per size of combination.
    importance : sequence of int, optional
        Rank of each key; the highest is suppressed first and 1 is kept longest. By default keys
        with most levels go first.
    combs : sequence of int, optional
        Make each combination of keys of these sizes safe in turn, instead of all keys at once.
        Later combinations may undo earlier ones, so this does not make the table k-anonymous.
    keyVars : sequence of hashable
        Key variables of a table.
    strataVars : hashable, optional
        k holds within each of its values; of an object its `strataVar`.
    alpha : float
        Share in which a missing key counts as a match; of an object its own.
    compat : {None, "5.8"}
        ``"5.8"`` suppresses the very cells that sdcMicro does. By default each record is looked
        at again before a cell goes, which never suppresses more.

    Returns
    -------
    Suppressed or SdcObj

    Raises
    ------
    SearchError
        If k exceeds the records of the table or of a stratum.

    References
    ----------
    Templ, Kowarik, Meindl, J Stat Softw 2015;67(4), doi:10.18637/jss.v067.i04.

    Examples
    --------
    >>> table = {"sex": list("FFMMM"), "age": [30, 30, 50, 50, 60]}
    >>> localSuppression(table, k=2, keyVars=["sex", "age"]).supps.to_dict("records")
    [{'sex': 0, 'age': 1}]
    """
    return _suppress(
        "localSuppression", obj, k, importance, combs, keyVars, strataVars, alpha, compat
    )


def kAnon(
    obj: Any,
    k: int | Sequence[int] = 2,
    importance: Sequence[int] | None = None,
    combs: Sequence[int] | None = None,
    *,
    keyVars: Sequence[Hashable] | None = None,
    strataVars: Hashable | None = None,
    alpha: float = 1.0,
    compat: Compat = None,
) -> Suppressed | SdcObj:
    """Make a table k-anonymous by local suppression: `localSuppression` by its other name.

    Parameters
    ----------
    obj, k, importance, combs, keyVars, strataVars, alpha, compat
        As in `localSuppression`.

    Returns
    -------
    Suppressed or SdcObj

    Examples
    --------
    >>> from midi_risk.compat.sdcmicro import createSdcObj
    >>> table = {"sex": list("FFMMM"), "age": [30, 30, 50, 50, 60]}
    >>> obj = kAnon(createSdcObj(table, ["sex", "age"]), k=2)
    >>> dict(obj.localSuppression)
    {'sex': 0, 'age': 1}
    """
    return _suppress("kAnon", obj, k, importance, combs, keyVars, strataVars, alpha, compat)


def _suppress(
    function: str,
    obj: Any,
    k: int | Sequence[int],
    importance: Sequence[int] | None,
    combs: Sequence[int] | None,
    keyVars: Sequence[Hashable] | None,
    strataVars: Hashable | None,
    alpha: float,
    compat: Compat,
) -> Suppressed | SdcObj:
    if isinstance(obj, SdcObj):
        mode = obj.compat if compat is None else compat
        keys = names_of(keyVars, what="keyVars") or obj.keyVars
        strata = obj.strataVar if strataVars is None else strataVars
        found = _cells(obj.current, keys, k, importance, combs, strata, obj.alpha, mode)
        note = (
            ""
            if reproduces(mode)
            else "sdcMicro does not look again before each cell and may suppress more here"
        )
        arguments = {"k": k, "importance": importance, "combs": combs}
        step = Step(function=function, arguments=arguments, note=note)
        return obj.stepped(step, current=_applied(obj.current, keys, found))
    frame = as_frame(obj)
    keys = names_of(keyVars, what="keyVars")
    if not keys:
        raise MeasureError(f"{function} needs key variables", hint="Give keyVars")
    found = _cells(frame, keys, k, importance, combs, strataVars, alpha, compat)
    anonymous = _applied(frame, keys, found)
    wanted = (k,) if isinstance(k, int | np.integer) else tuple(k)
    return Suppressed(
        xAnon=anonymous,
        supps=pd.DataFrame({key: [int(found.cells[:, j].sum())] for j, key in enumerate(keys)}),
        totalSupps=pd.DataFrame({key: [int(anonymous[key].isna().sum())] for key in keys}),
        anonymity=bool(found.sizes.min() >= max(wanted)),
        keyVars=keys,
        importance=tuple(found.importance.values()),
        k=tuple(int(one) for one in wanted),
        fk=found.sizes,
    )


def _cells(
    frame: pd.DataFrame,
    keys: tuple[Any, ...],
    k: int | Sequence[int],
    importance: Sequence[int] | None,
    combs: Sequence[int] | None,
    strata: Hashable | None,
    alpha: float,
    compat: Compat,
) -> LocalSuppression:
    require(frame, keys)
    old = reproduces(compat)
    ranks = None if importance is None else [int(rank) for rank in importance]
    if old and ranks is None:
        # Levels that no record uses count there.
        levels = [
            len(frame[key].cat.categories)
            if isinstance(frame[key].dtype, pd.CategoricalDtype)
            else frame[key].nunique()
            for key in keys
        ]
        place = np.argsort(levels, kind="stable")
        ranks = [int(rank) for rank in np.argsort(place) + 1]
    renamed = frame[list(keys)].set_axis([f"key {j}" for j in range(len(keys))], axis=1)
    if strata is not None:
        require(frame, [strata])
        renamed["stratum"] = frame[strata]
    return local_suppression(
        renamed.reset_index(drop=True),
        [f"key {j}" for j in range(len(keys))],
        k=k,
        importance=ranks,
        alpha=alpha,
        strata=None if strata is None else "stratum",
        combs=combs,
        recheck=not old,
    )


def _applied(frame: pd.DataFrame, keys: Sequence[Any], found: LocalSuppression) -> pd.DataFrame:
    out = frame.copy()
    for place, key in enumerate(keys):
        out[key] = out[key].mask(found.cells[:, place])
    return out


def localSupp(
    obj: Any,
    threshold: float = 0.15,
    keyVar: Hashable | None = None,
    *,
    keyVars: Sequence[Hashable] | None = None,
    w: Hashable | None = None,
    compat: Compat = None,
) -> pd.DataFrame | SdcObj:
    """Set one key to missing in every record whose individual risk exceeds a threshold.

    Parameters
    ----------
    obj : table or SdcObj
    threshold : float
        Largest accepted individual risk.
    keyVar : hashable
        Key to suppress.
    keyVars : sequence of hashable
        All key variables of a table.
    w : hashable, optional
        Weight of a table.
    compat : {None, "5.8"}

    Returns
    -------
    pandas.DataFrame or SdcObj

    Raises
    ------
    MeasureError
        If the key is not named or not among the keys.
    """
    if keyVar is None:
        raise MeasureError("localSupp needs the key to suppress", hint="Give keyVar")
    keys = obj.keyVars if isinstance(obj, SdcObj) else names_of(keyVars, what="keyVars")
    if keyVar not in keys:
        raise MeasureError(f"Column {keyVar!r} is not among the key variables")
    if isinstance(obj, SdcObj):
        frame, measured = obj.current, obj.measured
    else:
        frame = as_frame(obj)
        measured = measured_risk(frame, keys, w, compat=compat)
    risky = measured.Res["risk"].to_numpy() > threshold
    out = frame.copy()
    out[keyVar] = out[keyVar].mask(risky)
    if isinstance(obj, SdcObj):
        arguments = {"threshold": threshold, "keyVar": keyVar}
        return obj.stepped(Step(function="localSupp", arguments=arguments), current=out)
    return out


def riskyCells(
    obj: Any,
    useIdentificationLevel: bool = False,
    threshold: float | Sequence[float] = 1,
    *,
    keyVars: Sequence[Hashable] | None = None,
    maxDim: int | None = None,
    level: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Count the unsafe cells of every combination of keys.

    Parameters
    ----------
    obj : table or SdcObj
    useIdentificationLevel : bool
        Take the number of distinct values of `level` as `maxDim`, as sdcMicro does.
    threshold : float or sequence of float
        A cell is unsafe with at most this many records; one per dimension, the last for the rest.
        `kAnon` asks for at least k, so ``threshold=2`` goes with ``k=3``.
    keyVars : sequence of hashable, optional
        Of an object, its keys by default.
    maxDim : int, optional
        Largest combination; 3 by default.
    level : sequence of int, optional
        Identification level of each key.

    Returns
    -------
    pandas.DataFrame
        Columns `dim1`, ..., `threshold`, `unsafe_cells` (a number, not text as in R).

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "M", "F"]}
    >>> riskyCells(table, threshold=1, keyVars=["age", "sex"])["unsafe_cells"].tolist()
    [1, 1, 1]
    """
    frame = obj.current if isinstance(obj, SdcObj) else as_frame(obj)
    keys = names_of(keyVars, what="keyVars")
    if not keys and isinstance(obj, SdcObj):
        keys = obj.keyVars
    if not keys:
        raise MeasureError("riskyCells needs key variables", hint="Give keyVars")
    require(frame, keys)
    if useIdentificationLevel:
        if level is None or len(level) != len(keys):
            raise MeasureError("Identification levels need one level per key variable")
        largest = len(set(level))
    else:
        largest = 3 if maxDim is None else maxDim
    largest = min(largest, len(keys))
    limits = [float(t) for t in np.atleast_1d(np.asarray(threshold, dtype=float))]
    by_size: Mapping[int, float] = {
        size: limits[min(size, len(limits)) - 1] for size in range(1, largest + 1)
    }
    found = combination_risks(
        frame,
        list(keys),
        k={size: int(np.floor(limit)) + 1 for size, limit in by_size.items()},
        max_size=largest,
    )
    columns: dict[str, list[Any]] = {
        f"dim{place}": [
            risk.attributes[place - 1] if place <= len(risk.attributes) else None for risk in found
        ]
        for place in range(1, largest + 1)
    }
    columns["threshold"] = [by_size[len(risk.attributes)] for risk in found]
    columns["unsafe_cells"] = [risk.cells_below for risk in found]
    return pd.DataFrame(
        {name: pd.Series(held, dtype=_dtype(name)) for name, held in columns.items()}
    )


def _dtype(column: str) -> str:
    """Return object for names, so that an absent one stays None."""
    return {"threshold": "float64", "unsafe_cells": "int64"}.get(column, "object")

"""`createSdcObj`, `undolast` and `extractManipData`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.compat.sdcmicro.inputs import Compat, as_frame, names_of, reproduces, require
from midi_risk.compat.sdcmicro.object import Ghosts, SdcObj
from midi_risk.compat.sdcmicro.script import Step
from midi_risk.errors import MeasureError

Order = Literal["no", "simple", "byHH", "withinHH"]


def createSdcObj(
    dat: Any,
    keyVars: Hashable | Sequence[Hashable],
    numVars: Sequence[Hashable] | None = None,
    pramVars: Sequence[Hashable] | None = None,
    ghostVars: Mapping[Any, Any] | Sequence[Any] | None = None,
    weightVar: Hashable | None = None,
    hhId: Hashable | None = None,
    strataVar: Hashable | None = None,
    sensibleVar: Hashable | Sequence[Hashable] | None = None,
    excludeVars: Sequence[Hashable] | None = None,
    options: str | None = None,
    seed: int | None = None,
    randomizeRecords: bool = False,
    alpha: float = 1.0,
    *,
    w: Hashable | None = None,
    compat: Compat = None,
) -> SdcObj:
    """Give the columns of a table their roles and measure its risk.

    Parameters
    ----------
    dat : table
        One row per record; it is copied.
    keyVars : hashable or sequence of hashable
        Categorical key variables, of any type.
    numVars, pramVars, excludeVars : sequence of hashable, optional
        Numeric variables; variables to randomise; columns to leave out.
    ghostVars : mapping or sequence of pairs, optional
        Key (or keys) -> columns that take over its suppressions.
    weightVar, hhId, strataVar : hashable, optional
        Sampling weight, household, and strata of suppression and perturbation.
    sensibleVar : hashable or sequence of hashable, optional
        Sensitive variables, for `ldiversity`.
    options : str, optional
        Accepted as in R; steps can be undone without limit.
    seed : int, optional
        Seed of the random steps.
    randomizeRecords : bool
        Shuffle the records first.
    alpha : float
        Share in which a missing key counts as a match.
    w : hashable, optional
        Short for `weightVar`, as many examples in R write it.
    compat : {None, "5.8"}
        Reproduce the numbers of sdcMicro 5.8 in all later steps.

    Returns
    -------
    SdcObj

    Raises
    ------
    MeasureError
        If a column is absent, has two roles that exclude each other, or there are no records.

    Examples
    --------
    >>> table = {"age": [61, 61, 70], "sex": ["M", "M", "F"], "w": [10, 20, 10]}
    >>> obj = createSdcObj(table, keyVars=["age", "sex"], weightVar="w")
    >>> round(obj.risk["global"]["risk_ER"], 4)
    0.3711
    """
    reproduces(compat)
    if w is not None:
        if weightVar is not None:
            raise MeasureError("The weight is given twice", hint="Give weightVar or w")
        weightVar = w
    keys = names_of(keyVars, what="keyVars")
    numbers = names_of(numVars, what="numVars")
    randomised = names_of(pramVars, what="pramVars")
    sensitive = names_of(sensibleVar, what="sensibleVar")
    dropped = names_of(excludeVars, what="excludeVars")
    ghosts = _ghosts(ghostVars)
    frame = as_frame(dat)
    single = [name for name in (weightVar, hhId, strataVar) if name is not None]
    haunted = [name for held, followers in ghosts for name in (*held, *followers)]
    require(frame, [*keys, *numbers, *randomised, *sensitive, *dropped, *single, *haunted])
    if not keys or not len(frame):
        raise MeasureError("createSdcObj needs records and key variables")
    followers = [name for _, held in ghosts for name in held]
    for names, roles in (
        (numbers, "keyVars and numVars"),
        (sensitive, "keyVars and sensibleVar"),
        (followers, "keyVars and ghostVars"),
        (single, "keyVars and weightVar, hhId or strataVar"),
        (dropped, "keyVars and excludeVars"),
    ):
        both = [name for name in names if name in keys]
        if both:
            raise MeasureError(f"Column {both[0]!r} is in {roles}", hint="Give it one role")
    arguments = {
        "keyVars": keys,
        "numVars": numbers or None,
        "pramVars": randomised or None,
        "ghostVars": [list(pair) for pair in ghosts] or None,
        "weightVar": weightVar,
        "hhId": hhId,
        "strataVar": strataVar,
        "sensibleVar": sensitive or None,
        "excludeVars": dropped or None,
        "options": options,
        "seed": seed,
        "randomizeRecords": True if randomizeRecords else None,
        "alpha": None if alpha == 1 else alpha,
    }
    frame = frame.drop(columns=list(dropped))
    if randomizeRecords:
        frame = frame.iloc[np.random.default_rng(seed).permutation(len(frame))]
    frame = frame.reset_index(drop=True).copy()
    return SdcObj(
        original=frame,
        current=frame,
        keyVars=keys,
        numVars=numbers,
        pramVars=randomised,
        ghostVars=ghosts,
        weightVar=weightVar,
        hhId=hhId,
        strataVar=strataVar,
        sensibleVar=sensitive,
        excludeVars=dropped,
        alpha=alpha,
        seed=seed,
        compat=compat,
        steps=(Step(function="createSdcObj", arguments=arguments),),
    )


def _ghosts(given: Mapping[Any, Any] | Sequence[Any] | None) -> Ghosts:
    pairs = given.items() if isinstance(given, Mapping) else (given or ())
    return tuple(
        (names_of(keys, what="ghostVars"), names_of(held, what="ghostVars")) for keys, held in pairs
    )


def undolast(obj: SdcObj) -> SdcObj:
    """Return the object before the last step; without steps, the object itself.

    Parameters
    ----------
    obj : SdcObj

    Returns
    -------
    SdcObj
    """
    return obj if obj.prev is None else obj.prev


def extractManipData(
    obj: SdcObj,
    ignoreKeyVars: bool = False,
    ignorePramVars: bool = False,
    ignoreNumVars: bool = False,
    ignoreGhostVars: bool = False,
    ignoreStrataVar: bool = False,
    randomizeRecords: Order = "no",
) -> pd.DataFrame:
    """Return the table as it is now.

    Parameters
    ----------
    obj : SdcObj
    ignoreKeyVars, ignorePramVars, ignoreNumVars, ignoreGhostVars, ignoreStrataVar : bool
        Take these columns from the original instead.
    randomizeRecords : {"no", "simple", "byHH", "withinHH"}
        Shuffle the records, the households as blocks, or the records within each household; with
        the seed of the object.

    Returns
    -------
    pandas.DataFrame
        A copy, all columns in their first order.

    Raises
    ------
    MeasureError
        If the order is not known or needs households that are not there.
    """
    if randomizeRecords not in ("no", "simple", "byHH", "withinHH"):
        raise MeasureError("randomizeRecords is 'no', 'simple', 'byHH' or 'withinHH'")
    frame = obj.current.copy()
    ignored: list[Any] = []
    for ignore, names in (
        (ignoreKeyVars, obj.keyVars),
        (ignorePramVars, obj.pramVars),
        (ignoreNumVars, obj.numVars),
        (ignoreGhostVars, [name for _, held in obj.ghostVars for name in held]),
        (ignoreStrataVar, [] if obj.strataVar is None else [obj.strataVar]),
    ):
        ignored += names if ignore else []
    for name in ignored:
        frame[name] = obj.original[name]
    if randomizeRecords == "no":
        return frame
    rng = np.random.default_rng(obj.seed)
    shuffled = rng.permutation(len(frame))
    if randomizeRecords != "simple":
        if obj.hhId is None:
            raise MeasureError(
                f"randomizeRecords='{randomizeRecords}' needs households",
                hint="Give hhId to createSdcObj",
            )
        house = pd.factorize(frame[obj.hhId], use_na_sentinel=False)[0]
        if randomizeRecords == "byHH":
            place = rng.permutation(int(house.max()) + 1)[house]
            shuffled = np.argsort(place, kind="stable")
        else:
            within = np.lexsort((rng.random(len(frame)), house))
            shuffled = np.empty(len(frame), dtype=np.int64)
            shuffled[np.argsort(house, kind="stable")] = within
    return frame.iloc[shuffled].reset_index(drop=True)

"""The object that sdcMicro's steps work on; each step returns a new one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import pandas as pd

from midi_risk.compat.sdcmicro.inputs import Compat
from midi_risk.compat.sdcmicro.measured import MeasuredRisk, measured_risk
from midi_risk.compat.sdcmicro.script import Language, Step, script_of

Ghosts = tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]
Extra = Callable[["SdcObj"], Any]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SdcObj:
    """A table with its roles, its history and its risk before and after.

    Made by `createSdcObj`. Every step returns a new object and leaves this one as it is, so that
    two strategies can start from the same place and any number of steps can be undone.

    Parameters
    ----------
    original, current : pandas.DataFrame
        The table before all steps and now; use `origData` and `extractManipData`, which copy.
    keyVars, numVars, pramVars : tuple
        Categorical keys, numeric variables and variables to randomise.
    ghostVars : tuple
        Pairs (keys, columns that take over their suppressions).
    weightVar, hhId, strataVar : hashable or None
    sensibleVar, excludeVars : tuple
    alpha : float
        Share in which a missing key counts as a match.
    seed : int or None
    max_global_risk : float
    compat : {None, "5.8"}
    steps : tuple of Step
    prev : SdcObj or None
        The object before the last step.
    extras : mapping
        Measures that were asked for, computed anew after each step.
    """

    original: pd.DataFrame
    current: pd.DataFrame
    keyVars: tuple[Any, ...]
    numVars: tuple[Any, ...] = ()
    pramVars: tuple[Any, ...] = ()
    ghostVars: Ghosts = ()
    weightVar: Hashable | None = None
    hhId: Hashable | None = None
    strataVar: Hashable | None = None
    sensibleVar: tuple[Any, ...] = ()
    excludeVars: tuple[Any, ...] = ()
    alpha: float = 1.0
    seed: int | None = None
    max_global_risk: float = 0.01
    compat: Compat = None
    steps: tuple[Step, ...] = ()
    prev: SdcObj | None = None
    extras: Mapping[str, Extra] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say how many, never which."""
        return (
            f"<SdcObj: {len(self.current)} records, {len(self.keyVars)} key variables, "
            f"{len(self.steps) - 1} steps>"
        )

    @property
    def origData(self) -> pd.DataFrame:
        """The table before all steps, a copy."""
        return self.original.copy()

    @property
    def manipKeyVars(self) -> pd.DataFrame:
        """The keys as they are now, a copy."""
        return self.current[list(self.keyVars)].copy()

    @property
    def manipNumVars(self) -> pd.DataFrame:
        """The numeric variables as they are now, a copy."""
        return self.current[list(self.numVars)].copy()

    @property
    def manipPramVars(self) -> pd.DataFrame:
        """The randomised variables as they are now, a copy."""
        return self.current[list(self.pramVars)].copy()

    @property
    def manipGhostVars(self) -> pd.DataFrame:
        """The ghost variables as they are now, a copy."""
        return self.current[[name for _, held in self.ghostVars for name in held]].copy()

    @cached_property
    def origin(self) -> SdcObj:
        """The object as it was created."""
        first = self
        while first.prev is not None:
            first = first.prev
        return first

    @cached_property
    def measured(self) -> MeasuredRisk:
        """Risk of the table as it is now."""
        return measured_risk(
            self.current,
            self.keyVars,
            self.weightVar,
            missing=None,
            hid=self.hhId,
            max_global_risk=self.max_global_risk,
            alpha=self.alpha,
            compat=self.compat,
        )

    @cached_property
    def risk(self) -> Mapping[str, Any]:
        """Risk as it is now: `global`, `individual`, and each further measure asked for."""
        found = self.measured
        total: dict[str, Any] = {
            "risk": found.global_risk,
            "risk_ER": found.global_risk_ER,
            "risk_pct": found.global_risk_pct,
            "threshold": found.global_threshold,
            "threshold_status": found.threshold_status,
            "max_risk": found.max_global_risk,
        }
        if found.hier_risk_ER is not None:
            total |= {
                "hier_risk_ER": found.hier_risk_ER,
                "hier_risk": found.hier_risk,
                "hier_risk_pct": found.hier_risk_pct,
            }
        slots: dict[str, Any] = {"global": MappingProxyType(total), "individual": found.Res}
        slots |= {name: measure(self) for name, measure in self.extras.items()}
        return MappingProxyType(slots)

    @property
    def originalRisk(self) -> Mapping[str, Any]:
        """Risk before all steps."""
        return self.origin.risk

    @property
    def localSuppression(self) -> Mapping[str, int]:
        """Keys that became missing, by name, since the object was created."""
        lost = self.current[list(self.keyVars)].isna() & self.original[list(self.keyVars)].notna()
        return MappingProxyType({name: int(lost[name].sum()) for name in self.keyVars})

    def script(self, language: Language = "R") -> str:
        """Return the steps as a program.

        Parameters
        ----------
        language : {"R", "python"}

        Returns
        -------
        str
            It holds the levels that recoding steps name.
        """
        return script_of(self.steps, language, compat=self.compat)

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return ``function(self, *args, **kwargs)``, so that steps can be written in a row.

        Parameters
        ----------
        function : callable
            A function of this package, such as `kAnon`.
        *args, **kwargs
            Its further arguments.
        """
        return function(self, *args, **kwargs)

    def stepped(self, step: Step, **changes: Any) -> SdcObj:
        """Return the object after a step.

        Parameters
        ----------
        step : Step
        **changes
            Fields that the step changes. Ghost variables follow a new `current`.

        Returns
        -------
        SdcObj
        """
        if "current" in changes:
            changes["current"] = self._haunted(changes["current"])
        return replace(self, steps=(*self.steps, step), prev=self, **changes)

    def _haunted(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Suppress ghost variables where one of their keys has been suppressed."""
        for keys, ghosts in self.ghostVars:
            lost = (
                frame[list(keys)].isna().to_numpy() & self.original[list(keys)].notna().to_numpy()
            ).any(axis=1)
            frame = frame.copy()
            for name in ghosts:
                frame[name] = frame[name].mask(lost)
        return frame

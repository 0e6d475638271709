"""The steps of an object as an R script, or as Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from midi_risk.errors import MeasureError

Language = Literal["R", "python"]

_FORMULA = "formulaM"

RANDOM = "random: R draws other numbers from the same seed"
"""Note of a random step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call on an object.

    Parameters
    ----------
    function : str
        Name of the function, the same in R and Python.
    arguments : mapping of str to object
        Arguments besides the object, by name.
    seed : int, optional
        Seed of a random step.
    note : str
        What a reader of the script must know.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seed: int | None = None
    note: str = ""


def script_of(steps: Sequence[Step], language: Language = "R", *, compat: str | None = None) -> str:
    """Write steps as a program.

    Parameters
    ----------
    steps : sequence of Step
        The first creates the object.
    language : {"R", "python"}
    compat : {None, "5.8"}
        Mode of the object, for Python.

    Returns
    -------
    str
        Ends with a line break.

    Raises
    ------
    MeasureError
        For another language.

    Examples
    --------
    >>> steps = [Step(function="createSdcObj", arguments={"keyVars": ("age", "sex")}),
    ...          Step(function="kAnon", arguments={"k": 3})]
    >>> print(script_of(steps).splitlines()[-1])
    sdc <- kAnon(sdc, k = 3)
    """
    if language not in ("R", "python"):
        raise MeasureError("A script is written in 'R' or 'python'")
    lines = list(_HEAD[language])
    for place, step in enumerate(steps):
        if step.note:
            lines.append(f"# {step.note}")
        arguments = {name: value for name, value in step.arguments.items() if value is not None}
        if language == "R":
            if step.seed is not None and "seed" not in arguments:
                lines.append(f"set.seed({step.seed})")
            listed = ", ".join(
                f"{name} = {value if name == _FORMULA else _r(value)}"
                for name, value in arguments.items()
            )
            target = "dat" if place == 0 else "sdc"
            lines.append(f"sdc <- {step.function}({', '.join(filter(None, [target, listed]))})")
        else:
            if step.seed is not None:
                arguments.setdefault("seed", step.seed)
            if place == 0 and compat is not None:
                arguments["compat"] = compat
            listed = ", ".join(f"{name}={_python(value)}" for name, value in arguments.items())
            target = "data" if place == 0 else "obj"
            lines.append(f"obj = sdc.{step.function}({', '.join(filter(None, [target, listed]))})")
    return "\n".join(lines) + "\n"


_HEAD: Mapping[str, tuple[str, ...]] = {
    "R": ("library(sdcMicro)", 'dat <- read.csv("data.csv", check.names = FALSE)'),
    "python": (
        "import pandas as pd",
        "from midi_risk.compat import sdcmicro as sdc",
        "",
        'data = pd.read_csv("data.csv")',
    ),
}


def _r(value: Any) -> str:
    """Write a value in R."""
    if value is None or isinstance(value, bool | np.bool_):
        return "NULL" if value is None else str(bool(value)).upper()
    if isinstance(value, str):
        inside = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{inside.replace(chr(13), chr(92) + "r")}"'
    if isinstance(value, float | np.floating):
        return _r_number(float(value))
    if isinstance(value, Mapping):
        return f"list({', '.join(f'{name} = {_r(held)}' for name, held in value.items())})"
    if isinstance(value, Sequence | np.ndarray):
        listed = list(value)
        nested = any(isinstance(one, Sequence) and not isinstance(one, str) for one in listed)
        inside = ", ".join(_r(one) for one in listed)
        return f"list({inside})" if nested else (inside if len(listed) == 1 else f"c({inside})")
    return str(value)


def _r_number(value: float) -> str:
    if np.isnan(value):
        return "NA"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _python(value: Any) -> str:
    """Write a value in Python."""
    if isinstance(value, float) and not np.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_python(name)}: {_python(held)}" for name, held in value.items())
        return f"{{{inside}}}"
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return f"[{', '.join(_python(one) for one in value)}]"
    return repr(value)

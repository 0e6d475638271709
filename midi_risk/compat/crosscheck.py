"""pycanon and midi-risk on one table, measure by measure."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.compat.pycanon import anonymity, metrics
from midi_risk.compat.pycanon.divergences import KNOWN
from midi_risk.errors import CoverageWarning, MidiRiskError
from midi_risk.risk.classes.classes import equivalence_classes

Status = Literal["agree", "known divergence", "different"]

_RELATIVE = 1e-9
_MEASURES = (
    ("k-anonymity k", "k_anonymity", None),
    ("(alpha,k) alpha", "alpha_k_anonymity", 0),
    ("(alpha,k) k", "alpha_k_anonymity", 1),
    ("distinct l", "l_diversity", None),
    ("entropy l", "entropy_l_diversity", None),
    ("recursive (c,l) c", "recursive_c_l_diversity", 0),
    ("basic beta", "basic_beta_likeness", None),
    ("enhanced beta", "enhanced_beta_likeness", None),
    ("delta", "delta_disclosure", None),
    ("t", "t_closeness", None),
)
_METRICS = (("maximum risk", "max_rir"), ("average risk", "average_rir"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measure, computed twice.

    Parameters
    ----------
    measure : str
    gen : bool
        Reading of several sensitive attributes: each alone, or the others as quasi-identifiers.
    ours : float
    theirs : float or None
        None when pycanon failed.
    failure : str
        Type of pycanon's exception.
    status : {"agree", "known divergence", "different"}
    divergence : str
        Name in `midi_risk.compat.pycanon.divergences.KNOWN`.
    """

    measure: str
    gen: bool
    ours: float
    theirs: float | None
    failure: str = ""
    status: Status
    divergence: str = ""

    @property
    def reason(self) -> str:
        """Why the two differ; empty when they agree or nobody knows."""
        return KNOWN.get(self.divergence, "")


def load_pycanon() -> tuple[Any, Any, str]:
    """Return pycanon's modules for anonymity and metrics, and its version.

    Raises
    ------
    MidiRiskError
        When it is not installed.
    """
    try:
        import pycanon  # noqa: PLC0415  # optional
        from pycanon import anonymity as theirs  # noqa: PLC0415
        from pycanon import metrics as their_metrics  # noqa: PLC0415
    except ImportError:
        raise MidiRiskError(
            "pycanon is not installed",
            hint="Install it in an environment of its own, since it pins old versions:"
            " pip install 'midi-risk[pycanon]'",
        ) from None
    return theirs, their_metrics, str(getattr(pycanon, "__version__", "unknown"))


def crosscheck(
    data: pd.DataFrame, quasi_ident: Sequence[Any], sens_att: Sequence[Any]
) -> tuple[Comparison, ...]:
    """Compute every measure with pycanon and with midi-risk.

    Parameters
    ----------
    data : pandas.DataFrame
    quasi_ident, sens_att : sequence
        Column names.

    Returns
    -------
    tuple of Comparison
        With several sensitive attributes, each measure of them under both readings.

    Raises
    ------
    MidiRiskError
        When pycanon is not installed.
    MeasureError
        When the table or a column cannot be assessed.
    """
    theirs, their_metrics, _ = load_pycanon()
    keys, secrets = list(quasi_ident), list(sens_att)
    frame = data.reset_index(drop=True)
    found = []
    for gen in (True, False) if len(secrets) > 1 else (True,):
        for label, function, place in _MEASURES:
            if function == "k_anonymity":
                if not gen:
                    continue
                given: dict[str, Any] = {"quasi_ident": keys}
            else:
                given = {"quasi_ident": keys, "sens_att": secrets, "gen": gen}
            ours = _ours(getattr(anonymity, function), frame, given, place)
            other, failure = _called(getattr(theirs, function), frame, given, place)
            found.append(_compared(label, gen, ours, other, failure, frame, keys, secrets))
    for label, function in _METRICS:
        given = {"quasi_ident": keys}
        ours = _ours(getattr(metrics, function), frame, given, None)
        other, failure = _called(getattr(their_metrics, function), frame, given, None)
        found.append(_compared(label, True, ours, other, failure, frame, keys, secrets))
    return tuple(found)


def _ours(
    function: Callable[..., Any], frame: pd.DataFrame, given: Mapping[str, Any], place: int | None
) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoverageWarning)
        value = function(frame, **given)
    return float(value if place is None else value[place])


def _called(
    function: Callable[..., Any], frame: pd.DataFrame, given: Mapping[str, Any], place: int | None
) -> tuple[float | None, str]:
    """Call pycanon: its value, or the type of its exception, whose text may hold a value."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            value = function(frame, **given)
        return float(value if place is None else value[place]), ""
    except Exception as error:  # noqa: BLE001  # whatever it raises is a finding
        return None, type(error).__name__


def _same(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or math.isclose(
        ours, theirs, rel_tol=_RELATIVE, abs_tol=1e-12
    )


def _compared(
    label: str,
    gen: bool,
    ours: float,
    theirs: float | None,
    failure: str,
    frame: pd.DataFrame,
    keys: list[Any],
    secrets: list[Any],
) -> Comparison:
    agree = theirs is not None and _same(ours, theirs)
    cause = "" if agree else _cause(label, gen, ours, theirs, frame, keys, secrets)
    status: Status = "agree" if agree else ("known divergence" if cause else "different")
    return Comparison(
        measure=label,
        gen=gen,
        ours=ours,
        theirs=theirs,
        failure=failure,
        status=status,
        divergence=cause,
    )


def _cause(
    label: str,
    gen: bool,
    ours: float,
    theirs: float | None,
    frame: pd.DataFrame,
    keys: list[Any],
    secrets: list[Any],
) -> str:
    """Return the name of the divergence that explains a difference, empty when none does."""
    # One call of pycanon returns alpha and k: when it fails, both are missing.
    needs_secret = label not in _OF_CLASSES or (label == "(alpha,k) k" and theirs is None)
    table_wide = _table_wide(frame, keys, secrets, needs_secret=needs_secret)
    if label == "recursive (c,l) c" and not gen and _readings_differ(frame, keys, secrets):
        return "recursive_l_of_the_other_reading"
    if theirs is not None:
        return _of_measure(label, ours, theirs, frame, keys) or table_wide
    return table_wide or (_undefined_t(frame, secrets) if label == "t" else "")


def _of_measure(
    label: str, ours: float, theirs: float, frame: pd.DataFrame, keys: list[Any]
) -> str:
    """Return the divergence of one measure that accounts for its two figures."""
    if label == "average risk":
        over_classes = float(np.mean(1 / equivalence_classes(frame, keys).sizes))
        return "average_risk_over_classes" if _same(over_classes, theirs) else ""
    accounts = {
        "recursive_c_ascending": label == "recursive (c,l) c" and not math.isnan(theirs),
        "enhanced_beta_no_certificate": label == "enhanced beta" and math.isinf(ours),
        "entropy_l_truncated": label == "entropy l"
        and math.floor(ours + _RELATIVE) - theirs in (0, 1),
    }
    return next((name for name, holds in accounts.items() if holds), "")


_OF_CLASSES = ("k-anonymity k", "(alpha,k) k", "maximum risk", "average risk")


def _table_wide(
    frame: pd.DataFrame, keys: list[Any], secrets: list[Any], *, needs_secret: bool
) -> str:
    """Return a property of the table on which pycanon fails for many measures."""
    if needs_secret and frame[secrets].isna().to_numpy().any():
        return "missing_sensitive"
    if len(keys) == 1:
        column = frame[keys[0]]
        if column.isna().any():
            return "single_quasi_identifier_drops_missing"
        if isinstance(column.dtype, pd.CategoricalDtype) and set(column.cat.categories) > set(
            column
        ):
            return "unused_category"
    return ""


def _readings_differ(frame: pd.DataFrame, keys: list[Any], secrets: list[Any]) -> bool:
    """Tell whether distinct l depends on the reading of several sensitive attributes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CoverageWarning)
        alone, joined = (
            anonymity.l_diversity(frame, keys, secrets, gen=gen) for gen in (True, False)
        )
    return alone != joined


def _undefined_t(frame: pd.DataFrame, secrets: list[Any]) -> str:
    """Return why pycanon has no t although one is defined."""
    for name in secrets:
        column = frame[name]
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
            return "dates_and_booleans"
        if pd.api.types.is_numeric_dtype(column) and column.min() == column.max():
            return "constant_number"
    return ""

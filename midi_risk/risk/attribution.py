"""Correct attribution probability (CAP, TCAP) of a secret from known attributes.

Elliot 2014; Taub, Elliot, Pampaka, Smith 2018, doi:10.1007/978-3-319-99771-1_9.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.columns import FloatArray, IntArray, as_names
from midi_risk.risk.joining import cells_of, joint_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionResult:
    """Correct attribution probability of a secret from known attributes.

    Parameters
    ----------
    cap : float
        Mean over originals of the share of equal released records with their secret; an
        original that no released record equals counts 0.
    cap_matched : float or None
        The same over originals that some released record equals.
    tcap : float or None
        Mean, over released records in classes with one secret (WEAP 1) that some original
        equals, of the share of these originals with that secret. None without any.
    baseline : float
        Share of the most frequent secret among the originals.
    matched, targeted : float
        Share of the originals that are matched, and of the released records that TCAP uses.
    """

    cap: float
    cap_matched: float | None
    tcap: float | None
    baseline: float
    matched: float
    targeted: float


def correct_attribution(
    original: Any, released: Any, known: Hashable | Sequence[Hashable], secret: Hashable
) -> AttributionResult:
    """Compute CAP and TCAP with their baseline.

    Parameters
    ----------
    original, released : table
        Both with the known attributes and the secret, written alike.
    known : hashable or sequence of hashable
        Attributes that the attacker knows.
    secret : hashable
        Attribute to infer.

    Returns
    -------
    AttributionResult

    Raises
    ------
    MeasureError
        If a table is empty.

    Examples
    --------
    >>> table = {"sex": list("MMFF"), "dx": ["GBM", "GBM", "AST", "OLI"]}
    >>> result = correct_attribution(table, table, "sex", "dx")
    >>> result.cap, result.tcap, result.baseline
    (0.75, 1.0, 0.5)
    """
    names = as_names(known, what="known attributes")
    theirs, ours, size = joint_codes(released, original, names)
    their_secret, our_secret, values = joint_codes(released, original, [secret])
    if not len(ours) or not len(theirs):
        raise MeasureError("Correct attribution needs records in both tables")
    cap, matched = _conditional(theirs, their_secret, ours, our_secret, size, values)
    back, found = _conditional(ours, our_secret, theirs, their_secret, size, values)
    held = np.bincount(cells_of(theirs, their_secret, values).group, minlength=size)
    targeted = found & (held[theirs] == 1)
    return AttributionResult(
        cap=float(cap.mean()),
        cap_matched=float(cap[matched].mean()) if matched.any() else None,
        tcap=float(back[targeted].mean()) if targeted.any() else None,
        baseline=float(np.bincount(our_secret, minlength=values).max() / len(ours)),
        matched=float(matched.mean()),
        targeted=float(targeted.mean()),
    )


def _conditional(
    group: IntArray, value: IntArray, asked: IntArray, wanted: IntArray, size: int, values: int
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return Pr(wanted | asked) in the first table, and where it has such records."""
    cells = cells_of(group, value, values)
    key = asked * values + wanted
    pairs = cells.group * values + cells.value
    place = np.minimum(np.searchsorted(pairs, key), len(pairs) - 1)
    hits = np.where(pairs[place] == key, cells.total[place], 0)
    whole = np.bincount(group, minlength=size)[asked]
    return hits / np.maximum(whole, 1), whole > 0

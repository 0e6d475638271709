"""Attacks by exact match, always against a control group.

Inferring what is typical is science; only the gain over people who are not in the data is
disclosure. The rates and their gain: Giomi et al. 2023, doi:10.56553/popets-2023-0055. Correct
attribution probability (CAP, TCAP): Elliot 2014; Taub, Elliot, Pampaka, Smith 2018,
doi:10.1007/978-3-319-99771-1_9.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.document.notebook import Card
from midi_risk.errors import ApproximationWarning, MeasureError
from midi_risk.risk.classes.columns import FloatArray, IntArray, as_names
from midi_risk.risk.classes.keys import cells_of, joint_codes

Z95 = 1.959963984540054


class Rate(NamedTuple):
    """Wilson estimate of a success rate, and half the width of its interval."""

    value: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRisk:
    """Gain of an attack over its control.

    Parameters
    ----------
    attack, control : Rate
        Success on people in the release, and on people who are not.
    value : float
        ``(attack - control) / (1 - control)``, not below 0.
    lower, upper : float
        95 % interval of the gain, within [0, 1].
    """

    attack: Rate
    control: Rate
    value: float
    lower: float
    upper: float


def wilson_rate(successes: int, attempts: int, *, z: float = Z95) -> Rate:
    """Estimate a success rate by Wilson's score method.

    Parameters
    ----------
    successes, attempts : int
    z : float
        Normal quantile of the interval.

    Returns
    -------
    Rate

    Raises
    ------
    MeasureError
        If there are no attempts or more successes than attempts.

    Examples
    --------
    >>> rate = wilson_rate(20, 500)
    >>> round(rate.value, 5), round(rate.error, 5)
    (0.04351, 0.01747)
    """
    if attempts < 1 or not 0 <= successes <= attempts:
        raise MeasureError("A rate needs attempts, and no more successes than attempts")
    value = (successes + z**2 / 2) / (attempts + z**2)
    spread = successes * (attempts - successes) / attempts + z**2 / 4
    return Rate(value, z / (attempts + z**2) * spread**0.5)


def attack_risk(
    successes: int, attempts: int, control_successes: int, control_attempts: int
) -> AttackRisk:
    """Compute the gain of an attack over its control group.

    Parameters
    ----------
    successes, attempts : int
        On people in the release.
    control_successes, control_attempts : int
        On people of the same population who are not in it.

    Returns
    -------
    AttackRisk

    Warns
    -----
    ApproximationWarning
        If the control does as well as the attack, which then shows nothing.

    Examples
    --------
    >>> round(attack_risk(20, 500, 10, 500).value, 5)
    0.02033
    """
    attack = wilson_rate(successes, attempts)
    control = wilson_rate(control_successes, control_attempts)
    gain = (attack.value - control.value) / (1 - control.value)
    by_attack = attack.error / (1 - control.value)
    by_control = (1 - attack.value) / (1 - control.value) ** 2 * control.error
    error = float(np.hypot(by_attack, by_control))
    if successes / attempts <= control_successes / control_attempts:
        warnings.warn(
            "The control group is found as often as the release: the attack shows no gain",
            ApproximationWarning,
            stacklevel=2,
        )
    return AttackRisk(
        attack=attack,
        control=control,
        value=max(gain, 0.0),
        lower=min(max(gain - error, 0.0), 1.0),
        upper=min(max(gain + error, 0.0), 1.0),
    )


def singling_out(released: Any, targets: Any, known: Hashable | Sequence[Hashable]) -> int:
    """Count the targets that exactly one released record equals on the known attributes.

    Parameters
    ----------
    released, targets : table
        Both with the known attributes, written alike.
    known : hashable or sequence of hashable
        Attributes that the attacker knows.

    Returns
    -------
    int
        Successes; run it on people in the release and on a control, then `attack_risk`.

    Examples
    --------
    >>> released = {"age": [61, 61, 70]}
    >>> singling_out(released, {"age": [70, 61]}, ["age"])
    1
    """
    ours, theirs, size = joint_codes(released, targets, as_names(known, what="known attributes"))
    return int(np.count_nonzero(np.bincount(ours, minlength=size)[theirs] == 1))


def linkability(
    released: Any,
    targets: Any,
    first: Hashable | Sequence[Hashable],
    second: Hashable | Sequence[Hashable],
) -> int:
    """Count the targets whose two parts lead to the same single released record.

    Parameters
    ----------
    released, targets : table
        Both with all attributes.
    first, second : hashable or sequence of hashable
        Attributes that two sources hold of the same person.

    Returns
    -------
    int
        Successes, see `singling_out`.

    Examples
    --------
    >>> released = {"age": [61, 70], "sex": ["F", "M"]}
    >>> linkability(released, {"age": [61, 70], "sex": ["F", "F"]}, ["age"], ["sex"])
    1
    """
    found = []
    for part in (first, second):
        ours, theirs, size = joint_codes(released, targets, as_names(part, what="attributes"))
        single = np.bincount(ours, minlength=size) == 1
        owner = np.full(size, -1, dtype=np.int64)
        owner[ours] = np.arange(len(ours))
        found.append(np.where(single[theirs], owner[theirs], -1))
    return int(np.count_nonzero((found[0] >= 0) & (found[0] == found[1])))


def inference(
    released: Any, targets: Any, known: Hashable | Sequence[Hashable], secret: Hashable
) -> int:
    """Count the targets whose secret is the most frequent one among equal released records.

    Parameters
    ----------
    released, targets : table
        Both with the known attributes and the secret.
    known : hashable or sequence of hashable
        Attributes that the attacker knows.
    secret : hashable
        Attribute to guess. Targets that no released record equals are guessed by the most
        frequent value of the release. Ties go to the value seen first.

    Returns
    -------
    int
        Successes, see `singling_out`.

    Examples
    --------
    >>> released = {"age": [61, 61, 70], "dx": ["A", "A", "B"]}
    >>> inference(released, {"age": [61, 70], "dx": ["A", "A"]}, ["age"], "dx")
    1
    """
    ours, theirs, size = joint_codes(released, targets, as_names(known, what="known attributes"))
    mine, truth, values = joint_codes(released, targets, [secret])
    counts = cells_of(ours, mine, values)
    best = np.full(size, int(np.bincount(mine, minlength=values).argmax()))
    order = np.lexsort((-counts.first, counts.total, counts.group))
    best[counts.group[order]] = counts.value[order]
    return int(np.count_nonzero(best[theirs] == truth))


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionResult(Card):
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

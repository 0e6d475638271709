"""Registers that the judged model has not seen: the other half of the release, or a given one.

A model is never tested on populations that it drew itself: it would always pass. Half of the
release, fitted alone, predicts what an intruder achieves who has the other half as well. It
shows missing dependence, wrong smoothing and faults of the program; it cannot show how subjects
came into the collection, nor values so rare that both halves miss them. A passed attack never
improves a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from midi_risk.errors import MeasureError
from midi_risk.risk.attacks.intruder import IntruderResult, simulate_intruder
from midi_risk.risk.channels.rates import binomial_band
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.population.ensemble import fit_halves
from midi_risk.risk.population.laws import class_law
from midi_risk.risk.population.network import Floats, Ints

SPLITS = 20
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """What an intruder achieves who has the half of the release that was held back.

    Parameters
    ----------
    whole : IntruderResult
        Look-ups over all splits, by drawing.
    achieved : float
        Mean over splits of the mean of 1 / (f + b), b the members in the other half: counted.
    achieved_spread : float
        Standard deviation of it between splits.
    predicted : float
        The same from the first half alone, by the model that is judged; 1/f where none is.
    z : float or None
        Gap over its spread: of achieved and predicted between splits, and of the law of the model;
        None where there is none.
    model : str
        The model, or why it is 1/f.
    splits : int
    """

    whole: IntruderResult
    achieved: float
    achieved_spread: float
    predicted: float
    z: float | None
    model: str
    splits: int


def held_back(
    codes: Ints,
    cells: Ints | None,
    *,
    modelled: bool,
    attempts: int,
    rng: np.random.Generator,
    splits: int = SPLITS,
    coverage: float = 1.0,
    error_rate: float = 0.0,
    k: int = 11,
    given: Sequence[int] = (),
) -> HeldBack:
    """Attack one half of a release with a register of all of it.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        What the intruder knows.
    cells : numpy.ndarray of int64, shape (n,), or None
        Cell of the population table of each record.
    modelled : bool
        Whether a model is judged; else the prediction is 1/f.
    attempts, splits : int
        Look-ups per split, and splits.
    rng : numpy.random.Generator
    coverage, error_rate : float
        Of the register, as in `simulate_intruder`.
    k : int
        Class size that is required.
    given : sequence of int
        Columns that the population table knows.

    Raises
    ------
    MeasureError
        When there are fewer than two records.

    Examples
    --------
    >>> codes = np.random.default_rng(1).integers(0, 5, (400, 2))
    >>> found = held_back(
    ...     codes, None, modelled=True, attempts=50, rng=np.random.default_rng(2), splits=4
    ... )
    >>> found.model, abs(found.predicted / found.achieved - 1) < 0.1
    ('network', True)
    """
    n = len(codes)
    if n < 2:
        raise MeasureError("a half can be held back of two subjects or more")
    where = np.zeros(n, np.int64) if cells is None else cells
    name = "network" if modelled else "1/f is judged"
    achieved, predicted, own, found = [], [], [], []
    for _ in range(splits):
        order = rng.permutation(n)
        mine, other = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
        half = fit_halves(codes, where, mine, other, given) if modelled else None
        if isinstance(half, str):
            name, half = f"1/f: {half}", None
        classes = EquivalenceClasses.from_codes(codes[mine])
        size, met = _alike(codes, mine, other, classes)
        weight = classes.counts / classes.n
        achieved.append(float(weight @ (1 / (size + met))))
        if half is None:
            predicted.append(float(weight @ (1 / size)))
        else:
            part = half.prediction
            law = class_law(half.size, half.trials, part.share, part.variation)
            first, second = law.moments()
            share = half.size / half.size.sum()
            predicted.append(float(share @ first))
            own.append(float(share**2 @ np.maximum(second - first**2, 0)))
        found.append(
            simulate_intruder(
                codes[mine], (size + met).astype(np.int64), attempts=attempts, rng=rng,
                coverage=coverage, error_rate=error_rate, k=k,
            )
        )  # fmt: skip
    gap = float(np.mean(achieved) - np.mean(predicted))
    spreads = [np.std(part, ddof=1) if splits > 1 else 0.0 for part in (achieved, predicted)]
    spread = float(np.sqrt(spreads[0] ** 2 + spreads[1] ** 2 + (np.mean(own) if own else 0.0)))
    return HeldBack(
        whole=_added(found, float(np.mean(predicted))),
        achieved=float(np.mean(achieved)),
        achieved_spread=float(spreads[0]),
        predicted=float(np.mean(predicted)),
        z=gap / spread if spread > 0 else None,
        model=name,
        splits=splits,
    )


def _alike(
    codes: Ints, mine: Ints, other: Ints, classes: EquivalenceClasses
) -> tuple[Floats, Floats]:
    """Return the size of each class of one half, and its members in the other."""
    both = EquivalenceClasses.from_codes(codes[np.concatenate([mine, other])])
    members = np.bincount(both.class_of_record[len(mine) :], minlength=both.n_classes)
    place = both.class_of_record[: len(mine)][classes.first_records()]
    return np.asarray(classes.sizes, np.float64), members[place].astype(np.float64)


def _added(parts: Sequence[IntruderResult], predicted: float) -> IntruderResult:
    return IntruderResult(
        attempts=sum(p.attempts for p in parts),
        suspected=sum(p.suspected for p in parts),
        suspected_correct=sum(p.suspected_correct for p in parts),
        correct=sum(p.correct for p in parts),
        candidates=float(np.mean([p.candidates for p in parts])),
        predicted=predicted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterAttack:
    """What an intruder achieves with a register of real people.

    Parameters
    ----------
    subjects : int
    listed : int
        Subjects whom the register has somebody alike for; with a key, who are in it themselves.
    picks : float
        Expected right picks: the sum of 1 / R over listed subjects.
    rate : float
        Picks over subjects.
    interval : (float, float)
        Clopper-Pearson, of the picks rounded up.
    keyed : bool
        Whether the register says who is who.
    """

    subjects: int
    listed: int
    picks: float
    rate: float
    interval: tuple[float, float]
    keyed: bool


def register_attack(alike: Ints, listed: NDArray[np.bool_], *, keyed: bool) -> RegisterAttack:
    """Look every subject up in a register.

    Parameters
    ----------
    alike : numpy.ndarray of int64, shape (n,)
        People of the register who look like each subject, R.
    listed : numpy.ndarray of bool, shape (n,)
        Whether the subject is among them; without a key, whether anybody is.
    keyed : bool
        Whether ``listed`` rests on a key.

    References
    ----------
    Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> found = register_attack(np.array([1, 4, 0]), np.array([True, True, False]), keyed=True)
    >>> found.picks, round(found.rate, 3)
    (1.25, 0.417)
    """
    n = len(alike)
    if not n:
        raise MeasureError("an intruder needs a record to look up")
    inside = np.asarray(listed, dtype=bool) & (alike > 0)
    picks = float((1 / np.maximum(alike, 1))[inside].sum())
    return RegisterAttack(
        subjects=n,
        listed=int(inside.sum()),
        picks=picks,
        rate=picks / n,
        interval=binomial_band(min(n, int(np.ceil(picks - 1e-9))), n),
        keyed=keyed,
    )

"""Several models of one population, each checked on the release, judged by the worst that passes.

Structural models (two dependence networks, a log-linear model) say what the classes of a
population are made of, and decide the maximum. The Pitman-Yor model and a copula are shown and
widen the mean. A class that rests on fewer than five subjects counts as seen in the release only.
No check sees how subjects were sampled: that is a statement (`midi_risk.threat.sampling`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from midi_risk.risk.population.copula import fit_copula
from midi_risk.risk.population.joint import (
    SharedParameters,
    joint_levels,
    joint_lower_size,
    share_at_risk,
)
from midi_risk.risk.population.laws import ClassLaw, Floats, class_law
from midi_risk.risk.population.loglinear import associated_pairs, cross_classify, fit_margins
from midi_risk.risk.population.network import Ints, Prediction, fit_network
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor

LEAST_SUBJECTS = 100
"""Subjects below which no model is fitted."""
LEAST_SUPPORT = 5
"""Subjects that a class has to rest on; else F = f."""
APART = 3.0
"""Means so many times apart disagree."""
NORMAL_90 = 1.645
SPLITS = 5
CHECKED = 2
HALF = 20_000
LOG_LINEAR_CELLS = 300_000
TAU2 = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)
_Z, _RELATIVE = 2.5, 0.10

Fit = Callable[[Ints, Ints], "Prediction | str"]
"""(codes, a record of each class) -> shares, or why there are none."""


def _network(given: Sequence[int], form: str) -> Fit:
    def fit(codes: Ints, records: Ints) -> Prediction | str:
        network = fit_network(codes, given, form="rich" if form == "rich" else "selected")
        return network.predict(records)

    return fit


def _log_linear(codes: Ints, records: Ints) -> Prediction | str:
    """Fit main effects and the pairs whose deviance is worth its parameters."""
    cells = cross_classify(codes, impossible=(), cell_limit=LOG_LINEAR_CELLS)
    if isinstance(cells, str):
        return cells
    if cells.count > LOG_LINEAR_CELLS:
        return f"the table has more than {LOG_LINEAR_CELLS:,} cells"
    pairs = associated_pairs(cells)
    fit = fit_margins(cells, pairs)
    if not fit.converged:
        return "the fit does not converge"
    place = cells.place[records]
    covered = {at for pair in pairs for at in pair}
    margins = [*pairs, *((at,) for at in range(len(cells.levels)) if at not in covered)]
    which, counts, offset = [], [], 0
    for kept in margins:
        _, number = np.unique(cells.index[:, list(kept)], axis=0, return_inverse=True)
        number = number.reshape(-1)
        total = np.bincount(number, weights=cells.sizes)
        which.append(offset + number[place])
        counts.append(total[number][place])
        offset += len(total)
    margin = np.column_stack(counts)
    return Prediction(
        share=np.minimum(fit.means[place] / cells.sizes.sum(), 1.0),
        variation=(1 / margin).sum(axis=1),
        support=margin.min(axis=1).astype(np.float64),
        parameters=SharedParameters(which=np.column_stack(which), variation=1 / margin),
    )


def _pitman_yor(codes: Ints, records: Ints) -> Prediction | str:
    """Return the beta laws that the Pitman-Yor posterior of each class is."""
    _, place, sizes = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    fit = fit_pitman_yor(sizes)
    if not isinstance(fit, PitmanYor):
        return fit.reason
    n, f = len(codes), sizes[place.reshape(-1)[records]].astype(np.float64)
    share = np.clip((f - fit.alpha) / (n + fit.theta), 1e-12, 1.0)
    return Prediction(
        share=share,
        variation=(1 - share) / (share * (n + fit.theta + 1)),
        support=np.full(len(records), np.inf),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfFit:
    """A model of one half of the release, and what the other half holds of its classes.

    Parameters
    ----------
    size, counts : numpy.ndarray
        Class sizes of the half, shape (c,).
    record : numpy.ndarray
        A record of each class, numbered as in the release.
    inside : numpy.ndarray
        Subjects of the half in the cell of the table of each class.
    trials, met : numpy.ndarray
        Subjects of the other half in that cell, and in the class.
    prediction : Prediction
    """

    size: Floats
    record: Ints
    inside: Floats
    trials: Floats
    met: Floats
    prediction: Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How the model of one half predicts the other.

    Parameters
    ----------
    z_match, z_alone : float
        Standardised gap between achieved and predicted matches, and uniques without a partner.
    relative_match, relative_alone : float
        The same gaps relative to what was predicted.
    tau2 : float
        Variation between classes that the parameters do not explain.
    """

    z_match: float
    z_alone: float
    relative_match: float
    relative_alone: float
    tau2: float

    @property
    def passed(self) -> bool:
        """Whether neither gap is both significant and larger than a tenth."""
        return not any(
            abs(z) > _Z and abs(relative) > _RELATIVE
            for z, relative in (
                (self.z_match, self.relative_match),
                (self.z_alone, self.relative_alone),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One model, fitted to the release and to halves of it.

    Parameters
    ----------
    name : str
    structural : bool
        Whether it may decide a maximum.
    prediction : Prediction or None
    reason : str
        Why there is none.
    halves : tuple of (HalfFit, HalfFit)
    check : Check or None
    """

    name: str
    structural: bool
    prediction: Prediction | None
    reason: str = ""
    halves: tuple[tuple[HalfFit, HalfFit], ...] = ()
    check: Check | None = None

    @property
    def passed(self) -> bool:
        """Whether it was fitted and its check does not reject it."""
        return self.prediction is not None and (self.check is None or self.check.passed)


def _classes_of(codes: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the class of each record, a record of each class, and class sizes."""
    if not codes.shape[1]:
        return np.zeros(len(codes), np.int64), np.zeros(1, np.int64), np.array([len(codes)])
    key = np.zeros(len(codes), np.int64)
    for column in codes.T:  # ranks of prefixes: the order of rows, without sorting rows
        _, rank = np.unique(column, return_inverse=True)
        key = key * (int(rank.max()) + 1) + rank.reshape(-1)
        _, key = np.unique(key, return_inverse=True)
        key = key.reshape(-1).astype(np.int64)
    _, first, sizes = np.unique(key, return_index=True, return_counts=True)
    return key, first, sizes


def half_fit(codes: Ints, cells: Ints, fit: Fit, mine: Ints, other: Ints) -> HalfFit | str:
    """Fit a model to some records and count the others in its classes.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
    cells : numpy.ndarray of int64, shape (n,)
        Cell of the population table of each record; all 0 without a table.
    fit : callable
    mine, other : numpy.ndarray of int64
        Record numbers.
    """
    _, first, sizes = _classes_of(codes[mine])
    found = fit(codes[mine], first)
    if isinstance(found, str):
        return found
    place, _, _ = _classes_of(codes)
    record = mine[first]
    total = int(cells.max(initial=0)) + 1
    members = np.bincount(place[other], minlength=int(place.max()) + 1)
    return HalfFit(
        size=sizes.astype(np.float64),
        record=record,
        inside=np.bincount(cells[mine], minlength=total)[cells[record]].astype(np.float64),
        trials=np.bincount(cells[other], minlength=total)[cells[record]].astype(np.float64),
        met=members[place[record]].astype(np.float64),
        prediction=found,
    )


def fit_halves(
    codes: Ints, cells: Ints, mine: Ints, other: Ints, given: Sequence[int] = ()
) -> HalfFit | str:
    """Fit the network that is shown to some records, and count the others in its classes.

    Parameters
    ----------
    codes, cells, mine, other
        As in `half_fit`.
    given : sequence of int
        Columns whose joint a population table knows.
    """
    if len(mine) < LEAST_SUBJECTS // 2:
        return f"fewer than {LEAST_SUBJECTS} subjects support no model"
    return half_fit(codes, cells, _network(given, "selected"), mine, other)


def check_halves(halves: Sequence[HalfFit]) -> Check:
    """Compare what models of halves predict with what the other halves hold.

    Parameters
    ----------
    halves : sequence of HalfFit

    Notes
    -----
    Where the halves tell nothing of the variation between classes, the likelihood is flat and the
    largest is taken; it widens bounds and is not part of the figure that is shown.

    Achieved: the mean of f / (f + b) per subject of a half, b the members in the other; and the
    classes of one without a partner there. Both against their expectations.
    """
    tau2 = _own_variation(halves)
    match, alone = np.zeros(3), np.zeros(3)
    for half in halves:
        law = _law_of(half, half.trials, tau2)
        first, second = law.moments()
        weight = half.size / half.size.sum()
        match += [
            float(weight @ (1 / (half.size + half.met))),
            float(weight @ first),
            float(weight**2 @ np.maximum(second - first**2, 0)),
        ]
        lone = half.size == 1
        nobody = 1 - law.taking(lone).reached(2)
        alone += [
            float((half.met[lone] == 0).sum()),
            float(nobody.sum()),
            float((nobody * (1 - nobody)).sum()),
        ]
    (z1, r1), (z0, r0) = (_gap(*part) for part in (match, alone))
    return Check(z_match=z1, z_alone=z0, relative_match=r1, relative_alone=r0, tau2=tau2)


def _gap(found: float, expected: float, variance: float) -> tuple[float, float]:
    """Return the standardised and the relative gap."""
    gap = found - expected
    if abs(gap) < 1e-12:
        return 0.0, 0.0
    return gap / max(variance, 1e-18) ** 0.5, gap / max(expected, 1e-12)


def _law_of(half: HalfFit, trials: Floats, tau2: float, *, counted: bool = True) -> ClassLaw:
    part = half.prediction
    return class_law(half.size, trials, part.share, part.variation + tau2, counted=counted)


def _own_variation(halves: Sequence[HalfFit]) -> float:
    """Return the variation between classes under which the halves are most likely."""
    scores = []
    for tau2 in TAU2:
        score = 0.0
        for half in halves:
            part = half.prediction
            variation = np.maximum(part.variation + tau2, 1e-9)
            share = np.clip(part.share, 1e-12, 1 - 1e-9)
            strength = np.maximum((1 - share) / (share * variation) - 1, 1e-6)
            a, b = share * strength, (1 - share) * strength
            rest = np.maximum(half.trials - half.met, 0)
            score += float((special.betaln(half.met + a, rest + b) - special.betaln(a, b)).sum())
        scores.append(score)
    return TAU2[int(np.argmax(scores))]


def _members(given: Sequence[int]) -> tuple[tuple[str, bool, Fit], ...]:
    """Return name, whether it may decide a maximum, and how it is fitted."""
    networks = (
        ("network", True, _network(given, "selected")),
        ("rich network", True, _network(given, "rich")),
    )
    if given:
        return networks
    return (*networks, ("log-linear", True, _log_linear), ("pitman-yor", False, _pitman_yor))


def seed_of(codes: Ints) -> int:
    """Return a seed that depends on the release alone."""
    return zlib.crc32(np.ascontiguousarray(codes).tobytes())


@lru_cache(maxsize=8)
def _fitted(
    raw: bytes, shape: tuple[int, int], given: tuple[int, ...], raw_cells: bytes
) -> tuple[Fitted, ...]:
    codes = np.frombuffer(raw, dtype=np.int64).reshape(shape)
    cells = np.frombuffer(raw_cells, dtype=np.int64)
    _, records, _ = _classes_of(codes)
    rng = np.random.default_rng(seed_of(codes))
    splits = []
    for _ in range(SPLITS):
        order = rng.permutation(len(codes))
        middle = len(codes) // 2
        splits.append((np.sort(order[:middle][:HALF]), np.sort(order[middle:][:HALF])))
    found = []
    for name, structural, fit in _members(given):
        whole = fit(codes, records)
        if isinstance(whole, str):
            found.append(Fitted(name=name, structural=structural, prediction=None, reason=whole))
            continue
        halves: list[tuple[HalfFit, HalfFit]] = []
        for first, second in splits:
            pair = (
                half_fit(codes, cells, fit, first, second),
                half_fit(codes, cells, fit, second, first),
            )
            if isinstance(pair[0], HalfFit) and isinstance(pair[1], HalfFit):
                halves.append((pair[0], pair[1]))
        if structural and len(halves) < CHECKED:
            reason = "a half of the release is too small for it"
            found.append(Fitted(name=name, structural=structural, prediction=None, reason=reason))
            continue
        check = None
        if structural:
            check = check_halves([half for pair in halves[:CHECKED] for half in pair])
        found.append(
            Fitted(
                name=name, structural=structural, prediction=whole, halves=tuple(halves),
                check=check,
            )
        )  # fmt: skip
    return tuple(found)


def fit_members(codes: Ints, given: Sequence[int] = ()) -> tuple[Fitted, ...]:
    """Fit every model to the release and to halves of it; the last releases are remembered.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
    given : sequence of int
        Columns whose joint a population table knows; then networks alone are fitted.

    Returns
    -------
    tuple of Fitted
        Predictions are per class, in the order of `numpy.unique` over the rows.
    """
    table = np.ascontiguousarray(codes, dtype=np.int64)
    cells, _, _ = _classes_of(table[:, list(given)])
    shape = (table.shape[0], table.shape[1])
    return _fitted(table.tobytes(), shape, tuple(given), cells.astype(np.int64).tobytes())


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFigures:
    """What one model says of a population of some size.

    Parameters
    ----------
    name : str
    structural, passed : bool
    expected : numpy.ndarray
        E[1/F] of each class, shape (c,), with the uncertainty of the parameters alone.
    alone : numpy.ndarray
        P(F = 1) of each class, shape (c,).
    mean, low, high : float
        Mean over subjects and its interval.
    joint : int or None
        Simultaneous lower bound of F; None where it decides no maximum.
    lower : numpy.ndarray or None
        A lower size of each class that agrees with it.
    reached : numpy.ndarray or None
        P(F >= k) of each class.
    supported_mean : float
        Mean with 1/f where a class rests on too few subjects.
    thin : numpy.ndarray or None
        Whether a class does, bool, shape (c,).
    """

    name: str
    structural: bool
    passed: bool
    expected: Floats
    alone: Floats
    mean: float
    low: float
    high: float
    joint: int | None = None
    lower: Ints | None = None
    reached: Floats | None = None
    supported_mean: float = 0.0
    thin: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """People who could be in the classes of the release.

    Parameters
    ----------
    people : numpy.ndarray
        People in the cell of the table of each record, or the whole population, shape (n,).
    counted : bool
        Whether they were counted; else they are expected.
    """

    people: Floats
    counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the models say together.

    Parameters
    ----------
    members : tuple of MemberFigures
        Those that could be fitted, the first structural one that passes first.
    absent : dict of str to str
        Model -> why it is not among them.
    refused : str
        Why F = f is judged; empty where the models are.
    joint : int
        Simultaneous lower bound of F under the worst structural model that passes.
    lower : numpy.ndarray
        A lower size of each class that agrees with it, int64, shape (c,).
    mean, low, high : float
        Mean over subjects, and the interval whose upper end is judged.
    apart : bool
        Whether models that decide no maximum disagree on the mean; then that of F = f is judged.
    at_risk : (float, float)
        Share of subjects in classes below k, expected and upper end.
    thin : numpy.ndarray
        Whether a class rests on too few subjects, bool, shape (c,).
    thinnest : numpy.ndarray
        Attribute that this is about, -1 where nothing is, shape (c,).
    """

    members: tuple[MemberFigures, ...]
    absent: dict[str, str] = field(default_factory=dict)
    refused: str = ""
    joint: int
    lower: Ints
    mean: float
    low: float
    high: float
    apart: bool = False
    at_risk: tuple[float, float]
    thin: NDArray[np.bool_]
    thinnest: Ints

    def words(self) -> str:
        """Return what each model says of the mean, and which are not counted."""
        told = [
            f"{m.name} {m.mean:.3g}" + ("" if m.structural else " (mean only)")
            for m in self.members
            if m.passed
        ]
        out = [f"{name}: {why}" for name, why in self.absent.items()]
        apart = ["they disagree on the mean, so 1/f is judged"] if self.apart else []
        return "; ".join([f"means {', '.join(told) or 'none'}", *apart, *out])

    @property
    def first(self) -> MemberFigures:
        """The model whose figures are shown as the value."""
        return self.members[0]


def _spread(fitted: Fitted, population: Population, tau2: float) -> float:
    """Return the spread of the mean that models of halves show."""
    gaps = []
    for pair in fitted.halves:
        means = []
        for half in pair:
            left = np.maximum(population.people[half.record] - half.inside, 0)
            law = _law_of(half, left, tau2, counted=population.counted)
            means.append(float(half.size @ law.inverse()) / float(half.size.sum()))
        gaps.append(((means[0] - means[1]) / 2) ** 2)
    return float(np.sqrt(np.mean(gaps))) if gaps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The classes of a release, and how many of its subjects are in each cell of a table.

    Parameters
    ----------
    size : numpy.ndarray of int64, shape (c,)
        Subjects who look alike.
    counts : numpy.ndarray of int64, shape (c,)
        Subjects whose class it is; less than ``size`` where unknown values may be any.
    record : numpy.ndarray of int64, shape (c,)
        A record of each class.
    inside : numpy.ndarray, shape (c,)
        Subjects in the cell of the table, or all of the release.
    """

    size: Ints
    counts: Ints
    record: Ints
    inside: Floats


def member_figures(
    fitted: Fitted, part: Prediction, here: Released, population: Population, *, k: int, seed: int
) -> MemberFigures:
    """Return what one fitted model says of a population.

    Parameters
    ----------
    fitted : Fitted
    part : Prediction
        Of the classes of the release, in their order.
    here : Released
    population : Population
    k : int
        Class size that is required.
    seed : int
        Of the draws of shared parameters.
    """
    tau2 = fitted.check.tau2 if fitted.check else 0.0
    size = here.size
    people = population.people[here.record]
    known = class_law(
        size, people - here.inside, part.share, part.variation, counted=population.counted
    )
    law = replace(known, variation=known.variation + tau2)
    shown = known.inverse()
    first, second = law.moments() if tau2 else (shown, known.moments()[1])
    weight = here.counts / here.counts.sum()
    mean, wide = float(weight @ shown), float(weight @ first)
    own = float(weight**2 @ np.maximum(second - first**2, 0))
    spread = NORMAL_90 * float(np.hypot(own**0.5, _spread(fitted, population, tau2)))
    figures = MemberFigures(
        name=fitted.name,
        structural=fitted.structural,
        passed=fitted.passed,
        expected=shown,
        alone=np.where(size == 1, 1 - known.reached(2), 0.0),
        mean=mean,
        low=min(mean, wide) - spread,
        high=max(mean, wide) + spread,
    )
    if not fitted.structural:
        return figures
    thin = (part.support < LEAST_SUPPORT) | (people < here.inside)
    firm = np.flatnonzero(~thin)
    lower, reached = size.copy(), (size >= k).astype(np.float64)
    joint = int(size[thin].min()) if thin.any() else int(np.iinfo(np.int64).max)
    if len(firm):
        shared = part.parameters
        if shared is not None:
            shared = SharedParameters(which=shared.which[firm], variation=shared.variation[firm])
        firmly = law.taking(firm)
        found = joint_lower_size(firmly, shared, own=tau2, seed=seed)
        lower[firm] = joint_levels(firmly, found)
        reached[firm] = firmly.reached(k)
        joint = min(joint, found)
    return replace(
        figures,
        joint=joint,
        lower=lower,
        reached=reached,
        supported_mean=float(weight @ np.where(thin, 1 / size, first)),
        thin=thin,
    )


def judge(
    codes: Ints,
    here: Released,
    population: Population,
    *,
    k: int,
    given: Sequence[int] = (),
    shown: str = "network",
) -> Judgement | str:
    """Let every model speak of a population, and judge by the worst that passes its check.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        Codes of the release.
    here : Released
        Its classes.
    population : Population
    k : int
        Class size that is required.
    given : sequence of int
        Columns whose joint a population table knows.
    shown : str
        Model whose expectation is the value, where it could be fitted.

    Returns
    -------
    Judgement or str
        Why there is no model at all.

    Examples
    --------
    >>> codes = np.random.default_rng(1).integers(0, 3, (400, 2))
    >>> _, record, place, size = np.unique(
    ...     codes, axis=0, return_index=True, return_inverse=True, return_counts=True
    ... )
    >>> here = Released(size=size, counts=size, record=record, inside=np.full(9, 400.0))
    >>> found = judge(codes, here, Population(people=np.full(400, 40_000.0)), k=11)
    >>> found.refused, found.joint > 2000
    ('', True)
    """
    if len(codes) < LEAST_SUBJECTS:
        return f"fewer than {LEAST_SUBJECTS} subjects support no model"
    if not codes.shape[1]:
        return "no attribute is left that could be modelled"
    if int(here.size.max()) == 1:
        return "every subject is unique in the release"
    table = np.ascontiguousarray(codes, dtype=np.int64)
    place, _, _ = _classes_of(table)
    order = place[here.record]
    seed = seed_of(table)
    members, absent, networks = [], {}, []
    for fitted in fit_members(table, given):
        if fitted.prediction is None:
            absent[fitted.name] = fitted.reason
            continue
        part = _in_order(fitted.prediction, order)
        if fitted.structural and not fitted.passed:
            absent[fitted.name] = "its check on halves of the release fails"
        if part.thinnest is not None:
            networks.append(part)
        members.append(member_figures(fitted, part, here, population, k=k, seed=seed))
    if not given:
        people = int(population.people.max(initial=0))
        drawn = fit_copula(table, here.record, people, seed=seed)
        if drawn is not None:
            copula = Fitted(name="copula", structural=False, prediction=drawn)
            members.append(member_figures(copula, drawn, here, population, k=k, seed=seed))
        else:
            absent["copula"] = "too many people would have to be drawn"
    if not members:
        return "; ".join(f"{name}: {why}" for name, why in absent.items())
    return _together(members, absent, here, networks, shown)


def _in_order(part: Prediction, order: Ints) -> Prediction:
    """Return a prediction for classes in another order."""
    shared = part.parameters
    return Prediction(
        share=part.share[order],
        variation=part.variation[order],
        support=part.support[order],
        parameters=None
        if shared is None
        else SharedParameters(which=shared.which[order], variation=shared.variation[order]),
        thinnest=None if part.thinnest is None else part.thinnest[order],
    )


def _together(
    members: Sequence[MemberFigures],
    absent: dict[str, str],
    here: Released,
    networks: Sequence[Prediction],
    shown: str,
) -> Judgement:
    """Return the judgement over what the models say."""
    passing = [m for m in members if m.passed]
    deciding = [m for m in passing if m.structural]
    first = min(members, key=lambda m: (m.name != shown, not m.passed, not m.structural))
    ordered = (first, *(m for m in members if m is not first))
    thin = np.zeros(len(here.size), dtype=bool)
    for member in deciding:
        thin |= member.thin if member.thin is not None else False
    thinnest = np.full(len(here.size), -1, dtype=np.int64)
    for part in reversed(networks):
        if part.thinnest is not None:
            thinnest = np.where(part.support < LEAST_SUPPORT, part.thinnest, thinnest)
    refused = ""
    if not deciding:
        refused = "no structural model passes its check on halves of the release"
    elif max(m.mean for m in deciding) > APART * min(m.mean for m in deciding):
        refused = f"models disagree: their means are more than {APART:g} times apart"
    release = float(here.counts @ (1 / here.size)) / float(here.counts.sum())
    weight = here.counts / here.counts.sum()
    if not deciding:
        return Judgement(
            members=ordered, absent=absent, refused=refused, joint=int(here.size.min()),
            lower=here.size, mean=first.mean, low=max(0.0, first.low), high=release,
            at_risk=(0.0, 1.0), thin=thin, thinnest=thinnest,
        )  # fmt: skip
    worst = min(deciding, key=lambda m: m.joint or 0)
    reached = np.min([m.reached for m in deciding if m.reached is not None], axis=0)
    lower = np.min([m.lower for m in deciding if m.lower is not None], axis=0)
    high = max(*(m.high for m in passing), *(m.supported_mean for m in deciding))
    low = min(m.low for m in passing)
    apart = max(m.mean for m in passing) > APART * min(m.mean for m in passing)
    below = np.asarray(first.reached if first.reached is not None else reached)
    return Judgement(
        members=ordered,
        absent=absent,
        refused=refused,
        joint=int(worst.joint or 1),
        lower=np.asarray(lower, dtype=np.int64),
        mean=first.mean,
        low=max(0.0, low),
        high=release if apart else min(release, high),
        apart=apart,
        at_risk=(float(weight @ (1 - below)), share_at_risk(reached, here.counts)[1]),
        thin=thin,
        thinnest=thinnest,
    )

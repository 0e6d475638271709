"""The channel of reconstructable faces: how often a matcher ranks the right person first.

A published rate at which faces in head images were matched to photographs, with its binomial band,
is extrapolated to the gallery (`midi_risk.risk.channels.rates`). The face is joined with what the
quasi-identifiers leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from midi_risk.document.assessment import ChannelEntry
from midi_risk.errors import MeasureError, did_you_mean
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.channels.rates import RATES, Matcher, rank_one
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ChannelSettings, ends

# The abstract of 2022 gives 182 volunteers for all; a report of it gives 129 with FDG PET and 167
# with amyloid and tau PET. The larger gallery and the fewer trials are the cautious reading.
MATCHERS: Mapping[str, Matcher] = {
    name: rate for name, rate in RATES.items() if rate.kind == "face"
}
"""Published rank-1 rates of faces by name."""


def matcher(name: str) -> Matcher:
    """Return a published matcher.

    Parameters
    ----------
    name : str
        Key of `MATCHERS`.

    Raises
    ------
    MeasureError
        When there is none of this name.
    """
    if name not in MATCHERS:
        raise MeasureError(f"there is no face matcher '{name}'", hint=did_you_mean(name, MATCHERS))
    return MATCHERS[name]


def joint_risk(
    population: ArrayLike, d_prime: float, *, coverage: float = 1.0
) -> NDArray[np.float64]:
    """Return the risk of subjects whose face is searched among their population class.

    ``c kappa(1 + c (F - 1)) + (1 - c) / F``: quasi-identifiers leave F people, of whom a
    share c has a usable photograph in the attacker's gallery. A gallery of all F people
    (``c kappa(F) + ...``) would give slightly less.

    Parameters
    ----------
    population : array_like of float
        Population class size F of each subject, at least 1.
    d_prime : float
        Strength of the matcher.
    coverage : float
        Share c of people with a photograph in the gallery, in [0, 1].

    Returns
    -------
    numpy.ndarray
        Probabilities, shape of ``population``; the baseline without faces is 1 / F.

    Examples
    --------
    >>> joint_risk([1, 200, 20_000], 4.76).round(2).tolist()
    [1.0, 0.97, 0.76]
    """
    size = np.asarray(population, dtype=np.float64)
    if not 0 <= coverage <= 1:
        raise MeasureError("coverage is a share between 0 and 1")
    if size.size and not size.min() >= 1:
        raise MeasureError("a population class holds at least the subject")
    found = rank_one(1 + coverage * (size - 1), d_prime)
    return coverage * found + (1 - coverage) / size


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRisk:
    """Joint risk of quasi-identifiers and face, with the band of the published rate.

    Parameters
    ----------
    risk, lower, upper : numpy.ndarray
        At the published rate and at the ends of its binomial interval, shape (n,).
    baseline : numpy.ndarray
        1 / F, shape (n,).
    matcher : Matcher
    coverage : float
    """

    risk: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    baseline: NDArray[np.float64]
    matcher: Matcher
    coverage: float

    @property
    def increment(self) -> NDArray[np.float64]:
        """What the face adds to the quasi-identifiers, shape (n,)."""
        return self.risk - self.baseline


def face_risk(
    population: ArrayLike, published: Matcher, *, coverage: float = 1.0, level: float = 0.95
) -> FaceRisk:
    """Return the joint risk of quasi-identifiers and face with its band.

    Parameters
    ----------
    population : array_like of float
        Population class size F of each subject.
    published : Matcher
        Such as ``matcher("schwarz-2022")``.
    coverage : float
        Share of people with a photograph in the gallery.
    level : float
        Confidence of the band.

    Examples
    --------
    >>> found = face_risk([200.0], matcher("schwarz-2022-ct"))
    >>> float(found.risk[0].round(2)), bool(found.lower[0] < found.risk[0] < found.upper[0])
    (0.77, True)
    """
    low, high = published.band(level=level)
    size = np.asarray(population, dtype=np.float64)
    return FaceRisk(
        risk=joint_risk(size, published.d_prime, coverage=coverage),
        lower=joint_risk(size, max(low, -12.0), coverage=coverage),
        upper=joint_risk(size, min(high, 40.0), coverage=coverage),
        baseline=1 / size,
        matcher=published,
        coverage=coverage,
    )


_NAME = "face"


def face_entry(table: SubjectTable, risks: Sequence[AdversaryRisk]) -> ChannelEntry | None:
    """Return the channel of faces, bounded by the joint risk of quasi-identifiers and face.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    risks : sequence of AdversaryRisk
        Those whose model declares ``channels: {face: {matcher: ...}}`` count.

    Returns
    -------
    ChannelEntry or None
        None when no matcher is declared, or no image can show a face: the channel then
        stays as it is, which is never zero by default.

    Raises
    ------
    MeasureError
        When there is no matcher of that name.

    Notes
    -----
    ``c kappa(1 + c (F - 1)) + (1 - c) / F`` at the end of the coverage that is worse. A
    prosecutor, who knows who is in the release, looks among the f subjects of its smallest class
    (F = f); a journalist and a marketer among the smallest population class F that is
    reached with 95 % probability. The worst attack of each adversary counts. The upper bound
    takes the upper end of the matcher's binomial interval too. Without a declared coverage
    everybody is taken to have a photograph in the gallery. Rank-1 rates are those of
    volunteers with standardised photographs, at one time: matchers improve.
    """
    if not table.has_images or table.facts.get("face_possible") == 0:
        return None
    found = []
    for risk in risks:
        setting = risk.model.channels.get(_NAME)
        if not isinstance(setting, ChannelSettings) or setting.matcher is None:
            continue
        low, high = (1.0, 1.0) if setting.coverage is None else ends(setting.coverage)
        published = matcher(setting.matcher)
        among = smallest_gallery(risk)
        for coverage in {low, high}:
            joint = face_risk([among.people], published, coverage=coverage)
            figures = tuple(float(x.max()) for x in (joint.risk, joint.lower, joint.upper))
            found.append((figures, published, (low, high), among, risk))
    if not found:
        return None
    value = max(figures[0] for figures, *_ in found)
    lower = min(figures[1] for figures, *_ in found)
    (_, _, upper), published, cover, among, risk = max(found, key=lambda one: one[0][2])
    covered = f"{cover[0]:.0%}" if cover[0] == cover[1] else f"{cover[0]:.0%} to {cover[1]:.0%}"
    return ChannelEntry(
        name=_NAME,
        status="bounded",
        value=value,
        lower=lower,
        upper=upper,
        evidence=(
            f"{risk.model.name}, {risk.adversary.name}: a face is searched among the"
            f" {among.people:,.0f} {among.words}; matcher {published.name}"
            f" ({published.images}, rank-1 {published.rate:.0%} of {published.gallery};"
            f" {published.source}, {published.checked}), photographs of {covered} of the"
            f" people; without the face the risk there is {1 / among.people:.3g}"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The people among whom one adversary looks for a face."""

    people: float
    words: str


def smallest_gallery(risk: AdversaryRisk) -> Gallery:
    """Return the smallest class among whose people an adversary looks.

    Whoever knows who is in the release has photographs of these alone, also where that
    knowledge is only likely; everybody else those of the population.
    """
    if "prosecutor" in risk.adversary.attack or risk.adversary.membership is not None:
        size = 1 / float(risk.class_risk.prosecutor.max())
        return Gallery(people=size, words="subjects of the smallest class of the release")
    size = float(risk.class_risk.population.min())
    return Gallery(people=size, words="people of the smallest population class")

"""The channel of reconstructable faces: how often a matcher ranks the right person first.

Rank-1 success in a gallery of n under an m-alternative forced choice with equal-variance
normal scores is ``kappa(n) = integral Phi(x)^(n-1) phi(x - d') dx``. Its one parameter d'
is fitted to one published rate at which faces in head images were matched to photographs, so
every value carries the binomial band of that rate. The face is joined with what the
quasi-identifiers leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from midi_risk.document.assessment import ChannelEntry
from midi_risk.errors import MeasureError, did_you_mean
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ChannelSettings, ends

Checked = Literal["from the abstract", "from a report of it", "not opened"]

_GRID = np.linspace(-10, 10, 4001)
_STEP = float(_GRID[1] - _GRID[0])


def rank_one(gallery: ArrayLike, d_prime: float) -> NDArray[np.float64]:
    """Return the probability kappa(n) that the true person ranks first among n.

    Parameters
    ----------
    gallery : array_like of float
        People in the gallery with the true one, n >= 1, any shape; need not be whole.
    d_prime : float
        Distance of true from false scores in standard deviations.

    Returns
    -------
    numpy.ndarray
        Probabilities, shape of ``gallery``.

    Raises
    ------
    MeasureError
        When a gallery is smaller than 1.

    References
    ----------
    Green, Swets, Signal Detection Theory and Psychophysics, 1966 (m-AFC).

    Examples
    --------
    >>> rank_one([1_000, 1_000_000], 3.54).round(3).tolist()
    [0.613, 0.099]
    """
    n = np.asarray(gallery, dtype=np.float64)
    if n.size and not n.min() >= 1:
        raise MeasureError("a gallery holds at least the true person")
    x = d_prime + _GRID
    log_phi = special.log_ndtr(x)
    density = np.exp(-(_GRID**2) / 2) / np.sqrt(2 * np.pi) * _STEP
    distinct, place = np.unique(n, return_inverse=True)
    values = np.array([float(np.sum(np.exp((size - 1) * log_phi) * density)) for size in distinct])
    return np.asarray(np.minimum(values, 1.0)[place].reshape(n.shape))


def fit_d_prime(rate: float, gallery: float) -> float:
    """Return d' with which rank-1 success in a gallery equals a published rate.

    Parameters
    ----------
    rate : float
        Published share of subjects ranked first, in [0, 1].
    gallery : float
        Its gallery size n.

    Returns
    -------
    float
        Infinite for a rate of 1, minus infinity for a rate of 0 (as ends of a band).

    Examples
    --------
    >>> round(fit_d_prime(0.97, 182), 2), round(fit_d_prime(0.08, 182), 2)
    (4.76, 1.2)
    """
    if not 0 <= rate <= 1 or gallery < 2:
        raise MeasureError("a rank-1 rate is a share, in a gallery of at least two")
    if rate in {0.0, 1.0}:
        return float("inf") if rate else float("-inf")
    low, high = -12.0, 15.0
    for _ in range(60):
        middle = (low + high) / 2
        above = float(rank_one(gallery, middle)) > rate
        low, high = (low, middle) if above else (middle, high)
    return (low + high) / 2


def binomial_band(successes: float, trials: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a rate.

    Parameters
    ----------
    successes : float
        Subjects ranked first; a published percentage gives a fraction of a subject.
    trials : int
        Subjects tried.
    level : float
        Two-sided confidence.

    Examples
    --------
    >>> [round(100 * end, 1) for end in binomial_band(2, 4)]
    [6.8, 93.2]
    """
    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else special.betaincinv(successes, trials - successes + 1, tail)
    full = successes >= trials
    high = 1.0 if full else special.betaincinv(successes + 1, trials - successes, 1 - tail)
    return float(low), float(high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """A published rate of matching faces of images to photographs.

    Parameters
    ----------
    name : str
        Name used in a threat model.
    images : str
        What was matched.
    rate : float
        Rank-1 share.
    gallery : int
        Subjects in the gallery.
    source : str
        Publication with year: matchers improve every year.
    checked : {"from the abstract", "from a report of it", "not opened"}
        What of the source was opened. Nobody opened a full text.
    trials : int or None
        Subjects tried, where they are reported to be fewer than the gallery; the interval of the
        rate is then that of fewer.
    """

    name: str
    images: str
    rate: float
    gallery: int
    source: str
    checked: Checked
    trials: int | None = None

    @property
    def d_prime(self) -> float:
        """Parameter fitted to the rate."""
        return fit_d_prime(self.rate, self.gallery)

    def band(self, *, level: float = 0.95) -> tuple[float, float]:
        """Return d' at the two ends of the binomial interval of the rate."""
        trials = self.trials or self.gallery
        low, high = binomial_band(round(self.rate * trials), trials, level=level)
        return fit_d_prime(low, self.gallery), fit_d_prime(high, self.gallery)


_MAZURA = "Mazura et al., J Digit Imaging 2012, doi:10.1007/s10278-011-9429-3"
_CHEN = "Chen et al., Am J Roentgenol 2014, doi:10.2214/AJR.13.10608"
_PARKS = "Parks, Monson, J Digit Imaging 2017 (DOI not seen)"
_SCHWARZ_2019 = "Schwarz et al., N Engl J Med 2019, doi:10.1056/NEJMc1908881"
_SCHWARZ_2021 = "Schwarz et al., NeuroImage 2021, doi:10.1016/j.neuroimage.2021.117845"
_SCHWARZ_2022 = "Schwarz et al., NeuroImage 2022, doi:10.1016/j.neuroimage.2022.119357"
_SEQUENCES = "Schwarz et al., which common MRI sequences need de-facing (DOI not seen)"
_OPEN_SOURCE = "Prakaashana et al., NeuroImage 2025, doi:10.1016/j.neuroimage.2025.121476"
_ABSTRACT: Checked = "from the abstract"
_REPORT: Checked = "from a report of it"


def _matcher(
    name: str,
    images: str,
    rate: float,
    gallery: int,
    source: str,
    checked: Checked = _ABSTRACT,
    trials: int | None = None,
) -> Matcher:
    return Matcher(
        name=name, images=images, rate=rate, gallery=gallery, source=source, checked=checked,
        trials=trials,
    )  # fmt: skip


# The abstract of 2022 gives 182 volunteers for all; a report of it gives 129 with FDG PET and 167
# with amyloid and tau PET. The larger gallery and the fewer trials are the cautious reading.
MATCHERS: Mapping[str, Matcher] = {
    matcher.name: matcher
    for matcher in (
        _matcher("mazura-2012-ct", "CT, consumer software", 0.275, 179, _MAZURA, trials=29),
        _matcher("chen-2014-ct", "CT, human observers of five photographs", 0.61, 5, _CHEN,
                 _REPORT, trials=29),
        _matcher("parks-monson-2017-low", "CT, weaker protocol, largest gallery", 0.06, 100_000,
                 _PARKS, _REPORT, trials=128),
        _matcher("parks-monson-2017-high", "CT, best rate as if in the largest gallery", 0.61,
                 100_000, _PARKS, _REPORT, trials=128),
        _matcher("schwarz-2019", "3D MRI, commercial matcher of 2019", 70 / 84, 84, _SCHWARZ_2019,
                 _REPORT),
        _matcher("schwarz-2022", "3D MRI, commercial matcher", 0.97, 182, _SCHWARZ_2022),
        _matcher("schwarz-2022-ct", "CT", 0.78, 182, _SCHWARZ_2022),
        _matcher("schwarz-2022-fdg", "FDG PET", 0.42, 182, _SCHWARZ_2022, trials=129),
        _matcher("schwarz-2022-tau", "tau PET", 0.35, 182, _SCHWARZ_2022, trials=167),
        _matcher("schwarz-2022-amyloid", "amyloid PET", 0.32, 182, _SCHWARZ_2022, trials=167),
        _matcher("open-source-2025", "MRI, open-source matcher", 0.59, 182, _OPEN_SOURCE),
        _matcher("defaced-low-2021", "MRI defaced, lower rate", 0.28, 157, _SCHWARZ_2021),
        _matcher("defaced-2021", "MRI defaced, higher rate", 0.38, 157, _SCHWARZ_2021),
        _matcher("mri-reface-2022", "MRI with mri_reface", 0.08, 182, _SCHWARZ_2022),
        _matcher("mri-reface-2022-ct", "CT with mri_reface", 0.05, 182, _SCHWARZ_2022),
        _matcher("mri-reface-2022-pet", "PET with mri_reface, highest rate", 0.04, 182,
                 _SCHWARZ_2022, trials=129),
        _matcher("flair-2d", "axial 2D T2-FLAIR or multi-echo GRE, higher rate", 0.45, 182,
                 _SEQUENCES),
        _matcher("flair-2d-reface", "axial 2D T2-FLAIR or multi-echo GRE with mri_reface", 0.01,
                 182, _SEQUENCES),
        _matcher("t2-star", "T2* MRI", 0.10, 182, _SEQUENCES),
        _matcher("asl", "ASL perfusion MRI", 0.08, 182, _SEQUENCES),
        _matcher("dmri-fmri", "diffusion or functional MRI, higher rate", 0.02, 182, _SEQUENCES),
    )
}  # fmt: skip
"""Published rank-1 rates by name."""


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
        among = _smallest_gallery(risk)
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
class _Gallery:
    """The people among whom one adversary looks for a face."""

    people: float
    words: str


def _smallest_gallery(risk: AdversaryRisk) -> _Gallery:
    """Return the smallest class among whose people an adversary looks.

    Whoever knows who is in the release has photographs of these alone, also where that
    knowledge is only likely; everybody else those of the population.
    """
    if "prosecutor" in risk.adversary.attack or risk.adversary.membership is not None:
        size = 1 / float(risk.class_risk.prosecutor.max())
        return _Gallery(people=size, words="subjects of the smallest class of the release")
    size = float(risk.class_risk.population.min())
    return _Gallery(people=size, words="people of the smallest population class")

"""Published rates at which faces in head images were matched to photographs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from midi_risk.errors import MeasureError, did_you_mean
from midi_risk.risk.rank_one import binomial_band, fit_d_prime


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
        Subjects in gallery, and trials of the rate.
    source : str
        Publication with year: matchers improve every year.
    """

    name: str
    images: str
    rate: float
    gallery: int
    source: str

    @property
    def d_prime(self) -> float:
        """Parameter fitted to the rate."""
        return fit_d_prime(self.rate, self.gallery)

    def band(self, *, level: float = 0.95) -> tuple[float, float]:
        """Return d' at the two ends of the binomial interval of the rate."""
        low, high = binomial_band(round(self.rate * self.gallery), self.gallery, level=level)
        return fit_d_prime(low, self.gallery), fit_d_prime(high, self.gallery)


_SCHWARZ_2021 = "Schwarz et al., NeuroImage 2021, doi:10.1016/j.neuroimage.2021.117845"
_SCHWARZ_2022 = "Schwarz et al., NeuroImage 2022, doi:10.1016/j.neuroimage.2022.119357"
_SEQUENCES = "Schwarz et al., study of MRI sequences with the same 182 subjects"
_OPEN_SOURCE = "Prakaashana et al., NeuroImage 2025"


def _matcher(name: str, images: str, rate: float, gallery: int, source: str) -> Matcher:
    return Matcher(name=name, images=images, rate=rate, gallery=gallery, source=source)


MATCHERS: Mapping[str, Matcher] = {
    matcher.name: matcher
    for matcher in (
        _matcher("schwarz-2022", "3D MRI, commercial matcher", 0.97, 182, _SCHWARZ_2022),
        _matcher("schwarz-2022-ct", "CT", 0.78, 182, _SCHWARZ_2022),
        _matcher("schwarz-2022-fdg", "FDG PET", 0.42, 182, _SCHWARZ_2022),
        _matcher("schwarz-2022-amyloid", "amyloid PET", 0.32, 182, _SCHWARZ_2022),
        _matcher("open-source-2025", "MRI, open-source matcher", 0.59, 182, _OPEN_SOURCE),
        _matcher("defaced-low-2021", "MRI defaced, lower rate", 0.28, 157, _SCHWARZ_2021),
        _matcher("defaced-2021", "MRI defaced, higher rate", 0.38, 157, _SCHWARZ_2021),
        _matcher("mri-reface-2022", "MRI with mri_reface", 0.08, 182, _SCHWARZ_2022),
        _matcher("t2-star", "T2* MRI", 0.10, 182, _SEQUENCES),
    )
}
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

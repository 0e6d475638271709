"""The channel from scanner to site: whether what is retained of a scanner tells the site.

Machine information is to be kept unless it is quantified as pushing the risk over the
threshold (best practice 4 of the MIDI report). This is that quantification: which attribute
determines the site, for how many subjects, and how much smaller their classes are once the site
is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.document.assessment import ChannelEntry
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDetermination:
    """What one scanner attribute says about the site.

    Parameters
    ----------
    attribute : str
    determined : int
        Subjects whose value occurs at one site only, although there are several sites.
    subjects : int
        Subjects with a value and a known site.
    effective_sites : float
        exp of the mean entropy of the site given the value: 1 when the value tells it.
    """

    attribute: str
    determined: int
    subjects: int
    effective_sites: float


def site_determination(
    attribute: str, device: npt.NDArray[np.int64], site: npt.NDArray[np.int64]
) -> SiteDetermination:
    """Return how far a scanner attribute determines the site.

    Parameters
    ----------
    attribute : str
        Name, for the report.
    device, site : numpy.ndarray of int64, shape (n,)
        Codes of the subjects; -1 is missing.

    Returns
    -------
    SiteDetermination

    Examples
    --------
    >>> found = site_determination("model", np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1]))
    >>> found.determined, round(found.effective_sites, 3)
    (2, 1.414)
    """
    known = (device >= 0) & (site >= 0)
    codes = np.column_stack([device[known], site[known]])
    n = len(codes)
    if not n or len(np.unique(codes[:, 1])) < 2:
        return SiteDetermination(
            attribute=attribute, determined=0, subjects=n, effective_sites=1.0 if n else np.nan
        )
    pairs = EquivalenceClasses.from_codes(codes)
    values = EquivalenceClasses.from_codes(codes[:, :1])
    share = pairs.record_sizes / values.record_sizes
    return SiteDetermination(
        attribute=attribute,
        determined=int((share == 1).sum()),
        subjects=n,
        effective_sites=float(np.exp(-np.log(share).mean())),
    )


def risk_with_site(
    codes: npt.NDArray[np.int64], sites: Sequence[npt.NDArray[np.int64]]
) -> tuple[float, float]:
    """Return the largest and the mean prosecutor risk once the site is known as well.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
        Quasi-identifiers of the release.
    sites : sequence of numpy.ndarray of int64, shape (n,)
        Site attributes.
    """
    classes = EquivalenceClasses.from_codes(np.column_stack([codes, *sites]))
    risk = 1 / np.asarray(classes.record_sizes, dtype=np.float64)
    return float(risk.max()), float(risk.mean())


_NAME = "device_site"


def device_entry(table: SubjectTable, view: SubjectTable, names: list[str]) -> ChannelEntry:
    """Return the channel from scanner to site.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions: a site that is removed from the release still tells here how
        far the scanner gives it away.
    view : SubjectTable
        As it would be released.
    names : list of str
        Quasi-identifiers in the release.

    Returns
    -------
    ChannelEntry
        ``assessed`` with value 0 when nothing of a scanner is retained, or when all that is
        retained is a quasi-identifier and no site is known; ``bounded`` by the risk with
        the site among the quasi-identifiers when sites are known; ``not_assessed`` when
        scanner attributes are retained outside the class table.
    """
    devices = [a for a in view.attributes if _retained(a) and _tells_of(a) == "scanner"]
    if not devices:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0,
            evidence="no attribute of a scanner is retained",
        )  # fmt: skip
    sites = [
        a
        for a in table.attributes
        if _tells_of(a) == "site"
        and a.name in table.frame.columns
        and table.frame[a.name].notna().any()
    ]
    if not sites:
        return _without_sites(devices, names)
    codes = [pd.factorize(table.frame[a.name])[0].astype(np.int64) for a in sites]
    told = []
    for attribute in devices:
        if attribute.name not in view.frame.columns:
            continue
        device = pd.factorize(view.frame[attribute.name])[0].astype(np.int64)
        found = site_determination(attribute.name, device, codes[0])
        told.append(f"{attribute.name} tells it for {found.determined} of {found.subjects}")
    highest, mean = risk_with_site(view.codes(names), codes)
    text = f"site by {', '.join(a.name for a in sites)}; {'; '.join(told) or 'nothing tells it'}"
    return ChannelEntry(
        name=_NAME,
        status="bounded",
        value=mean,
        lower=0.0,
        upper=highest,
        mean=mean,
        evidence=f"{text}; value and upper bound: mean and highest risk if the site is known",
    )


def _without_sites(devices: list[Attribute], names: list[str]) -> ChannelEntry:
    """Return the channel where the sources name no site."""
    outside = [a.name for a in devices if a.name not in names]
    if not outside:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0,
            evidence="all that is retained of scanners is among the quasi-identifiers, so the"
            " classes count it already; no source names a site",
        )  # fmt: skip
    more = f" and {len(outside) - 5} more" if len(outside) > 5 else ""
    return ChannelEntry(
        name=_NAME,
        status="not_assessed",
        evidence=f"retained outside the classes, and no source names a site:"
        f" {', '.join(outside[:5])}{more}",
    )


def _tells_of(attribute: Attribute) -> str:
    """Return what the values of an attribute speak of: a scanner, a site or neither."""
    ladder = LADDERS.get(attribute.ladder or "")
    return "" if ladder is None else ladder.tells_of


def _retained(attribute: Attribute) -> bool:
    return attribute.decision is not Decision.REMOVE and attribute.role not in {
        Role.DIRECT_IDENTIFIER,
        Role.LINKAGE_KEY,
    }

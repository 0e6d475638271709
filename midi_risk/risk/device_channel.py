"""The channel from scanner to site, from what is retained and what is known of sites."""

from __future__ import annotations

import numpy as np
import pandas as pd

from midi_risk.attributes.model import Attribute, Decision, Role
from midi_risk.risk.device_site import risk_with_site, site_determination
from midi_risk.risk.document import ChannelEntry
from midi_risk.table.model import SubjectTable

DEVICE_LADDERS = frozenset({"device", "software"})
"""Ladders of attributes that speak of a scanner."""

SITE_LADDERS = frozenset({"institution"})
"""Ladders of attributes that name a site."""

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
    devices = [a for a in view.attributes if _retained(a) and a.ladder in DEVICE_LADDERS]
    if not devices:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0,
            evidence="no attribute of a scanner is retained",
        )  # fmt: skip
    sites = [
        a
        for a in table.attributes
        if a.ladder in SITE_LADDERS
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


def _retained(attribute: Attribute) -> bool:
    return attribute.decision is not Decision.REMOVE and attribute.role not in {
        Role.DIRECT_IDENTIFIER,
        Role.LINKAGE_KEY,
    }

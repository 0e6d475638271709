"""The channel of reconstructable faces, where a threat model names a matcher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.document import ChannelEntry
from midi_risk.risk.face_matchers import matcher
from midi_risk.risk.facial import face_risk
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import ChannelSettings
from midi_risk.threat.quantities import ends

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
    ``c kappa(1 + c (F - 1)) + (1 - c) / F`` of the smallest population class F that is
    reached with 95 % probability, at the end of the coverage that is worse; the upper bound
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
        people = np.array([float(risk.class_risk.population.min())])
        for coverage in {low, high}:
            joint = face_risk(people, published, coverage=coverage)
            figures = tuple(float(x.max()) for x in (joint.risk, joint.lower, joint.upper))
            found.append((figures, published, (low, high), people[0], risk))
    if not found:
        return None
    value = max(figures[0] for figures, *_ in found)
    lower = min(figures[1] for figures, *_ in found)
    (_, _, upper), published, cover, size, risk = max(found, key=lambda one: one[0][2])
    covered = f"{cover[0]:.0%}" if cover[0] == cover[1] else f"{cover[0]:.0%} to {cover[1]:.0%}"
    return ChannelEntry(
        name=_NAME,
        status="bounded",
        value=value,
        lower=lower,
        upper=upper,
        evidence=(
            f"{risk.model.name}, {risk.adversary.name}: a face is searched among the"
            f" {size:,.0f} people of the smallest population class; matcher {published.name}"
            f" ({published.images}, rank-1 {published.rate:.0%} of {published.gallery};"
            f" {published.source}), photographs of {covered} of the people; without the face the"
            f" risk there is {1 / size:.3g}"
        ),
    )

"""The channels that midi-risk computes itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.channels import visit_entry
from midi_risk.risk.device_channel import device_entry
from midi_risk.risk.document import ChannelEntry
from midi_risk.risk.face_channel import face_entry
from midi_risk.risk.visit_risk import governing_row
from midi_risk.table.model import SubjectTable


def measured_channels(
    table: SubjectTable,
    view: SubjectTable,
    names: list[str],
    risks: Sequence[AdversaryRisk],
    trajectory: list[dict[str, Any]],
) -> dict[str, ChannelEntry]:
    """Return the channels that can be computed: site, visits and faces.

    Parameters
    ----------
    table, view : SubjectTable
        Before the decisions, and as it would be released.
    names : list of str
        Quasi-identifiers in the release.
    risks : sequence of AdversaryRisk
    trajectory : list of dict
        From `midi_risk.risk.visit_risk.trajectory_rows`, may be empty.
    """
    computed = {"device_site": device_entry(table, view, names)}
    face = face_entry(view, risks)
    if face is not None:
        computed["face"] = face
    if trajectory:
        known = [risk.adversary.visits for risk in risks]
        computed["visit_intervals"] = visit_entry(governing_row(trajectory, known))
    return computed

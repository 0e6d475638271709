"""The subject table: folding, linking, digests."""

from __future__ import annotations

from midi_risk.document.assessment import Finding, LinkReport
from midi_risk.table.fold import fold
from midi_risk.table.model import SubjectTable

__all__ = ["Finding", "LinkReport", "SubjectTable", "fold"]

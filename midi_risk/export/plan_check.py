"""Whether a plan can be applied to a table."""

from __future__ import annotations

from midi_risk.errors import MidiRiskError, StaleAssessmentError
from midi_risk.risk.plan_document import Plan
from midi_risk.table.model import SubjectTable


def check_plan(plan: Plan, table: SubjectTable) -> None:
    """Refuse a plan that found nothing, or that was made for something else.

    Raises
    ------
    MidiRiskError
        When it found nothing, or is a public copy that does not name its subjects.
    StaleAssessmentError
        When it was made for other data or decisions.
    """
    if not plan.found:
        raise MidiRiskError(
            f"the plan found nothing to apply: {plan.reason or 'no solution'}",
            hint="Relax the limits and run 'midi-risk suggest' again",
        )
    if len(plan.suppressed_subjects) != plan.suppressed.subjects:
        raise MidiRiskError(
            "the plan leaves subjects out and does not say which: it is a public copy",
            hint="Use the plan.json that suggest wrote",
        )
    if sum(map(len, plan.suppressed_cells.values())) != plan.suppressed.emptied:
        raise MidiRiskError(
            "the plan empties cells and does not say whose: it is a public copy",
            hint="Use the plan.json that suggest wrote",
        )
    if plan.collection_digest and plan.collection_digest != table.digest:
        raise StaleAssessmentError(
            "the plan was made for other data or other roles than the project has now",
            hint="Run 'midi-risk suggest' again and apply its plan.json",
        )

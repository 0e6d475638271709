"""The table as a plan would release it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from midi_risk.attributes.hierarchies import Hierarchy
from midi_risk.attributes.model import Decision
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import released


def planned(
    table: SubjectTable,
    levels: Mapping[str, int],
    hierarchies: Mapping[str, Hierarchy],
    suppressed: np.ndarray | None = None,
) -> SubjectTable:
    """Return the table as a plan would release it.

    Parameters
    ----------
    table : SubjectTable
    levels : mapping of str to int
        Level of each recoded attribute.
    hierarchies : mapping of str to Hierarchy
    suppressed : numpy.ndarray of bool, shape (n_subjects,), optional
        Subjects that are left out.

    Returns
    -------
    SubjectTable
    """
    attributes = table.attributes
    for name, level in levels.items():
        last = len(hierarchies[name].level_names) - 1
        decision = Decision.REMOVE if level == last else Decision.GENERALISE
        if level > 0:
            attributes = attributes.revised(name, decision=decision, generalise_to=level)
    revised = replace(table, attributes=attributes)
    if suppressed is not None and suppressed.any():
        revised = replace(revised, frame=revised.frame.loc[~suppressed])
    return released(revised, hierarchies)

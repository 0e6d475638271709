"""What each quasi-identifier adds to the risk."""

from __future__ import annotations

from collections.abc import Sequence

from midi_risk.risk.classes import EquivalenceClasses
from midi_risk.table.model import SubjectTable


def contributions(table: SubjectTable, names: Sequence[str]) -> dict[str, float]:
    """Return how far the mean prosecutor risk falls when one attribute alone is removed.

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the table.

    Returns
    -------
    dict of str to float
        Never negative: removing an attribute merges classes.
    """
    if not names or not table.n_subjects:
        return {}
    codes = table.codes(list(names))

    def mean(columns: Sequence[int]) -> float:
        classes = EquivalenceClasses.from_codes(codes[:, list(columns)])
        return classes.n_classes / classes.n

    everything = range(len(names))
    whole = mean(everything)
    return {name: whole - mean([j for j in everything if j != i]) for i, name in enumerate(names)}

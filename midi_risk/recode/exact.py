"""Exact search of a lattice that can be listed: by bound from below, or level by level from above.

With little suppression most nodes fail, and binary search on paths settles them with few counts.
With more of it most nodes pass and differ in what they hide; then what nodes near the top prove
rules out most of the others (benchmarks/recode.py).
"""

from __future__ import annotations

from midi_risk.recode.bound_order import OrderedSearch
from midi_risk.recode.evaluation import Judge
from midi_risk.recode.found import Found
from midi_risk.recode.from_top import TopDownSearch

FROM_TOP = 0.1
FROM_TOP_SENSITIVE = 0.015


def _starts_at_top(judge: Judge, limit: int) -> bool:
    """Tell whether so much may be hidden that the search begins at the top."""
    sensitive = any(criterion.sensitive is not None for criterion in judge.criteria)
    share = FROM_TOP_SENSITIVE if sensitive else FROM_TOP
    return limit >= share * judge.utility.inputs.records


def search_exactly(judge: Judge, *, limit: int, deadline: float | None = None) -> Found:
    """Return the best node, proved unless the time is up.

    Parameters
    ----------
    judge : Judge
    limit : int
        Records that may be hidden.
    deadline : float, optional
        Value of ``time.monotonic()`` at which to stop.
    """
    kind = TopDownSearch if _starts_at_top(judge, limit) else OrderedSearch
    search = kind(judge, limit)
    complete, bound = search.run(deadline)
    so_far = search.so_far
    if so_far.best is None:
        so_far.take(judge.evaluate([len(axis.steps) - 1 for axis in judge.lattice.axes]))
    return so_far.found(complete=complete, bound=bound)

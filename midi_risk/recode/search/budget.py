"""How much a search may do, counted as work and not by the clock.

A clock gives another plan on a busy machine than on an idle one. What a search does is therefore
counted: tables rolled up with their entries, nodes judged, nodes listed, cells compared. The
prices turn the counts into CPU seconds; they were fitted on Adult and on invented tables of 600
to 100,000 records (benchmarks/recode.py), where they are right within a factor of two.
"""

from __future__ import annotations

from typing import Protocol

ENTRY_SECONDS = 55e-9
"""Of an entry of a class table that is rolled up."""
TABLE_SECONDS = 19e-6
"""Of a class table, beside its entries."""
NODE_SECONDS = 91e-6
"""Of a node whose classes are judged."""
LISTED_SECONDS = 2.3e-6
"""Of a node that is looked at without its classes."""
CELL_SECONDS = 100e-9
"""Of a cell that is compared where an unknown value may be any value."""


class Worker(Protocol):
    """What counts its work."""

    def work(self) -> float:
        """Return the work so far, in CPU seconds by the prices above."""


class Budget:
    """Work that may still be done.

    Parameters
    ----------
    worker : Worker
        A judge of nodes.
    seconds : float, optional
        CPU seconds by the prices of this module; without end when not given.

    Examples
    --------
    >>> class Idle:
    ...     def work(self):
    ...         return 2.0
    >>> Budget(Idle(), 1.0).late(), Budget(Idle(), 0.0).late(), Budget(Idle(), None).late()
    (False, True, False)
    """

    def __init__(self, worker: Worker, seconds: float | None) -> None:
        self._worker = worker
        self._begun = worker.work()
        self.seconds = float("inf") if seconds is None else seconds

    def spent(self) -> float:
        """Return what was spent of it."""
        return self._worker.work() - self._begun

    def late(self) -> bool:
        """Tell whether it is used up."""
        return self.spent() >= self.seconds

    def part(self, share: float) -> Budget:
        """Return a budget of a share of what is left, which is spent of this one as well."""
        return Budget(self._worker, max(0.0, self.seconds - self.spent()) * share)

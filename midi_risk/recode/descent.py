"""The way down from a node, one axis at a time."""

from __future__ import annotations

from collections.abc import Callable

Steps = tuple[int, ...]
Key = tuple[float, ...]


def descend(
    steps: Steps, key_of: Callable[[Steps], Key | None], late: Callable[[], bool]
) -> Key | None:
    """Lower one axis by a step, each time to the node with the smallest key, while it falls.

    Parameters
    ----------
    steps : tuple of int
        Where to begin.
    key_of : callable
        Key of a node; None when it does not come into question.
    late : callable
        Whether to stop.

    Returns
    -------
    tuple of float or None
        The smallest key met, None when the first node does not come into question.

    Examples
    --------
    >>> descend((2, 1), lambda steps: (abs(steps[0] - 1) + steps[1],), lambda: False)
    (0,)
    """
    now = key_of(steps)
    while now is not None and not late():
        below = [
            (*steps[:axis], step - 1, *steps[axis + 1 :]) for axis, step in enumerate(steps) if step
        ]
        found = [(key, node) for node in below if (key := key_of(node)) is not None]
        best = min(found, default=None)
        if best is None or best[0] >= now:
            break
        now, steps = best
    return now

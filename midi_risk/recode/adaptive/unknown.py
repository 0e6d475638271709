"""Classes of a node of options when an unknown value may be any value, as the judge counts them.

The group of unknown values of a fact matches every group of it, unless the fact is removed: what
does not leave matches nothing and hinders nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from midi_risk.recode.adaptive.explore import Axis, Option
from midi_risk.recode.adaptive.facts import Fact, shown_of
from midi_risk.recode.lattice.unknown import Matching

Ints = npt.NDArray[np.int64]


class Unknowns:
    """Which records have no value of a fact, and which options let a fact leave.

    Parameters
    ----------
    facts : sequence of Fact
        The attributes of each are known of the same records.
    axes : sequence of Axis
        Of these facts.
    policy : {"wildcard", "wildcard-cautious"}
        How the judge reads an unknown value.
    """

    def __init__(self, facts: Sequence[Fact], axes: Sequence[Axis], policy: str) -> None:
        self._facts = facts
        self._axes = axes
        self.policy = policy
        self._blank = [_blank(fact, axis) for fact, axis in zip(facts, axes, strict=True)]

    def matching(
        self,
        options: Sequence[Option],
        sizes: Ints,
        field: Callable[[int, Ints], Ints],
        spend: Callable[[int], None],
    ) -> Matching:
        """Return the matched sizes of the classes of a node.

        Parameters
        ----------
        options : sequence of Option
            One per axis.
        sizes : ndarray of int64, shape (classes,)
            Records in each class.
        field : callable
            Number of an axis and numbers of classes -> their groups on it.
        spend : callable
            Told how many cells were compared.
        """
        classes = np.arange(len(sizes))
        columns: list[Ints] = []
        for number, option in enumerate(options):
            leave = _leaving(self._facts[number], option)
            if not leave:
                continue
            codes, blank = field(number, classes), self._blank[number]
            codes = codes if blank is None else np.where(codes == option.group[blank], -1, codes)
            # Several columns of a fact say one thing; that there are several counts for one rule
            # of the judge, by which somebody without any value adds to nobody.
            columns += [codes] * min(leave, 2)
        patterns = np.stack(columns, axis=1) if columns else np.zeros((len(classes), 0), np.int64)
        return Matching(patterns, sizes, self.policy, spend)


def _blank(fact: Fact, axis: Axis) -> int | None:
    """Return the code of an axis for records without a value, None where there are none."""
    first = fact.members[0]
    if None not in first.texts:
        return None
    return int(axis.codes[np.flatnonzero(first.codes == first.texts.index(None))[0]])


def _leaving(fact: Fact, option: Option) -> int:
    """Return how many attributes of a fact an option does not remove."""
    return sum(
        shown.rule is not None or not 0 < (shown.level or 0) == len(v.hierarchy.level_names) - 1
        for v, shown in zip(fact.members, shown_of(option), strict=True)
    )

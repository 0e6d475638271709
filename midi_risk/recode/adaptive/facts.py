"""Columns that state one fact: equal ones, a level of another, an age and the birth date.

Such columns share one axis of the search, one step and one cost. Whether a column follows from
another is judged on values that repeat only, since a near-key determines everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from midi_risk.attributes.model import Kind
from midi_risk.recode.adaptive.distance import Spread
from midi_risk.recode.adaptive.explore import Axis, Option
from midi_risk.recode.adaptive.options import Shown, Values
from midi_risk.recode.loss import weight_of

Ints = npt.NDArray[np.int64]

REPEATED = 30
"""Records with repeated values, from which it is judged whether a column follows from another;
half of the records at least, since the few repeats of a near-key share everything else too."""

APART = 5
"""Records with repeated values that have to lie outside the commonest value of the column that is
said to follow: one odd record does not make a fact of a nearly constant column."""

ALIKE = 1 - 1e-12
MOST_CELLS = 1 << 24
"""Cells of a table of two columns, up to which it is asked whether one determines the other."""

ODD_RECORDS = 0.01
"""Records that may lie outside the group that a level of the other column gives them."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """Attributes that state one fact.

    Parameters
    ----------
    members : tuple of Values
        The one that says most first; age before others.
    levels_of : bool
        Whether the others are levels of the first, such as the maker of a model.
    weight : float
        Before it is divided by the sum of all.
    """

    members: tuple[Values, ...]
    levels_of: bool
    weight: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the attributes."""
        return tuple(member.name for member in self.members)


def follows(of: Ints, given: Ints, known: npt.NDArray[np.bool_]) -> float:
    """Return how surely a column follows from another: 1 always, 0 no more than by chance.

    Parameters
    ----------
    of, given : ndarray of int64, shape (N,)
    known : ndarray of bool, shape (N,)
        Records with both.

    Returns
    -------
    float
        Cohen's kappa of "same ``of``" given "same ``given``" over pairs of records; 0 with too
        few records whose value repeats.

    Examples
    --------
    >>> model = np.repeat(np.arange(10), 5)
    >>> follows(model // 2, model, np.ones(50, dtype=bool))
    1.0
    """
    a, b = given[known], of[known]
    n = len(a)
    if n < REPEATED:
        return 0.0
    by_a = np.bincount(a)
    if by_a[by_a > 1].sum() < max(REPEATED, n / 2):
        return 0.0
    by_b = np.bincount(b).astype(np.float64)
    if ((by_a[a] > 1) & (b != by_b.argmax())).sum() < APART:
        return 0.0
    by_both = np.unique(a * (int(b.max()) + 1) + b, return_counts=True)[1].astype(np.float64)
    pairs_a = float((by_a.astype(np.float64) * (by_a - 1)).sum())
    chance = float((by_b * (by_b - 1)).sum()) / (n * (n - 1.0))
    if chance >= 1:
        return 0.0
    both = float((by_both * (by_both - 1)).sum()) / pairs_a
    return (both - chance) / (1 - chance)


def _years_of(values: Values) -> npt.NDArray[np.float64] | None:
    """Return the place of each record in years, None where a column holds no time."""
    at = values.spread.at
    if at is None:
        return None
    if values.attribute.kind in {Kind.AGE, Kind.DATE}:
        return at[values.codes]
    if values.attribute.ladder == "agedays":
        return np.abs(at[values.codes]) / 365.25
    return None


def _one_time(one: Values, other: Values) -> bool:
    """Tell whether two columns hold one time: equal, apart by a constant, or mirrored."""
    kinds = {one.attribute.kind, other.attribute.kind}
    if kinds == {Kind.DATE} or (Kind.DATE in kinds and not _born(one, other)):
        return False
    x, y = _years_of(one), _years_of(other)
    if x is None or y is None:
        return False
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < REPEATED:
        return False
    x, y = x[known], y[known]
    if np.ptp(x) < 5 or np.ptp(y) < 5:
        return False
    return any(
        float((np.abs(d - np.median(d)) <= 1.0 + 1e-9).mean()) >= 0.99 for d in (y - x, y + x)
    )


def _one_sex(one: Values, other: Values) -> bool:
    """Tell whether two columns, as of images and of a table, state the sex of the same people."""
    if {one.attribute.kind, other.attribute.kind} != {Kind.SEX}:
        return False
    texts = [np.array(values.texts, dtype=object)[values.codes] for values in (one, other)]
    return bool((texts[0] == texts[1]).mean() >= 1 - ODD_RECORDS)


def _born(one: Values, other: Values) -> bool:
    return "birthdate" in {one.attribute.ladder, other.attribute.ladder}


def facts(values: Sequence[Values]) -> list[Fact]:
    """Return the facts that attributes state, in the order of their first attributes."""
    root = list(range(len(values)))

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    known = [np.array([t is not None for t in v.texts], dtype=bool)[v.codes] for v in values]
    level: set[tuple[int, int]] = set()
    for a, b in permutations(range(len(values)), 2):
        one, other = values[a], values[b]
        both = known[a] & known[b]
        alike_missing = (known[a] == known[b]).mean() >= 1 - ODD_RECORDS
        if len(one.texts) < 3 and len(other.texts) < 3 and len(one.texts) != len(other.texts):
            continue
        if alike_missing and follows(other.codes, one.codes, both) >= ALIKE:
            level.add((a, b))
    for a, b in combinations(range(len(values)), 2):
        same = _one_time(values[a], values[b]) or _one_sex(values[a], values[b])
        if (a, b) in level or (b, a) in level or same:
            root[find(b)] = find(a)
    out = []
    for first in range(len(values)):
        if find(first) != first:
            continue
        members = [i for i in range(len(values)) if find(i) == first]
        members.sort(
            key=lambda i: (values[i].attribute.kind is not Kind.AGE, -len(values[i].texts), i)
        )
        told = [values[i] for i in members]
        pairs = [(members[0], i) for i in members[1:]]
        one_way = any((b, a) not in level and (a, b) in level for a, b in pairs)
        out.append(Fact(tuple(told), one_way, _weight(told)))
    return out


def _weight(members: Sequence[Values]) -> float:
    """Return the weight of a fact: the largest of its attributes'."""
    return max(weight_of(m.attribute) for m in members)


def derived(values: Sequence[Values]) -> tuple[str, ...]:
    """Return the body mass indices that follow from a height and a weight within rounding."""
    by = {v.attribute.ladder: v for v in values if v.attribute.ladder in {"height", "weight"}}
    if len(by) < 2:
        return ()
    height, weight = (by[name].spread.at for name in ("height", "weight"))
    if height is None or weight is None:
        return ()
    tall = height[by["height"].codes]
    tall = np.where(tall < 3.5, tall, tall / 100)
    heavy = weight[by["weight"].codes]
    found = []
    for v in values:
        if v.attribute.ladder != "bmi" or v.spread.at is None:
            continue
        index = v.spread.at[v.codes]
        both = np.isfinite(index) & np.isfinite(tall) & np.isfinite(heavy)
        if both.sum() >= REPEATED:
            near = np.abs(heavy[both] / tall[both] ** 2 - index[both]) <= 0.6
            found += [v.name] if near.mean() >= 0.99 else []
    return tuple(found)


def axis_of(fact: Fact, options: Sequence[Sequence[Option]], weight: float) -> Axis:
    """Return the axis of a fact.

    Parameters
    ----------
    fact : Fact
    options : sequence of sequence of Option
        Of each member alone, least loss first.
    weight : float
        Share of the fact in the score.
    """
    if len(fact.members) == 1:
        return Axis(fact.members[0].codes, tuple(options[0]), weight)
    codes, parts, spread = _joint(fact)
    found: dict[bytes, tuple[tuple[float, float], Option]] = {}
    pairs: list[tuple[Option, ...]] = []
    rest = range(1, len(fact.members))
    coarsest = [min(each, key=lambda o: (o.groups, -o.loss)) for each in options]
    pairs.append(tuple(coarsest))
    for odd in (0.0, ODD_RECORDS):
        for option in options[0]:
            told = (_finest(option, 0, options[i], i, parts, spread, odd) for i in rest)
            pairs.append((option, *told))
        for i in rest if fact.levels_of else ():
            for option in options[i]:
                others = [
                    coarsest[0] if j == 0 else _finest(option, i, options[j], j, parts, spread, odd)
                    for j in range(len(fact.members))
                ]
                others[i] = option
                pairs.append(tuple(others))
    for chosen in pairs:
        group = _cells([o.group[p] for o, p in zip(chosen, parts, strict=True)])
        share = spread.shares(group)
        loss = float((spread.count * share).sum() / spread.count.sum())
        made = tuple(o.made_of[0] for o in chosen)
        option = Option(group, share, loss, chosen[0].price, made)
        # Of two ways to show the same groups, the one that says more in each column.
        worth = (option.price, sum(o.loss for o in chosen))
        key = _form(group)
        if key not in found or worth < found[key][0]:
            found[key] = (worth, option)
    kept = sorted((o for _, o in found.values()), key=lambda o: (o.loss + o.price, -o.groups))
    return Axis(codes, tuple(kept), weight)


def _joint(fact: Fact) -> tuple[Ints, list[Ints], Spread]:
    """Return the joint codes, the code of each member under each, and the first one's spread."""
    table = np.column_stack([member.codes for member in fact.members])
    distinct, codes, count = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    parts = [distinct[:, i].astype(np.int64) for i in range(len(fact.members))]
    at = fact.members[0].spread.at
    place = None if at is None else at[parts[0]]
    return (
        codes.reshape(-1).astype(np.int64),
        parts,
        Spread(count=count.astype(np.float64), at=place),
    )


def _cells(columns: Sequence[Ints]) -> Ints:
    key = columns[0]
    for column in columns[1:]:
        joint = key * (int(column.max()) + 1) + column
        key = np.unique(joint, return_inverse=True)[1].reshape(-1)
    return np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _form(group: Ints) -> bytes:
    first = np.unique(group, return_index=True)[1]
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return bytes(rank[group].tobytes())


def _finest(
    option: Option,
    place: int,
    others: Sequence[Option],
    at: int,
    parts: list[Ints],
    spread: Spread,
    most_odd: float,
) -> Option:
    """Return the finest option of another member that an option of one determines.

    A share ``most_odd`` of the records may lie outside the group that theirs gives them.
    """
    group = option.group[parts[place]]
    for other in sorted(others, key=lambda o: (-o.groups, o.loss)):
        told = other.group[parts[at]]
        width = int(told.max()) + 1
        joint = group * width + told
        if (int(group.max()) + 1) * width > MOST_CELLS:
            continue
        size = np.bincount(joint, weights=spread.count, minlength=(int(group.max()) + 1) * width)
        largest = size.reshape(-1, width).max(axis=1)
        odd = spread.count.sum() - largest.sum()
        if odd <= most_odd * spread.count.sum():
            return other
    return min(others, key=lambda o: (o.groups, -o.loss))


def shown_of(option: Option) -> tuple[Shown, ...]:
    """Return how each attribute of a fact is written under an option."""
    return tuple(made for made in option.made_of if isinstance(made, Shown))

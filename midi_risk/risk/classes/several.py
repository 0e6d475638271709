"""Matching sets where a subject has several values of an attribute, any of which may be known.

The attacker knows one value of each attribute. Compatible is every subject that has, for each
of these attributes, some value that the attacker could have seen. The size of a subject is the
smallest over what may be known of it, one value of each attribute in every combination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.classes.matching import Codes, count_in_boxes, ranges, renumbered

_ROWS = 4_000_000
"""Combinations of values that are listed at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """The values of every subject of one attribute, sorted by subject, each value once.

    Parameters
    ----------
    owner : numpy.ndarray of int64, shape (p,)
        Subject of each value; a subject without any value has none.
    value : numpy.ndarray, shape (p,)
        Codes from 0 where a value is known exactly, numbers where it is known roughly.
    within : float or None
        Largest difference that the attacker cannot tell; None for exact knowledge.
    """

    owner: Codes
    value: npt.NDArray[Any]
    within: float | None = None

    def lengths(self, n: int) -> Codes:
        """Return the number of values of each of n subjects."""
        return np.bincount(self.owner, minlength=n).astype(np.int64)


class Listed(NamedTuple):
    """Combinations of values: whose they are, and the place of the value of each attribute."""

    owner: Codes
    places: list[Codes]


def listed_combinations(n: int, lengths: Sequence[Codes]) -> Listed:
    """List every combination of one value of each attribute; nobody without a value is listed.

    Parameters
    ----------
    n : int
        Subjects.
    lengths : sequence of numpy.ndarray of int64, shape (n,)
        Number of values of each subject, by attribute.
    """
    owner = np.arange(n, dtype=np.int64)
    places: list[Codes] = []
    for own in lengths:
        times = own[owner]
        ends = np.cumsum(times)
        nth = np.arange(int(times.sum())) - np.repeat(ends - times, times)
        places = [np.repeat(place, times) for place in places]
        owner = np.repeat(owner, times)
        places.append((np.cumsum(own) - own)[owner] + nth)
    return Listed(owner, places)


def combinations_of(lengths: Sequence[Codes]) -> float:
    """Return how many combinations of one value of each attribute all subjects have together."""
    return (
        float(np.prod([np.maximum(own, 1.0) for own in lengths], axis=0).sum()) if lengths else 0.0
    )


def fits(lengths: Sequence[Codes]) -> bool:
    """Tell whether these combinations may be listed in bounded memory."""
    n = len(lengths[0]) if lengths else 0.0
    return combinations_of(lengths) <= max(_ROWS, 2 * n)


def any_value_sizes(
    exact: npt.NDArray[np.int64],
    several: Sequence[Several],
    *,
    missing: Literal["category", "wildcard", "wildcard-cautious"] = "category",
) -> Codes:
    """Return the smallest matching set of each subject over the values that may be known.

    Parameters
    ----------
    exact : numpy.ndarray of int64, shape (n, q)
        Codes of attributes with one value that is known exactly; missing is -1.
    several : sequence of Several
        Attributes with several values, and every attribute that is known roughly.
    missing : {"category", "wildcard", "wildcard-cautious"}
        A missing value is compatible with a missing one only, or with every value; cautiously
        it is so for whoever lacks the value, and enlarges no set of a known one.

    Returns
    -------
    numpy.ndarray of int64, shape (n,)
        At least 1, the subject itself.

    Raises
    ------
    MeasureError
        When values are known roughly and a missing value matches everything.

    Notes
    -----
    Exact values: the combinations are sorted once, and each subject counts once in each. Rough
    values: a subject has a value in a range exactly when its values there are one more than its
    pairs of neighbouring values there, so that values count +1, such pairs -1, and products of
    both in several dimensions; one count of points in boxes answers everything. There is no
    loop over pairs of subjects.

    Examples
    --------
    >>> sex = np.zeros((3, 1), dtype=np.int64)
    >>> ages = Several(owner=np.array([0, 0, 1, 2]), value=np.array([40, 41, 40, 40]))
    >>> any_value_sizes(sex, [ages]).tolist()
    [1, 3, 3]
    >>> rough = Several(owner=ages.owner, value=ages.value.astype(float), within=1.0)
    >>> any_value_sizes(sex, [rough]).tolist()
    [3, 3, 3]
    """
    n = len(exact)
    rough = [own for own in several if own.within is not None]
    if missing != "category":
        if rough:
            raise MeasureError("rough values cannot be several where a missing one matches all")
        return _by_pattern(exact, several, missing)
    lacking = [np.flatnonzero(own.lengths(n) == 0) for own in several]
    flags = np.zeros((n, len(several)), dtype=np.int64)
    for column, rows in enumerate(lacking):
        flags[rows, column] = 1
    filled = [_filled(own, rows) for own, rows in zip(several, lacking, strict=True)]
    group = renumbered(np.column_stack([exact, flags]))
    sure = [own for own in filled if own.within is None]
    listed = listed_combinations(n, [own.lengths(n) for own in sure])
    columns = [own.value[place] for own, place in zip(sure, listed.places, strict=True)]
    group = renumbered(np.column_stack([group[listed.owner], *columns]).astype(np.int64))
    if not rough:
        sizes = np.bincount(group)[group].astype(np.int64)
        return _smallest(sizes, listed.owner, n)
    return _in_ranges(group, listed.owner, [own for own in filled if own.within is not None], n)


def _filled(own: Several, rows: Codes, by: int = 0) -> Several:
    """Give the subjects without a value one that is no value; flags or its code keep it apart."""
    if not len(rows):
        return own
    owner = np.append(own.owner, rows)
    order = np.argsort(owner, kind="stable")
    value = np.append(own.value, np.full(len(rows), by, dtype=own.value.dtype))
    return Several(owner=owner[order], value=value[order], within=own.within)


def _smallest(sizes: Codes, owner: Codes, n: int) -> Codes:
    """Return the smallest size of each subject."""
    out = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(out, owner, sizes)
    return out


def _by_pattern(
    exact: Codes,
    several: Sequence[Several],
    missing: Literal["wildcard", "wildcard-cautious"],
) -> Codes:
    """Return sizes where a missing value matches all, by which attributes a subject has.

    Who asks knows a value of each of these, so whoever is compatible is so in one combination.
    """
    n = len(exact)
    lengths = [own.lengths(n) for own in several]
    pattern = renumbered(np.column_stack([own > 0 for own in lengths]).astype(np.int64))
    out = np.empty(n, dtype=np.int64)
    for kind in range(int(pattern.max(initial=-1)) + 1):
        asking = pattern == kind
        first = int(np.argmax(asking))
        used = [i for i, own in enumerate(lengths) if own[first]]
        listed = listed_combinations(n, [np.maximum(lengths[i], 1) for i in used])
        columns = [exact[listed.owner]]
        for i, place in zip(used, listed.places, strict=True):
            without = np.flatnonzero(lengths[i] == 0)
            columns.append(_filled(several[i], without, -1).value[place].astype(np.int64))
        classes = EquivalenceClasses.from_codes(np.column_stack(columns), missing=missing)
        sizes = np.asarray(classes.record_sizes).astype(np.int64)
        out[asking] = _smallest(sizes, listed.owner, n)[asking]
    return out


class _Cells(NamedTuple):
    """Values (+1) and pairs of neighbouring values (-1) of each subject, as ranks."""

    lengths: Codes
    low: Codes
    high: Codes
    sign: Codes


def _cells(own: Several, n: int) -> _Cells:
    order = np.lexsort((own.value, own.owner))
    rank = np.unique(own.value[order], return_inverse=True)[1].reshape(-1).astype(np.int64)
    owner = own.owner[order]
    pair = np.flatnonzero(owner[1:] == owner[:-1])
    who = np.concatenate([owner, owner[pair]])
    low = np.concatenate([rank, rank[pair]])
    high = np.concatenate([rank, rank[pair + 1]])
    sign = np.concatenate([np.ones(len(rank), np.int64), np.full(len(pair), -1)])
    by_owner = np.argsort(who, kind="stable")
    return _Cells(
        np.bincount(who, minlength=n).astype(np.int64), low[by_owner], high[by_owner],
        sign[by_owner],
    )  # fmt: skip


def _in_ranges(group: Codes, owner: Codes, rough: Sequence[Several], n: int) -> Codes:
    """Return sizes where some values are known roughly, in groups of equal exact values.

    Parameters
    ----------
    group, owner : numpy.ndarray of int64, shape (e,)
        Group and subject of each combination of values that are known exactly.
    rough : sequence of Several
        At least one; every subject has a value of each.
    n : int
        Subjects.
    """
    cells = [_cells(own, n) for own in rough]
    points = listed_combinations(len(owner), [c.lengths[owner] for c in cells])
    starts = [(np.cumsum(c.lengths) - c.lengths) for c in cells]
    own_starts = [(np.cumsum(c.lengths[owner]) - c.lengths[owner]) for c in cells]
    where = [
        place - shift[points.owner] + start[owner[points.owner]]
        for place, shift, start in zip(points.places, own_starts, starts, strict=True)
    ]
    sides = []
    weight = np.ones(len(points.owner), dtype=np.int64)
    for cell, place, own in zip(cells, where, rough, strict=True):
        weight *= cell.sign[place]
        sides.append(cell.low[place])
        if len(own.value) > n:
            sides.append(cell.high[place])
    key = np.column_stack([group[points.owner], *sides])
    same = renumbered(key)
    _, first = np.unique(same, return_index=True)
    total = np.bincount(same, weights=weight).round().astype(np.int64)
    first, total = first[total != 0], total[total != 0]
    lengths = [own.lengths(n) for own in rough]
    asked = listed_combinations(len(owner), [length[owner] for length in lengths])
    low, high = [], []
    for own, length, place in zip(rough, lengths, asked.places, strict=True):
        shift = np.cumsum(length[owner]) - length[owner]
        start = np.cumsum(length) - length
        value = own.value[place - shift[asked.owner] + start[owner[asked.owner]]]
        _, from_, to = ranges(
            np.asarray(value, dtype=np.float64)[:, None], np.array([own.within or 0.0])
        )
        times = 2 if len(own.value) > n else 1
        low += [from_[:, 0]] * times
        high += [to[:, 0]] * times
    question = np.column_stack([group[asked.owner], *low, *high])
    alike = renumbered(question)
    _, one = np.unique(alike, return_index=True)
    sizes = count_in_boxes(
        key[first, 0],
        key[first, 1:],
        total,
        question[one, 0],
        question[one, 1 : 1 + len(low)],
        question[one, 1 + len(low) :],
    )
    return _smallest(sizes[alike], owner[asked.owner], n)

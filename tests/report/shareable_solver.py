"""A reader who solves: every number of sample uniques that the shareable edition admits.

The edition gives rounded counts, a merged histogram and a mean risk. Class sizes are whole
numbers, so together they are a system of constraints; this finds what satisfies it.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from midi_risk.report.counts import BASE, rounded
from midi_risk.report.leaves import Band


def interval_of(shown: float) -> tuple[float, float]:
    """Return what a number with two digits, or a band, may have been."""
    if isinstance(shown, Band):
        return shown.low, float(shown)
    half = 0.5 * 10 ** (floor(_exponent(shown)) - 1) if shown else 0.0
    return shown - half - 1e-12, shown + half + 1e-12


def _exponent(value: float) -> int:
    return int(f"{value:e}".split("e")[1])


def cell_of(count: Any) -> range:
    """Return the counts that a shown count may have been."""
    near = [n for n in range(max(0, count.value - 2 * BASE), count.value + 2 * BASE)
            if not 0 < n < count.k and rounded(n, count.k) == count.value]  # fmt: skip
    return range(near[0], near[-1] + 1)


def admitted(view: Any) -> list[int]:
    """Return each number of sample uniques below k with which all that is shown can be true."""
    measures, k = view.measures, int(view.threshold.k)
    bins = [(int(b.size_from), int(b.size_to), cell_of(b.subjects))
            for b in measures.class_size_histogram]  # fmt: skip
    means = [interval_of(r.value) for t in view.threats for r in t.results
             if r.measure == "prosecutor_mean"]  # fmt: skip
    if measures.sample_uniques.state != "below" or not bins:
        return list(range(1, k))
    least = int(measures.k)
    return [u for u in range(1, k)
            if (least == 1) and _possible(u, bins, cell_of(view.subjects), means)]  # fmt: skip


def _possible(
    uniques: int,
    bins: list[tuple[int, int, range]],
    total: range,
    means: list[tuple[float, float]],
) -> bool:
    """Tell whether classes of some sizes fill all bins with so many uniques."""
    reached: dict[int, list[tuple[int, int]]] = {0: [(0, 0)]}
    for number, (low, high, cell) in enumerate(bins):
        onwards: dict[int, list[tuple[int, int]]] = {}
        for subjects in cell:
            own = uniques if number == 0 else 0
            rest, smallest = subjects - own, max(2, low) if own else low
            fewest, largest = ceil(rest / high), floor(rest / smallest)
            if rest < 0 or fewest > largest:
                continue
            for before, ranges in reached.items():
                onwards.setdefault(before + subjects, []).extend(
                    (least + own + fewest, most + own + largest) for least, most in ranges
                )
        reached = {n: _joined(ranges) for n, ranges in onwards.items() if n <= total[-1]}
    for n in total:
        for least, most in reached.get(n, []):
            ends = [(least, most), *((ceil(a * n - 1e-9), floor(b * n + 1e-9)) for a, b in means)]
            if max(a for a, _ in ends) <= min(b for _, b in ends):
                return True
    return False


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same numbers of classes in as few ranges as they make."""
    out: list[tuple[int, int]] = []
    for least, most in sorted(ranges):
        if out and least <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], most))
        else:
            out.append((least, most))
    return out

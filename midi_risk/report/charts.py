"""Charts as data: numbers in, marks in drawing units out; the templates draw them.

All functions are pure. A chart that has nothing to show is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from midi_risk.report.chart_parts import WIDTH, Bar, Chart, Point, Rule, Tick
from midi_risk.report.counts import SafeCount
from midi_risk.report.figures import count_text, number
from midi_risk.report.scale import Scale, nice_top

LEFT, RIGHT, TOP, BOTTOM = 56, 16, 26, 44


def drawn(count: int | SafeCount) -> int:
    """Return the height of a count; a hidden one has none."""
    return count if isinstance(count, int) else count.value or 0


def sizes(low: int, high: int) -> str:
    r"""Return a range of class sizes in words.

    Examples
    --------
    >>> sizes(1, 1), sizes(3, 4).replace("\u2013", "-")
    ('1', '3-4')
    """
    return str(low) if low == high else f"{low}\u2013{high}"


def whole_percent(share: float) -> str:
    """Return a share on an axis.

    Examples
    --------
    >>> whole_percent(0.25)
    '25 %'
    """
    return f"{100 * share:g} %"


def histogram(
    bins: Sequence[tuple[int, int, int | SafeCount]], k: int, *, height: float = 250
) -> Chart | None:
    """Return the class-size histogram with the threshold.

    Parameters
    ----------
    bins : sequence of (int, int, int or SafeCount)
        Smallest and largest class size, and subjects; ascending.
    k : int
        Threshold: classes smaller than k are at risk.

    Returns
    -------
    Chart or None
    """
    if not bins:
        return None
    rows = tuple(
        (
            sizes(low, high),
            count_text(s),
            "below" if high < k else "within" if low >= k else "both sides",
        )
        for low, high, s in bins
    )
    bins = fewer(bins, k, 16 if max(drawn(s) for _, _, s in bins) < 1000 else 10)
    top = nice_top(max(drawn(s) for _, _, s in bins))
    slot = (WIDTH - LEFT - RIGHT) / len(bins)
    wide = min(slot * 0.72, 64.0)
    crowded = any(7 * len(sizes(low, high)) > slot for low, high, _ in bins)
    bottom = BOTTOM + (13 if crowded else 0)
    y = Scale(low=0, high=top, start=height - bottom, end=TOP)
    bars = tuple(
        Bar(
            x=round(LEFT + i * slot + (slot - wide) / 2, 2),
            y=y(drawn(subjects)),
            width=round(wide, 2),
            height=round(y(0) - y(drawn(subjects)), 2),
            label=sizes(low, high),
            value=count_text(subjects),
            marked=high < k,
            shift=13.0 if crowded and i % 2 else 0.0,
        )
        for i, (low, high, subjects) in enumerate(bins)
    )
    below = sum(1 for _, high, _ in bins if high < k)
    straddles = any(low < k <= high for low, high, _ in bins)
    at = round(LEFT + below * slot, 2)
    return Chart(
        name="class-sizes",
        title="Subjects by size of their equivalence class",
        summary=f"Bar chart of {len(bins)} ranges of class size. Classes smaller than {k} "
        "are below the threshold and hatched.",
        height=height,
        x_label="subjects who share all quasi-identifiers",
        y_label="subjects",
        heads=("Class size", "Subjects", f"Against k = {k}"),
        rows=rows,
        y_ticks=ticks(y, count=5),
        bars=bars,
        bottom=bottom,
        x_rule=None if straddles else Rule(at=at, label=f"k = {k}", before=at > WIDTH - 90),
        note="A bar joins both sides of the threshold because one side alone is too small to show."
        if straddles
        else "",
    )


def fewer(
    bins: Sequence[tuple[int, int, int | SafeCount]], k: int, most: int = 16
) -> list[tuple[int, int, int | SafeCount]]:
    """Return at most so many bins: the emptiest neighbours on one side of k are joined.

    Examples
    --------
    >>> fewer([(1, 1, 5), (2, 2, 1), (3, 3, 2), (4, 9, 7)], 4, most=3)
    [(1, 1, 5), (2, 3, 3), (4, 9, 7)]
    """
    out = list(bins)
    while len(out) > most:
        pairs = [
            (drawn(out[i][2]) + drawn(out[i + 1][2]), i)
            for i in range(len(out) - 1)
            if not out[i][1] < k <= out[i + 1][0]
        ]
        subjects, i = min(pairs)
        out[i : i + 2] = [(out[i][0], out[i + 1][1], subjects)]
    return out


def curve(points: Sequence[tuple[int, float, str]], k: int, *, height: float = 250) -> Chart | None:
    """Return the share of subjects in classes smaller than k, as a step curve over k.

    Parameters
    ----------
    points : sequence of (int, float, str)
        k, share below k, and the share in words; k ascending.
    k : int
        Threshold.

    Returns
    -------
    Chart or None
    """
    if not points:
        return None
    last = max(points[-1][0], k)
    x = Scale(low=1, high=last * 1.05, start=LEFT, end=WIDTH - RIGHT, log=last > 60)
    y = Scale(low=0, high=1, start=height - BOTTOM, end=TOP)
    path = f"M{x(1)} {y(0)}"
    for size, share, _ in points:
        path += f"H{x(size)}V{y(share)}"
    path += f"H{WIDTH - RIGHT}"
    ticks = x.ticks(9)
    return Chart(
        name="k-curve",
        title="Subjects below the threshold, for each threshold k",
        summary="Step curve. For each k, the share of subjects who share their quasi-identifiers "
        f"with fewer than k subjects. The threshold is at k = {k}.",
        height=height,
        x_label="threshold k",
        y_label="share of subjects below k",
        heads=("k", "Subjects in classes smaller than k"),
        rows=tuple((str(size), words) for size, _, words in points),
        x_ticks=tuple(Tick(at=x(t), label=f"{t:.0f}") for t in ticks if t == int(t) and t > 0),
        y_ticks=tuple(Tick(at=y(t), label=whole_percent(t)) for t in (0.0, 0.25, 0.5, 0.75, 1.0)),
        points=tuple(
            Point(x=x(size), y=y(share), label=f"k = {size}: {words}", marked=size == k)
            for size, share, words in points
        ),
        path=path,
        x_rule=Rule(at=x(k), label=f"k = {k}", before=x(k) > WIDTH - 90),
    )


def pareto(
    nodes: Sequence[tuple[float, float, int | SafeCount]],
    chosen: tuple[float, float] | None,
    threshold: float | None,
    *,
    height: float = 280,
) -> Chart | None:
    """Return the Pareto front of information loss and risk.

    Parameters
    ----------
    nodes : sequence of (float, float, int or SafeCount)
        Loss, risk, and subjects left out.
    chosen : (float, float) or None
        Loss and risk of the proposed plan.
    threshold : float or None
        Largest accepted risk.

    Returns
    -------
    Chart or None
    """
    if not nodes:
        return None
    ordered = sorted(nodes, key=lambda n: (n[0], n[1]))
    losses = [n[0] for n in ordered] + ([chosen[0]] if chosen else [])
    risks = [n[1] for n in ordered] + ([chosen[1]] if chosen else []) + [threshold or 0.0]
    x = Scale(low=0, high=nice_top(max(losses)), start=LEFT, end=WIDTH - RIGHT - 10)
    y = Scale(low=0, high=nice_top(max(risks)), start=height - BOTTOM, end=TOP)
    places = [(x(loss), y(risk)) for loss, risk, _ in ordered]
    path = f"M{places[0][0]} {places[0][1]}" + "".join(
        f"H{b[0]}V{b[1]}" for _, b in pairwise(places)
    )
    points = tuple(
        Point(x=px, y=py, label=f"loss {number(n[0])}, risk {number(n[1])}")
        for n, (px, py) in zip(ordered, places, strict=True)
    )
    rows = [(number(n[0]), number(n[1]), count_text(n[2])) for n in ordered]
    if chosen:
        label = f"proposed plan: loss {number(chosen[0])}, risk {number(chosen[1])}"
        points += (Point(x=x(chosen[0]), y=y(chosen[1]), label=label, marked=True),)
        rows.append((f"{number(chosen[0])} (proposed plan)", number(chosen[1]), "see above"))
    return Chart(
        name="pareto",
        title="Risk against information loss",
        summary="Pareto front: no other recoding found has both lower risk and lower loss. "
        + ("The proposed plan is ringed. " if chosen else "")
        + ("The dashed line is the threshold." if threshold is not None else ""),
        height=height,
        x_label="information loss (0 keeps everything)",
        y_label="risk",
        heads=("Loss", "Risk", "Subjects left out"),
        rows=tuple(rows),
        x_ticks=ticks(x, count=6),
        y_ticks=ticks(y, count=5),
        points=points,
        path=path,
        y_rule=None if threshold is None else Rule(at=y(threshold), label="threshold"),
    )


def ticks(scale: Scale, *, count: int) -> tuple[Tick, ...]:
    """Return the ticks of a scale with their numbers."""
    return tuple(Tick(at=scale(t), label=number(t)) for t in scale.ticks(count))

"""Charts as data: numbers in, marks in drawing units out; the templates draw them.

All functions are pure. A chart that has nothing to show is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from midi_risk.document.clean import shortened
from midi_risk.report.view import Count, Shown
from midi_risk.report.words import NOT_STATED, count_text, number, percent, risk_text

WIDTH = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle with a label and a value label."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str
    marked: bool = False
    shift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A mark of a scatter or a curve."""

    x: float
    y: float
    label: str
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold line with its label."""

    at: float
    label: str
    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything a template needs to draw one chart and its data table.

    Parameters
    ----------
    name : str
        Stable id.
    title, summary : str
        ``<title>`` and ``<desc>``.
    width, height : float
        Size of the view box.
    x_label, y_label : str
        Axis names.
    heads, rows : tuple
        The data table.
    """

    name: str
    title: str
    summary: str
    height: float
    x_label: str
    y_label: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    width: float = WIDTH
    bottom: float = 44
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()
    path: str = ""
    x_rule: Rule | None = None
    y_rule: Rule | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A monotone map from data to drawing units.

    Parameters
    ----------
    low, high : float
        Ends in data units; equal ends map to the middle.
    start, end : float
        Ends in drawing units; `end` may be the smaller (an upward axis).
    log : bool
        Logarithmic; both ends must then be positive.

    Examples
    --------
    >>> Scale(low=0, high=10, start=0, end=100)(5)
    50.0
    >>> Scale(low=1, high=100, start=0, end=10, log=True)(10)
    5.0
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the drawing unit of a value; values outside stay at the ends."""
        value = min(max(value, self.low), self.high)
        if self.high == self.low:
            return (self.start + self.end) / 2
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 2)

    def ticks(self, count: int = 5) -> tuple[float, ...]:
        """Return round values inside the ends, about `count` of them.

        Examples
        --------
        >>> Scale(low=0, high=0.42, start=0, end=1).ticks()
        (0.0, 0.2, 0.4)
        """
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = [m * 10.0**d for d in decades for m in (1, 2, 5)]
            return tuple(s for s in steps if self.low <= s <= self.high)
        span = self.high - self.low
        if span <= 0:
            return (self.low,)
        raw = span / max(1, count - 1)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(round(i * step, 10) for i in range(first, last + 1))


def nice_top(value: float) -> float:
    """Return a round number at or above a value; 1 for one that is zero or as good as zero.

    Examples
    --------
    >>> nice_top(388), nice_top(0.0), nice_top(0.83)
    (400.0, 1.0, 1.0)
    """
    if value < 1e-12:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return float(
        next(
            round(m * power, 10)
            for m in (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
            if m * power >= value * 0.9999
        )
    )


LEFT, RIGHT, TOP, BOTTOM = 56, 16, 26, 44


def drawn(count: Count) -> int:
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
    bins: Sequence[tuple[int, int, Count]], k: int, *, height: float = 250
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
    bins: Sequence[tuple[int, int, Count]], k: int, most: int = 16
) -> list[tuple[int, int, Count]]:
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
    nodes: Sequence[tuple[float, float, Count]],
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


def contributions(
    parts: Sequence[tuple[str, float]], *, share: bool = False, most: int = 20
) -> Chart | None:
    """Return what each attribute adds to the governing risk, largest first.

    Parameters
    ----------
    parts : sequence of (str, float)
        Attribute and the fall of the governing risk when it alone is removed.
    share : bool
        The numbers are shares of their sum instead.
    most : int
        Attributes drawn; the table has all.

    Returns
    -------
    Chart or None
    """
    if not parts:
        return None
    ordered = sorted(parts, key=lambda p: (-p[1], p[0]))
    names, gutter, row = [n for n, _ in ordered], 190, 26
    shown = ordered[:most]
    height = TOP + row * len(shown) + BOTTOM
    high = nice_top(shown[0][1])
    x = Scale(low=0, high=high, start=gutter, end=WIDTH - 70)
    words = [percent(v) if share else number(v) for _, v in ordered]
    return Chart(
        name="contributions",
        title="What each quasi-identifier adds to the risk",
        summary="Bar chart, largest first: "
        + ("share of the sum of all contributions." if share else "contribution to the risk."),
        height=height,
        x_label="share of all contributions" if share else "contribution to the risk",
        y_label="",
        heads=("Attribute", "Contribution"),
        rows=tuple(zip(names, words, strict=True)),
        x_ticks=tuple(
            Tick(at=x(t), label=whole_percent(t) if share else number(t)) for t in x.ticks(5)
        ),
        bars=tuple(
            Bar(
                x=gutter,
                y=TOP + i * row + 4,
                width=round(max(0.0, x(max(0.0, v)) - gutter), 2),
                height=row - 8,
                label=shortened(name, 26),
                value=words[i],
            )
            for i, (name, v) in enumerate(shown)
        ),
        note=f"The {most} largest of {len(ordered)}." if len(ordered) > most else "",
    )


def waterfall(
    parts: Sequence[tuple[str, float]], base: float, total: float, *, most: int = 20
) -> Chart | None:
    """Return how the average risk grows from knowing nothing to knowing all attributes.

    Parameters
    ----------
    parts : sequence of (str, float)
        Attribute and its Shapley value.
    base, total : float
        Average risk without any knowledge, and with all of it; they differ by the sum.
    most : int
        Attributes drawn one by one; the others are one bar. The table has all.

    Returns
    -------
    Chart or None

    References
    ----------
    Shapley LS. A value for n-person games, 1953.
    """
    ordered = sorted(parts, key=lambda p: (-p[1], p[0]))
    shown = ordered[:most]
    if len(ordered) > most:
        rest = sum(value for _, value in ordered[most:])
        shown = [*shown, (f"{len(ordered) - most} others", rest)]
    gutter, row = 190, 26
    x = Scale(low=0, high=nice_top(max(total, base)), start=gutter, end=WIDTH - 70)
    spans = [("nothing known", 0.0, base)]
    for name, value in shown:
        spans.append((name, spans[-1][2], spans[-1][2] + value))
    spans.append(("all known", 0.0, total))
    height = TOP + row * len(spans) + BOTTOM
    ends = {0, len(spans) - 1}
    return Chart(
        name="contributions",
        title="What each quasi-identifier adds to the average risk",
        summary="Waterfall chart, from the average risk when nothing is known to that when all "
        "quasi-identifiers are known. Each step is the attribute's Shapley value.",
        height=height,
        x_label="average risk",
        y_label="",
        heads=("Attribute", "Adds to the average risk"),
        rows=(
            ("nothing known", number(base)),
            *((name, number(value)) for name, value in ordered),
            ("all known", number(total)),
        ),
        x_ticks=ticks(x, count=5),
        bars=tuple(
            Bar(
                x=min(x(low), x(high)),
                y=TOP + i * row + 4,
                width=round(abs(x(high) - x(low)), 2),
                height=row - 8,
                label=shortened(name, 26),
                value=number(high)
                if i in ends
                else f"{'+' if high >= low else ''}{number(high - low)}",
                marked=i in ends,
            )
            for i, (name, low, high) in enumerate(spans)
        ),
    )


_GUTTER, _ROW = 190, 26
NAMES = {
    "attempt": "probability of an attempt",
    "breach": "probability of a breach",
    "prevalence": "prevalence",
    "fraction": "sampling fraction",
    "membership": "membership known",
    "verification": "match verified",
}


def tornado_chart(threat: Shown, index: int) -> Chart | None:
    """Return the chart of one adversary, None when no interval was declared.

    Parameters
    ----------
    threat : Threat, or what may leave of it
    index : int
        Makes the ids of the page unique.
    """
    found = threat.uncertainty
    if found is None or not found.tornado:
        return None
    bars = found.tornado
    highest = max([found.threshold, *(max(b.at_low, b.at_high) for b in bars)])
    x = Scale(low=0, high=nice_top(highest * 1.05), start=_GUTTER, end=WIDTH - 110)
    at = x(found.threshold)
    return Chart(
        name=f"tornado-{index}",
        title=f"Which assumption matters: {threat.model}, {threat.adversary}",
        summary="Bar chart, widest first: overall risk from one end of each declared interval"
        " to the other, all other intervals in the middle.",
        height=TOP + _ROW * len(bars) + BOTTOM,
        x_label="overall risk (attempt x data risk)",
        y_label="",
        heads=("Assumption", "Interval", "Risk at the low end", "Risk at the high end", "Verdict"),
        rows=tuple(
            (
                NAMES.get(b.name, b.name),
                f"{number(b.low)} to {number(b.high)}",
                number(b.at_low),
                number(b.at_high),
                "depends on it" if b.crosses else "does not depend on it",
            )
            for b in bars
        ),
        x_ticks=ticks(x, count=5),
        bars=tuple(
            Bar(
                x=min(x(b.at_low), x(b.at_high)),
                y=TOP + i * _ROW + 4,
                width=round(max(1.0, abs(x(b.at_high) - x(b.at_low))), 2),
                height=_ROW - 8,
                label=NAMES.get(b.name, b.name),
                value=f"{number(min(b.at_low, b.at_high))} to {number(max(b.at_low, b.at_high))}",
            )
            for i, b in enumerate(bars)
        ),
        x_rule=Rule(at=at, label="threshold", before=at > WIDTH - 200),
    )


def stated_pair(pair: tuple[float, float] | None) -> str:
    """Return an interval of the threat model in words.

    Examples
    --------
    >>> stated_pair(None), stated_pair((0.5, 0.5)), stated_pair((0.1, 0.5))
    ('not stated', '0.5', '0.1 to 0.5')
    """
    if pair is None:
        return NOT_STATED
    low, high = pair
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def drawn_cells(threat: Shown) -> tuple[str, str]:
    """Return the probability of being above the threshold and the interval, in words."""
    found = threat.uncertainty
    if found is None:
        return NOT_STATED, NOT_STATED
    low, high = found.interval
    return percent(found.probability_above), f"{risk_text(low)} to {risk_text(high)}"

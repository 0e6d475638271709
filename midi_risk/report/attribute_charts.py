"""What each attribute adds to the risk, as bars or as a waterfall."""

from __future__ import annotations

from collections.abc import Sequence

from midi_risk.report.chart_parts import WIDTH, Bar, Chart, Tick
from midi_risk.report.charts import BOTTOM, TOP, ticks, whole_percent
from midi_risk.report.clean import shortened
from midi_risk.report.figures import number, percent
from midi_risk.report.scale import Scale, nice_top


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

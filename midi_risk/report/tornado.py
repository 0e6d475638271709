"""What each declared assumption does to the risk, as bars."""

from __future__ import annotations

from typing import Any

from midi_risk.report.chart_parts import WIDTH, Bar, Chart, Rule
from midi_risk.report.charts import BOTTOM, TOP, ticks
from midi_risk.report.figures import NOT_STATED, number, percent, risk_text
from midi_risk.report.scale import Scale, nice_top

_GUTTER, _ROW = 190, 26
NAMES = {
    "attempt": "probability of an attempt",
    "breach": "probability of a breach",
    "prevalence": "prevalence",
    "fraction": "sampling fraction",
    "membership": "membership known",
    "verification": "match verified",
}


def tornado_chart(threat: Any, index: int) -> Chart | None:
    """Return the chart of one adversary, None when no interval was declared.

    Parameters
    ----------
    threat : Threat or SafeThreat
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


def drawn_cells(threat: Any) -> tuple[str, str]:
    """Return the probability of being above the threshold and the interval, in words."""
    found = threat.uncertainty
    if found is None:
        return NOT_STATED, NOT_STATED
    low, high = found.interval
    return percent(found.probability_above), f"{risk_text(low)} to {risk_text(high)}"

"""The overview of `assess --by`: one row per collection, ranked by measured risk.

It is an internal page: it shows exact counts of collections side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from midi_risk import __version__
from midi_risk.document.assessment import Assessment
from midi_risk.document.reasons import REASONS, Reason
from midi_risk.report.html import page_of
from midi_risk.report.words import STATUS

PAGE, STYLE, SCRIPT = "overview.html.j2", "overview.css", "overview.js"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRow:
    """What the overview shows of one collection.

    Parameters
    ----------
    name : str
        As the column that splits the collections has it.
    folder : str
        Where its results lie beside the page, ``""`` where it has none.
    subjects : int
    share : float
        Share of its subjects in classes smaller than the threshold asks for.
    smallest, required : int
        Smallest class, and the class size that the threshold asks for.
    mean : float
        Mean probability of a right match; classes over subjects.
    driver : str
        Attribute that adds most to it, ``""`` where none adds.
    step : str
        First step of the plan, in words.
    open_evidence : int
        Reasons for which the verdict is incomplete.
    status : str
    above : bool
        Whether a figure is above the threshold, which a status "incomplete" outranks.
    """

    name: str
    folder: str
    subjects: int
    share: float
    smallest: int
    required: int
    mean: float
    driver: str
    step: str
    open_evidence: int
    status: str
    above: bool = False

    @property
    def verdict(self) -> str:
        """The status in words, and that figures are above the threshold where it hides that."""
        also = "; figures above the threshold" if self.above and self.status == "incomplete" else ""
        return f"{STATUS[self.status]}{also}"


def overview_row(name: str, folder: str, found: Assessment) -> OverviewRow:
    """Return the row of one collection.

    Parameters
    ----------
    name, folder : str
    found : Assessment
    """
    subjects, required = found.collection.subjects, found.threshold.k
    below = [point.subjects_below for point in found.measures.curve if point.k == required]
    adds = [(a.contribution or 0.0, a.name) for a in found.attributes if a.contribution]
    driver = max(adds, default=(0.0, ""))
    return OverviewRow(
        name=name,
        folder=folder,
        subjects=subjects,
        share=below[0] / subjects if below else float((found.measures.k or 0) < required),
        smallest=found.measures.k or 0,
        required=required,
        mean=found.measures.classes / subjects if subjects else 0.0,
        driver=driver[1] if driver[0] > 0 else "",
        step=_step(found),
        open_evidence=sum(len(reason.names) or 1 for reason in _open(found)),
        status=found.verdict.status,
        above=any(
            REASONS[reason.code].status == "above_threshold" for reason in found.verdict.reasons
        ),
    )


def _open(found: Assessment) -> list[Reason]:
    """Return the reasons for which a verdict is incomplete."""
    return [r for r in found.verdict.reasons if REASONS[r.code].status == "incomplete"]


def _step(found: Assessment) -> str:
    """Return what the plan does first."""
    plan = found.plan
    if plan is None:
        return ""
    if not plan.found:
        return "no plan within the limits"
    if plan.steps:
        more = len(plan.steps) - 1
        return plan.steps[0].describe + (f" (and {more} more)" if more else "")
    return "leave out rare subjects" if plan.suppressed.subjects else "nothing has to be coarsened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One collection on the strip: where it stands, in percent of the width."""

    x: float
    y: int
    row: OverviewRow


def strip(rows: Sequence[OverviewRow]) -> list[Dot]:
    """Return the place of each collection on a line from nobody to everybody at risk.

    Collections at nearly the same place stand above each other.

    Parameters
    ----------
    rows : sequence of OverviewRow
    """
    stacked: dict[int, int] = {}
    dots = []
    for row in sorted(rows, key=lambda r: (r.share, r.name)):
        place = round(row.share * 50)
        dots.append(Dot(x=2 + 96 * place / 50, y=stacked.get(place, 0), row=row))
        stacked[place] = stacked.get(place, 0) + 1
    return dots


def overview_page(
    rows: Sequence[OverviewRow], left_out: Sequence[tuple[str, str]], *, by: str
) -> str:
    """Return the overview as one HTML document without external resources.

    Parameters
    ----------
    rows : sequence of OverviewRow
    left_out : sequence of (str, str)
        Name of each group that was not assessed, and why.
    by : str
        The column that splits the collections.
    """
    ranked = sorted(rows, key=lambda r: (-r.share, -r.mean, r.name))
    dots = strip(rows)
    return page_of(
        PAGE,
        STYLE,
        SCRIPT,
        rows=ranked,
        dots=dots,
        height=40 + 12 * max((dot.y for dot in dots), default=0),
        left_out=list(left_out),
        by=by,
        subjects=sum(row.subjects for row in rows),
        counts={status: sum(r.status == status for r in rows) for status in STATUS},
        above=sum(row.above for row in rows),
        status=STATUS,
        version=__version__,
        nothing=Markup("&ndash;"),
    )

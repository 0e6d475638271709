"""From a view to one self-contained HTML file under a hash-based content policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from midi_risk import __version__
from midi_risk.report import (
    attribute_charts,
    cards,
    charts,
    figures,
    filters,
    gaps,
    imaging,
    mapping,
    references,
    text,
    tornado,
    visits,
    words,
)
from midi_risk.report.chart_parts import Chart
from midi_risk.report.clean import neutral
from midi_risk.report.counts import SafeCount
from midi_risk.report.quality import defect_bound
from midi_risk.report.tuning import SCRIPTS, tuning, waiting
from midi_risk.report.tuning import STYLE as TUNE_STYLE
from midi_risk.resources import data_rows, resource_folder

STYLE, SCRIPT, PAGE = "report.css", "report.js", "report.html.j2"
TUNE_PAGE, SERVED = "tune.html.j2", "tune_served.js"


def render(view: Any) -> str:
    """Return the report of a view as one HTML document.

    Parameters
    ----------
    view : InternalView or ShareableView

    Returns
    -------
    str
        HTML without external resources; readable without scripts.
    """
    environment = _environment()
    style, script = _packaged(STYLE), _packaged(SCRIPT)
    lattice = getattr(view, "lattice", None)
    shown = None
    if lattice is not None:
        style, script = _with_tuning(style, script)
        shown = tuning(
            lattice,
            title=view.title,
            pending=waiting(view.verdict),
            threat_models=[str(model.get("name", "")) for model in view.threat_models],
            digest=view.digest,
            version=view.tool.version,
        )
    page = environment.get_template(PAGE)
    return page.render(
        view=view,
        tune=shown,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=policy(style, script),
        gaps=gaps.gaps(view),
        charts=drawn(view),
        cards=cards.cards(view),
        visits=visits.visit_table(view),
        best_practices=mapping.best_practices(view),
        clauses=mapping.clauses(view),
        triggers=mapping.TRIGGERS,
        references=references.references(view),
        assumptions=references.assumptions(view),
    )


def tuning_page(shown: dict[str, Any], *, title: str, models: Sequence[str]) -> str:
    """Return the tuning section as a page of its own.

    Parameters
    ----------
    shown : dict
        As `midi_risk.report.tuning.tuning` returns it.
    title : str
        Name of the collection.
    models : sequence of str
        Names of the threat models.
    """
    style, script = _with_tuning(_packaged(STYLE), "")
    served = shown["served"] is not None
    if served:
        script = script.replace("\n(function", f"\n{_packaged(SERVED)}\n(function", 1)
    return (
        _environment()
        .get_template(TUNE_PAGE)
        .render(
            tune=shown,
            title=title,
            models=list(models),
            subjects=shown["lattice"].subjects,
            version=__version__,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=policy(style, script, connect=served),
        )
    )


def _with_tuning(style: str, script: str) -> tuple[str, str]:
    """Return style and script with those of the tuning section."""
    parts = [script, *(_packaged(name) for name in SCRIPTS)]
    return f"{style}\n{_packaged(TUNE_STYLE)}", "\n".join(part for part in parts if part)


def policy(style: str, script: str, *, connect: bool = False) -> str:
    """Return the content security policy that allows this style and script, nothing else.

    Parameters
    ----------
    style, script : str
        The text of the page's only style and script.
    connect : bool
        Whether the script may ask the server that the page came from.

    Examples
    --------
    >>> policy("", "").split(";")[0]
    "default-src 'none'"
    """

    def source(text_: str) -> str:
        digest = hashlib.sha256(text_.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    allowed = "connect-src 'self'; " if connect else ""
    return (
        f"default-src 'none'; style-src {source(style)}; script-src {source(script)}; "
        f"{allowed}base-uri 'none'; form-action 'none'"
    )


def drawn(view: Any) -> dict[str, Chart | None]:
    """Return the charts of a view; one that has nothing to show is None."""
    measures, k = view.measures, view.threshold.k
    shareable = view.edition == "shareable"
    bins = measures.histogram if shareable else measures.class_size_histogram
    plan, governing = view.plan, view.verdict.governing
    front, chosen = [], None
    if plan is not None:
        front = [(p.loss, p.risk, p.suppressed) for p in plan.front]
        chosen = next(((p.loss, p.risk) for p in plan.front if _proposed(p, plan)), None)
    return {
        "histogram": charts.histogram([(b.size_from, b.size_to, b.subjects) for b in bins], k),
        "curve": charts.curve(_curve(view), k),
        "contributions": contribution_chart(view),
        "pareto": charts.pareto(front, chosen, governing.threshold if governing else 1 / k),
    }


def contribution_chart(view: Any) -> Chart | None:
    """Return what each attribute adds: from knowing nothing to knowing all, or as shares."""
    parts = [(a.name, a.contribution) for a in view.attributes if a.contribution is not None]
    if view.edition == "shareable":
        return attribute_charts.contributions(parts, share=True)
    if parts and view.subjects:
        base, total = 1 / view.subjects, view.measures.classes / view.subjects
        if abs(base + sum(v for _, v in parts) - total) < 1e-6:
            return attribute_charts.waterfall(parts, base, total)
    return attribute_charts.contributions(parts)


def _proposed(point: Any, plan: Any) -> bool:
    """Tell whether a point of the front is the plan."""
    if hasattr(point, "chosen"):
        return bool(point.chosen)
    return bool(plan.is_point(point))


def _curve(view: Any) -> list[tuple[int, float, str]]:
    """Return the curve's points in either edition."""
    points, total = view.measures.curve, view.subjects
    if view.edition == "internal":
        return [(p.k, p.share_below, figures.share_text(p.subjects_below, total)) for p in points]
    if not total.value:
        return []
    shown = [p for p in points if p.below.value is not None]
    return [
        (p.k, min(1.0, p.below.value / total.value), figures.share_text(p.below, total))
        for p in shown
    ]


@cache
def _environment() -> jinja2.Environment:
    """Return the template environment; every text that is printed passes `neutral`."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_folder("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=printed,
    )
    environment.filters.update(
        count=figures.count_text,
        percent=figures.percent,
        number=figures.number,
        risk=figures.risk_text,
        interval=figures.interval_text,
        estimate=figures.value_text,
        listed=text.listed,
        capitalised=text.capital,
        plain=words.plain,
        reference=filters.linked,
        day=filters.day,
        short=filters.short,
        breakable=filters.breakable,
        option=filters.option,
        heads=filters.heads,
        columns=filters.columns,
        cell=filters.cell,
        channel_risk=filters.channel_risk,
        found_words=filters.found_words,
        channel_interval=filters.channel_interval,
        formulas=filters.formulas,
    )
    environment.globals.update(
        text=text,
        imaging=imaging,
        tornado=tornado,
        words=words,
        share=figures.share_text,
        positive=text.positive,
        defect_bound=defect_bound,
        at_risk=cards.at_risk_text,
        options={row["code"]: row["meaning"] for row in data_rows("ps316_cid7050.csv")},
        records_shown=200,
    )
    return environment


def printed(value: Any) -> Any:
    r"""Return what a template prints: markup as it is, text made harmless.

    Examples
    --------
    >>> printed("a\u202eb")
    'a⟨U+202E⟩b'
    """
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, SafeCount):
        return figures.count_text(value)
    if value is None:
        return figures.NOT_ASSESSED
    return neutral(str(value))


def _packaged(name: str) -> str:
    """Return a packaged text; the page must hold exactly what the policy was hashed from."""
    return (resource_folder("templates") / name).read_text(encoding="utf-8").strip()

"""From a view to one self-contained HTML file under a hash-based content policy.

The filters with which templates turn the view's fields into words stand here.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup

from midi_risk import __version__
from midi_risk.attributes.standard import method_codes
from midi_risk.document.assessment import MEASUREMENT
from midi_risk.document.clean import neutral, shortened
from midi_risk.report import charts, families, mapping, sections, words
from midi_risk.report.charts import Chart
from midi_risk.report.counts import SafeCount
from midi_risk.report.decision import decided
from midi_risk.report.leaves import Band
from midi_risk.report.tuning import SCRIPTS, tuning, waiting
from midi_risk.report.tuning import STYLE as TUNE_STYLE
from midi_risk.report.view import ReportView, Shown
from midi_risk.report.words import (
    CELLS,
    MEASURES,
    NOT_ASSESSED,
    NOT_STATED,
    OPTIONS,
    count_text,
    number,
    plain,
    risk_text,
)
from midi_risk.resources import resource_folder
from midi_risk.threat.channels import FOUND

_JOINT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[._/-])(?=\w)")


def day(moment: str | int | None) -> str:
    """Return the day of a moment, or its year where only that is known.

    Examples
    --------
    >>> day("2026-11-23T10:00:00+00:00"), day(2028), day(None)
    ('2026-11-23', '2028', 'not stated')
    """
    if not moment:
        return NOT_STATED
    text = str(moment)
    return text[:10] if text[10:11] in {"T", " "} else shortened(text, 40)


def moment(when: str | int | None) -> str:
    """Return when something was, with its preposition.

    Examples
    --------
    >>> moment("2026-11-20T08:00:00+00:00"), moment(2026)
    ('on 2026-11-20', 'in 2026')
    """
    return f"{'on' if isinstance(when, str) else 'in'} {day(when)}"


def short(text: str, limit: int) -> str:
    """Return text with what is hidden made visible, cut at a limit."""
    return shortened(neutral(str(text)), limit)


def breakable(text: str, limit: int = 60) -> Markup:
    """Return a name that may be broken where its words meet.

    Examples
    --------
    >>> str(breakable("ManufacturerModelName"))
    'Manufacturer<wbr>Model<wbr>Name'
    """
    pieces = _JOINT.split(short(text, limit))
    return Markup("<wbr>").join(pieces)


def option(text: str) -> str:
    """Return an option of Table E.1-1 in words.

    Examples
    --------
    >>> option("rtn_pat_chars=K")
    'K with retained patient characteristics'
    """
    name, found, action = text.partition("=")
    return f"{action} with {OPTIONS[name]}" if found and name in OPTIONS else text


def heads(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the keys of all rows, in order of appearance."""
    return list(dict.fromkeys(str(key) for row in rows for key in row))


def columns(names: list[str]) -> list[str]:
    """Return column heads; all but the first are numeric, marked with ``#``."""
    return [("#" if i else "") + plain(name, CELLS) for i, name in enumerate(names)]


def cell(value: Any) -> str:
    """Return one cell of a table whose columns are not known beforehand."""
    if value is None:
        return NOT_ASSESSED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count_text(value)
    if isinstance(value, float):
        return number(value)
    return shortened(neutral(str(value)), 200)


def found_words(kind: str) -> str:
    """Return a kind of content found as words.

    Examples
    --------
    >>> found_words("icon_images")
    'icon image'
    """
    return "our own figure from the sources" if kind == MEASUREMENT else FOUND.get(kind, kind)


def channel_risk(channel: Shown) -> str:
    """Return the risk of a channel, its upper bound, or that it is unknown."""
    if channel.value is not None:
        return risk_text(channel.value)
    if channel.status == "not_assessed":
        return "unknown"
    return "no figure" if channel.upper is None else f"at most {risk_text(channel.upper)}"


def channel_interval(channel: Shown) -> str:
    """Return the interval of a channel and whether it is a bound."""
    words = ["bound, not an estimate"] if channel.status == "bounded" else []
    if channel.lower is not None and channel.upper not in {None, channel.lower}:
        words.insert(0, f"{number(channel.lower)} to {number(channel.upper)}")
    return "; ".join(words)


def formulas(view: ReportView) -> list[tuple[str, str]]:
    """Return each measure that the report shows, with how it was computed."""
    found: dict[str, str] = {}
    for threat in view.threats:
        for result in threat.results:
            found.setdefault(result.measure, result.method or "")
    for code, part in sections.beside(view).items():
        if part is not None and part.reason is None:
            found[code] = part.method or ""
    order = {code: i for i, code in enumerate(MEASURES)}
    return sorted(found.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def pasted(lines: str) -> Markup:
    r"""Return lines to paste, each made harmless by itself, so that they stay lines.

    Examples
    --------
    >>> str(pasted("a:\n  b: <c>"))
    'a:\n  b: &lt;c&gt;'
    """
    return Markup("\n").join(neutral(line) for line in lines.split("\n"))


def linked(line: str) -> Markup:
    """Return a reference with its DOI or arXiv number as a link; ours, never a value."""
    for mark, address in (("doi:", "https://doi.org/"), ("arXiv:", "https://arxiv.org/abs/")):
        head, found, tail = line.partition(mark)
        if found:
            target = tail.rstrip(".")
            return Markup('{}<a href="{}{}">{}{}</a>.').format(head, address, target, mark, target)
    return Markup("{}").format(line)


RECORDS_A_PAGE = 25
"""Subjects at risk on one page of their table; the style knows of 8 pages."""
CERTIFICATE_STYLE = "certificate.css"
STYLE, SCRIPT, PAGE = "report.css", "report.js", "report.html.j2"
TUNE_PAGE, SERVED = "tune.html.j2", "tune_served.js"
START_STYLE = "start.css"


def render(view: ReportView) -> str:
    """Return the report of a view as one HTML document.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    str
        HTML without external resources; readable without scripts.
    """
    environment = _environment()
    style, script = _packaged(STYLE) + "\n" + _packaged(CERTIFICATE_STYLE), _packaged(SCRIPT)
    inside, shown = view.disclosive, None
    if inside is not None and inside.lattice is not None:
        style, script = _with_tuning(style, script)
        shown = tuning(
            inside.lattice,
            title=view.title,
            pending=waiting(view.verdict),
            threat_models=[str(model.get("name", "")) for model in inside.threat_models],
            digest=view.digest,
            version=view.tool.version,
        )
    return _labelled(
        environment.get_template(PAGE),
        style,
        script,
        view=view,
        tune=shown,
        gaps=sections.gaps(view),
        charts=drawn(view),
        cards=sections.cards(view),
        visits=sections.visit_table(view),
        account=sections.account_table(view),
        decision=decided(view),
        signed=None,
        mappings=mapping.mappings(view),
        triggers=mapping.TRIGGERS,
        references=mapping.references(view),
        assumptions=mapping.assumptions(view),
    )


def _labelled(page: jinja2.Template, style: str, script: str, **shown: Any) -> str:
    """Return a page whose style names the columns of its tables, for cards on a phone.

    The names stand once, in the style and not in every cell; the policy allows that style.
    """
    script = _BLANK.sub("\n", script)  # the policy names the script as it stands in the page
    made = _BLANK.sub(
        "\n",
        page.render(
            style=_STYLE_HERE,
            policy=_POLICY_HERE,
            script=Markup(script),  # noqa: S704 - our own file
            **shown,
        ),
    )
    full = compact(style) + card_labels(made)
    return made.replace(_STYLE_HERE, full, 1).replace(
        _POLICY_HERE, html.escape(policy(full, script)), 1
    )


_BLANK = re.compile(r"\n{2,}")
_STYLE_HERE, _POLICY_HERE = Markup("<!--style-->"), Markup("<!--policy-->")
"""Marks that no text of a document can make, since its brackets are escaped."""
_TABLE = re.compile(
    r'<caption id="([a-z0-9-]+)-caption">.*?<thead><tr>(.*?)</tr></thead>', re.DOTALL
)
_HEAD = re.compile(r"<th[^>]*>(.*?)</th>", re.DOTALL)


def card_labels(page: str) -> str:
    r"""Return the style that puts the name of its column before each cell of a card.

    Examples
    --------
    >>> head = "<thead><tr><th>Who</th><th></th><th>Risk</th></tr></thead>"
    >>> card_labels(f'<caption id="a-caption">A</caption>{head}').splitlines()[2]
    '[aria-labelledby=a-caption] td{&:nth-child(3)::before{content:"Risk"}}'
    """
    tables: dict[str, list[str]] = {}
    for name, row in _TABLE.findall(page):
        if name.startswith("cert-") or row.count("<th") <= 2:  # these stay tables
            continue
        told = ""
        for place, head in enumerate(_HEAD.findall(row), start=1):
            text = re.sub(r'["\\<>\n]', " ", html.unescape(head)).strip()
            if text and place > 1:
                told += f'&:nth-child({place})::before{{content:"{text}"}}'
        tables.setdefault(told, []).append(f"[aria-labelledby={name}-caption]")
    lines = [f"{_any_of(names)} td{{{told}}}" for told, names in tables.items() if told]
    return "\n@media screen and (max-width:37.5rem){\n" + "\n".join(lines) + "\n}"


def _any_of(names: Sequence[str]) -> str:
    """Return the selector of any of these tables."""
    return names[0] if len(names) == 1 else f":is({','.join(names)})"


def compact(style: str) -> str:
    r"""Return a style without indentation and comments.

    Examples
    --------
    >>> compact("a {\n  color: red;\n}\n")
    'a{color:red;}'
    """
    text = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"\s*([{};,])\s*|(:) ", r"\1\2", text).strip()


def tuning_page(
    shown: dict[str, Any], *, title: str, models: Sequence[str], steps: str = ""
) -> str:
    """Return the tuning section as a page of its own.

    Parameters
    ----------
    shown : dict
        As `midi_risk.report.tuning.tuning` returns it.
    title : str
        Name of the collection.
    models : sequence of str
        Names of the threat models.
    steps : str
        HTML of the steps of a review that the page is one of, in its own style.
    """
    style, script = _with_tuning(_packaged(STYLE), "")
    if steps:
        style = f"{style}\n{_packaged(START_STYLE)}"
    served = shown["served"] is not None
    if served:
        script = script.replace("\n(function", f"\n{_packaged(SERVED)}\n(function", 1)
    return (
        _environment()
        .get_template(TUNE_PAGE)
        .render(
            tune=shown,
            steps=Markup(steps),  # noqa: S704 - our own template
            title=title,
            models=list(models),
            subjects=shown["lattice"].subjects,
            version=__version__,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=policy(style, script, connect=served),
        )
    )


def page_of(
    template: str, style_name: str, script_name: str, *, connect: bool = False, **shown: Any
) -> str:
    """Return a page that is neither report nor tuning, in the report's own style.

    Parameters
    ----------
    template, style_name, script_name : str
        Packaged files; the style follows that of the report.
    connect : bool
        Whether the script may ask the server that the page came from.
    **shown
        What the template shows.
    """
    style = f"{_packaged(STYLE)}\n{_packaged(style_name)}"
    script = _packaged(script_name)
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=policy(style, script, connect=connect),
            **shown,
        )
    )


def part_of(template: str, **shown: Any) -> str:
    """Return a packaged template as a part of a page."""
    return _environment().get_template(template).render(**shown)


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


def drawn(view: ReportView) -> dict[str, Chart | None]:
    """Return the charts of a view; one that has nothing to show is None."""
    measures, k = view.measures, view.threshold.k
    bins = measures.class_size_histogram
    plan, governing = view.plan, view.verdict.governing
    front, chosen = [], None
    if plan is not None:
        front = [(p.loss, p.risk, p.suppressed) for p in plan.front]
        chosen = None if view.chosen is None else front[view.chosen][:2]
    return {
        "histogram": charts.histogram([(b.size_from, b.size_to, b.subjects) for b in bins], k),
        "curve": charts.curve(_curve(view), k),
        "contributions": contribution_chart(view),
        "pareto": charts.pareto(front, chosen, governing.threshold if governing else 1 / k),
    }


def contribution_chart(view: ReportView) -> Chart | None:
    """Return what each attribute adds: from knowing nothing to knowing all, or as shares."""
    parts = [(a.name, a.contribution) for a in view.attributes if a.contribution is not None]
    if view.disclosive is None:
        return charts.contributions(parts, share=True)
    if parts and isinstance(view.subjects, int) and view.subjects:
        base, total = 1 / view.subjects, view.measures.classes / view.subjects
        if abs(base + sum(v for _, v in parts) - total) < 1e-6:
            return charts.waterfall(parts, base, total)
    return charts.contributions(parts)


def _curve(view: ReportView) -> list[tuple[int, float, str]]:
    """Return the points of the curve whose count is shown."""
    total = view.subjects
    return [
        (p.k, share, words.share_text(p.subjects_below, total))
        for p in view.measures.curve
        if (share := words.share_of(p.subjects_below, total)) is not None
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
        count=words.count_text,
        percent=words.percent,
        number=words.number,
        risk=words.risk_text,
        interval=words.interval_text,
        estimate=words.value_text,
        listed=words.listed,
        capitalised=words.capital,
        plain=words.plain,
        reference=linked,
        day=day,
        moment=moment,
        short=short,
        breakable=breakable,
        pasted=pasted,
        option=option,
        heads=heads,
        columns=columns,
        cell=cell,
        channel_risk=channel_risk,
        found_words=found_words,
        channel_interval=channel_interval,
        formulas=formulas,
    )
    environment.globals.update(
        text=words,
        sections=sections,
        families=families,
        tornado=charts,
        words=words,
        share=words.share_text,
        positive=words.positive,
        at_risk=sections.at_risk_text,
        options=method_codes(),
        records_a_page=RECORDS_A_PAGE,
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
        return words.count_text(value)
    if value is None:
        return words.NOT_ASSESSED
    return words.number(value) if isinstance(value, Band) else neutral(str(value))


def _packaged(name: str) -> str:
    """Return a packaged text; the page must hold exactly what the policy was hashed from."""
    return (resource_folder("templates") / name).read_text(encoding="utf-8").strip()

"""The recode plan as a document: `plan.json`, typed."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from midi_risk.document import notebook

PLAN_SCHEMA = "midi-risk/plan/2"


def risk_figure(risk: float) -> str:
    """Return a risk with three decimals, or two digits where those would say nothing.

    Examples
    --------
    >>> risk_figure(0.135), risk_figure(0.00002), risk_figure(1.0)
    ('0.135', '2e-05', '1.000')
    """
    return f"{risk:.3f}" if risk >= 0.01 or not risk else f"{risk:.2g}"


USELESS_GAP = 0.9
"""Gap from which a bound says nothing that a reader could use."""


def proof_text(*, optimal: bool, gap: float | None) -> str:
    """Return what is proved of a plan.

    Parameters
    ----------
    optimal : bool
    gap : float or None
        Share of the loss by which a better plan could be better at most.

    Examples
    --------
    >>> proof_text(optimal=False, gap=0.031)
    'not proved optimal: a better plan would lose at most 3.1 % less'
    """
    if optimal:
        return "proved optimal"
    if gap is None or gap > USELESS_GAP:
        return "not proved optimal, and no useful bound is known: far better plans may exist"
    return f"not proved optimal: a better plan would lose at most {100 * gap:.2g} % less"


class Part(BaseModel):
    """Base of every part: frozen, nothing unknown, field names are JSON keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    def __str__(self) -> str:
        """As `repr`, which says no value where the part holds any."""
        return repr(self)


class Tool(Part):
    """Software that made the document."""

    name: str
    version: str


class PlanStep(Part):
    """One change of one fact, with what it buys and costs."""

    attribute: str
    with_: list[str] = Field(
        default=[], alias="with", description="further attributes that state the same fact"
    )
    from_: str = Field(alias="from")
    to: str
    describe: str
    risk_before: float
    risk_after: float
    loss: float
    level_from: int = 0
    level_to: int = 0
    classes_before: int | None = None
    classes_after: int | None = None
    justification: str = ""


class KeptAttribute(Part):
    """One attribute that the plan does not change, with what removing it would do."""

    attribute: str
    level: int
    describe: str
    decided: bool = Field(description="kept by demand; otherwise the search left it alone")
    risk_now: float = Field(description="mean risk of the plan with nobody left out")
    risk_without: float = Field(description="the same with this attribute removed as well")
    loss: float = Field(description="share of its information that removing it would cost")
    need: str = ""
    justification: str = ""


class Suppressed(Part):
    """What is left out of the release."""

    subjects: int
    cells: int
    emptied: int = Field(default=0, description="cells of subjects that stay in the release")


class State(Part):
    """Risk figures before or after the plan."""

    k: int | None
    classes: int
    sample_uniques: int
    subjects: int
    risk_max: float | None
    risk_mean: float | None
    at_risk: float | None
    passed: bool
    measures: dict[str, float] = Field(
        default={}, description="journalist_max, marketer_mean... where they were computed"
    )
    disclosed: list[str] = Field(
        default=[],
        description="attributes that fail the criterion of a threat model and nobody accepted",
    )

    @property
    def accepted(self) -> bool:
        """Whether every adversary is within the threshold and nothing is disclosed."""
        return self.passed and not self.disclosed


class FrontPoint(Part):
    """One node of the Pareto front of risk, loss and suppression.

    Parameters
    ----------
    levels : dict of str to int
    risk : float
        1 over the smallest class shown: the largest prosecutor risk; 0 when nothing is shown.
    loss : float
        Information lost: the score of a node in a search, `plan_loss` in a plan.
    suppressed : int
        Subjects (records, in a search) left out.
    """

    levels: dict[str, int]
    risk: float
    loss: float
    suppressed: int


class ImagingFigure(Part):
    """What the release costs a user of images, in the user's own unit."""

    name: Literal["age_error", "suv_error", "visit_intervals", "scanner_strata"]
    attributes: list[str]
    state: Literal["exact", "coarsened", "removed"] = Field(
        description="what the release holds of the attributes"
    )
    rule: str = Field(default="", description="what is done to them, in plain English")
    subjects: int = Field(description="subjects that the figure is computed from")
    measures: dict[str, float] = Field(
        default={}, description="empty when nothing is left to compute it from"
    )
    kind: Literal["exact"] = "exact"
    formula: str = ""
    reference: str = Field(default="", description="what the figure is set against")


class Finer(Part):
    """What the next finer level of an attribute would do, all else as in the plan."""

    attribute: str
    describe: str = Field(description="the finer level in plain English")
    classes: int = Field(ge=0, description="classes that would fail a criterion")
    subjects: int = Field(ge=0, description="subjects in them")
    left_out: int = Field(ge=0, description="subjects that the plan leaves out")
    allowed: int = Field(ge=0, description="subjects that may be left out")

    @property
    def sentence(self) -> str:
        """Why the plan does not take it."""
        classes = "1 class" if self.classes == 1 else f"{self.classes} classes"
        what = f"{self.attribute}: not finer ({self.describe}):"
        if self.subjects > self.allowed:
            return (
                f"{what} {self.subjects} subjects in {classes} would miss the threshold, and"
                f" {self.allowed} may be left out."
            )
        return (
            f"{what} {self.subjects} subjects in {classes} would be left out instead of"
            f" {self.left_out}, which loses more than it keeps."
        )


class AgeWidth(Part):
    """What bands of age of one width would cost, sparse ends joined, all else as in the plan."""

    years: int
    classes: int = Field(ge=0, description="classes that would fail a criterion")
    subjects: int = Field(ge=0, description="subjects in them, who would have to be left out")
    age_r2: float = Field(description="share of the variance of age that such bands keep")


class LocalSet(Part):
    """The original values of one attribute that lead to a class."""

    low: float | None = Field(default=None, description="line at or above which values lie")
    below: float | None = Field(default=None, description="line below which values lie")
    texts: list[str] | None = Field(
        default=None, description="of names, or of an attribute without lines: the values"
    )
    unknown: bool = Field(default=False, description="whether a missing value belongs there")


class LocalClass(Part):
    """One class of a local recoding: who belongs to it, and what all of them show."""

    subjects: int
    holds: dict[str, LocalSet] = Field(
        description="attribute -> its values; of several classes that fit, the first"
    )
    shows: dict[str, str | None] = Field(description="attribute -> label, null when removed")


class LocalFigures(Part):
    """What a recoding loses, subjects left out counted as losing all."""

    loss: float = Field(description="mean distance inside what is shown, over that of all")
    nue: float = Field(description="non-uniform entropy, as a share of the attributes' own")
    ncp: float = Field(description="normalised certainty penalty: width of what is shown")
    age_r2: float | None = Field(default=None, description="variance of age that labels keep")
    left_out: int
    classes: int


class LocalRecoding(Part):
    """Bands that differ between subjects."""

    sentence: str
    begun_from: Literal["plan", "root"] = Field(
        description="whether the classes of the plan were cut further, or all subjects at once"
    )
    sets: Literal["listed", "ladder"] = Field(
        description="whether names are shown as lists, too, or as groups of their ladder only"
    )
    attributes: list[str] = Field(description="those whose label is that of the class")
    losses: dict[str, float] = Field(description="attribute -> what it loses among who is shown")
    figures: LocalFigures
    global_figures: LocalFigures | None = Field(
        default=None, description="of the plan with one level for everybody; null without one"
    )
    classes: list[LocalClass] = Field(
        default=[], description="internal only: in the order in which subjects are assigned"
    )


class Alternative(Part):
    """One of the plans that were found beside the recommended one."""

    number: int = Field(description="what `suggest --accept` takes")
    title: str = Field(description="what it is for")
    sentence: str
    changes: str = Field(default="", description="what it does to each attribute, no figures")
    levels: dict[str, int]
    cut_points: dict[str, list[float]] = {}
    groups: dict[str, dict[str, list[str]]] = Field(
        default={}, description="internal only: as those of the plan"
    )
    left_out: int
    share_left_out: float
    risk_max: float | None
    loss: float
    age_r2: float | None = None


class Plan(Part):
    """Ordered generalisations and suppressions (`plan.json`)."""

    schema_: str = Field(default=PLAN_SCHEMA, alias="schema")
    tool: Tool | None = None
    created: str = ""
    collection_digest: str = ""
    threat_models: list[str] = []
    k: int
    found: bool
    optimal: bool
    gap: float | None = Field(
        default=None,
        description="share of its loss by which a better plan could be better at most; 0 when"
        " optimal, null without a plan or a bound",
    )
    utility: str
    loss: float | None
    levels: dict[str, int] = {}
    hierarchies: dict[str, list[str]] = Field(
        default={}, description="attribute -> plain-English text of each level"
    )
    steps: list[PlanStep]
    kept: list[KeptAttribute] = Field(
        default=[], description="attributes that the steps leave as they are"
    )
    suppressed: Suppressed
    suppressed_subjects: list[str] = Field(
        default=[], description="internal only: keys of the subjects left out"
    )
    suppressed_cells: dict[str, list[str]] = Field(
        default={}, description="internal only: attribute -> keys of the subjects whose cell goes"
    )
    before: State
    after: State
    front: list[FrontPoint]
    imaging: list[ImagingFigure] = Field(
        default=[], description="utility for images after the plan, or as decided without one"
    )
    cut_points: dict[str, list[float]] = Field(
        default={},
        description="attribute -> cut points of its level 1, made from the data; a date as a year"
        " with its part",
    )
    groups: dict[str, dict[str, list[str]]] = Field(
        default={},
        description="internal only: attribute -> label -> values of its level from the data",
    )
    facts: list[list[str]] = Field(
        default=[], description="attributes that state one fact; they share one step and one cost"
    )
    age_r2: float | None = Field(
        default=None, description="share of the variance of age that the plan keeps; no age: null"
    )
    age_subjects: int = Field(default=0, description="subjects that it is computed from")
    alternatives: list[Alternative] = Field(
        default=[], description="other plans of the same search, where they differ noticeably"
    )
    loss_shares: dict[str, float] = Field(
        default={}, description="attributes that the information lost counts, with their shares"
    )
    finer: list[Finer] = Field(
        default=[], description="why an attribute is not finer: the classes that block it"
    )
    age_costs: list[AgeWidth] = Field(
        default=[], description="what bands of age of some widths would cost"
    )
    local: LocalRecoding | None = Field(
        default=None,
        description="bands that differ between subjects; the levels of its attributes are those"
        " of a tool that cannot name subjects: removed",
    )
    accepted: int = Field(default=0, description="which alternative this is; 0 is recommended")
    notes: list[str] = Field(default=[], description="what a reader of the plan should know")
    next_step: str = ""
    reason: str = Field(default="", description="what blocks a plan, or what it leaves open")
    nodes: int = 0
    nodes_checked: int = 0

    _made_for: object = PrivateAttr(default=None)

    @property
    def made_for(self) -> object:
        """The subject table that the plan was made for; None for a plan read from a file."""
        return self._made_for

    def of(self, table: object) -> Plan:
        """Return the plan, which now knows the subject table that it was made for.

        Parameters
        ----------
        table : SubjectTable
        """
        self._made_for = table
        return self

    def apply(self, data: Any, table: Any = None) -> Any:
        """Recode a data frame as the plan says; see `midi_risk.apply_plan`.

        Parameters
        ----------
        data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation or mapping
            The data that the plan was made for.
        table : SubjectTable, optional
            What the plan was made for; needed where the plan was read from a file.

        Raises
        ------
        MidiRiskError
            When the data are others, or the plan does not say whom it changes.
        """
        import midi_risk  # noqa: PLC0415 - through the front, which knows every stage

        return midi_risk.apply_plan(self, data, table)

    def describe(self) -> str:
        """Return the plan in plain English, one sentence per step."""
        if not self.found:
            return self.reason
        lines = [step.describe for step in self.steps] or ["Nothing has to be coarsened."]
        if self.suppressed.subjects:
            n = self.suppressed.subjects
            who = "1 subject that stays" if n == 1 else f"{n} subjects that stay"
            lines.append(f"Leave out {who} rare{self._left_out_text()}.")
        if self.suppressed.emptied:
            counts = ", ".join(
                f"{name} {len(keys)}" for name, keys in self.suppressed_cells.items()
            )
            what = "1 cell" if self.suppressed.emptied == 1 else f"{self.suppressed.emptied} cells"
            tail = "" if self.suppressed.subjects else self._left_out_text()
            lines.append(
                f"Empty {what} of subjects that stay rare{f' ({counts})' if counts else ''}{tail}."
            )
        if self.reason:
            lines.append(f"{self.reason[0].upper()}{self.reason[1:]}.")
        lines += self.notes
        return "\n".join(lines)

    @property
    def proof(self) -> str:
        """What is proved of the plan, in words."""
        return proof_text(optimal=self.optimal, gap=self.gap)

    def is_point(self, point: FrontPoint) -> bool:
        """Tell whether a point of the front is this plan."""
        same = bool(point.levels) and point.levels == self.levels
        return self.found and same and point.suppressed == self.suppressed.subjects

    def _left_out_text(self) -> str:
        """Return what leaving subjects out does to the mean risk, when it is known."""
        start = self.steps[-1].risk_after if self.steps else self.before.risk_mean
        if start is None or self.after.risk_mean is None:
            return ""
        return f": mean risk {risk_figure(start)} to {risk_figure(self.after.risk_mean)}"

    def public(self) -> Plan:
        """Return a copy without keys of subjects and figures of a single one."""
        imaging = [
            figure.model_copy(
                update={
                    "measures": {
                        name: value
                        for name, value in figure.measures.items()
                        if not name.startswith("largest")
                    }
                }
            )
            for figure in self.imaging
        ]
        hidden: dict[str, Any] = {"suppressed_subjects": [], "suppressed_cells": {}, "groups": {}}
        hidden["alternatives"] = [
            other.model_copy(update={"groups": {}}) for other in self.alternatives
        ]
        if self.local is not None:
            hidden["local"] = self.local.model_copy(update={"classes": []})
        return self.model_copy(update={**hidden, "imaging": imaging})

    def to_dict(self) -> dict[str, Any]:
        """Return the document as `plan.json` holds it."""
        return self.model_dump(mode="json", by_alias=True)

    def __eq__(self, other: object) -> bool:
        """Tell whether two plans are one document, whatever they were made for."""
        return isinstance(other, Plan) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        """Return a hash of what tells plans apart most often."""
        return hash((self.collection_digest, self.created, self.k, tuple(self.levels.items())))

    def __repr__(self) -> str:
        """Outcome and counts only, never subjects."""
        outcome = "found" if self.found else "not found"
        return f"Plan({outcome}, {len(self.steps)} steps, k={self.k})"

    def _repr_html_(self) -> str:
        """Names of attributes and levels, counts and risks; no value, no key."""
        title = "✓ Within the threshold" if self.found else "▲ Above the threshold"
        steps = [
            (
                i,
                s.describe,
                notebook.number(s.risk_before),
                notebook.number(s.risk_after),
                f"{s.loss:.0%}",
            )
            for i, s in enumerate(self.steps, start=1)
        ]
        lost = "unknown" if self.loss is None else f"{self.loss:.1%}"
        heads = ("step", "change", "mean risk before", "after", "attribute's loss")
        return (
            f"<h4>{title}: {len(self.steps)} steps, information lost {lost}</h4>"
            + (f"<p>{self.proof.capitalize()}.</p>" if self.found else "")
            + (f"<p>{notebook.text(self.reason)}</p>" if self.reason else "")
            + notebook.table(heads, steps)
            + notebook.table(("", "before", "after"), self._states())
            + f"<p>Subjects left out: {self.suppressed.subjects}.</p>"
        )

    def _states(self) -> list[tuple[object, ...]]:
        """Return the figures before and after, side by side."""
        before, after = self.before, self.after
        return [
            ("Smallest class", before.k, after.k),
            ("Classes", before.classes, after.classes),
            ("Unique subjects", before.sample_uniques, after.sample_uniques),
            ("Highest risk", notebook.number(before.risk_max), notebook.number(after.risk_max)),
            ("Average risk", notebook.number(before.risk_mean), notebook.number(after.risk_mean)),
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the steps as a table."""
        return pd.DataFrame([step.model_dump(by_alias=True) for step in self.steps])

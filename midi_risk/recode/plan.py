"""Suggest a recode plan: the least damage that brings every adversary within the threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.attributes.model import Attribute, Role
from midi_risk.document.plan import (
    FrontPoint,
    ImagingFigure,
    KeptAttribute,
    Plan,
    PlanStep,
    State,
    Suppressed,
)
from midi_risk.errors import SearchError, listed
from midi_risk.recode.criteria import Requirement, population_criteria, requirement
from midi_risk.recode.imaging import imaging_figures
from midi_risk.recode.local.axes import Sets
from midi_risk.recode.local.recoding import Given, recoded_locally, with_local
from midi_risk.recode.loss import loss_shares, weight_of
from midi_risk.recode.proposal import (
    Draft,
    Drafts,
    accepted,
    age_kept,
    alternatives,
    from_data,
    shows_something,
)
from midi_risk.recode.search.judge import Solution
from midi_risk.recode.search.problem import suppression_share
from midi_risk.recode.search.search import search
from midi_risk.recode.search.sweep import sweep
from midi_risk.recode.sensitive_criteria import disclosure_criteria
from midi_risk.recode.steps import (
    PLAN_UTILITY,
    Setting,
    Step,
    as_decided,
    blocked_text,
    cheapest_step,
    check_kept,
    kept_attribute,
    lattice_setting,
    level_ranges,
    next_step_text,
    ordered_steps,
    plan_front,
    plan_heading,
    plan_loss,
    plan_step,
    release_state,
    removals,
    with_plan,
)
from midi_risk.recode.suppression import EmptiedCells, accepted_cells, check_policy
from midi_risk.risk.adversaries import adversary_risk, as_judged
from midi_risk.risk.classes.classes import MissingPolicy
from midi_risk.risk.measures.repeated import repeating
from midi_risk.risk.population.ensemble import LEAST_SUPPORT
from midi_risk.table.frame import as_subjects
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured, planned, released, without_cells
from midi_risk.table.repeated import WRITTEN_ONCE
from midi_risk.threat.library import load_threat_model
from midi_risk.threat.model import ThreatModel

DISTANCE = "distance"
"""Utility of a plan: the mean distance inside a band over the mean distance of all."""

EXTENT = "loss"
"""Utility of a plan: the extent of its bands and sets, by which local recoding then cuts too."""

FRONT_NODES = 4_000
"""Nodes of a lattice up to which the front covers all of them."""


def suggest(
    table: Any,
    threats: str | ThreatModel | Sequence[str | ThreatModel] = ("public-release",),
    *,
    max_suppression: float | str = 0.02,
    keep: str | Sequence[str] = (),
    budget_seconds: float | None = 60.0,
    hierarchies: Mapping[str, Hierarchy] | None = None,
    cells: bool = False,
    utility: str = DISTANCE,
    levels_from_data: bool = True,
    accept: int = 0,
    local: bool = False,
    local_sets: Sets = "listed",
    quasi: str | Sequence[str] | None = None,
    sensitive: str | Sequence[str] | None = None,
    key: str | None = None,
) -> Plan:
    """Suggest the cheapest generalisation that brings the risk under the threshold.

    Parameters
    ----------
    table : SubjectTable, pandas.DataFrame, polars.DataFrame, pyarrow.Table or mapping
        With decisions. Attributes decided to be removed stay out, attributes decided to
        be retained keep their level, generalised ones start at the level decided on. Of a data
        frame a subject table is made, see `midi_risk.subject_table`.
    threats : str, ThreatModel, or sequence of them
        All of them must be met.
    max_suppression : float or str
        Share of subjects that may be left out, in [0, 1], or as ``"2%"``.
    keep : str or sequence of str
        Attributes that must not change.
    budget_seconds : float, optional
        Time for the search; the plan says when it did not suffice for a proof.
    hierarchies : mapping of str to Hierarchy, optional
        Hierarchies of the user's own, by attribute.
    cells : bool
        Empty single cells of the subjects that stay rare instead of leaving them out, where
        that brings every adversary within the threshold. Needs the missing policy
        ``wildcard``; attributes that are kept are never emptied. Such a plan is never called
        optimal: other levels may need fewer cells.
    utility : str
        What the search loses least of: ``"distance"``, or a utility model of
        `midi_risk.recode.class_loss.utility_model`, which chooses among fixed levels only.
        Local recoding loses least of the extent of sets (NCP) under ``"loss"``, and of the mean
        distance under all others.
    levels_from_data : bool
        Whether levels are made from the data, beside the fixed ones.
    accept : int
        Which of the alternatives becomes the plan; 0 is the recommended one.
    local : bool
        Let bands differ between subjects, where that loses less than the plan.
    local_sets : {"listed", "ladder"}
        Whether names may be shown as lists of up to four values, or as groups of their ladder
        only.
    quasi, sensitive, key : str or sequence of str, optional
        Columns of a data frame, as for `midi_risk.subject_table`.

    Returns
    -------
    Plan
        ``found`` is False when nothing within the limits suffices; ``reason`` then says
        what blocks it.

    Raises
    ------
    SearchError
        When a kept attribute does not exist, a limit is out of range, cells are to be
        emptied under another missing policy, or there is no such alternative.

    Notes
    -----
    When every adversary is judged against a modelled population and none knows who is in the
    release, a second search asks for people in the population instead of subjects in the
    release; it stands when it loses less and every adversary accepts what would be released.
    Where subjects have several released values, what was found on the folded ones is judged on
    all of them, and looked for again with the repeating attributes coarser until it stands;
    such a plan is never called optimal.
    Loss is the mean distance of two subjects inside a band over that of all, weighted by the
    utility of the attributes, age doubled. Steps show the mean probability that a prosecutor
    is right, with nobody left out.
    """
    table = as_subjects(table, {"quasi": quasi, "sensitive": sensitive, "key": key})
    _check_cells(table, cells=cells, local=local)
    plan, begun = _proposed(
        table, threats, max_suppression=max_suppression, keep=keep, budget_seconds=budget_seconds,
        hierarchies=hierarchies, cells=cells, utility=utility, levels_from_data=levels_from_data,
        accept=accept, local_sets=local_sets,
    )  # fmt: skip
    return _locally(plan, begun, utility) if local and begun is not None else plan


def suggest_beside(
    table: SubjectTable,
    threats: Sequence[ThreatModel],
    *,
    max_suppression: float,
    keep: Sequence[str],
    budget_seconds: float | None,
    hierarchies: Mapping[str, Hierarchy],
) -> tuple[Plan, Plan | None]:
    """Return the plan of `suggest`, and beside it that with bands that differ between subjects.

    Parameters
    ----------
    table, threats, max_suppression, keep, budget_seconds, hierarchies
        As in `suggest`.

    Returns
    -------
    Plan
        With one level for everybody.
    Plan or None
        With local recoding, of the same search; None where it loses no less.

    Raises
    ------
    SearchError
        As `suggest` does.
    """
    plan, begun = _proposed(
        table, threats, max_suppression=max_suppression, keep=keep, budget_seconds=budget_seconds,
        hierarchies=hierarchies, cells=False, utility=DISTANCE, levels_from_data=True, accept=0,
        local_sets="listed",
    )  # fmt: skip
    other = plan if begun is None else _locally(plan, begun, DISTANCE)
    return plan, other if other.local is not None else None


def _proposed(
    table: SubjectTable,
    threats: str | ThreatModel | Sequence[str | ThreatModel],
    *,
    max_suppression: float | str,
    keep: str | Sequence[str],
    budget_seconds: float | None,
    hierarchies: Mapping[str, Hierarchy] | None,
    cells: bool,
    utility: str,
    levels_from_data: bool,
    accept: int,
    local_sets: Sets,
) -> tuple[Plan, Given | None]:
    """Return the plan with one level for everybody, and what a local one begins from."""
    most, keep = suppression_share(max_suppression), listed("attributes to keep", keep)
    given = dict(hierarchies or {})
    models = [load_threat_model(threat) for threat in listed("threat models", threats)]
    view = released(table, given)
    attributes, demand = _known(table, view, models, keep)
    before = release_state(view, models, demand.k, table=table)
    if not attributes:
        imaging = imaging_figures(table, view, given)
        return _trivial(table, models, demand, before, imaging).of(table), None
    setting = lattice_setting(
        table, attributes, given, frozenset(keep), missing=as_judged(view, models).missing
    )
    limits = (most, budget_seconds)
    drafts, notes, demand = _drafts(
        table, view, setting, given, models, demand, limits, utility, before, cuts=levels_from_data
    )
    draft, others = _accepted_draft(drafts[0], drafts[1:], accept)
    folded = draft.solution
    shown, fixed = as_decided(setting, draft.setting), setting
    source, table, setting = table, draft.table, draft.setting
    solution = _on_all_values(table, view, setting, demand, models, folded, *limits)
    solution, alone = _not_everything(solution, setting, draft)
    target = [solution.levels[a.name] for a in attributes]
    left, after = view, before
    emptied = _cells(table, setting, solution, models, demand.k, most) if cells else None
    hidden_rows, gone = _gone(solution, emptied)
    if solution.found:
        left = planned(table, solution.levels, setting.hierarchies, hidden_rows)
        left = without_cells(left, gone)
        after = release_state(left, models, demand.k, table=table)
    hidden = np.flatnonzero(hidden_rows) if solution.found else np.empty(0, int)
    loss = plan_loss(setting, target, len(hidden), table.n_subjects, gone)
    risk = _highest(solution, after, judged=solution is not folded or emptied is not None)
    plan = Plan(
        **plan_heading(source, models, demand.k),
        found=solution.found,
        optimal=solution.optimal and emptied is None,
        gap=_gap(solution, emptied),
        loss=loss if solution.found else None,
        levels={name: int(level) for name, level in solution.levels.items()},
        hierarchies={n: _described(n, h) for n, h in setting.hierarchies.items()},
        **(_changes(table, shown, target, draft.facts) if solution.found else {"steps": []}),
        suppressed=_left_out(len(hidden), len(attributes), gone),
        suppressed_cells={name: list(keys) for name, keys in gone.items()},
        suppressed_subjects=[str(table.frame.index[int(i)]) for i in hidden],
        before=before,
        after=after,
        front=_front(table, setting, solution, most, (loss, len(hidden), risk)),
        imaging=imaging_figures(table, left, given),
        **_beside(draft, others, solution, hidden_rows),
        accepted=accept,
        notes=[*_thin_note(view, models), *notes, *_class_note(after, demand.k, solution)],
        next_step="" if before.passed else _next_step(setting),
        reason=alone or _blocked(solution, folded, setting, demand, most, after),
        nodes=solution.nodes,
        nodes_checked=solution.checked,
    ).of(source)
    base = replace(draft, solution=solution)
    return plan, Given(source, view, fixed, base, models, demand, given, most, local_sets)


def _locally(plan: Plan, begun: Given, utility: str) -> Plan:
    """Return the plan with bands that differ between subjects, where that loses less."""
    if plan.before.accepted:
        return plan
    begun = replace(begun, by_extent=utility == EXTENT)
    better = recoded_locally(begun)
    if better is None:
        return plan.model_copy(update={"notes": [*plan.notes, NOT_LOCALLY]})
    told = with_local(plan, begun, better)
    return told.model_copy(update={"reason": _disclosed_text(better.after)})


NOT_LOCALLY = "Bands that differ between subjects lose no less than this plan."


def _cells(
    table: SubjectTable,
    setting: Setting,
    solution: Solution,
    models: Sequence[ThreatModel],
    k: int,
    most: float,
) -> EmptiedCells | None:
    """Return the cells that are emptied in place of subjects left out, where that suffices."""
    if not solution.suppressed_rows.any() or not solution.found or k <= 1:
        return None
    return accepted_cells(table, setting, solution, models, k, most)


def _gone(
    solution: Solution, emptied: EmptiedCells | None
) -> tuple[np.ndarray, Mapping[str, Sequence[str]]]:
    """Return which subjects are left out, and whose cells are emptied, by attribute."""
    if emptied is None:
        return solution.suppressed_rows, {}
    return emptied.hidden, emptied.subjects


def _check_cells(table: SubjectTable, *, cells: bool, local: bool) -> None:
    """Refuse to empty cells where that cannot be done."""
    if cells and local:
        raise SearchError(
            "single cells are not emptied where bands differ between subjects",
            hint="Give --cells or --local, not both",
        )
    if cells:
        check_policy(table)


def _left_out(subjects: int, attributes: int, gone: Mapping[str, Sequence[str]]) -> Suppressed:
    """Return what a plan leaves out: subjects with all their cells, and single cells."""
    emptied = sum(map(len, gone.values()))
    cells = subjects * attributes + emptied
    return Suppressed(subjects=subjects, cells=cells, emptied=emptied)


def _known(
    table: SubjectTable, view: SubjectTable, models: Sequence[ThreatModel], keep: Sequence[str]
) -> tuple[tuple[Attribute, ...], Requirement]:
    """Return the attributes with values that an adversary knows, and what is required of them."""
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    check_kept(table, keep, [a.name for a in quasi])
    demand = requirement(models, quasi)
    known = (a for a in quasi if a.name in demand.attributes)
    return tuple(a for a in known if table.frame[a.name].notna().any()), demand


def _drafts(
    table: SubjectTable,
    view: SubjectTable,
    setting: Setting,
    given: Mapping[str, Hierarchy],
    models: Sequence[ThreatModel],
    demand: Requirement,
    limits: tuple[float, float | None],
    utility: str,
    before: State,
    *,
    cuts: bool,
) -> tuple[list[Draft], list[str], Requirement]:
    """Return the recommended plan and those beside it, notes, and what was asked for."""
    if before.passed and not before.disclosed:
        unchanged = _unchanged(setting, before)
        return [Draft(table=table, setting=setting, solution=unchanged)], [], demand
    if utility != DISTANCE:
        folded, demand = _best_node(table, view, setting, demand, models, *limits, utility)
        return [Draft(table=table, setting=setting, solution=folded)], [], demand
    unknown = _wildcard(table, setting)
    settings = [setting]
    if unknown and setting.missing == "wildcard":
        # Who knows fewer attributes can face smaller classes there, but never under this policy.
        columns = replace(setting.columns, missing="wildcard-cautious")
        settings.append(replace(setting, columns=columns))
    tries = [(one, True) for one in settings if cuts] + [(one, False) for one in settings]
    for one, free in tries:
        drafts = Drafts(table, view, one, given, models, levels_from_data=free)
        first, others, notes, asked = drafts.all(demand, *limits)
        if not first.solution.found or _stands(first, models, demand.k, strictly=unknown):
            break
    if unknown:
        others = [each for each in others if _stands(each, models, demand.k, strictly=True)]
    if one is not setting:
        first = replace(first, solution=replace(first.solution, optimal=False))
        return [_read_as(each, setting.missing) for each in (first, *others)], notes, asked
    return [first, *others], notes, asked


def _read_as(draft: Draft, missing: MissingPolicy) -> Draft:
    """Return a draft whose risk is told as the judge reads unknown values."""
    columns = replace(draft.setting.columns, missing=missing)
    return replace(draft, setting=replace(draft.setting, columns=columns))


def _beside(
    draft: Draft, others: Sequence[tuple[int, Draft]], solution: Solution, hidden: np.ndarray
) -> dict[str, Any]:
    """Return what a plan says of its levels from the data, of age, and of other plans."""
    target = [solution.levels[a.name] for a in draft.setting.attributes]
    r2, of = age_kept(draft, target, hidden) if solution.found else (None, 0)
    return {
        **(from_data(draft) if solution.found else {}),
        "facts": [list(names) for names in draft.facts],
        "age_r2": r2,
        "age_subjects": of,
        "loss_shares": _counted(draft.setting),
        **(_explained(draft) if solution is draft.solution and solution.found else {}),
        "alternatives": alternatives(others),
    }


def _counted(setting: Setting) -> dict[str, float]:
    """Return what each attribute counts in the information lost; those that count nothing not."""
    shares = loss_shares(setting.attributes).shares
    return {name: round(share, 4) for name, share in shares.items() if share > 0}


def _explained(draft: Draft) -> dict[str, Any]:
    return {"finer": list(draft.finer), "age_costs": list(draft.age_costs)}


def _stands(draft: Draft, models: Sequence[ThreatModel], k: int, *, strictly: bool) -> bool:
    """Tell whether the judge accepts a draft, or at least sees the classes that were counted."""
    levels, rows = draft.solution.levels, draft.solution.suppressed_rows
    left = planned(draft.table, levels, draft.setting.hierarchies, rows)
    state = release_state(left, models, k)
    return state.passed or (not strictly and (state.k or 0) >= draft.solution.smallest)


FAR_ABOVE = 3
"""Times k from which the smallest class is worth a note."""


def _thin_note(view: SubjectTable, models: Sequence[ThreatModel]) -> list[str]:
    """Return which attributes leave classes that no population model is judged for, most first."""
    quasi = tuple(measured(view, Role.QUASI_IDENTIFIER))
    names = [
        name
        for model in models
        if model.population.beyond
        for adversary in model.adversaries
        for name in adversary_risk(view, quasi, model, adversary).against.thin
    ]
    if not names:
        return []
    said = (
        f"Rare values of {', '.join(dict.fromkeys(names))} rest on fewer than {LEAST_SUPPORT}"
        " subjects, which count as seen in the release only: joining them first lets the"
        " population count."
    )
    return [said]


def _class_note(after: State, k: int, solution: Solution) -> list[str]:
    """Return a note where the smallest class is far larger than it has to be."""
    if not solution.found or after.k is None or after.k < FAR_ABOVE * k:
        return []
    said = (
        f"The smallest class has {after.k} subjects, {after.k / k:.0f} times what the threshold"
        " asks: no finer level of these attributes passes, or the search did not find one."
    )
    return [said]


def _wildcard(table: SubjectTable, setting: Setting) -> bool:
    """Tell whether unknown values match every value, so that classes overlap."""
    if setting.missing == "category":
        return False
    return bool(table.frame[list(setting.columns.names)].isna().to_numpy().any())


def _accepted_draft(
    first: Draft, others: list[Draft], accept: int
) -> tuple[Draft, list[tuple[int, Draft]]]:
    """Return the draft that becomes the plan, and the others under their own numbers.

    The recommended one has number 0, and no number changes when another plan is accepted.
    """
    if not 0 <= accept <= len(others):
        raise SearchError(
            f"there is no alternative {accept}",
            hint=f"Give a number from 1 to {len(others)}" if others else "There is only one plan",
        )
    named = replace(first, title=f"recommended, {first.title}" if first.title else "recommended")
    every = [(0, named), *enumerate(others, start=1)]
    rest = [(n, draft) for n, draft in every if n != accept and draft.solution.found]
    return every[accept][1], rest


def _not_everything(solution: Solution, setting: Setting, draft: Draft) -> tuple[Solution, str]:
    """Refuse a plan that removes every one of several facts; say what would have to give."""
    if tuple(solution.levels[a.name] for a in setting.attributes) == setting.start:
        return solution, ""
    several = len(setting.attributes) - sum(len(names) - 1 for names in draft.facts) > 1
    if not solution.found or not several or shows_something(replace(draft, solution=solution)):
        return solution, ""
    why = (
        "only removing every quasi-identifier that an adversary knows would reach the threshold,"
        " which leaves nothing to suggest: release to fewer people, under a threat model with a"
        " smaller class, or collect more subjects"
    )
    return replace(solution, found=False, optimal=False), why


def _gap(solution: Solution, emptied: EmptiedCells | None) -> float | None:
    """Return how much better a plan could be at most; None where nothing bounds that."""
    if not solution.found:
        return None
    if solution.optimal and emptied is None:
        return 0.0
    # A plan that was changed after its search, or accepted on other grounds, has no bound.
    return None if solution.gap <= 0 or emptied is not None else solution.gap


def _unchanged(setting: Setting, before: State) -> Solution:
    """Return where the project stands as a solution: nothing can lose less than no change."""
    return Solution(
        found=True,
        levels=dict(zip(setting.columns.names, setting.start, strict=True)),
        score=0.0,
        suppressed=0,
        classes=before.classes,
        smallest=int(before.k or 0),
        optimal=True,
        checked=1,
        nodes=prod(high - low + 1 for low, high in level_ranges(setting).values()),
        bound=0.0,
        gap=0.0,
        suppressed_rows=np.zeros(setting.columns.n, dtype=bool),
        utility=PLAN_UTILITY,
    )


def _best_node(
    table: SubjectTable,
    view: SubjectTable,
    setting: Setting,
    demand: Requirement,
    models: Sequence[ThreatModel],
    max_suppression: float,
    budget_seconds: float | None,
    utility: str,
) -> tuple[Solution, Requirement]:
    """Return the best node and what it was asked for: k, or people of the population."""
    private = disclosure_criteria(models, view)
    demand = replace(demand, criteria=(*demand.criteria, *private))
    limits = (max_suppression, budget_seconds)
    solution = _search(table, view, setting, demand, *limits, utility=utility)
    if setting.missing == "wildcard" and not _holds(table, setting, solution, models):
        # Who knows fewer attributes can face smaller classes there, but never under this policy.
        columns = replace(setting.columns, missing="wildcard-cautious")
        setting = replace(setting, columns=columns)
        solution = _search(table, view, setting, demand, *limits, utility=utility)
        solution = replace(solution, optimal=False)
    relaxed = population_criteria(models, table.n_subjects)
    if relaxed is not None:
        open_ = replace(demand, k=1, criteria=(*relaxed, *private))
        other = _search(table, view, setting, open_, *limits, utility=utility)
        if _milder(other, solution) and accepted(table, setting, other, models):
            proved = other.optimal and not max_suppression
            solution, demand = replace(other, optimal=proved), open_
    return solution, demand


def _told(table: SubjectTable, setting: Setting, step: Step) -> PlanStep:
    """Return a step in words; it also says when it leaves one of several values."""
    attribute = table.attributes[step.attribute]
    told = plan_step(step, setting.hierarchies, attribute.need)
    if attribute.name not in table.repeated or attribute.kind not in WRITTEN_ONCE:
        return told
    once = " Every record of a subject then shows the same value."
    return told.model_copy(update={"justification": told.justification + once})


def _described(name: str, hierarchy: Hierarchy) -> list[str]:
    """Return each level of a hierarchy in words."""
    return [hierarchy.describe(level, name) for level in range(len(hierarchy.level_names))]


def _highest(solution: Solution, after: State, *, judged: bool) -> float:
    """Return the highest risk of a plan: as judged, or as the search counted it."""
    if judged:
        return after.risk_max or 0.0
    return 1 / solution.smallest if solution.smallest else 0.0


def _blocked(
    solution: Solution,
    folded: Solution,
    setting: Setting,
    demand: Requirement,
    max_suppression: float,
    after: State,
) -> str:
    """Return why there is no plan, or what one leaves open, empty when that is nothing."""
    if solution.found:
        return _disclosed_text(after)
    if folded.found:
        return _BY_REPETITION
    return blocked_text(solution, setting, demand, max_suppression)


_BY_REPETITION = (
    "levels are found on one value of each subject, and none was found at which the further"
    " values that leave are within the threshold: generalise or remove the attributes with"
    " several values"
)


def _on_all_values(
    table: SubjectTable,
    view: SubjectTable,
    setting: Setting,
    demand: Requirement,
    models: Sequence[ThreatModel],
    solution: Solution,
    max_suppression: float,
    budget_seconds: float | None,
) -> Solution:
    """Return a solution that every adversary accepts on all the values that leave.

    The search knows one value of each subject. Where the judge refuses what it found, it looks
    again with one of the repeating attributes a level coarser, until the judge accepts or
    nothing coarser is left. Such a solution is never called optimal.
    """
    ranges = level_ranges(setting)
    names = list(ranges)
    if not any(name in table.repeated for name in names):
        return solution
    least = {name: low for name, (low, _) in ranges.items()}
    while solution.found and not accepted(table, setting, solution, models):
        left = planned(table, solution.levels, setting.hierarchies, solution.suppressed_rows)
        several = repeating(left, [name for name in names if name in left.frame.columns])
        coarser: list[tuple[bool, float, int, dict[str, int], Solution]] = []
        for name in (n for n in names if n in several or n.removesuffix(".range") in several):
            raised = max(least[name], solution.levels[name] + 1)
            if raised > ranges[name][1]:
                continue
            floors = least | {name: raised}
            found = _search(table, view, setting, demand, max_suppression, budget_seconds, floors)
            if found.found:
                passed = accepted(table, setting, found, models)
                coarser.append((not passed, found.score, len(coarser), floors, found))
        if not coarser:
            return replace(solution, found=False, optimal=False)
        *_, least, solution = min(coarser, key=lambda each: each[:3])
        solution = replace(solution, optimal=False)
    return solution


def _disclosed_text(left: State) -> str:
    """Return what sensitive attributes the release would still disclose, ``""`` if none."""
    if not left.disclosed:
        return ""
    return (
        "the class sizes are met, but sensitive values can still be inferred:"
        f" {', '.join(left.disclosed)}; coarsen further, remove the attribute, or accept it in"
        " writing (disclosure.accepted)"
    )


def _front(
    table: SubjectTable,
    setting: Setting,
    solution: Solution,
    max_suppression: float,
    figures: tuple[float, int, float],
) -> list[FrontPoint]:
    """Return the front, with the plan on it by its loss, subjects left out and risk."""
    loss, left_out, risk = figures
    levels = {name: int(level) for name, level in solution.levels.items()}
    own = FrontPoint(levels=levels, risk=risk, loss=loss, suppressed=left_out)
    nodes = _front_nodes(table, setting, solution, max_suppression)
    front = plan_front(setting, nodes, table.n_subjects)
    return with_plan(front, own, solution.suppressed) if solution.found else front


def _next_step(setting: Setting) -> str:
    """Return the cheapest single step from where the project stands."""
    free = [name not in setting.keep for name in setting.columns.names]
    cheapest = cheapest_step(setting.columns, setting.start, free)
    return next_step_text(cheapest, setting.hierarchies)


def _milder(other: Solution, found: Solution) -> bool:
    """Tell whether a solution loses less than the one that was found before."""
    return other.found and (not found.found or other.score < found.score)


def _holds(
    table: SubjectTable, setting: Setting, solution: Solution, models: Sequence[ThreatModel]
) -> bool:
    """Tell whether a solution, if there is one, is accepted."""
    return not solution.found or accepted(table, setting, solution, models)


def _search(
    table: SubjectTable,
    view: SubjectTable,
    setting: Setting,
    demand: Requirement,
    max_suppression: float,
    budget_seconds: float | None,
    least: Mapping[str, int] | None = None,
    utility: str = PLAN_UTILITY,
) -> Solution:
    """Search the lattice above the starting levels, or above the least ones.

    Sensitive values are those that leave.
    """
    ranges = level_ranges(setting)
    ranges = {n: ((least or {}).get(n, low), high) for n, (low, high) in ranges.items()}
    sensitive = dict.fromkeys(c.sensitive for c in demand.criteria if c.sensitive is not None)
    frame = table.frame[list(setting.columns.names)]
    return search(
        frame.assign(**{name: view.frame[name] for name in sensitive}),
        setting.hierarchies,
        k=demand.k,
        criteria=demand.criteria,
        max_suppression=max_suppression,
        utility=utility,
        weights={a.name: weight_of(a) for a in setting.attributes},
        levels=ranges,
        budget_seconds=budget_seconds,
        missing=setting.missing,
    )


def _changes(
    table: SubjectTable, setting: Setting, target: Sequence[int], facts: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Return the steps of a plan, and what it leaves as it is."""
    steps = ordered_steps(setting.columns, setting.start, target, facts)
    return {
        "steps": [_told(table, setting, each) for each in steps],
        "kept": _kept(table, setting, target),
    }


def _kept(table: SubjectTable, setting: Setting, target: Sequence[int]) -> list[KeptAttribute]:
    """Return the attributes that stay as they are, with what removing each would do."""
    stays = [i for i, (a, b) in enumerate(zip(setting.start, target, strict=True)) if a == b]
    shown = [i for i in stays if target[i] < len(setting.columns.losses[i]) - 1]
    return [
        kept_attribute(
            step,
            setting.hierarchies,
            decided=step.attribute in setting.keep,
            need=table.attributes[step.attribute].need,
        )
        for step in removals(setting.columns, target, shown)
    ]


def _front_nodes(
    table: SubjectTable, setting: Setting, solution: Solution, max_suppression: float
) -> Sequence[FrontPoint]:
    """Return the front over the whole lattice where it is small, else over what was looked at.

    A search stops at the first proof, which leaves few nodes to compare. Where an unknown value
    may be any value, each class size costs more, so the whole lattice must be smaller.
    """
    names = list(setting.columns.names)
    unknown = setting.missing != "category" and bool(table.frame[names].isna().any().any())
    if solution.nodes * (table.n_subjects if unknown else 1) > FRONT_NODES:
        return solution.front
    swept = sweep(
        table.frame[names],
        setting.hierarchies,
        utility=PLAN_UTILITY,
        weights={a.name: weight_of(a) for a in setting.attributes},
        levels=level_ranges(setting),
        missing=setting.missing,
    )
    return swept.front(max_suppression=max_suppression)


def failed_plan(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    why: str,
    hierarchies: Mapping[str, Hierarchy] | None = None,
) -> Plan:
    """Return the plan of a search that could not be carried out.

    Parameters
    ----------
    table : SubjectTable
    models : sequence of ThreatModel
        At least one.
    why : str
        Its reason, without values.
    hierarchies : mapping of str to Hierarchy, optional

    Returns
    -------
    Plan
        ``found`` is False; before and after are what the decisions give.
    """
    k = max(model.threshold.k for model in models)
    state = release_state(released(table, dict(hierarchies or {})), models, k, table=table)
    return Plan(
        **plan_heading(table, models, k),
        found=False,
        optimal=False,
        loss=None,
        steps=[],
        suppressed=Suppressed(subjects=0, cells=0),
        before=state,
        after=state,
        front=[],
        reason=why,
    )


def _trivial(
    table: SubjectTable,
    models: Sequence[ThreatModel],
    demand: Requirement,
    before: State,
    imaging: list[ImagingFigure],
) -> Plan:
    """Return the plan of a table in which no adversary knows anything."""
    return Plan(
        **plan_heading(table, models, demand.k),
        found=before.passed,
        optimal=before.passed,
        gap=0.0 if before.passed else None,
        loss=0.0 if before.passed else None,
        steps=[],
        suppressed=Suppressed(subjects=0, cells=0),
        before=before,
        after=before,
        front=[],
        imaging=imaging,
        reason=_disclosed_text(before)
        if before.passed
        else "the collection has fewer subjects than a class needs",
    )

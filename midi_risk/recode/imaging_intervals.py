"""What the rule of dates leaves of the days between visits."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache

import numpy as np

from midi_risk.attributes.ladder_time import date_columns
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Decision, Kind, Role
from midi_risk.attributes.own_hierarchy import hierarchy_for
from midi_risk.attributes.representatives import date_string
from midi_risk.recode.release_pair import ReleasePair, imaging_figure
from midi_risk.risk.imaging_utility import interval_error
from midi_risk.risk.plan_document import ImagingFigure


def interval_figure(view: ReleasePair) -> ImagingFigure | None:
    """Return the figure of visits; None where nobody was seen twice.

    Parameters
    ----------
    view : ReleasePair
    """
    name, visits = view.table.visit_dates, view.table.visits
    if not name or not len(visits):
        return None
    kept = np.flatnonzero(view.table.frame.index.isin(view.left.frame.index))
    visits = visits.loc[visits["subject"].isin(kept), ["subject", "day"]].drop_duplicates()
    subject = visits["subject"].to_numpy(dtype=np.int64)
    day = visits["day"].to_numpy(dtype=np.int64)
    several = int((np.bincount(subject, minlength=1) > 1).sum())
    if not several:
        return None
    attribute = next((a for a in view.left.attributes if a.name == name), None)
    state, rule = _date_rule(view, attribute, name)
    if state == "removed":
        return imaging_figure("visit_intervals", [name], state, rule, subjects=several)
    if state == "exact" or attribute is None:
        values = {**interval_error(subject, day, day), "worst_days": 0.0}
        return imaging_figure(
            "visit_intervals", [name], state, rule, subjects=several, measures=values
        )
    written = _written_days(view, attribute, day)
    values = {}
    if written is not None:
        values = interval_error(subject, day, written)
        worst = _worst_days(view, attribute)
        values |= {"worst_days": float(worst)} if worst is not None else {}
    return imaging_figure("visit_intervals", [name], state, rule, subjects=several, measures=values)


def _date_rule(view: ReleasePair, attribute: Attribute | None, name: str) -> tuple[str, str]:
    if attribute is None:
        return "exact", f"{name}: exact values"
    gone = attribute.decision is Decision.REMOVE
    if gone or (attribute.role is Role.DIRECT_IDENTIFIER and attribute.decision is None):
        return "removed", f"{name}: removed"
    if attribute.decision is Decision.GENERALISE and attribute.generalise_to is not None:
        if name in view.before.columns:
            return "coarsened", view.described(attribute)
        return "coarsened", f"{name}: coarsened to {attribute.generalise_to}"
    return "exact", f"{name}: exact values"


def _written_days(view: ReleasePair, attribute: Attribute, day: np.ndarray) -> np.ndarray | None:
    """Return the day written for each day; None when the hierarchy does not tell it."""
    distinct, place = np.unique(day, return_inverse=True)
    texts = [date.fromordinal(int(d)).isoformat() for d in distinct]
    hierarchy = view.given.get(attribute.name)
    if hierarchy is None:
        hierarchy = hierarchy_for(attribute.revised(kind=Kind.DATE), texts)
    if set(texts) - set(hierarchy.frame.iloc[:, 0]):
        return None
    labels = hierarchy.apply(attribute.generalise_to or 0, texts)
    written = [date_string(label) if label else None for label in labels]
    if any(text is None for text in written):
        return None
    days = [_ordinal(text) for text in written if text is not None]
    return np.array(days, dtype=np.int64)[place.ravel()]


def _ordinal(text: str) -> int:
    return date(int(text[:4]), int(text[4:6]), int(text[6:8])).toordinal()


def _worst_days(view: ReleasePair, attribute: Attribute) -> int | None:
    ladder = attribute.ladder or "date"
    own = attribute.name in view.given or attribute.hierarchy_steps
    if own or ladder not in {"date", "datetime", "birthdate", "year"}:
        return None
    names = LADDERS[ladder].level_names
    level = attribute.generalise_to
    number = names.index(level) if level in names else int(level or 0)
    return longest_period(ladder, number) - 1


@cache
def longest_period(ladder: str, level: int) -> int:
    """Return the days in the longest period that a level of a date ladder puts together.

    Examples
    --------
    >>> longest_period("date", 1), longest_period("date", 2), longest_period("date", 4)
    (10, 31, 366)
    """
    first = date(1960, 1, 1)
    days = [first + timedelta(days=i) for i in range((date(2000, 1, 1) - first).days)]
    texts = [day.isoformat() for day in days]
    numbers = np.array([day.toordinal() for day in days], dtype=np.float64)
    return max(Counter(date_columns(ladder, texts, numbers)[level - 1]).values())

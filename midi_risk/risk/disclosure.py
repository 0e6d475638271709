"""Attribute disclosure as a judged result: what the classes of the release tell of a person.

An attacker who finds the class of a person learns the sensitive values of its members, also when
they cannot tell which row is the person's. What counts is how much more they know than from the
collection as a whole: in a collection of which 95 % are alive, a class that is all alive tells
little; in one of which 2 % are HIV-positive, a class of HIV-positives tells everything.

Machanavajjhala et al. 2007, doi:10.1145/1217299.1217302 (diversity); Li et al. 2007,
doi:10.1109/ICDE.2007.367856 (closeness); Evfimievski et al. 2003, doi:10.1145/773153.773174
(gain: an inference is a breach when it was unlikely before and is likely after).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.hierarchy import SET_JOINER
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.values import read_again
from midi_risk.document.assessment import AcceptedDisclosure, Disclosure
from midi_risk.risk.adversaries import AdversaryRisk, as_judged
from midi_risk.risk.measures.closeness import (
    basic_likeness,
    equal_distance,
    log_ratio,
    ordered_distance,
)
from midi_risk.risk.measures.comparison import at_least, at_most, below
from midi_risk.risk.measures.diversity import (
    SensitiveCounts,
    distinct_values,
    effective_values,
    least_recursive_c,
)
from midi_risk.risk.measures.gain import inference_gain
from midi_risk.risk.measures.repeated import ReleasedClasses, released_classes
from midi_risk.table.model import SubjectTable
from midi_risk.threat.model import DisclosureSettings, ThreatModel

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classes:
    """The sensitive values of the classes that an adversary can tell apart, by record.

    Parameters
    ----------
    attribute : Attribute
    counts : SensitiveCounts
    column : numpy.ndarray of object, shape (n_subjects,)
    released : ReleasedClasses
        Classes of what leaves.
    harmful : numpy.ndarray of bool, shape (n_subjects,), or None
        Subjects whose value does harm; None when every value does.
    smallest : int
        Size of the smallest class that the threshold on identity accepts.
    """

    attribute: Attribute
    counts: SensitiveCounts
    column: npt.NDArray[np.object_]
    released: ReleasedClasses
    harmful: npt.NDArray[np.bool_] | None
    smallest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One criterion: its figure of each class, which way is worse, and when a class passes.

    Parameters
    ----------
    figures : callable
        One figure for each class, NaN where none is judged.
    threshold : callable
        What the figure is compared with.
    passes : callable
        From figures and threshold to the classes that pass.
    least : bool
        The worst class has the smallest figure.
    needs_size : bool
        Classes smaller than the threshold demands are not judged.
    """

    figures: Callable[[_Classes, DisclosureSettings], Floats]
    threshold: Callable[[DisclosureSettings], float]
    passes: Callable[[Floats, float], npt.NDArray[np.bool_]]
    least: bool = False
    needs_size: bool = False


def _value(settings: DisclosureSettings) -> float:
    return settings.value


def _known(found: _Classes, figures: npt.NDArray[np.generic]) -> Floats:
    """Return figures as numbers, NaN where a class has no known value."""
    return np.where(found.counts.assessed, figures.astype(np.float64), np.nan)


def value_order(attribute: Attribute, values: Collection[str]) -> list[str] | None:
    """Return the values that occur from lowest to highest, None when they have no order.

    Parameters
    ----------
    attribute : Attribute
        Its order, or numbers and ages by their size.
    values : collection of str
        Distinct values.
    """
    present = set(values)
    if attribute.order is not None and present <= set(attribute.order):
        return [value for value in attribute.order if value in present]
    if attribute.kind in {Kind.NUMBER, Kind.AGE}:
        listed = sorted(present)
        number = read_again(attribute, listed).number
        if np.isnan(number).any():
            return None
        return [listed[i] for i in np.argsort(number, kind="stable")]
    return None


def _distance(found: _Classes) -> Floats:
    """Return t of each class: over the order of the values where they have one."""
    order = value_order(found.attribute, [str(value) for value in found.counts.labels])
    distance = (
        equal_distance(found.counts)
        if order is None
        else ordered_distance(found.counts, order=order)
    )
    return np.asarray(distance, dtype=np.float64)


def _gain(found: _Classes, settings: DisclosureSettings) -> Floats:
    """Return the largest gain of each class among harmful values that can be inferred."""
    sizes = np.asarray(found.released.classes.sizes, dtype=np.float64)
    labels = None
    if found.harmful is not None:
        labels = set(found.column[found.harmful])
    best = inference_gain(found.counts, sizes, certain=settings.value, labels=labels)
    if found.harmful is not None:
        known = pd.notna(found.column)
        either = np.where(found.harmful, "yes", "no").astype(object)
        either[~known] = None
        together = found.released.counts(either, found.attribute.name)
        one = inference_gain(together, sizes, certain=settings.value, labels={"yes"})
        best = np.fmax(best, one)
    return np.where(sizes >= found.smallest, best, np.nan)


def _largest_share(counts: SensitiveCounts) -> Floats:
    """Return the share of the most frequent value of each class, 0 without a known value."""
    largest = np.zeros(counts.n_classes)
    np.maximum.at(largest, counts.cell_class, counts.cell_count.astype(np.float64))
    return largest / np.maximum(counts.class_totals, 1)


CRITERIA: Mapping[str, Criterion] = {
    "distinct": Criterion(
        figures=lambda found, _: _known(found, distinct_values(found.counts)),
        threshold=_value,
        passes=at_least,
        least=True,
    ),
    "entropy": Criterion(
        figures=lambda found, _: _known(found, effective_values(found.counts)),
        threshold=_value,
        passes=at_least,
        least=True,
    ),
    "recursive": Criterion(
        figures=lambda found, _: _known(found, least_recursive_c(found.counts, 2)),
        threshold=_value,
        passes=below,
    ),
    "t": Criterion(
        figures=lambda found, _: _known(found, _distance(found)), threshold=_value, passes=at_most
    ),
    "alpha": Criterion(
        figures=lambda found, _: _known(found, _largest_share(found.counts)),
        threshold=_value,
        passes=at_most,
    ),
    "beta": Criterion(
        figures=lambda found, _: _known(found, basic_likeness(found.counts)),
        threshold=_value,
        passes=at_most,
    ),
    "delta": Criterion(
        figures=lambda found, _: _known(found, log_ratio(found.counts) / np.log(2)),  # in bits
        threshold=_value,
        passes=below,
    ),
    "gain": Criterion(
        figures=_gain, threshold=lambda s: float(s.gain or 0), passes=at_most, needs_size=True
    ),
}
"""Criterion of a threat model -> how it is judged; a new one is a new entry here."""


def disclosures(
    table: SubjectTable, view: SubjectTable, risks: Sequence[AdversaryRisk]
) -> list[Disclosure]:
    """Judge what the sensitive attributes that leave disclose, by each model with a criterion.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions: harmful values are named as they were read.
    view : SubjectTable
        As it would be released.
    risks : sequence of AdversaryRisk
        Results of the adversaries; each forms classes of what it knows.

    Returns
    -------
    list of Disclosure
        One for each model and attribute: the adversary for whom most subjects fail.

    Notes
    -----
    A quasi-identifier that is sensitive as well is judged on the classes of the others: the
    attacker who infers it does not know it. For ``gain`` classes that are too small for the
    threshold on identity are judged there and left out here. A class is at least as large as the
    threshold demands, with attempts counted; the floor, where an average is judged.
    """
    found = []
    for model in {risk.model.name: risk.model for risk in risks}.values():
        if not model.on_sensitive_values:
            continue
        seen = _Released(as_judged(view, [model]))
        told = [
            attribute
            for attribute in view.attributes
            if attribute.discloses and seen.has_values(attribute.name)
        ]
        of_model = [risk for risk in risks if risk.model.name == model.name]
        found += [
            _judged(table, seen, attribute, model, settings, of_model)
            for attribute in told
            for settings in model.on_sensitive_values
        ]
    return found


class _Released:
    """A table as a model judges it, with the classes that were asked for already.

    Most attributes are no quasi-identifier, so that the classes are the same for all of them.
    """

    def __init__(self, view: SubjectTable) -> None:
        self.view = view
        self._known: dict[tuple[object, ...], ReleasedClasses] = {}
        self._place = {name: place for place, name in enumerate(view.frame.columns)}
        self._cells = view.frame.to_numpy(dtype=object)

    def has_values(self, name: str) -> bool:
        """Tell whether an attribute is in the table and anybody has a value."""
        return name in self._place and bool(pd.notna(self.column(name)).any())

    def column(self, name: str) -> npt.NDArray[np.object_]:
        """Return the released value of each subject."""
        return self._cells[:, self._place[name]]

    def classes(self, names: Sequence[str], visits: int | Literal["all"] | None) -> ReleasedClasses:
        """Return the classes of those who know some attributes, see `released_classes`."""
        key = (*names, visits)
        if key not in self._known:
            self._known[key] = released_classes(self.view, names, visits)
        return self._known[key]


def disclosed_attributes(
    table: SubjectTable, view: SubjectTable, risks: Sequence[AdversaryRisk]
) -> list[str]:
    """Return the attributes that fail and that nobody accepted, each once; as `disclosures`.

    Parameters
    ----------
    table, view : SubjectTable
    risks : sequence of AdversaryRisk
    """
    found = disclosures(table, view, risks)
    return list(dict.fromkeys(d.attribute for d in found if not d.passed and d.accepted is None))


def _judged(
    table: SubjectTable,
    seen: _Released,
    attribute: Attribute,
    model: ThreatModel,
    settings: DisclosureSettings,
    risks: Sequence[AdversaryRisk],
) -> Disclosure:
    """Return the result of the adversary for whom most subjects fail."""
    harmful = harmful_subjects(table, seen.view, attribute)
    results = [
        _of_adversary(seen, attribute, model, settings, risk, harmful)
        for risk in {
            (*risk.knows, risk.required_size, risk.adversary.visits): risk for risk in risks
        }.values()
    ]
    return max(results, key=lambda result: (result.subjects, result.classes))


def _of_adversary(
    seen: _Released,
    attribute: Attribute,
    model: ThreatModel,
    settings: DisclosureSettings,
    risk: AdversaryRisk,
    harmful: npt.NDArray[np.bool_] | None,
) -> Disclosure:
    """Judge one attribute on the classes that one adversary can tell apart."""
    others = [name for name in risk.knows if name != attribute.name]
    released = seen.classes(others, risk.adversary.visits)
    threshold, criterion = model.threshold, CRITERIA[settings.criterion]
    smallest = risk.required_size if threshold.statistic == "maximum" else threshold.floor
    limit = criterion.threshold(settings)
    if criterion.needs_size and released.largest < smallest:
        figures = np.full(released.classes.n_classes, np.nan)
    else:
        column = seen.column(attribute.name)
        found = _Classes(
            attribute=attribute,
            counts=released.counts(column, attribute.name),
            column=column,
            released=released,
            harmful=harmful,
            smallest=smallest,
        )
        figures = criterion.figures(found, settings)
    judged = figures[~np.isnan(figures)]
    fails = ~np.isnan(figures) & ~criterion.passes(figures, limit)
    worst = limit if criterion.least else 0.0
    if len(judged):
        worst = float(judged.min() if criterion.least else judged.max())
    accepted = attribute.accepted
    return Disclosure(
        model=model.name,
        attribute=attribute.name,
        criterion=settings.criterion,
        value=worst if np.isfinite(worst) else None,
        threshold=limit,
        passed=not fails.any(),
        classes=int(fails.sum()),
        subjects=released.subjects_in(fails),
        accepted=accepted and AcceptedDisclosure(**accepted.model_dump()),
    )


def harmful_subjects(
    table: SubjectTable, view: SubjectTable, attribute: Attribute
) -> npt.NDArray[np.bool_] | None:
    """Tell the subjects whose released value stands for one that the assessor calls harmful.

    Parameters
    ----------
    table, view : SubjectTable
        Before and after the decisions.
    attribute : Attribute

    Returns
    -------
    numpy.ndarray of bool, shape (n_subjects,), or None
        None when every value counts: none was named, or none of those named occurs.
    """
    named = {value.casefold() for value in attribute.harmful}
    if not named:
        return None
    left = view.frame[attribute.name].to_numpy(dtype=object)
    read = table.frame[attribute.name].loc[view.frame.index].to_numpy(dtype=object)
    holds = np.array(
        [_holds(a, named) or _holds(b, named) for a, b in zip(read, left, strict=True)], dtype=bool
    )
    if not holds.any():
        return None
    told = set(left[holds]) - {None}
    return np.array([value in told for value in left], dtype=bool)


def _holds(value: object, named: set[str]) -> bool:
    """Tell whether a value, or a member of a set of values, is one of those named."""
    if value is None:
        return False
    text = str(value).casefold()
    return text in named or not named.isdisjoint(text.split(SET_JOINER.casefold()))

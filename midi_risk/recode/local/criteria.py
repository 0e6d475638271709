"""Which classes of a partition fail what threat models demand of sensitive values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.attributes.model import Role
from midi_risk.recode.criteria import CustomCriterion, Requirement, failing_classes
from midi_risk.recode.lattice.tables import base_table
from midi_risk.recode.lattice.view import ClassView, TagSpace, sensitive_column, tag_space
from midi_risk.recode.local.partition import Check
from midi_risk.risk.disclosure import harmful_subjects
from midi_risk.risk.measures.comparison import at_most
from midi_risk.risk.measures.diversity import SensitiveCounts
from midi_risk.risk.measures.gain import inference_gain
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import measured
from midi_risk.threat.model import ThreatModel

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def checker(
    demand: Requirement,
    table: SubjectTable,
    view: SubjectTable,
    models: Sequence[ThreatModel],
    open_: frozenset[str],
) -> Check | None:
    """Return what tells which classes fail a criterion on sensitive values, None without any.

    Parameters
    ----------
    demand : Requirement
        Criteria on the table as a whole are left to the judge.
    table, view : SubjectTable
        Before the decisions, and as they leave it.
    models : sequence of ThreatModel
    open_ : frozenset of str
        Attributes that the plan discloses as well; nothing is asked of them.

    Notes
    -----
    Classes of who knows fewer attributes are unions of classes. When each class passes, so does
    a union: distinct, entropy and recursive diversity, closeness, a cap on the share of a value,
    and so the gain over the base rate.
    """
    checks: list[Callable[[Ints, Ints, int], Bools]] = []
    own = [c for c in demand.criteria if c.sensitive is not None and c.sensitive not in open_]
    names = list(dict.fromkeys(str(c.sensitive) for c in own))
    if names:
        columns = [sensitive_column(view.frame, name) for name in names]
        checks.append(_of_views(tag_space(columns, view.n_subjects, 0), own))
    checks += [gain.failing for gain in _gains(table, view, models, open_)]
    if not checks:
        return None

    def check(records: Ints, classes: Ints, count: int) -> Bools:
        out = np.zeros(count, dtype=bool)
        for each in checks if len(records) else ():
            out |= each(records, classes, count)
        return out

    return check


def _of_views(tags: TagSpace, criteria: Sequence[CustomCriterion]) -> Check:
    """Return the check of criteria of the search."""

    def check(records: Ints, classes: Ints, count: int) -> Bools:
        out = np.zeros(count, dtype=bool)
        tag = None if tags.tag is None else tags.tag[records]
        seen = ClassView(base_table([classes], [count], tag, tags.size), tags)
        out[seen.field(0, np.flatnonzero(failing_classes(seen, criteria)))] = True
        return out

    return check


@dataclass(frozen=True, slots=True, eq=False)
class _Gain:
    """The gain over the base rate of one attribute under one model.

    Parameters
    ----------
    codes : ndarray of int64, shape (N,)
        Value of each record, -1 where missing.
    labels : ndarray of object, shape (values,)
    harmful : frozenset or None
        Labels that matter; all when None.
    certain, limit : float
    """

    codes: Ints
    labels: npt.NDArray[np.object_]
    harmful: frozenset[object] | None
    certain: float
    limit: float

    def failing(self, records: Ints, classes: Ints, count: int) -> Bools:
        """Return the classes from which too much can be inferred."""
        codes = self.codes[records]
        width = max(1, len(self.labels))
        some = codes >= 0
        cell, held = np.unique(classes[some] * width + codes[some], return_counts=True)
        share = np.bincount(self.codes[self.codes >= 0], minlength=width).astype(np.float64)
        counts = SensitiveCounts(
            attribute="", labels=self.labels, cell_class=cell // width, cell_value=cell % width,
            cell_count=held, n_classes=count, missing=int((~some).sum()),
            base=share / max(1.0, share.sum()),
        )  # fmt: skip
        sizes = np.bincount(classes, minlength=count)
        gain = inference_gain(counts, sizes, certain=self.certain, labels=self.harmful)
        return np.asarray((sizes > 0) & ~at_most(gain, self.limit), dtype=bool)


def _gains(
    table: SubjectTable,
    view: SubjectTable,
    models: Sequence[ThreatModel],
    open_: frozenset[str],
) -> list[_Gain]:
    """Return the limits on the gain over the base rate."""
    found = []
    for model in models:
        settings = model.disclosure
        if settings is None or settings.gain is None:
            continue
        for attribute in measured(view, Role.SENSITIVE):
            column = view.frame[attribute.name].to_numpy(dtype=object)
            if attribute.name in open_ or attribute.accepted is not None or pd.isna(column).all():
                continue
            bounds = (settings.value, settings.gain)
            harmful = harmful_subjects(table, view, attribute)
            codes, labels = pd.factorize(column)
            told = None if harmful is None else frozenset(column[harmful].tolist())
            found.append(_Gain(codes.astype(np.int64), labels, told, *bounds))
            if harmful is not None:
                either = np.where(pd.isna(column), -1, harmful.astype(np.int64))
                words = np.array(["no", "yes"], dtype=object)
                found.append(_Gain(either.astype(np.int64), words, frozenset({"yes"}), *bounds))
    return found

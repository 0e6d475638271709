"""All measures of attribute disclosure of one sensitive attribute, in one pass."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from midi_risk.document.notebook import Card
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.measures.closeness import (
    basic_likeness,
    enhanced_likeness,
    equal_distance,
    hierarchical_distance,
    log_ratio,
    ordered_distance,
)
from midi_risk.risk.measures.diversity import (
    distinct_values,
    effective_values,
    least_recursive_c,
    modal_share,
    sensitive_counts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeDisclosure(Card):
    """What the classes disclose about one sensitive attribute; each figure is the worst class.

    Parameters
    ----------
    attribute : hashable
    n_values : int
        Distinct values in the table.
    missing : int
        Records without a value; they are left out of the counts.
    unassessed_classes : int
        Classes without any known value, left out of every figure below.
    distinct_l : int
    entropy_l : float
        exp(H).
    recursive_c : float
        Bound that c must exceed for l = 2; infinite when a class holds one value.
    alpha : float
        Largest share of one value.
    homogeneous_classes, homogeneous_subjects : int
        Classes of one value, and the records with a value in them.
    t_equal : float
    t_ordered, t_hierarchical : float or None
        None when no order or hierarchy was given.
    beta, enhanced_beta : float
    delta : float
        Natural logarithm, over values present in the class.
    """

    attribute: Hashable
    n_values: int
    missing: int
    unassessed_classes: int
    distinct_l: int
    entropy_l: float
    recursive_c: float
    alpha: float
    homogeneous_classes: int
    homogeneous_subjects: int
    t_equal: float
    t_ordered: float | None
    t_hierarchical: float | None
    beta: float
    enhanced_beta: float
    delta: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def attribute_disclosure(
    classes: EquivalenceClasses,
    values: Any,
    *,
    attribute: Hashable = "sensitive",
    order: Sequence[Any] | None = None,
    hierarchy: Any = None,
) -> AttributeDisclosure:
    """Compute every measure of attribute disclosure of one sensitive attribute.

    Parameters
    ----------
    classes : EquivalenceClasses
        Classes of the release.
    values : array_like of shape (n,)
        Sensitive value of each record.
    attribute : hashable
        Its name.
    order : sequence, optional
        All values from lowest to highest, for the ordered distance.
    hierarchy : pandas.DataFrame, optional
        One row per value, column 0 raw, rightmost the root, for the hierarchical distance.

    Returns
    -------
    AttributeDisclosure

    Raises
    ------
    MeasureError
        If no value is known or there is not one per record.

    Examples
    --------
    >>> from midi_risk.risk import equivalence_classes
    >>> classes = equivalence_classes({"sex": list("MMFF")}, "sex")
    >>> found = attribute_disclosure(classes, ["GBM", "AST", "GBM", "GBM"], attribute="dx")
    >>> found.distinct_l, found.homogeneous_subjects, found.t_equal
    (1, 2, 0.25)
    """
    counts = sensitive_counts(classes, values, attribute=attribute)
    known = counts.assessed
    distinct = distinct_values(counts)
    alike = distinct == 1
    ordered = None if order is None else float(np.nanmax(ordered_distance(counts, order=order)))
    tree = None if hierarchy is None else float(np.nanmax(hierarchical_distance(counts, hierarchy)))
    return AttributeDisclosure(
        attribute=counts.attribute,
        n_values=counts.n_values,
        missing=counts.missing,
        unassessed_classes=int(np.count_nonzero(~known)),
        distinct_l=int(distinct[known].min()),
        entropy_l=float(effective_values(counts)[known].min()),
        recursive_c=float(least_recursive_c(counts, 2)[known].max()),
        alpha=float(modal_share(counts)[known].max()),
        homogeneous_classes=int(np.count_nonzero(alike)),
        homogeneous_subjects=int(counts.class_totals[alike].sum()),
        t_equal=float(equal_distance(counts)[known].max()),
        t_ordered=ordered,
        t_hierarchical=tree,
        beta=float(basic_likeness(counts)[known].max()),
        enhanced_beta=float(enhanced_likeness(counts)[known].max()),
        delta=float(log_ratio(counts)[known].max()),
    )

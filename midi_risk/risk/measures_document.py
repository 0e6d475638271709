"""Figures of the released table, as parts of the assessment document."""

from __future__ import annotations

from typing import Any, Literal

from midi_risk.risk.plan_document import Part


class HistogramBin(Part):
    """Classes and subjects with class size between two bounds, both inclusive."""

    size_from: int
    size_to: int
    classes: int
    subjects: int


class Diversity(Part):
    """l-diversity of one sensitive attribute, worst class."""

    attribute: str
    distinct_l: int
    entropy_l: float
    homogeneous_classes: int
    homogeneous_subjects: int
    missing: int


class Closeness(Part):
    """t-closeness of one sensitive attribute, worst class."""

    attribute: str
    distance: Literal["equal", "ordered", "hierarchical"]
    t: float


class CurvePoint(Part):
    """Share of subjects in classes smaller than k."""

    k: int
    subjects_below: int
    share_below: float


class Combination(Part):
    """A combination of attributes on which some subjects are unique or rare."""

    attributes: list[str]
    unique: int
    below_k: int


class Measures(Part):
    """Figures of the released table itself, without an attacker."""

    k: int | None
    classes: int
    sample_uniques: int
    class_size_histogram: list[HistogramBin]
    quasi_identifiers: list[str] = []
    curve: list[CurvePoint] = []
    combinations: list[Combination] = []
    diversity: list[Diversity] = []
    closeness: list[Closeness] = []
    population_uniques: list[dict[str, Any]] = []
    trajectory: list[dict[str, Any]] = []

"""What a page shows: one view, with the same names in both editions.

The internal edition holds the document's parts with exact numbers, the shareable one what
may leave of them (`midi_risk.report.policy`). What only the internal edition has stands in
one place, `Disclosive`, which the shareable edition does not have at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from midi_risk.document.assessment import ChannelsTogether, Part, Record, TuningLattice, ValueCount
from midi_risk.report.counts import SafeCount
from midi_risk.report.leaves import Leaving, checked

Count: TypeAlias = int | SafeCount
Shown: TypeAlias = Any
"""A part of the document, or what may leave of it: the same names, None where one stays inside."""


class ValueList(Part):
    """The commonest values of one attribute, and how many more there are."""

    attribute: str
    values: tuple[ValueCount, ...]
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosive:
    """What only the internal edition shows."""

    changes: tuple[str, ...]
    tables: Mapping[str, str]
    sources: tuple[Mapping[str, Any], ...]
    seed: int | None
    command: str
    threat_models: tuple[Mapping[str, Any], ...]
    has_records: bool
    records: tuple[Record, ...]
    records_total: int
    values: Mapping[str, ValueList]
    unreadable: tuple[Mapping[str, str], ...]
    lattice: TuningLattice | None
    channels_together: ChannelsTogether | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """What a page shows of an assessment.

    Parameters
    ----------
    edition : {"internal", "shareable"}
    title : str
        Name of the collection.
    tool, verdict, threshold, log, measures, plan, context, qc, sign_off : part
    threats, attributes, account, channels, disclosure, scores, findings, links : tuple of part
    created, valid_until : str or int
        A moment, or its year.
    digest, project_digest : str
        Keyed in the shareable edition.
    subjects, studies, series, instances : int or SafeCount
    files, excluded : mapping of str to int or SafeCount
    missing_policy : str
    versions : mapping of str to str
    source_count : int
        Entries under ``sources`` of the project.
    chosen : int or None
        Which point of the plan's front is the plan.
    defect_bound : float or None
        Upper bound of the rate of defects, from quality control.
    disclosive : Disclosive or None
        None in the shareable edition.

    Raises
    ------
    TypeError
        When the shareable edition would hold something that may not leave.
    """

    edition: Literal["internal", "shareable"]
    title: str
    tool: Shown
    created: str | int | None
    valid_until: str | int | None
    digest: str
    project_digest: str
    verdict: Shown
    threshold: Shown
    log: Shown | None
    subjects: Count
    studies: Count | None
    series: Count | None
    instances: Count | None
    files: Mapping[str, Count]
    excluded: Mapping[str, Count]
    links: tuple[Shown, ...]
    findings: tuple[Shown, ...]
    missing_policy: str
    threats: tuple[Shown, ...]
    measures: Shown
    attributes: tuple[Shown, ...]
    account: tuple[Shown, ...]
    channels: tuple[Shown, ...]
    disclosure: tuple[Shown, ...]
    plan: Shown | None
    context: Shown
    qc: Shown | None
    scores: tuple[Shown, ...]
    sign_off: Shown | None
    versions: Mapping[str, str]
    source_count: int
    chosen: int | None
    defect_bound: float | None
    disclosive: Disclosive | None

    def to_dict(self) -> dict[str, Any]:
        """Return the view as plain dicts, lists, texts and numbers."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def __post_init__(self) -> None:
        """Check that the shareable edition is made of what may leave, and of nothing else."""
        if self.edition == "shareable":
            for field in fields(self):
                if field.name != "edition":
                    checked(getattr(self, field.name), f"ReportView.{field.name}")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Disclosive):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping | Leaving):
        return {str(name): _plain(inner) for name, inner in dict(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value

"""The subject table: one row per person, the unit of risk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from midi_risk.attributes.model import AttributeSet, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """How one source joined the leading one.

    Parameters
    ----------
    source : str
        Name of the joined source table.
    rows, subjects, matched : int
        Rows in it, distinct keys in it, keys that a leading subject has.
    orphans : int
        Keys in it that no leading subject has.
    unmatched_subjects : int
        Leading subjects without a row in it.
    fan_out : int
        Subjects with more than one row in it.
    key_rule : str
        How keys were made comparable, such as ``"exact"`` or ``"case folded"``.
    """

    source: str
    rows: int
    subjects: int
    matched: int
    orphans: int
    unmatched_subjects: int
    fan_out: int
    key_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An integrity or hygiene observation, as counts and names, without values.

    Parameters
    ----------
    code : str
        Stable name of the rule, such as ``"sex-conflict"``.
    attribute : str
        Attribute concerned, or ``""``.
    subjects : int
        Subjects concerned (values, for a hygiene rule).
    text : str
        One sentence.
    """

    code: str
    attribute: str
    subjects: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectTable:
    """One row per subject; what all measures work on.

    Parameters
    ----------
    frame : pandas.DataFrame
        n_subjects rows; index = subject key (text), columns = attribute names, values
        canonical text or None (missing).
    attributes : AttributeSet
        In the order of the columns.
    counts : mapping of str to int
        ``subjects``, ``studies``, ``series``, ``instances``; a level that was not seen
        is absent, not zero.
    files : mapping of str to int
        Files by status: ``read``, ``flagged``, ``not_dicom``, ``unreadable``.
    missing : {"category", "wildcard"}
        How an absent quasi-identifier is treated.
    digest : str
        ``sha256:`` over schema, subjects and values.
    links : tuple of LinkReport
    findings : tuple of Finding
    excluded : mapping of str to int
        Not subjects: ``phantom``, ``animal``, ``derived``, ``no_key``.
    visits : pandas.DataFrame
        Columns ``subject`` (row number) and ``day`` (days since 0001-01-01), sorted,
        distinct; empty when no dates were seen.
    visit_dates : str
        Attribute that states the visits, ``""`` when there is none.
    facts : mapping of str to int
        Copied from the extraction; absent means not looked at.
    has_images : bool
        Whether any source describes images.
    folding : mapping of str to str
        Attribute -> sentence that says how many observations became one value.
    distinct : mapping of str to (int, int)
        Attribute -> distinct values and subjects without a value.
    sources : tuple of mapping
        Name, kind, level and rows of each source.
    notes : tuple of str
        What reading noticed, from the extraction.
    """

    frame: pd.DataFrame
    attributes: AttributeSet
    counts: Mapping[str, int]
    files: Mapping[str, int]
    missing: Literal["category", "wildcard"]
    digest: str
    links: tuple[LinkReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    visits: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"subject": [], "day": []}))
    visit_dates: str = ""
    facts: Mapping[str, int] = field(default_factory=dict)
    has_images: bool = False
    folding: Mapping[str, str] = field(default_factory=dict)
    distinct: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    sources: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.frame)

    def names(self, *roles: Role) -> tuple[str, ...]:
        """Return the attribute names of these roles (all when none is given)."""
        chosen = self.attributes.of_role(*roles) if roles else tuple(self.attributes)
        return tuple(attribute.name for attribute in chosen)

    def codes(self, names: tuple[str, ...] | list[str]) -> np.ndarray:
        """Return integer codes, shape (n_subjects, n_names); missing is -1."""
        columns = [pd.factorize(self.frame[name], use_na_sentinel=True)[0] for name in names]
        if not columns:
            return np.empty((self.n_subjects, 0), dtype=np.int64)
        return np.column_stack(columns).astype(np.int64, copy=False)

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of the table, subject key as index."""
        return self.frame.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return counts, findings and digest, no values."""
        return {
            "subjects": self.n_subjects,
            "counts": dict(self.counts),
            "files": dict(self.files),
            "missing": self.missing,
            "digest": self.digest,
            "attributes": list(self.attributes.names),
            "excluded": dict(self.excluded),
        }

    def __repr__(self) -> str:
        """Show counts only, never values."""
        return f"SubjectTable({self.n_subjects} subjects x {len(self.attributes)} attributes)"

    def _repr_html_(self) -> str:
        """Show counts only, never values."""
        roles = {r: len(self.attributes.of_role(r)) for r in Role}
        cells = "".join(f"<tr><td>{r.value}</td><td>{n}</td></tr>" for r, n in roles.items())
        head = "<tr><th>role</th><th>n</th></tr>"
        return f"<p>{self.n_subjects} subjects</p><table>{head}{cells}</table>"

"""A plan applied to a data frame in memory: what a release of it would hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from midi_risk.document.plan import Plan
from midi_risk.errors import MidiRiskError
from midi_risk.export.rules import Action, release_rules
from midi_risk.export.tables import recode_table
from midi_risk.sources.arrow import table_of
from midi_risk.sources.tables.read import ROW_KEY
from midi_risk.table.fold import fold
from midi_risk.table.frame import extraction_like
from midi_risk.table.model import SubjectTable
from midi_risk.table.subjects import find_subjects


def apply_plan(plan: Plan, data: Any, table: SubjectTable | None = None) -> Any:
    """Recode a data frame as a plan says.

    Parameters
    ----------
    plan : Plan
        As `midi_risk.suggest` returned it, or read from ``plan.json``.
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation or mapping
        The data that the plan was made for.
    table : SubjectTable, optional
        What the plan was made for; needed where the plan was read from a file.

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        Of the kind that was given; a pandas frame for a mapping, an Arrow table for a relation.
        Columns that the plan or a decision removes are not there, nor are rows of subjects that
        it leaves out. Untouched columns keep their type; others are text.

    Raises
    ------
    MidiRiskError
        When the plan does not say whom it changes, or needs `table`.
    StaleAssessmentError
        When the data, or the roles, are not those that the plan was made for.

    Examples
    --------
    >>> import midi_risk as mr
    >>> frame = pd.DataFrame({"id": range(40), "age": [*range(30, 50)] * 2})
    >>> plan = mr.suggest(mr.SubjectTable.from_frame(frame, quasi="age", key="id"))
    >>> released = plan.apply(frame)
    >>> len(released), int(released["age"].value_counts().min()) >= 11
    (40, True)
    """
    made_for = table if table is not None else plan.made_for
    if not isinstance(made_for, SubjectTable):
        raise MidiRiskError(
            "the plan was read from a file and does not hold the roles of the columns",
            hint="Give the subject table that it was made for: plan.apply(data, table=...)",
        )
    extraction = extraction_like(data, made_for)
    attributes = made_for.attributes
    folded = fold(extraction, attributes, missing=_policy(made_for))
    rules = release_rules(folded, extraction, plan, {})
    source = extraction.tables[0]
    recoded = recode_table(source, rules, find_subjects(source), leading=True)
    removed = {rule.attribute.column for rule in rules if rule.action is Action.REMOVE}
    gone = {source.origin.get(name, name) for name in removed} | {ROW_KEY}
    columns = {n: None if n in recoded.unchanged else v for n, v in recoded.columns.items()}
    return _as_given(data, recoded.kept, {n: v for n, v in columns.items() if n not in gone})


def _policy(table: SubjectTable) -> Any:
    """Return the missing policy as a project states it."""
    return "category" if table.missing == "category" else "wildcard"


def _as_given(data: Any, kept: np.ndarray, columns: dict[str, np.ndarray | None]) -> Any:
    """Return rows and columns in the container that was given; what was read alone leaves.

    Parameters
    ----------
    data : as of `apply_plan`
    kept : numpy.ndarray of bool, shape (n_rows,)
    columns : dict of str to (numpy.ndarray of object or None)
        Text of the rows kept; None for a column that stays as it is.
    """
    if isinstance(data, pd.DataFrame):
        return _pandas(data, kept, columns)
    changed = {name: values for name, values in columns.items() if values is not None}
    texts = {name: pa.array(values.tolist(), pa.large_string()) for name, values in changed.items()}
    if type(data).__module__.split(".", 1)[0] == "polars":
        import polars as pl  # noqa: PLC0415 - an optional package

        new = [pl.Series(name, text) for name, text in texts.items()]
        rows = data.filter(pl.Series(kept)).with_columns(new)
        return rows.select([name for name in rows.columns if name in columns])
    table = table_of(data)
    if table is None:
        return _pandas(pd.DataFrame({str(k): v for k, v in data.items()}), kept, columns)
    rows = table.filter(pa.array(kept)).replace_schema_metadata(None)
    for name, text in texts.items():
        rows = rows.set_column(rows.column_names.index(name), name, text)
    return rows.select([name for name in rows.column_names if name in columns])


def _pandas(
    data: pd.DataFrame, kept: np.ndarray, columns: dict[str, np.ndarray | None]
) -> pd.DataFrame:
    """Return rows and columns of a pandas frame; an index that changes becomes a column."""
    out = data.loc[kept].copy()
    levels = [str(level) for level in out.index.names if level is not None]
    if any(columns.get(level, _CHANGED) is not None for level in levels):
        out = out.reset_index()
    names = [str(column) for column in out.columns]
    for name, values in columns.items():
        if values is not None:
            out.isetitem(names.index(name), values)
    return out.loc[:, [name in columns for name in names]]


_CHANGED = np.empty(0, dtype=object)

"""Units that stand in a column of their own beside an age, a height or a weight.

A cell that says its unit is read by it everywhere after, so a table whose rows differ in their
unit has the unit spelt in the cells; a table of one unit has it in the description of the column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from midi_risk.sources.tables.columns import cell_array
from midi_risk.sources.tables.keys import fold_name
from midi_risk.sources.tables.raw import shown

_MEASURED = re.compile(
    r"(?:^|[\W_])(?:a?age|alter|edad|height|stature|weight|ht|wt|body ?size|gewicht|groesse)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[a-z0-9](?:Age|Height|Weight|Size|Stature)$")
_BESIDE = ("u", "unit", "units", "uom")
_FEW = 8
_BARE = re.compile(r"\s*\d+(?:[.,]\d+)?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsBeside:
    """A table whose ages, heights and weights say the unit of each row.

    Parameters
    ----------
    rows : pyarrow.Table
    labels : mapping of str to str
        Descriptions, with the unit of a column that has one for all rows.
    spelt : mapping of str to str
        Column whose cells were given their unit -> the column that states it.
    """

    rows: pa.Table
    labels: Mapping[str, str]
    spelt: Mapping[str, str]


def with_units_beside(rows: pa.Table, labels: Mapping[str, str]) -> UnitsBeside:
    """Return a table with the units that stand beside its ages, heights and weights.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns.
    labels : mapping of str to str
        Descriptions of columns.

    Examples
    --------
    >>> table = pa.table({"AGE": ["18", "30"], "AGEU": ["MONTHS", "YEARS"]})
    >>> with_units_beside(table, {}).rows.column("AGE").to_pylist()
    ['18 MONTHS', '30 YEARS']
    """
    folded = {fold_name(name): name for name in reversed(rows.column_names)}
    labels, spelt = dict(labels), {}
    for name in rows.column_names:
        if not (_MEASURED.search(name) or _CAMEL.search(name)):
            continue
        key = fold_name(name)
        beside = next((folded[key + end] for end in _BESIDE if key + end in folded), None)
        if beside is None:
            continue
        values = rows.column(name).cast(pa.string()).to_pylist()
        units = rows.column(beside).cast(pa.string()).to_pylist()
        stated = {u.strip() if u else "" for u, v in zip(units, values, strict=True) if v}
        if stated <= {""} or len(stated) > _FEW:
            continue
        if len(stated) == 1:
            said = f"[Units: {shown(stated.pop(), limit=40)}]"
            labels[name] = f"{labels.get(name, '')} {said}".strip()
            continue
        cells = (
            f"{v} {u.strip()}" if v and u and u.strip() and _BARE.fullmatch(v) else v
            for v, u in zip(values, units, strict=True)
        )
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, pa.chunked_array([cell_array(cells)]))
        spelt[name] = beside
    return UnitsBeside(rows=rows, labels=labels, spelt=spelt)

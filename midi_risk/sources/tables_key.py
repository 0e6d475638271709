"""Which column of a table that is not image metadata holds the subject's key."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import LinkageError
from midi_risk.sources.keys import key_rank, match_keys
from midi_risk.sources.tables_alias import keyword_of
from midi_risk.sources.tables_raw import listed, shown
from midi_risk.sources.tables_values import distinct_count

_ID_LIKE = re.compile(
    r"(^|[\W_])(id|code|nr|no|number|key|subject|patient|case|mrn)s?($|[\W_])|ID$"
)
_FEW = 0.05
_HALF = 0.5


def propose_key(rows: pa.Table, where: str, known: frozenset[str]) -> tuple[str, str]:
    """Propose the subject key of a table, and say why when it is not plain.

    Columns with the name of a patient key come first; a leading table's keys decide between
    them, and may point to a column with another name. Without either, a column of unique
    values that is named like an identifier or stands first.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns.
    where : str
        Table, for messages.
    known : frozenset of str
        Keys of the leading table; may be empty.

    Returns
    -------
    key : str
    finding : str
        Empty when the choice was plain.

    Raises
    ------
    LinkageError
        When no column looks like a key.
    """
    names = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
    ranked = sorted(
        (rank, position, name)
        for position, name in enumerate(names)
        if (rank := key_rank(name)) is not None
    )
    named = [name for _, _, name in ranked]
    if known and named:
        best = max(named, key=lambda n: (_share(rows, n, known), -named.index(n)))
        if _share(rows, best, known) > _share(rows, named[0], known) + _FEW:
            return best, f"{where}: '{shown(best)}' taken as key, it matches the images best"
        if _share(rows, named[0], known) > _FEW:
            return named[0], ""
    if known:
        others = [n for n in names if n not in named and _may_be_key(rows, n)]
        best_share, best = max(
            ((_share(rows, n, known), n) for n in others), default=(0.0, ""), key=lambda p: p[0]
        )
        if best_share >= _HALF:
            return best, f"{where}: '{shown(best)}' taken as key, it matches the images best"
    if named:
        return named[0], ""
    for name in names:
        column = rows.column(name)
        like = bool(_ID_LIKE.search(name)) or name == rows.column_names[0]
        if (keyword_of(name) or "").endswith("UID"):
            continue
        if like and _may_be_key(rows, name) and _unique(column):
            return name, f"{where}: '{shown(name)}' taken as key, its values are unique"
    raise LinkageError(
        f"{where}: no column looks like a subject key among {listed(rows.column_names)}",
        hint="Name it with --table FILE:KEY, or FILE:#row when every row is one subject",
    )


def _unique(column: pa.ChunkedArray) -> bool:
    return column.null_count == 0 and distinct_count(column) == len(column)


def _may_be_key(rows: pa.Table, name: str) -> bool:
    """Return whether a column has more than a handful of values, none a decimal number."""
    distinct = distinct_values(rows, name)
    few = len(distinct) < min(3, rows.num_rows)
    return not few and not any(re.fullmatch(r"-?\d*\.\d*[1-9]\d*", v) for v in distinct[:200])


def distinct_values(rows: pa.Table, name: str) -> list[str]:
    """Return the distinct values of a column, without null."""
    values: list[str] = pc.unique(rows.column(name)).cast(pa.string()).drop_null().to_pylist()
    return values


def _share(rows: pa.Table, name: str, known: frozenset[str]) -> float:
    """Return the share of a column's values that are keys of the leading table."""
    values = distinct_values(rows, name)
    return match_keys(values, sorted(known)).share

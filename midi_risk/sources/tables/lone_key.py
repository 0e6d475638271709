"""Which column of a table that stands alone names its subjects, and which rows name none.

A key that is finer than the person counts one person several times and makes classes look larger
than they are, so of two columns the coarser is proposed; and what no plain name says is a guess,
which the verdict asks to confirm. A key that is coarser than the person errs the other way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.sources.column_names import concepts_of, standard_meaning
from midi_risk.sources.tables.columns import distinct_count
from midi_risk.sources.tables.keys import KEY_NAMES, fold_name, key_rank
from midi_risk.sources.tables.raw import counted, shown

PERSON, GENERIC, RECORD = 0, 1, 2
"""How surely a name says whose key it is: a person's, nobody's in particular, a record's."""

_GENERIC = frozenset(
    {"id", "case", "caseid", "rid", "eid", "studyid", "studynumber", "number", "nr"}
)
_NO_SUBJECT = frozenset(
    {"site", "device", "made", "staff", "relative", "measure", "serial", "book", "group", "place"}
    | {"age", "sex", "date", "year", "work", "insurance", "school", "task", "quality"}
)
"""Concepts of things that have a number and are no people."""

_LEAST_SUBJECTS = 3
_DECIMAL = re.compile(r"[+-]?\d*\.\d*[1-9]\d*")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChoice:
    """The column that names the subjects, and why, where no plain name says so.

    Parameters
    ----------
    column : str
    why : str
        Empty when the name is plain; else a guess, to be confirmed.
    """

    column: str
    why: str


def key_class(name: str) -> int | None:
    """Return how surely a column name is a subject key: `PERSON`, `GENERIC`, `RECORD` or None.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> [key_class(n) for n in ("Patienten-ID", "client_id", "study_id", "image_id", "site_id")]
    [0, 0, 1, 2, None]
    """
    if fold_name(name) in _GENERIC:
        return GENERIC
    if key_rank(name) is not None:
        return PERSON
    concepts = standard_meaning(name) or concepts_of(name)
    return None if _NO_SUBJECT & concepts else _by_concepts(concepts)


def _by_concepts(concepts: frozenset[str]) -> int | None:
    topics = {c for c in concepts if not c.startswith("ends:")} - {"neutral"}
    numbered = bool({"id", "number"} & concepts)
    if {"subject key", "hospital number"} & concepts or topics == {"person"}:
        return PERSON
    if "person" in concepts and numbered:
        return PERSON
    if topics == {"id"}:
        return GENERIC
    return RECORD if {"record", "specimen", "lesion"} & concepts and "id" in concepts else None


def lone_key(rows: pa.Table, names: list[str]) -> KeyChoice | None:
    """Choose the subject key of a table that stands alone; None when no name is like one.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns.
    names : list of str
        Columns with a value.

    Returns
    -------
    KeyChoice or None
    """
    found = []
    for place, name in enumerate(names):
        kind = key_class(name)
        if kind is not None and _may_name(rows, name, least=1 if kind == PERSON else 2):
            rank = key_rank(name)
            found.append((kind, len(KEY_NAMES) if rank is None else rank, place, name))
    if not found:
        return None
    found.sort()
    kind, _, _, best = found[0]
    coarser = [
        (distinct_count(rows.column(name)), name)
        for other, _, _, name in found[1:]
        if (other == PERSON or kind != PERSON) and _groups(rows, best, name)
    ]
    if coarser:
        _, taken = min(coarser)
        return KeyChoice(column=taken, why=_finer(taken, best))
    finer = next((name for _, _, _, name in found[1:] if _groups(rows, name, best)), None)
    if kind != PERSON and finer is not None:
        return KeyChoice(column=best, why=_finer(best, finer))
    if kind == RECORD or fold_name(best) == "studyid":
        return KeyChoice(
            column=best,
            why=f"'{shown(best)}' taken as key, whose name does not say that it is a person's",
        )
    return KeyChoice(column=best, why="")


def _finer(taken: str, other: str) -> str:
    return (
        f"'{shown(taken)}' taken as key and not '{shown(other)}', of which one '{shown(taken)}' has"
        " several: a key that is finer than the person counts people twice"
    )


def _may_name(rows: pa.Table, name: str, least: int) -> bool:
    """Tell a column that has enough values, and no decimal number; one person may be all."""
    column = rows.column(name)
    distinct = distinct_count(column)
    if distinct < min(least, rows.num_rows):
        return False
    some = pc.unique(column).cast(pa.string()).drop_null().slice(0, 200).to_pylist()
    return not any(_DECIMAL.fullmatch(value) for value in some)


def _groups(rows: pa.Table, fine: str, coarse: str) -> bool:
    """Tell whether each value of one column lies in one value of another, which has several."""
    pairs = pa.table({"fine": rows.column(fine), "coarse": rows.column(coarse)})
    pairs = pairs.filter(pc.and_(pc.is_valid(pairs["fine"]), pc.is_valid(pairs["coarse"])))
    number = {name: distinct_count(pairs[name]) for name in ("fine", "coarse")}
    if not _LEAST_SUBJECTS <= number["coarse"] < number["fine"]:
        return False
    plain = pa.table({name: pairs[name].cast(pa.string()) for name in ("fine", "coarse")})
    together = plain.group_by(["fine", "coarse"]).aggregate([]).num_rows
    return bool(together == number["fine"])


_SUMMARIES = frozenset(
    {
        "total",
        "totals",
        "grand total",
        "subtotal",
        "mean",
        "average",
        "median",
        "standard deviation",
    }
    | {"std dev", "stdev", "std. dev.", "mean sd", "mean ± sd", "mean (sd)", "median (iqr)"}
    | {"gesamt", "gesamtsumme", "summe", "mittelwert", "standardabweichung", "moyenne", "mediane"}
    | {"médiane", "ecart type", "écart-type", "ecart-type", "ensemble", "promedio", "media"}
    | {
        "mediana",
        "desviación estándar",
        "desviacion estandar",
        "合計",
        "平均",
        "標準偏差",
        "中央値",
    }
)
"""What the first cell of a row that sums up a table says, whatever the table."""

_SHORT_SUMMARIES = frozenset(
    {"sum", "sd", "std", "avg", "min", "max", "minimum", "maximum", "range", "iqr", "count", "n"}
    | {"se", "sem", "cv", "q1", "q3", "p", "p-value", "p value", "n (%)", "%", "sum total"}
)
"""The same where the table has one of the others as well; alone they may be pseudonyms."""


def without_summaries(rows: pa.Table, key: str, where: str) -> tuple[pa.Table, str]:
    """Return the rows that are of subjects, and a sentence about those that sum up the table.

    Parameters
    ----------
    rows : pyarrow.Table
        Text columns.
    key : str
        Column that names the subjects; such a word may stand in the first column as well.
    where : str
        Table, for the sentence.

    Returns
    -------
    rows : pyarrow.Table
    finding : str
        Empty when every row may be of a subject.

    Examples
    --------
    >>> rows = pa.table({"id": ["A", "B", "Mean", "SD"], "age": ["1", "3", "2", "1"]})
    >>> kept, said = without_summaries(rows, "id", "t.csv")
    >>> kept.num_rows, said
    (2, "t.csv: 2 rows sum up the table in 'id' (such as a total or a mean); no subjects, left out")
    """
    first = rows.column_names[0]
    kept, said = _without(rows, key, where)
    return (kept, said) if said or first == key else _without(rows, first, where)


def _without(rows: pa.Table, key: str, where: str) -> tuple[pa.Table, str]:
    """Return the rows whose cell in one column does not say that they sum up the table."""
    values = pc.unique(rows.column(key)).cast(pa.string()).drop_null().to_pylist()
    said = {value: " ".join(value.casefold().rstrip(":").split()) for value in values}
    named = [value for value in values if said[value] in _SUMMARIES]
    if not named:
        return rows, ""
    named += [value for value in values if said[value] in _SHORT_SUMMARIES]
    cells = rows.column(key).cast(pa.string())
    kept = rows.filter(pc.invert(pc.is_in(cells, value_set=pa.array(named, pa.string()))))
    if not kept.num_rows:
        return rows, ""
    gone = rows.num_rows - kept.num_rows
    verb = "sums" if gone == 1 else "sum"
    return kept, (
        f"{where}: {counted(gone, 'row')} {verb} up the table in '{shown(key)}' (such as a total or"
        " a mean); no subjects, left out"
    )

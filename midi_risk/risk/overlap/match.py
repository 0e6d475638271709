"""Who is on both sides: by UIDs, by keys that cannot agree by chance, by near-duplicates.

A UID that both sides have is proof. A key is evidence only where it cannot be equal by chance: a
pattern of a project, or many of one collection; ``1`` to ``48`` are in every collection, so that
they count only where what both sides say of the people agrees far more often than by chance.
Near-duplicates are equal multisets of series (modality, model, instances) with equal days between
the first and the last study; how many would be met by chance is told beside them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
from scipy import special

from midi_risk.risk.overlap.sides import COLUMNS, Side, known_of, reading, relation

LEAST_KEYS = 5
"""Equal keys in one collection below which plain ones say nothing."""
_BY_CHANCE = 1e-3
_GENERIC = re.compile(
    r"(?i)(?:sub|subj|subject|pat|patient|pt|case|id|anon|anonymous|study|scan|test|phantom|"
    r"participant|person|p|s|n|x|no|nr)?[-_ .]*0*\d{1,5}"
)
_PROJECT = re.compile(r"(?i)(?=.*[a-z]{2})(?=.*\d).{6,}")

_MULTISET = """
SELECT {who}, sum(CAST(hash(modality, model, TRY_CAST(instances AS BIGINT)) AS HUGEINT)) AS content,
  count(DISTINCT day) AS days,
  date_diff('day', try_strptime(replace(min(day), '-', ''), '%Y%m%d'),
            try_strptime(replace(max(day), '-', ''), '%Y%m%d')) AS span
FROM ({rows}) WHERE {named} GROUP BY ALL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Near-duplicates, and how many chance alone would give.

    Parameters
    ----------
    hits : int
        Subjects of ours whose series agree with those of one subject there.
    expected : float
        Hits that are expected were nobody the same.
    judged : bool
        Whether the hits are more than chance gives, so that they count as the same people.
    compared : bool
        Whether both sides tell of series.
    """

    compared: bool = False
    hits: int = 0
    expected: float = 0.0
    judged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Who of ours is there too.

    Parameters
    ----------
    known : mapping of str to tuple of str
        Subject of ours who is there -> what is told there of them.
    columns : tuple of str
        What that is.
    how : tuple of str
        Comparisons that were possible: ``uid``, ``key``, ``near``, ``pixels``.
    uid_hits, key_hits, pixel_hits : int
        Subjects of ours with a UID, a key, an image that is there.
    key_chance : int
        Subjects of ours whose key is there and says nothing.
    near : Near
    subjects_there : int
    collections : int
        In how many collections of an index they are.
    """

    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    uid_hits: int = 0
    key_hits: int = 0
    key_chance: int = 0
    pixel_hits: int = 0
    near: Near = field(default_factory=Near)
    subjects_there: int = 0
    collections: int = 0


def is_generic(key: str) -> bool:
    """Tell a key that every collection may have: a small number, with or without a common word.

    Examples
    --------
    >>> is_generic("sub-01"), is_generic("0034"), is_generic("LIDC-IDRI-0001")
    (True, True, False)
    """
    return bool(_GENERIC.fullmatch(key.strip()))


def is_of_project(key: str) -> bool:
    """Tell a key that names its project, so that it is equal elsewhere only on purpose.

    Examples
    --------
    >>> is_of_project("TCGA-05-4244"), is_of_project("20183744")
    (True, False)
    """
    return bool(_PROJECT.fullmatch(key.strip())) and not is_generic(key)


def compare(ours: Side, theirs: Side, pixels: Mapping[str, str] | None = None) -> Overlap:
    """Return who of ours is on the other side.

    Parameters
    ----------
    ours, theirs : Side
    pixels : mapping of str to str, optional
        Subject of ours -> subject there with the same image; None: pixels were not compared.

    Notes
    -----
    Only multisets that one subject there has are compared. Chance hits are those of a newcomer: by
    Good and Turing a subject like those of the other side meets what one has had before with
    probability 2 x (multisets that two have) / subjects. Near-duplicates count when a Poisson
    variable of that mean is as large with a probability below 0.001 (Good, Biometrika 1953,
    doi:10.1093/biomet/40.3-4.237).
    """
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("SET memory_limit = '64MB'")
        _lay_out(connection, ours, theirs)
        there = _counted(connection)
        pairs: dict[str, tuple[str, str]] = {}
        by_uid = _by_uid(connection)
        by_key = _by_key(connection, ours, theirs)
        near, by_near = _by_near(connection)
        near_pairs = by_near if near.judged else {}
        for found in (near_pairs, by_key.judged, by_uid):
            pairs.update(found)
        for subject, other in (pixels or {}).items():
            pairs.setdefault(subject, ("", other))
        columns, known = _told(connection, theirs, pairs)
    how = {
        "uid": bool(ours.uids) and there.uids,
        "key": True,
        "near": near.compared,
        "pixels": pixels is not None,
    }
    return Overlap(
        known=known,
        columns=tuple(columns),
        how=tuple(name for name, done in how.items() if done),
        uid_hits=len(by_uid),
        key_hits=len(by_key.judged),
        key_chance=by_key.chance,
        pixel_hits=len(pixels or {}),
        near=near,
        subjects_there=there.subjects,
        collections=len({collection for collection, _ in pairs.values()}),
    )


def _lay_out(connection: duckdb.DuckDBPyConnection, ours: Side, theirs: Side) -> None:
    """Make the views ``ours``, ``our_uids``, ``theirs`` and ``their_uids``."""
    connection.register("ours", ours.rows)
    uids = pd.DataFrame({"uid": list(ours.uids), "subject": list(ours.uids.values())}, dtype=object)
    connection.register("uids_frame", uids.astype({"uid": "str", "subject": "str"}))
    connection.execute("CREATE TEMP TABLE our_uids AS SELECT * FROM uids_frame")
    if theirs.indexed:
        connection.execute(f"CREATE TEMP VIEW theirs AS {relation(theirs)}")
        connection.execute(
            "CREATE TEMP VIEW their_uids AS SELECT series AS uid, collection, key FROM theirs"
            " UNION ALL SELECT study, collection, key FROM theirs"
        )
        return
    connection.register("their_rows", theirs.rows)
    names = ", ".join(name for name in COLUMNS if name not in {"key", "collection"})
    connection.execute(
        f"CREATE TEMP VIEW theirs AS SELECT subject AS key, key AS own, '' AS collection, {names}"  # noqa: S608 - names of ours
        " FROM their_rows"
    )
    frame = pd.DataFrame({"uid": list(theirs.uids), "key": list(theirs.uids.values())})
    connection.register("their_frame", frame.astype({"uid": "str", "key": "str"}))
    connection.execute("CREATE TEMP VIEW their_uids AS SELECT uid, '' AS collection, key"
                       " FROM their_frame")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    subjects: int
    uids: bool


def _counted(connection: duckdb.DuckDBPyConnection) -> _There:
    counts = _one(
        connection,
        "SELECT approx_count_distinct(hash(coalesce(collection, ''), key)),"
        " (SELECT count(*) FROM (SELECT uid FROM their_uids WHERE uid LIKE '%.%' LIMIT 1))"
        " FROM theirs",
    )
    return _There(subjects=int(counts[0]), uids=bool(counts[1]))


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    """Return the one row of an aggregate."""
    return tuple(int(x) for x in connection.execute(query).fetchall()[0])


def _by_uid(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    rows = connection.execute(
        "SELECT DISTINCT o.subject, coalesce(t.collection, ''), t.key FROM their_uids t"
        " JOIN our_uids o ON t.uid = o.uid ORDER BY 1, 2, 3"
    ).fetchall()
    return {str(s): (str(c), str(k)) for s, c, k in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    judged: dict[str, tuple[str, str]]
    chance: int


def _by_key(connection: duckdb.DuckDBPyConnection, ours: Side, theirs: Side) -> _Keys:
    """Return who has a key that is there too and cannot be so by chance."""
    own = "key" if theirs.indexed else "own"
    rows = connection.execute(
        "SELECT DISTINCT o.subject, o.key, coalesce(t.collection, ''), t.key"  # noqa: S608 - names
        " FROM theirs t"
        " JOIN (SELECT DISTINCT subject, trim(key) AS key FROM ours WHERE key IS NOT NULL) o"
        f" ON t.{own} = o.key ORDER BY 1, 3, 4"
    ).fetchall()
    places: dict[str, list[tuple[str, str, str]]] = {}
    for subject, key, collection, there in rows:
        places.setdefault(str(collection), []).append((str(subject), str(key), str(there)))
    judged: dict[str, tuple[str, str]] = {}
    for collection, pairs in places.items():
        plain = [pair for pair in pairs if not is_of_project(pair[1])]
        same = [pair for pair in pairs if is_of_project(pair[1])]
        told = [pair for pair in plain if not is_generic(pair[1])]
        if len(told) >= LEAST_KEYS:
            same += told
        small = [pair for pair in plain if is_generic(pair[1])]
        if len(small) >= LEAST_KEYS and _agree(connection, ours, theirs, collection, small):
            same += small
        judged.update({subject: (collection, there) for subject, _, there in same})
    met = {str(subject) for subject, *_ in rows}
    return _Keys(judged=judged, chance=len(met - set(judged)))


def _agree(
    connection: duckdb.DuckDBPyConnection,
    ours: Side,
    theirs: Side,
    collection: str,
    pairs: Sequence[tuple[str, str, str]],
) -> bool:
    """Tell whether people under equal keys agree in what both sides say more than by chance."""
    if ours.known is None:
        return False
    columns, told = _told(
        connection, theirs, {subject: (collection, there) for subject, _, there in pairs}
    )
    common = [name for name in columns if name in ours.known.columns]
    if not common:
        # two lists of the same size and the same keys are two editions until somebody says not
        return not theirs.indexed and 2 * len(pairs) >= len(ours.known)
    places = [columns.index(name) for name in common]
    here = {str(s): tuple(map(str, ours.known.loc[s, common])) for s, *_ in pairs if s in told}
    there = {subject: tuple(told[subject][i] for i in places) for subject in here}
    equal = sum(here[s] == there[s] for s in here)
    mine, other, n = Counter(here.values()), Counter(there.values()), len(here)
    chance = sum(count * other[value] for value, count in mine.items()) / max(1, n * n)
    if not n or equal <= chance * n:
        return False
    return bool(special.bdtrc(equal - 1, n, min(chance, 1 - 1e-12)) < _BY_CHANCE)


def _by_near(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[Near, dict[str, tuple[str, str]]]:
    """Return near-duplicates with what chance would give."""
    counted = _one(connection, "SELECT count(modality), count(DISTINCT subject) FROM ours")
    if not counted[0]:
        return Near(), {}
    mine = _MULTISET.format(who="subject", rows="SELECT * FROM ours", named="modality IS NOT NULL")
    other = _MULTISET.format(
        who="collection, key", rows="SELECT * FROM theirs", named="modality IS NOT NULL"
    )
    connection.execute(f"CREATE TEMP TABLE there AS {other}")
    connection.execute(f"CREATE TEMP TABLE mine AS {mine}")
    pairs = connection.execute(
        "SELECT m.subject, any_value(coalesce(t.collection, '')), any_value(t.key)"
        " FROM mine m JOIN there t ON m.content = t.content AND m.days = t.days"
        " AND m.span IS NOT DISTINCT FROM t.span GROUP BY m.subject HAVING count(*) = 1"
    ).fetchall()
    subjects, twice = _one(
        connection,
        "SELECT coalesce(sum(n), 0), count(*) FILTER (n = 2) FROM"
        " (SELECT count(*) AS n FROM there GROUP BY content, days, span)",
    )
    # at least as if one multiset had been met twice: nothing is impossible
    expected = counted[1] * 2 * max(twice, 1) / subjects if subjects else 0.0
    hits = len(pairs)
    above = hits > 0 and special.pdtrc(hits - 1, expected) < _BY_CHANCE
    near = Near(compared=subjects > 0, hits=hits, expected=float(expected), judged=bool(above))
    return near, {str(s): (str(c), str(k)) for s, c, k in pairs}


def _told(
    connection: duckdb.DuckDBPyConnection, theirs: Side, pairs: Mapping[str, tuple[str, str]]
) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Return what the other side tells of each of these people."""
    if not pairs:
        return [], {}
    if theirs.known is not None:
        columns = [str(name) for name in theirs.known.columns]
        there = theirs.known
        return columns, {
            subject: tuple("" if v is None else str(v) for v in there.loc[key])
            for subject, (_, key) in pairs.items()
            if key in there.index
        }
    columns = known_of(theirs)
    if isinstance(theirs.rows, Path) and columns:
        people = pd.DataFrame(
            [(s, c, k) for s, (c, k) in pairs.items()], columns=["subject", "collection", "key"]
        )
        connection.register("people", people.astype("str"))
        sets = ", ".join(
            f"array_to_string(list_sort(list_distinct(list(CAST(t.\"{name}\" AS VARCHAR)))), '+')"
            for name in columns
        )
        scope = "CAST(t.collection_id AS VARCHAR)" if "collection_id" in theirs.columns else "''"
        rows = connection.execute(
            f"SELECT p.subject, {sets} FROM {reading(theirs.rows)} t"  # noqa: S608 - names of ours
            " JOIN people p"
            f" ON t.\"PatientID\" = p.key AND coalesce({scope}, '') = p.collection GROUP BY 1"
        ).fetchall()
        connection.unregister("people")
        return columns, {str(row[0]): tuple(str(v or "") for v in row[1:]) for row in rows}
    return columns, dict.fromkeys(pairs, ())

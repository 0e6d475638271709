"""Tables in databases: PostgreSQL through ADBC, SQLite and DuckDB through what is there anyway.

They are opened for reading alone. Credentials come from where libpq looks for them: PGUSER,
PGPASSWORD, the password file, the service file. A URL that holds a password is refused, and no
message prints more of a URL than its host and database. Of the OMOP Common Data Model concepts are
read as their names where the database has the vocabulary.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pyarrow as pa

from midi_risk.errors import SourceError, did_you_mean
from midi_risk.sources.files.remote import shown_url
from midi_risk.sources.model import DATABASE, TableSpec
from midi_risk.sources.tables.columns import cell_array
from midi_risk.sources.tables.parquet import flatten
from midi_risk.sources.tables.raw import RawTable, counted, listed, shown

_FILES = ("sqlite", "duckdb")
_SECRETS = frozenset({"password", "sslpassword", "passwd", "pwd"})
_SESSION = (
    "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO"
    " -c standard_conforming_strings=on"
)
_BATCH = 10_000
_CREDENTIALS = "Set PGUSER and PGPASSWORD, or name a service of the service file: ?service=NAME"


def is_database(text: object) -> bool:
    """Whether a source is a table of a database.

    Examples
    --------
    >>> is_database("sqlite:///study.db?table=person"), is_database("s3://bucket/a.csv")
    (True, False)
    """
    return isinstance(text, str) and DATABASE.match(text) is not None


def check_no_secret(url: str) -> None:
    """Refuse a URL that holds a password.

    Parameters
    ----------
    url : str
        Of a database.

    Raises
    ------
    SourceError
        Says where credentials belong; prints none of it.
    """
    parts = urlsplit(url)
    named = {name.casefold() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    if parts.password is not None or named & _SECRETS:
        raise SourceError("the URL of a database holds a password", hint=_CREDENTIALS)


def database_at(url: str, base: Path) -> str:
    """Return the URL of a database file with its path made absolute; any other as it is.

    Parameters
    ----------
    url : str
    base : pathlib.Path
        Where a relative path starts.

    Examples
    --------
    >>> database_at("sqlite:///a.db?table=t", Path("/data"))
    'sqlite:////data/a.db?table=t'
    """
    scheme, path, query = _file_parts(url)
    if not scheme:
        return url
    return f"{scheme}:///{quote((base / path).as_posix())}?{query}"


def database_from(url: str, folder: Path) -> str:
    """Return the URL of a database file with its path relative to a folder; others as they are.

    Examples
    --------
    >>> database_from("sqlite:////data/a.db?table=t", Path("/data/project"))
    'sqlite:///../a.db?table=t'
    """
    scheme, path, query = _file_parts(url)
    if not scheme:
        return url
    try:
        relative = os.path.relpath(path, folder)
    except ValueError:
        return url
    return f"{scheme}:///{quote(Path(relative).as_posix())}?{query}"


def database_file(url: str, base: Path) -> Path | None:
    """Return the file of a database, None for one on a server.

    Examples
    --------
    >>> database_file("sqlite:///a.db?table=t", Path("data")).as_posix()
    'data/a.db'
    """
    scheme, path, _ = _file_parts(url)
    return base / path if scheme else None


def shown_table(spec: TableSpec) -> str:
    """Return database and table as the list of files names them, without anything secret.

    Examples
    --------
    >>> shown_table(TableSpec.parse("sqlite:///a.db?table=person:person_id"))
    'sqlite:///a.db person'
    """
    return f"{shown_url(str(spec.url))} {spec.path.name}"


def _file_parts(url: str) -> tuple[str, str, str]:
    """Return scheme, path and query of a database file, empty for a server."""
    parts = urlsplit(url)
    if parts.scheme not in _FILES:
        return "", "", ""
    if parts.netloc or not parts.path.strip("/"):
        raise SourceError(
            f"{shown_url(url)} names no file",
            hint=f"Three slashes and a path: {parts.scheme}:///study.db?table=person",
        )
    return parts.scheme, unquote(parts.path.removeprefix("/")), parts.query


class _Database(Protocol):
    """What reading a table needs of a database."""

    def tables(self) -> list[tuple[str, str]]:
        """Return schema and name of every table."""
        ...

    def read(self, schema: str, table: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        """Yield the columns of a table."""
        ...

    def pairs(self, query: str) -> Sequence[tuple[Any, Any]]:
        """Return the rows of a query of two columns."""
        ...


def read_database(_: Path, spec: TableSpec) -> RawTable:
    """Read one table of a database as text columns.

    Parameters
    ----------
    spec : TableSpec
        With the URL, ``?table=NAME`` or ``?table=SCHEMA.NAME``.

    Returns
    -------
    RawTable

    Raises
    ------
    SourceError
        When the database cannot be opened, or has no such table.
    """
    url = str(spec.url)
    check_no_secret(url)
    asked = dict(parse_qsl(urlsplit(url).query)).get("table", "")
    where = shown(asked or shown_url(url))
    failure = ""
    try:
        with _open(url) as database:
            known = database.tables()
            schema, name = _find(asked, known, shown_url(url))
            raw = flatten(database.read(schema, name), where)
            return with_concepts(raw, schema, name, known, database.pairs)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - each driver has its own, which quote what they read
        failure = _reason(error)
    raise SourceError(f"{shown_url(url)} {failure}", hint=_hint(url))


def _reason(error: Exception) -> str:
    """Return why a database was not read, from the code of the error and not from its text."""
    code = str(getattr(error, "sqlstate", "") or "")
    if code.startswith("28"):
        return "refuses the user or the password"
    if code.startswith("42501"):
        return "does not let the user read that table"
    if code.startswith("3D"):
        return "has no database of that name"
    return "cannot be opened or read"


def _hint(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme in _FILES:
        return f"Is it a {scheme} file, and does no program write to it?"
    return f"Is the server there? {_CREDENTIALS}"


def _find(asked: str, known: Sequence[tuple[str, str]], where: str) -> tuple[str, str]:
    """Return the table that was asked for: by its name, or by schema and name."""
    names = [name for _, name in known]
    if not asked:
        raise SourceError(f"{where}: no table is named", hint=f"?table=NAME; {listed(names)}")
    fits = [(s, n) for s, n in known if asked in {n, f"{s}.{n}"}]
    if not fits:
        raise SourceError(
            f"{where} has no table '{shown(asked)}'",
            hint=did_you_mean(shown(asked), [shown(name) for name in names][:200]),
        )
    first = [pair for pair in fits if pair[0] in {"public", "main"}] or fits
    if len(first) > 1:
        raise SourceError(
            f"{where} has several tables '{shown(asked)}'",
            hint=f"Name one: {listed([f'{s}.{n}' for s, n in first])}",
        )
    return first[0]


@contextmanager
def _open(url: str) -> Iterator[_Database]:
    scheme, path, _ = _file_parts(url)
    if not scheme:
        with closing(_connect_postgres(url)) as connection:
            yield _Postgres(connection)
        return
    if not Path(path).is_file():
        raise SourceError(f"{shown(path)} does not exist", hint="Check the path")
    if scheme == "sqlite":
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            yield _Sqlite(connection)
        return
    import duckdb  # noqa: PLC0415

    # Views of a foreign file may name other files, which it must not make us read.
    closed = {"enable_external_access": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(path, read_only=True, config=closed) as connection:  # type: ignore[arg-type]
        yield _Duckdb(connection)


def _quoted(schema: str, name: str) -> str:
    return f"{_identifier(schema)}.{_identifier(name)}"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class _Sqlite:
    connection: sqlite3.Connection

    def tables(self) -> list[tuple[str, str]]:
        """Return the tables and views."""
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        return [("main", name) for (name,) in self.connection.execute(query)]

    def read(self, schema: str, table: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        """Yield the columns; a column with binary values is handed on as binary."""
        cursor = self.connection.execute(f"SELECT * FROM {_quoted(schema, table)}")  # noqa: S608
        names = [column[0] for column in cursor.description]
        parts: list[list[pa.Array]] = [[] for _ in names]
        binary: set[int] = set()
        while rows := cursor.fetchmany(_BATCH):
            for i, values in enumerate(zip(*rows, strict=True)):
                binary |= {i} if any(isinstance(v, bytes) for v in values) else set()
                parts[i].append(cell_array(() if i in binary else values).cast(pa.string()))
        for i, name in enumerate(names):
            empty = pa.array([], pa.binary() if i in binary else pa.string())
            yield name, pa.chunked_array([empty] if i in binary else [empty, *parts[i]])

    def pairs(self, query: str) -> Sequence[tuple[Any, Any]]:
        """Return rows."""
        return self.connection.execute(query).fetchall()


@dataclass(frozen=True, slots=True)
class _Duckdb:
    connection: Any

    def tables(self) -> list[tuple[str, str]]:
        """Return the tables and views."""
        query = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"
        return [(str(s), str(n)) for s, n in self.connection.execute(query).fetchall()]

    def read(self, schema: str, table: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        """Yield the columns; types that Arrow has no plain form of are read as text."""
        place = _quoted(schema, table)
        described = self.connection.execute(f"DESCRIBE {place}").fetchall()
        columns = ", ".join(_duckdb_column(str(row[0]), str(row[1])) for row in described)
        rows = self.connection.sql(f"SELECT {columns} FROM {place}").to_arrow_table()  # noqa: S608
        yield from zip(rows.column_names, rows.columns, strict=True)

    def pairs(self, query: str) -> Sequence[tuple[Any, Any]]:
        """Return rows."""
        found: list[tuple[Any, Any]] = self.connection.execute(query).fetchall()
        return found


_PLAIN = re.compile(
    r"(BOOLEAN|U?(TINY|SMALL|BIG)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|VARCHAR|DATE|TIMESTAMP.*|BLOB)"
    r"|STRUCT.*|.*\[\]"
)


def _duckdb_column(name: str, kind: str) -> str:
    plain = _PLAIN.fullmatch(kind) and "WITH TIME ZONE" not in kind
    column = _identifier(name)
    return column if plain else f"CAST({column} AS VARCHAR) AS {column}"


def _connect_postgres(url: str) -> Any:
    """Open a connection that can only read; libpq finds the credentials."""
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 - an extra
    except ImportError:
        raise SourceError(
            f"{shown_url(url)}: reading PostgreSQL needs the extra 'sql'",
            hint="pip install 'midi-risk[sql]'",
        ) from None
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    options.pop("table", None)
    options["options"] = f"{options.get('options', '')} {_SESSION}".strip()
    options.setdefault("connect_timeout", "10")
    options.setdefault("application_name", "midi-risk")
    query = urlencode(options, quote_via=quote)
    return dbapi.connect(f"postgresql://{parts.netloc}{parts.path or '/'}?{query}")


@dataclass(frozen=True, slots=True)
class _Postgres:
    connection: Any

    def tables(self) -> list[tuple[str, str]]:
        """Return the tables and views that the user may see."""
        rows = self._rows(
            "SELECT table_schema::text, table_name::text FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        return [(str(s), str(n)) for s, n in rows]

    def read(self, schema: str, table: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
        """Yield the columns as the server writes them as text; binary ones as they are."""
        place = _quoted(schema, table)
        literal = place.replace("'", "''")
        described = self._rows(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_catalog.pg_attribute"  # noqa: S608
            f" WHERE attrelid = to_regclass('{literal}') AND attnum > 0 AND NOT attisdropped"
            " ORDER BY attnum"
        )
        columns = ", ".join(
            _identifier(n) if kind == "bytea" else f"{_identifier(n)}::text AS {_identifier(n)}"
            for n, kind in described
        )
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {place}")  # noqa: S608
            rows = cursor.fetch_arrow_table()
        yield from zip(rows.column_names, rows.columns, strict=True)

    def pairs(self, query: str) -> Sequence[tuple[Any, Any]]:
        """Return rows."""
        return self._rows(query)

    def _rows(self, query: str) -> list[tuple[Any, Any]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            found: list[tuple[Any, Any]] = cursor.fetchall()
            return found


_CONCEPT = re.compile(r"(?!.*_(?:type|source)_).*_concept_id", re.IGNORECASE)
_PERSON = "person_id"


def with_concepts(
    raw: RawTable,
    schema: str,
    table: str,
    known: Sequence[tuple[str, str]],
    pairs: Callable[[str], Sequence[tuple[Any, Any]]],
) -> RawTable:
    """Return a table of the OMOP Common Data Model with the names of its concepts.

    Parameters
    ----------
    raw : RawTable
    schema, table : str
        Where it stands.
    known : sequence of (str, str)
        Tables of the database; the vocabulary is the table ``concept`` of the same schema, or of
        the only one that has it.
    pairs : callable
        Runs a query of two columns.

    Returns
    -------
    RawTable
        Unchanged when it is no such table, or there is no vocabulary. Concept 0, which says that
        none fits, is absent.

    Notes
    -----
    Type concepts say how a record came about and source concepts repeat another column; both
    stay numbers (OMOP CDM v5.4).
    """
    names = raw.rows.column_names
    columns = [name for name in names if _CONCEPT.fullmatch(name)]
    homes = [s for s, n in known if n.casefold() == "concept"]
    home = schema if schema in homes else homes[0] if len(homes) == 1 else ""
    if not columns or _PERSON not in {name.casefold() for name in names} or not home:
        return raw
    place, rows, read = _quoted(schema, table), raw.rows, 0
    for name in columns:
        found = pairs(
            f"SELECT concept_id, concept_name FROM {_quoted(home, 'concept')}"  # noqa: S608
            f" WHERE concept_id IN (SELECT {_identifier(name)} FROM {place})"
        )
        words = {str(number): str(word) for number, word in found} | {"0": None}
        texts = rows.column(name).cast(pa.string()).to_pylist()
        values = cell_array(None if text is None else words.get(text, text) for text in texts)
        position = rows.column_names.index(name)
        rows = rows.set_column(position, name, pa.chunked_array([values]))
        read += 1
    note = f"{shown(table)}: OMOP CDM, {counted(read, 'column')} of concepts read as their names"
    return RawTable(rows=rows, labels=raw.labels, findings=(*raw.findings, note))

"""Queries over Parquet files in little memory: DuckDB that spills beside the store.

The limit begins low, so that a scan of any size stays small, and is raised where a query
says that it cannot do with it: a scan that needs more memory is better than none.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import duckdb

_MB = 1 << 20
_LEAST = 24 * _MB
_STEP = 4
_MOST = 4 << 30

Result = TypeVar("Result")


def sql_path(path: Path) -> str:
    """Return a path to write to as an SQL literal."""
    return "'" + str(path).replace("'", "''") + "'"


def sql_pattern(path: Path) -> str:
    """Return a path to read from as an SQL literal in which nothing is a pattern."""
    return sql_path(Path(re.sub(r"([\[*?])", r"[\1]", str(path))))


def _most_memory() -> int:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MOST)
    return _MOST // 2


def memory_limits() -> Iterator[int]:
    """Yield the limits in bytes that a query is tried with, one after the other."""
    limit, most = _LEAST, _most_memory()
    while limit < most:
        yield limit
        limit *= _STEP
    yield most


def query(folder: Path, work: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
    """Return what some work with a connection of its own yields.

    Parameters
    ----------
    folder : Path
        Where what does not fit in memory is kept meanwhile.
    work : callable
        Takes the connection; called again with more memory when that ran out.

    Returns
    -------
    object
        Whatever ``work`` returns.

    Raises
    ------
    duckdb.OutOfMemoryException
        When half of the machine's memory, at most 4 GB, is too little.
    """
    limits = list(memory_limits())
    for limit in limits[:-1]:
        with contextlib.suppress(duckdb.OutOfMemoryException):
            return _tried(folder, work, limit)
    return _tried(folder, work, limits[-1])


def _tried(folder: Path, work: Callable[[duckdb.DuckDBPyConnection], Result], limit: int) -> Result:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"SET memory_limit = '{limit // _MB}MB'")
        connection.execute(f"SET temp_directory = {sql_path(folder / 'spill.tmp')}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET threads = 1")
        connection.execute("SET enable_progress_bar = false")
        return work(connection)

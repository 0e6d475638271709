"""Queries over Parquet files in little memory: DuckDB that spills beside the store.

The limit begins low and is raised where a query says that it cannot do with it: a scan
that needs more memory is better than none. Queries over many rows run in a process of
their own, whose memory is gone with it; the process that scans does not even load DuckDB.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_MB = 1 << 20
_LEAST = 32 * _MB
_STEP = 4
_MOST = 4 << 30
_FEW = 20_000
_TOO_LITTLE = 3
_PROGRAM = f"""
import json, sys
task = json.load(sys.stdin)
sys.path[:] = task["path"]
import duckdb
with duckdb.connect(":memory:") as connection:
    try:
        for statement in task["statements"]:
            connection.execute(statement)
    except duckdb.OutOfMemoryException:
        sys.exit({_TOO_LITTLE})
"""


class _TooLittleError(Exception):
    """The memory limit was too low."""


def sql_path(path: Path) -> str:
    """Return a path to write to as an SQL literal."""
    return "'" + str(path).replace("'", "''") + "'"


def sql_pattern(path: Path) -> str:
    """Return a path to read from as an SQL literal in which nothing is a pattern."""
    return sql_path(Path(re.sub(r"([\[*?])", r"[\1]", str(path))))


def scratch(folder: Path, name: str) -> Path:
    """Return a path for a file that does not outlive a scan.

    It names the process: a query that went on after its scan was killed writes elsewhere.
    """
    return folder / f"{name}-{os.getpid()}.tmp"


def _most_memory() -> int:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2, _MOST)
    return _MOST // 2


def memory_limits() -> Iterator[int]:
    """Yield the limits in bytes that a query is tried with, one after the other.

    The last is half of the machine's memory, at most 4 GB.
    """
    limit, most = _LEAST, _most_memory()
    while limit < most:
        yield limit
        limit *= _STEP
    yield most


def copy_to(target: Path, select: str, *, rows: int, row_group: int = 8_192) -> None:
    """Write what a query yields into a Parquet file.

    Parameters
    ----------
    target : Path
        Written anew; what does not fit in memory is kept beside it meanwhile.
    select : str
        The query.
    rows : int
        About how many rows it goes through; many are left to another process.
    row_group : int
        Rows of a row group.

    Raises
    ------
    duckdb.Error
        When the query cannot be run.
    MemoryError
        When the most memory it may have was too little.
    """
    target.unlink(missing_ok=True)
    statement = (
        f"COPY ({select}) TO {sql_path(target)} (FORMAT parquet, ROW_GROUP_SIZE {row_group})"
    )
    for limit in memory_limits():
        statements = [
            f"SET memory_limit = '{limit // _MB}MB'",
            f"SET temp_directory = {sql_path(scratch(target.parent, 'spill'))}",
            "SET preserve_insertion_order = false",
            "SET threads = 1",
            "SET enable_progress_bar = false",
            statement,
        ]
        with contextlib.suppress(_TooLittleError):
            if rows <= _FEW or not _run_apart(statements):
                _run_here(statements)
            return
    raise MemoryError


def _run_apart(statements: list[str]) -> bool:
    """Whether a process of its own could run the statements."""
    task = json.dumps({"path": sys.path, "statements": statements})
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", _PROGRAM],
            input=task.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    if done.returncode == _TOO_LITTLE:
        raise _TooLittleError
    return done.returncode == 0


def _run_here(statements: list[str]) -> None:
    import duckdb  # noqa: PLC0415 - loaded only where few rows are gone through

    with duckdb.connect(":memory:") as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except duckdb.OutOfMemoryException as error:
            raise _TooLittleError from error

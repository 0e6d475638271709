"""Digests that bind an assessment to what it assessed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pandas as pd


def table_digest(frame: pd.DataFrame) -> str:
    """Return the digest of a subject table, independent of row and column order.

    Parameters
    ----------
    frame : pandas.DataFrame
        Index = subject key, values text or None.

    Returns
    -------
    str
        ``sha256:`` and 64 hexadecimal digits.

    Examples
    --------
    >>> a = pd.DataFrame({"x": ["1", None], "y": ["2", "3"]}, index=["s1", "s2"])
    >>> table_digest(a) == table_digest(a.loc[["s2", "s1"], ["y", "x"]])
    True
    """
    names = sorted(str(name) for name in frame.columns)
    columns = [frame[name].to_numpy(dtype=object) for name in names]
    keys = [str(key) for key in frame.index]
    rows = (
        "\x1f".join([keys[i], *("\x00" if c[i] is None else str(c[i]) for c in columns)])
        for i in sorted(range(len(keys)), key=keys.__getitem__)
    )
    return text_digest(["\x1f".join(names), *rows])


def text_digest(lines: Iterable[str]) -> str:
    """Return ``sha256:`` over lines of text.

    Examples
    --------
    >>> text_digest(["a"])[:13]
    'sha256:dd5470'
    """
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode("utf-8", "surrogatepass"))
        hasher.update(b"\x1e")
    return "sha256:" + hasher.hexdigest()

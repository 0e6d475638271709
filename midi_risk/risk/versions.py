"""Versions of software and tables that a result depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from midi_risk.resources import data_rows

_PACKAGES = ("numpy", "pandas", "scipy", "pyarrow", "duckdb", "pydicom")


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute.

    Examples
    --------
    >>> "numpy" in software_versions()
    True
    """
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def table_releases() -> dict[str, str]:
    """Return the releases of the packaged tables of the standard.

    Examples
    --------
    >>> table_releases()["PS3.15 Table E.1-1"]
    '2026d'
    """
    rows = data_rows("ps315_e1_1.csv")
    return {"PS3.15 Table E.1-1": rows[0]["release"], "PS3.15 Table E.3.10-1": "2025c"}

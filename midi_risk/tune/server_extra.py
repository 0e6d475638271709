"""Whether the packages of the extra `tune` are installed."""

from __future__ import annotations

from importlib.util import find_spec

from midi_risk.errors import MidiRiskError

PACKAGES = ("starlette", "uvicorn")


def check_extra() -> None:
    """Say in one line what to install when the served page lacks its packages.

    Raises
    ------
    MidiRiskError
        When a package is missing.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise MidiRiskError(
            f"serving the page needs {' and '.join(missing)}",
            hint="Install midi-risk[tune], or write the page as a file with --static",
        )

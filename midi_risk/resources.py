"""Packaged files: found in the installed wheel, or in the checkout of an editable install.

``templates/`` and ``threat_models/`` lie at the top of the repository and are packed
into the wheel beside the code (ADR 0002), so there are two roots to look in.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from midi_risk.errors import MidiRiskError

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE, _PACKAGE.parent)


def resource_folder(kind: str) -> Path:
    """Return the folder that holds one kind of packaged file.

    Parameters
    ----------
    kind : {"templates", "threat_models", "examples", "data", "schemas"}
        The folder's name.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    MidiRiskError
        When neither the package nor the checkout holds it.

    Examples
    --------
    >>> resource_folder("data").name
    'data'
    """
    for root in _ROOTS:
        folder = root / kind
        if folder.is_dir():
            return folder
    raise MidiRiskError(f"the installation lacks its folder '{kind}'", hint="Install it again")


@cache
def data_rows(name: str) -> tuple[dict[str, str], ...]:
    """Return a packaged CSV file as rows of text.

    Parameters
    ----------
    name : str
        File name inside ``midi_risk/data``.

    Returns
    -------
    tuple of dict
        One dict per row; an absent value is ``""``. Treat as read-only.

    Examples
    --------
    >>> data_rows("attribute_catalogue.csv")[0]["keyword"]
    'FilePreamble'
    """
    with (resource_folder("data") / name).open(encoding="utf-8", newline="") as handle:
        return tuple(dict(row) for row in csv.DictReader(handle))

"""The tuning page as one file: the lattice travels in it, nothing is asked for.

Everything here works without the packages of the extra `tune`, which only serving needs.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from midi_risk import __version__
from midi_risk.config import PROJECT_FILE
from midi_risk.document.assessment import TuningLattice
from midi_risk.errors import MidiRiskError
from midi_risk.report.html import tuning_page
from midi_risk.report.tuning import NodeFigures, tuning


def static_page(
    lattice: TuningLattice,
    *,
    title: str,
    threat_models: list[str],
    digest: str = "",
    pending: tuple[str, ...] | list[str] = (),
    project: Path | None = None,
    steps: str = "",
    served: dict[str, Any] | None = None,
    figures: NodeFigures | None = None,
) -> str:
    """Return the tuning page of a lattice as one HTML document.

    Parameters
    ----------
    lattice : TuningLattice
    title : str
        Name of the collection.
    threat_models : list of str
    digest : str
        Of the collection, for the plan that the page writes.
    pending : sequence of str
        What the assessment waits for, whatever is tuned.
    project : pathlib.Path, optional
        The project file, for the command that the page copies.
    steps : str
        HTML of the steps of a review that the page is one of.
    served : dict, optional
        What `midi_risk.tune.server` adds.
    figures : NodeFigures, optional
        Of the starting node, where the lattice holds no counts.

    Returns
    -------
    str
        Opens from a file; asks for nothing; its policy allows its own script and style.
    """
    shown = tuning(
        lattice,
        title=title,
        pending=pending,
        threat_models=threat_models,
        digest=digest,
        version=__version__,
        project=project_place(project),
        served=served,
        figures=figures,
    )
    return tuning_page(shown, title=title, models=threat_models, steps=steps)


def project_place(file: Path | None) -> str:
    """Return what a command line calls a project: its folder, or a file of another name.

    Examples
    --------
    >>> project_place(None)
    'PROJECT'
    """
    if file is None:
        return "PROJECT"
    whole = file.absolute()
    return str(whole.parent if whole.name == PROJECT_FILE else whole)


PACKAGES = ("starlette", "uvicorn", "ruamel.yaml")


def check_extra() -> None:
    """Say in one line what to install when the served page lacks its packages.

    Raises
    ------
    MidiRiskError
        When a package is missing.
    """
    missing = [name for name in PACKAGES if not _is_there(name)]
    if missing:
        raise MidiRiskError(
            f"serving the page needs {' and '.join(missing)}",
            hint="Install midi-risk[tune], or write the page as a file with --static",
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False

"""Names of files in a BIDS data set: entities, suffixes, and which of them a release may use."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_ENTITY = r"_[a-z]+-[A-Za-z0-9+]+"
_FILE = re.compile(rf"sub-[A-Za-z0-9+]+(?:{_ENTITY})*_[A-Za-z0-9]+(?:\.[a-z0-9]+)+")
_INHERITED = re.compile(r"(?:[a-z]+-[A-Za-z0-9+]+_)*[A-Za-z0-9]+\.json")
_SUBJECT = re.compile(r"sub-[A-Za-z0-9+]+")
_FOLDER = re.compile(r"ses-[A-Za-z0-9+]+|[a-z]+")


def subject_of(path: PurePosixPath) -> str | None:
    """Return the subject folder that a file lies in, None outside of these.

    Examples
    --------
    >>> subject_of(PurePosixPath("sub-01/anat/sub-01_T1w.nii.gz"))
    'sub-01'
    """
    first = path.parts[0] if len(path.parts) > 1 else ""
    return first if first.startswith("sub-") else None


def session_of(path: PurePosixPath) -> str | None:
    """Return the label of the session that a file's name holds.

    Examples
    --------
    >>> session_of(PurePosixPath("sub-01/ses-02/anat/sub-01_ses-02_T1w.json"))
    '02'
    """
    parts = [*path.parts[:-1], *path.name.split("_")]
    return next((p.removeprefix("ses-") for p in parts if p.startswith("ses-")), None)


def is_regular(path: PurePosixPath) -> bool:
    """Tell whether a file of a subject has a name of entities only, inside its own folders.

    Examples
    --------
    >>> is_regular(PurePosixPath("sub-01/anat/sub-01_T1w.nii.gz"))
    True
    >>> is_regular(PurePosixPath("sub-01/anat/sub-01_T1w copy of Doe.nii.gz"))
    False
    >>> is_regular(PurePosixPath("sub-01/anat/sub-02_T1w.nii.gz"))
    False
    """
    subject, *folders = path.parts[:-1]
    return (
        _SUBJECT.fullmatch(subject) is not None
        and all(_FOLDER.fullmatch(folder) for folder in folders)
        and _FILE.fullmatch(path.name) is not None
        and path.name.split("_")[0] == subject
    )


def is_inherited(path: PurePosixPath) -> bool:
    """Tell whether a file at the top is a sidecar that images inherit, by its name.

    Examples
    --------
    >>> is_inherited(PurePosixPath("task-rest_bold.json"))
    True
    """
    return len(path.parts) == 1 and _INHERITED.fullmatch(path.name) is not None


def applies(sidecar: PurePosixPath, image: PurePosixPath) -> bool:
    """Tell whether an image inherits from a sidecar (BIDS, "The Inheritance Principle").

    Parameters
    ----------
    sidecar : PurePosixPath
        ``.json``, relative to the data set.
    image : PurePosixPath
        The image without its ending.

    Examples
    --------
    >>> image = PurePosixPath("sub-01/func/sub-01_task-rest_bold")
    >>> applies(PurePosixPath("task-rest_bold.json"), image)
    True
    >>> applies(PurePosixPath("task-nback_bold.json"), image)
    False
    """
    *entities, suffix = sidecar.stem.split("_")
    *own, last = image.name.split("_")
    above = sidecar.parent == image.parent or sidecar.parent in image.parents
    return above and suffix == last and set(entities) <= set(own)

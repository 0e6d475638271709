"""Writing a result: for its owner only, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from midi_risk.errors import OutputError


def write_private(path: str | Path, content: str) -> Path:
    """Write text under a temporary name, then rename.

    Parameters
    ----------
    path : path
        Where it is to be.
    content : str
        UTF-8 text.

    Returns
    -------
    pathlib.Path
        The path, mode 0600.

    Raises
    ------
    OutputError
        When it cannot be written; what was there stays.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"{target} is a folder", hint="Give the name of a file")
    name = ""
    try:
        handle, name = tempfile.mkstemp(prefix=".midi-risk-", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(target)
    except OSError as error:
        if name:
            with contextlib.suppress(OSError):
                Path(name).unlink(missing_ok=True)
        raise OutputError(f"{target} cannot be written: {error.strerror}") from None
    return target

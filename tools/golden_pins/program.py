"""The command line of midi-risk, where every file of a scenario is as old as the clock says.

``GOLDEN_SCENARIO`` is the folder of the scenario: what earlier steps wrote there has the
age of the machine's clock, and the program reads the age of some files.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sitecustomize import MOMENT

from midi_risk.cli import main


def pin_ages(folder: Path) -> None:
    """Set the age of everything in a folder."""
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (MOMENT, MOMENT), follow_symlinks=False)


if __name__ == "__main__":
    pin_ages(Path(os.environ["GOLDEN_SCENARIO"]))
    sys.argv[0] = "midi-risk"
    main()

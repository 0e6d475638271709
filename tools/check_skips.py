"""Fail when pytest skipped a test for a reason that CI does not accept.

Run as ``python tools/check_skips.py junit.xml``. Tests that need the shared data may be
skipped on a machine without it; every other skip hides something.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from repository import report

ACCEPTED = (
    "shared test data is not on this machine",
    "could not import 'pycanon'",
)


def hidden_skips(junit: Path) -> list[str]:
    """Return one sentence per skip that is not accepted."""
    faults = []
    for case in ET.parse(junit).iter("testcase"):  # noqa: S314 - written by our own pytest
        for skipped in case.findall("skipped"):
            reason = skipped.get("message", "")
            if skipped.get("type") == "pytest.skip" and not any(a in reason for a in ACCEPTED):
                faults.append(f"{case.get('classname')}::{case.get('name')} skipped: {reason}")
    return faults


if __name__ == "__main__":
    sys.exit(report(hidden_skips(Path(sys.argv[1])), "nothing was skipped without leave"))

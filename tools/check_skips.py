"""Fail when pytest skipped a test for a reason that CI does not accept.

``python tools/check_skips.py junit.xml`` fails with one line per such skip.
``python tools/check_skips.py --files junit.xml`` prints the test files that hold them, so
that CI can run those again with every optional package.

Tests that need the shared data may be skipped on a machine without it, and tests of
forbidden files where root runs them. Tests beside pycanon run in an environment of their
own, since it pins its packages. Simulations, measurements, journeys and the long commands of the
documentation run at night (`.ci/slow`). Every other skip hides something.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT, report

ACCEPTED = (
    "shared test data is not on this machine",
    "root may write",
    "root reads",
    "this user may read everything",
    "pycanon",
    "a simulation for the night",
    "a measurement for the night",
    "a journey for the night",
    "commands of the documentation, for the night",
)


def hidden_skips(junit: Path) -> Iterator[tuple[str, str, str]]:
    """Yield class, name and reason of every skip that is not accepted.

    Of a module that was skipped as a whole the class is its own name.
    """
    for case in ET.parse(junit).iter("testcase"):  # noqa: S314 - written by our own pytest
        name = case.get("name", "")
        for skipped in case.findall("skipped"):
            whole = skipped.get("message") == "collection skipped"
            reason = (skipped.text or "") if whole else skipped.get("message", "")
            if (whole or skipped.get("type") == "pytest.skip") and not any(
                accepted in reason for accepted in ACCEPTED
            ):
                yield case.get("classname") or name, name, reason


def file_of(classname: str, root: Path = ROOT) -> str:
    """Return the path of the module in which a test class or function stands."""
    parts = classname.split(".")
    for end in range(len(parts), 0, -1):
        name = "/".join(parts[:end]) + ".py"
        if (root / name).is_file():
            return name
    raise FileNotFoundError(classname)


def main(arguments: list[str]) -> int:
    """Print what was asked for and return the exit code."""
    skips = list(hidden_skips(Path(arguments[-1])))
    if arguments[0] == "--files":
        print("\n".join(sorted({file_of(classname) for classname, _, _ in skips})))
        return 0
    faults = [f"{classname}::{name} skipped: {reason}" for classname, name, reason in skips]
    return report(faults, "nothing was skipped without leave")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

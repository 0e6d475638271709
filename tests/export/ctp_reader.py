"""As much of the CTP DicomAnonymizer as its documentation describes, to test scripts with."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

_IF = re.compile(r'@if\(this,matches,"((?:[^"\\]|\\.)*)"\)\{')


def scripts(text: str) -> dict[str, str]:
    """Return the expression of each element by keyword."""
    return {str(e.get("n")): e.text or "" for e in ET.fromstring(text).iter("e")}  # noqa: S314


def _clause(text: str, start: int) -> int:
    depth = 1
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    raise AssertionError("unbalanced braces")


def run(script: str, value: str) -> str | None:
    """Return what a script makes of a value; None where it removes or empties it."""
    match = _IF.match(script)
    if match:
        yes_end = _clause(script, match.end())
        assert script[yes_end : yes_end + 2] == "}{"
        no_end = _clause(script, yes_end + 2)
        assert no_end == len(script) - 1
        pattern = re.sub(r"\\(.)", r"\1", match.group(1))
        if re.fullmatch(pattern, value):
            return run(script[match.end() : yes_end], value)
        return run(script[yes_end + 2 : no_end], value)
    if script in {"@remove()", "@empty()"}:
        return None
    if script == "@keep()":
        return value
    if moved := re.fullmatch(r"@modifydate\(this,\*,(\*|\d+),(\d+)\)", script):
        month = value[4:6] if moved.group(1) == "*" else f"{int(moved.group(1)):02d}"
        return f"{value[:4]}{month}{int(moved.group(2)):02d}"
    assert "@" not in script, script
    return script

"""The page on compatibility: every difference is tested, every function is listed."""

from __future__ import annotations

import re
from pathlib import Path

from midi_risk.compat import sdcmicro
from midi_risk.compat.pycanon.divergences import KNOWN

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "compat.md").read_text(encoding="utf-8")


def named(part: str) -> set[str]:
    return set(re.findall(r"^\| ([a-z_]+) \|", part, re.MULTILINE)) - {"name", "function"}


def test_every_difference_has_a_test_named_after_it() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py"))
    assert {name for name in named(PAGE) if name not in tests} == set()
    assert len(named(PAGE)) > 40


def test_the_page_and_the_command_know_the_same_differences_of_pycanon() -> None:
    assert named(PAGE.split("## pycanon")[1]) == set(KNOWN)


def test_every_function_is_on_the_page() -> None:
    functions = {name for name in sdcmicro.__all__ if not name[0].isupper()} - {"record_risk"}
    assert {name for name in functions if f"`{name}" not in PAGE and f"sdc.{name}" not in PAGE} == (
        set()
    )

"""Fail when a function of `midi_risk` has more than 80 lines of code.

Docstrings, comments and blank lines do not count. How branched a function may be is ruff's
part (C901). A module has no limit: it is one concept with one face.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from repository import ROOT, files, report

LIMIT = 80

EXCEPTIONS = {
    "midi_risk.compat.sdcmicro.creation.createSdcObj": "one parameter of sdcMicro a line",
}
"""Function -> why it may be longer."""


def functions(tree: ast.AST, owner: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every function with its dotted name, methods and inner functions included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{owner}.{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield name, node  # type: ignore[misc]
            yield from functions(node, name)
        else:
            yield from functions(node, owner)


def lines_of_code(node: ast.FunctionDef, lines: list[str]) -> int:
    """Return how many lines of a function are code."""
    skipped: set[int] = set()
    if ast.get_docstring(node, clean=False) is not None:
        words = node.body[0]
        skipped = set(range(words.lineno, (words.end_lineno or words.lineno) + 1))
    return sum(
        bool(lines[i - 1].strip()) and not lines[i - 1].lstrip().startswith("#")
        for i in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if i not in skipped
    )


def long_functions(package: Path, limit: int = LIMIT) -> list[str]:
    """Return one sentence per function that is too long, and per exception that is none."""
    faults, met = [], set()
    for path in files(package, ".py"):
        text = path.read_text(encoding="utf-8")
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for name, node in functions(ast.parse(text), module):
            length = lines_of_code(node, text.splitlines())
            if length > limit and name in EXCEPTIONS:
                met.add(name)
            elif length > limit:
                faults.append(f"{name}: {length} lines of code, more than {limit}; split it")
    if package == ROOT / "midi_risk":
        faults += [f"{name} needs no exception" for name in sorted(EXCEPTIONS.keys() - met)]
    return faults


if __name__ == "__main__":
    sys.exit(report(long_functions(ROOT / "midi_risk"), f"no function has over {LIMIT} lines"))

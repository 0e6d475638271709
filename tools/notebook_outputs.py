"""Run a worked notebook and keep what its cells show, so that it can be read without running.

``python tools/notebook_outputs.py examples/first-assessment.ipynb`` writes the outputs into the
file; files that the cells write go to a temporary folder.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def run_cell(source: str, scope: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last line, None where that is no expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), scope)  # noqa: S102 - a file of this project
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), scope)  # noqa: S307


def shown(value: Any, number: int) -> dict[str, Any]:
    """Return a value as a notebook stores it: HTML where it has some, and text."""
    data = {"text/plain": repr(value).splitlines(keepends=True)}
    html = getattr(value, "_repr_html_", None)
    if html is not None and (page := html()):
        data = {"text/html": page.splitlines(keepends=True), **data}
    return {
        "output_type": "execute_result",
        "execution_count": number,
        "metadata": {},
        "data": data,
    }


def main(path: str) -> int:
    """Run the notebook at a path, and write it back with its outputs."""
    file = Path(path).resolve()
    notebook = json.loads(file.read_text(encoding="utf-8"))
    scope: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.redirect_stdout(sys.stderr):
            for cell in notebook["cells"]:
                if cell["cell_type"] != "code":
                    continue
                number += 1
                value = run_cell("".join(cell["source"]), scope)
                cell["execution_count"] = number
                cell["outputs"] = [] if value is None else [shown(value, number)]
        os.chdir(back)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

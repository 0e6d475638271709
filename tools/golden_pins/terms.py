"""Print what the program says about itself: help of every command, schemas, terms, threats.

Runs in one process; no module of the program is named but the face of its command line.
"""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout

from midi_risk.cli import main


def said(*words: str) -> str:
    """Return what a command prints, and print it with its exit code."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(list(words))
        except SystemExit as end:
            code = end.code
    print(f"$ midi-risk {' '.join(words)} -> {code}\n{out.getvalue()}{err.getvalue()}")
    return out.getvalue()


def helps(*words: str) -> None:
    """Print the help of a command and of those below it."""
    text = said(*words, "--help")
    below = text.partition("\nCommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  ([a-z][\w-]*)", below, re.MULTILINE):
        helps(*words, name)


if __name__ == "__main__":
    helps()
    said("--version")
    said("no-such-command")
    usage = re.search(r"[a-z-]+(?:\|[a-z-]+)+", said("schema", "--help"))
    for schema in (usage.group().split("|") if usage else []) + ["no-such-schema"]:
        said("schema", schema)
    for term in said("explain").splitlines():
        said("explain", term)
    for line in said("explain", "ladder").splitlines():
        said("explain", "ladder", line.split()[0])
    for line in said("threats", "list").splitlines():
        said("threats", "show", line.split()[0])
        said("threats", "validate", line.split()[0])

"""Write `docs/cli.md` from the help texts of the command line, or check that it is current.

Run ``python tools/cli_docs.py`` to write, ``python tools/cli_docs.py --check`` in CI.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
from repository import ROOT

from midi_risk.cli.app import HELP_NAMES, app

PAGE = ROOT / "docs" / "cli.md"
WIDTH = 88

HEAD = """\
# Command line

This page is written by `tools/cli_docs.py` from the help texts; do not edit it. What the
exit codes mean is in [exit-codes.md](exit-codes.md).

Data goes to standard output; progress and messages go to standard error.
"""


def commands(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every visible command with its path and context, parents first."""
    context = click.Context(
        command,
        info_name=path.rsplit(maxsplit=1)[-1],
        parent=parent,
        max_content_width=WIDTH,
        help_option_names=HELP_NAMES,
    )
    context.terminal_width = WIDTH
    yield path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from commands(child, f"{path} {name}", context)


def page() -> str:
    """Return `docs/cli.md` as it should be."""
    parts = [HEAD]
    for path, command, context in commands(app, "midi-risk"):
        text = command.get_help(context).rstrip()
        lines = "\n".join(line.rstrip() for line in text.splitlines())
        parts.append(f"## {path}\n\n```text\n{lines}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print(
            "docs/cli.md is current" if current else "docs/cli.md is stale: run tools/cli_docs.py"
        )
        sys.exit(0 if current else 1)
    PAGE.write_text(page(), encoding="utf-8")

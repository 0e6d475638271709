"""The group of commands, and how errors become one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import re
import sys
from importlib import import_module
from typing import Any

import click

from midi_risk import __version__
from midi_risk.cli.next_step import followed
from midi_risk.cli.process import check_memory, tolerate_output
from midi_risk.document.runs import stop_as_interrupted
from midi_risk.errors import MidiRiskError, did_you_mean, reason_of

COMMANDS = {
    "demo": "Run the shipped example from end to end and open its report.",
    "start": "Go from a folder to a signed release on one page, step by step.",
    "init": "Scan sources, propose roles and write midi-risk.yaml.",
    "extract": "Scan the sources of a project into its store; resumable.",
    "list": "Write the list of a project's DICOM files, for machines that read parts of it.",
    "merge": "Merge the parts of a list that machines have read with 'extract --shard'.",
    "inspect": "Look at every file for embedded, private and free-text identifiers; resumable.",
    "qc": "Draw a sample for people to read, by risk, and record what they saw.",
    "score": "Plant identifiers in copies, and say which a de-identification tool left.",
    "overlap": "Search for the subjects of a project in other public data, such as IDC.",
    "assess": "Assess the risk of a project or of sources, with suggestion and report.",
    "suggest": "Find the cheapest generalisations that bring the risk under the threshold.",
    "apply": "Write recoded tables and DICOM copies, and assess what was written.",
    "tune": "Choose levels on a page and see risk and information at once.",
    "export": "Write the rules for CTP, deid, Python, ARX, a spreadsheet, or an RO-Crate.",
    "report": "Render an assessment as HTML, internal or shareable.",
    "attack": "Simulate a motivated intruder and compare with the predicted risk.",
    "sign": "Sign an assessment with your own key, and write its certificate.",
    "check": "Check that an assessment still stands; exit code 5 when it is stale.",
    "diff": "Say what changed from one assessment to another.",
    "crosscheck": "Compute every measure of a table with pycanon as well, and compare.",
    "threats": "List, show and validate threat models.",
    "population": "Add, list and show population tables.",
    "schema": "Print a JSON schema.",
    "explain": "Explain a term of the field or of the report.",
}
"""Command -> its one-line help; the modules are loaded when a command runs."""

EXIT_INTERNAL = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


_FRUGAL = ("ARROW_DEFAULT_MEMORY_POOL", "system")
"""Has Arrow return freed memory; its own pools keep 50 MB of a scan. Read when it loads."""
_YOUNG = 100_000
"""Objects made before Python looks for cycles; wide tables make millions that have none."""
HELP_NAMES = ["-h", "--help"]


def _prepared(command: click.Command) -> click.Command:
    """Let a command and those below it answer to -h and end with what to do next."""
    if "help_option_names" in command.context_settings:
        return command
    command.context_settings["help_option_names"] = HELP_NAMES
    below = getattr(command, "commands", None)
    if below is None and command.callback is not None:
        command.callback = followed(command.callback)
    for each in (below or {}).values():
        _prepared(each)
    return command


class _LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the line."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the module of one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"midi_risk.cli.{cmd_name}_command")
        command: click.Command = module.command
        return _prepared(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command is close when there is none of that name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"there is no command '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": HELP_NAMES, "max_content_width": 100},
    epilog="Exit codes: 0 acceptable, 1 internal error, 2 usage or configuration, 3 above the"
    " threshold, 4 evidence incomplete, 5 stale, 130 interrupted; 4 outranks 3.",
)
@click.version_option(__version__, prog_name="midi-risk")
def app() -> None:
    """Re-identification risk of medical image collections, before they are released."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    args : list of str, optional
        Arguments; those of the process when not given.
    """
    os.environ.setdefault(*_FRUGAL)
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    stop_as_interrupted()
    output = tolerate_output()
    code = run(args)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if output is not None and output.fault is not None:
        click.echo(f"midi-risk: standard output: {reason_of(output.fault)}", err=True)
        code = EXIT_USAGE
    sys.exit(code)


def run(args: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Every expected error is one line on stderr. An unexpected one names its type and
    place but not its text, which might hold a value.
    """
    try:
        check_memory()
        outcome: Any = app.main(args=args, prog_name="midi-risk", standalone_mode=False)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
        return 0
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last line of defence
        text, code = _message(error)
        click.echo(text, err=True)
        return code
    return outcome if isinstance(outcome, int) else 0


def _message(error: BaseException) -> tuple[str, int]:
    """Return the line on stderr and the exit code of an error."""
    if isinstance(error, click.UsageError):
        place = error.ctx.command_path if error.ctx else "midi-risk"
        return f"{place}: {error.format_message()}", EXIT_USAGE
    if isinstance(error, click.ClickException):
        return f"midi-risk: {error.format_message()}", EXIT_USAGE
    if isinstance(error, MidiRiskError):
        return f"midi-risk: {error}", error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "midi-risk: interrupted; nothing is half-written", EXIT_INTERRUPTED
    return _limit(error) or (
        f"midi-risk: internal error, {_place(error)}; please report it", EXIT_INTERNAL
    )  # fmt: skip


def _limit(error: BaseException) -> tuple[str, int] | None:
    """Return line and exit code of what the machine refused, None for a fault of the program."""
    if _lacks_memory(error):
        hint = "assess fewer subjects with --where, or on a machine with more"
        return f"midi-risk: not enough memory; {hint}. Earlier results are whole", EXIT_USAGE
    if isinstance(error, OSError) and error.errno is not None:
        place = f"a file cannot be read or written ({_place(error)})"
        return f"midi-risk: {place}: {reason_of(error)}", EXIT_USAGE
    return None


def _lacks_memory(error: BaseException) -> bool:
    """Tell whether an error is one of the ways in which memory runs out.

    Libraries that cannot be mapped fail as imports; DuckDB has an exception of its own.
    """
    met: BaseException | None = error
    while met is not None:
        kinds = {kind.__name__ for kind in type(met).__mro__}
        if "MemoryError" in kinds or "OutOfMemoryException" in kinds:
            return True
        if isinstance(met, OSError) and met.errno == errno.ENOMEM:
            return True
        if isinstance(met, ImportError) and _UNMAPPED.search(str(met)):
            return True
        met = met.__cause__ or met.__context__
    return False


_UNMAPPED = re.compile(r"failed to map segment|cannot allocate memory", re.IGNORECASE)


def _place(error: BaseException) -> str:
    """Return type and code location of an error; its message may hold a value."""
    trace = error.__traceback__
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame.f_globals.get("__name__", "?"), trace.tb_lineno))
        trace = trace.tb_next
    own = [frame for frame in frames if str(frame[0]).startswith("midi_risk")] or frames
    module, line = own[-1] if own else ("?", 0)
    return f"{type(error).__name__} at {module}:{line}"

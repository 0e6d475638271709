"""What several commands share: options, declared once, and progress on stderr.

Progress is a bar on a terminal and nothing elsewhere.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from midi_risk.errors import MidiRiskError, share_of

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class ShareType(click.ParamType):  # type: ignore[type-arg]
    """A share such as ``2%`` or ``0.02``."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share as a number in [0, 1]."""
        try:
            return share_of("a share", value)
        except MidiRiskError:
            self.fail("a share such as 2% or 0.02 is expected", param, ctx)


def seconds_of(text: str) -> float | None:
    """Return a time such as ``90s``, ``30m``, ``2h`` or ``60`` in seconds; None when it is none."""
    text = text.strip().lower()
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    try:
        seconds = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


class SecondsType(click.ParamType):  # type: ignore[type-arg]
    """A time such as ``60s`` or ``2m``."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds."""
        seconds = seconds_of(str(value))
        if not seconds:
            self.fail("a time such as 60s or 2m is expected", param, ctx)
        return seconds


class CriterionType(click.ParamType):  # type: ignore[type-arg]
    """A criterion on sensitive values, as ``t=0.2``."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return its name and its value."""
        if isinstance(value, tuple):
            return value
        name, _, number = str(value).partition("=")
        try:
            return name.strip(), float(number)
        except ValueError:
            self.fail("a criterion such as t=0.2 or distinct=3 is expected", param, ctx)


class ParameterType(click.ParamType):  # type: ignore[type-arg]
    """A number that a threat model requires: ``MODEL.NAME=VALUE``, or ``=LOW..HIGH``."""

    name = "model.name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str, Any]:
        """Return model, parameter and value (a number where it is one)."""
        left, equals, right = str(value).partition("=")
        model, dot, name = left.rpartition(".")
        if not equals or not dot or not model or not name or not right:
            self.fail("MODEL.NAME=VALUE is expected, as acquaintance.prevalence=0.001", param, ctx)
        low, dots, high = right.partition("..")
        if dots:
            return model, name, {"low": _number(low), "high": _number(high)}
        return model, name, _number(right)


def _number(text: str) -> float | int | str:
    """Return the number that a text holds, or the text."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and "." not in text else number


def with_options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Return one decorator out of several, in reading order."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


TABLES = click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="FILE[:KEY]",
    help="Clinical table to link by the subject key; may be given several times.",
)
THREATS = click.option(
    "--threat",
    "threats",
    multiple=True,
    metavar="NAME|FILE",
    help="Threat model; may be given several times. Default: public-release.",
)
THRESHOLD = with_options(
    click.option(
        "--k", type=click.IntRange(min=3), help="Class size to require instead of the model's."
    ),
    click.option(
        "--k-reason",
        metavar="TEXT",
        help="Why a class size below the model's suffices; the report prints it.",
    ),
    click.option(
        "--criterion",
        "criteria",
        multiple=True,
        type=CriterionType(),
        metavar="NAME=VALUE",
        help="What sensitive values may disclose, beside the model's: distinct, entropy, recursive,"
        " t, alpha, beta or delta, as t=0.2; may be given several times.",
    ),
)
PARAMETERS = click.option(
    "--set",
    "parameters",
    multiple=True,
    type=ParameterType(),
    metavar="MODEL.NAME=VALUE",
    help="Number that a threat model requires, as acquaintance.prevalence=0.001 or 0.001..0.01.",
)
OUTPUT = click.option(
    "-o",
    "--output",
    "output",
    type=click.Path(file_okay=False, path_type=str),
    default="midi-risk-out",
    show_default=True,
    metavar="DIR",
    help="Folder for the results.",
)
SERVED = with_options(
    click.option(
        "--port",
        type=click.IntRange(min=1, max=65535),
        default=8750,
        show_default=True,
        help="Port of the page; the next free one when it is taken.",
    ),
    click.option(
        "--idle",
        type=SecondsType(),
        default="30m",
        show_default=True,
        metavar="TIME",
        help="Stop serving when nobody asked for so long.",
    ),
    click.option("--no-open", is_flag=True, help="Do not open the page in a browser."),
)
"""How a page is served on this machine."""
JOBS = click.option(
    "--jobs", type=click.IntRange(min=1), help="Processes that read DICOM. Default: one per core."
)
QUIET = click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
PAYLOADS = click.option(
    "--payloads", is_flag=True, help="Also look inside embedded payloads of DICOM files."
)
SUPPRESSION = click.option(
    "--max-suppression",
    type=ShareType(),
    metavar="SHARE",
    help="Share of subjects that may be left out. Default: 2%.",
)
KEEP = click.option(
    "--keep", multiple=True, metavar="ATTR", help="Attribute that must not be changed."
)
CELLS = click.option(
    "--cells/--no-cells",
    default=None,
    help="Empty single cells of subjects that stay rare instead of leaving them out; needs"
    " 'missing: wildcard'. Default: the project's.",
)
UTILITY = click.option(
    "--utility",
    metavar="NAME",
    help="What the search loses least of: distance, or loss, entropy, normalised-entropy, aecs,"
    " discernibility, ambiguity, precision, height, kl, which choose among fixed levels."
    " Default: the project's.",
)
ACCEPT = click.option(
    "--accept",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Make alternative N the plan; the others keep their numbers. Default: 0, the recommended"
    " one.",
)
LOCAL = click.option(
    "--local/--no-local",
    "local",
    default=False,
    help="Let bands differ between subjects, where that loses less. Default: one level for all.",
)
LOCAL_SETS = click.option(
    "--local-sets",
    type=click.Choice(["listed", "ladder"]),
    default="listed",
    help="With --local: show names as lists of up to four values, or as ladder groups only.",
)
BUDGET = click.option(
    "--budget",
    type=SecondsType(),
    metavar="TIME",
    help="Work for the search in CPU seconds of a present processor, as 60s or 2m; it is counted,"
    " so that a busy machine finds the same.",
)
FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What stdout holds.",
)


Progress = Callable[[int, int | None], None]
"""Called with what is done and what there is to do (None when not known)."""


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[Progress | None]:
    """Yield a function that shows progress, or None where there is no terminal.

    Parameters
    ----------
    label : str
        What is being done.
    quiet : bool
        Show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # only where there is a terminal
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import (
        Progress as Bar,
    )

    console = Console(stderr=True, no_color="NO_COLOR" in os.environ)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


Stage = Callable[[str], object]
"""Called with what is being done now, where nobody can say how much of it there is."""


@contextmanager
def stages(*, quiet: bool) -> Iterator[Stage]:
    """Yield a function that names what is being done, with the time that it takes.

    Parameters
    ----------
    quiet : bool
        Show nothing; nor is anything shown where there is no terminal.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _label: None
        return
    from rich.console import Console  # only where there is a terminal
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color="NO_COLOR" in os.environ)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda label: bar.reset(task, description=label)

"""What to do next: the one line with which the output of every command ends.

It goes to standard output behind text for people, and to standard error where standard output
is a table or a document that programs read.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

Params = Mapping[str, Any]
Line = Callable[[Params, int], str]

_ASK = "midi-risk explain TERM says what a word of the report means"
_FOR_PROGRAMS = {"schema", "report", "explain", "diff", "threats list", "threats show"}
"""Commands whose standard output is a table or a document, whatever their options."""


def _quoted(paths: Iterable[object]) -> str:
    return " ".join(shlex.quote(str(path)) for path in paths)


def _place(params: Params, name: str, default: str) -> str:
    return shlex.quote(str(params.get(name) or default))


def _named(params: Params) -> tuple[str, bool]:
    """Return what was assessed as it was typed, and whether that is a project."""
    given = [str(path) for path in params.get("sources") or (params.get("project") or "PROJECT",)]
    folder = Path(given[0])
    project = len(given) == 1 and (
        (folder / "midi-risk.yaml").is_file() or folder.suffix.lower() in {".yaml", ".yml"}
    )
    return _quoted(given), project


def _after_assess(params: Params, code: int) -> str:
    what, project = _named(params)
    out = Path(str(params.get("output") or "midi-risk-out"))
    if params.get("by"):
        return f"open {_quoted([out / 'index.html'])} and go to the collection that worries most"
    if not project:
        tables = _quoted(
            part for table in params.get("tables") or () for part in ("--table", table)
        )
        line = f"midi-risk init {what} {tables}".rstrip()
        return f"{line} -o DIR makes a project, in which you decide and state evidence"
    if code == 0 and params.get("fail_on", "any") == "any":
        return f"midi-risk apply {what} --plan {_quoted([out / 'plan.json'])} -o DIR writes it"
    if code == 3:
        return f"midi-risk tune {what} weighs levels until it is within the threshold"
    return f"midi-risk start {what} closes what is open, step by step"


def _after_suggest(params: Params, code: int) -> str:
    what, _ = _named(params)
    plan = _quoted([Path(str(params.get("output") or "midi-risk-out")) / "plan.json"])
    if code:
        return f"midi-risk tune {what} shows what each level costs"
    return f"midi-risk apply {what} --plan {plan} -o DIR writes the release and assesses it"


def _after_apply(params: Params, code: int) -> str:
    what, _ = _named(params)
    if code == 0:
        out = _quoted([Path(str(params.get("output"))) / "release"])
        return f"midi-risk check {out} proves it again, wherever the files are"
    return f"midi-risk start {what} shows what is open and how it is closed"


def _after_extract(params: Params, code: int) -> str:
    what, _ = _named(params)
    if params.get("shard"):
        return f"midi-risk merge {what} once each machine has read its part"
    del code
    return f"midi-risk assess {what}"


def _after_init(params: Params, code: int) -> str:
    del code
    out = _place(params, "output", "DIR")
    return f"midi-risk start {out}, or edit {_quoted([Path(str(params.get('output'))) / 'midi-risk.yaml'])} and run midi-risk assess {out}"  # noqa: E501


def _after_tune(params: Params, code: int) -> str:
    what, project = _named(params)
    if params.get("static"):
        return "open the page; what it copies is a command or lines for the project file"
    if not project:
        return f"midi-risk init {what} -o DIR makes a project, in which decisions are kept"
    if params.get("levels") and not params.get("plan_file"):
        return "the same with --plan plan.json keeps this setting as a plan"
    plan = (
        params.get("plan_file") or Path(str(params.get("output") or "midi-risk-out")) / "plan.json"
    )
    del code
    return f"midi-risk apply {what} --plan {_quoted([plan])} -o DIR"


def _after_inspect(params: Params, code: int) -> str:
    given = params.get("arguments") or ("PROJECT",)
    project = _quoted(given[-1:])
    if code:
        return f"midi-risk inspect {project} goes on where time was up"
    if len(given) > 1 and not params.get("decisions"):
        return f"decide on the page, then midi-risk inspect review {project} --decisions FILE"
    if len(given) > 1:
        return f"midi-risk assess {project}"
    return f"midi-risk inspect review {project} shows the candidates"


def _after_check(params: Params, code: int) -> str:
    if code == 0:
        return "keep the assessment with the release; check it again before its day is over"
    project = params.get("project")
    return f"midi-risk assess {_quoted([project or 'PROJECT'])} makes a new assessment"


def _after_export(params: Params, code: int) -> str:
    del code
    what, _ = _named(params)
    return f"run the other tool on a copy, then midi-risk assess its output, not {what}"


def _after_merge(params: Params, code: int) -> str:
    del params, code
    return "midi-risk assess PROJECT reads what is left and assesses all of it"


def _after_list(params: Params, code: int) -> str:
    del params, code
    return "midi-risk extract PROJECT --shard 1/8 on one machine, 2/8 on another, ..."


def _always(text: str) -> Line:
    return lambda _params, _code: text


_LINES: Mapping[str, Line] = {
    "assess": _after_assess,
    "suggest": _after_suggest,
    "apply": _after_apply,
    "extract": _after_extract,
    "init": _after_init,
    "tune": _after_tune,
    "start": _always("midi-risk start FOLDER again goes on where you were"),
    "inspect": _after_inspect,
    "check": _after_check,
    "export": _after_export,
    "merge": _after_merge,
    "list": _after_list,
    "demo": _always("midi-risk start FOLDER does the same with your own images"),
    "diff": _always("midi-risk report NEW --edition internal shows the later one"),
    "report": _always("open it; only the shareable edition leaves the house"),
    "attack": _always("midi-risk assess PROJECT states what was predicted, with its reasons"),
    "crosscheck": _always("midi-risk explain MEASURE says what a figure is and who defined it"),
    "schema": _always("name the file in the first line of your YAML and editors check as you type"),
    "explain": _always("docs/measures.md has all measures with their formulas"),
    "threats list": _always("midi-risk threats show NAME prints one, to be copied and changed"),
    "threats show": _always("save it as MODEL.yaml and name that under threat_models"),
    "threats validate": _always("name the file under threat_models of midi-risk.yaml"),
    "population list": _always("midi-risk population show NAME says what a table holds"),
    "population show": _always("name it in a threat model: population: {kind: table, table: NAME}"),
    "population add": _always("write that line into a threat model of your own"),
}


def next_line(name: str, params: Params, code: int) -> str:
    """Return what to do after a command, in one line.

    Parameters
    ----------
    name : str
        The command, ``"threats list"`` for one in a group.
    params : mapping of str to Any
        Its arguments and options.
    code : int
        Its exit code.

    Examples
    --------
    >>> next_line("suggest", {"project": "p", "output": "out"}, 0)
    'midi-risk apply p --plan out/plan.json -o DIR writes the release and assesses it'
    """
    line = _LINES.get(name)
    return _ASK if line is None else line(params, code)


def followed(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of a command that says at its end what to do next."""

    @functools.wraps(callback)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        outcome = callback(*args, **kwargs)
        context = click.get_current_context()
        name = context.command_path.partition(" ")[2]
        data = (
            name in _FOR_PROGRAMS
            or kwargs.get("form") == "json"
            or bool(kwargs.get("static") or kwargs.get("by"))
        )
        if not (data and kwargs.get("quiet")):
            code = outcome if isinstance(outcome, int) else 0
            click.echo(f"next: {next_line(name, context.params, code)}", err=data)
        return outcome

    return wrapped

"""`midi-risk init`: scan sources, propose roles, write the project file.

The new `midi-risk.yaml` is commented: every proposal stands there with its reason.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.attributes.families import families
from midi_risk.cli import options as common
from midi_risk.cli.evidence import comments
from midi_risk.cli.options import progress_bar
from midi_risk.config import PROJECT_FILE, PROJECT_SCHEMA
from midi_risk.errors import OutputError

if TYPE_CHECKING:
    from midi_risk.attributes.model import Attribute
    from midi_risk.cli.job import Job
    from midi_risk.config import SourceSettings
    from midi_risk.sources.model import SourceTable
    from midi_risk.table.model import SubjectTable


@click.command("init")
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@common.TABLES
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="DIR",
    help="Folder for midi-risk.yaml; made if need be.",
)
@click.option("--name", help="Name of the collection. Default: from the first source.")
@common.with_options(common.THREATS, common.JOBS, common.QUIET)
@click.option("--force", is_flag=True, help="Replace an existing midi-risk.yaml.")
def command(
    sources: tuple[str, ...], output: str, name: str | None, *, force: bool, **given: Any
) -> int:
    """Scan sources, propose a role for every attribute and write midi-risk.yaml."""
    from midi_risk.cli.job import open_job
    from midi_risk.document.files import write_private

    folder = Path(output)
    target = folder / PROJECT_FILE
    if target.exists() and not force:
        raise OutputError(
            f"'{target}' exists and may hold decisions", hint="Use --force, or another folder"
        )
    job = open_job(sources, given["tables"], threats=given["threats"])
    if job.file is not None:
        raise OutputError(f"'{job.file}' is a project already", hint="Name sources, not a project")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "cannot be made").lower()
        raise OutputError(f"cannot write into '{output}': {reason}") from None
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        extraction = job.extract(jobs=given["jobs"], progress=progress)
    attributes = job.attributes(extraction)
    table = job.fold(extraction, attributes)
    write_private(target, project_text(job, table, folder, name, extraction.tables))
    counts: dict[str, int] = {}
    for attribute in table.attributes:
        counts[attribute.role.value] = counts.get(attribute.role.value, 0) + 1
    click.echo(f"{target}: {table.n_subjects} subjects, {len(table.attributes)} attributes")
    for text in extraction.findings:
        click.echo(f"  found: {text}")
    for role, n in counts.items():
        click.echo(f"  {role.replace('_', ' '):<20} {n}")
    return 0


_ORDER = (
    ("undecided", "Undecided: give each a role, or the verdict stays incomplete."),
    ("direct_identifier", "Direct identifiers: to be removed or replaced."),
    ("quasi_identifier", "Quasi-identifiers: what an attacker may know. These make the classes."),
    ("sensitive", "Sensitive: what an attacker would learn."),
    ("linkage_key", "Linkage keys: pseudonyms that join the sources."),
    ("insensitive", "Insensitive: neither known nor harmful, with the reason."),
)

_HEAD = """\
# midi-risk project. Every proposal below is yours to change; docs/project-file.md has all keys.
#   role:      direct_identifier | quasi_identifier | sensitive | insensitive | linkage_key
#              | undecided
#   decision:  retain | generalise (with level) | remove
#   need:      why research needs the attribute; it becomes its justification
# What apply replaces and removes beyond that:
#   uids: rekey, subject_key: {column: ..., write: rekey}   keyed pseudonyms
#   profile: {basic: true, options: ["113108"]}             what PS3.15 says, where nobody decided
"""


def project_text(
    job: Job,
    table: SubjectTable,
    folder: Path,
    name: str | None,
    read: Sequence[SourceTable] = (),
) -> str:
    """Return the project file for a first scan.

    Parameters
    ----------
    job : Job
        Sources as named on the command line.
    table : SubjectTable
        With the proposed roles.
    folder : pathlib.Path
        Where the file will lie; paths are written relative to it.
    name : str, optional
        Name of the collection.
    read : sequence of SourceTable
        What was read; tables are written with the key column that was found.

    Returns
    -------
    str
        YAML without any cell value.
    """
    collection = job.project.collection
    keys = {
        t.name: (t.via or t.origin.get(t.key, t.key)) + (f"+{t.on_date}" if t.on_date else "")
        for t in read
    }
    lines = [
        f"schema: {PROJECT_SCHEMA}",
        *_HEAD.splitlines(),
        "collection:",
        f"  name: {_scalar(name or collection.name)}",
        "  sources:",
        *(f"    - {_source(source, job.base, folder, keys)}" for source in collection.sources),
        *_guessed_key(read),
        f"threat_models: [{', '.join(_scalar(t) for t in job.project.threat_models)}]",
        "missing: category          # or wildcard: an absent value may be any value",
        "validity: {months: 24}     # a policy choice, not a published norm",
        *comments(job, table),
        *_release_lines(table),
        "attributes:",
    ]
    listed = [a for a in table.attributes if not _derived(a, table)]
    lines_of = dict(_attribute_lines(listed, table))
    for role, heading in _ORDER:
        chosen = [a for a in listed if a.role.value == role and a.name in lines_of]
        if chosen:
            lines += ["", f"  # {heading}"]
        for attribute in chosen:
            lines += lines_of[attribute.name]
    if not listed:
        lines[-1] = "attributes: {}"
    return "\n".join(lines) + "\n"


def _attribute_lines(
    attributes: Sequence[Attribute], table: SubjectTable
) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines of each attribute; a family has its lines at its first column alone."""
    found = families({a.name: _setting(a) for a in attributes})
    family = {name: pattern for pattern, names in found.items() for name in names}
    for attribute in attributes:
        name = attribute.name
        setting, reason = _setting(attribute), _comment(attribute.reason)
        if name not in family:
            distinct, missing = table.distinct.get(name, (0, table.n_subjects))
            told = f"  # {reason} ({distinct} values, {missing} missing)"
            yield name, [told, f"  {_scalar(name)}: {setting}"]
            continue
        names = found[family[name]]
        if name == names[0]:
            told = f"  # {len(names)} columns, {_comment(names[0])} to {_comment(names[-1])}: one"
            told += f" decision for all of them, a line of its own for an exception; {reason}"
            yield name, [told, f"  {_scalar(family[name])}: {setting}"]


def _guessed_key(read: Sequence[SourceTable]) -> list[str]:
    """Return the lines that ask to confirm a key which no plain name says to be one."""
    guessed = next((t for t in read if t.key_guess), None)
    if guessed is None:
        return []
    column = guessed.origin.get(guessed.key, guessed.key)
    return [
        f"# {_comment(guessed.key_guess)}.",
        "# Confirm it, or name another key under sources; until then the verdict is incomplete:",
        "#   subject_key: {column: ..., confirmed: {by: NAME, on: 2026-11-02}}",
        f"subject_key: {{column: {_scalar(column)}}}",
    ]


def _release_lines(table: SubjectTable) -> list[str]:
    """Return decisions on what leaves and is no attribute: what PS3.15 acts on is removed."""
    from midi_risk.risk.account import LISTED, ReleaseDecisions, account

    rows = zip(table.leaves, account(table, ReleaseDecisions()), strict=True)
    still = [(leaf, row) for leaf, row in rows if row.disposition == "open"]
    acted = [row.name for _, row in still if row.reason == LISTED]
    others = [(leaf, row) for leaf, row in still if not row.by and row.reason != LISTED]
    lines = []
    if others:
        lines.append("# Leaves, and nobody decided: remove it, or retain it with a reason, under")
        lines.append("# release (names may have *) or private (by creator). It is open until then.")
        creators = Counter(leaf.creators[0] for leaf, _ in others if any(leaf.creators[:1]))
        lines += [
            f"#   private, creator {_scalar(creator)}: {number} element{'s' * (number > 1)}"
            for creator, number in creators.items()
        ]
        lines += [
            f"#   {_comment(row.name)}: {row.reason}"
            for leaf, row in others
            if not any(leaf.creators[:1])
        ]
    if acted:
        lines += ["release:", "  decisions:"]
        reason = "PS3.15 Table E.1-1 lists it and nothing reads it."
        lines += [f"    {_quoted(name)}: {{decision: remove, reason: {reason}}}" for name in acted]
    return lines


def _derived(attribute: Attribute, table: SubjectTable) -> bool:
    """Tell whether an attribute is the range of another, which it follows."""
    return attribute.name.endswith(".range") and attribute.name[:-6] in table.attributes


def _setting(attribute: Attribute) -> str:
    """Return the settings of one attribute in one line."""
    from midi_risk.attributes.units import MIXED, converted

    parts = [f"role: {attribute.role.value}"]
    if attribute.role.value in {"quasi_identifier", "undecided"} and attribute.ladder:
        parts.append(f"hierarchy: {_scalar(attribute.ladder)}")
    if converted(attribute) and attribute.unit != MIXED:
        parts.append(f"unit: {attribute.unit}")
    if attribute.role.value == "direct_identifier":
        parts.append("decision: remove")
    return "{" + ", ".join(parts) + "}"


def _source(source: SourceSettings, base: Path, folder: Path, keys: Mapping[str, str]) -> str:
    """Return one source with its path relative to the project."""
    from midi_risk.sources import TableSpec
    from midi_risk.sources.tables.databases import database_from, is_database

    path = source.path
    name = Path(path).name
    if is_database(path):
        name = TableSpec.parse(path).path.name
        path = database_from(path, Path(os.path.abspath(folder)))  # noqa: PTH100
    if "://" not in path:
        absolute = Path(os.path.normpath(base / path))
        try:
            path = os.path.relpath(absolute, Path(os.path.abspath(folder)))  # noqa: PTH100
        except ValueError:
            path = str(absolute)
    parts = [f"{source.kind}: {_scalar(Path(path).as_posix() if '://' not in path else path)}"]
    key = source.key or (keys.get(name) if source.kind == "table" else None)
    if key:
        parts.append(f"key: {_scalar(key)}")
    return "{" + ", ".join(parts) + "}"


def _comment(text: str) -> str:
    """Return text that cannot end a comment line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "no reason"


def _scalar(text: str) -> str:
    """Return text as a YAML scalar: plain where that is safe, quoted as JSON elsewhere."""
    plain = text.isascii() and text.replace("_", "").replace("-", "").replace(".", "").isalnum()
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    if plain and text[0].isalpha() and text.casefold() not in words:
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in double quotes, letters as they are and what cannot be seen escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())

"""`assess --by`: one assessment per group, each written as it is done.

A list beside the results says which groups are done and from what. A run that was killed goes on
with the groups that are missing; the list goes with the last of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk.cli.job import (
    PREVIOUS,
    Job,
    log_runs,
    result_folder,
    with_extraction_of,
    write_results,
)
from midi_risk.errors import ConfigError, MidiRiskError, OutputError, SourceError, reason_of

if TYPE_CHECKING:
    from midi_risk.document.assessment import Assessment
    from midi_risk.document.plan import Plan
    from midi_risk.sources.model import Extraction
    from midi_risk.table.model import SubjectTable

DONE, SUMMARY, OVERVIEW = "groups.jsonl", "summary.csv", "index.html"
COLUMNS = (
    "group", "subjects", "k", "required", "sample_uniques", "governing", "value", "status",
    "plan_found", "reason",
)  # fmt: skip
"""Columns of the summary; ``status`` is ``left out`` where ``reason`` says why."""

LEFT_OUT = "left out"

Assess = Callable[[Job, "Extraction"], "tuple[Assessment, Plan, SubjectTable]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What became of one group.

    Parameters
    ----------
    name : str
        Its folder.
    assessment : Assessment or None
        None for a group that was left out.
    reason : str
        Why it was left out.
    nobody : bool
        Whether it was left out because no subject is in it.
    """

    name: str
    assessment: Assessment | None
    reason: str = ""
    nobody: bool = False

    def row(self) -> dict[str, Any]:
        """Return its row of the summary."""
        if self.assessment is None:
            return {"group": self.name, "status": LEFT_OUT, "reason": self.reason}
        found = self.assessment
        governing = found.verdict.governing
        return {
            "group": self.name,
            "subjects": found.collection.subjects,
            "k": found.measures.k,
            "required": found.threshold.k,
            "sample_uniques": found.measures.sample_uniques,
            "governing": "" if governing is None else governing.measure,
            "value": None if governing is None else governing.value,
            "status": found.verdict.status,
            "plan_found": found.plan is not None and found.plan.found,
            "reason": "",
        }


def assess_groups(
    job: Job,
    groups: Sequence[tuple[str, Extraction]],
    by: str,
    output: str,
    one: Assess,
    *,
    asked: Mapping[str, Any],
    quiet: bool = False,
) -> list[Group]:
    """Assess groups one after the other, and write each as it is done.

    Parameters
    ----------
    job : Job
    groups : sequence of (str, Extraction)
        Value of the column and what has it.
    by : str
        The column, for messages.
    output : str
        Folder of the results.
    one : callable
        Job and extraction -> assessment, plan and subject table.
    asked : mapping
        Everything else that the results depend on; a group that was done under other wishes, or
        from other rows, is assessed again.
    quiet : bool
        Whether to say nothing of the progress.

    Returns
    -------
    list of Group
        In the order given, with those that an earlier run had done.

    Raises
    ------
    SourceError
        When no group has a subject.
    OutputError
        When the folder cannot be written.
    """
    folder = Path(output)
    known = _known(folder)
    told = hashlib.sha256(json.dumps(dict(asked), sort_keys=True, default=str).encode()).hexdigest()
    digests: dict[int, str] = {}
    found: list[Group] = []
    for number, (value, part) in enumerate(groups, start=1):
        name = folder_name(value, {group.name for group in found})
        key = _key(told, name, part, digests)
        group = _done_before(folder, name, key, known)
        resumed = group is not None
        if group is None:
            group = _assessed(job, value, part, name, output, one)
            _note(folder / DONE, {"group": name, "key": key})
        found.append(group)
        if not quiet or group.assessment is None:
            _tell(group, number, len(groups), by, resumed=resumed)
    if not any(group.assessment for group in found):
        (folder / DONE).unlink(missing_ok=True)
        raise SourceError(f"no group of '{by}' has a subject", hint="Choose another column")
    with result_folder(output) as staging:
        write_summary(staging / SUMMARY, found)
        _write_overview(staging / OVERVIEW, found, by)
    (folder / DONE).unlink(missing_ok=True)
    return found


def folder_name(value: str, taken: set[str]) -> str:
    """Return a safe folder name for a group that is not taken yet.

    Examples
    --------
    >>> folder_name("../x", set()), folder_name("x", {"x"}), folder_name("", set())
    ('x', 'x-2', 'none')
    """
    taken = {*taken, PREVIOUS, "log"}
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", value).strip("-")[:80] or "none"
    name, n = safe, 2
    while name in taken:
        name, n = f"{safe}-{n}", n + 1
    return name


def write_summary(path: Path, groups: Sequence[Group]) -> None:
    """Write the summary table of all groups, those that were left out with the reason."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=COLUMNS)
        writer.writeheader()
        writer.writerows(group.row() for group in groups)
    path.chmod(0o600)


def _write_overview(path: Path, groups: Sequence[Group], by: str) -> None:
    """Write the page that shows all groups side by side."""
    from midi_risk.document.files import write_private
    from midi_risk.report.overview import overview_page, overview_row

    rows = [
        overview_row(group.assessment.collection.name, group.name, group.assessment)
        for group in groups
        if group.assessment is not None
    ]
    left_out = [(group.name, group.reason) for group in groups if group.assessment is None]
    write_private(path, overview_page(rows, left_out, by=by))


def _assessed(job: Job, value: str, part: Extraction, name: str, output: str, one: Assess) -> Group:
    """Assess one group and move its results into place; one that cannot be is left out."""
    try:
        assessment, plan, table = one(with_extraction_of(job, value or "(none)"), part)
    except (ConfigError, OutputError):
        raise
    except MidiRiskError as error:
        nobody = isinstance(error, SourceError)
        return Group(name=name, assessment=None, reason=str(error), nobody=nobody)
    with result_folder(output) as staging:
        (staging / name).mkdir()
        write_results(staging / name, assessment, plan, table)
    log_runs(job.log_file(output), [assessment])
    return Group(name=name, assessment=assessment.public())


def _tell(group: Group, number: int, of: int, by: str, *, resumed: bool) -> None:
    if group.assessment is None:
        text = f"midi-risk: {number} of {of}: group '{group.name}' of {by} left out: {group.reason}"
    else:
        before = ", done by an earlier run" if resumed else ""
        text = f"{number} of {of}: {group.name}: {group.assessment.verdict.status}{before}"
    click.echo(text, err=True)


def _key(told: str, name: str, part: Extraction, digests: dict[int, str]) -> str:
    """Return the digest of everything that a group's results depend on."""
    hasher = hashlib.sha256(f"{told}\0{name}\0{sorted(part.facts.items())}".encode())
    for table in part.tables:
        place = id(table.rows)
        if place not in digests:
            digests[place] = _digest(table.rows, table.weights)
        about = (table.name, table.key, table.scope, table.via, table.on_date)
        hasher.update(f"{about}{sorted(table.labels.items())}{digests[place]}".encode())
    return hasher.hexdigest()


def _digest(rows: Any, weights: Any) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    hasher = hashlib.sha256(b"" if weights is None else weights.astype("<i8").tobytes())
    for name in rows.column_names:
        texts = pc.fill_null(rows.column(name).cast(pa.string()), "\0")
        hasher.update(f"{name}\0{len(texts)}".encode())
        for chunk in texts.chunks:
            lengths = pc.binary_length(chunk).to_numpy(zero_copy_only=False)
            hasher.update(lengths.astype("<i8").tobytes())
            hasher.update("".join(chunk.to_pylist()).encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


def _known(folder: Path) -> dict[str, str]:
    """Return the groups that a run without an end had done, with their keys."""
    known: dict[str, str] = {}
    try:
        lines = (folder / DONE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return known
    for line in lines:
        try:
            entry = json.loads(line)
            known[str(entry["group"])] = str(entry["key"])
        except (ValueError, KeyError, TypeError):
            continue  # cut short by the end of the run that wrote it
    return known


def _done_before(folder: Path, name: str, key: str, known: Mapping[str, str]) -> Group | None:
    from midi_risk.document.files import load_assessment

    if known.get(name) != key:
        return None
    try:
        return Group(name=name, assessment=load_assessment(folder / name / "assessment.json"))
    except MidiRiskError:
        return None


def _note(path: Path, entry: Mapping[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(dict(entry)) + "\n")
        path.chmod(0o600)
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {reason_of(error)}") from None

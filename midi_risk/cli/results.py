"""Results in a folder: written aside, then moved into place, so none is half-written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midi_risk.errors import OutputError

if TYPE_CHECKING:
    from midi_risk.risk.document import Assessment
    from midi_risk.risk.plan_document import Plan
    from midi_risk.table.model import SubjectTable

RESULT_FILES = (
    "assessment.json",
    "plan.json",
    "subjects.parquet",
    "report-internal.html",
    "report-shareable.html",
)
PREVIOUS = "previous"
_STAGING = ".midi-risk-run-"


@contextmanager
def result_folder(output: str) -> Iterator[Path]:
    """Yield a folder for results beside their place; move them in when all went well.

    Files of a previous run are kept in ``previous/`` and a line on stderr says so.

    Parameters
    ----------
    output : str
        Folder for the results; made when it does not exist.

    Raises
    ------
    OutputError
        When the folder cannot be made or written.
    """
    folder = Path(output)
    existed = folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        staging = Path(tempfile.mkdtemp(prefix=f"{_STAGING}{os.getpid()}-", dir=folder))
    except OSError as error:
        raise OutputError(
            f"cannot write into '{output}': {_reason(error)}", hint="Choose another folder with -o"
        ) from None
    try:
        yield staging
        _move_in(staging, folder)
    except OSError as error:
        raise OutputError(
            f"cannot write into '{output}': {_reason(error)}", hint="Nothing was changed there"
        ) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not existed and not any(folder.iterdir()):
            folder.rmdir()


def _sweep(folder: Path) -> None:
    """Remove what killed runs left behind, which holds subjects; running ones keep theirs."""
    for left in folder.glob(f"{_STAGING}*-*"):
        owner = left.name.removeprefix(_STAGING).split("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _runs(process: int) -> bool:
    """Tell whether a process lives; one that cannot be asked counts as living."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _move_in(staging: Path, folder: Path) -> None:
    """Move finished files into place; keep those of a previous run."""
    names = sorted(path.name for path in staging.iterdir())
    old = [name for name in names if (folder / name).exists()]
    if old:
        kept = folder / PREVIOUS
        kept.mkdir(mode=0o700, exist_ok=True)
        for name in old:
            target = kept / name
            if target.is_dir():
                shutil.rmtree(target)
            (folder / name).replace(target)
        click.echo(
            f"midi-risk: '{folder}' held a previous run; its files are now in '{kept}'", err=True
        )
    for name in names:
        (staging / name).replace(folder / name)


def _reason(error: OSError) -> str:
    """Return the system's reason without the path of a temporary file."""
    return (error.strerror or type(error).__name__).lower()


def write_results(
    folder: Path, assessment: Assessment, plan: Plan, table: SubjectTable
) -> Mapping[str, Path]:
    """Write assessment, plan, subject table and both reports into a folder.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder.
    assessment : Assessment
        With the plan inside.
    plan : Plan
    table : SubjectTable
        As it would be released.

    Returns
    -------
    mapping of str to pathlib.Path
    """
    from midi_risk.report import report, write_assessment, write_plan

    paths = {name: folder / name for name in RESULT_FILES}
    write_assessment(assessment, paths["assessment.json"])
    write_plan(plan, paths["plan.json"])
    write_subjects(table, paths["subjects.parquet"])
    report(assessment, plan, edition="internal").write(paths["report-internal.html"])
    report(assessment, plan, edition="shareable").write(paths["report-shareable.html"])
    return paths


def write_subjects(table: SubjectTable, path: Path) -> None:
    """Write the subject table as Parquet, readable by its owner only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"subject": pa.array([str(key) for key in table.frame.index], pa.string())}
    for name in table.frame.columns:
        texts = [None if v is None else str(v) for v in table.frame[name].to_numpy(dtype=object)]
        columns[str(name)] = pa.array(texts, pa.string())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        pq.write_table(pa.table(columns), handle)

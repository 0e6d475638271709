"""`midi-risk overlap`: search for the subjects of a project in other public data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midi_risk import __version__
from midi_risk.cli import options as common
from midi_risk.cli.options import progress_bar
from midi_risk.errors import ConfigError, MidiRiskError, SourceError

if TYPE_CHECKING:
    from midi_risk.cli.job import Job
    from midi_risk.risk.overlap.record import Linked
    from midi_risk.risk.overlap.sides import Side

_SUBJECTS = "subjects.parquet"


@click.command("overlap")
@click.argument("project", metavar="PROJECT")
@click.option(
    "--index",
    "indexes",
    metavar="idc|PATH",
    multiple=True,
    help="Where to search: idc (the Imaging Data Commons), an index of series as Parquet or CSV,"
    " a project, the results of an assessment, a table or a folder of images.  [default: idc]",
)
@common.with_options(common.JOBS, common.QUIET)
def command(project: str, indexes: tuple[str, ...], **given: Any) -> int:
    """Search for the subjects of a project in other public data.

    UIDs, subject keys, near-duplicate series and, where both sides are files, pixels are compared.
    The result is kept in the project and bound to both sides; assess judges subjects who are in
    both releases on the attributes of both, and those whom one edition alone has among each other.
    A search that finds nobody is never taken as zero, and counts for a year.
    """
    from midi_risk.cli.job import open_job
    from midi_risk.risk.overlap.match import compare
    from midi_risk.risk.overlap.pixels import same_images
    from midi_risk.risk.overlap.record import keep, linked_of

    job = open_job([project])
    folder = job.overlaps()
    if folder is None:
        raise ConfigError(
            "command line",
            ["a search is kept in a project; make one with 'midi-risk init SOURCE -o project'"],
        )
    with progress_bar("reading", quiet=given["quiet"]) as progress:
        ours = _side_of_job(job, given["jobs"], progress)
    for place in indexes or ("idc",):
        theirs = _other_side(place, given["jobs"])
        if not theirs.indexed and theirs.digest == ours.digest:
            raise SourceError(
                f"'{place}' holds what is assessed, so that everybody would be found",
                hint="Name another release",
            )
        found = compare(ours, theirs, same_images(ours, theirs))
        linked = linked_of(ours, theirs, found, f"midi-risk {__version__}")
        keep(folder, linked, place if place == "idc" else str(Path(place).resolve()))
        click.echo("\n".join(describe(linked)))
    return 0


def describe(linked: Linked) -> list[str]:
    """Return a search as lines of text without values.

    Parameters
    ----------
    linked : Linked
    """
    words = {"uid": "UIDs", "key": "subject keys", "near": "near-duplicates", "pixels": "pixels"}
    how = ", ".join(words[name] for name in linked.how) or "nothing that both sides tell"
    lines = [
        f"{linked.name}{f' {linked.version}' if linked.version else ''}: compared {how}",
        (
            f"  subjects {linked.subjects:,} here, about {linked.there:,} there,"
            f" in both {len(linked.known):,}"
        ),
        (
            f"  by UID {linked.uid_hits:,}, by key {linked.subject_hits:,}"
            f" (equal by chance {linked.key_chance:,})"
        ),
    ]
    if "near" in linked.how:
        counted = "counted" if linked.near_judged else "not counted"
        lines.append(
            f"  near-duplicates {linked.near_hits:,}, expected by chance"
            f" {linked.near_expected:.1f}: {counted}"
        )
    if "pixels" in linked.how:
        lines.append(f"  with an image that is there {linked.pixel_hits:,}")
    if linked.edition:
        lines.append("  the two are editions of one release: who is in one alone is assessed too")
    return lines


def _side_of_job(job: Job, jobs: int | None, progress: Any = None) -> Side:
    """Return the side that the sources of a job make, as they would be released."""
    from midi_risk.risk.overlap.sides import side_of
    from midi_risk.table.release import released

    extraction = job.extract(jobs=jobs, progress=progress)
    attributes = job.attributes(extraction)
    view = released(job.fold(extraction, attributes), job.hierarchies(attributes))
    files = [path for path in job.images() if "://" not in path]
    return side_of(job.project.collection.name, extraction, view, files)


def _other_side(place: str, jobs: int | None) -> Side:
    """Return the side that an argument of --index names."""
    from midi_risk.cli.job import ASSESSMENT, open_job
    from midi_risk.config import PROJECT_FILE
    from midi_risk.document.files import file_sha256
    from midi_risk.risk.overlap.sides import columns_of, idc_index, is_index, side_of_index

    if place == "idc":
        path, version = idc_index()
        return side_of_index("IDC", path, f"idc-index-data {version}", file_sha256(path))
    path = Path(place)
    if not path.exists():
        raise SourceError(
            f"there is no '{place}'", hint="Name idc, a file, a folder or a project after --index"
        )
    results = path if path.is_dir() else path.parent
    is_results = path.name == ASSESSMENT or (
        path.is_dir() and (path / ASSESSMENT).is_file() and not (path / PROJECT_FILE).is_file()
    )
    if is_results:
        return _side_of_results(results)
    if path.suffix.lower() in {".parquet", ".csv"} and is_index(columns_of(path)):
        return side_of_index(path.stem, path, "", file_sha256(path))
    try:
        return _side_of_job(open_job([place]), jobs)
    except MidiRiskError as error:
        raise SourceError(f"'{place}' cannot be searched: {error}", hint=error.hint) from None


def _side_of_results(folder: Path) -> Side:
    """Return the side that the results of an assessment make."""
    from midi_risk.cli.job import ASSESSMENT
    from midi_risk.document.files import file_sha256, load_assessment
    from midi_risk.risk.overlap.sides import side_of_subjects

    subjects = folder / _SUBJECTS
    if not subjects.is_file():
        raise SourceError(
            f"'{folder}' has no {_SUBJECTS}: without it nobody can be compared",
            hint="Name the folder of results as assess wrote it, or the project",
        )
    assessment = load_assessment(folder / ASSESSMENT)
    columns = [
        attribute.name
        for attribute in assessment.attributes
        if attribute.role in {"quasi_identifier", "undecided"} and attribute.decision != "remove"
    ]
    return side_of_subjects(assessment.collection.name, subjects, columns, file_sha256(subjects))

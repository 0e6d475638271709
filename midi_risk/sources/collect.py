"""Take any sources, decide what each is, and read them into one extraction.

A folder may hold parts of one metadata table: BigQuery and Spark write ``part-0001.parquet`` and
so on, perhaps in folders such as ``collection_id=x``; a DICOMweb client keeps one JSON file per
study. Table files behind URLs are fetched whole and read as local ones.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from midi_risk.errors import SourceError, listed, quoted
from midi_risk.sources.arrow import text_array
from midi_risk.sources.collected import Collected
from midi_risk.sources.files.dicomweb import is_dicomweb, unread_instances
from midi_risk.sources.files.listing import printable
from midi_risk.sources.files.remote import RemoteError, download, is_url, opened, shown_url
from midi_risk.sources.files.sniff import CONTAINERS
from midi_risk.sources.model import Extraction, FileStatus, SourceKind, TableSpec
from midi_risk.sources.select import select_rows
from midi_risk.sources.tables.columns import cell_array, text_column
from midi_risk.sources.tables.databases import is_database, shown_table
from midi_risk.sources.tables.formats import looks_like_table, table_format
from midi_risk.sources.tables.joins import Leading, leading_of
from midi_risk.sources.tables.raw import RawTable, counted, shown
from midi_risk.sources.tables.read import (
    TableReading,
    check_file,
    keyed_table,
    read_raw,
    read_table,
)
from midi_risk.sources.tuples import Folder, read_tuples, stored_table, unread

_ENOUGH = 10_000


def parts_of(folder: Path) -> list[Path]:
    """Return the files of a folder that are parts of one table; empty when it is not so.

    All files must be Parquet, or all JSON; hidden files and markers such as ``_SUCCESS``
    do not count.
    """
    found: list[Path] = []
    kinds: set[str] = set()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in sorted(names):
            if name[0] in "._":
                continue
            path = Path(place) / name
            kind = table_format(path)
            kinds.add(kind.parts if kind else "")
            if len(kinds) > 1 or "" in kinds:
                return []
            found.append(path)
    return found


def read_parts(folder: Path, parts: Iterable[Path]) -> tuple[RawTable, list[tuple[Path, str]]]:
    """Read the parts of a table as one.

    Parameters
    ----------
    folder : pathlib.Path
        Where they lie; a folder ``name=value`` below it is a column.
    parts : iterable of pathlib.Path
        See `parts_of`.

    Returns
    -------
    table : RawTable
        Columns in the order met; absent where a part has none.
    unreadable : list of (path, message)
        Parts that could not be read.

    Raises
    ------
    SourceError
        When none could be read.
    """
    read: list[pa.Table] = []
    findings: list[str] = []
    labels: dict[str, str] = {}
    unreadable: list[tuple[Path, str]] = []
    for path in parts:
        try:
            raw = read_raw(TableSpec(path))
        except SourceError as error:
            unreadable.append((path, error.message))
            continue
        read.append(_plain(_with_partitions(raw.rows, folder, path)))
        labels |= raw.labels
        findings += raw.findings if len(findings) < _ENOUGH else ()
    if not read:
        raise SourceError(
            f"{shown(folder.name)}: none of {counted(len(unreadable), 'file')} can be read",
            hint=unreadable[0][1] if unreadable else "",
        )
    rows = pa.concat_tables(read, promote_options="default")
    encoded = {name: text_column(rows.column(name)) for name in rows.column_names}
    return RawTable(rows=pa.table(encoded), labels=labels, findings=tuple(findings)), unreadable


def _plain(rows: pa.Table) -> pa.Table:
    return rows.cast(pa.schema([(name, pa.string()) for name in rows.column_names]))


def _with_partitions(rows: pa.Table, folder: Path, path: Path) -> pa.Table:
    for name, value in _stated(folder, path).items():
        if name not in rows.column_names:
            values = pa.chunked_array([cell_array([value] * rows.num_rows)])
            rows = rows.append_column(name, values)
    return rows


def _stated(folder: Path, path: Path) -> dict[str, str]:
    """Return the columns that the folders of a part state, as in ``collection_id=x``."""
    steps = (step.partition("=") for step in reversed(path.relative_to(folder).parts[:-1]))
    return {name: value for name, mark, value in steps if mark and name}


_LARGEST = 16 << 30


def remote_table(source: str | Path | TableSpec) -> TableSpec | None:
    """Return the table that a source names when it is a URL of one, else None.

    Examples
    --------
    >>> remote_table("s3://bucket/clinical.csv:PatientID").key
    'PatientID'
    >>> remote_table("s3://bucket/images") is None
    True
    """
    if isinstance(source, TableSpec):
        return source if source.url and not is_database(source.url) else None
    if not isinstance(source, str) or not is_url(source):
        return None
    spec = TableSpec.parse(source)
    return spec if table_format(spec.path) else None


def fetch_table(spec: TableSpec, folder: Path) -> tuple[TableSpec, str]:
    """Fetch a table behind a URL into a folder.

    Parameters
    ----------
    spec : TableSpec
        From `remote_table`.
    folder : pathlib.Path
        Existing and empty.

    Returns
    -------
    spec : TableSpec
        The copy.
    place : str
        The URL as it may be shown.

    Raises
    ------
    SourceError
        When it cannot be fetched or is larger than 16 GiB.
    """
    url = str(spec.url)
    # The folder's name tells tables of one name apart, so that it must not change.
    target = folder / "remote" / spec.path.name
    target.parent.mkdir()
    if table_format(target) is table_format(Path("a.parquet")) and _fetch_columns(url, target):
        return replace(spec, path=target, url=None), shown_url(url)
    if download(url, target, _LARGEST) > _LARGEST:
        raise SourceError(f"{shown_url(url)} is larger than 16 GiB", hint="Fetch it yourself")
    return replace(spec, path=target, url=None), shown_url(url)


def _fetch_columns(url: str, target: Path) -> bool:
    """Fetch the columns of a Parquet file that are read, where others are left out or it is large.

    What is left out stays in its schema, so that it is still said that nobody read it.
    """
    handle, size = opened(url)
    try:
        with handle, pq.ParquetFile(handle, pre_buffer=False) as file:
            schema = file.schema_arrow
            wanted = [f.name for f in schema if not unread(f)]
            if (len(wanted) == len(schema) and size <= _LARGEST) or "." in "".join(schema.names):
                return False
            with pq.ParquetWriter(target, schema) as writer:
                for batch in file.iter_batches(_AT_ONCE, columns=wanted):
                    columns = [
                        batch.column(f.name) if f.name in wanted else pa.nulls(len(batch), f.type)
                        for f in schema
                    ]
                    writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    except Exception:  # noqa: BLE001 - file systems raise what they like
        target.unlink(missing_ok=True)
        return False
    return True


_AT_ONCE = 65_536
_ARCHIVES = tuple(ending for endings in CONTAINERS.values() for ending in endings)
IMAGING_KINDS = (SourceKind.DICOM, SourceKind.METADATA)
"""Kinds of table that hold image metadata."""

BIDS_MARKS = frozenset({"participants.tsv", "dataset_description.json"})
CDISC_MARKS = frozenset(
    f"{name}{ending}"
    for name in ("dm", "adsl")
    for ending in (".xpt", ".json", ".ndjson", ".parquet")
)
"""Files, one of which makes a folder a data set of that standard; names in lower case."""


def extract(
    *sources: str | Path | TableSpec,
    tables: Sequence[str | Path | TableSpec] = (),
    jobs: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    store: Path | None = None,
    payloads: bool = False,
    exclude: Sequence[str] = (),
    where: str = "",
    rows: bool = False,
) -> Extraction:
    """Read sources of any kind, and the clinical tables linked to them.

    Parameters
    ----------
    *sources : str, pathlib.Path or TableSpec
        Folders or files of DICOM, metadata tables, BIDS data sets, CDISC folders. A table
        may be ``FILE:KEY``.
    tables : sequence, optional
        Clinical tables to link; each a file, ``FILE:KEY``, or a `TableSpec`.
    jobs : int, optional
        Processes that read DICOM.
    progress : callable, optional
        Called with the number of DICOM files done and, when known, of all.
    store : pathlib.Path, optional
        Folder of the resumable scan store for DICOM.
    payloads : bool, optional
        Also look inside embedded payloads.
    exclude : sequence of str, optional
        Patterns of names or ends of paths of tables beside the data that do not leave.
    where : str, optional
        Condition that rows of the leading table must fulfil, see `select_rows`.
    rows : bool, optional
        Whether every row of a table of image metadata is wanted as it is, so that it can be
        written. Equal rows of large ones come once else, with their number.

    Returns
    -------
    Extraction

    Raises
    ------
    SourceError
        When a source does not exist, is empty or is of no known kind.
    LinkageError
        When a table has no usable key column.
    """
    if not sources:
        raise SourceError("no source given", hint="Give a folder or file of DICOM, or a table")
    for source in (*sources, *listed("tables", tables)):
        if not isinstance(source, str | PathLike | TableSpec):
            raise SourceError(
                f"a source is {quoted(source)}, not a path", hint="Give paths of files or folders"
            )
    images = [_is_dicom_source(source) for source in sources]
    collected = Collected(
        excluded=tuple(exclude),
        linked=_places(tables),
        where="" if any(images) else where,
        whole=rows,
    )
    dicom: list[str | Path] = []
    dicom_at = 0
    for source, is_dicom in zip(sources, images, strict=True):
        if is_dicom:
            dicom_at = len(collected.tables) if not dicom else dicom_at
            dicom.append(source if isinstance(source, Path) else str(source))
        else:
            _read_source(source, collected)
    if dicom:
        _read_dicom(dicom, dicom_at, collected, jobs, progress, store, payloads)
    collected.tables.sort(key=lambda table: table.kind not in IMAGING_KINDS)
    known = leading_of(collected.tables[0]) if collected.tables else None
    asked = where if any(images) else collected.where
    collected.where = ""
    for given in tables:
        _read_source(given, collected, known)
    extraction = collected.extraction()
    return select_rows(extraction, asked) if asked else extraction


def _is_dicom_source(source: str | Path | TableSpec) -> bool:
    """Return whether a source goes to the DICOM reader; raise when it cannot be read at all."""
    if isinstance(source, TableSpec) or is_database(source) or remote_table(source) is not None:
        return False
    text = str(source)
    if "://" in text:
        return True
    path = Path(text)
    if path.is_dir():
        return _layout(path) == "dicom"
    spec = TableSpec.parse(source)
    check_file(spec.path)
    if table_format(spec.path) is not None:
        return False
    return spec.key is None and (
        text.casefold().endswith(_ARCHIVES)
        or spec.path.suffix[1:].isdigit()
        or spec.path.suffix.casefold() in {"", ".dcm", ".ima", ".dic"}
        or spec.path.name.upper().startswith("DICOMDIR")
        or _has_dicom_mark(spec.path)
    )


def _has_dicom_mark(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return handle.read(132)[128:] == b"DICM"
    except OSError:
        return False


_KIND_OF_LAYOUT = {"bids": "bids", "cdisc": "sdtm", "parts": "metadata", "dicom": "dicom"}


def kind_of_source(path: Path) -> str:
    """Return which kind of source a folder or file is, as a project file names it.

    Parameters
    ----------
    path : pathlib.Path
        An existing folder or file.

    Returns
    -------
    {"bids", "sdtm", "metadata", "dicom"}
        ``metadata`` for a table, also one in parts; ``dicom`` for everything else.

    Raises
    ------
    SourceError
        When it is empty or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "participants.tsv").write_text("participant_id")
    ...     kind_of_source(Path(name))
    'bids'
    """
    if path.is_dir():
        return _KIND_OF_LAYOUT[_layout(path)]
    return "dicom" if _is_dicom_source(path) else "metadata"


def _layout(folder: Path) -> str:
    """Return "bids", "cdisc", "parts" or "dicom" from a folder's own entries."""
    try:
        names = {entry.name.casefold() for entry in os.scandir(folder)}
    except OSError as error:
        raise SourceError(
            f"{shown(folder)} cannot be read", hint="Check its permissions"
        ) from error
    if not names:
        raise SourceError(f"{shown(folder)} is an empty folder", hint="Check the path")
    if names & BIDS_MARKS:
        return "bids"
    if names & CDISC_MARKS:
        return "cdisc"
    return "parts" if parts_of(folder) else "dicom"


def _read_source(
    source: str | Path | TableSpec, collected: Collected, known: Leading | None = None
) -> None:
    database = _database_table(source)
    if database is not None:
        _read_file(database, collected, known)
        collected.files[-1]["path"] = shown_table(database)
        return
    remote = remote_table(source)
    if remote is not None:
        folder = Folder()
        spec, place = fetch_table(remote, folder.path)
        _read_file(spec, collected, known, held=folder)
        collected.files[-1]["path"] = place
        return
    if isinstance(source, str) and is_url(source):
        raise SourceError(
            f"{shown_url(source)} is not a table",
            hint="Give DICOM as a source, tables with --table",
        )
    path = Path(source) if not isinstance(source, TableSpec) else source.path
    if path.is_dir():
        _read_folder(path, collected, known)
        return
    spec = TableSpec.parse(source)
    if spec.path.name == "participants.tsv" and spec.key in {None, "participant_id"}:
        from midi_risk.sources.bids import read_participants  # noqa: PLC0415

        check_file(spec.path)
        read_participants(spec.path, collected)
        return
    _read_file(spec, collected, known)


def _database_table(source: str | Path | TableSpec) -> TableSpec | None:
    """Return the table of a database that a source names, else None."""
    url = source.url if isinstance(source, TableSpec) else source
    return TableSpec.parse(source) if is_database(url) else None


def _read_folder(path: Path, collected: Collected, known: Leading | None) -> None:
    layout = _layout(path)
    collected.roots.append(printable(str(path)))
    if layout == "bids":
        from midi_risk.sources.bids import read_bids  # noqa: PLC0415

        read_bids(path, collected)
    elif layout == "cdisc":
        from midi_risk.sources.cdisc import read_cdisc  # noqa: PLC0415

        read_cdisc(path, collected)
    elif layout == "parts":
        _read_parts(path, collected, known)
    else:
        raise SourceError(
            f"{shown(path)} is not a table", hint="Give DICOM as a source, tables with --table"
        )


def _read_parts(folder: Path, collected: Collected, known: Leading | None) -> None:
    parts = parts_of(folder)
    unreadable: list[tuple[Path, str]] = []
    name = shown(folder.name)
    stated = [(path, _stated(folder, path)) for path in parts]
    reading = _as_tuples(stated, TableSpec(folder), name, collected)
    if reading is None:
        raw, unreadable = read_parts(folder, parts)
        reading = keyed_table(raw, TableSpec(folder), name=name, leading=known)
    name = collected.add_table(reading.table, folder)
    broken = dict(unreadable)
    for path in parts:
        if path in broken:
            collected.add_file(path, name, FileStatus.UNREADABLE, "not a readable part")
        else:
            collected.add_file(path, name)
    collected.findings += [*reading.findings, *(f"not read: {text}" for _, text in unreadable)]


def _read_file(
    spec: TableSpec, collected: Collected, known: Leading | None, held: object = None
) -> None:
    name = shown(spec.path.name)
    reading = _as_tuples([(spec.path, {})], spec, name, collected, held) if not spec.url else None
    if reading is None:
        reading = read_table(spec, name=name, leading=known)
    name = collected.add_table(reading.table, spec.path)
    status = FileStatus.FLAGGED if reading.flagged else FileStatus.READ
    collected.add_file(spec.path, name, status, "read with findings" if reading.flagged else "")
    for what, count in reading.beside.items():
        collected.count(f"unread_{what}", count)
    collected.beside += (replace(each, source=name) for each in reading.extras)
    collected.findings += reading.findings


def _as_tuples(
    files: Sequence[tuple[Path, Mapping[str, str]]],
    spec: TableSpec,
    name: str,
    collected: Collected,
    held: object = None,
) -> TableReading | None:
    """Read a large table of image metadata as tuples; None where it is read as it is.

    What is held stays as long as the table may be read again.
    """
    if collected.whole:
        return None
    stored = stored_table(files, spec, name)
    if stored is None:
        return None
    stored = replace(stored, held=(stored.held, held))
    leads = not any(table.kind in IMAGING_KINDS for table in collected.tables)
    reading = read_tuples(stored, spec, name=name, where=collected.where if leads else "")
    if reading is not None and leads:
        collected.where = ""
    return reading


def _read_dicom(
    paths: list[str | Path],
    at: int,
    collected: Collected,
    jobs: int | None,
    progress: Callable[[int, int | None], None] | None,
    store: Path | None,
    payloads: bool,
) -> None:
    from midi_risk.sources.scan.scan import read_dicom  # noqa: PLC0415
    from midi_risk.sources.scan.store import by_series, findings  # noqa: PLC0415

    for path in paths:
        collected.roots.append(_root(str(path)))
        if "://" not in str(path) and Path(path).is_dir() and not _any_file(Path(path)):
            raise SourceError(f"{shown(path)} holds no file", hint="Check the path")
    reading = read_dicom(paths, jobs=jobs, progress=progress, store=store, payloads=payloads)
    unread = pc.is_in(reading.files["status"], text_array((FileStatus.NOT_DICOM,)))
    left = [
        name
        for batch in reading.files.filter(unread).to_batches()
        for name in batch["path"].to_pylist()
    ]
    like_tables = [name for name in left if looks_like_table(Path(name))]
    if reading.table is None:
        named = ", ".join(shown(path) for path in paths)
        hint = (
            f"{counted(len(like_tables), 'file')} there look like tables: name the file itself"
            if like_tables
            else "Known: DICOM files, BIDS and CDISC folders, metadata tables"
        )
        raise SourceError(
            f"{named}: no readable DICOM among {counted(reading.files.num_rows, 'file')}"
            f"{_why(reading.files)}",
            hint=hint,
        )
    table = by_series(reading.table)
    collected.tables.insert(at, table)
    collected.file_tables.append(reading.files)
    collected.findings += reading.findings
    if table is not reading.table:
        collected.findings += findings(table.rows.num_rows, reading.table.rows.num_rows)
    collected.facts.update(reading.facts)
    collected.elements.update(reading.elements)
    collected.instances = reading.instances
    _count_unread_instances(paths, reading.files, collected)
    collected.ask_for(like_tables, "the images")
    collected.leave_unread(name for name in left if not looks_like_table(Path(name)))


def _count_unread_instances(
    paths: Sequence[str | Path], files: pa.Table, collected: Collected
) -> None:
    """Count the instances of DICOMweb services of whose series one was read."""
    for path in paths:
        if not is_dicomweb(path):
            continue
        root = shown_url(str(path))
        of_service = pc.starts_with(files["path"].cast(pa.string()), f"{root}/studies/")
        try:
            left = unread_instances(str(path), int(pc.sum(of_service).as_py() or 0))
        except RemoteError:
            left = 1
        collected.count("unread_instances", left)
        if left:
            collected.findings.append(
                f"{root}: one instance of each series was read, {counted(left, 'instance')} not;"
                " add ?instances=all to read every one"
            )


def _root(path: str) -> str:
    """Return how the paths of the files below a source begin."""
    return (shown_url(path) if is_url(path) else printable(path)).rstrip("/")


def _why(files: pa.Table) -> str:
    """Return the most frequent reasons for which files were not read."""
    met = Counter(reason for reason in files.column("reason").to_pylist() if reason)
    told = ", ".join(f"{reason}: {count:,}" for reason, count in met.most_common(3))
    return f" ({told})" if told else ""


def _places(tables: Sequence[str | Path | TableSpec]) -> frozenset[str]:
    """Return where the files of linked tables lie."""
    given = [TableSpec.parse(table) for table in tables]
    return frozenset(str(spec.path.resolve()) for spec in given if not spec.url)


def _any_file(folder: Path) -> bool:
    return any(files for _, _, files in os.walk(folder))

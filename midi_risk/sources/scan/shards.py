"""Shards of a scan: parts of one list of files, read anywhere, in any order, and merged.

The list is written once. A shard takes every n-th block of it, so that all shards have a share of
every folder; the members of a gzipped tar, which can only be read from its beginning, stay in one.
Each shard is a scan store of its own, with its own lock, and so resumes like any other. Merging
links its parts into the store that `midi-risk extract` fills: whoever writes parts takes part. What
is merged twice counts once, what is missing is read by the next extraction.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from midi_risk.document.files import file_sha256, write_private
from midi_risk.errors import OutputError, SourceError
from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.files.listing import (
    NAME,
    Listed,
    cause_of,
    listed_in,
    listing_batches,
    write_listing,
)
from midi_risk.sources.files.listing import printable as shown_path
from midi_risk.sources.model import FileStatus
from midi_risk.sources.scan.scan import scan_into
from midi_risk.sources.scan.store import Census, ScanStore, take_census

BLOCK = 1_024
"""Most files of a list that go to one shard together."""
_BLOCKS_EACH = 8
"""Blocks that each shard has at least, where the list is long enough."""

_FOLDER = re.compile(r"shard-(\d{4,})-of-(\d{4,})\Z")
_ABOUT = "shard.json"


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a list of files.

    Parameters
    ----------
    number : int
        From 1.
    of : int
        How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that a text such as ``3/64`` names.

        Parameters
        ----------
        text : str

        Raises
        ------
        SourceError
            When it names none.

        Examples
        --------
        >>> Shard.parse("3/64")
        Shard(number=3, of=64)
        """
        match = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", text)
        shard = cls(int(match[1]), int(match[2])) if match else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise SourceError(
                "a shard is a number and how many there are, such as 3/64",
                hint="Numbers begin at 1",
            )
        return shard

    @property
    def folder(self) -> str:
        """Name of its store.

        Examples
        --------
        >>> Shard(3, 64).folder
        'shard-0003-of-0064'
        """
        return f"shard-{self.number:04d}-of-{self.of:04d}"

    def takes(self, block: int) -> bool:
        """Tell whether a block of the list is its own.

        Parameters
        ----------
        block : int
            From 0.
        """
        return block % self.of == self.number - 1

    def __str__(self) -> str:
        """Return it as it is given."""
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a merge found.

    Parameters
    ----------
    shards : int
        Shards that were merged.
    of : int
        Shards that the list was divided into; 0 when there is none.
    missing : tuple of int
        Numbers of those that nobody has begun.
    listed, left, unreadable : int
        Files of the list, those that no shard has met, and those that could not be read.
    """

    shards: int
    of: int
    missing: tuple[int, ...]
    listed: int
    left: int
    unreadable: int

    @property
    def complete(self) -> bool:
        """Whether every file was met."""
        return not self.left


def list_once(store: Path, paths: Sequence[str | Path]) -> int:
    """Write the list of files that shards divide.

    Parameters
    ----------
    store : Path
        Folder of the project's store; made when it does not exist.
    paths : sequence of str or Path
        Sources of DICOM files.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    SourceError
        When a path does not exist.
    OutputError
        When the folder cannot be written.
    """
    files = list_inputs(paths)
    try:
        store.mkdir(parents=True, exist_ok=True, mode=0o700)
        return write_listing(store, files)
    except OSError as error:
        raise OutputError(
            f"the scan store {shown_path(str(store))} cannot be written: {cause_of(error)}",
            hint="Choose another folder for the project",
        ) from None


def files_of(store: Path, shard: Shard) -> Iterator[Listed]:
    """Yield the files of one shard, in the order of the list.

    Parameters
    ----------
    store : Path
        Folder of the project's store, with the list in it.
    shard : Shard

    Yields
    ------
    Listed
    """
    total = pq.read_metadata(store / NAME).num_rows
    size = max(1, min(BLOCK, total // (_BLOCKS_EACH * shard.of)))
    place = 0
    stream, block = b"", 0
    for batch in listing_batches(store):
        for listed in listed_in(batch):
            same = listed.inside.startswith("tgz:") and listed.path == stream
            if not same:
                block = place // size
            stream = listed.path if listed.inside.startswith("tgz:") else b""
            if shard.takes(block):
                yield listed
            place += 1


def read_shard(
    store: Path,
    shard: Shard,
    *,
    jobs: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    payloads: bool = False,
) -> tuple[Counter[str], tuple[str, ...]]:
    """Read the files of one shard into its own store; what it holds already is not read again.

    Parameters
    ----------
    store : Path
        Folder of the project's store, with the list in it.
    shard : Shard
    jobs, progress, payloads
        As for `midi_risk.sources.scan.scan.read_dicom`.

    Returns
    -------
    files : Counter of str
        Status -> files of the shard.
    findings : tuple of str
        What the readers noticed.

    Raises
    ------
    SourceError
        When there is no list, the shard is of another one, or somebody else reads it.
    OutputError
        When its store cannot be written.
    """
    digest = _digest(store)
    folder = store / shard.folder
    _check_list(folder, digest, str(shard))
    with closing(ScanStore(folder, payloads=payloads)) as own:
        _note(folder, digest)
        files = files_of(store, shard)
        census, said = scan_into(own, files, jobs=jobs, progress=progress, payloads=payloads)
        return _statuses(census), said


def merge_shards(store: Path) -> Merged:
    """Take the parts of all shards into the project's store.

    Parameters
    ----------
    store : Path
        Folder of the project's store, with the list and the shards in it.

    Returns
    -------
    Merged

    Raises
    ------
    SourceError
        When there is no list or no shard, when shards are of another list, of different divisions
        or of another version of midi-risk, or when somebody uses a store.
    OutputError
        When the store cannot be written; what was merged before stays.
    """
    digest = _digest(store)
    found = _shards(store)
    for shard in found:
        _check_list(store / shard.folder, digest, str(shard))
    of = found[0].of
    best: Counter[str] | None = None
    for payloads in (False, True):
        with_readings = [s for s in found if _has_store(store / s.folder, payloads=payloads)]
        if not with_readings:
            continue
        with closing(ScanStore(store, payloads=payloads)) as target:
            for shard in with_readings:
                with closing(ScanStore(store / shard.folder, payloads=payloads)) as own:
                    _take(target, own)
            listed = write_listing(target.folder, _all_files(store))
            files = _statuses(take_census(target.folder, target.parts(), listed))
            best = files if best is None or files[""] < best[""] else best
    numbers = {shard.number for shard in found}
    files = best or Counter()
    return Merged(
        shards=len(found),
        of=of,
        missing=tuple(n for n in range(1, of + 1) if n not in numbers),
        listed=files.total(),
        left=files[""],
        unreadable=files[FileStatus.UNREADABLE.value],
    )


def _statuses(census: Census) -> Counter[str]:
    """Return the number of files by status, "" for those that were not met."""
    files: Counter[str] = Counter()
    for _, rows in census.rows():
        for item in rows["_status"].value_counts().to_pylist():
            files[item["values"]] += item["counts"]
    return files


def _all_files(store: Path) -> Iterator[Listed]:
    for batch in listing_batches(store):
        yield from listed_in(batch)


def _digest(store: Path) -> str:
    """Return the digest of the list."""
    try:
        return file_sha256(store / NAME)
    except FileNotFoundError:
        raise SourceError(
            "there is no list of files to divide into shards",
            hint="Write it once with 'midi-risk list PROJECT', where all sources can be seen",
        ) from None
    except OSError as error:
        raise SourceError(f"the list of files cannot be read: {cause_of(error)}") from None


def _shards(store: Path) -> list[Shard]:
    """Return the shards that somebody began, of one division and this version."""
    found = []
    for path in sorted(store.iterdir()):
        match = _FOLDER.match(path.name)
        if match and path.is_dir():
            found.append(Shard(int(match[1]), int(match[2])))
    if not found:
        raise SourceError(
            "there is no shard to merge",
            hint="Read one with 'midi-risk extract PROJECT --shard 1/8'",
        )
    divisions = sorted({shard.of for shard in found})
    if len(divisions) > 1:
        several = " and ".join(str(of) for of in divisions[:3])
        raise SourceError(
            f"the shards divide the list into {several}: one division is needed",
            hint=f"Remove the folders of the others in {shown_path(str(store))}",
        )
    for shard in found:
        folder = store / shard.folder
        if not any(_has_store(folder, payloads=payloads) for payloads in (False, True)):
            raise SourceError(
                f"shard {shard} was read by another version of midi-risk, or not at all",
                hint=f"Read it again with this version: midi-risk extract PROJECT --shard {shard}",
            )
    return found


def _has_store(folder: Path, *, payloads: bool) -> bool:
    return (folder / ScanStore.name(payloads=payloads)).is_dir()


def _check_list(folder: Path, digest: str, shard: str) -> None:
    """Refuse a shard of another list."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        known = about["listing"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        known = ""
    if known != digest:
        raise SourceError(
            f"shard {shard} was read of another list of files",
            hint=f"Remove the folder {folder.name} of the store, and read the shard again",
        )


def _note(folder: Path, digest: str) -> None:
    """Say which list a shard is of; whole or not at all."""
    write_private(folder / _ABOUT, json.dumps({"listing": digest}))


def _take(target: ScanStore, own: ScanStore) -> None:
    """Link, or copy, what a shard has read: contents first, since parts name them."""
    try:
        for path in sorted(own.folder.glob("contents-*.parquet")):
            _place(path, target.folder / target.new_name("contents"))
        for path in own.parts():
            if not pq.read_metadata(path).num_rows:
                continue
            _place(path, target.generation / target.new_name("part"))
    except OSError as error:
        raise OutputError(
            f"the shards cannot be merged: {cause_of(error)}",
            hint="Free some space and merge again; nothing is lost",
        ) from None


def _place(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it under a temporary one where that cannot be."""
    temporary = target.with_name(target.name + ".tmp")
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o600)
    temporary.replace(target)

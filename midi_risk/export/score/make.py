"""`score make`: choose objects of a collection, plant, and write copies and key."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.config import OPTIONS
from midi_risk.document.files import write_private
from midi_risk.errors import ConfigError, OutputError, SourceError, reason_of
from midi_risk.export.score.plant import plant
from midi_risk.export.score.tokens import Tokens, found_in
from midi_risk.sources.files.archives import ArchiveError
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.look import opened
from midi_risk.sources.inspection.run import objects_in
from midi_risk.sources.scan.one_file import read_content

KEY_FILE = "key.json"
IMAGES = "images"
VERSION = 1
_LARGEST = 256 << 20


def choose(
    listed: Sequence[Listed], files: int, types: Iterable[str], seed: int
) -> list[tuple[Listed, str]]:
    """Return files to plant in, modality by modality in turn, so that rare kinds are there.

    Parameters
    ----------
    listed : sequence of Listed
    files : int
        At most so many.
    types : iterable of str
        Modalities; empty for all.
    seed : int
    """
    wanted = {name.strip().upper() for name in types if name.strip()}
    order = np.random.default_rng(seed).permutation(len(listed)).tolist()
    queues: dict[tuple[str, str], list[Listed]] = {}
    for place in order:
        item = listed[place]
        if item.size > _LARGEST:
            continue
        modality, syntax = _kind_of(item)
        if not wanted or modality in wanted:
            queues.setdefault((modality, syntax), []).append(item)
    chosen: list[tuple[Listed, str]] = []
    while queues and len(chosen) < files:
        for kind in sorted(queues):
            chosen.append((queues[kind].pop(), kind[0]))
            if not queues[kind]:
                del queues[kind]
            if len(chosen) == files:
                break
    return chosen


def _kind_of(listed: Listed) -> tuple[str, str]:
    def of(read_at: Any, size: int) -> tuple[str, str]:
        header = read_content(listed, read_at, size).header
        if header is None:
            return "", ""
        return header.get("Modality").strip().upper(), header.get("TransferSyntaxUID")

    try:
        return opened(listed, of)
    except (OSError, ArchiveError):
        return "", ""


def bytes_of(listed: Listed) -> bytes:
    """Return all bytes of a listed file; none where it cannot be read."""
    try:
        return opened(listed, lambda read_at, size: bytes(read_at(0, size)))
    except (OSError, ArchiveError):
        return b""


def make_copies(
    sources: Sequence[str],
    folder: Path,
    *,
    files: int = 200,
    types: Iterable[str] = (),
    options: Sequence[str] = (),
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write copies with canaries into ``images`` and the key beside it.

    Parameters
    ----------
    sources : sequence of str
        Files or folders.
    folder : pathlib.Path
        Made; must not hold anything.
    files : int
        At most so many copies.
    types : iterable of str
        Modalities.
    options : sequence of str
        Codes of the options of PS3.15 that the process claims.
    seed : int
    progress : callable, optional
        Told how many of how many.

    Returns
    -------
    dict
        The key.

    Raises
    ------
    ConfigError
        When an option does not exist.
    SourceError
        When no object can be planted in.
    OutputError
        When the folder holds something or cannot be written.
    """
    unknown = [code for code in options if code not in OPTIONS]
    if unknown:
        raise ConfigError("command line", [f"--option {c}: no code of CID 7050" for c in unknown])
    if folder.exists() and any(folder.iterdir()):
        raise OutputError(f"'{folder}' is not empty", hint="Name a new folder with -o")
    chosen = choose(objects_in(list(sources)), files, types, seed)
    contents = {number: bytes_of(item) for number, (item, _) in enumerate(chosen)}
    taken = {token for content in contents.values() for token in found_in(content)}
    tokens, lines = Tokens(seed, taken), []
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        for number, (_, modality) in enumerate(chosen):
            made = plant(contents.pop(number), tokens, number=number, options=options)
            if made is not None:
                name = f"{number:04d}.dcm"
                (folder / IMAGES / name).write_bytes(made.content)
                lines.append({"file": name, "modality": modality, **made.line})
            if progress is not None:
                progress(number + 1, len(chosen))
    except OSError as error:
        raise OutputError(f"cannot write into '{folder}': {reason_of(error)}") from None
    if not lines:
        raise SourceError("no DICOM object here can be read and planted in")
    key = {
        "version": VERSION, "key": "canaries", "made": datetime.now(UTC).date().isoformat(),
        "seed": seed, "options": list(options), "files": lines,
    }  # fmt: skip
    write_private(folder / KEY_FILE, json.dumps(key, indent=1, sort_keys=True) + "\n")
    os.chmod(folder / KEY_FILE, 0o600)  # noqa: PTH101
    return key


def read_key(path: Path) -> tuple[dict[str, Any], str]:
    """Return a key of canaries and its digest.

    Raises
    ------
    ConfigError
        When it is none.
    """
    try:
        content = path.read_bytes()
        key = json.loads(content)
        if key["version"] != VERSION or key["key"] != "canaries":
            raise ValueError  # noqa: TRY301 - one way out for every file that is none
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {reason_of(error)}"]) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            str(path), ["no key of 'score make' and no answer key of MIDI-B"]
        ) from None
    return dict(key), hashlib.sha256(content).hexdigest()

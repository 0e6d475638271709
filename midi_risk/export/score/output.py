"""The output of a de-identification tool: its files, and which of them is which of the key."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from midi_risk.errors import ConfigError, SourceError, reason_of
from midi_risk.export.dicom.one_copy import quiet
from midi_risk.export.score.plant import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One file that the tool wrote.

    Parameters
    ----------
    path : pathlib.Path
    name : str
        Relative to the output folder.
    data_set : pydicom.Dataset or None
        None where it is no object that can be read.
    content : bytes
        What is searched: the file, inflated where it is deflated.
    """

    path: Path
    name: str
    data_set: Dataset | None
    content: bytes

    @property
    def instance(self) -> str:
        """Its SOP Instance UID."""
        return "" if self.data_set is None else str(self.data_set.get("SOPInstanceUID", ""))


def outputs(folder: Path) -> Iterator[Made]:
    """Yield every file of the output.

    Raises
    ------
    SourceError
        When there is no such folder.
    """
    if not folder.is_dir():
        raise SourceError(f"there is no folder '{folder}'", hint="Name what the tool wrote")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                content = path.read_bytes()
            except OSError as error:
                raise SourceError(f"'{path}' cannot be read: {reason_of(error)}") from None
            yield _made(path, path.relative_to(folder).as_posix(), content)


def _made(path: Path, name: str, content: bytes) -> Made:
    with quiet():
        try:
            data_set: Dataset | None = pydicom.dcmread(io.BytesIO(content))
            meta = getattr(data_set, "file_meta", {})
            if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
                content = content[:132] + _inflated(content)
        except Exception:  # noqa: BLE001 - pydicom raises anything on what is not understood
            data_set = None
    return Made(path=path, name=name, data_set=data_set, content=content)


def _inflated(content: bytes) -> bytes:
    """Return the object as it is when it is not deflated."""
    data_set = pydicom.dcmread(io.BytesIO(content))
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    pydicom.dcmwrite(out, data_set, enforce_file_format=False)
    return out.getvalue()


def read_mapping(paths: Sequence[Path]) -> dict[str, str]:
    """Return old -> new identifiers of mapping files with ``id_old`` and ``id_new``.

    Raises
    ------
    ConfigError
        When a file cannot be read or names none; no identifier of it is named.
    """
    found: dict[str, str] = {}
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as handle:
                rows = csv.DictReader(handle)
                if not {"id_old", "id_new"} <= set(rows.fieldnames or ()):
                    raise ConfigError(str(path), ["columns id_old and id_new are expected"])
                for row in rows:
                    old, new = (row["id_old"] or "").strip(), (row["id_new"] or "").strip()
                    if old and new:
                        found[old.strip("<>")] = new.strip("<>")
        except OSError as error:
            raise ConfigError(str(path), [f"cannot be read: {reason_of(error)}"]) from None
        except (UnicodeDecodeError, csv.Error):
            raise ConfigError(str(path), ["not CSV in UTF-8"]) from None
    return found


def matched(
    lines: Sequence[Mapping[str, Any]], made: Sequence[Made], mapping: Mapping[str, str]
) -> dict[str, Made]:
    """Return the output of each file of the key: by mapping, name, UID, or its pixels.

    A digest of pixels that several files of the key share tells nothing and is not used.
    """
    by_name = {one.name: one for one in made}
    by_base = {Path(one.name).stem: one for one in made}
    by_uid = {one.instance: one for one in made if one.instance}
    shared: dict[str, int] = {}
    for line in lines:
        shared[line["fingerprint"]] = shared.get(line["fingerprint"], 0) + 1
    by_pixels = {
        print_: one for one in made
        if one.data_set is not None and (print_ := fingerprint(one.data_set))
    }  # fmt: skip
    found: dict[str, Made] = {}
    for line in lines:
        name, old = line["file"], line["sop_instance"]
        new = mapping.get(old, "") or mapping.get(name, "")
        only = shared[line["fingerprint"]] == 1
        candidates = (
            by_uid.get(new) or by_name.get(new),
            by_name.get(name),
            by_base.get(Path(name).stem),
            by_uid.get(old),
            by_pixels.get(line["fingerprint"]) if only else None,
        )
        one = next((c for c in candidates if c is not None), None)
        if one is not None:
            found[name] = one
    return found

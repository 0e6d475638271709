"""Follow one age through the package: which modules hold it, from the file to the verdict.

    python tools/trip.py [--to verdict|release]

makes a small collection in a temporary folder, runs the program on it in this process, and
notes every function of `midi_risk` that is given or returns something which holds the age of
one subject: as text of the header, as a number, as a band, inside a record, a column or a
frame, or as part of an equivalence class, a figure or the verdict. Modules are printed in the
order in which the age first meets them, with the number of such functions. A function that is
handed the whole collection (an extraction, a subject table) without its columns does not count:
the age passes it by in a closed box. Nor do the pages that are made about it on the way: reports
and the tuning page.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

import midi_risk as mr
from midi_risk.cli import main

AGE = 83
FORMS = {f"{AGE:03d}Y", str(AGE), f"{AGE}.0", "80-84", "80 to 84", "80-89"}
"""How the age may be written between the header and the release."""
MADE_OF_IT = {
    "AdversaryRisk", "EquivalenceClasses", "LatticeColumns", "RiskEstimate", "Solution", "Verdict",
}  # fmt: skip
"""Types that are made of every subject's values, although the value itself is a code there."""
PAGES = ("midi_risk.report", "midi_risk.tune")
CLOSED = {"Assessment", "Extraction", "SourceTable", "SubjectTable"}
"""Types that hold the whole collection."""
TEXTS = {pa.string(), pa.dictionary(pa.int32(), pa.string())}
LONGEST = 12
DEPTH = 4
MOST = 64


def text_holds(text: str) -> bool:
    """Tell whether a short text is the age in one of its forms."""
    return len(text) < 12 and text.strip() in FORMS


def cells(value: Any) -> list[Any]:
    """Return cells of an array, a column or a frame that may be ages; none of other things."""
    if isinstance(value, pd.DataFrame):
        return [cell for name in list(value.columns)[:MOST] for cell in cells(value[name])]
    if isinstance(value, pa.Table | pa.RecordBatch):
        return [cell for column in value.columns for cell in cells(column)]
    if isinstance(value, pd.Series | pd.Index):
        value = value.to_numpy()
    if isinstance(value, np.ndarray) and value.dtype.kind in "Of":
        return list(value.ravel()[:MOST].tolist())
    if isinstance(value, pa.Array | pa.ChunkedArray) and value.type in TEXTS:
        return list(value[:MOST].to_pylist())
    return []


def is_age(value: Any) -> bool:
    """Tell whether a single value is the age in one of its forms."""
    if isinstance(value, bytes):
        value = value.decode("latin-1") if len(value) < LONGEST else ""
    if isinstance(value, str):
        return len(value) < LONGEST and value.strip() in FORMS
    return isinstance(value, float) and value == AGE


def holds(value: Any, depth: int = DEPTH) -> bool:
    """Tell whether a value holds the age, itself or in what it is made of."""
    name = type(value).__name__
    if name in MADE_OF_IT or is_age(value):
        return True
    if depth == 0 or name in CLOSED:
        return False
    inside = cells(value)
    if isinstance(value, dict):
        inside = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        inside = list(value)
    elif is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, field.name, None) for field in fields(value)]
    return any(holds(part, depth - 1) for part in inside[:MOST])


class Trip:
    """Modules and functions that held the age, in the order of their first meeting."""

    def __init__(self) -> None:
        self.met: dict[str, dict[str, None]] = {}
        self._inside = False

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Look at what a function of the package is given or returns."""
        module = frame.f_globals.get("__name__", "")
        if self._inside or event not in {"call", "return"}:
            return
        if not module.startswith("midi_risk") or module.startswith(PAGES):
            return
        name = frame.f_code.co_qualname
        if name in self.met.get(module, ()) or name == "<module>":
            return
        self._inside = True
        try:
            code = frame.f_code
            given = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            values = [frame.f_locals.get(n) for n in given] if event == "call" else [argument]
            with contextlib.suppress(Exception):
                if any(holds(value) for value in values):
                    self.met.setdefault(module, {})[name] = None
        finally:
            self._inside = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch everything that runs inside."""
        sys.setprofile(self.profile)
        try:
            yield
        finally:
            sys.setprofile(None)


def make_collection(folder: Path) -> Path:
    """Write a dozen CT objects, one of somebody of that age, and a project file."""
    images = folder / "images"
    images.mkdir()
    for number in range(12):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["object", str(number)])
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        item = Dataset()
        item.file_meta = meta
        item.SOPClassUID, item.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        item.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(number)])
        item.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(number)])
        item.PatientID, item.PatientSex, item.Modality = f"P{number:02d}", "F", "CT"
        item.PatientAge = f"{AGE if number == 0 else 40 + number:03d}Y"
        item.save_as(images / f"{number}.dcm", enforce_file_format=True)
    project = folder / "midi-risk.yaml"
    project.write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: trip, sources: [{dicom: images/}]}\n"
        "threat_models: [public-release]\n"
        "attributes:\n"
        "  PatientAge: {role: quasi_identifier, hierarchy: age}\n"
        "  PatientSex: {role: quasi_identifier}\n",
        encoding="utf-8",
    )
    return project


def run(*arguments: str) -> None:
    """Run the command line in this process, silently."""
    silent = io.StringIO()
    with (
        contextlib.redirect_stdout(silent),
        contextlib.redirect_stderr(silent),
        contextlib.suppress(SystemExit),
    ):
        main(list(arguments))


def to_the_verdict(project: str) -> None:
    """Read, fold and assess, as `midi-risk assess` does before it suggests anything."""
    extraction = mr.extract(Path(project).parent / "images", jobs=1)
    table = mr.fold(extraction, mr.propose(extraction))
    mr.assess(table, threats=["public-release"])


def to_the_release(project: str) -> None:
    """Assess, suggest, and apply the plan."""
    out, release = (str(Path(project).parent / name) for name in ("out", "release"))
    run("assess", project, "-o", out, "--jobs", "1", "--quiet")
    run("suggest", project, "-o", out, "--jobs", "1", "--quiet")
    plan = str(Path(out) / "plan.json")
    run("apply", project, "--plan", plan, "-o", release, "--jobs", "1", "--quiet")


def travel(to: str) -> Trip:
    """Run the program in this process and return where the age came by."""
    trip = Trip()
    with tempfile.TemporaryDirectory() as place:
        project = str(make_collection(Path(place)))
        with trip.watching():
            {"verdict": to_the_verdict, "release": to_the_release}[to](project)
    return trip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", choices=["verdict", "release"], default="verdict")
    found = travel(parser.parse_args().to).met
    width = max(len(module) for module in found)
    for module, functions in found.items():
        print(f"{module:<{width}}  {len(functions):3d}  {', '.join(list(functions)[:4])}")
    print(f"{len(found)} modules, {sum(map(len, found.values()))} functions")

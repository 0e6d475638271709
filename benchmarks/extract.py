"""Header extraction beside the usual pydicom loop; kills of a running scan; a re-scan.

    python benchmarks/extract.py [--ct 5000] [--mixed 20000] [--kill 20000] [--data DIR]

Prints a table and JSON. CPU seconds of one process; the page cache is warm as every set
is read once before. The peer reads every n-th file only and is scaled.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
from extract_data import data_set, generate, write

from midi_risk.sources.chunks import read_chunk
from midi_risk.sources.dicom import read_dicom
from midi_risk.sources.inputs import chunks_of
from midi_risk.sources.listing import Listed, list_files
from midi_risk.sources.pool import Pool

ATTRIBUTES = [
    "SpecificCharacterSet", "ImageType", "InstanceCreationDate", "InstanceCreationTime",
    "SOPClassUID", "SOPInstanceUID", "StudyDate", "SeriesDate", "AcquisitionDate",
    "ContentDate", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime",
    "AccessionNumber", "Modality", "Manufacturer", "InstitutionName",
    "ReferringPhysicianName", "StationName", "StudyDescription", "SeriesDescription",
    "InstitutionalDepartmentName", "OperatorsName", "ManufacturerModelName", "PatientName",
    "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "PatientIdentityRemoved", "BodyPartExamined", "KVP",
    "DeviceSerialNumber", "SoftwareVersions", "ProtocolName", "XRayTubeCurrent", "Exposure",
    "StudyInstanceUID", "SeriesInstanceUID", "StudyID", "SeriesNumber", "InstanceNumber",
    "ImagePositionPatient", "FrameOfReferenceUID", "PixelSpacing", "BurnedInAnnotation",
]  # fmt: skip
SAMPLE = 1000


def cpu() -> float:
    """CPU seconds of this process."""
    return time.process_time()


def best(work: Callable[[], object], turns: int = 3) -> float:
    """Least CPU seconds of some turns."""
    spent = []
    for _ in range(turns):
        start = cpu()
        work()
        spent.append(cpu() - start)
    return min(spent)


def ours(files: list[Listed]) -> None:
    """Read every file into Arrow batches, with all columns of the catalogue."""
    for chunk in chunks_of(iter(files), 256):
        read_chunk(chunk)


def peer(files: list[Listed]) -> None:
    """Do what everybody writes."""
    for item in files:
        ds = pydicom.dcmread(os.fsdecode(item.path), stop_before_pixels=True)
        for name in ATTRIBUTES:
            ds.get(name)


def one_set(folder: Path) -> dict[str, float]:
    """Compare on one set."""
    files = [item for item in list_files([folder]) if item.path.endswith(b".dcm")]
    few = files[:: max(1, len(files) // SAMPLE)]
    ours(files)
    mine = len(files) / best(lambda: ours(files))
    theirs = len(few) / best(lambda: peer(few), 2)
    mine = max(mine, len(files) / best(lambda: ours(files), 2))
    return {
        "files": len(files),
        "ours_per_cpu_s": round(mine),
        "pydicom_per_cpu_s": round(theirs),
        "ratio": round(mine / theirs, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def processes(folder: Path) -> dict[str, float]:
    """Wall seconds of one and two worker processes over the same files, four times over."""
    files = list(list_files([folder])) * 4
    wall: dict[int, float] = {}
    for jobs in (1, 2, 1, 2):
        start = time.perf_counter()
        for _ in Pool(jobs).run(chunks_of(iter(files), 256)):
            pass
        spent = time.perf_counter() - start
        wall[jobs] = min(spent, wall.get(jobs, spent))
    return {
        "files": len(files),
        "wall_s_one": round(wall[1], 2),
        "wall_s_two": round(wall[2], 2),
        "ratio": round(wall[1] / wall[2], 2),
    }


SCAN = """
import sys
from pathlib import Path
from midi_risk.sources import chunks, dicom
log = open(sys.argv[3], "ab", buffering=0)
plain = chunks.read_local
def counted(listed, *, payloads=False):
    log.write(b"x")
    return plain(listed, payloads=payloads)
chunks.read_local = counted
dicom.read_dicom([sys.argv[1]], store=Path(sys.argv[2]), jobs=1)
"""


def many_files(folder: Path, count: int) -> Path:
    """Write many small files from one template."""
    target = folder / f"many-{count}"
    if (target / ".done").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    ds = data_set("small-ct", random.Random(1), 0, 0)  # noqa: S311 - test data
    ds.SOPInstanceUID = "1.2.826.0.1.3680043.10.1338.77770000000"
    ds.PatientID = "PATIENT-7777"
    first = folder / "template.dcm"
    write(first, ds, implicit=True, pixels=256)
    content = first.read_bytes()
    for number in range(count):
        inside = target / f"{number // 1000:04d}"
        inside.mkdir(exist_ok=True)
        body = content.replace(b"77770000000", f"7777{number:07d}".encode())
        body = body.replace(b"PATIENT-7777", f"PATIENT-{number // 100 % 10000:04d}".encode())
        (inside / f"{number:07d}.dcm").write_bytes(body)
    (target / ".done").touch()
    return target


def kills(folder: Path, wanted: int = 20) -> dict[str, object]:
    """Kill a scan at random moments until it is done; compare with an undisturbed one."""
    chance = random.Random(3)  # noqa: S311 - moments
    with tempfile.TemporaryDirectory() as scratch:
        store, log = Path(scratch) / "store", Path(scratch) / "log"
        whole = read_dicom([folder], store=Path(scratch) / "whole", jobs=1)
        command = [sys.executable, "-c", SCAN, str(folder), str(store), str(log)]
        killed = 0
        while killed < wanted:
            process = subprocess.Popen(command)
            before = log.stat().st_size if log.exists() else 0
            until = before + chance.randrange(1, 1800)
            while process.poll() is None and (not log.exists() or log.stat().st_size < until):
                time.sleep(0.002)
            process.kill()
            if process.wait() != -signal.SIGKILL:
                break
            killed += 1
        final = read_dicom([folder], store=store, jobs=1)
        read = log.stat().st_size
        key = ["PatientID", "SeriesInstanceUID", "_instances"]
        same = final.files.equals(whole.files) and final.facts == whole.facts
        same = same and final.table.rows.select(key).equals(whole.table.rows.select(key))
        start = time.perf_counter()
        read_dicom([folder], store=store, jobs=1)
        again = time.perf_counter() - start
        size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
        count = final.files.num_rows
    return {
        "files": count,
        "kills": killed,
        "read_before_the_last_run": read,
        "final_equals_undisturbed": bool(same),
        "rescan_wall_s": round(again, 2),
        "store_bytes_per_file": round(size / count),
    }


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--ct", type=int, default=5000)
    parser.add_argument("--mixed", type=int, default=20000)
    parser.add_argument("--kill", type=int, default=20000)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "midi-bench")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    result: dict[str, object] = {}
    for name, count in (("ct", asked.ct), ("mixed", asked.mixed)):
        if count:
            folder = generate(asked.data, name, count)
            result[name] = one_set(folder)
            print(name, result[name], flush=True)
    if asked.kill:
        result["processes"] = processes(many_files(asked.data, asked.kill))
        print("processes", result["processes"], flush=True)
        result["kills"] = kills(many_files(asked.data, asked.kill))
        print("kills", result["kills"], flush=True)
    print(json.dumps(result))


if __name__ == "__main__":
    main()

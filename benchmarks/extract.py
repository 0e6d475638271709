"""Header extraction beside the usual pydicom loop and other readers; storage; kills of a scan.

    python benchmarks/extract.py [--ct 5000] [--mixed 20000] [--kill 20000] [--cold 2000]
                                 [--remote 400] [--data DIR]

Prints tables in Markdown, then JSON; 0 leaves a part out. CPU seconds of one process; the
page cache is warm as every set is read once before. Two rows are ours: one pass in a new
process that met no layout before, and later passes. Peers read every n-th file only.
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
from functools import partial
from pathlib import Path

from extract_data import data_set, generate, write
from extract_peers import PEERS, ReadOne, peer
from extract_storage import cold, remote_scan

from midi_risk.sources.dicom.nested import identifying_concepts, nested_tags, sequence_tags
from midi_risk.sources.dicom.private import safe_private_elements
from midi_risk.sources.files.inputs import chunks_of
from midi_risk.sources.files.listing import Listed, list_files
from midi_risk.sources.scan.scan import read_dicom
from midi_risk.sources.scan.workers import read_chunk, reader

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


def first_pass(folder: Path) -> None:
    """Print the CPU seconds of one pass over a set, in a process that met none before."""
    files = listed(folder)
    nested_tags(), sequence_tags(), safe_private_elements(), identifying_concepts()
    start = cpu()
    ours(files)
    print(cpu() - start)


def listed(folder: Path) -> list[Listed]:
    """The files of a set."""
    return [item for item in list_files([folder]) if item.path.endswith(b".dcm")]


def each(read: ReadOne, paths: list[str]) -> None:
    """Read every file with a peer."""
    for path in paths:
        read(path)


def peers(files: list[Listed]) -> dict[str, object]:
    """Files per CPU second of every peer, None where it is not installed."""
    few = [os.fsdecode(item.path) for item in files[:: max(1, len(files) // SAMPLE)]]
    rates: dict[str, object] = {}
    for name in PEERS:
        found = peer(name, ATTRIBUTES)
        if found is None:
            rates[name] = None
            continue
        work = partial(each, found[1], few)
        rates[f"{name} {found[0]}"] = round(len(few) / best(work, 2))
    return rates


def one_set(folder: Path) -> dict[str, object]:
    """Compare on one set."""
    files = listed(folder)
    ours(files)
    command = [sys.executable, __file__, "--first-pass", os.fspath(folder)]
    first = min(
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(2)
    )
    mine = len(files) / best(lambda: ours(files))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rates = peers(files)
    mine = max(mine, len(files) / best(lambda: ours(files), 2))
    theirs = next(rate for name, rate in rates.items() if name.startswith("pydicom "))
    return {
        "files": len(files),
        "ours_per_cpu_s": round(mine),
        "ours_first_pass_per_cpu_s": round(len(files) / first),
        "peers_per_cpu_s": rates,
        "ratio": round(mine / theirs, 1),
        "ratio_first_pass": round(len(files) / first / theirs, 1),
        "peak_mb": round(peak),
    }


def show(name: str, found: dict[str, object]) -> None:
    """Print a set's table."""
    base = next(v for k, v in found["peers_per_cpu_s"].items() if k.startswith("pydicom "))
    rows = {
        "midi-risk, layouts learnt": found["ours_per_cpu_s"],
        "midi-risk, first pass": found["ours_first_pass_per_cpu_s"],
        **found["peers_per_cpu_s"],
    }
    print(f"\n| {name}, {found['files']:,} files | files per CPU-s | times pydicom |")
    print("|---|---|---|")
    for what, rate in rows.items():
        times = "" if rate is None else f"{rate / base:.1f}"
        print(f"| {what} | {'not installed' if rate is None else f'{rate:,}'} | {times} |")
    print(f"\npeak memory of ours before any peer ran: {found['peak_mb']} MB\n", flush=True)


def show_plain(name: str, found: dict[str, object]) -> None:
    """Print a part's table."""
    print(f"\n| {name} | |\n|---|---|")
    for what, value in found.items():
        print(f"| {what} | {value} |")
    print(flush=True)


def processes(folder: Path) -> dict[str, float]:
    """Wall seconds of one and two worker processes over the same files, four times over."""
    files = list(list_files([folder])) * 4
    wall: dict[int, float] = {}
    for jobs in (1, 2, 1, 2):
        start = time.perf_counter()
        for _ in reader(jobs).run(chunks_of(iter(files), 256)):
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
from midi_risk.sources.scan import scan, workers
log = open(sys.argv[3], "ab", buffering=0)
plain = workers.read_local
def counted(listed, *, payloads=False):
    log.write(b"x")
    return plain(listed, payloads=payloads)
workers.read_local = counted
scan.read_dicom([sys.argv[1]], store=Path(sys.argv[2]), jobs=1)
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
    parser.add_argument("--cold", type=int, default=2000)
    parser.add_argument("--remote", type=int, default=400)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "midi-bench")
    parser.add_argument("--first-pass", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.first_pass:
        first_pass(asked.first_pass)
        return
    result: dict[str, object] = {}
    for name, count in (("ct", asked.ct), ("mixed", asked.mixed)):
        if count:
            result[name] = one_set(generate(asked.data, name, count))
            show(name, result[name])
    parts: dict[str, Callable[[], dict[str, object]]] = {}
    if asked.cold:
        parts["cold"] = lambda: cold(generate(asked.data, "ct", asked.ct or 5000), asked.cold)
    if asked.remote:
        parts["remote"] = lambda: remote_scan(generate(asked.data, "mixed", asked.remote))
    if asked.kill:
        parts["processes"] = lambda: processes(many_files(asked.data, asked.kill))
        parts["kills"] = lambda: kills(many_files(asked.data, asked.kill))
    for name, part in parts.items():
        result[name] = part()
        show_plain(name, result[name])
    print(json.dumps(result))


if __name__ == "__main__":
    main()

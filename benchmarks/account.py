"""What telling everything that leaves costs: reading with this checkout and with another.

    python benchmarks/account.py --against CHECKOUT [--mixed 20000] [--new 4000]

CHECKOUT holds an earlier midi-risk, such as one from before the account. Both read the same files
in turns, in processes of their own; CPU seconds of the best of three turns are compared. The
mixed set has few layouts, met again and again; in the other set each file has a layout of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

from extract_data import generate
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

READ = """
import sys, time
from pathlib import Path
from midi_risk.sources.files.inputs import list_inputs
from midi_risk.sources.scan.workers import read_chunk
files = list(list_inputs([Path(sys.argv[1])]))
started = time.process_time()
for at in range(0, len(files), 256):
    read_chunk(files[at : at + 256])
print(time.process_time() - started)
"""
TAGS = [0x00189000 + number for number in range(0x20, 0x90)]


def different(folder: Path, count: int) -> Path:
    """Write files of which each has elements that no other has together."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(7)  # noqa: S311 - no secret
    for number in range(count):
        data_set = Dataset()
        data_set.file_meta = FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        data_set.SOPInstanceUID = f"1.2.3.{number}"
        data_set.PatientID = f"p{number % 97}"
        for tag in chance.sample(TAGS, 60):
            data_set.add_new(tag, "LO", "value")
        data_set.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def seconds(checkout: Path, folder: Path) -> float:
    """Return the CPU seconds in which a checkout reads a folder for the first time."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder.resolve())],
        cwd=checkout,  # which Python looks into first of all
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        check=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    """Print the seconds of both, and their ratio, for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("benchmarks/data"))
    parser.add_argument("--mixed", type=int, default=20000)
    parser.add_argument("--new", type=int, default=4000)
    asked = parser.parse_args()
    asked.against = asked.against.resolve()
    here = Path(__file__).resolve().parents[1]
    sets = {
        "mixed, few layouts": generate(asked.data, "mixed", asked.mixed),
        "each a layout of its own": different(asked.data / f"different-{asked.new}", asked.new),
    }
    print("| set | before | with the account | ratio |\n|---|---|---|---|")
    for name, folder in sets.items():
        turns = [(seconds(asked.against, folder), seconds(here, folder)) for _ in range(3)]
        before, now = (min(column) for column in zip(*turns, strict=True))
        print(f"| {name} | {before:.2f} s | {now:.2f} s | {now / before:.2f} |")


if __name__ == "__main__":
    main()

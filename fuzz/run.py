"""Fuzz the readers of files, coverage-guided, with atheris.

    pip install -e '.[fuzz]' pydicom-data
    python fuzz/run.py header --seconds 600 [--corpus FOLDER]... [--state FOLDER]

Targets: ``header`` (the prefix parser against pydicom), ``file`` (one file as a scan reads
it, with limits on time, memory and bytes), ``archive`` (zip, tar and gzipped tar), ``json``
(DICOM JSON and its relatives), ``payload`` (JPEG, JPEG 2000, documents). First inputs are
the files of the pydicom wheel, of pydicom-data where installed, and of the given folders.
What was found interesting is kept in the state folder, and a later run goes on from there.

A finding ends the run with its traceback; the input is written to the state folder. Run it
alone with ``python fuzz/run.py header --replay FILE``. A finding of the long-lived parser
may depend on the inputs before: they lie in ``recent.bin``, and ``--replay recent.bin``
gives them to the parser in their order.
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["midi_risk.sources"]):
    import targets

from corpus import MOST, write_seeds
from mutate import crossed, mutated_elements
from mutate_json import mutated_json

Mutator = Callable[[bytes, int, int], bytes]
EVERY = 5000
_DICOM = {"header", "file"}


def mutator(target: str) -> Mutator:
    """Return the mutation of a target: of whole elements or values mostly, of bytes else."""

    def change(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - mutations, no secret
        if chance.random() < 0.8:
            if target in _DICOM:
                return mutated_elements(data, most, seed)
            if target == "json" and (found := mutated_json(data, most, seed)) is not None:
                return found
        return bytes(atheris.Mutate(data, most))

    return change


def replay(target: str, path: Path) -> None:
    """Run one input, or those of a ``recent.bin`` in their order."""
    content = path.read_bytes()
    inputs = pickle.loads(content) if path.name == "recent.bin" else [content]  # noqa: S301
    for data in inputs:
        targets.TARGETS[target](data)
    print(f"{len(inputs)} inputs, nothing found")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=sorted(targets.TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, action="append", default=[])
    parser.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "midi-fuzz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    if asked.replay:
        replay(asked.target, asked.replay)
        return
    state = asked.state / asked.target
    seeds, kept = state / "seeds", state / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    print(write_seeds(asked.target, asked.corpus, seeds), "first inputs", flush=True)
    run_one = targets.TARGETS[asked.target]

    met = itertools.count(1)

    def one(data: bytes) -> None:
        if next(met) % EVERY == 0:
            print(dict(targets.tally), flush=True)
        try:
            run_one(data)
        except BaseException:
            (state / "recent.bin").write_bytes(pickle.dumps(list(targets.recent)))
            raise

    command = [
        sys.argv[0], str(kept), str(seeds), f"-max_total_time={asked.seconds}",
        f"-max_len={MOST}", "-timeout=20", "-rss_limit_mb=0", "-print_final_stats=1",
        f"-artifact_prefix={state}/", f"-seed={asked.seed or int(time.time())}",
    ]  # fmt: skip
    change = mutator(asked.target)
    options = {"custom_crossover": crossed} if asked.target in _DICOM else {}
    atheris.Setup(command, one, custom_mutator=change, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Known visits of 100,000 subjects with up to 20 visits: CPU seconds and memory.

python benchmarks/trajectories.py [--subjects 100000]
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from midi_risk.risk.measures.trajectory import known_visits_risk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=100_000)
    subjects = parser.parse_args().subjects
    rng = np.random.default_rng(1)
    for label, lengths in (
        ("1-20 visits", rng.integers(1, 21, subjects)),
        ("20 visits each", np.full(subjects, 20)),
    ):
        who = np.repeat(np.arange(subjects), lengths)
        for bins, items in (("3,650 days", 3650), ("520 weeks", 520), ("120 months", 120)):
            what = rng.integers(0, items, len(who))
            for m in (1, 2, 3, "all"):
                start = time.process_time()
                found = known_visits_risk(who, what, m, n_subjects=subjects)
                seconds = time.process_time() - start
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                print(
                    f"{label}, {bins}, m = {m}: {seconds:.1f} CPU-s, peak {memory} MB,"
                    f" unique {np.mean(found.support == 1):.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""Time and size of both report editions of one assessment.

    python benchmarks/report.py ASSESSMENT.json [--repeats 5]

Budgets: render under 1 s, internal at most 300 kB, shareable at most 120 kB. The first
render also compiles the templates; it is printed apart.
"""

from __future__ import annotations

import argparse
import statistics
import time

from midi_risk.report import EDITIONS, load_assessment, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assessment")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    document = load_assessment(chosen.assessment)
    print(f"{document.collection.subjects} subjects, {len(document.attributes)} attributes")
    for edition in EDITIONS:
        seconds = []
        for _ in range(chosen.repeats + 1):
            start = time.process_time()
            rendered = report(document, edition=edition)
            seconds.append(time.process_time() - start)
        size = len(rendered.html.encode()) / 1000
        later = statistics.median(seconds[1:])
        print(f"{edition:10} first {seconds[0]:.3f} CPU-s, then {later:.3f} CPU-s, {size:.0f} kB")


if __name__ == "__main__":
    main()

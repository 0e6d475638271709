"""CPU seconds of plans: fixed levels, levels from the data, and several limits in one search.

Run ``python benchmarks/plan_speed.py DATA [NAME ...]`` with the folder of the shared data. Of three
runs the least disturbed counts. Ratios, not seconds, are what to compare on a shared machine.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
from pathlib import Path

from plans import IDC, TABLES, sources

from midi_risk.cli.app import run
from midi_risk.cli.job import open_job
from midi_risk.recode.plan import _known
from midi_risk.recode.proposal import Proposer
from midi_risk.recode.search.problem import hidden_limit
from midi_risk.recode.search.search import search
from midi_risk.recode.steps import PLAN_UTILITY, lattice_setting, level_ranges
from midi_risk.table.release import released


def least(work, repeat: int = 3) -> float:
    """Return the CPU seconds of the least disturbed run."""
    seconds = []
    for _ in range(repeat):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def line(data: Path, name: str, folder: Path) -> str:
    """Return the figures of one collection."""
    with contextlib.redirect_stdout(io.StringIO()):
        run(["init", *sources(data, name, folder), "-o", str(folder / "p"), "-q"])
    job = open_job([str(folder / "p")])
    models = job.threat_models()
    extraction = job.extract()
    table = job.fold(extraction, job.attributes(extraction))
    view = released(table, {})
    attributes, demand = _known(table, view, models, ())
    setting = lattice_setting(table, attributes, {}, frozenset())
    k = max(model.threshold.k for model in models)
    n = table.n_subjects
    five = hidden_limit(0.05, n)

    def plain() -> None:
        search(
            table.frame[list(setting.columns.names)], setting.hierarchies, k=demand.k,
            max_suppression=0.05, utility=PLAN_UTILITY, levels=level_ranges(setting),
        )  # fmt: skip

    def adaptive(limits) -> None:
        Proposer(table, view, setting, {}, {}, demand.k, band=k).search(demand, limits, 60.0)

    fixed = least(plain)
    one = least(lambda: adaptive([five]))
    three = least(lambda: adaptive([0, hidden_limit(0.02, n), five]))
    return (
        f"| {name} | {n} | {fixed:.2f} | {one:.2f} | {one / fixed:.1f} | {three:.2f} |"
        f" {three / one:.2f} |"
    )


def main(arguments: list[str]) -> None:
    """Print the table."""
    data, names = Path(arguments[0]), arguments[1:] or [*IDC, *TABLES]
    print("| collection | subjects | fixed levels | from the data | ratio | 0, 2, 5 % | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as kept:
            print(line(data, name, Path(kept)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Time the tuning page: lattice, size, toggles as a file and served.

Usage: python benchmarks/tune.py [IDC_TABLE.parquet]

Without a table the served page is timed on the shipped slice. Chromium is needed. Figures go
to stdout and to ``benchmarks/results/tune.md``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "tune"))

from devtools import Browser  # noqa: E402
from tune_tables import models  # noqa: E402

from midi_risk.attributes.hierarchy import Hierarchy  # noqa: E402
from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role  # noqa: E402
from midi_risk.resources import resource_folder  # noqa: E402
from midi_risk.table.model import SubjectTable, table_digest  # noqa: E402
from midi_risk.tune import static_page, tuning_lattice  # noqa: E402

SHAPE = (6, 4, 4, 4, 3, 2)  # 2,304 nodes
RESULTS = ROOT / "benchmarks" / "results" / "tune.md"
TOGGLE = """
new Promise(done => {
  const box = document.querySelector('#tune'), said = box.querySelector('.lost .figure');
  const before = said.textContent + location.hash, begun = performance.now();
  const seen = new MutationObserver(() => {
    if (!box.classList.contains('busy') && said.textContent + location.hash !== before) {
      seen.disconnect(); done(performance.now() - begun);
    }
  });
  seen.observe(box, {attributes: true, subtree: true, childList: true, characterData: true});
  document.querySelectorAll('fieldset[data-axis="%d"] input[type=radio]')[%d].click();
})
"""


def row(what: str, figure: str, budget: str = "") -> str:
    """Return one line of the table."""
    return f"| {what} | {figure} | {budget} |"


def spread(taken: list[float], digits: int) -> str:
    """Return median and maximum of milliseconds."""
    return f"{statistics.median(taken):.{digits}f} ms median, {max(taken):.{digits}f} most"


def made_table(n: int) -> tuple[SubjectTable, dict[str, Hierarchy]]:
    """Return n subjects on a lattice of 2,304 nodes, with its hierarchies."""
    rng = np.random.default_rng(4)
    columns, hierarchies, attributes = {}, {}, []
    for number, levels in enumerate(SHAPE):
        name = f"attribute{number}"
        groups = 2 ** (levels - 2)
        values = [f"v{i:02d}" for i in range(max(2, groups * 2))]
        names = ("exact", *(f"step{i}" for i in range(1, levels - 1)), "removed")
        rows = [
            [v, *(f"g{i // 2**s}" for s in range(1, levels - 1)), "*"] for i, v in enumerate(values)
        ]
        frame = pd.DataFrame(rows, columns=list(names), dtype=object)
        hierarchies[name] = Hierarchy(name="made", level_names=names, frame=frame)
        weight = rng.dirichlet(np.full(len(values), 0.6))
        columns[name] = rng.choice(values, n, p=weight)
        attributes.append(
            Attribute(name=name, source="t", column=name, role=Role.QUASI_IDENTIFIER,
                      kind=Kind.CATEGORY, reason="made")
        )  # fmt: skip
    frame = pd.DataFrame(columns, index=[f"s{i}" for i in range(n)], dtype=object)
    return SubjectTable(
        frame=frame, attributes=AttributeSet(tuple(attributes)), counts={"subjects": n},
        files={"read": 1, "flagged": 0, "not_dicom": 0, "unreadable": 0}, missing="category",
        digest=table_digest(frame),
    ), hierarchies  # fmt: skip


def timed_toggles(browser: Browser, rounds: int = 24) -> list[float]:
    """Return milliseconds from click to changed figure."""
    places = browser.run(
        "[...document.querySelectorAll('fieldset[data-axis]')].map(f =>"
        " f.querySelectorAll('input[type=radio]').length)"
    )
    taken = []
    for i in range(rounds):
        axis = i % len(places)
        if places[axis] < 2:
            continue
        now = browser.run(
            f"+document.querySelector('fieldset[data-axis=\"{axis}\"] input:checked').value"
        )
        taken.append(browser.run(TOGGLE % (axis, (now + 1) % places[axis])))
    return taken


def static(lines: list[str], scratch: Path) -> None:
    """Time the lattice and the page as a file."""
    table, hierarchies = made_table(4000)
    tuning_lattice(table, models(), hierarchies=hierarchies)
    wall, cpu = time.perf_counter(), time.process_time()
    lattice = tuning_lattice(table, models(), hierarchies=hierarchies)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if lattice is None:
        raise SystemExit("tune: no lattice")
    nodes = np.prod([len(a.levels) for a in lattice.attributes])
    size = len(lattice.model_dump_json())
    lines.append(
        row(f"lattice, {nodes} nodes x 4,000 subjects", f"{wall:.2f} s ({cpu:.2f} CPU-s)", "1.5 s")
    )
    lines.append(row("the same, embedded", f"{size / 1000:.0f} kB", "120 kB"))
    page = scratch / "tune.html"
    page.write_text(static_page(lattice, title="x", threat_models=["public-release"]), "utf-8")
    lines.append(row("page with it", f"{page.stat().st_size / 1000:.0f} kB"))
    browser = Browser(scratch / "one")
    try:
        begun = time.perf_counter()
        browser.open(page.as_uri())
        ready = time.perf_counter() - begun
        taken = timed_toggles(browser)
    finally:
        browser.close()
    lines.append(row("file: opened and drawn", f"{ready:.2f} s"))
    lines.append(row("file: toggle", spread(taken, 1), "20 ms"))


def served(lines: list[str], scratch: Path, source: Path) -> None:
    """Time the served page on the LIDC slice."""
    command = [
        sys.executable, "-c", "from midi_risk.cli import main; main()", "tune", str(source),
        "--where", "collection_id = 'lidc_idri'", "--no-open", "-q", "-o", str(scratch / "out"),
    ]  # fmt: skip
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    browser = Browser(scratch / "two")
    try:
        address = (process.stdout or sys.stdin).readline().split()[-1]
        lines.append(
            row(
                "served, LIDC slice: from the command to the address",
                f"{time.perf_counter() - begun:.1f} s",
            )
        )
        begun = time.perf_counter()
        browser.open(address, "document.querySelector('.sentence').textContent !== ''")
        lines.append(row("served: first figure", f"{time.perf_counter() - begun:.2f} s", "1.5 s"))
        browser.wait("document.querySelector('[data-ready]') !== null")
        taken = timed_toggles(browser)
        lines.append(row("served: toggle", spread(taken, 0), "150 ms"))
    finally:
        browser.close()
        process.terminate()
        process.wait(timeout=30)


def main(arguments: list[str]) -> None:
    """Time everything and keep the figures."""
    source = (
        Path(arguments[0])
        if arguments
        else resource_folder("examples") / "idc" / "idc_slice.parquet"
    )
    lines = [
        "# The tuning page",
        "",
        "`python benchmarks/tune.py IDC_TABLE.parquet`, two shared cores, other work running.",
        "",
        row("what", "figure", "budget"),
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        static(lines, Path(folder))
        served(lines, Path(folder), source)
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])

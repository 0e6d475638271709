"""Predicted risk against what a simulated intruder achieves: the plot of docs/calibration.md.

    python benchmarks/calibration.py

Releases of several sizes and sampling fractions are drawn from skewed populations with
known classes, so that the prediction (estimated from the release alone) can be wrong. A second
table draws releases in five ways from two populations and says what the verdict would have said.
"""

from __future__ import annotations

from pathlib import Path

import judged
import numpy as np

from midi_risk.risk.attacks.intruder import simulate_intruder
from midi_risk.risk.classes.classes import EquivalenceClasses
from midi_risk.risk.measures.individual import expected_inverse
from midi_risk.risk.population.pitman_yor import PitmanYor, fit_pitman_yor

ROOT = Path(__file__).resolve().parents[1]
SEED = 20261123
ATTEMPTS = 20_000


def population(rng: np.random.Generator, people: int, skew: float) -> np.ndarray:
    """Return codes of people in classes whose sizes follow a power law."""
    weights = 1 / np.arange(1, 4001) ** skew
    return rng.choice(len(weights), size=people, p=weights / weights.sum())


def point(rng: np.random.Generator, people: int, fraction: float, skew: float) -> dict:
    """Return predictions and the simulated success of one release."""
    codes = population(rng, people, skew)
    taken = rng.random(people) < fraction
    release = codes[taken][:, None].astype(np.int64)
    classes = EquivalenceClasses.from_codes(release)
    values = release[classes.first_records(), 0]
    true_sizes = np.bincount(codes, minlength=4000)[values]
    found = simulate_intruder(release, true_sizes, attempts=ATTEMPTS, rng=rng)
    weight = classes.counts / classes.n
    fit = fit_pitman_yor(classes.sizes)
    pitman = (
        float(weight @ fit.expected_inverse(classes.sizes, n=classes.n, population=people))
        if isinstance(fit, PitmanYor)
        else float("nan")
    )
    return {
        "people": people,
        "fraction": fraction,
        "skew": skew,
        "subjects": classes.n,
        "sample": float(weight @ (1 / classes.sizes)),
        "weights": float(
            weight @ expected_inverse(classes.sizes, classes.sizes * people / classes.n)
        ),
        "pitman_yor": pitman,
        "achieved": found.rate,
        "interval": found.interval(),
    }


def verdict_point(name: str, design: str) -> dict:
    """Return what an intruder achieves on one release of a design, and what is judged of it."""
    people = judged.MAKERS[name](np.random.default_rng(SEED))
    rng = np.random.default_rng([SEED, judged.DESIGNS.index(design)])
    cells = judged.release(people, design, 1000, rng)
    codes = people.codes[cells]
    classes = EquivalenceClasses.from_codes(codes)
    true_sizes = people.count[cells][classes.first_records()]
    found = simulate_intruder(codes, true_sizes, attempts=ATTEMPTS, rng=rng)
    said = judged.row(people, cells)
    return {
        "population": name,
        "design": design,
        "release": float((classes.counts / classes.n) @ (1 / classes.sizes)),
        "model": said["shown"],
        "upper": said["high"],
        "achieved": found.rate,
        "interval": found.interval(),
    }


def designs() -> list[str]:
    """Return the second table: without a statement F = f is judged, whatever the model says."""
    rows = []
    for name in ("body size", "Zipf margins"):
        for design in judged.DESIGNS:
            p = verdict_point(name, design)
            verdict = p["upper"] if design == "random" else p["release"]
            rows.append(
                f"| {name} | {design} | {p['model']:.4f} | {p['upper']:.4f} | {p['release']:.4f} |"
                f" **{verdict:.4f}** | {p['achieved']:.4f} |"
                f" {p['interval'][0]:.4f} to {p['interval'][1]:.4f} |"
            )
    return [
        "",
        "## What the verdict would have said",
        "",
        (
            "1,000 subjects of two populations, in the designs of"
            " [the estimators](estimators.md#does-the-judged-bound-hold). Stated as random where it"
            " is; not stated elsewhere, so that the model is shown and 1/f is judged."
        ),
        "",
        (
            "| population | design | model, mean | its upper end | 1/f | judged | achieved |"
            " 95 % interval |"
        ),
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def svg(points: list[dict]) -> str:
    """Return the calibration plot: achieved against predicted, on logarithmic axes."""

    def place(value: float) -> float:
        return 40 + 320 * (np.log10(max(value, 1e-4)) + 4) / 4

    marks = []
    for found in points:
        x0, x1 = (400 - place(v) for v in found["interval"])
        for name, shape in (("sample", "#c44"), ("weights", "#888"), ("pitman_yor", "#247")):
            if np.isfinite(found[name]):
                x, y = place(found[name]), 400 - place(max(found["achieved"], 1e-4))
                marks.append(
                    f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{x0:.1f}" y2="{x1:.1f}"'
                    f' stroke="{shape}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{shape}"/>'
                )
    ticks = "".join(
        f'<text x="{place(v):.0f}" y="378" text-anchor="middle">{v:g}</text>'
        f'<text x="34" y="{404 - place(v):.0f}" text-anchor="end">{v:g}</text>'
        for v in (0.0001, 0.001, 0.01, 0.1, 1)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" font-family="sans-serif"'
        ' font-size="10"><title>Achieved against predicted share of right matches</title>'
        '<rect width="400" height="400" fill="#fff"/>'
        '<path d="M40 360 L360 40 M40 40 V360 H360" fill="none" stroke="#999"/>'
        f'{ticks}{"".join(marks)}<text x="200" y="394" text-anchor="middle">predicted: red F = f,'
        " grey weights, blue Pitman-Yor</text>"
        '<text x="10" y="200" transform="rotate(-90 10 200)" text-anchor="middle">achieved</text>'
        "</svg>\n"
    )


def main() -> None:
    """Write the table and the plot."""
    rng = np.random.default_rng(SEED)
    points = [
        point(rng, people, fraction, skew)
        for people in (5_000, 50_000)
        for fraction in (0.02, 0.1, 0.5)
        for skew in (0.5, 0.9, 1.2)
    ]
    rows = [
        f"| {p['people']:,} | {p['fraction']:g} | {p['skew']:g} | {p['subjects']:,} |"
        f" {p['sample']:.4f} | {p['weights']:.4f} | {p['pitman_yor']:.4f} | {p['achieved']:.4f} |"
        f" {p['interval'][0]:.4f} to {p['interval'][1]:.4f} |"
        for p in points
    ]
    text = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    head = text[: text.index("<!-- table -->")]
    table = "\n".join(
        [
            "<!-- table -->",
            (
                "| people | fraction | skew | subjects | F = f | weights N/n | Pitman-Yor |"
                " achieved | 95 % interval |"
            ),
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            *designs(),
        ]
    )
    (ROOT / "docs" / "calibration.md").write_text(head + table + "\n", encoding="utf-8")
    (ROOT / "docs" / "images" / "calibration.svg").write_text(svg(points), encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()

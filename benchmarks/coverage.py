"""Bias and coverage of the population estimators on simulated populations with known F.

    python benchmarks/coverage.py [--repeats 40] [--adult adult.csv] [--write docs/estimators.md]

Draws a population, samples it without replacement, applies every estimator to the sample
and compares with what is known of the population. Seeded. ``--adult`` adds real people: the
Adult census extract (ARX's copy, semicolons), its 30,162 records taken as the population.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from midi_risk.risk.population.estimators import dankar, slide_negative_binomial, zayatz
from midi_risk.risk.population.loglinear import fit_log_linear
from midi_risk.risk.population.pitman_yor import fit_pitman_yor
from midi_risk.risk.population.sizes import NoEstimate, assured_size, poisson_inverse

START, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"


@dataclass(frozen=True)
class Population:
    name: str
    codes: np.ndarray  # (N, q)
    expected: np.ndarray | None  # (N,) lambda of each person's cell, when it is known


def pitman_yor(rng: np.random.Generator, people: int = 20_000) -> Population:
    labels = np.zeros(people, dtype=np.int64)
    sizes = np.zeros(people, dtype=np.int64)
    sizes[0], used, theta, alpha = 1, 1, 40.0, 0.45
    for i in range(1, people):
        if rng.random() * (i + theta) < theta + alpha * used:
            labels[i], used = used, used + 1
        else:
            label = labels[rng.integers(i)]
            while rng.random() * sizes[label] < alpha:
                label = labels[rng.integers(i)]
            labels[i] = label
        sizes[labels[i]] += 1
    return Population("Pitman-Yor (40, 0.45)", labels[:, None], None)


def gamma_cells(rng: np.random.Generator, people: int = 20_000) -> Population:
    weight = rng.gamma(0.35, 1, 4000)
    lam = weight / weight.sum() * people
    codes = np.repeat(np.arange(4000), rng.poisson(lam))
    return Population("4,000 gamma(0.35) cells", codes[:, None], lam[codes])


def lognormal_cells(rng: np.random.Generator, people: int = 20_000) -> Population:
    weight = rng.lognormal(0, 2.0, 3000)
    lam = weight / weight.sum() * people
    codes = np.repeat(np.arange(3000), rng.poisson(lam))
    return Population("3,000 lognormal(2) cells", codes[:, None], lam[codes])


def crossed(rng: np.random.Generator, people: int = 20_000) -> Population:
    shares = [rng.dirichlet(np.full(levels, 0.8)) for levels in (18, 2, 10, 6, 4)]
    codes = np.column_stack([rng.choice(len(s), people, p=s) for s in shares])
    same = rng.random(people) < 0.6
    codes[same, 2] = codes[same, 0] % 10
    return Population("5 attributes, one associated pair", codes, None)


def adult(path: Path) -> Callable[[np.random.Generator], Population]:
    frame = pd.read_csv(path, sep=";")
    names = ["sex", "age", "race", "marital-status", "education"]
    codes = np.column_stack([pd.factorize(frame[name])[0] for name in names])
    return lambda _rng: Population("Adult census extract, 5 attributes", codes, None)


def row(estimator: str, uniques: float, truth_uniques: float, **more: float) -> dict[str, object]:
    ratio = uniques / truth_uniques if truth_uniques else np.nan
    return {"estimator": estimator, "uniques ratio": ratio, "answer": np.isfinite(uniques), **more}


def estimates(
    population: Population, fraction: float, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    people = len(population.codes)
    _, cell, size = np.unique(population.codes, axis=0, return_inverse=True, return_counts=True)
    big = size[cell.ravel()]
    chosen = rng.choice(people, round(people * fraction), replace=False)
    codes, truth = population.codes[chosen], big[chosen]
    _, cell, size = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    f = size[cell.ravel()]
    first = np.unique(cell.ravel(), return_index=True)[1]
    classes, class_truth = f[first], truth[first]
    ones = f == 1
    uniques = float(np.sum(big == 1))
    real_risk = float(np.mean(1 / truth[ones]))
    fit = fit_pitman_yor(classes)
    if isinstance(fit, NoEstimate):
        yield row("Pitman-Yor", np.nan, uniques)
    else:
        low = fit.quantile(classes, n=len(chosen), population=people)
        risk = fit.expected_inverse([1], n=len(chosen), population=people)[0]
        yield row(
            "Pitman-Yor", fit.expected_uniques(people), uniques,
            **{"risk error": risk - real_risk, "coverage": float(np.mean(class_truth >= low)),
               "coverage of uniques": float(
                   np.mean(class_truth[classes == 1] >= low[classes == 1]))},
        )  # fmt: skip
    for name, method in (
        ("Zayatz", zayatz),
        ("SNB (corrected)", slide_negative_binomial),
        ("Dankar rule", dankar),
    ):
        answer = method(classes, people)
        yield row(name, np.nan if isinstance(answer, NoEstimate) else answer.uniques, uniques)
    if population.codes.shape[1] > 1:
        for name, model in (
            ("log-linear, chosen", "auto"),
            ("log-linear, all pairs", "all two-way"),
        ):
            linear = fit_log_linear(codes, model=model)
            if isinstance(linear, NoEstimate):
                yield row(name, np.nan, uniques)
                continue
            risk = float(linear.expected_inverse(fraction)[ones].mean())
            low = linear.quantile(fraction)[first]
            yield row(
                name, linear.tau1(fraction) / fraction, uniques,
                **{"risk error": risk - real_risk, "coverage": float(np.mean(class_truth >= low)),
                   "coverage of uniques": float(
                       np.mean(class_truth[classes == 1] >= low[classes == 1]))},
            )  # fmt: skip
    if population.expected is not None:
        lam = population.expected[chosen]
        for form in ("shifted", "truncated"):
            low = assured_size(f[first], lam[first], fraction=fraction, form=form)
            risk = float(poisson_inverse(1, lam[ones], fraction=fraction, form=form).mean())
            yield row(
                f"table, {form}", np.nan, uniques,
                **{"answer": True, "risk error": risk - real_risk,
                   "coverage": float(np.mean(class_truth >= low)),
                   "coverage of uniques": float(
                       np.mean(class_truth[classes == 1] >= low[classes == 1]))},
            )  # fmt: skip


def run(repeats: int, adult_path: Path | None) -> pd.DataFrame:
    makers = [pitman_yor, gamma_cells, lognormal_cells, crossed]
    if adult_path is not None:
        makers.append(adult(adult_path))
    rows = []
    for number, maker in enumerate(makers):
        for repeat in range(repeats):
            rng = np.random.default_rng([number, repeat])
            population = maker(rng)
            for fraction in (0.01, 0.05, 0.2, 0.5):
                rows.extend(
                    {"population": population.name, "fraction": fraction, **found}
                    for found in estimates(population, fraction, rng)
                )
    frame = pd.DataFrame(rows)
    keys = ["population", "fraction", "estimator"]
    return frame.groupby(keys, sort=False).mean(numeric_only=False).reset_index()


def markdown(frame: pd.DataFrame) -> str:
    columns = {
        "population": "population", "fraction": "sampled", "estimator": "estimator",
        "answer": "has an answer", "uniques ratio": "population uniques, estimate / truth",
        "risk error": "risk of sample uniques, estimate - truth",
        "coverage": "coverage of the 95 % bound, all classes",
        "coverage of uniques": "same, sample uniques",
    }  # fmt: skip
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]

    def text(name: str, value: object) -> str:
        if isinstance(value, str):
            return value
        number = float(value)
        if np.isnan(number):
            return ""
        if name in {"answer", "coverage", "coverage of uniques"}:
            return f"{100 * number:.0f} %"
        return f"{number:g}" if name == "fraction" else f"{number:+.3f}" if "error" in name else (
            f"{number:.2f}")  # fmt: skip

    for _, found in frame.iterrows():
        lines.append("| " + " | ".join(text(name, found[name]) for name in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--adult", type=Path)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    table = markdown(run(options.repeats, options.adult))
    if options.write is None:
        print(table)
        return
    text = options.write.read_text(encoding="utf-8")
    before, rest = text.split(START)
    after = rest.split(END)[1]
    options.write.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

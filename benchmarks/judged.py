"""Does the judged bound hold? Fourteen populations, five ways to come into a collection.

    python benchmarks/judged.py [--repeats 12] [--subjects 600] [--write docs/estimators.md]

Each release is drawn anew from a population whose class sizes are known; the models see the release
and the number of people. Seeded by population, design and repeat, so that parts can be run alone.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midi_risk.risk.population.ensemble import Judgement, Population, Released, judge
from midi_risk.threat.population import load_table

START, END = "<!-- judged: begin -->", "<!-- judged: end -->"
K = 11


@dataclass(frozen=True)
class People:
    """Distinct combinations of values, and how many people have each."""

    codes: np.ndarray  # (c, q)
    count: np.ndarray  # (c,)


def counted(codes: np.ndarray) -> People:
    cells, count = np.unique(codes, axis=0, return_counts=True)
    return People(cells.astype(np.int64), count.astype(np.int64))


def us(state: str | None = None) -> People:
    table = load_table("us-population-2024")
    if state:
        table = table.select(state=state)
    frame = table.frame[table.frame["count"] > 0]
    columns = [name for name in ("state", "age_low", "sex", "race") if name in frame]
    codes = np.column_stack(
        [np.unique(frame[name].to_numpy(dtype=str), return_inverse=True)[1] for name in columns]
    )
    return People(codes.astype(np.int64), frame["count"].to_numpy(np.int64))


def drawn(rng: np.random.Generator, people: int, *shares: np.ndarray) -> np.ndarray:
    return np.column_stack([rng.choice(len(s), people, p=s) for s in shares])


def zipf(levels: int, power: float = 1.0) -> np.ndarray:
    share = 1 / np.arange(1, levels + 1) ** power
    return share / share.sum()


def body(rng: np.random.Generator, people: int) -> np.ndarray:
    """Age, sex, height in 5 cm, weight in 10 kg, region."""
    age, sex = rng.integers(0, 14, people), rng.integers(0, 2, people)
    height = np.round(rng.normal(164 + 13 * sex - 0.2 * age, 6.5) / 5)
    weight = np.round(rng.normal(0.9 * 5 * height - 80, 12) / 10)
    region = rng.choice(8, people, p=zipf(8))
    codes = np.column_stack([age, sex, height, weight, region]).astype(np.int64)
    return codes - codes.min(axis=0)


def rare(rng: np.random.Generator, people: int, share: float, values: int) -> np.ndarray:
    codes = drawn(rng, people, np.full(8, 1 / 8), np.full(2, 0.5), zipf(6))
    job = np.zeros(people, dtype=np.int64)
    few = rng.random(people) < share
    job[few] = rng.integers(1, values, int(few.sum()))
    return np.column_stack([codes, job])


def interaction(rng: np.random.Generator, people: int) -> np.ndarray:
    codes = drawn(rng, people, np.full(6, 1 / 6), np.full(4, 0.25), np.full(2, 0.5))
    odd = (codes.sum(axis=1) % 2 == 1) ^ (rng.random(people) < 0.05)
    return np.column_stack([codes, odd])


def near_limit(rng: np.random.Generator) -> People:
    codes = np.stack(np.meshgrid(range(10), range(5), range(8), indexing="ij"), -1).reshape(-1, 3)
    return People(codes.astype(np.int64), rng.poisson(30, len(codes)).astype(np.int64) + 2)


def at_limit(rng: np.random.Generator) -> People:
    del rng
    codes = np.stack(np.meshgrid(range(10), range(2), range(2), indexing="ij"), -1).reshape(-1, 3)
    return People(codes.astype(np.int64), np.where(codes[:, 0] == 9, 10, 4000).astype(np.int64))


def ten_alone(rng: np.random.Generator) -> People:
    """Three independent attributes whose rarest combination is exactly ten people."""
    people = counted(drawn(rng, 10_000, *(np.array([0.9, 0.1]) for _ in range(3))))
    count = people.count.copy()
    count[-1] = 10
    return People(people.codes, count)


MAKERS: dict[str, Callable[[np.random.Generator], People]] = {
    "US: state, age, sex, race": lambda _: us(),
    "California: age, sex, race": lambda _: us("CA"),
    "Wyoming: age, sex, race": lambda _: us("WY"),
    "Zipf margins": lambda r: counted(drawn(r, 300_000, *(zipf(m, 1.3) for m in (20, 8, 6, 2)))),
    "even margins": lambda r: counted(drawn(r, 300_000, *(np.full(m, 1 / m) for m in (8, 2, 6)))),
    "body size": lambda r: counted(body(r, 200_000)),
    "body size, many people": lambda r: counted(body(r, 1_500_000)),
    "a rare tenth": lambda r: counted(rare(r, 200_000, 0.1, 3000)),
    "a rare 0.2 %": lambda r: counted(rare(r, 200_000, 0.002, 400)),
    "three-way interaction": lambda r: counted(interaction(r, 40_000)),
    "near the limit": near_limit,
    "just below the limit": at_limit,
    "rarest class of ten, independent": ten_alone,
    "one attribute, lognormal": lambda r: counted(
        r.choice(400, 400_000, p=(w := r.lognormal(0, 1.5, 400)) / w.sum())[:, None]
    ),
}


def weights(design: str, people: People, rng: np.random.Generator) -> np.ndarray:
    """Return how much likelier a person of each cell is to come into the collection."""
    codes, count = people.codes, people.count
    if design == "tilted":
        scaled = (codes - codes.mean(axis=0)) / np.maximum(codes.std(axis=0), 1e-9)
        return np.exp(np.clip(scaled, -2, 2) @ rng.normal(0, 0.5, codes.shape[1]))
    if design == "hospital":  # one value of one attribute a hundred times likelier
        at = int(rng.integers(codes.shape[1]))
        value = rng.choice(np.unique(codes[:, at]))
        return np.where(codes[:, at] == value, 100.0, 1.0)
    if design == "mixture":  # a tenth from classes of fewer than 50
        small = count < 50
        if not small.any() or small.all():
            return np.ones(len(count))
        inside = count[small].sum() / count.sum()
        return np.where(small, 0.1 / inside, 0.9 / (1 - inside))
    if design == "oversampled":
        return 1 / np.sqrt(count)
    return np.ones(len(count))


DESIGNS = ("random", "tilted", "hospital", "mixture", "oversampled")


def release(people: People, design: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the cell of each subject."""
    if design == "random" and people.count.sum() < 1e9:
        taken = rng.multivariate_hypergeometric(people.count, n, method="marginals")
        return np.repeat(np.arange(len(taken)), taken)
    weight = weights(design, people, rng) * people.count
    taken = np.minimum(rng.multinomial(n, weight / weight.sum()), people.count)
    return np.repeat(np.arange(len(taken)), taken)


def row(people: People, cells: np.ndarray) -> dict[str, float]:
    """Return what is judged of one release and what is true of it."""
    codes = people.codes[cells]
    _, record, size = np.unique(codes, axis=0, return_index=True, return_counts=True)
    n = len(codes)
    here = Released(size=size, counts=size, record=record, inside=np.full(len(size), float(n)))
    total = Population(people=np.full(n, float(people.count.sum())))
    found = judge(codes, here, total, k=K)
    true = people.count[cells]
    smallest, mean = int(true.min()), float((1 / true).mean())
    bound = len(size) / n  # the mean of 1/f over subjects
    judged = isinstance(found, Judgement) and not found.refused
    joint = found.joint if isinstance(found, Judgement) and judged else int(size.min())
    high = found.high if isinstance(found, Judgement) and judged else bound
    shown = found.mean if isinstance(found, Judgement) else bound
    return {
        "judged": float(judged), "smallest": smallest, "joint": joint, "mean": mean,
        "high": high, "shown": shown, "subjects": n,
    }  # fmt: skip


def rows(
    repeats: int,
    subjects: int,
    names: list[str] | None = None,
    designs: tuple[str, ...] = DESIGNS,
    first: int = 0,
) -> Iterator[dict[str, object]]:
    for name in names or list(MAKERS):
        people = MAKERS[name](np.random.default_rng(zlib.crc32(name.encode())))
        for design in designs:
            for repeat in range(first, repeats):
                seed = zlib.crc32(f"{name}|{design}|{repeat}".encode())
                rng = np.random.default_rng(seed)
                n = int(min(subjects, people.count.sum() // 5))
                found = row(people, release(people, design, n, rng))
                yield {"population": name, "design": design, "repeat": repeat, **found}


def summary(found: list[dict[str, object]]) -> dict[str, float]:
    """Return coverage, false acceptances and bias of some releases."""

    def part(key: str) -> np.ndarray:
        return np.array([row_[key] for row_ in found], dtype=np.float64)

    accepted, true = part("joint") >= K, part("smallest") >= K
    low, high = part("mean") <= 1 / K, part("high") <= 1 / K
    return {
        "releases": len(found),
        "judged": float(part("judged").mean()),
        "max covered": float((part("joint") <= part("smallest")).mean()),
        "max false": int((accepted & ~true).sum()),
        "max accepted": float(accepted[true].mean()) if true.any() else float("nan"),
        "mean covered": float((part("high") >= part("mean")).mean()),
        "mean false": int((high & ~low).sum()),
        "bias": float(np.median(part("shown") / part("mean") - 1)),
    }


HEAD = (
    "| population | releases | models judged | maximum covered | falsely acceptable |"
    " accepted where true | mean covered | falsely acceptable | bias of the shown mean |"
)


def markdown(found: list[dict[str, object]]) -> str:
    """Return one table per design, the worst population in the last row."""
    lines = []
    for design in DESIGNS:
        here = [r for r in found if r["design"] == design]
        if not here:
            continue
        lines += ["", f"### {design}", "", HEAD, "|---|---|---|---|---|---|---|---|---|"]
        each = []
        for name in dict.fromkeys(str(r["population"]) for r in here):
            part = summary([r for r in here if r["population"] == name])
            each.append(part)
            lines.append(line(name, part))
        whole = summary(here)
        lines.append(line("**all**", whole))
        worst = min(p["max covered"] for p in each), min(p["mean covered"] for p in each)
        lines.append(f"| *worst population* | | | {worst[0]:.0%} | | | {worst[1]:.0%} | | |")
    return "\n".join(lines) + "\n"


def line(name: str, part: dict[str, float]) -> str:
    accepted = "-" if np.isnan(part["max accepted"]) else f"{part['max accepted']:.0%}"
    return (
        f"| {name} | {part['releases']:.0f} | {part['judged']:.0%} | {part['max covered']:.0%} |"
        f" {part['max false']:.0f} | {accepted} | {part['mean covered']:.0%} |"
        f" {part['mean false']:.0f} | {part['bias']:+.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=12)
    parser.add_argument("--subjects", type=int, default=600)
    parser.add_argument("--first", type=int, default=0, help="repeats before it were done")
    parser.add_argument("--population", action="append", choices=list(MAKERS))
    parser.add_argument("--design", action="append", choices=DESIGNS)
    parser.add_argument("--rows", type=Path, help="JSON lines, one per release; appended")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced, from --rows")
    given = parser.parse_args()
    designs = tuple(given.design or DESIGNS)
    found = []
    for made in rows(given.repeats, given.subjects, given.population, designs, given.first):
        found.append(made)
        if given.rows:
            with given.rows.open("a", encoding="utf-8") as file:
                file.write(json.dumps(made) + "\n")
    if given.rows:
        lines = given.rows.read_text(encoding="utf-8").splitlines()
        found = list({(r["population"], r["design"], r["repeat"]): r
                      for r in map(json.loads, lines)}.values())  # fmt: skip
    text = markdown(found)
    if given.write:
        page = given.write.read_text(encoding="utf-8")
        before, rest = page.split(START)
        after = rest.split(END)[1]
        given.write.write_text(f"{before}{START}\n{text}{END}{after}", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()

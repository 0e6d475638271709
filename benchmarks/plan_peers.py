"""Plans beside those of the Python packages that a user would meet first, on Adult.

python benchmarks/plan_peers.py FOLDER NAME=PYTHON ...

Each package runs in an environment of its own, given as the path of its interpreter:
``anonypyx=/envs/anonypyx/bin/python``, ``anjana=...``, ``anonymity-api=...``; ``measure=PYTHON``
is one with scikit-learn. All get the same 30,162 people of Adult, eight quasi-identifiers, k = 5,
and 2 % to leave out where they leave anybody out. FOLDER takes their releases.

What a label stands for is the set of values of those who carry it. Reported: non-uniform entropy
and normalised certainty penalty (0 keeps everything; who is left out loses all), the share of the
variance of age between labels, and the accuracy of a logistic regression of income that was
trained on two thirds of the release and tried on exact values of the others.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ADULT = HERE / "tests" / "data" / "arx"
K = 5
QUASI = ("sex", "age", "race", "marital-status", "education", "native-country", "workclass",
         "occupation")  # fmt: skip


def table():
    """Return Adult with a row number, age as a number."""
    import pandas as pd

    frame = pd.read_csv(ADULT / "adult.csv.gz", sep=";", dtype=str)
    frame["age"] = frame["age"].astype(int)
    frame["id"] = range(len(frame))
    return frame


def ladder(name: str) -> list[list[str]]:
    """Return the ARX hierarchy of an attribute, one row per value."""
    path = ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv"
    with path.open(encoding="utf-8") as handle:
        return list(csv.reader(handle, delimiter=";"))


def midi_risk(frame, *, ladders: bool):
    """Release by `suggest`, with its own levels, or with those of ARX for names."""
    from midi_risk.attributes.hierarchy import Hierarchy
    from midi_risk.recode.plan import suggest
    from midi_risk.recode.proposal import with_levels_of
    from midi_risk.recode.steps import lattice_setting
    from midi_risk.table.frame import as_subjects
    from midi_risk.table.release import planned
    from midi_risk.threat import load_threat_model

    people = as_subjects(frame.astype(str), {"quasi": QUASI, "sensitive": None, "key": "id"})
    given = {}
    if ladders:
        given = {
            name: Hierarchy.from_arx_csv(ADULT / "hierarchies" / f"adult_hierarchy_{name}.csv")
            for name in QUASI
            if name not in {"age", "sex"}  # read as numbers, as M and F
        }
    model = load_threat_model("public-release", k=K)
    plan = suggest(people, [model], hierarchies=given)
    of = with_levels_of(people, plan)
    chosen = tuple(of.attributes[name] for name in plan.levels)
    setting = lattice_setting(of, chosen, given, frozenset())
    out = set(plan.suppressed_subjects)
    gone = [str(key) in out for key in of.frame.index]
    import numpy as np

    left = planned(of, plan.levels, setting.hierarchies, np.array(gone)).frame
    shown = left.reindex(columns=list(QUASI)).astype(object)
    shown = shown.where(shown.notna(), "*")
    return shown.assign(id=[int(key) for key in left.index])


def anonypyx(frame):
    """Release by Mondrian of anonypyx."""
    import anonypyx as package

    made = frame.copy()
    for name in QUASI:
        if name != "age":
            made[name] = made[name].astype("category")
    runner = package.Anonymiser(made, k=K, feature_columns=list(QUASI), algorithm="Mondrian")
    return by_partition(frame, runner.algorithm.partition(runner.parameters))


def by_partition(frame, partitions):
    """Return labels of partitions: the range of a number, the values of a name."""
    parts = []
    for rows in partitions:
        part = frame.iloc[list(rows)].copy() if not hasattr(rows, "columns") else rows.copy()
        for name in QUASI:
            values = sorted(part[name].unique())
            ends = f"{values[0]} - {values[-1]}" if name == "age" else "|".join(values)
            part[name] = ends
        parts.append(part)
    import pandas as pd

    return pd.concat(parts)[[*QUASI, "id"]]


def anjana(frame):
    """Release by anjana, with the hierarchies of ARX."""
    from anjana.anonymity import k_anonymity

    levels = {}
    for name in QUASI:
        rows = {row[0]: row for row in ladder(name)}
        width = len(next(iter(rows.values())))
        column = [rows[str(value)] for value in frame[name]]
        levels[name] = {n: [row[n] for row in column] for n in range(width)}
    texts = frame.astype(dict.fromkeys(QUASI, str))
    return k_anonymity(texts, [], list(QUASI), K, 2, levels)[[*QUASI, "id"]]


def anonymity_api(frame):
    """Release by Mondrian of anonymity-api."""
    from anonymity_api import anonymity

    return anonymity.k_anonymity(frame.copy(), list(QUASI), K)[[*QUASI, "id"]]


PEERS = {
    "midi-risk": lambda frame: midi_risk(frame, ladders=False),
    "midi-risk, ARX ladders": lambda frame: midi_risk(frame, ladders=True),
    "anonypyx": anonypyx,
    "anjana": anjana,
    "anonymity-api": anonymity_api,
}


def run(name: str, target: Path) -> None:
    """Write the release of a package and its CPU seconds."""
    frame = table()
    begun = time.process_time()
    released = PEERS[name](frame)
    seconds = time.process_time() - begun
    released.to_csv(target, index=False)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    target.with_suffix(".json").write_text(json.dumps({"cpu": seconds, "mb": peak}))


def measure(target: Path) -> dict[str, float]:
    """Return the figures of one release."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    frame = table()
    released = pd.read_csv(target, dtype=str).set_index("id")
    released.index = released.index.astype(int)
    shown = frame["id"].isin(released.index).to_numpy()
    labels = released.reindex(frame["id"])
    n = len(frame)
    nue, ncp = [], []
    features, exact = [], []
    r2 = 0.0
    for name in QUASI:
        values, codes = np.unique(frame[name].to_numpy(), return_inverse=True)
        count = np.bincount(codes).astype(float)
        names, group = np.unique(labels[name].fillna("?").to_numpy(str), return_inverse=True)
        member = np.zeros((len(names), len(values)), dtype=bool)
        member[group[shown], codes[shown]] = True
        if name == "age":
            low, high = member.argmax(1), len(values) - 1 - member[:, ::-1].argmax(1)
            place = np.arange(len(values))
            member &= False
            member |= (place >= low[:, None]) & (place <= high[:, None])
        whole = np.log2(n / count[codes])
        lost = np.log2((member @ count)[group] / count[codes])
        nue.append(np.where(shown, lost, whole).sum() / whole.sum())
        if name == "age":
            wide = (values[high] - values[low]) / (values[-1] - values[0])
            x = frame["age"].to_numpy(float)
            mean = np.bincount(group[shown], weights=x[shown]) / np.maximum(
                np.bincount(group[shown]), 1
            )
            apart = ((x[shown] - mean[group[shown]]) ** 2).sum()
            r2 = 1 - apart / ((x[shown] - x[shown].mean()) ** 2).sum()
            middle = (values[low] + values[high]) / 2
            features.append(middle[group][:, None] / 50)
            exact.append(x[:, None] / 50)
        else:
            wide = (member.sum(1) - 1) / max(len(values) - 1, 1)
            features.append((member / np.maximum(member.sum(1, keepdims=True), 1))[group])
            exact.append(np.eye(len(values))[codes])
        ncp.append(np.where(shown, wide[group], 1.0).mean())
    income = (frame["salary-class"] == ">50K").to_numpy()
    train = np.random.default_rng(0).random(n) < 2 / 3
    model = LogisticRegression(max_iter=2000)
    model.fit(np.hstack(features)[train & shown], income[train & shown])
    accuracy = model.score(np.hstack(exact)[~train], income[~train])
    rows = labels[shown].groupby(list(QUASI)).size()
    return {
        "left_out": int((~shown).sum()), "smallest": int(rows.min()), "nue": float(np.mean(nue)),
        "ncp": float(np.mean(ncp)), "age_r2": float(r2), "accuracy": float(accuracy),
    }  # fmt: skip


def main(arguments: list[str]) -> None:
    """Run every package, then measure what each released."""
    if arguments[0] == "--run":
        run(arguments[1], Path(arguments[2]))
        return
    if arguments[0] == "--measure":
        print(json.dumps(measure(Path(arguments[1]))))
        return
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    pythons = dict(part.partition("=")[::2] for part in arguments[1:])
    names = [name for name in PEERS if name.startswith("midi-risk") or name in pythons]
    print("| release | left out | smallest class | NUE | NCP | age R² | income | CPU s | MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        target = folder / f"{name.replace(' ', '-').replace(',', '')}.csv"
        python = pythons.get(name, sys.executable)
        subprocess.run([python, __file__, "--run", name, str(target)], check=True)
        told = subprocess.run(
            [pythons.get("measure", sys.executable), __file__, "--measure", str(target)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = json.loads(told.stdout)
        cost = json.loads(target.with_suffix(".json").read_text())
        print(
            f"| {name} | {found['left_out']} | {found['smallest']} | {found['nue']:.3f} |"
            f" {found['ncp']:.3f} | {found['age_r2']:.2f} | {found['accuracy']:.3f} |"
            f" {cost['cpu']:.1f} | {cost['mb']} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])

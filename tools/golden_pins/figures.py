"""Print the figures of every public measure on a made table, and what public examples give.

A public name that is neither called here nor known as no measure is listed under
``not called``, so that a new measure is seen.
"""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import io
import random
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

import midi_risk as m

FACES = ("midi_risk", "midi_risk.compat.pycanon", "midi_risk.compat.sdcmicro")
UTILITIES = (
    "aecs", "ambiguity", "discernibility", "entropy", "height", "kl", "loss",
    "normalised-entropy", "precision",
)  # fmt: skip
KEYS = ["age", "sex", "zip", "smoker"]
SENSITIVE = ["stage", "dose"]
NO_MEASURE = {
    "__version__", "extract", "TableSpec", "select_rows", "split_by", "propose", "Attribute",
    "AttributeSet", "Role", "Kind", "Decision", "Hierarchy", "fold", "SubjectTable",
    "ThreatModel", "load_threat_model", "assess", "AssessmentOptions", "Assessment",
    "RiskEstimate", "EquivalenceClasses", "suggest", "plan_at", "Plan", "LatticeSweep",
    "Solution", "report", "MidiRiskError",
}  # fmt: skip


def shown(value: Any) -> str:
    """Return a value in full: every field, every element, every digit."""
    if isinstance(value, pd.DataFrame | pd.Series):
        return f"{type(value).__name__}({value.to_json(double_precision=15)})"
    if isinstance(value, np.ndarray):
        return f"array({value.dtype}, {value.tolist()!r})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return f"{type(value).__name__}({', '.join(f'{k}={shown(v)}' for k, v in fields)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k!r}: {shown(v)}' for k, v in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(shown(part) for part in value)}]"
    return repr(value)


def people(n: int = 300, seed: int = 7) -> pd.DataFrame:
    """Return a table of people who do not exist; drawn by the standard library alone."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    rows = [
        {
            "age": str(draw.randint(40, 59)),
            "sex": draw.choice("FM"),
            "zip": draw.choice(["1011", "1012", "1021", "1022"]),
            "smoker": draw.choice(["yes", "no", "no"]),
            "stage": draw.choice(["I", "II", "II", "III", "IV"]),
            "dose": float(draw.choice([10, 12, 15, 20, 31])),
            "weight": round(draw.gauss(75, 12), 1),
            "household": str(i // 3),
        }
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def hierarchies(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a ladder for each quasi-identifier of the table."""
    ages = sorted(set(frame["age"]))
    zips = sorted(set(frame["zip"]))
    return {
        "age": pd.DataFrame([[a, f"{int(a) // 5}", f"{int(a) // 10}", "*"] for a in ages]),
        "sex": pd.DataFrame([["F", "*"], ["M", "*"]]),
        "zip": pd.DataFrame([[z, z[:3], z[:2], "*"] for z in zips]),
        "smoker": pd.DataFrame([["no", "*"], ["yes", "*"]]),
    }


def calls() -> dict[str, Callable[[], Any]]:
    """Return every call by a label that begins with the name of the measure."""
    raw = people()
    ladders = hierarchies(raw)
    coarse = raw.assign(age=raw["age"].str[:1], zip=raw["zip"].str[:3])
    holes = raw.mask(pd.DataFrame({c: raw.index % 17 == i for i, c in enumerate(raw.columns)}))
    stages = pd.DataFrame([["I", "low", "*"], ["II", "low", "*"], ["III", "high", "*"],
                           ["IV", "high", "*"]])  # fmt: skip
    population = pd.concat([raw, people(900, 8)], ignore_index=True)
    numbers = raw[["dose", "weight"]]
    masked = numbers.assign(weight=(numbers["weight"] / 5).round() * 5)
    order = ["I", "II", "III", "IV"]
    days = np.arange(300) * 37 % 90 + np.arange(300) % 3 * 90
    made: dict[str, Callable[[], Any]] = {}
    for name, frame in {"raw": raw, "coarse": coarse, "holes": holes}.items():
        for missing in ("category", "wildcard"):
            classes = m.equivalence_classes(frame, KEYS, missing=missing)
            sized = m.equivalence_classes(
                frame, KEYS, missing=missing, population_sizes=np.full(len(frame), 400.0)
            )
            label = f"{name} {missing}"
            made |= {
                f"equivalence_classes {label}": lambda c=classes: c,
                f"k_anonymity {label}": lambda f=frame, w=missing: m.k_anonymity(
                    f, KEYS, missing=w
                ),
                f"identity_risk {label}": lambda c=classes: m.identity_risk(c, k=5),
                f"identity_risk population {label}": lambda c=sized: m.identity_risk(c, k=5),
                f"strict_mean {label}": lambda c=classes: m.strict_mean(c),
                f"average_class_size {label}": lambda c=classes: m.average_class_size(c),
                f"discernibility {label}": lambda c=classes: m.discernibility(c, suppressed=3),
                f"k_map {label}": lambda c=sized: m.k_map(c),
                f"delta_presence {label}": lambda c=sized: m.delta_presence(c),
                f"individual_risk {label}": lambda c=sized: m.individual_risk(c),
                f"individual_risk approximate {label}": lambda c=sized: m.individual_risk(
                    c, method="approximate"
                ),
                f"individual_risk plug-in {label}": lambda c=sized: m.individual_risk(
                    c, method="plug-in"
                ),
                f"attribute_disclosure {label}": lambda c=classes, f=frame: m.attribute_disclosure(
                    c, f["stage"], order=order
                ),
                f"attribute_disclosure tree {label}": lambda c=classes, f=frame: (
                    m.attribute_disclosure(c, f["stage"], hierarchy=stages)
                ),
            }
        for multi in ("worst", "extend"):
            label = f"{name} {multi}"
            made |= {
                f"l_diversity {label}": lambda f=frame, w=multi: [
                    m.l_diversity(f, KEYS, SENSITIVE, multi=w),
                    m.l_diversity(f, KEYS, SENSITIVE, kind="entropy", multi=w),
                    m.l_diversity(f, KEYS, SENSITIVE, kind="recursive", c=2, multi=w),
                ],
                f"recursive_c {label}": lambda f=frame, w=multi: m.recursive_c(
                    f, KEYS, SENSITIVE, l=2, multi=w
                ),
                f"t_closeness {label}": lambda f=frame, w=multi: m.t_closeness(
                    f, KEYS, SENSITIVE, multi=w
                ),
                f"alpha_k_anonymity {label}": lambda f=frame, w=multi: m.alpha_k_anonymity(
                    f, KEYS, SENSITIVE, multi=w
                ),
                f"beta_likeness {label}": lambda f=frame, w=multi: m.beta_likeness(
                    f, KEYS, SENSITIVE, multi=w
                ),
                f"beta_likeness enhanced {label}": lambda f=frame, w=multi: m.beta_likeness(
                    f, KEYS, SENSITIVE, kind="enhanced", multi=w
                ),
                f"delta_disclosure {label}": lambda f=frame, w=multi: m.delta_disclosure(
                    f, KEYS, SENSITIVE, multi=w
                ),
            }
        made |= {
            f"t_closeness ordered {name}": lambda f=frame: m.t_closeness(
                f, KEYS, "stage", distance="ordered", order=order
            ),
            f"t_closeness tree {name}": lambda f=frame: m.t_closeness(
                f, KEYS, "stage", distance="hierarchical", hierarchy=stages
            ),
            f"suda {name}": lambda f=frame: m.suda(f, KEYS),
            f"suda ihsn {name}": lambda f=frame: m.suda(f, KEYS, weighting="ihsn"),
            f"combination_risks {name}": lambda f=frame: m.combination_risks(f, KEYS, k=3),
            f"ambiguity {name}": lambda f=frame: m.ambiguity(raw, f, KEYS),
            f"generalisation_loss {name}": lambda f=frame: m.generalisation_loss(
                raw, f, KEYS, hierarchies=ladders
            ),
            f"non_uniform_entropy {name}": lambda f=frame: m.non_uniform_entropy(raw, f, KEYS),
            f"propensity_score {name}": lambda f=frame: m.propensity_score(
                raw, f, KEYS, categorical=KEYS
            ),
            f"correct_attribution {name}": lambda f=frame: m.correct_attribution(
                raw, f, KEYS, "stage"
            ),
            f"singling_out {name}": lambda f=frame: m.singling_out(f, raw, KEYS),
            f"linkability {name}": lambda f=frame: m.linkability(
                f, raw, ["age", "sex"], ["zip", "smoker"]
            ),
            f"inference {name}": lambda f=frame: m.inference(f, raw, KEYS, "stage"),
            f"local_suppression {name}": lambda f=frame: m.local_suppression(f, KEYS, k=3),
            f"local_suppression subsets {name}": lambda f=frame: m.local_suppression(
                f, KEYS, k=[5, 3], combs=[2, 3]
            ),
        }
    risks = np.linspace(0.01, 0.9, 300)
    made |= {
        "global_risk": lambda: m.global_risk(risks),
        "household_risk": lambda: m.household_risk(risks, raw["household"]),
        "precision": lambda: m.precision([1, 0, 2], [3, 1, 3], suppressed_share=0.1),
        "km_anonymity": lambda: m.km_anonymity(raw[KEYS].to_numpy().tolist()[:60], m=2),
        "distance_linkage": lambda: m.distance_linkage(numbers, masked, ["dose", "weight"]),
        "interval_disclosure": lambda: m.interval_disclosure(
            numbers["weight"].to_numpy(), masked["weight"].to_numpy()
        ),
        "age_error": lambda: m.age_error(risks * 80, np.round(risks * 16) * 5),
        "suv_error": lambda: m.suv_error(
            numbers["weight"].to_numpy(), masked["weight"].to_numpy()
        ),
        "interval_error": lambda: m.interval_error(
            np.arange(300) // 3, days, days // 7 * 7
        ),
        "strata": lambda: m.strata(np.arange(300) % 31),
    }  # fmt: skip
    criteria = {
        "KAnonymity": (m.KAnonymity(4),),
        "AverageRisk": (m.AverageRisk(0.2),),
        "KMap": (m.KMap(8, population=population[KEYS]), m.KMap(8, fraction=0.2)),
        "DistinctLDiversity": (m.DistinctLDiversity("stage", 3),),
        "EntropyLDiversity": (m.EntropyLDiversity("stage", 2.5),),
        "RecursiveCLDiversity": (m.RecursiveCLDiversity("stage", 3, 2),),
        "TCloseness": (
            m.TCloseness("stage", 0.2),
            m.TCloseness("stage", 0.2, "ordered", order=tuple(order)),
            m.TCloseness("stage", 0.2, "hierarchical", hierarchy=stages),
        ),
        "AlphaK": (m.AlphaK("stage", 0.6, 3),),
        "BetaLikeness": (m.BetaLikeness("stage", 1.5), m.BetaLikeness("stage", 1.5, enhanced=True)),
        "DeltaDisclosure": (m.DeltaDisclosure("stage", 2.0),),
    }
    for name, several in criteria.items():
        for number, one in enumerate(several):
            for share in (0.0, 0.05):
                made[f"{name} {number} search {share}"] = lambda c=one, s=share: m.search(
                    raw, ladders, k=2, criteria=[c], max_suppression=s
                )
    for utility in UTILITIES:
        made[f"search {utility}"] = lambda u=utility: m.search(
            raw, ladders, k=5, max_suppression=0.03, utility=u
        )
    made["search budget"] = lambda: m.search(raw, ladders, k=5, budget_seconds=1.0)
    swept = m.sweep(raw, ladders)
    made["sweep"] = swept.to_frame
    made["sweep best"] = lambda: [swept.best(k, 0.02) for k in (2, 3, 5, 11)]
    made["sweep front"] = lambda: swept.front((2, 3, 5, 11))
    ages = [str(age) for age in range(17, 97, 3)]
    for ladder in ("age", "date", "geo", "weight", None):
        made[f"build_hierarchy {ladder}"] = lambda x=ladder: m.build_hierarchy(
            x, m.Kind.CATEGORY, ages
        )
    return made


def outcome(call: Callable[[], Any]) -> str:
    """Return what a call gives, or how it fails, and of what it warns."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            text = shown(call())
        except Exception as error:  # noqa: BLE001 - how it fails is what is compared
            text = f"{type(error).__name__}: {error}"
    return "; ".join([text, *(f"{w.category.__name__}: {w.message}" for w in warned)])


def example_outcome(thing: Any) -> str:
    """Run the examples in a docstring and return what they print."""
    own: dict[str, Any] = dict(vars(inspect.getmodule(thing) or m))
    printed = io.StringIO()
    with redirect_stdout(printed):
        for example in doctest.DocTestParser().get_examples(inspect.getdoc(thing) or ""):
            try:
                exec(compile(example.source, "<example>", "single"), own)  # noqa: S102
            except Exception as error:  # noqa: BLE001 - how it fails is what is compared
                print(f"{type(error).__name__}: {error}")
    return printed.getvalue()


if __name__ == "__main__":
    found = calls()
    for label in found:
        print(f"{label}: {outcome(found[label])}")
    called = {label.split()[0] for label in found}
    print(f"not called: {sorted(set(m.__all__) - called - NO_MEASURE)}")
    for face in FACES:
        module = import_module(face)
        for name in sorted(module.__all__):
            print(f"example of {face}.{name}:\n{example_outcome(getattr(module, name))}")

"""The plan of a quality control: strata by risk, how many of each are read, and which.

One order of the subjects, drawn with the seed, serves all channels, so that whoever is read for one
is read for the next. Within a stratum the first of that order are a simple random sample.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.document.sampling import CONFIDENCE, ReadStratum, bound_over_strata, sample_size
from midi_risk.errors import ConfigError, MeasureError, SourceError
from midi_risk.risk.quality.units import FOUND, UNDECIDED, Person, Population, file_state, strata_of
from midi_risk.sources.inspection.summary import Inspection

COLUMNS = (
    "unit", "subject", "stratum", "channel", "look_at", "reader", "date", "result", "kind", "note",
)  # fmt: skip
"""Columns of `qc.csv`; the reader fills the last five."""
GIVEN = COLUMNS[:5]
PLAN_FILE = "plan.json"
VERSION = 1
WHOLE = frozenset({FOUND, UNDECIDED})
"""Strata that are read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One stratum of one channel, and how many of it are read.

    Parameters
    ----------
    channel, stratum : str
    total, sample : int
    enough : bool
        Whether a clean sample of that size rules out the share that was asked for.
    """

    channel: str
    stratum: str
    total: int
    sample: int
    enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a sample is drawn.

    Parameters
    ----------
    share : float
        Share of units with an identifier that a clean sample rules out, stratum by stratum.
    sensitivity : float
        Probability that a reader sees an identifier that is there, as stated.
    seed : int
    readers : int
        Readers of each unit.
    channels : tuple of str
    """

    share: float
    sensitivity: float
    seed: int
    readers: int
    channels: tuple[str, ...]


def draw(
    strata: Mapping[str, Mapping[str, str]], design: Design
) -> tuple[list[Drawn], list[tuple[str, str, str]]]:
    """Return the strata and the units that are read.

    Parameters
    ----------
    strata : mapping of str to mapping of str to str
        Subject -> channel -> stratum.
    design : Design

    Returns
    -------
    list of Drawn, list of (subject, channel, stratum)

    Examples
    --------
    >>> people = {f"s{i}": {"face": "not_searched"} for i in range(1000)}
    >>> design = Design(share=0.01, sensitivity=0.9, seed=1, readers=1, channels=("face",))
    >>> parts, units = draw(people, design)
    >>> parts[0].sample, len(units), len(set(units))
    (264, 264, 264)
    """
    names = sorted(strata)
    order = np.random.default_rng(design.seed).permutation(len(names))
    members: dict[tuple[str, str], list[str]] = {}
    for place in order.tolist():
        for channel, stratum in strata[names[place]].items():
            members.setdefault((channel, stratum), []).append(names[place])
    parts: list[Drawn] = []
    units: list[tuple[str, str, str]] = []
    for (channel, stratum), held in sorted(members.items()):
        needed = sample_size(len(held), design.share, design.sensitivity)
        sample = len(held) if needed is None or stratum in WHOLE else needed
        parts.append(
            Drawn(channel=channel, stratum=stratum, total=len(held), sample=sample,
                  enough=needed is not None)
        )  # fmt: skip
        units += [(subject, channel, stratum) for subject in held[:sample]]
    return parts, units


def expected_bound(parts: Sequence[Drawn], sensitivity: float, subjects: int) -> float:
    """Return the joint bound that the plan gives where every unit is found clean."""
    read = [
        ReadStratum(looked=p.sample, of=p.total, defects=0, sensitivity=sensitivity) for p in parts
    ]
    return bound_over_strata(read, subjects)


def make_plan(
    population: Population,
    inspection: Inspection | None,
    design: Design,
    today: date,
    canaries: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """Return the plan as the store keeps it: strata, units, and the digests of what is read.

    Parameters
    ----------
    population : Population
    inspection : Inspection or None
        What the machine found.
    design : Design
    today : datetime.date
    canaries : sequence of mapping
        Hidden units: ``subject`` and ``channel``. They are no part of any stratum.

    Raises
    ------
    MeasureError
        When there is nothing that people could read.
    """
    strata = {
        label: strata_of(person, design.channels, inspection)
        for label, person in population.people.items()
    }
    parts, drawn = draw(strata, design)
    if not drawn:
        raise MeasureError("no subject has content that people could read")
    every = [(*unit, "") for unit in drawn] + [
        (c["subject"], c["channel"], strata[c["subject"]].get(c["channel"], "not_searched"),
         c["channel"]) for c in canaries
    ]  # fmt: skip
    mixed = np.random.default_rng([design.seed, 1]).permutation(len(every)).tolist()
    known: dict[str, list[dict[str, Any]]] = {}
    units = []
    for number, place in enumerate(mixed, 1):
        subject, channel, stratum, canary = every[place]
        person = population.people[subject]
        if subject not in known:
            known[subject] = [file_state(listed) for listed in person.files]
        units.append(
            {"unit": f"u{number:05d}", "subject": subject, "channel": channel, "stratum": stratum,
             "canary": canary, "look_at": look_at(person), "files": known[subject],
             "rows": person.rows}
        )  # fmt: skip
    return {
        "version": VERSION, "planned": today.isoformat(), "share": design.share,
        "sensitivity": design.sensitivity, "seed": design.seed, "readers": design.readers,
        "confidence": CONFIDENCE, "subjects": len(population.people),
        "population": population.digest, "strata": [
            {"channel": p.channel, "stratum": p.stratum, "total": p.total, "sample": p.sample}
            for p in parts
        ],
        "units": units,
    }  # fmt: skip


def look_at(person: Person) -> str:
    """Say where a subject is found."""
    if not person.files:
        return "rows in " + ", ".join(person.tables)
    first = person.files[0].shown
    if len(person.files) == 1:
        return first
    return f"{len(person.files)} files from {first}"


def sheet(plan: Mapping[str, Any]) -> str:
    """Return `qc.csv` with an empty reading for each unit and reader.

    With hidden canaries subjects are named by their unit, else a subject that is read twice would
    show which unit is none.
    """
    blind = any(unit["canary"] for unit in plan["units"])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for unit in plan["units"]:
        given = [str(row) for row in given_of(unit, blind=blind).values()]
        for _ in range(plan["readers"]):
            writer.writerow([*given, "", "", "", "", ""])
    return out.getvalue()


def given_of(unit: Mapping[str, Any], *, blind: bool) -> dict[str, str]:
    """Return what the plan says of a unit in `qc.csv`."""
    given = {name: str(unit[name]) for name in GIVEN}
    if blind:
        given["subject"] = given["unit"]
    return given


def written(plan: Mapping[str, Any]) -> str:
    """Return the plan as text."""
    return json.dumps(plan, indent=1, sort_keys=True) + "\n"


def digest_of_plan(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan."""
    return hashlib.sha256(written(plan).encode()).hexdigest()


def read_plan(folder: Path) -> dict[str, Any]:
    """Return the plan that the store keeps.

    Raises
    ------
    SourceError
        When there is none.
    ConfigError
        When it is none of this version.
    """
    path = folder / PLAN_FILE
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        if plan["version"] != VERSION:
            raise ValueError  # noqa: TRY301 - one way out for every file that is none
    except FileNotFoundError:
        raise SourceError(
            "this project has no plan of quality control", hint="Run: midi-risk qc plan PROJECT"
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(
            str(path), ["not a plan of this version; draw a new one with qc plan"]
        ) from None
    return dict(plan)

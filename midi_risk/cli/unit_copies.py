"""Copies of the units of a quality control, with canaries hidden among them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.errors import MeasureError, OutputError, reason_of
from midi_risk.export.score.make import bytes_of
from midi_risk.export.score.plant import (
    KINDS_BY_CHANNEL,
    canary_for,
    plant,
)
from midi_risk.export.score.tokens import Tokens
from midi_risk.risk.quality.plan import Design
from midi_risk.risk.quality.units import Population
from midi_risk.sources.files.listing import Listed

_LARGEST = 256 << 20


def choose_canaries(population: Population, design: Design, count: int) -> list[dict[str, str]]:
    """Return subjects and channels of which a copy with a planted identifier is read.

    Raises
    ------
    MeasureError
        When none of the channels can hold one: a face cannot be planted.
    """
    channels = [name for name in design.channels if name in KINDS_BY_CHANNEL]
    people = sorted(label for label, person in population.people.items() if person.files)
    if not channels or not people:
        raise MeasureError(
            "no canary can be planted",
            hint=f"They go into files, for {', '.join(KINDS_BY_CHANNEL)}",
        )
    random = np.random.default_rng([design.seed, 2])
    return [
        {"subject": people[int(random.integers(len(people)))],
         "channel": channels[place % len(channels)]}
        for place in range(count)
    ]  # fmt: skip


def copy_units(plan: Mapping[str, Any], population: Population, folder: Path) -> dict[str, Any]:
    """Copy the files of each unit under neutral names, and plant in those that are canaries.

    Parameters
    ----------
    plan : mapping
    population : Population
    folder : pathlib.Path
        New.

    Returns
    -------
    dict
        The plan, with the copies as what is looked at. A canary in whose files nothing could be
        planted is left out.

    Raises
    ------
    OutputError
        When the folder is there already or cannot be written.
    MeasureError
        When no canary could be planted.
    """
    if folder.exists():
        raise OutputError(f"'{folder}' is there already", hint="Name another sheet with -o")
    tokens = Tokens(int(plan["seed"]) + 1)
    units = []
    try:
        folder.mkdir(mode=0o700, parents=True)
        for number, unit in enumerate(plan["units"]):
            person = population.people[unit["subject"]]
            copies = [bytes_of(listed) for listed in person.files]
            if unit["canary"] and not _plant_one(
                person.files, copies, tokens, number, canary_for(unit["channel"])
            ):
                continue
            place = folder / unit["unit"]
            place.mkdir(mode=0o700)
            for order, content in enumerate(copies):
                (place / f"{order:05d}.dcm").write_bytes(content)
            digests = hashlib.sha256(b"".join(hashlib.sha256(c).digest() for c in copies))
            look = f"{place}, {len(copies)} files" if copies else unit["look_at"]
            units.append({**unit, "look_at": look, "copies": digests.hexdigest()})
    except OSError as error:
        raise OutputError(f"cannot write into '{folder}': {reason_of(error)}") from None
    if not any(unit["canary"] for unit in units):
        raise MeasureError("no canary could be planted in these files")
    return {**plan, "units": units}


def _plant_one(
    files: list[Listed],
    copies: list[bytes],
    tokens: Tokens,
    number: int,
    places: Callable[[str], bool],
) -> bool:
    """Plant in one of the copies; False where none of them takes it."""
    for order in np.random.default_rng(number).permutation(len(copies)).tolist():
        if files[order].size > _LARGEST or not copies[order]:
            continue
        made = plant(copies[order], tokens, number=number, places=places)
        if made is not None and made.line["canaries"]:
            copies[order] = made.content
            return True
    return False

"""The invented people of the example collection: who they are and when they came.

Everything is drawn from one seeded stream of `random.Random.random`, the only method
whose sequence Python promises to keep; no logarithm or cosine is involved, so every
machine draws the same people.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass, replace

SEED = 20260923
N_SUBJECTS = 200

Weights = dict[str, float]

SITES: Weights = {"A": 0.46, "B": 0.34, "C": 0.20}
RACES: Weights = {
    "White": 0.79,
    "Black or African American": 0.11,
    "Asian": 0.06,
    "Not reported": 0.04,
}
SMOKING: Weights = {"former": 0.56, "current": 0.25, "never": 0.16, "n/a": 0.03}
HISTOLOGY: Weights = {
    "adenocarcinoma": 0.55,
    "squamous cell carcinoma": 0.27,
    "small cell carcinoma": 0.12,
    "large cell carcinoma": 0.05,
    "carcinoid": 0.01,
}
STAGES: Weights = {"I": 0.34, "II": 0.16, "III": 0.24, "IV": 0.23, "n/a": 0.03}
POSTCODES: dict[str, Weights] = {
    "A": {"01201": 0.3, "01225": 0.2, "01230": 0.2, "01238": 0.15, "01247": 0.15},
    "B": {"05401": 0.4, "05403": 0.3, "05446": 0.2, "05482": 0.1},
    "C": {"12601": 0.5, "12603": 0.3, "12538": 0.2},
}
OCCUPATIONS: Weights = {
    "retired": 0.52,
    "teacher": 0.08,
    "nurse": 0.07,
    "driver": 0.08,
    "builder": 0.08,
    "office clerk": 0.09,
    "farmer": 0.05,
    "n/a": 0.03,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One invented person.

    Parameters
    ----------
    key : str
        PatientID in the images.
    sex : str
        ``F`` or ``M``.
    age_days : int
        Age at the first visit.
    height_m, weight_kg : float
    site : str
    race, smoking, histology, stage, postcode, occupation : str
    first : datetime.date
        First visit after the shift that de-identification applied.
    visits : tuple of int
        Days after the first visit, beginning with 0.
    survival_days : int
        After diagnosis.
    died : bool
    """

    key: str
    sex: str
    age_days: int
    height_m: float
    weight_kg: float
    site: str
    race: str
    smoking: str
    histology: str
    stage: str
    postcode: str
    occupation: str
    first: dt.date
    visits: tuple[int, ...]
    survival_days: int
    died: bool

    def age_years(self, visit: int) -> int:
        """Return completed years at one visit."""
        return int((self.age_days + self.visits[visit]) / 365.25)

    def date(self, visit: int) -> str:
        """Return the date of one visit as DICOM DA."""
        return (self.first + dt.timedelta(days=self.visits[visit])).strftime("%Y%m%d")


def pick(stream: random.Random, weights: Weights) -> str:
    """Draw one key with probability proportional to its weight."""
    mark = stream.random() * math.fsum(weights.values())
    for name, weight in weights.items():
        mark -= weight
        if mark < 0:
            return name
    return next(reversed(weights))


def bell(stream: random.Random, mean: float, sd: float) -> float:
    """Draw from a sum of twelve uniforms, which is close to normal."""
    return mean + sd * (math.fsum(stream.random() for _ in range(12)) - 6)


def between(stream: random.Random, low: int, high: int) -> int:
    """Draw an integer from low to high, both included."""
    return low + int(stream.random() * (high - low + 1))


def draw_person(stream: random.Random, number: int) -> Person:
    """Draw one person; site C numbers its patients with leading zeros."""
    site = pick(stream, SITES)
    sex = "M" if stream.random() < 0.56 else "F"
    age_years = min(max(bell(stream, 64, 7.5), 41), 86)
    height = bell(stream, 1.76 if sex == "M" else 1.63, 0.07)
    body_mass = max(bell(stream, 26.5, 4.5), 16)
    n_visits = 2 + (stream.random() < 0.24) + (stream.random() < 0.12)
    visits = [0]
    for _ in range(n_visits - 1):
        planned = 91 * between(stream, 1, 4)
        visits.append(visits[-1] + planned + between(stream, -9, 14))
    stage = pick(stream, STAGES)
    shift = between(stream, -364, 364)
    return Person(
        key=f"00{400 + number}" if site == "C" else f"LCT-{number:04d}",
        sex=sex,
        age_days=int(age_years * 365.25) + between(stream, 0, 364),
        height_m=round(height, 2),
        weight_kg=round(body_mass * height * height * 2) / 2,
        site=site,
        race=pick(stream, RACES),
        smoking=pick(stream, SMOKING),
        histology=pick(stream, HISTOLOGY),
        stage=stage,
        postcode=pick(stream, POSTCODES[site]),
        occupation=pick(stream, OCCUPATIONS) if age_years < 65 else "retired",
        first=dt.date(2011, 1, 3) + dt.timedelta(days=between(stream, 0, 1300) + shift),
        visits=tuple(visits),
        survival_days=visits[-1] + between(stream, 20, 2400 if stage in {"I", "II"} else 900),
        died=stream.random() < {"I": 0.18, "II": 0.38, "III": 0.62, "IV": 0.85}.get(stage, 0.5),
    )


def draw_people() -> list[Person]:
    """Draw everyone, then plant the one person who is older than 89."""
    stream = random.Random(SEED)  # noqa: S311 - an example, not a secret
    people = [draw_person(stream, number) for number in range(1, N_SUBJECTS + 1)]
    people[60] = replace(people[60], age_days=int(93.4 * 365.25), occupation="retired")
    return people

"""Identifiers of nobody, to be planted and looked for."""

from __future__ import annotations

import random
from collections.abc import Sequence

_ELSEWHERE = [
    "Nguyen",
    "Kowalski",
    "Okafor",
    "Yamamoto",
    "Petrov",
    "Rossi",
    "Dubois",
    "Novak",
    "Horvat",
    "Jansen",
    "Virtanen",
    "Haddad",
    "Cohen",
    "Wojcik",
    "Lindqvist",
    "Castillo",
    "Tanaka",
    "Hoang",
    "Mbeki",
    "Olsen",
]


def planted_token(draw: random.Random, names: Sequence[str], number: int) -> str:
    """Return one invented identifier: names, dates and numbers in usual forms take turns.

    Parameters
    ----------
    draw : random.Random
    names : sequence of str
        Of the census.
    number : int
        Which of the forms.
    """
    last = draw.choice(_ELSEWHERE) if number % 4 else draw.choice(names).title()
    year, month, day = draw.randint(1930, 2024), draw.randint(1, 12), draw.randint(1, 28)
    forms = (
        last.upper(), f"{draw.choice(names).title()} {last}", f"Dr. {last}",
        f"{year}-{month:02}-{day:02}", f"{year}{month:02}{day:02}", f"{month}/{day}/{year}",
        f"MRN {draw.randint(100000, 99999999)}", str(draw.randint(1000000, 99999999)),
    )  # fmt: skip
    return forms[number % len(forms)]

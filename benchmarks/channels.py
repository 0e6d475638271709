"""How well channels are looked at: identifiers planted into descriptions of real collections.

    python benchmarks/channels.py text IDC_SERIES_PARQUET

`text`: descriptions of the collections of the IDC index that `imaging_words.txt` does not know
(`tools/text_words.py`); `plain_words.txt` was written by hand after a look at false alarms of both
halves. 960 strings have one identifier of 16 kinds planted, others stand as they are. A detection
counts when something is found that the string alone does not have. It is net of the clean rate: the
share detected less the share of clean strings flagged, over the rest. The lower bound is that of
Clopper and Pearson of the share detected, one-sided at 95 %, made net in the same way. Half of the
surnames are drawn from the list of the search itself, half are 40 of other countries, many of which
the census has too: names that no list has are found by their form alone.

On two shared cores (2026-11-30): 3,752 clean strings, 1.6 % flagged, 25 us a string; recall .98
net, lower bound .97.
"""

from __future__ import annotations

import random
import resource
import sys
from pathlib import Path

import pyarrow.parquet as pq
from scipy import special

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from text_words import in_training

from midi_risk.sources.inspection.rules import candidates, census_names

MOST = 200
NOT_CLEAN = ("victre", "rider_lung_ct")
"""Descriptions that are names of simulated files by number, and subject keys with dates."""
FOREIGN = [
    "Nguyen",
    "Kowalski",
    "Müller",
    "Okafor",
    "Yamamoto",
    "Petrov",
    "Fernández",
    "Rossi",
    "Dubois",
    "Andersson",
    "Papadopoulos",
    "Novák",
    "Horvat",
    "Ivanova",
    "Silva",
    "Jansen",
    "Schäfer",
    "Virtanen",
    "Öztürk",
    "Khan",
    "Haddad",
    "Cohen",
    "Singh",
    "Patel",
    "Chen",
    "Wójcik",
    "Lindqvist",
    "Moreau",
    "Bianchi",
    "Castillo",
    "Vasquez",
    "Tanaka",
    "Kim",
    "Hoang",
    "Ahmed",
    "Mbeki",
    "Olsen",
    "Keller",
    "Brandt",
    "Vogel",
]
FIRST = [
    "Anna",
    "Piotr",
    "Jürgen",
    "Chidi",
    "Hiroshi",
    "Olga",
    "María",
    "Giulia",
    "Camille",
    "Lars",
    "Eleni",
    "Tomáš",
    "Ivana",
    "Dmitri",
    "João",
    "Pieter",
    "Sabine",
    "Matti",
    "Ayşe",
    "Imran",
    "Leila",
    "David",
    "Priya",
    "Wei",
    "Agnieszka",
    "Sven",
    "Luc",
    "Chiara",
    "Diego",
    "Lucia",
]


def kinds(draw: random.Random) -> dict[str, str]:
    """Return one identifier of each of 16 kinds."""
    known = sorted(census_names())
    last = draw.choice([draw.choice(FOREIGN), draw.choice(known).title()])
    first = draw.choice([draw.choice(FIRST), draw.choice(known).title()])
    year, month, day = draw.randint(1930, 2024), draw.randint(1, 12), draw.randint(1, 28)
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    return {
        "name": f"{first} {last}",
        "NAME": f"{last.upper()}^{first.upper()}",
        "name, name": f"{last}, {first}",
        "surname": last.upper(),
        "doctor": f"Dr. {last}",
        "doctor's degree": f"{last}, MD",
        "patient": f"pt {last}",
        "ISO date": f"{year}-{month:02}-{day:02}",
        "DICOM date": f"{year}{month:02}{day:02}",
        "US date": f"{month}/{day}/{year}",
        "German date": f"{day:02}.{month:02}.{year}",
        "date in words": f"{day} {names[month - 1]} {year}",
        "record number": f"MRN {draw.randint(100000, 99999999)}",
        "number": str(draw.randint(1000000, 99999999)),
        "phone": f"({draw.randint(200, 999)}) {draw.randint(200, 999)}-{draw.randint(1000, 9999)}",
        "site": f"{last} Hospital",
    }


def text(index: Path) -> None:
    """Measure the search in free text."""
    columns = ["collection_id", "StudyDescription", "SeriesDescription"]
    rows = pq.read_table(index, columns=columns).to_pandas()
    held = rows[[not in_training(str(c)) for c in rows["collection_id"]]]
    strings = sorted({str(v) for column in columns[1:] for v in held[column].dropna().unique()})
    draw = random.Random(7)  # noqa: S311 - a benchmark
    of = {
        str(v): str(c)
        for column in columns[1:]
        for c, v in zip(held.collection_id, held[column], strict=True)
    }
    mixed: dict[str, list[str]] = {}
    strings = [string for string in strings if of[string] not in NOT_CLEAN]
    for string in draw.sample(strings, len(strings)):
        mixed.setdefault(of[string], []).append(string)
    clean = [string for group in mixed.values() for string in group[:MOST]]
    print(f"{len(clean)} clean strings, at most {MOST} of each of {len(mixed)} collections")
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    flagged = sum(bool(candidates(s)) for s in clean)
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
    rate = flagged / len(clean)
    print(
        f"held-out strings {len(strings)}; clean flagged {rate:.1%};"
        f" {spent / len(clean) * 1e6:.0f} us"
    )
    total, found, per = 0, 0, {}
    for _ in range(60):
        for kind, planted in kinds(draw).items():
            host = draw.choice(strings)
            whole = draw.choice([f"{host} {planted}", f"{planted} {host}", f"{host}_{planted}"])
            before = set(candidates(host))
            hit = bool(set(candidates(whole)) - before)
            total, found = total + 1, found + hit
            per.setdefault(kind, []).append(hit)
    lower = float(special.betaincinv(found, total - found + 1, 0.05)) if found else 0.0
    net, low = ((x - rate) / (1 - rate) for x in (found / total, lower))
    print(f"planted {total}, recall net {net:.3f}, lower bound {low:.3f}")
    for kind, hits in per.items():
        print(f"  {kind:<16} {sum(hits) / len(hits):.2f}")
    every = sum(bool(candidates(s)) for s in strings) / len(strings)
    print(f"flagged of all these held-out strings {every:.1%}")
    tokens = {hit for s in strings for hit in candidates(s)}
    print(f"distinct tokens to review in all held-out strings: {len(tokens)}")


if __name__ == "__main__":
    {"text": text}[sys.argv[1]](Path(sys.argv[2]))

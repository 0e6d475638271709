"""How well channels are looked at: identifiers planted into descriptions of real collections.

    python benchmarks/channels.py text IDC_SERIES_PARQUET
    python benchmarks/channels.py pixels [LINES [rapidocr|tesseract [CLEAN]]]

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

`pixels`: one line in each of synthetic frames of five kinds (`SHAPES`), of font sizes in pixels
(`PIXEL_SIZES`; capitals are .7 of them) and contrasts as shares of the range shown
(`PIXEL_CONTRASTS`), at a place by chance, and frames without text. Detected: a string of at least
three letters and digits whose box covers 30 % of the line and has at most six times its area;
read: similar by .8. CPU seconds are of reading, all views of a frame together. Bounds as above.

On two shared cores (2026-12-01), 200 lines: RapidOCR 3.10 detected .670 (lower bound .611), read
.655 (.596), .875 detected at 10 px or more and contrast .2 or more, 0 of 100 clean frames with a
string, .307 CPU s a frame. Taken whole or enlarged to 736 pixels, as its own settings are: .417
of 400 lines. Tesseract 5.3 on 400 lines: .273 (.236), read .223 (.189), 43 of 100 clean frames,
.585 CPU s a frame.
"""

from __future__ import annotations

import difflib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from scipy import ndimage, special

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from text_words import in_training

from midi_risk.sources.inspection.pixels import Planted, Planting, overlaps
from midi_risk.sources.inspection.planted import planted_token
from midi_risk.sources.inspection.reading import READER, Line, read_lines, reader_named
from midi_risk.sources.inspection.rules import candidates, census_names
from midi_risk.sources.inspection.strings import FEWEST, characters
from midi_risk.sources.inspection.views import pictures_of

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


SHAPES = {"CT": (512, 512), "MR": (320, 320), "XR": (1024, 832), "US": (480, 640), "SC": (600, 800)}
PIXEL_SIZES = (8, 10, 12, 16, 24)
PIXEL_CONTRASTS = (0.1, 0.2, 0.4, 0.8)
WINDOW = {"CT": [(864.0, 1264.0)]}
"""Of stored values; other frames have none."""


def frame(modality: str, rng: np.random.Generator) -> np.ndarray:
    """Return one frame without text: anatomy made of ellipses, noise, a fan or a screen."""
    rows, columns = SHAPES[modality]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    grain = rng.normal(size=(rows, columns))
    if modality == "SC":
        out = np.full((rows, columns), float(rng.integers(0, 60)))
        for _ in range(8):
            top, left = rng.integers(0, rows - 60), rng.integers(0, columns - 90)
            down, across = rng.integers(20, 220), rng.integers(30, 300)
            out[top : top + down, left : left + across] = rng.integers(20, 200)
        return np.clip(out + grain, 0, 255).astype(np.uint8)
    body = np.zeros((rows, columns))
    for number in range(14):
        a, b = (0.85, 0.7) if not number else rng.uniform(0.04, 0.35, 2)
        u, v = (0, 0) if not number else rng.uniform(-0.5, 0.5, 2)
        turn = rng.uniform(0, np.pi)
        p, q = (x - u) * np.cos(turn) + (y - v) * np.sin(turn), (y - v) * np.cos(turn)
        q = q - (x - u) * np.sin(turn)
        inside = (p / a) ** 2 + (q / b) ** 2 < 1
        body[inside] = 0.35 if not number else rng.uniform(0.1, 0.9)
    body = ndimage.gaussian_filter(body, 1.2)
    if modality == "US":
        fan = (np.abs(np.arctan2(x, y + 1.2)) < 0.6) & (np.hypot(x, y + 1.2) < 2)
        speckle = rng.gamma(2.0, 0.5, (rows, columns))
        return np.clip(ndimage.gaussian_filter(body * speckle, 0.8) * fan * 230, 0, 255).astype(
            np.uint8
        )
    if modality == "XR":
        smooth = ndimage.gaussian_filter(body, 9) * 0.7 + 0.2
        for number in range(9):  # ribs
            smooth += 0.06 * (np.abs(y - 0.2 * number + 0.9 + 0.25 * x**2) < 0.03)
        return np.clip(smooth * 3400 + 40 * grain, 0, 4095).astype(np.uint16)
    if modality == "CT":
        return np.clip(body * 1300 + 25 * grain, 0, 4095).astype(np.uint16)
    smooth = ndimage.gaussian_filter(rng.normal(size=(rows, columns)), 60)
    return np.clip(np.hypot(body * 900 * (1 + 8 * smooth), 30 * grain), 0, 4095).astype(np.uint16)


def tesseract(picture: np.ndarray) -> list[Line]:
    """Return what tesseract reads of a picture at twice its size, as sparse text."""
    from PIL import Image  # noqa: PLC0415 - of the extra

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.png"
        image = Image.fromarray(picture)
        image.resize((image.width * 2, image.height * 2)).save(path)
        told = subprocess.run(
            ["tesseract", str(path), "-", "--psm", "11", "tsv"],
            capture_output=True, check=True, text=True, env={"OMP_THREAD_LIMIT": "1"},
        ).stdout  # fmt: skip
    lines: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for row in told.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[11].strip() and float(cells[10]) >= 0:
            lines[tuple(cells[1:5])].append(cells)
    found = []
    for words in lines.values():
        left, top = (min(int(w[n]) for w in words) // 2 for n in (6, 7))
        right = max(int(w[6]) + int(w[8]) for w in words) // 2
        bottom = max(int(w[7]) + int(w[9]) for w in words) // 2
        found.append(Line(" ".join(w[11] for w in words), 1.0, (left, top, right, bottom)))
    return found


def alike(one: str, other: str) -> bool:
    """Tell whether a line was read: similarity of letters and digits of at least .8."""
    a, b = ("".join(c for c in text.lower() if c.isalnum()) for text in (one, other))
    return difflib.SequenceMatcher(None, a, b).ratio() >= 0.8


def bound(found: int, total: int) -> float:
    """Return the lower bound of Clopper and Pearson, one-sided at 95 %."""
    return float(special.betaincinv(found, total - found + 1, 0.05)) if found else 0.0


def spent() -> float:
    """Return CPU seconds of this process and of those that it started."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def pixels(frames: int, alone: str = "", empty_frames: str = "100") -> None:
    """Measure what is read of lines in synthetic frames, and of frames without any."""
    reader = reader_named(READER)
    if reader is None:
        raise SystemExit("install the extra: pip install 'midi-risk[pixels]'")
    engines = {"rapidocr": lambda picture: read_lines(reader, picture)}
    if shutil.which("tesseract"):
        engines["tesseract"] = tesseract
    names = sorted(census_names())
    reader.lines(np.zeros((64, 64), np.uint8))
    for engine, read in engines.items():
        if alone not in {"", engine}:
            continue
        draw, rng = random.Random(11), np.random.default_rng(11)  # noqa: S311 - a benchmark
        cells: dict[tuple[int, float], list[tuple[bool, bool]]] = defaultdict(list)
        cost: dict[str, list[float]] = defaultdict(list)
        clean = 0
        for number in range(frames + int(empty_frames)):
            modality = list(SHAPES)[number % len(SHAPES)]
            values = frame(modality, rng)
            empty = number >= frames
            plant = None
            if not empty:
                turn = number // len(SHAPES)
                size = PIXEL_SIZES[turn % len(PIXEL_SIZES)]
                contrast = PIXEL_CONTRASTS[turn // len(PIXEL_SIZES) % len(PIXEL_CONTRASTS)]
                text_ = planted_token(draw, names, number)
                plant = Planting([Planted(text_, size, contrast, draw.random(), draw.random())])
                values = plant.into(values)
            before = spent()
            pictures = pictures_of(values, WINDOW.get(modality, ()))
            lines = [line for picture in pictures for line in read(picture)]
            cost[modality].append(spent() - before)
            lines = [line for line in lines if characters(line.text) >= FEWEST]
            if plant is None:
                clean += bool(lines)
                continue
            met = [line for line in lines if overlaps(line, plant.boxes[0])]
            cells[size, contrast].append((bool(met), any(alike(m.text, text_) for m in met)))
        _say(engine, cells, cost, clean)


def _say(engine: str, cells: dict, cost: dict, clean: int) -> None:
    every = [one for held in cells.values() for one in held]
    if not every:
        print(f"{engine}: clean frames with a string {clean}")
        return
    detected, read = (sum(one[n] for one in every) for n in (0, 1))
    print(
        f"{engine}: {len(every)} lines, detected {detected / len(every):.3f}"
        f" (lower bound {bound(detected, len(every)):.3f}), read {read / len(every):.3f}"
        f" ({bound(read, len(every)):.3f}); clean frames with a string {clean}"
    )
    strong = [o for (size, c), held in cells.items() if size >= 10 and c >= 0.2 for o in held]
    print(f"  at >= 10 px and contrast >= .2: {sum(o[0] for o in strong) / len(strong):.3f}")
    for size in PIXEL_SIZES:
        row = [sum(o[0] for o in cells[size, c]) / len(cells[size, c]) for c in PIXEL_CONTRASTS]
        print(
            f"  {size:>2} px detected at contrast {PIXEL_CONTRASTS}: {[round(x, 2) for x in row]}"
        )
    means = {name: round(sum(took) / len(took), 3) for name, took in cost.items()}
    total = [one for took in cost.values() for one in took]
    print(f"  CPU seconds a frame {sum(total) / len(total):.3f}; {means}")


if __name__ == "__main__":
    if sys.argv[1] == "pixels":
        pixels(int(sys.argv[2]) if len(sys.argv) > 2 else 400, *sys.argv[3:])
    else:
        text(Path(sys.argv[2]))

"""Write the word lists of the search in free text: names of a census, and words of imaging.

usage: text_words.py NAMES_FOLDER IDC_SERIES_PARQUET

The names are the files dist.all.last, dist.female.first and dist.male.first of the US census of
1990 (public domain), as the package ``names`` carries them. The words are tokens that two or more
collections of one half of the IDC index use; the other half stays unseen, for
``benchmarks/channels.py``.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

MOST_SURNAMES = 40_000
DATA = Path(__file__).resolve().parents[1] / "midi_risk" / "data"
_WORD = re.compile(r"[^\W\d_]{3,}")


def in_training(collection: str) -> bool:
    """Tell the half of the collections that the words are taken from."""
    return hashlib.sha256(collection.encode()).digest()[0] % 2 == 0


def main() -> None:
    """Write both lists."""
    folder, index = Path(sys.argv[1]), Path(sys.argv[2])
    names: set[str] = set()
    for file, most in (("dist.all.last", MOST_SURNAMES), ("dist.female.first", None),
                       ("dist.male.first", None)):  # fmt: skip
        lines = (folder / file).read_text(encoding="ascii").splitlines()
        names.update(line.split()[0].lower() for line in lines[:most])
    text = "\n".join(sorted(name for name in names if len(name) >= 3)) + "\n"
    (DATA / "census_names.txt").write_text(text, encoding="ascii")
    rows = pq.read_table(
        index,
        columns=["collection_id", "StudyDescription", "SeriesDescription", "BodyPartExamined",
                 "Manufacturer", "ManufacturerModelName"],
    ).to_pandas()  # fmt: skip
    used = defaultdict(set)
    for collection, group in rows.groupby("collection_id"):
        if in_training(str(collection)):
            for column in group.columns[1:]:
                for value in group[column].dropna().unique():
                    for word in _WORD.findall(str(value).lower()):
                        used[word].add(collection)
    words = sorted(word for word, collections in used.items() if len(collections) >= 2)
    (DATA / "imaging_words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    print(len(names), "names,", len(words), "words")


if __name__ == "__main__":
    main()

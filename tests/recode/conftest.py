"""The Adult table of the ARX project with its hierarchies, and results to compare with."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "data" / "arx"


@dataclass(frozen=True)
class Adult:
    data: pd.DataFrame
    hierarchies: dict[str, pd.DataFrame]
    golden: dict[str, list[dict[str, Any]]]
    nodes: pd.DataFrame


@pytest.fixture(scope="session")
def adult() -> Adult:
    data = pd.read_csv(FOLDER / "adult.csv.gz", sep=";", dtype="category")
    hierarchies = {
        name: pd.read_csv(
            FOLDER / "hierarchies" / f"adult_hierarchy_{name}.csv", sep=";", header=None, dtype=str
        )
        for name in data.columns
    }
    golden = json.loads(gzip.decompress((FOLDER / "golden.json.gz").read_bytes()))
    nodes = pd.read_csv(FOLDER / "lattice_adult_nodes.csv.gz")
    return Adult(data, hierarchies, golden, nodes)

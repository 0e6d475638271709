"""The plan with bands that differ between subjects on the tuning page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import midi_risk as mr
from midi_risk.recode.plan import suggest
from midi_risk.table.model import SubjectTable
from midi_risk.threat.library import load_threat_model
from midi_risk.tune.page import static_page
from midi_risk.tune.session import Bench, Session


@pytest.fixture(scope="module")
def bench() -> Bench:
    draw = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "key": [f"s{i}" for i in range(300)],
            "age": draw.integers(30, 80, 300).astype(str),
            "sex": draw.choice(["F", "M"], 300),
            "site": draw.choice(["Ash", "Birch", "Elm", "Yew"], 300),
        }
    )
    table: SubjectTable = mr.subject_table(frame, key="key", quasi=["age", "sex", "site"])
    models = [load_threat_model("public-release")]
    return Bench(
        title="invented", table=table, models=models, attributes=table.attributes,
        fold=lambda _: table,
    )  # fmt: skip


@pytest.fixture(scope="module")
def session(bench: Bench) -> Session:
    return Session(bench=bench)


def test_the_card_tells_what_the_command_would_write(bench: Bench, session: Session):
    plan = suggest(bench.table, bench.models, local=True)
    card = session.lattice.local
    assert card is not None
    assert (card.left_out, card.loss, card.age_r2) == (
        plan.suppressed.subjects, plan.loss, plan.age_r2,
    )  # fmt: skip
    assert session.local is not None
    assert session.local.local == plan.local
    alone = suggest(bench.table, bench.models)
    assert (session.plan.levels, session.plan.loss) == (alone.levels, alone.loss)
    assert card.loss < (alone.loss or 0.0)


def test_both_pages_show_it_beside_the_other_plans(bench: Bench, session: Session):
    lattice = bench.lattice(session.plan, session.local)
    page = static_page(lattice, title="t", threat_models=["public-release"])
    assert "midi-risk suggest PROJECT --local" in page
    assert "Bands differ between subjects" in page
    without = static_page(bench.lattice(session.plan), title="t", threat_models=["public-release"])
    assert "--local</span>" not in without


def test_the_page_holds_no_class_of_it(bench: Bench, session: Session):
    assert session.local is not None
    assert session.local.local is not None
    page = static_page(
        bench.lattice(session.plan, session.local), title="t", threat_models=["public-release"]
    )
    lists = {each.shows.get("site") or "" for each in session.local.local.classes}
    lists = {label for label in lists if " or " in label}
    assert not any(label in page for label in lists)


def test_the_served_page_hands_out_its_plan(session: Session, tmp_path: Path):
    pytest.importorskip("starlette")
    from midi_risk.tune.changes import Desk
    from midi_risk.tune.server import answers_of

    told = answers_of(Desk(session=session, output=tmp_path))["local"]({})
    assert told["local"]["classes"]
    assert told["found"]

"""What is published beside a collection: valid, in known words, without a value."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from midi_risk.cli.app import run
from midi_risk.export.targets.crate import CONTEXT, SNIPPETS, rounded
from midi_risk.report import load_assessment


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("crate")
    rows = [f"KANARIE{i:03d},{40 + i},{'MF'[i % 2]},Zitrone{i % 3}" for i in range(40)]
    table = base / "Gabelweihe.csv"
    table.write_text("patient_id,age,sex,diagnosis\n" + "\n".join(rows) + "\n", encoding="utf-8")
    run(["init", str(table), "-o", str(base / "p"), "--name", "Birds <b>"])
    project = base / "p" / "midi-risk.yaml"
    text = project.read_text(encoding="utf-8")
    project.write_text(
        text.replace("hierarchy: age}", "hierarchy: age, level: 20y, need: growth}"),
        encoding="utf-8",
    )
    run(["assess", str(base / "p"), "-o", str(base / "out"), "-q"])
    assert run(["export", str(base / "p"), "--to", "crate", "-o", str(base / "out"), "-q"]) == 0
    return base / "out"


def test_every_snippet_is_written_and_in_the_crate(crate: Path) -> None:
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    described = {node["@id"]: node for node in graph}
    for name in SNIPPETS:
        assert (crate / name).is_file()
        assert described[name]["conditionsOfAccess"] == "may be shared"


def test_no_snippet_holds_a_value_a_path_or_a_day(crate: Path) -> None:
    for name in SNIPPETS:
        text = (crate / name).read_text(encoding="utf-8")
        assert not re.search(r"KANARIE|Zitrone|Gabelweihe|\d{4}-\d{2}-\d{2}", text), name
        assert str(crate) not in text


def test_the_crate_tells_no_digest_of_what_is_internal_and_no_time(crate: Path) -> None:
    text = (crate / "ro-crate-metadata.json").read_text(encoding="utf-8")
    document = load_assessment(crate / "assessment.json")
    assert document.created[:10] not in text
    assert document.valid_until not in text
    assert document.collection.digest not in text
    for entity in json.loads(text)["@graph"]:
        if entity["@type"] == "File":
            internal = entity["conditionsOfAccess"] != "may be shared"
            assert internal is ("sha256" not in entity)
            assert internal is ("contentSize" not in entity)
            content = (crate / entity["@id"]).read_bytes()
            assert (hashlib.sha256(content).hexdigest() in text) is not internal


def test_linked_data_use_declared_prefixes_only(crate: Path) -> None:
    document = json.loads((crate / "assessment.jsonld").read_text(encoding="utf-8"))
    assert document["@context"] == CONTEXT

    def prefixes(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {k.split(":")[0] for k in node if ":" in k and not k.startswith("@")}
            return own.union(*(prefixes(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(prefixes(value) for value in node))
        return set()

    body = {k: v for k, v in document.items() if k != "@context"}
    assert prefixes(body) <= set(CONTEXT)
    assert "dpv:RiskAssessment" in document["@type"]


def test_the_descriptor_names_decisions_and_what_is_open(crate: Path) -> None:
    text = (crate / "data-descriptor.md").read_text(encoding="utf-8")
    assert "Generalised: age." in text
    assert "required class size of 11" in text
    assert "not a determination" in text


def test_bids_and_croissant_say_what_was_done(crate: Path) -> None:
    bids = json.loads((crate / "participants-snippet.json").read_text(encoding="utf-8"))
    assert "20-year bands" in bids["age"]["Description"]
    croissant = json.loads((crate / "croissant-rai.json").read_text(encoding="utf-8"))
    assert croissant["rai:personalSensitiveInformation"] == ["diagnosis"]
    assert "age: generalise" in croissant["rai:dataManipulationProtocol"]


@pytest.mark.parametrize(("count", "shown"), [(0, "0"), (3, "< 11"), (11, "15"), (203, "205")])
def test_counts_are_those_of_the_shareable_edition(count: int, shown: str) -> None:
    assert rounded(count, 11) == shown


def test_snippets_are_functions_of_the_document_alone(crate: Path) -> None:
    document = load_assessment(crate / "assessment.json").public()
    for name, text_of in SNIPPETS.items():
        assert text_of(document) == (crate / name).read_text(encoding="utf-8")

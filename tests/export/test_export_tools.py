"""The exported files do, where their tool runs here, what `apply` did."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import ctp_reader
import pydicom
import pytest
from release_collection import PROJECT, make_collection, values

from midi_risk.attributes.hierarchy import Hierarchy
from midi_risk.cli.app import run
from midi_risk.cli.export_command import command
from midi_risk.cli.job import open_job
from midi_risk.errors import ConfigError
from midi_risk.export.rules import release_rules
from midi_risk.export.targets import TARGETS
from midi_risk.export.targets.crate import SNIPPETS
from midi_risk.export.targets.registry import export_rules

OF_RULES = [name for name, target in TARGETS.items() if target.of_rules]


def export(project: Path, target: str, folder: Path, plan: Path | None = None) -> Path:
    given = ["--plan", str(plan)] if plan else []
    out = folder / target
    assert run(["export", str(project), "--to", target, *given, "-o", str(out), "-q"]) == 0
    return out


@pytest.fixture(scope="module")
def exports(collection: Path, release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    plan = release.parent / "plan" / "plan.json"
    for target in OF_RULES:
        export(collection, target, folder, plan)
    return folder


def load(path: Path) -> ModuleType:
    """Import a file that was exported, under its own name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def pairs(release: Path) -> Iterator[tuple[Path, Path]]:
    """Yield original and copy of every object, but one subject that shows one value for two."""
    with (release / "assessment" / "files.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            if row["release"].endswith(".dcm") and not row["source"].endswith("second.dcm"):
                yield Path(row["source"]), release / "release" / row["release"]


def test_the_standalone_script_writes_what_apply_wrote(release: Path, exports: Path) -> None:
    module = load(exports / "python" / "midi_risk_recode.py")
    for source, copy in pairs(release):
        recoded = module.recode(pydicom.dcmread(source))
        assert values(recoded) == values(pydicom.dcmread(copy))
        said = pydicom.dcmread(source).get("PatientIdentityRemoved")
        assert recoded.get("PatientIdentityRemoved") == said  # a script has no verdict to go by


def test_the_standalone_script_writes_what_apply_wrote_of_the_example(
    example_release: Path, tmp_path: Path
) -> None:
    project = example_release.parent
    plan = project / "plan" / "plan.json"
    module = load(export(project, "python", tmp_path, plan) / "midi_risk_recode.py")
    release = json.loads((example_release / "assessment" / "apply.json").read_text("utf-8"))
    assert release["equal"]
    with (tmp_path / "python" / "fidelity.csv").open(encoding="utf-8", newline="") as rows:
        others = {row["attribute"] for row in csv.DictReader(rows) if row["fidelity"] != "exact"}
    assert "PatientAge" in others
    assert not others & {"PatientSex", "StudyDate", "PatientName", "PatientSize"}
    for source, copy in list(pairs(example_release))[::25]:
        ours, theirs = values(module.recode(pydicom.dcmread(source))), values(pydicom.dcmread(copy))
        different = {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
        assert different <= others  # the script claims no more than it does


def test_the_standalone_script_needs_nothing_of_this_package(exports: Path) -> None:
    text = (exports / "python" / "midi_risk_recode.py").read_text(encoding="utf-8")
    assert "import midi_risk\n" not in text
    assert "from midi_risk" not in text
    for secret in ("Name^", "ACME", "P001", "061Y"):
        assert secret not in text


def test_the_deid_recipe_writes_what_apply_wrote(release: Path, exports: Path) -> None:
    pytest.importorskip("deid", reason="pydicom/deid is not installed")
    load(exports / "deid" / "midi_risk_recode.py")
    glue = load(exports / "deid" / "midi_risk_deid.py")
    for source, copy in list(pairs(release))[:10]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (recoded,) = glue.recode_files([str(source)])
        assert values(recoded) == values(pydicom.dcmread(copy))


def test_the_deid_recipe_keeps_nothing_it_has_to_replace(exports: Path) -> None:
    lines = (exports / "deid" / "deid.midi-risk").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.startswith("KEEP")]
    assert "REPLACE PatientAge func:midi_risk" in lines


def test_dicom_anonymizer_takes_the_rules_as_a_dictionary(release: Path, exports: Path) -> None:
    tool = pytest.importorskip(
        "dicomanonymizer.simpledicomanonymizer", reason="dicom-anonymizer is not installed"
    )
    module = load(exports / "python" / "midi_risk_recode.py")
    for source, copy in list(pairs(release))[:10]:
        recoded, ours = pydicom.dcmread(source), pydicom.dcmread(copy)
        tool.anonymize_dataset(
            recoded, extra_anonymization_rules=module.dictionary(), base_rules_gen=dict
        )
        for keyword in ("PatientAge", "StudyDate", "PatientWeight", "PatientSize", "Manufacturer"):
            assert str(recoded.get(keyword, "")) == str(ours.get(keyword, "")), keyword


def test_the_ctp_script_is_well_formed_and_recodes_the_top_level(
    release: Path, exports: Path
) -> None:
    text = (exports / "ctp" / "midi-risk.script").read_text(encoding="utf-8")
    found = ctp_reader.scripts(text)
    assert "PatientIdentityRemoved" not in found  # a script has no verdict to go by
    assert found["DeidentificationMethod"].startswith("@always()midi-risk ")
    assert "@round" not in text
    assert "\\" not in text
    for source, copy in list(pairs(release))[:6]:
        before, after = pydicom.dcmread(source), pydicom.dcmread(copy)
        for keyword in ("PatientAge", "PatientWeight", "PatientSize", "StudyDate", "StudyTime"):
            raw = str(getattr(before[keyword].value, "original_string", before[keyword].value))
            assert ctp_reader.run(found[keyword], raw) == str(after[keyword].value), keyword


@pytest.mark.parametrize("target", OF_RULES)
def test_every_rule_has_a_row_in_the_fidelity_table(exports: Path, target: str) -> None:
    with (exports / target / "fidelity.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert {row["fidelity"] for row in rows} <= {"exact", "approximate", "inexpressible"}
    named = {row["attribute"] for row in rows}
    assert {"PatientAge", "PatientWeight", "Manufacturer"} <= named
    assert all(row["why"] for row in rows if row["fidelity"] != "exact")


def test_a_script_for_images_cannot_recode_a_table(exports: Path) -> None:
    with (exports / "ctp" / "fidelity.csv").open(encoding="utf-8", newline="") as handle:
        rows = {row["attribute"]: row["fidelity"] for row in csv.DictReader(handle)}
    assert rows["postcode"] == "inexpressible"


def test_arx_hierarchies_read_back_and_hold_every_value(exports: Path) -> None:
    with (exports / "arx" / "subjects.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for path in sorted((exports / "arx" / "hierarchies").iterdir()):
        hierarchy = Hierarchy.from_arx_csv(path)
        known = set(hierarchy.frame.iloc[:, 0])
        assert {row[path.stem] for row in rows} <= known


def test_the_hierarchy_of_ages_does_not_tell_who_is_there(exports: Path) -> None:
    lines = (exports / "arx" / "hierarchies" / "PatientAge.csv").read_text("utf-8").splitlines()
    assert [line.partition(";")[0] for line in lines[:123]] == [str(n) for n in range(123)]


def test_the_map_of_a_spreadsheet_lists_intervals(exports: Path) -> None:
    with (exports / "spreadsheet" / "recode-map.csv").open(encoding="utf-8", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["attribute"] == "age"]
    assert {"from": "60", "below": "65", "label": "60-64"}.items() <= rows[12].items()
    assert rows[-1]["label"] == "90+"
    assert rows[-1]["below"] == ""


def test_hostile_names_stay_data(tmp_path: Path) -> None:
    project = PROJECT.replace("Manufacturer: {role", "Manufacturer: {utility: 9, role")
    folder = make_collection(tmp_path / "c", project)
    evil = '</e><script>"}{@keep()}\\"; import os; os.system("x") #'
    for path in (folder / "images").iterdir():
        ds = pydicom.dcmread(path)
        ds.Manufacturer, ds.StationName = evil[:60], evil[:16]
        ds.save_as(path)
    table = folder / "clinical.csv"
    text = table.read_text(encoding="utf-8").replace("note", '"); system(""x"") #"')
    table.write_text(text.replace('"); system(""x"") #"', '"=cmd\'); system(""x"") #"'), "utf-8")
    text = (folder / "midi-risk.yaml").read_text(encoding="utf-8")
    (folder / "midi-risk.yaml").write_text(text.replace("  note:", "  # note:"), "utf-8")
    for target in ("ctp", "deid", "python", "arx"):
        out = export(folder, target, tmp_path / "to")
        for path in out.rglob("*"):
            if path.suffix in {".py", ".script", ".midi-risk"}:
                content = path.read_text(encoding="utf-8")
                assert "os.system" not in content
                assert "</e><script>" not in content
    ctp_reader.scripts((tmp_path / "to" / "ctp" / "midi-risk.script").read_text(encoding="utf-8"))
    script = (tmp_path / "to" / "arx" / "check-with-sdcmicro.R").read_text(encoding="utf-8")
    assert '\\"x\\"' in script or "system" not in script
    first = (tmp_path / "to" / "arx" / "subjects.csv").read_text(encoding="utf-8").splitlines()[0]
    assert not first.startswith(("=", "+", "@"))
    assert ",=" not in first


def test_a_table_alone_has_no_dicom_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_text(
        "id,age\n" + "\n".join(f"s{i},{i}" for i in range(30, 60)) + "\n", encoding="utf-8"
    )
    (tmp_path / "midi-risk.yaml").write_text(
        "schema: midi-risk/project/1\n"
        "collection: {name: T, sources: [{table: t.csv, key: id}]}\n"
        "attributes: {age: {role: quasi_identifier, kind: age, level: 10y}}\n",
        encoding="utf-8",
    )
    out = tmp_path / "out"
    assert run(["export", str(tmp_path), "--to", "ctp", "-o", str(out), "-q"]) == 2
    assert "the project reads none" in capsys.readouterr().err
    assert not out.exists()
    assert run(["export", str(tmp_path), "--to", "spreadsheet", "-o", str(out), "-q"]) == 0


def test_a_crate_describes_the_files_that_are_there(release: Path, tmp_path: Path) -> None:
    folder = tmp_path / "assessment"
    folder.mkdir()
    for name in ("assessment.json", "report-shareable.html"):
        content = (release / "assessment" / name).read_bytes()
        (folder / name).write_bytes(content)
    assert run(["export", "anything", "--to", "crate", "-o", str(folder), "-q"]) == 0
    crate = json.loads((folder / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert {part["@id"] for part in graph["./"]["hasPart"]} == {
        "assessment.json",
        "report-shareable.html",
        *SNIPPETS,
    }
    action = next(e for e in crate["@graph"] if e["@type"] == "CreateAction")
    assert action["instrument"] == {"@id": "#midi-risk"}
    for entity in crate["@graph"]:
        for value in entity.values():
            for link in value if isinstance(value, list) else [value]:
                if isinstance(link, dict) and not link["@id"].startswith("https:"):
                    assert link["@id"] in graph


@pytest.mark.parametrize("target", ["bogus", "crate", "DEID", ""])
def test_a_target_that_does_not_exist_is_refused(collection: Path, target: str) -> None:
    job = open_job([str(collection)])
    extraction = job.extract()
    table = job.fold(extraction, job.attributes(extraction))
    release = release_rules(table, extraction, None, {})
    with pytest.raises(ConfigError) as caught:
        export_rules(target, release, extraction, statement="x")
    assert str(caught.value) == (
        f"export: there is no target {target!r}. Known: ctp, deid, python, arx, spreadsheet"
    )


def test_every_target_is_offered_and_explained() -> None:
    (choice,) = [p for p in command.params if p.name == "target"]
    assert list(choice.type.choices) == list(TARGETS)  # type: ignore[attr-defined]
    page = Path(__file__).parents[2] / "docs" / "apply-and-export.md"
    rows = page.read_text(encoding="utf-8").splitlines()
    for name, target in TARGETS.items():
        assert any(row.startswith(f"| `{name}` | {target.words} |") for row in rows), name
        assert callable(target.load()), name


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_writes_something_of_the_example(
    target: str, example_release: Path, tmp_path: Path
) -> None:
    folder = tmp_path
    if TARGETS[target].of_rules:
        folder = export(example_release.parent, target, tmp_path)
    else:
        content = (example_release / "assessment" / "assessment.json").read_bytes()
        (folder / "assessment.json").write_bytes(content)
        assert run(["export", "any", "--to", target, "-o", str(folder), "-q"]) == 0
    written = {path for path in folder.rglob("*") if path.is_file()}
    own = {p for p in written if p.name not in {"assessment.json", "fidelity.csv", "fidelity.txt"}}
    assert own
    assert all(path.stat().st_size for path in own)

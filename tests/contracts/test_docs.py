"""The documentation covers every command, option, key, ladder and public name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cli_docs
import click
import pydantic
import pytest

import midi_risk
from midi_risk import config
from midi_risk.attributes.ladders import LADDERS
from midi_risk.cli.app import app
from midi_risk.document.assessment import Context, Quality, SearchEntry, SignOff
from midi_risk.document.conditions import CONDITIONS
from midi_risk.document.reasons import REASONS
from midi_risk.threat.library import shipped_threat_models
from midi_risk.threat.model import (
    ATTEMPT_TABLES,
    LABELS,
    Adversary,
    AttemptSettings,
    ThreatModel,
    ThresholdSettings,
)

COMMANDS = list(cli_docs.commands(app, "midi-risk"))


def words_in_code(page: Path) -> set[str]:
    """Return the words that a page sets in code, inline or in blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    words = {word for code in [*blocks, *inline] for word in re.findall(r"[\w.-]*\w", code)}
    return words | {part for word in words for part in word.split(".")}


def fields(*models: type[pydantic.BaseModel]) -> Iterator[str]:
    for model in models:
        for name, field in model.model_fields.items():
            yield field.alias or name


def test_the_page_of_the_command_line_is_current() -> None:
    assert cli_docs.PAGE.read_text(encoding="utf-8") == cli_docs.page()


@pytest.mark.parametrize(
    ("path", "command"), [(path, command) for path, command, _ in COMMANDS], ids=str
)
def test_every_command_and_option_says_what_it_does(path: str, command: click.Command) -> None:
    assert command.help, path
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{path} {parameter.name}"


def test_the_readme_shows_every_command(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    first = [path for path, _, _ in COMMANDS if len(path.split()) == 2]
    absent = [path for path in first if path not in text]
    assert absent == []


def test_the_page_on_python_lists_exactly_the_public_names(root: Path) -> None:
    text = (root / "docs" / "python.md").read_text(encoding="utf-8")
    listed = {
        name
        for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert listed == {name for name in midi_risk.__all__ if name != "__version__"}


def test_the_page_on_the_verdict_lists_every_reason_as_it_is(root: Path) -> None:
    text = (root / "docs" / "verdict.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in text.splitlines()
        if row.startswith("| `")
    ]
    assert rows == [
        [
            f"`{code}`",
            kind.meaning,
            (kind.status or "none").replace("_", " "),
            str(kind.condition or ""),
            "yes" if code in CONDITIONS else "",
        ]
        for code, kind in REASONS.items()
    ]


def test_every_public_name_can_be_imported_and_says_what_it_is() -> None:
    for name in midi_risk.__all__:
        public = getattr(midi_risk, name)
        assert name == "__version__" or (public.__doc__ or "").strip(), name


def test_every_key_of_the_project_file_is_explained(root: Path) -> None:
    known = words_in_code(root / "docs" / "project-file.md")
    keys = set(
        fields(
            config.Project,
            config.CollectionSettings,
            config.SourceSettings,
            config.AttributeSettings,
            config.ChannelStatement,
            config.PopulationStatement,
            config.Validity,
            config.Tolerance,
            config.SuggestSettings,
            Context,
            Quality,
            SearchEntry,
            SignOff,
        )
    )
    assert keys - known == set()


def test_the_example_in_the_page_on_the_project_file_is_valid(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "project-file.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    file = tmp_path / "midi-risk.yaml"
    file.write_text(example, encoding="utf-8")
    assert config.load_project(file).collection.name == "Lung CT"


def test_every_ladder_is_listed_with_its_levels(root: Path) -> None:
    text = (root / "docs" / "project-file.md").read_text(encoding="utf-8")
    section = text.split("## Ladders")[1].split("\n## ")[0]
    listed: dict[str, set[str]] = {}
    for first, second in re.findall(r"^\| (`.*?) \| (.*?) \|$", section, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", first):
            listed[name] = set(re.findall(r"`(\w+)`", second))
    assert listed.keys() == LADDERS.keys()
    for name, ladder in LADDERS.items():
        assert set(ladder.steps) <= listed[name], name


def test_every_key_of_a_threat_model_is_explained(root: Path) -> None:
    known = words_in_code(root / "docs" / "threat-models.md")
    keys = set(fields(ThreatModel, ThresholdSettings, Adversary, AttemptSettings))
    assert keys - {"description", *known} == set()
    assert {*ATTEMPT_TABLES, *shipped_threat_models()} - known == set()


def test_the_table_of_threshold_labels_is_right(root: Path) -> None:
    text = (root / "docs" / "threat-models.md").read_text(encoding="utf-8")
    labels = re.search(r"^\| label \| (.*) \|$", text, re.MULTILINE)
    sizes = re.search(r"^\| k \| (.*) \|$", text, re.MULTILINE)
    assert labels is not None
    assert sizes is not None
    pairs = zip(labels[1].split(" | "), map(int, sizes[1].split(" | ")), strict=True)
    assert dict(pairs) == LABELS


@pytest.mark.parametrize("page", ["README.md", "docs/exit-codes.md"])
def test_the_exit_codes_are_those_of_the_design(root: Path, page: str) -> None:
    text = (root / page).read_text(encoding="utf-8")
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert codes == [0, 1, 2, 3, 4, 5, 130]


def test_every_command_of_the_documentation_exists(root: Path) -> None:
    known = {tuple(path.split()[1:]) for path, _, _ in COMMANDS}
    options = {
        option
        for _, command, _ in COMMANDS
        for parameter in command.params
        for option in [*parameter.opts, *parameter.secondary_opts]
    } | {"--help", "-h"}
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        if page.name == "cli.md":
            continue
        for line in re.findall(r"midi-risk ([a-z]+[^`\n|]*)", page.read_text(encoding="utf-8")):
            words = line.split()
            if (words[0],) not in known:
                continue
            unknown = {w.split("=")[0] for w in words if re.match(r"--?[a-z]", w)} - options
            assert unknown == set(), f"{page.name}: midi-risk {line}"

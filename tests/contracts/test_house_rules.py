"""What the house rules promise about every module."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import check_forbidden
import check_functions
import check_links
import check_skips
import mutants
import pytest
import repository
import yaml

import midi_risk


def test_no_function_has_more_than_eighty_lines_of_code(root: Path) -> None:
    assert check_functions.long_functions(root / "midi_risk") == []


def test_every_relative_link_of_the_documentation_leads_somewhere(root: Path) -> None:
    assert check_links.all_broken_links(root) == []


def test_no_file_names_a_machine_or_holds_what_it_must_not(root: Path) -> None:
    assert check_forbidden.forbidden(root) == []


CRLF_ON_PURPOSE: dict[str, str] = {}
"""Path of a text file whose lines are to end in CR LF -> the reason."""


def crlf_texts(root: Path) -> list[str]:
    """Return the text files with a line that ends in CR LF; what holds a NUL is no text."""
    found = []
    for path in repository.files(root):
        content = path.read_bytes()
        if b"\r\n" in content and b"\0" not in content:
            found.append(path.relative_to(root).as_posix())
    return found


def test_lines_end_in_one_line_feed_but_for_named_exceptions(root: Path) -> None:
    # Equality, so that an exception is taken off the list with its file.
    assert crlf_texts(root) == sorted(CRLF_ON_PURPOSE)


def public_definitions(body: list[ast.stmt], owner: str) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_"):
                continue
            yield f"{owner}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{owner}.{node.name}")


def test_every_public_name_has_a_docstring(root: Path) -> None:
    bare = []
    for path in sorted((root / "midi_risk").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = ".".join(path.relative_to(root).with_suffix("").parts)
        if ast.get_docstring(tree) is None:
            bare.append(module)
        bare += [
            name
            for name, node in public_definitions(tree.body, module)
            if ast.get_docstring(node) is None
        ]
    assert bare == []


def test_no_unfinished_work_is_left_in_the_package(root: Path) -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    found = [
        path.relative_to(root).as_posix()
        for path in sorted((root / "midi_risk").rglob("*.py"))
        if marks.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_changelog_and_the_citation_know_this_version(root: Path) -> None:
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{midi_risk.__version__}]" in changelog
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == midi_risk.__version__


def test_every_decision_record_is_in_the_index(root: Path) -> None:
    folder = root / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(folder.glob("[0-9]*.md"))
    assert [r.name for r in records if f"({r.name})" not in index] == []
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers)


def test_dependencies_have_lower_bounds_only(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [d for d in project["dependencies"] if not re.fullmatch(r"[\w.-]+>=[\d.]+", d)] == []


def test_pre_commit_and_ci_run_the_same_checks(root: Path) -> None:
    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    for hook in hooks["repos"][0]["hooks"]:
        words = [word for word in hook["entry"].split() if word not in {"python", "--fix"}]
        tool = words[0]
        assert tool in script, f"{hook['id']} runs {tool}, .ci/run does not"


class TestTheChecksThemselves:
    def test_a_long_function_is_named_with_its_length(self, tmp_path: Path) -> None:
        package = tmp_path / "package"
        package.mkdir()
        just = 'def just():\n    """Words.\n\n    More.\n    """\n' + "    x = 1\n" * 79
        (package / "fits.py").write_text(just, encoding="utf-8")
        over = "class A:\n    def over(self):\n        # why\n\n" + "        x = 1\n" * 80
        (package / "long.py").write_text(over, encoding="utf-8")
        (fault,) = check_functions.long_functions(package)
        assert fault.startswith("package.long.A.over: 81 lines of code")

    @pytest.mark.parametrize(
        ("text", "broken"),
        [
            ("[a](other.md)", 0),
            ("[a](other.md#a-heading)", 0),
            ("[a](#here)\n\n# Here", 0),
            ("[a](https://example.org/nowhere)", 0),
            ("`[a](missing.md)`", 0),
            ("```\n[a](missing.md)\n```", 0),
            ("[a](missing.md)", 1),
            ("![a](missing.png)", 1),
            ("[a](other.md#no-heading)", 1),
            ("[a](../outside.md)", 1),
        ],
    )
    def test_links_are_followed(self, tmp_path: Path, text: str, broken: int) -> None:
        (tmp_path / "outside.md").write_text("outside", encoding="utf-8")
        inside = tmp_path / "repository"
        inside.mkdir()
        (inside / "other.md").write_text("# A *heading*\n", encoding="utf-8")
        page = inside / "page.md"
        page.write_text(text, encoding="utf-8")
        assert len(check_links.broken_links(page, inside)) == broken

    @pytest.mark.parametrize(
        ("name", "text", "faults"),
        [
            ("a.py", "path = 'images/one'", 0),
            ("a.md", "see https://example.org/" + "opt/x", 0),
            ("a.py", "path = '/" + "root/data'", 1),
            ("a.toml", "pip --" + "index-url=https://example.org", 1),
            ("a.md", "<" * 7 + " HEAD", 1),
            ("uv.lock", "", 1),
        ],
    )
    def test_what_must_not_be_committed_is_found(
        self, tmp_path: Path, name: str, text: str, faults: int
    ) -> None:
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert len(check_forbidden.forbidden(tmp_path)) == faults

    def test_texts_with_dos_line_ends_are_found(self, tmp_path: Path) -> None:
        (tmp_path / "inside").mkdir()
        (tmp_path / "inside" / "dos.csv").write_bytes(b"a,b\r\n1,2\r\n")
        (tmp_path / "mixed.py").write_bytes(b"x = 1\ny = 2\r\n")
        (tmp_path / "unix.csv").write_bytes(b"a,b\n1,2\n")
        (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
        assert crlf_texts(tmp_path) == ["inside/dos.csv", "mixed.py"]

    def test_the_file_of_a_skipped_test_is_found(self) -> None:
        name = "tests.contracts.test_house_rules.TestTheChecksThemselves"
        assert check_skips.file_of(name) == "tests/contracts/test_house_rules.py"

    def test_only_skips_for_accepted_reasons_pass(self, tmp_path: Path) -> None:
        junit = tmp_path / "junit.xml"
        junit.write_text(
            "<testsuites><testsuite>"
            '<testcase classname="a" name="fine"/>'
            '<testcase classname="a" name="data"><skipped type="pytest.skip" message='
            '"the project\'s shared test data is not on this machine"/></testcase>'
            '<testcase classname="a" name="known"><skipped type="pytest.xfail" message="x"/>'
            "</testcase>"
            '<testcase classname="a" name="hidden"><skipped type="pytest.skip" message="no"/>'
            "</testcase></testsuite></testsuites>",
            encoding="utf-8",
        )
        assert list(check_skips.hidden_skips(junit)) == [("a", "hidden", "no")]


class TestTheKeptChanges:
    def test_the_lists_fit_the_code(self) -> None:
        kept, faults = mutants.listed()
        assert faults + mutants.faults_of(kept) == []
        assert len(kept) >= 300

    def test_every_stage_has_its_share(self) -> None:
        kept, _ = mutants.listed()
        least = {
            "risk": 100, "recode": 60, "export": 60, "table": 30, "report": 80, "document": 40,
        }  # fmt: skip
        counts = Counter(mutant.file.split("/")[1] for mutant in kept)
        assert {stage: counts[stage] >= n for stage, n in least.items()} == dict.fromkeys(
            least, True
        )

    @pytest.mark.parametrize(
        ("changes", "fault"),
        [
            ({"old": "y = 1"}, "stands 0 times"),
            ({"old": "= "}, "stands 2 times"),
            ({"new": "x = 1"}, "changes nothing"),
            ({"new": "x ="}, "does not compile"),
            ({"file": "package/none.py"}, "no such file"),
            ({"tests": ("test_none.py::test_x",)}, "no test file"),
            ({"tests": ()}, "no test is named"),
        ],
    )
    def test_an_entry_that_does_not_fit_is_named(
        self, tmp_path: Path, changes: dict[str, object], fault: str
    ) -> None:
        (tmp_path / "package").mkdir()
        (tmp_path / "package" / "one.py").write_text("x = 1\nz = 2\n", encoding="utf-8")
        (tmp_path / "test_one.py").write_text("", encoding="utf-8")
        fine: dict[str, object] = {
            "stage": "risk", "file": "package/one.py", "old": "x = 1", "new": "x = 2",
            "tests": ("test_one.py::test_x",), "why": "x",
        }  # fmt: skip
        assert mutants.faults_of([mutants.Mutant(**fine)], tmp_path) == []
        (found,) = mutants.faults_of([mutants.Mutant(**(fine | changes))], tmp_path)
        assert fault in found

    def test_a_list_with_unknown_keys_is_a_fault(self, tmp_path: Path) -> None:
        (tmp_path / "risk.toml").write_text('[[mutant]]\nfile = "x"\nodd = 1\n', encoding="utf-8")
        kept, (fault,) = mutants.listed(tmp_path)
        assert kept == []
        assert "risk.toml, entry 1" in fault

    def test_an_unnamed_survivor_and_an_error_are_failures(self) -> None:
        one = mutants.Mutant(stage="risk", file="f", old="a", new="b", tests=("t",), why="w")
        named = replace(one, survives="equal in floating point")
        killed = [mutants.Result(mutant=one, outcome="killed", seconds=1.0)] * 19

        def enough(mutant: mutants.Mutant, outcome: str, times: int = 1) -> bool:
            more = [mutants.Result(mutant=mutant, outcome=outcome, seconds=1.0)] * times
            return mutants.sufficient([*killed, *more])

        assert enough(one, "timeout")
        assert enough(named, "survived")
        assert not enough(named, "survived", times=2)
        assert not enough(one, "survived")
        assert not enough(named, "error")

    def test_the_page_counts_by_stage_and_names_survivors(self) -> None:
        one = mutants.Mutant(
            stage="risk", file="midi_risk/a.py", old="a", new="b", tests=("t",), why="k is lower",
            survives="equal",
        )  # fmt: skip
        results = [
            mutants.Result(mutant=one, outcome="survived", seconds=1.5, commit="abc"),
            mutants.Result(
                mutant=replace(one, stage="table"), outcome="killed", seconds=2.0, commit="def"
            ),
        ]
        text = mutants.page(results, waiting=3)
        assert "commit abc, def" in text
        assert "3 entries were not tried" in text
        assert "not tried" not in mutants.page(results)
        assert "1 of 2 noticed" in text
        assert "| risk | 1 | 0 | 0 | 1 | 0 | 2 |" in text
        assert "| table | 1 | 1 | 0 | 0 | 0 | 2 |" in text
        assert "| `midi_risk/a.py` | k is lower | equal |" in text

    def test_a_record_keeps_each_entry_as_it_was_tried(self, tmp_path: Path) -> None:
        one = mutants.Mutant(stage="risk", file="f", old="a", new="b", tests=("t",), why="w")
        record = mutants.Record(tmp_path / "runs.jsonl")
        for outcome in ("survived", "killed"):
            record.add(mutants.Result(mutant=one, outcome=outcome, seconds=1.0, by="t::test_x"))
        again = mutants.Record(tmp_path / "runs.jsonl")
        assert again.of(one) == record.of(one)
        assert again.of(one).killed
        assert again.of(replace(one, new="c")) is None
        assert again.of(replace(one, tests=("u",))) is None

    def test_the_worker_tells_what_pytest_ended_with(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "test_one.py").write_text(
            "import time\n\n\n"
            "def test_a():\n    assert True\n\n\n"
            "def test_b():\n    assert False\n\n\n"
            "def test_c():\n    time.sleep(60)\n",
            encoding="utf-8",
        )
        arguments = ["-q", "-p", "no:cacheprovider"]
        asked = [
            {"arguments": [*arguments, f"test_one.py::test_{name}"], "seconds": seconds,
             "output": str(tmp_path / f"{name}.txt")}
            for name, seconds in (("a", 60), ("b", 60), ("c", 1), ("a", 60))
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, root / "tools" / "mutants_worker.py"],
            cwd=tmp_path, input="".join(json.dumps(each) + "\n" for each in asked),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert [json.loads(line) for line in done.stdout.splitlines()] == [0, 1, None, 0]
        assert "FAILED test_one.py::test_b" in (tmp_path / "b.txt").read_text(encoding="utf-8")

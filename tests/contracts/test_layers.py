"""A stage imports only from stages before it; heavy and network modules stay out."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STAGES = (
    "document",
    "sources",
    "attributes",
    "table",
    "threat",
    "risk",
    "recode",
    "report",
    "export",
    "tune",
    "cli",
)
COMMON = ("errors", "config", "resources")
NETWORK = {
    "aiohttp", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "ssl",
    "telnetlib", "urllib3", "xmlrpc",
}  # fmt: skip
HEAVY = ("duckdb", "openpyxl", "pandas", "pyarrow", "pydicom", "scipy")


def modules(package: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts), ast.parse(path.read_text(encoding="utf-8"))


def imported(module: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = module.split(".")[: -node.level]
                yield ".".join([*base, node.module or ""]).rstrip(".")
            else:
                yield node.module or ""
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def stage_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "midi_risk" and len(parts) > 1 else None


def test_a_stage_imports_only_from_stages_before_it(root: Path) -> None:
    broken = set()
    for module, tree in modules(root / "midi_risk"):
        own = stage_of(module)
        for name in imported(module, tree):
            other = stage_of(name)
            if own in STAGES and other in STAGES and STAGES.index(other) > STAGES.index(own):
                broken.add(f"{module} imports {name}")
            if own in COMMON and other in STAGES:
                broken.add(f"{module} imports {name}")
    assert broken == set()


def contracts(root: Path) -> list[dict[str, Any]]:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return list(settings["tool"]["importlinter"]["contracts"])


def test_lint_imports_watches_every_stage_in_the_same_order(root: Path) -> None:
    named = [
        name.strip().removeprefix("midi_risk.")
        for layer in reversed(contracts(root)[0]["layers"])
        for name in layer.split("|")
    ]
    assert [name for name in named if name in STAGES] == list(STAGES)
    assert set(named) == {*STAGES, *COMMON, "compat"}


def test_lint_imports_watches_the_rooms_of_every_stage(root: Path) -> None:
    watched = {c["containers"][0] for c in contracts(root) if c.get("exhaustive")}
    stages = {f"midi_risk.{stage}" for stage in STAGES if stage != "cli"}
    assert watched == stages


def test_no_module_imports_the_network(root: Path) -> None:
    found = {
        f"{module} imports {name}"
        for module, tree in modules(root / "midi_risk")
        if stage_of(module) != "tune"
        for name in imported(module, tree)
        if name.split(".")[0] in NETWORK or name.startswith("urllib.request")
    }
    assert found == set()


@pytest.mark.parametrize("module", ["midi_risk", "midi_risk.cli"])
def test_importing_the_front_door_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(n for n in {HEAVY!r} if n in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == ""


def test_help_is_answered_without_anything_heavy() -> None:
    code = (
        "import sys\n"
        "from midi_risk.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code in (0, None)\n"
        f"print(*sorted(n for n in {HEAVY!r} if n in sys.modules), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stderr.strip() == ""
    assert "Usage" in run.stdout


EXTRAS = (
    "adbc_driver_manager",
    "adbc_driver_postgresql",
    "anyio",
    "fsspec",
    "aiohttp",
    "pycanon",
    "pyreadstat",
    "ruamel",
    "starlette",
    "uvicorn",
)


def test_the_core_works_without_the_packages_of_any_extra(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    rows = [f"s{i:03d},{'MF'[i % 2]},{40 + i % 3}" for i in range(60)]
    table.write_text("\n".join(["id,sex,age", *rows]) + "\n", encoding="utf-8")
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({EXTRAS!r}))\n"
        "from midi_risk.cli import main\n"
        f"main(['assess', {str(table)!r}, '-o', {str(tmp_path / 'out')!r}, '-q'])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode in {0, 3, 4}, run.stderr
    assert (tmp_path / "out" / "report-internal.html").is_file()

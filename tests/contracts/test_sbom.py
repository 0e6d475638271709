"""The bill of materials of the wheel: what it needs, as it is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

ABOUT = """\
Metadata-Version: 2.4
Name: midi-risk
Version: 9.9
License-Expression: Apache-2.0
Requires-Dist: pandas>=2
Requires-Dist: surely-not-there; sys_platform == 'none'
Requires-Dist: pytest; extra == 'test'
"""


def a_wheel(folder: Path) -> Path:
    path = folder / "midi_risk-9.9-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("midi_risk-9.9.dist-info/METADATA", ABOUT)
    return path


def test_it_names_all_that_is_needed_and_nothing_else(tmp_path: Path, root: Path) -> None:
    wheel, target = a_wheel(tmp_path), tmp_path / "bill.json"
    command = [sys.executable, str(root / "tools/sbom.py"), str(wheel), "-o", str(target)]
    for _ in range(2):
        subprocess.run(command, check=True)
        bill = json.loads(target.read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    names = {found["name"]: found["version"] for found in bill["components"]}
    assert names["pandas"] == metadata.version("pandas")
    assert {"numpy", "python-dateutil"} <= set(names)
    assert not {"pytest", "surely-not-there"} & set(names)
    known = {found["bom-ref"] for found in bill["components"]}
    for row in bill["dependencies"]:
        assert set(row["dependsOn"]) <= known
    assert {row["ref"] for row in bill["dependencies"]} == known | {"pkg:pypi/midi-risk@9.9"}


def test_names_are_compared_as_the_registry_does(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("sbom", root / "tools/sbom.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.normal("Foo_.Bar") == "foo-bar"
    assert tool.needed(["pandas>=2; extra == 'x'", "numpy (>=2)"]) == ["numpy"]

"""How the pages and docstrings become a site: ``sphinx-build -W -b html docs site``.

The pages stay plain Markdown that any viewer shows; what only a site needs (contents, the reference
made of docstrings) is added here. Nothing is fetched while building, and the site works from a
folder: its search needs no server.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import midi_risk  # noqa: E402  # the checkout, not an installed one

project = "midi-risk"
author = "The midi-risk developers"
project_copyright = author
version = release = midi_risk.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "results"]
language = "en_GB"
nitpicky = False
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "pydata_sphinx_theme"
html_title = f"midi-risk {version}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "navbar_end": ["theme-switcher"],
    "icon_links": [],
}

CONTENTS = {
    "Begin": ["tutorial", "project-file", "threat-models", "apply-and-export", "honest-green"],
    "How to": ["howto-hospital", "howto-bids", "howto-cdisc", "howto-archive", "howto-pipeline",
               "howto-offline"],
    "Reference": ["cli", "exit-codes", "python", "_api/index", "inspect", "tuning", "sources",
                  "generalisation", "compat"],
    "Explanation": ["verdict", "measures", "plans", "estimators", "calibration", "folding", "scale",
                    "how-it-compares"],
    "Background": ["real-tables", "idc-study", "privacy", "architecture", "adr/README"],
}  # fmt: skip
"""Heading of the contents -> pages; what exists and is not named stands under the last."""


def _toctree(pages: list[str]) -> str:
    lines = "\n".join(pages)
    return f"```{{toctree}}\n:maxdepth: 1\n\n{lines}\n```\n"


def _write_sections() -> None:
    """Write one page for each heading, which lists its pages."""
    named = {page for pages in CONTENTS.values() for page in pages}
    there = {path.stem for path in HERE.glob("*.md")} - {"index"}
    (HERE / "_sections").mkdir(exist_ok=True)
    for heading, pages in CONTENTS.items():
        chosen = [f"/{page}" for page in pages if page in there or "/" in page]
        if heading == "Background":
            chosen += [f"/{page}" for page in sorted(there - named)]
        text = f"# {heading}\n\n{_toctree(chosen)}"
        (HERE / "_sections" / f"{_slug(heading)}.md").write_text(text, encoding="utf-8")


def _slug(heading: str) -> str:
    return heading.lower().replace(" ", "-")


_OUTSIDE = re.compile(r"\[([^]]+)\]\(\.\./([^)#]+)(?:#[^)]*)?\)")
"""A link to what no page of the site is."""


def _added(_: Any, page: str, text: list[str]) -> None:
    """Add contents to the index and to the list of records; name what lies outside the site."""
    if "/" not in page:
        text[0] = _OUTSIDE.sub(r"\1 (`\2` of the sources)", text[0])
    if page == "index":
        pages = "\n".join(f"_sections/{_slug(heading)}" for heading in CONTENTS)
        text[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    elif page == "adr/README":
        text[0] += "\n\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


def _write_pages(_: Any) -> None:
    """Write the headings, and the reference: public names by the stage that they belong to."""
    _write_sections()
    folder = HERE / "_api"
    folder.mkdir(exist_ok=True)
    stages: dict[str, list[str]] = {}
    for name in midi_risk.__all__:
        if name == "__version__":
            continue
        module = midi_risk._PUBLIC[name]  # noqa: SLF001  # the table of public names
        stages.setdefault(module.split(".")[1], []).append(name)
    lines = ["Public names", "============", "", ".. currentmodule:: midi_risk", ""]
    for stage, names in stages.items():
        lines += [stage, "-" * len(stage), ""]
        for name in names:
            value = getattr(midi_risk, name)
            kind = "autoclass" if isinstance(value, type) else "autofunction"
            kind = kind if callable(value) else "autodata"
            lines += [f".. {kind}:: {name}", ""]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")


def setup(app: Any) -> None:
    """Join in when Sphinx begins and when it reads a page."""
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _added)

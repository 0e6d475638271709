"""The same rules for other tools: one entry per target of `midi-risk export`.

A new target is one entry of `TARGETS` and the function that it names. The command line offers
what is listed here, and `registry.export_rules` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One tool or format.

    Parameters
    ----------
    name : str
        As the command line takes it.
    words : str
        What it is for, in a few words.
    writer : str
        Module of this package and its function that writes the target, imported when it is
        asked for. It takes a `base.Request` and returns `base.Files`; one that does not hold
        rules takes the folder of an assessment and returns the names of what it wrote there.
    needs_dicom : bool
        Whether it works on DICOM files, so that a project without them has no use for it.
    of_rules : bool
        Whether it holds the rules of a release; otherwise it describes the files that
        ``assess`` wrote.
    """

    name: str
    words: str
    writer: str
    needs_dicom: bool = False
    of_rules: bool = True

    def load(self) -> Callable[..., Any]:
        """Return the function that writes the target."""
        module, _, function = self.writer.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), function)
        return found


_ENTRIES = (
    Target(
        name="ctp",
        words="the DicomAnonymizer of RSNA CTP",
        writer="ctp:ctp_files",
        needs_dicom=True,
    ),
    Target(
        name="deid", words="a recipe for pydicom/deid", writer="deid:deid_files", needs_dicom=True
    ),
    Target(
        name="python",
        words="a script that needs pydicom only",
        writer="python:python_files",
        needs_dicom=True,
    ),
    Target(
        name="arx", words="tables and hierarchies for ARX and sdcMicro", writer="tables:arx_files"
    ),
    Target(
        name="spreadsheet",
        words="intervals to look up in a spreadsheet",
        writer="tables:spreadsheet_files",
    ),
    Target(
        name="crate",
        words="an RO-Crate for the files of an assessment",
        writer="crate:write_crate",
        of_rules=False,
    ),
)

TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in _ENTRIES})
"""Every target by name, in the order in which they are offered."""

"""A page that was rendered, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from midi_risk.document.files import write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A rendered report.

    Parameters
    ----------
    edition : str
        ``internal`` or ``shareable``.
    html : str
        One self-contained HTML document.
    """

    edition: str
    html: str

    def write(self, path: str | Path) -> Path:
        """Write the report, whole or not at all, readable by its owner only."""
        return write_private(path, self.html)

    def __repr__(self) -> str:
        """Size only, never content."""
        return f"Report({self.edition}, {len(self.html.encode()) / 1000:.0f} kB)"

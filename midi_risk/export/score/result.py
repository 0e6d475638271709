"""The result of a score as a file, and as lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from midi_risk.document.reliability import Score
from midi_risk.errors import ConfigError, reason_of


def written(score: Score) -> str:
    """Return a score as text; it holds kinds, places and counts, and no token."""
    return json.dumps(score.model_dump(mode="json"), indent=2) + "\n"


def read_score(path: Path) -> Score:
    """Read a result that `score run -o` wrote.

    Raises
    ------
    ConfigError
        When it is none.
    """
    try:
        return Score.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(str(path), [f"scores: cannot be read: {reason_of(error)}"]) from None
    except ValidationError:
        raise ConfigError(str(path), ["scores: no result of 'score run -o'"]) from None


def lines_of(score: Score) -> Iterator[str]:
    """Yield the lines that a person reads: the worst cell first, never one number for all."""
    worst = score.worst
    if worst is not None:
        yield (
            f"worst: {worst.kind} in {worst.place}: {worst.left:,} of {worst.n:,} stayed"
            f" ({worst.rules_failed} of {worst.rules} rules; up to {worst.upper:.0%} of rules,"
            " 95 %)"
        )
    if score.missing:
        yield f"{score.missing:,} of {score.files:,} files are not in the output: not judged"
    for cell in score.cells:
        by_design = f", {cell.by_design:,} by design" if cell.by_design else ""
        yield (
            f"  {cell.kind:<14} {cell.place:<14} {cell.left:>6,} of {cell.n:>6,} stayed"
            f"   rules {cell.rules_failed} of {cell.rules}, up to {cell.upper:.2f}{by_design}"
        )
    for one in score.retention:
        yield f"  kept           {one.what:<24} {one.kept:,} of {one.n:,}"
    for one in score.conformance:
        yield f"  conformance    {one.what:<24} {one.kept:,} of {one.n:,}"
    for trap in score.traps:
        yield f"  corrected      {trap.trap:<24} {trap.checks:,} checks"

"""`score run`: what the tool left of the canaries, per kind and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from midi_risk.document.reliability import Score, ScoreCell, ScoreRetention
from midi_risk.document.sampling import most_rate
from midi_risk.errors import SourceError
from midi_risk.export.dicom.one_copy import quiet
from midi_risk.export.score.make import read_key
from midi_risk.export.score.output import Made, matched, outputs, read_mapping
from midi_risk.export.score.plant import (
    agreement,
    digest_of_value,
    fingerprint,
    frames_of,
)
from midi_risk.export.score.tokens import found_in

_SEEN = 0.5
"""Share of the agreement that a burned-in text had, from which on it is still there."""


def score_canaries(
    key_file: Path, output: Path, mappings: Sequence[Path] = (), tool: str = ""
) -> Score:
    """Return the score of one run.

    Parameters
    ----------
    key_file : pathlib.Path
        That `score make` wrote.
    output : pathlib.Path
        Folder that the tool wrote.
    mappings : sequence of pathlib.Path
        CSV files with ``id_old`` and ``id_new``.
    tool : str
        What was run, in words.

    Raises
    ------
    SourceError
        When nothing in the output is of the key.

    Notes
    -----
    A token is left where it stands anywhere in the output, also in another file. One whose copy is
    not in the output is not counted as removed: it is counted as missing. Text in pixels is left
    where the box still agrees with the dots that were burned in at least half as well as before,
    and where the pixels cannot be looked at.
    """
    key, digest = read_key(key_file)
    with quiet():
        made = list(outputs(output))
        pairs = matched(key["files"], made, read_mapping(mappings))
        if not pairs:
            raise SourceError(
                f"nothing in '{output}' is of this key",
                hint="Name the tool's own list of identifiers with --mapping (id_old,id_new)",
            )
        planted = {c["token"] for line in key["files"] for c in line["canaries"]}
        stayed = {token for one in made for token in found_in(one.content) if token in planted}
        return Score(
            key="canaries",
            digest=digest,
            tool=tool,
            on=datetime.now(UTC).date().isoformat(),
            options=list(key["options"]),
            files=len(key["files"]),
            missing=len(key["files"]) - len(pairs),
            cells=_cells(key["files"], pairs, stayed),
            retention=_retention(key["files"], pairs),
            conformance=_conformance(key["files"], pairs),
        )


def _cells(
    lines: Sequence[Mapping[str, Any]], pairs: Mapping[str, Made], stayed: set[str]
) -> list[ScoreCell]:
    """Return what was planted and what stayed, by kind and place."""
    seen: dict[tuple[str, str], list[tuple[str, bool, bool]]] = {}
    for line in lines:
        one = pairs.get(line["file"])
        for canary in line["canaries"]:
            left = canary["token"] in stayed
            if not left and one is not None and canary["place"] == "pixels":
                left = _is_seen(one.data_set, canary)
            if left or one is not None:
                cell = canary["kind"], canary["place"]
                needed = canary["required"] == "remove"
                seen.setdefault(cell, []).append((canary["rule"], left, needed))
    return [
        cell_of(kind, place, [(rule, left) for rule, left, needed in all_ if needed],
                sum(left and not needed for _, left, needed in all_))
        for (kind, place), all_ in sorted(seen.items())
    ]  # fmt: skip


def cell_of(
    kind: str, place: str, checks: Sequence[tuple[str, bool]], by_design: int = 0
) -> ScoreCell:
    """Return one cell of checks, each with its rule and whether something stayed.

    Objects that one rule treats fail together, so the bound counts rules and not objects.

    Examples
    --------
    >>> cell = cell_of("name", "tag", [("PatientName", False)] * 19 + [("OperatorsName", True)])
    >>> cell.n, cell.left, cell.rules, cell.rules_failed, round(cell.upper, 3)
    (20, 1, 2, 1, 0.975)
    """
    rules = {rule for rule, _ in checks}
    failed = {rule for rule, left in checks if left}
    return ScoreCell(
        kind=kind, place=place, n=len(checks), left=sum(left for _, left in checks),
        by_design=by_design, rules=len(rules), rules_failed=len(failed),
        upper=most_rate(len(failed), len(rules)) if rules else 1.0,
    )  # fmt: skip


def _is_seen(data_set: Dataset | None, canary: Mapping[str, Any]) -> bool:
    """Tell whether a burned-in text is still there; what cannot be looked at is."""
    if data_set is None:
        return True
    if "PixelData" not in data_set:
        return False
    held = frames_of(data_set)
    plane = _decoded(data_set) if held is None else held[1][..., 0]
    if plane is None or list(plane.shape) != canary["size"]:
        return True
    return agreement(plane, canary["box"], canary["token"]) >= _SEEN * float(canary["match"])


def _decoded(data_set: Dataset) -> Any | None:
    """Return the first plane of compressed pixels; None where no plugin decodes them."""
    try:
        pixels = data_set.pixel_array
    except Exception:  # noqa: BLE001 - a plugin that is missing, or bytes that it does not read
        return None
    while pixels.ndim > 2 and pixels.shape[-1] in {3, 4}:
        pixels = pixels[..., 0]
    return pixels[0] if pixels.ndim > 2 else pixels


def _retention(
    lines: Sequence[Mapping[str, Any]], pairs: Mapping[str, Made]
) -> list[ScoreRetention]:
    """Return what should have stayed: elements that no row lists, pixels, and who is with whom."""
    elements, kept, pixels, same = 0, 0, 0, 0
    studies: dict[str, set[str]] = {}
    for line in lines:
        one = pairs.get(line["file"])
        if one is None or one.data_set is None:
            continue
        elements += len(line["keep"])
        kept += sum(
            keyword in one.data_set and digest_of_value(one.data_set[keyword]) == digest
            for keyword, digest in line["keep"].items()
        )
        if line["fingerprint"]:
            pixels += 1
            same += fingerprint(one.data_set) == line["fingerprint"]
        if line["study"]:
            new = str(one.data_set.get("StudyInstanceUID", ""))
            studies.setdefault(line["study"], set()).add(new)
    whole = sum(len(new) == 1 and "" not in new for new in studies.values())
    return [
        ScoreRetention(what="elements_not_listed", n=elements, kept=kept),
        ScoreRetention(what="pixels_outside_text", n=pixels, kept=same),
        ScoreRetention(what="studies_whole", n=len(studies), kept=whole),
    ]


def _conformance(
    lines: Sequence[Mapping[str, Any]], pairs: Mapping[str, Made]
) -> list[ScoreRetention]:
    """Return elements that the object's class requires and that are still as it requires."""
    counts = {"1": [0, 0], "2": [0, 0], "readable": [0, 0]}
    for line in lines:
        one = pairs.get(line["file"])
        if one is None:
            continue
        counts["readable"][0] += 1
        if one.data_set is None:
            continue
        counts["readable"][1] += 1
        for kind, keywords in line["types"].items():
            counts[kind][0] += len(keywords)
            counts[kind][1] += sum(
                keyword in one.data_set
                and (kind == "2" or one.data_set[keyword].value not in (None, ""))
                for keyword in keywords
            )
    return [
        ScoreRetention(what=name, n=counts[kind][0], kept=counts[kind][1])
        for name, kind in (("type_1", "1"), ("type_2", "2"), ("readable", "readable"))
    ]

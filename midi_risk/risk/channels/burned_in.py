"""Burned-in text as it was read from pixels: what was found and stays, what was missed at most.

What names, numbers or dates a reader found and people did not call harmless is certain for its
subjects. The bound on the rest has two parts: subjects whose lines the reader missed, from the
share of planted lines that it found; and, where the median of a series stood for frames that nobody
looked at, subjects with a line in one of these, from the sample of subjects looked at whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from midi_risk.document.assessment import (
    ChannelEntry,
    Measured,
    MeasuredFinding,
    MeasuredMissed,
    MeasuredModel,
    MeasuredRecall,
    MeasuredStratum,
    MeasuredUnits,
)
from midi_risk.document.sampling import defect_bound
from midi_risk.sources.inspection.run import missed_at_most
from midi_risk.sources.inspection.strings import UNDECIDED
from midi_risk.sources.inspection.summary import Found, PixelState
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS, FOUND

_NAME = "burned_in"
_CONFIDENCE = 0.95


def pixel_channel(view: SubjectTable, state: PixelState, found: Sequence[Found]) -> ChannelEntry:
    """Return the channel of burned-in text as pixels were read.

    Parameters
    ----------
    view : SubjectTable
        As it would be released.
    state : PixelState
    found : sequence of Found
        Strings by kind, place and decision.

    Returns
    -------
    ChannelEntry
        Certain where a finding stays; bounded where every object was looked at, every undecided
        string was decided and the recall was measured; else not assessed, with what was found.
    """
    facts = [f for f in CHANNELS[_NAME].found if view.facts.get(f)]
    subjects = view.n_subjects
    staying = [one for one in found if _stays(one)]
    certain = {s for one in staying for s in one.subjects}
    missed = _missed(state, subjects, len(certain))
    measured = _measured(state, found, missed)
    if staying:
        count = min(len(certain), subjects) or subjects
        kinds = ", ".join(sorted({one.kind for one in staying}))
        rest = (missed or 0.0) * subjects
        return ChannelEntry(
            name=_NAME, status="assessed", value=1.0, lower=1.0, upper=1.0,
            mean=min(1.0, (count + rest) / max(1, subjects)), found=facts, measured=measured,
            evidence=f"text that identifies stays in the pixels of {count:,} of {subjects:,}"
            f" subjects ({kinds})",
        )  # fmt: skip
    open_ = _lacking(state, found, facts, view)
    if not open_ and not found and not state.room:
        return ChannelEntry(
            name=_NAME, status="assessed", value=0.0, lower=0.0, upper=0.0, found=facts,
            measured=measured,
            evidence=f"none of {state.total:,} frames is large enough to show three letters",
        )  # fmt: skip
    if missed is None:
        open_.append("how much the reader misses in this collection was not measured")
    if open_ or missed is None:
        return ChannelEntry(
            name=_NAME, status="not_assessed", evidence="; ".join(open_), found=facts,
            measured=measured,
        )  # fmt: skip
    lower = state.recall["lower"]
    return ChannelEntry(
        name=_NAME, status="bounded", value=0.0, lower=0.0, upper=missed, found=facts,
        measured=measured,
        evidence=f"pixels of {state.files:,} objects were read and no text that identifies stays;"
        f" of lines planted into this collection at least {lower:.1%} are found, so that at most"
        f" {missed:.2%} of the subjects have one that was missed",
    )  # fmt: skip


def _stays(one: Found) -> bool:
    """Tell whether a finding is certain: called an identifier, or of a kind that names people."""
    return one.decision == "identifier" or (one.decision == "undecided" and one.kind != UNDECIDED)


def _lacking(
    state: PixelState, found: Sequence[Found], facts: Sequence[str], view: SubjectTable
) -> list[str]:
    """Return what keeps the channel open."""
    out = []
    if any(one.decision == "undecided" for one in found):
        out.append("strings that nobody reviewed; 'inspect review' shows them")
    if not state.complete:
        seen = state.files - state.stale - state.not_understood
        out.append(
            f"pixels of {max(0, seen):,} of {state.files:,} objects were read"
            f" ({state.not_understood:,} are not understood, {max(0, state.stale):,} changed or not"
            " reached)"
        )
    if "wsi_label_images" in facts:
        out.append("labels of slides may show codes, which are not read")
    if "burned_in_yes" in facts and not found:
        count = view.facts["burned_in_yes"]
        out.append(f"{FOUND['burned_in_yes']} ({count:,} files), and no string was read")
    return out


def _missed(state: PixelState, subjects: int, found: int) -> float | None:
    """Return the bound on the share of subjects with a missed line; None without recall."""
    lower = state.recall.get("lower")
    if not lower or not subjects:
        return None
    parts = 2 if state.series_subjects > state.sampled else 1
    left = (1 - _CONFIDENCE) / parts
    most = max(1, missed_at_most(lower, subjects, min(found, subjects), left))
    if parts == 2:
        bound = defect_bound(state.sampled, state.series_subjects, 0, lower, confidence=1 - left)
        most += state.series_subjects if bound is None else round(bound * state.series_subjects)
    return min(1.0, most / subjects)


def _measured(state: PixelState, found: Sequence[Found], missed: float | None) -> Measured:
    units: dict[tuple[str, str, str], list[Found]] = {}
    for one in found:
        units.setdefault((one.kind, one.place, one.decision), []).append(one)
    recall = state.recall
    sampled = state.series_subjects > state.sampled
    return Measured(
        method="text_in_pixels",
        version=" ".join(str(state.reader.get(key, "")) for key in ("name", "version")).strip(),
        models=[MeasuredModel(**model) for model in state.reader.get("models", ())],
        units=MeasuredUnits(
            kind="frame", total=state.total, looked=state.looked,
            not_understood=state.not_understood,
        ),
        findings=[
            MeasuredFinding(
                kind=kind, place=place, decision=decision, units=sum(one.units for one in held),
                subjects=len({s for one in held for s in one.subjects}),
            )
            for (kind, place, decision), held in sorted(units.items())
        ],
        recall=MeasuredRecall(n=recall["n"], found=recall["found"], lower=recall["lower"])
        if recall else None,
        missed=None if missed is None else MeasuredMissed(
            upper=missed, confidence=_CONFIDENCE, how="both" if sampled else "recall"
        ),
        strata=[
            MeasuredStratum(name=one.name, total=one.total, looked=one.looked)
            for one in state.strata
        ],
    )  # fmt: skip

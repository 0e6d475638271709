"""The channels of each subject together, and what each threat model accepts of them.

Over the channels only: the classes of quasi-identifiers have a threshold of their own. A
subject's risk is bounded by the sum over the channels that this subject has (Boole), where the
bounds that rest on samples hold at once with 95 % confidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from midi_risk.document.assessment import ChannelEntry, ChannelsJudged, ChannelsTogether
from midi_risk.document.sampling import CONFIDENCE, CleanSample, joint_bound
from midi_risk.risk.adversaries import AdversaryRisk
from midi_risk.risk.channels.entries import share_of_subjects
from midi_risk.risk.channels.linked import clean_search
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS
from midi_risk.threat.model import SMALLEST_CLASS, ThreatModel, data_risk_budget

BAND_TAIL = 0.025
"""What the upper end of a matcher's two-sided 95 % band leaves; samples get the rest of 5 %."""


def subjects_of(table: SubjectTable, name: str) -> npt.NDArray[np.bool_]:
    """Return which subjects have a channel, shape (n_subjects,).

    Parameters
    ----------
    table : SubjectTable
        As it would be released.
    name : str
        ``face``: those with images that may show one; other channels of images: those with
        images; ``visit_intervals``: those seen on two days; else everybody. Where no source
        says who has images, everybody may.
    """
    n = table.n_subjects
    if name == "visit_intervals" and len(table.visits):
        who = table.visits["subject"].to_numpy(dtype=np.int64)
        return np.asarray(np.bincount(who, minlength=n) >= 2)
    if not CHANNELS[name].needs_images:
        return np.ones(n, dtype=bool)
    known = table.concerned.get("images")
    if name == "face":
        known = table.concerned.get("face") or known
    if known is None:
        return np.ones(n, dtype=bool)
    return np.fromiter((str(key) in known for key in table.frame.index), dtype=bool, count=n)


def channels_together(
    entries: Sequence[ChannelEntry],
    measured: Mapping[str, ChannelEntry],
    having: Mapping[str, npt.NDArray[np.bool_]],
    risks: Sequence[AdversaryRisk],
) -> ChannelsTogether:
    """Return the risk of the channels together, of the worst subject and on average.

    Parameters
    ----------
    entries : sequence of ChannelEntry
        Each with the worse of what was stated and measured.
    measured : mapping of str to ChannelEntry
        Every channel by its rule alone.
    having : mapping of str to numpy.ndarray of bool, shape (n_subjects,)
        Who has each channel, from `subjects_of`.
    risks : sequence of AdversaryRisk

    Notes
    -----
    A finding makes its channel 1 for whoever has it, so that the largest is 1. A bound from a
    sample without findings is on the share of the subjects, which is the risk of each of them as
    far as anybody knows; such bounds are one (`midi_risk.document.sampling.joint_bound`), at
    97.5 % beside a face whose figure is the end of a published 95 % band.
    """
    known = [entry for entry in entries if entry.worst and having[entry.name].any()]
    parts = [_part(entry, measured[entry.name], having[entry.name]) for entry in known]
    banded = any(p.sample is None and e.name == "face" for e, p in zip(known, parts, strict=True))
    confidence = CONFIDENCE + (BAND_TAIL if banded else 0.0)
    largest = mean = 0.0
    if known:
        has = np.column_stack([having[entry.name] for entry in known])
        mean = sum(p.mean * share for p, share in zip(parts, has.mean(axis=0), strict=True))
        mean += _joint(parts, has.mean(axis=0), confidence)
        for pattern in np.unique(has, axis=0).astype(np.float64):
            certain = sum(p.certain * share for p, share in zip(parts, pattern, strict=True))
            largest = max(largest, certain + _joint(parts, pattern, confidence))
    largest = min(1.0, float(largest))
    return ChannelsTogether(
        largest=largest,
        mean=min(largest, float(mean)),
        confidence=CONFIDENCE,
        models=[accepted(model, risks) for model in _models(risks)],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one channel adds: figures for certain, and a sample whose bound is joined."""

    certain: float
    mean: float
    sample: CleanSample | None


def _part(entry: ChannelEntry, measured: ChannelEntry, having: npt.NDArray[np.bool_]) -> _Part:
    """Return what a channel adds to each subject who has it."""
    worst = entry.worst or 0.0
    figure = _Part(certain=worst, mean=worst if entry.mean is None else entry.mean, sample=None)
    basis = entry.stated
    searched = clean_search(measured, int(having.sum()))
    if searched is not None and (measured.worst or 0.0) >= worst:
        return _Part(certain=0.0, mean=0.0, sample=searched)
    if basis is None or (measured.worst or 0.0) >= worst:
        return figure
    if basis.looked is None or basis.of is None or basis.defects != 0:
        return figure
    subjects = int(having.sum())
    if share_of_subjects(basis, subjects, CONFIDENCE) < worst:
        return figure  # more was stated than the counts give
    sample = CleanSample(
        looked=min(basis.looked, basis.of),
        of=basis.of,
        sensitivity=basis.sensitivity or 1.0,
        weight=1 / min(basis.of, subjects),
    )
    said = entry.value or 0.0
    return _Part(certain=said, mean=said, sample=sample)


def _joint(parts: Sequence[_Part], shares: npt.NDArray[np.float64], confidence: float) -> float:
    """Return the one bound on what all samples leave, each weighted by who has the channel."""
    samples = [
        replace(part.sample, weight=part.sample.weight * float(share))
        for part, share in zip(parts, shares, strict=True)
        if part.sample is not None and share
    ]
    return joint_bound(samples, confidence=confidence)


def _models(risks: Sequence[AdversaryRisk]) -> list[ThreatModel]:
    """Return the models of the adversaries, each once; two may have one name."""
    models: list[ThreatModel] = []
    for risk in risks:
        models += [] if risk.model in models else [risk.model]
    return models


def accepted(model: ThreatModel, risks: Sequence[AdversaryRisk]) -> ChannelsJudged:
    """Return what a model accepts of the channels, given that somebody tries.

    As for the classes, attempt times risk is compared with the threshold, the adversary who
    tries most surely counts, and no attempt is so rare that a risk above 1/3 is accepted.

    Parameters
    ----------
    model : ThreatModel
    risks : sequence of AdversaryRisk
        Of all models.
    """
    threshold = model.threshold
    attempt = max(
        risk.attempt * (1.0 if risk.verification is None else risk.verification)
        for risk in risks
        if risk.model == model
    )
    alone = data_risk_budget(attempt, threshold.k)
    total = model.channels_total
    floors = {"maximum": None, "average": SMALLEST_CLASS, "strict-average": threshold.floor}
    floor = floors[threshold.statistic]
    return ChannelsJudged(
        model=model.name,
        statistic=threshold.statistic,
        attempt=attempt,
        alone=alone,
        total=alone if total is None else min(1 / SMALLEST_CLASS, total / attempt),
        floor=None if floor is None else 1 / floor,
    )

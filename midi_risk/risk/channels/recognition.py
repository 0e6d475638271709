"""The channel of recognition from another image: who holds one, and how often it is matched.

Class sizes protect nobody here: whoever holds an image of a person, with the name, compares it
with all images of the release. The risk is the probability that they hold one, times the published
rate for the modality and the part of the body, at the size of this gallery.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from midi_risk.document.assessment import ChannelEntry
from midi_risk.risk.channels.rates import RATES, Matcher, rank_one
from midi_risk.table.model import SubjectTable
from midi_risk.table.subjects import DERIVED_MODALITIES
from midi_risk.threat.library import explained
from midi_risk.threat.model import Adversary, HeldImages, ends

RECOGNITION = "image_recognition"
"""Name of the channel."""
_SPLIT = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who may hold identified images.

    Parameters
    ----------
    model : str
        Threat model.
    adversary : Adversary
    smallest : float
        People of the smallest class, among whom they look who know all attributes too.
    """

    model: str
    adversary: Adversary
    smallest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """How surely one kind of image is matched to another one of the same person.

    Parameters
    ----------
    value, upper : float
        At the published rate in the whole release, and at the upper end of its band in the
        smallest class.
    rate : Matcher or None
        None where no rate was published.
    """

    value: float
    upper: float
    rate: Matcher | None


def rate_of(modality: str, part: str) -> Matcher | None:
    """Return the highest published rate for a modality and a part of the body, None without one.

    A part that is not stated may be any; of one that was not studied nothing is known.

    Parameters
    ----------
    modality : str
        As in DICOM (0008,0060).
    part : str
        As in (0018,0015).

    Examples
    --------
    >>> rate_of("CT", "CHEST").name, rate_of("CT", "ABDOMEN") is None
    ('thorax-ct-2025', True)
    """
    fits = [
        rate
        for rate in RATES.values()
        if rate.kind == "image"
        and modality.upper() in rate.modalities
        and (not part or not rate.parts or any(word in part.upper() for word in rate.parts))
    ]
    return max(fits, key=lambda rate: (rate.d_prime, rate.rate), default=None)


def recognised(modality: str, part: str, gallery: float, smallest: float) -> Recognised:
    """Return how surely an image of this kind is matched in a release.

    Parameters
    ----------
    modality, part : str
    gallery : float
        Subjects with images in the release.
    smallest : float
        People of the smallest class, among whom somebody looks who knows all attributes too.

    Notes
    -----
    Where no rate was published, or no gallery that could be extrapolated from, the upper end is 1:
    unknown is not small.
    """
    rate = rate_of(modality, part)
    if rate is None:
        return Recognised(value=1.0, upper=1.0, rate=None)
    if rate.gallery is None:
        return Recognised(value=rate.rate, upper=1.0, rate=rate)
    _, high = rate.band()
    return Recognised(
        value=float(rank_one(max(1.0, gallery), rate.d_prime)),
        upper=float(rank_one(max(1.0, min(gallery, smallest)), min(high, 40.0))),
        rate=rate,
    )


def _kinds(table: SubjectTable) -> Counter[tuple[tuple[str, str], ...]]:
    """Return how many subjects with images have each set of modalities with the part stated."""
    frame = table.frame
    imaged = table.concerned.get("images")
    texts = [
        frame[name].tolist() if name in frame.columns else [None] * len(frame)
        for name in ("Modality", "BodyPartExamined")
    ]
    counted: Counter[tuple[tuple[str, str], ...]] = Counter()
    for key, modalities, part in zip(frame.index, *texts, strict=True):
        if imaged is not None and str(key) not in imaged:
            continue
        words = [word for word in _SPLIT.split(str(modalities or "")) if word]
        kept = [word for word in words if word.upper() not in DERIVED_MODALITIES]
        stated = str(part or "")
        counted[tuple((word, stated) for word in kept or words or [""])] += 1
    return counted


def recognition_entry(
    table: SubjectTable, view: SubjectTable, holders: Sequence[Holder]
) -> ChannelEntry:
    """Return the channel of recognition from another image.

    Parameters
    ----------
    table : SubjectTable
        Before the decisions: an image shows what it shows, whatever its header still says.
    view : SubjectTable
        As it would be released.
    holders : sequence of Holder
        Those who state ``holds_images`` count, the worst of them.
    """
    stated = [(h, held) for h in holders if (held := h.adversary.holds_images) is not None]
    if not stated:
        return ChannelEntry(
            name=RECOGNITION, status="not_assessed",
            evidence="no adversary states holds_images, the probability of holding an identified"
            " image of whom they look for",
        )  # fmt: skip
    kinds = _kinds(table)
    gallery = float(max(1, min(sum(kinds.values()), view.n_subjects)))
    entries = [_by(holder, held, kinds, gallery) for holder, held in stated]
    return max(entries, key=lambda entry: (entry.upper or 0.0, entry.value or 0.0))


def _by(
    holder: Holder,
    held: HeldImages,
    kinds: Counter[tuple[tuple[str, str], ...]],
    gallery: float,
) -> ChannelEntry:
    """Return the channel under one adversary."""
    low, high = ends(held.probability)
    smallest = holder.smallest
    of = {
        kind: recognised(*kind, gallery, smallest) for kinds_of in kinds for kind in kinds_of
    } or {("", ""): recognised("", "", gallery, smallest)}
    worst = max(of.values(), key=lambda each: (each.upper, each.value))
    people = max(1, sum(kinds.values()))
    mean = sum(
        count * max(of[kind].upper for kind in kinds_of) for kinds_of, count in kinds.items()
    )
    value = max(each.value for each in of.values())
    rate = worst.rate
    said = (
        "no rate was published for some of the images, which is taken as 1"
        if rate is None
        else f"{rate.name} ({rate.images}, {rate.rate:.1%}"
        + (f" among {rate.gallery:,}" if rate.gallery else ", gallery not known")
        + f"; {rate.source}, {rate.checked})"
    )
    because = held.because.strip() and f"because {held.because.strip()}" + (
        f" ({held.on})" if held.on else ", without a day"
    )
    reason = "" if low >= 1 else f" {because or explained(holder.adversary)}"
    span = f"{high:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return ChannelEntry(
        name=RECOGNITION,
        status="bounded",
        value=high * value,
        lower=low * min(each.value for each in of.values()),
        upper=high * max(each.upper for each in of.values()),
        mean=min(1.0, high * mean / people) if kinds else None,
        evidence=(
            f"{holder.model}, {holder.adversary.name}: holds an identified image with probability"
            f" {span}{reason}; {said}; gallery of {gallery:,.0f} subjects"
        ),
    )

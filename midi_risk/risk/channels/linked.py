"""Other public data on the same subjects: searches that people record, and overlaps by machine.

Subjects in both releases are judged on the attributes of both, those whom one edition alone has
among each other. A search that found nobody is no proof that nobody is there: it leaves one
subject at least, and counts for a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from midi_risk.document.assessment import (
    ChannelEntry,
    LinkedData,
    LinkedNear,
    SearchEntry,
    day_of,
)
from midi_risk.document.conditions import is_old, search_counts
from midi_risk.document.sampling import CleanSample, defect_bound
from midi_risk.risk.overlap.record import Linked
from midi_risk.risk.overlap.union import NOBODY, added_risk, union_risk
from midi_risk.table.model import SubjectTable

_NOT_COMPARED = "whether the same images are in another release is open"
FINDS = 0.8
"""Share of those who are there that a search is taken to find: it may then miss one, at 95 %."""
LINKED, PIXELS = "linked_data", "cross_collection_pixels"
"""Names of the channels."""


def linked_rows(
    view: SubjectTable, names: Sequence[str], searched: Sequence[Linked]
) -> list[LinkedData]:
    """Return each search by machine with what it tells of the subjects as they would leave.

    Parameters
    ----------
    view : SubjectTable
    names : sequence of str
        Quasi-identifiers in the release.
    searched : sequence of Linked
    """
    return [_row(view, names, linked) for linked in searched]


def _row(view: SubjectTable, names: Sequence[str], linked: Linked) -> LinkedData:
    joined = union_risk(view, names, linked.known)
    keys = {str(key) for key in view.frame.index}
    # under other keys nobody can say who was added
    edition = linked.edition and not keys.isdisjoint(linked.known)
    added = added_risk(view, names, linked.known) if edition else NOBODY
    return LinkedData(
        name=linked.name,
        version=linked.version,
        date=linked.date,
        searched_by=linked.searched_by,
        how=[*linked.how],
        state="same" if linked.same else "changed",
        ours=linked.ours,
        theirs=linked.theirs,
        subjects=linked.subjects,
        there=linked.there,
        both=joined.subjects,
        uid_hits=linked.uid_hits,
        subject_hits=linked.subject_hits,
        key_chance=linked.key_chance,
        pixel_hits=linked.pixel_hits if "pixels" in linked.how else None,
        near=LinkedNear(
            hits=linked.near_hits, expected=linked.near_expected, judged=linked.near_judged
        ),
        attributes=[*linked.columns],
        union_max=joined.largest if joined.subjects else None,
        union_mean=joined.total / joined.subjects if joined.subjects else None,
        edition=edition,
        added=added.subjects,
        removed=max(0, linked.there - len(linked.known)) if edition and not linked.index else 0,
        added_max=added.largest if added.subjects else None,
    )


def linked_entry(
    view: SubjectTable,
    names: Sequence[str],
    searches: Sequence[SearchEntry],
    searched: Sequence[Linked],
    today: date,
) -> ChannelEntry:
    """Return the channel of linked public data.

    Parameters
    ----------
    view : SubjectTable
        As it would be released.
    names : sequence of str
        Quasi-identifiers in the release.
    searches : sequence of SearchEntry
        As the assessor recorded them.
    searched : sequence of Linked
        By machine.
    today : datetime.date
    """
    n = max(1, view.n_subjects)
    hits = sum(search.hits or 0 for search in searches)
    if hits:
        subjects = f"{hits} {'subject' if hits == 1 else 'subjects'}"
        return ChannelEntry(
            name=LINKED, status="assessed", value=1.0, lower=1.0, upper=1.0,
            mean=min(1.0, hits / n), evidence=f"{subjects} found in other public data",
        )  # fmt: skip
    lacking = _lacking(searches, searched, today)
    rows = linked_rows(view, names, searched)
    met = [row for row in rows if row.both]
    if met:
        return _met(view, names, met, searched, lacking)
    if lacking:
        return ChannelEntry(name=LINKED, status="not_assessed", evidence=lacking)
    places = [f"{search.place} ({search.date}, {search.by})" for search in searches]
    places += [f"{row.name} ({row.date}, by {_compared(row)})" for row in rows]
    return _bounded(LINKED, n, f"no hit where was searched: {'; '.join(places)}")


def _lacking(searches: Sequence[SearchEntry], searched: Sequence[Linked], today: date) -> str:
    """Return why the searches do not count, nothing where they do."""
    if not searches and not searched:
        return "no search for other public data on the same subjects is recorded"
    if not all(search_counts(search, today) for search in searches):
        return "a recorded search does not say when, by whom, where and with what hits"
    changed = [linked.name for linked in searched if not linked.same]
    if changed:
        return (
            f"what is assessed is not what was searched for in {', '.join(changed)};"
            " 'midi-risk overlap' searches again"
        )
    if not searches and not any(linked.how for linked in searched):
        return "nothing that both sides tell could be compared"
    dates = [search.date for search in searches] + [linked.date for linked in searched]
    last = max(day for written in dates if (day := day_of(written)))
    if is_old(last, today):
        return f"the last search is of {last.isoformat()}, more than a year ago"
    return ""


def _met(
    view: SubjectTable,
    names: Sequence[str],
    rows: Sequence[LinkedData],
    searched: Sequence[Linked],
    lacking: str,
) -> ChannelEntry:
    """Return the channel where subjects are in another release too."""
    n = max(1, view.n_subjects)
    largest = max(max(row.union_max or 0.0, row.added_max or 0.0) for row in rows)
    total = 0.0
    words = []
    for row, linked in zip(rows, [each for each in searched if each.known], strict=True):
        total += (row.union_mean or 0.0) * row.both
        words.append(
            f"{row.both:,} subjects are in {row.name} too ({_compared(row)}); on the attributes"
            f" of both the risk is up to {row.union_max or 0.0:.3g}"
        )
        if row.added_max is not None:
            total += added_risk(view, names, linked.known).total
            words.append(
                f"{row.added:,} are in this edition alone, with a risk of up to"
                f" {row.added_max:.3g} among them"
            )
    words += [lacking] if lacking else []
    # those who were not met may be there all the same
    worst = max(largest, 1 / n)
    return ChannelEntry(
        name=LINKED, status="bounded" if lacking else "assessed", value=worst, lower=largest,
        upper=1.0 if lacking else worst, mean=min(1.0, worst, total / n + 1 / n),
        evidence="; ".join(words),
    )  # fmt: skip


def _compared(row: LinkedData) -> str:
    words = {"uid": "UIDs", "key": "keys", "near": "near-duplicates", "pixels": "pixels"}
    told = ", ".join(words[name] for name in row.how) or "nothing"
    if row.near.hits and not row.near.judged:
        told += f"; {row.near.hits} near, {row.near.expected:.1f} expected by chance"
    return told


def _bounded(name: str, n: int, evidence: str) -> ChannelEntry:
    """Return a channel that was searched without a hit: one subject may be missed."""
    bound = defect_bound(n, n, 0, FINDS)
    return ChannelEntry(
        name=name, status="bounded", value=bound, lower=0.0, upper=bound, mean=bound,
        evidence=f"{evidence}; a search may miss one subject of {n:,}",
    )  # fmt: skip


def clean_search(entry: ChannelEntry, subjects: int) -> CleanSample | None:
    """Return a search without a hit as a sample, so that its bound is joined with others.

    Parameters
    ----------
    entry : ChannelEntry
        By its rule.
    subjects : int
    """
    if entry.name not in {LINKED, PIXELS} or entry.status != "bounded" or entry.lower:
        return None
    n = max(1, subjects)
    return CleanSample(looked=n, of=n, sensitivity=FINDS, weight=1 / n)


def pixels_entry(
    view: SubjectTable,
    names: Sequence[str],
    searched: Sequence[Linked],
    today: date,
) -> ChannelEntry:
    """Return the channel of the same images in another release.

    Parameters
    ----------
    view, names, searched, today
        As for `linked_entry`.
    """
    compared = [each for each in searched if "pixels" in each.how]
    met = [each for each in compared if each.pixel_hits]
    if met:
        hits = max(each.pixel_hits for each in met)
        found = [union_risk(view, names, each.known) for each in met]
        largest = max(figures.largest for figures in found)
        return ChannelEntry(
            name=PIXELS, status="assessed", value=largest, lower=largest, upper=largest,
            evidence=f"{hits:,} subjects have an image that is in another release, so that what"
            " both say of them joins",
        )  # fmt: skip
    fresh = [e for e in compared if e.same and not _old(e.date, today)]
    if not fresh or len(fresh) < len(compared):
        return ChannelEntry(name=PIXELS, status="not_assessed", evidence=_NOT_COMPARED)
    names_of = ", ".join(f"{each.name} ({each.date})" for each in fresh)
    return _bounded(PIXELS, max(1, view.n_subjects), f"no image is in {names_of}")


def _old(written: str, today: date) -> bool:
    day = day_of(written)
    return day is None or is_old(day, today)

"""Whether an assessment still stands, and what changed between two of them."""

from __future__ import annotations

from datetime import date

from midi_risk.document.assessment import Assessment


def stale_reasons(
    assessment: Assessment, *, digest: str | None, project_digest: str | None, today: date
) -> list[str]:
    """Return why an assessment no longer stands; empty when it does.

    Parameters
    ----------
    assessment : Assessment
    digest : str or None
        Digest of the collection now; None when it was not read again.
    project_digest : str or None
        Digest of the project file now; None when there is none.
    today : datetime.date

    Notes
    -----
    Best practice 1 of the MIDI report: an analysis is valid only when it was done.
    """
    reasons = []
    if today.isoformat() > assessment.valid_until:
        reasons.append(f"its validity ended on {assessment.valid_until}")
    if digest is not None and digest != assessment.collection.digest:
        reasons.append("the collection is not the one that was assessed: its digest differs")
    if project_digest is not None and project_digest != assessment.project_digest:
        reasons.append("the project file changed since the assessment")
    return reasons


def differences(old: Assessment, new: Assessment) -> list[str]:
    """Return what changed from one assessment to the next, one sentence each.

    Parameters
    ----------
    old, new : Assessment

    Returns
    -------
    list of str
        Verdict, counts, figures, decisions and channels; names and counts only.
    """
    lines = []
    if old.verdict.status != new.verdict.status:
        lines.append(f"verdict: {old.verdict.status} -> {new.verdict.status}")
    for name in ("subjects", "studies", "series", "instances"):
        before, after = getattr(old.collection, name), getattr(new.collection, name)
        if before != after:
            lines.append(f"{name}: {before} -> {after}")
    if old.collection.digest != new.collection.digest:
        lines.append("the collection's digest differs")
    if old.threshold.k != new.threshold.k:
        lines.append(f"required class size: {old.threshold.k} -> {new.threshold.k}")
    for name in ("k", "classes", "sample_uniques"):
        before, after = getattr(old.measures, name), getattr(new.measures, name)
        if before != after:
            lines.append(f"{name}: {before} -> {after}")
    lines += _figures(old, new)
    lines += _attributes(old, new)
    lines += _channels(old, new)
    lines += _subjects(old, new)
    return lines


def _figures(old: Assessment, new: Assessment) -> list[str]:
    """Return the results whose value changed."""

    def results(document: Assessment) -> dict[tuple[str, str, str], float | None]:
        return {
            (t.model, t.adversary, r.measure): r.value for t in document.threats for r in t.results
        }

    before, after = results(old), results(new)
    lines = []
    for key in dict.fromkeys([*before, *after]):
        first, second = before.get(key), after.get(key)
        if first != second:
            shown = ["none" if v is None else f"{v:.4g}" for v in (first, second)]
            lines.append(f"{', '.join(key)}: {shown[0]} -> {shown[1]}")
    return lines


def _attributes(old: Assessment, new: Assessment) -> list[str]:
    """Return the attributes that came, went, or have another role or decision."""
    before = {a.name: a for a in old.attributes}
    after = {a.name: a for a in new.attributes}
    lines = [f"attribute {name}: no longer there" for name in before if name not in after]
    lines += [f"attribute {name}: new, {after[name].role}" for name in after if name not in before]
    for name, entry in after.items():
        if name not in before:
            continue
        for field in ("role", "decision", "distinct"):
            first, second = getattr(before[name], field), getattr(entry, field)
            if first != second:
                lines.append(f"attribute {name}: {field} {first} -> {second}")
    return lines


def _channels(old: Assessment, new: Assessment) -> list[str]:
    """Return the channels whose status or upper bound changed."""
    before = {c.name: (c.status, c.upper) for c in old.channels}
    return [
        f"channel {c.name}: {before[c.name][0]} -> {c.status}"
        for c in new.channels
        if c.name in before and before[c.name] != (c.status, c.upper)
    ]


def _subjects(old: Assessment, new: Assessment) -> list[str]:
    """Return how many listed subjects are in smaller classes than before."""
    if old.internal is None or new.internal is None:
        return []
    before = {r.subject: r.class_size for r in old.internal.records}
    worse = [
        r
        for r in new.internal.records
        if r.subject not in before or r.class_size < before[r.subject]
    ]
    return [f"subjects at risk whose class shrank or who are new there: {len(worse)}"] * bool(worse)

"""What an edited assessment must not say: a verdict that its own figures contradict."""

from __future__ import annotations

from midi_risk.risk.document import Assessment


def contradictions(assessment: Assessment) -> list[str]:
    """Return each place where the document contradicts itself; empty when it does not.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    list of str
        Place and fault, without values of subjects.
    """
    faults = []
    for i, threat in enumerate(assessment.threats):
        for j, result in enumerate(threat.results):
            place = f"threats[{i}].results[{j}]"
            for name in ("value", "lower", "upper"):
                number = getattr(result, name)
                if number is not None and not 0 <= number <= 1:
                    faults.append(f"{place}.{name}: is not between 0 and 1")
            if None not in (result.lower, result.upper) and result.lower > result.upper:  # type: ignore[operator]
                faults.append(f"{place}: the interval is upside down")
    if assessment.verdict.status == "acceptable":
        faults += _not_acceptable(assessment)
    return faults


def _not_acceptable(assessment: Assessment) -> list[str]:
    """Return what stands against a verdict of acceptable."""
    faults = []
    failed = sum(r.passed is False for t in assessment.threats for r in t.results)
    if failed:
        faults.append(f"verdict.status: is acceptable, but {failed} results did not pass")
    open_channels = sum(c.required and c.status == "not_assessed" for c in assessment.channels)
    if open_channels:
        faults.append(
            f"verdict.status: is acceptable, but {open_channels} required channels were not "
            "assessed"
        )
    undecided = sum(a.role == "undecided" and a.decision != "remove" for a in assessment.attributes)
    if undecided:
        faults.append(f"verdict.status: is acceptable, but {undecided} roles are undecided")
    if not assessment.threats:
        faults.append("verdict.status: is acceptable, but no threat model was applied")
    return faults

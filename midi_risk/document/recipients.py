"""One verdict per recipient: what the data are to the public, under control, in an environment.

Whether data identify depends on who holds them (Court of Justice of the EU, C-413/23 P). The
threat models of an assessment say whom they judge; the predicates that write the verdict are
asked again about the models of each recipient alone. What no model judges stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from midi_risk.document.assessment import Recipient, RecipientName
from midi_risk.document.conditions import CONDITIONS, Evidence, shown
from midi_risk.document.reasons import Reason, status_of

NOT_JUDGED = "no_threat"
"""Code of the reason when no threat model judges a recipient."""

_OWN: dict[RecipientName, str] = {
    "public": "public",
    "controlled": "controlled",
    "secure_environment": "",
}
"""Recipient -> release of the threat models that judge it; none ships for an environment."""
_WIDER: dict[RecipientName, tuple[str, ...]] = {
    "public": (),
    "controlled": ("semi-public", "public"),
    "secure_environment": ("controlled", "semi-public", "public"),
}
"""Releases to wider circles, nearest first: what nobody of them identifies, fewer do not."""
_STANDS_ALONE = frozenset({"direct_kept"})
"""Reasons above the threshold that are not about linking: such data are not even pseudonymous."""


def recipients(evidence: Evidence, stated: Sequence[Reason]) -> list[Recipient]:
    """Return what the data are to each kind of recipient.

    Parameters
    ----------
    evidence : Evidence
        The parts that the verdict rests on.
    stated : sequence of Reason
        The reasons of the verdict; those that rest on the subject table hold for everybody.

    Returns
    -------
    list of Recipient
        Public, controlled and secure environment, in this order. ``anonymous``: every condition
        holds under the models that judge the recipient, or under those of a wider circle where
        none does. ``pseudonymous``: the evidence is complete and a figure is above. ``open``:
        evidence is missing, a direct identifier stays, or no model judges.
    """
    table = [reason for reason in stated if reason.code not in CONDITIONS]
    return [_one(name, evidence, table) for name in _OWN]


def _one(name: RecipientName, evidence: Evidence, table: Sequence[Reason]) -> Recipient:
    own = _judged(name, evidence, table, _OWN[name])
    if own.models:
        return own
    for release in _WIDER[name]:
        wider = _judged(name, evidence, table, release)
        if wider.status == "anonymous":
            return wider
    return Recipient(recipient=name, status="open", models=[], reasons=[NOT_JUDGED])


def _judged(
    name: RecipientName, evidence: Evidence, table: Sequence[Reason], release: str
) -> Recipient:
    """Return what the models of one kind of release alone say."""
    threats = [threat for threat in evidence.threats if threat.release == release]
    models = list(dict.fromkeys(threat.model for threat in threats))
    if not models:
        return Recipient(recipient=name, status="open", models=[], reasons=[NOT_JUDGED])
    together = evidence.together and evidence.together.model_copy(
        update={"models": [m for m in evidence.together.models if m.model in models]}
    )
    part = replace(
        evidence,
        threats=threats,
        together=together,
        disclosure=[each for each in evidence.disclosure if each.model in models],
    )
    against = [*shown(part, *CONDITIONS), *table]
    codes = list(dict.fromkeys(each.code for each in against))
    return Recipient(recipient=name, status=_status(codes), models=models, reasons=_telling(codes))


def _status(codes: Iterable[str]) -> Literal["anonymous", "pseudonymous", "open"]:
    found = set(codes)
    if found & _STANDS_ALONE:
        return "open"
    against = status_of(found)
    if against == "incomplete":
        return "open"
    return "pseudonymous" if against == "above_threshold" else "anonymous"


def _telling(codes: Sequence[str]) -> list[str]:
    """Return the codes that stand against the recipient; what only tells is left to the verdict."""
    return [code for code in codes if status_of([code]) in {"incomplete", "above_threshold"}]


def differing(evidence: Evidence, stated: Sequence[Reason], given: Sequence[Recipient]) -> bool:
    """Tell whether recipients are given that are not what the evidence shows.

    None at all is a document of an earlier version.
    """
    return bool(given) and list(given) != recipients(evidence, stated)

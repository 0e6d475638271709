"""What is to be written into a project file, so that what is open can be closed by looking."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midi_risk.cli.job import Job
    from midi_risk.document.assessment import Assessment
    from midi_risk.table.model import SubjectTable

SEARCH = "linked_data"


def evidence_block(channels: Mapping[str, int], today: str) -> list[str]:
    r"""Return the lines of a project file that close channels once somebody has looked.

    Parameters
    ----------
    channels : mapping of str to int
        Open channel -> subjects who have it.
    today : str
        Day that is written, ISO 8601.

    Returns
    -------
    list of str
        YAML in which the words in capitals are the assessor's. As it stands a project file
        with it is refused, since they are no numbers.

    Examples
    --------
    >>> print("\n".join(evidence_block({"linked_data": 48}, "2026-11-30")))
    context:
      linked_search: [{date: 2026-11-30, by: NAME, place: WHERE, hits: HITS}]
    """
    lines = []
    looked = {name: n for name, n in channels.items() if name != SEARCH}
    if looked:
        lines.append("channels:")
        for name, n in looked.items():
            lines += [
                f"  {name}: {{status: bounded, by: NAME, on: {today}, method: HOW,",
                f"    looked: LOOKED, of: {n}, defects: DEFECTS, sensitivity: 0.9}}",
            ]
    if SEARCH in channels:
        lines += [
            "context:",
            f"  linked_search: [{{date: {today}, by: NAME, place: WHERE, hits: HITS}}]",
        ]
    return lines


def open_channels(assessment: Assessment) -> dict[str, int]:
    """Return the required channels without a figure, and how many subjects have each.

    Parameters
    ----------
    assessment : Assessment
    """
    return {
        c.name: assessment.collection.subjects if c.subjects is None else c.subjects
        for c in assessment.channels
        if c.limit is not None and c.worst is None
    }


def to_close(assessment: Assessment) -> list[str]:
    """Return what to write where required channels are open, nothing where none is.

    Parameters
    ----------
    assessment : Assessment
    """
    channels = open_channels(assessment)
    if not channels:
        return []
    head = (
        "To close what is open, look, and write into the project file ('midi-risk init' makes"
        " one); the words in capitals are yours:"
    )
    return [
        "",
        head,
        *(f"  {line}" for line in evidence_block(channels, assessment.created[:10])),
    ]


def comments(job: Job, table: SubjectTable) -> list[str]:
    """Return the block of a new project as comments, for the channels that it will leave open.

    Parameters
    ----------
    job : Job
        With its threat models; all channels are named where these lack a number still.
    table : SubjectTable
        With the proposed roles.
    """
    from midi_risk.attributes.model import Role
    from midi_risk.errors import MidiRiskError
    from midi_risk.risk.channels.device import NO_ADVERSARY
    from midi_risk.risk.channels.entries import measured_channels
    from midi_risk.risk.channels.together import subjects_of
    from midi_risk.table.release import measured, released
    from midi_risk.threat.channels import CHANNELS

    today = datetime.now(UTC).date()
    view = released(table)
    names = [a.name for a in measured(view, Role.QUASI_IDENTIFIER)]
    found = measured_channels(table, view, names, [], [], [], today)
    numbers: list[str] = []
    try:
        required = {name for model in job.threat_models() for name in model.required_channels()}
    except MidiRiskError as error:
        required = set(found)
        numbers = [f"# Before anything is assessed: {' '.join(str(error).split())}"]
    channels = {
        name: int(subjects_of(view, name).sum())
        for name, entry in found.items()
        if name in required
        and entry.worst is None
        and entry.evidence != NO_ADVERSARY
        and (table.has_images or not CHANNELS[name].needs_images)
    }
    block = evidence_block(channels, today.isoformat())
    named = [name for name in channels if name != SEARCH]
    asked = [f"#   {CHANNELS[name].title}: {CHANNELS[name].meaning}" for name in named]
    head = [
        "# Open until somebody looks (docs/honest-green.md). Take the '#' away and fill in what is",
        "# in capitals: who, how, how many were looked at, in how many something was found.",
    ]
    return [
        *numbers,
        *(["# What the threat models ask somebody to look at:", *asked] if asked else []),
        *(head if block else []),
        *(f"# {line}" for line in block),
        *([] if named else ["# channels: {}  # the threat models leave none open"]),
        *([] if SEARCH in channels else ["# context:"]),
        *(f"#   {name}: {empty}  # {question}" for name, empty, question in _CONTEXT),
        "# sign_off:",
        *(f"#   {name}: {empty}  # {question}" for name, empty, question in _SIGN_OFF),
    ]


_CONTEXT = (
    ("purpose", '""', "why are the data shared?"),
    ("intended_users", '""', "who will use them, under which terms?"),
    ("utility", '""', "which analyses must still work on what is released?"),
    ("sites", "[]", "which hospitals do the subjects come from?"),
    ("assumptions", "[]", "what does the assessment rest on that nobody checked?"),
    ("triggers", "[]", "what makes it necessary to assess again, before it expires?"),
    ("conflicts", '""', "has who assesses an interest in the release?"),
)
_SIGN_OFF = (
    ("assessor", '""', "who answers for the assessment?"),
    ("role", '""', "in which function, with which training in the field?"),
    ("organisation", '""', "for whom?"),
    ("date", '""', "on which day, as 2026-11-02?"),
    ("statement", '""', "what do they state, in their words?"),
)
"""Key, what stands there before it is answered, and the question."""

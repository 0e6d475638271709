"""What to do next: for each reason of a verdict the line to paste, or the place to look.

A line is a command of midi-risk, or lines of its project file. Names stand in it, never values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from midi_risk.report.view import ReportView
from midi_risk.report.words import channel_term, listed, lowered

NAMES_IN_LINE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do.

    Parameters
    ----------
    text : str
        What, in one sentence.
    line : str
        To paste: a command, or lines of the project file; empty where there is none.
    where : {"command", "file", ""}
        What the line is.
    anchor : str
        Section of the report that says more.
    """

    text: str
    line: str = ""
    where: str = ""
    anchor: str = ""


Make = Callable[[ReportView, Sequence[str]], list[Step]]


def _command(text: str, line: str, anchor: str = "") -> Make:
    """Return the step of a command."""
    return lambda _view, _names: [Step(text=text, line=line, where="command", anchor=anchor)]


def _file(text: str, line: str, anchor: str = "") -> Make:
    """Return the step of lines in the project file, the same whatever the reason names."""
    return lambda _view, _names: [Step(text=text, line=line, where=PROJECT, anchor=anchor)]


def _look(text: str, anchor: str) -> Make:
    return lambda _view, _names: [Step(text=text, anchor=anchor)]


PROJECT = "file"
_WHO = "by: NAME, on: DATE, method: TEXT"


def _quoted(name: str) -> str:
    """Return a name as a key of YAML: plain where that is safe."""
    safe = name.isidentifier() and name.isascii() and name.casefold() not in _YAML_WORDS
    return name if safe else json.dumps(name)


_YAML_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})


def _each_attribute(text: str, setting: str) -> Make:
    """Return one line for each attribute, the first few of them."""

    def make(_view: ReportView, names: Sequence[str]) -> list[Step]:
        told = [f"  {_quoted(name)}: {setting}" for name in names[:NAMES_IN_LINE]]
        more = len(names) - len(told)
        line = "\n".join(["attributes:", *told, *([f"  # and {more} more"] if more > 0 else [])])
        return [Step(text=text, line=line, where=PROJECT, anchor="attributes")]

    return make


INSPECTED = ("free_text", "private_elements", "embedded_metadata")
"""Channels that `midi-risk inspect` measures."""


def _open_channels(_view: ReportView, names: Sequence[str]) -> list[Step]:
    """Return what closes each channel: our own measurement, a search, or somebody's look."""
    read = [name for name in names if name in INSPECTED]
    steps = []
    if read:
        steps.append(
            Step(
                text=f"Measure {_titles(read)}.",
                line="midi-risk inspect .",
                where="command",
                anchor="channels",
            )
        )
    if "linked_data" in names:
        steps.append(_search_step("Search for other public data on the same subjects."))
    looked = [name for name in names if name not in INSPECTED and name != "linked_data"]
    steps += [
        _statement(name, f"Look for {_titles([name])}, and say what was seen.") for name in looked
    ]
    return steps


def _titles(names: Sequence[str]) -> str:
    return listed([lowered(channel_term(name).title) for name in names])


def _search_step(text: str) -> Step:
    line = "context:\n  linked_search: [{date: DATE, place: TEXT, by: NAME, hits: 0}]"
    return Step(text=text, line=line, where=PROJECT, anchor="validity")


def _statement(name: str, text: str) -> Step:
    line = (
        f"channels:\n  {_quoted(name)}: {{status: bounded, {_WHO},"
        " looked: N, of: N, defects: 0, sensitivity: 0.9}"
    )
    return Step(text=text, line=line, where=PROJECT, anchor="channels")


def _mend_statement(_view: ReportView, names: Sequence[str]) -> list[Step]:
    return (
        [_statement(names[0], f"Complete the statement about {_titles(names[:1])}.")]
        if names
        else []
    )


def _key(text: str, setting: str) -> Make:
    """Return the line about the subject key, by its name."""

    def make(_view: ReportView, names: Sequence[str]) -> list[Step]:
        line = f"subject_key: {{column: {_quoted((*names, 'NAME')[0])}, {setting}}}"
        return [Step(text=text, line=line, where=PROJECT, anchor="scope")]

    return make


def _account(_view: ReportView, names: Sequence[str]) -> list[Step]:
    """Return the decisions on what leaves and nobody judged."""
    told = [
        f'    {_quoted(name)}: {{decision: remove, reason: "TEXT"}}'
        for name in (names[:NAMES_IN_LINE] or ["NAME"])
    ]
    return [
        Step(
            text="Decide on what leaves and nobody judged; retain it only for a reason.",
            line="\n".join(["release:", "  decisions:", *told]),
            where=PROJECT,
            anchor="attributes",
        )
    ]


def _above(view: ReportView, _names: Sequence[str]) -> list[Step]:
    """Return what brings figures under the threshold: the plan, or another search."""
    if view.plan is not None and view.plan.found and view.plan.after.passed:
        return [
            Step(
                text="Apply the proposed plan: it brings the classes within the threshold.",
                line="midi-risk apply . --plan midi-risk-out/plan.json -o release",
                where="command",
                anchor="recodes",
            )
        ]
    return [
        Step(
            text="Let more be left out, or remove what drives the risk, and search again.",
            line="midi-risk suggest . --max-suppression 5%",
            where="command",
            anchor="attributes",
        )
    ]


_SEARCH: Make = lambda _view, _names: [_search_step("Search again, and state all of it.")]  # noqa: E731
_QUALITY = _file(
    "Do quality control of the release candidate, and state all of it.",
    "context:\n  quality: {by: NAME, on: DATE, population: N, sample: N, defects: 0,"
    " sensitivity: 0.9}",
    "validity",
)
_AGAIN = _command("Draw a sample, and let people look at it.", "midi-risk qc plan .", "signoff")
_REMOVE = "{decision: remove}"

STEPS: Mapping[str, Make] = {
    "unread_files": _command(
        "See which files could not be read; mend them, or leave them out.",
        "midi-risk extract .",
        "scope",
    ),
    "unidentified_files": _command(
        "See which files name neither patient nor instance; leave them out.",
        "midi-risk extract .",
        "scope",
    ),
    "undecided": _each_attribute(
        "Say which part each undecided attribute plays.", "{role: quasi_identifier}"
    ),
    "direct_open": _each_attribute("Remove the direct identifiers.", _REMOVE),
    "account_open": _account,
    "direct_kept": _each_attribute("Remove the direct identifiers that are retained.", _REMOVE),
    "restated_dates": _each_attribute("Decide on dates that state the same day.", _REMOVE),
    "uids_tell": _file("Let apply replace the UIDs.", "uids: rekey", "attributes"),
    "declared_none": _each_attribute(
        "Judge what leaves although it is declared to be nothing.", "{role: quasi_identifier}"
    ),
    "overruled": _look("See which proposals the project file overrules.", "attributes"),
    "rows_without_key": _look("Give the rows a key, or leave them out of the release.", "scope"),
    "beside_unread": _file(
        "Link what lies beside, or say that it does not leave.",
        "collection: {exclude: [FILE]}",
        "scope",
    ),
    "orphans": _file(
        "Leave out the rows of people who are not in the leading source, or tolerate them.",
        "tolerance: {orphan_subjects: N}",
        "scope",
    ),
    "split_subjects": _look("Give each person one key, or mend the UIDs.", "scope"),
    "merged_subjects": _look("Give each person a key, or mend the records.", "scope"),
    "no_threat": _file("Name the threat models.", "threat_models: [public-release]", "threats"),
    "unread_values": _each_attribute("Mend the values, or take them as words.", "{kind: category}"),
    "above": _above,
    "attacks_open": _file(
        "Judge all three kinds of attempts.",
        "threat_models: [controlled-access, acquaintance, breach]",
        "threats",
    ),
    "class_lowered": _look("Say why a smaller class suffices.", "threats"),
    "threshold_lowered": _look("Keep the threshold that stood before the figures.", "methods"),
    "channels_open": _open_channels,
    "contradicted": _mend_statement,
    "evidence_incomplete": _mend_statement,
    "evidence_of_part": _mend_statement,
    "evidence_file_missing": _mend_statement,
    "evidence_file_changed": _mend_statement,
    "channel_above": _look("Lower the risk of the channel: remove, redact or deface.", "channels"),
    "channels_together": _look("Lower the largest of the channels.", "channels"),
    "search_hits": _look("Judge the hits; release under control, or not at all.", "validity"),
    "search_incomplete": _SEARCH,
    "search_old": _SEARCH,
    "quality_above": _QUALITY,
    "quality_incomplete": _QUALITY,
    "quality_old": _QUALITY,
    "qc_old": _AGAIN,
    "qc_changed": _AGAIN,
    "qc_found": _look("Remove what people saw, and let them look again.", "signoff"),
    "qc_unsure": _look("Let somebody decide on the units of which readers were unsure.", "signoff"),
    "qc_above": _AGAIN,
    "disclosed": _each_attribute(
        "Generalise or remove what can be inferred, or accept it in writing.",
        "{disclosure: {accepted: {by: NAME, on: DATE, reason: TEXT}}}",
    ),
    "disclosure_accepted": _look("Read what was accepted in writing.", "sensitive"),
    "key_identifies": _key("Let apply write a pseudonym for the subject key.", "write: rekey"),
    "key_guessed": _key("Confirm which column names a subject.", "confirmed: {by: NAME, on: DATE}"),
    "not_known": _file(
        "Add a model whose adversary knows all.", "threat_models: [public-release]", "threats"
    ),
    "singles_out": _each_attribute(
        "Judge what singles out subjects, or remove it.", "{role: quasi_identifier}"
    ),
    "within": _command(
        "Sign it, with your own key.",
        "midi-risk sign midi-risk-out --key ~/.ssh/id_ed25519",
        "signoff",
    ),
}
"""Code of a reason -> what to do about it; every code has its step."""


def next_steps(view: ReportView) -> tuple[Step, ...]:
    """Return what to do, in the order of the reasons, each thing once.

    Parameters
    ----------
    view : ReportView

    Returns
    -------
    tuple of Step
        Of an acceptable release the steps to sign, write and check it.
    """
    if view.verdict.status == "acceptable":
        return _accepted(view)
    found: list[Step] = []
    for reason in view.verdict.reasons:
        made = STEPS.get(str(reason.code))
        found += [] if made is None else made(view, [str(name) for name in reason.names or ()])
    return tuple(dict.fromkeys(found))


def _accepted(view: ReportView) -> tuple[Step, ...]:
    """Return the way of an acceptable assessment out of the house."""
    write = Step(
        text="Write the release; its files are assessed again.",
        line="midi-risk apply . --plan midi-risk-out/plan.json -o release",
        where="command",
        anchor="recodes",
    )
    sign = STEPS["within"](view, ())
    check = Step(
        text="Check it on the day of release, and when anything changes.",
        line="midi-risk check midi-risk-out .",
        where="command",
        anchor="validity",
    )
    return (*sign, write, check)

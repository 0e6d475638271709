"""What is open in a review, and the form that closes each of it.

A form is fields, and where their answers go in the project file. Whoever prefers the file finds
the same lines beside the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from midi_risk.config import Project
from midi_risk.document.assessment import Assessment, ChannelEntry
from midi_risk.document.clean import neutral
from midi_risk.document.reasons import Reason
from midi_risk.errors import ConfigError
from midi_risk.risk.account import ReleaseDecisions, account
from midi_risk.table.model import SubjectTable
from midi_risk.threat.channels import CHANNELS
from midi_risk.tune.project_edits import Place
from midi_risk.tune.yaml_splices import entry

Answers = Mapping[str, str]
Kind = Literal["text", "number", "share", "date", "choice", "long"]
STEPS = ("sources", "roles", "levels", "evidence", "release", "sign-off")

_STEP_OF = {
    **dict.fromkeys(
        ("unread_files", "unidentified_files", "rows_without_key", "beside_unread", "orphans",
         "split_subjects", "merged_subjects", "key_identifies", "key_guessed"), "sources",
    ),
    **dict.fromkeys(
        ("undecided", "direct_open", "account_open", "direct_kept", "restated_dates",
         "uids_tell", "overruled", "unread_values", "no_threat"), "roles",
    ),
    **dict.fromkeys(("above", "channel_above", "channels_together", "singles_out"), "levels"),
}  # fmt: skip
"""Reason of the verdict -> step that closes it; all others are closed with evidence."""


def step_of(code: str) -> str:
    """Return the step on which a reason of the verdict is closed.

    Examples
    --------
    >>> step_of("orphans"), step_of("channels_open")
    ('sources', 'evidence')
    """
    return _STEP_OF.get(code, "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question of a form.

    Parameters
    ----------
    name : str
    label : str
    kind : {"text", "number", "share", "date", "choice", "long"}
    value : str
        What stands there.
    options : tuple of (str, str)
        Of a choice: value and words.
    required : bool
    help : str
    least, most : int, optional
        Of a number.
    """

    name: str
    label: str
    kind: Kind = "text"
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = True
    help: str = ""
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What closes one thing that is open.

    Parameters
    ----------
    name : str
        Of the form, within the page.
    step : str
    title, text : str
    fields : tuple of Field
    values : callable
        From answers to settings of the project file.
    closed : str
        What closes it already, ``""`` while it is open.
    trouble : str
        What is wrong with what was stated.
    codes : tuple of str
        Reasons of the verdict that it answers.
    command : str
        Command that looks by machine, ``""`` where none does.
    """

    name: str
    step: str
    title: str
    text: str
    fields: tuple[Field, ...]
    values: Callable[[Answers], Mapping[Place, Any]]
    closed: str = ""
    trouble: str = ""
    codes: tuple[str, ...] = ()
    command: str = ""

    @property
    def lines(self) -> str:
        """The lines of the project file with the same answers, capitals where they are missing."""
        given = {f.name: f.value or _PLACEHOLDER.get(f.kind, f.name.upper()) for f in self.fields}
        try:
            values = self.values(given)
        except ConfigError:
            return ""
        return "\n".join(
            "\n".join([*(f"{'  ' * i}{key}:" for i, key in enumerate(place[:-1])),
                       f"{'  ' * (len(place) - 1)}{entry(place[-1], value)}"])
            for place, value in values.items()
        )  # fmt: skip


_PLACEHOLDER = {"number": "0", "share": "0.9", "date": "2026-11-02"}


def answered(form: Form, given: Mapping[str, Any]) -> Mapping[Place, Any]:
    """Return the settings that answers make, or say which answer is missing.

    Raises
    ------
    ConfigError
    """
    answers: dict[str, str] = {}
    faults = []
    for question in form.fields:
        text = " ".join(neutral(str(given.get(question.name) or "")).split())[:2000]
        answers[question.name] = text
        if question.required and not text:
            faults.append(f"{question.label}: say something here")
        elif text and question.kind in {"number", "share"} and _number(text) is None:
            faults.append(f"{question.label}: a number is expected")
    if faults:
        raise ConfigError(form.title, faults)
    return form.values(answers)


def _number(text: str) -> float | int | None:
    share = text.endswith("%")
    try:
        number = float(text.removesuffix("%").replace(",", ".")) / (100 if share else 1)
    except ValueError:
        return None
    return int(number) if number.is_integer() else number


def _day(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def forms_of(
    project: Project,
    table: SubjectTable,
    assessment: Assessment,
    decisions: ReleaseDecisions,
    conflicts: Sequence[str],
    key: str,
    counts: Mapping[str, int],
    today: str,
) -> list[Form]:
    """Return every form of a review, those of what is closed already included.

    Parameters
    ----------
    project : Project
    table : SubjectTable
        As folded.
    assessment : Assessment
    decisions : ReleaseDecisions
        About what leaves and is no attribute.
    conflicts : sequence of str
        Subjects whose records contradict each other.
    key : str
        Column that names the subject in the leading source.
    counts : mapping of str to int
        Channel -> subjects who have it.
    today : str
        ISO 8601.
    """
    reasons = {reason.code: reason for reason in assessment.verdict.reasons}
    forms = [
        *_of_sources(project, reasons, conflicts, key, today),
        *_of_account(project, table, decisions),
        *_of_evidence(project, assessment, reasons, counts, today),
    ]
    return [*forms, *_of_signing(project, today)]


def _of_sources(
    project: Project,
    reasons: Mapping[str, Reason],
    conflicts: Sequence[str],
    key: str,
    today: str,
) -> list[Form]:
    forms = []
    for code, setting, what in (
        ("unread_files", "unread_files", "Files that could not be read"),
        ("orphans", "orphan_subjects", "Subjects of a table who have no images"),
    ):
        if code in reasons or getattr(project.tolerance, setting):
            count = max(reasons[code].counts.values()) if code in reasons else 0
            stated = getattr(project.tolerance, setting)
            forms.append(
                Form(
                    name=f"tolerance-{setting}", step="sources", title=what, codes=(code,),
                    text=(
                        reasons[code].text.partition(";")[0] + ". They are left out of the"
                        " release: say how many that may be, so that more are noticed."
                        if code in reasons else "They are left out of the release."
                    ),
                    fields=(
                        Field(name="number", label="So many may be left out", kind="number",
                              value=str(count or stated), least=0),
                    ),
                    values=_tolerance(setting),
                    closed="" if code in reasons else f"{stated} may be left out",
                )
            )  # fmt: skip
    if "merged_subjects" in reasons and conflicts and key:
        forms.append(_leave_out(project, reasons["merged_subjects"], conflicts, key))
    if "key_guessed" in reasons or "key_identifies" in reasons:
        reason = reasons.get("key_guessed") or reasons["key_identifies"]
        column = (project.subject_key.column if project.subject_key else "") or key
        forms.append(
            Form(
                name="key", step="sources", codes=("key_guessed", "key_identifies"),
                title="The key that links the rows of a subject",
                text=reason.text,
                fields=(
                    Field(name="column", label="Column", value=column),
                    Field(name="by", label="Who says that its values are pseudonyms"),
                    Field(name="on", label="On", kind="date", value=today),
                ),
                values=lambda a: {
                    ("subject_key",): {
                        "column": a["column"], "confirmed": {"by": a["by"], "on": _day(a["on"])},
                    }
                },
            )
        )  # fmt: skip
    return forms


def _tolerance(setting: str) -> Callable[[Answers], Mapping[Place, Any]]:
    return lambda answers: {("tolerance", setting): _number(answers["number"])}


def _private(project: Project, creator: str) -> Callable[[Answers], Mapping[Place, Any]]:
    return lambda answers: {
        ("private",): [
            *(rule.model_dump(exclude_none=True) for rule in project.private),
            {"creator": creator, "decision": answers["decision"], "source": answers["source"]},
        ]
    }


def _leave_out(project: Project, reason: Reason, conflicts: Sequence[str], key: str) -> Form:
    def values(answers: Answers) -> Mapping[Place, Any]:
        chosen = conflicts if answers["who"] == "all" else [answers["who"]]
        unsafe = [name for name in chosen if not name.isascii() or "'" in name]
        if unsafe:
            raise ConfigError(
                "this form", ["a key holds a quote or other signs; write 'where' into the file"]
            )
        parts = [f"{key} <> '{name}'" for name in chosen]
        old = project.collection.where
        return {("collection", "where"): " AND ".join([f"({old})", *parts] if old else parts)}

    return Form(
        name="leave-out", step="sources", codes=("merged_subjects",),
        title="Records that contradict each other",
        text=f"{reason.text.partition(':')[0]}. Nobody can tell whose images these are.",
        fields=(
            Field(
                name="who", label="Leave out of the release", kind="choice", value="all",
                options=(("all", "all of them"), *((name, neutral(name)) for name in conflicts)),
            ),
        ),
        values=values,
    )  # fmt: skip


def _of_account(project: Project, table: SubjectTable, decisions: ReleaseDecisions) -> list[Form]:
    """Return a form for what leaves, is no attribute, and nobody decided on."""
    creators: dict[str, int] = {}
    names: dict[str, str] = {}
    for leaf, row in zip(table.leaves, account(table, decisions), strict=True):
        if row.disposition != "open" or row.by:
            continue
        if any(leaf.creators[:1]):
            creators[leaf.creators[0]] = creators.get(leaf.creators[0], 0) + 1
        else:
            names.setdefault(row.name, row.reason)
    how = Field(
        name="decision", label="What is done about it", kind="choice", value="remove",
        options=(("remove", "remove it from the release"), ("retain", "retain it")),
    )  # fmt: skip
    forms = [
        Form(
            name=f"private-{number}", step="roles", codes=("account_open",),
            title=f"Private elements of {neutral(creator)}",
            text=f"{elements} elements that no public dictionary describes.",
            fields=(how, Field(name="source", label="What says so")),
            values=_private(project, creator),
        )
        for number, (creator, elements) in enumerate(creators.items())
    ]  # fmt: skip
    if names:
        listed = "; ".join(f"{neutral(name)}: {why}" for name, why in list(names.items())[:12])
        more = f"; and {len(names) - 12} more" if len(names) > 12 else ""
        forms.append(
            Form(
                name="account", step="roles", codes=("account_open",),
                title=f"What else leaves: {len(names)} without a decision", text=listed + more,
                fields=(how, Field(name="reason", label="Why")),
                values=lambda a: {
                    ("release", "decisions", name): {
                        "decision": a["decision"], "reason": a["reason"],
                    }
                    for name in names
                },
            )
        )  # fmt: skip
    return forms


def _of_evidence(
    project: Project,
    assessment: Assessment,
    reasons: Mapping[str, Reason],
    counts: Mapping[str, int],
    today: str,
) -> list[Form]:
    troubled = {
        name: reason.text
        for code, reason in reasons.items()
        if code.startswith(("evidence_", "contradicted", "channel_above"))
        for name in reason.names
    }
    forms = []
    for channel in assessment.channels:
        if channel.limit is None or channel.name not in CHANNELS:
            continue
        if channel.name == "linked_data":
            forms.append(_search_form(project, channel, reasons, today))
            continue
        forms.append(_channel_form(project, channel, troubled, counts[channel.name], today))
    if "disclosed" in reasons:
        forms += [
            _disclosure_form(name, _who(project), today) for name in reasons["disclosed"].names
        ]
    return forms


def _figure(channel: ChannelEntry) -> str:
    """Return what is known of a channel, ``""`` while it is open."""
    if channel.worst is None:
        return ""
    word = "within" if channel.passed else "above"
    return f"at most {channel.worst:.3g}, {word} the limit of {channel.limit or 0:.3g}"


_MACHINE = {
    "free_text": "inspect",
    "private_elements": "inspect",
    "embedded_metadata": "inspect",
    "burned_in": "inspect",
    "cross_collection_pixels": "overlap",
}
"""Channel -> command that looks by machine."""


def _who(project: Project) -> str:
    """Return who stated something last, to begin with."""
    stated = [one.by for one in project.channels.values() if one.by]
    return stated[-1] if stated else str(project.sign_off.get("assessor") or "")


def _channel_form(
    project: Project,
    channel: ChannelEntry,
    troubled: Mapping[str, str],
    there: int,
    today: str,
) -> Form:
    about = CHANNELS[channel.name]
    stated = project.channels.get(channel.name)

    def shown(name: str, default: object = "") -> str:
        value = getattr(stated, name, None) if stated else None
        return str(default if value in {None, ""} else value)

    def values(answers: Answers) -> Mapping[Place, Any]:
        stated_now: dict[str, Any] = {
            "status": "bounded", "by": answers["by"], "on": _day(answers["on"]),
            "method": answers["method"], "looked": _number(answers["looked"]),
            "of": _number(answers["of"]), "defects": _number(answers["defects"]),
            "sensitivity": _number(answers["sensitivity"]),
        }  # fmt: skip
        if answers["upper"]:
            stated_now["upper"] = _number(answers["upper"])
        if answers["file"]:
            stated_now["file"] = answers["file"]
        return {("channels", channel.name): stated_now}

    trouble = troubled.get(channel.name, "")
    return Form(
        name=f"channel-{channel.name}", step="evidence", title=about.title, text=about.meaning,
        codes=("channels_open",), command=_MACHINE.get(channel.name, ""),
        closed="" if trouble else _figure(channel), trouble=trouble,
        fields=(
            Field(name="by", label="Who looked", value=shown("by", _who(project))),
            Field(name="on", label="When", kind="date", value=shown("on", today)),
            Field(name="method", label="How", kind="long", value=shown("method"),
                  help="What was looked at, with which tool, by whom trained"),
            Field(name="looked", label="Looked at", kind="number", least=1,
                  value=shown("looked", there), help="subjects"),
            Field(name="of", label="of", kind="number", least=1, value=shown("of", there),
                  help="subjects who have it"),
            Field(name="defects", label="In how many something was found", kind="number", least=0,
                  value=shown("defects", "")),
            Field(name="sensitivity", label="How surely it is seen when it is there", kind="share",
                  value=shown("sensitivity", 0.9), help="0.9: nine of ten"),
            Field(name="upper", label="Highest probability, if one is known", kind="share",
                  value=shown("upper"), required=False, help="raises the figure from the counts"),
            Field(name="file", label="Log of the review", value=shown("file"), required=False,
                  help="a file beside midi-risk.yaml"),
        ),
        values=values,
    )  # fmt: skip


def _search_form(
    project: Project, channel: ChannelEntry, reasons: Mapping[str, Reason], today: str
) -> Form:
    old = list(project.context.get("linked_search") or [])
    trouble = next((r.text for code, r in reasons.items() if code.startswith("search_")), "")
    return Form(
        name="search", step="evidence", title="Linked public data", codes=("channels_open",),
        text="Look for other public data on the same people: by title, by counts, by pictures.",
        closed="" if trouble else _figure(channel) or ("searched" if old else ""), trouble=trouble,
        fields=(
            Field(name="by", label="Who searched", value=_who(project)),
            Field(name="date", label="When", kind="date", value=today),
            Field(name="place", label="Where", help="such as: TCIA, IDC and OpenNeuro, by title"),
            Field(name="hits", label="Hits", kind="number", value="", least=0),
        ),
        values=lambda a: {
            ("context", "linked_search"): [
                *old,
                {"date": _day(a["date"]), "by": a["by"], "place": a["place"],
                 "hits": _number(a["hits"])},
            ]
        },
    )  # fmt: skip


def _disclosure_form(name: str, who: str, today: str) -> Form:
    return Form(
        name=f"disclosure-{name}", step="evidence", codes=("disclosed",),
        title=f"Values of {neutral(name)} can be inferred",
        text="Coarsen or remove it under Roles or Levels, or accept it in writing here.",
        fields=(
            Field(name="by", label="Who accepts it", value=who),
            Field(name="on", label="When", kind="date", value=today),
            Field(name="reason", label="Why that does no harm", kind="long"),
        ),
        values=lambda a: {
            ("attributes", name, "disclosure"): {
                "accepted": {"by": a["by"], "on": _day(a["on"]), "reason": a["reason"]}
            }
        },
    )  # fmt: skip


def _of_signing(project: Project, today: str) -> list[Form]:
    context, signed = project.context, project.sign_off

    def texts(source: Mapping[str, Any], name: str) -> str:
        value = source.get(name) or ""
        return "; ".join(map(str, value)) if isinstance(value, list) else str(value)

    return [
        Form(
            name="context", step="sign-off", title="What the release is for",
            text="Printed in the report and on the certificate.",
            closed="stated" if context.get("purpose") else "",
            fields=(
                Field(name="purpose", label="Why are the data shared?",
                      value=texts(context, "purpose"), kind="long"),
                Field(name="intended_users", label="Who will use them, under which terms?",
                      value=texts(context, "intended_users"), kind="long"),
                Field(name="utility", label="Which analyses must still work?", required=False,
                      value=texts(context, "utility"), kind="long"),
                Field(name="assumptions", label="What does this rest on that nobody checked?",
                      required=False, value=texts(context, "assumptions"), kind="long",
                      help="several are divided by ;"),
                Field(name="triggers", label="What makes it necessary to assess again?",
                      required=False, value=texts(context, "triggers"), kind="long",
                      help="several are divided by ;"),
            ),
            values=lambda a: {
                ("context", name): (
                    [part.strip() for part in text.split(";") if part.strip()]
                    if name in {"assumptions", "triggers"} else text
                )
                for name, text in a.items() if text or name in context
            },
        ),
        Form(
            name="sign-off", step="sign-off", title="Who answers for it",
            text="A statement under a name; a signature binds it to the assessment afterwards.",
            closed=f"signed off by {neutral(str(signed['assessor']))}"
            if signed.get("assessor") else "",
            fields=(
                Field(name="assessor", label="Name",
                      value=texts(signed, "assessor") or _who(project)),
                Field(name="role", label="Function and training", value=texts(signed, "role")),
                Field(name="organisation", label="Organisation",
                      value=texts(signed, "organisation")),
                Field(name="date", label="On", kind="date", value=texts(signed, "date") or today),
                Field(name="statement", label="Statement", kind="long", required=False,
                      value=texts(signed, "statement")),
            ),
            values=lambda a: {
                ("sign_off",): {name: text for name, text in a.items() if text}
            },
        ),
    ]  # fmt: skip

"""Codes, numbers and whole statements as words, generated from the view alone.

A number reads as a share with its count, a risk as "1 in n". A probability is that of a correct
identification, given an attempt, under the stated model. The text claims neither legal status
nor certainty.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from midi_risk.document.assessment import PROOFS
from midi_risk.document.reasons import REASONS
from midi_risk.report.counts import SafeCount
from midi_risk.report.families import folded_names
from midi_risk.report.leaves import Band
from midi_risk.report.view import Count, ReportView, Shown
from midi_risk.risk.measures.registry import FIGURES, Leaves
from midi_risk.threat.channels import CHANNELS


class Term(NamedTuple):
    """A code as a reader meets it: title, meaning, formula or method."""

    title: str
    meaning: str
    formula: str = ""


ATTACKERS = {
    "prosecutor": Term(
        "Prosecutor",
        "Knows that the target is in the collection and looks for that one person.",
    ),
    "journalist": Term(
        "Journalist",
        "Does not know who is in the collection; any single re-identification counts.",
    ),
    "marketer": Term(
        "Marketer",
        "Matches the whole collection against a population and counts correct matches.",
    ),
}

MEASURES = {code: Term(m.title, m.meaning, m.formula) for code, m in FIGURES.items()}
"""What the report calls a figure of the assessment, in its order."""

STATUS = {
    "acceptable": "Acceptable",
    "above_threshold": "Above threshold",
    "incomplete": "Incomplete",
}
SECTIONS = {
    "decision": "Decision",
    "scope": "Scope",
    "threats": "Threats",
    "risk": "Risk",
    "attributes": "Attributes",
    "combinations": "Combinations",
    "records": "Records",
    "sensitive": "Sensitive attributes",
    "channels": "Channels",
    "recodes": "Recodes",
    "utility": "Utility",
    "tune": "Tune",
    "methods": "Methods",
    "mapping": "Rules and standards",
    "validity": "Validity",
    "signoff": "Sign-off",
}
"""Anchor of a section -> its name."""
RECIPIENTS = {
    "public": "The public",
    "controlled": "Recipients under controlled access",
    "secure_environment": "Users of a secure environment",
}
RECIPIENT_STATUS = {
    "anonymous": "Anonymous for them",
    "pseudonymous": "Pseudonymous",
    "open": "Open",
}
"""What the data are to a recipient, under the threat models that judge them."""
STATUS_MARK = {"acceptable": "✓", "above_threshold": "▲", "incomplete": "?"}

CHANNEL_STATUS = {
    "assessed": "Assessed",
    "bounded": "Bounded, not estimated",
    "not_assessed": "Not assessed",
}

ROLES = {
    "direct_identifier": "Direct identifier",
    "quasi_identifier": "Quasi-identifier",
    "sensitive": "Sensitive",
    "insensitive": "Insensitive",
    "linkage_key": "Linkage key",
    "undecided": "Undecided",
}
DECISIONS = {
    "retain": "Retain",
    "generalise": "Generalise",
    "remove": "Remove",
}
DISPOSITIONS = {
    "classes": "Judged in the classes",
    "repeated": "Judged on every value that repeats",
    "channel": "Measured by a channel",
    "recoded": "Recoded",
    "removed": "Removed",
    "harmless": "Harmless, for a reason that stands in the account",
    "open": "Open",
}
"""What is done about something that leaves."""
KINDS_OF_ROWS = {
    "element": "Elements",
    "column": "Columns",
    "sheet": "Sheets",
    "comment": "Comments",
    "text": "Texts",
    "name": "Names",
    "file": "Files",
    "other": "Other",
}
"""What leaves."""
RELEASES = {
    "public": "Public release",
    "semi-public": "Semi-public release",
    "controlled": "Controlled access",
}
FILES = {
    "read": "read",
    "flagged": "read, with flags",
    "not_dicom": "not DICOM",
    "unreadable": "unreadable",
}
EXCLUDED = {
    "phantom": "phantoms",
    "animal": "animals",
    "derived": "derived objects",
    "no_key": "without a subject key",
}
OPTIONS = {
    "rtn_safe_priv": "retained safe private elements",
    "rtn_uids": "retained UIDs",
    "rtn_dev_id": "retained device identity",
    "rtn_inst_id": "retained institution identity",
    "rtn_pat_chars": "retained patient characteristics",
    "rtn_long_full_dates": "retained full dates",
    "rtn_long_modif_dates": "retained modified dates",
    "clean_desc": "clean descriptors",
    "clean_struct_cont": "clean structured content",
    "clean_graph": "clean graphics",
}
CELLS = {
    "unique": "Unique subjects",
    "share_unique": "Share unique",
    "m": "Visits known",
    "k": "k",
    "estimator": "Estimator",
    "value": "Value",
    "lower": "Lower",
    "upper": "Upper",
    "subjects": "Subjects",
}


_CODE = re.compile(r"\b(?:" + "|".join((*MEASURES, *CHANNELS)) + r")\b")


def worded(sentence: str) -> str:
    """Return a sentence with the codes of measures and channels in words.

    Examples
    --------
    >>> worded("not assessed: burned_in, face")
    'not assessed: burned-in text, reconstructable face'
    """
    titles = {code: term.title for code, term in MEASURES.items()}
    titles |= {name: channel.title for name, channel in CHANNELS.items()}
    return _CODE.sub(lambda hit: lowered(titles[hit.group()]), sentence)


def lowered(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title[:1].lower() + title[1:]


def is_sample(population: str) -> bool:
    """Tell whether the matching population is the release itself, so that F equals f.

    Examples
    --------
    >>> is_sample("the release itself: nobody outside it is counted on (F = f)")
    True
    """
    return population.startswith(("sample", "the release itself"))


def plain(code: str, vocabulary: dict[str, str] | None = None) -> str:
    """Return the words for a code; an unknown code is shown with spaces.

    Examples
    --------
    >>> plain("quasi_identifier", ROLES), plain("sex-conflict")
    ('Quasi-identifier', 'Sex conflict')
    """
    if vocabulary and code in vocabulary:
        return vocabulary[code]
    words = code.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def measure_term(code: str) -> Term:
    """Return title and meaning of a measure; an unknown one keeps its own name.

    Examples
    --------
    >>> measure_term("prosecutor_max").title
    'Highest prosecutor risk'
    """
    return MEASURES.get(code) or Term(plain(code), "")


def channel_term(code: str) -> Term:
    """Return title and meaning of a channel; an unknown one keeps its own name."""
    channel = CHANNELS.get(code)
    if channel is None:
        return Term(plain(code), "A further way to identity.")
    return Term(channel.title, channel.meaning)


THIN = "\u202f"
FIXED = "\u00a0"
NOT_STATED = "not stated"
NOT_ASSESSED = "not assessed"
SHARES = ("_at_risk", "_unique", "_uniques")


def count_text(count: Count | None) -> str:
    """Return a count with thin spaces between thousands, or how it is hidden.

    Examples
    --------
    >>> count_text(12)
    '12'
    >>> count_text(SafeCount(state="below", k=11)).replace(FIXED, " ")
    '< 11'
    """
    if count is None:
        return NOT_ASSESSED
    if isinstance(count, int):
        return f"{count:,}".replace(",", THIN)
    if count.value is not None:
        return f"{count.value:,}".replace(",", THIN)
    return {
        "below": f"<{FIXED}{count.k}",
        "all_but": f"all but <{FIXED}{count.k}",
        "withheld": "withheld",
    }[count.state]


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal, never rounded to a false 0 or 100.

    Examples
    --------
    >>> percent(0.0).replace(FIXED, ' '), percent(1e-5).replace(FIXED, ' ')
    ('0 %', '< 0.1 %')
    """
    if isinstance(share, Band):
        return f"{percent(share.low)} to {percent(float(share))}"
    if share <= 0:
        return f"0{FIXED}%"
    if share >= 1:
        return f"100{FIXED}%"
    if share < 0.0005:
        return f"< 0.1{FIXED}%"
    if share > 0.9995:
        return f"> 99.9{FIXED}%"
    return f"{100 * share:.1f}{FIXED}%"


def share_text(count: Count, total: Count) -> str:
    """Return a percentage with its count and total.

    Examples
    --------
    >>> share_text(12, 388).replace(FIXED, ' ')
    '3.1 %, 12 of 388'
    """
    whole = total if isinstance(total, int) else total.value
    part = count if isinstance(count, int) else count.value
    text = f"{count_text(count)} of {count_text(total)}"
    if whole is None:
        return count_text(count)
    if not whole:
        return text
    if part is not None:
        return f"{percent(min(1.0, part / whole))}, {text}"
    if isinstance(count, SafeCount) and count.state == "below":
        return f"under {percent(min(1.0, count.k / whole)).removeprefix('< ')}, {text}"
    return text


def share_of(count: Count, total: Count) -> float | None:
    """Return a count as a share of its total, None where either is hidden or there is no total.

    Examples
    --------
    >>> share_of(97, 388), share_of(SafeCount(state="below", k=11), 388)
    (0.25, None)
    """
    part, whole = (n if isinstance(n, int) else n.value for n in (count, total))
    return None if part is None or not whole else min(1.0, part / whole)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with three significant digits.

    Examples
    --------
    >>> number(0.090909), number(1.0), number(None)
    ('0.0909', '1', 'not assessed')
    """
    if value is None:
        return NOT_ASSESSED
    if isinstance(value, Band):
        return f"{number(value.low)} to {number(float(value))}"
    if value != 0 and abs(value) < 10 ** -(digits + 1):
        return f"< 0.{'0' * digits}1" if value > 0 else f"> -0.{'0' * digits}1"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", THIN)
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e" in text else text


def one_in(value: float) -> str:
    """Return a probability as "1 in n".

    Examples
    --------
    >>> [one_in(r).replace(FIXED, ' ') for r in (1 / 11, 0.4, 1.0, 0.0)]
    ['1 in 11', '1 in 2.5', '1 in 1', '0']
    """
    if value <= 0:
        return "0"
    inverse = 1 / value
    text = f"{inverse:.0f}" if inverse >= 10 else f"{inverse:.1f}".removesuffix(".0")
    return f"1{FIXED}in{FIXED}" + (f"{int(text):,}".replace(",", THIN) if text.isdigit() else text)


def risk_text(value: float | SafeCount | None) -> str:
    """Return a risk as a fraction and as "1 in n".

    Examples
    --------
    >>> risk_text(1 / 11).replace(FIXED, ' ')
    '0.0909 (1 in 11)'
    """
    if value is None:
        return NOT_ASSESSED
    if isinstance(value, Band):
        return number(value)
    if isinstance(value, SafeCount):
        return count_text(value)
    return f"{number(value)} ({one_in(value)})" if value > 0 else "0"


def interval_text(estimate: Shown) -> str:
    """Return the interval of an estimate, or what the number is when it has none."""
    if estimate.value is None or isinstance(estimate.value, SafeCount):
        return ""
    if estimate.lower is None and estimate.upper is None:
        return {"exact": "exact", "bound": "bound, not an estimate"}.get(
            estimate.kind, "no interval"
        )
    if isinstance(estimate.value, Band):
        return "of few subjects, as a band"
    lower, upper = number(estimate.lower), number(estimate.upper)
    if estimate.kind == "exact" and lower == upper:
        return "exact"
    word = "bound, not an estimate" if estimate.kind == "bound" else estimate.kind
    return f"{lower} to {upper}, {word}"


def tail_text(estimate: Shown) -> str:
    """Return what stands beside a mean: the risk that most subjects do not exceed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> tail_text(SimpleNamespace(tail=[SimpleNamespace(share=0.95, risk=0.5)]))
    '; 95 % of the subjects at most 0.5'
    """
    shown = [q for q in estimate.tail if q.share > 0.5]
    if not shown:
        return ""
    told = [
        f"{round(100 * q.share)} % at most {number(q.risk)}"
        if i
        else f"{round(100 * q.share)} % of the subjects at most {number(q.risk)}"
        for i, q in enumerate(shown)
    ]
    return "; " + ", ".join(told)


def is_share(measure: str) -> bool:
    """Tell whether a measure is a share of subjects and not a probability for one.

    Of a measure that this version does not know, as in a document of another version, the
    ending of its name decides.

    Examples
    --------
    >>> is_share("prosecutor_at_risk"), is_share("prosecutor_max")
    (True, False)
    """
    if measure in FIGURES:
        return FIGURES[measure].leaves is Leaves.COUNT
    return measure.endswith(SHARES)


def value_text(estimate: Shown) -> str:
    """Return the value of a result in either edition, with its count where it is a share."""
    if not is_share(estimate.measure):
        return risk_text(estimate.value)
    if isinstance(estimate.value, SafeCount):
        return share_text(estimate.value, estimate.n)
    if estimate.value is None:
        return NOT_ASSESSED
    if estimate.kind != "exact":
        return f"{percent(estimate.value)} of {count_text(estimate.n)}"
    return share_text(round(estimate.value * estimate.n), estimate.n)


DISCLAIMER = "A computed estimate, not a determination."


def listed(names: Any, *, none: str = "none") -> str:
    """Return names as a sentence lists them, a family of many by what its names share.

    Examples
    --------
    >>> listed(["age", "sex", "site"]), listed([])
    ('age, sex and site', 'none')
    """
    words = folded_names(names)
    if len(words) < 2:
        return words[0] if words else none
    return ", ".join(words[:-1]) + " and " + words[-1]


def capital(sentence: str) -> str:
    """Return a sentence with a large first letter, names of models left alone.

    Examples
    --------
    >>> capital("every figure is within"), capital("public-release, demonstration: above")
    ('Every figure is within', 'public-release, demonstration: above')
    """
    first = sentence.split(" ", 1)[0]
    return sentence[:1].upper() + sentence[1:] if first.isalpha() else sentence


def step_risk(plan: Shown) -> str:
    """Return which risk the steps of a plan are counted in."""
    if plan.steps:
        first = plan.steps[0].risk_before
        for value, word in (
            (plan.before.risk_mean, "Average risk"),
            (plan.before.risk_max, "Highest risk"),
        ):
            if value is not None and abs(first - value) < 1e-9:
                return word
    return "Risk"


def positive(count: Count | None) -> bool:
    """Tell whether a count, hidden or not, is above zero."""
    if count is None:
        return False
    if isinstance(count, int):
        return count > 0
    return count.state != "shown" or bool(count.value)


def fixed(view: ReportView) -> str:
    """Return whether the threshold was fixed before the figures were seen, and what proves it."""
    threshold, log = view.threshold, view.log
    if threshold.proof in PROOFS and threshold.fixed_at:
        told = f"fixed before the figures were seen, as {PROOFS[threshold.proof]} proves"
    else:
        told = "that it was fixed before the figures were seen is not proved"
    if log is None or not log.runs:
        return told
    runs = "1 earlier run" if log.runs == 1 else f"{log.runs} earlier runs"
    if not log.changed:
        return f"{told} ({runs}; threshold unchanged since {str(log.since)[:10]})"
    since = f", as now since {str(log.since)[:10]}" if log.since else ""
    return f"{told} ({runs}; threat models changed between runs{since})"


def below_shipped(view: ReportView) -> str:
    """Return why a class size below the shipped one is required, empty when none is."""
    threshold = view.threshold
    if threshold.shipped is None and not threshold.reason:
        return ""
    less = "" if threshold.shipped is None else f"less than the {threshold.shipped} that ships; "
    return less + (threshold.reason or "no reason is stated")


def verdict_explained(view: ReportView) -> str:
    """Return what follows the verdict's first word."""
    status, governing = view.verdict.status, view.verdict.governing
    text = {
        "acceptable": "Every figure is within its threshold and every required channel was "
        "looked at.",
        "incomplete": "It is not established whether the risk is acceptable.",
        "above_threshold": "The collection carries more risk than the threshold allows.",
    }[status]
    return f"{text} {governing_sentence(governing)}" if governing else text


def governing_sentence(governing: Shown) -> str:
    """Return the figure that decides, in words."""
    term = measure_term(governing.measure)
    return (
        f"{term.title} of the {governing.adversary} adversary under {governing.model}: "
        f"{risk_text(governing.value)}, threshold {risk_text(governing.threshold)}."
    )


HEADS = {
    "undecided": "Role undecided",
    "direct_open": "Direct identifiers without a decision to remove",
    "direct_kept": "Direct identifiers that are retained",
    "channels_open": "Required, but not assessed",
    "channel_above": "Channels above the threshold",
    "channels_together": "Channels above the threshold together",
    "contradicted": "Stated as less than what was found",
    "evidence_incomplete": "Stated without who, when, how, how many of how many",
    "evidence_of_part": "Stated of fewer subjects than the release has",
    "evidence_file_missing": "Stated by a file that is not there",
    "evidence_file_changed": "Stated by a file that is another one now",
    "split_subjects": "One study or series under several subject keys",
    "merged_subjects": "One subject key with records of two people",
    "disclosed": "Sensitive values that can be inferred",
    "key_identifies": "Subject key that looks like a direct identifier",
    "key_guessed": "Subject key that was guessed",
    "singles_out": "Called insensitive, but singling out subjects",
    "not_known": "Known to no adversary of the threat models",
    "above": "",
    "attacks_open": "Attempts on a controlled release that were not judged",
    "unread_files": "Files that could not be read",
    "class_lowered": "Class size below the one that midi-risk ships",
    "threshold_lowered": "Class size lowered after figures had been seen",
}
"""Reason -> how the shareable edition begins to tell it, in its order; others are counted."""


SAID_ALONE = frozenset({"split_subjects", "merged_subjects"})
"""Those that are told without names too: a UID that this edition does not list leaves none."""


def reasons(view: ReportView) -> tuple[str, ...]:
    """Return why the verdict is what it is."""
    if view.disclosive is not None:
        return tuple(capital(worded(reason.text)) for reason in view.verdict.reasons)
    told = [
        r
        for r in view.verdict.reasons
        if r.code in HEADS and (r.names or r.counts or r.code in SAID_ALONE)
    ]
    out = []
    for code, head in HEADS.items():
        found = [reason for reason in told if reason.code == code]
        names = [name for reason in found for name in reason.names]
        kind = REASONS[code].names
        if kind == "adversary":
            out += [failure_sentence(reason.names) for reason in found]
        elif kind == "none":
            out += [f"{head}: {count_text(reason.counts['files'])}." for reason in found]
        elif names:
            titles = [lowered(channel_term(name).title) for name in names]
            out.append(f"{head}: {listed(titles if kind == 'channels' else names)}.")
        elif found:
            out.append(f"{head}.")
    others = len(view.verdict.reasons) - len(told)
    if others and view.verdict.status != "acceptable":
        more = "further " if out else ""
        out.append(f"{others} {more}reason(s) are given in the internal edition.")
    return tuple(out)


def statement_sentence(stated: Shown, when: str) -> str:
    """Return on what a figure that the assessor stated rests, and what of that is not stated.

    Parameters
    ----------
    stated : Statement
        Or what may leave of it.
    when : str
        Its day as the edition writes days.
    """
    parts = [f"By: {stated.by or NOT_STATED}; day: {when}"]
    if stated.looked is None or stated.of is None:
        parts.append("how many were looked at is not stated")
    else:
        parts.append(f"{count_text(stated.looked)} of {count_text(stated.of)} looked at")
    parts.append(
        "how many had a defect is not stated"
        if stated.defects is None
        else f"{count_text(stated.defects)} with a defect"
    )
    if stated.sensitivity is not None:
        parts.append(f"a reader sees {percent(stated.sensitivity)}")
    return "; ".join(parts) + (f". {capital(stated.method)}" if stated.method else ".")


def failure_sentence(names: Any) -> str:
    """Return which measures of an adversary did not pass.

    Examples
    --------
    >>> failure_sentence(["public-release", "demonstration", "prosecutor_max"])
    'public-release, demonstration: above the threshold on highest prosecutor risk.'
    """
    model, adversary, *measures = names
    titles = [lowered(measure_term(measure).title) for measure in measures]
    return f"{model}, {adversary}: above the threshold on {listed(titles)}."


def plan_sentence(view: ReportView) -> str:
    """Return what the proposed plan would achieve."""
    plan = view.plan
    if plan is None:
        return "No recoding was searched for."
    if not plan.found:
        return "No recoding within the limits meets the threshold."
    out, emptied = plan.suppressed.subjects, plan.suppressed.emptied
    steps = len(plan.steps)
    text = f"The proposed plan changes {steps} attribute{'s' if steps != 1 else ''}"
    who = "subject" if out == 1 else "subjects"
    text += f" and leaves out {count_text(out)} {who}" if positive(out) else ""
    cells = "cell" if emptied == 1 else "cells"
    told = isinstance(emptied, int) or emptied.value is not None
    how_many = count_text(emptied) if told else "some"
    text += f" and empties {how_many} {cells}" if positive(emptied) else ""
    reached = risk_text(plan.after.risk_max)
    word = "would be within" if plan.after.passed else "would still be above"
    said = f"{text}: the highest risk becomes {reached}, which {word} the threshold."
    return said if plan.local is None else f"{said} {local_sentence(plan.local)}"


def local_sentence(local: Any) -> str:
    """Return what bands that differ between subjects mean and keep, in either edition."""

    def lost(figures: Any) -> str:
        r2 = "" if figures.age_r2 is None else f", age R\u00b2 {figures.age_r2:.2f}"
        return f"mean distance {figures.loss:.3f}, entropy {figures.nue:.3f}{r2}"

    text = f"{local.sentence} Lost: {lost(local.figures)}"
    if local.global_figures is None:
        return f"{text}."
    return f"{text}; with one level for everybody: {lost(local.global_figures)}."


UTILITIES = {
    "non-uniform-entropy": "non-uniform entropy",
    "non-uniform-entropy-normalised-per-attribute": "non-uniform entropy, normalised per attribute",
}


def utility_name(plan: Shown) -> str:
    """Return the information loss of a plan in words, in either edition.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> utility_name(SimpleNamespace(utility="non-uniform-entropy"))
    'non-uniform entropy'
    """
    return UTILITIES.get(plan.utility, str(plan.utility))


def methods_paragraph(view: ReportView) -> str:
    """Return the methods paragraph, ready for a data descriptor."""
    names = list(view.measures.quasi_identifiers)
    parts = [
        f"Re-identification risk was computed with midi-risk {view.tool.version}.",
        (
            f"All observations were folded to one record per subject "
            f"(n = {count_text(view.subjects)}), because the subject is the unit of risk."
        ),
        f"The quasi-identifiers were {listed(names)}."
        if names
        else "No attribute was classified as a quasi-identifier.",
        "Missing values were treated as a category of their own."
        if view.missing_policy == "category"
        else f"Missing values were treated under the policy '{view.missing_policy}'.",
        (
            "Subjects equal on all quasi-identifiers form an equivalence class; the probability "
            "that a correct identification is made, given an attempt, is the reciprocal of the "
            "class size in the release (prosecutor) or in the matching population (journalist, "
            "marketer), and the overall risk is this probability times the probability of an "
            "attempt."
        ),
    ]
    for threat in view.threats:
        attackers = {r.measure.split("_")[0] for r in threat.results}
        text = (
            f"Threat model {threat.model}, adversary {threat.adversary}: attempt "
            f"{threat.attempt:g}, population {threat.population or 'not stated'}, measures "
            f"{listed(sorted(attackers))}"
        )
        parts.append(f"{text}.")
    threshold = view.threshold
    source = f" ({threshold.source})" if threshold.source else ""
    parts.append(
        f"The threshold was a class size of k = {threshold.k}, conventionally written "
        f"{threshold.label}{source}, applied to the {threshold.statistic}; {fixed(view)}."
    )
    if any(c.status != "not_assessed" for c in view.channels):
        parts.append(
            "Beside the classes, the risks of the channels that a subject has were added (Boole), "
            "with one joint 95 % bound for all samples in which nothing was found, and judged "
            "over the channels alone by the statistic and the attempt of each threat model."
        )
    missed = [
        channel_term(c.name).title.lower() for c in view.channels if c.status == "not_assessed"
    ]
    if missed:
        parts.append(f"Not assessed: {listed(missed)}.")
    if view.plan is not None and view.plan.found:
        word = "an exact" if view.plan.optimal else "a bounded"
        parts.append(
            f"Generalisations were chosen by {word} search of the lattice of recodings "
            f"({view.plan.nodes_checked} of {view.plan.nodes} nodes checked), the threshold first "
            "and information loss second."
        )
    return " ".join(parts)

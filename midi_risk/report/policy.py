"""The policy of the shareable edition: for every field of the documents, how it may leave.

To be read from top to bottom. A field leaves by the rule on its line and in no other way;
what is `dropped` stays inside. The words are explained in `midi_risk.report.rules`, and so is each
rule that looks at neighbouring fields, with the inference that it prevents. A field of the
documents that has no line here is an error, so that a new figure cannot leave unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from midi_risk.document import assessment as doc
from midi_risk.document import plan as plans
from midi_risk.document import reliability as rel
from midi_risk.document.conditions import EVENTS
from midi_risk.document.plan import Part
from midi_risk.report import rules
from midi_risk.report.leaves import Leaving, Option, ProfileCode
from midi_risk.report.rules import (
    ACTION,
    AMOUNT,
    CODE,
    COUNT,
    DIGEST,
    DROP,
    FIGURE,
    FLAG,
    HOW_MANY,
    MAXIMUM,
    NAME,
    PART_OF_ALL,
    RISK,
    SIZE,
    VALUES,
    VERSION,
    WRITTEN,
    YEAR,
    Around,
    Rule,
    count_of,
    dropped,
    each_of,
    share_of,
    special,
    those_like,
    word_of,
)


class NoRuleError(TypeError):
    """A field of the documents has no line in the policy."""


def _by_field(value: Any, around: Around, name: str) -> Any:
    """Apply the policy to a part, or to each part of a list."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_by_field(item, around, name) for item in value)
    return _leave(value, Around(k=around.k, document=around.document, part=value, name=name,
                                above=around))  # fmt: skip


def fields_of(made: Callable[[Any, Around], Any]) -> Rule:
    """Return the rule of parts that a special rule makes of the document's, field by field."""
    return Rule(made.__name__, lambda value, around: _by_field(made(value, around), around, ""))


FIELDS = Rule("field by field", lambda value, around: _by_field(value, around, ""))
"""A part of its own, field by field."""
BEFORE = Rule("field by field", lambda value, around: _by_field(value, around, "before"))
AFTER = Rule("field by field", lambda value, around: _by_field(value, around, "after"))
"""The same; the part knows which of the two it is."""

POLICY: dict[type[Part], dict[str, Rule]] = {
    doc.Assessment: {
        "tool": FIELDS,
        "created": YEAR,
        "valid_until": YEAR,
        "collection": FIELDS,
        "project_digest": DIGEST,
        "threshold": FIELDS,
        "log": FIELDS,
        "attributes": FIELDS,
        "account": FIELDS,
        "measures": FIELDS,
        "threats": FIELDS,
        "channels": FIELDS,
        "disclosure": FIELDS,
        "findings": FIELDS,
        "links": FIELDS,
        "linked_data": FIELDS,
        "missing_policy": CODE,
        "context": FIELDS,
        "qc": FIELDS,
        "scores": FIELDS,
        "sign_off": FIELDS,
        "plan": FIELDS,
        "verdict": FIELDS,
        "provenance": FIELDS,
        **dropped("schema_", "tolerance", "threat_models", "changes", "internal"),
        **dropped("channels_total", "channels_together"),
    },
    doc.Tool: {"version": VERSION, **dropped("name")},
    doc.Collection: {
        "name": special(rules.collection_name),
        "digest": DIGEST,
        "subjects": COUNT,
        "studies": COUNT,
        "series": COUNT,
        "instances": COUNT,
        "files": FIELDS,
        "excluded": each_of(CODE, COUNT),
    },
    doc.FileCounts: {"read": COUNT, "flagged": COUNT, "not_dicom": COUNT, "unreadable": COUNT},
    doc.Threshold: {
        "k": SIZE,
        "label": WRITTEN,
        "statistic": WRITTEN,
        "fixed_at": YEAR,
        "proof": word_of(("project", "log"), None),
        "source": WRITTEN,
        "shipped": SIZE,
        "reason": WRITTEN,
    },
    doc.Log: {"runs": SIZE, "since": YEAR, "changed": FLAG},
    doc.AttributeEntry: {
        "name": NAME,
        "level": word_of(("patient", "study", "series", "equipment", "instance", "file"), "other"),
        "role": word_of(
            ("direct_identifier", "quasi_identifier", "sensitive", "insensitive", "linkage_key"),
            "undecided",
        ),
        "missing": PART_OF_ALL,
        "ps315": fields_of(rules.profile_row),
        "decision": word_of(("retain", "generalise", "remove"), None),
        "justification": special(rules.words_without_figures),
        "need": WRITTEN,
        "contribution": special(rules.share_of_contributions),
        "sensitive": FLAG,
        **dropped(
            "source",
            "kind",
            "distinct",
            "label",
            "reason",
            "folding",
            "knowable_by",
            "ladder",
            "unit",
            "utility",
        ),
    },
    doc.AccountEntry: {
        "kind": CODE,
        "name": special(rules.name_in_account),
        "disposition": CODE,
        **dropped("source", "vr", "files", "by", "reason"),
    },
    doc.Ps315Action: {"release": VERSION, "action": ACTION, "options": those_like(Option)},
    doc.Measures: {
        "k": special(rules.smallest_class),
        "sample_uniques": PART_OF_ALL,
        "class_size_histogram": fields_of(rules.merged_histogram),
        "quasi_identifiers": NAME,
        "curve": fields_of(rules.merged_curve),
        "combinations": FIELDS,
        "combinations_folded": FLAG,
        "diversity": FIELDS,
        "closeness": FIELDS,
        "population_uniques": special(rules.population_rows),
        "trajectory": special(rules.visit_rows),
        "special_uniques": FIELDS,
        "individual": FIELDS,
        "presence": FIELDS,
        "repeated": FIELDS,
        **dropped("classes"),
    },
    doc.SpecialUniques: {
        "reason": CODE,
        "attributes": SIZE,
        "largest_size": SIZE,
        "complete": FLAG,
        "subjects": special(rules.holders),
        "by_size": fields_of(rules.merged_sizes),
        "bands": fields_of(rules.merged_scores),
        "shares": fields_of(rules.shares_of_scores),
        "fraction_declared": FLAG,
        "kind": CODE,
        **dropped("mean_dis", "sampling_fraction", "method", "reference"),
    },
    doc.SizeCount: {"size_from": SIZE, "size_to": SIZE, "subjects": COUNT, **dropped("uniques")},
    doc.ScoreBand: {"above": RISK, "up_to": RISK, "subjects": COUNT},
    doc.AttributeShare: {"attribute": NAME, "share": special(rules.in_twentieths)},
    doc.IndividualRisk: {
        "reason": CODE,
        "model": special(rules.name_of_threat),
        "adversary": special(rules.name_of_threat),
        "n": COUNT,
        "expected": special(rules.expected_matches),
        "lower": special(rules.expected_matches),
        "upper": special(rules.expected_matches),
        "share": FIGURE,
        "quantiles": fields_of(rules.quantiles_of_many),
        "threshold": RISK,
        "above": special(rules.above_the_threshold),
        "kind": CODE,
        **dropped("population", "method", "reference"),
    },
    doc.Quantile: {"share": RISK, "risk": FIGURE},
    doc.PresenceRange: {
        "reason": CODE,
        "model": special(rules.name_of_threat),
        "adversary": special(rules.name_of_threat),
        "delta_min": special(rules.decade_below),
        "delta_max": special(rules.decade_above),
        "kind": CODE,
        **dropped("population", "raised", "method", "reference"),
    },
    doc.RepeatedEntry: {
        "attribute": NAME,
        "subjects": PART_OF_ALL,
        "risk_max_folded": MAXIMUM,
        "risk_max_released": MAXIMUM,
        **dropped("values_max"),
    },
    doc.HistogramBin: {"size_from": SIZE, "size_to": SIZE, "subjects": COUNT, **dropped("classes")},
    doc.CurvePoint: {"k": SIZE, "subjects_below": PART_OF_ALL, **dropped("share_below")},
    doc.Combination: {"attributes": NAME, "below_k": PART_OF_ALL, **dropped("unique")},
    doc.Diversity: {
        "attribute": NAME,
        "distinct_l": SIZE,
        "entropy_l": VALUES,
        **dropped("homogeneous_classes", "homogeneous_subjects", "missing"),
    },
    doc.Closeness: {"attribute": NAME, "distance": CODE, "t": FIGURE},
    doc.Disclosure: {
        "model": NAME,
        "attribute": NAME,
        "criterion": CODE,
        "value": special(rules.value_of_criterion),
        "threshold": AMOUNT,
        "passed": FLAG,
        "accepted": FIELDS,
        **dropped("classes", "subjects"),
    },
    doc.AcceptedDisclosure: {"by": WRITTEN, "on": YEAR, "reason": WRITTEN},
    doc.Threat: {
        "model": NAME,
        "adversary": NAME,
        "release": special(rules.code_if_any),
        "attempt": RISK,
        "attempt_source": WRITTEN,
        "knows": each_of(NAME, WRITTEN),
        "event": word_of(EVENTS, None),
        "population": WRITTEN,
        "threshold_k": SIZE,
        "statistic": WRITTEN,
        "budget": RISK,
        "membership": RISK,
        "verification": RISK,
        "results": FIELDS,
        "uncertainty": FIELDS,
    },
    doc.RiskEstimate: {
        "measure": CODE,
        "value": special(rules.value_of_result),
        "lower": special(rules.end_of_result),
        "upper": special(rules.end_of_result),
        "kind": CODE,
        "n": COUNT,
        "threshold": RISK,
        "passed": FLAG,
        "tail": fields_of(rules.quantiles_of_many),
        **dropped("method", "reference", "attacker"),
    },
    doc.Uncertainty: {
        "probability_above": RISK,
        "interval": RISK,
        "central": RISK,
        "conservative": RISK,
        "threshold": RISK,
        "draws": SIZE,
        "tornado": FIELDS,
        **dropped("seed", "method"),
    },
    doc.TornadoEntry: {
        "name": rules.ASSUMPTION,
        "low": RISK,
        "high": RISK,
        "at_low": RISK,
        "at_high": RISK,
        "crosses": FLAG,
    },
    doc.ChannelEntry: {
        "name": CODE,
        "status": CODE,
        "value": RISK,
        "lower": RISK,
        "upper": special(rules.upper_of_channel),
        "required": FLAG,
        "found": rules.CONTENT,
        "stated": FIELDS,
        "contradicts": rules.AGAINST,
        "measured": FIELDS,
        **dropped("evidence", "limit", "mean", "subjects"),
    },
    doc.Measured: {
        "method": CODE,
        "version": VERSION,
        "models": FIELDS,
        "units": FIELDS,
        "findings": FIELDS,
        "recall": FIELDS,
        "missed": FIELDS,
        **dropped("private", "strata"),
    },
    doc.MeasuredModel: {"name": CODE, "sha256": CODE, "licence": CODE},
    doc.MeasuredUnits: {
        "kind": CODE,
        "total": COUNT,
        "looked": COUNT,
        "not_understood": COUNT,
    },
    doc.MeasuredFinding: {
        "kind": CODE,
        "place": CODE,
        "decision": CODE,
        "units": COUNT,
        "subjects": COUNT,
    },
    doc.MeasuredRecall: {"n": AMOUNT, "found": AMOUNT, "lower": RISK},
    doc.MeasuredMissed: {"upper": RISK, "confidence": RISK, "how": CODE},
    doc.LinkedNear: {"hits": COUNT, "expected": AMOUNT, "judged": FLAG},
    doc.LinkedData: {
        "date": YEAR,
        "state": CODE,
        "subjects": COUNT,
        "there": COUNT,
        "both": COUNT,
        "uid_hits": COUNT,
        "subject_hits": COUNT,
        "key_chance": COUNT,
        "pixel_hits": COUNT,
        "near": FIELDS,
        "union_max": RISK,
        "union_mean": RISK,
        "edition": FLAG,
        "added_max": RISK,
        **dropped("name", "version", "searched_by", "ours", "theirs", "attributes"),
        **dropped("how", "added", "removed"),
    },
    doc.Statement: {
        "by": WRITTEN,
        "on": YEAR,
        "method": WRITTEN,
        "looked": count_of("of"),
        "of": COUNT,
        "defects": COUNT,
        "sensitivity": RISK,
        **dropped("file", "sha256", "file_state"),
    },
    doc.Verdict: {"status": CODE, "governing": FIELDS, "reasons": FIELDS, "recipients": FIELDS},
    doc.Recipient: {"recipient": CODE, "status": CODE, "models": NAME, "reasons": CODE},
    doc.Reason: {
        "code": CODE,
        "names": special(rules.names_of_reason),
        "counts": special(rules.counts_of_reason),
        **dropped("text"),
    },
    doc.Governing: {
        "model": NAME,
        "adversary": NAME,
        "measure": CODE,
        "value": special(rules.governing_value),
        "threshold": RISK,
    },
    doc.Finding: {"code": CODE, "attribute": NAME, "subjects": PART_OF_ALL, **dropped("text")},
    doc.LinkReport: {
        "matched": special(rules.matched_subjects),
        "orphans": COUNT,
        "unmatched_subjects": COUNT,
        "fan_out": count_of("matched"),
        **dropped("source", "rows", "subjects", "key_rule"),
    },
    doc.Context: {
        "purpose": WRITTEN,
        "intended_users": WRITTEN,
        "utility": WRITTEN,
        "sites": WRITTEN,
        "coordinating_centre": WRITTEN,
        "distributor": WRITTEN,
        "profile": WRITTEN,
        "options": those_like(ProfileCode),
        "linked_search": FIELDS,
        "quality": FIELDS,
        "conflicts": WRITTEN,
        "triggers": WRITTEN,
        "assumptions": WRITTEN,
    },
    doc.SearchEntry: {
        "date": YEAR,
        "by": WRITTEN,
        "place": WRITTEN,
        "hits": COUNT,
        "found": WRITTEN,
    },
    doc.Quality: {
        "by": WRITTEN,
        "on": YEAR,
        "unit": CODE,
        "population": COUNT,
        "sample": count_of("population"),
        "defects": COUNT,
        "sensitivity": RISK,
        **dropped("note"),
    },
    rel.QualityControl: {
        "planned": YEAR,
        "recorded": YEAR,
        "share": RISK,
        "sensitivity": FIELDS,
        "upper": special(rules.bound_of_control),
        **dropped("plan", "digest", "confidence", "subjects", "readers", "units", "strata"),
        **dropped("second_reader", "before", "after"),
    },
    rel.QcSensitivity: {
        "value": RISK,
        "how": word_of(("stated", "canaries"), None),
        **dropped("n", "found", "lower"),
    },
    # what was planted is counted by rules alone: the number of copies tells that of the objects
    rel.Score: {
        "key": word_of(("canaries", "midi-b"), None),
        "tool": WRITTEN,
        "on": YEAR,
        "cells": FIELDS,
        **dropped("digest", "options", "files", "missing", "retention", "conformance", "traps"),
    },
    rel.ScoreCell: {
        "kind": CODE,
        "place": CODE,
        "rules": AMOUNT,
        "rules_failed": AMOUNT,
        "upper": RISK,
        **dropped("n", "left", "by_design"),
    },
    doc.SignOff: {
        "assessor": WRITTEN,
        "role": WRITTEN,
        "organisation": WRITTEN,
        "date": YEAR,
        "statement": WRITTEN,
    },
    doc.Provenance: {
        "sources": HOW_MANY,
        "versions": special(rules.software),
        **dropped("tables", "seed", "command"),
    },
    plans.Plan: {
        "k": SIZE,
        "found": FLAG,
        "optimal": FLAG,
        "gap": AMOUNT,
        "utility": special(rules.loss_measure),
        "loss": AMOUNT,
        "steps": FIELDS,
        "kept": FIELDS,
        "suppressed": FIELDS,
        "before": BEFORE,
        "after": AFTER,
        "front": fields_of(rules.front_of_many),
        "imaging": FIELDS,
        "nodes": SIZE,
        "nodes_checked": SIZE,
        "age_r2": AMOUNT,
        "alternatives": FIELDS,
        "local": FIELDS,
        **dropped(
            "cut_points",
            "groups",
            "facts",
            "age_subjects",
            "loss_shares",
            "finer",
            "age_costs",
            "accepted",
            "notes",
            "schema_",
            "tool",
            "created",
            "collection_digest",
            "threat_models",
            "levels",
            "hierarchies",
            "suppressed_subjects",
            "suppressed_cells",
            "next_step",
            "reason",
        ),
    },
    plans.Alternative: {
        "number": SIZE,
        "title": WRITTEN,
        "changes": WRITTEN,
        "left_out": COUNT,
        "risk_max": RISK,
        "loss": AMOUNT,
        "age_r2": AMOUNT,
        **dropped("sentence", "levels", "cut_points", "groups", "share_left_out"),
    },
    plans.LocalRecoding: {
        "sentence": WRITTEN,
        "begun_from": CODE,
        "sets": CODE,
        "attributes": NAME,
        "figures": FIELDS,
        "global_figures": FIELDS,
        **dropped("losses", "classes"),
    },
    plans.LocalFigures: {
        "loss": AMOUNT,
        "nue": AMOUNT,
        "ncp": AMOUNT,
        "age_r2": AMOUNT,
        "left_out": COUNT,
        **dropped("classes"),
    },
    plans.PlanStep: {
        "attribute": NAME,
        "with_": NAME,
        "describe": WRITTEN,
        "risk_before": FIGURE,
        "risk_after": FIGURE,
        "loss": AMOUNT,
        **dropped(
            "from_",
            "to",
            "level_from",
            "level_to",
            "classes_before",
            "classes_after",
            "justification",
        ),
    },
    plans.KeptAttribute: {
        "attribute": NAME,
        "describe": WRITTEN,
        "decided": FLAG,
        "risk_now": FIGURE,
        "risk_without": FIGURE,
        "need": WRITTEN,
        **dropped("level", "loss", "justification"),
    },
    plans.Suppressed: {
        "subjects": COUNT,
        "cells": special(rules.left_out_cells),
        "emptied": special(rules.emptied_cells),
    },
    plans.State: {
        "k": special(rules.smallest_class),
        "subjects": special(rules.subjects_of_state),
        "risk_max": MAXIMUM,
        "risk_mean": FIGURE,
        "at_risk": share_of("subjects"),
        "passed": FLAG,
        "measures": special(rules.measures_of_state),
        "disclosed": NAME,
        **dropped("classes", "sample_uniques"),
    },
    plans.FrontPoint: {"risk": FIGURE, "loss": AMOUNT, "suppressed": COUNT, **dropped("levels")},
    plans.ImagingFigure: {
        "name": CODE,
        "attributes": NAME,
        "state": CODE,
        "rule": WRITTEN,
        "subjects": COUNT,
        "measures": special(rules.imaging_measures),
        **dropped("kind", "formula", "reference"),
    },
}
"""Part of the document -> field -> how it may leave. What only `DROP` leads to is not here."""


def leaving(document: doc.Assessment) -> Leaving:
    """Return what may leave of an assessment, under the names of the document.

    Parameters
    ----------
    document : Assessment

    Returns
    -------
    Leaving
        Counts below the threshold k are hidden, the others rounded to base 5.

    Raises
    ------
    NoRuleError
        When a field has no line in the policy.
    """
    return _leave(document, Around(k=document.threshold.k, document=document, part=document))


def _leave(part: Part, around: Around) -> Leaving:
    kind = type(part)
    lines = POLICY.get(kind, {})
    unknown = [name for name in kind.model_fields if name not in lines]
    if unknown:
        raise NoRuleError(
            f"{kind.__name__}.{unknown[0]} has no rule in the policy of the shareable edition"
        )
    fields = {
        name: rule.leave(getattr(part, name), around)
        for name, rule in lines.items()
        if rule is not DROP
    }
    return Leaving(kind.__name__, fields, (n for n, rule in lines.items() if rule is DROP))

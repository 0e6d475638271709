"""The policy of the shareable edition: for every field of the documents, how it may leave.

To be read from top to bottom. A field leaves by the rule on its line and in no other way;
`DROP` keeps it inside. The words are explained in `midi_risk.report.rules`, and so is each
rule that looks at neighbouring fields, with the inference that it prevents. A field of the
documents that has no line here is an error, so that a new figure cannot leave unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from midi_risk.document import assessment as doc
from midi_risk.document import plan as plans
from midi_risk.document.plan import Part
from midi_risk.report import rules
from midi_risk.report.leaves import Leaving
from midi_risk.report.rules import (
    AMOUNT,
    CODE,
    COUNT,
    DIGEST,
    DROP,
    FLAG,
    HOW_MANY,
    NAME,
    PART_OF_ALL,
    RISK,
    SIZE,
    STANDARD,
    VERSION,
    WRITTEN,
    YEAR,
    Around,
    Rule,
    count_of,
    each_of,
    share_of,
    special,
    word_of,
)


class NoRuleError(TypeError):
    """A field of the documents has no line in the policy."""


def _inside(value: Any, around: Around, name: str) -> Any:
    """Apply the policy to a part, or to each part of a list."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_inside(item, around, name) for item in value)
    return _leave(value, Around(k=around.k, document=around.document, part=value, name=name,
                                above=around))  # fmt: skip


def inside(made: Callable[[Any, Around], Any]) -> Rule:
    """Return the rule of parts that a special rule makes of the document's, field by field."""
    return Rule(made.__name__, lambda value, around: _inside(made(value, around), around, ""))


INSIDE = Rule("inside", lambda value, around: _inside(value, around, ""))
"""A part of its own, field by field."""
BEFORE = Rule("inside", lambda value, around: _inside(value, around, "before"))
AFTER = Rule("inside", lambda value, around: _inside(value, around, "after"))
"""The same; the part knows which of the two it is."""

POLICY: dict[type[Part], dict[str, Rule]] = {
    doc.Assessment: {
        "schema_": DROP,
        "tool": INSIDE,
        "created": YEAR,
        "valid_until": YEAR,
        "collection": INSIDE,
        "tolerance": DROP,
        "project_digest": DIGEST,
        "threat_models": DROP,
        "threshold": INSIDE,
        "attributes": INSIDE,
        "measures": INSIDE,
        "threats": INSIDE,
        "channels": INSIDE,
        "findings": INSIDE,
        "links": INSIDE,
        "missing_policy": CODE,
        "context": INSIDE,
        "sign_off": INSIDE,
        "changes": DROP,
        "plan": INSIDE,
        "verdict": INSIDE,
        "provenance": INSIDE,
        "internal": DROP,
    },
    doc.Tool: {"name": DROP, "version": VERSION},
    doc.Collection: {
        "name": special(rules.collection_name),
        "digest": DIGEST,
        "subjects": COUNT,
        "studies": COUNT,
        "series": COUNT,
        "instances": COUNT,
        "files": INSIDE,
        "excluded": each_of(CODE, COUNT),
    },
    doc.FileCounts: {"read": COUNT, "flagged": COUNT, "not_dicom": COUNT, "unreadable": COUNT},
    doc.Threshold: {
        "k": SIZE,
        "label": WRITTEN,
        "statistic": WRITTEN,
        "fixed_at": YEAR,
        "source": WRITTEN,
    },
    doc.AttributeEntry: {
        "name": NAME,
        "source": DROP,
        "level": word_of(("patient", "study", "series", "equipment", "instance", "file"), "other"),
        "role": word_of(
            ("direct_identifier", "quasi_identifier", "sensitive", "insensitive", "linkage_key"),
            "undecided",
        ),
        "kind": DROP,
        "distinct": DROP,
        "missing": PART_OF_ALL,
        "label": DROP,
        "reason": DROP,
        "folding": DROP,
        "knowable_by": DROP,
        "ladder": DROP,
        "ps315": inside(rules.profile_row),
        "decision": word_of(("retain", "generalise", "remove"), None),
        "justification": special(rules.words_without_figures),
        "need": WRITTEN,
        "utility": DROP,
        "contribution": special(rules.share_of_contributions),
    },
    doc.Ps315Action: {"release": VERSION, "action": STANDARD, "options": STANDARD},
    doc.Measures: {
        "k": SIZE,
        "classes": DROP,
        "sample_uniques": PART_OF_ALL,
        "class_size_histogram": inside(rules.merged_histogram),
        "quasi_identifiers": NAME,
        "curve": inside(rules.merged_curve),
        "combinations": INSIDE,
        "diversity": INSIDE,
        "closeness": INSIDE,
        "population_uniques": special(rules.population_rows),
        "trajectory": special(rules.visit_rows),
    },
    doc.HistogramBin: {"size_from": SIZE, "size_to": SIZE, "classes": DROP, "subjects": COUNT},
    doc.CurvePoint: {"k": SIZE, "subjects_below": PART_OF_ALL, "share_below": DROP},
    doc.Combination: {"attributes": NAME, "unique": DROP, "below_k": PART_OF_ALL},
    doc.Diversity: {
        "attribute": NAME,
        "distinct_l": SIZE,
        "entropy_l": AMOUNT,
        "homogeneous_classes": DROP,
        "homogeneous_subjects": DROP,
        "missing": DROP,
    },
    doc.Closeness: {"attribute": NAME, "distance": CODE, "t": RISK},
    doc.Threat: {
        "model": NAME,
        "adversary": NAME,
        "release": special(rules.code_if_any),
        "attempt": RISK,
        "attempt_source": WRITTEN,
        "knows": each_of(NAME, WRITTEN),
        "population": WRITTEN,
        "threshold_k": SIZE,
        "statistic": WRITTEN,
        "budget": RISK,
        "membership": RISK,
        "verification": RISK,
        "results": INSIDE,
        "uncertainty": INSIDE,
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
        "method": DROP,
        "reference": DROP,
        "attacker": DROP,
    },
    doc.Uncertainty: {
        "probability_above": RISK,
        "interval": RISK,
        "central": RISK,
        "conservative": RISK,
        "threshold": RISK,
        "draws": SIZE,
        "seed": DROP,
        "tornado": INSIDE,
        "method": DROP,
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
        "upper": RISK,
        "evidence": DROP,
        "required": FLAG,
        "limit": DROP,
        "found": rules.CONTENT,
    },
    doc.Verdict: {
        "status": CODE,
        "governing": INSIDE,
        "reasons": INSIDE,
    },
    doc.Reason: {
        "code": CODE,
        "names": special(rules.names_of_reason),
        "counts": special(rules.counts_of_reason),
        "text": DROP,
    },
    doc.Governing: {
        "model": NAME,
        "adversary": NAME,
        "measure": CODE,
        "value": RISK,
        "threshold": RISK,
    },
    doc.Finding: {
        "code": CODE,
        "attribute": NAME,
        "subjects": PART_OF_ALL,
        "text": DROP,
    },
    doc.LinkReport: {
        "source": DROP,
        "rows": DROP,
        "subjects": DROP,
        "matched": special(rules.matched_subjects),
        "orphans": COUNT,
        "unmatched_subjects": COUNT,
        "fan_out": COUNT,
        "key_rule": DROP,
    },
    doc.Context: {
        "purpose": WRITTEN,
        "intended_users": WRITTEN,
        "utility": WRITTEN,
        "sites": WRITTEN,
        "coordinating_centre": WRITTEN,
        "distributor": WRITTEN,
        "profile": WRITTEN,
        "options": special(rules.profile_options),
        "linked_search": INSIDE,
        "quality": INSIDE,
        "conflicts": WRITTEN,
        "triggers": WRITTEN,
        "assumptions": WRITTEN,
    },
    doc.SearchEntry: {"date": YEAR, "place": WRITTEN, "found": WRITTEN},
    doc.Quality: {
        "unit": CODE,
        "population": COUNT,
        "sample": count_of("population"),
        "defects": COUNT,
        "sensitivity": RISK,
        "note": DROP,
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
        "tables": DROP,
        "seed": DROP,
        "command": DROP,
    },
    plans.Plan: {
        "schema_": DROP,
        "tool": DROP,
        "created": DROP,
        "collection_digest": DROP,
        "threat_models": DROP,
        "k": SIZE,
        "found": FLAG,
        "optimal": FLAG,
        "utility": special(rules.loss_measure),
        "loss": AMOUNT,
        "levels": DROP,
        "hierarchies": DROP,
        "steps": INSIDE,
        "kept": INSIDE,
        "suppressed": INSIDE,
        "suppressed_subjects": DROP,
        "suppressed_cells": DROP,
        "before": BEFORE,
        "after": AFTER,
        "front": INSIDE,
        "imaging": INSIDE,
        "next_step": DROP,
        "reason": DROP,
        "nodes": SIZE,
        "nodes_checked": SIZE,
    },
    plans.PlanStep: {
        "attribute": NAME,
        "from_": DROP,
        "to": DROP,
        "describe": WRITTEN,
        "risk_before": RISK,
        "risk_after": RISK,
        "loss": AMOUNT,
        "level_from": DROP,
        "level_to": DROP,
        "classes_before": DROP,
        "classes_after": DROP,
        "justification": DROP,
    },
    plans.KeptAttribute: {
        "attribute": NAME,
        "level": DROP,
        "describe": WRITTEN,
        "decided": FLAG,
        "risk_now": RISK,
        "risk_without": RISK,
        "loss": DROP,
        "need": WRITTEN,
        "justification": DROP,
    },
    plans.Suppressed: {
        "subjects": COUNT,
        "cells": special(rules.left_out_cells),
        "emptied": special(rules.emptied_cells),
    },
    plans.State: {
        "k": SIZE,
        "classes": DROP,
        "sample_uniques": DROP,
        "subjects": special(rules.subjects_of_state),
        "risk_max": RISK,
        "risk_mean": RISK,
        "at_risk": share_of("subjects"),
        "passed": FLAG,
        "measures": special(rules.measures_of_state),
    },
    plans.FrontPoint: {"levels": DROP, "risk": RISK, "loss": AMOUNT, "suppressed": COUNT},
    plans.ImagingFigure: {
        "name": CODE,
        "attributes": NAME,
        "state": CODE,
        "rule": WRITTEN,
        "subjects": COUNT,
        "measures": special(rules.imaging_measures),
        "kind": DROP,
        "formula": DROP,
        "reference": DROP,
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

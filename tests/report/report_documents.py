"""Realistic assessment and plan documents, made here; every number is invented."""

from __future__ import annotations

from typing import Any

from midi_risk.document.assessment import Assessment, Plan

TOOL = {"name": "midi-risk", "version": "0.1.0"}
DRIVERS = ("PatientAge", "StudyDate", "Manufacturer")
CHANNELS = (
    (
        "visit_intervals",
        "assessed",
        0.25,
        "Intervals between visits of 120 subjects were compared.",
    ),
    ("face", "not_assessed", None, "Head CT is present; no matcher was given."),
    ("burned_in", "not_assessed", None, "Pixels were not read."),
    ("free_text", "bounded", 0.02, "Distinct tokens of 3 descriptions were listed."),
    ("private_elements", "assessed", 0.0, "No private element was found."),
    ("embedded_metadata", "not_assessed", None, "Payloads were not read."),
    ("device_site", "assessed", 0.04, "Two scanners occur once."),
)
ATTRIBUTES = (
    (
        "PatientAge",
        "patient",
        "quasi_identifier",
        "age",
        61,
        4,
        "X",
        ["rtn_pat_chars=K"],
        "generalise",
        "Needed for age regression; five-year bands suffice.",
        0.20,
    ),
    (
        "PatientSex",
        "patient",
        "quasi_identifier",
        "sex",
        2,
        0,
        "Z",
        ["rtn_pat_chars=K"],
        "retain",
        "Needed to report results by sex.",
        0.04,
    ),
    (
        "StudyDate",
        "study",
        "quasi_identifier",
        "date",
        310,
        0,
        "Z",
        ["rtn_long_full_dates=K", "rtn_long_modif_dates=C"],
        "generalise",
        "",
        0.31,
    ),
    (
        "Manufacturer",
        "equipment",
        "quasi_identifier",
        "category",
        6,
        2,
        "X/Z/D",
        ["rtn_dev_id=K"],
        "retain",
        "Needed for harmonisation between scanners.",
        0.03,
    ),
    (
        "StationName",
        "equipment",
        "quasi_identifier",
        "category",
        14,
        31,
        "X/Z/D",
        ["rtn_dev_id=K"],
        "remove",
        "",
        240 / 388 - 0.58,
    ),
    (
        "diagnosis",
        "patient",
        "sensitive",
        "category",
        9,
        1,
        None,
        [],
        "retain",
        "The endpoint of the study.",
        None,
    ),
    ("stage", "patient", "sensitive", "category", 4, 12, None, [], "retain", "", None),
    ("PatientID", "patient", "linkage_key", "identifier", 388, 0, "Z", [], None, "", None),
    ("comment_2", "patient", "undecided", "text", 44, 290, None, [], None, "", None),
)

UNCERTAINTY = {
    "probability_above": 0.31875,
    "interval": [0.00173, 0.13654],
    "central": 0.01532,
    "conservative": 0.139,
    "threshold": 1 / 11,
    "draws": 2000,
    "seed": 7,
    "tornado": [
        {
            "name": "prevalence",
            "low": 1e-05,
            "high": 0.001,
            "at_low": 0.00150,
            "at_high": 0.139,
            "crosses": True,
        },
        {
            "name": "membership",
            "low": 0.2,
            "high": 0.6,
            "at_low": 0.0131,
            "at_high": 0.0167,
            "crosses": False,
        },
    ],
    "method": "drawn independently",
}


def _results(classes: int, n: int, k: int, at_risk: int, smallest: int) -> list[dict[str, Any]]:
    out = []
    for attacker in ("prosecutor", "journalist"):
        out += [
            _result(f"{attacker}_max", 1 / smallest, n, 1 / k, smallest >= k),
            _result(f"{attacker}_mean", classes / n, n, None, None),
            _result(f"{attacker}_at_risk", at_risk / n, n, 0.0, at_risk == 0),
        ]
    out.append(_result("marketer_mean", classes / n, n, None, None))
    out.append(
        {
            **_result("population_unique", 0.031, n, None, None),
            "kind": "estimate",
            "lower": 0.012,
            "upper": 0.068,
            "method": "Pitman-Yor posterior",
        }
    )
    return out


def _result(
    measure: str, value: float, n: int, threshold: float | None, passed: bool | None
) -> dict[str, Any]:
    return {
        "measure": measure,
        "value": value,
        "lower": value,
        "upper": value,
        "kind": "exact",
        "n": n,
        "threshold": threshold,
        "passed": passed,
        "method": "from class sizes",
        "reference": "El Emam 2013",
        "attacker": "demonstration",
    }


def reasons(status: str) -> list[dict[str, Any]]:
    """Return reasons that give a status; those of the document when it is incomplete."""
    if status == "acceptable":
        return [_reason("within", "Every figure is within its threshold.")]
    above = _reason(
        "above",
        "The highest prosecutor risk is 1.0; the threshold is 0.0909.",
        [
            "public-release",
            "demonstration",
            "prosecutor_max",
            "prosecutor_at_risk",
            "journalist_max",
            "journalist_at_risk",
        ],
        k=11,
    )
    if status == "above_threshold":
        return [above]
    open_channels = [name for name, state, _, _ in CHANNELS if state == "not_assessed"]
    return [
        above,
        _reason("undecided", "The role of comment_2 is undecided.", ["comment_2"]),
        _reason(
            "channels_open",
            "Face, burned-in text and embedded metadata were not assessed.",
            open_channels,
        ),
        _reason("channel_above", "Visits are above the threshold.", ["visit_intervals"]),
        _reason("unread_files", "Two files could not be read.", files=2, tolerated=0),
        _reason("rows_without_key", "One row belongs to nobody.", rows=1),
    ]


def _reason(code: str, text: str, names: list[str] | None = None, **counts: int) -> dict[str, Any]:
    return {"code": code, "names": names or [], "counts": counts, "text": text}


def plan_document(**changes: Any) -> dict[str, Any]:
    """Return a plan as `plan.json` holds it."""
    document: dict[str, Any] = {
        "schema": "midi-risk/plan/2",
        "tool": TOOL,
        "created": "2026-11-23T09:30:00+00:00",
        "collection_digest": "sha256:" + "ab" * 32,
        "threat_models": ["public-release"],
        "k": 11,
        "found": True,
        "optimal": True,
        "utility": "non-uniform entropy",
        "loss": 0.23,
        "levels": {"PatientAge": 1, "StudyDate": 4},
        "hierarchies": {"PatientAge": ["exact", "5-year bands", "10-year bands", "removed"]},
        "steps": [
            {
                "attribute": "StudyDate",
                "from": "day",
                "to": "year",
                "describe": "StudyDate: the year only",
                "risk_before": 1.0,
                "risk_after": 0.5,
                "loss": 0.15,
                "level_from": 0,
                "level_to": 4,
            },
            {
                "attribute": "PatientAge",
                "from": "exact",
                "to": "5-year bands",
                "describe": "PatientAge: 5-year bands from 0, ages 90 and over together",
                "risk_before": 0.5,
                "risk_after": 1 / 12,
                "loss": 0.08,
                "level_from": 0,
                "level_to": 1,
            },
        ],
        "suppressed": {"subjects": 4, "cells": 0},
        "suppressed_subjects": ["LUNG-0007", "LUNG-0301", "LUNG-0002", "LUNG-0090"],
        "before": {
            "k": 1,
            "classes": 241,
            "sample_uniques": 173,
            "subjects": 388,
            "risk_max": 1.0,
            "risk_mean": 241 / 388,
            "at_risk": 352 / 388,
            "passed": False,
        },
        "after": {
            "k": 12,
            "classes": 21,
            "sample_uniques": 0,
            "subjects": 384,
            "risk_max": 1 / 12,
            "risk_mean": 21 / 384,
            "at_risk": 0.0,
            "passed": True,
        },
        "front": [
            {
                "levels": {"PatientAge": 1 if i == 6 else 9, "StudyDate": 4 if i == 6 else i % 4},
                "risk": round(1 / (1 + i * 1.6), 4),
                "loss": round(0.03 * i + 0.002 * i * i, 4),
                "suppressed": max(0, 7 - i),
            }
            for i in range(12)
        ],
        "next_step": "Station name removed: risk 0.5 for a loss of 0.01.",
        "nodes": 2304,
        "nodes_checked": 412,
    }
    return {**document, **changes}


def assessment_document(
    subjects: int = 388, *, plan: bool = True, attributes: int | None = None, **changes: Any
) -> dict[str, Any]:
    """Return an assessment as `assessment.json` holds it."""
    k = 11
    bins = [(1, 1, 173, 173), (2, 2, 30, 60), (3, 4, 21, 72), (5, 10, 7, 47), (11, 20, 3, 36)]
    rows = [_attribute(*row) for row in ATTRIBUTES]
    rows += [
        _attribute(
            f"variable_{i:03d}",
            "patient",
            "insensitive",
            "number",
            2 + i % 90,
            i % 40,
            None,
            [],
            "retain",
            "",
            None,
        )
        for i in range(len(rows), attributes or 0)
    ]
    document: dict[str, Any] = {
        "schema": "midi-risk/assessment/2",
        "tool": TOOL,
        "created": "2026-11-23T10:15:00+00:00",
        "valid_until": "2028-11-23",
        "collection": {
            "name": "Lung CT screening collection",
            "digest": "sha256:" + "c4" * 32,
            "subjects": subjects,
            "studies": 2 * subjects,
            "series": 5 * subjects,
            "instances": 412 * subjects,
            "files": {"read": 412 * subjects, "flagged": 17, "not_dicom": 3, "unreadable": 2},
            "excluded": {"phantom": 3, "no_key": 1},
        },
        "project_digest": "sha256:" + "d1" * 32,
        "threat_models": [{"name": "public-release", "release": "public"}],
        "threshold": {
            "k": k,
            "label": "0.09",
            "statistic": "maximum",
            "fixed_at": "2026-11-20T08:00:00+00:00",
            "source": "EMA Policy 0070, section 6; Health Canada",
        },
        "attributes": rows,
        "measures": {
            "k": 1,
            "classes": 241,
            "sample_uniques": 173,
            "class_size_histogram": [
                {"size_from": a, "size_to": b, "classes": c, "subjects": s} for a, b, c, s in bins
            ],
            "quasi_identifiers": ["PatientAge", "PatientSex", "StudyDate", "Manufacturer"],
            "curve": [
                {"k": size, "subjects_below": below, "share_below": below / subjects}
                for size, below in ((2, 173), (3, 233), (5, 305), (11, 352), (20, 388))
            ],
            "combinations": [
                {"attributes": ["PatientAge", "StudyDate"], "unique": 160, "below_k": 341},
                {"attributes": ["PatientSex", "Manufacturer"], "unique": 1, "below_k": 3},
                {"attributes": ["StudyDate"], "unique": 90, "below_k": 300},
            ],
            "diversity": [
                {
                    "attribute": "diagnosis",
                    "distinct_l": 1,
                    "entropy_l": 1.0,
                    "homogeneous_classes": 180,
                    "homogeneous_subjects": 190,
                    "missing": 1,
                }
            ],
            "closeness": [{"attribute": "diagnosis", "distance": "equal", "t": 0.83}],
            "population_uniques": [
                {"estimator": "pitman-yor", "value": 0.031, "lower": 0.012, "upper": 0.068}
            ],
            "trajectory": [
                {
                    "m": m,
                    "max": high,
                    "mean": mean,
                    "unique": unique,
                    "at_risk": 290,
                    "subjects": 310,
                    "bin_days": 1,
                    "kind": kind,
                }
                for m, high, mean, unique, kind in (
                    ("1", 0.2, 0.05, 0, "exact"),
                    ("2", 1.0, 0.31, 101, "exact"),
                    ("3", 1.0, 0.42, 118, "bound"),
                    ("all", 1.0, 0.44, 120, "exact"),
                )
            ],
        },
        "threats": [
            {
                "model": "public-release",
                "adversary": "demonstration",
                "release": "public",
                "attempt": 1.0,
                "attempt_source": "public release: an attempt is certain",
                "knows": dict.fromkeys(("PatientAge", "PatientSex", "StudyDate"), "exact"),
                "population": "the release itself: nobody outside it is counted on (F = f)",
                "threshold_k": k,
                "statistic": "maximum",
                "results": _results(241, subjects, k, 352, 1),
            },
            {
                "model": "acquaintance",
                "adversary": "acquaintance",
                "release": "controlled",
                "attempt": 0.139,
                "attempt_source": "150 acquaintances, prevalence 0.001",
                "knows": {"PatientAge": "2y", "PatientSex": "exact", "StudyDate": "7d"},
                "population": "the release itself: nobody outside it is counted on (F = f)",
                "threshold_k": k,
                "statistic": "maximum",
                "budget": 0.65,
                "membership": [0.2, 0.6],
                "results": [_result("prosecutor_max", 0.0463, subjects, 1 / k, True)],
                "uncertainty": UNCERTAINTY,
            },
        ],
        "channels": [
            {
                "name": name,
                "status": status,
                "value": value,
                "lower": value,
                "upper": value,
                "evidence": evidence,
                "required": True,
                "limit": 1 / k,
            }
            for name, status, value, evidence in CHANNELS
        ],
        "findings": [
            {
                "code": "sex-conflict",
                "attribute": "PatientSex",
                "subjects": 2,
                "text": "Two subjects have more than one sex among their studies.",
            },
            {
                "code": "age-over-89",
                "attribute": "PatientAge",
                "subjects": 1,
                "text": "One subject is older than 89.",
            },
        ],
        "links": [
            {
                "source": "clinical.csv",
                "rows": 401,
                "subjects": 395,
                "matched": 386,
                "orphans": 9,
                "unmatched_subjects": 2,
                "fan_out": 6,
                "key_rule": "exact",
            }
        ],
        "missing_policy": "category",
        "context": {
            "purpose": "Development of nodule detection, open to anybody.",
            "intended_users": "Researchers without a data-use agreement.",
            "utility": "Age regression, nodule detection, comparison between scanners.",
            "sites": ["Site A", "Site B"],
            "coordinating_centre": "Trial office",
            "distributor": "Public archive",
            "profile": "PS3.15 2026d",
            "options": ["113100", "113107", "113108"],
            "linked_search": [
                {
                    "date": "2026-11-12",
                    "place": "Public registers of trials",
                    "found": "One publication with a table of 12 patients.",
                }
            ],
            "quality": {
                "unit": "subjects",
                "population": subjects,
                "sample": 120,
                "defects": 0,
                "sensitivity": 0.9,
                "note": "Two readers.",
            },
            "conflicts": "",
            "triggers": ["The trial's follow-up is published."],
            "assumptions": ["Prevalence is that of the recruited age group."],
        },
        "sign_off": None,
        "changes": ["StationName is now removed."],
        "plan": plan_document() if plan else None,
        "verdict": {
            "status": "incomplete",
            "governing": {
                "model": "public-release",
                "adversary": "demonstration",
                "measure": "prosecutor_max",
                "value": 1.0,
                "threshold": 1 / k,
            },
            "reasons": reasons("incomplete"),
        },
        "provenance": {
            "sources": [
                {
                    "name": "/data/lung/images",
                    "kind": "dicom",
                    "level": "instance",
                    "rows": 412 * subjects,
                },
                {"name": "clinical.csv", "kind": "table", "level": "patient", "rows": 401},
            ],
            "versions": {"midi-risk": "0.1.0", "numpy": "2.4.6", "pydicom": "3.0.2"},
            "tables": {"ps315_e1_1.csv": "2026d"},
            "seed": 20261123,
            "command": "midi-risk assess /data/lung/midi-risk.yaml -o /data/out",
        },
        "internal": {
            "records": [
                {
                    "subject": f"LUNG-{i:04d}",
                    "class_size": 1 + i % 9,
                    "drivers": [DRIVERS[i % 3], DRIVERS[(i + 1) % 3]],
                }
                for i in range(min(352, subjects))
            ],
            "records_total": min(352, subjects),
            "values": {
                "PatientAge": [
                    {"value": f"{40 + i:03d}Y", "subjects": 1 + i % 7} for i in range(52)
                ],
                "PatientSex": [{"value": "M", "subjects": 201}, {"value": "F", "subjects": 187}],
                "Manufacturer": [
                    {"value": "Vendor One", "subjects": 301},
                    {"value": "Vendor Two", "subjects": 85},
                ],
            },
            "unreadable": [
                {"path": "/data/lung/images/x/1.dcm", "reason": "cut short"},
                {"path": "/data/lung/images/x/2.dcm", "reason": "no permission"},
            ],
            "digest_key": "0f" * 16,
        },
    }
    return {**document, **changes}


def _attribute(
    name: str,
    level: str,
    role: str,
    kind: str,
    distinct: int,
    missing: int,
    action: str | None,
    options: list[str],
    decision: str | None,
    justification: str,
    contribution: float | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "source": "images" if action else "clinical.csv",
        "level": level,
        "role": role,
        "kind": kind,
        "distinct": distinct,
        "missing": missing,
        "label": "",
        "reason": "catalogue" if action else "column name and values",
        "folding": "",
        "knowable_by": ["public"],
        "ladder": None,
        "ps315": {"release": "2026d", "action": action, "options": options} if action else None,
        "decision": decision,
        "justification": justification,
        "contribution": contribution,
    }


def assessment(subjects: int = 388, **changes: Any) -> Assessment:
    """Return an assessment."""
    return Assessment.model_validate(assessment_document(subjects, **changes))


def plan(**changes: Any) -> Plan:
    """Return a plan."""
    return Plan.model_validate(plan_document(**changes))

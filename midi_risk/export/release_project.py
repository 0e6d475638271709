"""The project file of a release, so that what was written can be assessed like any other."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import yaml

from midi_risk.attributes.model import AttributeSet, Kind
from midi_risk.attributes.values import normalise_for
from midi_risk.config import AttributeSettings, Project
from midi_risk.export.dicom_types import DUMMIES
from midi_risk.export.rules import DICOM, RANGE, Action, ReleaseRules, Rule
from midi_risk.sources.model import Extraction
from midi_risk.table.columns import raw_codes

_DUMMIES = frozenset(DUMMIES.values())


def release_settings(
    project: Project, release: ReleaseRules, found: AttributeSet, extraction: Extraction
) -> dict[str, dict[str, Any]]:
    """Return the attribute settings of what was written.

    Parameters
    ----------
    project : Project
        Of the originals.
    release : ReleaseRules
    found : AttributeSet
        Attributes proposed for the files that were written.
    extraction : Extraction
        What was read back.

    Returns
    -------
    dict of str to dict
        Every attribute keeps its role and need. What was generalised is retained from
        here on; what was removed stays removed where nothing or only a dummy is left,
        and counts again where its value had to stay.
    """
    columns = {
        (t.name, name): t.rows.column(name)
        for t in extraction.tables
        for name in t.rows.column_names
    }
    settings: dict[str, dict[str, Any]] = {}
    for rule in release:
        if rule.name.endswith(RANGE) or rule.name not in found:
            continue
        column = columns.get((found[rule.name].source, found[rule.name].column))
        settings[rule.name] = _setting(rule, project.attributes.get(rule.name), column)
    return settings


def _setting(
    rule: Rule, given: AttributeSettings | None, column: pa.ChunkedArray | None
) -> dict[str, Any]:
    """Return the setting of one attribute of the release."""
    a = rule.attribute
    entry: dict[str, Any] = {"role": a.role.value, "kind": a.kind.value}
    if given is not None and given.need:
        entry["need"] = given.need
    if given is not None and given.order:
        entry["order"] = list(given.order)
    if a.utility != 1.0:
        entry["utility"] = a.utility
    if rule.action is Action.REMOVE:
        left = set() if column is None else {v.strip() for v in raw_codes(column)[1]}
        if left <= _DUMMIES | {""}:
            entry["decision"] = "remove"
    elif rule.action is Action.GENERALISE or a.decision is not None:
        entry["decision"] = "retain"
        texts = {Kind.CATEGORY, Kind.SEX, Kind.TEXT}
        if rule.action is Action.GENERALISE and a.source != DICOM and a.kind not in texts:
            entry["kind"] = a.kind.value if _still_read(rule, column) else Kind.CATEGORY.value
    return entry


def _still_read(rule: Rule, column: pa.ChunkedArray | None) -> bool:
    """Tell whether dates and times are labels that read as such, so that the first one leads."""
    if rule.attribute.kind not in {Kind.DATE, Kind.TIME} or column is None:
        return False
    read = normalise_for(rule.attribute, raw_codes(column)[1])
    return "unparseable" not in read.flag


def release_project(
    project: Project, sources: list[dict[str, Any]], settings: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return the project file of a release as data.

    Parameters
    ----------
    project : Project
        Of the originals.
    sources : list of dict
        Where the release lies.
    settings : dict
        See `release_settings`.
    """
    data: dict[str, Any] = project.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude={"attributes", "collection"}
    )
    return {
        "schema": project.schema_,
        "collection": {"name": project.collection.name, "sources": sources},
        **{key: value for key, value in data.items() if key != "schema"},
        "attributes": settings,
    }


def project_yaml(data: dict[str, Any]) -> str:
    """Return a project file as text."""
    head = "# Project of a release that midi-risk wrote; assess it like any other.\n"
    return head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True)

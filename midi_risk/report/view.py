"""One assessment, two editions: each from its own model."""

from __future__ import annotations

from collections.abc import Callable

from midi_risk.errors import ConfigError, did_you_mean
from midi_risk.report.internal import InternalView, internal_view
from midi_risk.report.shareable import ShareableView, shareable_view
from midi_risk.risk.document import Assessment, Plan

EDITIONS: dict[str, Callable[[Assessment, Plan | None], InternalView | ShareableView]] = {
    "internal": internal_view,
    "shareable": shareable_view,
}


def view(
    assessment: Assessment, plan: Plan | None = None, edition: str = "internal"
) -> InternalView | ShareableView:
    """Return the model of one edition.

    Parameters
    ----------
    assessment : Assessment
        The document.
    plan : Plan, optional
        Replaces the plan inside the document.
    edition : {"internal", "shareable"}

    Returns
    -------
    InternalView or ShareableView

    Raises
    ------
    ConfigError
        When there is no such edition.
    """
    if edition not in EDITIONS:
        raise ConfigError(
            "edition", [f"no edition '{edition}'"], hint=did_you_mean(edition, EDITIONS)
        )
    return EDITIONS[edition](assessment, plan)

"""How subjects came into a collection, and whether that lets a population model be judged.

A model extends the release to a population as if everybody had the same chance to be in it. No
check on the release can see that this is wrong: simulated collections of one hospital pass every
check. So it is a statement of the assessor, and where nobody makes it the figure of a model is
shown and 1/f is judged.
"""

from __future__ import annotations

from collections.abc import Collection

from midi_risk.config import PopulationStatement
from midi_risk.errors import ThreatModelError
from midi_risk.threat.model import PopulationSettings, ThreatModel

_HOSPITALS = {"one-hospital": "one hospital", "several-sites": "several sites"}
NOT_JUDGED = "figures of a model are shown, not judged; judged: 1/f"
"""What follows where a model is not admitted."""


def with_statement(model: ThreatModel, statement: PopulationStatement | None) -> ThreatModel:
    """Return the model with what the project file says of how subjects were sampled.

    Parameters
    ----------
    model : ThreatModel
    statement : PopulationStatement or None
        Of the project file. A model whose population is the release needs none.

    Raises
    ------
    ThreatModelError
        When the threat model says otherwise.

    Examples
    --------
    >>> from midi_risk.threat.library import load_threat_model
    >>> said = PopulationStatement(sampling="random", by="A. Assessor", on="2026-11-02")
    >>> with_statement(load_threat_model("marketer", {"size": 9000}), said).population.by
    'A. Assessor'
    """
    settings = model.population
    if statement is None or not settings.beyond:
        return model
    if settings.sampling is not None:
        if settings.sampling != statement.sampling:
            raise ThreatModelError(
                model.name,
                ["population.sampling: the project file says otherwise of the same collection"],
                hint="Say it once, under 'population' of the project file",
            )
        return model
    population = settings.model_copy(update=statement.model_dump())
    return model.model_copy(update={"population": population})


def admits_models(settings: PopulationSettings, matched: Collection[str] = ()) -> bool:
    """Tell whether figures of a population model may be judged.

    Parameters
    ----------
    settings : PopulationSettings
    matched : collection of str
        Dimensions of the population table that stand for attributes of the release.

    Examples
    --------
    >>> admits_models(PopulationSettings(kind="size", size=9000))
    False
    >>> admits_models(PopulationSettings(kind="size", size=9000, sampling="random"))
    True
    """
    if settings.sampling == "random":
        return True
    return (
        settings.sampling in _HOSPITALS
        and settings.kind == "table"
        and bool(settings.referral)
        and set(settings.referral or ()) <= set(matched)
    )


def sampling_sentence(model: ThreatModel, matched: Collection[str] = ()) -> str:
    """Return what was said of the sample, and what follows for the figures of a model.

    Parameters
    ----------
    model : ThreatModel
    matched : collection of str
        As in `admits_models`.

    Examples
    --------
    >>> from midi_risk.threat.library import load_threat_model
    >>> sampling_sentence(load_threat_model("marketer", {"size": 9000}))[:60]
    'How subjects came into the collection is not stated: figures'
    """
    settings = model.population
    who = settings.by or f"threat model {model.name}, nobody named"
    when = f", {settings.on}" if settings.on else ""
    whom = settings.of or "the population"
    admitted = admits_models(settings, matched)
    if settings.sampling == "random":
        return (
            f"Declared a random sample of {whom} by {who}{when}; if it is not, figures marked"
            " 'model' do not hold"
        )
    if settings.sampling not in _HOSPITALS:
        return f"How subjects came into the collection is not stated: {NOT_JUDGED}"
    place = _HOSPITALS[settings.sampling]
    if admitted:
        driven = ", ".join(settings.referral or ())
        return (
            f"Declared subjects of {place} from {whom}, who come there by {driven} alone, by"
            f" {who}{when}; if it is not so, figures marked 'model' do not hold"
        )
    if settings.kind != "table":
        why = "is no random sample, and only a table of its catchment could say who else could come"
    elif not settings.referral:
        why = "is no random sample, and 'referral' does not say which dimensions decide who comes"
    else:
        why = "is no random sample, and the table lacks something that decides who comes"
    return f"Subjects of {place}: that {why}; {NOT_JUDGED}"

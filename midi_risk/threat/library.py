"""The threat models that ship, and loading of any threat model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from midi_risk.config import read_yaml, validated
from midi_risk.errors import ThreatModelError, did_you_mean
from midi_risk.resources import resource_folder
from midi_risk.threat.model import (
    ATTEMPT_TABLES,
    SMALLEST_CLASS,
    Adversary,
    Interval,
    ThreatModel,
    ThresholdSettings,
    acquaintance_probability,
    ends,
)


def shipped_threat_models() -> tuple[str, ...]:
    """Return the names of the threat models that ship, in alphabetical order.

    Examples
    --------
    >>> "public-release" in shipped_threat_models()
    True
    """
    return tuple(sorted(file.stem for file in resource_folder("threat_models").glob("*.yaml")))


def threat_model_path(name: str) -> Path:
    """Return the file of a threat model given by name or path.

    Raises
    ------
    ThreatModelError
        When there is no such model; close names are named.
    """
    file = Path(name)
    if file.suffix.lower() in {".yaml", ".yml"}:
        if file.is_file():
            return file
        raise ThreatModelError(name, ["no such threat model file"])
    known = shipped_threat_models()
    if name not in known:
        raise ThreatModelError(
            "threat model", [f"there is none called '{name}'"], hint=did_you_mean(name, known)
        )
    return resource_folder("threat_models") / f"{name}.yaml"


def load_threat_model(
    name: str | ThreatModel,
    parameters: Mapping[str, Any] | None = None,
    *,
    k: int | None = None,
    reason: str = "",
) -> ThreatModel:
    """Return a threat model with everything that it requires filled in.

    Parameters
    ----------
    name : str or ThreatModel
        Name of a shipped model, path of a YAML file, or a model.
    parameters : mapping, optional
        What the file leaves ``required``: ``prevalence``, ``breach``, ``controls``,
        ``motives``, ``size``, ``fraction``, ``holds_images``; also ``acquaintances``.
    k : int, optional
        Class size that replaces the model's threshold.
    reason : str
        Why a class size below the model's own suffices.

    Raises
    ------
    ThreatModelError
        With every fault of the file, or every number that nobody gave.

    Examples
    --------
    >>> load_threat_model("public-release").threshold.k
    11
    """
    if isinstance(name, ThreatModel):
        model, path = name, name.name
    else:
        file = threat_model_path(name)
        path = file.name
        data = read_yaml(file, what="threat model", error=ThreatModelError)
        model = validated(ThreatModel, data, path, error=ThreatModelError)
    model = _with_parameters(model, dict(parameters or {}), path)
    if k is not None:
        if k < SMALLEST_CLASS:
            raise ThreatModelError(path, [f"k is a class size of at least {SMALLEST_CLASS}"])
        threshold = ThresholdSettings(
            k=k,
            source="given on the command line",
            statistic=model.threshold.statistic,
            floor=model.threshold.floor,
            reason=reason or model.threshold.reason,
        )
        model = model.model_copy(update={"threshold": threshold})
    return model


@cache
def _shipped_thresholds() -> Mapping[str, tuple[str, int]]:
    """Return release and class size of each model that ships."""
    models = {name: read_yaml(threat_model_path(name), what="threat model")
              for name in shipped_threat_models()}  # fmt: skip
    return {name: (str(m["release"]), int(m["threshold"]["k"])) for name, m in models.items()}


def shipped_class_size(model: ThreatModel) -> int:
    """Return the class size that ships: of the model of this name, else for such a release.

    Parameters
    ----------
    model : ThreatModel

    Examples
    --------
    >>> shipped_class_size(load_threat_model("public-release"))
    11
    """
    shipped = _shipped_thresholds()
    if model.name in shipped:
        return shipped[model.name][1]
    return min(k for release, k in shipped.values() if release == model.release)


def check_explained(model: ThreatModel, own: int | None = None) -> None:
    """Refuse a class size below the one that ships, unless somebody says why.

    Parameters
    ----------
    model : ThreatModel
    own : int, optional
        Class size that the model's own file requires, when another one replaced it.

    Raises
    ------
    ThreatModelError
        When a model of a shipped name requires less than what ships, or any model less than
        its own file, and no reason stands beside it.
    """
    threshold = model.threshold
    wanted = own or 0
    if model.name in _shipped_thresholds():
        wanted = max(wanted, shipped_class_size(model))
    if threshold.k >= wanted or threshold.reason.strip():
        return
    raise ThreatModelError(
        model.name,
        [f"a class size of {threshold.k} is below the {wanted} that the model asks for"],
        hint="Say why with --k-reason TEXT, or with 'threshold: {k: ..., reason: ...}' in the"
        " project's model file",
    )


_FILLABLE = ("prevalence", "breach", "controls", "motives", "size", "fraction")
_ADJUSTABLE = ("acquaintances",)
_HELD = "holds_images"


def _asked(model: ThreatModel) -> dict[str, list[str]]:
    """Return what a model leaves open: parameter -> who needs it."""
    asked: dict[str, list[str]] = {}
    parts = {f"adversary '{a.name}'": a.attempt for a in model.adversaries}
    for owner, part in {**parts, "population": model.population}.items():
        values = {} if isinstance(part, float | int) else part.model_dump(exclude_none=True)
        for name in _FILLABLE:
            if values.get(name) == "required":
                asked.setdefault(name, []).append(owner)
    for adversary in model.adversaries:
        held = adversary.holds_images
        if held is not None and held.probability == "required":
            asked.setdefault(_HELD, []).append(f"adversary '{adversary.name}'")
    return asked


def _filled(part: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with required numbers replaced by what was given."""
    return {
        name: given[name]
        if name in given and (value == "required" or name in _ADJUSTABLE)
        else value
        for name, value in part.items()
    }


def _with_parameters(model: ThreatModel, given: Mapping[str, Any], path: str) -> ThreatModel:
    """Return the model with required numbers filled, or say all that are missing."""
    asked = _asked(model)
    missing = [
        f"{owner} needs '{name}' and nobody gave it; write"
        f" 'parameters: {{{model.name}: {{{name}: ...}}}}' in the project file"
        f" or use --set {model.name}.{name}=..."
        for name, owners in asked.items()
        for owner in owners
        if name not in given
    ]
    if missing:
        raise ThreatModelError(path, missing)
    unknown = sorted(set(given) - set(asked) - set(_ADJUSTABLE))
    if unknown:
        hint = f"It asks for: {', '.join(asked)}" if asked else "It asks for nothing"
        raise ThreatModelError(path, [f"it has no parameter '{unknown[0]}' to fill"], hint=hint)
    if not given:
        return model
    data = model.model_dump(by_alias=True, exclude_none=True)
    for adversary in data["adversaries"]:
        if isinstance(adversary["attempt"], dict):
            adversary["attempt"] = _filled(adversary["attempt"], given)
        if _HELD in given and adversary.get(_HELD, {}).get("probability") == "required":
            adversary[_HELD] = given[_HELD]
    data["population"] = _filled(data["population"], given)
    return validated(ThreatModel, data, path, error=ThreatModelError)


def attempt_probability(
    adversary: Adversary, values: Mapping[str, float] | None = None
) -> tuple[float, str]:
    """Return the probability of an attempt and where it comes from.

    Parameters
    ----------
    adversary : Adversary
        With every required number filled in.
    values : mapping of str to float, optional
        ``attempt``, ``prevalence`` or ``breach``, in place of the high end of an interval.

    Returns
    -------
    probability : float
        An interval counts with its high end, the conservative one.
    source : str
        Sentence that names the table cell or the formula with its inputs.

    Raises
    ------
    MidiRiskError
        When a cell does not exist.

    Examples
    --------
    >>> from midi_risk.threat.model import Adversary
    >>> attempt_probability(Adversary(name="anyone", attempt=1.0))
    (1.0, 'taken as certain')
    """
    attempt, given = adversary.attempt, dict(values or {})
    if isinstance(attempt, float | int | Interval):
        value, told = _conservative(attempt, given.get("attempt"))
        if value == 1:
            return value, "taken as certain" + told
        return value, f"stated in the threat model{told}, {explained(adversary)}"
    if attempt.table is not None:
        table = ATTEMPT_TABLES[attempt.table]
        controls, motives = str(attempt.controls), str(attempt.motives)
        value = table.probability(controls, motives)
        return value, f"{table.source}: controls {controls}, motives {motives}"
    if attempt.breach is not None:
        value, told = _conservative(attempt.breach, given.get("breach"))
        return value, f"prevalence of breaches, as given by the assessor{told}"
    if attempt.prevalence is None:
        raise ThreatModelError(adversary.name, ["acquaintances needs 'prevalence'"])
    number = int(attempt.acquaintances or 0)
    prevalence, told = _conservative(attempt.prevalence, given.get("prevalence"))
    value = acquaintance_probability(prevalence, number)
    text = f"1 - (1 - p)^m with prevalence p = {prevalence:g}{told} and m = {number} acquaintances"
    return value, text


def explained(adversary: Adversary) -> str:
    """Return why a probability that somebody gave is below 1, and when that was judged.

    What needs an expert today is done by a program tomorrow, so the day belongs to the reason.

    Examples
    --------
    >>> from midi_risk.threat.model import Adversary
    >>> explained(Adversary(name="a", attempt=0.4, because="needs an expert", on="2026-11-02"))
    'because needs an expert (2026-11-02)'
    >>> explained(Adversary(name="a", attempt=0.4))
    'without a reason and without a day'
    """
    reason, day = adversary.because.strip(), adversary.on
    if reason and day:
        return f"because {reason} ({day})"
    if reason:
        return f"because {reason}, without a day"
    return "without a reason" + (f" ({day})" if day else " and without a day")


def _conservative(quantity: float | Interval | str, given: float | None) -> tuple[float, str]:
    """Return the value that is given or the high end, and words for an interval."""
    low, high = ends(quantity)
    if given is not None:
        return given, ""
    return high, f" (high end of {low:g} to {high:g})" if low < high else ""


def with_criteria(model: ThreatModel, criteria: Sequence[tuple[str, float]]) -> ThreatModel:
    """Return a threat model with further criteria on sensitive values.

    Parameters
    ----------
    model : ThreatModel
    criteria : sequence of (str, float)
        Name and value of each, as ``("t", 0.2)``.

    Raises
    ------
    ThreatModelError
        When there is no such criterion, or it does not take that value.

    Examples
    --------
    >>> with_criteria(load_threat_model("public-release"), [("t", 0.2)]).criteria[0].value
    0.2
    """
    if not criteria:
        return model
    data = model.to_dict()
    stated = [{"criterion": name, "value": value} for name, value in criteria]
    data["criteria"] = [*data.get("criteria", ()), *stated]
    return validated(ThreatModel, data, f"threat model {model.name}", error=ThreatModelError)

"""Numbers of a threat model: a probability, or an interval that it is believed to lie in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)


class Settings(BaseModel):
    """Base of every part of a threat model: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _share(value: Any) -> Any:
    """Refuse what is no probability above 0, in words that say what to write."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(  # noqa: TRY004 - pydantic collects ValueError only
            "give a number such as 0.02, or {low: 0.01, high: 0.05}"
        )
    if value > 1:
        raise ValueError("it is above 1; give a share such as 0.02, not a percentage")
    if not value > 0:
        raise ValueError("it must be above 0: what is unknown or impossible is no probability")
    return float(value)


Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
"""A probability or share above 0 and at most 1."""


class Interval(Settings):
    """An interval that a quantity is believed to lie in."""

    low: Share
    high: Share

    @model_validator(mode="after")
    def _ordered(self) -> Interval:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


def form(value: Any) -> str:
    """Tell how a quantity is written, so that only the errors of that form are reported.

    The names are those that `midi_risk.config.validated` leaves out of places in a file.
    """
    if isinstance(value, dict | BaseModel):
        return "mapping"
    return "literal[required]" if value == "required" else "number"


Quantity = Annotated[
    Annotated[Share, Tag("number")] | Annotated[Interval, Tag("mapping")],
    Discriminator(form),
]
"""A number, or ``{low, high}``."""

AskedQuantity = Annotated[
    Annotated[Share, Tag("number")]
    | Annotated[Interval, Tag("mapping")]
    | Annotated[Literal["required"], Tag("literal[required]")],
    Discriminator(form),
]
"""A number, ``{low, high}``, or ``required`` when the assessor has to give it."""


def as_interval(value: Any) -> Any:
    """Let a number stand for an interval without width."""
    return Interval(low=value, high=value) if isinstance(value, float) else value


def ends(quantity: float | Interval | str) -> tuple[float, float]:
    """Return the two ends of a quantity; a number is both.

    Parameters
    ----------
    quantity : float or Interval

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        When the quantity is still ``required``.

    Examples
    --------
    >>> ends(0.2), ends(Interval(low=0.1, high=0.4))
    ((0.2, 0.2), (0.1, 0.4))
    """
    if isinstance(quantity, Interval):
        return quantity.low, quantity.high
    return float(quantity), float(quantity)

"""Rules of a hierarchy as the project file spells them out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class HierarchyStep(BaseModel):
    """One level of a hierarchy of the assessor's own: exactly one rule, made from the values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cuts: tuple[float, ...] | None = Field(
        default=None, min_length=1, description="bands between cut points"
    )
    width: float | None = Field(default=None, gt=0, description="bands of one width, from 0")
    round: float | None = Field(default=None, gt=0, description="nearest multiple")
    top: float | None = Field(default=None, description="values from here on together")
    bottom: float | None = Field(default=None, description="values below this together")
    microaggregate: int | None = Field(
        default=None, ge=2, description="groups of so many subjects, shown as their mean"
    )
    date: Literal["week", "month", "quarter", "year", "5y", "10y"] | None = None
    groups: dict[str, tuple[str, ...]] | None = Field(
        default=None, min_length=1, description="label -> values; all others become 'other'"
    )
    rare: int | None = Field(
        default=None, ge=2, description="values of fewer subjects become 'other'"
    )
    drop: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="members that a set of values loses"
    )
    first: int | None = Field(
        default=None, ge=1, description="characters that stay; the rest becomes '*'"
    )
    name: str | None = Field(default=None, min_length=1, max_length=40)

    @model_validator(mode="after")
    def _one_rule(self) -> HierarchyStep:
        given = {n for n in type(self).model_fields if getattr(self, n) is not None} - {"name"}
        if len(given) != 1 and given != {"top", "bottom"}:
            rules = [n for n in type(self).model_fields if n != "name"]
            raise ValueError(f"give exactly one of {', '.join(rules)} (top and bottom go together)")
        if self.top is not None and self.bottom is not None and self.bottom >= self.top:
            raise ValueError("bottom must be below top")
        if self.cuts is not None and list(self.cuts) != sorted(set(self.cuts)):
            raise ValueError("cuts must ascend")
        members = [value for values in (self.groups or {}).values() for value in values]
        if len(members) != len(set(members)):
            raise ValueError("a value stands in two groups")
        return self

    @property
    def rule(self) -> str:
        """Which rule this is; ``top`` stands for both ends."""
        for name in type(self).model_fields:
            if getattr(self, name) is not None and name != "name":
                return "top" if name == "bottom" else name
        return ""


def _form(value: Any) -> str | None:
    """Return which form of hierarchy was given."""
    if isinstance(value, str):
        return "tagged-name"
    return "tagged-levels" if isinstance(value, list | tuple) else None


HierarchySetting = Annotated[
    Annotated[str, Tag("tagged-name")]
    | Annotated[tuple[HierarchyStep, ...], Field(min_length=1), Tag("tagged-levels")],
    Discriminator(
        _form,
        custom_error_type="hierarchy",
        custom_error_message="the name of a ladder, a .csv file or a list of levels is expected",
    ),
]
"""A ladder or file by name, or levels of one's own."""

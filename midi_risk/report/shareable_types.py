"""Types that cannot hold a raw value.

Text is a name from a fixed vocabulary, an attribute's name, or what the assessor wrote;
a count is a `SafeCount`; a risk has two significant digits; a time is a year.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from midi_risk.report.clean import scrubbed, shortened
from midi_risk.risk.found_content import FOUND


def two_digits(value: float) -> float:
    """Return a number with two significant digits.

    Examples
    --------
    >>> two_digits(0.090909)
    0.091
    """
    return float(f"{value:.2g}")


def _is_rounded(value: float) -> float:
    if value != two_digits(value):
        raise ValueError("has more than two significant digits")
    return value


Name = Annotated[str, AfterValidator(scrubbed), AfterValidator(lambda t: shortened(t, 80))]
Written = Annotated[str, AfterValidator(scrubbed), AfterValidator(lambda t: shortened(t, 1500))]
FoundKind = Annotated[str, StringConstraints(pattern=rf"^(?:{'|'.join(FOUND)})$")]
"""A kind of content that reading met; one of the packaged words."""
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_-]{0,43}(?:[_-]\d{1,3})?$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .+_()-]{0,47}$")]
Action = Annotated[
    str, StringConstraints(pattern=r"^(?:[XZDUCKP](?:/[XZDUCKP*]+)*\*?|not listed)$")
]
Option = Annotated[str, StringConstraints(pattern=r"^[a-z_0-9]{1,32}=[A-Z/*]{1,8}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{16})?$")]
Digits = Annotated[float, Field(ge=-1, le=1), AfterValidator(_is_rounded)]
Loss = Annotated[float, AfterValidator(_is_rounded)]
Level = Literal["patient", "study", "series", "equipment", "instance", "file", "other"]
RoleName = Literal[
    "direct_identifier",
    "quasi_identifier",
    "sensitive",
    "insensitive",
    "linkage_key",
    "undecided",
]
Size = Annotated[int, Field(ge=0)]
Year = Annotated[int, Field(ge=1900, le=2999)]


class Safe(BaseModel):
    """Base of the shareable parts: frozen, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

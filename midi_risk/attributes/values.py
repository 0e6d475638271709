"""Raw values to canonical ones, once per distinct value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from midi_risk.attributes.ages import parse_ages
from midi_risk.attributes.dates import parse_dates, parse_time
from midi_risk.attributes.ladders import LADDERS
from midi_risk.attributes.model import Attribute, Kind
from midi_risk.attributes.numbers import (
    coded_sexes,
    parse_category,
    parse_identifier,
    parse_numbers,
    parse_sex,
    parse_text,
)
from midi_risk.attributes.parsed import Parsed
from midi_risk.attributes.units import FACTORS, Quantity, quantity_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Canonical values, one per raw value, in the order given.

    Parameters
    ----------
    text : tuple of str or None
        Canonical text; None is missing.
    number : numpy.ndarray
        float64, shape (n,): age in months, day ordinal, seconds after midnight or the
        number itself; nan where none.
    flag : tuple of str
        ``""``, ``"missing-token"``, ``"unparseable"``, ``"implausible"``, ``"repaired"``,
        ``"multi-valued"`` or ``"ambiguous"``.
    """

    text: tuple[str | None, ...]
    number: np.ndarray
    flag: tuple[str, ...]

    def flag_counts(self) -> dict[str, int]:
        """Return the number of distinct raw values per flag, the clean ones left out."""
        return {flag: n for flag, n in sorted(Counter(self.flag).items()) if flag}

    def __repr__(self) -> str:
        """Return counts, never values."""
        return f"Normalised({len(self.text)} values, flags {self.flag_counts()})"


def _parse(
    kind: Kind,
    raw: Sequence[str],
    *,
    zero_is_missing: bool,
    upper: bool,
    label: str,
    measure: bool,
    quantity: Quantity | None,
    unit: str,
) -> list[Parsed]:
    """Read all values; ages and dates look at their neighbours to settle the form."""
    whole: dict[Kind, Callable[[Sequence[str]], list[Parsed]]] = {
        Kind.AGE: partial(
            parse_ages,
            zero_is_missing=zero_is_missing,
            unit=unit if unit in FACTORS[Quantity.AGE] else "years",
        ),
        Kind.DATE: parse_dates,
        Kind.NUMBER: partial(
            parse_numbers,
            zero_is_missing=zero_is_missing,
            measure=measure,
            quantity=quantity,
            unit=unit,
        ),
    }
    if kind in whole:
        return whole[kind](raw)
    single: dict[Kind, Callable[[str], Parsed]] = {
        Kind.SEX: partial(parse_sex, codes=coded_sexes(label)),
        Kind.TIME: parse_time,
        Kind.CATEGORY: partial(parse_category, upper=upper),
        Kind.TEXT: parse_text,
        Kind.IDENTIFIER: parse_identifier,
    }
    return [single[kind](value) for value in raw]


def normalise(
    kind: Kind,
    raw: Sequence[str],
    *,
    zero_is_missing: bool | None = None,
    upper: bool = False,
    label: str = "",
    measure: bool = False,
    quantity: Quantity | None = None,
    unit: str = "",
) -> Normalised:
    """Return canonical text, number and flag of each raw value.

    Parameters
    ----------
    kind : Kind
        How the values are read.
    raw : sequence of str
        Distinct raw values of one attribute.
    zero_is_missing : bool, optional
        For an age, whether ``000Y`` is missing (default yes); for a number, whether 0
        is (default no).
    upper : bool
        Upper-case categories, as for code strings.
    label : str
        Data dictionary entry; it may say what the codes of a sex mean.
    measure : bool
        Whether numbers are measures of a body: a negative one and one of nines alone are
        implausible then.
    quantity : Quantity, optional
        What a height or weight is, so that the units of cells count.
    unit : str
        Unit of ages, heights and weights that say none; ``""`` for the usual one.

    Returns
    -------
    Normalised

    Examples
    --------
    >>> ages = normalise(Kind.AGE, ["066Y", "173M", "N-A", "90+"])
    >>> ages.text, ages.flag
    (('66', '173M', None, '90+'), ('', '', 'missing-token', ''))
    >>> ages.number.tolist()
    [792.0, 173.0, nan, 1080.0]
    """
    zero = kind is Kind.AGE if zero_is_missing is None else zero_is_missing
    parsed = _parse(
        kind,
        raw,
        zero_is_missing=zero,
        upper=upper,
        label=label,
        measure=measure,
        quantity=quantity,
        unit=unit,
    )
    return Normalised(
        text=tuple(item.text for item in parsed),
        number=np.array([item.number for item in parsed], dtype=np.float64),
        flag=tuple(item.flag for item in parsed),
    )


def normalise_for(attribute: Attribute, raw: Sequence[str]) -> Normalised:
    """Return `normalise` with the options that the attribute implies.

    Parameters
    ----------
    attribute : Attribute
        Its kind, VR, ladder, label and unit choose the options.
    raw : sequence of str
        Distinct raw values.
    """
    ladder = LADDERS.get(attribute.ladder or "")
    measure = ladder is not None and ladder.measure
    quantity = quantity_of(attribute.kind, attribute.ladder)
    return normalise(
        attribute.kind,
        raw,
        zero_is_missing=True if measure else None,
        upper=attribute.vr == "CS",
        label=attribute.label,
        measure=measure,
        quantity=None if quantity is Quantity.AGE else quantity,
        unit=attribute.unit,
    )


def read_again(attribute: Attribute, texts: Sequence[str]) -> Normalised:
    """Return the reading of values that were read before, which stand in the usual unit.

    Parameters
    ----------
    attribute : Attribute
        Its own unit does not count any more.
    texts : sequence of str
        Canonical values.

    Examples
    --------
    >>> from midi_risk.attributes.model import Role
    >>> age = Attribute(
    ...     name="age", source="t", column="age", role=Role.QUASI_IDENTIFIER, kind=Kind.AGE,
    ...     reason="", unit="months",
    ... )
    >>> normalise_for(age, ["2"]).number.tolist(), read_again(age, ["2"]).number.tolist()
    ([2.0], [24.0])
    """
    return normalise_for(attribute.revised(unit=""), texts)

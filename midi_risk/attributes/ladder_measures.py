"""Generalisation of numbers, body measures and counts."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from midi_risk.attributes.ages import plain
from midi_risk.attributes.ladder_time import UNPARSED

_HEIGHT_BANDS = (0.0, 150.0, 170.0, 190.0, math.inf)
_WEIGHT_BANDS = (0.0, 50.0, 70.0, 90.0, 110.0, math.inf)
_BMI_CLASSES = (0.0, 18.5, 25.0, 30.0, 35.0, 40.0, math.inf)
_BMI_UNITS = (*(float(i) for i in range(19)), 18.5, *(float(i) for i in range(19, 101)), math.inf)
_METRES_BELOW = 3.5
"""A height below this is in metres (DICOM), otherwise in centimetres."""


def _each(text: Sequence[str], numbers: np.ndarray, label: Callable[[float], str]) -> list[str]:
    """Label plain numbers; an open end or bin keeps its text, the unparsed is removed."""
    column = []
    for value, number in zip(text, numbers.tolist(), strict=True):
        if math.isnan(number):
            column.append(UNPARSED)
        else:
            column.append(label(number) if value == plain(number) else value)
    return column


def _grid(width: float, unit: str) -> Callable[[float], str]:
    def label(number: float) -> str:
        start = math.floor(number / width + 1e-9) * width
        if width == 1:
            return f"{plain(start)} {unit}"
        return f"{plain(start)}-{plain(start + width - 1)} {unit}"

    return label


def _bands(edges: Sequence[float], unit: str, last: float) -> Callable[[float], str]:
    def label(number: float) -> str:
        place = min(max(bisect_right(edges, number) - 1, 0), len(edges) - 2)
        low, high = edges[place], edges[place + 1]
        if place == 0:
            text = f"<{plain(high)}"
        elif math.isinf(high):
            text = f"{plain(low)}+"
        else:
            text = f"{plain(low)}-{plain(round(high - last, 6))}"
        return f"{text} {unit}".strip()

    return label


def height_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return heights, in metres or centimetres, in 1, 5, 10 and 20 cm bands."""

    def metric(label: Callable[[float], str]) -> Callable[[float], str]:
        return lambda number: label(round(number * 100, 6) if number < _METRES_BELOW else number)

    steps = (
        _grid(1, "cm"),
        _grid(5, "cm"),
        _grid(10, "cm"),
        _bands(_HEIGHT_BANDS, "cm", 1),
    )
    return [_each(text, numbers, metric(step)) for step in steps]


def weight_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return weights in kilograms in 1, 5, 10 and 20 kg bands."""
    steps = (
        _grid(1, "kg"),
        _grid(5, "kg"),
        _grid(10, "kg"),
        _bands(_WEIGHT_BANDS, "kg", 1),
    )
    return [_each(text, numbers, step) for step in steps]


def bmi_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return body mass indices in units (18 is cut at 18.5) and WHO classes."""
    steps = (_bands(_BMI_UNITS, "", 0.1), _bands(_BMI_CLASSES, "", 0.1))
    return [_each(text, numbers, step) for step in steps]


def _two_digits(number: float) -> float:
    return float(f"{number:.1e}")


def nice_step(low: float, high: float, bands: int = 10) -> float:
    """Return 1, 2 or 5 times a power of ten that cuts a range into about so many bands.

    Examples
    --------
    >>> nice_step(0, 870)
    100.0
    """
    span = high - low
    if not span > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span / bands))
    for factor in (1, 2, 5):
        if span / (power * factor) <= bands:
            return float(power * factor)
    return float(power * 10)


def number_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return numbers to two significant digits, then in about ten equal bands.

    The bands hold the rounded numbers, so that the steps nest.
    """
    finite = numbers[np.isfinite(numbers)]
    step = 1.0
    if finite.size:
        step = nice_step(_two_digits(float(finite.min())), _two_digits(float(finite.max())))

    def band(number: float) -> str:
        start = math.floor(_two_digits(number) / step + 1e-9)
        return f"[{step * start:.10g}, {step * (start + 1):.10g})"

    return [
        _each(text, numbers, lambda number: plain(_two_digits(number))),
        _each(text, numbers, band),
    ]


def cut_columns(text: Sequence[str], numbers: np.ndarray, cuts: Sequence[float]) -> list[list[str]]:
    """Return numbers in the bands between given cut points."""
    edges = sorted(set(cuts))

    def label(number: float) -> str:
        place = bisect_right(edges, number)
        if place == 0:
            return f"<{plain(edges[0])}"
        if place == len(edges):
            return f">={plain(edges[-1])}"
        return f"[{plain(edges[place - 1])}, {plain(edges[place])})"

    return [_each(text, numbers, label)]


def count_columns(text: Sequence[str], numbers: np.ndarray) -> list[list[str]]:
    """Return counts as 1, 2, 3-5, 6-10 and more than 10."""

    def label(number: float) -> str:
        if number <= 2:
            return plain(number)
        return "3-5" if number <= 5 else "6-10" if number <= 10 else ">10"

    return [_each(text, numbers, label)]

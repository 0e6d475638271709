"""Marks of a chart, in drawing units."""

from __future__ import annotations

from dataclasses import dataclass

WIDTH = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle with a label and a value label."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str
    marked: bool = False
    shift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A mark of a scatter or a curve."""

    x: float
    y: float
    label: str
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A threshold line with its label."""

    at: float
    label: str
    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything a template needs to draw one chart and its data table.

    Parameters
    ----------
    name : str
        Stable id.
    title, summary : str
        ``<title>`` and ``<desc>``.
    width, height : float
        Size of the view box.
    x_label, y_label : str
        Axis names.
    heads, rows : tuple
        The data table.
    """

    name: str
    title: str
    summary: str
    height: float
    x_label: str
    y_label: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    width: float = WIDTH
    bottom: float = 44
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()
    path: str = ""
    x_rule: Rule | None = None
    y_rule: Rule | None = None
    note: str = ""

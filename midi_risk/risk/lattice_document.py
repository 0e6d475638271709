"""The lattice of recodings as a document: what the tuning page works on, without values."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from midi_risk.risk.plan_document import Part


class TuningLevel(Part):
    """One level of one attribute."""

    level: int = Field(ge=0, description="number of the level in the attribute's hierarchy")
    name: str
    text: str = Field(description="plain English")
    loss: float = Field(ge=0, le=1, description="share of the attribute's information lost")


class TuningAttribute(Part):
    """One axis of the lattice."""

    name: str
    levels: list[TuningLevel]
    start: int = Field(default=0, ge=0, description="place of the level that was assessed")
    weight: float = 1.0
    locked: bool = False
    need: str = ""
    contribution: float | None = None


class TuningRule(Part):
    """What one adversary demands of the classes."""

    model: str
    adversary: str
    k: int = Field(ge=1, description="smallest class that is accepted")
    mean: float | None = Field(default=None, description="largest average risk that is accepted")


class TuningLattice(Part):
    """Aggregates of every node; arrays are little-endian unsigned integers in base64.

    Node numbers are row-major: the last attribute's level changes fastest. `below` holds
    one run of nodes for each entry of `ks`.
    """

    subjects: int = Field(ge=1)
    k: int = Field(ge=1, description="class size that every adversary accepts")
    ks: list[int]
    max_suppressed: int = Field(ge=0, description="subjects that may be left out")
    attributes: list[TuningAttribute]
    rules: list[TuningRule]
    exact: bool = Field(description="whether the rules decide as the assessment would")
    note: str = ""
    not_tuned: list[str] = Field(default=[], description="attributes that stay as decided")
    levels_left_out: int = 0
    plan: list[int] | None = Field(default=None, description="node of the suggested plan")
    bytes_per_count: Literal[1, 2, 4]
    classes: str
    smallest: str
    below: str = Field(description="subjects in classes smaller than each of ks")
    kept_classes: str = Field(description="classes of at least k subjects")
    kept_smallest: str = Field(description="smallest of them, 0 when there is none")

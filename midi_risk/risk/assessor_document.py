"""What only the assessor knows, as parts of the assessment document."""

from __future__ import annotations

from pydantic import Field

from midi_risk.risk.plan_document import Part


class SearchEntry(Part):
    """One search for other public data on the same subjects (best practice 9)."""

    date: str
    place: str
    found: str


class Quality(Part):
    """Human quality control of the release candidate (best practice 17)."""

    unit: str = "subjects"
    population: int = Field(ge=0)
    sample: int = Field(ge=0)
    defects: int = Field(ge=0)
    sensitivity: float | None = Field(default=None, ge=0, le=1)
    note: str = ""


class Context(Part):
    """What only the assessor knows; the report says "not stated" where it is empty."""

    purpose: str = ""
    intended_users: str = ""
    utility: str = ""
    sites: list[str] = []
    coordinating_centre: str = ""
    distributor: str = ""
    profile: str = Field(default="", description="release of PS3.15 that was applied")
    options: list[str] = Field(default=[], description="codes of CID 7050, such as 113108")
    linked_search: list[SearchEntry] = []
    quality: Quality | None = None
    conflicts: str = ""
    triggers: list[str] = []
    assumptions: list[str] = []


class SignOff(Part):
    """Who answers for the assessment."""

    assessor: str = ""
    role: str = ""
    organisation: str = ""
    date: str = ""
    statement: str = ""

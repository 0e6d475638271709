"""Attributes: what each column means, and which part it plays in an attack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from midi_risk.document import notebook
from midi_risk.document.assessment import Ps315Action
from midi_risk.errors import AttributeRoleError, did_you_mean, quoted

if TYPE_CHECKING:
    import pandas as pd

    from midi_risk.config import Accepted, HierarchyStep


class _Word(StrEnum):
    """A word of a fixed list; what is no text is refused by its type, never printed."""

    @classmethod
    def _missing_(cls, value: object) -> None:
        if not isinstance(value, str):
            raise AttributeRoleError(f"a {cls.__name__.lower()} is a word, not {quoted(value)}")


class Role(_Word):
    """Part that an attribute plays in re-identification."""

    DIRECT_IDENTIFIER = "direct_identifier"
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"
    INSENSITIVE = "insensitive"
    LINKAGE_KEY = "linkage_key"
    UNDECIDED = "undecided"


class Kind(_Word):
    """How the values of an attribute are read, folded and generalised."""

    AGE = "age"
    SEX = "sex"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    IDENTIFIER = "identifier"


class Decision(_Word):
    """What the assessor does with an attribute."""

    RETAIN = "retain"
    GENERALISE = "generalise"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One named, typed property of subjects.

    Parameters
    ----------
    name : str
        Unique name in the subject table and the project file.
    source : str
        Name of the source table.
    column : str
        Column in that source table.
    role : Role
        Part in an attack; ``UNDECIDED`` keeps the verdict incomplete.
    kind : Kind
        How values are read.
    reason : str
        Why this role was proposed, or ``"project file"``.
    level : str
        ``patient``, ``study``, ``series``, ``equipment``, ``instance`` or ``file``.
    keyword, tag, vr : str, optional
        DICOM identity, when it has one.
    ladder : str, optional
        Name of the built-in generalisation ladder.
    ps315 : Ps315Action, optional
        Action of the confidentiality profile; None for a non-DICOM column.
    knowable_by : tuple of str
        Who can know it: ``public``, ``acquaintance``, ``clinician``; empty for nobody.
    label : str
        Description from a data dictionary.
    order : tuple of str, optional
        Order of the values of an ordinal sensitive attribute, lowest first.
    utility : float
        Weight in the information loss; 1 is neutral.
    need : str
        Why research needs it: the justification text.
    decision : Decision, optional
        What the assessor decided; None while open.
    generalise_to : str or int, optional
        Level name or number of the hierarchy that was decided on.
    ceiling : str or int, optional
        Coarsest level that a suggestion may choose.
    hierarchy_file : str, optional
        Path of an ARX-format hierarchy that replaces the ladder.
    hierarchy_steps : tuple of HierarchyStep, optional
        Rules of the assessor's own that replace the ladder.
    sensitive : bool
        A quasi-identifier that is judged for disclosure as well.
    harmful : tuple of str
        Sensitive values that do harm when they are inferred; empty when all do.
    accepted : Accepted, optional
        Who accepted in writing what it discloses.
    unit : str
        Unit of an age, height or weight where it is not the usual one: a name of
        `midi_risk.attributes.units`; ``""`` for years, metres or centimetres, and kilograms.
    rekeyed : bool
        Whether a keyed pseudonym stands for each value when it leaves: what it tells of anybody
        stays behind.
    """

    name: str
    source: str
    column: str
    role: Role
    kind: Kind
    reason: str
    level: str = "patient"
    keyword: str | None = None
    tag: str | None = None
    vr: str | None = None
    ladder: str | None = None
    ps315: Ps315Action | None = None
    knowable_by: tuple[str, ...] = ()
    label: str = ""
    order: tuple[str, ...] | None = None
    utility: float = 1.0
    need: str = ""
    decision: Decision | None = None
    generalise_to: str | int | None = None
    ceiling: str | int | None = None
    hierarchy_file: str | None = None
    hierarchy_steps: tuple[HierarchyStep, ...] | None = None
    sensitive: bool = False
    harmful: tuple[str, ...] = ()
    accepted: Accepted | None = None
    unit: str = ""
    rekeyed: bool = False

    def __repr__(self) -> str:
        """Return name, role and kind; never values, which its order and harmful values are."""
        return f"Attribute({self.name!r}, {self.role.value}, {self.kind.value})"

    @property
    def discloses(self) -> bool:
        """Whether learning its value of a person does harm, whatever else it is."""
        return self.role is Role.SENSITIVE or (
            self.sensitive and self.role is Role.QUASI_IDENTIFIER
        )

    def revised(self, **changes: Any) -> Attribute:
        """Return a copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class AttributeSet:
    """The attributes of an assessment, in order, with unique names."""

    attributes: tuple[Attribute, ...]
    _by_name: dict[str, Attribute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the attributes, so that a name is found without a walk through all of them."""
        by_name = {attribute.name: attribute for attribute in reversed(self.attributes)}
        object.__setattr__(self, "_by_name", by_name)

    def __iter__(self) -> Iterator[Attribute]:
        """Iterate in order."""
        return iter(self.attributes)

    def __len__(self) -> int:
        """Return the number of attributes."""
        return len(self.attributes)

    def __contains__(self, name: object) -> bool:
        """Tell whether an attribute of that name exists."""
        return name in self._by_name

    def __getitem__(self, name: str) -> Attribute:
        """Return the attribute of that name, or say which name is close."""
        if name in self._by_name:
            return self._by_name[name]
        raise AttributeRoleError(f"no attribute '{name}'", hint=did_you_mean(name, self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(attribute.name for attribute in self.attributes)

    def of_role(self, *roles: Role) -> tuple[Attribute, ...]:
        """Return the attributes that have one of these roles, in order."""
        return tuple(a for a in self.attributes if a.role in roles)

    def __repr__(self) -> str:
        """Return counts by role."""
        roles = [(role.value.replace("_", " "), len(self.of_role(role))) for role in Role]
        return f"AttributeSet({', '.join(f'{n} {name}' for name, n in roles if n) or 'empty'})"

    def _repr_html_(self) -> str:
        """Return one row per attribute: role, kind, decision and reason."""
        rows = [
            (a.name, a.role.value, a.kind.value, a.decision.value if a.decision else "", a.reason)
            for a in self.attributes
        ]
        return notebook.table(("attribute", "role", "kind", "decision", "reason"), rows)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attribute: role, kind, level, ladder, decision and reason."""
        import pandas as pd  # noqa: PLC0415

        return pd.DataFrame(
            [
                {
                    "attribute": a.name,
                    "role": a.role.value,
                    "kind": a.kind.value,
                    "level": a.level,
                    "ladder": a.ladder,
                    "decision": a.decision.value if a.decision else None,
                    "reason": a.reason,
                }
                for a in self.attributes
            ]
        )

    def revised(self, name: str, **changes: Any) -> AttributeSet:
        """Return a copy in which one attribute has changed fields."""
        return self.replaced({name: self[name].revised(**changes)})

    def replaced(self, changed: Mapping[str, Attribute]) -> AttributeSet:
        """Return a copy in which some attributes are others, in one walk for all of them."""
        return AttributeSet(tuple(changed.get(a.name, a) for a in self.attributes))

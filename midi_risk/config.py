"""The project file `midi-risk.yaml`, its own hierarchies included, and reading of any YAML file.

All errors of a file are reported at once.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from midi_risk.errors import ConfigError, MidiRiskError, did_you_mean, share_of


class HierarchyStep(BaseModel):
    """One level of a hierarchy of the assessor's own: exactly one rule, made from the values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

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


PROJECT_SCHEMA = "midi-risk/project/1"
PROJECT_FILE = "midi-risk.yaml"
SOURCE_KINDS = ("dicom", "metadata", "bids", "sdtm", "table")

_MAX_YAML_BYTES = 5_000_000
_BOOLEAN, _TEXT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:str"
_FORM = re.compile(r"number$|mapping$|constrained-|function-|literal\[|tagged-")
"""Names of alternatives inside a model; they are no place in the file."""

Model = TypeVar("Model", bound=BaseModel)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Safe YAML in which a key given twice is an error, not silently the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping and refuse repeated keys."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == _BOOLEAN and key_node.value.lower() not in {"true", "false"}:
                key_node.tag = _TEXT  # `on: 2026-11-02` is a key called on, as in YAML 1.2
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str | int | float | bool):
                if key in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, "the same key is given twice", key_node.start_mark
                    )
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, *, what: str, error: type[ConfigError] = ConfigError) -> dict[str, Any]:
    """Read a YAML file that must hold a mapping.

    Parameters
    ----------
    path : pathlib.Path
    what : str
        What the file is, for messages: ``"project file"``.
    error : type
        Class of the error that is raised.

    Raises
    ------
    ConfigError
        When the file cannot be read or is not YAML; the line is named.
    """
    try:
        if path.stat().st_size > _MAX_YAML_BYTES:
            raise error(str(path), [f"too large for a {what}"])
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506
    except OSError as fault:
        reason = (fault.strerror or "cannot be read").lower()
        raise error(str(path), [f"{what}: {reason}"]) from None
    except UnicodeDecodeError:
        raise error(str(path), [f"{what} is not UTF-8 text"]) from None
    except (yaml.YAMLError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(fault, "problem", None) or "not valid YAML"
        raise error(str(path), [f"{place}{problem}"]) from None
    if not isinstance(data, dict):
        raise error(str(path), [f"a {what} holds 'key: value' lines, this does not"])
    return data


def validated(
    model: type[Model], data: Any, path: str, *, error: type[ConfigError] = ConfigError
) -> Model:
    """Return the data as a model, or raise one error that lists every fault.

    Parameters
    ----------
    model : type
        Pydantic model.
    data : Any
        Parsed YAML or JSON.
    path : str
        File name for the message.
    error : type
        Class of the error that is raised.

    Examples
    --------
    >>> validated(Validity, {"months": 12}, "x.yaml").months
    12
    """
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        faults: dict[str, str] = {}
        for item in fault.errors(include_url=False, include_input=False):
            parts = [str(part) for part in item["loc"] if not _FORM.match(str(part))]
            place = ".".join(parts) or "file"
            text = item["msg"].removeprefix("Value error, ")
            if item["type"] == "extra_forbidden":
                text = "this key is not known"
                if len(parts) == 1:
                    known = [f.alias or name for name, f in model.model_fields.items()]
                    text += ". " + did_you_mean(parts[0], known)
            faults.setdefault(place, text)
        listed = [
            f"{place}: {text}"
            for place, text in faults.items()
            if "at least 1 item" not in text or not any(p.startswith(place + ".") for p in faults)
        ]
        raise error(path, listed) from None


def _words(text: str) -> str:
    if not any(map(str.isalnum, text)):
        raise ValueError("say something here: there is no letter and no digit in it")
    return text


Words = Annotated[str, Field(min_length=1), AfterValidator(_words)]
"""What somebody has to say in words; blanks say nothing."""


def _if_said(value: Any) -> Any:
    """Let a text without a character stand for one that is not there yet."""
    return None if value == "" else value


class Settings(BaseModel):
    """Base of every part of the project file: frozen, nothing unknown."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )


_PASSWORD = re.compile(r"://[^/?#]*:[^/?#]*@|[?&](?:ssl)?passw(?:or)?d=", re.IGNORECASE)


class SourceSettings(Settings):
    """One source: exactly one of ``dicom``, ``metadata``, ``bids``, ``sdtm``, ``table``."""

    dicom: str | None = None
    metadata: str | None = None
    bids: str | None = None
    sdtm: str | None = None
    table: str | None = None
    key: str | None = None
    sheet: str | None = None
    header_rows: int | None = Field(
        default=None, ge=1, le=100, description="rows of a table above its first row of data"
    )
    encoding: str | None = Field(default=None, description="of delimited text, as shift_jis")
    left_out: tuple[str, ...] = Field(
        default=(), description="sheets of a workbook, and 'comments', that do not leave"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> SourceSettings:
        given = [kind for kind in SOURCE_KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(SOURCE_KINDS)}")
        if _PASSWORD.search(str(getattr(self, given[0]))):
            raise ValueError("a URL here holds a password; set PGPASSWORD or a service file")
        if given[0] not in {"table", "metadata"}:
            own = ("sheet", "header_rows", "encoding", "left_out")
            if set_here := [name for name in own if getattr(self, name)]:
                raise ValueError(f"{set_here[0]} is for a table or metadata, not for {given[0]}")
        return self

    @property
    def kind(self) -> str:
        """Which of the five kinds this is."""
        return next(kind for kind in SOURCE_KINDS if getattr(self, kind) is not None)

    @property
    def path(self) -> str:
        """The path as written."""
        return str(getattr(self, self.kind))


class CollectionSettings(Settings):
    """The collection that is to be released."""

    name: str = Field(min_length=1, max_length=200)
    sources: tuple[SourceSettings, ...] = Field(min_length=1)
    where: str | None = None
    exclude: tuple[str, ...] = Field(
        default=(), description="patterns of tables beside the data that do not leave"
    )


def _share(value: Any) -> Any:
    """Let ``2%`` stand for 0.02."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return share_of("a share", value)
        except MidiRiskError as error:
            raise ValueError(error.hint) from None
    return value


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]


def written_day(value: Any) -> Any:
    """Let YAML write a day without quotes.

    Examples
    --------
    >>> written_day(date(2026, 11, 2)), written_day("2026-11-02")
    ('2026-11-02', '2026-11-02')
    """
    return value.isoformat() if isinstance(value, date) else value


def _day(value: Any) -> Any:
    """Refuse what is no day, in words that say what to write."""
    text = written_day(value)
    try:
        date.fromisoformat(text)
    except (TypeError, ValueError):
        raise ValueError("give a day such as 2026-11-02") from None
    return text


Day = Annotated[str, BeforeValidator(_day)]
"""A day, ISO 8601."""


class Confirmed(Settings):
    """Who confirmed something in writing, and when."""

    by: Words
    on: Day


Sampling = Literal["random", "one-hospital", "several-sites", "unknown"]
"""How subjects came into a collection. No check on the release can tell it."""


class PopulationStatement(Confirmed):
    """How subjects came into the collection: a statement, since no figure of it can show that."""

    sampling: Sampling
    of: str | None = Field(default=None, min_length=1, description="whom they are a sample of")
    referral: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="dimensions of the table that decide who comes to the hospital, all of them",
    )


class Accepted(Confirmed):
    """An exception that somebody accepted in writing, and why."""

    reason: Words


class DisclosureStatement(Settings):
    """What the assessor says of what an attribute discloses."""

    accepted: Accepted


class SubjectKeySettings(Settings):
    """What the assessor says of the key that links the rows of a subject."""

    column: str = Field(min_length=1)
    confirmed: Confirmed | None = Field(
        default=None, description="who says that its values are pseudonyms"
    )
    write: Literal["keep", "rekey"] | None = Field(
        default=None, description="what apply writes: the key as it is, or a keyed pseudonym"
    )


def _as_text(value: Any) -> Any:
    """Let YAML write a number where a value of a table is meant."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Value = Annotated[str, BeforeValidator(_as_text), Field(min_length=1)]


class AttributeSettings(Settings):
    """What the assessor says of one attribute; what is absent stays as proposed."""

    role: (
        Literal[
            "direct_identifier",
            "quasi_identifier",
            "sensitive",
            "insensitive",
            "linkage_key",
            "undecided",
        ]
        | None
    ) = None
    kind: (
        Literal["age", "sex", "date", "time", "number", "category", "text", "identifier"] | None
    ) = None
    unit: (
        Literal[
            "years",
            "months",
            "weeks",
            "days",
            "hours",
            "m",
            "cm",
            "mm",
            "in",
            "ft",
            "kg",
            "g",
            "lb",
            "st",
            "oz",
        ]
        | None
    ) = Field(default=None, description="unit of an age, height or weight whose cells say none")
    hierarchy: HierarchySetting | None = Field(default=None, description="ladder, file or levels")
    level: str | int | None = Field(default=None, description="level of the hierarchy to apply")
    ceiling: str | int | None = Field(
        default=None, description="coarsest level that a suggestion may choose"
    )
    utility: float | None = Field(default=None, ge=0, description="weight of its information loss")
    need: Annotated[Words | None, BeforeValidator(_if_said)] = Field(
        default=None, description="why research needs it"
    )
    decision: Literal["retain", "generalise", "remove"] | None = None
    order: tuple[str, ...] | None = Field(default=None, description="lowest value first")
    source: str | None = None
    label: str | None = None
    sensitive: bool | None = Field(
        default=None, description="a quasi-identifier that is sensitive as well"
    )
    harmful: tuple[Value, ...] | None = Field(
        default=None, min_length=1, description="sensitive values that do harm when inferred"
    )
    disclosure: DisclosureStatement | None = Field(
        default=None, description="attribute disclosure that is accepted in writing"
    )

    @model_validator(mode="after")
    def _consistent(self) -> AttributeSettings:
        if self.decision == "generalise" and self.level is None:
            raise ValueError("decision generalise needs 'level'")
        if self.decision in {"retain", "remove"} and self.level is not None:
            raise ValueError(f"decision {self.decision} takes no 'level'")
        if self.sensitive and self.role not in {None, "quasi_identifier", "sensitive"}:
            raise ValueError(f"role {self.role} cannot be sensitive as well")
        return self


class ChannelStatement(Settings):
    """What the assessor found about a channel, and on what that rests.

    The counts give the bound; `value` and `upper` can only raise it. A statement without who,
    when, how and how many of how many is read, and leaves the verdict incomplete.
    """

    status: Literal["assessed", "bounded", "not_assessed"]
    value: float | None = Field(default=None, ge=0, le=1)
    lower: float | None = Field(default=None, ge=0, le=1)
    upper: float | None = Field(default=None, ge=0, le=1)
    evidence: str = ""
    by: str = Field(default="", description="who looked")
    on: Day | None = Field(default=None, description="when")
    method: str = Field(default="", description="how")
    looked: int | None = Field(default=None, ge=1, description="subjects or units looked at")
    of: int | None = Field(default=None, ge=1, description="how many there are")
    defects: int | None = Field(default=None, ge=0, description="in how many something was found")
    sensitivity: float | None = Field(
        default=None, gt=0, le=1, description="probability that what is there is seen"
    )
    file: str = Field(default="", description="log of the review, beside the project file")
    sha256: str = Field(default="", pattern=r"^([0-9a-fA-F]{64})?$")

    @property
    def counted(self) -> bool:
        """Whether the counts are given that a bound is computed from."""
        return None not in {self.looked, self.of, self.defects}

    @model_validator(mode="after")
    def _has_a_figure(self) -> ChannelStatement:
        if not (self.evidence or self.method):
            raise ValueError("say in 'method' what was done")
        if not self.counted:
            counts = ", or the counts 'looked', 'of' and 'defects'"
            if self.status == "assessed" and self.value is None:
                raise ValueError(f"an assessed channel needs 'value', a probability{counts}")
            if self.status == "bounded" and self.upper is None:
                raise ValueError(f"a bounded channel needs 'upper', a probability{counts}")
        for few, many in (("looked", "of"), ("defects", "looked")):
            first, second = getattr(self, few), getattr(self, many)
            if first is not None and second is not None and first > second:
                raise ValueError(f"'{few}' is more than '{many}'")
        given = [x for x in (self.lower, self.value, self.upper) if x is not None]
        if given != sorted(given):
            raise ValueError("lower <= value <= upper does not hold")
        return self


class ReleaseDecision(Settings):
    """What is done about something that leaves and that is no attribute."""

    decision: Literal["retain", "remove"]
    reason: Words = Field(description="why; it stands in the account")


class ReleaseSettings(Settings):
    """What the assessor says of what leaves beside the attributes."""

    decisions: dict[str, ReleaseDecision] = Field(
        default={}, description="name in the account, or a pattern with *, -> decision"
    )


class PrivateDecision(Settings):
    """What is done about private elements of one creator."""

    creator: str = Field(min_length=1, description="as in the files; * stands for any text")
    element: Annotated[str, BeforeValidator(_as_text)] | None = Field(
        default=None,
        pattern=r"^[0-9A-Fa-f]{2}$",
        description="two digits inside its block; absent: all of the creator",
    )
    decision: Literal["retain", "remove"]
    source: Words = Field(description="what says so, such as a conformance statement")


BASIC, FULL_DATES, MODIFIED_DATES, KEPT_UIDS = "113100", "113106", "113107", "113110"
OPTIONS = tuple(str(code) for code in range(113101, 113113))
"""Options of the profiles of PS3.15 Annex E, as codes of CID 7050."""


class ProfileSettings(Settings):
    """Confidentiality profile of PS3.15 that decides what nobody decided otherwise."""

    basic: bool = Field(description="113100, the Basic Application Confidentiality Profile")
    options: tuple[Annotated[str, BeforeValidator(_as_text)], ...] = Field(
        default=(), description="codes of CID 7050, such as 113106"
    )

    @model_validator(mode="after")
    def _consistent(self) -> ProfileSettings:
        unknown = [code for code in self.options if code not in OPTIONS]
        if unknown:
            raise ValueError(
                f"'{unknown[0]}' is no option of PS3.15; they are {OPTIONS[0]} to {OPTIONS[-1]}"
            )
        if self.options and not self.basic:
            raise ValueError("options are options of the basic profile: give basic: true")
        if {FULL_DATES, MODIFIED_DATES} <= set(self.options):
            raise ValueError(
                f"{FULL_DATES} keeps full dates and {MODIFIED_DATES} modifies them: give one"
            )
        return self


class Validity(Settings):
    """How long the assessment stands; a policy choice, not a published norm."""

    months: int = Field(default=24, ge=1, le=120)


class Tolerance(Settings):
    """How much may go unseen before the verdict is incomplete."""

    unread_files: int = Field(default=0, ge=0)
    orphan_subjects: int = Field(
        default=0, ge=0, description="subjects of a linked table that the leading source lacks"
    )


class SuggestSettings(Settings):
    """Limits of the search for a recoding."""

    max_suppression: Share = 0.02
    keep: tuple[str, ...] = ()
    cells: bool = Field(default=False, description="empty cells instead of leaving subjects out")
    utility: Literal[
        "distance",
        "loss",
        "entropy",
        "normalised-entropy",
        "aecs",
        "discernibility",
        "ambiguity",
        "precision",
        "height",
        "kl",
    ] = Field(default="distance", description="what the search loses least of")


class CriterionSettings(Settings):
    """A criterion on the sensitive values of each class, as threat models state it."""

    criterion: Literal["distinct", "entropy", "recursive", "t", "alpha", "beta", "delta"]
    value: float = Field(gt=0)


class Project(Settings):
    """`midi-risk.yaml`: the collection, the threat models and every decision."""

    schema_: Literal["midi-risk/project/1"] = Field(alias="schema")
    collection: CollectionSettings
    threat_models: tuple[str, ...] = Field(default=("public-release",), min_length=1)
    parameters: dict[str, dict[str, Any]] = Field(
        default={}, description="threat model -> what it requires, such as prevalence"
    )
    criteria: tuple[CriterionSettings, ...] = Field(
        default=(), description="what sensitive values may disclose, beside the threat models"
    )
    population: PopulationStatement | None = Field(
        default=None, description="how subjects came into the collection"
    )
    missing: Literal["category", "wildcard"] = "category"
    attributes: dict[str, AttributeSettings] = {}
    subject_key: SubjectKeySettings | None = Field(
        default=None, description="the key that links the rows of a subject"
    )
    release: ReleaseSettings = ReleaseSettings()
    private: tuple[PrivateDecision, ...] = ()
    profile: ProfileSettings | None = Field(
        default=None, description="PS3.15 profile and options that decide what nobody decided"
    )
    uids: Literal["keep", "rekey"] | None = Field(
        default=None, description="what apply writes: UIDs as they are, or keyed pseudonyms"
    )
    key_file: str | None = Field(
        default=None,
        min_length=1,
        description="secret key of the pseudonyms, mode 0600; midi-risk.key beside the project",
    )
    channels: dict[str, ChannelStatement] = {}
    scores: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), description="files that `score run -o` wrote, beside the project"
    )
    validity: Validity = Validity()
    tolerance: Tolerance = Tolerance()
    suggest: SuggestSettings = SuggestSettings()
    context: dict[str, Any] = Field(
        default={}, description="statements for the report: purpose, intended_users, sites..."
    )
    sign_off: dict[str, Any] = Field(
        default={}, description="who answers for it: assessor, role, organisation, date"
    )

    @property
    def rekeys_uids(self) -> bool:
        """Whether apply replaces UIDs: as stated, else as the profile says."""
        if self.uids is not None:
            return self.uids == "rekey"
        return self._is_basic and KEPT_UIDS not in (self.profile.options if self.profile else ())

    @property
    def rekeys_subjects(self) -> bool:
        """Whether apply replaces subject keys: as stated, else as the profile says.

        A key that somebody confirmed in writing to be a pseudonym stays.
        """
        key = self.subject_key
        if key is not None and key.write is not None:
            return key.write == "rekey"
        return self._is_basic and (key is None or key.confirmed is None)

    @property
    def _is_basic(self) -> bool:
        return self.profile is not None and self.profile.basic

    @model_validator(mode="after")
    def _one_word_on_uids(self) -> Project:
        keeps = self.profile is not None and KEPT_UIDS in self.profile.options
        if self.uids == "rekey" and keeps:
            raise ValueError(
                f"uids: rekey, and option {KEPT_UIDS} of the profile retains UIDs: drop one of them"
            )
        if self.uids == "keep" and self._is_basic and not keeps:
            raise ValueError(
                "uids: keep, and the basic profile replaces UIDs: add option"
                f" {KEPT_UIDS}, or drop 'uids'"
            )
        return self


def load_project(path: str | Path) -> Project:
    """Read and check a project file.

    Parameters
    ----------
    path : str or path-like
        The file, or the folder that holds ``midi-risk.yaml``.

    Raises
    ------
    ConfigError
        With every fault of the file at once.
    """
    file = Path(path)
    if file.is_dir():
        file = file / PROJECT_FILE
    return validated(Project, read_yaml(file, what="project file"), str(file))

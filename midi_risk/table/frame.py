"""A data frame in memory as a subject table, with the roles that its owner gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from midi_risk.attributes.ladders import DEFAULT_LADDER
from midi_risk.attributes.model import Attribute, AttributeSet, Kind, Role
from midi_risk.attributes.roles import propose
from midi_risk.errors import AttributeRoleError, did_you_mean, listed, quoted
from midi_risk.sources.frame import read_frame
from midi_risk.sources.model import Extraction, SourceKind
from midi_risk.sources.tables.read import ROW_KEY
from midi_risk.table.fold import fold
from midi_risk.table.model import SubjectTable

_FRAMES = ([SourceKind.SPREADSHEET.value], [SourceKind.METADATA.value])
NAMED, NOT_NAMED = "named by the caller", "not among the quasi-identifiers that the caller named"


def subject_table(
    data: Any,
    *,
    quasi: str | Sequence[str] | None = None,
    sensitive: str | Sequence[str] = (),
    insensitive: str | Sequence[str] = (),
    direct: str | Sequence[str] = (),
    key: str | None = None,
    missing: Literal["category", "wildcard"] = "category",
    name: str = "table",
) -> SubjectTable:
    """Return a data frame as a subject table: one row per subject.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation or mapping
        One record per row; several records of one subject are folded.
    quasi : str or sequence of str, optional
        The quasi-identifiers. Other columns that would be proposed as such are undecided then,
        which the verdict names. When it is not given, the roles proposed stand.
    sensitive, insensitive, direct : str or sequence of str
        Columns of these roles; of all others the proposal stands.
    key : str, optional
        Column that identifies the subject; ``"#row"`` makes every row a subject. When it is not
        given, see `midi_risk.sources.frame.read_frame`.
    missing : {"category", "wildcard"}
        How an absent quasi-identifier is treated by the measures.
    name : str
        What the table is called.

    Returns
    -------
    SubjectTable

    Raises
    ------
    AttributeRoleError
        When a column does not exist, has two roles, or is the key.
    SourceError
        When the data are no table, or have no row.
    LinkageError
        When the key column does not exist, or has no value.

    Examples
    --------
    >>> table = subject_table(
    ...     {"id": ["a", "b", "c"], "age": [30, 30, 41], "dx": ["x", "y", "y"]},
    ...     quasi="age", sensitive="dx", key="id",
    ... )
    >>> table.names(Role.QUASI_IDENTIFIER), table.frame["age"].tolist()
    (('age',), ['30', '30', '41'])
    """
    given = {
        Role.QUASI_IDENTIFIER: () if quasi is None else _names(quasi),
        Role.SENSITIVE: _names(sensitive),
        Role.INSENSITIVE: _names(insensitive),
        Role.DIRECT_IDENTIFIER: _names(direct),
    }
    named = frozenset(column for columns in given.values() for column in columns)
    extraction = read_frame(data, key=key, name=name, apart=named)
    attributes = _with_roles(propose(extraction), given, extraction.tables[0].key)
    if quasi is not None:
        attributes = _undecided(attributes, named)
    return fold(extraction, attributes, missing=missing)


def as_subjects(data: Any, roles: Mapping[str, Any]) -> SubjectTable:
    """Return a subject table as it is, and a data frame as one.

    Parameters
    ----------
    data : SubjectTable, or as of `subject_table`
    roles : mapping of str to object
        Arguments of `subject_table`; what is None was not given.

    Raises
    ------
    AttributeRoleError
        When roles are given beside a subject table, which has its own.
    """
    given = {name: value for name, value in roles.items() if value is not None}
    if not isinstance(data, SubjectTable):
        return subject_table(data, **given)
    if given:
        raise AttributeRoleError(
            f"a subject table has its roles and its key already: leave out {', '.join(given)}",
            hint="Give them to SubjectTable.from_frame, or change table.attributes",
        )
    return data


def extraction_like(data: Any, table: SubjectTable) -> Extraction:
    """Return a data frame read as the one that a subject table was made of.

    Parameters
    ----------
    data : as of `subject_table`
    table : SubjectTable
        Made by `subject_table`.

    Raises
    ------
    AttributeRoleError
        When the table was not made of one data frame, or a column is missing.
    """
    if [source["kind"] for source in table.sources] not in _FRAMES:
        raise AttributeRoleError(
            "the subject table was not made of one data frame",
            hint="Write the release of files with 'midi-risk apply'",
        )
    keys = [leaf.name for leaf in table.leaves if leaf.is_key]
    extraction = read_frame(data, key=keys[0] if keys else ROW_KEY, name=table.sources[0]["name"])
    _check_names((a.column for a in table.attributes), extraction.tables[0].rows.column_names)
    return extraction


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    names = tuple(listed("columns", given))
    for column in names:
        if not isinstance(column, str):
            raise AttributeRoleError(f"a column is {quoted(column)}, not a name")
    return names


def _check_names(asked: Any, known: Sequence[str]) -> None:
    for column in asked:
        if column not in known:
            raise AttributeRoleError(
                f"the table has no column {quoted(column)}", hint=did_you_mean(column, known)
            )


def _with_roles(
    proposed: AttributeSet, given: Mapping[Role, Sequence[str]], key: str
) -> AttributeSet:
    """Return the attributes with the roles that were given, one at most for each."""
    changed: dict[str, Attribute] = {}
    for role, columns in given.items():
        _check_names(columns, proposed.names)
        for column in columns:
            if column == key:
                raise AttributeRoleError(
                    f"column {quoted(column)} is the key of the subjects and has no other role",
                    hint="Name another column with key=, or '#row' when every row is a subject",
                )
            if column in changed and changed[column].role is not role:
                raise AttributeRoleError(
                    f"column {quoted(column)} has two roles: {changed[column].role.value} and"
                    f" {role.value}"
                )
            changed[column] = _as(proposed[column], role)
    return proposed.replaced(changed)


def _as(attribute: Attribute, role: Role) -> Attribute:
    """Return an attribute in another role, read in a way that this role has."""
    if attribute.role is role:
        return attribute
    kind, ladder = attribute.kind, attribute.ladder
    if role is Role.QUASI_IDENTIFIER and kind in {Kind.IDENTIFIER, Kind.TEXT}:
        kind, ladder = Kind.CATEGORY, DEFAULT_LADDER[Kind.CATEGORY]
    return attribute.revised(role=role, kind=kind, ladder=ladder, reason=NAMED)


def _undecided(attributes: AttributeSet, named: frozenset[str]) -> AttributeSet:
    """Leave undecided what would be proposed as a quasi-identifier and was not named."""
    return attributes.replaced(
        {
            a.name: a.revised(role=Role.UNDECIDED, reason=f"{NOT_NAMED}; proposed: {a.reason}")
            for a in attributes.of_role(Role.QUASI_IDENTIFIER)
            if a.name not in named
        }
    )

"""A search problem: the user's demands checked, the data as integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, get_args

from midi_risk.errors import MidiRiskError, SearchError, listed, share_of
from midi_risk.recode.class_loss import utility_model
from midi_risk.recode.criteria import CustomCriterion, KAnonymity
from midi_risk.recode.lattice.codes import as_table, encode_attributes, row_count
from midi_risk.recode.lattice.lattice import build_lattice
from midi_risk.recode.lattice.tables import DEFAULT_MEMORY, NodeTables
from midi_risk.recode.lattice.view import TagSpace, sensitive_column, tag_space
from midi_risk.recode.loss import UtilityInputs, attribute_weights
from midi_risk.recode.search.judge import Judge
from midi_risk.risk.classes.classes import MissingPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a search works on.

    Parameters
    ----------
    judge : Judge
        Lattice, class tables, criteria and utility model.
    limit : int
        Records that may be hidden.
    """

    judge: Judge
    limit: int


def suppression_share(max_suppression: float | str) -> float:
    """Return the share of records that may be hidden, given as 0.02 or as ``2%``.

    Raises
    ------
    SearchError
        When it lies outside [0, 1].
    """
    try:
        return share_of("max_suppression", max_suppression)
    except MidiRiskError as error:
        raise SearchError(
            error.message, hint="0.02, or '2%', hides at most 2 % of the records"
        ) from None


def hidden_limit(max_suppression: float | str, records: int) -> int:
    """Return how many records may be hidden: the share of the records, rounded down.

    Raises
    ------
    SearchError
        When the share lies outside [0, 1].
    """
    return floor(suppression_share(max_suppression) * records + 1e-9)


def all_criteria(k: int | None, criteria: Sequence[CustomCriterion]) -> tuple[CustomCriterion, ...]:
    """Return k-anonymity, when asked for, and the further criteria.

    Raises
    ------
    SearchError
        When there is none, or something is no criterion.
    """
    for criterion in criteria:
        if not isinstance(criterion, CustomCriterion):
            raise SearchError(
                "a criterion needs monotone, robust, sensitive, population and failing()",
                hint="See CustomCriterion",
            )
    both = (*((KAnonymity(k),) if k is not None else ()), *criteria)
    if not both:
        raise SearchError("nothing to search for", hint="Give k or a criterion")
    return both


def _tags(
    data: Any,
    records: int,
    names: Sequence[str],
    criteria: Sequence[CustomCriterion],
    population: Any,
) -> TagSpace:
    sensitive = list(dict.fromkeys(c.sensitive for c in criteria if c.sensitive is not None))
    for name in sensitive:
        if name in names:
            raise SearchError(
                f"'{name}' is both a quasi-identifier and sensitive",
                hint="Leave it out of the hierarchies or of the criteria",
            )
    columns = [sensitive_column(data, name) for name in sensitive]
    return tag_space(columns, records, 0 if population is None else row_count(population))


def _one_population(criteria: Sequence[CustomCriterion]) -> Any:
    tables = [c.population for c in criteria if c.population is not None]
    if any(table is not tables[0] for table in tables):
        raise SearchError("the criteria use different population tables", hint="Use one table")
    return tables[0] if tables else None


def prepare(
    data: Any,
    hierarchies: Mapping[str, Any],
    *,
    k: int | None = None,
    criteria: Sequence[CustomCriterion] = (),
    max_suppression: float | str = 0.0,
    utility: str = "entropy",
    weights: Mapping[str, float] | None = None,
    keep: Sequence[str] = (),
    levels: Mapping[str, tuple[int, int]] | None = None,
    coupled: Sequence[Sequence[str]] = (),
    gs_factor: float = 0.5,
    aggregate: str = "geometric",
    memory: int = DEFAULT_MEMORY,
    missing: MissingPolicy = "category",
) -> Problem:
    """Return a checked problem; parameters as in `midi_risk.recode.search.search.search`.

    Raises
    ------
    SearchError, HierarchyError
        Input that cannot be searched.
    """
    if missing not in get_args(MissingPolicy):
        raise SearchError(
            "the missing policy must be 'category', 'wildcard' or 'wildcard-cautious'"
        )
    rules = all_criteria(k, criteria)
    data = as_table(data)
    records = row_count(data)
    limit = hidden_limit(max_suppression, records)
    population = _one_population(rules)
    attributes = encode_attributes(
        data, hierarchies, further=() if population is None else (population,)
    )
    names = [attribute.name for attribute in attributes]
    tags = _tags(data, records, names, rules, population)
    lattice = build_lattice(
        attributes, keep=listed("attributes to keep", keep), levels=levels, coupled=coupled
    )
    inputs = UtilityInputs(
        lattice=lattice,
        records=records,
        weights=attribute_weights(names, weights),
        gs_factor=gs_factor,
        aggregate=aggregate,
    )
    model = utility_model(utility, inputs)
    tables = NodeTables(lattice, tags.tag, tags.size, memory)
    return Problem(judge=Judge(lattice, tables, tags, rules, model, missing), limit=limit)

"""Writing a CDISC folder back: every domain in its form, with the subjects that stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from midi_risk.errors import SourceError
from midi_risk.export.cdisc_files import DomainFile, read_domain, write_domain
from midi_risk.export.cdisc_qualifiers import recoded_qualifiers
from midi_risk.export.cdisc_tests import recoded_tests
from midi_risk.export.cdisc_values import number_for, text_for_variable
from midi_risk.export.dicom_files import Written
from midi_risk.export.folder_tables import FolderAccount, FolderSource
from midi_risk.export.rules import Action, Rule
from midi_risk.export.table_recode import RecodedTable, column_rules
from midi_risk.sources.listing import printable
from midi_risk.sources.tables_raw import shown
from midi_risk.sources.tables_values import text_of

_ENDINGS = {".xpt", ".json", ".ndjson"}
KEY = "USUBJID"
NOT_TRUE = "Define-XML: it describes what was collected, not what is released"
NOT_SUBJECTS = "not about subjects, or not linked to them: nobody assessed it"


def write_cdisc(source: FolderSource, target: Path) -> FolderAccount:
    """Write the domains of a CDISC folder, recoded, into a new folder.

    Parameters
    ----------
    source : FolderSource
        From `read_cdisc`.
    target : pathlib.Path
        Empty folder.

    Returns
    -------
    FolderAccount

    Notes
    -----
    USUBJID stays, so that domains stay linked. Numeric variables hold the number that stands
    for a band, dates are as precise as their level (ISO 8601, partial). A qualifier
    (SUPP--) follows the rule of its column; one that has to be removed loses its row.
    """
    account = FolderAccount(notes=_keys_that_tell(source))
    domains: dict[str, DomainFile] = {}
    for path in sorted(source.folder.iterdir()):
        reason = _not_read(path, domains)
        if reason:
            account.files.append(Written(source=printable(str(path)), reason=reason))
    for name, domain in domains.items():
        place = target / domain.path.name
        if name.startswith("SUPP"):
            parent = name.removeprefix("SUPP")
            table = _qualifiers(source, domains.get(parent), domain, place)
        else:
            table = _domain(source, domain, place)
        shown_path = printable(str(domain.path))
        if table is None:
            account.files.append(Written(source=shown_path, reason=NOT_SUBJECTS))
        else:
            account.tables.append(table)
            account.written |= _representatives(source, domain)
            account.files.append(Written(source=shown_path, target=place.name))
    return account


def _not_read(path: Path, domains: dict[str, DomainFile]) -> str:
    """Add a data set to the domains, or return why it is none."""
    if path.is_dir():
        return "a folder inside a CDISC folder, not read"
    if path.suffix.casefold() not in _ENDINGS:
        return NOT_TRUE if path.suffix.casefold() == ".xml" else "not a CDISC data set"
    try:
        domain = read_domain(path)
    except SourceError:
        return "not a readable data set"
    if domain.name in domains:
        return "its domain was read from another file"
    domains[domain.name] = domain
    return ""


def _domain(source: FolderSource, domain: DomainFile, place: Path) -> RecodedTable | None:
    table = source.tables.get(shown(domain.name))
    if table is None:
        return None
    recoded = source.recoded(shown(domain.name))
    test = f"{domain.name}TESTCD"
    if test in domain.cells and test not in table.rows.schema.names:
        kept, new = recoded_tests(source, domain, recoded)
        write_domain(domain, place, kept, new)
        return _account(source, domain, kept, recoded.name, recoded.coupled)
    rules, _ = column_rules(table, source.release)
    new = {}
    for name in domain.cells:
        rule = rules.get(name)
        if rule is not None and rule.changes and name in recoded.columns:
            new[name] = typed_values(domain, name, rule, list(recoded.columns[name]))
    write_domain(domain, place, recoded.kept, new)
    return recoded


def typed_values(
    domain: DomainFile, name: str, rule: Rule, labels: Sequence[str | None]
) -> list[Any]:
    """Return labels as legal values of a variable.

    Parameters
    ----------
    domain : DomainFile
    name : str
        The variable.
    rule : Rule
    labels : sequence of str or None
    """
    if rule.action is Action.REMOVE:
        return [None] * len(labels)
    if name in domain.numeric:
        form = domain.numeric[name] if domain.path.suffix.casefold() == ".xpt" else ""
        return [None if v is None else number_for(rule, v, form=form) for v in labels]
    whole = name in domain.whole_dates
    return [None if v is None else text_for_variable(rule, v, whole_date=whole) for v in labels]


def _representatives(
    source: FolderSource, domain: DomainFile
) -> dict[str, Callable[[str], str | None]]:
    """Return what stands for a label in the variables of a domain that are generalised."""
    table = source.tables.get(shown(domain.name))
    rules = column_rules(table, source.release)[0] if table is not None else {}

    def stands(name: str, rule: Rule) -> Callable[[str], str | None]:
        return lambda label: text_of(typed_values(domain, name, rule, [label])[0])

    return {
        rule.name: stands(name, rule)
        for name, rule in rules.items()
        if rule.action is Action.GENERALISE and name in domain.cells
    }


def _keys_that_tell(source: FolderSource) -> list[str]:
    """Say which changed variables stand inside the subject key, which is not changed."""
    said = []
    for table in source.tables.values():
        keys = table.rows.column(table.key).to_pylist()
        for name, rule in column_rules(table, source.release)[0].items():
            if not rule.changes or name not in table.rows.schema.names:
                continue
            pairs = zip(keys, table.rows.column(name).to_pylist(), strict=True)
            inside = [str(v) in str(key) for key, v in pairs if v is not None and len(str(v)) > 2]
            if inside and sum(inside) > 0.5 * len(inside):
                said.append(
                    f"{table.key} holds the values of {rule.name}, which is {rule.describe}:"
                    " give the subjects new keys first"
                )
    return list(dict.fromkeys(said))


def _qualifiers(
    source: FolderSource, parent: DomainFile | None, domain: DomainFile, place: Path
) -> RecodedTable | None:
    """Write the supplemental qualifiers of a domain, None when nobody read them."""
    if parent is None or shown(parent.name) not in source.tables:
        return None
    made = recoded_qualifiers(source, parent, domain)
    if made is None:
        return None
    kept, new = made
    write_domain(domain, place, kept, new)
    return _account(source, domain, kept, domain.name)


def _account(
    source: FolderSource,
    domain: DomainFile,
    kept: np.ndarray,
    name: str,
    coupled: tuple[str, ...] = (),
) -> RecodedTable:
    """Return the account of a data set in rows of its file."""
    known = [str(label) for label in source.subjects.labels]
    number_of = source.numbers()
    numbers = [number_of.get(str(key), -1) for key in domain.texts(KEY)]
    hidden = sum(n >= 0 and known[n] in source.release.suppressed for n in numbers)
    orphans = sum(n < 0 for n in numbers)
    removed = domain.rows - int(kept.sum()) - hidden - orphans
    said = (f"{name}: {removed} rows held only what is removed",) if removed else ()
    return RecodedTable(
        name=name,
        columns={variable: np.empty(int(kept.sum()), object) for variable in domain.cells},
        suppressed=hidden,
        orphans=orphans,
        kept=kept,
        unchanged=frozenset(),
        coupled=(*coupled, *said),
    )

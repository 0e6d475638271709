"""CDISC data sets: SAS transport or Dataset-JSON, supplemental qualifiers, Define-XML labels.

DM is the subject table and leads (ADSL where there is no DM). Supplemental qualifiers
(SUPP--) become columns of their parent domain (SDTMIG 8.4). A findings domain with one row
per subject and test becomes one row per subject; any other domain keeps its rows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from midi_risk.errors import SourceError
from midi_risk.sources.json_file import load_json
from midi_risk.sources.model import FileStatus, SourceKind, SourceTable
from midi_risk.sources.sdtm_define import define_labels
from midi_risk.sources.sdtm_json import dataset_json
from midi_risk.sources.sdtm_pivot import pivot_tests, with_supplement
from midi_risk.sources.tables import check_file
from midi_risk.sources.tables_raw import RawTable, counted, listed, shown
from midi_risk.sources.tables_stats import read_statistics

if TYPE_CHECKING:
    from midi_risk.sources.collected import Collected

KEY = "USUBJID"
_ENDINGS = {".xpt", ".json", ".ndjson"}
_NOT_SUBJECT = {"RELREC", "RELSUB", "RELSPEC"}


def read_cdisc(folder: Path, collected: Collected) -> None:
    """Read a folder of CDISC data sets.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``dm.xpt``, ``dm.json`` or an ADSL, and other domains beside it.
    collected : Collected
        Receives tables, files and findings.

    Raises
    ------
    SourceError
        When the subject table cannot be read or lacks USUBJID.
    """
    labels, define_notes = define_labels(folder)
    collected.findings += define_notes
    domains: dict[str, RawTable] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        _read_file(path, domains, collected)
    lead = next((name for name in ("DM", "ADSL") if name in domains), None)
    if lead is None or KEY not in domains[lead].rows.column_names:
        raise SourceError(
            f"{shown(folder)}: the subject table (DM or ADSL) has no {KEY}",
            hint="Give the tables one by one with --table FILE:KEY",
        )
    supplements = {n: t for n, t in domains.items() if n.startswith("SUPP")}
    for name, supplement in supplements.items():
        _join(name, supplement, domains, collected)
    kept: list[str] = []
    for name in [lead, *sorted(set(domains) - set(supplements) - {lead})]:
        _add(folder, name, domains[name], labels.get(name, {}), collected, kept)
    if kept:
        collected.findings.append(
            f"{shown(folder.name)}: {counted(len(kept), 'domain')} with several rows per subject, "
            f"all kept: {listed(kept, limit=30)}"
        )


def _read_file(path: Path, domains: dict[str, RawTable], collected: Collected) -> None:
    """Read one file of the folder; a fault in a domain is recorded, in DM it is raised."""
    lead = path.stem.upper() in {"DM", "ADSL"}
    if path.suffix.casefold() not in _ENDINGS:
        known = path.suffix.casefold() == ".xml"
        status = FileStatus.READ if known else FileStatus.NOT_DICOM
        collected.add_file(path, path.name, status, "" if known else "not a CDISC data set")
        return
    try:
        check_file(path)
        if path.suffix.casefold() == ".xpt":
            name, raw = path.stem.upper(), read_statistics(path)
        else:
            name, raw = dataset_json(load_json(path), path)
    except SourceError as error:
        if lead:
            raise
        collected.add_file(path, path.name, FileStatus.UNREADABLE, "not a readable data set")
        collected.findings.append(f"not read: {error.message}")
        return
    collected.add_file(path, path.name)
    collected.findings += raw.findings
    if name in domains:
        collected.findings.append(
            f"{shown(path.name)}: domain {shown(name)} read from another file"
        )
        return
    domains[name] = raw


def _join(
    name: str, supplement: RawTable, domains: dict[str, RawTable], collected: Collected
) -> None:
    parent = name.removeprefix("SUPP")
    if parent not in domains:
        collected.findings.append(f"{shown(name)}: its parent domain is not there, not read")
        return
    joined = with_supplement(domains[parent], supplement)
    domains[parent] = joined
    collected.findings += [f"{shown(name)}: {text}" for text in joined.findings]
    domains[parent] = replace(joined, findings=())


def _add(
    folder: Path,
    name: str,
    raw: RawTable,
    labels: dict[str, str],
    collected: Collected,
    kept: list[str],
) -> None:
    if KEY not in raw.rows.column_names or name in _NOT_SUBJECT:
        collected.findings.append(f"{shown(name)}: not about subjects, left out")
        return
    rows, notes = pivot_tests(raw.rows, name)
    collected.findings += notes
    subjects = rows.select([KEY]).group_by([KEY]).aggregate([]).num_rows
    if subjects < rows.num_rows:
        kept.append(name)
    named = {**raw.labels, **{k: v for k, v in labels.items() if v}}
    collected.add_table(
        SourceTable(
            name=shown(name),
            kind=SourceKind.SDTM,
            level="patient",
            key=KEY,
            rows=_without_empty(rows, name, collected),
            labels={k: v for k, v in named.items() if k in rows.column_names},
        ),
        folder / name,
    )


def _without_empty(rows: pa.Table, name: str, collected: Collected) -> pa.Table:
    """Drop columns without a single value, and say so."""
    empty = [n for n in rows.column_names if rows.column(n).null_count == rows.num_rows]
    if empty and rows.num_rows:
        collected.findings.append(
            f"{shown(name)}: {counted(len(empty), 'column')} without any value: {listed(empty)}"
        )
        rows = rows.drop_columns(empty)
    return rows

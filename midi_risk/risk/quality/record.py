"""Readings against the plan, and what they say of all units."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from midi_risk.document.reliability import (
    QcReaders,
    QcResidual,
    QcSensitivity,
    QcStratum,
    QcUnits,
    QualityControl,
)
from midi_risk.document.sampling import (
    ReadStratum,
    bound_over_strata,
    defect_bound,
    least_rate,
    two_readers,
)
from midi_risk.errors import ConfigError, reason_of
from midi_risk.risk.quality.plan import COLUMNS, GIVEN, VERSION, digest_of_plan, given_of
from midi_risk.risk.quality.units import Population, is_same

RECORD_FILE = "record.json"
RESULTS = ("clean", "identifier", "unsure")
_LONGEST = 50_000_000
_LEAST_SENSITIVITY = 1e-6
"""Canaries of which none was found leave nothing that a bound could rest on."""

Reading = dict[str, str]


def read_sheet(path: Path, plan: Mapping[str, Any], today: date) -> dict[str, list[Reading]]:
    """Return the readings of each unit, or every fault of the sheet at once.

    Parameters
    ----------
    path : pathlib.Path
        `qc.csv`, filled.
    plan : mapping
        As the store keeps it.
    today : datetime.date

    Raises
    ------
    ConfigError
        One line for each unit that is missing, foreign, changed or not read. Units are named,
        cells never are.
    """
    rows = _rows(path)
    known = {unit["unit"]: unit for unit in plan["units"]}
    blind = any(unit["canary"] for unit in plan["units"])
    readings: dict[str, list[Reading]] = {}
    faults: list[str] = []
    for line, row in enumerate(rows, 2):
        unit = known.get(row["unit"].strip())
        if unit is None:
            faults.append(f"line {line}: this unit is not of the plan")
            continue
        own = given_of(unit, blind=blind)
        changed = [name for name in GIVEN if row[name].strip() != own[name].strip()]
        if changed:
            faults.append(f"unit {own['unit']}: {', '.join(changed)} changed since the plan")
        if lacks := _unread(row, plan, today):
            faults.append(f"unit {own['unit']}: {', '.join(lacks)}")
        readings.setdefault(own["unit"], []).append(row)
    for name in known:
        faults += _number_of_readings(name, readings.get(name, []), plan["readers"])
    if faults:
        raise ConfigError(str(path), faults)
    return readings


def _rows(path: Path) -> list[Reading]:
    """Return the rows of a sheet; commas or semicolons, as spreadsheets save it."""
    try:
        if path.stat().st_size > _LONGEST:
            raise ConfigError(str(path), ["too large for a sheet of quality control"])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {reason_of(error)}"]) from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), ["not UTF-8 text; save it as CSV in UTF-8"]) from None
    lines = text.splitlines()
    head = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=";" if head.count(";") > head.count(",") else ",")
    try:
        lacking = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if lacking:
            raise ConfigError(str(path), [f"column {name} is missing" for name in lacking])
        return [{name: row.get(name) or "" for name in COLUMNS} for row in reader]
    except csv.Error:
        raise ConfigError(str(path), ["not CSV"]) from None


def _unread(row: Reading, plan: Mapping[str, Any], today: date) -> list[str]:
    """Return what a reading lacks."""
    faults = []
    if not any(map(str.isalnum, row["reader"])):
        faults.append("no reader")
    try:
        day = date.fromisoformat(row["date"].strip())
    except ValueError:
        faults.append("date is no day such as 2026-11-02")
    else:
        if day > today:
            faults.append("date is still to come")
        elif day < date.fromisoformat(plan["planned"]):
            faults.append("date is before the plan")
    result = row["result"].strip().lower()
    if not result:
        faults.append("no result")
    elif result not in RESULTS:
        faults.append(f"result is none of {', '.join(RESULTS)}")
    return faults


def _number_of_readings(unit: str, rows: Sequence[Reading], needed: int) -> list[str]:
    """Return whether a unit was read by as many readers as were planned."""
    if not rows:
        return [f"unit {unit}: missing"]
    readers = {_reader(row) for row in rows}
    if len(readers) < len(rows):
        return [f"unit {unit}: stands twice for one reader"]
    if len(rows) != needed:
        return [f"unit {unit}: read {len(rows)} times, planned {needed}"]
    return []


def _reader(row: Reading) -> str:
    return row["reader"].strip().casefold()


def _result(row: Reading) -> str:
    return row["result"].strip().lower()


def changed_units(plan: Mapping[str, Any], population: Population) -> list[str]:
    """Return the units of which a file or a row is no longer what was planned.

    All of them where the subjects are others: the sample is then of another collection.
    """
    if population.digest != plan["population"]:
        return [unit["unit"] for unit in plan["units"]]
    same: dict[str, bool] = {}
    for unit in plan["units"]:
        subject = unit["subject"]
        if subject not in same:
            person = population.people.get(subject)
            there = {listed.shown: listed for listed in person.files} if person else {}
            same[subject] = (
                person is not None
                and person.rows == unit["rows"]
                and len(there) == len(unit["files"])
                and all(is_same(state, there.get(state["path"])) for state in unit["files"])
            )
    return [unit["unit"] for unit in plan["units"] if not same[unit["subject"]]]


def judge(
    plan: Mapping[str, Any],
    readings: Mapping[str, Sequence[Reading]],
    before: QcResidual | None = None,
) -> QualityControl:
    """Return what the readings say.

    Parameters
    ----------
    plan : mapping
    readings : mapping of str to sequence of mapping
        Unit -> what each reader said; an identifier that one of them saw is one.
    before : QcResidual, optional
        Of the first sample, where this one is read after correction.

    Notes
    -----
    Who is unsure counts as having found something. Where hidden canaries measured the readers
    their lower bound takes the place of the stated sensitivity, and half of the error is spent on
    it, so that both hold together with the confidence of the plan.
    """
    units = {unit["unit"]: unit for unit in plan["units"]}
    said = {name: [_result(row) for row in rows] for name, rows in readings.items()}
    sensitivity, level = _sensitivity(plan, units, said)
    seen = sensitivity.value
    strata: list[QcStratum] = []
    read: list[ReadStratum] = []
    for part in plan["strata"]:
        own = [
            results for name, results in said.items()
            if not units[name]["canary"]
            and (units[name]["channel"], units[name]["stratum"])
            == (part["channel"], part["stratum"])
        ]  # fmt: skip
        defects = sum("identifier" in results for results in own)
        unsure = sum("unsure" in r and "identifier" not in r for r in own)
        bound = defect_bound(len(own), part["total"], defects + unsure, seen, confidence=level)
        strata.append(
            QcStratum(channel=part["channel"], stratum=part["stratum"], total=part["total"],
                      inspected=len(own), defects=defects, unsure=unsure,
                      upper=1.0 if bound is None else bound)
        )  # fmt: skip
        read.append(
            ReadStratum(looked=len(own), of=part["total"], defects=defects + unsure,
                        sensitivity=seen)
        )  # fmt: skip
    total = {name: sum(getattr(s, name) for s in strata) for name in
             ("total", "inspected", "defects", "unsure")}  # fmt: skip
    upper = bound_over_strata(read, plan["subjects"], confidence=level)
    residual = QcResidual(
        inspected=total["inspected"], defects=total["defects"],
        share=total["defects"] / total["inspected"] if total["inspected"] else 0.0, upper=upper,
    )  # fmt: skip
    return QualityControl(
        planned=plan["planned"],
        recorded=max(row["date"].strip() for rows in readings.values() for row in rows),
        plan=digest_of_plan(plan),
        digest=_digest(plan),
        share=plan["share"],
        confidence=plan["confidence"],
        subjects=plan["subjects"],
        readers=len({_reader(row) for rows in readings.values() for row in rows}),
        sensitivity=sensitivity,
        units=QcUnits(**total),
        strata=strata,
        upper=upper,
        second_reader=_second(plan, units, readings),
        before=before or residual,
        after=residual if before is not None else None,
    )


def _sensitivity(
    plan: Mapping[str, Any], units: Mapping[str, Any], said: Mapping[str, Sequence[str]]
) -> tuple[QcSensitivity, float]:
    """Return the sensitivity of the readers, and the confidence left for the bounds."""
    hidden = [results for name, results in said.items() if units[name]["canary"]]
    stated, confidence = plan["sensitivity"], plan["confidence"]
    if not hidden:
        return QcSensitivity(value=stated, how="stated"), confidence
    level = 1 - (1 - confidence) / 2
    found = sum("identifier" in results for results in hidden)
    lower = least_rate(found, len(hidden), confidence=level)
    value = max(lower, _LEAST_SENSITIVITY)
    return (
        QcSensitivity(value=value, how="canaries", n=len(hidden), found=found, lower=lower),
        level,
    )


def _second(
    plan: Mapping[str, Any], units: Mapping[str, Any], readings: Mapping[str, Sequence[Reading]]
) -> QcReaders | None:
    """Return what two readers of every unit let estimate; None where they are not two."""
    names = sorted({_reader(row) for rows in readings.values() for row in rows})
    if plan["readers"] != 2 or len(names) != 2:
        return None
    found: list[set[str]] = [set(), set()]
    for unit, rows in readings.items():
        for row in rows:
            if _result(row) == "identifier" and not units[unit]["canary"]:
                found[names.index(_reader(row))].add(unit)
    first, second, both = len(found[0]), len(found[1]), len(found[0] & found[1])
    return QcReaders(
        first=first, second=second, both=both, estimate=two_readers(first, second, both)
    )


def _digest(plan: Mapping[str, Any]) -> str:
    """Return one digest over the digests of what was looked at."""
    made = hashlib.sha256()
    for unit in plan["units"]:
        for state in unit["files"]:
            made.update(state["sha256"].encode())
        made.update(unit["rows"].encode())
    return made.hexdigest()


def record(plan: Mapping[str, Any], qc: QualityControl) -> str:
    """Return the record as text: what was said, and the plan that it is held against."""
    held = {"version": VERSION, "qc": qc.model_dump(mode="json"), "plan": plan}
    return json.dumps(held, indent=1, sort_keys=True) + "\n"


def earlier(folder: Path, plan: Mapping[str, Any]) -> QcResidual | None:
    """Return what an earlier sample found; None where there is none or nothing was to correct."""
    held = _held(folder)
    if held is None:
        return None
    qc, old = held
    if digest_of_plan(old) == digest_of_plan(plan):
        return qc.before if qc.after is not None else None
    return qc.before if qc.before is not None and qc.before.defects else None


def _held(folder: Path) -> tuple[QualityControl, dict[str, Any]] | None:
    path = folder / RECORD_FILE
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["version"] != VERSION:
            raise ValueError  # noqa: TRY301 - one way out for every file that is none
        return QualityControl.model_validate(held["qc"]), held["plan"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        raise ConfigError(
            str(path), ["not a record of this version; run qc record again"]
        ) from None


def read_record(folder: Path, population: Callable[[], Population]) -> QualityControl | None:
    """Return the recorded quality control, held against the files and rows as they are.

    Parameters
    ----------
    folder : pathlib.Path
        Of the store.
    population : callable
        Returns the subjects as they are; asked only where there is a record.

    Raises
    ------
    ConfigError
        When the record is none.
    """
    held = _held(folder)
    if held is None:
        return None
    qc, plan = held
    canaries = {unit["unit"] for unit in plan["units"] if unit["canary"]}
    changed = len(set(changed_units(plan, population())) - canaries)
    units = qc.units.model_copy(update={"changed": changed})
    return qc.model_copy(update={"units": units})

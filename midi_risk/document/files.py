"""The machine formats: `assessment.json`, `plan.json` and their JSON schemas.

A file is written for its owner only, whole or not at all. One that somebody edited is refused
where its verdict contradicts its own figures.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from midi_risk.document.assessment import ASSESSMENT_SCHEMA, Assessment, Plan
from midi_risk.document.clean import neutral, shortened
from midi_risk.document.conditions import CONDITIONS, Evidence, shown
from midi_risk.document.plan import PLAN_SCHEMA
from midi_risk.document.recipients import differing
from midi_risk.errors import ConfigError, OutputError, SourceError, did_you_mean


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_private(path: str | Path, content: str | bytes) -> Path:
    """Write a file under a temporary name, then rename.

    Parameters
    ----------
    path : path
        Where it is to be.
    content : str or bytes
        Text is written as UTF-8.

    Returns
    -------
    pathlib.Path
        The path, mode 0600.

    Raises
    ------
    OutputError
        When it cannot be written; what was there stays.
    """
    target = Path(path)
    write_all_private({target: content})
    return target


def write_all_private(contents: Mapping[Path, str | bytes]) -> None:
    """Write files that belong together, all prepared before any takes its place.

    Parameters
    ----------
    contents : mapping of pathlib.Path to str or bytes
        Text (as UTF-8) or bytes by file, in the order in which they take their places; each has
        mode 0600.

    Raises
    ------
    OutputError
        When one cannot be prepared; then all that was there stays.
    """
    prepared: dict[Path, Path] = {}
    target = None
    try:
        for target, content in contents.items():
            if target.is_dir():
                raise OutputError(f"{target} is a folder", hint="Give the name of a file")
            handle, name = tempfile.mkstemp(prefix=".midi-risk-", dir=target.parent)
            prepared[target] = Path(name)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content if isinstance(content, bytes) else content.encode())
                stream.flush()
                os.fsync(stream.fileno())
        for target in contents:
            prepared[target].replace(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        for name_left in prepared.values():
            with contextlib.suppress(OSError):
                name_left.unlink(missing_ok=True)


def contradictions(assessment: Assessment) -> list[str]:
    """Return each place where the document contradicts itself; empty when it does not.

    Parameters
    ----------
    assessment : Assessment

    Returns
    -------
    list of str
        Place and fault, without values of subjects.
    """
    faults = []
    for i, threat in enumerate(assessment.threats):
        for j, result in enumerate(threat.results):
            place = f"threats[{i}].results[{j}]"
            faults += [
                f"{place}.{name}: is not between 0 and 1"
                for name in ("value", "lower", "upper")
                if not 0 <= getattr(result, name) <= 1
            ]
            if result.lower > result.upper:
                faults.append(f"{place}: the interval is upside down")
    return faults + _against_its_verdict(assessment)


def _against_its_verdict(assessment: Assessment) -> list[str]:
    """Return where the reasons of the verdict are not those that the other parts show."""
    faults = []
    evidence = Evidence.of(assessment)
    stated = [(r.code, r.names, r.counts) for r in assessment.verdict.reasons]
    for code in CONDITIONS:
        found = [(r.code, r.names, r.counts) for r in shown(evidence, code)]
        faults += [
            f"verdict.status: is {assessment.verdict.status}, but no reason says that"
            f" {shortened(neutral(reason.text), 200)}"
            for reason in shown(evidence, code)
            if (reason.code, reason.names, reason.counts) not in stated
        ]
        faults += [
            f"verdict.reasons[{i}]: '{code}' is not what the other parts show"
            for i, entry in enumerate(stated)
            if entry[0] == code and entry not in found
        ]
    if differing(evidence, assessment.verdict.reasons, assessment.verdict.recipients):
        faults.append("verdict.recipients: are not what the other parts show")
    return faults


SIZE_LIMIT = 64 * 1024 * 1024
_MODELS: dict[str, type[BaseModel]] = {"assessment": Assessment, "plan": Plan}
_Document = TypeVar("_Document", bound=BaseModel)


def load_assessment(path: str | Path) -> Assessment:
    """Read and check an `assessment.json`.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    Assessment

    Raises
    ------
    SourceError
        When there is no such file or it cannot be read.
    ConfigError
        When it is too large, not JSON, of another schema, or has faults: all of them at
        once, each with its place.
    """
    document = _checked(Path(path), Assessment, ASSESSMENT_SCHEMA)
    if faults := contradictions(document):
        raise ConfigError(str(path), faults, hint="Make it again with 'midi-risk assess'")
    return document


def load_plan(path: str | Path) -> Plan:
    """Read and check a `plan.json`; errors as in `load_assessment`."""
    return _checked(Path(path), Plan, PLAN_SCHEMA)


def write_assessment(assessment: Assessment, path: str | Path) -> Path:
    """Write an `assessment.json`, readable by its owner only.

    Parameters
    ----------
    assessment : Assessment
    path : path
        Replaced at once, or left as it was.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    return write_private(path, _json(assessment))


def write_plan(plan: Plan, path: str | Path) -> Path:
    """Write a `plan.json`; see `write_assessment`."""
    return write_private(path, plan_text(plan))


def plan_text(plan: Plan) -> str:
    """Return what a `plan.json` holds."""
    return _json(plan)


def schema_text(name: str) -> str:
    """Return a JSON schema as text, generated from the models.

    Parameters
    ----------
    name : {"assessment", "plan"}

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        When there is no such schema.

    Examples
    --------
    >>> json.loads(schema_text("plan"))["$id"]
    'midi-risk/plan/2'
    """
    if name not in _MODELS:
        raise ConfigError("schema", [f"no schema '{name}'"], hint=did_you_mean(name, _MODELS))
    model = _MODELS[name]
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": {"assessment": ASSESSMENT_SCHEMA, "plan": PLAN_SCHEMA}[name],
        **model.model_json_schema(by_alias=True, mode="validation"),
    }
    return json.dumps(schema, indent=2, sort_keys=False) + "\n"


def _json(document: Assessment | Plan) -> str:
    return json.dumps(document.to_dict(), indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _checked(path: Path, model: type[_Document], schema: str) -> _Document:
    """Read one document, or say all that is wrong with it, without its values."""
    content = _parsed(path)
    if not isinstance(content, dict):
        raise ConfigError(str(path), [f"is not a document of schema {schema}"])
    _same_schema(path, content.get("schema"), schema)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [
            f"{_place(fault['loc'])}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
    raise ConfigError(str(path), faults, hint="Make it again with 'midi-risk assess'")


def _parsed(path: Path) -> Any:
    """Read a file as strict JSON."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            limit = SIZE_LIMIT // 1024 // 1024
            raise ConfigError(str(path), [f"is larger than {limit} MB"])
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ConfigError(str(path), ["is not UTF-8 text"]) from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(str(path), [f"is not JSON: {error.msg} at {place}"]) from None
    except _NotANumberError:
        raise ConfigError(str(path), ["holds NaN or Infinity, which JSON does not have"]) from None
    except RecursionError:
        raise ConfigError(str(path), ["is nested too deeply"]) from None


class _NotANumberError(ValueError):
    """JSON with NaN or Infinity."""


def _no_constant(_: str) -> float:
    raise _NotANumberError


def _same_schema(path: Path, found: object, wanted: str) -> None:
    """Say which way the schema differs."""
    if found == wanted:
        return
    family, _, version = wanted.rpartition("/")
    text = shortened(neutral(found), 60) if isinstance(found, str) else ""
    head, _, number = text.rpartition("/")
    if not text:
        fault = f"schema: is missing, '{wanted}' expected"
    elif head != family or not number.isdigit():
        fault = f"schema: is '{text}', '{wanted}' expected"
    elif int(number) > int(version):
        fault = f"schema: '{text}' was written by a newer midi-risk; this one reads '{wanted}'"
    else:
        fault = f"schema: '{text}' was written by an older midi-risk; assess the collection again"
    raise ConfigError(str(path), [fault])


def _place(loc: tuple[int | str, ...]) -> str:
    """Return the place of a fault, such as ``attributes[0].role``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{shortened(neutral(part), 60)}"
    return text.lstrip(".") or "document"

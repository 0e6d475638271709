"""Mutations of a JSON document that leave it a JSON document."""

from __future__ import annotations

import json
import random
from typing import Any

_ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, float("nan"), 10**400, "", "\0", "\u2028", "\ud800", "x" * 300, [],
    {}, [[]], [None], {"": ""}, {"vr": "SQ"}, {"vr": 1, "Value": {}}, {"Value": [{}]},
    {"Alphabetic": None}, {"Alphabetic": ["x"]}, {"Alphabetic": {"a": 1}}, {"BulkDataURI": 1},
    {"InlineBinary": "AA=="}, {"Name": "PatientID", "Type": "String", "Value": "1"},
    {"Study": {}}, {"Study": {"Series": []}}, {"DICOM": "x"},
)  # fmt: skip
_KEYS = (
    "00100020", "0010,0020", "00100010", "00090010", "00080000", "0040A730", "ZZZZZZZZ", "vr",
    "Value", "Alphabetic", "PatientID", "PatientMainDicomTags", "MainDicomTags", "RequestedTags",
    "Study", "Series", "Instances", "Patient", "DICOM", "", "a.b", "\n", "\x1b[31m",
)  # fmt: skip


def _nested(value: Any, depth: int) -> Any:
    for turn in range(depth):
        value = [value] if turn % 2 else {"0040A730": {"vr": "SQ", "Value": value}}
    return value


def _holders(document: Any, limit: int = 500) -> list[Any]:
    waiting, found = [document], []
    while waiting and len(found) < limit:
        item = waiting.pop()
        if isinstance(item, (dict, list)):
            found.append(item)
            waiting.extend(item.values() if isinstance(item, dict) else item)
    return found


def _edit(chance: random.Random, document: Any) -> Any:
    holders = _holders(document)
    odd = json.loads(json.dumps(chance.choice(_ODD)))
    if not holders or chance.random() < 0.02:
        return odd
    holder = chance.choice(holders)
    if chance.random() < 0.1:
        odd = _nested(odd, chance.choice((1, 3, 20, 200)))
    if chance.random() < 0.2:
        odd = json.loads(json.dumps(chance.choice(holders)))
    if isinstance(holder, dict):
        key = chance.choice((*_KEYS, *holder)) if holder else chance.choice(_KEYS)
        if chance.random() < 0.2:
            holder.pop(key, None)
        else:
            holder[key] = odd
    elif holder and chance.random() < 0.6:
        holder[chance.randrange(len(holder))] = odd
    else:
        holder.append(odd)
    return document


def mutated_json(data: bytes, most: int, seed: int) -> bytes | None:
    """Return another document, None when the bytes are none or it grew too long."""
    chance = random.Random(seed)  # noqa: S311 - mutations, no secret
    try:
        document = json.loads(data)
        for _ in range(chance.choice((1, 1, 2, 4))):
            document = _edit(chance, document)
        if isinstance(document, list) and chance.random() < 0.1:
            text = "\n".join(json.dumps(item) for item in document)
        else:
            text = json.dumps(document)
    except (ValueError, RecursionError):
        return None
    content = text.encode()
    return content if len(content) <= most else None

"""Copies of objects with identifiers planted in them, and the key that says which.

Each place that an identifier can hide in is a rule of the table below; what the profile with the
claimed options asks for each is written into the key, so that what stays by design is no failure.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from midi_risk.attributes.profile import Profile
from midi_risk.attributes.standard import catalogue
from midi_risk.export.dicom.one_copy import quiet
from midi_risk.export.dicom.rules import element_type
from midi_risk.export.score.letters import HEIGHT, mask_of
from midi_risk.export.score.tokens import Tokens

CREATOR = "MIDI-RISK CANARY"
_GROUP = 0x0099
NATIVE = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian})
_BITS = (8, 16)
_LEAST_SIDE = 64
SCALES, CONTRASTS = (1, 2, 3, 4), (0.2, 0.4, 0.8)
"""Sizes of a dot in pixels, and contrasts as shares of the range of the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One place for one kind of identifier.

    Parameters
    ----------
    kind : str
        name, number, date, institution, address, phone or uid.
    place : str
        tag, text, nested, rare, private, private_nested.
    path : tuple of str
        Keywords from the top of the object; of a private element its number.
    words : str
        What stands around it, with ``{}`` for the token.
    """

    kind: str
    place: str
    path: tuple[str, ...]
    words: str = "{}"

    @property
    def name(self) -> str:
        """The rule in one word."""
        return "/".join(self.path)


RULES = (
    Rule(kind="name", place="tag", path=("PatientName",), words="{}^Anna"),
    Rule(kind="name", place="tag", path=("ReferringPhysicianName",), words="{}^Paul"),
    Rule(kind="name", place="tag", path=("PerformingPhysicianName",), words="{}^Ines"),
    Rule(kind="name", place="tag", path=("OperatorsName",), words="{}^Tom"),
    Rule(kind="number", place="tag", path=("PatientID",)),
    Rule(kind="number", place="tag", path=("AccessionNumber",)),
    Rule(kind="number", place="tag", path=("StudyID",)),
    Rule(kind="date", place="tag", path=("PatientBirthDate",)),
    Rule(kind="date", place="tag", path=("StudyDate",)),
    Rule(kind="date", place="tag", path=("AcquisitionDate",)),
    Rule(kind="institution", place="tag", path=("InstitutionName",), words="{} Hospital"),
    Rule(kind="institution", place="tag", path=("InstitutionalDepartmentName",)),
    Rule(kind="institution", place="tag", path=("StationName",)),
    Rule(kind="address", place="tag", path=("PatientAddress",), words="4 {} Road"),
    Rule(kind="address", place="tag", path=("InstitutionAddress",), words="9 {} Street"),
    Rule(kind="phone", place="tag", path=("PatientTelephoneNumbers",)),
    Rule(kind="uid", place="tag", path=("SOPInstanceUID",)),
    Rule(kind="name", place="text", path=("StudyDescription",), words="CHEST {} ROUTINE"),
    Rule(kind="name", place="text", path=("SeriesDescription",), words="AX {} 5MM"),
    Rule(kind="name", place="text", path=("ImageComments",), words="seen with Dr. {} today"),
    Rule(kind="number", place="text", path=("ProtocolName",), words="HEAD {} FAST"),
    Rule(kind="date", place="text", path=("PatientComments",), words="prior scan on {}"),
    Rule(kind="phone", place="text", path=("RequestedProcedureDescription",), words="call {} CT"),
    Rule(kind="name", place="nested",
         path=("RequestAttributesSequence", "ScheduledProcedureStepDescription"), words="for {}"),
    Rule(kind="name", place="nested", path=("AnatomicRegionSequence", "OperatorsName")),
    Rule(kind="institution", place="nested",
         path=("ContributingEquipmentSequence", "InstitutionName")),
    Rule(kind="number", place="nested", path=("SourceImageSequence", "PatientID")),
    Rule(kind="date", place="nested",
         path=("RadiopharmaceuticalInformationSequence", "RadiopharmaceuticalStartDateTime"),
         words="{}101500"),
    Rule(kind="name", place="rare", path=("NamesOfIntendedRecipientsOfResults",), words="{}^Eva"),
    Rule(kind="name", place="rare", path=("PatientBirthName",)),
    Rule(kind="number", place="rare", path=("InsurancePlanIdentification",)),
    Rule(kind="phone", place="rare", path=("OrderCallbackPhoneNumber",)),
    Rule(kind="institution", place="rare", path=("BranchOfService",)),
    Rule(kind="date", place="rare", path=("DateOfLastCalibration",)),
    Rule(kind="name", place="private", path=("private 01",)),
    Rule(kind="number", place="private", path=("private 02",)),
    Rule(kind="name", place="private_nested", path=("private 03", "PatientName")),
    Rule(kind="number", place="private_nested", path=("private 03", "AccessionNumber")),
)  # fmt: skip
"""Where tags, texts, items and private elements are planted."""
KINDS_BY_CHANNEL = {"free_text": "text", "private_elements": "private",
                    "embedded_metadata": "preamble", "burned_in": "pixels"}  # fmt: skip
"""Channel that people read -> place in which a canary for it hides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A copy with its line of the key."""

    content: bytes
    line: dict[str, Any]


def required(rule: Rule, options: Sequence[str]) -> str:
    """Return what the profile with these options asks: ``remove`` or ``keep``.

    Private elements and everything that is not listed by Table E.3.10-1 go under any option.
    """
    if rule.place.startswith("private"):
        return "remove"
    profile = Profile(frozenset(options))
    actions = [profile.action(keyword) for keyword in rule.path]
    return "keep" if all(action in {"K", ""} for action in actions) else "remove"


def plant(
    content: bytes,
    tokens: Tokens,
    *,
    number: int,
    options: Sequence[str] = (),
    places: Callable[[str], bool] = lambda _: True,
) -> Planted | None:
    """Return a copy of an object with canaries in the chosen places.

    Parameters
    ----------
    content : bytes
        The object.
    tokens : Tokens
    number : int
        Of the file; decides size and contrast of the text in its pixels.
    options : sequence of str
        Codes of the options that the process claims.
    places : callable
        Tells which places are used.

    Returns
    -------
    Planted or None
        None where the object cannot be read and written.
    """
    with quiet():
        try:
            data_set = pydicom.dcmread(io.BytesIO(content), force=True)
            if "SOPClassUID" not in data_set:
                return None
            planted, canaries, pixels = _planted(data_set, tokens, number, options, places)
        except Exception:  # noqa: BLE001 - pydicom raises anything on what is not understood
            return None
        line = {
            "sop_class": str(data_set.SOPClassUID),
            "sop_instance": str(data_set.SOPInstanceUID),
            "study": str(data_set.get("StudyInstanceUID", "")),
            "fingerprint": fingerprint(data_set),
            "canaries": canaries + pixels,
            "keep": _kept(data_set, {c["rule"].partition("/")[0] for c in canaries}),
            "types": _types(data_set),
        }
    return Planted(content=planted, line=line)


def _planted(
    data_set: Dataset,
    tokens: Tokens,
    number: int,
    options: Sequence[str],
    places: Callable[[str], bool],
) -> tuple[bytes, list[dict[str, Any]], list[dict[str, Any]]]:
    """Plant, write, and return the bytes, canaries in elements, and those in pixels."""
    meta = getattr(data_set, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        data_set.file_meta = meta = meta or FileMetaDataset()
        little = data_set.original_encoding[1] is not False
        syntax = ImplicitVRLittleEndian if little else ExplicitVRBigEndian
        meta.TransferSyntaxUID = syntax
    canaries = []
    for rule in RULES:
        if places(rule.place):
            token = tokens.new(rule.kind)
            _put(data_set, rule.path, rule.words.format(token))
            canaries.append(_canary(rule.kind, rule.place, rule.name, token)
                            | {"required": required(rule, options)})  # fmt: skip
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    pixels = []
    if places("pixels") and (burned := _burn(data_set, tokens, number)) is not None:
        pixels.append(burned)
    out = io.BytesIO()
    pydicom.dcmwrite(out, data_set, enforce_file_format=True)
    content = out.getvalue()
    if places("preamble"):
        token = tokens.new("name")
        said = f"II*\0 scanned for {token} ".encode().ljust(128, b"\0")
        content = said + content[128:]
        canaries.append(_canary("name", "preamble", "preamble", token))
    return content, canaries, pixels


def _canary(kind: str, place: str, rule: str, token: str) -> dict[str, Any]:
    return {"kind": kind, "place": place, "rule": rule, "token": token, "required": "remove"}


def _put(data_set: Dataset, path: Sequence[str], text: str) -> None:
    """Set one element, making the items above it."""
    at = data_set
    for step in path[:-1]:
        if step.startswith("private"):
            block = at.private_block(_GROUP, CREATOR, create=True)
            offset = int(step.split()[1], 16)
            if offset not in block:
                block.add_new(offset, "SQ", Items([Dataset()]))
            at = block[offset].value[0]
            continue
        items = at.get(step)
        if not isinstance(items, Items) or not len(items):
            setattr(at, step, Items([Dataset()]))
        at = getattr(at, step)[0]
    last = path[-1]
    if last.startswith("private"):
        block = at.private_block(_GROUP, CREATOR, create=True)
        block.add_new(int(last.split()[1], 16), "LO", text)
    else:
        setattr(at, last, text)


def frames_of(data_set: Dataset) -> Any | None:
    """Return the first frame as rows x columns x samples, a view that can be written; else None."""
    meta = getattr(data_set, "file_meta", None)
    if meta is None or meta.get("TransferSyntaxUID") not in NATIVE or "PixelData" not in data_set:
        return None
    rows, columns = int(data_set.get("Rows", 0)), int(data_set.get("Columns", 0))
    samples, bits = int(data_set.get("SamplesPerPixel", 1)), int(data_set.get("BitsAllocated", 0))
    if bits not in _BITS or min(rows, columns) < _LEAST_SIDE or samples not in {1, 3}:
        return None
    kind = ("i" if data_set.get("PixelRepresentation") == 1 else "u") + str(bits // 8)
    data = bytearray(data_set.PixelData)
    if len(data) < rows * columns * samples * bits // 8:
        return None
    flat = np.frombuffer(data, dtype="<" + kind, count=rows * columns * samples)
    if samples > 1 and data_set.get("PlanarConfiguration") == 1:
        shaped = flat.reshape(samples, rows, columns).transpose(1, 2, 0)
    else:
        shaped = flat.reshape(rows, columns, samples)
    return data, shaped


def _burn(data_set: Dataset, tokens: Tokens, number: int) -> dict[str, Any] | None:
    """Burn a token into the first frame, and return its line; None where there is no room."""
    held = frames_of(data_set)
    if held is None:
        return None
    data, frame = held
    rows, columns, _ = frame.shape
    scale = SCALES[number % len(SCALES)]
    contrast = CONTRASTS[number // len(SCALES) % len(CONTRASTS)]
    token = tokens.new("name")
    mask = mask_of(token, scale)
    top = rows // 16
    if top + mask.shape[0] > rows // 2 or mask.shape[1] > columns:
        scale = 1
        mask = mask_of(token, scale)
        if mask.shape[1] > columns:
            return None
    left = (columns - mask.shape[1]) // 3
    box = frame[top : top + mask.shape[0], left : left + mask.shape[1]]
    low, high = int(frame.min()), int(frame.max())
    step = max(1, round(contrast * (high - low))) if high > low else 64
    base = int(np.median(box))
    most = int(np.iinfo(frame.dtype).max) if frame.dtype.itemsize == 1 else max(high, base + step)
    value = min(base + step, most) if base + step <= most else max(base - step, low)
    box[mask] = value
    data_set.PixelData = bytes(data)
    return _canary("name", "pixels", f"size_{HEIGHT * scale},contrast_{contrast}", token) | {
        "box": [top, left, scale], "size": [rows, columns], "step": abs(value - base),
        "match": agreement(frame[..., 0], [top, left, scale], token),
    }  # fmt: skip


def agreement(plane: Any, box: Sequence[int], token: str) -> float:
    """Return how well a text is seen in its box: the size of the correlation with its dots.

    Parameters
    ----------
    plane : numpy.ndarray, shape (rows, columns)
    box : (top, left, scale)
    token : str

    Returns
    -------
    float
        In [0, 1]; 0 where all pixels of the box are equal.
    """
    top, left, scale = box
    mask = mask_of(token, scale)
    part = np.asarray(plane[top : top + mask.shape[0], left : left + mask.shape[1]], dtype=float)
    if part.shape != mask.shape or part.std() == 0:
        return 0.0
    return float(abs(np.corrcoef(part.ravel(), mask.ravel())[0, 1]))


def fingerprint(data_set: Dataset) -> str:
    """Return a digest of the last half of the pixel data, where nothing is planted."""
    pixels = bytes(data_set.get("PixelData") or b"")
    pixels += b"\0" * (len(pixels) % 2)  # as it is written
    return hashlib.sha256(pixels[len(pixels) // 2 :]).hexdigest() if len(pixels) >= 256 else ""


def digest_of_value(element: Any) -> str:
    """Return a digest of the value of an element as text."""
    return hashlib.sha256(str(element.value).encode("utf-8", "replace")).hexdigest()[:16]


def _kept(data_set: Dataset, planted: set[str]) -> dict[str, str]:
    """Return the elements that no row of Table E.1-1 lists, which should stay as they are."""
    profile = Profile(frozenset())
    return {
        element.keyword: digest_of_value(element)
        for element in data_set
        if element.keyword and element.keyword not in planted and element.VR not in
        {"SQ", "OB", "OW", "OF", "UN"} and not profile.action(element.keyword)
        and element.value not in (None, "") and not element.tag.is_private
    }  # fmt: skip


def _types(data_set: Dataset) -> dict[str, list[str]]:
    """Return the elements that the object's class requires, by type, as far as it has them."""
    types: dict[str, list[str]] = {"1": [], "2": []}
    for element in data_set:
        if element.keyword in catalogue() and not element.tag.is_private:
            kind = element_type(str(data_set.SOPClassUID), element.keyword)
            if kind in types and (kind == "2" or element.value not in (None, "")):
                types[kind].append(element.keyword)
    return types


def canary_for(channel: str) -> Callable[[str], bool]:
    """Return the places in which one canary for readers of a channel hides."""
    place = KINDS_BY_CHANNEL[channel]
    return lambda name: name == place

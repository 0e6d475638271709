"""Recode DICOM data sets by rules that midi-risk wrote; needs pydicom and nothing else.

Use it from Python::

    import pydicom, midi_risk_recode
    ds = midi_risk_recode.recode(pydicom.dcmread("in.dcm"))
    ds.save_as("out.dcm")

or with dicom-anonymizer: ``anonymize(source, target, midi_risk_recode.dictionary())``.

The rules are data. ``labels.json`` beside this file, where there is one, holds the labels
that a release shows for names (of makers, say); a name that is not there is removed.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

RULES: dict[str, Any] = json.loads("{}")
LABELS_FILE = Path(__file__).with_name("labels.json")
DUMMIES = {
    "DA": "19000101", "TM": "000000", "DT": "19000101000000", "AS": "000Y", "DS": "0", "IS": "0",
    "AE": "REMOVED", "LO": "REMOVED", "LT": "REMOVED", "PN": "REMOVED", "SH": "REMOVED",
    "ST": "REMOVED", "UC": "REMOVED", "UT": "REMOVED",
}  # fmt: skip
_MONTHS = {"Y": 12.0, "M": 1.0, "W": 12.0 * 7 / 365.25, "D": 12.0 / 365.25}
_DATE = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(.*)")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_WORD = re.compile(r"[^\W\d_]+")
_MAJOR = re.compile(r"\D*\d+")


def labels() -> dict[str, list[str]]:
    """Return the labels that the release shows, by keyword."""
    if not LABELS_FILE.is_file():
        return {}
    found: dict[str, list[str]] = json.loads(LABELS_FILE.read_text(encoding="utf-8"))
    return found


def age(text: str, step: dict[str, Any]) -> str | None:
    """Return the age string that stands for the band of an age, None to remove it."""
    match = re.fullmatch(r"(\d{3})([DWMY])", text)
    if match is None or text in {"000Y", "999Y"}:
        return None
    months = int(match.group(1)) * _MONTHS[match.group(2)]
    if months > 122.5 * 12:
        return None
    return _place(math.floor(months / 12 + 1e-9), step["edges"])


def _place(number: float, edges: list[Any]) -> str | None:
    found: str | None = None
    for low, written in edges:
        if number < low:
            break
        found = written
    return found


def bands(text: str, step: dict[str, Any]) -> str | None:
    """Return the number that stands for a band of numbers."""
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    if not math.isfinite(number) or (number == 0 and step.get("zero_is_missing")):
        return None
    if step.get("metres"):
        if number < 3.5:
            return _place(round(number * 100, 6) + 1e-9, step["edges"])
        return _place(number + 1e-9, step["centimetres"])
    return _place(number + 1e-9, step["edges"])


def two_digits(text: str, step: dict[str, Any]) -> str | None:
    """Return a number to two significant digits."""
    del step
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        return None
    return _plain(float(f"{number:.1e}"))


def bins(text: str, step: dict[str, Any]) -> str | None:
    """Return the middle of the bin of a number."""
    rounded = two_digits(text, step)
    if rounded is None:
        return None
    return _plain((math.floor(float(rounded) / step["width"] + 1e-9) + 0.5) * step["width"])


def _plain(number: float) -> str:
    number = round(number, 10)
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)


def date(text: str, step: dict[str, Any]) -> str | None:
    """Return the first day of the period that holds a date, of several years the middle one's."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        day = dt.date(*(int(part) for part in match.groups()[:3]))
    except ValueError:
        return None
    if not 1800 <= day.year <= 2199:
        return None
    if "edges" in step:
        return _place(day.year + (day.month - 1) / 12 + (day.day - 1) / 372 + 1e-9, step["edges"])
    period = step["period"]
    if period == "week":
        day = day.replace(day=min((day.day - 1) // 7, 3) * 7 + 1)
    elif period == "month":
        day = day.replace(day=1)
    elif period == "quarter":
        day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    elif period != "date":
        years = {"year": 1, "5y": 5, "10y": 10}[period]
        day = dt.date(day.year // years * years + (years - 1) // 2, 1, 1)
    return f"{day.year:04d}{day.month:02d}{day.day:02d}"


def time(text: str, step: dict[str, Any]) -> str | None:
    """Return the beginning of the part of the day that holds a time."""
    match = re.fullmatch(r"(\d{2})(?:(\d{2})(?:(\d{2})(?:\.\d{1,6})?)?)?", text)
    if match is None or int(match.group(1)) > 23:
        return None
    hour = int(match.group(1)) // step["hours"] * step["hours"]
    return f"{hour:02d}0000"


def first_word(text: str, step: dict[str, Any]) -> str | None:
    """Return the first word of a name in capitals."""
    del step
    match = _WORD.search(text)
    return match.group().upper() if match else text


def major(text: str, step: dict[str, Any]) -> str | None:
    """Return a version up to its first number."""
    del step
    match = _MAJOR.match(text)
    return match.group() if match else text


def allow(text: str, step: dict[str, Any]) -> str | None:
    """Return a name that the release shows, else the common name of the others."""
    known = step["known"]
    return text if text in known else step["other"] if step["other"] in known else None


STEPS = {
    "age": age, "bands": bands, "two_digits": two_digits, "bins": bins, "date": date,
    "time": time, "first_word": first_word, "major": major, "allow": allow,
}  # fmt: skip


def new_value(keyword: str, text: str) -> str | None:
    """Return the text that replaces one value of an element, None when it is removed."""
    value: str | None = " ".join(text.strip(" \0").split())
    for step in RULES["values"].get(keyword, ()):
        if step["step"] == "allow":
            value = allow(value or "", {**step, "known": labels().get(keyword, [])})
        else:
            value = STEPS[step["step"]](value or "", step)
        if not value:
            return None
    return value


def _texts(element: DataElement) -> list[str]:
    value = element.value
    if value is None or value == "":
        return []
    several = (
        [value] if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else value
    )
    return [str(getattr(part, "original_string", part)) for part in several]


def _moment(text: str, dates: str, times: str) -> str | None:
    """Return a date-time by the rules of dates and of times."""
    day = new_value("(dates)", text[:8]) if dates == "change" else text[:8]
    clock = text[8:].partition("+")[0].partition("-")[0]
    if day is None or not clock or times == "remove":
        return day
    return day + (clock if times == "keep" else time(clock, RULES["values"]["(times)"][0]) or "")


def _how(keyword: str, sop_class: str, path: tuple[str, ...]) -> str:
    """Return whether an element without a value is deleted, emptied or gets a dummy."""
    strictest: str = RULES["strictest"].get(keyword, "dummy")
    if path:
        nested: dict[str, str] = RULES["nested"]
        return nested.get(path[-1] + "/" + keyword) or strictest
    known: dict[str, str] = RULES["types"].get(keyword, {})
    return known.get(sop_class) or strictest


def remove(ds: Dataset, tag: int, sop_class: str = "", path: tuple[str, ...] = ()) -> None:
    """Take the value of an element away, as far as its type in the standard allows."""
    element = ds[tag]
    vr = element.VR
    how = _how(keyword_for_tag(tag), sop_class, path)
    if how == "delete":
        del ds[tag]
    elif how == "empty":
        ds[tag] = DataElement(tag, vr, [] if vr == "SQ" else "")
    elif vr in DUMMIES:
        ds[tag] = DataElement(tag, vr, DUMMIES[vr])


def recode_element(ds: Dataset, tag: int, sop_class: str, path: tuple[str, ...]) -> None:
    """Recode one element of a data set in place."""
    keyword, vr = keyword_for_tag(tag), ds[tag].VR
    values = _texts(ds[tag]) if vr != "SQ" else ["sequence"]
    if not values:
        return
    visit = vr in {"DA", "DT", "TM"} and keyword not in RULES["own_dates"]
    dates, times = RULES["dates"], RULES["times"]
    if keyword in RULES["remove"]:
        remove(ds, tag, sop_class, path)
        return
    if keyword in RULES["values"]:
        found = [new_value(keyword, text) for text in values]
    elif visit and vr == "DT" and (dates, times) != ("keep", "keep"):
        found = [None if dates == "remove" else _moment(text, dates, times) for text in values]
    elif visit and (dates if vr == "DA" else times) != "keep":
        group = "(dates)" if vr == "DA" else "(times)"
        gone = (dates if vr == "DA" else times) == "remove"
        found = [None if gone else new_value(group, text) for text in values]
    else:
        return
    kept = list(dict.fromkeys(text for text in found if text))
    if not kept:
        remove(ds, tag, sop_class, path)
    elif kept != [text.strip(" \0") for text in values]:
        ds[tag] = DataElement(tag, vr, float(kept[0]) if vr in {"FL", "FD"} else kept)


def _content(ds: Dataset) -> None:
    """Take out the content items of a report that repeat an attribute."""
    kept = []
    for item in ds.ContentSequence:
        names = item.get("ConceptNameCodeSequence") or [Dataset()]
        concept = [str(names[0].get(k, "")) for k in ("CodeValue", "CodingSchemeDesignator")]
        kept += [] if concept in RULES["concepts"] else [item]
    if not kept:
        del ds.ContentSequence
    elif len(kept) < len(ds.ContentSequence):
        ds.ContentSequence = kept


def recode(ds: Dataset, _path: tuple[str, ...] = (), _sop_class: str | None = None) -> Dataset:
    """Recode a data set in place, nested items too, and return it; private elements stay."""
    sop_class = str(ds.get("SOPClassUID", "")) if _sop_class is None else _sop_class
    for tag in list(ds.keys()):
        if tag.is_private or tag.group == 2:
            continue
        recode_element(ds, int(tag), sop_class, _path)
        if tag in ds and ds[tag].VR == "SQ":
            if tag == 0x0040A730:
                _content(ds)
            for item in (ds[tag].value if tag in ds else ()) or ():
                recode(item, (*_path, keyword_for_tag(tag)), sop_class)
    if not _path:
        _state(ds)
    return ds


def _state(ds: Dataset) -> None:
    """Say in a data set that it was recoded."""
    stated = ds.get("DeidentificationMethod") or []
    methods = [stated] if isinstance(stated, str) else list(stated)
    if RULES["statement"] not in methods:
        ds.DeidentificationMethod = [*methods, RULES["statement"]]
    if RULES["dates"] != "keep":
        done = "REMOVED" if RULES["dates"] == "remove" else "MODIFIED"
        ds.LongitudinalTemporalInformationModified = done


def dictionary() -> dict[tuple[int, int], Callable[[Dataset, Any], None]]:
    """Return the rules as dicom-anonymizer takes them: tag -> function(data set, tag)."""

    def act(ds: Dataset, tag: Any) -> None:
        if tag in ds:
            recode_element(ds, ds[tag].tag, str(ds.get("SOPClassUID", "")), ())

    keywords = [*RULES["values"], *RULES["remove"], *RULES["visit_keywords"]]
    tags = [tag_for_keyword(keyword) for keyword in keywords if not keyword.startswith("(")]
    return {(tag >> 16, tag & 0xFFFF): act for tag in tags if tag is not None}

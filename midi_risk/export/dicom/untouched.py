"""What recoding did not touch stays the bytes that it was.

pydicom turns an element into a value when anybody looks at it, and writes it anew, with its own
padding and lengths. So the raw elements of an object are remembered before it is recoded, and put
back afterwards wherever the value is still the one that they hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO

from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_data_element, write_dataset
from pydicom.sequence import Sequence as ItemSequence
from pydicom.tag import BaseTag

from midi_risk.export.dicom.recode import standard_vr

_CHARACTER_SET = 0x00080005


@dataclass(slots=True)
class _Held:
    """One element before recoding; of a sequence its items too."""

    element: RawDataElement | DataElement
    read: DataElement | None = None
    items: list[tuple[Dataset, Memory]] = field(default_factory=list)


Memory = dict[int, _Held]
"""Tag -> element, before recoding."""


def remember(data_set: Dataset) -> Memory:
    """Return the elements of a data set as they stand, with those inside sequences.

    Parameters
    ----------
    data_set : pydicom.Dataset
        As read; its sequences are parsed.
    """
    memory: Memory = {}
    for tag in list(data_set.keys()):
        element = data_set.get_item(tag)
        held = _Held(element)
        if standard_vr(element) == "SQ" or isinstance(element.value, ItemSequence):
            read = data_set[tag]
            if isinstance(read.value, ItemSequence):
                held.read = read
                held.items = [(item, remember(item)) for item in read.value]
        memory[int(tag)] = held
    return memory


def restore(data_set: Dataset, memory: Memory) -> bool:
    """Put back the elements whose values are what they were.

    Parameters
    ----------
    data_set : pydicom.Dataset
        After recoding.
    memory : dict
        See `remember`.

    Returns
    -------
    bool
        Whether anything was changed, at any depth.
    """
    changed = bool(memory.keys() - {int(tag) for tag in data_set.keys()})  # noqa: SIM118 - no dict
    for tag in list(data_set.keys()):
        held = memory.get(int(tag))
        if held is None:
            changed = True
            continue
        now = data_set.get_item(tag)
        if now is held.element and not held.items:
            continue
        if held.read is not None:
            inside = _restore_items(now, held)
            changed |= inside
            if not inside and isinstance(held.element, RawDataElement):
                _put_back(data_set, tag, held.element)
        elif _same(data_set, now, held.element):
            _put_back(data_set, tag, held.element)
        else:
            changed = True
    return changed


def _put_back(data_set: Dataset, tag: BaseTag, element: RawDataElement | DataElement) -> None:
    """Put an element in without pydicom looking at it: of a private one it makes a value."""
    data_set._dict[tag] = element  # noqa: SLF001 - setting an item converts


def _restore_items(now: RawDataElement | DataElement, held: _Held) -> bool:
    """Put back what is untouched in the items of a sequence; tell whether anything is not."""
    if held.read is None or not isinstance(now.value, ItemSequence):
        return True
    known = {id(item): memory for item, memory in held.items}
    left = list(now.value)
    changed = now is not held.read or [id(item) for item in left] != list(known)
    for item in left:
        if id(item) in known:
            changed |= restore(item, known[id(item)])
    return changed


def _same(
    data_set: Dataset,
    now: RawDataElement | DataElement,
    before: RawDataElement | DataElement,
) -> bool:
    """Tell whether an element still has the value that it had."""
    if isinstance(now, RawDataElement) or not isinstance(before, RawDataElement):
        return now is before
    try:
        fresh = convert_raw_data_element(
            before,
            encoding=data_set._character_set,  # noqa: SLF001 - as pydicom reads
            ds=data_set,
        )
        little = before.is_little_endian
        pair = [encoded(one, data_set, implicit=False, little=little) for one in (fresh, now)]
        return fresh.VR == now.VR and pair[0] == pair[1]
    except Exception:  # noqa: BLE001 - damaged values: pydicom reads them and cannot write them
        return bool(now.file_tell == before.value_tell)


def encoded(
    element: RawDataElement | DataElement, data_set: Dataset, *, implicit: bool, little: bool = True
) -> bytes:
    """Return an element as bytes.

    Parameters
    ----------
    element : pydicom element
    data_set : pydicom.Dataset
        Whose character set it is written in.
    implicit, little : bool
        The form.
    """
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_data_element(stream, element, data_set.get("SpecificCharacterSet", "iso8859"))
    return stream.getvalue()


def parsed(content: bytes, *, implicit: bool) -> Dataset:
    """Return some little endian elements as a data set."""
    return read_dataset(BytesIO(content), implicit, True, len(content))


def written(data_set: Dataset, *, implicit: bool, little: bool = True) -> bytes:
    """Return a data set as bytes, in the order of tags."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    write_dataset(stream, data_set)
    return stream.getvalue()

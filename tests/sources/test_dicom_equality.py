"""What the prefix parser reads equals what pydicom reads, or it declines the file."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from dicom_samples import encoded, sample
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from reader_agreement import reader_over, texts_of

from midi_risk.sources import extract
from midi_risk.sources.dicom.careful import UnreadableError, read_full
from midi_risk.sources.dicom.fast import SHORT_HEAD, PrefixParser
from midi_risk.sources.dicom.header import wanted_attributes
from midi_risk.sources.dicom.text import element_text, element_texts
from midi_risk.sources.files.bounded import HEAD, reader_of
from midi_risk.sources.files.sniff import Sniffed, sniff
from midi_risk.sources.scan.columns import attribute_columns

FIRST = (HEAD, SHORT_HEAD, 700)
PYDICOM = Path(pydicom.__file__).parent / "data"


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def opened(path: Path) -> Iterator[tuple[bytes, object, int, int]]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        read_at = reader_of(descriptor)
        head = read_at(0, HEAD)
        kind, start = sniff(head, size)
        if kind in {Sniffed.DICOM, Sniffed.BARE}:
            yield head, read_at, size, start
    finally:
        os.close(descriptor)


def compare(folder: Path) -> tuple[int, int]:
    """Compare both readers on every file below, in three orders; count (fast, declined).

    The parser is given more or less of a file at first.
    """
    parser = PrefixParser()
    files = files_below(folder)
    seen = [0, 0]
    for turn in range(3):
        random.Random(turn).shuffle(files)  # noqa: S311 - order of files
        for path in files:
            for head, read_at, size, start in opened(path):
                fast = parser.parse(head[: FIRST[turn]], read_at, size) if start == 132 else None
                if turn == 0:
                    seen[fast is None] += 1
                if fast is None:
                    continue
                full = read_full(read_at, size, start)
                assert texts_of(fast) == texts_of(full), path.name
                assert fast.noticed == full.noticed, path.name
                assert fast.flags == full.flags, path.name
    return seen[0], seen[1]


def by_pydicom(ds: pydicom.Dataset, tag: int) -> str | None:
    """The text of a top-level element as pydicom's users see it, padding apart."""
    source = ds.file_meta if tag >> 16 == 2 else ds
    try:
        element: DataElement = source[tag]
    except KeyError:
        return None
    if element.value is None:
        return ""
    many = isinstance(element.value, (MultiValue, list))
    parts = element.value if many else str(element.value).split("\\")
    if element.VR in {"LT", "ST", "UT", "UR"}:
        return str(element.value)
    return "\\".join(str(part).strip(" \0") for part in parts)


def against_pydicom(folder: Path) -> int:
    """Compare what `read_dicom` would see with plain pydicom; count the values."""
    parser = PrefixParser()
    compared = 0
    for path in files_below(folder):
        for head, read_at, size, start in opened(path):
            header = parser.parse(head, read_at, size) if start == 132 else None
            if header is None:
                try:
                    header = read_full(read_at, size, start)
                except UnreadableError:
                    continue
            ours = texts_of(header)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
                for tag, wanted in wanted_attributes().items():
                    if wanted.vr == "SQ":
                        continue
                    theirs = by_pydicom(ds, tag)
                    got = ours.get(wanted.keyword)
                    if theirs is None:
                        assert got is None or wanted.nested, (path.name, wanted.keyword)
                    else:
                        first = got if got is None else got[: len(theirs)]
                        assert first == theirs, (path.name, wanted.keyword)
                        assert got == theirs or wanted.nested, (path.name, wanted.keyword)
                        compared += 1
    return compared


def test_both_readers_agree_on_every_file_of_pydicom():
    fast, declined = compare(PYDICOM)
    assert fast > 150
    assert declined < fast / 4


def test_columns_of_many_files_hold_what_each_file_holds():
    parser = PrefixParser()
    headers = []
    for path in files_below(PYDICOM):
        for head, read_at, size, start in opened(path):
            headers.append(parser.parse(head, read_at, size) if start == 132 else None)
    columns = attribute_columns(headers)
    assert sum(header is not None for header in headers) > 50
    for at, header in enumerate(headers):
        alone = {} if header is None else texts_of(header)
        texts = {name: column.text(at) for name, column in columns.items()}
        assert {name: text for name, text in texts.items() if text is not None} == alone


@given(
    st.sampled_from(["AE", "CS", "DA", "DS", "IS", "LO", "LT", "PN", "SH", "UI", "US", "UT", "UR"]),
    st.lists(
        st.one_of(st.binary(max_size=12), st.text("aé \0\\\n\x1b").map(str.encode)), max_size=9
    ),
    st.sampled_from([("iso8859",), ("latin_1",), ("utf8",), ("shift_jis",)]),
)
def test_values_decoded_together_are_those_decoded_alone(vr, raws, encodings):
    alone = [element_text(vr, raw, encodings) for raw in raws]
    assert element_texts(vr, raws, encodings) == alone


def test_values_are_those_of_plain_pydicom():
    assert against_pydicom(PYDICOM / "test_files") > 3000
    assert against_pydicom(PYDICOM / "charset_files") > 50


@pytest.mark.shared_data
def test_both_readers_agree_on_real_files(shared_data):
    fast, declined = compare(shared_data / "dicom_files")
    assert fast >= 60
    assert declined <= 3
    assert against_pydicom(shared_data / "dicom_files") > 2000


def test_both_readers_agree_on_pydicom_data():
    pytest.importorskip("data_store", reason="the package pydicom-data is not installed")
    import data_store

    folder = Path(data_store.__file__).parent
    fast, _ = compare(folder)
    assert fast > 50
    assert against_pydicom(folder) > 2000


def test_names_and_texts_that_only_the_confidentiality_table_lists_are_read(tmp_path):
    item = pydicom.Dataset()
    item.ScheduledProcedureStepDescription = "head for Jones"
    interpreter = pydicom.Dataset()
    interpreter.ROIInterpreter = "Reader^R"
    whole = sample(
        OrderEnteredBy="Clerk^C",
        RequestedProcedureComments="daughter of the mayor",
        RequestAttributesSequence=[item],
        RTROIObservationsSequence=[interpreter],
    )
    path = tmp_path / "a.dcm"
    path.write_bytes(encoded(whole))
    row = extract(path).tables[0].rows.to_pylist()[0]
    assert row["OrderEnteredBy"] == "Clerk^C"
    assert row["RequestedProcedureComments"] == "daughter of the mayor"
    assert row["ScheduledProcedureStepDescription"] == "head for Jones"
    assert row["ROIInterpreter"] == "Reader^R"


def elements_twice(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield an explicit file with each element before the pixels repeated behind itself."""
    at = 132
    while content[at : at + 4] != b"\xe0\x7f\x10\x00":
        long = content[at + 4 : at + 6] in {b"OB", b"SQ", b"UN", b"UT"}
        place, width, head = (8, 4, 12) if long else (6, 2, 8)
        length = int.from_bytes(content[at + place : at + place + width], "little")
        end = at + head + length
        yield content[at : at + 4], content[:end] + content[at:]
        at = end


@pytest.mark.parametrize("learnt", [0, 1, 5])
def test_an_element_that_comes_twice_in_a_row_is_left_to_the_careful_reader(learnt):
    contents = [encoded(sample(number, patient)) for number, patient in enumerate([1, 10, 100] * 9)]
    parser = PrefixParser()
    for content in contents[:learnt]:
        assert parser.parse(content, reader_over(content), len(content)) is not None
    found = list(elements_twice(contents[-1]))
    assert len(found) > 10
    for tag, twice in found:
        assert parser.parse(twice, reader_over(twice), len(twice)) is None, tag.hex()
    assert parser.parse(contents[-1], reader_over(contents[-1]), len(contents[-1])) is not None

"""Embedded payloads are noticed, and their content stays where it is."""

from __future__ import annotations

import struct

import pytest
from dicom_samples import encoded, sample
from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from midi_risk.sources.dicom.streams import (
    CONTENT,
    Window,
    walk_codestream,
    walk_jp2,
    walk_jpeg,
)
from midi_risk.sources.scan.scan import read_dicom

EXIF = b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00CANARY!!\xff\xda\x00\x02"
PLAIN = b"\xff\xd8\xff\xe0\x00\x07JFIF\x00\xff\xda\x00\x02\x00"


def window(data: bytes) -> Window:
    return Window(lambda at, count: data[at : at + count], [(0, len(data))])


def jpeg_metadata(stream: bytes) -> bool:
    return bool(walk_jpeg(window(stream)) & CONTENT)


def jp2_metadata(stream: bytes) -> bool:
    return bool(walk_jp2(window(stream)) & CONTENT)


def codestream_comment(stream: bytes) -> bool:
    return bool(walk_codestream(window(stream)) & CONTENT)


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def encapsulated(frame: bytes, syntax: str, *others: bytes) -> bytes:
    content = encoded(sample(), syntax, pixels=0)
    content += b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0" + bytes(4)
    for each in (frame, *others):
        even = each + b"\0" * (len(each) % 2)
        content += b"\xfe\xff\x00\xe0" + struct.pack("<I", len(even)) + even
    return content + b"\xfe\xff\xdd\xe0" + bytes(4)


def facts(folder, content: bytes) -> dict[str, int]:
    (folder / "x.dcm").write_bytes(content)
    reading = read_dicom([folder / "x.dcm"], payloads=True)
    assert reading.files["status"].to_pylist() == ["read"]
    return dict(reading.facts)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (EXIF, True),
        (PLAIN, False),
        (b"\xff\xd8\xff\xfe\x00\x04hi\xff\xda\x00\x02", True),
        (b"\xff\xd8\xff\xeb\x00\x06JPxx\xff\xda", True),
        (b"\xff\xd8", False),
        (b"\xff\xd8\xff\xe1", False),
    ],
)
def test_jpeg_segments(stream, found):
    assert jpeg_metadata(stream) is found


def test_jpeg2000_boxes_and_comments():
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 ")
    quiet = box(b"jp2c", b"\xff\x4f\xff\x51\x00\x04\x00\x00\xff\x90")
    assert not jp2_metadata(start + quiet)
    assert jp2_metadata(start + box(b"xml ", b"<a/>") + quiet)
    assert jp2_metadata(start + box(b"jp2h", box(b"uuid", bytes(16))) + quiet)
    assert codestream_comment(b"\xff\x4f\xff\x64\x00\x06\x00\x01hi\xff\x90")


def test_payloads_are_counted_only_when_asked_for(tmp_path):
    content = encapsulated(EXIF, JPEGBaseline8Bit)
    assert facts(tmp_path, content)["jpeg_metadata_files"] == 1
    assert "jpeg_metadata_files" not in read_dicom([tmp_path]).facts
    assert facts(tmp_path, encapsulated(PLAIN, JPEGBaseline8Bit))["jpeg_metadata_files"] == 0


@pytest.mark.parametrize(
    "frames",
    [
        [PLAIN] * 40 + [EXIF],
        [PLAIN + bytes(9000) + b"\xff\xd9" + b"behind the end"],
        [PLAIN + bytes(90), bytes(90) + b"\xff\xd9" + b"behind the end", PLAIN],
        [b"\xff\xd8\xff\xdb\x20\x00" + bytes(0x1FFE) + b"\xff\xfe\x00\x04hi\xff\xda\x00\x02"],
    ],
    ids=["a late frame", "behind the stream", "a frame in two fragments", "behind long tables"],
)
def test_no_frame_and_no_end_of_a_stream_is_left_out(tmp_path, frames):
    content = encapsulated(frames[0], JPEGBaseline8Bit, *frames[1:])
    assert facts(tmp_path, content)["jpeg_metadata_files"] == 1


def test_padding_behind_a_stream_is_no_payload(tmp_path):
    content = encapsulated(PLAIN + b"\xff\xd9\xff\0\0", JPEGBaseline8Bit, PLAIN)
    assert facts(tmp_path, content)["jpeg_metadata_files"] == 0


def test_an_overlay_in_unused_bits_of_the_pixels_is_an_overlay(tmp_path):
    ds = sample()
    ds.add_new(0x60000010, "US", 8)
    ds.add_new(0x60000011, "US", 8)
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 12)
    assert facts(tmp_path, encoded(ds))["overlay_files"] == 1


def test_jpeg2000_payload_of_a_file(tmp_path):
    frame = b"\xff\x4f\xff\x51\x00\x04\x00\x00\xff\x64\x00\x06\x00\x01hi\xff\x90"
    assert facts(tmp_path, encapsulated(frame, JPEG2000Lossless))["jpeg2000_metadata_files"] == 1


def test_a_preamble_in_use_and_data_after_the_end(tmp_path):
    plain = encoded(sample())
    found = facts(tmp_path, b"II*\0" + plain[4:] + b"secret after the end")
    assert found["preambles_used"] == 1
    assert found["trailing_data_files"] == 1
    found = facts(tmp_path, plain)
    assert (found["preambles_used"], found["trailing_data_files"]) == (0, 0)


def test_metadata_of_an_encapsulated_document(tmp_path):
    ds = sample(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC")
    ds.EncapsulatedDocument = b"%PDF-1.4 /Author (CANARY) "
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    found = facts(tmp_path, encoded(ds, pixels=0))
    assert found["encapsulated_documents"] == 1
    assert found["document_metadata_files"] == 1


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_colour_profile_of_an_optical_path_is_noticed(tmp_path, syntax):
    path = Dataset()
    path.ICCProfile = bytes(128) + b"CANARY"
    ds = sample(OpticalPathSequence=[path])
    assert facts(tmp_path, encoded(ds, syntax))["icc_profiles"] == 1
    assert facts(tmp_path, encoded(ds, ExplicitVRBigEndian, pixels=0))["icc_profiles"] == 1
    path.ICCProfile = b""
    assert facts(tmp_path, encoded(ds, syntax))["icc_profiles"] == 0


def test_a_jpeg_with_the_mark_of_another_format_inside_is_a_jpeg(tmp_path):
    frame = b"\xff\xd8\xff\xe0jP  " + EXIF[6:]
    assert facts(tmp_path, encapsulated(frame, JPEGBaseline8Bit))["jpeg_metadata_files"] == 1

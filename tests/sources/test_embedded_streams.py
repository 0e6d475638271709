"""Everything that a frame, or an object, carries besides its picture is found or said not known.

Streams are built here marker by marker. Where exiftool is installed it is the oracle: what it
reads out of a stream and not out of the clean one, the walk has found.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import time
import zlib

import pytest
from dicom_samples import element, encoded, sample
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from midi_risk.sources.dicom import harmless, streams
from midi_risk.sources.dicom.facts import facts_from
from midi_risk.sources.dicom.header import NOTICED_BITS, Noticed
from midi_risk.sources.dicom.streams import AUDIO, CONTENT, UNKNOWN, WALKS, Window
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.scan.one_file import read_content
from midi_risk.sources.scan.scan import read_dicom

SECRET = b"Patient Jane Roe MRN 4471902"
STEM = "1.2.840.10008.1.2.4."


def window(data: bytes) -> Window:
    return Window(lambda at, count: data[at : at + count], [(0, len(data))])


# ------------------------------------------------------------------ JPEG


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
DQT = segment(0xDB, b"\0" + bytes(range(1, 65)))
SOF = segment(0xC0, b"\x08\0\x08\0\x08\x01\x01\x11\0")
DHT = segment(0xC4, b"\0" + b"\0\1" + bytes(14) + b"\0") + segment(
    0xC4, b"\x10" + b"\0\1" + bytes(14) + b"\0"
)
SOS = segment(0xDA, b"\x01\x01\0\0\x3f\0")
SCAN = b"\x12\xff\x00\x83"
EOI = b"\xff\xd9"


def jpeg(
    *, start: bytes = JFIF, tables: bytes = b"", scan: bytes = SCAN, end: bytes = b""
) -> bytes:
    return b"\xff\xd8" + start + DQT + SOF + DHT + tables + SOS + scan + EOI + end


def texts(kind: bytes, text: str) -> bytes:
    if kind == b"text":
        return b"text\0\0\0\0" + text.encode() + b"\0"
    if kind == b"desc":
        body = text.encode() + b"\0"
        return b"desc\0\0\0\0" + struct.pack(">I", len(body)) + body + bytes(8) + bytes(3 + 67)
    body = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">IIHHII", 1, 12, 0x656E, 0x5553, len(body), 28) + body


def profile(
    text: str = "sRGB IEC61966-2.1", *, kind: bytes = b"desc", more: bytes = b"", date: int = 2026
) -> bytes:
    tags = [(b"desc", texts(kind, text)), (b"cprt", texts(b"text", "CC0"))]
    tags += [(b"wtpt", b"XYZ \0\0\0\0" + bytes(12)), (b"rTRC", b"curv" + bytes(8))]
    place = 132 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    body += more
    head = bytearray(128)
    head[0:4] = struct.pack(">I", 128 + len(table) + len(body))
    head[12:24] = b"mntrRGB XYZ "
    head[24:36] = struct.pack(">6H", date, 11, 30, 13, 32, 2)
    head[36:40] = b"acsp"
    return bytes(head) + table + body


def icc(*parts: bytes) -> bytes:
    return b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part)
        for number, part in enumerate(parts, 1)
    )


whole = profile()

GD = b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n"
EXIF = b"Exif\0\0II*\0\x08\0\0\0\1\0\x0e\1\2\0\x1d\0\0\0\x1a\0\0\0\0\0\0\0"
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x19\0\x03Roe"
LONG = b"Patient Jane Roe, born 3 May 1961, MRN 4471902, Mercy Hospital"

CLEAN_JPEGS = {
    "plain": jpeg(),
    "padded with zeros": jpeg(end=bytes(3)),
    "no JFIF": jpeg(start=b""),
    "fill bytes before a marker": jpeg(tables=b"\xff\xff"),
    "restart markers": jpeg(tables=segment(0xDD, b"\0\1"), scan=SCAN + b"\xff\xd0" + SCAN),
    "a plain profile": jpeg(start=JFIF + icc(whole)),
    "a profile in two parts": jpeg(start=JFIF + icc(whole[:200], whole[200:])),
    "a profile of another day": jpeg(start=JFIF + icc(profile(date=1998))),
    "a profile as Little CMS writes it": jpeg(
        start=JFIF + icc(profile("sRGB built-in", kind=b"mluc"))
    ),
    "the name of an encoder": jpeg(start=JFIF + segment(0xFE, GD)),
    "Adobe": jpeg(start=segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")),
    "two scans": jpeg(scan=SCAN + SOS + SCAN),
    "LEAD": jpeg(start=JFIF + segment(0xFE, b"LEAD Technologies Inc. V1.01\0")),
}

THUMBNAIL = bytes(range(48))
JPEGS = {
    "EXIF": jpeg(start=segment(0xE1, EXIF + SECRET + b"\0")),
    "XMP": jpeg(start=segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")),
    "IPTC": jpeg(start=segment(0xED, IPTC)),
    "JUMBF": jpeg(start=segment(0xEB, b"JP\0\1\0\0\0\1" + SECRET)),
    "unknown application": jpeg(start=JFIF + segment(0xE5, SECRET)),
    "a comment": jpeg(start=JFIF + segment(0xFE, SECRET)),
    "a comment between tables and scan": jpeg(tables=segment(0xFE, SECRET)),
    "a comment between scans": jpeg(scan=SCAN + segment(0xFE, SECRET) + SOS + SCAN),
    "a comment before the end": jpeg(scan=SCAN + segment(0xFE, SECRET)),
    "a segment between scans": jpeg(scan=SCAN + segment(0xE1, b"Exif\0\0") + SOS + SCAN),
    "a comment after restart markers": jpeg(scan=SCAN + b"\xff\xd3" + SCAN + segment(0xFE, SECRET)),
    "an encoder that is none": jpeg(start=segment(0xFE, b"Created by OpenJPEG version 4471902")),
    "an encoder and more": jpeg(start=segment(0xFE, b"LEAD Technologies Inc. V1.01 " + SECRET)),
    "JFIF thumbnail": jpeg(start=segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\4\4" + THUMBNAIL)),
    "JFXX thumbnail": jpeg(start=JFIF + segment(0xE0, b"JFXX\0\x13\4\4" + THUMBNAIL)),
    "JFXX JPEG": jpeg(start=JFIF + segment(0xE0, b"JFXX\0\x10" + jpeg())),
    "JFIF padded": jpeg(start=segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0" + SECRET)),
    "Adobe padded": jpeg(start=segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET)),
    "quantization padded": jpeg(tables=segment(0xDB, b"\0" + bytes(range(1, 65)) + SECRET)),
    "codes padded": jpeg(tables=segment(0xC4, b"\0" + b"\0\1" + bytes(14) + b"\0" + SECRET)),
    "frame padded": jpeg(tables=segment(0xDE, b"\x08\0\x08\0\x08\x01\x01\x11\0" + SECRET)),
    "restart padded": jpeg(tables=segment(0xDD, b"\0\0" + SECRET)),
    "scan padded": jpeg(scan=SCAN + segment(0xDA, b"\x01\x01\0\0\x3f\0" + SECRET) + SCAN),
    "a reserved marker": jpeg(tables=segment(0xF3, SECRET)),
    "behind the end": jpeg(end=SECRET),
    "behind padding": jpeg(end=bytes(64) + SECRET),
    "two pictures": jpeg(end=jpeg()),
    "two pictures, the second last": jpeg(end=jpeg(start=segment(0xFE, SECRET)) + bytes(2)),
    "text among the codes": jpeg(scan=SCAN + LONG),
    "a profile of a hospital": jpeg(start=JFIF + icc(profile("Mercy Hospital, Dr Roe, scanner 3"))),
    "a profile with more": jpeg(start=JFIF + icc(profile(more=SECRET))),
    "bytes behind a profile": jpeg(start=JFIF + icc(whole + SECRET)),
    "a profile and a part too many": jpeg(start=JFIF + icc(whole, SECRET)),
    "no profile": jpeg(start=JFIF + icc(SECRET * 9)),
    "a picture inside": b"\xff\xd8" + JFIF + jpeg(),
}


@pytest.mark.parametrize("name", CLEAN_JPEGS)
def test_a_clean_jpeg_is_clean(name):
    assert streams.walk_jpeg(window(CLEAN_JPEGS[name])) == 0


@pytest.mark.parametrize("name", JPEGS)
def test_what_a_jpeg_carries_is_found(name):
    assert streams.walk_jpeg(window(JPEGS[name])) & CONTENT


@pytest.mark.parametrize("cut", range(2, len(jpeg()) - 1, 7))
def test_a_jpeg_without_its_end_is_not_understood(cut):
    assert streams.walk_jpeg(window(jpeg()[:cut])) & UNKNOWN


# ------------------------------------------------------------------ JPEG-LS

LS_SOF = segment(0xF7, b"\x08\0\x08\0\x08\x01\x01\x11\0")
LS = b"\xff\xd8" + LS_SOF + SOS + b"\x12\xff\x7f\x83"


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (LS + EOI, 0),
        (LS + EOI + b"\0", 0),
        (b"\xff\xd8" + segment(0xE8, b"mrfx\1") + LS[2:] + EOI, 0),
        (b"\xff\xd8" + segment(0xF8, b"\1" + bytes(10)) + LS[2:] + EOI, 0),
        (LS + segment(0xFE, SECRET) + EOI, CONTENT),
        (LS + EOI + SECRET, CONTENT),
        (b"\xff\xd8" + segment(0xFE, SECRET) + LS[2:] + EOI, CONTENT),
        (b"\xff\xd8" + segment(0xF8, b"\2\1\1" + SECRET) + LS[2:] + EOI, CONTENT),
        (b"\xff\xd8" + segment(0xE8, b"mrfx\1" + SECRET) + LS[2:] + EOI, CONTENT),
        (b"\xff\xd8" + segment(0xE8, b"SPIFF\0" + bytes(24) + SECRET) + LS[2:] + EOI, CONTENT),
    ],
)
def test_jpeg_ls(stream, found):
    assert streams.walk_jpeg(window(stream)) & CONTENT == found


# ------------------------------------------------------------------ JPEG 2000

SIZ = segment(0x51, struct.pack(">H8IH", 0, 8, 8, 0, 0, 8, 8, 0, 0, 1) + b"\7\1\1")
COD = segment(0x52, b"\0\0\0\1\0\1\4\4\0\1")
QCD = segment(0x5C, b"\x40@HHP")


def j2k(
    *,
    main: bytes = b"",
    tile: bytes = b"",
    codes: bytes = b"\xcf\xb4\x10",
    end: bytes = b"",
    parts: int = 1,
    sized: bool = True,
) -> bytes:
    body = b""
    for part in range(parts):
        inside = (tile if part == parts - 1 else b"") + b"\xff\x93" + codes
        size = 12 + len(inside) if sized else 0
        body += segment(0x90, struct.pack(">HIBB", 0, size, part, parts)) + inside
    return b"\xff\x4f" + SIZ + COD + QCD + main + body + EOI + end


def comment(text: bytes, kind: int = 1) -> bytes:
    return segment(0x64, struct.pack(">H", kind) + text)


CLEAN_J2K = {
    "plain": j2k(),
    "without a size": j2k(sized=False),
    "in three parts": j2k(parts=3),
    "OpenJPEG": j2k(main=comment(b"Created by OpenJPEG version 2.5.0")),
    "Kakadu": j2k(main=comment(b"Kakadu-v7.10.7")),
    "padded": j2k(end=b"\0"),
    "HTJ2K": j2k(main=segment(0x50, b"\0\2\0\0\0\0")),
    "lengths of packets": j2k(tile=segment(0x58, b"\0\1\2\3")),
}
J2K = {
    "main header": j2k(main=comment(SECRET)),
    "binary": j2k(main=comment(SECRET, 0)),
    "tile-part header": j2k(tile=comment(SECRET)),
    "tile-part header without a size": j2k(tile=comment(SECRET), sized=False),
    "third tile-part header": j2k(tile=comment(SECRET), parts=3),
    "behind the end": j2k(end=SECRET),
    "behind the end without a size": j2k(sized=False, end=SECRET),
    "two streams": j2k(end=j2k()),
    "a size padded": b"\xff\x4f" + segment(0x51, SIZ[4:] + SECRET) + j2k()[2 + len(SIZ) :],
    "an extension": j2k(main=segment(0x57, SECRET * 2)),
    "a comment of HTJ2K": j2k(main=segment(0x50, b"\0\2\0\0\0\0") + comment(SECRET)),
    "text among the codes": j2k(codes=b"\xcf\xb4Patient Jane Roe, born 3 May 1961, MRN 4471902"),
    "an encoder and more": j2k(main=comment(b"Kakadu-v7.2 Jane Roe")),
}


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


SIGNATURE = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
IHDR = box(b"ihdr", struct.pack(">IIHBBBB", 8, 8, 1, 7, 7, 0, 0))
COLR = box(b"colr", b"\1\0\0\0\0\0\x11")


def jp2(
    *, head: bytes = COLR, between: bytes = b"", stream: bytes | None = None, end: bytes = b""
) -> bytes:
    stream = j2k() if stream is None else stream
    return SIGNATURE + box(b"jp2h", IHDR + head) + between + box(b"jp2c", stream) + end


CLEAN_JP2 = {
    "plain": jp2(),
    "to the end": jp2()[: -len(j2k()) - 8] + b"\0\0\0\0jp2c" + j2k(),
    "a plain profile": jp2(head=box(b"colr", b"\2\0\0" + profile())),
    "resolution": jp2(head=COLR + box(b"res ", box(b"resc", bytes(10)))),
    "free": jp2(between=box(b"free", bytes(20))),
}
JP2 = {
    "xml": jp2(between=box(b"xml ", b"<a/>")),
    "uuid": jp2(between=box(b"uuid", bytes(16) + SECRET)),
    "uuid in the header": jp2(head=COLR + box(b"uuid", bytes(16))),
    "uuid behind": jp2(end=box(b"uuid", bytes(16) + SECRET)),
    "uuid information": jp2(between=box(b"uinf", box(b"url ", b"\0\0\0\0http://x"))),
    "rights": jp2(between=box(b"jp2i", SECRET)),
    "an unknown box": jp2(between=box(b"abcd", SECRET)),
    "free": jp2(between=box(b"free", SECRET)),
    "a header padded": jp2(head=COLR + box(b"ihdr", bytes(14) + SECRET)),
    "a colour padded": jp2(head=box(b"colr", b"\1\0\0\0\0\0\x11" + SECRET)),
    "a profile": jp2(head=box(b"colr", b"\2\0\0" + profile("Mercy Hospital"))),
    "a comment": jp2(stream=j2k(main=comment(SECRET))),
    "a comment of a tile part": jp2(stream=j2k(tile=comment(SECRET))),
    "behind the stream": jp2(stream=j2k(end=SECRET)),
    "behind the boxes": jp2(end=SECRET[:5]),
    "a label": jp2(between=box(b"asoc", box(b"lbl ", SECRET))),
    "JUMBF": jp2(between=box(b"jumb", SECRET)),
    "two streams": jp2(end=box(b"jp2c", j2k())),
    "a long box": jp2(between=struct.pack(">I4sQ", 1, b"xml ", 20) + b"<a/>"),
}


@pytest.mark.parametrize("stream", [*CLEAN_J2K.values(), *CLEAN_JP2.values()])
def test_a_clean_jpeg_2000_is_clean(stream):
    assert streams.walk_jpeg2000(window(stream)) == 0


@pytest.mark.parametrize("stream", [*J2K.values(), *JP2.values()], ids=[*J2K, *JP2])
def test_what_a_jpeg_2000_carries_is_found(stream):
    assert streams.walk_jpeg2000(window(stream)) & CONTENT


# ------------------------------------------------------------------ JPEG XL

JXL = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (b"\xff\x0a\x10\x20", UNKNOWN),
        (JXL + box(b"jxlc", b"\xff\x0a\x10"), UNKNOWN),
        (JXL + box(b"jxlc", b"\xff\x0a\x10") + box(b"Exif", SECRET), UNKNOWN | CONTENT),
        (JXL + box(b"xml ", SECRET) + box(b"jxlc", b"\xff\x0a\x10"), UNKNOWN | CONTENT),
        (JXL + box(b"brob", b"Exif" + SECRET) + box(b"jxlc", b"\xff\x0a"), UNKNOWN | CONTENT),
        (JXL + box(b"jumb", SECRET) + box(b"jxlc", b"\xff\x0a"), UNKNOWN | CONTENT),
    ],
)
def test_jpeg_xl_is_never_zero(stream, found):
    assert streams.walk_jxl(window(stream)) == found


# ------------------------------------------------------------------ RLE


def rle(*segments: bytes, end: bytes = b"", between: bytes = b"") -> bytes:
    places, at = [], 64 + len(between)
    for part in segments:
        places.append(at)
        at += len(part)
    head = struct.pack("<16I", len(segments), *places, *[0] * (15 - len(segments)))
    return head + between + b"".join(segments) + end


RUN = b"\xf1\x07" * 4  # 4 times 16 bytes


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (rle(RUN), 0),
        (rle(RUN, end=b"\0"), 0),
        (rle(b"\x3f" + bytes(range(64))), 0),
        (rle(RUN, end=SECRET), CONTENT),
        (rle(RUN, between=SECRET), CONTENT),
        (rle(RUN[:-2]), UNKNOWN),
        (rle(RUN + b"\x1b" + SECRET), CONTENT),
        (struct.pack("<3I", 1, 64, 7) + bytes(52) + RUN, CONTENT),
        (rle(RUN, RUN), UNKNOWN),
        (b"short", UNKNOWN),
    ],
)
def test_rle_frames(stream, found):
    assert streams.rle_is_tight(stream, 1, 64) == found


def test_a_gap_between_two_rle_segments_is_found():
    stream = rle(RUN + SECRET, RUN)
    assert streams.rle_is_tight(stream, 2, 64) == CONTENT
    assert streams.rle_is_tight(rle(RUN, RUN), 2, 64) == 0


# ------------------------------------------------------------------ video

CODE = b"\0\0\0\1"
SPS, PPS, SLICE = b"\x67\x42\0\x0a\xf8\x41", b"\x68\xce\x38\x80", b"\x65\x88\x84\x21\x53"
X264 = streams._X264 + (
    b"x264 - core 164 r3095 baee400 - H.264/MPEG-4 AVC codec - Copyleft 2003-2022 -"
    b" http://www.videolan.org/x264.html - options: cabac=1 ref=3 me=hex crf=23.0\0"
)


def sei(kind: int, payload: bytes) -> bytes:
    size = b"\xff" * (len(payload) // 255) + bytes((len(payload) % 255,))
    return bytes((kind,)) + size + payload + b"\x80"


def nals(*units: bytes) -> bytes:
    return b"".join(CODE + unit for unit in units)


H264 = nals(SPS, PPS, SLICE)
HEVC = nals(b"\x40\1\x0c", b"\x42\1\1", b"\x44\1\xc1", b"\x26\1\xaf\x09")


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (H264, 0),
        (nals(SPS, PPS, b"\6" + sei(5, X264), SLICE), 0),
        (nals(SPS, PPS, b"\6" + sei(1, b"\1\2"), SLICE), 0),
        (nals(SPS, PPS, b"\x0c\xff\xff\x80", SLICE), 0),
        (H264 + bytes(4), 0),
        (nals(SPS, PPS, b"\6" + sei(5, bytes(16) + SECRET), SLICE), CONTENT),
        (nals(SPS, PPS, b"\6" + sei(4, b"\xb5\0\x31" + SECRET), SLICE), CONTENT),
        (nals(SPS, PPS, SLICE, b"\6" + sei(5, bytes(16) + SECRET)), CONTENT),
        (nals(SPS, PPS, b"\6" + sei(5, bytes(16) + SECRET * 20), SLICE), CONTENT),
        (nals(SPS, PPS, b"\6" + sei(1, b"\1\2") + SECRET, SLICE), CONTENT),
        (nals(SPS, PPS, b"\x0c" + SECRET, SLICE), CONTENT),
        (nals(SPS, PPS, b"\x18" + SECRET, SLICE), CONTENT),
        (nals(SPS, PPS, b"\0" + SECRET, SLICE), CONTENT),
        (nals(SPS, PPS, b"\6" + sei(5, X264 + SECRET), SLICE), CONTENT),
        (SECRET + H264, CONTENT),
    ],
)
def test_h264(stream, found):
    assert streams.walk_video(window(stream), "h264") & CONTENT == found


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (HEVC, 0),
        (HEVC + nals(b"\x4e\1" + sei(5, bytes(16) + SECRET)), CONTENT),
        (HEVC + nals(b"\x50\1" + sei(4, SECRET)), CONTENT),
        (HEVC + nals(b"\x60\1" + SECRET), CONTENT),
        (HEVC + nals(b"\x4c\1" + SECRET), CONTENT),
    ],
)
def test_hevc(stream, found):
    assert streams.walk_video(window(stream), "hevc") & CONTENT == found


MPEG2 = b"\0\0\1\xb3\x16\0\xf0\x15\xff\xff\xe0\x18\0\0\1\xb8\0\x08\0\0" + (
    b"\0\0\1\0\0\x0f\xff\xf8" + b"\0\0\1\1\x12\x34\x56" + b"\0\0\1\xb7"
)


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (MPEG2, 0),
        (MPEG2 + bytes(4), 0),
        (MPEG2[:-4] + b"\0\0\1\xb2" + SECRET + b"\0\0\1\xb7", CONTENT),
        (MPEG2 + SECRET, CONTENT),
        (b"\0\0\1\xba\x44\0\4\0" + MPEG2, UNKNOWN),
        (b"\0\0\1\xba\x44\0\4\0" + b"\0\0\1\xc0\0\x08" + bytes(8), UNKNOWN | CONTENT | AUDIO),
        (b"\x47" + bytes(187), UNKNOWN),
        (b"\0\0\1\xba\x44\0\4\0" + b"\0\0\1\xb2" + SECRET, UNKNOWN | CONTENT),
    ],
)
def test_mpeg2(stream, found):
    assert streams.walk_mpeg2(window(stream)) == found


def mp4(
    *, inside: bytes = b"", media: bytes | None = None, end: bytes = b"", made: int = 0
) -> bytes:
    units = (
        media
        if media is not None
        else b"".join(struct.pack(">I", len(u)) + u for u in (SPS, SLICE))
    )
    mvhd = box(b"mvhd", struct.pack(">III", 0, made, made) + bytes(88))
    hdlr = box(b"hdlr", bytes(8) + b"vide" + bytes(12) + b"VideoHandler\0")
    track = box(b"trak", box(b"mdia", hdlr + box(b"minf", box(b"stbl", box(b"stsz", bytes(12))))))
    moov = box(b"moov", mvhd + track + inside)
    return box(b"ftyp", b"isom\0\0\0\0") + moov + box(b"mdat", units) + end


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (mp4(), 0),
        (mp4(inside=box(b"udta", SECRET)), CONTENT),
        (mp4(inside=box(b"meta", SECRET)), CONTENT),
        (mp4(end=box(b"uuid", SECRET)), CONTENT),
        (mp4(end=box(b"free", SECRET)), CONTENT),
        (mp4(end=box(b"free", bytes(8))), 0),
        (mp4(made=3_800_000_000), CONTENT),
        (
            mp4(inside=box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"soun" + bytes(12))))),
            CONTENT | AUDIO,
        ),
        (
            mp4(
                inside=box(
                    b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"vide" + bytes(12) + SECRET))
                )
            ),
            CONTENT,
        ),
        (
            mp4(media=struct.pack(">I", 60) + b"\6" + sei(5, bytes(16) + SECRET) + bytes(12)),
            CONTENT,
        ),
        (mp4(media=SECRET), UNKNOWN),
        (mp4(end=SECRET[:6]), CONTENT),
    ],
)
def test_mp4(stream, found):
    assert streams.walk_video(window(stream), "h264") & (CONTENT | UNKNOWN | AUDIO) == found


# ------------------------------------------------------------------ whole objects


def pixels_of(
    ds: Dataset,
    value: bytes,
    vr: bytes = b"OW",
    *,
    bits: int = 16,
    stored: int | None = None,
    frames: int | None = None,
    high: int | None = None,
    signed: int = 0,
    **more: object,
) -> Dataset:
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 4, 4, 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored = bits, stored or bits
    ds.HighBit, ds.PixelRepresentation = (ds.BitsStored - 1 if high is None else high), signed
    if frames:
        ds.NumberOfFrames = frames
    for name, held in more.items():
        setattr(ds, name, held)
    ds.add_new(0x7FE00010, vr.decode(), value)
    return ds


def in_syntax(content: bytes, syntax: str) -> bytes:
    """State another transfer syntax, also one that nobody knows."""
    old = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1\0")
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    length = struct.unpack("<I", content[140:144])[0] + len(uid) - 20
    assert content.count(old) == 1
    content = content.replace(old, element(2, 0x10, b"UI", uid))
    return content[:140] + struct.pack("<I", length) + content[144:]


def encapsulated(
    *frames: bytes,
    syntax: str,
    table: bytes = b"",
    number: int | None = None,
    bits: int = 8,
    size: int = 8,
    end: bytes = b"",
) -> bytes:
    ds = sample()
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.BitsAllocated = size, size, 1, bits
    ds.BitsStored = ds.BitsAllocated
    if number:
        ds.NumberOfFrames = number
    content = in_syntax(encoded(ds, pixels=0), syntax) + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    for each in (table, *frames):
        even = each + b"\0" * (len(each) % 2)
        content += b"\xfe\xff\x00\xe0" + struct.pack("<I", len(even)) + even
    return content + b"\xfe\xff\xdd\xe0" + bytes(4) + end


EMBEDDED = (
    "preambles_used",
    "jpeg_metadata_files",
    "jpeg2000_metadata_files",
    "stream_metadata_files",
    "document_metadata_files",
    "pixel_excess_files",
    "files_in_binaries",
    "trailing_data_files",
    "streams_not_understood",
    "icc_profiles",
    "hidden_elements",
    "audio_files",
)


def facts(content: bytes) -> set[str]:
    listed = Listed(path=b"x", shown="x", size=len(content))
    record = read_content(listed, lambda o, n: content[o : o + n], len(content), payloads=True)
    assert record.header is not None
    counts = {bit: 1 for bit in NOTICED_BITS if record.header.noticed & bit}
    told = facts_from({Noticed.INSTANCE: 1, **counts}, payloads=True)
    return {name for name in EMBEDDED if told[name]}


CLEAN = bytes(range(32))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_native_pixels_beyond_the_frames(syntax):
    def found(value: bytes, **kept: object) -> set[str]:
        return facts(encoded(pixels_of(sample(), value, **kept), syntax, pixels=0))

    assert found(CLEAN) == set()
    assert found(CLEAN * 3, frames=3) == set()
    assert found(CLEAN + bytes(8)) == set()
    assert found(CLEAN + SECRET) == {"pixel_excess_files"}
    assert found(CLEAN * 3) == {"pixel_excess_files"}
    assert found(CLEAN * 3, frames=2) == {"pixel_excess_files"}
    assert found(CLEAN, Rows=0) == {"streams_not_understood"}


@pytest.mark.parametrize(
    ("values", "kept", "found"),
    [
        ([0x0FFF] * 16, {"stored": 12}, False),
        ([0x0FFF] * 15 + [0x10FF], {"stored": 12}, True),
        ([0xFFFF] * 16, {"stored": 12, "signed": 1}, False),
        ([0xF000] * 16, {"stored": 12, "signed": 1}, True),
        ([0x1001] * 16, {"stored": 12, "signed": 1}, True),
        ([0xFFF0] * 16, {"stored": 12, "high": 15}, False),
        ([0xFFF1] * 16, {"stored": 12, "high": 15}, True),
        ([0xF830] * 8 + [1] * 8, {"stored": 12, "PixelPaddingValue": 0xF830}, False),
    ],
)
def test_bits_beside_those_stored(values, kept, found):
    content = encoded(pixels_of(sample(), struct.pack("<16H", *values), **kept), pixels=0)
    assert facts(content) == ({"pixel_excess_files"} if found else set())


@pytest.mark.parametrize(
    ("syntax", "clean", "carrying", "fact"),
    [
        ("50", jpeg(), JPEGS["a comment between scans"], "jpeg_metadata_files"),
        ("57", jpeg(), JPEGS["JFXX thumbnail"], "jpeg_metadata_files"),
        ("70", jpeg(), JPEGS["two pictures"], "jpeg_metadata_files"),
        ("80", LS + EOI, LS + EOI + SECRET, "jpeg_metadata_files"),
        ("90", j2k(), J2K["third tile-part header"], "jpeg2000_metadata_files"),
        ("91", jp2(), JP2["uuid behind"], "jpeg2000_metadata_files"),
        ("201", j2k(), J2K["a comment of HTJ2K"], "jpeg2000_metadata_files"),
        ("203", jp2(), JP2["xml"], "jpeg2000_metadata_files"),
        ("100", MPEG2, MPEG2 + SECRET, "stream_metadata_files"),
        ("102", H264, H264 + nals(b"\6" + sei(5, bytes(16) + SECRET)), "stream_metadata_files"),
        ("102.1", H264, H264 + nals(b"\x18" + SECRET), "stream_metadata_files"),
        ("104", mp4(), mp4(inside=box(b"udta", SECRET)), "stream_metadata_files"),
        ("107", HEVC, HEVC + nals(b"\x4e\1" + sei(4, SECRET)), "stream_metadata_files"),
    ],
)
def test_streams_of_objects(syntax, clean, carrying, fact):
    assert facts(encapsulated(clean, syntax=STEM + syntax)) == set()
    assert fact in facts(encapsulated(carrying, syntax=STEM + syntax))
    # in two fragments, cut anywhere
    for cut in (5, len(carrying) // 2, len(carrying) - 2):
        parts = carrying[: cut - cut % 2], carrying[cut - cut % 2 :]
        found = facts(encapsulated(*parts, syntax=STEM + syntax))
        assert found & {fact, "pixel_excess_files"}


@pytest.mark.parametrize("syntax", ["1.2.3.4", STEM + "110", STEM + "94", "1.2.840.113619.5.2"])
def test_an_unknown_transfer_syntax_is_not_understood(syntax):
    assert "streams_not_understood" in facts(encapsulated(b"\1\2\3\4", syntax=syntax))


@pytest.mark.parametrize(
    "syntax", [STEM + "50", STEM + "80", STEM + "90", STEM + "102", STEM + "104"]
)
def test_a_stream_of_another_kind_is_not_understood(syntax):
    assert "streams_not_understood" in facts(encapsulated(b"RIFFxxxx", syntax=syntax))


@pytest.mark.parametrize(
    ("frames", "table", "number", "found"),
    [
        ([jpeg(), jpeg()], b"", 2, False),
        ([jpeg(), jpeg()], struct.pack("<2I", 0, 8 + len(jpeg()) + len(jpeg()) % 2), 2, False),
        ([jpeg()], bytes(4), 1, False),
        ([jpeg(), jpeg()], b"", 1, True),
        ([jpeg(), jpeg(), jpeg()], b"", 2, True),
        ([jpeg(), jpeg()], bytes(4), 2, True),
        ([jpeg()], SECRET, 1, True),
        ([jpeg()], bytes(4) + b"Jane", 1, True),
        ([jpeg(), SECRET], bytes(4), 1, True),
        ([SECRET, jpeg()], b"", 1, True),
        ([jpeg(), SECRET, jpeg()], b"", 2, True),
    ],
)
def test_fragments_that_no_frame_needs(frames, table, number, found):
    told = facts(encapsulated(*frames, syntax=STEM + "50", table=table, number=number))
    assert bool(told) is found


def test_rle_and_deflated_frames_of_objects():
    for end, found in ((b"", set()), (SECRET, {"stream_metadata_files"})):
        content = encapsulated(rle(RUN, end=end), syntax="1.2.840.10008.1.2.5")
        assert facts(content) == found
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(bytes(64)) + packer.flush()
        content = encapsulated(packed + end, syntax="1.2.840.10008.1.2.8.1")
        assert facts(content) == found


def test_bytes_after_the_last_element():
    for ds in (
        pixels_of(sample(), CLEAN),
        sample(Modality="SR", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"),
    ):
        plain = encoded(ds, pixels=0)
        assert facts(plain) == set()
        assert facts(plain + bytes(40)) == set()
        assert facts(plain + element(0xFFFC, 0xFFFC, b"OB", bytes(40))) == set()
        padded = plain + element(0xFFFC, 0xFFFC, b"OB", SECRET)
        assert facts(padded) == {"trailing_data_files"}
        assert facts(plain + SECRET) >= {"trailing_data_files"}
        assert facts(plain + bytes(40) + SECRET) >= {"trailing_data_files"}
    behind = encoded(pixels_of(sample(), CLEAN), pixels=0)
    behind += element(0x7FE1, 0x0010, b"LO", b"ACME") + element(0x7FE1, 0x1010, b"LO", SECRET)
    assert facts(behind) == {"trailing_data_files"}


@pytest.mark.parametrize("end", [SECRET, jpeg()])
def test_bytes_after_encapsulated_pixels(end):
    told = facts(encapsulated(jpeg(), syntax=STEM + "50", end=end))
    assert "trailing_data_files" in told


FILES = {
    "JPEG": jpeg(),
    "PDF": b"%PDF-1.4 x",
    "PNG": b"\x89PNG\r\n\x1a\n" + bytes(8),
    "GIF": b"GIF89a" + bytes(8),
    "TIFF": b"II*\0\x08\0\0\0",
    "TIFF of a Macintosh": b"MM\0*\0\0\0\x08",
    "zip": b"PK\3\4" + bytes(9),
    "gzip": b"\x1f\x8b\x08\0" + bytes(9),
    "wave": b"RIFF\0\0\0\0WAVEfmt ",
    "MP3": b"ID3\3\0\0\0\0",
    "Ogg": b"OggS\0\0\0\0",
    "AMR": b"#!AMR\n\0\0",
    "XML": b"<?xml version='1.0'?>",
    "Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "RTF": b"{\\rtf1 x}",
    "HL7": b"MSH|^~\\&|x",
    "MP4": b"\0\0\0\x18ftypisom",
    "DICOM": bytes(128) + b"DICM",
    "JPEG 2000": j2k(),
    "text": b"Patient Jane Roe, born 3 May 1961, of Mercy Hospital",
    "a PDF behind other bytes": bytes(range(200)) + b"%PDF-1.4 x",
    "EXIF behind other bytes": bytes(range(99)) + b"Exif\0\0II*\0",
}


@pytest.mark.parametrize("name", FILES)
def test_files_in_binary_values(name):
    value = FILES[name] + b"\0" * (len(FILES[name]) % 2)
    ds = pixels_of(sample(), CLEAN)
    ds.add_new(0x00281201, "OW", value)
    assert facts(encoded(ds, pixels=0)) == {"files_in_binaries"}
    inner = Dataset()
    inner.add_new(0x00281408, "OW", value)
    ds = pixels_of(sample(), CLEAN)
    ds.add_new(0x00089215, "SQ", [inner])
    assert facts(encoded(ds, pixels=0)) == {"files_in_binaries"}
    if name != "text":
        ds = pixels_of(sample(), CLEAN)
        block = ds.private_block(0x0029, "ACME 1.0", create=True)
        block.add_new(0x10, "OB", value)
        block.add_new(0x11, "UN", bytes(4) + bytes(range(16)))
        assert facts(encoded(ds, pixels=0)) == {"files_in_binaries"}


def test_binary_values_of_numbers_are_none():
    ds = pixels_of(sample(), CLEAN)
    ds.add_new(0x00281201, "OW", struct.pack("<256H", *range(0, 65536, 256)))
    ds.add_new(0x00281202, "OW", bytes(range(256)) * 2)
    assert facts(encoded(ds, pixels=0)) == set()


@pytest.mark.parametrize(
    ("interpretation", "frequency", "sound"),
    [("UB", "8000", True), ("MB", "8000", True), ("AB", "1000", True), ("SS", "500", False)],
)
def test_waveforms_that_are_speech(interpretation, frequency, sound):
    item = Dataset()
    item.SamplingFrequency = frequency
    item.WaveformBitsAllocated = 8
    item.WaveformSampleInterpretation = interpretation
    item.add_new(0x54001010, "OB", bytes(8))
    ds = sample(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.9.1.1", Modality="ECG", WaveformSequence=[item]
    )
    assert facts(encoded(ds, pixels=0)) == ({"audio_files"} if sound else set())


@pytest.mark.parametrize("number", ["1", "2"])
def test_voice_audio_objects_are_sound_also_without_payloads(tmp_path, number):
    ds = sample(SOPClassUID=f"1.2.840.10008.5.1.4.1.1.9.4.{number}", Modality="AU")
    (tmp_path / "a.dcm").write_bytes(encoded(ds, pixels=0))
    assert read_dicom([tmp_path]).facts["audio_files"] == 1


def test_colour_profiles_of_objects():
    for data, found in ((profile(), set()), (profile("Mercy Hospital"), {"icc_profiles"})):
        ds = pixels_of(sample(), CLEAN)
        ds.ICCProfile = data
        assert facts(encoded(ds, pixels=0)) == found
        path = Dataset()
        path.ICCProfile = data
        ds = pixels_of(sample(OpticalPathSequence=[path]), CLEAN)
        assert facts(encoded(ds, pixels=0)) == found


def test_text_behind_a_zero_byte_is_hidden():
    ds = pixels_of(sample(), CLEAN)
    ds.add_new(0x0008103E, "LO", "axial\0Jane Roe")
    assert "hidden_elements" in facts(encoded(ds, pixels=0))


def test_a_deflated_object_is_walked():
    plain = encoded(pixels_of(sample(), CLEAN), "1.2.840.10008.1.2.1.99", pixels=0)
    assert facts(plain) == set()
    assert facts(plain + SECRET) == {"trailing_data_files"}
    excess = encoded(pixels_of(sample(), CLEAN + SECRET), "1.2.840.10008.1.2.1.99", pixels=0)
    assert facts(excess) == {"pixel_excess_files"}


# ------------------------------------------------------------------ oracle, hostile input

exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
_OF_NO_MEANING = ("File:", "System:", "ExifTool:", "SourceFile", "Composite:")


def told(folder, streams_by_name: dict[str, bytes], suffix: str) -> dict[str, set[str]]:
    """What exiftool reads out of each stream, besides its size and kind."""
    places = {}
    for number, (name, data) in enumerate(streams_by_name.items()):
        path = folder / f"{number}{suffix}"
        path.write_bytes(data)
        places[str(path)] = name
    command = ["exiftool", "-json", "-G1", "-a", "-u", "-U", *places]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    return {
        places[one["SourceFile"]]: {
            key
            for key in one
            if not key.startswith(_OF_NO_MEANING) or "Comment" in key or "Warning" in key
        }
        for one in json.loads(done.stdout)
    }


@exiftool
@pytest.mark.parametrize(
    ("clean", "carrying", "suffix", "walk"),
    [
        (jpeg(), JPEGS, ".jpg", streams.walk_jpeg),
        (jp2(), JP2, ".jp2", streams.walk_jpeg2000),
        (j2k(), J2K, ".j2c", streams.walk_jpeg2000),
    ],
)
def test_what_exiftool_reads_is_found(tmp_path, clean, carrying, suffix, walk):
    seen = told(tmp_path, {"": clean, **carrying}, suffix)
    more = {name for name, keys in seen.items() if keys - seen[""]}
    assert len(more) >= 3
    assert {name for name in more if not walk(window(carrying[name])) & CONTENT} == set()


SEEDS = [
    *JPEGS.values(),
    *J2K.values(),
    *JP2.values(),
    H264,
    HEVC,
    MPEG2,
    mp4(),
    LS + EOI,
    rle(RUN),
]


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8)
)
def test_changed_streams_end_in_time(seed, changes):
    data = bytearray(seed)
    for share, value in changes:
        data[int(share * (len(data) - 1))] = value
    for walk in dict.fromkeys(WALKS.values()):
        assert walk(window(bytes(data))) in range(8)
    harmless.is_plain_profile(bytes(data))
    assert streams.rle_is_tight(bytes(data), 1, 64) in range(8)


@pytest.mark.parametrize(
    "unit",
    [
        b"\xff\xd0",
        b"\xff",
        b"\xff\xfe\0\2",
        b"\0\0\1\xb2",
        b"\0\0\1\6",
        b"\0\0\0\x08free",
        b"\xff\x64\0\2",
        b"\0\0\0\1\x09",
        b"\xff\xd9",
        b"\xff\xda\0\2",
        b"\xff\x90\0\x0a" + bytes(8) + b"\xff\x93",
    ],
)
def test_hostile_streams_take_little_time(unit):
    data = unit * (120_000 // len(unit))
    for start in (b"\xff\xd8", b"\xff\x4f", SIGNATURE, b"\0\0\0\x10ftypisom\0\0\0\0", b""):
        whole = start + data
        began = time.process_time()
        for walk in dict.fromkeys(WALKS.values()):
            walk(window(whole))
        assert time.process_time() - began < 2

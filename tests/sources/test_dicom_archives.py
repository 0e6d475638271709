"""Archives and URLs are read where they lie; what is unsafe in them is refused."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import os
import tarfile
import threading
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from dicom_samples import collection, element, encoded, sample, with_elements

from midi_risk.errors import SourceError
from midi_risk.sources.files import archives
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.files.remote import UNREACHABLE, shown_url
from midi_risk.sources.scan.scan import read_dicom


def by_name(reading) -> dict[str, tuple[str, str]]:
    rows = reading.files.to_pylist()
    return {row["path"].split("!/")[-1]: (row["status"], row["reason"]) for row in rows}


def subjects(reading) -> list[str]:
    return sorted(set(reading.table.rows["PatientID"].to_pylist()))


def pack(folder: Path, target: Path, kind: str) -> Path:
    files = collection(folder, 3, 4)
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
            for path in files:
                out.write(path, str(path.relative_to(folder)))
    else:
        with tarfile.open(target, "w:gz" if kind == "tgz" else "w") as out:
            for path in files:
                out.add(path, str(path.relative_to(folder)))
    return target


@pytest.mark.parametrize(
    ("kind", "name"), [("zip", "a.zip"), ("tar", "a.tar"), ("tgz", "a.tar.gz"), ("tgz", "a.tgz")]
)
def test_an_archive_holds_what_its_folder_holds(tmp_path, kind, name):
    packed = pack(tmp_path / "in", tmp_path / name, kind)
    plain, inside = read_dicom([tmp_path / "in"]), read_dicom([packed])
    assert inside.files["status"].to_pylist() == ["read"] * 12
    assert inside.facts == plain.facts
    key = "SOPInstanceUID"
    rows = sorted(plain.table.rows.to_pylist(), key=lambda row: row[key])
    assert sorted(inside.table.rows.to_pylist(), key=lambda row: row[key]) == rows


def test_archives_met_in_a_folder_are_read_and_stored(tmp_path):
    pack(tmp_path / "a", tmp_path / "in.zip", "zip")
    pack(tmp_path / "a", tmp_path / "in.tgz", "tgz")
    for _ in range(2):
        reading = read_dicom([tmp_path], store=tmp_path.with_name("store"), jobs=2)
        assert reading.facts["instances"] == 36
        assert set(reading.files["status"].to_pylist()) == {"read"}


GOOD = encoded(sample())


def test_unsafe_members_of_a_zip_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("good.dcm", GOOD)
        out.writestr("../climb.dcm", GOOD)
        out.writestr("/abs.dcm", GOOD)
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "/etc/passwd")
        out.writestr("inner.zip", b"PK\x03\x04" + bytes(40))
        out.writestr("bomb.dcm", bytes(40 << 20))
        out.writestr("notes.txt", "hello")
    found = by_name(read_dicom([path]))
    assert found["good.dcm"] == ("read", "")
    assert found["../climb.dcm"] == ("unreadable", archives.UNSAFE)
    assert found["abs.dcm" if "abs.dcm" in found else "/abs.dcm"] == ("unreadable", archives.UNSAFE)
    assert found["link"] == ("not_dicom", archives.LINK)
    assert found["inner.zip"] == ("unreadable", archives.NESTED)
    assert found["bomb.dcm"] == ("unreadable", archives.BOMB)
    assert found["notes.txt"] == ("not_dicom", "a text file")


def test_encrypted_members_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("secret.dcm", GOOD)
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(mark) + offset] |= 1
    path.write_bytes(raw)
    assert by_name(read_dicom([path])) == {"secret.dcm": ("unreadable", archives.ENCRYPTED)}


def test_members_with_a_wrong_checksum_do_not_pass_silently(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("x.dcm", GOOD)
    raw = bytearray(path.read_bytes())
    raw[80] ^= 0xFF
    path.write_bytes(raw)
    ((status, _),) = by_name(read_dicom([path])).values()
    assert status == "unreadable"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_unsafe_members_of_a_tar_are_refused(tmp_path, mode):
    path = tmp_path / ("a.tar" if mode == "w" else "a.tar.gz")
    with tarfile.open(path, mode) as out:

        def add(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), kind, "/etc/passwd"
            out.addfile(info, io.BytesIO(content))

        add("good.dcm", GOOD)
        add("../climb.dcm", GOOD)
        add("link", kind=tarfile.SYMTYPE)
        add("hard", kind=tarfile.LNKTYPE)
        add("pipe", kind=tarfile.FIFOTYPE)
        add("inner.gz", gzip.compress(GOOD))
        add("good2.dcm", GOOD)
    found = by_name(read_dicom([path]))
    assert found["good.dcm"] == found["good2.dcm"] == ("read", "")
    assert found["../climb.dcm"] == ("unreadable", archives.UNSAFE)
    assert found["link"] == found["hard"] == ("not_dicom", archives.LINK)
    assert found["pipe"] == ("unreadable", archives.SPECIAL)
    assert found["inner.gz"] == ("unreadable", archives.NESTED)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_cut_archives_are_damaged_and_not_silent(tmp_path, name):
    kind = {"a.zip": "zip", "a.tar": "tar", "a.tar.gz": "tgz"}[name]
    path = pack(tmp_path / "in", tmp_path / name, kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reading = read_dicom([path])
    assert "unreadable" in reading.files["status"].to_pylist()


def test_a_gzip_bomb_of_a_tar_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 1 << 16)
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as out:
        info = tarfile.TarInfo("zeros.dcm")
        info.size = 8 << 20
        out.addfile(info, io.BytesIO(bytes(info.size)))
    assert ("unreadable", archives.BOMB) in by_name(read_dicom([tmp_path])).values()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_header_of_a_tar_that_no_header_is_as_large_as(tmp_path, mode):
    path = tmp_path / ("a.tar" if mode == "w" else "a.tar.gz")
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT) as out:
        first = tarfile.TarInfo("good.dcm")
        first.size = len(GOOD)
        out.addfile(first, io.BytesIO(GOOD))
        big = tarfile.TarInfo("big.dcm")
        big.pax_headers = {"comment": "x" * (80 << 20)}
        out.addfile(big, io.BytesIO())
    listed = Listed(path=os.fsencode(path), shown="a", size=path.stat().st_size)
    kind = archives.archive_kind(listed.path)
    tracemalloc.start()
    try:
        members = list(archives.list_members(listed, kind))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert [member.reason for member in members] == ["", archives.DAMAGED]
    assert by_name(read_dicom([path]))["good.dcm"] == ("read", "")


def test_a_zip_member_without_a_name_is_accounted_for(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("nameless", GOOD)
        out.writestr("x.dcm", GOOD)
    path.write_bytes(path.read_bytes().replace(b"nameless", bytes(8)))
    assert by_name(read_dicom([path])) == {"": ("read", ""), "x.dcm": ("read", "")}


def test_an_empty_archive_is_accounted_for(tmp_path):
    zipfile.ZipFile(tmp_path / "a.zip", "w").close()
    (row,) = read_dicom([tmp_path]).files.to_pylist()
    assert (row["status"], row["reason"]) == ("not_dicom", "an archive without files")


def test_dicom_named_like_an_archive_is_dicom(tmp_path):
    (tmp_path / "a.zip").write_bytes(GOOD)
    assert read_dicom([tmp_path]).files["status"].to_pylist() == ["read"]


def test_a_url_shows_no_credentials():
    assert shown_url("s3://key:secret@bucket/x?sig=1#f") == "s3://bucket/x"


def test_a_memory_file_system_is_read(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    memory = fsspec.filesystem("memory")
    for path in collection(tmp_path, 2, 3):
        memory.pipe(f"/bucket/{path.parent.name}/{path.name}", path.read_bytes())
    memory.pipe("/bucket/notes.txt", b"hello")
    for _ in range(2):
        reading = read_dicom(["memory://bucket"], store=tmp_path / "store", jobs=2)
        assert reading.facts["instances"] == 6
        assert by_name(reading)["memory://bucket/notes.txt"] == ("not_dicom", "a text file")
        assert subjects(reading) == ["P0", "P1"]


class Whole(http.server.SimpleHTTPRequestHandler):
    """A server that ignores ranges."""

    def log_message(self, *_args: object) -> None:
        pass


class Ranges(Whole):
    """A server that answers ranges."""

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        if not asked:
            super().do_GET()
            return
        first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
        content = Path(self.translate_path(self.path)).read_bytes()[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Slow(Ranges):
    """A server that takes its time, and notes what is asked for and how much at once."""

    asked: ClassVar[list[tuple[str, str, str | None]]] = []
    waiting: ClassVar[list[int]] = [0, 0, 0]
    """At present, most of `HEAD` at once, most of `GET` at once."""
    fail: ClassVar[bool] = False
    lock = threading.Lock()

    def _noted(self, most: int, answer) -> None:
        with self.lock:
            self.asked.append((self.command, self.path, self.headers.get("Range")))
            self.waiting[0] += 1
            self.waiting[most] = max(self.waiting[most], self.waiting[0])
        time.sleep(0.02)
        with self.lock:
            self.waiting[0] -= 1
        if self.fail and not self.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
            self.send_error(500)
            return
        answer()

    def do_HEAD(self) -> None:
        self._noted(1, super().do_HEAD)

    def do_GET(self) -> None:
        self._noted(2, super().do_GET)


@pytest.fixture
def slow_server(tmp_path):
    pytest.importorskip("aiohttp", reason="the extra 'remote' is not installed")
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    folder = tmp_path / "in" / "all"
    folder.mkdir(parents=True)
    Slow.asked.clear()
    Slow.waiting[:] = [0, 0, 0]
    Slow.fail = False
    handler = functools.partial(Slow, directory=os.fspath(tmp_path / "in"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield folder, f"http://127.0.0.1:{server.server_port}/all/"
        finally:
            server.shutdown()
            thread.join()


def test_remote_files_are_read_many_at_a_time_and_by_their_beginnings(slow_server):
    folder, url = slow_server
    for number in range(24):
        ds = sample(number)
        if number % 3 == 0:
            ds.TextValue = "x" * 40_000
        content = encoded(ds, pixels=200_000)
        if number % 3 == 1:
            content = with_elements(content, element(0x0010, 0x0040, b"CS", b"M "), 200_000)
        (folder / f"{number:02d}.dcm").write_bytes(content)
    plain = read_dicom([folder])
    remote = read_dicom([url], jobs=1)
    assert remote.facts == plain.facts
    assert remote.table.rows.equals(plain.table.rows)
    _, lists, reads = Slow.waiting
    assert lists > 4
    assert reads > 4
    ranges: dict[str, list[str]] = {}
    for command, path, asked in Slow.asked:
        if command == "GET" and path.endswith(".dcm"):
            ranges.setdefault(path, []).append(asked)
    assert len(ranges) == 24
    for number, asked in enumerate(ranges[path] for path in sorted(ranges)):
        assert asked[0] == "bytes=0-16383"
        assert len(asked) == (2 if number % 3 == 0 else 1), asked


def test_a_remote_file_whose_rest_cannot_be_fetched_is_unreadable(slow_server):
    folder, url = slow_server
    long = element(0x0029, 0x1010, b"OB", b"x" * 40_000)
    twice = element(0x0010, 0x0040, b"CS", b"M ")
    for name, extra in (("fast", long), ("careful", twice + long)):
        (folder / f"{name}.dcm").write_bytes(with_elements(encoded(sample()), extra))
    (folder / "short.dcm").write_bytes(encoded(sample()))
    Slow.fail = True
    found = by_name(read_dicom([url], jobs=1))
    assert {name.rpartition("/")[2]: value for name, value in found.items()} == {
        "fast.dcm": ("unreadable", UNREACHABLE),
        "careful.dcm": ("unreadable", UNREACHABLE),
        "short.dcm": ("read", ""),
    }


@pytest.mark.parametrize("handlers", [Whole, Ranges])
def test_files_behind_http_are_read(tmp_path, handlers):
    pytest.importorskip("aiohttp", reason="the extra 'remote' is not installed")
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    (path, *_) = collection(tmp_path / "in", 1, 1)
    path.write_bytes(encoded(sample(0, 0, TextValue="x" * 40_000)))
    handler = functools.partial(handlers, directory=os.fspath(tmp_path / "in"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            reading = read_dicom([f"http://127.0.0.1:{server.server_port}/p000/000.dcm"], jobs=1)
        finally:
            server.shutdown()
            thread.join()
    assert reading.files["status"].to_pylist() == ["read"]
    assert subjects(reading) == ["P0"]


def test_a_url_that_cannot_be_listed_is_one_error():
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    with pytest.raises(SourceError, match="cannot be listed"):
        read_dicom(["memory://nothing-here"])
    with pytest.raises(SourceError, match="protocol that is not installed"):
        read_dicom(["nosuch://host/x"])


def test_a_file_url_leads_to_the_files_it_names(tmp_path):
    pytest.importorskip("fsspec", reason="the extra 'remote' is not installed")
    collection(tmp_path / "in", 2, 1)
    reading = read_dicom([(tmp_path / "in").as_uri()])
    assert subjects(reading) == ["P0", "P1"]
    assert set(reading.files["status"].to_pylist()) == {"read"}

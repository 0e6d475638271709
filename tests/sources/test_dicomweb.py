"""DICOMweb services as a source: the same subjects as from files, resumable, nothing given away."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from dicom_samples import collection
from dicomweb_service import Holdings, service

import midi_risk as mr
from midi_risk.errors import SourceError
from midi_risk.sources.files import dicomweb

pytest.importorskip("aiohttp")

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ASKS = "s3cret"
MISSING = shutil.which("Orthanc") is None or not PLUGIN.is_file()


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch, tmp_path):
    monkeypatch.delenv(dicomweb.TOKEN, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    dicomweb._system.cache_clear()


def subjects(source: str | Path, **given):
    extraction = mr.extract(str(source), **given)
    return mr.fold(extraction, mr.propose(extraction)), extraction


@pytest.mark.parametrize("pages", [True, False])
@pytest.mark.parametrize("every", [True, False])
def test_the_subjects_are_those_of_the_files(tmp_path, every, pages, monkeypatch):
    monkeypatch.setattr(dicomweb, "_PAGE", 2)
    collection(tmp_path / "in", 5, 4)
    holdings = Holdings(tmp_path / "in")
    holdings.pages = pages
    from_files, _ = subjects(tmp_path / "in")
    with service(holdings) as url:
        found, extraction = subjects(f"{url}?instances=all" if every else url)
    assert found.frame.equals(from_files.frame)
    assert found.digest == from_files.digest
    assert found.counts["series"] == from_files.counts["series"]
    assert extraction.files.num_rows == (20 if every else 5)
    assert extraction.facts["unread_instances"] == (0 if every else 15)


def test_what_was_not_read_keeps_the_verdict_incomplete(tmp_path):
    collection(tmp_path / "in", 5, 4)
    with service(Holdings(tmp_path / "in")) as url:
        table, _ = subjects(url)
        whole, _ = subjects(f"{url}?instances=all")
    beside = {r.code: r for r in mr.assess(table).verdict.reasons}["beside_unread"]
    assert "15 instances" in beside.text
    assert "?instances=all" in beside.text
    assert "beside_unread" not in {r.code for r in mr.assess(whole).verdict.reasons}


def test_a_second_run_fetches_no_header_again(tmp_path):
    collection(tmp_path / "in", 4, 3)
    holdings = Holdings(tmp_path / "in")
    with service(holdings) as url:
        subjects(url, store=tmp_path / "store")
        assert sum(path.endswith("/metadata") for path in holdings.asked) == 4
        holdings.asked.clear()
        subjects(url, store=tmp_path / "store")
        assert sum(path.endswith("/metadata") for path in holdings.asked) == 0
        holdings.asked.clear()
        holdings.objects = holdings.objects[:-1]  # a series that changed is read again
        subjects(url, store=tmp_path / "store")
        assert sum(path.endswith("/metadata") for path in holdings.asked) == 1


def test_a_series_that_cannot_be_fetched_is_counted_and_the_others_are_read(tmp_path):
    collection(tmp_path / "in", 4, 2)
    holdings = Holdings(tmp_path / "in")
    series = holdings.objects[0].SeriesInstanceUID
    for broken in (404, b"<html>", b"[]", b"[3]", b'[{"00100020": {"vr": "LO", "Value": 7}}]'):
        holdings.broken = {f"{series}/instances/": broken}
        with service(holdings) as url:
            _, extraction = subjects(url)
        counts = extraction.file_counts()
        assert (counts["read"], counts["unreadable"]) == (3, 1)


def test_a_busy_service_is_asked_again(tmp_path, monkeypatch):
    collection(tmp_path / "in", 1, 1)
    holdings = Holdings(tmp_path / "in")
    plain, failed = holdings.answer, []

    def sometimes(path, query):
        if path.endswith("metadata") and not failed:
            failed.append(path)
            raise OSError
        return plain(path, query)

    monkeypatch.setattr(holdings, "answer", sometimes)
    with service(holdings) as url:
        _, extraction = subjects(url)
    assert failed
    assert extraction.file_counts()["read"] == 1


def test_who_may_not_ask_gets_one_line_and_credentials_stay_here(tmp_path, monkeypatch):
    collection(tmp_path / "in", 1, 1)
    holdings = Holdings(tmp_path / "in")
    holdings.token = f"Bearer {ASKS}"
    with service(holdings) as url:
        with pytest.raises(SourceError, match="netrc") as caught:
            subjects(url)
        assert "\n" not in str(caught.value)
        monkeypatch.setenv(dicomweb.TOKEN, "s3cret")
        dicomweb._system.cache_clear()
        _, extraction = subjects(url, store=tmp_path / "store")
        assert extraction.file_counts()["read"] == 1
        monkeypatch.delenv(dicomweb.TOKEN)
        dicomweb._system.cache_clear()
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login jo password s3cret\n")
        (tmp_path / "netrc").chmod(0o600)
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        holdings.token = "Basic " + base64.b64encode(b"jo:s3cret").decode()
        subjects(url)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert b"s3cret" not in kept
    assert "s3cret" not in repr(extraction.to_dict())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("dicomweb+http://example.org/dicom-web", "without encryption"),
        ("dicomweb+https://jo:s3cret@example.org/dicom-web", "must not hold credentials"),
        ("dicomweb+ftp://example.org", "no DICOMweb service"),
        ("dicomweb+https:///dicom-web", "no DICOMweb service"),
        ("dicomweb+https://example.org/x?instances=some", "question mark"),
    ],
)
def test_what_cannot_be_asked_safely_is_refused(url, said):
    with pytest.raises(SourceError, match=said) as caught:
        mr.extract(url)
    assert "s3cret" not in str(caught.value)


def test_an_empty_service_and_one_that_is_not_there_are_named(tmp_path):
    (tmp_path / "in").mkdir()
    with service(Holdings(tmp_path / "in")) as url, pytest.raises(SourceError, match="no study"):
        mr.extract(url)
    with pytest.raises(SourceError, match="cannot be asked"):
        mr.extract("dicomweb+http://127.0.0.1:9/dicom-web")


OK = 200


def asked(port: int, method: str, path: str, body: bytes | None = None) -> int:
    """The status that a server on this machine answers with."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.skipif(MISSING, reason="Orthanc and its DICOMweb plug-in are not on this machine")
def test_orthanc_gives_the_subjects_of_the_files(tmp_path):
    images = Path(__file__).resolve().parents[2] / "examples" / "lung-ct" / "images"
    files = sorted(path for path in images.rglob("*") if path.is_file())
    some = tmp_path / "in"
    some.mkdir()
    for number, path in enumerate(files[::4]):
        shutil.copy(path, some / f"{number:04}.dcm")
    port = 18042
    (tmp_path / "orthanc.json").write_text(
        json.dumps(
            {
                "Name": "test", "StorageDirectory": str(tmp_path / "db"), "HttpPort": port,
                "DicomServerEnabled": False, "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False, "Plugins": [str(PLUGIN)],
                "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            }
        )
    )  # fmt: skip
    with (tmp_path / "orthanc.log").open("wb") as log:
        running = subprocess.Popen(
            ["Orthanc", str(tmp_path / "orthanc.json")], stdout=log, stderr=log
        )
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with contextlib.suppress(OSError):
                if asked(port, "GET", "/system") == OK:
                    break
            time.sleep(0.2)
        stored = 0
        for path in sorted(some.iterdir()):
            if asked(port, "POST", "/instances", path.read_bytes()) == OK:
                stored += 1
            else:
                path.unlink()  # what Orthanc does not take is not compared
        assert stored > 100
        found, extraction = subjects(f"dicomweb+{base}/dicom-web?instances=all")
        sampled, _ = subjects(f"dicomweb+{base}/dicom-web")
    finally:
        running.terminate()
        running.wait(20)
    from_files, read = subjects(some)
    assert extraction.file_counts()["read"] == read.file_counts()["read"]
    assert found.frame.equals(from_files.frame)
    assert list(sampled.frame.index) == list(from_files.frame.index)
    assert sampled.frame["PatientAge"].equals(from_files.frame["PatientAge"])

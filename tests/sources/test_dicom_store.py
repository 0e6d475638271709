"""The scan store: nothing is read twice, nothing is lost, whatever the moment of a kill."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pydicom
import pytest
from dicom_samples import collection, encoded, sample

from midi_risk.errors import OutputError, SourceError
from midi_risk.sources.files import listing
from midi_risk.sources.scan import scan
from midi_risk.sources.scan import store as store_module
from midi_risk.sources.scan.scan import read_dicom
from midi_risk.sources.scan.store import ScanStore
from midi_risk.sources.select import sql_path

SLOW = pytest.mark.skipif("MIDI_RISK_SLOW_TESTS" not in os.environ, reason="takes minutes")


class Reads:
    """Counts files that are really read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from midi_risk.sources.scan import workers

        self.paths: list[str] = []
        plain = workers.read_local

        def counted(listed, *, payloads=False):
            self.paths.append(Path(listed.shown).name)
            return plain(listed, payloads=payloads)

        monkeypatch.setattr(workers, "read_local", counted)

    def take(self) -> list[str]:
        taken, self.paths = sorted(self.paths), []
        return taken


def rows(reading) -> list[tuple[object, ...]]:
    return sorted(tuple(row.items()) for row in reading.table.rows.to_pylist())


def test_a_second_scan_reads_nothing_and_says_the_same(tmp_path, monkeypatch):
    collection(tmp_path / "in", 3, 4)
    reads = Reads(monkeypatch)
    first = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    assert len(reads.take()) == 12
    second = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    assert reads.take() == []
    assert first.files.equals(second.files)
    assert first.facts == second.facts
    assert rows(first) == rows(second)


def test_changed_added_and_vanished_files_are_seen(tmp_path, monkeypatch):
    files = collection(tmp_path / "in", 2, 3)
    reads = Reads(monkeypatch)
    read_dicom([tmp_path / "in"], store=tmp_path / "store")
    reads.take()
    files[0].write_bytes(encoded(sample(0, 0, PatientAge="077Y")))
    os.utime(files[0], ns=(1, 1))
    files[1].unlink()
    (tmp_path / "in" / "added.dcm").write_bytes(encoded(sample(9, 9)))
    again = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    assert reads.take() == ["000.dcm", "added.dcm"]
    assert again.files.num_rows == 6
    assert again.facts["instances"] == 6
    assert "077Y" in again.table.rows["PatientAge"].to_pylist()
    assert rows(again) == rows(read_dicom([tmp_path / "in"], store=tmp_path / "other"))


def test_other_content_behind_the_same_size_and_time_is_seen(tmp_path, monkeypatch):
    files = collection(tmp_path / "in", 2, 3)
    read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    reads = Reads(monkeypatch)
    about = files[0].stat()
    old = pydicom.dcmread(files[0]).PatientID
    content = files[0].read_bytes()
    assert content.count(old.encode()) >= 1
    files[0].write_bytes(content.replace(old.encode(), b"Z" * len(old)))
    os.utime(files[0], ns=(about.st_atime_ns, about.st_mtime_ns))
    assert files[0].stat().st_mtime_ns == about.st_mtime_ns
    again = read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    assert len(reads.take()) == 1
    assert "Z" * len(old) in again.table.rows["PatientID"].to_pylist()
    assert again.files.num_rows == 6
    read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    assert not reads.take()


def test_another_machine_believes_path_size_and_time(tmp_path, monkeypatch):
    files = collection(tmp_path / "in", 2, 3)
    first = read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    monkeypatch.setattr(listing, "_machine", lambda: 70_000)
    reads = Reads(monkeypatch)
    about = files[0].stat()
    files[0].write_bytes(files[0].read_bytes())
    os.utime(files[0], ns=(about.st_atime_ns, about.st_mtime_ns))
    again = read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    assert not reads.take()
    assert rows(again) == rows(first)


def test_unreadable_files_are_tried_again(tmp_path, monkeypatch):
    from midi_risk.sources.scan import one_file

    (path,) = collection(tmp_path / "in", 1, 1)
    with monkeypatch.context() as patch:
        patch.setattr(one_file.os, "pread", lambda *_: (_ for _ in ()).throw(OSError(5, "EIO")))
        broken = read_dicom([path], store=tmp_path / "store")
    assert broken.files["status"].to_pylist() == ["unreadable"]
    healed = read_dicom([path], store=tmp_path / "store")
    assert healed.files["status"].to_pylist() == ["read"]
    assert healed.facts["instances"] == 1


def test_series_tuples_hold_what_the_instances_hold(tmp_path):
    collection(tmp_path / "in", 3, 4)
    one = read_dicom([tmp_path / "in"]).table
    folded = read_dicom([tmp_path / "in"], store=tmp_path / "store").table
    assert (one.level, folded.level) == ("instance", "series")
    assert folded.instances_column == "_instances"
    assert folded.rows["_instances"].to_pylist() == ["4", "4", "4"]
    for name in ("PatientID", "PatientAge", "SeriesInstanceUID", "Manufacturer"):
        assert set(one.rows[name].to_pylist()) == set(folded.rows[name].to_pylist())
    assert folded.rows["InstanceNumber"].to_pylist() == ["0\\3"] * 3


def test_a_value_that_varies_inside_a_series_is_not_lost(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number, age in enumerate(["040Y", "041Y", None]):
        ds = sample(number, 1, ImageComments=f"comment {number}")
        if age is None:
            del ds.PatientAge
        else:
            ds.PatientAge = age
        (folder / f"{number}.dcm").write_bytes(encoded(ds))
    folded = read_dicom([folder], store=tmp_path / "store").table
    assert sorted(map(str, folded.rows["PatientAge"].to_pylist())) == ["040Y", "041Y", "None"]
    assert folded.rows["_instances"].to_pylist() == ["1", "1", "1"]


def test_many_parts_are_compacted_and_old_generations_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_MANY_PARTS", 2)
    monkeypatch.setattr(scan, "flush_rows", lambda _unread: 1)
    monkeypatch.setattr(scan, "_CHUNK", 2)
    collection(tmp_path / "in", 3, 4)
    first = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    (inside,) = (tmp_path / "store").iterdir()
    assert [path.name for path in inside.glob("generation-*")] == ["generation-000001"]
    assert len(list(inside.rglob("part-*.parquet"))) <= 2
    second = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    assert first.files.equals(second.files)
    assert rows(first) == rows(second)


def test_leftovers_of_a_kill_during_compaction_do_no_harm(tmp_path):
    collection(tmp_path / "in", 2, 2)
    first = read_dicom([tmp_path / "in"], store=tmp_path / "store")
    (inside,) = (tmp_path / "store").iterdir()
    (inside / "generation-000001.tmp").mkdir()
    (inside / "generation-000001.tmp" / "part-000001-000000.parquet").write_bytes(b"PAR1")
    (inside / "generation-000000" / "part-000002-000001.parquet.tmp").write_bytes(b"half")
    assert rows(read_dicom([tmp_path / "in"], store=tmp_path / "store")) == rows(first)
    assert not list(inside.rglob("*.tmp"))


def test_two_scans_cannot_use_one_store(tmp_path):
    held = ScanStore(tmp_path / "store")
    with pytest.raises(SourceError, match="in use by another scan"):
        ScanStore(tmp_path / "store")
    held.close()
    ScanStore(tmp_path / "store").close()


def test_a_disk_that_is_full_while_rows_are_sorted_is_an_error_of_the_disk(tmp_path, monkeypatch):
    import duckdb

    from midi_risk.sources import select

    def full(*_args: object, **_given: object) -> None:
        raise duckdb.IOException("Could not write file: No space left on device")

    class Connection:
        __enter__ = lambda self: self  # noqa: E731 - a stand-in
        __exit__ = lambda *_: None  # noqa: E731
        execute = full

    monkeypatch.setattr(duckdb, "connect", lambda *_args, **_given: Connection())
    with pytest.raises(OSError, match="No space left") as found:
        select.copy_to(tmp_path / "x.parquet", "SELECT 1 AS a", rows=1)
    assert found.value.errno == errno.ENOSPC


def test_a_store_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        read_dicom([tmp_path], store=tmp_path / "file")


def test_parts_are_private(tmp_path):
    collection(tmp_path / "in", 1, 2)
    read_dicom([tmp_path / "in"], store=tmp_path / "store")
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "store").rglob("*.parquet")}
    assert modes == {0o600}


@pytest.mark.parametrize("name", ["it's", "a[b]*c?", 'quo"te; DROP TABLE x'])
def test_odd_folder_names_are_no_patterns_and_no_sql(tmp_path, name):
    collection(tmp_path / "in", 1, 2)
    for _ in range(2):
        assert read_dicom([tmp_path / "in"], store=tmp_path / name).facts["instances"] == 2
    assert sql_path(Path("a'b")) == "'a''b'"


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize(
    ("patients", "wanted", "in_flight", "settings"),
    [
        (60, 4, 150, "scan._CHUNK, scan.flush_rows = 50, lambda unread: 100"),
        pytest.param(1000, 20, 1024 + 256, "", marks=SLOW),
    ],
)
def test_kills_at_any_moment_lose_nothing_and_repeat_little(
    tmp_path, monkeypatch, patients, wanted, in_flight, settings
):
    files = len(collection(tmp_path / "in", patients, 20))
    whole = read_dicom([tmp_path / "in"], store=tmp_path / "whole", jobs=1)
    log = tmp_path / "reads.log"
    log.touch()
    script = tmp_path / "scan.py"
    script.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from midi_risk.sources.scan import scan, workers
        log = open({str(log)!r}, "ab", buffering=0)
        plain = workers.read_local
        def counted(listed, *, payloads=False):
            log.write(b"x")
            return plain(listed, payloads=payloads)
        workers.read_local = counted
        {settings}
        store = Path({str(tmp_path / "store")!r})
        scan.read_dicom([{str(tmp_path / "in")!r}], store=store, jobs=1)
        """)
    )
    chance = random.Random(5)  # noqa: S311 - moments of kills
    kills = 0
    for _ in range(wanted):
        process = subprocess.Popen([sys.executable, script])
        until = log.stat().st_size + chance.randrange(1, files // wanted + in_flight)
        while process.poll() is None and log.stat().st_size < until:
            time.sleep(0.001)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills >= wanted // 2
    reads = Reads(monkeypatch)
    final = read_dicom([tmp_path / "in"], store=tmp_path / "store", jobs=1)
    assert final.files.equals(whole.files)
    assert rows(final) == rows(whole)
    assert final.facts == whole.facts
    assert files <= log.stat().st_size + len(reads.take()) <= files + kills * in_flight

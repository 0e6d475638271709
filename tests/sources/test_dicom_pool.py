"""Worker processes: the same rows as without them, whatever happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from dicom_samples import collection

from midi_risk.errors import SourceError
from midi_risk.sources import executor as pool_module
from midi_risk.sources.executor import ENDED
from midi_risk.sources.files.listing import list_files
from midi_risk.sources.scan.scan import read_dicom
from midi_risk.sources.scan.workers import pack_task, reader, unpack_task

KILLER = """
import os, signal
from midi_risk.sources.scan import one_file, workers
plain = one_file.read_local
def read_local(listed, *, payloads=False):
    if b"poison" in listed.path:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(listed, payloads=payloads)
workers.read_local = read_local
from midi_risk.sources.executor import serve
serve()
"""


def rows_of(reading) -> list[dict[str, object]]:
    return reading.files.to_pylist()


def test_two_processes_read_what_one_reads(tmp_path):
    collection(tmp_path, 30, 12)
    one, two = read_dicom([tmp_path], jobs=1), read_dicom([tmp_path], jobs=2)
    assert rows_of(one) == rows_of(two)
    assert one.table.rows.to_pylist() == two.table.rows.to_pylist()
    assert one.facts == two.facts


def test_a_task_survives_the_journey(tmp_path):
    collection(tmp_path, 1, 2)
    (tmp_path / "a\nb").write_bytes(b"")
    files = list(list_files([tmp_path]))
    assert unpack_task(pack_task(files, payloads=True)) == (files, True)


def test_a_file_that_ends_its_worker_twice_is_blamed_and_nothing_else_is_lost(
    tmp_path, monkeypatch
):
    files = collection(tmp_path, 2, 2)
    files[2].rename(files[2].with_name("poison.dcm"))
    boot = "import json, sys; sys.path[:] = json.loads(sys.argv[1])\n" + KILLER
    monkeypatch.setattr(pool_module, "_BOOT", boot)
    rows = rows_of(read_dicom([tmp_path], jobs=2))
    assert len(rows) == 4
    blamed = [row for row in rows if row["status"] == "unreadable"]
    assert [row["reason"] for row in blamed] == [ENDED]
    assert "poison" in blamed[0]["path"]
    assert sum(row["status"] == "read" for row in rows) == 3


def test_workers_killed_from_outside_lose_nothing(tmp_path):
    collection(tmp_path, 40, 10)
    workers = [list(list_files([folder])) for folder in sorted(tmp_path.iterdir())]
    readers = reader(2)
    seen: list[str] = []
    kills = 0
    for result in readers.run(iter(workers)):
        for batch in result.parts:
            seen += batch.column("_path").to_pylist()
            assert set(batch.column("_status").to_pylist()) == {"read"}
        if len(seen) > 80 * (kills + 1) and kills < 2:
            kills += 1
            process = readers._workers[kills % 2]._process
            if process is not None:
                process.send_signal(signal.SIGKILL)
    assert len(seen) == len(set(seen)) == 400


def test_workers_that_cannot_start_do_not_stop_the_reading(tmp_path, monkeypatch):
    collection(tmp_path, 2, 3)
    monkeypatch.setattr(pool_module, "_BOOT", "raise SystemExit(1)")
    reading = read_dicom([tmp_path], jobs=2)
    assert reading.files["status"].to_pylist() == ["read"] * 6
    assert reading.findings == (pool_module.NOT_STARTED,)


def test_a_script_without_a_guard_may_use_processes(tmp_path):
    collection(tmp_path / "images", 2, 3)
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from midi_risk.sources.scan.scan import read_dicom
        print(read_dicom([{str(tmp_path / "images")!r}], jobs=2).files.num_rows)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "6"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupt_ends_everything_at_once(tmp_path):
    collection(tmp_path / "images", 60, 20)
    store = tmp_path / "store"
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from midi_risk.sources.scan import scan
        scan._CHUNK = 20
        def progress(done, total):
            print(done, flush=True)
        try:
            scan.read_dicom([{str(tmp_path / "images")!r}], jobs=2, progress=progress,
                             store=Path({str(store)!r}))
        except KeyboardInterrupt:
            sys.exit(130)
        """)
    )
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(30) == 130
    assert list(store.rglob("part-000001-*.parquet"))
    reading = read_dicom([tmp_path / "images"], jobs=1, store=store)
    assert reading.files.num_rows == 1200


def test_no_jobs_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="0 jobs"):
        read_dicom([tmp_path], jobs=0)


def test_progress_ends_at_the_number_of_files(tmp_path):
    collection(tmp_path, 4, 100)
    calls: list[tuple[int, int | None]] = []
    read_dicom([tmp_path], jobs=1, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (400, 400)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_slow_storage_is_read_ahead_and_gives_the_same(tmp_path, monkeypatch):
    from midi_risk.sources.scan import workers

    collection(tmp_path, 3, 10)
    files = list(list_files([tmp_path]))
    plain = workers.read_chunk(files)
    monkeypatch.setattr(workers, "_SLOW", -1.0)
    assert workers.read_chunk(files).equals(plain)

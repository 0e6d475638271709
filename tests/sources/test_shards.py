"""Shards of a scan: any order, any of them missing, and merged they are one store."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from dicom_samples import encoded, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_risk.errors import SourceError
from midi_risk.sources.files.listing import Listed, write_listing
from midi_risk.sources.scan import shards
from midi_risk.sources.scan.scan import read_dicom
from midi_risk.sources.scan.shards import Shard, files_of, list_once, merge_shards, read_shard
from midi_risk.sources.scan.store import ScanStore


def write_object(path: Path, patient: int, number: int) -> None:
    path.write_bytes(encoded(sample(number, patient)))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(60):
        write_object(folder / f"{number:03}.dcm", number % 7, number)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 5)


def read_all(store: Path, of: int, numbers=None) -> None:
    for number in numbers or range(1, of + 1):
        read_shard(store, Shard(number, of), jobs=1)


def rows(reading) -> list[tuple]:
    table = reading.table.rows
    return sorted(tuple(str(v) for v in row.values()) for row in table.to_pylist())


def test_the_merged_store_is_the_one_that_one_scan_makes(images, tmp_path):
    store = tmp_path / "store"
    assert list_once(store, [images]) == 61
    read_all(store, 4, [3, 1, 4, 2])
    merged = merge_shards(store)
    assert (merged.shards, merged.of, merged.missing, merged.complete) == (4, 4, (), True)
    done: list[tuple[int, int | None]] = []
    again = read_dicom([images], store=store, progress=lambda *at: done.append(at), jobs=1)
    assert done == []  # nothing was left to read
    whole = read_dicom([images], store=tmp_path / "other", jobs=1)
    assert rows(again) == rows(whole)
    assert again.facts == whole.facts
    assert again.elements == whole.elements
    assert again.files.num_rows == 61


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_with_a_shard_missing_its_files_alone_are_read(images, tmp_path, lost):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 3, [n for n in (1, 2, 3) if n != lost])
    merged = merge_shards(store)
    assert merged.missing == (lost,)
    left = len(list(files_of(store, Shard(lost, 3))))
    assert merged.left == left > 0
    done: list[int] = []
    again = read_dicom([images], store=store, progress=lambda n, _: done.append(n), jobs=1)
    assert done[-1] == 61
    assert min(done) > 61 - left
    assert rows(again) == rows(read_dicom([images], store=tmp_path / "other", jobs=1))


def test_merging_twice_and_reading_a_shard_again_change_nothing(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 2)
    merge_shards(store)
    read_all(store, 2, [2])
    assert merge_shards(store).complete
    again = read_dicom([images], store=store, jobs=1)
    whole = read_dicom([images], store=tmp_path / "other", jobs=1)
    assert rows(again) == rows(whole)
    assert again.elements == whole.elements


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 60), st.integers(0, 20))
def test_shards_are_a_partition_and_a_stream_stays_whole(of, plain, members):
    import tempfile

    listed = [Listed(path=b"f%d" % n, shown=f"f{n}") for n in range(plain)]
    inside = [Listed(path=b"a.tgz", shown=f"a.tgz/{n}", inside=f"tgz:{n}") for n in range(members)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_listing(folder, [*listed[: plain // 2], *inside, *listed[plain // 2 :]])
        taken = [[f.shown for f in files_of(folder, Shard(n, of))] for n in range(1, of + 1)]
    assert sorted(itertools.chain(*taken)) == sorted(f.shown for f in [*listed, *inside])
    assert sum(any(n.startswith("a.tgz") for n in part) for part in taken) == min(members, 1)


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "a/b", "-1/4", "1/0", "1/4/2", "1.5/4"])
def test_what_names_no_shard_is_refused(text):
    with pytest.raises(SourceError, match="3/64"):
        Shard.parse(text)


def test_each_thing_that_does_not_fit_is_refused_in_one_line(images, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    with pytest.raises(SourceError, match="no list"):
        read_shard(store, Shard(1, 2))
    with pytest.raises(SourceError, match="no list"):
        merge_shards(store)
    list_once(store, [images])
    with pytest.raises(SourceError, match="no shard"):
        merge_shards(store)
    read_all(store, 2)
    read_shard(store, Shard(1, 3), jobs=1)
    with pytest.raises(SourceError, match="2 and 3"):
        merge_shards(store)
    shutil.rmtree(store / Shard(1, 3).folder)
    write_object(images / "new.dcm", 1, 99)
    list_once(store, [images])
    for act in (lambda: merge_shards(store), lambda: read_shard(store, Shard(1, 2))):
        with pytest.raises(SourceError, match="another list"):
            act()


def test_a_shard_of_another_version_is_refused_and_the_store_stays(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 2)
    own = store / Shard(2, 2).folder / ScanStore.name(payloads=False)
    own.rename(own.with_name("dicom-ffffffffffff"))
    with pytest.raises(SourceError, match="another version"):
        merge_shards(store)
    assert not (store / ScanStore.name(payloads=False)).exists()


def test_two_mergers_at_once_and_a_shard_that_is_read_are_refused(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 2)
    for busy in (store, store / Shard(1, 2).folder):
        held = ScanStore(busy)
        try:
            with pytest.raises(SourceError, match="in use"):
                merge_shards(store)
        finally:
            held.close()
    assert merge_shards(store).complete


def test_a_half_written_part_and_a_broken_note_lose_nothing(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 2)
    folder = store / Shard(1, 2).folder
    own = folder / ScanStore.name(payloads=False) / "generation-000000"
    (own / "part-000009-000001.parquet.tmp").write_bytes(b"PAR1 half")
    assert merge_shards(store).complete
    (folder / "shard.json").write_text("{")
    with pytest.raises(SourceError, match="another list"):
        merge_shards(store)


def test_what_a_shard_keeps_is_for_its_owner_alone(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 2)
    merge_shards(store)
    for path in store.rglob("*"):
        if path.is_file():
            assert path.stat().st_mode & 0o077 == 0, path
    note = json.loads((store / Shard(1, 2).folder / "shard.json").read_text())
    assert set(note) == {"listing"}


def test_readings_with_payloads_are_merged_apart(images, tmp_path):
    store = tmp_path / "store"
    list_once(store, [images])
    for number in (1, 2):
        read_shard(store, Shard(number, 2), jobs=1, payloads=True)
    assert merge_shards(store).complete
    assert (store / ScanStore.name(payloads=True)).is_dir()
    assert not (store / ScanStore.name(payloads=False)).exists()
    parts = list((store / ScanStore.name(payloads=True)).rglob("part-*.parquet"))
    assert sum(pq.read_metadata(part).num_rows for part in parts) == 61


def test_a_file_that_cannot_be_read_is_met_and_counted(images, tmp_path):
    (images / "broken.dcm").write_bytes(b"")
    store = tmp_path / "store"
    list_once(store, [images])
    read_all(store, 3)
    merged = merge_shards(store)
    assert (merged.listed, merged.left, merged.unreadable) == (62, 0, 1)
    assert merged.complete


def test_every_shard_of_a_short_list_has_its_share(images, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "BLOCK", 1_024)
    store = tmp_path / "store"
    list_once(store, [images])
    sizes = [len(list(files_of(store, Shard(n, 4)))) for n in range(1, 5)]
    assert sum(sizes) == 61
    assert max(sizes) - min(sizes) <= 2

"""Writing what workers return into a scan store, a part at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pyarrow as pa

from midi_risk.sources.store import ScanStore


def flush_rows(unread: int) -> int:
    """Return how many rows make a part when so many files are to be read."""
    return min(max(unread // 500, 1024), 50_000)


def fill(
    store: ScanStore, batches: Iterable[pa.RecordBatch], rows: int, *, seconds: float = 5.0
) -> Iterator[int]:
    """Write batches into parts as they come; yield the number of files after each.

    What has come is written even when the caller stops or an interrupt arrives.
    """
    waiting: list[pa.RecordBatch] = []
    held = 0
    since = time.monotonic()
    try:
        for batch in batches:
            waiting.append(batch)
            held += batch.num_rows
            yield batch.num_rows
            if held >= rows or time.monotonic() - since > seconds:
                store.add(waiting)
                waiting, held, since = [], 0, time.monotonic()
    finally:
        store.add(waiting)

"""Reading from slow storage, for `extract.py`: a cold disk, and a server with latency."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from midi_risk.sources.files import remote
from midi_risk.sources.files.inputs import chunks_of
from midi_risk.sources.files.listing import Listed, list_files
from midi_risk.sources.scan import workers
from midi_risk.sources.scan.scan import read_dicom

_DROP = Path("/proc/sys/vm/drop_caches")


def _drop(files: list[Listed]) -> str:
    """Empty the page cache, of these files only where this user may do no more."""
    os.sync()
    try:
        _DROP.write_text("3")
    except OSError:
        for item in files:
            descriptor = os.open(item.path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)
        return "posix_fadvise"
    return "drop_caches"


def _read(files: list[Listed]) -> None:
    for chunk in chunks_of(iter(files), 256):
        workers.read_chunk(chunk)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - used


def cold(folder: Path, count: int) -> dict[str, object]:
    """Wall seconds over files that are in no cache, without and with reader threads."""
    files = [item for item in list_files([folder]) if item.path.endswith(b".dcm")][:count]
    wall: dict[str, float] = {}
    plain, how = workers._SLOW, ""  # noqa: SLF001
    for name, slow in (("alone", float("inf")), ("threads", plain)) * 2:
        how = _drop(files)
        workers._SLOW = slow  # noqa: SLF001
        spent, _ = _timed(lambda: _read(files))
        wall[name] = min(spent, wall.get(name, spent))
    workers._SLOW = plain  # noqa: SLF001
    warm, _ = _timed(lambda: _read(files))
    return {
        "files": len(files),
        "cache_emptied_by": how,
        "wall_s_alone": round(wall["alone"], 2),
        "wall_s_with_threads": round(wall["threads"], 2),
        "wall_s_warm": round(warm, 2),
        "ratio": round(wall["alone"] / wall["threads"], 1),
    }


class Handler(http.server.SimpleHTTPRequestHandler):
    """Ranges of files, each answer after some milliseconds; counts requests and bytes."""

    protocol_version = "HTTP/1.1"
    latency = 0.0

    def log_message(self, *_args: object) -> None:
        pass

    def send_response(self, code: int, message: str | None = None) -> None:
        time.sleep(self.latency)
        super().send_response(code, message)

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        if not asked:
            super().do_GET()
            return
        first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
        with Path(self.translate_path(self.path)).open("rb") as handle:
            handle.seek(first)
            content = handle.read(last + 1 - first)
        self.send_response(206)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(http.server.ThreadingHTTPServer):
    """One that many may ask at once."""

    request_queue_size = 256
    daemon_threads = True


def serve(folder: str, latency: str) -> None:
    """Serve a folder on loopback until killed; print the port."""
    Handler.latency = float(latency)
    with Server(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def remote_scan(folder: Path, latency: float = 0.02) -> dict[str, object]:
    """Wall seconds of one process over files behind HTTP, one request at a time and many."""
    command = [sys.executable, __file__, os.fspath(folder), str(latency)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None  # noqa: S101
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
        wall: dict[int, float] = {}
        plain, files = remote._THREADS, 0  # noqa: SLF001
        for threads in (1, plain):
            remote._THREADS = threads  # noqa: SLF001
            wall[threads], used = _timed(lambda: read_dicom([url], jobs=1))
        files = read_dicom([url], jobs=1).files.num_rows
    finally:
        server.kill()
        server.wait()
    return {
        "files": files,
        "latency_s": latency,
        "wall_s_one_request_at_a_time": round(wall[1], 2),
        "wall_s": round(wall[plain], 2),
        "cpu_s": round(used, 2),
        "ratio": round(wall[1] / wall[plain], 1),
    }


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])

"""A DICOMweb service of a test, on this machine, over files that a test wrote."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom


class Holdings:
    """What the service holds, and how it answers."""

    def __init__(self, folder: Path) -> None:
        self.objects = [pydicom.dcmread(path, force=True) for path in sorted(folder.rglob("*.dcm"))]
        self.asked: list[str] = []
        self.token = ""
        self.broken: dict[str, bytes | int] = {}
        self.pages = True

    def answer(self, path: str, query: dict[str, list[str]]) -> object:
        parts = [part for part in path.split("/") if part]
        if parts[-1] == "metadata":
            found = [d for d in self.objects if d.SOPInstanceUID == parts[-2]]
            bulk = {"bulk_data_threshold": 1024, "bulk_data_element_handler": lambda _: "x"}
            return [d.to_json_dict(**bulk) for d in found]
        chosen = self.objects
        for name, keyword in (("studies", "StudyInstanceUID"), ("series", "SeriesInstanceUID")):
            if name in parts[:-1]:
                uid = parts[parts.index(name) + 1]
                chosen = [d for d in chosen if d[keyword].value == uid]
        items = self.items(parts[-1], chosen)
        if not self.pages:
            return items
        start = int(query.get("offset", ["0"])[0])
        return items[start : start + int(query.get("limit", ["1000"])[0])]

    @staticmethod
    def items(level: str, chosen: list) -> list[dict]:
        tag, keyword, number = {
            "studies": ("0020000D", "StudyInstanceUID", "00201208"),
            "series": ("0020000E", "SeriesInstanceUID", "00201209"),
            "instances": ("00080018", "SOPInstanceUID", ""),
        }[level]
        counts: dict[str, int] = {}
        for ds in chosen:
            counts[ds[keyword].value] = counts.get(ds[keyword].value, 0) + 1
        return [
            {tag: {"vr": "UI", "Value": [uid]}}
            | ({number: {"vr": "IS", "Value": [n]}} if number else {})
            for uid, n in counts.items()
        ]


@contextlib.contextmanager
def service(holdings: Holdings) -> Iterator[str]:
    """Serve on a free port; yield the URL as a project names it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            holdings.asked.append(asked.path)
            place = asked.path.removeprefix("/dicom-web")
            if holdings.token and self.headers.get("Authorization") != holdings.token:
                self.send_error(401)
                return
            broken = next((v for k, v in holdings.broken.items() if k in place), None)
            if isinstance(broken, int):
                self.send_error(broken)
                return
            content = broken if broken is not None else json.dumps(
                holdings.answer(place, parse_qs(asked.query))
            ).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"dicomweb+http://127.0.0.1:{server.server_port}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Headless Chromium, offline, through its command line; no driver needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OFFLINE = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
OWN_HOSTS = ("google.com", "googleapis.com", "gvt1.com")
DARK = "--blink-settings=preferredColorScheme=0"


def chromium() -> str:
    """Return the browser, or skip with the reason."""
    given = os.environ.get("MIDI_RISK_CHROMIUM")
    found = given or next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        pytest.skip("no Chromium on this machine (set MIDI_RISK_CHROMIUM to its path)")
    return found


def browse(page: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Open one page and return what the browser said."""
    command = [
        chromium(), *OFFLINE, f"--user-data-dir={folder / 'profile'}",
        "--enable-logging=stderr", "--v=0", *options, page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def console(run: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the lines that the page wrote to the console, errors of its policy included."""
    return [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def requests(log: Path) -> list[str]:
    """Return every address that was asked for, but for the browser's own time and updates."""
    content = json.loads(log.read_text(encoding="utf-8"))
    addresses = {
        event["params"]["url"]
        for event in content["events"]
        if isinstance(event.get("params"), dict) and "url" in event["params"]
    }
    return sorted(
        address
        for address in addresses
        if not address.startswith(("file:", "data:", "chrome"))
        and not (urlsplit(address).hostname or "").endswith(OWN_HOSTS)
    )

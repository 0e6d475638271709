"""The journey from a folder to a signed release, as somebody makes it on the review page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools import Browser

WHO = "Nobody (example)"
READY = "document.querySelector('#step') !== null && !document.body.hasAttribute('data-read')"
REMOVED = [
    "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StudyTime", "PatientSize",
    "PatientWeight", "age_at_diagnosis", "sex", "race", "postcode", "occupation",
    "ManufacturerModelName", "StationName", "SoftwareVersions", "DeviceSerialNumber",
    "StudyDescription", "SeriesDescription", "TextValue", "PersonName", "PatientName",
]  # fmt: skip
"""What identifies in the example and no planned analysis needs."""
Look = Callable[[str], object]


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """Start the page of a folder and yield its address."""
    code = "from midi_risk.cli import main; main()"
    command = [sys.executable, "-c", code, "start", str(folder), "--no-open", "-q", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder.parent
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            assert found, line + process.stdout.read()
            yield found[0]
        finally:
            process.terminate()
            process.wait(timeout=20)


class Journey:
    """The page of one folder in a browser.

    Parameters
    ----------
    browser : Browser
    address : str
        As `midi-risk start` prints it.
    look : callable
        Called with the name of each picture that is worth taking.
    """

    def __init__(self, browser: Browser, address: str, look: Look = lambda _: None) -> None:
        self.browser, self.address, self.look = browser, address, look
        self.steps = 1  # midi-risk start itself

    def go(self, step: str) -> None:
        """Open a step."""
        ready = "document.querySelector('#tune[data-ready]')" if step == "levels" else READY
        self.browser.open(f"{self.address}{step}", f"({ready}) !== null && ({ready}) !== false")

    def press(self, selector: str) -> str:
        """Press a button, wait until the page is shown anew, and return what it says."""
        place = json.dumps(selector)
        self.browser.wait(f"document.querySelector({place}) !== null", 5)
        script = f"window.old = true; document.querySelector({place}).click(); true"
        self.browser.run(script)
        self.browser.wait(
            "document.readyState === 'complete' && ((!window.old && document.querySelector("
            "'.start-said') && !document.querySelector('.start-said').hidden && "
            "!document.body.hasAttribute('data-read')) "
            "|| !document.querySelector('.start-fault').hidden)",
            240,
        )
        fault = self.browser.run(
            "document.querySelector('.start-fault').hidden ? '' :"
            " document.querySelector('.start-fault').textContent"
        )
        assert not fault, fault
        return self.browser.run("document.querySelector('.start-said').textContent")

    def fill(self, form: str, **answers: str) -> str:
        """Fill a form in and save it."""
        place = f"form[data-answer={form!r}]"
        for name, text in answers.items():
            self.browser.run(
                f"document.querySelector(\"{place} [name='{name}']\").value = {text!r}; true"
            )
        return self.press(f"{place} button[type=submit]")

    def open_forms(self) -> list[str]:
        """Return the forms of the step that is shown which are not closed."""
        return self.browser.run(
            "Array.from(document.querySelectorAll('.task:not(.closed)'))"
            ".map(t => t.getAttribute('data-task'))"
        )

    def status(self) -> str:
        """Return the verdict so far."""
        return self.browser.run("document.querySelector('.start-status').className")

    # --- the steps of the example

    def sources(self) -> None:
        """Link the table, and decide on what reading found."""
        self.steps += 1
        self.go("sources")
        self.look("start-1-folder")
        self.browser.run(
            "document.querySelectorAll('input[value=link]').forEach(f => { f.checked = true; })"
        )
        self.press("form[data-choose] button[type=submit]")
        self.look("start-2-sources")
        for form in self.open_forms():
            self.fill(form)

    def roles(self, removed: list[str]) -> None:
        """Remove what identifies and is not needed, and what leaves beside the attributes."""
        self.steps += 1
        self.go("roles")
        for form in self.open_forms():
            why = {"source": "Nobody lists it."} if form.startswith("private") else {}
            self.fill(form, **(why or {"reason": "No user needs it."}))
        self.look("start-3-roles")
        self.browser.run(
            f"(() => {{ const wanted = {removed!r}; document.querySelectorAll('[name=names]')"
            ".forEach(f => { f.checked = wanted.includes(f.value); });"
            " document.querySelector('#b-decision').value = 'remove';"
            " document.querySelector('#b-need').value = 'No planned analysis needs it.';"
            " document.querySelector('[name=names]').dispatchEvent(new Event('change')); })()"
        )
        self.press("form[data-bulk] button[type=submit]")

    def levels(self) -> None:
        """Take the suggested plan."""
        self.steps += 1
        self.go("levels")
        self.browser.run("document.querySelector('[data-plan] button').click()")
        self.browser.wait("document.querySelector('[data-plan].chosen') !== null", 120)
        self.look("start-4-levels")
        self.browser.run("document.querySelector('[data-do=save]').click()")
        self.browser.wait("/Saved/.test(document.querySelector('.tune-said').textContent)", 240)

    def evidence(self) -> None:
        """State who looked at what."""
        self.steps += 1
        self.go("evidence")
        self.look("start-5-evidence")
        for form in self.open_forms():
            if form == "search":
                self.fill(form, by=WHO, place="TCIA, IDC and OpenNeuro, by title", hits="0")
            elif form.startswith("disclosure"):
                self.fill(form, by=WHO, reason="The people do not exist.")
            else:
                known = {"upper": "0.028"} if form == "channel-device_site" else {}
                self.fill(form, by=WHO, method="All of them, by eye.", defects="0", **known)

    def release(self) -> str:
        """Write the release; return the verdict on its files."""
        self.steps += 1
        self.go("release")
        self.press("[data-act=release]")
        self.look("start-6-release")
        return self.browser.run("document.querySelector('.verdict-of').className")

    def sign_off(self) -> None:
        """Say who answers for it, and write the reports."""
        self.steps += 1
        self.go("sign-off")
        self.fill("context", purpose="To show the way.", intended_users="Readers of these pages.")
        self.fill("sign-off", assessor=WHO, role="Assessor", organisation="None")
        self.press("[data-act=reports]")
        self.look("start-7-sign-off")

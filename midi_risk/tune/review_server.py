"""The review page served: its steps, and what they ask.

On loopback only, guarded as the tuning page is; its step *Levels* is the tuning page.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from midi_risk import __version__
from midi_risk.attributes.model import Role
from midi_risk.document.clean import neutral
from midi_risk.errors import ConfigError, MidiRiskError, SearchError
from midi_risk.report.html import page_of as rendered
from midi_risk.report.html import part_of
from midi_risk.tune.attribute_sheet import sheet_bytes
from midi_risk.tune.page import project_place
from midi_risk.tune.review import Review, decision_words, short
from midi_risk.tune.review_forms import STEPS, step_of
from midi_risk.tune.server import Guard, answering, answers_of, page_of, showing

PAGE, STYLE, SCRIPT, BAR = "start.html.j2", "start.css", "start.js", "partials/start_steps.j2"
MAX_BODY = 8_000_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TITLES = {
    "sources": "Sources",
    "roles": "Roles",
    "levels": "Levels",
    "evidence": "Evidence",
    "release": "Release",
    "sign-off": "Sign-off",
}
_WORDS = {
    "acceptable": "Acceptable",
    "above_threshold": "Above the threshold",
    "incomplete": "Incomplete",
}
Body = dict[str, Any]


def application(
    review: Review,
    *,
    token: str,
    hosts: frozenset[str],
    touched: Callable[[], None] = lambda: None,
    commands: frozenset[str] = frozenset(),
) -> ASGIApp:
    """Return the ASGI application of a review.

    Parameters
    ----------
    review : Review
    token : str
        Random; first part of every path.
    hosts : frozenset of str
        Accepted Host headers.
    touched : callable
        Called at every request that is let in.
    commands : frozenset of str
        Commands that there are, for those that a step names.
    """
    base = f"/{token}/"
    lock = review.lock

    def step_page(step: str) -> Callable[[], str]:
        return lambda: page(review, step, base, commands)

    async def first(request: Request) -> Response:
        del request
        return RedirectResponse(f"{base}sources", status_code=307)

    async def progress(request: Request) -> Response:
        del request
        done, total = review.progress
        return JSONResponse({"working": review.working, "done": done, "total": total})

    async def sheet(request: Request) -> Response:
        del request

        def made() -> bytes:
            with lock:
                return sheet_bytes(review.reading.rows)

        try:
            content = await anyio.to_thread.run_sync(made)
        except MidiRiskError as error:
            return PlainTextResponse(neutral(str(error)), status_code=400)
        except Exception as error:  # noqa: BLE001 - its text may hold values of subjects
            return PlainTextResponse(f"internal error ({type(error).__name__})", status_code=500)
        named = {"content-disposition": 'attachment; filename="attributes.xlsx"'}
        return Response(content, media_type=XLSX, headers=named)

    routes = [
        Route(base, first),
        *(Route(f"{base}{step}", showing(step_page(step), lock)) for step in STEPS),
        Route(f"{base}attributes.xlsx", sheet),
        Route(f"{base}progress", progress, methods=["POST"]),
        *(
            Route(f"{base}do/{name}", answering(work, lock), methods=["POST"])
            for name, work in _answers(review).items()
        ),
        *(
            Route(f"{base}levels/{name}", answering(_of_levels(review, name), lock),
                  methods=["POST"])
            for name in _LEVELS
        ),
    ]  # fmt: skip
    return Guard(
        Starlette(routes=routes), hosts=hosts, token=token, touched=touched, max_body=MAX_BODY
    )


_LEVELS = ("node", "steps", "best", "cloud", "plan", "role", "cuts", "save")


def _of_levels(review: Review, name: str) -> Callable[[Body], Any]:
    """Return what the tuning page asks, on the desk of the project as it stands."""

    def work(body: Body) -> Any:
        answer = answers_of(review.desk)[name]
        if name != "save":
            return answer(body)
        return {"text": review.save_levels(lambda: str(answer(body)["text"]))}

    return work


def _answers(review: Review) -> dict[str, Callable[[Body], Any]]:
    """Return what the steps ask, by name."""

    def texts(body: Body, name: str) -> dict[str, str]:
        return {str(key): str(text) for key, text in dict(body.get(name) or {}).items()}

    def sheet(body: Body) -> str:
        try:
            content = base64.b64decode(str(body["content"]), validate=True)
        except binascii.Error:
            raise ConfigError("the spreadsheet", ["it did not arrive whole; try again"]) from None
        return review.take_sheet(content)

    def read(_: Body) -> str:
        return review.read()

    def roles(body: Body) -> str:
        return review.set_roles(
            [str(name) for name in body["names"]],
            role=str(body.get("role") or ""),
            decision=str(body.get("decision") or ""),
            need=str(body.get("need") or ""),
        )

    said: dict[str, Callable[[Body], str]] = {
        "read": read,
        "choose": lambda b: review.choose(texts(b, "choices"), texts(b, "keys")),
        "answer": lambda b: review.answer(str(b["form"]), dict(b["answers"])),
        "roles": roles,
        "sheet": sheet,
        "undo": lambda _: review.undo(),
        "redo": lambda _: review.redo(),
        "release": lambda _: review.write_release(),
        "reports": lambda _: review.write_reports(),
    }
    found: dict[str, Callable[[Body], Any]] = {
        name: _telling(review, work) for name, work in said.items()
    }
    found["values"] = lambda b: review.values(str(b["name"]))
    return found


def _telling(review: Review, work: Callable[[Body], str]) -> Callable[[Body], Any]:
    """Return what does some work for a page that shows the project file as it stands."""

    def answer(body: Body) -> Any:
        if body.get("digest"):
            review.check_shown(str(body["digest"]))
        return {"text": neutral(work(body))}

    return answer


def page(review: Review, step: str, base: str, commands: frozenset[str]) -> str:
    """Return one step of a review as a page.

    Parameters
    ----------
    review : Review
    step : str
        One of `STEPS`.
    base : str
        Path of the review.
    commands : frozenset of str
        Commands that there are.
    """
    title = neutral(review.folder.resolve().name)
    shown: dict[str, Any] = {
        **dict.fromkeys(("collection", "nothing", "open", "forms", "tables", "status"), None),
        "title": title,
        "step": step,
        "base": base,
        "begun": review.begun,
        "ready": review.ready,
        "version": __version__,
        "folder": neutral(short(review.folder)),
        "file": neutral(short(review.file)),
        "project": shlex.quote(short(Path(project_place(review.file)))),
        "titles": TITLES,
        "next": _after(step),
        "digest": review.digest,
        "undo": review.done[-1].said if review.done else "",
        "redo": review.undone[-1].said if review.undone else "",
    }
    if review.begun and not review.ready:
        return _rendered(shown | {"bar": _bar(review, step, base, counts=None)})
    if not review.begun:
        shown["bar"] = _bar(review, "sources", base, counts=None)
        return _rendered(shown | {"step": "sources", "tables": _tables(review)})
    assessment = review.reading.assessment
    counts = dict.fromkeys(STEPS, 0)
    for reason in review.reading.blocking:
        counts[step_of(reason.code)] += 1
    bar = _bar(review, step, base, counts=counts)
    if step == "levels":
        try:
            return page_of(review.desk, f"{base}levels/", bar)
        except SearchError as error:
            shown["nothing"] = neutral(error.message)
    forms = [form for form in review.reading.forms if form.step == step]
    shown |= {
        "bar": bar,
        "open": review.open_on(step),
        "forms": sorted(forms, key=lambda form: bool(form.closed)),
        "status": assessment.verdict.status,
        "reasons": [neutral(reason.text) for reason in review.reading.blocking],
        "commands": commands,
        **_of_step(review, step, commands),
    }
    return _rendered(shown)


def _rendered(shown: dict[str, Any]) -> str:
    return rendered(PAGE, STYLE, SCRIPT, connect=True, **shown)


def _after(step: str) -> str:
    place = STEPS.index(step) + 1
    return STEPS[place] if place < len(STEPS) else ""


def _bar(review: Review, step: str, base: str, counts: dict[str, int] | None) -> Markup:
    """Return the steps, the verdict so far and undo, as every step shows them."""
    status = review.reading.assessment.verdict.status if counts is not None else ""
    levels = counts is not None and review.plan.is_file()
    done = {
        "levels": levels,
        "release": review.released is not None,
        "sign-off": bool(counts is not None and review.reading.project.sign_off.get("assessor")),
    }
    steps = [
        {
            "name": name,
            "title": TITLES[name],
            "open": counts[name] if counts else 0,
            "done": counts is not None and not counts[name] and done.get(name, True),
        }
        for name in STEPS
    ]
    return Markup(  # noqa: S704 - our own template, which escapes
        part_of(
            BAR, steps=steps, step=step, base=base, begun=review.begun, status=status,
            status_word=_WORDS.get(status, ""),
        )
    )  # fmt: skip


def _tables(review: Review) -> list[dict[str, Any]]:
    return [
        {
            "name": table.name, "label": neutral(table.name), "columns": table.columns,
            "rows": table.rows, "fault": table.fault, "choice": review.choice_of(table),
        }
        for table in review.beside
    ]  # fmt: skip


def _released(review: Review) -> dict[str, Any] | None:
    given = review.released
    return None if given is None else given | {"target": neutral(short(Path(given["target"])))}


def _of_step(review: Review, step: str, commands: frozenset[str]) -> dict[str, Any]:
    """Return what one step alone shows."""
    reading = review.reading
    project = shlex.quote(short(Path(project_place(review.file))))
    if step == "sources":
        collection = reading.assessment.collection
        return {
            "tables": _tables(review),
            "collection": collection,
            "findings": [neutral(text) for text in reading.extraction.findings],
            "noted": [neutral(f.text) for f in reading.assessment.findings],
        }
    if step == "roles":
        rows = [
            {**row, "label": neutral(row["attribute"]), "reason": neutral(row["reason"]),
             "about": neutral(row["label"]), "need": neutral(row["need"]),
             "decided": decision_words(row["decision"], row["level"])}
            for row in reading.rows
        ]  # fmt: skip
        counts = {role.value: sum(r["role"] == role.value for r in rows) for role in Role}
        return {"rows": rows, "roles": counts}
    if step == "release":
        return {
            "plan": review.plan.is_file(),
            "target": neutral(short(review.release)),
            "command": f"midi-risk apply {project} --plan {shlex.quote(short(review.plan))}"
            f" -o {shlex.quote(short(review.release))}",
            "released": _released(review),
        }
    if step == "sign-off":
        signed = Path(
            str((review.released or {}).get("assessment", review.output / "assessment.json"))
        )
        return {
            "released": _released(review),
            "can_sign": "sign" in commands,
            "command": f"midi-risk sign {shlex.quote(short(signed))}",
            "reports": f"midi-risk assess {project} -o {shlex.quote(short(review.output))}",
            "written": review.written,
            "output": neutral(short(review.output)),
        }
    return {}

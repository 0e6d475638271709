"""The tuning page served: it asks this machine for every setting, until nobody asks any more.

On loopback only, under a path that nobody can guess, to its own host name, and never to
another site: no cross-origin header is ever sent. It needs the packages of the extra `tune`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import time
import webbrowser
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from midi_risk.attributes.model import Role
from midi_risk.document.clean import neutral
from midi_risk.errors import MidiRiskError, OutputError, SearchError
from midi_risk.tune.changes import Desk
from midi_risk.tune.page import static_page
from midi_risk.tune.session import Bench, Session, cloud

MAX_BODY = 100_000
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
ASKED = "x-midi-risk"


class Guard:
    """Let in only requests for this host, with its token, from its own page.

    Parameters
    ----------
    app : ASGI application
    hosts : frozenset of str
        Accepted Host headers.
    token : str
        First part of every path.
    touched : callable
        Called at every request that is let in.
    max_body : int
        Bytes of a request at most.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        token: str,
        touched: Callable[[], None],
        max_body: int = MAX_BODY,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
        self._touched = touched
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        self._touched()

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        await self._app(scope, receive, guarded)

    def _refused(self, scope: Scope) -> Response | None:
        """Return the refusal of a request, None when it is let in."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("unknown host", status_code=421)
        if not str(scope["path"]).startswith(f"/{self._token}/"):
            return PlainTextResponse("not found", status_code=404)
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://").lower() not in self._hosts:
            return PlainTextResponse("another site", status_code=403)
        if scope["method"] == "POST" and (
            ASKED not in headers
            or headers.get("content-type", "").split(";")[0] != "application/json"
            or _length(headers) > self._max_body
        ):
            return PlainTextResponse("not from the page", status_code=403)
        return None


def _length(headers: Headers) -> int:
    """Return the length of a body; one that is not stated is too long."""
    stated = headers.get("content-length", "")
    return (
        int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 10 else MAX_BODY + 1
    )


def answering(
    work: Callable[[dict[str, Any]], Any], lock: Any
) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that does one piece of work at a time and tells faults in one line.

    Parameters
    ----------
    work : callable
        From what was asked to what is answered, both JSON.
    lock : context manager
        Held while it works.
    """

    def locked(body: dict[str, Any]) -> Any:
        with lock:
            return work(body)

    async def answer(request: Request) -> Response:
        try:
            body = dict(json.loads(await request.body()))
            result = await anyio.to_thread.run_sync(locked, body)
            answered = JSONResponse(result)
        except MidiRiskError as error:
            return JSONResponse({"fault": neutral(str(error))}, status_code=400)
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            return JSONResponse({"fault": "the page asked for nonsense"}, status_code=400)
        except MemoryError:
            return JSONResponse({"fault": "not enough memory for this"}, status_code=507)
        except Exception as error:  # noqa: BLE001 - its text may hold values of subjects
            return JSONResponse({"fault": _internal(error)}, status_code=500)
        return answered

    return answer


def showing(make: Callable[[], str], lock: Any) -> Callable[[Request], Awaitable[Response]]:
    """Return a route that shows a page, made one at a time; a fault is one line of text.

    Parameters
    ----------
    make : callable
        Returns the HTML of the page.
    lock : context manager
        Held while it is made.
    """

    def locked() -> str:
        with lock:
            return make()

    async def page(request: Request) -> Response:
        del request
        try:
            html = await anyio.to_thread.run_sync(locked)
        except MidiRiskError as error:
            return PlainTextResponse(neutral(str(error)), status_code=400)
        except Exception as error:  # noqa: BLE001 - its text may hold values of subjects
            return PlainTextResponse(_internal(error), status_code=500)
        return HTMLResponse(html)

    return page


def application(
    desk: Desk, *, token: str, hosts: frozenset[str], touched: Callable[[], None] = lambda: None
) -> ASGIApp:
    """Return the ASGI application of one desk.

    Parameters
    ----------
    desk : Desk
    token : str
        Random; first part of every path.
    hosts : frozenset of str
        Accepted Host headers, such as ``127.0.0.1:8750``.
    touched : callable
        Called at every request that is let in.
    """
    routes = [
        Route(f"/{token}/", showing(lambda: page_of(desk, f"/{token}/"), desk.session.lock)),
        *(
            Route(f"/{token}/{name}", answering(work, desk.session.lock), methods=["POST"])
            for name, work in answers_of(desk).items()
        ),
    ]
    inner = Starlette(routes=routes)
    return Guard(inner, hosts=hosts, token=token, touched=touched)


def _internal(error: Exception) -> str:
    """Return a fault of the program by its kind alone."""
    return f"internal error ({type(error).__name__}); please report it"


def page_of(desk: Desk, base: str, steps: str = "") -> str:
    """Return the served page of a desk.

    Parameters
    ----------
    desk : Desk
    base : str
        Path under which its questions are answered.
    steps : str
        HTML of the steps of a review that the page is one of.
    """
    session, bench = desk.session, desk.session.bench
    return static_page(
        session.lattice,
        title=bench.title,
        threat_models=bench.model_names,
        digest=bench.table.digest,
        pending=bench.pending(),
        project=bench.project_file,
        steps=steps,
        figures=session.start_figures(),
        served={
            "base": base,
            "roles": [role.value for role in Role],
            "attributes": [
                {"name": a.name, "label": neutral(a.name), "role": a.role.value}
                for a in bench.attributes
            ],
            "bands": [a.name for a in session.axes.axes if a.attribute.kind.value in
                      {"age", "number"}],
            "unsaved": sorted({*desk.roles, *bench.bands}),
            "out": desk.leaves_out,
        },
    )  # fmt: skip


def answers_of(desk: Desk) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """Return what the page may ask, by name."""
    session = desk.session

    def node(body: dict[str, Any]) -> list[int]:
        return [int(place) for place in body["node"]]

    def locked(body: dict[str, Any]) -> list[bool]:
        return [bool(held) for held in body["locked"]]

    def needs(body: dict[str, Any]) -> dict[str, str]:
        return {str(name): str(text) for name, text in dict(body.get("needs", {})).items()}

    def plan(body: dict[str, Any]) -> Any:
        out = bool(body.get("out"))
        return session.planned(node(body), leave_out=out, needs=needs(body)).to_dict()

    def local(_body: dict[str, Any]) -> Any:
        if session.local is None:
            raise SearchError("bands that differ between subjects lose no less here")
        return session.local.to_dict()

    def role(body: dict[str, Any]) -> dict[str, bool]:
        desk.set_role(str(body["name"]), str(body["role"]))
        return {"done": True}

    def cuts(body: dict[str, Any]) -> dict[str, list[int]]:
        return {"node": desk.set_cuts(str(body["name"]), str(body["cuts"]), node(body))}

    return {
        "node": lambda b: session.figures(node(b), leave_out=bool(b.get("out"))),
        "steps": lambda b: session.steps(node(b), locked(b), leave_out=bool(b.get("out"))),
        "best": lambda b: session.best(node(b), locked(b), leave_out=bool(b.get("out"))),
        "cloud": lambda _: cloud(session),
        "plan": plan,
        "local": local,
        "role": role,
        "cuts": cuts,
        "save": lambda b: {"text": desk.save(node(b), needs(b), leave_out=bool(b.get("out")))},
    }


class Idle:
    """When somebody last asked.

    Parameters
    ----------
    seconds : float
        So long without a request is idle.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def touch(self) -> None:
        """Note a request."""
        self._last = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether nobody asked for too long."""
        return time.monotonic() - self._last > self._seconds


LOOPBACK = "127.0.0.1"
TRIES = 20


def serve(
    bench: Bench,
    output: Path,
    *,
    port: int,
    idle: float,
    browser: bool,
    say: Callable[[str], object],
) -> None:
    """Serve the tuning page of a bench.

    Parameters
    ----------
    bench : Bench
    output : pathlib.Path
        Folder for plan.json.
    port, idle, browser, say
        As for `serve_until_idle`.

    Raises
    ------
    OutputError
        When no port is free.
    """

    def made(**given: Any) -> ASGIApp:
        return application(Desk(session=Session(bench=bench), output=output), **given)

    serve_until_idle(made, "Tuning page", port=port, idle=idle, browser=browser, say=say)


def serve_until_idle(
    made: Callable[..., ASGIApp],
    title: str,
    *,
    port: int,
    idle: float,
    browser: bool,
    say: Callable[[str], object],
) -> None:
    """Serve an application on this machine alone, until nobody asks any more.

    Parameters
    ----------
    made : callable
        Makes the application from ``token``, ``hosts`` and ``touched``.
    title : str
        What is served.
    port : int
        The first port to try.
    idle : float
        Seconds without a request after which it stops.
    browser : bool
        Whether to open the page.
    say : callable
        Prints a line.

    Raises
    ------
    OutputError
        When no port is free.
    """
    listener = free_socket(port)
    with contextlib.closing(listener):
        found = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        clock = Idle(idle)
        app = made(
            token=token,
            hosts=frozenset({f"{LOOPBACK}:{found}", f"localhost:{found}"}),
            touched=clock.touch,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="error",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )
        address = f"http://{LOOPBACK}:{found}/{token}/"
        say(f"{title}, for this machine only: {address}")
        say(f"It stops after {idle / 60:.0f} minutes without a request, or with Ctrl-C.")
        if browser:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_until_idle(server, listener, clock))
        say(f"The {title.lower()} is closed.")


async def _until_idle(server: uvicorn.Server, listener: socket.socket, clock: Idle) -> None:
    """Run the server; let it end when nobody asks any more."""

    async def watch() -> None:
        while not clock.over:  # noqa: ASYNC110 - requests move the end, nothing sets an event
            await asyncio.sleep(0.25)
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[listener])
    finally:
        watcher.cancel()


def free_socket(port: int) -> socket.socket:
    """Return a listening socket on loopback, at the port or one of the next.

    Raises
    ------
    OutputError
        When none of them is free.
    """
    for number in range(port, min(port + TRIES, 65_536)):
        # with the protocol named, asyncio sends a small answer at once (TCP_NODELAY)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, number))
            listener.listen(64)
        except OSError:
            listener.close()
            continue
        return listener
    raise OutputError(
        f"no free port from {port} to {min(port + TRIES, 65_536) - 1}",
        hint="Name another one with --port",
    )

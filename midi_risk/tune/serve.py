"""Serve the page on this machine alone, until nobody asks any more."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from midi_risk.errors import OutputError
from midi_risk.tune.bench import Bench
from midi_risk.tune.changes import Desk
from midi_risk.tune.server import Idle, application
from midi_risk.tune.session import Session

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
        app = application(
            Desk(session=Session(bench=bench), output=output),
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
        say(f"Tuning page, for this machine only: {address}")
        say(f"It stops after {idle / 60:.0f} minutes without a request, or with Ctrl-C.")
        if browser:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_until_idle(server, listener, clock))
        say("The tuning page is closed.")


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

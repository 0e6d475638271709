"""Run pytest again and again for `tools/mutants.py`, each time in a fork of this process.

The libraries of the package are loaded once, here, so that a run does not wait for them; the
package itself never is, for it changes between the runs. A request is one line of JSON on the
standard input, ``{"arguments": [...], "output": path, "seconds": limit}``; the answer is one line
with the exit code, ``null`` when the time was up.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

_LIBRARIES = (
    "numpy", "pandas", "pydantic", "pydicom", "scipy.stats", "scipy.optimize", "yaml", "jinja2",
    "pyarrow", "pytest", "_pytest.python", "hypothesis.strategies",
)  # fmt: skip
# It says that hypothesis was loaded before pytest could rewrite its assertions: it has none.
_OPTIONS = ("-W", "ignore::pytest.PytestAssertRewriteWarning", "--hypothesis-profile=unshrunk")
_PAUSE = 0.02


def _child(asked: dict[str, Any]) -> None:
    """Run pytest with its output in a file, and end."""
    code = 70
    try:
        os.setsid()
        # A run in the background ignores them, and tests of what a signal does would fail.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, output), (2, output)):
            os.dup2(source, target)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
        pytest = importlib.import_module("pytest")
        code = int(pytest.main([*_OPTIONS, *asked["arguments"]]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _waited(child: int, seconds: float) -> int | None:
    """Return the exit code of a child; kill it and all that it started when the time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(_PAUSE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Answer requests until there are no more."""
    sys.path[0] = str(Path.cwd())
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):  # it then loads where it is needed, or nowhere
            importlib.import_module(name)
    hypothesis = importlib.import_module("hypothesis")
    # The first example that fails is enough: nobody reads it.
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("unshrunk", phases=phases, report_multiple_bugs=False)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _child(asked)
        print(json.dumps(_waited(child, asked["seconds"])), flush=True)


if __name__ == "__main__":
    main()

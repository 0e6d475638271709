"""A function over a chunk, done here or in the worker processes of this machine."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from midi_risk.sources.executor import LocalPool

Given = TypeVar("Given")
Result = TypeVar("Result")

Doing = Callable[[str, Sequence[Given]], list[Result]]
"""A function of a module: what it has to know beforehand, and a chunk."""


@dataclass(frozen=True, slots=True)
class ChunkWork(Generic[Given, Result]):
    """What is done with a chunk.

    Parameters
    ----------
    doing : callable
        A function of a module; workers import it.
    lost : callable
        What stands for items that ended their worker twice.
    beforehand : str
        First argument of both.
    """

    doing: Doing[Given, Result]
    lost_as: Doing[Given, Result]
    beforehand: str = ""

    @property
    def entry(self) -> str:
        """Where a worker finds what answers."""
        return f"{__name__}:answering"

    @property
    def setup(self) -> bytes:
        """What a worker has to know beforehand."""
        return f"{self.doing.__module__}\0{self.doing.__name__}\0{self.beforehand}".encode()

    def here(self, chunk: Sequence[Given]) -> list[Result]:
        """Do it in this process."""
        return self.doing(self.beforehand, chunk)

    def pack(self, chunk: Sequence[Given]) -> bytes:
        """Return a chunk as it travels to a worker."""
        return pickle.dumps(list(chunk))

    def unpack(self, content: bytes) -> list[Result]:
        """Return what a worker answered."""
        answered: list[Result] = pickle.loads(content)  # noqa: S301 - of our own worker
        return answered

    def lost(self, chunk: Sequence[Given]) -> list[Result]:
        """Return what stands for items that ended their worker twice."""
        return self.lost_as(self.beforehand, chunk)


def answering(setup: bytes) -> Callable[[bytes], bytes]:
    """Return what answers each packed chunk in a worker."""
    module, name, beforehand = setup.decode().split("\0")
    doing = getattr(importlib.import_module(module), name)

    def answer(content: bytes) -> bytes:
        chunk: Any = pickle.loads(content)  # noqa: S301 - of the process that started this one
        return pickle.dumps(doing(beforehand, chunk))

    return answer


def done(
    work: ChunkWork[Given, Result], chunks: Iterable[Sequence[Given]], jobs: int
) -> Iterator[list[Result]]:
    """Yield what came of each chunk as soon as it is there.

    Parameters
    ----------
    work : ChunkWork
    chunks : iterable of sequence
    jobs : int
        Worker processes; 0 works in this one.
    """
    pool: LocalPool[Given, list[Result]] = LocalPool(work, jobs)
    for came in pool.run(chunks):
        yield [one for part in came.parts for one in part]

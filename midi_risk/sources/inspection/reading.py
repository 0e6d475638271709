"""What reads text out of a picture: one face, and RapidOCR behind it.

The models lie inside the wheel of `rapidocr` (Apache-2.0), so that nothing is fetched. A reader is
named as ``module:function``, because worker processes make their own.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

READER = "midi_risk.sources.inspection.reading:rapid_reader"
"""What reads where nothing else is said."""

EXTRA = "burned_in: not assessed: pixels are read with the extra, pip install 'midi-risk[pixels]'"
"""What is said where the extra is missing."""

_TILE, _OVERLAP = 512, 96
_FLOOR_HEIGHT, _FLOOR_WIDTH = 5, 11
"""Pixels in which three letters of the smallest fonts, 3 by 5, can stand; less is not read."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in a picture.

    Parameters
    ----------
    text : str
    score : float
        From 0 to 1, as the reader says.
    box : tuple of int
        Left, top, right and bottom in pixels.
    """

    text: str
    score: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of weights that a reader uses.

    Parameters
    ----------
    name, sha256, licence : str
    """

    name: str
    sha256: str
    licence: str


class TextReader(Protocol):
    """What reads lines out of a picture.

    Attributes
    ----------
    name, version : str
    models : tuple of ModelFile
    """

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def version(self) -> str:
        """Of the program."""

    @property
    def models(self) -> tuple[ModelFile, ...]:
        """Weights with their digests and licences."""

    def lines(self, picture: Picture) -> list[Line]:
        """Return the lines of one picture of at most 512 pixels a side, grey or RGB."""


class _Rapid:
    """RapidOCR with the models of its wheel, on one thread."""

    name = "rapidocr"

    def __init__(self) -> None:
        import rapidocr  # noqa: PLC0415 - an extra

        self.version = importlib.metadata.version("rapidocr")
        self._engine: Any = rapidocr.RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                # as it is: enlarged, a short line alone in a frame is not detected
                "Det.limit_type": "max",
                "Det.limit_side_len": _TILE,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        folder = Path(rapidocr.__file__).parent / "models"
        self.models = tuple(
            ModelFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), "Apache-2.0")
            for path in sorted(folder.glob("*.onnx"))
            if "_det_" in path.name or "_rec_" in path.name
        )

    def lines(self, picture: Picture) -> list[Line]:
        colour = picture if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
        read = self._engine(np.ascontiguousarray(colour))
        if read.boxes is None or read.txts is None:
            return []
        return [
            Line(text, float(score), _around(box))
            for text, score, box in zip(read.txts, read.scores, read.boxes, strict=True)
        ]


def _around(corners: NDArray[np.floating[Any]]) -> tuple[int, int, int, int]:
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def rapid_reader() -> TextReader:
    """Return the reader of the extra ``pixels``.

    Raises
    ------
    ImportError
        When the extra is not installed.
    """
    return _Rapid()


@lru_cache(maxsize=2)
def reader_named(name: str) -> TextReader | None:
    """Return the reader of a name, None where what it needs is not installed.

    Parameters
    ----------
    name : str
        ``module:function``.
    """
    module, _, function = name.partition(":")
    try:
        made: TextReader = getattr(importlib.import_module(module), function)()
    except ImportError:
        return None
    return made


def too_small(rows: int, columns: int) -> bool:
    """Tell whether no line of three letters has room in a picture, in either direction.

    Examples
    --------
    >>> too_small(4, 4), too_small(64, 64), too_small(20, 4)
    (True, False, True)
    """
    return min(rows, columns) < _FLOOR_HEIGHT or max(rows, columns) < _FLOOR_WIDTH


def _tiles(length: int) -> Iterator[tuple[int, int]]:
    """Yield starts and ends of tiles of one size that overlap."""
    count = max(1, -(-(length - _OVERLAP) // (_TILE - _OVERLAP)))
    size = -(-(length + (count - 1) * _OVERLAP) // count)
    for number in range(count):
        start = min(number * (size - _OVERLAP), max(0, length - size))
        yield start, min(length, start + size)


def read_lines(reader: TextReader, picture: Picture) -> list[Line]:
    """Return the lines of a picture of any size, in tiles that overlap.

    Parameters
    ----------
    reader : TextReader
    picture : ndarray of uint8, shape (rows, columns) or (rows, columns, 3)
    """
    if too_small(*picture.shape[:2]) or picture.min() == picture.max():
        return []
    found = []
    for top, below in _tiles(picture.shape[0]):
        for left, beside in _tiles(picture.shape[1]):
            tile = picture[top:below, left:beside]
            for line in reader.lines(tile):
                x, y, right, bottom = line.box
                moved = (x + left, y + top, right + left, bottom + top)
                found.append(Line(line.text, line.score, moved))
    return found

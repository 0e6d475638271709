"""The pixels of one series: which frames are looked at, how, and what stands in them.

Text is mostly drawn into every frame of a series. The median over some of them keeps it and blurs
what differs between them, so one picture tells of all. What stands in one frame alone is seen where
that frame is looked at: the first, the middle and the last, those that differ, all of single
images, of kinds that are known for text, and of a sample of subjects.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage

from midi_risk.sources.files.bounded import in_memory
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.inspection.look import bytes_of, digest_of
from midi_risk.sources.inspection.reading import (
    Line,
    Picture,
    TextReader,
    read_lines,
    reader_named,
)
from midi_risk.sources.inspection.strings import FEWEST, MARKER, characters, classes_of
from midi_risk.sources.inspection.views import (
    NotSeenError,
    Values,
    View,
    header_windows,
    limits_of,
    luma,
    opened_object,
    pictures_of,
    scaled,
    values_of,
    views_beside,
)

BURNED_IN = "burned_in"

ALWAYS = frozenset({"US", "SC", "XA", "RF", "ES", "XC", "OT", "CR", "DX", "MG", "IO", "IVUS", "GM"})
"""Modalities of which every frame is looked at."""

MEDIAN = 24
"""Frames over which the median is taken at most."""

LARGEST = 1 << 30
"""Bytes of the largest object that is decoded."""

SIZES = (8, 12, 16, 24)
CONTRASTS = (0.15, 0.3, 0.6)
"""Of planted lines: font size in pixels, contrast as a share of the range shown."""

_SIGMA = 12.0
_CROP = (480, 96)
_COVERED, _LARGER = 0.3, 6.0
_TIES = 4


@dataclass(frozen=True, slots=True)
class Indexed:
    """What a header says of where its frames belong.

    Parameters
    ----------
    listed : Listed
    subject, series, modality, kind : str
        Kind is ``label`` for labels and overviews of slides, ``screen`` for what is known for text.
    order : int
        InstanceNumber.
    frames : int
        0 without pixels, -1 where that is not understood.
    shape : tuple
        What frames that belong together share: size, colour, window.
    """

    listed: Listed
    subject: str = ""
    series: str = ""
    modality: str = ""
    kind: str = ""
    order: int = 0
    frames: int = 0
    shape: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeriesTask:
    """One series, and whether all of its frames are looked at.

    Parameters
    ----------
    files : tuple of Indexed
        In order.
    method : str
        ``frames`` where all are looked at anyway, ``sample`` where chance chose the subject,
        ``series`` where the median stands for those that are not.
    """

    files: tuple[Indexed, ...]
    method: str


@dataclass(slots=True, kw_only=True)
class SeriesLook:
    """What was seen of one series.

    Parameters
    ----------
    task : SeriesTask
    digests : list of str
        SHA-256 of each file.
    looked : list of int
        Frames of each file that were looked at; -1 where it is not understood.
    strings : list of (int, str, str, float, bytes)
        Number of the file, place, text, score and a picture of the line (PNG).
    """

    task: SeriesTask
    digests: list[str] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)
    strings: list[tuple[int, str, str, float, bytes]] = field(default_factory=list)


def is_text_like(indexed: Indexed) -> bool:
    """Tell whether every frame of a file is looked at, whatever the mode."""
    return indexed.modality in ALWAYS or bool(indexed.kind)


def chosen(count: int, odd: Sequence[int] = ()) -> list[int]:
    """Return the frames that are looked at beside the median: first, middle, last, odd ones.

    Examples
    --------
    >>> chosen(3), chosen(100, [7])
    ([0, 1, 2], [0, 7, 50, 99])
    """
    if count <= _TIES:
        return list(range(count))
    return sorted({0, count // 2, count - 1, *odd})


class _Opened:
    """The objects of one series, decoded one frame at a time."""

    def __init__(self, task: SeriesTask) -> None:
        self.task = task
        self.digests: list[str] = []
        self.failed: set[int] = set()
        self._last: tuple[int, Any] = (-1, None)
        self.frames: list[tuple[int, int]] = []
        for number, indexed in enumerate(task.files):
            count = indexed.frames
            if count < 0:
                self.failed.add(number)
            self.frames += [(number, frame) for frame in range(max(count, 0))]

    def data_set(self, number: int) -> Any:
        if self._last[0] != number:
            listed = self.task.files[number].listed
            if listed.size > LARGEST:
                raise NotSeenError
            data = bytes_of(listed)
            if data is None:
                raise NotSeenError
            self._last = number, opened_object(data)
        return self._last[1]

    def values(self, place: int) -> Values:
        number, frame = self.frames[place]
        try:
            return values_of(self.data_set(number), frame)
        except NotSeenError:
            self.failed.add(number)
            raise

    def odd(self) -> list[int]:
        """Return frames whose size, colour or window is not that of most."""
        shapes = Counter(self.task.files[number].shape for number, _ in self.frames)
        usual = shapes.most_common(1)[0][0] if shapes else ()
        return [
            place
            for place, (number, _) in enumerate(self.frames)
            if self.task.files[number].shape != usual
        ]

    def places(self) -> tuple[list[int], list[int]]:
        """Return the frames that are looked at, and those under the median."""
        count = len(self.frames)
        if self.task.method != "series":
            return list(range(count)), []
        odd = self.odd()
        usual = sorted(set(range(count)) - set(odd))
        step = max(1, -(-len(usual) // MEDIAN))
        return chosen(count, odd), usual[::step]

    def windows(self, place: int) -> tuple[list[tuple[float, float]], bool]:
        ds = self.data_set(self.frames[place][0])
        return header_windows(ds), ds.get("PhotometricInterpretation") == "MONOCHROME1"


def median_picture(frames: Sequence[Values]) -> Picture:
    """Return the median over frames less what changes slowly, as a picture.

    Parameters
    ----------
    frames : sequence of ndarray
        Of one size; colour counts as brightness.
    """
    middle = np.median(np.stack([luma(one).astype(np.float32) for one in frames]), axis=0)
    fine = middle - ndimage.gaussian_filter(middle, _SIGMA)
    return scaled(fine, *limits_of(fine))


def _frame_views(opened: _Opened, place: int, values: Values) -> list[Picture]:
    windows, invert = opened.windows(place)
    return pictures_of(values, windows, invert=invert)


def _median_of(opened: _Opened, places: Sequence[int], plant: Planting | None) -> Picture | None:
    held: list[Values] = []
    for place in places:
        try:
            values = opened.values(place)
        except NotSeenError:
            continue
        held.append(values if plant is None else plant.into(values))
    same = [one for one in held if held and one.shape[:2] == held[0].shape[:2]]
    return median_picture(same) if len(same) > 2 else None


def pictures_in(
    opened: _Opened, plant: Planting | None = None
) -> Iterator[tuple[int, str, Picture]]:
    """Yield what is read of a series: number of the file, place, picture.

    Parameters
    ----------
    opened : _Opened
    plant : Planting, optional
        Lines drawn into every frame first.
    """
    places, under = opened.places()
    for place in places:
        number = opened.frames[place][0]
        try:
            values = opened.values(place)
            if plant is not None:
                values = plant.into(values)
            pictures = _frame_views(opened, place, values)
        except NotSeenError:
            opened.failed.add(number)
            continue
        where = "label" if opened.task.files[number].kind == "label" else "pixels"
        for picture in pictures:
            yield number, where, picture
    if under and len(places) < len(opened.frames):
        middle = _median_of(opened, under, plant)
        if middle is not None:
            yield opened.frames[under[0]][0], "pixels", middle


def _beside(opened: _Opened) -> Iterator[tuple[int, View]]:
    for number, indexed in enumerate(opened.task.files):
        if number in opened.failed or indexed.frames == 0:
            continue
        try:
            for view in views_beside(opened.data_set(number)):
                yield number, view
        except NotSeenError:
            opened.failed.add(number)


def crop_of(picture: Picture, line: Line) -> bytes:
    """Return the picture of one line as PNG, nothing around it, at most 480 by 96 pixels."""
    left, top, right, bottom = line.box
    cut = picture[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
    if not cut.size:
        return b""
    step = max(1, -(-cut.shape[1] // _CROP[0]), -(-cut.shape[0] // _CROP[1]))
    return png_of(cut[::step, ::step])


def png_of(picture: Picture) -> bytes:
    r"""Return a grey or RGB picture as PNG (ISO/IEC 15948).

    Examples
    --------
    >>> import numpy as np
    >>> png_of(np.zeros((2, 3), np.uint8))[:4]
    b'\x89PNG'
    """
    rows, columns = picture.shape[:2]
    colour = 2 if picture.ndim == 3 else 0
    lines = b"".join(b"\0" + np.ascontiguousarray(row).tobytes() for row in picture)
    head = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")):
        out += struct.pack(">I", len(data)) + kind + data
        out += struct.pack(">I", zlib.crc32(kind + data))
    return out


def look_at_series(reader: TextReader, task: SeriesTask) -> SeriesLook:
    """Read the pixels of one series.

    Parameters
    ----------
    reader : TextReader
    task : SeriesTask
    """
    opened = _Opened(task)
    look = SeriesLook(task=task)
    seen: set[tuple[int, str, str]] = set()

    def take(number: int, where: str, picture: Picture) -> None:
        for line in read_lines(reader, picture):
            text = " ".join(line.text.split())
            if characters(text) >= FEWEST and (number, where, text) not in seen:
                seen.add((number, where, text))
                look.strings.append((number, where, text, line.score, crop_of(picture, line)))

    for number, where, picture in pictures_in(opened):
        take(number, where, picture)
    for number, view in _beside(opened):
        take(number, view.place, view.picture)
    counted = Counter(opened.frames[place][0] for place in opened.places()[0])
    for number, indexed in enumerate(task.files):
        data = bytes_of(indexed.listed)
        look.digests.append("" if data is None else digest_of(in_memory(data), len(data)))
        look.looked.append(-1 if number in opened.failed or data is None else counted[number])
    return look


def look_at_tasks(reader_name: str, tasks: Sequence[SeriesTask]) -> list[SeriesLook]:
    """Read the pixels of several series, with the reader of a name."""
    reader = reader_named(reader_name)
    if reader is None:
        return [not_looked(task) for task in tasks]
    return [look_at_series(reader, task) for task in tasks]


def not_looked(task: SeriesTask) -> SeriesLook:
    """Return what stands for a series that could not be looked at."""
    none = [-1] * len(task.files)
    return SeriesLook(task=task, digests=[""] * len(task.files), looked=none)


def lost_tasks(_reader_name: str, tasks: Sequence[SeriesTask]) -> list[SeriesLook]:
    """Return what stands for series that ended their worker twice."""
    return [not_looked(task) for task in tasks]


@dataclass(frozen=True, slots=True)
class Planted:
    """One line to draw: text, size in pixels, contrast, and where (shares of the free room)."""

    text: str
    size: int
    contrast: float
    across: float
    down: float


class Planting:
    """Lines that are drawn into frames in memory, one in each quarter.

    Parameters
    ----------
    lines : sequence of Planted
        At most four.
    """

    def __init__(self, lines: Sequence[Planted]) -> None:
        self._lines = lines
        self._drawn: dict[tuple[int, int], tuple[list[Any], list[Any]]] = {}
        self.boxes: list[tuple[int, int, int, int] | None] = []

    def _masks(self, shape: tuple[int, int]) -> list[tuple[Any, int, int] | None]:
        """Return the ink of each line, and where it stands; None where it has no room."""
        if shape in self._drawn:
            return self._drawn[shape][0]
        half_rows, half_columns = shape[0] // 2, shape[1] // 2
        masks: list[tuple[Any, int, int] | None] = []
        boxes: list[tuple[int, int, int, int] | None] = []
        for number, line in enumerate(self._lines):
            ink = drawn(line.text, line.size)
            rows, columns = ink.shape
            alone = len(self._lines) == 1
            room_down = (shape[0] if alone else half_rows) - rows - 2
            room_across = (shape[1] if alone else half_columns) - columns - 2
            if room_down < 0 or room_across < 0:
                masks.append(None)
                boxes.append(None)
                continue
            top = (number // 2) * half_rows + 1 + int(line.down * room_down)
            left = (number % 2) * half_columns + 1 + int(line.across * room_across)
            masks.append((ink, top, left))
            boxes.append((left, top, left + columns, top + rows))
        self._drawn[shape] = masks, boxes
        self.boxes = boxes
        return masks

    def into(self, values: Values) -> Values:
        """Return a copy of a frame with the lines drawn, darker where it is bright."""
        low, high = limits_of(luma(values))
        width = high - low if high > low else 255.0
        out = values.astype(np.float32)
        for line, placed in zip(self._lines, self._masks(values.shape[:2]), strict=True):
            if placed is None:
                continue
            ink, top, left = placed
            part = out[top : top + ink.shape[0], left : left + ink.shape[1]]
            sign = -1.0 if float(np.mean(part)) > low + width / 2 else 1.0
            added = sign * line.contrast * width * ink
            part += added[:, :, None] if out.ndim == 3 else added
        if out.ndim == 3 and values.dtype == np.uint8:
            return np.clip(out, 0, 255)
        return out


def drawn(text: str, size: int) -> Any:
    """Return the ink of one line, from 0 to 1, cut to its letters."""
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415 - of the extra

    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(x) for x in font.getbbox(text))
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255)
    return np.asarray(image, dtype=np.float32) / 255


def overlaps(line: Line, box: tuple[int, int, int, int]) -> bool:
    """Tell whether a line covers 30 % of a box and is at most six times its area.

    Examples
    --------
    >>> overlaps(Line("x", 1.0, (0, 0, 10, 10)), (0, 0, 12, 10))
    True
    >>> overlaps(Line("x", 1.0, (0, 0, 100, 100)), (0, 0, 12, 10))
    False
    """
    x, y, right, bottom = line.box
    across = min(right, box[2]) - max(x, box[0])
    down = min(bottom, box[3]) - max(y, box[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    if across <= 0 or down <= 0:
        return False
    return across * down >= _COVERED * area and (right - x) * (bottom - y) <= _LARGER * area


def planted_in(
    reader_name: str, given: Sequence[tuple[SeriesTask, tuple[Planted, ...]]]
) -> list[tuple[int, int]]:
    """Plant lines into copies of the frames of series and read them in the same way.

    Parameters
    ----------
    reader_name : str
    given : sequence of (SeriesTask, tuple of Planted)

    Returns
    -------
    list of (int, int)
        Lines that had room, and those of which a string that people would see was read.
    """
    reader = reader_named(reader_name)
    out = []
    for task, lines in given if reader is not None else ():
        plant = Planting(lines)
        opened = _Opened(task)
        met: set[int] = set()
        for _, _, picture in pictures_in(opened, plant):
            for line in read_lines(reader, picture):  # type: ignore[arg-type]
                if not any(hit.kind != MARKER for hit in classes_of(line.text)):
                    continue
                met.update(
                    n
                    for n, box in enumerate(plant.boxes)
                    if box is not None and overlaps(line, box)
                )
        out.append((sum(box is not None for box in plant.boxes), len(met)))
    return out


def lost_planting(
    _reader_name: str, given: Sequence[tuple[SeriesTask, tuple[Planted, ...]]]
) -> list[tuple[int, int]]:
    """Return nothing found for what ended its worker twice."""
    return [(len(lines), 0) for _, lines in given]


def planting_for(text: str, draw: random.Random, number: int) -> Planted:
    """Return one line to plant; sizes and contrasts take turns."""
    cell = number % (len(SIZES) * len(CONTRASTS))
    return Planted(
        text, SIZES[cell % len(SIZES)], CONTRASTS[cell // len(SIZES)], draw.random(), draw.random()
    )

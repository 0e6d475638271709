"""What a person could see of one object: frames in their windows, overlays, icons, spare bits.

Text that is invisible in one window may be plain in another, so every frame is shown as a viewer
might show it. An object that cannot be decoded was not looked at.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from midi_risk.sources.inspection.reading import Picture

LOW, HIGH = 0.5, 99.8
"""Percentiles between which a frame is shown."""

_WINDOWS = 2
_NARROW = 0.4
_WIDE = 0.7
_STRONG, _FEW = 48, 20
_ALIKE, _DIFFERENT = 32, 0.001
_OVERLAY_FRAMES = 16

Values = NDArray[Any]


class NotSeenError(Exception):
    """The pixels of an object cannot be decoded; holds no value."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture of an object.

    Parameters
    ----------
    place : str
        pixels, label, overlay, icon or spare_bits.
    picture : ndarray of uint8
    frame : int
        From 0; -1 where it belongs to no frame.
    """

    place: str
    picture: Picture
    frame: int = -1


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what `pydicom` says to itself: its messages may hold values."""
    log = logging.getLogger("pydicom")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def opened_object(data: bytes) -> Dataset:
    """Return a data set of the bytes of a file.

    Raises
    ------
    NotSeenError
        When it cannot be read.
    """
    try:
        with quiet():
            return pydicom.dcmread(BytesIO(data), force=True)
    except Exception:  # noqa: BLE001 - of a damaged file any error may come
        raise NotSeenError from None


def values_of(ds: Dataset, frame: int) -> Values:
    """Return the values of one frame, colour as RGB.

    Parameters
    ----------
    ds : pydicom.Dataset
    frame : int

    Raises
    ------
    NotSeenError
    """
    try:
        with quiet():
            values = pixel_array(ds, index=frame)
            if ds.get("PhotometricInterpretation") == "PALETTE COLOR":
                coloured = apply_color_lut(values, ds)
                values = coloured >> 8 if coloured.dtype == np.uint16 else coloured
    except Exception:  # noqa: BLE001 - plug-ins for pixels raise what they like
        raise NotSeenError from None
    if values.ndim not in {2, 3} or (values.ndim == 3 and values.shape[2] < 3):
        raise NotSeenError
    return values[:, :, :3] if values.ndim == 3 else values


def scaled(values: Values, low: float, high: float) -> Picture:
    """Return values between two limits as 0 to 255.

    Examples
    --------
    >>> import numpy as np
    >>> scaled(np.array([[0, 50, 100, 400]]), 0, 100).tolist()
    [[0, 127, 255, 255]]
    """
    width = high - low
    if not np.isfinite(width) or width <= 0:
        return np.zeros(values.shape, dtype=np.uint8)
    shown = (values.astype(np.float32) - low) * (255 / width)
    picture: Picture = np.nan_to_num(np.clip(shown, 0, 255)).astype(np.uint8)
    return picture


def luma(values: Values) -> Values:
    """Return colour as brightness (ITU-R BT.601); grey stays."""
    if values.ndim == 2:
        return values
    return (values.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).astype(
        np.float32
    )


def limits_of(values: Values) -> tuple[float, float]:
    """Return the limits between which a frame is shown: percentiles .5 and 99.8."""
    low, high = np.percentile(values, [LOW, HIGH])
    if high <= low:
        low, high = np.min(values), np.max(values)
    return float(low), float(high)


def header_windows(ds: Dataset) -> list[tuple[float, float]]:
    """Return the windows that an object asks for, as limits of stored values.

    Parameters
    ----------
    ds : pydicom.Dataset
        Windows of functional groups count too.
    """
    slope, intercept = _number(ds, "RescaleSlope", 1.0) or 1.0, _number(ds, "RescaleIntercept", 0.0)
    found: list[tuple[float, float]] = []
    for held in (ds, *_groups(ds)):
        for centre, width in zip(
            _several(held, "WindowCenter"), _several(held, "WindowWidth"), strict=False
        ):
            ends = sorted((centre + side * width / 2 - intercept) / slope for side in (-1.0, 1.0))
            if ends[1] > ends[0] and (ends[0], ends[1]) not in found:
                found.append((ends[0], ends[1]))
    return found[:_WINDOWS]


def _groups(ds: Dataset) -> Iterator[Dataset]:
    for shared in ds.get("SharedFunctionalGroupsSequence") or ():
        yield from shared.get("FrameVOILUTSequence") or ()


def _several(ds: Dataset, keyword: str) -> list[float]:
    value = ds.get(keyword)
    try:
        if value is None or value == "":
            return []
        many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return [float(one) for one in many]
    except (TypeError, ValueError):
        return []


def _number(ds: Dataset, keyword: str, otherwise: float) -> float:
    return (_several(ds, keyword) or [otherwise])[0]


def pictures_of(
    values: Values, windows: Sequence[tuple[float, float]] = (), *, invert: bool = False
) -> list[Picture]:
    """Return one frame as a viewer may show it, each picture with something of its own.

    Parameters
    ----------
    values : ndarray, shape (rows, columns) or (rows, columns, 3)
    windows : sequence of (float, float)
        Those of the header; read where narrow enough to show what the whole range hides.
    invert : bool
        MONOCHROME1: low values are white.

    Returns
    -------
    list of ndarray of uint8
        Between percentiles; the full range where that leaves out much; the narrow windows; of
        colour the brightness, and the strongest channel where a colour stands out.
    """
    if values.ndim == 3:
        return _of_colour(values)
    low, high = limits_of(values)
    least, most = float(np.min(values)), float(np.max(values))
    pictures = [scaled(values, low, high)]
    if most > least and high - low < _WIDE * (most - least):
        pictures.append(scaled(values, least, most))
    for start, end in windows:
        if end - start < _NARROW * (high - low):
            shown = scaled(values, start, end)
            if not any(_same(shown, other) for other in pictures):
                pictures.append(shown)
    return [255 - picture for picture in pictures] if invert else pictures


def _of_colour(values: Values) -> list[Picture]:
    most = float(np.max(values))
    bright = luma(values)
    pictures = [scaled(bright, 0, max(255.0, most)) if most > 64 else scaled(bright, 0, most)]
    strongest = values.max(axis=2)
    if np.count_nonzero(strongest - bright > _STRONG) > _FEW:
        pictures.append(scaled(strongest, 0, max(255.0, most)))
    return pictures


def _same(one: Picture, other: Picture) -> bool:
    apart = np.abs(one.astype(np.int16) - other) > _ALIKE
    return bool(np.mean(apart) < _DIFFERENT)


def views_beside(ds: Dataset) -> list[View]:
    """Return what an object shows beside its frames: overlays, icons, bits above those stored.

    Raises
    ------
    NotSeenError
        When one of them cannot be decoded.
    """
    views = []
    try:
        with quiet():
            for group in range(0x6000, 0x601F, 2):
                if (group, 0x3000) in ds and (group, 0x0010) in ds:
                    drawn = np.asarray(ds.overlay_array(group))
                    planes = drawn.reshape(-1, *drawn.shape[-2:])[:_OVERLAY_FRAMES]
                    views += [View("overlay", _mask(plane)) for plane in planes if plane.any()]
            for icon in ds.get("IconImageSequence") or ():
                views.append(View("icon", _icon(icon, ds)))
            views += [View("spare_bits", plane, frame) for frame, plane in _spare(ds)]
    except Exception:  # noqa: BLE001 - as for frames
        raise NotSeenError from None
    return views


def _mask(plane: Values) -> Picture:
    return np.where(plane, 255, 0).astype(np.uint8)


def _icon(icon: Dataset, ds: Dataset) -> Picture:
    """Return an icon as grey, enlarged so that letters can be read."""
    rows, columns, bits = int(icon.Rows), int(icon.Columns), int(icon.get("BitsAllocated", 8))
    samples = int(icon.get("SamplesPerPixel", 1))
    if bits not in {8, 16} or len(icon.PixelData) < rows * columns * samples * bits // 8:
        raise NotSeenError
    order = "<" if ds.original_encoding[1] in {None, True} else ">"
    raw = np.frombuffer(
        icon.PixelData, dtype=f"{order}u{bits // 8}", count=rows * columns * samples
    )
    values = raw.reshape(rows, columns, samples) if samples > 1 else raw.reshape(rows, columns)
    if icon.get("PhotometricInterpretation") == "PALETTE COLOR":
        values = apply_color_lut(values, icon)
    grey = luma(values)
    return np.kron(scaled(grey, *limits_of(grey)), np.ones((4, 4), np.uint8))


def _spare(ds: Dataset) -> Iterator[tuple[int, Picture]]:
    """Yield planes of the bits above those stored, of pixels that are not compressed."""
    allocated, stored = int(ds.get("BitsAllocated") or 0), int(ds.get("BitsStored") or 0)
    syntax = ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None
    if allocated not in {8, 16} or not 0 < stored < allocated or "PixelData" not in ds:
        return
    if syntax is not None and syntax.is_compressed and syntax != "1.2.840.10008.1.2.1.99":
        return
    if int(ds.get("SamplesPerPixel") or 1) != 1:
        return
    high = int(ds.get("HighBit") or stored - 1)
    order = "<" if ds.original_encoding[1] in {None, True} else ">"
    rows, columns = int(ds.Rows), int(ds.Columns)
    frames = np.frombuffer(ds.PixelData, dtype=f"{order}u{allocated // 8}")
    frames = frames[: len(frames) // (rows * columns) * rows * columns].reshape(-1, rows, columns)
    spare = ((1 << allocated) - 1) ^ (((1 << stored) - 1) << (high - stored + 1))
    above = spare & ~((1 << high) - 1) & ((1 << allocated) - 1)
    for number, frame in enumerate(frames):
        bits = frame & spare
        if int(ds.get("PixelRepresentation") or 0):  # the sign is spread over what is above
            bits = np.where((frame >> high) & 1, bits ^ above, bits)
        for bit in range(allocated) if bits.any() else ():
            plane = (bits >> bit) & 1
            if plane.any():
                yield number, _mask(plane)

"""Letters of five by seven dots, enlarged, so that text can be burned in without a font."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

_COLUMNS = {
    "0": "3E5149453E", "1": "00427F4000", "2": "4261514946", "3": "2141454B31", "4": "1814127F10",
    "5": "2745454539", "6": "3C4A494930", "7": "0171090503", "8": "3649494936", "9": "064949291E",
    "B": "7F49494936", "C": "3E41414122", "D": "7F4141221C", "F": "7F09090901", "G": "3E4149497A",
    "H": "7F0808087F", "J": "2040413F01", "K": "7F08142241", "L": "7F40404040", "M": "7F020C027F",
    "N": "7F0408107F", "P": "7F09090906", "Q": "3E4151215E", "R": "7F09192946", "S": "4649494931",
    "T": "01017F0101", "V": "1F2040201F", "W": "3F4038403F", "X": "6314081463", "Z": "6151494543",
}  # fmt: skip
"""Columns of each letter from the left, the lowest bit on top."""
HEIGHT = 7
_PITCH = 6


@cache
def _glyph(letter: str) -> Any:
    columns = np.frombuffer(bytes.fromhex(_COLUMNS[letter]), dtype=np.uint8)
    return ((columns[None, :] >> np.arange(HEIGHT)[:, None]) & 1).astype(bool)


def mask_of(text: str, scale: int) -> Any:
    """Return where the dots of a text are.

    Parameters
    ----------
    text : str
        Digits and consonants.
    scale : int
        Pixels of one dot.

    Returns
    -------
    numpy.ndarray of bool, shape (7 * scale, 6 * scale * letters)

    Examples
    --------
    >>> mask_of("T1", 2).shape
    (14, 24)
    """
    out = np.zeros((HEIGHT, _PITCH * len(text)), dtype=bool)
    for place, letter in enumerate(text):
        out[:, _PITCH * place : _PITCH * place + _PITCH - 1] = _glyph(letter)
    return np.kron(out, np.ones((scale, scale), dtype=bool))

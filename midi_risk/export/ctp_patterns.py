"""Regular expressions for whole intervals of numbers, in the little that CTP understands.

A backslash is the script's own escape, and braces end its clauses, so a pattern has
character classes, groups, ``?``, ``*`` and ``|`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby


def digits(low: int, high: int, width: int) -> str:
    """Return a pattern for the numbers of an interval, written with leading zeros.

    Parameters
    ----------
    low, high : int
        Both included.
    width : int
        Number of digits.

    Examples
    --------
    >>> digits(65, 69, 3)
    '06[5-9]'
    >>> digits(60, 119, 3)
    '0[6-9][0-9]|1[0-1][0-9]'
    """
    return "|".join(_parts(f"{low:0{width}d}", f"{high:0{width}d}"))


def _parts(low: str, high: str) -> list[str]:
    if not low:
        return [""]
    if low[0] == high[0]:
        return [low[0] + rest for rest in _parts(low[1:], high[1:])]
    size = len(low) - 1
    first, last = int(low[0]), int(high[0])
    parts = []
    if low[1:] != "0" * size:
        parts += [low[0] + rest for rest in _parts(low[1:], "9" * size)]
        first += 1
    tail = []
    if high[1:] != "9" * size:
        tail = [high[0] + rest for rest in _parts("0" * size, high[1:])]
        last -= 1
    if first <= last:
        lead = str(first) if first == last else f"[{first}-{last}]"
        parts.append(lead + "[0-9]" * size)
    return [*parts, *tail]


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the intervals that a set of whole numbers consists of.

    Examples
    --------
    >>> runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    ordered = sorted(set(numbers))
    found = []
    for _, group in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in group]
        found.append((members[0], members[-1]))
    return found


def whole_part(low: int, high: int) -> str:
    """Return a pattern for decimal numbers whose whole part lies in an interval.

    Examples
    --------
    >>> import re
    >>> bool(re.fullmatch(whole_part(65, 69), "067.50"))
    True
    """
    parts = []
    for width in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 0 if width == 1 else 10 ** (width - 1))
        last = min(high, 10**width - 1)
        if first <= last:
            parts.append(digits(first, last, width))
    return f"[ +]*0*({'|'.join(parts)})([.][0-9]*)?[ ]*"


def hundredths(low: int, high: int) -> str:
    """Return a pattern for decimal numbers that lie in an interval of hundredths.

    Examples
    --------
    >>> import re
    >>> [bool(re.fullmatch(hundredths(170, 174), text)) for text in ("1.7", "1.749", "1.75")]
    [True, True, False]
    """
    parts = []
    for number in range(low, high + 1):
        whole, rest = divmod(number, 100)
        parts.append(f"{whole}[.]{rest:02d}[0-9]*")
        if rest % 10 == 0:
            parts.append(f"{whole}[.]{rest // 10}")
        if rest == 0:
            parts.append(f"{whole}[.]?")
    return f"[ +]*0*({'|'.join(parts)})[ ]*"

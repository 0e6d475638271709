"""Families of attributes as one row of the report: what stands for many, with every name kept.

Only entries of which a page would say the same are folded; an attribute with another outcome has
a row of its own, or one with those that share it. The document has each attribute by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from midi_risk.attributes.families import LEAST, stem
from midi_risk.report.leaves import Band
from midi_risk.report.view import Shown

_DIGITS_BEFORE = re.compile(r"\d+$")
_DIGITS_AFTER = re.compile(r"^\d+")


@dataclass(frozen=True, kw_only=True)
class Family:
    """Attributes of which a table says the same in one row; a single one has one entry.

    Parameters
    ----------
    names : tuple of str
    entries : tuple of part
        What the document says of each, in the same order.
    """

    names: tuple[str, ...]
    entries: tuple[Shown, ...]

    @property
    def first(self) -> Shown:
        """What holds for all of them, from the first."""
        return self.entries[0]

    @property
    def size(self) -> int:
        """Number of attributes."""
        return len(self.names)

    @cached_property
    def _around(self) -> tuple[str, str]:
        if self.size == 1:
            return self.names[0], ""
        before = _DIGITS_BEFORE.sub("", _shared_start(self.names))
        rest = [name[len(before) :][::-1] for name in self.names]
        return before, _DIGITS_AFTER.sub("", _shared_start(rest)[::-1])

    @property
    def name(self) -> str:
        """The name of one, of more what their names share, with a star for the rest."""
        return self.names[0] if self.size == 1 else "*".join(self._around)

    @property
    def members(self) -> str:
        """What the star stands for in each name, numbers that follow each other as a range."""
        before, after = self._around
        return ", ".join(_runs([name[len(before) : len(name) - len(after)] for name in self.names]))

    def spread(self, path: str, text: Callable[[Any], str]) -> str:
        """Return the lowest and highest figure at a path, one where all show the same.

        What is no number (a hidden count, a band, nothing) is shown as it is, once.
        """
        values = [_at(entry, path) for entry in self.entries]
        numbers = [value for value in values if _ordered(value)]
        ends = [text(min(numbers)), text(max(numbers))] if numbers else []
        rest = sorted({text(value) for value in values if not _ordered(value)})
        return ", ".join([" to ".join(dict.fromkeys(ends))] * bool(ends) + rest)


def _ordered(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, Band)


def _shared_start(texts: Sequence[str]) -> str:
    low, high = min(texts), max(texts)
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:length]


def _runs(parts: Sequence[str]) -> Iterator[str]:
    """Yield each part; numbers, each one more than that before it, as their ends."""
    start = last = None
    for part in parts:
        follows = last is not None and last.isdecimal() and part == _next(last)
        if not follows:
            if last is not None:
                yield last if start == last else f"{start} to {last}"
            start = part
        last = part
    if last is not None:
        yield last if start == last else f"{start} to {last}"


def _next(number: str) -> str:
    return str(int(number) + 1).zfill(len(number))


def folded(
    entries: Iterable[Shown],
    same: Callable[[Shown], object | None],
    name: Callable[[Shown], str] = lambda entry: entry.name,
) -> list[Family]:
    """Return entries as families of at least `LEAST`, and singly where they are fewer.

    Parameters
    ----------
    entries : iterable of part
    same : callable
        What must be equal within a family; None keeps an entry single.
    name : callable
        Name of the attribute of an entry.

    Returns
    -------
    list of Family
        In the order of their first entries; each entry is in exactly one.

    Examples
    --------
    >>> from types import SimpleNamespace as Entry
    >>> many = [Entry(name=f"gene{i}", passed=i != 7) for i in range(30)]
    >>> [(f.name, f.size, f.members) for f in folded(many, lambda entry: entry.passed)]
    [('gene*', 29, '0 to 6, 8 to 29'), ('gene7', 1, '')]
    """
    groups: dict[object, list[tuple[str, Shown]]] = {}
    for place, entry in enumerate(entries):
        own, shared = str(name(entry)), same(entry)
        pattern = stem(own) if shared is not None else ""
        groups.setdefault((pattern, shared) if pattern else place, []).append((own, entry))
    found: list[Family] = []
    for group in groups.values():
        many = [group] if len(group) >= LEAST else [[one] for one in group]
        found += [
            Family(names=tuple(own for own, _ in part), entries=tuple(e for _, e in part))
            for part in many
        ]
    return found


def folded_names(names: Iterable[str]) -> list[str]:
    """Return names as a sentence lists them, a family by what its names share.

    Examples
    --------
    >>> folded_names(["age", *(f"gene{i}" for i in range(30))])
    ['age', 'gene* (30 columns: 0 to 29)']
    """
    return [
        family.name
        if family.size == 1
        else f"{family.name} ({family.size} columns: {family.members})"
        for family in folded(names, lambda _: True, str)
    ]


def attribute_families(attributes: Iterable[Shown]) -> list[Family]:
    """Return the rows of a table of attributes; quasi-identifiers keep a row each."""

    def same(entry: Shown) -> object | None:
        if entry.role in {"quasi_identifier", "direct_identifier"} or entry.sensitive:
            return None
        fields = ("source", "level", "unit", "role", "reason", "missing", "ps315")
        decided = ("decision", "justification", "folding", "need")
        return tuple(repr(getattr(entry, field)) for field in (*fields, *decided))

    return folded(attributes, same)


MANY = 40
"""Rows of attributes above which they are shown in groups that fold."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Attributes that are shown under one heading.

    Parameters
    ----------
    role : str
        Their role; empty where all are in one group.
    word : str
        The word with which their names begin; empty: they begin with several.
    entries : tuple of part
    """

    role: str
    word: str
    entries: tuple[Shown, ...]


def attribute_groups(attributes: Sequence[Shown]) -> list[Group]:
    """Return attributes in groups that a reader can fold: all in one where they are few.

    Many are split by role, and those of one role by the first word of their names, where at
    least `LEAST` share it.

    Examples
    --------
    >>> from types import SimpleNamespace as Entry
    >>> many = [Entry(name=f"Brain{i}Volume", role="sensitive") for i in range(50)]
    >>> [(g.role, g.word, len(g.entries)) for g in attribute_groups([*many, many[0]])]
    [('sensitive', 'Brain', 51)]
    """
    if len(attributes) <= MANY:
        return [Group(role="", word="", entries=tuple(attributes))]
    roles: dict[str, list[Shown]] = {}
    for entry in attributes:
        roles.setdefault(str(entry.role), []).append(entry)
    groups = []
    for role, entries in roles.items():
        groups += (
            _by_word(role, entries)
            if len(entries) > MANY
            else [Group(role=role, word="", entries=tuple(entries))]
        )
    return groups


def _by_word(role: str, entries: Sequence[Shown]) -> list[Group]:
    """Return groups by the first word of the names, then those of rare words together."""
    words: dict[str, list[Shown]] = {}
    for entry in entries:
        found = _WORD.search(str(entry.name))
        words.setdefault(found.group() if found else "", []).append(entry)
    often = {word: same for word, same in words.items() if word and len(same) >= LEAST}
    groups = [Group(role=role, word=word, entries=tuple(same)) for word, same in often.items()]
    rest = tuple(e for word, same in words.items() if word not in often for e in same)
    return [*groups, *([Group(role=role, word="", entries=rest)] if rest else [])]


def disclosure_families(entries: Iterable[Shown]) -> list[Family]:
    """Return the rows of attribute disclosure: one outcome of one model and criterion each."""

    def same(entry: Shown) -> object:
        fields = ("model", "criterion", "threshold", "passed", "accepted")
        unbounded = entry.value is None
        return (unbounded, *(repr(getattr(entry, field)) for field in fields))

    return folded(entries, same, lambda entry: entry.attribute)


def of_attribute(entries: Iterable[Shown], *fields: str) -> list[Family]:
    """Return the rows of figures that are not judged, by attribute and some fields."""
    return folded(
        entries,
        lambda entry: tuple(getattr(entry, field) for field in fields),
        lambda entry: entry.attribute,
    )


def of_lines(lines: Iterable[Any]) -> list[Family]:
    """Return the rows of diversity and closeness side by side: measured alike in each."""
    return folded(
        lines,
        lambda line: (line.diversity is None, *(str(c.distance) for c in line.closeness)),
        lambda line: line.attribute,
    )


def _at(entry: Any, path: str) -> Any:
    """Return what stands at a path of fields and places."""
    for step in path.split("."):
        entry = entry[int(step)] if step.isdecimal() else getattr(entry, step)
    return entry

"""Which class of a local recoding a subject belongs to: a function of its original values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from midi_risk.document.plan import LocalRecoding, LocalSet
from midi_risk.recode.adaptive.options import values_of
from midi_risk.table.model import SubjectTable
from midi_risk.table.release import attribute_hierarchy

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]

ROWS = 1 << 26
"""Bytes of the sets of classes that are looked at together."""


def class_of(local: LocalRecoding, table: SubjectTable) -> Ints:
    """Return the class of each subject.

    Parameters
    ----------
    local : LocalRecoding
    table : SubjectTable
        As folded, before any decision.

    Returns
    -------
    ndarray of int64, shape (n_subjects,)
        Place in ``local.classes``; -1 where a subject's values are in none.

    Notes
    -----
    Equal values lead to the same class, whoever has them, so that a second file of a subject, or
    a second run, shows the same. Of several classes that hold the values, the first counts: those
    that the plan left out are cut after the others, between lines that reach over them.
    """
    if not local.classes or not table.n_subjects:
        return np.full(table.n_subjects, -1, dtype=np.int64)
    names = sorted({name for each in local.classes for name in each.holds})
    fitting: list[tuple[Ints, Bits]] = []
    for name in names:
        attribute = table.attributes[name]
        column = table.frame[name].to_numpy(dtype=object)
        hierarchy = attribute_hierarchy(table, attribute)
        last = len(hierarchy.level_names) - 1
        values = values_of(attribute, column, hierarchy, 0, last, adaptive=False)
        sets = [each.holds.get(name) for each in local.classes]
        fitting.append((values.codes, _fitting(values.texts, values.spread.at, sets)))
    rows = np.column_stack([codes for codes, _ in fitting])
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    width = (len(local.classes) + 7) // 8
    found = np.full(len(distinct), -1, dtype=np.int64)
    step = max(1, ROWS // width)
    for begin in range(0, len(distinct), step):
        part = distinct[begin : begin + step]
        bits = np.full((len(part), width), 255, dtype=np.uint8)
        for number, (_, fits) in enumerate(fitting):
            bits &= fits[part[:, number]]
        byte = np.argmax(bits > 0, axis=1)
        one = bits[np.arange(len(part)), byte]
        first = byte * 8 + np.argmax(np.unpackbits(one[:, None], axis=1), axis=1)
        found[begin : begin + step] = np.where(one > 0, first, -1)
    return found[place.reshape(-1)]


def _fitting(
    texts: tuple[str | None, ...],
    at: npt.NDArray[np.float64] | None,
    sets: list[LocalSet | None],
) -> Bits:
    """Return, for each text, the classes whose set holds it, as bits."""
    n = len(sets)
    missing = np.array([text is None for text in texts], dtype=bool)
    unknown = np.array([each is None or each.unknown for each in sets], dtype=bool)
    out = np.zeros((len(texts), n), dtype=bool)
    told = [None if each is None else each.texts for each in sets]
    listed = [i for i, texts_ in enumerate(told) if texts_ is not None]
    number = {text: i for i, text in enumerate(texts) if text is not None}
    for i in listed:
        inside = [number[text] for text in told[i] or () if text in number]
        out[inside, i] = True
    lines = np.array([i for i in range(n) if i not in set(listed)], dtype=np.int64)
    place = np.full(len(texts), np.nan) if at is None else at
    blank = missing | ~np.isfinite(place)
    if len(lines):
        low = np.array([_line(sets[i], -np.inf) for i in lines])
        high = np.array([_line(sets[i], np.inf) for i in lines])
        with np.errstate(invalid="ignore"):
            inside_ = (place[:, None] >= low) & (place[:, None] < high)
        free = np.array([sets[i] is None for i in lines], dtype=bool)
        out[:, lines] = np.where(blank[:, None], unknown[lines] | free, inside_ | free)
    out[np.ix_(missing, unknown)] = True
    return np.packbits(out, axis=1)


def _line(held: LocalSet | None, open_: float) -> float:
    """Return a line of a set, the lower one for minus infinity."""
    line = None if held is None else held.low if open_ < 0 else held.below
    return open_ if line is None else line


def labels_of(
    local: LocalRecoding, table: SubjectTable
) -> tuple[dict[str, npt.NDArray[np.object_]], npt.NDArray[np.bool_]]:
    """Return what each subject shows of each attribute, and who is left out.

    Parameters
    ----------
    local : LocalRecoding
    table : SubjectTable
        As folded, before any decision.

    Returns
    -------
    dict of str to ndarray of object, shape (n_subjects,)
        Labels, None where nothing is shown.
    ndarray of bool, shape (n_subjects,)
        Subjects whose values are in no class.
    """
    place = class_of(local, table)
    labels = {}
    for name in local.attributes:
        shown = np.array([each.shows.get(name) for each in local.classes] + [None], dtype=object)
        labels[name] = shown[place]
    return labels, np.asarray(pd.Series(place) < 0)

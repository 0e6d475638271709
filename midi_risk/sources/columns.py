"""Attribute columns of a chunk of files, decoded once per distinct value."""

from __future__ import annotations

from collections.abc import Sequence

from midi_risk.sources.element_text import element_text
from midi_risk.sources.header import Header, join_values
from midi_risk.sources.prefix import RawHeader
from midi_risk.sources.wanted import Wanted, wanted_attributes

Column = list[str | None]


def _decoded(wanted: Wanted, rows: Sequence[tuple[int, RawHeader]], column: Column) -> bool:
    """Fill one column from raw headers of one character set; False when it stays empty."""
    tag = wanted.tag
    raws = [header.raws.get(tag) for _, header in rows]
    distinct = set(raws)
    distinct.discard(None)
    if not distinct:
        return False
    encodings = rows[0][1].encodings
    texts = {raw: element_text(wanted.vr, raw, encodings) for raw in distinct}
    for (at, _), raw in zip(rows, raws, strict=True):
        if raw is not None:
            column[at] = texts[raw]
    return True


def attribute_columns(
    headers: Sequence[Header | RawHeader | None],
) -> dict[str, Column]:
    """Return one list of texts per attribute that any header has.

    Parameters
    ----------
    headers : sequence of Header, RawHeader or None
        One per file.

    Returns
    -------
    dict of str to list
        Keyword -> text or None per file, in the order of tags.
    """
    by_set: dict[tuple[str, ...], list[tuple[int, RawHeader]]] = {}
    columns: dict[str, Column] = {}
    count = len(headers)
    for at, header in enumerate(headers):
        if isinstance(header, RawHeader):
            by_set.setdefault(header.encodings, []).append((at, header))
        elif header is not None:
            for keyword, text in header.values.items():
                columns.setdefault(keyword, [None] * count)[at] = text
    present: set[int] = set()
    for rows in by_set.values():
        present.update(*(header.raws for _, header in rows))
    for tag in present & wanted_attributes().keys():
        wanted = wanted_attributes()[tag]
        column = columns.setdefault(wanted.keyword, [None] * count)
        for rows in by_set.values():
            _decoded(wanted, rows, column)
    for at, header in (row for rows in by_set.values() for row in rows):
        for keyword, more in header.more.items():
            column = columns.setdefault(keyword, [None] * count)
            column[at] = join_values(column[at], more)
    order = [item.keyword for item in wanted_attributes().values()]
    return {keyword: columns[keyword] for keyword in order if keyword in columns}

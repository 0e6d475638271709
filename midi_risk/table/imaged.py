"""Which subjects have images, and images that may show a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midi_risk.sources.dicom.faces import FACE_COLUMNS, may_show_face
from midi_risk.sources.model import SourceTable
from midi_risk.table.distinct import numbered
from midi_risk.table.model import raw_codes
from midi_risk.table.subjects import Subjects


def describes_images(table: SourceTable) -> bool:
    """Tell whether a source speaks of images, so that pixel channels are in scope.

    Parameters
    ----------
    table : SourceTable
    """
    return bool({"Modality", "SOPClassUID", "SeriesInstanceUID"} & set(table.rows.column_names))


def concerned_subjects(
    rows_of: Sequence[tuple[SourceTable, np.ndarray]], subjects: Subjects
) -> dict[str, frozenset[str]]:
    """Return who has images, and who has images that may show a face.

    Parameters
    ----------
    rows_of : sequence of (SourceTable, numpy.ndarray of int64)
        Each source with the subject of each row, -1 for none.
    subjects : Subjects

    Returns
    -------
    dict of str to frozenset of str
        ``images`` where a source describes images, and ``face`` where each of these says the
        modality: without it every image may show a face.
    """
    imaged = [(table, of_row) for table, of_row in rows_of if describes_images(table)]
    if not imaged:
        return {}
    labels = np.asarray(subjects.labels, dtype=object)
    shown = [_possible(table) for table, _ in imaged]
    found = {"images": _keys(labels, [of_row for _, of_row in imaged])}
    if all(rows is not None for rows in shown):
        rows = [o[r] for (_, o), r in zip(imaged, shown, strict=True) if r is not None]
        found["face"] = _keys(labels, rows)
    return found


def _keys(labels: np.ndarray, rows: Sequence[np.ndarray]) -> frozenset[str]:
    """Return the keys of the subjects of these rows."""
    met = np.unique(np.concatenate(rows).astype(np.int64))
    return frozenset(str(label) for label in labels[met[met >= 0]])


def _possible(table: SourceTable) -> np.ndarray | None:
    """Return the rows that may show a face by all that they say."""
    names = table.rows.column_names
    if "Modality" not in names:
        return None
    columns = [name for name in FACE_COLUMNS if name in names]
    coded = [raw_codes(table.rows.column(name)) for name in columns]
    place = np.zeros(table.rows.num_rows, dtype=np.int64)
    groups = 1
    for codes, texts in coded:
        width = len(texts) + 1
        found, place = numbered(place * width + codes + 1, groups * width)
        groups = len(found)
    first = np.empty(groups, dtype=np.int64)
    first[place[::-1]] = np.arange(len(place))[::-1]
    met = np.stack([codes[first] for codes, _ in coded], axis=1)
    shows = [
        may_show_face(
            {
                name: str(texts[code])
                for name, code, (_, texts) in zip(columns, row, coded, strict=True)
                if code >= 0
            }
        )
        for row in met
    ]
    return np.asarray(np.array(shows, dtype=bool)[place])

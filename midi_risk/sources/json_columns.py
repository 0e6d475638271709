"""Records gathered as columns: each distinct text is held once, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from midi_risk.sources.tables_values import arrow_texts


class GatheredColumns:
    """Columns that grow by one record at a time.

    Examples
    --------
    >>> gathered = GatheredColumns()
    >>> gathered.add({"id": "a"})
    >>> gathered.add({"id": "b", "age": "40"})
    >>> gathered.table().to_pydict()
    {'id': ['a', 'b'], 'age': [None, '40']}
    """

    def __init__(self) -> None:
        self.rows = 0
        self._codes: dict[str, list[int | None]] = {}
        self._numbers: dict[str, dict[str, int]] = {}

    def add(self, record: Mapping[str, str | None]) -> None:
        """Add one row."""
        for name, text in record.items():
            codes = self._codes.get(name)
            if codes is None:
                codes = self._codes[name] = []
                self._numbers[name] = {}
            if len(codes) < self.rows:
                codes.extend([None] * (self.rows - len(codes)))
            numbers = self._numbers[name]
            codes.append(None if text is None else numbers.setdefault(text, len(numbers)))
        self.rows += 1

    def table(self) -> pa.Table:
        """Return the columns in the order met, of type ``dictionary<int32, string>``."""
        columns = {}
        for name, codes in self._codes.items():
            codes.extend([None] * (self.rows - len(codes)))
            texts = arrow_texts(list(self._numbers[name]))
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), texts)
        return pa.table(columns)

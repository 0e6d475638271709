"""Columns of any table as integer codes, missing values as -1, or as numbers.

pandas, polars, Arrow, a DuckDB relation or a mapping of arrays come in; what goes out is the
same for all of them, so no measure and no search depends on who holds the data. Names of columns
are looked up, never interpreted.

One rule says what is equal, whoever holds the values: NaN, None, NA, NaT and masked are missing;
-0.0 is 0.0; a whole number is the same as an integer, a decimal or a float. Two values that differ
but are written alike, such as 1 beside "1", are refused: a release would hold them as one.

Hashing text is most of the cost of a measure, and several measures are asked of one table, so
codes of text are kept. Arrow arrays never change: the codes of one are right for as long as it
exists, and a frame that is written to gets a new array. Nothing is kept once the array is gone.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.errors import MeasureError, did_you_mean, listed, quoted
from midi_risk.sources.arrow import table_of

Codes = tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]

_BOUND = 1 << 30
_BYTES_OF_LABEL = 64


@dataclass(frozen=True, slots=True)
class _Entry:
    """Codes of one array, and the array as long as it lives."""

    array: weakref.ref[Any]
    codes: Codes
    size: int


class KeptCodes:
    """Codes by Arrow array; an entry goes with its array, or when others need the room.

    Several threads may ask one object. Two that ask for a new array at once may both hash
    it; the codes of the first are kept and both get them.

    Parameters
    ----------
    bound : int
        Bytes that all codes and labels may take; those asked for longest ago give way.

    Examples
    --------
    >>> import pyarrow as pa
    >>> kept, array = KeptCodes(), pa.array(["x", "y"])
    >>> one = kept.codes(array, lambda: (np.array([0, 1]), np.array(["x", "y"], dtype=object)))
    >>> kept.codes(array, list) is one, len(kept)
    (True, 1)
    >>> del array
    >>> len(kept)
    0
    """

    def __init__(self, bound: int = _BOUND) -> None:
        self._bound = bound
        self._size = 0
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._gone: deque[tuple[int, weakref.ref[Any]]] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of arrays whose codes are kept."""
        return len(self._entries)

    def codes(self, array: Any, encode: Callable[[], Codes]) -> Codes:
        """Return the codes of an array, from `encode` when none are kept.

        Parameters
        ----------
        array : pyarrow.Array or pyarrow.ChunkedArray
        encode : callable
            Returns the codes and labels of the array.

        Returns
        -------
        (codes, labels)
            Not writeable.
        """
        place = id(array)
        try:
            found = self._known(place, array)
            if found is None:
                found = self._added(place, array, encode())
        finally:
            self._settle()
        return found

    def _known(self, place: int, array: Any) -> Codes | None:
        with self._lock:
            entry = self._entries.get(place)
            if entry is None or entry.array() is not array:
                return None
            self._entries.move_to_end(place)
            return entry.codes

    def _added(self, place: int, array: Any, found: Codes) -> Codes:
        """Keep codes, unless another thread was faster or they alone pass the bound."""
        for part in found:
            part.setflags(write=False)
        size = found[0].nbytes + len(found[1]) * _BYTES_OF_LABEL
        made = _Entry(weakref.ref(array, lambda ref: self._left(place, ref)), found, size)
        with self._lock:
            other = self._entries.get(place)
            if other is not None and other.array() is array:
                return other.codes
            if size > self._bound:
                return found
            self._remove(place)
            self._entries[place] = made
            self._size += size
            while self._size > self._bound:
                self._remove(next(iter(self._entries)))
        return found

    def _left(self, place: int, ref: weakref.ref[Any]) -> None:
        """Note that an array is gone. This may run anywhere, also inside a locked region."""
        self._gone.append((place, ref))
        self._settle()

    def _settle(self) -> None:
        """Drop what is gone; where the lock is held, its holder does so after releasing it."""
        while self._gone and self._lock.acquire(blocking=False):
            try:
                while self._gone:
                    place, ref = self._gone.popleft()
                    entry = self._entries.get(place)
                    if entry is not None and entry.array is ref:
                        self._remove(place)
            finally:
                self._lock.release()

    def _remove(self, place: int) -> None:
        entry = self._entries.pop(place, None)
        self._size -= 0 if entry is None else entry.size


@cache
def kept_codes() -> KeptCodes:
    """Return the codes that this process keeps.

    Examples
    --------
    >>> kept_codes() is kept_codes()
    True
    """
    return KeptCodes()


def text_codes(values: Any, kept: KeptCodes | None = None) -> Codes | None:
    """Return codes (missing -1) and labels of an Arrow-backed text column, None for others.

    Parameters
    ----------
    values : pandas.Series, pandas.Index or extension array
    kept : KeptCodes, optional
        Where codes are kept; those of the process when not given.

    Returns
    -------
    (codes, labels) or None

    Examples
    --------
    >>> text_codes(np.array([1, 2])) is None
    True
    """
    array = getattr(values, "array", values)
    if not isinstance(getattr(array, "dtype", None), pd.StringDtype):
        return None
    if getattr(array.dtype, "storage", "") != "pyarrow":
        return None
    backing = array.__arrow_array__()
    if kept is None:
        kept = kept_codes()
    return kept.codes(backing, lambda: _hashed(array.dtype, backing))


def _hashed(dtype: Any, backing: Any) -> Codes:
    """Hash the Arrow array itself: another thread may give the column a new one meanwhile."""
    codes, labels = pd.factorize(dtype.__from_arrow__(backing))
    return np.asarray(codes, dtype=np.int64), np.asarray(labels, dtype=object)


IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_DENSE_RANGE = 1 << 16
# Layouts without a dictionary encoder: polars writes its text so.
_VIEWS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
_NESTED = "holds nested values (lists, maps or arrays)"
_NESTED_HINT = "Turn each cell into one text or number first"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedColumn:
    """One attribute as integer codes.

    Parameters
    ----------
    name : hashable
        Name of the column.
    codes : numpy.ndarray of shape (n,)
        0..cardinality-1, or -1 where the value is missing (NaN, None, NA and NaT alike).
    labels : numpy.ndarray of shape (cardinality,)
        The value of each code; a label may be unused.
    """

    name: Hashable
    codes: npt.NDArray[np.integer[Any]]
    labels: npt.NDArray[Any]

    @property
    def cardinality(self) -> int:
        """Number of codes."""
        return len(self.labels)

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Where the value is missing, shape (n,)."""
        return self.codes < 0


def as_names(names: Hashable | Sequence[Hashable], *, what: str = "quasi-identifiers") -> list[Any]:
    """Return column names as a list; one text is one name.

    Parameters
    ----------
    names : hashable or sequence of hashable
        One name or several.
    what : str
        What the names are for, used in the message.

    Returns
    -------
    list
        The names in the given order.

    Raises
    ------
    MeasureError
        If a name is given twice.
    """
    if isinstance(names, Hashable) and not isinstance(names, Iterable):
        return [names]
    given = listed(what, names)
    strange = [name for name in given if not isinstance(name, Hashable)]
    if strange:
        raise MeasureError(f"One of the {what} is {quoted(strange[0])}, not a name")
    twice = [name for i, name in enumerate(given) if name in given[:i]]
    if twice:
        raise MeasureError(f"Column {quoted(twice[0])} is listed twice among the {what}")
    return given


def read_columns(data: Any, names: Sequence[Hashable]) -> tuple[int, list[CodedColumn]]:
    """Read the named columns of a table as codes.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, pyarrow.Table, DuckDB relation, SubjectTable, mapping
        The table; a mapping holds one array per column name.
    names : sequence of hashable
        Columns to read.

    Returns
    -------
    n : int
        Number of rows.
    columns : list of CodedColumn
        In the order of `names`.

    Raises
    ------
    MeasureError
        If a column is absent, ambiguous, nested or of another length.
    """
    data = readable(data)
    if isinstance(data, pd.DataFrame):
        _require(names, list(data.columns))
        return len(data), [encode(name, data[name]) for name in names]
    if isinstance(data, Mapping):
        _require(names, list(data))
        columns = [encode(name, data[name]) for name in names]
        lengths = {len(column.codes) for column in columns}
        if len(lengths) > 1:
            raise MeasureError("The columns of the table differ in length")
        if lengths:
            return lengths.pop(), columns
        first = next(iter(data.values()), ())
        return len(first), []
    _require(names, data.column_names)
    return data.num_rows, [encode(name, data.column(name)) for name in names]


def readable(data: Any) -> pd.DataFrame | Mapping[Hashable, Any] | pa.Table:
    """Return a table whose columns can be read again and again; a relation is run once.

    Parameters
    ----------
    data : table
        As in `read_columns`.

    Raises
    ------
    MeasureError
        If it is no table; the message names its type alone.
    """
    if isinstance(data, pd.DataFrame | Mapping | pa.Table):
        return data
    frame = getattr(data, "frame", None)
    if isinstance(frame, pd.DataFrame):
        return frame
    kinds = getattr(data, "schema", None)
    if isinstance(kinds, Mapping) and any(str(kind) == "Object" for kind in kinds.values()):
        lists: Mapping[Hashable, Any] = data.to_dict(as_series=False)
        return lists  # polars hands out the addresses of Python objects, not their values
    return _arrow_table(data)


def encode(name: Hashable, values: Any) -> CodedColumn:
    """Turn one column of any kind into codes.

    Parameters
    ----------
    name : hashable
        Name of the column, for messages.
    values : array_like
        One value per record: numpy, pandas, Arrow, polars, or a list.

    Returns
    -------
    CodedColumn

    Raises
    ------
    MeasureError
        If the values are nested or not one-dimensional.

    Examples
    --------
    >>> encode("sex", ["F", None, "M", float("nan"), "F"]).codes.tolist()
    [0, -1, 1, -1, 0]
    """
    if isinstance(values, CodedColumn):
        return values
    return _one_rule(_encoded(name, values))


def _encoded(name: Hashable, values: Any) -> CodedColumn:
    """Return codes as the container has them; labels may repeat or be missing."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return _encode_arrow(name, values)
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(values)
        values = np.asarray(values.data).astype(object)
        values[hidden] = None
    if isinstance(values, pd.Categorical) or isinstance(
        getattr(values, "dtype", None), pd.CategoricalDtype
    ):
        categorical = pd.Categorical(values)
        labels = np.asarray(categorical.categories, dtype=object)
        return CodedColumn(name=name, codes=categorical.codes, labels=labels)
    if not isinstance(values, np.ndarray | pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        if str(getattr(values, "dtype", "")) == "Object":
            return _encoded(name, values.to_list())
        if hasattr(values, "to_arrow"):
            return _encode_arrow(name, values.to_arrow())
        values = _object_vector(name, values)
    if getattr(values, "ndim", 1) != 1:
        raise MeasureError(f"Column {quoted(name)} is not one-dimensional", hint=_NESTED_HINT)
    dtype = values.dtype
    if isinstance(values, np.ndarray) and dtype.kind in "mM":
        values = pd.Series(values)
    if isinstance(dtype, np.dtype) and dtype.kind in "biu":
        dense = _dense_integers(name, np.asarray(values))
        if dense is not None:
            return dense
    return _factorize(name, values)


_ONE_KIND = ({str}, {bytes}, {int}, {bool})
_WRITTEN_ALIKE = "holds values that differ but are written alike, such as 1 beside '1'"
_WRITTEN_ALIKE_HINT = "Turn the whole column into text, or into numbers"


def text_of(value: Any) -> str | None:
    """Return the text by which values are compared with a hierarchy, None for a missing value.

    Whole numbers have no decimal point, so that 39, 39.0 and ``"39"`` are written alike.

    Examples
    --------
    >>> text_of(39.0), text_of("39"), text_of(float("nan"))
    ('39', '39', None)
    """
    if isinstance(value, str):
        return value
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return None
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value.normalize():f}"
    return str(value)


def _one_rule(column: CodedColumn) -> CodedColumn:
    """Return codes by the one rule of equality and missing, see the module text."""
    labels = column.labels
    if labels.dtype != object:
        return column
    listed = labels.tolist()
    kinds = set(map(type, listed))
    if not kinds or kinds in _ONE_KIND:
        return column
    if kinds == {float}:
        numbers = labels.astype(np.float64)
        if not np.isnan(numbers).any() and np.count_nonzero(numbers == 0.0) <= 1:
            return column
    places: dict[Any, int] = {}
    to = np.full(len(listed) + 1, -1, dtype=np.int64)
    try:
        for number, label in enumerate(listed):
            if text_of(label) is not None:
                to[number] = places.setdefault(label, len(places))
    except TypeError:
        raise MeasureError(f"Column {quoted(column.name)} {_NESTED}", hint=_NESTED_HINT) from None
    codes = to[column.codes.astype(np.int64, copy=False)]
    if len(kinds) > 1:
        refuse_written_alike(column.name, _occurring(codes, list(places)))
    kept = np.empty(len(places), dtype=object)
    kept[:] = list(places)
    return replace(column, codes=codes, labels=kept)


def _occurring(codes: IntArray, labels: list[Any]) -> list[Any]:
    """Return the labels that some record has."""
    used = np.bincount(codes[codes >= 0], minlength=len(labels)) > 0
    return [label for label, there in zip(labels, used.tolist(), strict=True) if there]


def refuse_written_alike(name: Hashable, labels: Iterable[Any]) -> None:
    """Refuse distinct values that are written alike, such as 1 beside ``"1"``.

    Parameters
    ----------
    name : hashable
        Name of the column, for the message.
    labels : iterable
        Distinct values, none missing.

    Raises
    ------
    MeasureError
    """
    seen: set[str | None] = set()
    for label in labels:
        text = text_of(label)
        if text in seen:
            raise MeasureError(f"Column {quoted(name)} {_WRITTEN_ALIKE}", hint=_WRITTEN_ALIKE_HINT)
        seen.add(text)


def dense_codes(column: CodedColumn) -> tuple[IntArray, list[Any]]:
    """Return codes in the order in which values occur, -1 where missing, and these values.

    Parameters
    ----------
    column : CodedColumn

    Returns
    -------
    codes : numpy.ndarray of int64, shape (n,)
    values : list
        Only those that occur.
    """
    codes, used = pd.factorize(column.codes.astype(np.int64, copy=False))
    missing = np.flatnonzero(used < 0)
    labels = column.labels.tolist()
    values = [labels[code] for code in used.tolist() if code >= 0]
    out = codes.astype(np.int64, copy=False)
    if missing.size:
        gap = int(missing[0])
        out = np.where(out == gap, -1, out - (out > gap))
    return out, values


def _object_vector(name: Hashable, values: Any) -> npt.NDArray[np.object_]:
    """Return a list or another sequence as a vector of objects, never as a matrix."""
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise MeasureError(f"Column {quoted(name)} is not a sequence of values")
    vector = np.empty(len(values), dtype=object)
    vector[:] = list(values)
    return vector


def _factorize(name: Hashable, values: Any) -> CodedColumn:
    text = text_codes(values)
    if text is not None:
        return CodedColumn(name=name, codes=text[0], labels=text[1])
    try:
        codes, labels = pd.factorize(values)
    except (TypeError, pa.ArrowNotImplementedError):
        raise MeasureError(f"Column {quoted(name)} {_NESTED}", hint=_NESTED_HINT) from None
    return CodedColumn(name=name, codes=codes, labels=np.asarray(labels, dtype=object))


def _dense_integers(name: Hashable, values: npt.NDArray[Any]) -> CodedColumn | None:
    """Codes of integers in a short range, without hashing."""
    if values.dtype.kind == "b":
        labels = np.array([False, True], dtype=object)
        return CodedColumn(name=name, codes=values.view(np.uint8), labels=labels)
    if len(values) == 0:
        return None
    low, high = int(values.min()), int(values.max())
    if high - low >= max(_DENSE_RANGE, len(values)):
        return None
    codes = values.astype(np.int64, copy=False) - low if low else values
    if codes.dtype.kind == "u" and codes.dtype.itemsize == 8:
        codes = codes.astype(np.int64)
    return CodedColumn(name=name, codes=codes, labels=np.arange(low, high + 1))


def _encode_arrow(name: Hashable, values: pa.Array | pa.ChunkedArray) -> CodedColumn:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray):  # an empty column has no chunk to combine
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    kind = array.type
    if pa.types.is_null(kind):
        codes = np.full(len(array), -1, dtype=np.int64)
        return CodedColumn(name=name, codes=codes, labels=np.empty(0, dtype=object))
    if pa.types.is_dictionary(kind):
        return _encode_dictionary(name, array)
    if pa.types.is_nested(kind):
        raise MeasureError(f"Column {quoted(name)} {_NESTED}", hint=_NESTED_HINT)
    if isinstance(array, pa.ExtensionArray):
        return _encode_arrow(name, array.storage)
    if pa.types.is_float16(kind):
        array, kind = array.cast(pa.float32()), pa.float32()
    if pa.types.is_integer(kind) and array.null_count == 0 and len(array):
        dense = _dense_integers(name, array.to_numpy(zero_copy_only=False))
        if dense is not None:
            return dense
    try:
        if kind in _VIEWS:
            array = array.cast(_VIEWS[kind])
        encoded = pc.dictionary_encode(array)
    except pa.ArrowNotImplementedError:
        return _factorize(name, np.array(array.to_pylist(), dtype=object))
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    labels = np.empty(len(encoded.dictionary), dtype=object)
    labels[:] = encoded.dictionary.to_pylist()
    return CodedColumn(name=name, codes=codes, labels=labels)


def _encode_dictionary(name: Hashable, array: pa.DictionaryArray) -> CodedColumn:
    """Codes of a dictionary array; its dictionary may hold nulls, NaN or a value twice."""
    if pa.types.is_nested(array.type.value_type):
        raise MeasureError(f"Column {quoted(name)} {_NESTED}", hint=_NESTED_HINT)
    values = np.empty(len(array.dictionary), dtype=object)
    values[:] = array.dictionary.to_pylist()
    small, labels = pd.factorize(values)
    labels = np.asarray(labels, dtype=object)
    places = pc.fill_null(array.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    return CodedColumn(name=name, codes=np.append(small, -1)[places], labels=labels)


def _arrow_table(data: Any) -> pa.Table:
    found = table_of(data)
    if found is None:
        raise MeasureError(
            f"A table of type {type(data).__name__} cannot be read",
            hint="Give pandas, polars, Arrow, a DuckDB relation or a mapping of arrays",
        )
    return found


def _require(names: Sequence[Hashable], known: list[Any]) -> None:
    for name in names:
        found = known.count(name)
        if found == 0:
            hint = did_you_mean(str(name), [k for k in known if isinstance(k, str)])
            raise MeasureError(f"The table has no column {quoted(name)}", hint=hint)
        if found > 1:
            raise MeasureError(
                f"The table has {found} columns named {quoted(name)}", hint="Rename all but one"
            )


def decode_numbers(column: CodedColumn) -> FloatArray:
    """Return the numbers of a coded column, NaN where missing.

    Parameters
    ----------
    column : CodedColumn
        A numeric column.

    Returns
    -------
    numpy.ndarray of shape (n,)

    Raises
    ------
    MeasureError
        If a value is not a number.
    """
    if any(isinstance(label, str | bytes) for label in column.labels):
        raise MeasureError(f"Column {quoted(column.name)} must hold numbers, not text")
    try:
        labels = np.append(np.asarray(column.labels, dtype=np.float64), np.nan)
    except (TypeError, ValueError):
        raise MeasureError(f"Column {quoted(column.name)} must hold numbers") from None
    numbers: FloatArray = labels[column.codes]
    return numbers


def as_numbers(name: Hashable, values: Any) -> FloatArray:
    """Return any numeric column as float64, NaN where missing.

    Parameters
    ----------
    name : hashable
        Name for messages.
    values : array_like of shape (n,)
        Numbers of any kind.

    Returns
    -------
    numpy.ndarray of shape (n,)
    """
    if isinstance(values, np.ma.MaskedArray):
        return decode_numbers(encode(name, values))
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 1:
        return values.astype(np.float64, copy=False)
    if isinstance(values, pd.Series) and isinstance(values.dtype, np.dtype):
        return (
            as_numbers(name, values.to_numpy())
            if values.dtype.kind in "fiu"
            else (decode_numbers(encode(name, values)))
        )
    return decode_numbers(encode(name, values))


def number_array(what: str, values: Any) -> FloatArray:
    """Return an array of numbers of any shape as float64.

    Parameters
    ----------
    what : str
        What the numbers are, for the message.
    values : array_like

    Raises
    ------
    MeasureError
        If they are no numbers; the message shows none of them.

    Examples
    --------
    >>> number_array("risks", [1, 0.5]).tolist()
    [1.0, 0.5]
    """
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise MeasureError(f"The {what} must be numbers, not {quoted(values)}") from None

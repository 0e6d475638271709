"""What the values of one column show, from distinct values and counts only."""

from __future__ import annotations

import re
from functools import cache, cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from midi_risk.attributes.model import Kind
from midi_risk.attributes.parsed import is_missing, missing_tokens
from midi_risk.attributes.values import normalise
from midi_risk.sources.arrow import index_codes

SAMPLE = 5000
"""Patterns are looked for in so many distinct values, the first met."""

SENTENCE_WORDS, SENTENCE_LETTERS, OWN_WORDING = 4.0, 40.0, 0.3
"""Values of so many words or letters are sentences; of text so many subjects have their own."""

GLANCE = 40
"""A form that none of so many values spread over the sample has is not that of most."""

PACKED_DATE = 18_000_000
"""Numbers of at least this size can be dates without separators."""

YEARS = (1880, 2200)
"""Whole numbers in this range are calendar years; shifted dates lie up to 2200."""

CODES = 10
"""Numbers of at most so many distinct values are codes of a category."""

SHARED = 30
"""Small whole numbers each held by so many subjects are the codes of a status, not times."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_PHONE = re.compile(r"(?:\+|00)\d[\d ()/-]{7,17}\d|\(?\d{3}\)?[ -]\d{3}-\d{4}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_UID = re.compile(r"[0-2](?:\.\d+){4,}|2\.25\.\d{8,}")
_URL = re.compile(r"https?://\S+")
_PERSON = re.compile(
    r"[A-ZÀ-Ý][\w'-]+(?:\^[A-ZÀ-Ý][\w'-]*){1,4}|[A-ZÀ-Ý][a-zà-ÿ'-]+, [A-ZÀ-Ý][a-zà-ÿ'-]+"
)
_PATH = re.compile(
    r"(?=\S*[A-Za-z])[^\s/\\]*(?:[/\\][^\s/\\]+){2,}|\S+\.(?:png|jpe?g|dcm|nii|gz|mha|tiff?)"
)
_CODE = re.compile(r"(?=.*\d)[A-Za-z0-9._/:-]{4,64}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?: ?[ap]m)?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_DATE = re.compile(
    r"(?:1[89]|2[01])\d{2}[-/.]?(?:0[1-9]|1[0-2])[-/.]?(?:0[1-9]|[12]\d|3[01])(?:\D.*)?"
    r"|\d{1,2}[./-](?:\d{1,2}|[A-Za-z]{3})[./-]\d{2,4}"
)


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.string())
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    return array


class SubjectKey:
    """The subject of each row as an integer, worked out once for all columns.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Key column of a source.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    @cached_property
    def codes(self) -> np.ndarray:
        """int64, shape (n_rows,); -1 where there is no key."""
        return _codes(_dictionary(self._column))


def _codes(array: pa.DictionaryArray) -> np.ndarray:
    return index_codes(array.indices)


def _absent(text: str | None) -> bool:
    if text is None:
        return True
    if text[:1].isdigit() and text[-1:].isdigit() and not _digits_mean_missing():
        return False
    return is_missing(text.strip(), Kind.CATEGORY)


@cache
def _digits_mean_missing() -> bool:
    """Tell whether a missing token of any column begins and ends with a digit; none does today."""
    return any(t[:1].isdigit() and t[-1:].isdigit() for t in missing_tokens(Kind.CATEGORY))


def _plain_numbers(texts: pa.Array) -> np.ndarray | None:
    """Return texts as numbers when all are plain ones; None when any may be something else."""
    if texts.null_count:
        return None
    try:
        numbers = texts.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return numbers if np.isfinite(numbers).all() else None


class Evidence:
    """Lazy facts about one column; nothing is computed before it is asked for.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text or dictionary of text.
    key : SubjectKey
        The subjects of the same rows.
    """

    def __init__(self, column: pa.ChunkedArray, key: SubjectKey) -> None:
        self._column = column
        self._key = key

    @cached_property
    def empty(self) -> bool:
        """Whether no row has a value; stops at the first one found."""
        if self._column.null_count == len(self._column):
            return True
        if not _absent(self._column[0].as_py()):
            return False
        texts = self._encoded.dictionary
        return all(_absent(texts[place].as_py()) for place in self._used)

    @cached_property
    def _encoded(self) -> pa.DictionaryArray:
        return _dictionary(self._column)

    @cached_property
    def _used(self) -> list[int]:
        """Places in the dictionary that some row points to."""
        used = np.zeros(len(self._encoded.dictionary), dtype=bool)
        codes = self._row_codes
        used[codes[codes >= 0]] = True
        found: list[int] = np.flatnonzero(used).tolist()
        return found

    @cached_property
    def _row_codes(self) -> np.ndarray:
        """Place in the dictionary of each row's value, -1 where it has none."""
        return _codes(self._encoded)

    @cached_property
    def _present(self) -> list[tuple[int, str]]:
        texts = self._encoded.dictionary.to_pylist()
        if not _digits_mean_missing() and self._all_numbers is not None:
            return [(place, texts[place]) for place in self._used]
        return [(place, texts[place]) for place in self._used if not _absent(texts[place])]

    @cached_property
    def _all_numbers(self) -> np.ndarray | None:
        """The dictionary as numbers, None when any is something else."""
        return _plain_numbers(self._encoded.dictionary)

    @cached_property
    def values(self) -> list[str]:
        """Distinct values that are not missing tokens."""
        return [text.strip() for _, text in self._present]

    @property
    def distinct(self) -> int:
        """Number of distinct values."""
        return len(self.values)

    @cached_property
    def sample(self) -> list[str]:
        """First distinct values."""
        return self.values[:SAMPLE]

    def share(self, form: re.Pattern[str]) -> float:
        """Return the share of sampled distinct values that have a form, whole."""
        sample = self.sample
        if len(sample) > 2 * GLANCE:
            glance = sample[:: len(sample) // GLANCE]
            if not any(form.fullmatch(value) for value in glance):
                return 0.0
        return sum(bool(form.fullmatch(value)) for value in sample) / max(len(sample), 1)

    def parsed_share(self, kind: Kind) -> float:
        """Return the share of sampled distinct values that can be read as a kind."""
        read = normalise(kind, self.sample, zero_is_missing=False).text
        return sum(text is not None for text in read) / max(len(read), 1)

    @cached_property
    def numbers(self) -> np.ndarray:
        """Sampled distinct values that are plain numbers."""
        if self.sample and self._all_numbers is not None:
            places = [place for place, _ in self._present[:SAMPLE]]
            return self._all_numbers[places]
        plain = [v.replace(",", ".") for v in self.sample if _NUMBER.fullmatch(v)]
        return np.array([float(v) for v in plain], dtype=float)

    @cached_property
    def numeric(self) -> bool:
        """Whether nine in ten distinct values are plain numbers."""
        return len(self.sample) > 0 and len(self.numbers) >= 0.9 * len(self.sample)

    @cached_property
    def spread(self) -> bool:
        """Whether numbers spread as times do, not as a yes and a no or the codes of a status.

        Codes are numbers below ten that many subjects share.
        """
        whole = set(self.numbers.tolist())
        if whole <= {0.0, 1.0} or whole == {1.0, 2.0}:
            return False
        codes = all(abs(number) < CODES and number.is_integer() for number in whole)
        return not codes or self.subjects < SHARED * self.distinct

    @cached_property
    def dates(self) -> bool:
        """Whether most distinct values look like full calendar dates."""
        if self.numeric and not self._packed:
            return False
        return self.share(_DATE) >= 0.8 and self.parsed_share(Kind.DATE) >= 0.8

    @property
    def _packed(self) -> bool:
        """Whether numbers can be dates without separators, such as 20130517."""
        numbers = self.numbers
        return bool(numbers.max() >= PACKED_DATE and np.median(numbers) >= PACKED_DATE)

    @cached_property
    def subjects(self) -> int:
        """Number of subjects that have a value."""
        return len(np.unique(self._pairs[:, 0]))

    @property
    def of_one_among_others(self) -> bool:
        """Whether one subject has a value in letters and all others have none."""
        known = self._key.codes[self._key.codes >= 0]
        return len(np.unique(known)) > 1 and self.subjects == 1 and not self.numeric

    @cached_property
    def _pairs(self) -> np.ndarray:
        """Distinct pairs of subject and value code."""
        what = self._row_codes
        width = len(self._encoded.dictionary) + 1
        wanted = np.zeros(width, dtype=bool)
        wanted[[place for place, _ in self._present]] = True
        keep = (self._key.codes >= 0) & wanted[what]
        packed = pd.unique(self._key.codes[keep] * width + what[keep])
        return np.column_stack(np.divmod(packed, width))

    @cached_property
    def own_share(self) -> float:
        """Share of subjects that hold a value which no other subject has."""
        pairs = self._pairs
        if not len(pairs):
            return 0.0
        holders = np.bincount(pairs[:, 1])
        alone = pairs[holders[pairs[:, 1]] == 1, 0]
        return len(np.unique(alone)) / self.subjects

    @cached_property
    def words(self) -> float:
        """Mean number of words in a sampled distinct value."""
        return float(np.mean([len(v.split()) for v in self.sample])) if self.sample else 0.0

    @cached_property
    def direct(self) -> str:
        """What kind of direct identifier the values look like, or ``""``."""
        if self.numeric and not any(v.startswith(("00", "+")) for v in self.sample[:GLANCE]):
            return ""
        forms = (
            (_EMAIL, "e-mail addresses"),
            (_SSN, "social security numbers"),
            (_PHONE, "telephone numbers"),
            (_URL, "web addresses"),
        )
        for form, what in forms:
            if self.share(form) >= 0.5:
                return what
        if not self.dates and self.share(_PATH) >= 0.8:
            return "paths of files, which often carry record numbers and names"
        if self.share(_PERSON) >= 0.5 and self.own_share >= 0.3:
            return "names of persons"
        return ""

    @cached_property
    def letters(self) -> float:
        """Mean number of characters in a sampled distinct value."""
        return float(np.mean([len(v) for v in self.sample])) if self.sample else 0.0

    @cached_property
    def free_text(self) -> bool:
        """Whether the values are sentences, and many subjects have wording of their own."""
        if self.numeric or self.dates or not self.sample:
            return False
        sentences = self.words >= SENTENCE_WORDS or (
            self.letters >= SENTENCE_LETTERS and self.words >= SENTENCE_WORDS / 2
        )
        return sentences and self.own_share >= OWN_WORDING and self._fresh

    @property
    def _fresh(self) -> bool:
        """Whether most of what subjects hold is worded once, as terms of a vocabulary are not."""
        return bool(2 * self.distinct >= len(self._pairs))

    @cached_property
    def years(self) -> bool:
        """Whether nine in ten distinct values are calendar years."""
        if not self.numeric:
            return False
        numbers = self.numbers
        year = (numbers >= YEARS[0]) & (numbers <= YEARS[1]) & (numbers == np.floor(numbers))
        return bool(year.mean() >= 0.9)

    @cached_property
    def value_kind(self) -> str:
        """Kind of value: date, uid, text, year, own, decimal, code, integer or words.

        ``own`` are codes or wordings of which nearly every subject has one of its own.
        """
        if not self.numeric or self.dates:
            return self._kind_of_texts
        if self.years:
            return "year"
        if (self.numbers != np.floor(self.numbers)).any():
            return "decimal"
        if self.coded_identifier:
            return "own"
        return "code" if self.distinct <= CODES else "integer"

    @property
    def _kind_of_texts(self) -> str:
        if self.dates:
            return "date"
        if self.uids:
            return "uid"
        if self.free_text:
            return "text"
        return "own" if self.distinct > 1 and self.own_share >= 0.9 else "words"

    @cached_property
    def uids(self) -> bool:
        """Whether most values are DICOM unique identifiers."""
        return not self.numeric and self.share(_UID) >= 0.8

    @cached_property
    def coded_identifier(self) -> bool:
        """Whether nearly every subject has a code of its own, with digits, without spaces."""
        if self.numeric and (self.numbers != np.floor(self.numbers)).any():
            return False
        if self.share(_CLOCK) >= 0.5:
            return False
        return self.share(_CODE) >= 0.9 and self.distinct > 1 and self.own_share >= 0.9

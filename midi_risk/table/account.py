"""What leaves: every element, column and name of the sources, before anybody decides on it.

One leaf per element path (see `midi_risk.sources.dicom.contents`), per column, and per pattern of
file and folder names; never per value and never per file. A pattern shows of a name only what
cannot be anybody's: the place of a subject key, of a UID or of a number, and words that file names
of images commonly have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import PurePosixPath
from typing import Literal

from pydicom.datadict import keyword_for_tag

from midi_risk.resources import data_rows
from midi_risk.sources.dicom.contents import UNREAD, Line, creator_in, lines_of
from midi_risk.sources.dicom.misfits import MISFITS, NAMES
from midi_risk.sources.inspection.rules import label_tells
from midi_risk.sources.model import Extraction, SourceKind

Kind = Literal["element", "column", "sheet", "comment", "text", "name", "file", "other"]

SUBJECT, UID, NUMBER, DATE, LONG_NUMBER, TEXT = (
    "{subject}", "{uid}", "9", "{date}", "{number}", "{text}",
)  # fmt: skip
"""What a pattern shows in place of a subject key, a UID, a counter of up to five digits, eight
digits that are a date, more digits, and letters that are no common word."""
UNCOMMON = (DATE, LONG_NUMBER, TEXT)
"""Parts of a pattern that may be anything."""

_UID_FORM = re.compile(r"(?:[0-9]+(?:\.[0-9]+){3,}|2\.25\.[0-9]{1,39})(?:-[0-9]{1,5})?")
_UUID_FORM = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,128}")
_DATE_FORM = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_PIECE = re.compile(r"[0-9]+|[^\W\d_]+|[\W_]", re.ASCII)
_LONGEST_COUNTER = 5
_TABLE_FILE = re.compile(r"(?:supp)?[a-z]{2}|relrec|define|adsl", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One thing that leaves.

    Parameters
    ----------
    kind : {"element", "column", "sheet", "comment", "text", "name", "file", "other"}
        ``text`` stands beside the values of a file, ``file`` was met and not read, ``other`` is the
        preamble, or data behind the pixel data.
    name : str
        Path of an element by keywords, name of a column, pattern of file names.
    source : str
        Name of the source table of a column.
    path : tuple of str
        Of an element: its parts in hexadecimal digits.
    vrs : tuple of str
        Of an element: the value representations met.
    files : int or None
        Files that hold it; None where nobody counts files.
    is_key : bool
        Whether a column links the rows of its table to subjects.
    odd : tuple of str
        Of an element: what does not fit about its values (`midi_risk.sources.dicom.misfits`); of
        a column: about its name.
    state, why : str
        Of what lies beside the values: see `midi_risk.sources.model.Beside`.
    odd_files : int
        Files that hold such a value, at least.
    """

    kind: Kind
    name: str
    source: str = ""
    path: tuple[str, ...] = ()
    vrs: tuple[str, ...] = ()
    files: int | None = None
    is_key: bool = False
    odd: tuple[str, ...] = ()
    odd_files: int = 0
    state: str = ""
    why: str = ""

    @property
    def keyword(self) -> str:
        """Keyword of an element, its tag where it has none."""
        return part_name(self.path[-1]) if self.path else self.name

    @property
    def creators(self) -> tuple[str, ...]:
        """Creators of the private elements on the path; empty for one that nobody names."""
        return tuple(c for part in self.path if (c := creator_in(part)) is not None)

    @property
    def tag(self) -> int | None:
        """Tag of a public element; of a repeating group the first."""
        digits = self.path[-1].replace("xx", "00") if self.path else ""
        return int(digits, 16) if len(digits) == 8 and digits != UNREAD else None


@cache
def common_words() -> frozenset[str]:
    """Return words that names of image files commonly have, with endings and modalities."""
    return frozenset(row["word"] for row in data_rows("file_name_words.csv"))


@lru_cache(maxsize=65536)
def part_name(part: str) -> str:
    """Return how a part of a path is shown: its keyword, or its tag and creator.

    Examples
    --------
    >>> part_name("00100010"), part_name("60xx3000"), part_name("00190099")
    ('PatientName', 'OverlayData', '(0019,0099)')
    >>> part_name("0029xx08[ACME%201.1]"), part_name("00291008[]"), part_name("?")
    ('(0029,xx08) ACME 1.1', '(0029,1008) without creator', 'what could not be read')
    """
    if part == UNREAD:
        return "what could not be read"
    creator = creator_in(part)
    digits = part.partition("[")[0]
    spelt = f"({digits[:4]},{digits[4:]})"
    if creator is not None:
        return f"{spelt} {creator}" if creator else f"{spelt} without creator"
    return keyword_for_tag(int(digits.replace("xx", "00"), 16)) or spelt


def leaves(extraction: Extraction) -> tuple[Leaf, ...]:
    """Return everything that leaves with what was read.

    Parameters
    ----------
    extraction : Extraction

    Returns
    -------
    tuple of Leaf
        Elements, columns of tables (of DICOM objects only where no element was told), names.
    """
    found = list(element_leaves(extraction.elements))
    for table in extraction.tables:
        if table.kind is SourceKind.DICOM and extraction.elements:
            continue
        found += [
            Leaf(
                kind="column",
                name=name,
                source=table.name,
                is_key=name in (table.key, table.scope),
                odd=(NAMES,) if label_tells(name) else (),
            )
            for name in table.rows.column_names
            if name != table.instances_column or not name.startswith("_")
        ]
    return (*found, *_beside_leaves(extraction), *_name_leaves(extraction))


def element_leaves(elements: Mapping[str, int]) -> Iterator[Leaf]:
    """Yield one leaf per path, with every representation that it was met with.

    Parameters
    ----------
    elements : mapping of str to int
        Line (`midi_risk.sources.dicom.contents`) -> files.

    Examples
    --------
    >>> [leaf.name for leaf in element_leaves({"00081140/00081155|UI": 2})]
    ['ReferencedImageSequence/ReferencedSOPInstanceUID']
    """
    met: dict[tuple[str, ...], list[Line]] = {}
    files: Counter[tuple[str, ...]] = Counter()
    odd: dict[tuple[str, ...], dict[str, int]] = {}
    for text, count in sorted(elements.items()):
        for line in lines_of(text):
            if line.vr in MISFITS:
                odd.setdefault(line.path, {})[line.vr] = count
                continue
            met.setdefault(line.path, []).append(line)
            files[line.path] += count
    for path, lines in met.items():
        if lines[0].vr == "--":
            yield Leaf(kind="other", name=path[0], files=files[path])
            continue
        yield Leaf(
            kind="element",
            name="/".join(map(part_name, path)),
            path=path,
            vrs=tuple(line.vr for line in lines),
            files=files[path],
            odd=tuple(odd.get(path, ())),
            odd_files=max(odd.get(path, {"": 0}).values()),
        )


def _beside_leaves(extraction: Extraction) -> Iterator[Leaf]:
    """Yield what lies beside the values, sheets and files by the pattern of their names."""
    patterns = _Patterns(extraction)
    found: Counter[tuple[Kind, str, str, str, str]] = Counter()
    for each in extraction.beside:
        name = each.name
        if each.kind == "file":
            name = patterns.of(name, "") or PurePosixPath(name).name
        elif each.kind == "sheet":
            name = "the sheet that was read" if each.why else name_pattern(name, patterns.keys)
        found[each.kind, name, each.source, each.state, each.why] += each.count
    for (kind, name, source, state, why), count in found.items():
        yield Leaf(kind=kind, name=name, source=source, files=count, state=state, why=why)


class _Patterns:
    """Patterns of the names of files, from the folder or archive on that was read."""

    def __init__(self, extraction: Extraction) -> None:
        self.keys = subject_keys(extraction)
        self._kinds = {table.name: table.kind for table in extraction.tables}
        self._roots = sorted(extraction.roots, key=len, reverse=True)
        self._known: dict[str, str] = {}

    def of(self, path: str, source: str) -> str:
        """Return the pattern of a file, empty for one that the assessor called something plain."""
        root = next((r for r in self._roots if path.startswith((f"{r}/", f"{r}!"))), None)
        if root is None:
            alone = PurePosixPath(path).name
            return name_pattern(alone, self.keys) if label_tells(PurePosixPath(path).stem) else ""
        tables = self._kinds.get(source) is SourceKind.SDTM
        parts = path[len(root) :].lstrip("!/").replace("!/", "/").split("/")
        for part in parts:
            if part not in self._known:
                if len(self._known) > _MANY_NAMES:
                    self._known.clear()
                self._known[part] = name_pattern(part, self.keys, tables=tables)
        return "/".join([self._known[part] for part in parts])


def _name_leaves(extraction: Extraction) -> Iterator[Leaf]:
    """Yield the patterns of names in folders, and of tables whose own names tell somebody's."""
    patterns = _Patterns(extraction)
    found: Counter[str] = Counter()
    paths = extraction.files.column("path").to_pylist()
    sources = extraction.files.column("source").to_pylist()
    for path, source in zip(paths, sources, strict=True):
        if path not in extraction.left:
            found[patterns.of(path, source)] += 1
    found.pop("", None)
    for pattern, count in sorted(found.items()):
        yield Leaf(kind="name", name=pattern, files=count)


_MANY_NAMES = 100_000


def subject_keys(extraction: Extraction) -> frozenset[str]:
    """Return the subject keys of the leading source: what names may be made of."""
    if not extraction.tables:
        return frozenset()
    leading = extraction.tables[0]
    if leading.key not in leading.rows.column_names:
        return frozenset()
    found = leading.rows.column(leading.key).unique().to_pylist()
    return frozenset(text.strip() for text in found if text and text.strip())


def name_pattern(part: str, keys: Collection[str] = (), *, tables: bool = False) -> str:
    """Return the pattern of the name of a file or folder.

    Parameters
    ----------
    part : str
        One step of a path.
    keys : collection of str
        Subject keys.
    tables : bool
        Whether files are named by the domains of a clinical data standard.

    Examples
    --------
    >>> name_pattern("IM0001.dcm"), name_pattern("Jane Roe"), name_pattern("CT_19991231_12.dcm")
    ('im9.dcm', '{text} {text}', 'ct_{date}_9.dcm')
    >>> name_pattern("LUNG1-001", {"LUNG1-001"}), name_pattern("1.2.840.1.5.dcm")
    ('{subject}', '{uid}.dcm')
    >>> name_pattern("2.25.61374113920771508909859166510.dcm"), name_pattern("2.25.dcm")
    ('{uid}.dcm', '9.9.dcm')
    >>> name_pattern("2.25.61374113920771508909859166510-2.dcm")
    '{uid}.dcm'
    """
    stem, dot, suffix = part.rpartition(".")
    for whole, ending in ((part, ""), (stem, f"{dot}{suffix}")):
        end = "".join(_pieces(ending, keys))
        if whole in keys:
            return SUBJECT + end
        if _UID_FORM.fullmatch(whole) or _UUID_FORM.fullmatch(whole.lower()):
            return UID + end
        if tables and _TABLE_FILE.fullmatch(whole):
            return whole.casefold() + end
    return "".join(_pieces(part, keys))


def _pieces(text: str, keys: Collection[str]) -> Iterable[str]:
    """Yield what a pattern shows for each piece of a name."""
    for token in re.split(r"([_ .])", text):
        if token in keys:
            yield SUBJECT
            continue
        for piece in _PIECE.findall(token):
            yield _shown(piece)


def _shown(piece: str) -> str:
    if piece.isdigit():
        if len(piece) <= _LONGEST_COUNTER:
            return NUMBER
        return DATE if _DATE_FORM.fullmatch(piece) else LONG_NUMBER
    if piece.isalpha():
        word = piece.casefold()
        return word if len(word) == 1 or word in common_words() else TEXT
    return piece if piece.isascii() and piece.isprintable() else TEXT

"""JSON files: one document, or one on each line, read one at a time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from midi_risk.errors import SourceError
from midi_risk.sources.tables_raw import shown

_MAX_BYTES = 4 << 30


class JsonLines:
    """The documents of a file with one on each line; each is parsed when it is its turn.

    Parameters
    ----------
    text : str
        The file's content.
    where : str
        Its name, for messages.
    """

    def __init__(self, text: str, where: str) -> None:
        self._text = text
        self._where = where

    def __iter__(self) -> Iterator[Any]:
        """Yield each document."""
        start, number = 0, 0
        while start < len(self._text):
            end = self._text.find("\n", start)
            end = len(self._text) if end < 0 else end
            line, start, number = self._text[start:end].strip(), end + 1, number + 1
            if line:
                yield _parsed(line, self._where, number)


def read_document(path: Path) -> Any:
    """Return the document of a JSON file, or its `JsonLines`.

    Raises
    ------
    SourceError
        When the file cannot be read or its first document is not JSON.
    """
    where = shown(path.name)
    try:
        if path.suffix.casefold() == ".gz":
            with gzip.open(path) as handle:
                raw = handle.read(_MAX_BYTES + 1)
        else:
            raw = path.read_bytes()
    except (OSError, EOFError) as error:
        raise SourceError(f"{where} cannot be read", hint="Check its permissions") from error
    if len(raw) > _MAX_BYTES:
        raise SourceError(f"{where} is larger than 4 GiB", hint="Split it, one part a file")
    try:
        text = raw.decode("utf-8-sig")
    except ValueError:
        raise SourceError(f"{where} is not valid JSON") from None
    del raw
    head, _, rest = text.lstrip().partition("\n")
    if rest.strip() and _is_whole(head):
        return JsonLines(text, where)
    return _parsed(text, where)


def load_json(path: Path) -> Any:
    """Return the document of a JSON file; a list of documents when there is one a line."""
    document = read_document(path)
    return list(document) if isinstance(document, JsonLines) else document


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(text: str, where: str, line: int = 0) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        at = line or (error.lineno if isinstance(error, json.JSONDecodeError) else 0)
        raise SourceError(f"{where} is not valid JSON{f' (line {at})' if at else ''}") from None

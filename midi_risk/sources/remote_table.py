"""Table files behind URLs: fetched whole, read as local ones."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from midi_risk.errors import SourceError
from midi_risk.sources.collect_spec import TableSpec
from midi_risk.sources.remote import download, is_url, shown_url
from midi_risk.sources.tables import table_suffix

_LARGEST = 16 << 30
_KEYED = re.compile(r"(?P<url>.*\.\w+):(?P<key>[^/:]*)", re.DOTALL)


def names_table(source: object) -> bool:
    """Whether a source is a URL of a table file, perhaps with its key.

    Examples
    --------
    >>> names_table("s3://bucket/clinical.csv:PatientID"), names_table("s3://bucket/images")
    (True, False)
    """
    return isinstance(source, str) and is_url(source) and _suffix(_split(source)[0]) is not None


def fetch_table(source: str, folder: Path) -> tuple[TableSpec, str]:
    """Fetch a table behind a URL into a folder.

    Parameters
    ----------
    source : str
        URL of the file, or ``URL:KEY``.
    folder : pathlib.Path
        Existing and empty.

    Returns
    -------
    spec : TableSpec
        The copy and the key.
    place : str
        The URL as it may be shown.

    Raises
    ------
    SourceError
        When it cannot be fetched or is larger than 16 GiB.
    """
    url, key = _split(source)
    target = folder / (_name(url) or "table")
    size = download(url, target, _LARGEST)
    if size > _LARGEST:
        raise SourceError(f"{shown_url(url)} is larger than 16 GiB", hint="Fetch it yourself")
    return TableSpec(target, key), shown_url(url)


def _split(source: str) -> tuple[str, str | None]:
    keyed = _KEYED.fullmatch(source)
    if keyed and _suffix(keyed["url"]) is not None:
        return keyed["url"], keyed["key"] or None
    return source, None


def _name(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path or urlsplit(url).netloc)).name


def _suffix(url: str) -> str | None:
    return table_suffix(Path(_name(url)))

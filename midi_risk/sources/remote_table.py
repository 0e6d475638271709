"""Table files behind URLs: fetched whole, read as local ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from midi_risk.errors import SourceError
from midi_risk.sources.collect_spec import TableSpec
from midi_risk.sources.remote import download, is_url, shown_url
from midi_risk.sources.tables import table_suffix

_LARGEST = 16 << 30


def remote_table(source: str | Path | TableSpec) -> TableSpec | None:
    """Return the table that a source names when it is a URL of one, else None.

    Examples
    --------
    >>> remote_table("s3://bucket/clinical.csv:PatientID").key
    'PatientID'
    >>> remote_table("s3://bucket/images") is None
    True
    """
    if isinstance(source, TableSpec):
        return source if source.url else None
    if not isinstance(source, str) or not is_url(source):
        return None
    spec = TableSpec.parse(source)
    return spec if table_suffix(spec.path) else None


def fetch_table(spec: TableSpec, folder: Path) -> tuple[TableSpec, str]:
    """Fetch a table behind a URL into a folder.

    Parameters
    ----------
    spec : TableSpec
        From `remote_table`.
    folder : pathlib.Path
        Existing and empty.

    Returns
    -------
    spec : TableSpec
        The copy.
    place : str
        The URL as it may be shown.

    Raises
    ------
    SourceError
        When it cannot be fetched or is larger than 16 GiB.
    """
    url = str(spec.url)
    # The folder's name tells tables of one name apart, so that it must not change.
    target = folder / "remote" / spec.path.name
    target.parent.mkdir()
    if download(url, target, _LARGEST) > _LARGEST:
        raise SourceError(f"{shown_url(url)} is larger than 16 GiB", hint="Fetch it yourself")
    return replace(spec, path=target, url=None), shown_url(url)

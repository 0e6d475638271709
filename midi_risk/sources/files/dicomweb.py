"""DICOMweb services (PS3.18): which series there are by QIDO-RS, their headers by WADO-RS metadata.

A source is ``dicomweb+https://host/path``. Of each series one instance is read, or all with
``?instances=all``. What comes back as DICOM JSON (annex F) is encoded as a file without its bulk
data, so that one reader serves files and services alike.

Credentials come from the environment (``MIDI_RISK_DICOMWEB_TOKEN``, a bearer token) or from the
netrc file, never from the URL. Certificates are verified; plain HTTP reaches this machine alone.
"""

from __future__ import annotations

import base64
import json
import netrc
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from midi_risk.errors import SourceError
from midi_risk.sources.files.listing import Listed
from midi_risk.sources.files.remote import UNREACHABLE, RemoteError, many, shown_url

SCHEME = "dicomweb+"
INSIDE = "web"
"""How a listed series or instance says where it lies."""
TOKEN = "MIDI_RISK_DICOMWEB_TOKEN"  # noqa: S105 - the name of a variable
NO_JSON = "metadata that is no DICOM JSON"

_ACCEPT = {"Accept": "application/dicom+json"}
_PAGE = 200
_MOST = 1 << 28
_TRIES = 3
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_UID = re.compile(r"[0-9.]{1,64}")
_STUDY, _SERIES, _INSTANCE = "0020000D", "0020000E", "00080018"
_OF_STUDY, _OF_SERIES = "00201208", "00201209"


def is_dicomweb(path: object) -> bool:
    """Tell whether a source is a DICOMweb service.

    Examples
    --------
    >>> is_dicomweb("dicomweb+https://pacs/dicom-web"), is_dicomweb("https://pacs/a.dcm")
    (True, False)
    """
    return isinstance(path, str) and path.startswith(SCHEME)


class Service:
    """One DICOMweb service.

    Parameters
    ----------
    url : str
        As a project file names it.

    Raises
    ------
    SourceError
        When the URL holds credentials, names no host, or would send plain text beyond this
        machine; when the extra ``remote`` is not installed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url.removeprefix(SCHEME))
        if parts.username or parts.password:
            raise SourceError(
                f"{shown_url(url)}: a URL must not hold credentials",
                hint=f"Set {TOKEN}, or write the host into the netrc file",
            )
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host:
            raise SourceError(
                f"{shown_url(url)} is no DICOMweb service",
                hint="Write it as dicomweb+https://host/path",
            )
        if parts.scheme == "http" and host not in _HERE:
            raise SourceError(
                f"{shown_url(url)} would be asked without encryption",
                hint="Use dicomweb+https; plain HTTP is for this machine alone",
            )
        asked = parts.query
        if asked not in {"", "instances=all", "instances=one"}:
            raise SourceError(
                f"{shown_url(url)}: what follows the question mark is not known",
                hint="Known: ?instances=all, ?instances=one",
            )
        self.every = asked == "instances=all"
        self.root = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._system = _system(f"{parts.scheme}://{parts.netloc}", host)

    def get(self, path: str) -> Any:
        """Return the JSON document at a path of the service; None where there is nothing.

        Raises
        ------
        RemoteError
            When it cannot be fetched, after three tries, or is no JSON.
        """
        for left in reversed(range(_TRIES)):
            try:
                content: bytes = self._system.cat_file(self.root + path)
            except FileNotFoundError:
                raise RemoteError(UNREACHABLE) from None
            except Exception as error:
                if left and getattr(error, "status", 500) >= 500:
                    continue
                raise RemoteError(UNREACHABLE) from error
            break
        if len(content) > _MOST:
            raise RemoteError(UNREACHABLE)
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise RemoteError(NO_JSON) from None

    def pages(self, path: str, fields: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yield the results of a search, page by page; a service that knows no pages ends.

        Raises
        ------
        RemoteError
            When a page cannot be fetched.
        """
        wanted = "".join(f"&includefield={name}" for name in fields)
        met: set[str] = set()
        offset = 0
        while True:
            found = self.get(f"{path}?limit={_PAGE}&offset={offset}{wanted}") or []
            if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
                raise RemoteError(NO_JSON)
            told = {json.dumps(item, sort_keys=True): item for item in found}
            new = [item for text, item in told.items() if text not in met]
            met.update(told)
            yield from new
            if not new:
                return
            offset += len(found)

    def studies(self) -> Iterator[tuple[str, int | None]]:
        """Yield the UID of each study, and its number of instances where the service tells."""
        for study in self.pages("/studies", [_OF_STUDY]):
            uid = _uid(study, _STUDY)
            if uid:
                yield uid, _number(study, _OF_STUDY)


@lru_cache(maxsize=8)
def _system(origin: str, host: str) -> Any:
    """Return what speaks HTTP with a host: fsspec's file system, which verifies certificates."""
    try:
        import fsspec  # noqa: PLC0415 - an extra

        kind = fsspec.get_filesystem_class("https")
    except ImportError:
        raise SourceError(
            f"{origin} is a DICOMweb service, which needs the extra 'remote'",
            hint="pip install 'midi-risk[remote]'",
        ) from None
    headers = _ACCEPT | _credentials(host)
    return kind(client_kwargs={"headers": headers}, skip_instance_cache=True)


def _credentials(host: str) -> dict[str, str]:
    """Return the header that says who asks, from the environment or the netrc file."""
    token = os.environ.get(TOKEN)
    if token:
        return {"Authorization": f"Bearer {token}"}
    try:
        known = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        known = None
    if known is None:
        return {}
    login, _, password = known
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


def _uid(item: Mapping[str, Any], tag: str) -> str:
    """Return a UID of a search result; "" where there is none that is one."""
    value = _first(item, tag)
    return value if isinstance(value, str) and _UID.fullmatch(value) else ""


def _number(item: Mapping[str, Any], tag: str) -> int | None:
    """Return a count of a search result; None where there is none."""
    value = str(_first(item, tag))
    return int(value) if value.isascii() and value.isdigit() else None


def _first(item: Mapping[str, Any], tag: str) -> object:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values[0] if isinstance(values, list) and values else None


def list_dicomweb(url: str) -> Iterator[Listed]:
    """Yield the series of a service, or every instance with ``?instances=all``.

    Yields
    ------
    Listed
        In the order of their UIDs within each page of studies; the version of a series is its
        number of instances.

    Raises
    ------
    SourceError
        When the service cannot be asked, or holds nothing.
    """
    service = Service(url)
    any_met = False
    try:
        studies: list[str] = []
        for study, _ in service.studies():
            studies.append(study)
            if len(studies) == _PAGE:
                yield from _below(service, studies)
                studies, any_met = [], True
        yield from _below(service, studies)
    except RemoteError:
        raise SourceError(
            f"{shown_url(url)} cannot be asked for its studies",
            hint=f"Check the URL and your access to it: {TOKEN}, or the netrc file",
        ) from None
    if not studies and not any_met:
        raise SourceError(f"{shown_url(url)} holds no study that you may see")


def _below(service: Service, studies: Sequence[str]) -> Iterator[Listed]:
    def series_of(study: str) -> list[Mapping[str, Any]]:
        return list(service.pages(f"/studies/{study}/series", [_OF_SERIES]))

    def instances_of(place: str) -> list[Mapping[str, Any]]:
        return list(service.pages(f"{place}/instances", []))

    for study, found in zip(studies, many(series_of, studies), strict=True):
        known = {_uid(item, _SERIES): _number(item, _OF_SERIES) for item in found}
        places = {f"/studies/{study}/series/{uid}": known[uid] for uid in sorted(known) if uid}
        if not service.every:
            yield from (_listed(service, place, str(n)) for place, n in places.items())
            continue
        for place, below in zip(places, many(instances_of, list(places)), strict=True):
            for uid in sorted(filter(None, (_uid(item, _INSTANCE) for item in below))):
                yield _listed(service, f"{place}/instances/{uid}", "")


def _listed(service: Service, place: str, version: str) -> Listed:
    return Listed(
        path=(SCHEME + service.root + place).encode(),
        shown=shown_url(SCHEME + service.root + place),
        mtime=int.from_bytes(sha256(version.encode()).digest()[:7], "big"),
        inside=INSIDE,
    )


def unread_instances(url: str, read: int) -> int:
    """Return how many instances of a service were not read; at least one where it does not tell.

    Parameters
    ----------
    url : str
    read : int
        Series of which one instance was read.

    Raises
    ------
    RemoteError
        When the service cannot be asked.
    """
    service = Service(url)
    if service.every:
        return 0
    numbers = [number for _, number in service.studies()]
    total = sum(number for number in numbers if number is not None)
    return max(total - read, int(None in numbers))


def header_bytes(listed: Listed) -> bytes:
    """Return the header of a series' first instance, or of an instance, as a DICOM file.

    Parameters
    ----------
    listed : Listed
        From `list_dicomweb`.

    Raises
    ------
    RemoteError
        When it cannot be fetched, or is no DICOM JSON.
    """
    whole = listed.path.decode()
    root, _, place = whole.partition("/studies/")
    service = Service(root)
    place = f"/studies/{place}"
    if "/instances/" not in place:
        found = service.get(f"{place}/instances?limit=1")
        uid = _uid(found[0], _INSTANCE) if isinstance(found, list) and found else ""
        if not uid:
            raise RemoteError("a series without an instance that may be read")
        place = f"{place}/instances/{uid}"
    document = service.get(f"{place}/metadata")
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        raise RemoteError(NO_JSON)
    return encoded(document[0])


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a data set in DICOM JSON as the bytes of a file; bulk data stay empty.

    Parameters
    ----------
    document : mapping of str to object
        Data set in the model of PS3.18 annex F.

    Raises
    ------
    RemoteError
        When it is no such data set.

    Examples
    --------
    >>> content = encoded({"00100020": {"vr": "LO", "Value": ["P1"]}})
    >>> content[128:132], b"P1" in content
    (b'DICM', True)
    """
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset  # noqa: PLC0415 - heavy
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415
    from pydicom.filewriter import dcmwrite  # noqa: PLC0415
    from pydicom.uid import ExplicitVRLittleEndian  # noqa: PLC0415

    own = {tag: value for tag, value in document.items() if not tag.startswith("0002")}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ds = Dataset.from_json(dict(own), bulk_data_uri_handler=lambda *_: None)
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
            meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            out = DicomBytesIO()
            file = FileDataset(out, ds, file_meta=meta, preamble=bytes(128))
            dcmwrite(out, file, enforce_file_format=False)
    except Exception as error:  # pydicom raises what it likes
        raise RemoteError(NO_JSON) from error
    return bytes(out.getvalue())

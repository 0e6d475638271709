"""How a user names a table: a file, and perhaps its key column and sheet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

_KEYED_URL = re.compile(r"(.*/[^/]*\.\w+):([^/:]*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=False)
class TableSpec:
    """A table file to read.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    key : str, optional
        Column that holds the subject's key; ``"#row"`` makes every row a subject.
        Proposed from names and values when not given.
    sheet : str, optional
        Sheet of a workbook.
    url : str, optional
        Where the file is to be fetched; the path is its name then.
    """

    path: Path
    key: str | None = None
    sheet: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        """Take text as a path."""
        object.__setattr__(self, "path", Path(self.path))

    @classmethod
    def parse(cls, given: str | Path | TableSpec) -> TableSpec:
        """Return the table that a text such as ``clinical.csv:PatientID`` names.

        A file that exists under the whole text wins; a colon after a single letter
        belongs to a Windows drive.

        Examples
        --------
        >>> TableSpec.parse("clinical.csv:PatientID").key
        'PatientID'
        >>> TableSpec.parse("C:/data/clinical.csv").key is None
        True
        >>> TableSpec.parse("https://host/clinical.csv:PatientID").url
        'https://host/clinical.csv'
        """
        if isinstance(given, TableSpec):
            return given
        text = str(given)
        if isinstance(given, str) and "://" in text:
            keyed = _KEYED_URL.fullmatch(text)
            url, key = (keyed[1], keyed[2] or None) if keyed else (text, None)
            parts = urlsplit(url)
            name = PurePosixPath(unquote(parts.path or parts.netloc)).name
            return cls(Path(name), key, url=url)
        if isinstance(given, Path) or ":" not in text or Path(text).exists():
            return cls(Path(text))
        start = 2 if re.match(r"^[A-Za-z]:[\\/]", text) else 0
        colons = [i for i, mark in enumerate(text) if mark == ":" and i >= start and i > 0]
        for at in colons:
            if Path(text[:at]).is_file():
                return cls(Path(text[:at]), text[at + 1 :] or None)
        if not colons:
            return cls(Path(text))
        at = next((i for i in colons if re.search(r"\.\w+$", text[:i])), colons[-1])
        return cls(Path(text[:at]), text[at + 1 :] or None)

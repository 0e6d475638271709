"""Keyed pseudonyms of UIDs and subject keys, and the secret key that they depend on.

A pseudonym is a keyed digest of what it stands for: the same key gives the same pseudonym in every
file and every run, and without the key nobody finds the one from the other.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path

from midi_risk.errors import OutputError, reason_of
from midi_risk.sources.dicom.uids import STANDARD_ROOT
from midi_risk.table.subjects import Subjects

KEY_FILE = "midi-risk.key"
"""Name of the key file where the project names none; it lies beside the project."""

_KEY_BYTES = 32
_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXYZ"
"""Digits and consonants: no pseudonym reads as a word."""
_DIGITS = 15
_BIDS = "sub-"

_UID = r"(?<![0-9.])[0-2](?:\.[0-9]+){5,}(?![0-9]|\.[0-9])|(?<![0-9.])2\.25\.[0-9]{8,}(?![0-9])"
_UID_TEXT, _UID_BYTES = re.compile(_UID), re.compile(_UID.encode())
_SHORTEST_UID = 17
_SHORTEST_KEY = 4


def check_key_place(path: Path, target: Path) -> None:
    """Refuse a key file inside the folder that is written.

    Raises
    ------
    OutputError
        Names both.
    """
    if target.resolve() in path.resolve().parents:
        raise OutputError(
            f"the key of the pseudonyms '{path}' would lie inside '{target}'",
            hint="Name another place in key_file; whoever has the key can undo the pseudonyms",
        )


def read_key(path: Path) -> tuple[bytes, bool]:
    """Return the key in a file, and whether it was made now because there was no file.

    Parameters
    ----------
    path : pathlib.Path
        64 hexadecimal digits; only its owner may read it.

    Raises
    ------
    OutputError
        When others may read it, when it holds something else, or when it can be neither read
        nor made.
    """
    try:
        made = _made(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
        mode = path.stat().st_mode
        if os.name == "posix" and mode & 0o077:
            raise OutputError(
                f"the key of the pseudonyms '{path}' is open to others (mode {mode & 0o777:o})",
                hint=f"Run: chmod 600 '{path}'",
            )
    except OSError as error:
        raise OutputError(
            f"the key of the pseudonyms '{path}' cannot be read or made: {reason_of(error)}"
        ) from None
    if re.fullmatch(r"[0-9a-fA-F]{64}", text) is None:
        raise OutputError(
            f"'{path}' is no key of pseudonyms: it must hold 64 hexadecimal digits",
            hint="Name another file in key_file; one that does not exist is made",
        )
    return bytes.fromhex(text), made


def _made(path: Path) -> bool:
    """Write a new key, unless there is a file."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return True


@lru_cache(maxsize=1 << 16)
def _uid(key: bytes, old: str) -> str:
    digest = blake2b(old.encode(), key=key, digest_size=16, person=b"midi-risk uid").digest()
    return f"2.25.{int.from_bytes(digest, 'big')}"


def _code(key: bytes, label: str) -> str:
    digest = blake2b(label.encode(), key=key, digest_size=16, person=b"midi-risk key").digest()
    number, found = int.from_bytes(digest, "big"), ""
    for _ in range(_DIGITS):
        number, rest = divmod(number, len(_ALPHABET))
        found += _ALPHABET[rest]
    return f"P{found}"


@cache
def _word(spelling: str) -> re.Pattern[str]:
    """Return what finds a key, whatever its case.

    A key of letters and digits is found inside a word, too, unless a digit goes on where it begins
    or ends with one: then it is another key.
    """
    before, behind = r"(?<![^\W_])", r"(?![^\W_])"
    if any(map(str.isdigit, spelling)) and any(map(str.isalpha, spelling)):
        before = "(?<![0-9])" if spelling[0].isdigit() else ""
        behind = "(?![0-9])" if spelling[-1].isdigit() else ""
    return re.compile(before + re.escape(spelling) + behind, re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonyms:
    """What stands for UIDs and subject keys in a release.

    Parameters
    ----------
    key : bytes
        32 bytes; never shown.
    uids : bool
        Whether UIDs are replaced.
    of_label : mapping of str to str
        Subject -> pseudonym; empty where keys stay as they are.
    spellings : mapping of str to tuple of str
        Subject -> its key as the sources spell it, without those too short to be told from
        other words.
    labels : mapping of str to str
        Key as a source spells it -> subject.
    """

    key: bytes = field(repr=False)
    uids: bool
    of_label: Mapping[str, str] = field(default_factory=dict)
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> bool:
        """Whether subject keys are replaced."""
        return bool(self.of_label)

    def uid(self, old: str) -> str:
        """Return what stands for a UID; those that the standard gives stay.

        Examples
        --------
        >>> known = Pseudonyms(key=bytes(32), uids=True)
        >>> known.uid("1.2.840.10008.1.2.1"), known.uid("1.2.3") == known.uid("1.2.3 ")
        ('1.2.840.10008.1.2.1', True)
        >>> known.uid("1.2.3").startswith("2.25."), len(known.uid("1.2.3")) <= 64
        (True, True)
        """
        bare = old.strip(" \0")
        if not self.uids or not bare or f"{bare}.".startswith(STANDARD_ROOT):
            return bare
        return _uid(self.key, bare)

    def subject(self, text: str, label: str | None) -> str:
        """Return what stands for a subject key: of the subject it belongs to, else of its text."""
        if not self.subjects or not text.strip(" \0"):
            return text
        known = self.of_label.get(label or "") or self.of_label.get(text.strip(" \0"))
        return known or _code(self.key, text.strip(" \0"))

    def text(self, text: str, label: str | None) -> str:
        """Return a text with the UIDs in it, and the key of its subject, replaced.

        Examples
        --------
        >>> known = Pseudonyms(key=bytes(32), uids=True)
        >>> known.text("see 1.3.12.2.1107.5.2.43.1.", None).startswith("see 2.25.")
        True
        >>> known.text("version 4.1.2", None)
        'version 4.1.2'
        """
        if self.uids and "." in text:
            text = _UID_TEXT.sub(lambda match: self._found(match.group()), text)
        for spelling in self.spellings.get(label or "", ()):
            text = _word(spelling).sub(self.of_label[label or ""], text)
        return text

    def _found(self, uid: str) -> str:
        return self.uid(uid) if len(uid) >= _SHORTEST_UID else uid

    def in_bytes(self, content: bytes, label: str | None) -> bool:
        """Tell whether bytes hold something that `text` would replace."""
        if self.uids and any(
            len(uid) >= _SHORTEST_UID and not uid.startswith(STANDARD_ROOT.encode())
            for uid in _UID_BYTES.findall(content)
        ):
            return True
        spellings = self.spellings.get(label or "", ())
        if not spellings:
            return False
        lower = content.lower()
        return any(spelling.lower().encode() in lower for spelling in spellings)

    def __repr__(self) -> str:
        """Return counts only."""
        return f"Pseudonyms(uids={self.uids}, {len(self.of_label)} subjects)"


def pseudonyms(
    key: bytes, *, uids: bool, subjects: Subjects | None, spelt: Mapping[str, str]
) -> Pseudonyms:
    """Return the pseudonyms of a collection.

    Parameters
    ----------
    key : bytes
    uids : bool
        Whether UIDs are replaced.
    subjects : Subjects, optional
        Of the leading source; absent where keys stay.
    spelt : mapping of str to str
        Key as a source spells it -> subject.

    Raises
    ------
    OutputError
        When two subjects would get one pseudonym.
    """
    if subjects is None:
        return Pseudonyms(key=key, uids=uids)
    labels = [str(label) for label in subjects.labels]
    of_label = {}
    for label in labels:
        prefix = _BIDS if label.startswith(_BIDS) else ""
        of_label[label] = prefix + _code(key, label.removeprefix(_BIDS))
    if len(set(of_label.values())) < len(of_label):
        raise OutputError(
            "two subjects would get the same pseudonym", hint="Use another key in key_file"
        )
    spellings: dict[str, dict[str, None]] = {label: {} for label in labels}
    for label, text in zip(labels, subjects.keys, strict=True):
        spellings[label][str(text)] = None
    for text, label in spelt.items():
        if label in spellings:
            spellings[label][text] = None
    return Pseudonyms(
        key=key,
        uids=uids,
        of_label=of_label,
        spellings={
            label: tuple(sorted(filter(_is_word, found), key=len, reverse=True))
            for label, found in spellings.items()
        },
        labels=dict(spelt),
    )


def _is_word(spelling: str) -> bool:
    """Tell a key that can be told from other words and numbers in a text."""
    long = len(spelling) > _SHORTEST_KEY + 1
    return long or (len(spelling) >= _SHORTEST_KEY and not spelling.isdigit())

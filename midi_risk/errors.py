"""The errors and warnings of midi-risk.

::

    MidiRiskError                  exit code 2 unless said otherwise
    ├── ConfigError                a YAML or JSON file of the user has faults
    │   └── ThreatModelError       ... and it is a threat model
    ├── SourceError                an input cannot be used at all
    ├── LinkageError               two sources cannot be joined by their key
    ├── AttributeRoleError         a role or attribute that does not exist
    ├── HierarchyError             a generalisation hierarchy does not nest
    ├── SearchError                no recoding can be searched for
    ├── MeasureError               a measure is not defined on this table
    ├── OutputError                the result cannot be written
    └── StaleAssessmentError       inputs changed or validity ended (exit code 5)

    MidiRiskWarning
    ├── ApproximationWarning       a number is a bound or an approximation
    └── CoverageWarning            something was not seen

A message is one line: what is wrong, where, what to do. It never holds a cell value, and no
object of the user but a name or a number: see `quoted`.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Generator, Iterable, KeysView, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, cast


class MidiRiskError(Exception):
    """Base of every error that midi-risk raises on purpose.

    Parameters
    ----------
    message : str
        One line that says what is wrong and where.
    hint : str, optional
        What the reader can do about it.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}. {hint}" if hint else message)


class ConfigError(MidiRiskError):
    """A file that the user wrote has faults; all of them are listed at once.

    Parameters
    ----------
    path : str
        The file.
    faults : sequence of str
        One text per fault, each beginning with the place in the file.
    """

    def __init__(self, path: str, faults: Sequence[str], *, hint: str = "") -> None:
        self.path = path
        self.faults = tuple(faults)
        if len(self.faults) == 1:
            text = f"{path}: {self.faults[0]}"
        else:
            listed = "".join(f"\n  {fault}" for fault in self.faults)
            text = f"{path}: {len(self.faults)} errors{listed}"
        super().__init__(text, hint=hint)


class ThreatModelError(ConfigError):
    """A threat model file has faults, or asks for a number nobody gave."""


class SourceError(MidiRiskError):
    """An input does not exist or holds nothing that can be assessed."""


class LinkageError(MidiRiskError):
    """Two sources cannot be joined by their linkage key."""


class AttributeRoleError(MidiRiskError):
    """A role, decision or attribute name that does not exist."""


class HierarchyError(MidiRiskError):
    """A generalisation hierarchy is incomplete or does not nest."""


class SearchError(MidiRiskError):
    """The search for a recoding cannot be set up."""


class MeasureError(MidiRiskError):
    """A disclosure measure is not defined on this table."""


class OutputError(MidiRiskError):
    """A result cannot be written where it was asked for."""


class StaleAssessmentError(MidiRiskError):
    """The assessment no longer describes its inputs, or its validity ended."""

    exit_code = 5


class VerdictError(MidiRiskError):
    """The verdict is one that the caller does not go on with.

    Parameters
    ----------
    message : str
        Status and reasons.
    status : str
        ``above_threshold``, ``incomplete`` or ``acceptable``.
    exit_code : int
        What the command line returns for it.
    """

    def __init__(self, message: str, *, status: str, exit_code: int) -> None:
        self.status = status
        self.exit_code = exit_code
        super().__init__(message)


def reason_of(error: OSError) -> str:
    """Return the system's reason of an error, without the path that it is about.

    Parameters
    ----------
    error : OSError

    Returns
    -------
    str
        Lower case, without a full stop.

    Examples
    --------
    >>> reason_of(FileNotFoundError(2, "No such file or directory", "jane-doe.dcm"))
    'no such file or directory'
    """
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full"
    return (error.strerror or type(error).__name__).lower()


class MidiRiskWarning(UserWarning):
    """Base of the warnings of midi-risk."""


class ApproximationWarning(MidiRiskWarning):
    """A number is an approximation or a bound, not an exact value."""


class CoverageWarning(MidiRiskWarning):
    """Part of the input was not seen."""


_LONGEST = 60


def quoted(what: object) -> str:
    """Return how an argument may stand in a message: a name or number, of all else the type.

    A table, column or list given in place of a name would otherwise print its values.

    Examples
    --------
    >>> quoted("age"), quoted(["Smith"])
    ("'age'", 'of type list')
    """
    if isinstance(what, str):
        return repr(str(what) if len(what) <= _LONGEST else f"{what[:_LONGEST]}...")
    if what is None or isinstance(what, bool | int | float):
        return repr(what)
    if isinstance(what, tuple) and all(isinstance(part, str | int) for part in what):
        return quoted(", ".join(str(part) for part in what))
    return f"of type {type(what).__name__}"


def listed(what: str, given: object) -> list[Any]:
    """Return names as a list; one name is a list of one.

    A column of a table is no list of names: its values would come back in a message.

    Parameters
    ----------
    what : str
        What the names are for.
    given : object

    Raises
    ------
    MidiRiskError
        When it is neither a name nor a list of them.

    Examples
    --------
    >>> listed("quasi-identifiers", "age"), listed("quasi-identifiers", ("age", "sex"))
    (['age'], ['age', 'sex'])
    """
    if isinstance(
        given, list | tuple | AbstractSet | Mapping | KeysView | Generator | map | filter
    ):
        return list(given)
    if given is None or isinstance(given, str | bytes | int | float):
        return [given]
    if type(given).__module__.split(".", 1)[0] == "pandas" and hasattr(given, "get_indexer"):
        return list(cast("Iterable[Any]", given))
    raise MidiRiskError(f"the {what} are {quoted(given)}, not names", hint="Give a list of names")


_BEGINNING = 3
"""Characters from which the beginning of a word stands for it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest known words.

    Parameters
    ----------
    word : str
        What the user wrote.
    known : iterable of str
        What exists.

    Returns
    -------
    str
        ``Did you mean 'x'?``, or the list of known words when none is close.

    Examples
    --------
    >>> did_you_mean("public-relase", ["public-release", "acquaintance"])
    "Did you mean 'public-release'?"
    >>> did_you_mean("public", ["public-release", "acquaintance"])
    "Did you mean 'public-release'?"
    """
    names = sorted(known)
    folded = {name.casefold(): name for name in names}
    begun = [name for fold, name in folded.items() if len(word) >= _BEGINNING
             and fold.startswith(word.casefold())]  # fmt: skip
    if begun:
        return f"Did you mean '{min(begun, key=len)}'?"
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{folded[close[0]]}'?"
    return "Known: " + ", ".join(names) if names else "None is known"


def share_of(what: str, given: object) -> float:
    """Return a share as a number: ``2%`` stands for 0.02.

    Parameters
    ----------
    what : str
        What the share is for.
    given : object

    Raises
    ------
    MidiRiskError
        When it is no number between 0 and 1, nor such a text.

    Examples
    --------
    >>> share_of("max_suppression", "2%"), share_of("max_suppression", 0.5)
    (0.02, 0.5)
    """
    text = str(given).strip() if isinstance(given, str | int | float) else ""
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = -1.0
    if isinstance(given, bool) or not 0 <= share <= 1:
        raise MidiRiskError(
            f"{what} must lie between 0 and 1, and is {quoted(given)}",
            hint="Give a share such as 2% or 0.02",
        )
    return share

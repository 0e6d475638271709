"""Context risk: how likely an attempt is, from published tables.

Each table is quoted with its source; the report prints the cell that was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from midi_risk.errors import MidiRiskError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTable:
    """Probability of a deliberate attempt by controls (rows) and motives (columns).

    Parameters
    ----------
    name : str
        Name used in a threat model.
    source : str
        Publication.
    cells : mapping of str to mapping of str to float
        ``cells[controls][motives]``.
    """

    name: str
    source: str
    cells: Mapping[str, Mapping[str, float]]

    def probability(self, controls: str, motives: str) -> float:
        """Return the probability of an attempt for one cell.

        Parameters
        ----------
        controls : str
            Privacy and security controls of the recipient.
        motives : str
            Motives and capacity of the recipient.

        Raises
        ------
        MidiRiskError
            When the table has no such row or column.

        Examples
        --------
        >>> ATTEMPT_TABLES["ipc-2016"].probability("medium", "high")
        0.4
        """
        if controls not in self.cells:
            raise MidiRiskError(
                f"table '{self.name}' has no controls '{controls}'",
                hint=did_you_mean(controls, self.cells),
            )
        row = self.cells[controls]
        if motives not in row:
            raise MidiRiskError(
                f"table '{self.name}' has no motives '{motives}'", hint=did_you_mean(motives, row)
            )
        return row[motives]


def _table(
    name: str, source: str, columns: str, rows: Mapping[str, tuple[float, ...]]
) -> AttemptTable:
    """Return a table from its rows, in the order of the columns."""
    names = columns.split()
    cells = {row: dict(zip(names, values, strict=True)) for row, values in rows.items()}
    return AttemptTable(name=name, source=source, cells=cells)


ATTEMPT_TABLES: Mapping[str, AttemptTable] = {
    table.name: table
    for table in (
        _table(
            "ipc-2016",
            "Information and Privacy Commissioner of Ontario, De-identification Guidelines"
            " for Structured Data, 2016",
            "low medium high",
            {
                "high": (0.05, 0.10, 0.20),
                "medium": (0.20, 0.30, 0.40),
                "low": (0.40, 0.50, 0.60),
            },
        ),
        _table(
            "el-emam-extended",
            "El Emam, Guide to the De-Identification of Personal Health Information, 2013,"
            " as extended in the Risk-Evaluation-Assistant (BIH)",
            "low medium high max",
            {
                "high": (0.05, 0.10, 0.20, 0.40),
                "medium": (0.20, 0.30, 0.40, 0.60),
                "low": (0.40, 0.50, 0.60, 0.80),
                "none": (0.60, 0.80, 0.90, 1.00),
            },
        ),
        _table(
            "sphn-2.1.2",
            "Swiss Personalized Health Network, de-identification phase 2 template 2.1.2,"
            " as configured in the Risk-Evaluation-Assistant (BIH)",
            "low medium high",
            {
                "high": (0.1, 0.3, 0.6),
                "medium": (0.3, 0.6, 0.8),
                "low": (0.6, 0.8, 1.0),
            },
        ),
    )
}
"""Published tables of the probability of a deliberate attempt, by name."""


def acquaintance_probability(prevalence: float, acquaintances: int = 150) -> float:
    """Return the probability that a recipient knows somebody of the collection.

    It is ``1 - (1 - p)^m``: the chance that at least one of m acquaintances has the
    condition that the collection is about.

    Parameters
    ----------
    prevalence : float
        Share of the recipient's acquaintances with the condition, in [0, 1].
    acquaintances : int
        Number of people a person knows well enough; 150 (Dunbar) or 190 (IPC 2016).

    Returns
    -------
    float

    Raises
    ------
    MidiRiskError
        When the prevalence is not a probability or the number is below 1.

    References
    ----------
    El Emam, Guide to the De-Identification of Personal Health Information, 2013;
    IPC Ontario, De-identification Guidelines for Structured Data, 2016.

    Examples
    --------
    >>> round(acquaintance_probability(0.001, 150), 3)
    0.139
    """
    if not 0 <= prevalence <= 1:
        raise MidiRiskError("a prevalence is a share between 0 and 1", hint="Correct it")
    if acquaintances < 1:
        raise MidiRiskError("the number of acquaintances is at least 1", hint="Correct it")
    return float(1 - (1 - prevalence) ** acquaintances)


def required_class_size(attempt: float, k: int) -> int:
    """Return the smallest class size at which ``attempt / size <= 1 / k``.

    Integers are compared, so that the label 0.09 means 11 and never 12.

    Parameters
    ----------
    attempt : float
        Probability of an attempt, in (0, 1].
    k : int
        Threshold as a class size.

    Examples
    --------
    >>> required_class_size(1.0, 11), required_class_size(0.4, 11), required_class_size(0.2, 11)
    (11, 5, 3)
    """
    size = int(attempt * k)
    return max(1, size if size >= attempt * k - 1e-9 else size + 1)

"""Log-linear models of a contingency table: formula, design matrix and Poisson regression."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from midi_risk.errors import MeasureError

Floats = npt.NDArray[np.float64]

_DESIGN_LIMIT = 60_000_000
_ROUNDS = 25
_TOLERANCE = 1e-8
_TERM = re.compile(r"[^+~]+")


def parse_formula(formula: str) -> tuple[tuple[str, ...], ...]:
    """Return the terms of a one-sided formula, each as the variables it joins.

    Parameters
    ----------
    formula : str
        ``~ a + b + a:b`` or ``~ a * b``.

    Returns
    -------
    tuple of tuple of str
        Main effects first, then interactions by size, each once.

    Raises
    ------
    MeasureError
        If nothing can be read.

    Examples
    --------
    >>> parse_formula("~ sex * age + site")
    (('sex',), ('age',), ('site',), ('sex', 'age'))
    """
    text = formula.strip().removeprefix("~")
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for raw in _TERM.findall(text):
        parts = [part.strip().strip("`") for part in raw.split("*")]
        if any(not part for part in parts):
            raise MeasureError("The formula cannot be read", hint="Write '~ a + b + a:b'")
        for size in range(1, len(parts) + 1):
            for joined in combinations(parts, size):
                names = tuple(name.strip() for one in joined for name in one.split(":"))
                found.setdefault(frozenset(names), tuple(dict.fromkeys(names)))
    if not found or any(not name for names in found.values() for name in names):
        raise MeasureError("The formula cannot be read", hint="Write '~ a + b + a:b'")
    return tuple(sorted(found.values(), key=len))


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One variable over the cells of a table.

    Parameters
    ----------
    codes : numpy.ndarray of shape (cells,)
        Level of each cell.
    levels : int
    slope : numpy.ndarray of shape (levels,) or None
        Values, when the variable enters as a number with one slope.
    """

    codes: npt.NDArray[np.int64]
    levels: int
    slope: Floats | None = None

    def columns(self) -> list[Floats]:
        """Return its columns: the number, or an indicator of each level but the first."""
        if self.slope is not None:
            return [self.slope[self.codes]]
        return [(self.codes == level).astype(np.float64) for level in range(1, self.levels)]


def full_cross(levels: Sequence[int]) -> list[npt.NDArray[np.int64]]:
    """Return the code of each variable over all cells, the first variable slowest."""
    grids = np.indices(tuple(levels)).reshape(len(levels), -1)
    return [np.ascontiguousarray(grid, dtype=np.int64) for grid in grids]


def design_matrix(
    factors: Mapping[str, Factor], terms: Sequence[Sequence[str]], extra: Sequence[Floats] = ()
) -> Floats:
    """Return the design matrix of a model with an intercept.

    Parameters
    ----------
    factors : mapping of str to Factor
    terms : sequence of sequence of str
        From `parse_formula`.
    extra : sequence of numpy.ndarray of shape (cells,)
        Further columns.

    Returns
    -------
    numpy.ndarray of shape (cells, parameters)

    Raises
    ------
    MeasureError
        If the matrix would be too large.
    """
    cells = len(next(iter(factors.values())).codes)
    widths = [
        int(np.prod([1 if f.slope is not None else max(f.levels - 1, 0) for f in chosen]))
        for chosen in ([factors[name] for name in term] for term in terms)
    ]
    if cells * (1 + sum(widths) + len(extra)) > _DESIGN_LIMIT:
        raise MeasureError(
            f"The model has {cells:,} cells and {1 + sum(widths):,} parameters",
            hint="Leave variables or interactions out, or recode",
        )
    columns: list[Any] = [np.ones(cells)]
    for term in terms:
        parts = [factors[name].columns() for name in term]
        columns += [np.prod(np.stack(chosen), axis=0) for chosen in product(*parts)]
    columns += list(extra)
    return np.column_stack(columns)


def poisson_means(x: Floats, y: Floats, offset: Floats | None = None) -> Floats:
    """Fit a Poisson regression with log link and return its means.

    Iteratively reweighted least squares (Nelder & Wedderburn 1972, doi:10.2307/2344614) with the
    start and the stopping rule that R documents: means of the counts plus 0.1, and a relative
    change of the deviance below 1e-8.

    Parameters
    ----------
    x : numpy.ndarray of shape (cells, parameters)
    y : numpy.ndarray of shape (cells,)
        Counts.
    offset : numpy.ndarray of shape (cells,), optional

    Returns
    -------
    numpy.ndarray of shape (cells,)

    Raises
    ------
    MeasureError
        If the fit does not converge.
    """
    shift = np.zeros(len(y)) if offset is None else offset
    mean = y + 0.1
    eta = np.log(mean)
    deviance = _deviance(y, mean)
    for _ in range(_ROUNDS):
        working = eta - shift + (y - mean) / mean
        root = np.sqrt(mean)
        weighted = x * root[:, None]
        # Columns of one length: a covariate in other units must not cost digits.
        length = np.linalg.norm(weighted, axis=0)
        length[length == 0] = 1
        solved = np.linalg.lstsq(weighted / length, working * root, rcond=1e-11)[0]
        eta = x @ (solved / length) + shift
        with np.errstate(over="ignore"):
            mean = np.maximum(np.exp(eta), np.finfo(float).tiny)
        if not np.isfinite(mean).all():
            break
        before, deviance = deviance, _deviance(y, mean)
        if abs(deviance - before) / (abs(deviance) + 0.1) < _TOLERANCE:
            return np.asarray(mean)
    raise MeasureError("The log-linear model does not converge", hint="Use a simpler formula")


def _deviance(y: Floats, mean: Floats) -> float:
    held = y > 0
    return float(2 * (np.sum(y[held] * np.log(y[held] / mean[held])) - np.sum(y - mean)))


def independent_means(factors: Mapping[str, Factor], y: Floats) -> Floats:
    """Return the means under independence, which iterative fitting reaches in one round.

    Parameters
    ----------
    factors : mapping of str to Factor
    y : numpy.ndarray of shape (cells,)
        Counts.

    Returns
    -------
    numpy.ndarray of shape (cells,)
    """
    total = y.sum()
    means = np.full(len(y), total)
    for factor in factors.values():
        margin = np.bincount(factor.codes, y, minlength=factor.levels)
        means *= margin[factor.codes] / total
    return means

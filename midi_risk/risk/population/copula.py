"""A Gaussian copula of the release: people drawn with its margins and its correlations.

It bears no weight in a verdict: it is shown beside structural models and widens the mean. Values
without an order have correlations that depend on how they are written.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from midi_risk.risk.population.network import Floats, Ints, Prediction, dense

LEAST_DRAWN = 200_000
MOST_DRAWN = 2_000_000
_REFITS = 2
_BLOCK = 200_000
_EMPTY = 0.25
"""People that a class of the release holds of which none was drawn."""


def _scores(column: Ints) -> tuple[Floats, Floats]:
    """Return the normal score of each record, and the cut points of the values."""
    share = np.bincount(column) / len(column)
    ends = np.concatenate([[0.0], np.cumsum(share)])
    ends[-1] = 1.0
    cuts = special.ndtri(ends)
    height = np.where(np.isfinite(cuts), np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi), 0.0)
    score = (height[:-1] - height[1:]) / np.maximum(share, 1e-300)
    return score[column], cuts[1:-1]


def _correlations(table: Ints) -> tuple[Floats, list[Floats]]:
    """Return the correlations of the normal variables, made positive definite, and the cuts."""
    parts = [_scores(column) for column in table.T]
    scores = np.column_stack([score for score, _ in parts])
    spread = np.maximum(scores.std(axis=0), 1e-12)
    found = np.clip((scores.T @ scores) / len(scores) / np.outer(spread, spread), -0.99, 0.99)
    np.fill_diagonal(found, 1.0)
    values, vectors = np.linalg.eigh(found)
    found = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(found))
    return found / np.outer(scale, scale), [cuts for _, cuts in parts]


def fit_copula(codes: Ints, records: Ints, people: int, *, seed: int) -> Prediction | None:
    """Return the share of drawn people in each class of the release.

    Parameters
    ----------
    codes : numpy.ndarray of int64, shape (n, q)
    records : numpy.ndarray of int64, shape (c,)
        One record of each class.
    people : int
        Size of the population: fewer draws would invent people who are alone.
    seed : int

    Returns
    -------
    Prediction or None
        None where more people would have to be drawn than are.

    Examples
    --------
    >>> codes = np.random.default_rng(1).integers(0, 2, (300, 2))
    >>> fit_copula(codes, np.array([0]), 1000, seed=1).share.round(1).tolist()
    [0.2]
    """
    drawn = max(people, LEAST_DRAWN)
    if drawn > MOST_DRAWN or codes.shape[1] == 0:
        return None
    table = dense(codes)
    shape = (table.shape[0], table.shape[1])
    return _drawn(table.tobytes(), shape, np.asarray(records, np.int64).tobytes(), drawn, seed)


@lru_cache(maxsize=8)
def _drawn(
    raw: bytes, shape: tuple[int, int], raw_records: bytes, drawn: int, seed: int
) -> Prediction | None:
    """Draw people and count those in the classes of the records; the last are remembered."""
    table = np.frombuffer(raw, dtype=np.int64).reshape(shape)
    records = np.frombuffer(raw_records, dtype=np.int64)
    levels = table.max(axis=0) + 1
    if float(np.prod(levels.astype(np.float64))) > 2**62:
        return None
    radix = np.concatenate([[1], np.cumprod(levels[:-1])]).astype(np.int64)
    wanted = table[records] @ radix
    order = np.argsort(wanted)
    rng = np.random.default_rng(seed)
    found = np.zeros(len(records))
    for refit in range(_REFITS):
        again = table if refit == 0 else table[rng.integers(0, len(table), len(table))]
        correlation, cuts = _correlations(again)
        root = np.linalg.cholesky(correlation + 1e-9 * np.eye(len(correlation)))
        left = drawn // _REFITS + 1
        while left > 0:
            block = min(left, _BLOCK)
            left -= block
            normal = rng.standard_normal((block, len(root))) @ root.T
            key = np.zeros(block, dtype=np.int64)
            for at, cut in enumerate(cuts):
                key += np.searchsorted(cut, normal[:, at]) * radix[at]
            place = np.searchsorted(wanted[order], key)
            inside = place < len(order)
            hit = order[place[inside]]
            hit = hit[wanted[hit] == key[inside]]
            found += np.bincount(hit, minlength=len(records))
    total = _REFITS * (drawn // _REFITS + 1)
    share = np.where(found > 0, found, _EMPTY) / total
    return Prediction(
        share=share, variation=1 / np.maximum(found, 1.0), support=np.full(len(records), np.inf)
    )

"""Least squares with balances and bounds, where all is measured: Newton's method on the forces.

min ½ Σ (y − d)² / v  subject to  G y = g, low ≤ y ≤ high.  For forces f on the balances the
best y is known, y(f) = min(max(d + v G' f, low), high): bounds always hold, and what pulls at
a bound pulls outwards, so only G y(f) = g is left to be met.  That is the slope of a concave
function of f, made of pieces that are quadratic: Newton's method finds the piece and is exact
in it.  Many cells at once; their factors have the same few entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mfa.reconciliation.elimination import Array
from mfa.reconciliation.sparse_weight import SparseWeight

ITERATIONS = 50
"""Usual are 5 to 10; a cell that needs more is left to the interior point."""

MET = 1e-13
"""A balance is met if it is off by this share of what it adds up, or a tenth of it of the largest."""

LOOSE = 1e-9
"""Share of its variance by which a balance may give way in a step: none is singular then."""

LENGTHS = 30
"""Most lengths of a step that are tried."""

LARGE = 1_000_000
"""From so many cells × balances × columns on, only what is not 0 is worked with."""


def forced(
    balances: Array, right: Array, target: Array, variance: Array, low: Array, high: Array
) -> tuple[Array, NDArray[np.bool_]] | None:
    """Return y (cell, column) and which cells are done; None if the factors have too many entries.

    Parameters
    ----------
    balances : array (balance, column)
        Each has a column with a variance above 0.
    right : array (cell, balance)
    target, variance : arrays (cell, column)
        d and v; a variance of 0 holds a column where it is.
    low, high : arrays (column,)
        ±inf for none.

    Examples
    --------
    A = B + C, measured as 10 ± 5, 20 ± 2 and 1 ± 5. C would be −8.5; held at 0, A and B
    meet at (10 / 25 + 20 / 4) / (1 / 25 + 1 / 4):

    >>> free = np.full(3, np.inf)
    >>> y, done = forced(
    ...     np.array([[1.0, -1.0, -1.0]]), np.zeros((1, 1)), np.array([[10.0, 20.0, 1.0]]),
    ...     np.array([[25.0, 4.0, 25.0]]), np.zeros(3), free,
    ... )
    >>> y.round(6).tolist(), done.tolist()
    ([[18.62069, 18.62069, 0.0]], [True])
    """
    entries = len(target) * balances.size
    if entries <= LARGE:
        return _Problem(balances, None).solve(right, target, variance, low, high)
    count, columns = balances.shape
    pattern = SparseWeight(np.hstack([balances, np.eye(count)]), np.zeros((0, columns + count)))
    if not pattern.fits:
        return None
    return _Problem(sparse.csr_matrix(balances), pattern).solve(right, target, variance, low, high)


class _Problem:
    """Balances, and where their factors have entries; arrays inside are (…, cell) for speed."""

    def __init__(self, rows: Any, pattern: SparseWeight | None):
        self.rows, self.pattern, self.size = rows, pattern, abs(rows)

    def _step(self, moving: Array, loose: Array, left: Array) -> Array:
        """Return (G diag(moving) G' + diag(loose))⁻¹ left, (balance, cell)."""
        if self.pattern is not None:
            factored = self.pattern.factor(np.concatenate([moving, loose]).T)
            return np.ascontiguousarray(factored.solve(left.T).T)
        weight = (self.rows * moving.T[:, None, :]) @ self.rows.T
        index = np.arange(len(loose))
        weight[:, index, index] += loose.T
        return np.asarray(np.linalg.solve(weight, left.T[:, :, None])[:, :, 0].T)

    def solve(
        self, right: Array, target: Array, variance: Array, low: Array, high: Array
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return y (cell, column) and which cells are done."""
        low, high = low[:, None], high[:, None]
        given, d, v = (np.ascontiguousarray(a.T) for a in (right, target, variance))
        found, done = np.clip(d, low, high), np.zeros(d.shape[1], dtype=bool)
        loose = LOOSE * (self.rows * self.rows if self.pattern is None else self.rows.power(2)) @ v
        live, raw = np.arange(d.shape[1]), d
        for number in range(ITERATIONS + 1):
            y = np.clip(raw, low, high)
            left = given - self.rows @ y
            most = np.abs(y).max(axis=0, initial=0.0)
            whole = self.size @ np.abs(y) + np.abs(given)
            met = (np.abs(left) <= MET * whole + 0.1 * MET * most).all(axis=0)
            found[:, live[met]], done[live[met]] = y[:, met], True
            if met.all() or number == ITERATIONS:
                break
            if met.any():
                live = live[~met]
                given, v, loose, raw, left = (
                    np.ascontiguousarray(a[:, ~met]) for a in (given, v, loose, raw, left)
                )
            moving = np.where((raw >= low) & (raw <= high), v, 0.0)
            step = self._step(moving, loose, left)
            across = self.rows.T @ step
            pulled = v * across
            first = (left * step).sum(axis=0)
            raw = raw + _length(first, raw, across, pulled, low, high) * pulled
        return np.ascontiguousarray(found.T), done


def _length(
    first: Array, raw: Array, across: Array, pulled: Array, low: Array, high: Array
) -> Array:
    """Return how far each cell goes along its step (cell,): 1, or where the way is still up.

    The slope along the way, step' (g − G y), starts as `first` and falls below 0 behind the top.
    """
    fixed = first + (across * np.clip(raw, low, high)).sum(axis=0)

    def slope(length: Array, cells: Any) -> Array:
        y = np.clip(raw[:, cells] + length * pulled[:, cells], low, high)
        return np.asarray(fixed[cells] - (across[:, cells] * y).sum(axis=0))

    far = np.ones(len(first))
    there = slope(far, slice(None))
    cells = np.flatnonzero(there > 0.5 * first)
    for _ in range(LENGTHS // 2):  # longer, as long as it goes up steeply
        if not cells.size:
            break
        more = slope(4 * far[cells], cells)
        up = more >= 0
        far[cells[up]] *= 4
        cells = cells[up & (more > 0.5 * first[cells])]
    cells = np.flatnonzero(there < -1e-9 * first)
    low_end, high_end = np.zeros(len(first)), far.copy()
    low_slope, high_slope = first.copy(), there.copy()
    for number in range(LENGTHS):  # shorter: bisection and the secant in turns
        if not cells.size:
            break
        a, b, above, below = (e[cells] for e in (low_end, high_end, low_slope, high_slope))
        secant = np.clip(above / (above - below), 0.05, 0.95)
        middle = a + (b - a) * (0.5 if number % 2 else secant)
        here = slope(middle, cells)
        rising = here >= 0
        low_end[cells[rising]], low_slope[cells[rising]] = middle[rising], here[rising]
        high_end[cells[~rising]], high_slope[cells[~rising]] = middle[~rising], here[~rising]
        far[cells] = low_end[cells]
        cells = cells[~(rising & (here <= 0.3 * first[cells]))]
    return far

"""Least squares with balances and bounds, by an interior point method for many cells at once.

min ½ (y − d)' P (y − d)  subject to  G y = g, low ≤ y ≤ high.  Newton's method on the
conditions of Kuhn and Tucker, with Mehrotra's predictor and corrector: every step
solves G H⁻¹ G' for the balances, H being P and the pull of the bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mfa.reconciliation.elimination import Array
from mfa.reconciliation.sparse_weight import SparseWeight

ITERATIONS = 100
CLOSE = 1e-11
"""Complementarity and residuals at which a cell is done, relative to its largest value."""

STEP = 0.995
"""Share of the way to the nearest bound that a step may go."""

FREE = 1e-10
"""Curvature of a quantity that was not measured, where 1 is that of a measured one."""

TINY = 1e-30
"""No gap to a bound is smaller."""

LARGE = 1_000_000
"""From so many cells × balances × columns on, only what is not 0 is worked with."""


@dataclass
class Bounded:
    """One problem for many cells; quantities are scaled so that measured ones have curvature 1.

    Attributes
    ----------
    balances : array (balance, column)
    right : array (cell, balance)
    target, curvature : arrays (cell, column)
        d, and the diagonal of P (0 where nothing was measured).
    low, high : arrays (cell, column)
        ±inf for none.
    joint : array (cell, column, column) or None
        P, where data are correlated.
    """

    balances: Array
    right: Array
    target: Array
    curvature: Array
    low: Array
    high: Array
    joint: Array | None = None

    def solve(self, start: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Return y (cell, column) and which cells have converged."""
        self._pattern = None
        if self.joint is None and len(start) * self.balances.size > LARGE:
            pattern = SparseWeight(self.balances, self.balances[:0])
            self._pattern = pattern if pattern.fits else None
        few = self._pattern is not None
        self._rows = sparse.csr_matrix(self.balances) if few else self.balances
        with np.errstate(all="ignore"):  # a cell without a solution runs off; it is not done
            return self._iterate(start)

    def _iterate(self, start: Array) -> tuple[Array, NDArray[np.bool_]]:
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        low, high = np.where(below, self.low, 0.0), np.where(above, self.high, 0.0)
        both = below & above
        room = np.where(both, 0.25 * (high - low), 1.0)
        y = np.where(below, np.maximum(start, low + room), start)
        y = np.where(above, np.minimum(y, high - room), y)
        force = np.zeros((len(y), len(self.balances)))
        pull, push = below.astype(float), above.astype(float)
        count = np.maximum((below + above.astype(int)).sum(axis=1), 1)[:, None]
        done = np.zeros(len(y), dtype=bool)
        size = 1.0 + np.abs(np.where(self.curvature > 0, self.target, 0.0)).max(axis=1)[:, None]
        for _ in range(ITERATIONS):
            gap = np.where(below, np.maximum(y - low, TINY), 1.0)
            rest = np.where(above, np.maximum(high - y, TINY), 1.0)
            slope = self._slope(y) - (self._rows.T @ force.T).T - pull + push
            missed = (self._rows @ y.T).T - self.right
            mean = ((pull * gap + push * rest).sum(axis=1, keepdims=True)) / count
            off = np.abs(missed).max(axis=1, keepdims=True, initial=0.0)
            steep = np.abs(slope).max(axis=1, keepdims=True, initial=0.0)
            done = ((mean < CLOSE * size) & (off < CLOSE * size) & (steep < 1e-9 * size))[:, 0]
            if done.all():
                break
            stiff = np.minimum(pull / gap + push / rest, 1.0 / TINY)
            solver = self._newton(stiff)
            zero = np.zeros_like(y)
            dy, _, dpull, dpush = self._step(
                solver, slope, missed, pull, push, gap, rest, zero, zero
            )
            to = self._length(below, above, gap, rest, pull, push, dy, dpull, dpush)
            ahead = (pull + to[1] * dpull) * (gap + to[0] * dy) * below
            ahead = ahead + (push + to[1] * dpush) * (rest - to[0] * dy) * above
            centre = (
                np.maximum(ahead.sum(axis=1, keepdims=True) / count, 0.0) / mean.clip(1e-300)
            ) ** 3
            aim = np.minimum(centre, 1.0) * mean
            aimed = ((aim - dy * dpull) * below, (aim + dy * dpush) * above)
            dy, dforce, dpull, dpush = self._step(
                solver, slope, missed, pull, push, gap, rest, *aimed
            )
            primal, dual = self._length(below, above, gap, rest, pull, push, dy, dpull, dpush)
            primal, dual = (np.where(done[:, None], 0.0, STEP * a) for a in (primal, dual))
            y = y + primal * dy
            force, pull, push = force + dual * dforce, pull + dual * dpull, push + dual * dpush
        return y, done

    def _slope(self, y: Array) -> Array:
        off = y - self.target
        if self.joint is None:
            return np.asarray(self.curvature * off)
        return np.asarray(np.einsum("cij,cj->ci", self.joint, off))

    def _newton(self, stiff: Array) -> _Newton:
        if self.joint is None:
            loose = 1.0 / (self.curvature + stiff + FREE)
            return _Newton(self._rows, loose, None, self._pattern)
        count = stiff.shape[1]
        whole = self.joint + (stiff + FREE)[:, :, None] * np.eye(count)
        return _Newton(self.balances, stiff, np.asarray(np.linalg.inv(whole)), None)

    def _step(
        self, solver: _Newton, slope: Array, missed: Array, pull: Array, push: Array,
        gap: Array, rest: Array, aim_low: Array, aim_high: Array,
    ) -> tuple[Array, Array, Array, Array]:  # fmt: skip
        """Return the steps of y, of the forces of balances, and of the two bounds."""
        wanted = -slope + aim_low / gap - pull - aim_high / rest + push
        dy, dforce = solver.solve(wanted, -missed)
        dpull = (aim_low - pull * dy) / gap - pull
        dpush = (aim_high + push * dy) / rest - push
        return dy, dforce, np.where(pull > 0, dpull, 0.0), np.where(push > 0, dpush, 0.0)

    @staticmethod
    def _length(
        below: Any, above: Any, gap: Array, rest: Array, pull: Array, push: Array,
        dy: Array, dpull: Array, dpush: Array,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Return how far y and the forces may go, at most 1, (cell, 1) each."""

        def reach(here: Array, step: Array, counted: Any) -> Array:
            falls = counted & (step < 0)
            ratio = np.where(falls, -here / np.where(falls, step, -1.0), np.inf)
            return np.asarray(ratio.min(axis=1, keepdims=True, initial=1.0))

        primal = np.minimum(reach(gap, dy, below), reach(rest, -dy, above))
        dual = np.minimum(reach(pull, dpull, below), reach(push, dpush, above))
        return primal, dual


class _Newton:
    """Solves H y − G' f = q, G y = p, H being diagonal or given by its inverse."""

    def __init__(
        self, balances: Any, loose: Array, inverse: Array | None, pattern: SparseWeight | None
    ):
        self.balances, self.loose, self.inverse = balances, loose, inverse
        self.factored = None if pattern is None else pattern.factor(loose)
        if self.factored is None:
            spread = balances * loose[:, None, :] if inverse is None else balances @ inverse
            weight = spread @ balances.T
            root = np.sqrt(np.einsum("crr->cr", weight)).clip(1e-300)
            scaled = weight / root[:, :, None] / root[:, None, :]
            tiny = 1e-14 * np.eye(len(balances))
            self.dense = np.linalg.inv(scaled + tiny) / root[:, :, None] / root[:, None, :]
            self.weight = weight

    def _loosened(self, q: Array) -> Array:
        if self.inverse is None:
            return np.asarray(q * self.loose)
        return np.asarray(np.einsum("cij,cj->ci", self.inverse, q))

    def _weighed(self, right: Array) -> Array:
        if self.factored is not None:
            return self.factored.solve(right)
        first = np.einsum("crs,cs->cr", self.dense, right)
        left = right - np.einsum("crs,cs->cr", self.weight, first)
        return np.asarray(first + np.einsum("crs,cs->cr", self.dense, left))

    def solve(self, q: Array, p: Array) -> tuple[Array, Array]:
        moved = self._loosened(q)
        force = self._weighed(p - (self.balances @ moved.T).T)
        y = moved + self._loosened((self.balances.T @ force.T).T)
        left = p - (self.balances @ y.T).T  # what rounding has left
        more = self._weighed(left)
        return y + self._loosened((self.balances.T @ more.T).T), force + more

"""Non-negative flows and shares between 0 and 1: least squares as a quadratic program.

min (x − d)' S⁻¹ (x − d)  subject to  A x = b, low ≤ x ≤ high.  Bounds of measured
quantities alone are settled for all cells at once (:mod:`mfa.reconciliation.active_set`).
Where unmeasured quantities have bounds to keep, or data are correlated, OSQP finds
which are reached; with those as exact values the balances are solved once more, so
that they hold to rounding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from mfa.errors import MfaError
from mfa.reconciliation.active_set import active_set
from mfa.reconciliation.elimination import UNDETERMINABLE, Array
from mfa.reconciliation.least_squares import Adjusted, adjust

INSIDE = 1e-9
"""How far beyond a bound rounding may lie, relative to the largest value."""

ALIKE = 1e-5
"""Relative difference up to which two sums of squares are the same."""


def within(
    found: Adjusted,
    matrix: Any,
    value: Array,
    sd: Array,
    low: Array,
    high: Array,
    names: list[str] | None = None,
    **settings: Any,
) -> Adjusted:
    """Return results in which no quantity lies beyond its bounds.

    Parameters
    ----------
    found : Adjusted
        Of data (cell, column), without bounds.
    matrix, value, sd
        As they went into :func:`adjust`, value and sd (cell, column).
    low, high : arrays (column,)
        Bounds, ±inf for none.
    settings
        `right`, `scale` and `correlation` of :func:`adjust`.

    Returns
    -------
    Adjusted
        Values, adjustments and χ² are those with bounds; standard uncertainties,
        degrees of freedom and statuses are those without: where a bound is
        reached they are too wide rather than too narrow.

    Raises
    ------
    MfaError
        If osqp is not installed, or no values within the bounds satisfy the balances.
    """
    largest = np.nanmax(np.abs(found.value), axis=1, initial=1e-300)[:, None]
    with np.errstate(invalid="ignore"):
        beyond = (found.value < low - INSIDE * largest) | (found.value > high + INSIDE * largest)
    finite = np.isfinite(low) | np.isfinite(high)
    open_ = ((found.code == UNDETERMINABLE) & finite).any(axis=1)
    cells = np.flatnonzero(beyond.any(axis=1) | open_)
    if not cells.size:
        return found
    values, moved, chi2 = (a.copy() for a in (found.value, found.adjustment, found.chi2))
    if settings.get("correlation") is None:
        more = {k: v for k, v in settings.items() if k in ("right", "scale")}
        inside, settled = active_set(matrix, value[cells], sd[cells], low, high, **more)
        settled &= ~open_[cells]
        done = cells[settled]
        values[done], moved[done] = inside[settled], inside[settled] - value[done]
        chi2[done] = _squares(inside[settled], value[done], sd[done])
        cells = cells[~settled]
    program = _Program(np.asarray(matrix, dtype=float), low, high, settings, names)
    for cell in cells:
        answer = program.solve(found, value, sd, int(cell), bool(beyond[cell].any()))
        if answer is not None:
            values[cell], chi2[cell] = answer
            moved[cell] = values[cell] - value[cell]
    return replace(found, value=values + 0.0, adjustment=moved, chi2=chi2, p_value=_tails(found, chi2))


def _squares(x: Array, data: Array, sd: Array) -> Array:
    """Return the sum of squares of each cell (cell,), of independent data."""
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(~np.isnan(data) & (sd > 0), (x - data) / sd, 0.0)
    return np.asarray((off**2).sum(axis=1))


def _tails(found: Adjusted, chi2: Array) -> Array:
    from scipy.special import chdtrc

    with np.errstate(invalid="ignore"):
        tail = chdtrc(found.degrees_of_freedom.astype(float), chi2)
    return np.where(found.degrees_of_freedom > 0, tail, np.nan)


class _Program:
    """The quadratic program of one matrix, solved for one cell after the other."""

    def __init__(
        self, matrix: Array, low: Array, high: Array, settings: Any, names: list[str] | None
    ):
        self.matrix, self.low, self.high = matrix, low, high
        self.names = names
        self.right, self.scale = settings.get("right"), settings.get("scale")
        self.correlation = settings.get("correlation")
        if self.correlation is not None:
            self.correlation = np.asarray(self.correlation, dtype=float)

    def solve(
        self, found: Adjusted, value: Array, sd: Array, cell: int, beyond: bool
    ) -> tuple[Array, float] | None:
        """Return values and χ² of a cell within bounds; None if they are those without."""
        data, spread = value[cell], sd[cell]
        right = np.zeros(len(self.matrix)) if self.right is None else self.right
        x, size = self._osqp(data, spread, right, found.value[cell])
        x = np.clip(x, self.low, self.high)
        square = self._square(x, data, spread)
        free = float(found.chi2[cell])
        if not beyond and square <= free * (1 + ALIKE) + ALIKE:
            return None
        unclear = found.code[cell] == UNDETERMINABLE
        if self._balanced(x, right):
            x[unclear] = np.nan
            return x, square
        for near in (1e-5, 1e-7, 1e-3):
            pinned = self._polish(x, data, spread, right, near * size)
            if pinned is None:
                continue
            if self._square(pinned, data, spread) <= square * (1 + ALIKE) + ALIKE:
                pinned[unclear] = np.nan
                return pinned, self._square(pinned, data, spread)
        raise MfaError(
            "the quadratic program did not settle on which bounds are reached; are uncertainties of "
            "very different size? Make the smallest of them exact (0)"
        )

    def _balanced(self, x: Array, right: Array) -> bool:
        """Whether the balances hold so well that nothing is left to polish."""
        off = np.abs(self.matrix @ x - right)
        size = np.abs(self.matrix) @ np.abs(x) + np.abs(right)
        return bool((off <= 1e-11 * size + 1e-14 * np.abs(x).max(initial=0.0)).all())

    def _square(self, x: Array, data: Array, spread: Array) -> float:
        used = ~np.isnan(data) & (spread > 0)
        off = (x[used] - data[used]) / spread[used]
        if self.correlation is None:
            return float(off @ off)
        return float(off @ np.linalg.solve(self.correlation[np.ix_(used, used)], off))

    def _osqp(self, data: Array, spread: Array, right: Array, near: Array) -> tuple[Array, Array]:
        """Return the solution of OSQP, and the size of each quantity that it was scaled by."""
        try:
            import osqp
        except ModuleNotFoundError:
            raise MfaError(
                "bounds need osqp, which is not installed; pip install 'mfa[reconcile]'"
            ) from None
        usual = float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
        unknown = np.maximum(np.abs(np.nan_to_num(near)), usual)
        if self.scale is not None:
            unknown = np.asarray(self.scale)
        size = np.where(spread > 0, spread, unknown)  # the sum of squares is then a sphere
        used = np.flatnonzero(~np.isnan(data) & (spread > 0))
        weight = size[used] / spread[used]
        if self.correlation is None:
            own = sparse.diags(weight**2)
        else:
            inverse = np.linalg.inv(self.correlation[np.ix_(used, used)])
            own = sparse.csc_matrix(inverse * np.outer(weight, weight))
        pick = sparse.eye(len(data), format="csr")[used]
        quadratic = sparse.csc_matrix(sparse.triu(pick.T @ own @ pick))
        linear = -(pick.T @ (own @ (data[used] / size[used])))
        unit = max(float(np.abs(quadratic.diagonal()).mean()), 1e-300)
        rows = self.matrix * size
        largest = np.abs(rows).max(axis=1, initial=0.0)
        largest[largest == 0] = 1.0
        low, high = self.low / size, self.high / size
        exact = ~np.isnan(data) & (spread == 0)
        low, high = low.copy(), high.copy()
        low[exact] = high[exact] = data[exact] / size[exact]
        solver = osqp.OSQP()
        solver.setup(
            P=quadratic / unit, q=np.asarray(linear) / unit,
            A=sparse.csc_matrix(np.vstack([rows / largest[:, None], np.eye(len(data))])),
            l=np.concatenate([right / largest, low]), u=np.concatenate([right / largest, high]),
            verbose=False, eps_abs=1e-8, eps_rel=1e-8, eps_prim_inf=1e-9, eps_dual_inf=1e-9, max_iter=20_000,
            polishing=True, polish_refine_iter=10, delta=1e-8,
        )  # fmt: skip
        answer = solver.solve(raise_error=False)
        told = str(answer.info.status)
        if "infeasible" in told and self._impossible(low * size, high * size, right):
            raise MfaError(
                "no values within the bounds (flows and stocks 0 or more, shares from 0 to 1) satisfy "
                "the balances: what is exactly known does not allow it; give it an uncertainty"
            )
        if not (told.startswith("solved") or answer.info.prim_res < 1e-5):
            raise MfaError(f"the quadratic program was not solved: osqp says {told!r}")
        return np.asarray(answer.x) * size, size

    def _impossible(self, low: Array, high: Array, right: Array) -> bool:
        """Whether a linear program, too, finds no values within the bounds."""
        from scipy.optimize import linprog

        box = np.stack([low, high], axis=1)
        nothing = np.zeros(len(low))
        found = linprog(nothing, A_eq=self.matrix, b_eq=right, bounds=box, method="highs")
        return bool(found.status == 2)

    def _polish(
        self, x: Array, data: Array, spread: Array, right: Array, near: Array
    ) -> Array | None:
        """Return the least squares with the reached bounds as exact values; None beyond bounds."""
        exact = ~np.isnan(data) & (spread == 0)
        at_low, at_high = (x <= self.low + near) & ~exact, (x >= self.high - near) & ~exact
        given = np.where(at_low, self.low, np.where(at_high, self.high, data))
        sure = np.where(at_low | at_high, 0.0, spread)
        if self.correlation is not None:
            return self._project(x, right)
        try:
            solved = adjust(
                self.matrix, given, sure, right=right, scale=self.scale, names=self.names
            ).value
        except MfaError:
            return None  # these bounds cannot all be reached at once: the guess was too wide
        solved = np.where(np.isnan(solved), x, solved)
        slack = 1e-9 * np.nanmax(np.abs(solved), initial=1e-300)
        if (solved < self.low - slack).any() or (solved > self.high + slack).any():
            return None
        return np.asarray(solved)

    def _project(self, x: Array, right: Array) -> Array:
        """Return the nearest values that satisfy the balances, bounds that are reached kept."""
        near = 1e-7 * np.abs(x).max(initial=1e-300)
        spread = np.where((x <= self.low + near) | (x >= self.high - near), 0.0, 1.0)
        fixed = np.where(
            x <= self.low + near, self.low, np.where(x >= self.high - near, self.high, x)
        )
        return adjust(self.matrix, fixed, spread, right=right, scale=self.scale).value

"""Non-negative flows and shares between 0 and 1: least squares as a quadratic program.

min (x − d)' S⁻¹ (x − d)  subject to  A x = b, low ≤ x ≤ high, for all cells that
would otherwise lie beyond a bound, at once (:mod:`mfa.reconciliation.interior_point`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.dual_newton import forced
from mfa.reconciliation.elimination import UNDETERMINABLE, Array, Structure, structure_of
from mfa.reconciliation.interior_point import Bounded
from mfa.reconciliation.least_squares import Adjusted, patterns
from mfa.reconciliation.reduction import Reduced, everything, reduced

INSIDE = 1e-9
"""How far beyond a bound rounding may lie, relative to the largest value."""

ALIKE = 1e-7
"""Relative difference up to which two sums of squares are the same."""


def within(
    found: Adjusted,
    matrix: Any,
    value: Array,
    sd: Array,
    low: Array,
    high: Array,
    keep: bool = False,
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
    keep : bool
        Give some value within the bounds also to the undeterminable.
    settings
        `right` and `correlation` of :func:`adjust`.

    Returns
    -------
    Adjusted
        Values, adjustments and χ² are those with bounds; standard uncertainties,
        degrees of freedom and statuses are those without: where a bound is
        reached they are too wide rather than too narrow.

    Raises
    ------
    MfaError
        If no values within the bounds satisfy the balances.
    """
    largest = np.nanmax(np.abs(found.value), axis=1, initial=1e-300)[:, None]
    with np.errstate(invalid="ignore"):
        beyond = (found.value < low - INSIDE * largest) | (found.value > high + INSIDE * largest)
    finite = np.isfinite(low) | np.isfinite(high)
    open_ = ((found.code == UNDETERMINABLE) & finite).any(axis=1)
    chosen = np.flatnonzero(beyond.any(axis=1) | open_)
    if not chosen.size:
        return found
    values, moved, chi2 = (a.copy() for a in (found.value, found.adjustment, found.chi2))
    work, linked = np.asarray(matrix, dtype=float), settings.get("correlation")
    right = settings.get("right")
    constant = np.zeros(len(work)) if right is None else np.asarray(right, dtype=float)
    for own, structure in patterns(work, value[chosen], sd[chosen]):
        cells = chosen[own]
        measured = ~np.isnan(value[cells[0]])
        small = everything(work) if keep else reduced(work, constant, measured, low, high)
        unknown = np.intersect1d(
            small.columns, np.flatnonzero(found.code[cells[0]] == UNDETERMINABLE)
        )
        if not unknown.size:  # what was found stands, unless it lies beyond a bound
            beside = small.slacks(work, constant, found.value[cells]) < -INSIDE * largest[cells]
            cells = cells[beyond[cells].any(axis=1) | beside.any(axis=1)]
            if not cells.size:
                continue
        inside = _inside(
            small, structure, work, constant, value[cells], sd[cells], found.value[cells], low, high,
            None if linked is None else np.asarray(linked, dtype=float),
        )  # fmt: skip
        square = _squares(inside, value[cells], sd[cells], linked)
        held = ~beyond[cells].any(axis=1) & (square <= chi2[cells] * (1 + ALIKE) + ALIKE)
        if not keep:
            inside[found.code[cells] == UNDETERMINABLE] = np.nan
        held &= not keep
        new = cells[~held]
        values[new], chi2[new] = inside[~held], square[~held]
        moved[new] = values[new] - value[new]
    from scipy.special import chdtrc

    with np.errstate(invalid="ignore"):
        tail = chdtrc(found.degrees_of_freedom.astype(float), chi2)
    p = np.where(found.degrees_of_freedom > 0, tail, np.nan)
    return replace(found, value=values, adjustment=moved, chi2=chi2, p_value=p)


def _squares(x: Array, data: Array, sd: Array, linked: Any) -> Array:
    """Return the sum of squares of each cell (cell,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(~np.isnan(data) & (sd > 0), (x - data) / sd, 0.0)
    if linked is None:
        return np.asarray((off**2).sum(axis=1))
    used = ~np.isnan(data[0]) & (sd[0] > 0)
    inverse = np.linalg.inv(np.asarray(linked)[np.ix_(used, used)])
    return np.asarray(np.einsum("ci,ij,cj->c", off[:, used], inverse, off[:, used]))


def _inside(
    small: Reduced, structure: Structure, work: Array, constant: Array, value: Array, sd: Array,
    near: Array, low: Array, high: Array, linked: Array | None,
) -> Array:  # fmt: skip
    """Return x (cell, column) of cells in which the same columns are measured and exact."""
    columns, slack = small.columns, small.slacks(work, constant, near)
    nothing, none = np.full_like(slack, np.nan), np.zeros(slack.shape[1])
    problem = _Scaled(
        small.matrix(work), constant[small.rows],
        np.hstack([value[:, columns], nothing]), np.hstack([sd[:, columns], 0.0 * nothing]),
        np.append(np.isin(columns, structure.exact), none > 0), np.hstack([near[:, columns], np.maximum(slack, 0.0)]),
        np.append(low[columns], none), np.append(high[columns], none + np.inf),
    )  # fmt: skip
    if linked is not None:
        joint = np.eye(len(problem.low))
        joint[: len(columns), : len(columns)] = linked[np.ix_(columns, columns)]
        linked = joint
    x = near.copy()
    x[:, columns] = problem.solve(linked)[:, : len(columns)]
    own = np.setdiff1d(structure.determinable, columns, assume_unique=True)
    recipe = structure.recipe[np.isin(structure.determinable, own)]
    seen = ~np.isnan(value[0])  # a recipe is of measured quantities
    x[:, own] -= (x[:, seen] - near[:, seen]) @ recipe[:, seen].T
    near_bound = 1e-11 * np.nanmax(np.abs(x), axis=1, keepdims=True, initial=0.0)
    with np.errstate(invalid="ignore"):
        x = np.where(x - low < near_bound, np.where(np.isfinite(low), low, x), x)
    return x + 0.0


class _Scaled:
    """A problem in which usual sizes, and the largest entries of balances, are near 1."""

    def __init__(
        self, matrix: Array, right: Array, value: Array, sd: Array, exact: Any, near: Array,
        low: Array, high: Array,
    ):  # fmt: skip
        self.value, self.near, self.low, self.high = value, near, low, high
        self.measured, self.exact = ~np.isnan(value[0]), exact
        self.size = np.median(_sizes(value, sd, near, high), axis=0)  # one for all cells
        self.size[exact] = 1.0
        balances = matrix * self.size
        norm = np.abs(balances[:, ~exact]).max(axis=1, initial=0.0)
        used = norm > 0
        self.balances = balances[used] / norm[used, None]
        self.right = right[used] / norm[used]
        self.sd = sd / self.size

    def solve(self, linked: Array | None) -> Array:
        """Return x (cell, column): by forces where all is measured, else from the interior."""
        count = len(self.value)
        y, done = np.zeros_like(self.value), np.zeros(count, dtype=bool)
        low, high = self.low / self.size, self.high / self.size
        if linked is None and self.measured.all():
            right = np.broadcast_to(self.right, (count, len(self.right)))
            target = self.value / self.size
            bounds = (np.where(self.exact, b, a) for a, b in ((low, -np.inf), (high, np.inf)))
            told = forced(self.balances, right, target, self.sd**2, *bounds)
            y, done = (y, done) if told is None else told
        if not done.all():
            y[~done] = self._from_the_interior(np.flatnonzero(~done), linked, low, high)
        return np.where(self.exact, self.value, y * self.size)

    def _from_the_interior(
        self, cells: Any, linked: Array | None, low: Array, high: Array
    ) -> Array:
        free, measured = np.flatnonzero(~self.exact), self.measured
        known = np.append(self.exact, True)
        data = np.hstack([self.value[cells] / self.size, np.ones((len(cells), 1))])
        whole = structure_of(
            np.hstack([self.balances, -self.right[:, None]]), np.ones(len(known), dtype=bool), known
        )
        rows = whole.checks
        given = -data[:, known] @ rows[:, known].T
        balances = rows[:, free]
        norm = np.abs(balances).max(axis=1, initial=0.0)
        norm[norm == 0] = 1.0
        sigma, seen = self.sd[np.ix_(cells, free)], measured[free]
        with np.errstate(divide="ignore"):
            curvature = np.where(seen, sigma**-2.0, 0.0)
        top = curvature.max(axis=1, keepdims=True, initial=1e-300)
        target = np.where(seen, np.nan_to_num(data[:, free]), 0.0)
        joint = None
        if linked is not None:
            joint = np.zeros((len(cells), len(free), len(free)))
            inverse = np.linalg.inv(linked[np.ix_(free[seen], free[seen])])
            weight = (1.0 / np.where(sigma > 0, sigma, 1.0))[:, seen]
            block = inverse * weight[:, :, None] * weight[:, None, :]
            joint[np.ix_(np.arange(len(cells)), np.flatnonzero(seen), np.flatnonzero(seen))] = block
            joint /= top[:, :, None]
        bottom, roof = (np.broadcast_to(b[free], sigma.shape) for b in (low, high))
        problem = Bounded(
            balances / norm[:, None], given / norm, target, curvature / top, bottom, roof, joint
        )
        near = self.near[np.ix_(cells, free)] / self.size[free]
        y, done = problem.solve(np.where(np.isnan(near), 1.0, near))
        if not done.all():
            _refuse(problem, int(np.flatnonzero(~done)[0]))
        found = np.zeros((len(cells), len(self.size)))
        found[:, free] = np.clip(y, bottom, roof)
        return found


def _sizes(value: Array, sd: Array, near: Array, high: Array) -> Array:
    """Return the usual size of each quantity: its uncertainty, or what is known of it."""
    usual = np.where(~np.isnan(value) & (sd > 0), sd, np.nan)
    known = np.where(np.isfinite(high), np.nan, np.fmax(np.abs(near), usual))
    largest = np.nanmax(known, axis=1, keepdims=True, initial=1e-300)
    middle = np.where(np.isfinite(high), 1.0, 1e-3 * largest)
    return np.where(np.isnan(usual), np.fmax(np.abs(near), middle), usual)


def _refuse(problem: Bounded, cell: int) -> None:
    """Say whether there are no values within the bounds, or the method did not find them."""
    from scipy.optimize import linprog

    box = np.stack([problem.low[cell], problem.high[cell]], axis=1)
    found = linprog(
        np.zeros(len(box)), A_eq=problem.balances, b_eq=problem.right[cell], bounds=box,
        method="highs",
    )  # fmt: skip
    if found.status == 2:
        raise MfaError(
            "no values within the bounds (flows and stocks 0 or more, shares from 0 to 1) satisfy "
            "the balances: what is exactly known does not allow it; give it an uncertainty"
        )
    raise MfaError(
        "the least squares within bounds did not converge; uncertainties may be of very different "
        "size: make the smallest of them exact (0)"
    )

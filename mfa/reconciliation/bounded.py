"""Non-negative flows and shares between 0 and 1: least squares as a quadratic program.

min (x − d)' S⁻¹ (x − d)  subject to  A x = b, low ≤ x ≤ high, for all cells that
would otherwise lie beyond a bound, at once (:mod:`mfa.reconciliation.interior_point`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mfa.errors import MfaError
from mfa.reconciliation.elimination import UNDETERMINABLE, Array, structure_of
from mfa.reconciliation.interior_point import Bounded
from mfa.reconciliation.least_squares import Adjusted, patterns

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
    work, right = np.asarray(matrix, dtype=float), settings.get("right")
    linked = settings.get("correlation")
    for own, structure in patterns(work, value[chosen], sd[chosen]):
        cells = chosen[own]
        inside = _solve(
            work, right, value[cells], sd[cells], structure.exact, found.value[cells], low, high,
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


def _solve(
    matrix: Array,
    right: Any,
    value: Array,
    sd: Array,
    exact: Any,
    near: Array,
    low: Array,
    high: Array,
    linked: Array | None,
) -> Array:
    """Return x (cell, column) of cells in which the same columns are measured and exact."""
    count = matrix.shape[1]
    measured = ~np.isnan(value[0])
    constant = np.zeros(len(matrix)) if right is None else np.asarray(right, dtype=float)
    fixed = np.zeros(count + 1, dtype=bool)
    fixed[exact], fixed[count] = True, True
    whole = structure_of(
        np.hstack([matrix, -constant[:, None]]), np.ones(count + 1, dtype=bool), fixed
    )
    rows, free = whole.checks, np.setdiff1d(np.arange(count), exact)
    known = np.hstack([value, np.ones((len(value), 1))])
    given = -known[:, fixed] @ rows[:, fixed].T
    size = _sizes(value, sd, near, high)[:, free]
    typical = np.median(size, axis=0)  # one scale for all cells, as the balances are
    balances = rows[:, free] * typical
    norm = np.abs(balances).max(axis=1, initial=0.0)
    norm[norm == 0] = 1.0
    sigma = sd[:, free]
    seen = measured[free]
    with np.errstate(divide="ignore"):
        curvature = np.where(seen, (typical / sigma) ** 2, 0.0)
    top = curvature.max(axis=1, keepdims=True, initial=1e-300)
    target = np.where(seen, np.nan_to_num(value[:, free]) / typical, 0.0)
    joint = None
    if linked is not None:
        joint = np.zeros((len(value), len(free), len(free)))
        inverse = np.linalg.inv(linked[np.ix_(free[seen], free[seen])])
        weight = (typical / np.where(sigma > 0, sigma, 1.0))[:, seen]
        block = inverse * weight[:, :, None] * weight[:, None, :]
        joint[np.ix_(np.arange(len(value)), np.flatnonzero(seen), np.flatnonzero(seen))] = block
        joint /= top[:, :, None]
    shape = (len(value), len(free))
    bottom, roof = (np.broadcast_to(b[free] / typical, shape) for b in (low, high))
    problem = Bounded(
        balances / norm[:, None], given / norm, target, curvature / top, bottom, roof, joint
    )
    start = np.where(np.isnan(near[:, free]), typical, near[:, free]) / typical
    y, done = problem.solve(start)
    if not done.all():
        _refuse(problem, int(np.flatnonzero(~done)[0]))
    x = np.where(fixed[:count], value, 0.0)
    x[:, free] = np.clip(y, bottom, roof) * typical
    near_bound = 1e-11 * np.abs(x).max(axis=1, keepdims=True, initial=0.0)
    x = np.where(x - low < near_bound, np.where(np.isfinite(low), low, x), x)
    return x + 0.0


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

"""Bounds of measured quantities, reached or left in turns, for many cells at once.

A measured quantity that would lie beyond a bound is taken as (nearly) exact
there; one that its force pulls back inside is released.  Where nothing changes
any more, the conditions of Kuhn and Tucker hold and the answer is the optimum
(Hintermüller, Ito, Kunisch 2003, doi:10.1137/S1052623401383558).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.reconciliation.elimination import Array
from mfa.reconciliation.least_squares import adjust

ROUNDS = 30
"""Cells that have not settled then are left to a quadratic program."""

HELD = 1e-6
"""A quantity at its bound keeps this share of its uncertainty."""


def active_set(
    matrix: Any, value: Array, sd: Array, low: Array, high: Array, **settings: Any
) -> tuple[Array, NDArray[np.bool_]]:
    """Return values (cell, column) within the bounds of what is measured, and which cells settled.

    Parameters
    ----------
    matrix : array (balance, column)
    value, sd : arrays (cell, column)
    low, high : arrays (column,)
    settings
        `right` and `scale` of :func:`adjust`.
    """
    free = ~np.isnan(value) & (sd > 0)
    at_low = np.zeros(value.shape, dtype=bool)
    at_high = np.zeros(value.shape, dtype=bool)
    found = np.full(value.shape, np.nan)
    settled = np.zeros(len(value), dtype=bool)
    moving = np.arange(len(value))
    for _ in range(ROUNDS):
        down, up, own = at_low[moving], at_high[moving], sd[moving]
        data = np.where(down, low, np.where(up, high, value[moving]))
        spread = np.where(down | up, HELD * own, own)
        x, force = _solve(matrix, data, spread, settings)
        with np.errstate(divide="ignore", invalid="ignore"):
            pull = (x - value[moving]) / own**2 + force  # the multiplier of a bound
            slack = 1e-9 * np.nanmax(np.abs(x), axis=1, keepdims=True)
            new_down = free[moving] & np.where(down, pull > 0, ~up & (x < low - slack))
            new_up = free[moving] & np.where(up, pull < 0, ~down & (x > high + slack))
        same = ((new_down == down) & (new_up == up)).all(axis=1)
        at_low[moving], at_high[moving] = new_down, new_up
        found[moving] = x
        settled[moving[same]] = True
        moving = moving[~same]
        if not moving.size:
            break
    known = ~np.isnan(found)
    reach = 1e-9 * np.nanmax(np.abs(found), axis=1, initial=1e-300)[:, None]
    with np.errstate(invalid="ignore"):
        outside = known & ((found < low - reach) | (found > high + reach))
    inside = np.where(free, np.clip(found, low, high), found)
    return inside, settled & ~outside.any(axis=1)


def _solve(matrix: Any, data: Array, spread: Array, settings: Any) -> tuple[Array, Array]:
    """Return values, and the force of the balances on each measured quantity."""
    found = adjust(matrix, data, spread, spreads=False, **settings)
    with np.errstate(divide="ignore", invalid="ignore"):
        return found.value, -found.adjustment / spread**2

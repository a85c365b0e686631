"""Sums of survival and series in tiles, eight series and eight years at a time, and their solution.

Compiled by numba; see :mod:`mfa.loops`, through which these loops are called.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfa.vectors import LANES, compiled, load, splat, store, turn, where_below

Array = NDArray[np.float64]
Flat = tuple[Array, int, int]
"""Rows in one line: its values, and how far apart in it rows and years are."""

YEARS = 8
"""Years that are summed at a time; :func:`_sum_tile` has as many sums."""


@compiled
def _sum_tile(inflow: Array, survival: Array, total: Array, first: int, cohorts: int) -> None:
    """Write total[t] = Σ_{c<cohorts} survival[t − c] · inflow[c] for YEARS years t from ``first``.

    All are rows of LANES series side by side, one vector a year, the survival with YEARS rows
    of zeros before age 0. Sums and ages stay in registers: each year of inflow and age of
    survival is loaded once.
    """
    age, place = LANES * (first + YEARS), LANES * first
    a0, a1 = load(survival, age), load(survival, age + LANES)
    a2, a3 = load(survival, age + 2 * LANES), load(survival, age + 3 * LANES)
    a4, a5 = load(survival, age + 4 * LANES), load(survival, age + 5 * LANES)
    a6, a7 = load(survival, age + 6 * LANES), load(survival, age + 7 * LANES)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = splat(0.0)
    for c in range(cohorts):
        x = load(inflow, LANES * c)
        s0, s1, s2, s3 = s0 + x * a0, s1 + x * a1, s2 + x * a2, s3 + x * a3
        s4, s5, s6, s7 = s4 + x * a4, s5 + x * a5, s6 + x * a6, s7 + x * a7
        a1, a2, a3, a4, a5, a6, a7 = a0, a1, a2, a3, a4, a5, a6
        age -= LANES
        a0 = load(survival, age)
    store(total, place, s0)
    store(total, place + LANES, s1)
    store(total, place + 2 * LANES, s2)
    store(total, place + 3 * LANES, s3)
    store(total, place + 4 * LANES, s4)
    store(total, place + 5 * LANES, s5)
    store(total, place + 6 * LANES, s6)
    store(total, place + 7 * LANES, s7)


@compiled
def _side_by_side(source: Flat, first: int, lanes: int, years: int, out: Array, place: int) -> None:
    """Write rows from the first on into the lanes of ``out``, one vector a year from ``place`` on.

    Where the years are next to each other whole tiles are turned, and the last may reach beyond
    its year: into the row that follows.
    """
    values, apart, step = source
    at = apart * first
    if step == 1 and values.size >= at + apart * LANES + YEARS:
        for t in range(0, years, YEARS):
            turn(values, at + t, apart, out, place + LANES * t, LANES)
    elif apart == 1 and lanes == LANES:
        for t in range(years):
            store(out, place + LANES * t, load(values, at + step * t))
    else:
        for lane in range(lanes):
            for t in range(years):
                out[place + LANES * t + lane] = values[at + apart * lane + step * t]


@compiled
def _put_back(source: Array, first: int, lanes: int, years: int, out: Flat) -> None:
    """Do the reverse; what reaches beyond the last year is written over by the rows that follow."""
    values, apart, step = out
    at = apart * first
    if step == 1 and values.size >= at + apart * LANES + YEARS:
        for t in range((years - 1) // YEARS * YEARS, -1, -YEARS):
            turn(source, LANES * t, LANES, values, at + t, apart)
    elif apart == 1 and lanes == LANES:
        for t in range(years):
            store(values, at + step * t, load(source, LANES * t))
    else:
        for lane in range(lanes):
            for t in range(years):
                values[at + apart * lane + step * t] = source[LANES * t + lane]


def _flat(values: Array) -> Flat:
    """Return rows, one after the other in memory or year by year, as one line and its two steps."""
    rows, years = values.shape
    if values.flags.c_contiguous:
        return values.reshape(-1), years, 1
    return values.T.reshape(-1), 1, rows


def convolve(inflow: Array, survival: Array, out: Array) -> None:
    """Write Σ_c survival[n, t − c] · inflow[n, c] into out[n, t]."""
    _convolve(*out.shape, _flat(inflow), _flat(survival), _flat(out), (np.empty(0), 0, 0))


def balance(inflow: Array, survival: Array, stock: Array, leaving: Array) -> bool:
    """Do that for the stock, and write inflow − (stock − stock of the year before) too.

    Returns whether some of what leaves is negative: rounding, or an inflow below 0.
    """
    rows = _flat(inflow), _flat(survival), _flat(stock), _flat(leaving)
    return bool(_convolve(*stock.shape, *rows) < 0)


@compiled
def _release_of_rows(
    inflow: Array, stock: Array, first: int, lanes: int, years: int, leaving: Array, room: Array
) -> float:
    """Fill rows of ``leaving`` by balance, and return the sum of what is negative.

    The years of a row are next to each other; its stock has just been put there.
    """
    below, rest = splat(0.0), 0.0
    for at in range(first * years, (first + lanes) * years, years):
        leaving[at] = inflow[at] - stock[at]
        rest += min(leaving[at], 0.0)
        end = at + 1 + (years - 1) // LANES * LANES
        for t in range(at + 1, end, LANES):
            released = load(inflow, t) - (load(stock, t) - load(stock, t - 1))
            store(leaving, t, released)
            below = below + where_below(released, 0.0, released)
        for t in range(end, at + years):
            leaving[t] = inflow[t] - (stock[t] - stock[t - 1])
            rest += min(leaving[t], 0.0)
    store(room, 0, below)
    return rest + float(room[:LANES].sum())


@compiled
def _release(entering: Array, total: Array, years: int, leaving: Array) -> float:
    """Fill ``leaving`` by balance, and return the sum of what is negative."""
    below, before = splat(0.0), splat(0.0)
    for place in range(0, LANES * years, LANES):
        now = load(total, place)
        released = load(entering, place) - (now - before)
        store(leaving, place, released)
        below, before = below + where_below(released, 0.0, released), now
    store(total, 0, below)  # the stock of the tile has been put back
    return float(total[:LANES].sum())


@compiled
def _convolve(
    rows: int, years: int, inflow: Flat, survival: Flat, out: Flat, leaving: Flat
) -> float:
    """Return the sum of the negative values of ``leaving``, which stays empty where not wanted."""
    padded = (years + YEARS - 1) // YEARS * YEARS
    entering, total = np.zeros(padded * LANES), np.zeros(padded * LANES)
    alive, released = np.zeros((padded + YEARS) * LANES), np.zeros(padded * LANES)
    wanted, below = leaving[0].size > 0, 0.0
    for first in range(0, rows, LANES):
        lanes = min(LANES, rows - first)
        _side_by_side(inflow, first, lanes, years, entering, 0)
        _side_by_side(survival, first, lanes, years, alive, LANES * YEARS)
        for tile in range(0, padded, YEARS):
            _sum_tile(entering, alive, total, tile, tile + YEARS)
        _put_back(total, first, lanes, years, out)
        if wanted and inflow[2] == 1 and out[2] == 1:
            below += _release_of_rows(inflow[0], out[0], first, lanes, years, leaving[0], total)
        elif wanted:
            below += _release(entering, total, years, released)
            _put_back(released, first, lanes, years, leaving)
    return below


def deconvolve(stock: Array, survival: Array, out: Array) -> None:
    """Write the inflow out[n, c] with Σ_c survival[n, t − c] · out[n, c] = stock[n, t]."""
    _deconvolve(*out.shape, _flat(stock), _flat(survival), _flat(out))


@compiled
def _deconvolve(rows: int, years: int, stock: Flat, survival: Flat, out: Flat) -> None:
    """Sum a tile of years over all cohorts before it, then solve it year by year."""
    padded = (years + YEARS - 1) // YEARS * YEARS
    missing, entering = np.zeros(padded * LANES), np.zeros(padded * LANES)
    alive, kept = np.zeros((padded + YEARS) * LANES), np.zeros(padded * LANES)
    for first in range(0, rows, LANES):
        lanes = min(LANES, rows - first)
        _side_by_side(stock, first, lanes, years, missing, 0)
        _side_by_side(survival, first, lanes, years, alive, LANES * YEARS)
        now = splat(1.0) / load(alive, LANES * YEARS)
        for tile in range(0, padded, YEARS):
            _sum_tile(entering, alive, kept, tile, tile)
            for t in range(LANES * tile, LANES * (tile + YEARS), LANES):
                new = (load(missing, t) - load(kept, t)) * now
                store(entering, t, new)
                age = LANES * (YEARS + 1)
                for later in range(t + LANES, LANES * (tile + YEARS), LANES):
                    store(kept, later, load(kept, later) + new * load(alive, age))
                    age += LANES
        _put_back(entering, first, lanes, years, out)

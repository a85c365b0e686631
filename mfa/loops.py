"""The hot loops of :mod:`mfa.kernels` compiled by numba (extra ``fast``), on rows of series.

Imported through :mod:`mfa.compiled` only, where numba is installed and the work
is large enough to pay for it. Every function changes ``out`` alone, releases the lock of
the interpreter and adds in the order of the years, as the loops in numpy do.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from mfa.lifetime_laws import HALVINGS, LEAST, logarithms
from mfa.tiles import balance, convolve, deconvolve
from mfa.vectors import LANES, compiled, half_to, limited, load, store, where_below

__all__ = [
    "balance",
    "convolve",
    "deconvolve",
    "from_table",
    "in_threads",
    "over_cohorts",
    "tables",
    "weibull_table",
]

Array = NDArray[np.float64]

WORK_OF_A_THREAD = 2**20
"""Terms of a sum for which a thread is worth starting."""

BITS_LEFT = -float(np.log2(LEAST))
"""Halvings from which on the survival is 0."""

LOG_BITS_LEFT = float(np.log2(BITS_LEFT))

MOST = 1000.0
"""The largest exponent that is taken, either way."""


@compiled
def _relative_to(power: float, head: Array, rest: Array, out: Array) -> None:
    """Write log₂(ages / 2^power), of log₂(ages) in two halves."""
    for a in range(head.size):
        out[a] = (head[a] - power) + rest[a]


@compiled
def _alive(halvings: Any) -> Any:
    """Return 2^−halvings, and 0 where next to nothing is left."""
    return where_below(halvings, BITS_LEFT, half_to(halvings))


@compiled
def _halvings(shape: Any, scale: Any, age: Any) -> Any:
    """Return (age/scale)^shape / ln 2, of logarithms: as often a Weibull lifetime has halved."""
    return half_to(limited(shape * (scale - age) - HALVINGS, MOST))


def weibull_table(ages: Array, shape: Array, scale: Array) -> Array:
    """Return exp(−(ages/scale)^shape), shape (..., age), of parameters (..., 1)."""
    room = np.empty(shape.size * ages.size + LANES)
    told = logarithms(scale.reshape(-1, 1), ages)
    _fill_weibull(shape.flatten(), told[0][:, 0], *told[1:], room)
    return room[:-LANES].reshape(*shape.shape[:-1], ages.size)


@compiled
def _fill_weibull(
    shape: Array, scale: Array, power: Array, age: Array, age_rest: Array, out: Array
) -> None:
    """Fill row by row: the last vector of a row reaches into the next, which comes after it."""
    ages = age.size
    base = np.zeros(ages + LANES)
    for n in range(shape.size):
        _relative_to(power[n], age, age_rest, base)
        for a in range(0, ages, LANES):
            store(out, n * ages + a, _alive(_halvings(shape[n], scale[n], load(base, a))))


@compiled
def _add_future(total: Array, padded: int, place: int, value: Array, alive: Any) -> None:
    """Add value · alive to eight years of the total of each member."""
    for m in range(value.size):
        at = m * padded + place
        store(total, at, load(total, at) + value[m] * alive)


@compiled
def over_cohorts(
    series: Array,
    shape: Array,
    scale: Array,
    power: Array,
    age: Array,
    age_rest: Array,
    solve: bool,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Add or solve cohort after cohort of Weibull lifetimes; a survival is forgotten when used.

    ``series`` and ``out`` are (rows, members, year); the members of a row share its lifetimes.
    Shape and scale, the latter as its logarithm, are (row, cohort); see :func:`logarithms`.
    ``solve``: series is the stock and out the inflow; else the reverse. Where one shape holds
    for all cohorts of a row the hazard is a product, scaled[age] · level[cohort].
    """
    _, members, years = series.shape
    padded = years + 2 * LANES
    base, scaled, level, scales, shapes, entry = (
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
        np.zeros(padded),
    )
    total, value = np.zeros(members * padded), np.zeros(members)
    for n in range(first, last):
        _relative_to(power[n], age, age_rest, base)
        shapes[:years], scales[:years] = shape[n], scale[n]
        steep, least, most, one_shape = shapes[0], scales[0], scales[0], True
        for c in range(years):
            least, most = min(least, scales[c]), max(most, scales[c])
            one_shape = one_shape and shapes[c] == steep
        one_shape = one_shape and steep * (most - least) < 860.0
        middle = (least + most) / 2.0
        for c in range(0, years, LANES):
            if one_shape:
                store(scaled, c, _halvings(steep, middle, load(base, c)))
                z = limited(steep * (load(scales, c) - middle), MOST)
                store(level, c, half_to(z))
                store(entry, c, _alive(scaled[0] * load(level, c)))
            else:
                store(entry, c, _alive(_halvings(load(shapes, c), load(scales, c), base[0])))
        for m in range(members):
            for t in range(years):
                total[m * padded + t] = series[n, m, t] if solve else 0.0
        left = 0
        for c in range(years):
            for m in range(members):
                if solve:
                    out[n, m, c] = total[m * padded + c] / entry[c]
                    value[m] = -out[n, m, c]
                else:
                    value[m] = series[n, m, c]
            left = min(left, years - c)
            if one_shape:
                while left < years - c and scaled[left] * level[c] < BITS_LEFT:
                    left += 1
                while left > 0 and scaled[left - 1] * level[c] >= BITS_LEFT:
                    left -= 1
                for a in range(0, left, LANES):
                    alive = _alive(level[c] * load(scaled, a))
                    _add_future(total, padded, c + a, value, alive)
            else:
                steep, middle = shapes[c], scales[c]
                log_left = LOG_BITS_LEFT - HALVINGS
                while left < years - c and steep * (base[left] - middle) < log_left:
                    left += 1
                while left > 0 and steep * (base[left - 1] - middle) >= log_left:
                    left -= 1
                for a in range(0, left, LANES):
                    alive = _alive(_halvings(steep, middle, load(base, a)))
                    _add_future(total, padded, c + a, value, alive)
        if not solve:
            for m in range(members):
                for t in range(years):
                    out[n, m, t] = total[m * padded + t]


@compiled
def from_table(series: Array, table: Array, solve: bool, out: Array, first: int, last: int) -> None:
    """Do the work of :func:`over_cohorts` with survival from a table, (row, cohort, age)."""
    _, members, years = series.shape
    total = np.zeros((members, years))
    for n in range(first, last):
        for m in range(members):
            for t in range(years):
                total[m, t] = series[n, m, t] if solve else 0.0
        for c in range(years):
            alive = table[n, c]
            for m in range(members):
                future = total[m, c:]
                if solve:
                    value = future[0] / alive[0]
                    out[n, m, c] = value
                    for a in range(1, years - c):
                        future[a] -= value * alive[a]
                else:
                    value = series[n, m, c]
                    for a in range(years - c):
                        future[a] += value * alive[a]
        if not solve:
            out[n] = total


@compiled
def tables(
    survival: Array, inflow: Array, stock: Array, outflow: Array, first: int, last: int
) -> None:
    """Fill stock and outflow [year, cohort, series] from survival [age, series], inflow [year, series]."""
    for t in range(first, last):
        for c in range(t + 1):
            entered, now, kept = inflow[c], survival[t - c], stock[t, c]
            left = outflow[t, c]
            if c == t:
                for n in range(entered.size):
                    kept[n] = entered[n] * now[n]
                    left[n] = entered[n] - kept[n]
            else:
                before = survival[t - c - 1]
                for n in range(entered.size):
                    kept[n] = entered[n] * now[n]
                    left[n] = entered[n] * before[n] - kept[n]


def in_threads(loop: Callable[..., None], rows: int, work: int, *given: Any) -> None:
    """Share the rows of a loop out among threads where each has work for a millisecond or more.

    The threads end with the call: nothing is left that a later fork could lose.
    """
    count = min(numba.get_num_threads(), rows, max(1, work // WORK_OF_A_THREAD))
    if count == 1:
        return loop(*given, 0, rows)
    edges = [rows * i // (4 * count) for i in range(4 * count + 1)]
    with ThreadPoolExecutor(count) as pool:
        for part in [pool.submit(loop, *given, *ends) for ends in pairwise(edges)]:
            part.result()

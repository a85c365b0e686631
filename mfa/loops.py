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
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

Array = NDArray[np.float64]

LANES, YEARS = 8, 8
"""Series that are summed side by side, and years at a time."""

WORK_OF_A_THREAD = 2**20
"""Terms of a sum for which a thread is worth starting."""

NOTHING_LEFT = -float(np.log(1e-299))
"""Cumulated hazard from which on the survival is 0 (as in :mod:`mfa.survival`)."""

LOG_NOTHING_LEFT = float(np.log(NOTHING_LEFT))


def _compiled(function: Callable[..., Any]) -> Any:
    # contract: a·b + c in one rounding; nothing is reordered, no NaN or zero is assumed away
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to write the cache
        return numba.njit(**options)(function)


@_compiled
def _exp(x: float) -> float:
    """Return eˣ for −700 < x < 700 within 1.5 units in the last place, so that loops vectorise."""
    shifted = x * 1.4426950408889634 + 6755399441055744.0  # the low bits hold round(x / ln 2)
    power = (np.float64(shifted).view(np.int64) + 1023) << 52
    whole = shifted - 6755399441055744.0
    r = (x - whole * 6.93147180369123816490e-01) - whole * 1.90821492927058770002e-10
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return (1.0 + (r + r * r * p)) * np.int64(power).view(np.float64)


def weibull_table(shape: Array, scale: Array, ages: Array) -> Array:
    """Return exp(−(ages/scale)^shape), shape (..., age), of parameters (..., 1)."""
    table = np.empty((*shape.shape[:-1], ages.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        halves = [_two_halves(np.log(np.asarray(v, np.longdouble))) for v in (ages, scale.ravel())]
    _fill_weibull(shape.flatten(), *halves[1], *halves[0], table.reshape(-1, ages.size))
    return table


def _two_halves(exact: Any) -> tuple[Array, Array]:
    """Divide into a double and what it lacks, so that a difference of logarithms keeps its digits."""
    head = exact.astype(float)
    rest = np.where(np.isfinite(head), exact - head, 0.0)
    return head, rest.astype(float)


@_compiled
def _fill_weibull(
    shape: Array, scale: Array, scale_rest: Array, age: Array, age_rest: Array, out: Array
) -> None:
    hazard = np.zeros(age.size)
    for n in range(shape.size):
        steep, middle, rest = shape[n], scale[n], scale_rest[n]
        left = age.size
        while left > 0 and steep * (age[left - 1] - middle) >= LOG_NOTHING_LEFT:
            left -= 1
        row = out[n]
        for a in range(left):
            z = steep * ((age[a] - middle) + (age_rest[a] - rest))
            hazard[a] = -_exp(z if z > -NOTHING_LEFT else -NOTHING_LEFT)
        for a in range(left):
            row[a] = _exp(hazard[a])
        for a in range(left, age.size):
            row[a] = 0.0


@_compiled
def _add_eight(total: Array, first: int, x: Array, alive: Array) -> None:
    """Add to total[first:] the futures of x[first … first + 7]; alive has 7 zeros before age 0."""
    x0, x1, x2, x3 = x[first], x[first + 1], x[first + 2], x[first + 3]
    x4, x5, x6, x7 = x[first + 4], x[first + 5], x[first + 6], x[first + 7]
    future = total[first:]
    for i in range(future.size):
        future[i] += (
            x0 * alive[i + 7] + x1 * alive[i + 6] + x2 * alive[i + 5] + x3 * alive[i + 4]
        ) + (x4 * alive[i + 3] + x5 * alive[i + 2] + x6 * alive[i + 1] + x7 * alive[i])


@intrinsic
def _sum_tile(
    context: Any, inflow: Any, survival: Any, total: Any, first: Any
) -> tuple[Any, Callable[..., Any]]:
    """Write total[t] = Σ_{c≤t} survival[t − c] · inflow[c] for YEARS years t from ``first`` on.

    All are (year, LANES) arrays, LANES series side by side, one vector a year; the survival has
    YEARS rows of zeros before age 0. Sums stay in registers, and each year of inflow and age of
    survival is loaded once: no compiler finds this in a loop of Python.
    """

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        vector, whole = ir.VectorType(ir.DoubleType(), LANES), ir.IntType(64)
        start = given[3]
        x, alive, sums = (
            ctx.make_array(kind)(ctx, build, value).data
            for kind, value in zip(signature.args[:3], given[:3], strict=True)
        )

        def place(array: Any, row: Any) -> Any:
            cell = build.gep(array, [build.mul(row, whole(LANES))])
            return build.bitcast(cell, vector.as_pointer())

        def load(array: Any, row: Any) -> Any:
            return build.load(place(array, row), align=8)

        age = build.add(start, whole(YEARS))
        older = [load(alive, build.add(age, whole(j))) for j in range(1, YEARS)]
        before, loop, after = (
            build.block,
            build.append_basic_block("cohorts"),
            build.append_basic_block("done"),
        )
        build.branch(loop)
        build.position_at_end(loop)
        cohort = build.phi(whole)
        kept, ages = ([build.phi(vector) for _ in range(n)] for n in (YEARS, YEARS - 1))
        cohort.add_incoming(whole(0), before)
        for phi in kept:
            phi.add_incoming(ir.Constant(vector, [0.0] * LANES), before)
        for phi, value in zip(ages, older, strict=True):
            phi.add_incoming(value, before)
        entering, now = load(x, cohort), [load(alive, build.sub(age, cohort)), *ages]
        exact = ("contract",)
        done = [
            build.fadd(phi, build.fmul(entering, share, flags=exact), flags=exact)
            for phi, share in zip(kept, now, strict=True)
        ]
        following = build.add(cohort, whole(1))
        cohort.add_incoming(following, loop)
        for phi, value in zip([*kept, *ages], [*done, *now[:-1]], strict=True):
            phi.add_incoming(value, loop)
        more = build.icmp_signed("<", following, build.add(start, whole(YEARS)))
        build.cbranch(more, loop, after)
        build.position_at_end(after)
        for j, value in enumerate(done):
            build.store(value, place(sums, build.add(start, whole(j))), align=8)
        return ctx.get_dummy_value()

    return types.void(inflow, survival, total, first), code


@_compiled
def convolve(inflow: Array, survival: Array, out: Array) -> None:
    """Write Σ_c survival[n, t − c] · inflow[n, c] into out[n, t]."""
    rows, years = inflow.shape
    padded = (years + YEARS - 1) // YEARS * YEARS
    entering, total = np.zeros((padded, LANES)), np.zeros((padded, LANES))
    alive = np.zeros((padded + YEARS, LANES))
    for first in range(0, rows, LANES):
        lanes = min(LANES, rows - first)
        for lane in range(lanes):
            for t in range(years):
                entering[t, lane] = inflow[first + lane, t]
                alive[YEARS + t, lane] = survival[first + lane, t]
        for tile in range(padded // YEARS):
            _sum_tile(entering, alive, total, YEARS * tile)  # type: ignore[call-arg]
        for lane in range(lanes):
            for t in range(years):
                out[first + lane, t] = total[t, lane]


@_compiled
def deconvolve(stock: Array, survival: Array, out: Array) -> None:
    """Write the inflow out[n, c] with Σ_c survival[n, t − c] · out[n, c] = stock[n, t]."""
    rows, years = stock.shape
    padded = (years + 7) // 8 * 8
    alive, entering, missing = np.zeros(padded + 8), np.zeros(padded), np.zeros(padded)
    for n in range(rows):
        for t in range(years):
            alive[t + 7], missing[t] = survival[n, t], stock[n, t]
        for block in range(padded // 8):
            first = 8 * block
            for t in range(first, min(first + 8, years)):
                kept = 0.0
                for c in range(first, t):
                    kept += entering[c] * alive[t - c + 7]
                out[n, t] = (missing[t] + kept) / alive[7]
                entering[t] = -out[n, t]
            _add_eight(missing, first, entering, alive)


@_compiled
def over_cohorts(
    series: Array,
    table: NDArray[Any],
    slope: Array,
    level: Array,
    ages: Array,
    solve: bool,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Add or solve one cohort after another, the survival of each being made once and forgotten.

    ``series`` and ``out`` are (rows, members, year); the members of a row share its lifetimes.
    The survival is ``table[row, cohort, age]`` if there is a table; without ``ages``
    exp(−slope[row, age] · level[row, cohort]); else exp(−exp(slope[row, cohort] · (ages[age] −
    level[row, cohort]))), of logarithms of ages and scales. ``solve``: series is the stock and
    out the inflow; else the reverse.
    """
    _, members, years = series.shape
    alive, total = np.zeros(years), np.zeros((members, years))
    for n in range(first, last):
        for m in range(members):
            for t in range(years):
                total[m, t] = series[n, m, t] if solve else 0.0
        for c in range(years):
            left = years - c
            if table.size:
                for a in range(left):
                    alive[a] = table[n, c, a]
            elif not ages.size:
                factor, power = -level[n, c], slope[n]
                while left > 0 and factor * power[left - 1] <= -NOTHING_LEFT:
                    left -= 1
                for a in range(left):
                    alive[a] = _exp(factor * power[a])
            else:
                steep, middle = slope[n, c], level[n, c]
                while left > 0 and steep * (ages[left - 1] - middle) >= LOG_NOTHING_LEFT:
                    left -= 1
                for a in range(left):
                    z = steep * (ages[a] - middle)
                    alive[a] = -_exp(z if z > -NOTHING_LEFT else -NOTHING_LEFT)
                for a in range(left):
                    alive[a] = _exp(alive[a])
            for m in range(members):
                future = total[m, c:]
                if solve:
                    value = future[0] / alive[0]
                    out[n, m, c] = value
                    for a in range(1, left):
                        future[a] -= value * alive[a]
                else:
                    value = series[n, m, c]
                    for a in range(left):
                        future[a] += value * alive[a]
        if not solve:
            for m in range(members):
                for t in range(years):
                    out[n, m, t] = total[m, t]


@_compiled
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

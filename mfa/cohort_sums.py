"""Survival cohort by cohort: sums over cohorts, their solution, and tables of cohorts.

Lifetimes that differ by year of entry are taken one cohort after another, and their survival is
forgotten when it has been used; tables are made on request only.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import ArrayLike, NDArray

from mfa.compiled import loops
from mfa.errors import MfaError
from mfa.lifetime_laws import logarithms
from mfa.sums import ROOM, Groups, plain

Array = NDArray[np.float64]


class Streamed(Protocol):
    """Survival by cohort that tells one cohort at a time (:class:`mfa.cohort_survival.CohortSurvival`)."""

    count: int

    @property
    def lead(self) -> tuple[int, ...]: ...

    @property
    def weibull(self) -> tuple[Array, Array, Array] | None: ...

    def of(self, cohort: int, ages: int, room: Array | None = None) -> Array: ...

    def at_entry(self) -> Array: ...

    def with_axes(self, lead: tuple[int, ...]) -> Streamed: ...


def over_cohorts(series: Array, alive: Any, solve: bool) -> Array:
    """Take cohort after cohort: (solve for it,) add or subtract its whole future, forget it."""
    count = series.shape[-1]
    whole = (*np.broadcast_shapes(series.shape[:-1], lead_of(alive, True)), count)
    alive = _with_axes(alive, len(whole) - 1)
    lead = lead_of(alive, True)
    work = math.prod(lead) * count * count // 2
    compiled = loops(work)
    laws = alive.weibull if compiled is not None and is_streamed(alive) else None
    if compiled is not None and (laws is not None or not is_streamed(alive)):
        groups = Groups(series, lead)
        told = np.broadcast_to(groups.series, (math.prod(lead), *groups.series.shape[1:]))
        told, out = plain(told), np.empty(told.shape)
        if laws is None:
            table = plain(alive.reshape(-1, count, count))
            compiled.in_threads(compiled.from_table, len(told), work, told, table, solve, out)
        else:
            shape, scale = (each.reshape(-1, count) for each in laws[:2])
            given = told, np.array(shape, order="C"), *logarithms(scale, laws[2])
            compiled.in_threads(compiled.over_cohorts, len(told), work, *given, solve, out)
        return groups.put_back(out)
    # years first, and in memory as the survival is: cohorts in a row of a table, or a row each
    if is_streamed(alive):
        left, room = np.zeros((count, *whole[:-1])), np.empty((count, *lead))
    else:
        left, room = np.moveaxis(np.zeros(whole), -1, 0), None
    entering = _years_first(series, len(whole) - 1)
    if solve:
        left += entering
    for cohort in range(count):
        future, later = _of_cohort(alive, cohort, count - cohort, room), left[cohort:]
        if solve:
            later[0] /= future[0]
            later[1:] -= _times(future[1:], later[0], room is not None)
        else:
            later += _times(future, entering[cohort], room is not None)
    return np.moveaxis(left, 0, -1)


def _times(future: Array, value: Array, in_place: bool) -> Array:
    in_place = in_place and future.ndim == value.ndim + 1 and future.shape[1:] == value.shape
    return np.multiply(future, value, out=future if in_place else None)


def _of_cohort(alive: Any, cohort: int, ages: int, room: Array | None = None) -> Array:
    """Return the survival of one cohort, (age, ...)."""
    if is_streamed(alive):
        return alive.of(cohort, ages, room)
    return np.moveaxis(alive[..., cohort, :ages], -1, 0)


def tables(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool, with_outflow: bool
) -> tuple[Array, Array]:
    """Return (..., year, cohort) tables, of which the last two axes come first in memory."""
    series, alive = aligned(inflow, survival, by_cohort)
    by_cohort = by_cohort or is_streamed(alive)
    lead = np.broadcast_shapes(series.shape[:-1], lead_of(alive, by_cohort))
    entering = _years_first(np.broadcast_to(series, (*lead, series.shape[-1])), len(lead))
    if by_cohort:
        tables = _tables_of_cohorts(_with_axes(alive, len(lead)), entering, with_outflow)
    else:
        tables = _tables_by_age(_years_first(alive, len(lead)), entering, with_outflow)
    stock, outflow = (table.transpose(*range(2, table.ndim), 0, 1) for table in tables)
    return stock, outflow


def _tables_of_cohorts(alive: Any, entering: Array, with_outflow: bool) -> tuple[Array, Array]:
    """Fill the stock cohort by cohort; what leaves follows by balance."""
    count = len(entering)
    stock = np.zeros((count, *entering.shape))
    outflow = np.zeros(stock.shape if with_outflow else (0, 0))
    for cohort in range(count):
        future = _of_cohort(alive, cohort, count - cohort)
        np.multiply(future, entering[cohort], out=stock[cohort:, cohort])
    if with_outflow:
        for year in range(1, count):
            before, now = stock[year - 1, :year], stock[year, :year]
            np.subtract(before, now, out=outflow[year, :year])
        same = np.arange(count)
        outflow[same, same] = entering - stock[same, same]
    return stock, outflow


def _tables_by_age(ages: Array, entering: Array, with_outflow: bool) -> tuple[Array, Array]:
    """Fill tables year by year; what leaves of a cohort is what its survival falls by."""
    shape = (len(entering), *entering.shape)
    compiled = loops(math.prod(shape) // 2) if with_outflow else None
    if compiled is not None:
        stock, outflow = np.zeros(shape), np.zeros(shape)
        lives = np.ascontiguousarray(np.broadcast_to(ages, entering.shape))
        rows = [values.reshape(len(lives), -1) for values in (lives, entering)]
        full = [values.reshape(*shape[:2], -1) for values in (stock, outflow)]
        compiled.in_threads(compiled.tables, len(lives), stock.size // 2, *rows, *full)
        return stock, outflow
    if not with_outflow:
        return _times_age(ages, entering), np.zeros((0, 0))
    shares = np.empty((2, *ages.shape))
    alive, leaving = shares
    alive[...] = ages
    np.subtract(1.0, ages[:1], out=leaving[:1])
    np.subtract(ages[:-1], ages[1:], out=leaving[1:])
    if math.prod(shape) > ROOM:
        return _times_age(alive, entering), _times_age(leaving, entering)
    # one block of memory: of two the C library gives the freed pages back after every call
    stock, outflow = _times_ages(shares, entering)
    return stock, outflow


def _times_ages(shares: Array, entering: Array) -> Array:
    """Return several tables of :func:`_times_age`, (table, year, cohort, ...), at once."""
    tables, count, *rest = shares.shape
    padded = np.zeros((tables, 2 * count - 1, *rest))
    padded[:, :count] = shares[:, ::-1]
    apart, step, *inner = padded.strides
    by_cohort = as_strided(
        padded[:, count - 1 :], (tables, count, count, *rest), (apart, -step, step, *inner)
    )
    return np.asarray(by_cohort * entering)


def _times_age(share: Array, entering: Array) -> Array:
    """Return share[year − cohort] · entering[cohort], (year, cohort, ...), 0 before entry."""
    count = len(entering)
    if entering.size * count <= ROOM:
        return np.asarray(_times_ages(share[np.newaxis], entering)[0])
    table = np.zeros((count, *entering.shape))
    for year in range(count):
        np.multiply(share[year::-1], entering[: year + 1], out=table[year, : year + 1])
    return table


def _years_first(values: Array, lead: int) -> Array:
    """Return (..., year) as a contiguous (year, ...) with as many leading axes as told."""
    whole = values.reshape((1,) * (lead + 1 - values.ndim) + values.shape)
    return np.ascontiguousarray(whole.transpose(lead, *range(lead)))


def is_streamed(alive: Any) -> TypeGuard[Streamed]:
    return hasattr(alive, "of")


def lead_of(alive: Any, by_cohort: bool) -> tuple[int, ...]:
    """Return the shape of the survival before its ages (and cohorts)."""
    if is_streamed(alive):
        return alive.lead
    return tuple(alive.shape[:-2] if by_cohort else alive.shape[:-1])


def _with_axes(alive: Any, lead: int) -> Any:
    """Return survival by cohort with as many leading axes as told."""
    own = lead_of(alive, True)
    wide = (1,) * (lead - len(own)) + own
    return alive.with_axes(wide) if is_streamed(alive) else alive.reshape(*wide, *alive.shape[-2:])


def aligned(series: ArrayLike, survival: Any, by_cohort: bool) -> tuple[Array, Any]:
    """Return both as float arrays, with as many ages (and cohorts) as there are years."""
    values = np.asarray(series, dtype=float)
    count = values.shape[-1]
    if is_streamed(survival):
        if survival.count != count:
            raise MfaError(f"survival has {survival.count} cohorts and ages, not {count} as years")
        return values, survival
    alive = np.asarray(survival, dtype=float)
    if alive.shape[-1] < count:
        raise MfaError(f"survival has {alive.shape[-1]} ages, fewer than the {count} years")
    if by_cohort and (alive.ndim < 2 or alive.shape[-2] != count):
        raise MfaError(f"survival of shape {alive.shape} needs {count} cohorts before its ages")
    return values, alive[..., :count]

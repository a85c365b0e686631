"""Cohort accounting on bare arrays: one implementation of each hot loop.

The last axis is the year (or the age); every other axis leads and broadcasts.
Survival is ``(..., age)``, or ``(..., cohort, age)`` with ``by_cohort=True``
where lifetimes differ by year of entry; ages count whole years since the year
of entry, stocks stand at the end of a year, flows are during it, and one step
is one year: uneven steps have no place here (:mod:`mfa.stocks` refuses their
labels). No argument is changed.

The structure chooses the algorithm. Series that share a lifetime are one
product with its triangular matrix; series with a lifetime each are summed in
blocks of years; lifetimes by cohort are taken one cohort after another, from a
table or from a :class:`mfa.cohort_survival.CohortSurvival`, of which no table is made.
Beside its result a call takes a few MiB, whatever the number of series. Where
numba is installed (extra ``fast``) large work runs in compiled loops
(:mod:`mfa.compiled`); the environment variable ``MFA_NUMBA=0`` keeps it in
numpy. Stocks of both agree to 1e-12 of their value, inflows that make a stock to
1e-12 of that stock, survival to 2e-12 of its value down to 1e-100 (below, to 1e-11).

Accuracy, tested against exact sums: inflow → stock errs by less than 1e-14 of
each stock where inflows are 0 or more, so a small inflow beside a huge one, and
growth over any number of decades, keep their digits: nothing is transformed.
Stock → inflow gives an inflow whose stock is the given one to 5e-15 of the
largest stock so far. An outflow by balance errs by a few units in the last
place of the *stock*.
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

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""A negative outflow below this share of the stock is rounding, and set to 0."""

BLOCK = 32
"""Years that are summed at a time."""

SOLVED = 32
"""Years that are solved for at a time."""

PANEL = 64
"""The same where series share a lifetime: few large products of matrices."""

SHARED = 4
"""Series with one lifetime from which on a product of matrices is the faster sum."""

ROOM = 2**18
"""Values of a temporary array (2 MiB)."""


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


def stock_from_inflow(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool = False
) -> Array:
    """Return the stock at the end of each year: S[t] = Σ_c survival[t − c] · I[c].

    Parameters
    ----------
    inflow : array_like, shape (..., year)
        Mass that enters per year, e.g. [t/yr].
    survival : array_like, shape (..., age) or (..., cohort, age), or CohortSurvival
        Share still in use at the end of each year; ages 0, 1, … at least as many as years.
    by_cohort : bool
        Whether survival has an axis of cohorts (as many as years) before the ages.

    Returns
    -------
    array, shape (..., year), e.g. [t]

    Raises
    ------
    MfaError
        If there are fewer ages than years, or not as many cohorts.

    Examples
    --------
    >>> stock_from_inflow([1.0, 2.0, 3.0], [1.0, 0.5, 0.0]).tolist()
    [1.0, 2.5, 4.0]
    """
    entering, alive = _aligned(inflow, survival, by_cohort)
    if by_cohort or _is_streamed(alive):
        return _over_cohorts(entering, alive, solve=False)
    groups = _Groups(entering, alive.shape[:-1])
    lives = _plain(alive.reshape(-1, alive.shape[-1]))
    return groups.put_back(_summed(groups.series, lives))


def inflow_from_stock(
    stock: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool = False
) -> Array:
    """Return the inflow that yields a stock, by forward substitution over all series at once.

    I[t] = (S[t] − Σ_{c<t} survival[t − c] · I[c]) / survival[0], the exact inverse of
    :func:`stock_from_inflow`. Inflows are negative where a stock falls faster than it retires.

    Parameters
    ----------
    stock : array_like, shape (..., year)
        Mass in use at the end of each year, e.g. [t].
    survival : array_like, shape (..., age) or (..., cohort, age)
        As in :func:`stock_from_inflow`; must be above 0 at age 0.
    by_cohort : bool
        Whether survival has an axis of cohorts before the ages.

    Returns
    -------
    array, shape (..., year), e.g. [t/yr]

    Raises
    ------
    MfaError
        If nothing survives the year of entry in some series: no inflow could make the stock.

    Examples
    --------
    >>> inflow_from_stock([1.0, 2.5, 4.0], [1.0, 0.5, 0.0]).tolist()
    [1.0, 2.0, 3.0]
    """
    target, alive = _aligned(stock, survival, by_cohort)
    _require_survivors(alive)
    if by_cohort or _is_streamed(alive):
        return _over_cohorts(target, alive, solve=True)
    groups = _Groups(target, alive.shape[:-1])
    lives = _plain(alive.reshape(-1, alive.shape[-1]))
    return groups.put_back(_solved(groups.series, lives))


def outflow(inflow: ArrayLike, stock: ArrayLike, initial: ArrayLike | None = None) -> Array:
    """Return the outflow by balance: O[t] = I[t] − (S[t] − S[t−1]).

    Parameters
    ----------
    inflow, stock : array_like, shape (..., year)
        Mass per year, and mass at the end of the year.
    initial : array_like, shape (...), optional
        Stock before the first year; 0 where it is not given.

    Returns
    -------
    array, shape (..., year); negative rounding (below 1e-12 of the stock) is set to 0

    Examples
    --------
    >>> outflow([1.0, 2.0, 3.0], [1.0, 2.5, 4.0]).tolist()
    [0.0, 0.5, 1.5]
    """
    entering, standing = np.asarray(inflow, dtype=float), np.asarray(stock, dtype=float)
    before = np.zeros(()) if initial is None else np.asarray(initial, dtype=float)
    shape = np.broadcast_shapes(entering.shape, standing.shape, (*before.shape, standing.shape[-1]))
    leaving = np.empty_like(standing) if standing.shape == shape else np.empty(shape)
    if standing.shape == shape and standing.flags.c_contiguous and leaving.size:
        flat = standing.reshape(-1)  # one long loop; the first year of each series follows
        np.subtract(flat[1:], flat[:-1], out=leaving.reshape(-1)[1:])
    else:
        np.subtract(standing[..., 1:], standing[..., :-1], out=leaving[..., 1:])
    leaving[..., 0] = standing[..., 0] - before
    np.subtract(entering, leaving, out=leaving)
    if leaving.size and leaving.min() < 0:
        cells = np.nonzero(leaving < 0)
        size = sum(
            np.abs(np.broadcast_to(values, shape)[cells])
            for values in (standing, entering, before[..., np.newaxis])
        )
        leaving[cells] = np.where(leaving[cells] > -ROUNDING * size, 0.0, leaving[cells])
    return leaving


def release_from_history(
    inflow: ArrayLike,
    survival: ArrayLike | Streamed,
    year_index: int,
    by_cohort: bool = False,
) -> Array:
    """Return what leaves in one year of the inflows of earlier years.

    Σ_{c<t} (survival[t−1−c] − survival[t−c]) · I[c]; the release within the year of entry,
    (1 − survival[0]) · I[t], is not part of it. Inflows from year t on are not looked at.

    Parameters
    ----------
    inflow : array_like, shape (..., year)
        Mass that enters per year.
    survival : array_like, shape (..., age) or (..., cohort, age)
        As in :func:`stock_from_inflow`.
    year_index : int
        The year t, counted from 0.
    by_cohort : bool
        Whether survival has an axis of cohorts before the ages.

    Returns
    -------
    array, shape (...)

    Examples
    --------
    >>> float(release_from_history([4.0, 2.0, 0.0], [1.0, 0.75, 0.25], 2))
    2.5
    """
    by_cohort = by_cohort or _is_streamed(survival)
    entering, alive = np.asarray(inflow, dtype=float), np.asarray(survival, dtype=float)
    if year_index == 0:
        lead = alive.shape[:-2] if by_cohort else alive.shape[:-1]
        return np.zeros(np.broadcast_shapes(entering.shape[:-1], lead))
    before = at_year(alive, year_index - 1, by_cohort)
    after = at_year(alive, year_index, by_cohort)[..., :year_index]
    return _dot(entering[..., :year_index], before - after)


def stock_by_cohort(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool = False
) -> Array:
    """Return the stock of each cohort: S[t, c] = survival[t − c] · I[c], 0 before entry.

    Parameters
    ----------
    inflow, survival, by_cohort
        As in :func:`stock_from_inflow`.

    Returns
    -------
    array, shape (..., year, cohort)

    Examples
    --------
    >>> stock_by_cohort([1.0, 2.0], [1.0, 0.5]).tolist()
    [[1.0, 0.0], [0.5, 2.0]]
    """
    return _tables(inflow, survival, by_cohort, False)[0]


def tables_by_cohort(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool = False
) -> tuple[Array, Array]:
    """Return stock and outflow of each cohort: O[t, c] = S[t − 1, c] − S[t, c], O[c, c] = I − S.

    Parameters
    ----------
    inflow, survival, by_cohort
        As in :func:`stock_from_inflow`.

    Returns
    -------
    two arrays, shape (..., year, cohort), 0 before entry
        In memory the year and the cohort come first: half a table is never touched.

    Examples
    --------
    >>> stock, outflow = tables_by_cohort([1.0, 2.0], [1.0, 0.25])
    >>> outflow.tolist()
    [[0.0, 0.0], [0.75, 0.0]]
    """
    return _tables(inflow, survival, by_cohort, True)


def _tables(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool, with_outflow: bool
) -> tuple[Array, Array]:
    """Return (..., year, cohort) tables, of which the last two axes come first in memory."""
    series, alive = _aligned(inflow, survival, by_cohort)
    by_cohort = by_cohort or _is_streamed(alive)
    lead = np.broadcast_shapes(series.shape[:-1], _lead(alive, by_cohort))
    entering = _years_first(np.broadcast_to(series, (*lead, series.shape[-1])), len(lead))
    if by_cohort:
        tables = _tables_of_cohorts(_with_axes(alive, len(lead)), entering, with_outflow)
    else:
        tables = _tables_by_age(_years_first(alive, len(lead)), entering, with_outflow)
    stock, outflow = (np.moveaxis(table, (0, 1), (-2, -1)) for table in tables)
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
    leaving = np.empty_like(ages)
    np.subtract(1.0, ages[:1], out=leaving[:1])
    np.subtract(ages[:-1], ages[1:], out=leaving[1:])
    return _times_age(ages, entering), _times_age(leaving, entering)


def _times_age(share: Array, entering: Array) -> Array:
    """Return share[year − cohort] · entering[cohort], (year, cohort, ...), 0 before entry."""
    count = len(entering)
    if entering.size * count <= ROOM:
        padded = np.zeros((2 * count - 1, *share.shape[1:]))
        padded[:count] = share[::-1]
        step, *rest = padded.strides
        shares = as_strided(padded[count - 1 :], (count, *share.shape), (-step, step, *rest))
        return np.asarray(shares * entering)
    table = np.zeros((count, *entering.shape))
    for year in range(count):
        np.multiply(share[year::-1], entering[: year + 1], out=table[year, : year + 1])
    return table


def _years_first(values: Array, lead: int) -> Array:
    """Return (..., year) as a contiguous (year, ...) with as many leading axes as told."""
    whole = values.reshape((1,) * (lead + 1 - values.ndim) + values.shape)
    return np.ascontiguousarray(np.moveaxis(whole, -1, 0))


class _Groups:
    """Series by the lifetime that they share, (lives, members, year); all lives first, flat.

    Where the series do not differ along the axes of the lifetimes they are held once, (1, …).
    """

    def __init__(self, series: Array, lead: tuple[int, ...]):
        count = series.shape[-1]
        self.shape = (*np.broadcast_shapes(series.shape[:-1], lead), count)
        axes = len(self.shape) - 1
        own = (1,) * (axes + 1 - series.ndim) + series.shape[:-1]
        of_lives = (1,) * (axes - len(lead)) + lead
        self.lives = [axis for axis in range(axes) if of_lives[axis] != 1]
        self.members = [axis for axis in range(axes) if of_lives[axis] == 1]
        told = series.reshape(*own, count).transpose(*self.lives, *self.members, axes)
        groups = 1
        if any(own[axis] != 1 for axis in self.lives):
            groups = math.prod(lead)
            told = np.broadcast_to(
                told, (*(self.shape[axis] for axis in self.lives), *told.shape[len(self.lives) :])
            )
        members = math.prod(own[axis] for axis in self.members)
        self.series = told.reshape(groups, members, count)

    def put_back(self, values: Array) -> Array:
        """Return (lives, members, year) in the shape of the series and survival together."""
        order = [*self.lives, *self.members]
        turned = values.reshape(*(self.shape[axis] for axis in order), self.shape[-1])
        back = sorted(range(len(order)), key=order.__getitem__)
        if back == [*range(len(order))]:
            return turned
        return np.ascontiguousarray(turned.transpose(*back, len(order)))


def _summed(series: Array, alive: Array) -> Array:
    """Return Σ_{c≤t} alive[g, t − c] · series[g, m, c], shape (g, m, t)."""
    groups, years = alive.shape
    if series.shape[1] == 1:
        if series.size == alive.size == years:
            return np.convolve(series.ravel(), alive.ravel())[:years].reshape(series.shape)
        if len(series) == 1 and groups >= SHARED:  # one series, many lifetimes: the other way round
            return _summed(alive[np.newaxis], series[0]).reshape(groups, 1, years)
    series = np.broadcast_to(series, (groups, *series.shape[1:]))
    compiled = loops(series.size * years // 2) if series.shape[1] == 1 else None
    if compiled is not None:
        rows = _in_line(series[:, 0])
        summed = np.empty_like(rows)
        compiled.convolve(rows, alive, summed)
        return summed[:, np.newaxis]
    series = np.ascontiguousarray(series)
    total = np.empty(series.shape)
    filled = series.any(axis=(1, 2))
    if 2 * np.count_nonzero(filled) <= groups:
        total[...] = 0.0
        if filled.any():
            total[filled] = _summed(series[filled], alive[filled])
        return total
    width = BLOCK if series.shape[1] < SHARED else PANEL
    for part in _parts(series, width):
        backwards = _backwards(alive[part], width)
        for first in range(0, years, width):
            last = min(first + width, years)
            total[part, :, first:last] = _block(series[part], backwards, last, first, last)
    return total


def _solved(target: Array, alive: Array) -> Array:
    """Return the series with Σ_{c≤t} alive[g, t − c] · series[g, m, c] = target[g, m, t]."""
    groups, years = alive.shape
    target = np.broadcast_to(target, (groups, *target.shape[1:]))
    compiled = loops(target.size * years // 2) if target.shape[1] == 1 else None
    if compiled is not None:
        rows = _in_line(target[:, 0])
        solved = np.empty_like(rows)
        compiled.deconvolve(rows, alive, solved)
        return solved[:, np.newaxis]
    target = np.ascontiguousarray(target)
    series = np.empty(target.shape)
    for part in _parts(target, SOLVED):
        backwards, own = _backwards(alive[part], SOLVED), series[part]
        ages = np.ascontiguousarray(alive[part, :SOLVED].T)
        for first in range(0, years, SOLVED):
            last = min(first + SOLVED, years)
            missing = target[part, :, first:last]
            if first:
                missing = missing - _block(own, backwards, first, first, last)
            new = np.moveaxis(missing, -1, 0).copy()
            new[0] /= ages[0, :, np.newaxis]
            for year in range(1, last - first):
                new[year] -= np.einsum("cgm,cg->gm", new[:year], ages[year:0:-1])
                new[year] /= ages[0, :, np.newaxis]
            own[..., first:last] = np.moveaxis(new, 0, -1)
    return series


def _block(series: Array, backwards: Array, count: int, first: int, last: int) -> Array:
    """Return what is left of the series before ``count`` in the years first … last − 1."""
    start = series.shape[-1] - 1 - first
    step = backwards.strides[-1]
    matrix = as_strided(
        backwards[:, start:],
        (len(backwards), last - first, count),
        (backwards.strides[0], -step, step),
        writeable=False,
    )
    if series.shape[1] < SHARED:
        return np.asarray(np.vecdot(series[:, :, np.newaxis, :count], matrix[:, np.newaxis]))
    return series[..., :count] @ np.ascontiguousarray(matrix).swapaxes(1, 2)


def _backwards(alive: Array, width: int) -> Array:
    """Return survival from the last age to the first, then zeros: nothing is left before entry."""
    return np.concatenate([alive[:, ::-1], np.zeros((len(alive), width))], axis=1)


def _parts(series: Array, width: int) -> list[slice]:
    """Divide the groups so that what a part needs beside its result has room."""
    groups, members, years = series.shape
    step = max(1, ROOM // (years * (1 if members < SHARED else max(members, width))))
    return [slice(first, first + step) for first in range(0, groups, step)]


def _over_cohorts(series: Array, alive: Any, solve: bool) -> Array:
    """Take cohort after cohort: (solve for it,) add or subtract its whole future, forget it."""
    count = series.shape[-1]
    shape = (*np.broadcast_shapes(series.shape[:-1], _lead(alive, True)), count)
    alive = _with_axes(alive, len(shape) - 1)
    lead = _lead(alive, True)
    work = math.prod(lead) * count * count // 2
    compiled = loops(work)
    laws = alive.weibull if compiled is not None and _is_streamed(alive) else None
    if compiled is not None and (laws is not None or not _is_streamed(alive)):
        groups = _Groups(series, lead)
        told = np.broadcast_to(groups.series, (math.prod(lead), *groups.series.shape[1:]))
        told, out = _plain(told), np.empty(told.shape)
        if laws is None:
            table = _plain(alive.reshape(-1, count, count))
            compiled.in_threads(compiled.from_table, len(told), work, told, table, solve, out)
        else:
            steep, scale = (np.array(each, order="C").reshape(-1, count) for each in laws[:2])
            given = told, steep, *logarithms(scale, laws[2])
            compiled.in_threads(compiled.over_cohorts, len(told), work, *given, solve, out)
        return groups.put_back(out)
    # years first, and in memory as the survival is: cohorts in a row of a table, or a row each
    if _is_streamed(alive):
        left, room = np.zeros((count, *shape[:-1])), np.empty((count, *lead))
    else:
        left, room = np.moveaxis(np.zeros(shape), -1, 0), None
    entering = _years_first(series, len(shape) - 1)
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
    if _is_streamed(alive):
        return alive.of(cohort, ages, room)
    return np.moveaxis(alive[..., cohort, :ages], -1, 0)


def _plain(values: Array) -> Array:
    return np.ascontiguousarray(values, dtype=float)


def _in_line(rows: Array) -> Array:
    """Return rows that lie in memory without gaps, by rows or by years."""
    return rows if rows.flags.f_contiguous else np.ascontiguousarray(rows)


def _is_streamed(alive: Any) -> TypeGuard[Streamed]:
    return hasattr(alive, "of")


def _lead(alive: Any, by_cohort: bool) -> tuple[int, ...]:
    """Return the shape of the survival before its ages (and cohorts)."""
    if _is_streamed(alive):
        return alive.lead
    return tuple(alive.shape[:-2] if by_cohort else alive.shape[:-1])


def _with_axes(alive: Any, lead: int) -> Any:
    """Return survival by cohort with as many leading axes as told."""
    own = _lead(alive, True)
    wide = (1,) * (lead - len(own)) + own
    return alive.with_axes(wide) if _is_streamed(alive) else alive.reshape(*wide, *alive.shape[-2:])


def at_year(alive: Array, year: int, by_cohort: bool) -> Array:
    """Return the survival of cohorts 0 … year at the end of a year, shape (..., cohort)."""
    if not by_cohort:
        return alive[..., year::-1] if year else alive[..., :1]
    cohorts = np.arange(year + 1)
    found: Array = alive[..., cohorts, year - cohorts]
    return found


def _aligned(series: ArrayLike, survival: Any, by_cohort: bool) -> tuple[Array, Any]:
    """Return both as float arrays, with as many ages (and cohorts) as there are years."""
    values = np.asarray(series, dtype=float)
    count = values.shape[-1]
    if _is_streamed(survival):
        if survival.count != count:
            raise MfaError(f"survival has {survival.count} cohorts and ages, not {count} as years")
        return values, survival
    alive = np.asarray(survival, dtype=float)
    if alive.shape[-1] < count:
        raise MfaError(f"survival has {alive.shape[-1]} ages, fewer than the {count} years")
    if by_cohort and (alive.ndim < 2 or alive.shape[-2] != count):
        raise MfaError(f"survival of shape {alive.shape} needs {count} cohorts before its ages")
    return values, alive[..., :count]


def _dot(left: Array, right: Array) -> Array:
    """Return Σ over the last axis, all leading axes broadcast."""
    total: Array = np.vecdot(left, right)
    return total


def _require_survivors(alive: Any) -> None:
    gone = (alive.at_entry() if _is_streamed(alive) else alive[..., 0]) <= 0
    if gone.any():
        raise MfaError(
            f"nothing survives the year of entry {_cell(gone)}: no inflow can make this stock; "
            "the lifetime is far below a year, use inflow_at='spread' or drive by the inflow"
        )


def _cell(wrong: Any) -> str:
    """Say where the first true cell stands."""
    if np.ndim(wrong) == 0:
        return "here"
    index = np.unravel_index(int(np.argmax(wrong)), np.shape(wrong))
    return f"at cell {tuple(int(i) for i in index)}"

"""Cohort accounting on bare arrays: one implementation of each hot loop.

The last axis is the year (or the age); every other axis leads and broadcasts.
Survival is ``(..., age)``, or ``(..., cohort, age)`` with ``by_cohort=True``
where lifetimes differ by year of entry; ages count whole years since the year
of entry, stocks stand at the end of a year, flows are during it. No array of
shape (year, year, everything) is made, and no argument is changed.

Accuracy: sums of products in double precision, without a Fourier transform, so
a small inflow beside a huge one keeps its digits. An outflow by balance errs by
a few units in the last place of the *stock*.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""A negative outflow below this share of the stock is rounding, and set to 0."""


def stock_from_inflow(inflow: ArrayLike, survival: ArrayLike, by_cohort: bool = False) -> Array:
    """Return the stock at the end of each year: S[t] = Σ_c survival[t − c] · I[c].

    Parameters
    ----------
    inflow : array_like, shape (..., year)
        Mass that enters per year, e.g. [t/yr].
    survival : array_like, shape (..., age) or (..., cohort, age)
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
    if by_cohort:
        return _stock_of_cohorts(entering, alive)
    count = entering.shape[-1]
    if entering.size == count and alive.size == count:
        total = np.convolve(entering.ravel(), alive.ravel())[:count]
        return total.reshape(np.broadcast_shapes(entering.shape, alive.shape))
    if alive.size == count:
        return _shaped(entering @ _toeplitz(alive.ravel()), entering, alive)
    if entering.size == count:
        return _shaped(alive @ _toeplitz(entering.ravel()), entering, alive)
    shape = np.broadcast_shapes(entering.shape, alive.shape)
    filled = entering.any(axis=-1)
    if entering.shape == shape and 2 * np.count_nonzero(filled) <= filled.size:
        stock = np.zeros(shape)
        if filled.any():
            alive = np.broadcast_to(alive, (*shape[:-1], count))[filled]
            stock[filled] = stock_from_inflow(entering[filled], alive)
        return stock
    backwards = np.ascontiguousarray(alive[..., ::-1])
    stock = np.empty(shape)
    for year in range(count):
        stock[..., year] = _dot(entering[..., : year + 1], backwards[..., count - 1 - year :])
    return stock


def inflow_from_stock(stock: ArrayLike, survival: ArrayLike, by_cohort: bool = False) -> Array:
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
    if by_cohort:
        return _inflow_of_cohorts(target, alive)
    count = target.shape[-1]
    inflow = np.empty(np.broadcast_shapes(target.shape, alive.shape))
    backwards = np.ascontiguousarray(alive[..., ::-1])
    first = alive[..., 0]
    for year in range(count):
        kept = _dot(inflow[..., :year], backwards[..., count - 1 - year : count - 1])
        inflow[..., year] = (target[..., year] - kept) / first
    return inflow


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
    leaving = np.empty(shape)
    np.subtract(standing[..., 1:], standing[..., :-1], out=leaving[..., 1:])
    leaving[..., 0] = standing[..., 0] - before
    np.subtract(entering, leaving, out=leaving)
    if leaving.size and leaving.min() < 0:
        size = np.abs(standing) + np.abs(entering) + np.abs(before)[..., np.newaxis]
        leaving[(leaving < 0) & (leaving > -ROUNDING * size)] = 0.0
    return leaving


def release_from_history(
    inflow: ArrayLike, survival: ArrayLike, year_index: int, by_cohort: bool = False
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
    entering, alive = np.asarray(inflow, dtype=float), np.asarray(survival, dtype=float)
    if year_index == 0:
        lead = alive.shape[:-2] if by_cohort else alive.shape[:-1]
        return np.zeros(np.broadcast_shapes(entering.shape[:-1], lead))
    before = _at_year(alive, year_index - 1, by_cohort)
    after = _at_year(alive, year_index, by_cohort)[..., :year_index]
    return _dot(entering[..., :year_index], before - after)


def stock_by_cohort(inflow: ArrayLike, survival: ArrayLike, by_cohort: bool = False) -> Array:
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
    entering, alive = _aligned(inflow, survival, by_cohort)
    count = entering.shape[-1]
    lead = alive.shape[:-2] if by_cohort else alive.shape[:-1]
    shape = np.broadcast_shapes(entering.shape[:-1], lead)
    stock = np.zeros((*shape, count, count))
    for year in range(count):
        ages = _at_year(alive, year, by_cohort)
        stock[..., year, : year + 1] = entering[..., : year + 1] * ages
    return stock


def _stock_of_cohorts(entering: Array, alive: Array) -> Array:
    """Stream the cohorts: add the whole future of one, then forget it."""
    count = entering.shape[-1]
    stock = np.zeros(np.broadcast_shapes(entering.shape, (*alive.shape[:-2], count)))
    for cohort in range(count):
        future = entering[..., cohort : cohort + 1] * alive[..., cohort, : count - cohort]
        stock[..., cohort:] += future
    return stock


def _inflow_of_cohorts(target: Array, alive: Array) -> Array:
    """Solve for one cohort, subtract its whole future, forget it."""
    count = target.shape[-1]
    shape = np.broadcast_shapes(target.shape, (*alive.shape[:-2], count))
    missing = np.broadcast_to(target, shape).copy()
    for cohort in range(count):
        missing[..., cohort] /= alive[..., cohort, 0]
        future = missing[..., cohort : cohort + 1] * alive[..., cohort, 1 : count - cohort]
        missing[..., cohort + 1 :] -= future
    return missing


def _at_year(alive: Array, year: int, by_cohort: bool) -> Array:
    """Return the survival of cohorts 0 … year at the end of a year, shape (..., cohort)."""
    if not by_cohort:
        return alive[..., year::-1] if year else alive[..., :1]
    cohorts = np.arange(year + 1)
    found: Array = alive[..., cohorts, year - cohorts]
    return found


def _aligned(series: ArrayLike, survival: ArrayLike, by_cohort: bool) -> tuple[Array, Array]:
    """Return both as float arrays, with as many ages (and cohorts) as there are years."""
    values, alive = np.asarray(series, dtype=float), np.asarray(survival, dtype=float)
    count = values.shape[-1]
    if alive.shape[-1] < count:
        raise MfaError(f"survival has {alive.shape[-1]} ages, fewer than the {count} years")
    if by_cohort and (alive.ndim < 2 or alive.shape[-2] != count):
        raise MfaError(f"survival of shape {alive.shape} needs {count} cohorts before its ages")
    return values, alive[..., :count]


def _dot(left: Array, right: Array) -> Array:
    """Return Σ over the last axis, all leading axes broadcast."""
    total: Array = np.vecdot(left, right)
    return total


def _toeplitz(values: Array) -> Array:
    """Return the matrix M[c, t] = values[t − c], 0 for t < c."""
    count = values.size
    padded = np.concatenate([np.zeros(count - 1), values])
    start = np.arange(count - 1, -1, -1)
    return np.asarray(padded[start[:, np.newaxis] + np.arange(count)])


def _shaped(result: Array, entering: Array, alive: Array) -> Array:
    return result.reshape(np.broadcast_shapes(entering.shape, alive.shape))


def _require_survivors(alive: Array) -> None:
    gone = alive[..., 0] <= 0
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

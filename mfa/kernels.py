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

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfa.cohort_sums import Streamed, aligned, is_streamed, over_cohorts, tables
from mfa.errors import MfaError
from mfa.sums import Groups, balanced, plain, solved, summed

Array = NDArray[np.float64]

ROUNDING = 1e-12
"""A negative outflow below this share of the stock is rounding, and set to 0."""


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
    entering, alive = aligned(inflow, survival, by_cohort)
    if by_cohort or is_streamed(alive):
        return over_cohorts(entering, alive, solve=False)
    groups = Groups(entering, alive.shape[:-1])
    lives = plain(alive.reshape(-1, alive.shape[-1]))
    return groups.put_back(summed(groups.series, lives))


def stock_and_outflow(
    inflow: ArrayLike, survival: ArrayLike | Streamed, by_cohort: bool = False
) -> tuple[Array, Array]:
    """Return :func:`stock_from_inflow` and :func:`outflow`, where it pays made in one go.

    Parameters
    ----------
    inflow, survival, by_cohort
        As in :func:`stock_from_inflow`.

    Returns
    -------
    two arrays, shape (..., year)

    Examples
    --------
    >>> [part.tolist() for part in stock_and_outflow([1.0, 2.0, 3.0], [1.0, 0.5, 0.0])]
    [[1.0, 2.5, 4.0], [0.0, 0.5, 1.5]]
    """
    entering, alive = aligned(inflow, survival, by_cohort)
    if not (by_cohort or is_streamed(alive)):
        groups = Groups(entering, alive.shape[:-1])
        both = balanced(groups.series, plain(alive.reshape(-1, alive.shape[-1])))
        if both is not None:
            stock, leaving = (groups.put_back(part) for part in both)
            return stock, leaving
    stock = stock_from_inflow(entering, alive, by_cohort)
    return stock, outflow(entering, stock)


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
    target, alive = aligned(stock, survival, by_cohort)
    _require_survivors(alive)
    if by_cohort or is_streamed(alive):
        return over_cohorts(target, alive, solve=True)
    groups = Groups(target, alive.shape[:-1])
    lives = plain(alive.reshape(-1, alive.shape[-1]))
    return groups.put_back(solved(groups.series, lives))


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
    by_cohort = by_cohort or is_streamed(survival)
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
    return tables(inflow, survival, by_cohort, False)[0]


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
    return tables(inflow, survival, by_cohort, True)


def at_year(alive: Array, year: int, by_cohort: bool) -> Array:
    """Return the survival of cohorts 0 … year at the end of a year, shape (..., cohort)."""
    if not by_cohort:
        return alive[..., year::-1] if year else alive[..., :1]
    cohorts = np.arange(year + 1)
    found: Array = alive[..., cohorts, year - cohorts]
    return found


def _dot(left: Array, right: Array) -> Array:
    """Return Σ over the last axis, all leading axes broadcast."""
    total: Array = np.vecdot(left, right)
    return total


def _require_survivors(alive: Any) -> None:
    gone = (alive.at_entry() if is_streamed(alive) else alive[..., 0]) <= 0
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

"""Stocks that fall faster than they retire, and types that share one, on bare arrays.

The correction is that of ODYM: where the inflow would be negative it is 0, and
everything in use, whatever its age, loses the same share in that year and
therefore in all later ones. Years are stepped through, since what retires early
does not retire again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfa.errors import MfaError
from mfa.kernels import ROUNDING, at_year

Array = NDArray[np.float64]


def retire_early(
    stock: ArrayLike,
    survival: ArrayLike,
    remaining: ArrayLike | None = None,
    by_cohort: bool = False,
) -> tuple[Array, Array]:
    """Return the inflow that yields a stock, where a falling stock is met by early retirement.

    Where the inflow would be negative it is 0, and everything in use, whatever its age, loses the
    same share in that year and therefore in all later ones (the correction of ODYM).

    Parameters
    ----------
    stock : array_like, shape (..., year)
        Mass in use at the end of each year, 0 or more, e.g. [t].
    survival : array_like, shape (..., age) or (..., cohort, age)
        Share still in use at the end of each year; above 0 at age 0, as many ages as years.
    remaining : array_like, shape (..., year), optional
        What would be left of a stock from before the first year; part of ``stock``.
    by_cohort : bool
        Whether survival has an axis of cohorts before the ages.

    Returns
    -------
    inflow : array, shape (..., year), 0 or more, e.g. [t/yr]
    kept : array, shape (..., year) [1]
        Share of what was there before that did not retire early in the year, 1 in most years.

    Examples
    --------
    >>> inflow, kept = retire_early([4.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    >>> inflow.tolist(), kept.tolist()
    ([4.0, 0.0, 1.0], [1.0, 0.5, 1.0])
    """
    target, alive = np.asarray(stock, dtype=float), np.asarray(survival, dtype=float)
    count = target.shape[-1]
    if (alive[..., 0] <= 0).any():
        raise MfaError("nothing survives the year of entry: no inflow can make this stock")
    if (target < 0).any():
        raise MfaError("a stock is negative: no retirement can make that")
    before = np.zeros(count) if remaining is None else np.asarray(remaining, dtype=float)
    shape = _common(alive, by_cohort, target, before)
    inflow, in_use, kept = np.zeros(shape), np.zeros(shape), np.ones(shape)
    share = np.ones(shape[:-1])
    for year in range(count):
        ages = at_year(alive, year, by_cohort)
        left = np.vecdot(in_use[..., :year], ages[..., :year]) + share * before[..., year]
        gap = target[..., year] - left
        inflow[..., year] = in_use[..., year] = np.maximum(gap, 0.0) / ages[..., year]
        kept[..., year] = np.where(gap < 0, target[..., year] / np.where(gap < 0, left, 1.0), 1.0)
        in_use[..., :year] *= kept[..., year, np.newaxis]
        share *= kept[..., year]
    return inflow, kept


def stock_retired_early(
    inflow: ArrayLike, survival: ArrayLike, kept: ArrayLike, by_cohort: bool = False
) -> Array:
    """Return the stock where a share of everything in use retired early in some years.

    S[t] = Σ_c survival[t − c] · I[c] · Π_{c<τ≤t} kept[τ].

    Parameters
    ----------
    inflow, survival, by_cohort
        As in :func:`retire_early`.
    kept : array_like, shape (..., year) [1]
        From :func:`retire_early`.

    Returns
    -------
    array, shape (..., year), e.g. [t]

    Examples
    --------
    >>> stock_retired_early([4.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.5, 1.0]).tolist()
    [4.0, 2.0, 3.0]
    """
    entering, alive, shares = (np.asarray(a, dtype=float) for a in (inflow, survival, kept))
    count = entering.shape[-1]
    shape = _common(alive, by_cohort, entering, shares)
    stock, in_use = np.empty(shape), np.zeros(shape)
    for year in range(count):
        in_use[..., :year] *= shares[..., year, np.newaxis]
        in_use[..., year] = entering[..., year]
        stock[..., year] = np.vecdot(in_use[..., : year + 1], at_year(alive, year, by_cohort))
    return stock


def stock_by_cohort_retired_early(
    inflow: ArrayLike, survival: ArrayLike, total: ArrayLike, by_cohort: bool = False
) -> Array:
    """Return the stock of each cohort, where the whole stock says how much retired early.

    In a year in which more than the total would be left, everything that was there before loses
    the same share.

    Parameters
    ----------
    inflow, survival, by_cohort
        As in :func:`retire_early`.
    total : array_like, shape (..., year)
        The whole stock at the end of each year.

    Returns
    -------
    array, shape (..., year, cohort), 0 before entry

    Examples
    --------
    >>> stock_by_cohort_retired_early([4.0, 0.0], [1.0, 1.0], total=[4.0, 2.0]).tolist()
    [[4.0, 0.0], [2.0, 0.0]]
    """
    entering, alive, whole = (np.asarray(a, dtype=float) for a in (inflow, survival, total))
    count = entering.shape[-1]
    shape = _common(alive, by_cohort, entering, whole)
    in_use, stock = np.zeros(shape), np.zeros((*shape, count))
    for year in range(count):
        ages = at_year(alive, year, by_cohort)
        in_use[..., year] = entering[..., year]
        left = np.vecdot(in_use[..., :year], ages[..., :year])
        room = whole[..., year] - entering[..., year] * ages[..., year]
        early = (left > 0) & (left - room > ROUNDING * left)
        kept = np.where(early, np.maximum(room, 0.0) / np.where(early, left, 1.0), 1.0)
        in_use[..., :year] *= kept[..., np.newaxis]
        stock[..., year, : year + 1] = in_use[..., : year + 1] * ages
    return stock


def mixed_survival(
    survival: ArrayLike, shares: ArrayLike, axes: tuple[int, ...], by_cohort: bool = False
) -> tuple[Array, bool]:
    """Return the survival of several types together, and whether it differs by cohort.

    survival[c, a] = Σ_g share_g[c] · survival_g[a].

    Parameters
    ----------
    survival, by_cohort
        As in :func:`retire_early`, the types among the leading axes.
    shares : array_like, shape (..., year) or (..., 1) [1]
        Share of each type in the inflow.
    axes : tuple of int
        Leading axes of the types; they stay, with length one.

    Examples
    --------
    >>> alive, by_cohort = mixed_survival([[1.0, 0.0], [1.0, 1.0]], [[0.25], [0.75]], (0,))
    >>> alive.tolist(), by_cohort
    ([[1.0, 0.75]], False)
    """
    alive, share = np.asarray(survival, dtype=float), np.asarray(shares, dtype=float)
    if share.shape[-1] == 1 and not by_cohort:
        return np.asarray((alive * share).sum(axes, keepdims=True)), False
    if not by_cohort:
        alive = alive[..., np.newaxis, :]
    return np.asarray((alive * share[..., np.newaxis]).sum(axes, keepdims=True)), True


def _common(alive: Array, by_cohort: bool, *series: Array) -> tuple[int, ...]:
    """Return the shape (..., year) of all together, checked to have ages (and cohorts) enough."""
    count = series[0].shape[-1]
    if alive.shape[-1] < count or (by_cohort and alive.shape[-2] != count):
        raise MfaError(f"survival of shape {alive.shape} does not fit {count} years")
    lead = alive.shape[:-2] if by_cohort else alive.shape[:-1]
    return np.broadcast_shapes(*(each.shape for each in series), (*lead, count))

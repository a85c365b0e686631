"""The mean survival of a Weibull lifetime over each year, by quadrature where that is exact.

The closed form is an incomplete gamma function, which costs some hundred times
an exponential; e^(−H) of a smooth hazard H needs sixteen of these a year.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfa.lifetime_laws import NOTHING_LEFT

Array = NDArray[np.float64]

STEEPEST = 12.0
"""Rise of the cumulated hazard within a year up to which sixteen nodes give the last digits."""

STRAIGHT, STEEPEST_STRAIGHT = 5.0, 18.0
"""Shape up to which the hazard bends so little that they do for a steeper rise too, and that rise."""

SHARPEST = 20.0
"""Shape up to which they do; beyond it the hazard bends within a year."""

ROWS = 128
"""Rows of one block, which fits the cache."""

_POINTS, _SHARES = np.polynomial.legendre.leggauss(16)
NODES, WEIGHTS = (_POINTS + 1.0) / 2.0, _SHARES / 2.0
"""Gauss–Legendre on a year."""


def mean_of_years(count: int, shape: Array, scale: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return ∫ e^(−(x/scale)^shape) over each year, and where it is not known.

    Parameters
    ----------
    count : int
        Ages 0 … count − 1.
    shape, scale : array, shape (..., 1)

    Returns
    -------
    array and mask, shape (..., age)
        Unknown are years in which nearly all that is left goes.

    Examples
    --------
    >>> values, unknown = mean_of_years(3, np.array([1.0]), np.array([10.0]))
    >>> unknown.tolist(), float(values[1].round(6))
    ([False, False, False], 0.861067)
    """
    steep, middle = (
        np.broadcast_to(v, np.broadcast_shapes(shape.shape, scale.shape)) for v in (shape, scale)
    )
    rows = np.stack([steep.ravel(), middle.ravel()])
    values = np.zeros((rows.shape[1], count))
    unknown = np.zeros(values.shape, dtype=bool)
    order = np.argsort(rows[1], kind="stable")  # those that live as long together end together
    for first in range(0, len(order), ROWS):
        own = order[first : first + ROWS]
        values[own], unknown[own] = _block(
            count, rows[0, own, np.newaxis], rows[1, own, np.newaxis]
        )
    return values.reshape(*steep.shape[:-1], count), unknown.reshape(*steep.shape[:-1], count)


def _block(count: int, shape: Array, scale: Array) -> tuple[Array, NDArray[np.bool_]]:
    with np.errstate(over="ignore", under="ignore"):
        hazard = (np.arange(count + 1.0) / scale) ** shape
    gone = hazard[:, :-1] >= NOTHING_LEFT
    steepest = np.where(shape <= STRAIGHT, STEEPEST_STRAIGHT, STEEPEST)
    smooth = ~gone & (np.diff(hazard, axis=-1) <= steepest) & (shape <= SHARPEST)
    smooth[:, 0] = False
    last = int(np.flatnonzero(smooth.any(axis=0)).max(initial=0)) + 1
    values = np.zeros(smooth.shape)
    ages, total, room = (
        np.arange(float(last)),
        np.zeros((len(shape), last)),
        np.empty((len(shape), last)),
    )
    alike = bool((shape == shape[0]).all()) and shape[0, 0] <= SHARPEST
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        with np.errstate(over="ignore", under="ignore"):
            if alike:  # one power of ages, one of scales
                np.multiply(-((ages + node) ** shape[0, 0]), scale ** -shape[0, 0], out=room)
            else:
                np.negative(((ages + node) / scale) ** shape, out=room)
        np.exp(np.maximum(room, -NOTHING_LEFT, out=room), out=room)
        room *= weight
        total += room
    values[:, :last] = total
    early = hazard[:, 1] <= 1.0
    values[~smooth] = 0.0
    values[early, 0] = _first_year(hazard[early, 1], shape[early, 0])
    smooth[early, 0] = True
    return values, ~smooth & ~gone


def _first_year(hazard: Array, shape: Array) -> Array:
    """Return ∫₀¹ e^(−h x^k) = Σ (−h)^n / (n! (k n + 1)), for h of at most 1."""
    total, term = np.ones(hazard.shape), np.ones(hazard.shape)
    for n in range(1, 20):
        term = term * -hazard / n
        total += term / (shape * n + 1.0)
    return total

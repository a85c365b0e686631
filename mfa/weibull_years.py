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

SHARPEST = 20.0
"""Shape up to which they do; beyond it the hazard bends within a year."""

NODES, WEIGHTS = ((own + shift) / 2.0 for own, shift in zip(np.polynomial.legendre.leggauss(16), (1.0, 0.0), strict=True))  # fmt: skip
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
        Unknown are the year of entry, where a power of the age has no derivatives, and years in
        which nearly all that is left goes.

    Examples
    --------
    >>> values, unknown = mean_of_years(3, np.array([1.0]), np.array([10.0]))
    >>> unknown.tolist(), float(values[1].round(6))
    ([True, False, False], 0.861067)
    """
    with np.errstate(over="ignore", under="ignore"):
        hazard = (np.arange(count + 1.0) / scale) ** shape
    gone = hazard[..., :-1] >= NOTHING_LEFT
    smooth = ~gone & (np.diff(hazard, axis=-1) <= STEEPEST) & (shape <= SHARPEST)
    smooth[..., 0] = False
    values = np.zeros(smooth.shape)
    last = int(np.flatnonzero(smooth.reshape(-1, count).any(axis=0)).max(initial=0)) + 1
    ages, total = np.arange(float(last)), values[..., :last]
    alike = bool((shape == shape.flat[0]).all()) and shape.flat[0] <= SHARPEST
    room = np.empty(total.shape)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        with np.errstate(over="ignore", under="ignore"):
            if alike:  # one power of ages, one of scales
                np.multiply(-((ages + node) ** shape.flat[0]), scale ** -shape.flat[0], out=room)
            else:
                np.negative(((ages + node) / scale) ** shape, out=room)
        np.exp(np.maximum(room, -NOTHING_LEFT, out=room), out=room)
        room *= weight
        total += room
    values[~smooth] = 0.0
    return values, ~smooth & ~gone

"""Distributions by their quantile functions: a uniform number in, a value out.

Everything is drawn by inversion, x = F⁻¹(u), so that the same uniform number is
the same place in every distribution: scenarios that differ in a range stay
paired, and designs that fill the unit cube evenly stay even.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]

SHAPE = 4.0
"""Weight of the mode in the PERT distribution."""

LEAST = 1e-10
"""A gamma variable with a smaller shape is 0 in all but one of 10⁷ draws, and always here."""


def normal(u: Any, mean: float, sd: float) -> Array:
    """Return the quantiles mean + sd · Φ⁻¹(u).

    >>> normal([0.5, 0.975], 10.0, 2.0).round(3).tolist()
    [10.0, 13.92]
    """
    from scipy.special import ndtri

    return np.asarray(mean + sd * ndtri(np.asarray(u)))


def lognormal(u: Any, mean: float, cv: float) -> Array:
    """Return the quantiles of a lognormal with a mean and a coefficient of variation.

    exp(μ + σ Φ⁻¹(u)) with σ² = ln(1 + cv²), μ = ln mean − σ²/2.

    >>> (lognormal([0.5], 20.0, 0.3655133377)).round(4).tolist()  # median = mean / √(1 + cv²)
    [18.7845]
    """
    from scipy.special import ndtri

    sigma = np.sqrt(np.log1p(cv**2))
    return np.asarray(np.exp(np.log(mean) - sigma**2 / 2 + sigma * ndtri(np.asarray(u))))


def uniform(u: Any, low: float, high: float) -> Array:
    """Return the quantiles low + u (high − low).

    >>> uniform([0.25], 2.0, 6.0).tolist()
    [3.0]
    """
    return np.asarray(low + np.asarray(u) * (high - low))


def triangular(u: Any, low: float, mode: float, high: float) -> Array:
    """Return the quantiles of a triangle over low … high with its top at the mode.

    Below F(mode) = (mode − low)/(high − low) it is low + √(u (high − low)(mode − low)).

    >>> triangular([0.5, 0.875], 0.0, 0.5, 1.0).tolist()
    [0.5, 0.75]
    """
    u = np.asarray(u)
    width, left, right = high - low, mode - low, high - mode
    below = low + np.sqrt(u * width * left)
    above = high - np.sqrt((1 - u) * width * right)
    return np.asarray(np.where(u * width < left, below, above))


def beta(u: Any, a: float, b: float, low: float = 0.0, high: float = 1.0) -> Array:
    """Return the quantiles of a beta distribution with shapes a and b over low … high.

    >>> beta([0.5], 2.0, 2.0, 10.0, 20.0).tolist()
    [15.0]
    """
    from scipy.special import betaincinv

    return np.asarray(low + (high - low) * betaincinv(a, b, np.asarray(u)))


def pert(u: Any, low: float, mode: float, high: float) -> Array:
    """Return the quantiles of the PERT distribution, with the mean (low + 4 mode + high)/6.

    A beta distribution over low … high with a = 1 + 4 (mode − low)/(high − low)
    and b = 1 + 4 (high − mode)/(high − low).

    References
    ----------
    Malcolm, D. G. et al. (1959), Operations Research 7, 646–669, doi:10.1287/opre.7.5.646

    >>> pert([0.5], 0.0, 3.0, 6.0).tolist()
    [3.0]
    """
    a, b = _pert_shapes(low, mode, high)
    return beta(u, a, b, low, high)


def _pert_shapes(low: float, mode: float, high: float) -> tuple[float, float]:
    width = high - low
    return 1 + SHAPE * (mode - low) / width, 1 + SHAPE * (high - mode) / width


def dirichlet(u: Any, shares: Any, concentration: float) -> Array:
    """Return shares that sum to what the given ones do, drawn around them, none negative.

    Gamma quantiles g_i of shape c · s_i / Σ s, then g_i / Σ g: the means are the
    given shares, the variance of each is s (1 − s)/(c + 1) where they sum to 1.

    Parameters
    ----------
    u : (sample, label)
    shares : (label,), not negative, with a sum above 0
    concentration : float
        As if so many observations stood behind the shares.

    Returns
    -------
    (sample, label)

    References
    ----------
    Devroye, L. (1986), Non-Uniform Random Variate Generation, doi:10.1007/978-1-4613-8643-8, ch. XI.4

    >>> drawn = dirichlet([[0.2, 0.9, 0.5]], [0.5, 0.3, 0.2], 10.0)
    >>> bool((drawn > 0).all()), float(drawn.sum())
    (True, 1.0)
    """
    from scipy.special import gammaincinv, gammaln

    u, given = np.asarray(u, dtype=float), np.asarray(shares, dtype=float)
    whole = float(given.sum())
    shape = concentration * given / whole
    found = np.zeros(u.shape)
    there = shape > min(LEAST, shape.max() / 2)
    for i in np.flatnonzero(there):
        found[:, i] = gammaincinv(shape[i], u[:, i])
    total = _in_order(found)
    if (lost := total <= 0).any():  # all too small to be numbers: the largest takes everything
        size = (np.log(u[lost]) + gammaln(shape + 1)) / np.where(there, shape, np.nan)
        found[lost] = np.arange(u.shape[1]) == np.nanargmax(size, axis=1)[:, None]
        total = _in_order(found)
    found = whole * (found / total[:, None])
    rows, largest = np.arange(len(found)), found.argmax(axis=1)
    for _ in range(2):  # what rounding left over goes where it is least
        found[rows, largest] += whole - _in_order(found)
    return found


def _in_order(values: Array) -> Array:
    """Return the sums over the last axis, added one after the other."""
    total = np.zeros(values.shape[:-1])
    for i in range(values.shape[-1]):
        total = total + values[..., i]
    return total


@dataclass(frozen=True)
class Distribution:
    """A distribution of one number, cut off below ``lowest`` and above ``highest``.

    Attributes
    ----------
    kind : str
        normal (mean, sd), lognormal (mean, cv), uniform (low, high), triangular
        and pert (low, mode, high), beta (a, b, low, high), empirical.
    numbers : tuple of float
    table : tuple of (probability, value), for ``empirical``
        Quantiles, linear between them.
    """

    kind: str
    numbers: tuple[float, ...] = ()
    table: tuple[tuple[float, float], ...] = field(default=())
    lowest: float = -np.inf
    highest: float = np.inf

    @property
    def support(self) -> tuple[float, float]:
        """Between these all values lie."""
        if self.kind == "normal":
            low, high = -np.inf, np.inf
        elif self.kind == "lognormal":
            low, high = 0.0, np.inf
        elif self.kind == "empirical":
            low, high = self.table[0][1], self.table[-1][1]
        elif self.kind == "beta":
            low, high = (*self.numbers, 0.0, 1.0)[2:4]
        else:
            low, high = self.numbers[0], self.numbers[-1]
        return max(low, self.lowest), min(high, self.highest)

    def below(self, x: float) -> float:
        """Return the share of the values below x, F(x).

        >>> Distribution("uniform", (0.0, 4.0)).below(1.0)
        0.25
        """
        low, high = self.support
        if not low < x < high:
            return float(x >= high)
        first, last = self._uncut(self.lowest), self._uncut(self.highest)
        return (self._uncut(x) - first) / (last - first)

    def quantile(self, u: Any) -> Array:
        """Return the values below which the shares u of all values lie, F⁻¹(u).

        >>> Distribution("normal", (0.0, 1.0), lowest=0.0).quantile([0.5]).round(4).tolist()
        [0.6745]
        """
        u = np.asarray(u, dtype=float)
        low, high = self.support
        if np.isinf(self.lowest) and np.isinf(self.highest):
            return self._quantile(u)
        first, last = self._uncut(self.lowest), self._uncut(self.highest)
        return np.clip(self._quantile(first + u * (last - first)), low, high)

    def _quantile(self, u: Array) -> Array:
        if self.kind == "empirical":
            at, values = zip(*self.table, strict=True)
            return np.asarray(np.interp(u, at, values))
        return np.asarray(QUANTILES[self.kind](u, *self.numbers))

    def _uncut(self, x: float) -> float:
        """Return F(x) of the distribution before it was cut off."""
        from scipy.special import betainc, ndtr

        numbers = self.numbers
        if np.isinf(x):
            return float(x > 0)
        match self.kind:
            case "normal":
                return float(ndtr((x - numbers[0]) / numbers[1]))
            case "lognormal":
                if x <= 0:
                    return 0.0
                sigma = np.sqrt(np.log1p(numbers[1] ** 2))
                return float(ndtr((np.log(x / numbers[0]) + sigma**2 / 2) / sigma))
            case "empirical":
                at, values = zip(*self.table, strict=True)
                return float(np.interp(x, values, at))
        low, high = self.support if self.kind == "beta" else (numbers[0], numbers[-1])
        if self.kind == "beta":
            low, high = (*numbers, 0.0, 1.0)[2:4]
        z = min(max((x - low) / (high - low), 0.0), 1.0)
        if self.kind == "uniform":
            return z
        if self.kind == "triangular":
            top = (numbers[1] - low) / (high - low)
            return z**2 / top if z < top else 1 - (1 - z) ** 2 / (1 - top) if z < 1 else 1.0
        shapes = numbers[:2] if self.kind == "beta" else _pert_shapes(*numbers)
        return float(betainc(*shapes, z))


QUANTILES: dict[str, Callable[..., Array]] = {
    "normal": normal,
    "lognormal": lognormal,
    "uniform": uniform,
    "triangular": triangular,
    "pert": pert,
    "beta": beta,
}
"""Quantile functions by name, of uniforms and the numbers of the distribution."""


def quantile_table(values: Any) -> tuple[tuple[float, float], ...]:
    """Return the quantile table of observations, each as likely: the k-th of n at (k − 1)/(n − 1).

    Raises
    ------
    MfaError
        For fewer than two observations.

    >>> quantile_table([3.0, 1.0, 2.0])
    ((0.0, 1.0), (0.5, 2.0), (1.0, 3.0))
    """
    found = np.sort(np.asarray(values, dtype=float))
    if found.size < 2:
        raise MfaError("'empirical' needs two observations or more")
    return tuple(zip(np.linspace(0.0, 1.0, len(found)).tolist(), found.tolist(), strict=True))

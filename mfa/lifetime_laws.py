"""Lifetime laws: S(x), the share older than x, and its integral from x on, in closed form.

From these two follow all moments of entry (:mod:`mfa.survival`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]
Names = tuple[str, ...]

NOTHING_LEFT = 690.0
"""Cumulated hazard from which on nothing is left."""

LOG_NOTHING_LEFT = float(np.log(NOTHING_LEFT))

LEAST = 1e-299
"""A smaller survival is 0: what is near the least double would slow every later sum."""

HALVINGS = float(np.log2(np.log2(np.e)))
"""e^−(x^k) = 2^−(2^(k log₂ x + HALVINGS)): powers of 2 are the cheapest."""

ROOM = 2**14
"""Values that are computed at a time, to stay near the processor."""


class Law(NamedTuple):
    """A lifetime law: how its own parameters follow, S(x), and ∫ from x to infinity of S."""

    accepts: Mapping[Names, Callable[..., tuple[Array, ...]]]
    alive: Callable[..., Array]
    beyond: Callable[..., Array]


class ImpossibleError(MfaError):
    """A parameter that no lifetime can have, and the cells where it stands."""

    def __init__(self, message: str, wrong: Any):
        super().__init__(message)
        self.index = np.unravel_index(int(np.argmax(wrong)), np.shape(wrong))


def _exp_of_minus(hazard: Array) -> Array:
    """Return e^−hazard in the place of the hazard, which ends at 690 not to meet denormals."""
    np.minimum(hazard, NOTHING_LEFT, out=hazard)
    np.negative(hazard, out=hazard)
    return np.exp(hazard, out=hazard)


def _as_given(*values: Array) -> tuple[Array, ...]:
    return values


def _fixed_alive(x: Array, mean: Array) -> Array:
    return np.where(x < mean, 1.0, 0.0)


def _fixed_beyond(x: Array, mean: Array) -> Array:
    return np.asarray(np.maximum(mean - x, 0.0))


def _normal_alive(x: Array, mean: Array, std: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr((mean - x) / std))


def _normal_beyond(x: Array, mean: Array, std: Array) -> Array:
    from scipy.special import ndtr

    z = (x - mean) / std
    density = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.maximum(std * density - (x - mean) * ndtr(-z), 0.0))


def _folded_alive(x: Array, mean: Array, std: Array) -> Array:
    return _normal_alive(x, mean, std) + _normal_alive(x, -mean, std)


def _folded_beyond(x: Array, mean: Array, std: Array) -> Array:
    return _normal_beyond(x, mean, std) + _normal_beyond(x, -mean, std)


def _lognormal_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    variance = np.log1p((std / mean) ** 2)
    return mean, np.log(mean) - variance / 2.0, np.sqrt(variance)


def _lognormal_alive(x: Array, mean: Array, mu: Array, sigma: Array) -> Array:
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        return np.asarray(ndtr((mu - np.log(x)) / sigma))


def _lognormal_beyond(x: Array, mean: Array, mu: Array, sigma: Array) -> Array:
    from scipy.special import ndtr

    with np.errstate(divide="ignore"):
        z = (mu - np.log(x)) / sigma
    return np.asarray(np.maximum(mean * ndtr(z + sigma) - x * ndtr(z), 0.0))


def _weibull_from_mean(mean: Array, shape: Array) -> tuple[Array, ...]:
    from scipy.special import gammaln

    scale = mean * np.exp(-gammaln(1.0 + 1.0 / shape))
    return shape, np.where(scale < np.finfo(float).tiny, np.nan, scale)


def _weibull_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    """Solve Γ(1 + 2/k) / Γ(1 + 1/k)² = 1 + CV² for k by Newton's method on its root."""
    from scipy.special import digamma, gammaln

    variation = std / mean
    outside = (variation < 1.3e-3) | (variation > 400.0)
    if outside.any():
        raise ImpossibleError("no Weibull shape between 0.1 and 1000 has this std / mean", outside)
    target = np.sqrt(np.log1p(variation**2))
    inverse = target / np.sqrt(np.pi**2 / 6.0)
    for _ in range(40):
        value = np.sqrt(gammaln(1.0 + 2.0 * inverse) - 2.0 * gammaln(1.0 + inverse))
        slope = (digamma(1.0 + 2.0 * inverse) - digamma(1.0 + inverse)) / value
        step = (target - value) / slope
        inverse = inverse + step
        if (np.abs(step) <= 1e-15 * inverse).all():
            break
    return _weibull_from_mean(mean, 1.0 / inverse)


def _weibull_alive(x: Array, shape: Array, scale: Array) -> Array:
    hazard = np.asarray(x / scale)
    with np.errstate(over="ignore", under="ignore"):
        np.power(hazard, shape, out=hazard)
    return _exp_of_minus(hazard)


def logarithms(scale: Array, ages: Array) -> tuple[Array, Array, Array, Array]:
    """Return log₂(scale / 2ⁿ), the n of each row, and log₂(ages) in two halves that keep its digits.

    Powers of 2 are exact to divide by: log₂(age / scale) = (log₂ age − n) − log₂(scale / 2ⁿ) then
    errs in its own last digits, however large the logarithms are.
    """
    power = np.clip(np.frexp(scale[:, 0])[1], -1000, 1000)
    with np.errstate(divide="ignore", invalid="ignore"):
        head, rest = two_halves(np.log2(np.asarray(ages, np.longdouble)))
    level = np.ascontiguousarray(scale * np.ldexp(1.0, -power)[:, np.newaxis])
    return np.log2(level, out=level), power.astype(float), head, rest


def weibull_table(ages: Array, shape: Array, scale: Array) -> Array:
    """Return exp(−(ages/scale)^shape), shape (..., age), of parameters (..., 1).

    With h = k log₂ age − k log₂ scale + log₂ log₂ e it is 2^−(2^h). All h are one product of two thin
    matrices, the large terms first, each of which then leaves its digits in what is small.
    """
    steep = np.ravel(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = HALVINGS - steep * np.log2(np.ravel(scale).astype(np.longdouble))
        level, less = two_halves(exact)
        age, rest = two_halves(np.log2(np.asarray(ages, np.longdouble)))
        table = np.stack([level, steep, steep, less], axis=1) @ np.stack(
            [np.ones(ages.size), np.maximum(age, -1e300), rest, np.ones(ages.size)]
        )
    for first in range(0, len(table), max(1, ROOM // max(1, ages.size))):
        halved = table[first : first + max(1, ROOM // max(1, ages.size))]
        np.exp2(halved, out=halved)
        np.minimum(halved, 1000.0, out=halved)  # numbers near the least double would be slow
        np.exp2(np.negative(halved, out=halved), out=halved)
    return np.asarray(table).reshape(*shape.shape[:-1], ages.size)


def two_halves(exact: Any) -> tuple[Array, Array]:
    """Divide a long number into a double and what it lacks."""
    head = exact.astype(float)
    return head, np.where(np.isfinite(head), exact - head, 0.0).astype(float)


def _weibull_beyond(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc, gammaln

    mean = scale * np.exp(gammaln(1.0 + 1.0 / shape))
    with np.errstate(over="ignore", under="ignore"):
        hazard = (x / scale) ** shape
    # where next to nothing has left yet the power underflows, but S = 1 is exact
    beyond = mean * gammaincc(1.0 / shape, hazard)
    return np.asarray(np.where(hazard < 1e-17, mean - x, beyond))


def _gamma_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    return _gamma_from_own((mean / std) ** 2, std * (std / mean))


def _gamma_from_own(shape: Array, scale: Array) -> tuple[Array, ...]:
    """Refuse shapes of which scipy's incomplete gamma function is not a number."""
    return np.where((shape > 1e-300) & (shape < 1e200), shape, np.nan), scale


def _gamma_alive(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc

    return np.asarray(gammaincc(shape, x / scale))


def _gamma_beyond(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc

    z = x / scale
    mean_beyond = shape * scale * gammaincc(shape + 1.0, z)
    return np.asarray(np.maximum(mean_beyond - x * gammaincc(shape, z), 0.0))


def _logistic_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    return mean, std * np.sqrt(3.0) / np.pi


def _logistic_alive(x: Array, mean: Array, scale: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit((mean - x) / scale))


def _logistic_beyond(x: Array, mean: Array, scale: Array) -> Array:
    left = mean - x
    return np.asarray(np.maximum(left, 0.0) + scale * np.log1p(np.exp(-np.abs(left / scale))))


def _gompertz_moments(log_shape: Array) -> tuple[Array, Array, Array, Array]:
    """Return E z, E z² and their slopes over log_shape, for z = lifetime / scale = ln(1 + E/shape).

    E is a standard exponential number; the trapezoid rule over its logarithm converges
    geometrically here (the integrand falls off exponentially and is analytic around the axis).
    """
    grid = np.arange(-45.0, 4.2, 0.2)
    weight = 0.2 * np.exp(grid - np.exp(grid))
    odds = grid - log_shape[..., np.newaxis]
    z = np.logaddexp(0.0, odds)
    share = 1.0 / (1.0 + np.exp(-np.clip(odds, -700.0, 700.0)))
    return z @ weight, z**2 @ weight, -share @ weight, -2.0 * (z * share) @ weight


def _gompertz_from_moments(mean: Array, std: Array) -> tuple[Array, ...]:
    """Find the shape with the wanted std / mean: a table, then Newton's method."""
    table = np.linspace(-300.0, 8.0, 617)
    first, second, _, _ = _gompertz_moments(table)
    spread = second / first**2 - 1.0
    target = (std / mean) ** 2
    outside = (target < spread[0]) | (target > spread[-1])
    if outside.any():
        raise ImpossibleError(
            "a Gompertz lifetime has std / mean between 0.0043 and 0.9997", outside
        )
    log_shape = np.asarray(np.interp(target, spread, table))
    for _ in range(6):
        first, second, first_slope, second_slope = _gompertz_moments(log_shape)
        slope = second_slope / first**2 - 2.0 * second * first_slope / first**3
        log_shape = log_shape - (second / first**2 - 1.0 - target) / slope
    unit = _gompertz_beyond(np.zeros(1), log_shape[..., np.newaxis], np.ones(1))[..., 0]
    return log_shape, mean / unit


def _gompertz_from_own(shape: Array, scale: Array) -> tuple[Array, ...]:
    return np.where(shape < 1e-290, np.nan, np.log(shape)), scale


def _gompertz_alive(x: Array, log_shape: Array, scale: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(-np.exp(log_shape) * np.expm1(x / scale)))


def _gompertz_beyond(x: Array, log_shape: Array, scale: Array) -> Array:
    with np.errstate(over="ignore"):
        hazard = np.exp(log_shape + x / scale)
    return scale * _gompertz_alive(x, log_shape, scale) * _scaled_exponential_integral(hazard)


def _scaled_exponential_integral(w: Array) -> Array:
    """Return exp(w) E₁(w) without overflow: scipy below 50, the asymptotic series above."""
    from scipy.special import exp1

    near = np.clip(w, 1e-300, 50.0)
    far = 1.0 / np.maximum(w, 50.0)
    term, series = far, far
    for rank in range(1, 25):
        term = term * -rank * far
        series = series + term
    return np.where(w < 50.0, np.exp(near) * exp1(near), series)


def _exponential_alive(x: Array, mean: Array) -> Array:
    return np.asarray(np.exp(-x / mean))


def _exponential_beyond(x: Array, mean: Array) -> Array:
    return mean * np.exp(-x / mean)


MEAN, MOMENTS, OWN = ("mean",), ("mean", "std"), ("shape", "scale")

LAWS: dict[str, Law] = {
    "fixed": Law({MEAN: _as_given}, _fixed_alive, _fixed_beyond),
    "normal": Law({MOMENTS: _as_given}, _normal_alive, _normal_beyond),
    "folded_normal": Law({MOMENTS: _as_given}, _folded_alive, _folded_beyond),
    "lognormal": Law({MOMENTS: _lognormal_from_moments}, _lognormal_alive, _lognormal_beyond),
    "weibull": Law(
        {("mean", "shape"): _weibull_from_mean, MOMENTS: _weibull_from_moments, OWN: _as_given},
        _weibull_alive,
        _weibull_beyond,
    ),
    "gamma": Law({MOMENTS: _gamma_from_moments, OWN: _gamma_from_own}, _gamma_alive, _gamma_beyond),
    "logistic": Law({MOMENTS: _logistic_from_moments}, _logistic_alive, _logistic_beyond),
    "gompertz": Law(
        {MOMENTS: _gompertz_from_moments, OWN: _gompertz_from_own},
        _gompertz_alive,
        _gompertz_beyond,
    ),
    "exponential": Law({MEAN: _as_given}, _exponential_alive, _exponential_beyond),
}
"""The laws, by the names that scenarios use."""

"""Bands around a fitted curve: by its derivatives, or by quantiles of draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfa.demand.curves import Curve


@dataclass(frozen=True)
class Noise:
    """Residual noise of a point: ``sigma`` [unit of y, or of ln y], unit of the level, kind."""

    sigma: float
    level: float
    relative: bool


def delta(
    curve: Curve, u: Any, working: Any, covariance: Any, degrees: int, noise: Noise, level: float
) -> tuple[Any, Any, Any]:
    """Return C ∓ t √(J Cov Jᵀ + σ²) and C, shape (point,); of ln C for relative noise.

    Parameters
    ----------
    u : array (point,)
    working, covariance : arrays (parameter,), (parameter, parameter)
    degrees : int
        Of Student's t.
    """
    from scipy.special import stdtrit

    value, parts = curve.evaluate(u, [np.array([[v]]) for v in working])
    slope = np.concatenate(parts)
    slope = slope / np.maximum(value, 1e-300) if noise.relative else slope * noise.level
    variance = np.einsum("in,ij,jn->n", slope, covariance, slope) + noise.sigma**2
    half = stdtrit(degrees, (1 + level) / 2) * np.sqrt(variance)
    middle = value[0] * noise.level
    if noise.relative:
        return middle * np.exp(-half), middle, middle * np.exp(half)
    return middle - half, middle, middle + half


def quantiles(curve: Curve, u: Any, drawn: Any, noise: Noise, level: float) -> tuple[Any, Any, Any]:
    """Return quantiles of curves with noise and the median curve, shape (point,).

    Parameters
    ----------
    drawn : array (draw, parameter)
        Working parameters.
    """
    value, _ = curve.evaluate(u, [drawn[:, j, None] for j in range(drawn.shape[1])])
    value = value * noise.level
    middle = np.median(value, axis=0)
    rest = noise.sigma * np.random.default_rng(1).standard_normal((len(drawn), 1))
    value = value * np.exp(rest) if noise.relative else value + rest
    low, high = np.quantile(value, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, middle, high

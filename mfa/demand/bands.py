"""Bands around a fitted curve, by its derivatives or by quantiles of draws, and doubts about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from mfa.demand.batch_fits import Evaluate

IDENTIFIED = 0.25
"""A saturation is identified if its relative standard error is below this."""


@dataclass(frozen=True)
class Noise:
    """Residual noise of a point: ``sigma`` [unit of y, or of ln y], unit of the level, kind."""

    sigma: float
    level: float
    relative: bool


def delta(
    evaluate: Evaluate,
    u: Any,
    working: Any,
    covariance: Any,
    degrees: int,
    noise: Noise,
    level: float,
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

    value, parts = evaluate(u, [np.array([[v]]) for v in working])
    slope = np.concatenate(parts)
    slope = slope / np.maximum(value, 1e-300) if noise.relative else slope * noise.level
    variance = np.einsum("in,ij,jn->n", slope, covariance, slope) + noise.sigma**2
    half = stdtrit(degrees, (1 + level) / 2) * np.sqrt(variance)
    middle = value[0] * noise.level
    if noise.relative:
        return middle * np.exp(-half), middle, middle * np.exp(half)
    return middle - half, middle, middle + half


def quantiles(
    evaluate: Evaluate, u: Any, drawn: Any, noise: Noise, level: float
) -> tuple[Any, Any, Any]:
    """Return quantiles of curves with noise and the median curve, shape (point,).

    Parameters
    ----------
    drawn : array (draw, parameter)
        Working parameters.
    """
    value, _ = evaluate(u, [drawn[:, j, None] for j in range(drawn.shape[1])])
    value = value * noise.level
    middle = np.median(value, axis=0)
    rest = noise.sigma * np.random.default_rng(1).standard_normal((len(drawn), 1))
    value = value * np.exp(rest) if noise.relative else value + rest
    low, high = np.quantile(value, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, middle, high


def intervals(best: Any, drawn: Any, level: float, units: str) -> xr.Dataset:
    """Return each variable of the draws (sample, …) as ``name``, ``name_low``, ``name_high``.

    Between the quantiles of the draws stands the best value, or their median if there is none.
    """
    found = xr.Dataset()
    for name, spread in drawn.items():
        nowhere = bool(spread.isnull().all())  # such as the turning point of a law without one
        low, middle, high = (
            spread.isel(sample=0) if nowhere else spread.quantile(q, "sample").drop_vars("quantile")
            for q in ((1 - level) / 2, 0.5, (1 + level) / 2)
        )
        told = middle if best is None else best[name]
        for end, value in (("", told), ("_low", low), ("_high", high)):
            found[f"{name}{end}"] = value.assign_attrs(units=units)
    return found


def together(
    groups: list[list[xr.DataArray]], dim: str, labels: tuple[str, ...], attrs: dict[str, Any]
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return low, mid and high of all groups, along ``dim`` if there is one."""
    shown = []
    for part in zip(*groups, strict=True):
        found = part[0]
        if dim:
            along = xr.DataArray(list(labels), dims=dim, name=dim)
            found = xr.concat(part, along.assign_coords({dim: along.values}))
        found.attrs = dict(attrs)
        shown.append(found.rename(None))
    return shown[0], shown[1], shown[2]


def doubts(relative_error: Any, interior: bool, past_turning: Any) -> list[str]:
    """Return why a saturation is not identified, in words; nothing if it is."""
    error = float(np.max(relative_error))
    found = [] if interior else ["the optimum lies on a bound"]
    if not error < IDENTIFIED:
        found.append(f"relative standard error {error:.2g}, below {IDENTIFIED:g} is wanted")
    if not np.all(past_turning):
        found.append("the data end before the turning point")
    return found

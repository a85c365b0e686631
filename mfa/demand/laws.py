"""Laws that may stand in scenario files, and two over calendar years alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfa.demand.growth_laws import (
    gompertz,
    logistic,
    modified_exponential,
    richards,
    same_labels,
    steepness,
    with_unit,
)
from mfa.errors import MfaError


def arctangent(x: Any, *, saturation: Any, midpoint: Any, rate: Any, scale: str = "linear") -> Any:
    """Return the S-curve C(x) = K (½ + arctan(π r (x − x₀) / 4) / π), with long tails on both sides.

    Parameters and the slope r K / 4 at the midpoint are those of :func:`mfa.demand.logistic`,
    but the last tenth of K takes very long: three quarters are reached at x₀ + 4 / (π r), nine
    tenths at x₀ + 3.9 / r.

    Examples
    --------
    >>> float(arctangent(5.0, saturation=10.0, midpoint=1.0, rate=1 / np.pi))
    7.5
    """
    same_labels(x=x, saturation=saturation, midpoint=midpoint, rate=rate)
    z = steepness(x, midpoint, rate, scale)
    return with_unit(saturation * (0.5 + np.arctan(np.pi * z / 4.0) / np.pi), saturation)


def growth(x: Any, *, start: Any, level: Any, rate: Any) -> Any:
    """Return growth by a constant share a year, C(x) = C₀ (1 + g)^{x − x₀}, from x₀ on.

    Before the start the law says nothing (NaN), so that observations can be
    joined to it.

    Parameters
    ----------
    x : array of calendar years
    start : number [year]
        The year x₀ of the level.
    level : number or array
        The level C₀ in that year.
    rate : number or array [1/yr]
        Growth g per year, 0.02 for two per cent.

    Examples
    --------
    >>> growth(np.array([2020.0, 2022.0]), start=2020, level=100.0, rate=0.1).round(6).tolist()
    [100.0, 121.0]
    """
    if (np.asarray(rate) <= -1).any():
        raise MfaError(
            f"rate must be above -1, found {float(np.min(rate)):g}: 0.02 is two per cent"
        )
    x = np.asarray(x, dtype=float) if isinstance(x, list | tuple) else x
    same_labels(x=x, start=start, level=level, rate=rate)
    grown = level * (1.0 + rate) ** (x - start)
    if hasattr(grown, "where"):
        return with_unit(grown.where(x >= start), level)
    return np.where(x >= start, grown, np.nan)


def paced(x: Any, *, path: Any, path_x: Any, start: float, midpoint: float | None = None) -> Any:
    """Return a rising path run through faster or slower from a year on.

    From ``start`` on C(x) = P(start + p (x − start)) with the pace
    p = (m_P − start) / (midpoint − start), where m_P is the year in which the
    path P itself reaches half of its last value.  Until ``start`` nothing
    changes, and the level approached stays the same.

    Parameters
    ----------
    x : array (year,)
        Years at which the path is wanted.
    path : array (year,) [any unit]
        The path as published, at the years ``path_x``; held outside of them.
    path_x : array (year,)
    start : float [year]
        Last year that stays as it is.
    midpoint : float, optional [year]
        Year in which half of the last value is to be reached; without it the
        path is run through as published.

    Raises
    ------
    MfaError
        If the path, or the wanted midpoint, does not pass half of the last
        value after ``start``.

    Examples
    --------
    Twice as fast from 2020 on:

    >>> years = np.arange(2020.0, 2031.0)
    >>> paced(years, path=years - 2020, path_x=years, start=2020, midpoint=2022.5)[:4].tolist()
    [0.0, 2.0, 4.0, 6.0]
    """
    if midpoint is None:
        return np.interp(x, path_x, path)
    half = path[-1] / 2
    first = int(np.argmax(path >= half))
    if not path[-1] > 0 or first == 0 or path_x[first] <= start:
        raise MfaError(f"the path does not rise through half of its last value after {start:g}")
    if midpoint <= start:
        raise MfaError(f"midpoint {midpoint:g} must lie after start {start:g}")
    own = path_x[first] - (path[first] - half) / (path[first] - path[first - 1])
    later = np.maximum(np.asarray(x) - start, 0.0)
    moved = np.minimum(x, start) + later * (own - start) / (midpoint - start)
    return np.interp(moved, path_x, path)


@dataclass(frozen=True)
class Law:
    """A law for scenario files: its function and the unit of each of its fields.

    ``"value"`` stands for the unit of the parameter that the law describes, ``"x"`` for that of
    what the law is a function of: the year, or another parameter.
    """

    function: Callable[..., Any]
    fields: dict[str, str]


_S_CURVE = {"saturation": "value", "midpoint": "x", "rate": "1/x"}

LAWS = {
    "logistic": Law(logistic, _S_CURVE),
    "gompertz": Law(gompertz, _S_CURVE),
    "arctangent": Law(arctangent, _S_CURVE),
    "richards": Law(richards, {**_S_CURVE, "asymmetry": "1"}),
    "modified_exponential": Law(
        modified_exponential, {"saturation": "value", "start": "x", "rate": "1/x"}
    ),
    "paced": Law(paced, {"path": "value", "start": "year", "midpoint": "year"}),
    "growth": Law(growth, {"start": "year", "level": "value", "rate": "1/yr"}),
}
"""Laws that may stand in scenario files, by name: over the years, or ``of`` another parameter."""

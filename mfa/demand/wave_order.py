"""Minerals in waves, and peaks that shift: orders and signs over several fitted laws."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mfa.demand.fitted import DRAWS, Fit
from mfa.demand.growth_laws import critical_points
from mfa.demand.options import number, numbers, whole
from mfa.errors import MfaError


def waves(points: Mapping[str, Any], *, seed: int = 0) -> xr.Dataset:
    """Return the order in which minerals stop growing, and how far their rises overlap.

    Parameters
    ----------
    points : mapping mineral → Fit, or → critical points
        Either fits, or anything with ``take_off`` and ``zero_growth`` [unit of x].
    seed : int
        Of the draws, where all are fits.

    Returns
    -------
    Dataset, minerals sorted by zero growth (ties in the order given)
        ``take_off``, ``zero_growth`` (mineral,); ``overlap`` (mineral, other):
        length of the common part of the two rises, from take-off to zero
        growth, over that of their union [1]; for fits also ``later`` (mineral,
        other): share of draws in which ``mineral`` stops after ``other`` [1].

    Raises
    ------
    MfaError
        If a mineral has no take-off or zero growth.

    Examples
    --------
    >>> found = waves({"copper": {"take_off": 3e3, "zero_growth": 18e3},
    ...                "steel": {"take_off": 3e3, "zero_growth": 12e3}})
    >>> found.mineral.values.tolist(), float(found.overlap.sel(mineral="steel", other="copper"))
    (['steel', 'copper'], 0.6)
    """
    if not isinstance(points, Mapping) or not points:
        raise MfaError("waves are those of a mapping of minerals to fits or to critical points")
    fits = {name: value for name, value in points.items() if isinstance(value, Fit)}
    rises = {}
    for name, value in points.items():
        told = value.critical_points() if isinstance(value, Fit) else value
        for end in ("take_off", "zero_growth"):
            if end not in told:
                raise MfaError(f"{name} lacks {end!r}: give a fit, or both critical points")
            if np.size(told[end]) != 1:
                raise MfaError(f"{name} has a {end!r} for each of several groups; choose one")
        rises[name] = (float(told["take_off"]), float(told["zero_growth"]))
        if not np.isfinite(rises[name]).all():
            raise MfaError(f"{name} has no take-off or no zero growth: its law has no wave")
    names = sorted(rises, key=lambda name: rises[name][1])
    first, last = np.array([rises[name] for name in names]).T
    common = np.minimum.outer(last, last) - np.maximum.outer(first, first)
    union = np.maximum.outer(last, last) - np.minimum.outer(first, first)
    pair = {"mineral": names, "other": names}
    found = xr.Dataset(
        {
            "take_off": ("mineral", first),
            "zero_growth": ("mineral", last),
            "overlap": (("mineral", "other"), np.maximum(common, 0.0) / union),
        },
        coords=pair,
    )
    if fits and len(fits) == len(points):
        drawn = np.stack([_stops(fits[name], seed + i) for i, name in enumerate(names)])
        later = (drawn[:, None] > drawn[None, :]).mean(axis=2)
        found["later"] = (("mineral", "other"), later)
    return found


def _stops(fit: Fit, seed: int) -> Any:
    drawn = fit.sample(DRAWS, seed)
    named = {name: drawn[name] for name in fit.curve.names}
    return critical_points(fit.law, scale=fit.scaling.scale, **named).zero_growth.values


class Shift(NamedTuple):
    """How a peak changes with the year of take-off: slope, its standard error, sign tests.

    ``slope`` of ln(value) a year; ``p`` one-sided probability of a slope that
    far to the expected side if there were none; ``tau`` Kendall's rank
    correlation and ``p_tau`` its exact one-sided probability.
    """

    slope: float
    standard_error: float
    p: float
    tau: float
    p_tau: float


def peak_shift(take_off: Any, value: Any, *, expected: str = "falls") -> Shift:
    """Test whether peaks of later industrialisers are lower, or lie elsewhere.

    ln v_i = a + b T_i + e_i over countries i, T the calendar year of take-off;
    beside the t test of b stands Kendall's rank test, which asks only for order.

    Parameters
    ----------
    take_off : array (country,) [year]
    value : array (country,), above 0
        Peak intensity, or the income or year at which it is reached.
    expected : {"falls", "rises"}
        Side of the one-sided tests.

    Raises
    ------
    MfaError
        If there are fewer than 4 countries or a value is not above 0.

    References
    ----------
    Bernardini, O., Galli, R. (1993), Futures 25, 431–448, doi:10.1016/0016-3287(93)90005-E;
    Kendall, M. G. (1938), Biometrika 30, 81–93, doi:10.1093/biomet/30.1-2.81

    Examples
    --------
    >>> found = peak_shift([1880, 1900, 1950, 1970, 1990], [9.0, 8.0, 6.0, 5.0, 4.0])
    >>> found.slope < 0, round(found.tau, 9), round(found.p_tau, 4)
    (True, -1.0, 0.0083)
    """
    from scipy.special import stdtr
    from scipy.stats import kendalltau

    years, peaks = (np.ravel(np.asarray(v, dtype=float)) for v in (take_off, value))
    if expected not in ("falls", "rises"):
        raise MfaError(f"expected must be 'falls' or 'rises', found {expected!r}")
    if years.shape != peaks.shape or len(years) < 4 or not (peaks > 0).all():
        raise MfaError("a shift of peaks needs 4 or more countries with values above 0")
    if not np.isfinite(years).all() or np.ptp(years) == 0:
        raise MfaError("the years of take-off must be known and differ")
    centred, logs = years - years.mean(), np.log(peaks)
    slope = float(centred @ logs / (centred @ centred))
    rest = logs - logs.mean() - slope * centred
    degrees = len(years) - 2
    error = float(np.sqrt(rest @ rest / degrees / (centred @ centred)))
    sign = 1.0 if expected == "rises" else -1.0
    p = 1 - stdtr(degrees, sign * slope / error) if error > 0 else float(sign * slope <= 0)
    side = "greater" if expected == "rises" else "less"
    pairs = list(combinations(range(len(years)), 2))
    tied = any(years[i] == years[j] or peaks[i] == peaks[j] for i, j in pairs)
    ranks = kendalltau(years, peaks, alternative=side, method="auto" if tied else "exact")
    return Shift(slope, error, float(p), float(ranks.statistic), float(ranks.pvalue))


def zero_growth_seen(
    x: Any, y: Any, *, midpoint: float, saturation: float, eps: float = 0.02, run: int = 5
) -> float:
    """Return where growth has in practice stopped, without a law: the operational rule.

    The first x from which the slope dC/dx of the moving average over ``run``
    points stays below eps · K / Y₀ for ``run`` points in a row; NaN if never.

    Parameters
    ----------
    x, y : arrays (point,)
        Sorted by x, which rises.
    midpoint, saturation : float
        Y₀ and K that make the threshold free of units.
    eps, run : float, int

    Raises
    ------
    MfaError
        If x does not rise or there are fewer than two runs of points.

    Examples
    --------
    >>> x = np.arange(0.0, 30.0)
    >>> zero_growth_seen(x, np.minimum(x, 12.0), midpoint=6.0, saturation=12.0)
    15.0
    """
    number("midpoint", midpoint, above=0)
    number("saturation", saturation, above=0)
    run = whole("run", run)
    x, y = (np.asarray(numbers(name, v)) for name, v in (("x", x), ("y", y)))
    if x.shape != y.shape:
        raise MfaError(f"{len(x)} x stand beside {len(y)} y")
    if len(x) < 2 * run or not (np.diff(x) > 0).all():
        raise MfaError(f"x must rise and have {2 * run} or more points, found {len(x)}")
    smooth = np.convolve(y, np.full(run, 1 / run), mode="valid")
    at = np.convolve(x, np.ones(run), mode="valid") / run
    low = np.gradient(smooth, at) < eps * saturation / midpoint
    held = np.convolve(low, np.ones(run, dtype=int), mode="valid") == run
    return float(at[int(np.argmax(held))]) if held.any() else float("nan")

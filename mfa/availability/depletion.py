"""Logistic depletion (Hubbert): production that rises, peaks and falls as a resource is used up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError, shortly

Array = NDArray[np.float64]


def hubbert(t: Any, *, ultimate: Any, rate: Any, peak: Any) -> xr.Dataset:
    """Return cumulative and yearly production on a path of logistic depletion.

    Q = U / (1 + e^{−k (t − p)}),  P = dQ/dt = k Q (1 − Q / U), largest U k / 4 at t = p.

    Parameters
    ----------
    t : number or array (year,) [yr]
    ultimate : number, or array (…) [t]
        U, all that will ever be produced; several cycles are a dimension
        ``cycle`` of the three parameters and are added.
    rate : number, or array (…) [1/yr]
    peak : number, or array (…) [yr]

    Returns
    -------
    Dataset, dims (year, …)
        ``cumulative_production`` [t] and ``production`` [t/yr].

    Raises
    ------
    MfaError
        If a parameter is not finite, or the ultimate or the rate not above 0.

    References
    ----------
    Hubbert (1959), Techniques of prediction with application to the petroleum industry;
    Laherrère (2000), Learn strengths, weaknesses to understand Hubbert curve, Oil Gas J. 98

    Examples
    --------
    >>> found = hubbert(2030, ultimate=100.0, rate=0.06, peak=2030)
    >>> float(found.cumulative_production), float(found.production)
    (50.0, 1.5)
    """
    years = _times(t)
    given = {"ultimate": ultimate, "rate": rate, "peak": peak}
    arrays = {name: _parameter(name, value) for name, value in given.items()}
    for name in ("ultimate", "rate"):
        if bool((arrays[name] <= 0).any()):
            raise MfaError(f"{name} is {float(arrays[name].min()):g}; it has to be above 0")
    share = _logistic(arrays["rate"] * (years - arrays["peak"]))
    cumulative = arrays["ultimate"] * share
    production = arrays["rate"] * cumulative * (1 - share)
    found = xr.Dataset({"cumulative_production": cumulative, "production": production})
    if "cycle" in found.dims:
        found = found.sum("cycle")
    found["cumulative_production"].attrs["units"], found["production"].attrs["units"] = "t", "t/yr"
    return found.transpose(*(d for d in ("year",) if d in found.dims), ...)


def _logistic(x: Any) -> Any:
    return 0.5 * (1 + np.tanh(x / 2))


def _times(t: Any) -> xr.DataArray:
    if isinstance(t, xr.DataArray):
        values = t.astype(float)
    else:
        data = np.asarray(t, dtype=float)
        if data.ndim > 1:
            raise MfaError(f"t has {data.ndim} dimensions; it is a number or a list of years")
        values = xr.DataArray(data, {"year": data} if data.ndim else {}, ("year",)[: data.ndim])
    if not np.isfinite(values.values).all():
        raise MfaError("t holds NaN or an infinite year")
    return values


def _parameter(name: str, value: Any) -> xr.DataArray:
    if isinstance(value, xr.DataArray):
        found = value.astype(float)
    elif isinstance(value, list | tuple | np.ndarray):
        data = np.asarray(value, dtype=float)
        found = xr.DataArray(data, dims=("cycle",)[: data.ndim])
    elif isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise MfaError(f"{name}: {shortly(value)} is neither a number nor an array")
    else:
        found = xr.DataArray(float(value))
    if not np.isfinite(found.values).all():
        raise MfaError(f"{name} holds NaN or an infinite number")
    return found


@dataclass(frozen=True)
class HubbertFit:
    """A fitted path of depletion.

    Attributes
    ----------
    ultimate, rate, peak : arrays (cycle,)
    total : float
        Sum of the ultimates [t].
    bounds : (float, float)
        Within which the total had to lie.
    at_bound : str
        ``low`` or ``high`` where the data wanted to go beyond it, else "".
    error : float
        Root mean square difference of cumulative production, as a share of its last.
    sensitivity : Dataset
        Over ``total``: ``error``, the year of the largest production
        ``peak_year`` and ``peak_production``, each fitted with that total.
    """

    ultimate: Array
    rate: Array
    peak: Array
    total: float
    bounds: tuple[float, float]
    at_bound: str
    error: float
    sensitivity: xr.Dataset

    def predict(self, t: Any) -> xr.Dataset:
        """Return cumulative and yearly production, as :func:`hubbert`."""
        return hubbert(t, ultimate=self.ultimate, rate=self.rate, peak=self.peak)


def fit_hubbert(
    production: Any,
    *,
    reserves: float = 0.0,
    resources: float = np.inf,
    cycles: int = 1,
    before: float = 0.0,
    totals: Any = None,
) -> HubbertFit:
    """Fit logistic depletion to a history of production.

    Least squares of cumulative production.  The ultimate lies between what was
    produced plus the reserves and what was produced plus the resources: a young
    history hardly knows it, so look at ``at_bound`` and ``sensitivity``.

    Parameters
    ----------
    production : array (year,) [t/yr]
        Contiguous years.
    reserves, resources : float [t]
        At the end of the history; reserves are part of the resources.
    cycles : int
        Number of logistic cycles that are added, 1 to 4.
    before : float [t]
        Produced before the first year.
    totals : array, optional
        Totals at which to work out the sensitivity; seven from low to high
        (or to three times low) by default.

    Returns
    -------
    HubbertFit

    Raises
    ------
    MfaError
        If years are missing, a value is NaN or negative, resources are less
        than reserves, or there are too few years for the cycles.

    References
    ----------
    Sorrell, Speirs (2010), Hubbert's legacy: a review of curve-fitting methods to estimate ultimately
    recoverable resources, Nat. Resour. Res. 19, 209–230, doi:10.1007/s11053-010-9123-z

    Examples
    --------
    >>> years = np.arange(1900, 2021)
    >>> path = hubbert(years, ultimate=100.0, rate=0.06, peak=1990).cumulative_production
    >>> made = path.diff("year").assign_coords(year=years[1:])
    >>> found = fit_hubbert(made, reserves=1.0, resources=80.0, before=float(path[0]))
    >>> round(found.total, 3), round(float(found.peak[0]), 3), found.at_bound
    (100.0, 1990.0, '')
    """
    years, made = _history(production)
    if cycles not in (1, 2, 3, 4):
        raise MfaError(f"cycles are 1 to 4, found {cycles!r}")
    if len(years) < 4 * cycles:
        raise MfaError(f"{len(years)} years are too few for {cycles} cycle(s); 4 for each at least")
    for name, value in (("reserves", reserves), ("before", before)):
        if not 0 <= value < np.inf:
            raise MfaError(f"{name} are {value!r}; a mass of 0 or more")
    if not resources >= reserves:
        raise MfaError(
            f"resources ({resources:g}) are less than reserves ({reserves:g}), a part of them"
        )
    seen = before + np.cumsum(made)
    low, high = seen[-1] + reserves, seen[-1] + resources
    problem = _Depletion(years, seen, cycles)
    best = problem.fit(low, high)
    total = float(best[0])
    span = 1e-4 * total
    at = "low" if total - low < span else "high" if high - total < span else ""
    if low == high:
        at = ""
    if totals is None:
        totals = np.geomspace(low, high if np.isfinite(high) else 3 * low, 7)
    table = [problem.at(float(u)) for u in np.asarray(totals, dtype=float)]
    sensitivity = xr.Dataset(
        {
            "error": ("total", [problem.error(p) for p in table]),
            "peak_year": ("total", [problem.largest(p)[0] for p in table]),
            "peak_production": ("total", [problem.largest(p)[1] for p in table]),
        },
        coords={"total": np.asarray(totals, dtype=float)},
    )
    ultimate, rate, peak = problem.parameters(best)
    return HubbertFit(
        ultimate, rate, peak, total, (float(low), float(high)), at, problem.error(best), sensitivity
    )


def _history(production: Any) -> tuple[Array, Array]:
    if not isinstance(production, xr.DataArray) or production.dims != ("year",):
        raise MfaError("production needs one dimension, 'year'; mfa.array(values, 't/yr', year=…)")
    years, made = production["year"].values.astype(float), production.values.astype(float)
    if (np.diff(years) != 1).any():
        raise MfaError("years of production are missing between the first and the last")
    if not (np.isfinite(made) & (made >= 0)).all() or not made.any():
        raise MfaError("production holds NaN, a negative or an infinite value, or nothing but 0")
    return years, made


class _Depletion:
    """Cycles of logistic depletion against cumulative production, years and masses scaled."""

    def __init__(self, years: Array, seen: Array, cycles: int):
        self.years, self.seen, self.cycles = years, seen, cycles
        self.middle, self.width = float(years.mean()), float(np.ptp(years))

    def parameters(self, p: Array) -> tuple[Array, Array, Array]:
        """Return ultimates, rates and peaks of (total, weights…, ln rates…, peaks…)."""
        n = self.cycles
        weight = np.exp(np.append(0.0, p[1:n]))
        order = np.argsort(p[2 * n : 3 * n])
        parts = p[0] * weight / weight.sum(), np.exp(p[n : 2 * n]), p[2 * n : 3 * n]
        ultimate, rate, peak = (part[order] for part in parts)
        return ultimate, rate, self.middle + self.width * peak

    def cumulative(self, p: Array, years: Array) -> Array:
        ultimate, rate, peak = self.parameters(p)
        return np.asarray((ultimate * _logistic(rate * (years[:, None] - peak))).sum(axis=1))

    def error(self, p: Array) -> float:
        off = self.cumulative(p, self.years) - self.seen
        return float(np.sqrt((off**2).mean()) / self.seen[-1])

    def largest(self, p: Array) -> tuple[float, float]:
        """Return the year of the largest production, and that production."""
        years = np.arange(self.years[0], self.years[-1] + 400)
        made = np.diff(self.cumulative(p, np.append(years[0] - 1, years)))
        return float(years[np.argmax(made)]), float(made.max())

    def at(self, total: float) -> Array:
        """Return the best parameters with a given total."""
        return self.fit(total, total)

    def fit(self, low: float, high: float) -> Array:
        """Return the best of several starts, the total between two bounds."""
        from scipy.optimize import least_squares

        n = self.cycles
        free = high > low
        bottom = low if np.isfinite(low) else self.seen[-1]
        top = high if np.isfinite(high) else 1e3 * bottom

        def whole(x: Array) -> Array:
            total = bottom if not free else float(np.exp(x[-1]))
            return np.concatenate([[total], x[: 3 * n - 1]])

        def rest(x: Array) -> Array:
            return np.asarray((self.cumulative(whole(x), self.years) - self.seen) / self.seen[-1])

        edges = [(-5.0, 5.0)] * (n - 1) + [(np.log(1e-3), np.log(2.0))] * n + [(-3.0, 5.0)] * n
        edges += [(np.log(bottom), np.log(top))] if free else []
        box = np.array(edges).T
        random = np.random.default_rng(0)
        best: Any = None
        for start in range(8 if n == 1 else 24):
            first = np.concatenate([
                random.normal(0, 0.5, n - 1),
                np.log(random.uniform(0.01, 0.12, n)),
                np.sort(random.uniform(-0.5, 1.2, n)),
                [np.log(bottom) + (np.log(top / bottom)) * min(0.1 + 0.1 * start, 0.9)] if free else [],
            ])  # fmt: skip
            inside = np.clip(first, box[0] + 1e-9, box[1] - 1e-9)
            found = least_squares(
                rest, inside, bounds=box, x_scale="jac", xtol=1e-13, ftol=1e-13, gtol=1e-13
            )
            if best is None or found.cost < best.cost:
                best = found
        return np.asarray(whole(best.x))

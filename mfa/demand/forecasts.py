"""One interface to all forecasting methods: history and drivers in, low, mid and high out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.demand import forecast_laws as forecast_laws  # these two enter the methods of the package
from mfa.demand import forecast_methods as forecast_methods
from mfa.demand.forecast_cases import METHODS as METHODS
from mfa.demand.forecast_cases import Case, Outcome, checked_method, require_mapping
from mfa.demand.options import different, numbers, share, whole
from mfa.demand.regression import Array, widened_normal
from mfa.dims import order, require_contiguous
from mfa.errors import MfaError, known

GROWING = ("gdp_per_capita", "population", "activity", "final_demand")
"""Drivers that are continued with their mean growth where nothing is known of them."""

WANDERING = ("price",)
"""Drivers that stay where they are, but may wander off."""

Years = NDArray[np.int64]

Drivers = Mapping[str, xr.DataArray] | xr.Dataset


def forecast(
    method: str,
    history: xr.DataArray,
    drivers: Drivers | None = None,
    horizon: int = 10,
    *,
    level: float | Sequence[float] = 0.8,
    samples: int = 2000,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Forecast the years after a history, always with a band.

    Parameters
    ----------
    method : str
        One of :data:`mfa.demand.forecast_cases.METHODS`: ``econometric``, ``intensity``, ``input_output``, ``sectors``,
        ``s_curve``, ``stock_driven``, ``naive``, ``last_value``, or your own
        (:func:`mfa.demand.forecast_cases.method`).
    history : DataArray, dims (year, ...)
        What was demanded, e.g. [t/yr]; its last year is the origin. Every other dimension
        (``region``, ``material``) is forecast cell by cell.
    drivers : Dataset or mapping of DataArrays, dims (year, ...)
        ``gdp_per_capita``, ``population``, ``price``, … in all years of the history and of the
        horizon; a driver without ``year`` holds in all. Drivers that the method does not use are
        left alone. Without ``population`` the history is taken as told per head. A dimension
        ``sample`` of the length ``samples`` carries the uncertainty of a driver ahead; its median
        is used for the middle.
    horizon : int
        Number of years ahead.
    level : float or several
        Share of the outcomes that the band is to hold, such as 0.8 or ``[0.8, 0.95]``.
    samples, seed : int
        Number of draws behind the band, and where their random numbers start.
    **options
        Of the method, see its docstring in :mod:`mfa.demand.forecast_methods`.

    Returns
    -------
    Dataset
        ``low``, ``mid``, ``high`` with dims (year, ...) in the unit of the history, low and high
        also by ``level`` if several were asked; ``estimate`` and ``standard_error`` with dims
        (parameter, ...) for methods that estimate something. Attributes name the method.

    Raises
    ------
    MfaError
        If the method, an option or a driver is unknown or missing, years have gaps or are not
        covered, a value is NaN, or the method cannot work with these numbers.

    Examples
    --------
    Two per cent a year, exactly, goes on:

    >>> years = np.arange(2000, 2021)
    >>> history = xr.DataArray(100 * 1.02 ** (years - 2020.0), {"year": years})
    >>> told = forecast("naive", history, horizon=2)
    >>> told.mid.values.round(6).tolist(), told.high.values.round(6).tolist()
    ([102.0, 104.04], [102.0, 104.04])
    """
    levels = _levels(level)
    chosen = checked_method(method, drivers, options)
    horizon, samples = whole("horizon", horizon), whole("samples", samples, least=2)
    seed = whole("seed", seed, least=0)
    _require_years("history", history)
    first, origin = int(history["year"].values[0]), int(history["year"].values[-1])
    span = np.arange(first, origin + horizon + 1)
    given = {
        str(name): _on_span(str(name), data, span, samples)
        for name, data in dict(drivers or {}).items()
        if name in chosen.needs + chosen.uses
    }
    found = [
        (cell, chosen.function(_case(history, given, cell, place, span, samples, seed), **options))
        for place, cell in enumerate(_cells(history))
    ]
    told = _label(history, found, span[-horizon:], levels)
    one = told if not isinstance(level, int | float) else told.isel(level=0)
    return one.assign_attrs(
        method=method, origin=origin, meaning=chosen.meaning, reference=chosen.reference
    )


def continued(
    drivers: Drivers,
    origin: int,
    horizon: int,
    *,
    last: int = 20,
    samples: int = 2000,
    seed: int = 0,
) -> dict[str, xr.DataArray]:
    """Continue drivers from what was known at the origin, with their uncertainty.

    The :data:`GROWING` ones go on with the mean growth of the last years, as random walks of
    their logarithm with drift; the :data:`WANDERING` ones as random walks without; all others
    keep their last value.

    Parameters
    ----------
    drivers : Dataset or mapping of DataArrays, dims (year, ...)
        What lies after the origin is not looked at.
    origin : int
        Last calendar year that is known.
    horizon, last : int
        Years ahead, and years of which the growth is taken.
    samples, seed : int

    Returns
    -------
    dict of DataArrays, dims (sample, year, ...) or (year, ...)
        Paths come in pairs that mirror each other, so that their median is the expected path.

    Examples
    --------
    >>> years = np.arange(2000, 2011)
    >>> income = xr.DataArray(1.1 ** (years - 2010.0), {"year": years})
    >>> ahead = continued({"gdp_per_capita": income}, 2010, 2)["gdp_per_capita"]
    >>> ahead.median("sample").sel(year=[2011, 2012]).values.round(6).tolist()
    [1.1, 1.21]
    """
    horizon, samples = whole("horizon", horizon), whole("samples", samples, least=2)
    last, seed, origin = whole("last", last), whole("seed", seed, least=0), whole("origin", origin)
    require_mapping(drivers)
    result = {}
    for place, (name, data) in enumerate(sorted(dict(drivers).items())):
        if not isinstance(data, xr.DataArray):
            raise MfaError(f"driver {name!r} must be a DataArray with its dimensions named")
        if "year" not in data.dims:
            result[str(name)] = data
            continue
        if "sample" in data.dims:
            raise MfaError(f"driver {name!r} has samples already; it cannot be continued")
        known_years = data.sel(year=slice(None, origin))
        _require_years(str(name), known_years)
        if int(known_years["year"].values[-1]) != origin:
            raise MfaError(f"driver {name!r} ends before the origin {origin}")
        rng = np.random.default_rng([seed, origin, place])
        result[str(name)] = _continue(str(name), known_years, horizon, last, samples, rng)
    return result


def _continue(
    name: str, past: xr.DataArray, horizon: int, last: int, samples: int, rng: np.random.Generator
) -> xr.DataArray:
    past = past.transpose("year", ...)
    ahead = np.arange(1, horizon + 1)
    years = np.concatenate([past["year"].values, past["year"].values[-1] + ahead])
    wide = past.sel(year=np.minimum(years, past["year"].values[-1])).assign_coords(year=years)
    if name not in GROWING + WANDERING:
        return wide
    values = past.values
    if not (values > 0).all():
        raise MfaError(f"driver {name!r} must be above 0 to be continued with its growth")
    steps = np.diff(np.log(values[-last - 1 :]), axis=0)
    freedom = len(steps) - (name in GROWING)
    if freedom < 1:
        raise MfaError(f"driver {name!r} has too few years before the origin to be continued")
    drift = steps.mean(axis=0) if name in GROWING else np.zeros(values.shape[1:])
    spread = np.sqrt(((steps - drift) ** 2).sum(axis=0) / freedom)
    cells = values.shape[1:]
    half = (samples - 1) // 2
    noise = widened_normal(half * int(np.prod(cells, dtype=int)), horizon + 1, freedom, rng)
    noise = np.moveaxis(noise.reshape(half, *cells, horizon + 1), -1, 1)
    count = ahead.reshape(-1, *(1,) * len(cells))
    away = np.cumsum(noise[:, 1:], axis=1)
    if name in GROWING:
        away = away + count * noise[:, :1] / np.sqrt(len(steps))
    none = np.zeros((samples - 2 * half, horizon, *cells))
    paths = drift * count + spread * np.concatenate([none, away, -away])
    drawn = np.concatenate(
        [np.broadcast_to(values, (samples, *values.shape)), values[-1] * np.exp(paths)], axis=1
    )
    coords = {dim: wide[dim] for dim in wide.dims if dim in wide.coords}
    return xr.DataArray(drawn, dims=("sample", *wide.dims), coords=coords, attrs=past.attrs)


def _levels(level: float | Sequence[float]) -> list[float]:
    several = different("level", level) if np.ndim(level) else [level]
    return [share("level", one) for one in several]


def _require_years(name: str, data: xr.DataArray) -> None:
    if not isinstance(data, xr.DataArray) or "year" not in data.dims or "year" not in data.coords:
        raise MfaError(f"{name}: needs the dimension 'year' with calendar years")
    if not data.sizes["year"]:
        raise MfaError(f"{name}: has no years up to the origin")
    require_contiguous(data["year"].values)
    _require_no_nan(name, data)


def _require_no_nan(name: str, data: xr.DataArray) -> None:
    wrong = ~np.isfinite(numbers(name, data).values)
    if wrong.any():
        at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        cell = {
            str(dim): data[dim].values[i] if dim in data.coords else int(i)
            for dim, i in zip(data.dims, at, strict=True)
        }
        where = ", ".join(f"{dim} {label}" for dim, label in cell.items())
        raise MfaError(f"{name}: no number at {where}; absent is not zero: give it or start later")


def _on_span(name: str, data: xr.DataArray, span: Years, samples: int) -> xr.DataArray:
    """Return a driver on exactly the years of history and horizon."""
    if not isinstance(data, xr.DataArray):
        raise MfaError(f"driver {name!r} must be a DataArray with its dimensions named")
    if "year" not in data.dims:
        _require_no_nan(f"driver {name!r}", data)
        return data
    missing = sorted(set(span.tolist()) - set(data["year"].values.tolist()))
    if missing:
        raise MfaError(
            f"driver {name!r} has no value in {missing[0]} to {missing[-1]} ({len(missing)} years); "
            f"the history and the horizon reach from {span[0]} to {span[-1]}"
        )
    chosen = data.sel(year=span)
    _require_no_nan(f"driver {name!r}", chosen)
    if chosen.sizes.get("sample", samples) != samples:
        raise MfaError(f"driver {name!r} has {chosen.sizes['sample']} samples, wanted {samples}")
    return chosen


def _cells(history: xr.DataArray) -> Iterator[dict[str, Any]]:
    dims = [str(dim) for dim in history.dims if dim != "year"]
    for dim in dims:
        if not history.sizes[dim]:
            raise MfaError(f"history: dimension {dim!r} is empty; there is nothing to forecast")
        if dim not in history.coords:
            raise MfaError(f"history: dimension {dim!r} has no labels; give it coordinates")
    for labels in product(*(history[dim].values for dim in dims)):
        yield dict(zip(dims, labels, strict=True))


def _case(
    history: xr.DataArray,
    drivers: Mapping[str, xr.DataArray],
    cell: Mapping[str, Any],
    place: int,
    span: Years,
    samples: int,
    seed: int,
) -> Case:
    years = history["year"].values
    expected, drawn = {}, {}
    for name, data in drivers.items():
        here = {dim: label for dim, label in cell.items() if dim in data.dims}
        for dim, label in here.items():
            if label not in data[dim].values:
                raise MfaError(
                    f"driver {name!r} lacks {dim} {label!r}. {known(label, data[dim].values)}"
                )
        one = data.sel(here).drop_vars(list(here))
        if "year" not in one.dims:
            expected[name] = drawn[name] = one
            continue
        one = one.transpose("year", ...)
        ahead = one.isel(year=slice(len(years), None))
        if "sample" in one.dims:
            before = one.isel(year=slice(None, len(years)), sample=0, drop=True)
            expected[name] = xr.concat([before, ahead.median("sample")], "year")
            drawn[name] = ahead.transpose("sample", "year", ...).assign_coords(
                sample=np.arange(samples)
            )
        else:
            expected[name], drawn[name] = one, ahead
    series = history.sel(dict(cell)).values.astype(float)
    rng = np.random.default_rng([seed, place])
    return Case(series, years, span[len(years) :], expected, drawn, samples, rng)


def _label(
    history: xr.DataArray,
    found: Sequence[tuple[dict[str, Any], Outcome]],
    years: Years,
    levels: Sequence[float],
) -> xr.Dataset:
    """Put quantiles and estimates of all cells under their labels."""
    dims = [str(dim) for dim in history.dims if dim != "year"]
    coords = {dim: history[dim].values for dim in dims}
    sizes = [len(coords[dim]) for dim in dims]
    edges = np.array([(1 - one) / 2 for one in levels])
    units = {"units": history.attrs.get("units", "1")}

    def array(values: list[Array], lead: dict[str, Any], attrs: dict[str, str]) -> xr.DataArray:
        lengths = [len(labels) for labels in lead.values()]
        stacked = np.stack(values, axis=-1).reshape(*lengths, *sizes)
        data = xr.DataArray(stacked, dims=(*lead, *dims), coords=lead | coords, attrs=attrs)
        return data.transpose(*[d for d in lead if d in ("level", "parameter")], ...)

    outcomes = [outcome for _, outcome in found]
    by_level = {"level": np.asarray(levels), "year": years}
    result = xr.Dataset(
        {
            "low": array([np.quantile(o.draws, edges, axis=0) for o in outcomes], by_level, units),
            "mid": array([o.mid for o in outcomes], {"year": years}, units),
            "high": array(
                [np.quantile(o.draws, 1 - edges, axis=0) for o in outcomes], by_level, units
            ),
        }
    )
    names = list(outcomes[0].estimates)
    if names:
        told = [np.array([o.estimates[name] for name in names]) for o in outcomes]
        lead = {"parameter": np.asarray(names, dtype=str)}
        result["estimate"] = array([one[:, 0] for one in told], lead, {})
        result["standard_error"] = array([one[:, 1] for one in told], lead, {})
    wanted = order([d for d in result.dims if d not in ("level", "parameter")], dims)
    return result.transpose(*[d for d in ("level", "parameter") if d in result.dims], *wanted)

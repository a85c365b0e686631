"""Forecasts of the past: errors by method and horizon, from origins that move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from mfa.demand.forecasts import Drivers, continued, forecast
from mfa.demand.options import different, whole
from mfa.errors import MfaError, known

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AHEAD = ("trend", "observed")
"""What a method may know of the drivers after the origin: only their past, or all."""


def backtest(
    methods: Sequence[str] | Mapping[str, tuple[str, Mapping[str, Any]]],
    history: xr.DataArray,
    drivers: Drivers | None,
    origins: Sequence[int],
    horizon: int,
    *,
    drivers_ahead: str = "trend",
    level: float | Sequence[float] = (0.8, 0.95),
    samples: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Forecast from each origin with what was known then, and compare with what came.

    Parameters
    ----------
    methods : names, or mapping of label → (name, options)
        As for :func:`mfa.demand.forecasts.forecast`; a mapping compares variants of one method,
        ``{"with trend": ("econometric", {"trend": True}), …}``.
    history : DataArray, dims (year, ...)
        The whole series. A method sees the years up to the origin only.
    drivers : Dataset or mapping of DataArrays, dims (year, ...)
    origins : calendar years
        The last years that are known.
    horizon : int
        Years ahead.
    drivers_ahead : {"trend", "observed"}
        ``trend``: drivers after the origin are continued from before (:func:`continued`), with
        their uncertainty: a forecast as it could have been made then. ``observed``: drivers are
        as they came; what is scored is the law alone, as far ahead as drivers were observed.
    level : several shares of the band
    samples, seed : int
        As for ``forecast``.

    Returns
    -------
    Dataset
        ``observed`` (origin, horizon, ...), ``mid`` (model, origin, horizon, ...), ``low`` and
        ``high`` with ``level`` as well, in the unit of the history, and
        ``relative_error`` = mid/observed − 1. NaN where nothing was observed. Pass it on to
        :func:`error_table`. (The dimension is not called ``method``, which ``sel`` would take as
        its own option and select nothing.)

    Raises
    ------
    MfaError
        As ``forecast``, with the method and the origin named.

    References
    ----------
    Tashman, L. J. (2000), Int. J. Forecasting 16, 437–450, doi:10.1016/S0169-2070(00)00065-0.

    Examples
    --------
    Growth of 2 % forecasts a series that grows by 2 % without error, the last value is 2 % low
    after one year:

    >>> years = np.arange(1990, 2021)
    >>> history = xr.DataArray(1.02 ** (years - 2000.0), {"year": years})
    >>> found = backtest(["naive", "last_value"], history, None, [2005, 2010], 1)
    >>> found.relative_error.sel(origin=2010, horizon=1).values.round(4).tolist()
    [0.0, -0.0196]
    """
    if drivers_ahead not in AHEAD:
        raise MfaError(f"unknown drivers_ahead {drivers_ahead!r}. {known(drivers_ahead, AHEAD)}")
    origins = [
        whole("an origin, the last year that is known,", o) for o in different("origins", origins)
    ]
    horizon = whole("horizon", horizon)
    told = _variants(methods)
    if not isinstance(history, xr.DataArray) or "year" not in history.coords:
        raise MfaError("history: needs the dimension 'year' with calendar years")
    steps = np.arange(1, horizon + 1)
    by_origin = []
    for origin in origins:
        before = history.sel(year=slice(None, origin))
        if not before.sizes["year"] or int(before["year"].values[-1]) != origin:
            raise MfaError(f"the origin {origin} is not a year of the history")
        ahead, reach = drivers, horizon
        if drivers is not None and drivers_ahead == "observed":
            reach = min(horizon, _last_year(drivers) - origin)
            if reach < 1:
                raise MfaError(
                    f"drivers are observed up to {origin + reach}: nothing is left to score after "
                    f"the origin {origin}"
                )
        elif drivers is not None:
            ahead = continued(drivers, origin, horizon, samples=samples, seed=seed)
        found = []
        for label, (name, options) in told.items():
            try:
                one = forecast(
                    name, before, ahead, reach,
                    level=np.atleast_1d(level).tolist(), samples=samples, seed=seed, **options,
                )  # fmt: skip
            except MfaError as error:
                raise MfaError(f"{label}, origin {origin}: {error}") from error
            found.append(_by_horizon(one[["low", "mid", "high"]], origin).reindex(horizon=steps))
        every = xr.concat(found, xr.DataArray(list(told), dims="model", name="model"))
        after = _by_horizon(history.reindex(year=origin + steps), origin)
        by_origin.append(every.assign(observed=after))
    axis = xr.DataArray(np.asarray(origins), dims="origin", name="origin")
    result: xr.Dataset = xr.concat(by_origin, axis, data_vars="all")
    result["relative_error"] = (result["mid"] / result["observed"] - 1).assign_attrs(units="1")
    order = [d for d in ("model", "level", "origin", "horizon") if d in result.dims]
    return result.transpose(*order, ...).assign_attrs(drivers_ahead=drivers_ahead)


def error_table(
    scores: xr.Dataset, against: str = "naive", over: Sequence[str] | None = None
) -> xr.Dataset:
    """Summarise the errors of a backtest by method and horizon.

    Parameters
    ----------
    scores : Dataset
        From :func:`backtest`.
    against : str
        The method that the others are compared with, if it is among them.
    over : names of dimensions, optional
        What is averaged: the origins and all dimensions of the history, unless told.

    Returns
    -------
    Dataset, dims (model, horizon, ...)
        ``mape`` and ``median_error``, the mean and the median of |mid/observed − 1|; ``bias``, the
        mean of mid/observed − 1;
        ``coverage`` (level), the share of observations inside the band; ``count`` of
        observations; ``mape_ratio``, mape over that of ``against``. Shares, not per cent.
        ``to_dataframe()`` gives the table.

    Examples
    --------
    >>> years = np.arange(1990, 2021)
    >>> history = xr.DataArray(1.02 ** (years - 2000.0), {"year": years})
    >>> found = backtest(["naive", "last_value"], history, None, [2005, 2010], 1)
    >>> table = error_table(found, against="last_value")
    >>> table.mape.sel(horizon=1).values.round(4).tolist(), table["count"].values.tolist()
    ([0.0, 0.0196], [2])
    """
    if not isinstance(scores, xr.Dataset) or "relative_error" not in scores:
        raise MfaError("error_table summarises what backtest(…) returned")
    if over is None:
        over = [str(d) for d in scores["observed"].dims if d != "horizon"]
    over = [over] if isinstance(over, str) else list(over)
    for dim in over:
        if dim not in scores["observed"].dims:
            hint = known(dim, scores["observed"].dims, "dimensions")
            raise MfaError(f"errors have no dimension {dim!r} to average over. {hint}")
    if (scores["observed"] == 0).any():
        raise MfaError("an observation is 0: errors relative to it have no meaning; leave it out")
    seen = scores["observed"].notnull()
    error = scores["relative_error"]
    inside = (scores["low"] <= scores["observed"]) & (scores["observed"] <= scores["high"])
    table = xr.Dataset(
        {
            "mape": abs(error).mean(over),
            "median_error": abs(error).median(over),
            "bias": error.mean(over),
            "coverage": inside.where(seen).mean(over),
            "count": seen.sum(over),
        }
    )
    if against in table["model"].values:
        table["mape_ratio"] = table["mape"] / table["mape"].sel(model=against, drop=True)
        table["mape_ratio"].attrs["against"] = against
    return table.assign_attrs(scores.attrs)


def error_figure(table: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the mean relative error of each method over the horizon.

    Parameters
    ----------
    table : Dataset
        From :func:`error_table`, without dimensions other than model, level and horizon.
    ax : Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> mape = xr.DataArray([[0.1, 0.2]], {"model": ["naive"], "horizon": [1, 2]})
    >>> error_figure(xr.Dataset({"mape": mape}), Figure().add_subplot()).get_ylabel()
    'per cent'
    """
    from mfa import plot

    if not isinstance(table, xr.Dataset) or "mape" not in table:
        raise MfaError("error_figure draws what error_table(…) returned")
    shown = (100 * table["mape"]).assign_attrs(
        units="per cent", long_name="Mean absolute error of forecasts, by years ahead"
    )
    return plot.lines(shown, over="horizon", ax=ax)


def _variants(methods: Any) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return the name and the options of each method by its label."""
    if not isinstance(methods, Mapping):
        return {name: (name, {}) for name in different("methods", methods)}
    different("methods", methods)
    for label, told in methods.items():
        pair = isinstance(told, Sequence) and not isinstance(told, str) and len(told) == 2
        if not pair or not isinstance(told[0], str) or not isinstance(told[1], Mapping):
            raise MfaError(
                f"methods: {label!r} must be (name, options), such as ('naive', {{'last': 5}}), "
                f"found {told!r}"
            )
    return {label: (name, options) for label, (name, options) in methods.items()}


def _by_horizon(data: Any, origin: int) -> Any:
    found = data.rename(year="horizon")
    return found.assign_coords(horizon=found["horizon"] - origin).drop_attrs(deep=False)


def _last_year(drivers: Drivers) -> int:
    """Return the last year in which all drivers were observed."""
    return min(
        int(data["year"].values[-1]) for data in dict(drivers).values() if "year" in data.dims
    )

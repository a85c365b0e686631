"""Measures of stocks: metal in use, metal in the ground, and how long that lasts."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.indicators.quantities import (
    answer,
    labelled,
    masses,
    ratio,
    refuse,
    require_one_of,
    require_same_dims,
    require_units,
)
from mfa.indicators.registry import indicator
from mfa.units import quotient


@indicator()
def in_use_stock_per_capita(stock: Any, population: Any) -> Any:
    """Return the metal in use per head.

    stock / population, 0 or more.

    Parameters
    ----------
    stock : number or array (…) [t]
    population : number or array (…) [person]

    Returns
    -------
    number or array (…) [t/person]; NaN where nobody lives

    Raises
    ------
    MfaError
        If labels differ, the stock is per year, or a value is NaN or negative.

    References
    ----------
    Gerst, Graedel (2008), In-Use Stocks of Metals: Status and Implications, doi:10.1021/es800420p

    Examples
    --------
    >>> in_use_stock_per_capita(1e9, 80e6)
    12.5
    """
    arrays = masses(stock=stock, population=population)
    require_one_of(("person",), "population", arrays["population"])
    above, below = (data.attrs.get("units") for data in arrays.values())
    if above is not None and str(above).endswith("/yr"):
        raise MfaError(f"stock is in {above}: it is a flow; give what is in use at the year's end")
    units = None if above is None or below is None else quotient(above, below)
    found = ratio(arrays["stock"], arrays["population"])
    return answer(found, "in_use_stock_per_capita", units, stock, population)


@indicator()
def net_addition_to_stock(inflow: Any, outflow: Any) -> Any:
    """Return by how much a stock grows in the year; below 0 where it shrinks (NAS).

    inflow − outflow.

    Parameters
    ----------
    inflow, outflow : numbers or arrays (…), of the same dimensions [t/yr]

    Returns
    -------
    number or array (…) [t/yr]

    Raises
    ------
    MfaError
        If labels, dimensions or units differ, or a mass is NaN or negative.

    References
    ----------
    Eurostat (2001), Economy-wide Material Flow Accounts and Derived Indicators: A Methodological Guide

    Examples
    --------
    >>> net_addition_to_stock(12, 7.5)
    4.5
    """
    arrays = masses(inflow=inflow, outflow=outflow)
    units = require_units(*arrays, **arrays)
    require_same_dims(**arrays)
    found = arrays["inflow"] - arrays["outflow"]
    return answer(found, "net_addition_to_stock", units, inflow, outflow)


@indicator()
def urban_mine_to_reserve(stock: Any, reserves: Any) -> Any:
    """Return the metal in use over the metal that can be mined.

    stock / reserves, 0 or more; above 1 the urban mine is the larger one.

    Parameters
    ----------
    stock, reserves : numbers or arrays (…) [t]

    Returns
    -------
    number or array (…) [1]; NaN where there are no reserves

    Raises
    ------
    MfaError
        If labels or units differ, or a value is NaN or negative.

    References
    ----------
    UNEP (2010), Metal Stocks in Society: Scientific Synthesis

    Examples
    --------
    >>> urban_mine_to_reserve(300, 400)
    0.75
    """
    arrays = masses(stock=stock, reserves=reserves)
    require_units(*arrays, **arrays)
    found = ratio(arrays["stock"], arrays["reserves"])
    return answer(found, "urban_mine_to_reserve", "1", stock, reserves)


@indicator()
def self_sufficiency(production: Any, apparent_consumption: Any) -> Any:
    """Return the own production, primary and secondary, over apparent consumption.

    production / apparent_consumption, 0 or more; above 1 the place is a net
    exporter.  Apparent consumption is production + imports − exports + release
    from stockpiles, and 1 − self-sufficiency is the net import reliance.

    Parameters
    ----------
    production, apparent_consumption : numbers or arrays (…) [t/yr]

    Returns
    -------
    number or array (…) [1]; NaN where nothing is consumed

    Raises
    ------
    MfaError
        If labels or units differ, or a value is NaN or negative.

    References
    ----------
    U.S. Geological Survey, Mineral Commodity Summaries (net import reliance, yearly)

    Examples
    --------
    >>> self_sufficiency(30 + 5, 30 + 5 + 80 - 20 + 5)
    0.35
    """
    arrays = masses(production=production, apparent_consumption=apparent_consumption)
    require_units(*arrays, **arrays)
    found = ratio(arrays["production"], arrays["apparent_consumption"])
    return answer(found, "self_sufficiency", "1", production, apparent_consumption)


@indicator()
def static_reserve_life(reserves: Any, production: Any) -> Any:
    """Return for how many years reserves last if production stays as it is.

    reserves / production, 0 or more.

    Parameters
    ----------
    reserves : number or array (…) [t]
    production : number or array (…) [t/yr]

    Returns
    -------
    number or array (…) [yr]; NaN where nothing is mined

    Raises
    ------
    MfaError
        If labels differ, reserves over production is no time, or a value is NaN or negative.

    References
    ----------
    Meadows et al. (1972), The Limits to Growth (static index)

    Examples
    --------
    >>> static_reserve_life(100, 2)
    50.0
    """
    found = _years_at_once(masses(reserves=reserves, production=production))
    return answer(found, "static_reserve_life", "yr", reserves, production)


@indicator()
def growing_reserve_life(
    reserves: Any, production: Any, growth: Any, *, compounding: str = "continuous"
) -> Any:
    """Return for how many years reserves last if production grows by a constant rate.

    With R/P the static life, production P e^{g t} exhausts R after
    ln(1 + g R/P) / g years; production that steps up once a year, P (1 + g)^k,
    after ln(1 + g R/P) / ln(1 + g).  Both are R/P for g = 0.

    Parameters
    ----------
    reserves : number or array (…) [t]
    production : number or array (…) [t/yr]
    growth : number or array (…) [1/yr]
        Above −1.
    compounding : {"continuous", "annual"}

    Returns
    -------
    number or array (…) [yr]; NaN where nothing is mined, and where production
    falls so fast (1 + g R/P ≤ 0) that reserves are never exhausted

    Raises
    ------
    MfaError
        If labels differ, reserves over production is no time, a mass is NaN or negative,
        growth is −1 or less, or the compounding is unknown.

    References
    ----------
    Meadows et al. (1972), The Limits to Growth (exponential index)

    Examples
    --------
    >>> round(growing_reserve_life(100, 2, 0.03), 3)
    30.543
    >>> growing_reserve_life(3, 1, 1.0, compounding="annual")  # 1 + 2
    2.0
    """
    if compounding not in ("continuous", "annual"):
        names = ["continuous", "annual"]
        raise MfaError(f"compounding {compounding!r}. {known(compounding, names)}")
    arrays = labelled(reserves=reserves, production=production, growth=growth)
    rate = arrays.pop("growth")
    require_one_of(("1/yr", "1"), "growth", rate)
    refuse(~((rate > -1) & (rate < np.inf)), "growth", rate, "a rate of growth is above -1")
    static = _years_at_once(masses(**arrays))
    reach = (rate * static).where(rate * static > -1)
    step = rate if compounding == "continuous" else _log1p(rate)
    found = ratio(_log1p(reach), step).where(rate != 0, static)
    return answer(found, "growing_reserve_life", "yr", reserves, production, growth)


def _log1p(data: xr.DataArray) -> xr.DataArray:
    return xr.apply_ufunc(np.log1p, data)  # type: ignore[no-any-return]


def _years_at_once(arrays: dict[str, xr.DataArray]) -> xr.DataArray:
    above, below = (arrays[name].attrs.get("units") for name in ("reserves", "production"))
    if above is not None and below is not None and quotient(above, below) != "yr":
        raise MfaError(
            f"reserves in {above} over production in {below} is no number of years; "
            "give a mass, and a mass per year"
        )
    return ratio(arrays["reserves"], arrays["production"])

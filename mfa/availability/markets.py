"""Market balance with constant elasticities and a limit of capacity; flows of value."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import answer, masses, require_numbers
from mfa.units import product


def market_balance(
    demand: Any,
    supply: Any,
    *,
    demand_elasticity: Any = -0.2,
    supply_elasticity: Any = 0.3,
    capacity: Any = np.inf,
    release: Any = 0.0,
) -> xr.Dataset:
    """Return the price and the quantity at which demand and supply meet.

    D = demand × p^e_d and S = min(supply × p^e_s, capacity) + release, p being the
    price over that at which demand and supply are what is given.  Without release
    p = (supply / demand)^{−1 / (e_s − e_d)}, and at the limit p = (capacity / demand)^{1 / e_d};
    with release p is found by bisection.

    Parameters
    ----------
    demand, supply : numbers or arrays (…) [t/yr]
        At the reference price.
    demand_elasticity : number or array, below 0
        Usual in the short run: −0.1 to −0.3.
    supply_elasticity : number or array, 0 or more
        Usual in the short run: 0.2 to 0.5.
    capacity : number or array [t/yr]
    release : number or array [t/yr]
        From stockpiles, whatever the price.

    Returns
    -------
    Dataset, dims of the arguments
        ``price_index`` [1], ``quantity`` [t/yr], ``supply`` without the release,
        and ``limited``, whether capacity is.

    Raises
    ------
    MfaError
        If labels or units differ, an elasticity has the wrong sign, or nothing
        can be supplied.

    References
    ----------
    Tirole (1988), The Theory of Industrial Organization; elasticities of metals: Fally, Sayre
    (2018), NBER Working Paper 24965, doi:10.3386/w24965

    Examples
    --------
    A tenth of the supply is lost:

    >>> found = market_balance(100.0, 90.0)
    >>> round(float(found.price_index), 6), round(float(found.quantity), 6)
    (1.234568, 95.873152)
    """
    arrays = masses(demand=demand, supply=supply, release=release)
    limits = {"demand_elasticity": demand_elasticity, "supply_elasticity": supply_elasticity}
    slopes = {n: _array(n, v) for n, v in limits.items()}
    down, up = slopes.values()
    if bool((down >= 0).any()):
        raise MfaError(
            f"demand_elasticity is {float(down.max()):g}; demand falls with the price: below 0"
        )
    if bool((up < 0).any()):
        raise MfaError(f"supply_elasticity is {float(up.min()):g}; it is 0 or more")
    most = capacity if isinstance(capacity, xr.DataArray) else xr.DataArray(float(capacity))
    if bool((most < 0).any()) or bool(most.isnull().any()):
        raise MfaError("a capacity is NaN or below 0")
    asked, made, freed, most, down, up = xr.align(
        *xr.broadcast(*arrays.values(), most, down, up), join="exact"
    )
    if bool((asked <= 0).any()):
        raise MfaError("demand at the reference price is above 0")
    if bool(((np.minimum(made, most) + freed) <= 0).any()):
        raise MfaError("nothing can be supplied somewhere, so no price clears the market there")
    log = _log_price(*(a.values for a in (asked, made, freed, most, down, up)))
    price = asked.copy(data=np.exp(log))
    wanted = made * price**up
    supplied = wanted.where(wanted < most, most)
    found = xr.Dataset(
        {
            "price_index": price.assign_attrs(units="1"),
            "quantity": (asked * price**down).assign_attrs(units="t/yr"),
            "supply": supplied.assign_attrs(units="t/yr"),
            "limited": wanted >= most,
        }
    )
    return found


def _array(name: str, value: Any) -> xr.DataArray:
    found = value if isinstance(value, xr.DataArray) else xr.DataArray(float(value))
    require_numbers(name, found)
    return found


def _log_price(asked: Any, made: Any, freed: Any, most: Any, down: Any, up: Any) -> Any:
    """Return ln p where ln D = ln S: closed form without release, else by bisection."""
    with np.errstate(divide="ignore"):
        free = (np.log(asked) - np.log(made)) / (up - down)
        held = (np.log(most) - np.log(asked)) / down
        closed = np.where(np.isfinite(most), np.maximum(free, held), free)
    if not freed.any():
        return closed
    low = np.full(asked.shape, -700.0 / np.maximum(1.0, np.abs(down)))
    high = np.where(
        np.isfinite(closed), closed, (np.log(freed.clip(1e-300)) - np.log(asked)) / down
    )
    for _ in range(200):
        middle = 0.5 * (low + high)
        with np.errstate(over="ignore"):
            short = (
                asked * np.exp(down * middle) > np.minimum(made * np.exp(up * middle), most) + freed
            )
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return 0.5 * (low + high)


def value_flow(flow: Any, price: Any) -> Any:
    """Return what a flow is worth: quantity × price.

    Parameters
    ----------
    flow : number or array (…) [t/yr]
    price : number or array (…) [USD/t]

    Returns
    -------
    number or array (…) [USD/yr]

    Raises
    ------
    MfaError
        If labels differ, or a value is NaN or negative.

    Examples
    --------
    >>> value_flow(3.7e6, 17e3)
    62900000000.0
    """
    arrays = masses(flow=flow, price=price)
    units = None
    if all("units" in data.attrs for data in arrays.values()):
        units = product(*(str(data.attrs["units"]) for data in arrays.values()))
    return answer(arrays["flow"] * arrays["price"], "value", units, flow, price)

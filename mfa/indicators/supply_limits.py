"""What limits supply when it is short: the hosts of a by-product, and what lies in a stockpile."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import answer, labelled, masses, ratio, refuse, require_units
from mfa.indicators.registry import indicator
from mfa.indicators.shares import require_dim, scores
from mfa.units import quotient

DAYS = 365.0


@indicator()
def byproduct_ceiling(
    hosts: xr.DataArray, content: Any, recovery: Any, dim: str, *, primary: Any = 0.0
) -> xr.DataArray:
    """Return how much of a by-product can be mined at most, whatever its price.

    Σ_h host_h · content_h · recovery_h + primary, 0 or more: what the host
    metals bring to the surface, and mines of its own.  The hosts do not react
    to the price of the by-product.

    Parameters
    ----------
    hosts : array (…, dim) [t/yr]
        Production of the host metals.
    content : number or array (…, dim) [1]
        By-product in the ore for a tonne of host metal.
    recovery : number or array (…, dim) [1]
        Share of it that is recovered, within [0, 1].
    dim : str
        The dimension of the hosts.
    primary : number or array (…) [t/yr]
        From mines of its own.

    Returns
    -------
    array (…) [t/yr]

    Raises
    ------
    MfaError
        If labels or units differ, an amount is NaN or negative, or a recovery lies outside [0, 1].

    References
    ----------
    Nassar, Graedel, Harper (2015), By-product Metals Are Technologically Essential but Have Problematic
    Supply, doi:10.1126/sciadv.1400180

    Examples
    --------
    >>> import mfa
    >>> host = ["Cu", "Ni"]
    >>> mined = mfa.array([2000, 3000], "kt/yr", host=host)
    >>> content = mfa.array([0.05, 0.03], "1", host=host)
    >>> recovered = mfa.array([0.6, 0.5], "1", host=host)
    >>> float(byproduct_ceiling(mined, content, recovered, "host", primary=mfa.array(5, "kt/yr")))
    110000.0
    """
    data = labelled(hosts=hosts, content=content, recovery=recovery, primary=primary)
    require_dim("hosts", data["hosts"], dim)
    masses(**{name: each for name, each in data.items() if name != "recovery"})
    scores({"recovery": data["recovery"]}, missing=False)
    units = require_units("hosts", "primary", **data)
    if dim in data["primary"].dims:
        raise MfaError(f"primary has the dimension {dim!r}: its own mines are nobody's host")
    found = xr.dot(data["hosts"], data["content"] * data["recovery"], dim=dim) + data["primary"]
    return answer(found, "byproduct_ceiling", units, hosts)  # type: ignore[no-any-return]


@indicator()
def days_of_cover(stock: Any, demand: Any) -> Any:
    """Return for how many days a stockpile covers demand if nothing else comes.

    365 · stock / demand, 0 or more.

    Parameters
    ----------
    stock : number or array (…) [t]
    demand : number or array (…) [t/yr]

    Returns
    -------
    number or array (…) [day]; NaN where nothing is asked for

    Raises
    ------
    MfaError
        If labels differ, the units are not of a stock and a flow of the same, or an amount is
        NaN or negative.

    References
    ----------
    International Energy Agency (2022), The Role of Critical Minerals in Clean Energy Transitions
    (stockpiles); own definition

    Examples
    --------
    >>> days_of_cover(30, 100)
    109.5
    """
    data = _stock_and_flow(stock=stock, demand=demand)
    return answer(
        DAYS * ratio(data["stock"], data["demand"]), "days_of_cover", "day", stock, demand
    )


@indicator()
def depletion_time(stock: Any, deficit: Any) -> Any:
    """Return after how many years a stockpile is empty if it makes up for a deficit.

    stock / deficit, 0 or more.

    Parameters
    ----------
    stock : number or array (…) [t]
    deficit : number or array (…) [t/yr]
        Demand less what is still delivered.

    Returns
    -------
    number or array (…) [yr]; NaN where there is no deficit: it is never emptied

    Raises
    ------
    MfaError
        As :func:`days_of_cover`.

    References
    ----------
    Own definition, of a stock and a constant outflow

    Examples
    --------
    >>> depletion_time(30, 60)
    0.5
    """
    data = _stock_and_flow(stock=stock, deficit=deficit)
    return answer(ratio(data["stock"], data["deficit"]), "depletion_time", "yr", stock, deficit)


@indicator()
def unmet_after_stockpile(
    stock: Any, deficit: Any, duration: Any, *, release_rate: Any = np.inf
) -> Any:
    """Return what is missing at the end of a disruption after a stockpile has given what it can.

    duration · deficit − min(stock, duration · min(deficit, release_rate)), 0 or more.

    Parameters
    ----------
    stock : number or array (…) [t]
    deficit : number or array (…) [t/yr]
    duration : number or array (…) [yr]
    release_rate : number or array (…) [t/yr]
        Most that can be taken out in a year.

    Returns
    -------
    number or array (…) [t]

    Raises
    ------
    MfaError
        As :func:`days_of_cover`, and if a duration or rate is NaN or negative.

    References
    ----------
    Own definition: release = min(deficit, rate, stock)

    Examples
    --------
    >>> unmet_after_stockpile(30, 60, 9 / 12)
    15.0
    """
    data = _stock_and_flow(stock=stock, deficit=deficit)
    rest = labelled(**data, duration=duration, release_rate=release_rate)
    masses(duration=rest["duration"])
    why = "a rate is 0 or more; leave it out where nothing limits it"
    rate = rest["release_rate"]
    scores({"release_rate": rate.where(rate != np.inf, 0.0)}, 0.0, np.inf, missing=False, why=why)
    flow = xr.apply_ufunc(np.minimum, data["deficit"], rate) * rest["duration"]
    given = xr.apply_ufunc(np.minimum, data["stock"], flow)
    found = (data["deficit"] * rest["duration"] - given).clip(min=0)
    units = data["stock"].attrs.get("units")
    return answer(found, "unmet_after_stockpile", units, stock, deficit, duration, release_rate)


@indicator()
def price_ratio(
    supply: Any, demand_elasticity: Any, supply_elasticity: Any, *, capacity: Any = np.inf
) -> Any:
    """Return by how much the price changes when supply does: constant elasticities, one market.

    D0 · p^e_d = min(S · p^e_s, C) with p the price over that of before, so
    p = (S/D0)^(−1/(e_s − e_d)), or (C/D0)^(1/e_d) where capacity is the limit;
    demand is then p^e_d of what it was.  Short-run elasticities are poorly
    known (about −0.3 to −0.1 and 0.2 to 0.5): give ranges, not one number.
    This is the market of :func:`mfa.availability.market_balance` in shares of the old demand,
    for an indicator of risk; that function takes tonnes and stockpiles and returns quantities.

    Parameters
    ----------
    supply : number or array (…) [1]
        What is supplied at the old price over old demand, above 0: 0.9 after a loss of 10 %.
    demand_elasticity, supply_elasticity : numbers or arrays (…) [1]
        Below 0; 0 or more.
    capacity : number or array (…) [1]
        The most that can be supplied at any price over old demand, above 0.

    Returns
    -------
    number or array (…) [1], above 0

    Raises
    ------
    MfaError
        If labels differ, supply or capacity is not above 0, or an elasticity has the wrong sign.

    References
    ----------
    Own definition: a market of constant elasticities with a capacity limit

    Examples
    --------
    >>> round(price_ratio(0.9, demand_elasticity=-0.2, supply_elasticity=0.3), 4)
    1.2346
    """
    given = {
        "supply": supply,
        "demand_elasticity": demand_elasticity,
        "supply_elasticity": supply_elasticity,
        "capacity": capacity,
    }
    data = labelled(**given)
    offered, most = data["supply"], data["capacity"]
    down, up = data["demand_elasticity"], data["supply_elasticity"]
    refuse(~((offered > 0) & (offered < np.inf)), "supply", offered, "it has to be above 0")
    refuse(~(most > 0), "capacity", most, "it has to be above 0")
    refuse(~(down < 0), "demand_elasticity", down, "demand falls as the price rises: below 0")
    refuse(~((up >= 0) & (up < np.inf)), "supply_elasticity", up, "it is 0 or more")
    free = offered ** (-1 / (up - down))
    found = free.where(offered * free**up <= most, most ** (1 / down))
    return answer(found, "price_ratio", "1", *given.values())


def _stock_and_flow(**inputs: Any) -> dict[str, xr.DataArray]:
    """Return a stock and a flow whose ratio is a time."""
    data = masses(**inputs)
    (stock, above), (flow, below) = ((name, each.attrs.get("units")) for name, each in data.items())
    if above is not None and below is not None and quotient(above, below) != "yr":
        raise MfaError(
            f"{stock} in {above} over {flow} in {below} is no time; give a mass, and a mass per year"
        )
    return data

"""Energy and greenhouse gases: flow × factor, mixtures of routes, avoided emissions, allocation.

What went into a result stands in its attributes: ``source``, ``allocation`` and
``defaults``, the factors that are only to be replaced.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from mfa.errors import MfaError, known
from mfa.indicators.quantities import answer, masses, refuse, require_units
from mfa.indicators.registry import indicator
from mfa.units import product

ALLOCATIONS = ("mass", "economic", "system expansion")
"""Ways to divide the burden of a process among its products."""

TOLD = ("source", "allocation", "confidence", "defaults")


@indicator()
def emissions(flow: Any, factor: Any) -> Any:
    """Return the greenhouse gases of a flow.

    flow × factor; a loss that its factor is not per tonne of is not in it.

    Parameters
    ----------
    flow : number or array (…) [t/yr]
    factor : number or array (…) [t CO₂e/t]

    Returns
    -------
    number or array (…) [t CO₂e/yr]
        With the attributes ``source``, ``allocation`` and ``defaults`` of the factor.

    Raises
    ------
    MfaError
        If labels differ, or a value is NaN or negative.

    References
    ----------
    ISO 14067:2018, Greenhouse gases, carbon footprint of products

    Examples
    --------
    >>> emissions(100, 15.0)
    1500.0
    """
    return _times("emissions", flow, factor)


@indicator()
def energy(flow: Any, intensity: Any) -> Any:
    """Return the energy that a flow takes.

    flow × intensity.

    Parameters
    ----------
    flow : number or array (…) [t/yr]
    intensity : number or array (…) [MJ/t] or [kWh/t]

    Returns
    -------
    number or array (…) [MJ/yr] or [kWh/yr]

    Raises
    ------
    MfaError
        If labels differ, or a value is NaN or negative.

    References
    ----------
    ISO 14044:2006, Life cycle assessment, requirements and guidelines

    Examples
    --------
    >>> energy(2, 650e3)
    1300000.0
    """
    return _times("energy", flow, intensity)


def _times(name: str, flow: Any, factor: Any) -> Any:
    arrays = masses(flow=flow, factor=factor)
    units = None
    if all("units" in data.attrs for data in arrays.values()):
        units = product(*(str(data.attrs["units"]) for data in arrays.values()))
    found = answer(arrays["flow"] * arrays["factor"], name, units, flow, factor)
    return _told(found, factor)


def _told(found: Any, *factors: Any) -> Any:
    """Write into a result what its factors say of themselves."""
    if isinstance(found, xr.DataArray):
        for key in TOLD:
            said = [str(f.attrs[key]) for f in factors if key in getattr(f, "attrs", {})]
            if any(said):
                found.attrs[key] = "; ".join(dict.fromkeys(s for s in said if s))
    return found


def grid_linked(direct: Any, electricity: Any, grid: Any) -> Any:
    """Return a factor whose electricity comes from a grid.

    direct + electricity × grid: with ``grid`` over years and places, the factor
    follows the grid.

    Parameters
    ----------
    direct : number or array [t CO₂e/t]
        Of fuels and reactions, without electricity.
    electricity : number or array [kWh/t]
    grid : number or array [t CO₂e/kWh]
        ``mfa.array(0.5, "kg/kWh")`` is 0.0005.

    Returns
    -------
    number or array (…) [t CO₂e/t]

    Raises
    ------
    MfaError
        If labels differ, or a value is NaN or negative.

    Examples
    --------
    Aluminium at 2 t of direct emissions and 14.5 MWh a tonne, on a grid of 0.5 kg/kWh:

    >>> grid_linked(2.0, 14_500, 0.0005)
    9.25
    """
    arrays = masses(direct=direct, electricity=electricity, grid=grid)
    found = arrays["direct"] + arrays["electricity"] * arrays["grid"]
    said = all("units" in arrays[n].attrs for n in ("electricity", "grid"))
    units = None
    if said:
        units = product(*(str(arrays[n].attrs["units"]) for n in ("electricity", "grid")))
        own = arrays["direct"].attrs.get("units", units)
        if own != units:
            raise MfaError(f"units differ: direct in {own}, electricity × grid in {units}")
    result = answer(found, "factor", units, direct, electricity, grid)
    return _told(result, direct, electricity, grid)


def route_mix(shares: Any, factors: Any, dim: str = "route") -> Any:
    """Return the mean factor of several routes, weighted by their shares.

    Σ share × factor over the routes.

    Parameters
    ----------
    shares : array (dim, …) [1]
        Sum to 1 over ``dim``.
    factors : array (dim, …)
    dim : str

    Returns
    -------
    array (…)

    Raises
    ------
    MfaError
        If shares do not sum to 1, or labels differ.

    Examples
    --------
    A tenth of the metal is secondary at 3 t/t, the rest primary at 15 t/t:

    >>> import mfa
    >>> routes = ["primary", "secondary"]
    >>> float(route_mix(mfa.array([0.9, 0.1], route=routes), mfa.array([15.0, 3.0], route=routes)))
    13.8
    """
    arrays = masses(shares=shares, factors=factors)
    for name, data in arrays.items():
        if dim not in data.dims:
            raise MfaError(f"{name}: needs the dimension {dim!r}; has {list(data.dims)}")
    whole = arrays["shares"].sum(dim)
    refuse(abs(whole - 1) > 1e-9, "the sum of shares", whole, f"over {dim!r} it is 1")
    found = (arrays["shares"] * arrays["factors"]).sum(dim)
    units = arrays["factors"].attrs.get("units")
    return _told(answer(found, "factor", units, shares, factors), factors)


@indicator()
def avoided_emissions(secondary: Any, primary_factor: Any, secondary_factor: Any) -> Any:
    """Return the emissions that recycled metal avoids; below 0 where recycling emits more.

    secondary × (primary_factor − secondary_factor): every tonne replaces one of
    primary metal.  With ranges, the largest saving is the high primary factor
    less the low secondary one.

    Parameters
    ----------
    secondary : number or array (…) [t/yr]
    primary_factor, secondary_factor : numbers or arrays (…) [t CO₂e/t]

    Returns
    -------
    number or array (…) [t CO₂e/yr]

    Raises
    ------
    MfaError
        If labels or units differ, or a value is NaN or negative.

    References
    ----------
    ISO 14044:2006, Life cycle assessment, requirements and guidelines (system expansion)

    Examples
    --------
    >>> avoided_emissions(15, 15.0, 3.0)
    180.0
    """
    arrays = masses(
        secondary=secondary, primary_factor=primary_factor, secondary_factor=secondary_factor
    )
    require_units("primary_factor", "secondary_factor", **arrays)
    above, below = arrays["primary_factor"], arrays["secondary_factor"]
    if "estimate" in above.dims and "estimate" in below.dims:
        below = below.isel(estimate=slice(None, None, -1)).assign_coords(estimate=above.estimate)
    units = None
    if "units" in above.attrs and "units" in arrays["secondary"].attrs:
        units = product(str(arrays["secondary"].attrs["units"]), str(above.attrs["units"]))
    found = arrays["secondary"] * (above - below)
    result = answer(found, "avoided_emissions", units, secondary, primary_factor, secondary_factor)
    return _told(result, primary_factor, secondary_factor)


def allocate(
    burden: Any, mass: Any, by: str, *, price: Any = None, credit: Any = None, dim: str = "product"
) -> Any:
    """Divide the burden of a process among its products.

    ``mass``: by mass.  ``economic``: by mass × price.  ``system expansion``: the
    first product bears all, less what the others replace elsewhere
    (mass × credit); they bear what they replace.

    Parameters
    ----------
    burden : number or array (…)
    mass : array (product, …)
    by : {"mass", "economic", "system expansion"}
    price : array (product, …), for ``economic``
    credit : array (product, …), for ``system expansion``
        Factors of what the products replace; that of the first is not used.
    dim : str

    Returns
    -------
    array (product, …)
        Their sum is the burden; ``attrs["allocation"]`` names the way.

    Raises
    ------
    MfaError
        If the way is unknown, lacks its prices or credits, or nothing is produced.

    References
    ----------
    ISO 14044:2006, section 4.3.4, Allocation

    Examples
    --------
    Nickel and a tenth as much cobalt at three times its price:

    >>> import mfa
    >>> mass = mfa.array([10.0, 1.0], "t/yr", product=["Ni", "Co"])
    >>> allocate(130, mass, "economic", price=mfa.array([1.0, 3.0], product=["Ni", "Co"])).values.tolist()
    [100.0, 30.0]
    """
    if by not in ALLOCATIONS:
        raise MfaError(f"allocation {by!r} is unknown. {known(by, ALLOCATIONS)}")
    needed = {"economic": ("price", price), "system expansion": ("credit", credit)}.get(by)
    if needed and needed[1] is None:
        raise MfaError(f"allocation {by!r} needs {needed[0]}=…")
    arrays = masses(burden=burden, mass=mass, **({needed[0]: needed[1]} if needed else {}))
    if dim not in arrays["mass"].dims:
        raise MfaError(f"mass: needs the dimension {dim!r}; has {list(arrays['mass'].dims)}")
    if by == "system expansion":
        replaced = arrays["mass"] * arrays["credit"]
        rest = arrays["burden"] - replaced.isel({dim: slice(1, None)}).sum(dim)
        first = xr.DataArray(np.arange(arrays["mass"].sizes[dim]) == 0, dims=dim)
        found = replaced.where(~first, rest)
    else:
        weight = arrays["mass"] * arrays["price"] if by == "economic" else arrays["mass"]
        whole = weight.sum(dim)
        refuse(whole <= 0, "the sum of products", whole, "there is nothing to allocate to")
        found = arrays["burden"] * weight / whole
    result = answer(found, "burden", arrays["burden"].attrs.get("units"), mass)
    result.attrs["allocation"] = by
    return result

"""When something happens in a series of years, and what adds up until then."""

from __future__ import annotations

from typing import Any

import xarray as xr

from mfa.errors import MfaError
from mfa.indicators.quantities import (
    answer,
    labelled,
    masses,
    refuse,
    require_numbers,
    require_one_of,
    require_same_dims,
    require_units,
    require_years,
)
from mfa.indicators.registry import indicator
from mfa.units import product


@indicator()
def peak_year(series: xr.DataArray) -> xr.DataArray:
    """Return the year in which a series is highest, if it has been seen to fall afterwards.

    argmax over the years; the first of equal ones.  A peak in the first year
    means: in that year or before.  With a dimension ``sample`` the quantiles
    of the result are its interval.

    Parameters
    ----------
    series : array (year, …)
        Of any unit and sign.

    Returns
    -------
    array (…) [year]; NaN where the last year is as high as any: no peak until then

    Raises
    ------
    MfaError
        If there is no dimension ``year``, a year is missing, or a value is NaN.

    References
    ----------
    Hubbert (1956), Nuclear Energy and the Fossil Fuels (the peak of a production curve)

    Examples
    --------
    >>> import mfa
    >>> peak_year(mfa.array([1, 3, 2], "t/yr", year=[2030, 2031, 2032])).item()
    2031.0
    """
    data = labelled(series=series)["series"]
    require_numbers("series", data)
    require_years("series", data)
    height = data.max("year")
    year = data["year"].where(data == height).min("year")
    return _year(year.where(data.isel(year=-1, drop=True) < height), "peak_year", series)


@indicator()
def crossing_year(
    secondary: xr.DataArray, primary: xr.DataArray, *, for_good: bool = False
) -> xr.DataArray:
    """Return the first year in which secondary supply exceeds primary supply.

    min {t : secondary(t) > primary(t)}; with ``for_good`` the first year from
    which it does so in every year to the last.  In the first year of the
    series means: in that year or before.

    Parameters
    ----------
    secondary, primary : arrays (year, …), of the same dimensions [t/yr]
    for_good : bool

    Returns
    -------
    array (…) [year]; NaN where it does not happen

    Raises
    ------
    MfaError
        If labels, dimensions or units differ, a year is missing, or a mass is NaN or negative.

    References
    ----------
    The first passage of secondary/total supply through 1/2; own definition

    Examples
    --------
    >>> import mfa
    >>> old = mfa.array([1, 4, 2, 5], "t/yr", year=[2030, 2031, 2032, 2033])
    >>> new = mfa.array([3, 3, 3, 3], "t/yr", year=[2030, 2031, 2032, 2033])
    >>> crossing_year(old, new).item(), crossing_year(old, new, for_good=True).item()
    (2031.0, 2033.0)
    """
    arrays = masses(secondary=secondary, primary=primary)
    require_units(*arrays, **arrays)
    require_same_dims(**arrays)
    for name, data in arrays.items():
        require_years(name, data)
    exceeds = arrays["secondary"] > arrays["primary"]
    if for_good:
        backwards = slice(None, None, -1)
        exceeds = exceeds.isel(year=backwards).astype(int).cumprod("year").isel(year=backwards) > 0
    year = secondary["year"].where(exceeds).min("year")
    return _year(year, "crossing_year", secondary)


@indicator()
def avoided_primary(secondary: xr.DataArray, displacement: Any = 1.0) -> xr.DataArray:
    """Return the primary metal that secondary supply has replaced since the first year.

    Σ_{s ≤ t} displacement · secondary(s): never falls.  Displacement is the
    primary tonne that a secondary tonne replaces; 1 is the upper bound that
    most accounts assume, markets often give less.

    Parameters
    ----------
    secondary : array (year, …) [t/yr]
        Secondary metal that is functionally recycled and used.
    displacement : number or array (…) [1]
        Within [0, 1].

    Returns
    -------
    array (year, …) [t]

    Raises
    ------
    MfaError
        If labels differ, the supply is not per year, a year is missing, a mass is NaN or
        negative, or displacement lies outside [0, 1].

    References
    ----------
    Geyer et al. (2016), Common Misconceptions about Recycling, doi:10.1111/jiec.12355

    Examples
    --------
    >>> import mfa
    >>> avoided_primary(mfa.array([1, 2], "t/yr", year=[2030, 2031]), 0.5).values.tolist()
    [0.5, 1.5]
    """
    arrays = masses(secondary=secondary, displacement=displacement)
    data, rate = arrays["secondary"], arrays["displacement"]
    require_years("secondary", data)
    require_one_of(("1",), "displacement", rate)
    refuse(rate > 1, "displacement", rate, "a tonne replaces one tonne at most")
    units = data.attrs.get("units")
    if units is not None and not str(units).endswith("/yr"):
        raise MfaError(f"secondary is in {units}, not per year; give the supply of each year")
    stock = None if units is None else product(units, "yr")
    found = (data * rate).cumsum("year").assign_coords(year=data["year"])
    return answer(found, "avoided_primary", stock, secondary)  # type: ignore[no-any-return]


def _year(found: xr.DataArray, name: str, *inputs: Any) -> xr.DataArray:
    return answer(found.astype(float), name, "year", *inputs)  # type: ignore[no-any-return]

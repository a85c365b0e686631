"""Stocks from before the first year: the inflow that made them, their cohorts, what is left."""

from __future__ import annotations

import numpy as np
import xarray as xr

from mfa.errors import MfaError
from mfa.lifetime import bare
from mfa.stock_arrays import arrange, flow_units, label, revived, same_units, survival_now


def backcast_inflow(initial: xr.DataArray, survival: xr.DataArray) -> xr.DataArray:
    """Return the past inflow that has left a stock by cohort: I[c] = S[c] / survival[last − c].

    Parameters
    ----------
    initial : DataArray, shape (cohort, ...)
        Stock by year of entry at the end of the last of these years, e.g. [t].
    survival : DataArray, shape (age, ...) or (cohort, age, ...)
        As in :func:`from_inflow`, with at least as many ages as cohorts.

    Returns
    -------
    DataArray, shape (year, ...), e.g. [t/yr]; 0 where the stock is 0

    Raises
    ------
    MfaError
        If labels differ, or something is left of a cohort of which nothing can be left.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> survival = lifetime.table(years(2018, 2020), survival=[1.0, 0.5, 0.0])
    >>> initial = array([0.0, 2.0, 3.0], "t", cohort=[2018, 2019, 2020])
    >>> backcast_inflow(initial, survival).values.tolist()
    [0.0, 4.0, 3.0]
    """
    case = arrange("initial", initial.rename(cohort="year"), survival)
    alive = survival_now(case.alive, case.by_cohort, case.series.shape[-1])
    inflow = revived(case.series, alive, case)
    return label(case, inflow, "inflow", flow_units(same_units("initial", initial)), survival)


def initial_from_growth(
    total: xr.DataArray, survival: xr.DataArray, cohorts: xr.DataArray, growth: float
) -> xr.DataArray:
    """Share an initial total out over its cohorts, the past inflow having grown at a steady rate.

    S[c] ∝ survival[last − c] · (1 + growth)^(c − last), scaled to the total.

    Parameters
    ----------
    total : DataArray, shape (...)
        Stock at the end of the last of the cohorts' years, e.g. [t].
    survival : DataArray, shape (age, ...) or (cohort, age, ...)
        As in :func:`from_inflow`, with at least as many ages as cohorts.
    cohorts : DataArray, shape (year,)
        Years of entry, from :func:`mfa.dims.years`.
    growth : float
        Growth of the past inflow per year [1], above −1.

    Returns
    -------
    DataArray, shape (cohort, ...), for ``initial=`` of the other functions

    Raises
    ------
    MfaError
        If labels differ, growth is −1 or less, or nothing of these cohorts can be left.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> survival = lifetime.table(years(2018, 2020), survival=[1.0, 1.0, 0.0])
    >>> total = array(6.0, "t")
    >>> initial_from_growth(total, survival, years(2018, 2020), growth=1.0).values.tolist()
    [0.0, 2.0, 4.0]
    """
    _require_one_moment(total)
    if not isinstance(growth, int | float):
        raise MfaError("growth is one number, the same everywhere; make an initial stock for each")
    if not growth > -1:
        raise MfaError(f"growth must be above -1, not {growth}")
    past = (1.0 + growth) ** (cohorts - cohorts[-1]).astype(float)
    case = arrange("total", past * total, survival)
    age = survival_now(case.alive, case.by_cohort, cohorts.size)
    weight = bare(past, [*case.lead, "year"]) * age
    whole = weight.sum(axis=-1, keepdims=True)
    if (whole <= 0).any():
        raise MfaError("nothing of these cohorts can be left; give earlier or later years of entry")
    shared = bare(total, [*case.lead, "year"]) * weight / whole
    units = same_units("total", total)
    return label(case, shared, "initial", units, survival).rename(year="cohort")


def run_off(total: xr.DataArray, survival: xr.DataArray, years: xr.DataArray) -> xr.DataArray:
    """Return what is left of an initial total that has a survival of its own.

    Parameters
    ----------
    total : DataArray, shape (...)
        Stock at the end of the year before the first, e.g. [t].
    survival : DataArray, shape (age, ...)
        Share of it left at the end of the first, second, … year of the run [1].
    years : DataArray, shape (year,)
        Years of the run.

    Returns
    -------
    DataArray, shape (year, ...), the year before the first included; for ``initial=``

    Raises
    ------
    MfaError
        If labels differ or ages are too few.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> own = lifetime.table(years(2020, 2021), survival=[0.5, 0.25])
    >>> run_off(array(8.0, "t"), own, years(2020, 2021)).values.tolist()
    [8.0, 4.0, 2.0]
    """
    _require_one_moment(total)
    case = arrange("total", total * xr.ones_like(years, dtype=float), survival)
    if case.by_cohort:
        raise MfaError("an initial total has one survival by age, not one by cohort")
    left = case.series[..., :1] * np.concatenate(
        [np.ones_like(case.alive[..., :1]), case.alive], -1
    )
    case.coords["year"] = np.arange(int(years[0]) - 1, int(years[-1]) + 1)
    case = case._replace(given=None)
    return label(case, left, "initial", same_units("total", total), survival)


def _require_one_moment(total: xr.DataArray) -> None:
    if strange := [d for d in ("year", "cohort", "age") if d in total.dims]:
        raise MfaError(f"total: is told at one moment, it has no dimension {strange[0]!r}")

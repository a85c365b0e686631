"""Stocks in use from their inflow or from their level, with labels in and out.

Every function takes and returns labelled arrays; the year is a dimension, all
others ride along. Stocks stand at the end of a year, flows are during it, one
step is one year. Labels of shared dimensions must be identical (CONVENTIONS §1).
A second life or a hibernation is a stock whose inflow is another's outflow.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mfa import kernels, retirement
from mfa.cohort_survival import CohortSurvival
from mfa.errors import MfaError
from mfa.initial_stocks import backcast_inflow, initial_from_growth, run_off
from mfa.lifetime import bare
from mfa.stock_arrays import (
    Case,
    arrange,
    first_cell,
    flow_units,
    label,
    place,
    require_years,
    same_units,
    stock_units,
)
from mfa.survival import Array

__all__ = [
    "CohortStock",
    "StockFlow",
    "backcast_inflow",
    "by_cohort",
    "from_inflow",
    "from_stock",
    "initial_from_growth",
    "run_off",
]

DECLINE = ("raise", "allow", "retire_early")
"""What to do where a stock falls faster than its cohorts retire."""

ROUNDING = 1e-10
"""A negative inflow below this share of the largest stock of its series is rounding."""


class StockFlow(NamedTuple):
    """A stock with its two flows, each with dims (year, ...)."""

    inflow: xr.DataArray
    stock: xr.DataArray
    outflow: xr.DataArray


class CohortStock(NamedTuple):
    """Stock and outflow by year of entry, each with dims (year, cohort, ...)."""

    stock: xr.DataArray
    outflow: xr.DataArray


def from_inflow(
    inflow: xr.DataArray, survival: xr.DataArray, initial: xr.DataArray | None = None
) -> StockFlow:
    """Return stock and outflow of a given inflow: S[t] = Σ_c survival[t − c] · I[c].

    Parameters
    ----------
    inflow : DataArray, shape (year, ...)
        Mass that enters use per year, e.g. [t/yr].
    survival : DataArray, shape (age, ...) or (cohort, age, ...)
        Share still in use at the end of each year [1], from :mod:`mfa.lifetime`.
    initial : DataArray, shape (cohort, ...) or (year, ...), optional
        Stock at the end of the year before the first, by year of entry [t]: the survival must
        then reach back as far. Or what is left of an initial stock at the end of each year, the
        year before the first included (:func:`run_off`).

    Returns
    -------
    StockFlow
        The outflow follows by balance, O[t] = I[t] − (S[t] − S[t−1]).

    Raises
    ------
    MfaError
        If labels differ, years have gaps, ages are too few, a value is NaN or units do not fit.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> inflow = array([1.0, 2.0, 3.0], "t/yr", year=[2020, 2021, 2022])
    >>> survival = lifetime.table(years(2020, 2022), survival=[1.0, 0.5, 0.0])
    >>> use = from_inflow(inflow, survival)
    >>> use.stock.values.tolist(), use.stock.attrs["units"]
    ([1.0, 2.5, 4.0], 't')
    >>> use.outflow.values.tolist()
    [0.0, 0.5, 1.5]
    """
    case = arrange("inflow", inflow, survival, initial)
    units = stock_units(inflow, initial)
    if case.remaining is None:
        stock, outflow = kernels.stock_and_outflow(case.series, case.alive, case.by_cohort)
    else:
        stock = kernels.stock_from_inflow(case.series, case.alive, case.by_cohort)
        stock = stock + case.remaining[..., 1:]
        outflow = kernels.outflow(case.series, stock, case.remaining[..., 0])
    return StockFlow(
        inflow,
        label(case, stock, "stock", units, survival),
        label(case, outflow, "outflow", flow_units(units), survival),
    )


def from_stock(
    stock: xr.DataArray,
    survival: xr.DataArray,
    initial: xr.DataArray | None = None,
    on_decline: str = "raise",
    shares: xr.DataArray | None = None,
) -> StockFlow:
    """Return the inflow and outflow that yield a given stock: the inverse of :func:`from_inflow`.

    I[t] = (S[t] − Σ_{c<t} survival[t − c] · I[c]) / survival[0].

    Parameters
    ----------
    stock : DataArray, shape (year, ...)
        Mass in use at the end of each year, e.g. [t].
    survival, initial
        As in :func:`from_inflow`. Dimensions that only the survival has are cases beside each
        other, each with the whole stock; for types that share one stock say ``shares``.
    on_decline : {"raise", "allow", "retire_early"}
        Where the stock falls faster than it retires (CONVENTIONS §8): an error; a negative
        inflow; or inflow 0, and everything in use, whatever its age, loses the same share now
        and in all later years.
    shares : DataArray, shape (type, ...) or (year, type, ...), optional
        Several types share the stock: ``type`` is any dimension that the stock lacks, shares
        divide the inflow and sum to 1 over it, I_g = share_g · I, and each type retires by its
        own survival. ``initial``, if there is one, is given by type.

    Returns
    -------
    StockFlow
        With ``shares`` all three by type.

    Raises
    ------
    MfaError
        As in :func:`from_inflow`; if nothing survives the year of entry; if shares do not sum to
        1; if the stock falls too fast and nothing else was chosen: the message names the first
        year and cell.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> stock = array([4.0, 2.0, 3.0], "t", year=[2020, 2021, 2022])
    >>> survival = lifetime.table(years(2020, 2022), survival=[1.0, 1.0, 1.0])
    >>> from_stock(stock, survival, on_decline="retire_early").inflow.values.tolist()
    [4.0, 0.0, 1.0]

    Half the cars are small; small ones last two years, large ones three:

    >>> life = array([2.0, 3.0], "yr", type=["small", "large"])
    >>> survival = lifetime.fixed(years(2020, 2022), mean=life)
    >>> half = array([0.5, 0.5], "1", type=["small", "large"])
    >>> fleet = array([8.0, 8.0, 8.0], "t", year=[2020, 2021, 2022])
    >>> from_stock(fleet, survival, shares=half).inflow.sum("type").values.tolist()
    [8.0, 0.0, 4.0]
    """
    if on_decline not in DECLINE:
        raise MfaError(f"on_decline is one of {', '.join(DECLINE)}, not {on_decline!r}")
    case = arrange("stock", stock, survival, initial, shares=shares)
    units = same_units("stock", stock, initial)
    share, types = _shares_of_types(case, stock, shares)
    alive, by_cohort = case.alive, case.by_cohort
    whole = None if case.remaining is None else case.remaining.sum(types, keepdims=True)
    if types:
        alive, by_cohort = retirement.mixed_survival(alive, share, types, by_cohort)
    _require_survivors(survival, alive, labelled=not types)
    left = None if whole is None else whole[..., 1:]
    kept: Array | None = None
    if on_decline == "retire_early":
        inflow, kept = retirement.retire_early(case.series, alive, left, by_cohort)
    else:
        new = case.series if left is None else case.series - left
        inflow = kernels.inflow_from_stock(new, alive, by_cohort)
    if on_decline == "raise":
        inflow = _without_rounding(inflow, case.series)
        _require_no_negative(case, inflow)
    held = case.series
    if types:
        inflow = inflow * share
        held = _held(inflow, case, kept)
    before = None if case.remaining is None else case.remaining[..., 0]
    outflow = kernels.outflow(inflow, held, before)
    whole_stock = held.shape == outflow.shape and not types
    return StockFlow(
        label(case, inflow, "inflow", flow_units(units), survival),
        stock
        if whole_stock
        else label(case, np.broadcast_to(held, outflow.shape), "stock", units, survival),
        label(case, outflow, "outflow", flow_units(units), survival),
    )


def by_cohort(
    inflow: xr.DataArray,
    survival: xr.DataArray,
    initial: xr.DataArray | None = None,
    stock: xr.DataArray | None = None,
) -> CohortStock:
    """Return stock and outflow by year of entry: S[t, c] = survival[t − c] · I[c].

    Parameters
    ----------
    inflow, survival
        As in :func:`from_inflow`.
    initial : DataArray, shape (cohort, ...), optional
        Stock by year of entry at the end of the year before the first; its cohorts come first.
    stock : DataArray, shape (year, ...), optional
        The whole stock, where part of it retired early (:func:`from_stock`): in a year in which
        more would be left, everything that was there before loses the same share.

    Returns
    -------
    CohortStock, two DataArrays of shape (year, cohort, ...)
        They sum over ``cohort`` to the stock and the outflow of the other functions.

    Raises
    ------
    MfaError
        As in :func:`from_inflow`.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> inflow = array([1.0, 2.0], "t/yr", year=[2020, 2021])
    >>> survival = lifetime.table(years(2020, 2021), survival=[1.0, 0.25])
    >>> by_cohort(inflow, survival).outflow.sel(year=2021).values.tolist()
    [0.75, 0.0]
    """
    years = inflow["year"]
    if stock is not None:
        require_years("stock", stock, "inflow", years.values)
    if initial is not None:
        inflow, survival = _with_past(inflow, survival, initial)
    case = arrange("inflow", inflow, survival, stock=stock)
    units = stock_units(inflow, initial)
    total = None if stock is None else _unlimited_before(stock, case)
    if total is None:
        held, outflow = kernels.tables_by_cohort(case.series, case.alive, case.by_cohort)
    else:
        held = retirement.stock_by_cohort_retired_early(
            case.series, case.alive, total, case.by_cohort
        )
        _require_total(case, held.sum(axis=-1), total)
        outflow = _leaving(case.series, held)
    tables = CohortStock(
        label(case, held, "stock", units, survival, "cohort"),
        label(case, outflow, "outflow", flow_units(units), survival, "cohort"),
    )
    if initial is None:
        return tables
    return CohortStock(*(table.sel(year=years) for table in tables))


def _leaving(inflow: Array, held: Array) -> Array:
    """Return what each cohort loses in each year, by balance."""
    outflow = -held
    outflow[..., 1:, :] += held[..., :-1, :]
    cohorts = np.arange(held.shape[-1])
    outflow[..., cohorts, cohorts] += inflow
    return outflow


def _with_past(
    inflow: xr.DataArray, survival: xr.DataArray, initial: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the inflow with the past one that left the initial stock before it."""
    if "cohort" not in initial.dims:
        raise MfaError("initial: cohorts are wanted, so it needs the dimension 'cohort'")
    arrange("inflow", inflow, survival, initial)
    before = initial["cohort"].values
    own = survival.sel(cohort=before) if "cohort" in survival.dims else survival
    past = backcast_inflow(initial, own)
    return xr.concat(
        [past, inflow], "year", join="exact", coords="minimal", compat="equals"
    ), survival


def _unlimited_before(stock: xr.DataArray, case: Case) -> Array:
    """Return a total for every year, without limit in the years before its first."""
    told = bare(stock, [*case.lead, "year"])
    past = len(case.coords["year"]) - told.shape[-1]
    return np.concatenate([np.full((*told.shape[:-1], past), np.inf), told], axis=-1)


def _require_total(case: Case, found: Array, total: Array) -> None:
    told = np.isfinite(total)
    largest = np.abs(total).max(where=told, initial=0.0)
    wrong = told & (np.abs(found - np.where(told, total, 0.0)) > 1e-9 * largest)
    if wrong.any():
        cell, where = first_cell(case, wrong)
        raise MfaError(
            f"stock: the cohorts of this inflow sum to {found[cell]:.6g} in {where}, which is not "
            "the stock that was given; give the one that belongs to the inflow, or none"
        )


def _without_rounding(inflow: Array, stock: Array) -> Array:
    """Set to 0 what is negative by rounding only."""
    size = np.abs(stock).max(axis=-1, keepdims=True)
    return np.where((inflow < 0) & (inflow >= -ROUNDING * size), 0.0, inflow)


def _require_no_negative(case: Case, inflow: Array) -> None:
    wrong = inflow < 0
    if not wrong.any():
        return
    cell, where = first_cell(case, wrong)
    raise MfaError(
        f"the stock falls faster than it retires in {where}: it would need an inflow of "
        f"{inflow[cell]:.6g} ({int(wrong.sum())} such cells in all). Choose on_decline="
        "'retire_early' (inflow 0, all ages retire early in proportion) or 'allow' (keep the "
        "negative inflow), or smooth the stock"
    )


def _held(inflow: Array, case: Case, kept: Array | None) -> Array:
    """Return the stock of each type, given the share that all of them kept."""
    if kept is None:
        stock = kernels.stock_from_inflow(inflow, case.alive, case.by_cohort)
        return stock if case.remaining is None else stock + case.remaining[..., 1:]
    stock = retirement.stock_retired_early(inflow, case.alive, kept, case.by_cohort)
    if case.remaining is None:
        return stock
    return np.asarray(stock + case.remaining[..., 1:] * np.cumprod(kept, axis=-1))


def _shares_of_types(
    case: Case, stock: xr.DataArray, shares: xr.DataArray | None
) -> tuple[Array, tuple[int, ...]]:
    """Return the shares on bare arrays and the axes of the types, checked to sum to 1."""
    if shares is None:
        return np.ones(1), ()
    names = [d for d in case.lead if d in shares.dims and d not in stock.dims]
    if not names:
        raise MfaError(
            f"shares: need a dimension of types that the stock lacks; have {list(shares.dims)}"
        )
    if shares.attrs.get("units", "1") != "1":
        raise MfaError(
            f"shares: are in {shares.attrs['units']!r}; give shares of 1, without a unit"
        )
    own = [*case.lead, "year"]
    share = bare(shares, own)
    types = tuple(own.index(d) for d in names)
    total = share.sum(types, keepdims=True)
    wrong = np.abs(total - 1.0) > 1e-9
    if wrong.any() or (share < 0).any():
        raise MfaError(
            f"shares: must be 0 or more and sum to 1 over {', '.join(names)}; "
            f"in some year they sum to {total.flat[int(np.argmax(np.abs(total - 1.0)))]:.6g}"
        )
    return share, types


def _require_survivors(survival: xr.DataArray, alive: Any, labelled: bool = True) -> None:
    entry = alive.at_entry() if isinstance(alive, CohortSurvival) else alive[..., 0]
    if (entry <= 0).any():
        first = survival.isel(age=0, drop=True)
        where = place(first, first.values <= 0) if labelled else ""
        raise MfaError(
            f"survival: nothing is left at the end of the year of entry{where}, so no inflow can "
            "make a stock; make it with inflow_at='spread', or give the inflow"
        )

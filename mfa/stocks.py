"""Stocks in use from their inflow or from their level, with labels in and out.

Every function takes and returns labelled arrays; the year is a dimension, all
others ride along. Stocks stand at the end of a year, flows are during it, one
step is one year. Labels of shared dimensions must be identical (CONVENTIONS §1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from mfa import kernels
from mfa.dims import order, require_contiguous, require_same_labels
from mfa.errors import MfaError
from mfa.lifetime import bare, labels_of
from mfa.survival import Array, CohortSurvival

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


class _Case(NamedTuple):
    """Inputs on bare arrays: the year, the age or both axes of the cohort last."""

    lead: list[str]
    coords: dict[str, Any]
    series: Array
    alive: Any
    by_cohort: bool
    remaining: Array | None
    given: xr.DataArray | None = None


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
    case = _arrange("inflow", inflow, survival, initial)
    units = _stock_units(inflow, initial)
    stock = kernels.stock_from_inflow(case.series, case.alive, case.by_cohort)
    before = None
    if case.remaining is not None:
        stock, before = stock + case.remaining[..., 1:], case.remaining[..., 0]
    outflow = kernels.outflow(case.series, stock, before)
    return StockFlow(
        inflow,
        _label(case, stock, "stock", units, survival),
        _label(case, outflow, "outflow", _flow_units(units), survival),
    )


def from_stock(
    stock: xr.DataArray,
    survival: xr.DataArray,
    initial: xr.DataArray | None = None,
    on_decline: str = "raise",
) -> StockFlow:
    """Return the inflow and outflow that yield a given stock: the inverse of :func:`from_inflow`.

    I[t] = (S[t] − Σ_{c<t} survival[t − c] · I[c]) / survival[0].

    Parameters
    ----------
    stock : DataArray, shape (year, ...)
        Mass in use at the end of each year, e.g. [t].
    survival, initial
        As in :func:`from_inflow`.
    on_decline : {"raise", "allow", "retire_early"}
        Where the stock falls faster than it retires (CONVENTIONS §8): an error; a negative
        inflow; or inflow 0, and everything in use, whatever its age, loses the same share now
        and in all later years.

    Returns
    -------
    StockFlow

    Raises
    ------
    MfaError
        As in :func:`from_inflow`; if nothing survives the year of entry; if the stock falls too
        fast and nothing else was chosen: the message names the first year and cell.

    Examples
    --------
    >>> from mfa import lifetime
    >>> from mfa.dims import array, years
    >>> stock = array([4.0, 2.0, 3.0], "t", year=[2020, 2021, 2022])
    >>> survival = lifetime.table(years(2020, 2022), survival=[1.0, 1.0, 1.0])
    >>> from_stock(stock, survival, on_decline="retire_early").inflow.values.tolist()
    [4.0, 0.0, 1.0]
    """
    if on_decline not in DECLINE:
        raise MfaError(f"on_decline is one of {', '.join(DECLINE)}, not {on_decline!r}")
    case = _arrange("stock", stock, survival, initial)
    units = _same_units("stock", stock, initial)
    _require_survivors(survival, case.alive)
    total, before = case.series, None
    if case.remaining is not None:
        before = case.remaining[..., 0]
    if on_decline == "retire_early":
        left = None if case.remaining is None else case.remaining[..., 1:]
        inflow = kernels.retire_early(total, case.alive, left, case.by_cohort)
    else:
        new = total if case.remaining is None else total - case.remaining[..., 1:]
        inflow = kernels.inflow_from_stock(new, case.alive, case.by_cohort)
    if on_decline == "raise":
        inflow = _without_rounding(inflow, total)
        _require_no_negative(case, inflow)
    outflow = kernels.outflow(inflow, total, before)
    return StockFlow(
        _label(case, inflow, "inflow", _flow_units(units), survival),
        stock,
        _label(case, outflow, "outflow", _flow_units(units), survival),
    )


def by_cohort(inflow: xr.DataArray, survival: xr.DataArray) -> CohortStock:
    """Return stock and outflow by year of entry: S[t, c] = survival[t − c] · I[c].

    Parameters
    ----------
    inflow, survival
        As in :func:`from_inflow`.

    Returns
    -------
    CohortStock, two DataArrays of shape (year, cohort, ...)
        They sum over ``cohort`` to the stock and the outflow of :func:`from_inflow`.

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
    case = _arrange("inflow", inflow, survival, None)
    units = _stock_units(inflow, None)
    stock, outflow = kernels.tables_by_cohort(case.series, case.alive, case.by_cohort)
    return CohortStock(
        _label(case, stock, "stock", units, survival, "cohort"),
        _label(case, outflow, "outflow", _flow_units(units), survival, "cohort"),
    )


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
    case = _arrange("initial", initial.rename(cohort="year"), survival, None)
    alive = _survival_now(case.alive, case.by_cohort, case.series.shape[-1])
    inflow = _revived(case.series, alive, case)
    return _label(case, inflow, "inflow", _flow_units(_same_units("initial", initial)), survival)


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
    if not growth > -1:
        raise MfaError(f"growth must be above -1, not {growth}")
    past = (1.0 + growth) ** (cohorts - cohorts[-1]).astype(float)
    case = _arrange("total", past * total, survival, None)
    age = _survival_now(case.alive, case.by_cohort, cohorts.size)
    weight = bare(past, [*case.lead, "year"]) * age
    whole = weight.sum(axis=-1, keepdims=True)
    if (whole <= 0).any():
        raise MfaError("nothing of these cohorts can be left; give earlier or later years of entry")
    shared = bare(total, [*case.lead, "year"]) * weight / whole
    units = _same_units("total", total)
    return _label(case, shared, "initial", units, survival).rename(year="cohort")


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
    case = _arrange("total", total * xr.ones_like(years, dtype=float), survival, None)
    if case.by_cohort:
        raise MfaError("an initial total has one survival by age, not one by cohort")
    left = case.series[..., :1] * np.concatenate(
        [np.ones_like(case.alive[..., :1]), case.alive], -1
    )
    case.coords["year"] = np.arange(int(years[0]) - 1, int(years[-1]) + 1)
    case = case._replace(given=None)
    return _label(case, left, "initial", _same_units("total", total), survival)


def _arrange(
    name: str, series: xr.DataArray, survival: xr.DataArray, initial: xr.DataArray | None
) -> _Case:
    """Check labels and numbers, and turn to bare arrays with common leading axes."""
    given = {name: series, "survival": survival}
    if "year" not in series.dims:
        raise MfaError(f"{name}: needs the dimension 'year'; has {list(series.dims)}")
    if "year" not in series.coords:
        raise MfaError(f"{name}: dimension 'year' has no labels; give it calendar years")
    if initial is not None:
        given["initial"] = initial
    apart = ("year", "cohort", "age")
    coords: dict[str, Any] = {}
    for key, data in given.items():
        _require_numbers(key, data)
        for dim in (str(dim) for dim in data.dims if dim not in apart):
            labels = labels_of(data, dim) if dim in data.coords else None
            if labels is None or not np.array_equal(coords.setdefault(dim, labels), labels):
                first = {key: [d for d in apart if d in data.dims] for key, data in given.items()}
                require_same_labels(
                    **{key: data.isel(dict.fromkeys(first[key], 0)) for key, data in given.items()}
                )
    years = labels_of(series, "year")
    require_contiguous(years)
    past = _past_cohorts(initial, int(years[0]))
    alive_by_cohort = _require_ages(survival, [*past, *(int(year) for year in years)])
    lead = list(order(coords))
    alive = _bare_survival(
        survival, [*lead, "cohort", "age"] if alive_by_cohort else [*lead, "age"]
    )
    remaining = None
    if initial is not None and past:
        alive = np.asarray(alive)
        remaining = _left_of_cohorts(initial, alive, alive_by_cohort, lead, len(years))
    elif initial is not None:
        remaining = _told_run_off(initial, years, lead)
    if not (isinstance(alive, CohortSurvival) and alive.count == len(years)):
        alive = np.asarray(alive)[..., : len(years)]
        alive = alive[..., len(past) :, :] if alive_by_cohort else alive
    coords["year"] = years
    bare_series = bare(series, [*lead, "year"])
    return _Case(lead, coords, bare_series, alive, alive_by_cohort, remaining, series)


def _bare_survival(survival: xr.DataArray, names: list[str]) -> Any:
    """Return the values with the axes in this order, still uncomputed if they are by cohort."""
    data = survival.data
    if not isinstance(data, CohortSurvival):
        return bare(survival, names)
    turned = data.transpose([survival.dims.index(n) for n in names if n in survival.dims])
    return turned.with_axes(tuple(survival.sizes.get(name, 1) for name in names[:-2]))


def _past_cohorts(initial: xr.DataArray | None, first: int) -> list[int]:
    if initial is None or "cohort" not in initial.dims:
        return []
    require_contiguous(initial["cohort"].values, "cohort")
    cohorts = [int(cohort) for cohort in initial["cohort"].values]
    if not cohorts or cohorts[-1] != first - 1:
        raise MfaError(f"initial: its cohorts must end in {first - 1}, the year before the first")
    return cohorts


def _require_ages(survival: xr.DataArray, cohorts: Sequence[int]) -> bool:
    """Raise unless the survival has the ages and cohorts; say whether it is by cohort."""
    if "age" not in survival.dims or "year" in survival.dims:
        raise MfaError(f"survival: needs 'age' and no 'year'; has {list(survival.dims)}")
    if not np.array_equal(labels_of(survival, "age"), np.arange(survival.sizes["age"])):
        raise MfaError("survival: the labels of 'age' must be 0, 1, 2, …")
    if survival.sizes["age"] < len(cohorts):
        span = f"{cohorts[0]} to {cohorts[-1]}"
        raise MfaError(
            f"survival: has {survival.sizes['age']} ages, but {len(cohorts)} years of entry "
            f"({span}); make it with lifetime.…(years({cohorts[0]}, {cohorts[-1]}), …)"
        )
    if "cohort" not in survival.dims:
        return False
    if not np.array_equal(labels_of(survival, "cohort"), cohorts):
        raise MfaError(f"survival: its cohorts must be {cohorts[0]} to {cohorts[-1]}, one each")
    return True


def _left_of_cohorts(
    initial: xr.DataArray, alive: Array, by_cohort: bool, lead: list[str], count: int
) -> Array:
    """Return what is left of each initial cohort, summed: the year before the first, and on."""
    stock = bare(initial, [*lead, "cohort"])
    past = stock.shape[-1]
    case = _Case(lead, {"year": initial["cohort"].values}, stock, alive, by_cohort, None)
    inflow = _revived(stock, _survival_now(alive, by_cohort, past), case)
    left: Any = 0.0
    for cohort in range(past):
        ages = slice(past - 1 - cohort, past + count - cohort)
        share = alive[..., cohort, ages] if by_cohort else alive[..., ages]
        left = left + inflow[..., cohort : cohort + 1] * share
    return np.asarray(left)


def _told_run_off(initial: xr.DataArray, years: Any, lead: list[str]) -> Array:
    expected = np.arange(int(years[0]) - 1, int(years[-1]) + 1)
    if "year" not in initial.dims or not np.array_equal(initial["year"].values, expected):
        raise MfaError(
            f"initial: needs 'cohort' (years of entry up to {expected[0]}), or 'year' from "
            f"{expected[0]} to {expected[-1]} (what is left); see initial_from_growth and run_off"
        )
    left = bare(initial, [*lead, "year"])
    if (np.diff(left, axis=-1) > 0).any() or (left < 0).any():
        raise MfaError("initial: what is left of an initial stock is 0 or more and never rises")
    return left


def _survival_now(alive: Array, by_cohort: bool, count: int) -> Array:
    """Return the survival of each cohort at the end of the last cohort's year."""
    ages = np.arange(count - 1, -1, -1)
    found: Array = alive[..., np.arange(count), ages] if by_cohort else alive[..., ages]
    return found


def _revived(stock: Array, alive: Array, case: _Case) -> Array:
    """Return stock / alive, 0 where both are 0."""
    stock, alive = np.broadcast_arrays(stock, alive)
    wrong = (alive <= 0) & (stock != 0)
    if wrong.any():
        cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise MfaError(
            f"initial: {stock[cell]} is left of cohort {case.coords['year'][cell[-1]]}, of which "
            "nothing can be left by the survival; lengthen the lifetime or correct the stock"
        )
    return np.divide(stock, alive, out=np.zeros(stock.shape), where=alive > 0)


def _without_rounding(inflow: Array, stock: Array) -> Array:
    """Set to 0 what is negative by rounding only."""
    size = np.abs(stock).max(axis=-1, keepdims=True)
    return np.where((inflow < 0) & (inflow >= -ROUNDING * size), 0.0, inflow)


def _require_no_negative(case: _Case, inflow: Array) -> None:
    wrong = inflow < 0
    if not wrong.any():
        return
    index = int(np.argmax(wrong.any(axis=tuple(range(wrong.ndim - 1)))))
    cell = np.unravel_index(int(np.argmax(wrong[..., index])), wrong.shape[:-1])
    labels = [f"{name} {case.coords[name][i]}" for name, i in zip(case.lead, cell, strict=True)]
    place = ", ".join([f"year {case.coords['year'][index]}", *labels])
    raise MfaError(
        f"the stock falls faster than it retires in {place}: it would need an inflow of "
        f"{inflow[(*cell, index)]:.6g} ({int(wrong.sum())} such cells in all). Choose on_decline="
        "'retire_early' (inflow 0, all ages retire early in proportion) or 'allow' (keep the "
        "negative inflow), or smooth the stock"
    )


def _require_survivors(survival: xr.DataArray, alive: Any) -> None:
    entry = alive.at_entry() if isinstance(alive, CohortSurvival) else alive[..., 0]
    if (entry <= 0).any():
        labelled = survival.isel(age=0, drop=True)
        where = _place(labelled, labelled.values <= 0)
        raise MfaError(
            f"survival: nothing is left at the end of the year of entry{where}, so no inflow can "
            "make a stock; make it with inflow_at='spread', or give the inflow"
        )


def _require_numbers(name: str, data: xr.DataArray) -> None:
    if isinstance(data.data, CohortSurvival):
        return  # from parameters that have been checked
    wrong = ~np.isfinite(data.values)
    if wrong.any():
        raise MfaError(f"{name}: a value is not a finite number{_place(data, wrong)}")


def _place(data: xr.DataArray, wrong: Any) -> str:
    """Say with labels where the first true cell stands."""
    cell = np.unravel_index(int(np.argmax(wrong)), data.shape)
    labels = [
        f"{dim} {data[dim].values[i]}" if dim in data.coords else f"{dim} number {i}"
        for dim, i in zip(data.dims, cell, strict=True)
    ]
    return f" ({', '.join(labels)})" if labels else ""


def _same_units(name: str, data: xr.DataArray, initial: xr.DataArray | None = None) -> str | None:
    """Return the units of a stock, which are not per year."""
    units = data.attrs.get("units")
    if units is not None and str(units).endswith("/yr"):
        raise MfaError(f"{name}: is in {units!r}, a flow; a stock is not per year")
    if initial is not None and units is not None and initial.attrs.get("units", units) != units:
        raise MfaError(f"initial: is in {initial.attrs['units']!r}, not in {units!r} as the stock")
    return units


def _stock_units(inflow: xr.DataArray, initial: xr.DataArray | None) -> str | None:
    """Return the units of the stock that an inflow makes."""
    units = inflow.attrs.get("units")
    if units is None:
        return None
    name = str(units)
    if name != "1" and not name.endswith("/yr"):
        raise MfaError(f"inflow: is in {name!r}, but a flow is per year, as {name + '/yr'!r}")
    stock = "1" if name in ("1", "1/yr") else name.removesuffix("/yr")
    if initial is not None and initial.attrs.get("units", stock) != stock:
        raise MfaError(f"initial: is in {initial.attrs['units']!r}, the stock in {stock!r}")
    return stock


def _flow_units(units: str | None) -> str | None:
    return None if units is None else f"{units}/yr"


def _label(
    case: _Case, values: Array, name: str, units: str | None, survival: xr.DataArray, *more: str
) -> xr.DataArray:
    """Put the labels back, in the order of every saved array."""
    dims = [*case.lead, "year", *more]
    names = order(dims)
    turned = values.transpose([dims.index(dim) for dim in names])
    attrs = {"units": units, "inflow_at": survival.attrs.get("inflow_at")}
    known = {key: value for key, value in attrs.items() if value is not None}
    like = case.given
    if like is not None and like.dims == names and set(like.coords) == set(names):
        result = like.copy(deep=False, data=turned)  # its labels need no index again
        result.name, result.attrs, result.encoding = name, known, {}
        return result
    coords = {dim: case.coords["year" if dim == "cohort" else dim] for dim in names}
    return xr.DataArray(turned, dims=names, coords=coords, name=name, attrs=known)

"""Labels off and on again for :mod:`mfa.stocks`: checks, alignment, units.

Inside, the year, the age or both axes of the cohort come last and all other
dimensions lead, in one order; every check that needs a label is made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.cohort_survival import CohortSurvival
from mfa.dims import labelled, order, require_contiguous, require_same_labels
from mfa.errors import MfaError
from mfa.lifetime import bare, labels_of
from mfa.survival import Array


class Case(NamedTuple):
    """Inputs on bare arrays: the year, the age or both axes of the cohort last."""

    lead: list[str]
    coords: dict[str, Any]
    series: Array
    alive: Any
    by_cohort: bool
    remaining: Array | None
    given: xr.DataArray | None = None


def arrange(
    name: str,
    series: xr.DataArray,
    survival: xr.DataArray,
    initial: xr.DataArray | None = None,
    **others: xr.DataArray | None,
) -> Case:
    """Check labels and numbers, and turn to bare arrays with common leading axes.

    The dimensions of the others lead too; the caller turns them with the case's ``lead``.
    """
    given = {name: series, "survival": survival}
    given |= {key: data for key, data in others.items() if data is not None}
    if "year" not in series.dims:
        raise MfaError(f"{name}: needs the dimension 'year'; has {list(series.dims)}")
    if strange := [d for d in ("cohort", "age") if d in series.dims]:
        raise MfaError(f"{name}: has the dimension {strange[0]!r}; sum it first, or rename it")
    if "year" not in series.coords:
        raise MfaError(f"{name}: dimension 'year' has no labels; give it calendar years")
    if initial is not None:
        given["initial"] = initial
    apart = ("year", "cohort", "age")
    coords: dict[str, Any] = {}
    for key, data in given.items():
        _require_numbers(key, data)
        for dim in (str(dim) for dim in data.dims if dim not in apart):
            index = data.get_index(dim) if dim in data.coords else None
            if index is None or not coords.setdefault(dim, index).equals(index):
                first = {key: [d for d in apart if d in data.dims] for key, data in given.items()}
                require_same_labels(
                    **{key: data.isel(dict.fromkeys(first[key], 0)) for key, data in given.items()}
                )
    years = labels_of(series, "year")
    require_contiguous(years)
    shares = given.get("shares")
    if shares is not None and "year" in shares.dims:
        require_years("shares", shares, name, years)
    past = _past_cohorts(initial, int(years[0]))
    _require_same_places(name, series, initial, shares)
    if initial is not None and float(initial.min()) < 0:
        raise MfaError("initial: a value is negative; a stock is 0 or more")
    alive_by_cohort = _require_ages(survival, [*past, *years.tolist()])
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
    return Case(lead, coords, bare_series, alive, alive_by_cohort, remaining, series)


def require_years(key: str, data: xr.DataArray, name: str, years: Any) -> None:
    """Raise unless the years of two arrays are the same, in the same order (CONVENTIONS §1)."""
    if not np.array_equal(labels_of(data, "year"), years):
        raise MfaError(
            f"{key}: its years must be those of the {name}, {years[0]} to {years[-1]}, in this order"
        )


def _require_same_places(
    name: str, series: xr.DataArray, initial: xr.DataArray | None, shares: xr.DataArray | None
) -> None:
    """Raise if an initial stock would be repeated, or repeat the series, along a dimension.

    Samples and scenarios are cases beside each other, not parts of a whole.
    """
    if initial is None:
        return
    apart = {"year", "cohort", "age", "sample", "scenario"}
    own, other = ({str(d) for d in data.dims} - apart for data in (initial, series))
    if shares is not None:
        other |= {str(d) for d in shares.dims} - apart
    if own != other:
        raise MfaError(
            f"initial: has the dimensions ({', '.join(sorted(own))}), the {name} ({', '.join(sorted(other))}): "
            "mass would be repeated along the others; sum one of them, or share it out"
        )


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
    _require_survival(survival)
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
    case = Case(lead, {"year": initial["cohort"].values}, stock, alive, by_cohort, None)
    inflow = revived(stock, survival_now(alive, by_cohort, past), case)
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


def survival_now(alive: Array, by_cohort: bool, count: int) -> Array:
    """Return the survival of each cohort at the end of the last cohort's year."""
    ages = np.arange(count - 1, -1, -1)
    found: Array = alive[..., np.arange(count), ages] if by_cohort else alive[..., ages]
    return found


def revived(stock: Array, alive: Array, case: Case) -> Array:
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


def _require_survival(survival: xr.DataArray) -> None:
    """Raise unless it is a share: without another unit, at most 1 in the year of entry."""
    units = survival.attrs.get("units", "1")
    if units != "1":
        raise MfaError(f"survival: is in {units!r}; it is a share, without a unit")
    if not isinstance(survival.data, CohortSurvival):
        entry = survival.values[(slice(None),) * survival.dims.index("age") + (0,)]
        if entry.size and float(entry.max()) > 1 + 1e-9:
            raise MfaError(
                f"survival: {float(entry.max()):g} of a cohort in its first year; at most 1"
            )


def _require_numbers(name: str, data: xr.DataArray) -> None:
    if isinstance(data.data, CohortSurvival):
        return  # from parameters that have been checked
    values = data.values
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return  # of finite numbers, as is one that is too large: each is looked at then
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise MfaError(f"{name}: a value is not a finite number{place(data, wrong)}")


def first_cell(case: Case, wrong: NDArray[np.bool_]) -> tuple[tuple[int, ...], str]:
    """Return the first true cell of (…, year), the earliest year first, and its labels in words."""
    index = int(np.argmax(wrong.any(axis=tuple(range(wrong.ndim - 1)))))
    first = np.unravel_index(int(np.argmax(wrong[..., index])), wrong.shape[:-1])
    cell = (*(int(i) for i in first), index)
    labels = [
        f"{name} {case.coords[name][i]}"
        for name, i, size in zip(case.lead, cell, wrong.shape, strict=False)
        if size == len(case.coords[name])
    ]
    return cell, ", ".join([f"year {case.coords['year'][index]}", *labels])


def place(data: xr.DataArray, wrong: Any) -> str:
    """Say with labels where the first true cell stands."""
    cell = np.unravel_index(int(np.argmax(wrong)), data.shape)
    labels = [
        f"{dim} {data[dim].values[i]}" if dim in data.coords else f"{dim} number {i}"
        for dim, i in zip(data.dims, cell, strict=True)
    ]
    return f" ({', '.join(labels)})" if labels else ""


def same_units(name: str, data: xr.DataArray, initial: xr.DataArray | None = None) -> str | None:
    """Return the units of a stock, which are not per year."""
    units = data.attrs.get("units")
    if units is not None and str(units).endswith("/yr"):
        raise MfaError(f"{name}: is in {units!r}, a flow; a stock is not per year")
    if initial is not None and units is not None and initial.attrs.get("units", units) != units:
        raise MfaError(f"initial: is in {initial.attrs['units']!r}, not in {units!r} as the stock")
    return units


def stock_units(inflow: xr.DataArray, initial: xr.DataArray | None) -> str | None:
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


def flow_units(units: str | None) -> str | None:
    return None if units is None else f"{units}/yr"


def label(
    case: Case, values: Array, name: str, units: str | None, survival: xr.DataArray, *more: str
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
    labels = {dim: case.coords["year" if dim == "cohort" else dim] for dim in names}
    return labelled(turned, names, labels, known).rename(name)

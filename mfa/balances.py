"""Mass balance of every process, year, place and material, on every run.

The residual of a process is Σ inflows − Σ outflows − Δstock, relative to the
larger of its throughput and 1e-12 of the largest flow
(CONVENTIONS §9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import BalanceError, MfaError, shortly

Array = NDArray[np.float64]

TOLERANCE = 1e-9
"""Largest relative residual that a run may have."""

FLOOR = 1e-12
"""Share of the largest flow below which nothing counts as throughput."""

ROUNDING = 1e-12
"""Share of a stock below which its change cannot be told from rounding (as in :mod:`mfa.kernels`)."""


@dataclass(frozen=True)
class End:
    """A flow or stock as a process reads it: its dims and the labels it is placed at.

    A dim that is "" is summed there (:func:`mfa.system.read_dims`).
    """

    name: str
    dims: tuple[str, ...]
    placed: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Account:
    """What has to balance at one process."""

    process: str
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    stock: End | None


@dataclass(frozen=True)
class Residual:
    """What enters and leaves a process and the stock it keeps, (*dims, year).

    The stock before the first year is 0 unless `opening` says more.
    """

    process: str
    dims: tuple[str, ...]
    into: Array
    out: Array
    stock: Array | None
    opening: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        stock = () if self.stock is None else self.stock.shape
        return np.broadcast_shapes(self.into.shape, self.out.shape, stock)

    def amount(self) -> Array:
        """Return inflows − outflows − stock change [t/yr]."""
        amount = np.empty(self.shape)
        np.subtract(self.into, self.out, out=amount)
        if self.stock is not None:
            years = (*self.stock.shape[:-1], self.shape[-1])
            stock = np.broadcast_to(self.stock, years)  # one number where no process has a stock
            amount -= stock
            amount[..., 1:] += stock[..., :-1]
        if self.opening is not None:
            amount[..., :1] += self.opening[..., None]
        return amount

    def without_first_year(self) -> Residual:
        """Return the years in which the change of the stock is known."""
        assert self.stock is not None
        into, out, stock = (
            np.broadcast_to(a, self.shape) for a in (self.into, self.out, self.stock)
        )
        return Residual(
            self.process, self.dims, into[..., 1:], out[..., 1:], stock[..., 1:], stock[..., 0]
        )


def residuals(
    accounts: Sequence[Account],
    values: Mapping[str, Array],
    sizes: Mapping[str, int],
    axes: Sequence[str],
) -> Iterator[Residual]:
    """Yield the residual of every account on bare arrays, the year last, one after the other."""
    return (_residual(account, values, sizes, axes) for account in accounts)


def _residual(
    account: Account, values: Mapping[str, Array], sizes: Mapping[str, int], axes: Sequence[str]
) -> Residual:
    ends = [*account.inputs, *account.outputs, *([account.stock] if account.stock else [])]
    common = set.intersection(*({*end.dims} | {d for d, _ in end.placed} for end in ends)) - {""}
    dims = tuple(axis for axis in axes if axis in common)
    into, out = (_total(side, values, sizes, dims) for side in (account.inputs, account.outputs))
    stock = _total((account.stock,), values, sizes, dims) if account.stock else None
    return Residual(account.process, dims, into, out, stock)


def _total(
    ends: Sequence[End],
    values: Mapping[str, Array],
    sizes: Mapping[str, int],
    dims: tuple[str, ...],
) -> Any:
    total, own = None, False  # whether the total is an array of its own, to which may be added
    for end in ends:
        array = values[end.name]
        axes = tuple(i for i, d in enumerate(end.dims) if d not in dims)
        summed = array.sum(axis=axes) if axes else array
        left = [d for d in end.dims if d in dims]
        order = sorted(range(len(left)), key=lambda i: dims.index(left[i]))
        if order != [*range(len(left))]:
            summed = summed.transpose(*order, len(left))
        placed = {d: i for d, i in end.placed if d not in end.dims and d in dims}
        if placed:
            if total is None:
                total = np.zeros((*(sizes[d] for d in dims), summed.shape[-1]))
            elif not own:
                total = total.copy()
            total[tuple(placed.get(d, slice(None)) for d in dims)] += summed
            own = True
        elif total is None:
            total = summed
        elif own:
            total += summed
        else:
            total, own = total + summed, True
    return np.zeros(1) if total is None else total


def extremes(arrays: Iterable[Array]) -> tuple[float, float]:
    """Return the smallest and the largest value of some flows, 0 among them."""
    low, high = 0.0, 0.0
    for array in arrays:
        if array.size:
            low, high = min(low, float(array.min())), max(high, float(array.max()))
    return low, high


def worst(
    found: Iterable[Residual], low: float, high: float
) -> tuple[float, Residual | None, tuple[int, ...]]:
    """Return the largest relative residual, and where it is, given the extremes of all flows."""
    floor = FLOOR * max(high, -low) or 1.0
    best: tuple[float, Residual | None, tuple[int, ...]] = (0.0, None, ())
    for each in found:
        if each.into is each.out and each.stock is None:
            continue
        size = each.amount()
        np.abs(size, out=size)
        if each.stock is not None:
            size *= size > ROUNDING * np.abs(each.stock)
        if not size.size or size.max() == 0:
            continue
        sides = (each.into, each.out) if low >= 0 else (np.abs(each.into), np.abs(each.out))
        throughput = np.maximum(*sides)
        np.maximum(throughput, floor, out=throughput)
        np.divide(size, throughput, out=size)
        cell = np.unravel_index(int(size.argmax()), size.shape)
        top = float(size[cell])
        if top > best[0] or np.isnan(top):
            best = top, each, tuple(int(i) for i in cell)
            if np.isnan(top):
                break
    return best


def check(
    found: Iterable[Residual],
    extent: tuple[float, float],
    labels: Mapping[str, Sequence[str]],
    years: Sequence[int],
    tolerance: float = TOLERANCE,
) -> float:
    """Return the worst relative residual, given the extremes of all flows.

    Raises
    ------
    BalanceError
        Naming process, year, cell and amount.
    """
    top, where, cell = worst(found, *extent)
    if where is not None and not top <= tolerance:
        place = [f"{d}={labels[d][i]}" for d, i in zip(where.dims, cell, strict=False)]
        place.append(f"year={years[cell[-1]]}")
        raise BalanceError(
            f"process {where.process!r} does not balance at {', '.join(place)}: inputs − outputs − stock change "
            f"= {where.amount()[cell]:.6g} t/yr, {top:.3g} of its throughput (tolerance {tolerance:g})"
        )
    return top


def balance(result: xr.Dataset) -> xr.Dataset:
    """Return the mass balance of every process of a result.

    Parameters
    ----------
    result : Dataset
        As returned by :func:`mfa.simulate` or :func:`mfa.run`, or read from a
        file.  Years may be cut off at both ends, materials may be selected;
        every place has to be there, since trade goes between places.

    Returns
    -------
    Dataset
        One variable for each process, dims ``(year, …)``: inflows − outflows −
        stock change [t/yr]; ``attrs["balance_residual"]`` is the worst, relative
        to throughput.  The change of a stock during the first year is known
        only where that is the first year of the run (``attrs["first_year"]`` of
        the result): elsewhere it is NaN and counts for nothing.

    Raises
    ------
    MfaError
        If the Dataset holds no flows or not all that its run computed
        (``attrs["flows"]`` and ``attrs["stocks"]``; without these attributes a
        flow that was taken out shows as an imbalance), or if years are missing
        between its first and its last.

    Examples
    --------
    >>> import numpy as np
    >>> years = [2020, 2021]
    >>> attrs = {"kind": "flow", "source": "mine", "target": "pile", "units": "t/yr"}
    >>> stock = {"kind": "stock", "process": "pile", "units": "t"}
    >>> result = xr.Dataset(
    ...     {"mine_to_pile": ("year", [1.0, 2.0], attrs), "pile_stock": ("year", [1.0, 3.0], stock)},
    ...     coords={"year": years},
    ...     attrs={"first_year": 2020},
    ... )
    >>> balance(result).pile.values.tolist()
    [0.0, 0.0]
    >>> balance(result.sel(year=[2021])).pile.values.tolist()
    [nan]
    """
    if not isinstance(result, xr.Dataset):
        raise MfaError(f"balance wants the Dataset of a run, this is {shortly(result)}")
    flows = {n: v for n, v in result.data_vars.items() if v.attrs.get("kind") == "flow"}
    if not flows:
        raise MfaError("the Dataset holds no variable of kind 'flow'; it is not a result of a run")
    _all_there(result)
    stocks = {
        v.attrs["process"]: n for n, v in result.data_vars.items() if v.attrs.get("kind") == "stock"
    }
    axes = [str(d) for d in result.sizes if d != "year"]
    sizes = {str(d): n for d, n in result.sizes.items()}
    moving = [*flows, *stocks.values()]
    turned = {str(n): result[n].transpose(*axes, "year", missing_dims="ignore") for n in moving}
    values = {name: data.values for name, data in turned.items()}

    def end(name: Any, process: str) -> End:
        data = turned[str(name)]
        here, there = (
            ("target", "source") if data.attrs.get("target") == process else ("source", "target")
        )
        reading = dict(_pairs(data.attrs.get(f"as_{here}", "")))
        dims = tuple(
            ""
            if d in reading.values() and {*reading} & {*data.dims}
            else reading.get(str(d), str(d))
            for d in data.dims[:-1]
        )
        placed = _pairs(data.attrs.get(f"at_{there}", ""))
        index = {
            d: [str(x) for x in result[d].values].index(label)
            for d, label in placed
            if d in result.coords
        }
        return End(str(name), dims, tuple((d, i) for d, i in index.items()))

    accounts = []
    for process in sorted({v.attrs[key] for v in flows.values() for key in ("source", "target")}):
        inputs = tuple(end(n, process) for n, v in flows.items() if v.attrs["target"] == process)
        outputs = tuple(end(n, process) for n, v in flows.items() if v.attrs["source"] == process)
        stock = end(stocks[process], process) if process in stocks else None
        if inputs and (outputs or stock):
            accounts.append(Account(process, inputs, outputs, stock))
    found = list(residuals(accounts, values, sizes, axes))
    extent = extremes(values[str(name)] for name in flows)
    if int(result["year"].values[0]) != result.attrs.get("first_year"):
        found = [r if r.stock is None else r.without_first_year() for r in found]
    variables = {
        r.process: xr.DataArray(
            _padded(r.amount(), sizes["year"]), dims=(*r.dims, "year"), attrs={"units": "t/yr"}
        ).transpose("year", ...)
        for r in found
    }
    coords = {
        d: result.coords[d] for d in ("year", *axes) if any(d in v.dims for v in variables.values())
    }
    return xr.Dataset(
        variables, coords=coords, attrs={"balance_residual": worst(found, *extent)[0]}
    )


def _pairs(text: str) -> list[list[str]]:
    """Return what an attribute such as ``end_use=electric vehicles`` says, pair by pair."""
    return [part.split("=", 1) for part in text.split(", ") if part]


def _all_there(result: xr.Dataset) -> None:
    """Raise unless a result has every flow and stock of its run and contiguous years."""
    for kind in ("flows", "stocks"):
        promised = [name for name in str(result.attrs.get(kind, "")).split(", ") if name]
        if lost := [name for name in promised if name not in result.data_vars]:
            raise MfaError(
                f"of the {kind} of the run, {', '.join(lost[:5])} is missing from the Dataset; "
                "a balance needs all of them"
            )
    if "year" not in result.dims or not result.sizes["year"]:
        raise MfaError("the Dataset has no dimension 'year'; select years with a slice or a list")
    if (np.diff(result["year"].values) != 1).any():
        raise MfaError(
            "years are missing between the first and the last; a balance needs every year"
        )


def _padded(amount: Array, years: int) -> Array:
    """Put NaN before the years that are known."""
    missing = np.full((*amount.shape[:-1], years - amount.shape[-1]), np.nan)
    return np.concatenate([missing, amount], axis=-1) if missing.size else amount

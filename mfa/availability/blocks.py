"""Cumulative availability: blocks of a cost, taken in the order of merit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from mfa.errors import MfaError

Array = NDArray[np.float64]


def available(blocks: Any, price: Any, *, adder: Any = 0.0, excluded: Any = 0.0) -> Any:
    """Return how much can be produced at a price.

    Σ quantity × (1 − excluded) of the blocks with cost + adder ≤ price.

    Parameters
    ----------
    blocks : list of (cost, quantity), or array (block, 2)
        Costs [USD/t] and quantities [t] or [t/yr], 0 or more.
    price : number or array [USD/t]
    adder : number or array (block,) [USD/t]
        What the environment costs, on top; below 0 a credit for by-products.
    excluded : number or array (block,), in [0, 1]
        Share that may not be mined.

    Returns
    -------
    number or array, as the price

    Raises
    ------
    MfaError
        If a cost, quantity or share cannot be one.

    References
    ----------
    Tilton, Lagos (2007), Resources Policy 32, 19–23, doi:10.1016/j.resourpol.2007.04.001
    (the cumulative availability curve)

    Examples
    --------
    >>> available([(1, 10), (2, 20), (4, 30)], 2.5)
    30.0
    """
    cost, quantity = _blocks(blocks, adder, excluded)
    asked = np.asarray(price, dtype=float)
    if np.isnan(asked).any():
        raise MfaError("the price is NaN")
    found = ((cost <= asked[..., None]) * quantity).sum(axis=-1)
    return found.item() if not found.ndim else _like(price, found)


def clear(blocks: Any, demand: Any, *, adder: Any = 0.0, excluded: Any = 0.0) -> xr.Dataset:
    """Meet demand from the cheapest blocks and say what the last one costs.

    Parameters
    ----------
    blocks : list of (cost, quantity), or array (block, 2)
        Costs [USD/t] and quantities [t] or [t/yr], 0 or more.
    demand : number or array (…) [as the quantities]
    adder, excluded
        As in :func:`available`.

    Returns
    -------
    Dataset, dims as the demand
        ``quantity``: what is delivered, at most the demand and what there is;
        ``unmet``; ``marginal_cost`` of the last block used [USD/t], NaN where
        demand exceeds all blocks; ``total_cost`` of what is delivered [USD];
        ``used`` (…, block), in the order given.

    Raises
    ------
    MfaError
        If a cost, quantity, share or demand cannot be one.

    References
    ----------
    Tilton, Lagos (2007), Resources Policy 32, 19–23, doi:10.1016/j.resourpol.2007.04.001

    Examples
    --------
    >>> found = clear([(1, 10), (2, 20), (4, 30)], [45, 70])
    >>> found.marginal_cost.values.tolist(), found.total_cost.values.tolist()
    ([4.0, nan], [110.0, 170.0])
    """
    cost, quantity = _blocks(blocks, adder, excluded)
    asked = demand if isinstance(demand, xr.DataArray) else _demand(demand)
    values = np.asarray(asked.values, dtype=float)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise MfaError("a demand is NaN, infinite or below 0")
    merit = np.argsort(cost, kind="stable")
    stacked = np.concatenate([[0.0], np.cumsum(quantity[merit])])
    taken = np.clip(values[..., None] - stacked[:-1], 0.0, quantity[merit])
    used = np.empty_like(taken)
    used[..., merit] = taken
    whole = stacked[-1]
    last = np.minimum(np.searchsorted(stacked[1:], values, side="left"), len(cost) - 1)
    met = values <= whole * (1 + 1e-12)
    marginal = np.where(met, cost[merit][last], np.nan)
    dims = asked.dims
    delivered = np.minimum(values, whole)
    return xr.Dataset(
        {
            "quantity": (dims, delivered),
            "unmet": (dims, values - delivered),
            "marginal_cost": (dims, marginal, {"units": "USD/t"}),
            "total_cost": (dims, used @ cost),
            "used": ((*dims, "block"), used),
        },
        coords={d: asked[d] for d in dims if d in asked.coords},
    )


def _demand(demand: Any) -> xr.DataArray:
    values = np.asarray(demand, dtype=float)
    if values.ndim > 1:
        raise MfaError("demand is a number, a list, or a labelled array")
    return xr.DataArray(values, dims=("demand",)[: values.ndim])


def _like(price: Any, found: Array) -> Any:
    return price.copy(data=found) if isinstance(price, xr.DataArray) else found


def _blocks(blocks: Any, adder: Any, excluded: Any) -> tuple[Array, Array]:
    """Return costs with adder, and quantities without what is excluded, (block,)."""
    if isinstance(blocks, Iterable) and not isinstance(blocks, np.ndarray | xr.DataArray | str):
        blocks = list(blocks)
    try:
        table = np.asarray(getattr(blocks, "values", blocks), dtype=float)
    except (TypeError, ValueError):
        table = np.zeros(0)
    if table.ndim != 2 or table.shape[1] != 2 or not len(table):
        raise MfaError("blocks are a list of (cost, quantity), one or more of them")
    cost, quantity = table.T
    if not np.isfinite(table).all() or (quantity < 0).any():
        raise MfaError(
            "a block has a cost or a quantity that is NaN, infinite, or a quantity below 0"
        )
    extra = np.broadcast_to(np.asarray(getattr(adder, "values", adder), dtype=float), cost.shape)
    share = np.asarray(getattr(excluded, "values", excluded), dtype=float)
    if not np.isfinite(extra).all():
        raise MfaError("an adder is NaN or infinite")
    if not ((share >= 0) & (share <= 1)).all():
        raise MfaError(f"the excluded share is {share!r}; it lies between 0 and 1")
    return cost + extra, quantity * (1 - share)
